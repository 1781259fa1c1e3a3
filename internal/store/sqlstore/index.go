package sqlstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"time"

	"modernc.org/sqlite"

	"parley/internal/chat"
	"parley/internal/fold"
)

// indexBulk is how many messages one transaction of the index takes in: a word that occurs in many of them is then written
// once, which makes a message several times cheaper than in a transaction of its own, and writers wait for some milliseconds only.
const indexBulk = 512

// indexDelay is how long messages may stay out of the index while nobody searches.
const indexDelay = time.Second

// The index of SQLite keeps no text of its own, so what it holds of a message is computed from the row, the same way when it
// goes in and when it comes out. unicode61, the usual tokenizer, has nothing to do for folded text.
const (
	indexSource = ` m.id, CASE WHEN m.search = '' THEN fold(m.content) ELSE m.search END,
		'r' || m.room_id || ' s' || replace(m.sender_id, '-', '') || CASE WHEN m.attachments > 0 THEN ' attachments' ELSE '' END
			|| CASE WHEN m.links <> '' AND m.links NOT LIKE '[{"picture"%' THEN ' links' ELSE '' END
		FROM messages m WHERE m.search IS NOT NULL`
	indexInto   = `INSERT INTO search (rowid, text, meta) SELECT` + indexSource
	indexOutOf  = `INSERT INTO search (search, rowid, text, meta) SELECT 'delete',` + indexSource
	indexHolds  = ` AND m.id <= (SELECT last_id FROM search_state)`
	indexBehind = `SELECT COALESCE((SELECT MAX(id) FROM messages), 0) > (SELECT last_id FROM search_state)`
)

func init() {
	sqlite.MustRegisterDeterministicScalarFunction("fold", 1, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		text, ok := args[0].(string)
		if !ok {
			return nil, errors.New("fold wants a text")
		}
		return fold.Fold(text), nil
	})
}

// reindex runs a change to a message's row and makes the index follow it in the same transaction. What the index has not
// reached yet it will find changed.
func (t *tx) reindex(ctx context.Context, id chat.MessageID, change func() error) error {
	if !t.s.fl.indexed {
		if err := change(); err != nil {
			return err
		}
		return t.putSearch(ctx, id)
	}
	if _, err := t.x.exec(ctx, indexOutOf+indexHolds+` AND m.id = $1`, id); err != nil {
		return err
	}
	if err := change(); err != nil {
		return err
	}
	_, err := t.x.exec(ctx, indexInto+indexHolds+` AND m.id = $1`, id)
	return err
}

// manyDeletions is from how many messages on a deletion only marks them as gone in the index, and their words are taken out
// by merging afterwards. Taking the words of one message out at once costs a millisecond of processor time.
const manyDeletions = 50

// unindexRoom takes a room that is about to go out of the index.
func (t *tx) unindexRoom(ctx context.Context, room chat.RoomID) error {
	if !t.s.fl.indexed {
		_, err := t.x.exec(ctx, `DELETE FROM search WHERE message_id IN (SELECT id FROM messages WHERE room_id = $1)`, room)
		return err
	}
	many, err := exists(ctx, t.x, `SELECT 1 FROM room_heads WHERE room_id = $1 AND message_count >= $2`, room, manyDeletions)
	if err != nil {
		return err
	}
	if many {
		if err := t.mark(ctx, 0); err != nil {
			return err
		}
	}
	if _, err := t.x.exec(ctx, indexOutOf+indexHolds+` AND m.room_id = $1`, room); err != nil || !many {
		return err
	}
	if _, err := t.x.exec(ctx, `UPDATE search_state SET purge = 1`); err != nil {
		return err
	}
	t.w.purging = true
	return t.mark(ctx, 1)
}

// mark says whether the index takes words out at once (1) or only marks them (0).
func (t *tx) mark(ctx context.Context, secure int) error {
	_, err := t.x.exec(ctx, `INSERT INTO search (search, rank) VALUES ('secure-delete', $1)`, secure)
	return err
}

// purgePages is how many pages of the index one step of merging writes, so that writers wait for some milliseconds only.
const purgePages = 16

// purgeSome merges the index one step further, inside a transaction, until nothing is left of what was only marked as gone.
func purgeSome(ctx context.Context, x execer) (done bool, err error) {
	state, err := one(ctx, x, chat.ErrNotFound, scalar[int], `SELECT purge FROM search_state`)
	if err != nil || state == 0 {
		return true, err
	}
	pages := purgePages
	if state == 1 {
		pages = -purgePages // begins: everything there is goes into one merge
	}
	const changes = `SELECT total_changes()`
	before, err := one(ctx, x, chat.ErrNotFound, scalar[int64], changes)
	if err != nil {
		return false, err
	}
	if _, err := x.exec(ctx, `INSERT INTO search (search, rank) VALUES ('merge', $1)`, pages); err != nil {
		return false, err
	}
	after, err := one(ctx, x, chat.ErrNotFound, scalar[int64], changes)
	if err != nil {
		return false, err
	}
	next := 2
	if done = state == 2 && after-before < 2; done { // one is the statement itself
		next = 0
	}
	_, err = x.exec(ctx, `UPDATE search_state SET purge = $1`, next)
	return done, err
}

// resetIndex empties an index that was made by other rules of folding; the writer then fills it again.
func resetIndex(ctx context.Context, x execer) error {
	same, err := exists(ctx, x, `SELECT 1 FROM search_state WHERE version = $1`, fold.Version)
	if err != nil || same {
		return err
	}
	if _, err := x.exec(ctx, `INSERT INTO search (search) VALUES ('delete-all')`); err != nil {
		return err
	}
	_, err = x.exec(ctx, `UPDATE search_state SET last_id = 0, version = $1, purge = 0`, fold.Version)
	return err
}

// indexSome takes the next bulk of messages in, inside a transaction, and reports how many rows it went over.
func indexSome(ctx context.Context, x execer) (n int64, err error) {
	var last, upTo int64
	if err := each(ctx, x, func(row scanner) error { return row.Scan(&last) }, `SELECT last_id FROM search_state`); err != nil {
		return 0, err
	}
	if err := each(ctx, x, func(row scanner) error { return row.Scan(&n, &upTo) },
		`SELECT COUNT(*), COALESCE(MAX(id), 0) FROM (SELECT id FROM messages WHERE id > $1 ORDER BY id LIMIT $2) AS next`, last, indexBulk); err != nil || n == 0 {
		return 0, err
	}
	if _, err := x.exec(ctx, indexInto+` AND m.id > $1 AND m.id <= $2 ORDER BY m.id`, last, upTo); err != nil {
		return 0, err
	}
	_, err = x.exec(ctx, `UPDATE search_state SET last_id = $1`, upTo)
	return n, err
}

// waitIndexed returns when the index holds everything that was committed before the call, and inside a transaction also what
// the transaction did.
func (r reader) waitIndexed(ctx context.Context) error {
	if !r.s.fl.indexed {
		return nil
	}
	behind, err := one(ctx, r.x, chat.ErrNotFound, scalar[bool], indexBehind)
	if err != nil || !behind {
		return err
	}
	if _, inside := r.x.(*session); !inside {
		return r.s.submit(ctx, &call{index: true})
	}
	for {
		if n, err := indexSome(ctx, r.x); err != nil || n < indexBulk {
			return err
		}
	}
}
