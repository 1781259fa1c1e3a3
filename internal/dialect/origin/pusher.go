package origin

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"parley/internal/chat"
	"parley/internal/ws"
)

// pusher sends people their channel list anew when it may have changed for them, and follows rooms that they may read from now
// on. Losing a room is the hub's to see to. Changes gather for a moment, so that a role given to a thousand people costs little.
type pusher struct {
	dialect *Dialect
	mu      sync.Mutex // taken by itself
	sockets map[chat.UserID][]*socket
	all     bool
	users   map[chat.UserID]struct{}
	wake    chan struct{}
}

func (p *pusher) init(d *Dialect) {
	p.dialect = d
	p.sockets = make(map[chat.UserID][]*socket)
	p.users = make(map[chat.UserID]struct{})
	p.wake = make(chan struct{}, 1)
}

func (p *pusher) add(s *socket) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sockets[s.actor.UserID] = append(slices.Clone(p.sockets[s.actor.UserID]), s)
}

func (p *pusher) forget(s *socket) {
	p.mu.Lock()
	defer p.mu.Unlock()
	left := slices.DeleteFunc(slices.Clone(p.sockets[s.actor.UserID]), func(x *socket) bool { return x == s })
	if p.sockets[s.actor.UserID] = left; len(left) == 0 {
		delete(p.sockets, s.actor.UserID)
	}
}

// of returns a person's connections; the slice must not be changed.
func (p *pusher) of(user chat.UserID) []*socket {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sockets[user]
}

// everyone returns all connections.
func (p *pusher) everyone() []*socket {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []*socket
	for _, some := range p.sockets {
		all = append(all, some...)
	}
	return all
}

// hear notes whose list events may have changed. It is on the committer's way and only notes.
func (p *pusher) hear(events []chat.Event) {
	for _, ev := range events {
		p.dialect.facts.apply(ev)
		p.dialect.emoji.apply(ev)
		switch e := ev.(type) {
		case chat.RolesChanged, chat.DirectoryChanged:
			p.note("")
		case chat.RoomAdded:
			p.note(e.UserID)
		case chat.RoomRemoved:
			p.note(e.UserID)
		case chat.UserChanged:
			p.note(e.User.ID)
		case chat.SanctionChanged:
			p.note(e.Sanction.UserID)
		}
	}
}

// note asks for a person's list to be sent, or everybody's.
func (p *pusher) note(user chat.UserID) {
	p.mu.Lock()
	if user == "" {
		p.all = true
	} else if len(p.sockets[user]) > 0 {
		p.users[user] = struct{}{}
	}
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// listsGather is how long changes are collected.
const listsGather = 5 * time.Millisecond

func (p *pusher) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(listsGather):
		}
		p.mu.Lock()
		var due []*socket
		for user, some := range p.sockets {
			if _, named := p.users[user]; named || p.all {
				due = append(due, some...)
			}
		}
		p.all = false
		clear(p.users)
		p.mu.Unlock()
		for _, s := range due {
			if err := p.dialect.pushList(ctx, s); err != nil && ctx.Err() == nil {
				p.dialect.log.Warn("a channel list could not be sent", "error", err)
			}
		}
	}
}

// pushList follows what a connection may read now, and sends its list of channels if that is another one than it has.
func (d *Dialect) pushList(ctx context.Context, s *socket) error {
	s.listing.Lock()
	defer s.listing.Unlock()
	rooms, err := d.rooms(ctx, s.actor)
	if err != nil {
		return err
	}
	var more []chat.RoomID
	for _, r := range rooms {
		if !s.live.Follows(r.ID) {
			more = append(more, r.ID)
		}
	}
	if len(more) > 0 {
		if _, err := d.hub.Follow(ctx, s.live, more); err != nil {
			return err
		}
	}
	return d.sendChannels(ctx, s)
}

// known is the list of channels that a connection knows of.
type known struct {
	begun atomic.Uint64
	mu    sync.Mutex // taken by itself
	last  uint64     // when the reading of list began
	list  []byte
}

// news gives a list that began to be read at a time to send, if it is another one than before and not older.
func (k *known) news(at uint64, list []byte, send func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if at < k.last {
		return
	}
	k.last = at
	if k.list != nil && bytes.Equal(k.list, list) {
		return
	}
	k.list = list
	if send != nil {
		send()
	}
}

// has reports whether a list is the one that is known.
func (k *known) has(list []byte) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.list != nil && bytes.Equal(k.list, list)
}

// tellAll sends a packet to everyone who is logged in with this protocol, on this node.
func (d *Dialect) tellAll(text []byte) {
	all := d.lists.everyone()
	conns := make([]*ws.Conn, len(all))
	for i, s := range all {
		conns[i] = s.conn
	}
	d.Sockets.SendAll(conns, ws.NewFrame(text))
}
