// Package coretest gives tests of other packages a real core on a real, throw-away store. It holds no assertions about the
// core itself; those are the core's own tests.
package coretest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"parley/internal/blob/fs"
	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/scan"
	"parley/internal/state/inproc"
	"parley/internal/store/sqlstore"
)

// World is a core with a clock that tests move by hand.
type World struct {
	*core.Core
	T     testing.TB
	Store *sqlstore.Store
	Clock *Clock
	n     int
}

// Clock is a clock that stands still between Advance calls.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now returns the time it is set to.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock forward.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// New starts a core with the embedded engines in a temporary directory. configure may change its options; before starts
// what must listen before the core does.
func New(t testing.TB, configure func(*core.Options), before ...func(*core.Core)) *World {
	t.Helper()
	ctx := context.Background()
	w := &World{T: t, Clock: &Clock{now: time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)}}
	dir := t.TempDir()
	w.Store = sqlstore.New(sqlstore.Options{Path: dir + "/chat.db", Synchronous: "off", Clock: w.Clock.Now})
	volatile := inproc.New(inproc.Options{Now: w.Clock.Now})
	blobs := fs.New(dir + "/blobs")
	o := core.Options{Store: w.Store, State: volatile, Blobs: blobs, Scanner: scan.NewBuiltin(scan.Options{}), Clock: w.Clock.Now, TokenKey: make([]byte, 32), TempDir: dir,
		PasswordMemory: 64, ServerName: "Test", Limits: core.Limits{MessagesPer10s: -1, RegisterPerMinute: -1, LoginPerMinute: -1, UploadsPerMinute: -1, SearchPerMinute: -1, RequestsPerMinute: -1}}
	if configure != nil {
		configure(&o)
	}
	w.Core = core.New(o)
	for _, f := range before {
		f(w.Core)
	}
	for _, part := range []interface {
		Start(context.Context) error
		Stop(context.Context) error
	}{volatile, blobs, w.Store, w.Core} {
		if err := part.Start(ctx); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := part.Stop(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	return w
}

// User makes an account with a session and returns its actor.
func (w *World) User(name string) chat.Actor {
	w.T.Helper()
	ctx := context.Background()
	u, err := w.CreateUser(ctx, chat.Operator, core.Registering{Username: name, Password: "correct horse battery"}, chat.RankMember)
	if err != nil {
		w.T.Fatal(err)
	}
	return chat.Actor{UserID: u.ID, SessionID: chat.SessionID("session-of-" + name)}
}

// Room makes a public room with all of the people in it; the first owns it.
func (w *World) Room(people ...chat.Actor) chat.RoomID {
	w.T.Helper()
	ctx := context.Background()
	w.n++
	v, err := w.CreateRoom(ctx, people[0], core.NewRoom{Name: fmt.Sprintf("Room %d", w.n), Type: chat.Public})
	if err != nil {
		w.T.Fatal(err)
	}
	for _, p := range people[1:] {
		if _, err := w.Join(ctx, p, v.Room.ID); err != nil {
			w.T.Fatal(err)
		}
	}
	return v.Room.ID
}

// Say sends a message that must be accepted.
func (w *World) Say(by chat.Actor, room chat.RoomID, content string) *chat.Message {
	w.T.Helper()
	m, _, err := w.SendMessage(context.Background(), by, core.NewMessage{RoomID: room, Content: content})
	if err != nil {
		w.T.Fatal(err)
	}
	return m
}
