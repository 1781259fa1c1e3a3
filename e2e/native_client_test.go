package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
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

// check holds an answer against the document: the operation is there, and has this status with this body.
func (a *api) check(r *request, ans *answer) {
	t := r.c.t
	t.Helper()
	if ans.status >= 500 {
		t.Errorf("the server is at fault: %v", ans)
	}
	if ans.status >= 400 {
		if got := ans.header.Get("Content-Type"); got != "application/problem+json" {
			t.Errorf("an error as %q: %v", got, ans)
			return
		}
		if ans.num("status") != int64(ans.status) || ans.str("type") == "" || ans.str("title") == "" || ans.str("detail") == "" || !snake.MatchString(ans.str("code")) {
			t.Errorf("no proper problem: %v", ans)
		}
		if ans.status == 429 && !digits.MatchString(ans.header.Get("Retry-After")) {
			t.Errorf("no Retry-After but %q: %v", ans.header.Get("Retry-After"), ans)
		}
		if ans.status == 401 && ans.header.Get("WWW-Authenticate") == "" {
			t.Errorf("401 without WWW-Authenticate: %v", ans)
		}
	}
	if ans.status == 204 && len(ans.body) != 0 {
		t.Errorf("204 with a body: %v", ans)
	}
	path, _, _ := strings.Cut(r.path, "?")
	template, op := a.operation(r.method, path)
	if op == nil {
		if ans.status != 404 && ans.status != 405 && ans.status != 400 {
			t.Errorf("an operation that the document does not have: %v", ans)
		}
		return
	}
	if ans.status < 300 {
		a.mu.Lock()
		a.seen[r.method+" "+template] = true
		a.mu.Unlock()
	}
	responses := op["responses"].(obj)
	response, ok := responses[strconv.Itoa(ans.status)].(obj)
	if !ok {
		t.Errorf("a status that the document does not have: %v", ans)
		return
	}
	if ans.status == 201 && !strings.HasPrefix(ans.header.Get("Location"), "/api/") {
		t.Errorf("201 with the Location %q: %v", ans.header.Get("Location"), ans)
	}
	if ans.status >= 400 {
		if description, _ := response["description"].(string); !codeWord(description, ans.str("code")) {
			t.Errorf("a code that the document does not have, it has %q: %v", description, ans)
		}
	}
	for kind, v := range asObj(response["content"]) {
		if strings.Contains(kind, "json") && ans.json != nil {
			if s := asObj(v.(obj)["schema"]); s != nil {
				for _, fault := range a.validate(s, ans.json, "") {
					t.Errorf("against the document: %s: %v", fault, ans)
				}
			}
		}
	}
}

var (
	snake    = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
	digits   = regexp.MustCompile(`^[1-9][0-9]*$`)
	moment   = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`)
	wireUUID = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
)

// everywhere are codes any operation may answer, which the document need not repeat.
var everywhere = []string{"rate_limited", "internal", "route_not_found"}

func codeWord(description, code string) bool {
	words := strings.FieldsFunc(description, func(r rune) bool { return !(r == '_' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9') })
	return slices.Contains(words, code) || slices.Contains(everywhere, code)
}

func asObj(v any) obj {
	o, _ := v.(obj)
	return o
}

// operation finds the document's entry for a path; a literal segment goes before a parameter.
func (a *api) operation(method, path string) (string, obj) {
	segments := strings.Split(path, "/")
	best, found, score := "", obj(nil), -1
	for template, item := range a.doc["paths"].(obj) {
		parts := strings.Split(template, "/")
		op := asObj(item.(obj)[strings.ToLower(method)])
		if len(parts) != len(segments) || op == nil {
			continue
		}
		literal := 0
		for i, p := range parts {
			if strings.HasPrefix(p, "{") {
				continue
			}
			if p != segments[i] {
				literal = -1
				break
			}
			literal++
		}
		if literal > score {
			best, found, score = template, op, literal
		}
	}
	return best, found
}

// validate is the part of JSON Schema that the document uses; a property that no schema names is a fault.
func (a *api) validate(schema obj, v any, where string) []string {
	if ref, ok := schema["$ref"].(string); ok {
		target, ok := at(a.doc, strings.ReplaceAll(strings.TrimPrefix(ref, "#/"), "/", "."))
		if !ok {
			return []string{where + ": the document lacks " + ref}
		}
		return a.validate(target.(obj), v, where)
	}
	for _, word := range []string{"anyOf", "oneOf"} {
		if options, ok := schema[word].([]any); ok {
			var faults []string
			for _, o := range options {
				f := a.validate(o.(obj), v, where)
				if len(f) == 0 {
					return nil
				}
				if o.(obj)["type"] != "null" {
					faults = f
				}
			}
			return faults
		}
	}
	var kind string
	switch v := v.(type) {
	case nil:
		kind = "null"
	case bool:
		kind = "boolean"
	case string:
		kind = "string"
	case float64:
		kind = "number"
		if v == float64(int64(v)) {
			kind = "integer"
		}
	case []any:
		kind = "array"
	case obj:
		kind = "object"
	}
	var kinds []string
	switch want := schema["type"].(type) {
	case string:
		kinds = []string{want}
	case []any:
		for _, w := range want {
			kinds = append(kinds, w.(string))
		}
	}
	if len(kinds) > 0 && !slices.Contains(kinds, kind) && !(kind == "integer" && slices.Contains(kinds, "number")) {
		return []string{fmt.Sprintf("%s is of type %s, want %v", where, kind, kinds)}
	}
	var faults []string
	if enum, ok := schema["enum"].([]any); ok && kind == "string" && !slices.Contains(enum, v) {
		faults = append(faults, fmt.Sprintf("%s: %q is none of %v", where, v, enum))
	}
	if schema["format"] == "date-time" && kind == "string" && !moment.MatchString(v.(string)) {
		faults = append(faults, fmt.Sprintf("%s: %q is no time in UTC with milliseconds", where, v))
	}
	switch v := v.(type) {
	case []any:
		if items := asObj(schema["items"]); items != nil {
			for i, e := range v {
				faults = append(faults, a.validate(items, e, fmt.Sprintf("%s.%d", where, i))...)
			}
		}
	case obj:
		properties := asObj(schema["properties"])
		if properties == nil {
			return faults
		}
		required, _ := schema["required"].([]any)
		for _, name := range required {
			if _, ok := v[name.(string)]; !ok {
				faults = append(faults, where+"."+name.(string)+" is missing")
			}
		}
		for name, value := range v {
			p, ok := properties[name].(obj)
			if !ok {
				faults = append(faults, where+"."+name+" is not in the document")
				continue
			}
			faults = append(faults, a.validate(p, value, where+"."+name)...)
		}
	}
	return faults
}

// frames are the server's, with the kind of each field: a name with a capital is a schema of the document, ? allows null, * absence.
var frames = map[string]map[string]string{
	"ready":             {"session_id": "string", "user": "Self", "rooms": "[]Room", "heartbeat_ms": "integer", "limits": "Limits"},
	"ok":                {"ref": "string", "message": "Message*", "room": "Room*", "last_seq": "integer*"},
	"error":             {"ref": "string*", "code": "string", "message": "string", "field": "string*", "retry_after_ms": "integer*"},
	"pong":              {"ref": "string*"},
	"room_changes":      {"room_id": "string", "messages": "[]Message", "last_seq": "integer", "truncated": "boolean"},
	"message_created":   {"room_id": "string", "message": "Message"},
	"message_updated":   {"room_id": "string", "message": "Message"},
	"message_deleted":   {"room_id": "string", "message_id": "string", "seq": "integer", "change_seq": "integer"},
	"reaction_added":    {"room_id": "string", "message_id": "string", "user": "UserSummary", "emoji": "string", "count": "integer", "change_seq": "integer"},
	"reaction_removed":  {"room_id": "string", "message_id": "string", "user": "UserSummary", "emoji": "string", "count": "integer", "change_seq": "integer"},
	"user_typing":       {"room_id": "string", "user_id": "string", "typing": "boolean"},
	"user_joined":       {"room_id": "string", "user": "User", "role": "string"},
	"user_left":         {"room_id": "string", "user_id": "string", "reason": "string"},
	"member_updated":    {"room_id": "string", "user_id": "string", "role": "string", "muted": "boolean", "muted_until": "string?"},
	"message_read":      {"room_id": "string", "user_id": "string", "seq": "integer"},
	"message_delivered": {"room_id": "string", "user_id": "string", "seq": "integer"},
	"presence_updated":  {"user_id": "string", "status": "string", "status_message": "string"},
	"user_updated":      {"user": "User"},
	"room_updated":      {"room": "Room"},
	"room_deleted":      {"room_id": "string"},
	"room_added":        {"room": "Room"},
	"room_removed":      {"room_id": "string"},
	"unread_updated":    {"room_id": "string", "unread_count": "integer", "mention_count": "integer", "last_read_seq": "integer"},
	"notification":      {"notification": "Notification"},
	"session_revoked":   {"reason": "string"},
}

func (a *api) validateFrame(f obj) (faults []string) {
	kind, _ := f["type"].(string)
	fields, ok := frames[kind]
	if !ok {
		return []string{fmt.Sprintf("a frame of the unknown type %q", kind)}
	}
	for name, want := range fields {
		v, ok := f[name]
		base := strings.TrimRight(want, "?*")
		if !ok {
			if !strings.HasSuffix(want, "*") {
				faults = append(faults, name+" is missing")
			}
			continue
		}
		if v == nil && strings.HasSuffix(want, "?") {
			continue
		}
		schema := obj{"type": base}
		if list, ok := strings.CutPrefix(base, "[]"); ok {
			schema = obj{"type": "array", "items": obj{"$ref": "#/components/schemas/" + list}}
		} else if base[0] >= 'A' && base[0] <= 'Z' {
			schema = obj{"$ref": "#/components/schemas/" + base}
		}
		faults = append(faults, a.validate(schema, v, name)...)
	}
	for name := range f {
		if _, ok := fields[name]; !ok && name != "type" {
			faults = append(faults, name+" is not in the table of frames")
		}
	}
	return faults
}

// live is an open WebSocket that keeps what it was sent.
type live struct {
	t    *testing.T
	api  *api
	conn *websocket.Conn

	mu     sync.Mutex
	news   chan struct{} // closed and renewed when something came
	frames []obj
	next   int // what await has not seen
	refs   int
	end    error
}

// dial connects, expects ready and reads from then on.
func (c *client) dial() *live {
	c.t.Helper()
	return c.dialWith("?token="+url.QueryEscape(c.Token), nil)
}

func (c *client) dialWith(query string, opts *websocket.DialOptions) *live {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, "ws://"+c.api.addr+"/api/ws"+query, opts)
	if err != nil {
		c.t.Fatal(err)
	}
	conn.SetReadLimit(64 << 20)
	l := &live{t: c.t, api: c.api, conn: conn, news: make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			_, text, err := conn.Read(context.Background())
			var f obj
			if err == nil {
				err = json.Unmarshal(text, &f)
			}
			l.mu.Lock()
			if err != nil {
				l.end = err
			} else {
				l.frames = append(l.frames, f)
			}
			close(l.news)
			l.news = make(chan struct{})
			l.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	c.t.Cleanup(func() {
		conn.CloseNow()
		<-done
		for _, f := range l.frames {
			for _, fault := range c.api.validateFrame(f) {
				c.t.Errorf("%s: %v", fault, show(f))
			}
		}
	})
	l.await("ready", nil)
	return l
}

// patience is how long a thing may take that must happen.
const patience = 8 * time.Second

func show(v any) string {
	text, _ := json.Marshal(v)
	return string(text[:min(len(text), 700)])
}

// wait looks at the frames from the given one on until one pleases.
func (l *live) wait(what string, from int, ok func(obj) bool) (obj, int) {
	l.t.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		l.mu.Lock()
		news, end, frames := l.news, l.end, l.frames
		l.mu.Unlock()
		for ; from < len(frames); from++ {
			if ok(frames[from]) {
				return frames[from], from
			}
		}
		if end != nil {
			l.t.Fatalf("the connection ended (%v) before %s; it had %s", end, what, show(frames))
		}
		select {
		case <-news:
		case <-timeout.C:
			l.t.Fatalf("waited in vain for %s; the connection had %s", what, show(frames))
		}
	}
}

// await expects a frame of the type with these values that no await has passed yet.
func (l *live) await(kind string, want obj) *answer {
	l.t.Helper()
	f, n := l.wait(fmt.Sprint(kind, " ", show(want)), l.next, func(f obj) bool { return f["type"] == kind && matches(f, want) })
	l.next = n + 1
	return &answer{t: l.t, what: kind, json: f, body: []byte(show(f))}
}

// eventually is await among all that ever came.
func (l *live) eventually(kind string, want obj) *answer {
	l.t.Helper()
	f, _ := l.wait(fmt.Sprint(kind, " ", show(want)), 0, func(f obj) bool { return f["type"] == kind && matches(f, want) })
	return &answer{t: l.t, what: kind, json: f, body: []byte(show(f))}
}

func matches(f obj, want obj) bool {
	for path, w := range want {
		if got, ok := at(f, path); !ok || !same(got, w) {
			return false
		}
	}
	return true
}

// count is how many frames of the kind came so far.
func (l *live) count(kind string, want obj) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.frames {
		if f["type"] == kind && matches(f, want) {
			n++
		}
	}
	return n
}

func (l *live) send(f obj) {
	l.t.Helper()
	text, err := json.Marshal(f)
	if err != nil {
		l.t.Fatal(err)
	}
	l.raw(text)
}

func (l *live) raw(text []byte) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := l.conn.Write(ctx, websocket.MessageText, text); err != nil {
		l.t.Fatal(err)
	}
}

// ask sends a frame with a ref and returns its answer, ok or error.
func (l *live) ask(f obj) *answer {
	l.t.Helper()
	l.refs++
	ref := "r" + strconv.Itoa(l.refs)
	f["ref"] = ref
	l.send(f)
	got, _ := l.wait("an answer to "+show(f), 0, func(f obj) bool { return f["ref"] == ref })
	return &answer{t: l.t, what: show(f), json: got, body: []byte(show(got))}
}

func (l *live) ok(f obj) *answer {
	l.t.Helper()
	a := l.ask(f)
	if a.str("type") != "ok" {
		l.t.Fatalf("want ok: %v", a)
	}
	return a
}

func (l *live) refused(f obj, codes ...string) *answer {
	l.t.Helper()
	a := l.ask(f)
	if a.str("type") != "error" || !slices.Contains(codes, a.str("code")) {
		l.t.Errorf("want error %v: %v", codes, a)
	}
	return a
}

// fence returns once everything that the server had for this connection before has come.
func (l *live) fence() {
	l.t.Helper()
	if a := l.ask(obj{"type": "ping"}); a.str("type") != "pong" {
		l.t.Fatalf("want pong: %v", a)
	}
}

// closed expects the end of the connection with the code.
func (l *live) closed(code websocket.StatusCode) {
	l.t.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		l.mu.Lock()
		news, end := l.news, l.end
		l.mu.Unlock()
		if end != nil {
			if got := websocket.CloseStatus(end); got != code {
				l.t.Errorf("closed with %d (%v), want %d", got, end, code)
			}
			return
		}
		select {
		case <-news:
		case <-timeout.C:
			l.t.Fatalf("the connection was not closed")
		}
	}
}
