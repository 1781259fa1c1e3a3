package redis

import (
	"context"
	"errors"
	"strconv"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"parley/internal/state"
)

// Set implements state.Store.
func (s *Store) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if err := errors.Join(state.CheckTTL(ttl), s.ready()); err != nil {
		return err
	}
	return s.mapped(ctx, s.client.Set(ctx, s.key(key), value, expiry(ttl)).Err())
}

// SetIfAbsent implements state.Store.
func (s *Store) SetIfAbsent(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error) {
	if err := errors.Join(state.CheckTTL(ttl), s.ready()); err != nil {
		return false, err
	}
	args := goredis.SetArgs{Mode: "NX", TTL: expiry(ttl)}
	switch err := s.client.SetArgs(ctx, s.key(key), value, args).Err(); {
	case errors.Is(err, goredis.Nil):
		return false, nil
	case err != nil:
		return false, s.mapped(ctx, err)
	}
	return true, nil
}

// Get implements state.Store.
func (s *Store) Get(ctx context.Context, key string) ([]byte, bool, error) {
	if err := s.ready(); err != nil {
		return nil, false, err
	}
	value, err := s.client.Get(ctx, s.key(key)).Bytes()
	return s.value(ctx, value, err)
}

func (s *Store) value(ctx context.Context, value []byte, err error) ([]byte, bool, error) {
	switch {
	case errors.Is(err, goredis.Nil):
		return nil, false, nil
	case err != nil:
		return nil, false, s.mapped(ctx, err)
	case value == nil:
		value = []byte{} // nil says absent
	}
	return value, true, nil
}

// GetMany implements state.Store.
func (s *Store) GetMany(ctx context.Context, keys []string) ([][]byte, error) {
	if err := s.ready(); err != nil || len(keys) == 0 {
		return nil, err
	}
	found, err := s.client.MGet(ctx, s.keys(keys)...).Result()
	if err != nil {
		return nil, s.mapped(ctx, err)
	}
	values := make([][]byte, len(keys))
	for i, v := range found {
		if v, ok := v.(string); ok {
			values[i] = append([]byte{}, v...)
		}
	}
	return values, nil
}

var takeScript = goredis.NewScript(` -- GETDEL is not in 6.0
local value = redis.call('GET', KEYS[1])
if value then redis.call('DEL', KEYS[1]) end
return value
`)

// Take implements state.Store.
func (s *Store) Take(ctx context.Context, key string) ([]byte, bool, error) {
	if err := s.ready(); err != nil {
		return nil, false, err
	}
	value, err := takeScript.Run(ctx, s.client, []string{s.key(key)}).Text()
	return s.value(ctx, []byte(value), err)
}

// The sum is read as text, because numbers of Lua are exact to 53 bits only.
var addScript = goredis.NewScript(`
local new = redis.call('EXISTS', KEYS[1]) == 0
redis.call('INCRBY', KEYS[1], ARGV[1])
if new and ARGV[2] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return redis.call('GET', KEYS[1])
`)

// Add implements state.Store.
func (s *Store) Add(ctx context.Context, key string, delta int64, ttl time.Duration) (int64, error) {
	if err := errors.Join(state.CheckTTL(ttl), s.ready()); err != nil {
		return 0, err
	}
	text, err := addScript.Run(ctx, s.client, []string{s.key(key)}, delta, millis(ttl)).Text()
	if err != nil {
		return 0, s.mapped(ctx, err)
	}
	return strconv.ParseInt(text, 10, 64)
}
