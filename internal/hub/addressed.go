package hub

import (
	"context"

	"parley/internal/chat"
)

// toConn gives an event to the one connection that it is for, if that is here.
func (s *shard) toConn(ctx context.Context, ev chat.Addressed) {
	for _, user := range ev.Scope().Users {
		for _, c := range s.hub.people.of(user) {
			if c.Actor.Connection == ev.To() {
				s.hub.Send(c, c.dialect.Encode(ctx, ev, user))
			}
		}
	}
}

// SendAfter gives the connection a frame of its own, after what this node's core has published to scope until now: so an
// answer comes after the events that it caused.
func (h *Hub) SendAfter(c *Conn, scope chat.Scope, text []byte) {
	h.shardOf(scope).post(h.ctx, work{do: func(*shard) { h.Send(c, text) }})
}

// Flush waits until what this node's core has published to scope was given to its connections, or ctx ends.
func (h *Hub) Flush(ctx context.Context, scope chat.Scope) {
	done := make(chan struct{})
	h.shardOf(scope).post(h.ctx, work{do: func(*shard) { close(done) }})
	select {
	case <-done:
	case <-ctx.Done():
	case <-h.ctx.Done():
	}
}

// shardOf is where events of a scope are delivered.
func (h *Hub) shardOf(scope chat.Scope) *shard {
	switch {
	case scope.Room != 0:
		return h.roomShard(scope.Room)
	case len(scope.Users) == 1:
		return h.userShard(scope.Users[0])
	}
	return h.shards[0]
}
