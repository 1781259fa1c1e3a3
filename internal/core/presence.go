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
	hook   func(user chat.UserID, here bool) // told when somebody's first connection to this node comes and the last one goes

	news map[chat.UserID]struct{} // who came or went on other nodes and was not told about
	wake chan struct{}
}

// whereabouts are a person's connections to this node, and how many other nodes they are connected to.
type whereabouts struct{ here, elsewhere int }

func newPresence() *presence {
	return &presence{people: make(map[chat.UserID]whereabouts), hook: func(chat.UserID, bool) {}, news: make(map[chat.UserID]struct{}), wake: make(chan struct{}, 1)}
}

// set is called with the lock held.
func (p *presence) set(user chat.UserID, w whereabouts) {
	if w == (whereabouts{}) {
		delete(p.people, user)
	} else {
		p.people[user] = w
	}
}

// OnPresence sets who is told when somebody's first connection to this node comes and when the last one goes. fn must only
// queue. Called once, before Start.
func (c *Core) OnPresence(fn func(user chat.UserID, here bool)) { c.presence.hook = fn }

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
	if w.here == 1 {
		p.hook(by.UserID, true)
	}
	p.mu.Unlock()
	if w == (whereabouts{here: 1}) && user.Status != chat.Offline {
		c.deliver([]chat.Event{chat.PresenceChanged{Presence: chat.Presence{UserID: user.ID, Status: user.Status, StatusMessage: user.StatusMessage}}})
	}
	return nil
}

// Disconnected takes a connection back, and with it what it had (see Actor.Connection). With the last one on any node the
// person is offline, and last seen now.
func (c *Core) Disconnected(ctx context.Context, by chat.Actor) {
	c.ends(ctx, by)
	p := c.presence
	p.mu.Lock()
	w := p.people[by.UserID]
	w.here = max(0, w.here-1)
	p.set(by.UserID, w)
	if w.here == 0 {
		p.hook(by.UserID, false)
	}
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
		c.deliver([]chat.Event{chat.PresenceChanged{Presence: chat.Presence{UserID: user.ID, Status: chat.Offline, StatusMessage: user.StatusMessage}}})
	}
}

// Elsewhere notes to how many more, or fewer, other nodes people are connected.
func (c *Core) Elsewhere(more map[chat.UserID]int) {
	p := c.presence
	p.mu.Lock()
	for user, n := range more {
		before := p.people[user]
		after := before
		after.elsewhere += n
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
				events = append(events, chat.PresenceChanged{Presence: c.shown(user)})
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

// Typing tells the room that the actor is typing, or stopped. It ends by itself after TypingTTL. Fails as sending would.
func (c *Core) Typing(ctx context.Context, by chat.Actor, room chat.RoomID, thread chat.MessageID, typing bool) error {
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
	c.emit([]chat.Event{chat.Typing{RoomID: room, UserID: by.UserID, ThreadID: thread, Typing: typing}})
	return nil
}
