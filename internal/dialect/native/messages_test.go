package native_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestMessages(t *testing.T) {
	s := newServer(t)
	ada, bob, eve := s.user("ada"), s.user("bob"), s.user("eve")
	room := ada.room("Engines", "public", bob)
	base := "/rooms/" + room + "/messages"

	r := ada.post(base, object{"content": "  Hello **world** @bob https://example.org/x  ", "nonce": "n-1"}).want(201, "")
	id := r.text("id")
	if got := r.header.Get("Location"); got != "/api/messages/"+id {
		t.Errorf("Location %q", got)
	}
	r.is("content", "Hello **world** @bob https://example.org/x").is("room_id", room).is("type", "text").is("sender.username", "ada").is("parent_id", nil).
		is("thread", nil).is("edited_at", nil).is("deleted", false).is("pinned", false).is("mentions", []string{bob.id}).is("reactions", []string{}).
		is("attachments", []string{}).is("links.0.url", "https://example.org/x").is("links.0.title", nil).is("nonce", "n-1")

	again := ada.post(base, object{"content": "something else", "nonce": "n-1"}).want(200, "")
	again.is("id", id).is("content", "Hello **world** @bob https://example.org/x")
	bob.post(base, object{"content": "mine", "nonce": "n-1"}).want(201, "").is("content", "mine")
	if text := string(bob.get("/messages/"+id).want(200, "").body); strings.Contains(text, "n-1") {
		t.Errorf("the nonce is the sender's own: %s", text)
	}
	s.wait(24*time.Hour - time.Second) // a day on, but the login still holds
	ada.post(base, object{"content": "again", "nonce": "n-1"}).want(200, "").is("id", id)

	eve.get(base).want(403, "not_a_member")
	eve.post(base, object{"content": "hello"}).want(403, "not_a_member")
	s.anyone().get(base).want(401, "token_invalid")

	reply := bob.post(base, object{"content": "hi", "parent_id": id}).want(201, "").is("parent_id", id).text("id")
	ada.get("/messages/"+id).want(200, "").is("thread.reply_count", 1)
	same(t, "thread", ada.get("/messages/"+id+"/thread").want(200, "").texts("messages", "id"), []string{reply})
	bob.post(base, object{"content": "hi", "parent_id": "nonsense"}).want(404, "message_not_found")
	elsewhere := ada.say(ada.room("Den", "private"), "secret")
	bob.post(base, object{"content": "hi", "parent_id": elsewhere}).want(404, "message_not_found")
	bob.get(base+"?before="+elsewhere).want(404, "message_not_found")
	bob.get("/messages/"+elsewhere).want(404, "message_not_found")
	bob.get("/messages/"+elsewhere+"/thread").want(404, "message_not_found")
	bob.get("/messages/"+elsewhere+"/receipts").want(404, "message_not_found")
	bob.post("/messages/"+elsewhere+"/reactions", object{"emoji": "👍"}).want(404, "message_not_found")
	bob.post("/messages/"+elsewhere+"/report", object{"reason": "x"}).want(404, "message_not_found")
	bob.put("/messages/"+elsewhere, object{"content": "x"}).want(404, "message_not_found")
	bob.delete("/messages/"+elsewhere).want(404, "message_not_found")
	bob.put("/messages/"+elsewhere+"/pin", nil).want(404, "message_not_found")
}

func TestMessagesAreCheckedFieldByField(t *testing.T) {
	s := newServer(t)
	ada := s.user("ada")
	base := "/rooms/" + ada.room("Engines", "public") + "/messages"
	for name, tc := range map[string]struct {
		body any
		code string
	}{
		"no content":              {object{}, "content_empty"},
		"blanks":                  {object{"content": " \n\t\u00a0"}, "content_empty"},
		"10,001 characters":       {object{"content": strings.Repeat("é", 10_001)}, "content_too_long"},
		"a NUL":                   {`{"content":"a\u0000b"}`, "json_text_invalid"},
		"a lone surrogate":        {`{"content":"\ud800"}`, "json_text_invalid"},
		"invalid UTF-8":           {"{\"content\":\"\xff\"}", "json_text_invalid"},
		"a number":                {object{"content": 1}, "field_invalid"},
		"a long nonce":            {object{"content": "x", "nonce": strings.Repeat("n", 65)}, "nonce_invalid"},
		"a nonce with a line end": {object{"content": "x", "nonce": "a\nb"}, "nonce_invalid"},
		"an unknown file":         {object{"content": "x", "attachments": []string{"nonsense"}}, "attachment_invalid"},
		"eleven files":            {object{"content": "x", "attachments": strings.Split(strings.Repeat("a,", 10)+"a", ",")}, "too_many_attachments"},
		"files that are no list":  {object{"content": "x", "attachments": "a"}, "field_invalid"},
	} {
		t.Run(name, func(t *testing.T) { ada.in(t).post(base, tc.body).want(400, tc.code) })
	}
	ada.post(base, object{"content": strings.Repeat("é", 10_000)}).want(201, "")
	ada.post(base, object{"content": "null fields are no fields", "parent_id": nil, "nonce": nil, "attachments": nil}).want(201, "")
}

func TestHistoryIsReadInPages(t *testing.T) {
	s := newServer(t)
	ada := s.user("ada")
	room := ada.room("Engines", "public")
	base := "/rooms/" + room + "/messages"
	var ids []string
	for i := range 7 {
		ids = append(ids, ada.say(room, fmt.Sprint("message ", i)))
	}
	newest := ada.get(base+"?limit=3").want(200, "")
	same(t, "newest", newest.texts("messages", "id"), ids[4:])
	newest.is("has_before", true).is("has_after", false)
	same(t, "before", ada.get(base+"?limit=3&before="+ids[4]).want(200, "").texts("messages", "id"), ids[1:4])
	same(t, "after", ada.get(base+"?limit=3&after="+ids[0]).want(200, "").texts("messages", "id"), ids[1:4])
	around := ada.get(base+"?limit=3&around="+ids[3]).want(200, "").is("has_before", true).is("has_after", true)
	same(t, "around", around.texts("messages", "id"), ids[2:5])
	same(t, "around a place", ada.get(base+"?limit=3&around_seq=4").want(200, "").texts("messages", "id"), ids[2:5])
	at := url.QueryEscape(ada.get("/messages/"+ids[3]).want(200, "").text("created_at"))
	same(t, "around a time", ada.get(base+"?limit=3&at="+at).want(200, "").texts("messages", "id"), ids[2:5])
	same(t, "after everything", ada.get(base+"?limit=3&at=2040-01-01T00:00:00%2B02:00").want(200, "").texts("messages", "id"), ids[4:])
	for query, code := range map[string]string{
		"around_seq=0": "seq_invalid", "around_seq=x": "parameter_invalid", "at=yesterday": "time_invalid", "around_seq=1&at=" + at: "cursor_invalid",
		"around_seq=1&before=" + ids[1]: "cursor_invalid",
		"limit=0x1":                     "parameter_invalid", "limit=101": "limit_invalid", "limit=-1": "limit_invalid", "before=" + ids[1] + "&after=" + ids[0]: "cursor_invalid",
	} {
		ada.get(base+"?"+query).want(400, code)
	}
	ada.get(base+"?before=nonsense").want(404, "message_not_found")
	ada.get(base+"?before=99999").want(404, "message_not_found")
	ada.get(base+"?unknown=1&limit=").want(200, "")

	html := ada.get(base+"?limit=1&render=html").want(200, "")
	html.is("messages.0.html", "<p>message 6</p>\n")
	ada.get("/messages/"+ids[0]+"?render=html").want(200, "").is("html", "<p>message 0</p>\n")
	evil := ada.say(room, `<img src=x onerror=alert(1)> [x](javascript:alert(1))`)
	if got := ada.get("/messages/"+evil+"?render=html").want(200, "").text("html"); strings.Contains(got, "<img") || strings.Contains(got, "href") {
		t.Errorf("rendered %s", got)
	}
}

func TestChanges(t *testing.T) {
	s := newServer(t)
	ada, bob := s.user("ada"), s.user("bob")
	room := ada.room("Engines", "private", bob)
	first, second := ada.say(room, "one"), ada.say(room, "two")
	since := bob.get("/rooms/"+room).want(200, "").value("last_seq")
	ada.put("/messages/"+first, object{"content": "one, again"}).want(200, "")
	ada.delete("/messages/"+second).want(204, "")
	third := ada.say(room, "three")
	changes := "/rooms/" + room + "/changes?since="
	r := bob.get(changes+fmt.Sprint(since)).want(200, "")
	same(t, "changed", r.texts("messages", "id"), []string{first, second, third})
	r.is("truncated", false).is("messages.0.content", "one, again").is("messages.1.deleted", true).is("messages.1.content", "[deleted]")
	last := r.value("last_seq")
	bob.get(changes+fmt.Sprint(last)).want(200, "").is("messages", []string{}).is("last_seq", last)
	bob.get(changes+"0&limit=1").want(200, "").is("truncated", true)
	bob.get(changes+"-1").want(400, "since_invalid")
	bob.get(changes+"x").want(400, "parameter_invalid")
	bob.get(changes+"0&limit=501").want(400, "limit_invalid")
	s.user("eve").get(changes+"0").want(404, "room_not_found")
}

func TestEditingAndDeleting(t *testing.T) {
	s := newServer(t)
	ada, bob, eve := s.user("ada"), s.user("bob"), s.user("eve")
	room := ada.room("Engines", "private", bob, eve)
	id := bob.say(room, "helo")
	s.wait(time.Minute)
	r := bob.put("/messages/"+id, object{"content": "hello"}).want(200, "")
	r.is("content", "hello").is("edited_at", "2026-03-01T12:01:00.000Z")
	ada.put("/messages/"+id, object{"content": "mine"}).want(403, "edit_forbidden")
	bob.put("/messages/"+id, object{"content": ""}).want(400, "content_empty")
	bob.put("/messages/"+id, object{"content": strings.Repeat("x", 10_001)}).want(400, "content_too_long")
	eve.delete("/messages/"+id).want(403, "delete_forbidden")
	s.wait(15 * time.Minute)
	bob.put("/messages/"+id, object{"content": "too late"}).want(403, "edit_window_passed")

	ada.delete("/messages/"+id).want(204, "") // the room's admin
	ada.delete("/messages/"+id).want(204, "")
	bob.get("/messages/"+id).want(200, "").is("deleted", true).is("content", "[deleted]").is("attachments", []string{}).is("reactions", []string{})
	bob.post("/messages/"+id+"/reactions", object{"emoji": "👍"}).want(409, "message_deleted")
	own := bob.say(room, "mine")
	bob.delete("/messages/"+own).want(204, "")
	bob.put("/messages/"+own, object{"content": "back"}).want(409, "message_deleted")
	bob.post("/rooms/"+room+"/messages", object{"content": "re", "parent_id": own}).want(400, "parent_deleted")
	bob.put("/messages/nonsense", object{"content": "x"}).want(404, "message_not_found")
}

func TestReactions(t *testing.T) {
	s := newServer(t)
	ada, bob, eve := s.user("ada"), s.user("bob"), s.user("eve")
	room := ada.room("Engines", "public", bob)
	id := ada.say(room, "hello")
	path := "/messages/" + id + "/reactions"
	bob.post(path, object{"emoji": ":party_parrot:"}).want(400, "emoji_unknown")
	s.owner("root").addEmoji("party_parrot", picture(t, 30, 30)).want(201, "")
	for _, emoji := range []string{"👍", "❤️", "😂", "🔥", "🎉", "👩‍🚀", "🇩🇪", ":party_parrot:"} {
		bob.post(path, object{"emoji": emoji}).want(201, "")
	}
	bob.post(path, object{"emoji": "👍"}).want(200, "").is("reactions.0", object{"emoji": "👍", "count": 1, "me": true})
	ada.get("/messages/"+id).want(200, "").is("reactions.0", object{"emoji": "👍", "count": 1, "me": false})
	ada.post(path, object{"emoji": "👍"}).want(201, "").is("reactions.0", object{"emoji": "👍", "count": 2, "me": true})
	who := ada.get(path).want(200, "").is("reactions.0.emoji", "👍").is("reactions.0.count", 2)
	same(t, "who reacted", who.texts("reactions.0.users", "username"), []string{"bob", "ada"})
	for _, bad := range []any{"", "a", "👍👍", "<b>", strings.Repeat("👍", 100), "\u200d", ":no good:"} {
		bob.post(path, object{"emoji": bad}).want(400, "emoji_invalid")
	}
	eve.post(path, object{"emoji": "👍"}).want(403, "not_a_member")
	bob.delete(path+"/"+url.PathEscape("👍")).want(204, "")
	bob.delete(path+"/"+url.PathEscape("👍")).want(204, "")
	ada.get("/messages/"+id).want(200, "").is("reactions.7", object{"emoji": "👍", "count": 1, "me": true})
	bob.delete(path+"/%ff").want(400, "address_invalid")
	bob.delete(path+"/%00").want(400, "address_invalid")

	for i := range 12 {
		bob.post(path, object{"emoji": string(rune(0x1F680 + i))}).want(201, "")
	}
	bob.post(path, object{"emoji": "💥"}).want(409, "too_many_reactions")
}

func TestPins(t *testing.T) {
	s := newServer(t)
	ada, bob := s.user("ada"), s.user("bob")
	room := ada.room("Engines", "private", bob)
	first, second := ada.say(room, "one"), bob.say(room, "two")
	bob.put("/messages/"+first+"/pin", nil).want(403, "pin_forbidden")
	ada.put("/messages/"+first+"/pin", nil).want(200, "").is("pinned", true)
	ada.put("/messages/"+first+"/pin", nil).want(200, "")
	s.wait(time.Second)
	ada.put("/messages/"+second+"/pin", nil).want(200, "")
	same(t, "newest pin first", bob.get("/rooms/"+room+"/pins").want(200, "").texts("messages", "id"), []string{second, first})
	bob.delete("/messages/"+first+"/pin").want(403, "pin_forbidden")
	ada.delete("/messages/"+first+"/pin").want(204, "")
	ada.delete("/messages/"+first+"/pin").want(204, "")
	same(t, "what is left", bob.get("/rooms/"+room+"/pins").want(200, "").texts("messages", "id"), []string{second})
}

func TestSendingIsLimited(t *testing.T) {
	s := newServer(t, func(set *setting) { set.core.Limits.MessagesPer10s = 0 }) // the default of 10
	ada := s.user("ada")
	room := ada.room("Engines", "public")
	for i := range 10 {
		ada.say(room, fmt.Sprint(i))
	}
	r := ada.post("/rooms/"+room+"/messages", object{"content": "one too many"}).want(429, "rate_limited")
	if r.header.Get("Retry-After") == "" {
		t.Error("429 should say when to try again")
	}
	s.wait(10 * time.Second)
	ada.say(room, "later")
}

func TestEveryRequestIsCharged(t *testing.T) {
	s := newServer(t, func(set *setting) { set.core.Limits.RequestsPerMinute = 3 })
	ada := s.user("ada")
	for range 3 {
		ada.get("/auth/me").want(200, "")
	}
	ada.get("/rooms").want(429, "rate_limited")
	s.wait(time.Minute)
	ada.get("/rooms").want(200, "")

	for range 3 {
		s.anyone().get("/invites/NOSUCHCODE").want(404, "invite_not_found")
	}
	s.anyone().get("/invites/NOSUCHCODE").want(429, "rate_limited")
	ada.get("/rooms").want(200, "") // strangers use up nobody else's share
}

func TestSearch(t *testing.T) {
	s := newServer(t)
	ada, bob := s.user("ada"), s.user("bob")
	room, den := ada.room("Engines", "public", bob), ada.room("Den", "private")
	before := ada.say(room, "first")
	id := ada.say(room, "😀 the <b>difference</b> engine")
	after := bob.say(room, "see https://example.org/engine")
	ada.say(den, "a secret engine")

	r := bob.get("/search?q=difference").want(200, "")
	same(t, "found", []string{r.text("hits.0.message.id"), r.text("hits.0.previous.id"), r.text("hits.0.next.id"), r.text("hits.0.room.id")}, []string{id, before, after, room})
	r.is("total_estimate", 1).is("next_cursor", nil).is("hits.0.highlights", []object{{"start": 10, "end": 20}})
	if n := ada.get("/search?q=engine").want(200, "").count("hits"); n != 3 {
		t.Errorf("ada finds %d, want 3", n)
	}
	if n := bob.get("/search?q=engine").want(200, "").count("hits"); n != 2 {
		t.Errorf("bob finds %d, want 2", n)
	}
	for query, want := range map[string]int{
		"q=engine&from=" + bob.id: 1, "q=engine&has=links": 1, "q=engine&has=attachments": 0, "q=engine&room_id=" + room: 2,
		"from=" + ada.id + "&room_id=" + room: 2, "q=eng*": 2, "q=%22difference+engine%22": 0, "q=engine+-difference": 1, "q=engine&after=2027-01-01": 0,
		"q=engine&before=2026-12-31": 2, "q=%22%27*%3B--": 0,
	} {
		a := bob.get("/search?" + query)
		if a.status == 400 && a.text("code") == "query_empty" && want == 0 {
			continue
		}
		if n := a.want(200, "").count("hits"); n != want {
			t.Errorf("%s finds %d, want %d", query, n, want)
		}
	}
	page := ada.get("/search?q=engine&limit=2").want(200, "")
	rest := ada.get("/search?q=engine&limit=2&cursor="+url.QueryEscape(page.text("next_cursor"))).want(200, "")
	if rest.count("hits") != 1 || rest.text("hits.0.message.id") != id {
		t.Errorf("the second page: %s", rest.body)
	}
	bob.get("/search?q=engine&room_id="+den).want(404, "room_not_found")
	bob.get("/search").want(400, "query_empty")
	bob.get("/search?q="+strings.Repeat("x", 501)).want(400, "query_too_long")
	bob.get("/search?q=x&after=yesterday").want(400, "date_invalid")
	bob.get("/search?q=x&has=everything").want(400, "has_invalid")
	bob.get("/search?q=x&limit=1000").want(400, "limit_invalid")
	bob.get("/search?q=x&cursor=nonsense").want(400, "cursor_invalid")
	bob.get("/search?q=%ff").want(400, "address_invalid")
	bob.get("/search?q=%zz").want(400, "address_invalid")
}

func TestArchivedRoomsAreForReading(t *testing.T) {
	s := newServer(t)
	ada, bob := s.user("ada"), s.user("bob")
	room := ada.room("Engines", "public", bob)
	id := bob.say(room, "hello")
	ada.put("/rooms/"+room, object{"archived": true}).want(200, "").is("archived", true)
	bob.get("/messages/"+id).want(200, "")
	for _, a := range []*answer{
		bob.post("/rooms/"+room+"/messages", object{"content": "more"}),
		bob.put("/messages/"+id, object{"content": "changed"}),
		bob.post("/messages/"+id+"/reactions", object{"emoji": "👍"}),
		ada.put("/messages/"+id+"/pin", nil),
	} {
		a.want(403, "room_archived")
	}
}
