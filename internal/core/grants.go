package core

import (
	"context"
	"slices"

	"parley/internal/chat"
)

// RoleLists returns, and SetRoleList replaces, which roles have a right in a room (manage_room there). A list for see or
// read narrows a public room.
func (c *Core) RoleLists(ctx context.Context, by chat.Actor, room chat.RoomID) ([]chat.RoleList, error) {
	if _, err := c.allow(ctx, by, chat.CanManageRoom, room); err != nil {
		return nil, err
	}
	return c.Store.RoleLists(ctx, room)
}

// SetRoleList: see RoleLists. An empty list of roles removes it. Nobody hands on a right that they lack, and only those who
// may change the room's roles hand on what makes an admin; but in the server's own rooms, who manages them by permission
// (manage_rooms) says who may do everything that is not administering. Fails with right_invalid, role_not_found, roles_invalid
// and the refusals of these rights.
func (c *Core) SetRoleList(ctx context.Context, by chat.Actor, l chat.RoleList) error {
	return c.changePermissions(ctx, by, l.RoomID, func(p *chat.RoomPermissions) {
		p.Lists = slices.DeleteFunc(p.Lists, func(x chat.RoleList) bool { return x.Right == l.Right })
		p.Lists = append(p.Lists, l)
	})
}

// RoomPermissions returns, and SetRoomPermissions replaces, all role lists of a room and the server permissions that give no
// rights in it, together (manage_room there). A list without roles is none. Fails like SetRoleList, and with
// permissions_invalid or direct_room.
func (c *Core) RoomPermissions(ctx context.Context, by chat.Actor, room chat.RoomID) (chat.RoomPermissions, error) {
	s, err := c.settings(ctx, by, chat.CanManageRoom, room)
	if err != nil {
		return chat.RoomPermissions{}, err
	}
	lists, err := c.Store.RoleLists(ctx, room)
	return chat.RoomPermissions{Lists: lists, Denied: s.room.Denied}, err
}

// SetRoomPermissions: see RoomPermissions.
func (c *Core) SetRoomPermissions(ctx context.Context, by chat.Actor, room chat.RoomID, p chat.RoomPermissions) error {
	return c.changePermissions(ctx, by, room, func(now *chat.RoomPermissions) { *now = p })
}

func (c *Core) changePermissions(ctx context.Context, by chat.Actor, id chat.RoomID, next func(*chat.RoomPermissions)) error {
	s, err := c.allow(ctx, by, chat.CanManageRoom, id)
	if err != nil {
		return err
	}
	if s.room.Type == chat.Direct {
		return errDirectRoom
	}
	return c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		room, err := tx.Room(ctx, id)
		if err != nil {
			return nil, err
		}
		want, err := currentPermissions(ctx, tx, room)
		if err != nil {
			return nil, err
		}
		next(&want)
		changed, events, err := c.putPermissions(ctx, tx, s, &room, want)
		if err != nil || len(changed) == 0 {
			return nil, err
		}
		details := map[string]any{"fields": changed, "lists": want.Lists}
		if err := tx.AddAudit(ctx, c.audit(by, "room.permissions", "room", id.String(), id, details)); err != nil {
			return nil, err
		}
		return append(events, directoryEvents(room)...), nil
	})
}

// directoryEvents tell that one of the server's own rooms is not what it was.
func directoryEvents(room chat.Room) []chat.Event {
	if room.Official {
		return []chat.Event{chat.DirectoryChanged{RoomID: room.ID}}
	}
	return nil
}

func currentPermissions(ctx context.Context, r Reader, room chat.Room) (chat.RoomPermissions, error) {
	lists, err := r.RoleLists(ctx, room.ID)
	return chat.RoomPermissions{Lists: lists, Denied: room.Denied}, err
}

// putPermissions checks what the holder of a seat wants of a room's permissions and stores what is other than it was: the lists
// at once, what the room itself keeps too. It names what changed and returns what is to be told of it.
func (c *Core) putPermissions(ctx context.Context, tx Tx, s *seat, room *chat.Room, want chat.RoomPermissions) (changed []string, events []chat.Event, err error) {
	list, err := tx.Roles(ctx)
	if err != nil {
		return nil, nil, err
	}
	old, err := currentPermissions(ctx, tx, *room)
	if err != nil {
		return nil, nil, err
	}
	denied, err := cleanPermissions(want.Denied)
	if err != nil {
		return nil, nil, err
	}
	if err := checkLists(want.Lists, roleMap(list)); err != nil {
		return nil, nil, err
	}
	for _, right := range chat.Rights() {
		entries := want.List(right)
		if slices.Equal(entries, old.List(right)) {
			continue
		}
		if err := c.mayHandOn(s, right); err != nil {
			return nil, nil, err
		}
		if err := tx.PutRoleList(ctx, chat.RoleList{RoomID: room.ID, Right: right, Roles: entries}); err != nil {
			return nil, nil, err
		}
		changed = append(changed, string(right))
	}
	if len(changed) > 0 {
		events = append(events, chat.RolesChanged{RoomID: room.ID})
	}
	if !slices.Equal(denied, old.Denied) {
		room.Denied = denied
		if *room, err = tx.UpdateRoom(ctx, *room); err != nil {
			return nil, nil, err
		}
		changed = append(changed, "denied")
		events = append(events, chat.RoomChanged{Room: *room})
	}
	return changed, events, nil
}

// checkLists checks role lists by themselves.
func checkLists(lists []chat.RoleList, table map[chat.RoleID]chat.Role) error {
	for i, l := range lists {
		if !slices.Contains(chat.Rights(), l.Right) {
			return errRightInvalid(l.Right)
		}
		if slices.ContainsFunc(lists[:i], func(x chat.RoleList) bool { return x.Right == l.Right }) {
			return chat.InvalidField("lists", "right_invalid", "The right %q has two lists.", l.Right)
		}
		if len(l.Roles) > maxRoleEntries {
			return chat.InvalidField("roles", "roles_invalid", "At most %d roles.", maxRoleEntries)
		}
		for k, e := range l.Roles {
			if _, ok := table[e.RoleID]; !ok {
				return errRoleNotFound
			}
			if slices.ContainsFunc(l.Roles[:k], func(x chat.RoleEntry) bool { return x.RoleID == e.RoleID }) {
				return chat.InvalidField("roles", "roles_invalid", "A role is named twice.")
			}
		}
	}
	return nil
}

func errRightInvalid(right chat.Right) error {
	return chat.InvalidField("right", "right_invalid", "There is no right %q.", truncate(string(right), 50))
}

// administering tells the rights that the server's own rooms keep from who merely manages them by permission.
func administering(right chat.Right) bool {
	switch right {
	case chat.CanMentionAll, chat.CanInvite, chat.CanManageMembers, chat.CanManageRoom, chat.CanSetRoles, chat.CanTransfer, chat.CanDeleteRoom:
		return true
	}
	return false
}

// mayHandOn says whether the holder of a seat may give or deny others a right.
func (c *Core) mayHandOn(s *seat, right chat.Right) error {
	if !slices.Contains(chat.Rights(), right) {
		return errRightInvalid(right)
	}
	if s.user == nil || right == chat.CanSee || right == chat.CanJoin {
		return nil
	}
	if !administering(right) && s.permissionGrants(chat.CanManageRoom) {
		return nil // they may delete the room, so they may say who does what in it
	}
	at := c.now()
	if !s.granted(right, at) {
		return refusal(right)
	}
	if roomRights[right].Level() >= chat.RoomAdmin.Level() && !s.granted(chat.CanSetRoles, at) {
		return refusal(chat.CanSetRoles)
	}
	return nil
}

// SetGrant gives or denies one person one right in one room (manage_members there, above the target). What SetRoleList says
// of handing on rights holds here, too. Fails with right_invalid, until_invalid, target_above, target_is_self and the
// refusals of these rights.
func (c *Core) SetGrant(ctx context.Context, by chat.Actor, g chat.Grant) error {
	s, _, err := c.allowOn(ctx, by, chat.CanManageMembers, g.RoomID, g.UserID)
	if err != nil {
		return err
	}
	if err := c.mayHandOn(s, g.Right); err != nil {
		return err
	}
	if !g.Until.IsZero() && !g.Until.After(c.now()) {
		return errUntilInvalid
	}
	return c.changeGrant(ctx, by, g, func(tx Tx) error { return tx.PutGrant(ctx, g) })
}

// ClearGrant takes a personal grant or denial back. Fails like SetGrant; one that is not there is fine.
func (c *Core) ClearGrant(ctx context.Context, by chat.Actor, room chat.RoomID, user chat.UserID, right chat.Right) error {
	s, _, err := c.allowOn(ctx, by, chat.CanManageMembers, room, user)
	if err != nil {
		return err
	}
	if err := c.mayHandOn(s, right); err != nil {
		return err
	}
	return c.changeGrant(ctx, by, chat.Grant{RoomID: room, UserID: user, Right: right}, func(tx Tx) error { return tx.DeleteGrant(ctx, room, user, right) })
}

func (c *Core) changeGrant(ctx context.Context, by chat.Actor, g chat.Grant, write func(Tx) error) error {
	return c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		before, err := tx.Grants(ctx, g.RoomID, g.UserID)
		if err != nil {
			return nil, err
		}
		if err := write(tx); err != nil {
			return nil, err
		}
		after, err := tx.Grants(ctx, g.RoomID, g.UserID)
		if err != nil || slices.Equal(before, after) {
			return nil, err
		}
		details := map[string]any{"right": g.Right, "allow": g.Allow, "set": len(after) >= len(before)}
		if err := tx.AddAudit(ctx, c.audit(by, "member.rights", "user", string(g.UserID), g.RoomID, details)); err != nil {
			return nil, err
		}
		return []chat.Event{chat.RolesChanged{RoomID: g.RoomID, UserID: g.UserID}}, nil
	})
}
