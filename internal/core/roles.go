package core

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"parley/internal/chat"
)

// Bounds of roles.
const (
	maxRoles           = 250
	maxRolesOfUser     = 50
	maxPermissions     = 100
	maxPermissionBytes = 64
	maxRoleEntries     = 100
	maxSendLimit       = 100_000
)

// roleTable is the server's roles in memory, read anew after RolesChanged.
type roleTable struct {
	mu      sync.RWMutex
	current map[chat.RoleID]chat.Role // nil: to be read; never changed once it is here
	gen     uint64
}

func (t *roleTable) apply(ev chat.Event) {
	if e, ok := ev.(chat.RolesChanged); ok && e.RoomID == 0 {
		t.drop()
	}
}

// drop forgets the roles.
func (t *roleTable) drop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.current = nil
	t.gen++
}

// roleTable returns the server's roles by id, from memory or the store. Nobody changes the map.
func (c *Core) roleTable(ctx context.Context) (map[chat.RoleID]chat.Role, error) {
	t := &c.rights
	t.mu.RLock()
	roles, gen := t.current, t.gen
	t.mu.RUnlock()
	if roles != nil {
		return roles, nil
	}
	list, err := c.Store.Roles(ctx)
	if err != nil {
		return nil, err
	}
	roles = roleMap(list)
	t.mu.Lock()
	defer t.mu.Unlock()
	if gen == t.gen {
		t.current = roles
	}
	return roles, nil
}

// RoleTable returns the server's roles by id, for those who translate them. Nobody changes the map.
func (c *Core) RoleTable(ctx context.Context) (map[chat.RoleID]chat.Role, error) {
	return c.roleTable(ctx)
}

// loadRoles reads the roles into memory.
func (c *Core) loadRoles(ctx context.Context) error {
	_, err := c.roleTable(ctx)
	return err
}

// sendLimit returns the messages per 10 s of someone with these roles: the highest of their roles' own limits, else the
// server's; 0 or less means no limit.
func sendLimit(table map[chat.RoleID]chat.Role, roles []chat.RoleID, server int) int {
	own := 0
	for _, id := range roles {
		limit := table[id].MessagesPer10s
		if limit < 0 {
			return -1
		}
		own = max(own, limit)
	}
	return cmp.Or(own, server)
}

// has says whether any of the roles gives the permission. Strings that the server does not know have no effect, so
// everybody may hand them on.
func has(table map[chat.RoleID]chat.Role, roles []chat.RoleID, p chat.Permission) bool {
	for _, id := range roles {
		permissions := table[id].Permissions
		if id == chat.RoleOwner || slices.Contains(permissions, chat.Administrator) || slices.Contains(permissions, p) {
			return true
		}
	}
	return false
}

// permissions are those that have an effect.
var permissions = []chat.Permission{chat.Administrator, chat.ManageServer, chat.ViewAuditLog, chat.ManageRoles, chat.ManageRooms, chat.ManageThreads,
	chat.ManageUsers, chat.ManageMessages, chat.ReviewReports, chat.Announce, chat.CreateRooms, chat.CreateInvites, chat.MentionEveryone, chat.ManageEmoji}

// TakesEffect reports whether the server knows a permission; others are kept for those who do.
func TakesEffect(p chat.Permission) bool { return slices.Contains(permissions, p) }

// place is the position of someone's highest role: the smaller, the higher they stand.
func place(table map[chat.RoleID]chat.Role, roles []chat.RoleID) int {
	best := int(^uint(0) >> 1)
	for _, id := range roles {
		if r, ok := table[id]; ok {
			best = min(best, r.Position)
		}
	}
	return best
}

func errPermissionMissing(p chat.Permission) *chat.Error {
	return chat.Errorf(chat.Forbidden, "permission_missing", "You need the permission %q for this.", p)
}

// Permitted says whether the actor's server roles allow something, for clients that show or ask it by name; what needs a
// permission asks for it itself. Fails with permission_missing.
func (c *Core) Permitted(ctx context.Context, by chat.Actor, p chat.Permission) error {
	_, err := c.permit(ctx, by, p)
	return err
}

// permit says whether the actor has a server-wide permission, and if not, why (permission_missing). The operator has all,
// and no user.
func (c *Core) permit(ctx context.Context, by chat.Actor, p chat.Permission) (*chat.User, error) {
	if by.Operator {
		return nil, nil
	}
	user, err := c.person(ctx, by)
	if err != nil {
		return nil, err
	}
	table, err := c.roleTable(ctx)
	if err != nil {
		return nil, err
	}
	if !has(table, user.Roles, p) {
		return nil, errPermissionMissing(p)
	}
	return user, nil
}

// Holds reports whether the actor has a server-wide permission, for those whose refusals name it in other words.
func (c *Core) Holds(ctx context.Context, by chat.Actor, p chat.Permission) (bool, error) {
	_, err := c.permit(ctx, by, p)
	if chat.CodeOf(err) == "permission_missing" {
		return false, nil
	}
	return err == nil, err
}

// MayManageRole says why the actor may not change, give or take a role: permission_missing (manage_roles), role_not_found,
// target_above for a role that is not below their own, role_protected for one that only owners handle. Owners may all.
func (c *Core) MayManageRole(ctx context.Context, by chat.Actor, id chat.RoleID) error {
	actor, err := c.permit(ctx, by, chat.ManageRoles)
	if err != nil || actor == nil || actor.Rank == chat.RankOwner {
		return err
	}
	table, err := c.roleTable(ctx)
	if err != nil {
		return err
	}
	r, known := table[id]
	switch {
	case !known:
		return errRoleNotFound
	case place(table, actor.Roles) >= r.Position:
		return chat.Errorf(chat.Forbidden, "target_above", "You can only manage roles below your own.")
	case ofOwners(id):
		return errRoleProtected("Only owners handle this role.")
	}
	return nil
}

// permitRank is permit for what goes by rank.
func (c *Core) permitRank(ctx context.Context, by chat.Actor, least chat.Rank) (*chat.User, error) {
	if by.Operator {
		return nil, nil
	}
	user, err := c.person(ctx, by)
	if err != nil {
		return nil, err
	}
	if user.Rank < least {
		return nil, chat.Errorf(chat.Forbidden, "permission_missing", "You need the rank %q or a higher one for this.", least)
	}
	return user, nil
}

// standsAbove refuses what someone would do to a person of equal or higher standing on the server: the target's highest
// role must be below the actor's and their rank not higher. Owners may act on each other, nobody on themselves, the
// operator (actor nil) on all. Fails with target_is_self or target_above.
func standsAbove(table map[chat.RoleID]chat.Role, actor, target *chat.User) error {
	switch {
	case actor == nil:
		return nil
	case actor.ID == target.ID:
		return chat.Errorf(chat.Invalid, "target_is_self", "You cannot do this to yourself.")
	case outranks(actor, target) && actor.Rank == chat.RankOwner:
		return nil
	case actor.Rank >= target.Rank && place(table, actor.Roles) < place(table, target.Roles):
		return nil
	}
	return errTargetAbove
}

var errTargetAbove = chat.Errorf(chat.Forbidden, "target_above", "You may do this only to people who stand below you.")

// Roles lists the server's roles, highest first.
func (c *Core) Roles(ctx context.Context, by chat.Actor) ([]chat.Role, error) {
	table, err := c.roleTable(ctx)
	if err != nil {
		return nil, err
	}
	return slices.SortedFunc(maps.Values(table), func(a, b chat.Role) int {
		return cmp.Or(cmp.Compare(a.Position, b.Position), cmp.Compare(a.ID, b.ID))
	}), nil
}

var (
	errRoleNotFound  = chat.Errorf(chat.NotFound, "role_not_found", "There is no such role.")
	errRoleNameTaken = &chat.Error{Kind: chat.Conflict, Code: "role_name_taken", Field: "name", Text: "Another role has this name. Choose another one."}
	colorPattern     = regexp.MustCompile(`^#[0-9A-Fa-f]{6}$`)
)

func errRoleProtected(text string) *chat.Error {
	return chat.Errorf(chat.Forbidden, "role_protected", "%s", text)
}

// cleanRole checks what a person says of a role. Fails with <field>_invalid.
func cleanRole(r *chat.Role) (err error) {
	if r.Name, err = cleanName("name", "role_name", r.Name, 1, 64); err != nil {
		return err
	}
	if r.Description, err = cleanText("description", "description", r.Description, 500); err != nil {
		return err
	}
	if r.Category, err = cleanName("category", "category", r.Category, 0, 50); err != nil {
		return err
	}
	if r.Color != "" && !colorPattern.MatchString(r.Color) {
		return chat.InvalidField("color", "color_invalid", "A colour is written like #12ab9f.")
	}
	if r.MessagesPer10s < -1 || r.MessagesPer10s > maxSendLimit {
		return chat.InvalidField("messages_per_10s", "messages_per_10s_invalid", "A number from 1 to %d, 0 for the server's limit, or -1 for none.", maxSendLimit)
	}
	r.Permissions, err = cleanPermissions(r.Permissions)
	return err
}

// cleanPermissions sorts permissions and checks that they can be such. Fails with permissions_invalid.
func cleanPermissions(list []chat.Permission) ([]chat.Permission, error) {
	list = slices.Compact(slices.Sorted(slices.Values(list)))
	if len(list) > maxPermissions {
		return nil, chat.InvalidField("permissions", "permissions_invalid", "At most %d permissions.", maxPermissions)
	}
	for _, p := range list {
		if p == "" || len(p) > maxPermissionBytes || strings.ContainsFunc(string(p), func(r rune) bool { return r <= ' ' || r > '~' }) {
			return nil, chat.InvalidField("permissions", "permissions_invalid", "A permission is a word of at most %d letters, digits and signs.", maxPermissionBytes)
		}
	}
	return list, nil
}

// RoleRule is something that one protocol asks of a change of roles and others do not.
type RoleRule uint8

// The rules beside those that always hold.
const (
	// Lowest places a new role below all others, "user" included.
	Lowest RoleRule = iota
	// NameWhileListed refuses another name for a role that stands in the permissions of a room of the server, and deleting it, with
	// role_listed: see ListedIn.
	NameWhileListed
)

// listedIn is the room of a refusal by NameWhileListed.
type listedIn chat.RoomID

func (r listedIn) Error() string { return "named in room " + chat.RoomID(r).String() }

// ListedIn returns the room in whose permissions the role of a role_listed error stands.
func ListedIn(err error) (room chat.RoomID, ok bool) {
	var in listedIn
	ok = errors.As(err, &in)
	return chat.RoomID(in), ok
}

// unlisted fails with role_listed if a role stands in the permissions of a room of the server.
func unlisted(ctx context.Context, tx Tx, id chat.RoleID) error {
	lists, err := tx.RoleListsNaming(ctx, id)
	if err != nil || len(lists) == 0 {
		return err
	}
	rooms, err := tx.OfficialRooms(ctx)
	if err != nil {
		return err
	}
	for _, r := range rooms {
		if slices.ContainsFunc(lists, func(l chat.RoleList) bool { return l.RoomID == r.ID }) {
			return &chat.Error{Kind: chat.Conflict, Code: "role_listed", Text: "The permissions of a room name this role. Take it out there first.", Cause: listedIn(r.ID)}
		}
	}
	return nil
}

// PutRole makes a role (empty ID: a new one, placed just above "user") or changes one; its Position is its index in the list
// then. Needs manage_roles and a higher place than the role has and gets; nobody puts a permission into a role that they lack.
// The server's own roles keep their names and stand in the order owner, admin, moderator, user, owner before all others; "owner"
// keeps its permissions, and only owners change it and "admin". Fails with role_protected, role_name_taken, role_name_invalid,
// color_invalid, permissions_invalid, too_many_roles, role_not_found, permission_missing, role_listed.
func (c *Core) PutRole(ctx context.Context, by chat.Actor, r chat.Role, rules ...RoleRule) (chat.Role, error) {
	actor, err := c.permit(ctx, by, chat.ManageRoles)
	if err != nil {
		return chat.Role{}, err
	}
	if err := cleanRole(&r); err != nil {
		return chat.Role{}, err
	}
	id, action := r.ID, "role.update"
	if id == "" {
		id, action = chat.RoleID(c.newKey()), "role.create"
	}
	made := r
	err = c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		before, err := tx.Roles(ctx)
		if err != nil {
			return nil, err
		}
		made = r
		after, err := putRole(before, &made, id, actor, slices.Contains(rules, Lowest))
		if err != nil {
			return nil, err
		}
		if old, known := roleMap(before)[id]; known && old.Name != made.Name && slices.Contains(rules, NameWhileListed) {
			if err := unlisted(ctx, tx, id); err != nil {
				return nil, err
			}
		}
		for i, role := range after {
			if role.ID == id {
				made.Position = i
				role = made
			} else if role.Position == i {
				continue
			}
			role.Position = i
			if err := tx.PutRole(ctx, role); err != nil {
				return nil, err
			}
		}
		if err := tx.AddAudit(ctx, c.audit(by, action, "role", string(id), 0, map[string]any{"name": made.Name, "permissions": made.Permissions})); err != nil {
			return nil, err
		}
		return []chat.Event{chat.RolesChanged{}}, nil
	})
	if err != nil {
		return chat.Role{}, err
	}
	return made, nil
}

// putRole checks a change of the list of roles, completes r and returns the list in its new order. actor nil is the operator.
func putRole(list []chat.Role, r *chat.Role, id chat.RoleID, actor *chat.User, lowest bool) ([]chat.Role, error) {
	for _, x := range list {
		if x.ID != id && strings.EqualFold(x.Name, r.Name) {
			return nil, errRoleNameTaken
		}
	}
	table, before := roleMap(list), list
	from := slices.IndexFunc(list, func(x chat.Role) bool { return x.ID == id })
	to := r.Position
	var old chat.Role
	switch {
	case r.ID == "" && len(list) >= maxRoles:
		return nil, chat.Errorf(chat.Conflict, "too_many_roles", "A server has at most %d roles.", maxRoles)
	case r.ID == "":
		to = slices.IndexFunc(list, func(x chat.Role) bool { return x.ID == chat.RoleUser })
		r.ID, r.System = id, false
		if to < 0 || lowest {
			to = len(list)
		}
		list = slices.Insert(slices.Clone(list), to, *r)
	case from < 0:
		return nil, errRoleNotFound
	default:
		old = list[from]
		r.System = old.System
		if old.System && (r.Name != old.Name || r.SelfAssignable != old.SelfAssignable && id != chat.RoleUser) {
			return nil, errRoleProtected("The names of the server's own roles are fixed, and nobody makes themselves a moderator or more.")
		}
		if id == chat.RoleOwner && !slices.Equal(r.Permissions, slices.Sorted(slices.Values(old.Permissions))) {
			return nil, errRoleProtected("Owners always have all permissions.")
		}
		if to < 0 || to >= len(list) {
			return nil, errRoleProtected("There is no such place among the roles.")
		}
		list = slices.Insert(slices.Delete(slices.Clone(list), from, from+1), to, *r)
		if err := checkRoleOrder(list); err != nil {
			return nil, err
		}
	}
	if actor == nil {
		return list, nil
	}
	if actor.Rank != chat.RankOwner {
		mine := func(x chat.Role) bool { return slices.Contains(actor.Roles, x.ID) }
		if from >= 0 && (slices.IndexFunc(before, mine) >= from || ofOwners(id)) || slices.IndexFunc(list, mine) >= to {
			return nil, chat.Errorf(chat.Forbidden, "permission_missing", "You can only change roles below your own.")
		}
	}
	for _, p := range permissions {
		if slices.Contains(r.Permissions, p) != slices.Contains(old.Permissions, p) && !has(table, actor.Roles, p) {
			return nil, errPermissionMissing(p)
		}
	}
	return list, nil
}

// systemRoles are the server's own roles in the order that they keep.
var systemRoles = []chat.RoleID{chat.RoleOwner, chat.RoleAdmin, chat.RoleModerator, chat.RoleUser}

// checkRoleOrder fails with role_protected unless "owner" comes first and the server's own roles in their order.
func checkRoleOrder(list []chat.Role) error {
	var own []chat.RoleID
	for _, r := range list {
		if r.System {
			own = append(own, r.ID)
		}
	}
	if list[0].ID != chat.RoleOwner || !slices.Equal(own, systemRoles) {
		return errRoleProtected("Owners stand above everybody, and admins above moderators above users: other roles go in between.")
	}
	return nil
}

// ofOwners tells the roles that only owners change, give and take.
func ofOwners(id chat.RoleID) bool { return id == chat.RoleOwner || id == chat.RoleAdmin }

// OrderRoles puts roles first in this order; those that are not named follow in theirs. Nobody moves what is at or above their
// own place, nor anything up to there. Fails wholly, with order_invalid, role_protected or permission_missing (manage_roles).
func (c *Core) OrderRoles(ctx context.Context, by chat.Actor, roles []chat.RoleID) error {
	actor, err := c.permit(ctx, by, chat.ManageRoles)
	if err != nil {
		return err
	}
	return c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		before, err := tx.Roles(ctx)
		if err != nil {
			return nil, err
		}
		after, err := orderRoles(before, roles, actor)
		if err != nil {
			return nil, err
		}
		moved := false
		for i, role := range after {
			if role.ID != before[i].ID {
				moved = true
			}
			if role.Position == i {
				continue
			}
			role.Position = i
			if err := tx.PutRole(ctx, role); err != nil {
				return nil, err
			}
		}
		if !moved {
			return nil, nil
		}
		if err := tx.AddAudit(ctx, c.audit(by, "role.order", "role", "", 0, map[string]any{"roles": roles})); err != nil {
			return nil, err
		}
		return []chat.Event{chat.RolesChanged{}}, nil
	})
}

// orderRoles returns the list with some roles first. actor nil is the operator.
func orderRoles(list []chat.Role, first []chat.RoleID, actor *chat.User) ([]chat.Role, error) {
	table := roleMap(list)
	out := make([]chat.Role, 0, len(list))
	for i, id := range first {
		r, known := table[id]
		if !known || slices.Contains(first[:i], id) {
			return nil, errOrder
		}
		out = append(out, r)
	}
	for _, r := range list {
		if !slices.Contains(first, r.ID) {
			out = append(out, r)
		}
	}
	if err := checkRoleOrder(out); err != nil {
		return nil, err
	}
	if actor == nil || actor.Rank == chat.RankOwner {
		return out, nil
	}
	top := slices.IndexFunc(list, func(x chat.Role) bool { return slices.Contains(actor.Roles, x.ID) })
	for i := 0; i <= top; i++ { // their own highest role, and all above it
		if out[i].ID != list[i].ID {
			return nil, chat.Errorf(chat.Forbidden, "permission_missing", "You can only move roles below your own.")
		}
	}
	if top < 0 {
		return nil, errPermissionMissing(chat.ManageRoles)
	}
	return out, nil
}

// maxHoldersTold is of how many people it is told that they lost a deleted role; of more, clients learn from the role's absence.
const maxHoldersTold = 1000

// DeleteRole removes a role from the server and from everyone; who is left without any gets "user". Where a room's list named
// nobody else, nobody but owners is left on it, so that what was closed stays closed. Fails with role_protected for system roles,
// role_not_found, permission_missing, role_listed.
func (c *Core) DeleteRole(ctx context.Context, by chat.Actor, id chat.RoleID, rules ...RoleRule) error {
	actor, err := c.permit(ctx, by, chat.ManageRoles)
	if err != nil {
		return err
	}
	return c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		list, err := tx.Roles(ctx)
		if err != nil {
			return nil, err
		}
		table := roleMap(list)
		role, ok := table[id]
		switch {
		case !ok:
			return nil, errRoleNotFound
		case role.System:
			return nil, errRoleProtected("The server's own roles cannot be deleted.")
		case !mayHandle(table, actor, role):
			return nil, chat.Errorf(chat.Forbidden, "permission_missing", "You can only delete roles below your own.")
		}
		if slices.Contains(rules, NameWhileListed) {
			if err := unlisted(ctx, tx, id); err != nil {
				return nil, err
			}
		}
		events := []chat.Event{chat.RolesChanged{}}
		lists, err := tx.RoleListsNaming(ctx, id)
		if err != nil {
			return nil, err
		}
		for _, l := range lists {
			if len(l.Roles) == 1 {
				l.Roles = []chat.RoleEntry{{RoleID: chat.RoleOwner}}
				if err := tx.PutRoleList(ctx, l); err != nil {
					return nil, err
				}
			}
		}
		if len(lists) > 0 {
			events = append(events, chat.DirectoryChanged{})
		}
		holders, err := holdersOf(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		if err := tx.DeleteRole(ctx, id); err != nil {
			return nil, err
		}
		now, err := tx.Users(ctx, holders)
		if err != nil {
			return nil, err
		}
		for _, user := range now {
			events = append(events, rolesEvents(user, false)...)
		}
		if err := tx.AddAudit(ctx, c.audit(by, "role.delete", "role", string(id), 0, map[string]any{"name": role.Name})); err != nil {
			return nil, err
		}
		return events, nil
	})
}

// holdersOf names the first people who have a role.
func holdersOf(ctx context.Context, r Reader, id chat.RoleID) (ids []chat.UserID, err error) {
	q := UserQuery{Rank: string(id), Page: chat.Page{Limit: 100}}
	for len(ids) < maxHoldersTold {
		users, next, err := r.ListUsers(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, u := range users {
			ids = append(ids, u.ID)
		}
		if next == "" {
			break
		}
		q.Page.Cursor = next
	}
	return ids, nil
}

func roleMap(list []chat.Role) map[chat.RoleID]chat.Role {
	table := make(map[chat.RoleID]chat.Role, len(list))
	for _, r := range list {
		table[r.ID] = r
	}
	return table
}

// mayHandle says whether someone stands high enough to change, give or take a role. actor nil is the operator.
func mayHandle(table map[chat.RoleID]chat.Role, actor *chat.User, r chat.Role) bool {
	return actor == nil || actor.Rank == chat.RankOwner || place(table, actor.Roles) < r.Position && !ofOwners(r.ID)
}
