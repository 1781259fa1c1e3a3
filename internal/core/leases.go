package core

import (
	"cmp"
	"context"
	"encoding/json"
	"math"
	"slices"
	"sync"
	"time"

	"parley/internal/chat"
)

// Leases end by themselves so long after their node was last heard of; a node renews its own in good time.
const (
	leaseTime  = time.Minute
	leaseRenew = 20 * time.Second
)

// lease is something that lasts no longer than the connection that took it.
type lease[T any] struct {
	Key        string    `json:"key"` // what it is of; one lease each
	Connection string    `json:"connection"`
	Since      time.Time `json:"since"`
	Item       T         `json:"item"`
}

// leases are all of one kind, on all nodes: who takes part in voice rooms, which commands bots answer. They are kept in the
// volatile state, each as a value of its own, and a set says when each was renewed last. The node of the connection renews
// them; those of a node that died are given up by whichever node finds them first.
type leases[T any] struct {
	core *Core
	name string // begins the keys

	mu  sync.Mutex // taken by itself
	own map[string]lease[T]
}

func newLeases[T any](c *Core, name string) *leases[T] {
	return &leases[T]{core: c, name: name, own: make(map[string]lease[T])}
}

func (l *leases[T]) renewed() string            { return l.name + ":renewed" }
func (l *leases[T]) value(key string) string    { return l.name + ":lease:" + key }
func (l *leases[T]) score(at time.Time) float64 { return float64(at.UnixMilli()) }

// put stores a lease of a connection to this node. The caller has locked what it is of.
func (l *leases[T]) put(ctx context.Context, x lease[T]) error {
	text, err := json.Marshal(x)
	if err != nil {
		return err
	}
	if err := l.core.State.Set(ctx, l.value(x.Key), text, 4*leaseTime); err != nil {
		return unavailable(err)
	}
	if err := l.core.State.SetAdd(ctx, l.renewed(), x.Key, l.score(l.core.now()), 4*leaseTime); err != nil {
		return unavailable(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.own[x.Key] = x
	return nil
}

// get returns the lease of a key.
func (l *leases[T]) get(ctx context.Context, key string) (x lease[T], ok bool, err error) {
	text, ok, err := l.core.State.Get(ctx, l.value(key))
	if err != nil || !ok {
		return x, false, unavailable(err)
	}
	return x, json.Unmarshal(text, &x) == nil, nil
}

// drop ends the lease of a key, if the connection has it; "" is whichever. Of several who do at the same time one is told
// true. The caller has locked what it is of.
func (l *leases[T]) drop(ctx context.Context, key, connection string) (x lease[T], dropped bool, err error) {
	l.forget(key, connection)
	x, ok, err := l.get(ctx, key)
	if err != nil || !ok || connection != "" && x.Connection != connection {
		return x, false, err
	}
	n, err := l.core.State.SetRemove(ctx, l.renewed(), key)
	if err != nil || n == 0 {
		return x, false, unavailable(err)
	}
	return x, true, unavailable(l.core.State.Delete(ctx, l.value(key)))
}

// forget stops renewing a lease.
func (l *leases[T]) forget(key, connection string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if x, ok := l.own[key]; ok && (connection == "" || x.Connection == connection) {
		delete(l.own, key)
	}
}

// all returns every lease, oldest first.
func (l *leases[T]) all(ctx context.Context) ([]lease[T], error) {
	return l.between(ctx, l.score(l.core.now().Add(-leaseTime)), math.Inf(1))
}

func (l *leases[T]) between(ctx context.Context, from, to float64) (all []lease[T], err error) {
	members, err := l.core.State.SetRange(ctx, l.renewed(), from, to, 0)
	if err != nil || len(members) == 0 {
		return nil, unavailable(err)
	}
	keys := make([]string, len(members))
	for i, m := range members {
		keys[i] = l.value(m.Name)
	}
	values, err := l.core.State.GetMany(ctx, keys)
	if err != nil {
		return nil, unavailable(err)
	}
	for _, text := range values {
		var x lease[T]
		if text != nil && json.Unmarshal(text, &x) == nil { // else it ended in between
			all = append(all, x)
		}
	}
	slices.SortFunc(all, func(a, b lease[T]) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Key, b.Key)) })
	return all, nil
}

// mine returns the leases of connections to this node.
func (l *leases[T]) mine() (own []lease[T]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, x := range l.own {
		own = append(own, x)
	}
	return own
}

// of returns the leases that one connection to this node has.
func (l *leases[T]) of(connection string) (own []lease[T]) {
	if connection == "" {
		return nil
	}
	return slices.DeleteFunc(l.mine(), func(x lease[T]) bool { return x.Connection != connection })
}

// renew keeps this node's leases alive, brings back those that the state lost, and forgets those that went over to a
// connection elsewhere.
func (l *leases[T]) renew(ctx context.Context) error {
	for _, x := range l.mine() {
		err := l.core.locked(ctx, l.value(x.Key), func() error {
			now, ok, err := l.get(ctx, x.Key)
			switch {
			case err != nil:
				return err
			case ok && now.Connection != x.Connection:
				l.forget(x.Key, x.Connection)
				return nil
			}
			l.mu.Lock()
			latest, still := l.own[x.Key]
			l.mu.Unlock()
			if !still {
				return nil
			}
			return l.put(ctx, latest)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// overdue ends the leases that nobody renewed, and returns those that this call ended.
func (l *leases[T]) overdue(ctx context.Context) (ended []lease[T], err error) {
	late := l.score(l.core.now().Add(-leaseTime))
	all, err := l.between(ctx, math.Inf(-1), late)
	if err != nil {
		return nil, err
	}
	for _, x := range all {
		n, err := l.core.State.SetRemove(ctx, l.renewed(), x.Key)
		if err != nil {
			return ended, unavailable(err)
		}
		if n > 0 {
			ended = append(ended, x)
			if err := l.core.State.Delete(ctx, l.value(x.Key)); err != nil {
				return ended, unavailable(err)
			}
		}
	}
	return ended, nil
}

// How long a lock holds if its holder dies, how long one waits for it, and after what time one looks again.
const (
	lockTime  = 10 * time.Second
	lockWait  = 5 * time.Second
	lockAgain = 5 * time.Millisecond
)

// locked runs fn while no other node, and nobody else here, runs one under the same key. Locks are not nested. Fails with
// unavailable when the state is away or the lock is not to be had.
func (c *Core) locked(ctx context.Context, key string, fn func() error) error {
	key = "lock:" + key
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	for {
		mine, err := c.State.SetIfAbsent(ctx, key, []byte{1}, lockTime)
		if err != nil {
			return unavailable(err)
		}
		if mine {
			break
		}
		select {
		case <-ctx.Done():
			return unavailable(ctx.Err())
		case <-time.After(lockAgain):
		}
	}
	defer func() { _ = c.State.Delete(context.WithoutCancel(ctx), key) }() // else it ends by itself
	return fn()
}

// unavailable is the error of something that needs the volatile state while that is away; nil stays nil.
func unavailable(err error) error {
	if err == nil {
		return nil
	}
	return &chat.Error{Kind: chat.Unavailable, Code: "unavailable", Text: "The server is not complete at the moment. Try again soon.", Cause: err}
}

// ends is called when a connection is over, and gives back what it had.
func (c *Core) ends(ctx context.Context, by chat.Actor) {
	for _, x := range c.voice.of(by.Connection) {
		c.note(ctx, "a participant of a voice room could not be taken out", c.leaveVoice(ctx, x.Item.UserID, by.Connection))
	}
	for _, x := range c.commands.of(by.Connection) {
		c.note(ctx, "commands of a connection that ended could not be taken back", c.dropCommands(ctx, x.Item.UserID, by.Connection))
	}
}

// entitle asks that it be looked anew whether those on this node who have something may still have it.
func (c *Core) entitle(ev chat.Event) {
	switch e := ev.(type) {
	case chat.UserChanged:
		c.suspect(e.User.ID)
	case chat.SanctionChanged:
		c.suspect(e.Sanction.UserID)
	case chat.MemberLeft:
		c.suspect(e.UserID)
	case chat.RoomChanged, chat.RoomDeleted, chat.RolesChanged:
		c.suspect("")
	}
}

// suspect wakes who looks, if the person has anything here; "" is anybody.
func (c *Core) suspect(user chat.UserID) {
	if !c.voice.has(string(user)) && !c.commands.has(string(user)) {
		return
	}
	select {
	case c.doubt <- struct{}{}:
	default:
	}
}

// has reports whether this node has a lease of a key; "" is any.
func (l *leases[T]) has(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ok := l.own[key]
	return ok || key == "" && len(l.own) > 0
}

// tendLeases keeps leases until ctx ends.
func (c *Core) tendLeases(ctx context.Context) {
	renew := time.NewTicker(leaseRenew)
	defer renew.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.doubt:
			c.note(ctx, "who may still take part in voice rooms could not be found out", c.recheckVoice(ctx))
			c.note(ctx, "who may still answer commands could not be found out", c.recheckCommands(ctx))
		case <-renew.C:
			c.note(ctx, "voice rooms and commands could not be kept", c.renewLeases(ctx))
		}
	}
}

// renewLeases renews those of this node and ends those of nodes that are gone.
func (c *Core) renewLeases(ctx context.Context) error {
	if err := c.voice.renew(ctx); err != nil {
		return err
	}
	if err := c.commands.renew(ctx); err != nil {
		return err
	}
	gone, err := c.voice.overdue(ctx)
	for _, x := range gone {
		c.emit([]chat.Event{chat.VoiceLeft{RoomID: x.Item.RoomID, UserID: x.Item.UserID}})
	}
	if err != nil {
		return err
	}
	silent, err := c.commands.overdue(ctx)
	for _, x := range silent {
		c.emit([]chat.Event{chat.CommandsRemoved{Names: x.Item.names()}})
	}
	return err
}
