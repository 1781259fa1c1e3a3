package core

import (
	"cmp"
	"context"
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
	if r.Name, err = cleanName("name", "role_name", r.Name, 1, 50); err != nil {
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
	r.Permissions = slices.Compact(slices.Sorted(slices.Values(r.Permissions)))
	if len(r.Permissions) > maxPermissions {
		return chat.InvalidField("permissions", "permissions_invalid", "At most %d permissions.", maxPermissions)
	}
	for _, p := range r.Permissions {
		if p == "" || len(p) > maxPermissionBytes || strings.ContainsFunc(string(p), func(r rune) bool { return r <= ' ' || r > '~' }) {
			return chat.InvalidField("permissions", "permissions_invalid", "A permission is a word of at most %d letters, digits and signs.", maxPermissionBytes)
		}
	}
	return nil
}

// PutRole makes a role (empty ID: a new one, placed last but above "user") or changes one; its Position is its index in the
// list then. Needs manage_roles and a higher place than the role has and gets; nobody puts a permission into a role that
// they lack. System roles keep name and place, and "owner" its permissions. Fails with role_protected, role_name_taken,
// role_name_invalid, color_invalid, permissions_invalid, too_many_roles, role_not_found, permission_missing.
func (c *Core) PutRole(ctx context.Context, by chat.Actor, r chat.Role) (chat.Role, error) {
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
		list, err := tx.Roles(ctx)
		if err != nil {
			return nil, err
		}
		made = r
		if list, err = putRole(list, &made, id, actor); err != nil {
			return nil, err
		}
		for i, role := range list {
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
func putRole(list []chat.Role, r *chat.Role, id chat.RoleID, actor *chat.User) ([]chat.Role, error) {
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
		if to < 0 {
			to = len(list)
		}
		list = slices.Insert(slices.Clone(list), to, *r)
	case from < 0:
		return nil, errRoleNotFound
	default:
		old = list[from]
		r.System = old.System
		if old.System && (r.Name != old.Name || to != from || r.SelfAssignable != old.SelfAssignable) {
			return nil, errRoleProtected("The name and the place of the server's own roles are fixed, and nobody assigns one to themselves.")
		}
		if id == chat.RoleOwner && !slices.Equal(r.Permissions, slices.Sorted(slices.Values(old.Permissions))) {
			return nil, errRoleProtected("Owners always have all permissions.")
		}
		if to != from && (to <= 0 || to >= len(list)-1) {
			return nil, errRoleProtected(`A role stands between "owner" and "user".`)
		}
		list = slices.Insert(slices.Delete(slices.Clone(list), from, from+1), to, *r)
	}
	if actor == nil {
		return list, nil
	}
	if actor.Rank != chat.RankOwner {
		mine := func(x chat.Role) bool { return slices.Contains(actor.Roles, x.ID) }
		if from >= 0 && slices.IndexFunc(before, mine) >= from || slices.IndexFunc(list, mine) >= to {
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

// DeleteRole removes a role from the server and from everyone. Fails with role_protected for system roles, role_not_found,
// permission_missing.
func (c *Core) DeleteRole(ctx context.Context, by chat.Actor, id chat.RoleID) error {
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
		if err := tx.DeleteRole(ctx, id); err != nil {
			return nil, err
		}
		if err := tx.AddAudit(ctx, c.audit(by, "role.delete", "role", string(id), 0, map[string]any{"name": role.Name})); err != nil {
			return nil, err
		}
		return []chat.Event{chat.RolesChanged{}}, nil
	})
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
	return actor == nil || actor.Rank == chat.RankOwner || place(table, actor.Roles) < r.Position
}

// SetUserRoles gives a person exactly these roles, in this order; "user" is always kept. Nobody gives or takes what is at
// or above their own place, nor gives a permission that they lack; the last owner stays. Without manage_roles a person may
// still give themselves, and take off, roles that are self-assignable. Fails with user_not_found, role_not_found,
// too_many_roles, target_above, last_owner, permission_missing.
func (c *Core) SetUserRoles(ctx context.Context, by chat.Actor, user chat.UserID, roles []chat.RoleID) (*chat.User, error) {
	return c.setRoles(ctx, by, user, func([]chat.RoleID) []chat.RoleID { return roles })
}

// SetRank gives a person a rank by giving the system role and taking the others. Fails like SetUserRoles.
func (c *Core) SetRank(ctx context.Context, by chat.Actor, user chat.UserID, rank chat.Rank) (*chat.User, error) {
	return c.setRoles(ctx, by, user, func(old []chat.RoleID) []chat.RoleID {
		roles := slices.DeleteFunc(slices.Clone(old), func(id chat.RoleID) bool { return id.Rank() > chat.RankMember })
		return append(rankRoles(rank), roles...)
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

// setRoles replaces a person's roles by what next makes of them.
func (c *Core) setRoles(ctx context.Context, by chat.Actor, id chat.UserID, next func([]chat.RoleID) []chat.RoleID) (user *chat.User, err error) {
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
		roles := wholeRoles(next(target.Roles))
		if len(roles) > maxRolesOfUser {
			return nil, chat.InvalidField("roles", "too_many_roles", "A person has at most %d roles.", maxRolesOfUser)
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
		events := []chat.Event{chat.UserChanged{User: user}}
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

// wholeRoles drops repetitions and adds "user" where it is missing.
func wholeRoles(roles []chat.RoleID) []chat.RoleID {
	out := make([]chat.RoleID, 0, len(roles)+1)
	for _, id := range roles {
		if !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	if !slices.Contains(out, chat.RoleUser) {
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
