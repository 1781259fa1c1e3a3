package origin

import (
	"context"
	"sync"

	"parley/internal/chat"
	"parley/internal/ws"
)

// people tells everybody who comes, goes, joins, leaves and is called otherwise. Events of the core say what is so now; what
// clients of this protocol are told are the steps between, so what they were told last is kept. One goroutine tells, in the order
// of the events.
type people struct {
	dialect *Dialect
	wake    chan struct{}

	mu    sync.Mutex // before pusher.mu
	queue []any      // chat.Event, or chan struct{} to be closed
	told  map[chat.UserID]toldStatus
	fresh map[chat.UserID]bool // joined, which their own connection was not there to be told
	asked map[chat.UserID]asker
}

// toldStatus is what others were told of somebody who is online.
type toldStatus struct {
	status chat.Status
	text   string
	self   bool // the person's own connections were told that they are online
}

// asker is a connection that changed its person's status: its copy of the packet is its answer.
type asker struct {
	socket *socket
	tail   []byte
}

// maxFresh bounds what is kept of people who joined by other ways.
const maxFresh = 1000

func (p *people) init(d *Dialect) {
	p.dialect, p.wake = d, make(chan struct{}, 1)
	p.told, p.fresh, p.asked = make(map[chat.UserID]toldStatus), make(map[chat.UserID]bool), make(map[chat.UserID]asker)
}

// hear notes what is to be told. It is on the committer's way and only notes.
func (p *people) hear(events []chat.Event) {
	var some []any
	for _, ev := range events {
		switch ev.(type) {
		case chat.PresenceChanged, chat.UserJoined, chat.UserLeft, chat.FaceChanged:
			some = append(some, ev)
		}
	}
	if len(some) > 0 {
		p.add(some...)
	}
}

func (p *people) add(some ...any) {
	p.mu.Lock()
	p.queue = append(p.queue, some...)
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// settle returns when everything that was heard until now has been told, so that what is sent next stands behind it.
func (p *people) settle(ctx context.Context) {
	done := make(chan struct{})
	p.add(done)
	select {
	case <-done:
	case <-ctx.Done():
	}
}

func (p *people) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		}
		p.mu.Lock()
		queue := p.queue
		p.queue = nil
		p.mu.Unlock()
		for _, item := range queue {
			switch e := item.(type) {
			case chan struct{}:
				close(e)
			case chat.PresenceChanged:
				p.presence(ctx, e)
			case chat.UserJoined:
				p.joined(ctx, e.User)
			case chat.UserLeft:
				p.mu.Lock()
				delete(p.told, e.User.ID)
				p.mu.Unlock()
				p.dialect.tellAll(packetText(userNamePacket{"user_leave", nameOf(e.User)}))
			case chat.FaceChanged:
				p.dialect.faceChanged(ctx, e)
			}
		}
	}
}

func (p *people) joined(ctx context.Context, u *chat.User) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.dialect.lists.of(u.ID)) == 0 {
		if len(p.fresh) >= maxFresh {
			clear(p.fresh)
		}
		p.fresh[u.ID] = true
	}
	p.dialect.tellAll(packetText(userPacket{"user_join", p.dialect.userShown(ctx, u)}))
}

func (p *people) presence(ctx context.Context, e chat.PresenceChanged) {
	d, id, now := p.dialect, e.Presence.UserID, e.Presence
	u := d.user(ctx, id)
	p.mu.Lock()
	defer p.mu.Unlock()
	was, shown := p.told[id]
	if u == nil || now.Status == chat.Offline {
		delete(p.told, id)
		if shown && u != nil {
			d.tellAll(packetText(userNamePacket{"user_disconnect", nameOf(u)}))
		}
		return
	}
	next := toldStatus{now.Status, now.StatusMessage, was.self}
	if !shown {
		next.self = len(d.lists.of(id)) > 0 || !d.core.PresentHere(id)
		d.tellAll(packetText(userPacket{"user_connect", d.userShown(ctx, u)}))
	}
	p.told[id] = next
	if shown && (was.status != next.status || was.text != next.text) || !shown && !e.Moved {
		p.status(id, packetText(statusPacket{"status_get", nameOf(u), statusShown{statusNames[now.Status], now.StatusMessage}, true}))
	}
}

// status tells a change of status; the connection that asked for it with the listener of its request.
func (p *people) status(id chat.UserID, text []byte) {
	d := p.dialect
	by, asked := p.asked[id]
	if !asked {
		d.tellAll(text)
		return
	}
	delete(p.asked, id)
	var others []*ws.Conn
	for _, s := range d.lists.everyone() {
		if s != by.socket {
			others = append(others, s.conn)
		}
	}
	d.Sockets.SendAll(others, ws.NewFrame(text))
	by.socket.send(append(append(text[:len(text)-1:len(text)-1], by.tail...), '}'))
}

// ask announces that a connection changes its person's status.
func (p *people) ask(s *socket, tail []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked[s.actor.UserID] = asker{s, tail}
}

// answered ends ask and reports whether the connection was told.
func (p *people) answered(s *socket) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if by, waits := p.asked[s.actor.UserID]; waits && by.socket == s {
		delete(p.asked, s.actor.UserID)
		return false
	}
	return true
}

// arrived tells a connection that has just begun, and may have created the account, what its own person's coming told others before it was there.
func (p *people) arrived(ctx context.Context, s *socket, created bool) {
	d := p.dialect
	user := d.user(ctx, s.actor.UserID)
	if user == nil {
		return // deleted a moment ago
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	fresh := p.fresh[user.ID]
	delete(p.fresh, user.ID)
	if fresh && created {
		s.tell(userPacket{"user_join", d.userShown(ctx, user)})
	}
	if was, shown := p.told[user.ID]; shown && !was.self {
		was.self = true
		p.told[user.ID] = was
		s.tell(userPacket{"user_connect", d.userShown(ctx, user)})
	}
}

type userUpdatedPacket struct {
	Cmd      string  `json:"cmd"`
	UserID   string  `json:"user_id"`
	Username string  `json:"username"`
	Nickname *string `json:"nickname"`
}

type nicknamePacket struct {
	Cmd      string  `json:"cmd"`
	User     string  `json:"user"`
	Username string  `json:"username"`
	Nickname *string `json:"nickname,omitempty"`
}

// faceChanged tells that somebody is called otherwise. Clients learn other names, and pictures, from the list of users alone.
func (d *Dialect) faceChanged(ctx context.Context, e chat.FaceChanged) {
	before := *e.User
	before.Username, before.ExternalName, before.DisplayName, before.AvatarURL = e.Before.Username, e.Before.ExternalName, e.Before.DisplayName, e.Before.AvatarURL
	id, name, nick := d.idOf(ctx, e.User), nameOf(e.User), nicknameOf(e.User)
	if e.Managed {
		d.tellAll(packetText(userUpdatedPacket{"user_updated", id, name, nick}))
	}
	if old := nicknameOf(&before); (old == nil) != (nick == nil) || nick != nil && *old != *nick {
		cmd := "nickname_update"
		if nick == nil {
			cmd = "nickname_remove"
		}
		d.tellAll(packetText(nicknamePacket{cmd, id, name, nick}))
	}
	if nameOf(&before) != name || isLocal(e.User) && before.AvatarURL != e.User.AvatarURL {
		d.pushUsers(ctx)
	}
}

// maxPushedUsers is up to how many people everybody is sent the list anew: beyond it, clients see changes when they connect.
const maxPushedUsers = 2000

// pushUsers sends everybody the list of users.
func (d *Dialect) pushUsers(ctx context.Context) {
	users, err := d.core.People(ctx, chat.Operator)
	if err != nil {
		d.log.Warn("a list of users could not be sent", "error", err)
		return
	}
	if len(users) > maxPushedUsers {
		return
	}
	frames := make(map[string]*ws.Frame) // pictures have the address that a client has connected to
	to := make(map[string][]*ws.Conn)
	for _, s := range d.lists.everyone() {
		if frames[s.host] == nil {
			frames[s.host] = ws.NewFrame(packetText(d.usersList(ctx, s.host, "", users)))
		}
		to[s.host] = append(to[s.host], s.conn)
	}
	for host, conns := range to {
		d.Sockets.SendAll(conns, frames[host])
	}
}
