package origin

import (
	"context"
	"sync"

	"parley/internal/chat"
)

// facts are what packets say of a room, kept so that a message need not ask for its room.
type facts struct {
	channel string
	forum   bool
	hidden  bool // clients of this protocol do not see it
}

// roomFacts keeps them until a room changes.
type roomFacts struct {
	mu   sync.RWMutex // taken by itself
	byID map[chat.RoomID]facts
	gen  uint64 // +1 on every drop: what was read before it must not be kept
}

// maxFacts bounds what is kept.
const maxFacts = 20_000

func (f *roomFacts) apply(ev chat.Event) {
	var room chat.RoomID
	switch e := ev.(type) {
	case chat.RoomChanged:
		room = e.Room.ID
	case chat.RoomDeleted:
		room = e.RoomID
	case chat.DirectoryChanged:
		room = e.RoomID
	default:
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gen++
	delete(f.byID, room)
}

// factsOf returns what packets say of a room.
func (d *Dialect) factsOf(ctx context.Context, room chat.RoomID) facts {
	f := &d.facts
	f.mu.RLock()
	known, ok := f.byID[room]
	gen := f.gen
	f.mu.RUnlock()
	if ok {
		return known
	}
	r, err := d.core.RoomSettings(ctx, room)
	if err != nil {
		return facts{}
	}
	known = facts{channel: channelOf(r), forum: r.Form == chat.Forum, hidden: r.Type == chat.Direct || r.Encrypted}
	f.mu.Lock()
	defer f.mu.Unlock()
	if gen == f.gen {
		if f.byID == nil || len(f.byID) >= maxFacts {
			f.byID = make(map[chat.RoomID]facts)
		}
		f.byID[room] = known
	}
	return known
}

// channelName is the name of a room's channel.
func (d *Dialect) channelName(ctx context.Context, id chat.RoomID) string {
	return d.factsOf(ctx, id).channel
}
