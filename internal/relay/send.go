package relay

import (
	"context"
	"sync"
	"time"

	"parley/internal/chat"
)

// lane is one channel of the bus. What gathers while a batch is being published makes up the next one.
type lane struct {
	relay   *Relay
	channel string
	wake    chan struct{}
	number  uint64 // of the last batch; of those who flush alone, one after the other

	mu     sync.Mutex // taken last
	queue  []entry
	lost   int64 // what did not fit
	due    bool  // a batch is due even if it is empty
	opened bool
}

// entry is an event, or what nodes tell of themselves.
type entry struct {
	event chat.Event
	kind  kind
	body  []byte
}

// maxBatch is at which size, in bytes, a batch is ended.
const maxBatch = 256 << 10

// publish queues events of this node. It is called where they are committed, and never waits.
func (r *Relay) publish(events []chat.Event) {
	for _, ev := range events {
		l := r.lanes[peopleLane]
		if room := ev.Scope().Room; room != 0 {
			l = r.lanes[uint64(room)%roomLanes]
		}
		l.add(entry{event: ev})
	}
}

func (l *lane) add(e entry) {
	l.mu.Lock()
	switch {
	case !l.opened:
		l.mu.Unlock()
		return
	case len(l.queue) >= l.relay.Queue:
		l.lost++
	default:
		l.queue = append(l.queue, e)
	}
	l.mu.Unlock()
	poke(l.wake)
}

// beat makes a batch due, so that the others notice if they missed the last ones.
func (l *lane) beat() {
	l.mu.Lock()
	l.due = true
	l.mu.Unlock()
	poke(l.wake)
}

func (l *lane) open() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.opened = true
}

// close takes no more.
func (l *lane) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.opened = false
}

func (l *lane) run(ctx context.Context) {
	// A batch that is on its way when the node stops gets a moment to arrive: the others would miss its number.
	sending, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(leaveTime, cut) })()
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.wake:
		}
		if err := l.flush(sending); err != nil && ctx.Err() == nil {
			l.relay.Logger.Debug("publishing failed", "channel", l.channel, "error", err)
		}
	}
}

// flush publishes what waits. What cannot be published is lost: its number is never heard, by which the others notice.
func (l *lane) flush(ctx context.Context) error {
	l.mu.Lock()
	queue, lost, due := l.queue, l.lost, l.due
	l.queue, l.lost, l.due = nil, 0, false
	l.mu.Unlock()
	r := l.relay
	if lost > 0 {
		l.number++
		r.stats.lost.Add(lost)
		r.Logger.Warn("events were not told to other nodes, which will look them up: too many waited", "events", lost)
	}
	var failed error
	for len(queue) > 0 || due {
		due = false
		l.number++
		if !r.Up() || failed != nil {
			r.lose(queue)
			return failed
		}
		var w writer
		w.begin(r.node, l.number)
		n := 0
		for ; n < len(queue) && len(w.b) < maxBatch; n++ {
			if e := queue[n]; e.event == nil {
				w.entry(e.kind, e.body)
			} else if !w.event(e.event) {
				r.stats.unreadable.Add(1)
				r.Logger.Error("an event has no form for other nodes", "event", e.event)
			}
		}
		if failed = r.Bus.Publish(ctx, l.channel, w.b); failed == nil {
			r.stats.batches.Add(1)
			r.stats.events.Add(int64(n))
		} else {
			r.lose(queue[:n])
		}
		queue = queue[n:]
	}
	return failed
}

// lose notes that entries were not published.
func (r *Relay) lose(entries []entry) {
	for _, e := range entries {
		switch e.event.(type) {
		case nil, chat.Typing, chat.PresenceChanged:
		default:
			r.stats.lost.Add(1)
			r.untold.Store(true)
		}
	}
}
