package storetest

import (
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

func init() {
	tell("threads",
		story{"a thread is read back as stored, and changed", threadReadBack},
		story{"threads of a room come with the latest message first, page by page", threadsInOrder},
		story{"a reply counts, moves the thread, and lets its sender take part and have read it", threadReply},
		story{"who deletes the last reply gives its place to the one before", threadLastReply},
		story{"nothing is said in a thread that is locked, gone or of another room", threadClosed},
		story{"what is said in an archived thread brings it back", threadReopened},
		story{"people come and go", threadPeople},
		story{"a deleted thread is gone at once, and empties part by part", threadDeleted},
		story{"what is unread of a forum is what is unread in its threads", threadUnread},
		story{"a mention in a thread is unread until that is read", threadMentions},
		story{"notifications of a thread are read with it", threadNotifications},
	)
}

// forum makes a forum with members.
func (w *world) forum(members ...chat.UserID) chat.RoomID {
	w.Helper()
	return w.addRoom(chat.Room{Type: chat.Public, Form: chat.Forum, Name: "Forum"}, members...)
}

// thread opens a thread.
func (w *world) thread(room chat.RoomID, by chat.UserID, name string) chat.Thread {
	w.Helper()
	var th chat.Thread
	w.change(func(tx core.Tx) error {
		head, _, err := tx.Append(w.ctx, chat.Draft{RoomID: room, SenderID: by, Type: chat.ThreadMessage, Content: name, At: Start})
		if err != nil {
			return err
		}
		if err := tx.CreateThread(w.ctx, chat.Thread{ID: head.ID, RoomID: room, Name: name, CreatedBy: by, CreatedAt: head.CreatedAt}); err != nil {
			return err
		}
		th, err = tx.Thread(w.ctx, head.ID)
		return err
	})
	return th
}

// inThread is the draft of a reply.
func inThread(th chat.Thread, by chat.UserID, content string) chat.Draft {
	return plain(chat.Draft{RoomID: th.RoomID, SenderID: by, Content: content, ParentID: th.ID, ThreadID: th.ID, Forum: true})
}

func (w *world) updateThread(th chat.Thread) chat.Thread {
	w.Helper()
	w.change(func(tx core.Tx) (err error) { th, err = tx.UpdateThread(w.ctx, th); return err })
	return th
}

func (w *world) threadUnread(user chat.UserID, th chat.Thread) int64 {
	w.Helper()
	return must(w.ThreadPositions(w.ctx, user, []chat.MessageID{th.ID}))[th.ID].Unread
}

func threadReadBack(w *world) {
	ada := w.addUser("ada")
	room := w.forum(ada)
	th := w.thread(room, ada, "First")
	head := w.message(th.ID)
	want := chat.Thread{ID: head.ID, RoomID: room, Name: "First", CreatedBy: ada, CreatedAt: head.CreatedAt, LastMessageAt: head.CreatedAt, Version: 1,
		Participants: []chat.UserID{ada}}
	same(w, "created", th, want)
	same(w, "the type of its head", head.Type, chat.ThreadMessage)
	want.Name, want.Locked, want.Archived = "Second", true, true
	change := want
	change.CreatedBy, change.LastMessageID, change.Participants = "x", 4711, nil // are not changed
	want.Version = 2
	same(w, "changed", w.updateThread(change), want)
	same(w, "read again", must(w.Thread(w.ctx, th.ID)), want)
	_, err := w.Thread(w.ctx, 4711)
	w.wantCode(err, "thread_not_found")
	w.refused("thread_not_found", func(tx core.Tx) error {
		_, err := tx.UpdateThread(w.ctx, chat.Thread{ID: 4711, RoomID: room})
		return err
	})
	w.refused("thread_not_found", func(tx core.Tx) error { return tx.HideThread(w.ctx, 4711) })
}

func threadsInOrder(w *world) {
	ada := w.addUser("ada")
	room, other := w.forum(ada), w.forum(ada)
	w.thread(room, ada, "a")
	b := w.thread(room, ada, "b")
	w.thread(room, ada, "c")
	d := w.thread(room, ada, "d")
	w.thread(other, ada, "e")
	w.post(inThread(b, ada, "x"))
	d.Archived = true
	w.updateThread(d)
	names := func(list []chat.Thread) []string { return pick(list, func(t chat.Thread) string { return t.Name }) }
	var got []string
	for page := (chat.Page{Limit: 2}); ; {
		list, next, err := w.RoomThreads(w.ctx, room, false, page)
		if err != nil {
			w.Fatal(err)
		}
		got = append(got, names(list)...)
		if page.Cursor = next; next == "" {
			break
		}
	}
	same(w, "open threads", got, []string{"b", "c", "a"})
	archived, _, err := w.RoomThreads(w.ctx, room, true, chat.Page{Limit: 50})
	same(w, "archived threads", names(archived), []string{"d"})
	w.wantCode(err, "")
	same(w, "all threads of both", len(must(w.Threads(w.ctx, []chat.RoomID{room, other}))), 5)
	same(w, "of the other", names(must(w.Threads(w.ctx, []chat.RoomID{other}))), []string{"e"})
	same(w, "open ones first", names(must(w.Threads(w.ctx, []chat.RoomID{room}))), []string{"b", "c", "a", "d"})
	same(w, "of none", len(must(w.Threads(w.ctx, nil))), 0)
	same(w, "participants in lists", must(w.Threads(w.ctx, []chat.RoomID{other}))[0].Participants, []chat.UserID{ada})
	_, _, err = w.RoomThreads(w.ctx, room, false, chat.Page{Limit: 2, Cursor: "!"})
	w.wantCode(err, "cursor_invalid")
}

func threadReply(w *world) {
	ada, bob, eve := w.addUser("ada"), w.addUser("bob"), w.addUser("eve")
	room := w.forum(ada, bob, eve)
	th := w.thread(room, ada, "t")
	first := w.post(inThread(th, bob, "one"))
	kept := inThread(th, eve, "two")
	kept.KeepRead = true
	second := w.post(kept)
	got := must(w.Thread(w.ctx, th.ID))
	same(w, "replies", got.MessageCount, int64(2))
	same(w, "last", got.LastMessageID, second.ID)
	same(w, "last at", got.LastMessageAt, second.CreatedAt)
	same(w, "takes part", got.Participants, []chat.UserID{ada, bob, eve})
	same(w, "version", got.Version, int64(1))
	same(w, "unread of the one who wrote first", w.threadUnread(bob, th), int64(1))
	same(w, "unread of the one whose place was kept", w.threadUnread(eve, th), int64(2))
	same(w, "unread of the one who opened it", w.threadUnread(ada, th), int64(2))
	m := must(w.Member(w.ctx, room, bob))
	same(w, "the place in the room stays", m.LastReadSeq, chat.Seq(0))
	same(w, "replies of the head", w.message(th.ID).ReplyCount, 2)
	p := must(w.ThreadPositions(w.ctx, bob, []chat.MessageID{th.ID, 4711}))
	same(w, "positions", p, map[chat.MessageID]chat.ReadPosition{th.ID: {RoomID: room, ThreadID: th.ID, LastRead: first.ID, Unread: 1, Total: 2}})
	hook := inThread(th, "", "from outside")
	w.post(hook)
	same(w, "nobody takes part by a post", len(must(w.Thread(w.ctx, th.ID)).Participants), 3)
}

func threadLastReply(w *world) {
	ada := w.addUser("ada")
	th := w.thread(w.forum(ada), ada, "t")
	first, second := w.post(inThread(th, ada, "one")), w.post(inThread(th, ada, "two"))
	for _, step := range []struct {
		id, last chat.MessageID
		at       time.Time
	}{{second.ID, first.ID, first.CreatedAt}, {first.ID, 0, th.CreatedAt}} {
		w.change(func(tx core.Tx) error { _, _, err := tx.DeleteMessage(w.ctx, step.id, ada, Start); return err })
		got := must(w.Thread(w.ctx, th.ID))
		if got.LastMessageID != step.last || !got.LastMessageAt.Equal(step.at) {
			w.Errorf("after %d was deleted: last %d at %v, want %d at %v", step.id, got.LastMessageID, got.LastMessageAt, step.last, step.at)
		}
	}
	same(w, "replies", must(w.Thread(w.ctx, th.ID)).MessageCount, int64(0))
}

func threadClosed(w *world) {
	ada := w.addUser("ada")
	room, other := w.forum(ada), w.forum(ada)
	th, gone := w.thread(room, ada, "t"), w.thread(room, ada, "gone")
	w.change(func(tx core.Tx) error { return tx.HideThread(w.ctx, gone.ID) })
	elsewhere := inThread(th, ada, "x")
	elsewhere.RoomID = other
	th.Locked = true
	th = w.updateThread(th)
	before := must(w.Room(w.ctx, room)).LastSeq
	for _, c := range []struct {
		draft chat.Draft
		code  string
	}{{inThread(th, ada, "x"), "thread_locked"}, {inThread(gone, ada, "x"), "thread_not_found"}, {elsewhere, "thread_not_found"}} {
		_, _, err := w.Append(w.ctx, c.draft)
		w.wantCode(err, c.code)
	}
	same(w, "nothing was stored", must(w.Room(w.ctx, room)).LastSeq, before)
}

func threadReopened(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	th := w.thread(w.forum(ada, bob), ada, "t")
	th.Archived = true
	th = w.updateThread(th)
	w.heard()
	m := w.post(inThread(th, bob, "x"))
	events := w.heard()
	if len(events) != 2 {
		w.Fatalf("events %v", events)
	}
	_, created := events[0].(chat.MessageCreated)
	changed, ok := events[1].(chat.ThreadChanged)
	if !created || !ok || changed.Thread.Archived || changed.Thread.LastMessageID != m.ID || changed.Thread.Version != 3 {
		w.Errorf("events %+v", events)
	}
	same(w, "it is back", must(w.Thread(w.ctx, th.ID)).Archived, false)
	w.heard()
	w.post(inThread(th, bob, "y"))
	same(w, "told once", len(w.heard()), 1)
}

func threadPeople(w *world) {
	ada, bob, eve := w.addUser("ada"), w.addUser("bob"), w.addUser("eve")
	th := w.thread(w.forum(ada, bob, eve), ada, "t")
	join := func(user chat.UserID, after time.Duration) (joined bool) {
		w.change(func(tx core.Tx) (err error) {
			joined, err = tx.JoinThread(w.ctx, th.ID, user, Start.Add(after))
			return err
		})
		return joined
	}
	leave := func(user chat.UserID) (left bool) {
		w.change(func(tx core.Tx) (err error) { left, err = tx.LeaveThread(w.ctx, th.ID, user); return err })
		return left
	}
	same(w, "eve joins", join(eve, time.Second), true)
	same(w, "bob joins", join(bob, 2*time.Second), true)
	same(w, "bob joins again", join(bob, 3*time.Second), false)
	same(w, "nobody joins", join("nobody", 0), false)
	same(w, "participants", must(w.Thread(w.ctx, th.ID)).Participants, []chat.UserID{ada, eve, bob})
	same(w, "eve leaves", leave(eve), true)
	same(w, "eve leaves again", leave(eve), false)
	w.change(func(tx core.Tx) error { return tx.DeleteUser(w.ctx, bob) })
	same(w, "who is left", must(w.Thread(w.ctx, th.ID)).Participants, []chat.UserID{ada})
	w.change(func(tx core.Tx) error { return tx.DeleteUser(w.ctx, ada) })
	same(w, "it outlives whoever opened it", must(w.Thread(w.ctx, th.ID)).CreatedBy, ada)
}

func threadDeleted(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	room := w.forum(ada, bob)
	th, other := w.thread(room, ada, "t"), w.thread(room, ada, "other")
	var replies []chat.MessageID
	for range 3 {
		replies = append(replies, w.post(inThread(th, bob, "x")).ID)
	}
	w.post(inThread(other, bob, "stays"))
	w.change(func(tx core.Tx) error { return tx.HideThread(w.ctx, th.ID) })
	_, err := w.Thread(w.ctx, th.ID)
	w.wantCode(err, "thread_not_found")
	same(w, "in lists", len(must(w.Threads(w.ctx, []chat.RoomID{room}))), 1)
	same(w, "what is to be done", must(w.DeletedThreads(w.ctx)), []chat.MessageID{th.ID})
	unread, _, err := w.Unread(w.ctx, room, ada)
	w.wantCode(err, "")
	same(w, "unread of the room", unread, int64(1))
	for want := range []int{2, 1, 0} {
		w.change(func(tx core.Tx) error {
			some, err := tx.RemainingReplies(w.ctx, th.ID, 2)
			if err != nil {
				return err
			}
			same(w, "the next", some[0], replies[want])
			_, _, err = tx.DeleteMessage(w.ctx, some[0], ada, Start)
			return err
		})
	}
	w.change(func(tx core.Tx) error {
		some, err := tx.RemainingReplies(w.ctx, th.ID, 2)
		same(w, "none is left", len(some), 0)
		if err != nil {
			return err
		}
		return tx.RemoveThread(w.ctx, th.ID)
	})
	w.change(func(tx core.Tx) error { return tx.RemoveThread(w.ctx, other.ID) }) // is not hidden, and stays
	same(w, "done", len(must(w.DeletedThreads(w.ctx))), 0)
	same(w, "the other", must(w.Thread(w.ctx, other.ID)).MessageCount, int64(1))
	same(w, "a reply", w.message(replies[0]).Content, chat.DeletedContent)
	w.refused("thread_not_found", func(tx core.Tx) error { return tx.HideThread(w.ctx, th.ID) })
}

func threadUnread(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	room := w.forum(ada, bob)
	text := w.addRoom(chat.Room{Type: chat.Public, Name: "Text"}, ada, bob)
	a, b := w.thread(room, ada, "a"), w.thread(room, ada, "b")
	var last *chat.Message
	for range 3 {
		last = w.post(inThread(a, ada, "x"))
		w.post(inThread(b, ada, "y"))
	}
	w.say(text, ada, "z")
	unread := func(want int64) {
		w.Helper()
		n, _, err := w.Unread(w.ctx, room, bob)
		w.wantCode(err, "")
		same(w, "unread", n, want)
		for _, v := range must(w.RoomsOf(w.ctx, bob)) {
			if v.Room.ID == room {
				same(w, "unread in the list", v.UnreadCount, want)
			} else {
				same(w, "unread of the text room", v.UnreadCount, int64(1))
			}
		}
	}
	unread(6) // and not the threads themselves
	w.change(func(tx core.Tx) error { return tx.SetThreadRead(w.ctx, a.ID, bob, last.Seq, Start) })
	unread(3)
	w.change(func(tx core.Tx) error { return tx.SetThreadRead(w.ctx, a.ID, bob, 0, Start) }) // back
	unread(6)
	w.change(func(tx core.Tx) error { _, _, err := tx.DeleteMessage(w.ctx, last.ID, ada, Start); return err })
	unread(5)
	w.read(room, bob, 999, Start)
	unread(2) // where somebody stands in a thread is where they stand
	w.change(func(tx core.Tx) error { return tx.ReadThreads(w.ctx, room, bob, 999) })
	unread(0)
	w.post(inThread(b, ada, "new"))
	unread(1)
	eve := w.addUser("eve")
	w.putMember(chat.Member{RoomID: room, UserID: eve, Role: chat.RoomMember, JoinedAt: Start})
	n, _, err := w.Unread(w.ctx, room, eve)
	w.wantCode(err, "")
	same(w, "unread of a new member", n, int64(0))
}

func threadMentions(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	room := w.forum(ada, bob)
	a, b := w.thread(room, ada, "a"), w.thread(room, ada, "b")
	d := inThread(a, ada, "@bob")
	d.Mentions = []chat.UserID{bob}
	m := w.post(d)
	w.post(inThread(b, ada, "more"))
	mentions := func(want int64) {
		w.Helper()
		_, n, err := w.Unread(w.ctx, room, bob)
		w.wantCode(err, "")
		same(w, "mentions", n, want)
	}
	mentions(1)
	w.change(func(tx core.Tx) error { return tx.SetThreadRead(w.ctx, b.ID, bob, 999, Start) })
	mentions(1)
	w.change(func(tx core.Tx) error { return tx.SetThreadRead(w.ctx, a.ID, bob, m.Seq, Start) })
	mentions(0)
}

func threadNotifications(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	room := w.forum(ada, bob)
	a, b := w.thread(room, ada, "a"), w.thread(room, ada, "b")
	var last chat.MessageID
	for _, th := range []chat.Thread{a, b, a, a} {
		d := inThread(th, ada, "@bob")
		d.Notify = []chat.Notification{{UserID: bob, Type: chat.NotifyMention}}
		last = w.post(d).ID
	}
	w.change(func(tx core.Tx) error {
		n, err := tx.ReadThreadNotifications(w.ctx, bob, a.ID, last-1, Start)
		same(w, "read", n, 2)
		return err
	})
	same(w, "left", len(w.notifications(bob, true, Start)), 2)
}
