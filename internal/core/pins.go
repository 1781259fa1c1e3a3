package core

import (
	"context"

	"parley/internal/chat"
)

// maxPins is how many messages of a room can be pinned.
const maxPins = 100

// Pin puts a message on the room's board (pin); Unpin takes it off. Repeating is fine and tells nobody. At most 100 pins a
// room (too_many_pins). Fails with message_not_found, message_deleted, pin_forbidden, room_archived.
func (c *Core) Pin(ctx context.Context, by chat.Actor, id chat.MessageID) (*chat.Message, error) {
	return c.setPinned(ctx, by, id, true)
}

// Unpin: see Pin.
func (c *Core) Unpin(ctx context.Context, by chat.Actor, id chat.MessageID) (*chat.Message, error) {
	return c.setPinned(ctx, by, id, false)
}

func (c *Core) setPinned(ctx context.Context, by chat.Actor, id chat.MessageID, pinned bool) (msg *chat.Message, err error) {
	old, err := c.readable(ctx, by, id)
	if err != nil {
		return nil, err
	}
	s, err := c.allow(ctx, by, chat.CanPin, old.RoomID)
	if err != nil {
		return nil, err
	}
	if err := c.openThread(ctx, s, old); err != nil {
		return nil, err
	}
	err = c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		if msg, err = tx.Message(ctx, id); err != nil {
			return nil, err
		}
		if msg.Pinned == pinned {
			return nil, c.fillMessages(ctx, msg)
		}
		if pinned && msg.Deleted {
			return nil, errMessageDeleted
		}
		if pinned {
			pins, err := tx.Pins(ctx, msg.RoomID)
			if err != nil {
				return nil, err
			}
			if len(pins) >= maxPins {
				return nil, chat.Errorf(chat.Conflict, "too_many_pins", "This room has %d pinned messages, which is the most there can be. Unpin one first.", len(pins))
			}
		}
		if msg, err = tx.SetPinned(ctx, id, pinned, by.UserID, c.now()); err != nil {
			return nil, err
		}
		if s.room.Type != chat.Direct { // there both may, and nobody moderates
			action := "message.unpin"
			if pinned {
				action = "message.pin"
			}
			if err := tx.AddAudit(ctx, c.audit(by, action, "message", id.String(), msg.RoomID, map[string]any{"author": msg.SenderID})); err != nil {
				return nil, err
			}
		}
		return []chat.Event{chat.MessageChanged{Message: msg, What: chat.ChangedPin}}, nil
	})
	if err != nil {
		return nil, err
	}
	return msg, nil
}

// Pins lists a room's pinned messages, newest pin first.
func (c *Core) Pins(ctx context.Context, by chat.Actor, room chat.RoomID) ([]chat.Message, error) {
	if _, err := c.allow(ctx, by, chat.CanRead, room); err != nil {
		return nil, err
	}
	pins, err := c.Store.Pins(ctx, room)
	if err != nil {
		return nil, err
	}
	return pins, c.fillMessages(ctx, pointers(pins)...)
}
