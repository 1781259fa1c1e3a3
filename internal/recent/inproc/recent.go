// Package inproc keeps recent messages in the memory of this process, for a server that is one node.
package inproc

import (
	"bytes"
	"container/list"
	"context"
	"slices"
	"sync"

	"parley/internal/chat"
	"parley/internal/recent"
)

const defaultRooms = 1000

// Options of a Recent. The zero value is the default.
type Options struct {
	// Rooms is how many rooms are kept; 1,000 if 0. Those that were not used for longest go first.
	Rooms int
}

// Recent is a recent.Recent in memory.
type Recent struct {
	most int

	mu    sync.Mutex
	rooms map[chat.RoomID]*list.Element // of *room
	used  *list.List                    // the latest first
}

var _ recent.Recent = (*Recent)(nil)

// New returns an empty Recent.
func New(o Options) *Recent {
	if o.Rooms <= 0 {
		o.Rooms = defaultRooms
	}
	return &Recent{most: o.Rooms, rooms: make(map[chat.RoomID]*list.Element), used: list.New()}
}

// room is what is known of one room.
type room struct {
	id       chat.RoomID
	upTo     chat.Seq // every change up to here is known; 0: not filled
	last     chat.Seq // the latest change heard of
	ahead    map[chat.Seq]bool
	messages []recent.Change // by place
}

// Push implements recent.Recent.
func (r *Recent) Push(_ context.Context, id chat.RoomID, changes ...recent.Change) error {
	for _, c := range changes {
		if err := c.Check(); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	rm := r.room(id)
	for _, c := range changes {
		if c.ChangeSeq > rm.upTo {
			rm.put(c)
			rm.ahead[c.ChangeSeq] = true
			rm.last = max(rm.last, c.ChangeSeq)
		}
	}
	rm.advance()
	if len(rm.ahead) > recent.Pending {
		rm.forget()
	}
	return nil
}

// Fill implements recent.Recent.
func (r *Recent) Fill(_ context.Context, id chat.RoomID, asOf chat.Seq, newest []recent.Change) error {
	if err := recent.CheckFill(asOf, newest); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	rm := r.room(id)
	if asOf <= rm.upTo {
		return nil
	}
	held, ahead := rm.messages, rm.ahead
	rm.forget()
	rm.upTo, rm.last = asOf, max(rm.last, asOf)
	for _, c := range newest {
		rm.put(c)
	}
	for _, c := range held {
		if c.ChangeSeq > asOf {
			rm.put(c)
		}
	}
	for seq := range ahead {
		if seq > asOf {
			rm.ahead[seq] = true
		}
	}
	rm.advance()
	return nil
}

// Newest implements recent.Recent.
func (r *Recent) Newest(_ context.Context, id chat.RoomID) (encoded [][]byte, lastSeq chat.Seq, complete bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.rooms[id]
	if !ok {
		return nil, 0, false, nil
	}
	r.used.MoveToFront(e)
	rm := e.Value.(*room)
	if rm.upTo == 0 || rm.upTo != rm.last {
		return nil, rm.last, false, nil
	}
	for _, c := range rm.messages {
		encoded = append(encoded, bytes.Clone(c.Encoded))
	}
	return encoded, rm.last, true, nil
}

// Drop implements recent.Recent.
func (r *Recent) Drop(_ context.Context, id chat.RoomID) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, ok := r.rooms[id]; ok {
		e.Value.(*room).forget()
	}
	return nil
}

// room returns what is known of a room, and lets another one go if there are too many. The caller holds the lock.
func (r *Recent) room(id chat.RoomID) *room {
	if e, ok := r.rooms[id]; ok {
		r.used.MoveToFront(e)
		return e.Value.(*room)
	}
	if len(r.rooms) >= r.most {
		oldest := r.used.Back()
		delete(r.rooms, r.used.Remove(oldest).(*room).id)
	}
	rm := &room{id: id, ahead: make(map[chat.Seq]bool)}
	r.rooms[id] = r.used.PushFront(rm)
	return rm
}

// put adds the state of a message unless a later one is there or the message is older than all that are kept.
func (rm *room) put(c recent.Change) {
	if c.Seq == 0 {
		return
	}
	c.Encoded = bytes.Clone(c.Encoded)
	i, held := slices.BinarySearchFunc(rm.messages, c.Seq, func(m recent.Change, seq chat.Seq) int { return int(m.Seq - seq) })
	switch {
	case held:
		if rm.messages[i].ChangeSeq < c.ChangeSeq {
			rm.messages[i] = c
		}
	case len(rm.messages) < recent.Size:
		rm.messages = slices.Insert(rm.messages, i, c)
	case i > 0:
		copy(rm.messages, rm.messages[1:i])
		rm.messages[i-1] = c
	}
}

// advance counts the changes that follow without a gap.
func (rm *room) advance() {
	for rm.upTo > 0 && rm.ahead[rm.upTo+1] {
		rm.upTo++
		delete(rm.ahead, rm.upTo)
	}
}

// forget keeps nothing but what the latest change was.
func (rm *room) forget() {
	rm.upTo, rm.messages, rm.ahead = 0, nil, make(map[chat.Seq]bool)
}
