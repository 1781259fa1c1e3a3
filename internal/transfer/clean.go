package transfer

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"parley/internal/chat"
	"parley/internal/core"
)

// Bounds of what an import brings in; longer texts are cut. They are those that people here have to keep to.
const (
	maxDisplayName   = 50
	maxBio           = 500
	maxEmail         = 254
	maxStatusMessage = 100
	maxSettings      = 16 << 10
	maxRoomName      = 100
	maxDescription   = 1000
	maxTopic         = 250
	maxAddress       = 2048
	maxEmoji         = 64 // bytes
	maxMentions      = 100
	maxLinks         = 20
	maxFiles         = 100
	maxPayload       = 64 << 10
	maxUsername      = 20
	maxSlug          = 48 // leaves room for a number
)

// text makes what came from elsewhere fit to be kept: valid, without characters that control or deceive, no longer than max
// characters.
func text(s string, max int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.In(r, unicode.Cc, unicode.Noncharacter_Code_Point), r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069:
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return cut(strings.TrimSpace(s), max)
}

// line is text on one line, without what is invisible.
func line(s string, max int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp) && r != '\u200d' {
			return -1
		}
		return r
	}, text(s, max*4))
	return cut(strings.Join(strings.Fields(s), " "), max)
}

// content is what was said, as it was said: only what no message can hold is changed.
func content(s string) string {
	return cut(strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD"), core.MaxContent)
}

func cut(s string, max int) string {
	if len(s) <= max || utf8.RuneCountInString(s) <= max {
		return s
	}
	return string([]rune(s)[:max])
}

// past is a time that is neither missing nor to come: a message of tomorrow would push all later ones there.
func past(t, now time.Time) time.Time {
	if t.Before(time.Unix(0, 0)) || t.After(now) {
		return now
	}
	return t.UTC()
}

// maybePast is past for times that may be missing.
func maybePast(t, now time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return past(t, now)
}

var notUsername = regexp.MustCompile(`[^A-Za-z0-9_]+`)

// reservedNames are usernames that nobody can have here.
var reservedNames = []string{"all", "channel", "deleted", "everyone", "here", "room", "server", "system"}

// username makes a name that an account here can have of one from elsewhere.
func username(s string) string {
	s = strings.Trim(notUsername.ReplaceAllString(s, "_"), "_")
	s = s[:min(len(s), maxUsername)]
	for len(s) < 3 {
		s += "_"
	}
	if slices.Contains(reservedNames, strings.ToLower(s)) {
		s += "_"
	}
	return s
}

var notSlug = regexp.MustCompile(`[^a-z0-9_-]+`)

// slug makes a short name of a room; empty if there is nothing to make one of.
func slug(s string) string {
	s = strings.Trim(notSlug.ReplaceAllString(strings.ToLower(s), "-"), "-")
	s = strings.TrimRight(s[:min(len(s), maxSlug)], "-")
	if len(s) < 2 || strings.Trim(s, "0123456789") == "" { // a number alone would look like an id
		return ""
	}
	return s
}

var customEmoji = regexp.MustCompile(`^:[A-Za-z0-9_+-]{1,32}:$`)

// emoji accepts what can be a reaction: one of the server's own, or a few pictures and no word.
func emoji(s string) (string, bool) {
	if customEmoji.MatchString(s) {
		return s, true
	}
	word := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsSpace(r) || unicode.IsControl(r) }
	return s, s != "" && len(s) <= maxEmoji && utf8.ValidString(s) && !strings.ContainsFunc(s, word)
}

// address accepts a web address or nothing.
func address(s string) string {
	web := strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://")
	if !web || len(s) > maxAddress || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"'<>\`, r) }) {
		return ""
	}
	return s
}

func userKind(s string) chat.UserKind {
	if k := chat.UserKind(s); k == chat.Bot || k == chat.Stranger {
		return k
	}
	return chat.Person
}

func messageType(s string) chat.MessageType {
	if t := chat.MessageType(s); t == chat.ImageMessage || t == chat.FileMessage || t == chat.SystemMessage {
		return t
	}
	return chat.TextMessage
}

func roomForm(s string) chat.RoomForm {
	if f := chat.RoomForm(s); f == chat.Voice || f == chat.Forum || f == chat.Separator {
		return f
	}
	return chat.Text
}

func notifyLevel(s string) chat.NotifyLevel {
	if l := chat.NotifyLevel(s); l == chat.NotifyMentions || l == chat.NotifyMuted {
		return l
	}
	return chat.NotifyAll
}

// cutAvatar returns the blob's name in the address of an avatar that is kept on the server.
func cutAvatar(url string) (name string, ours bool) {
	return strings.CutPrefix(url, core.AvatarPath)
}
