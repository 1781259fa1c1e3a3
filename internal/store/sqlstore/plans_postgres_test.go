package sqlstore

import (
	"context"
	"database/sql"
	"log/slog"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/pgtest"
)

// fillPostgres makes a database that is large enough for indexes to be worth it: 500 people, 100 rooms, 40,000 messages.
const fillPostgres = `
	INSERT INTO users (id, username, username_key, display_name, name_key, created_at)
		SELECT 'u' || n, 'U' || n, 'u' || n, 'User', 'u' || n || E'\nuser', 1 FROM generate_series(1, 5000) AS n;
	INSERT INTO user_words (word, user_id) SELECT 'u' || n, 'u' || n FROM generate_series(1, 5000) AS n;
	INSERT INTO identities (provider, subject, user_id) SELECT 'password', 'u' || n, 'u' || n FROM generate_series(1, 5000) AS n;
	INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at) SELECT 's' || n, 'u' || n % 5000 + 1, 1, n, 9e15 FROM generate_series(1, 10000) AS n;
	INSERT INTO user_roles (user_id, role_id, position) SELECT 'u' || n, 'user', 1 FROM generate_series(1, 5000) AS n;
	INSERT INTO user_roles (user_id, role_id, position) VALUES ('u1', 'owner', 0);
	INSERT INTO rooms (slug, slug_key, name, name_key, type, created_at) SELECT 'r' || n, 'r' || n, 'Room', 'room', 'public', 1 FROM generate_series(1, 2000) AS n;
	INSERT INTO rooms (name, name_key, type, created_at, direct_a, direct_b) SELECT '', '', 'direct', 1, 'u' || n, 'u' || n + 1 FROM generate_series(1, 2000) AS n;
	INSERT INTO room_heads (room_id, last_seq, message_count, last_message_at) SELECT id, 400, 400, id FROM rooms;
	INSERT INTO members (room_id, user_id, role, role_level, joined_at) SELECT r, 'u' || u, 'member', 1, u FROM generate_series(1, 100) AS r, generate_series(1, 200) AS u;
	INSERT INTO messages (id, room_id, seq, change_seq, ordinal, type, sender_id, content, created_at, search, thread_id, pinned_at)
		SELECT n, n % 100 + 1, n / 100 + 1, n / 100 + CASE WHEN n % 50 = 0 THEN 400 ELSE 1 END, n / 100 + 1, 'text', 'u' || n % 200 + 1, 'word w' || n, n * 1000, '',
			CASE WHEN n % 20 = 0 THEN n % 100 + 1 ELSE 0 END, CASE WHEN n % 400 = 0 THEN n ELSE 0 END FROM generate_series(1, 40000) AS n;
	INSERT INTO threads (id, room_id, name, created_at, last_message_at) SELECT n, n % 100 + 1, 't', n, n FROM generate_series(1, 20000) AS n;
	INSERT INTO thread_members (thread_id, user_id, joined_at) SELECT n, 'u' || n % 5000 + 1, n FROM generate_series(1, 20000) AS n;
	INSERT INTO thread_reads (user_id, thread_id, last_read_seq, last_read_at) SELECT 'u' || n % 5000 + 1, n, n, n FROM generate_series(1, 20000) AS n;
	INSERT INTO search (message_id, words) SELECT n, CAST('/r' || n % 100 + 1 || ' /su' || n % 200 + 1 || ' word:1 w' || n || ':2' AS TSVECTOR) FROM generate_series(1, 40000) AS n;
	SELECT setval('message_ids', 100000);
	INSERT INTO reactions (message_id, emoji, user_id, position, created_at) SELECT n, 'x', 'u' || n % 200, 1, 1 FROM generate_series(1, 20000) AS n;
	INSERT INTO polls (message_id, question) SELECT n, 'x' FROM generate_series(1, 20000) AS n;
	INSERT INTO poll_options (message_id, position, id, text) SELECT n, p, p, 'x' FROM generate_series(1, 20000) AS n, generate_series(0, 1) AS p;
	INSERT INTO poll_votes (message_id, position, user_id, at) SELECT n, n % 2, 'u' || n % 200, n FROM generate_series(1, 20000) AS n;
	UPDATE messages SET polls = 1 WHERE id BETWEEN 19000 AND 20000;
	INSERT INTO webhooks (id, room_id, name, created_at) SELECT 'w' || n, n % 2000 + 1, 'x', n FROM generate_series(1, 5000) AS n;
	INSERT INTO attachments ("key", uploader_id, room_id, message_id, filename, size, mime_type, hash, scan, created_at)
		SELECT 'k' || n, 'u' || n, 1, CASE WHEN n % 100 = 0 THEN 0 ELSE n END, 'f', 1, 'x', 'h' || n, 'clean', n FROM generate_series(1, 20000) AS n;
	INSERT INTO link_pictures (message_id, hash) SELECT n, 'h' || n FROM generate_series(1, 20000) AS n;
	INSERT INTO slow_sends (room_id, user_id, at) SELECT n % 100 + 1, 'u' || n, n FROM generate_series(1, 20000) AS n;
	INSERT INTO mentions (user_id, room_id, seq, message_id) SELECT 'u' || n % 200, n % 100 + 1, n, n FROM generate_series(1, 20000) AS n;
	INSERT INTO nonces (day, "key", message_id, created_at) SELECT n % 3, decode(md5(n::text), 'hex'), n, 1 FROM generate_series(1, 20000) AS n;
	INSERT INTO read_marks (room_id, user_id, seq, at) SELECT n % 100 + 1, 'u' || n % 200, n, n FROM generate_series(1, 20000) AS n;
	INSERT INTO sanctions (kind, user_id, created_at) SELECT 'mute', 'u' || n % 5000, 1 FROM generate_series(1, 10000) AS n;
	INSERT INTO blocks (user_id, blocked_id, created_at) SELECT 'u' || n, 'u' || n + 1, 1 FROM generate_series(1, 4999) AS n;
	INSERT INTO invites (code, room_id, user_id, created_at) SELECT 'c' || n, n % 2000, 'u' || n, 1 FROM generate_series(1, 10000) AS n;
	INSERT INTO reports (message_id, room_id, reporter_id, reason, content, created_at, state)
		SELECT n, 1, 'u1', '', '', 1, CASE WHEN n % 100 = 0 THEN 'open' ELSE 'closed' END FROM generate_series(1, 10000) AS n;
	INSERT INTO audit (at, actor_id, action, target_id, room_id) SELECT n, 'u' || n % 100, 'x', 'u' || n % 1000, n % 100 FROM generate_series(1, 20000) AS n;
	INSERT INTO notifications (user_id, type, message_id, created_at, expires_at, read_at)
		SELECT 'u' || n % 5000 + 1, 'mention', n, 1, 9e15, n % 10 FROM generate_series(1, 20000) AS n;
	INSERT INTO departed (user_id, username) SELECT 'gone' || n, 'x' FROM generate_series(1, 5000) AS n;
	INSERT INTO push_subscriptions (endpoint, user_id, p256dh, auth, created_at) SELECT 'e' || n, 'u' || n, '', '', 1 FROM generate_series(1, 5000) AS n;
	INSERT INTO grants (room_id, user_id, "right", allow) SELECT 1, 'u' || n, 'send', TRUE FROM generate_series(1, 5000) AS n;
	INSERT INTO role_lists (room_id, "right", position, role_id) SELECT n, 'send', 1, 'user' FROM generate_series(1, 2000) AS n;
	INSERT INTO day_senders (day, user_id) SELECT n % 60, 'u' || n FROM generate_series(1, 10000) AS n;
	INSERT INTO plugin_values (plugin, "key", value) SELECT 'p' || n % 20, 'k' || n, '1' FROM generate_series(1, 20000) AS n;
	ANALYZE`

// explained asks PostgreSQL for the plan of every statement on its way through: no large table may be read from end to end.
type explained struct {
	execer
	t    *testing.T
	bulk bool // thousands of rows are asked for: an index may be read whole for them
}

var (
	scansTable = regexp.MustCompile(`Seq Scan on (\w+)`)
	// What has few rows however large a server is.
	smallTables = map[string]bool{"roles": true, "search_state": true, "settings": true, "days": true, "emoji": true, "commit_marks": true}
)

func (e *explained) check(ctx context.Context, query string, args []any) {
	e.t.Helper()
	verb, _, _ := strings.Cut(strings.TrimSpace(query), " ")
	if !strings.Contains("SELECT INSERT UPDATE DELETE WITH", verb) {
		return
	}
	steps, err := all(ctx, e.execer, scalar[string], "EXPLAIN "+query, args...)
	if err != nil {
		e.t.Fatalf("%s: %v", query, err)
	}
	for i, step := range steps {
		found := scansTable.FindStringSubmatch(step)
		if found != nil && !smallTables[found[1]] {
			e.t.Errorf("reads %s from end to end:\n%s\n%s", found[1], query, strings.Join(steps, "\n"))
		}
		// Where reading a table whole is not allowed, an index that is read whole stands for it.
		whole := strings.Contains(step, "Index Scan using") || strings.Contains(step, "Index Only Scan using")
		for _, detail := range steps[i+1:] {
			if strings.Contains(detail, "->") || strings.HasPrefix(strings.TrimSpace(detail), "SubPlan") {
				break
			}
			whole = whole && !strings.Contains(detail, "Index Cond:")
		}
		if whole && !e.bulk && !strings.Contains(step, "roles_") && !strings.Contains(step, "settings_") && !strings.Contains(step, "emoji_") && !strings.Contains(step, "sanctions_bans") &&
			!strings.Contains(step, "attachments_unused") && !strings.Contains(step, "threads_deleted") { // which hold nothing but what is asked for
			e.t.Errorf("reads an index from end to end: %s\n%s\n%s", step, query, strings.Join(steps, "\n"))
		}
	}
}

func (e *explained) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	e.t.Helper()
	e.check(ctx, query, args)
	return e.execer.query(ctx, query, args...)
}

func (e *explained) exec(ctx context.Context, query string, args ...any) (int64, error) {
	e.t.Helper()
	e.check(ctx, query, args)
	return e.execer.exec(ctx, query, args...)
}

// TestPostgresPlans holds everyday requests to their indexes, by plans made for the values and by those made for any.
func TestPostgresPlans(t *testing.T) {
	for _, mode := range []string{"force_custom_plan", "force_generic_plan"} {
		t.Run(mode, func(t *testing.T) { postgresPlans(t, mode) })
	}
}

func postgresPlans(t *testing.T, mode string) {
	ctx := t.Context()
	s, err := Open(ctx, Options{URL: pgtest.URL(t) + "&plan_cache_mode=" + mode, Synchronous: "off", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop(context.Background()) })
	if _, err := s.writing.ExecContext(ctx, fillPostgres); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	page := chat.Page{Limit: 50}
	const room, id = chat.RoomID(7), chat.MessageID(20006) // in that room
	for _, c := range []struct {
		name string
		run  func(r reader) error
	}{
		{"a user by id", func(r reader) error { _, err := r.User(ctx, "u7"); return err }},
		{"a thread", func(r reader) error { _, err := r.Thread(ctx, 7); return err }},
		{"threads", func(r reader) error { _, err := r.Threads(ctx, []chat.RoomID{7, 8}); return err }},
		{"threads of a room", func(r reader) error { _, _, err := r.RoomThreads(ctx, room, false, page); return err }},
		{"deleted threads", func(r reader) error { _, err := r.DeletedThreads(ctx); return err }},
		{"positions", func(r reader) error { _, err := r.ReadPositions(ctx, "u7", []chat.RoomID{7, 8}); return err }},
		{"positions in threads", func(r reader) error { _, err := r.ThreadPositions(ctx, "u7", []chat.MessageID{7, 8}); return err }},
		{"unread of a forum", func(r reader) error { _, err := r.forumUnread(ctx, "u7", []chat.RoomID{7}); return err }},
		{"the newest shown", func(r reader) error { _, _, err := r.NewestShown(ctx, room, 0, 99); return err }},
		{"the newest shown of a thread", func(r reader) error { _, _, err := r.NewestShown(ctx, room, 7, 99); return err }},
		{"shown", func(r reader) error { _, err := r.Shown(ctx, chat.ShownQuery{RoomID: room, Limit: 50}); return err }},
		{"shown after a few", func(r reader) error {
			_, err := r.Shown(ctx, chat.ShownQuery{RoomID: room, Skip: 5, Limit: 50})
			return err
		}},
		{"shown before", func(r reader) error {
			_, err := r.Shown(ctx, chat.ShownQuery{RoomID: room, Before: id, Limit: 50})
			return err
		}},
		{"shown around", func(r reader) error {
			_, err := r.Shown(ctx, chat.ShownQuery{RoomID: room, Around: id, Newer: 5, Older: 5})
			return err
		}},
		{"shown far back", func(r reader) error { _, err := r.searchSkipped(ctx, room, 100); return err }},
		{"shown of a thread", func(r reader) error {
			_, err := r.Shown(ctx, chat.ShownQuery{RoomID: room, ThreadID: 7, Skip: 1, Limit: 50})
			return err
		}},
		{"a user by name", func(r reader) error { _, err := r.UserByName(ctx, "u7"); return err }},
		{"a user by number", func(r reader) error { _, err := r.UserByNumber(ctx, 7); return err }},
		{"a user by the name they have elsewhere", func(r reader) error { _, err := r.UserByExternalName(ctx, "e7"); return err }},
		{"users by id", func(r reader) error { _, err := r.Users(ctx, []chat.UserID{"u1", "u2", "u3"}); return err }},
		{"users by a prefix", func(r reader) error { _, err := r.SearchUsers(ctx, "u77", 10); return err }},
		{"a page of all users", func(r reader) error { _, _, err := r.ListUsers(ctx, core.UserQuery{Page: page}); return err }},
		{"an identity", func(r reader) error { _, err := r.Identity(ctx, "password", "u7"); return err }},
		{"whether somebody wrote", func(r reader) error { _, err := r.Wrote(ctx, "u7", now.AddDate(0, 0, -9), now); return err }},
		{"a session", func(r reader) error { _, err := r.Session(ctx, "s7"); return err }},
		{"the sessions of a user", func(r reader) error { _, err := r.SessionsOf(ctx, "u7", now); return err }},
		{"live sessions among many", func(r reader) error { _, err := r.LiveSessions(ctx, []chat.SessionID{"s1", "s2"}, now); return err }},
		{"sanctions among people", func(r reader) error {
			_, err := r.SanctionsAmong(ctx, room, []chat.UserID{"u1", "u2"}, now)
			return err
		}},
		{"grants among people", func(r reader) error { _, err := r.GrantsAmong(ctx, room, []chat.UserID{"u1", "u2"}); return err }},
		{"the heads of rooms", func(r reader) error { _, err := r.Heads(ctx, []chat.RoomID{7, 8}); return err }},
		{"the rooms of several people", func(r reader) error { _, err := r.RoomsOfEach(ctx, []chat.UserID{"u1", "u2"}); return err }},
		{"whether there is an owner", func(r reader) error { _, err := r.OwnerExists(ctx); return err }},
		{"the role lists of a room", func(r reader) error { _, err := r.RoleLists(ctx, room); return err }},
		{"the grants of a person", func(r reader) error { _, err := r.Grants(ctx, 1, "u7"); return err }},
		{"the role lists of several rooms", func(r reader) error { _, err := r.RoleListsAmong(ctx, []chat.RoomID{7, 8}); return err }},
		{"the role lists that name a role", func(r reader) error { _, err := r.RoleListsNaming(ctx, "x"); return err }},
		{"the grants of a person in all rooms", func(r reader) error { _, err := r.GrantsOf(ctx, "u7"); return err }},
		{"the memberships of a person", func(r reader) error { _, err := r.Memberships(ctx, "u7"); return err }},
		{"the live sanctions of a person", func(r reader) error { _, err := r.SanctionsOf(ctx, "u7", now); return err }},
		{"several rooms", func(r reader) error { _, err := r.RoomsByID(ctx, []chat.RoomID{7, 8}); return err }},
		{"what was said last in several rooms", func(r reader) error { _, err := r.NewestSaid(ctx, []chat.RoomID{7, 8}); return err }},
		{"a room", func(r reader) error { _, err := r.Room(ctx, room); return err }},
		{"a room by slug", func(r reader) error { _, err := r.RoomBySlug(ctx, "r7"); return err }},
		{"a direct room", func(r reader) error { _, err := r.DirectRoom(ctx, "u7", "u8"); return err }},
		{"the rooms of a person", func(r reader) error { _, err := r.RoomsOf(ctx, "u7"); return err }},
		{"a member", func(r reader) error { _, err := r.Member(ctx, room, "u7"); return err }},
		{"a page of members", func(r reader) error { _, _, err := r.Members(ctx, room, page); return err }},
		{"the ids of members", func(r reader) error { _, err := r.MemberIDs(ctx, room); return err }},
		{"members among people", func(r reader) error { _, err := r.MembersAmong(ctx, room, []chat.UserID{"u1", "u2"}); return err }},
		{"unread counts", func(r reader) error { _, _, err := r.Unread(ctx, room, "u7"); return err }},
		{"an invite", func(r reader) error { _, err := r.Invite(ctx, "c7"); return err }},
		{"the invites to a room", func(r reader) error { _, err := r.Invites(ctx, room); return err }},
		{"an invite for a person", func(r reader) error { _, err := r.InviteFor(ctx, room, "u7", now); return err }},
		{"a message", func(r reader) error { _, err := r.Message(ctx, id); return err }},
		{"messages by id", func(r reader) error { _, err := r.MessagesByID(ctx, []chat.MessageID{1, 2, 3}); return err }},
		{"the newest messages", func(r reader) error { _, err := r.Messages(ctx, room, chat.MessagesQuery{Limit: 50}); return err }},
		{"messages before one", func(r reader) error {
			_, err := r.Messages(ctx, room, chat.MessagesQuery{Before: id, Limit: 50})
			return err
		}},
		{"messages around one", func(r reader) error {
			_, err := r.Messages(ctx, room, chat.MessagesQuery{Around: id, Limit: 50})
			return err
		}},
		{"messages around a time", func(r reader) error {
			_, err := r.Messages(ctx, room, chat.MessagesQuery{At: now, Limit: 50})
			return err
		}},
		{"a thread", func(r reader) error {
			_, err := r.Messages(ctx, room, chat.MessagesQuery{ThreadID: 21, Limit: 50})
			return err
		}},
		{"changes", func(r reader) error { _, err := r.ChangesSince(ctx, room, 300, 50); return err }},
		{"pins", func(r reader) error { _, err := r.Pins(ctx, room); return err }},
		{"receipts", func(r reader) error { _, err := r.Receipts(ctx, room, 100, 50); return err }},
		{"a search", func(r reader) error {
			_, err := r.Search(ctx, chat.SearchQuery{Reader: "u7", Terms: []chat.SearchTerm{{Words: []string{"w20006"}}}, Limit: 50})
			return err
		}},
		{"an attachment", func(r reader) error { _, err := r.AttachmentByKey(ctx, "k7"); return err }},
		{"unused attachments", func(r reader) error { _, err := r.UnusedAttachments(ctx, now, 50); return err }},
		{"whether a file is used", func(r reader) error { _, err := r.BlobInUse(ctx, "h7"); return err }},
		{"slow sends", func(r reader) error { _, err := r.SlowSends(ctx, "u7", []chat.RoomID{room}); return err }},
		{"a page of the people", func(r reader) error { _, _, err := r.People(ctx, 777, 50); return err }},
		{"the name of a deleted account", func(r reader) error { _, err := r.Departed(ctx, "u7"); return err }},
		{"who is banned", func(r reader) error { _, err := r.Bans(ctx, now); return err }},
		{"live sanctions", func(r reader) error { _, err := r.LiveSanctions(ctx, "u7", room, now); return err }},
		{"the sanctions of a room", func(r reader) error {
			_, _, err := r.Sanctions(ctx, chat.SanctionFilter{RoomID: room}, page)
			return err
		}},
		{"who blocks whom", func(r reader) error { _, err := r.Blocked(ctx, "u7", "u8"); return err }},
		{"who blocks a person", func(r reader) error { _, err := r.BlockersOf(ctx, "u7"); return err }},
		{"a page of open reports", func(r reader) error { _, _, err := r.Reports(ctx, chat.ReportOpen, page); return err }},
		{"some actions of the audit log", func(r reader) error {
			_, err := r.AuditAt(ctx, chat.AuditFilter{Actions: []string{"a", "b"}}, 0, 10)
			return err
		}},
		{"counts of the audit log", func(r reader) error {
			_, err := r.AuditCounts(ctx, chat.AuditFilter{Actions: []string{"a", "b"}})
			return err
		}},
		{"a page of the audit log", func(r reader) error { _, _, err := r.Audit(ctx, chat.AuditFilter{}, page); return err }},
		{"a page of notifications", func(r reader) error { _, _, err := r.Notifications(ctx, "u7", false, now, page); return err }},
		{"the count of unread notifications", func(r reader) error { _, err := r.UnreadNotifications(ctx, "u7", now); return err }},
		{"push subscriptions", func(r reader) error { _, err := r.PushSubscriptions(ctx, "u7"); return err }},
		{"a further page of all users", func(r reader) error {
			_, _, err := r.ListUsers(ctx, core.UserQuery{Page: chat.Page{Limit: 50, Cursor: makeCursor("777")}})
			return err
		}},
		{"what one person did", func(r reader) error { _, _, err := r.Audit(ctx, chat.AuditFilter{ActorID: "u7"}, page); return err }},
		{"the sanctions of a person", func(r reader) error {
			_, _, err := r.Sanctions(ctx, chat.SanctionFilter{UserID: "u7"}, page)
			return err
		}},
		{"messages after one", func(r reader) error {
			_, err := r.Messages(ctx, room, chat.MessagesQuery{After: id, Limit: 50})
			return err
		}},
		{"unread notifications", func(r reader) error { _, _, err := r.Notifications(ctx, "u7", true, now, page); return err }},
		{"a search in one room of one person for a phrase", func(r reader) error {
			_, err := r.Search(ctx, chat.SearchQuery{Reader: "u7", RoomID: room, From: "u8", Terms: []chat.SearchTerm{{Words: []string{"word", "w20006"}}, {Words: []string{"w2"}, Prefix: true}}, Limit: 50})
			return err
		}},
		{"the identities of a person", func(r reader) error { _, err := r.IdentitiesOf(ctx, "u7"); return err }},
		{"a page of the directory", func(r reader) error { _, _, err := r.PublicRooms(ctx, "", page); return err }},
		{"a file", func(r reader) error { _, err := r.Attachment(ctx, 7); return err }},
		{"several files", func(r reader) error { _, err := r.AttachmentsByKey(ctx, []string{"k7", "k8"}); return err }},
		{"whether a file is held back", func(r reader) error { _, err := r.Quarantined(ctx, "h7"); return err }},
		{"files that wait for the scanner", func(r reader) error { _, err := r.PendingAttachments(ctx, 0, 50); return err }},
		{"whom a person blocks", func(r reader) error { _, err := r.Blocks(ctx, "u7"); return err }},
		{"a report", func(r reader) error { _, err := r.Report(ctx, 7); return err }},
		{"people by name", func(r reader) error { _, err := r.UsersByName(ctx, []string{"u7", "u8"}); return err }},
		{"an emoji", func(r reader) error { _, err := r.Emoji(ctx, 7); return err }},
		{"an emoji by name", func(r reader) error { _, err := r.EmojiByName(ctx, "x"); return err }},
		{"a webhook", func(r reader) error { _, err := r.Webhook(ctx, "w7"); return err }},
		{"the webhooks of a room", func(r reader) error { _, err := r.Webhooks(ctx, room); return err }},
		{"all emoji", func(r reader) error { _, err := r.AllEmoji(ctx); return err }},
		{"a value of a plugin", func(r reader) error { _, err := r.PluginValue(ctx, "p1", "k1"); return err }},
		{"the keys of a plugin", func(r reader) error { _, err := r.PluginKeys(ctx, "p1"); return err }},
		{"what a plugin keeps", func(r reader) error { _, _, err := r.PluginUsage(ctx, "p1"); return err }},
		{"a setting", func(r reader) error { _, err := r.Setting(ctx, "name"); return err }},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := c.run(reader{s: s, x: &explained{execer: s.x, t: t}}); err != nil && chat.AsError(err).Kind != chat.NotFound {
				t.Fatal(err)
			}
		})
	}
	for _, c := range []struct {
		name string
		run  func(t *tx) error
	}{
		{"append", func(t *tx) error {
			_, _, err := t.Append(ctx, chat.Draft{RoomID: room, SenderID: "u7", Type: chat.TextMessage, Content: "x", Search: "x", Nonce: "n", Mentions: []chat.UserID{"u8"},
				ParentID: id, ThreadID: id, At: now, Notify: []chat.Notification{{UserID: "u8", Type: chat.NotifyMention}}})
			return err
		}},
		{"append again", func(t *tx) error {
			_, _, err := t.Append(ctx, chat.Draft{RoomID: room, SenderID: "u7", Nonce: "n"})
			return err
		}},
		{"react", func(t *tx) error { _, _, err := t.AddReaction(ctx, id, "u8", "👍", now); return err }},
		{"unreact", func(t *tx) error { _, _, err := t.RemoveReaction(ctx, id, "u8", "👍"); return err }},
		{"ask, vote and end", func(t *tx) error {
			m, _, err := t.Append(ctx, chat.Draft{RoomID: room, SenderID: "u7", Type: chat.TextMessage, At: now,
				Poll: &chat.Poll{Question: "x", Options: []chat.PollOption{{ID: "0", Text: "a"}, {ID: "1", Text: "b"}}}})
			if err == nil {
				_, _, err = t.SetVotes(ctx, m.ID, "u8", []string{"0"}, now)
			}
			if err == nil {
				_, _, err = t.SetVotes(ctx, m.ID, "u8", []string{"1"}, now)
			}
			if err == nil {
				_, err = t.EndPoll(ctx, m.ID, "u7", now)
			}
			return err
		}},
		{"pin", func(t *tx) error { _, err := t.SetPinned(ctx, id, true, "u8", now); return err }},
		{"edit", func(t *tx) error {
			_, err := t.EditMessage(ctx, id, core.Edit{Content: "y", Search: "y", At: now})
			return err
		}},
		{"read", func(t *tx) error { _, _, err := t.MarkRead(ctx, room, "u8", 399, now); return err }},
		{"delivered", func(t *tx) error { _, err := t.MarkDelivered(ctx, room, "u8", 399); return err }},
		{"join", func(t *tx) error {
			_, err := t.PutMember(ctx, chat.Member{RoomID: room, UserID: "u999", Role: chat.RoomMember, JoinedAt: now})
			return err
		}},
		{"links", func(t *tx) error {
			_, err := t.SetLinks(ctx, id, []chat.Link{{URL: "https://example.org", Image: "/api/previews/" + strings.Repeat("a", 64)}})
			return err
		}},
		{"a new person", func(t *tx) error {
			_, err := t.CreateUser(ctx, &chat.User{ID: "new", Username: "new", Kind: chat.Person, Roles: []chat.RoleID{chat.RoleUser}, CreatedAt: now})
			return err
		}},
		{"a changed person", func(t *tx) error {
			return t.UpdateUser(ctx, &chat.User{ID: "u9", Username: "U9", Kind: chat.Person, CreatedAt: now})
		}},
		{"the roles of a person", func(t *tx) error { return t.SetUserRoles(ctx, "u9", []chat.RoleID{chat.RoleUser}) }},
		{"an identity", func(t *tx) error {
			return t.PutIdentity(ctx, chat.Identity{Provider: "oidc", Subject: "s", UserID: "u9"})
		}},
		{"a session", func(t *tx) error {
			return t.CreateSession(ctx, chat.Session{ID: "new", UserID: "u9", CreatedAt: now, LastUsedAt: now, ExpiresAt: now})
		}},
		{"the end of all sessions but one", func(t *tx) error { _, err := t.RevokeSessions(ctx, "u9", "", "new", now); return err }},
		{"a role list", func(t *tx) error {
			return t.PutRoleList(ctx, chat.RoleList{RoomID: room, Right: chat.CanSend, Roles: []chat.RoleEntry{{RoleID: chat.RoleUser}}})
		}},
		{"a grant", func(t *tx) error {
			return t.PutGrant(ctx, chat.Grant{RoomID: room, UserID: "u9", Right: chat.CanPin, Allow: true})
		}},
		{"no grant", func(t *tx) error { return t.DeleteGrant(ctx, room, "u9", chat.CanPin) }},
		{"a new room", func(t *tx) error {
			_, err := t.CreateRoom(ctx, chat.Room{Slug: "new", Name: "New", Type: chat.Public, Form: chat.Text, CreatedAt: now})
			return err
		}},
		{"a changed room", func(t *tx) error {
			r, err := t.Room(ctx, room)
			if err == nil {
				_, err = t.UpdateRoom(ctx, r)
			}
			return err
		}},
		{"leave", func(t *tx) error { _, err := t.DeleteMember(ctx, room, "u9"); return err }},
		{"an invite", func(t *tx) error {
			return t.PutInvite(ctx, chat.Invite{Code: "new", RoomID: room, CreatedAt: now, MaxUses: 1})
		}},
		{"the use of an invite", func(t *tx) error { _, err := t.UseInvite(ctx, "new", now); return err }},
		{"an identity taken off", func(t *tx) error { _, err := t.DeleteIdentity(ctx, "rotur", "u9"); return err }},
		{"a file's verdict", func(t *tx) error {
			a, err := t.CreateAttachment(ctx, chat.Attachment{Key: "new", UploaderID: "u9", Filename: "f", Hash: "hnew", Scan: chat.ScanPending, CreatedAt: now})
			if err == nil {
				err = t.SetScan(ctx, a.ID, chat.ScanClean)
			}
			if err == nil {
				err = t.DeleteAttachment(ctx, a.ID)
			}
			return err
		}},
		{"a sanction", func(t *tx) error {
			_, err := t.CreateSanction(ctx, chat.Sanction{Kind: chat.Mute, RoomID: room, UserID: "u9", CreatedAt: now})
			if err == nil {
				_, err = t.LiftSanctions(ctx, "u9", room, chat.Mute, "u1", "", now)
			}
			return err
		}},
		{"a block", func(t *tx) error {
			_, err := t.PutBlock(ctx, chat.Block{UserID: "u9", BlockedID: "u3", CreatedAt: now})
			return err
		}},
		{"no block", func(t *tx) error { _, err := t.DeleteBlock(ctx, "u9", "u3"); return err }},
		{"a report", func(t *tx) error {
			r, err := t.CreateReport(ctx, chat.Report{MessageID: id, RoomID: room, ReporterID: "u9", Reason: "x", CreatedAt: now, State: chat.ReportOpen})
			if err == nil {
				err = t.UpdateReport(ctx, r)
			}
			return err
		}},
		{"an audit entry", func(t *tx) error { return t.AddAudit(ctx, chat.AuditEntry{At: now, Action: "x"}) }},
		{"a notification", func(t *tx) error {
			_, err := t.CreateNotification(ctx, chat.Notification{UserID: "u9", Type: chat.NotifySystem, CreatedAt: now, ExpiresAt: now.Add(time.Hour)})
			return err
		}},
		{"all notifications read", func(t *tx) error { _, err := t.ReadNotifications(ctx, "u9", 0, now); return err }},
		{"a push subscription", func(t *tx) error {
			return t.PutPushSubscription(ctx, chat.PushSubscription{UserID: "u9", Endpoint: "new", CreatedAt: now})
		}},
		{"no push subscription", func(t *tx) error { _, err := t.DeletePushSubscription(ctx, "u9", "new"); return err }},
		{"a value of a plugin", func(t *tx) error { return t.PutPluginValue(ctx, "a", "k", []byte("1")) }},
		{"a value of a plugin that goes", func(t *tx) error { return t.DeletePluginValue(ctx, "a", "k") }},
		{"a thread", func(t *tx) error {
			if err := t.CreateThread(ctx, chat.Thread{ID: 30006, RoomID: room, Name: "t", CreatedBy: "u8", CreatedAt: now}); err != nil {
				return err
			}
			_, err := t.UpdateThread(ctx, chat.Thread{ID: 30006, RoomID: room, Name: "u", Archived: true})
			return err
		}},
		{"a reply in it", func(t *tx) error {
			_, _, err := t.Append(ctx, chat.Draft{RoomID: room, SenderID: "u7", Type: chat.TextMessage, Content: "x", ParentID: 30006, ThreadID: 30006, Forum: true, At: now})
			return err
		}},
		{"join a thread", func(t *tx) error { _, err := t.JoinThread(ctx, 30006, "u9", now); return err }},
		{"leave a thread", func(t *tx) error { _, err := t.LeaveThread(ctx, 30006, "u9"); return err }},
		{"read a thread", func(t *tx) error { return t.SetThreadRead(ctx, 30006, "u9", 9, now) }},
		{"read notifications of a thread", func(t *tx) error { _, err := t.ReadThreadNotifications(ctx, "u9", 30006, 1<<40, now); return err }},
		{"read threads", func(t *tx) error { return t.ReadThreads(ctx, room, "u9", 9) }},
		{"set a place", func(t *tx) error { return t.SetRead(ctx, room, "u8", 1, now) }},
		{"hide a thread", func(t *tx) error { return t.HideThread(ctx, 30006) }},
		{"replies left", func(t *tx) error { _, err := t.RemainingReplies(ctx, 30006, 50); return err }},
		{"remove a thread", func(t *tx) error { return t.RemoveThread(ctx, 30006) }},
		{"a setting", func(t *tx) error { return t.PutSetting(ctx, "name", []byte("1")) }},
		{"delete", func(t *tx) error { _, _, err := t.DeleteMessage(ctx, id, "u8", now); return err }},
		{"touch a session", func(t *tx) error { return t.TouchSession(ctx, "s7", now, "") }},
		{"read notifications", func(t *tx) error { _, err := t.ReadRoomNotifications(ctx, "u7", room, id, now); return err }},
		{"expire", func(t *tx) error { return t.Expire(ctx, now) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := s.Change(ctx, func(in core.Tx) ([]chat.Event, error) {
				to := in.(*tx)
				return nil, c.run(&tx{reader: reader{s: s, x: &explained{execer: to.x, t: t, bulk: c.name == "expire"}}, w: to.w})
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

// calm are the requests that few make, now and then, and why they may read more than an index's end.
var calm = map[string]string{
	"CreateEmoji": "an administrator's", "CreateWebhook": "an administrator's", "UpdateWebhook": "an administrator's", "DeleteWebhook": "an administrator's", "DeleteEmoji": "an administrator's", "UpdateEmoji": "an administrator's", "DeleteRole": "an administrator's, over a table of few rows", "DeleteRoom": "takes everything of a room", "DeleteUser": "takes everything of a person",
	"EachMessage": "an export reads all there is", "ListRooms": "the operator's list of all rooms", "PutRole": "an administrator's, over a table of few rows",
	"OfficialRooms": "an index of few rows", "SetRoomOrder": "an administrator's, room by room", "Roles": "a table of few rows", "Stats": "the operator's page counts",
}

// TestEveryRequestIsExplained compares what a store can be asked with what TestPostgresPlans looks at.
func TestEveryRequestIsExplained(t *testing.T) {
	source, err := os.ReadFile("plans_postgres_test.go")
	if err != nil {
		t.Fatal(err)
	}
	asked := map[string]bool{}
	for _, call := range regexp.MustCompile(`\b[rt]\.([A-Z]\w*)\(ctx`).FindAllSubmatch(source, -1) {
		asked[string(call[1])] = true
	}
	requests := reflect.TypeFor[core.Tx]()
	for i := range requests.NumMethod() {
		if name := requests.Method(i).Name; asked[name] == (calm[name] != "") {
			t.Errorf("%s: add it to TestPostgresPlans, or say why it may be slow (and not both)", name)
		}
	}
}
