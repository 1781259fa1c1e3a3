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
			who := anyone
			if e.UserID != "" {
				who = of(e.UserID)
			}
			h.recheckRoom(e.RoomID, who)
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
	h, room := s.hub, f.room
	h.done.Go(func() {
		if err := h.expelUnentitled(room, conns); err != nil && h.ctx.Err() == nil {
			h.Logger.Warn("who may still read a room could not be found out", "room", room, "error", err)
		}
	})
}

// expelUnentitled ends the subscriptions of those connections that may not read a room. When that cannot be found out it fails
// and leaves them as they are.
func (h *Hub) expelUnentitled(room chat.RoomID, conns []*Conn) error {
	if len(conns) == 0 {
		return nil
	}
	people := make([]chat.UserID, 0, len(conns))
	for _, c := range conns {
		people = append(people, c.Actor.UserID)
	}
	slices.Sort(people)
	out, err := h.core.Unentitled(h.ctx, room, slices.Compact(people))
	if err != nil {
		return err
	}
	conns = slices.DeleteFunc(conns, func(c *Conn) bool { return !slices.Contains(out, c.Actor.UserID) })
	if len(conns) == 0 {
		return nil
	}
	h.roomShard(room).post(h.ctx, work{do: func(s *shard) {
		for _, c := range conns {
			c.forget(room)
			s.unsubscribe(room, c)
			h.Send(c, c.dialect.EncodeResync(room))
		}
	}})
	return nil
}

// subscribed lists the rooms that a connection is subscribed to.
func (c *Conn) subscribed() []chat.RoomID {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.rooms)
}
