package inproc

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"parley/internal/state"
	"parley/internal/state/statetest"
)

// clock is a time.Time that only tests move.
type clock struct{ offset atomic.Int64 }

func (c *clock) now() time.Time {
	return time.Unix(1_800_000_000, 0).Add(time.Duration(c.offset.Load()))
}
func (c *clock) advance(d time.Duration) { c.offset.Add(int64(d)) }

func TestStore(t *testing.T) {
	statetest.Run(t, func(*testing.T) statetest.Fixture {
		var c clock
		return statetest.Fixture{Store: New(Options{Now: c.now}), Advance: c.advance, Exact: true}
	})
}

// TestStoreSweeping runs the suite while a sweeper works all the time, which nobody may notice.
func TestStoreSweeping(t *testing.T) {
	statetest.Run(t, func(*testing.T) statetest.Fixture {
		var c clock
		store := New(Options{Now: c.now, SweepEvery: 50 * time.Microsecond})
		return statetest.Fixture{Store: store, Advance: c.advance, Exact: true}
	})
}

func started(t testing.TB, opts Options) *Store {
	t.Helper()
	s := New(opts)
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestSecondStartIsRefused(t *testing.T) {
	s := started(t, Options{})
	if err := s.Start(t.Context()); !errors.Is(err, state.ErrNotRunning) {
		t.Errorf("second Start: %v", err)
	}
	must(t, s.Stop(t.Context()))
	if err := s.Start(t.Context()); !errors.Is(err, state.ErrNotRunning) {
		t.Errorf("Start after Stop: %v", err)
	}
	unstarted := New(Options{})
	must(t, unstarted.Stop(t.Context()))
	if err := unstarted.Start(t.Context()); !errors.Is(err, state.ErrNotRunning) {
		t.Errorf("Start after a Stop without a start: %v", err)
	}
}

func TestSweepFreesWhatHasExpired(t *testing.T) {
	var c clock
	s := started(t, Options{Now: c.now, SweepEvery: time.Hour})
	ctx := t.Context()
	const n = 50 * shardCount * 2
	for i := range n {
		must(t, s.Set(ctx, "value"+strconv.Itoa(i), nil, time.Second))
	}
	must(t, s.Set(ctx, "kept", []byte("x"), 0))
	must(t, s.SetAdd(ctx, "set", "member", 1, time.Second))
	_, err := s.Allow(ctx, "limiter", state.Limit{Count: 1, Per: time.Second}, 1)
	must(t, err)
	if got, want := s.Keys(), n+3; got != want {
		t.Errorf("%d keys, want %d", got, want)
	}
	c.advance(time.Second)
	s.sweep()
	if got := s.Keys(); got != 1 {
		t.Errorf("%d keys after the sweep, want 1", got)
	}
	for i := range s.shards {
		if peak := s.shards[i].peak; peak > smallMap {
			t.Errorf("shard %d keeps a map that once had %d entries", i, peak)
		}
	}
	if v, ok, err := s.Get(ctx, "kept"); err != nil || !ok || string(v) != "x" {
		t.Errorf("the other value is %q, %v, %v", v, ok, err)
	}
}

func TestKeysAreBounded(t *testing.T) {
	var c clock
	s := started(t, Options{Now: c.now, MaxKeys: 3})
	ctx := t.Context()
	limit := state.Limit{Count: 2, Per: time.Second}
	must(t, s.Set(ctx, "value", nil, time.Second))
	must(t, s.SetAdd(ctx, "set", "a", 1, 0))
	_, err := s.Allow(ctx, "limiter", limit, 1)
	must(t, err)

	refused := map[string]func() error{
		"Set":         func() error { return s.Set(ctx, "new", nil, 0) },
		"SetIfAbsent": func() error { ok, err := s.SetIfAbsent(ctx, "new", nil, 0); return orClaimed(ok, err) },
		"Add":         func() error { n, err := s.Add(ctx, "new", 1, 0); return orClaimed(n != 0, err) },
		"Allow":       func() error { d, err := s.Allow(ctx, "new", limit, 1); return orClaimed(d.Allowed, err) },
		"SetAdd":      func() error { return s.SetAdd(ctx, "new", "a", 1, 0) },
	}
	for name, call := range refused {
		if err := call(); !errors.Is(err, state.ErrFull) {
			t.Errorf("%s of a key too many: %v, want %v", name, err, state.ErrFull)
		}
	}
	// What is there goes on working.
	must(t, s.Set(ctx, "value", []byte("x"), time.Second))
	must(t, s.SetAdd(ctx, "set", "b", 1, 0))
	d, err := s.Allow(ctx, "limiter", limit, 1)
	must(t, err)
	if !d.Allowed {
		t.Error("the limiter that is there refuses")
	}
	c.advance(time.Second)
	s.sweep()
	must(t, s.Set(ctx, "new", nil, 0))
}

func orClaimed(claimed bool, err error) error {
	if claimed {
		return fmt.Errorf("reported as done, with error %w", err)
	}
	return err
}

func TestLimiterTakesMemoryOnlyForItsWindow(t *testing.T) {
	var c clock
	s := started(t, Options{Now: c.now})
	ctx := t.Context()
	limit := state.Limit{Count: 10_000, Per: 10 * time.Second}
	charge := func() {
		c.advance(time.Millisecond)
		_, err := s.Allow(ctx, "key", limit, 1)
		must(t, err)
	}
	ring := func() int {
		sh, _, err := s.lock("key")
		must(t, err)
		defer sh.mu.Unlock()
		return len(sh.entries["key"].limiter.ring)
	}
	for range 9_000 {
		charge()
	}
	if got := ring(); got > 16_384 {
		t.Errorf("room for %d charges in a ring that holds 9,000", got)
	}
	c.advance(limit.Per - 100*time.Millisecond)
	charge() // leaves about 100 in the window
	if got := ring(); got > 256 {
		t.Errorf("room for %d charges in a ring that holds 100", got)
	}
	c.advance(limit.Per)
	charge()
	if got := ring(); got > 4*smallRing {
		t.Errorf("room for %d charges in a ring that holds one", got)
	}
	for range 50 {
		_, err := s.Allow(ctx, "key", limit, 1) // all at one moment
		must(t, err)
	}
	if got := ring(); got > 4*smallRing {
		t.Errorf("room for %d charges where 51 share one moment", got)
	}
}

func TestLimiterSurvivesAClockThatGoesBack(t *testing.T) {
	var c clock
	c.advance(time.Hour)
	s := started(t, Options{Now: c.now})
	limit := state.Limit{Count: 3, Per: time.Second}
	allowed := 0
	for range 10 {
		d, err := s.Allow(t.Context(), "key", limit, 1)
		must(t, err)
		if d.Allowed {
			allowed++
		}
		c.advance(-10 * time.Millisecond)
	}
	if allowed != 3 {
		t.Errorf("%d allowed, want 3", allowed)
	}
}

func TestAllowDoesNotAllocate(t *testing.T) {
	var c clock
	s := started(t, Options{Now: c.now})
	ctx := t.Context()
	limit := state.Limit{Count: 20, Per: time.Second}
	for range 100 { // grows the ring to what this pace needs
		c.advance(100 * time.Millisecond)
		_, err := s.Allow(ctx, "key", limit, 1)
		must(t, err)
	}
	if n := testing.AllocsPerRun(1000, func() {
		c.advance(100 * time.Millisecond)
		_, _ = s.Allow(ctx, "key", limit, 1)
	}); n != 0 {
		t.Errorf("%v allocations when allowed", n)
	}
	tight := state.Limit{Count: 5, Per: time.Second}
	if n := testing.AllocsPerRun(1000, func() { _, _ = s.Allow(ctx, "key", tight, 1) }); n != 0 {
		t.Errorf("%v allocations when refused", n)
	}
}
