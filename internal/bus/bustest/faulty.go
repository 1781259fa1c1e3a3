package bustest

import (
	"context"
	"errors"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"

	"parley/internal/bus"
)

// Faults says what a Faulty does to the messages a node hears: each chance is a probability from 0
// to 1, and they add up to 1 at most. The same seed and the same messages have the same fate.
type Faults struct {
	Seed uint64
	// Drop is the chance that a message is lost.
	Drop float64
	// Double is the chance that a message comes twice, the second time at once or up to MaxDelay
	// messages later.
	Double float64
	// Reorder is the chance that a message changes places with the next one.
	Reorder float64
	// Delay is the chance that a message is held back until two to MaxDelay others have passed.
	Delay float64
	// MaxDelay counts in messages, because a fault that counts in time is not the same twice; 8 if
	// below 2.
	MaxDelay int
}

// Counts is how often each fault has happened.
type Counts struct {
	Dropped, Doubled, Reordered, Delayed int
}

// Faulty is a node that hears badly: it wraps a bus and does to every subscription what its Faults
// say, each subscription having a fate of its own. It can also be cut off. What a subscription
// holds back comes when later messages arrive on it, or with Flush; until then it is as good as lost.
type Faulty struct {
	inner  bus.Bus
	health *bus.Health

	mu      sync.Mutex // after faultySubscription.mu
	faults  Faults
	innerUp bool
	cut     bool
	cuts    int // how often it was cut off; what was held back before the latest is lost
	counts  Counts
	subs    []*faultySubscription
	made    map[string]uint64 // subscriptions made by channel, which gives each its own fate
}

var _ bus.Bus = (*Faulty)(nil)

// NewFaulty wraps inner, which is not started yet and from then on is started and stopped through
// the Faulty.
func NewFaulty(inner bus.Bus, faults Faults) *Faulty {
	faults.MaxDelay = maxDelay(faults.MaxDelay)
	f := &Faulty{inner: inner, health: bus.NewHealth(), faults: faults, made: make(map[string]uint64)}
	inner.OnState(func(up bool) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.innerUp = up
		f.health.Set(up && !f.cut)
	})
	return f
}

func maxDelay(n int) int {
	if n < 2 {
		return 8
	}
	return n
}

// Start implements bus.Bus.
func (f *Faulty) Start(ctx context.Context) error {
	if err := f.inner.Start(ctx); err != nil {
		return err
	}
	f.health.Start()
	return nil
}

// Stop implements bus.Bus. What is held back is lost.
func (f *Faulty) Stop(ctx context.Context) error {
	return errors.Join(f.inner.Stop(ctx), f.health.Stop(ctx))
}

// Node implements bus.Bus.
func (f *Faulty) Node() string { return f.inner.Node() }

// Dropped implements bus.Bus. It does not count losses by Faults, of which the bus is not to know.
func (f *Faulty) Dropped() uint64 { return f.inner.Dropped() }

// OnState implements bus.Bus. A node that is cut off is down; faults are not told.
func (f *Faulty) OnState(fn func(up bool)) { f.health.OnState(fn) }

// Cut takes the node off the bus, both ways: until Heal it hears nothing, what it held back is
// lost, and Publish and Subscribe fail with bus.ErrUnavailable.
func (f *Faulty) Cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cut = true
	f.cuts++
	f.health.Set(false)
}

// Heal puts the node back.
func (f *Faulty) Heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cut = false
	f.health.Set(f.innerUp)
}

// SetFaults changes the chances from the next message on. The seed stays what it was.
func (f *Faulty) SetFaults(faults Faults) {
	f.mu.Lock()
	defer f.mu.Unlock()
	faults.MaxDelay = maxDelay(faults.MaxDelay)
	f.faults = faults
}

// Counts returns how often each fault has happened, so that a test can show that it met some.
func (f *Faulty) Counts() Counts {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counts
}

// Flush delivers what is held back, and returns when that is done. It must not be called by a
// subscriber.
func (f *Faulty) Flush() {
	f.mu.Lock()
	subs := slices.Clone(f.subs)
	f.mu.Unlock()
	for _, s := range subs {
		s.flush()
	}
}

// Publish implements bus.Bus.
func (f *Faulty) Publish(ctx context.Context, channel string, payload []byte) error {
	if f.isCut() {
		return bus.ErrUnavailable
	}
	return f.inner.Publish(ctx, channel, payload)
}

func (f *Faulty) isCut() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cut
}

func (f *Faulty) cutCount() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cuts
}

// Subscribe implements bus.Bus.
func (f *Faulty) Subscribe(ctx context.Context, channel string, fn func(payload []byte)) (cancel func(), err error) {
	if f.isCut() {
		return nil, bus.ErrUnavailable
	}
	if fn == nil {
		return f.inner.Subscribe(ctx, channel, nil)
	}
	name := fnv.New64a()
	name.Write([]byte(channel))
	f.mu.Lock()
	s := &faultySubscription{
		faulty: f,
		fn:     fn,
		fate:   rand.New(rand.NewPCG(f.faults.Seed, name.Sum64()+f.made[channel])),
	}
	f.made[channel]++
	f.subs = append(f.subs, s)
	f.mu.Unlock()

	innerCancel, err := f.inner.Subscribe(ctx, channel, s.hear)
	if err != nil {
		s.drop()
		return nil, err
	}
	return func() {
		s.drop()
		innerCancel()
	}, nil
}

type faultySubscription struct {
	faulty *Faulty
	fn     func([]byte)
	ended  atomic.Bool

	mu   sync.Mutex // held while calling fn, so that a flush does not call it at the same time
	fate *rand.Rand
	held []heldMessage
}

type heldMessage struct {
	payload []byte
	passes  int // messages that have yet to pass it
	cuts    int // Faulty.cuts when it came
}

func (s *faultySubscription) drop() {
	s.ended.Store(true)
	f := s.faulty
	f.mu.Lock()
	defer f.mu.Unlock()
	f.subs = slices.DeleteFunc(f.subs, func(other *faultySubscription) bool { return other == s })
}

// hear is called by the wrapped bus.
func (s *faultySubscription) hear(payload []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	passes, cuts := s.decide()
	for i := range s.held {
		s.held[i].passes--
	}
	for _, n := range passes {
		if n == 0 {
			s.call(payload)
		} else {
			s.held = append(s.held, heldMessage{payload, n, cuts})
		}
	}
	s.release(func(h heldMessage) bool { return h.passes <= 0 })
}

// decide draws the fate of the next message: one number for each time it is to come, which is how
// many others are to pass it first. It draws equally often for every message.
func (s *faultySubscription) decide() (passes []int, cuts int) {
	f := s.faulty
	f.mu.Lock()
	defer f.mu.Unlock()
	chance, length := s.fate.Float64(), s.fate.Float64()
	upTo := func(p float64) bool { chance -= p; return chance < 0 }
	switch {
	case f.cut:
	case upTo(f.faults.Drop):
		f.counts.Dropped++
	case upTo(f.faults.Double):
		f.counts.Doubled++
		passes = []int{0, int(length * float64(f.faults.MaxDelay+1))}
	case upTo(f.faults.Reorder):
		f.counts.Reordered++
		passes = []int{1}
	case upTo(f.faults.Delay):
		f.counts.Delayed++
		passes = []int{2 + int(length*float64(f.faults.MaxDelay-1))}
	default:
		passes = []int{0}
	}
	return passes, f.cuts
}

func (s *faultySubscription) flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.release(func(heldMessage) bool { return true })
}

// release delivers the held messages that are due. The caller holds the lock.
func (s *faultySubscription) release(due func(heldMessage) bool) {
	if len(s.held) == 0 {
		return
	}
	held := s.held
	s.held = nil
	for _, h := range held {
		switch {
		case h.cuts != s.faulty.cutCount():
			// lost when the node was cut off
		case due(h):
			s.call(h.payload)
		default:
			s.held = append(s.held, h)
		}
	}
}

func (s *faultySubscription) call(payload []byte) {
	if !s.ended.Load() {
		s.fn(payload)
	}
}
