package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// crowd is many clients that talk in shared rooms through one address: what they did, what they were answered, and what they
// saw that they should not have.
type crowd struct {
	t       testing.TB
	cluster *cluster
	every   time.Duration // someone says something about so often
	strict  bool          // no frame but a send may be refused, whatever happens to the engines
	rooms   []string
	talkers []*talker
	http    *http.Client // through the balancer: a new connection, and so another node, for every request

	ctx   context.Context // ends the clients
	leave context.CancelFunc
	quiet chan struct{} // closed: say no more, and listen on
	done  sync.WaitGroup

	acked, delivered, changes, presence, connects, dropped, retried, abandoned, twice, holes, refilled, resyncs, unavailable, told, cutOff atomic.Int64

	mu     sync.Mutex
	faults []string // the first of them
	faulty int
	sentAt map[string]time.Time // a sample of what was said, to see how long it takes to everybody
	delays []time.Duration
}

// newCrowd registers people, makes rooms and lets everybody join some of them, so that each room shares people with others.
func newCrowd(c *cluster, people, rooms, roomsEach int, every time.Duration) *crowd {
	c.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	w := &crowd{t: c.t, cluster: c, every: every, rooms: make([]string, rooms), talkers: make([]*talker, people), ctx: ctx, leave: cancel, quiet: make(chan struct{}),
		http: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second}, sentAt: make(map[string]time.Time)}
	each(rooms, func(i int) {
		var room struct{ ID string }
		w.setUp("making a room", c.owner.Token, "POST", "/rooms", obj{"name": fmt.Sprintf("Room %d", i), "type": "public"}, &room)
		w.rooms[i] = room.ID
	})
	each(people, func(i int) {
		k := &talker{crowd: w, number: i, name: fmt.Sprintf("talker%03d", i), views: make(map[string]*view), rejoin: make(chan string, 64), wander: make(chan struct{}, 1)}
		var login struct {
			Token string
			User  struct{ ID string }
		}
		w.setUp("registering", "", "POST", "/auth/register", obj{"username": k.name, "password": "correct horse battery"}, &login)
		k.person = person{login.User.ID, login.Token}
		for n := range roomsEach {
			room := w.rooms[(i+n*(1+i/rooms))%rooms]
			if k.views[room] != nil {
				continue
			}
			w.setUp("joining", k.Token, "POST", "/rooms/"+room+"/join", obj{}, nil)
			k.views[room] = &view{room: room, known: make(map[string]post)}
			k.rooms = append(k.rooms, room)
		}
		w.talkers[i] = k
	})
	if c.t.Failed() {
		c.t.FailNow()
	}
	c.t.Cleanup(w.end)
	return w
}

// setUp is one request before the talk begins.
func (w *crowd) setUp(what, token, method, path string, in, out any) {
	if status, code, err := call(w.ctx, w.http, w.cluster.front.addr, token, method, path, in, out); err != nil || status >= 300 {
		w.t.Errorf("%s: status %d %s %v", what, status, code, err)
	}
}

// begin lets everybody connect and talk.
func (w *crowd) begin() {
	for _, k := range w.talkers {
		w.done.Go(k.live)
	}
}

// scatter lets every third client reconnect, and so come to any of the nodes that are there now.
func (w *crowd) scatter() {
	for i, k := range w.talkers {
		if i%3 == 0 {
			k.wander <- struct{}{}
		}
	}
}

// end lets everybody go. Safe to call twice.
func (w *crowd) end() {
	w.leave()
	w.done.Wait()
}

// maxFaults is how many faults are shown.
const maxFaults = 30

// fault notes what must not be.
func (w *crowd) fault(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.faulty++; w.faulty <= maxFaults {
		w.faults = append(w.faults, fmt.Sprintf(format, args...))
	}
}

// untilTold waits until so many more messages are acknowledged; everything about the load goes by that and not by the clock.
func (w *crowd) untilTold(more int64) {
	w.t.Helper()
	want := w.acked.Load() + more
	w.cluster.until(fmt.Sprintf("%d more messages are acknowledged", more), time.Minute, func() string {
		if got := w.acked.Load(); got < want {
			return fmt.Sprintf("%d are missing; faults: %q", want-got, w.faultsSoFar())
		}
		return ""
	})
}

// untilConnected waits until everybody who should be is connected and has joined their rooms.
func (w *crowd) untilConnected(limit time.Duration) {
	w.t.Helper()
	w.cluster.until("everybody is connected", limit, func() string {
		missing := 0
		for _, k := range w.talkers {
			if !k.gone.Load() && !k.present() {
				missing++
			}
		}
		if missing == 0 {
			return ""
		}
		return fmt.Sprintf("%d are not; faults: %q", missing, w.faultsSoFar())
	})
}

func (w *crowd) faultsSoFar() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.faults)
}

// hush ends the talk: everybody finishes what they were about to say.
func (w *crowd) hush() {
	w.t.Helper()
	close(w.quiet)
	w.cluster.until("everybody has finished what they said", time.Minute, func() string {
		for _, k := range w.talkers {
			if !k.gone.Load() && !k.hushed.Load() {
				return k.state()
			}
		}
		return ""
	})
}

// over reports that the clients are to go.
func (w *crowd) over() bool { return w.ctx.Err() != nil }

// sample notes when something was said.
func (w *crowd) sample(content string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sentAt[content] = time.Now()
}

func (w *crowd) heard(content string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if at, ok := w.sentAt[content]; ok {
		w.delays = append(w.delays, time.Since(at))
	}
}

// summary is what happened, in a few lines.
func (w *crowd) summary() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.Sort(w.delays)
	at := func(part float64) time.Duration {
		if len(w.delays) == 0 {
			return 0
		}
		return w.delays[int(part*float64(len(w.delays)-1))].Round(100 * time.Microsecond)
	}
	return fmt.Sprintf(`%d clients in %d rooms: %d messages acknowledged, %d deliveries of new ones, %d of changes, %d of presence
%d connections (%d lost and resumed, %d told to come back, %d cut off without a word), %d sends repeated under their nonce, %d sent through two nodes at once, %d given up unanswered, %d answered "unavailable"
%d resync, %d histories filled by REST, %d places where a change was folded into a later one
from the send to each receiver, a sample of %d, whatever happened meanwhile: median %v, 99 %% %v, longest %v`,
		len(w.talkers), len(w.rooms), w.acked.Load(), w.delivered.Load(), w.changes.Load(), w.presence.Load(),
		w.connects.Load(), w.dropped.Load(), w.told.Load(), w.cutOff.Load(), w.retried.Load(), w.twice.Load(), w.abandoned.Load(), w.unavailable.Load(),
		w.resyncs.Load(), w.refilled.Load(), w.holes.Load(),
		len(w.delays), at(0.5), at(0.99), at(1))
}

// pause waits for about d, no two alike; false when the clients are to go.
func (w *crowd) pause(d time.Duration) bool {
	timer := time.NewTimer(d/2 + rand.N(d))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-w.ctx.Done():
		return false
	}
}

var errEnded = errors.New("the connection ended")
