package core

import (
	"testing"
	"unicode/utf8"
)

func TestEmoji(t *testing.T) {
	for _, tc := range []struct {
		name, in, want string // want empty: refused
	}{
		{"a thumb", "👍", "👍"},
		{"a thumb of some colour", "👍🏽", "👍🏽"},
		{"a heart", "❤️", "❤️"},
		{"a heart that is text by default", "❤", "❤️"},
		{"a star that is not", "⭐", "⭐"},
		{"a copyright sign", "©", "©️"},
		{"a flag", "🇳🇱", "🇳🇱"},
		{"the flag of a part of a country", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "🏴󠁧󠁢󠁳󠁣󠁴󠁿"},
		{"a keycap", "3️⃣", "3️⃣"},
		{"a family", "👨‍👩‍👧‍👦", "👨‍👩‍👧‍👦"},
		{"a couple with skin tones", "👩🏻‍❤️‍💋‍👨🏿", "👩🏻‍❤️‍💋‍👨🏿"},
		{"a rainbow flag", "🏳️‍🌈", "🏳️‍🌈"},
		{"a custom emoji", ":party_parrot:", ":party_parrot:"},
		{"nothing", "", ""},
		{"two thumbs", "👍👍", ""},
		{"a letter", "a", ""},
		{"a digit", "3", ""},
		{"a digit with a selector", "3️", ""},
		{"half a flag", "🇳", ""},
		{"two flags", "🇳🇱🇳🇱", ""},
		{"a thumb and a space", "👍 ", ""},
		{"a joiner at the end", "👍‍", ""},
		{"a joiner at the start", "\u200d👍", ""},
		{"a skin tone alone", "🏽", ""},
		{"a selector alone", "️", ""},
		{"tags without an end", "🏴\U000E0067\U000E0062", ""},
		{"text style", "❤\ufe0e", ""},
		{"a name without an end", ":party", ""},
		{"a name with a space", ":a b:", ""},
		{"a name of nothing", "::", ""},
		{"a word", "thumbsup", ""},
		{"broken UTF-8", "\xf0\x9f", ""},
		{"more than anybody draws", "👨‍👩‍👧‍👦‍👨‍👩‍👧‍👦‍👨‍👩‍👧‍👦", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, ok := cleanEmoji(tc.in)
			if ok != (tc.want != "") || got != tc.want && ok {
				t.Errorf("%q became %q, %v", tc.in, got, ok)
			}
		})
	}
}

func FuzzEmoji(f *testing.F) {
	for _, s := range []string{"👍", "❤", "🇳🇱", "3️⃣", "👨‍👩‍👧‍👦", ":a:", "\U000E007F", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		out, ok := cleanEmoji(in)
		if !ok {
			return
		}
		if again, ok := cleanEmoji(out); !ok || again != out || !utf8.ValidString(out) || len(out) > maxEmojiBytes {
			t.Errorf("%q became %q, then %q, %v", in, out, again, ok)
		}
	})
}
