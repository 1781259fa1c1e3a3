package sqlstore_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"parley/internal/chat"
	"parley/internal/core"
)

// rowsWith names the tables of a stopped store that have a row with a value in a column of that name.
func rowsWith(t *testing.T, path, name, value string) (tables []string) {
	t.Helper()
	db := openRaw(t, path)
	defer db.Close()
	all := strs(t, db, `SELECT l.name FROM pragma_table_list l JOIN pragma_table_info(l.name) c WHERE l.type = 'table' AND c.name = $1 ORDER BY l.name`, name)
	if len(all) == 0 {
		t.Fatalf("no table has a column %s", name)
	}
	for _, table := range all {
		if len(strs(t, db, fmt.Sprintf(`SELECT 1 FROM %q WHERE %q = $1`, table, name), value)) > 0 {
			tables = append(tables, table)
		}
	}
	return tables
}

// deleted runs a deletion on a store with the data of fill and returns the file it leaves.
func deleted(t *testing.T, fn func(tx core.Tx) error) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "chat.db")
	s := openSQLiteAt(t, path)
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	fill(t, s)
	if err := s.Change(t.Context(), func(tx core.Tx) ([]chat.Event, error) { return nil, fn(tx) }); err != nil {
		t.Fatal(err)
	}
	stop(t, s)
	return path
}

// A table that is added later and forgotten in DeleteRoom or DeleteUser fails these tests once fill has something for it.

func TestDeletedRoomLeavesNoRows(t *testing.T) {
	path := deleted(t, func(tx core.Tx) error {
		lab, err := tx.RoomBySlug(t.Context(), "lab")
		if err == nil {
			_, err = tx.DeleteRoom(t.Context(), lab.ID)
		}
		return err
	})
	if left := rowsWith(t, path, "room_id", "1"); !slices.Equal(left, []string{"reports"}) {
		t.Errorf("the room is still in %v, want it in the reports only", left)
	}
	for _, word := range []string{"frozen", "answer", "look"} {
		if found := column(t, path, `SELECT rowid FROM search WHERE search MATCH '`+word+`'`); len(found) > 0 {
			t.Errorf("the index still has %q in %v", word, found)
		}
	}
	if found := column(t, path, `SELECT rowid FROM search WHERE search MATCH 'psst'`); len(found) != 1 {
		t.Errorf("the index has the message of another room %d times", len(found))
	}
}

func TestDeletedUserLeavesNoRows(t *testing.T) {
	for _, user := range []chat.UserID{ada, bob} {
		path := deleted(t, func(tx core.Tx) error { return tx.DeleteUser(t.Context(), user) })
		left := slices.DeleteFunc(rowsWith(t, path, "user_id", string(user)), func(table string) bool {
			return table == "sanctions" || table == "reactions" || table == "day_senders" || // the record, the messages, the counts
				table == "departed" // the name under what they wrote
		})
		if len(left) > 0 {
			t.Errorf("%s is still in %v", user, left)
		}
	}
}
