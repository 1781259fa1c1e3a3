package inproc

import (
	"context"
	"math"
	"time"

	"parley/internal/state"
)

const smallRing = 4 // charges a fresh limiter has room for

// Allow implements state.Store. It allocates only to create a limiter and to grow its ring.
func (s *Store) Allow(_ context.Context, key string, limit state.Limit, cost int) (state.Decision, error) {
	if err := limit.Check(cost); err != nil {
		return state.Decision{}, err
	}
	sh, now, err := s.lock(key)
	if err != nil {
		return state.Decision{}, err
	}
	defer sh.mu.Unlock()

	// An expired limiter is used again as it is: its charges have left the window by themselves.
	e := sh.entries[key]
	if e != nil && e.limiter == nil {
		if e = s.live(sh, key, now); e != nil {
			return state.Decision{}, state.ErrWrongKind
		}
	}
	if limit.Unlimited() {
		return state.Decision{Allowed: true, Remaining: math.MaxInt}, nil
	}
	if e == nil {
		if cost == 0 || cost > limit.Count {
			var unused window
			return unused.allow(now, limit, cost), nil
		}
		e = &entry{limiter: &window{ring: make([]charge, smallRing)}}
		if err := s.put(sh, key, e); err != nil {
			return state.Decision{}, err
		}
	}
	d := e.limiter.allow(now, limit, cost)
	if d.Allowed && cost > 0 {
		e.expires = expiry(e.limiter.newest().at, limit.Per)
	}
	return d, nil
}

// window is the exact log of what was charged within a limit's span, oldest first.
type window struct {
	ring []charge // length is a power of two, or 0 in a window that is only looked at
	head int      // index of the oldest charge
	n    int      // charges in the ring
	used int      // sum of their costs
}

type charge struct {
	at   int64
	cost int
}

func (w *window) allow(now int64, limit state.Limit, cost int) state.Decision {
	per := int64(limit.Per)
	w.forget(now, per)
	room := limit.Count - w.used // below 0 after the limit was lowered
	if cost == 0 || cost <= room {
		if cost > 0 {
			w.charge(now, cost)
		}
		return state.Decision{Allowed: true, Remaining: max(0, room-cost)}
	}
	d := state.Decision{Remaining: max(0, room), RetryAfter: limit.Per}
	if cost > limit.Count {
		return d
	}
	for i, missing := 0, cost-room; i < w.n && missing > 0; i++ {
		c := w.at(i)
		missing -= c.cost
		d.RetryAfter = time.Duration(per - (now - c.at))
	}
	return d
}

// forget drops the charges that are per or more in the past, and the room they took.
func (w *window) forget(now, per int64) {
	if w.n > 0 && now-w.newest().at >= per {
		w.head, w.n, w.used = 0, 0, 0
	}
	for w.n > 0 && now-w.at(0).at >= per {
		w.used -= w.at(0).cost
		w.head = (w.head + 1) & (len(w.ring) - 1)
		w.n--
	}
	if size := len(w.ring); size > 4*smallRing && w.n < size/4 {
		for size > smallRing && w.n < size/2 {
			size /= 2
		}
		w.resize(size)
	}
}

func (w *window) charge(now int64, cost int) {
	w.used += cost
	if w.n > 0 {
		last := w.newest()
		if now <= last.at { // a clock that stood still or went back must not put charges out of order
			last.cost += cost
			return
		}
	}
	if w.n == len(w.ring) {
		w.resize(2 * len(w.ring))
	}
	*w.at(w.n) = charge{at: now, cost: cost}
	w.n++
}

// resize makes the ring that long, at least as long as it has charges.
func (w *window) resize(size int) {
	ring := make([]charge, size)
	for i := range w.n {
		ring[i] = *w.at(i)
	}
	w.ring, w.head = ring, 0
}

func (w *window) at(i int) *charge { return &w.ring[(w.head+i)&(len(w.ring)-1)] }

func (w *window) newest() *charge { return w.at(w.n - 1) }
