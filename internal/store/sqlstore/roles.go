package sqlstore

import (
	"context"
	"maps"
	"slices"
	"strings"

	"parley/internal/chat"
)

const roleColumns = `id, name, description, color, hoisted, self_assignable, category, position, permissions, system, messages_per_10s`

func scanRole(row scanner) (role chat.Role, err error) {
	var permissions string
	err = row.Scan(&role.ID, &role.Name, &role.Description, &role.Color, &role.Hoisted, &role.SelfAssignable, &role.Category,
		&role.Position, &permissions, &role.System, &role.MessagesPer10s)
	role.Permissions = splitLines[chat.Permission](permissions)
	return role, err
}

// splitLines reads a list that is kept one a line.
func splitLines[T ~string](text string) (list []T) {
	for line := range strings.SplitSeq(text, "\n") {
		if line != "" {
			list = append(list, T(line))
		}
	}
	return list
}

// joinLines is how splitLines reads a list.
func joinLines[T ~string](list []T) string {
	lines := make([]string, len(list))
	for i, line := range list {
		lines[i] = string(line)
	}
	return strings.Join(lines, "\n")
}

// Roles lists the server's roles, highest first.
func (r reader) Roles(ctx context.Context) ([]chat.Role, error) {
	return all(ctx, r.x, scanRole, `SELECT `+roleColumns+` FROM roles ORDER BY position, id`)
}

var (
	errRoleNameTaken = &chat.Error{Kind: chat.Conflict, Code: "role_name_taken", Text: "Another role has this name. Choose another one.", Field: "name"}
	errRoleIsSystem  = chat.Errorf(chat.Conflict, "role_is_system", "The server's own roles cannot be deleted.")
)

// PutRole adds a role or changes one; whether it is a system role never changes. Fails with Conflict role_name_taken; names
// are compared without regard to case.
func (t *tx) PutRole(ctx context.Context, r chat.Role) error {
	key := strings.ToLower(r.Name)
	taken, err := exists(ctx, t.x, `SELECT 1 FROM roles WHERE name_key = $1 AND id <> $2`, key, r.ID)
	if err != nil {
		return err
	}
	if taken {
		return errRoleNameTaken
	}
	_, err = t.x.exec(ctx, `INSERT INTO roles (id, name, name_key, description, color, hoisted, self_assignable, category, position,
			permissions, system, messages_per_10s)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, name_key = excluded.name_key, description = excluded.description,
			color = excluded.color, hoisted = excluded.hoisted, self_assignable = excluded.self_assignable, category = excluded.category,
			position = excluded.position, permissions = excluded.permissions, messages_per_10s = excluded.messages_per_10s`,
		r.ID, r.Name, key, r.Description, r.Color, r.Hoisted, r.SelfAssignable, r.Category, r.Position,
		joinLines(r.Permissions), r.System, r.MessagesPer10s)
	return err
}

// DeleteRole removes a role from the server, from everyone who has it and from every room's lists. Who has no other role gets
// "user". Fails with not_found, or Conflict role_is_system for the system's own.
func (t *tx) DeleteRole(ctx context.Context, id chat.RoleID) error {
	if id != chat.RoleUser {
		if err := t.keepRole(ctx, id); err != nil {
			return err
		}
	}
	n, err := t.x.exec(ctx, `DELETE FROM roles WHERE id = $1 AND NOT system`, id)
	if err != nil || n > 0 {
		return err
	}
	if err := t.needRoles(ctx, map[chat.RoleID]bool{id: true}); err != nil {
		return err
	}
	return errRoleIsSystem
}

// keepRole gives "user" to everyone who would have no role without one that goes.
func (t *tx) keepRole(ctx context.Context, id chat.RoleID) error {
	_, err := t.x.exec(ctx, `INSERT INTO user_roles (user_id, role_id, position) SELECT a.user_id, 'user', a.position FROM user_roles a
		WHERE a.role_id = $1 AND NOT EXISTS (SELECT 1 FROM user_roles b WHERE b.user_id = a.user_id AND b.role_id <> $2)`, id, id)
	return err
}

// needRoles fails with not_found unless all the roles exist.
func (t *tx) needRoles(ctx context.Context, roles map[chat.RoleID]bool) error {
	ids := slices.Collect(maps.Keys(roles))
	found, err := allIn(ctx, t.x, scalar[chat.RoleID], `SELECT id FROM roles WHERE id IN `, ids)
	if err == nil && len(found) < len(ids) {
		return chat.ErrNotFound
	}
	return err
}

// RoleLists returns the lists of a room by right, each with its entries in order.
func (r reader) RoleLists(ctx context.Context, room chat.RoomID) ([]chat.RoleList, error) {
	type entry struct {
		right chat.Right
		chat.RoleEntry
	}
	entries, err := all(ctx, r.x, func(row scanner) (e entry, err error) {
		err = row.Scan(&e.right, &e.RoleID, &e.Deny)
		return e, err
	}, `SELECT "right", role_id, deny FROM role_lists WHERE room_id = $1 ORDER BY "right", position`, room)
	var lists []chat.RoleList
	for _, e := range entries {
		if n := len(lists); n == 0 || lists[n-1].Right != e.right {
			lists = append(lists, chat.RoleList{RoomID: room, Right: e.right})
		}
		last := &lists[len(lists)-1]
		last.Roles = append(last.Roles, e.RoleEntry)
	}
	return lists, err
}

// PutRoleList replaces the list of one right in one room; an empty one removes it. Fails with room_not_found, or not_found
// for an unknown role.
func (t *tx) PutRoleList(ctx context.Context, l chat.RoleList) error {
	if err := t.needRoom(ctx, l.RoomID); err != nil {
		return err
	}
	if _, err := t.x.exec(ctx, `DELETE FROM role_lists WHERE room_id = $1 AND "right" = $2`, l.RoomID, l.Right); err != nil || len(l.Roles) == 0 {
		return err
	}
	var v values
	named := make(map[chat.RoleID]bool, len(l.Roles))
	for i, e := range l.Roles {
		named[e.RoleID] = true
		v.row(l.RoomID, l.Right, i, e.RoleID, e.Deny)
	}
	if err := t.needRoles(ctx, named); err != nil {
		return err
	}
	_, err := t.x.exec(ctx, `INSERT INTO role_lists (room_id, "right", position, role_id, deny) VALUES `+v.String(), v.args...)
	return err
}

// Grants lists what one person is granted or denied in one room, by right, those that have run out included.
func (r reader) Grants(ctx context.Context, room chat.RoomID, user chat.UserID) ([]chat.Grant, error) {
	return all(ctx, r.x, scanGrant, `SELECT `+grantColumns+` FROM grants WHERE room_id = $1 AND user_id = $2 ORDER BY "right"`, room, user)
}

const grantColumns = `room_id, user_id, "right", allow, until`

func scanGrant(row scanner) (g chat.Grant, err error) {
	err = row.Scan(&g.RoomID, &g.UserID, &g.Right, &g.Allow, asMillis(&g.Until))
	return g, err
}

// PutGrant adds or replaces the grant of one right. Fails with room_not_found or user_not_found.
func (t *tx) PutGrant(ctx context.Context, g chat.Grant) error {
	if err := t.needRoom(ctx, g.RoomID); err != nil {
		return err
	}
	if err := t.needUser(ctx, g.UserID); err != nil {
		return err
	}
	_, err := t.x.exec(ctx, `INSERT INTO grants (room_id, user_id, "right", allow, until) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (room_id, user_id, "right") DO UPDATE SET allow = excluded.allow, until = excluded.until`,
		g.RoomID, g.UserID, g.Right, g.Allow, millis(g.Until))
	return err
}

// DeleteGrant takes a grant back; one that is not there is fine.
func (t *tx) DeleteGrant(ctx context.Context, room chat.RoomID, user chat.UserID, right chat.Right) error {
	_, err := t.x.exec(ctx, `DELETE FROM grants WHERE room_id = $1 AND user_id = $2 AND "right" = $3`, room, user, right)
	return err
}
