package sqlstore

import (
	"cmp"
	"context"
	"slices"
	"time"

	"parley/internal/chat"
)

// receiptWindow is how many messages after the one asked for are looked through for answers of people who had then read it.
const receiptWindow = 500

// Receipts implements core.Reader: those who read first come first; hidden members are left out. Someone who writes has read
// what stands above. How long ago exactly is known for 90 days, after that the last move of the person's marker stands for it.
func (r reader) Receipts(ctx context.Context, room chat.RoomID, seq chat.Seq, limit int) ([]chat.Receipt, error) {
	type read struct {
		user     chat.UserID
		at, last int64 // the first mark, the last move
	}
	reads, err := all(ctx, r.x, func(row scanner) (v read, err error) {
		err = row.Scan(&v.user, &v.at, &v.last)
		return v, err
	}, `SELECT m.user_id, COALESCE((SELECT x.at FROM read_marks x WHERE x.room_id = m.room_id AND x.user_id = m.user_id AND x.seq >= $1 ORDER BY x.seq LIMIT 1), 0),
			m.last_read_at
		FROM members m WHERE m.room_id = $2 AND m.last_read_seq >= $3 AND NOT m.hidden`, seq, room, seq)
	if err != nil {
		return nil, err
	}
	wrote := make(map[chat.UserID]int64)
	err = each(ctx, r.x, func(row scanner) error {
		var user chat.UserID
		var at int64
		err := row.Scan(&user, &at)
		wrote[user] = at
		return err
	}, `SELECT sender_id, MIN(created_at) / 1000 FROM (
			SELECT sender_id, created_at FROM messages WHERE room_id = $1 AND seq >= $2 ORDER BY seq LIMIT $3
		) AS later GROUP BY sender_id`, room, seq, receiptWindow)
	if err != nil {
		return nil, err
	}
	receipts := make([]chat.Receipt, len(reads))
	for i, v := range reads {
		at := cmp.Or(v.at, v.last)
		if own := wrote[v.user]; own != 0 {
			at = min(at, own)
		}
		receipts[i] = chat.Receipt{UserID: v.user, ReadAt: fromMillis(at)}
	}
	slices.SortFunc(receipts, func(a, b chat.Receipt) int {
		return cmp.Or(a.ReadAt.Compare(b.ReadAt), cmp.Compare(a.UserID, b.UserID))
	})
	return receipts[:min(len(receipts), max(limit, 0))], nil
}

// lastMessage returns place and number of the newest message of a room at or before seq; zeros when there is none.
func (t *tx) lastMessage(ctx context.Context, room chat.RoomID, seq chat.Seq) (at chat.Seq, ordinal int64, err error) {
	err = each(ctx, t.x, func(row scanner) error { return row.Scan(&at, &ordinal) },
		`SELECT seq, ordinal FROM messages WHERE room_id = $1 AND seq <= $2 ORDER BY seq DESC LIMIT 1`, room, seq)
	return at, ordinal, err
}

// MarkRead implements core.Tx. Fails with member_not_found.
func (t *tx) MarkRead(ctx context.Context, room chat.RoomID, user chat.UserID, seq chat.Seq, at time.Time) (m chat.Member, moved bool, err error) {
	seq, ordinal, err := t.lastMessage(ctx, room, seq)
	if err != nil {
		return m, false, err
	}
	n, err := t.x.exec(ctx, `UPDATE members SET last_read_seq = $1, last_read_ordinal = $2, last_read_at = $3
		WHERE room_id = $4 AND user_id = $5 AND last_read_seq < $6`, seq, ordinal, millis(at), room, user, seq)
	if err != nil {
		return m, false, err
	}
	if n > 0 {
		if _, err := t.x.exec(ctx, `INSERT INTO read_marks (room_id, user_id, seq, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
			room, user, seq, millis(at)); err != nil {
			return m, false, err
		}
	}
	m, err = t.Member(ctx, room, user)
	return m, n > 0 && err == nil, err
}

// MarkDelivered implements core.Tx. Fails with member_not_found.
func (t *tx) MarkDelivered(ctx context.Context, room chat.RoomID, user chat.UserID, seq chat.Seq) (moved bool, err error) {
	seq, _, err = t.lastMessage(ctx, room, seq)
	if err != nil {
		return false, err
	}
	n, err := t.x.exec(ctx, `UPDATE members SET last_delivered_seq = $1 WHERE room_id = $2 AND user_id = $3 AND last_delivered_seq < $4`, seq, room, user, seq)
	if err != nil || n > 0 {
		return n > 0, err
	}
	return false, t.need(ctx, chat.ErrMemberNotFound, `SELECT 1 FROM members WHERE room_id = $1 AND user_id = $2`, room, user)
}
