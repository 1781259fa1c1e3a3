package hub

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"parley/internal/chat"
	"parley/internal/ws"
)

// followed are the rooms that have a feed, for those who ask from outside the shards.
type followed struct {
	mu    sync.RWMutex // taken by itself
	rooms map[chat.RoomID]struct{}
}

func (f *followed) add(room chat.RoomID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rooms[room] = struct{}{}
}

func (f *followed) remove(room chat.RoomID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.rooms, room)
}

func (f *followed) all() []chat.RoomID {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return slices.Collect(maps.Keys(f.rooms))
}

// Follows reports whether somebody connected to this node is subscribed to a room. Who subscribes later reads what has been
// committed until then.
func (h *Hub) Follows(room chat.RoomID) bool {
	h.follow.mu.RLock()
	defer h.follow.mu.RUnlock()
	_, ok := h.follow.rooms[room]
	return ok
}

// Has reports whether a person is connected to this node.
func (h *Hub) Has(user chat.UserID) bool { return h.people.has(user) }

// How much is asked of the store at once by a node that looks after everything it has.
const (
	checkers = 4   // rooms at a time
	chunk    = 500 // of rooms, people or sessions
)

// Recheck asks anew whether every connection's session is live and whether each may read what it is subscribed to, and ends
// what may not be. It returns when that is done, or with what went wrong: then some were not checked. The core's caches are
// asked, so they have to be dropped before.
func (h *Hub) Recheck(ctx context.Context) error {
	errs := make([]error, checkers+1)
	errs[checkers] = h.recheckSessions(ctx)
	rooms := make(chan chat.RoomID)
	var checking sync.WaitGroup
	for i := range checkers {
		checking.Go(func() {
			for room := range rooms {
				if errs[i] == nil { // else the store is away
					errs[i] = h.expelUnentitled(room, h.subscribers(ctx, room))
				}
			}
		})
	}
	for _, room := range h.follow.all() {
		rooms <- room
	}
	close(rooms)
	checking.Wait()
	return errors.Join(errors.Join(errs...), ctx.Err())
}

// subscribers returns a room's connections.
func (h *Hub) subscribers(ctx context.Context, room chat.RoomID) []*Conn {
	conns := make(chan []*Conn, 1)
	h.roomShard(room).post(h.ctx, work{do: func(s *shard) {
		var all []*Conn
		if f := s.feeds[room]; f != nil {
			all = slices.Collect(maps.Keys(f.subs))
		}
		conns <- all
	}})
	select {
	case all := <-conns:
		return all
	case <-h.ctx.Done():
	case <-ctx.Done():
	}
	return nil
}

// recheckSessions ends the connections of sessions that are over.
func (h *Hub) recheckSessions(ctx context.Context) error {
	bySession := make(map[chat.SessionID][]*Conn)
	for _, c := range h.people.all() {
		if id := c.Actor.SessionID; id != "" {
			bySession[id] = append(bySession[id], c)
		}
	}
	for ids := range slices.Chunk(slices.Collect(maps.Keys(bySession)), chunk) {
		ended, err := h.core.EndedSessions(ctx, ids)
		if err != nil {
			return err
		}
		for _, id := range ended {
			for _, c := range bySession[id] {
				h.revoke(c, chat.SessionRevoked{UserID: c.Actor.UserID, SessionID: id, Reason: "revoked"})
			}
		}
	}
	return nil
}

// Resync makes up for events of other nodes that may have been missed: every feed is brought to the store's latest change,
// sessions and subscriptions are rechecked, it is read anew which rooms people are in, and each connection is told to read
// again what has no change_seq. It returns when that is done, or with what went wrong: then some of it was not.
func (h *Hub) Resync(ctx context.Context) error {
	if err := errors.Join(h.CatchUp(ctx), h.rereadRooms(ctx), h.Recheck(ctx)); err != nil {
		return err
	}
	frames := make(map[Dialect]*ws.Frame, 1)
	for _, c := range h.people.all() {
		frame, made := frames[c.dialect]
		if !made {
			if text := c.dialect.EncodeResync(0); text != nil {
				frame = ws.NewFrame(text)
			}
			frames[c.dialect] = frame
		}
		if frame != nil {
			h.give(c, frame)
		}
	}
	return nil
}

// CatchUp brings every feed to the latest change that the store has.
func (h *Hub) CatchUp(ctx context.Context) error {
	for rooms := range slices.Chunk(h.follow.all(), chunk) {
		heads, err := h.core.Heads(ctx, rooms)
		if err != nil {
			return err
		}
		for room, head := range heads {
			h.roomShard(room).post(h.ctx, work{do: func(s *shard) {
				if f := s.feeds[room]; f != nil {
					f.known = max(f.known, head)
					if f.last != nothing && f.known > f.last { // else goLive looks
						s.settle(h.ctx, f)
					}
				}
			}})
		}
	}
	return nil
}

// rereadRooms reads anew which rooms the people are in who are connected.
func (h *Hub) rereadRooms(ctx context.Context) error {
	for left := h.people.moved(); len(left) > 0; {
		var again []chat.UserID
		for users := range slices.Chunk(slices.Collect(maps.Keys(left)), chunk) {
			rooms, err := h.core.RoomsOfEach(ctx, users)
			if err != nil {
				return err
			}
			for _, user := range users {
				if !h.people.reset(user, left[user], rooms[user]) {
					again = append(again, user)
				}
			}
		}
		now := h.people.moved()
		left = make(map[chat.UserID]int, len(again))
		for _, user := range again {
			if moves, ok := now[user]; ok {
				left[user] = moves
			}
		}
	}
	return nil
}
