package core

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"parley/internal/chat"
)

// cleanName checks a one-line name and returns it in NFC, trimmed, with single spaces. It refuses what could deceive the
// eye: control, bidi and invisible characters, towers of marks, and names that show nothing. Lengths are in Unicode scalar
// values; min 0 allows the empty name. Fails with <noun>_invalid on field.
func cleanName(field, noun, s string, min, max int) (string, error) {
	refuse := func(format string, args ...any) (string, error) {
		return "", chat.InvalidField(field, noun+"_invalid", format, args...)
	}
	if len(s) > 8*max+64 { // before any work is done on it
		return refuse("At most %d characters.", max)
	}
	if !utf8.ValidString(s) {
		return refuse("This is not valid UTF-8.")
	}
	s = strings.Join(strings.Fields(norm.NFC.String(s)), " ")
	if r, bad := hidden(s, false); bad {
		return refuse("The character U+%04X cannot be part of a name.", r)
	}
	if !legible(s) {
		return refuse("Use letters that can be read: too many marks stand on one.")
	}
	if n := utf8.RuneCountInString(s); n < min || n > max {
		return refuse("Between %d and %d characters.", min, max)
	}
	return s, nil
}

// cleanLine is cleanName for short texts that may be empty, such as a status message. Fails with <noun>_too_long, or
// <noun>_invalid for what cannot be shown.
func cleanLine(field, noun, s string, max int) (string, error) {
	return cleanText(field, noun, strings.Join(strings.Fields(s), " "), max)
}

// cleanText checks a text of several lines and returns it trimmed, in NFC. Joiners, which some scripts need, are fine; bidi
// controls and other control characters are not. Fails with <noun>_too_long or <noun>_invalid.
func cleanText(field, noun, s string, max int) (string, error) {
	tooLong := chat.InvalidField(field, noun+"_too_long", "At most %d characters.", max)
	if len(s) > 8*max+64 {
		return "", tooLong
	}
	if !utf8.ValidString(s) {
		return "", chat.InvalidField(field, noun+"_invalid", "This is not valid UTF-8.")
	}
	s = strings.TrimFunc(norm.NFC.String(strings.ReplaceAll(s, "\r\n", "\n")), isBlank)
	if r, bad := hidden(s, true); bad {
		return "", chat.InvalidField(field, noun+"_invalid", "The character U+%04X cannot be part of this text.", r)
	}
	if utf8.RuneCountInString(s) > max {
		return "", tooLong
	}
	return s, nil
}

// blanks are letters and marks by category that nevertheless show nothing.
var blanks = []rune{0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, 0xFFFC, 0xFFFD}

// hidden returns the first character of s that is not what it seems. In a text these are control characters but line breaks
// and tabs, and those that turn the direction of what follows. In a name it is everything invisible too; a joiner may stand
// there only between two pictures, as in a family emoji.
func hidden(s string, text bool) (rune, bool) {
	var prev rune
	for i, r := range s {
		switch {
		case text && (r == '\n' || r == '\t'):
		case unicode.In(r, unicode.Cc, unicode.Noncharacter_Code_Point), r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069:
			return r, true
		case text:
		case r == '\u200d':
			next, _ := utf8.DecodeRuneInString(s[i+utf8.RuneLen(r):])
			if !pictorial(prev) || !pictorial(next) {
				return r, true
			}
		case unicode.In(r, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp), slices.Contains(blanks, r),
			unicode.Is(unicode.Variation_Selector, r) && r != 0xFE0E && r != 0xFE0F:
			return r, true
		}
		prev = r
	}
	return 0, false
}

// pictorial tells characters that emoji sequences are made of.
func pictorial(r rune) bool {
	return r == 0xFE0F || unicode.In(r, unicode.So, unicode.Sk) || r == '♀' || r == '♂'
}

// maxMarks is how many marks may stand on one letter; no living script needs more.
const maxMarks = 4

// legible refuses names that begin with a mark, or pile marks on a letter until they cover other lines.
func legible(s string) bool {
	marks := maxMarks // none may come before the first letter
	for i, r := range s {
		if unicode.In(r, unicode.Mn, unicode.Me) && r != 0xFE0F && r != 0xFE0E {
			if marks++; marks > maxMarks {
				return false
			}
			continue
		}
		if i == 0 && unicode.Is(unicode.Variation_Selector, r) {
			return false
		}
		if !unicode.Is(unicode.Variation_Selector, r) {
			marks = 0
		}
	}
	return true
}

// Usernames (seed: Validation).
var usernamePattern = regexp.MustCompile(`^[A-Za-z0-9_]{3,20}$`)

// reservedNames would be mistaken for the server itself, or mean a group of people in a mention.
var reservedNames = []string{"all", "channel", "deleted", "everyone", "here", "room", "server", "system"}

// checkUsername refuses what cannot be the name of an account made here. Fails with username_invalid.
func checkUsername(name string) error {
	if !usernamePattern.MatchString(name) {
		return chat.InvalidField("username", "username_invalid", "A username has 3 to 20 characters: letters A to Z, digits and underscores.")
	}
	if slices.Contains(reservedNames, strings.ToLower(name)) {
		return chat.InvalidField("username", "username_invalid", "The name %q is kept by the server. Choose another one.", name)
	}
	return nil
}

// cleanDisplayName checks the name that others see. Fails with display_name_invalid.
func cleanDisplayName(s string) (string, error) {
	return cleanName("display_name", "display_name", s, 1, 50)
}
