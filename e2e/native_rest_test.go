package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
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
	a := newAPI(t, append([]string{"PARLEY_PUSH_SUBJECT=admin@example.org"}, noLimits...)...)
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
	open := []string{"GET /server", "GET /docs", "GET /docs/websocket", "GET /openapi.json", "GET /avatars/{name}", "POST /auth/register", "POST /auth/login", "POST /auth/setup", "GET /invites/{code}"}
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
		"User": "id username display_name avatar_url? bio status status_message rank bot created_at last_seen_at?",
		"Room": "id slug? name description type form encrypted topic avatar_url? position# created_at created_by? owner_id? last_message_at? last_seq# member_count# archived me? | peer?",
		"Me":   "role joined_at last_read_seq# unread_count# mention_count# notify muted_until? | muted favourite",
		"Message": "id room_id seq# change_seq# type sender? content parent_id? thread? created_at edited_at? deleted pinned mentions reactions attachments links " +
			"| nonce* html*",
		"Thread":       "reply_count# last_reply_at?",
		"Reaction":     "emoji count# me",
		"Link":         "url title? description? image?",
		"Attachment":   "id filename size# mime_type width?# height?# url thumbnail_url? created_at scan",
		"Notification": "id type content room_id? message_id? actor? severity created_at read_at? expires_at? | title invite_code?",
		"Invite":       "code room? created_by? created_at expires_at? max_uses?# uses# revoked",
		"Receipt":      "user read_at",
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
		"Message.type": {"text", "image", "file", "system"}, "Attachment.scan": {"clean", "pending", "infected"},
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

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
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

func sending(t *testing.T, a *api) {
	p := a.people(t, 2)
	one, two := p[0], p[1]
	id := one.room("public")
	two.join(id)
	first := one.say(id, "  **Hello** @"+two.name()+" and @nobody_at_all, see <b>https://example.org/a</b>\n\n", obj{"nonce": "n-1"})
	first.is(obj{"room_id": id, "type": "text", "sender.id": one.ID, "content": "**Hello** @" + two.name() + " and @nobody_at_all, see <b>https://example.org/a</b>", "parent_id": nil, "thread": nil,
		"edited_at": nil, "deleted": false, "pinned": false, "mentions": []string{two.ID}, "reactions": []any{}, "attachments": []any{}, "nonce": "n-1"})
	if got := first.header.Get("Location"); got != "/api/messages/"+first.str("id") {
		t.Errorf("Location %q", got)
	}
	if first.num("seq") != first.num("change_seq") {
		t.Errorf("a new message has one number: %v", first)
	}
	equal(t, "the message read again", one.get("/messages/"+first.str("id")).want(200).val("content"), first.val("content"))
	if _, told := at(two.get("/messages/"+first.str("id")).want(200).json, "nonce"); told {
		t.Error("the nonce is told to others")
	}
	again := one.do("POST", "/rooms/"+id+"/messages", obj{"content": "something else", "nonce": "n-1"}).want(200)
	again.is(obj{"id": first.str("id"), "content": first.str("content"), "seq": first.num("seq")})
	two.say(id, "mine", obj{"nonce": "n-1"})
	other := one.room("public")
	if one.say(other, "elsewhere", obj{"nonce": "n-1"}).str("id") == first.str("id") {
		t.Error("a nonce is per room")
	}
	one.do("POST", "/rooms/"+id+"/messages", obj{"content": "x", "nonce": strings.Repeat("n", 65)}).fails(400, "nonce_invalid").names("nonce")
	one.say(id, "x", obj{"nonce": strings.Repeat("n", 64)})
	one.say(id, "x", obj{"nonce": ""})

	for _, bad := range []struct {
		in   obj
		code string
	}{
		{obj{"content": ""}, "content_empty"}, {obj{"content": " \n\t "}, "content_empty"}, {obj{}, "content_empty"}, {obj{"content": strings.Repeat("a", 10001)}, "content_too_long"},
		{obj{"content": strings.Repeat("🦊", 10001)}, "content_too_long"}, {obj{"content": 3}, "field_invalid"}, {obj{"content": nil}, "content_empty"},
	} {
		one.do("POST", "/rooms/"+id+"/messages", bad.in).fails(400, bad.code).names("content")
	}
	for _, good := range []string{"a", strings.Repeat("🦊", 10000), " " + strings.Repeat("é", 10000) + " ", "<script>alert(1)</script>", "👨‍👩‍👧‍👦", "שלום \u200f", "‮evil", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢"} {
		one.say(id, good).is(obj{"content": strings.TrimSpace(good)})
	}
	html := one.get("/messages/" + one.say(id, "<script>alert(1)</script> [x](javascript:alert(1)) **b** <img src=x onerror=alert(1)>").str("id") + "?render=html").want(200).str("html")
	for _, evil := range []string{"<script", `href="javascript:`, "<img"} {
		if strings.Contains(html, evil) {
			t.Errorf("unsafe html: %s", html)
		}
	}
	if !strings.Contains(html, "<strong>b</strong>") {
		t.Errorf("html: %s", html)
	}
	if _, there := at(one.get("/messages/"+first.str("id")).json, "html"); there {
		t.Error("html without being asked for")
	}

	elsewhere := one.say(other, "parent").str("id")
	for _, parent := range []string{elsewhere, "999999999", "nonsense", "-1", "9223372036854775808"} {
		one.do("POST", "/rooms/"+id+"/messages", obj{"content": "x", "parent_id": parent}).fails(404, "message_not_found", "parent_not_found")
	}
	gone := one.say(id, "short life").str("id")
	one.do("DELETE", "/messages/"+gone, nil).want(204)
	one.do("POST", "/rooms/"+id+"/messages", obj{"content": "x", "parent_id": gone}).fails(400, "parent_deleted")
	separator := one.room("public", obj{"form": "separator"})
	one.do("POST", "/rooms/"+separator+"/messages", obj{"content": "x"}).fails(403, "room_not_text", "send_forbidden")
	archived := one.room("public")
	one.do("PUT", "/rooms/"+archived, obj{"archived": true}).want(200).is(obj{"archived": true})
	one.do("POST", "/rooms/"+archived+"/messages", obj{"content": "x"}).fails(403, "room_archived")
}

func paging(t *testing.T, a *api) {
	one := a.client(t, a.someone(t))
	id, other := one.room("public"), one.room("public")
	one.get("/rooms/" + other + "/messages").want(200).is(obj{"messages": one.get("/rooms/" + other + "/messages").list("messages"), "has_before": false, "has_after": false})
	var ids []any
	for n := range 12 {
		ids = append(ids, one.say(id, fmt.Sprint(n)).val("id"))
	}
	base := "/rooms/" + id + "/messages"
	whole := one.get(base + "?limit=100").want(200)
	all := whole.each("messages", "id")
	if len(all) < 12 || !slices.Equal(all[len(all)-12:], ids) {
		t.Fatalf("oldest first: %v", whole)
	}
	seqs := whole.each("messages", "seq")
	for i := 1; i < len(seqs); i++ {
		if seqs[i].(float64) <= seqs[i-1].(float64) {
			t.Errorf("seq does not rise: %v", seqs)
		}
	}
	n := len(all)
	page := func(query string, want []any, before, after bool) {
		t.Helper()
		got := one.get(base + query).want(200)
		equal(t, query, got.each("messages", "id"), want)
		got.is(obj{"has_before": before, "has_after": after})
	}
	page("?limit=3", all[n-3:], true, false)
	page("?limit=3&before="+ids[9].(string), all[n-6:n-3], true, true)
	page("?limit=3&after="+ids[2].(string), all[n-9:n-6], true, true)
	page("?limit=5&after="+ids[9].(string), all[n-2:], true, false)
	page("?limit=5&after="+ids[11].(string), []any{}, true, false)
	page("?limit=100&before="+all[0].(string), []any{}, false, true)
	page("?limit=100&before="+all[1].(string), all[:1], false, true)
	page("?limit=5&around="+ids[6].(string), all[n-8:n-3], true, true)
	page("?limit=1&around="+ids[6].(string), all[n-6:n-5], true, true)
	page(fmt.Sprintf("?limit=%d", n), all, false, false)
	for _, query := range []string{"?limit=0", "?limit=101", "?limit=-1", "?limit=ten", "?limit=1e2", "?limit=99999999999999999999", "?limit="} {
		if ans := one.get(base + query); ans.status != 400 && query != "?limit=" {
			t.Errorf("want 400: %v", ans)
		}
	}
	elsewhere := one.say(other, "x").str("id")
	for _, query := range []string{"?before=nonsense", "?after=-1", "?around=999999999", "?before=" + elsewhere, "?around=" + elsewhere, "?before=" + ids[1].(string) + "&after=" + ids[2].(string)} {
		if ans := one.get(base + query); ans.status != 400 && ans.status != 404 {
			t.Errorf("want 400 or 404: %v", ans)
		}
	}
	one.do("DELETE", "/messages/"+ids[6].(string), nil).want(204)
	page("?limit=3&around="+ids[6].(string), all[n-7:n-4], true, true)
	page("?limit=2&before="+ids[6].(string), all[n-8:n-6], true, true)
	one.get(base + "?limit=2&render=html&unknown=1").want(200).str("messages.0.html")
}

func changesSince(t *testing.T, a *api) {
	one := a.client(t, a.someone(t))
	id := one.room("public")
	start := one.get("/rooms/" + id).num("last_seq")
	base := fmt.Sprintf("/rooms/%s/changes?since=", id)
	one.get(base + fmt.Sprint(start)).want(200).is(obj{"messages": []any{}, "last_seq": start, "truncated": false})
	m1, m2, m3 := one.say(id, "one").str("id"), one.say(id, "two").str("id"), one.say(id, "three").str("id")
	one.do("PUT", "/messages/"+m1, obj{"content": "one!"}).want(200)
	one.do("POST", "/messages/"+m2+"/reactions", obj{"emoji": "👍"}).want(201)
	one.do("PUT", "/messages/"+m1+"/pin", nil).want(200)
	one.do("DELETE", "/messages/"+m3, nil).want(204)
	got := one.get(base + fmt.Sprint(start)).want(200)
	equal(t, "one row per message, in the order of the last change", got.each("messages", "id"), []string{m2, m1, m3})
	equal(t, "numbers", got.each("messages", "change_seq"), []int64{start + 5, start + 6, start + 7})
	got.is(obj{"last_seq": start + 7, "truncated": false, "messages.0.seq": start + 2, "messages.1.content": "one!", "messages.1.pinned": true, "messages.2.deleted": true, "messages.2.content": "[deleted]"})
	one.get("/rooms/" + id).is(obj{"last_seq": start + 7})
	first := one.get(base + fmt.Sprint(start) + "&limit=2").want(200)
	equal(t, "a part", first.each("messages", "id"), []string{m2, m1})
	first.is(obj{"truncated": true})
	equal(t, "the rest", one.get(base+fmt.Sprint(start+6)+"&limit=2").want(200).each("messages", "id"), []string{m3})
	one.get(base + "0&limit=500").want(200)
	for _, bad := range []string{"0&limit=501", "0&limit=0", "-1", "x", "99999999999999999999"} {
		one.get(base + bad).want(400)
	}
	one.get(base + "999999").want(200).is(obj{"messages": []any{}})
}

func editing(t *testing.T, a *api) {
	p := a.people(t, 3)
	owner, two, three := p[0], p[1], p[2]
	id := owner.room("public")
	two.join(id)
	three.join(id)
	m := two.say(id, "helo").str("id")
	edited := two.do("PUT", "/messages/"+m, obj{"content": " hello "}).want(200).is(obj{"content": "hello", "seq": owner.get("/messages/" + m).num("seq")})
	edited.str("edited_at")
	if edited.num("change_seq") <= edited.num("seq") {
		t.Errorf("an edit takes a number: %v", edited)
	}
	owner.do("PUT", "/messages/"+m, obj{"content": "x"}).fails(403, "edit_forbidden")
	three.do("PUT", "/messages/"+m, obj{"content": "x"}).fails(403, "edit_forbidden")
	two.do("PUT", "/messages/"+m, obj{"content": " "}).fails(400, "content_empty").names("content")
	two.do("PUT", "/messages/"+m, obj{"content": strings.Repeat("x", 10001)}).fails(400, "content_too_long").names("content")
	two.do("PUT", "/messages/999999", obj{"content": "x"}).fails(404, "message_not_found")
	two.do("PUT", "/messages/nonsense", obj{"content": "x"}).fails(404, "message_not_found")
	two.do("POST", "/messages/"+m+"/reactions", obj{"emoji": "🔥"}).want(201)
	three.do("DELETE", "/messages/"+m, nil).fails(403, "delete_forbidden")
	owner.do("DELETE", "/messages/"+m, nil).want(204)
	two.get("/messages/" + m).want(200).is(obj{"deleted": true, "content": "[deleted]", "attachments": []any{}, "reactions": []any{}, "links": []any{}, "mentions": []any{}})
	two.do("PUT", "/messages/"+m, obj{"content": "back"}).want(409)
	two.do("POST", "/messages/"+m+"/reactions", obj{"emoji": "🔥"}).want(409)
	owner.do("PUT", "/messages/"+m+"/pin", nil).want(409)
	if ans := two.do("DELETE", "/messages/"+m, nil); ans.status != 204 && ans.status != 404 && ans.status != 409 {
		t.Errorf("deleting twice: %v", ans)
	}
	own := two.say(id, "mine").str("id")
	two.do("DELETE", "/messages/"+own, nil).want(204)
}

func pinsAndThreads(t *testing.T, a *api) {
	p := a.people(t, 2)
	owner, two := p[0], p[1]
	id := owner.room("public")
	two.join(id)
	m := owner.say(id, "root").str("id")
	two.do("PUT", "/messages/"+m+"/pin", nil).fails(403, "pin_forbidden")
	owner.do("PUT", "/messages/"+m+"/pin", nil).want(200).is(obj{"pinned": true})
	owner.do("PUT", "/messages/"+m+"/pin", nil).want(200)
	two.get("/rooms/" + id + "/pins").want(200).is(obj{"messages.0.id": m, "messages.0.pinned": true})
	two.do("DELETE", "/messages/"+m+"/pin", nil).fails(403, "pin_forbidden")
	owner.do("DELETE", "/messages/"+m+"/pin", nil).want(204)
	two.get("/rooms/" + id + "/pins").want(200).is(obj{"messages": []any{}})
	r1, r2 := two.say(id, "first", obj{"parent_id": m}), owner.say(id, "second", obj{"parent_id": m})
	r1.is(obj{"parent_id": m})
	equal(t, "the replies", two.get("/messages/"+m+"/thread").want(200).each("messages", "id"), []string{r1.str("id"), r2.str("id")})
	two.get("/messages/" + m).want(200).is(obj{"thread.reply_count": 2, "thread.last_reply_at": r2.str("created_at")})
	two.do("DELETE", "/messages/"+r1.str("id"), nil).want(204)
	// The thread of a reply is the one it is in; what was deleted keeps its place.
	equal(t, "the thread of a reply", two.get("/messages/"+r1.str("id")+"/thread").want(200).each("messages", "deleted"), []bool{true, false})
	nested := two.say(id, "third", obj{"parent_id": r2.str("id")}).is(obj{"parent_id": r2.str("id")}).str("id")
	equal(t, "a reply to a reply is in the thread", two.get("/messages/"+m+"/thread").each("messages", "id"), []string{r1.str("id"), r2.str("id"), nested})
	two.get("/messages/999999/thread").fails(404, "message_not_found")
}

func reactions(t *testing.T, a *api) {
	p := a.people(t, 3)
	one, two, outside := p[0], p[1], p[2]
	id := one.room("public")
	two.join(id)
	m := one.say(id, "react").str("id")
	base := "/messages/" + m + "/reactions"
	one.do("POST", base, obj{"emoji": "👍"}).want(201).is(obj{"reactions": []obj{{"emoji": "👍", "count": 1, "me": true}}})
	seq := one.get("/messages/" + m).num("change_seq")
	one.do("POST", base, obj{"emoji": "👍"}).want(200)
	two.do("POST", base, obj{"emoji": "👍"}).want(201).is(obj{"reactions": []obj{{"emoji": "👍", "count": 2, "me": true}}, "change_seq": seq + 1})
	two.do("POST", base, obj{"emoji": "👨‍👩‍👧‍👦"}).want(201)
	two.do("POST", base, obj{"emoji": "❤️"}).want(201)
	one.get("/messages/" + m).is(obj{"reactions": []obj{{"emoji": "👍", "count": 2, "me": true}, {"emoji": "👨‍👩‍👧‍👦", "count": 1, "me": false}, {"emoji": "❤️", "count": 1, "me": false}}})
	for _, bad := range []any{"", "a", "👍👍", "text", "👍 ", "\u200b", "<b>", nil, 5, strings.Repeat("👍", 1000), ":no such:", "\u202e"} {
		one.do("POST", base, obj{"emoji": bad}).want(400)
	}
	two.do("DELETE", base+"/"+url.PathEscape("👍"), nil).want(204)
	one.get("/messages/" + m).is(obj{"reactions.0": obj{"emoji": "👍", "count": 1, "me": true}})
	if ans := two.do("DELETE", base+"/"+url.PathEscape("👍"), nil); ans.status != 204 && ans.status != 404 {
		t.Errorf("taking back twice: %v", ans)
	}
	outside.do("POST", base, obj{"emoji": "👍"}).fails(403, "not_a_member")
	outside.do("DELETE", base+"/"+url.PathEscape("👍"), nil).fails(403, "not_a_member")
	crowd := one.say(id, "many").str("id")
	for _, e := range []rune("😀😁😂😃😄😅😆😇😈😉😊😋😌😍😎😏😐😑😒😓") {
		one.do("POST", "/messages/"+crowd+"/reactions", obj{"emoji": string(e)}).want(201)
	}
	one.do("POST", "/messages/"+crowd+"/reactions", obj{"emoji": "🎉"}).want(409)
	two.do("POST", "/messages/"+crowd+"/reactions", obj{"emoji": "😀"}).want(201)
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

func people(t *testing.T, a *api) {
	p := a.people(t, 2)
	one, two := p[0], p[1]
	word := a.name("Xylo")
	found := a.client(t, a.named(t, word))
	found.do("PATCH", "/users/me", obj{"display_name": "Quinoa Übermut", "bio": "I *like* it", "status": "busy", "status_message": "in a meeting", "rank": "owner", "username": "other"}).want(200).
		is(obj{"display_name": "Quinoa Übermut", "bio": "I *like* it", "status_message": "in a meeting", "rank": "member", "username": word})
	profile := one.get("/users/" + found.ID).want(200).is(obj{"username": word, "display_name": "Quinoa Übermut", "bio": "I *like* it", "status_message": "in a meeting"})
	for _, private := range []string{"email", "settings", "roles", "password"} {
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

// formFile sends one file to a path of its own.
func (c *client) formFile(method, path string, f file) *answer {
	c.t.Helper()
	boundary := "------------boundary"
	var b bytes.Buffer
	fmt.Fprintf(&b, "--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=%q\r\nContent-Type: %s\r\n\r\n%s\r\n--%s--\r\n", boundary, f.name, f.kind, f.content, boundary)
	return c.request(method, path, b.Bytes()).with("Content-Type", "multipart/form-data; boundary="+boundary).send()
}

// picture draws an image of a kind.
func picture(t *testing.T, kind string, width, height int) []byte {
	t.Helper()
	img := image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{color.White, color.RGBA{200, 30, 30, 255}})
	for x := range width {
		img.SetColorIndex(x, x*height/width, 1)
	}
	var b bytes.Buffer
	var err error
	switch kind {
	case "png":
		err = png.Encode(&b, img)
	case "jpg":
		err = jpeg.Encode(&b, img, nil)
	case "gif":
		err = gif.Encode(&b, img, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const pdf = "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"

func attachments(t *testing.T, a *api) {
	p := a.people(t, 3)
	one, two, outside := p[0], p[1], p[2]
	id := one.room("private")
	one.letIn(id, two)
	img := picture(t, "png", 800, 600)
	up := one.upload(file{"a cat.png", "image/png", img}, file{"paper.pdf", "application/pdf", []byte(pdf)}).want(201)
	up.is(obj{"attachments.0.filename": "a cat.png", "attachments.0.size": len(img), "attachments.0.mime_type": "image/png", "attachments.0.width": 800, "attachments.0.height": 600, "attachments.0.scan": "clean",
		"attachments.1.filename": "paper.pdf", "attachments.1.mime_type": "application/pdf", "attachments.1.width": nil, "attachments.1.height": nil, "attachments.1.thumbnail_url": nil})
	pic, doc := up.str("attachments.0.id"), up.str("attachments.1.id")
	path := strings.TrimPrefix(up.str("attachments.0.url"), "/api")
	thumb := strings.TrimPrefix(up.str("attachments.0.thumbnail_url"), "/api")
	if path != "/attachments/"+pic || thumb != path+"/thumbnail" {
		t.Errorf("addresses %q and %q", path, thumb)
	}
	one.get(path).want(200)
	two.get(path).want(404)
	two.do("POST", "/rooms/"+id+"/messages", obj{"attachments": []string{pic}}).want(400)
	m := one.do("POST", "/rooms/"+id+"/messages", obj{"content": "", "attachments": []string{pic}}).want(201).is(obj{"type": "image", "content": "", "attachments.0.id": pic})
	one.do("POST", "/rooms/"+id+"/messages", obj{"content": "the paper", "attachments": []string{doc}}).want(201).is(obj{"type": "file", "content": "the paper"})
	one.do("POST", "/rooms/"+id+"/messages", obj{"attachments": []string{pic}}).want(400)
	for _, bad := range []any{[]string{"nonsense"}, []string{"0199f0a4-7c1e-7a60-9d6b-2f6f0a9e3b11"}, []int{1}, "x", []string{""}} {
		one.do("POST", "/rooms/"+id+"/messages", obj{"content": "x", "attachments": bad}).want(400)
	}
	got := two.get(path).want(200)
	if !bytes.Equal(got.body, img) {
		t.Errorf("other bytes came back: %d of %d", len(got.body), len(img))
	}
	for name, want := range map[string]string{"Content-Type": "image/png", "X-Content-Type-Options": "nosniff", "Accept-Ranges": "bytes", "Content-Length": fmt.Sprint(len(img))} {
		if got.header.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, got.header.Get(name), want)
		}
	}
	if !strings.Contains(got.header.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("policy %q", got.header.Get("Content-Security-Policy"))
	}
	if d := two.get("/attachments/" + doc).want(200).header.Get("Content-Disposition"); !strings.HasPrefix(d, "attachment") || !strings.Contains(d, "paper.pdf") {
		t.Errorf("a document comes as %q", d)
	}
	etag := got.header.Get("ETag")
	two.request("GET", path, nil).with("If-None-Match", etag).send().want(304)
	two.request("GET", path, nil).with("If-None-Match", `"other"`).send().want(200)
	for r, want := range map[string][]byte{"bytes=0-9": img[:10], "bytes=10-": img[10:], "bytes=-5": img[len(img)-5:], "bytes=5-999999999": img[5:]} {
		part := two.request("GET", path, nil).with("Range", r).send().want(206)
		if !bytes.Equal(part.body, want) || !strings.HasSuffix(part.header.Get("Content-Range"), fmt.Sprintf("/%d", len(img))) {
			t.Errorf("%s: %d bytes, %q", r, len(part.body), part.header.Get("Content-Range"))
		}
	}
	two.request("GET", path, nil).with("Range", fmt.Sprintf("bytes=%d-", len(img))).send().want(416)
	small := two.get(thumb).want(200)
	if c, _, err := image.DecodeConfig(bytes.NewReader(small.body)); err != nil || c.Width >= 800 || c.Width*3 != c.Height*4 {
		t.Errorf("the thumbnail is %dx%d, %v", c.Width, c.Height, err)
	}
	two.get("/attachments/" + doc + "/thumbnail").want(404)
	for _, c := range []*client{outside, a.client(t, person{})} {
		want := 404 - 3*b2i(c.Token == "")
		c.get(path).want(want)
		c.get(thumb).want(want)
	}
	one.do("DELETE", "/rooms/"+id+"/members/"+two.ID, nil).want(204)
	two.get(path).want(404)
	two.get(thumb).want(404)
	one.do("DELETE", "/messages/"+m.str("id"), nil).want(204)
	one.get(path).want(404)
	one.get(thumb).want(404)

	for _, good := range []file{{"a.jpg", "image/jpeg", picture(t, "jpg", 10, 10)}, {"a.jpeg", "image/jpeg", picture(t, "jpg", 10, 10)}, {"a.gif", "image/gif", picture(t, "gif", 10, 10)}, {"a.pdf", "", []byte(pdf)}} {
		one.upload(good).want(201)
	}
	var eleven []string
	for range 11 {
		eleven = append(eleven, one.upload(file{"a.pdf", "application/pdf", []byte(pdf)}).want(201).str("attachments.0.id"))
	}
	one.do("POST", "/rooms/"+id+"/messages", obj{"attachments": eleven}).fails(400, "too_many_attachments")
	one.do("POST", "/rooms/"+id+"/messages", obj{"attachments": eleven[:10]}).want(201)
}

func search(t *testing.T, a *api) {
	p := a.people(t, 3)
	one, two, outside := p[0], p[1], p[2]
	room, secret := one.room("public", obj{"name": "Searched"}), one.room("private", obj{"name": "Secret"})
	two.join(room)
	word := strings.ReplaceAll(a.name("kumquat"), "_", "")
	before := one.say(room, "before it")
	hit := one.say(room, "A **"+word+"** marmalade, Übermäßig")
	next := two.say(room, "after it")
	link := two.say(room, word+" at https://example.org/x")
	up := two.upload(file{"a.pdf", "application/pdf", []byte(pdf)}).want(201).str("attachments.0.id")
	filed := two.say(room, word+" attached", obj{"attachments": []string{up}})
	hidden := one.say(secret, word+" in secret")
	gone := one.say(room, word+" to be gone").str("id")
	changed := one.say(room, word+" to be changed").str("id")
	one.do("DELETE", "/messages/"+gone, nil).want(204)
	one.do("PUT", "/messages/"+changed, obj{"content": "something else"}).want(200)
	ids := func(c *client, query string) []any {
		t.Helper()
		return c.get("/search?q="+query).want(200).each("hits", "message.id")
	}
	sorted := func(v []any) []string {
		var s []string
		for _, e := range v {
			s = append(s, e.(string))
		}
		slices.Sort(s)
		return s
	}
	expect := func(what string, got []any, want ...string) {
		t.Helper()
		slices.Sort(want)
		equal(t, what, sorted(got), want)
	}
	h, l, f, s := hit.str("id"), link.str("id"), filed.str("id"), hidden.str("id")
	expect("in all rooms of one", ids(one, word), h, l, f, s)
	expect("two is not in the secret room", ids(two, word), h, l, f)
	expect("outside is in neither", ids(outside, word))
	outside.get("/search?q="+word+"&room_id="+secret).fails(404, "room_not_found")
	if ans := outside.get("/search?q=" + word + "&room_id=" + room); ans.status == 200 && len(ans.list("hits")) > 0 {
		t.Errorf("a stranger to a public room reads it: %v", ans)
	}
	expect("in a room", ids(one, word+"&room_id="+secret), s)
	expect("from a sender", ids(one, word+"&from="+two.ID), l, f)
	expect("with links", ids(one, word+"&has=links"), l)
	expect("with attachments", ids(one, word+"&has=attachments"), f)
	expect("with both", ids(one, word+"&has=attachments,links"))
	expect("without a word", ids(one, "&has=links&room_id="+room), l)
	// Dates, by the messages' own times: they differ by milliseconds.
	expect("after", ids(one, word+"&room_id="+room+"&after="+url.QueryEscape(link.str("created_at"))), l, f)
	expect("before", ids(one, word+"&room_id="+room+"&before="+url.QueryEscape(link.str("created_at"))), h)
	expect("a day ahead", ids(one, word+"&after="+url.QueryEscape(time.Now().Add(48*time.Hour).UTC().Format("2006-01-02"))))
	expect("case and accents", ids(one, "uberMASSIG+"+word[:7]+"*"), h)
	expect("a phrase", ids(one, url.QueryEscape(`"`+word+` marmalade"`)), h)
	expect("excluding", ids(one, url.QueryEscape(word+" -marmalade -secret -attached")), l)
	expect("deleted content is gone", ids(one, url.QueryEscape(word+" gone")))
	expect("edited content is gone", ids(one, url.QueryEscape(word+" changed")))
	one.get("/search?q=" + word + "&room_id=" + room + "&from=" + one.ID).want(200).is(obj{"hits.0.message.id": h, "hits.0.previous.id": before.str("id"), "hits.0.next.id": next.str("id"), "hits.0.room.id": room})
	lit := one.get("/search?q=" + word + "&from=" + one.ID + "&room_id=" + room)
	from, to := lit.num("hits.0.highlights.0.start"), lit.num("hits.0.highlights.0.end")
	if content := []rune(lit.str("hits.0.message.content")); from < 0 || int(to) > len(content) || string(content[from:to]) != word {
		t.Errorf("highlight %d to %d: %v", from, to, lit)
	}
	page := one.get("/search?limit=2&q=" + word).want(200)
	rest := one.get("/search?limit=2&q=" + word + "&cursor=" + url.QueryEscape(page.str("next_cursor"))).want(200)
	expect("two pages", append(page.each("hits", "message.id"), rest.each("hits", "message.id")...), h, l, f, s)
	if page.num("total_estimate") < 4 {
		t.Errorf("estimate: %v", page)
	}
	for _, bad := range []string{"", "q=", "q=" + word + "&has=everything", "q=" + word + "&after=yesterday", "q=" + word + "&limit=101", "q=" + word + "&cursor=x", "q=" + strings.Repeat("x", 5000)} {
		if ans := one.get("/search?" + bad); ans.status != 400 {
			t.Errorf("want 400: %v", ans)
		}
	}
	one.get("/search?q=" + word + "&from=nonsense").want(200).is(obj{"hits": []any{}})
	for _, odd := range []string{`"`, `""`, `*`, `-`, `AND OR NOT`, `a" OR "b`, `NEAR(a b)`, `content:x`, `'; DROP TABLE messages; --`, "\u0000", `(((`, `^a`, `{a b}: c`, `🦊`} {
		if ans := one.get("/search?q=" + url.QueryEscape(odd)); ans.status != 200 && ans.status != 400 {
			t.Errorf("%q: %v", odd, ans)
		}
	}
	// Who leaves a room no longer finds what is in it.
	two.do("POST", "/rooms/"+room+"/leave", nil).want(204)
	expect("after leaving", ids(two, word))
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
