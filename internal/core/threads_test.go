package core_test

import (
	"fmt"
	"testing"

	"parley/internal/chat"
	"parley/internal/core"
)

// forum makes a forum of the server, with a text room beside it.
func (w *world) forum(official bool) (forum chat.RoomID) {
	w.Helper()
	view, err := w.CreateRoom(w.ctx, chat.Operator, core.NewRoom{Name: "Forum", Type: chat.Public, Form: chat.Forum, Official: official})
	w.must(err)
	return view.Room.ID
}

// thread opens a thread.
func (w *world) thread(by chat.Actor, room chat.RoomID, name string) chat.Thread {
	w.Helper()
	th, err := w.CreateThread(w.ctx, by, room, name)
	w.must(err)
	return th
}

// reply says something in a thread.
func (w *world) reply(by chat.Actor, th chat.Thread, text string) *chat.Message {
	w.Helper()
	msg, _, err := w.SendMessage(w.ctx, by, core.NewMessage{RoomID: th.RoomID, ThreadID: th.ID, Content: text})
	w.must(err)
	return msg
}

func (w *world) change(by chat.Actor, th chat.Thread, change core.ThreadChange) {
	w.Helper()
	_, err := w.UpdateThread(w.ctx, by, th.ID, change)
	w.must(err)
}

func TestCreateThread(t *testing.T) {
	w := newWorld(t)
	owner, bob, eve := w.user("owner", chat.RoleOwner), w.user("bob"), w.user("eve")
	forum := w.forum(true)
	text, err := w.CreateRoom(w.ctx, chat.Operator, core.NewRoom{Name: "Text", Type: chat.Public, Official: true})
	w.must(err)
	hidden := w.room("Hidden", chat.Private, owner)
	_, err = w.Sanction(w.ctx, chat.Operator, core.Measure{Kind: chat.Mute, UserID: eve.UserID, Reason: "noise"})
	w.must(err)
	for _, tc := range []struct {
		name, thread string
		by           chat.Actor
		room         chat.RoomID
		code         string
	}{
		{"a text room has no threads of this kind", "x", bob, text.Room.ID, "room_not_forum"},
		{"an unknown room", "x", bob, 9999, "room_not_found"},
		{"a room that is not seen", "x", bob, hidden, "room_not_found"},
		{"without a name", " \t ", bob, forum, "thread_name_invalid"},
		{"with too long a name", fmt.Sprintf("%0101d", 0), bob, forum, "thread_name_invalid"},
		{"somebody who is muted", "x", eve, forum, "muted"},
		{"the operator has no account", "x", chat.Operator, forum, "person_needed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := w.CreateThread(w.ctx, tc.by, tc.room, tc.thread); chat.CodeOf(err) != tc.code {
				t.Errorf("got %v, want %q", err, tc.code)
			}
		})
	}
	w.told()
	th, err := w.CreateThread(core.WithMark(w.ctx, "m1"), bob, forum, " First ")
	w.must(err)
	if th.Name != "First" || th.CreatedBy != bob.UserID || len(th.Participants) != 1 || th.LastMessageID != 0 {
		t.Errorf("created %+v", th)
	}
	events := w.told()
	if got := kinds(events); got != "MemberJoined RoomAdded MessageCreated ThreadCreated" {
		t.Fatalf("told %s", got)
	}
	created := events[3].(chat.ThreadCreated)
	if created.Mark != "m1" || created.Thread.People[bob.UserID] == nil || events[2].(chat.MessageCreated).Message.Mark != "" {
		t.Errorf("told %+v", created)
	}
	views, _, err := w.Threads(w.ctx, eve, forum, false, chat.Page{})
	if err != nil || len(views) != 1 || views[0].Thread.People[bob.UserID] == nil {
		t.Errorf("the list has %+v, %v", views, err)
	}
	page, err := w.Messages(w.ctx, bob, forum, chat.MessagesQuery{})
	if err != nil || len(page.Messages) != 1 || page.Messages[0].Type != chat.ThreadMessage || page.Messages[0].Content != "First" {
		t.Errorf("nobody joined aloud, and the thread begins: %+v, %v", page, err)
	}
}

func TestThreadsAreChanged(t *testing.T) {
	w := newWorld(t)
	mod, bob, eve := w.user("mod", chat.RoleModerator), w.user("bob"), w.user("eve")
	forum := w.forum(true)
	th := w.thread(bob, forum, "t")
	name, yes := "new", true
	for _, tc := range []struct {
		what   string
		by     chat.Actor
		change core.ThreadChange
		code   string
	}{
		{"others change nothing", eve, core.ThreadChange{Name: &name}, "thread_forbidden"},
		{"who opened it does not lock it", bob, core.ThreadChange{Locked: &yes}, "thread_lock_forbidden"},
		{"who opened it archives it", bob, core.ThreadChange{Archived: &yes}, ""},
		{"who opened it renames it", bob, core.ThreadChange{Name: &name}, ""},
		{"who manages threads locks it", mod, core.ThreadChange{Locked: &yes}, ""},
	} {
		t.Run(tc.what, func(t *testing.T) {
			if _, err := w.UpdateThread(w.ctx, tc.by, th.ID, tc.change); chat.CodeOf(err) != tc.code {
				t.Errorf("got %v, want %q", err, tc.code)
			}
		})
	}
	view, err := w.Thread(w.ctx, eve, th.ID)
	if err != nil || view.Thread.Name != "new" || !view.Thread.Locked || !view.Thread.Archived {
		t.Errorf("now %+v, %v", view.Thread, err)
	}
	head, err := w.Message(w.ctx, eve, th.ID)
	if err != nil || head.Content != "new" {
		t.Errorf("its first message says %q, %v", head.Content, err)
	}
	blank := "  "
	_, err = w.UpdateThread(w.ctx, mod, th.ID, core.ThreadChange{Name: &blank})
	w.want(err, "thread_name_invalid")
	w.told()
	w.change(mod, th, core.ThreadChange{})
	if got := kinds(w.told()); got != "ThreadChanged" {
		t.Errorf("a change of nothing tells %s", got)
	}
	_, err = w.Sanction(w.ctx, chat.Operator, core.Measure{Kind: chat.Mute, UserID: bob.UserID, Reason: "noise"})
	w.must(err)
	_, err = w.UpdateThread(w.ctx, bob, th.ID, core.ThreadChange{Name: &name})
	w.want(err, "muted")
}

func TestWhatIsSaidInForums(t *testing.T) {
	w := newWorld(t)
	mod, bob, eve := w.user("mod", chat.RoleModerator), w.user("bob"), w.user("eve")
	forum := w.forum(true)
	open, locked, archived, other := w.thread(bob, forum, "open"), w.thread(bob, forum, "locked"), w.thread(bob, forum, "archived"), w.thread(bob, forum, "other")
	elsewhere := w.thread(bob, w.forum(true), "elsewhere")
	said := map[chat.MessageID]*chat.Message{}
	for _, th := range []chat.Thread{open, locked, archived, other} {
		said[th.ID] = w.reply(eve, th, "x")
	}
	yes := true
	w.change(mod, locked, core.ThreadChange{Locked: &yes})
	w.change(mod, archived, core.ThreadChange{Archived: &yes})
	send := func(n core.NewMessage) error {
		n.RoomID, n.Content = forum, "y"
		_, _, err := w.SendMessage(w.ctx, eve, n)
		return err
	}
	for _, tc := range []struct {
		name string
		err  error
		code string
	}{
		{"outside of threads", send(core.NewMessage{}), "thread_needed"},
		{"in a thread", send(core.NewMessage{ThreadID: open.ID}), ""},
		{"below the first message", send(core.NewMessage{ParentID: open.ID}), ""},
		{"below a reply", send(core.NewMessage{ParentID: said[open.ID].ID}), ""},
		{"below a reply in its thread", send(core.NewMessage{ParentID: said[open.ID].ID, ThreadID: open.ID}), ""},
		{"below a reply of another thread", send(core.NewMessage{ParentID: said[other.ID].ID, ThreadID: open.ID}), "message_not_found"},
		{"in a thread of another room", send(core.NewMessage{ThreadID: elsewhere.ID}), "thread_not_found"},
		{"in what is no thread", send(core.NewMessage{ThreadID: said[open.ID].ID}), "thread_not_found"},
		{"in a locked one", send(core.NewMessage{ThreadID: locked.ID}), "thread_locked"},
		{"a thread in a text room", func() error {
			_, _, err := w.SendMessage(w.ctx, eve, core.NewMessage{RoomID: w.room("Text", chat.Public, eve), ThreadID: open.ID, Content: "x"})
			return err
		}(), "thread_not_found"},
	} {
		if got := chat.CodeOf(tc.err); got != tc.code {
			t.Errorf("%s: %v, want %q", tc.name, tc.err, tc.code)
		}
	}
	for _, c := range []struct {
		th   chat.Thread
		code string
	}{{locked, "thread_locked"}, {archived, "thread_archived"}, {open, ""}} {
		id := said[c.th.ID].ID
		_, _, err := w.React(w.ctx, eve, id, "👍")
		w.want(err, c.code)
		_, _, err = w.Unreact(w.ctx, eve, id, "👍")
		w.want(err, c.code)
		_, err = w.EditMessage(w.ctx, eve, id, "new", nil)
		w.want(err, c.code)
		_, err = w.Pin(w.ctx, mod, id)
		w.want(err, c.code)
		_, err = w.DeleteMessage(w.ctx, eve, id)
		w.want(err, c.code)
	}
	_, err := w.DeleteMessage(w.ctx, bob, open.ID)
	w.want(err, "thread_head")
	_, err = w.EditMessage(w.ctx, bob, open.ID, "name", nil)
	w.want(err, "thread_head")
	w.told()
	w.want(send(core.NewMessage{ThreadID: archived.ID}), "")
	events := w.told()
	changed, back := events[len(events)-1].(chat.ThreadChanged)
	if !back || changed.Thread.Archived || changed.Thread.People[bob.UserID] == nil {
		t.Errorf("it is told that it is back, with who is in it: %+v", events)
	}
	view, err := w.Thread(w.ctx, eve, archived.ID)
	if err != nil || view.Thread.Archived || !view.Thread.TakesPart(eve.UserID) {
		t.Errorf("brought back: %+v, %v", view.Thread, err)
	}
}

func TestThreadsAreJoinedAndLeft(t *testing.T) {
	w := newWorld(t)
	mod, bob, eve := w.user("mod", chat.RoleModerator), w.user("bob"), w.user("eve")
	forum := w.forum(true)
	th := w.thread(bob, forum, "t")
	for range 2 {
		w.told()
		got, err := w.JoinThread(w.ctx, eve, th.ID)
		if told := kinds(w.told()); err != nil || !got.TakesPart(eve.UserID) || told != "MemberJoined RoomAdded ThreadJoined" && told != "ThreadJoined" {
			t.Errorf("joined %+v, %v, told %s", got, err, told)
		}
	}
	got, err := w.LeaveThread(w.ctx, eve, th.ID)
	if events := w.told(); err != nil || got.TakesPart(eve.UserID) || kinds(events) != "ThreadLeft" || events[0].(chat.ThreadLeft).Thread.People[eve.UserID] == nil {
		t.Errorf("left %+v, %v, told %+v", got, err, events)
	}
	if got, err = w.LeaveThread(w.ctx, bob, th.ID); err != nil || !got.TakesPart(bob.UserID) {
		t.Errorf("who opened it stays: %+v, %v", got, err)
	}
	yes := true
	w.change(mod, th, core.ThreadChange{Locked: &yes})
	_, err = w.JoinThread(w.ctx, eve, th.ID)
	w.want(err, "thread_locked")
	hidden := w.room("Hidden", chat.Private, bob)
	_, err = w.JoinThread(w.ctx, eve, chat.MessageID(hidden)+9999)
	w.want(err, "thread_not_found")
}

func TestThreadsAreDeleted(t *testing.T) {
	w := newWorld(t)
	mod, bob, eve := w.user("mod", chat.RoleModerator), w.user("bob"), w.user("eve")
	forum := w.forum(true)
	th, second := w.thread(bob, forum, "t"), w.thread(bob, forum, "second")
	var last *chat.Message
	for range 120 { // more than go at once
		last = w.reply(eve, th, "x")
	}
	_, err := w.DeleteThread(w.ctx, eve, th.ID)
	w.want(err, "thread_forbidden")
	w.told()
	_, err = w.DeleteThread(core.WithMark(w.ctx, "m"), bob, th.ID)
	w.must(err)
	events := w.told()
	if gone, ok := events[0].(chat.ThreadDeleted); !ok || gone.ThreadID != th.ID || gone.Mark != "m" || len(events) != 122 {
		t.Errorf("told %d events, first %+v", len(events), events[0])
	}
	if msg, err := w.Message(w.ctx, eve, last.ID); err != nil || !msg.Deleted || msg.Content != chat.DeletedContent {
		t.Errorf("the last reply: %+v, %v", msg, err)
	}
	_, err = w.Thread(w.ctx, bob, th.ID)
	w.want(err, "thread_not_found")
	_, _, err = w.SendMessage(w.ctx, bob, core.NewMessage{RoomID: forum, ThreadID: th.ID, Content: "x"})
	w.want(err, "thread_not_found")
	_, err = w.DeleteThread(w.ctx, mod, second.ID)
	w.must(err)
	left, err := w.store.DeletedThreads(w.ctx)
	if err != nil || len(left) != 0 {
		t.Errorf("left to do: %v, %v", left, err)
	}
}

func TestReadPositions(t *testing.T) {
	w := newWorld(t)
	ada, bob, eve := w.user("ada"), w.user("bob"), w.user("eve")
	view, err := w.CreateRoom(w.ctx, chat.Operator, core.NewRoom{Name: "Text", Type: chat.Public, Official: true})
	w.must(err)
	text, forum := view.Room.ID, w.forum(true)
	private := w.room("Private", chat.Public, ada)
	th := w.thread(ada, forum, "t")
	var m, r []*chat.Message
	for range 5 {
		msg, _, err := w.SendMessage(w.ctx, ada, core.NewMessage{RoomID: text, Content: "x", KeepRead: true})
		w.must(err)
		m = append(m, msg)
		r = append(r, w.reply(ada, th, "x"))
	}
	position := func(by chat.Actor, room chat.RoomID, thread chat.MessageID) string {
		t.Helper()
		p, err := w.ReadPosition(w.ctx, by, room, thread)
		w.must(err)
		return fmt.Sprint(p.LastRead, " ", p.Unread, "/", p.Total)
	}
	ack := func(by chat.Actor, what core.Read, told string) chat.PositionMoved {
		t.Helper()
		w.told()
		moved, err := w.AckRead(core.WithMark(w.ctx, "m"), by, what)
		w.must(err)
		if got := kinds(w.told()); got != told {
			t.Errorf("told %s, want %s", got, told)
		}
		return moved
	}
	if got := position(bob, text, 0); got != "0 5/5" {
		t.Errorf("who never read: %s", got)
	}
	moved := ack(bob, core.Read{RoomID: text, MessageID: m[2].ID}, "MemberJoined RoomAdded UnreadChanged PositionMoved")
	if got := position(bob, text, 0); got != fmt.Sprint(m[2].ID, " 2/5") || moved.MessageID != m[2].ID || moved.Mark != "m" {
		t.Errorf("read to the third: %s, %+v", got, moved)
	}
	ack(bob, core.Read{RoomID: text}, "ReadMoved UnreadChanged PositionMoved")
	moved = ack(bob, core.Read{RoomID: text}, "PositionMoved")
	if got := position(bob, text, 0); got != fmt.Sprint(m[4].ID, " 0/5") || moved.MessageID != m[4].ID {
		t.Errorf("read all: %s", got)
	}
	ack(bob, core.Read{RoomID: text, MessageID: m[0].ID}, "UnreadChanged PositionMoved")
	if got := position(bob, text, 0); got != fmt.Sprint(m[0].ID, " 4/5") {
		t.Errorf("back: %s", got)
	}
	ack(bob, core.Read{RoomID: text, MessageID: core.ReadNothing}, "UnreadChanged")
	if got := position(bob, text, 0); got != "0 5/5" {
		t.Errorf("nothing: %s", got)
	}
	ack(eve, core.Read{RoomID: forum, ThreadID: th.ID, MessageID: r[1].ID}, "MemberJoined RoomAdded UnreadChanged PositionMoved")
	if got := position(eve, forum, th.ID); got != fmt.Sprint(r[1].ID, " 3/5") {
		t.Errorf("of the thread: %s", got)
	}
	all, err := w.ReadPositions(w.ctx, eve, []chat.RoomID{text, forum, private, 9999})
	if err != nil || len(all) != 3 {
		t.Errorf("all of them: %+v, %v", all, err)
	}
	for _, tc := range []struct {
		what core.Read
		code string
	}{
		{core.Read{RoomID: 9999}, "room_not_found"}, {core.Read{RoomID: private}, "not_a_member"},
		{core.Read{RoomID: text, ThreadID: th.ID}, "thread_not_found"}, {core.Read{RoomID: text, MessageID: r[0].ID}, "message_not_found"},
		{core.Read{RoomID: forum, ThreadID: w.thread(ada, forum, "2").ID, MessageID: r[0].ID}, "message_not_found"},
	} {
		_, err := w.AckRead(w.ctx, eve, tc.what)
		w.want(err, tc.code)
	}
	empty, err := w.CreateRoom(w.ctx, chat.Operator, core.NewRoom{Name: "Empty", Type: chat.Public, Official: true})
	w.must(err)
	if moved := ack(bob, core.Read{RoomID: empty.Room.ID}, ""); moved.MessageID != 0 {
		t.Errorf("nothing to read: %+v", moved)
	}
	page, err := w.Shown(w.ctx, eve, chat.ShownQuery{RoomID: forum, ThreadID: th.ID, Limit: 2})
	if err != nil || len(page.Messages) != 2 || page.First != 3 || page.Messages[0].Sender == nil {
		t.Errorf("shown %+v, %v", page, err)
	}
	_, err = w.Shown(w.ctx, eve, chat.ShownQuery{RoomID: private, Limit: 2})
	w.want(err, "not_a_member")
	w.told()
	_, err = w.MarkRead(w.ctx, eve, forum, r[4].Seq)
	w.must(err)
	if got := position(eve, forum, th.ID); got != fmt.Sprint(r[4].ID, " 0/5") {
		t.Errorf("who has read the forum has read its threads: %s", got)
	}
}
