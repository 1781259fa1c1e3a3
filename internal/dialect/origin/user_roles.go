package origin

import (
	"context"
	"slices"
	"strconv"

	"parley/internal/chat"
	"parley/internal/core"
)

var userRoleCommands = map[string]command{
	"user_roles_add":    userRolesAdd,
	"user_roles_remove": userRolesRemove,
	"user_roles_set":    userRolesSet,
	"user_roles_get":    userRolesGet,
}

type userRoles struct {
	Cmd    string   `json:"cmd"`
	User   string   `json:"user"`
	Roles  []string `json:"roles"`
	Color  *string  `json:"color"`
	Global bool     `json:"global,omitempty"`
}

func (d *Dialect) userRoles(ctx context.Context, u *chat.User, global bool) userRoles {
	return userRoles{"user_roles_get", nameOf(u), d.rolesOf(ctx, u), d.colorOf(ctx, u), global}
}

// userRolesChanged encodes that a person has other roles.
func (d *Dialect) userRolesChanged(ctx context.Context, e chat.UserRolesChanged) any {
	if u := d.user(ctx, e.UserID); u != nil {
		return d.userRoles(ctx, u, e.Whole)
	}
	return nil
}

// holder reads the person and the roles that a request names, checking in the protocol's order; who is who may be checked first.
func (s *socket) holder(ctx context.Context, q *request) (u *chat.User, roles []chat.RoleID, err error) {
	name, err := q.text("user")
	if err != nil {
		return nil, nil, err
	}
	if name == "" {
		return nil, nil, refuse(q.cmd, "User parameter is required")
	}
	names, err := q.texts("roles")
	if err != nil || len(names) == 0 {
		return nil, nil, refuse(q.cmd, "Roles list is required")
	}
	if u, err = s.dialect.userNamed(ctx, name); err != nil {
		return nil, nil, inWords(err, q.cmd, map[string]string{"user_not_found": "User not found", "not_found": "User not found"})
	}
	table, err := s.dialect.core.RoleTable(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, n := range names {
		r, known := roleNamed(table, n)
		if !known {
			return nil, nil, refusef(q.cmd, "Role '%s' does not exist", clip(n))
		}
		if !slices.Contains(roles, r.ID) {
			roles = append(roles, r.ID)
		}
	}
	return u, roles, nil
}

// mayChange says why the caller may not give or take roles of a person (specs: originchats §7.3).
func (s *socket) mayChange(ctx context.Context, q *request, u *chat.User, changed []chat.RoleID) error {
	table, me := s.dialect.roleTable(ctx), s.dialect.user(ctx, s.actor.UserID)
	if me == nil || me.Rank == chat.RankOwner {
		return nil
	}
	if u.Rank == chat.RankOwner {
		return refuse(q.cmd, "Cannot modify roles of the server owner")
	}
	for _, id := range changed {
		if err := s.manage(ctx, q, id, table[id].Name); err != nil {
			return err
		}
	}
	return nil
}

// mayManageUsers refuses who is neither an owner nor manages users.
func (s *socket) mayManageUsers(ctx context.Context) error {
	manages, err := s.dialect.core.Holds(ctx, s.actor, chat.ManageUsers)
	if err == nil && !manages {
		err = errOwnerOnly
	}
	return err
}

// givingWords are refusals of the core that are left after the protocol's own checks.
func givingWords(err error, q *request) error {
	return inWords(err, q.cmd, map[string]string{
		"user_not_found": "User not found", "last_role": "Cannot remove all roles from a user", "target_above": "Cannot manage roles at or above your position",
		"permission_missing": "Cannot manage roles at or above your position",
	})
}

type rolesAdded struct {
	Cmd   string   `json:"cmd"`
	User  string   `json:"user"`
	Roles []string `json:"roles"`
	Added bool     `json:"added"`
}

func userRolesAdd(ctx context.Context, s *socket, q *request) (any, error) {
	if err := s.mayManageUsers(ctx); err != nil {
		return nil, err
	}
	u, roles, err := s.holder(ctx, q)
	if err != nil {
		return nil, err
	}
	if err := s.mayChange(ctx, q, u, roles); err != nil {
		return nil, err
	}
	now, err := s.dialect.core.AddUserRoles(ctx, s.actor, u.ID, roles)
	if err != nil {
		return nil, givingWords(err, q)
	}
	s.dialect.hub.Caught()
	return rolesAdded{q.cmd, nameOf(now), s.dialect.rolesOf(ctx, now), true}, nil
}

type rolesRemoved struct {
	Cmd     string   `json:"cmd"`
	User    string   `json:"user"`
	Roles   []string `json:"roles"`
	Removed bool     `json:"removed"`
}

func userRolesRemove(ctx context.Context, s *socket, q *request) (any, error) {
	if err := s.mayManageUsers(ctx); err != nil {
		return nil, err
	}
	u, roles, err := s.holder(ctx, q)
	if err != nil {
		return nil, err
	}
	if err := s.mayChange(ctx, q, u, roles); err != nil {
		return nil, err
	}
	now, err := s.dialect.core.RemoveUserRoles(ctx, s.actor, u.ID, roles)
	if err != nil {
		return nil, givingWords(err, q)
	}
	s.dialect.hub.Caught()
	return rolesRemoved{q.cmd, nameOf(now), s.dialect.rolesOf(ctx, now), len(now.Roles) < len(u.Roles)}, nil
}

// userRolesSet replaces a person's roles. What everybody is told of it is the answer.
func userRolesSet(ctx context.Context, s *socket, q *request) (any, error) {
	if err := s.require(ctx, q, chat.ManageUsers); err != nil {
		return nil, err
	}
	u, roles, err := s.holder(ctx, q)
	if err != nil {
		return nil, err
	}
	var changed []chat.RoleID
	for _, id := range slices.Concat(u.Roles, roles) {
		if slices.Contains(u.Roles, id) != slices.Contains(roles, id) {
			changed = append(changed, id)
		}
	}
	if err := s.mayChange(ctx, q, u, changed); err != nil {
		return nil, err
	}
	d := s.dialect
	mark := "r" + strconv.FormatUint(d.marks.Add(1), 36)
	d.hub.Expect(mark, s.live, q.tail())
	defer d.hub.Forget(mark)
	now, err := d.core.SetUserRoles(core.WithMark(ctx, mark), s.actor, u.ID, roles)
	if err != nil {
		return nil, givingWords(err, q)
	}
	d.hub.Caught()
	if slices.Equal(now.Roles, u.Roles) { // nothing to tell, but the answer
		return d.userRoles(ctx, now, true), nil
	}
	return nil, nil
}

func userRolesGet(ctx context.Context, s *socket, q *request) (any, error) {
	name, err := q.text("user")
	if err != nil {
		return nil, err
	}
	if name == "" {
		return nil, refuse(q.cmd, "User parameter is required")
	}
	u, err := s.dialect.userNamed(ctx, name)
	if err != nil {
		return nil, inWords(err, q.cmd, map[string]string{"user_not_found": "User not found", "not_found": "User not found"})
	}
	if u.ID != s.actor.UserID {
		if err := s.require(ctx, q, chat.ManageUsers); err != nil {
			return nil, err
		}
	}
	return s.dialect.userRoles(ctx, u, false), nil
}
