// Package moving carries everything that a server keeps from one engine to another: the database from SQLite to PostgreSQL or
// back, and the files of uploads between a directory and a bucket. Both are resumable, and compared when they are done.
//
// What does not belong here: what the tables mean. They are read from the schemas of both sides, so that a new one comes along
// by itself; only the few that the engines keep differently are named, in schema.go. Backups are package archive's, exports of
// one room or person package transfer's.
package moving

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"parley/internal/ops/datalock"
	"parley/internal/store/sqlstore"
)

// Database is one side of a move: an SQLite file, or a PostgreSQL database.
type Database struct {
	Path string // the file
	URL  string // of the database, instead of the file
}

// Engine is the name of the side's engine, for people.
func (d Database) Engine() string {
	if d.URL != "" {
		return "PostgreSQL"
	}
	return "SQLite"
}

func (d Database) store() *sqlstore.Store {
	return sqlstore.New(sqlstore.Options{Path: d.Path, URL: d.URL, Synchronous: "normal", Logger: slog.New(slog.DiscardHandler)})
}

// Options say what is moved and how.
type Options struct {
	From, To Database
	Restart  bool // an unfinished move in the target is forgotten, with what it has copied
	Compare  bool // nothing is written: the two sides are only compared

	Batch int                       // rows of one transaction, default 5,000; of long rows fewer
	Tell  func(s Step)              // told of every batch; may be nil
	Warn  func(text string)         // told what the operator should know; may be nil
	Lock  func() (io.Closer, error) // taken before anything is touched, beside the locks of the databases; may be nil
}

// Step is how far a move is.
type Step struct {
	Doing Doing
	Table string
	Rows  int64 // done of the table, with those of an earlier run
	Of    int64 // in all
	Begun bool  // the table's first step of this run
	Ended bool  // its last
}

// Doing is what a step does.
type Doing string

// What is done, in order.
const (
	Copying   Doing = "copying"
	Indexing  Doing = "indexing"
	Comparing Doing = "comparing"
)

// Result is what a comparison found.
type Result struct {
	Tables    []Compared
	Numbers   []Numbered
	Replaced  int64 // texts with zero bytes or bytes that are no UTF-8, which PostgreSQL cannot keep: each is U+FFFD there
	Resumed   bool  // an unfinished move was continued
	Took      time.Duration
	Schema    int64
	Different bool // something is not the same on both sides
}

// Compared is one table on both sides.
type Compared struct {
	Table            string
	FromRows, ToRows int64
	FromSum, ToSum   string // the same for the same rows, in whatever order and engine
}

// Same reports whether both sides hold the same rows.
func (c Compared) Same() bool { return c.FromRows == c.ToRows && c.FromSum == c.ToSum }

// Numbered is the last number that a table gave out, which must not be given again.
type Numbered struct {
	Table    string
	From, To int64
}

// Errors that a caller may want to tell apart.
var (
	ErrNotEmpty  = errors.New("the target is not empty")
	ErrOther     = errors.New("the target holds an unfinished move of another database")
	ErrDifferent = errors.New("the two sides are not the same")
)

const (
	defaultBatch = 5000
	batchBytes   = 8 << 20
)

// Run moves the database, or goes on with a move that was broken off, and compares the two sides in the end; until they are the
// same no server starts on the target. It fails with a *datalock.HeldError or sqlstore.ErrServed when a server works on a side,
// with ErrNotEmpty, ErrOther or sqlstore.ErrTooNew before anything is written, and with ErrDifferent beside a result.
func Run(ctx context.Context, o Options) (res Result, err error) {
	began := time.Now()
	m := &move{o: o}
	defer func() {
		if err = errors.Join(err, m.close()); err != nil && ctx.Err() != nil {
			err = fmt.Errorf("%w: %w", ctx.Err(), err)
		}
	}()
	if (o.From.URL == "") == (o.To.URL == "") {
		return res, fmt.Errorf("both sides are %s: use its own tools (backup and restore for SQLite, pg_dump for PostgreSQL)", o.From.Engine())
	}
	if err := m.open(ctx); err != nil {
		return res, err
	}
	if !o.Compare {
		if err := m.begin(ctx); err != nil {
			return res, err
		}
		if err := m.copy(ctx); err != nil {
			return res, err
		}
		if err := m.index(ctx); err != nil {
			return res, err
		}
	}
	if err := m.compare(ctx, &res); err != nil {
		return res, err
	}
	res.Replaced, res.Resumed, res.Took, res.Schema = m.from.replaced, m.resumed, time.Since(began), m.schema
	if res.Different {
		return res, ErrDifferent
	}
	if !o.Compare {
		err = m.to.finish(ctx)
		res.Took = time.Since(began)
	}
	return res, err
}

// move is one run.
type move struct {
	o        Options
	locks    []io.Closer
	from, to *side
	pairs    []pair
	schema   int64
	resumed  bool
}

// open takes the locks, brings the source to this program's schema and, unless it is only compared, the target; then it opens
// both and reads what there is to move.
func (m *move) open(ctx context.Context) error {
	if m.o.Lock != nil {
		lock, err := m.o.Lock()
		if err != nil {
			return err
		}
		m.locks = append(m.locks, lock)
	}
	if d := m.o.From; d.URL == "" {
		if _, err := os.Stat(d.Path); err != nil {
			return fmt.Errorf("there is no database to move: %w", err)
		}
	}
	for _, d := range []Database{m.o.From, m.o.To} {
		if err := m.seize(ctx, d); err != nil {
			return fmt.Errorf("%s: %w", d.Engine(), err)
		}
	}
	var versions [2]int64
	for i, d := range []Database{m.o.From, m.o.To} {
		store := d.store()
		v, err := store.Versions(ctx)
		if err == nil && i == 0 && v.Have == 0 {
			return fmt.Errorf("%s: there is no database of this program", d.Engine())
		}
		if err == nil && v.Pending > 0 {
			if m.o.Compare {
				return fmt.Errorf("%s: the schema is not this program's (it has version %d, this program %d): compare after the move", d.Engine(), v.Have, v.Want)
			}
			if _, err = store.Migrate(ctx); err == nil && v.Have > 0 {
				m.warn(fmt.Sprintf("the schema of the %s database was brought from version %d to %d", d.Engine(), v.Have, v.Want))
			}
		}
		if err != nil {
			return err
		}
		versions[i] = v.Want
	}
	m.schema = versions[0]
	var err error
	if m.from, err = openSide(ctx, m.o.From, true); err != nil {
		return err
	}
	if m.to, err = openSide(ctx, m.o.To, m.o.Compare); err != nil {
		return err
	}
	m.pairs, err = plan(m.from, m.to)
	return err
}

// seize takes a database for this process alone.
func (m *move) seize(ctx context.Context, d Database) error {
	if d.URL != "" {
		free, err := sqlstore.Seize(ctx, d.URL)
		if err == nil {
			m.locks = append(m.locks, closer(free))
		}
		return err
	}
	dir := filepath.Dir(d.Path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	lock, err := datalock.Acquire(dir)
	if err == nil {
		m.locks = append(m.locks, closer(lock.Release))
	}
	return err
}

type closer func() error

func (c closer) Close() error { return c() }

func (m *move) close() error {
	var errs []error
	for _, s := range []*side{m.from, m.to} {
		if s != nil {
			errs = append(errs, s.close())
		}
	}
	for _, lock := range slices.Backward(m.locks) {
		errs = append(errs, lock.Close())
	}
	return errors.Join(errs...)
}

func (m *move) tell(s Step) {
	if m.o.Tell != nil {
		m.o.Tell(s)
	}
}

func (m *move) warn(text string) {
	if m.o.Warn != nil {
		m.o.Warn(text)
	}
}

// index makes what the target's searches need, which is not copied: the engines keep it in their own ways.
func (m *move) index(ctx context.Context) error {
	total, err := m.to.count(ctx, "messages")
	if err != nil {
		return err
	}
	m.tell(Step{Doing: Indexing, Table: "search", Of: total, Begun: true})
	done := int64(0)
	err = m.o.To.store().IndexAll(ctx, func(n int64) {
		done = min(done+n, total)
		m.tell(Step{Doing: Indexing, Table: "search", Rows: done, Of: total})
	})
	m.tell(Step{Doing: Indexing, Table: "search", Rows: total, Of: total, Ended: err == nil})
	return err
}
