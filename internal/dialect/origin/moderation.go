package origin

import (
	"context"
	"strings"
	"time"

	"parley/internal/chat"
)

var moderationCommands = map[string]command{
	"user_ban":          userBan,
	"user_unban":        userUnban,
	"user_timeout":      userTimeout,
	"users_banned_list": usersBannedList,
	"user_leave":        userLeave,
	"user_delete":       userDelete,
}

type disconnectPacket struct {
	Cmd    string `json:"cmd"`
	Reason string `json:"reason"`
}

// disconnected is the last packet of a connection that the server ends; nil for people who end it themselves.
func disconnected(e chat.SessionRevoked) any {
	reason := "Your session has ended"
	switch e.Reason {
	case "left", "logout":
		return nil
	case "banned":
		reason = "You have been banned"
	case "kicked":
		reason = "You have been disconnected"
	case "timed_out":
		reason = "You have been timed out"
	case "disabled":
		reason = "Your account is no longer available"
	}
	return disconnectPacket{"disconnect", reason}
}

// sanctioned tells somebody that they cannot write for a while, whoever made it so.
func sanctioned(e chat.Sanction) any {
	if e.Kind != chat.Mute || e.RoomID != 0 || e.Until.IsZero() || !e.LiftedAt.IsZero() {
		return nil
	}
	return rateLimitPacket{"rate_limit", "User timeout set", e.Until.Sub(e.CreatedAt).Milliseconds()}
}

// owner refuses who is no owner of the server.
func (s *socket) owner(ctx context.Context) error {
	err := s.dialect.core.MustOwn(ctx, s.actor)
	if chat.CodeOf(err) == "permission_missing" {
		err = errOwnerOnly
	}
	return err
}

// someone is named for commands to which somebody unknown is nobody: the name that stands in the answer, and nil for one.
func (s *socket) someone(ctx context.Context, q *request) (name string, user *chat.User, err error) {
	if err := s.owner(ctx); err != nil {
		return "", nil, err
	}
	if name, err = q.text("user"); err != nil {
		return "", nil, err
	}
	if name == "" {
		return "", nil, refuse(q.cmd, "User parameter is required")
	}
	user, err = s.dialect.userNamed(ctx, name)
	if chat.CodeOf(err) == chat.ErrUserNotFound.Code {
		return name, nil, nil
	}
	if err == nil {
		name = nameOf(user)
	}
	return name, user, err
}

type userBanPacket struct {
	Cmd    string `json:"cmd"`
	User   string `json:"user"`
	Banned bool   `json:"banned"`
}

type userUnbanPacket struct {
	Cmd      string `json:"cmd"`
	User     string `json:"user"`
	Unbanned bool   `json:"unbanned"`
}

// userBan bans somebody from the server (specs: originchats-commands §5).
func userBan(ctx context.Context, s *socket, q *request) (any, error) {
	name, user, err := s.someone(ctx, q)
	if err != nil || user == nil {
		return userBanPacket{q.cmd, name, false}, err
	}
	banned, err := s.dialect.core.BanAccount(ctx, s.actor, user.ID)
	if err != nil {
		return nil, inWords(err, q.cmd, map[string]string{"owner_protected": "Cannot ban the server owner"})
	}
	return userBanPacket{q.cmd, name, banned}, nil
}

func userUnban(ctx context.Context, s *socket, q *request) (any, error) {
	name, user, err := s.someone(ctx, q)
	if err != nil || user == nil {
		return userUnbanPacket{q.cmd, name, false}, err
	}
	unbanned, err := s.dialect.core.UnbanAccount(ctx, s.actor, user.ID)
	if err != nil {
		return nil, err
	}
	return userUnbanPacket{q.cmd, name, unbanned}, nil
}

// usersBannedList names who is banned.
func usersBannedList(ctx context.Context, s *socket, q *request) (any, error) {
	users, err := s.dialect.core.BannedPeople(ctx, s.actor)
	if chat.CodeOf(err) == "permission_missing" {
		return nil, errOwnerOnly
	}
	if err != nil {
		return nil, err
	}
	names := make([]string, len(users))
	for i, u := range users {
		names[i] = nameOf(u)
	}
	return usersPacket[string]{q.cmd, names}, nil
}

type userTimeoutPacket struct {
	Cmd     string `json:"cmd"`
	User    string `json:"user"`
	Timeout int64  `json:"timeout"` // seconds
}

// userTimeout lets somebody read but not write for a while; 0 ends it.
func userTimeout(ctx context.Context, s *socket, q *request) (any, error) {
	if err := s.owner(ctx); err != nil {
		return nil, err
	}
	seconds, err := q.whole("timeout", -1)
	if err != nil || seconds < 0 {
		return nil, refuse(q.cmd, "Timeout must be a positive integer")
	}
	user, err := s.named(ctx, q)
	if err != nil {
		return nil, err
	}
	const longest = int64(1<<63-1) / int64(time.Second)
	if err := s.dialect.core.Silence(ctx, s.actor, user.ID, time.Duration(min(seconds, longest))*time.Second); err != nil {
		return nil, err
	}
	given, _ := q.text("user")
	return userTimeoutPacket{q.cmd, given, seconds}, nil
}

type userLeavePacket struct {
	Cmd  string `json:"cmd"`
	User string `json:"user"`
	Val  string `json:"val"`
}

// userLeave ends one's own account, or the connections of somebody else.
func userLeave(ctx context.Context, s *socket, q *request) (any, error) {
	d := s.dialect
	self := d.user(ctx, s.actor.UserID)
	if self == nil {
		return nil, chat.ErrTokenInvalid
	}
	name, err := q.text("user")
	if err != nil {
		return nil, err
	}
	if name == "" || strings.EqualFold(name, nameOf(self)) || name == d.idOf(ctx, self) {
		return nil, s.leave(ctx, q, self, userLeavePacket{q.cmd, nameOf(self), "User left server"})
	}
	if err := s.owner(ctx); err != nil {
		return nil, err
	}
	user, err := s.named(ctx, q)
	if err != nil {
		return nil, err
	}
	if err := d.core.Kick(ctx, s.actor, user.ID); err != nil {
		return nil, err
	}
	return userLeavePacket{q.cmd, nameOf(user), "User disconnected"}, nil
}

const lastOwner = "Cannot delete the last owner"

// leave deletes the person's own account, answers, and closes the connection after it.
func (s *socket) leave(ctx context.Context, q *request, self *chat.User, reply any) error {
	d := s.dialect
	d.idOf(ctx, self) // nobody else will know it
	if err := d.core.LeaveServer(ctx, s.actor); err != nil {
		return inWords(err, q.cmd, map[string]string{"last_owner": lastOwner})
	}
	d.people.settle(ctx)
	s.reply(q, reply)
	d.core.EndSession(s.actor)
	return nil
}

type userDeletePacket struct {
	Cmd     string `json:"cmd"`
	User    string `json:"user"`
	Deleted bool   `json:"deleted"`
}

// userDelete deletes somebody's account.
func userDelete(ctx context.Context, s *socket, q *request) (any, error) {
	if err := s.owner(ctx); err != nil {
		return nil, err
	}
	user, err := s.named(ctx, q)
	if err != nil {
		return nil, err
	}
	reply := userDeletePacket{q.cmd, nameOf(user), true}
	if user.ID == s.actor.UserID {
		return nil, s.leave(ctx, q, user, reply)
	}
	if err := s.dialect.core.DeleteUser(ctx, s.actor, user.ID); err != nil {
		return nil, inWords(err, q.cmd, map[string]string{"last_owner": lastOwner, "user_not_found": "User not found"})
	}
	s.dialect.people.settle(ctx)
	return reply, nil
}
