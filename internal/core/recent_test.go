package core_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

// modelMessage is what a message should look like, as far as it can be told from what was done.
type modelMessage struct {
	id              chat.MessageID
	seq, change     chat.Seq
	sender          chat.UserID
	content         string
	deleted, pinned bool
	mentions        []chat.UserID
	reactions       []chat.Reaction
	thread          chat.MessageID
	replies         int
}

func (m modelMessage) String() string {
	return fmt.Sprintf("%d %d/%d %.9s %q deleted=%v pinned=%v %v %v in %d, %d replies", m.id, m.seq, m.change, m.sender, m.content, m.deleted, m.pinned,
		m.mentions, m.reactions, m.thread, m.replies)
}

func shown(m *chat.Message) string {
	return modelMessage{id: m.ID, seq: m.Seq, change: m.ChangeSeq, sender: m.SenderID, content: m.Content, deleted: m.Deleted, pinned: m.Pinned,
		mentions: slices.Clip(m.Mentions), reactions: m.Reactions, thread: m.ThreadID, replies: m.ReplyCount}.String()
}

// model is a room kept in the simplest way that can be thought of.
type model struct {
	id       chat.RoomID
	counter  chat.Seq
	messages []*modelMessage
	read     map[chat.UserID]chat.Seq // of members
}

func (m *model) next() chat.Seq { m.counter++; return m.counter }

func (m *model) add(id chat.MessageID, sender chat.UserID, content string, mentions []chat.UserID, thread chat.MessageID) {
	seq := m.next()
	m.messages = append(m.messages, &modelMessage{id: id, seq: seq, change: seq, sender: sender, content: content, mentions: mentions, thread: thread})
	if sender != "" {
		m.read[sender] = seq
	}
	if root := m.find(thread); root != nil {
		root.replies++
	}
}

func (m *model) find(id chat.MessageID) *modelMessage {
	for _, x := range m.messages {
		if x.id == id {
			return x
		}
	}
	return nil
}

func (m *model) unread(user chat.UserID) (unread, mentions int64) {
	for _, x := range m.messages {
		if x.seq > m.read[user] && x.sender != "" { // what the server says by itself is not counted
			unread++
			if slices.Contains(x.mentions, user) {
				mentions++
			}
		}
	}
	return unread, mentions
}

// said counts what people said.
func (m *model) said() (n int64) {
	for _, x := range m.messages {
		if x.sender != "" {
			n++
		}
	}
	return n
}

func (m *model) react(x *modelMessage, user chat.UserID, emoji string) {
	i := slices.IndexFunc(x.reactions, func(r chat.Reaction) bool { return r.Emoji == emoji })
	if i < 0 {
		x.reactions = append(x.reactions, chat.Reaction{Emoji: emoji})
		i = len(x.reactions) - 1
	}
	if !x.reactions[i].By(user) {
		x.reactions[i].Users = append(x.reactions[i].Users, user)
		x.change = m.next()
	}
}

func (m *model) unreact(x *modelMessage, user chat.UserID, emoji string) {
	i := slices.IndexFunc(x.reactions, func(r chat.Reaction) bool { return r.Emoji == emoji && r.By(user) })
	if i < 0 {
		return
	}
	x.reactions[i].Users = slices.DeleteFunc(x.reactions[i].Users, func(u chat.UserID) bool { return u == user })
	x.reactions = slices.DeleteFunc(x.reactions, func(r chat.Reaction) bool { return len(r.Users) == 0 })
	// The order is that of the first use that still stands, which taking one back can change; here the users are in
	// the order they reacted, but not the emoji, so the test reacts with one emoji per message and person.
	x.change = m.next()
}

// TestRandomHistories does random things in two rooms and compares what the rules then answer, from memory or not, with a
// model, and the answers from memory with the store's.
func TestRandomHistories(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			h := newHistory(t, seed)
			for range 400 {
				h.step()
				if h.rnd.IntN(6) == 0 {
					h.check()
				}
			}
			h.check()
		})
	}
}

type history struct {
	*world
	rnd    *rand.Rand
	owner  chat.Actor
	people []chat.Actor
	rooms  []*model
}

func newHistory(t *testing.T, seed uint64) *history {
	h := &history{world: newWorld(t), rnd: rand.New(rand.NewPCG(seed, 1))}
	h.owner = h.user("owner")
	h.people = []chat.Actor{h.owner, h.user("ann"), h.user("bob"), h.user("cat")}
	for _, name := range []string{"one", "two"} {
		m := &model{id: h.room(name, chat.Public, h.owner), read: map[chat.UserID]chat.Seq{h.owner.UserID: 0}}
		h.rooms = append(h.rooms, m)
		for _, p := range h.people[1:] {
			h.join(m, p)
		}
	}
	return h
}

func (h *history) join(m *model, by chat.Actor) {
	_, err := h.Join(h.ctx, by, m.id)
	h.must(err)
	if _, member := m.read[by.UserID]; !member {
		said := h.last(m.id)
		m.add(said.ID, "", said.Content, nil, 0)
		m.read[by.UserID] = m.counter
	}
}

// pick returns a room, someone who is in it, and one of its newer messages if it has any.
func (h *history) pick() (*model, chat.Actor, *modelMessage) {
	m := h.rooms[min(h.rnd.IntN(4), 1)] // one of them gets more
	by := h.people[h.rnd.IntN(len(h.people))]
	if _, member := m.read[by.UserID]; !member {
		by = h.owner
	}
	if len(m.messages) == 0 {
		return m, by, nil
	}
	from := max(0, len(m.messages)-120)
	return m, by, m.messages[from+h.rnd.IntN(len(m.messages)-from)]
}

func (h *history) step() {
	h.wait(time.Duration(h.rnd.IntN(3)) * time.Millisecond)
	m, by, msg := h.pick()
	emoji := []string{"👍", "🔥", "🎉"}[msg.id%3]
	switch n := h.rnd.IntN(20); {
	case n < 9:
		text, mentions := fmt.Sprintf("text %d", h.rnd.IntN(1000)), []chat.UserID(nil)
		if target := h.people[h.rnd.IntN(len(h.people))]; h.rnd.IntN(3) == 0 {
			user, err := h.store.User(h.ctx, target.UserID)
			h.must(err)
			text += " @" + user.Username
			if _, member := m.read[target.UserID]; member {
				mentions = []chat.UserID{target.UserID}
			}
		}
		draft := core.NewMessage{RoomID: m.id, Content: text, Nonce: fmt.Sprint(h.rnd.IntN(1 << 30))}
		thread := chat.MessageID(0)
		if h.rnd.IntN(3) == 0 && !msg.deleted {
			draft.ParentID, thread = msg.id, msg.id
			if msg.thread != 0 {
				thread = msg.thread
			}
		}
		sent, _, err := h.SendMessage(h.ctx, by, draft)
		h.must(err)
		m.add(sent.ID, by.UserID, text, mentions, thread)
	case n < 11:
		_, err := h.EditMessage(h.ctx, by, msg.id, "edited", nil)
		switch {
		case msg.sender != by.UserID:
			h.want(err, "edit_forbidden")
		case msg.deleted:
			h.want(err, "message_deleted")
		default:
			h.must(err)
			if msg.content != "edited" {
				msg.content, msg.mentions, msg.change = "edited", nil, m.next()
			}
		}
	case n < 12:
		_, err := h.DeleteMessage(h.ctx, by, msg.id)
		if msg.sender != by.UserID && by != h.owner {
			h.want(err, "delete_forbidden")
			return
		}
		h.must(err)
		if !msg.deleted {
			*msg = modelMessage{id: msg.id, seq: msg.seq, change: m.next(), sender: msg.sender, content: chat.DeletedContent, deleted: true, thread: msg.thread, replies: msg.replies}
		}
	case n < 14:
		_, _, err := h.React(h.ctx, by, msg.id, emoji)
		if msg.deleted {
			h.want(err, "message_deleted")
			return
		}
		h.must(err)
		m.react(msg, by.UserID, emoji)
	case n < 15:
		_, _, err := h.Unreact(h.ctx, by, msg.id, emoji)
		h.must(err)
		m.unreact(msg, by.UserID, emoji)
	case n < 16:
		pin := h.rnd.IntN(2) == 0
		do := h.Unpin
		if pin {
			do = h.Pin
		}
		_, err := do(h.ctx, h.owner, msg.id)
		if pin && msg.deleted {
			h.want(err, "message_deleted")
			return
		}
		h.must(err)
		if msg.pinned != pin {
			msg.pinned, msg.change = pin, m.next()
		}
	case n < 18:
		state, err := h.MarkReadMessage(h.ctx, by, msg.id)
		h.must(err)
		m.read[by.UserID] = max(m.read[by.UserID], msg.seq)
		if unread, mentions := m.unread(by.UserID); state.UnreadCount != unread || state.MentionCount != mentions || state.LastReadSeq != m.read[by.UserID] {
			h.Fatalf("after reading %d: %+v, want %d unread and %d mentions", msg.seq, state, unread, mentions)
		}
	case n < 19:
		if by == h.owner {
			return
		}
		h.must(h.Leave(h.ctx, by, m.id))
		delete(m.read, by.UserID)
		said := h.last(m.id)
		m.add(said.ID, "", said.Content, nil, 0)
	default:
		name := fmt.Sprintf("Name %d", h.rnd.IntN(100))
		_, err := h.UpdateProfile(h.ctx, by, core.Profile{DisplayName: &name})
		h.must(err)
		for _, m := range h.rooms {
			for _, p := range h.people {
				if h.rnd.IntN(3) == 0 {
					h.join(m, p)
				}
			}
		}
	}
}

// check compares all that can be read with the model, and what comes from memory with the store.
func (h *history) check() {
	h.Helper()
	for _, m := range h.rooms {
		limit := 1 + h.rnd.IntN(100)
		page, err := h.Messages(h.ctx, h.owner, m.id, chat.MessagesQuery{Limit: limit})
		h.must(err)
		want := m.messages[max(0, len(m.messages)-limit):]
		h.compare("newest", page.Messages, want)
		if page.HasBefore != (len(want) < len(m.messages)) || page.HasAfter {
			h.Fatalf("of %d messages %d are shown, before is %v, after is %v", len(m.messages), len(want), page.HasBefore, page.HasAfter)
		}
		stored, err := h.store.Messages(h.ctx, m.id, chat.MessagesQuery{Limit: limit})
		h.must(err)
		h.identical(page.Messages, stored.Messages)

		since := chat.Seq(h.rnd.IntN(int(m.counter) + 1))
		ch, err := h.Changes(h.ctx, h.owner, m.id, since, 0)
		h.must(err)
		var changed []*modelMessage
		for _, x := range m.messages {
			if x.change > since {
				changed = append(changed, x)
			}
		}
		slices.SortFunc(changed, func(a, b *modelMessage) int { return int(a.change - b.change) })
		h.compare("changes", ch.Messages, changed)
		if ch.LastSeq != m.counter || ch.Truncated {
			h.Fatalf("the last change is %d, truncated %v, want %d", ch.LastSeq, ch.Truncated, m.counter)
		}
		if len(m.messages) > 0 {
			x := m.messages[h.rnd.IntN(len(m.messages))]
			got, err := h.Message(h.ctx, h.owner, x.id)
			h.must(err)
			h.compare("one", []chat.Message{*got}, []*modelMessage{x})
		}
		var pinned int
		for _, x := range m.messages {
			if x.pinned {
				pinned++
			}
		}
		if pins, err := h.Pins(h.ctx, h.owner, m.id); err != nil || len(pins) != pinned {
			h.Fatalf("%d pins, want %d, %v", len(pins), pinned, err)
		}
		for _, by := range h.people {
			view, err := h.Room(h.ctx, by, m.id)
			h.must(err)
			if _, member := m.read[by.UserID]; !member {
				if view.Me != nil {
					h.Fatalf("%s is still a member", by.UserID)
				}
				continue
			}
			unread, mentions := m.unread(by.UserID)
			if view.UnreadCount != unread || view.MentionCount != mentions || view.Me.LastReadSeq != m.read[by.UserID] {
				h.Fatalf("%s has %d unread, %d mentions, read to %d; want %d, %d, %d", by.UserID, view.UnreadCount, view.MentionCount, view.Me.LastReadSeq,
					unread, mentions, m.read[by.UserID])
			}
			if view.Room.MemberCount != len(m.read) || view.Room.LastSeq != m.counter || view.Room.MessageCount != m.said() {
				h.Fatalf("the room counts %+v", view.Room)
			}
		}
	}
}

func (h *history) compare(what string, got []chat.Message, want []*modelMessage) {
	h.Helper()
	if len(got) != len(want) {
		h.Fatalf("%s: %d messages, want %d", what, len(got), len(want))
	}
	users := map[chat.UserID]*chat.User{}
	for i := range got {
		if g, w := shown(&got[i]), want[i].String(); g != w {
			h.Fatalf("%s: message %d of %d\n got %s\nwant %s", what, i, len(got), g, w)
		}
		if got[i].SenderID == "" {
			continue
		}
		user := users[got[i].SenderID]
		if user == nil {
			var err error
			user, err = h.store.User(h.ctx, got[i].SenderID)
			h.must(err)
			users[user.ID] = user
		}
		if got[i].Sender == nil || got[i].Sender.DisplayName != user.DisplayName {
			h.Fatalf("%s: the sender of %d is %+v, who is now %+v", what, got[i].ID, got[i].Sender, user)
		}
	}
}

// identical compares all fields of messages but their senders.
func (h *history) identical(memory, stored []chat.Message) {
	h.Helper()
	for i := range memory {
		a, b := memory[i], stored[i]
		a.Sender, b.Sender = nil, nil
		for _, m := range []*chat.Message{&a, &b} { // empty and nil are the same list
			m.Mentions, m.Reactions = append([]chat.UserID(nil), m.Mentions...), append([]chat.Reaction(nil), m.Reactions...)
			m.Links, m.Attachments = append([]chat.Link(nil), m.Links...), append([]chat.Attachment(nil), m.Attachments...)
		}
		if !reflect.DeepEqual(a, b) {
			h.Fatalf("message %d\nin memory %+v\n   stored %+v", a.ID, a, b)
		}
	}
}

// client is what a connected person knows: a snapshot, kept current by events.
type client struct {
	messages map[chat.MessageID]string
	changes  map[chat.MessageID]chat.Seq
	members  map[chat.UserID]chat.RoomRole
	room     string
}

func roomState(r chat.Room) string {
	return fmt.Sprint(r.Name, r.Topic, r.Description, r.Type, r.Archived, r.OwnerID)
}

func (w *world) snapshot(room chat.RoomID) *client {
	w.Helper()
	c := &client{messages: map[chat.MessageID]string{}, changes: map[chat.MessageID]chat.Seq{}, members: map[chat.UserID]chat.RoomRole{}}
	for since := chat.Seq(0); ; {
		ch, err := w.Changes(w.ctx, chat.Operator, room, since, 0)
		w.must(err)
		for i := range ch.Messages {
			c.put(&ch.Messages[i])
			since = ch.Messages[i].ChangeSeq
		}
		if !ch.Truncated {
			break
		}
	}
	for page := (chat.Page{Limit: 100}); ; {
		members, next, err := w.Members(w.ctx, chat.Operator, room, page)
		w.must(err)
		for _, m := range members {
			c.members[m.User.ID] = m.Member.Role
		}
		if page.Cursor = next; next == "" {
			break
		}
	}
	view, err := w.Room(w.ctx, chat.Operator, room)
	w.must(err)
	c.room = roomState(view.Room)
	return c
}

func (c *client) put(m *chat.Message) {
	if m.ChangeSeq >= c.changes[m.ID] {
		state := *m
		state.ReplyCount = 0 // moves without a change of the message
		c.messages[m.ID], c.changes[m.ID] = shown(&state), m.ChangeSeq
	}
}

func (c *client) apply(room chat.RoomID, ev chat.Event) {
	if ev.Scope().Room != room {
		return
	}
	switch e := ev.(type) {
	case chat.Sequenced:
		c.put(e.State())
	case chat.MemberJoined:
		c.members[e.Member.UserID] = e.Member.Role
	case chat.MemberChanged:
		c.members[e.Member.UserID] = e.Member.Role
	case chat.MemberLeft:
		delete(c.members, e.UserID)
	case chat.RoomChanged:
		c.room = roomState(e.Room)
	}
}

// TestReplay takes snapshots while many people are at work; each, with the events since it was begun, must become what a
// snapshot shows in the end.
func TestReplay(t *testing.T) {
	w := newWorld(t)
	owner := w.user("owner")
	room := w.room("Tea", chat.Public, owner)
	var people []chat.Actor
	for i := range 8 {
		people = append(people, w.user(fmt.Sprint("person", i)))
	}
	w.told()
	var mu sync.Mutex
	var ids []chat.MessageID
	any := func(rnd *rand.Rand) chat.MessageID {
		mu.Lock()
		defer mu.Unlock()
		if len(ids) == 0 {
			return 1
		}
		return ids[rnd.IntN(len(ids))]
	}
	var group sync.WaitGroup
	for i, by := range people {
		group.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(i), 2))
			for n := range 60 {
				var err error
				switch rnd.IntN(9) {
				case 0:
					_, err = w.Join(w.ctx, by, room)
				case 1:
					if i%3 == 0 {
						err = w.Leave(w.ctx, by, room)
					}
				case 2:
					_, _, err = w.React(w.ctx, by, any(rnd), "👍")
				case 3:
					_, err = w.EditMessage(w.ctx, by, any(rnd), fmt.Sprint("edited ", n), nil)
				case 4:
					_, err = w.DeleteMessage(w.ctx, owner, any(rnd))
				case 5:
					_, err = w.SetMemberRole(w.ctx, owner, room, people[rnd.IntN(len(people))].UserID, []chat.RoomRole{chat.RoomMember, chat.RoomAdmin}[rnd.IntN(2)])
				case 6:
					topic := fmt.Sprint("topic ", n)
					_, err = w.UpdateRoom(w.ctx, owner, room, core.RoomChange{Topic: &topic})
				default:
					var msg *chat.Message
					if msg, _, err = w.SendMessage(w.ctx, by, core.NewMessage{RoomID: room, Content: fmt.Sprint(n)}); err == nil {
						mu.Lock()
						ids = append(ids, msg.ID)
						mu.Unlock()
					}
				}
				if kind := chat.AsError(err); kind != nil && kind.Kind == chat.Internal {
					t.Error(err)
				}
			}
		})
	}
	type begun struct {
		from  int
		state *client
	}
	var snapshots []begun
	for range 6 {
		w.mu.Lock()
		from := len(w.events)
		w.mu.Unlock()
		snapshots = append(snapshots, begun{from, w.snapshot(room)})
	}
	group.Wait()
	want := w.snapshot(room)
	events := w.told()
	for i, s := range snapshots {
		for _, ev := range events[s.from:] {
			s.state.apply(room, ev)
		}
		if diff := differences(want, s.state); diff != "" {
			t.Errorf("snapshot %d, begun after %d of %d events:\n%s", i, s.from, len(events), diff)
		}
	}
	var last chat.Seq
	for _, ev := range events {
		if e, ok := ev.(chat.Sequenced); ok {
			if e.State().ChangeSeq != last+1 {
				t.Fatalf("change %d came after %d", e.State().ChangeSeq, last)
			}
			last++
		}
	}
}

func differences(want, got *client) string {
	var b strings.Builder
	if want.room != got.room {
		fmt.Fprintf(&b, "room %q, want %q\n", got.room, want.room)
	}
	if !reflect.DeepEqual(want.members, got.members) {
		fmt.Fprintf(&b, "members %v, want %v\n", got.members, want.members)
	}
	for id, m := range want.messages {
		if got.messages[id] != m {
			fmt.Fprintf(&b, "message %s, want %s\n", got.messages[id], m)
		}
	}
	if len(got.messages) != len(want.messages) {
		fmt.Fprintf(&b, "%d messages, want %d\n", len(got.messages), len(want.messages))
	}
	return b.String()
}
