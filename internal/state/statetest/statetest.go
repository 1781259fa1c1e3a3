// Package statetest holds the promises of state.Store as tests, for every implementation to run.
//
// What only one implementation promises (bounds, memory, allocations) is tested beside it, not here.
package statetest

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/internal/state"
)

// Fixture is one empty store and the clock it lives by.
type Fixture struct {
	// Store is not started yet. The suite starts and stops it.
	Store state.Store
	// Advance moves the store's clock forward by at least d before it returns: a fake clock is set, a
	// real one waited for.
	Advance func(d time.Duration)
	// Exact says that nothing but Advance moves the clock. Only then are promises tested to the
	// millisecond, and long random histories played against a model.
	Exact bool
}

// Life is the TTL, and the span of limits, that the suite works with. A real clock may lose half of
// it between two calls without failing a test.
const Life = 400 * time.Millisecond

// Run runs the whole suite. The function open is called once for each test and must not share
// anything between the stores it returns; it registers its own clean-up with t.
func Run(t *testing.T, open func(t *testing.T) Fixture) {
	t.Cleanup(func() { checkLeaks(t) })
	groups := []struct {
		name  string
		tests []test
	}{
		{"lifecycle", lifecycleTests},
		{"values", valueTests},
		{"kinds", kindTests},
		{"limits", limitTests},
		{"sets", setTests},
		{"histories", historyTests},
	}
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			for _, tt := range g.tests {
				t.Run(tt.name, func(t *testing.T) {
					t.Parallel()
					f := open(t)
					if tt.exact && !f.Exact {
						return // a promise to the millisecond, which a real clock cannot show
					}
					k := &kit{T: t, Store: f.Store, advance: f.Advance, ctx: t.Context()}
					if !tt.unstarted {
						k.must(f.Store.Start(k.ctx))
					}
					t.Cleanup(func() {
						if err := f.Store.Stop(context.Background()); err != nil {
							t.Errorf("Stop: %v", err)
						}
					})
					tt.run(k)
				})
			}
		})
	}
}

type test struct {
	name      string
	run       func(k *kit)
	exact     bool
	unstarted bool
}

// kit is what a test works with: calls that fail the test instead of returning an error.
type kit struct {
	*testing.T
	state.Store
	advance func(time.Duration)
	ctx     context.Context
}

func (k *kit) must(err error) {
	k.Helper()
	if err != nil {
		k.Fatalf("unexpected error: %v", err)
	}
}

func (k *kit) fails(err, want error) {
	k.Helper()
	if !errors.Is(err, want) {
		k.Errorf("error is %v, want %v", err, want)
	}
}

func equal[T comparable](k *kit, what string, got, want T) {
	k.Helper()
	if got != want {
		k.Errorf("%s is %v, want %v", what, got, want)
	}
}

// holds checks the value under key.
func (k *kit) holds(key, want string) {
	k.Helper()
	v, ok, err := k.Get(k.ctx, key)
	k.must(err)
	if !ok || string(v) != want {
		k.Errorf("Get(%q) is %q, %v; want %q", key, v, ok, want)
	}
}

// gone checks that there is no value under key, in any way of asking.
func (k *kit) gone(key string) {
	k.Helper()
	v, ok, err := k.Get(k.ctx, key)
	k.must(err)
	if ok || v != nil {
		k.Errorf("Get(%q) is %q, %v; want nothing", key, v, ok)
	}
	many, err := k.GetMany(k.ctx, []string{key})
	k.must(err)
	if len(many) != 1 || many[0] != nil {
		k.Errorf("GetMany(%q) is %q, want one nil", key, many)
	}
	v, ok, err = k.Take(k.ctx, key)
	k.must(err)
	if ok || v != nil {
		k.Errorf("Take(%q) is %q, %v; want nothing", key, v, ok)
	}
	ok, err = k.Touch(k.ctx, key, time.Hour)
	k.must(err)
	equal(k, "Touch of what is gone", ok, false)
}

func (k *kit) set(key, value string, ttl time.Duration) {
	k.Helper()
	k.must(k.Set(k.ctx, key, []byte(value), ttl))
}

func (k *kit) allow(key string, limit state.Limit, cost int) state.Decision {
	k.Helper()
	d, err := k.Allow(k.ctx, key, limit, cost)
	k.must(err)
	return d
}

// together calls fn from n goroutines at once and returns how many of the calls said true.
func (k *kit) together(n int, fn func(i int) (bool, error)) (yes int) {
	k.Helper()
	var wg sync.WaitGroup
	var mu sync.Mutex
	gate := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-gate
			ok, err := fn(i)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				k.Errorf("unexpected error: %v", err)
			}
			if ok {
				yes++
			}
		})
	}
	close(gate)
	wg.Wait()
	return yes
}

var lifecycleTests = []test{
	{name: "nothing works before the start", unstarted: true, run: refusesAll},
	{name: "stopping a store that was never started is fine", unstarted: true, run: func(k *kit) {
		k.must(k.Stop(k.ctx))
		k.must(k.Stop(k.ctx))
	}},
	{name: "nothing works after the stop, and a second stop is fine", run: func(k *kit) {
		k.set("key", "value", 0)
		k.must(k.Stop(k.ctx))
		refusesAll(k)
		k.must(k.Stop(k.ctx))
	}},
}

func refusesAll(k *kit) {
	calls := map[string]func() error{
		"Set":         func() error { return k.Set(k.ctx, "key", nil, 0) },
		"SetIfAbsent": func() error { _, err := k.SetIfAbsent(k.ctx, "key", nil, 0); return err },
		"Get":         func() error { _, _, err := k.Get(k.ctx, "key"); return err },
		"GetMany":     func() error { _, err := k.GetMany(k.ctx, []string{"key"}); return err },
		"Take":        func() error { _, _, err := k.Take(k.ctx, "key"); return err },
		"Add":         func() error { _, err := k.Add(k.ctx, "key", 1, 0); return err },
		"Touch":       func() error { _, err := k.Touch(k.ctx, "key", 0); return err },
		"Delete":      func() error { return k.Delete(k.ctx, "key") },
		"Allow":       func() error { _, err := k.Allow(k.ctx, "key", state.Limit{Count: 1, Per: Life}, 1); return err },
		"SetAdd":      func() error { return k.SetAdd(k.ctx, "key", "member", 1, 0) },
		"SetRemove":   func() error { _, err := k.SetRemove(k.ctx, "key", "member"); return err },
		"SetTrim":     func() error { _, err := k.SetTrim(k.ctx, "key", 0, 1); return err },
		"SetRange":    func() error { _, err := k.SetRange(k.ctx, "key", 0, 1, 0); return err },
		"SetCount":    func() error { _, err := k.SetCount(k.ctx, "key"); return err },
		"SetScore":    func() error { _, _, err := k.SetScore(k.ctx, "key", "member"); return err },
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, state.ErrNotRunning) {
			k.Errorf("%s: error is %v, want %v", name, err, state.ErrNotRunning)
		}
	}
}

// checkLeaks fails if a goroutine of a store is still there after all stores have been stopped.
func checkLeaks(t *testing.T) {
	stacks := make([]byte, 1<<20)
	var left []string
	// One that has just signalled its end may still be on its way out.
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
		left = nil
		for _, g := range strings.Split(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
			if strings.Contains(g, "internal/state/") && !strings.Contains(g, "statetest.checkLeaks") &&
				!strings.Contains(g, "testing.(*T).Run") {
				left = append(left, g)
			}
		}
		if left == nil {
			return
		}
	}
	t.Errorf("goroutines left behind:\n%s", strings.Join(left, "\n\n"))
}
