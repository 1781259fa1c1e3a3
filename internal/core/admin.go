package core

import (
	"context"
	"slices"
	"time"

	"parley/internal/chat"
)

// ListUsers is the operator's list of accounts (manage_users).
func (c *Core) ListUsers(ctx context.Context, by chat.Actor, q UserQuery) ([]*chat.User, string, error) {
	if _, err := c.permit(ctx, by, chat.ManageUsers); err != nil {
		return nil, "", err
	}
	if err := checkLimit(&q.Page.Limit, 100); err != nil {
		return nil, "", err
	}
	users, next, err := c.Store.ListUsers(ctx, q)
	for i, u := range users {
		users[i] = c.Effective(u)
	}
	return users, next, err
}

// ListRooms is the operator's list of rooms, without content (manage_rooms).
func (c *Core) ListRooms(ctx context.Context, by chat.Actor, q string, page chat.Page) ([]chat.Room, string, error) {
	if _, err := c.permit(ctx, by, chat.ManageRooms); err != nil {
		return nil, "", err
	}
	if err := checkLimit(&page.Limit, 100); err != nil {
		return nil, "", err
	}
	return c.Store.ListRooms(ctx, q, page)
}

// RemoveRoom deletes any room but a direct one by server rank (manage_rooms and above its owner). Fails with room_not_found,
// direct_room, target_above, permission_missing.
func (c *Core) RemoveRoom(ctx context.Context, by chat.Actor, id chat.RoomID) error {
	actor, err := c.permit(ctx, by, chat.ManageRooms)
	if err != nil {
		return err
	}
	room, err := c.Store.Room(ctx, id)
	if err != nil {
		return err
	}
	if room.Type == chat.Direct {
		return errDirectRoom
	}
	if actor != nil && room.OwnerID != "" && room.OwnerID != actor.ID {
		owner, err := c.user(ctx, room.OwnerID)
		if err != nil && chat.CodeOf(err) != chat.ErrUserNotFound.Code {
			return err
		}
		table, err := c.roleTable(ctx)
		if err != nil {
			return err
		}
		if owner != nil {
			if err := standsAbove(table, actor, owner); err != nil {
				return err
			}
		}
	}
	return c.eraseRoom(ctx, by, id)
}

// CreateUser makes an account without logging it in, for the operator and for user managers. rank needs a higher rank, but
// owners may make owners. Fails with permission_missing and what Register fails with.
func (c *Core) CreateUser(ctx context.Context, by chat.Actor, r Registering, rank chat.Rank) (made *chat.User, err error) {
	actor, err := c.permit(ctx, by, chat.ManageUsers)
	if err != nil {
		return nil, err
	}
	roles := append(rankRoles(rank), chat.RoleUser)
	if actor != nil && rank > chat.RankMember {
		table, err := c.roleTable(ctx)
		if err != nil {
			return nil, err
		}
		if !has(table, actor.Roles, chat.ManageRoles) {
			return nil, errPermissionMissing(chat.ManageRoles)
		}
		if mayGive(table, actor, table[roles[0]], true) != nil {
			return nil, chat.Errorf(chat.Forbidden, "permission_missing", "You can only give a rank below your own.")
		}
	}
	user, secret, err := c.draftUser(ctx, r, roles)
	if err != nil {
		return nil, err
	}
	rooms, err := c.entryRooms(ctx)
	if err != nil {
		return nil, err
	}
	err = c.change(ctx, func(tx Tx) (events []chat.Event, err error) {
		if made, events, err = c.createUser(ctx, tx, user, passwordIdentity(user, secret), rooms); err != nil {
			return nil, err
		}
		details := map[string]any{"username": made.Username, "rank": rank.String()}
		return events, tx.AddAudit(ctx, c.audit(by, "user.create", "user", string(made.ID), 0, details))
	})
	return made, err
}

// overUser is permit(manage_users) for measures against an account below the actor. It returns the account.
func (c *Core) overUser(ctx context.Context, by chat.Actor, id chat.UserID) (*chat.User, error) {
	actor, err := c.permit(ctx, by, chat.ManageUsers)
	if err != nil {
		return nil, err
	}
	target, err := c.user(ctx, id)
	if err != nil {
		return nil, err
	}
	table, err := c.roleTable(ctx)
	if err != nil {
		return nil, err
	}
	return target, standsAbove(table, actor, target)
}

// SetPassword sets another person's password and ends their sessions (operator, or manage_users above the target). Fails
// with user_not_found, target_above, target_is_self, password_invalid, permission_missing.
func (c *Core) SetPassword(ctx context.Context, by chat.Actor, user chat.UserID, password string) error {
	target, err := c.overUser(ctx, by, user)
	if err != nil {
		return err
	}
	if err := checkNewPassword(password); err != nil {
		return err
	}
	secret, err := c.hashPassword(ctx, password)
	if err != nil {
		return err
	}
	return c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		if err := tx.PutIdentity(ctx, passwordIdentity(target, secret)); err != nil {
			return nil, err
		}
		_, ev, err := endSessions(ctx, tx, user, "", "", "password_changed", c.now())
		if err != nil {
			return nil, err
		}
		return []chat.Event{ev}, tx.AddAudit(ctx, c.audit(by, "user.password", "user", string(user), 0, nil))
	})
}

// SetDisabled shuts an account or opens it again (operator, or manage_users above the target). Shutting ends its sessions.
// Fails with user_not_found, target_above, target_is_self, last_owner, permission_missing.
func (c *Core) SetDisabled(ctx context.Context, by chat.Actor, user chat.UserID, disabled bool) error {
	if _, err := c.overUser(ctx, by, user); err != nil {
		return err
	}
	return c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		old, err := tx.User(ctx, user)
		if err != nil || disabled == !old.DisabledAt.IsZero() {
			return nil, err
		}
		changed, action := *old, "user.enable"
		changed.DisabledAt = time.Time{}
		var events []chat.Event
		if disabled {
			if old.Rank == chat.RankOwner {
				if err := keepOwner(ctx, tx, user); err != nil {
					return nil, err
				}
			}
			action, changed.DisabledAt = "user.disable", c.now()
			_, ev, err := endSessions(ctx, tx, user, "", "", "disabled", c.now())
			if err != nil {
				return nil, err
			}
			events = append(events, ev)
		}
		if err := tx.UpdateUser(ctx, &changed); err != nil {
			return nil, err
		}
		return append(events, chat.UserChanged{User: &changed}), tx.AddAudit(ctx, c.audit(by, action, "user", string(user), 0, nil))
	})
}

// DeleteUser removes an account: identities, sessions, memberships; rooms it owns pass to the longest-serving admin or
// member, or are archived, and so are its direct rooms. Its messages stay, without a name. Self with password checked by the
// dialect, or operator, or an owner of the server. Fails with user_not_found, last_owner, permission_missing.
func (c *Core) DeleteUser(ctx context.Context, by chat.Actor, id chat.UserID) error {
	if by.Operator || by.UserID != id {
		if _, err := c.permitRank(ctx, by, chat.RankOwner); err != nil {
			return err
		}
	}
	return c.deleteUser(ctx, by, id, "")
}

// deleteUser is DeleteUser without asking whether the actor may; connections of the session spared stay.
func (c *Core) deleteUser(ctx context.Context, by chat.Actor, id chat.UserID, spared chat.SessionID) error {
	var avatar string
	err := c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		user, err := tx.User(ctx, id)
		if err != nil {
			return nil, err
		}
		if user.Rank == chat.RankOwner {
			if err := keepOwner(ctx, tx, id); err != nil {
				return nil, err
			}
		}
		avatar = user.AvatarURL
		events, err := c.removeAccount(ctx, tx, user, spared)
		if err != nil {
			return nil, err
		}
		return events, tx.AddAudit(ctx, c.audit(by, "user.delete", "user", string(id), 0, map[string]any{"username": user.Username}))
	})
	if err == nil {
		c.releaseAvatar(avatar)
	}
	return err
}

// removeAccount takes an account out of its rooms and deletes it. Its sessions end with it, but of the one spared the
// connections are not closed.
func (c *Core) removeAccount(ctx context.Context, tx Tx, user *chat.User, spared chat.SessionID) ([]chat.Event, error) {
	rooms, err := tx.RoomsOf(ctx, user.ID)
	if err != nil {
		return nil, err
	}
	var events []chat.Event
	for _, view := range rooms {
		left, err := c.bereave(ctx, tx, view.Room, user.ID)
		if err != nil {
			return nil, err
		}
		events = append(events, left...)
	}
	_, revoked, err := endSessions(ctx, tx, user.ID, "", spared, "disabled", c.now())
	if err != nil {
		return nil, err
	}
	if err := tx.DeleteUser(ctx, user.ID); err != nil {
		return nil, err
	}
	gone := &chat.User{ID: user.ID, Number: user.Number, Kind: user.Kind, DisplayName: "Deleted user", Status: chat.Offline, DisabledAt: c.now()}
	return append(events, revoked, chat.UserChanged{User: gone}, chat.UserLeft{User: user}), nil
}

// bereave takes a person whose account goes out of a room, and finds the room another owner if it was theirs.
func (c *Core) bereave(ctx context.Context, tx Tx, room chat.Room, user chat.UserID) ([]chat.Event, error) {
	var events []chat.Event
	if room.Type == chat.Direct {
		if _, err := tx.DeleteMember(ctx, room.ID, user); err != nil {
			return nil, err
		}
		events = append(events, chat.MemberLeft{RoomID: room.ID, UserID: user, Reason: chat.Left}, chat.RoomRemoved{UserID: user, RoomID: room.ID})
	} else {
		var err error
		if events, err = c.expel(ctx, tx, room, user, chat.Left); err != nil {
			return nil, err
		}
	}
	if room.Type != chat.Direct && room.OwnerID != user {
		return events, nil
	}
	room, err := tx.Room(ctx, room.ID)
	if err != nil {
		return nil, err
	}
	heirs, _, err := tx.Members(ctx, room.ID, chat.Page{Limit: 1}) // admins first, then who joined first
	if err != nil {
		return nil, err
	}
	if room.Type == chat.Direct || len(heirs) == 0 {
		room.Archived, room.OwnerID = true, ""
	} else {
		heir := heirs[0]
		heir.Role, room.OwnerID = chat.RoomOwner, heir.UserID
		if _, err := tx.PutMember(ctx, heir); err != nil {
			return nil, err
		}
		events = append(events, chat.MemberChanged{Member: heir})
	}
	if room, err = tx.UpdateRoom(ctx, room); err != nil {
		return nil, err
	}
	return append(events, chat.RoomChanged{Room: room}), nil
}

// Bounds of an announcement.
const (
	maxAnnouncementTitle = 120
	maxAnnouncementText  = 4000
	announceBatch        = 100 // notifications in one transaction: others wait for it
)

// Announce sends a system notification to everyone who has a usable account (announce), and returns to how many. Title
// 1–120, text 1–4,000 characters. Fails with title_invalid, text_invalid, text_too_long, severity_invalid, permission_missing.
func (c *Core) Announce(ctx context.Context, by chat.Actor, title, text string, severity chat.Severity) (sent int, err error) {
	if _, err := c.permit(ctx, by, chat.Announce); err != nil {
		return 0, err
	}
	if title, err = cleanName("title", "title", title, 1, maxAnnouncementTitle); err != nil {
		return 0, err
	}
	if text, err = cleanText("text", "text", text, maxAnnouncementText); err != nil {
		return 0, err
	}
	if text == "" {
		return 0, chat.InvalidField("text", "text_invalid", "Write what you want to announce.")
	}
	switch severity {
	case "":
		severity = chat.SeveritySystem
	case chat.SeverityInfo, chat.SeveritySuccess, chat.SeverityWarning, chat.SeverityDanger, chat.SeveritySystem:
	default:
		return 0, chat.InvalidField("severity", "severity_invalid", "A severity is info, success, warning, danger or system.")
	}
	usable := false
	q := UserQuery{Disabled: &usable, Page: chat.Page{Limit: announceBatch}}
	for first := true; ; first = false {
		users, next, err := c.Store.ListUsers(ctx, q)
		if err != nil {
			return sent, err
		}
		users = slices.DeleteFunc(users, func(u *chat.User) bool { return u.Kind == chat.Bot })
		err = c.change(ctx, func(tx Tx) ([]chat.Event, error) {
			if first {
				if err := tx.AddAudit(ctx, c.audit(by, "server.announce", "server", "", 0, map[string]any{"title": title, "severity": severity})); err != nil {
					return nil, err
				}
			}
			events := make([]chat.Event, 0, len(users))
			for _, u := range users {
				if _, err := tx.User(ctx, u.ID); chat.CodeOf(err) == chat.ErrUserNotFound.Code {
					continue // deleted meanwhile
				}
				told, err := c.tell(ctx, tx, u.ID, severity, title, text, 0)
				if err != nil {
					return nil, err
				}
				events = append(events, told)
			}
			return events, nil
		})
		if err != nil {
			return sent, err
		}
		sent += len(users)
		if q.Page.Cursor = next; next == "" {
			return sent, nil
		}
	}
}

// Stats counts what the server holds (any rank above member).
func (c *Core) Stats(ctx context.Context, by chat.Actor) (Stats, error) {
	if _, err := c.permitRank(ctx, by, chat.RankModerator); err != nil {
		return Stats{}, err
	}
	return c.Store.Stats(ctx, c.now())
}

// Counts are what everybody may know of how large the server is.
type Counts struct{ Users int64 }

// countsLife is how old a count may be that is told to anyone who asks.
const countsLife = time.Minute

// Counts returns them, counted within the last minute.
func (c *Core) Counts(ctx context.Context) (Counts, error) {
	c.counted.Lock()
	defer c.counted.Unlock()
	if now := c.now(); now.Sub(c.countedAt) >= countsLife || c.countedAt.IsZero() {
		stats, err := c.Store.Stats(ctx, now)
		if err != nil {
			return Counts{}, err
		}
		c.counts, c.countedAt = Counts{Users: stats.Users}, now
	}
	return c.counts, nil
}

// CreateServerInvite makes an invite to register (create_invites); InvitesToServer lists them. Revoked by RevokeInvite.
// Fails with expires_in_invalid, max_uses_invalid, too_many_invites, permission_missing.
func (c *Core) CreateServerInvite(ctx context.Context, by chat.Actor, n NewInvite) (chat.Invite, error) {
	if _, err := c.permit(ctx, by, chat.CreateInvites); err != nil {
		return chat.Invite{}, err
	}
	invite, err := c.newInvite(by, 0, n)
	if err != nil {
		return chat.Invite{}, err
	}
	err = c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		if err := c.roomForInvite(ctx, tx, invite, maxServerInvites); err != nil {
			return nil, err
		}
		if err := tx.PutInvite(ctx, invite); err != nil {
			return nil, err
		}
		return nil, tx.AddAudit(ctx, c.audit(by, "invite.create", "invite", invite.Code, 0, nil))
	})
	if err != nil {
		return chat.Invite{}, err
	}
	return invite, nil
}

// maxServerInvites is how many invites to register can be live at the same time.
const maxServerInvites = 1000

// InvitesToServer lists the invites to register that can still be used, newest first (create_invites).
func (c *Core) InvitesToServer(ctx context.Context, by chat.Actor) ([]chat.Invite, error) {
	if _, err := c.permit(ctx, by, chat.CreateInvites); err != nil {
		return nil, err
	}
	return c.liveInvites(ctx, 0)
}
