package standby

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"parley/internal/state"
	"parley/internal/state/inproc"
)

// engine is one that can be away.
type engine struct {
	*inproc.Store
	away atomic.Bool
}

func (e *engine) Start(ctx context.Context) error {
	if e.away.Load() {
		return state.ErrUnavailable
	}
	return e.Store.Start(ctx)
}

func (e *engine) Allow(ctx context.Context, key string, limit state.Limit, cost int) (state.Decision, error) {
	if e.away.Load() {
		return state.Decision{}, state.ErrUnavailable
	}
	return e.Store.Allow(ctx, key, limit, cost)
}

func wrap(t *testing.T, away bool) (*engine, *Store) {
	t.Helper()
	e := &engine{Store: inproc.New(inproc.Options{})}
	e.away.Store(away)
	s := New(e, slog.New(slog.DiscardHandler))
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return e, s
}

func TestLimitsHoldWhileTheEngineIsAway(t *testing.T) {
	e, s := wrap(t, false)
	limit := state.Limit{Count: 2, Per: time.Hour}
	allowed := func() bool {
		t.Helper()
		d, err := s.Allow(t.Context(), "k", limit, 1)
		if err != nil {
			t.Fatal(err)
		}
		return d.Allowed
	}
	twice := func() bool {
		t.Helper()
		one, two, three := allowed(), allowed(), allowed()
		return one && two && !three
	}
	if !twice() {
		t.Error("the engine's limit is not kept")
	}
	e.away.Store(true)
	if !twice() {
		t.Error("the limit is not kept without the engine")
	}
	e.away.Store(false)
	if allowed() {
		t.Error("the engine forgot what was charged")
	}
	if err := s.Delete(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	if !allowed() {
		t.Error("forgiving did not reach the engine")
	}
	e.away.Store(true)
	if !allowed() {
		t.Error("forgiving did not reach the stand-in")
	}
}

func TestAnotherFaultIsNoReasonToCountAlone(t *testing.T) {
	_, s := wrap(t, false)
	if _, err := s.Allow(t.Context(), "k", state.Limit{Count: -1}, 1); !errors.Is(err, state.ErrInvalid) {
		t.Errorf("an invalid limit: %v", err)
	}
	if err := s.Set(t.Context(), "k", nil, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Allow(t.Context(), "k", state.Limit{Count: 1, Per: time.Second}, 1); !errors.Is(err, state.ErrWrongKind) {
		t.Errorf("a key that holds a value: %v", err)
	}
}

func TestItStartsBeforeItsEngine(t *testing.T) {
	e, s := wrap(t, true)
	if d, err := s.Allow(t.Context(), "k", state.Limit{Count: 1, Per: time.Second}, 1); err != nil || !d.Allowed {
		t.Errorf("a limit before the engine: %v, %v", d, err)
	}
	if _, _, err := s.Take(t.Context(), "code"); !errors.Is(err, state.ErrNotRunning) {
		t.Errorf("a code before the engine: %v", err)
	}
	e.away.Store(false)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if _, _, err := s.Take(t.Context(), "code"); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the engine was not started again")
		}
	}
}

func TestAnEngineThatCannotStartIsAFault(t *testing.T) {
	e := inproc.New(inproc.Options{})
	if err := e.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer e.Stop(context.Background())
	if err := New(e, slog.New(slog.DiscardHandler)).Start(t.Context()); err == nil {
		t.Error("an engine that is running already was started")
	}
}
