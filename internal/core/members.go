package core

import (
	"context"

	"parley/internal/chat"
)

// MemberView is a member with their profile and effective status.
type MemberView struct {
	Member chat.Member
	User   *chat.User
}

// Preferences are a member's own settings in a room; nil fields stay.
type Preferences struct {
	Notify    *chat.NotifyLevel
	Favourite *bool
}

// Join makes the actor a member of a public room, or of a private one that they hold an invitation for. Joining twice is
// fine. A system message says so. Fails with room_not_found, join_forbidden, banned, timed_out.
func (c *Core) Join(ctx context.Context, by chat.Actor, id chat.RoomID) (chat.RoomView, error) {
	user, err := c.person(ctx, by)
	if err != nil {
		return chat.RoomView{}, err
	}
	s, err := c.allow(ctx, by, chat.CanSee, id)
	if err != nil {
		return chat.RoomView{}, err
	}
	if s.member != nil {
		return c.freshView(ctx, by, id)
	}
	if s, err = c.allow(ctx, by, chat.CanJoin, id); err != nil {
		return chat.RoomView{}, err
	}
	err = c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		room, err := tx.Room(ctx, id)
		if err != nil {
			return nil, err
		}
		if room.Type == chat.Public && s.room.Type == chat.Public {
			return c.enter(ctx, tx, room, user, chat.RoomMember)
		}
		invite, err := tx.InviteFor(ctx, id, by.UserID, c.now())
		if err != nil {
			if chat.AsError(err).Kind == chat.NotFound {
				err = refusal(chat.CanJoin)
			}
			return nil, err
		}
		return c.enterBy(ctx, tx, invite, room, user)
	})
	if err != nil {
		return chat.RoomView{}, err
	}
	return c.freshView(ctx, by, id)
}

// enter makes someone a member within a transaction, unless they are one or a sanction forbids it, and returns what is to
// be told. Whether they may has been decided.
func (c *Core) enter(ctx context.Context, tx Tx, room chat.Room, user *chat.User, role chat.RoomRole) ([]chat.Event, error) {
	return c.admit(ctx, tx, room, user, role, true)
}

// admit is enter, with a line in the room that says so or without.
func (c *Core) admit(ctx context.Context, tx Tx, room chat.Room, user *chat.User, role chat.RoomRole, aloud bool) ([]chat.Event, error) {
	if _, err := tx.Member(ctx, room.ID, user.ID); chat.CodeOf(err) != chat.ErrMemberNotFound.Code {
		return nil, err
	}
	now := c.now()
	sanctions, err := tx.LiveSanctions(ctx, user.ID, room.ID, now)
	if err != nil {
		return nil, err
	}
	barred := seat{sanctions: sanctions}
	if ban := barred.live(chat.Ban, now); ban != nil {
		return nil, sanctionError("banned", "You are banned from this room", ban)
	}
	if timeout := barred.live(chat.Timeout, now); timeout != nil {
		return nil, sanctionError("timed_out", "You are timed out", timeout)
	}
	// Said before they are in, so that their own coming is nothing they have to read.
	var said []chat.Event
	if aloud {
		if said, err = c.say(ctx, tx, room, user.DisplayName+" joined the room"); err != nil {
			return nil, err
		}
	}
	if _, err := tx.PutMember(ctx, chat.Member{RoomID: room.ID, UserID: user.ID, Role: role, JoinedAt: now, Notify: chat.NotifyAll}); err != nil {
		return nil, err
	}
	m, err := tx.Member(ctx, room.ID, user.ID)
	if err != nil {
		return nil, err
	}
	if room, err = tx.Room(ctx, room.ID); err != nil {
		return nil, err
	}
	return append([]chat.Event{chat.MemberJoined{Member: m, User: user}, chat.RoomAdded{UserID: user.ID, Room: room}}, said...), nil
}

// expel ends a membership within a transaction and returns what is to be told; nothing if there was none. Invitations that
// the person still holds end too, unless they left by themselves.
func (c *Core) expel(ctx context.Context, tx Tx, room chat.Room, user chat.UserID, why chat.LeaveReason) ([]chat.Event, error) {
	if why != chat.Left {
		if err := c.revokeFor(ctx, tx, room.ID, user); err != nil {
			return nil, err
		}
	}
	was, err := tx.DeleteMember(ctx, room.ID, user)
	if err != nil || !was {
		return nil, err
	}
	name := "Someone"
	if u, err := tx.User(ctx, user); err == nil {
		name = u.DisplayName
	} else if chat.AsError(err).Kind != chat.NotFound {
		return nil, err
	}
	text := map[chat.LeaveReason]string{chat.Left: " left the room", chat.Removed: " was removed from the room", chat.Banned: " was banned from the room"}[why]
	said, err := c.say(ctx, tx, room, name+text)
	if err != nil {
		return nil, err
	}
	return append([]chat.Event{chat.MemberLeft{RoomID: room.ID, UserID: user, Reason: why}, chat.RoomRemoved{UserID: user, RoomID: room.ID}}, said...), nil
}

// say puts a line of the server's own into a room, where there is somebody to read it. It mentions nobody and is not
// searched.
func (c *Core) say(ctx context.Context, tx Tx, room chat.Room, text string) ([]chat.Event, error) {
	if room.Type == chat.Direct || room.Archived || room.Form == chat.Separator || room.Form == chat.Forum {
		return nil, nil
	}
	msg, _, err := tx.Append(ctx, chat.Draft{RoomID: room.ID, Type: chat.SystemMessage, Content: text, At: c.now()})
	if err != nil {
		return nil, err
	}
	return []chat.Event{chat.MessageCreated{Message: msg}}, nil
}

// Leave ends the actor's membership. An owner must transfer the room first (owner_must_transfer), unless they are the last
// member: then the room is archived and has no owner any more. Direct rooms cannot be left (direct_room).
func (c *Core) Leave(ctx context.Context, by chat.Actor, id chat.RoomID) error {
	if _, err := c.person(ctx, by); err != nil {
		return err
	}
	s, err := c.allow(ctx, by, chat.CanSee, id)
	if err != nil {
		return err
	}
	if s.room.Type == chat.Direct {
		return chat.Errorf(chat.Forbidden, "direct_room", "A direct room cannot be left. You can mute it, or block the other person.")
	}
	return c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		room, err := tx.Room(ctx, id)
		if err != nil {
			return nil, err
		}
		m, err := tx.Member(ctx, id, by.UserID)
		if err != nil {
			if chat.CodeOf(err) == chat.ErrMemberNotFound.Code {
				err = chat.ErrNotAMember
			}
			return nil, err
		}
		last := m.Role == chat.RoomOwner && room.MemberCount <= 1
		if m.Role == chat.RoomOwner && !last {
			return nil, chat.Errorf(chat.Conflict, "owner_must_transfer", "Hand the room over to another member before you leave, or delete it.")
		}
		events, err := c.expel(ctx, tx, room, by.UserID, chat.Left)
		if err != nil || !last {
			return events, err
		}
		if room, err = tx.Room(ctx, id); err != nil {
			return nil, err
		}
		room.Archived, room.OwnerID = true, ""
		if room, err = tx.UpdateRoom(ctx, room); err != nil {
			return nil, err
		}
		return append(events, chat.RoomChanged{Room: room}), nil
	})
}

// Members lists a room's members with presence: owner, admins, then by joining.
func (c *Core) Members(ctx context.Context, by chat.Actor, id chat.RoomID, page chat.Page) ([]MemberView, string, error) {
	if err := checkLimit(&page.Limit, 100); err != nil {
		return nil, "", err
	}
	if _, err := c.allow(ctx, by, chat.CanRead, id); err != nil {
		return nil, "", err
	}
	members, next, err := c.Store.Members(ctx, id, page)
	if err != nil {
		return nil, "", err
	}
	ids := make([]chat.UserID, len(members))
	for i, m := range members {
		ids[i] = m.UserID
	}
	users, err := c.users.get(ctx, ids)
	if err != nil {
		return nil, "", err
	}
	views := make([]MemberView, 0, len(members))
	for _, m := range members {
		if user := users[m.UserID]; user != nil {
			views = append(views, MemberView{Member: m, User: c.Effective(user)})
		}
	}
	return views, next, nil
}

// AddMember puts a person into a room at once, for the operator, imports and first-run rooms (permission_missing for
// everybody else). A member gets the role if it is another one. Making someone the owner of a room that has another owner
// is role_invalid. Fails with user_not_found, room_not_found, direct_room, banned.
func (c *Core) AddMember(ctx context.Context, by chat.Actor, id chat.RoomID, user chat.UserID, role chat.RoomRole) (m chat.Member, err error) {
	if !by.Operator {
		return m, chat.Errorf(chat.Forbidden, "permission_missing", "Only the operator can put people into rooms. Invite them instead.")
	}
	if role == chat.RoomNone {
		role = chat.RoomMember
	}
	if role.Level() == 0 {
		return m, errRole
	}
	u, err := c.user(ctx, user)
	if err != nil {
		return m, err
	}
	err = c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		room, err := tx.Room(ctx, id)
		if err != nil {
			return nil, err
		}
		if room.Type == chat.Direct {
			return nil, errDirectRoom
		}
		owner := room.OwnerID == user
		if owner && role != chat.RoomOwner || !owner && role == chat.RoomOwner && (room.OwnerID != "" || room.Official) {
			return nil, errRole
		}
		events, err := c.enter(ctx, tx, room, u, role)
		if err != nil {
			return nil, err
		}
		if m, err = tx.Member(ctx, id, user); err != nil {
			return nil, err
		}
		if m.Role != role {
			m.Role = role
			if _, err := tx.PutMember(ctx, m); err != nil {
				return nil, err
			}
			events = append(events, chat.MemberChanged{Member: m})
		}
		if role == chat.RoomOwner && room.OwnerID == "" {
			if room, err = tx.Room(ctx, id); err != nil {
				return nil, err
			}
			room.OwnerID = user
			if room, err = tx.UpdateRoom(ctx, room); err != nil {
				return nil, err
			}
			events = append(events, chat.RoomChanged{Room: room})
		}
		return events, nil
	})
	return m, err
}

var errRole = chat.InvalidField("role", "role_invalid", "A member is an admin or a plain member; who owns a room changes by handing it over.")

// RemoveMember ends another person's membership (manage_members, above the target). Fails with member_not_found,
// target_above, target_is_self, direct_room.
func (c *Core) RemoveMember(ctx context.Context, by chat.Actor, id chat.RoomID, user chat.UserID) error {
	return settled(func() error {
		s, t, err := c.overMember(ctx, by, chat.CanManageMembers, id, user)
		if err != nil {
			return err
		}
		return c.change(ctx, func(tx Tx) ([]chat.Event, error) {
			room, _, err := c.stillStanding(ctx, tx, s, t)
			if err != nil {
				return nil, err
			}
			events, err := c.expel(ctx, tx, room, user, chat.Removed)
			if err != nil {
				return nil, err
			}
			return events, tx.AddAudit(ctx, c.audit(by, "member.remove", "user", string(user), id, nil))
		})
	})
}

// overMember is allowOn for measures against members of rooms that are not direct.
func (c *Core) overMember(ctx context.Context, by chat.Actor, right chat.Right, id chat.RoomID, user chat.UserID) (s, t *seat, err error) {
	if _, err := c.settings(ctx, by, right, id); err != nil {
		return nil, nil, err
	}
	if t, err = c.seat(ctx, chat.Actor{UserID: user}, id); err == nil && t.member == nil || chat.CodeOf(err) == chat.ErrTokenInvalid.Code {
		return nil, nil, chat.ErrMemberNotFound
	}
	return c.allowOn(ctx, by, right, id, user)
}

// stillStanding reads room and target again within the transaction. Fails with errStale if one of the two people has
// another role now than when it was decided who stands above whom.
func (c *Core) stillStanding(ctx context.Context, tx Tx, s, t *seat) (chat.Room, chat.Member, error) {
	room, err := tx.Room(ctx, s.room.ID)
	if err != nil {
		return room, chat.Member{}, err
	}
	if s.member != nil {
		if m, err := tx.Member(ctx, room.ID, s.member.UserID); chat.CodeOf(err) == chat.ErrMemberNotFound.Code || err == nil && m.Role != s.member.Role {
			return room, m, errStale
		} else if err != nil {
			return room, m, err
		}
	}
	m, err := tx.Member(ctx, room.ID, t.user.ID)
	if err == nil && m.Role != t.role() {
		err = errStale
	}
	return room, m, err
}

// SetMemberRole makes a member an admin or a plain member (set_roles). Ownership moves by TransferRoom only (role_invalid).
// Fails with member_not_found, target_above, target_is_self, direct_room.
func (c *Core) SetMemberRole(ctx context.Context, by chat.Actor, id chat.RoomID, user chat.UserID, role chat.RoomRole) (view MemberView, err error) {
	if role != chat.RoomAdmin && role != chat.RoomMember {
		return view, errRole
	}
	err = settled(func() error {
		s, t, err := c.overMember(ctx, by, chat.CanSetRoles, id, user)
		if err != nil {
			return err
		}
		return c.change(ctx, func(tx Tx) ([]chat.Event, error) {
			_, m, err := c.stillStanding(ctx, tx, s, t)
			if err != nil {
				return nil, err
			}
			view = MemberView{Member: m, User: c.Effective(t.user)}
			if m.Role == role {
				return nil, nil
			}
			m.Role = role
			if _, err := tx.PutMember(ctx, m); err != nil {
				return nil, err
			}
			view.Member = m
			if err := tx.AddAudit(ctx, c.audit(by, "member.role", "user", string(user), id, map[string]any{"role": role})); err != nil {
				return nil, err
			}
			return []chat.Event{chat.MemberChanged{Member: m}}, nil
		})
	})
	return view, err
}

// SetPreferences changes the actor's own settings in a room. Fails with notify_invalid, not_a_member.
func (c *Core) SetPreferences(ctx context.Context, by chat.Actor, id chat.RoomID, p Preferences) (chat.RoomView, error) {
	if p.Notify != nil && *p.Notify != chat.NotifyAll && *p.Notify != chat.NotifyMentions && *p.Notify != chat.NotifyMuted {
		return chat.RoomView{}, chat.InvalidField("notify", "notify_invalid", "Be told of all, mentions, or nothing (muted).")
	}
	if _, err := c.person(ctx, by); err != nil {
		return chat.RoomView{}, err
	}
	if _, err := c.allow(ctx, by, chat.CanSee, id); err != nil {
		return chat.RoomView{}, err
	}
	err := c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		m, err := tx.Member(ctx, id, by.UserID)
		if chat.CodeOf(err) == chat.ErrMemberNotFound.Code {
			err = chat.ErrNotAMember
		}
		if err != nil {
			return nil, err
		}
		was := m
		if p.Notify != nil {
			m.Notify = *p.Notify
		}
		if p.Favourite != nil {
			m.Favourite = *p.Favourite
		}
		if m == was {
			return nil, nil
		}
		if _, err := tx.PutMember(ctx, m); err != nil {
			return nil, err
		}
		return []chat.Event{chat.MemberChanged{Member: m}}, nil
	})
	if err != nil {
		return chat.RoomView{}, err
	}
	return c.freshView(ctx, by, id)
}
