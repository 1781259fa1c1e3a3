package hub

import (
	"context"
	"sync"
	"time"

	"parley/internal/chat"
	"parley/internal/ws"
)

// presenceQueue gathers changes of presence: only the latest state of each person is told, so that someone who flaps, or
// five thousand who come at once, cost little.
type presenceQueue struct {
	mu     sync.Mutex // taken by itself
	latest map[chat.UserID]chat.Presence
	rooms  map[chat.UserID][]chat.RoomID // of those who left, as their directory entry may be gone when it is told
	wake   chan struct{}
}

func (q *presenceQueue) init() {
	q.latest = make(map[chat.UserID]chat.Presence)
	q.rooms = make(map[chat.UserID][]chat.RoomID)
	q.wake = make(chan struct{}, 1)
}

func (q *presenceQueue) add(p chat.Presence) {
	q.mu.Lock()
	q.latest[p.UserID] = p
	q.mu.Unlock()
	q.signal()
}

// putBack keeps a change for later, unless there is a newer one.
func (q *presenceQueue) putBack(p chat.Presence) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, newer := q.latest[p.UserID]; !newer {
		q.latest[p.UserID] = p
	}
}

// left remembers the rooms of someone whose last connection goes.
func (q *presenceQueue) left(user chat.UserID, rooms []chat.RoomID) {
	q.mu.Lock()
	q.rooms[user] = rooms
	q.mu.Unlock()
}

func (q *presenceQueue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *presenceQueue) take() (map[chat.UserID]chat.Presence, map[chat.UserID][]chat.RoomID) {
	q.mu.Lock()
	defer q.mu.Unlock()
	latest, rooms := q.latest, q.rooms
	q.latest = make(map[chat.UserID]chat.Presence)
	q.rooms = make(map[chat.UserID][]chat.RoomID)
	return latest, rooms
}

// runPresence tells who shares a room with the people whose presence changed. Rooms with more people online than
// PresenceAudience are left out: there, clients read presence with the list of members.
func (h *Hub) runPresence(ctx context.Context) {
	gather := time.NewTimer(0)
	<-gather.C
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.presence.wake:
		}
		gather.Reset(h.PresenceEvery)
		select {
		case <-ctx.Done():
			return
		case <-gather.C:
		}
		latest, rooms := h.presence.take()
		for user, p := range latest {
			if p.Status != chat.Offline && !h.people.begun(user) {
				h.presence.putBack(p) // Begin will wake us, when it is known who shares a room with them
				continue
			}
			h.toUsers(ctx, h.people.peers(user, rooms[user], h.PresenceAudience), chat.PresenceChanged{Presence: p})
		}
	}
}

// toPeers gives an event about a person to whom their presence goes.
func (h *Hub) toPeers(ctx context.Context, user chat.UserID, ev chat.Event) {
	h.toUsers(ctx, h.people.peers(user, nil, h.PresenceAudience), ev)
}

// toUsers gives the same event to several people: encoded once per dialect.
func (h *Hub) toUsers(ctx context.Context, users []chat.UserID, ev chat.Event) {
	frames := make(map[Dialect]*ws.Frame, 1)
	for _, u := range users {
		for _, c := range h.people.of(u) {
			frame, made := frames[c.dialect]
			if !made {
				if text := c.dialect.Encode(ctx, ev, ""); text != nil {
					frame = ws.NewFrame(text)
				}
				frames[c.dialect] = frame
			}
			if frame != nil {
				h.give(c, frame)
			}
		}
	}
}
