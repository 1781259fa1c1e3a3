package moving

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/internal/demo"
	"parley/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// checkLeaks fails the test if a goroutine of a move is there at its end.
func checkLeaks(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		stacks := make([]byte, 1<<20)
		var left []string
		for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
			left = nil
			for _, g := range strings.Split(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
				if (strings.Contains(g, "parley/internal/") || strings.Contains(g, "jackc/")) && !strings.Contains(g, "testing.") {
					left = append(left, g)
				}
			}
			if left == nil {
				return
			}
		}
		t.Errorf("goroutines left behind:\n%s", strings.Join(left, "\n\n"))
	})
}

// migrated is an SQLite file with an empty schema.
func migrated(t *testing.T) Database {
	t.Helper()
	d := Database{Path: filepath.Join(t.TempDir(), "chat.db")}
	if _, err := d.store().Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

// told is the demo community as an SQLite file, which takes a while to make.
var told = sync.OnceValues(func() (content []byte, err error) {
	dir, err := os.MkdirTemp("", "moving")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "chat.db")
	_, err = demo.Fill(context.Background(), demo.Options{
		Dir: dir, Database: path, Blobs: filepath.Join(dir, "blobs"), Temp: filepath.Join(dir, "tmp"), Seed: 1, Now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
	})
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// community is an SQLite file with the demo community in it.
func community(t *testing.T) Database {
	t.Helper()
	content, err := told()
	if err != nil {
		t.Fatal(err)
	}
	d := Database{Path: filepath.Join(t.TempDir(), "chat.db")}
	if err := os.WriteFile(d.Path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return d
}

// rawly opens an SQLite file as it is.
func rawly(t *testing.T, d Database) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: d.Path}).EscapedPath()+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// alter runs statements on a side that nobody works on.
func alter(t *testing.T, d Database, statements ...string) {
	t.Helper()
	if d.URL != "" {
		conn, err := pgx.Connect(t.Context(), d.URL)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.Background())
		for _, s := range statements {
			if _, err := conn.Exec(t.Context(), s); err != nil {
				t.Fatalf("%s: %v", s, err)
			}
		}
		return
	}
	db := rawly(t, d)
	defer db.Close()
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// tables opens a side for a moment and returns its tables.
func tables(t *testing.T, d Database) *side {
	t.Helper()
	s, err := openSide(t.Context(), d, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	return s
}

// dump writes every row that a move brings along, in order.
func dump(t *testing.T, d Database) []string {
	t.Helper()
	var names []string
	for name := range tables(t, d).tables {
		if own[name] == "" || name == "message_ids" {
			names = append(names, name)
		}
	}
	names = append(names, "sqlite_sequence")
	slices.Sort(names)
	db := rawly(t, d)
	defer db.Close()
	var lines []string
	for _, name := range names {
		var columns []string
		list(t, db, func(rows *sql.Rows) error {
			var c string
			err := rows.Scan(&c)
			columns = append(columns, "quote("+quoted(c)+")")
			return err
		}, `SELECT name FROM pragma_table_info($1) ORDER BY name`, name)
		where := ""
		if name == "sqlite_sequence" {
			where = " WHERE name NOT LIKE 'goose%'"
		}
		list(t, db, func(rows *sql.Rows) error {
			var line string
			err := rows.Scan(&line)
			lines = append(lines, name+": "+line)
			return err
		}, "SELECT "+strings.Join(columns, " || ', ' || ")+" FROM "+quoted(name)+where)
	}
	slices.Sort(lines)
	return lines
}

func list(t *testing.T, db *sql.DB, fn func(rows *sql.Rows) error, query string, args ...any) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows); err != nil {
			t.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

// edges are values that something may go wrong with.
var edges = map[kind][]any{
	integer: {int64(0), int64(1), int64(-1), int64(1<<53 - 1), int64(-1 << 53), int64(1 << 31), int64(1)<<62 + 7},
	boolean: {true, false},
	text: {"", " ", "plain", "O'Brien \"x\"", `\N`, `\.`, "tab\tand\nline\r\nend", "ünï 日本語 👩‍👧 \u202e", "e\u0301", strings.Repeat("long ", 40_000), `{"json":[null,"\u0000"]}`,
		"NULL", "\x7f\x01", "\ufeff", "\uffff\U0010ffff", "$1 ? :x", "x'00'"},
	raw: {[]byte{}, []byte{0}, []byte("text"), func() []byte {
		b := make([]byte, 1024)
		for i := range b {
			b[i] = byte(i)
		}
		return b
	}()},
}

// strew puts rows of edge values into every table that is moved, whatever its columns are: what refers to another table gets
// one of its values. Rows that break a rule of uniqueness are left out.
func strew(t *testing.T, d Database, pairs []pair, each int) {
	t.Helper()
	db := rawly(t, d)
	defer db.Close()
	db.SetMaxOpenConns(1)
	r := rand.New(rand.NewPCG(1, 2))
	for _, p := range pairs {
		refers := map[string][]any{} // column → what it may hold
		list(t, db, func(rows *sql.Rows) error {
			var other, column, theirs string
			err := rows.Scan(&other, &column, &theirs)
			refers[column] = []any{other, theirs}
			return err
		}, `SELECT "table", "from", "to" FROM pragma_foreign_key_list($1)`, p.name)
		for column, at := range refers {
			var values []any
			list(t, db, func(rows *sql.Rows) error {
				var v any
				err := rows.Scan(&v)
				values = append(values, v)
				return err
			}, fmt.Sprintf("SELECT %s FROM %s", quoted(at[1].(string)), quoted(at[0].(string))))
			refers[column] = values
		}
		null := map[string]bool{}
		list(t, db, func(rows *sql.Rows) error {
			var column string
			err := rows.Scan(&column)
			null[column] = true
			return err
		}, `SELECT name FROM pragma_table_info($1) WHERE "notnull" = 0 AND pk = 0`, p.name)
		places := make([]string, len(p.columns))
		for i := range places {
			places[i] = fmt.Sprintf("$%d", i+1)
		}
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for n := range each {
			row := make([]any, len(p.columns))
			for i, column := range p.columns {
				values := edges[p.kinds[i]]
				if known := refers[column]; known != nil {
					values = known
				}
				row[i] = values[r.IntN(len(values))]
				if refers[column] == nil && slices.Contains(p.key, i) { // no two keys alike
					switch p.kinds[i] {
					case integer:
						row[i] = int64(1_000_000 + n)
					case text:
						row[i] = fmt.Sprintf("%.50v %d", row[i], n)
					case raw:
						row[i] = append(slices.Clone(row[i].([]byte)), byte(n), byte(n>>8))
					}
				}
				if null[column] && r.IntN(3) == 0 {
					row[i] = nil
				}
			}
			if _, err := tx.ExecContext(t.Context(), "INSERT OR IGNORE INTO "+quoted(p.name)+" ("+quotedAll(p.columns)+") VALUES ("+strings.Join(places, ", ")+")", row...); err != nil {
				t.Fatalf("%s: %v", p.name, err)
			}
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		list(t, db, func(rows *sql.Rows) error {
			var n int
			if err := rows.Scan(&n); err == nil && n == 0 {
				t.Errorf("%s: every row was left out", p.name)
			}
			return nil
		}, "SELECT COUNT(*) FROM "+quoted(p.name))
	}
}

// planned is what is moved between two sides.
func planned(t *testing.T, from, to Database) []pair {
	t.Helper()
	pairs, err := plan(tables(t, from), tables(t, to))
	if err != nil {
		t.Fatal(err)
	}
	return pairs
}

// target is an empty PostgreSQL database with the schema in it.
func target(t *testing.T) Database {
	t.Helper()
	d := Database{URL: pgtest.URL(t)}
	if _, err := d.store().Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
