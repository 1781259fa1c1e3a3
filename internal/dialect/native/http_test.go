package native_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"parley/internal/core"
	"parley/internal/dialect/native"
)

func TestWhatIsNotThereIsAProblemToo(t *testing.T) {
	s := newServer(t)
	ada := s.user("ada")
	for _, path := range []string{"/", "/nothing", "/rooms/", "/rooms/1/nothing", "/auth", "/openapi.yaml", "/schemas/User.json"} {
		ada.get(path).want(404, "route_not_found")
	}
	for route, allow := range map[string]string{
		"PATCH /rooms": "GET, HEAD, POST", "PUT /auth/login": "POST", "POST /rooms/1": "GET, HEAD, PUT, DELETE", "DELETE /rooms/by-slug/x": "GET, HEAD", "POST /ws": "GET, HEAD",
	} {
		method, path, _ := strings.Cut(route, " ")
		if got := ada.do(method, path, nil).want(405, "method_not_allowed").header.Get("Allow"); got != allow {
			t.Errorf("%s: Allow is %q, want %q", route, got, allow)
		}
	}
	if a := ada.do("OPTIONS", "/rooms", nil); a.status != 204 || a.header.Get("Allow") != "GET, HEAD, POST" {
		t.Errorf("OPTIONS: %d %q", a.status, a.header.Get("Allow"))
	}
	if a := ada.do("BREW", "/rooms", nil); a.status != 405 {
		t.Errorf("an unknown method: %d", a.status)
	}
}

func TestBodiesAreChecked(t *testing.T) {
	s := newServer(t, func(set *setting) { set.native.BodyBytes = 10_000 })
	ada := s.user("ada")
	post := func(body any) *answer { return ada.post("/rooms", body) }
	room := `{"name":"x","type":"public"}`
	for _, tc := range []struct {
		name, body string
		status     int
		code       string
	}{
		{"nothing", "", 400, "body_missing"},
		{"blanks", "  ", 400, "json_invalid"},
		{"half an object", `{"name":`, 400, "json_invalid"},
		{"two objects", room + room, 400, "json_invalid"},
		{"a text", `"x"`, 400, "field_invalid"},
		{"a list", `[]`, 400, "field_invalid"},
		{"null", `null`, 400, "room_name_invalid"},
		{"a name twice", `{"name":"x","name":"y","type":"public"}`, 400, "json_duplicate_name"},
		{"a deep nest", strings.Repeat(`{"a":`, 33) + "1" + strings.Repeat("}", 33), 400, "json_too_deep"},
		{"five thousand brackets", strings.Repeat("[", 5000), 400, "json_too_deep"},
		{"a number beyond all", `{"name":"x","type":"public","position":1e999}`, 400, "json_number_invalid"},
		{"a number beyond an integer", `{"name":"x","type":"public","position":99999999999999999999}`, 400, "field_invalid"},
		{"a fraction", `{"name":"x","type":"public","position":0.5}`, 400, "field_invalid"},
		{"invalid UTF-8", "{\"name\":\"\xff\",\"type\":\"public\"}", 400, "json_text_invalid"},
		{"a NUL", `{"name":"a\u0000b","type":"public"}`, 400, "json_text_invalid"},
		{"a lone surrogate", `{"name":"\ud800","type":"public"}`, 400, "json_text_invalid"},
		{"a NUL in a field that nobody knows", `{"name":"x","type":"public","zzz":"\u0000"}`, 400, "json_text_invalid"},
		{"a byte more than the limit", room + strings.Repeat(" ", 10_001-len(room)), 413, "body_too_large"},
		{"exactly the limit", room + strings.Repeat(" ", 10_000-len(room)), 201, ""},
		{"fields that nobody knows", `{"name":"x","type":"private","future":{"a":[1]}}`, 201, ""},
	} {
		t.Run(tc.name, func(t *testing.T) { ada.in(t).post("/rooms", tc.body).want(tc.status, tc.code) })
	}
	for kind, status := range map[string]int{
		"application/json": 201, "application/json; charset=utf-8": 201, "Application/JSON;charset=UTF-8": 201, "": 201,
		"application/json; charset=latin1": 415, "text/plain": 415, "application/x-www-form-urlencoded": 415, "multipart/form-data; boundary=x": 415, "application/xml": 415, "nonsense/": 415,
	} {
		if a := ada.with("Content-Type", kind).post("/rooms", `{"name":"x","type":"private"}`); a.status != status {
			t.Errorf("%q is answered %d, want %d", kind, a.status, status)
		}
	}
	a := post(`{"name":1,"type":"public"}`).want(400, "field_invalid")
	a.is("errors.0.field", "name").is("status", 400).is("title", "Bad Request").is("type", "about:blank")
	if a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("errors may be kept: %v", a.header)
	}
	ada.with("Content-Encoding", "gzip").post("/rooms", "\x1f\x8b\x08").want(400, "json_invalid")
}

func TestAnswersAreJSONAlone(t *testing.T) {
	s := newServer(t)
	ada := s.user("ada")
	for _, accept := range []string{"", "*/*", "application/json", "application/cbor", "text/html", "nonsense", "application/json;q=0"} {
		a := ada.with("Accept", accept).get("/auth/me").want(200, "")
		if got := a.header.Get("Content-Type"); got != "application/json" {
			t.Errorf("Accept %q: %q", accept, got)
		}
		if strings.Contains(string(a.body), "$schema") || a.header.Get("Link") != "" {
			t.Errorf("links to a schema: %s %v", a.body, a.header)
		}
		if a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("Cache-Control %q", a.header.Get("Cache-Control"))
		}
	}
	room := ada.room("<Engines & more>", "public")
	if a := ada.get("/rooms/"+room).want(200, ""); !strings.Contains(string(a.body), "<Engines & more>") {
		t.Errorf("characters are escaped for no reason: %s", a.body)
	}
	if a := ada.do("HEAD", "/auth/me", nil); a.status != 200 || len(a.body) != 0 {
		t.Errorf("HEAD: %d, %q", a.status, a.body)
	}
}

func TestAFaultOfOursIsAnIncident(t *testing.T) {
	s := newServer(t)
	ada := s.user("ada")
	stopped := newServer(t)
	eve := stopped.user("eve")
	if err := stopped.core.Store.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	a := eve.get("/users/me/blocks")
	switch a.status {
	case 503:
		a.want(503, "unavailable")
		if a.header.Get("Retry-After") == "" {
			t.Error("503 should say when to try again")
		}
	case 500:
		id := a.text("incident")
		if !strings.Contains(stopped.log.String(), id) || strings.Contains(string(a.body), "sql") {
			t.Errorf("the client is told the id, the log the rest: %s", a.body)
		}
	default:
		t.Errorf("without its store the server answers %d", a.status)
	}
	ada.get("/users/me/blocks").want(200, "")
}

func TestTheServerTellsWhatItCanDo(t *testing.T) {
	s := newServer(t, func(set *setting) {
		set.core.Limits.EditWindow, set.core.ServerDescription = -1, "A place"
		set.native.Dialects = []string{"native", "portal"}
	})
	r := s.anyone().get("/server").want(200, "")
	r.is("name", "Test").is("description", "A place").is("version", "test").is("registration", "open").is("dialects", []string{"native", "portal"}).
		is("websocket", "/api/ws").is("limits.content_characters", core.MaxContent).is("limits.attachment_bytes", 10<<20).is("limits.messages_per_10s", nil).
		is("limits.edit_window_seconds", nil).is("limits.body_bytes", 1<<20).is("push", false).is("heartbeat_ms", 30_000)
}

func TestTheReferenceIsServed(t *testing.T) {
	s := newServer(t)
	a := s.anyone().get("/openapi.json").want(200, "").is("openapi", "3.1.0").is("servers.0.url", "/api")
	if a.count("x-error-codes") != len(native.Codes()) {
		t.Error("the list of error codes is not whole")
	}
	for _, path := range []string{"/docs", "/docs/websocket"} {
		page := s.anyone().get(path).want(200, "")
		policy := page.header.Get("Content-Security-Policy")
		if page.header.Get("Content-Type") != "text/html; charset=utf-8" || !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: %v", path, page.header)
		}
		if regexp.MustCompile(`(?i)<script|\bon\w+=|src=|style="|href="https?://[^e]`).Match(page.body) {
			t.Errorf("%s uses what its policy refuses", path)
		}
		_, style, _ := bytes.Cut(page.body, []byte("<style>"))
		style, _, _ = bytes.Cut(style, []byte("</style>"))
		sum := sha256.Sum256(style)
		if !strings.Contains(policy, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") {
			t.Errorf("%s has a style that its policy refuses", path)
		}
	}
	docs := s.anyone().get("/docs").body
	for _, c := range native.Codes() {
		if !bytes.Contains(docs, []byte("<code>"+c.Code+"</code>")) {
			t.Errorf("the page does not list %s", c.Code)
		}
	}
	for _, want := range []string{"/api/rooms/{id}/messages", "POST", "/api/docs/websocket", "Send a message"} {
		if !bytes.Contains(docs, []byte(want)) {
			t.Errorf("the page does not show %q", want)
		}
	}
}

// Everything but the ways in needs a login.
func TestEveryOperationNeedsALoginButTheWaysIn(t *testing.T) {
	s := newServer(t)
	open := map[string]bool{
		"POST /auth/login": true, "POST /auth/register": true, "POST /auth/setup": true, "GET /server": true, "GET /invites/{code}": true,
		"GET /avatars/{name}": true, "GET /previews/{name}": true, "GET /emoji/pictures/{name}": true, "GET /openapi.json": true, "GET /docs": true, "GET /docs/websocket": true,
	}
	variable := regexp.MustCompile(`\{\w+\}`)
	for path, item := range at(published().doc, "paths") {
		for method, op := range at(item) {
			operation := strings.ToUpper(method) + " " + path
			if _, secured := at(op)["security"]; secured == open[operation] && operation != "GET /ws" && operation != "GET /invites/{code}" {
				t.Errorf("%s: the reference says the wrong thing about logging in", operation)
			}
			if open[operation] {
				continue
			}
			for _, c := range []*client{s.anyone(), {server: s, token: "nonsense"}, s.anyone().with("Cookie", "chat_session=nonsense")} {
				c.do(strings.ToUpper(method), variable.ReplaceAllString(path, "1"), nil).want(401, "token_invalid")
			}
		}
	}
}

func TestManyPeopleAtOnce(t *testing.T) {
	s := newServer(t)
	ada, bob := s.user("ada"), s.user("bob")
	room := ada.room("Engines", "public", bob)
	done := make(chan struct{})
	for i, c := range []*client{ada, bob, ada, bob} {
		go func() {
			defer func() { done <- struct{}{} }()
			for n := range 10 {
				body := strings.NewReader(fmt.Sprintf(`{"content":"%d from %d","nonce":"%d"}`, n, i, n))
				req, err := http.NewRequestWithContext(t.Context(), "POST", s.url+"/api/rooms/"+room+"/messages", body)
				if err != nil {
					t.Error(err)
					return
				}
				req.Header.Set("Authorization", "Bearer "+c.token)
				resp, err := plainClient.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				_ = resp.Body.Close()
				if resp.StatusCode != 201 && resp.StatusCode != 200 {
					t.Errorf("answered %d", resp.StatusCode)
				}
			}
		}()
	}
	for range 4 {
		<-done
	}
	// Two people, ten nonces each: every nonce was stored once, though each was sent twice.
	if n := ada.get("/rooms/"+room+"/messages?limit=100").want(200, "").count("messages"); n != 20+systemMessages(ada, room) {
		t.Errorf("%d messages, want 20 and the system's", n)
	}
}

func systemMessages(c *client, room string) (n int) {
	c.Helper()
	for _, kind := range c.get("/rooms/"+room+"/messages?limit=100").want(200, "").texts("messages", "type") {
		if kind == "system" {
			n++
		}
	}
	return n
}
