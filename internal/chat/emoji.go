package chat

import (
	"strconv"
	"time"
)

// EmojiID is the number of a custom emoji: from 0, below 2^53, never reused.
type EmojiID int64

func (id EmojiID) String() string { return strconv.FormatInt(int64(id), 10) }

// ParseEmojiID reads the decimal form of an emoji's id; ok is false for anything else.
func ParseEmojiID(s string) (id EmojiID, ok bool) {
	if s == "0" {
		return 0, true
	}
	n, ok := parseID(s)
	return EmojiID(n), ok
}

// Emoji is one of the server's own emoji. In texts and reactions it is written :name:.
type Emoji struct {
	ID        EmojiID
	Name      string // 1–64 of [A-Za-z0-9_], unique without regard to case
	Hash      string // SHA-256 of the picture, hex: the blob's name
	MIMEType  string // by content: JPEG, PNG, GIF or WebP
	Width     int    // pixels
	Height    int
	Animated  bool
	Version   int // of the picture, from 1; +1 whenever it is replaced
	CreatedBy UserID
	CreatedAt time.Time
}
