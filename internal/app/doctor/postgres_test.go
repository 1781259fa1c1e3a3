package doctor

import (
	"strings"
	"testing"

	"parley/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestPostgresIsExamined(t *testing.T) {
	p := patient(t)
	p.Config.DatabaseURL = pgtest.URL(t)
	findings := Full(t.Context(), p)
	if f := find(t, findings, "schema"); f.Level == Bad || !strings.Contains(f.Text, "none yet") {
		t.Errorf("an empty database: %+v", f)
	}
	if f := find(t, findings, "database"); f.Level == Bad || !strings.Contains(f.Text, "pg_dump") {
		t.Errorf("what is not done here: %+v", f)
	}
	p.Config.DatabaseURL = "postgres:///x?host=" + t.TempDir()
	if f := find(t, Full(t.Context(), p), "schema"); f.Level != Bad || !strings.Contains(f.Text, "postgres") {
		t.Errorf("no server: %+v", f)
	}
}
