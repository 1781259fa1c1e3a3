package native_test

import (
	"strings"
	"testing"
)

// Who may do what, one statement after the other.
func TestAuthorization(t *testing.T) {
	s := newServer(t)
	ada, adm, bob, eve := s.user("ada"), s.user("adm"), s.user("bob"), s.user("eve")
	room := ada.room("Engines", "public", adm, bob)
	ada.admin(room, adm)
	den := ada.room("Den", "private", bob)
	direct := ada.post("/rooms/direct", object{"user_id": bob.id}).want(201, "").text("id")
	said := map[string]string{room: bob.say(room, "in the open"), den: bob.say(den, "in the den"), direct: bob.say(direct, "between us")}

	t.Run("users can only access rooms they are members of", func(t *testing.T) {
		for id, code := range map[string]string{room: "not_a_member", den: "room_not_found"} {
			status := 403
			if code == "room_not_found" {
				status = 404
			}
			for _, path := range []string{"/messages", "/changes?since=0", "/members", "/pins", "/invites", "/bans", "/role-lists"} {
				a := eve.in(t).get("/rooms/" + id + path)
				if a.status == 403 && status == 403 { // which right is missing may be said in other words
					continue
				}
				a.want(status, code)
			}
			eve.in(t).post("/rooms/"+id+"/messages", object{"content": "hello"}).want(status, code)
			eve.in(t).post("/rooms/"+id+"/read", object{"seq": 1}).want(status, code)
		}
		if list := eve.in(t).get("/search?q=the").want(200, ""); list.count("hits") != 0 {
			t.Errorf("a stranger finds %s", list.body)
		}
	})
	t.Run("direct messages are private between the two participants", func(t *testing.T) {
		root := s.owner("root")
		for _, c := range []*client{eve, adm, root} {
			c.in(t).get("/rooms/"+direct).want(404, "room_not_found")
			c.in(t).get("/rooms/"+direct+"/messages").want(404, "room_not_found")
			c.in(t).get("/messages/"+said[direct]).want(404, "message_not_found")
			c.in(t).delete("/messages/"+said[direct]).want(404, "message_not_found")
		}
		if body := string(root.in(t).get("/admin/rooms").want(200, "").body); strings.Contains(body, `"direct"`) && strings.Contains(body, "between us") {
			t.Errorf("the operator's list shows %s", body)
		}
	})
	t.Run("room admins can manage members and settings", func(t *testing.T) {
		adm := adm.in(t)
		adm.put("/rooms/"+room, object{"topic": "Cams"}).want(200, "")
		adm.post("/rooms/"+room+"/members", object{"user_id": eve.id}).want(201, "")
		adm.post("/rooms/"+room+"/invites", nil).want(201, "")
		adm.put("/messages/"+said[room]+"/pin", nil).want(200, "")
		adm.put("/rooms/"+room+"/members/"+bob.id+"/mute", nil).want(200, "")
		adm.delete("/rooms/"+room+"/members/"+bob.id+"/mute").want(204, "")
		adm.patch("/rooms/"+room+"/members/"+bob.id+"/role", object{"role": "admin"}).want(403, "set_roles_forbidden")
		adm.delete("/rooms/"+room+"?confirm="+room).want(403, "delete_room_forbidden")
		bob.in(t).put("/rooms/"+room, object{"topic": "Mine"}).want(403, "manage_room_forbidden")
	})
	t.Run("users can only edit and delete their own messages, except admins", func(t *testing.T) {
		id := ada.in(t).say(room, "mine")
		bob.in(t).put("/messages/"+id, object{"content": "yours"}).want(403, "edit_forbidden")
		bob.in(t).delete("/messages/"+id).want(403, "delete_forbidden")
		adm.in(t).put("/messages/"+id, object{"content": "ours"}).want(403, "edit_forbidden")
		adm.in(t).delete("/messages/"+id).want(204, "")
	})
	t.Run("room owners have full control including deletion", func(t *testing.T) {
		ada := ada.in(t)
		ada.patch("/rooms/"+room+"/members/"+bob.id+"/role", object{"role": "admin"}).want(200, "")
		ada.delete("/rooms/"+room+"/members/"+adm.id).want(204, "")
		ada.delete("/rooms/"+room+"?confirm="+room).want(204, "")
		bob.in(t).get("/messages/"+said[room]).want(404, "message_not_found")
	})
}
