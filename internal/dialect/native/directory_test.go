package native_test

import "testing"

func TestServerRooms(t *testing.T) {
	s := newServer(t)
	root, ada := s.owner("root"), s.user("ada")
	ada.post("/rooms", object{"name": "Mine", "type": "public", "official": true}).want(403, "permission_missing")
	make := func(name, form string, lists ...object) string {
		t.Helper()
		return root.post("/rooms", object{"name": name, "type": "public", "form": form, "official": true, "permissions": object{"lists": lists}}).want(201, "").
			is("official", true).is("owner_id", nil).text("id")
	}
	news, line, staff := make("News", "text"), make("Line", "separator"), make("Staff", "text", object{"right": "see", "roles": []object{{"role_id": "moderator"}}})
	same(t, "ada's", ada.get("/rooms/server").want(200, "").texts("rooms", "name"), []string{"News", "Line"})
	same(t, "root's", root.get("/rooms/server").want(200, "").texts("rooms", "name"), []string{"News", "Line", "Staff"})
	same(t, "all", root.get("/rooms/server?all=true").want(200, "").texts("rooms", "name"), []string{"News", "Line", "Staff"})
	ada.get("/rooms/server?all=true").want(403, "permission_missing")

	order := root.put("/admin/rooms/order", object{"rooms": []string{staff, line, news}}).want(200, "")
	same(t, "order", order.texts("rooms", "name"), []string{"Staff", "Line", "News"})
	root.put("/admin/rooms/order", object{"rooms": []string{staff, "x"}}).want(400, "order_invalid")
	ada.put("/admin/rooms/order", object{"rooms": []string{line, news}}).want(403, "permission_missing")

	path := "/rooms/" + news + "/permissions"
	root.get(path).want(200, "").is("lists", []object{}).is("denied", []string{})
	set := object{"lists": []object{{"right": "send", "roles": []object{{"role_id": "admin", "deny": false}}}}, "denied": []string{"manage_messages"}}
	root.put(path, set).want(200, "").is("lists", set["lists"]).is("denied", set["denied"])
	ada.post("/rooms/"+news+"/messages", object{"content": "x"}).want(403, "send_forbidden")
	root.put(path, object{"lists": []object{{"right": "fly", "roles": []object{}}}}).want(400, "right_invalid")
	ada.get(path).want(403, "manage_room_forbidden")
	ada.put(path, set).want(403, "manage_room_forbidden")
	root.put("/rooms/"+news, object{"form": "voice"}).want(200, "").is("form", "voice")
	root.put("/rooms/"+news, object{"form": "forum"}).want(400, "room_form_invalid")
}

func TestOrderOfRolesAndSelfRoles(t *testing.T) {
	s := newServer(t)
	root, ada := s.owner("root"), s.user("ada")
	id := root.post("/admin/roles", object{"name": "Gamers", "self_assignable": true}).want(201, "").text("id")
	order := root.put("/admin/roles/order", object{"roles": []string{"owner", id, "admin"}}).want(200, "")
	same(t, "order", order.texts("roles", "name"), []string{"owner", "Gamers", "admin", "moderator", "user"})
	root.put("/admin/roles/order", object{"roles": []string{id}}).want(403, "role_protected")
	root.put("/admin/roles/order", object{"roles": []string{"owner", "nonsense"}}).want(400, "order_invalid")
	ada.put("/admin/roles/order", object{"roles": []string{"owner"}}).want(403, "permission_missing")

	ada.get("/users/me/self-roles").want(200, "").is("assigned", []string{}).is("roles.0.name", "Gamers")
	ada.put("/users/me/self-roles/"+id, nil).want(200, "").is("assigned", []string{id})
	ada.get("/users/"+ada.id).want(200, "").is("roles", []string{"user", id})
	ada.put("/users/me/self-roles/admin", nil).want(403, "role_not_self_assignable")
	ada.put("/users/me/self-roles/nonsense", nil).want(404, "role_not_found")
	ada.delete("/users/me/self-roles/"+id).want(200, "").is("assigned", []string{})

	person := "/admin/users/" + ada.id + "/roles/"
	root.put(person+"moderator", nil).want(200, "").is("roles", []string{"user", "moderator"}).is("rank", "moderator")
	root.put(person+"nonsense", nil).want(404, "role_not_found")
	ada.put(person+"admin", nil).want(403, "permission_missing")
	root.delete(person+"user").want(200, "").is("roles", []string{"moderator"})
	root.delete(person+"moderator").want(409, "last_role")
}

func TestWhoIsConnectedHearsOfRolesAndRooms(t *testing.T) {
	s := newServer(t)
	root, ada := s.owner("root"), s.user("ada")
	c, _ := ada.open()
	root.post("/admin/roles", object{"name": "Gamers"}).want(201, "")
	c.next("roles_changed")
	id := root.post("/rooms", object{"name": "News", "type": "public", "official": true}).want(201, "").text("id")
	c.next("directory_changed").is("room_id", id)
	other := root.post("/rooms", object{"name": "Other", "type": "public", "official": true}).want(201, "").text("id")
	c.next("directory_changed").is("room_id", other)
	root.put("/admin/rooms/order", object{"rooms": []string{other, id}}).want(200, "")
	c.next("directory_changed").is("room_id", nil)
}
