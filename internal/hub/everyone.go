package hub

import (
	"context"

	"parley/internal/chat"
)

// toEveryone gives an event to all who are connected: encoded once per dialect.
func (h *Hub) toEveryone(ctx context.Context, ev chat.Event) { h.toUsers(ctx, h.people.everyone(), ev) }

// Caught returns when everything that was published for everyone before has been given to the connections, so that what is sent
// to one of them next stands behind it.
func (h *Hub) Caught() {
	done := make(chan struct{})
	h.shards[0].post(h.ctx, work{do: func(*shard) { close(done) }})
	select {
	case <-done:
	case <-h.ctx.Done():
	}
}

// everyone lists who is connected.
func (d *directory) everyone() []chat.UserID {
	d.mu.RLock()
	defer d.mu.RUnlock()
	users := make([]chat.UserID, 0, len(d.users))
	for user := range d.users {
		users = append(users, user)
	}
	return users
}
