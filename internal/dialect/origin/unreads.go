package origin

import (
	"context"
	"strconv"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/jsontext"
)

var unreadCommands = map[string]command{
	"unreads_ack": unreadsAck, "unreads_get": unreadsGet, "unreads_count": unreadsCount,
}

// readPacket says up to where somebody has read, in a channel or a thread.
type readPacket struct {
	Cmd      string  `json:"cmd"`
	LastRead *string `json:"last_read"`
	Channel  string  `json:"channel,omitempty"`
	ThreadID string  `json:"thread_id,omitempty"`
}

func (d *Dialect) readTo(ctx context.Context, cmd string, room chat.RoomID, thread, last chat.MessageID) readPacket {
	p := readPacket{Cmd: cmd}
	if last != 0 {
		id := d.ids.message(last)
		p.LastRead = &id
	}
	if thread != 0 {
		p.ThreadID = d.ids.thread(thread)
	} else {
		p.Channel = d.channelName(ctx, room)
	}
	return p
}

// positionMoved is unreads_update; nil where this protocol does not show the room.
func (d *Dialect) positionMoved(ctx context.Context, e chat.PositionMoved) any {
	if e.MessageID == 0 || d.factsOf(ctx, e.RoomID).hidden {
		return nil
	}
	return d.readTo(ctx, "unreads_update", e.RoomID, e.ThreadID, e.MessageID)
}

// ack moves the person's read position. All their connections have been told when it returns, this one before the reply.
func (s *socket) ack(ctx context.Context, q *request, r core.Read) (chat.PositionMoved, error) {
	d := s.dialect
	mark := d.nextMark(q)
	d.hub.Expect(mark, s.live, nil)
	told, err := d.core.AckRead(core.WithMark(ctx, mark), s.actor, r)
	if err != nil || told.MessageID == 0 {
		d.hub.Forget(mark)
		return told, err
	}
	d.hub.Await(mark)
	return told, nil
}

// unreadsAck marks a channel or a thread as read (specs: originchats-commands §12). A message that is not there is taken as given:
// nothing is read then.
func unreadsAck(ctx context.Context, s *socket, q *request) (any, error) {
	p, err := s.unreadPlace(ctx, q)
	if err != nil {
		return nil, err
	}
	given, err := q.text("message_id")
	if err != nil {
		return nil, err
	}
	d := s.dialect
	read := core.Read{RoomID: p.room.ID, ThreadID: p.threadID()}
	if given != "" {
		if read.MessageID = d.ids.readMessage(given); read.MessageID == 0 {
			read.MessageID = core.ReadNothing
		}
	}
	told, err := s.ack(ctx, q, read)
	if chat.CodeOf(err) == chat.ErrMessageNotFound.Code {
		read.MessageID = core.ReadNothing
		told, err = s.ack(ctx, q, read)
	}
	if err != nil {
		return nil, err
	}
	reply := d.readTo(ctx, q.cmd, p.room.ID, p.threadID(), told.MessageID)
	if read.MessageID == core.ReadNothing {
		reply.LastRead = &given
		update := reply
		update.Cmd = "unreads_update"
		s.tell(update)
	}
	return reply, nil
}

// unreadPlace is placeOf with the text that these commands have where no place is named.
func (s *socket) unreadPlace(ctx context.Context, q *request) (place, error) {
	if !q.given("channel") && !q.given("thread_id") {
		return place{}, refuse(q.cmd, "Channel or thread_id is required")
	}
	return s.placeOf(ctx, q)
}

// appendPosition appends the fields that say where somebody stands.
func (d *Dialect) appendPosition(b []byte, p chat.ReadPosition) []byte {
	b = append(b, `"last_read":`...)
	if p.LastRead != 0 {
		b = append(d.ids.append(append(b, '"'), messageKind, int64(p.LastRead)), '"')
	} else {
		b = append(b, "null"...)
	}
	b = strconv.AppendInt(append(b, `,"unread_count":`...), p.Unread, 10)
	return strconv.AppendInt(append(b, `,"total_messages":`...), p.Total, 10)
}

// unreadsGet lists where the person stands in every channel of text and every thread that they see.
func unreadsGet(ctx context.Context, s *socket, _ *request) (any, error) {
	d := s.dialect
	channels, err := d.rooms(ctx, s.actor)
	if err != nil {
		return nil, err
	}
	names := make(map[chat.RoomID]string, len(channels))
	text := make(map[chat.RoomID]bool, len(channels))
	var rooms []chat.RoomID
	for _, r := range channels {
		if r.Form == chat.Text || r.Form == chat.Forum {
			rooms = append(rooms, r.ID)
			names[r.ID], text[r.ID] = channelOf(r), r.Form == chat.Text
		}
	}
	positions, err := d.core.ReadPositions(ctx, s.actor, rooms)
	if err != nil {
		return nil, err
	}
	b := []byte(`{"cmd":"unreads_get","unreads":{`)
	first := true
	for _, p := range positions {
		if text[p.RoomID] == (p.ThreadID != 0) { // neither forums themselves nor threads of what was one
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		if p.ThreadID == 0 {
			b = d.appendPosition(append(jsontext.AppendString(b, names[p.RoomID]), ":{"...), p)
		} else {
			b = append(d.ids.append(append(b, `"thread/`...), threadKind, int64(p.ThreadID)), `":{`...)
			b = jsontext.AppendString(append(d.appendPosition(b, p), `,"parent_channel":`...), names[p.RoomID])
		}
		b = append(b, '}')
	}
	return written(append(b, "}}"...)), nil
}

// unreadsCount says where the person stands in one channel or thread.
func unreadsCount(ctx context.Context, s *socket, q *request) (any, error) {
	p, err := s.unreadPlace(ctx, q)
	if err == nil && p.thread == nil && p.room.Form != chat.Text {
		err = errNoView
	}
	if err != nil {
		return nil, err
	}
	d := s.dialect
	at, err := d.core.ReadPosition(ctx, s.actor, p.room.ID, p.threadID())
	if err != nil {
		return nil, err
	}
	b := []byte(`{"cmd":"unreads_count"`)
	if p.thread != nil {
		b = append(d.ids.append(append(b, `,"thread_id":"`...), threadKind, int64(p.thread.ID)), '"')
	} else {
		b = jsontext.AppendString(append(b, `,"channel":`...), d.channelName(ctx, p.room.ID))
	}
	return written(append(d.appendPosition(append(b, ','), at), '}')), nil
}
