// Package redis keeps volatile state in Redis 6 or newer, or Valkey, shared by all nodes that use the same database of it.
//
// Values are strings there, limiters lists and ordered sets sorted sets, so that the engine itself tells the kinds apart. What
// takes more than one command is a script, which the engine runs as one. Clusters of Redis are not supported.
//
// How connections are made belongs to package redisconn.
package redis

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"parley/internal/redisconn"
	"parley/internal/state"
)

// Options of a Store.
type Options struct {
	// URL is the address of the engine, for redisconn.Open.
	URL string
	// Prefix begins every key in the engine; "state:" if empty.
	Prefix string
}

// Store is a state.Store in Redis.
//
// While the engine does not answer, calls fail with state.ErrUnavailable: the first within about a second, the others at once.
// A changing call that fails so may have been carried out all the same, at the latest when the engine goes on.
type Store struct {
	client *goredis.Client
	prefix string
	life   atomic.Int32 // one of the following
}

const (
	fresh int32 = iota
	starting
	running
	stopped
)

var _ state.Store = (*Store)(nil)

// New returns a store that is not started yet. It fails if the address cannot be understood.
func New(o Options) (*Store, error) {
	client, err := redisconn.Open(o.URL)
	if err != nil {
		return nil, err
	}
	if o.Prefix == "" {
		o.Prefix = "state:"
	}
	return &Store{client: client, prefix: o.Prefix}, nil
}

// Start implements state.Store. It fails with state.ErrUnavailable if the engine cannot be reached, after which the store may
// be started again; when it has been started already, or stopped, with state.ErrNotRunning.
func (s *Store) Start(ctx context.Context) error {
	if !s.life.CompareAndSwap(fresh, starting) {
		return state.ErrNotRunning
	}
	if err := s.client.Ping(ctx).Err(); err != nil {
		err = s.mapped(ctx, err)
		s.life.CompareAndSwap(starting, fresh)
		return err
	}
	if !s.life.CompareAndSwap(starting, running) {
		return state.ErrNotRunning // stopped meanwhile
	}
	return nil
}

// Stop implements state.Store. What was stored stays in the engine.
func (s *Store) Stop(context.Context) error {
	if s.life.Swap(stopped) == stopped {
		return nil
	}
	return s.client.Close()
}

// Ping asks whether the engine answers, for readiness checks.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.ready(); err != nil {
		return err
	}
	return s.mapped(ctx, s.client.Ping(ctx).Err())
}

func (s *Store) ready() error {
	if s.life.Load() != running {
		return state.ErrNotRunning
	}
	return nil
}

func (s *Store) key(key string) string { return s.prefix + key }

// mapped turns an error of the engine into one of the port. Goredis.Nil has to be dealt with before.
func (s *Store) mapped(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if s.life.Load() == stopped {
		return state.ErrNotRunning
	}
	if ended := redisconn.Ended(ctx); ended != nil {
		return fmt.Errorf("state: %w", ended)
	}
	switch {
	case redisconn.WrongType(err):
		return state.ErrWrongKind
	case redisconn.NotInteger(err):
		return state.ErrNotNumber
	case redisconn.Full(err):
		return fmt.Errorf("%w: %w", state.ErrFull, err)
	case redisconn.Unavailable(err):
		return fmt.Errorf("%w: %w", state.ErrUnavailable, err)
	}
	return fmt.Errorf("state: %w", err)
}

// millis rounds a TTL up to what the engine can count; 0 stays 0.
func millis(ttl time.Duration) int64 {
	ms := ttl.Milliseconds()
	if ttl%time.Millisecond != 0 {
		ms++
	}
	return ms
}

// expiry is the same as a Duration, for the commands that take one.
func expiry(ttl time.Duration) time.Duration {
	return time.Duration(min(millis(ttl), math.MaxInt64/int64(time.Millisecond))) * time.Millisecond
}

var touchScript = goredis.NewScript(`
local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'none' then return 0 end
if kind == 'list' then return redis.error_reply('WRONGTYPE a limiter keeps its own time') end
if ARGV[1] == '0' then
  redis.call('PERSIST', KEYS[1])
else
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
return 1
`)

// Touch implements state.Store.
func (s *Store) Touch(ctx context.Context, key string, ttl time.Duration) (bool, error) {
	if err := errors.Join(state.CheckTTL(ttl), s.ready()); err != nil {
		return false, err
	}
	n, err := touchScript.Run(ctx, s.client, []string{s.key(key)}, millis(ttl)).Int()
	return n == 1, s.mapped(ctx, err)
}

// Delete implements state.Store.
func (s *Store) Delete(ctx context.Context, keys ...string) error {
	if err := s.ready(); err != nil || len(keys) == 0 {
		return err
	}
	return s.mapped(ctx, s.client.Unlink(ctx, s.keys(keys)...).Err())
}

func (s *Store) keys(keys []string) []string {
	all := make([]string, len(keys))
	for i, key := range keys {
		all[i] = s.key(key)
	}
	return all
}
