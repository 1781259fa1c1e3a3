package inproc

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"testing"

	"parley/internal/bus"
	"parley/internal/bus/bustest"
)

func TestBus(t *testing.T) {
	bustest.Run(t, func(*testing.T) (a, b bus.Bus) {
		x := NewExchange()
		return New(Options{Exchange: x}), New(Options{Exchange: x})
	})
}

func started(t testing.TB, opts Options) *Bus {
	t.Helper()
	b := New(opts)
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

func TestSecondStartIsRefused(t *testing.T) {
	b := started(t, Options{})
	if err := b.Start(t.Context()); !errors.Is(err, bus.ErrNotRunning) {
		t.Errorf("second Start: %v", err)
	}
	must(t, b.Stop(t.Context()))
	if err := b.Start(t.Context()); !errors.Is(err, bus.ErrNotRunning) {
		t.Errorf("Start after Stop: %v", err)
	}
}

func TestNodesWithoutACommonExchangeAreApart(t *testing.T) {
	a, b := started(t, Options{}), started(t, Options{})
	heard := make(chan string, 10)
	for _, node := range []*Bus{a, b} {
		_, err := node.Subscribe(t.Context(), "room", func(p []byte) { heard <- string(p) })
		must(t, err)
	}
	must(t, a.Publish(t.Context(), "room", []byte("x")))
	<-heard
	must(t, a.Stop(t.Context()))
	must(t, b.Stop(t.Context()))
	if n := len(heard); n != 0 {
		t.Errorf("heard %d times too often", n)
	}
}

func TestOrderOfAPublisherIsKept(t *testing.T) {
	b := started(t, Options{Queue: 100_000})
	const n = 50_000
	var got []uint32
	done := make(chan struct{})
	_, err := b.Subscribe(t.Context(), "room", func(p []byte) {
		got = append(got, binary.BigEndian.Uint32(p))
		if len(got) == n {
			close(done)
		}
	})
	must(t, err)
	for i := range uint32(n) {
		must(t, b.Publish(t.Context(), "room", binary.BigEndian.AppendUint32(nil, i)))
	}
	<-done
	for i, v := range got {
		if int(v) != i {
			t.Fatalf("message %d came as number %d", v, i)
		}
	}
}

func TestOverflowDropsCountsAndIsTold(t *testing.T) {
	b := started(t, Options{Queue: 10})
	states := make(chan bool, 100)
	b.OnState(func(up bool) { states <- up })
	if !<-states {
		t.Fatal("down at first")
	}
	entered, gate := make(chan struct{}), make(chan struct{})
	heard := make(chan string, 100)
	first := true
	_, err := b.Subscribe(t.Context(), "room", func(p []byte) {
		if first {
			first = false
			entered <- struct{}{}
			<-gate
		}
		heard <- string(p)
	})
	must(t, err)
	publish := func(s string) { must(t, b.Publish(t.Context(), "room", []byte(s))) }
	publish("first")
	<-entered
	for i := range 15 {
		publish(fmt.Sprint(i)) // ten wait, five are lost
	}
	if n := b.Dropped(); n != 5 {
		t.Errorf("%d dropped, want 5", n)
	}
	if <-states {
		t.Error("told up after a loss")
	}
	close(gate)
	if !<-states {
		t.Error("told down when the queue was empty again")
	}
	for _, want := range []string{"first", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9"} {
		if got := <-heard; got != want {
			t.Errorf("heard %q, want %q", got, want)
		}
	}
	publish("later")
	if got := <-heard; got != "later" {
		t.Errorf("heard %q after the overflow", got)
	}
	if n := b.Dropped(); n != 5 {
		t.Errorf("%d dropped in the end, want 5", n)
	}
}

func TestCancellingAnOverflownSubscriptionEndsTheTrouble(t *testing.T) {
	b := started(t, Options{Queue: 1})
	states := make(chan bool, 100)
	b.OnState(func(up bool) { states <- up })
	<-states
	entered, gate := make(chan struct{}, 10), make(chan struct{})
	defer close(gate)
	cancel, err := b.Subscribe(t.Context(), "room", func([]byte) { entered <- struct{}{}; <-gate })
	must(t, err)
	must(t, b.Publish(t.Context(), "room", nil))
	<-entered
	for range 3 {
		must(t, b.Publish(t.Context(), "room", nil))
	}
	if <-states {
		t.Error("told up after a loss")
	}
	cancel()
	if !<-states {
		t.Error("told down without the subscription")
	}
}

func TestIdleSubscriptionKeepsNoQueue(t *testing.T) {
	b := started(t, Options{})
	heard := make(chan struct{}, 1)
	gate := make(chan struct{})
	n := 0
	_, err := b.Subscribe(t.Context(), "room", func([]byte) {
		<-gate
		if n++; n == 1000 {
			heard <- struct{}{}
		}
	})
	must(t, err)
	for range 1000 {
		must(t, b.Publish(t.Context(), "room", nil))
	}
	close(gate)
	<-heard
	s := b.exchange.subscribers("room")[0]
	b.dispatchers.Wait() // the dispatcher ends with the queue
	s.mu.Lock()
	defer s.mu.Unlock()
	if cap(s.waiting) > keptQueue || s.dispatching {
		t.Errorf("room for %d messages is kept, dispatching is %v", cap(s.waiting), s.dispatching)
	}
}

func TestQueueOfASubscriptionThatIsNeverEmptyStaysSmall(t *testing.T) {
	s := &subscription{bus: New(Options{}), dispatching: true} // no dispatcher: the test takes its part
	for i := range 100_000 {
		s.offer([]byte{byte(i)})
		if i >= 100 {
			p, ok := s.next()
			if !ok || p[0] != byte(i-100) {
				t.Fatalf("message %d is %v, %v", i-100, p, ok)
			}
		}
	}
	if cap(s.waiting) > 1024 {
		t.Errorf("room for %d messages where 100 wait", cap(s.waiting))
	}
}

func TestCancelledSubscriptionsLeaveNothingBehind(t *testing.T) {
	b := started(t, Options{})
	for i := range 100 {
		cancel, err := b.Subscribe(t.Context(), fmt.Sprint("room", i%10), func([]byte) {})
		must(t, err)
		defer func() {
			if i == 0 && (len(b.exchange.channels) != 0 || len(b.subs) != 0) {
				t.Errorf("%d channels and %d subscriptions left", len(b.exchange.channels), len(b.subs))
			}
		}()
		defer cancel()
	}
}

func BenchmarkPublish(b *testing.B) {
	payload := make([]byte, 200)
	for _, subscribers := range []int{0, 1, 8} {
		b.Run(fmt.Sprintf("%d subscribers", subscribers), func(b *testing.B) {
			const burst = 1000 // fits the queue, so that nothing is dropped
			node := started(b, Options{})
			var unheard sync.WaitGroup
			for range subscribers {
				_, err := node.Subscribe(b.Context(), "room", func([]byte) { unheard.Done() })
				must(b, err)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%burst == 0 {
					unheard.Wait()
				}
				unheard.Add(subscribers)
				_ = node.Publish(b.Context(), "room", payload)
			}
			unheard.Wait()
			if n := node.Dropped(); n != 0 {
				b.Errorf("%d dropped", n)
			}
		})
	}
	b.Run("and heard", func(b *testing.B) {
		node := started(b, Options{})
		heard := make(chan struct{}, 1)
		_, err := node.Subscribe(b.Context(), "room", func([]byte) { heard <- struct{}{} })
		must(b, err)
		b.ReportAllocs()
		for b.Loop() {
			_ = node.Publish(b.Context(), "room", payload)
			<-heard
		}
	})
}
