package crossing

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"parley/internal/blob/fs"
	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/dialect/dialecttest"
	"parley/internal/dialect/native"
	"parley/internal/dialect/origin"
	"parley/internal/hub"
	"parley/internal/ops"
	"parley/internal/scan"
	"parley/internal/state/inproc"
	"parley/internal/store/sqlstore"
	"parley/internal/ws"
)

const (
	password = "correct horse battery"
	// patience is how long something may take. It is no measure: only a failing test waits so long.
	patience = 10 * time.Second
)

// world is a server with all dialects, wired as the program does.
type world struct {
	*testing.T
	url   string
	core  *core.Core
	users map[string]chat.UserID
	rooms map[string]chat.RoomID
}

// protocol is how one dialect's speakers come in.
type protocol struct {
	name     string
	enter    func(w *world, name string) dialecttest.Speaker
	register func(w *world, name string) dialecttest.Speaker
}

var protocols = []protocol{
	{"native", enterNative, registerNative},
	{"OriginChats", enterOrigin, registerOrigin},
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, users: make(map[string]chat.UserID), rooms: make(map[string]chat.RoomID)}
	dir := t.TempDir()
	logger := slog.New(slog.DiscardHandler)
	blobs := fs.New(filepath.Join(dir, "blobs"))
	volatile := inproc.New(inproc.Options{})
	store := sqlstore.New(sqlstore.Options{Path: filepath.Join(dir, "chat.db"), Synchronous: "off"})
	middleware := ops.Middleware{Log: logger, Metrics: ops.NewMetrics("test")}
	w.core = core.New(core.Options{
		Store: store, State: volatile, Blobs: blobs, TokenKey: bytes.Repeat([]byte{7}, 32), TempDir: dir, Logger: logger,
		Scanner: scan.NewBuiltin(scan.Options{}), ServerName: "Both", PasswordMemory: 64,
		Limits: core.Limits{MessagesPer10s: -1, RegisterPerMinute: -1, LoginPerMinute: -1, UploadsPerMinute: -1, SearchPerMinute: -1, RequestsPerMinute: -1},
	})
	sockets := ws.New(ws.Options{Logger: logger})
	live := hub.New(w.core, sockets, hub.Options{Logger: logger, PresenceEvery: time.Millisecond})
	own := native.New(native.Options{Core: w.core, Hub: live, Sockets: sockets, Logger: logger, Incident: middleware.Incident, Version: "test", Dialects: []string{"native"}})
	other := origin.New(origin.Options{Core: w.core, Hub: live, Sockets: sockets, Logger: logger, Incident: middleware.Incident, MessagesPerMinute: -1,
		PublicURL: "https://chat.example"})
	type part interface {
		Start(context.Context) error
		Stop(context.Context) error
	}
	for _, p := range []part{store, volatile, blobs, w.core, sockets, live, other} {
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
	own.Routes(mux)
	other.Routes(mux)
	listener := httptest.NewServer(middleware.Wrap(other.Upgrades(mux)))
	t.Cleanup(listener.Close)
	w.url = listener.URL
	w.furnish()
	return w
}

// furnish makes the people and channels of the stories.
func (w *world) furnish() {
	w.Helper()
	must := func(err error) {
		w.Helper()
		if err != nil {
			w.Fatal(err)
		}
	}
	for _, name := range []string{"lobby", "den"} {
		view, err := w.core.CreateRoom(w.Context(), chat.Operator, core.NewRoom{Name: name, Slug: name, Type: chat.Public, Form: chat.Text, Official: true})
		must(err)
		w.rooms[name] = view.Room.ID
	}
	for _, right := range []chat.Right{chat.CanSee, chat.CanRead, chat.CanSend} {
		must(w.core.SetRoleList(w.Context(), chat.Operator, chat.RoleList{RoomID: w.rooms["den"], Right: right,
			Roles: []chat.RoleEntry{{RoleID: chat.RoleOwner}, {RoleID: chat.RoleModerator}}}))
	}
	for _, name := range []string{"ann", "ben"} {
		user, err := w.core.CreateUser(w.Context(), chat.Operator, core.Registering{Username: name, Password: password}, chat.RankMember)
		must(err)
		w.users[name] = user.ID
		_, err = w.core.Join(w.Context(), chat.Actor{UserID: user.ID}, w.rooms["lobby"])
		must(err)
	}
	_, err := w.core.SetRank(w.Context(), chat.Operator, w.users["ann"], chat.RankOwner)
	must(err)
	var picture bytes.Buffer
	must(png.Encode(&picture, image.NewNRGBA(image.Rect(0, 0, 8, 8))))
	_, err = w.core.AddEmoji(w.Context(), chat.Operator, "wave", &picture)
	must(err)
}

func TestStories(t *testing.T) {
	for _, a := range protocols {
		for _, b := range protocols {
			for _, story := range dialecttest.Stories {
				t.Run(fmt.Sprintf("%s and %s/%s", a.name, b.name, story.Name), func(t *testing.T) {
					w := newWorld(t)
					stage := &dialecttest.Stage{A: a.enter(w, "ann"), B: b.enter(w, "ben")}
					stage.Enter = func() dialecttest.Speaker { return b.enter(w, "ben") }
					stage.Register = func(name string) dialecttest.Speaker { return a.register(w, name) }
					story.Play(t, stage)
				})
			}
		}
	}
}

// object is a JSON object.
type object map[string]any

// at finds a value by its path, such as "message.sender.username"; nil where there is none.
func (o object) at(path string) any {
	var v any = map[string]any(o)
	for name := range strings.SplitSeq(path, ".") {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}

// is reports whether the object has all these values, given as path, value, path, value….
func (o object) is(pairs ...any) bool {
	for i := 0; i < len(pairs); i += 2 {
		if o.at(pairs[i].(string)) != pairs[i+1] {
			return false
		}
	}
	return true
}

// line is a connection. What was received and not yet asked for is kept.
type line struct {
	*testing.T
	who  string
	conn *websocket.Conn
	kept []object
}

func (w *world) dial(who, path string) *line {
	w.Helper()
	conn, _, err := websocket.Dial(w.Context(), strings.Replace(w.url, "http", "ws", 1)+path, nil)
	if err != nil {
		w.Fatal(err)
	}
	conn.SetReadLimit(-1)
	w.Cleanup(func() { _ = conn.CloseNow() })
	return &line{T: w.T, who: who, conn: conn}
}

func (l *line) send(packet object) {
	l.Helper()
	raw, err := json.Marshal(packet)
	if err == nil {
		err = l.conn.Write(l.Context(), websocket.MessageText, raw)
	}
	if err != nil {
		l.Fatalf("%s: %v", l.who, err)
	}
}

// await returns the first packet, of those kept and those to come, that is wanted.
func (l *line) await(what string, wanted func(object) bool) object {
	l.Helper()
	for i, p := range l.kept {
		if wanted(p) {
			l.kept = append(l.kept[:i:i], l.kept[i+1:]...)
			return p
		}
	}
	ctx, cancel := context.WithTimeout(l.Context(), patience)
	defer cancel()
	for {
		_, raw, err := l.conn.Read(ctx)
		if err != nil {
			l.Fatalf("%s waits for %s: %v; there was %s", l.who, what, err, l.summary())
		}
		var p object
		if err := json.Unmarshal(raw, &p); err != nil {
			l.Fatalf("%s: %v in %s", l.who, err, raw)
		}
		if wanted(p) {
			return p
		}
		l.kept = append(l.kept, p)
	}
}

// summary is what was received and not asked for, in short.
func (l *line) summary() string {
	var b strings.Builder
	for _, p := range l.kept {
		raw, _ := json.Marshal(p)
		fmt.Fprintf(&b, "\n    %s", raw[:min(len(raw), 300)])
	}
	return b.String()
}

// ended waits until the server has closed the connection.
func (l *line) ended() {
	l.Helper()
	ctx, cancel := context.WithTimeout(l.Context(), patience)
	defer cancel()
	for {
		if _, _, err := l.conn.Read(ctx); err != nil {
			if ctx.Err() != nil {
				l.Fatalf("%s is still connected", l.who)
			}
			return
		}
	}
}

// ask makes an HTTP request and returns its answer.
func (w *world) ask(method, path, token, kind string, body []byte) (int, []byte) {
	w.Helper()
	r, err := http.NewRequestWithContext(w.Context(), method, w.url+path, bytes.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		w.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }() // read to its end
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		w.Fatal(err)
	}
	return answer.StatusCode, raw
}

func (w *world) askJSON(method, path, token string, body, into any) int {
	w.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		w.Fatal(err)
	}
	status, answer := w.ask(method, path, token, "application/json", raw)
	if into != nil && status < 300 {
		if err := json.Unmarshal(answer, into); err != nil {
			w.Fatalf("%s %s: %v in %s", method, path, err, answer)
		}
	}
	return status
}
