package core

import (
	"context"
	"sync"
	"time"

	"parley/internal/chat"
)

// TypingTTL is how long someone is shown as typing without saying so again (specs: native, typing_start).
const TypingTTL = 5 * time.Second

// presence knows who is connected to this node and shows what.
type presence struct {
	mu    sync.RWMutex
	conns map[chat.UserID]int
}

func newPresence() *presence { return &presence{conns: make(map[chat.UserID]int)} }

// Connected counts a new connection of the actor's. The first one makes the person visible. Fails with
// too_many_connections.
func (c *Core) Connected(ctx context.Context, by chat.Actor) error {
	user, err := c.user(ctx, by.UserID)
	if err != nil {
		return err
	}
	c.presence.mu.Lock()
	if max := c.Limits.ConnectionsPerUser; max > 0 && c.presence.conns[by.UserID] >= max {
		c.presence.mu.Unlock()
		return chat.Errorf(chat.TooMany, "too_many_connections", "You have %d connections open, which is the most there can be. Close one first.", max)
	}
	c.presence.conns[by.UserID]++
	first := c.presence.conns[by.UserID] == 1
	c.presence.mu.Unlock()
	if first && user.Status != chat.Offline {
		c.emit([]chat.Event{chat.PresenceChanged{Presence: chat.Presence{UserID: user.ID, Status: user.Status, StatusMessage: user.StatusMessage}}})
	}
	return nil
}

// Disconnected takes a connection back. With the last one the person is offline, and last seen now.
func (c *Core) Disconnected(ctx context.Context, by chat.Actor) {
	c.presence.mu.Lock()
	left := c.presence.conns[by.UserID] - 1
	if left > 0 {
		c.presence.conns[by.UserID] = left
	} else {
		delete(c.presence.conns, by.UserID)
	}
	c.presence.mu.Unlock()
	if left > 0 {
		return
	}
	user, err := c.user(ctx, by.UserID)
	if err != nil {
		return
	}
	if user.Status != chat.Offline {
		c.emit([]chat.Event{chat.PresenceChanged{Presence: chat.Presence{UserID: user.ID, Status: chat.Offline, StatusMessage: user.StatusMessage}}})
	}
	c.seen(by.UserID)
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

// Present reports whether a person has a connection, whatever they show to others.
func (c *Core) Present(user chat.UserID) bool {
	c.presence.mu.RLock()
	defer c.presence.mu.RUnlock()
	return c.presence.conns[user] > 0
}

// Online counts the people who are connected.
func (c *Core) Online() int {
	c.presence.mu.RLock()
	defer c.presence.mu.RUnlock()
	return len(c.presence.conns)
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
	ev := chat.Typing{RoomID: room, UserID: by.UserID, ThreadID: thread, Typing: typing}
	if !typing {
		if _, was, err := c.State.Take(ctx, key); err != nil || !was {
			return err
		}
		c.emit([]chat.Event{ev})
		return nil
	}
	first, err := c.State.SetIfAbsent(ctx, key, []byte{1}, TypingTTL)
	if err != nil {
		return err
	}
	if !first {
		if _, err := c.State.Touch(ctx, key, TypingTTL); err != nil {
			return err
		}
	}
	c.emit([]chat.Event{ev})
	return nil
}
