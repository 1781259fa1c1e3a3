package native_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/internal/blob/fs"
	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/dialect/native"
	"parley/internal/hub"
	"parley/internal/ops"
	"parley/internal/scan"
	"parley/internal/state/inproc"
	"parley/internal/store/sqlstore"
	"parley/internal/ws"
)

// server is the whole native dialect over a real core and store in a directory of the test, behind a real listener. Its
// clock moves only when the test says so.
type server struct {
	*testing.T // the test, or the part of it, that asks
	*parts
}

type parts struct {
	url     string
	core    *core.Core
	dialect *native.Dialect
	log     *syncBuffer

	mu  sync.Mutex
	now time.Time
}

// setting is what a test may change before its server starts.
type setting struct {
	core   core.Options
	native native.Options
}

// newServer starts a server without limits on how often one may do things; change what the test is about.
func newServer(t *testing.T, change ...func(*setting)) *server {
	t.Helper()
	s := &server{t, &parts{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), log: &syncBuffer{}}}
	dir := t.TempDir()
	logger := slog.New(slog.NewTextHandler(s.log, nil))
	blobs := fs.New(filepath.Join(dir, "blobs"))
	volatile := inproc.New(inproc.Options{Now: s.clock})
	store := sqlstore.New(sqlstore.Options{Path: filepath.Join(dir, "chat.db"), Synchronous: "off", Clock: s.clock})
	middleware := ops.Middleware{Log: logger, Metrics: ops.NewMetrics("test")}
	set := setting{
		core: core.Options{
			Store: store, State: volatile, Blobs: blobs, Clock: s.clock, TokenKey: bytes.Repeat([]byte{7}, 32), TempDir: dir, Logger: logger,
			Scanner: scan.NewBuiltin(scan.Options{}), ServerName: "Test",
			Limits: core.Limits{MessagesPer10s: -1, RegisterPerMinute: -1, LoginPerMinute: -1, UploadsPerMinute: -1, SearchPerMinute: -1, RequestsPerMinute: -1},
		},
		native: native.Options{Version: "test", Dialects: []string{"native"}, Logger: logger, Incident: middleware.Incident},
	}
	for _, fn := range change {
		fn(&set)
	}
	s.core = core.New(set.core)
	sockets := ws.New(ws.Options{Logger: logger})
	live := hub.New(s.core, sockets, hub.Options{Logger: logger, Clock: s.clock})
	set.native.Core, set.native.Sockets, set.native.Hub = s.core, sockets, live
	s.dialect = native.New(set.native)

	type part interface {
		Start(context.Context) error
		Stop(context.Context) error
	}
	for _, p := range []part{store, volatile, blobs, s.core, sockets, live} {
		if err := p.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { // the test's own context has ended by now
			if err := p.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	mux := http.NewServeMux()
	s.dialect.Routes(mux)
	listener := httptest.NewServer(middleware.Wrap(mux))
	t.Cleanup(listener.Close)
	s.url = listener.URL
	return s
}

func (s *parts) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// wait moves the clock.
func (s *parts) wait(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

const password = "correct horse battery"

// user registers somebody through the API.
func (s *server) user(name string) *client {
	s.Helper()
	c := &client{server: s}
	r := c.post("/auth/register", object{"username": name, "password": password}).want(201, "")
	c.token, c.id = r.text("token"), r.text("user.id")
	return c
}

// owner registers somebody and makes them the server's owner.
func (s *server) owner(name string) *client { return s.ranked(name, chat.RankOwner) }

func (s *server) ranked(name string, rank chat.Rank) *client {
	s.Helper()
	c := s.user(name)
	if _, err := s.core.SetRank(s.Context(), chat.Operator, chat.UserID(c.id), rank); err != nil {
		s.Fatal(err)
	}
	return c
}

// anyone is a client without a login.
func (s *server) anyone() *client { return &client{server: s} }

// client is one person, or nobody, at the API.
type client struct {
	*server
	token  string
	id     string
	header http.Header // sent with every request
}

type object map[string]any

// in returns the client for a part of the test.
func (c *client) in(t *testing.T) *client {
	d := *c
	d.server = &server{t, c.parts}
	return &d
}

// with returns the client with one more header.
func (c *client) with(name, value string) *client {
	d := *c
	if d.header = c.header.Clone(); d.header == nil {
		d.header = http.Header{}
	}
	d.header.Set(name, value)
	return &d
}

func (c *client) get(path string) *answer             { return c.do("GET", path, nil) }
func (c *client) post(path string, body any) *answer  { return c.do("POST", path, body) }
func (c *client) put(path string, body any) *answer   { return c.do("PUT", path, body) }
func (c *client) patch(path string, body any) *answer { return c.do("PATCH", path, body) }
func (c *client) delete(path string) *answer          { return c.do("DELETE", path, nil) }

// do sends a request below /api and holds the answer against the published reference. A string body is sent as it is.
func (c *client) do(method, path string, body any) *answer {
	c.Helper()
	var text io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		text = strings.NewReader(b)
	case []byte:
		text = bytes.NewReader(b)
	default:
		j, err := json.Marshal(b)
		if err != nil {
			c.Fatal(err)
		}
		text = bytes.NewReader(j)
	}
	req, err := http.NewRequestWithContext(c.Context(), method, c.url+"/api"+path, text)
	if err != nil {
		c.Fatal(err)
	}
	if text != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	for name, values := range c.header {
		req.Header[name] = values
	}
	return c.send(req)
}

var plainClient = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// send sends a request that the test made.
func (c *client) send(req *http.Request) *answer {
	c.Helper()
	resp, err := plainClient.Do(req)
	if err != nil {
		c.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		c.Fatal(err)
	}
	a := &answer{T: c.T, request: req.Method + " " + req.URL.RequestURI(), status: resp.StatusCode, header: resp.Header, body: b}
	checkResponse(c.T, req, resp, b)
	return a
}

// answer is what came back.
type answer struct {
	*testing.T
	request string
	status  int
	header  http.Header
	body    []byte
}

// want fails the test unless the answer has the status and, if it is an error, the code.
func (a *answer) want(status int, code string) *answer {
	a.Helper()
	got := ""
	if a.header.Get("Content-Type") == "application/problem+json" {
		got = a.text("code")
	}
	if a.status != status || got != code {
		a.Fatalf("%s: %d %s, want %d %s\n%s", a.request, a.status, got, status, code, clip(a.body))
	}
	return a
}

func clip(b []byte) []byte { return b[:min(len(b), 2000)] }

// value finds what stands at a path such as "messages.0.id" in the answer.
func (a *answer) value(path string) any {
	a.Helper()
	var v any
	if err := json.Unmarshal(a.body, &v); err != nil {
		a.Fatalf("%s: %v\n%s", a.request, err, clip(a.body))
	}
	for name := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			if v = x[name]; v == nil {
				if _, there := x[name]; !there {
					a.Fatalf("%s: there is no %s\n%s", a.request, path, clip(a.body))
				}
			}
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i >= len(x) {
				a.Fatalf("%s: there is no %s\n%s", a.request, path, clip(a.body))
			}
			v = x[i]
		default:
			a.Fatalf("%s: there is no %s\n%s", a.request, path, clip(a.body))
		}
	}
	return v
}

func (a *answer) text(path string) string {
	a.Helper()
	s, ok := a.value(path).(string)
	if !ok {
		a.Fatalf("%s: %s is no text\n%s", a.request, path, clip(a.body))
	}
	return s
}

// count is the length of a list.
func (a *answer) count(path string) int {
	a.Helper()
	list, ok := a.value(path).([]any)
	if !ok {
		a.Fatalf("%s: %s is no list\n%s", a.request, path, clip(a.body))
	}
	return len(list)
}

// is fails the test unless the value at path is want, compared as JSON.
func (a *answer) is(path string, want any) *answer {
	a.Helper()
	got, _ := json.Marshal(a.value(path))
	wanted, err := json.Marshal(want)
	if err != nil || !bytes.Equal(got, wanted) {
		a.Errorf("%s: %s is %s, want %s", a.request, path, got, wanted)
	}
	return a
}

// texts lists one field of each element of a list.
func (a *answer) texts(list, field string) []string {
	a.Helper()
	out := make([]string, a.count(list))
	for i := range out {
		out[i] = a.text(fmt.Sprintf("%s.%d.%s", list, i, field))
	}
	return out
}

// room makes a room and has people join it.
func (c *client) room(name, kind string, members ...*client) string {
	c.Helper()
	id := c.post("/rooms", object{"name": name, "type": kind}).want(201, "").text("id")
	for _, m := range members {
		if _, err := c.core.AddMember(c.Context(), chat.Operator, roomID(c.T, id), chat.UserID(m.id), chat.RoomMember); err != nil {
			c.Fatal(err)
		}
	}
	return id
}

// admin makes a member of the client's room an admin.
func (c *client) admin(room string, m *client) {
	c.Helper()
	c.patch("/rooms/"+room+"/members/"+m.id+"/role", object{"role": "admin"}).want(200, "")
}

// say sends a text and returns the message's id.
func (c *client) say(room, text string) string {
	c.Helper()
	return c.post("/rooms/"+room+"/messages", object{"content": text}).want(201, "").text("id")
}

func roomID(t *testing.T, s string) chat.RoomID {
	t.Helper()
	id, ok := chat.ParseRoomID(s)
	if !ok {
		t.Fatalf("%q is no room's id", s)
	}
	return id
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// syncBuffer is a log that the server writes while the test reads.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
