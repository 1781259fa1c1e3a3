package redis

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"parley/internal/state"
)

// A limiter is a list of the charges in its window, oldest first: "moment:before:after", where the moment is in microseconds
// and the others are the sums of all costs charged before and after this one since the list began. What the window holds is
// then the newest "after" less the oldest "before", and where the window begins is found by halving; so an attempt costs a
// handful of commands however many charges there are.
//
// The clock is that of the engine: a window is shared by nodes whose own clocks differ. While it has been set back a limiter's
// time stands still, unless that is by more than the window, when the old charges mean nothing and are forgotten.
var allowScript = goredis.NewScript(`
local key, count, per, cost = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])

local function charge(i)
  local at, before, after = string.match(redis.call('LINDEX', key, i), '(%d+):(%d+):(%d+)')
  return tonumber(at), tonumber(before), tonumber(after)
end

-- first returns the index of the first charge that passes, given that the one at the index last does
local function first(last, passes)
  if passes(charge(0)) then return 0 end
  local fails = 0
  while last - fails > 1 do
    local middle = math.floor((fails + last) / 2)
    if passes(charge(middle)) then last = middle else fails = middle end
  end
  return last
end

local n, used, total = redis.call('LLEN', key), 0, 0
if n > 0 then
  local newest, _, sum = charge(-1)
  if now - newest >= per or newest - now > per then
    redis.call('DEL', key)
  else
    total = sum
    if newest > now then now = newest end
    local live = first(n - 1, function(at) return now - at < per end)
    if live > 0 then
      redis.call('LTRIM', key, live, -1)
      n = n - live
    end
    local _, base = charge(0)
    used = total - base
  end
end

if cost == 0 then return {1, used, 0} end
if cost > count then return {0, used, per} end
local missing = used + cost - count
if missing > 0 then
  local _, base = charge(0)
  local at = charge(first(n - 1, function(_, _, after) return after - base >= missing end))
  return {0, used, at + per - now}
end
redis.call('RPUSH', key, string.format('%.0f:%.0f:%.0f', now, total, total + cost))
redis.call('PEXPIREAT', key, string.format('%.0f', math.ceil((now + per) / 1000)))
return {1, used + cost, 0}
`)

const most = 1 << 52 // what a script can count exactly, with room for a sum

// Allow implements state.Store, by the clock of the engine and to the microsecond. It asks the engine nothing where there is
// no limit.
func (s *Store) Allow(ctx context.Context, key string, limit state.Limit, cost int) (state.Decision, error) {
	if err := errors.Join(limit.Check(cost), s.ready()); err != nil {
		return state.Decision{}, err
	}
	if limit.Unlimited() {
		return state.Decision{Allowed: true, Remaining: math.MaxInt}, nil
	}
	per := limit.Per.Microseconds()
	if limit.Per%time.Microsecond != 0 {
		per++
	}
	count := min(int64(limit.Count), most)
	answer, err := allowScript.Run(ctx, s.client, []string{s.key(key)}, count, per, cost).Int64Slice()
	if err != nil {
		return state.Decision{}, s.mapped(ctx, err)
	}
	if len(answer) != 3 {
		return state.Decision{}, fmt.Errorf("state: %d numbers from the limiter's script", len(answer))
	}
	d := state.Decision{Allowed: answer[0] == 1, Remaining: int(max(0, count-answer[1]))}
	switch {
	case d.Allowed:
	case answer[2] >= per:
		d.RetryAfter = limit.Per
	default:
		d.RetryAfter = time.Duration(answer[2]) * time.Microsecond
	}
	return d, nil
}
