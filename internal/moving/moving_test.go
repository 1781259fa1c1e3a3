package moving

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"parley/internal/chat"
	"parley/internal/ops/datalock"
	"parley/internal/pgtest"
	"parley/internal/store/sqlstore"
)

// TestNoTableIsForgotten compares what is moved with the schemas of both engines: every table is moved, or is known to belong to
// one side, and what a new schema has in it is known.
func TestNoTableIsForgotten(t *testing.T) {
	post, lite := target(t), migrated(t)
	var moved []string
	for _, p := range planned(t, lite, post) { // which compares the columns
		moved = append(moved, p.name)
	}
	seen := map[string]bool{}
	for _, d := range []Database{lite, post} {
		s := tables(t, d)
		for name, table := range s.tables {
			seen[name] = true
			if (own[name] == "") != slices.Contains(moved, name) {
				t.Errorf("%s: table %s is moved and not moved", s.label, name)
			}
			if m, ok := merged[name]; ok && s.postgres && table.columns[m.extra] == 0 {
				t.Errorf("%s has no column %s to be merged over", name, m.extra)
			}
			for column, kind := range table.columns {
				if kind == 0 && own[name] == "" {
					t.Errorf("%s: %s.%s is of a type that is not known", s.label, name, column)
				}
			}
		}
		open, err := openSide(t.Context(), d, true)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range moved {
			if n, err := open.count(t.Context(), name); err != nil || (n > 0) != slices.Contains(seeded, name) {
				t.Errorf("%s: a new schema has %d rows in %s, %v", s.label, n, name, err)
			}
		}
		if err := open.close(); err != nil {
			t.Error(err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		if !seen[name] && name != movingTable {
			t.Errorf("%s is in no schema any more", name)
		}
	}
}

func TestASchemaThatIsNotKnownIsRefused(t *testing.T) {
	for _, row := range []struct {
		name       string
		lite, post []string
		want       string // in the error
	}{
		{"a table in SQLite only", []string{`CREATE TABLE bots (id INTEGER PRIMARY KEY)`}, nil, "table bots is in SQLite only"},
		{"a table in PostgreSQL only", nil, []string{`CREATE TABLE bots (id BIGINT PRIMARY KEY)`}, "table bots is in PostgreSQL only"},
		{"a column in SQLite only", []string{`ALTER TABLE blocks ADD COLUMN why TEXT`}, nil, "blocks: column why is in SQLite only"},
		{"a column in PostgreSQL only", nil, []string{`ALTER TABLE blocks ADD COLUMN why TEXT`}, "blocks: column why is in PostgreSQL only"},
		{"a column that was dropped", []string{`ALTER TABLE users DROP COLUMN bio`}, nil, "users: column bio is in PostgreSQL only"},
		{"a column of another type", []string{`ALTER TABLE blocks ADD COLUMN why TEXT`}, []string{`ALTER TABLE blocks ADD COLUMN why BIGINT`}, "blocks: column why is of another type"},
		{"a column of a type that is not known", []string{`ALTER TABLE blocks ADD COLUMN why REAL`}, []string{`ALTER TABLE blocks ADD COLUMN why DOUBLE PRECISION`}, "blocks: column why is of another type"},
		{"a table without a key", []string{`CREATE TABLE bots (id INTEGER)`}, []string{`CREATE TABLE bots (id BIGINT)`}, "bots: the primary keys"},
		{"other keys", []string{`CREATE TABLE bots (a INTEGER, b INTEGER, PRIMARY KEY (a, b))`}, []string{`CREATE TABLE bots (a BIGINT, b BIGINT, PRIMARY KEY (b, a))`}, "(a, b) and (b, a)"},
		{"numbers on one side only", []string{`CREATE TABLE bots (id INTEGER PRIMARY KEY AUTOINCREMENT)`}, []string{`CREATE TABLE bots (id BIGINT PRIMARY KEY)`}, `SQLite numbers "id"`},
		{"tables in a circle", []string{`CREATE TABLE a (id INTEGER PRIMARY KEY)`, `CREATE TABLE b (id INTEGER PRIMARY KEY)`},
			[]string{`CREATE TABLE a (id BIGINT PRIMARY KEY)`, `CREATE TABLE b (id BIGINT PRIMARY KEY REFERENCES a)`, `ALTER TABLE a ADD FOREIGN KEY (id) REFERENCES b`}, "in a circle"},
	} {
		t.Run(row.name, func(t *testing.T) {
			post, lite := target(t), migrated(t)
			alter(t, lite, row.lite...)
			alter(t, post, row.post...)
			_, err := Run(t.Context(), Options{From: lite, To: post})
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want %q", err, row.want)
			}
		})
	}
}

// TestThereAndBackIsTheSame moves the demo community and rows of edge values to PostgreSQL and back. Both comparisons find
// nothing, and the file at the end holds the same rows, byte by byte, as the one at the start.
func TestThereAndBackIsTheSame(t *testing.T) {
	checkLeaks(t)
	there, first, back := Database{URL: pgtest.URL(t)}, community(t), Database{Path: filepath.Join(t.TempDir(), "deeper", "chat.db")}
	strew(t, first, planned(t, first, target(t)), 40)
	alter(t, first, // numbers that were given out and whose rows are gone
		`UPDATE message_ids SET last = (SELECT MAX(id) + 1000 FROM messages)`, `UPDATE sqlite_sequence SET seq = seq + 77 WHERE name = 'audit'`, `DELETE FROM invites`)
	for _, leg := range []struct{ from, to Database }{{first, there}, {there, back}} {
		var steps []Step
		res, err := Run(t.Context(), Options{From: leg.from, To: leg.to, Batch: 100, Tell: func(s Step) { steps = append(steps, s) }})
		if err != nil {
			t.Fatalf("%s to %s: %v\n%+v", leg.from.Engine(), leg.to.Engine(), err, res)
		}
		if len(res.Tables) < 20 || res.Different || res.Replaced > 0 || res.Resumed {
			t.Errorf("%+v", res)
		}
		for _, s := range steps {
			if s.Rows > s.Of {
				t.Errorf("%+v: more than there are", s)
			}
		}
		if res, err = Run(t.Context(), Options{From: leg.from, To: leg.to, Compare: true}); err != nil || res.Different {
			t.Errorf("compared again: %+v, %v", res, err)
		}
		if _, err = Run(t.Context(), Options{From: leg.from, To: leg.to}); !errors.Is(err, ErrNotEmpty) {
			t.Errorf("moved twice: %v, want ErrNotEmpty", err)
		}
	}
	want, got := dump(t, first), dump(t, back)
	if !slices.Equal(got, want) {
		missing := slices.DeleteFunc(slices.Clone(want), func(s string) bool { return slices.Contains(got, s) })
		t.Errorf("%d rows became %d; not there any more:\n%.2000s", len(want), len(got), strings.Join(missing, "\n"))
	}
}

// TestAServerGoesOnOnTheTarget reads history, searches and writes on both targets as on the source.
func TestAServerGoesOnOnTheTarget(t *testing.T) {
	checkLeaks(t)
	there, first, back := Database{URL: pgtest.URL(t)}, community(t), Database{Path: filepath.Join(t.TempDir(), "chat.db")}
	want := asked(t, first)
	if !strings.Contains(want, "bread: 1") && !strings.Contains(want, "bread: 2") {
		t.Fatalf("the community does not talk of bread: %.500s", want)
	}
	for _, leg := range []struct{ from, to Database }{{first, there}, {there, back}} {
		if _, err := Run(t.Context(), Options{From: leg.from, To: leg.to}); err != nil {
			t.Fatal(err)
		}
		if got := asked(t, leg.to); got != want {
			t.Errorf("%s answers\n%.1500s\nwant\n%.1500s", leg.to.Engine(), got, want)
		}
	}
	var last chat.MessageID
	for _, d := range []Database{there, back} {
		s := started(t, d)
		room, err := s.RoomBySlug(t.Context(), "general")
		if err != nil {
			t.Fatal(err)
		}
		m, _, err := s.Append(t.Context(), chat.Draft{RoomID: room.ID, Type: chat.TextMessage, Content: "after", Search: "after"})
		if err != nil || m.Seq != room.LastSeq+1 || last != 0 && m.ID != last {
			t.Errorf("%s: %+v, %v; the room was at %d", d.Engine(), m, err, room.LastSeq)
		}
		last = m.ID
		stop(t, s)
	}
}

// asked is what a store answers to questions about everything that was said.
func asked(t *testing.T, d Database) string {
	t.Helper()
	ctx := t.Context()
	s := started(t, d)
	defer stop(t, s)
	var b strings.Builder
	for id := chat.RoomID(1); ; id++ {
		room, err := s.Room(ctx, id)
		if chat.CodeOf(err) == chat.ErrRoomNotFound.Code {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		changes, err := s.ChangesSince(ctx, id, 0, 100_000)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "room %s: %d, %d\n", room.Slug, room.LastSeq, len(changes.Messages))
		for _, m := range changes.Messages {
			fmt.Fprintf(&b, "%d %d %q %v %v %v\n", m.ID, m.ChangeSeq, m.Content, m.CreatedAt, m.Reactions, len(m.Attachments))
		}
	}
	user, err := s.UserByName(ctx, "mara")
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"bread", "boat", "the", "nowhere"} {
		found, err := s.Search(ctx, chat.SearchQuery{Reader: user.ID, Terms: []chat.SearchTerm{{Words: []string{word}, Prefix: true}}, Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s: %d", word, found.TotalEstimate)
		for _, h := range found.Hits {
			fmt.Fprintf(&b, " %d", h.Message.ID)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func started(t *testing.T, d Database) *sqlstore.Store {
	t.Helper()
	s := d.store()
	if err := s.Start(t.Context()); err != nil {
		t.Fatalf("%s: %v", d.Engine(), err)
	}
	return s
}

func stop(t *testing.T, s *sqlstore.Store) {
	t.Helper()
	if err := s.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestWhatPostgresCannotKeepIsSaid(t *testing.T) {
	post, lite := Database{URL: pgtest.URL(t)}, migrated(t)
	alter(t, lite,
		`INSERT INTO settings ("key", value) VALUES ('zero', CAST(x'610062' AS TEXT)), ('bytes', CAST(x'ff41' AS TEXT)), ('blob', x'41'), ('fine', 'a')`,
		`INSERT INTO audit (at, action) VALUES (1, 'x')`, `UPDATE audit SET room_id = 7.0`)
	res, err := Run(t.Context(), Options{From: lite, To: post})
	if err != nil || res.Replaced != 2 {
		t.Fatalf("%+v, %v", res, err)
	}
	s := started(t, post)
	defer stop(t, s)
	for key, want := range map[string]string{"zero": "a\uFFFDb", "bytes": "\uFFFDA", "blob": "A", "fine": "a"} {
		if got, err := s.Setting(t.Context(), key); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", key, got, err)
		}
	}
	alter(t, lite, `INSERT INTO audit (at, action) VALUES ('soon', 'y')`)
	if _, err := Run(t.Context(), Options{From: lite, To: Database{URL: pgtest.URL(t)}}); err == nil || !strings.Contains(err.Error(), "table audit, column at, key [2]") {
		t.Errorf("a value that is none: %v", err)
	}
}

var errEnough = errors.New("enough")

// TestABrokenMoveGoesOn ends a move after every few batches, each time at another place, until it is through.
func TestABrokenMoveGoesOn(t *testing.T) {
	checkLeaks(t)
	there, first, back := Database{URL: pgtest.URL(t)}, community(t), Database{Path: filepath.Join(t.TempDir(), "chat.db")}
	for _, leg := range []struct{ from, to Database }{{first, there}, {there, back}} {
		for run := 0; ; run++ {
			ctx, cancel := context.WithCancelCause(t.Context())
			steps := 0
			res, err := Run(ctx, Options{From: leg.from, To: leg.to, Batch: 150, Tell: func(Step) {
				if steps++; steps == 25*(run+1) {
					cancel(errEnough)
				}
			}})
			cancel(nil)
			if err == nil {
				if run < 3 || !res.Resumed {
					t.Errorf("it was through after %d runs: %+v", run, res)
				}
				break
			}
			if !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			if run > 100 {
				t.Fatal("it does not end")
			}
			if run == 1 {
				if err := leg.to.store().Start(t.Context()); !errors.Is(err, sqlstore.ErrUnfinished) {
					t.Errorf("a server on half a database: %v", err)
				}
				if _, err := Run(t.Context(), Options{From: otherOf(t, leg.from), To: leg.to}); !errors.Is(err, ErrOther) {
					t.Errorf("going on with another source: %v", err)
				}
			}
		}
	}
	if want, got := dump(t, first), dump(t, back); !slices.Equal(got, want) {
		t.Errorf("%d rows became %d", len(want), len(got))
	}
}

// otherOf is another database of the same engine.
func otherOf(t *testing.T, d Database) Database {
	t.Helper()
	if d.URL != "" {
		return target(t)
	}
	other := migrated(t)
	alter(t, other, `UPDATE goose_db_version SET tstamp = '2020-01-01 00:00:00'`)
	return other
}

// TestASourceThatWasUsedBetweenTwoRunsIsNoticed: the rows that were copied before are not what they are now.
func TestASourceThatWasUsedBetweenTwoRunsIsNoticed(t *testing.T) {
	there, first := Database{URL: pgtest.URL(t)}, community(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Run(ctx, Options{From: first, To: there, Tell: func(s Step) {
		if s.Table == "reactions" {
			cancel()
		}
	}})
	cancel()
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	alter(t, first, `UPDATE messages SET content = content || '!' WHERE id = 7`)
	res, err := Run(t.Context(), Options{From: first, To: there})
	if !errors.Is(err, ErrDifferent) || !res.Different {
		t.Fatalf("%+v, %v", res, err)
	}
	for _, c := range res.Tables {
		if c.Same() == (c.Table == "messages") {
			t.Errorf("%+v", c)
		}
	}
	if err := there.store().Start(t.Context()); !errors.Is(err, sqlstore.ErrUnfinished) {
		t.Errorf("a server on a target that is not the same: %v", err)
	}
	if res, err = Run(t.Context(), Options{From: first, To: there, Restart: true}); err != nil || res.Resumed {
		t.Errorf("begun again: %+v, %v", res, err)
	}
}

func TestADatabaseInUseIsNotMoved(t *testing.T) {
	checkLeaks(t)
	post, lite := target(t), migrated(t)
	served := started(t, post)
	for _, o := range []Options{{From: lite, To: post}, {From: post, To: Database{Path: filepath.Join(t.TempDir(), "chat.db")}}} {
		if _, err := Run(t.Context(), o); !errors.Is(err, sqlstore.ErrServed) {
			t.Errorf("from %s beside a server: %v, want ErrServed", o.From.Engine(), err)
		}
		if o.To.Path != "" && exists(o.To.Path) {
			t.Error("something was written")
		}
	}
	stop(t, served)
	lock, err := datalock.Acquire(filepath.Dir(lite.Path))
	if err != nil {
		t.Fatal(err)
	}
	var held *datalock.HeldError
	if _, err := Run(t.Context(), Options{From: lite, To: post}); !errors.As(err, &held) {
		t.Errorf("beside a holder of the directory: %v", err)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	// While it is moved nobody starts.
	checked := false
	_, err = Run(t.Context(), Options{From: lite, To: post, Tell: func(s Step) {
		if checked || s.Doing != Copying {
			return
		}
		checked = true
		if err := post.store().Start(t.Context()); !errors.Is(err, sqlstore.ErrUnfinished) {
			t.Errorf("a server on the target meanwhile: %v", err)
		}
		if _, err := datalock.Acquire(filepath.Dir(lite.Path)); !errors.As(err, &held) {
			t.Errorf("the directory meanwhile: %v", err)
		}
	}})
	if err != nil || !checked {
		t.Fatal(err)
	}
	checked = false
	_, err = Run(t.Context(), Options{From: post, To: Database{Path: filepath.Join(t.TempDir(), "chat.db")}, Tell: func(s Step) {
		if checked {
			return
		}
		checked = true
		if err := post.store().Start(t.Context()); !errors.Is(err, sqlstore.ErrSeized) {
			t.Errorf("a server on the source meanwhile: %v", err)
		}
	}})
	if err != nil || !checked {
		t.Fatal(err)
	}
	stop(t, started(t, post))
}

func TestWhatCannotBeMovedIsSaid(t *testing.T) {
	lite := migrated(t)
	for _, row := range []struct {
		name     string
		from, to Database
		want     string
	}{
		{"two files", lite, Database{Path: lite.Path + "2"}, "both sides are SQLite"},
		{"two servers", Database{URL: "postgres://a"}, Database{URL: "postgres://b"}, "both sides are PostgreSQL"},
		{"a file that is not there", Database{Path: filepath.Join(t.TempDir(), "none.db")}, Database{URL: pgtest.URL(t)}, "there is no database to move"},
		{"an empty database", Database{URL: pgtest.URL(t)}, Database{Path: filepath.Join(t.TempDir(), "chat.db")}, "there is no database of this program"},
		{"a server that is not there", lite, Database{URL: "postgres://u:hunter2@127.0.0.1:1/x?connect_timeout=1"}, "PostgreSQL: "},
	} {
		t.Run(row.name, func(t *testing.T) {
			if _, err := Run(t.Context(), Options{From: row.from, To: row.to}); err == nil || !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v, want %q", err, row.want)
			}
		})
	}
}
