package origin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"parley/internal/blob/fs"
	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/dialect/dialecttest"
	"parley/internal/dialect/origin"
	"parley/internal/hub"
	"parley/internal/ops"
	"parley/internal/scan"
	"parley/internal/state/inproc"
	"parley/internal/store/sqlstore"
	"parley/internal/ws"
)

// world is the dialect over a real core and store, behind a real listener. Its clock moves only when the test says so. It has
// the channels and people of the acceptance scenarios: alice the owner, bob and carol; general, staff, lounge, lounge2, forum.
type world struct {
	*testing.T
	url     string
	core    *core.Core
	dialect *origin.Dialect
	log     *syncBuffer
	people  map[string]*chat.User

	mu  sync.Mutex
	now time.Time
}

type setting struct {
	core   core.Options
	origin origin.Options
}

func newWorld(t *testing.T, change ...func(*setting)) *world {
	t.Helper()
	w := &world{T: t, log: &syncBuffer{}, people: make(map[string]*chat.User), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	dir := t.TempDir()
	logger := slog.New(slog.NewTextHandler(w.log, nil))
	blobs := fs.New(filepath.Join(dir, "blobs"))
	volatile := inproc.New(inproc.Options{Now: w.clock})
	store := sqlstore.New(sqlstore.Options{Path: filepath.Join(dir, "chat.db"), Synchronous: "off", Clock: w.clock})
	middleware := ops.Middleware{Log: logger, Metrics: ops.NewMetrics("test")}
	set := setting{
		core: core.Options{
			Store: store, State: volatile, Blobs: blobs, Clock: w.clock, TokenKey: bytes.Repeat([]byte{7}, 32), TempDir: dir, Logger: logger,
			Scanner: scan.NewBuiltin(scan.Options{}), ServerName: "Ref", PasswordMemory: 64,
			Limits: core.Limits{MessagesPer10s: -1, RegisterPerMinute: -1, LoginPerMinute: -1, UploadsPerMinute: -1, SearchPerMinute: -1, RequestsPerMinute: -1},
		},
		origin: origin.Options{Logger: logger, Incident: middleware.Incident, MessagesPerMinute: -1},
	}
	for _, fn := range change {
		fn(&set)
	}
	w.core = core.New(set.core)
	sockets := ws.New(ws.Options{Logger: logger})
	live := hub.New(w.core, sockets, hub.Options{Logger: logger, Clock: w.clock, PresenceEvery: time.Millisecond})
	set.origin.Core, set.origin.Sockets, set.origin.Hub = w.core, sockets, live
	w.dialect = origin.New(set.origin)
	type part interface {
		Start(context.Context) error
		Stop(context.Context) error
	}
	for _, p := range []part{store, volatile, blobs, w.core, sockets, live, w.dialect} {
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
	w.dialect.Routes(mux)
	listener := httptest.NewServer(middleware.Wrap(w.dialect.Upgrades(mux)))
	t.Cleanup(listener.Close)
	w.url = listener.URL
	w.furnish(store)
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// wait moves the clock.
func (w *world) wait(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

const password = "correct horse battery"

// furnish makes the people and channels of the scenarios.
func (w *world) furnish(store core.Store) {
	w.Helper()
	for _, p := range []struct {
		name  string
		roles []chat.RoleID
	}{{"alice", []chat.RoleID{chat.RoleOwner, chat.RoleUser}}, {"bob", nil}, {"carol", nil}} {
		w.person(store, p.name, p.roles...)
	}
	staff := []chat.RoleEntry{{RoleID: chat.RoleOwner}, {RoleID: chat.RoleAdmin}}
	anyone := []chat.RoleEntry{{RoleID: chat.RoleUser}}
	for i, r := range []struct {
		name  string
		form  chat.RoomForm
		lists map[chat.Right][]chat.RoleEntry
	}{
		{"general", chat.Text, map[chat.Right][]chat.RoleEntry{chat.CanSee: anyone, chat.CanRead: anyone, chat.CanSend: anyone,
			chat.CanDelete: {{RoleID: chat.RoleAdmin}, {RoleID: chat.RoleModerator}}, chat.CanCreateThread: anyone}},
		{"staff", chat.Text, map[chat.Right][]chat.RoleEntry{chat.CanSee: staff, chat.CanRead: staff, chat.CanSend: staff}},
		{"lounge", chat.Voice, map[chat.Right][]chat.RoleEntry{chat.CanSee: anyone, chat.CanRead: anyone}},
		{"lounge2", chat.Voice, map[chat.Right][]chat.RoleEntry{chat.CanSee: anyone, chat.CanRead: anyone}},
		{"forum", chat.Forum, map[chat.Right][]chat.RoleEntry{chat.CanSee: anyone, chat.CanRead: anyone, chat.CanSend: anyone, chat.CanCreateThread: anyone}},
	} {
		view, err := w.core.CreateRoom(w.Context(), chat.Operator, core.NewRoom{Name: r.name, Slug: r.name, Type: chat.Public, Form: r.form, Official: true, Position: i})
		if err != nil {
			w.Fatal(err)
		}
		for right, roles := range r.lists {
			if err := w.core.SetRoleList(w.Context(), chat.Operator, chat.RoleList{RoomID: view.Room.ID, Right: right, Roles: roles}); err != nil {
				w.Fatal(err)
			}
		}
	}
}

// person makes somebody whom Rotur knows under a name.
func (w *world) person(store core.Store, name string, roles ...chat.RoleID) *chat.User {
	w.Helper()
	user, err := w.core.CreateUser(w.Context(), chat.Operator, core.Registering{Username: name, Password: password}, chat.RankMember)
	if err == nil && len(roles) > 0 {
		user, err = w.core.SetUserRoles(w.Context(), chat.Operator, user.ID, roles)
	}
	if err != nil {
		w.Fatal(err)
	}
	err = store.Change(w.Context(), func(tx core.Tx) ([]chat.Event, error) {
		known := *user
		known.ExternalName = name
		user = &known
		if err := tx.UpdateUser(w.Context(), user); err != nil {
			return nil, err
		}
		return []chat.Event{chat.UserChanged{User: user}}, tx.PutIdentity(w.Context(), chat.Identity{Provider: chat.ProviderRotur, Subject: "USR:" + name, UserID: user.ID})
	})
	if err != nil {
		w.Fatal(err)
	}
	w.people[name] = user
	return user
}

// client is one connection. Packets are read as they come and wait in a channel.
type client struct {
	t       *testing.T
	conn    *websocket.Conn
	packets chan string
	ended   error // set before packets is closed
	back    []string
}

// dial connects without logging in.
func (w *world) dial() *client {
	w.Helper()
	conn, _, err := websocket.Dial(w.Context(), "ws"+strings.TrimPrefix(w.url, "http")+"/", nil)
	if err != nil {
		w.Fatal(err)
	}
	conn.SetReadLimit(-1)
	c := &client{t: w.T, conn: conn, packets: make(chan string, 10_000)}
	w.Cleanup(func() { conn.CloseNow() })
	go func() {
		for {
			_, text, err := conn.Read(context.Background())
			if err != nil {
				c.ended = err
				close(c.packets)
				return
			}
			c.packets <- string(text)
		}
	}()
	return c
}

// enter connects and logs a person of the world in; everything up to their own user_connect has been read.
func (w *world) enter(name string) *client {
	w.Helper()
	c := w.dial()
	c.expect("handshake")
	w.logIn(c, name)
	c.expect("auth_success")
	c.expect("ready")
	return c
}

// logIn sends what logs a person of the world in on a connection.
func (w *world) logIn(c *client, name string) {
	w.Helper()
	c.send(map[string]any{"cmd": "login", "username": name, "password": password})
}

// Send implements dialecttest.Client.
func (c *client) Send(packet string) error {
	return c.conn.Write(context.Background(), websocket.MessageText, []byte(packet))
}

func (c *client) send(packet any) {
	c.t.Helper()
	raw, err := json.Marshal(packet)
	if err == nil {
		err = c.Send(string(raw))
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// Next implements dialecttest.Client.
func (c *client) Next(patience time.Duration) (string, error) {
	if len(c.back) > 0 {
		packet := c.back[0]
		c.back = c.back[1:]
		return packet, nil
	}
	if patience == 0 {
		select {
		case packet, ok := <-c.packets:
			if ok {
				return packet, nil
			}
			return "", c.ended
		default:
			return "", errors.New("nothing is there")
		}
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case packet, ok := <-c.packets:
		if !ok {
			return "", c.ended
		}
		return packet, nil
	case <-late.C:
		return "", errors.New("nothing came in time")
	}
}

// Settle implements dialecttest.Client: the answer to a ping stands behind everything before it.
func (c *client) Settle() error {
	if err := c.Send(`{"cmd":"ping","listener":"settle"}`); err != nil {
		return err
	}
	var before []string
	for {
		packet, err := c.Next(10 * time.Second)
		if err != nil {
			return err
		}
		if packet == `{"cmd":"pong","val":"pong","listener":"settle"}` {
			c.back = before
			return nil
		}
		before = append(before, packet)
	}
}

// expect returns the next packet of a command; others before it fail the test unless they stand aside.
func (c *client) expect(cmd string) map[string]any {
	c.t.Helper()
	for {
		packet, err := c.Next(10 * time.Second)
		if err != nil {
			c.t.Fatalf("waiting for %s: %v", cmd, err)
		}
		var fields map[string]any
		if err := json.Unmarshal([]byte(packet), &fields); err != nil {
			c.t.Fatalf("%s: %v", packet, err)
		}
		if fields["cmd"] == cmd {
			return fields
		}
		if !aside(packet) {
			c.t.Fatalf("waiting for %s: %s", cmd, packet)
		}
	}
}

// expectAny returns the next packet.
func (c *client) expectAny() map[string]any {
	c.t.Helper()
	packet, err := c.Next(10 * time.Second)
	if err != nil {
		c.t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal([]byte(packet), &fields); err != nil {
		c.t.Fatalf("%s: %v", packet, err)
	}
	return fields
}

// aside are the packets that transcripts leave out unless they are about them.
func aside(packet string) bool {
	return slices.ContainsFunc([]string{"ping", "user_connect", "user_disconnect", "user_join"}, func(cmd string) bool {
		return strings.HasPrefix(packet, `{"cmd":"`+cmd+`"`)
	})
}

// play plays a transcript of testdata. Its clients are logged in; "dave" and other names that the world does not have connect
// without logging in, and a name with a digit at its end is another connection of the same person.
func (w *world) play(name string, vars map[string]any) {
	w.Helper()
	p := dialecttest.Player{
		Client: func(_ *testing.T, who string) dialecttest.Client {
			if w.people[strings.TrimRight(who, "0123456789")] == nil {
				return w.dial()
			}
			return w.enter(strings.TrimRight(who, "0123456789"))
		},
		Aside: aside,
		Vars:  vars,
	}
	p.Play(w.T, filepath.Join("testdata", name+".transcript"))
}

// syncBuffer is a log that several goroutines write.
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
