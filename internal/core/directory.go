package core

import (
	"context"
	"slices"
	"sync"

	"parley/internal/chat"
)

// directory is the list of the server's own rooms in memory, read anew after it changed.
type directory struct {
	mu    sync.RWMutex
	rooms []chat.Room // nil: to be read; never changed once it is here
	gen   uint64
}

func (d *directory) apply(ev chat.Event) {
	switch e := ev.(type) {
	case chat.DirectoryChanged:
		d.drop()
	case chat.RoomChanged:
		if e.Room.Official || e.Room.Type == "" { // from another node it comes by its id alone
			d.drop()
		}
	}
}

// relisted says of a room of the server that the list of these is another one now.
func relisted(room chat.Room) []chat.Event {
	if !room.Official {
		return nil
	}
	return []chat.Event{chat.DirectoryChanged{RoomID: room.ID}}
}

// drop forgets the list.
func (d *directory) drop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rooms = nil
	d.gen++
}

// listedRooms returns the server's own rooms in order, from memory or the store. Nobody changes the list; its rooms'
// counters are stale.
func (c *Core) listedRooms(ctx context.Context) ([]chat.Room, error) {
	d := &c.listed
	d.mu.RLock()
	rooms, gen := d.rooms, d.gen
	d.mu.RUnlock()
	if rooms != nil {
		return rooms, nil
	}
	rooms, err := c.Store.OfficialRooms(ctx)
	if err != nil {
		return nil, err
	}
	if rooms == nil {
		rooms = []chat.Room{}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if gen == d.gen {
		d.rooms = rooms
	}
	return rooms, nil
}

// ServerRooms lists what a client without membership shows to the actor: the rooms of the server that they may read, in the
// server's order, then their other rooms, direct and encrypted ones left out. Counters in them are not current.
func (c *Core) ServerRooms(ctx context.Context, by chat.Actor) ([]chat.Room, error) {
	listed, err := c.listedRooms(ctx)
	if err != nil {
		return nil, err
	}
	var rooms []chat.Room
	for _, r := range listed {
		if r.Encrypted {
			continue
		}
		if _, err := c.allow(ctx, by, chat.CanRead, r.ID); err == nil {
			rooms = append(rooms, r)
		} else if k := chat.AsError(err).Kind; k != chat.Forbidden && k != chat.NotFound {
			return nil, err
		}
	}
	mine, err := c.RoomsOfEach(ctx, []chat.UserID{by.UserID})
	if err != nil {
		return nil, err
	}
	ids := mine[by.UserID]
	slices.Sort(ids)
	for _, id := range ids {
		s, err := c.allow(ctx, by, chat.CanRead, id)
		if err != nil {
			if k := chat.AsError(err).Kind; k != chat.Forbidden && k != chat.NotFound {
				return nil, err
			}
			continue
		}
		if r := s.room; !r.Official && r.Type != chat.Direct && !r.Encrypted && !r.Archived {
			rooms = append(rooms, r)
		}
	}
	return rooms, nil
}

// RoomSettings returns a room without asking who wants to know, for those who translate events of rooms whose readers have
// been decided. Counters in it are not current. Fails with room_not_found.
func (c *Core) RoomSettings(ctx context.Context, id chat.RoomID) (chat.Room, error) {
	listed, err := c.listedRooms(ctx)
	if err != nil {
		return chat.Room{}, err
	}
	if i := slices.IndexFunc(listed, func(r chat.Room) bool { return r.ID == id }); i >= 0 {
		return listed[i], nil
	}
	return c.Store.Room(ctx, id)
}

// MemberRooms lists the rooms that a person is a member of, in no order.
func (c *Core) MemberRooms(ctx context.Context, user chat.UserID) ([]chat.RoomID, error) {
	of, err := c.RoomsOfEach(ctx, []chat.UserID{user})
	return of[user], err
}
