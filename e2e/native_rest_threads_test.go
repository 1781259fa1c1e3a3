package e2e

import (
	"testing"
)

// forumThreads plays the threads of a forum, and what is told of them.
func forumThreads(t *testing.T, a *api) {
	p := a.people(t, 3)
	owner, two, outside := p[0], p[1], p[2]
	forum, text := owner.room("public", obj{"form": "forum"}), owner.room("public")
	two.join(forum)
	two.join(text)
	l, desk := owner.dial(), two.dial()
	l.ok(obj{"type": "join_room", "room_id": forum})
	open := func(name string) *answer {
		t.Helper()
		return two.do("POST", "/rooms/"+forum+"/threads", obj{"name": name})
	}
	two.do("POST", "/rooms/"+text+"/threads", obj{"name": "x"}).fails(400, "room_not_forum")
	open(" ").fails(400, "thread_name_invalid").names("name")
	outside.do("POST", "/rooms/"+forum+"/threads", obj{"name": "x"}).fails(403, "not_a_member")
	outside.get("/rooms/"+forum+"/threads").fails(403, "not_a_member")
	made := open(" Where do we meet? ").want(201).is(obj{"name": "Where do we meet?", "room_id": forum, "created_by.id": two.ID, "joined": true, "message_count": 0, "last_message_id": nil,
		"can_change": true, "can_lock": false, "participant_count": 1, "participants.0.id": two.ID, "locked": false, "archived": false})
	id := made.str("id")
	l.await("thread_created", obj{"room_id": forum, "thread.id": id, "thread.name": "Where do we meet?"})
	two.get("/messages/" + id).want(200).is(obj{"type": "thread", "content": "Where do we meet?"})

	owner.do("POST", "/rooms/"+forum+"/messages", obj{"content": "nowhere"}).fails(400, "thread_needed")
	reply := owner.say(forum, "Here", obj{"parent_id": id}).str("id")
	l.await("message_created", obj{"message.id": reply, "message.parent_id": id})
	two.get("/rooms/" + forum + "/threads").want(200).is(obj{"threads.0.id": id, "threads.0.unread_count": 1, "threads.0.message_count": 1, "threads.0.last_message_id": reply,
		"threads.0.participant_count": 2, "next_cursor": nil})
	two.get("/rooms/" + forum).is(obj{"me.unread_count": 1})
	equal(t, "what is said in it", two.get("/messages/"+id+"/thread").want(200).each("messages", "id"), []string{reply})
	two.do("POST", "/threads/"+id+"/read", obj{}).want(200).is(obj{"unread_count": 0, "last_read_id": reply})
	desk.await("thread_read", obj{"room_id": forum, "thread_id": id, "message_id": reply})
	two.get("/rooms/" + forum).is(obj{"me.unread_count": 0})
	two.do("POST", "/threads/"+id+"/read", obj{"message_id": "999999"}).fails(404, "message_not_found")

	two.do("PATCH", "/threads/"+id, obj{"locked": true}).fails(400, "thread_lock_forbidden")
	outside.do("PATCH", "/threads/"+id, obj{"name": "Mine"}).fails(403, "not_a_member")
	two.do("PATCH", "/threads/"+id, obj{"name": "Here", "archived": true}).want(200).is(obj{"name": "Here", "archived": true})
	l.await("thread_updated", obj{"thread.id": id, "thread.name": "Here", "thread.archived": true})
	two.get("/rooms/" + forum + "/threads").want(200).is(obj{"threads": []any{}})
	two.get("/rooms/" + forum + "/threads?archived=true").want(200).is(obj{"threads.0.id": id})
	owner.say(forum, "It goes on", obj{"parent_id": reply})
	two.get("/threads/" + id).want(200).is(obj{"archived": false, "message_count": 2}) // a message brings it back
	owner.do("PATCH", "/threads/"+id, obj{"locked": true}).want(200).is(obj{"locked": true, "can_lock": true})
	two.do("POST", "/rooms/"+forum+"/messages", obj{"content": "x", "parent_id": id}).fails(403, "thread_locked")
	owner.do("DELETE", "/messages/"+id, nil).fails(403, "thread_head")

	owner.do("POST", "/threads/"+id+"/leave", nil).want(200).is(obj{"joined": false, "participant_count": 1})
	l.await("thread_left", obj{"room_id": forum, "user_id": owner.ID, "thread.id": id, "thread.participant_count": 1})
	owner.do("POST", "/threads/"+id+"/join", nil).fails(403, "thread_locked")
	owner.do("PATCH", "/threads/"+id, obj{"locked": false}).want(200)
	owner.do("POST", "/threads/"+id+"/join", nil).want(200).is(obj{"joined": true, "participant_count": 2})
	l.await("thread_joined", obj{"user_id": owner.ID, "thread.id": id, "thread.participant_count": 2})
	two.do("POST", "/threads/"+id+"/leave", nil).want(200).is(obj{"joined": true}) // whoever opened it stays

	second := open("Another").want(201).str("id")
	page := two.get("/rooms/" + forum + "/threads?limit=1").want(200).is(obj{"threads.0.id": second})
	two.get("/rooms/" + forum + "/threads?limit=1&cursor=" + page.str("next_cursor")).want(200).is(obj{"threads.0.id": id})
	owner.do("DELETE", "/threads/"+id, nil).want(204)
	l.await("thread_deleted", obj{"room_id": forum, "thread_id": id})
	l.await("message_deleted", obj{"message_id": reply})
	two.get("/threads/"+id).fails(404, "thread_not_found")
	owner.get("/messages/" + reply).want(200).is(obj{"deleted": true})
	outside.get("/threads/nonsense").fails(404, "thread_not_found")
}

// polls plays a question from being asked to its end, and what voters and others are told.
func polls(t *testing.T, a *api) {
	p := a.people(t, 3)
	owner, two, outside := p[0], p[1], p[2]
	room := owner.room("private")
	owner.letIn(room, two)
	l, voter := owner.dial(), two.dial()
	l.ok(obj{"type": "join_room", "room_id": room})
	voter.ok(obj{"type": "join_room", "room_id": room})
	options := []obj{{"text": "Tea", "emoji": "🫖"}, {"text": "Coffee", "id": "c"}}
	ask := func(poll obj) *answer {
		t.Helper()
		return owner.do("POST", "/rooms/"+room+"/messages", obj{"poll": poll})
	}
	for _, bad := range []obj{{"question": "?", "options": options[:1]}, {"question": "", "options": options}, {"question": "?", "options": options, "expires_at": "2001-01-01T00:00:00Z"},
		{"question": "?", "options": []obj{{"text": "a", "id": "x"}, {"text": "b", "id": "x"}}}} {
		ask(bad).fails(400, "poll_invalid")
	}
	made := ask(obj{"question": "Tea or coffee?", "options": options}).want(201).is(obj{"content": "", "poll.question": "Tea or coffee?", "poll.options.0.id": "0", "poll.options.0.emoji": "🫖",
		"poll.options.1.id": "c", "poll.multiple": false, "poll.created_by": owner.ID, "poll.expires_at": nil, "poll.ended_at": nil, "poll.votes": 0, "poll.voters": 0})
	id := made.str("id")
	l.await("message_created", obj{"message.id": id, "message.poll.question": "Tea or coffee?"})

	votes := "/messages/" + id + "/poll/votes"
	vote := func(c *client, options ...string) *answer {
		t.Helper()
		return c.do("POST", votes, obj{"options": options})
	}
	vote(two, "0").want(200).is(obj{"poll.options.0.me": true, "poll.options.0.votes": 1, "poll.voters": 1})
	if told := l.await("poll_voted", obj{"room_id": room, "message_id": id, "votes": 1, "options.0.votes": 1}); asObj(told.json)["me"] != nil {
		t.Errorf("others are told who voted for what: %v", told)
	}
	voter.await("poll_voted", obj{"message_id": id, "me.options": []string{"0"}})
	owner.get("/messages/" + id).want(200).is(obj{"poll.options.0.me": false, "poll.options.0.votes": 1})
	vote(two, "c").want(200).is(obj{"poll.options.0.votes": 0, "poll.options.1.me": true}) // with one choice it moves
	vote(two, "9").fails(400, "option_invalid")
	vote(two).fails(400, "options_missing")
	vote(outside, "c").fails(404, "message_not_found")
	two.do("POST", "/messages/"+two.say(room, "x").str("id")+"/poll/votes", obj{"options": []string{"c"}}).fails(404, "poll_not_found")
	two.do("DELETE", votes+"/c", nil).want(204)
	l.await("poll_voted", obj{"message_id": id, "votes": 0})
	two.do("DELETE", votes+"/c", nil).want(204)
	vote(two, "c").want(200)
	owner.get("/messages/" + id + "/poll").want(200).is(obj{"poll.votes": 1, "voters": []any{}}) // who voted is told at the end

	two.do("POST", "/messages/"+id+"/poll/end", nil).fails(403, "poll_end_forbidden")
	owner.do("POST", "/messages/"+id+"/poll/end", nil).want(200).str("poll.ended_at")
	voter.await("poll_ended", obj{"room_id": room, "message_id": id, "votes": 1, "voters": 1}).str("ended_at")
	owner.do("POST", "/messages/"+id+"/poll/end", nil).fails(409, "poll_ended")
	vote(two, "0").fails(409, "poll_ended")
	two.do("DELETE", votes+"/c", nil).fails(409, "poll_ended")
	two.get("/messages/" + id + "/poll").want(200).is(obj{"voters.0.users": []any{}, "voters.1.id": "c", "voters.1.users.0.id": two.ID})

	several := ask(obj{"question": "Which?", "options": options, "multiple": true, "expires_at": inSeconds(4)}).want(201).str("id")
	votes = "/messages/" + several + "/poll/votes"
	if ans := vote(two, "0", "c"); ans.status != 409 { // the machine may be slow
		ans.want(200).is(obj{"poll.votes": 2, "poll.voters": 1})
	}
	a.until("the poll expires", func() bool { return vote(two, "0").status == 409 })
	vote(two, "0").fails(409, "poll_expired")
}

// webhooks plays what services outside post, and who may let them.
func webhooks(t *testing.T, a *api) {
	admin, one := a.client(t, a.owner), a.client(t, a.someone(t))
	room, secret := admin.room("public"), admin.room("private")
	one.join(room)
	l := one.dial()
	l.ok(obj{"type": "join_room", "room_id": room})
	made := admin.do("POST", "/webhooks", obj{"room_id": room, "name": "CI", "avatar_url": "https://ci.example/a.png"}).want(201).
		is(obj{"name": "CI", "room_id": room, "avatar_url": "https://ci.example/a.png", "created_by.id": a.owner.ID})
	id, path := made.str("id"), made.str("path")
	hidden := admin.do("POST", "/webhooks", obj{"room_id": secret, "name": "Hidden"}).want(201).str("id")
	one.do("POST", "/webhooks", obj{"room_id": room, "name": "CI"}).fails(403, "permission_missing")
	admin.do("POST", "/webhooks", obj{"room_id": "999999", "name": "CI"}).fails(404, "room_not_found")
	admin.do("POST", "/webhooks", obj{"room_id": room, "name": " "}).fails(400, "name_invalid")
	admin.do("POST", "/webhooks", obj{"room_id": room, "name": "x", "avatar_url": "javascript:x"}).fails(400, "avatar_invalid")
	equal(t, "for those who manage the server", admin.get("/webhooks").want(200).each("webhooks", "id"), []string{id, hidden})
	one.get("/webhooks").want(200).is(obj{"webhooks.0.id": id, "webhooks.0.path": nil})
	one.get("/webhooks?room_id="+secret).fails(404, "room_not_found")
	one.get("/webhooks/" + id).want(200).is(obj{"path": nil})
	one.get("/webhooks/"+hidden).fails(404, "webhook_not_found")
	admin.get("/webhooks/" + id).want(200).is(obj{"path": path})

	post := func(path string, in obj) int {
		t.Helper()
		return a.do("", "POST", path, in, nil)
	}
	if status := post(path, obj{"content": "Build **41** is done", "embeds": []obj{{"title": "main: 1 commit"}}}); status != 204 {
		t.Errorf("a post: %d", status)
	}
	m := l.await("message_created", obj{"room_id": room, "message.content": "Build **41** is done", "message.sender": nil, "message.author.kind": "webhook", "message.author.id": id,
		"message.author.name": "CI", "message.author.avatar.url": "https://ci.example/a.png", "message.embeds.0.title": "main: 1 commit"}).str("message.id")
	one.get("/messages/" + m).want(200).is(obj{"author.name": "CI", "embeds.0.type": "rich"})
	if status := post(path, obj{"text": "By another name", "username": "Deploy"}); status != 204 {
		t.Errorf("a post under another name: %d", status)
	}
	l.await("message_created", obj{"message.content": "By another name", "message.author.name": "Deploy"})
	if status := post(path, obj{}); status != 400 {
		t.Errorf("a post of nothing: %d", status)
	}
	if status := post(path+"0", obj{"content": "x"}); status != 401 {
		t.Errorf("a wrong token: %d", status)
	}

	admin.do("PATCH", "/webhooks/"+id, obj{"name": "Build", "avatar_url": ""}).want(200).is(obj{"name": "Build", "avatar_url": nil, "path": path})
	one.do("PATCH", "/webhooks/"+id, obj{"name": "Mine"}).fails(403, "permission_missing")
	one.do("POST", "/webhooks/"+id+"/token", nil).fails(403, "permission_missing")
	next := admin.do("POST", "/webhooks/"+id+"/token", nil).want(200).str("path")
	if old, fresh := post(path, obj{"content": "old"}), post(next, obj{"content": "fresh"}); old != 401 || fresh != 204 {
		t.Errorf("by the old address %d, by the new one %d", old, fresh)
	}
	l.await("message_created", obj{"message.content": "fresh", "message.author.name": "Build"})
	one.do("DELETE", "/webhooks/"+id, nil).fails(403, "permission_missing")
	admin.do("DELETE", "/webhooks/"+id, nil).want(204)
	admin.do("DELETE", "/webhooks/"+hidden, nil).want(204)
	admin.do("DELETE", "/webhooks/"+id, nil).fails(404, "webhook_not_found")
	if status := post(next, obj{"content": "gone"}); status != 401 {
		t.Errorf("by the address of a webhook that is gone: %d", status)
	}
	one.get("/messages/" + m).want(200).is(obj{"deleted": false, "author.name": "CI"})
}
