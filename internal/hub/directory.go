package hub

import (
	"slices"
	"sync"
	"time"

	"parley/internal/chat"
)

// directory knows who is connected and in which rooms they are members.
type directory struct {
	mu    sync.RWMutex // taken by itself
	users map[chat.UserID]*person
	rooms map[chat.RoomID]map[chat.UserID]struct{} // members who are online
	conns int
}

type person struct {
	conns []*Conn
	begun bool // rooms are known
	rooms map[chat.RoomID]struct{}
	moves int // how often rooms has changed
}

func (d *directory) init() {
	d.users = make(map[chat.UserID]*person)
	d.rooms = make(map[chat.RoomID]map[chat.UserID]struct{})
}

func (d *directory) add(c *Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.users[c.Actor.UserID]
	if p == nil {
		p = &person{rooms: make(map[chat.RoomID]struct{}, 4)}
		d.users[c.Actor.UserID] = p
	}
	p.conns = append(p.conns[:len(p.conns):len(p.conns)], c)
	d.conns++
}

// remove forgets a connection. With a person's last one it returns the rooms they were in.
func (d *directory) remove(c *Conn) (rooms []chat.RoomID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.users[c.Actor.UserID]
	if p == nil {
		return nil
	}
	if i := slices.Index(p.conns, c); i >= 0 {
		p.conns = slices.Concat(p.conns[:i], p.conns[i+1:]) // readers hold the old slice, so it is not changed
		d.conns--
	}
	if len(p.conns) > 0 {
		return nil
	}
	for room := range p.rooms {
		rooms = append(rooms, room)
		d.leaveLocked(c.Actor.UserID, room)
	}
	delete(d.users, c.Actor.UserID)
	return rooms
}

// begin notes the rooms of a person whose connection begins.
func (d *directory) begin(user chat.UserID, rooms []chat.RoomID) {
	d.joinAll(user, rooms)
	d.mu.Lock()
	defer d.mu.Unlock()
	if p := d.users[user]; p != nil {
		p.begun = true
	}
}

// begun reports whether it is known which rooms a connected person is in.
func (d *directory) begun(user chat.UserID) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	p := d.users[user]
	return p != nil && p.begun
}

func (d *directory) joinAll(user chat.UserID, rooms []chat.RoomID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.users[user]
	if p == nil {
		return
	}
	p.moves++
	for _, room := range rooms {
		p.rooms[room] = struct{}{}
		in := d.rooms[room]
		if in == nil {
			in = make(map[chat.UserID]struct{}, 4)
			d.rooms[room] = in
		}
		in[user] = struct{}{}
	}
}

func (d *directory) leave(user chat.UserID, room chat.RoomID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p := d.users[user]; p != nil {
		p.moves++
		delete(p.rooms, room)
	}
	d.leaveLocked(user, room)
}

// has reports whether a person is connected.
func (d *directory) has(user chat.UserID) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.users[user] != nil
}

// moved tells for everyone whose rooms are known how often they have changed.
func (d *directory) moved() map[chat.UserID]int {
	d.mu.RLock()
	defer d.mu.RUnlock()
	all := make(map[chat.UserID]int, len(d.users))
	for user, p := range d.users {
		if p.begun {
			all[user] = p.moves
		}
	}
	return all
}

// reset replaces a person's rooms by what was read when they had changed so often; false if they have changed since.
func (d *directory) reset(user chat.UserID, moves int, rooms []chat.RoomID) bool {
	d.mu.Lock()
	p := d.users[user]
	if p == nil || p.moves != moves {
		d.mu.Unlock()
		return p == nil
	}
	for room := range p.rooms {
		if !slices.Contains(rooms, room) {
			delete(p.rooms, room)
			d.leaveLocked(user, room)
		}
	}
	d.mu.Unlock()
	d.joinAll(user, rooms)
	return true
}

// all returns every connection.
func (d *directory) all() []*Conn {
	d.mu.RLock()
	defer d.mu.RUnlock()
	conns := make([]*Conn, 0, d.conns)
	for _, p := range d.users {
		conns = append(conns, p.conns...)
	}
	return conns
}

func (d *directory) leaveLocked(user chat.UserID, room chat.RoomID) {
	in := d.rooms[room]
	delete(in, user)
	if len(in) == 0 {
		delete(d.rooms, room)
	}
}

func (d *directory) forgetRoom(room chat.RoomID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for user := range d.rooms[room] {
		if p := d.users[user]; p != nil {
			delete(p.rooms, room)
		}
	}
	delete(d.rooms, room)
}

// of returns a person's connections; the slice must not be changed.
func (d *directory) of(user chat.UserID) []*Conn {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if p := d.users[user]; p != nil {
		return p.conns
	}
	return nil
}

// in returns the members of a room who are online.
func (d *directory) in(room chat.RoomID) []chat.UserID {
	d.mu.RLock()
	defer d.mu.RUnlock()
	users := make([]chat.UserID, 0, len(d.rooms[room]))
	for u := range d.rooms[room] {
		users = append(users, u)
	}
	return users
}

// peers returns who shares a room of at most limit online people with the user, the user included.
func (d *directory) peers(user chat.UserID, rooms []chat.RoomID, limit int) []chat.UserID {
	d.mu.RLock()
	defer d.mu.RUnlock()
	seen := map[chat.UserID]struct{}{user: {}}
	add := func(room chat.RoomID) {
		if in := d.rooms[room]; len(in) <= limit {
			for u := range in {
				seen[u] = struct{}{}
			}
		}
	}
	if p := d.users[user]; p != nil {
		for room := range p.rooms {
			add(room)
		}
	}
	for _, room := range rooms {
		add(room)
	}
	list := make([]chat.UserID, 0, len(seen))
	for u := range seen {
		list = append(list, u)
	}
	return list
}

func (d *directory) count() (conns, users int) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.conns, len(d.users)
}

// expired returns the connections whose session is over.
func (d *directory) expired(now time.Time) []*Conn {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var over []*Conn
	for _, p := range d.users {
		for _, c := range p.conns {
			if !c.Actor.ExpiresAt.IsZero() && now.After(c.Actor.ExpiresAt) {
				over = append(over, c)
			}
		}
	}
	return over
}
