package core

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"parley/internal/chat"
)

func TestNames(t *testing.T) {
	for _, tc := range []struct {
		name, in, want, code string
	}{
		{"a plain name stays", "Ada Lovelace", "Ada Lovelace", ""},
		{"spaces are trimmed and joined", "  Ada \t  Lovelace ", "Ada Lovelace", ""},
		{"a name is brought to NFC", "Ame\u0301lie", "Am\u00e9lie", ""},
		{"letters of any script are fine", "Мария 李明 مريم", "Мария 李明 مريم", ""},
		{"a vowel sign is not a tower", "हिन्दी", "हिन्दी", ""},
		{"an emoji is fine", "Ada 🎉❤️", "Ada 🎉❤️", ""},
		{"a family emoji is fine", "👩‍👩‍👧 Ada", "👩‍👩‍👧 Ada", ""},
		{"no name at all is refused", "", "", "x_invalid"},
		{"a name of spaces is refused", " \u3000\u00a0 ", "", "x_invalid"},
		{"a name of zero-width spaces is refused", "\u200b\u200b", "", "x_invalid"},
		{"a Hangul filler is refused", "\u3164", "", "x_invalid"},
		{"a Braille blank is refused", "\u2800", "", "x_invalid"},
		{"a soft hyphen is refused", "ad\u00admin", "", "x_invalid"},
		{"a zero-width joiner between letters is refused", "ad\u200dmin", "", "x_invalid"},
		{"a right-to-left override is refused", "nimda\u202egpj", "", "x_invalid"},
		{"a directional isolate is refused", "\u2066ada", "", "x_invalid"},
		{"a right-to-left mark is refused", "ada\u200f", "", "x_invalid"},
		{"a byte order mark is refused", "\ufeffada", "", "x_invalid"},
		{"a control character is refused", "a\x1bda", "", "x_invalid"},
		{"a NUL is refused", "a\x00da", "", "x_invalid"},
		{"a line separator is refused", "a\u2028da\u2029", "a da", ""},
		{"a tag character is refused", "ada\U000E0041", "", "x_invalid"},
		{"a private character is refused", "ada\ue000", "", "x_invalid"},
		{"a noncharacter is refused", "ada\ufdd0", "", "x_invalid"},
		{"a name that begins with a mark is refused", "\u0301ada", "", "x_invalid"},
		{"a tower of marks is refused", "a" + strings.Repeat("\u0323\u0489", 4), "", "x_invalid"},
		{"a lone variation selector is refused", "\ufe0f", "", "x_invalid"},
		{"broken UTF-8 is refused", "ada\xff", "", "x_invalid"},
		{"fourteen characters fill the bound", strings.Repeat("ä", 14), strings.Repeat("ä", 14), ""},
		{"fifteen characters break it", strings.Repeat("ä", 15), "", "x_invalid"},
		{"a huge name is refused unread", strings.Repeat("\u0301", 1<<20), "", "x_invalid"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := cleanName("f", "x", tc.in, 1, 14)
			if got != tc.want || chat.CodeOf(err) != tc.code {
				t.Errorf("got %q, %v; want %q, %q", got, err, tc.want, tc.code)
			}
		})
	}
}

func TestTexts(t *testing.T) {
	for _, tc := range []struct {
		name, in, want, code string
	}{
		{"nothing is fine", "", "", ""},
		{"line breaks stay", "one\r\ntwo\n\tthree", "one\ntwo\n\tthree", ""},
		{"blank ends are trimmed", "\n \u200bone \n", "one", ""},
		{"joiners that a script needs stay", "می\u200cخواهم", "می\u200cخواهم", ""},
		{"an override is refused", "one\u202etwo", "", "x_invalid"},
		{"an escape character is refused", "\x1b[31m", "", "x_invalid"},
		{"broken UTF-8 is refused", "\xc3\x28", "", "x_invalid"},
		{"twenty characters fill the bound", strings.Repeat("é", 20), strings.Repeat("é", 20), ""},
		{"twenty-one break it", strings.Repeat("é", 21), "", "x_too_long"},
		{"a huge text is refused unread", strings.Repeat("x", 1<<20), "", "x_too_long"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := cleanText("f", "x", tc.in, 20)
			if got != tc.want || chat.CodeOf(err) != tc.code {
				t.Errorf("got %q, %v; want %q, %q", got, err, tc.want, tc.code)
			}
		})
	}
	if got, err := cleanLine("f", "x", " in a\nmeeting ", 20); got != "in a meeting" || err != nil {
		t.Errorf("a line: got %q, %v", got, err)
	}
}

func TestUsernames(t *testing.T) {
	for _, tc := range []struct {
		name, username string
		fine           bool
	}{
		{"three characters are enough", "ada", true},
		{"twenty are the most", strings.Repeat("a", 20), true},
		{"digits and underscores are fine", "_Ada_1815", true},
		{"two characters are too few", "ad", false},
		{"twenty-one are too many", strings.Repeat("a", 21), false},
		{"a hyphen is refused", "ada-l", false},
		{"a space is refused", "ada l", false},
		{"a line break at the end is refused", "ada\n", false},
		{"letters of other scripts are refused", "аda", false},
		{"the word for all members is reserved", "everyone", false},
		{"reserved words are reserved in any case", "SyStem", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := checkUsername(tc.username); (err == nil) != tc.fine {
				t.Errorf("got %v", err)
			}
		})
	}
}

func FuzzCleanName(f *testing.F) {
	for _, s := range []string{"Ada", "Ame\u0301lie", "\u202e", "👩‍👩‍👧", "\xff", "a\u0489\u0489\u0489\u0489\u0489", "  ", "\u1100\u1161\u11a8"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		out, err := cleanName("f", "x", in, 1, 50)
		if err != nil {
			return
		}
		if n := utf8.RuneCountInString(out); n < 1 || n > 50 || !norm.NFC.IsNormalString(out) || strings.TrimSpace(out) != out {
			t.Errorf("%q became %q", in, out)
		}
		if again, err := cleanName("f", "x", out, 1, 50); again != out || err != nil {
			t.Errorf("%q became %q, then %q, %v", in, out, again, err)
		}
	})
}
