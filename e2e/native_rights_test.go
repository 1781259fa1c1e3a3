package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// TestNativeRights plays who may do what: in rooms by membership and role, on the server by rank, and against sanctions and
// blocks, which hold at once for connections that are open.
func TestNativeRights(t *testing.T) {
	t.Parallel()
	a := newAPI(t, noLimits...)
	for _, part := range []struct {
		name string
		play func(*testing.T, *api)
	}{
		{"a private room", func(t *testing.T, a *api) { roomMatrix(t, a, "private") }},
		{"a public room", func(t *testing.T, a *api) { roomMatrix(t, a, "public") }},
		{"nobody acts on their equals or betters in a room", betters},
		{"direct rooms are for two", directForTwo},
		{"the server's routes by rank", byRank},
		{"nobody rises by themselves", rising},
		{"sanctions of the server", serverSanctions},
		{"what is decided holds at once", atOnce},
		{"mutes and bans end by themselves", endingSanctions},
		{"blocks", blocks},
	} {
		t.Run(part.name, func(t *testing.T) { part.play(t, a) })
	}
}

// cast are the people around one room.
type cast struct {
	room                                          string
	nobody, stranger, muted, member, admin, owner *client
	fresh                                         func() *client // a new member
	order                                         []string
	by                                            map[string]*client
}

func around(t *testing.T, a *api, kind string) *cast {
	t.Helper()
	p := a.people(t, 5)
	c := &cast{owner: p[0], admin: p[1], member: p[2], muted: p[3], stranger: p[4], nobody: a.client(t, person{})}
	c.room = c.owner.room(kind)
	enter := func(who *client) {
		if kind == "public" {
			who.join(c.room)
		} else {
			c.owner.letIn(c.room, who)
		}
	}
	for _, who := range p[1:4] {
		enter(who)
	}
	c.owner.do("PATCH", "/rooms/"+c.room+"/members/"+c.admin.ID+"/role", obj{"role": "admin"}).want(200)
	c.fresh = func() *client {
		who := a.client(t, a.someone(t))
		enter(who)
		return who
	}
	c.order = []string{"nobody", "stranger", "muted", "member", "admin", "owner"}
	c.by = map[string]*client{"nobody": c.nobody, "stranger": c.stranger, "muted": c.muted, "member": c.member, "admin": c.admin, "owner": c.owner}
	return c
}

// roomMatrix has a row for each thing to do and a column for each person. For a stranger a private room is not there; of a
// public one they see that it is.
func roomMatrix(t *testing.T, a *api, kind string) {
	c := around(t, a, kind)
	own := map[string]string{}
	for _, who := range c.order[2:] {
		own[who] = c.by[who].say(c.room, "mine").str("id")
	}
	c.owner.do("PUT", "/rooms/"+c.room+"/members/"+c.muted.ID+"/mute", obj{}).want(200)
	room := "/rooms/" + c.room
	theirs := c.fresh()
	message := func() string { return "/messages/" + theirs.say(c.room, "theirs").str("id") }
	standing := message()
	upload := c.owner.upload(file{"a.pdf", "application/pdf", []byte(pdf)}).want(201).str("attachments.0.id")
	c.owner.say(c.room, "a file", obj{"attachments": []string{upload}})
	code := func() string { return c.owner.do("POST", room+"/invites", obj{}).want(201).str("code") }
	do := func(method, path string, in any) func(string) *answer {
		return func(who string) *answer { return c.by[who].do(method, path, in) }
	}
	for _, row := range []struct {
		name string
		want string // nobody stranger muted member admin owner; - is not asked
		do   func(who string) *answer
	}{
		{"reads the room", "401 404/200 200 200 200 200", do("GET", room, nil)},
		{"reads messages", "401 404/403 200 200 200 200", do("GET", room+"/messages", nil)},
		{"reads a message", "401 404/403 200 200 200 200", do("GET", standing, nil)},
		{"reads changes", "401 404/403 200 200 200 200", do("GET", room+"/changes?since=0", nil)},
		{"reads pins", "401 404/403 200 200 200 200", do("GET", room+"/pins", nil)},
		{"reads a thread", "401 404/403 200 200 200 200", do("GET", standing+"/thread", nil)},
		{"reads receipts", "401 404/403 200 200 200 200", do("GET", standing+"/receipts", nil)},
		{"reads members", "401 404/403 200 200 200 200", do("GET", room+"/members", nil)},
		{"searches", "401 404/403 200 200 200 200", do("GET", "/search?q=mine&room_id="+c.room, nil)},
		{"downloads a file", "401 404/404 200 200 200 200", do("GET", "/attachments/"+upload, nil)},
		{"marks as read", "401 404/403 200 200 200 200", do("POST", room+"/read", obj{"seq": 1})},
		{"sets preferences", "401 404/403 200 200 200 200", do("PATCH", room+"/preferences", obj{"notify": "mentions"})},
		{"sends", "401 404/403 403 201 201 201", do("POST", room+"/messages", obj{"content": "hello"})},
		{"uploads", "401 201/201 201 201 201 201", func(who string) *answer { return c.by[who].upload(file{"a.pdf", "application/pdf", []byte(pdf)}) }},
		{"reacts", "401 404/403 403 201 201 201", do("POST", standing+"/reactions", obj{"emoji": "👍"})},
		{"edits their own message", "- - 403 200 200 200", func(who string) *answer { return c.by[who].do("PUT", "/messages/"+own[who], obj{"content": "changed"}) }},
		{"edits another's message", "401 404/403 403 403 403 403", do("PUT", standing, obj{"content": "changed"})},
		{"deletes their own message", "- - 204 204 204 204", func(who string) *answer { return c.by[who].do("DELETE", "/messages/"+own[who], nil) }},
		{"deletes another's message", "401 404/403 403 403 204 204", func(who string) *answer { return c.by[who].do("DELETE", message(), nil) }},
		{"pins", "401 404/403 403 403 200 200", do("PUT", standing+"/pin", nil)},
		{"unpins", "401 404/403 403 403 204 204", do("DELETE", standing+"/pin", nil)},
		{"reports", "401 404/403 201 201 201 201", do("POST", standing+"/report", obj{"reason": "rude"})},
		{"changes the room", "401 404/403 403 403 200 200", do("PUT", room, obj{"topic": "new"})},
		{"reads the room's log", "401 404/403 403 403 200 200", do("GET", room+"/audit", nil)},
		{"invites a person", "401 404/403 403 403 201 201", func(who string) *answer {
			return c.by[who].do("POST", room+"/members", obj{"user_id": a.someone(t).ID})
		}},
		{"makes an invite", "401 404/403 403 403 201 201", do("POST", room+"/invites", obj{})},
		{"lists invites", "401 404/403 403 403 200 200", do("GET", room+"/invites", nil)},
		{"revokes an invite", "401 404/403 403 403 204 204", func(who string) *answer { return c.by[who].do("DELETE", "/invites/"+code(), nil) }},
		{"removes a member", "401 404/403 403 403 204 204", func(who string) *answer { return c.by[who].do("DELETE", room+"/members/"+c.fresh().ID, nil) }},
		{"mutes a member", "401 404/403 403 403 200 200", do("PUT", room+"/members/"+theirs.ID+"/mute", obj{})},
		{"unmutes a member", "401 404/403 403 403 204 204", func(who string) *answer {
			c.owner.do("PUT", room+"/members/"+theirs.ID+"/mute", obj{}).want(200)
			return c.by[who].do("DELETE", room+"/members/"+theirs.ID+"/mute", nil)
		}},
		{"bans a member", "401 404/403 403 403 201 201", func(who string) *answer { return c.by[who].do("POST", room+"/bans", obj{"user_id": c.fresh().ID}) }},
		{"lists bans", "401 404/403 403 403 200 200", do("GET", room+"/bans", nil)},
		{"makes an admin", "401 404/403 403 403 403 200", func(who string) *answer {
			return c.by[who].do("PATCH", room+"/members/"+c.fresh().ID+"/role", obj{"role": "admin"})
		}},
		{"hands the room over", "401 404/403 403 403 403 -", do("POST", room+"/transfer", obj{"user_id": c.member.ID})},
		{"deletes the room", "401 404/403 403 403 403 204", do("DELETE", room+"?confirm="+c.room, nil)},
	} {
		for i, want := range strings.Fields(row.want) {
			if private, public, both := strings.Cut(want, "/"); both {
				if want = private; kind == "public" {
					want = public
				}
			}
			if want == "-" {
				continue
			}
			who := c.order[i]
			if got := row.do(who); fmt.Sprint(got.status) != want {
				t.Errorf("%s %s: want %s: %v", who, row.name, want, got)
			}
		}
	}
}

func betters(t *testing.T, a *api) {
	c := around(t, a, "private")
	room := "/rooms/" + c.room
	other := c.fresh()
	c.owner.do("PATCH", room+"/members/"+other.ID+"/role", obj{"role": "admin"}).want(200)
	for _, target := range []*client{c.owner, other} {
		c.admin.do("DELETE", room+"/members/"+target.ID, nil).want(403)
		c.admin.do("PUT", room+"/members/"+target.ID+"/mute", obj{}).want(403)
		c.admin.do("POST", room+"/bans", obj{"user_id": target.ID}).want(403)
		c.admin.do("PATCH", room+"/members/"+target.ID+"/role", obj{"role": "member"}).want(403)
	}
	if ans := c.admin.do("PATCH", room+"/members/"+c.admin.ID+"/role", obj{"role": "owner"}); ans.status != 400 && ans.status != 403 {
		t.Errorf("an admin makes themselves owner: %v", ans)
	}
	c.owner.do("PATCH", room+"/members/"+other.ID+"/role", obj{"role": "owner"}).want(400) // there is one owner: transfer
	c.owner.do("DELETE", room+"/members/"+other.ID, nil).want(204)
	c.owner.do("PATCH", room+"/members/"+c.admin.ID+"/role", obj{"role": "member"}).want(200).is(obj{"role": "member"})
	c.admin.do("PUT", room, obj{"topic": "still"}).want(403)
	// A ban keeps out, also by invite, until it is lifted.
	code := c.owner.do("POST", room+"/invites", obj{}).want(201).str("code")
	c.owner.do("POST", room+"/bans", obj{"user_id": c.member.ID}).want(201)
	c.member.do("POST", "/invites/"+code+"/accept", nil).want(403)
	c.owner.do("DELETE", room+"/bans/"+c.member.ID, nil).want(204)
	c.member.do("POST", "/invites/"+code+"/accept", nil).want(200)
}

func directForTwo(t *testing.T, a *api) {
	p := a.people(t, 2)
	one, two := p[0], p[1]
	dm, private := one.direct(two), one.room("private")
	m, n := one.say(dm, "between us").str("id"), one.say(private, "within").str("id")
	up := one.upload(file{"a.pdf", "application/pdf", []byte(pdf)}).want(201).str("attachments.0.id")
	one.say(dm, "a file", obj{"attachments": []string{up}})
	// Not even the server's owner reads it.
	admin := a.client(t, a.owner)
	for _, path := range []string{"/rooms/" + dm, "/rooms/" + dm + "/messages", "/rooms/" + dm + "/changes?since=0", "/messages/" + m, "/messages/" + m + "/receipts", "/attachments/" + up, "/search?q=between&room_id=" + dm,
		"/rooms/" + private + "/messages", "/messages/" + n, "/search?q=within&room_id=" + private} {
		admin.get(path).want(404)
	}
	if hits := admin.get("/search?q=between").want(200).list("hits"); len(hits) != 0 {
		t.Errorf("found: %s", show(hits))
	}
	admin.dial().refused(obj{"type": "join_room", "room_id": dm, "since": 0}, "room_not_found")
	two.do("DELETE", "/messages/"+m, nil).fails(403, "delete_forbidden")
	two.do("PUT", "/messages/"+m, obj{"content": "x"}).fails(403, "edit_forbidden")
	two.do("DELETE", "/rooms/"+dm+"?confirm="+dm, nil).fails(403, "direct_room", "delete_room_forbidden")
	two.do("POST", "/rooms/"+dm+"/transfer", obj{"user_id": two.ID}).fails(403, "direct_room", "transfer_forbidden")
}

// ranked registers somebody of a rank.
func ranked(t *testing.T, a *api, rank string) *client {
	t.Helper()
	who := a.client(t, a.someone(t))
	if rank != "member" {
		a.client(t, a.owner).do("PUT", "/admin/users/"+who.ID+"/rank", obj{"rank": rank}).want(200).is(obj{"rank": rank})
	}
	return who
}

func byRank(t *testing.T, a *api) {
	member, mod, admin, owner := ranked(t, a, "member"), ranked(t, a, "moderator"), ranked(t, a, "admin"), a.client(t, a.owner)
	target := func() string { return a.someone(t).ID }
	nobody := a.client(t, person{})
	for _, row := range []struct {
		method, path string
		in           func() any
		want         string // member moderator admin owner; ? is not asked
	}{
		{"GET", "/admin/reports", nil, "403 200 200 200"},
		{"GET", "/admin/sanctions", nil, "403 200 200 200"},
		{"POST", "/admin/sanctions", func() any { return obj{"kind": "warning", "user_id": target()} }, "403 201 201 201"},
		{"POST", "/admin/sanctions", func() any { return obj{"kind": "mute", "user_id": target()} }, "403 201 201 201"},
		{"POST", "/admin/sanctions", func() any { return obj{"kind": "timeout", "user_id": target(), "until": "2099-01-01T00:00:00Z"} }, "403 201 201 201"},
		{"POST", "/admin/sanctions", func() any { return obj{"kind": "ban", "user_id": target()} }, "403 403 201 201"},
		{"GET", "/admin/users", nil, "403 ? 200 200"},
		{"GET", "/admin/rooms", nil, "403 ? 200 200"},
		{"GET", "/admin/stats", nil, "403 ? 200 200"},
		{"GET", "/admin/audit", nil, "403 ? 200 200"},
		{"GET", "/admin/invites", nil, "403 ? 200 200"},
		{"POST", "/admin/invites", func() any { return obj{} }, "403 ? 201 201"},
		{"POST", "/admin/users", func() any { return obj{"username": a.name("adm"), "password": "correct horse battery"} }, "403 403 201 201"},
		{"POST", "/admin/announcements", func() any { return obj{"title": "x", "text": "y"} }, "403 403 200 200"},
		{"POST", "/admin/roles", func() any { return obj{"name": a.name("role")} }, "403 403 ? 201"},
		{"PUT", "/admin/roles/order", func() any { return obj{"roles": []string{"owner"}} }, "403 403 ? 200"},
		{"PUT", "/admin/rooms/order", func() any { return obj{"rooms": []string{}} }, "403 403 200 200"},
		{"GET", "/admin/plugins", nil, "403 403 403 200"},
		{"POST", "/admin/plugins/reload", nil, "403 403 403 200"},
	} {
		for i, want := range strings.Fields(row.want) {
			if want == "?" {
				continue
			}
			var in any
			if row.in != nil {
				in = row.in()
			}
			if got := []*client{member, mod, admin, owner}[i].do(row.method, row.path, in); fmt.Sprint(got.status) != want {
				t.Errorf("%s: want %s: %v", []string{"a member", "a moderator", "an admin", "the owner"}[i], want, got)
			}
		}
		nobody.do(row.method, row.path, obj{}).want(401)
	}
}

func rising(t *testing.T, a *api) {
	member, mod, admin := ranked(t, a, "member"), ranked(t, a, "moderator"), ranked(t, a, "admin")
	otherMod, otherAdmin := ranked(t, a, "moderator"), ranked(t, a, "admin")
	for _, who := range []*client{member, mod, admin} {
		who.do("PUT", "/admin/users/"+who.ID+"/rank", obj{"rank": "owner"}).want(403)
		who.do("PUT", "/admin/users/"+a.owner.ID+"/rank", obj{"rank": "member"}).want(403)
		who.do("PUT", "/admin/users/"+who.ID+"/roles", obj{"roles": []string{"owner"}}).want(403)
		who.do("POST", "/admin/users", obj{"username": a.name("up"), "password": "correct horse battery", "rank": "owner"}).want(403)
		who.do("POST", "/admin/users/"+a.owner.ID+"/password", obj{"password": "taken over now"}).want(403)
		who.do("POST", "/admin/users/"+a.owner.ID+"/disable", nil).want(403)
		who.do("DELETE", "/admin/users/"+a.owner.ID, nil).want(403)
		who.do("POST", "/admin/sanctions", obj{"kind": "ban", "user_id": a.owner.ID}).want(403)
		who.do("POST", "/admin/sanctions", obj{"kind": "mute", "user_id": a.owner.ID}).want(403)
	}
	mod.do("POST", "/admin/sanctions", obj{"kind": "mute", "user_id": otherMod.ID}).want(403)
	mod.do("POST", "/admin/sanctions", obj{"kind": "mute", "user_id": admin.ID}).want(403)
	member.do("PUT", "/admin/users/"+member.ID+"/rank", obj{"rank": "moderator"}).want(403)
	mod.do("PUT", "/admin/users/"+mod.ID+"/rank", obj{"rank": "admin"}).want(403)
	admin.do("POST", "/admin/sanctions", obj{"kind": "ban", "user_id": otherAdmin.ID}).want(403)
	admin.do("POST", "/admin/users/"+otherAdmin.ID+"/password", obj{"password": "taken over now"}).want(403)
	admin.do("POST", "/admin/users/"+otherAdmin.ID+"/disable", nil).want(403)
	admin.do("POST", "/admin/sanctions", obj{"kind": "mute", "user_id": mod.ID}).want(201)
	mod.do("POST", "/admin/sanctions/lift", obj{"kind": "mute", "user_id": mod.ID}).fails(400, "target_is_self")
	otherMod.do("POST", "/admin/sanctions/lift", obj{"kind": "mute", "user_id": mod.ID}).want(403)
	a.client(t, a.owner).do("PUT", "/admin/users/"+a.owner.ID+"/rank", obj{"rank": "member"}).fails(409, "last_owner")
	a.client(t, a.owner).do("POST", "/admin/users/"+a.owner.ID+"/disable", nil).fails(400, "target_is_self")
}

func serverSanctions(t *testing.T, a *api) {
	owner := a.client(t, a.owner)
	p := a.people(t, 2)
	one, two := p[0], p[1]
	room, dm := one.room("public"), one.direct(two)
	two.join(room)
	sanction := func(in obj) { t.Helper(); owner.do("POST", "/admin/sanctions", in).want(201) }
	lift := func(kind string) {
		t.Helper()
		owner.do("POST", "/admin/sanctions/lift", obj{"kind": kind, "user_id": two.ID}).want(204)
	}
	l := two.dial()
	sanction(obj{"kind": "mute", "user_id": two.ID, "reason": "spam"})
	two.do("POST", "/rooms/"+room+"/messages", obj{"content": "x"}).fails(403, "muted")
	l.refused(obj{"type": "send_message", "room_id": room, "content": "x"}, "muted")
	two.get("/rooms/" + room + "/messages").want(200)
	lift("mute")
	two.say(room, "back")
	two.say(dm, "back")
	sanction(obj{"kind": "timeout", "user_id": two.ID, "until": "2099-01-01T00:00:00Z"})
	two.do("POST", "/rooms/"+room+"/messages", obj{"content": "x"}).fails(403, "timed_out")
	two.get("/rooms/"+room+"/messages").fails(403, "timed_out")
	lift("timeout")
	again := a.client(t, person{two.ID, a.client(t, person{}).do("POST", "/auth/login", obj{"username": nameOf(one, two.ID), "password": "correct horse battery"}).want(200).str("token")})
	again.say(room, "back again")
	sanction(obj{"kind": "ban", "user_id": two.ID, "reason": "spam"})
	again.get("/rooms").fails(403, "banned")
	a.client(t, person{}).do("POST", "/auth/login", obj{"username": nameOf(one, two.ID), "password": "correct horse battery"}).fails(403, "banned")
	a.client(t, person{}).do("POST", "/auth/login", obj{"username": nameOf(one, two.ID), "password": "wrong wrong wrong"}).fails(401, "login_failed") // who cannot log in is told nothing
	lift("ban")
	a.client(t, person{}).do("POST", "/auth/login", obj{"username": nameOf(one, two.ID), "password": "correct horse battery"}).want(200)
	owner.get("/admin/sanctions?user_id=" + two.ID + "&live=true").want(200).is(obj{"sanctions": []any{}})
	if log := owner.get("/admin/audit?target=" + two.ID).want(200); len(log.list("entries")) < 6 {
		t.Errorf("not all of it is in the log: %v", log)
	}
}

func nameOf(by *client, id string) string { return by.get("/users/" + id).want(200).str("username") }

func atOnce(t *testing.T, a *api) {
	c := around(t, a, "public")
	room := "/rooms/" + c.room
	l := c.member.dial()
	l.ok(obj{"type": "join_room", "room_id": c.room})
	send := obj{"type": "send_message", "room_id": c.room, "content": "x"}
	l.ok(send)
	for range 10 { // the answer to a decision is not sent before it holds
		c.owner.do("PUT", room+"/members/"+c.member.ID+"/mute", obj{}).want(200)
		l.refused(send, "muted")
		c.owner.do("DELETE", room+"/members/"+c.member.ID+"/mute", nil).want(204)
		l.ok(send)
	}
	m := c.owner.say(c.room, "x").str("id")
	for range 5 {
		c.owner.do("PATCH", room+"/members/"+c.member.ID+"/role", obj{"role": "admin"}).want(200)
		c.member.do("PUT", "/messages/"+m+"/pin", nil).want(200)
		c.owner.do("PATCH", room+"/members/"+c.member.ID+"/role", obj{"role": "member"}).want(200)
		c.member.do("DELETE", "/messages/"+m+"/pin", nil).want(403)
	}
	c.owner.do("DELETE", room+"/members/"+c.member.ID, nil).want(204)
	l.refused(send, "not_a_member")
	c.owner.say(c.room, "unheard")
	l.await("room_removed", obj{"room_id": c.room})
	l.fence()
	if l.count("message_created", obj{"message.content": "unheard"}) != 0 {
		t.Error("somebody removed hears on")
	}
	// A room that becomes private is gone for who is not in it, and invites stay good.
	c.stranger.get(room).want(200)
	c.owner.do("PUT", room, obj{"type": "private"}).want(200)
	c.stranger.get(room).fails(404, "room_not_found")
	c.stranger.do("POST", room+"/join", nil).fails(404, "room_not_found")
	if found := c.stranger.get("/rooms/public?limit=100").want(200); contains(found.each("rooms", "id"), c.room) {
		t.Error("it is still listed")
	}
}

func contains(l []any, s string) bool {
	for _, v := range l {
		if v == any(s) {
			return true
		}
	}
	return false
}

func endingSanctions(t *testing.T, a *api) {
	c := around(t, a, "public")
	room := "/rooms/" + c.room
	soon := obj{"until": inSeconds(2)}
	c.owner.do("PUT", room+"/members/"+c.member.ID+"/mute", soon).want(200)
	a.until("the mute ends", func() bool {
		return c.member.do("POST", room+"/messages", obj{"content": "x"}).status == 201
	})
	ban := obj{"user_id": c.muted.ID, "until": inSeconds(2)}
	c.owner.do("POST", room+"/bans", ban).want(201)
	a.until("the ban ends", func() bool { return c.muted.do("POST", room+"/join", nil).status == 200 })
}

func blocks(t *testing.T, a *api) {
	p := a.people(t, 2)
	one, two := p[0], p[1]
	dm, room, private := one.direct(two), one.room("public"), one.room("private")
	two.join(room)
	l := one.dial()
	l.ok(obj{"type": "send_message", "room_id": dm, "content": "hello"})
	two.do("PUT", "/users/"+one.ID+"/block", nil).want(204)
	l.refused(obj{"type": "send_message", "room_id": dm, "content": "hello?"}, "blocked")
	one.do("POST", "/rooms/"+private+"/members", obj{"user_id": two.ID}).fails(403, "blocked")
	m := one.say(room, "in a room for all, hey @"+nameOf(one, two.ID)).str("id") // a block is between two, not of a room
	if n := two.get("/notifications?unread=true").want(200); contains(n.each("notifications", "message_id"), m) {
		t.Errorf("who is blocked causes notifications: %v", n)
	}
	two.get("/rooms/" + dm + "/messages").want(200)
	two.do("DELETE", "/users/"+one.ID+"/block", nil).want(204)
	l.ok(obj{"type": "send_message", "room_id": dm, "content": "hello!"})
}
