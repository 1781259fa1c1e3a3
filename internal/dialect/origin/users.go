package origin

import (
	"context"

	"parley/internal/chat"
)

// statusShown is a person's status (specs: originchats §6.13).
type statusShown struct {
	Status string `json:"status"`
	Text   string `json:"text"`
}

// statusNames are the core's statuses on the wire. Offline, chosen, is invisible to others.
var statusNames = map[chat.Status]string{chat.Online: "online", chat.Away: "idle", chat.Busy: "dnd", chat.Offline: "invisible"}

// statusOf is the status that a person chose, as they see it themselves.
func statusOf(u *chat.User) statusShown { return statusShown{statusNames[u.Status], u.StatusMessage} }

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

// presence encodes a change of presence.
func (d *Dialect) presence(ctx context.Context, p chat.Presence) any {
	u := d.user(ctx, p.UserID)
	switch {
	case u == nil:
		return nil
	case p.Status == chat.Offline:
		return userNamePacket{"user_disconnect", nameOf(u)}
	}
	return userPacket{"user_connect", d.userShown(ctx, u)}
}
