package inproc

import (
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"parley/internal/state"
)

func benchmarkAllow(b *testing.B, limit state.Limit, keys int) {
	s := started(b, Options{})
	ctx := b.Context()
	names := make([]string, keys)
	for i := range names {
		names[i] = "messages:user-" + strconv.Itoa(i)
		_, err := s.Allow(ctx, names[i], limit, 1)
		must(b, err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; b.Loop(); i++ {
		_, _ = s.Allow(ctx, names[i%keys], limit, 1)
	}
}

func BenchmarkAllow(b *testing.B) {
	b.Run("allowed", func(b *testing.B) {
		benchmarkAllow(b, state.Limit{Count: 100_000, Per: time.Millisecond}, 1)
	})
	b.Run("refused", func(b *testing.B) { benchmarkAllow(b, state.Limit{Count: 10, Per: time.Hour}, 1) })
	b.Run("allowed, 10,000 keys", func(b *testing.B) {
		benchmarkAllow(b, state.Limit{Count: 1000, Per: 10 * time.Millisecond}, 10_000)
	})
	b.Run("parallel, key each", func(b *testing.B) {
		s := started(b, Options{})
		var next atomic.Int64
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			key := strconv.FormatInt(next.Add(1), 10)
			for pb.Next() {
				_, _ = s.Allow(b.Context(), key, state.Limit{Count: 100_000, Per: time.Millisecond}, 1)
			}
		})
	})
}

func BenchmarkSetGet(b *testing.B) {
	s := started(b, Options{})
	value := []byte("0123456789abcdef")
	b.ReportAllocs()
	for b.Loop() {
		_ = s.Set(b.Context(), "key", value, time.Minute)
		_, _, _ = s.Get(b.Context(), "key")
	}
}

func BenchmarkSetAdd(b *testing.B) {
	s := started(b, Options{})
	names := make([]string, 100_000)
	for i := range names {
		names[i] = strconv.Itoa(i)
		must(b, s.SetAdd(b.Context(), "set", names[i], float64(i), 0))
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; b.Loop(); i++ { // what a presence beat does: the oldest becomes the newest
		_ = s.SetAdd(b.Context(), "set", names[i%len(names)], float64(i+len(names)), 0)
	}
}

// BenchmarkKeys prints what a key of each kind takes in memory, as bytes a key.
func BenchmarkKeys(b *testing.B) {
	b.Run("limiter", func(b *testing.B) {
		s := started(b, Options{MaxKeys: 1 << 30})
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			_, _ = s.Allow(b.Context(), strconv.Itoa(i), state.Limit{Count: 10, Per: time.Hour}, 1)
		}
	})
}
