package origin

import (
	"context"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"parley/internal/chat"
	"parley/internal/core"
)

var userCommands = map[string]command{
	"users_list":   usersListCommand,
	"users_online": usersOnline,
	"user_update":  userUpdate,
	"status_set":   statusSet,
	"status_get":   statusGet,
	"pfp_set":      pfpSet,
	"pfp_get":      pfpGet,
}

// statusShown is a person's status (specs: originchats §6.13).
type statusShown struct {
	Status string `json:"status"`
	Text   string `json:"text"`
}

// statusNames are the core's statuses on the wire. Offline, chosen, is invisible to others.
var statusNames = map[chat.Status]string{chat.Online: "online", chat.Away: "idle", chat.Busy: "dnd", chat.Offline: "invisible"}

// statusOf is the status that a person chose, as they see it themselves.
func statusOf(u *chat.User) statusShown { return statusShown{statusNames[u.Status], u.StatusMessage} }

// statusSeen is a person's effective status as somebody sees it: others' invisibility is being offline.
func statusSeen(u *chat.User, viewer chat.UserID) statusShown {
	if u.Status == chat.Offline && u.ID != viewer {
		return statusShown{"offline", u.StatusMessage}
	}
	return statusOf(u)
}

type userPacket struct {
	Cmd  string    `json:"cmd"`
	User userShown `json:"user"`
}

// userShown is a person who joins or connects (specs: originchats §6.1).
type userShown struct {
	Username string   `json:"username"`
	Roles    []string `json:"roles"`
	Color    *string  `json:"color"`
}

func (d *Dialect) userShown(ctx context.Context, u *chat.User) userShown {
	return userShown{nameOf(u), d.rolesOf(ctx, u), d.colorOf(ctx, u)}
}

type userNamePacket struct {
	Cmd      string `json:"cmd"`
	Username string `json:"username"`
}

type statusPacket struct {
	Cmd      string      `json:"cmd"`
	Username string      `json:"username"`
	Status   statusShown `json:"status"`
	Global   bool        `json:"global,omitempty"`
}

// userOnline is a person in users_online, and the beginning of one in users_list (specs: originchats §6.1).
type userOnline struct {
	Username string      `json:"username"`
	Nickname *string     `json:"nickname"`
	Roles    []string    `json:"roles"`
	Color    *string     `json:"color"`
	Status   statusShown `json:"status"`
}

type userListed struct {
	userOnline
	Cracked bool    `json:"cracked"`
	Picture *string `json:"pfp"`
}

type usersPacket[T any] struct {
	Cmd   string `json:"cmd"`
	Users []T    `json:"users"`
}

func (d *Dialect) userOnline(ctx context.Context, u *chat.User, viewer chat.UserID) userOnline {
	return userOnline{nameOf(u), nicknameOf(u), d.rolesOf(ctx, u), d.colorOf(ctx, u), statusSeen(u, viewer)}
}

// usersList is the list of people as one of them sees it, with pictures at the address that they connected to.
func (d *Dialect) usersList(ctx context.Context, host string, viewer chat.UserID, users []*chat.User) usersPacket[userListed] {
	list := make([]userListed, len(users))
	for i, u := range users {
		list[i] = userListed{d.userOnline(ctx, u, viewer), isLocal(u), d.pictureOf(host, u)}
		if !d.core.Present(u.ID) {
			list[i].Status.Status = "offline"
		}
	}
	return usersPacket[userListed]{"users_list", list}
}

// pictureOf is the address of a person's picture; nil for none.
func (d *Dialect) pictureOf(host string, u *chat.User) *string {
	if u.AvatarURL == "" {
		return nil
	}
	address := d.absolute(host, u.AvatarURL)
	return &address
}

// usersListCommand lists everybody but the banned (specs: originchats-commands §5).
func usersListCommand(ctx context.Context, s *socket, _ *request) (any, error) {
	users, err := s.dialect.core.People(ctx, s.actor)
	if err != nil {
		return nil, err
	}
	return s.dialect.usersList(ctx, s.host, s.actor.UserID, users), nil
}

// usersOnline lists those who are connected and show it.
func usersOnline(ctx context.Context, s *socket, q *request) (any, error) {
	users, err := s.dialect.core.OnlinePeople(ctx, s.actor)
	if err != nil {
		return nil, err
	}
	list := make([]userOnline, len(users))
	for i, u := range users {
		list[i] = s.dialect.userOnline(ctx, u, s.actor.UserID)
	}
	return usersPacket[userOnline]{q.cmd, list}, nil
}

type statusSetPacket struct {
	Cmd    string      `json:"cmd"`
	Status statusShown `json:"status"`
}

const badStatus = "Invalid status. Must be one of: online, idle, dnd, offline, invisible"

// statusSet changes what others see of the person. The packet that tells them is the answer, but for the invisible.
func statusSet(ctx context.Context, s *socket, q *request) (any, error) {
	d := s.dialect
	wanted, err := q.text("status")
	if err != nil {
		return nil, err
	}
	if wanted == "" {
		return nil, refuse(q.cmd, "Status is required")
	}
	text, err := q.text("text")
	if err != nil {
		return nil, err
	}
	status := chat.Offline
	if wanted != "offline" {
		var known bool
		for of, name := range statusNames {
			if name == wanted {
				status, known = of, true
			}
		}
		if !known {
			return nil, refuse(q.cmd, badStatus)
		}
	}
	d.people.ask(s, q.tail())
	user, err := d.core.SetStatus(ctx, s.actor, status, &text)
	if err == nil {
		d.people.settle(ctx)
	}
	answered := d.people.answered(s)
	if err != nil {
		return nil, inWords(err, q.cmd, map[string]string{"status_message_too_long": badStatus, "status_message_invalid": badStatus})
	}
	shown := statusShown{wanted, user.StatusMessage}
	switch {
	case wanted == "invisible":
		return statusSetPacket{q.cmd, shown}, nil
	case answered:
		return nil, nil
	}
	return statusPacket{"status_get", nameOf(user), shown, true}, nil // nothing has changed
}

// statusGet tells somebody's status.
func statusGet(ctx context.Context, s *socket, q *request) (any, error) {
	user, err := s.named(ctx, q)
	if err != nil {
		return nil, err
	}
	if user, err = s.dialect.core.User(ctx, s.actor, user.ID); err != nil {
		return nil, err
	}
	return statusPacket{q.cmd, nameOf(user), statusSeen(user, s.actor.UserID), false}, nil
}

type userUpdatePacket struct {
	Cmd      string  `json:"cmd"`
	User     string  `json:"user"`
	Nickname *string `json:"nickname"`
}

// maxNickname is how long a nickname can be that others give.
const maxNickname = 20

// userUpdate changes what somebody is called (specs: originchats-commands §5).
func userUpdate(ctx context.Context, s *socket, q *request) (any, error) {
	if err := s.require(ctx, q, chat.ManageUsers); err != nil {
		return nil, err
	}
	user, err := s.named(ctx, q)
	if err != nil {
		return nil, err
	}
	updates, err := q.object("updates")
	if err != nil || len(updates) == 0 {
		return nil, refuse(q.cmd, "Updates must be an object")
	}
	var names core.Names
	for _, field := range slices.Sorted(maps.Keys(updates)) {
		raw, text := updates[field], ""
		isText := kindOf(raw) == "str" && json.Unmarshal(raw, &text) == nil
		switch {
		case field == "username":
			if isText && len(text) > len(localPrefix) && strings.EqualFold(text[:len(localPrefix)], localPrefix) {
				text = text[len(localPrefix):]
			}
			if text = strings.TrimSpace(text); !isText || text == "" {
				return nil, refuse(q.cmd, "Username must be a non-empty string")
			}
			names.Username = &text
		case field != "nickname":
			return nil, refusef(q.cmd, "Cannot update field: %s", clip(field))
		case !isText && kindOf(raw) != "NoneType":
			return nil, refuse(q.cmd, "Nickname must be a string or null")
		case utf8.RuneCountInString(text) > maxNickname:
			return nil, refusef(q.cmd, "Nickname must be at most %d characters", maxNickname)
		default:
			names.DisplayName = &text
		}
	}
	user, err = s.dialect.core.UpdateNames(ctx, s.actor, user.ID, names)
	if err != nil {
		return nil, inWords(err, q.cmd, map[string]string{"username_taken": "Username already taken", "user_not_found": "User not found"})
	}
	s.dialect.people.settle(ctx)
	return userUpdatePacket{q.cmd, nameOf(user), nicknameOf(user)}, nil
}

type pfpPacket struct {
	Cmd string `json:"cmd"`
	Val string `json:"val"`
}

// maxPictureURL is how long the address of a picture can be.
const maxPictureURL = 500

// pfpSet changes the picture of an account of this server.
func pfpSet(ctx context.Context, s *socket, q *request) (any, error) {
	d := s.dialect
	if u := d.user(ctx, s.actor.UserID); u == nil || !isLocal(u) || d.AuthMode == AuthRotur {
		return nil, refuse(q.cmd, "Profile pictures are managed by Rotur for this account")
	}
	address, err := q.text("url")
	if err != nil {
		return nil, err
	}
	if address = strings.TrimSpace(address); address == "" {
		return nil, refuse(q.cmd, "URL required")
	}
	at, err := url.Parse(address)
	switch {
	case err != nil || at.Scheme != "http" && at.Scheme != "https" || at.Host == "":
		return nil, refuse(q.cmd, "Invalid URL format")
	case utf8.RuneCountInString(address) > maxPictureURL:
		return nil, refusef(q.cmd, "URL too long (max %d characters)", maxPictureURL)
	}
	if _, err := d.core.UpdateProfile(ctx, s.actor, core.Profile{AvatarURL: &address}); err != nil {
		return nil, inWords(err, q.cmd, map[string]string{"avatar_url_invalid": "Failed to update profile picture", "avatar_url_too_long": "Failed to update profile picture"})
	}
	d.people.settle(ctx)
	return pfpPacket{q.cmd, address}, nil
}

type pfpGetPacket struct {
	Cmd      string  `json:"cmd"`
	Val      *string `json:"val"`
	Username string  `json:"username"`
}

// pfpGet tells the address of somebody's picture.
func pfpGet(ctx context.Context, s *socket, q *request) (any, error) {
	name, err := q.text("username")
	if err != nil {
		return nil, err
	}
	if name == "" {
		return nil, refuse(q.cmd, "Username required")
	}
	user, err := s.dialect.userNamed(ctx, name)
	if err != nil {
		return nil, inWords(err, q.cmd, map[string]string{"user_not_found": "User not found"})
	}
	return pfpGetPacket{q.cmd, s.dialect.pictureOf(s.host, user), name}, nil
}
