package origin

import (
	"context"
	"encoding/json"
	"strconv"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/jsontext"
)

// historyCommands read parts of a history.
var historyCommands = map[string]command{
	"messages_get": messagesGet, "messages_around": messagesAround, "thread_messages": threadMessages,
}

// How many messages a list has (specs: originchats §16).
const (
	listDefault   = 100
	listMost      = 200
	aroundDefault = 50
)

// listed is what of a history is asked for: the limit and, as a number of newest messages to skip or as an id, the start.
type listed struct {
	limit  int
	skip   int64
	before chat.MessageID
	byID   bool // the start was an id, which before is unless it is none
}

func (q *request) listed() (l listed, err error) {
	limit, err := q.whole("limit", 0)
	if err != nil {
		return l, err
	}
	if limit < 0 {
		return l, q.wrongType("limit")
	}
	if limit == 0 {
		limit = listDefault
	}
	l.limit = int(min(limit, listMost))
	return l, nil
}

// start reads where a list starts.
func (l *listed) start(q *request, ids ids) (err error) {
	if !q.given("start") {
		return nil
	}
	if kindOf(q.fields["start"]) == "str" {
		text, err := q.text("start")
		l.byID, l.before = true, ids.readMessage(text)
		return err
	}
	l.skip, err = q.whole("start", 0)
	l.skip = min(max(l.skip, 0), 1<<52)
	return err
}

// page reads a part of a history. Before an id that is not there is nothing (DV-10). skip is how many newer messages there are.
func (s *socket) page(ctx context.Context, q *request, room chat.RoomID, thread chat.MessageID) (page chat.ShownPage, l listed, err error) {
	if l, err = q.listed(); err == nil {
		err = l.start(q, s.dialect.ids)
	}
	if err != nil || l.byID && l.before == 0 {
		return page, l, err
	}
	page, err = s.dialect.core.Shown(ctx, s.actor, chat.ShownQuery{RoomID: room, ThreadID: thread, Skip: l.skip, Before: l.before, Limit: l.limit})
	if l.byID {
		if chat.CodeOf(err) == chat.ErrMessageNotFound.Code {
			return chat.ShownPage{}, l, nil
		}
		l.skip = page.Total - page.First - int64(len(page.Messages))
	}
	return page, l, err
}

// readPlace is placeOf for commands that read a history, of which channels other than those of text have none.
func (s *socket) readPlace(ctx context.Context, q *request) (place, error) {
	p, err := s.placeOf(ctx, q)
	if err == nil && p.thread == nil && p.room.Form != chat.Text {
		err = errNoView
	}
	return p, err
}

// messagesGet reads a page of a channel or thread, which is read by it (specs: originchats-commands §3.5).
func messagesGet(ctx context.Context, s *socket, q *request) (any, error) {
	d := s.dialect
	p, err := s.readPlace(ctx, q)
	if err != nil {
		return nil, err
	}
	page, l, err := s.page(ctx, q, p.room.ID, p.threadID())
	if err != nil {
		return nil, err
	}
	if _, err := s.ack(ctx, q, core.Read{RoomID: p.room.ID, ThreadID: p.threadID()}); err != nil {
		return nil, err
	}
	b := d.appendAt(ctx, []byte(`{"cmd":"messages_get"`), p)
	b = d.appendList(ctx, append(b, `,"messages":`...), page.Messages)
	return written(append(appendRange(b, l.skip, l.skip+int64(l.limit)), '}')), nil
}

// appendAt appends a place: the channel, and the thread where it is one.
func (d *Dialect) appendAt(ctx context.Context, b []byte, p place) []byte {
	b = jsontext.AppendString(append(b, `,"channel":`...), d.channelName(ctx, p.room.ID))
	if p.thread != nil {
		b = append(d.ids.append(append(b, `,"thread_id":"`...), threadKind, int64(p.thread.ID)), '"')
	}
	return b
}

func appendRange(b []byte, start, end int64) []byte {
	b = strconv.AppendInt(append(b, `,"range":{"start":`...), start, 10)
	b = strconv.AppendInt(append(b, `,"end":`...), end, 10)
	return append(b, '}')
}

// messagesAround reads what stands around a message (specs: originchats-commands §3.6).
func messagesAround(ctx context.Context, s *socket, q *request) (any, error) {
	d := s.dialect
	around, err := q.text("around")
	if err != nil {
		return nil, err
	}
	if around == "" {
		return nil, refuse(q.cmd, "around (message ID) is required")
	}
	p, err := s.readPlace(ctx, q)
	if err != nil {
		return nil, err
	}
	newer, older, err := q.bounds()
	if err != nil {
		return nil, err
	}
	page := chat.ShownPage{}
	if id := d.ids.readMessage(around); id != 0 {
		page, err = d.core.Shown(ctx, s.actor, chat.ShownQuery{RoomID: p.room.ID, ThreadID: p.threadID(), Around: id, Newer: newer, Older: older})
	} else {
		err = chat.ErrMessageNotFound
	}
	if err != nil {
		return nil, inWords(err, q.cmd, map[string]string{chat.ErrMessageNotFound.Code: "Message not found"})
	}
	b := d.appendAt(ctx, []byte(`{"cmd":"messages_around"`), p)
	if p.thread == nil {
		b = append(b, `,"thread_id":null`...)
	}
	b = d.appendList(ctx, append(b, `,"messages":`...), page.Messages)
	return written(append(appendRange(b, page.First, page.First+int64(len(page.Messages))), '}')), nil
}

// bounds reads how many newer and older messages are asked for, each from 0 to listMost.
func (q *request) bounds() (newer, older int, err error) {
	fields, err := q.object("bounds")
	if err != nil {
		return 0, 0, err
	}
	in := request{cmd: q.cmd, fields: fields}
	read := func(field string) (n int64) {
		if err == nil {
			n, err = in.whole(field, aroundDefault)
		}
		return min(max(n, 0), listMost)
	}
	newer, older = int(read("above")), int(read("below"))
	return newer, older, err
}

type threadMessagesPacket struct {
	Cmd      string          `json:"cmd"`
	ThreadID string          `json:"thread_id"`
	Messages json.RawMessage `json:"messages"`
}

// threadMessages is messagesGet for threads in any state, and reads nothing by it.
func threadMessages(ctx context.Context, s *socket, q *request) (any, error) {
	th, err := s.threadSeen(ctx, q)
	if err != nil {
		return nil, err
	}
	page, _, err := s.page(ctx, q, th.RoomID, th.ID)
	if err != nil {
		return nil, err
	}
	return threadMessagesPacket{q.cmd, s.dialect.ids.thread(th.ID), s.dialect.appendList(ctx, nil, page.Messages)}, nil
}
