package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

func init() {
	tell("commits",
		story{"many writers at once: every place once, in the order that was told", commitsConcurrent},
		story{"many repeats of one nonce at once make one message", commitsNonceRace},
		story{"one upload goes to one of many messages", commitsAttachmentRace},
		story{"a change that fails leaves nothing and harms nobody", commitsFailure},
		story{"a change that panics fails alone", commitsPanic},
		story{"a refused message harms no other", commitsRefusals},
		story{"events are told before the answer, in the order of their numbers", commitsOrder},
		story{"a transaction sees its own writes, others see them after", commitsIsolation},
		story{"a context that has ended stops what did not begin", commitsContext},
		story{"what was answered is there after closing and opening", commitsReopen},
		story{"a stopped store refuses, and stops twice", commitsStopped},
		story{"numbers for the operator", commitsStats},
		story{"what has expired goes", commitsExpire},
	)
}

// together runs fn n times at once and waits.
func together(n int, fn func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { fn(i) })
	}
	wg.Wait()
}

func commitsConcurrent(w *world) {
	const writers, each, rooms = 8, 25, 3
	users := w.addUsers("u0", "u1", "u2", "u3", "u4", "u5", "u6", "u7")
	var ids []chat.RoomID
	for range rooms {
		ids = append(ids, w.addRoom(chat.Room{Type: chat.Public}, pick(users, func(u *chat.User) chat.UserID { return u.ID })...))
	}
	w.heard()
	var mu sync.Mutex
	answered := map[chat.MessageID]string{}
	together(writers, func(i int) {
		var last chat.MessageID
		for n := range each {
			text := fmt.Sprintf("%d/%d", i, n)
			draft := plain(chat.Draft{RoomID: ids[(i+n)%rooms], SenderID: users[i].ID, Content: text, Search: text})
			var m *chat.Message
			var err error
			if n%5 == 4 { // some of them by way of a transaction
				err = w.Change(w.ctx, func(tx core.Tx) ([]chat.Event, error) {
					m, _, err = tx.Append(w.ctx, draft)
					if err != nil {
						return nil, err
					}
					return []chat.Event{chat.MessageCreated{Message: m}}, nil
				})
			} else {
				m, _, err = w.Append(w.ctx, draft)
			}
			if err != nil || m.ID <= last {
				w.Errorf("append %s: %+v, %v", text, m, err)
				return
			}
			last = m.ID
			mu.Lock()
			answered[m.ID] = text
			mu.Unlock()
		}
	})
	if len(answered) != writers*each {
		w.Fatalf("%d messages were answered, want %d", len(answered), writers*each)
	}
	next := map[chat.RoomID]chat.Seq{}
	times := map[chat.RoomID]int64{}
	for _, e := range w.heard() {
		m := e.(chat.MessageCreated).Message
		next[m.RoomID]++
		if m.Seq != next[m.RoomID] || m.Ordinal != int64(m.Seq) || m.CreatedAt.UnixMilli() <= times[m.RoomID] {
			w.Fatalf("room %d: told of seq %d, ordinal %d at %v; want %d after %d", m.RoomID, m.Seq, m.Ordinal, m.CreatedAt, next[m.RoomID], times[m.RoomID])
		}
		times[m.RoomID] = m.CreatedAt.UnixMilli()
	}
	stored := 0
	for _, room := range ids {
		var last chat.MessageID
		err := w.EachMessage(w.ctx, room, "", func(m *chat.Message) error {
			stored++
			if answered[m.ID] != m.Content || m.ID <= last {
				return fmt.Errorf("message %d is %q, answered %q, after %d", m.ID, m.Content, answered[m.ID], last)
			}
			last = m.ID
			return nil
		})
		if err != nil {
			w.Error(err)
		}
		if r := must(w.Room(w.ctx, room)); r.LastSeq != next[room] || r.MessageCount != int64(next[room]) {
			w.Errorf("room %d: last seq %d, %d messages, told of %d", room, r.LastSeq, r.MessageCount, next[room])
		}
	}
	same(w, "stored", stored, writers*each)
}

func commitsNonceRace(w *world) {
	room, ada, _ := w.fillRoom(0)
	var mu sync.Mutex
	ids := map[chat.MessageID]int{}
	stored := 0
	together(20, func(int) {
		m, created, err := w.Append(w.ctx, plain(chat.Draft{RoomID: room, SenderID: ada, Content: "once", Nonce: "n"}))
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			w.Error(err)
			return
		}
		ids[m.ID]++
		if created {
			stored++
		}
	})
	if len(ids) != 1 || stored != 1 {
		w.Errorf("answers %v, stored %d times", ids, stored)
	}
	same(w, "messages", must(w.Room(w.ctx, room)).MessageCount, 1)
}

func commitsAttachmentRace(w *world) {
	room, ada, _ := w.fillRoom(0)
	file := w.upload(ada, "one")
	var mu sync.Mutex
	codes := map[string]int{}
	together(10, func(int) {
		_, _, err := w.Append(w.ctx, plain(chat.Draft{RoomID: room, SenderID: ada, AttachmentIDs: []chat.AttachmentID{file.ID}}))
		mu.Lock()
		defer mu.Unlock()
		codes[chat.CodeOf(err)]++
	})
	same(w, "answers", codes, map[string]int{"": 1, "attachment_invalid": 9})
}

func commitsFailure(w *world) {
	room, ada, ids := w.fillRoom(2)
	want := *w.message(ids[0])
	w.heard()
	failure := errors.New("no")
	together(12, func(i int) {
		if i%2 == 0 {
			w.say(room, ada, "fine")
			return
		}
		err := w.Change(w.ctx, func(tx core.Tx) ([]chat.Event, error) {
			if _, err := tx.EditMessage(w.ctx, ids[0], core.Edit{Content: "broken", Search: "broken", At: Start}); err != nil {
				return nil, err
			}
			if _, _, err := tx.DeleteMessage(w.ctx, ids[1], ada, Start); err != nil {
				return nil, err
			}
			return []chat.Event{chat.RolesChanged{}}, failure
		})
		if !errors.Is(err, failure) {
			w.Errorf("the change ended with %v", err)
		}
	})
	same(w, "message", *w.message(ids[0]), want)
	same(w, "room", must(w.Room(w.ctx, room)).LastSeq, 8)
	for _, e := range w.heard() {
		if _, ok := e.(chat.MessageCreated); !ok {
			w.Errorf("told of %T", e)
		}
	}
}

func commitsPanic(w *world) {
	room, ada, ids := w.fillRoom(1)
	together(6, func(i int) {
		if i%2 == 0 {
			w.say(room, ada, "fine")
			return
		}
		err := w.try(func(tx core.Tx) error {
			if _, err := tx.SetPinned(w.ctx, ids[0], true, ada, Start); err != nil {
				return err
			}
			panic("on purpose")
		})
		if err == nil || chat.AsError(err).Kind != chat.Internal {
			w.Errorf("the change ended with %v", err)
		}
	})
	same(w, "pinned", w.message(ids[0]).Pinned, false)
	same(w, "messages", must(w.Room(w.ctx, room)).MessageCount, 4)
}

func commitsRefusals(w *world) {
	room, ada, _ := w.fillRoom(0)
	together(12, func(i int) {
		d := plain(chat.Draft{RoomID: room, SenderID: ada, Nonce: fmt.Sprint(i)})
		want := ""
		switch i % 3 {
		case 1:
			d.RoomID, want = 4711, "room_not_found"
		case 2:
			d.AttachmentIDs, want = []chat.AttachmentID{99}, "attachment_invalid"
		}
		_, _, err := w.Append(w.ctx, d)
		if got := chat.CodeOf(err); got != want {
			w.Errorf("append %d: %q, want %q", i, got, want)
		}
	})
	same(w, "room", must(w.Room(w.ctx, room)).LastSeq, 4)
}

func commitsOrder(w *world) {
	room, ada, ids := w.fillRoom(1)
	w.heard()
	together(10, func(i int) {
		if i%2 == 0 {
			w.say(room, ada, "x")
		} else {
			err := w.Change(w.ctx, func(tx core.Tx) ([]chat.Event, error) {
				m, err := tx.EditMessage(w.ctx, ids[0], core.Edit{Content: fmt.Sprint(i), At: Start})
				return []chat.Event{chat.MessageChanged{Message: m}}, err
			})
			if err != nil {
				w.Error(err)
			}
		}
		w.mu.Lock()
		told := len(w.committed)
		w.mu.Unlock()
		if told == 0 {
			w.Error("answered before the hook was told")
		}
	})
	var seqs []chat.Seq
	for _, e := range w.heard() {
		seqs = append(seqs, e.(chat.Sequenced).State().ChangeSeq)
	}
	same(w, "numbers", seqs, []chat.Seq{2, 3, 4, 5, 6, 7, 8, 9, 10, 11})
}

func commitsIsolation(w *world) {
	room, ada, _ := w.fillRoom(0)
	w.change(func(tx core.Tx) error {
		m, _, err := tx.Append(w.ctx, plain(chat.Draft{RoomID: room, SenderID: ada, Content: "new"}))
		if err != nil {
			return err
		}
		if _, err := tx.Message(w.ctx, m.ID); err != nil {
			return fmt.Errorf("inside: %w", err)
		}
		if _, err := w.Message(w.ctx, m.ID); chat.CodeOf(err) != "message_not_found" {
			return fmt.Errorf("outside: %w", err)
		}
		return nil
	})
	same(w, "after", must(w.Room(w.ctx, room)).MessageCount, 1)
}

func commitsContext(w *world) {
	room, ada, _ := w.fillRoom(0)
	ended, cancel := context.WithCancel(w.ctx)
	cancel()
	if _, _, err := w.Append(ended, plain(chat.Draft{RoomID: room, SenderID: ada})); !errors.Is(err, context.Canceled) {
		w.Errorf("append: %v", err)
	}
	// A call that waits behind another leaves the queue when its context ends.
	waiting, giveUp := context.WithCancel(w.ctx)
	running, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		w.change(func(core.Tx) error {
			close(running)
			<-release
			return nil
		})
	})
	<-running
	gone := make(chan error)
	wg.Go(func() {
		_, _, err := w.Append(waiting, plain(chat.Draft{RoomID: room, SenderID: ada}))
		gone <- err
	})
	giveUp()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		w.Errorf("a call that waits: %v", err)
	}
	close(release)
	wg.Wait()
	// A context that ends while the change runs does not change what is true.
	during, end := context.WithCancel(w.ctx)
	err := w.Change(during, func(tx core.Tx) ([]chat.Event, error) {
		end()
		_, _, err := tx.Append(during, plain(chat.Draft{RoomID: room, SenderID: ada, Content: "kept"}))
		return nil, err
	})
	if err != nil {
		w.Errorf("a change that had begun: %v", err)
	}
	same(w, "messages", contents(must(w.Messages(w.ctx, room, chat.MessagesQuery{Limit: 10})).Messages), []string{"kept"})
}

func commitsReopen(w *world) {
	room, ada, ids := w.fillRoom(3)
	w.react(ids[0], ada, "👍", true)
	want := must(w.Messages(w.ctx, room, chat.MessagesQuery{Limit: 10}))
	w.reopen()
	same(w, "messages", must(w.Messages(w.ctx, room, chat.MessagesQuery{Limit: 10})), want)
	if m := w.say(room, ada, "next"); m.Seq != 5 || m.ID <= ids[2] {
		w.Errorf("the next message: %+v", m)
	}
	w.deleteRoom(room)
	last := w.addRoom(chat.Room{Type: chat.Public}, ada)
	w.reopen()
	if m := w.say(last, ada, "after"); m.ID <= ids[2]+1 {
		w.Errorf("id %d was used before", m.ID)
	}
}

func commitsStopped(w *world) {
	room, ada, _ := w.fillRoom(1)
	for range 2 {
		if err := w.Stop(w.ctx); err != nil {
			w.Fatal(err)
		}
	}
	_, _, err := w.Append(w.ctx, plain(chat.Draft{RoomID: room, SenderID: ada}))
	same(w, "append", chat.AsError(err).Kind, chat.Unavailable)
	_, err = w.Room(w.ctx, room)
	same(w, "read", chat.AsError(err).Kind, chat.Unavailable)
	same(w, "ping", chat.AsError(w.Ping(w.ctx)).Kind, chat.Unavailable)
	if err := w.Start(w.ctx); err != nil {
		w.Fatal(err)
	}
	if err := w.Ping(w.ctx); err != nil {
		w.Error(err)
	}
}

func commitsStats(w *world) {
	room, ada, ids := w.fillRoom(3)
	bob := w.addUser("bob")
	w.post(chat.Draft{RoomID: room, SenderID: bob, At: Start.Add(24 * time.Hour)})
	w.post(chat.Draft{RoomID: room, SenderID: bob, At: Start.Add(25 * time.Hour)})
	w.post(chat.Draft{RoomID: room, Type: chat.SystemMessage, At: Start.Add(26 * time.Hour)})
	w.upload(ada, "one")
	w.upload(ada, "two")
	w.sanction(chat.Sanction{Kind: chat.Mute, UserID: bob, CreatedAt: Start, Until: Start.Add(48 * time.Hour)})
	w.sanction(chat.Sanction{Kind: chat.Mute, UserID: bob, CreatedAt: Start, Until: Start.Add(time.Hour)})
	w.report(ids[0], bob)
	st := must(w.Stats(w.ctx, Start.Add(30*time.Hour)))
	days := st.Days
	st.Days = nil
	same(w, "totals", st, core.Stats{Users: 2, Rooms: 1, Messages: 5, Attachments: 2, AttachmentBytes: 2000, OpenReports: 1, LiveSanctions: 1})
	if len(days) != 30 || days[0].Day != "2026-02-01" {
		w.Fatalf("%d days from %+v", len(days), days[:1])
	}
	same(w, "the last days", days[27:], []core.DayStats{
		{Day: "2026-02-28"}, {Day: "2026-03-01", Messages: 3, Senders: 1, NewUsers: 2, Bytes: 2000}, {Day: "2026-03-02", Messages: 2, Senders: 1},
	})
}

func commitsExpire(w *world) {
	room, ada, ids := w.fillRoom(2)
	bob := w.addUser("bob")
	w.putMember(chat.Member{RoomID: room, UserID: bob, Role: chat.RoomMember, JoinedAt: Start})
	w.addSessions(chat.Session{ID: "old", UserID: ada, CreatedAt: Start, LastUsedAt: Start, ExpiresAt: Start.Add(time.Hour)},
		chat.Session{ID: "new", UserID: ada, CreatedAt: Start, LastUsedAt: Start, ExpiresAt: Start.Add(24 * 300 * time.Hour)})
	w.notify(chat.Notification{UserID: ada, Type: chat.NotifySystem, CreatedAt: Start, ExpiresAt: Start.Add(time.Hour)})
	w.post(chat.Draft{RoomID: room, SenderID: ada, Nonce: "n"})
	w.read(room, bob, 3, Start)
	w.change(func(tx core.Tx) error { return tx.Expire(w.ctx, Start.Add(24*200*time.Hour)) })
	_, err := w.Session(w.ctx, "old")
	w.wantCode(err, "not_found")
	_, err = w.Session(w.ctx, "new")
	w.wantCode(err, "")
	notes, _, err := w.Notifications(w.ctx, ada, false, Start, chat.Page{Limit: 10})
	if err != nil || len(notes) != 0 {
		w.Errorf("notifications %v, %v", notes, err)
	}
	if _, created := w.offer(chat.Draft{RoomID: room, SenderID: ada, Nonce: "n"}); !created {
		w.Error("the nonce is still kept")
	}
	if got := must(w.Member(w.ctx, room, bob)); got.LastReadSeq != 3 {
		w.Errorf("the marker itself went: %+v", got)
	}
	if !slices.ContainsFunc(must(w.Receipts(w.ctx, room, 1, 10)), func(r chat.Receipt) bool { return r.UserID == bob }) {
		w.Error("the receipt went")
	}
	w.message(ids[0])
}
