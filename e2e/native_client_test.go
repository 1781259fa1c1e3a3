package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// obj is a JSON object.
type obj = map[string]any

// api is a server whose every answer is held against the document it publishes.
type api struct {
	*server
	doc   obj
	owner person

	mu    sync.Mutex
	names int
	seen  map[string]bool // operations that answered with success
}

// noLimits are settings for tests that are not about limits.
var noLimits = []string{"PARLEY_LIMITS_MESSAGES_PER_10S=0", "PARLEY_LIMITS_REQUESTS_PER_MINUTE=0", "PARLEY_LIMITS_SEARCH_PER_MINUTE=0",
	"PARLEY_LIMITS_UPLOADS_PER_MINUTE=0", "PARLEY_LIMITS_CONNECTIONS_PER_USER=0"}

// newAPI starts a server and makes its owner with the link it prints.
func newAPI(t *testing.T, env ...string) *api {
	t.Helper()
	a := &api{server: newServer(t, env...), seen: make(map[string]bool)}
	if status := a.do("", "GET", "/api/openapi.json", nil, &a.doc); status != 200 {
		t.Fatalf("the document: status %d", status)
	}
	setup := a.client(t, person{}).do("POST", "/auth/setup", obj{"token": a.setupToken(t), "username": "owner", "password": "correct horse battery"}).want(201)
	a.owner = person{setup.str("user.id"), setup.str("token")}
	return a
}

func (a *api) setupToken(t *testing.T) string {
	t.Helper()
	link := regexp.MustCompile(`/setup#(\S+)`)
	a.until("the setup link is printed", func() bool { return link.MatchString(a.log.String()) })
	return link.FindStringSubmatch(a.log.String())[1]
}

// someone registers a person with a name nobody has.
func (a *api) someone(t *testing.T) person {
	t.Helper()
	return a.client(t, a.named(t, a.name("p"))).person
}

func (a *api) name(prefix string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.names++
	return fmt.Sprintf("%s_%04d", prefix, a.names)
}

func (a *api) named(t *testing.T, name string) person {
	t.Helper()
	in := a.client(t, person{}).do("POST", "/auth/register", obj{"username": name, "password": "correct horse battery"}).want(201)
	return person{in.str("user.id"), in.str("token")}
}

// people registers n of them.
func (a *api) people(t *testing.T, n int) []*client {
	t.Helper()
	all := make([]*client, n)
	for i := range all {
		all[i] = a.client(t, a.someone(t))
	}
	return all
}

// client is one person's way to the server within one test.
type client struct {
	person
	t   *testing.T
	api *api
}

func (a *api) client(t *testing.T, p person) *client { return &client{p, t, a} }

func (c *client) in(t *testing.T) *client { return &client{c.person, t, c.api} }

// answer is what came back.
type answer struct {
	t      *testing.T
	what   string
	status int
	header http.Header
	body   []byte
	json   any
}

// request is one before it is sent; header and raw body can be changed.
type request struct {
	c      *client
	method string
	path   string
	header http.Header
	body   []byte
}

func (c *client) request(method, path string, in any) *request {
	c.t.Helper()
	r := &request{c: c, method: method, path: path, header: make(http.Header)}
	if c.Token != "" {
		r.header.Set("Authorization", "Bearer "+c.Token)
	}
	switch in := in.(type) {
	case nil:
	case []byte:
		r.body = in
		r.header.Set("Content-Type", "application/json")
	default:
		text, err := json.Marshal(in)
		if err != nil {
			c.t.Fatal(err)
		}
		r.body = text
		r.header.Set("Content-Type", "application/json")
	}
	return r
}

func (r *request) with(name, value string) *request {
	r.header.Set(name, value)
	return r
}

func (c *client) do(method, path string, in any) *answer {
	c.t.Helper()
	return c.request(method, path, in).send()
}

func (c *client) get(path string) *answer {
	c.t.Helper()
	return c.do("GET", path, nil)
}

func (r *request) send() *answer {
	r.c.t.Helper()
	req, err := http.NewRequest(r.method, "http://"+r.c.api.addr+"/api"+r.path, bytes.NewReader(r.body))
	if err != nil {
		r.c.t.Fatal(err)
	}
	if r.body == nil {
		req.Body = nil
	}
	req.Header = r.header
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		r.c.t.Fatalf("%s %s: %v", r.method, r.path, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.c.t.Fatalf("%s %s: %v", r.method, r.path, err)
	}
	a := &answer{t: r.c.t, what: fmt.Sprintf("%s %s %s", r.method, r.path, clip(r.body)), status: resp.StatusCode, header: resp.Header, body: body}
	if strings.Contains(resp.Header.Get("Content-Type"), "json") {
		if err := json.Unmarshal(body, &a.json); err != nil {
			r.c.t.Fatalf("%s: %v in %s", a.what, err, clip(body))
		}
	}
	r.c.api.check(r, a)
	return a
}

func (a *answer) String() string {
	return fmt.Sprintf("%s: %d %s", a.what, a.status, a.body[:min(len(a.body), 600)])
}

func (a *answer) want(status int) *answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("want %d: %v", status, a)
	}
	return a
}

// fails expects a problem with one of the codes.
func (a *answer) fails(status int, codes ...string) *answer {
	a.t.Helper()
	if a.status != status || !slices.Contains(codes, a.str("code")) {
		a.t.Errorf("want %d %v: %v", status, codes, a)
	}
	return a
}

// names expects that the problem says which field is at fault.
func (a *answer) names(field string) *answer {
	a.t.Helper()
	for _, e := range a.list("errors") {
		if e.(obj)["field"] == field {
			return a
		}
	}
	a.t.Errorf("no error of the field %q: %v", field, a)
	return a
}

// at reads a value by its dotted path; a number picks from a list.
func at(v any, path string) (any, bool) {
	for _, key := range strings.Split(path, ".") {
		switch in := v.(type) {
		case obj:
			next, ok := in[key]
			if !ok {
				return nil, false
			}
			v = next
		case []any:
			n, err := strconv.Atoi(key)
			if err != nil || n >= len(in) {
				return nil, false
			}
			v = in[n]
		default:
			return nil, false
		}
	}
	return v, true
}

func (a *answer) val(path string) any {
	a.t.Helper()
	v, ok := at(a.json, path)
	if !ok {
		a.t.Fatalf("no %s: %v", path, a)
	}
	return v
}

func (a *answer) str(path string) string {
	a.t.Helper()
	s, ok := a.val(path).(string)
	if !ok {
		a.t.Fatalf("%s is no string: %v", path, a)
	}
	return s
}

func (a *answer) num(path string) int64 {
	a.t.Helper()
	n, ok := a.val(path).(float64)
	if !ok {
		a.t.Fatalf("%s is no number: %v", path, a)
	}
	return int64(n)
}

func (a *answer) list(path string) []any {
	a.t.Helper()
	l, ok := a.val(path).([]any)
	if !ok {
		a.t.Fatalf("%s is no list: %v", path, a)
	}
	return l
}

// each collects one value of every element of a list.
func (a *answer) each(list, path string) []any {
	a.t.Helper()
	all := []any{}
	for _, e := range a.list(list) {
		v, ok := at(e, path)
		if !ok {
			a.t.Fatalf("no %s in an element of %s: %v", path, list, a)
		}
		all = append(all, v)
	}
	return all
}

// is expects values at dotted paths; numbers may be given as int.
func (a *answer) is(want obj) *answer {
	a.t.Helper()
	for path, w := range want {
		if got := a.val(path); !same(got, w) {
			a.t.Errorf("%s = %v, want %v: %v", path, got, w, a)
		}
	}
	return a
}

func same(got, want any) bool {
	g, _ := json.Marshal(got)
	w, _ := json.Marshal(want)
	return bytes.Equal(g, w)
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if !same(got, want) {
		g, _ := json.Marshal(got)
		w, _ := json.Marshal(want)
		t.Errorf("%s: got %s, want %s", what, g, w)
	}
}

// room makes one; more are further fields.
func (c *client) room(kind string, more ...obj) string {
	c.t.Helper()
	in := obj{"name": "The room", "type": kind}
	for _, m := range more {
		for k, v := range m {
			in[k] = v
		}
	}
	return c.do("POST", "/rooms", in).want(201).str("id")
}

func (c *client) direct(with *client) string {
	c.t.Helper()
	a := c.do("POST", "/rooms/direct", obj{"user_id": with.ID})
	if a.status != 200 && a.status != 201 {
		c.t.Fatal(a)
	}
	return a.str("id")
}

func (c *client) join(room string) {
	c.t.Helper()
	c.do("POST", "/rooms/"+room+"/join", nil).want(200)
}

func (c *client) say(room, content string, more ...obj) *answer {
	c.t.Helper()
	in := obj{"content": content}
	for _, m := range more {
		for k, v := range m {
			in[k] = v
		}
	}
	return c.do("POST", "/rooms/"+room+"/messages", in).want(201)
}

// letIn takes people into a private room by an invite.
func (c *client) letIn(room string, people ...*client) {
	c.t.Helper()
	code := c.do("POST", "/rooms/"+room+"/invites", obj{}).want(201).str("code")
	for _, p := range people {
		p.in(c.t).do("POST", "/invites/"+code+"/accept", nil).want(200)
	}
}

// file is one part of an upload.
type file struct {
	name, kind string
	content    []byte
}

func (c *client) upload(files ...file) *answer {
	c.t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, f := range files {
		h := textproto.MIMEHeader{}
		h.Set("Content-Disposition", `form-data; name="file"; filename="`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(f.name)+`"`)
		if f.kind != "" {
			h.Set("Content-Type", f.kind)
		}
		part, err := w.CreatePart(h)
		if err != nil {
			c.t.Fatal(err)
		}
		part.Write(f.content)
	}
	w.Close()
	r := c.request("POST", "/attachments/upload", b.Bytes())
	return r.with("Content-Type", w.FormDataContentType()).send()
}

// inSeconds is a time from now as it is written on the wire.
func inSeconds(n int) string {
	return time.Now().Add(time.Duration(n) * time.Second).UTC().Format("2006-01-02T15:04:05.000Z")
}
