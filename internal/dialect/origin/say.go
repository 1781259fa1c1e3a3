package origin

import (
	"context"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"parley/internal/chat"
	"parley/internal/core"
)

// place is where a command is about: a channel, or a thread of a forum channel.
type place struct {
	room   chat.Room
	thread *chat.Thread // nil for a channel
}

func (p place) threadID() chat.MessageID {
	if p.thread == nil {
		return 0
	}
	return p.thread.ID
}

// kind names the place in texts.
func (p place) kind() string {
	if p.thread != nil {
		return "thread"
	}
	return "channel"
}

// placeOf finds what `thread_id`, or else `channel`, names, for commands that look at what is there or change it: the group CTX
// and then VIEW (specs: originchats-commands §0).
func (s *socket) placeOf(ctx context.Context, q *request) (p place, err error) {
	thread, err := q.text("thread_id")
	if err != nil {
		return p, err
	}
	channel, err := q.text("channel")
	if err != nil {
		return p, err
	}
	switch {
	case thread != "":
		th, err := s.thread(ctx, thread)
		if chat.CodeOf(err) == "thread_not_found" || chat.CodeOf(err) == chat.ErrMessageNotFound.Code {
			return p, refuse(q.cmd, "Thread not found")
		}
		switch {
		case err != nil:
			return p, err
		case th.Locked:
			return p, refuse(q.cmd, "This thread is locked")
		case th.Archived:
			return p, refuse(q.cmd, "This thread is archived")
		}
		if p.room, err = s.dialect.core.Readable(ctx, s.actor, th.RoomID); err != nil {
			return p, inWords(err, q.cmd, notViewable("You do not have permission to view this thread"))
		}
		p.thread = &th
		return p, nil
	case channel == "":
		return p, refuse(q.cmd, "Channel or thread_id required")
	}
	room, err := s.anyChannel(ctx, channel)
	if err != nil {
		return p, inWords(err, q.cmd, map[string]string{chat.ErrRoomNotFound.Code: "Channel not found"})
	}
	if p.room, err = s.dialect.core.Readable(ctx, s.actor, room.ID); err != nil {
		if e := chat.AsError(err); e.Kind == chat.Forbidden || e.Kind == chat.NotFound {
			err = errNoView
		}
		return p, err
	}
	return p, nil
}

// notViewable puts one text in place of the refusals of who may not read a room.
func notViewable(text string) map[string]string {
	words := make(map[string]string)
	for _, code := range []string{chat.ErrRoomNotFound.Code, chat.ErrNotAMember.Code, "read_forbidden", "banned", "timed_out"} {
		words[code] = text
	}
	return words
}

// textChannel finds a channel that is one of text and that the person sees: the group TEXT.
func (s *socket) textChannel(ctx context.Context, name string) (chat.Room, error) {
	room, err := s.dialect.channel(ctx, s.actor, name)
	if chat.CodeOf(err) == chat.ErrRoomNotFound.Code || err == nil && room.Form != chat.Text {
		return room, errNoView
	}
	return room, err
}

// anyChannel finds a room of the server by name, whoever sees it, or another one of the person's. This protocol tells that a
// channel is there before it says that one may not see it.
func (s *socket) anyChannel(ctx context.Context, name string) (chat.Room, error) {
	rooms, err := s.dialect.core.ListedRooms(ctx)
	if err != nil {
		return chat.Room{}, err
	}
	for _, r := range rooms {
		if channelOf(r) == name && !r.Encrypted {
			return r, nil
		}
	}
	return s.dialect.channel(ctx, s.actor, name)
}

// thread reads a thread by its id on the wire, whoever sees it. It fails with thread_not_found.
func (s *socket) thread(ctx context.Context, id string) (chat.Thread, error) {
	view, err := s.dialect.core.Thread(ctx, chat.Operator, s.dialect.ids.readThread(id))
	return view.Thread, err
}

// attachmentRef is a file as message_new names it.
type attachmentRef struct{ ID string }

// said is what message_new says, checked for its form (specs: originchats-commands §3.1, 1–4).
type said struct {
	channel, thread string
	content         string
	replyTo         string
	ping            *bool
	embeds          []json.RawMessage
	files           []string
}

func (s *socket) said(q *request) (m said, err error) {
	if m.channel, err = q.text("channel"); err != nil {
		return m, err
	}
	if m.thread, err = q.text("thread_id"); err != nil {
		return m, err
	}
	if m.content, err = q.text("content"); err != nil {
		return m, err
	}
	var missing []string
	if m.channel == "" && m.thread == "" {
		missing = append(missing, "channel or thread_id")
	}
	files := q.given("attachments") && string(q.fields["attachments"]) != "[]"
	if m.content == "" && !files {
		missing = append(missing, "content or attachments")
	}
	if len(missing) > 0 {
		return m, refuse(q.cmd, "Missing fields: "+strings.Join(missing, ", "))
	}
	m.content = strings.TrimSpace(m.content)
	if m.content == "" && !files {
		return m, refuse(q.cmd, "Message content or attachments cannot be empty")
	}
	if m.embeds, err = q.embeds(); err != nil {
		return m, err
	}
	if n := s.dialect.PostContent; utf8.RuneCountInString(m.content) > n {
		return m, refusef(q.cmd, "Message too long. Maximum length is %d characters", n)
	}
	if m.replyTo, err = q.text("reply_to"); err != nil {
		return m, err
	}
	if q.given("ping") {
		ping, err := q.flag("ping", true)
		if err != nil {
			return m, err
		}
		m.ping = &ping
	}
	if q.given("attachments") {
		m.files, err = q.attachments()
	}
	return m, err
}

// embeds reads and checks a packet's embeds (specs: originchats §6.6).
func (q *request) embeds() ([]json.RawMessage, error) {
	if !q.given("embeds") {
		return nil, nil
	}
	if kindOf(q.fields["embeds"]) != "list" {
		return nil, refuse(q.cmd, "Embeds must be an array")
	}
	list, err := q.list("embeds")
	if err != nil {
		return nil, err
	}
	if err := core.CheckEmbeds(list); err != nil {
		return nil, refuse(q.cmd, chat.AsError(err).Text)
	}
	return list, nil
}

// attachments reads the ids of files.
func (q *request) attachments() (ids []string, err error) {
	if kindOf(q.fields["attachments"]) != "list" {
		return nil, refuse(q.cmd, "Attachments must be an array")
	}
	items, err := q.list("attachments")
	if err != nil {
		return nil, err
	}
	for _, raw := range items {
		if kindOf(raw) != "dict" {
			return nil, refuse(q.cmd, "Each attachment must be an object")
		}
		var ref attachmentRef
		if json.Unmarshal(raw, &ref) != nil || ref.ID == "" {
			return nil, refuse(q.cmd, "Attachment ID is required")
		}
		ids = append(ids, ref.ID)
	}
	return ids, nil
}

// sayWords are the texts of refused messages.
func sayWords(p place) map[string]string {
	words := map[string]string{
		"message_not_found": "The message you're trying to reply to was not found", "parent_deleted": "The message you're trying to reply to was not found",
		"content_empty": "Message content or attachments cannot be empty", "thread_not_found": "Thread not found", "thread_locked": "This thread is locked",
		"thread_needed": "Cannot send messages in this channel type", "room_not_text": "Cannot send messages in this channel type",
	}
	text := "You do not have permission to send messages in this " + p.kind()
	for _, code := range []string{"send_forbidden", "room_archived", "attach_forbidden", chat.ErrRoomNotFound.Code, chat.ErrNotAMember.Code, "banned"} {
		words[code] = text
	}
	return words
}

// messageNew sends a message (specs: originchats-commands §3.1).
func messageNew(ctx context.Context, s *socket, q *request) (any, error) {
	m, err := s.said(q)
	if err != nil {
		return nil, err
	}
	p, err := s.sayPlace(ctx, q, m.channel, m.thread)
	if err != nil {
		return nil, err
	}
	n := core.NewMessage{RoomID: p.room.ID, ThreadID: p.threadID(), Content: m.content, Ping: m.ping, Embeds: m.embeds, KeepRead: true}
	if m.replyTo != "" {
		if n.ParentID, err = s.parent(ctx, q, p, m.replyTo); err != nil {
			return nil, err
		}
	}
	if n.Attachments, err = s.claim(ctx, q, m.files); err != nil {
		return nil, err
	}
	return s.say(ctx, q, p, n)
}

// sayPlace finds where a message goes; whether the person may send there is the core's to say.
func (s *socket) sayPlace(ctx context.Context, q *request, channel, thread string) (p place, err error) {
	if thread != "" {
		th, err := s.thread(ctx, thread)
		if chat.CodeOf(err) == "thread_not_found" || chat.CodeOf(err) == chat.ErrMessageNotFound.Code {
			return p, refuse(q.cmd, "Thread not found")
		}
		if err != nil {
			return p, err
		}
		if th.Locked {
			return p, refuse(q.cmd, "This thread is locked")
		}
		p.thread = &th
		p.room, err = s.dialect.core.RoomSettings(ctx, th.RoomID)
		return p, err
	}
	if p.room, err = s.anyChannel(ctx, channel); err != nil {
		return p, inWords(err, q.cmd, map[string]string{chat.ErrRoomNotFound.Code: "Channel not found"})
	}
	if p.room.Form != chat.Text {
		if err := s.dialect.core.May(ctx, s.actor, chat.CanSend, p.room.ID); err != nil {
			return p, inWords(err, q.cmd, sayWords(p))
		}
		return p, refuse(q.cmd, "Cannot send messages in this channel type")
	}
	return p, nil
}

// parent finds the message that is replied to, in the same channel or thread.
func (s *socket) parent(ctx context.Context, q *request, p place, id string) (chat.MessageID, error) {
	missing := refuse(q.cmd, "The message you're trying to reply to was not found")
	parent := s.dialect.ids.readMessage(id)
	if parent == 0 {
		return 0, missing
	}
	m, err := s.dialect.core.Message(ctx, s.actor, parent)
	if chat.CodeOf(err) == chat.ErrMessageNotFound.Code || err == nil && (m.RoomID != p.room.ID || m.Deleted || p.thread != nil && m.ThreadID != p.thread.ID) {
		return 0, missing
	}
	return parent, err
}

// say stores a message; its event is the answer.
func (s *socket) say(ctx context.Context, q *request, p place, n core.NewMessage) (any, error) {
	d := s.dialect
	var msg *chat.Message
	answered, err := s.answering(ctx, q, n.RoomID, func(ctx context.Context) (string, error) {
		var err error
		if msg, _, err = d.core.SendMessage(ctx, s.actor, n); err != nil {
			return "", err
		}
		return msg.Mark, nil
	})
	if err != nil {
		return nil, inWords(err, q.cmd, sayWords(p))
	}
	if answered {
		return nil, nil
	}
	return written(d.messageCreated(ctx, msg)), nil
}

// messageOf finds the message that a command names in its place. missing is the text where there is none.
func (s *socket) messageOf(ctx context.Context, q *request, p place, missing string) (*chat.Message, error) {
	id, err := q.text("id")
	if err != nil {
		return nil, err
	}
	m, err := s.dialect.core.Message(ctx, s.actor, s.dialect.ids.readMessage(id))
	if chat.CodeOf(err) == chat.ErrMessageNotFound.Code || err == nil && (m.RoomID != p.room.ID || m.Deleted || !s.dialect.shown(ctx, m) || s.dialect.threadOf(ctx, m) != p.threadID()) {
		return nil, refuse(q.cmd, missing)
	}
	return m, err
}

// messageEdit replaces one's own text (specs: originchats-commands §3.2).
func messageEdit(ctx context.Context, s *socket, q *request) (any, error) {
	d := s.dialect
	if !q.given("id") || !q.given("channel") && !q.given("thread_id") || !q.given("content") {
		return nil, refuse(q.cmd, "Invalid message edit format")
	}
	content, err := q.text("content")
	if err != nil {
		return nil, err
	}
	edit := core.Revision{Content: content}
	if q.given("embeds") {
		embeds, err := q.embeds()
		if err != nil {
			return nil, err
		}
		edit.Embeds = &embeds
	}
	p, err := s.placeOf(ctx, q)
	if err != nil {
		return nil, err
	}
	m, err := s.messageOf(ctx, q, p, "Message not found or cannot be edited")
	if err != nil {
		return nil, err
	}
	if m.SenderID != s.actor.UserID {
		return nil, refuse(q.cmd, "You do not have permission to edit this message")
	}
	if n := d.PostContent; utf8.RuneCountInString(content) > n {
		return nil, refusef(q.cmd, "Message too long. Maximum length is %d characters", n)
	}
	answered, err := s.answering(ctx, q, p.room.ID, func(ctx context.Context) (string, error) {
		var err error
		if m, err = d.core.ReviseMessage(ctx, s.actor, m.ID, edit); err != nil {
			return "", err
		}
		return m.Mark, nil
	})
	if err != nil {
		return nil, inWords(err, q.cmd, map[string]string{
			"edit_forbidden": "You do not have permission to edit your own message in this " + p.kind(), "room_archived": "You do not have permission to edit your own message in this " + p.kind(),
			"message_deleted": "Message not found or cannot be edited", "content_empty": "Invalid message edit format", "thread_locked": "This thread is locked",
		})
	}
	if answered {
		return nil, nil
	}
	return written(d.messageChanged(ctx, chat.MessageChanged{Message: m, What: chat.ChangedText})), nil
}

// messageDelete takes a message away (specs: originchats-commands §3.3).
func messageDelete(ctx context.Context, s *socket, q *request) (any, error) {
	d := s.dialect
	if !q.given("id") || !q.given("channel") && !q.given("thread_id") {
		return nil, refuse(q.cmd, "Invalid message delete format")
	}
	p, err := s.placeOf(ctx, q)
	if err != nil {
		return nil, err
	}
	m, err := s.messageOf(ctx, q, p, "Message not found or cannot be deleted")
	if err != nil {
		return nil, err
	}
	answered, err := s.answering(ctx, q, p.room.ID, func(ctx context.Context) (string, error) {
		var err error
		if m, err = d.core.DeleteMessage(ctx, s.actor, m.ID); err != nil {
			return "", err
		}
		return m.Mark, nil
	})
	if err != nil {
		return nil, inWords(err, q.cmd, map[string]string{
			"delete_own_forbidden": "You do not have permission to delete your own message in this " + p.kind(),
			"delete_forbidden":     "You do not have permission to delete this message", "thread_locked": "This thread is locked",
		})
	}
	if answered {
		return nil, nil
	}
	return written(d.messageDeleted(ctx, m)), nil
}

// typing tells a channel that somebody types (specs: originchats-commands §3.4).
func typing(ctx context.Context, s *socket, q *request) (any, error) {
	d := s.dialect
	thread, err := q.text("thread_id")
	if err != nil {
		return nil, err
	}
	channel, err := q.text("channel")
	if err != nil {
		return nil, err
	}
	if thread == "" && channel == "" {
		return nil, refuse(q.cmd, "Channel name or thread_id not provided")
	}
	var p place
	var words map[string]string
	if thread != "" {
		th, err := s.thread(ctx, thread)
		if err != nil {
			return nil, inWords(err, q.cmd, map[string]string{"thread_not_found": "Thread not found", "message_not_found": "Thread not found"})
		}
		p = place{chat.Room{ID: th.RoomID}, &th}
		words = sayWords(p)
	} else {
		if _, err := s.anyChannel(ctx, channel); err != nil {
			return nil, inWords(err, q.cmd, map[string]string{chat.ErrRoomNotFound.Code: "Channel not found"})
		}
		if p.room, err = s.textChannel(ctx, channel); err != nil {
			return nil, err
		}
		words = map[string]string{"send_forbidden": errNoView.Error()}
	}
	answered, err := s.answering(ctx, q, p.room.ID, func(ctx context.Context) (string, error) {
		return core.MarkOf(ctx), d.core.Typing(ctx, s.actor, p.room.ID, p.threadID(), true)
	})
	if err != nil {
		return nil, inWords(err, q.cmd, words)
	}
	if answered {
		return nil, nil
	}
	return d.typing(ctx, chat.Typing{RoomID: p.room.ID, UserID: s.actor.UserID, ThreadID: p.threadID(), Typing: true}), nil
}
