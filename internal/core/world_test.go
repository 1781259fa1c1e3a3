package core_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/internal/blob"
	"parley/internal/blob/fs"
	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/state/inproc"
	"parley/internal/store/sqlstore"
)

// world is the rules over a real store in a directory of the test, with a clock that only the test moves and short forms for
// what tests do all the time.
type world struct {
	*testing.T
	*core.Core
	ctx   context.Context
	store *sqlstore.Store
	blobs blob.Store
	dir   string

	mu     sync.Mutex
	now    time.Time
	events []chat.Event
	users  int
}

// worldStart is the time when a world begins.
var worldStart = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// newWorld makes a world without limits on how often one may do things; change what the test is about.
func newWorld(t *testing.T, change ...func(*core.Options)) *world {
	t.Helper()
	t.Cleanup(func() { checkLeaks(t) }) // after everything has been stopped
	w := &world{T: t, ctx: t.Context(), dir: t.TempDir(), now: worldStart}
	blobs := fs.New(filepath.Join(w.dir, "blobs"))
	volatile := inproc.New(inproc.Options{Now: w.clock})
	w.store = sqlstore.New(sqlstore.Options{Path: filepath.Join(w.dir, "chat.db"), Synchronous: "off", Clock: w.clock, Logger: slog.New(slog.DiscardHandler)})
	o := core.Options{
		Store: w.store, State: volatile, Blobs: blobs, Clock: w.clock, TokenKey: bytes.Repeat([]byte{7}, 32), TempDir: t.TempDir(),
		Limits: core.Limits{MessagesPer10s: -1, RegisterPerMinute: -1, LoginPerMinute: -1, UploadsPerMinute: -1, SearchPerMinute: -1, RequestsPerMinute: -1},
	}
	for _, fn := range change {
		fn(&o)
	}
	w.blobs = o.Blobs
	w.Core = core.New(o)
	w.Subscribe(func(events []chat.Event) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.events = append(w.events, events...)
	})
	type part interface {
		Start(context.Context) error
		Stop(context.Context) error
	}
	for _, p := range []part{w.store, volatile, blobs, w.Core} {
		if err := p.Start(w.ctx); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { // the test's own context has ended by now
			if err := p.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	return w
}

// checkLeaks fails if a goroutine of ours is still there after all parts have been stopped.
func checkLeaks(t *testing.T) {
	stacks := make([]byte, 1<<20)
	var left []string
	// One that has just signalled its end may still be on its way out.
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
		left = nil
		for _, g := range strings.Split(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
			if strings.Contains(g, "parley/internal/") && !strings.Contains(g, "core_test.checkLeaks") && !strings.Contains(g, "internal/clamdtest.") && !strings.Contains(g, "internal/testservice.") && !strings.Contains(g, "testing.(*T).Run") {
				left = append(left, g)
			}
		}
		if left == nil {
			return
		}
	}
	t.Errorf("goroutines left behind:\n%s", strings.Join(left, "\n\n"))
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// wait moves the clock.
func (w *world) wait(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// told returns the events since the last call.
func (w *world) told() []chat.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	events := w.events
	w.events = nil
	return events
}

// must ends the test on an error.
func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// want fails the test unless err has the code; "" is no error.
func (w *world) want(err error, code string) {
	w.Helper()
	if got := chat.CodeOf(err); got != code {
		w.Errorf("error code %q (%v), want %q", got, err, code)
	}
}

// user makes an account without a password and returns its actor, with the name as username and display name.
func (w *world) user(name string, roles ...chat.RoleID) chat.Actor {
	w.Helper()
	w.mu.Lock()
	w.users++
	id := chat.UserID(fmt.Sprintf("01900000-0000-7000-8000-%012d", w.users))
	at := w.now
	w.mu.Unlock()
	if !slices.Contains(roles, chat.RoleUser) {
		roles = append(roles, chat.RoleUser)
	}
	w.must(w.store.Change(w.ctx, func(tx core.Tx) ([]chat.Event, error) {
		_, err := tx.CreateUser(w.ctx, &chat.User{ID: id, Username: name, DisplayName: name, Kind: chat.Person, Status: chat.Online, Roles: roles, CreatedAt: at})
		if err != nil {
			return nil, err
		}
		return nil, tx.SetUserRoles(w.ctx, id, roles)
	}))
	return chat.Actor{UserID: id, SessionID: chat.SessionID("session-" + name), Address: "192.0.2.1"}
}

// room makes a room of a type with its owner and members.
func (w *world) room(name string, kind chat.RoomType, owner chat.Actor, members ...chat.Actor) chat.RoomID {
	w.Helper()
	view, err := w.CreateRoom(w.ctx, owner, core.NewRoom{Name: name, Type: kind})
	w.must(err)
	for _, m := range members {
		_, err := w.AddMember(w.ctx, chat.Operator, view.Room.ID, m.UserID, chat.RoomMember)
		w.must(err)
	}
	return view.Room.ID
}

// direct makes the direct room of two people.
func (w *world) direct(a, b chat.Actor) chat.RoomID {
	w.Helper()
	view, _, err := w.DirectRoom(w.ctx, a, b.UserID)
	w.must(err)
	return view.Room.ID
}

// say sends a text.
func (w *world) say(by chat.Actor, room chat.RoomID, text string) *chat.Message {
	w.Helper()
	msg, _, err := w.SendMessage(w.ctx, by, core.NewMessage{RoomID: room, Content: text})
	w.must(err)
	return msg
}
