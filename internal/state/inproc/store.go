// Package inproc keeps volatile state in the memory of this process, for a server that is one node.
//
// Memory: a key costs about 250 bytes, a short name included. A limiter holds 16 bytes for each
// charge within its window, so at most 16 times Limit.Count; a set about 100 bytes for each member.
// Expired things are unusable at once and are freed when next met, or by a sweep within
// Options.SweepEvery. Nothing is ever evicted to make room, because dropping a limiter or a
// one-time code early would lift what it guards; past Options.MaxKeys new keys are refused with
// state.ErrFull instead, and existing ones go on working.
//
// What several nodes must agree on does not belong here.
package inproc

import (
	"context"
	"hash/maphash"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"parley/internal/state"
)

const (
	shardCount        = 128
	defaultMaxKeys    = 1 << 20
	defaultSweepEvery = 10 * time.Second
	smallMap          = 64 // entries up to which a shard's map is not worth rebuilding
	never             = math.MaxInt64
)

// Options of a Store. The zero value is the default.
type Options struct {
	// Now is the clock; time.Now if nil. It is called with a lock held and must not call the store.
	Now func() time.Time
	// SweepEvery is how often expired things that nobody asked for are freed; 10 s if 0.
	SweepEvery time.Duration
	// MaxKeys bounds the number of keys, expired and unswept ones included; 1,048,576 if 0.
	MaxKeys int
}

// Store is a state.Store in memory.
type Store struct {
	now        func() time.Time
	base       time.Time // times are kept as nanoseconds since base, which makes them monotonic
	sweepEvery time.Duration
	maxKeys    int64

	seed    maphash.Seed
	shards  [shardCount]shard
	keys    atomic.Int64
	running atomic.Bool

	lifecycle sync.Mutex
	started   bool
	stop      chan struct{}
	swept     chan struct{} // closed when the sweeper has ended
}

var _ state.Store = (*Store)(nil)

type shard struct {
	mu      sync.Mutex
	entries map[string]*entry
	peak    int      // size of entries since it was last rebuilt: maps do not shrink by themselves
	_       [40]byte // keeps neighbouring locks off one cache line
}

// entry holds one thing: a limiter or a set where that is not nil, a value otherwise.
type entry struct {
	expires int64 // alive while now < expires
	limiter *window
	set     *orderedSet
	value   []byte
}

func (e *entry) isValue() bool { return e.limiter == nil && e.set == nil }

// New returns a store that is not started yet.
func New(opts Options) *Store {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.SweepEvery <= 0 {
		opts.SweepEvery = defaultSweepEvery
	}
	if opts.MaxKeys <= 0 {
		opts.MaxKeys = defaultMaxKeys
	}
	s := &Store{
		now:        opts.Now,
		base:       opts.Now(),
		sweepEvery: opts.SweepEvery,
		maxKeys:    int64(opts.MaxKeys),
		seed:       maphash.MakeSeed(),
		stop:       make(chan struct{}),
		swept:      make(chan struct{}),
	}
	for i := range s.shards {
		s.shards[i].entries = make(map[string]*entry)
	}
	return s
}

// Start implements state.Store. A second Start, or one after Stop, fails with state.ErrNotRunning.
func (s *Store) Start(context.Context) error {
	s.lifecycle.Lock()
	defer s.lifecycle.Unlock()
	if s.started {
		return state.ErrNotRunning
	}
	s.started = true
	s.running.Store(true)
	go s.sweepLoop()
	return nil
}

// Stop implements state.Store. What was stored is forgotten.
func (s *Store) Stop(context.Context) error {
	s.lifecycle.Lock()
	defer s.lifecycle.Unlock()
	if !s.running.Swap(false) {
		s.started = true // a store stopped before its start stays stopped
		return nil
	}
	close(s.stop)
	<-s.swept // the sweeper waits for nothing but the lock of a shard
	return nil
}

// Keys returns how many keys are held, expired ones that were not swept yet included.
func (s *Store) Keys() int { return int(s.keys.Load()) }

func (s *Store) sweepLoop() {
	defer close(s.swept)
	tick := time.NewTicker(s.sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
			s.sweep()
		}
	}
}

// sweep frees what has expired, one shard at a time, so that no caller waits for all of it.
func (s *Store) sweep() {
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.Lock()
		now := s.clock()
		for key, e := range sh.entries {
			if e.expires <= now {
				s.drop(sh, key)
			}
		}
		if sh.peak > smallMap && len(sh.entries) < sh.peak/4 {
			rebuilt := make(map[string]*entry, len(sh.entries))
			for key, e := range sh.entries {
				rebuilt[key] = e
			}
			sh.entries, sh.peak = rebuilt, len(rebuilt)
		}
		sh.mu.Unlock()
	}
}

func (s *Store) clock() int64 { return int64(s.now().Sub(s.base)) }

// lock locks the shard of key and reads the clock under that lock, so that whoever comes later
// also sees a later time. The caller unlocks, unless there is an error.
func (s *Store) lock(key string) (*shard, int64, error) {
	if !s.running.Load() {
		return nil, 0, state.ErrNotRunning
	}
	sh := &s.shards[maphash.String(s.seed, key)%shardCount]
	sh.mu.Lock()
	return sh, s.clock(), nil
}

// live returns what key holds at now, or nil. It frees what has expired.
func (s *Store) live(sh *shard, key string, now int64) *entry {
	e := sh.entries[key]
	if e != nil && e.expires <= now {
		s.drop(sh, key)
		return nil
	}
	return e
}

// put stores e under key, replacing what is there.
func (s *Store) put(sh *shard, key string, e *entry) error {
	if _, ok := sh.entries[key]; !ok {
		if s.keys.Add(1) > s.maxKeys {
			s.keys.Add(-1)
			return state.ErrFull
		}
	}
	sh.entries[key] = e
	sh.peak = max(sh.peak, len(sh.entries))
	return nil
}

func (s *Store) drop(sh *shard, key string) {
	delete(sh.entries, key)
	s.keys.Add(-1)
}

// Touch implements state.Store.
func (s *Store) Touch(_ context.Context, key string, ttl time.Duration) (bool, error) {
	if err := state.CheckTTL(ttl); err != nil {
		return false, err
	}
	sh, now, err := s.lock(key)
	if err != nil {
		return false, err
	}
	defer sh.mu.Unlock()
	e := s.live(sh, key, now)
	if e == nil {
		return false, nil
	}
	if e.limiter != nil {
		return false, state.ErrWrongKind
	}
	e.expires = expiry(now, ttl)
	return true, nil
}

// Delete implements state.Store.
func (s *Store) Delete(_ context.Context, keys ...string) error {
	if !s.running.Load() {
		return state.ErrNotRunning
	}
	for _, key := range keys {
		sh, now, err := s.lock(key)
		if err != nil {
			return err
		}
		if s.live(sh, key, now) != nil {
			s.drop(sh, key)
		}
		sh.mu.Unlock()
	}
	return nil
}

func expiry(now int64, ttl time.Duration) int64 {
	if ttl == 0 || now > never-int64(ttl) {
		return never
	}
	return now + int64(ttl)
}

// clone copies b; the result is never nil, because nil says absent.
func clone(b []byte) []byte { return append([]byte{}, b...) }
