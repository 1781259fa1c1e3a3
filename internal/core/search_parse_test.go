package core

import (
	"fmt"
	"strings"
	"testing"

	"parley/internal/chat"
)

// written shows a parsed question: words, "phrases", prefixes with a star, a minus for what must not occur, then filters.
func written(q chat.SearchQuery, named names) string {
	var parts []string
	for _, term := range q.Terms {
		s := strings.Join(term.Words, " ")
		if len(term.Words) > 1 {
			s = `"` + s + `"`
		}
		if term.Prefix {
			s += "*"
		}
		if term.Not {
			s = "-" + s
		}
		parts = append(parts, s)
	}
	if named.from != "" {
		parts = append(parts, "from="+named.from)
	}
	if named.room != "" {
		parts = append(parts, "in="+named.room)
	}
	if q.HasLinks {
		parts = append(parts, "links")
	}
	if q.HasAttachments {
		parts = append(parts, "attachments")
	}
	for i, at := range []string{q.After.Format("06-01-02T15"), q.Before.Format("06-01-02T15")} {
		if at != "01-01-01T00" {
			parts = append(parts, []string{"after=", "before="}[i]+at)
		}
	}
	return strings.Join(parts, " ")
}

func TestParseSearch(t *testing.T) {
	for _, tc := range []struct{ name, text, want, code string }{
		{"words are folded", "Hello WÖRLD", "hello world", ""},
		{"a phrase stays together", `"Green Tea" cup`, `"green tea" cup`, ""},
		{"a phrase that is not closed reaches to the end", `cup "green tea`, `cup "green tea"`, ""},
		{"a prefix", "gard*", "gard*", ""},
		{"a phrase with a prefix", `"green te"*`, `"green te"*`, ""},
		{"what must not be there", "tea -coffee", "tea -coffee", ""},
		{"a phrase that must not be there", `tea -"iced tea"`, `tea -"iced tea"`, ""},
		{"a hyphen within is a phrase", "crème-brûlée", `"creme brulee"`, ""},
		{"Chinese is a phrase of its characters", "绿茶", `"绿 茶"`, ""},
		{"a name of a person", "from:Ada tea", "tea from=Ada", ""},
		{"filters in any case", "FROM:me HAS:Links", "from=me links", ""},
		{"a filter with quotes", `from:"ada l" x`, "x from=ada l", ""},
		{"a room", "in:#general tea", "tea in=#general", ""},
		{"files", "has:attachment", "attachments", ""},
		{"files in other words", "has:files", "attachments", ""},
		{"unknown things to have are words", "has:soul", `"has soul"`, ""},
		{"dates", "after:2026-01-02 before:2026-02-03T04:05:06Z", "after=26-01-02T00 before=26-02-03T04", ""},
		{"the narrower date counts", "after:2026-01-02 after:2026-01-01", "after=26-01-02T00", ""},
		{"a time before all times", "before:0001-01-01", "before=70-01-01T00", ""},
		{"a filter without a value is a word", "from: has:", "from has", ""},
		{"other colons are words", "re:tea https://x", `"re tea" "https x"`, ""},
		{"punctuation is skipped", "tea ... !!", "tea", ""},
		{"an emoji is a word", "🎉", "🎉", ""},
		{"quotes of the index mean nothing", `a"b"c* OR NOT`, `a b c* or not`, ""},
		{"nothing", "  ", "", "query_empty"},
		{"punctuation alone", "!? * \"\" -", "", "query_empty"},
		{"only what must not be there", "-tea", "", "query_empty"},
		{"a bad date", "after:yesterday", "", "date_invalid"},
		{"five hundred characters are fine", strings.Repeat("ä", 500), strings.Repeat("a", 500), ""},
		{"one more is too long", strings.Repeat("ä", 501), "", "query_too_long"},
		{"too many words", strings.Repeat("a ", 65), "", "query_too_long"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			q, named, err := parseSearch(Searching{Text: tc.text})
			if chat.CodeOf(err) != tc.code || err == nil && written(q, named) != tc.want {
				t.Errorf("got %q, %v; want %q, %q", written(q, named), err, tc.want, tc.code)
			}
		})
	}
	for _, s := range []Searching{{Text: "x", After: "soon"}, {Text: "x", Before: "2026-13-01"}} {
		if _, _, err := parseSearch(s); chat.CodeOf(err) != "date_invalid" {
			t.Errorf("%+v: %v", s, err)
		}
	}
	for _, cursor := range []string{"x", "-1", "0", "1.5"} {
		if _, _, err := parseSearch(Searching{Text: "x", Cursor: cursor}); chat.CodeOf(err) != "cursor_invalid" {
			t.Errorf("cursor %q: %v", cursor, err)
		}
	}
	if _, _, err := parseSearch(Searching{HasLinks: true}); err != nil {
		t.Errorf("a filter is enough: %v", err)
	}
}

func FuzzParseSearch(f *testing.F) {
	for _, s := range []string{`"`, `-"`, "from:", `from:"`, "a*b*", "has:has:", "-from:x", "\xff\xfe", "after:2026-01-01x", `""*`, "在:x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, named, err := parseSearch(Searching{Text: text})
		if err != nil {
			return
		}
		words := 0
		for _, term := range q.Terms {
			if len(term.Words) == 0 {
				t.Errorf("%q has an empty term", text)
			}
			words += len(term.Words)
		}
		if words > maxSearchWords {
			t.Errorf("%q has %d words", text, words)
		}
		_ = fmt.Sprint(written(q, named))
	})
}
