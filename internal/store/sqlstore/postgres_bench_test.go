package sqlstore_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"parley/internal/pgtest"
	"parley/internal/store/sqlstore"
)

// BenchmarkAppendPostgres is BenchmarkAppend on a PostgreSQL server on this machine that waits for the disk, with search and
// nonces. The processor time is that of this process alone.
func BenchmarkAppendPostgres(b *testing.B) {
	c := pgtest.New(b, pgtest.Options{Fsync: true})
	for _, senders := range []int{1, 10, 100, 400} {
		b.Run(fmt.Sprintf("senders=%d", senders), func(b *testing.B) {
			s := newBenchStoreOn(b, sqlstore.Options{URL: c.Schema(b)})
			ctx := context.Background()
			var next atomic.Int64
			var wg sync.WaitGroup
			s.calls.Store(0)
			s.done.Store(0)
			began := cpu(b)
			b.ResetTimer()
			for range senders {
				wg.Go(func() {
					for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
						if _, _, err := s.Append(ctx, s.draft(n, true, true)); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			b.ReportMetric(float64((cpu(b)-began).Microseconds())/float64(b.N), "cpu-µs/msg")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
			b.ReportMetric(float64(s.calls.Load())/float64(max(s.done.Load(), 1)), "msgs/commit")
		})
	}
}
