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
// may change the room's roles hand on what makes an admin. Fails with right_invalid, role_not_found, roles_invalid and the
// refusals of these rights.
func (c *Core) SetRoleList(ctx context.Context, by chat.Actor, l chat.RoleList) error {
	s, err := c.allow(ctx, by, chat.CanManageRoom, l.RoomID)
	if err != nil {
		return err
	}
	if err := c.mayHandOn(s, l.Right); err != nil {
		return err
	}
	if len(l.Roles) > maxRoleEntries {
		return chat.InvalidField("roles", "roles_invalid", "At most %d roles.", maxRoleEntries)
	}
	table, err := c.roleTable(ctx)
	if err != nil {
		return err
	}
	for i, e := range l.Roles {
		if _, ok := table[e.RoleID]; !ok {
			return errRoleNotFound
		}
		if slices.ContainsFunc(l.Roles[:i], func(x chat.RoleEntry) bool { return x.RoleID == e.RoleID }) {
			return chat.InvalidField("roles", "roles_invalid", "A role is named twice.")
		}
	}
	return c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		if err := tx.PutRoleList(ctx, l); err != nil {
			return nil, err
		}
		details := map[string]any{"right": l.Right, "roles": l.Roles}
		if err := tx.AddAudit(ctx, c.audit(by, "room.rights", "room", l.RoomID.String(), l.RoomID, details)); err != nil {
			return nil, err
		}
		return []chat.Event{chat.RolesChanged{RoomID: l.RoomID}}, nil
	})
}

// mayHandOn says whether the holder of a seat may give or deny others a right.
func (c *Core) mayHandOn(s *seat, right chat.Right) error {
	if !slices.Contains(chat.Rights(), right) {
		return chat.InvalidField("right", "right_invalid", "There is no right %q.", truncate(string(right), 50))
	}
	if s.user == nil || right == chat.CanSee || right == chat.CanJoin {
		return nil
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
		return []chat.Event{chat.RolesChanged{RoomID: g.RoomID}}, nil
	})
}
