package origin

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/internal/chat"
	"parley/internal/jsontext"
)

var messageCommands = map[string]command{
	"message_new": messageNew, "message_edit": messageEdit, "message_delete": messageDelete, "typing": typing,
}

// appendSeconds appends a time as Unix seconds with a fraction (specs: originchats §1).
func appendSeconds(b []byte, t time.Time) []byte {
	us := t.UnixMicro()
	b = strconv.AppendInt(b, us/1e6, 10)
	b = append(b, '.')
	frac := strconv.FormatInt(us%1e6, 10)
	for range 6 - len(frac) {
		b = append(b, '0')
	}
	b = append(b, frac...)
	for b[len(b)-1] == '0' && b[len(b)-2] != '.' {
		b = b[:len(b)-1]
	}
	return b
}

// seconds is a time in packets that are encoded by reflection; the zero time is null.
type seconds time.Time

// MarshalJSON implements json.Marshaler.
func (t seconds) MarshalJSON() ([]byte, error) {
	if time.Time(t).IsZero() {
		return []byte("null"), nil
	}
	return appendSeconds(nil, time.Time(t)), nil
}

// authorOf is who a message is by on the wire.
func (d *Dialect) authorOf(ctx context.Context, m *chat.Message) string {
	switch {
	case m.Sender != nil:
		return nameOf(m.Sender)
	case m.SenderID != "":
		return d.nameByID(ctx, m.SenderID)
	case m.Extras != nil && m.Extras.Author != nil && m.Extras.Author.Kind == chat.PluginAuthor && m.Extras.Author.Name != "":
		return m.Extras.Author.Name
	}
	return serverName
}

// appendMessage appends a message as lists have it, and its pings where live packets do (specs: originchats §6.4).
func (d *Dialect) appendMessage(ctx context.Context, b []byte, m *chat.Message, pings bool) []byte {
	b = append(b, `{"user":`...)
	b = jsontext.AppendString(b, d.authorOf(ctx, m))
	b = jsontext.AppendString(append(b, `,"content":`...), m.Content)
	b = appendSeconds(append(b, `,"timestamp":`...), m.CreatedAt)
	b = append(d.ids.append(append(b, `,"id":"`...), messageKind, int64(m.ID)), '"')
	b = strconv.AppendBool(append(b, `,"pinned":`...), m.Pinned)
	b = append(b, `,"type":"message","interaction":`...)
	if x := m.Extras; x != nil && x.Command != nil {
		b = jsontext.AppendString(append(b, `{"command":`...), x.Command.Name)
		b = jsontext.AppendString(append(b, `,"username":`...), d.nameByID(ctx, x.Command.UserID))
		b = append(b, '}')
	} else {
		b = append(b, "null"...)
	}
	answered := ""
	if parent := d.answers(ctx, m); parent != 0 {
		answered = d.authorOfID(ctx, parent)
		b = append(d.ids.append(append(b, `,"reply_to":{"id":"`...), messageKind, int64(m.ParentID)), '"')
		b = jsontext.AppendString(append(b, `,"user":`...), answered)
		b = append(b, '}')
	}
	pinging := true
	if x := m.Extras; x != nil && x.Ping != nil {
		pinging = *x.Ping
		b = strconv.AppendBool(append(b, `,"ping":`...), pinging)
	}
	if !m.EditedAt.IsZero() {
		b = append(b, `,"edited":true`...)
	}
	b = d.appendRare(ctx, b, m)
	if pings {
		b = d.appendPings(append(b, `,"pings":`...), m.Content, answered, pinging)
	}
	return append(b, '}')
}

// appendRare appends what few messages have.
func (d *Dialect) appendRare(ctx context.Context, b []byte, m *chat.Message) []byte {
	if len(m.Reactions) > 0 {
		b = append(b, `,"reactions":{`...)
		for i, r := range m.Reactions {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(jsontext.AppendString(b, d.emojiOnWire(ctx, r.Emoji)), ":["...)
			for j, user := range r.Users {
				if j > 0 {
					b = append(b, ',')
				}
				b = jsontext.AppendString(b, d.nameByID(ctx, user))
			}
			b = append(b, ']')
		}
		b = append(b, '}')
	}
	if len(m.Attachments) > 0 {
		b = jsontext.AppendValue(append(b, `,"attachments":`...), d.attachments(m.Attachments))
	}
	b = d.appendEmbeds(ctx, b, m)
	if x := m.Extras; x != nil {
		if a := x.Author; a != nil && a.Kind == chat.WebhookAuthor {
			b = jsontext.AppendString(append(b, `,"webhook":{"id":`...), a.ID)
			b = jsontext.AppendString(append(b, `,"name":`...), a.Name)
			b = append(b, `,"avatar":`...)
			if a.AvatarURL != "" {
				b = jsontext.AppendString(b, a.AvatarURL)
			} else {
				b = append(b, "null"...)
			}
			b = append(b, '}')
		}
	}
	return b
}

// Mentions as this protocol finds them (specs: originchats §6.4).
var (
	userMention = regexp.MustCompile(`@([A-Za-z0-9_]+)`)
	roleMention = regexp.MustCompile(`@&([A-Za-z0-9_]+)`)
)

// appendPings appends whom a message mentions.
func (d *Dialect) appendPings(b []byte, content, answered string, pinging bool) []byte {
	if answered == "" && !strings.Contains(content, "@") {
		return append(b, `{"users":[],"roles":[],"replies":[]}`...)
	}
	names := func(b []byte, list []string) []byte {
		b = append(b, '[')
		for i, name := range list {
			if i > 0 {
				b = append(b, ',')
			}
			b = jsontext.AppendString(b, name)
		}
		return append(b, ']')
	}
	b = names(append(b, `{"users":`...), found(userMention, content))
	b = names(append(b, `,"roles":`...), found(roleMention, content))
	var replies []string
	if answered != "" && pinging {
		replies = []string{answered}
	}
	return append(names(append(b, `,"replies":`...), replies), '}')
}

// found lists what a pattern finds, each once.
func found(pattern *regexp.Regexp, text string) (names []string) {
	for _, m := range pattern.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(names, m[1]) {
			names = append(names, m[1])
		}
	}
	return names
}

// authorOfID is who wrote a message; empty if that cannot be read.
func (d *Dialect) authorOfID(ctx context.Context, id chat.MessageID) string {
	m, err := d.core.Message(ctx, chat.Operator, id)
	if err != nil {
		return ""
	}
	return d.authorOf(ctx, m)
}

// answers returns the message that one replies to; 0 for none. The first message of a forum's thread is none to clients.
func (d *Dialect) answers(ctx context.Context, m *chat.Message) chat.MessageID {
	if m.ParentID == m.ThreadID && m.ParentID != 0 && d.factsOf(ctx, m.RoomID).forum {
		return 0
	}
	return m.ParentID
}

// threadOf returns the forum's thread that a message is in; 0 for none. Replies in other rooms are no threads to clients.
func (d *Dialect) threadOf(ctx context.Context, m *chat.Message) chat.MessageID {
	if m.ThreadID != 0 && d.factsOf(ctx, m.RoomID).forum {
		return m.ThreadID
	}
	return 0
}

// appendPlace appends the channel of a message, and its thread if it is in one.
func (d *Dialect) appendPlace(ctx context.Context, b []byte, m *chat.Message) []byte {
	b = jsontext.AppendString(append(b, `,"channel":`...), d.channelName(ctx, m.RoomID))
	if thread := d.threadOf(ctx, m); thread != 0 {
		b = append(d.ids.append(append(b, `,"thread_id":"`...), threadKind, int64(thread)), '"')
	}
	return b
}

// shown reports whether clients of this protocol have a message like this: lines of the server and heads of threads are none.
func (d *Dialect) shown(ctx context.Context, m *chat.Message) bool {
	return m.Type != chat.SystemMessage && m.Type != chat.ThreadMessage && !d.factsOf(ctx, m.RoomID).hidden
}

// messageCreated is a new message (specs: originchats §8 message_new).
func (d *Dialect) messageCreated(ctx context.Context, m *chat.Message) []byte {
	if !d.shown(ctx, m) {
		return nil
	}
	if m.Poll != nil {
		return d.pollAnnounced(ctx, m)
	}
	b := append(make([]byte, 0, 500+len(m.Content)+len(m.Content)/8), `{"cmd":"message_new","message":`...)
	b = d.appendPlace(ctx, d.appendMessage(ctx, b, m, true), m)
	if d.threadOf(ctx, m) == 0 && (m.Extras == nil || m.Extras.Author == nil && m.Extras.Command == nil) {
		b = append(b, `,"thread_id":null`...) // answers to commands and posts of webhooks have no such key
	}
	return append(b, `,"global":true}`...)
}

// messageChanged is what became of a message: an edit, or a pin. Other changes, such as what is known of a link, have no packet.
func (d *Dialect) messageChanged(ctx context.Context, e chat.MessageChanged) []byte {
	m := e.Message
	if !d.shown(ctx, m) {
		return nil
	}
	switch e.What {
	case chat.ChangedPin:
		return d.pinned(ctx, m)
	case chat.ChangedLinks:
		return nil
	case chat.ChangedText, chat.ChangedAny:
	}
	b := append(make([]byte, 0, 600+2*len(m.Content)), `{"cmd":"message_edit","id":"`...)
	b = d.ids.append(b, messageKind, int64(m.ID))
	b = jsontext.AppendString(append(b, `","content":`...), m.Content)
	b = d.appendPlace(ctx, d.appendMessage(ctx, append(b, `,"message":`...), m, false), m)
	return append(b, `,"global":true}`...)
}

func (d *Dialect) messageDeleted(ctx context.Context, m *chat.Message) []byte {
	if !d.shown(ctx, m) {
		return nil
	}
	b := d.ids.append([]byte(`{"cmd":"message_delete","id":"`), messageKind, int64(m.ID))
	return append(d.appendPlace(ctx, append(b, '"'), m), `,"global":true}`...)
}

func (d *Dialect) reaction(ctx context.Context, cmd string, m *chat.Message, user chat.UserID, emoji string) []byte {
	if !d.shown(ctx, m) {
		return nil
	}
	b := jsontext.AppendString([]byte(`{"cmd":`), cmd)
	b = d.ids.append(append(b, `,"id":"`...), messageKind, int64(m.ID))
	b = jsontext.AppendString(append(b, `","emoji":`...), d.emojiOnWire(ctx, emoji))
	b = d.appendPlace(ctx, b, m)
	b = jsontext.AppendString(append(b, `,"from":`...), d.nameByID(ctx, user))
	return append(b, `,"global":true}`...)
}

type typingPacket struct {
	Cmd      string  `json:"cmd"`
	Channel  string  `json:"channel"`
	User     string  `json:"user"`
	ThreadID *string `json:"thread_id"`
	Global   bool    `json:"global"`
}

func (d *Dialect) typing(ctx context.Context, e chat.Typing) any {
	if !e.Typing {
		return nil // there is no packet for it
	}
	p := typingPacket{"typing", d.channelName(ctx, e.RoomID), d.nameByID(ctx, e.UserID), nil, true}
	if e.ThreadID != 0 {
		id := d.ids.thread(e.ThreadID)
		p.ThreadID = &id
	}
	return p
}
