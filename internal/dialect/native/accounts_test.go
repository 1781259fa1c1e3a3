package native_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"parley/internal/core"
)

func TestAccounts(t *testing.T) {
	s := newServer(t)
	ada := s.user("Ada")
	nobody := s.anyone()

	me := ada.get("/auth/me").want(200, "")
	me.is("username", "Ada").is("display_name", "Ada").is("id", ada.id).is("email", "").is("settings", nil).is("rank", "member").is("bot", false).
		is("avatar_url", nil).is("last_seen_at", nil).is("created_at", "2026-03-01T12:00:00.000Z")

	nobody.post("/auth/register", object{"username": "ADA", "password": password}).want(409, "username_taken")
	r := nobody.post("/auth/login", object{"username": "aDa", "password": password}).want(200, "")
	r.is("user.id", ada.id).is("expires_at", "2026-03-02T12:00:00.000Z").is("room_id", nil)
	second := &client{server: s, token: r.text("token"), id: ada.id}

	list := second.get("/auth/sessions").want(200, "")
	if n := list.count("sessions"); n != 2 {
		t.Fatalf("%d sessions, want 2", n)
	}
	current, other := "", ""
	for _, v := range list.value("sessions").([]any) {
		v := v.(map[string]any)
		if v["current"] == true {
			current = v["id"].(string)
		} else {
			other = v["id"].(string)
		}
	}
	if current == "" || other == "" {
		t.Fatalf("one of the two is current: %s", list.body)
	}
	second.delete("/auth/sessions/"+other).want(204, "")
	ada.get("/auth/me").want(401, "token_invalid")
	second.delete("/auth/sessions/"+other).want(404, "session_not_found")
	second.delete("/auth/sessions/nonsense").want(404, "session_not_found")

	third := nobody.post("/auth/login", object{"username": "ada", "password": password}).want(200, "").text("token")
	second.post("/auth/password", object{"current_password": "wrong password", "new_password": "staple correct battery"}).want(403, "login_failed")
	second.post("/auth/password", object{"current_password": password, "new_password": "short"}).want(400, "password_invalid")
	second.post("/auth/password", object{"current_password": password, "new_password": "staple correct battery"}).want(204, "")
	second.get("/auth/me").want(200, "")
	(&client{server: s, token: third}).get("/auth/me").want(401, "token_invalid")
	nobody.post("/auth/login", object{"username": "ada", "password": password}).want(401, "login_failed")
	nobody.post("/auth/login", object{"username": "nobody", "password": password}).want(401, "login_failed")
	nobody.post("/auth/login", object{"username": "ada", "password": "staple correct battery"}).want(200, "")

	second.post("/auth/logout", nil).want(204, "")
	second.get("/auth/me").want(401, "token_invalid")
}

func TestTheDeviceOfALoginIsText(t *testing.T) {
	s := newServer(t)
	s.user("ada")
	for sent, want := range map[string]string{"Browser/1.0": "Browser/1.0", "a\xffb": "ab", strings.Repeat("x", 5000): strings.Repeat("x", 199) + "…"} {
		token := s.anyone().with("User-Agent", sent).post("/auth/login", object{"username": "ada", "password": password}).want(200, "").text("token")
		found := ""
		for _, v := range (&client{server: s, token: token}).get("/auth/sessions").want(200, "").value("sessions").([]any) {
			if v := v.(map[string]any); v["current"] == true {
				found = v["device"].(string)
			}
		}
		if found != want {
			t.Errorf("%.20q is kept as %q", sent, found)
		}
	}
}

func TestRegistrationIsCheckedFieldByField(t *testing.T) {
	s := newServer(t)
	for _, tc := range []struct {
		name string
		body object
		code string
	}{
		{"no name", object{"password": password}, "username_invalid"},
		{"a short name", object{"username": "ab", "password": password}, "username_invalid"},
		{"a long name", object{"username": strings.Repeat("a", 21), "password": password}, "username_invalid"},
		{"a name with a space", object{"username": "a da", "password": password}, "username_invalid"},
		{"a name with letters of another script", object{"username": "аdа", "password": password}, "username_invalid"},
		{"a name of the server's own", object{"username": "everyone", "password": password}, "username_invalid"},
		{"no password", object{"username": "ada"}, "password_invalid"},
		{"a short password", object{"username": "ada", "password": "1234567"}, "password_invalid"},
		{"a password of a megabyte", object{"username": "ada", "password": strings.Repeat("a", 1_000_000)}, "password_invalid"},
		{"a display name that turns the text around", object{"username": "ada", "password": password, "display_name": "a\u202eb"}, "display_name_invalid"},
		{"an invisible display name", object{"username": "ada", "password": password, "display_name": "\u200b\u200b"}, "display_name_invalid"},
		{"a display name with a zero-width space", object{"username": "ada", "password": password, "display_name": "a\u200bb"}, "display_name_invalid"},
		{"a tower of marks", object{"username": "ada", "password": password, "display_name": "a" + strings.Repeat("\u0301", 20)}, "display_name_invalid"},
		{"a long display name", object{"username": "ada", "password": password, "display_name": strings.Repeat("a", 51)}, "display_name_invalid"},
		{"a number for a name", object{"username": 7, "password": password}, "field_invalid"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := s.anyone().in(t).post("/auth/register", tc.body).want(400, tc.code)
			if r.text("errors.0.field") == "" || r.text("detail") == "" {
				t.Errorf("the field and what is wrong should be named: %s", r.body)
			}
		})
	}
	s.anyone().post("/auth/register", object{"username": "ada", "password": password, "display_name": "Ada 👩‍🚀", "shoe_size": 38}).want(201, "").
		is("user.display_name", "Ada 👩‍🚀")
}

func TestRegistrationByInviteAndClosed(t *testing.T) {
	s := newServer(t, func(set *setting) { set.core.Registration = core.RegistrationInvite })
	s.anyone().post("/auth/register", object{"username": "ada", "password": password}).want(403, "invite_required")
	s.anyone().post("/auth/register", object{"username": "ada", "password": password, "invite": "NOSUCHCODE"}).want(403, "invite_invalid")
	token, err := s.core.SetupToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.anyone().post("/auth/setup", object{"token": token + "x", "username": "root", "password": password}).want(403, "setup_token_invalid")
	r := s.anyone().post("/auth/setup", object{"token": token, "username": "root", "password": password, "display_name": "Root"}).want(201, "")
	r.is("user.rank", "owner").is("user.display_name", "Root")
	s.anyone().post("/auth/setup", object{"token": token, "username": "root2", "password": password}).want(409, "setup_done")
	root := &client{server: s, token: r.text("token"), id: r.text("user.id")}

	code := root.post("/admin/invites", object{"max_uses": 1}).want(201, "").is("room", nil).is("created_by.username", "root").text("code")
	same(t, "invites to register", root.get("/admin/invites").want(200, "").texts("invites", "code"), []string{code})
	s.anyone().get("/invites/"+code).want(200, "").is("max_uses", 1).is("uses", 0)
	s.anyone().post("/auth/register", object{"username": "ada", "password": password, "invite": code}).want(201, "")
	s.anyone().post("/auth/register", object{"username": "bob", "password": password, "invite": code}).want(403, "invite_invalid")

	room := root.room("Den", "private")
	link := root.post("/rooms/"+room+"/invites", nil).want(201, "").text("code")
	stale := s.anyone().with("Cookie", "chat_session=of-a-login-that-ended")
	stale.get("/invites/"+link).want(200, "").is("room.name", "Den").is("room.id", room).is("created_by.username", "root")
	s.anyone().get("/server").want(200, "").is("registration", "invite").is("registration_by_room_invite", true)
	in := stale.post("/auth/register", object{"username": "cleo", "password": password, "invite": link}).want(201, "").is("room_id", room)
	cleo := &client{server: s, token: in.text("token")}
	same(t, "rooms of the new account", cleo.get("/rooms").want(200, "").texts("rooms", "id"), []string{room})

	closed := newServer(t, func(set *setting) { set.core.Registration = core.RegistrationClosed })
	closed.anyone().post("/auth/register", object{"username": "ada", "password": password}).want(403, "registration_closed")
	closed.anyone().get("/server").want(200, "").is("registration", "closed")
}

func TestTokensAreTakenOnlyAsTheyWereGiven(t *testing.T) {
	s := newServer(t)
	ada := s.user("ada")
	head, rest, _ := strings.Cut(ada.token, ".")
	claims, signature, _ := strings.Cut(rest, ".")
	code := func(v string) string { return base64.RawURLEncoding.EncodeToString([]byte(v)) }
	decoded, err := base64.RawURLEncoding.DecodeString(claims)
	if err != nil {
		t.Fatal(err)
	}
	var c map[string]any
	if err := json.Unmarshal(decoded, &c); err != nil {
		t.Fatal(err)
	}
	c["exp"] = c["exp"].(float64) + 3600
	later, _ := json.Marshal(c)
	for name, token := range map[string]string{
		"without a signature, by algorithm none": code(`{"alg":"none","typ":"JWT"}`) + "." + claims + ".",
		"by algorithm None":                      code(`{"alg":"None","typ":"JWT"}`) + "." + claims + "." + signature,
		"by another algorithm":                   code(`{"alg":"HS512","typ":"JWT"}`) + "." + claims + "." + signature,
		"by a key that it names itself":          code(`{"alg":"HS256","jwk":{"kty":"oct","k":"AAAA"}}`) + "." + claims + "." + signature,
		"with an expiry of its own":              head + "." + code(string(later)) + "." + signature,
		"without its signature":                  head + "." + claims,
		"that is empty":                          "x",
		"that is very long":                      strings.Repeat("a", 5000),
		"with a dot too many":                    ada.token + ".x",
	} {
		t.Run("a token "+name, func(t *testing.T) {
			r := (&client{server: s, token: token}).in(t).get("/auth/me").want(401, "token_invalid")
			if r.header.Get("WWW-Authenticate") == "" {
				t.Error("401 should name the way to log in")
			}
		})
	}
	s.anyone().with("Authorization", "Basic YWRhOmFkYQ==").get("/auth/me").want(401, "token_invalid")
	s.anyone().with("Authorization", "bearer "+ada.token).get("/auth/me").want(200, "")
	s.anyone().get("/auth/me?token="+ada.token).want(401, "token_invalid")
	s.wait(24*time.Hour - time.Second)
	ada.get("/auth/me").want(200, "")
	s.wait(2 * time.Second)
	ada.get("/auth/me").want(401, "token_invalid")
}

func TestTheCookieIsForPagesOfThisServerOnly(t *testing.T) {
	s := newServer(t, func(set *setting) {
		set.native.PublicURL, set.native.Origins = "https://chat.example.org", []string{"https://friend.example.org"}
	})
	s.user("ada")
	login := object{"username": "ada", "password": password}
	cookieOf := func(a *answer) *http.Cookie {
		t.Helper()
		for _, c := range (&http.Response{Header: a.header}).Cookies() {
			return c
		}
		return nil
	}
	k := cookieOf(s.anyone().post("/auth/login", login).want(200, ""))
	if k == nil || !k.HttpOnly || k.Secure || k.SameSite != http.SameSiteLaxMode || k.Path != "/" {
		t.Fatalf("cookie %+v", k)
	}
	browser := s.anyone().with("Cookie", k.Name+"="+k.Value)
	browser.get("/auth/me").want(200, "").is("username", "ada")
	change := object{"bio": "x"}
	for _, tc := range []struct {
		name, header, value string
		status              int
		code                string
	}{
		{"a client that is no browser", "User-Agent", "curl", 200, ""},
		{"our own page", "Sec-Fetch-Site", "same-origin", 200, ""},
		{"a page of another site", "Sec-Fetch-Site", "cross-site", 403, "cross_site"},
		{"a page of a neighbour", "Sec-Fetch-Site", "same-site", 403, "cross_site"},
		{"an old browser on our page", "Origin", s.url, 200, ""},
		{"an old browser on another page", "Origin", "https://evil.example.org", 403, "cross_site"},
		{"a page without an origin", "Origin", "null", 403, "cross_site"},
		{"our page behind a proxy", "Origin", "https://chat.example.org", 200, ""},
		{"a page of a site that the operator named", "Origin", "https://friend.example.org", 200, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			browser.in(t).with(tc.header, tc.value).patch("/users/me", change).want(tc.status, tc.code)
		})
	}
	browser.with("Sec-Fetch-Site", "cross-site").get("/auth/me").want(200, "") // reading is the business of CORS

	if c := cookieOf(s.anyone().with("Sec-Fetch-Site", "cross-site").post("/auth/login", login).want(200, "")); c != nil {
		t.Error("a page of another site logged its visitor in")
	}
	gone := cookieOf(browser.post("/auth/logout", nil).want(204, ""))
	if gone == nil || gone.MaxAge >= 0 || gone.Value != "" {
		t.Errorf("logging out leaves the cookie %+v", gone)
	}
	browser.get("/auth/me").want(401, "token_invalid")
}

func TestLoginAttemptsAreLimitedByAddress(t *testing.T) {
	s := newServer(t, func(set *setting) { set.core.Limits.LoginPerMinute, set.core.Limits.RegisterPerMinute = 2, 1 })
	s.user("ada")
	wrong := object{"username": "ada", "password": "wrong password"}
	s.anyone().post("/auth/login", wrong).want(401, "login_failed")
	s.anyone().post("/auth/login", wrong).want(401, "login_failed")
	r := s.anyone().post("/auth/login", wrong).want(429, "rate_limited")
	if r.header.Get("Retry-After") == "" {
		t.Error("429 should say when to try again")
	}
	s.anyone().post("/auth/register", object{"username": "bob", "password": password}).want(429, "rate_limited")
	s.wait(time.Minute)
	s.anyone().post("/auth/login", object{"username": "ada", "password": password}).want(200, "")
}

func TestDeletingTheOwnAccountNeedsThePassword(t *testing.T) {
	s := newServer(t)
	ada, bob := s.user("ada"), s.user("bob")
	room := ada.room("Engines", "public", bob)
	id := ada.say(room, "I was here")
	ada.do("DELETE", "/users/me", object{"password": "wrong password"}).want(400, "password_wrong")
	ada.do("DELETE", "/users/me", object{}).want(400, "password_wrong")
	ada.do("DELETE", "/users/me", nil).want(400, "body_missing")
	if n := ada.get("/auth/sessions").want(200, "").count("sessions"); n != 1 {
		t.Errorf("checking the password left %d logins", n)
	}
	ada.do("DELETE", "/users/me", object{"password": password}).want(204, "")
	ada.get("/auth/me").want(401, "token_invalid")
	bob.get("/users/"+ada.id).want(404, "user_not_found")
	bob.get("/messages/"+id).want(200, "").is("content", "I was here").is("sender", nil)
	bob.get("/rooms/"+room).want(200, "").is("me.role", "owner")
}
