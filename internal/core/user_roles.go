package core

import (
	"context"
	"slices"

	"parley/internal/chat"
)

// SetUserRoles gives a person exactly these roles, in this order; with none, "user". Nobody gives or takes what is at or above
// their own place, nor gives a permission that they lack; the last owner stays. Without manage_roles a person may still give
// themselves, and take off, roles that are self-assignable. Fails with user_not_found, role_not_found, too_many_roles,
// target_above, last_owner, permission_missing.
func (c *Core) SetUserRoles(ctx context.Context, by chat.Actor, user chat.UserID, roles []chat.RoleID) (*chat.User, error) {
	return c.setRoles(ctx, by, user, true, func([]chat.RoleID) ([]chat.RoleID, error) { return roles, nil })
}

// AddUserRoles gives a person roles beside those they have, behind them. Fails like SetUserRoles.
func (c *Core) AddUserRoles(ctx context.Context, by chat.Actor, user chat.UserID, roles []chat.RoleID) (*chat.User, error) {
	return c.setRoles(ctx, by, user, false, func(old []chat.RoleID) ([]chat.RoleID, error) { return slices.Concat(old, roles), nil })
}

// RemoveUserRoles takes roles from a person; those they do not have are no fault. Fails like SetUserRoles, and with last_role
// when none would be left.
func (c *Core) RemoveUserRoles(ctx context.Context, by chat.Actor, user chat.UserID, roles []chat.RoleID) (*chat.User, error) {
	return c.setRoles(ctx, by, user, false, func(old []chat.RoleID) ([]chat.RoleID, error) { return without(old, roles) })
}

// without takes some roles from a list. Fails with last_role when none would be left.
func without(old, taken []chat.RoleID) ([]chat.RoleID, error) {
	left := slices.DeleteFunc(slices.Clone(old), func(id chat.RoleID) bool { return slices.Contains(taken, id) })
	if len(left) == 0 {
		return nil, chat.Errorf(chat.Conflict, "last_role", "A person keeps at least one role.")
	}
	return left, nil
}

// SelfRoles lists the roles that everybody may give themselves, highest first.
func (c *Core) SelfRoles(ctx context.Context, by chat.Actor) ([]chat.Role, error) {
	if _, err := c.person(ctx, by); err != nil {
		return nil, err
	}
	list, err := c.Roles(ctx, by)
	return slices.DeleteFunc(list, func(r chat.Role) bool { return !r.SelfAssignable }), err
}

// SetSelfRole gives the actor a role that is self-assignable, behind those they have, or takes it off; twice is fine. Fails with
// role_not_found, role_not_self_assignable, too_many_roles, last_role.
func (c *Core) SetSelfRole(ctx context.Context, by chat.Actor, role chat.RoleID, on bool) (*chat.User, error) {
	if _, err := c.person(ctx, by); err != nil {
		return nil, err
	}
	var user *chat.User
	err := c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		old, err := tx.User(ctx, by.UserID)
		if err != nil {
			return nil, err
		}
		user = old
		list, err := tx.Roles(ctx)
		if err != nil {
			return nil, err
		}
		switch r, known := roleMap(list)[role]; {
		case !known:
			return nil, errRoleNotFound
		case !r.SelfAssignable:
			return nil, chat.Errorf(chat.Forbidden, "role_not_self_assignable", "Nobody gives themselves this role. Ask the server's admins for it.")
		case slices.Contains(old.Roles, role) == on:
			return nil, nil
		}
		roles, action := append(slices.Clone(old.Roles), role), "self_role.add"
		if !on {
			action = "self_role.remove"
			if roles, err = without(old.Roles, []chat.RoleID{role}); err != nil {
				return nil, err
			}
		}
		if len(roles) > maxRolesOfUser {
			return nil, errTooManyRoles
		}
		if err := tx.SetUserRoles(ctx, by.UserID, roles); err != nil {
			return nil, err
		}
		if user, err = tx.User(ctx, by.UserID); err != nil {
			return nil, err
		}
		if err := tx.AddAudit(ctx, c.audit(by, action, "role", string(role), 0, nil)); err != nil {
			return nil, err
		}
		return rolesEvents(user, false), nil
	})
	return user, err
}

var errTooManyRoles = chat.InvalidField("roles", "too_many_roles", "A person has at most %d roles.", maxRolesOfUser)

// SetRank gives a person a rank by giving the system role and taking the others. Fails like SetUserRoles.
func (c *Core) SetRank(ctx context.Context, by chat.Actor, user chat.UserID, rank chat.Rank) (*chat.User, error) {
	return c.setRoles(ctx, by, user, false, func(old []chat.RoleID) ([]chat.RoleID, error) {
		roles := slices.DeleteFunc(slices.Clone(old), func(id chat.RoleID) bool { return id.Rank() > chat.RankMember })
		return append(rankRoles(rank), roles...), nil
	})
}

// rankRoles are the system roles of someone of a rank, without "user".
func rankRoles(rank chat.Rank) []chat.RoleID {
	for _, id := range []chat.RoleID{chat.RoleModerator, chat.RoleAdmin, chat.RoleOwner} {
		if id.Rank() == rank {
			return []chat.RoleID{id}
		}
	}
	return nil
}

// rolesEvents tell that a person has other roles.
func rolesEvents(user *chat.User, whole bool) []chat.Event {
	return []chat.Event{chat.UserChanged{User: user}, chat.UserRolesChanged{UserID: user.ID, Whole: whole}}
}

// setRoles replaces a person's roles by what next makes of them.
func (c *Core) setRoles(ctx context.Context, by chat.Actor, id chat.UserID, whole bool, next func([]chat.RoleID) ([]chat.RoleID, error)) (user *chat.User, err error) {
	actor, missing := c.permit(ctx, by, chat.ManageRoles)
	if missing != nil && (by.UserID != id || chat.CodeOf(missing) != "permission_missing") {
		return nil, missing
	}
	err = c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		target, err := tx.User(ctx, id)
		if err != nil {
			return nil, err
		}
		list, err := tx.Roles(ctx)
		if err != nil {
			return nil, err
		}
		table := roleMap(list)
		roles, err := next(target.Roles)
		if err != nil {
			return nil, err
		}
		if roles = wholeRoles(roles); len(roles) > maxRolesOfUser {
			return nil, errTooManyRoles
		}
		changed := difference(target.Roles, roles)
		if actor != nil && actor.Rank != chat.RankOwner && actor.ID != id && target.Rank == chat.RankOwner {
			return nil, errTargetAbove
		}
		for _, id := range changed {
			role, ok := table[id]
			if !ok {
				return nil, errRoleNotFound
			}
			if missing != nil {
				if !role.SelfAssignable {
					return nil, missing
				}
				continue
			}
			if err := mayGive(table, actor, role, slices.Contains(roles, id)); err != nil {
				return nil, err
			}
		}
		if slices.Contains(changed, chat.RoleOwner) && !slices.Contains(roles, chat.RoleOwner) {
			if err := keepOwner(ctx, tx, id); err != nil {
				return nil, err
			}
		}
		if slices.Equal(roles, target.Roles) {
			user = target
			return nil, nil
		}
		if err := tx.SetUserRoles(ctx, id, roles); err != nil {
			return nil, err
		}
		if user, err = tx.User(ctx, id); err != nil {
			return nil, err
		}
		if missing == nil {
			if err := tx.AddAudit(ctx, c.audit(by, "user.roles", "user", string(id), 0, map[string]any{"before": target.Roles, "after": roles})); err != nil {
				return nil, err
			}
		}
		events := rolesEvents(user, whole)
		if user.Rank != target.Rank && by.UserID != id {
			text := "You are now **" + user.Rank.String() + "**."
			told, err := c.tell(ctx, tx, id, chat.SeverityInfo, "Permission level changed", text, 0)
			if err != nil {
				return nil, err
			}
			events = append(events, told)
		}
		return events, nil
	})
	return user, err
}

// mayGive says whether someone may give (or take) a role. actor nil is the operator.
func mayGive(table map[chat.RoleID]chat.Role, actor *chat.User, role chat.Role, give bool) error {
	if !mayHandle(table, actor, role) {
		return chat.Errorf(chat.Forbidden, "target_above", "You can only give and take roles below your own.")
	}
	if actor == nil || !give {
		return nil
	}
	for _, p := range permissions {
		if slices.Contains(role.Permissions, p) && !has(table, actor.Roles, p) {
			return errPermissionMissing(p)
		}
	}
	return nil
}

// wholeRoles drops repetitions; who has no role gets "user".
func wholeRoles(roles []chat.RoleID) []chat.RoleID {
	out := make([]chat.RoleID, 0, len(roles)+1)
	for _, id := range roles {
		if !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	if len(out) == 0 {
		out = append(out, chat.RoleUser)
	}
	return out
}

// difference lists what is in one of two lists only.
func difference(a, b []chat.RoleID) (out []chat.RoleID) {
	for _, id := range a {
		if !slices.Contains(b, id) {
			out = append(out, id)
		}
	}
	for _, id := range b {
		if !slices.Contains(a, id) {
			out = append(out, id)
		}
	}
	return out
}

// keepOwner fails with last_owner unless the server has a usable owner besides this one.
func keepOwner(ctx context.Context, tx Tx, leaving chat.UserID) error {
	usable := false
	owners, _, err := tx.ListUsers(ctx, UserQuery{Rank: string(chat.RoleOwner), Disabled: &usable, Page: chat.Page{Limit: 2}})
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(owners, func(u *chat.User) bool { return u.ID != leaving }) {
		return chat.Errorf(chat.Conflict, "last_owner", "The server needs an owner: make somebody else one first.")
	}
	return nil
}
