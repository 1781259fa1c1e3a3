package app

import (
	"testing"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// TestServesFromPostgres starts on an empty PostgreSQL database, and again on what is there then.
func TestServesFromPostgres(t *testing.T) {
	address := pgtest.URL(t)
	for _, want := range []string{"not_found", ""} {
		cfg := settings(t)
		cfg.DatabaseURL = address
		a := started(t, cfg)
		if _, err := a.store.Setting(t.Context(), "seen"); chat.CodeOf(err) != want {
			t.Errorf("the setting: %v, want %q", err, want)
		}
		if _, err := a.store.RoomBySlug(t.Context(), "general"); err != nil {
			t.Errorf("the first room: %v", err)
		}
		err := a.store.Change(t.Context(), func(tx core.Tx) ([]chat.Event, error) { return nil, tx.PutSetting(t.Context(), "seen", []byte(`1`)) })
		if err != nil {
			t.Error(err)
		}
		if err := a.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
