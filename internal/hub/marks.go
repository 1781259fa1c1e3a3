package hub

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"time"

	"parley/internal/chat"
	"parley/internal/ws"
)

// markTable are the requests whose answer is the event that they cause, see core.WithMark.
type markTable struct {
	mu      sync.Mutex // taken by itself
	awaited map[string]echo
}

// echo is a connection that waits for the event it causes, and what is added to its copy.
type echo struct {
	mark string
	conn *Conn
	tail []byte
	done chan struct{} // closed when it has its copy
}

// Marked is an event that can say which request caused it.
type Marked interface{ Marked() string }

// Expect announces that an event with a mark will be the answer to a request of the connection: its copy of the JSON object
// ends in tail, which begins with a comma and stands before the last brace; empty: it is like all others. Await then waits
// for it, or Forget takes it back when there will be none.
func (h *Hub) Expect(mark string, c *Conn, tail []byte) {
	h.marks.mu.Lock()
	defer h.marks.mu.Unlock()
	h.marks.awaited[mark] = echo{mark, c, tail, make(chan struct{})}
}

// Forget ends the waiting for an event.
func (h *Hub) Forget(mark string) {
	h.marks.mu.Lock()
	defer h.marks.mu.Unlock()
	delete(h.marks.awaited, mark)
}

// echoPatience is how long a request waits for its event: one that was made up for from the store bears no mark.
const echoPatience = time.Second

// Await returns when the event with a mark has been given to the connection that expects it, so that what is sent to it next
// stands behind it.
func (h *Hub) Await(mark string) {
	h.marks.mu.Lock()
	e, waiting := h.marks.awaited[mark]
	h.marks.mu.Unlock()
	if !waiting {
		return
	}
	patience := time.NewTimer(echoPatience)
	defer patience.Stop()
	select {
	case <-e.done:
	case <-patience.C:
	case <-h.ctx.Done():
	}
	h.Forget(mark)
}

// take returns who waits for an event; nobody is the zero value.
func (t *markTable) take(ev chat.Event) (e echo) {
	mark := ""
	switch e := ev.(type) {
	case chat.Sequenced:
		mark = e.State().Mark
	case Marked:
		mark = e.Marked()
	}
	if mark == "" {
		return e
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.awaited[mark]
}

// given ends the waiting: the connection has its copy.
func (t *markTable) given(e echo) {
	if e.conn == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if now, waiting := t.awaited[e.mark]; waiting && now.done == e.done {
		delete(t.awaited, e.mark)
		close(e.done)
	}
}

// sendEcho gives the connection that caused an event its own copy and returns the others.
func (s *shard) sendEcho(ctx context.Context, all *audience, c *Conn, tail []byte, ev chat.Event) *audience {
	i := slices.Index(all.conns, c)
	if i < 0 {
		return all
	}
	s.sendOne(ctx, c, ev, tail...)
	return &audience{
		conns:   slices.Concat(all.conns[:i], all.conns[i+1:]),
		sockets: slices.Concat[[]*ws.Conn](all.sockets[:i], all.sockets[i+1:]),
	}
}

// withTail puts a field at the end of a JSON object.
func withTail(text, tail []byte) []byte {
	body, isObject := bytes.CutSuffix(text, []byte("}"))
	if !isObject || len(tail) == 0 {
		return text
	}
	return slices.Concat(body, tail, []byte("}"))
}

// Follow subscribes a connection that has not begun to rooms that its user may read, from now on: whoever follows reads the
// past by other means. Rooms that may not be read are left out. It returns those that are followed, and costs the store one
// query however many there are.
func (h *Hub) Follow(ctx context.Context, c *Conn, rooms []chat.RoomID) ([]chat.RoomID, error) {
	entries := make(map[chat.RoomID]*sub, len(rooms))
	var followed []chat.RoomID
	var ready sync.WaitGroup
	for _, room := range rooms {
		settings, err := h.core.Readable(ctx, c.Actor, room)
		if err != nil {
			if k := chat.AsError(err).Kind; k == chat.Forbidden || k == chat.NotFound {
				continue
			}
			return nil, err
		}
		if !c.remember(room) {
			return nil, nil // closed meanwhile
		}
		entry := &sub{conn: c, catching: true}
		entries[room] = entry
		followed = append(followed, room)
		ready.Add(1)
		h.roomShard(room).post(h.ctx, work{do: func(s *shard) {
			s.subscribe(room, settings.Type == chat.Direct, entry)
			ready.Done()
		}})
	}
	subscribed := make(chan struct{})
	go func() { ready.Wait(); close(subscribed) }()
	select {
	case <-subscribed:
	case <-h.ctx.Done():
		return nil, errStopping
	}
	heads, err := h.core.Heads(ctx, followed)
	if err != nil {
		for _, room := range followed {
			h.Leave(c, room)
		}
		return nil, err
	}
	for room, entry := range entries {
		h.roomShard(room).post(h.ctx, work{do: func(s *shard) { s.goLive(h.ctx, room, entry, heads[room]) }})
	}
	return followed, nil
}

var errStopping = chat.Errorf(chat.Unavailable, "stopping", "The server is shutting down. Reconnect in a moment.")

// subscribe adds a subscriber to a room's feed, which begins with the first one, and returns what the feed has delivered before.
func (s *shard) subscribe(room chat.RoomID, direct bool, entry *sub) chat.Seq {
	f := s.feeds[room]
	if f == nil {
		f = &feed{room: room, direct: direct, last: nothing, base: nothing, subs: make(map[*Conn]*sub)}
		s.feeds[room] = f
		s.hub.follow.add(room)
	}
	f.subs[entry.conn] = entry
	f.live = nil
	return f.last
}

// Follows reports whether a connection is subscribed to a room.
func (c *Conn) Follows(room chat.RoomID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Contains(c.rooms, room)
}
