// Package hub keeps the live connections: who is subscribed to which room, what reached whom, resuming without holes or
// doubles, typing and presence. It decides nothing about rights (package core) and knows no wire format (package dialect).
//
// Goroutines: one per shard (rooms and users are spread over the shards by id), one for presence, one for delivery marks,
// one sweep. A feed belongs to its shard's goroutine alone and needs no lock. Lock order: directory.mu is taken by itself.
package hub

import (
	"context"
	"crypto/rand"
	"hash/maphash"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/ws"
)

// Dialect turns events into what one protocol's clients read.
type Dialect interface {
	// Encode returns the frame's text for an event, or nil if the protocol does not carry it. With viewer empty it is what
	// everyone gets; else what that person gets.
	Encode(ctx context.Context, ev chat.Event, viewer chat.UserID) []byte
	// Personal names those who must not get the shared text of an event but one of their own (or, with nil, none).
	Personal(ev chat.Event) []chat.UserID
	// EncodeChanges returns the text that brings a resuming connection up to date.
	EncodeChanges(ctx context.Context, room chat.RoomID, ch chat.Changes, viewer chat.UserID) []byte
	// EncodeResync returns the text that tells a connection that its subscription of a room ended: it may try to join again,
	// and is then told why not, if it may not. With room 0 it tells that what has no change_seq may have been missed: rooms,
	// counts, notifications, profiles and presence are to be read again.
	EncodeResync(room chat.RoomID) []byte
	// CloseCode is the WebSocket close code for an end of a kind.
	CloseCode(end End) int
}

// End is why the hub closes a connection.
type End uint8

// The reasons to close a connection.
const (
	EndRevoked End = iota // the session is over
	EndSlow               // it did not keep up
)

// Sink is where a connection's frames go. Send never blocks and reports false when the connection's queue is full.
type Sink interface {
	Send(f *ws.Frame) bool
	Close(code int, reason string)
}

// Conn is one live connection of an authenticated user.
type Conn struct {
	Actor chat.Actor

	dialect Dialect
	sink    Sink
	socket  *ws.Conn // the sink if it is a WebSocket of ours, for batched sending

	slow     atomic.Bool // was let go
	starting atomic.Bool // until its first frame: what comes meanwhile waits in early

	mu     sync.Mutex // taken by itself
	rooms  []chat.RoomID
	early  []*ws.Frame
	closed bool
}

// Options of a Hub; the zero value of a field means its default.
type Options struct {
	Shards           int           // default: one per processor, at most 8
	PresenceAudience int           // presence goes to rooms with at most so many people online; default 500
	PresenceEvery    time.Duration // changes of presence gather this long; default 100 ms
	// GapPatience is how long an event waits for those that it overtook, before they are read from the store; default: not at
	// all. Between nodes that happens whenever two of them store messages of one room at the same time.
	GapPatience time.Duration
	Logger      *slog.Logger
	Clock       chat.Clock
}

// Hub is the live side of the server.
type Hub struct {
	Options
	core    *core.Core
	sockets *ws.Server
	shards  []*shard
	people  directory
	follow  followed
	seed    maphash.Seed

	presence  presenceQueue
	delivered deliveredQueue
	typing    typingTable
	marks     markTable

	stats struct{ deliveries, events, slow, gaps atomic.Int64 }

	ctx  context.Context
	stop context.CancelFunc
	done sync.WaitGroup
}

// New makes a hub over the core's events; sockets sends to many connections at once.
func New(c *core.Core, sockets *ws.Server, o Options) *Hub {
	if o.Shards == 0 {
		o.Shards = min(8, runtime.GOMAXPROCS(0))
	}
	if o.PresenceAudience == 0 {
		o.PresenceAudience = 500
	}
	if o.PresenceEvery == 0 {
		o.PresenceEvery = 100 * time.Millisecond
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	h := &Hub{Options: o, core: c, sockets: sockets, seed: maphash.MakeSeed()}
	h.people.init()
	h.follow.rooms = make(map[chat.RoomID]struct{})
	h.presence.init()
	h.delivered.init()
	h.marks.awaited = make(map[string]echo)
	h.typing.until = make(map[typist]time.Time)
	for range o.Shards {
		h.shards = append(h.shards, newShard(h))
	}
	c.Subscribe(h.publish)
	return h
}

// Start begins delivering.
func (h *Hub) Start(ctx context.Context) error {
	h.ctx, h.stop = context.WithCancel(context.WithoutCancel(ctx))
	for _, s := range h.shards {
		h.done.Go(func() { s.run(h.ctx) })
	}
	h.done.Go(func() { h.runPresence(h.ctx) })
	h.done.Go(func() { h.runDelivered(h.ctx) })
	h.done.Go(func() { h.sweep(h.ctx) })
	return nil
}

// Stop ends delivering and waits for the hub's goroutines. Connections are the WebSocket server's to close.
func (h *Hub) Stop(context.Context) error {
	if h.stop != nil {
		h.stop()
	}
	h.done.Wait()
	return nil
}

// Stats are totals since the hub was made, and what is there now.
type Stats struct {
	Deliveries, Events, Slow, Gaps int64
	Connections, Users, Backlog    int
}

// Stats reports what happened so far.
func (h *Hub) Stats() Stats {
	s := Stats{Deliveries: h.stats.deliveries.Load(), Events: h.stats.events.Load(), Slow: h.stats.slow.Load(), Gaps: h.stats.gaps.Load()}
	s.Connections, s.Users = h.people.count()
	for _, sh := range h.shards {
		s.Backlog += len(sh.work)
	}
	return s
}

// publish spreads events over the shards. A full shard makes the committer wait: when fan-out cannot keep up, senders slow
// down instead of memory filling up.
func (h *Hub) publish(events []chat.Event) {
	if h.ctx == nil {
		return
	}
	for _, ev := range events {
		if e, ok := ev.(chat.PresenceChanged); ok {
			h.presence.add(e.Presence)
			continue
		}
		if e, ok := ev.(chat.Typing); ok {
			h.typing.note(e, h.Clock())
		}
		scope := ev.Scope()
		switch {
		case scope.Room != 0:
			h.roomShard(scope.Room).post(h.ctx, work{event: ev})
		case len(scope.Users) == 1:
			h.userShard(scope.Users[0]).post(h.ctx, work{event: ev})
		case len(scope.Users) > 1 || scope.Everyone:
			h.shards[0].post(h.ctx, work{event: ev})
		}
		switch e := ev.(type) {
		case chat.RoomDeleted: // its feed ends where its feed lives
			h.roomShard(e.RoomID).post(h.ctx, work{do: func(s *shard) { s.forget(e.RoomID) }})
		case chat.SanctionChanged, chat.RolesChanged, chat.RoomChanged, chat.UserChanged:
			h.recheck(e)
		}
	}
}

func (h *Hub) roomShard(id chat.RoomID) *shard { return h.shards[uint64(id)%uint64(len(h.shards))] }

func (h *Hub) userShard(id chat.UserID) *shard {
	return h.shards[maphash.String(h.seed, string(id))%uint64(len(h.shards))]
}

// Attach makes a connection known: from now on what is for its user waits for it, until Begin lets it through. The actor of
// the result has the connection's name, see chat.Actor.Connection: what it does, and core.Disconnected, are given that one.
func (h *Hub) Attach(by chat.Actor, d Dialect, sink Sink) *Conn {
	by.Connection = rand.Text()
	c := &Conn{Actor: by, dialect: d, sink: sink}
	c.socket, _ = sink.(*ws.Conn)
	c.starting.Store(true)
	h.people.add(c)
	return c
}

// Begin sends a connection's first frames, then what came since Attach. rooms are those its user is a member of, for presence
// and for changes of rooms; events keep them current.
func (h *Hub) Begin(c *Conn, rooms []chat.RoomID, first ...[]byte) {
	h.people.begin(c.Actor.UserID, rooms)
	h.presence.signal()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, text := range first {
		c.sink.Send(ws.NewFrame(text))
	}
	for _, f := range c.early {
		c.sink.Send(f)
	}
	c.early = nil
	c.starting.Store(false)
}

// give queues a frame for one connection, or closes it as too slow.
func (h *Hub) give(c *Conn, f *ws.Frame) {
	h.stats.deliveries.Add(1)
	if c.starting.Load() {
		c.mu.Lock()
		if c.starting.Load() {
			c.early = append(c.early, f)
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
	}
	if !c.sink.Send(f) {
		h.tooSlow(c)
	}
}

// Detach forgets a connection. Safe to call twice.
func (h *Hub) Detach(c *Conn) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return
	}
	c.closed = true
	rooms := c.rooms
	c.rooms = nil
	c.mu.Unlock()
	for _, room := range rooms {
		h.roomShard(room).post(h.ctx, work{do: func(s *shard) { s.unsubscribe(room, c) }})
	}
	if rooms := h.people.remove(c); rooms != nil {
		h.presence.left(c.Actor.UserID, rooms)
		h.publish(h.typing.left(c.Actor.UserID))
	}
}

// Send gives the connection a frame of its own, or closes it as too slow.
func (h *Hub) Send(c *Conn, text []byte) {
	if text != nil {
		h.give(c, ws.NewFrame(text))
	}
}

// tooSlow lets a connection go. Its subscriptions end with it, when its handler detaches it.
func (h *Hub) tooSlow(c *Conn) {
	if c.slow.Swap(true) {
		return
	}
	h.stats.slow.Add(1)
	c.sink.Close(c.dialect.CloseCode(EndSlow), "too slow: reconnect and resume")
}

// sweep ends what ends by time: sessions of open connections, and typing.
func (h *Hub) sweep(ctx context.Context) {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := h.Clock()
		if over := h.typing.expired(now); len(over) > 0 {
			h.publish(over)
		}
		if n%60 == 0 {
			for _, c := range h.people.expired(now) {
				h.revoke(c, chat.SessionRevoked{UserID: c.Actor.UserID, SessionID: c.Actor.SessionID, Reason: "expired"})
			}
		}
	}
}

func (h *Hub) revoke(c *Conn, ev chat.SessionRevoked) {
	if text := c.dialect.Encode(h.ctx, ev, c.Actor.UserID); text != nil {
		c.sink.Send(ws.NewFrame(text))
	}
	c.sink.Close(c.dialect.CloseCode(EndRevoked), ev.Reason)
}
