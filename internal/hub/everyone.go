package hub

import (
	"context"

	"parley/internal/chat"
)

// toEveryone gives an event to all who are connected: encoded once per dialect.
func (h *Hub) toEveryone(ctx context.Context, ev chat.Event) { h.toUsers(ctx, h.people.everyone(), ev) }

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
