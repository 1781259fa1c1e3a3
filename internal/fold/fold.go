// Package fold makes texts comparable: what people type in different cases, with or without accents, in compatibility forms
// or with punctuation between becomes the same sequence of tokens. The search index, user search and the room directory are
// built on it. Ranking, stemming and query syntax do not belong here.
//
// A token is a run of letters and digits after NFKD, without marks and case folded ("Crème-Brûlée" is "creme" "brulee").
// Scripts that are written without spaces (Han, kana, Thai, Lao, Khmer, Myanmar) give one token per character, so that a phrase
// of them finds any part of a text. Emoji and other pictures are tokens of their own, without skin tone, joiner or variation
// selector: a family is found by each of its members.
package fold

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Version names the rules and the Unicode tables. An index made under another version must be built anew.
const Version = "1/" + norm.Version + "/" + cases.UnicodeVersion

// Token is one folded token and where it stands: s[Start:End] of the text it was found in, in bytes.
type Token struct {
	Text       string
	Start, End int
}

// Fold returns the tokens of s with one space between them. Fold(Fold(s)) == Fold(s).
func Fold(s string) string {
	if out, ok := foldASCII(s); ok {
		return out
	}
	var b strings.Builder
	b.Grow(len(s))
	walk(s, func(token []byte, _, _ int) {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.Write(token)
	})
	return b.String()
}

// Words returns the tokens of s; nil when it has none.
func Words(s string) []string {
	var words []string
	walk(s, func(token []byte, _, _ int) { words = append(words, string(token)) })
	return words
}

// Tokens returns the tokens of s with their places; nil when it has none.
func Tokens(s string) []Token {
	var tokens []Token
	walk(s, func(token []byte, start, end int) {
		tokens = append(tokens, Token{Text: string(token), Start: start, End: end})
	})
	return tokens
}

// foldASCII is Fold for the texts that need no tables. ok is false for all others.
func foldASCII(s string) (out string, ok bool) {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return "", false
		}
	}
	b := make([]byte, 0, len(s))
	gap := false
	for i := 0; i < len(s); i++ {
		c := lower[s[i]]
		if c == 0 {
			gap = len(b) > 0
			continue
		}
		if gap {
			b = append(b, ' ')
			gap = false
		}
		b = append(b, c)
	}
	return string(b), true
}

// lower maps the letters and digits of ASCII to lower case and everything else to 0.
var lower = func() (t [utf8.RuneSelf]byte) {
	for c := byte('0'); c <= '9'; c++ {
		t[c] = c
	}
	for c := byte('a'); c <= 'z'; c++ {
		t[c], t[c-'a'+'A'] = c, c
	}
	return t
}()

// folder is stateless.
var folder = cases.Fold()

// walk calls fn for every token of s in order. fn must not keep token.
func walk(s string, fn func(token []byte, start, end int)) {
	var token []byte
	var start, end int
	flush := func() {
		if len(token) > 0 {
			fn(token, start, end)
			token = token[:0]
		}
	}
	var it norm.Iter
	it.InitString(norm.NFKD, s)
	for !it.Done() {
		from := it.Pos()
		segment := it.Next() // what one character, with the marks on it, decomposes to
		to := it.Pos()
		if to == from { // the iterator gives a long decomposition in parts and moves on with the last
			_, size := utf8.DecodeRuneInString(s[from:])
			to += size
		}
		if segment[0] >= utf8.RuneSelf {
			segment = folder.Bytes(segment)
		}
		for len(segment) > 0 {
			r, size := utf8.DecodeRune(segment)
			segment = segment[size:]
			class := separator
			if r < utf8.RuneSelf {
				if c := lower[r]; c != 0 {
					r, class = rune(c), part
				}
			} else if r != utf8.RuneError {
				r = unicode.ToLower(r) // folding swaps the cases of Cherokee
				class = classOf(r)
			}
			switch class {
			case separator:
				flush()
			case alone:
				flush()
				token = utf8.AppendRune(token, r)
				start, end = from, to
				flush()
			case part:
				if len(token) == 0 {
					start = from
				}
				token = utf8.AppendRune(token, r)
				end = to
			case nothing:
				if len(token) > 0 {
					end = to
				}
			}
		}
	}
	flush()
}

// class says what a character is for a token.
type class uint8

const (
	separator class = iota // ends a token
	part                   // belongs to a token
	alone                  // is a token
	nothing                // is left out: marks, joiners, skin tones
)

// unspaced are the scripts whose words have no spaces between them.
var unspaced = []*unicode.RangeTable{unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar}

func classOf(r rune) class {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) || r >= 0x1F3FB && r <= 0x1F3FF:
		return nothing
	case unicode.In(r, unicode.L, unicode.N, unicode.Mc, unicode.Co):
		if r >= 0x0E00 && unicode.In(r, unspaced...) {
			return alone
		}
		return part
	case unicode.Is(unicode.So, r):
		return alone
	}
	return separator
}
