package bus

import (
	"context"
	"sync"
)

// Health tells listeners about the state of a bus, the way Bus.OnState promises. Implementations
// embed or hold one, so that all of them keep that promise alike.
type Health struct {
	mu        sync.Mutex
	listeners []*listener
	known     bool
	up        bool
	losses    uint64 // times it went down
	running   bool
	stopped   bool

	wake  chan struct{} // holds one token if there may be something to tell
	stop  chan struct{}
	ended chan struct{}
}

type listener struct {
	fn     func(up bool)
	told   bool // has been told anything yet
	up     bool // what it was told last
	losses uint64
}

// NewHealth returns a Health that does not know the state yet.
func NewHealth() *Health {
	return &Health{wake: make(chan struct{}, 1), stop: make(chan struct{}), ended: make(chan struct{})}
}

// Start starts telling listeners. It does nothing the second time or after Stop.
func (h *Health) Start() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.running || h.stopped {
		return
	}
	h.running = true
	go h.tell()
}

// Stop returns when no listener is running and none will be called, or with the context's error.
func (h *Health) Stop(ctx context.Context) error {
	h.mu.Lock()
	if !h.stopped {
		h.stopped = true
		close(h.stop)
	}
	running := h.running
	h.mu.Unlock()
	if !running {
		return nil
	}
	select {
	case <-h.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// OnState implements Bus.OnState.
func (h *Health) OnState(fn func(up bool)) {
	h.mu.Lock()
	h.listeners = append(h.listeners, &listener{fn: fn})
	h.mu.Unlock()
	h.poke()
}

// Set says what the state is now. It never waits for a listener.
func (h *Health) Set(up bool) {
	h.mu.Lock()
	changed := !h.known || h.up != up
	if changed && !up {
		h.losses++
	}
	h.known, h.up = true, up
	h.mu.Unlock()
	if changed {
		h.poke()
	}
}

func (h *Health) poke() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

func (h *Health) tell() {
	defer close(h.ended)
	for {
		select {
		case <-h.stop:
			return
		case <-h.wake:
		}
		for fn, up := h.next(); fn != nil; fn, up = h.next() {
			fn(up)
		}
	}
}

// next returns a listener that has to be told something, and what. Listeners that were slow are not
// told of every change, but of every loss: as down if they believe the bus to be up.
func (h *Health) next() (fn func(bool), up bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.known || h.stopped {
		return nil, false
	}
	for _, l := range h.listeners {
		switch {
		case !l.told:
			l.told, l.up = true, h.up
		case l.up && l.losses != h.losses:
			l.up = false
		case !l.up && h.up:
			l.up = true
		default:
			continue
		}
		l.losses = h.losses
		return l.fn, l.up
	}
	return nil, false
}
