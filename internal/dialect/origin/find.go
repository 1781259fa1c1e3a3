package origin

import (
	"context"
	"fmt"

	"parley/internal/chat"
	"parley/internal/jsontext"
)

// findCommands look for messages.
var findCommands = map[string]command{
	"message_get": messageGet, "message_replies": messageReplies, "messages_search": messagesSearch, "pings_get": pingsGet,
}

// appendList appends messages as lists have them.
func (d *Dialect) appendList(ctx context.Context, b []byte, list []chat.Message) []byte {
	b = append(b, '[')
	for i := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = d.appendMessage(ctx, b, &list[i], false)
	}
	return append(b, ']')
}

// messageGet returns one message (specs: originchats-commands §3.7).
func messageGet(ctx context.Context, s *socket, q *request) (any, error) {
	d := s.dialect
	if !q.given("id") || !q.given("channel") && !q.given("thread_id") {
		return nil, refuse(q.cmd, "Channel/thread and message ID are required")
	}
	p, err := s.placeOf(ctx, q)
	if err != nil {
		return nil, err
	}
	if p.thread == nil && p.room.Form == chat.Forum { // the stock client asks for replies in threads this way
		if p.thread, err = s.threadHolding(ctx, q, p.room.ID); err != nil {
			return nil, err
		}
	}
	if p.thread == nil && p.room.Form != chat.Text {
		return nil, errNoView
	}
	m, err := s.messageOf(ctx, q, p, "Message not found")
	if err != nil {
		return nil, err
	}
	b := d.appendPlace(ctx, []byte(`{"cmd":"message_get"`), m)
	return written(append(d.appendMessage(ctx, append(b, `,"message":`...), m, false), '}')), nil
}

// threadHolding returns the thread of a forum that the message of a request is in; nil for none.
func (s *socket) threadHolding(ctx context.Context, q *request, room chat.RoomID) (*chat.Thread, error) {
	id, err := q.text("id")
	if err != nil {
		return nil, err
	}
	m, err := s.dialect.core.Message(ctx, s.actor, s.dialect.ids.readMessage(id))
	if chat.CodeOf(err) == chat.ErrMessageNotFound.Code || err == nil && (m.RoomID != room || m.ThreadID == 0) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	view, err := s.dialect.core.Thread(ctx, s.actor, m.ThreadID)
	return &view.Thread, err
}

// messageReplies lists the replies to a message of a channel, oldest first.
func messageReplies(ctx context.Context, s *socket, q *request) (any, error) {
	d := s.dialect
	channel, err := q.text("channel")
	if err != nil {
		return nil, err
	}
	id, err := q.text("id")
	if err != nil {
		return nil, err
	}
	if channel == "" || id == "" {
		return nil, refuse(q.cmd, "Channel name and message ID are required")
	}
	limit, err := q.whole("limit", 50)
	if err != nil {
		return nil, err
	}
	if limit < 0 {
		return nil, q.wrongType("limit")
	}
	room, err := s.textChannel(ctx, channel)
	if err != nil {
		return nil, err
	}
	replies, err := d.repliesTo(ctx, s.actor, room.ID, d.ids.readMessage(id), int(limit))
	if err != nil {
		return nil, err
	}
	b := jsontext.AppendString([]byte(`{"cmd":"message_replies","channel":`), channel)
	b = jsontext.AppendString(append(b, `,"message_id":`...), id)
	return written(append(d.appendList(ctx, append(b, `,"replies":`...), replies), '}')), nil
}

// repliesTo lists who answered a message itself; answers to answers are in the same thread and left out.
func (d *Dialect) repliesTo(ctx context.Context, by chat.Actor, room chat.RoomID, id chat.MessageID, limit int) (list []chat.Message, err error) {
	m, err := d.core.Message(ctx, by, id)
	if chat.CodeOf(err) == chat.ErrMessageNotFound.Code || err == nil && m.RoomID != room {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for query := (chat.MessagesQuery{After: id, Limit: 100}); len(list) < limit; {
		page, err := d.core.Replies(ctx, by, id, query)
		if err != nil {
			return nil, err
		}
		for _, r := range page.Messages {
			if r.ParentID == id && !r.Deleted && len(list) < limit {
				list = append(list, r)
			}
		}
		if !page.HasAfter || len(page.Messages) == 0 {
			break
		}
		query.After = page.Messages[len(page.Messages)-1].ID
	}
	return list, nil
}

// messagesSearch finds messages of a channel, newest first. Every word of the query has to begin a word of the message.
func messagesSearch(ctx context.Context, s *socket, q *request) (any, error) {
	d := s.dialect
	channel, err := q.text("channel")
	if err != nil {
		return nil, err
	}
	text, err := q.text("query")
	if err != nil {
		return nil, err
	}
	if channel == "" || text == "" {
		return nil, refuse(q.cmd, "Channel name and query are required")
	}
	room, err := s.textChannel(ctx, channel)
	if err != nil {
		return nil, err
	}
	found, err := d.core.SearchRoom(ctx, s.actor, room.ID, text, searchResults)
	if err != nil {
		return nil, err
	}
	b := jsontext.AppendString([]byte(`{"cmd":"messages_search","channel":`), channel)
	b = jsontext.AppendString(append(b, `,"query":`...), text)
	return written(append(d.appendList(ctx, append(b, `,"results":`...), found), '}')), nil
}

// pingsGet lists the messages that mention the person, a role of theirs, or reply to them (specs: originchats-commands §3.10).
func pingsGet(ctx context.Context, s *socket, q *request) (any, error) {
	d := s.dialect
	limit, err := q.whole("limit", 50)
	if err != nil || limit < 1 || limit > 100 {
		return nil, refuse(q.cmd, "Limit must be a number between 1 and 100")
	}
	offset, err := q.whole("offset", 0)
	if err != nil || offset < 0 {
		return nil, refuse(q.cmd, "Offset must be a non-negative number")
	}
	pings, total, err := d.core.Pings(ctx, s.actor, int(limit), int(offset))
	if err != nil {
		return nil, err
	}
	b := []byte(`{"cmd":"pings_get","messages":[`)
	for i := range pings {
		if i > 0 {
			b = append(b, ',')
		}
		b = d.appendMessage(ctx, b, &pings[i], false)
		b = append(d.appendPlace(ctx, b[:len(b)-1], &pings[i]), '}')
	}
	return written(fmt.Appendf(b, `],"offset":%d,"limit":%d,"total":%d}`, offset, limit, total)), nil
}
