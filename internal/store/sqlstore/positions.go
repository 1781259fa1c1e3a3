package sqlstore

import (
	"context"
	"slices"
	"time"

	"parley/internal/chat"
)

// roomPosition reads where a person ($1) stands in rooms h. Who is no member has read nothing.
const roomPosition = `SELECT h.room_id, 0,
		COALESCE((SELECT m.id FROM messages m WHERE m.room_id = h.room_id AND m.seq <= b.last_read_seq AND ` + isShown + ` ORDER BY m.seq DESC LIMIT 1), 0),
		h.message_count - COALESCE(b.last_read_ordinal, 0)
			- (SELECT COUNT(*) FROM messages m WHERE m.room_id = h.room_id AND m.seq > COALESCE(b.last_read_seq, 0) AND ` + isSilent + `),
		h.message_count - h.deleted_count
	FROM room_heads h LEFT JOIN members b ON b.room_id = h.room_id AND b.user_id = $1
	WHERE h.room_id IN `

// readTo is up to where somebody has read a thread: to their own place in it (x), else to where they stand in its room (b), which
// is where they came in.
const readTo = `COALESCE(x.last_read_seq, b.last_read_seq, 0)`

// threadUnread counts the replies of thread t that somebody has not read.
const threadUnread = `(SELECT COUNT(*) FROM messages m WHERE m.thread_id = t.id AND m.thread_id > 0 AND m.seq > ` + readTo + `)
			- (SELECT COUNT(*) FROM messages m WHERE m.thread_id = t.id AND m.thread_id > 0 AND m.deleted AND m.seq > ` + readTo + `)`

// threadPosition reads where a person ($1, again $2) stands in threads t.
const threadPosition = `SELECT t.room_id, t.id,
		COALESCE((SELECT m.id FROM messages m WHERE m.thread_id = t.id AND m.thread_id > 0 AND m.seq <= ` + readTo + ` AND ` + isShown + ` ORDER BY m.seq DESC LIMIT 1), 0),
		` + threadUnread + `,
		t.message_count - t.deleted_count
	FROM threads t LEFT JOIN thread_reads x ON x.user_id = $1 AND x.thread_id = t.id LEFT JOIN members b ON b.room_id = t.room_id AND b.user_id = $2
	WHERE NOT t.deleted AND `

func scanPosition(row scanner) (p chat.ReadPosition, err error) {
	err = row.Scan(&p.RoomID, &p.ThreadID, &p.LastRead, &p.Unread, &p.Total)
	return p, err
}

// ReadPositions implements core.Reader.
func (r reader) ReadPositions(ctx context.Context, user chat.UserID, rooms []chat.RoomID) (positions []chat.ReadPosition, err error) {
	for chunk := range slices.Chunk(rooms, maxList) {
		list, args := in([]any{string(user)}, chunk)
		some, err := all(ctx, r.x, scanPosition, roomPosition+list, args...)
		if err != nil {
			return nil, err
		}
		positions = append(positions, some...)
		list, args = in([]any{string(user), string(user)}, chunk)
		if some, err = all(ctx, r.x, scanPosition, threadPosition+`t.room_id IN `+list, args...); err != nil {
			return nil, err
		}
		positions = append(positions, some...)
	}
	return positions, nil
}

// ThreadPositions implements core.Reader.
func (r reader) ThreadPositions(ctx context.Context, user chat.UserID, threads []chat.MessageID) (map[chat.MessageID]chat.ReadPosition, error) {
	positions := make(map[chat.MessageID]chat.ReadPosition, len(threads))
	for chunk := range slices.Chunk(threads, maxList) {
		list, args := in([]any{string(user), string(user)}, chunk)
		some, err := all(ctx, r.x, scanPosition, threadPosition+`t.id IN `+list, args...)
		if err != nil {
			return nil, err
		}
		for _, p := range some {
			positions[p.ThreadID] = p
		}
	}
	return positions, nil
}

// SetRead implements core.Tx. Fails with member_not_found.
func (t *tx) SetRead(ctx context.Context, room chat.RoomID, user chat.UserID, seq chat.Seq, at time.Time) error {
	seq, ordinal, err := t.lastMessage(ctx, room, seq)
	if err != nil {
		return err
	}
	n, err := t.x.exec(ctx, `UPDATE members SET last_read_seq = $1, last_read_ordinal = $2, last_read_at = $3 WHERE room_id = $4 AND user_id = $5`,
		int64(seq), ordinal, millis(at), int64(room), string(user))
	return must(n, err, chat.ErrMemberNotFound)
}

// ReadThreads implements core.Tx.
func (t *tx) ReadThreads(ctx context.Context, room chat.RoomID, user chat.UserID, seq chat.Seq) error {
	_, err := t.x.exec(ctx, `DELETE FROM thread_reads WHERE user_id = $1 AND last_read_seq < $2
		AND thread_id IN (SELECT t.id FROM threads t WHERE t.room_id = $3 AND NOT t.deleted)`, string(user), int64(seq), int64(room))
	return err
}

// forumUnread counts, for each of the forums among rooms, what a member has not read in all its threads together, and how often
// that mentions them.
func (r reader) forumUnread(ctx context.Context, user chat.UserID, rooms []chat.RoomID) (map[chat.RoomID][2]int64, error) {
	counts := make(map[chat.RoomID][2]int64, len(rooms))
	for chunk := range slices.Chunk(rooms, maxList) {
		list, args := in([]any{string(user), string(user)}, chunk)
		err := each(ctx, r.x, func(row scanner) error {
			var room chat.RoomID
			var unread int64
			err := row.Scan(&room, &unread)
			n := counts[room]
			n[0] += unread
			counts[room] = n
			return err
		}, `SELECT t.room_id, `+threadUnread+`
			FROM threads t LEFT JOIN thread_reads x ON x.user_id = $1 AND x.thread_id = t.id JOIN members b ON b.room_id = t.room_id AND b.user_id = $2
			WHERE NOT t.deleted AND t.room_id IN `+list, args...)
		if err != nil {
			return nil, err
		}
		list, args = in([]any{string(user)}, chunk)
		err = each(ctx, r.x, func(row scanner) error {
			var room chat.RoomID
			err := row.Scan(&room)
			n := counts[room]
			n[1]++
			counts[room] = n
			return err
		}, `SELECT c.room_id FROM mentions c JOIN messages m ON m.id = c.message_id
				LEFT JOIN members b ON b.room_id = c.room_id AND b.user_id = c.user_id
				LEFT JOIN thread_reads x ON x.user_id = c.user_id AND x.thread_id = m.thread_id
			WHERE c.user_id = $1 AND c.seq > `+readTo+` AND c.room_id IN `+list, args...)
		if err != nil {
			return nil, err
		}
	}
	return counts, nil
}
