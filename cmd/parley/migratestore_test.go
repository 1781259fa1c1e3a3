package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/internal/pgtest"
	"parley/internal/s3test"
)

func TestMigrateStoreSaysWhatIsMissing(t *testing.T) {
	c := newConsole(t)
	if code, _, errs := c.types("", "migrate-store", "--from", "sqlite", "--to", "postgres://u:hunter2@127.0.0.1:1/x"); code != exitFailed || !strings.Contains(errs, "there is no data directory") {
		t.Errorf("without a data directory: exit %d, %s", code, errs)
	}
	if err := os.MkdirAll(c.data, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"nothing is asked for", nil, exitUsage, "Say what to move"},
		{"one side is missing", []string{"--from", "sqlite"}, exitUsage, "belong together"},
		{"one side of the files is missing", []string{"--blobs-to", "s3"}, exitUsage, "belong together"},
		{"database_url is not set", []string{"--from", "sqlite", "--to", "postgres"}, exitUsage, "PARLEY_DATABASE_URL=postgres://user:password@host/name"},
		{"blobs_url is not set", []string{"--blobs-from", "fs", "--blobs-to", "s3"}, exitUsage, "PARLEY_BLOBS_URL=s3://key:secret@host/bucket"},
		{"both sides are the same engine", []string{"--from", "sqlite", "--to", "sqlite:x.db"}, exitUsage, "both SQLite"},
		{"an engine that is not known", []string{"--from", "sqlite", "--to", "mysql://h/x"}, exitUsage, "--to must be sqlite, postgres"},
		{"a storage that is not known", []string{"--blobs-from", "ftp://h/x", "--blobs-to", "fs"}, exitUsage, "--blobs-from must be fs, s3"},
		{"a bucket whose address cannot be read", []string{"--blobs-from", "fs", "--blobs-to", "s3://key:hunter2@h/"}, exitFailed, "blobs_url: "},
		{"there is no database", []string{"--from", "sqlite", "--to", "postgres://u:hunter2@127.0.0.1:1/x"}, exitFailed, "there is no database to move"},
	} {
		t.Run(row.name, func(t *testing.T) {
			code, out, errs := c.types("", append([]string{"migrate-store"}, row.args...)...)
			if code != row.code || !strings.Contains(errs, row.want) || strings.Contains(out+errs, "hunter2") {
				t.Errorf("exit %d, %s%s; want %d and %q", code, out, errs, row.code, row.want)
			}
		})
	}
}

// TestMigrateStore moves a community with its files to PostgreSQL and a bucket in one go, lets a server work there, and moves
// everything back into a new directory. What a person can see of a room is the same in all three places.
func TestMigrateStore(t *testing.T) {
	database, gateway := pgtest.New(t, pgtest.Options{}).Schema(t), s3test.Start(t)
	bucket := gateway.URL(gateway.Bucket(t, "files"))
	c := newConsole(t)
	c.ok("", "demo")
	want := room(c)

	c.env = []string{"PARLEY_DATABASE_URL=" + database, "PARLEY_BLOBS_URL=" + bucket}
	out := c.ok("", "migrate-store", "--from", "sqlite", "--to", "postgres", "--blobs-from", "fs", "--blobs-to", "s3")
	for _, text := range []string{"copied", "are the same on both sides", "database_url is set already", "Keep blobs_url as it is: s3://", "Secrets stay where they are: in " + filepath.Join(c.data, "secrets")} {
		if !strings.Contains(out, text) {
			t.Errorf("it does not say %q", text)
		}
	}
	if strings.Contains(out, s3test.Secret) {
		t.Error("it tells a secret")
	}
	if out := c.ok("", "migrate-store", "--from", "sqlite", "--to", "postgres", "--blobs-from", "fs", "--blobs-to", "s3", "--compare"); !strings.Contains(out, "0 copied") || strings.Contains(out, "Next:") {
		t.Errorf("compared: %s", out)
	}
	if err := os.Rename(filepath.Join(c.data, "blobs"), filepath.Join(c.data, "blobs-before")); err != nil {
		t.Fatal(err)
	}
	s := c.serves()
	if got := room(c); got != want {
		t.Errorf("in the new place a room looks like\n%.600s\nbefore it was\n%.600s", got, want)
	}
	s.stops(t)

	if err := os.Rename(filepath.Join(c.data, "chat.db"), filepath.Join(c.data, "chat-before.db")); err != nil {
		t.Fatal(err)
	}
	c.ok("", "migrate-store", "--from", "postgres", "--to", "sqlite", "--blobs-from", "s3", "--blobs-to", "fs")
	c.env = nil
	if got := room(c); got != want {
		t.Errorf("back again a room looks like\n%.600s\nbefore it was\n%.600s", got, want)
	}
}

// room is the export of a room, with its files and without the line that says when it was made.
func room(c *console) string {
	c.t.Helper()
	_, lines, _ := strings.Cut(c.ok("", "export", "room", "general", "--files"), "\n")
	return lines
}
