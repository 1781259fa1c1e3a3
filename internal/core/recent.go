package core

import (
	"context"
	"slices"
	"sync"

	"parley/internal/chat"
)

// recentCache keeps the newest messages of active rooms, kept current by the committed events, so that opening a room
// does not ask the store. It keeps them without senders, who may change, and without nonces, which are for their sender
// alone; whoever reads gets copies, to be filled.
type recentCache struct {
	core *Core
	mu   sync.RWMutex
	room map[chat.RoomID]*recentRoom
	byID map[chat.MessageID]*chat.Message
}

type recentRoom struct {
	messages []*chat.Message // ascending by id; nobody changes a message that is here
	complete bool            // messages holds the whole room
	lastSeq  chat.Seq        // every change up to here is in messages
	loading  bool
	// early are states that cannot be placed yet, ascending by change: those told while loading, and those that overtook
	// others, which happens between nodes. While there are any, messages is not what the room is.
	early []*chat.Message
}

const (
	recentPerRoom = 100
	recentRooms   = 1000
	maxEarly      = 64 // of a room that is loaded; with more, one before them was lost
)

func newRecentCache(c *Core) *recentCache {
	return &recentCache{core: c, room: make(map[chat.RoomID]*recentRoom), byID: make(map[chat.MessageID]*chat.Message)}
}

// message returns a message without its sender if it is in memory.
func (r *recentCache) message(id chat.MessageID) *chat.Message {
	r.mu.RLock()
	defer r.mu.RUnlock()
	m := r.byID[id]
	if m == nil {
		return nil
	}
	own := *m
	return &own
}

func (r *recentCache) apply(ev chat.Event) {
	switch e := ev.(type) {
	case chat.Sequenced:
		r.mu.Lock()
		defer r.mu.Unlock()
		m := e.State()
		room := r.room[m.RoomID]
		if room == nil {
			return
		}
		r.advance(m.RoomID, room, m)
	case chat.RoomDeleted:
		r.mu.Lock()
		defer r.mu.Unlock()
		r.forget(e.RoomID)
	}
}

// advance takes a change in: in its place, never twice, and not before what it follows. r.mu is held.
func (r *recentCache) advance(id chat.RoomID, room *recentRoom, m *chat.Message) {
	if !room.loading && m.ChangeSeq <= room.lastSeq {
		return
	}
	if room.loading || m.ChangeSeq > room.lastSeq+1 {
		i, twice := slices.BinarySearchFunc(room.early, m.ChangeSeq, func(x *chat.Message, seq chat.Seq) int { return int(x.ChangeSeq - seq) })
		if !twice {
			room.early = slices.Insert(room.early, i, m)
		}
		delete(r.byID, m.ID) // what is here of it is old
		if !room.loading && len(room.early) > maxEarly {
			r.forget(id)
		}
		return
	}
	r.put(room, m)
	n := 0
	for ; n < len(room.early) && room.early[n].ChangeSeq <= room.lastSeq+1; n++ {
		if room.early[n].ChangeSeq == room.lastSeq+1 {
			r.put(room, room.early[n])
		}
	}
	room.early = slices.Delete(room.early, 0, n)
}

// put places a newer state of a message. r.mu is held.
func (r *recentCache) put(room *recentRoom, m *chat.Message) {
	room.lastSeq = m.ChangeSeq
	bare := *m
	bare.Sender, bare.Nonce, bare.Mark = nil, "", ""
	m = &bare
	i, there := slices.BinarySearchFunc(room.messages, m.ID, func(x *chat.Message, id chat.MessageID) int { return int(x.ID - id) })
	switch {
	case there && room.messages[i].ChangeSeq < m.ChangeSeq:
		room.messages[i] = m
		r.byID[m.ID] = m
	case !there && i == len(room.messages) && m.Seq == m.ChangeSeq:
		if m.ThreadID != 0 {
			r.countReply(room, m)
		}
		room.messages = append(room.messages, m)
		r.byID[m.ID] = m
		if over := len(room.messages) - recentPerRoom; over > 0 {
			for _, old := range room.messages[:over] {
				delete(r.byID, old.ID)
			}
			room.messages = slices.Clone(room.messages[over:])
			room.complete = false
		}
	}
}

// countReply renews the thread's first message, whose counters a reply moves without a change of its own.
func (r *recentCache) countReply(room *recentRoom, reply *chat.Message) {
	i, there := slices.BinarySearchFunc(room.messages, reply.ThreadID, func(x *chat.Message, id chat.MessageID) int { return int(x.ID - id) })
	if !there {
		return
	}
	root := *room.messages[i]
	root.ReplyCount++
	root.LastReplyAt = reply.CreatedAt
	room.messages[i] = &root
	r.byID[root.ID] = &root
}

func (r *recentCache) forget(id chat.RoomID) {
	room := r.room[id]
	if room == nil {
		return
	}
	for _, m := range room.messages {
		delete(r.byID, m.ID)
	}
	room.early = nil
	room.loading = false // the loader sees that its entry is gone and keeps nothing
	delete(r.room, id)
}

// newest returns the newest messages of a room.
func (r *recentCache) newest(ctx context.Context, id chat.RoomID, limit int) (chat.MessagesPage, error) {
	r.mu.RLock()
	room := r.room[id]
	if room != nil && room.current() && (len(room.messages) >= limit || room.complete) {
		page := room.page(limit)
		r.mu.RUnlock()
		return page, r.core.fillMessages(ctx, pointers(page.Messages)...)
	}
	r.mu.RUnlock()
	room, mine := r.begin(id)
	page, err := r.core.Store.Messages(ctx, id, chat.MessagesQuery{Limit: recentPerRoom})
	if err != nil {
		if mine {
			r.drop(id, room)
		}
		return chat.MessagesPage{}, err
	}
	if mine {
		r.finish(id, room, page)
	}
	if over := len(page.Messages) - limit; over > 0 {
		page.Messages, page.HasBefore = page.Messages[over:], true
	}
	return page, r.core.fillMessages(ctx, pointers(page.Messages)...)
}

// current reports whether the room is held as it is, as far as this node knows.
func (room *recentRoom) current() bool { return !room.loading && len(room.early) == 0 }

func (room *recentRoom) page(limit int) chat.MessagesPage {
	from := max(0, len(room.messages)-limit)
	page := chat.MessagesPage{Messages: make([]chat.Message, 0, len(room.messages)-from), HasBefore: from > 0 || !room.complete}
	for _, m := range room.messages[from:] {
		page.Messages = append(page.Messages, *m)
	}
	return page
}

// begin marks a room as being loaded, so that events which are committed meanwhile are kept for it.
func (r *recentCache) begin(id chat.RoomID) (room *recentRoom, mine bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if room := r.room[id]; room != nil && room.loading {
		return room, false
	}
	r.forget(id)
	if len(r.room) >= recentRooms {
		for other := range r.room {
			if !r.room[other].loading {
				r.forget(other)
				break
			}
		}
	}
	room = &recentRoom{loading: true}
	r.room[id] = room
	return room, true
}

func (r *recentCache) drop(id chat.RoomID, room *recentRoom) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.room[id] == room {
		r.forget(id)
	}
}

func (r *recentCache) finish(id chat.RoomID, room *recentRoom, page chat.MessagesPage) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.room[id] != room || !room.loading {
		return
	}
	room.loading, room.complete = false, !page.HasBefore
	for i := range page.Messages {
		m := page.Messages[i]
		room.messages = append(room.messages, &m)
		r.byID[m.ID] = &m
		room.lastSeq = max(room.lastSeq, m.ChangeSeq)
	}
	early := room.early
	room.early = nil
	for _, m := range early {
		r.advance(id, room, m)
	}
}

// clear forgets everything.
func (r *recentCache) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id := range r.room {
		r.forget(id)
	}
}

// has reports whether changes of a room are wanted.
func (r *recentCache) has(id chat.RoomID) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.room[id] != nil
}

// since answers a question for changes from memory, without senders, when the room is held whole and is no older than the
// change to: others may have heard of it before this node.
func (r *recentCache) since(id chat.RoomID, since, to chat.Seq, limit int) (chat.Changes, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	room := r.room[id]
	if room == nil || !room.current() || !room.complete || room.lastSeq < to {
		return chat.Changes{}, false
	}
	ch := chat.Changes{LastSeq: room.lastSeq}
	for _, m := range room.messages {
		if m.ChangeSeq > since {
			ch.Messages = append(ch.Messages, *m)
		}
	}
	slices.SortFunc(ch.Messages, func(a, b chat.Message) int { return int(a.ChangeSeq - b.ChangeSeq) })
	if len(ch.Messages) > limit {
		ch.Messages, ch.Truncated = ch.Messages[:limit], true
	}
	return ch, true
}
