package native_test

import "testing"

func TestThreads(t *testing.T) {
	s := newServer(t)
	ada, bob, eve := s.user("ada"), s.user("bob"), s.user("eve")
	forum := ada.post("/rooms", object{"name": "Forum", "type": "public", "form": "forum"}).want(201, "").text("id")
	bob.post("/rooms/"+forum+"/join", nil).want(200, "")
	text := ada.room("Tea", "private", bob)
	bob.post("/rooms/"+text+"/threads", object{"name": "x"}).want(400, "room_not_forum")
	bob.post("/rooms/"+forum+"/threads", object{"name": " "}).want(400, "thread_name_invalid")
	eve.post("/rooms/"+forum+"/threads", object{"name": "x"}).want(403, "not_a_member")
	eve.get("/rooms/"+forum+"/threads").want(403, "not_a_member")
	id := bob.post("/rooms/"+forum+"/threads", object{"name": " Where do we meet? "}).want(201, "").is("name", "Where do we meet?").is("joined", true).
		is("message_count", 0).is("last_message_id", nil).is("can_change", true).is("can_lock", false).is("participants.0.username", "bob").text("id")

	ada.post("/rooms/"+forum+"/messages", object{"content": "x"}).want(400, "thread_needed")
	reply := ada.post("/rooms/"+forum+"/messages", object{"content": "Here", "parent_id": id}).want(201, "").text("id")
	bob.get("/rooms/"+forum+"/threads").want(200, "").is("threads.0.id", id).is("threads.0.unread_count", 1).is("threads.0.last_message_id", reply).
		is("threads.0.participant_count", 2).is("threads.0.last_read_id", nil).is("next_cursor", nil)
	bob.get("/rooms/"+forum).want(200, "").is("me.unread_count", 1)
	bob.get("/messages/"+id+"/thread").want(200, "").is("messages.0.content", "Here")
	bob.post("/threads/"+id+"/read", object{}).want(200, "").is("unread_count", 0).is("last_read_id", reply)
	bob.get("/rooms/"+forum).want(200, "").is("me.unread_count", 0)
	bob.post("/threads/"+id+"/read", object{"message_id": "4711"}).want(404, "message_not_found")

	ada.post("/threads/"+id+"/leave", nil).want(200, "").is("joined", false)
	ada.get("/threads/"+id).want(200, "").is("name", "Where do we meet?").is("joined", false).is("message_count", 1)
	ada.post("/threads/"+id+"/join", nil).want(200, "").is("joined", true)
	eve.post("/threads/"+id+"/join", nil).want(403, "not_a_member")
	bob.do("PATCH", "/threads/"+id, object{"locked": true}).want(400, "thread_lock_forbidden")
	eve.do("PATCH", "/threads/"+id, object{"name": "x"}).want(403, "not_a_member")
	bob.do("PATCH", "/threads/"+id, object{"name": "Here", "archived": true}).want(200, "").is("name", "Here").is("archived", true)
	bob.get("/rooms/"+forum+"/threads").is("threads", []any{})
	bob.get("/rooms/"+forum+"/threads?archived=true").is("threads.0.id", id)
	ada.do("PATCH", "/threads/"+id, object{"locked": true, "archived": false}).want(200, "").is("locked", true)
	bob.post("/rooms/"+forum+"/messages", object{"content": "x", "parent_id": id}).want(403, "thread_locked")
	ada.delete("/messages/"+id).want(403, "thread_head")
	ada.delete("/messages/"+reply).want(403, "thread_locked")
	ada.post("/threads/"+id+"/join", nil).want(403, "thread_locked")
	ada.post("/threads/"+id+"/leave", nil).want(200, "").is("joined", false)
	bob.post("/threads/"+id+"/leave", nil).want(200, "").is("joined", true)
	bob.get("/threads/x").want(404, "thread_not_found")
	bob.get("/threads/4711").want(404, "thread_not_found")
	ada.delete("/threads/"+id).want(204, "")
	bob.get("/threads/"+id).want(404, "thread_not_found")
	ada.get("/messages/"+reply).want(200, "").is("deleted", true)
}
