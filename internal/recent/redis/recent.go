// Package redis keeps recent messages in Redis 6 or newer, or Valkey, shared by all nodes that use the same database of it.
//
// How connections are made belongs to package redisconn.
package redis

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"parley/internal/chat"
	"parley/internal/recent"
	"parley/internal/redisconn"
)

const defaultTTL = 24 * time.Hour

// Options of a Recent.
type Options struct {
	// URL is the address of the engine, for redisconn.Open.
	URL string
	// Prefix begins every key in the engine; "recent:" if empty.
	Prefix string
	// TTL is how long a room is kept that is neither written nor read; 24 hours if 0.
	TTL time.Duration
}

// Recent is a recent.Recent in Redis.
type Recent struct {
	client *goredis.Client
	prefix string
	ttl    int64 // milliseconds
	life   atomic.Int32
}

const (
	fresh int32 = iota
	starting
	running
	stopped
)

var _ recent.Recent = (*Recent)(nil)

// New returns a Recent that is not started yet. It fails if the address cannot be understood.
func New(o Options) (*Recent, error) {
	client, err := redisconn.Open(o.URL)
	if err != nil {
		return nil, err
	}
	if o.Prefix == "" {
		o.Prefix = "recent:"
	}
	if o.TTL <= 0 {
		o.TTL = defaultTTL
	}
	return &Recent{client: client, prefix: o.Prefix, ttl: max(o.TTL.Milliseconds(), 1)}, nil
}

// Start returns when the engine has answered. It fails with recent.ErrUnavailable if that cannot be reached, after which it may
// be called again; when it has been started already, or stopped, with recent.ErrNotRunning.
func (r *Recent) Start(ctx context.Context) error {
	if !r.life.CompareAndSwap(fresh, starting) {
		return recent.ErrNotRunning
	}
	if err := r.client.Ping(ctx).Err(); err != nil {
		err = r.mapped(ctx, err)
		r.life.CompareAndSwap(starting, fresh)
		return err
	}
	if !r.life.CompareAndSwap(starting, running) {
		return recent.ErrNotRunning // stopped meanwhile
	}
	return nil
}

// Stop closes the connections; what is kept stays in the engine. It may be called twice.
func (r *Recent) Stop(context.Context) error {
	if r.life.Swap(stopped) == stopped {
		return nil
	}
	return r.client.Close()
}

// A room is two keys. The hash has "u", every change up to which is known (0: not filled), "l", the latest heard of, "n", how
// many messages there are, "a<change>" for each change that is known ahead of a missing one, and under its place each message,
// as "<change>:<encoded>". The sorted set has the places. An engine short of memory may evict one key of the two: then "n" is
// wrong, and the room is forgotten.
const prelude = `
local h, o, size, ttl = KEYS[1], KEYS[2], tonumber(ARGV[1]), ARGV[2]

local function text(n) return string.format('%.0f', n) end
local function number(field) return tonumber(redis.call('HGET', h, field) or '0') end

if number('n') ~= redis.call('ZCARD', o) then redis.call('DEL', h, o) end
local upto, last = number('u'), number('l')

local function renew()
  redis.call('PEXPIRE', h, ttl)
  redis.call('PEXPIRE', o, ttl)
end

local function save()
  redis.call('HSET', h, 'u', text(upto), 'l', text(last), 'n', text(redis.call('ZCARD', o)))
  renew()
end

-- put adds the state of a message unless a later one is there or the message is older than all that are kept
local function put(seq, change, encoded)
  local held = redis.call('HGET', h, seq)
  if held then
    if tonumber(string.match(held, '^%d+')) >= tonumber(change) then return end
  else
    if redis.call('ZCARD', o) >= size then
      local lowest = redis.call('ZRANGE', o, 0, 0)[1]
      if tonumber(seq) < tonumber(lowest) then return end
      redis.call('ZREM', o, lowest)
      redis.call('HDEL', h, lowest)
    end
    redis.call('ZADD', o, seq, seq)
  end
  redis.call('HSET', h, seq, change .. ':' .. encoded)
end

-- advance counts the changes that follow without a gap
local function advance()
  while upto > 0 and redis.call('HDEL', h, 'a' .. text(upto + 1)) == 1 do upto = upto + 1 end
end
`

var pushScript = goredis.NewScript(prelude + `
local pending = tonumber(ARGV[3])
for i = 4, #ARGV, 3 do
  local seq, change = ARGV[i], tonumber(ARGV[i + 1])
  if change > upto then
    if seq ~= '0' then put(seq, ARGV[i + 1], ARGV[i + 2]) end
    if change > last then last = change end
    if upto > 0 and change == upto + 1 then
      upto = change
      redis.call('HDEL', h, 'a' .. ARGV[i + 1])
    else
      redis.call('HSET', h, 'a' .. ARGV[i + 1], '')
    end
  end
end
advance()
save()
if redis.call('HLEN', h) - redis.call('ZCARD', o) - 3 > pending then
  redis.call('DEL', h, o)
  upto = 0
  save()
end
return 1
`)

// Push implements recent.Recent.
func (r *Recent) Push(ctx context.Context, room chat.RoomID, changes ...recent.Change) error {
	for _, c := range changes {
		if err := c.Check(); err != nil {
			return err
		}
	}
	if len(changes) == 0 {
		return r.ready()
	}
	_, err := r.run(ctx, pushScript, room, arguments(changes, recent.Pending)...)
	return err
}

// arguments are the ones of a script after those that all have, then three for each change.
func arguments(changes []recent.Change, first ...any) []any {
	for _, c := range changes {
		first = append(first, int64(c.Seq), int64(c.ChangeSeq), c.Encoded)
	}
	return first
}

var fillScript = goredis.NewScript(prelude + `
local asof = tonumber(ARGV[3])
if asof <= upto then return 0 end
local known = redis.call('HGETALL', h)
redis.call('DEL', h, o)
upto = asof
if last < asof then last = asof end
for i = 4, #ARGV, 3 do put(ARGV[i], ARGV[i + 1], ARGV[i + 2]) end
for i = 1, #known, 2 do
  local field, value = known[i], known[i + 1]
  if string.sub(field, 1, 1) == 'a' then
    if tonumber(string.sub(field, 2)) > asof then redis.call('HSET', h, field, '') end
  elseif tonumber(field) then
    local colon = string.find(value, ':', 1, true)
    local change = string.sub(value, 1, colon - 1)
    if tonumber(change) > asof then put(field, change, string.sub(value, colon + 1)) end
  end
end
advance()
save()
return 1
`)

// Fill implements recent.Recent.
func (r *Recent) Fill(ctx context.Context, room chat.RoomID, asOf chat.Seq, newest []recent.Change) error {
	if err := recent.CheckFill(asOf, newest); err != nil {
		return err
	}
	_, err := r.run(ctx, fillScript, room, arguments(newest, int64(asOf))...)
	return err
}

var newestScript = goredis.NewScript(prelude + `
if upto == 0 or upto ~= last then return {text(last), 0, {}} end
renew()
local places = redis.call('ZRANGE', o, 0, -1)
if #places == 0 then return {text(last), 1, {}} end
return {text(last), 1, redis.call('HMGET', h, unpack(places))}
`)

// Newest implements recent.Recent.
func (r *Recent) Newest(ctx context.Context, room chat.RoomID) (encoded [][]byte, lastSeq chat.Seq, complete bool, err error) {
	answer, err := r.run(ctx, newestScript, room)
	if err != nil {
		return nil, 0, false, err
	}
	return read(answer)
}

// read takes the answer of newestScript apart.
func read(answer any) (encoded [][]byte, lastSeq chat.Seq, complete bool, err error) {
	parts, _ := answer.([]any)
	if len(parts) != 3 {
		return nil, 0, false, fmt.Errorf("recent: answer of %T with %d parts", answer, len(parts))
	}
	text, _ := parts[0].(string)
	last, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return nil, 0, false, fmt.Errorf("recent: latest change: %w", err)
	}
	if parts[1] != int64(1) {
		return nil, chat.Seq(last), false, nil
	}
	messages, _ := parts[2].([]any)
	for _, m := range messages {
		text, _ := m.(string)
		_, message, ok := bytes.Cut([]byte(text), []byte(":"))
		if !ok {
			return nil, 0, false, fmt.Errorf("recent: a message of %d bytes without its change", len(text))
		}
		encoded = append(encoded, message)
	}
	return encoded, chat.Seq(last), true, nil
}

var dropScript = goredis.NewScript(prelude + `
redis.call('DEL', h, o)
upto = 0
if last > 0 then save() end
return 1
`)

// Drop implements recent.Recent.
func (r *Recent) Drop(ctx context.Context, room chat.RoomID) error {
	_, err := r.run(ctx, dropScript, room)
	return err
}

// run runs a script on the keys of a room.
func (r *Recent) run(ctx context.Context, script *goredis.Script, room chat.RoomID, arguments ...any) (any, error) {
	if err := r.ready(); err != nil {
		return nil, err
	}
	key := r.prefix + strconv.FormatInt(int64(room), 10)
	answer, err := script.Run(ctx, r.client, []string{key, key + ":places"}, append([]any{recent.Size, r.ttl}, arguments...)...).Result()
	return answer, r.mapped(ctx, err)
}

func (r *Recent) ready() error {
	if r.life.Load() != running {
		return recent.ErrNotRunning
	}
	return nil
}

// mapped turns an error of the engine into one of the port.
func (r *Recent) mapped(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if r.life.Load() == stopped {
		return recent.ErrNotRunning
	}
	if ended := redisconn.Ended(ctx); ended != nil {
		return fmt.Errorf("recent: %w", ended)
	}
	if redisconn.Unavailable(err) || redisconn.Full(err) {
		return fmt.Errorf("%w: %w", recent.ErrUnavailable, err)
	}
	return fmt.Errorf("recent: %w", err)
}
