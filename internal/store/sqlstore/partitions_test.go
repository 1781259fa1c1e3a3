package sqlstore_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/pgtest"
	"parley/internal/store/sqlstore"
	"parley/internal/store/storetest"
)

// partitioning is the page for operators that says how the table of messages is partitioned; its statements are those that are
// run here, with smaller numbers.
const partitioning = "../../../docs/operate/partitions.md"

// partition runs what the page says on a database with the newest schema.
func partition(t *testing.T, address string) {
	t.Helper()
	page, err := os.ReadFile(partitioning)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, begins := strings.Cut(string(page), "```sql\n")
	statements, _, ends := strings.Cut(rest, "```")
	if !begins || !ends {
		t.Fatal("the page has no statements")
	}
	statements = strings.NewReplacer("1000000000", "20", "2000000000", "40").Replace(statements) // a partition for some messages
	ctx := t.Context()
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(ctx, statements); err != nil {
		t.Fatalf("partitioning: %v", err)
	}
	var kind string
	if err := conn.QueryRow(ctx, `SELECT relkind::text FROM pg_class WHERE oid = to_regclass('messages')`).Scan(&kind); err != nil || kind != "p" {
		t.Fatalf("messages is of kind %q, %v", kind, err)
	}
}

// openPartitioned makes a store whose messages are spread over several partitions.
func openPartitioned(t *testing.T) core.Store {
	t.Helper()
	address := pgtest.URL(t)
	if _, err := sqlstore.New(sqlstore.Options{URL: address, Logger: discard}).Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	partition(t, address)
	return sqlstore.New(sqlstore.Options{URL: address, Synchronous: "off", Clock: func() time.Time { return storetest.Start }, Logger: discard})
}

// TestPartitioned holds a partitioned database to everything that stores promise.
func TestPartitioned(t *testing.T) { storetest.Run(t, openPartitioned) }

// TestAFullDatabaseIsPartitioned partitions what is in use, and goes on there.
func TestAFullDatabaseIsPartitioned(t *testing.T) {
	address := pgtest.URL(t)
	s := sqlstore.New(sqlstore.Options{URL: address, Logger: discard})
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	room := populate(t, s, 1)[0]
	say := func(s *sqlstore.Store, n int) {
		t.Helper()
		for range n {
			m, _, err := s.Append(t.Context(), chat.Draft{RoomID: room, SenderID: "ada", Type: chat.TextMessage, Content: "word", Search: "word"})
			if err == nil {
				err = s.Change(t.Context(), func(tx core.Tx) ([]chat.Event, error) {
					_, _, err := tx.AddReaction(t.Context(), m.ID, "ada", "x", storetest.Start)
					return nil, err
				})
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	say(s, 15)
	stop(t, s)
	partition(t, address)
	s = node(t, address)
	say(s, 40) // into the next partitions, and the last one of all
	if n := hits(t, s, "ada", "word"); n != 55 {
		t.Errorf("found %d, want 55", n)
	}
	page, err := s.ChangesSince(t.Context(), room, 0, 1000)
	if err != nil || len(page.Messages) != 55 || page.LastSeq != 110 {
		t.Errorf("%d changed up to %d, %v", len(page.Messages), page.LastSeq, err)
	}
	err = s.Change(t.Context(), func(tx core.Tx) ([]chat.Event, error) { _, err := tx.DeleteRoom(t.Context(), room); return nil, err })
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"messages", "reactions", "search"} {
		if err := query(address, `DO $$ BEGIN IF EXISTS (SELECT 1 FROM `+table+`) THEN RAISE EXCEPTION 'rows are left in `+table+`'; END IF; END $$`); err != nil {
			t.Error(err)
		}
	}
}
