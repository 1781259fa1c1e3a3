// Package demo fills a data directory with a believable community, for a first look at the server and for trying things
// out: people with pictures, rooms, two months of conversations with files, threads, reactions, and what moderators do.
//
// What does not belong here: anything that a server needs. Everything is done through the rules of package core, by the
// people of the story, with a clock that runs through the two months; so it is as real as what real people leave behind.
package demo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"parley/internal/blob"
	"parley/internal/blob/fs"
	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/ops/datalock"
	"parley/internal/scan"
	"parley/internal/state/inproc"
	"parley/internal/store/sqlstore"
)

// Password is everybody's. It is no secret: such a server must not be open to others.
const Password = "bread-and-boats"

// Days is how far the conversations go back.
const Days = 60

// ErrPeople says that there are people in the data directory already.
var ErrPeople = errors.New("there are people in the data directory already")

// Options say what is made, and where.
type Options struct {
	Dir      string // data directory
	Database string // file in it
	Blobs    string // directory in it
	Temp     string // directory in it

	Seed  uint64    // the same seed, time and version give the same community, apart from ids and keys
	Now   time.Time // when the story ends
	Force bool      // also where there are people already; taken usernames are numbered

	part int // tests: one in so many of the scenes; 0: all
}

// Account is somebody who can log in.
type Account struct {
	Username, DisplayName string
	Rank                  chat.Rank
}

// Result says what was made.
type Result struct {
	Accounts  []Account
	Rooms     int
	Messages  int // said by people
	Reactions int
	Files     int
	Edits     int
	Deletions int
	Pins      int
}

// Fill makes the community. It takes the lock of the data directory and fails with *datalock.HeldError beside a running
// server, or with ErrPeople.
func Fill(ctx context.Context, o Options) (_ Result, err error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return Result{}, err
	}
	lock, err := datalock.Acquire(o.Dir)
	if err != nil {
		return Result{}, err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	if err := os.MkdirAll(o.Temp, 0o700); err != nil {
		return Result{}, err
	}
	w, err := open(ctx, o)
	if err != nil {
		return Result{}, err
	}
	err = w.refuse(ctx, o.Force)
	if err == nil {
		err = w.tell(ctx)
	}
	if err = errors.Join(err, w.stop(context.WithoutCancel(ctx))); err != nil {
		return w.result, fmt.Errorf("demo: %w", err)
	}
	return w.result, settle(o.Database)
}

// settle makes what was written survive a power loss: while it is made, nothing waits for the disk.
func settle(database string) error {
	for _, path := range []string{database, filepath.Dir(database)} {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// clock is set by the story.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.After(c.now) {
		c.now = t
	}
}

// album is a place of files in which many are the same: those that are there already are not written again.
type album struct{ *fs.Store }

// Put implements blob.Store.
func (a *album) Put(ctx context.Context, r io.Reader) (blob.Info, error) {
	content, err := io.ReadAll(r)
	if err != nil {
		return blob.Info{}, err
	}
	sum := sha256.Sum256(content)
	if info, err := a.Stat(ctx, hex.EncodeToString(sum[:])); err == nil {
		return info, nil
	}
	return a.Store.Put(ctx, bytes.NewReader(content))
}

// part is something that runs.
type part interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
}

// open starts the rules on the data directory, without limits and with the story's clock.
func open(ctx context.Context, o Options) (*world, error) {
	now := o.Now.UTC().Truncate(time.Second)
	c := &clock{now: now.AddDate(0, 0, -Days)}
	store := sqlstore.New(sqlstore.Options{Path: o.Database, Synchronous: "off", Clock: c.Now, Logger: slog.New(slog.DiscardHandler)})
	state := inproc.New(inproc.Options{Now: c.Now})
	blobs := &album{Store: fs.New(o.Blobs)}
	rules := core.New(core.Options{
		Store: store, State: state, Blobs: blobs, Scanner: scan.NewBuiltin(scan.Options{TempDir: o.Temp}), Clock: c.Now, TempDir: o.Temp,
		TokenKey: make([]byte, 32), // signs nothing: nobody logs in here
		Limits: core.Limits{MessagesPer10s: -1, RegisterPerMinute: -1, LoginPerMinute: -1, UploadsPerMinute: -1, SearchPerMinute: -1, RequestsPerMinute: -1,
			AttachmentsPerMessage: -1, ConnectionsPerUser: -1, NotificationTTL: core.DefaultLimits.NotificationTTL},
	})
	w := &world{Core: rules, store: store, clock: c, now: now, share: max(o.part, 1), rand: newRand(o.Seed), people: map[string]*person{}, rooms: map[string]*room{}, drawn: map[picture]file{}}
	for _, p := range []part{state, blobs, store, rules} {
		if err := p.Start(ctx); err != nil {
			return nil, errors.Join(err, w.stop(context.WithoutCancel(ctx)))
		}
		w.parts = append(w.parts, p)
	}
	return w, nil
}

func (w *world) stop(ctx context.Context) error {
	var errs []error
	for i := len(w.parts) - 1; i >= 0; i-- {
		errs = append(errs, w.parts[i].Stop(ctx))
	}
	w.parts = nil
	return errors.Join(errs...)
}

// refuse fails with ErrPeople if anybody is there.
func (w *world) refuse(ctx context.Context, force bool) error {
	people, _, err := w.store.ListUsers(ctx, core.UserQuery{Page: chat.Page{Limit: 1}})
	if err == nil && len(people) > 0 && !force {
		err = ErrPeople
	}
	return err
}
