package native

import (
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"

	"parley/internal/chat"
)

// Messages are written by hand where many are sent: in pages of a history and in frames. What comes out is to the letter
// what encoding/json makes of Message, at a third of the cost; a test holds the two together.

// wired is an answer that is written already.
type wired interface{ wire() []byte }

// appendMessage appends what d.message(m, viewer) is as JSON.
func (d *Dialect) appendMessage(b []byte, m *chat.Message, viewer chat.UserID) []byte {
	b = append(b, `{"id":"`...)
	b = strconv.AppendInt(b, int64(m.ID), 10)
	b = append(b, `","room_id":"`...)
	b = strconv.AppendInt(b, int64(m.RoomID), 10)
	b = append(b, `","seq":`...)
	b = strconv.AppendInt(b, int64(m.Seq), 10)
	b = append(b, `,"change_seq":`...)
	b = strconv.AppendInt(b, int64(m.ChangeSeq), 10)
	b = append(b, `,"type":`...)
	b = appendText(b, string(m.Type))
	b = append(b, `,"sender":`...)
	b = appendSummary(b, m.Sender)
	b = append(b, `,"content":`...)
	if m.Deleted {
		b = appendText(b, chat.DeletedContent)
	} else {
		b = appendText(b, m.Content)
	}
	b = append(b, `,"parent_id":`...)
	if m.ParentID != 0 {
		b = append(b, '"')
		b = strconv.AppendInt(b, int64(m.ParentID), 10)
		b = append(b, '"')
	} else {
		b = append(b, "null"...)
	}
	b = append(b, `,"thread":`...)
	if m.ReplyCount > 0 {
		b = append(b, `{"reply_count":`...)
		b = strconv.AppendInt(b, int64(m.ReplyCount), 10)
		b = append(b, `,"last_reply_at":`...)
		b = appendTime(b, m.LastReplyAt)
		b = append(b, '}')
	} else {
		b = append(b, "null"...)
	}
	b = append(b, `,"created_at":`...)
	b = append(b, '"')
	b = m.CreatedAt.UTC().AppendFormat(b, timeLayout)
	b = append(b, `","edited_at":`...)
	b = appendTime(b, m.EditedAt)
	b = append(b, `,"deleted":`...)
	b = strconv.AppendBool(b, m.Deleted)
	b = append(b, `,"pinned":`...)
	b = strconv.AppendBool(b, m.Pinned && !m.Deleted)
	if m.Deleted {
		return append(b, `,"mentions":[],"reactions":[],"attachments":[],"links":[]}`...)
	}
	b = append(b, `,"mentions":[`...)
	for i, id := range m.Mentions {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, string(id))
	}
	b = append(b, ']')
	if len(m.Reactions)+len(m.Attachments)+len(m.Links) == 0 && m.Extras == nil && m.Poll == nil {
		b = append(b, `,"reactions":[],"attachments":[],"links":[]`...)
	} else {
		shown := d.message(m, viewer)
		b = appendJSON(append(b, `,"reactions":`...), shown.Reactions)
		b = appendJSON(append(b, `,"attachments":`...), shown.Attachments)
		b = appendJSON(append(b, `,"links":`...), shown.Links)
		if shown.Author != nil {
			b = appendJSON(append(b, `,"author":`...), shown.Author)
		}
		if len(shown.Embeds) > 0 {
			b = appendJSON(append(b, `,"embeds":`...), shown.Embeds)
		}
		if shown.Command != nil {
			b = appendJSON(append(b, `,"command":`...), shown.Command)
		}
		if shown.Poll != nil {
			b = appendJSON(append(b, `,"poll":`...), shown.Poll)
		}
	}
	if m.Nonce != "" && (viewer == "" || m.SenderID == viewer) {
		b = appendText(append(b, `,"nonce":`...), m.Nonce)
	}
	return append(b, '}')
}

// appendMessages appends a list.
func (d *Dialect) appendMessages(b []byte, list []chat.Message, viewer chat.UserID) []byte {
	b = append(b, '[')
	for i := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = d.appendMessage(b, &list[i], viewer)
	}
	return append(b, ']')
}

// sizeOf guesses the length of a list of messages as JSON.
func sizeOf(list []chat.Message) int {
	n := 200
	for i := range list {
		n += 500 + len(list[i].Content) + len(list[i].Content)/8
	}
	return n
}

func appendSummary(b []byte, u *chat.User) []byte {
	if u == nil {
		return append(b, "null"...)
	}
	b = appendText(append(b, `{"id":`...), string(u.ID))
	b = appendText(append(b, `,"username":`...), u.Username)
	b = appendText(append(b, `,"display_name":`...), u.DisplayName)
	b = append(b, `,"avatar_url":`...)
	if u.AvatarURL != "" {
		b = appendText(b, u.AvatarURL)
	} else {
		b = append(b, "null"...)
	}
	b = append(b, `,"bot":`...)
	b = strconv.AppendBool(b, u.Kind == chat.Bot)
	b = appendText(append(b, `,"rank":`...), u.Rank.String())
	return append(b, '}')
}

// appendTime appends a time, null for the zero time.
func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, "null"...)
	}
	b = t.UTC().AppendFormat(append(b, '"'), timeLayout)
	return append(b, '"')
}

// appendJSON appends what encoding/json makes of our own small types, which cannot fail.
func appendJSON(b []byte, v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		return append(b, "null"...)
	}
	return append(b, text...)
}

const hexDigits = "0123456789abcdef"

// appendText appends a string (RFC 8259 §7). Invalid UTF-8 becomes U+FFFD, as with encoding/json.
func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				b = append(append(b, s[from:i]...), "\ufffd"...)
				from = i + n
			}
			i += n
			continue
		}
		b = append(b, s[from:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		from = i
	}
	return append(append(b, s[from:]...), '"')
}
