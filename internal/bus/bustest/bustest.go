// Package bustest holds the promises of bus.Bus as tests, for every implementation to run, and a
// bus with faults for the tests of what is built upon it.
//
// What only one implementation promises (order, queue lengths) is tested beside it, not here.
package bustest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/internal/bus"
)

// patience is how long a test waits for what must happen. It only passes in a test that fails.
const patience = 20 * time.Second

// Run runs the whole suite. The function open is called once for each test and returns two nodes
// that hear each other and nobody else. They are not started yet; the suite starts and stops them.
func Run(t *testing.T, open func(t *testing.T) (a, b bus.Bus)) {
	t.Cleanup(func() { checkLeaks(t) })
	t.Run("promises", func(t *testing.T) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				a, b := open(t)
				k := &kit{T: t, ctx: t.Context(), a: a, b: b}
				for _, node := range []bus.Bus{a, b} {
					if !tt.unstarted {
						k.must(node.Start(k.ctx))
					}
					t.Cleanup(func() {
						if err := node.Stop(context.Background()); err != nil {
							t.Errorf("Stop: %v", err)
						}
					})
				}
				tt.run(k)
			})
		}
	})
}

// kit is what a test works with: two nodes, and calls that fail the test instead of returning errors.
type kit struct {
	*testing.T
	ctx  context.Context
	a, b bus.Bus
}

func (k *kit) must(err error) {
	k.Helper()
	if err != nil {
		k.Fatalf("unexpected error: %v", err)
	}
}

func (k *kit) fails(what string, err, want error) {
	k.Helper()
	if !errors.Is(err, want) {
		k.Errorf("%s: error is %v, want %v", what, err, want)
	}
}

func (k *kit) publish(node bus.Bus, channel, payload string) {
	k.Helper()
	k.must(node.Publish(k.ctx, channel, []byte(payload)))
}

func (k *kit) subscribe(node bus.Bus, channel string, fn func([]byte)) (cancel func()) {
	k.Helper()
	cancel, err := node.Subscribe(k.ctx, channel, fn)
	k.must(err)
	return cancel
}

// listen subscribes and returns what is heard. The channel is large enough for every test.
func (k *kit) listen(node bus.Bus, channel string) (heard <-chan string, cancel func()) {
	k.Helper()
	ch := make(chan string, 10_000)
	return ch, k.subscribe(node, channel, func(payload []byte) { ch <- string(payload) })
}

// hears waits until all of want were heard, in any order and number.
func (k *kit) hears(heard <-chan string, want ...string) {
	k.Helper()
	missing := make(map[string]bool, len(want))
	for _, w := range want {
		missing[w] = true
	}
	for len(missing) > 0 {
		got := wait(k, heard, fmt.Sprintf("%d of %d messages", len(missing), len(want)))
		delete(missing, got)
	}
}

func wait[T any](k *kit, ch <-chan T, what string) T {
	k.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		k.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}

var tests = []struct {
	name      string
	unstarted bool
	run       func(k *kit)
}{
	{name: "every node hears what any of them publishes, the publisher included", run: func(k *kit) {
		onA, _ := k.listen(k.a, "room")
		onB, _ := k.listen(k.b, "room")
		alsoB, _ := k.listen(k.b, "room")
		k.publish(k.a, "room", "from a")
		k.publish(k.b, "room", "from b")
		for _, heard := range []<-chan string{onA, onB, alsoB} {
			k.hears(heard, "from a", "from b")
		}
	}},
	{name: "channels are apart, however alike their names", run: func(k *kit) {
		names := []string{"room", "Room", "room:", "room:1", "room:*", "*", " room", "комната\r\n"}
		heard := make(map[string]<-chan string)
		for _, name := range names {
			heard[name], _ = k.listen(k.b, name)
		}
		for _, name := range names {
			k.publish(k.a, name, name)
		}
		for _, name := range names {
			k.hears(heard[name], name)
		}
		k.must(k.b.Stop(k.ctx))
		for _, name := range names {
			for len(heard[name]) > 0 {
				if got := <-heard[name]; got != name {
					k.Errorf("%q was heard on %q", got, name)
				}
			}
		}
	}},
	{name: "nothing is lost under normal load", run: func(k *kit) {
		onA, _ := k.listen(k.a, "room")
		onB, _ := k.listen(k.b, "room")
		var want []string
		for i := range 500 {
			want = append(want, fmt.Sprint(i))
			k.publish(k.a, "room", want[i])
		}
		k.hears(onA, want...)
		k.hears(onB, want...)
		if n := k.a.Dropped() + k.b.Dropped(); n != 0 {
			k.Errorf("%d dropped", n)
		}
	}},
	{name: "publishers and subscribers may be many at once", run: func(k *kit) {
		fixed, _ := k.listen(k.b, "room")
		var wg sync.WaitGroup
		var want []string
		for i := range 8 {
			for j := range 20 {
				want = append(want, fmt.Sprint(i, j))
			}
			wg.Go(func() {
				for j := range 20 {
					cancel, err := k.b.Subscribe(k.ctx, fmt.Sprint("room", j%3), func([]byte) {})
					if err != nil {
						k.Errorf("Subscribe: %v", err)
						return
					}
					if err := k.a.Publish(k.ctx, "room", fmt.Append(nil, i, " ", j)); err != nil {
						k.Errorf("Publish: %v", err)
					}
					cancel()
				}
			})
		}
		wg.Wait()
		k.hears(fixed, want...)
	}},
	{name: "payloads may be empty, binary and large", run: func(k *kit) {
		heard, _ := k.listen(k.b, "room")
		for _, payload := range []string{"", "\x00\xff\r\n\x80", string(bytes.Repeat([]byte("x"), 1<<20))} {
			k.publish(k.a, "room", payload)
			k.hears(heard, payload)
		}
		k.must(k.a.Publish(k.ctx, "room", nil))
		k.hears(heard, "")
	}},
	{name: "a channel that nobody hears takes messages all the same", run: func(k *kit) {
		k.publish(k.a, "nobody", "x")
	}},
	{name: "one subscription is called by one at a time", run: func(k *kit) {
		var inside, overlaps atomic.Int32
		heard := make(chan string, 1000)
		k.subscribe(k.b, "room", func(payload []byte) {
			if inside.Add(1) > 1 {
				overlaps.Add(1)
			}
			runtime.Gosched()
			inside.Add(-1)
			heard <- string(payload)
		})
		var want []string
		for i := range 100 {
			want = append(want, fmt.Sprint(i))
		}
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				for j := range 25 {
					_ = k.a.Publish(k.ctx, "room", []byte(want[25*i+j]))
				}
			})
		}
		wg.Wait()
		k.hears(heard, want...)
		if n := overlaps.Load(); n != 0 {
			k.Errorf("%d calls overlapped another", n)
		}
	}},
	{name: "who is slow holds up neither publishers nor other subscribers", run: func(k *kit) {
		gate, stuck := make(chan struct{}), make(chan struct{}, 1000)
		defer close(gate)
		for _, node := range []bus.Bus{k.a, k.b} {
			k.subscribe(node, "room", func([]byte) { stuck <- struct{}{}; <-gate })
		}
		heard, _ := k.listen(k.b, "room")
		elsewhere, _ := k.listen(k.b, "elsewhere")
		k.publish(k.a, "room", "first")
		wait(k, stuck, "one subscriber to be stuck")
		wait(k, stuck, "the other to be stuck")
		for i := range 50 {
			k.publish(k.a, "room", fmt.Sprint(i))
			k.hears(heard, fmt.Sprint(i))
			k.publish(k.a, "elsewhere", fmt.Sprint(i))
			k.hears(elsewhere, fmt.Sprint(i))
		}
	}},
	{name: "a cancelled subscription hears nothing more, the others go on", run: func(k *kit) {
		heard, cancel := k.listen(k.b, "room")
		other, _ := k.listen(k.b, "room")
		k.publish(k.a, "room", "before")
		k.hears(heard, "before")
		cancel()
		cancel()
		k.publish(k.a, "room", "after")
		k.hears(other, "before", "after")
		k.must(k.b.Stop(k.ctx)) // when it has ended, no call can be under way
		for len(heard) > 0 {
			if got := <-heard; got == "after" {
				k.Error("heard after the cancel")
			}
		}
		cancel()
	}},
	{name: "subscribing again after a cancel hears again", run: func(k *kit) {
		for i := range 3 {
			heard, cancel := k.listen(k.b, "room")
			k.publish(k.a, "room", fmt.Sprint(i))
			k.hears(heard, fmt.Sprint(i))
			cancel()
		}
	}},
	{name: "a subscriber may publish, subscribe and cancel", run: func(k *kit) {
		done, _ := k.listen(k.a, "done")
		cancels := make(chan func(), 1)
		cancels <- k.subscribe(k.b, "room", func([]byte) {
			select {
			case cancel := <-cancels:
				cancel()
			default:
				return // a doubled message
			}
			cancel, err := k.b.Subscribe(k.ctx, "more", func(payload []byte) {
				_ = k.b.Publish(k.ctx, "done", payload)
			})
			if err != nil {
				k.Errorf("Subscribe: %v", err)
				return
			}
			k.Cleanup(cancel)
			_ = k.b.Publish(k.ctx, "more", []byte("inner"))
		})
		k.publish(k.a, "room", "outer")
		k.hears(done, "inner")
	}},
	{name: "the end of the context does not end a subscription", run: func(k *kit) {
		ctx, end := context.WithCancel(k.ctx)
		heard := make(chan string, 10)
		_, err := k.b.Subscribe(ctx, "room", func(payload []byte) { heard <- string(payload) })
		k.must(err)
		end()
		k.publish(k.a, "room", "x")
		k.hears(heard, "x")
	}},
	{name: "nodes have ids of their own, and keep them", run: func(k *kit) {
		a, b := k.a.Node(), k.b.Node()
		if a == "" || b == "" || a == b {
			k.Errorf("ids are %q and %q", a, b)
		}
		k.must(k.a.Stop(k.ctx))
		if got := k.a.Node(); got != a {
			k.Errorf("id was %q and is %q", a, got)
		}
	}},
	{name: "who asks for the state is told that it is up, before the start or later", unstarted: true, run: func(k *kit) {
		early, late := make(chan bool, 10), make(chan bool, 10)
		k.a.OnState(func(up bool) { early <- up })
		k.must(k.a.Start(k.ctx))
		waitUp(k, early)
		k.a.OnState(func(up bool) { late <- up })
		waitUp(k, late)
		k.must(k.a.Stop(k.ctx))
		if len(early)+len(late) != 0 {
			k.Error("stopping was told as a change of state")
		}
	}},
	{name: "empty channels and missing functions are invalid", run: func(k *kit) {
		k.fails("Publish", k.a.Publish(k.ctx, "", nil), bus.ErrInvalid)
		_, err := k.a.Subscribe(k.ctx, "", func([]byte) {})
		k.fails("Subscribe without a channel", err, bus.ErrInvalid)
		_, err = k.a.Subscribe(k.ctx, "room", nil)
		k.fails("Subscribe without a function", err, bus.ErrInvalid)
	}},
	{name: "nothing works before the start", unstarted: true, run: refusesAll},
	{name: "stopping a bus that was never started is fine", unstarted: true, run: func(k *kit) {
		k.must(k.a.Stop(k.ctx))
		k.must(k.a.Stop(k.ctx))
	}},
	{name: "nothing works after the stop, and the other node goes on", run: func(k *kit) {
		_, cancel := k.listen(k.a, "room")
		k.must(k.a.Stop(k.ctx))
		k.must(k.a.Stop(k.ctx))
		cancel()
		refusesAll(k)
		heard, _ := k.listen(k.b, "room")
		k.publish(k.b, "room", "x")
		k.hears(heard, "x")
	}},
	{name: "stop waits for the subscriber that is running", run: func(k *kit) {
		entered, gate := make(chan struct{}, 10), make(chan struct{})
		var left atomic.Bool
		k.subscribe(k.b, "room", func([]byte) {
			entered <- struct{}{}
			<-gate
			left.Store(true)
		})
		k.publish(k.a, "room", "x")
		wait(k, entered, "the subscriber")
		ended, giveUp := context.WithCancel(k.ctx)
		giveUp()
		k.fails("Stop with an ended context", k.b.Stop(ended), context.Canceled)
		stopped := make(chan error, 1)
		go func() { stopped <- k.b.Stop(k.ctx) }()
		close(gate)
		k.must(wait(k, stopped, "Stop"))
		if !left.Load() {
			k.Error("stopped while a subscriber was running")
		}
	}},
}

func waitUp(k *kit, states <-chan bool) {
	k.Helper()
	for !wait(k, states, "the bus to be up") {
		continue // a remote engine may begin with being away
	}
}

func refusesAll(k *kit) {
	k.fails("Publish", k.a.Publish(k.ctx, "room", nil), bus.ErrNotRunning)
	_, err := k.a.Subscribe(k.ctx, "room", func([]byte) {})
	k.fails("Subscribe", err, bus.ErrNotRunning)
}

// checkLeaks fails if a goroutine of a bus is still there after all of them have been stopped.
func checkLeaks(t *testing.T) {
	stacks := make([]byte, 1<<20)
	var left []string
	// One that has just signalled its end may still be on its way out.
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
		left = nil
		for _, g := range strings.Split(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
			if strings.Contains(g, "internal/bus") && !strings.Contains(g, "bustest.checkLeaks") &&
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
