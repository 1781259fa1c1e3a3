package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

// maxBatch bounds the calls that one commit serves, and so how long a call can wait for the others of its batch.
const maxBatch = 256

// writer is the group commit: one goroutine that owns a writing connection. It takes the calls that gathered while the
// previous commit ran, without waiting for more, runs them in one transaction, commits, tells the hook, then answers. Between
// batches it keeps the search index going. SQLite has one writer; for PostgreSQL see remote.go.
type writer struct {
	s       *Store
	conn    *session
	queue   *queue
	limit   int // calls of a batch
	senders senders

	behind  int     // messages that the index has not seen
	backlog bool    // there may be more of them than this process wrote
	waits   []*call // those who wait for the index
	purging bool    // the index holds words of deleted messages

	done chan struct{} // closed when the goroutine has ended
}

// call is one Change or Append, or a wait for the index. It is answered after its commit.
type call struct {
	change func(tx core.Tx) ([]chat.Event, error)
	append *appending
	index  bool

	since  time.Time // when it was queued
	events []chat.Event
	err    error
	done   chan struct{}
}

// tx implements core.Tx inside one transaction of the writer.
type tx struct {
	reader
	w *writer
}

// writers are all writers of a store and the queues they take from.
type writers struct {
	s       *Store
	appends []*queue // a room's messages always go through the same one
	changes *queue   // may be one of appends
	all     []*writer
	order   order
	crowd   sync.RWMutex // held for reading by each Change, for writing by one that others keep getting in the way of
	tell    sync.Mutex   // held while the hook runs
}

func startWriters(ctx context.Context, s *Store) (*writers, error) {
	ws := &writers{s: s}
	add := func(q *queue, limit int) error {
		w := &writer{s: s, queue: q, limit: limit, done: make(chan struct{})}
		var err error
		if w.conn, err = openSession(ctx, s); err == nil {
			ws.all = append(ws.all, w)
			err = w.prepareIndex(ctx)
		}
		return err
	}
	var err error
	for range s.fl.appenders {
		q := newQueue()
		ws.appends = append(ws.appends, q)
		err = errors.Join(err, add(q, maxBatch))
	}
	ws.changes = ws.appends[0]
	if s.fl.changers > 0 {
		ws.changes = newQueue()
		for range s.fl.changers {
			err = errors.Join(err, add(ws.changes, 1))
		}
	}
	if err != nil {
		for _, w := range ws.all {
			err = errors.Join(err, w.conn.close())
		}
		return nil, err
	}
	for _, w := range ws.all {
		go w.run()
	}
	return ws, nil
}

// stop lets the writers finish what is queued and waits for their end.
func (ws *writers) stop(ctx context.Context) error {
	for _, q := range append(slices.Clone(ws.appends), ws.changes) {
		q.stop()
	}
	var errs []error
	for _, w := range ws.all {
		select {
		case <-w.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		errs = append(errs, w.conn.close())
	}
	return errors.Join(errs...)
}

// queueOf is where a call waits.
func (ws *writers) queueOf(c *call) *queue {
	if c.append == nil {
		return ws.changes
	}
	return ws.appends[uint64(c.append.draft.RoomID)%uint64(len(ws.appends))]
}

// queue holds the calls that wait for a writer.
type queue struct {
	mu      sync.Mutex // guards what follows; never held while the database works
	calls   []*call
	spare   []*call
	stopped bool
	wake    chan struct{} // holds one token when there may be work
	ending  chan struct{} // closed when stopped
}

func newQueue() *queue { return &queue{wake: make(chan struct{}, 1), ending: make(chan struct{})} }

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// stop makes the queue refuse calls. Safe to call twice.
func (q *queue) stop() {
	q.mu.Lock()
	if !q.stopped {
		q.stopped = true
		close(q.ending)
	}
	q.mu.Unlock()
	q.signal()
}

// put queues a call; false when the queue is stopped.
func (q *queue) put(c *call) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.stopped {
		return false
	}
	q.calls = append(q.calls, c)
	return true
}

// withdraw takes a call out of the queue; false when it has started.
func (q *queue) withdraw(c *call) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, other := range q.calls {
		if other == c {
			q.calls = slices.Delete(q.calls, i, i+1)
			return true
		}
	}
	return false
}

// take returns the next calls, up to a limit. With a limit of more than one there is one taker, and what it was given before is
// no longer used then.
func (q *queue) take(limit int) (batch []*call, stopped bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if limit == 1 {
		if len(q.calls) > 0 {
			batch = []*call{q.calls[0]}
			q.calls = slices.Delete(q.calls, 0, 1)
		}
		if len(q.calls) > 0 || q.stopped {
			q.signal() // there are other takers
		}
		return batch, q.stopped
	}
	clear(q.spare)
	if len(q.calls) <= limit {
		batch, q.calls, q.spare = q.calls, q.spare[:0], q.calls
		return batch, q.stopped
	}
	batch = append(q.spare[:0], q.calls[:limit]...)
	q.calls, q.spare = append(q.calls[:0], q.calls[limit:]...), batch
	return batch, q.stopped
}

// submit queues a call and waits for its answer. A context that ends before the call started takes it out of the queue; once
// it started the answer is the truth about what was committed.
func (s *Store) submit(ctx context.Context, c *call) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ws := s.writers.Load()
	if ws == nil {
		return errStopped
	}
	c.done, c.since = make(chan struct{}), time.Now()
	q := ws.queueOf(c)
	if !q.put(c) {
		return errStopped
	}
	q.signal()
	var late <-chan time.Time
	if s.fl.remote {
		timer := time.NewTimer(s.patience)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-c.done:
	case <-ctx.Done():
		if q.withdraw(c) {
			return ctx.Err()
		}
		<-c.done
	case <-late:
		if q.withdraw(c) {
			return s.fault(errLate)
		}
		<-c.done
	}
	return c.err
}

func (w *writer) run() {
	defer close(w.done)
	idle := time.NewTimer(indexDelay)
	defer idle.Stop()
	for {
		// Whoever has a call ready goes first. Woken by the first of many, and alone on a processor, the committer would
		// otherwise commit one call at a time while the others wait to be scheduled.
		runtime.Gosched()
		batch, stopped := w.queue.take(w.limit)
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
		case <-w.queue.wake:
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
	var err error
	var place *turn
	if w.s.fl.remote {
		if place, err = w.serve(appends, changes, batch[0].since); err != nil && len(batch) > 1 && chat.AsError(w.s.fault(err)).Kind != chat.Unavailable {
			w.s.writers.Load().order.leave(place, func() {})
			for _, c := range batch { // one of them is to blame: the others must not suffer
				w.commit([]*call{c})
			}
			return
		}
	} else {
		err = w.transaction(func(t *tx) error { return t.run(appends, changes) })
	}
	w.senders.settle(err == nil)
	w.tell(place, w.answer(batch, w.s.fault(err)))
	if w.s.opts.ObserveCommit != nil {
		w.s.opts.ObserveCommit(calls, time.Since(began))
	}
	for _, c := range batch {
		if !c.index {
			close(c.done)
		}
	}
}

// tell hands events to the hook, in turn.
func (w *writer) tell(place *turn, events []chat.Event) {
	hook := func() {
		if len(events) > 0 && w.s.onCommit != nil {
			w.s.onCommit(events)
		}
	}
	if place == nil {
		hook()
		return
	}
	ws := w.s.writers.Load()
	ws.order.leave(place, func() {
		ws.tell.Lock()
		defer ws.tell.Unlock()
		hook()
	})
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
	if _, err := w.conn.exec(ctx, w.s.fl.beginAppend); err != nil {
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
	return protect(fn)
}

// protect makes an error of a panic.
func protect(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a transaction: %v\n%s", p, debug.Stack())
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

// session runs statements on a writer's connection, inside a transaction. It does not pass the callers' contexts on: SQLite
// rolls the whole transaction back when a statement is interrupted, and with it everybody else's work.
type session struct {
	s     *Store
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
	// broken is set when the engine may have ended the transaction: no more statements may run as if they were part of it.
	broken error

	remote // of PostgreSQL only
}

// openSession opens a writer's connection.
func openSession(ctx context.Context, s *Store) (*session, error) {
	c := &session{s: s, stmts: make(map[string]*sql.Stmt)}
	if s.fl.remote {
		return c, c.connect(ctx)
	}
	var err error
	c.conn, err = s.writing.Conn(ctx)
	return c, err
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
	if c.s.fl.remote {
		if c.broken != nil {
			return 0, c.broken
		}
		res, err := c.conn.ExecContext(c.ctx, query, postgresArgs(args)...)
		if err != nil {
			return 0, c.fault(err)
		}
		return res.RowsAffected()
	}
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
	if c.s.fl.remote {
		if c.broken != nil {
			return nil, c.broken
		}
		rows, err := c.conn.QueryContext(c.ctx, query, postgresArgs(args)...)
		return rows, c.fault(err)
	}
	st, err := c.stmt(query)
	if err != nil {
		return nil, err
	}
	rows, err := st.QueryContext(context.Background(), args...)
	return rows, c.fault(err)
}

// fault implements execer.
func (c *session) fault(err error) error {
	if err != nil && c.broken == nil && (c.s.fl.remote || c.s.fl.away(err)) { // PostgreSQL ends a transaction with any error
		c.broken = err
	}
	return err
}

func (c *session) close() error {
	var errs []error
	for _, st := range c.stmts {
		errs = append(errs, st.Close())
	}
	if c.s.fl.remote {
		c.forget()
	} else if c.conn != nil {
		errs = append(errs, c.conn.Close())
	}
	return errors.Join(errs...)
}
