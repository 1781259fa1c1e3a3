// Package inproc carries the bus within this process, for a server that is one node, and for tests
// that want several nodes in one process.
//
// It loses nothing while subscribers keep up, and keeps the order of each publisher; neither is to
// be relied on by code that works with the port. Faults belong into bustest.Faulty, not here.
package inproc

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"parley/internal/bus"
)

const (
	defaultQueue = 4096
	keptQueue    = 64 // places an idle subscription may keep
)

// Exchange is what the nodes of one process meet on.
type Exchange struct {
	mu       sync.RWMutex
	channels map[string][]*subscription // the lists are replaced, never changed
}

// NewExchange returns an exchange without nodes.
func NewExchange() *Exchange {
	return &Exchange{channels: make(map[string][]*subscription)}
}

func (x *Exchange) subscribers(channel string) []*subscription {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.channels[channel]
}

func (x *Exchange) add(s *subscription) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.channels[s.channel] = slices.Concat(x.channels[s.channel], []*subscription{s})
}

func (x *Exchange) remove(s *subscription) {
	x.mu.Lock()
	defer x.mu.Unlock()
	var rest []*subscription
	for _, other := range x.channels[s.channel] {
		if other != s {
			rest = append(rest, other)
		}
	}
	if rest == nil {
		delete(x.channels, s.channel)
		return
	}
	x.channels[s.channel] = rest
}

// Options of a Bus. The zero value is the default: a node on its own.
type Options struct {
	// Exchange connects the nodes that share it.
	Exchange *Exchange
	// Queue is how many messages may wait for one subscription; 4096 if 0. A queue takes memory only
	// for what waits in it.
	Queue int
}

// Bus is a bus.Bus within the process.
type Bus struct {
	exchange *Exchange
	node     string
	queue    int
	health   *bus.Health
	dropped  atomic.Uint64
	running  atomic.Bool

	mu      sync.Mutex // before Exchange.mu
	started bool
	subs    map[*subscription]struct{}

	dispatchers sync.WaitGroup

	lossMu sync.Mutex // after subscription.mu
	behind int        // subscriptions that have overflowed and not caught up since
}

var _ bus.Bus = (*Bus)(nil)

// New returns a node that is not started yet.
func New(opts Options) *Bus {
	if opts.Exchange == nil {
		opts.Exchange = NewExchange()
	}
	if opts.Queue <= 0 {
		opts.Queue = defaultQueue
	}
	return &Bus{
		exchange: opts.Exchange,
		node:     rand.Text(),
		queue:    opts.Queue,
		health:   bus.NewHealth(),
		subs:     make(map[*subscription]struct{}),
	}
}

// Start implements bus.Bus. A second Start, or one after Stop, fails with bus.ErrNotRunning.
func (b *Bus) Start(context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.started {
		return bus.ErrNotRunning
	}
	b.started = true
	b.running.Store(true)
	b.health.Start()
	b.health.Set(true)
	return nil
}

// Stop implements bus.Bus.
func (b *Bus) Stop(ctx context.Context) error {
	b.mu.Lock()
	b.started = true // a bus stopped before its start stays stopped
	b.running.Store(false)
	subs := b.subs
	b.subs = nil
	b.mu.Unlock()
	for s := range subs {
		b.exchange.remove(s)
		s.close()
	}

	idle := make(chan struct{})
	go func() { // outlives Stop only while a function given to the bus does
		b.dispatchers.Wait()
		close(idle)
	}()
	var err error
	select {
	case <-idle:
	case <-ctx.Done():
		err = fmt.Errorf("bus: a subscriber is still running: %w", ctx.Err())
	}
	return errors.Join(err, b.health.Stop(ctx))
}

// Node implements bus.Bus.
func (b *Bus) Node() string { return b.node }

// OnState implements bus.Bus. In process, down means that a subscription has overflowed and not
// caught up since.
func (b *Bus) OnState(fn func(up bool)) { b.health.OnState(fn) }

// Dropped implements bus.Bus.
func (b *Bus) Dropped() uint64 { return b.dropped.Load() }

// Publish implements bus.Bus. It never blocks.
func (b *Bus) Publish(_ context.Context, channel string, payload []byte) error {
	if channel == "" {
		return fmt.Errorf("%w: empty channel", bus.ErrInvalid)
	}
	if !b.running.Load() {
		return bus.ErrNotRunning
	}
	for _, s := range b.exchange.subscribers(channel) {
		s.offer(payload)
	}
	return nil
}

// Subscribe implements bus.Bus.
func (b *Bus) Subscribe(_ context.Context, channel string, fn func(payload []byte)) (cancel func(), err error) {
	if channel == "" || fn == nil {
		return nil, fmt.Errorf("%w: a subscription needs a channel and a function", bus.ErrInvalid)
	}
	s := &subscription{bus: b, channel: channel, fn: fn}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.running.Load() {
		return nil, bus.ErrNotRunning
	}
	b.subs[s] = struct{}{}
	b.exchange.add(s)
	return func() { b.cancel(s) }, nil
}

func (b *Bus) cancel(s *subscription) {
	b.mu.Lock()
	delete(b.subs, s)
	b.mu.Unlock()
	b.exchange.remove(s)
	s.close()
}

// fell notes that one more subscription is behind (1) or no longer (-1).
func (b *Bus) fell(delta int) {
	b.lossMu.Lock()
	defer b.lossMu.Unlock()
	b.behind += delta
	b.health.Set(b.behind == 0)
}

// subscription has a goroutine only while something waits in its queue.
type subscription struct {
	bus     *Bus
	channel string
	fn      func([]byte)

	mu          sync.Mutex // never held while calling fn
	waiting     [][]byte   // from head on
	head        int
	dispatching bool
	behind      bool // has dropped something and not emptied its queue since
	closed      bool
}

func (s *subscription) offer(payload []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if len(s.waiting)-s.head >= s.bus.queue {
		s.bus.dropped.Add(1)
		if !s.behind {
			s.behind = true
			s.bus.fell(1)
		}
		return
	}
	if len(s.waiting) == cap(s.waiting) && s.head > len(s.waiting)/2 {
		n := copy(s.waiting, s.waiting[s.head:])
		clear(s.waiting[n:])
		s.waiting, s.head = s.waiting[:n], 0
	}
	s.waiting = append(s.waiting, payload)
	if !s.dispatching {
		s.dispatching = true
		s.bus.dispatchers.Add(1)
		go s.dispatch()
	}
}

func (s *subscription) dispatch() {
	defer s.bus.dispatchers.Done()
	for {
		payload, ok := s.next()
		if !ok {
			return
		}
		s.fn(payload)
	}
}

// next takes the oldest message. Without one it says that the dispatcher is to end.
func (s *subscription) next() (payload []byte, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.head == len(s.waiting) {
		s.dispatching = false
		s.waiting, s.head = s.waiting[:0], 0
		if cap(s.waiting) > keptQueue {
			s.waiting = nil
		}
		s.caughtUp()
		return nil, false
	}
	payload = s.waiting[s.head]
	s.waiting[s.head] = nil
	s.head++
	return payload, true
}

func (s *subscription) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.waiting, s.head = nil, 0
	s.caughtUp()
}

// caughtUp is called with the lock held.
func (s *subscription) caughtUp() {
	if s.behind {
		s.behind = false
		s.bus.fell(-1)
	}
}
