package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"
)

// TestNativeWebSocket plays both tables of the WebSocket against the built program. Every frame that a connection gets is
// also held against the table of frames.
func TestNativeWebSocket(t *testing.T) {
	t.Parallel()
	a := newAPI(t, noLimits...)
	for _, part := range []struct {
		name string
		play func(*testing.T, *api)
	}{
		{"connecting", connecting},
		{"the first frame", firstFrame},
		{"joining and leaving the events of a room", subscribing},
		{"sending, editing, deleting and reacting", framesOfMessages},
		{"without a ref only errors answer", silentFrames},
		{"a nonce is fanned out once", nonceOnce},
		{"catching up leaves no hole and doubles nothing", catchingUp},
		{"events come in the order of their numbers", ordering},
		{"typing is told and ends by itself", typing},
		{"read marks and unread counts", readFrames},
		{"delivered and read in direct rooms", deliveredAndRead},
		{"presence reaches people who share a room", presence},
		{"members come, change and go", memberFrames},
		{"rooms change, come and go", roomFrames},
		{"notifications", notificationFrames},
		{"the end of a login closes the connection", endOfLogin},
		{"bad frames are answered", badFrames},
		{"twenty bad frames close the connection", twentyBadFrames},
		{"what is no text frame closes the connection", wrongFrames},
	} {
		t.Run(part.name, func(t *testing.T) { part.play(t, a) })
	}
}

func connecting(t *testing.T, a *api) {
	name := a.name("conn")
	p := a.client(t, a.named(t, name))
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	address := "ws://" + a.addr + "/api/ws"
	refused := func(what string, status int, query string, opts *websocket.DialOptions) {
		t.Helper()
		conn, resp, err := websocket.Dial(ctx, address+query, opts)
		if err == nil {
			conn.CloseNow()
			t.Errorf("%s: let in", what)
		} else if resp == nil || resp.StatusCode != status {
			t.Errorf("%s: %v, want %d", what, err, status)
		} else if got := resp.Header.Get("Content-Type"); got != "application/problem+json" {
			t.Errorf("%s: refused as %q", what, got)
		}
	}
	refused("no token", 401, "", nil)
	refused("a wrong token", 401, "?token="+p.Token+"x", nil)
	refused("a wrong protocol pair", 401, "", &websocket.DialOptions{Subprotocols: []string{"bearer", "nonsense"}})
	l := p.dialWith("", &websocket.DialOptions{Subprotocols: []string{"bearer", p.Token}})
	if got := l.conn.Subprotocol(); got != "bearer" {
		t.Errorf("subprotocol %q", got)
	}
	login := a.client(t, person{}).do("POST", "/auth/login", obj{"username": name, "password": "correct horse battery"}).want(200)
	c := (&http.Response{Header: login.header}).Cookies()[0]
	cookie := func(origin string) *websocket.DialOptions {
		return &websocket.DialOptions{HTTPHeader: http.Header{"Cookie": {c.Name + "=" + c.Value}, "Origin": {origin}}}
	}
	p.dialWith("", cookie("http://"+a.addr)).fence()
	refused("the cookie of another page", 403, "", cookie("https://evil.example"))
	refused("the cookie of no page", 403, "", cookie("null"))
	p.dialWith("?token="+p.Token, &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {"https://app.example"}}}).fence()
}

func firstFrame(t *testing.T, a *api) {
	p := a.people(t, 2)
	one, two := p[0], p[1]
	room := one.room("private")
	one.letIn(room, two)
	one.say(room, "hello @"+two.name())
	l := two.dial()
	ready := l.eventually("ready", nil)
	ready.is(obj{"user.id": two.ID, "limits.content_characters": 10000})
	i := slices.Index(ready.each("rooms", "id"), any(room))
	if i < 0 {
		t.Fatalf("the room is not in %v", ready)
	}
	ready.is(obj{fmt.Sprintf("rooms.%d.me.unread_count", i): 1, fmt.Sprintf("rooms.%d.me.mention_count", i): 1})
	if s := two.get("/auth/sessions").want(200); !slices.Contains(s.each("sessions", "id"), ready.val("session_id")) {
		t.Errorf("session_id is no session: %v", s)
	}
	l.ask(obj{"type": "ping"}).is(obj{"type": "pong"})
	l.send(obj{"type": "ping"})
	l.wait("a pong without ref", 0, func(f obj) bool { _, ref := f["ref"]; return f["type"] == "pong" && !ref })
}

func subscribing(t *testing.T, a *api) {
	p := a.people(t, 3)
	one, two, outside := p[0], p[1], p[2]
	public, private := one.room("public"), one.room("private")
	two.join(public)
	o := outside.dial()
	o.refused(obj{"type": "join_room", "room_id": private}, "room_not_found")
	o.refused(obj{"type": "join_room", "room_id": "nonsense"}, "room_not_found")
	o.refused(obj{"type": "join_room", "room_id": public}, "not_a_member")
	l := two.dial()
	l.ok(obj{"type": "join_room", "room_id": public}).is(obj{"room.id": public, "last_seq": two.get("/rooms/" + public).num("last_seq")})
	m := one.say(public, "one").str("id")
	l.await("message_created", obj{"room_id": public, "message.id": m, "message.sender.id": one.ID, "message.content": "one"})
	l.ok(obj{"type": "join_room", "room_id": public})
	m = one.say(public, "two").str("id")
	l.await("message_created", obj{"message.id": m})
	l.ok(obj{"type": "leave_room", "room_id": public})
	quiet := one.say(public, "three").str("id")
	l.ok(obj{"type": "join_room", "room_id": public})
	m = one.say(public, "four").str("id")
	l.await("message_created", obj{"message.id": m})
	if l.count("message_created", obj{"message.id": quiet}) != 0 {
		t.Error("a room that was left still spoke")
	}
	l.fence()
	if n := l.count("message_created", nil); n != 3 {
		t.Errorf("%d messages came, want 3", n)
	}
	if o.count("message_created", nil) != 0 {
		t.Error("a stranger heard")
	}
	if ans := l.ask(obj{"type": "leave_room", "room_id": private}); ans.str("type") == "error" && ans.str("code") != "room_not_found" {
		t.Errorf("leaving what was not joined: %v", ans)
	}
}

func framesOfMessages(t *testing.T, a *api) {
	p := a.people(t, 2)
	one, two := p[0], p[1]
	room := one.room("public")
	two.join(room)
	up := one.upload(file{"a.pdf", "application/pdf", []byte(pdf)}).want(201).str("attachments.0.id")
	w, l := one.dial(), two.dial()
	w.ok(obj{"type": "join_room", "room_id": room})
	l.ok(obj{"type": "join_room", "room_id": room})
	sent := w.ok(obj{"type": "send_message", "room_id": room, "content": " hello ", "nonce": "x1"}).is(obj{"message.content": "hello", "message.nonce": "x1", "message.sender.id": one.ID})
	m := sent.str("message.id")
	l.await("message_created", obj{"room_id": room, "message.id": m})
	w.await("message_created", obj{"message.id": m, "message.nonce": "x1"}) // whichever comes first, the sender knows its own
	reply := w.ok(obj{"type": "send_message", "room_id": room, "content": "with a file", "parent_id": m, "attachments": []string{up}}).is(obj{"message.parent_id": m, "message.type": "file", "message.attachments.0.id": up})
	l.await("message_created", obj{"message.id": reply.str("message.id"), "message.parent_id": m, "message.attachments.0.id": up})

	edited := w.ok(obj{"type": "edit_message", "message_id": m, "content": "hello!"}).is(obj{"message.content": "hello!"})
	l.await("message_updated", obj{"room_id": room, "message.id": m, "message.content": "hello!", "message.change_seq": edited.val("message.change_seq"), "message.reactions": []any{}})
	l.refused(obj{"type": "edit_message", "message_id": m, "content": "no"}, "edit_forbidden")
	reacted := l.ok(obj{"type": "add_reaction", "message_id": m, "emoji": "🎉"})
	reacted.is(obj{"message.reactions": []obj{{"emoji": "🎉", "count": 1, "me": true}}})
	w.await("reaction_added", obj{"room_id": room, "message_id": m, "user.id": two.ID, "emoji": "🎉", "count": 1, "change_seq": reacted.val("message.change_seq")})
	l.ok(obj{"type": "add_reaction", "message_id": m, "emoji": "🎉"})
	l.ok(obj{"type": "remove_reaction", "message_id": m, "emoji": "🎉"})
	w.await("reaction_removed", obj{"room_id": room, "message_id": m, "user.id": two.ID, "emoji": "🎉", "count": 0})
	if n := w.count("reaction_added", nil); n != 1 {
		t.Errorf("a reaction was told %d times", n)
	}
	one.do("PUT", "/messages/"+m+"/pin", nil).want(200)
	l.await("message_updated", obj{"message.id": m, "message.pinned": true})
	one.do("DELETE", "/messages/"+m+"/pin", nil).want(204)
	l.await("message_updated", obj{"message.id": m, "message.pinned": false})
	l.refused(obj{"type": "delete_message", "message_id": m}, "delete_forbidden")
	w.ok(obj{"type": "delete_message", "message_id": m})
	l.await("message_deleted", obj{"room_id": room, "message_id": m, "seq": sent.val("message.seq"), "change_seq": two.get("/messages/" + m).val("change_seq")})

	for _, bad := range []struct {
		f     obj
		codes string
	}{
		{obj{"type": "send_message", "room_id": room, "content": " "}, "content_empty"},
		{obj{"type": "send_message", "room_id": room, "content": strings.Repeat("x", 10001)}, "content_too_long"},
		{obj{"type": "send_message", "room_id": "nonsense", "content": "x"}, "room_not_found"},
		{obj{"type": "send_message", "content": "x"}, "room_not_found"},
		{obj{"type": "send_message", "room_id": room, "content": "x", "nonce": strings.Repeat("n", 65)}, "nonce_invalid"},
		{obj{"type": "send_message", "room_id": room, "content": "x", "parent_id": "999999"}, "message_not_found"},
		{obj{"type": "send_message", "room_id": room, "content": "x", "attachments": []string{"nonsense"}}, "attachment_invalid"},
		{obj{"type": "edit_message", "message_id": m, "content": "x"}, "message_deleted"},
		{obj{"type": "edit_message", "message_id": "999999", "content": "x"}, "message_not_found"},
		{obj{"type": "delete_message", "message_id": "nonsense"}, "message_not_found"},
		{obj{"type": "add_reaction", "message_id": reply.str("message.id"), "emoji": "no"}, "emoji_invalid"},
		{obj{"type": "add_reaction", "message_id": m, "emoji": "🎉"}, "message_deleted"},
		{obj{"type": "read_message", "message_id": "999999"}, "message_not_found"},
	} {
		w.refused(bad.f, bad.codes)
	}
	w.fence()
}

func silentFrames(t *testing.T, a *api) {
	one := a.client(t, a.someone(t))
	room := one.room("public")
	l := one.dial()
	l.send(obj{"type": "join_room", "room_id": room})
	l.send(obj{"type": "send_message", "room_id": room, "content": "quietly"})
	l.await("message_created", obj{"message.content": "quietly"})
	l.send(obj{"type": "send_message", "room_id": room, "content": ""})
	e := l.await("error", obj{"code": "content_empty"})
	if _, ref := at(e.json, "ref"); ref {
		t.Errorf("a ref that nobody gave: %v", e)
	}
	l.fence()
	if n := l.count("ok", nil); n != 0 {
		t.Errorf("%d frames were answered unasked", n)
	}
}

func nonceOnce(t *testing.T, a *api) {
	p := a.people(t, 2)
	one, two := p[0], p[1]
	room := one.room("public")
	two.join(room)
	l, w := two.dial(), one.dial()
	l.ok(obj{"type": "join_room", "room_id": room})
	// The same from a socket, again, by REST, and four times at once.
	first := w.ok(obj{"type": "send_message", "room_id": room, "content": "once", "nonce": "n"})
	w.ok(obj{"type": "send_message", "room_id": room, "content": "other text", "nonce": "n"}).is(obj{"message.id": first.val("message.id"), "message.content": "once"})
	one.do("POST", "/rooms/"+room+"/messages", obj{"content": "once", "nonce": "n"}).want(200).is(obj{"id": first.val("message.id")})
	var wg sync.WaitGroup
	var mu sync.Mutex
	statuses := map[int]int{}
	for range 4 {
		wg.Go(func() {
			status, _ := a.try(one.Token, "POST", "/api/rooms/"+room+"/messages", obj{"content": "at once", "nonce": "m"}, nil)
			mu.Lock()
			statuses[status]++
			mu.Unlock()
		})
	}
	wg.Wait()
	if statuses[201] != 1 || statuses[200] != 3 {
		t.Errorf("four at once with one nonce: %v", statuses)
	}
	last := one.say(room, "last").str("id")
	l.await("message_created", obj{"message.id": last})
	if n := l.count("message_created", nil); n != 3 {
		t.Errorf("%d messages were fanned out, want 3", n)
	}
}

func catchingUp(t *testing.T, a *api) {
	p := a.people(t, 2)
	one, two := p[0], p[1]
	room := one.room("public")
	two.join(room)
	start := one.get("/rooms/" + room).num("last_seq")
	l := two.dial()
	l.ok(obj{"type": "join_room", "room_id": room, "since": start})
	l.await("room_changes", obj{"room_id": room, "messages": []any{}, "last_seq": start, "truncated": false})
	kept := one.say(room, "kept").str("id")
	l.await("message_created", obj{"message.id": kept})
	seen := two.get("/rooms/" + room).num("last_seq")
	l.conn.CloseNow()

	edited, gone := one.say(room, "to edit").str("id"), one.say(room, "to delete").str("id")
	one.do("PUT", "/messages/"+edited, obj{"content": "edited"}).want(200)
	one.do("DELETE", "/messages/"+gone, nil).want(204)
	one.do("PUT", "/messages/"+kept+"/pin", nil).want(200)
	back := two.dial()
	back.ok(obj{"type": "join_room", "room_id": room, "since": seen})
	missed := back.await("room_changes", obj{"room_id": room, "truncated": false, "last_seq": seen + 5})
	equal(t, "what was missed", missed.each("messages", "id"), []string{edited, gone, kept})
	equal(t, "its numbers", missed.each("messages", "change_seq"), []int64{seen + 3, seen + 4, seen + 5})
	missed.is(obj{"messages.0.content": "edited", "messages.1.deleted": true, "messages.1.content": "[deleted]", "messages.2.pinned": true})
	back.refused(obj{"type": "join_room", "room_id": room, "since": -1}, "since_invalid")

	// Joining again and again while somebody writes: every message comes, and none twice.
	const n = 60
	from := two.get("/rooms/" + room).num("last_seq")
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range n {
			a.try(one.Token, "POST", "/api/rooms/"+room+"/messages", obj{"content": fmt.Sprint("m", i)}, nil)
		}
	})
	defer wg.Wait()
	got := map[string]int{}
	last := from
	for len(got) < n {
		c := two.dial()
		c.send(obj{"type": "join_room", "room_id": room, "since": last})
		next := 1
		for taken := 0; taken < 7 && len(got) < n; {
			f, i := c.wait("a message", next, func(f obj) bool { return f["type"] == "message_created" || f["type"] == "room_changes" })
			next = i + 1
			ms := []any{f["message"]}
			if f["type"] == "room_changes" {
				ms = f["messages"].([]any)
				taken++
			}
			for _, m := range ms {
				content, _ := at(m, "content")
				if seq := int64(m.(obj)["change_seq"].(float64)); seq <= last {
					t.Fatalf("%v after %d: %s", seq, last, show(f))
				} else {
					last = seq
				}
				if strings.HasPrefix(content.(string), "m") {
					got[content.(string)]++
					taken++
				}
			}
		}
		c.conn.CloseNow()
	}
	for content, times := range got {
		if times != 1 {
			t.Errorf("%s came %d times", content, times)
		}
	}
}

func ordering(t *testing.T, a *api) {
	p := a.people(t, 4)
	room := p[0].room("public")
	for _, c := range p[1:] {
		c.join(room)
	}
	l, m := p[0].dial(), p[1].dial()
	l.ok(obj{"type": "join_room", "room_id": room})
	m.ok(obj{"type": "join_room", "room_id": room})
	start := p[0].get("/rooms/" + room).num("last_seq")
	var wg sync.WaitGroup
	for _, c := range p {
		wg.Go(func() {
			for i := range 8 {
				var msg struct{ ID string }
				a.try(c.Token, "POST", "/api/rooms/"+room+"/messages", obj{"content": fmt.Sprint(i)}, &msg)
				a.try(c.Token, "POST", "/api/messages/"+msg.ID+"/reactions", obj{"emoji": "👍"}, nil)
				a.try(c.Token, "PUT", "/api/messages/"+msg.ID, obj{"content": "edited"}, nil)
				a.try(c.Token, "DELETE", "/api/messages/"+msg.ID, nil, nil)
			}
		})
	}
	wg.Wait()
	const changes = 4 * 8 * 4
	for _, c := range []*live{l, m} {
		want := start
		for next := 0; want < start+changes; {
			f, i := c.wait(fmt.Sprint("the change ", want+1), next, func(f obj) bool { return changeOf(f) != 0 })
			next = i + 1
			if got := changeOf(f); got != want+1 {
				t.Fatalf("the change %d came after %d: %s", got, want, show(f))
			}
			want++
		}
	}
}

// changeOf is the number of the change that a frame tells of, 0 if it is of none.
func changeOf(f obj) int64 {
	for _, path := range []string{"change_seq", "message.change_seq"} {
		if n, ok := at(f, path); ok {
			return int64(n.(float64))
		}
	}
	return 0
}

func typing(t *testing.T, a *api) {
	p := a.people(t, 3)
	one, two, outside := p[0], p[1], p[2]
	room := one.room("public")
	two.join(room)
	w, l, o := one.dial(), two.dial(), outside.dial()
	w.ok(obj{"type": "join_room", "room_id": room})
	l.ok(obj{"type": "join_room", "room_id": room})
	w.ok(obj{"type": "typing_start", "room_id": room})
	l.await("user_typing", obj{"room_id": room, "user_id": one.ID, "typing": true})
	w.ok(obj{"type": "typing_stop", "room_id": room})
	l.await("user_typing", obj{"room_id": room, "user_id": one.ID, "typing": false})
	o.refused(obj{"type": "typing_start", "room_id": room}, "not_a_member")
	w.ok(obj{"type": "typing_start", "room_id": room})
	l.await("user_typing", obj{"user_id": one.ID, "typing": true})
	l.await("user_typing", obj{"user_id": one.ID, "typing": false}) // by itself
	w.fence()
	if w.count("user_typing", nil) != 0 {
		t.Error("the typist is told")
	}
}

func readFrames(t *testing.T, a *api) {
	p := a.people(t, 2)
	one, two := p[0], p[1]
	room := one.room("public")
	two.join(room)
	phone, desk, w := two.dial(), two.dial(), one.dial()
	w.ok(obj{"type": "join_room", "room_id": room})
	first := one.say(room, "one")
	second := one.say(room, "hey @"+two.name())
	phone.ok(obj{"type": "read_message", "message_id": first.str("id")})
	w.await("message_read", obj{"room_id": room, "user_id": two.ID, "seq": first.val("seq")})
	desk.await("unread_updated", obj{"room_id": room, "unread_count": 1, "mention_count": 1, "last_read_seq": first.val("seq")})
	two.do("POST", "/rooms/"+room+"/read", obj{"seq": second.val("seq")}).want(200)
	w.await("message_read", obj{"user_id": two.ID, "seq": second.val("seq")})
	desk.await("unread_updated", obj{"room_id": room, "unread_count": 0, "mention_count": 0})
	phone.ok(obj{"type": "read_message", "message_id": first.str("id")}) // never back
	third := one.say(room, "three")
	phone.ok(obj{"type": "read_message", "message_id": third.str("id")})
	w.await("message_read", obj{"user_id": two.ID, "seq": third.val("seq")})
	if n := w.count("message_read", obj{"user_id": two.ID}); n != 3 {
		t.Errorf("message_read came %d times, want 3", n)
	}
	one.get("/messages/" + third.str("id") + "/receipts").want(200).is(obj{"receipts.0.user.id": two.ID})
}

func deliveredAndRead(t *testing.T, a *api) {
	p := a.people(t, 2)
	one, two := p[0], p[1]
	room := one.direct(two)
	w := one.dial()
	w.ok(obj{"type": "join_room", "room_id": room})
	away := one.say(room, "you are away")
	w.fence()
	if w.count("message_delivered", obj{"user_id": two.ID}) != 0 {
		t.Error("delivered to nobody")
	}
	l := two.dial() // it is there with the first device
	l.ok(obj{"type": "join_room", "room_id": room, "since": 0})
	w.await("message_delivered", obj{"room_id": room, "user_id": two.ID, "seq": away.val("seq")})
	m := one.say(room, "psst")
	w.await("message_delivered", obj{"room_id": room, "user_id": two.ID, "seq": m.val("seq")})
	l.ok(obj{"type": "read_message", "message_id": m.str("id")})
	w.await("message_read", obj{"room_id": room, "user_id": two.ID, "seq": m.val("seq")})
	group := one.room("public")
	two.join(group)
	w.ok(obj{"type": "join_room", "room_id": group})
	l.ok(obj{"type": "join_room", "room_id": group})
	g := one.say(group, "to all").str("id")
	l.await("message_created", obj{"message.id": g})
	l.ok(obj{"type": "read_message", "message_id": g})
	w.await("message_read", obj{"room_id": group})
	if w.count("message_delivered", obj{"room_id": group}) != 0 {
		t.Error("delivered in a group")
	}
}

func presence(t *testing.T, a *api) {
	p := a.people(t, 3)
	one, two, stranger := p[0], p[1], p[2]
	// The room that everybody is in at first would make all of them acquainted.
	for _, c := range p {
		for _, room := range c.get("/rooms").want(200).each("rooms", "id") {
			c.do("POST", "/rooms/"+room.(string)+"/leave", nil).want(204)
		}
	}
	room := one.room("private")
	one.letIn(room, two)
	w, o := one.dial(), stranger.dial()
	l := two.dial()
	w.await("presence_updated", obj{"user_id": two.ID, "status": "online"})
	l.ok(obj{"type": "set_presence", "status": "busy", "status_message": "in a meeting"})
	w.await("presence_updated", obj{"user_id": two.ID, "status": "busy", "status_message": "in a meeting"})
	one.get("/users/" + two.ID).want(200).is(obj{"status": "busy", "status_message": "in a meeting"})
	one.get("/rooms/" + room + "/members").want(200)
	two.do("PATCH", "/users/me", obj{"status": "away"}).want(200)
	w.await("presence_updated", obj{"user_id": two.ID, "status": "away", "status_message": "in a meeting"})
	l.refused(obj{"type": "set_presence", "status": "gone"}, "status_invalid")
	l.refused(obj{"type": "set_presence", "status": "away", "status_message": strings.Repeat("x", 101)}, "status_message_too_long")
	two.do("PATCH", "/users/me", obj{"display_name": "Zwei"}).want(200)
	w.await("user_updated", obj{"user.id": two.ID, "user.display_name": "Zwei"})
	l.conn.CloseNow()
	w.await("presence_updated", obj{"user_id": two.ID, "status": "offline"})
	one.get("/users/" + two.ID).want(200).is(obj{"status": "offline"})
	again := two.dial()
	w.await("presence_updated", obj{"user_id": two.ID, "status": "away"})
	again.ok(obj{"type": "set_presence", "status": "offline"})
	w.await("presence_updated", obj{"user_id": two.ID, "status": "offline"})
	o.fence()
	if o.count("presence_updated", obj{"user_id": two.ID}) != 0 || o.count("user_updated", nil) != 0 {
		t.Error("a stranger is told")
	}
}

func memberFrames(t *testing.T, a *api) {
	p := a.people(t, 3)
	one, two, three := p[0], p[1], p[2]
	room := one.room("public")
	w, phone, desk := one.dial(), two.dial(), two.dial()
	w.ok(obj{"type": "join_room", "room_id": room})
	two.join(room)
	w.await("user_joined", obj{"room_id": room, "user.id": two.ID, "role": "member"})
	for _, c := range []*live{phone, desk} {
		c.await("room_added", obj{"room.id": room, "room.me.role": "member"})
	}
	one.do("PATCH", "/rooms/"+room+"/members/"+two.ID+"/role", obj{"role": "admin"}).want(200)
	w.await("member_updated", obj{"room_id": room, "user_id": two.ID, "role": "admin", "muted": false})
	one.do("PUT", "/rooms/"+room+"/members/"+two.ID+"/mute", obj{"until": "2099-01-01T00:00:00Z"}).want(200)
	w.await("member_updated", obj{"user_id": two.ID, "muted": true, "muted_until": "2099-01-01T00:00:00.000Z"})
	one.do("DELETE", "/rooms/"+room+"/members/"+two.ID+"/mute", nil).want(204)
	w.await("member_updated", obj{"user_id": two.ID, "muted": false, "muted_until": nil})
	two.do("POST", "/rooms/"+room+"/leave", nil).want(204)
	w.await("user_left", obj{"room_id": room, "user_id": two.ID, "reason": "left"})
	for _, c := range []*live{phone, desk} {
		c.await("room_removed", obj{"room_id": room})
	}
	two.join(room)
	one.do("DELETE", "/rooms/"+room+"/members/"+two.ID, nil).want(204)
	w.await("user_left", obj{"user_id": two.ID, "reason": "removed"})
	three.join(room)
	banned := three.dial()
	banned.ok(obj{"type": "join_room", "room_id": room})
	one.do("POST", "/rooms/"+room+"/bans", obj{"user_id": three.ID}).want(201)
	w.await("user_left", obj{"user_id": three.ID, "reason": "banned"})
	banned.await("room_removed", obj{"room_id": room})
	// The open connection is out at once.
	unheard := one.say(room, "without you").str("id")
	w.await("message_created", obj{"message.id": unheard})
	banned.fence()
	if banned.count("message_created", nil) != 0 {
		t.Error("a banned connection hears on")
	}
	banned.refused(obj{"type": "send_message", "room_id": room, "content": "but"}, "banned", "not_a_member", "room_not_found")
	banned.refused(obj{"type": "join_room", "room_id": room, "since": 0}, "banned", "not_a_member", "room_not_found")
	three.do("POST", "/rooms/"+room+"/join", nil).fails(403, "banned")
}

func roomFrames(t *testing.T, a *api) {
	p := a.people(t, 3)
	one, two, outside := p[0], p[1], p[2]
	l, o := two.dial(), outside.dial()
	room := one.room("private")
	one.letIn(room, two)
	l.await("room_added", obj{"room.id": room})
	one.do("PUT", "/rooms/"+room, obj{"name": "Renamed", "topic": "New"}).want(200)
	l.await("room_updated", obj{"room.id": room, "room.name": "Renamed", "room.topic": "New", "room.me.role": "member"})
	one.do("POST", "/rooms/"+room+"/transfer", obj{"user_id": two.ID}).want(200)
	l.await("room_updated", obj{"room.id": room, "room.owner_id": two.ID, "room.me.role": "owner"})
	two.do("DELETE", "/rooms/"+room+"?confirm="+room, nil).want(204)
	l.await("room_deleted", obj{"room_id": room})
	direct := one.direct(two)
	l.await("room_added", obj{"room.id": direct, "room.type": "direct"})
	o.fence()
	for _, kind := range []string{"room_added", "room_updated", "room_deleted"} {
		if o.count(kind, obj{"room_id": room})+o.count(kind, obj{"room.id": room}) != 0 {
			t.Errorf("a stranger was told %s", kind)
		}
	}
}

func notificationFrames(t *testing.T, a *api) {
	p := a.people(t, 3)
	one, two, three := p[0], p[1], p[2]
	room, private := one.room("public"), one.room("private")
	two.join(room)
	three.join(room)
	phone, desk, other := two.dial(), two.dial(), three.dial()
	both := func(want obj) {
		t.Helper()
		phone.await("notification", want)
		desk.await("notification", want)
	}
	m := one.say(room, "hey @"+two.name()).str("id")
	both(obj{"notification.type": "mention", "notification.message_id": m, "notification.actor.id": one.ID, "notification.room_id": room})
	own := two.say(room, "question").str("id")
	r := one.say(room, "answer", obj{"parent_id": own}).str("id")
	both(obj{"notification.type": "reply", "notification.message_id": r})
	one.do("POST", "/rooms/"+private+"/members", obj{"user_id": two.ID}).want(201)
	both(obj{"notification.type": "room_invite", "notification.room_id": private})
	d := one.say(one.direct(two), "psst").str("id")
	both(obj{"notification.type": "direct_message", "notification.message_id": d})
	a.client(t, a.owner).do("POST", "/admin/announcements", obj{"title": "News", "text": "All well"}).want(200)
	both(obj{"notification.type": "system", "notification.content": "All well"})
	other.await("notification", obj{"notification.type": "system"})
	if n := other.count("notification", nil); n != 1 {
		t.Errorf("somebody else was told %d times", n)
	}
}

func endOfLogin(t *testing.T, a *api) {
	login := func(name string) *client {
		t.Helper()
		in := a.client(t, person{}).do("POST", "/auth/login", obj{"username": name, "password": "correct horse battery"}).want(200)
		return a.client(t, person{in.str("user.id"), in.str("token")})
	}
	name := a.name("end")
	a.named(t, name)
	ended := func(l *live, reason string) {
		t.Helper()
		l.await("session_revoked", obj{"reason": reason})
		l.closed(4001)
	}
	one := login(name)
	l := one.dial()
	one.do("POST", "/auth/logout", nil).want(204)
	ended(l, "logout")

	one, two := login(name), login(name)
	l, keeps := one.dial(), two.dial()
	two.do("DELETE", "/auth/sessions/"+l.eventually("ready", nil).str("session_id"), nil).want(204)
	ended(l, "revoked")

	three := login(name)
	l = three.dial()
	two.do("POST", "/auth/password", obj{"current_password": "correct horse battery", "new_password": "correct horse battery"}).want(204)
	ended(l, "password_changed")
	keeps.fence()

	admin := a.client(t, a.owner)
	admin.do("POST", "/admin/sanctions", obj{"kind": "ban", "user_id": two.ID, "reason": "spam"}).want(201)
	ended(keeps, "banned")
	two.get("/rooms").fails(403, "banned")
	admin.do("POST", "/admin/sanctions/lift", obj{"kind": "ban", "user_id": two.ID}).want(204)
	four := login(name)
	l = four.dial()
	admin.do("POST", "/admin/sanctions", obj{"kind": "timeout", "user_id": two.ID, "until": "2099-01-01T00:00:00Z"}).want(201)
	ended(l, "timed_out")
	admin.do("POST", "/admin/sanctions/lift", obj{"kind": "timeout", "user_id": two.ID}).want(204)
	five := login(name)
	l = five.dial()
	admin.do("POST", "/admin/users/"+two.ID+"/disable", nil).want(204)
	ended(l, "disabled")
}

func badFrames(t *testing.T, a *api) {
	one := a.client(t, a.someone(t))
	room := one.room("public")
	for _, group := range [][]string{
		{``, `nonsense`, `null`, `true`, `7`, `"text"`, `[]`, `{}`, `{"type":null}`, `{"type":7}`, `{"type":""}`, `{"type":"no_such_frame"}`, `{"type":"ready"}`, `{"type":"ping"`, `{"type":"ping"} {"type":"ping"}`},
		{`{"type":"ping","type":"ping"}`, `{"type":"ping","ref":7}`, `{"type":"join_room","room_id":7}`, `{"type":"join_room","room_id":null}`, `{"type":"join_room","room_id":["1"]}`, `{"type":"send_message","room_id":"` + room + `","content":{"a":1}}`,
			`{"type":"send_message","room_id":"` + room + `","content":"a\u0000b"}`, `{"type":"send_message","room_id":"` + room + `","content":"\ud800"}`, `{"type":"join_room","room_id":"` + room + `","since":1e99}`,
			`{"type":"join_room","room_id":"` + room + `","since":1.5}`, `{"type":"join_room","room_id":"` + room + `","since":"1"}`, strings.Repeat("[", 100000), `{"type":"ping","x":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`,
			`{"type":"ping","ref":"` + strings.Repeat("r", 5000) + `"}`},
	} {
		l := one.dial()
		for i, bad := range group {
			l.raw([]byte(bad))
			f, n := l.wait("an error for "+string(clip([]byte(bad))), l.next, func(f obj) bool { return f["type"] == "error" || f["type"] == "pong" || f["type"] == "ok" })
			l.next = n + 1
			if f["type"] != "error" || f["code"] == "internal" || f["message"] == "" {
				t.Errorf("%d: %s is answered by %s", i, clip([]byte(bad)), show(f))
			}
		}
		l.fence() // it stays
	}
}

func twentyBadFrames(t *testing.T, a *api) {
	one := a.client(t, a.someone(t))
	l := one.dial()
	for range 19 {
		l.raw([]byte(`{"type":"nonsense"}`))
	}
	l.fence()
	l.raw([]byte(`{"type":"nonsense"}`))
	l.closed(1008)
	one.dial().fence()
}

func wrongFrames(t *testing.T, a *api) {
	one := a.client(t, a.someone(t))
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	l := one.dial()
	if err := l.conn.Write(ctx, websocket.MessageBinary, []byte(`{"type":"ping"}`)); err != nil {
		t.Fatal(err)
	}
	l.closed(1003)
	l = one.dial()
	l.conn.Write(ctx, websocket.MessageText, []byte("{\"type\":\"ping\",\"ref\":\"\xff\xfe\"}"))
	l.closed(1007)
	l = one.dial()
	big, _ := json.Marshal(obj{"type": "ping", "padding": strings.Repeat("x", 1<<20)})
	l.conn.Write(ctx, websocket.MessageText, big)
	l.closed(1009)
}
