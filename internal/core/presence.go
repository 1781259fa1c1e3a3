package core

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"parley/internal/chat"
)

// TypingTTL is how long someone is shown as typing without saying so again (specs: native, typing_start).
const TypingTTL = 5 * time.Second

// presence knows who is connected, to this node and to others, and shows what.
type presence struct {
	mu     sync.RWMutex // taken by itself, but for the hook, which only queues
	people map[chat.UserID]whereabouts
	hook   func(user chat.UserID, at Attendance) // told when it changes how somebody is connected to this node

	news map[chat.UserID]struct{} // who came or went on other nodes and was not told about
	wake chan struct{}
}

// whereabouts are a person's connections to this node, and how many other nodes they are connected to; and how many of each nobody
// looks at.
type whereabouts struct{ here, idle, elsewhere, idleElsewhere int }

// Attendance is how somebody is connected to one node.
type Attendance uint8

// From not at all, over connections at which nobody looks, to one at which somebody does.
const (
	Absent Attendance = iota
	Idle
	Attending
)

func (w whereabouts) attendance() Attendance {
	switch {
	case w.here == 0:
		return Absent
	case w.idle >= w.here:
		return Idle
	}
	return Attending
}

// Moves say to how many more, or fewer, nodes somebody is connected, and at how many more or fewer of them they are idle.
type Moves struct{ Nodes, Idle int }

func newPresence() *presence {
	return &presence{people: make(map[chat.UserID]whereabouts), hook: func(chat.UserID, Attendance) {}, news: make(map[chat.UserID]struct{}), wake: make(chan struct{}, 1)}
}

// set is called with the lock held.
func (p *presence) set(user chat.UserID, w whereabouts) {
	before := p.people[user].attendance()
	if w == (whereabouts{}) {
		delete(p.people, user)
	} else {
		p.people[user] = w
	}
	if at := w.attendance(); at != before {
		p.hook(user, at)
	}
}

// OnPresence sets who is told when it changes how somebody is connected to this node. fn must only queue. Called once, before
// Start.
func (c *Core) OnPresence(fn func(user chat.UserID, at Attendance)) { c.presence.hook = fn }

// Connected counts a new connection of the actor's. The first one on any node makes the person visible. Fails with
// too_many_connections, which counts the connections to this node.
func (c *Core) Connected(ctx context.Context, by chat.Actor) error {
	user, err := c.user(ctx, by.UserID)
	if err != nil {
		return err
	}
	p := c.presence
	p.mu.Lock()
	w := p.people[by.UserID]
	if max := c.Limits.ConnectionsPerUser; max > 0 && w.here >= max {
		p.mu.Unlock()
		return chat.Errorf(chat.TooMany, "too_many_connections", "You have %d connections open, which is the most there can be. Close one first.", max)
	}
	w.here++
	p.set(by.UserID, w)
	p.mu.Unlock()
	if w == (whereabouts{here: 1}) && user.Status != chat.Offline {
		c.deliver([]chat.Event{chat.PresenceChanged{Presence: chat.Presence{UserID: user.ID, Status: user.Status, StatusMessage: user.StatusMessage}, Moved: true}})
	}
	return nil
}

// SetIdle notes that nobody looks at one more of the actor's connections to this node, or at one fewer: a page in the background,
// a person who left the desk. It changes what Attended says, not what others see. A connection that was noted must be taken back
// before it is Disconnected.
func (c *Core) SetIdle(by chat.Actor, idle bool) {
	p := c.presence
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.people[by.UserID]
	if idle {
		w.idle = min(w.idle+1, w.here)
	} else {
		w.idle = max(w.idle-1, 0)
	}
	p.set(by.UserID, w)
}

// Disconnected takes a connection back, and with it what it had (see Actor.Connection). With the last one on any node the
// person is offline, and last seen now.
func (c *Core) Disconnected(ctx context.Context, by chat.Actor) {
	c.ends(ctx, by)
	p := c.presence
	p.mu.Lock()
	w := p.people[by.UserID]
	w.here = max(0, w.here-1)
	w.idle = min(w.idle, w.here)
	p.set(by.UserID, w)
	p.mu.Unlock()
	if w.here > 0 {
		return
	}
	c.seen(by.UserID)
	if w.elsewhere > 0 {
		return
	}
	user, err := c.user(ctx, by.UserID)
	if err != nil {
		return
	}
	if user.Status != chat.Offline {
		c.deliver([]chat.Event{chat.PresenceChanged{Presence: chat.Presence{UserID: user.ID, Status: chat.Offline, StatusMessage: user.StatusMessage}, Moved: true}})
	}
}

// Elsewhere notes how people's connections to other nodes changed.
func (c *Core) Elsewhere(more map[chat.UserID]Moves) {
	p := c.presence
	p.mu.Lock()
	for user, n := range more {
		before := p.people[user]
		after := before
		after.elsewhere += n.Nodes
		after.idleElsewhere += n.Idle
		p.set(user, after)
		if (before == whereabouts{}) != (after == whereabouts{}) {
			p.news[user] = struct{}{}
		}
	}
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// tellPresence tells of those who came or went on other nodes, many at once, until ctx ends.
func (c *Core) tellPresence(ctx context.Context) {
	p := c.presence
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		}
		p.mu.Lock()
		ids := slices.Collect(maps.Keys(p.news))
		clear(p.news)
		p.mu.Unlock()
		users, err := c.users.get(ctx, ids)
		if err != nil {
			c.note(ctx, "who came and went on other nodes could not be told", err)
			continue
		}
		var events []chat.Event
		for _, user := range users {
			if user.Status != chat.Offline { // who is invisible comes and goes unseen
				events = append(events, chat.PresenceChanged{Presence: c.shown(user), Moved: true})
			}
		}
		if len(events) > 0 {
			c.deliver(events)
		}
	}
}

// shown is what others see of a person now.
func (c *Core) shown(user *chat.User) chat.Presence {
	now := c.Effective(user)
	return chat.Presence{UserID: now.ID, Status: now.Status, StatusMessage: now.StatusMessage}
}

// Effective returns the user with the status that others see now: what they chose while connected, else offline.
func (c *Core) Effective(user *chat.User) *chat.User {
	if user == nil {
		return nil
	}
	online := c.Present(user.ID)
	if online && user.Status != chat.Offline || !online && user.Status == chat.Offline {
		return user
	}
	shown := *user
	if !online {
		shown.Status = chat.Offline
	}
	return &shown
}

// Present reports whether a person has a connection to any node, whatever they show to others.
func (c *Core) Present(user chat.UserID) bool {
	c.presence.mu.RLock()
	defer c.presence.mu.RUnlock()
	_, ok := c.presence.people[user]
	return ok
}

// Attended reports whether somebody looks at one of a person's connections, to any node: then what happens is seen there, and
// need not be pushed.
func (c *Core) Attended(user chat.UserID) bool {
	c.presence.mu.RLock()
	defer c.presence.mu.RUnlock()
	w := c.presence.people[user]
	return w.here > w.idle || w.elsewhere > w.idleElsewhere
}

// Online counts the people who are connected to any node.
func (c *Core) Online() int {
	c.presence.mu.RLock()
	defer c.presence.mu.RUnlock()
	return len(c.presence.people)
}

// SetStatus changes what the person shows to others. Fails with status_invalid or status_message_too_long.
func (c *Core) SetStatus(ctx context.Context, by chat.Actor, status chat.Status, message *string) (*chat.User, error) {
	return c.UpdateProfile(ctx, by, Profile{Status: &status, StatusMessage: message})
}

// Typing tells the room that the actor is typing, or stopped. It ends by itself after TypingTTL. At a chat.Pace it counts as a
// message does. Fails as sending would.
func (c *Core) Typing(ctx context.Context, by chat.Actor, room chat.RoomID, thread chat.MessageID, typing bool) error {
	if by.Pace != (chat.Pace{}) && typing {
		if err := c.allowSend(ctx, by); err != nil {
			return err
		}
	}
	if _, err := c.allow(ctx, by, chat.CanSend, room); err != nil {
		return err
	}
	key := "typing:" + room.String() + ":" + string(by.UserID)
	if !typing {
		// While the state is away nobody knows whether they typed: then it is told once too often.
		if _, was, err := c.State.Take(ctx, key); err == nil && !was {
			return nil
		}
	} else if err := c.State.Set(ctx, key, []byte{1}, TypingTTL); err != nil {
		c.log.Debug("typing is not remembered", "error", err) // it ends by time all the same
	}
	c.emit([]chat.Event{chat.Typing{RoomID: room, UserID: by.UserID, ThreadID: thread, Typing: typing, Mark: markOf(ctx)}})
	return nil
}
