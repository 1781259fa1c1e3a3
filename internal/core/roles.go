package core

import (
	"context"
	"sync/atomic"

	"parley/internal/chat"
)

// roleTable is the server's roles in memory, renewed on RolesChanged.
type roleTable struct {
	current atomic.Pointer[map[chat.RoleID]chat.Role]
}

// sendLimit returns the messages per 10 s of someone with these roles: the highest of their roles' own limits, else the
// server's; 0 or less means no limit.
func (t *roleTable) sendLimit(roles []chat.RoleID, server int) int { return server }

// loadRoles reads the roles into memory.
func (c *Core) loadRoles(ctx context.Context) error { return nil }

// permit says whether the actor has a server-wide permission, and if not, why (permission_missing). The operator has all.
func (c *Core) permit(ctx context.Context, by chat.Actor, p chat.Permission) (*chat.User, error) {
	return nil, errUnbuilt
}

// Roles lists the server's roles, highest first.
func (c *Core) Roles(ctx context.Context, by chat.Actor) ([]chat.Role, error) {
	return nil, errUnbuilt
}

// PutRole makes a role (empty ID: a new one, placed last but above "user") or changes one. Needs manage_roles and a higher place than the role. Fails
// with role_protected, role_name_taken, role_name_invalid, permission_missing.
func (c *Core) PutRole(ctx context.Context, by chat.Actor, r chat.Role) (chat.Role, error) {
	return chat.Role{}, errUnbuilt
}

// DeleteRole removes a role from the server and from everyone. Fails with role_protected for system roles.
func (c *Core) DeleteRole(ctx context.Context, by chat.Actor, id chat.RoleID) error {
	return errUnbuilt
}

// SetUserRoles gives a person exactly these roles, in this order; "user" is always kept. Nobody gives or takes what is at
// or above their own place; the last owner stays.
func (c *Core) SetUserRoles(ctx context.Context, by chat.Actor, user chat.UserID, roles []chat.RoleID) (*chat.User, error) {
	return nil, errUnbuilt
}

// SetRank gives a person a rank by giving the system role and taking the others. Fails like SetUserRoles, with last_owner.
func (c *Core) SetRank(ctx context.Context, by chat.Actor, user chat.UserID, rank chat.Rank) (*chat.User, error) {
	return nil, errUnbuilt
}

// RoleLists returns, and SetRoleList replaces, which roles have a right in a room (manage_room there). A list for see or
// read narrows a public room.
func (c *Core) RoleLists(ctx context.Context, by chat.Actor, room chat.RoomID) ([]chat.RoleList, error) {
	return nil, errUnbuilt
}

// SetRoleList: see RoleLists. An empty list of roles removes it.
func (c *Core) SetRoleList(ctx context.Context, by chat.Actor, l chat.RoleList) error {
	return errUnbuilt
}

// SetGrant gives or denies one person one right in one room (manage_members there, above the target).
func (c *Core) SetGrant(ctx context.Context, by chat.Actor, g chat.Grant) error { return errUnbuilt }

// ClearGrant takes a personal grant or denial back.
func (c *Core) ClearGrant(ctx context.Context, by chat.Actor, room chat.RoomID, user chat.UserID, right chat.Right) error {
	return errUnbuilt
}
