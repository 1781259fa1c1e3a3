package native

import (
	"strconv"
	"time"

	"parley/internal/chat"
	"parley/internal/jsontext"
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
	b = jsontext.AppendString(b, string(m.Type))
	b = append(b, `,"sender":`...)
	b = appendSummary(b, m.Sender)
	b = append(b, `,"content":`...)
	if m.Deleted {
		b = jsontext.AppendString(b, chat.DeletedContent)
	} else {
		b = jsontext.AppendString(b, m.Content)
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
		b = jsontext.AppendString(b, string(id))
	}
	b = append(b, ']')
	if len(m.Reactions)+len(m.Attachments)+len(m.Links) == 0 && m.Extras == nil && m.Poll == nil {
		b = append(b, `,"reactions":[],"attachments":[],"links":[]`...)
	} else {
		shown := d.message(m, viewer)
		b = jsontext.AppendValue(append(b, `,"reactions":`...), shown.Reactions)
		b = jsontext.AppendValue(append(b, `,"attachments":`...), shown.Attachments)
		b = jsontext.AppendValue(append(b, `,"links":`...), shown.Links)
		if shown.Author != nil {
			b = jsontext.AppendValue(append(b, `,"author":`...), shown.Author)
		}
		if len(shown.Embeds) > 0 {
			b = jsontext.AppendValue(append(b, `,"embeds":`...), shown.Embeds)
		}
		if shown.Command != nil {
			b = jsontext.AppendValue(append(b, `,"command":`...), shown.Command)
		}
		if shown.Poll != nil {
			b = jsontext.AppendValue(append(b, `,"poll":`...), shown.Poll)
		}
	}
	if m.Nonce != "" && (viewer == "" || m.SenderID == viewer) {
		b = jsontext.AppendString(append(b, `,"nonce":`...), m.Nonce)
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
	b = jsontext.AppendString(append(b, `{"id":`...), string(u.ID))
	b = jsontext.AppendString(append(b, `,"username":`...), u.Username)
	b = jsontext.AppendString(append(b, `,"display_name":`...), u.DisplayName)
	b = append(b, `,"avatar_url":`...)
	if u.AvatarURL != "" {
		b = jsontext.AppendString(b, u.AvatarURL)
	} else {
		b = append(b, "null"...)
	}
	b = append(b, `,"bot":`...)
	b = strconv.AppendBool(b, u.Kind == chat.Bot)
	b = jsontext.AppendString(append(b, `,"rank":`...), u.Rank.String())
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
