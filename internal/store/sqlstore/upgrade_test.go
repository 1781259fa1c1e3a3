package sqlstore_test

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/store/sqlstore"
	"parley/internal/store/storetest"
)

var update = flag.Bool("update", false, "write the frozen copy of the newest schema anew; never once that schema was released")

// frozenCopies is where there is a dump of a database of each released schema, named by its version, with the data of fill.
const frozenCopies = "testdata/sqlite"

// TestUpgrade starts the store on a database of every schema there ever was: it is brought up to date, nothing in it is lost,
// it can be worked with, and in the end it has the same schema as a new one.
func TestUpgrade(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new.db")
	fresh := openSQLiteAt(t, path)
	newest := versions(t, fresh).Want
	if *update {
		freeze(t, newest)
	}
	if err := fresh.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop(t, fresh)
	want := schema(t, path)

	copies, err := filepath.Glob(filepath.Join(frozenCopies, "*.sql"))
	if err != nil || len(copies) == 0 {
		t.Fatalf("no frozen copies (%v)", err)
	}
	for _, name := range copies {
		version, err := strconv.ParseInt(strings.TrimSuffix(filepath.Base(name), ".sql"), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(fmt.Sprintf("from version %d", version), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "old.db")
			thaw(t, name, path)
			s := openSQLiteAt(t, path)
			if v := versions(t, s); v.Have != version || v.Want != newest || v.Pending != int(newest-version) {
				t.Fatalf("versions %+v", v)
			}
			if err := s.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			serves(t, s)
			stop(t, s)
			if v := versions(t, s); v.Have != newest || v.Pending != 0 {
				t.Fatalf("versions after the upgrade %+v", v)
			}
			if got := schema(t, path); !slices.Equal(got, want) {
				t.Errorf("the upgraded schema is not that of a new database: a migration was edited after its copy was frozen (never released? then run with -update), or misses something.\n got %s\nwant %s",
					strings.Join(without(got, want), "\n     "), strings.Join(without(want, got), "\n     "))
			}
			for _, check := range []string{"PRAGMA integrity_check", "PRAGMA foreign_key_check"} {
				if rows := column(t, path, check); len(rows) > 0 && rows[0] != "ok" {
					t.Errorf("%s: %v", check, rows)
				}
			}
		})
	}
}

// freeze writes the dump of a new database with the data of fill.
func freeze(t *testing.T, version int64) {
	path := filepath.Join(t.TempDir(), "fill.db")
	s := openSQLiteAt(t, path)
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	fill(t, s)
	stop(t, s)
	if err := os.MkdirAll(frozenCopies, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(frozenCopies, fmt.Sprintf("%04d.sql", version)), []byte(dump(t, path)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// dump writes a database as the statements that make it: tables, rows, indexes. The tables behind a virtual one come with it,
// so that only their rows are written.
func dump(t *testing.T, path string) string {
	db := openRaw(t, path)
	exec(t, db, `UPDATE goose_db_version SET tstamp = '2026-03-01 12:00:00'`) // the same dump whenever it is made
	query := func(query string, args ...any) []string { return strs(t, db, query, args...) }

	var b strings.Builder
	b.WriteString("BEGIN;\n")
	for _, create := range query(`SELECT sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
			AND name NOT IN (SELECT name FROM pragma_table_list WHERE type = 'shadow') ORDER BY rowid`) {
		b.WriteString(create + ";\n")
	}
	for _, table := range query(`SELECT name FROM pragma_table_list
			WHERE schema = 'main' AND type <> 'virtual' AND (name NOT LIKE 'sqlite_%' OR name = 'sqlite_sequence') ORDER BY name = 'sqlite_sequence', name`) {
		var quoted, names []string
		for _, name := range query(`SELECT name FROM pragma_table_info($1) ORDER BY cid`, table) {
			names = append(names, `"`+name+`"`)
			quoted = append(quoted, `quote("`+name+`")`)
		}
		rows := query(`SELECT ` + strings.Join(quoted, ` || ', ' || `) + ` FROM "` + table + `"`)
		fmt.Fprintf(&b, "DELETE FROM %q;\n", table)
		for _, row := range rows {
			fmt.Fprintf(&b, "INSERT INTO %q (%s) VALUES (%s);\n", table, strings.Join(names, ", "), row)
		}
	}
	for _, create := range query(`SELECT sql FROM sqlite_schema WHERE type <> 'table' AND sql IS NOT NULL ORDER BY rowid`) {
		b.WriteString(create + ";\n")
	}
	b.WriteString("COMMIT;\n")
	return b.String()
}

// thaw makes a database from a dump.
func thaw(t *testing.T, dump, path string) {
	text, err := os.ReadFile(dump)
	if err != nil {
		t.Fatal(err)
	}
	exec(t, openRaw(t, path), string(text))
}

// schema lists what a database is made of.
func schema(t *testing.T, path string) []string {
	return column(t, path, `SELECT type || ' ' || name || ': ' || sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name`)
}

func without(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(other, s) })
}

func openSQLiteAt(t *testing.T, path string) *sqlstore.Store {
	t.Helper()
	return sqlstore.New(sqlstore.Options{Path: path, Synchronous: "off", Clock: func() time.Time { return storetest.Start }, Logger: discard})
}

func versions(t *testing.T, s *sqlstore.Store) sqlstore.Versions {
	t.Helper()
	v, err := s.Versions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func stop(t *testing.T, s *sqlstore.Store) {
	t.Helper()
	if err := s.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func openRaw(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func exec(t *testing.T, db *sql.DB, query string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), query); err != nil {
		t.Fatal(err)
	}
}

// column opens a database that nobody else has open and reads the first column of a query.
func column(t *testing.T, path, query string) []string {
	t.Helper()
	db := openRaw(t, path)
	defer db.Close()
	return strs(t, db, query)
}

func strs(t *testing.T, db *sql.DB, query string, args ...any) (list []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		row := make([]any, len(columns))
		var first sql.NullString
		row[0] = &first
		for i := range row[1:] {
			row[i+1] = new(any)
		}
		if err := rows.Scan(row...); err != nil {
			t.Fatal(err)
		}
		list = append(list, first.String)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// The people, rooms and messages of a frozen copy.
const (
	ada = chat.UserID("01950000-0000-7000-8000-00000000000a")
	bob = chat.UserID("01950000-0000-7000-8000-00000000000b")
	eve = chat.UserID("01950000-0000-7000-8000-00000000000e")
)

// fill puts something of every noun into an empty store. What it stores is in the frozen copies: serves must keep to it.
func fill(t *testing.T, s core.Store) {
	t.Helper()
	ctx, at := t.Context(), storetest.Start
	var lab, direct chat.Room
	do := func(fn func(tx core.Tx) error) {
		t.Helper()
		if err := s.Change(ctx, func(tx core.Tx) ([]chat.Event, error) { return nil, fn(tx) }); err != nil {
			t.Fatal(err)
		}
	}
	each := func(errs ...error) error {
		for _, err := range errs {
			if err != nil {
				return err
			}
		}
		return nil
	}
	do(func(tx core.Tx) (err error) {
		if err := tx.PutRole(ctx, chat.Role{ID: "01950000-0000-7000-9000-000000000001", Name: "Painter", Position: 4, Permissions: []chat.Permission{chat.Announce}}); err != nil {
			return err
		}
		for _, u := range []*chat.User{
			{ID: ada, Username: "Ada", DisplayName: "Ada Lovelace", Kind: chat.Person, Status: chat.Online, Settings: []byte(`{"theme":"dark"}`), Roles: []chat.RoleID{chat.RoleOwner}, CreatedAt: at},
			{ID: bob, Username: "bob", DisplayName: "Bób", Kind: chat.Person, Status: chat.Away, Roles: []chat.RoleID{chat.RoleUser, "01950000-0000-7000-9000-000000000001"}, CreatedAt: at},
			{ID: eve, Username: "eve", DisplayName: "Eve", Kind: chat.Bot, Status: chat.Offline, CreatedAt: at, DisabledAt: at},
		} {
			if _, err := tx.CreateUser(ctx, u); err != nil {
				return err
			}
		}
		if lab, err = tx.CreateRoom(ctx, chat.Room{Slug: "Lab", Name: "The Lab", Type: chat.Public, Form: chat.Text, OwnerID: ada, CreatedBy: ada, CreatedAt: at}); err != nil {
			return err
		}
		if direct, err = tx.CreateRoom(ctx, chat.Room{Type: chat.Direct, Form: chat.Text, DirectPair: [2]chat.UserID{ada, bob}, CreatedAt: at}); err != nil {
			return err
		}
		for _, m := range []chat.Member{
			{RoomID: lab.ID, UserID: ada, Role: chat.RoomOwner, JoinedAt: at}, {RoomID: lab.ID, UserID: bob, Role: chat.RoomMember, JoinedAt: at, Notify: chat.NotifyMentions},
			{RoomID: direct.ID, UserID: ada, Role: chat.RoomMember, JoinedAt: at}, {RoomID: direct.ID, UserID: bob, Role: chat.RoomMember, JoinedAt: at},
		} {
			if _, err := tx.PutMember(ctx, m); err != nil {
				return err
			}
		}
		_, blocked := tx.PutBlock(ctx, chat.Block{UserID: bob, BlockedID: eve, CreatedAt: at})
		_, banned := tx.CreateSanction(ctx, chat.Sanction{Kind: chat.Ban, UserID: eve, Reason: "spam", IssuedBy: ada, CreatedAt: at})
		_, muted := tx.CreateSanction(ctx, chat.Sanction{Kind: chat.Mute, RoomID: lab.ID, UserID: bob, CreatedAt: at, Until: at.Add(time.Hour)})
		_, notified := tx.CreateNotification(ctx, chat.Notification{UserID: bob, Type: chat.NotifySystem, Content: "Welcome.", CreatedAt: at, ExpiresAt: at.AddDate(0, 0, 30)})
		return each(blocked, banned, muted, notified,
			tx.PutIdentity(ctx, chat.Identity{Provider: chat.ProviderPassword, Subject: "ada", UserID: ada, Secret: "$argon2id$frozen"}),
			tx.CreateSession(ctx, chat.Session{ID: "frozen", UserID: ada, Device: "Browser/1", CreatedAt: at, LastUsedAt: at, ExpiresAt: at.AddDate(0, 0, 1)}),
			tx.PutRoleList(ctx, chat.RoleList{RoomID: lab.ID, Right: chat.CanSend, Roles: []chat.RoleEntry{{RoleID: chat.RoleUser}}}),
			tx.PutGrant(ctx, chat.Grant{RoomID: lab.ID, UserID: bob, Right: chat.CanPin, Allow: true}),
			tx.PutInvite(ctx, chat.Invite{Code: "ABCDEFGHJK", RoomID: lab.ID, CreatedBy: ada, CreatedAt: at, MaxUses: 3}),
			tx.PutPushSubscription(ctx, chat.PushSubscription{UserID: ada, SessionID: "frozen", Endpoint: "https://push.example/1", P256dh: "p", Auth: "a", CreatedAt: at}),
			tx.PutSetting(ctx, "server.name", []byte(`"Frozen"`)),
			tx.AddAudit(ctx, chat.AuditEntry{At: at, ActorID: ada, Action: "user.ban", TargetType: "user", TargetID: string(eve), Details: []byte(`{"reason":"spam"}`)}),
		)
	})

	var file chat.Attachment
	do(func(tx core.Tx) (err error) {
		file, err = tx.CreateAttachment(ctx, chat.Attachment{Key: "frozen-key", UploaderID: ada, Filename: "notes.pdf", Size: 5, MIMEType: "application/pdf", Hash: "frozenhash", Scan: chat.ScanClean, CreatedAt: at})
		return err
	})
	say := func(d chat.Draft) *chat.Message {
		t.Helper()
		d.Type, d.At, d.Search = chat.TextMessage, at, d.Content
		m, _, err := s.Append(ctx, d)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	first := say(chat.Draft{RoomID: lab.ID, SenderID: ada, Content: "hello frozen world", AttachmentIDs: []chat.AttachmentID{file.ID}})
	reply := say(chat.Draft{RoomID: lab.ID, SenderID: bob, Content: "an answer", ParentID: first.ID, ThreadID: first.ID})
	say(chat.Draft{RoomID: lab.ID, SenderID: ada, Content: "look @bob", Mentions: []chat.UserID{bob}, Links: []chat.Link{{URL: "https://example.org/", Title: "Example"}}})
	gone := say(chat.Draft{RoomID: lab.ID, SenderID: bob, Content: "a mistake"})
	say(chat.Draft{RoomID: lab.ID, SenderID: ada, Content: "the end", Nonce: "frozen", Payload: &chat.Payload{Kind: "session", Data: []byte{0, 1, 2}}})
	say(chat.Draft{RoomID: direct.ID, SenderID: bob, Content: "psst"})
	do(func(tx core.Tx) error {
		_, _, read := tx.MarkRead(ctx, direct.ID, ada, 1, at.Add(time.Minute))
		_, _, reacted := tx.AddReaction(ctx, first.ID, bob, "👍", at)
		_, pinned := tx.SetPinned(ctx, first.ID, true, ada, at)
		_, edited := tx.EditMessage(ctx, reply.ID, core.Edit{Content: "a better answer", Search: "a better answer", At: at.Add(time.Minute)})
		_, _, deleted := tx.DeleteMessage(ctx, gone.ID, ada, at)
		_, reported := tx.CreateReport(ctx, chat.Report{MessageID: first.ID, RoomID: lab.ID, ReporterID: bob, AuthorID: ada, Reason: "cold", Content: first.Content, CreatedAt: at})
		return each(read, reacted, pinned, edited, deleted, reported)
	})
	if _, err := s.Search(ctx, chat.SearchQuery{Reader: ada, Terms: words("hello"), Limit: 1}); err != nil { // the index is in the copy too
		t.Fatal(err)
	}
}

func words(words ...string) []chat.SearchTerm { return []chat.SearchTerm{{Words: words}} }
