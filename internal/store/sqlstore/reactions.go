package sqlstore

import (
	"context"
	"slices"
	"time"

	"parley/internal/chat"
)

// fillReactions loads the reactions of messages, in the order they were given.
func (r reader) fillReactions(ctx context.Context, ids []chat.MessageID, byID map[chat.MessageID]*messageRow) error {
	list, args := in(nil, ids)
	return each(ctx, r.x, func(row scanner) error {
		var id chat.MessageID
		var emoji string
		var user chat.UserID
		if err := row.Scan(&id, &emoji, &user); err != nil {
			return err
		}
		m := byID[id]
		i := slices.IndexFunc(m.Reactions, func(r chat.Reaction) bool { return r.Emoji == emoji })
		if i < 0 {
			i = len(m.Reactions)
			m.Reactions = append(m.Reactions, chat.Reaction{Emoji: emoji})
		}
		m.Reactions[i].Users = append(m.Reactions[i].Users, user)
		return nil
	}, `SELECT message_id, emoji, user_id FROM reactions WHERE message_id IN `+list+` ORDER BY message_id, position`, args...)
}

// AddReaction implements core.Tx. A reaction that is there already, or on a tombstone, changes nothing.
func (t *tx) AddReaction(ctx context.Context, id chat.MessageID, user chat.UserID, emoji string, at time.Time) (msg *chat.Message, added bool, err error) {
	msg, err = t.Message(ctx, id)
	if err != nil || msg.Deleted {
		return msg, false, err
	}
	n, err := t.x.exec(ctx, `INSERT INTO reactions (message_id, emoji, user_id, position, created_at)
		VALUES ($1, $2, $3, (SELECT COALESCE(MAX(position), 0) + 1 FROM reactions WHERE message_id = $4), $5) ON CONFLICT DO NOTHING`,
		id, emoji, user, id, millis(at))
	if err != nil || n == 0 {
		return msg, false, err
	}
	msg, err = t.countReactions(ctx, id)
	return msg, err == nil, err
}

// RemoveReaction implements core.Tx.
func (t *tx) RemoveReaction(ctx context.Context, id chat.MessageID, user chat.UserID, emoji string) (msg *chat.Message, removed bool, err error) {
	n, err := t.x.exec(ctx, `DELETE FROM reactions WHERE message_id = $1 AND emoji = $2 AND user_id = $3`, id, emoji, user)
	if err != nil {
		return nil, false, err
	}
	if n == 0 {
		msg, err = t.Message(ctx, id)
		return msg, false, err
	}
	msg, err = t.countReactions(ctx, id)
	return msg, err == nil, err
}

// countReactions makes the counter of a message right and takes the room's next change_seq.
func (t *tx) countReactions(ctx context.Context, id chat.MessageID) (*chat.Message, error) {
	return t.touch(ctx, id, func(seq chat.Seq) error {
		_, err := t.x.exec(ctx, `UPDATE messages SET change_seq = $1, reactions = (SELECT COUNT(*) FROM reactions WHERE message_id = $2) WHERE id = $3`, seq, id, id)
		return err
	})
}
