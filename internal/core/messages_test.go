package core_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

func TestSendRefusals(t *testing.T) {
	w := newWorld(t)
	ada, bob, eve := w.user("ada"), w.user("bob"), w.user("eve")
	open, closed := w.room("Open", chat.Public, ada, bob), w.room("Closed", chat.Private, ada)
	muted, timedOut := w.user("muted"), w.user("timedout")
	for _, m := range []chat.Actor{muted, timedOut} {
		_, err := w.Join(w.ctx, m, open)
		w.must(err)
	}
	_, err := w.Sanction(w.ctx, ada, core.Measure{Kind: chat.Mute, RoomID: open, UserID: muted.UserID})
	w.must(err)
	_, err = w.Sanction(w.ctx, ada, core.Measure{Kind: chat.Timeout, RoomID: open, UserID: timedOut.UserID, Until: worldStart.Add(time.Hour)})
	w.must(err)
	separator, err := w.CreateRoom(w.ctx, ada, core.NewRoom{Name: "Line", Type: chat.Public, Form: chat.Separator})
	w.must(err)
	gone := w.say(ada, open, "gone")
	_, err = w.DeleteMessage(w.ctx, ada, gone.ID)
	w.must(err)
	elsewhere := w.say(ada, closed, "elsewhere")
	for _, tc := range []struct {
		name string
		by   chat.Actor
		msg  core.NewMessage
		code string
	}{
		{"an empty text says nothing", ada, core.NewMessage{RoomID: open, Content: ""}, "content_empty"},
		{"blanks say nothing", ada, core.NewMessage{RoomID: open, Content: " \n\u200b\u3164"}, "content_empty"},
		{"ten thousand characters are fine", ada, core.NewMessage{RoomID: open, Content: strings.Repeat("ä", 10_000)}, ""},
		{"one more is too long", ada, core.NewMessage{RoomID: open, Content: strings.Repeat("ä", 10_001)}, "content_too_long"},
		{"blanks at the ends do not count", ada, core.NewMessage{RoomID: open, Content: " " + strings.Repeat("x", 10_000) + "\n"}, ""},
		{"broken UTF-8 is refused", ada, core.NewMessage{RoomID: open, Content: "a\xffb"}, "content_invalid"},
		{"a NUL is refused", ada, core.NewMessage{RoomID: open, Content: "a\x00b"}, "content_invalid"},
		{"a nonce is bounded", ada, core.NewMessage{RoomID: open, Content: "x", Nonce: strings.Repeat("n", 65)}, "nonce_invalid"},
		{"a nonce has no control characters", ada, core.NewMessage{RoomID: open, Content: "x", Nonce: "a\nb"}, "nonce_invalid"},
		{"an unknown room is not found", ada, core.NewMessage{RoomID: 9999, Content: "x"}, "room_not_found"},
		{"a private room is not found by strangers", bob, core.NewMessage{RoomID: closed, Content: "x"}, "room_not_found"},
		{"a public room must be joined first", eve, core.NewMessage{RoomID: open, Content: "x"}, "not_a_member"},
		{"the muted cannot write", muted, core.NewMessage{RoomID: open, Content: "x"}, "muted"},
		{"nor those on a timeout", timedOut, core.NewMessage{RoomID: open, Content: "x"}, "timed_out"},
		{"nothing is said in a separator", ada, core.NewMessage{RoomID: separator.Room.ID, Content: "x"}, "room_not_text"},
		{"a reply needs a message", ada, core.NewMessage{RoomID: open, Content: "x", ParentID: 9999}, "message_not_found"},
		{"a reply stays in its room", ada, core.NewMessage{RoomID: open, Content: "x", ParentID: elsewhere.ID}, "message_not_found"},
		{"a deleted message is not replied to", ada, core.NewMessage{RoomID: open, Content: "x", ParentID: gone.ID}, "parent_deleted"},
		{"an unknown file is refused", ada, core.NewMessage{RoomID: open, Attachments: []string{"no-such-key"}}, "attachment_invalid"},
		{"eleven files are too many", ada, core.NewMessage{RoomID: open, Attachments: make([]string, 11)}, "too_many_attachments"},
		{"nobody sends without an account", chat.Actor{}, core.NewMessage{RoomID: open, Content: "x"}, "token_invalid"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, _, err := w.SendMessage(w.ctx, tc.by, tc.msg)
			if chat.CodeOf(err) != tc.code {
				t.Errorf("got %v, want %q", err, tc.code)
			}
		})
	}
}

func TestSendingIsRateLimited(t *testing.T) {
	w := newWorld(t, func(o *core.Options) { o.Limits.MessagesPer10s = 0 }) // the default
	ada := w.user("ada")
	id := w.room("Tea", chat.Public, ada)
	for i := range 10 {
		w.say(ada, id, fmt.Sprint(i))
	}
	_, _, err := w.SendMessage(w.ctx, ada, core.NewMessage{RoomID: id, Content: "x"})
	if e := chat.AsError(err); e == nil || e.Code != "rate_limited" || e.Kind != chat.TooMany || e.RetryAfter != 10*time.Second {
		t.Errorf("got %v", err)
	}
	w.wait(10 * time.Second)
	w.say(ada, id, "again")
}

func TestSlowMode(t *testing.T) {
	w := newWorld(t)
	ada, bob, eve := w.user("ada"), w.user("bob"), w.user("eve")
	id := w.room("Tea", chat.Public, ada, bob, eve)
	for _, tc := range []struct {
		name string
		span time.Duration
		code string
	}{
		{"not below nothing", -time.Second, "slow_mode_invalid"},
		{"not above six hours", 6*time.Hour + time.Second, "slow_mode_invalid"},
		{"not in parts of a second", 1500 * time.Millisecond, "slow_mode_invalid"},
		{"six hours", 6 * time.Hour, ""},
		{"a minute", time.Minute, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v, err := w.UpdateRoom(w.ctx, ada, id, core.RoomChange{SlowMode: &tc.span})
			if chat.CodeOf(err) != tc.code || err == nil && v.Room.SlowMode != tc.span {
				t.Errorf("%v, %v", v.Room.SlowMode, err)
			}
		})
	}
	refused := func(after time.Duration) {
		t.Helper()
		_, _, err := w.SendMessage(w.ctx, bob, core.NewMessage{RoomID: id, Content: "again"})
		if e := chat.AsError(err); e == nil || e.Code != "slow_mode" || e.RetryAfter != after {
			t.Errorf("got %v, want to wait %v", err, after)
		}
	}
	waits := func(by chat.Actor, want time.Duration) {
		t.Helper()
		v, err := w.Room(w.ctx, by, id)
		w.must(err)
		list, err := w.Rooms(w.ctx, by)
		w.must(err)
		until := time.Time{}
		if want > 0 {
			until = w.clock().Add(want)
		}
		if !v.SlowUntil.Equal(until) || !list[0].SlowUntil.Equal(until) {
			t.Errorf("may write at %v, and by the list at %v, want %v", v.SlowUntil, list[0].SlowUntil, until)
		}
	}
	waits(bob, 0)
	m := w.say(bob, id, "one")
	refused(time.Minute)
	waits(bob, time.Minute)
	waits(eve, 0)
	w.say(ada, id, "the owner does not wait")
	waits(ada, 0)
	w.say(eve, id, "another person")
	w.wait(59 * time.Second)
	refused(time.Second)
	waits(bob, time.Second)
	_, err := w.EditMessage(w.ctx, bob, m.ID, "an edit is no message", nil)
	w.must(err)
	w.wait(time.Second)
	waits(bob, 0)
	w.say(bob, id, "a minute is over")
	_, err = w.UpdateRoom(w.ctx, ada, id, core.RoomChange{SlowMode: ptr(time.Duration(0))})
	w.must(err)
	waits(bob, 0)
	w.say(bob, id, "no slow mode any more")
	w.say(bob, id, "for nobody")
}

func TestReplies(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.user("ada"), w.user("bob")
	id := w.room("Tea", chat.Private, ada, bob)
	root := w.say(ada, id, "root")
	reply := func(to chat.MessageID, text string) *chat.Message {
		msg, _, err := w.SendMessage(w.ctx, bob, core.NewMessage{RoomID: id, Content: text, ParentID: to})
		w.must(err)
		return msg
	}
	first := reply(root.ID, "one")
	second := reply(first.ID, "two")
	if first.ThreadID != root.ID || second.ThreadID != root.ID || second.ParentID != first.ID {
		t.Errorf("threads %d and %d", first.ThreadID, second.ThreadID)
	}
	now, err := w.Message(w.ctx, ada, root.ID)
	if err != nil || now.ReplyCount != 2 || !now.LastReplyAt.Equal(second.CreatedAt) {
		t.Errorf("the root has %d replies, last at %v, %v", now.ReplyCount, now.LastReplyAt, err)
	}
	for _, at := range []chat.MessageID{root.ID, second.ID} {
		page, err := w.Replies(w.ctx, ada, at, chat.MessagesQuery{})
		if err != nil || len(page.Messages) != 2 || page.Messages[0].ID != first.ID {
			t.Errorf("the thread of %d: %v, %v", at, page.Messages, err)
		}
	}
	page, err := w.Replies(w.ctx, ada, root.ID, chat.MessagesQuery{After: first.ID})
	if err != nil || len(page.Messages) != 1 || page.Messages[0].ID != second.ID {
		t.Errorf("after the first reply: %v, %v", page.Messages, err)
	}
}

func TestEditMessage(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.user("ada"), w.user("bob")
	id := w.room("Tea", chat.Public, ada, bob)
	joined := w.last(id).ID // what the server said when bob came
	msg := w.say(bob, id, "helo @ada")
	_, err := w.EditMessage(w.ctx, ada, msg.ID, "mine", nil)
	w.want(err, "edit_forbidden")
	_, err = w.EditMessage(w.ctx, bob, joined, "I never came", nil)
	w.want(err, "edit_forbidden")
	_, err = w.EditMessage(w.ctx, bob, 9999, "x", nil)
	w.want(err, "message_not_found")
	_, err = w.EditMessage(w.ctx, bob, msg.ID, " ", nil)
	w.want(err, "content_empty")
	_, err = w.EditMessage(w.ctx, w.user("eve"), msg.ID, "x", nil)
	w.want(err, "not_a_member")
	w.told()
	w.wait(15 * time.Minute)
	edited, err := w.EditMessage(w.ctx, bob, msg.ID, "hello https://example.org", nil)
	if err != nil || edited.Content != "hello https://example.org" || edited.Seq != msg.Seq || edited.ChangeSeq <= msg.ChangeSeq || edited.EditedAt.IsZero() ||
		len(edited.Mentions) != 0 || len(edited.Links) != 1 || edited.Sender == nil {
		t.Fatalf("edited to %+v, %v", edited, err)
	}
	if got := kinds(w.told()); got != "MessageChanged" {
		t.Errorf("told %s", got)
	}
	if same, err := w.EditMessage(w.ctx, bob, msg.ID, "hello https://example.org ", nil); err != nil || same.ChangeSeq != edited.ChangeSeq || same.Sender == nil || len(w.told()) != 0 {
		t.Errorf("the same text again: %+v, %v", same, err)
	}
	w.wait(time.Second)
	_, err = w.EditMessage(w.ctx, bob, msg.ID, "too late", nil)
	w.want(err, "edit_window_passed")
	fresh := w.say(bob, id, "fresh")
	_, err = w.DeleteMessage(w.ctx, bob, fresh.ID)
	w.must(err)
	_, err = w.EditMessage(w.ctx, bob, fresh.ID, "back", nil)
	w.want(err, "message_deleted")
}

func TestDeleteMessage(t *testing.T) {
	w := newWorld(t)
	ada, bob, eve := w.user("ada"), w.user("bob"), w.user("eve")
	id := w.room("Tea", chat.Public, ada, bob, eve)
	msg := w.say(bob, id, "a secret")
	_, err := w.DeleteMessage(w.ctx, eve, msg.ID)
	w.want(err, "delete_forbidden")
	_, err = w.DeleteMessage(w.ctx, w.user("zoe"), msg.ID)
	w.want(err, "not_a_member")
	_, err = w.DeleteMessage(w.ctx, bob, 9999)
	w.want(err, "message_not_found")
	w.told()
	gone, err := w.DeleteMessage(w.ctx, ada, msg.ID)
	if err != nil || !gone.Deleted || gone.Content != chat.DeletedContent || gone.DeletedBy != ada.UserID || gone.Seq != msg.Seq || gone.ChangeSeq <= msg.ChangeSeq {
		t.Fatalf("left %+v, %v", gone, err)
	}
	if got := kinds(w.told()); got != "MessageDeleted" {
		t.Errorf("told %s", got)
	}
	if again, err := w.DeleteMessage(w.ctx, bob, msg.ID); err != nil || again.ChangeSeq != gone.ChangeSeq || again.Sender == nil || len(w.told()) != 0 {
		t.Errorf("deleting twice: %+v, %v", again, err)
	}
	entries, _, err := w.Audit(w.ctx, ada, chat.AuditFilter{RoomID: id, Action: "message.delete"}, chat.Page{Limit: 10})
	if err != nil || len(entries) != 1 || entries[0].TargetID != msg.ID.String() || strings.Contains(string(entries[0].Details), "secret") {
		t.Errorf("audited %+v, %v", entries, err)
	}
	direct := w.direct(ada, bob)
	theirs := w.say(bob, direct, "between us")
	_, err = w.DeleteMessage(w.ctx, ada, theirs.ID)
	w.want(err, "delete_forbidden")
	_, err = w.DeleteMessage(w.ctx, bob, theirs.ID)
	w.want(err, "")
}

// TestTombstonesAreEmpty looks through every row of every table for what was deleted.
func TestTombstonesAreEmpty(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.user("ada"), w.user("bob")
	id := w.room("Tea", chat.Private, ada, bob)
	msg, _, err := w.SendMessage(w.ctx, ada, core.NewMessage{RoomID: id, Content: "@bob zanzibar https://zanzibar.example/", Payload: &chat.Payload{Kind: "x", Data: []byte("zanzibar")}})
	w.must(err)
	w.must(w.store.Change(w.ctx, func(tx core.Tx) ([]chat.Event, error) {
		_, _, err := tx.AddReaction(w.ctx, msg.ID, bob.UserID, ":zanzibar:", worldStart)
		return nil, err
	}))
	_, err = w.Pin(w.ctx, ada, msg.ID)
	w.must(err)
	page, err := w.Search(w.ctx, bob, core.Searching{Text: "zanzibar"}) // puts it into the index
	if err != nil || len(page.Hits) != 1 {
		t.Fatalf("found %v, %v", page.Hits, err)
	}
	if n := w.mentioning("zanzibar"); n == 0 {
		t.Fatal("the text is nowhere even before it is deleted")
	}
	_, err = w.DeleteMessage(w.ctx, ada, msg.ID)
	w.must(err)
	if page, err = w.Search(w.ctx, bob, core.Searching{Text: "zanzibar"}); err != nil || len(page.Hits) != 0 {
		t.Errorf("found %v, %v", page.Hits, err)
	}
	if n := w.mentioning("zanzibar"); n != 0 {
		t.Errorf("%d values still hold the text", n)
	}
	got, err := w.Message(w.ctx, bob, msg.ID)
	if err != nil || got.Content != chat.DeletedContent || got.Payload != nil || len(got.Mentions)+len(got.Links)+len(got.Reactions) != 0 || got.Pinned {
		t.Errorf("left %+v, %v", got, err)
	}
	if n, err := w.UnreadNotifications(w.ctx, bob); err != nil || n != 0 {
		t.Errorf("%d notifications are left, %v", n, err)
	}
}

// mentioning counts the values in the database that contain a text. The index's own tables are left out: it drops words
// when it merges, and is asked by searching.
func (w *world) mentioning(text string) (n int) {
	w.Helper()
	db, err := sql.Open("sqlite", filepath.Join(w.dir, "chat.db"))
	w.must(err)
	defer db.Close()
	rows, err := db.QueryContext(w.ctx, `SELECT t.name, c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE 'search%'`)
	w.must(err)
	defer rows.Close()
	for rows.Next() {
		var table, column string
		w.must(rows.Scan(&table, &column))
		var found int
		w.must(db.QueryRowContext(w.ctx, fmt.Sprintf(`SELECT COUNT(*) FROM %q WHERE instr(CAST(%q AS TEXT), $1) > 0`, table, column), text).Scan(&found))
		n += found
	}
	w.must(rows.Err())
	return n
}

func TestMessagesPages(t *testing.T) {
	w := newWorld(t)
	ada := w.user("ada")
	id, other := w.room("Tea", chat.Private, ada), w.room("Other", chat.Private, ada)
	var ids []chat.MessageID
	for i := range 130 {
		ids = append(ids, w.say(ada, id, fmt.Sprint(i)).ID)
	}
	foreign := w.say(ada, other, "x").ID
	for _, tc := range []struct {
		name          string
		q             chat.MessagesQuery
		from, to      int
		before, after bool
		code          string
	}{
		{"the newest fifty by default", chat.MessagesQuery{}, 80, 130, true, false, ""},
		{"the newest hundred", chat.MessagesQuery{Limit: 100}, 30, 130, true, false, ""},
		{"before a message", chat.MessagesQuery{Before: ids[20], Limit: 100}, 0, 20, false, true, ""},
		{"after a message", chat.MessagesQuery{After: ids[10], Limit: 5}, 11, 16, true, true, ""},
		{"around a message", chat.MessagesQuery{Around: ids[60], Limit: 5}, 58, 63, true, true, ""},
		{"around a place", chat.MessagesQuery{AroundSeq: 61, Limit: 5}, 58, 63, true, true, ""},
		{"around a time", chat.MessagesQuery{At: worldStart.Add(60 * time.Millisecond), Limit: 5}, 58, 63, true, true, ""},
		{"a place is not negative", chat.MessagesQuery{AroundSeq: -1}, 0, 0, false, false, "seq_invalid"},
		{"not a place and a time", chat.MessagesQuery{AroundSeq: 1, At: worldStart}, 0, 0, false, false, "cursor_invalid"},
		{"not two ways at once", chat.MessagesQuery{Before: ids[1], After: ids[2]}, 0, 0, false, false, "cursor_invalid"},
		{"not even with the same message", chat.MessagesQuery{Before: ids[1], After: ids[1], ThreadID: ids[1]}, 0, 0, false, false, "cursor_invalid"},
		{"a cursor of another room is unknown", chat.MessagesQuery{Before: foreign}, 0, 0, false, false, "message_not_found"},
		{"a page has a hundred at most", chat.MessagesQuery{Limit: 101}, 0, 0, false, false, "limit_invalid"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			page, err := w.Messages(w.ctx, ada, id, tc.q)
			if chat.CodeOf(err) != tc.code {
				t.Fatalf("got %v, want %q", err, tc.code)
			}
			var got []chat.MessageID
			for _, m := range page.Messages {
				got = append(got, m.ID)
				if m.Sender == nil || m.Sender.ID != ada.UserID {
					t.Fatalf("message %d has no sender", m.ID)
				}
			}
			if !slices.Equal(got, ids[tc.from:tc.to]) || page.HasBefore != tc.before || page.HasAfter != tc.after {
				t.Errorf("got %v, before %v, after %v", got, page.HasBefore, page.HasAfter)
			}
		})
	}
	_, err := w.Changes(w.ctx, ada, id, -1, 0)
	w.want(err, "since_invalid")
	_, err = w.Changes(w.ctx, ada, id, 0, 501)
	w.want(err, "limit_invalid")
	_, err = w.Changes(w.ctx, w.user("eve"), id, 0, 0)
	w.want(err, "room_not_found")
	ch, err := w.Changes(w.ctx, ada, id, 0, 100)
	if err != nil || len(ch.Messages) != 100 || !ch.Truncated || ch.LastSeq < 130 {
		t.Errorf("%d changes, truncated %v, last %d, %v", len(ch.Messages), ch.Truncated, ch.LastSeq, err)
	}
}

func TestFiftySendersKeepTheOrder(t *testing.T) {
	w := newWorld(t)
	ada := w.user("ada")
	id := w.room("Tea", chat.Private, ada)
	var senders []chat.Actor
	for i := range 50 {
		senders = append(senders, w.user(fmt.Sprintf("sender%02d", i)))
		_, err := w.AddMember(w.ctx, chat.Operator, id, senders[i].UserID, chat.RoomMember)
		w.must(err)
	}
	before := w.last(id).Seq
	w.told()
	const each = 10
	var group sync.WaitGroup
	for _, by := range senders {
		group.Go(func() {
			var last chat.Seq
			for i := range each {
				msg, created, err := w.SendMessage(w.ctx, by, core.NewMessage{RoomID: id, Content: fmt.Sprint(i)})
				if err != nil || !created || msg.Seq <= last {
					t.Errorf("message %d has place %d after %d, %v", i, msg.Seq, last, err)
					return
				}
				last = msg.Seq
			}
		})
	}
	group.Wait()
	next := before + 1
	var last *chat.Message
	for _, ev := range w.told() {
		e, ok := ev.(chat.MessageCreated)
		if !ok {
			continue
		}
		if m := e.Message; m.Seq != next || last != nil && (m.ID <= last.ID || m.CreatedAt.UnixMilli() <= last.CreatedAt.UnixMilli()) {
			t.Fatalf("event of place %d (id %d, %v) where %d was due", m.Seq, m.ID, m.CreatedAt, next)
		}
		last = e.Message
		next++
	}
	if n := next - before - 1; n != 50*each {
		t.Errorf("%d events", n)
	}
	ch, err := w.Changes(w.ctx, ada, id, before, 500)
	w.must(err)
	if len(ch.Messages) != 50*each || ch.Messages[499].Seq != next-1 {
		t.Errorf("%d changes", len(ch.Messages))
	}
}

func TestNonces(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.user("ada"), w.user("bob")
	id, other := w.room("Tea", chat.Private, ada, bob), w.room("Other", chat.Private, ada)
	var mu sync.Mutex
	made, ids := 0, map[chat.MessageID]bool{}
	w.told()
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			msg, created, err := w.SendMessage(w.ctx, ada, core.NewMessage{RoomID: id, Content: "once", Nonce: "n1"})
			mu.Lock()
			defer mu.Unlock()
			if err != nil || msg.Nonce != "n1" || msg.Sender == nil || msg.Content != "once" {
				t.Errorf("got %+v, %v", msg, err)
				return
			}
			ids[msg.ID] = true
			if created {
				made++
			}
		})
	}
	group.Wait()
	if made != 1 || len(ids) != 1 || kinds(w.told()) != "MessageCreated" {
		t.Errorf("made %d times, %d messages", made, len(ids))
	}
	for _, tc := range []struct {
		name    string
		by      chat.Actor
		room    chat.RoomID
		later   time.Duration
		created bool
	}{
		{"another sender's nonce is another", bob, id, 0, true},
		{"another room's nonce is another", ada, other, 0, true},
		{"it holds for almost a day", ada, id, 24*time.Hour - time.Second, false},
		{"and no longer", ada, id, 2 * time.Second, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w.wait(tc.later)
			if _, created, err := w.SendMessage(w.ctx, tc.by, core.NewMessage{RoomID: tc.room, Content: "once", Nonce: "n1"}); err != nil || created != tc.created {
				t.Errorf("created %v, %v", created, err)
			}
		})
	}
	page, err := w.Messages(w.ctx, bob, id, chat.MessagesQuery{})
	w.must(err)
	for _, m := range page.Messages {
		if m.Nonce != "" {
			t.Errorf("everybody sees the nonce of %d", m.ID)
		}
	}
}
