package redis

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"parley/internal/chat"
	"parley/internal/recent"
	"parley/internal/recent/recenttest"
	"parley/internal/redistest"
)

func TestMain(m *testing.M) { os.Exit(redistest.Main(m)) }

func TestRecent(t *testing.T) {
	redistest.URL(t) // skips all of it at once
	recenttest.Run(t, func(t *testing.T) recent.Recent { return started(t, Options{URL: redistest.URL(t)}) })
}

func started(t testing.TB, o Options) *Recent {
	t.Helper()
	r, err := New(o)
	must(t, err)
	must(t, r.Start(t.Context()))
	t.Cleanup(func() {
		if err := r.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return r
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var one = []recent.Change{{Seq: 1, ChangeSeq: 1, Encoded: []byte("x")}}

func complete(t testing.TB, r *Recent) bool {
	t.Helper()
	_, _, complete, err := r.Newest(t.Context(), 1)
	must(t, err)
	return complete
}

func TestLifecycle(t *testing.T) {
	r := started(t, Options{URL: redistest.URL(t)})
	if err := r.Start(t.Context()); !errors.Is(err, recent.ErrNotRunning) {
		t.Errorf("second Start: %v", err)
	}
	must(t, r.Stop(t.Context()))
	must(t, r.Stop(t.Context()))
	_, _, _, err := r.Newest(t.Context(), 1)
	for _, err := range []error{err, r.Push(t.Context(), 1), r.Push(t.Context(), 1, one...), r.Fill(t.Context(), 1, 1, one), r.Drop(t.Context(), 1), r.Start(t.Context())} {
		if !errors.Is(err, recent.ErrNotRunning) {
			t.Errorf("after the stop: %v, want %v", err, recent.ErrNotRunning)
		}
	}
}

func TestRoomsExpire(t *testing.T) {
	m := miniredis.RunT(t)
	r := started(t, Options{URL: "redis://" + m.Addr(), TTL: time.Hour})
	must(t, r.Fill(t.Context(), 1, 1, one))
	m.FastForward(50 * time.Minute)
	if !complete(t, r) { // which renews it
		t.Error("gone too early")
	}
	m.FastForward(50 * time.Minute)
	must(t, r.Push(t.Context(), 1, recent.Change{Seq: 2, ChangeSeq: 2}))
	m.FastForward(50 * time.Minute)
	if !complete(t, r) {
		t.Error("gone too early")
	}
	must(t, r.Drop(t.Context(), 1))
	m.FastForward(time.Hour)
	if keys := m.Keys(); len(keys) != 0 {
		t.Errorf("%q are left", keys)
	}
}

// TestEvictionOfHalfARoom takes away one key of the two, as an engine short of memory does.
func TestEvictionOfHalfARoom(t *testing.T) {
	for _, half := range []string{"recent:1", "recent:1:places"} {
		t.Run(half, func(t *testing.T) {
			r := started(t, Options{URL: redistest.URL(t)})
			must(t, r.Fill(t.Context(), 1, 1, one))
			must(t, r.client.Del(t.Context(), half).Err())
			if complete(t, r) {
				t.Error("half a room is complete")
			}
			must(t, r.Fill(t.Context(), 1, 1, one))
			if !complete(t, r) {
				t.Error("incomplete after it was filled again")
			}
		})
	}
}

func TestFaults(t *testing.T) {
	engine := redistest.Private(t)
	r := started(t, Options{URL: engine.URL(t)})
	until := func(want error) {
		t.Helper()
		var err error
		for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
			if err = r.Fill(t.Context(), 1, 1, one); errors.Is(err, want) {
				return
			}
		}
		t.Fatalf("Fill: %v, want %v", err, want)
	}
	until(nil)
	engine.Flush(t)
	if complete(t, r) {
		t.Error("complete after a flush")
	}
	for _, fault := range []struct {
		fault, heal func(*redistest.Server, testing.TB)
	}{
		{(*redistest.Server).Kill, (*redistest.Server).Restart},
		{(*redistest.Server).Pause, (*redistest.Server).Resume},
	} {
		fault.fault(engine, t)
		until(recent.ErrUnavailable)
		fault.heal(engine, t)
		until(nil)
		if !complete(t, r) {
			t.Error("incomplete after it was filled again")
		}
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	for _, answer := range []any{nil, "x", []any{}, []any{"1", int64(1)}, []any{"x", int64(1), []any{}}, []any{int64(1), int64(1), []any{}},
		[]any{"1", int64(1), []any{"no number"}}, []any{"1", int64(1), []any{nil}}} {
		if _, _, ok, err := read(answer); ok || err == nil {
			t.Errorf("%v is taken", answer)
		}
	}
}

func BenchmarkPush(b *testing.B) {
	r := started(b, Options{URL: redistest.URL(b)})
	must(b, r.Fill(b.Context(), 1, 1, one))
	encoded := make([]byte, 500)
	b.ReportAllocs()
	for seq := chat.Seq(2); b.Loop(); seq++ {
		must(b, r.Push(b.Context(), 1, recent.Change{Seq: seq, ChangeSeq: seq, Encoded: encoded}))
	}
}

func BenchmarkNewest(b *testing.B) {
	for _, size := range []int{10, recent.Size} {
		b.Run(fmt.Sprint(size, " messages"), func(b *testing.B) {
			r := started(b, Options{URL: redistest.URL(b)})
			var all []recent.Change
			for i := range size {
				all = append(all, recent.Change{Seq: chat.Seq(i + 1), ChangeSeq: chat.Seq(i + 1), Encoded: make([]byte, 500)})
			}
			must(b, r.Fill(b.Context(), 1, chat.Seq(size), all))
			b.ReportAllocs()
			for b.Loop() {
				_, _, _, err := r.Newest(b.Context(), 1)
				must(b, err)
			}
		})
	}
}
