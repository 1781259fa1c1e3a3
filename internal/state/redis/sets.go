package redis

import (
	"context"
	"errors"
	"math"
	"strconv"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"parley/internal/state"
)

var setAddScript = goredis.NewScript(`
redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2])
if ARGV[3] == '0' then
  redis.call('PERSIST', KEYS[1])
else
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
`)

// SetAdd implements state.Store.
func (s *Store) SetAdd(ctx context.Context, key, member string, score float64, ttl time.Duration) error {
	if err := errors.Join(state.CheckTTL(ttl), state.CheckScores(score), s.ready()); err != nil {
		return err
	}
	err := setAddScript.Run(ctx, s.client, []string{s.key(key)}, number(score), member, millis(ttl)).Err()
	if errors.Is(err, goredis.Nil) {
		return nil // what a script without a result returns
	}
	return s.mapped(ctx, err)
}

// number writes a score so that it reads back as the same one.
func number(score float64) string {
	switch {
	case math.IsInf(score, 1):
		return "+inf"
	case math.IsInf(score, -1):
		return "-inf"
	}
	return strconv.FormatFloat(score, 'g', -1, 64)
}

// SetRemove implements state.Store.
func (s *Store) SetRemove(ctx context.Context, key string, members ...string) (int, error) {
	if len(members) == 0 {
		_, err := s.SetCount(ctx, key) // is it a set?
		return 0, err
	}
	if err := s.ready(); err != nil {
		return 0, err
	}
	list := make([]any, len(members))
	for i, m := range members {
		list[i] = m
	}
	n, err := s.client.ZRem(ctx, s.key(key), list...).Result()
	return int(n), s.mapped(ctx, err)
}

// SetTrim implements state.Store.
func (s *Store) SetTrim(ctx context.Context, key string, min, max float64) (int, error) {
	if err := errors.Join(state.CheckScores(min, max), s.ready()); err != nil {
		return 0, err
	}
	n, err := s.client.ZRemRangeByScore(ctx, s.key(key), number(min), number(max)).Result()
	return int(n), s.mapped(ctx, err)
}

// SetRange implements state.Store.
func (s *Store) SetRange(ctx context.Context, key string, min, max float64, limit int) ([]state.Member, error) {
	if err := errors.Join(state.CheckScores(min, max), s.ready()); err != nil {
		return nil, err
	}
	by := &goredis.ZRangeBy{Min: number(min), Max: number(max)}
	if limit > 0 {
		by.Count = int64(limit)
	}
	found, err := s.client.ZRangeByScoreWithScores(ctx, s.key(key), by).Result()
	if err != nil || len(found) == 0 {
		return nil, s.mapped(ctx, err)
	}
	members := make([]state.Member, len(found))
	for i, z := range found {
		name, _ := z.Member.(string) // the library's type for it is any
		members[i] = state.Member{Name: name, Score: z.Score}
	}
	return members, nil
}

// SetCount implements state.Store.
func (s *Store) SetCount(ctx context.Context, key string) (int, error) {
	if err := s.ready(); err != nil {
		return 0, err
	}
	n, err := s.client.ZCard(ctx, s.key(key)).Result()
	return int(n), s.mapped(ctx, err)
}

// SetScore implements state.Store.
func (s *Store) SetScore(ctx context.Context, key, member string) (float64, bool, error) {
	if err := s.ready(); err != nil {
		return 0, false, err
	}
	score, err := s.client.ZScore(ctx, s.key(key), member).Result()
	switch {
	case errors.Is(err, goredis.Nil):
		return 0, false, nil
	case err != nil:
		return 0, false, s.mapped(ctx, err)
	}
	return score, true, nil
}
