package sqlstore

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"
	"time"

	"parley/internal/chat"
)

var (
	errThreadNotFound = chat.Errorf(chat.NotFound, "thread_not_found", "There is no such thread, or you cannot see it.")
	errThreadLocked   = chat.Errorf(chat.Forbidden, "thread_locked", "This thread is locked: it can be read, but nothing in it changes.")
)

const threadColumns = `t.id, t.room_id, t.name, t.created_by, t.created_at, t.locked, t.archived, t.last_message_id, t.last_message_at,
	t.message_count - t.deleted_count, t.version`

func scanThread(row scanner) (t chat.Thread, err error) {
	err = row.Scan(&t.ID, &t.RoomID, &t.Name, &t.CreatedBy, asMicros(&t.CreatedAt), &t.Locked, &t.Archived, &t.LastMessageID, asMicros(&t.LastMessageAt),
		&t.MessageCount, &t.Version)
	return t, err
}

// Thread implements core.Reader.
func (r reader) Thread(ctx context.Context, id chat.MessageID) (chat.Thread, error) {
	t, err := one(ctx, r.x, errThreadNotFound, scanThread, `SELECT `+threadColumns+` FROM threads t WHERE t.id = $1 AND NOT t.deleted`, int64(id))
	if err != nil {
		return t, err
	}
	list := []chat.Thread{t}
	err = r.participants(ctx, list)
	return list[0], err
}

// Threads implements core.Reader: those that are open first. Threads of the same time are in the order of their ids, the newest
// first.
func (r reader) Threads(ctx context.Context, rooms []chat.RoomID) (threads []chat.Thread, err error) {
	for chunk := range slices.Chunk(rooms, maxList) {
		list, args := in(nil, chunk)
		some, err := all(ctx, r.x, scanThread, `SELECT `+threadColumns+` FROM threads t WHERE NOT t.deleted AND t.room_id IN `+list, args...)
		if err != nil {
			return nil, err
		}
		threads = append(threads, some...)
	}
	slices.SortFunc(threads, func(a, b chat.Thread) int {
		return cmp.Or(cmp.Compare(bit(a.Archived), bit(b.Archived)), b.LastMessageAt.Compare(a.LastMessageAt), cmp.Compare(b.ID, a.ID))
	})
	return threads, r.participants(ctx, threads)
}

// RoomThreads implements core.Reader.
func (r reader) RoomThreads(ctx context.Context, room chat.RoomID, archived bool, p chat.Page) (threads []chat.Thread, next string, err error) {
	key, err := parseCursor(p.Cursor, 2)
	if err != nil {
		return nil, "", err
	}
	at, id := int64(math.MaxInt64), int64(math.MaxInt64)
	if key != nil {
		if at, err = strconv.ParseInt(key[0], 10, 64); err != nil {
			return nil, "", errCursorInvalid
		}
		if id, err = strconv.ParseInt(key[1], 10, 64); err != nil {
			return nil, "", errCursorInvalid
		}
	}
	limit := pageLimit(p)
	threads, err = all(ctx, r.x, scanThread, `SELECT `+threadColumns+` FROM threads t
		WHERE t.room_id = $1 AND t.archived = $2 AND NOT t.deleted AND (t.last_message_at, t.id) < ($3, $4)
		ORDER BY t.last_message_at DESC, t.id DESC LIMIT $5`, int64(room), archived, at, id, limit+1)
	if err != nil {
		return nil, "", err
	}
	threads, next = page(threads, limit, func(t chat.Thread) string {
		return makeCursor(strconv.FormatInt(micros(t.LastMessageAt), 10), t.ID.String())
	})
	return threads, next, r.participants(ctx, threads)
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// participants fills in who takes part in threads.
func (r reader) participants(ctx context.Context, threads []chat.Thread) error {
	type participant struct {
		user chat.UserID
		at   int64
	}
	by := make(map[chat.MessageID][]participant, len(threads))
	ids := make([]chat.MessageID, len(threads))
	for i, t := range threads {
		ids[i] = t.ID
	}
	for chunk := range slices.Chunk(ids, maxList) {
		list, args := in(nil, chunk)
		err := each(ctx, r.x, func(row scanner) error {
			var id chat.MessageID
			var p participant
			err := row.Scan(&id, &p.user, &p.at)
			by[id] = append(by[id], p)
			return err
		}, `SELECT thread_id, user_id, joined_at FROM thread_members WHERE thread_id IN `+list, args...)
		if err != nil {
			return err
		}
	}
	for i := range threads {
		t := &threads[i]
		people := by[t.ID]
		slices.SortFunc(people, func(a, b participant) int {
			return cmp.Or(cmp.Compare(bit(b.user == t.CreatedBy), bit(a.user == t.CreatedBy)), cmp.Compare(a.at, b.at), cmp.Compare(a.user, b.user))
		})
		for _, p := range people {
			t.Participants = append(t.Participants, p.user)
		}
	}
	return nil
}

// DeletedThreads implements core.Reader.
func (r reader) DeletedThreads(ctx context.Context) ([]chat.MessageID, error) {
	return all(ctx, r.x, scalar[chat.MessageID], `SELECT id FROM threads WHERE deleted ORDER BY id`)
}

// CreateThread implements core.Tx.
func (t *tx) CreateThread(ctx context.Context, th chat.Thread) error {
	if _, err := t.x.exec(ctx, `INSERT INTO threads (id, room_id, name, created_by, created_at, last_message_at) VALUES ($1, $2, $3, $4, $5, $6)`,
		int64(th.ID), int64(th.RoomID), th.Name, string(th.CreatedBy), micros(th.CreatedAt), micros(th.CreatedAt)); err != nil {
		return err
	}
	_, err := t.JoinThread(ctx, th.ID, th.CreatedBy, th.CreatedAt)
	return err
}

// UpdateThread implements core.Tx.
func (t *tx) UpdateThread(ctx context.Context, th chat.Thread) (chat.Thread, error) {
	if err := t.lockHead(ctx, th.RoomID); err != nil { // as whoever writes in it does
		return th, err
	}
	n, err := t.x.exec(ctx, `UPDATE threads SET name = $1, locked = $2, archived = $3, version = version + 1 WHERE id = $4 AND NOT deleted`,
		th.Name, th.Locked, th.Archived, int64(th.ID))
	if err = must(n, err, errThreadNotFound); err != nil {
		return th, err
	}
	return t.Thread(ctx, th.ID)
}

// HideThread implements core.Tx.
func (t *tx) HideThread(ctx context.Context, id chat.MessageID) error {
	room, err := one(ctx, t.x, errThreadNotFound, scalar[chat.RoomID], `SELECT room_id FROM threads WHERE id = $1`, int64(id))
	if err != nil {
		return err
	}
	if err := t.lockHead(ctx, room); err != nil {
		return err
	}
	n, err := t.x.exec(ctx, `UPDATE threads SET deleted = TRUE WHERE id = $1 AND NOT deleted`, int64(id))
	return must(n, err, errThreadNotFound)
}

// RemainingReplies implements core.Tx: oldest first, at most limit.
func (t *tx) RemainingReplies(ctx context.Context, id chat.MessageID, limit int) ([]chat.MessageID, error) {
	return all(ctx, t.x, scalar[chat.MessageID], `SELECT m.id FROM messages m WHERE m.thread_id = $1 AND m.thread_id > 0 AND NOT m.deleted ORDER BY m.seq LIMIT $2`,
		int64(id), limit)
}

// RemoveThread implements core.Tx.
func (t *tx) RemoveThread(ctx context.Context, id chat.MessageID) error {
	_, err := t.x.exec(ctx, `DELETE FROM threads WHERE id = $1 AND deleted`, int64(id)) // places and participants go with it
	return err
}

// JoinThread implements core.Tx.
func (t *tx) JoinThread(ctx context.Context, id chat.MessageID, user chat.UserID, at time.Time) (bool, error) {
	// An account that is gone since cannot take part, and whoever appends has no need to know.
	n, err := t.x.exec(ctx, `INSERT INTO thread_members (thread_id, user_id, joined_at)
		SELECT CAST($1 AS BIGINT), u.id, CAST($2 AS BIGINT) FROM users u WHERE u.id = $3 ON CONFLICT (thread_id, user_id) DO NOTHING`,
		int64(id), micros(at), string(user))
	return n > 0, err
}

// LeaveThread implements core.Tx.
func (t *tx) LeaveThread(ctx context.Context, id chat.MessageID, user chat.UserID) (bool, error) {
	n, err := t.x.exec(ctx, `DELETE FROM thread_members WHERE thread_id = $1 AND user_id = $2`, int64(id), string(user))
	return n > 0, err
}

// openForReply says whether something can be said in the thread of a draft. The room's head is locked, as it is for whoever locks
// or deletes the thread.
func (t *tx) openForReply(ctx context.Context, d *chat.Draft) error {
	locked, err := one(ctx, t.x, errThreadNotFound, scalar[bool], `SELECT locked FROM threads WHERE id = $1 AND room_id = $2 AND NOT deleted`,
		int64(d.ThreadID), int64(d.RoomID))
	if err == nil && locked {
		err = errThreadLocked
	}
	return err
}

// replied counts a message in its thread, brings the thread back if it was put away, and lets the sender take part and have read
// it.
func (t *tx) replied(ctx context.Context, a *appending) error {
	m := a.msg
	archived, err := one(ctx, t.x, errThreadNotFound, scalar[bool], `SELECT archived FROM threads WHERE id = $1`, int64(m.ThreadID))
	if err != nil {
		return err
	}
	if _, err := t.x.exec(ctx, `UPDATE threads SET last_message_id = $1, last_message_at = $2, message_count = message_count + 1, archived = FALSE,
			version = version + CASE WHEN archived THEN 1 ELSE 0 END WHERE id = $3`, int64(m.ID), micros(m.CreatedAt), int64(m.ThreadID)); err != nil {
		return err
	}
	if m.SenderID != "" {
		if _, err := t.JoinThread(ctx, m.ThreadID, m.SenderID, m.CreatedAt); err != nil {
			return err
		}
		if !a.draft.KeepRead {
			if err := t.SetThreadRead(ctx, m.ThreadID, m.SenderID, m.Seq, m.CreatedAt); err != nil {
				return err
			}
		}
	}
	if archived {
		th, err := t.Thread(ctx, m.ThreadID)
		if err != nil {
			return err
		}
		a.reopened = &th
	}
	return nil
}

// lostReply takes a reply that is deleted now off its thread. Native threads below a message have no row, and nothing happens.
func (t *tx) lostReply(ctx context.Context, old *chat.Message) error {
	last, err := all(ctx, t.x, scalar[chat.MessageID], `UPDATE threads SET deleted_count = deleted_count + 1 WHERE id = $1 RETURNING last_message_id`, int64(old.ThreadID))
	if err != nil || len(last) == 0 || last[0] != old.ID {
		return err
	}
	var id, at int64
	err = each(ctx, t.x, func(row scanner) error { return row.Scan(&id, &at) }, `SELECT m.id, m.created_at FROM messages m
		WHERE m.thread_id = $1 AND m.thread_id > 0 AND NOT m.deleted ORDER BY m.seq DESC LIMIT 1`, int64(old.ThreadID))
	if err != nil {
		return err
	}
	if id == 0 {
		_, err = t.x.exec(ctx, `UPDATE threads SET last_message_id = 0, last_message_at = created_at WHERE id = $1`, int64(old.ThreadID))
	} else {
		_, err = t.x.exec(ctx, `UPDATE threads SET last_message_id = $1, last_message_at = $2 WHERE id = $3`, id, at, int64(old.ThreadID))
	}
	return err
}

// SetThreadRead implements core.Tx.
func (t *tx) SetThreadRead(ctx context.Context, id chat.MessageID, user chat.UserID, seq chat.Seq, at time.Time) error {
	_, err := t.x.exec(ctx, `INSERT INTO thread_reads (user_id, thread_id, last_read_seq, last_read_at)
		SELECT u.id, CAST($1 AS BIGINT), CAST($2 AS BIGINT), CAST($3 AS BIGINT) FROM users u WHERE u.id = $4
		ON CONFLICT (user_id, thread_id) DO UPDATE SET last_read_seq = excluded.last_read_seq, last_read_at = excluded.last_read_at`,
		int64(id), int64(seq), millis(at), string(user))
	return err
}

// ReadThreadNotifications implements core.Tx.
func (t *tx) ReadThreadNotifications(ctx context.Context, user chat.UserID, thread, upTo chat.MessageID, at time.Time) (int, error) {
	n, err := t.x.exec(ctx, `UPDATE notifications SET read_at = $1
		WHERE user_id = $2 AND read_at = 0 AND message_id > 0 AND message_id <= $3
			AND EXISTS (SELECT 1 FROM messages m WHERE m.id = notifications.message_id AND m.thread_id = $4)`,
		millis(at), string(user), int64(upTo), int64(thread))
	return int(n), err
}
