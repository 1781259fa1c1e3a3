// Package relay tells the nodes of a cluster what happened on each of them. It publishes the events of this node on the bus
// and hands those of others to the core, which drops what its caches hold and tells live connections.
//
// The bus is a hint, the database the truth: batches are numbered, a node notices that it missed one, and then looks into the
// database for everything that it only knows from the bus. Who is connected where is kept the same way: told on the bus, and
// saved in the volatile state for those who did not hear it.
//
// Rules do not belong here (package core), nor live connections (package hub).
//
// Goroutines: one for each lane that publishes, one that beats and watches, one that heals, one that looks into the store for
// what nodes could not publish, and those of the bus that call hear. Locks: Relay.telling before Relay.mu; own.mu before lane.mu.
package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"parley/internal/bus"
	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/state"
)

// Hub is what is needed of hub.Hub.
type Hub interface {
	// Follows and Has say whether anybody here needs to know of a room or a person.
	Follows(room chat.RoomID) bool
	Has(user chat.UserID) bool
	// CatchUp brings live connections to the latest changes of messages, Recheck ends what is no longer allowed, and Resync
	// does both and has connections read everything else again.
	CatchUp(ctx context.Context) error
	Recheck(ctx context.Context) error
	Resync(ctx context.Context) error
}

// Options are what a Relay needs. The zero value of a field with a default means that.
type Options struct {
	Bus    bus.Bus     // started and stopped by the relay
	State  state.Store // started before the relay
	Core   *core.Core
	Hub    Hub          // nil: this process serves nobody, so it only publishes
	Logger *slog.Logger // default: nothing is logged

	Beat    time.Duration // how often a node tells that it is there; default 2 s
	Dead    time.Duration // for how long it may not before it is taken for dead; default 15 s
	Refresh time.Duration // how often caches are dropped while the bus is away; default 2 s
	Grace   time.Duration // how long a batch may be overtaken before it counts as lost; default 200 ms
	Queue   int           // events that may wait on one lane; default 16384
}

// The lanes: events of a room always go the same one, everything else goes the last one. The number is the same on all nodes.
const (
	roomLanes  = 8
	peopleLane = roomLanes
)

// Relay is one node's part. Use New, then Start.
type Relay struct {
	Options
	node  string
	lanes [roomLanes + 1]*lane
	own   own

	telling sync.Mutex // before mu; so that the core hears of moves in their order

	mu      sync.Mutex                 // guards what follows; never held while calling core, hub or bus
	moves   map[chat.UserID]core.Moves // of people to, from and at other nodes that the core does not know
	peers   map[string]*peer
	tracks  map[place]*track
	since   time.Time // since when everything is heard
	hello   bool      // somebody's people have to be read anew: the next beat says so
	saveAll bool      // somebody else has to read ours anew

	busUp     atomic.Bool
	connected atomic.Bool   // everything is subscribed to
	downs     atomic.Int64  // times the bus went down
	turned    chan struct{} // the state has changed
	soon      chan struct{} // a beat is due now
	gap       chan struct{} // a batch is missing
	untold    atomic.Bool   // something was not published, and the store does not say so yet
	heal      healing

	stats struct{ batches, events, heard, skipped, unreadable, lost, missed atomic.Int64 }

	stop    context.CancelFunc
	done    sync.WaitGroup
	begun   bool // the bus is started
	cancels []func()
}

// Stats are totals since the start, and what is there now.
type Stats struct {
	Batches, Events int64 // published
	Heard, Skipped  int64 // events of others that were taken in, and those that nobody here needs
	Unreadable      int64 // batches and events that could not be read
	Lost            int64 // events that were not published
	Missed          int64 // times that something may have been missed and was looked up
	Nodes           int   // that are alive, this one included
	Up              bool  // the bus
}

// New makes a relay, which hears the core's events from then on and publishes them once it is started.
func New(o Options) *Relay {
	for _, d := range []struct {
		field *time.Duration
		def   time.Duration
	}{{&o.Beat, 2 * time.Second}, {&o.Dead, 15 * time.Second}, {&o.Refresh, 2 * time.Second}, {&o.Grace, 200 * time.Millisecond}} {
		if *d.field == 0 {
			*d.field = d.def
		}
	}
	if o.Queue == 0 {
		o.Queue = 16384
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	r := &Relay{
		Options: o, peers: make(map[string]*peer), tracks: make(map[place]*track), moves: make(map[chat.UserID]core.Moves),
		turned: make(chan struct{}, 1), soon: make(chan struct{}, 1), gap: make(chan struct{}, 1),
	}
	r.own.users = make(map[chat.UserID]core.Attendance)
	r.heal.wake = make(chan struct{}, 1)
	for i := range r.lanes {
		channel := fmt.Sprintf("room:%d", i)
		if i == peopleLane {
			channel = "people"
		}
		r.lanes[i] = &lane{relay: r, channel: channel, wake: make(chan struct{}, 1)}
	}
	o.Core.SubscribeLocal(r.publish)
	if o.Hub != nil {
		o.Core.OnPresence(r.present)
	}
	return r
}

// Start begins to publish and to hear. While the bus cannot be reached it goes on trying, and is down meanwhile. It fails when
// the bus does otherwise.
func (r *Relay) Start(ctx context.Context) error {
	r.node = r.Bus.Node()
	r.since = time.Now()
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	r.stop = stop
	r.Bus.OnState(func(up bool) {
		if !up {
			r.downs.Add(1)
		}
		r.busUp.Store(up)
		poke(r.turned)
	})
	err := r.connect(ctx, run)
	switch {
	case err == nil:
		r.busUp.Store(true)
	case errors.Is(err, bus.ErrUnavailable):
		r.Logger.Warn("the bus between the nodes cannot be reached: this node starts alone, and tries again", "error", err)
		r.done.Go(func() { r.reconnect(run) })
	default:
		stop()
		r.stop = nil
		return errors.Join(fmt.Errorf("events of other nodes: %w", err), r.Bus.Stop(ctx))
	}
	if r.Hub != nil {
		r.Core.DropCaches() // what was read until now may have changed unheard
		r.hello = true
		poke(r.soon)
	}
	for _, l := range r.lanes {
		l.open()
		r.done.Go(func() { l.run(run) })
	}
	wasUp := r.Up()
	r.done.Go(func() { r.run(run, wasUp) })
	r.done.Go(func() { r.healer(run) })
	r.done.Go(func() { r.watchStore(run) })
	return nil
}

// connect starts the bus and subscribes, as far as that has not been done.
func (r *Relay) connect(ctx, run context.Context) error {
	if !r.begun {
		if err := r.Bus.Start(ctx); err != nil {
			return err
		}
		r.begun = true
	}
	for i := len(r.cancels); i < len(r.lanes) && r.Hub != nil; i++ {
		cancel, err := r.Bus.Subscribe(ctx, r.lanes[i].channel, func(payload []byte) { r.hear(run, i, payload) })
		if err != nil {
			return err
		}
		r.cancels = append(r.cancels, cancel)
	}
	r.connected.Store(true)
	return nil
}

// reconnect connects when that failed at the start.
func (r *Relay) reconnect(ctx context.Context) {
	again := time.NewTicker(time.Second)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
		if err := r.connect(ctx, ctx); err == nil {
			poke(r.turned)
			return
		}
	}
}

// Stop publishes what waits, takes leave of the other nodes and ends. Safe to call twice.
func (r *Relay) Stop(ctx context.Context) error {
	if r.stop == nil {
		return nil
	}
	r.stop()
	r.done.Wait()
	for _, cancel := range r.cancels {
		cancel()
	}
	r.cancels = nil
	r.stop = nil
	last, cancel := context.WithTimeout(ctx, leaveTime)
	defer cancel()
	var errs []error
	for i, l := range r.lanes {
		if i == peopleLane {
			l.add(r.own.beat(byeFlag))
		}
		l.close()
		errs = append(errs, l.flush(last))
	}
	if r.untold.Load() {
		errs = append(errs, r.Core.MarkUntold(last, r.node+" ended"))
	}
	if err := errors.Join(errs...); err != nil {
		r.Logger.Warn("the last events were not told to other nodes", "error", err)
	}
	return r.Bus.Stop(ctx)
}

// leaveTime bounds how long the last events may take on their way out.
const leaveTime = 2 * time.Second

// Up reports whether the bus works.
func (r *Relay) Up() bool { return r.connected.Load() && r.busUp.Load() }

// Stats reports what happened so far.
func (r *Relay) Stats() Stats {
	s := Stats{
		Batches: r.stats.batches.Load(), Events: r.stats.events.Load(), Heard: r.stats.heard.Load(), Skipped: r.stats.skipped.Load(),
		Unreadable: r.stats.unreadable.Load(), Lost: r.stats.lost.Load(), Missed: r.stats.missed.Load(), Nodes: 1, Up: r.Up(),
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.peers {
		if p.known {
			s.Nodes++
		}
	}
	return s
}

// poke signals without waiting; a signal that nobody took yet is enough.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// run beats, and watches the bus and the other nodes.
func (r *Relay) run(ctx context.Context, wasUp bool) {
	beat, refresh := time.NewTicker(r.Beat), time.NewTicker(r.Refresh)
	defer beat.Stop()
	defer refresh.Stop()
	grace, soon := time.NewTimer(0), time.NewTimer(0)
	<-grace.C
	<-soon.C
	seen := int64(0)
	var last time.Time
	tell := func() {
		last = time.Now()
		r.beat(ctx)
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-beat.C:
			r.bury()
			tell()
		case <-r.soon:
			soon.Reset(max(0, r.Beat/8-time.Since(last))) // nodes that cannot save would ask each other without end
		case <-soon.C:
			tell()
		case <-r.gap:
			grace.Reset(r.Grace)
		case <-grace.C:
			if again := r.overdue(); again > 0 {
				grace.Reset(again)
			}
		case <-refresh.C:
			if !wasUp {
				r.Core.DropCaches()
				r.heal.want(recheck)
			}
		case <-r.turned:
			downs, up := r.downs.Load(), r.Up()
			if downs != seen || !up && wasUp {
				seen, wasUp = downs, false
				r.Logger.Warn("the bus between the nodes is away: caches are dropped every moment")
				r.Core.DropCaches()
				r.heal.want(recheck)
			}
			if up && !wasUp {
				wasUp = true
				r.Logger.Info("the bus between the nodes is back")
				r.startOver()
				tell()
			}
		}
	}
}

// startOver forgets what was known from the bus, and looks everything up.
func (r *Relay) startOver() {
	r.mu.Lock()
	now := time.Now()
	r.since = now
	clear(r.tracks)
	for _, p := range r.peers {
		p.heard, p.rebase = now, true
	}
	r.mu.Unlock()
	r.missed("the bus was away")
}

// missed has everything looked up that may have changed unheard.
func (r *Relay) missed(why string) {
	r.stats.missed.Add(1)
	r.Logger.Info("events of other nodes may have been missed: looking them up", "reason", why)
	r.Core.DropCaches()
	r.heal.want(resync)
}
