package origin

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/jsontext"
)

var roleCommands = map[string]command{
	"role_create":          roleCreate,
	"role_update":          roleUpdate,
	"role_set":             roleSet,
	"role_delete":          roleDelete,
	"role_reorder":         roleReorder,
	"role_permissions_set": rolePermissionsSet,
	"role_permissions_get": rolePermissionsGet,
	"roles_list":           rolesList,
	"self_role_add":        selfRoleAdd,
	"self_role_remove":     selfRoleRemove,
	"self_roles_list":      selfRolesList,
}

// rolesOf are the names of a person's roles in their own order.
func (d *Dialect) rolesOf(ctx context.Context, u *chat.User) []string {
	table := d.roleTable(ctx)
	names := make([]string, 0, len(u.Roles))
	for _, id := range u.Roles {
		if r, ok := table[id]; ok {
			names = append(names, r.Name)
		}
	}
	return names
}

// colorOf is the colour of a person's first role; nil for none.
func (d *Dialect) colorOf(ctx context.Context, u *chat.User) *string {
	if len(u.Roles) == 0 {
		return nil
	}
	return textOrNil(d.roleTable(ctx)[u.Roles[0]].Color)
}

// textOrNil is null for what is empty.
func textOrNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func (d *Dialect) roleTable(ctx context.Context) map[chat.RoleID]chat.Role {
	table, err := d.core.RoleTable(ctx)
	if err != nil {
		d.log.Warn("roles could not be read", "error", err)
	}
	return table
}

// roleNamed finds a role by its name.
func roleNamed(table map[chat.RoleID]chat.Role, name string) (chat.Role, bool) {
	for _, r := range table {
		if r.Name == name {
			return r, true
		}
	}
	return chat.Role{}, false
}

// roleShown is a role in lists (specs: originchats §6.2).
type roleShown struct {
	ID             string          `json:"id"`
	Name           string          `json:"name"`
	Description    *string         `json:"description"`
	Color          *string         `json:"color"`
	Hoisted        bool            `json:"hoisted"`
	Permissions    json.RawMessage `json:"permissions"`
	SelfAssignable bool            `json:"self_assignable"`
	Category       *string         `json:"category"`
	Position       int             `json:"position"`
	Assigned       *bool           `json:"assigned,omitempty"` // in self_roles_list
}

func showRole(table map[chat.RoleID]chat.Role, r chat.Role) roleShown {
	return roleShown{string(r.ID), r.Name, textOrNil(r.Description), textOrNil(r.Color), r.Hoisted, showPermissions(table, r.Permissions), r.SelfAssignable,
		textOrNil(r.Category), r.Position, nil}
}

// mentionRule begins what stands for a permissions object of old, which says who may mention a role (specs: originchats §7.4):
// a role's id, "*" for everybody, or "-" for nobody.
const mentionRule = "mention_roles="

// showPermissions are a role's permissions: an array of ids, or the object of old.
func showPermissions(table map[chat.RoleID]chat.Role, list []chat.Permission) json.RawMessage {
	names, rules := []string{}, []string(nil)
	for _, p := range list {
		if rule, ok := strings.CutPrefix(string(p), mentionRule); ok {
			rules = append(rules, rule)
		} else {
			names = append(names, permissionOnWire(p))
		}
	}
	if rules == nil || len(names) > 0 {
		return jsontext.AppendValue(nil, names)
	}
	mention := any(rules[0] == "*")
	if rules[0] != "*" && rules[0] != "-" {
		by := []string{}
		for _, id := range rules {
			if r, ok := table[chat.RoleID(id)]; ok {
				by = append(by, r.Name)
			}
		}
		mention = by
	}
	return jsontext.AppendValue(nil, map[string]any{"mention_roles": mention})
}

// readPermissions reads what showPermissions writes. ok is false for anything else.
func readPermissions(table map[chat.RoleID]chat.Role, raw json.RawMessage) (list []chat.Permission, ok bool) {
	if kindOf(raw) == "list" {
		var names []string
		if json.Unmarshal(raw, &names) != nil {
			return nil, false
		}
		for _, name := range names {
			list = append(list, permissionOffWire(name))
		}
		return list, true
	}
	if kindOf(raw) != "dict" {
		return nil, false
	}
	var old struct {
		Mention json.RawMessage `json:"mention_roles"`
	}
	if json.Unmarshal(raw, &old) != nil {
		return nil, false
	}
	var by []string
	switch kindOf(old.Mention) {
	case "bool":
		if bytes.Equal(old.Mention, []byte("true")) {
			return []chat.Permission{mentionRule + "*"}, true
		}
	case "str":
		by = make([]string, 1)
		_ = json.Unmarshal(old.Mention, &by[0])
	case "list":
		if json.Unmarshal(old.Mention, &by) != nil {
			return nil, false
		}
	case "NoneType":
		return nil, true
	}
	for _, name := range by {
		if r, known := roleNamed(table, name); known {
			list = append(list, chat.Permission(mentionRule+string(r.ID)))
		}
	}
	if list == nil {
		list = []chat.Permission{mentionRule + "-"}
	}
	return list, true
}

// rolesPacket is roles_list: an object in the order of the roles, which clients rely on.
func (d *Dialect) rolesPacket(ctx context.Context) (written, error) {
	table, err := d.core.RoleTable(ctx)
	if err != nil {
		return nil, err
	}
	b := []byte(`{"cmd":"roles_list","roles":{`)
	for i, r := range inOrder(table) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(jsontext.AppendString(b, r.Name), ':')
		b = jsontext.AppendValue(b, showRole(table, r))
	}
	return append(b, "}}"...), nil
}

// inOrder lists roles, highest first.
func inOrder(table map[chat.RoleID]chat.Role) []chat.Role {
	return slices.SortedFunc(maps.Values(table), func(a, b chat.Role) int {
		if a.Position != b.Position {
			return a.Position - b.Position
		}
		return strings.Compare(string(a.ID), string(b.ID))
	})
}

func rolesList(ctx context.Context, s *socket, _ *request) (any, error) {
	return s.dialect.rolesPacket(ctx)
}

// rolesChanged encodes a change of the server's roles.
func (d *Dialect) rolesChanged(ctx context.Context, e chat.RolesChanged) any {
	if e.RoomID != 0 {
		return nil
	}
	packet, err := d.rolesPacket(ctx)
	if err != nil {
		d.log.Warn("roles could not be read", "error", err)
		return nil
	}
	return packet
}

// require refuses who lacks a server-wide permission, in the protocol's words.
func (s *socket) require(ctx context.Context, q *request, p chat.Permission) error {
	has, err := s.dialect.core.Holds(ctx, s.actor, p)
	if err == nil && !has {
		err = needs(q.cmd, permissionOnWire(p))
	}
	return err
}

// manage says why somebody may not handle a role (specs: originchats §7.3). name is what the request called it.
func (s *socket) manage(ctx context.Context, q *request, id chat.RoleID, name string) error {
	return inWords(s.dialect.core.MayManageRole(ctx, s.actor, id), q.cmd, map[string]string{
		"permission_missing": "Missing 'manage_roles' permission",
		"role_not_found":     "Role '" + clip(name) + "' not found",
		"target_above":       "Cannot manage roles at or above your position",
		"role_protected":     "Cannot manage protected role '" + clip(name) + "'",
	})
}

// role finds the role that a request names by id or name, and checks that the caller may handle it.
func (s *socket) role(ctx context.Context, q *request) (chat.Role, map[chat.RoleID]chat.Role, error) {
	r, name, table, err := s.namedRole(ctx, q)
	if err != nil {
		return r, nil, err
	}
	if err := s.manage(ctx, q, r.ID, name); err != nil {
		return r, nil, err
	}
	if r.ID == "" {
		return r, nil, refuse(q.cmd, "Role not found")
	}
	return r, table, nil
}

// namedRole finds the role that a request names, by id if it is given; the zero role if there is none. It returns what the
// request called it.
func (s *socket) namedRole(ctx context.Context, q *request) (r chat.Role, name string, table map[chat.RoleID]chat.Role, err error) {
	id, err := q.text("id")
	if err != nil {
		return r, "", nil, err
	}
	if name, err = q.text("name"); err != nil {
		return r, "", nil, err
	}
	if id == "" && name == "" {
		return r, "", nil, refuse(q.cmd, "Role id or name is required")
	}
	if table, err = s.dialect.core.RoleTable(ctx); err != nil {
		return r, "", nil, err
	}
	if id == "" {
		r, _ = roleNamed(table, name)
		return r, name, table, nil
	}
	if r = table[chat.RoleID(id)]; r.ID != "" {
		return r, r.Name, table, nil
	}
	return r, id, table, nil
}

// reserved are the roles that nobody may give themselves (specs: originchats §7.3).
func reserved(id chat.RoleID) bool { return id.Rank() > chat.RankMember }

// maxColor is how long a colour may be before it is looked at.
const maxColor = 32

// fillRole puts the fields of a request into a role: those that are there, of which only some may be null.
func (s *socket) fillRole(ctx context.Context, q *request, r *chat.Role, table map[chat.RoleID]chat.Role) (err error) {
	for field, to := range map[string]*string{"description": &r.Description, "color": &r.Color, "category": &r.Category} {
		if q.null(field) && field != "description" {
			*to = ""
		}
		if q.given(field) {
			if *to, err = q.text(field); err != nil {
				return err
			}
		}
	}
	if len(r.Color) > maxColor {
		return q.wrongType("color")
	}
	if r.Hoisted, err = q.flag("hoisted", r.Hoisted); err != nil {
		return err
	}
	if r.SelfAssignable, err = q.flag("self_assignable", r.SelfAssignable); err != nil {
		return err
	}
	if !q.given("permissions") {
		return nil
	}
	list, ok := readPermissions(table, q.fields["permissions"])
	if !ok {
		return q.wrongType("permissions")
	}
	if err := s.mayGrant(ctx, q, r.Permissions, list); err != nil {
		return err
	}
	r.Permissions = list
	return nil
}

// mayGrant refuses permissions that the caller lacks, in the protocol's words; the core has the last one.
func (s *socket) mayGrant(ctx context.Context, q *request, old, list []chat.Permission) error {
	for _, p := range list {
		if slices.Contains(old, p) || !core.TakesEffect(p) {
			continue
		}
		if err := s.require(ctx, q, p); err != nil {
			return err
		}
	}
	return nil
}

// roleWords are refusals of changes of a role.
func (s *socket) roleWords(ctx context.Context, q *request, r chat.Role, err error) error {
	if room, listed := core.ListedIn(err); listed {
		channel := s.dialect.channelName(ctx, room)
		if q.cmd == "role_delete" {
			return refuse(q.cmd, "Role is used in channel '"+channel+"' permissions")
		}
		return refuse(q.cmd, "Cannot rename role: it is used in channel '"+channel+"' permissions")
	}
	e := chat.AsError(err)
	if e != nil && e.Kind == chat.Invalid && e.Field != "" {
		return q.wrongType(e.Field)
	}
	return inWords(err, q.cmd, map[string]string{
		"role_name_taken": "Role already exists", "role_not_found": "Role not found", "permission_missing": "Cannot manage roles at or above your position",
	})
}

type roleChanged struct {
	Cmd     string `json:"cmd"`
	ID      string `json:"id"`
	Name    string `json:"name"`
	Updated bool   `json:"updated,omitempty"`
	Deleted bool   `json:"deleted,omitempty"`
}

func roleCreate(ctx context.Context, s *socket, q *request) (any, error) {
	if err := s.require(ctx, q, chat.ManageRoles); err != nil {
		return nil, err
	}
	name, err := q.text("name")
	if err != nil {
		return nil, err
	}
	if name == "" {
		return nil, refuse(q.cmd, "Role name is required")
	}
	self, err := q.flag("self_assignable", false)
	if err != nil {
		return nil, err
	}
	if self && reserved(chat.RoleID(name)) {
		return nil, refusef(q.cmd, "Role '%s' cannot be made self-assignable", name)
	}
	table, err := s.dialect.core.RoleTable(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range table {
		if strings.EqualFold(r.Name, name) {
			return nil, refuse(q.cmd, "Role already exists")
		}
	}
	if strings.HasPrefix(name, "!") {
		return nil, q.wrongType("name")
	}
	r := chat.Role{Name: name}
	if err := s.fillRole(ctx, q, &r, table); err != nil {
		return nil, err
	}
	made, err := s.dialect.core.PutRole(ctx, s.actor, r, core.Lowest)
	if err != nil {
		return nil, s.roleWords(ctx, q, r, err)
	}
	s.dialect.hub.Caught()
	return roleChanged{Cmd: q.cmd, ID: string(made.ID), Name: made.Name}, nil
}

func roleUpdate(ctx context.Context, s *socket, q *request) (any, error) {
	if err := s.require(ctx, q, chat.ManageRoles); err != nil {
		return nil, err
	}
	r, table, err := s.role(ctx, q)
	if err != nil {
		return nil, err
	}
	if id, _ := q.text("id"); id != "" {
		if err := rename(q, &r); err != nil {
			return nil, err
		}
	}
	return s.putRole(ctx, q, r, table)
}

// rename takes a new name from a request, if it has one.
func rename(q *request, r *chat.Role) error {
	name, err := q.text("name")
	if err != nil || name == "" {
		return err
	}
	if strings.HasPrefix(name, "!") {
		return q.wrongType("name")
	}
	r.Name = name
	return nil
}

// putRole changes a role as a request says, and answers.
func (s *socket) putRole(ctx context.Context, q *request, r chat.Role, table map[chat.RoleID]chat.Role) (any, error) {
	if err := s.fillRole(ctx, q, &r, table); err != nil {
		return nil, err
	}
	if old := table[r.ID]; r.SelfAssignable && !old.SelfAssignable && reserved(r.ID) {
		return nil, refusef(q.cmd, "Role '%s' cannot be made self-assignable", old.Name)
	}
	changed, err := s.dialect.core.PutRole(ctx, s.actor, r, core.NameWhileListed)
	if err != nil {
		return nil, s.roleWords(ctx, q, r, err)
	}
	s.dialect.hub.Caught()
	return roleChanged{Cmd: q.cmd, ID: string(changed.ID), Name: changed.Name, Updated: true}, nil
}

func roleSet(ctx context.Context, s *socket, q *request) (any, error) {
	if err := s.require(ctx, q, chat.ManageRoles); err != nil {
		return nil, err
	}
	r, table, err := s.role(ctx, q)
	if err != nil {
		return nil, err
	}
	data, err := q.object("data")
	if err != nil {
		return nil, err
	}
	if len(data) == 0 {
		return nil, refuse(q.cmd, "Role data is required")
	}
	in := &request{cmd: q.cmd, fields: data}
	if err := rename(in, &r); err != nil {
		return nil, err
	}
	place, err := in.whole("position", int64(r.Position))
	if err != nil {
		return nil, err
	}
	if place < 0 || place >= int64(len(table)) {
		return nil, q.wrongType("position")
	}
	r.Position = int(place)
	return s.putRole(ctx, in, r, table)
}

func roleDelete(ctx context.Context, s *socket, q *request) (any, error) {
	if err := s.require(ctx, q, chat.ManageRoles); err != nil {
		return nil, err
	}
	r, name, _, err := s.namedRole(ctx, q)
	if err != nil {
		return nil, err
	}
	if r.ID == "" {
		return nil, refuse(q.cmd, "Role not found")
	}
	if err := s.manage(ctx, q, r.ID, name); err != nil {
		return nil, err
	}
	if r.System {
		return nil, refuse(q.cmd, "Cannot delete system roles")
	}
	if err := s.dialect.core.DeleteRole(ctx, s.actor, r.ID, core.NameWhileListed); err != nil {
		return nil, s.roleWords(ctx, q, r, err)
	}
	s.dialect.hub.Caught()
	return roleChanged{Cmd: q.cmd, ID: string(r.ID), Name: r.Name, Deleted: true}, nil
}

type rolesReordered struct {
	Cmd   string          `json:"cmd"`
	Roles json.RawMessage `json:"roles"`
}

func roleReorder(ctx context.Context, s *socket, q *request) (any, error) {
	if err := s.require(ctx, q, chat.ManageRoles); err != nil {
		return nil, err
	}
	if kindOf(q.fields["roles"]) != "list" {
		return nil, refuse(q.cmd, "Roles array is required")
	}
	failed := refuse(q.cmd, "Failed to reorder roles")
	named, err := q.texts("roles")
	if err != nil {
		return nil, failed
	}
	table, err := s.dialect.core.RoleTable(ctx)
	if err != nil {
		return nil, err
	}
	order := make([]chat.RoleID, len(named))
	for i, name := range named {
		order[i] = chat.RoleID(name)
		if r, known := roleNamed(table, name); known {
			order[i] = r.ID
		}
	}
	if err := s.dialect.core.OrderRoles(ctx, s.actor, order); err != nil {
		if chat.AsError(err).Kind == chat.Internal {
			return nil, err
		}
		return nil, failed
	}
	s.dialect.hub.Caught()
	return rolesReordered{q.cmd, q.fields["roles"]}, nil
}

type rolePermissions struct {
	Cmd         string          `json:"cmd"`
	ID          string          `json:"id"`
	Name        string          `json:"name"`
	Permissions json.RawMessage `json:"permissions"`
	Updated     bool            `json:"updated,omitempty"`
}

func rolePermissionsSet(ctx context.Context, s *socket, q *request) (any, error) {
	if err := s.require(ctx, q, chat.ManageRoles); err != nil {
		return nil, err
	}
	r, table, err := s.role(ctx, q)
	if err != nil {
		return nil, err
	}
	list, ok := readPermissions(table, q.fields["permissions"])
	if !ok {
		return nil, refuse(q.cmd, "Permissions must be an array")
	}
	if err := s.mayGrant(ctx, q, r.Permissions, list); err != nil {
		return nil, err
	}
	r.Permissions = list
	changed, err := s.dialect.core.PutRole(ctx, s.actor, r)
	if err != nil {
		return nil, s.roleWords(ctx, q, r, err)
	}
	s.dialect.hub.Caught()
	return rolePermissions{q.cmd, string(r.ID), r.Name, showPermissions(table, changed.Permissions), true}, nil
}

func rolePermissionsGet(ctx context.Context, s *socket, q *request) (any, error) {
	r, _, table, err := s.namedRole(ctx, q)
	if err != nil {
		return nil, err
	}
	if r.ID == "" {
		return nil, refuse(q.cmd, "Role not found")
	}
	return rolePermissions{q.cmd, string(r.ID), r.Name, showPermissions(table, r.Permissions), false}, nil
}

type selfRoleChanged struct {
	Cmd     string   `json:"cmd"`
	Role    string   `json:"role"`
	Success bool     `json:"success"`
	Roles   []string `json:"roles"`
}

func selfRoleAdd(ctx context.Context, s *socket, q *request) (any, error) {
	return s.selfRole(ctx, q, true)
}

func selfRoleRemove(ctx context.Context, s *socket, q *request) (any, error) {
	return s.selfRole(ctx, q, false)
}

func (s *socket) selfRole(ctx context.Context, q *request, on bool) (any, error) {
	name, err := q.text("role")
	if err != nil {
		return nil, err
	}
	if name == "" {
		return nil, refuse(q.cmd, "Role name is required")
	}
	table, err := s.dialect.core.RoleTable(ctx)
	if err != nil {
		return nil, err
	}
	r, known := roleNamed(table, name)
	me := s.dialect.user(ctx, s.actor.UserID)
	switch {
	case !known || me == nil:
		return nil, refuse(q.cmd, "Role not found")
	case !r.SelfAssignable:
		return nil, refuse(q.cmd, "This role is not self-assignable")
	case on && slices.Contains(me.Roles, r.ID):
		return nil, refuse(q.cmd, "You already have this role")
	case !on && !slices.Contains(me.Roles, r.ID):
		return nil, refuse(q.cmd, "You don't have this role")
	}
	me, err = s.dialect.core.SetSelfRole(ctx, s.actor, r.ID, on)
	if err != nil {
		failed := "Failed to assign role"
		if !on {
			failed = "Failed to remove role"
		}
		return nil, inWords(err, q.cmd, map[string]string{"last_role": "Cannot remove all roles from a user", "role_not_found": failed,
			"role_not_self_assignable": failed, "too_many_roles": failed})
	}
	s.dialect.hub.Caught()
	return selfRoleChanged{q.cmd, r.Name, true, s.dialect.rolesOf(ctx, me)}, nil
}

type selfRoles struct {
	Cmd   string      `json:"cmd"`
	Roles []roleShown `json:"roles"`
}

func selfRolesList(ctx context.Context, s *socket, q *request) (any, error) {
	list, err := s.dialect.core.SelfRoles(ctx, s.actor)
	if err != nil {
		return nil, err
	}
	table, me := s.dialect.roleTable(ctx), s.dialect.user(ctx, s.actor.UserID)
	out := selfRoles{q.cmd, make([]roleShown, 0, len(list))}
	for _, r := range list {
		shown, assigned := showRole(table, r), me != nil && slices.Contains(me.Roles, r.ID)
		shown.Assigned = &assigned
		out.Roles = append(out.Roles, shown)
	}
	return out, nil
}
