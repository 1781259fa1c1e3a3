package relay_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/internal/blob/fs"
	"parley/internal/bus"
	"parley/internal/bus/bustest"
	businproc "parley/internal/bus/inproc"
	busredis "parley/internal/bus/redis"
	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/hub"
	"parley/internal/pgtest"
	"parley/internal/redistest"
	"parley/internal/relay"
	"parley/internal/state"
	"parley/internal/state/inproc"
	stateredis "parley/internal/state/redis"
	"parley/internal/state/standby"
	"parley/internal/store/sqlstore"
	"parley/internal/ws"
)

func TestMain(m *testing.M) { os.Exit(redistest.Main(m)) }

// patience is how long a test waits for what must happen. It only passes in a test that fails.
const patience = 60 * time.Second

// cluster is several nodes on one store.
type cluster struct {
	t        *testing.T
	dir      string
	postgres string // address; empty: an SQLite file that all open
	redis    string // address; empty: within the process
	exchange *businproc.Exchange
	state    state.Store // shared when it is within the process
	faults   bustest.Faults
	queue    int // of the relays; 0: their default
	nodes    []*node
	tokens   map[string]string
	actors   map[string]chat.Actor
}

// node is all of a server but its listeners.
type node struct {
	*core.Core
	c      *cluster
	bus    *bustest.Faulty
	store  *sqlstore.Store
	state  state.Store
	hub    *hub.Hub
	relay  *relay.Relay
	parts  []part
	ended  bool
	closed sync.Once
}

type part interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
}

func newCluster(t *testing.T, nodes int, change ...func(*cluster)) *cluster {
	t.Helper()
	c := &cluster{t: t, dir: t.TempDir(), exchange: businproc.NewExchange(), state: inproc.New(inproc.Options{}), tokens: make(map[string]string), actors: make(map[string]chat.Actor)}
	for _, f := range change {
		f(c)
	}
	if c.redis == "" {
		c.must(c.state.Start(t.Context()))
		t.Cleanup(func() { c.must(c.state.Stop(context.Background())) })
	}
	for range nodes {
		c.add()
	}
	return c
}

func (c *cluster) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// keptElsewhere is a state that nodes share, which none of them starts or stops.
type keptElsewhere struct{ state.Store }

func (keptElsewhere) Start(context.Context) error { return nil }
func (keptElsewhere) Stop(context.Context) error  { return nil }

// add starts another node.
func (c *cluster) add() *node {
	c.t.Helper()
	n := &node{c: c}
	var inner bus.Bus
	if c.redis != "" {
		b, err := busredis.New(busredis.Options{URL: c.redis, KeepAlive: 300 * time.Millisecond})
		c.must(err)
		s, err := stateredis.New(stateredis.Options{URL: c.redis})
		c.must(err)
		inner, n.state = b, standby.New(s, slog.New(slog.DiscardHandler))
	} else {
		inner, n.state = businproc.New(businproc.Options{Exchange: c.exchange}), keptElsewhere{c.state}
	}
	faults := c.faults
	faults.Seed += uint64(len(c.nodes))
	n.bus = bustest.NewFaulty(inner, faults)
	n.store = sqlstore.New(sqlstore.Options{Path: c.dir + "/chat.db", URL: c.postgres, Synchronous: "off", Logger: slog.New(slog.DiscardHandler)})
	blobs := fs.New(c.dir + "/blobs")
	n.Core = core.New(core.Options{Store: n.store, State: n.state, Blobs: blobs, TokenKey: make([]byte, 32), TempDir: c.dir, PasswordMemory: 64, Shared: true,
		Limits: core.Limits{MessagesPer10s: -1, RegisterPerMinute: -1, LoginPerMinute: -1, UploadsPerMinute: -1, SearchPerMinute: -1, RequestsPerMinute: -1}})
	sockets := ws.New(ws.Options{})
	n.hub = hub.New(n.Core, sockets, hub.Options{Shards: 2, PresenceEvery: time.Millisecond, GapPatience: 20 * time.Millisecond})
	n.relay = relay.New(relay.Options{Bus: n.bus, State: n.state, Core: n.Core, Hub: n.hub, Queue: c.queue,
		Beat: 50 * time.Millisecond, Dead: time.Second, Refresh: 50 * time.Millisecond, Grace: 20 * time.Millisecond})
	n.parts = []part{n.state, blobs, n.store, n.Core, sockets, n.hub, n.relay}
	for _, p := range n.parts {
		c.must(p.Start(c.t.Context()))
	}
	c.nodes = append(c.nodes, n)
	c.t.Cleanup(n.stop)
	return n
}

// stop ends a node gracefully.
func (n *node) stop() {
	n.closed.Do(func() {
		n.ended = true
		for _, p := range slices.Backward(n.parts) {
			if err := p.Stop(context.Background()); err != nil {
				n.c.t.Error(err)
			}
		}
	})
}

// person makes an account, and a login that all nodes know.
func (c *cluster) person(name string) chat.Actor {
	c.t.Helper()
	l, err := c.nodes[0].Register(c.t.Context(), "192.0.2.1", core.Registering{Username: name, Password: "correct horse battery"})
	c.must(err)
	c.tokens[name] = l.Token
	by, err := c.nodes[0].Authenticate(c.t.Context(), l.Token, "192.0.2.1")
	c.must(err)
	c.actors[name] = by
	return by
}

func (c *cluster) room(people ...chat.Actor) chat.RoomID {
	c.t.Helper()
	v, err := c.nodes[0].CreateRoom(c.t.Context(), people[0], core.NewRoom{Name: fmt.Sprintf("Room of %d", len(people)), Type: chat.Public})
	c.must(err)
	for _, p := range people[1:] {
		_, err := c.nodes[0].Join(c.t.Context(), p, v.Room.ID)
		c.must(err)
	}
	return v.Room.ID
}

// until waits for a condition that something else brings about.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

// frame is what the dialect of the tests writes.
type frame struct {
	Type      string
	Room      chat.RoomID    `json:",omitempty"`
	ID        chat.MessageID `json:",omitempty"`
	Change    chat.Seq       `json:",omitempty"`
	Content   string         `json:",omitempty"`
	User      chat.UserID    `json:",omitempty"`
	Sender    string         `json:",omitempty"`
	Status    chat.Status    `json:",omitempty"`
	Reactions int            `json:",omitempty"`
}

type dialect struct{}

func (dialect) Encode(_ context.Context, ev chat.Event, _ chat.UserID) []byte {
	f := frame{Type: strings.TrimPrefix(fmt.Sprintf("%T", ev), "chat."), Room: ev.Scope().Room}
	switch e := ev.(type) {
	case chat.Sequenced:
		f = shown(f.Type, e.State())
	case chat.PresenceChanged:
		f.User, f.Status = e.Presence.UserID, e.Presence.Status
	case chat.UserChanged:
		f.User, f.Content = e.User.ID, e.User.DisplayName
	case chat.RoomAdded:
		f.Room = e.Room.ID
	}
	text, _ := json.Marshal(f)
	return text
}

func shown(kind string, m *chat.Message) frame {
	f := frame{Type: kind, Room: m.RoomID, ID: m.ID, Change: m.ChangeSeq, Content: m.Content, User: m.SenderID, Reactions: len(m.Reactions)}
	if m.Sender != nil {
		f.Sender = m.Sender.Username
	}
	return f
}

func (dialect) Personal(chat.Event) []chat.UserID { return nil }

func (dialect) EncodeChanges(_ context.Context, _ chat.RoomID, ch chat.Changes, _ chat.UserID) []byte {
	all := make([]frame, 0, len(ch.Messages))
	for i := range ch.Messages {
		all = append(all, shown("Changes", &ch.Messages[i]))
	}
	text, _ := json.Marshal(all)
	return text
}

func (dialect) EncodeResync(room chat.RoomID) []byte {
	text, _ := json.Marshal(frame{Type: "resync", Room: room})
	return text
}

func (dialect) CloseCode(hub.End) int { return 4001 }

// client is somebody connected to one node.
type client struct {
	n    *node
	by   chat.Actor
	name string
	conn *hub.Conn

	mu     sync.Mutex
	frames []frame
	closed bool
}

func (cl *client) Send(f *ws.Frame) bool {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if text := f.Payload(); text[0] == '[' {
		var many []frame
		_ = json.Unmarshal(text, &many)
		cl.frames = append(cl.frames, many...)
	} else {
		var one frame
		_ = json.Unmarshal(text, &one)
		cl.frames = append(cl.frames, one)
	}
	return true
}

func (cl *client) Close(int, string) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	cl.closed = true
}

func (cl *client) isClosed() bool {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	return cl.closed
}

// got returns what came of one type.
func (cl *client) got(kind string) (list []frame) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	for _, f := range cl.frames {
		if f.Type == kind {
			list = append(list, f)
		}
	}
	return list
}

// connect logs a person in on a node and subscribes them to rooms.
func (n *node) connect(name string, rooms ...chat.RoomID) *client {
	t := n.c.t
	t.Helper()
	by, err := n.Authenticate(t.Context(), n.c.tokens[name], "192.0.2.1")
	n.c.must(err)
	cl := &client{n: n, by: by, name: name}
	n.c.must(n.Connected(t.Context(), by))
	cl.conn = n.hub.Attach(by, dialect{}, cl)
	views, err := n.Rooms(t.Context(), by)
	n.c.must(err)
	var in []chat.RoomID
	for _, v := range views {
		in = append(in, v.Room.ID)
	}
	n.hub.Begin(cl.conn, in, []byte(`{"Type":"ready"}`))
	for _, room := range rooms {
		n.c.must(n.hub.Join(t.Context(), cl.conn, room, 0, func(chat.RoomView) {}))
	}
	return cl
}

func (cl *client) leave() {
	cl.n.hub.Detach(cl.conn)
	cl.n.Disconnected(context.Background(), cl.by)
}

func (cl *client) say(room chat.RoomID, text string) *chat.Message {
	cl.n.c.t.Helper()
	m, _, err := cl.n.SendMessage(cl.n.c.t.Context(), cl.by, core.NewMessage{RoomID: room, Content: text})
	cl.n.c.must(err)
	return m
}

// follow is what a client knows of a room: the messages by id, from frames that must come in order, each once.
func (cl *client) follow(room chat.RoomID) (known map[chat.MessageID]frame, last chat.Seq, err error) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	known = make(map[chat.MessageID]frame)
	for _, f := range cl.frames {
		if f.Room != room || f.Change == 0 {
			continue
		}
		if f.Change <= last {
			return nil, 0, fmt.Errorf("%s on node %d: change %d after %d", cl.name, slices.Index(cl.n.c.nodes, cl.n), f.Change, last)
		}
		if _, twice := known[f.ID]; twice && f.Type == "MessageCreated" {
			return nil, 0, fmt.Errorf("%s: message %d is created twice", cl.name, f.ID)
		}
		if f.User != "" && f.Sender == "" {
			return nil, 0, fmt.Errorf("%s: message %d has no sender", cl.name, f.ID)
		}
		f.Type = ""
		known[f.ID], last = f, f.Change
	}
	return known, last, nil
}

// agree waits until every client knows all messages of a room as the store has them.
func (c *cluster) agree(room chat.RoomID, clients ...*client) {
	c.t.Helper()
	ch, err := c.nodes[0].store.ChangesSince(c.t.Context(), room, 0, 100_000)
	c.must(err)
	want := make(map[chat.MessageID]string)
	for i := range ch.Messages {
		f := shown("", &ch.Messages[i])
		want[f.ID] = fmt.Sprint(f.Change, f.Content, f.Reactions)
	}
	for _, cl := range clients {
		until(c.t, fmt.Sprintf("%s on node %d has all %d messages", cl.name, slices.Index(c.nodes, cl.n), len(want)), func() bool {
			known, last, err := cl.follow(room)
			if err != nil {
				c.t.Fatal(err)
			}
			return last >= ch.LastSeq && len(known) == len(want)
		})
		known, _, err := cl.follow(room)
		c.must(err)
		for id, f := range known {
			if got := fmt.Sprint(f.Change, f.Content, f.Reactions); got != want[id] {
				c.t.Errorf("%s has message %d as %q, the store as %q", cl.name, id, got, want[id])
			}
		}
	}
	for i, n := range c.nodes { // what is in memory says the same
		if n.ended {
			continue
		}
		until(c.t, fmt.Sprintf("node %d has in memory what the store has", i), func() bool {
			page, err := n.Messages(c.t.Context(), chat.Operator, room, chat.MessagesQuery{Limit: 100})
			c.must(err)
			truth, err := n.store.Messages(c.t.Context(), room, chat.MessagesQuery{Limit: 100})
			c.must(err)
			return slices.EqualFunc(page.Messages, truth.Messages, func(a, b chat.Message) bool {
				return a.ID == b.ID && a.ChangeSeq == b.ChangeSeq && a.Content == b.Content
			})
		})
	}
}

// chatter has every client write, edit, react and delete.
func (c *cluster) chatter(room chat.RoomID, rounds int, clients ...*client) {
	c.t.Helper()
	var talking sync.WaitGroup
	for i, cl := range clients {
		talking.Go(func() {
			dice := rand.New(rand.NewPCG(uint64(i), 1))
			ctx := c.t.Context()
			var mine []chat.MessageID
			for round := range rounds {
				m, _, err := cl.n.SendMessage(ctx, cl.by, core.NewMessage{RoomID: room, Content: fmt.Sprintf("%s %d", cl.name, round)})
				if err != nil {
					c.t.Errorf("%s cannot write: %v", cl.name, err)
					return
				}
				mine = append(mine, m.ID)
				some := mine[dice.IntN(len(mine))]
				switch dice.IntN(6) {
				case 0:
					_, err = cl.n.EditMessage(ctx, cl.by, some, fmt.Sprintf("%s edited in round %d", cl.name, round), nil)
				case 1:
					_, _, err = cl.n.React(ctx, cl.by, some, "👍")
				case 2:
					_, err = cl.n.DeleteMessage(ctx, cl.by, some)
				}
				if err != nil && chat.AsError(err).Kind != chat.Conflict {
					c.t.Errorf("%s cannot change a message: %v", cl.name, err)
					return
				}
				if _, err := cl.n.Messages(ctx, cl.by, room, chat.MessagesQuery{Limit: 20}); err != nil { // keeps rooms in memory
					c.t.Error(err)
				}
			}
		})
	}
	talking.Wait()
}

func onPostgres(c *cluster) { c.postgres = pgtest.New(c.t, pgtest.Options{}).Schema(c.t) }
func onRedis(c *cluster)    { c.redis = redistest.URL(c.t) }
