package redis

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"parley/internal/bus"
	"parley/internal/bus/bustest"
	"parley/internal/redistest"
)

func TestMain(m *testing.M) { os.Exit(redistest.Main(m)) }

func TestBus(t *testing.T) {
	redistest.URL(t) // skips all of it at once
	bustest.Run(t, func(t *testing.T) (a, b bus.Bus) {
		address := redistest.URL(t)
		return opened(t, Options{URL: address}), opened(t, Options{URL: address})
	})
}

// TestBusThatIsBusy runs the suite with lines that look after themselves all the time, which nobody may notice.
func TestBusThatIsBusy(t *testing.T) {
	redistest.URL(t)
	bustest.Run(t, func(t *testing.T) (a, b bus.Bus) {
		address := redistest.URL(t)
		busy := func() bus.Bus {
			b := opened(t, Options{URL: address})
			b.every = time.Millisecond
			return b
		}
		return busy(), busy()
	})
}

func TestBusThroughFaulty(t *testing.T) {
	redistest.URL(t)
	bustest.Run(t, func(t *testing.T) (a, b bus.Bus) {
		o := Options{URL: redistest.URL(t)}
		return bustest.NewFaulty(opened(t, o), bustest.Faults{}), bustest.NewFaulty(opened(t, o), bustest.Faults{})
	})
}

func opened(t testing.TB, o Options) *Bus {
	t.Helper()
	b, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func started(t testing.TB, o Options) *Bus {
	t.Helper()
	b := opened(t, o)
	b.every = min(b.every, 20*time.Millisecond)
	must(t, b.Start(t.Context()))
	t.Cleanup(func() {
		if err := b.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return b
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// listen subscribes and returns what is heard. The channel is large enough for every test.
func listen(t testing.TB, b *Bus, channel string) (<-chan string, func()) {
	t.Helper()
	heard := make(chan string, 100_000)
	cancel, err := b.Subscribe(t.Context(), channel, func(p []byte) { heard <- string(p) })
	must(t, err)
	return heard, cancel
}

func TestLifecycle(t *testing.T) {
	b := started(t, Options{URL: redistest.URL(t)})
	must(t, b.Ping(t.Context()))
	if err := b.Start(t.Context()); !errors.Is(err, bus.ErrNotRunning) {
		t.Errorf("second Start: %v", err)
	}
	must(t, b.Stop(t.Context()))
	if err := b.Start(t.Context()); !errors.Is(err, bus.ErrNotRunning) {
		t.Errorf("Start after Stop: %v", err)
	}
	if err := b.Ping(t.Context()); !errors.Is(err, bus.ErrNotRunning) {
		t.Errorf("Ping after Stop: %v", err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	late := opened(t, Options{URL: redistest.URL(t)})
	if err := late.Start(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("Start with an ended context: %v", err)
	}
	must(t, late.Start(t.Context()))
	must(t, late.Stop(t.Context()))
}

func TestDatabasesAreApart(t *testing.T) {
	here, there := started(t, Options{URL: redistest.URL(t)}), started(t, Options{URL: redistest.URL(t)})
	heard, _ := listen(t, here, "room")
	elsewhere, _ := listen(t, there, "room")
	must(t, here.Publish(t.Context(), "room", []byte("x")))
	<-heard
	must(t, there.Publish(t.Context(), "room", []byte("last")))
	if got := <-elsewhere; got != "last" {
		t.Errorf("heard %q, which was published in another database", got)
	}
}

func TestOrderOfAPublisherIsKept(t *testing.T) {
	o := Options{URL: redistest.URL(t)}
	a, b := started(t, o), started(t, o)
	heard, _ := listen(t, b, "room")
	const n = 2000
	for i := range n {
		must(t, a.Publish(t.Context(), "room", fmt.Append(nil, i)))
	}
	for i := range n {
		if got := <-heard; got != fmt.Sprint(i) {
			t.Fatalf("message %d came as number %s", i, got)
		}
	}
}

// subscribedTo is what the engine knows of this node.
func subscribedTo(t *testing.T, b *Bus) map[string]int64 {
	t.Helper()
	names, err := b.client.PubSubChannels(t.Context(), b.prefix+"*").Result()
	must(t, err)
	counts, err := b.client.PubSubNumSub(t.Context(), names...).Result()
	must(t, err)
	return counts
}

func TestShardsAreLeftWhenNobodyNeedsThem(t *testing.T) {
	b := started(t, Options{URL: redistest.URL(t)})
	var cancels []func()
	for i := range 3000 {
		_, cancel := listenLightly(t, b, fmt.Sprint("room", i))
		cancels = append(cancels, cancel)
	}
	if n := len(subscribedTo(t, b)); n > shardCount+1 || n < shardCount/2 {
		t.Errorf("%d channels of the engine for 3,000 of the bus", n)
	}
	kept, _ := listen(t, b, "kept")
	for _, cancel := range cancels {
		cancel()
		cancel()
	}
	for left := subscribedTo(t, b); len(left) != 2; left = subscribedTo(t, b) {
		if t.Context().Err() != nil {
			t.Fatalf("%d channels of the engine are still subscribed to", len(left))
		}
	}
	must(t, b.Publish(t.Context(), "kept", []byte("x")))
	if got := <-kept; got != "x" {
		t.Errorf("heard %q", got)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.refs) != 1 {
		t.Errorf("%d shards are counted, want 1", len(b.refs))
	}
}

func listenLightly(t *testing.T, b *Bus, channel string) (struct{}, func()) {
	t.Helper()
	cancel, err := b.Subscribe(t.Context(), channel, func([]byte) {})
	must(t, err)
	return struct{}{}, cancel
}

// TestShardsThatComeAndGo subscribes and cancels while the keeper leaves shards: no subscription may be left without its shard.
func TestShardsThatComeAndGo(t *testing.T) {
	b := started(t, Options{URL: redistest.URL(t)})
	var wg, leaving sync.WaitGroup
	done := make(chan struct{})
	leaving.Go(func() {
		for !isClosed(done) {
			l, err := b.present()
			if err == nil {
				err = l.leave(t.Context(), b.wanted)
			}
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	for i := range 8 {
		wg.Go(func() {
			for range 150 {
				heard := make(chan struct{}, 1)
				cancel, err := b.Subscribe(t.Context(), fmt.Sprint("room", i%2), func([]byte) {
					select {
					case heard <- struct{}{}:
					default: // what the others publish is heard as well
					}
				})
				if err != nil {
					t.Errorf("Subscribe: %v", err)
					return
				}
				if err := b.Publish(t.Context(), fmt.Sprint("room", i%2), nil); err != nil {
					t.Errorf("Publish: %v", err)
				}
				select {
				case <-heard:
				case <-time.After(patience):
					t.Error("a subscription hears nothing")
				}
				cancel()
			}
		})
	}
	wg.Wait()
	close(done)
	leaving.Wait()
}

func TestWhatOthersPutOnAChannelIsPassedOver(t *testing.T) {
	b := started(t, Options{URL: redistest.URL(t)})
	heard, _ := listen(t, b, "room")
	for _, junk := range []string{"", "x", "\x00", "\x01\xff", "\x63\x00", string(message("n", "", []byte("x")))} {
		must(t, b.client.Publish(t.Context(), b.shard("room"), junk).Err())
	}
	must(t, b.Publish(t.Context(), "room", []byte("sense")))
	if got := <-heard; got != "sense" {
		t.Errorf("heard %q", got)
	}
}

func BenchmarkPublish(b *testing.B) {
	payload := make([]byte, 200)
	b.Run("one at a time", func(b *testing.B) {
		node := started(b, Options{URL: redistest.URL(b)})
		b.ReportAllocs()
		for b.Loop() {
			_ = node.Publish(b.Context(), "room", payload)
		}
	})
	b.Run("64 at a time", func(b *testing.B) {
		node := started(b, Options{URL: redistest.URL(b)})
		b.ReportAllocs()
		b.SetParallelism(32)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				_ = node.Publish(b.Context(), "room", payload)
			}
		})
	})
	b.Run("and heard by two nodes", func(b *testing.B) {
		o := Options{URL: redistest.URL(b)}
		x, y := started(b, o), started(b, o)
		heard := make(chan struct{}, 2)
		for _, node := range []*Bus{x, y} {
			_, err := node.Subscribe(b.Context(), "room", func([]byte) { heard <- struct{}{} })
			must(b, err)
		}
		b.ReportAllocs()
		for b.Loop() {
			_ = x.Publish(b.Context(), "room", payload)
			<-heard
			<-heard
		}
	})
}
