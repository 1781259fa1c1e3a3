package core

import (
	"context"
	"slices"
	"time"

	"parley/internal/chat"
)

// maxReceipts bounds the list of who read a message.
const maxReceipts = 200

// MarkRead moves the actor's read marker of a room up to seq, never back. Notifications of what was read become read.
// Emits ReadMoved and UnreadChanged if it moved. Fails with room_not_found, not_a_member, seq_invalid.
func (c *Core) MarkRead(ctx context.Context, by chat.Actor, room chat.RoomID, seq chat.Seq) (chat.UnreadChanged, error) {
	if seq < 0 {
		return chat.UnreadChanged{}, chat.InvalidField("seq", "seq_invalid", "seq is the place of a message: a number from 0.")
	}
	if _, err := c.person(ctx, by); err != nil {
		return chat.UnreadChanged{}, err
	}
	s, err := c.allow(ctx, by, chat.CanRead, room)
	if err != nil {
		return chat.UnreadChanged{}, err
	}
	if s.member == nil {
		return chat.UnreadChanged{}, chat.ErrNotAMember
	}
	// Before the transaction, which every reader of a busy room needs: what is not here yet is not read by this either.
	upTo, err := c.notifiedUpTo(ctx, by.UserID, room, seq)
	if err != nil {
		return chat.UnreadChanged{}, err
	}
	now := c.now()
	state := chat.UnreadChanged{UserID: by.UserID, RoomID: room}
	if m, err := c.Store.Member(ctx, room, by.UserID); err == nil && upTo == 0 && m.LastReadSeq >= seq && s.room.Form != chat.Forum { // another device was faster
		state.LastReadSeq = m.LastReadSeq
		state.UnreadCount, state.MentionCount, err = c.Store.Unread(ctx, room, by.UserID)
		return state, err
	}
	err = c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		if upTo != 0 {
			if _, err := tx.ReadRoomNotifications(ctx, by.UserID, room, upTo, now); err != nil {
				return nil, err
			}
		}
		m, moved, err := tx.MarkRead(ctx, room, by.UserID, seq, now)
		if err != nil {
			return nil, err
		}
		state.LastReadSeq = m.LastReadSeq
		if s.room.Form == chat.Forum { // and so everything in its threads, wherever one stood in them
			if err := tx.ReadThreads(ctx, room, by.UserID, m.LastReadSeq); err != nil {
				return nil, err
			}
			moved = true
		}
		if state.UnreadCount, state.MentionCount, err = tx.Unread(ctx, room, by.UserID); err != nil || !moved {
			return nil, err
		}
		events := []chat.Event{chat.ReadMoved{RoomID: room, UserID: by.UserID, Seq: m.LastReadSeq}, state}
		if s.room.Official { // where clients tell read messages by their ids
			id, _, err := tx.NewestShown(ctx, room, 0, m.LastReadSeq)
			if err != nil {
				return nil, err
			}
			events = append(events, chat.PositionMoved{UserID: by.UserID, RoomID: room, MessageID: id})
		}
		return events, nil
	})
	if chat.CodeOf(err) == chat.ErrMemberNotFound.Code {
		err = chat.ErrNotAMember
	}
	return state, err
}

// notifiedUpTo finds the newest message of a room at or before a place of which the person has an unread notification; 0
// for none. Usually there is none, which takes one query.
func (c *Core) notifiedUpTo(ctx context.Context, user chat.UserID, room chat.RoomID, seq chat.Seq) (chat.MessageID, error) {
	for page := (chat.Page{Limit: 100}); ; {
		list, next, err := c.Store.Notifications(ctx, user, true, c.now(), page)
		if err != nil {
			return 0, err
		}
		var ids []chat.MessageID
		for _, n := range list {
			if n.RoomID == room && n.MessageID != 0 {
				ids = append(ids, n.MessageID)
			}
		}
		if len(ids) > 0 {
			messages, err := c.Store.MessagesByID(ctx, ids)
			if err != nil {
				return 0, err
			}
			var newest chat.MessageID
			for _, m := range messages {
				if m.Seq <= seq {
					newest = max(newest, m.ID)
				}
			}
			if newest != 0 {
				return newest, nil
			}
		}
		if page.Cursor = next; next == "" {
			return 0, nil
		}
	}
}

// MarkReadMessage is MarkRead by message. Fails with message_not_found too.
func (c *Core) MarkReadMessage(ctx context.Context, by chat.Actor, id chat.MessageID) (chat.UnreadChanged, error) {
	msg, err := c.readable(ctx, by, id)
	if err != nil {
		return chat.UnreadChanged{}, err
	}
	return c.MarkRead(ctx, by, msg.RoomID, msg.Seq)
}

// MarkDelivered notes that a message of a direct room reached one of the person's clients. Emits ReadMoved{Delivered} if
// it is news; other rooms have no such mark, and nothing happens.
func (c *Core) MarkDelivered(ctx context.Context, user chat.UserID, room chat.RoomID, seq chat.Seq) error {
	s, err := c.seat(ctx, chat.Actor{UserID: user}, room)
	if err != nil {
		return err
	}
	if s.member == nil || s.room.Type != chat.Direct || s.member.LastDeliveredSeq >= seq || s.member.LastReadSeq >= seq {
		return nil
	}
	return c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		moved, err := tx.MarkDelivered(ctx, room, user, seq)
		if err != nil || !moved {
			return nil, err
		}
		m, err := tx.Member(ctx, room, user)
		return []chat.Event{chat.ReadMoved{RoomID: room, UserID: user, Seq: m.LastDeliveredSeq, Delivered: true}}, err
	})
}

// ReceiptView is a receipt with the person's profile.
type ReceiptView struct {
	User    *chat.User
	Receipt chat.Receipt
}

// Receipts says who read a message and when, earliest first, without its sender; at most 200. Fails with message_not_found,
// not_a_member.
func (c *Core) Receipts(ctx context.Context, by chat.Actor, id chat.MessageID) ([]ReceiptView, error) {
	msg, err := c.readable(ctx, by, id)
	if err != nil {
		return nil, err
	}
	receipts, err := c.Store.Receipts(ctx, msg.RoomID, msg.Seq, maxReceipts+1) // the sender may be among them
	if err != nil {
		return nil, err
	}
	ids := make([]chat.UserID, len(receipts))
	for i, r := range receipts {
		ids[i] = r.UserID
	}
	members, err := c.Store.MembersAmong(ctx, msg.RoomID, ids)
	if err != nil {
		return nil, err
	}
	joined := make(map[chat.UserID]time.Time, len(members))
	for _, m := range members {
		joined[m.UserID] = m.JoinedAt
	}
	// Who joined later began with everything read, in the moment of joining: that is no receipt.
	receipts = slices.DeleteFunc(receipts, func(r chat.Receipt) bool {
		return r.UserID == msg.SenderID || joined[r.UserID].After(msg.CreatedAt) && !r.ReadAt.After(joined[r.UserID])
	})
	receipts = receipts[:min(len(receipts), maxReceipts)]
	users, err := c.users.get(ctx, ids)
	if err != nil {
		return nil, err
	}
	views := make([]ReceiptView, 0, len(receipts))
	for _, r := range receipts {
		if user := users[r.UserID]; user != nil {
			views = append(views, ReceiptView{User: c.Effective(user), Receipt: r})
		}
	}
	return views, nil
}
