package hub

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/core/coretest"
	"parley/internal/ws"
)

// words is a dialect of one line per event, which tests can read.
type words struct{}

func (words) Encode(_ context.Context, ev chat.Event, viewer chat.UserID) []byte {
	text := ""
	switch e := ev.(type) {
	case chat.Sequenced:
		text = fmt.Sprintf("%T %d %s", ev, e.State().ChangeSeq, e.State().Content)
	case chat.Typing:
		if e.UserID == viewer {
			return nil
		}
		text = fmt.Sprintf("typing %v", e.Typing)
	case chat.PresenceChanged:
		text = "presence " + string(e.Presence.Status)
	default:
		text = fmt.Sprintf("%T", ev)
	}
	return []byte(text)
}

func (words) Personal(ev chat.Event) []chat.UserID {
	if e, ok := ev.(chat.Typing); ok {
		return []chat.UserID{e.UserID}
	}
	return nil
}

func (words) EncodeChanges(_ context.Context, _ chat.RoomID, ch chat.Changes, _ chat.UserID) []byte {
	seqs := make([]int64, 0, len(ch.Messages))
	for _, m := range ch.Messages {
		seqs = append(seqs, int64(m.ChangeSeq))
	}
	text, _ := json.Marshal(seqs)
	return append([]byte("changes "), text...)
}

func (words) EncodeResync(room chat.RoomID) []byte { return []byte("resync " + room.String()) }

func (words) CloseCode(end End) int { return 4000 + int(end) }

// line is a connection's other end: it keeps what it is given.
type line struct {
	mu     sync.Mutex
	change *sync.Cond
	got    []string
	full   bool
	closed string
}

func newLine() *line {
	l := &line{}
	l.change = sync.NewCond(&l.mu)
	return l
}

func (l *line) Send(f *ws.Frame) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.full {
		return false
	}
	l.got = append(l.got, string(f.Payload()))
	l.change.Broadcast()
	return true
}

func (l *line) Close(code int, reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = fmt.Sprintf("%d %s", code, reason)
	l.change.Broadcast()
}

// wait blocks until ok says yes of what the line holds; a test that waits in vain runs into its timeout.
func (l *line) wait(t *testing.T, ok func(got []string) bool) []string {
	t.Helper()
	timeout := time.AfterFunc(20*time.Second, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.closed = "timeout"
		l.change.Broadcast()
	})
	defer timeout.Stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	for !ok(l.got) {
		if l.closed == "timeout" {
			t.Fatalf("waited in vain; got %q", l.got)
		}
		l.change.Wait()
	}
	return append([]string(nil), l.got...)
}

type stage struct {
	*coretest.World
	hub *Hub
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{}
	sockets := ws.New(ws.Options{})
	s.World = coretest.New(t, nil, func(c *core.Core) {
		s.hub = New(c, sockets, Options{Shards: 3, PresenceEvery: time.Millisecond, PresenceAudience: 3})
	})
	s.hub.Clock = s.World.Clock.Now
	for _, part := range []interface {
		Start(context.Context) error
		Stop(context.Context) error
	}{sockets, s.hub} {
		if err := part.Start(context.Background()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { part.Stop(context.Background()) })
	}
	return s
}

// connect attaches a person, told which rooms they are in.
func (s *stage) connect(by chat.Actor) (*Conn, *line) {
	s.T.Helper()
	l := newLine()
	c := s.hub.Attach(by, words{}, l)
	views, err := s.Rooms(context.Background(), by)
	if err != nil {
		s.T.Fatal(err)
	}
	var rooms []chat.RoomID
	for _, v := range views {
		rooms = append(rooms, v.Room.ID)
	}
	s.hub.Begin(c, rooms, []byte("ready"))
	return c, l
}

func (s *stage) join(c *Conn, room chat.RoomID, since chat.Seq) {
	s.T.Helper()
	if err := s.hub.Join(context.Background(), c, room, since, func(chat.RoomView) {}); err != nil {
		s.T.Fatal(err)
	}
}

func last(want string) func([]string) bool {
	return func(got []string) bool { return len(got) > 0 && got[len(got)-1] == want }
}

func contains(want string) func([]string) bool {
	return func(got []string) bool {
		for _, g := range got {
			if g == want {
				return true
			}
		}
		return false
	}
}

func TestSubscribersHearMessagesAndOthersDoNot(t *testing.T) {
	s := newStage(t)
	ada, bob, eve := s.User("ada"), s.User("bob"), s.User("eve")
	room := s.Room(ada, bob)
	cb, lb := s.connect(bob)
	ce, le := s.connect(eve)
	s.join(cb, room, -1)
	if err := s.hub.Join(context.Background(), ce, room, -1, func(chat.RoomView) { t.Error("a stranger was answered") }); chat.CodeOf(err) != "not_a_member" {
		t.Fatalf("a stranger joined: %v", err)
	}
	m := s.Say(ada, room, "hello")
	lb.wait(t, last(fmt.Sprintf("chat.MessageCreated %d hello", m.ChangeSeq)))
	s.hub.Leave(cb, room)
	s.Say(ada, room, "again")
	s.hub.Detach(ce)
	if got := le.wait(t, func([]string) bool { return true }); contains("chat.MessageCreated")(got) {
		t.Fatalf("a stranger heard %q", got)
	}
	if got := lb.wait(t, func([]string) bool { return true }); contains("chat.MessageCreated 3 again")(got) {
		t.Fatalf("heard after leaving: %q", got)
	}
}

func TestFirstFrameComesFirst(t *testing.T) {
	s := newStage(t)
	ada, bob := s.User("ada"), s.User("bob")
	room := s.Room(ada, bob)
	l := newLine()
	c := s.hub.Attach(bob, words{}, l)
	if _, err := s.MarkRead(context.Background(), ada, room, 1); err != nil {
		t.Fatal(err)
	}
	// What is for bob waits for his first frame.
	m, _, err := s.SendMessage(context.Background(), ada, core.NewMessage{RoomID: room, Content: "hi @bob"})
	if err != nil {
		t.Fatal(err)
	}
	_ = m
	s.flush(bob)
	if got := l.wait(t, func([]string) bool { return true }); len(got) != 0 {
		t.Fatalf("before the first frame: %q", got)
	}
	s.hub.Begin(c, []chat.RoomID{room}, []byte("ready"))
	got := l.wait(t, contains("chat.Notified"))
	if got[0] != "ready" {
		t.Fatalf("first came %q", got[0])
	}
}

// flush waits until the user's shard has done everything before.
func (s *stage) flush(by chat.Actor) {
	done := make(chan struct{})
	s.hub.userShard(by.UserID).post(context.Background(), work{do: func(*shard) { close(done) }})
	<-done
}

// TestResumeUnderLoad has people write while others come, go and resume all the time: everyone must see every message once
// and in order.
func TestResumeUnderLoad(t *testing.T) {
	const writers, each, readers = 4, 60, 6
	s := newStage(t)
	people := make([]chat.Actor, writers+readers)
	for i := range people {
		people[i] = s.User(fmt.Sprintf("user%d", i))
	}
	room := s.Room(people...)
	var writing, reading sync.WaitGroup
	for i := range writers {
		writing.Go(func() {
			for n := range each {
				if _, _, err := s.SendMessage(context.Background(), people[i], core.NewMessage{RoomID: room, Content: fmt.Sprintf("w%d-%d", i, n)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	stopped := make(chan struct{})
	go func() { writing.Wait(); close(stopped) }()
	results := make([][]int64, readers)
	for i := range readers {
		reading.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 1))
			var since int64
			for round := 0; ; round++ {
				var over bool
				select {
				case <-stopped:
					over = true
				default:
				}
				c, l := s.connect(people[writers+i])
				s.join(c, room, chat.Seq(since))
				want := 1 + r.IntN(20)
				if over {
					v, err := s.Core.Room(context.Background(), people[0], room)
					if err != nil {
						t.Error(err)
						return
					}
					final := int64(v.Room.LastSeq)
					got := l.wait(t, func(got []string) bool { s := seqs(got); return final == since || len(s) > 0 && s[len(s)-1] >= final })
					results[i] = append(results[i], seqs(got)...)
					s.hub.Detach(c)
					return
				}
				got := l.wait(t, func(got []string) bool {
					select {
					case <-stopped:
						return true
					default:
						return len(seqs(got)) >= want || round%5 == 4
					}
				})
				s.hub.Detach(c)
				seen := seqs(got)
				results[i] = append(results[i], seen...)
				if len(seen) > 0 {
					since = seen[len(seen)-1]
				}
			}
		})
	}
	// Readers that wait for more when nobody writes any more must look again.
	go func() {
		<-stopped
		for range 100 {
			s.Say(people[0], room, "end")
			time.Sleep(5 * time.Millisecond)
			if s.hub.Stats().Connections == 0 {
				return
			}
		}
	}()
	reading.Wait()
	for i, got := range results {
		for n := range got {
			if n > 0 && got[n] != got[n-1]+1 {
				t.Fatalf("reader %d saw change %d after %d", i, got[n], got[n-1])
			}
		}
		if len(got) < writers*each {
			t.Fatalf("reader %d saw %d changes of at least %d", i, len(got), writers*each)
		}
	}
}

// seqs lists the change_seqs that a line's frames tell of, in order.
func seqs(got []string) []int64 {
	var all []int64
	for _, g := range got {
		var list []int64
		if len(g) > 8 && g[:8] == "changes " && json.Unmarshal([]byte(g[8:]), &list) == nil {
			all = append(all, list...)
			continue
		}
		var kind, content string
		var seq int64
		if n, _ := fmt.Sscanf(g, "%s %d %s", &kind, &seq, &content); n >= 2 && kind != "presence" {
			all = append(all, seq)
		}
	}
	return all
}

// TestGapIsFilled loses events on their way to the hub: what is missing is read from the store, in its place.
func TestGapIsFilled(t *testing.T) {
	s := newStage(t)
	ada, bob := s.User("ada"), s.User("bob")
	room := s.Room(ada, bob)
	c, l := s.connect(bob)
	s.join(c, room, -1)
	first := s.Say(ada, room, "one")
	l.wait(t, last(fmt.Sprintf("chat.MessageCreated %d one", first.ChangeSeq)))
	// Two messages that only the store knows of, as if the bus had lost them, then one that arrives, twice.
	lost := &lossy{core: s.Core}
	two := lost.say(t, ada, room, "two")
	three := lost.say(t, ada, room, "three")
	_ = three
	four := &chat.Message{RoomID: room, ID: two.ID + 100, Seq: two.Seq + 2, ChangeSeq: two.ChangeSeq + 2, Content: "four"}
	s.hub.publish([]chat.Event{chat.MessageCreated{Message: four}, chat.MessageCreated{Message: four}})
	got := l.wait(t, last(fmt.Sprintf("chat.MessageCreated %d four", four.ChangeSeq)))
	if n := len(got); n < 4 || got[n-3] != fmt.Sprintf("chat.MessageCreated %d two", two.ChangeSeq) {
		t.Fatalf("got %q", got)
	}
	for i, seq := range seqs(got) {
		if want := int64(first.ChangeSeq) + int64(i); seq != want {
			t.Fatalf("change %d where %d was due: %q", seq, want, got)
		}
	}
}

// TestGapIsNotNewToWhoHasReadIt fills a gap with a message that was changed within it: it is new to those who missed both, and
// changed for someone who had read it when they joined.
func TestGapIsNotNewToWhoHasReadIt(t *testing.T) {
	s := newStage(t)
	ada, bob, eve := s.User("ada"), s.User("bob"), s.User("eve")
	room := s.Room(ada, bob, eve)
	behind, missed := s.connect(bob)
	s.join(behind, room, -1)
	first := s.Say(ada, room, "one")
	missed.wait(t, last(fmt.Sprintf("chat.MessageCreated %d one", first.ChangeSeq)))
	lost := &lossy{core: s.Core}
	two := lost.say(t, ada, room, "two")
	ahead, read := s.connect(eve)
	s.join(ahead, room, first.ChangeSeq)
	edited := lost.edit(t, two.ID, "two!")
	four := &chat.Message{RoomID: room, ID: two.ID + 100, Seq: edited.ChangeSeq + 1, ChangeSeq: edited.ChangeSeq + 1, Content: "four"}
	s.hub.publish([]chat.Event{chat.MessageCreated{Message: four}})
	for _, see := range []struct {
		line *line
		want string
	}{{missed, "chat.MessageCreated"}, {read, "chat.MessageChanged"}} {
		got := see.line.wait(t, last(fmt.Sprintf("chat.MessageCreated %d four", four.ChangeSeq)))
		if want := fmt.Sprintf("%s %d two!", see.want, edited.ChangeSeq); got[len(got)-2] != want {
			t.Errorf("got %q, want %q before the last", got, want)
		}
	}
}

// lossy stores messages behind the hub's back.
type lossy struct{ core *core.Core }

func (l *lossy) say(t *testing.T, by chat.Actor, room chat.RoomID, content string) *chat.Message {
	t.Helper()
	var msg *chat.Message
	err := l.core.Store.Change(context.Background(), func(tx core.Tx) ([]chat.Event, error) {
		m, _, err := tx.Append(context.Background(), chat.Draft{RoomID: room, SenderID: by.UserID, Type: chat.TextMessage, Content: content, At: time.Now()})
		msg = m
		return nil, err // the event is lost
	})
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

func (l *lossy) edit(t *testing.T, id chat.MessageID, content string) (msg *chat.Message) {
	t.Helper()
	err := l.core.Store.Change(context.Background(), func(tx core.Tx) (_ []chat.Event, err error) {
		msg, err = tx.EditMessage(context.Background(), id, core.Edit{Content: content, At: time.Now()})
		return nil, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

func TestLeavingEndsTheSubscription(t *testing.T) {
	s := newStage(t)
	ada, bob := s.User("ada"), s.User("bob")
	room := s.Room(ada, bob)
	c, l := s.connect(bob)
	s.join(c, room, -1)
	if err := s.RemoveMember(context.Background(), ada, room, bob.UserID); err != nil {
		t.Fatal(err)
	}
	l.wait(t, contains("chat.RoomRemoved"))
	s.Say(ada, room, "among ourselves")
	s.hub.roomShard(room)
	done := make(chan struct{})
	s.hub.roomShard(room).post(context.Background(), work{do: func(*shard) { close(done) }})
	<-done
	for _, g := range l.wait(t, func([]string) bool { return true }) {
		if len(g) > 20 && g[len(g)-17:] == "among ourselves" {
			t.Fatalf("a removed member heard %q", g)
		}
	}
}

func TestFullQueueLetsGo(t *testing.T) {
	s := newStage(t)
	ada, bob := s.User("ada"), s.User("bob")
	room := s.Room(ada, bob)
	c, l := s.connect(bob)
	s.join(c, room, -1)
	s.Say(ada, room, "one")
	l.wait(t, func(got []string) bool { return len(seqs(got)) > 0 })
	l.mu.Lock()
	l.full = true
	l.mu.Unlock()
	s.Say(ada, room, "two")
	l.wait(t, func([]string) bool { return l.closed != "" })
	if l.closed[:4] != fmt.Sprint(4000+int(EndSlow)) {
		t.Fatalf("closed with %q", l.closed)
	}
}

func TestTypingReachesOthersAndEnds(t *testing.T) {
	s := newStage(t)
	ada, bob := s.User("ada"), s.User("bob")
	room := s.Room(ada, bob)
	ca, la := s.connect(ada)
	cb, lb := s.connect(bob)
	s.join(ca, room, -1)
	s.join(cb, room, -1)
	if err := s.Typing(context.Background(), ada, room, 0, true); err != nil {
		t.Fatal(err)
	}
	lb.wait(t, contains("typing true"))
	s.World.Clock.Advance(core.TypingTTL + time.Second)
	lb.wait(t, contains("typing false"))
	if got := la.wait(t, func([]string) bool { return true }); contains("typing true")(got) {
		t.Fatalf("the typist heard %q", got)
	}
	if err := s.Typing(context.Background(), ada, room, 0, true); err != nil {
		t.Fatal(err)
	}
	s.hub.Detach(ca)
	lb.wait(t, func(got []string) bool { return len(got) > 4 && last("typing false")(got) })
}

func TestPresenceGoesToSmallRoomsOnly(t *testing.T) {
	s := newStage(t)
	ada, bob := s.User("ada"), s.User("bob")
	s.Room(ada, bob)
	_, la := s.connect(ada)
	if err := s.Connected(context.Background(), bob); err != nil {
		t.Fatal(err)
	}
	s.connect(bob)
	la.wait(t, contains("presence online"))
	crowd := make([]chat.Actor, 5)
	for i := range crowd {
		crowd[i] = s.User(fmt.Sprintf("crowd%d", i))
	}
	s.Room(crowd...)
	lines := make([]*line, len(crowd))
	for i := range crowd {
		_, lines[i] = s.connect(crowd[i])
	}
	if err := s.Connected(context.Background(), crowd[0]); err != nil {
		t.Fatal(err)
	}
	lines[0].wait(t, contains("presence online")) // one's own devices always
	if got := lines[1].wait(t, func([]string) bool { return true }); contains("presence online")(got) {
		t.Fatalf("presence went to a room of five with a bound of three: %q", got)
	}
}

func TestRevokedSessionIsTold(t *testing.T) {
	s := newStage(t)
	bob := s.User("bob")
	_, l := s.connect(bob)
	s.hub.publish([]chat.Event{chat.SessionRevoked{UserID: bob.UserID, SessionID: bob.SessionID, Reason: "revoked"}})
	l.wait(t, func(got []string) bool { return l.closed != "" })
	if got := l.got[len(l.got)-1]; got != "chat.SessionRevoked" || l.closed != "4000 revoked" {
		t.Fatalf("got %q, closed %q", got, l.closed)
	}
}

// TestLostRightsEndSubscriptions: whoever may no longer read a room stops hearing it, although they stay a member.
func TestLostRightsEndSubscriptions(t *testing.T) {
	s := newStage(t)
	ctx := context.Background()
	ada, bob, eve := s.User("ada"), s.User("bob"), s.User("eve")
	room := s.Room(ada, bob, eve)
	cb, lb := s.connect(bob)
	ce, le := s.connect(eve)
	s.join(cb, room, -1)
	s.join(ce, room, -1)
	if _, err := s.Sanction(ctx, ada, core.Measure{Kind: chat.Timeout, RoomID: room, UserID: bob.UserID, Until: s.World.Clock.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	lb.wait(t, contains("resync "+room.String()))
	m := s.Say(ada, room, "behind bob's back")
	le.wait(t, contains(fmt.Sprintf("chat.MessageCreated %d behind bob's back", m.ChangeSeq)))
	for _, g := range lb.wait(t, func([]string) bool { return true }) {
		if g == fmt.Sprintf("chat.MessageCreated %d behind bob's back", m.ChangeSeq) {
			t.Fatal("someone who is timed out heard a message")
		}
	}
	if err := s.hub.Join(ctx, cb, room, -1, func(chat.RoomView) {}); chat.CodeOf(err) != "timed_out" {
		t.Fatalf("joining while timed out: %v", err)
	}
	if got := le.wait(t, func([]string) bool { return true }); contains("resync " + room.String())(got) {
		t.Fatal("someone with every right was told to resync")
	}
}
