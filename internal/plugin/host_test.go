package plugin

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"parley/internal/chat"
	"parley/internal/plugin/pipe"
	"parley/internal/plugin/sandbox"
)

const asSandbox = "RUN_AS_SANDBOX=1"

// TestMain is also the process that runs plugins.
func TestMain(m *testing.M) {
	if os.Getenv("RUN_AS_SANDBOX") == "" {
		os.Exit(m.Run())
	}
	ms, memory := flag.Int64(sandbox.FlagInput, 0, ""), flag.Int64(sandbox.FlagMemory, 0, "")
	flag.Parse()
	if err := sandbox.Serve(os.Stdin, os.Stdout, sandbox.Limits{Input: time.Duration(*ms) * time.Millisecond, Memory: *memory}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
	os.Exit(0)
}

// fakeHost is a server with two rooms and two people, which writes down what plugins do.
type fakeHost struct {
	mu     sync.Mutex
	did    []string
	values map[string]json.RawMessage
	stored map[string]json.RawMessage
	counts map[string]int
	news   chan struct{} // something was done
	hold   chan struct{} // nil, or what Post waits for
}

func newFakeHost() *fakeHost {
	return &fakeHost{values: make(map[string]json.RawMessage), stored: make(map[string]json.RawMessage), counts: make(map[string]int), news: make(chan struct{}, 1)}
}

var (
	lobby  = chat.Room{ID: 1, Slug: "lobby", Name: "Lobby", Type: chat.Public}
	secret = chat.Room{ID: 2, Slug: "secret", Name: "Secret", Type: chat.Private, Encrypted: true}
	direct = chat.Room{ID: 3, Type: chat.Direct}
	ada    = &chat.User{ID: "0199f0a4-7c1e-7a60-9d6b-000000000001", Username: "ada", CreatedAt: time.Unix(1, 0), Kind: chat.Person}
	bob    = &chat.User{ID: "0199f0a4-7c1e-7a60-9d6b-000000000002", Username: "bob", CreatedAt: time.Unix(1, 0), Kind: chat.Person}
)

func (h *fakeHost) do(format string, args ...any) {
	h.mu.Lock()
	h.did = append(h.did, fmt.Sprintf(format, args...))
	h.mu.Unlock()
	select {
	case h.news <- struct{}{}:
	default:
	}
}

// unlimited lets a plugin send as much as it likes.
func (h *fakeHost) unlimited(plugin string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counts["plugin:do:send:"+plugin] = -1 << 30
}

func (h *fakeHost) list() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.did)
}

func (h *fakeHost) User(_ context.Context, id chat.UserID) (*chat.User, error) {
	for _, u := range []*chat.User{ada, bob} {
		if u.ID == id {
			return u, nil
		}
	}
	return nil, chat.ErrUserNotFound
}
func (h *fakeHost) UserByName(_ context.Context, name string) (*chat.User, error) {
	for _, u := range []*chat.User{ada, bob} {
		if strings.EqualFold(u.Username, name) {
			return u, nil
		}
	}
	return nil, chat.ErrUserNotFound
}
func (h *fakeHost) Room(_ context.Context, id chat.RoomID) (chat.Room, error) {
	for _, r := range []chat.Room{lobby, secret, direct} {
		if r.ID == id {
			return r, nil
		}
	}
	return chat.Room{}, chat.ErrRoomNotFound
}
func (h *fakeHost) RoomBySlug(_ context.Context, slug string) (chat.Room, error) {
	if slug == "lobby" {
		return lobby, nil
	}
	return chat.Room{}, chat.ErrRoomNotFound
}
func (h *fakeHost) Rooms(context.Context) ([]chat.Room, error) {
	return []chat.Room{lobby, secret}, nil
}
func (h *fakeHost) Message(_ context.Context, id chat.MessageID) (*chat.Message, error) {
	room := lobby.ID
	if id >= 1000 {
		room = direct.ID
	}
	return &chat.Message{ID: id, RoomID: room, SenderID: bob.ID, Sender: bob, Content: "said before"}, nil
}
func (h *fakeHost) Messages(context.Context, chat.RoomID, int) ([]chat.Message, error) {
	return nil, nil
}
func (h *fakeHost) Post(ctx context.Context, as Identity, p Post) (*chat.Message, error) {
	if h.hold != nil {
		select {
		case <-h.hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	h.do("%s posts in %d: %s", as.Name, p.Room, p.Text)
	return &chat.Message{ID: 77, RoomID: p.Room, Content: p.Text}, nil
}
func (h *fakeHost) React(_ context.Context, as Identity, id chat.MessageID, emoji string, give bool) error {
	h.do("%s reacts to %d: %s %v", as.Name, id, emoji, give)
	return nil
}
func (h *fakeHost) Delete(_ context.Context, as Identity, id chat.MessageID) error {
	h.do("%s deletes %d", as.Name, id)
	return nil
}
func (h *fakeHost) TimeOut(_ context.Context, as Identity, user chat.UserID, d time.Duration, reason string) error {
	h.do("%s times %s out for %v: %s", as.Name, user, d, reason)
	return nil
}
func (h *fakeHost) Act(_ context.Context, as Identity, by chat.UserID, what string, args json.RawMessage) (any, error) {
	h.do("%s has %s do %s %s", as.Name, by, what, args)
	return "done", nil
}
func (h *fakeHost) Value(_ context.Context, plugin, key string) (json.RawMessage, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.values[plugin+"/"+key], nil
}
func (h *fakeHost) PutValue(_ context.Context, plugin, key string, v json.RawMessage) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.values[plugin+"/"+key] = v
	return nil
}
func (h *fakeHost) DeleteValue(_ context.Context, plugin, key string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.values, plugin+"/"+key)
	return nil
}
func (h *fakeHost) ValueKeys(context.Context, string, string) ([]string, error) { return nil, nil }
func (h *fakeHost) Stored(context.Context) (map[string]json.RawMessage, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make(map[string]json.RawMessage)
	for k, v := range h.stored {
		out[k] = v
	}
	return out, nil
}
func (h *fakeHost) Store(_ context.Context, _ chat.Actor, plugin string, settings json.RawMessage, _ []string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stored[plugin] = settings
	return nil
}
func (h *fakeHost) Allow(_ context.Context, key string, most int, _ time.Duration) (bool, time.Duration, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counts[key]++
	return h.counts[key] <= most, time.Second, nil
}
func (h *fakeHost) Claim(context.Context, string, time.Duration) (bool, error) { return true, nil }

// world is a running service over a fake host.
type world struct {
	*Service
	t    *testing.T
	host *fakeHost
	dir  fstest.MapFS
}

const everything = `["messages.read","messages.send","messages.delete","reactions","people.read","people.timeout","rooms.read","commands","storage","http","configure","emit","act_for_people"]`

// put writes a plugin into the directory, enabled, with every permission.
func (w *world) put(id, events, program string) {
	w.t.Helper()
	w.dir[id+"/plugin.json"] = &fstest.MapFile{Data: []byte(fmt.Sprintf(
		`{"name":%q,"version":"1","events":[%s],"permissions":%s,"hosts":["feeds.example.org","localhost.example.org"],"config":{"enabled":true,"word":"x","list":[]}}`, strings.ToUpper(id), events, everything))}
	w.dir[id+"/main.js"] = &fstest.MapFile{Data: []byte(program)}
}

// start starts the service; it is stopped with the test.
func start(t *testing.T, configure func(*Options), plugins func(w *world)) *world {
	t.Helper()
	w := &world{t: t, host: newFakeHost(), dir: fstest.MapFS{}}
	plugins(w)
	o := Options{
		Host: w.host, Command: []string{os.Args[0]}, Environ: []string{asSandbox}, Dir: w.dir,
		Input: 100 * time.Millisecond, Memory: 32 << 20, Grace: time.Second, Logger: slog.New(slog.NewTextHandler(testWriter{t}, nil)),
	}
	if configure != nil {
		configure(&o)
	}
	w.Service = New(o)
	if err := w.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return w
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

// say has bob say something in the lobby.
func (w *world) say(id chat.MessageID, text string) {
	w.Hear([]chat.Event{chat.MessageCreated{Message: &chat.Message{ID: id, RoomID: lobby.ID, SenderID: bob.ID, Sender: bob, Content: text, CreatedAt: time.Unix(1, 0)}}})
}

// until waits until what is asked for is true; it is looked at whenever the host or the service did something.
func (w *world) until(what string, fn func() bool) {
	w.t.Helper()
	deadline := time.After(20 * time.Second)
	poll := time.NewTicker(2 * time.Millisecond)
	defer poll.Stop()
	for !fn() {
		select {
		case <-w.host.news:
		case <-poll.C:
		case <-deadline:
			w.t.Fatalf("waited in vain for %s; done: %q; plugins: %+v", what, w.host.list(), w.List())
		}
	}
}

func (w *world) did(want string) {
	w.t.Helper()
	w.until(want, func() bool { return slices.Contains(w.host.list(), want) })
}

func (w *world) state(id string, want State) chat.Plugin {
	w.t.Helper()
	var st chat.Plugin
	w.until(id+" to be "+string(want), func() bool {
		st, _ = w.Status(id)
		return st.State == want
	})
	return st
}

// registry keeps the commands of plugins.
type registry struct {
	mu  sync.Mutex
	run map[string]func(context.Context, Use) (Answer, error)
}

func (r *registry) SetCommands(id Identity, commands []pipe.CommandSpec, run func(context.Context, Use) (Answer, error)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.run == nil {
		r.run = make(map[string]func(context.Context, Use) (Answer, error))
	}
	for name := range r.run {
		if strings.HasPrefix(name, id.ID+"/") {
			delete(r.run, name)
		}
	}
	for _, c := range commands {
		r.run[id.ID+"/"+c.Name] = run
	}
	return nil
}

func (r *registry) get(name string) func(context.Context, Use) (Answer, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.run[name]
}
