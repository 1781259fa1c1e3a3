package redis

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/internal/redistest"
	"parley/internal/state"
)

// patience is how long a test waits for what must happen. It only passes in a test that fails.
const patience = 20 * time.Second

// TestFaults does to the engine what happens to engines, with many callers at work. None of them gives a deadline.
func TestFaults(t *testing.T) {
	for _, row := range []struct {
		name        string
		fault, heal func(*redistest.Server, testing.TB)
	}{
		{"killed and started again", (*redistest.Server).Kill, (*redistest.Server).Restart},
		{"paused and resumed", (*redistest.Server).Pause, (*redistest.Server).Resume},
		{"paused, killed and started again", (*redistest.Server).Pause, (*redistest.Server).Restart},
	} {
		t.Run(row.name, func(t *testing.T) {
			engine := redistest.Private(t)
			s := started(t, engine.URL(t))
			stop := underLoad(t, s)
			for range 2 {
				row.fault(engine, t)
				until(t, s, state.ErrUnavailable)
				row.heal(engine, t)
				until(t, s, nil)
			}
			stop()
			must(t, s.Stop(t.Context()))
			nothingRuns(t)
		})
	}
}

// underLoad makes calls of all sorts until stop is called. Each of them must work or say that the engine is away.
func underLoad(t *testing.T, s *Store) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	limit := state.Limit{Count: 1000, Per: 10 * time.Millisecond}
	calls := []func() error{
		func() error { return s.Set(t.Context(), "value", []byte("x"), time.Second) },
		func() error { _, _, err := s.Get(t.Context(), "value"); return err },
		func() error { _, err := s.Add(t.Context(), "number", 1, time.Second); return err },
		func() error { _, err := s.Allow(t.Context(), "limiter", limit, 1); return err },
		func() error { return s.SetAdd(t.Context(), "set", "member", 1, time.Second) },
	}
	var wg sync.WaitGroup
	for range 12 { // more callers than connections
		for _, call := range calls {
			wg.Go(func() {
				for ctx.Err() == nil {
					if err := call(); err != nil && !errors.Is(err, state.ErrUnavailable) {
						t.Errorf("a call under load: %v", err)
						return
					}
				}
			})
		}
	}
	return func() { cancel(); wg.Wait() }
}

// until makes calls until one ends with want.
func until(t *testing.T, s *Store, want error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if _, err = s.Allow(t.Context(), "key", state.Limit{Count: 1_000_000, Per: time.Minute}, 1); errors.Is(err, want) {
			return
		}
	}
	t.Fatalf("calls end with %v, want %v", err, want)
}

// nothingRuns waits until no goroutine of the library is left.
func nothingRuns(t *testing.T) {
	t.Helper()
	stacks := make([]byte, 1<<20)
	for deadline := time.Now().Add(patience); ; runtime.Gosched() {
		left := string(stacks[:runtime.Stack(stacks, true)])
		if !strings.Contains(left, "redis/go-redis") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("goroutines left behind:\n%s", left)
		}
	}
}

func TestFlushedEngineIsAnEmptyOne(t *testing.T) {
	engine := redistest.Private(t)
	s := started(t, engine.URL(t))
	stop := underLoad(t, s)
	defer stop()
	limit := state.Limit{Count: 1, Per: time.Hour}
	must(t, s.Set(t.Context(), "kept", []byte("x"), 0))
	allow(t, s, limit, 1)
	if allow(t, s, limit, 1).Allowed {
		t.Error("allowed twice")
	}
	engine.Flush(t)
	if _, ok, err := s.Get(t.Context(), "kept"); ok || err != nil {
		t.Errorf("Get after the flush: %v, %v", ok, err)
	}
	if !allow(t, s, limit, 1).Allowed {
		t.Error("refused after the flush")
	}
}

func TestAnEngineThatIsAway(t *testing.T) {
	engine := redistest.Private(t)
	address := engine.URL(t)
	engine.Kill(t)
	s := opened(t, address)
	if err := s.Start(t.Context()); !errors.Is(err, state.ErrUnavailable) {
		t.Errorf("Start: %v, want %v", err, state.ErrUnavailable)
	}
	if _, _, err := s.Get(t.Context(), "key"); !errors.Is(err, state.ErrNotRunning) {
		t.Errorf("Get: %v, want %v", err, state.ErrNotRunning)
	}
	engine.Restart(t)
	for s.Start(t.Context()) != nil { // may have to wait out the pause after a failure
		if t.Context().Err() != nil {
			t.Fatal("the store does not start")
		}
	}
	until(t, s, nil)
	must(t, s.Stop(t.Context()))
}

func TestTheCallersContextBoundsTheWait(t *testing.T) {
	engine := redistest.Private(t)
	s := started(t, engine.URL(t)+"?read_timeout=1h&pool_timeout=1h")
	engine.Pause(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := s.Set(ctx, "other", nil, 0); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, state.ErrUnavailable) {
		t.Errorf("Set: %v, want %v", err, context.DeadlineExceeded)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := s.Set(ended, "other", nil, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("Set: %v, want %v", err, context.Canceled)
	}
	engine.Resume(t)
	until(t, s, nil) // one caller in a hurry does not make the engine unavailable to the others
}

func TestAnEngineWithoutRoomIsFull(t *testing.T) {
	engine := redistest.Private(t)
	s := started(t, engine.URL(t))
	must(t, s.client.ConfigSet(t.Context(), "maxmemory", "1mb").Err())
	err := s.Set(t.Context(), "key", make([]byte, 2<<20), 0)
	for range 2 {
		if err == nil {
			err = s.Set(t.Context(), "other", make([]byte, 2<<20), 0)
		}
	}
	if !errors.Is(err, state.ErrFull) {
		t.Errorf("error is %v, want %v", err, state.ErrFull)
	}
	if _, err := s.Allow(t.Context(), "limiter", state.Limit{Count: 1, Per: time.Hour}, 1); !errors.Is(err, state.ErrFull) {
		t.Errorf("error of a script is %v, want %v", err, state.ErrFull)
	}
}

func TestBySocket(t *testing.T) {
	s := started(t, redistest.Private(t).Socket(t))
	must(t, s.Set(t.Context(), "key", []byte("x"), 0))
	if v, ok, err := s.Get(t.Context(), "key"); string(v) != "x" || !ok || err != nil {
		t.Errorf("Get is %q, %v, %v", v, ok, err)
	}
}
