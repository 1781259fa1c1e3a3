package sqlstore

import (
	"context"
	crypto "crypto/rand"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/internal/chat"
)

// How long the calls of a store on a server go on when it does not answer or others get in the way.
const (
	patience           = 8 * time.Second  // from the call to Unavailable; a server that restarts is back before
	transactionTimeout = 30 * time.Second // of one transaction, from its begin
	outcomeTimeout     = 20 * time.Second // until a lost commit is given up as unknown; the server ends a forgotten one before
	maxTries           = 40               // of one transaction, before it is told that others got in its way
	markLife           = 24 * time.Hour   // of a row of a connection that is no more
	crowdedTries       = 3                // before a Change asks the others of this node to stand back
)

var (
	errLate    = &chat.Error{Kind: chat.Unavailable, Code: "unavailable", Text: "The database is not available. Try again in a moment."}
	errUnknown = errors.New("the connection was lost during the commit, and whether it happened is not known")
)

// remote is what a session on a server needs beyond an SQLite file.
type remote struct {
	ctx    context.Context // of the transaction
	writer string          // the row in commit_marks, another one for each connection
	opened time.Time
	mark   int64         // of the transaction that runs, or ran last
	heads  []chat.RoomID // of the rooms that the transaction locks, or failed to
	turn   *turn
}

// locking notes, before a statement, which room's head it locks.
func (t *tx) locking(room chat.RoomID) {
	if c := t.w.conn; t.s.fl.remote {
		c.heads = append(c.heads, room)
	}
}

// locked takes the transaction's place in the line of a subject that is now locked in the database; with an error it is not.
func (t *tx) locked(err error, s subject) {
	if t.s.fl.remote && err == nil {
		t.s.writers.Load().order.join(t.w.conn.turn, s)
	}
}

// lockHead locks the head of a room, if there is one, so that what follows is told in the order of the commits.
func (t *tx) lockHead(ctx context.Context, room chat.RoomID) error {
	if !t.s.fl.remote {
		return nil // one writer locks everything
	}
	t.locking(room)
	found, err := exists(ctx, t.x, `SELECT 1 FROM room_heads h WHERE room_id = $1`+t.s.fl.lockHeads, int64(room))
	if found {
		t.locked(err, subject{room: room})
	}
	return err
}

// serve runs one batch of messages or one Change until it is committed, refused, or out of patience. The turn it returns has to
// be left in any case.
func (w *writer) serve(appends []*appending, changes []*call, since time.Time) (*turn, error) {
	ws := w.s.writers.Load()
	var rooms []chat.RoomID // that others got in the way in
	clashes := 0            // how often they did
	for try := 0; ; try++ {
		for _, a := range appends {
			*a = appending{draft: a.draft}
		}
		var err error
		switch {
		case len(changes) == 0:
			err = w.attempt(w.s.fl.beginAppend+lockRooms(appends), nil, func(t *tx) error { return t.append(w.conn.ctx, appends) })
		case clashes < crowdedTries:
			ws.crowd.RLock()
			err = w.attempt(w.s.fl.beginChange, rooms, func(t *tx) error { return t.runAlone(changes[0]) })
			ws.crowd.RUnlock()
		default:
			ws.crowd.Lock()
			err = w.attempt(w.s.fl.beginChange, rooms, func(t *tx) error { return t.runAlone(changes[0]) })
			ws.crowd.Unlock()
		}
		if err == nil {
			return w.conn.turn, nil
		}
		w.senders.settle(false)
		if place := w.conn.turn; place != nil {
			ws.order.leave(place, func() {})
		}
		switch pause := backoff(try); {
		case errors.Is(err, errUnknown):
			return newTurn(), &chat.Error{Kind: chat.Unavailable, Code: errLate.Code, Text: errLate.Text, Cause: err}
		case w.s.fl.again(err) && clashes < maxTries:
			clashes++
			rooms = slices.Clone(w.conn.heads)
			w.pause(pause)
		case w.s.fl.away(err) && time.Since(since)+pause < w.s.patience && w.pause(pause):
			w.s.log.Debug("the database went away, trying again", "try", try, "error", err)
		case w.s.fl.again(err):
			return newTurn(), &chat.Error{Kind: chat.Unavailable, Code: errLate.Code, Text: errLate.Text, Cause: err}
		default:
			return newTurn(), err
		}
	}
}

// runAlone runs a Change as the only one of its transaction.
func (t *tx) runAlone(c *call) error {
	return protect(func() (err error) {
		c.events, err = c.change(t)
		return err
	})
}

// backoff is how long to wait before another try: longer and longer, and never as long as someone else.
func backoff(try int) time.Duration {
	most := time.Millisecond << min(try, 9)
	return most/2 + rand.N(most/2)
}

// pause waits, and reports whether there is still a reason to: not when the store stops.
func (w *writer) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-w.queue.ending:
		return false
	}
}

// lockRooms is what the transaction of a batch says first: it gives way to a Change that has tried in vain to get at one of the
// rooms between two batches.
func lockRooms(appends []*appending) string {
	rooms := make([]chat.RoomID, len(appends))
	for i, a := range appends {
		rooms[i] = a.draft.RoomID
	}
	return "; SELECT pg_advisory_xact_lock_shared(hashtext(current_schema()), room) FROM unnest(" + roomKeys(rooms) + ") AS room"
}

// roomKeys writes the keys of rooms for advisory locks as an array, in order. That two rooms may share one does no harm.
func roomKeys(rooms []chat.RoomID) string {
	keys := make([]int32, len(rooms))
	for i, room := range rooms {
		keys[i] = int32(room & 0x7fffffff)
	}
	slices.Sort(keys)
	var b strings.Builder
	b.WriteString("CAST('{")
	for i, key := range slices.Compact(keys) {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Itoa(int(key)))
	}
	b.WriteString("}' AS INTEGER[])")
	return b.String()
}

// attempt runs fn in one transaction. rooms are locked before it begins, so that it sees what was committed in them until then
// and nothing more happens there. When it fails nothing remains, except with errUnknown.
func (w *writer) attempt(begin string, rooms []chat.RoomID, fn func(t *tx) error) (err error) {
	c := w.conn
	ctx, cancel := context.WithTimeout(context.Background(), transactionTimeout)
	defer cancel()
	c.ctx, c.broken, c.heads, c.turn = ctx, nil, c.heads[:0], newTurn()
	if time.Since(c.opened) > markLife/2 {
		c.drop()
	}
	if c.conn == nil {
		if err := c.connect(ctx); err != nil {
			return fmt.Errorf("connect: %w", err)
		}
	}
	if len(rooms) > 0 {
		defer func() {
			if c.conn == nil {
				return
			}
			if _, e := c.conn.ExecContext(ctx, "SELECT pg_advisory_unlock(hashtext(current_schema()), room) FROM unnest("+roomKeys(rooms)+") AS room"); e != nil {
				c.drop()
			}
		}()
		if _, err := c.exec(ctx, "SELECT pg_advisory_lock(hashtext(current_schema()), room) FROM unnest("+roomKeys(rooms)+") AS room"); err != nil {
			c.dropIfAway(err)
			return err
		}
	}
	c.mark++
	if _, err = c.exec(ctx, begin+"; "+c.marking()); err == nil {
		err = fn(&tx{reader: reader{s: w.s, x: c}, w: w})
	}
	// What the engine said counts more than what a closure made of it, unless it is for the closure to judge.
	if b := c.broken; b != nil && (err == nil || w.s.fl.again(b) || w.s.fl.away(b)) {
		err = b
	}
	if err == nil {
		if err = commitPostgres(ctx, c.conn); err == nil {
			return nil
		}
		if w.s.fl.away(err) {
			c.drop()
			if c.outcome() {
				return nil
			}
			if c.broken != nil {
				return errors.Join(errUnknown, err)
			}
			return err
		}
	}
	c.dropIfAway(err)
	if c.conn != nil {
		if _, e := c.conn.ExecContext(ctx, "ROLLBACK"); e != nil {
			c.drop()
		}
	}
	return err
}

// connect opens the connection and makes its row in commit_marks.
func (c *session) connect(ctx context.Context) (err error) {
	if c.conn, err = c.s.writing.Conn(ctx); err != nil {
		c.conn = nil
		return err
	}
	c.writer, c.opened = crypto.Text(), time.Now()
	if err = c.share(ctx); err == nil {
		_, err = c.conn.ExecContext(ctx, c.marking())
	}
	if err != nil {
		c.drop()
	}
	return err
}

// marking is the statement that stores the mark of a transaction. It is the first one, so that the row is locked until the end.
func (c *session) marking() string {
	return fmt.Sprintf(`INSERT INTO commit_marks (writer, mark, at) VALUES ('%s', %d, %d)
		ON CONFLICT (writer) DO UPDATE SET mark = excluded.mark, at = excluded.at`, c.writer, c.mark, time.Now().UnixMilli())
}

// outcome finds out, over a new connection, whether a commit that was not answered happened. It waits for the old connection's
// transaction to end by the lock on its mark. When it cannot be known, broken is set.
func (c *session) outcome() (committed bool) {
	ctx, cancel := context.WithTimeout(context.Background(), outcomeTimeout)
	defer cancel()
	c.broken = nil
	for try := 0; ; try++ {
		var mark int64
		err := c.s.writing.QueryRowContext(ctx, `SELECT mark FROM commit_marks WHERE writer = $1 FOR UPDATE`, c.writer).Scan(&mark)
		switch {
		case err == nil:
			return mark == c.mark
		case errors.Is(err, sql.ErrNoRows): // another database has taken its place: there it did not happen
			return false
		case ctx.Err() != nil || !c.s.fl.away(err):
			c.broken = err
			return false
		}
		timer := time.NewTimer(backoff(try))
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// queryRemote reads over any connection, and again over another when that one is gone. Statements are kept by the driver.
func (p *pool) queryRemote(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	since := time.Now()
	for try := 0; ; try++ {
		p.mu.RLock()
		db := p.db
		p.mu.RUnlock()
		if db == nil {
			return nil, errStopped
		}
		rows, err := db.QueryContext(ctx, query, postgresArgs(args)...)
		switch pause := backoff(try); {
		case err == nil:
			return rows, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case !p.s.fl.away(err) || time.Since(since)+pause > p.s.patience:
			return nil, p.fault(err)
		default:
			timer := time.NewTimer(pause)
			select {
			case <-timer.C:
			case <-ctx.Done():
			}
			timer.Stop()
		}
	}
}

// forget ends the connection, and its row in commit_marks; a row that stays is removed by age.
func (c *session) forget() {
	if c.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, _ = c.conn.ExecContext(ctx, `DELETE FROM commit_marks WHERE writer = $1`, c.writer)
	c.drop()
}

// drop gives the connection up; the next transaction opens another.
func (c *session) drop() {
	if c.conn == nil {
		return
	}
	_ = c.conn.Raw(func(any) error { return driver.ErrBadConn }) // so that the pool does not keep it
	_ = c.conn.Close()
	c.conn = nil
}

func (c *session) dropIfAway(err error) {
	if c.s.fl.away(err) {
		c.drop()
	}
}
