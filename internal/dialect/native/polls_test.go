package native_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/dialect/native"
)

func TestPolls(t *testing.T) {
	s := newServer(t)
	ada, bob, eve := s.user("ada"), s.user("bob"), s.user("eve")
	room := ada.room("Tea", "private", bob)
	ask := func(poll object) *answer {
		return ada.post("/rooms/"+room+"/messages", object{"poll": poll})
	}
	options := []object{{"text": "Tea", "emoji": "🫖"}, {"text": "Coffee", "id": "c"}}
	m := ask(object{"question": "Tea or coffee?", "options": options, "expires_at": "2026-03-02T12:00:00Z"}).want(201, "")
	m.is("content", "").is("poll.question", "Tea or coffee?").is("poll.options.0.id", "0").is("poll.options.0.emoji", "🫖").is("poll.options.1.id", "c").
		is("poll.options.1.emoji", nil).is("poll.multiple", false).is("poll.expires_at", "2026-03-02T12:00:00.000Z").is("poll.ended_at", nil).is("poll.votes", 0)
	id := m.text("id")
	ask(object{"question": "?", "options": options[:1]}).want(400, "poll_invalid")
	ask(object{"question": "", "options": options}).want(400, "poll_invalid")
	ask(object{"question": "?", "options": options, "expires_at": "tomorrow"}).want(400, "time_invalid")
	ask(object{"question": "?", "options": options, "expires_at": "2026-01-01T00:00:00Z"}).want(400, "poll_invalid")

	votes := "/messages/" + id + "/poll/votes"
	bob.post(votes, object{"options": []string{"0"}}).want(200, "").is("poll.options.0.me", true).is("poll.options.0.votes", 1).is("poll.voters", 1)
	ada.get("/messages/"+id).is("poll.options.0.me", false).is("poll.options.0.votes", 1)
	bob.post(votes, object{"options": []string{"c"}}).want(200, "").is("poll.options.0.votes", 0).is("poll.options.1.me", true)
	bob.post(votes, object{"options": []string{"9"}}).want(400, "option_invalid")
	bob.post(votes, object{"options": []string{}}).want(400, "options_missing")
	eve.post(votes, object{"options": []string{"c"}}).want(404, "message_not_found")
	bob.post("/messages/"+bob.say(room, "x")+"/poll/votes", object{"options": []string{"c"}}).want(404, "poll_not_found")
	bob.delete(votes+"/c").want(204, "")
	bob.delete(votes+"/c").want(204, "")
	bob.post(votes, object{"options": []string{"c"}}).want(200, "")
	ada.get("/messages/"+id+"/poll").want(200, "").is("poll.votes", 1).is("voters", []any{})

	bob.post("/messages/"+id+"/poll/end", nil).want(403, "poll_end_forbidden")
	ada.post("/messages/"+id+"/poll/end", nil).want(200, "").is("poll.ended_at", "2026-03-01T12:00:00.000Z")
	ada.post("/messages/"+id+"/poll/end", nil).want(409, "poll_ended")
	bob.post(votes, object{"options": []string{"0"}}).want(409, "poll_ended")
	bob.get("/messages/"+id+"/poll").want(200, "").is("voters.0.users", []any{}).is("voters.1.id", "c").is("voters.1.users.0.username", "bob")

	late := ask(object{"question": "?", "options": options, "multiple": true, "expires_at": "2026-03-01T13:00:00Z"}).text("id")
	bob.post("/messages/"+late+"/poll/votes", object{"options": []string{"0", "c"}}).want(200, "").is("poll.votes", 2).is("poll.voters", 1)
	s.wait(time.Hour)
	bob.post("/messages/"+late+"/poll/votes", object{"options": []string{"0"}}).want(409, "poll_expired")
	ada.delete("/messages/"+id).want(204, "")
	ada.get("/messages/"+id).want(200, "").is("deleted", true)
}

func TestEmbedsInMessages(t *testing.T) {
	s := newServer(t)
	ada := s.user("ada")
	room := ada.room("Tea", "private")
	ada.post("/rooms/"+room+"/messages", object{"embeds": []object{{"title": "T", "color": 255, "url": "javascript:x", "image": object{"url": "https://x.example/p.png"},
		"fields": []object{{"name": "n", "value": "v", "inline": true}}}}}).want(201, "").
		is("embeds.0.title", "T").is("embeds.0.type", "rich").is("embeds.0.color", 255).is("embeds.0.url", nil).is("embeds.0.image.url", "https://x.example/p.png").
		is("embeds.0.image.image", nil).is("embeds.0.fields.0.inline", true).is("links", []any{})
	ada.post("/rooms/"+room+"/messages", object{"content": "x", "embeds": []object{{"title": 1}}}).want(400, "embeds_invalid")
}

// TestVotesAreShownToTheVoterAlone looks at the frames that people get.
func TestVotesAreShownToTheVoterAlone(t *testing.T) {
	d := native.New(native.Options{})
	p := &chat.Poll{Question: "?", Options: []chat.PollOption{{ID: "a", Voters: []chat.UserID{"bob", "eve"}}, {ID: "b", Voters: []chat.UserID{"bob"}}}, Multiple: true}
	m := &chat.Message{ID: 5, RoomID: 7, Seq: 1, ChangeSeq: 9, Poll: p}
	voted := chat.PollVoted{Message: m, UserID: "bob", Options: []string{"b"}}
	const tally = `"room_id":"7","message_id":"5","change_seq":9,"options":[{"id":"a","votes":2},{"id":"b","votes":1}],"votes":3,"voters":2,"ended_at":null`
	for viewer, want := range map[chat.UserID]string{
		"": `{"type":"poll_voted",` + tally + `}`, "eve": `{"type":"poll_voted",` + tally + `}`, "bob": `{"type":"poll_voted",` + tally + `,"me":{"options":["a","b"]}}`,
	} {
		if got := string(d.Encode(t.Context(), voted, viewer)); got != want {
			t.Errorf("for %q: %s, want %s", viewer, got, want)
		}
	}
	if got := d.Personal(voted); !slices.Equal(got, []chat.UserID{"bob"}) {
		t.Errorf("personal for %v", got)
	}
	if got := d.Personal(chat.MessageChanged{Message: m}); !slices.Equal(got, []chat.UserID{"bob", "eve"}) {
		t.Errorf("a change of the message is personal for %v", got)
	}
	if got := string(d.Encode(t.Context(), chat.PollEnded{Message: m}, "bob")); got != `{"type":"poll_ended",`+tally+`}` {
		t.Errorf("the end: %s", got)
	}
}

func TestWebhooks(t *testing.T) {
	s := newServer(t)
	root, ada := s.owner("root"), s.user("ada")
	room, secret := root.room("Tea", "public", ada), root.room("Secret", "private")
	made := root.post("/webhooks", object{"room_id": room, "name": "CI", "avatar_url": "https://ci.example/a.png"}).want(201, "")
	made.is("name", "CI").is("room_id", room).is("avatar_url", "https://ci.example/a.png").is("created_by.username", "root")
	id, path := made.text("id"), made.text("path")
	if got := made.header.Get("Location"); got != "/api/webhooks/"+id {
		t.Errorf("Location %q", got)
	}
	if token := strings.TrimPrefix(path, "/webhooks?token="); len(token) != 68 {
		t.Errorf("the address is %q", path)
	}
	s.wait(time.Second)
	root.post("/webhooks", object{"room_id": secret, "name": "Hidden"}).want(201, "")
	ada.post("/webhooks", object{"room_id": room, "name": "CI"}).want(403, "permission_missing")
	root.post("/webhooks", object{"room_id": "999", "name": "CI"}).want(404, "room_not_found")
	root.post("/webhooks", object{"room_id": room, "name": " "}).want(400, "name_invalid")
	root.post("/webhooks", object{"room_id": room, "name": "x", "avatar_url": "x"}).want(400, "avatar_invalid")
	same(t, "for the owner", root.get("/webhooks").want(200, "").texts("webhooks", "name"), []string{"CI", "Hidden"})
	same(t, "for others", ada.get("/webhooks").want(200, "").texts("webhooks", "name"), []string{"CI"})
	ada.get("/webhooks?room_id="+room).is("webhooks.0.path", nil)
	ada.get("/webhooks?room_id="+secret).want(404, "room_not_found")
	ada.get("/webhooks/"+id).want(200, "").is("path", nil)
	root.get("/webhooks/"+id).want(200, "").is("path", path)
	root.get("/webhooks/x").want(404, "webhook_not_found")
	root.patch("/webhooks/"+id, object{"name": "Build", "avatar_url": ""}).want(200, "").is("name", "Build").is("avatar_url", nil).is("path", path)
	ada.patch("/webhooks/"+id, object{"name": "x"}).want(403, "permission_missing")
	if next := root.post("/webhooks/"+id+"/token", nil).want(200, "").text("path"); next == path {
		t.Error("the address stays the same")
	}
	ada.post("/webhooks/"+id+"/token", nil).want(403, "permission_missing")
	ada.delete("/webhooks/"+id).want(403, "permission_missing")
	root.delete("/webhooks/"+id).want(204, "")
	root.delete("/webhooks/"+id).want(404, "webhook_not_found")
}
