package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

func init() {
	tell("messages",
		story{"a room's history is read in pages from the newest", messagesPages},
		story{"a page around a message has it, and both sides", messagesAround},
		story{"a page around a place or a time begins its second half there", messagesAroundPlace},
		story{"a thread is read like a room of its own", messagesThread},
		story{"a place in another room is message_not_found", messagesForeign},
		story{"messages by id come in order, without the unknown", messagesByID},
		story{"an unknown message is message_not_found, for reading and for every change", messagesUnknown},
		story{"what hangs on messages comes with them", messagesLoaded},
		story{"an edit replaces everything that was typed", messagesEdit},
		story{"a deleted message leaves a tombstone and nothing of what it said", messagesDelete},
		story{"a tombstone cannot be changed", messagesTombstone},
		story{"previews are set without being an edit", messagesLinks},
		story{"pictures of previews are in use while a message shows them", messagesLinkPictures},
		story{"a walk visits every message of a room, a person, or all, in order", messagesEach},
	)
	tell("changes",
		story{"changes since a number are the newer states, each message once", changesSince},
		story{"changes are cut at the limit and continue from there", changesTruncated},
		story{"an unknown room is room_not_found, an empty one has none", changesEmpty},
		story{"every change takes the next number of the room", changesNumbers},
		story{"whoever follows the changes while people write misses none and gets none twice", changesFollowed},
	)
}

// fillRoom makes a room with n messages "1", "2", ….
func (w *world) fillRoom(n int) (room chat.RoomID, by chat.UserID, ids []chat.MessageID) {
	w.Helper()
	by = w.addUser("ada")
	room = w.addRoom(chat.Room{Type: chat.Public}, by)
	for i := range n {
		ids = append(ids, w.say(room, by, fmt.Sprint(i+1)).ID)
	}
	return room, by, ids
}

func messagesPages(w *world) {
	room, _, ids := w.fillRoom(7)
	id := func(n int) chat.MessageID { return ids[n-1] }
	for _, tt := range []struct {
		name          string
		q             chat.MessagesQuery
		want          string
		before, after bool
	}{
		{"the newest", chat.MessagesQuery{Limit: 3}, "5 6 7", true, false},
		{"all", chat.MessagesQuery{Limit: 7}, "1 2 3 4 5 6 7", false, false},
		{"more than there is", chat.MessagesQuery{Limit: 100}, "1 2 3 4 5 6 7", false, false},
		{"before one", chat.MessagesQuery{Before: id(5), Limit: 3}, "2 3 4", true, true},
		{"before one, to the beginning", chat.MessagesQuery{Before: id(4), Limit: 3}, "1 2 3", false, true},
		{"before the first", chat.MessagesQuery{Before: id(1), Limit: 3}, "", false, true},
		{"after one", chat.MessagesQuery{After: id(2), Limit: 3}, "3 4 5", true, true},
		{"after one, to the end", chat.MessagesQuery{After: id(4), Limit: 3}, "5 6 7", true, false},
		{"after the last", chat.MessagesQuery{After: id(7), Limit: 3}, "", true, false},
	} {
		page := must(w.Messages(w.ctx, room, tt.q))
		if got := strings.Join(contents(page.Messages), " "); got != tt.want || page.HasBefore != tt.before || page.HasAfter != tt.after {
			w.Errorf("%s: %q, more before %v, after %v; want %q, %v, %v", tt.name, got, page.HasBefore, page.HasAfter, tt.want, tt.before, tt.after)
		}
	}
	empty := must(w.Messages(w.ctx, w.addRoom(chat.Room{Type: chat.Public}), chat.MessagesQuery{Limit: 3}))
	if len(empty.Messages) != 0 || empty.HasBefore || empty.HasAfter {
		w.Errorf("an empty room: %+v", empty)
	}
}

func messagesAround(w *world) {
	room, _, ids := w.fillRoom(9)
	for _, tt := range []struct {
		at            int
		limit         int
		want          string
		before, after bool
	}{
		{5, 4, "3 4 5 6", true, true},
		{5, 5, "3 4 5 6 7", true, true},
		{1, 4, "1 2 3 4", false, true},
		{2, 4, "1 2 3 4", false, true},
		{9, 4, "6 7 8 9", true, false},
		{8, 5, "5 6 7 8 9", true, false},
		{5, 1, "5", true, true},
		{5, 100, "1 2 3 4 5 6 7 8 9", false, false},
	} {
		page := must(w.Messages(w.ctx, room, chat.MessagesQuery{Around: ids[tt.at-1], Limit: tt.limit}))
		if got := strings.Join(contents(page.Messages), " "); got != tt.want || page.HasBefore != tt.before || page.HasAfter != tt.after {
			w.Errorf("%d around %d: %q, more before %v, after %v; want %q, %v, %v", tt.limit, tt.at, got, page.HasBefore, page.HasAfter, tt.want, tt.before, tt.after)
		}
	}
}

func messagesAroundPlace(w *world) {
	room, ada, ids := w.fillRoom(4)
	w.react(ids[0], ada, "👍", true) // takes a place that no message has
	for i := range 5 {
		w.post(chat.Draft{RoomID: room, SenderID: ada, Content: fmt.Sprint(i + 5), At: Start.Add(time.Hour)})
	}
	all := must(w.Messages(w.ctx, room, chat.MessagesQuery{Limit: 100})).Messages
	for _, tt := range []struct {
		name          string
		q             chat.MessagesQuery
		want          string
		before, after bool
	}{
		{"the place of a message", chat.MessagesQuery{AroundSeq: all[2].Seq}, "1 2 3 4", false, true},
		{"a place between messages", chat.MessagesQuery{AroundSeq: all[3].Seq + 1}, "3 4 5 6", true, true},
		{"the first place", chat.MessagesQuery{AroundSeq: 1}, "1 2 3 4", false, true},
		{"a place behind the last", chat.MessagesQuery{AroundSeq: all[8].Seq + 1}, "6 7 8 9", true, false},
		{"a place nobody ever reaches", chat.MessagesQuery{AroundSeq: 1<<62 + 1}, "6 7 8 9", true, false},
		{"the time of a message", chat.MessagesQuery{At: all[4].CreatedAt}, "3 4 5 6", true, true},
		{"a moment after it", chat.MessagesQuery{At: all[4].CreatedAt.Add(time.Microsecond)}, "4 5 6 7", true, true},
		{"a time in a silence", chat.MessagesQuery{At: all[4].CreatedAt.Add(-time.Minute)}, "3 4 5 6", true, true},
		{"a time before everything", chat.MessagesQuery{At: all[0].CreatedAt.Add(-time.Hour)}, "1 2 3 4", false, true},
		{"a time after everything", chat.MessagesQuery{At: all[8].CreatedAt.Add(time.Hour)}, "6 7 8 9", true, false},
		{"the beginning of time", chat.MessagesQuery{At: time.Unix(-1, 0)}, "1 2 3 4", false, true},
	} {
		tt.q.Limit = 4
		page := must(w.Messages(w.ctx, room, tt.q))
		if got := strings.Join(contents(page.Messages), " "); got != tt.want || page.HasBefore != tt.before || page.HasAfter != tt.after {
			w.Errorf("%s: %q, more before %v, after %v; want %q, %v, %v", tt.name, got, page.HasBefore, page.HasAfter, tt.want, tt.before, tt.after)
		}
	}
	empty := w.addRoom(chat.Room{Type: chat.Public})
	for _, q := range []chat.MessagesQuery{{AroundSeq: 3, Limit: 4}, {At: all[0].CreatedAt, Limit: 4}} {
		if page := must(w.Messages(w.ctx, empty, q)); len(page.Messages) != 0 || page.HasBefore || page.HasAfter {
			w.Errorf("an empty room: %+v", page)
		}
	}
	for _, text := range []string{"a", "b", "c"} {
		w.post(chat.Draft{RoomID: room, SenderID: ada, Content: text, ParentID: ids[0], ThreadID: ids[0]})
	}
	thread := must(w.Messages(w.ctx, room, chat.MessagesQuery{ThreadID: ids[0], AroundSeq: all[8].Seq + 2, Limit: 2}))
	same(w, "in a thread", contents(thread.Messages), []string{"a", "b"})
}

func messagesThread(w *world) {
	room, ada, ids := w.fillRoom(2)
	var replies []chat.MessageID
	for i := range 5 {
		replies = append(replies, w.post(chat.Draft{RoomID: room, SenderID: ada, Content: fmt.Sprint("r", i+1), ParentID: ids[0], ThreadID: ids[0]}).ID)
		w.say(room, ada, "between")
	}
	newest := must(w.Messages(w.ctx, room, chat.MessagesQuery{ThreadID: ids[0], Limit: 3}))
	same(w, "newest", contents(newest.Messages), []string{"r3", "r4", "r5"})
	same(w, "more before", newest.HasBefore, true)
	older := must(w.Messages(w.ctx, room, chat.MessagesQuery{ThreadID: ids[0], Before: replies[2], Limit: 3}))
	same(w, "older", contents(older.Messages), []string{"r1", "r2"})
	newer := must(w.Messages(w.ctx, room, chat.MessagesQuery{ThreadID: ids[0], After: replies[0], Limit: 2}))
	same(w, "newer", contents(newer.Messages), []string{"r2", "r3"})
	none := must(w.Messages(w.ctx, room, chat.MessagesQuery{ThreadID: ids[1], Limit: 2}))
	same(w, "a message without replies", len(none.Messages), 0)
	elsewhere := must(w.Messages(w.ctx, w.addRoom(chat.Room{Type: chat.Public}), chat.MessagesQuery{ThreadID: ids[0], Limit: 2}))
	same(w, "asked of another room", len(elsewhere.Messages), 0)
}

func messagesForeign(w *world) {
	_, _, ids := w.fillRoom(2)
	other := w.addRoom(chat.Room{Type: chat.Public})
	for _, q := range []chat.MessagesQuery{{Before: ids[1]}, {After: ids[0]}, {Around: ids[0]}, {Before: 4711}} {
		_, err := w.Messages(w.ctx, other, q)
		w.wantCode(err, "message_not_found")
	}
}

func messagesByID(w *world) {
	_, _, ids := w.fillRoom(4)
	got := must(w.MessagesByID(w.ctx, []chat.MessageID{ids[2], 4711, ids[0], ids[2]}))
	same(w, "found", texts(got), []string{"1", "3"})
	none := must(w.MessagesByID(w.ctx, nil))
	same(w, "of none", len(none), 0)
	many := make([]chat.MessageID, 2000)
	for i := range many {
		many[i] = chat.MessageID(i + 1)
	}
	same(w, "of many", len(must(w.MessagesByID(w.ctx, many))), 4)
}

func messagesUnknown(w *world) {
	_, err := w.Message(w.ctx, 4711)
	w.wantCode(err, "message_not_found")
	for name, fn := range map[string]func(tx core.Tx) error{
		"edit": func(tx core.Tx) error {
			_, err := tx.EditMessage(w.ctx, 4711, core.Edit{Content: "x", At: Start})
			return err
		},
		"delete": func(tx core.Tx) error { _, _, err := tx.DeleteMessage(w.ctx, 4711, "u", Start); return err },
		"pin":    func(tx core.Tx) error { _, err := tx.SetPinned(w.ctx, 4711, true, "u", Start); return err },
		"react":  func(tx core.Tx) error { _, _, err := tx.AddReaction(w.ctx, 4711, "u", "👍", Start); return err },
		"unreact": func(tx core.Tx) error {
			_, _, err := tx.RemoveReaction(w.ctx, 4711, "u", "👍")
			return err
		},
		"links": func(tx core.Tx) error { _, err := tx.SetLinks(w.ctx, 4711, nil); return err },
	} {
		if code := chat.CodeOf(w.try(fn)); code != "message_not_found" {
			w.Errorf("%s: %s", name, code)
		}
	}
}

func messagesLoaded(w *world) {
	room, ada, ids := w.fillRoom(3)
	file := w.upload(ada, "one")
	with := w.post(chat.Draft{RoomID: room, SenderID: ada, Content: "4", AttachmentIDs: []chat.AttachmentID{file.ID}})
	w.change(func(tx core.Tx) error {
		for _, id := range []chat.MessageID{ids[0], with.ID} {
			if _, _, err := tx.AddReaction(w.ctx, id, ada, "👍", Start); err != nil {
				return err
			}
		}
		_, err := tx.SetPinned(w.ctx, with.ID, true, ada, Start)
		return err
	})
	want := must(w.Message(w.ctx, with.ID))
	if len(want.Reactions) != 1 || len(want.Attachments) != 1 {
		w.Fatalf("the message itself has %d reactions, %d attachments", len(want.Reactions), len(want.Attachments))
	}
	for name, got := range map[string][]chat.Message{
		"a page":  must(w.Messages(w.ctx, room, chat.MessagesQuery{Limit: 10})).Messages,
		"changes": must(w.ChangesSince(w.ctx, room, 0, 10)).Messages,
		"pins":    must(w.Pins(w.ctx, room)),
	} {
		i := slices.IndexFunc(got, func(m chat.Message) bool { return m.ID == with.ID })
		if i < 0 {
			w.Fatalf("%s: not there", name)
		}
		same(w, name, got[i], *want)
		for _, m := range got {
			if m.ID == ids[1] && (m.Reactions != nil || m.Attachments != nil) {
				w.Errorf("%s: another message has %v %v", name, m.Reactions, m.Attachments)
			}
		}
	}
	same(w, "by id", must(w.MessagesByID(w.ctx, []chat.MessageID{with.ID}))[0], want)
}

func messagesEdit(w *world) {
	ada, bob, eve := w.addUser("ada"), w.addUser("bob"), w.addUser("eve")
	room := w.addRoom(chat.Room{Type: chat.Public}, ada, bob, eve)
	old := w.post(chat.Draft{RoomID: room, SenderID: ada, Content: "helo @bob", Mentions: []chat.UserID{bob}, Everyone: true,
		Links: []chat.Link{{URL: "u"}}, Payload: &chat.Payload{Kind: "k", Data: []byte("d")}})
	at := Start.Add(1234567 * 1000)
	var got *chat.Message
	w.change(func(tx core.Tx) (err error) {
		got, err = tx.EditMessage(w.ctx, old.ID, core.Edit{Content: "hello @eve", Mentions: []chat.UserID{eve}, Links: []chat.Link{{URL: "v"}},
			Payload: &chat.Payload{Kind: "l", Data: []byte("e")}, At: at})
		return err
	})
	want := *old
	want.Content, want.Mentions, want.Everyone, want.Links, want.Payload = "hello @eve", []chat.UserID{eve}, false, []chat.Link{{URL: "v"}}, &chat.Payload{Kind: "l", Data: []byte("e")}
	want.ChangeSeq, want.EditedAt = 2, at
	same(w, "answered", *got, want)
	same(w, "read", *w.message(old.ID), want)
	for user, n := range map[chat.UserID]int64{bob: 0, eve: 1} {
		if _, mentions, err := w.Unread(w.ctx, room, user); err != nil || mentions != n {
			w.Errorf("%s has %d mentions, want %d (%v)", user, mentions, n, err)
		}
	}
	w.change(func(tx core.Tx) (err error) {
		got, err = tx.EditMessage(w.ctx, old.ID, core.Edit{Content: "bare", At: at})
		return err
	})
	if got.Links != nil || got.Mentions != nil || got.Payload != nil {
		w.Errorf("a bare edit left %+v", got)
	}
}

func messagesDelete(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	room := w.addRoom(chat.Room{Type: chat.Public}, ada, bob)
	one, two := w.upload(ada, "one"), w.upload(ada, "two")
	root := w.say(room, bob, "root")
	old := w.post(chat.Draft{RoomID: room, SenderID: ada, Content: "secret @bob", Search: "secret bob", Mentions: []chat.UserID{bob}, Everyone: true,
		ParentID: root.ID, ThreadID: root.ID, AttachmentIDs: []chat.AttachmentID{one.ID, two.ID}, Links: []chat.Link{{URL: "u"}}, Nonce: "n",
		Payload: &chat.Payload{Kind: "k", Data: []byte("secret")},
		Notify:  []chat.Notification{{UserID: bob, Type: chat.NotifyMention, Content: "secret", CreatedAt: Start, ExpiresAt: Start.Add(1e12)}}})
	w.change(func(tx core.Tx) error {
		if _, _, err := tx.AddReaction(w.ctx, old.ID, bob, "👍", Start); err != nil {
			return err
		}
		_, err := tx.SetPinned(w.ctx, old.ID, true, bob, Start)
		return err
	})
	var got *chat.Message
	var blobs []string
	w.change(func(tx core.Tx) (err error) {
		got, blobs, err = tx.DeleteMessage(w.ctx, old.ID, bob, Start)
		return err
	})
	want := chat.Message{
		ID: old.ID, RoomID: room, Seq: old.Seq, ChangeSeq: 5, Ordinal: old.Ordinal, Type: old.Type, SenderID: ada, Content: chat.DeletedContent,
		ParentID: root.ID, ThreadID: root.ID, CreatedAt: old.CreatedAt, Deleted: true, DeletedBy: bob,
	}
	same(w, "tombstone", *got, want)
	same(w, "read", *w.message(old.ID), want)
	same(w, "blobs", sorted(blobs), []string{"hash-one", "hash-two", "thumb-one", "thumb-two"})
	_, err := w.Attachment(w.ctx, one.ID)
	w.wantCode(err, "not_found")
	same(w, "pins", len(must(w.Pins(w.ctx, room))), 0)
	notes, _, err := w.Notifications(w.ctx, bob, false, Start, chat.Page{Limit: 10})
	if err != nil || len(notes) != 0 {
		w.Errorf("notifications %v, %v", notes, err)
	}
	if _, mentions, err := w.Unread(w.ctx, room, bob); err != nil || mentions != 0 {
		w.Errorf("mentions %d, %v", mentions, err)
	}
	found := must(w.Search(w.ctx, chat.SearchQuery{Reader: bob, Terms: words("secret"), Limit: 10}))
	same(w, "found", len(found.Hits), 0)
}

func messagesTombstone(w *world) {
	_, ada, ids := w.fillRoom(1)
	w.change(func(tx core.Tx) error { _, _, err := tx.DeleteMessage(w.ctx, ids[0], ada, Start); return err })
	want := *w.message(ids[0])
	w.refused("message_not_found", func(tx core.Tx) error {
		_, err := tx.EditMessage(w.ctx, ids[0], core.Edit{Content: "back", Search: "back", At: Start})
		return err
	})
	w.change(func(tx core.Tx) error {
		_, blobs, err := tx.DeleteMessage(w.ctx, ids[0], "other", Start)
		if err == nil && len(blobs) > 0 {
			err = errors.New("blobs twice")
		}
		return err
	})
	w.change(func(tx core.Tx) error { _, err := tx.SetPinned(w.ctx, ids[0], true, ada, Start); return err })
	w.change(func(tx core.Tx) error { _, err := tx.SetLinks(w.ctx, ids[0], []chat.Link{{URL: "u"}}); return err })
	w.change(func(tx core.Tx) error {
		_, added, err := tx.AddReaction(w.ctx, ids[0], ada, "👍", Start)
		if added {
			return errors.New("a reaction was added")
		}
		return err
	})
	same(w, "tombstone", *w.message(ids[0]), want)
}

func messagesLinks(w *world) {
	_, _, ids := w.fillRoom(1)
	links := []chat.Link{{URL: "https://a", Title: "A"}, {URL: "https://b"}}
	var got *chat.Message
	w.change(func(tx core.Tx) (err error) { got, err = tx.SetLinks(w.ctx, ids[0], links); return err })
	same(w, "links", got.Links, links)
	if got.ChangeSeq != 2 || !got.EditedAt.IsZero() {
		w.Errorf("change %d, edited %v", got.ChangeSeq, got.EditedAt)
	}
	w.change(func(tx core.Tx) (err error) { got, err = tx.SetLinks(w.ctx, ids[0], nil); return err })
	same(w, "no links", got.Links, nil)
}

func messagesLinkPictures(w *world) {
	room, ada, ids := w.fillRoom(2)
	one, two := strings.Repeat("1", 64), strings.Repeat("2", 64)
	link := func(hash string) []chat.Link {
		return []chat.Link{{URL: "https://" + hash, Title: "T", Image: core.PreviewPath + hash, Width: 4, Height: 3}}
	}
	used := func(what string, want ...bool) {
		w.Helper()
		same(w, what, []bool{must(w.BlobInUse(w.ctx, one)), must(w.BlobInUse(w.ctx, two))}, want)
	}
	set := func(id chat.MessageID, links []chat.Link) {
		w.Helper()
		w.change(func(tx core.Tx) error {
			got, err := tx.SetLinks(w.ctx, id, links)
			if err == nil {
				same(w, "links", got.Links, links)
			}
			return err
		})
	}
	used("at first", false, false)
	set(ids[0], append(link(one), link(one)...)) // the same picture twice
	used("set", true, false)
	set(ids[0], link(two))
	used("replaced", false, true)
	set(ids[1], append(link(one), link(two)...))
	w.change(func(tx core.Tx) error {
		_, err := tx.EditMessage(w.ctx, ids[1], core.Edit{Content: "x", Links: link(one), At: Start})
		return err
	})
	used("edited", true, true)
	w.change(func(tx core.Tx) error {
		_, blobs, err := tx.DeleteMessage(w.ctx, ids[1], ada, Start)
		same(w, "blobs of the deleted message", blobs, []string{one})
		return err
	})
	used("deleted", false, true)
	w.post(chat.Draft{RoomID: room, SenderID: ada, Content: "y", Links: link(one)})
	used("sent", true, true)
	same(w, "blobs of the room", w.deleteRoom(room), []string{one, two})
	used("without the room", false, false)
	other := w.addRoom(chat.Room{Type: chat.Public}, ada)
	id := w.say(other, ada, "z").ID
	w.change(func(tx core.Tx) error {
		got, err := tx.SetLinks(w.ctx, id, []chat.Link{{URL: "u", Title: "T", Image: "https://site.example.org/p.png"}})
		same(w, "a picture on another site", got.Links, []chat.Link{{URL: "u", Title: "T"}})
		return err
	})
	w.deleteRoom(other)
}

func messagesEach(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	a, b := w.addRoom(chat.Room{Type: chat.Public}, ada, bob), w.addRoom(chat.Room{Type: chat.Public}, ada, bob)
	const n = 450 // more than any store reads at once
	for i := range n {
		room, by := a, ada
		if i%3 == 0 {
			room = b
		}
		if i%2 == 0 {
			by = bob
		}
		w.say(room, by, fmt.Sprint(i))
	}
	for _, tt := range []struct {
		name   string
		room   chat.RoomID
		sender chat.UserID
		want   int
	}{{"all", 0, "", n}, {"a room", b, "", n / 3}, {"a person", 0, bob, n / 2}, {"a person in a room", b, bob, n / 6}, {"nobody", 0, "nobody", 0}} {
		var last chat.MessageID
		count := 0
		err := w.EachMessage(w.ctx, tt.room, tt.sender, func(m *chat.Message) error {
			if m.ID <= last || tt.room != 0 && m.RoomID != tt.room || tt.sender != "" && m.SenderID != tt.sender {
				return fmt.Errorf("message %d by %s in %d after %d", m.ID, m.SenderID, m.RoomID, last)
			}
			last = m.ID
			count++
			_, err := w.Message(w.ctx, m.ID) // the store is free to use meanwhile
			return err
		})
		if err != nil || count != tt.want {
			w.Errorf("%s: %d, want %d (%v)", tt.name, count, tt.want, err)
		}
	}
	stop := errors.New("stop")
	count := 0
	err := w.EachMessage(w.ctx, 0, "", func(*chat.Message) error { count++; return stop })
	if !errors.Is(err, stop) || count != 1 {
		w.Errorf("stopped after %d with %v", count, err)
	}
}

func changesSince(w *world) {
	room, ada, ids := w.fillRoom(4)   // 1–4
	w.change(func(tx core.Tx) error { // 5, 6, 7
		if _, err := tx.EditMessage(w.ctx, ids[1], core.Edit{Content: "2b", At: Start}); err != nil {
			return err
		}
		if _, _, err := tx.DeleteMessage(w.ctx, ids[0], ada, Start); err != nil {
			return err
		}
		_, err := tx.EditMessage(w.ctx, ids[1], core.Edit{Content: "2c", At: Start})
		return err
	})
	w.say(room, ada, "8")
	for _, tt := range []struct {
		since chat.Seq
		want  string
	}{
		{0, "3 4 [deleted] 2c 8"}, {2, "3 4 [deleted] 2c 8"}, {3, "4 [deleted] 2c 8"}, {4, "[deleted] 2c 8"}, {5, "[deleted] 2c 8"},
		{6, "2c 8"}, {7, "8"}, {8, ""}, {100, ""},
	} {
		c := must(w.ChangesSince(w.ctx, room, tt.since, 100))
		if got := strings.Join(contents(c.Messages), " "); got != tt.want || c.LastSeq != 8 || c.Truncated {
			w.Errorf("since %d: %q, last %d, truncated %v; want %q", tt.since, got, c.LastSeq, c.Truncated, tt.want)
		}
	}
}

func changesTruncated(w *world) {
	room, _, ids := w.fillRoom(10)
	w.change(func(tx core.Tx) error {
		for _, i := range []int{7, 2, 5} {
			if _, err := tx.EditMessage(w.ctx, ids[i], core.Edit{Content: "edited", At: Start}); err != nil {
				return err
			}
		}
		return nil
	})
	seen := map[chat.MessageID]bool{}
	var since chat.Seq
	for range 20 {
		c := must(w.ChangesSince(w.ctx, room, since, 4))
		if len(c.Messages) > 4 {
			w.Fatalf("%d messages, at most 4 were asked for", len(c.Messages))
		}
		for _, m := range c.Messages {
			if m.ChangeSeq <= since || seen[m.ID] {
				w.Fatalf("message %d with change %d after %d, seen %v", m.ID, m.ChangeSeq, since, seen[m.ID])
			}
			since = m.ChangeSeq
			seen[m.ID] = true
		}
		if !c.Truncated {
			break
		}
	}
	if len(seen) != 10 || since != 13 {
		w.Errorf("saw %d messages up to %d, want 10 up to 13", len(seen), since)
	}
}

func changesEmpty(w *world) {
	_, err := w.ChangesSince(w.ctx, 4711, 0, 10)
	w.wantCode(err, "room_not_found")
	c := must(w.ChangesSince(w.ctx, w.addRoom(chat.Room{Type: chat.Public}), 0, 10))
	if c.LastSeq != 0 || len(c.Messages) != 0 || c.Truncated {
		w.Errorf("an empty room: %+v", c)
	}
}

func changesNumbers(w *world) {
	room, ada, ids := w.fillRoom(1)
	want := chat.Seq(1)
	for name, fn := range map[string]func(tx core.Tx) (*chat.Message, error){
		"edit": func(tx core.Tx) (*chat.Message, error) {
			return tx.EditMessage(w.ctx, ids[0], core.Edit{Content: "x", At: Start})
		},
		"pin":     func(tx core.Tx) (*chat.Message, error) { return tx.SetPinned(w.ctx, ids[0], true, ada, Start) },
		"preview": func(tx core.Tx) (*chat.Message, error) { return tx.SetLinks(w.ctx, ids[0], []chat.Link{{URL: "u"}}) },
		"react": func(tx core.Tx) (*chat.Message, error) {
			m, _, err := tx.AddReaction(w.ctx, ids[0], ada, "👍", Start)
			return m, err
		},
	} {
		want++
		var got *chat.Message
		w.change(func(tx core.Tx) (err error) { got, err = fn(tx); return err })
		if got.ChangeSeq != want || got.Seq != 1 {
			w.Errorf("%s: change %d, want %d", name, got.ChangeSeq, want)
		}
		if last := must(w.Room(w.ctx, room)).LastSeq; last != want {
			w.Errorf("%s: the room is at %d, want %d", name, last, want)
		}
	}
}

// changesFollowed reads on from LastSeq while others write and edit. A message that is edited between two readings comes
// again with its newer state, so what counts are the change_seqs: none twice, none that was there when LastSeq passed it.
func changesFollowed(w *world) {
	const messages = 400
	room, ada, _ := w.fillRoom(0)
	over := make(chan struct{})
	go func() {
		defer close(over)
		for n := range messages {
			m, _, err := w.Append(w.ctx, plain(chat.Draft{RoomID: room, SenderID: ada, Content: fmt.Sprint(n)}))
			if err != nil {
				w.Errorf("append: %v", err)
				return
			}
			if n%4 != 0 {
				continue
			}
			if err := w.Change(w.ctx, func(tx core.Tx) ([]chat.Event, error) {
				_, err := tx.EditMessage(w.ctx, m.ID, core.Edit{Content: "edited", At: Start})
				return nil, err
			}); err != nil {
				w.Errorf("edit: %v", err)
				return
			}
		}
	}()
	defer func() { <-over }()
	seen := map[chat.MessageID]chat.Seq{}
	var since chat.Seq
	for last := false; ; {
		select {
		case <-over:
			last = true
		default:
		}
		c := must(w.ChangesSince(w.ctx, room, since, 500))
		for _, m := range c.Messages {
			if m.ChangeSeq <= since || m.ChangeSeq <= seen[m.ID] {
				w.Fatalf("message %s came with change %d after %d, reading on from %d", m.ID, m.ChangeSeq, seen[m.ID], since)
			}
			if m.ChangeSeq > c.LastSeq {
				w.Fatalf("change %d lies behind the last, %d", m.ChangeSeq, c.LastSeq)
			}
			seen[m.ID] = m.ChangeSeq
		}
		if since = c.LastSeq; last {
			break
		}
	}
	if len(seen) != messages {
		w.Fatalf("saw %d messages of %d", len(seen), messages)
	}
}
