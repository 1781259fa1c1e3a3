package core

import (
	"context"
	"sync"

	"parley/internal/chat"
)

// userCache keeps users by id, so that a message need not ask the store who its sender is. Its users are shared and never
// changed; a change drops the entry.
type userCache struct {
	core *Core
	mu   sync.RWMutex
	byID map[chat.UserID]*chat.User
	gen  uint64 // +1 on every drop: a load that began before it must not be kept
}

// maxCachedUsers bounds the cache at some 30 MB; beyond it, a random part goes.
const maxCachedUsers = 50_000

func newUserCache(c *Core) *userCache {
	return &userCache{core: c, byID: make(map[chat.UserID]*chat.User)}
}

func (u *userCache) cached(id chat.UserID) *chat.User {
	u.mu.RLock()
	defer u.mu.RUnlock()
	return u.byID[id]
}

func (u *userCache) apply(ev chat.Event) {
	switch e := ev.(type) {
	case chat.UserChanged:
		u.drop(e.User.ID)
	case chat.UsersSeen:
		u.drop(e.Users...)
	case chat.RolesChanged:
		if e.RoomID == 0 { // a deleted role is gone from everyone who had it
			u.dropAll()
		}
	}
}

// dropAll drops everybody.
func (u *userCache) dropAll() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.gen++
	clear(u.byID)
}

func (u *userCache) drop(ids ...chat.UserID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.gen++
	for _, id := range ids {
		delete(u.byID, id)
	}
}

func (u *userCache) keep(gen uint64, users []*chat.User) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if gen != u.gen {
		return
	}
	for _, user := range users {
		if len(u.byID) >= maxCachedUsers {
			n := 0
			for id := range u.byID {
				delete(u.byID, id)
				if n++; n == maxCachedUsers/10 {
					break
				}
			}
		}
		u.byID[user.ID] = user
	}
}

// get returns the users it can find, by id, reading those it does not hold from the store.
func (u *userCache) get(ctx context.Context, ids []chat.UserID) (map[chat.UserID]*chat.User, error) {
	found := make(map[chat.UserID]*chat.User, len(ids))
	var missing []chat.UserID
	u.mu.RLock()
	gen := u.gen
	for _, id := range ids {
		if user := u.byID[id]; user != nil {
			found[id] = user
		} else if _, asked := found[id]; !asked && id != "" {
			found[id] = nil
			missing = append(missing, id)
		}
	}
	u.mu.RUnlock()
	if len(missing) > 0 {
		users, err := u.core.Store.Users(ctx, missing)
		if err != nil {
			return nil, err
		}
		u.keep(gen, users)
		for _, user := range users {
			found[user.ID] = user
		}
	}
	for id, user := range found {
		if user == nil {
			delete(found, id)
		}
	}
	return found, nil
}

// fill completes events with the people they speak of.
func (c *Core) fill(ctx context.Context, events []chat.Event) error {
	for i, ev := range events {
		switch e := ev.(type) {
		case chat.Sequenced:
			if err := c.fillMessages(ctx, e.State()); err != nil {
				return err
			}
		case chat.MemberJoined:
			if e.User == nil {
				user, err := c.user(ctx, e.Member.UserID)
				if err != nil {
					return err
				}
				e.User = user
				events[i] = e
			}
		case chat.Notified:
			if e.Notification.Actor == nil && e.Notification.ActorID != "" {
				if user, err := c.user(ctx, e.Notification.ActorID); err == nil {
					e.Notification.Actor = user
					events[i] = e
				}
			}
		case chat.ThreadLeft:
			if err := c.fillThread(ctx, e.Thread, e.UserID); err != nil {
				return err
			}
		default:
			if th := threadIn(ev); th != nil {
				if err := c.fillThread(ctx, th, ""); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// fillMessages sets the senders of messages that nobody else holds yet.
func (c *Core) fillMessages(ctx context.Context, messages ...*chat.Message) error {
	ids := make([]chat.UserID, 0, len(messages))
	for _, m := range messages {
		if m.Sender == nil && m.SenderID != "" {
			ids = append(ids, m.SenderID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	users, err := c.users.get(ctx, ids)
	if err != nil {
		return err
	}
	for _, m := range messages {
		if m.Sender == nil {
			m.Sender = users[m.SenderID]
		}
	}
	return nil
}

// user returns one user from the cache or the store.
func (c *Core) user(ctx context.Context, id chat.UserID) (*chat.User, error) {
	if u := c.users.cached(id); u != nil {
		return u, nil
	}
	users, err := c.users.get(ctx, []chat.UserID{id})
	if err != nil {
		return nil, err
	}
	if u := users[id]; u != nil {
		return u, nil
	}
	return nil, chat.ErrUserNotFound
}
