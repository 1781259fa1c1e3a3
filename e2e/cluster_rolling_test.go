package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/internal/pgtest"
)

// aLaterMigration adds to the schema what this version knows nothing of.
const aLaterMigration = `-- +goose Up
ALTER TABLE messages ADD COLUMN later TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN later BIGINT NOT NULL DEFAULT 0;
CREATE TABLE later (id BIGINT PRIMARY KEY, message_id BIGINT NOT NULL);
CREATE INDEX later_message ON later (message_id);
`

// buildNewer builds the program as its next version may be: with one more migration.
func buildNewer(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	list := exec.Command("go", "list", "-f", "{{.Dir}}", "parley/internal/store/sqlstore")
	text, err := list.Output()
	if err != nil {
		t.Fatalf("looking for the migrations: %v", err)
	}
	store := strings.TrimSpace(string(text))
	migration := filepath.Join(dir, "later.sql")
	if err := os.WriteFile(migration, []byte(aLaterMigration), 0o600); err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {
		filepath.Join(store, "postgres", "9000_later.sql"): migration,
		filepath.Join(store, "sqlite", "9000_later.sql"):   migration,
	}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	newer := filepath.Join(dir, "newer")
	build := exec.Command("go", "build", "-overlay", file, "-o", newer, "parley/cmd/parley")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the next version: %v\n%s", err, out)
	}
	return newer
}

// TestRollingRestart replaces one node after the other by one of the next version, whose schema has more, while people talk.
// The old nodes work on with the new schema; those who are connected to a node that goes are told to come back. In the end, an
// old one does not start any more.
func TestRollingRestart(t *testing.T) {
	newer := buildNewer(t)
	c := newCluster(t, 3, pgtest.Options{}, free...)
	w := newCrowd(c, 90, 10, 3, 1500*time.Millisecond)
	w.begin()
	w.untilConnected(time.Minute)
	w.untilTold(100)
	for _, n := range c.nodes {
		told := w.told.Load()
		began := time.Now()
		n.end()
		took := time.Since(began)
		n.program = newer
		n.begin()
		w.untilConnected(time.Minute)
		t.Logf("%s stopped within %v, %d connections were told to come back", n.name, round(took), w.told.Load()-told)
		if w.told.Load() == told {
			t.Errorf("%s told nobody to come back", n.name)
		}
		w.untilTold(100)
	}
	w.settle()
	w.check()
	if n := w.cutOff.Load(); n > 0 {
		t.Errorf("%d connections ended without a word", n)
	}
	t.Log(w.summary())

	old := c.nodes[0]
	old.end()
	old.program = binary
	old.launch()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case <-old.ended:
	case <-timeout.C:
		t.Fatal("the old version runs on a database that is newer than itself")
	}
	if old.cmd.ProcessState.ExitCode() == 0 || !strings.Contains(old.log.String(), "the database belongs to a newer version of this program") {
		t.Errorf("the old version ended with %v and said:\n%s", old.cmd.ProcessState, old.log)
	}
}
