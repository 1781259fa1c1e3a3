package sqlstore

import (
	"context"
	"database/sql"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

// recorder notes the queries that pass through it.
type recorder struct {
	execer
	queries []recorded
}

type recorded struct {
	query string
	args  []any
}

func (r *recorder) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	r.queries = append(r.queries, recorded{query, args})
	return r.execer.query(ctx, query, args...)
}

// plan asks the engine how it runs a query.
func plan(ctx context.Context, x execer, q recorded) ([]string, error) {
	return all(ctx, x, func(row scanner) (detail string, err error) {
		var id, parent, unused int
		err = row.Scan(&id, &parent, &unused, &detail)
		return detail, err
	}, "EXPLAIN QUERY PLAN "+q.query, q.args...)
}

// TestPlans holds the queries of everyday requests to their indexes, so that none reads a table from end to end.
func TestPlans(t *testing.T) {
	ctx := context.Background()
	s, err := Open(ctx, Options{Path: filepath.Join(t.TempDir(), "chat.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop(ctx) })
	now := time.Now()
	page := chat.Page{Limit: 50}
	byUser := []string{"SEARCH u USING INDEX sqlite_autoindex_users_1 (id=?)", "SEARCH ur USING INDEX sqlite_autoindex_user_roles_1 (user_id=?)"}
	muted := "SEARCH s USING INDEX sanctions_user (user_id=? AND room_id=?)"
	for _, c := range []struct {
		name    string
		run     func(r reader) error
		want    []string // each the beginning of a step
		sorting bool     // few rows are sorted
	}{
		{"a user by id", func(r reader) error { _, err := r.User(ctx, "u"); return err }, byUser, true},
		{"a user by name", func(r reader) error { _, err := r.UserByName(ctx, "u"); return err },
			[]string{"SEARCH u USING INDEX sqlite_autoindex_users_2 (username_key=?)"}, true},
		{"a user by number", func(r reader) error { _, err := r.UserByNumber(ctx, 1); return err },
			[]string{"SEARCH u USING INTEGER PRIMARY KEY (rowid=?)"}, true},
		{"a user by the name they have elsewhere", func(r reader) error { _, err := r.UserByExternalName(ctx, "u"); return err },
			[]string{"SEARCH u USING INDEX users_external (external_key=?)"}, true},
		{"users by id", func(r reader) error { _, err := r.Users(ctx, []chat.UserID{"a", "b", "c"}); return err }, byUser, true},
		{"users by a prefix", func(r reader) error { _, err := r.SearchUsers(ctx, "ad", 10); return err },
			[]string{"SEARCH user_words USING PRIMARY KEY (word>? AND word<?)", "SEARCH u USING INDEX sqlite_autoindex_users_1 (id=?)"}, true},
		{"a page of all users", func(r reader) error { _, _, err := r.ListUsers(ctx, core.UserQuery{Page: page}); return err },
			[]string{"SEARCH u USING INTEGER PRIMARY KEY (rowid>?)"}, true},
		{"a page of the people", func(r reader) error { _, _, err := r.People(ctx, 0, 10); return err },
			[]string{"SEARCH users USING INTEGER PRIMARY KEY (rowid>?)"}, false},
		{"the name of a deleted account", func(r reader) error { _, err := r.Departed(ctx, "u"); return err },
			[]string{"SEARCH departed USING INDEX sqlite_autoindex_departed_1 (user_id=?)"}, false},
		{"who is banned", func(r reader) error { _, err := r.Bans(ctx, now); return err },
			[]string{"SEARCH sanctions USING INDEX sanctions_room (room_id=?)"}, false},
		{"an identity", func(r reader) error { _, err := r.Identity(ctx, "password", "u"); return err },
			[]string{"SEARCH identities USING INDEX sqlite_autoindex_identities_1 (provider=? AND subject=?)"}, false},
		{"whether somebody wrote", func(r reader) error { _, err := r.Wrote(ctx, "u", now.AddDate(0, 0, -9), now); return err },
			[]string{"SEARCH day_senders USING PRIMARY KEY (day=? AND user_id=?)"}, false},
		{"a session", func(r reader) error { _, err := r.Session(ctx, "s"); return err },
			[]string{"SEARCH sessions USING INDEX sqlite_autoindex_sessions_1 (id=?)"}, false},
		{"the sessions of a user", func(r reader) error { _, err := r.SessionsOf(ctx, "u", now); return err },
			[]string{"SEARCH sessions USING INDEX sessions_user (user_id=?)"}, true},
		{"live sessions among many", func(r reader) error { _, err := r.LiveSessions(ctx, []chat.SessionID{"a", "b"}, now); return err },
			[]string{"SEARCH s USING INDEX sqlite_autoindex_sessions_1 (id=?)", "SEARCH u USING INDEX sqlite_autoindex_users_1 (id=?)", "SEARCH x USING INDEX sanctions_user (user_id=? AND room_id=?)"}, false},
		{"sanctions among people", func(r reader) error { _, err := r.SanctionsAmong(ctx, 1, []chat.UserID{"a", "b"}, now); return err },
			[]string{"SEARCH sanctions USING INDEX sanctions_user (user_id=? AND room_id=?)"}, false},
		{"grants among people", func(r reader) error { _, err := r.GrantsAmong(ctx, 1, []chat.UserID{"a", "b"}); return err },
			[]string{"SEARCH grants USING PRIMARY KEY (room_id=? AND user_id=?)"}, false},
		{"the heads of rooms", func(r reader) error { _, err := r.Heads(ctx, []chat.RoomID{1, 2}); return err },
			[]string{"SEARCH room_heads USING INTEGER PRIMARY KEY (rowid=?)"}, false},
		{"the rooms of several people", func(r reader) error { _, err := r.RoomsOfEach(ctx, []chat.UserID{"a", "b"}); return err },
			[]string{"SEARCH members USING COVERING INDEX members_user (user_id=?)"}, false},
		{"whether there is an owner", func(r reader) error { _, err := r.OwnerExists(ctx); return err },
			[]string{"SEARCH user_roles USING COVERING INDEX user_roles_role (role_id=?)"}, false},
		{"the role lists of a room", func(r reader) error { _, err := r.RoleLists(ctx, 1); return err },
			[]string{"SEARCH role_lists USING PRIMARY KEY (room_id=?)"}, false},
		{"the grants of a person", func(r reader) error { _, err := r.Grants(ctx, 1, "u"); return err },
			[]string{"SEARCH grants USING INDEX grants_user (user_id=? AND room_id=?)"}, false},
		{"the role lists of several rooms", func(r reader) error { _, err := r.RoleListsAmong(ctx, []chat.RoomID{1, 2}); return err },
			[]string{"SEARCH role_lists USING PRIMARY KEY (room_id=?)"}, false},
		{"the role lists that name a role", func(r reader) error { _, err := r.RoleListsNaming(ctx, "x"); return err },
			[]string{"SEARCH x USING COVERING INDEX role_lists_role (role_id=?)", "SEARCH l USING PRIMARY KEY (room_id=? AND right=?)"}, false},
		{"the grants of a person in all rooms", func(r reader) error { _, err := r.GrantsOf(ctx, "u"); return err },
			[]string{"SEARCH grants USING INDEX grants_user (user_id=?)"}, false},
		{"the memberships of a person", func(r reader) error { _, err := r.Memberships(ctx, "u"); return err },
			[]string{"SEARCH m USING INDEX members_user (user_id=?)", muted}, false},
		{"the live sanctions of a person", func(r reader) error { _, err := r.SanctionsOf(ctx, "u", now); return err },
			[]string{"SEARCH sanctions USING INDEX sanctions_user (user_id=?)"}, true},
		{"several rooms", func(r reader) error { _, err := r.RoomsByID(ctx, []chat.RoomID{1, 2}); return err },
			[]string{"SEARCH r USING INTEGER PRIMARY KEY (rowid=?)", "SEARCH h USING INTEGER PRIMARY KEY (rowid=?)"}, false},
		{"what was said last in several rooms", func(r reader) error { _, err := r.NewestSaid(ctx, []chat.RoomID{1, 2}); return err },
			[]string{"SEARCH h USING INTEGER PRIMARY KEY (rowid=?)", "SEARCH m USING INDEX messages_seq (room_id=? AND seq=?)", "SEARCH x USING INDEX messages_seq (room_id=?)"}, false},
		{"a room", func(r reader) error { _, err := r.Room(ctx, 1); return err },
			[]string{"SEARCH r USING INTEGER PRIMARY KEY (rowid=?)", "SEARCH h USING INTEGER PRIMARY KEY (rowid=?)"}, false},
		{"a room by slug", func(r reader) error { _, err := r.RoomBySlug(ctx, "lab"); return err },
			[]string{"SEARCH r USING INDEX sqlite_autoindex_rooms_1 (slug_key=?)", "SEARCH h USING INTEGER PRIMARY KEY (rowid=?)"}, false},
		{"a direct room", func(r reader) error { _, err := r.DirectRoom(ctx, "a", "b"); return err },
			[]string{"SEARCH r USING INDEX rooms_direct (direct_a=? AND direct_b=?)", "SEARCH h USING INTEGER PRIMARY KEY (rowid=?)"}, false},
		{"a page of the directory", func(r reader) error { _, _, err := r.PublicRooms(ctx, "", page); return err },
			[]string{"SEARCH h USING INDEX room_heads_members (member_count<?)", "SEARCH r USING INTEGER PRIMARY KEY (rowid=?)"}, false},
		{"a member", func(r reader) error { _, err := r.Member(ctx, 1, "u"); return err },
			[]string{"SEARCH m USING PRIMARY KEY (room_id=? AND user_id=?)", muted}, false},
		{"a page of members", func(r reader) error { _, _, err := r.Members(ctx, 1, page); return err },
			[]string{"SEARCH m USING INDEX members_order (room_id=? AND role_level<?)", muted}, false},
		{"the ids of members", func(r reader) error { _, err := r.MemberIDs(ctx, 1); return err },
			[]string{"SEARCH members USING "}, false},
		{"members among people", func(r reader) error { _, err := r.MembersAmong(ctx, 1, []chat.UserID{"a", "b", "c"}); return err },
			[]string{"SEARCH m USING PRIMARY KEY (room_id=? AND user_id=?)", muted}, false},
		{"when a person wrote in slow mode", func(r reader) error { _, err := r.SlowSends(ctx, "u", []chat.RoomID{1, 2}); return err },
			[]string{"SEARCH slow_sends USING PRIMARY KEY (room_id=? AND user_id=?)"}, false},
		{"unread counts", func(r reader) error { _, _, err := r.Unread(ctx, 1, "u"); return err },
			[]string{"SEARCH m USING PRIMARY KEY (room_id=? AND user_id=?)", "SEARCH h USING INTEGER PRIMARY KEY (rowid=?)",
				"SEARCH x USING PRIMARY KEY (user_id=? AND room_id=? AND seq>?)"}, false},
		{"an invite", func(r reader) error { _, err := r.Invite(ctx, "c"); return err },
			[]string{"SEARCH invites USING INDEX sqlite_autoindex_invites_1 (code=?)"}, false},
		{"the invites to a room", func(r reader) error { _, err := r.Invites(ctx, 1); return err },
			[]string{"SEARCH invites USING INDEX invites_room (room_id=?)"}, true},
		{"an invite for a person", func(r reader) error { _, err := r.InviteFor(ctx, 1, "u", now); return err },
			[]string{"SEARCH invites USING INDEX invites_user (user_id=? AND room_id=?)"}, true},
		{"live sanctions", func(r reader) error { _, err := r.LiveSanctions(ctx, "u", 1, now); return err },
			[]string{"SEARCH sanctions USING INDEX sanctions_user (user_id=? AND room_id=?)"}, true},
		{"the sanctions of a room", func(r reader) error { _, _, err := r.Sanctions(ctx, chat.SanctionFilter{RoomID: 1}, page); return err },
			[]string{"SEARCH sanctions USING INDEX sanctions_room (room_id=? AND id<?)"}, false},
		{"who blocks whom", func(r reader) error { _, err := r.Blocked(ctx, "a", "b"); return err },
			[]string{"SEARCH blocks USING PRIMARY KEY (user_id=? AND blocked_id=?)"}, false},
		{"who blocks a person", func(r reader) error { _, err := r.BlockersOf(ctx, "u"); return err },
			[]string{"SEARCH blocks USING COVERING INDEX blocks_blocked (blocked_id=?)"}, false},
		{"a page of open reports", func(r reader) error { _, _, err := r.Reports(ctx, chat.ReportOpen, page); return err },
			[]string{"SEARCH reports USING INDEX reports_state (state=? AND id>?)"}, false},
		{"some actions of the audit log", func(r reader) error {
			_, err := r.AuditAt(ctx, chat.AuditFilter{Actions: []string{"a", "b"}}, 0, 10)
			return err
		}, []string{"SEARCH audit USING INDEX audit_action (action=?)"}, true},
		{"counts of the audit log", func(r reader) error {
			_, err := r.AuditCounts(ctx, chat.AuditFilter{Actions: []string{"a", "b"}})
			return err
		},
			[]string{"SEARCH audit USING COVERING INDEX audit_action (action=?)"}, false},
		{"a page of the audit log", func(r reader) error { _, _, err := r.Audit(ctx, chat.AuditFilter{}, page); return err },
			[]string{"SEARCH audit USING INTEGER PRIMARY KEY (rowid<?)"}, false},
		{"a page of what one person did", func(r reader) error { _, _, err := r.Audit(ctx, chat.AuditFilter{ActorID: "u"}, page); return err },
			[]string{"SEARCH audit USING INDEX audit_actor (actor_id=? AND id<?)"}, false},
		{"a page of notifications", func(r reader) error { _, _, err := r.Notifications(ctx, "u", false, now, page); return err },
			[]string{"SEARCH notifications USING INDEX notifications_user (user_id=? AND id<?)"}, false},
		{"a page of unread notifications", func(r reader) error { _, _, err := r.Notifications(ctx, "u", true, now, page); return err },
			[]string{"SEARCH notifications USING INDEX notifications_u"}, true},
		{"the count of unread notifications", func(r reader) error { _, err := r.UnreadNotifications(ctx, "u", now); return err },
			[]string{"SEARCH notifications USING INDEX notifications_unread (user_id=?)"}, false},
		{"push subscriptions", func(r reader) error { _, err := r.PushSubscriptions(ctx, "u"); return err },
			[]string{"SEARCH push_subscriptions USING INDEX push_subscriptions_user (user_id=?)"}, true},
		{"a webhook", func(r reader) error { _, err := r.Webhook(ctx, "w"); return err },
			[]string{"SEARCH webhooks USING INDEX sqlite_autoindex_webhooks_1 (id=?)"}, false},
		{"the webhooks of a room", func(r reader) error { _, err := r.Webhooks(ctx, 1); return err },
			[]string{"SEARCH webhooks USING INDEX webhooks_room (room_id=?)"}, true},
		{"a value of a plugin", func(r reader) error { _, err := r.PluginValue(ctx, "a", "k"); return err },
			[]string{"SEARCH plugin_values USING PRIMARY KEY (plugin=? AND key=?)"}, false},
		{"the keys of a plugin", func(r reader) error { _, err := r.PluginKeys(ctx, "a"); return err },
			[]string{"SEARCH plugin_values USING PRIMARY KEY (plugin=?)"}, false},
		{"what a plugin keeps", func(r reader) error { _, _, err := r.PluginUsage(ctx, "a"); return err },
			[]string{"SEARCH plugin_values USING PRIMARY KEY (plugin=?)"}, false},
		{"a setting", func(r reader) error { _, err := r.Setting(ctx, "k"); return err },
			[]string{"SEARCH settings USING INDEX sqlite_autoindex_settings_1 (key=?)"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			rec := &recorder{execer: s.x}
			if err := c.run(reader{s: s, x: rec}); err != nil && chat.AsError(err).Kind != chat.NotFound {
				t.Fatal(err)
			}
			if len(rec.queries) != 1 {
				t.Fatalf("%d queries, want one", len(rec.queries))
			}
			steps, err := plan(ctx, s.x, rec.queries[0])
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range c.want {
				if !slices.ContainsFunc(steps, func(step string) bool { return strings.HasPrefix(step, want) }) {
					t.Errorf("no step %q", want)
				}
			}
			for _, step := range steps {
				if strings.HasPrefix(step, "SCAN") && step != "SCAN found" {
					t.Errorf("reads from end to end: %s", step)
				}
				if strings.HasPrefix(step, "USE TEMP B-TREE") && !c.sorting {
					t.Errorf("sorts: %s", step)
				}
			}
			if t.Failed() {
				t.Logf("plan:\n%s", strings.Join(steps, "\n"))
			}
		})
	}
}
