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
	// profiles are changes of people who are connected to other nodes: who shares a room with them has to be asked.
	profiles map[chat.UserID]chat.UserChanged
	wake     chan struct{}
}

// news is what there is to tell.
type news struct {
	latest   map[chat.UserID]chat.Presence
	rooms    map[chat.UserID][]chat.RoomID
	profiles map[chat.UserID]chat.UserChanged
}

func (q *presenceQueue) init() {
	q.take()
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

func (q *presenceQueue) addProfile(ev chat.UserChanged) {
	q.mu.Lock()
	q.profiles[ev.User.ID] = ev
	q.mu.Unlock()
	q.signal()
}

func (q *presenceQueue) take() news {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := news{q.latest, q.rooms, q.profiles}
	q.latest = make(map[chat.UserID]chat.Presence)
	q.rooms = make(map[chat.UserID][]chat.RoomID)
	q.profiles = make(map[chat.UserID]chat.UserChanged)
	return n
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
		h.tellNews(ctx, h.presence.take())
	}
}

func (h *Hub) tellNews(ctx context.Context, n news) {
	var elsewhere []chat.UserID
	for user, p := range n.latest {
		switch {
		case h.people.begun(user) || n.rooms[user] != nil:
			h.toUsers(ctx, h.people.peers(user, n.rooms[user], h.PresenceAudience), chat.PresenceChanged{Presence: p})
		case h.people.has(user):
			h.presence.putBack(p) // Begin will wake us, when it is known who shares a room with them
		default:
			elsewhere = append(elsewhere, user)
		}
	}
	for user := range n.profiles {
		elsewhere = append(elsewhere, user)
	}
	if len(elsewhere) == 0 || !h.core.Shared {
		return
	}
	rooms, err := h.core.RoomsOfEach(ctx, elsewhere)
	if err != nil {
		if ctx.Err() == nil {
			h.Logger.Warn("changes of people on other nodes could not be told", "people", len(elsewhere), "error", err)
		}
		return
	}
	for _, user := range elsewhere {
		to := h.people.peers(user, rooms[user], h.PresenceAudience)
		if ev, ok := n.profiles[user]; ok {
			h.toUsers(ctx, to, ev)
		}
		if p, ok := n.latest[user]; ok {
			h.toUsers(ctx, to, chat.PresenceChanged{Presence: p})
		}
	}
}

// toPeers gives a changed profile to whom the person's presence goes.
func (h *Hub) toPeers(ctx context.Context, ev chat.UserChanged) {
	if user := ev.User.ID; h.core.Shared && !h.people.has(user) {
		if h.core.Present(user) {
			h.presence.addProfile(ev)
		}
	} else {
		h.toUsers(ctx, h.people.peers(user, nil, h.PresenceAudience), ev)
	}
}

// toUsers gives the same event to several people: encoded once per dialect. The connection that asked for it gets it with a tail.
func (h *Hub) toUsers(ctx context.Context, users []chat.UserID, ev chat.Event) {
	asked := h.marks.take(ev)
	defer h.marks.given(asked)
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
			if frame == nil {
				continue
			}
			if c == asked.conn {
				h.give(c, ws.NewFrame(withTail(c.dialect.Encode(ctx, ev, ""), asked.tail)))
			} else {
				h.give(c, frame)
			}
		}
	}
}
