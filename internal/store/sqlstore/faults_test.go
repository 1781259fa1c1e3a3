package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

// TestFullDisk lets the database run out of room: every call is told so, what was answered before stays, and when there is
// room again the store goes on.
func TestFullDisk(t *testing.T) {
	ctx := context.Background()
	s, err := Open(ctx, Options{Path: filepath.Join(t.TempDir(), "chat.db"), Synchronous: "off", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop(ctx) })
	var room chat.RoomID
	change := func(fn func(t *tx) error) {
		t.Helper()
		if err := s.Change(ctx, func(t core.Tx) ([]chat.Event, error) { return nil, fn(t.(*tx)) }); err != nil {
			t.Fatal(err)
		}
	}
	limit := func(pages string) {
		t.Helper()
		change(func(t *tx) error {
			rows, err := t.x.query(ctx, "PRAGMA max_page_count = "+pages)
			if err != nil {
				return err
			}
			return rows.Close()
		})
	}
	change(func(t *tx) error {
		r, err := t.CreateRoom(ctx, chat.Room{Type: chat.Public, Form: chat.Text, CreatedAt: time.Now()})
		room = r.ID
		return err
	})
	limit("200")
	text := strings.Repeat("a long text ", 300)
	var mu sync.Mutex
	stored := map[chat.MessageID]bool{}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for failures := 0; failures < 3; {
				m, _, err := s.Append(ctx, chat.Draft{RoomID: room, Type: chat.TextMessage, Content: text, At: time.Now()})
				if err != nil {
					if chat.AsError(err).Kind != chat.Unavailable {
						t.Errorf("append: %v, want unavailable", err)
					}
					failures++
					continue
				}
				mu.Lock()
				stored[m.ID] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	limit("1000000")
	if _, _, err := s.Append(ctx, chat.Draft{RoomID: room, Type: chat.TextMessage, Content: text, At: time.Now()}); err != nil {
		t.Fatalf("with room again: %v", err)
	}
	var seq chat.Seq
	err = s.EachMessage(ctx, room, "", func(m *chat.Message) error {
		if seq++; m.Seq != seq {
			return fmt.Errorf("message %d has seq %d, want %d", m.ID, m.Seq, seq)
		}
		delete(stored, m.ID)
		return nil
	})
	if err != nil || len(stored) > 0 {
		t.Errorf("%d messages that were answered are not there (%v)", len(stored), err)
	}
	r, err := s.Room(ctx, room)
	if err != nil || r.LastSeq != seq || r.MessageCount != int64(seq) {
		t.Errorf("room %+v, %v; it holds %d messages", r, err, seq)
	}
}

// TestFailedCommit makes the commit itself fail: nobody of the batch is told of success, and no event gets out.
func TestFailedCommit(t *testing.T) {
	ctx := context.Background()
	s := New(Options{Path: filepath.Join(t.TempDir(), "chat.db"), Synchronous: "off", Logger: slog.New(slog.DiscardHandler)})
	var told int
	s.OnCommit(func(events []chat.Event) { told += len(events) })
	if err := s.Start(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop(ctx) })
	var room chat.Room
	err := s.Change(ctx, func(tx core.Tx) (_ []chat.Event, err error) {
		room, err = tx.CreateRoom(ctx, chat.Room{Type: chat.Public, Form: chat.Text, CreatedAt: time.Now()})
		return nil, err
	})
	if err != nil {
		t.Fatal(err)
	}
	// A deferred constraint is looked at by the commit alone.
	err = s.Change(ctx, func(in core.Tx) ([]chat.Event, error) {
		x := in.(*tx).x
		for _, statement := range []string{
			`PRAGMA defer_foreign_keys = TRUE`,
			`INSERT INTO room_heads (room_id) VALUES (4711)`,
		} {
			if _, err := x.exec(ctx, statement); err != nil {
				return nil, err
			}
		}
		return []chat.Event{chat.RoomChanged{Room: room}}, nil
	})
	if err == nil || told != 0 {
		t.Errorf("the change ended with %v, %d events were told", err, told)
	}
	if m, _, err := s.Append(ctx, chat.Draft{RoomID: room.ID, Type: chat.TextMessage, At: time.Now()}); err != nil || m.Seq != 1 || told != 1 {
		t.Errorf("after it: %+v, %v, %d events", m, err, told)
	}
}

// TestBrokenSession shows that nothing runs as a part of a transaction that the engine has ended.
func TestBrokenSession(t *testing.T) {
	ctx := context.Background()
	s, err := Open(ctx, Options{Path: filepath.Join(t.TempDir(), "chat.db"), Synchronous: "off", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop(ctx) })
	err = s.Change(ctx, func(in core.Tx) ([]chat.Event, error) {
		x := in.(*tx).x
		if _, err := x.exec(ctx, `ROLLBACK`); err != nil { // as the engine does on some failures
			return nil, err
		}
		x.(*session).broken = errors.New("the engine rolled back")
		_ = in.PutSetting(ctx, "k", []byte(`1`)) // a closure that does not look
		return nil, nil
	})
	if err == nil {
		t.Error("the change was answered with success")
	}
	if _, err := s.Setting(ctx, "k"); chat.CodeOf(err) != "not_found" {
		t.Errorf("the setting: %v, want not_found", err)
	}
	if err := s.Change(ctx, func(in core.Tx) ([]chat.Event, error) { return nil, in.PutSetting(ctx, "k", []byte(`2`)) }); err != nil {
		t.Errorf("after it: %v", err)
	}
}

// TestManyDeletionsArePurged deletes a room too large to take each of its words out at once, and follows the merging that
// does it afterwards.
func TestManyDeletionsArePurged(t *testing.T) {
	ctx := context.Background()
	s, err := Open(ctx, Options{Path: filepath.Join(t.TempDir(), "chat.db"), Synchronous: "off", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop(ctx) })
	change := func(fn func(t *tx) error) {
		t.Helper()
		if err := s.Change(ctx, func(t core.Tx) ([]chat.Event, error) { return nil, fn(t.(*tx)) }); err != nil {
			t.Fatal(err)
		}
	}
	var rooms [2]chat.RoomID
	const n = 20 * manyDeletions
	change(func(t *tx) error {
		for i := range rooms {
			r, err := t.CreateRoom(ctx, chat.Room{Type: chat.Public, Form: chat.Text, CreatedAt: time.Now()})
			if err != nil {
				return err
			}
			rooms[i] = r.ID
		}
		return nil
	})
	for range 4 { // so that there are several segments to merge
		change(func(t *tx) error {
			for i := range n / 4 {
				for at, word := range []string{"secret", "harmless"} {
					text := fmt.Sprintf("%s %s%d", word, word, i)
					if _, _, err := t.Append(ctx, chat.Draft{RoomID: rooms[at], Type: chat.TextMessage, Content: text, Search: text}); err != nil {
						return err
					}
				}
			}
			return t.waitIndexed(ctx)
		})
	}
	change(func(t *tx) error { _, err := t.DeleteRoom(ctx, rooms[0]); return err })
	steps := 0
	for state := 1; state > 0; steps++ { // each change lets the writer go one step
		if steps > 10_000 {
			t.Fatal("the merging does not end")
		}
		change(func(t *tx) (err error) {
			state, err = one(ctx, t.x, chat.ErrNotFound, scalar[int], `SELECT purge FROM search_state`)
			return err
		})
	}
	change(func(t *tx) error {
		if _, err := t.x.exec(ctx, `CREATE VIRTUAL TABLE temp.words USING fts5vocab (main, search, row)`); err != nil {
			return err
		}
		for prefix, want := range map[string]int{"secret": 0, "harmless": n/4 + 1} {
			got, err := one(ctx, t.x, chat.ErrNotFound, scalar[int], `SELECT COUNT(*) FROM temp.words WHERE term LIKE $1`, prefix+"%")
			if err != nil {
				return err
			}
			if got != want {
				return fmt.Errorf("%d words begin with %s, want %d", got, prefix, want)
			}
		}
		raw, err := one(ctx, t.x, chat.ErrNotFound, scalar[int], `SELECT COUNT(*) FROM search_data WHERE CAST(block AS TEXT) LIKE '%ecret%' OR instr(block, CAST('ecret' AS BLOB)) > 0`)
		if err == nil && raw > 0 {
			err = fmt.Errorf("%d blocks of the index still hold the word", raw)
		}
		if err != nil {
			return err
		}
		_, err = t.x.exec(ctx, `INSERT INTO search (search) VALUES ('integrity-check')`)
		return err
	})
}
