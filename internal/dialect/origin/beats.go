package origin

import (
	"context"
	"sync"
	"time"

	"parley/internal/ws"
)

// Every connection is sent {"cmd":"ping"} every 30 s, counted from its beginning (specs: originchats §2.4).
const beatSeconds = 30

// entryTime is how long a connection may stay without logging in (OP-03).
const entryTime = 10 * time.Minute

// wheel has the connections by the second in which they began, so that one goroutine pings them all.
type wheel struct {
	mu   sync.Mutex // taken by itself
	at   int        // the slot whose turn it is next
	slot [beatSeconds]map[*ws.Conn]*socket
	of   map[*ws.Conn]int
}

func (w *wheel) init() {
	w.of = make(map[*ws.Conn]int)
	for i := range w.slot {
		w.slot[i] = make(map[*ws.Conn]*socket)
	}
}

func (w *wheel) add(c *ws.Conn, s *socket) {
	w.mu.Lock()
	defer w.mu.Unlock()
	last := (w.at + beatSeconds - 1) % beatSeconds // the one that comes last
	w.slot[last][c] = s
	w.of[c] = last
}

func (w *wheel) remove(c *ws.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.slot[w.of[c]], c)
	delete(w.of, c)
}

// next returns the connections whose turn it is, and those of them that nobody has logged in on for too long.
func (w *wheel) next(now time.Time) (due, idle []*ws.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	due = make([]*ws.Conn, 0, len(w.slot[w.at]))
	for c, s := range w.slot[w.at] {
		if !s.entered.Load() && now.Sub(s.since) >= entryTime {
			idle = append(idle, c)
		} else {
			due = append(due, c)
		}
	}
	w.at = (w.at + 1) % beatSeconds
	return due, idle
}

// count returns how many connections there are, logged in or not.
func (w *wheel) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.of)
}

func (w *wheel) run(ctx context.Context, sockets *ws.Server) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	beat := ws.NewFrame([]byte(`{"cmd":"ping"}`))
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			due, idle := w.next(time.Now())
			if len(due) > 0 {
				sockets.SendAll(due, beat) // a full queue has enough to read
			}
			for _, c := range idle {
				c.Close(ws.ClosePolicyViolation, "nobody logged in")
			}
		}
	}
}
