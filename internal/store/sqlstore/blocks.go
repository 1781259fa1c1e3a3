package sqlstore

import (
	"context"

	"parley/internal/chat"
)

// Blocks lists whom a user blocks, in the order it was done.
func (r reader) Blocks(ctx context.Context, user chat.UserID) ([]chat.Block, error) {
	return all(ctx, r.x, func(row scanner) (b chat.Block, err error) {
		err = row.Scan(&b.UserID, &b.BlockedID, asMillis(&b.CreatedAt))
		return b, err
	}, `SELECT user_id, blocked_id, created_at FROM blocks WHERE user_id = $1 ORDER BY created_at, blocked_id`, user)
}

// Blocked reports whether either of two people blocks the other.
func (r reader) Blocked(ctx context.Context, a, b chat.UserID) (bool, error) {
	return exists(ctx, r.x, `SELECT 1 FROM blocks WHERE (user_id = $1 AND blocked_id = $2) OR (user_id = $3 AND blocked_id = $4) LIMIT 1`, a, b, b, a)
}

// BlockersOf lists who blocks a user, in no order.
func (r reader) BlockersOf(ctx context.Context, user chat.UserID) ([]chat.UserID, error) {
	return all(ctx, r.x, scalar[chat.UserID], `SELECT user_id FROM blocks WHERE blocked_id = $1`, user)
}

// PutBlock blocks someone, and reports whether that is new. Fails with user_not_found.
func (t *tx) PutBlock(ctx context.Context, b chat.Block) (bool, error) {
	for _, id := range []chat.UserID{b.UserID, b.BlockedID} {
		if err := t.needUser(ctx, id); err != nil {
			return false, err
		}
	}
	n, err := t.x.exec(ctx, `INSERT INTO blocks (user_id, blocked_id, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		b.UserID, b.BlockedID, millis(b.CreatedAt))
	return n > 0, err
}

// DeleteBlock unblocks someone, and reports whether they were blocked.
func (t *tx) DeleteBlock(ctx context.Context, user, blocked chat.UserID) (bool, error) {
	n, err := t.x.exec(ctx, `DELETE FROM blocks WHERE user_id = $1 AND blocked_id = $2`, user, blocked)
	return n > 0, err
}
