package sqlstore_test

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"parley/internal/core"
	"parley/internal/store/sqlstore"
	"parley/internal/store/storetest"
)

// openSQLite makes a store in a directory of the test's own.
func openSQLite(t *testing.T) core.Store {
	return sqlstore.New(sqlstore.Options{
		Path:        filepath.Join(t.TempDir(), "chat.db"),
		Synchronous: "off", // nobody pulls the plug during a test
		Clock:       func() time.Time { return storetest.Start },
		Logger:      slog.New(slog.DiscardHandler),
	})
}

func TestSQLite(t *testing.T) { storetest.Run(t, openSQLite) }

var _ core.Store = (*sqlstore.Store)(nil)
