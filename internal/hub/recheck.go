package hub

import (
	"slices"

	"parley/internal/chat"
)

// recheck ends the subscriptions of those who may no longer read a room after an event that changes rights. Leaving a room
// is not among them: that ends subscriptions in its place among the room's events.
func (h *Hub) recheck(ev chat.Event) {
	anyone := func(*Conn) bool { return true }
	switch e := ev.(type) {
	case chat.RoomChanged:
		h.recheckRoom(e.Room.ID, anyone)
	case chat.SanctionChanged:
		if e.Sanction.RoomID != 0 { // one of the whole server ends sessions
			h.recheckRoom(e.Sanction.RoomID, of(e.Sanction.UserID))
		}
	case chat.UserChanged:
		for _, c := range h.people.of(e.User.ID) {
			for _, room := range c.subscribed() {
				h.recheckRoom(room, of(e.User.ID))
			}
		}
	case chat.RolesChanged:
		if e.RoomID != 0 {
			h.recheckRoom(e.RoomID, anyone)
			return
		}
		for _, s := range h.shards {
			s.post(h.ctx, work{do: func(s *shard) {
				for _, f := range s.feeds {
					s.recheck(f, anyone)
				}
			}})
		}
	}
}

func of(user chat.UserID) func(*Conn) bool {
	return func(c *Conn) bool { return c.Actor.UserID == user }
}

func (h *Hub) recheckRoom(room chat.RoomID, who func(*Conn) bool) {
	h.roomShard(room).post(h.ctx, work{do: func(s *shard) {
		if f := s.feeds[room]; f != nil {
			s.recheck(f, who)
		}
	}})
}

// recheck asks the core, beside the shard's own work, about the subscribers named, and ends what may not be.
func (s *shard) recheck(f *feed, who func(*Conn) bool) {
	var conns []*Conn
	for c := range f.subs {
		if who(c) {
			conns = append(conns, c)
		}
	}
	if len(conns) == 0 {
		return
	}
	s.hub.done.Go(func() { s.hub.expelUnentitled(f.room, conns) })
}

// expelUnentitled ends the subscriptions of those connections that may not read a room. What cannot be found out leaves them
// as they are.
func (h *Hub) expelUnentitled(room chat.RoomID, conns []*Conn) {
	conns = slices.DeleteFunc(conns, func(c *Conn) bool {
		_, err := h.core.Readable(h.ctx, c.Actor, room)
		kind := chat.AsError(err)
		return err == nil || kind.Kind != chat.Forbidden && kind.Kind != chat.NotFound && kind.Kind != chat.Unauthenticated
	})
	if len(conns) == 0 {
		return
	}
	h.roomShard(room).post(h.ctx, work{do: func(s *shard) {
		for _, c := range conns {
			c.forget(room)
			s.unsubscribe(room, c)
			h.Send(c, c.dialect.EncodeResync(room))
		}
	}})
}

// subscribed lists the rooms that a connection is subscribed to.
func (c *Conn) subscribed() []chat.RoomID {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.rooms)
}
