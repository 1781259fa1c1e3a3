package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestNativeREST plays the table of the REST API against the built program. Every answer is also held against the
// OpenAPI document that the program publishes.
func TestNativeREST(t *testing.T) {
	t.Parallel()
	a := newAPI(t, append([]string{"PARLEY_PUSH_SUBJECT=admin@example.org", "PARLEY_ORIGIN_VALIDATE_URL=" + accountService(t)}, noLimits...)...)
	for _, part := range []struct {
		name string
		play func(*testing.T, *api)
	}{
		{"the document has every operation of the table, and all of them answer", document},
		{"the objects have the agreed fields", objects},
		{"the server introduces itself", serverInfo},
		{"registering", registering},
		{"logging in and out", loggingIn},
		{"the cookie of browsers", cookies},
		{"sessions", sessions},
		{"changing the password", passwordChange},
		{"rooms are made, read, changed and deleted", rooms},
		{"own rooms come newest message first, public ones are found", roomLists},
		{"direct rooms", directRooms},
		{"joining, leaving and handing over", comingAndGoing},
		{"messages are sent once for each nonce", sending},
		{"messages are paged", paging},
		{"changes since a number", changesSince},
		{"messages are edited and deleted", editing},
		{"pins and threads", pinsAndThreads},
		{"reactions", reactions},
		{"unread counts, read marks and receipts", reading},
		{"notifications by type and preference", notifications},
		{"members are listed in pages and invited", members},
		{"invites", invites},
		{"people: profile, search, blocks", people},
		{"attachments", attachments},
		{"search", search},
		{"push subscriptions", push},
		{"reports go to a queue", reports},
		{"administration", administration},
		{"pictures of rooms and people", pictures},
		{"custom emoji, and who reacted", customEmoji},
		{"the server's settings", serverSettings},
		{"the second factor", secondFactor},
		{"threads of forums", forumThreads},
		{"polls", polls},
		{"webhooks", webhooks},
		{"what roles may do in a room", roomPermissions},
		{"the server's own rooms and their order", serverRooms},
		{"roles: their order, single ones, self roles", singleRoles},
		{"ways into an account", identities},
		{"slash commands", commands},
		{"voice rooms", voiceRooms},
		{"plugins", plugins},
	} {
		t.Run(part.name, func(t *testing.T) { part.play(t, a) })
	}
	t.Run("every operation of the document answered with success", func(t *testing.T) {
		for template, item := range a.doc["paths"].(obj) {
			for method := range item.(obj) {
				op := strings.ToUpper(method) + " " + template
				if !a.seen[op] && op != "GET /ws" {
					t.Errorf("%s was never seen to work", op)
				}
			}
		}
	})
}

// table is the agreed REST table: what must be in the document.
const table = `POST /auth/register|POST /auth/login|POST /auth/logout|GET /auth/sessions|DELETE /auth/sessions/{id}|GET /auth/me|POST /auth/password|
GET /rooms|GET /rooms/public|POST /rooms|POST /rooms/direct|GET /rooms/{id}|PUT /rooms/{id}|DELETE /rooms/{id}|
POST /rooms/{id}/join|POST /rooms/{id}/leave|POST /rooms/{id}/transfer|PATCH /rooms/{id}/preferences|POST /rooms/{id}/read|
GET /rooms/{id}/messages|POST /rooms/{id}/messages|GET /rooms/{id}/changes|GET /rooms/{id}/pins|GET /messages/{id}/thread|
GET /messages/{id}|PUT /messages/{id}|DELETE /messages/{id}|PUT /messages/{id}/pin|DELETE /messages/{id}/pin|
POST /messages/{id}/reactions|DELETE /messages/{id}/reactions/{emoji}|GET /messages/{id}/receipts|POST /messages/{id}/report|
GET /rooms/{id}/members|POST /rooms/{id}/members|DELETE /rooms/{id}/members/{userId}|PATCH /rooms/{id}/members/{userId}/role|
PUT /rooms/{id}/members/{userId}/mute|DELETE /rooms/{id}/members/{userId}/mute|POST /rooms/{id}/bans|DELETE /rooms/{id}/bans/{userId}|
GET /rooms/{id}/invites|POST /rooms/{id}/invites|GET /invites/{code}|POST /invites/{code}/accept|DELETE /invites/{code}|
GET /users/{id}|GET /users/search|PATCH /users/me|PUT /users/{id}/block|DELETE /users/{id}/block|GET /users/me/blocks|
GET /notifications|GET /notifications/unread|PATCH /notifications/{id}/read|PATCH /notifications/read-all|
POST /attachments/upload|GET /attachments/{id}|GET /attachments/{id}/thumbnail|GET /search|
GET /push/subscriptions|PUT /push/subscriptions|DELETE /push/subscriptions|GET /push/key|GET /server|GET /ws|
GET /admin/users|GET /admin/rooms|GET /admin/sanctions|POST /admin/sanctions|GET /admin/reports|GET /admin/audit|GET /admin/invites|
POST /admin/invites|GET /admin/stats|POST /admin/announcements`

func document(t *testing.T, a *api) {
	paths := a.doc["paths"].(obj)
	for row := range strings.SplitSeq(strings.ReplaceAll(table, "\n", ""), "|") {
		method, path, _ := strings.Cut(row, " ")
		if _, ok := at(paths[path], strings.ToLower(method)); !ok {
			t.Errorf("the document lacks %s", row)
		}
	}
	open := []string{"GET /server", "GET /docs", "GET /docs/websocket", "GET /openapi.json", "GET /avatars/{name}", "GET /previews/{name}", "GET /emoji/pictures/{name}", "POST /auth/register", "POST /auth/login", "POST /auth/setup", "GET /invites/{code}"}
	nobody := a.client(t, person{})
	for template, item := range paths {
		known := asObj(item)
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
			path := strings.NewReplacer("{id}", "1", "{userId}", "1", "{code}", "ABCDEFGH", "{emoji}", "x", "{name}", "x", "{slug}", "x").Replace(template)
			var in any
			if method != "GET" {
				in = obj{}
			}
			ans := nobody.do(method, path, in)
			_, documented := known[strings.ToLower(method)]
			switch {
			case !documented:
				if _, other := a.operation(method, path); other == nil && ans.status != 405 {
					t.Errorf("want 405 for a method that is not there: %v", ans)
				}
			case slices.Contains(open, method+" "+template):
				if ans.status == 401 && ans.str("code") != "login_failed" || ans.status == 405 {
					t.Errorf("this is for everybody: %v", ans)
				}
			case ans.status != 401:
				t.Errorf("want 401 without a login: %v", ans)
			}
		}
	}
	for _, path := range []string{"/", "/nothing", "/rooms/1/nothing", "/auth", "/admin", "/rooms/..%2f..%2fetc/passwd"} {
		if ans := a.client(t, a.owner).get(path); ans.status != 404 {
			t.Errorf("want 404: %v", ans)
		}
	}
	if ans := a.client(t, person{}).get("/docs"); ans.status != 200 || !strings.Contains(string(ans.body), "room_not_found") {
		t.Error("the reference does not list the codes")
	}
}

// objects compares the document's schemas with the agreed ones; what a later field adds is listed after the bar.
func objects(t *testing.T, a *api) {
	for name, fields := range map[string]string{
		"User": "id username display_name avatar_url? bio status status_message rank roles bot created_at last_seen_at?",
		"Room": "id slug? name description type form encrypted topic avatar_url? position# created_at created_by? owner_id? last_message_at? last_seq# member_count# archived me? | peer? slow_mode_seconds# official",
		"Me":   "role joined_at last_read_seq# unread_count# mention_count# notify muted_until? | muted favourite slow_mode_until?",
		"Message": "id room_id seq# change_seq# type sender? content parent_id? thread? created_at edited_at? deleted pinned mentions reactions attachments links " +
			"| nonce* html* author* poll* command* embeds*",
		"Thread":       "reply_count# last_reply_at?",
		"Reaction":     "emoji count# me",
		"Link":         "url title? description? image? | image_width?# image_height?#",
		"Attachment":   "id filename size# mime_type width?# height?# url thumbnail_url? created_at scan",
		"Notification": "id type content room_id? message_id? actor? severity created_at read_at? expires_at? | title invite_code?",
		"Invite":       "code room? created_by? created_at expires_at? max_uses?# uses# revoked",
		"Receipt":      "user read_at",
		"Emoji":        "id name url created_by? created_at | width# height# animated",
		"Problem":      "type title status# detail code | errors* incident*",
		"LoginAnswer":  "token expires_at user | room_id?",
		"RoomList":     "rooms", "MessagePage": "messages has_before has_after", "ChangeList": "messages last_seq# truncated", "MemberPage": "members next_cursor?",
		"Member": "user role joined_at muted_until? | muted", "SearchAnswer": "hits total_estimate# next_cursor?", "Hit": "message highlights previous? next? room",
		"UploadAnswer": "attachments", "NotificationPage": "notifications unread# next_cursor?", "UserList": "users", "InviteList": "invites", "MessageList": "messages",
	} {
		schema, ok := at(a.doc, "components.schemas."+name)
		if !ok {
			t.Errorf("the document lacks %s", name)
			continue
		}
		required, _ := at(schema, "required")
		properties := schema.(obj)["properties"].(obj)
		listed := map[string]bool{}
		for field := range strings.FieldsSeq(strings.Replace(fields, "|", "", 1)) {
			bare := strings.TrimRight(field, "?*#")
			listed[bare] = true
			p, ok := properties[bare].(obj)
			if !ok {
				t.Errorf("%s has no %s", name, bare)
				continue
			}
			if isRequired := slices.Contains(required.([]any), any(bare)); isRequired == strings.Contains(field, "*") {
				t.Errorf("%s.%s: always there: %v", name, bare, isRequired)
			}
			text := show(p["type"]) + show(p["anyOf"]) + show(p["oneOf"])
			if nullable := strings.Contains(text, `"null"`); nullable != strings.Contains(field, "?") && p["$ref"] == nil {
				t.Errorf("%s.%s: may be null: %v", name, bare, nullable)
			}
			if number := strings.Contains(text, `"integer"`); number != strings.Contains(field, "#") {
				t.Errorf("%s.%s: is a number: %v", name, bare, number)
			}
		}
		for field := range properties {
			if !listed[field] {
				t.Errorf("%s has a further field %s", name, field)
			}
		}
	}
	for path, want := range map[string][]any{
		"User.status": {"online", "away", "busy", "offline"}, "User.rank": {"member", "moderator", "admin", "owner"}, "Room.type": {"public", "private", "direct"},
		"Room.form": {"text", "voice", "forum", "separator"}, "Me.role": {"owner", "admin", "member"}, "Me.notify": {"all", "mentions", "muted"},
		"Message.type": {"text", "image", "file", "system", "thread"}, "Attachment.scan": {"clean", "pending", "infected"},
		"Notification.type": {"mention", "reply", "room_invite", "direct_message", "system"},
	} {
		object, field, _ := strings.Cut(path, ".")
		got, _ := at(a.doc, "components.schemas."+object+".properties."+field+".enum")
		equal(t, path, got, want)
	}
}

func serverInfo(t *testing.T, a *api) {
	a.client(t, person{}).get("/server").want(200).is(obj{"registration": "open", "limits.content_characters": 10000, "limits.room_name_characters": 100,
		"limits.description_characters": 1000, "limits.display_name_characters": 50, "limits.status_message_characters": 100, "limits.attachments_per_message": 10,
		"limits.attachment_bytes": 10 << 20, "limits.edit_window_seconds": 900, "limits.attachment_types": []string{"jpg", "png", "gif", "webp", "pdf", "doc", "docx", "zip"},
		"dialects": a.client(t, person{}).get("/server").list("dialects"), "websocket": "/api/ws"})
}

func registering(t *testing.T, a *api) {
	nobody := a.client(t, person{})
	in := nobody.do("POST", "/auth/register", obj{"username": "Reg_Ister9", "password": "correct horse battery", "display_name": "Régine 🦊", "rank": "owner", "bot": true, "unknown": obj{"a": 1}}).want(201)
	in.is(obj{"user.username": "Reg_Ister9", "user.display_name": "Régine 🦊", "user.rank": "member", "user.bot": false, "user.status_message": "", "user.avatar_url": nil})
	if !wireUUID.MatchString(in.str("user.id")) {
		t.Errorf("no UUID of version 7: %v", in)
	}
	if in.header.Get("Location") != "/api/users/"+in.str("user.id") {
		t.Errorf("Location %q", in.header.Get("Location"))
	}
	a.client(t, person{in.str("user.id"), in.str("token")}).get("/auth/me").want(200).is(obj{"username": "Reg_Ister9"})
	nobody.do("POST", "/auth/register", obj{"username": "reg_ister9", "password": "correct horse battery"}).fails(409, "username_taken")
	for _, bad := range []struct {
		field string
		value any
	}{
		{"username", "ab"}, {"username", strings.Repeat("a", 21)}, {"username", "with space"}, {"username", "dash-ed"}, {"username", "émile"}, {"username", "аdmin"}, {"username", ""},
		{"username", "new\nline"}, {"username", "zero\u200bwidth"}, {"username", "trailing "}, {"username", nil}, {"username", 7}, {"username", []string{"abc"}},
		{"password", "short"}, {"password", ""}, {"password", strings.Repeat("x", 201)}, {"password", nil},
		{"display_name", strings.Repeat("d", 51)}, {"display_name", "a\u202eb"}, {"display_name", 1},
	} {
		in := obj{"username": a.name("reg"), "password": "correct horse battery"}
		in[bad.field] = bad.value
		if ans := nobody.do("POST", "/auth/register", in); ans.status != 400 {
			t.Errorf("want 400: %v", ans)
		} else {
			ans.names(bad.field)
		}
	}
	if short := nobody.do("POST", "/auth/register", obj{"username": "abc", "password": "correct horse battery"}); short.status != 201 {
		t.Errorf("three characters are enough: %v", short)
	}
	nobody.do("POST", "/auth/register", obj{"username": strings.Repeat("z", 20), "password": "correct horse battery", "display_name": strings.Repeat("🦊", 50)}).want(201)
}

func loggingIn(t *testing.T, a *api) {
	nobody := a.client(t, person{})
	name := a.name("login")
	a.named(t, name)
	in := nobody.do("POST", "/auth/login", obj{"username": strings.ToUpper(name), "password": "correct horse battery"}).want(200)
	parts := strings.Split(in.str("token"), ".")
	if len(parts) != 3 {
		t.Fatalf("no JWT: %v", in)
	}
	var claims struct {
		Exp, Iat int64
		Jti, Sub string
	}
	var head struct{ Alg string }
	for i, into := range []any{&head, &claims} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(text, into) != nil {
			t.Fatalf("part %d of the token: %q %v", i, text, err)
		}
	}
	if head.Alg != "HS256" && head.Alg != "EdDSA" {
		t.Errorf("algorithm %q", head.Alg)
	}
	if claims.Exp-claims.Iat != 24*3600 {
		t.Errorf("the token lasts %d s, want a day", claims.Exp-claims.Iat)
	}
	if expires, _ := time.Parse(time.RFC3339, in.str("expires_at")); expires.Unix() != claims.Exp {
		t.Errorf("expires_at %v is not the token's exp %d", expires, claims.Exp)
	}
	self := a.client(t, person{in.str("user.id"), in.str("token")})
	if l := self.get("/auth/sessions").want(200); !slices.Contains(l.each("sessions", "id"), any(claims.Jti)) {
		t.Errorf("jti %s is no session: %v", claims.Jti, l)
	}
	self.get("/auth/me").want(200).is(obj{"id": in.str("user.id"), "username": name, "email": ""})

	wrong := nobody.do("POST", "/auth/login", obj{"username": name, "password": "wrong wrong wrong"}).want(401)
	unknown := nobody.do("POST", "/auth/login", obj{"username": "nobody_here", "password": "wrong wrong wrong"}).want(401)
	if !bytes.Equal(wrong.body, unknown.body) {
		t.Errorf("an unknown name can be told from a wrong password: %v and %v", wrong, unknown)
	}
	for _, bad := range []any{obj{"username": name}, obj{"password": "x"}, obj{}, obj{"username": 1, "password": "x"}} {
		if ans := nobody.do("POST", "/auth/login", bad); ans.status != 400 {
			t.Errorf("want 400: %v", ans)
		}
	}
	nobody.request("POST", "/auth/login", []byte("username=a&password=b")).with("Content-Type", "application/x-www-form-urlencoded").send().want(415)
	nobody.request("POST", "/auth/login", []byte(`{"username":"a","password":"b"}`)).with("Content-Type", "text/plain").send().want(415)

	self.do("POST", "/auth/logout", nil).want(204)
	self.get("/auth/me").want(401)
	self.do("POST", "/auth/logout", nil).want(401)
}

func cookies(t *testing.T, a *api) {
	name := a.name("cookie")
	a.named(t, name)
	nobody := a.client(t, person{})
	login := nobody.do("POST", "/auth/login", obj{"username": name, "password": "correct horse battery"}).want(200)
	jar := (&http.Response{Header: login.header}).Cookies()
	if len(jar) != 1 {
		t.Fatalf("cookies %v", jar)
	}
	c := jar[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Secure || c.Domain != "" || (c.Path != "/" && c.Path != "/api") {
		t.Errorf("the cookie is %v", c)
	}
	pair := c.Name + "=" + c.Value
	with := func(method, path string, in any, headers ...string) *answer {
		r := nobody.request(method, path, in).with("Cookie", pair)
		for i := 0; i < len(headers); i += 2 {
			r.with(headers[i], headers[i+1])
		}
		return r.send()
	}
	with("GET", "/auth/me", nil).want(200).is(obj{"username": name})
	room := obj{"name": "Made by a page", "type": "private"}
	self := "http://" + a.addr
	with("POST", "/rooms", room, "Origin", self, "Sec-Fetch-Site", "same-origin").want(201)
	with("POST", "/rooms", room, "Origin", self).want(201)
	for _, headers := range [][]string{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site", "Origin", "http://sub." + a.addr},
		{"Origin", "null"}, {"Origin", "https://" + a.addr + ".evil.example"}} {
		with("POST", "/rooms", room, headers...).fails(403, "cross_site")
		with("PATCH", "/users/me", obj{"display_name": "Eve"}, headers...).fails(403, "cross_site")
		with("DELETE", "/rooms/1", nil, headers...).fails(403, "cross_site")
		with("PUT", "/rooms/1", obj{}, headers...).fails(403, "cross_site")
	}
	// A bearer token is no ambient authority: its holder may be any page.
	nobody.request("POST", "/rooms", room).with("Authorization", "Bearer "+login.str("token")).with("Origin", "https://app.example").send().want(201)

	out := with("POST", "/auth/logout", nil, "Origin", self).want(204)
	gone := (&http.Response{Header: out.header}).Cookies()
	if len(gone) != 1 || gone[0].Name != c.Name || gone[0].MaxAge >= 0 && !gone[0].Expires.Before(time.Now()) || gone[0].Value != "" {
		t.Errorf("logging out leaves the cookie: %v", gone)
	}
	with("GET", "/auth/me", nil).want(401)
}

func sessions(t *testing.T, a *api) {
	name := a.name("sess")
	first := a.client(t, a.named(t, name))
	login := a.client(t, person{}).request("POST", "/auth/login", obj{"username": name, "password": "correct horse battery"}).with("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0").send().want(200)
	second := a.client(t, person{first.ID, login.str("token")})
	list := second.get("/auth/sessions").want(200)
	var other, own string
	for i := range list.list("sessions") {
		at := fmt.Sprintf("sessions.%d.", i)
		if list.val(at+"current") == true {
			own = list.str(at + "id")
			if list.str(at+"address") != "127.0.0.1" || !strings.Contains(list.str(at+"device"), "Firefox") {
				t.Errorf("address and device: %v", list)
			}
		} else {
			other = list.str(at + "id")
		}
	}
	if len(list.list("sessions")) != 2 || other == "" || own == "" {
		t.Fatalf("want two sessions, one of them this: %v", list)
	}
	stranger := a.client(t, a.someone(t))
	stranger.do("DELETE", "/auth/sessions/"+other, nil).want(404)
	second.do("DELETE", "/auth/sessions/nonsense", nil).want(404)
	second.do("DELETE", "/auth/sessions/"+other, nil).want(204)
	first.get("/auth/me").want(401)
	second.do("DELETE", "/auth/sessions/"+other, nil).want(404)
	second.do("DELETE", "/auth/sessions/"+own, nil).want(204)
	second.get("/auth/me").want(401)
}

func passwordChange(t *testing.T, a *api) {
	name := a.name("pass")
	first := a.client(t, a.named(t, name))
	nobody := a.client(t, person{})
	second := a.client(t, person{first.ID, nobody.do("POST", "/auth/login", obj{"username": name, "password": "correct horse battery"}).want(200).str("token")})
	first.do("POST", "/auth/password", obj{"current_password": "wrong wrong", "new_password": "another battery"}).fails(403, "login_failed")
	first.do("POST", "/auth/password", obj{"current_password": "correct horse battery", "new_password": "short"}).fails(400, "password_invalid").names("new_password")
	first.do("POST", "/auth/password", obj{"current_password": "correct horse battery", "new_password": "another battery"}).want(204)
	first.get("/auth/me").want(200)
	second.get("/auth/me").want(401)
	nobody.do("POST", "/auth/login", obj{"username": name, "password": "correct horse battery"}).want(401)
	nobody.do("POST", "/auth/login", obj{"username": name, "password": "another battery"}).want(200)
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func people(t *testing.T, a *api) {
	p := a.people(t, 2)
	one, two := p[0], p[1]
	word := a.name("Xylo")
	found := a.client(t, a.named(t, word))
	found.do("PATCH", "/users/me", obj{"display_name": "Quinoa Übermut", "bio": "I *like* it", "status": "busy", "status_message": "in a meeting", "rank": "owner", "username": "other"}).want(200).
		is(obj{"display_name": "Quinoa Übermut", "bio": "I *like* it", "status_message": "in a meeting", "rank": "member", "username": word})
	profile := one.get("/users/" + found.ID).want(200).is(obj{"username": word, "display_name": "Quinoa Übermut", "bio": "I *like* it", "status_message": "in a meeting"})
	profile.is(obj{"roles": []string{"user"}}) // names have their colours
	for _, private := range []string{"email", "settings", "password"} {
		if _, there := at(profile.json, private); there {
			t.Errorf("%s is told to others: %v", private, profile)
		}
	}
	found.do("PATCH", "/users/me", obj{"email": "x@example.org", "settings": obj{"theme": "dark"}}).want(200).is(obj{"email": "x@example.org", "settings.theme": "dark", "display_name": "Quinoa Übermut"})
	one.get("/users/nonsense").fails(404, "user_not_found")
	one.get("/users/0199f0a4-7c1e-7a60-9d6b-2f6f0a9e3b11").fails(404, "user_not_found")
	for _, q := range []string{word, strings.ToLower(word), word[:6], "quinoa", "über"} {
		if l := one.get("/users/search?q=" + url.QueryEscape(q)).want(200); !slices.Contains(l.each("users", "id"), any(found.ID)) {
			t.Errorf("%q does not find: %v", q, l)
		}
	}
	for _, q := range []string{"%", "_", "%%%", "' OR 1=1", "*"} {
		if l := one.get("/users/search?q=" + url.QueryEscape(q)); l.status == 200 && slices.Contains(l.each("users", "id"), any(found.ID)) {
			t.Errorf("%q finds: %v", q, l)
		}
	}
	one.get("/users/search").want(400)
	one.get("/users/search?q=" + strings.Repeat("x", 51)).want(400)
	for _, bad := range []struct {
		field string
		value any
	}{{"display_name", ""}, {"display_name", strings.Repeat("x", 51)}, {"display_name", " \u200b "}, {"display_name", "a\u202eb"}, {"status", "invisible"}, {"status_message", strings.Repeat("x", 101)},
		{"avatar_url", "javascript:alert(1)"}, {"avatar_url", "http://"}, {"bio", strings.Repeat("b", 100_000)}, {"settings", strings.Repeat("b", 900_000)}, {"display_name", 1}} {
		found.do("PATCH", "/users/me", obj{bad.field: bad.value}).want(400).names(bad.field)
	}
	found.do("PATCH", "/users/me", obj{"status_message": strings.Repeat("🦊", 100)}).want(200)

	two.do("PUT", "/users/"+one.ID+"/block", nil).want(204)
	two.do("PUT", "/users/"+one.ID+"/block", nil).want(204)
	equal(t, "blocks", two.get("/users/me/blocks").want(200).each("users", "id"), []string{one.ID})
	equal(t, "the blocked does not see it", one.get("/users/me/blocks").want(200).list("users"), []any{})
	two.do("PUT", "/users/"+two.ID+"/block", nil).want(400)
	two.do("PUT", "/users/nonsense/block", nil).fails(404, "user_not_found")
	two.do("DELETE", "/users/"+one.ID+"/block", nil).want(204)
	two.do("DELETE", "/users/"+one.ID+"/block", nil).want(204)
	equal(t, "no blocks", two.get("/users/me/blocks").want(200).list("users"), []any{})

	set := two.formFile("PUT", "/users/me/avatar", file{"me.png", "image/png", picture(t, "png", 300, 200)}).want(200)
	avatar := set.str("avatar_url")
	path, ours := strings.CutPrefix(avatar, "/api")
	if !ours {
		t.Fatalf("avatar_url %q", avatar)
	}
	got := a.client(t, person{}).get(path).want(200)
	if img, _, err := image.DecodeConfig(bytes.NewReader(got.body)); err != nil || img.Width != img.Height {
		t.Errorf("the avatar is %dx%d, %v", img.Width, img.Height, err)
	}
	leaving := a.client(t, a.someone(t))
	leaving.do("DELETE", "/users/me", obj{"password": "wrong wrong"}).fails(400, "password_wrong")
	leaving.do("DELETE", "/users/me", obj{"password": "correct horse battery"}).want(204)
	leaving.get("/auth/me").want(401)
}

func push(t *testing.T, a *api) {
	one := a.client(t, a.someone(t))
	one.get("/push/subscriptions").want(200).is(obj{"subscriptions": []any{}})
	if key, err := base64.RawURLEncoding.DecodeString(one.get("/push/key").want(200).str("key")); err != nil || len(key) != 65 {
		t.Errorf("no P-256 key: %d bytes, %v", len(key), err)
	}
	for _, bad := range []obj{{}, {"endpoint": "ftp://x", "keys": obj{"p256dh": "x", "auth": "y"}}, {"endpoint": "http://127.0.0.1:1/x", "keys": obj{"p256dh": "x", "auth": "y"}},
		{"endpoint": "https://push.example.org/x", "keys": obj{"p256dh": "x", "auth": "y"}}} {
		one.do("PUT", "/push/subscriptions", bad).want(400)
	}
	sub := obj{"endpoint": "https://push.example.org/x", "keys": obj{"p256dh": "BNcRdreALRFXTkOOUHK1EtK2wtaz5Ry4YfYCA_0QTpQtUbVlUls0VJXg7A8u-Ts1XbjhazAkj7I99e8QcYP7DkM", "auth": "tBHItJI5svbpez7KI4CCXg"}}
	one.do("PUT", "/push/subscriptions", sub).want(204)
	one.do("PUT", "/push/subscriptions", sub).want(204)
	one.get("/push/subscriptions").want(200).is(obj{"subscriptions.0.endpoint": "https://push.example.org/x"})
	one.do("DELETE", "/push/subscriptions", obj{"endpoint": "https://push.example.org/x"}).want(204)
	one.get("/push/subscriptions").want(200).is(obj{"subscriptions": []any{}})
}

func reports(t *testing.T, a *api) {
	p := a.people(t, 3)
	one, two, outside := p[0], p[1], p[2]
	id := one.room("private")
	one.letIn(id, two)
	m := one.say(id, "something rude").str("id")
	two.do("POST", "/messages/"+m+"/report", obj{"reason": ""}).fails(400, "reason_invalid").names("reason")
	two.do("POST", "/messages/"+m+"/report", obj{"reason": strings.Repeat("x", 100_000)}).want(400)
	outside.do("POST", "/messages/"+m+"/report", obj{"reason": "rude"}).fails(404, "message_not_found")
	one.do("POST", "/messages/"+m+"/report", obj{"reason": "rude"}).fails(403, "report_own")
	two.do("POST", "/messages/"+m+"/report", obj{"reason": "rude"}).want(201)
	two.do("POST", "/messages/"+m+"/report", obj{"reason": "rude"}).want(409)
	two.get("/admin/reports").fails(403, "permission_missing")
	admin := a.client(t, a.owner)
	queue := admin.get("/admin/reports?state=open").want(200)
	var report string
	for i, id := range queue.each("reports", "message_id") {
		if id == any(m) {
			report = queue.str(fmt.Sprintf("reports.%d.id", i))
			queue.is(obj{fmt.Sprintf("reports.%d.reason", i): "rude", fmt.Sprintf("reports.%d.content", i): "something rude", fmt.Sprintf("reports.%d.reporter.id", i): two.ID, fmt.Sprintf("reports.%d.author.id", i): one.ID})
		}
	}
	admin.do("PATCH", "/admin/reports/"+report, obj{"state": "later"}).fails(400, "state_invalid")
	admin.do("PATCH", "/admin/reports/"+report, obj{"state": "resolved", "note": "removed", "delete_message": true}).want(200).is(obj{"state": "resolved", "note": "removed", "handled_by.id": a.owner.ID})
	one.get("/messages/" + m).want(200).is(obj{"deleted": true})
	admin.do("PATCH", "/admin/reports/"+report, obj{"state": "resolved"}).want(409)
	admin.do("PATCH", "/admin/reports/999999", obj{"state": "resolved"}).want(404)
}

func administration(t *testing.T, a *api) {
	admin := a.client(t, a.owner)
	user := a.client(t, a.someone(t))
	made := admin.do("POST", "/admin/users", obj{"username": a.name("made"), "password": "correct horse battery", "rank": "moderator"}).want(201).is(obj{"rank": "moderator"})
	mid := made.str("id")
	admin.get("/admin/users?limit=1").want(200).str("next_cursor")
	admin.get("/admin/users?q=" + made.str("username")).want(200).is(obj{"users.0.id": mid})
	admin.do("PUT", "/admin/users/"+mid+"/rank", obj{"rank": "admin"}).want(200).is(obj{"rank": "admin"})
	admin.do("PUT", "/admin/users/"+mid+"/rank", obj{"rank": "emperor"}).fails(400, "rank_invalid")
	admin.do("POST", "/admin/users/"+mid+"/password", obj{"password": "brand new battery"}).want(204)
	in := a.client(t, person{}).do("POST", "/auth/login", obj{"username": made.str("username"), "password": "brand new battery"}).want(200)
	made2 := a.client(t, person{mid, in.str("token")})
	admin.do("POST", "/admin/users/"+mid+"/disable", nil).want(204)
	if ans := made2.get("/auth/me"); ans.status != 401 && ans.status != 403 {
		t.Errorf("disabled, and yet: %v", ans)
	}
	if ans := a.client(t, person{}).do("POST", "/auth/login", obj{"username": made.str("username"), "password": "brand new battery"}); ans.status != 401 && ans.status != 403 {
		t.Errorf("disabled, and yet: %v", ans)
	}
	admin.do("POST", "/admin/users/"+mid+"/enable", nil).want(204)
	a.client(t, person{}).do("POST", "/auth/login", obj{"username": made.str("username"), "password": "brand new battery"}).want(200)

	role := admin.do("POST", "/admin/roles", obj{"name": a.name("role"), "color": "#aa0000", "permissions": []string{}}).want(201)
	admin.do("PUT", "/admin/roles/"+role.str("id"), obj{"name": role.str("name"), "description": "changed"}).want(200).is(obj{"description": "changed"})
	admin.do("PUT", "/admin/users/"+mid+"/roles", obj{"roles": []string{role.str("id")}}).want(200)
	admin.get("/admin/roles").want(200)
	room := admin.room("public")
	admin.do("PUT", "/rooms/"+room+"/role-lists", obj{"right": "send", "roles": []obj{{"role_id": role.str("id")}}}).want(200)
	admin.do("DELETE", "/admin/roles/"+role.str("id"), nil).want(204)

	doomed := user.room("private", obj{"name": a.name("doomed")})
	admin.get("/admin/rooms?limit=100").want(200)
	admin.do("DELETE", "/admin/rooms/"+doomed, nil).want(204)
	user.get("/rooms/" + doomed).want(404)

	admin.do("POST", "/admin/sanctions", obj{"kind": "warning", "user_id": user.ID, "reason": "be kind"}).want(201).is(obj{"kind": "warning", "user_id": user.ID, "reason": "be kind", "issued_by.id": a.owner.ID})
	admin.do("POST", "/admin/sanctions", obj{"kind": "curse", "user_id": user.ID}).fails(400, "kind_invalid")
	admin.do("POST", "/admin/sanctions", obj{"kind": "mute", "user_id": user.ID, "until": "2001-01-01T00:00:00Z"}).want(400)
	admin.get("/admin/sanctions?user_id=" + user.ID).want(200).is(obj{"sanctions.0.kind": "warning"})
	admin.do("POST", "/admin/sanctions", obj{"kind": "mute", "user_id": user.ID}).want(201)
	admin.do("POST", "/admin/sanctions/lift", obj{"kind": "mute", "user_id": user.ID}).want(204)

	admin.get("/admin/audit?limit=5").want(200).str("entries.0.action")
	reg := admin.do("POST", "/admin/invites", obj{"max_uses": 1}).want(201).is(obj{"room": nil, "max_uses": 1})
	if l := admin.get("/admin/invites").want(200); !slices.Contains(l.each("invites", "code"), reg.val("code")) {
		t.Errorf("not listed: %v", l)
	}
	admin.get("/admin/stats").want(200)
	sent := admin.do("POST", "/admin/announcements", obj{"title": "Maintenance", "text": "Back at **nine**", "severity": "warning"}).want(200)
	if sent.num("recipients") < 2 {
		t.Errorf("recipients: %v", sent)
	}
	user.get("/notifications?limit=1").want(200).is(obj{"notifications.0.type": "system", "notifications.0.severity": "warning", "notifications.0.title": "Maintenance", "notifications.0.content": "Back at **nine**"})
	admin.do("DELETE", "/admin/users/"+mid, nil).want(204)
	admin.get("/admin/users?q=" + made.str("username")).want(200).is(obj{"users": []any{}})

	bans := a.client(t, a.someone(t))
	r := bans.room("public")
	user.join(r)
	bans.do("POST", "/rooms/"+r+"/bans", obj{"user_id": user.ID, "reason": "spam"}).want(201)
	bans.get("/rooms/" + r + "/bans").want(200)
	bans.do("DELETE", "/rooms/"+r+"/bans/"+user.ID, nil).want(204)
	user.join(r)
	bans.do("PUT", "/rooms/"+r+"/members/"+user.ID+"/mute", obj{}).want(200)
	bans.do("DELETE", "/rooms/"+r+"/members/"+user.ID+"/mute", nil).want(204)
	bans.do("PATCH", "/rooms/"+r+"/members/"+user.ID+"/role", obj{"role": "admin"}).want(200)
	a.client(t, person{}).get("/docs/websocket").want(200)
	a.client(t, person{}).get("/openapi.json").want(200)
	resp, err := http.Get("http://" + a.addr + "/api/ws")
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if resp.StatusCode != 401 && resp.StatusCode != 400 && resp.StatusCode != 426 {
		t.Errorf("no upgrade: %s", resp.Status)
	}
}
