package relay

import (
	"context"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"sync"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

// Who is connected where. Each node tells when somebody's first connection comes and the last one goes, numbered, and saves
// who is connected, in a number of buckets, for nodes that did not hear it: those that come later and those that missed
// something. A node that hears no beat of another for a while takes its people for gone.

const (
	buckets  = 16
	savedFor = 5 * time.Minute
	saveAge  = savedFor / 3 // how old what is saved may be: so a flushed state heals
)

// Flags of a beat.
const (
	helloFlag = 1 << iota // whoever hears it saves everybody anew
	byeFlag               // this node ends
)

// own are the people connected to this node.
type own struct {
	mu     sync.Mutex                      // before lane.mu
	number uint64                          // of the last move
	users  map[chat.UserID]core.Attendance // never Absent
	dirty  [buckets]bool
	at     [buckets]time.Time // when each was saved
	saved  uint64             // everything up to this move is
}

func bucketOf(user chat.UserID) int { return int(crc32.ChecksumIEEE([]byte(user)) % buckets) }

// present is told by the core who comes and goes, and who looks.
func (r *Relay) present(user chat.UserID, at core.Attendance) {
	o := &r.own
	o.mu.Lock()
	defer o.mu.Unlock()
	o.number++
	k := leftKind
	switch at {
	case core.Absent:
		delete(o.users, user)
	case core.Idle:
		k = idleKind
		o.users[user] = at
	default:
		k = cameKind
		o.users[user] = at
	}
	o.dirty[bucketOf(user)] = true
	var w writer
	w.uint(o.number)
	w.text(string(user))
	r.lanes[peopleLane].add(entry{kind: k, body: w.b})
}

// beat is the entry by which a node tells that it is there.
func (o *own) beat(flags uint64) entry {
	o.mu.Lock()
	defer o.mu.Unlock()
	var w writer
	w.uint(flags)
	w.uint(o.number)
	w.uint(o.saved)
	return entry{kind: beatKind, body: w.b}
}

// save writes the buckets that have changed, or all.
func (r *Relay) save(ctx context.Context, all bool) error {
	o := &r.own
	now := time.Now()
	for b := range buckets {
		o.mu.Lock()
		needed := all || o.dirty[b] || now.Sub(o.at[b]) > saveAge
		var w writer
		if needed {
			w.b = append(w.b, version)
			w.uint(o.number)
			var users, idle []chat.UserID
			for user, at := range o.users {
				if bucketOf(user) == b {
					users = append(users, user)
					if at == core.Idle {
						idle = append(idle, user)
					}
				}
			}
			w.users(users)
			w.users(idle)
			o.dirty[b] = false
		}
		o.mu.Unlock()
		if !needed {
			continue
		}
		if err := r.State.Set(ctx, bucketKey(r.node, b), w.b, savedFor); err != nil {
			o.mu.Lock()
			o.dirty[b] = true
			o.mu.Unlock()
			return err
		}
		o.mu.Lock()
		o.at[b] = now
		o.mu.Unlock()
	}
	return nil
}

func bucketKey(node string, b int) string { return fmt.Sprintf("presence:%s:%d", node, b) }

// beat saves who is here and tells the others that this node is.
func (r *Relay) beat(ctx context.Context) {
	if r.Hub == nil {
		return
	}
	r.own.mu.Lock()
	number := r.own.number
	r.own.mu.Unlock()
	r.mu.Lock()
	flags, all := uint64(0), r.saveAll
	if r.hello {
		flags |= helloFlag
	}
	r.hello, r.saveAll = false, false
	r.mu.Unlock()
	if err := r.save(ctx, all); err != nil {
		r.Logger.Debug("who is connected here could not be saved", "error", err)
		r.mu.Lock()
		r.saveAll = r.saveAll || all
		r.mu.Unlock()
	} else {
		r.own.mu.Lock()
		r.own.saved = max(r.own.saved, number)
		r.own.mu.Unlock()
	}
	r.lanes[peopleLane].add(r.own.beat(flags))
	for _, l := range r.lanes[:roomLanes] {
		l.beat()
	}
}

// peer is another node.
type peer struct {
	heard  time.Time
	known  bool // it has told that it is there, and not that it ends
	rebase bool // something of it may have been missed: what it saves from its next beat on has to be read
	need   uint64
	stale  bool // to be read as soon as everything up to need is saved
	people map[chat.UserID]mark
	floor  [buckets]uint64 // moves up to here are in what was read
}

// mark is the last move of a person.
type mark struct {
	number uint64
	at     core.Attendance
}

// peer returns what is known of a node; r.mu is held.
func (r *Relay) peer(node string) *peer {
	p := r.peers[node]
	if p == nil {
		p = &peer{rebase: true, people: make(map[chat.UserID]mark)}
		r.peers[node] = p
	}
	return p
}

// moved notes how somebody is connected to another node now, and was; r.mu is held.
func (r *Relay) moved(user chat.UserID, was, is core.Attendance) {
	m := r.moves[user]
	m.Nodes += count(is != core.Absent) - count(was != core.Absent)
	m.Idle += count(is == core.Idle) - count(was == core.Idle)
	if r.moves[user] = m; m == (core.Moves{}) {
		delete(r.moves, user)
	}
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// tellMoves tells the core what was noted.
func (r *Relay) tellMoves() {
	r.telling.Lock()
	defer r.telling.Unlock()
	r.mu.Lock()
	moves := r.moves
	r.moves = make(map[chat.UserID]core.Moves)
	r.mu.Unlock()
	if len(moves) > 0 {
		r.Core.Elsewhere(moves)
	}
}

// move takes in how somebody is connected to another node from now on.
func (r *Relay) move(node string, at core.Attendance, body *reader) {
	number, user := body.uint(), body.who()
	if body.fault || user == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.peer(node)
	was := p.people[user]
	if number <= was.number || number <= p.floor[bucketOf(user)] {
		return
	}
	p.people[user] = mark{number, at}
	r.moved(user, was.at, at)
}

// hearBeat takes in that a node is there.
func (r *Relay) hearBeat(ctx context.Context, node string, body *reader) {
	flags, number, saved := body.uint(), body.uint(), body.uint()
	if body.fault {
		return
	}
	if flags&byeFlag != 0 {
		r.leave(node)
		return
	}
	r.mu.Lock()
	p := r.peer(node)
	p.known = true
	if p.rebase {
		p.rebase, p.stale, p.need = false, true, number
	}
	read := p.stale && saved >= p.need
	if p.stale && !read {
		r.hello = true
		poke(r.soon)
	}
	if flags&helloFlag != 0 {
		r.saveAll = true
		poke(r.soon)
	}
	r.mu.Unlock()
	if read {
		r.readPeople(ctx, node, saved)
	}
}

// readPeople reads who is connected to a node, as of what it has saved.
func (r *Relay) readPeople(ctx context.Context, node string, saved uint64) {
	keys := make([]string, buckets)
	for b := range keys {
		keys[b] = bucketKey(node, b)
	}
	values, err := r.State.GetMany(ctx, keys)
	if err != nil {
		r.Logger.Debug("who is connected to another node could not be read", "node", node, "error", err)
		return // at its next beat
	}
	whole := true
	r.mu.Lock()
	p := r.peers[node]
	if p == nil {
		r.mu.Unlock()
		return
	}
	for b, value := range values {
		number, users, idle, ok := readBucket(value)
		if !ok {
			whole = false
			continue
		}
		r.reset(p, b, max(saved, number), users, idle)
	}
	if whole {
		p.stale = false
	} else { // the state has forgotten it: it has to be saved again
		p.need = saved
		r.hello = true
	}
	r.mu.Unlock()
	r.tellMoves()
}

func readBucket(value []byte) (number uint64, users, idle []chat.UserID, ok bool) {
	if len(value) == 0 || value[0] != version {
		return 0, nil, nil, false
	}
	body := reader{b: value[1:]}
	number, users, idle = body.uint(), body.users(), body.users()
	return number, users, idle, !body.fault
}

// reset takes over what a node saved of one bucket, except where later moves are known; r.mu is held.
func (r *Relay) reset(p *peer, b int, floor uint64, users, idle []chat.UserID) {
	p.floor[b] = max(p.floor[b], floor)
	here := make(map[chat.UserID]core.Attendance, len(users))
	for _, user := range users {
		here[user] = core.Attending
	}
	for _, user := range idle {
		if here[user] != core.Absent {
			here[user] = core.Idle
		}
	}
	for user, at := range here {
		if was := p.people[user]; was.number <= floor {
			r.moved(user, was.at, at)
			p.people[user] = mark{floor, at}
		}
	}
	for user, was := range p.people {
		if bucketOf(user) == b && was.number <= floor && here[user] == core.Absent {
			r.moved(user, was.at, core.Absent)
			delete(p.people, user)
		}
	}
}

// leave takes the people of a node for gone. What is on its way of it on other lanes still has a place.
func (r *Relay) leave(node string) {
	r.mu.Lock()
	p := r.peer(node)
	for user, m := range p.people {
		r.moved(user, m.at, core.Absent)
	}
	p.known, p.rebase, p.stale, p.people = false, true, false, make(map[chat.UserID]mark)
	r.mu.Unlock()
	r.tellMoves()
}

// bury forgets nodes that have not been heard for long. What those committed last that did not take leave may be untold.
func (r *Relay) bury() {
	if !r.Up() {
		return
	}
	now := time.Now()
	r.mu.Lock()
	var dead []string
	for node, p := range r.peers {
		switch {
		case now.Sub(p.heard) <= r.Dead:
			p.forgetLeft()
		case p.known:
			dead = append(dead, node)
		default:
			r.forget(node)
		}
	}
	r.mu.Unlock()
	for _, node := range dead {
		r.leave(node)
		r.mu.Lock()
		r.forget(node)
		r.mu.Unlock()
		r.missed("node " + node + " is not heard any more")
	}
}

// forget is called with the lock held.
func (r *Relay) forget(node string) {
	delete(r.peers, node)
	for at := range r.tracks {
		if at.node == node {
			delete(r.tracks, at)
		}
	}
}

// maxLeft is about how many people are remembered who left a node, so that a late word of their coming is not believed.
const maxLeft = 10_000

func (p *peer) forgetLeft() {
	if len(p.people) < maxLeft {
		return
	}
	left := slices.Collect(maps.Keys(p.people))
	left = slices.DeleteFunc(left, func(user chat.UserID) bool { return p.people[user].at != core.Absent })
	if len(left) > maxLeft {
		for _, user := range left {
			delete(p.people, user)
		}
	}
}
