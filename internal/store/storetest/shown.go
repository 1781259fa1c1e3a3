package storetest

import (
	"fmt"
	"slices"
	"strconv"

	"parley/internal/chat"
	"parley/internal/core"
)

func init() {
	tell("shown messages",
		story{"the newest, what is before them, and how long the list is", shownNewest},
		story{"what is not listed takes no place", shownGaps},
		story{"around a message", shownAround},
		story{"only of one thread", shownOfThread},
		story{"places in a long room are found without reading it", shownLong},
		story{"the newest shown message up to a place", shownUpTo},
		story{"where a person stands", shownPositions},
	)
}

// lines writes n messages whose contents are their numbers from 0.
func (w *world) lines(room chat.RoomID, by chat.UserID, n int) (messages []*chat.Message) {
	w.Helper()
	for i := range n {
		messages = append(messages, w.post(chat.Draft{RoomID: room, SenderID: by, Content: strconv.Itoa(i)}))
	}
	return messages
}

// shown renders a part of a list: its contents, the place of the first, and the length of the whole.
func (w *world) shown(q chat.ShownQuery) string {
	w.Helper()
	page, err := w.Shown(w.ctx, q)
	if err != nil {
		return chat.CodeOf(err)
	}
	return fmt.Sprint(pick(page.Messages, func(m chat.Message) string { return m.Content }), " ", page.First, "/", page.Total)
}

func (w *world) drop(id chat.MessageID) {
	w.Helper()
	w.change(func(tx core.Tx) error { _, _, err := tx.DeleteMessage(w.ctx, id, "", Start); return err })
}

func shownNewest(w *world) {
	ada := w.addUser("ada")
	room, other := w.addRoom(chat.Room{Type: chat.Public}, ada), w.addRoom(chat.Room{Type: chat.Public}, ada)
	same(w, "of an empty room", w.shown(chat.ShownQuery{RoomID: room, Limit: 3}), "[] 0/0")
	m := w.lines(room, ada, 8)
	far := w.lines(other, ada, 1)
	for _, c := range []struct {
		q    chat.ShownQuery
		want string
	}{
		{chat.ShownQuery{Limit: 3}, "[5 6 7] 5/8"},
		{chat.ShownQuery{Limit: 200}, "[0 1 2 3 4 5 6 7] 0/8"},
		{chat.ShownQuery{Skip: 3, Limit: 3}, "[2 3 4] 2/8"},
		{chat.ShownQuery{Skip: 7, Limit: 3}, "[0] 0/8"},
		{chat.ShownQuery{Skip: 8, Limit: 3}, "[] 0/8"},
		{chat.ShownQuery{Skip: 800, Limit: 3}, "[] 0/8"},
		{chat.ShownQuery{Before: m[5].ID, Limit: 2}, "[3 4] 3/8"},
		{chat.ShownQuery{Before: m[0].ID, Limit: 2}, "[] 0/8"},
		{chat.ShownQuery{Before: far[0].ID, Limit: 2}, "message_not_found"},
		{chat.ShownQuery{Before: 4711, Limit: 2}, "message_not_found"},
	} {
		c.q.RoomID = room
		if got := w.shown(c.q); got != c.want {
			w.Errorf("%+v: %s, want %s", c.q, got, c.want)
		}
	}
}

func shownGaps(w *world) {
	ada := w.addUser("ada")
	room := w.addRoom(chat.Room{Type: chat.Public}, ada)
	m := w.lines(room, ada, 3)
	system := w.post(chat.Draft{RoomID: room, Type: chat.SystemMessage, Content: "bob joined"})
	m = append(m, w.lines(room, ada, 3)...)
	w.drop(m[1].ID)
	w.drop(m[4].ID)
	w.drop(system.ID)
	w.drop(m[4].ID) // again
	same(w, "the newest", w.shown(chat.ShownQuery{RoomID: room, Limit: 2}), "[0 2] 2/4")
	same(w, "skipped", w.shown(chat.ShownQuery{RoomID: room, Skip: 2, Limit: 5}), "[0 2] 0/4")
	same(w, "before a tombstone", w.shown(chat.ShownQuery{RoomID: room, Before: m[4].ID, Limit: 2}), "[2 0] 1/4")
	same(w, "around a tombstone", w.shown(chat.ShownQuery{RoomID: room, Around: m[4].ID, Newer: 1, Older: 1}), "message_not_found")
	same(w, "around a line of the server", w.shown(chat.ShownQuery{RoomID: room, Around: system.ID}), "message_not_found")
	same(w, "around another", w.shown(chat.ShownQuery{RoomID: room, Around: m[3].ID, Newer: 1, Older: 2}), "[0 2 0 2] 0/4")
}

func shownAround(w *world) {
	ada := w.addUser("ada")
	room, other := w.addRoom(chat.Room{Type: chat.Public}, ada), w.addRoom(chat.Room{Type: chat.Public}, ada)
	m := w.lines(room, ada, 10)
	far := w.lines(other, ada, 1)
	for _, c := range []struct {
		at           chat.MessageID
		newer, older int
		want         string
	}{
		{m[5].ID, 2, 3, "[2 3 4 5 6 7] 2/10"}, {m[9].ID, 50, 1, "[8 9] 8/10"}, {m[0].ID, 1, 50, "[0 1] 0/10"}, {m[5].ID, 0, 0, "[5] 5/10"},
		{m[5].ID, -1, -5, "[5] 5/10"}, {far[0].ID, 1, 1, "message_not_found"}, {4711, 1, 1, "message_not_found"},
	} {
		if got := w.shown(chat.ShownQuery{RoomID: room, Around: c.at, Newer: c.newer, Older: c.older}); got != c.want {
			w.Errorf("around %d: %s, want %s", c.at, got, c.want)
		}
	}
}

func shownOfThread(w *world) {
	ada := w.addUser("ada")
	room := w.forum(ada)
	th, other := w.thread(room, ada, "t"), w.thread(room, ada, "other")
	var m []*chat.Message
	for i := range 6 {
		m = append(m, w.post(inThread(th, ada, strconv.Itoa(i))))
		w.post(inThread(other, ada, "other"))
	}
	w.drop(m[2].ID)
	q := chat.ShownQuery{RoomID: room, ThreadID: th.ID, Limit: 2}
	same(w, "the newest", w.shown(q), "[4 5] 3/5")
	q.Skip = 2
	same(w, "skipped", w.shown(q), "[1 3] 1/5")
	q.Skip = 5
	same(w, "skipped all", w.shown(q), "[] 0/5")
	same(w, "before", w.shown(chat.ShownQuery{RoomID: room, ThreadID: th.ID, Before: m[4].ID, Limit: 5}), "[0 1 3] 0/5")
	same(w, "around", w.shown(chat.ShownQuery{RoomID: room, ThreadID: th.ID, Around: m[3].ID, Newer: 1, Older: 1}), "[1 3 4] 1/5")
	same(w, "around one of another thread", w.shown(chat.ShownQuery{RoomID: room, ThreadID: other.ID, Around: m[3].ID}), "message_not_found")
	same(w, "of an empty one", w.shown(chat.ShownQuery{RoomID: room, ThreadID: w.thread(room, ada, "empty").ID, Limit: 5}), "[] 0/0")
}

func shownLong(w *world) {
	ada := w.addUser("ada")
	room := w.addRoom(chat.Room{Type: chat.Public}, ada)
	const n = 700
	var want []string
	for i := range n {
		if i%90 == 7 {
			w.post(chat.Draft{RoomID: room, Type: chat.SystemMessage, Content: "system"})
		}
		m := w.post(chat.Draft{RoomID: room, SenderID: ada, Content: strconv.Itoa(i)})
		if i%7 == 3 {
			w.drop(m.ID)
		} else {
			want = append(want, m.Content)
		}
	}
	for _, skip := range []int{1, 499, 500, 501, 502, 550, len(want) - 1, len(want), len(want) + 1} {
		page, err := w.Shown(w.ctx, chat.ShownQuery{RoomID: room, Skip: int64(skip), Limit: 3})
		if err != nil {
			w.Fatal(err)
		}
		end := max(len(want)-skip, 0)
		from := max(end-3, 0)
		got := pick(page.Messages, func(m chat.Message) string { return m.Content })
		if !slices.Equal(got, want[from:end]) || page.First != int64(from) || page.Total != int64(len(want)) {
			w.Errorf("skipping %d: %v %d/%d, want %v %d/%d", skip, got, page.First, page.Total, want[from:end], from, len(want))
		}
	}
}

func shownUpTo(w *world) {
	ada := w.addUser("ada")
	room := w.addRoom(chat.Room{Type: chat.Public}, ada)
	m := w.lines(room, ada, 4)
	w.drop(m[3].ID)
	w.drop(m[1].ID)
	for _, c := range []struct{ upTo, want chat.Seq }{{99, m[2].Seq}, {m[2].Seq, m[2].Seq}, {m[1].Seq, m[0].Seq}, {0, 0}} {
		id, seq, err := w.NewestShown(w.ctx, room, 0, c.upTo)
		if err != nil || seq != c.want || (id == 0) != (seq == 0) {
			w.Errorf("up to %d: %d at %d, %v; want %d", c.upTo, id, seq, err, c.want)
		}
	}
	th := w.thread(w.forum(ada), ada, "t")
	reply := w.post(inThread(th, ada, "x"))
	id, seq, err := w.NewestShown(w.ctx, th.RoomID, th.ID, 99)
	if id != reply.ID || seq != reply.Seq || err != nil {
		w.Errorf("in a thread: %d at %d, %v", id, seq, err)
	}
}

func shownPositions(w *world) {
	ada, bob, eve := w.addUser("ada"), w.addUser("bob"), w.addUser("eve")
	room := w.addRoom(chat.Room{Type: chat.Public}, ada, bob)
	m := w.lines(room, ada, 5)
	w.post(chat.Draft{RoomID: room, Type: chat.SystemMessage, Content: "system"})
	w.read(room, bob, m[2].Seq, Start)
	check := func(user chat.UserID, want chat.ReadPosition) {
		w.Helper()
		want.RoomID = room
		same(w, "position", must(w.ReadPositions(w.ctx, user, []chat.RoomID{room})), []chat.ReadPosition{want})
	}
	check(bob, chat.ReadPosition{LastRead: m[2].ID, Unread: 2, Total: 5})
	check(eve, chat.ReadPosition{Unread: 5, Total: 5}) // is no member
	w.drop(m[3].ID)
	check(bob, chat.ReadPosition{LastRead: m[2].ID, Unread: 1, Total: 4})
	w.drop(m[2].ID)
	check(bob, chat.ReadPosition{LastRead: m[1].ID, Unread: 1, Total: 3})
	set := func(seq chat.Seq) {
		w.Helper()
		w.change(func(tx core.Tx) error { return tx.SetRead(w.ctx, room, bob, seq, Start) })
	}
	set(m[0].Seq)
	check(bob, chat.ReadPosition{LastRead: m[0].ID, Unread: 2, Total: 3})
	set(0)
	check(bob, chat.ReadPosition{Unread: 3, Total: 3})
	set(999)
	check(bob, chat.ReadPosition{LastRead: m[4].ID, Total: 3})
	w.refused("member_not_found", func(tx core.Tx) error { return tx.SetRead(w.ctx, room, eve, 1, Start) })
	th := w.thread(w.forum(ada, bob), ada, "t")
	reply := w.post(inThread(th, ada, "x"))
	positions := must(w.ReadPositions(w.ctx, ada, []chat.RoomID{room, th.RoomID}))
	same(w, "rooms and threads", len(positions), 3)
	i := slices.IndexFunc(positions, func(p chat.ReadPosition) bool { return p.ThreadID == th.ID })
	same(w, "the thread", positions[i], chat.ReadPosition{RoomID: th.RoomID, ThreadID: th.ID, LastRead: reply.ID, Total: 1})
}
