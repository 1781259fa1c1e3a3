package e2e

import (
	"bytes"
	"context"
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	_ "modernc.org/sqlite"

	"parley/internal/pgtest"
)

// operator runs the program's commands on one data directory.
type operator struct {
	t    *testing.T
	data string
	env  []string
}

func (o operator) command(args ...string) (*exec.Cmd, *lockedBuffer) {
	out := &lockedBuffer{}
	cmd := exec.Command(binary, append([]string{"--data", o.data}, args...)...)
	cmd.Dir = o.t.TempDir()
	cmd.Env = append(os.Environ(), o.env...)
	cmd.Stdout, cmd.Stderr = out, out
	return cmd, out
}

func (o operator) ok(args ...string) string {
	o.t.Helper()
	cmd, out := o.command(args...)
	if err := cmd.Run(); err != nil {
		o.t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out.String()
}

func (o operator) fails(args ...string) string {
	o.t.Helper()
	cmd, out := o.command(args...)
	if err := cmd.Run(); err == nil {
		o.t.Fatalf("%s succeeded\n%s", strings.Join(args, " "), out)
	}
	return out.String()
}

// killed starts a command and kills it as soon as the database says that it waits.
func (o operator) killed(db *pgx.Conn, args ...string) {
	o.t.Helper()
	cmd, out := o.command(args...)
	if err := cmd.Start(); err != nil {
		o.t.Fatal(err)
	}
	deadline := time.Now().Add(2 * time.Minute)
	for waiting := false; !waiting; {
		if err := db.QueryRow(o.t.Context(), `SELECT COUNT(*) > 0 FROM pg_locks WHERE NOT granted`).Scan(&waiting); err != nil || time.Now().After(deadline) {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			o.t.Fatalf("it never came to wait: %v\n%s", err, out)
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		o.t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.Exited() {
		o.t.Fatalf("it ended before it was killed: %v\n%s", err, out)
	}
}

// TestMigrateStoreSurvivesBeingKilled moves a community to PostgreSQL and back. Each time the program is killed in the middle of
// the messages, no server starts on what there is, and the same command goes on where it was.
func TestMigrateStoreSurvivesBeingKilled(t *testing.T) {
	cluster := pgtest.New(t, pgtest.Options{})
	address := cluster.Schema(t)
	ctx := t.Context()
	db, err := pgx.Connect(ctx, address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(context.Background())
	do := func(statements ...string) {
		t.Helper()
		for _, s := range statements {
			if _, err := db.Exec(ctx, s); err != nil {
				t.Fatalf("%s: %v", s, err)
			}
		}
	}

	here := operator{t: t, data: filepath.Join(t.TempDir(), "data"), env: []string{"PARLEY_DATABASE_URL=" + address}}
	alone := operator{t: t, data: here.data}
	alone.ok("demo")
	file := filepath.Join(here.data, "chat.db")
	many(t, file, 20_000)

	// There. The target holds the move up after the first of its batches of messages.
	here.ok("migrate", "up")
	do(`CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.id > 12000 THEN PERFORM pg_advisory_xact_lock(4711); END IF; RETURN NEW; END $$`,
		`CREATE TRIGGER hold BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION hold()`, `SELECT pg_advisory_lock(4711)`)
	there := []string{"migrate-store", "--from", "sqlite", "--to", "postgres"}
	here.killed(db, there...)
	do(`SELECT pg_advisory_unlock(4711)`, `DROP TRIGGER hold ON messages`, `DROP FUNCTION hold`)
	if out := here.fails("serve", "--listen", "127.0.0.1:0", "--session-listen", "127.0.0.1:0", "--operator-listen", ""); !strings.Contains(out, "unfinished target of a move") {
		t.Errorf("a server on half a database says\n%s", out)
	}
	out := here.ok(there...)
	for _, want := range []string{"goes on after 10000 rows", "are the same on both sides", "database_url is set already", filepath.Join(here.data, "secrets")} {
		if !strings.Contains(out, want) {
			t.Errorf("the second run does not say %q:\n%s", want, out)
		}
	}
	if out := here.fails(there...); !strings.Contains(out, "the target is not empty") {
		t.Errorf("a third run says\n%s", out)
	}

	// And back, into another file. The source holds the move up at the table after the messages.
	back := filepath.Join(t.TempDir(), "back.db")
	home := []string{"migrate-store", "--from", "postgres", "--to", "sqlite:" + back}
	do(`BEGIN`, `LOCK TABLE reactions IN ACCESS EXCLUSIVE MODE`)
	other, err := pgx.Connect(ctx, address)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close(context.Background())
	here.killed(other, home...)
	do(`ROLLBACK`)
	if out := here.ok(home...); !strings.Contains(out, "goes on after 23") || !strings.Contains(out, "put "+back+" there") {
		t.Errorf("the second run back says\n%s", out)
	}
	sameRows(t, file, back)

	// The server on the target.
	s := &server{t: t, data: here.data, addr: freeAddr(t), ops: freeAddr(t), env: here.env}
	s.start()
	defer s.stop()
	if out := here.fails("migrate-store", "--from", "sqlite", "--to", "postgres", "--compare"); !strings.Contains(out, "in use by process") {
		t.Errorf("beside a server it says\n%s", out)
	}
	elsewhere := operator{t: t, data: t.TempDir(), env: here.env}
	if out := elsewhere.fails("migrate-store", "--from", "postgres", "--to", "sqlite"); !strings.Contains(out, "a server works on this database") {
		t.Errorf("beside a node elsewhere it says\n%s", out)
	}
}

// many adds messages to the first room of a database that nobody works on.
func many(t *testing.T, file string, n int) {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = db.ExecContext(t.Context(), `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
		INSERT INTO messages (id, room_id, seq, change_seq, ordinal, type, content, created_at, search)
		SELECT (SELECT last FROM message_ids) + i, 1, 100000 + i, 100000 + i, 100000 + i, 'text', 'number ' || i, 1893456000000000 + i * 1000, '' FROM n;
		UPDATE message_ids SET last = (SELECT MAX(id) FROM messages)`, n)
	if err != nil {
		t.Fatal(err)
	}
}

// sameRows compares the rows of two files, but for the search index, which each makes for itself.
func sameRows(t *testing.T, a, b string) {
	t.Helper()
	db, err := sql.Open("sqlite", a)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(t.Context(), `ATTACH $1 AS other`, b); err != nil {
		t.Fatal(err)
	}
	rows, err := db.QueryContext(t.Context(), `SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table'
		AND name NOT IN ('goose_db_version', 'search_state', 'sqlite_schema', 'sqlite_sequence')`)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil || len(names) < 20 {
		t.Fatalf("%d tables, %v", len(names), err)
	}
	var all bytes.Buffer
	for _, name := range names {
		for _, side := range [][2]string{{"main", "other"}, {"other", "main"}} {
			var n int
			q := `SELECT COUNT(*) FROM (SELECT * FROM ` + side[0] + `."` + name + `" EXCEPT SELECT * FROM ` + side[1] + `."` + name + `")`
			if err := db.QueryRowContext(t.Context(), q).Scan(&n); err != nil || n > 0 {
				t.Errorf("%s: %d rows are in %s only, %v", name, n, side[0], err)
			}
		}
		all.WriteString(name + " ")
	}
	t.Log("compared", all.String())
}
