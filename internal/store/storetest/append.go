package storetest

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

func init() {
	tell("append",
		story{"a message is read back as it was answered", appendReadBack},
		story{"places are gapless per room, ids increase, ordinals count", appendNumbers},
		story{"times increase by a millisecond at least, whatever was wished", appendTimes},
		story{"microseconds stay clear of the edges of a millisecond", appendMicroseconds},
		story{"a repeated nonce returns the first message", appendNonce},
		story{"a nonce belongs to its sender and room", appendNonceScope},
		story{"a repeated nonce outlives a restart, an edit and the end of the room's use", appendNonceLasts},
		story{"an unknown or archived room refuses", appendRefused},
		story{"uploads become the message's, in its order, once", appendAttachments},
		story{"an upload that cannot be claimed refuses the whole message", appendAttachmentRefused},
		story{"replies are counted in their thread", appendThread},
		story{"the sender has read what they wrote, others have not", appendReadMarker},
		story{"a post from outside has no sender", appendOutside},
		story{"mentions and notifications are stored and told of", appendNotifies},
		story{"a notification for someone who is gone is left out", appendNotifiesNobody},
		story{"a message appended in a transaction goes with it", appendInTransaction},
		story{"what the server says by itself is not counted, nor unread", appendSystem},
		story{"in slow mode a person's next message is refused, and nobody else's", appendSlowMode},
		story{"of many messages that come at the same time in slow mode one is stored", appendSlowModeRace},
	)
}

func appendSlowMode(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	room, other := w.addRoom(chat.Room{Type: chat.Public}, ada, bob), w.addRoom(chat.Room{Type: chat.Public}, ada)
	slow := func(room chat.RoomID, by chat.UserID, nonce string) chat.Draft {
		return plain(chat.Draft{RoomID: room, SenderID: by, Content: "x", Nonce: nonce, SlowMode: time.Minute})
	}
	w.say(room, ada, "before slow mode")
	first := w.post(slow(room, ada, "n1"))
	file := w.upload(ada, "kept")
	sent := must(w.SlowSends(w.ctx, ada, []chat.RoomID{room, 4711}))
	same(w, "when ada wrote in slow mode", sent, map[chat.RoomID]time.Time{room: Start})
	same(w, "when bob did", len(must(w.SlowSends(w.ctx, bob, []chat.RoomID{room}))), 0)
	same(w, "nowhere", len(must(w.SlowSends(w.ctx, ada, nil))), 0)
	again := slow(room, ada, "n2")
	again.AttachmentIDs = []chat.AttachmentID{file.ID}
	_, _, err := w.Append(w.ctx, again)
	if e := chat.AsError(err); e == nil || e.Code != "slow_mode" || e.Kind != chat.TooMany || e.RetryAfter != time.Minute {
		w.Fatalf("at once: %v", err)
	}
	if m, created := w.offer(slow(room, ada, "n1")); created || m.ID != first.ID {
		w.Fatalf("a repeated nonce: %+v, created %v", m, created)
	}
	w.post(slow(room, bob, ""))
	w.post(slow(other, ada, ""))
	w.post(chat.Draft{RoomID: room, SenderID: ada, Content: "one who need not wait", AttachmentIDs: []chat.AttachmentID{file.ID}})
	w.reopen()
	_, _, err = w.Append(w.ctx, slow(room, ada, "n3"))
	w.wantCode(err, "slow_mode")
	w.change(func(tx core.Tx) error { return tx.Expire(w.ctx, Start.Add(chat.MaxSlowMode+time.Second)) })
	w.post(slow(room, ada, ""))
	w.deleteRoom(room)
}

func appendSlowModeRace(w *world) {
	ada := w.addUser("ada")
	room := w.addRoom(chat.Room{Type: chat.Public}, ada)
	var group sync.WaitGroup
	var stored, refused atomic.Int32
	for range 20 {
		group.Go(func() {
			_, _, err := w.Append(w.ctx, plain(chat.Draft{RoomID: room, SenderID: ada, Content: "x", SlowMode: time.Minute}))
			switch chat.CodeOf(err) {
			case "":
				stored.Add(1)
			case "slow_mode":
				refused.Add(1)
			}
		})
	}
	group.Wait()
	if stored.Load() != 1 || refused.Load() != 19 {
		w.Fatalf("%d were stored and %d refused", stored.Load(), refused.Load())
	}
	page := must(w.Messages(w.ctx, room, chat.MessagesQuery{Limit: 50}))
	same(w, "places", pick(page.Messages, func(m chat.Message) chat.Seq { return m.Seq }), []chat.Seq{1})
}

// post appends a draft that must be stored, with what is missing filled in.
func (w *world) post(d chat.Draft) *chat.Message {
	w.Helper()
	m, created := w.offer(d)
	if !created {
		w.Fatalf("a draft was not stored: it answers %+v", m)
	}
	return m
}

// offer appends a draft that must not be refused.
func (w *world) offer(d chat.Draft) (m *chat.Message, created bool) {
	w.Helper()
	m, created, err := w.Append(w.ctx, plain(d))
	if err != nil {
		w.Fatalf("append: %v", err)
	}
	return m, created
}

// plain fills in what most drafts have in common.
func plain(d chat.Draft) chat.Draft {
	if d.Type == "" {
		d.Type = chat.TextMessage
	}
	if d.At.IsZero() {
		d.At = Start
	}
	return d
}

// upload stores an attachment that is ready to be sent.
func (w *world) upload(by chat.UserID, key string) chat.Attachment {
	w.Helper()
	a := chat.Attachment{
		Key: key, UploaderID: by, Filename: key + ".png", Size: 1000, MIMEType: "image/png", Width: 30, Height: 20,
		Hash: "hash-" + key, ThumbHash: "thumb-" + key, ThumbMIME: "image/jpeg", Scan: chat.ScanClean, CreatedAt: Start,
	}
	w.change(func(tx core.Tx) (err error) {
		a, err = tx.CreateAttachment(w.ctx, a)
		return err
	})
	return a
}

// message reads a message that must be there.
func (w *world) message(id chat.MessageID) *chat.Message {
	w.Helper()
	m, err := w.Message(w.ctx, id)
	if err != nil {
		w.Fatalf("message %d: %v", id, err)
	}
	return m
}

func appendReadBack(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	room := w.addRoom(chat.Room{Type: chat.Public}, ada, bob)
	root := w.say(room, bob, "root")
	file := w.upload(ada, "one")
	got := w.post(chat.Draft{
		RoomID: room, SenderID: ada, Type: chat.ImageMessage, Content: "**hi** 'there' \n\U0001F680", ParentID: root.ID, ThreadID: root.ID,
		Mentions: []chat.UserID{bob, ada}, Everyone: true, AttachmentIDs: []chat.AttachmentID{file.ID}, Nonce: "n",
		Links:   []chat.Link{{URL: "https://example.org/?a=1&b=2", Title: "T", Description: "D", Image: core.PreviewPath + strings.Repeat("a", 64), Width: 4, Height: 3}},
		Payload: &chat.Payload{Kind: "session", Data: []byte{0, 1, 255}}, Search: "hi there",
	})
	file.RoomID, file.MessageID = room, got.ID
	same(w, "attachments", got.Attachments, []chat.Attachment{file})
	if got.Nonce != "n" || got.ParentID != root.ID || got.ThreadID != root.ID || got.Type != chat.ImageMessage {
		w.Errorf("answered %+v", got)
	}
	want := *got
	want.Nonce = ""
	same(w, "message", *w.message(got.ID), want)
}

func appendNumbers(w *world) {
	ada := w.addUser("ada")
	a, b := w.addRoom(chat.Room{Type: chat.Public}, ada), w.addRoom(chat.Room{Type: chat.Public}, ada)
	var last chat.MessageID
	for i := range 6 {
		m := w.say([]chat.RoomID{a, b}[i%2], ada, "x")
		if m.Seq != chat.Seq(i/2+1) || m.ChangeSeq != m.Seq || m.Ordinal != int64(i/2+1) || m.ID <= last {
			w.Fatalf("message %d: id %d after %d, seq %d, change %d, ordinal %d", i, m.ID, last, m.Seq, m.ChangeSeq, m.Ordinal)
		}
		last = m.ID
	}
	w.change(func(tx core.Tx) error { _, err := tx.SetPinned(w.ctx, last, true, ada, Start); return err })
	m := w.say(b, ada, "after a change")
	if m.Seq != 5 || m.Ordinal != 4 {
		w.Errorf("after a change: seq %d, ordinal %d, want 5 and 4", m.Seq, m.Ordinal)
	}
	got := must(w.Room(w.ctx, b))
	if got.LastSeq != 5 || got.MessageCount != 4 || !got.LastMessageAt.Equal(m.CreatedAt) {
		w.Errorf("room: last seq %d, %d messages, last at %v", got.LastSeq, got.MessageCount, got.LastMessageAt)
	}
}

func appendTimes(w *world) {
	ada := w.addUser("ada")
	room := w.addRoom(chat.Room{Type: chat.Public}, ada)
	var last time.Time
	for i, wish := range []time.Time{Start, Start, Start.Add(-time.Hour), Start.Add(time.Second), Start.Add(time.Second + 400*time.Microsecond), {}} {
		m, _, err := w.Append(w.ctx, chat.Draft{RoomID: room, SenderID: ada, Type: chat.TextMessage, Content: "x", At: wish})
		if err != nil {
			w.Fatal(err)
		}
		if ms := m.CreatedAt.UnixMilli(); ms <= last.UnixMilli() && i > 0 {
			w.Errorf("message %d at %v, not after %v", i, m.CreatedAt, last)
		}
		if wish.After(last) && m.CreatedAt.UnixMilli() != wish.UnixMilli() && wish.UnixMilli() > last.UnixMilli() {
			w.Errorf("message %d at %v, wished %v", i, m.CreatedAt, wish)
		}
		same(w, "the time that is read", w.message(m.ID).CreatedAt, m.CreatedAt)
		last = m.CreatedAt
	}
}

func appendMicroseconds(w *world) {
	ada := w.addUser("ada")
	for _, us := range []time.Duration{0, 99, 100, 500, 900, 901, 999} {
		room := w.addRoom(chat.Room{Type: chat.Public}, ada)
		wish := Start.Add(us * time.Microsecond)
		m := w.post(chat.Draft{RoomID: room, SenderID: ada, Content: "x", At: wish})
		if got := m.CreatedAt.UnixMicro() % 1000; got < 100 || got > 900 || m.CreatedAt.UnixMilli() != wish.UnixMilli() {
			w.Errorf("wished %v, got %v", wish, m.CreatedAt)
		}
	}
}

func appendNonce(w *world) {
	ada := w.addUser("ada")
	room := w.addRoom(chat.Room{Type: chat.Public}, ada)
	file := w.upload(ada, "one")
	draft := chat.Draft{RoomID: room, SenderID: ada, Content: "once", Nonce: "n", AttachmentIDs: []chat.AttachmentID{file.ID}}
	first := w.post(draft)
	w.heard()
	draft.Content = "twice"
	again, created := w.offer(draft)
	if created {
		w.Error("the repeat was stored")
	}
	same(w, "the repeat", again, first)
	if events := w.heard(); len(events) != 0 {
		w.Errorf("the repeat told of %v", events)
	}
	if got := must(w.Room(w.ctx, room)); got.MessageCount != 1 || got.LastSeq != 1 {
		w.Errorf("%d messages, last seq %d, want 1 and 1", got.MessageCount, got.LastSeq)
	}
	if next := w.say(room, ada, "next"); next.Seq != 2 {
		w.Errorf("the next message has seq %d, want 2", next.Seq)
	}
}

func appendNonceScope(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	a, b := w.addRoom(chat.Room{Type: chat.Public}, ada, bob), w.addRoom(chat.Room{Type: chat.Public}, ada, bob)
	ids := map[chat.MessageID]bool{}
	for _, d := range []chat.Draft{{RoomID: a, SenderID: ada, Nonce: "n"}, {RoomID: b, SenderID: ada, Nonce: "n"}, {RoomID: a, SenderID: bob, Nonce: "n"},
		{RoomID: a, SenderID: ada, Nonce: "N"}, {RoomID: a, SenderID: ada}, {RoomID: a, SenderID: ada}} {
		ids[w.post(d).ID] = true
	}
	if len(ids) != 6 {
		w.Errorf("%d messages, want 6", len(ids))
	}
}

func appendNonceLasts(w *world) {
	ada := w.addUser("ada")
	room := w.addRoom(chat.Room{Type: chat.Public}, ada)
	draft := chat.Draft{RoomID: room, SenderID: ada, Content: "once", Nonce: "n"}
	first := w.post(draft)
	w.change(func(tx core.Tx) error {
		_, err := tx.EditMessage(w.ctx, first.ID, core.Edit{Content: "edited", At: Start})
		return err
	})
	if err := w.updateRoom(room, func(r *chat.Room) { r.Archived = true }); err != nil {
		w.Fatal(err)
	}
	w.change(func(tx core.Tx) error { return tx.Expire(w.ctx, Start) })
	w.reopen()
	again, created := w.offer(draft)
	if created || again.ID != first.ID || again.Content != "edited" || again.Nonce != "n" {
		w.Errorf("created %v, %+v", created, again)
	}
}

func appendRefused(w *world) {
	ada := w.addUser("ada")
	room := w.addRoom(chat.Room{Type: chat.Public}, ada)
	if err := w.updateRoom(room, func(r *chat.Room) { r.Archived = true }); err != nil {
		w.Fatal(err)
	}
	_, _, err := w.Append(w.ctx, plain(chat.Draft{RoomID: room, SenderID: ada, Nonce: "n"}))
	w.wantCode(err, "room_archived")
	if chat.AsError(err).Kind != chat.Forbidden {
		w.Errorf("kind %v, want forbidden", chat.AsError(err).Kind)
	}
	_, _, err = w.Append(w.ctx, plain(chat.Draft{RoomID: 4711, SenderID: ada}))
	w.wantCode(err, "room_not_found")
	if events := w.heard(); len(events) != 0 {
		w.Errorf("refusals told of %v", events)
	}
	if err := w.updateRoom(room, func(r *chat.Room) { r.Archived = false }); err != nil {
		w.Fatal(err)
	}
	if m := w.post(chat.Draft{RoomID: room, SenderID: ada, Nonce: "n"}); m.Seq != 1 {
		w.Errorf("a refused message took a place: the next has seq %d", m.Seq)
	}
}

func appendAttachments(w *world) {
	ada := w.addUser("ada")
	room := w.addRoom(chat.Room{Type: chat.Public}, ada)
	one, two := w.upload(ada, "one"), w.upload(ada, "two")
	m := w.post(chat.Draft{RoomID: room, SenderID: ada, AttachmentIDs: []chat.AttachmentID{two.ID, one.ID}})
	keys := func(m *chat.Message) []string {
		return pick(m.Attachments, func(a chat.Attachment) string { return a.Key })
	}
	same(w, "answered", keys(m), []string{"two", "one"})
	same(w, "read", keys(w.message(m.ID)), []string{"two", "one"})
	same(w, "the attachment itself", must(w.Attachment(w.ctx, one.ID)), m.Attachments[1])
	_, _, err := w.Append(w.ctx, plain(chat.Draft{RoomID: room, SenderID: ada, AttachmentIDs: []chat.AttachmentID{one.ID}}))
	w.wantCode(err, "attachment_invalid")
}

func appendAttachmentRefused(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	room := w.addRoom(chat.Room{Type: chat.Public}, ada, bob)
	good, theirs, bad, pending := w.upload(ada, "good"), w.upload(bob, "theirs"), w.upload(ada, "bad"), w.upload(ada, "pending")
	w.change(func(tx core.Tx) error {
		if err := tx.SetScan(w.ctx, bad.ID, chat.ScanInfected); err != nil {
			return err
		}
		return tx.SetScan(w.ctx, pending.ID, chat.ScanPending)
	})
	for _, tt := range []struct {
		name string
		id   chat.AttachmentID
	}{{"another's", theirs.ID}, {"an infected", bad.ID}, {"an unscanned", pending.ID}, {"an unknown", 4711}, {"the same", good.ID}} {
		_, _, err := w.Append(w.ctx, plain(chat.Draft{RoomID: room, SenderID: ada, Nonce: tt.name, AttachmentIDs: []chat.AttachmentID{good.ID, tt.id}}))
		if chat.CodeOf(err) != "attachment_invalid" || chat.AsError(err).Kind != chat.Invalid {
			w.Errorf("with %s upload: %v, want attachment_invalid", tt.name, err)
		}
	}
	if m := w.post(chat.Draft{RoomID: room, SenderID: ada, Nonce: "an unknown", AttachmentIDs: []chat.AttachmentID{good.ID}}); m.Seq != 1 {
		w.Errorf("a refused message took a place: the next has seq %d", m.Seq)
	}
}

func appendThread(w *world) {
	ada := w.addUser("ada")
	room := w.addRoom(chat.Room{Type: chat.Public}, ada)
	root := w.say(room, ada, "root")
	var last *chat.Message
	for range 3 {
		last = w.post(chat.Draft{RoomID: room, SenderID: ada, Content: "reply", ParentID: root.ID, ThreadID: root.ID})
	}
	got := w.message(root.ID)
	if got.ReplyCount != 3 || !got.LastReplyAt.Equal(last.CreatedAt) || got.ChangeSeq != root.ChangeSeq {
		w.Errorf("root: %d replies, last at %v, change %d", got.ReplyCount, got.LastReplyAt, got.ChangeSeq)
	}
}

func appendReadMarker(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	room := w.addRoom(chat.Room{Type: chat.Public}, ada, bob)
	w.say(room, bob, "one")
	w.say(room, bob, "two")
	unread := func(user chat.UserID) int64 {
		n, _, err := w.Unread(w.ctx, room, user)
		if err != nil {
			w.Fatal(err)
		}
		return n
	}
	same(w, "ada before", unread(ada), 2)
	m := w.say(room, ada, "three")
	same(w, "ada after", unread(ada), 0)
	same(w, "bob", unread(bob), 1)
	me := must(w.Member(w.ctx, room, ada))
	if me.LastReadSeq != m.Seq || me.LastReadOrdinal != 3 || me.LastReadAt.UnixMilli() != m.CreatedAt.UnixMilli() {
		w.Errorf("ada's marker: %+v", me)
	}
}

func appendOutside(w *world) {
	ada := w.addUser("ada")
	room := w.addRoom(chat.Room{Type: chat.Public}, ada)
	m := w.post(chat.Draft{RoomID: room, Type: chat.SystemMessage, Content: "ada joined"})
	if got := w.message(m.ID); got.SenderID != "" || got.Type != chat.SystemMessage {
		w.Errorf("read %+v", got)
	}
}

func appendSystem(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	room := w.addRoom(chat.Room{Type: chat.Public}, ada, bob)
	joined := chat.Draft{RoomID: room, Type: chat.SystemMessage, Content: "eve joined the room"}
	expect := func(when string, user chat.UserID, want int64) {
		w.Helper()
		unread, _, err := w.Unread(w.ctx, room, user)
		if err != nil || unread != want {
			w.Errorf("%s: %d unread, want %d, %v", when, unread, want, err)
		}
		for _, v := range must(w.RoomsOf(w.ctx, user)) {
			if v.UnreadCount != want {
				w.Errorf("%s: %d unread in the list of rooms, want %d", when, v.UnreadCount, want)
			}
		}
	}
	first := w.post(joined)
	if first.Seq != 1 || first.Ordinal != 0 {
		w.Errorf("seq %d, ordinal %d, want 1 and 0", first.Seq, first.Ordinal)
	}
	expect("someone came", bob, 0)
	said := w.say(room, ada, "hello")
	middle := w.post(joined)
	w.say(room, ada, "and welcome")
	w.post(joined)
	expect("two messages between three lines", bob, 2)
	expect("the one who wrote", ada, 0)
	w.read(room, bob, said.Seq, Start)
	expect("read up to the first message", bob, 1)
	w.read(room, bob, middle.Seq, Start)
	expect("read up to the line after it", bob, 1)
	w.read(room, bob, 99, Start)
	expect("read everything", bob, 0)
	w.post(joined)
	expect("someone came after that", bob, 0)
	same(w, "messages of people", must(w.Room(w.ctx, room)).MessageCount, 2)
}

func appendNotifies(w *world) {
	ada, bob, eve := w.addUser("ada"), w.addUser("bob"), w.addUser("eve")
	room := w.addRoom(chat.Room{Type: chat.Public}, ada, bob, eve)
	w.heard()
	m := w.post(chat.Draft{RoomID: room, SenderID: ada, Content: "@bob @eve", Mentions: []chat.UserID{bob, eve}, Notify: []chat.Notification{
		{UserID: bob, Type: chat.NotifyMention, Title: "t", Content: "c", ActorID: ada, Severity: chat.SeverityInfo, CreatedAt: Start, ExpiresAt: Start.Add(time.Hour)},
		{UserID: eve, Type: chat.NotifyMention, ActorID: ada, CreatedAt: Start, ExpiresAt: Start.Add(time.Hour)},
	}})
	events := w.heard()
	if len(events) != 3 {
		w.Fatalf("told of %d things, want 3", len(events))
	}
	same(w, "first", events[0], chat.Event(chat.MessageCreated{Message: m}))
	for i, user := range []chat.UserID{bob, eve} {
		told := events[i+1].(chat.Notified).Notification
		stored, _, err := w.Notifications(w.ctx, user, true, Start, chat.Page{Limit: 10})
		if err != nil || len(stored) != 1 {
			w.Fatalf("stored for %s: %v, %v", user, stored, err)
		}
		same(w, "notification", told, stored[0])
		if told.ID == 0 || told.UserID != user || told.RoomID != room || told.MessageID != m.ID {
			w.Errorf("notification %+v", told)
		}
		_, mentions, err := w.Unread(w.ctx, room, user)
		if err != nil || mentions != 1 {
			w.Errorf("%d mentions, %v, want 1", mentions, err)
		}
	}
}

func appendNotifiesNobody(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	room := w.addRoom(chat.Room{Type: chat.Public}, ada)
	w.change(func(tx core.Tx) error { return tx.DeleteUser(w.ctx, bob) })
	w.heard()
	w.post(chat.Draft{RoomID: room, SenderID: ada, Content: "@bob", Notify: []chat.Notification{{UserID: bob, Type: chat.NotifyMention, CreatedAt: Start, ExpiresAt: Start}}})
	if events := w.heard(); len(events) != 1 {
		w.Errorf("told of %v", events)
	}
}

func appendInTransaction(w *world) {
	ada := w.addUser("ada")
	room := w.addRoom(chat.Room{Type: chat.Public}, ada)
	w.heard()
	broken := chat.Errorf(chat.Invalid, "changed_my_mind", "No.")
	w.refused("changed_my_mind", func(tx core.Tx) error {
		if _, created, err := tx.Append(w.ctx, plain(chat.Draft{RoomID: room, SenderID: ada, Content: "gone", Nonce: "n"})); err != nil || !created {
			return fmt.Errorf("created %v, %w", created, err)
		}
		return broken
	})
	w.change(func(tx core.Tx) error {
		for i := range 2 {
			m, created, err := tx.Append(w.ctx, plain(chat.Draft{RoomID: room, SenderID: ada, Content: "kept", Nonce: "n"}))
			if err != nil || created != (i == 0) || m.Seq != 1 {
				return fmt.Errorf("append %d: created %v, %+v, %w", i, created, m, err)
			}
			if got, err := tx.Message(w.ctx, m.ID); err != nil || got.Content != "kept" {
				return fmt.Errorf("not seen inside: %+v, %w", got, err)
			}
		}
		_, _, err := tx.Append(w.ctx, plain(chat.Draft{RoomID: 4711}))
		if chat.CodeOf(err) != "room_not_found" {
			return fmt.Errorf("unknown room: %w", err)
		}
		return nil
	})
	page := must(w.Messages(w.ctx, room, chat.MessagesQuery{Limit: 10}))
	same(w, "contents", contents(page.Messages), []string{"kept"})
	if events := w.heard(); len(events) != 0 {
		w.Errorf("the store told of %v; that is for the transaction to say", events)
	}
}

// contents are the texts of messages.
func contents(msgs []chat.Message) []string {
	return pick(msgs, func(m chat.Message) string { return m.Content })
}

// texts are the texts of messages.
func texts(msgs []*chat.Message) []string {
	return pick(msgs, func(m *chat.Message) string { return m.Content })
}
