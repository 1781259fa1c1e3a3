package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

// maxBatch bounds the calls that one commit serves.
const maxBatch = 512

// writer is the group commit: one goroutine that owns the only writing connection. It takes the calls that gathered while the
// previous commit ran, without waiting for more, runs them in one transaction, commits, tells the hook, then answers.
type writer struct {
	s    *Store
	conn *session

	mu      sync.Mutex
	queue   []*call
	stopped bool
	wake    chan struct{} // holds one token when there may be work
	done    chan struct{} // closed when the goroutine has ended
}

// call is one Change or Append that waits for its commit.
type call struct {
	ctx     context.Context
	change  func(tx core.Tx) ([]chat.Event, error)
	events  []chat.Event
	err     error
	started bool
	done    chan struct{}
}

// tx implements core.Tx inside one transaction of the writer.
type tx struct {
	reader
}

func startWriter(ctx context.Context, s *Store) (*writer, error) {
	conn, err := s.writing.Conn(ctx)
	if err != nil {
		return nil, err
	}
	w := &writer{s: s, conn: &session{conn: conn, stmts: make(map[string]*sql.Stmt)}, wake: make(chan struct{}, 1), done: make(chan struct{})}
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
func (w *writer) submit(ctx context.Context, c *call) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.ctx, c.done = ctx, make(chan struct{})
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

func (w *writer) run() {
	defer close(w.done)
	for range w.wake {
		for {
			w.mu.Lock()
			n := min(len(w.queue), maxBatch)
			batch := append([]*call(nil), w.queue[:n]...)
			w.queue = append(w.queue[:0], w.queue[n:]...)
			stopped := w.stopped
			w.mu.Unlock()
			if n == 0 {
				if stopped {
					return
				}
				break
			}
			w.commit(batch)
		}
	}
}

// commit serves one batch in one transaction.
func (w *writer) commit(batch []*call) {
	began := time.Now()
	ctx := context.Background()
	err := w.transaction(ctx, batch)
	var events []chat.Event
	for _, c := range batch {
		if err != nil {
			c.err = w.s.fault(err)
		} else if c.err == nil {
			events = append(events, c.events...)
		}
	}
	if len(events) > 0 && w.s.onCommit != nil {
		w.s.onCommit(events)
	}
	if w.s.opts.ObserveCommit != nil {
		w.s.opts.ObserveCommit(len(batch), time.Since(began))
	}
	for _, c := range batch {
		close(c.done)
	}
}

func (w *writer) transaction(ctx context.Context, batch []*call) (err error) {
	if _, err := w.conn.exec(ctx, w.s.fl.begin); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() {
		if err != nil {
			if _, rollback := w.conn.exec(ctx, "ROLLBACK"); rollback != nil {
				err = errors.Join(err, rollback)
			}
		}
	}()
	for _, c := range batch {
		if err := w.runChange(ctx, c); err != nil {
			return err
		}
	}
	if _, err := w.conn.exec(ctx, "COMMIT"); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// runChange runs one closure in a savepoint. The error it returns is one of the transaction; the closure's own goes to the call.
func (w *writer) runChange(ctx context.Context, c *call) error {
	if _, err := w.conn.exec(ctx, "SAVEPOINT change"); err != nil {
		return err
	}
	c.events, c.err = w.protect(c)
	if c.err != nil {
		c.events = nil
		c.err = w.s.fault(c.err)
		if _, err := w.conn.exec(ctx, "ROLLBACK TO change"); err != nil {
			return err
		}
	}
	_, err := w.conn.exec(ctx, "RELEASE change")
	return err
}

// protect turns a panic of the closure into an error: one bad call must not take the others of its batch with it.
func (w *writer) protect(c *call) (events []chat.Event, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a transaction: %v\n%s", p, debug.Stack())
		}
	}()
	return c.change(&tx{reader{s: w.s, x: w.conn}})
}

// session runs statements on the writer's connection, inside a transaction. It does not pass contexts on: SQLite rolls the
// whole transaction back when a statement is interrupted, and with it everybody else's work.
type session struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
}

func (c *session) stmt(query string) (*sql.Stmt, error) {
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
		return 0, err
	}
	return res.RowsAffected()
}

func (c *session) query(_ context.Context, query string, args ...any) (*sql.Rows, error) {
	st, err := c.stmt(query)
	if err != nil {
		return nil, err
	}
	return st.QueryContext(context.Background(), args...)
}

func (c *session) close() error {
	var errs []error
	for _, st := range c.stmts {
		errs = append(errs, st.Close())
	}
	return errors.Join(append(errs, c.conn.Close())...)
}

// Change implements core.Store.
func (s *Store) Change(ctx context.Context, fn func(tx core.Tx) ([]chat.Event, error)) error {
	s.mu.Lock()
	w := s.writer
	s.mu.Unlock()
	if w == nil {
		return errStopped
	}
	return w.submit(ctx, &call{change: fn})
}
