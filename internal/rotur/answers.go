package rotur

import (
	"context"
	"sync"
	"time"
)

// answers keeps what was answered to questions of one sort, and lets a question be asked once however many wait for it.
type answers[T any] struct {
	mu    sync.Mutex
	kept  map[string]answer[T]
	asked map[string]*question[T]
}

type answer[T any] struct {
	value T
	err   error
	until time.Time
}

// question is one that is being asked; value and err hold once done is closed.
type question[T any] struct {
	done  chan struct{}
	value T
	err   error
}

// get returns the kept answer to a question or asks it, in the caller's goroutine; ask says for how long its answer holds.
// Who finds the question asked already waits for it, or until their context ends.
func (a *answers[T]) get(ctx context.Context, key string, now func() time.Time, ask func() (T, time.Duration, error)) (T, error) {
	a.mu.Lock()
	if kept, ok := a.kept[key]; ok && now().Before(kept.until) {
		a.mu.Unlock()
		return kept.value, kept.err
	}
	if q, ok := a.asked[key]; ok {
		a.mu.Unlock()
		select {
		case <-q.done:
			return q.value, q.err
		case <-ctx.Done():
			var none T
			return none, ctx.Err()
		}
	}
	q := &question[T]{done: make(chan struct{}), err: ErrUnavailable} // what those hear who wait for one that panicked
	if a.asked == nil {
		a.asked = make(map[string]*question[T])
	}
	a.asked[key] = q
	a.mu.Unlock()

	var holds time.Duration
	defer func() {
		a.mu.Lock()
		delete(a.asked, key)
		if holds > 0 {
			a.keep(key, answer[T]{q.value, q.err, now().Add(holds)}, now())
		}
		a.mu.Unlock()
		close(q.done)
	}()
	q.value, holds, q.err = ask()
	return q.value, q.err
}

// keep stores an answer; when there are too many, those go that no longer hold, or all.
func (a *answers[T]) keep(key string, v answer[T], now time.Time) {
	if a.kept == nil {
		a.kept = make(map[string]answer[T])
	}
	if len(a.kept) >= maxKept {
		for k, old := range a.kept {
			if !now.Before(old.until) {
				delete(a.kept, k)
			}
		}
		if len(a.kept) >= maxKept {
			clear(a.kept)
		}
	}
	a.kept[key] = v
}
