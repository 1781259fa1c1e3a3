package relay

import (
	"context"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

// place is one node's batches on one lane.
type place struct {
	lane int
	node string
}

// track is how far a node's batches were heard.
type track struct {
	last    uint64
	missing map[uint64]time.Time // numbers below last that have not come, and when they count as lost
}

// arrival says how a batch comes.
type arrival uint8

const (
	inOrder  arrival = iota
	late             // others overtook it
	repeated         // it was here before
)

// maxMissing is how many batches of one node may be overtaken; with more, some are lost.
const maxMissing = 64

// arrive places a batch among those heard. strange: it is the first of its node here, and there were others before.
func (r *Relay) arrive(lane int, node string, number uint64) (a arrival, gap, strange bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	r.peer(node).heard = now
	t := r.tracks[place{lane, node}]
	switch {
	case t == nil:
		r.tracks[place{lane, node}] = &track{last: number, missing: make(map[uint64]time.Time)}
		return inOrder, false, number > 1 && now.Sub(r.since) > 3*r.Beat
	case number == t.last+1:
		t.last = number
		return inOrder, false, false
	case number <= t.last:
		if _, ok := t.missing[number]; !ok {
			return repeated, false, false
		}
		delete(t.missing, number)
		return late, false, false
	}
	at := now.Add(r.Grace)
	if number-t.last > maxMissing {
		t.missing[t.last+1] = now
	} else {
		for n := t.last + 1; n < number; n++ {
			t.missing[n] = at
		}
	}
	t.last = number
	if lane == peopleLane {
		r.peers[node].rebase = true
	}
	return inOrder, true, false
}

// overdue looks for batches that count as lost, and returns when to look again, 0 for never.
func (r *Relay) overdue() (again time.Duration) {
	now := time.Now()
	lost := false
	r.mu.Lock()
	for _, t := range r.tracks {
		for n, at := range t.missing {
			if left := at.Sub(now); left <= 0 {
				delete(t.missing, n)
				lost = true
			} else {
				again = max(again, left)
			}
		}
	}
	r.mu.Unlock()
	if lost {
		r.missed("a batch was lost")
	}
	return again
}

// hear takes in what another node published, one batch of a lane at a time.
func (r *Relay) hear(ctx context.Context, lane int, payload []byte) {
	b, err := open(payload)
	if err != nil {
		r.stats.unreadable.Add(1)
		r.Logger.Debug("a batch of another node cannot be read", "error", err)
		return
	}
	if b.node == r.node {
		return
	}
	how, gap, strange := r.arrive(lane, b.node, b.number)
	if how == repeated {
		return
	}
	if gap {
		poke(r.gap)
	}
	var events []chat.Event
	faults := 0
	for {
		k, body, ok := b.next()
		if !ok {
			break
		}
		switch k {
		case beatKind:
			r.hearBeat(ctx, b.node, &body)
			continue
		case cameKind:
			r.move(b.node, core.Attending, &body)
			continue
		case idleKind:
			r.move(b.node, core.Idle, &body)
			continue
		case leftKind:
			r.move(b.node, core.Absent, &body)
			continue
		}
		if r.unneeded(k, body) {
			r.stats.skipped.Add(1)
			continue
		}
		read := readers[k]
		if read == nil {
			continue // of a newer version
		}
		ev := read(&body)
		if body.fault {
			faults++
			continue
		}
		events = append(events, ev)
	}
	if b.entries.fault {
		faults++
	}
	if lane == peopleLane {
		r.tellMoves()
	}
	if len(events) > 0 {
		r.stats.heard.Add(int64(len(events)))
		err = r.Core.Remote(ctx, events)
	}
	switch {
	case err != nil && ctx.Err() == nil:
		r.missed("events could not be completed: " + err.Error())
	case faults > 0:
		r.stats.unreadable.Add(int64(faults))
		r.missed("events could not be read")
	case how == late && len(events) > 0:
		r.missed("a batch was overtaken")
	case strange:
		r.missed("a node was not heard from its beginning")
	}
}

// unneeded reports whether an entry is about a room that nobody here follows or a person who is not here, from the beginning
// of its body alone.
func (r *Relay) unneeded(k kind, body reader) bool {
	if int(k) >= len(leads) {
		return false
	}
	switch leads[k] {
	case roomFirst:
		room := body.room()
		return !r.Hub.Follows(room) && !r.Core.KeepsRoom(room)
	case userFirst:
		return !r.Hub.Has(body.who())
	case nothingFirst:
	}
	return false
}
