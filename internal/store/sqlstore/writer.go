package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

// maxBatch bounds the calls that one commit serves, and so how long a call can wait for the others of its batch.
const maxBatch = 256

// writer is the group commit: one goroutine that owns the only writing connection. It takes the calls that gathered while the
// previous commit ran, without waiting for more, runs them in one transaction, commits, tells the hook, then answers. Between
// batches it keeps the search index going.
type writer struct {
	s       *Store
	conn    *session
	senders senders

	behind  int     // messages that the index has not seen
	backlog bool    // there may be more of them than this process wrote
	waits   []*call // those who wait for the index
	purging bool    // the index holds words of deleted messages

	mu      sync.Mutex // guards what follows; never held while the database works
	queue   []*call
	spare   []*call
	stopped bool
	wake    chan struct{} // holds one token when there may be work
	done    chan struct{} // closed when the goroutine has ended
}

// call is one Change or Append, or a wait for the index. It is answered after its commit.
type call struct {
	change func(tx core.Tx) ([]chat.Event, error)
	append *appending
	index  bool

	events []chat.Event
	err    error
	done   chan struct{}
}

// tx implements core.Tx inside one transaction of the writer.
type tx struct {
	reader
	w *writer
}

func startWriter(ctx context.Context, s *Store) (*writer, error) {
	conn, err := s.writing.Conn(ctx)
	if err != nil {
		return nil, err
	}
	w := &writer{
		s: s, conn: &session{s: s, conn: conn, stmts: make(map[string]*sql.Stmt)},
		wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	if err := w.prepareIndex(ctx); err != nil {
		return nil, errors.Join(err, w.conn.close())
	}
	go w.run()
	return w, nil
}

// stop lets the goroutine finish what is queued and waits for its end.
func (w *writer) stop(ctx context.Context) error {
	w.mu.Lock()
	w.stopped = true
	w.mu.Unlock()
	w.signal()
	select {
	case <-w.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	return w.conn.close()
}

func (w *writer) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// submit queues a call and waits for its answer. A context that ends before the call started takes it out of the queue; once
// it started the answer is the truth about what was committed.
func (s *Store) submit(ctx context.Context, c *call) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w := s.writer.Load()
	if w == nil {
		return errStopped
	}
	c.done = make(chan struct{})
	w.mu.Lock()
	if w.stopped {
		w.mu.Unlock()
		return errStopped
	}
	w.queue = append(w.queue, c)
	w.mu.Unlock()
	w.signal()
	select {
	case <-c.done:
	case <-ctx.Done():
		if w.withdraw(c) {
			return ctx.Err()
		}
		<-c.done
	}
	return c.err
}

// withdraw takes a call out of the queue; false when it has started.
func (w *writer) withdraw(c *call) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, q := range w.queue {
		if q == c {
			w.queue = append(w.queue[:i], w.queue[i+1:]...)
			return true
		}
	}
	return false
}

// take returns the next batch; the one before it is no longer used then.
func (w *writer) take() (batch []*call, stopped bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.spare)
	if len(w.queue) <= maxBatch {
		batch, w.queue, w.spare = w.queue, w.spare[:0], w.queue
		return batch, w.stopped
	}
	batch = append(w.spare[:0], w.queue[:maxBatch]...)
	w.queue, w.spare = append(w.queue[:0], w.queue[maxBatch:]...), batch
	return batch, w.stopped
}

func (w *writer) run() {
	defer close(w.done)
	idle := time.NewTimer(indexDelay)
	defer idle.Stop()
	for {
		// Whoever has a call ready goes first. Woken by the first of many, and alone on a processor, the committer would
		// otherwise commit one call at a time while the others wait to be scheduled.
		runtime.Gosched()
		batch, stopped := w.take()
		if len(batch) > 0 {
			w.commit(batch)
		}
		if len(w.waits) > 0 || w.behind >= indexBulk || w.backlog && !stopped {
			w.index() // one bulk, then see to the writers again
			continue
		}
		if w.purging && !stopped {
			w.purge()
			continue
		}
		if len(batch) > 0 {
			continue
		}
		if stopped {
			return
		}
		if w.behind > 0 {
			idle.Reset(indexDelay)
		}
		select {
		case <-w.wake:
		case <-idle.C:
			if w.behind > 0 {
				w.index()
			}
		}
	}
}

// commit serves one batch.
func (w *writer) commit(batch []*call) {
	began := time.Now()
	var appends []*appending
	var changes []*call
	for _, c := range batch {
		switch {
		case c.append != nil:
			appends = append(appends, c.append)
		case c.change != nil:
			changes = append(changes, c)
		default:
			w.waits = append(w.waits, c)
		}
	}
	calls := len(appends) + len(changes)
	if calls == 0 {
		return
	}
	err := w.transaction(func(t *tx) error { return t.run(appends, changes) })
	w.senders.settle(err == nil)
	events := w.answer(batch, w.s.fault(err))
	if len(events) > 0 && w.s.onCommit != nil {
		w.s.onCommit(events)
	}
	if w.s.opts.ObserveCommit != nil {
		w.s.opts.ObserveCommit(calls, time.Since(began))
	}
	for _, c := range batch {
		if !c.index {
			close(c.done)
		}
	}
}

// answer settles what each call of a batch is told and returns the events of those that succeeded, in the order they ran.
func (w *writer) answer(batch []*call, failed error) (events []chat.Event) {
	for _, c := range batch {
		if a := c.append; a != nil {
			if c.err = a.err; failed != nil {
				c.err = failed
			} else if a.created {
				w.wrote(1)
				events = append(events, a.events()...)
			}
		}
	}
	for _, c := range batch {
		if c.change == nil {
			continue
		}
		if failed != nil {
			c.err = failed
		} else if c.err == nil {
			for _, e := range c.events {
				if _, ok := e.(chat.MessageCreated); ok {
					w.wrote(1)
				}
			}
			events = append(events, c.events...)
		}
	}
	return events
}

// wrote notes messages for the index.
func (w *writer) wrote(n int) {
	if w.s.fl.indexed {
		w.behind += n
	}
}

// transaction runs fn between begin and commit.
func (w *writer) transaction(fn func(t *tx) error) (err error) {
	ctx := context.Background()
	w.conn.broken = nil
	if _, err := w.conn.exec(ctx, w.s.fl.begin); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if err = fn(&tx{reader: reader{s: w.s, x: w.conn}, w: w}); err == nil {
		if _, err = w.conn.exec(ctx, "COMMIT"); err == nil {
			return nil
		}
		err = fmt.Errorf("commit: %w", err)
	}
	w.conn.broken = nil
	_, _ = w.conn.exec(ctx, "ROLLBACK") // fails when the engine has rolled back by itself, which is as good
	return err
}

// run does the work of a batch: messages first, all together, then the changes, one by one. An error is one of the
// transaction; what goes wrong in one call alone is that call's.
func (t *tx) run(appends []*appending, changes []*call) error {
	if len(appends) > 0 {
		err := t.savepoint(func() error { return t.append(context.Background(), appends) })
		if err != nil && len(appends) > 1 { // one of them is to blame: the others must not suffer
			for _, a := range appends {
				*a = appending{draft: a.draft}
				if err = t.savepoint(func() error { return t.append(context.Background(), []*appending{a}) }); err != nil {
					a.err = t.s.fault(err)
				}
			}
		} else if err != nil {
			appends[0].err = t.s.fault(err)
		}
		if t.w.conn.broken != nil {
			return t.w.conn.broken
		}
	}
	for _, c := range changes {
		c.err = t.s.fault(t.savepoint(func() (err error) {
			c.events, err = c.change(t)
			return err
		}))
		if t.w.conn.broken != nil {
			return t.w.conn.broken
		}
	}
	return nil
}

// savepoint runs fn so that nothing of it remains when it fails. A panic is an error: one bad call must not take the others
// of its batch with it. When the savepoint itself cannot be kept, the session is broken.
func (t *tx) savepoint(fn func() error) (err error) {
	ctx := context.Background()
	conn := t.w.conn
	if _, err := conn.exec(ctx, "SAVEPOINT one"); err != nil {
		conn.broken = err
		return err
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a transaction: %v\n%s", p, debug.Stack())
		}
		if conn.broken != nil {
			return
		}
		if err != nil {
			if _, e := conn.exec(ctx, "ROLLBACK TO one"); e != nil {
				conn.broken = errors.Join(err, e)
				return
			}
		}
		if _, e := conn.exec(ctx, "RELEASE one"); e != nil {
			conn.broken = errors.Join(err, e)
		}
	}()
	return fn()
}

// prepareIndex makes the index ready at the start.
func (w *writer) prepareIndex(ctx context.Context) error {
	if !w.s.fl.indexed {
		return nil
	}
	if err := w.transaction(func(t *tx) error { return resetIndex(ctx, t.x) }); err != nil {
		return err
	}
	var err error
	if w.backlog, err = one(ctx, w.conn, chat.ErrNotFound, scalar[bool], indexBehind); err != nil {
		return err
	}
	w.purging, err = one(ctx, w.conn, chat.ErrNotFound, scalar[bool], `SELECT purge > 0 FROM search_state`)
	return err
}

// purge goes one step in taking words of deleted messages out of the index. After a failure it waits for the next deletion
// or start.
func (w *writer) purge() {
	var done bool
	err := w.transaction(func(t *tx) (err error) {
		done, err = purgeSome(context.Background(), t.x)
		return err
	})
	if err != nil {
		w.s.log.Error("the search index still holds words of deleted messages", "error", err)
	}
	w.purging = !done && err == nil
}

// index takes one bulk into the index and answers those who wait when nothing is left, or when it failed. After a failure it
// is tried again when there is more to do.
func (w *writer) index() {
	var n int64
	err := w.transaction(func(t *tx) (err error) {
		n, err = indexSome(context.Background(), t.x)
		return err
	})
	if err != nil {
		w.s.log.Error("the search index could not follow", "error", err)
		w.behind, w.backlog = 1, false
	} else if w.behind = max(w.behind-int(n), 0); n == indexBulk {
		w.backlog = w.backlog || len(w.waits) > 0
		return
	} else {
		w.behind, w.backlog = 0, false
	}
	for _, c := range w.waits {
		c.err = w.s.fault(err)
		close(c.done)
	}
	w.waits = w.waits[:0]
}

// Change implements core.Store.
func (s *Store) Change(ctx context.Context, fn func(tx core.Tx) ([]chat.Event, error)) error {
	return s.submit(ctx, &call{change: fn})
}

// session runs statements on the writer's connection, inside a transaction. It does not pass contexts on: SQLite rolls the
// whole transaction back when a statement is interrupted, and with it everybody else's work.
type session struct {
	s     *Store
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
	// broken is set when the engine may have ended the transaction: no more statements may run as if they were part of it.
	broken error
}

func (c *session) stmt(query string) (*sql.Stmt, error) {
	if c.broken != nil {
		return nil, c.broken
	}
	if st := c.stmts[query]; st != nil {
		return st, nil
	}
	if len(c.stmts) >= maxStatements {
		for q, st := range c.stmts { // any one: what is in use all the time is soon back
			delete(c.stmts, q)
			_ = st.Close()
			break
		}
	}
	st, err := c.conn.PrepareContext(context.Background(), query)
	if err == nil {
		c.stmts[query] = st
	}
	return st, err
}

func (c *session) exec(_ context.Context, query string, args ...any) (int64, error) {
	st, err := c.stmt(query)
	if err != nil {
		return 0, err
	}
	res, err := st.ExecContext(context.Background(), args...)
	if err != nil {
		return 0, c.fault(err)
	}
	return res.RowsAffected()
}

func (c *session) query(_ context.Context, query string, args ...any) (*sql.Rows, error) {
	st, err := c.stmt(query)
	if err != nil {
		return nil, err
	}
	rows, err := st.QueryContext(context.Background(), args...)
	return rows, c.fault(err)
}

// fault implements execer.
func (c *session) fault(err error) error {
	if err != nil && c.s.fl.away(err) {
		c.broken = err
	}
	return err
}

func (c *session) close() error {
	var errs []error
	for _, st := range c.stmts {
		errs = append(errs, st.Close())
	}
	return errors.Join(append(errs, c.conn.Close())...)
}
