package sqlstore

import (
	"context"
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

// planned checks every statement on its way through: none may read a table from end to end, and none may sort but those
// whose few rows are named in sorts. Statements without rows and the search index's own are left alone.
type planned struct {
	execer
	t     *testing.T
	sorts bool
}

func (p *planned) check(query string, args []any) {
	p.t.Helper()
	verb, _, _ := strings.Cut(strings.TrimSpace(query), " ")
	if strings.HasPrefix(query, "INSERT INTO search ") || !strings.Contains("SELECT INSERT UPDATE DELETE", verb) {
		return
	}
	steps, err := plan(context.Background(), p.execer, recorded{query, args})
	if err != nil {
		p.t.Fatalf("%s: %v", query, err)
	}
	for _, step := range steps {
		scan := strings.HasPrefix(step, "SCAN") && !strings.Contains(step, "VIRTUAL TABLE INDEX")
		for _, small := range []string{"SCAN message_ids", "SCAN search_state", "SCAN CONSTANT ROW", "SCAN later", "SCAN next", "SCAN found", "SCAN created", "SCAN changed", "SCAN threads USING INDEX threads_deleted"} {
			scan = scan && step != small
		}
		if scan {
			p.t.Errorf("reads from end to end: %s\n%s\n%s", step, query, strings.Join(steps, "\n"))
		}
		if strings.Contains(step, "USE TEMP B-TREE") && !p.sorts {
			p.t.Errorf("sorts: %s\n%s\n%s", step, query, strings.Join(steps, "\n"))
		}
	}
}

func (p *planned) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	p.t.Helper()
	p.check(query, args)
	return p.execer.query(ctx, query, args...)
}

func (p *planned) exec(ctx context.Context, query string, args ...any) (int64, error) {
	p.t.Helper()
	p.check(query, args)
	return p.execer.exec(ctx, query, args...)
}

// TestMessagePlans holds what happens with every message to its indexes.
func TestMessagePlans(t *testing.T) {
	ctx := context.Background()
	s, err := Open(ctx, Options{Path: filepath.Join(t.TempDir(), "chat.db"), Synchronous: "off"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop(ctx) })
	now := time.Now()
	change := func(fn func(t *tx) error) {
		t.Helper()
		err := s.Change(ctx, func(t core.Tx) ([]chat.Event, error) { return nil, fn(t.(*tx)) })
		if err != nil {
			t.Fatal(err)
		}
	}
	var room, forum chat.RoomID
	change(func(t *tx) error {
		r, err := t.CreateRoom(ctx, chat.Room{Type: chat.Public, Form: chat.Text, CreatedAt: now})
		if err != nil {
			return err
		}
		room = r.ID
		if r, err = t.CreateRoom(ctx, chat.Room{Type: chat.Public, Form: chat.Forum, CreatedAt: now}); err != nil {
			return err
		}
		forum = r.ID
		for _, u := range []chat.UserID{"ada", "bob"} {
			if _, err := t.CreateUser(ctx, &chat.User{ID: u, Username: string(u), CreatedAt: now}); err != nil {
				return err
			}
			for _, id := range []chat.RoomID{room, forum} {
				if _, err := t.PutMember(ctx, chat.Member{RoomID: id, UserID: u, Role: chat.RoomMember, JoinedAt: now}); err != nil {
					return err
				}
			}
		}
		return nil
	})
	var id, thread, reply chat.MessageID
	for _, c := range []struct {
		name  string
		sorts bool
		run   func(t *tx) error
	}{
		{"append", false, func(t *tx) error {
			a, err := t.CreateAttachment(ctx, chat.Attachment{Key: "k", UploaderID: "ada", Scan: chat.ScanClean, CreatedAt: now})
			if err != nil {
				return err
			}
			root, _, err := t.Append(ctx, chat.Draft{RoomID: room, SenderID: "ada", Content: "root", At: now})
			if err != nil {
				return err
			}
			m, _, err := t.Append(ctx, chat.Draft{RoomID: room, SenderID: "ada", Content: "x", Search: "x", Nonce: "n", Mentions: []chat.UserID{"bob"},
				ParentID: root.ID, ThreadID: root.ID, AttachmentIDs: []chat.AttachmentID{a.ID}, At: now,
				Notify: []chat.Notification{{UserID: "bob", Type: chat.NotifyMention}}})
			if err == nil {
				id = m.ID
			}
			return err
		}},
		{"append again", true, func(t *tx) error {
			_, _, err := t.Append(ctx, chat.Draft{RoomID: room, SenderID: "ada", Nonce: "n", At: now})
			return err
		}},
		{"react", true, func(t *tx) error { _, _, err := t.AddReaction(ctx, id, "bob", "👍", now); return err }},
		{"unreact", true, func(t *tx) error { _, _, err := t.RemoveReaction(ctx, id, "bob", "👍"); return err }},
		{"ask, vote and end", true, func(t *tx) error {
			m, _, err := t.Append(ctx, chat.Draft{RoomID: room, SenderID: "ada", Search: "x", At: now,
				Poll: &chat.Poll{Question: "x", Options: []chat.PollOption{{ID: "0", Text: "a"}, {ID: "1", Text: "b"}}}})
			if err == nil {
				_, _, err = t.SetVotes(ctx, m.ID, "bob", []string{"0"}, now)
			}
			if err == nil {
				_, _, err = t.SetVotes(ctx, m.ID, "bob", []string{"1"}, now)
			}
			if err == nil {
				_, err = t.EndPoll(ctx, m.ID, "ada", now)
			}
			return err
		}},
		{"pin", false, func(t *tx) error { _, err := t.SetPinned(ctx, id, true, "bob", now); return err }},
		{"edit", false, func(t *tx) error {
			_, err := t.EditMessage(ctx, id, core.Edit{Content: "y", Search: "y", At: now})
			return err
		}},
		{"links", false, func(t *tx) error { _, err := t.SetLinks(ctx, id, []chat.Link{{URL: "u"}}); return err }},
		{"read", false, func(t *tx) error { _, _, err := t.MarkRead(ctx, room, "bob", 9, now); return err }},
		{"delivered", false, func(t *tx) error { _, err := t.MarkDelivered(ctx, room, "bob", 9); return err }},
		{"index", false, func(t *tx) error { _, err := indexSome(ctx, t.x); return err }},
		{"newest", false, func(t *tx) error { _, err := t.Messages(ctx, room, chat.MessagesQuery{Limit: 50}); return err }},
		{"before", false, func(t *tx) error {
			_, err := t.Messages(ctx, room, chat.MessagesQuery{Before: id, Limit: 50})
			return err
		}},
		{"around", false, func(t *tx) error {
			_, err := t.Messages(ctx, room, chat.MessagesQuery{Around: id, Limit: 50})
			return err
		}},
		{"around a place", false, func(t *tx) error {
			_, err := t.Messages(ctx, room, chat.MessagesQuery{AroundSeq: 1, Limit: 50})
			return err
		}},
		{"around a time", false, func(t *tx) error {
			_, err := t.Messages(ctx, room, chat.MessagesQuery{At: now, Limit: 50})
			return err
		}},
		{"thread", false, func(t *tx) error {
			_, err := t.Messages(ctx, room, chat.MessagesQuery{ThreadID: id, Limit: 50})
			return err
		}},
		{"by id", false, func(t *tx) error { _, err := t.MessagesByID(ctx, []chat.MessageID{id, id + 1, id + 2}); return err }},
		{"changes", false, func(t *tx) error { _, err := t.ChangesSince(ctx, room, 0, 50); return err }},
		{"pins", true, func(t *tx) error { _, err := t.Pins(ctx, room); return err }},
		{"receipts", true, func(t *tx) error { _, err := t.Receipts(ctx, room, 1, 50); return err }},
		{"unread", false, func(t *tx) error { _, _, err := t.Unread(ctx, room, "bob"); return err }},
		{"rooms of", true, func(t *tx) error { _, err := t.RoomsOf(ctx, "bob"); return err }},
		{"search", false, func(t *tx) error {
			_, err := t.Search(ctx, chat.SearchQuery{Reader: "bob", Terms: []chat.SearchTerm{{Words: []string{"y"}}}, Limit: 50})
			return err
		}},
		{"a thread of a forum", true, func(t *tx) error {
			head, _, err := t.Append(ctx, chat.Draft{RoomID: forum, SenderID: "ada", Type: chat.ThreadMessage, Content: "t", At: now})
			if err != nil {
				return err
			}
			thread = head.ID
			if err := t.CreateThread(ctx, chat.Thread{ID: thread, RoomID: forum, Name: "t", CreatedBy: "ada", CreatedAt: now}); err != nil {
				return err
			}
			_, err = t.UpdateThread(ctx, chat.Thread{ID: thread, RoomID: forum, Name: "u", Archived: true})
			return err
		}},
		{"a reply in it", false, func(t *tx) error {
			m, _, err := t.Append(ctx, chat.Draft{RoomID: forum, SenderID: "bob", Content: "x", ParentID: thread, ThreadID: thread, Forum: true, At: now})
			if err == nil {
				reply = m.ID
			}
			return err
		}},
		{"threads", false, func(t *tx) error { _, err := t.Threads(ctx, []chat.RoomID{room, forum}); return err }},
		{"threads of a room", false, func(t *tx) error { _, _, err := t.RoomThreads(ctx, forum, false, chat.Page{Limit: 50}); return err }},
		{"deleted threads", false, func(t *tx) error { _, err := t.DeletedThreads(ctx); return err }},
		{"join a thread", false, func(t *tx) error { _, err := t.JoinThread(ctx, thread, "ada", now); return err }},
		{"leave a thread", false, func(t *tx) error { _, err := t.LeaveThread(ctx, thread, "ada"); return err }},
		{"read a thread", false, func(t *tx) error { return t.SetThreadRead(ctx, thread, "ada", 9, now) }},
		{"read notifications of a thread", false, func(t *tx) error {
			_, err := t.ReadThreadNotifications(ctx, "ada", thread, reply, now)
			return err
		}},
		{"read threads", false, func(t *tx) error { return t.ReadThreads(ctx, forum, "ada", 9) }},
		{"set a place", false, func(t *tx) error { return t.SetRead(ctx, room, "bob", 1, now) }},
		{"unread of a forum", false, func(t *tx) error { _, _, err := t.Unread(ctx, forum, "bob"); return err }},
		{"positions", false, func(t *tx) error { _, err := t.ReadPositions(ctx, "bob", []chat.RoomID{room, forum}); return err }},
		{"positions in threads", false, func(t *tx) error { _, err := t.ThreadPositions(ctx, "bob", []chat.MessageID{thread, id}); return err }},
		{"the newest shown", false, func(t *tx) error { _, _, err := t.NewestShown(ctx, room, 0, 99); return err }},
		{"the newest shown of a thread", false, func(t *tx) error { _, _, err := t.NewestShown(ctx, forum, thread, 99); return err }},
		{"shown", false, func(t *tx) error { _, err := t.Shown(ctx, chat.ShownQuery{RoomID: room, Limit: 50}); return err }},
		{"shown after a few", false, func(t *tx) error {
			_, err := t.Shown(ctx, chat.ShownQuery{RoomID: room, Skip: 1, Limit: 50})
			return err
		}},
		{"shown before", false, func(t *tx) error {
			_, err := t.Shown(ctx, chat.ShownQuery{RoomID: room, Before: id, Limit: 50})
			return err
		}},
		{"shown around", false, func(t *tx) error {
			_, err := t.Shown(ctx, chat.ShownQuery{RoomID: room, Around: id, Newer: 5, Older: 5})
			return err
		}},
		{"shown far back", false, func(t *tx) error { _, err := t.searchSkipped(ctx, room, 1); return err }},
		{"shown of a thread", false, func(t *tx) error {
			_, err := t.Shown(ctx, chat.ShownQuery{RoomID: forum, ThreadID: thread, Skip: 1, Limit: 50})
			return err
		}},
		{"delete a thread", false, func(t *tx) error {
			if err := t.HideThread(ctx, thread); err != nil {
				return err
			}
			if _, err := t.RemainingReplies(ctx, thread, 50); err != nil {
				return err
			}
			if _, _, err := t.DeleteMessage(ctx, reply, "ada", now); err != nil {
				return err
			}
			return t.RemoveThread(ctx, thread)
		}},
		{"an attachment", false, func(t *tx) error { _, err := t.AttachmentByKey(ctx, "k"); return err }},
		{"attachments", false, func(t *tx) error { _, err := t.AttachmentsByKey(ctx, []string{"k", "l", "m"}); return err }},
		{"pending", true, func(t *tx) error { _, err := t.PendingAttachments(ctx, 0, 50); return err }},
		{"unused", false, func(t *tx) error { _, err := t.UnusedAttachments(ctx, now, 50); return err }},
		{"a walk through a room", false, func(t *tx) error {
			return t.EachMessage(ctx, room, "bob", func(*chat.Message) error { return nil })
		}},
		{"delete", false, func(t *tx) error { _, _, err := t.DeleteMessage(ctx, id, "bob", now); return err }},
		{"expire", false, func(t *tx) error { return t.Expire(ctx, now) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			change(func(in *tx) error {
				return c.run(&tx{reader: reader{s: s, x: &planned{execer: in.x, t: t, sorts: c.sorts}}, w: in.w})
			})
		})
	}
}
