package redis

import (
	"context"
	"errors"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"

	"parley/internal/redistest"
	"parley/internal/state"
	"parley/internal/state/statetest"
)

func TestMain(m *testing.M) { os.Exit(redistest.Main(m)) }

func TestStore(t *testing.T) {
	redistest.URL(t) // skips all of it at once
	statetest.Run(t, func(t *testing.T) statetest.Fixture {
		return statetest.Fixture{Store: opened(t, redistest.URL(t)), Advance: wait}
	})
}

// wait lets the engine's clock go on. The engine keeps a key until its millisecond is over.
func wait(d time.Duration) {
	<-time.After(d + 2*time.Millisecond)
}

// TestStoreExactly runs the suite against an engine whose clock only the test moves.
func TestStoreExactly(t *testing.T) {
	statetest.Run(t, func(t *testing.T) statetest.Fixture {
		e := imitate(t)
		return statetest.Fixture{Store: opened(t, e.address()), Advance: e.advance, Exact: true}
	})
}

// imitation is an engine within the process, with a clock of its own.
type imitation struct {
	*miniredis.Miniredis
	now time.Time
}

func imitate(t testing.TB) *imitation {
	e := &imitation{Miniredis: miniredis.RunT(t), now: time.UnixMilli(1_800_000_000_000)}
	e.SetTime(e.now)
	// Other than the real one it counts on from "+1" and "01".
	var mu sync.Mutex
	odd := map[string]bool{}
	e.Server().SetPreHook(func(c *server.Peer, cmd string, args ...string) bool {
		mu.Lock()
		defer mu.Unlock()
		switch cmd {
		case "SET":
			n, err := strconv.ParseInt(args[1], 10, 64)
			odd[args[0]] = err != nil || strconv.FormatInt(n, 10) != args[1]
		case "DEL", "UNLINK":
			clear(odd)
		case "INCRBY":
			if odd[args[0]] {
				c.WriteError("ERR value is not an integer or out of range")
				return true
			}
		}
		return false
	})
	return e
}

func (e *imitation) address() string { return "redis://" + e.Addr() }

func (e *imitation) advance(d time.Duration) {
	e.now = e.now.Add(d)
	e.SetTime(e.now)
	if d > 0 {
		e.FastForward(d)
	}
}

func opened(t testing.TB, address string) *Store {
	t.Helper()
	s, err := New(Options{URL: address})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func started(t testing.TB, address string) *Store {
	t.Helper()
	s := opened(t, address)
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

func TestLifecycle(t *testing.T) {
	s := started(t, redistest.URL(t))
	must(t, s.Ping(t.Context()))
	if err := s.Start(t.Context()); !errors.Is(err, state.ErrNotRunning) {
		t.Errorf("second Start: %v", err)
	}
	must(t, s.Stop(t.Context()))
	if err := s.Start(t.Context()); !errors.Is(err, state.ErrNotRunning) {
		t.Errorf("Start after Stop: %v", err)
	}
	if err := s.Ping(t.Context()); !errors.Is(err, state.ErrNotRunning) {
		t.Errorf("Ping after Stop: %v", err)
	}
}
