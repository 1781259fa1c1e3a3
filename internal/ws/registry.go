package ws

import (
	"iter"
	"sync"
)

// registry knows every open connection by a small number, which the poller gives back with each event.
type registry struct {
	mu     sync.Mutex
	slots  []*Conn
	free   []uint32
	open   int64
	opened uint64
	empty  chan struct{} // non-nil once somebody waits for open == 0
}

func (r *registry) add(c *Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.free); n > 0 {
		c.slot, r.free = r.free[n-1], r.free[:n-1]
		r.slots[c.slot] = c
	} else {
		c.slot = uint32(len(r.slots))
		r.slots = append(r.slots, c)
	}
	r.open++
	r.opened++
}

func (r *registry) remove(c *Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.slots[c.slot] = nil
	r.free = append(r.free, c.slot)
	r.open--
	if r.open == 0 && r.empty != nil {
		close(r.empty)
		r.empty = nil
	}
}

// lookup resolves the slots of a batch of events. A slot may have been emptied or taken over by another
// connection since the event: that connection then finds nothing to read.
func (r *registry) lookup(slots []uint32, to []*Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, slot := range slots {
		to[i] = r.slots[slot]
	}
}

// all visits the connections open at some time during the visit, without holding the lock meanwhile.
func (r *registry) all() iter.Seq[*Conn] {
	return func(yield func(*Conn) bool) {
		var chunk [256]*Conn
		for from := 0; ; from += len(chunk) {
			r.mu.Lock()
			n := copy(chunk[:], r.slots[min(from, len(r.slots)):])
			r.mu.Unlock()
			if n == 0 {
				return
			}
			for _, c := range chunk[:n] {
				if c != nil && !yield(c) {
					return
				}
			}
		}
	}
}

// whenEmpty is closed when no connection is open. Nothing may be added any more.
func (r *registry) whenEmpty() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	ch := make(chan struct{})
	if r.open == 0 {
		close(ch)
		return ch
	}
	r.empty = ch
	return ch
}

func (r *registry) counts() (open int64, opened uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.open, r.opened
}
