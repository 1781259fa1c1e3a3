package e2e

import (
	"bytes"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

func rooms(t *testing.T, a *api) {
	p := a.people(t, 2)
	owner, other := p[0], p[1]
	made := owner.do("POST", "/rooms", obj{"name": " Engine room ", "description": "About *engines*", "type": "public"}).want(201)
	id := made.str("id")
	made.is(obj{"name": "Engine room", "description": "About *engines*", "type": "public", "form": "text", "encrypted": false, "topic": "", "created_by": owner.ID, "owner_id": owner.ID,
		"last_message_at": nil, "member_count": 1, "archived": false, "me.role": "owner", "me.unread_count": 0, "me.mention_count": 0, "me.notify": "all", "me.muted_until": nil, "slug": "engine-room"})
	if made.header.Get("Location") != "/api/rooms/"+id {
		t.Errorf("Location %q", made.header.Get("Location"))
	}
	equal(t, "the room read again", owner.get("/rooms/"+id).want(200).json, made.json)
	other.get("/rooms/" + id).want(200).is(obj{"me": nil})

	for _, bad := range []struct {
		field string
		value any
		code  string
	}{
		{"name", "", "room_name_invalid"}, {"name", "   ", "room_name_invalid"}, {"name", strings.Repeat("n", 101), "room_name_invalid"}, {"name", "a\u202eb", "room_name_invalid"},
		{"name", "\u200b\u200b", "room_name_invalid"}, {"name", 5, "field_invalid"},
		{"description", strings.Repeat("d", 1001), "description_too_long"}, {"type", "secret", "room_type_invalid"}, {"type", "direct", "room_type_invalid"},
		{"form", "cinema", "room_form_invalid"}, {"slug", "Not A Slug!", "slug_invalid"}, {"slug", "x", "slug_invalid"}, {"encrypted", "yes", "field_invalid"},
	} {
		in := obj{"name": "Another", "type": "public"}
		in[bad.field] = bad.value
		owner.do("POST", "/rooms", in).fails(400, bad.code).names(bad.field)
	}
	owner.room("private", obj{"name": strings.Repeat("🦊", 100), "description": strings.Repeat("é", 1000)})
	for _, form := range []string{"voice", "forum", "separator"} {
		owner.get("/rooms/" + owner.room("public", obj{"form": form})).want(200).is(obj{"form": form})
	}
	owner.get("/rooms/" + owner.room("private", obj{"encrypted": true})).want(200).is(obj{"encrypted": true, "type": "private"})
	owner.do("POST", "/rooms", obj{"name": "x", "type": "public", "slug": "engine-room"}).fails(409, "slug_taken")
	if ans := owner.do("POST", "/rooms", obj{"name": "x", "type": "public", "slug": "ENGINE-ROOM"}); ans.status != 400 && ans.status != 409 {
		t.Errorf("slugs differ by more than case: %v", ans)
	}

	owner.do("PUT", "/rooms/"+id, obj{"name": "New name", "topic": "Pistons", "type": "private"}).want(200).is(obj{"name": "New name", "topic": "Pistons", "description": "About *engines*", "type": "private"})
	owner.do("PUT", "/rooms/"+id, obj{"name": strings.Repeat("n", 101)}).fails(400, "room_name_invalid").names("name")
	owner.do("PUT", "/rooms/"+id, obj{"type": "direct"}).fails(400, "room_type_invalid")
	// A private room is not there for who is not in it.
	absent := other.get("/rooms/nothing").want(404)
	hidden := other.get("/rooms/" + id).want(404)
	if !bytes.Equal(absent.body, hidden.body) {
		t.Errorf("a private room can be told from none: %v and %v", absent, hidden)
	}
	other.do("PUT", "/rooms/"+id, obj{"name": "Mine"}).fails(404, "room_not_found")
	other.do("DELETE", "/rooms/"+id+"?confirm="+id, nil).fails(404, "room_not_found")

	m := owner.say(id, "last words").str("id")
	owner.do("DELETE", "/rooms/"+id, nil).fails(400, "confirm_needed")
	owner.do("DELETE", "/rooms/"+id+"?confirm=wrong", nil).want(400)
	owner.do("DELETE", "/rooms/"+id+"?confirm=engine-room", nil).want(204)
	owner.get("/rooms/"+id).fails(404, "room_not_found")
	owner.get("/messages/"+m).fails(404, "message_not_found")
	byID := owner.room("public")
	owner.do("DELETE", "/rooms/"+byID+"?confirm="+byID, nil).want(204)

	slugged := owner.room("public", obj{"slug": "by-slug_1"})
	owner.get("/rooms/by-slug/by-slug_1").want(200).is(obj{"id": slugged})
	owner.get("/rooms/" + slugged + "/audit").want(200)
	owner.get("/rooms/" + slugged + "/role-lists").want(200).is(obj{"role_lists": []any{}})
}

func roomLists(t *testing.T, a *api) {
	p := a.people(t, 2)
	one, two := p[0], p[1]
	word := a.name("zebra")
	first, second, third := one.room("public", obj{"name": word + " alpha"}), one.room("public", obj{"name": word + " beta", "description": "gnu"}), one.room("private", obj{"name": word + " gamma"})
	one.say(second, "1")
	one.say(third, "2")
	one.say(first, "3")
	var order []any
	for _, id := range one.get("/rooms").want(200).each("rooms", "id") {
		if id == any(first) || id == any(second) || id == any(third) {
			order = append(order, id)
		}
	}
	equal(t, "newest message first", order, []string{first, third, second})
	found := two.get("/rooms/public?q=" + strings.ToUpper(word)).want(200)
	ids := found.each("rooms", "id")
	if len(ids) != 2 || slices.Contains(ids, any(third)) {
		t.Errorf("want the two public rooms: %v", found)
	}
	for _, me := range found.each("rooms", "me") {
		if me != nil {
			t.Errorf("me of a stranger: %v", me)
		}
	}
	page := two.get("/rooms/public?limit=1&q=" + word).want(200)
	next := two.get("/rooms/public?limit=1&q=" + word + "&cursor=" + url.QueryEscape(page.str("next_cursor"))).want(200)
	if page.str("rooms.0.id") == next.str("rooms.0.id") {
		t.Errorf("the second page is the first: %v", next)
	}
	if next.val("next_cursor") != nil {
		two.get("/rooms/public?limit=1&q=" + word + "&cursor=" + url.QueryEscape(next.str("next_cursor"))).want(200).is(obj{"rooms": []any{}, "next_cursor": nil})
	}
	two.join(first)
	one.say(first, "hello @"+two.name())
	for i, id := range two.get("/rooms").want(200).each("rooms", "id") {
		if id == any(first) {
			two.get("/rooms").is(obj{fmt.Sprintf("rooms.%d.me.unread_count", i): 1, fmt.Sprintf("rooms.%d.me.mention_count", i): 1})
		}
	}
}

// name is the client's username.
func (c *client) name() string {
	c.t.Helper()
	return c.get("/auth/me").want(200).str("username")
}

func directRooms(t *testing.T, a *api) {
	p := a.people(t, 4)
	one, two, three, four := p[0], p[1], p[2], p[3]
	made := one.do("POST", "/rooms/direct", obj{"user_id": two.ID}).want(201)
	id := made.str("id")
	made.is(obj{"type": "direct", "member_count": 2, "slug": nil})
	one.do("POST", "/rooms/direct", obj{"user_id": two.ID}).want(200).is(obj{"id": id})
	two.do("POST", "/rooms/direct", obj{"user_id": one.ID}).want(200).is(obj{"id": id})
	if got := made.header.Get("Location"); got != "/api/rooms/"+id {
		t.Errorf("Location %q", got)
	}
	one.do("POST", "/rooms/direct", obj{"user_id": one.ID}).want(400)
	one.do("POST", "/rooms/direct", obj{"user_id": "0199f0a4-7c1e-7a60-9d6b-2f6f0a9e3b11"}).fails(404, "user_not_found")
	one.do("POST", "/rooms/direct", obj{"user_id": "nonsense"}).fails(404, "user_not_found")
	one.do("POST", "/rooms/direct", obj{}).want(400)
	one.say(id, "psst")
	for _, r := range []struct {
		method, path string
		in           any
	}{{"GET", "", nil}, {"GET", "/messages", nil}, {"POST", "/messages", obj{"content": "me too"}}, {"POST", "/join", nil}, {"GET", "/members", nil}, {"GET", "/changes?since=0", nil}, {"GET", "/pins", nil},
		{"POST", "/read", obj{"seq": 1}}, {"GET", "/invites", nil}, {"POST", "/invites", obj{}}, {"POST", "/members", obj{"user_id": three.ID}}, {"PUT", "", obj{"name": "x"}}, {"DELETE", "?confirm=" + id, nil}} {
		three.do(r.method, "/rooms/"+id+r.path, r.in).fails(404, "room_not_found")
	}
	one.do("POST", "/rooms/"+id+"/members", obj{"user_id": three.ID}).fails(403, "direct_room")
	one.do("POST", "/rooms/"+id+"/invites", obj{}).fails(403, "direct_room")
	one.do("POST", "/rooms/"+id+"/bans", obj{"user_id": two.ID}).fails(403, "direct_room", "sanction_not_here")
	one.do("PUT", "/rooms/"+id, obj{"name": "Ours"}).fails(403, "direct_room", "manage_room_forbidden")
	one.get("/rooms/" + id + "/members").want(200)
	one.do("PUT", "/users/"+four.ID+"/block", nil).want(204)
	one.do("POST", "/rooms/direct", obj{"user_id": four.ID}).fails(403, "blocked")
	four.do("POST", "/rooms/direct", obj{"user_id": one.ID}).fails(403, "blocked")
	one.do("PUT", "/users/"+two.ID+"/block", nil).want(204)
	two.do("POST", "/rooms/"+id+"/messages", obj{"content": "hello?"}).fails(403, "blocked")
	one.do("DELETE", "/users/"+two.ID+"/block", nil).want(204)
	two.say(id, "hello!")
}

func comingAndGoing(t *testing.T, a *api) {
	p := a.people(t, 3)
	owner, two, three := p[0], p[1], p[2]
	id := owner.room("public")
	two.do("POST", "/rooms/"+id+"/join", nil).want(200).is(obj{"me.role": "member", "member_count": 2})
	two.do("POST", "/rooms/"+id+"/join", nil).want(200).is(obj{"member_count": 2})
	two.do("POST", "/rooms/nothing/join", nil).fails(404, "room_not_found")
	private := owner.room("private")
	two.do("POST", "/rooms/"+private+"/join", nil).fails(404, "room_not_found")
	owner.do("POST", "/rooms/"+id+"/leave", nil).fails(409, "owner_must_transfer")
	two.do("POST", "/rooms/"+id+"/transfer", obj{"user_id": two.ID}).fails(403, "transfer_forbidden")
	owner.do("POST", "/rooms/"+id+"/transfer", obj{"user_id": three.ID}).want(404)
	owner.do("POST", "/rooms/"+id+"/transfer", obj{"user_id": owner.ID}).want(200).is(obj{"owner_id": owner.ID})
	owner.do("POST", "/rooms/"+id+"/transfer", obj{"user_id": two.ID}).want(200).is(obj{"owner_id": two.ID})
	two.get("/rooms/" + id).want(200).is(obj{"me.role": "owner", "owner_id": two.ID})
	if role := owner.get("/rooms/" + id).want(200).str("me.role"); role == "owner" {
		t.Error("there are two owners")
	}
	owner.do("POST", "/rooms/"+id+"/leave", nil).want(204)
	owner.get("/rooms/" + id).want(200).is(obj{"me": nil, "member_count": 1})
	if ans := owner.do("POST", "/rooms/"+id+"/leave", nil); ans.status != 403 && ans.status != 404 && ans.status != 409 {
		t.Errorf("leaving what one is not in: %v", ans)
	}
	owner.do("POST", "/rooms/"+id+"/messages", obj{"content": "still me"}).fails(403, "not_a_member")
	two.do("POST", "/rooms/"+id+"/leave", nil).want(204)
	two.get("/rooms/" + id).want(200).is(obj{"archived": true, "member_count": 0})
}

func reading(t *testing.T, a *api) {
	p := a.people(t, 4)
	one, two, three, outside := p[0], p[1], p[2], p[3]
	id := one.room("public")
	two.join(id)
	three.join(id)
	two.do("POST", "/rooms/"+id+"/read", obj{"seq": two.get("/rooms/" + id).num("last_seq")}).want(200)
	var seqs []int64
	var ids []string
	for n := range 5 {
		content := fmt.Sprint(n)
		if n == 3 {
			content = "@" + two.name()
		}
		m := one.say(id, content)
		seqs, ids = append(seqs, m.num("seq")), append(ids, m.str("id"))
	}
	two.get("/rooms/" + id).is(obj{"me.unread_count": 5, "me.mention_count": 1})
	one.get("/rooms/" + id).is(obj{"me.unread_count": 0})
	two.do("POST", "/rooms/"+id+"/read", obj{"seq": seqs[1]}).want(200).is(obj{"room_id": id, "last_read_seq": seqs[1], "unread_count": 3, "mention_count": 1})
	two.do("POST", "/rooms/"+id+"/read", obj{"seq": seqs[3]}).want(200).is(obj{"unread_count": 1, "mention_count": 0})
	two.do("POST", "/rooms/"+id+"/read", obj{"seq": seqs[0]}).want(200).is(obj{"last_read_seq": seqs[3], "unread_count": 1})
	two.do("POST", "/rooms/"+id+"/read", obj{"seq": 99999999}).want(200).is(obj{"last_read_seq": seqs[4], "unread_count": 0})
	for _, bad := range []any{-1, "x", 1.5, nil, 1e30} {
		two.do("POST", "/rooms/"+id+"/read", obj{"seq": bad}).want(400)
	}
	two.do("POST", "/rooms/"+id+"/read", obj{}).want(400)
	three.do("POST", "/rooms/"+id+"/read", obj{"seq": seqs[2]}).want(200)
	equal(t, "read by two", len(one.get("/messages/"+ids[2]+"/receipts").want(200).list("receipts")), 2)
	one.get("/messages/" + ids[4] + "/receipts").want(200).is(obj{"receipts.0.user.id": two.ID})
	equal(t, "read by one", len(one.get("/messages/"+ids[4]+"/receipts").list("receipts")), 1)
	outside.get("/messages/"+ids[4]+"/receipts").fails(403, "not_a_member")
	outside.do("POST", "/rooms/"+id+"/read", obj{"seq": 1}).fails(403, "not_a_member")
	one.do("DELETE", "/messages/"+one.say(id, "unread and gone").str("id"), nil).want(204)
	two.say(id, "own message reads all before")
	two.get("/rooms/" + id).is(obj{"me.unread_count": 0})
}

func notifications(t *testing.T, a *api) {
	p := a.people(t, 2)
	one, two := p[0], p[1]
	id := one.room("public")
	two.join(id)
	newest := func(kind, message string) *answer {
		t.Helper()
		l := two.get("/notifications?limit=1").want(200)
		if len(l.list("notifications")) != 1 {
			t.Fatalf("want a notification of %s: %v", kind, l)
		}
		return l.is(obj{"notifications.0.type": kind, "notifications.0.actor.id": one.ID, "notifications.0.message_id": message, "notifications.0.read_at": nil})
	}
	unread := func(want int) {
		t.Helper()
		two.get("/notifications/unread").want(200).is(obj{"unread": want})
	}
	unread(0)
	mention := one.say(id, "hey @"+two.name())
	n := newest("mention", mention.str("id")).is(obj{"notifications.0.room_id": id, "unread": 1})
	created, _ := time.Parse(time.RFC3339, n.str("notifications.0.created_at"))
	expires, _ := time.Parse(time.RFC3339, n.str("notifications.0.expires_at"))
	if got := expires.Sub(created).Round(time.Minute); got != 30*24*time.Hour {
		t.Errorf("it expires after %v, want 30 days", got)
	}
	own := two.say(id, "a question").str("id")
	newest("reply", one.say(id, "an answer", obj{"parent_id": own}).str("id"))
	unread(2)
	dm := one.direct(two)
	newest("direct_message", one.say(dm, "psst").str("id"))
	unread(3)
	one.say(id, "nothing for you")
	two.say(id, "@"+two.name()+" not from myself")
	unread(3)
	// Preferences of the room.
	two.do("PATCH", "/rooms/"+id+"/preferences", obj{"notify": "muted"}).want(200).is(obj{"me.notify": "muted"})
	one.say(id, "hey @"+two.name())
	unread(3)
	two.do("PATCH", "/rooms/"+id+"/preferences", obj{"notify": "mentions"}).want(200)
	one.say(id, "hey @"+two.name())
	unread(4)
	two.do("PATCH", "/rooms/"+id+"/preferences", obj{"notify": "loud"}).fails(400, "notify_invalid").names("notify")
	two.do("PATCH", "/rooms/"+dm+"/preferences", obj{"notify": "muted"}).want(200)
	one.say(dm, "psst again")
	unread(4)
	// Mute does not stop counting.
	two.get("/rooms/" + dm).is(obj{"me.unread_count": 2})

	first := two.get("/notifications?limit=2").want(200)
	equal(t, "a page", len(first.list("notifications")), 2)
	rest := two.get("/notifications?limit=2&cursor=" + url.QueryEscape(first.str("next_cursor"))).want(200)
	if rest.str("notifications.0.id") == first.str("notifications.1.id") {
		t.Error("pages overlap")
	}
	nid := first.str("notifications.0.id")
	one.do("PATCH", "/notifications/"+nid+"/read", nil).fails(404, "notification_not_found")
	two.do("PATCH", "/notifications/"+nid+"/read", nil).want(204)
	two.do("PATCH", "/notifications/"+nid+"/read", nil).want(204)
	unread(3)
	equal(t, "only unread", len(two.get("/notifications?unread=true").want(200).list("notifications")), 3)
	two.do("PATCH", "/notifications/read-all", nil).want(204)
	unread(0)
	equal(t, "none unread", len(two.get("/notifications?unread=true").list("notifications")), 0)
	equal(t, "all still there", len(two.get("/notifications").list("notifications")), 4)
	two.do("PATCH", "/notifications/nonsense/read", nil).fails(404, "notification_not_found")
	two.get("/notifications?unread=maybe").want(400)
	two.get("/notifications?cursor=nonsense").want(400)
	// Who is blocked causes none.
	two.do("PUT", "/users/"+one.ID+"/block", nil).want(204)
	two.do("PATCH", "/rooms/"+id+"/preferences", obj{"notify": "all"}).want(200)
	one.say(id, "hey @"+two.name())
	unread(0)
}

func members(t *testing.T, a *api) {
	p := a.people(t, 5)
	owner, two, three, outside := p[0], p[1], p[2], p[4]
	id := owner.room("private")
	owner.letIn(id, two, three, p[3])
	var got []any
	cursor := ""
	for range 5 {
		page := owner.get("/rooms/" + id + "/members?limit=1&cursor=" + url.QueryEscape(cursor)).want(200)
		got = append(got, page.each("members", "user.id")...)
		if page.val("next_cursor") == nil {
			break
		}
		cursor = page.str("next_cursor")
	}
	if len(got) != 4 || slices.IndexFunc(got, func(v any) bool { return v == any(p[3].ID) }) < 0 {
		t.Errorf("pages of one: %v", got)
	}
	outside.get("/rooms/"+id+"/members").fails(404, "room_not_found")
	for _, m := range owner.get("/rooms/" + id + "/members").list("members") {
		role, _ := at(m, "role")
		who, _ := at(m, "user.id")
		if (role == "owner") != (who == any(owner.ID)) {
			t.Errorf("roles: %v", m)
		}
	}
	two.do("POST", "/rooms/"+id+"/members", obj{"user_id": outside.ID}).fails(403, "invite_forbidden")
	owner.do("POST", "/rooms/"+id+"/members", obj{"user_id": two.ID}).want(409)
	owner.do("POST", "/rooms/"+id+"/members", obj{"user_id": "nonsense"}).fails(404, "user_not_found")
	owner.do("POST", "/rooms/"+id+"/members", obj{"user_id": outside.ID}).want(201)
	// They are invited, not in it.
	owner.get("/rooms/" + id).is(obj{"member_count": 4})
	note := outside.get("/notifications?limit=1").want(200).is(obj{"notifications.0.type": "room_invite", "notifications.0.room_id": id, "notifications.0.actor.id": owner.ID})
	code := note.str("notifications.0.invite_code")
	a.client(t, a.someone(t)).do("POST", "/invites/"+code+"/accept", nil).fails(404, "invite_not_found")
	outside.do("POST", "/invites/"+code+"/accept", nil).want(200).is(obj{"id": id, "me.role": "member"})
	owner.get("/rooms/" + id).is(obj{"member_count": 5})
	owner.do("DELETE", "/rooms/"+id+"/members/"+outside.ID, nil).want(204)
	outside.get("/rooms/"+id).fails(404, "room_not_found")
	owner.do("DELETE", "/rooms/"+id+"/members/"+outside.ID, nil).want(404)
	outside.do("PUT", "/users/"+owner.ID+"/block", nil).want(204)
	owner.do("POST", "/rooms/"+id+"/members", obj{"user_id": outside.ID}).fails(403, "blocked")
}

func invites(t *testing.T, a *api) {
	p := a.people(t, 6)
	owner, outside := p[0], p[1]
	id := owner.room("private", obj{"name": "Behind a door"})
	inv := owner.do("POST", "/rooms/"+id+"/invites", obj{}).want(201)
	code := inv.str("code")
	inv.is(obj{"room.id": id, "room.name": "Behind a door", "created_by.id": owner.ID, "max_uses": nil, "uses": 0, "revoked": false})
	if inv.header.Get("Location") != "/api/invites/"+code {
		t.Errorf("Location %q", inv.header.Get("Location"))
	}
	if len(code) < 8 || len(code) > 12 || strings.ContainsAny(code, "0O1lI") || strings.Trim(code, "ABCDEFGHJKLMNPQRSTUVWXYZ23456789abcdefghijkmnpqrstuvwxyz") != "" {
		t.Errorf("the code %q", code)
	}
	created, _ := time.Parse(time.RFC3339, inv.str("created_at"))
	expires, _ := time.Parse(time.RFC3339, inv.str("expires_at"))
	if got := expires.Sub(created).Round(time.Minute); got != 7*24*time.Hour {
		t.Errorf("it expires after %v, want 7 days", got)
	}
	a.client(t, person{}).get("/invites/" + code).want(200).is(obj{"room.name": "Behind a door"})
	outside.get("/invites/" + code).want(200).is(obj{"code": code, "room.id": id})
	outside.get("/invites/NOTACODE").fails(404, "invite_not_found")
	a.client(t, person{}).do("POST", "/invites/"+code+"/accept", nil).want(401)
	outside.do("POST", "/invites/"+code+"/accept", nil).want(200).is(obj{"id": id, "me.role": "member", "member_count": 2})
	outside.do("POST", "/invites/"+code+"/accept", nil).want(200).is(obj{"member_count": 2})
	owner.get("/rooms/" + id + "/invites").want(200).is(obj{"invites.0.code": code, "invites.0.uses": 1})
	outside.get("/rooms/"+id+"/invites").fails(403, "invite_forbidden", "manage_members_forbidden")
	outside.do("POST", "/rooms/"+id+"/invites", obj{}).fails(403, "invite_forbidden")
	outside.do("DELETE", "/invites/"+code, nil).fails(403, "invite_forbidden", "manage_members_forbidden")
	p[2].do("DELETE", "/invites/"+code, nil).fails(404, "invite_not_found")
	owner.do("DELETE", "/invites/"+code, nil).want(204)
	p[2].do("POST", "/invites/"+code+"/accept", nil).fails(404, "invite_not_found")
	equal(t, "a revoked one is not listed", owner.get("/rooms/"+id+"/invites").list("invites"), []any{})

	for _, bad := range []obj{{"expires_in": -1}, {"expires_in": "soon"}, {"expires_in": 1e18}, {"max_uses": -1}, {"max_uses": "one"}, {"max_uses": 1.5}} {
		owner.do("POST", "/rooms/"+id+"/invites", bad).want(400)
	}
	soon := owner.do("POST", "/rooms/"+id+"/invites", obj{"expires_in": 1}).want(201).str("code")
	a.until("the invite expires", func() bool { return p[2].get("/invites/"+soon).status == 404 })
	p[2].do("POST", "/invites/"+soon+"/accept", nil).fails(404, "invite_not_found")
	equal(t, "no member", p[2].get("/rooms/"+id).status, 404)

	// Four at the same moment, room for two.
	twice := owner.do("POST", "/rooms/"+id+"/invites", obj{"max_uses": 2}).want(201).str("code")
	got := make(chan int)
	for _, c := range p[2:6] {
		go func() {
			status, err := a.try(c.Token, "POST", "/api/invites/"+twice+"/accept", nil, nil)
			if err != nil {
				status = -1
			}
			got <- status
		}()
	}
	count := map[int]int{}
	for range 4 {
		count[<-got]++
	}
	if count[200] != 2 || count[404] != 2 {
		t.Errorf("an invite for two was used %d times: %v", count[200], count)
	}
	owner.get("/rooms/" + id).is(obj{"member_count": 4})
}
