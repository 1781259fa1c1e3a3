// Package storetest is the suite that every core.Store passes: the promises of the port, written once. There is one file per
// noun. Nothing here may know an engine.
package storetest

import (
	"context"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

// Opener makes an empty store for one test. The suite starts and stops it; started again it has what it had. Its clock stands
// at Start.
type Opener func(t *testing.T) core.Store

// Start is the time that the clock of a store under test shows.
var Start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// suites holds what each file of the suite adds.
var suites = map[string]func(t *testing.T, open Opener){}

// suite adds the tests of one noun; call it from the file's init.
func suite(noun string, run func(t *testing.T, open Opener)) { suites[noun] = run }

// Run runs the whole suite, each test on a store of its own.
func Run(t *testing.T, open Opener) {
	for _, noun := range slices.Sorted(maps.Keys(suites)) {
		t.Run(noun, func(t *testing.T) { suites[noun](t, open) })
	}
}

// world is a store under test with short forms for what tests do all the time. Every failure ends the test.
type world struct {
	*testing.T
	core.Store
	ctx context.Context

	mu        sync.Mutex // guards committed
	committed []chat.Event
}

func newWorld(t *testing.T, open Opener) *world {
	t.Helper()
	w := &world{T: t, Store: open(t), ctx: context.Background()}
	w.OnCommit(func(events []chat.Event) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.committed = append(w.committed, events...)
	})
	if err := w.Start(w.ctx); err != nil {
		t.Fatalf("start: %v", err)
	}
	t.Cleanup(func() {
		if err := w.Stop(w.ctx); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return w
}

// reopen stops the store and starts it again.
func (w *world) reopen() {
	w.Helper()
	if err := w.Stop(w.ctx); err != nil {
		w.Fatalf("stop: %v", err)
	}
	if err := w.Start(w.ctx); err != nil {
		w.Fatalf("start again: %v", err)
	}
}

// heard returns what the committed hook got since the last call.
func (w *world) heard() []chat.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	events := w.committed
	w.committed = nil
	return events
}

// change runs fn in a transaction that must succeed.
func (w *world) change(fn func(tx core.Tx) error) {
	w.Helper()
	if err := w.try(fn); err != nil {
		w.Fatalf("change: %v", err)
	}
}

// try runs fn in a transaction and returns how it ended.
func (w *world) try(fn func(tx core.Tx) error) error {
	return w.Change(w.ctx, func(tx core.Tx) ([]chat.Event, error) { return nil, fn(tx) })
}

// wantCode fails the test unless err has the code; "" is no error.
func (w *world) wantCode(err error, code string) {
	w.Helper()
	if got := chat.CodeOf(err); got != code {
		w.Fatalf("error code %q (%v), want %q", got, err, code)
	}
}
