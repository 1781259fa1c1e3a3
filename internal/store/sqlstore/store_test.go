package sqlstore_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/store/sqlstore"
	"parley/internal/store/storetest"
)

// started starts a store on a file and stops it when the test ends.
func started(t *testing.T, path string) *sqlstore.Store {
	t.Helper()
	s := openSQLiteAt(t, path)
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, s) })
	return s
}

// talk makes a room with one member and returns a way to say something there that can be found.
func talk(t *testing.T, s *sqlstore.Store, user chat.UserID) (room chat.RoomID, say func(s *sqlstore.Store, text string) (*chat.Message, error)) {
	t.Helper()
	err := s.Change(t.Context(), func(tx core.Tx) ([]chat.Event, error) {
		if _, err := tx.CreateUser(t.Context(), &chat.User{ID: user, Username: string(user), Kind: chat.Person, CreatedAt: storetest.Start}); err != nil {
			return nil, err
		}
		r, err := tx.CreateRoom(t.Context(), chat.Room{Type: chat.Public, Form: chat.Text, CreatedAt: storetest.Start})
		if err != nil {
			return nil, err
		}
		room = r.ID
		_, err = tx.PutMember(t.Context(), chat.Member{RoomID: room, UserID: user, Role: chat.RoomOwner, JoinedAt: storetest.Start})
		return nil, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return room, func(s *sqlstore.Store, text string) (*chat.Message, error) {
		m, _, err := s.Append(t.Context(), chat.Draft{RoomID: room, SenderID: user, Type: chat.TextMessage, Content: text, Search: text, At: storetest.Start})
		return m, err
	}
}

// hits counts what a search for a word finds.
func hits(t *testing.T, s *sqlstore.Store, reader chat.UserID, word string) int {
	t.Helper()
	r, err := s.Search(t.Context(), chat.SearchQuery{Reader: reader, Terms: []chat.SearchTerm{{Words: []string{word}}}, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	return len(r.Hits)
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chat.db")
	s := openSQLiteAt(t, path)
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	db := openRaw(t, path)
	if _, err := db.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (4711, TRUE)`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); !errors.Is(err, sqlstore.ErrTooNew) || !strings.Contains(err.Error(), "4711") {
		t.Errorf("start: %v, want ErrTooNew with the version", err)
	}
	if _, err := s.Migrate(t.Context()); !errors.Is(err, sqlstore.ErrTooNew) {
		t.Errorf("migrate: %v, want ErrTooNew", err)
	}
}

func TestMigrationsOnlyWhenAllowed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "chat.db")
	s := sqlstore.New(sqlstore.Options{Path: path, NoMigrate: true, Logger: discard})
	if err := s.Start(t.Context()); !errors.Is(err, sqlstore.ErrPending) {
		t.Fatalf("start on a new file: %v, want ErrPending", err)
	}
	v, err := s.Versions(t.Context())
	if err != nil || v.Have != 0 || v.Pending == 0 || int64(v.Pending) != v.Want {
		t.Errorf("versions %+v, %v", v, err)
	}
	if ran, err := s.Migrate(t.Context()); err != nil || ran != v.Pending {
		t.Errorf("ran %d migrations, %v; want %d", ran, err, v.Pending)
	}
	if ran, err := s.Migrate(t.Context()); err != nil || ran != 0 {
		t.Errorf("ran %d more, %v", ran, err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Migrate(t.Context()); err == nil {
		t.Error("migrated while in use")
	}
	stop(t, s)
}

func TestAFileThatIsNoDatabaseIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chat.db")
	if err := os.WriteFile(path, bytes.Repeat([]byte("not a database\n"), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	s := openSQLiteAt(t, path)
	if err := s.Start(t.Context()); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("start: %v, want an error that names the file", err)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestUnknownDurabilityIsRefused(t *testing.T) {
	s := sqlstore.New(sqlstore.Options{Path: filepath.Join(t.TempDir(), "chat.db"), Synchronous: "ful", Logger: discard})
	if err := s.Start(t.Context()); err == nil || !strings.Contains(err.Error(), `"ful"`) {
		t.Errorf("start: %v, want an error that names the word", err)
	}
}

func TestPathsMayHaveAnyCharacters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b?c#d%20é&_pragma=x", "chat 1.db")
	s := started(t, path)
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

func TestSnapshotIsACopyInUse(t *testing.T) {
	dir := t.TempDir()
	s := started(t, filepath.Join(dir, "chat.db"))
	_, say := talk(t, s, "ada")
	for i := range 20 {
		if _, err := say(s, fmt.Sprint("word ", i)); err != nil {
			t.Fatal(err)
		}
	}
	copied := filepath.Join(dir, "copy.db")
	if err := s.Snapshot(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	if err := s.Snapshot(t.Context(), copied); !errors.Is(err, os.ErrExist) {
		t.Errorf("over an existing file: %v", err)
	}
	if _, err := say(s, "word later"); err != nil {
		t.Fatal(err)
	}
	if n := hits(t, started(t, copied), "ada", "word"); n != 20 {
		t.Errorf("the copy finds %d messages, want 20", n)
	}
	if n := hits(t, s, "ada", "word"); n != 21 {
		t.Errorf("the original finds %d messages, want 21", n)
	}
}

func TestTwoProcessesMayWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chat.db")
	a, b := started(t, path), started(t, path)
	room, say := talk(t, a, "ada")
	const each = 40
	var wg sync.WaitGroup
	for _, s := range []*sqlstore.Store{a, b} {
		for range 2 {
			wg.Go(func() {
				for i := range each {
					if _, err := say(s, fmt.Sprint("word ", i)); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
	}
	wg.Wait()
	var seq chat.Seq
	var last chat.MessageID
	err := a.EachMessage(t.Context(), room, "", func(m *chat.Message) error {
		if seq++; m.Seq != seq || m.ID <= last {
			return fmt.Errorf("message %d has seq %d after %d, %d", m.ID, m.Seq, last, seq-1)
		}
		last = m.ID
		return nil
	})
	if err != nil || seq != 4*each {
		t.Errorf("%d messages, want %d (%v)", seq, 4*each, err)
	}
	for _, s := range []*sqlstore.Store{a, b} {
		r, err := s.Search(t.Context(), chat.SearchQuery{Reader: "ada", Terms: []chat.SearchTerm{{Words: []string{"word"}}}, Limit: 1})
		if err != nil || r.TotalEstimate != 4*each {
			t.Errorf("found %d, want %d (%v)", r.TotalEstimate, 4*each, err)
		}
	}
}

func TestIndexIsMadeAnewWhenTheRulesOfFoldingChange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chat.db")
	s := started(t, path)
	_, say := talk(t, s, "ada")
	const n = 1500 // more than two bulks
	err := s.Change(t.Context(), func(tx core.Tx) ([]chat.Event, error) {
		for i := range n {
			d := chat.Draft{RoomID: 1, SenderID: "ada", Type: chat.TextMessage, Content: fmt.Sprint("Word ", i), Search: fmt.Sprint("word ", i), At: storetest.Start}
			if _, _, err := tx.Append(t.Context(), d); err != nil {
				return nil, err
			}
		}
		return nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := hits(t, s, "ada", "77"); n != 1 {
		t.Fatalf("found %d", n)
	}
	stop(t, s)
	db := openRaw(t, path)
	for _, statement := range []string{
		`INSERT INTO search (search) VALUES ('delete-all')`, // stands for an index full of other words
		`UPDATE search_state SET version = 'other'`,
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := say(s, "word last"); err != nil {
		t.Fatal(err)
	}
	r, err := s.Search(t.Context(), chat.SearchQuery{Reader: "ada", Terms: []chat.SearchTerm{{Words: []string{"77"}}}, Limit: 1})
	if err != nil || r.TotalEstimate != 1 {
		t.Errorf("found %d, %v", r.TotalEstimate, err)
	}
	db = openRaw(t, path)
	defer db.Close()
	if got := strs(t, db, `SELECT last_id FROM search_state`); len(got) != 1 || got[0] != fmt.Sprint(n+1) {
		t.Errorf("indexed up to %v, want %d", got, n+1)
	}
}

// TestDeletedContentIsGone looks for what was deleted in every byte of the files and in the words of the index.
func TestDeletedContentIsGone(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "chat.db")
	s := started(t, path)
	room, say := talk(t, s, "ada")
	const secret = "xyzzyplugh"
	long := secret + " " + strings.Repeat("filler "+secret+" ", 1000) // goes to overflow pages
	var doomed, edited *chat.Message
	var err error
	for i := range 50 {
		if _, err = say(s, fmt.Sprint("harmless ", i)); err != nil {
			t.Fatal(err)
		}
	}
	ctx := t.Context()
	err = s.Change(ctx, func(tx core.Tx) ([]chat.Event, error) {
		a, err := tx.CreateAttachment(ctx, chat.Attachment{Key: "k", UploaderID: "ada", Filename: secret + ".png", Hash: "h", Scan: chat.ScanClean, CreatedAt: storetest.Start})
		if err != nil {
			return nil, err
		}
		draft := chat.Draft{RoomID: room, SenderID: "ada", Type: chat.TextMessage, Content: long, Search: long, AttachmentIDs: []chat.AttachmentID{a.ID},
			Payload: &chat.Payload{Kind: "session", Data: []byte(long)}, Links: []chat.Link{{URL: "https://" + secret}}, Nonce: "n",
			Notify: []chat.Notification{{UserID: "ada", Type: chat.NotifyMention, Content: secret}}}
		if doomed, _, err = tx.Append(ctx, draft); err != nil {
			return nil, err
		}
		edited, _, err = tx.Append(ctx, chat.Draft{RoomID: room, SenderID: "ada", Type: chat.TextMessage, Content: long, Search: long})
		return nil, err
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := hits(t, s, "ada", secret); n != 2 { // and so it is in the index
		t.Fatalf("found %d messages, want 2", n)
	}
	err = s.Change(ctx, func(tx core.Tx) ([]chat.Event, error) {
		if _, _, err := tx.DeleteMessage(ctx, doomed.ID, "ada", storetest.Start); err != nil {
			return nil, err
		}
		_, err := tx.EditMessage(ctx, edited.ID, core.Edit{Content: "nothing to see", Search: "nothing to see", At: storetest.Start})
		return nil, err
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := hits(t, s, "ada", "harmless"); n != 50 {
		t.Errorf("the others: found %d, want 50", n)
	}
	stop(t, s) // folds the log into the file
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		raw, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if at := bytes.Index(raw, []byte(secret)); at >= 0 {
			t.Errorf("%s still holds it at byte %d", f.Name(), at)
		}
	}
	db := openRaw(t, path)
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(`CREATE VIRTUAL TABLE temp.words USING fts5vocab (main, search, row)`); err != nil {
		t.Fatal(err)
	}
	if got := strs(t, db, `SELECT term FROM temp.words WHERE term LIKE $1`, secret[:3]+"%"); len(got) > 0 {
		t.Errorf("the index still knows %q", got)
	}
	if got := strs(t, db, `SELECT term FROM temp.words WHERE term = 'harmless'`); len(got) != 1 {
		t.Error("the index lost the others")
	}
	if _, err := db.Exec(`INSERT INTO search (search) VALUES ('integrity-check')`); err != nil {
		t.Errorf("the index is not sound: %v", err)
	}
	if got := strs(t, db, `PRAGMA integrity_check`); len(got) != 1 || got[0] != "ok" {
		t.Errorf("the database is not sound: %q", got)
	}
}

func TestCommitsAreShared(t *testing.T) {
	var commits, calls atomic.Int64
	s := sqlstore.New(sqlstore.Options{
		Path: filepath.Join(t.TempDir(), "chat.db"), Synchronous: "off", Logger: discard, Clock: func() time.Time { return storetest.Start },
		ObserveCommit: func(n int, took time.Duration) {
			if took < 0 {
				t.Errorf("a commit took %v", took)
			}
			commits.Add(1)
			calls.Add(int64(n))
		},
	})
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, s) })
	_, say := talk(t, s, "ada")
	commits.Store(0)
	calls.Store(0)
	// While one change runs, the others gather.
	running, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Change(t.Context(), func(core.Tx) ([]chat.Event, error) {
			close(running)
			<-release
			return nil, nil
		}); err != nil {
			t.Error(err)
		}
	})
	<-running
	const n = 30
	var queued atomic.Int64
	for range n {
		wg.Go(func() {
			queued.Add(1)
			if _, err := say(s, "x"); err != nil {
				t.Error(err)
			}
		})
	}
	close(release)
	wg.Wait()
	if calls.Load() != n+1 || commits.Load() > n+1 || commits.Load() < 2 {
		t.Errorf("%d calls in %d commits", calls.Load(), commits.Load())
	}
}
