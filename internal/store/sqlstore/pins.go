package sqlstore

import (
	"context"
	"time"

	"parley/internal/chat"
)

// Pins implements core.Reader.
func (r reader) Pins(ctx context.Context, room chat.RoomID) ([]chat.Message, error) {
	rows, err := r.messageRows(ctx, `SELECT `+messageColumns+` FROM messages m
		WHERE m.room_id = $1 AND m.pinned_at > 0 ORDER BY m.pinned_at DESC, m.id DESC`, room)
	if err != nil {
		return nil, err
	}
	return messageValues(rows), nil
}

// SetPinned implements core.Tx. A message that is already as wanted, or a tombstone, is returned as it is.
func (t *tx) SetPinned(ctx context.Context, id chat.MessageID, pinned bool, by chat.UserID, at time.Time) (*chat.Message, error) {
	if !pinned {
		by, at = "", time.Time{}
	}
	msg, err := t.Message(ctx, id)
	if err != nil || msg.Pinned == pinned {
		return msg, err
	}
	return t.touch(ctx, id, func(seq chat.Seq) error {
		_, err := t.x.exec(ctx, `UPDATE messages SET change_seq = $1, pinned_at = $2, pinned_by = $3 WHERE id = $4`, seq, micros(at), by, id)
		return err
	})
}
