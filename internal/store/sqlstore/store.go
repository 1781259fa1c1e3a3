// Package sqlstore keeps what must last in an SQL database: users, rooms, messages and everything around them. It implements
// core.Store with hand-written SQL in the common part of SQLite and PostgreSQL; what differs stands side by side in flavour.
//
// Rules do not belong here: who may do what, what a text may look like and what is told to whom is decided by package core.
// There is one file per noun. A transaction sees its own writes; readers outside see committed state only.
package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"

	"parley/internal/chat"
)

// Options says where the data is and how it is kept.
type Options struct {
	Path        string       // the database file; its directory is made when it is missing
	URL         string       // of a PostgreSQL database (15 or newer), which is used instead of the file: postgres://user:password@host/name
	Synchronous string       // full (default): survives a power loss; normal: survives a crash of the process; off
	NoMigrate   bool         // Start fails with ErrPending instead of changing the schema
	Clock       chat.Clock   // default time.Now
	Logger      *slog.Logger // default slog.Default

	// ObserveCommit, when set, is told of every commit: how many calls it served and how long it took from begin to end.
	ObserveCommit func(calls int, took time.Duration)
}

// ErrTooNew is what Start fails with when the database was changed by a newer version of the program.
var ErrTooNew = errors.New("the database belongs to a newer version of this program: run that one, or restore a backup made before the upgrade")

// ErrPending is what Start fails with when the schema must be migrated first and Options.NoMigrate forbids it.
var ErrPending = errors.New("the database needs a migration first: run the migrate command")

// errStopped answers calls before Start and after Stop.
var errStopped = chat.Errorf(chat.Unavailable, "unavailable", "The server is starting or stopping. Try again in a moment.")

// Store is a core.Store on one SQL database. Use New, then Start.
type Store struct {
	reader // over the pool of readers

	opts     Options
	fl       *flavour
	clock    chat.Clock
	log      *slog.Logger
	onCommit func([]chat.Event)
	patience time.Duration // of a call with a server that does not answer

	mu      sync.Mutex // guards what Start and Stop change
	started bool
	readers *sql.DB
	writing *sql.DB
	writers atomic.Pointer[writers]
}

// New returns a store on an SQLite file, or on the PostgreSQL database that the options name. It does nothing until Start.
func New(o Options) *Store {
	o.Synchronous = cmp.Or(o.Synchronous, "full")
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	s := &Store{opts: o, fl: sqliteFlavour, clock: o.Clock, log: o.Logger, patience: patience}
	if o.URL != "" {
		s.fl = postgresFlavour
	}
	s.reader = reader{s: s, x: &pool{s: s}}
	return s
}

// Open returns a started store on an SQLite file.
func Open(ctx context.Context, o Options) (*Store, error) {
	s := New(o)
	if err := s.Start(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// OnCommit sets the hook that receives committed events in commit order. Call it before Start, once.
func (s *Store) OnCommit(hook func([]chat.Event)) { s.onCommit = hook }

// Start opens the database, brings its schema up to date and begins to accept calls. It fails with ErrTooNew, ErrPending,
// ErrUnfinished, ErrSeized, or what the engine says. A second Start without Stop does nothing.
func (s *Store) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started {
		return nil
	}
	err := s.open(ctx)
	if err == nil {
		err = s.checkFinished(ctx)
	}
	if err == nil {
		err = s.migrateAtStart(ctx)
	}
	var ws *writers
	if err == nil {
		ws, err = startWriters(ctx, s)
	}
	if err != nil {
		return fmt.Errorf("store %s: %w", s.place(), errors.Join(err, s.close()))
	}
	s.writers.Store(ws)
	s.x.(*pool).set(s.readers)
	s.started = true
	return nil
}

// Stop answers the calls that are under way, then closes the database. Safe to call twice, and before Start.
func (s *Store) Stop(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.started {
		return nil
	}
	s.started = false
	err := s.writers.Load().stop(ctx)
	s.x.(*pool).set(nil)
	return errors.Join(err, s.close())
}

// place names the database in errors; an address may hold a password.
func (s *Store) place() string {
	if s.fl.remote {
		return s.fl.name
	}
	return s.opts.Path
}

// open opens both pools; the caller holds mu.
func (s *Store) open(ctx context.Context) (err error) {
	if s.opts.URL == "" {
		if err := os.MkdirAll(filepath.Dir(s.opts.Path), 0o700); err != nil {
			return err
		}
	}
	if s.readers, s.writing, err = s.fl.open(s.opts); err != nil {
		return err
	}
	return s.writing.PingContext(ctx)
}

// close closes both pools; the caller holds mu.
func (s *Store) close() error {
	var errs []error
	for _, db := range []*sql.DB{s.readers, s.writing} { // the writer last: it folds the log back into the file
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	s.readers, s.writing = nil, nil
	s.writers.Store(nil)
	return errors.Join(errs...)
}

// Ping reports whether the database answers; an error is chat.Unavailable.
func (s *Store) Ping(ctx context.Context) error {
	rows, err := s.x.query(ctx, "SELECT 1")
	if err != nil {
		return &chat.Error{Kind: chat.Unavailable, Code: "unavailable", Text: "The database does not answer.", Cause: err}
	}
	return rows.Close()
}

// Snapshot writes a consistent copy of the whole database into a new file while the store is in use.
// It fails when the file exists.
func (s *Store) Snapshot(ctx context.Context, path string) error {
	if _, err := os.Stat(path); err == nil {
		return fmt.Errorf("snapshot %s: %w", path, os.ErrExist)
	}
	if s.writers.Load() == nil {
		return errStopped
	}
	if err := s.fl.snapshot(ctx, s.opts, path); err != nil {
		return fmt.Errorf("snapshot %s: %w", path, err)
	}
	return nil
}

// Versions says which schema a database has and which one this program wants.
type Versions struct {
	Have, Want int64
	Pending    int // migrations that are still to be run
}

// Versions reads the schema version of a store that is not started. A database that does not exist yet has version 0.
func (s *Store) Versions(ctx context.Context) (v Versions, err error) {
	err = s.offline(ctx, func() error {
		v, err = s.versions(ctx)
		return err
	})
	return v, err
}

// Migrate brings the schema of a store that is not started up to date and returns how many migrations it ran.
// It fails with ErrTooNew and then changes nothing.
func (s *Store) Migrate(ctx context.Context) (ran int, err error) {
	err = s.offline(ctx, func() error {
		ran, err = s.migrate(ctx)
		return err
	})
	return ran, err
}

// offline opens the database for one call outside Start and Stop.
func (s *Store) offline(ctx context.Context, fn func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started {
		return errors.New("the store is in use")
	}
	err := s.open(ctx)
	if err == nil {
		err = fn()
	}
	if err = errors.Join(err, s.close()); err != nil {
		return fmt.Errorf("store %s: %w", s.place(), err)
	}
	return nil
}

func (s *Store) migrateAtStart(ctx context.Context) error {
	if s.opts.NoMigrate {
		v, err := s.versions(ctx)
		switch {
		case err != nil:
			return err
		case v.Pending > 0:
			return ErrPending
		}
		return nil
	}
	ran, err := s.migrate(ctx)
	if ran > 0 {
		s.log.Info("database migrated", "migrations", ran)
	}
	return err
}

func (s *Store) migrate(ctx context.Context) (ran int, err error) {
	err = s.fl.alone(ctx, s.writing, func() error {
		p, _, err := s.goose(ctx)
		if err != nil {
			return err
		}
		done, err := p.Up(ctx)
		ran = len(done)
		if err == nil && s.fl.remote {
			err = s.rebuildSearch(ctx)
		}
		return err
	})
	return ran, err
}

func (s *Store) versions(ctx context.Context) (v Versions, err error) {
	err = s.fl.alone(ctx, s.writing, func() (err error) {
		_, v, err = s.goose(ctx)
		return err
	})
	return v, err
}

// goose returns what runs migrations and what there is to run. It fails with ErrTooNew.
func (s *Store) goose(ctx context.Context) (*goose.Provider, Versions, error) {
	p, err := goose.NewProvider(s.fl.dialect, s.writing, s.fl.migrations, goose.WithDisableGlobalRegistry(true), goose.WithSlog(slog.New(slog.DiscardHandler)))
	if err != nil {
		return nil, Versions{}, err
	}
	var v Versions
	if v.Have, v.Want, err = p.GetVersions(ctx); err != nil {
		return nil, v, err
	}
	for _, m := range p.ListSources() {
		if m.Version > v.Have {
			v.Pending++
		}
	}
	if v.Have > v.Want {
		return nil, v, fmt.Errorf("%w (it has version %d, this program knows %d)", ErrTooNew, v.Have, v.Want)
	}
	return p, v, nil
}
