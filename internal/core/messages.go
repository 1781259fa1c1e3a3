package core

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"parley/internal/chat"
	"parley/internal/fold"
	"parley/internal/scan"
)

// Bounds of what a person can say in one message.
const (
	MaxContent  = 10_000 // Unicode scalar values, after trimming
	maxNonce    = 64     // bytes
	maxMentions = 100
	MaxChanges  = 500 // messages in one answer of Changes
)

// NewMessage is what a person wants to say.
type NewMessage struct {
	RoomID      chat.RoomID
	Content     string // markdown; 1–10,000 characters after trimming, may be empty when there are attachments
	ParentID    chat.MessageID
	ThreadID    chat.MessageID // in forums: the thread; not needed with a parent, which is in one
	KeepRead    bool           // the sender's read position stays where it is
	Attachments []string       // keys of the sender's uploads, at most Limits.AttachmentsPerMessage
	Nonce       string         // up to 64 characters made by the client; makes the send exactly-once for 24 hours
	Payload     *chat.Payload
	Embeds      []json.RawMessage // see CheckEmbeds
	Ping        *bool             // false: the author of the parent is not told
	Command     *chat.CommandUse  // the slash command that it answers
	Poll        *NewPoll          // the content may be empty then; not in encrypted rooms
}

// SendMessage stores a message and returns it once it is durable. A nonce that the same sender used in the same room
// within 24 hours returns the message first stored, with created false, and tells nobody. Fails with content_empty,
// content_too_long, content_invalid, nonce_invalid, rate_limited, room_not_found, not_a_member, send_forbidden, muted, banned,
// timed_out, blocked, room_archived, slow_mode, message_not_found and parent_deleted (the parent), attachment_invalid, attachment_pending,
// infected, too_many_attachments, poll_invalid, poll_encrypted, and what CheckEmbeds says. In forums also with thread_needed,
// thread_not_found, thread_locked; a message brings a thread back that was archived, and its sender takes part in the thread.
func (c *Core) SendMessage(ctx context.Context, by chat.Actor, n NewMessage) (msg *chat.Message, created bool, err error) {
	content, err := cleanContent(n.Content, len(n.Attachments) > 0 || len(n.Embeds) > 0 || n.Poll != nil)
	if err != nil {
		return nil, false, err
	}
	embeds, err := parseEmbeds(n.Embeds)
	if err != nil {
		return nil, false, err
	}
	var poll *chat.Poll
	if n.Poll != nil {
		if poll, err = n.Poll.poll(by.UserID, c.now()); err != nil {
			return nil, false, err
		}
	}
	if err := c.checkNonce(n.Nonce); err != nil {
		return nil, false, err
	}
	if max := c.Limits.AttachmentsPerMessage; max > 0 && len(n.Attachments) > max {
		return nil, false, chat.InvalidField("attachments", "too_many_attachments", "A message can carry at most %d files.", max)
	}
	if err := c.allowSend(ctx, by); err != nil {
		return nil, false, err
	}
	s, err := c.allow(ctx, by, chat.CanSend, n.RoomID)
	if err != nil {
		return nil, false, err
	}
	d := chat.Draft{RoomID: n.RoomID, SenderID: by.UserID, Sender: s.user, Type: chat.TextMessage, Content: content, Nonce: n.Nonce, Payload: n.Payload, At: c.now(),
		Mark: markOf(ctx), Poll: poll, KeepRead: n.KeepRead}
	if poll != nil && s.room.Encrypted {
		return nil, false, chat.Errorf(chat.Forbidden, "poll_encrypted", "An encrypted room cannot have polls: the server would read them.")
	}
	if x := (&chat.Extras{Embeds: n.Embeds, Ping: n.Ping, Command: n.Command}); !x.Empty() {
		d.Extras = x
	}
	if s.slowed() {
		d.SlowMode = s.room.SlowMode
	}
	var parent *chat.Message
	if n.ParentID != 0 {
		if parent, err = c.messageIn(ctx, n.RoomID, n.ParentID); err != nil {
			return nil, false, err
		}
		if parent.Deleted {
			return nil, false, chat.InvalidField("parent_id", "parent_deleted", "The message you reply to was deleted.")
		}
		d.ParentID, d.ThreadID = parent.ID, parent.ID
		if parent.ThreadID != 0 {
			d.ThreadID = parent.ThreadID
		}
	}
	if err := c.intoThread(ctx, s.room, n.ThreadID, parent, &d); err != nil {
		return nil, false, err
	}
	var names []string
	if len(n.Attachments) > 0 {
		if _, err := c.allow(ctx, by, chat.CanAttach, n.RoomID); err != nil {
			return nil, false, err
		}
		if names, err = c.claimable(ctx, by, n.Attachments, &d); err != nil {
			return nil, false, err
		}
	}
	if !s.room.Encrypted {
		if d.Mentions, d.Everyone, err = c.mentions(ctx, s, content); err != nil {
			return nil, false, err
		}
		d.Links = linksOf(content, embeds, nil)
		d.Search = searchable(append([]string{content}, names...), embeds, poll)
	}
	told := parent
	if n.Ping != nil && !*n.Ping {
		told = nil
	}
	if d.Notify, err = c.notify(ctx, s, &d, told); err != nil {
		return nil, false, err
	}
	if msg, created, err = c.Store.Append(ctx, d); err == nil && !created {
		first := *msg // others who repeat the nonce now may hold the same one
		msg = &first
		err = c.fillMessages(ctx, msg)
	}
	return msg, created, err
}

// claimable resolves the keys of uploads into the draft and returns their names; the store claims them when it stores.
func (c *Core) claimable(ctx context.Context, by chat.Actor, keys []string, d *chat.Draft) (names []string, err error) {
	uploads, err := c.Store.AttachmentsByKey(ctx, keys)
	if err != nil {
		return nil, err
	}
	d.Type = chat.ImageMessage
	for _, key := range keys {
		i := slices.IndexFunc(uploads, func(a chat.Attachment) bool { return a.Key == key })
		if i < 0 || uploads[i].UploaderID != by.UserID {
			return nil, chat.InvalidField("attachments", "attachment_invalid", "One of the files is not there, not yours, or was already sent. Upload it again.")
		}
		a := uploads[i]
		switch a.Scan {
		case chat.ScanPending:
			return nil, errAttachmentPending
		case chat.ScanInfected:
			return nil, fileError(scan.ErrInfected)
		case chat.ScanClean:
		}
		if slices.Contains(d.AttachmentIDs, a.ID) {
			return nil, chat.InvalidField("attachments", "attachment_invalid", "The same file is named twice.")
		}
		if !strings.HasPrefix(a.MIMEType, "image/") {
			d.Type = chat.FileMessage
		}
		d.AttachmentIDs = append(d.AttachmentIDs, a.ID)
		names = append(names, a.Filename)
	}
	return names, nil
}

// EditMessage replaces the content of one's own message within the edit window. Fails with message_not_found,
// edit_forbidden (not the sender, or not a kind that can be edited), edit_window_passed, message_deleted and the content errors.
func (c *Core) EditMessage(ctx context.Context, by chat.Actor, id chat.MessageID, content string, payload *chat.Payload) (*chat.Message, error) {
	return c.ReviseMessage(ctx, by, id, Revision{Content: content, Payload: payload})
}

// Revision is what a message is to say instead.
type Revision struct {
	Content string
	Payload *chat.Payload
	Embeds  *[]json.RawMessage // nil: as they are; see CheckEmbeds
}

// ReviseMessage is EditMessage for all that can be edited. What the message carries besides stays.
func (c *Core) ReviseMessage(ctx context.Context, by chat.Actor, id chat.MessageID, r Revision) (msg *chat.Message, err error) {
	old, err := c.readable(ctx, by, id)
	if err != nil {
		return nil, err
	}
	embeds := embedsOf(old)
	if r.Embeds != nil {
		embeds = *r.Embeds
	}
	payload := r.Payload
	content, err := cleanContent(r.Content, old.Type != chat.TextMessage || len(embeds) > 0 || old.Poll != nil)
	if err != nil {
		return nil, err
	}
	parsed, err := parseEmbeds(embeds)
	if err != nil {
		return nil, err
	}
	if err := c.allowSend(ctx, by); err != nil {
		return nil, err
	}
	s, err := c.allow(ctx, by, chat.CanEditOwn, old.RoomID)
	if err != nil {
		return nil, err
	}
	if err := c.openThread(ctx, s, old); err != nil {
		return nil, err
	}
	if old.SenderID != by.UserID || old.SenderID == "" || old.Type == chat.SystemMessage {
		return nil, chat.Errorf(chat.Forbidden, "edit_forbidden", "Only the sender can edit a message.")
	}
	e := Edit{Content: content, Payload: payload, At: c.now()}
	if !s.room.Encrypted {
		if e.Mentions, e.Everyone, err = c.mentions(ctx, s, content); err != nil {
			return nil, err
		}
		e.Links = linksOf(content, parsed, nil)
		text := []string{content}
		for _, a := range old.Attachments {
			text = append(text, a.Filename)
		}
		e.Search = searchable(text, parsed, old.Poll)
	}
	var pictures []string
	err = c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		now, err := tx.Message(ctx, id)
		if err != nil {
			return nil, err
		}
		if now.Deleted {
			return nil, errMessageDeleted
		}
		if w := c.Limits.EditWindow; w > 0 && e.At.Sub(now.CreatedAt) > w {
			return nil, chat.Errorf(chat.Forbidden, "edit_window_passed", "A message can be edited for %d minutes after it was sent.", int(w.Minutes()))
		}
		if now.Content == content && payload == nil && (r.Embeds == nil || slices.EqualFunc(embeds, embedsOf(now), sameJSON)) {
			msg = now
			return nil, c.fillMessages(ctx, now)
		}
		pictures, e.Links = picturesOf(now.Links), knownLinks(e.Links, now.Links)
		if e.Extras = now.Extras; r.Embeds != nil {
			x := chat.Extras{}
			if now.Extras != nil {
				x = *now.Extras
			}
			x.Embeds = embeds
			e.Extras = &x
		}
		msg, err = tx.EditMessage(ctx, id, e)
		return []chat.Event{chat.MessageChanged{Message: msg, What: chat.ChangedText}}, err
	})
	if err == nil {
		c.releaseBlobs(pictures) // if no message shows them now
	}
	return msg, err
}

func embedsOf(m *chat.Message) []json.RawMessage {
	if m.Extras == nil {
		return nil
	}
	return m.Extras.Embeds
}

func sameJSON(a, b json.RawMessage) bool { return bytes.Equal(a, b) }

// searchable is the folded text by which a message is found.
func searchable(texts []string, embeds []Embed, poll *chat.Poll) string {
	for i := range embeds {
		texts = append(texts, embeds[i].words()...)
	}
	if poll != nil {
		texts = append(texts, pollWords(poll)...)
	}
	return fold.Fold(strings.Join(texts, "\n"))
}

var errMessageDeleted = chat.Errorf(chat.Conflict, "message_deleted", "The message was deleted.")

// DeleteMessage turns a message into a tombstone: its content, files, reactions and index entries are gone for good. The
// sender may, and whoever may delete others' messages. Deleting twice is fine and tells nobody.
func (c *Core) DeleteMessage(ctx context.Context, by chat.Actor, id chat.MessageID) (msg *chat.Message, err error) {
	old, err := c.readable(ctx, by, id)
	if err != nil {
		return nil, err
	}
	own := old.SenderID != "" && old.SenderID == by.UserID
	right := chat.CanDelete
	if own {
		right = chat.CanDeleteOwn
	}
	s, err := c.allow(ctx, by, right, old.RoomID)
	if err != nil {
		return nil, err
	}
	if err := c.openThread(ctx, s, old); err != nil {
		return nil, err
	}
	var blobs []string
	err = c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		now, err := tx.Message(ctx, id)
		if err != nil {
			return nil, err
		}
		if now.Deleted {
			msg = now
			return nil, c.fillMessages(ctx, now)
		}
		if msg, blobs, err = tx.DeleteMessage(ctx, id, by.UserID, c.now()); err != nil {
			return nil, err
		}
		if !own {
			if err := tx.AddAudit(ctx, c.audit(by, "message.delete", "message", id.String(), old.RoomID, map[string]any{"author": old.SenderID})); err != nil {
				return nil, err
			}
		}
		return []chat.Event{chat.MessageDeleted{Message: msg}}, nil
	})
	if err == nil {
		c.releaseBlobs(blobs)
	}
	return msg, err
}

// Message returns one message. Fails with message_not_found, also when the caller must not know of it.
func (c *Core) Message(ctx context.Context, by chat.Actor, id chat.MessageID) (*chat.Message, error) {
	return c.readable(ctx, by, id)
}

// readable returns a message that the actor may read.
func (c *Core) readable(ctx context.Context, by chat.Actor, id chat.MessageID) (*chat.Message, error) {
	msg, err := c.message(ctx, id)
	if err != nil {
		return nil, err
	}
	if _, err := c.allow(ctx, by, chat.CanRead, msg.RoomID); err != nil {
		if chat.CodeOf(err) == chat.ErrRoomNotFound.Code {
			err = chat.ErrMessageNotFound
		}
		return nil, err
	}
	return msg, nil
}

// message returns a message with its sender, from memory if it is among the newest of an active room.
func (c *Core) message(ctx context.Context, id chat.MessageID) (*chat.Message, error) {
	msg := c.recent.message(id)
	if msg == nil {
		var err error
		if msg, err = c.Store.Message(ctx, id); err != nil {
			return nil, err
		}
	}
	return msg, c.fillMessages(ctx, msg)
}

// messageIn is message for ids that must belong to one room.
func (c *Core) messageIn(ctx context.Context, room chat.RoomID, id chat.MessageID) (*chat.Message, error) {
	msg, err := c.message(ctx, id)
	if err == nil && msg.RoomID != room {
		return nil, chat.ErrMessageNotFound
	}
	return msg, err
}

// Messages returns a part of a room's history, oldest first. Fails with room_not_found, not_a_member, message_not_found
// (a cursor of another room), cursor_invalid (more than one place), seq_invalid, limit_invalid.
func (c *Core) Messages(ctx context.Context, by chat.Actor, room chat.RoomID, q chat.MessagesQuery) (chat.MessagesPage, error) {
	if err := checkLimit(&q.Limit, 100); err != nil {
		return chat.MessagesPage{}, err
	}
	places := q.Places()
	if places > 1 {
		return chat.MessagesPage{}, chat.InvalidField("before", "cursor_invalid", "Give only one of before, after, around, around_seq and at.")
	}
	if q.AroundSeq < 0 {
		return chat.MessagesPage{}, chat.InvalidField("around_seq", "seq_invalid", "A place in a room is a number from 1.")
	}
	if _, err := c.allow(ctx, by, chat.CanRead, room); err != nil {
		return chat.MessagesPage{}, err
	}
	for _, id := range []chat.MessageID{q.Before, q.After, q.Around, q.ThreadID} {
		if id != 0 {
			if _, err := c.messageIn(ctx, room, id); err != nil {
				return chat.MessagesPage{}, err
			}
		}
	}
	if places == 0 && q.ThreadID == 0 {
		return c.recent.newest(ctx, room, q.Limit)
	}
	page, err := c.Store.Messages(ctx, room, q)
	if err != nil {
		return page, err
	}
	return page, c.fillMessages(ctx, pointers(page.Messages)...)
}

// Replies returns the replies under a message, oldest first.
func (c *Core) Replies(ctx context.Context, by chat.Actor, id chat.MessageID, q chat.MessagesQuery) (chat.MessagesPage, error) {
	root, err := c.readable(ctx, by, id)
	if err != nil {
		return chat.MessagesPage{}, err
	}
	q.ThreadID = root.ID
	if root.ThreadID != 0 {
		q.ThreadID = root.ThreadID
	}
	return c.Messages(ctx, by, root.RoomID, q)
}

// Changes returns the messages of a room whose change_seq is greater than since, ascending; at most 500 (limit 0 means
// all of these). What it says is the room as of since or later, also where the change was read on another node that this one
// has not heard of yet.
func (c *Core) Changes(ctx context.Context, by chat.Actor, room chat.RoomID, since chat.Seq, limit int) (chat.Changes, error) {
	return c.ChangesTo(ctx, by, room, since, since, limit)
}

// ChangesTo is Changes for someone who knows that there are changes up to to: it says the room as of that one or later.
func (c *Core) ChangesTo(ctx context.Context, by chat.Actor, room chat.RoomID, since, to chat.Seq, limit int) (chat.Changes, error) {
	if limit == 0 {
		limit = MaxChanges
	}
	if err := checkLimit(&limit, MaxChanges); err != nil {
		return chat.Changes{}, err
	}
	if since < 0 {
		return chat.Changes{}, chat.InvalidField("since", "since_invalid", "since is a change_seq: a number from 0.")
	}
	if _, err := c.allow(ctx, by, chat.CanRead, room); err != nil {
		return chat.Changes{}, err
	}
	ch, held := c.recent.since(room, since, max(since, to), limit)
	if !held {
		var err error
		if ch, err = c.Store.ChangesSince(ctx, room, since, limit); err != nil {
			return ch, err
		}
	}
	return ch, c.fillMessages(ctx, pointers(ch.Messages)...)
}

// pointers returns the addresses of a list's messages, which belong to the caller alone.
func pointers(list []chat.Message) []*chat.Message {
	out := make([]*chat.Message, len(list))
	for i := range list {
		out[i] = &list[i]
	}
	return out
}

// checkLimit puts the default of 50 in place of 0 and refuses what is outside 1…max.
func checkLimit(limit *int, max int) error {
	if *limit == 0 {
		*limit = min(50, max)
	}
	if *limit < 1 || *limit > max {
		return chat.InvalidField("limit", "limit_invalid", "limit is a number from 1 to %d.", max)
	}
	return nil
}

func (c *Core) checkNonce(nonce string) error {
	if len(nonce) > maxNonce || !utf8.ValidString(nonce) || strings.ContainsFunc(nonce, isControl) {
		return chat.InvalidField("nonce", "nonce_invalid", "A nonce has at most %d characters and no control characters.", maxNonce)
	}
	return nil
}

// cleanContent trims and checks what a person typed.
func cleanContent(s string, mayBeEmpty bool) (string, error) {
	if !utf8.ValidString(s) {
		return "", chat.InvalidField("content", "content_invalid", "The text is not valid UTF-8.")
	}
	if strings.ContainsRune(s, 0) {
		return "", chat.InvalidField("content", "content_invalid", "The text contains a NUL character.")
	}
	s = strings.TrimFunc(s, isBlank)
	if s == "" && !mayBeEmpty {
		return "", chat.InvalidField("content", "content_empty", "Write something first.")
	}
	if len(s) > MaxContent && utf8.RuneCountInString(s) > MaxContent {
		return "", chat.InvalidField("content", "content_too_long", "A message has at most %d characters.", MaxContent)
	}
	return s, nil
}

// Readable returns a room's settings if the actor may read it; its counters are not current. It is what live connections
// ask before they subscribe. Fails like Messages.
func (c *Core) Readable(ctx context.Context, by chat.Actor, room chat.RoomID) (chat.Room, error) {
	s, err := c.allow(ctx, by, chat.CanRead, room)
	if err != nil {
		return chat.Room{}, err
	}
	return s.room, nil
}
