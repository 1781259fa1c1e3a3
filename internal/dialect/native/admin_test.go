package native_test

import (
	"strings"
	"testing"
	"time"

	"parley/internal/chat"
)

func TestAdministration(t *testing.T) {
	s := newServer(t)
	root, mod, ada := s.owner("root"), s.ranked("mod", chat.RankModerator), s.user("ada")
	ada.get("/admin/users").want(403, "permission_missing")
	ada.get("/admin/rooms").want(403, "permission_missing")
	ada.get("/admin/stats").want(403, "permission_missing")
	ada.get("/admin/audit").want(403, "permission_missing")
	ada.get("/admin/reports").want(403, "permission_missing")
	ada.get("/admin/sanctions").want(403, "permission_missing")
	ada.get("/admin/invites").want(403, "permission_missing")
	ada.post("/admin/announcements", object{"title": "x", "text": "y"}).want(403, "permission_missing")
	ada.post("/admin/users", object{"username": "eve", "password": password}).want(403, "permission_missing")

	made := root.post("/admin/users", object{"username": "eve", "password": password, "rank": "moderator"}).want(201, "").is("rank", "moderator").is("disabled_at", nil)
	eve := made.text("id")
	root.post("/admin/users", object{"username": "eve", "password": password}).want(409, "username_taken")
	root.post("/admin/users", object{"username": "fay", "password": password, "rank": "king"}).want(400, "rank_invalid")
	same(t, "moderators", root.get("/admin/users?role=moderator").want(200, "").texts("users", "username"), []string{"mod", "eve"})
	same(t, "found", root.get("/admin/users?q=ev").want(200, "").texts("users", "username"), []string{"eve"})
	page := root.get("/admin/users?limit=2").want(200, "")
	if page.count("users") != 2 || page.value("next_cursor") == nil {
		t.Errorf("the first page: %s", page.body)
	}
	root.get("/admin/users?disabled=perhaps").want(400, "parameter_invalid")

	login := object{"username": "eve", "password": password}
	r := s.anyone().post("/auth/login", login).want(200, "")
	asEve := &client{server: s, token: r.text("token"), id: eve}
	root.post("/admin/users/"+eve+"/disable", nil).want(204, "")
	asEve.get("/auth/me").want(403, "account_disabled")
	s.anyone().post("/auth/login", login).want(403, "account_disabled")
	same(t, "disabled", root.get("/admin/users?disabled=true").want(200, "").texts("users", "username"), []string{"eve"})
	root.post("/admin/users/"+eve+"/enable", nil).want(204, "")
	root.post("/admin/users/"+eve+"/password", object{"password": "staple correct battery"}).want(204, "")
	s.anyone().post("/auth/login", object{"username": "eve", "password": "staple correct battery"}).want(200, "")
	root.delete("/admin/users/"+eve).want(204, "")
	root.get("/users/"+eve).want(404, "user_not_found")
	root.delete("/admin/users/nonsense").want(404, "user_not_found")
	mod.delete("/admin/users/"+root.id).want(403, "permission_missing")

	room := ada.room("Engines", "public")
	den := ada.room("Den", "private")
	rooms := root.get("/admin/rooms").want(200, "")
	if rooms.count("rooms") != 2 {
		t.Errorf("rooms: %s", rooms.body)
	}
	same(t, "found", root.get("/admin/rooms?q=den").want(200, "").texts("rooms", "id"), []string{den})
	root.delete("/admin/rooms/"+den).want(204, "")
	root.delete("/admin/rooms/"+den).want(404, "room_not_found")

	ada.say(room, "hello")
	mod.get("/admin/stats").want(200, "").is("rooms", 1).is("users", 3).is("online", 0)

	root.post("/admin/announcements", object{"title": "Maintenance", "text": "Back at noon.", "severity": "warning"}).want(200, "")
	ada.get("/notifications").want(200, "").is("notifications.0.type", "system").is("notifications.0.title", "Maintenance").is("notifications.0.severity", "warning").
		is("notifications.0.actor", nil)
	root.post("/admin/announcements", object{"title": "", "text": "y"}).want(400, "title_invalid")
	root.post("/admin/announcements", object{"title": "x", "text": ""}).want(400, "text_invalid")
	root.post("/admin/announcements", object{"title": "x", "text": strings.Repeat("y", 4001)}).want(400, "text_too_long")
	root.post("/admin/announcements", object{"title": "x", "text": "y", "severity": "loud"}).want(400, "severity_invalid")

	log := root.get("/admin/audit").want(200, "")
	if log.count("entries") == 0 || log.text("entries.0.at") != "2026-03-01T12:00:00.000Z" {
		t.Errorf("audit: %s", log.body)
	}
	for _, entry := range root.get("/admin/audit?action=user.").want(200, "").texts("entries", "action") {
		if !strings.HasPrefix(entry, "user.") {
			t.Errorf("the filter lets %s through", entry)
		}
	}
	root.get("/admin/audit?target="+eve+"&actor="+root.id+"&after=2026-03-01T00:00:00Z&before=2026-03-02T00:00:00Z").want(200, "")
	root.get("/admin/audit?after=yesterday").want(400, "time_invalid")
	root.get("/admin/audit?room_id="+room).want(200, "")
	ada.put("/rooms/"+room, object{"name": "Motors"}).want(200, "")
	ada.get("/rooms/"+room+"/audit").want(200, "")
	s.user("fay").get("/rooms/"+room+"/audit").want(403, "manage_members_forbidden")
}

func TestSanctions(t *testing.T) {
	s := newServer(t)
	root, mod, ada := s.owner("root"), s.ranked("mod", chat.RankModerator), s.user("ada")
	measure := func(c *client, kind string, more object) *answer {
		body := object{"kind": kind, "user_id": ada.id, "reason": "Spam"}
		for k, v := range more {
			body[k] = v
		}
		return c.post("/admin/sanctions", body)
	}
	measure(ada, "warning", object{"user_id": mod.id}).want(403, "permission_missing")
	measure(mod, "warning", nil).want(201, "").is("kind", "warning").is("room_id", nil).is("issued_by.username", "mod")
	measure(mod, "ban", nil).want(403, "permission_missing")
	measure(mod, "warning", object{"user_id": root.id}).want(403, "target_above")
	measure(mod, "scolding", nil).want(400, "kind_invalid")
	measure(mod, "timeout", nil).want(400, "until_invalid")
	measure(mod, "timeout", object{"until": "soon"}).want(400, "time_invalid")
	measure(mod, "mute", object{"reason": strings.Repeat("x", 501)}).want(400, "reason_too_long")
	measure(mod, "mute", object{"user_id": "nobody"}).want(404, "user_not_found")
	measure(mod, "mute", object{"room_id": "nonsense"}).want(404, "room_not_found")

	measure(mod, "timeout", object{"until": "2026-03-01T13:00:00Z"}).want(201, "").is("live", true)
	ada.get("/auth/me").want(403, "timed_out")
	s.wait(time.Hour)
	ada.get("/auth/me").want(200, "")
	measure(root, "ban", nil).want(201, "")
	if a := ada.get("/auth/me"); a.status != 401 && a.status != 403 {
		t.Errorf("a banned person is answered %d", a.status)
	}
	s.anyone().post("/auth/login", object{"username": "ada", "password": password}).want(403, "banned")
	same(t, "live bans", mod.get("/admin/sanctions?live=true&kind=ban").want(200, "").texts("sanctions", "user_id"), []string{ada.id})
	if n := mod.get("/admin/sanctions?user_id="+ada.id).want(200, "").count("sanctions"); n != 3 {
		t.Errorf("%d sanctions, want 3", n)
	}
	lift := object{"kind": "ban", "user_id": ada.id, "reason": "Appealed"}
	root.post("/admin/sanctions/lift", lift).want(204, "")
	root.post("/admin/sanctions/lift", lift).want(404, "sanction_not_found")
	s.anyone().post("/auth/login", object{"username": "ada", "password": password}).want(200, "")
}

func TestReports(t *testing.T) {
	s := newServer(t)
	mod, ada, bob := s.ranked("mod", chat.RankModerator), s.user("ada"), s.user("bob")
	room := ada.room("Engines", "public", bob)
	id := ada.say(room, "rude words")
	r := bob.post("/messages/"+id+"/report", object{"reason": "Insults"}).want(201, "")
	r.is("state", "open").is("message_id", id).is("reporter.username", "bob").is("author.username", "ada").is("handled_at", nil)
	bob.post("/messages/"+id+"/report", object{"reason": "Insults"}).want(409, "already_reported")
	ada.post("/messages/"+id+"/report", object{"reason": "me"}).want(403, "report_own")
	bob.post("/messages/"+id+"/report", object{"reason": ""}).want(400, "reason_invalid")

	report := "/admin/reports/" + r.text("id")
	same(t, "open", mod.get("/admin/reports").want(200, "").texts("reports", "content"), []string{"rude words"})
	mod.get("/admin/reports?state=lost").want(400, "state_invalid")
	bob.patch(report, object{"state": "resolved"}).want(403, "permission_missing")
	mod.patch(report, object{"state": "open"}).want(400, "state_invalid")
	mod.patch("/admin/reports/nonsense", object{"state": "resolved"}).want(404, "report_not_found")
	mod.patch(report, object{"state": "resolved", "note": "Warned", "delete_message": true}).want(200, "").is("state", "resolved").is("handled_by.username", "mod").is("note", "Warned")
	mod.patch(report, object{"state": "dismissed"}).want(409, "report_closed")
	bob.get("/messages/"+id).want(200, "").is("deleted", true)
	mod.get("/admin/reports").want(200, "").is("reports", []string{})
	same(t, "resolved", mod.get("/admin/reports?state=resolved").want(200, "").texts("reports", "note"), []string{"Warned"})
}

func TestRoles(t *testing.T) {
	s := newServer(t)
	root, ada := s.owner("root"), s.user("ada")
	same(t, "roles", ada.get("/admin/roles").want(200, "").texts("roles", "id"), []string{"owner", "admin", "moderator", "user"})
	ada.post("/admin/roles", object{"name": "Gardener"}).want(403, "permission_missing")
	r := root.post("/admin/roles", object{"name": "Gardener", "color": "#33aa55", "permissions": []string{"manage_rooms"}}).want(201, "")
	r.is("name", "Gardener").is("color", "#33aa55").is("permissions", []string{"manage_rooms"}).is("system", false)
	id := r.text("id")
	root.post("/admin/roles", object{"name": "Gardener"}).want(409, "role_name_taken")
	root.post("/admin/roles", object{"name": ""}).want(400, "role_name_invalid")
	root.post("/admin/roles", object{"name": "Painter", "color": "green"}).want(400, "color_invalid")
	root.put("/admin/roles/"+id, object{"name": "Head gardener", "position": r.value("position")}).want(200, "").is("name", "Head gardener").is("permissions", []string{})
	root.put("/admin/roles/nonsense", object{"name": "x"}).want(404, "role_not_found")

	root.put("/admin/users/"+ada.id+"/roles", object{"roles": []string{id, "user"}}).want(200, "").is("roles", []string{id, "user"})
	root.put("/admin/users/"+ada.id+"/roles", object{"roles": []string{"nonsense"}}).want(404, "role_not_found")
	root.put("/admin/users/nobody/roles", object{"roles": []string{}}).want(404, "user_not_found")
	ada.get("/auth/me").want(200, "").is("roles", []string{id, "user"})
	root.put("/admin/users/"+ada.id+"/rank", object{"rank": "moderator"}).want(200, "").is("rank", "moderator")
	root.put("/admin/users/"+ada.id+"/rank", object{"rank": "king"}).want(400, "rank_invalid")
	ada.put("/admin/users/"+root.id+"/rank", object{"rank": "member"}).want(403, "permission_missing")
	root.put("/admin/users/"+root.id+"/rank", object{"rank": "member"}).want(409, "last_owner")

	room := ada.room("Engines", "public")
	lists := "/rooms/" + room + "/role-lists"
	ada.get(lists).want(200, "").is("role_lists", []string{})
	set := ada.put(lists, object{"right": "send", "roles": []object{{"role_id": id}, {"role_id": "user", "deny": true}}}).want(200, "")
	set.is("role_lists", []object{{"right": "send", "roles": []object{{"deny": false, "role_id": id}, {"deny": true, "role_id": "user"}}}})
	bob := s.user("bob")
	bob.post("/rooms/"+room+"/join", nil).want(200, "")
	bob.post("/rooms/"+room+"/messages", object{"content": "x"}).want(403, "send_forbidden")
	bob.get(lists).want(403, "manage_room_forbidden")
	ada.put(lists, object{"right": "fly", "roles": []object{{"role_id": id}}}).want(400, "right_invalid")
	ada.put(lists, object{"right": "send", "roles": []object{{"role_id": "nonsense"}}}).want(404, "role_not_found")
	ada.put(lists, object{"right": "send", "roles": []object{}}).want(200, "").is("role_lists", []string{})
	bob.say(room, "now I can")

	root.delete("/admin/roles/"+id).want(204, "")
	root.delete("/admin/roles/"+id).want(404, "role_not_found")
	root.delete("/admin/roles/owner").want(403, "role_protected")
	s.user("dan").delete("/admin/roles/user").want(403, "permission_missing")
}
