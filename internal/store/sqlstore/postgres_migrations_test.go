package sqlstore_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"parley/internal/pgtest"
	"parley/internal/store/sqlstore"
)

// TestMigrationsComeInPairs compares what the two engines are migrated by: the same numbers and names, forward only.
func TestMigrationsComeInPairs(t *testing.T) {
	lists := map[string][]string{}
	for _, engine := range []string{"sqlite", "postgres"} {
		files, err := fs.Glob(os.DirFS(engine), "*.sql")
		if err != nil {
			t.Fatal(err)
		}
		lists[engine] = files
		for _, file := range files {
			text, err := os.ReadFile(engine + "/" + file)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(string(text), "-- +goose Up\n") || strings.Contains(string(text), "+goose Down") {
				t.Errorf("%s/%s does not go forward only", engine, file)
			}
		}
	}
	if len(lists["sqlite"]) == 0 || !slices.Equal(lists["sqlite"], lists["postgres"]) {
		t.Errorf("SQLite has %q, PostgreSQL %q", lists["sqlite"], lists["postgres"])
	}
}

func TestNewerPostgresIsRefused(t *testing.T) {
	address := pgtest.URL(t)
	s := sqlstore.New(sqlstore.Options{URL: address, Logger: discard})
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := query(address, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (4711, TRUE)`); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); !errors.Is(err, sqlstore.ErrTooNew) || !strings.Contains(err.Error(), "4711") {
		t.Errorf("start: %v, want ErrTooNew with the version", err)
	}
	if _, err := s.Migrate(t.Context()); !errors.Is(err, sqlstore.ErrTooNew) {
		t.Errorf("migrate: %v, want ErrTooNew", err)
	}
}

// TestNodesMayStartTogether starts several nodes on an empty database: one migrates, the others wait for it.
func TestNodesMayStartTogether(t *testing.T) {
	address := pgtest.URL(t)
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			s := sqlstore.New(sqlstore.Options{URL: address, Logger: discard})
			if err := s.Start(t.Context()); err != nil {
				t.Error(err)
				return
			}
			if err := s.Ping(t.Context()); err != nil {
				t.Error(err)
			}
			if err := s.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestPostgresIsMigratedOnlyWhenAllowed(t *testing.T) {
	s := sqlstore.New(sqlstore.Options{URL: pgtest.URL(t), NoMigrate: true, Logger: discard})
	if err := s.Start(t.Context()); !errors.Is(err, sqlstore.ErrPending) {
		t.Fatalf("start on an empty database: %v, want ErrPending", err)
	}
	if ran, err := s.Migrate(t.Context()); err != nil || ran == 0 {
		t.Errorf("ran %d migrations, %v", ran, err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Snapshot(t.Context(), t.TempDir()+"/copy"); !errors.Is(err, sqlstore.ErrNoSnapshot) {
		t.Errorf("snapshot: %v", err)
	}
	stop(t, s)
}

func TestAnAddressIsNotShown(t *testing.T) {
	for _, address := range []string{"postgres://u:hunter2@[broken/x", "postgres://u:hunter2@localhost:1/x?connect_timeout=1"} {
		s := sqlstore.New(sqlstore.Options{URL: address, Logger: discard})
		if err := s.Start(t.Context()); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("start: %v", err)
		}
	}
}

// TestSearchIsMadeAnewOnPostgres starts on words that were made by other rules of folding.
func TestSearchIsMadeAnewOnPostgres(t *testing.T) {
	address := pgtest.URL(t)
	s := node(t, address)
	_, say := talk(t, s, "ada")
	if _, err := say(s, "word"); err != nil {
		t.Fatal(err)
	}
	stop(t, s)
	for _, statement := range []string{`UPDATE search SET words = ''`, `UPDATE search_state SET version = 'other'`} {
		if err := query(address, statement); err != nil {
			t.Fatal(err)
		}
	}
	if n := hits(t, node(t, address), "ada", "word"); n != 1 {
		t.Errorf("found %d, want 1", n)
	}
}
