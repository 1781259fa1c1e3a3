package native_test

import (
	"strings"
	"testing"
	"time"
)

func TestRooms(t *testing.T) {
	s := newServer(t)
	ada, bob, eve := s.user("ada"), s.user("bob"), s.user("eve")
	made := ada.post("/rooms", object{"name": "Engines", "description": "All about engines", "type": "public", "slug": "engines"}).want(201, "")
	id := made.text("id")
	if got := made.header.Get("Location"); got != "/api/rooms/"+id {
		t.Errorf("Location %q", got)
	}
	made.is("slug", "engines").is("type", "public").is("form", "text").is("encrypted", false).is("owner_id", ada.id).is("created_by", ada.id).
		is("me.role", "owner").is("me.notify", "all").is("me.unread_count", 0).is("me.muted_until", nil).is("peer", nil).is("archived", false).
		is("member_count", 1).is("created_at", "2026-03-01T12:00:00.000Z")

	same(t, "discovered", bob.get("/rooms/public?q=engine").want(200, "").texts("rooms", "slug"), []string{"engines"})
	bob.get("/rooms/public").want(200, "").is("rooms.0.me", nil).is("next_cursor", nil)
	bob.get("/rooms/public?q=nothing").want(200, "").is("rooms", []string{})
	bob.get("/rooms/public?cursor=nonsense").want(400, "cursor_invalid")
	bob.get("/rooms/public?limit=101").want(400, "limit_invalid")
	bob.get("/rooms/by-slug/ENGINES").want(200, "").is("id", id)
	bob.get("/rooms/by-slug/nothing").want(404, "room_not_found")
	bob.get("/rooms/by-slug/messages").want(404, "room_not_found")
	bob.get("/rooms").want(200, "").is("rooms", []string{})

	bob.post("/rooms/"+id+"/join", nil).want(200, "").is("me.role", "member").is("member_count", 2)
	bob.post("/rooms/"+id+"/join", nil).want(200, "")
	bob.put("/rooms/"+id, object{"name": "Mine"}).want(403, "manage_room_forbidden")
	ada.put("/rooms/"+id, object{"name": "Motors", "topic": "Cams"}).want(200, "").is("name", "Motors").is("topic", "Cams").is("description", "All about engines")
	ada.put("/rooms/"+id, object{"type": "direct"}).want(400, "room_type_invalid")

	private := ada.room("Den", "private")
	eve.get("/rooms/"+private).want(404, "room_not_found")
	eve.get("/rooms/"+private+"/messages").want(404, "room_not_found")
	eve.post("/rooms/"+private+"/join", nil).want(404, "room_not_found")
	eve.put("/rooms/"+private, object{"name": "x"}).want(404, "room_not_found")
	eve.delete("/rooms/"+private+"?confirm="+private).want(404, "room_not_found")
	for _, bad := range []string{"0", "-1", "012", "1e3", "99999999999999999999", "x", "%20", "%2e%2e%2e"} {
		eve.get("/rooms/"+bad).want(404, "room_not_found")
	}

	ada.patch("/rooms/"+id+"/preferences", object{"notify": "mentions", "favourite": true}).want(200, "").is("me.notify", "mentions").is("me.favourite", true)
	ada.patch("/rooms/"+id+"/preferences", object{"notify": "loudly"}).want(400, "notify_invalid")
	eve.patch("/rooms/"+id+"/preferences", object{"notify": "all"}).want(403, "not_a_member")

	ada.post("/rooms/"+id+"/leave", nil).want(409, "owner_must_transfer")
	bob.post("/rooms/"+id+"/transfer", object{"user_id": bob.id}).want(403, "transfer_forbidden")
	ada.post("/rooms/"+id+"/transfer", object{"user_id": eve.id}).want(404, "member_not_found")
	ada.post("/rooms/"+id+"/transfer", object{"user_id": bob.id}).want(200, "").is("me.role", "admin").is("owner_id", bob.id)
	ada.post("/rooms/"+id+"/leave", nil).want(204, "")
	ada.post("/rooms/"+id+"/leave", nil).want(403, "not_a_member")

	bob.delete("/rooms/"+id).want(400, "confirm_needed")
	bob.delete("/rooms/"+id+"?confirm=motor").want(400, "confirm_needed")
	ada.delete("/rooms/"+id+"?confirm=engines").want(403, "delete_room_forbidden")
	bob.delete("/rooms/"+id+"?confirm=engines").want(204, "")
	bob.get("/rooms/"+id).want(404, "room_not_found")
}

func TestRoomsAreCheckedFieldByField(t *testing.T) {
	s := newServer(t)
	ada := s.user("ada")
	ada.post("/rooms", object{"name": "First", "type": "public", "slug": "first"}).want(201, "")
	for name, tc := range map[string]struct {
		body   object
		status int
		code   string
	}{
		"no name":                  {object{"type": "public"}, 400, "room_name_invalid"},
		"a name of blanks":         {object{"name": "   ", "type": "public"}, 400, "room_name_invalid"},
		"a name of 101 characters": {object{"name": strings.Repeat("x", 101), "type": "public"}, 400, "room_name_invalid"},
		"a name that deceives":     {object{"name": "x\u2066y", "type": "public"}, 400, "room_name_invalid"},
		"a zero-width name":        {object{"name": "\u200d", "type": "public"}, 400, "room_name_invalid"},
		"a long description":       {object{"name": "x", "type": "public", "description": strings.Repeat("x", 1001)}, 400, "description_too_long"},
		"no type":                  {object{"name": "x"}, 400, "room_type_invalid"},
		"a direct room":            {object{"name": "x", "type": "direct"}, 400, "room_type_invalid"},
		"an unknown form":          {object{"name": "x", "type": "public", "form": "balloon"}, 400, "room_form_invalid"},
		"a slug with blanks":       {object{"name": "x", "type": "public", "slug": "a b"}, 400, "slug_invalid"},
		"a slug that is taken":     {object{"name": "x", "type": "public", "slug": "first"}, 409, "slug_taken"},
	} {
		t.Run(name, func(t *testing.T) {
			ada.in(t).post("/rooms", tc.body).want(tc.status, tc.code)
		})
	}
	ada.post("/rooms", object{"name": strings.Repeat("é", 100), "type": "private", "form": "voice"}).want(201, "").is("slug", nil).is("form", "voice")
}

func TestDirectRooms(t *testing.T) {
	s := newServer(t)
	ada, bob, eve := s.user("ada"), s.user("bob"), s.user("eve")
	bob.patch("/users/me", object{"display_name": "Bob the Builder"}).want(200, "")
	r := ada.post("/rooms/direct", object{"user_id": bob.id}).want(201, "")
	id := r.text("id")
	r.is("type", "direct").is("name", "Bob the Builder").is("peer.username", "bob").is("slug", nil).is("owner_id", nil).is("member_count", 2)
	ada.post("/rooms/direct", object{"user_id": bob.id}).want(200, "").is("id", id)
	bob.post("/rooms/direct", object{"user_id": ada.id}).want(200, "").is("id", id).is("name", "ada").is("peer.id", ada.id)
	ada.post("/rooms/direct", object{"user_id": ada.id}).want(400, "target_is_self")
	ada.post("/rooms/direct", object{"user_id": "nobody"}).want(404, "user_not_found")

	message := ada.say(id, "between us")
	for _, path := range []string{"/rooms/" + id, "/rooms/" + id + "/messages", "/rooms/" + id + "/members", "/rooms/" + id + "/pins", "/rooms/" + id + "/changes?since=0"} {
		eve.get(path).want(404, "room_not_found")
	}
	eve.get("/messages/"+message).want(404, "message_not_found")
	eve.post("/rooms/"+id+"/join", nil).want(404, "room_not_found")
	ada.post("/rooms/"+id+"/members", object{"user_id": eve.id}).want(403, "direct_room")
	ada.post("/rooms/"+id+"/invites", nil).want(403, "direct_room")
	ada.post("/rooms/"+id+"/leave", nil).want(403, "direct_room")
	ada.put("/rooms/"+id, object{"name": "x"}).want(403, "direct_room")
	root := s.owner("root")
	root.get("/rooms/"+id).want(404, "room_not_found")
	root.get("/messages/"+message).want(404, "message_not_found")
}

func TestRoomsAreSortedAndCounted(t *testing.T) {
	s := newServer(t)
	ada, bob := s.user("ada"), s.user("bob")
	first, second := ada.room("First", "private", bob), ada.room("Second", "private", bob)
	ada.say(first, "one")
	s.wait(time.Second)
	ada.say(second, "two @bob")
	same(t, "newest message first", bob.get("/rooms").want(200, "").texts("rooms", "id"), []string{second, first})
	s.wait(time.Second)
	last := ada.say(first, "three")
	list := bob.get("/rooms").want(200, "")
	same(t, "newest message first", list.texts("rooms", "id"), []string{first, second})
	list.is("rooms.0.last_message_at", "2026-03-01T12:00:02.000Z").is("rooms.1.me.mention_count", 1)

	seq := bob.get("/messages/"+last).want(200, "").value("seq")
	r := bob.post("/rooms/"+first+"/read", object{"seq": seq}).want(200, "")
	r.is("unread_count", 0).is("last_read_seq", seq).is("room_id", first)
	bob.post("/rooms/"+first+"/read", object{"seq": 1}).want(200, "").is("last_read_seq", seq)
	bob.post("/rooms/"+first+"/read", object{}).want(400, "seq_invalid")
	bob.post("/rooms/"+first+"/read", object{"seq": -1}).want(400, "seq_invalid")
	bob.post("/rooms/"+first+"/read", object{"seq": "1"}).want(400, "field_invalid")
	bob.post("/rooms/"+first+"/read", object{"seq": 1 << 60}).want(200, "").is("last_read_seq", seq)
	bob.get("/rooms").want(200, "").is("rooms.0.me.unread_count", 0)

	receipts := ada.get("/messages/"+last+"/receipts").want(200, "")
	receipts.is("receipts.0.user.username", "bob").is("receipts.0.read_at", "2026-03-01T12:00:02.000Z")
	if receipts.count("receipts") != 1 {
		t.Errorf("the sender is no reader: %s", receipts.body)
	}
}

func TestSlowMode(t *testing.T) {
	s := newServer(t)
	ada, bob := s.user("ada"), s.user("bob")
	room := ada.room("Engines", "public", bob)
	ada.get("/rooms/"+room).want(200, "").is("slow_mode_seconds", 0)
	for _, bad := range []any{-1, 21_601, 1 << 62} {
		ada.put("/rooms/"+room, object{"slow_mode_seconds": bad}).want(400, "slow_mode_invalid")
	}
	ada.put("/rooms/"+room, object{"slow_mode_seconds": 1.5}).want(400, "field_invalid")
	bob.put("/rooms/"+room, object{"slow_mode_seconds": 0}).want(403, "manage_room_forbidden")
	ada.put("/rooms/"+room, object{"slow_mode_seconds": 90}).want(200, "").is("slow_mode_seconds", 90)
	bob.say(room, "one")
	s.wait(30 * time.Second)
	r := bob.post("/rooms/"+room+"/messages", object{"content": "two"}).want(429, "slow_mode")
	if got := r.header.Get("Retry-After"); got != "60" {
		t.Errorf("Retry-After %q", got)
	}
	s.wait(time.Minute)
	bob.say(room, "two")
}
