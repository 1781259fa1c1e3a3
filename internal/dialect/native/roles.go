package native

import (
	"context"
	"slices"

	"parley/internal/chat"
)

type (
	roleListAnswer struct {
		Roles []Role `json:"roles" doc:"Highest first."`
	}
	putRoleRequest struct {
		Name           string   `json:"name" example:"Gardener"`
		Description    string   `json:"description" required:"false" example:"Tends the rooms"`
		Color          string   `json:"color" required:"false" doc:"#rrggbb, or empty." example:"#33aa55"`
		Hoisted        bool     `json:"hoisted" required:"false"`
		SelfAssignable bool     `json:"self_assignable" required:"false"`
		Category       string   `json:"category" required:"false" example:""`
		Position       *int     `json:"position" required:"false" doc:"0 is the highest. Not given: where it is." example:"3"`
		Permissions    []string `json:"permissions" required:"false"`
		MessagesPer10s int      `json:"messages_per_10s" required:"false" example:"0"`
	}
	userRolesRequest struct {
		Roles []string `json:"roles" doc:"Ids, in the person's own order; none stands for user."`
	}
	roleOrderRequest struct {
		Roles []string `json:"roles" doc:"Ids, highest first; those that are not named follow."`
	}
	selfRoleList struct {
		Roles    []Role   `json:"roles" doc:"Highest first."`
		Assigned []string `json:"assigned" doc:"Ids of those that the caller has."`
	}
	// UserRolePath names a person and a role.
	UserRolePath struct {
		UserPath
		Role string `path:"role" doc:"The role's id." example:"moderator"`
	}
	rankRequest struct {
		Rank string `json:"rank" enum:"member,moderator,admin,owner" example:"moderator"`
	}
	roleListsAnswer struct {
		RoleLists []RoleList `json:"role_lists"`
	}
	// RolePath names a role.
	RolePath struct {
		ID string `path:"id" doc:"The role's id." example:"moderator"`
	}
)

func (r putRoleRequest) role(id chat.RoleID) chat.Role {
	return chat.Role{
		ID: id, Name: r.Name, Description: r.Description, Color: r.Color, Hoisted: r.Hoisted, SelfAssignable: r.SelfAssignable, Category: r.Category,
		MessagesPer10s: r.MessagesPer10s, Permissions: convert(r.Permissions, func(p string) chat.Permission { return chat.Permission(p) }),
	}
}

const roleFaults = "permission_missing role_protected role_name_taken role_name_invalid color_invalid permissions_invalid too_many_roles"

func (d *Dialect) registerRoles() {
	const tag = "Roles"
	handle(d, "GET /admin/roles", endpoint{id: "list-roles", tag: tag, summary: "List the server's roles"},
		func(ctx context.Context, by chat.Actor, _ *noInput) (*reply[roleListAnswer], error) {
			list, err := d.core.Roles(ctx, by)
			return ok(roleListAnswer{convert(list, role)}), err
		})
	handle(d, "POST /admin/roles", endpoint{
		id: "create-role", tag: tag, status: 201, summary: "Make a role", description: "Needs manage_roles. It is placed last, above user.", codes: roleFaults,
	}, func(ctx context.Context, by chat.Actor, in *struct{ Body putRoleRequest }) (*created[Role], error) {
		r, err := d.core.PutRole(ctx, by, in.Body.role(""))
		if err != nil {
			return nil, err
		}
		return made("/admin/roles/"+string(r.ID), role(r)), nil
	})
	handle(d, "PUT /admin/roles/{id}", endpoint{
		id: "update-role", tag: tag, summary: "Change a role", description: "Needs manage_roles and a higher place than the role.", codes: "role_not_found " + roleFaults,
	}, func(ctx context.Context, by chat.Actor, in *struct {
		RolePath
		Body putRoleRequest
	}) (*reply[Role], error) {
		want := in.Body.role(chat.RoleID(in.ID))
		if in.Body.Position != nil {
			want.Position = *in.Body.Position
		} else {
			list, err := d.core.Roles(ctx, by)
			if err != nil {
				return nil, err
			}
			want.Position = max(slices.IndexFunc(list, func(r chat.Role) bool { return r.ID == want.ID }), 0)
		}
		r, err := d.core.PutRole(ctx, by, want)
		return ok(role(r)), err
	})
	handle(d, "DELETE /admin/roles/{id}", endpoint{
		id: "delete-role", tag: tag, summary: "Delete a role", description: "It is taken from everyone who has it.", codes: "permission_missing role_protected role_not_found",
	}, func(ctx context.Context, by chat.Actor, in *RolePath) (*nothing, error) {
		return nil, d.core.DeleteRole(ctx, by, chat.RoleID(in.ID))
	})
	handle(d, "PUT /admin/users/{id}/roles", endpoint{
		id: "set-user-roles", tag: tag, summary: "Give a person exactly these roles", description: "Nobody gives or takes what is at or above their own place.",
		codes: "permission_missing user_not_found role_not_found role_protected target_above last_owner",
	}, func(ctx context.Context, by chat.Actor, in *struct {
		UserPath
		Body userRolesRequest
	}) (*reply[AdminUser], error) {
		u, err := d.core.SetUserRoles(ctx, by, chat.UserID(in.ID), convert(in.Body.Roles, func(r string) chat.RoleID { return chat.RoleID(r) }))
		return d.adminUserReply(u, err)
	})
	handle(d, "PUT /admin/users/{id}/roles/{role}", endpoint{
		id: "add-user-role", tag: tag, summary: "Give a person a role beside those they have",
		codes: "permission_missing user_not_found role_not_found too_many_roles target_above",
	}, func(ctx context.Context, by chat.Actor, in *UserRolePath) (*reply[AdminUser], error) {
		u, err := d.core.AddUserRoles(ctx, by, chat.UserID(in.ID), []chat.RoleID{chat.RoleID(in.Role)})
		return d.adminUserReply(u, err)
	})
	handle(d, "DELETE /admin/users/{id}/roles/{role}", endpoint{
		id: "remove-user-role", tag: tag, status: 200, summary: "Take a role from a person",
		codes: "permission_missing user_not_found role_not_found target_above last_owner last_role",
	}, func(ctx context.Context, by chat.Actor, in *UserRolePath) (*reply[AdminUser], error) {
		u, err := d.core.RemoveUserRoles(ctx, by, chat.UserID(in.ID), []chat.RoleID{chat.RoleID(in.Role)})
		return d.adminUserReply(u, err)
	})
	handle(d, "PUT /admin/roles/order", endpoint{
		id: "order-roles", tag: tag, summary: "Put the server's roles in order",
		description: "Owners come first, and admins, moderators and users keep their order; nobody moves what is not below their own place.",
		codes:       "permission_missing order_invalid role_protected",
	}, func(ctx context.Context, by chat.Actor, in *struct{ Body roleOrderRequest }) (*reply[roleListAnswer], error) {
		if err := d.core.OrderRoles(ctx, by, convert(in.Body.Roles, func(r string) chat.RoleID { return chat.RoleID(r) })); err != nil {
			return nil, err
		}
		list, err := d.core.Roles(ctx, by)
		return ok(roleListAnswer{convert(list, role)}), err
	})
	handle(d, "GET /users/me/self-roles", endpoint{id: "list-self-roles", tag: tag, summary: "List the roles that everybody may give themselves"},
		func(ctx context.Context, by chat.Actor, _ *noInput) (*reply[selfRoleList], error) {
			return d.selfRoles(ctx, by)
		})
	handle(d, "PUT /users/me/self-roles/{id}", endpoint{
		id: "add-self-role", tag: tag, summary: "Take a role on", codes: "role_not_found role_not_self_assignable too_many_roles",
	}, func(ctx context.Context, by chat.Actor, in *RolePath) (*reply[selfRoleList], error) {
		if _, err := d.core.SetSelfRole(ctx, by, chat.RoleID(in.ID), true); err != nil {
			return nil, err
		}
		return d.selfRoles(ctx, by)
	})
	handle(d, "DELETE /users/me/self-roles/{id}", endpoint{
		id: "remove-self-role", tag: tag, status: 200, summary: "Put a role off", codes: "role_not_found role_not_self_assignable last_role",
	}, func(ctx context.Context, by chat.Actor, in *RolePath) (*reply[selfRoleList], error) {
		if _, err := d.core.SetSelfRole(ctx, by, chat.RoleID(in.ID), false); err != nil {
			return nil, err
		}
		return d.selfRoles(ctx, by)
	})
	handle(d, "PUT /admin/users/{id}/rank", endpoint{
		id: "set-rank", tag: tag, summary: "Give a person a rank", description: "Gives the system role of that name and takes the others.",
		codes: "permission_missing user_not_found rank_invalid role_protected target_above last_owner",
	}, func(ctx context.Context, by chat.Actor, in *struct {
		UserPath
		Body rankRequest
	}) (*reply[AdminUser], error) {
		rank, known := chat.ParseRank(in.Body.Rank)
		if !known {
			return nil, errRank
		}
		u, err := d.core.SetRank(ctx, by, chat.UserID(in.ID), rank)
		return d.adminUserReply(u, err)
	})
	handle(d, "GET /rooms/{id}/role-lists", endpoint{
		id: "list-role-lists", tag: tag, summary: "See which server roles have which right in a room", description: "For its admins.",
		codes: "room_not_found not_a_member manage_room_forbidden",
	}, func(ctx context.Context, by chat.Actor, in *RoomPath) (*reply[roleListsAnswer], error) {
		id, err := in.room()
		if err != nil {
			return nil, err
		}
		return d.roleLists(ctx, by, id)
	})
	handle(d, "PUT /rooms/{id}/role-lists", endpoint{
		id: "set-role-list", tag: tag, summary: "Set which server roles have a right in a room",
		description: "For its admins. An empty list of roles removes it. A list for see or read narrows a public room.",
		codes:       "room_not_found not_a_member manage_room_forbidden right_invalid role_not_found direct_room",
	}, func(ctx context.Context, by chat.Actor, in *struct {
		RoomPath
		Body RoleList
	}) (*reply[roleListsAnswer], error) {
		id, err := in.room()
		if err != nil {
			return nil, err
		}
		if err := d.core.SetRoleList(ctx, by, chat.RoleList{
			RoomID: id, Right: chat.Right(in.Body.Right),
			Roles: convert(in.Body.Roles, func(e RoleEntry) chat.RoleEntry { return chat.RoleEntry{RoleID: chat.RoleID(e.RoleID), Deny: e.Deny} }),
		}); err != nil {
			return nil, err
		}
		return d.roleLists(ctx, by, id)
	})
}

func (d *Dialect) selfRoles(ctx context.Context, by chat.Actor) (*reply[selfRoleList], error) {
	list, err := d.core.SelfRoles(ctx, by)
	if err != nil {
		return nil, err
	}
	me, err := d.core.Me(ctx, by)
	if err != nil {
		return nil, err
	}
	out := selfRoleList{convert(list, role), []string{}}
	for _, r := range list {
		if slices.Contains(me.Roles, r.ID) {
			out.Assigned = append(out.Assigned, string(r.ID))
		}
	}
	return ok(out), nil
}

func (d *Dialect) roleLists(ctx context.Context, by chat.Actor, id chat.RoomID) (*reply[roleListsAnswer], error) {
	lists, err := d.core.RoleLists(ctx, by, id)
	return ok(roleListsAnswer{convert(lists, roleList)}), err
}

func (d *Dialect) adminUserReply(u *chat.User, err error) (*reply[AdminUser], error) {
	if err != nil {
		return nil, err
	}
	return ok(d.adminUser(u)), nil
}
