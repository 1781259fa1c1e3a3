package native_test

import (
	"testing"
	"time"
)

func TestMembers(t *testing.T) {
	s := newServer(t)
	ada, bob, cleo, eve := s.user("ada"), s.user("bob"), s.user("cleo"), s.user("eve")
	room := ada.room("Den", "private", bob, cleo)
	base := "/rooms/" + room + "/members"
	ada.admin(room, cleo)
	list := bob.get(base).want(200, "")
	same(t, "owner, admins, then by joining", list.texts("members", "user.username"), []string{"ada", "cleo", "bob"})
	same(t, "roles", list.texts("members", "role"), []string{"owner", "admin", "member"})
	list.is("members.0.joined_at", "2026-03-01T12:00:00.000Z").is("members.0.muted_until", nil).is("members.0.user.status", "offline").is("next_cursor", nil)
	page := bob.get(base+"?limit=2").want(200, "")
	same(t, "the second page", bob.get(base+"?limit=2&cursor="+page.text("next_cursor")).want(200, "").texts("members", "user.username"), []string{"bob"})
	eve.get(base).want(404, "room_not_found")

	bob.post(base, object{"user_id": eve.id}).want(403, "invite_forbidden")
	r := cleo.post(base, object{"user_id": eve.id}).want(201, "")
	r.is("room.id", room).is("created_by.username", "cleo")
	code := r.text("code")
	bob.get("/invites/"+code).want(404, "invite_not_found")
	s.anyone().get("/invites/"+code).want(404, "invite_not_found")
	n := eve.get("/notifications").want(200, "")
	n.is("notifications.0.type", "room_invite").is("notifications.0.invite_code", code).is("notifications.0.actor.username", "cleo").is("unread", 1)
	s.user("dan").post("/invites/"+code+"/accept", nil).want(404, "invite_not_found")
	eve.post("/invites/"+code+"/accept", nil).want(200, "").is("me.role", "member")
	cleo.post(base, object{"user_id": eve.id}).want(409, "already_member")
	cleo.post(base, object{"user_id": "nobody"}).want(404, "user_not_found")

	bob.delete(base+"/"+eve.id).want(403, "manage_members_forbidden")
	cleo.delete(base+"/"+ada.id).want(403, "target_above")
	cleo.delete(base+"/"+eve.id).want(204, "")
	cleo.delete(base+"/"+eve.id).want(404, "member_not_found")
	eve.get("/rooms/"+room).want(404, "room_not_found")

	cleo.patch(base+"/"+bob.id+"/role", object{"role": "admin"}).want(403, "set_roles_forbidden")
	ada.patch(base+"/"+bob.id+"/role", object{"role": "owner"}).want(400, "role_invalid")
	ada.patch(base+"/"+bob.id+"/role", object{"role": "king"}).want(400, "role_invalid")
	ada.patch(base+"/"+eve.id+"/role", object{"role": "admin"}).want(404, "member_not_found")
	ada.patch(base+"/"+cleo.id+"/role", object{"role": "member"}).want(200, "").is("role", "member").is("user.username", "cleo")
}

func TestMutesAndBansInARoom(t *testing.T) {
	s := newServer(t)
	ada, bob, cleo := s.user("ada"), s.user("bob"), s.user("cleo")
	room := ada.room("Engines", "public", bob, cleo)
	mute, bans := "/rooms/"+room+"/members/"+bob.id+"/mute", "/rooms/"+room+"/bans"
	id := ada.say(room, "hello")

	cleo.put(mute, nil).want(403, "manage_members_forbidden")
	r := ada.put(mute, object{"until": "2026-03-01T13:00:00Z", "reason": "Spam"}).want(200, "")
	r.is("kind", "mute").is("until", "2026-03-01T13:00:00.000Z").is("reason", "Spam").is("user.username", "bob").is("issued_by.username", "ada").is("live", true)
	bob.post("/rooms/"+room+"/messages", object{"content": "x"}).want(403, "muted")
	bob.post("/messages/"+id+"/reactions", object{"emoji": "👍"}).want(403, "muted")
	bob.get("/rooms/"+room+"/messages").want(200, "")
	bob.get("/rooms/"+room).want(200, "").is("me.muted", true).is("me.muted_until", "2026-03-01T13:00:00.000Z")
	s.wait(time.Hour)
	bob.say(room, "free again")
	ada.put(mute, nil).want(200, "").is("until", nil)
	bob.post("/rooms/"+room+"/messages", object{"content": "x"}).want(403, "muted")
	ada.delete(mute).want(204, "")
	ada.delete(mute).want(404, "sanction_not_found")
	bob.say(room, "and again")
	ada.put(mute, object{"until": "2020-01-01T00:00:00Z"}).want(400, "until_invalid")
	ada.put(mute, object{"until": "tomorrow"}).want(400, "time_invalid")
	bob.put("/rooms/"+room+"/members/"+ada.id+"/mute", nil).want(403, "manage_members_forbidden")
	ada.put("/rooms/"+room+"/members/"+ada.id+"/mute", nil).want(400, "target_is_self")

	cleo.post(bans, object{"user_id": bob.id}).want(403, "manage_members_forbidden")
	ada.post(bans, object{"user_id": bob.id, "reason": "Enough"}).want(201, "").is("kind", "ban")
	bob.get("/rooms/"+room+"/messages").want(403, "banned")
	bob.post("/rooms/"+room+"/join", nil).want(403, "banned")
	same(t, "banned", ada.get(bans).want(200, "").texts("bans", "user_id"), []string{bob.id})
	cleo.get(bans).want(403, "manage_members_forbidden")
	ada.delete(bans+"/"+bob.id).want(204, "")
	ada.delete(bans+"/"+bob.id).want(404, "sanction_not_found")
	ada.get(bans).want(200, "").is("bans", []string{})
	bob.post("/rooms/"+room+"/join", nil).want(200, "")
}

func TestInvites(t *testing.T) {
	s := newServer(t)
	ada, bob, cleo := s.user("ada"), s.user("bob"), s.user("cleo")
	room := ada.room("Den", "private")
	base := "/rooms/" + room + "/invites"
	r := ada.post(base, nil).want(201, "")
	code := r.text("code")
	if got := r.header.Get("Location"); got != "/api/invites/"+code {
		t.Errorf("Location %q", got)
	}
	r.is("expires_at", "2026-03-08T12:00:00.000Z").is("max_uses", nil).is("uses", 0).is("revoked", false).is("room.name", "Den").is("created_by.username", "ada")
	s.anyone().get("/invites/"+code).want(200, "").is("room.name", "Den").is("room.member_count", 1)
	s.anyone().post("/invites/"+code+"/accept", nil).want(401, "token_invalid")
	bob.post("/invites/"+code+"/accept", nil).want(200, "").is("me.role", "member")
	bob.post("/invites/"+code+"/accept", nil).want(200, "")
	ada.get(base).want(200, "").is("invites.0.uses", 1)
	bob.get(base).want(403, "invite_forbidden")
	bob.post(base, nil).want(403, "invite_forbidden")
	bob.delete("/invites/"+code).want(403, "invite_forbidden")

	once := ada.post(base, object{"max_uses": 1, "expires_in": 3600}).want(201, "").is("expires_at", "2026-03-01T13:00:00.000Z").text("code")
	for body, fault := range map[string]string{
		`{"max_uses":0}`: "max_uses_invalid", `{"max_uses":-1}`: "max_uses_invalid", `{"max_uses":10001}`: "max_uses_invalid",
		`{"expires_in":-5}`: "expires_in_invalid", `{"expires_in":99999999999999999}`: "expires_in_invalid", `{"expires_in":"1h"}`: "field_invalid",
	} {
		ada.post(base, body).want(400, fault)
	}
	s.wait(time.Hour)
	cleo.get("/invites/"+once).want(404, "invite_not_found")
	cleo.post("/invites/"+once+"/accept", nil).want(404, "invite_not_found")
	never := ada.post(base, object{"expires_in": 0}).want(201, "").is("expires_at", nil).text("code")
	ada.delete("/invites/"+never).want(204, "")
	cleo.get("/invites/"+never).want(404, "invite_not_found")
	cleo.get("/invites/NOSUCHCODE").want(404, "invite_not_found")
	ada.delete("/invites/NOSUCHCODE").want(404, "invite_not_found")
	s.anyone().with("Authorization", "Bearer nonsense").get("/invites/"+code).want(401, "token_invalid")
}
