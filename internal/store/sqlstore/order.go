package sqlstore

import (
	"slices"
	"sync"

	"parley/internal/chat"
)

// order makes the writers of one process tell their events in the order of their commits, as far as somebody could notice: for
// each room, and for each user's account.
//
// A transaction joins the line of a room while it holds the lock on the room's head. Whoever joined before has let go of that
// lock, so has committed or never will, and is about to leave the line; nobody here waits for one that waits for the database.
type order struct {
	mu   sync.Mutex
	last map[subject]*turn
}

// subject is what events are told in order of: a room or a user.
type subject struct {
	room chat.RoomID
	user chat.UserID
}

// turn is the place of one transaction in all lines that it joined.
type turn struct {
	subjects []subject
	before   []*turn
	left     chan struct{}
}

func newTurn() *turn { return &turn{left: make(chan struct{})} }

// join puts a turn at the end of a line. The caller holds the database's lock on the subject.
func (o *order) join(t *turn, s subject) {
	o.mu.Lock()
	defer o.mu.Unlock()
	last := o.last[s]
	if last == t {
		return
	}
	if last != nil && !slices.Contains(t.before, last) {
		t.before = append(t.before, last)
	}
	if o.last == nil {
		o.last = make(map[subject]*turn)
	}
	o.last[s] = t
	t.subjects = append(t.subjects, s)
}

// leave waits for those before, runs tell, and lets those behind go on. A turn whose transaction failed waits too, and tells
// nothing: who came after it knows only of it.
func (o *order) leave(t *turn, tell func()) {
	for _, before := range t.before {
		<-before.left
	}
	tell()
	o.mu.Lock()
	for _, s := range t.subjects {
		if o.last[s] == t {
			delete(o.last, s)
		}
	}
	o.mu.Unlock()
	t.before = nil // so that a long line is not kept alive by its end
	close(t.left)
}
