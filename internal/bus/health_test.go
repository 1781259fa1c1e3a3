package bus

import (
	"context"
	"errors"
	"slices"
	"testing"
)

// recorder is a listener that waits, before each return, until the test lets it go on.
type recorder struct {
	told chan bool
	gate chan struct{}
}

func newRecorder() *recorder {
	return &recorder{told: make(chan bool), gate: make(chan struct{})}
}

func (r *recorder) onState(up bool) {
	r.told <- up
	<-r.gate
}

func TestHealthTellsEveryLossButNotEveryChange(t *testing.T) {
	for _, row := range []struct {
		name    string
		changes []bool // made while the listener is busy with hearing "up"
		want    []bool // what it hears afterwards
	}{
		{"nothing new is not told", []bool{true, true}, nil},
		{"a loss that lasts is told once", []bool{false, false}, []bool{false}},
		{"a loss that is over is told as down and up", []bool{false, true}, []bool{false, true}},
		{"several losses are told as one", []bool{false, true, false, true, false, true}, []bool{false, true}},
		{"the last state is told", []bool{false, true, false}, []bool{false}},
	} {
		t.Run(row.name, func(t *testing.T) {
			h, r := NewHealth(), newRecorder()
			h.OnState(r.onState)
			h.Start()
			h.Set(true)
			if !<-r.told {
				t.Fatal("told down first")
			}
			for _, up := range row.changes {
				h.Set(up)
			}
			r.gate <- struct{}{}
			var got []bool
			for range row.want {
				got = append(got, <-r.told)
				r.gate <- struct{}{}
			}
			// A second listener is told the present state after everything the first one had to hear.
			last := make(chan bool)
			h.OnState(func(up bool) { last <- up })
			select {
			case up := <-r.told:
				t.Errorf("also told %v", up)
				r.gate <- struct{}{}
				<-last
			case up := <-last:
				if want := row.changes[len(row.changes)-1]; up != want {
					t.Errorf("the second listener is told %v, want %v", up, want)
				}
			}
			if !slices.Equal(got, row.want) {
				t.Errorf("told %v, want %v", got, row.want)
			}
			if err := h.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestHealthTellsALossThatHappensWhileItTellsTheOneBefore(t *testing.T) {
	h, r := NewHealth(), newRecorder()
	h.OnState(r.onState)
	h.Start()
	next := func(want bool) {
		t.Helper()
		if got := <-r.told; got != want {
			t.Fatalf("told %v, want %v", got, want)
		}
	}
	h.Set(true)
	next(true)
	h.Set(false)
	h.Set(true)
	r.gate <- struct{}{}
	next(false)
	r.gate <- struct{}{}
	next(true)
	h.Set(false) // after it was told up, it may already be looking anew
	h.Set(true)
	r.gate <- struct{}{}
	next(false)
	r.gate <- struct{}{}
	next(true)
	r.gate <- struct{}{}
	if err := h.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestHealthStop(t *testing.T) {
	h, r := NewHealth(), newRecorder()
	h.OnState(r.onState)
	h.Set(true)
	h.Start()
	h.Start()
	<-r.told
	ended, end := context.WithCancel(t.Context())
	end()
	if err := h.Stop(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("Stop while a listener is running: %v", err)
	}
	close(r.gate)
	for range 2 {
		if err := h.Stop(t.Context()); err != nil {
			t.Errorf("Stop: %v", err)
		}
	}
	h.Set(false)
	h.Start()
	if fn, _ := h.next(); fn != nil {
		t.Error("something is to be told after the stop")
	}

	unstarted := NewHealth()
	if err := unstarted.Stop(t.Context()); err != nil {
		t.Errorf("Stop before the start: %v", err)
	}
	unstarted.Start()
	if unstarted.running {
		t.Error("started after the stop")
	}
}
