package redis

import (
	"context"
	"math"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/internal/redistest"
	"parley/internal/state"
)

func allow(t testing.TB, s *Store, limit state.Limit, cost int) state.Decision {
	t.Helper()
	d, err := s.Allow(t.Context(), "key", limit, cost)
	must(t, err)
	return d
}

// TestLargeWindow plays random attempts against a log that forgets nothing, with windows that hold hundreds of charges.
func TestLargeWindow(t *testing.T) {
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 1))
		e := imitate(t)
		s := started(t, e.address())
		limit := state.Limit{Count: 200 + r.IntN(400), Per: time.Duration(100+r.IntN(300)) * time.Millisecond}
		var log []time.Time // the moment of every unit charged
		used := func(at time.Time) (n int) {
			for _, charged := range log {
				if at.Sub(charged) < limit.Per {
					n++
				}
			}
			return n
		}
		for i := range 1500 {
			switch {
			case r.IntN(200) == 0:
				e.advance(limit.Per * time.Duration(r.IntN(12)) / 10)
			case r.IntN(3) > 0:
				e.advance(time.Millisecond)
			}
			cost := r.IntN(4)
			if r.IntN(50) == 0 {
				cost = r.IntN(limit.Count)
			}
			before := used(e.now)
			d := allow(t, s, limit, cost)
			if want := cost == 0 || before+cost <= limit.Count; d.Allowed != want {
				t.Fatalf("seed %d, attempt %d: cost %d with %d of %d used: allowed is %v", seed, i, cost, before, limit.Count, d.Allowed)
			}
			if d.Allowed {
				for range cost {
					log = append(log, e.now)
				}
			} else if at := e.now.Add(d.RetryAfter); used(at)+cost > limit.Count || used(at.Add(-1))+cost <= limit.Count {
				t.Fatalf("seed %d, attempt %d: told to retry after %v, which is not the first moment", seed, i, d.RetryAfter)
			}
			if want := limit.Count - used(e.now); d.Remaining != want {
				t.Fatalf("seed %d, attempt %d: remaining is %d, want %d", seed, i, d.Remaining, want)
			}
		}
		e.advance(limit.Per + time.Millisecond) // the engine's clock counts whole ones
		if keys := e.Keys(); len(keys) != 0 {
			t.Errorf("%q is left when the window has passed", keys)
		}
	}
}

func TestWindowWhenTheClockIsSetBack(t *testing.T) {
	limit := state.Limit{Count: 2, Per: time.Minute}
	for _, row := range []struct {
		name string
		back time.Duration
		want state.Decision
	}{
		{"a little: the charges still count", time.Second, state.Decision{RetryAfter: time.Minute}},
		{"by more than the window: they are forgotten", time.Hour, state.Decision{Allowed: true, Remaining: 1}},
	} {
		t.Run(row.name, func(t *testing.T) {
			e := imitate(t)
			s := started(t, e.address())
			allow(t, s, limit, 2)
			e.advance(-row.back)
			if d := allow(t, s, limit, 1); d != row.want {
				t.Errorf("decision is %+v, want %+v", d, row.want)
			}
		})
	}
}

func TestChargesStayInOrderWhenTheClockIsSetBack(t *testing.T) {
	e := imitate(t)
	s := started(t, e.address())
	limit := state.Limit{Count: 2, Per: time.Minute}
	allow(t, s, limit, 1)
	e.advance(-30 * time.Second)
	allow(t, s, limit, 1) // counts as charged with the first one, the latest moment there has been
	e.advance(89 * time.Second)
	if d, want := allow(t, s, limit, 2), (state.Decision{RetryAfter: time.Second}); d != want {
		t.Errorf("decision is %+v, want %+v", d, want)
	}
	e.advance(time.Second)
	if d, want := allow(t, s, limit, 2), (state.Decision{Allowed: true}); d != want {
		t.Errorf("decision is %+v, want %+v", d, want)
	}
}

func TestLimitsBeyondWhatAScriptCounts(t *testing.T) {
	s := started(t, redistest.URL(t))
	limit := state.Limit{Count: math.MaxInt, Per: math.MaxInt64}
	if d := allow(t, s, limit, 1<<30); !d.Allowed || d.Remaining < 1<<30 {
		t.Errorf("decision is %+v", d)
	}
	if d := allow(t, s, limit, math.MaxInt); d.Allowed || d.RetryAfter != limit.Per {
		t.Errorf("decision is %+v", d)
	}
}

// TestNodesShareALimit lets several nodes charge one limiter as fast as they can for some windows.
func TestNodesShareALimit(t *testing.T) {
	address := redistest.URL(t)
	const windows = 5
	limit := state.Limit{Count: 50, Per: 100 * time.Millisecond}
	var allowed atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), windows*limit.Per)
	defer cancel()
	for range 3 {
		s := started(t, address)
		for range 4 {
			wg.Go(func() {
				for ctx.Err() == nil {
					d, err := s.Allow(t.Context(), "key", limit, 1)
					if err != nil {
						t.Error(err)
						return
					}
					if d.Allowed {
						allowed.Add(1)
					}
				}
			})
		}
	}
	wg.Wait()
	passed := time.Since(began)
	if n, most := allowed.Load(), int64(limit.Count)*(int64(passed/limit.Per)+1); n > most || n < int64(limit.Count) {
		t.Errorf("%d allowed within %v, want %d at most", n, passed, most)
	}
}

func benchmarkAllow(b *testing.B, limit state.Limit, keys int) {
	s := started(b, redistest.URL(b))
	names := make([]string, keys)
	for i := range names {
		names[i] = "messages:user-" + strconv.Itoa(i)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; b.Loop(); i++ {
		if _, err := s.Allow(b.Context(), names[i%keys], limit, 1); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAllow(b *testing.B) {
	b.Run("allowed", func(b *testing.B) { benchmarkAllow(b, state.Limit{Count: 100_000, Per: 100 * time.Millisecond}, 1) })
	b.Run("refused", func(b *testing.B) { benchmarkAllow(b, state.Limit{Count: 10, Per: time.Hour}, 1) })
	b.Run("refused, 10,000 charges", func(b *testing.B) {
		benchmarkAllow(b, state.Limit{Count: 10_000, Per: time.Hour}, 1)
	})
	b.Run("allowed, 10,000 keys", func(b *testing.B) {
		benchmarkAllow(b, state.Limit{Count: 1000, Per: time.Second}, 10_000)
	})
	b.Run("parallel", func(b *testing.B) {
		s := started(b, redistest.URL(b))
		var next atomic.Int64
		b.ReportAllocs()
		b.SetParallelism(16)
		b.RunParallel(func(pb *testing.PB) {
			key := strconv.FormatInt(next.Add(1), 10)
			for pb.Next() {
				_, _ = s.Allow(b.Context(), key, state.Limit{Count: 100_000, Per: 100 * time.Millisecond}, 1)
			}
		})
	})
}
