package bustest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"parley/internal/bus"
	"parley/internal/bus/bustest"
	"parley/internal/bus/inproc"
)

// A Faulty without faults is a bus like any other.
func TestFaultyWithoutFaults(t *testing.T) {
	bustest.Run(t, func(*testing.T) (a, b bus.Bus) {
		x := inproc.NewExchange()
		a = bustest.NewFaulty(inproc.New(inproc.Options{Exchange: x}), bustest.Faults{})
		b = bustest.NewFaulty(inproc.New(inproc.Options{Exchange: x}), bustest.Faults{})
		return a, b
	})
}

// direct is a bus that calls subscribers before Publish returns, so that a test sees at once what
// became of a message.
type direct struct {
	bus.Bus
	subs map[string][]func([]byte)
}

func (d *direct) Publish(_ context.Context, channel string, payload []byte) error {
	for _, fn := range d.subs[channel] {
		fn(payload)
	}
	return nil
}

func (d *direct) Subscribe(_ context.Context, channel string, fn func([]byte)) (func(), error) {
	d.subs[channel] = append(d.subs[channel], fn)
	return func() {}, nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func started(t *testing.T, faults bustest.Faults) *bustest.Faulty {
	t.Helper()
	f := bustest.NewFaulty(&direct{inproc.New(inproc.Options{}), map[string][]func([]byte){}}, faults)
	must(t, f.Start(t.Context()))
	t.Cleanup(func() {
		if err := f.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return f
}

// ear subscribes and returns what has been heard.
func ear(t *testing.T, f *bustest.Faulty, channel string) (heard func() []string, cancel func()) {
	t.Helper()
	var all []string
	cancel, err := f.Subscribe(t.Context(), channel, func(p []byte) { all = append(all, string(p)) })
	must(t, err)
	return func() []string { return slices.Clone(all) }, cancel
}

func publish(t *testing.T, f *bustest.Faulty, channel string, n int) (sent []string) {
	t.Helper()
	for i := range n {
		sent = append(sent, fmt.Sprintf("%04d", i))
		must(t, f.Publish(t.Context(), channel, []byte(sent[i])))
	}
	return sent
}

func distinct(list []string) []string { return slices.Compact(slices.Sorted(slices.Values(list))) }

func TestFaultsDoWhatTheySay(t *testing.T) {
	const n = 1000
	for _, row := range []struct {
		name   string
		faults bustest.Faults
		check  func(t *testing.T, sent, heard []string, c bustest.Counts)
	}{
		{"dropped messages never come, the others in order", bustest.Faults{Drop: 0.3}, func(t *testing.T, sent, heard []string, c bustest.Counts) {
			if len(heard) != n-c.Dropped || !slices.IsSorted(heard) {
				t.Errorf("%d of %d heard with %d dropped", len(heard), n, c.Dropped)
			}
		}},
		{"everything dropped is silence", bustest.Faults{Drop: 1}, func(t *testing.T, _, heard []string, c bustest.Counts) {
			if len(heard) != 0 || c.Dropped != n {
				t.Errorf("%d heard, %d dropped", len(heard), c.Dropped)
			}
		}},
		{"doubled messages come twice and none is lost", bustest.Faults{Double: 0.3}, func(t *testing.T, sent, heard []string, c bustest.Counts) {
			if len(heard) != n+c.Doubled || !slices.Equal(distinct(heard), sent) {
				t.Errorf("%d of %d heard with %d doubled", len(heard), n, c.Doubled)
			}
		}},
		{"reordered messages come one place later", bustest.Faults{Reorder: 0.3}, func(t *testing.T, sent, heard []string, c bustest.Counts) {
			if slices.IsSorted(heard) || !slices.Equal(slices.Sorted(slices.Values(heard)), sent) {
				t.Error("in order, or not the same messages")
			}
			if far := farthest(heard); far != 1 {
				t.Errorf("one came %d places late", far)
			}
		}},
		{"delayed messages come no later than allowed", bustest.Faults{Delay: 0.2, MaxDelay: 5}, func(t *testing.T, sent, heard []string, c bustest.Counts) {
			if slices.IsSorted(heard) || !slices.Equal(slices.Sorted(slices.Values(heard)), sent) {
				t.Error("in order, or not the same messages")
			}
			if far := farthest(heard); far < 2 || far > 5 {
				t.Errorf("the latest came %d places late", far)
			}
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := started(t, row.faults)
			heard, _ := ear(t, f, "room")
			sent := publish(t, f, "room", n)
			f.Flush()
			c := f.Counts()
			if c == (bustest.Counts{}) {
				t.Error("no fault happened")
			}
			row.check(t, sent, heard(), c)
			if f.Dropped() != 0 {
				t.Error("the bus knows of its faults")
			}
		})
	}
}

// farthest is the greatest number of later messages that came before one.
func farthest(heard []string) (most int) {
	for at, s := range heard {
		later := 0
		for _, before := range heard[:at] {
			if before > s {
				later++
			}
		}
		most = max(most, later)
	}
	return most
}

var allFaults = bustest.Faults{Seed: 7, Drop: 0.1, Double: 0.1, Reorder: 0.1, Delay: 0.1}

func TestSameSeedSameFate(t *testing.T) {
	play := func(seed uint64) (room, other, again []string) {
		faults := allFaults
		faults.Seed = seed
		f := started(t, faults)
		inRoom, _ := ear(t, f, "room")
		inOther, _ := ear(t, f, "other")
		inRoomToo, _ := ear(t, f, "room")
		publish(t, f, "room", 200)
		publish(t, f, "other", 200)
		return inRoom(), inOther(), inRoomToo()
	}
	room, other, again := play(7)
	room2, other2, again2 := play(7)
	if !slices.Equal(room, room2) || !slices.Equal(other, other2) || !slices.Equal(again, again2) {
		t.Error("the same seed had another fate")
	}
	if slices.Equal(room, other) || slices.Equal(room, again) {
		t.Error("two subscriptions share a fate")
	}
	if room3, _, _ := play(8); slices.Equal(room, room3) {
		t.Error("another seed had the same fate")
	}
}

func TestWhatIsHeldBackNeedsAFlushOrLaterMessages(t *testing.T) {
	f := started(t, bustest.Faults{Reorder: 1})
	heard, cancel := ear(t, f, "room")
	publish(t, f, "room", 1)
	if got := heard(); len(got) != 0 {
		t.Errorf("heard %q at once", got)
	}
	f.Flush()
	f.Flush()
	if got := heard(); !slices.Equal(got, []string{"0000"}) {
		t.Errorf("heard %q after the flush", got)
	}
	publish(t, f, "room", 1)
	cancel()
	f.Flush()
	if got := heard(); len(got) != 1 {
		t.Errorf("heard %q after the cancel", got)
	}
}

func TestFaultsCanBeSwitchedOff(t *testing.T) {
	f := started(t, bustest.Faults{Drop: 1})
	heard, _ := ear(t, f, "room")
	publish(t, f, "room", 10)
	f.SetFaults(bustest.Faults{})
	sent := publish(t, f, "room", 10)
	if got := heard(); !slices.Equal(got, sent) {
		t.Errorf("heard %q", got)
	}
}

func TestCutOffNodeHearsAndSaysNothing(t *testing.T) {
	x := inproc.NewExchange()
	a := bustest.NewFaulty(inproc.New(inproc.Options{Exchange: x}), bustest.Faults{})
	b := inproc.New(inproc.Options{Exchange: x})
	for _, node := range []bus.Bus{a, b} {
		must(t, node.Start(t.Context()))
		t.Cleanup(func() {
			if err := node.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	states, heard, onB := make(chan bool, 10), make(chan string, 10), make(chan string, 10)
	a.OnState(func(up bool) { states <- up })
	if !<-states {
		t.Fatal("down at first")
	}
	_, err := a.Subscribe(t.Context(), "room", func(p []byte) { heard <- string(p) })
	must(t, err)
	_, err = b.Subscribe(t.Context(), "room", func(p []byte) { onB <- string(p) })
	must(t, err)

	a.Cut()
	if <-states {
		t.Error("up when cut off")
	}
	if err := a.Publish(t.Context(), "room", []byte("into the void")); !errors.Is(err, bus.ErrUnavailable) {
		t.Errorf("Publish when cut off: %v", err)
	}
	if _, err := a.Subscribe(t.Context(), "room", func([]byte) {}); !errors.Is(err, bus.ErrUnavailable) {
		t.Errorf("Subscribe when cut off: %v", err)
	}

	a.Heal()
	if !<-states {
		t.Error("down when healed")
	}
	must(t, b.Publish(t.Context(), "room", []byte("back")))
	if got := <-heard; got != "back" {
		t.Errorf("heard %q first", got)
	}
	if got := <-onB; got != "back" {
		t.Errorf("the other node heard %q", got)
	}
}

func TestCutLosesWhatPassesAndWhatIsHeldBack(t *testing.T) {
	inner := &direct{inproc.New(inproc.Options{}), map[string][]func([]byte){}}
	f := bustest.NewFaulty(inner, bustest.Faults{Reorder: 1})
	must(t, f.Start(t.Context()))
	defer func() { must(t, f.Stop(context.Background())) }()
	heard, _ := ear(t, f, "room")
	must(t, f.Publish(t.Context(), "room", []byte("held back")))
	f.Cut()
	must(t, inner.Publish(t.Context(), "room", []byte("passing by")))
	f.Heal()
	f.Flush()
	f.SetFaults(bustest.Faults{})
	must(t, f.Publish(t.Context(), "room", []byte("after")))
	if got := heard(); !slices.Equal(got, []string{"after"}) {
		t.Errorf("heard %q", got)
	}
}
