// Package redis carries the bus between nodes through the publish and subscribe of Redis 6 or newer, or Valkey.
//
// Channels of the bus are hashed onto a fixed number of channels of the engine, and an envelope names the real one. A node
// subscribes to those it needs: most new subscriptions then cost the engine nothing, a node that comes back after an outage
// has a bounded number of them to ask for, and still it does not hear everything. Sharded channels of Redis 7 (SSUBSCRIBE) do
// that for clusters of Redis, which are not supported.
//
// Databases of the engine do not separate its channels, so their names contain the number of the database. What happens on
// this node once a message has come, queues above all, belongs to package inproc; connecting belongs to redisconn.
package redis

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"parley/internal/bus"
	"parley/internal/bus/inproc"
	"parley/internal/redisconn"
)

const (
	shardCount = 1024 // the same on all nodes, or they do not hear each other

	defaultKeepAlive = 3 * time.Second
	firstDelay       = 50 * time.Millisecond // before the second attempt to reconnect; doubled each time
	lastDelay        = 2 * time.Second
)

// Options of a Bus.
type Options struct {
	// URL is the address of the engine, for redisconn.Open.
	URL string
	// Prefix begins the name of every channel in the engine; "bus:" if empty. The number of the database follows.
	Prefix string
	// Queue is how many messages may wait for one subscription; as in package inproc if 0.
	Queue int
	// KeepAlive is how long the engine may give no sign of life, for which it is asked three times as often; 3 seconds if 0.
	KeepAlive time.Duration
	// Logger is told of losses; nil: nobody is.
	Logger *slog.Logger
}

// Bus is a bus.Bus through Redis.
//
// The state is down while the engine is away, from when that is noticed until everything is subscribed to again, and while a
// queue of this node has overflowed. A node that could not publish tells all others so as soon as it can, which they pass on
// as down and up: they have missed something without an outage of their own. Subscriptions outlive outages; new ones fail
// with bus.ErrUnavailable meanwhile.
type Bus struct {
	client    *goredis.Client
	local     *inproc.Bus // has the subscriptions of this node and their queues
	health    *bus.Health
	prefix    string
	keepAlive time.Duration
	every     time.Duration // how often a line is looked after
	log       *slog.Logger

	lost    atomic.Bool // something was not published, and the others were not told yet
	noticed atomic.Bool // another node has said so, and the listeners were not told yet

	mu        sync.Mutex // not held while talking to the engine
	life      life
	line      *line          // nil while the engine is away
	localUp   bool           // no queue has overflowed
	refs      map[string]int // subscriptions, and attempts at one, by channel of the engine
	cancel    context.CancelFunc
	ended     chan struct{} // closed when nothing of run is running
	closeOnce sync.Once
}

type life int

const (
	fresh life = iota
	starting
	running
	stopped
)

var _ bus.Bus = (*Bus)(nil)

// New returns a node that is not started yet. It fails if the address cannot be understood.
func New(o Options) (*Bus, error) {
	client, err := redisconn.Open(o.URL)
	if err != nil {
		return nil, err
	}
	if o.Prefix == "" {
		o.Prefix = "bus:"
	}
	if o.KeepAlive <= 0 {
		o.KeepAlive = defaultKeepAlive
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	b := &Bus{
		client:    client,
		local:     inproc.New(inproc.Options{Queue: o.Queue}),
		health:    bus.NewHealth(),
		prefix:    o.Prefix + strconv.Itoa(client.Options().DB) + ":",
		keepAlive: o.KeepAlive,
		every:     max(o.KeepAlive/3, time.Millisecond),
		log:       o.Logger,
		localUp:   true,
		refs:      make(map[string]int),
		ended:     make(chan struct{}),
	}
	b.local.OnState(func(up bool) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.localUp = up
		b.tell()
	})
	return b, nil
}

// Start implements bus.Bus. It fails with bus.ErrUnavailable if the engine cannot be reached, after which the bus may be
// started again; when it has been started already, or stopped, with bus.ErrNotRunning.
func (b *Bus) Start(ctx context.Context) error {
	b.mu.Lock()
	if b.life != fresh {
		b.mu.Unlock()
		return bus.ErrNotRunning
	}
	b.life = starting
	b.mu.Unlock()

	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	withCaller := context.AfterFunc(ctx, cancel) // until the bus is up, the caller's context ends it all
	l, err := b.connect(background)
	withCaller()
	if err == nil {
		err = b.begin(background, cancel, l)
	} else {
		err = b.mapped(ctx, err)
	}
	if err != nil {
		cancel()
		if l != nil {
			l.end()
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.life == starting {
			b.life = fresh
		}
	}
	return err
}

// begin makes the bus running, on its first line.
func (b *Bus) begin(ctx context.Context, cancel context.CancelFunc, l *line) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.life != starting {
		return bus.ErrNotRunning // stopped meanwhile
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := b.local.Start(ctx); err != nil {
		return err
	}
	b.life, b.cancel, b.line = running, cancel, l
	b.tell()
	b.health.Start()
	go b.run(ctx, l)
	return nil
}

// Stop implements bus.Bus.
func (b *Bus) Stop(ctx context.Context) error {
	b.mu.Lock()
	b.life = stopped
	cancel := b.cancel
	b.mu.Unlock()
	var err error
	if cancel != nil {
		cancel()
		select {
		case <-b.ended:
		case <-ctx.Done():
			err = fmt.Errorf("bus: the connection is still being closed: %w", ctx.Err())
		}
	}
	b.closeOnce.Do(func() { err = errors.Join(err, b.client.Close()) })
	return errors.Join(err, b.local.Stop(ctx), b.health.Stop(ctx))
}

// Node implements bus.Bus.
func (b *Bus) Node() string { return b.local.Node() }

// OnState implements bus.Bus.
func (b *Bus) OnState(fn func(up bool)) { b.health.OnState(fn) }

// Dropped implements bus.Bus.
func (b *Bus) Dropped() uint64 { return b.local.Dropped() }

// Ping asks whether the engine answers and this node hears it, for readiness checks.
func (b *Bus) Ping(ctx context.Context) error {
	if _, err := b.present(); err != nil {
		return err
	}
	return b.mapped(ctx, b.client.Ping(ctx).Err())
}

// present returns the connection that subscriptions are on.
func (b *Bus) present() (*line, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.life != running:
		return nil, bus.ErrNotRunning
	case b.line == nil:
		return nil, fmt.Errorf("%w: reconnecting", bus.ErrUnavailable)
	}
	return b.line, nil
}

// Publish implements bus.Bus. It waits for the engine to take the message, a second or so at most. A sequence of calls is heard
// in their order. When it fails the message may have been published all the same.
func (b *Bus) Publish(ctx context.Context, channel string, payload []byte) error {
	if channel == "" {
		return fmt.Errorf("%w: empty channel", bus.ErrInvalid)
	}
	b.mu.Lock()
	ok := b.life == running
	b.mu.Unlock()
	if !ok {
		return bus.ErrNotRunning
	}
	err := b.client.Publish(ctx, b.shard(channel), message(b.Node(), channel, payload)).Err()
	if err != nil {
		b.lost.Store(true)
	}
	return b.mapped(ctx, err)
}

// shard is the channel of the engine that carries a channel of the bus.
func (b *Bus) shard(channel string) string {
	return b.prefix + strconv.Itoa(int(crc32.ChecksumIEEE([]byte(channel))%shardCount))
}

// everybody is the channel of the engine that every node hears.
func (b *Bus) everybody() string { return b.prefix + "all" }

// Subscribe implements bus.Bus. It waits for the engine only if nothing of this node hears the channel's shard yet.
func (b *Bus) Subscribe(ctx context.Context, channel string, fn func(payload []byte)) (cancel func(), err error) {
	if channel == "" || fn == nil {
		return nil, fmt.Errorf("%w: a subscription needs a channel and a function", bus.ErrInvalid)
	}
	shard := b.shard(channel)
	b.refer(shard, 1) // first of all: a line that replaces the present one then hears the shard as well
	l, err := b.present()
	if err == nil {
		err = l.join(ctx, shard)
	}
	var unsubscribe func()
	if err == nil {
		unsubscribe, err = b.local.Subscribe(ctx, channel, fn)
	}
	if err != nil {
		b.refer(shard, -1)
		return nil, b.mapped(ctx, err)
	}
	var once sync.Once
	return func() {
		unsubscribe()
		once.Do(func() { b.refer(shard, -1) })
	}, nil
}

func (b *Bus) refer(shard string, delta int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.refs[shard] += delta; b.refs[shard] == 0 {
		delete(b.refs, shard)
	}
}

// wanted returns the channels of the engine that this node needs to hear.
func (b *Bus) wanted() map[string]bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := map[string]bool{b.everybody(): true}
	for shard := range b.refs {
		all[shard] = true
	}
	return all
}

// tell is called with the lock held.
func (b *Bus) tell() {
	if b.life == running {
		b.health.Set(b.line != nil && b.localUp)
	}
}

// mapped turns an error of the engine into one of the port.
func (b *Bus) mapped(ctx context.Context, err error) error {
	if err == nil || errors.Is(err, bus.ErrUnavailable) || errors.Is(err, bus.ErrNotRunning) {
		return err
	}
	b.mu.Lock()
	over := b.life == stopped
	b.mu.Unlock()
	if over {
		return bus.ErrNotRunning
	}
	if ended := redisconn.Ended(ctx); ended != nil {
		return fmt.Errorf("bus: %w", ended)
	}
	if redisconn.Unavailable(err) {
		return fmt.Errorf("%w: %w", bus.ErrUnavailable, err)
	}
	return fmt.Errorf("bus: %w", err)
}

// run listens on l, and on the lines that replace it, until the context ends.
func (b *Bus) run(ctx context.Context, l *line) {
	defer close(b.ended)
	for l != nil {
		err := b.listen(ctx, l)
		b.mu.Lock()
		b.line = nil
		b.tell()
		b.mu.Unlock()
		l.end()
		if ctx.Err() != nil {
			return
		}
		b.log.Warn("bus: connection lost", "error", err)
		if l = b.reconnect(ctx); l != nil {
			b.mu.Lock()
			b.line = l
			b.tell()
			b.mu.Unlock()
			b.log.Info("bus: connected again")
		}
	}
}

// reconnect tries until it succeeds or the context ends; then it returns nil.
func (b *Bus) reconnect(ctx context.Context) *line {
	for delay := firstDelay; ; delay = min(2*delay, lastDelay) {
		l, err := b.connect(ctx)
		if err == nil {
			return l
		}
		// Half of the delay is chance, so that the nodes of an engine that comes back do not all knock at once.
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(delay/2 + rand.N(delay/2)):
		}
	}
}

// listen passes on what comes until the line breaks.
func (b *Bus) listen(ctx context.Context, l *line) error {
	for {
		got, err := l.receive(ctx, 0)
		if err != nil {
			return err
		}
		b.hear(ctx, got)
	}
}

// hear passes a message on to the subscriptions of this node. What it cannot understand may come from a newer version.
func (b *Bus) hear(ctx context.Context, got *goredis.Message) {
	if got == nil {
		return
	}
	e, ok := open([]byte(got.Payload))
	switch {
	case !ok:
		b.log.Debug("bus: a message that cannot be understood", "channel", got.Channel)
	case e.kind == kindLoss:
		b.noticed.Store(true)
	case e.kind == kindMessage && e.channel != "":
		_ = b.local.Publish(ctx, e.channel, e.payload) // fails only after the stop
	}
}

// settle tells what has been lost since it was called last: the other nodes of what was not published, and the listeners of
// what others did not. The line calls it now and then, so that many losses are told as few.
func (b *Bus) settle(ctx context.Context) {
	if b.lost.Swap(false) {
		if err := b.client.Publish(ctx, b.everybody(), loss(b.Node())).Err(); err != nil {
			b.lost.Store(true)
		}
	}
	if b.noticed.Swap(false) {
		b.log.Info("bus: a node could not publish for a while")
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.life == running {
			b.health.Set(false)
			b.tell()
		}
	}
}
