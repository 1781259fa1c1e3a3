// Package standby lets a server go on while the engine of its volatile state is away: rate limits are then counted by this
// process alone, and a server may start before its engine.
//
// Everything else fails as it does without this package, with state.ErrUnavailable or, before the engine was first reached,
// state.ErrNotRunning. What is one-time and lasts, such as a login code, must not be taken over by a process that others do not
// know of.
package standby

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"parley/internal/state"
	"parley/internal/state/inproc"
)

// again is how long to wait before another attempt to start the engine.
const again = time.Second

// Store is an engine with a stand-in for its limiters.
type Store struct {
	state.Store
	local *inproc.Store
	log   *slog.Logger

	stop context.CancelFunc
	done sync.WaitGroup
}

// New wraps an engine that is not started yet and from then on is started and stopped through the Store.
func New(engine state.Store, log *slog.Logger) *Store {
	return &Store{Store: engine, local: inproc.New(inproc.Options{}), log: log}
}

// Start implements state.Store. An engine that cannot be reached is tried again in the background.
func (s *Store) Start(ctx context.Context) error {
	if err := s.local.Start(ctx); err != nil {
		return err
	}
	err := s.Store.Start(ctx)
	if err == nil {
		return nil
	}
	if !errors.Is(err, state.ErrUnavailable) {
		return errors.Join(err, s.local.Stop(ctx))
	}
	s.log.Warn("the engine of the volatile state cannot be reached: rate limits are counted here until it is", "error", err)
	var run context.Context
	run, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	s.done.Go(func() {
		tick := time.NewTicker(again)
		defer tick.Stop()
		for {
			select {
			case <-run.Done():
				return
			case <-tick.C:
			}
			if err := s.Store.Start(run); err == nil {
				s.log.Info("the engine of the volatile state is there")
				return
			}
		}
	})
	return nil
}

// Stop implements state.Store.
func (s *Store) Stop(ctx context.Context) error {
	if s.stop != nil {
		s.stop()
	}
	s.done.Wait()
	return errors.Join(s.Store.Stop(ctx), s.local.Stop(ctx))
}

// Allow implements state.Store. While the engine is away this process counts for itself: what was charged in either place
// before is not known in the other.
func (s *Store) Allow(ctx context.Context, key string, limit state.Limit, cost int) (state.Decision, error) {
	d, err := s.Store.Allow(ctx, key, limit, cost)
	if err != nil && ctx.Err() == nil && away(err) {
		return s.local.Allow(ctx, key, limit, cost)
	}
	return d, err
}

// Delete implements state.Store.
func (s *Store) Delete(ctx context.Context, keys ...string) error {
	return errors.Join(s.Store.Delete(ctx, keys...), s.local.Delete(ctx, keys...))
}

func away(err error) bool {
	return errors.Is(err, state.ErrUnavailable) || errors.Is(err, state.ErrNotRunning) || errors.Is(err, state.ErrFull)
}
