package core

import (
	"context"

	"parley/internal/chat"
)

// Read is what a person says that they have read.
type Read struct {
	RoomID    chat.RoomID
	ThreadID  chat.MessageID // 0: the room itself
	MessageID chat.MessageID // up to this message, even if they had read further; 0: everything; ReadNothing: none of it
}

// ReadNothing is the place before every message.
const ReadNothing chat.MessageID = -1

// Shown returns a part of what clients list of a room, or of a thread of a forum: see chat.ShownQuery. Locked and archived threads
// can be read. Fails with room_not_found, thread_not_found, message_not_found, not_a_member, banned, timed_out.
func (c *Core) Shown(ctx context.Context, by chat.Actor, q chat.ShownQuery) (chat.ShownPage, error) {
	if _, err := c.allow(ctx, by, chat.CanRead, q.RoomID); err != nil {
		return chat.ShownPage{}, err
	}
	if err := c.threadOf(ctx, q.RoomID, q.ThreadID); err != nil {
		return chat.ShownPage{}, err
	}
	page, err := c.Store.Shown(ctx, q)
	if err != nil {
		return chat.ShownPage{}, err
	}
	return page, c.fillMessages(ctx, pointers(page.Messages)...)
}

// threadOf fails with thread_not_found unless a thread is one of the room; 0 is none.
func (c *Core) threadOf(ctx context.Context, room chat.RoomID, thread chat.MessageID) error {
	if thread == 0 {
		return nil
	}
	th, err := c.Store.Thread(ctx, thread)
	if err == nil && th.RoomID != room {
		err = errThreadNotFound
	}
	return err
}

// ReadPositions returns where the actor stands in rooms and in every thread of those that are forums, in no order. Rooms that
// they may not read are left out.
func (c *Core) ReadPositions(ctx context.Context, by chat.Actor, rooms []chat.RoomID) ([]chat.ReadPosition, error) {
	if _, err := c.person(ctx, by); err != nil {
		return nil, err
	}
	rooms, err := c.readableRooms(ctx, by, rooms)
	if err != nil {
		return nil, err
	}
	return c.Store.ReadPositions(ctx, by.UserID, rooms)
}

// ReadPosition returns where the actor stands in a room, or in a thread of it. Fails with room_not_found, thread_not_found,
// not_a_member.
func (c *Core) ReadPosition(ctx context.Context, by chat.Actor, room chat.RoomID, thread chat.MessageID) (chat.ReadPosition, error) {
	if _, err := c.person(ctx, by); err != nil {
		return chat.ReadPosition{}, err
	}
	if _, err := c.allow(ctx, by, chat.CanRead, room); err != nil {
		return chat.ReadPosition{}, err
	}
	if err := c.threadOf(ctx, room, thread); err != nil {
		return chat.ReadPosition{}, err
	}
	if thread != 0 {
		positions, err := c.Store.ThreadPositions(ctx, by.UserID, []chat.MessageID{thread})
		return positions[thread], err
	}
	positions, err := c.Store.ReadPositions(ctx, by.UserID, []chat.RoomID{room})
	for _, p := range positions {
		if p.ThreadID == 0 {
			return p, err
		}
	}
	return chat.ReadPosition{RoomID: room}, err
}

// AckRead moves the actor's read position, back too, and tells all their devices by PositionMoved, even where it stays. In rooms of
// the server they become a member by it. Notifications of what was read become read. It returns what was told; where there is
// nothing to read, its MessageID is 0 and nobody is told. Fails with room_not_found, thread_not_found, message_not_found,
// not_a_member.
func (c *Core) AckRead(ctx context.Context, by chat.Actor, r Read) (chat.PositionMoved, error) {
	told := chat.PositionMoved{UserID: by.UserID, RoomID: r.RoomID, ThreadID: r.ThreadID, Mark: markOf(ctx)}
	user, err := c.person(ctx, by)
	if err != nil {
		return told, err
	}
	s, err := c.allow(ctx, by, chat.CanRead, r.RoomID)
	if err != nil {
		return told, err
	}
	if s.member == nil && !s.room.Official {
		return told, chat.ErrNotAMember
	}
	if err := c.threadOf(ctx, r.RoomID, r.ThreadID); err != nil {
		return told, err
	}
	var seq chat.Seq
	switch r.MessageID {
	case ReadNothing:
	case 0:
		if told.MessageID, seq, err = c.Store.NewestShown(ctx, r.RoomID, r.ThreadID, 1<<53-1); err != nil || told.MessageID == 0 {
			return told, err
		}
	default:
		msg, err := c.messageIn(ctx, r.RoomID, r.MessageID)
		if err != nil || msg.ThreadID != r.ThreadID && r.ThreadID != 0 {
			return told, orNotFound(err)
		}
		told.MessageID, seq = msg.ID, msg.Seq
	}
	if err := c.moveRead(ctx, by, s, user, r, told.MessageID, seq); err != nil {
		return told, err
	}
	if told.MessageID != 0 {
		c.emit([]chat.Event{told})
	}
	return told, nil
}

func orNotFound(err error) error {
	if err == nil {
		err = chat.ErrMessageNotFound
	}
	return err
}

// moveRead stores a read position that is not there yet, and tells what follows from it.
func (c *Core) moveRead(ctx context.Context, by chat.Actor, s *seat, user *chat.User, r Read, id chat.MessageID, seq chat.Seq) error {
	upTo, err := c.notifiedUpTo(ctx, by.UserID, r.RoomID, seq)
	if err != nil {
		return err
	}
	var now chat.ReadPosition
	if r.ThreadID != 0 {
		positions, err := c.Store.ThreadPositions(ctx, by.UserID, []chat.MessageID{r.ThreadID})
		if err != nil {
			return err
		}
		now = positions[r.ThreadID]
	} else if positions, err := c.Store.ReadPositions(ctx, by.UserID, []chat.RoomID{r.RoomID}); err != nil {
		return err
	} else {
		for _, p := range positions {
			if p.ThreadID == 0 {
				now = p
			}
		}
	}
	if s.member != nil && upTo == 0 && now.LastRead == id && id != 0 {
		return nil
	}
	at := c.now()
	return c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		events, err := c.enterQuietly(ctx, tx, s, user)
		if err != nil {
			return nil, err
		}
		moved, err := c.setRead(ctx, tx, r, user.ID, seq)
		if err != nil {
			return nil, err
		}
		events = append(events, moved...)
		if upTo != 0 && r.ThreadID != 0 {
			_, err = tx.ReadThreadNotifications(ctx, user.ID, r.ThreadID, upTo, at)
		} else if upTo != 0 {
			_, err = tx.ReadRoomNotifications(ctx, user.ID, r.RoomID, upTo, at)
		}
		if err != nil {
			return nil, err
		}
		m, err := tx.Member(ctx, r.RoomID, user.ID)
		if err != nil {
			return nil, err
		}
		state := chat.UnreadChanged{UserID: user.ID, RoomID: r.RoomID, LastReadSeq: m.LastReadSeq}
		state.UnreadCount, state.MentionCount, err = tx.Unread(ctx, r.RoomID, user.ID)
		return append(events, state), err
	})
}

// setRead moves a position within a transaction and returns what others are to be told.
func (c *Core) setRead(ctx context.Context, tx Tx, r Read, user chat.UserID, seq chat.Seq) ([]chat.Event, error) {
	if r.ThreadID != 0 {
		return nil, tx.SetThreadRead(ctx, r.ThreadID, user, seq, c.now())
	}
	m, moved, err := tx.MarkRead(ctx, r.RoomID, user, seq, c.now())
	if err != nil {
		return nil, err
	}
	if moved {
		return []chat.Event{chat.ReadMoved{RoomID: r.RoomID, UserID: user, Seq: m.LastReadSeq}}, tx.ReadThreads(ctx, r.RoomID, user, m.LastReadSeq)
	}
	if m.LastReadSeq > seq {
		return nil, tx.SetRead(ctx, r.RoomID, user, seq, c.now())
	}
	return nil, nil
}

// readableRooms returns those of the rooms that the actor may read.
func (c *Core) readableRooms(ctx context.Context, by chat.Actor, rooms []chat.RoomID) ([]chat.RoomID, error) {
	readable := make([]chat.RoomID, 0, len(rooms))
	for _, room := range rooms {
		if _, err := c.allow(ctx, by, chat.CanRead, room); err != nil {
			if k := chat.AsError(err).Kind; k == chat.Forbidden || k == chat.NotFound {
				continue
			}
			return nil, err
		}
		readable = append(readable, room)
	}
	return readable, nil
}
