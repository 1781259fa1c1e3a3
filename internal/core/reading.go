package core

import (
	"context"

	"parley/internal/chat"
)

// Pin puts a message on the room's board (pin); Unpin takes it off. Repeating is fine and tells nobody. At most 100 pins a
// room (too_many_pins).
func (c *Core) Pin(ctx context.Context, by chat.Actor, id chat.MessageID) (*chat.Message, error) {
	return nil, errUnbuilt
}

// Unpin: see Pin.
func (c *Core) Unpin(ctx context.Context, by chat.Actor, id chat.MessageID) (*chat.Message, error) {
	return nil, errUnbuilt
}

// Pins lists a room's pinned messages, newest pin first.
func (c *Core) Pins(ctx context.Context, by chat.Actor, room chat.RoomID) ([]chat.Message, error) {
	return nil, errUnbuilt
}

// React adds one emoji of the actor's to a message: one Unicode emoji, or :custom:. Once per person, emoji and message
// (repeating is fine, added is false); 20 different ones per message (too_many_reactions). Fails with emoji_invalid,
// message_deleted, muted.
func (c *Core) React(ctx context.Context, by chat.Actor, id chat.MessageID, emoji string) (msg *chat.Message, added bool, err error) {
	return nil, false, errUnbuilt
}

// Unreact takes the actor's reaction back; without one nothing happens.
func (c *Core) Unreact(ctx context.Context, by chat.Actor, id chat.MessageID, emoji string) (msg *chat.Message, removed bool, err error) {
	return nil, false, errUnbuilt
}

// MarkRead moves the actor's read marker of a room up to seq, never back. Notifications of what was read become read.
// Emits ReadMoved and UnreadChanged if it moved.
func (c *Core) MarkRead(ctx context.Context, by chat.Actor, room chat.RoomID, seq chat.Seq) (chat.UnreadChanged, error) {
	return chat.UnreadChanged{}, errUnbuilt
}

// MarkReadMessage is MarkRead by message.
func (c *Core) MarkReadMessage(ctx context.Context, by chat.Actor, id chat.MessageID) (chat.UnreadChanged, error) {
	return chat.UnreadChanged{}, errUnbuilt
}

// MarkDelivered notes that a message of a direct room reached one of the person's clients. Emits ReadMoved{Delivered}.
func (c *Core) MarkDelivered(ctx context.Context, user chat.UserID, room chat.RoomID, seq chat.Seq) error {
	return errUnbuilt
}

// ReceiptView is a receipt with the person's profile.
type ReceiptView struct {
	User    *chat.User
	Receipt chat.Receipt
}

// Receipts says who read a message and when, earliest first, without its sender; at most 200.
func (c *Core) Receipts(ctx context.Context, by chat.Actor, id chat.MessageID) ([]ReceiptView, error) {
	return nil, errUnbuilt
}
