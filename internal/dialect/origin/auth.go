package origin

import (
	"context"
	"crypto/rand"
	"encoding/base64"

	"parley/internal/chat"
	"parley/internal/core"
)

// enter handles what a connection sends before it is logged in (specs: originchats §2.2, §2.3).
func (s *socket) enter(ctx context.Context, q *request) error {
	switch q.cmd {
	case "login", "register":
		if s.dialect.AuthMode != AuthRotur {
			return s.enterLocally(ctx, q)
		}
	}
	return errLogInFirst
}

func (s *socket) enterLocally(ctx context.Context, q *request) error {
	d := s.dialect
	name, _ := q.text("username")
	password, _ := q.text("password")
	if name == "" || password == "" {
		return s.refuseEntry(q, "Username and password required")
	}
	var login core.Login
	var err error
	if q.cmd == "register" {
		login, err = d.core.Register(ctx, s.address, core.Registering{Username: name, Password: password, Device: s.agent})
	} else {
		login, err = d.core.LogIn(ctx, s.address, name, password, s.agent)
	}
	if err != nil {
		return s.refuseEntry(q, chat.AsError(err).Text)
	}
	actor := chat.Actor{UserID: login.User.ID, SessionID: login.Session.ID, Address: s.address, ExpiresAt: login.ExpiresAt}
	return s.begin(ctx, q, actor, login.User, q.cmd == "register")
}

func (s *socket) refuseEntry(q *request, text string) error {
	s.reply(q, authErrorPacket{"auth_error", text})
	return nil
}

type readyPacket struct {
	Cmd       string    `json:"cmd"`
	User      readyUser `json:"user"`
	Validator string    `json:"validator"`
}

type readyUser struct {
	Username string      `json:"username"`
	Nickname *string     `json:"nickname,omitempty"`
	Roles    []string    `json:"roles"`
	Status   statusShown `json:"status"`
	Cracked  bool        `json:"cracked"`
	ID       string      `json:"id"`
}

type authSuccessPacket struct {
	Cmd string `json:"cmd"`
	Val string `json:"val"`
}

// begin makes the connection that of a person: from auth_success on it hears everything it may.
func (s *socket) begin(ctx context.Context, q *request, actor chat.Actor, user *chat.User, created bool) error {
	d := s.dialect
	actor.Pace = d.pace()
	if err := d.core.Connected(ctx, actor); err != nil {
		return s.refuseEntry(q, chat.AsError(err).Text)
	}
	s.actor, s.token = actor, newValidator()
	live := d.hub.Attach(actor, d, s.conn)
	rooms, err := d.rooms(ctx, actor)
	if err == nil {
		ids := make([]chat.RoomID, len(rooms))
		for i, r := range rooms {
			ids[i] = r.ID
		}
		_, err = d.hub.Follow(ctx, live, ids)
	}
	if err != nil {
		d.hub.Detach(live)
		d.core.Disconnected(ctx, actor)
		d.incident(ctx, err)
		return s.refuseEntry(q, "Authentication failed")
	}
	member, err := d.core.MemberRooms(ctx, actor.UserID)
	if err != nil {
		d.log.Warn("rooms of a person could not be read", "error", err)
	}
	ready := readyPacket{"ready", readyUser{
		Username: nameOf(user), Nickname: nicknameOf(user), Roles: d.rolesOf(ctx, user), Status: statusOf(user), Cracked: isLocal(user), ID: d.idOf(ctx, user),
	}, s.token}
	if list, err := d.core.ServerDirectory(ctx, actor); err == nil {
		s.listed.news(0, d.outline(ctx, list), nil) // what it asks for next; only what is news later is pushed
	}
	success := packetText(authSuccessPacket{"auth_success", "Authentication successful"})
	if tail := q.tail(); len(tail) > 0 {
		success = append(append(success[:len(success)-1], tail...), '}')
	}
	d.hub.Begin(live, member, success, packetText(ready))
	s.live = live
	d.lists.add(s)
	d.lists.note(actor.UserID) // what changed since it was listed above
	d.arrived(ctx, s, user, created)
	return nil
}

// newValidator makes the token of a ready packet: 32 random bytes.
func newValidator() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}
