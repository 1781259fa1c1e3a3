package e2e

import (
	"slices"
	"testing"
)

// official makes a room of the server.
func (c *client) official(name string, more ...obj) string {
	c.t.Helper()
	return c.room("public", append(more, obj{"name": name, "official": true})...)
}

// drop deletes rooms and roles that other parts would see.
func (c *client) drop(rooms, roles []string) {
	c.t.Helper()
	for _, id := range rooms {
		c.do("DELETE", "/rooms/"+id+"?confirm="+id, nil).want(204)
	}
	for _, id := range roles {
		c.do("DELETE", "/admin/roles/"+id, nil).want(204)
	}
}

// roomPermissions plays how people gain and lose rights in a room by their roles.
func roomPermissions(t *testing.T, a *api) {
	admin := a.client(t, a.owner)
	p := a.people(t, 2)
	one, two := p[0], p[1]
	role := admin.do("POST", "/admin/roles", obj{"name": a.name("writers")}).want(201).str("id")
	room := admin.official(a.name("paper"))
	admin.do("PUT", "/admin/users/"+two.ID+"/roles/"+role, nil).want(200)
	path := "/rooms/" + room + "/permissions"
	admin.get(path).want(200).is(obj{"lists": []any{}, "denied": []any{}})
	one.say(room, "everybody writes, members or not")

	list := func(right string, deny bool) obj {
		return obj{"lists": []obj{{"right": right, "roles": []obj{{"role_id": role, "deny": deny}}}}, "denied": []string{"manage_messages"}}
	}
	set := list("send", false)
	admin.do("PUT", path, set).want(200).is(obj{"lists": set["lists"], "denied": set["denied"]})
	one.do("POST", "/rooms/"+room+"/messages", obj{"content": "x"}).fails(403, "send_forbidden")
	one.get("/rooms/" + room + "/messages").want(200)
	m := two.say(room, "by a writer").str("id")
	admin.do("PUT", path, list("see", false)).want(200)
	one.get("/rooms/"+room).fails(404, "room_not_found")
	one.get("/messages/"+m).fails(404, "message_not_found")
	two.get("/rooms/" + room).want(200)
	if seen := one.get("/rooms/server").want(200).each("rooms", "id"); contains(seen, room) {
		t.Error("the list shows a room that cannot be seen")
	}
	admin.do("PUT", path, obj{"lists": []any{}}).want(200).is(obj{"lists": []any{}, "denied": []any{}})
	one.say(room, "and back")

	one.get(path).fails(403, "manage_room_forbidden")
	one.do("PUT", path, set).fails(403, "manage_room_forbidden")
	admin.do("PUT", path, obj{"lists": []obj{{"right": "fly", "roles": []any{}}}}).fails(400, "right_invalid")
	admin.do("PUT", path, obj{"lists": []obj{{"right": "send", "roles": []obj{{"role_id": "nonsense"}}}}}).fails(404, "role_not_found")
	admin.drop([]string{room}, []string{role})
}

// serverRooms plays the list of the server's own rooms, which administrators put in order.
func serverRooms(t *testing.T, a *api) {
	admin, one := a.client(t, a.owner), a.client(t, a.someone(t))
	l := one.dial()
	one.do("POST", "/rooms", obj{"name": "Mine", "type": "public", "official": true}).fails(403, "permission_missing")
	news, line := admin.official("News"), admin.official("Line", obj{"form": "separator"})
	staff := admin.official("Staff", obj{"permissions": obj{"lists": []obj{{"right": "see", "roles": []obj{{"role_id": "moderator"}}}}}})
	l.await("directory_changed", obj{"room_id": news})
	of := func(ans *answer) (ids []any) {
		for _, id := range ans.want(200).each("rooms", "id") {
			if slices.Contains([]any{news, line, staff}, id) {
				ids = append(ids, id)
			}
		}
		return ids
	}
	admin.get("/rooms/" + news).want(200).is(obj{"official": true, "owner_id": nil})
	equal(t, "for one", of(one.get("/rooms/server")), []string{news, line})
	equal(t, "for the server's owner", of(admin.get("/rooms/server?all=true")), []string{news, line, staff})
	one.get("/rooms/server?all=true").fails(403, "permission_missing")

	equal(t, "the order", of(admin.do("PUT", "/admin/rooms/order", obj{"rooms": []string{staff, line, news}})), []string{staff, line, news})
	l.await("directory_changed", obj{"room_id": nil})
	equal(t, "the order for one", of(one.get("/rooms/server")), []string{line, news})
	admin.do("PUT", "/admin/rooms/order", obj{"rooms": []string{staff, "x"}}).fails(400, "order_invalid")
	one.do("PUT", "/admin/rooms/order", obj{"rooms": []string{news, line}}).fails(403, "permission_missing")
	admin.drop([]string{news, line, staff}, nil)
	equal(t, "at last", of(one.get("/rooms/server")), []any(nil))
}

// singleRoles plays giving and taking one role, roles that people give themselves, and the order of all.
func singleRoles(t *testing.T, a *api) {
	admin, one := a.client(t, a.owner), a.client(t, a.someone(t))
	l := one.dial()
	name := a.name("gamers")
	id := admin.do("POST", "/admin/roles", obj{"name": name, "color": "#33aa55", "self_assignable": true}).want(201).is(obj{"color": "#33aa55", "self_assignable": true}).str("id")
	l.await("roles_changed", nil)
	place := func(ans *answer, role string) int { return slices.Index(ans.want(200).each("roles", "id"), any(role)) }
	before := admin.get("/admin/roles")
	if place(before, id) < place(before, "moderator") {
		t.Errorf("a new role is not the last: %v", before)
	}
	order := admin.do("PUT", "/admin/roles/order", obj{"roles": []string{"owner", id, "admin"}})
	if own, above, below := place(order, id), place(order, "owner"), place(order, "admin"); own != above+1 || below != own+1 {
		t.Errorf("the order is %v", order)
	}
	equal(t, "the order read again", admin.get("/admin/roles").want(200).each("roles", "id"), order.each("roles", "id"))
	l.await("roles_changed", nil)
	admin.do("PUT", "/admin/roles/order", obj{"roles": []string{id}}).fails(403, "role_protected")
	admin.do("PUT", "/admin/roles/order", obj{"roles": []string{"owner", "nonsense"}}).fails(400, "order_invalid")
	one.do("PUT", "/admin/roles/order", obj{"roles": []string{"owner"}}).fails(403, "permission_missing")

	one.get("/users/me/self-roles").want(200).is(obj{"assigned": []any{}, "roles.0.id": id, "roles.0.name": name})
	one.do("PUT", "/users/me/self-roles/"+id, nil).want(200).is(obj{"assigned": []string{id}})
	admin.get("/users/" + one.ID).want(200).is(obj{"roles": []string{"user", id}})
	one.do("PUT", "/users/me/self-roles/admin", nil).fails(403, "role_not_self_assignable")
	one.do("PUT", "/users/me/self-roles/nonsense", nil).fails(404, "role_not_found")
	one.do("DELETE", "/users/me/self-roles/"+id, nil).want(200).is(obj{"assigned": []any{}})

	given := "/admin/users/" + one.ID + "/roles/"
	admin.do("PUT", given+"moderator", nil).want(200).is(obj{"roles": []string{"user", "moderator"}, "rank": "moderator"})
	one.get("/admin/reports").want(200) // a moderator's right
	admin.do("PUT", given+"nonsense", nil).fails(404, "role_not_found")
	one.do("PUT", given+"admin", nil).fails(403, "permission_missing")
	admin.do("DELETE", given+"user", nil).want(200).is(obj{"roles": []string{"moderator"}})
	admin.do("DELETE", given+"moderator", nil).fails(409, "last_role")
	admin.do("PUT", given+"user", nil).want(200)
	admin.do("DELETE", given+"moderator", nil).want(200).is(obj{"roles": []string{"user"}, "rank": "member"})
	one.get("/admin/reports").fails(403, "permission_missing")
	admin.drop(nil, []string{id})
}
