package redis

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/internal/bus"
	"parley/internal/redistest"
)

// patience is how long a test waits for what must happen. It only passes in a test that fails.
const patience = 20 * time.Second

// watched is a node whose states are recorded.
type watched struct {
	*Bus
	states chan bool
	heard  <-chan string
}

func watch(t *testing.T, o Options) *watched {
	t.Helper()
	w := &watched{Bus: started(t, o), states: make(chan bool, 1000)}
	w.OnState(func(up bool) { w.states <- up })
	w.heard, _ = listen(t, w.Bus, "room")
	w.becomes(t, true)
	return w
}

func (w *watched) becomes(t *testing.T, up bool) {
	t.Helper()
	late := time.After(patience)
	for {
		select {
		case got := <-w.states:
			if got == up {
				return
			}
		case <-late:
			t.Fatalf("never told that up is %v", up)
		}
	}
}

func (w *watched) hears(t *testing.T, want string) {
	t.Helper()
	late := time.After(patience)
	for {
		select {
		case got := <-w.heard:
			if got == want {
				return
			}
		case <-late:
			t.Fatalf("%q was not heard", want)
		}
	}
}

// publishUnderLoad publishes on other channels until stop is called. Each call must work or say that the engine is away.
func publishUnderLoad(t *testing.T, nodes ...*watched) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, node := range nodes {
		for i := range 12 {
			wg.Go(func() {
				for ctx.Err() == nil {
					if err := node.Publish(t.Context(), fmt.Sprint("load", i), make([]byte, 200)); err != nil && !errors.Is(err, bus.ErrUnavailable) {
						t.Errorf("Publish under load: %v", err)
						return
					}
				}
			})
			wg.Go(func() {
				for ctx.Err() == nil {
					cancel, err := node.Subscribe(t.Context(), fmt.Sprint("load", i), func([]byte) {})
					if err == nil {
						cancel()
					} else if !errors.Is(err, bus.ErrUnavailable) {
						t.Errorf("Subscribe under load: %v", err)
						return
					}
					runtime.Gosched()
				}
			})
		}
	}
	return func() { cancel(); wg.Wait() }
}

// deliver publishes until it is heard. What was published and is not heard must be told as a loss.
func deliver(t *testing.T, from, to *watched, text string) {
	t.Helper()
	late := time.After(patience)
	for t.Context().Err() == nil {
		err := from.Publish(t.Context(), "room", []byte(text))
		for err == nil {
			select {
			case got := <-to.heard:
				if got == text {
					return
				}
				continue
			case up := <-to.states:
				if !up {
					to.becomes(t, true)
				}
				err = bus.ErrUnavailable // try again
			case <-late:
				t.Fatalf("%q was not heard, nor was a loss told", text)
			}
		}
		if !errors.Is(err, bus.ErrUnavailable) {
			t.Fatal(err)
		}
	}
}

func TestFaults(t *testing.T) {
	for _, row := range []struct {
		name        string
		fault, heal func(*redistest.Server, testing.TB)
	}{
		{"killed and started again", (*redistest.Server).Kill, (*redistest.Server).Restart},
		{"started again before anybody can look", nil, (*redistest.Server).Restart},
		{"paused and resumed", (*redistest.Server).Pause, (*redistest.Server).Resume},
		{"paused, killed and started again", (*redistest.Server).Pause, (*redistest.Server).Restart},
	} {
		t.Run(row.name, func(t *testing.T) {
			engine := redistest.Private(t)
			o := Options{URL: engine.URL(t), KeepAlive: 300 * time.Millisecond}
			a, b := watch(t, o), watch(t, o)
			stop := publishUnderLoad(t, a, b)
			for round := range 2 {
				if row.fault != nil {
					row.fault(engine, t)
					a.becomes(t, false)
					b.becomes(t, false)
				}
				row.heal(engine, t)
				if row.fault == nil {
					a.becomes(t, false)
					b.becomes(t, false)
				}
				a.becomes(t, true)
				b.becomes(t, true)
				for i, to := range []*watched{a, b} {
					deliver(t, a, to, fmt.Sprint("round ", round, " to ", i))
				}
			}
			stop()
			for _, node := range []*watched{a, b} {
				must(t, node.Stop(t.Context()))
			}
			nothingRuns(t)
		})
	}
}

// nothingRuns waits until no goroutine of the library is left.
func nothingRuns(t *testing.T) {
	t.Helper()
	stacks := make([]byte, 1<<20)
	for deadline := time.Now().Add(patience); ; runtime.Gosched() {
		left := string(stacks[:runtime.Stack(stacks, true)])
		if !strings.Contains(left, "redis/go-redis") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("goroutines left behind:\n%s", left)
		}
	}
}

func TestFlushingTheEngineIsNotNoticed(t *testing.T) {
	engine := redistest.Private(t)
	a := watch(t, Options{URL: engine.URL(t)})
	engine.Flush(t)
	must(t, a.Publish(t.Context(), "room", []byte("x")))
	a.hears(t, "x")
	if len(a.states) != 0 {
		t.Error("a change of state was told")
	}
}

func TestABrokenConnectionIsToldAsALoss(t *testing.T) {
	engine := redistest.Private(t)
	a := watch(t, Options{URL: engine.URL(t)})
	for range 3 {
		must(t, a.client.ClientKillByFilter(t.Context(), "TYPE", "pubsub").Err())
		a.becomes(t, false)
		a.becomes(t, true)
		must(t, a.Publish(t.Context(), "room", []byte("x")))
		a.hears(t, "x")
	}
}

func TestANodeThatCouldNotPublishTellsTheOthers(t *testing.T) {
	o := Options{URL: redistest.URL(t)}
	a, b := watch(t, o), watch(t, o)
	ended, end := context.WithCancel(t.Context())
	end()
	if err := a.Publish(ended, "room", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Publish with an ended context: %v", err)
	}
	for _, node := range []*watched{a, b} {
		node.becomes(t, false)
		node.becomes(t, true)
	}
}

func TestOverflowIsTold(t *testing.T) {
	o := Options{URL: redistest.URL(t), Queue: 10}
	a := watch(t, o)
	entered, gate := make(chan struct{}, 1000), make(chan struct{})
	_, err := a.Subscribe(t.Context(), "slow", func([]byte) { entered <- struct{}{}; <-gate })
	must(t, err)
	for range 100 {
		must(t, a.Publish(t.Context(), "slow", nil))
	}
	a.becomes(t, false)
	close(gate)
	a.becomes(t, true)
	if a.Dropped() == 0 {
		t.Error("nothing was dropped")
	}
}

func TestAnEngineThatIsAway(t *testing.T) {
	engine := redistest.Private(t)
	o := Options{URL: engine.URL(t)}
	engine.Kill(t)
	b := opened(t, o)
	if err := b.Start(t.Context()); !errors.Is(err, bus.ErrUnavailable) {
		t.Errorf("Start: %v, want %v", err, bus.ErrUnavailable)
	}
	if err := b.Publish(t.Context(), "room", nil); !errors.Is(err, bus.ErrNotRunning) {
		t.Errorf("Publish: %v, want %v", err, bus.ErrNotRunning)
	}
	engine.Restart(t)
	must(t, b.Start(t.Context()))
	engine.Kill(t)
	down := make(chan bool, 10)
	b.OnState(func(up bool) { down <- !up })
	for !<-down {
		continue
	}
	if _, err := b.Subscribe(t.Context(), "room", func([]byte) {}); !errors.Is(err, bus.ErrUnavailable) {
		t.Errorf("Subscribe: %v, want %v", err, bus.ErrUnavailable)
	}
	if err := b.Ping(t.Context()); !errors.Is(err, bus.ErrUnavailable) {
		t.Errorf("Ping: %v, want %v", err, bus.ErrUnavailable)
	}
	must(t, b.Stop(t.Context())) // also while it is trying to reconnect
	nothingRuns(t)
}

func TestSubscribersDoNotWaitForAnEngineThatHangs(t *testing.T) {
	engine := redistest.Private(t)
	b := watch(t, Options{URL: engine.URL(t), KeepAlive: time.Hour})
	engine.Pause(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := b.Subscribe(ctx, "another", func([]byte) {}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Subscribe: %v, want %v", err, context.DeadlineExceeded)
	}
	engine.Resume(t)
	heard, _ := listen(t, b.Bus, "another")
	must(t, b.Publish(t.Context(), "another", []byte("x")))
	if got := <-heard; got != "x" {
		t.Errorf("heard %q", got)
	}
}
