package sqlstore_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/internal/core"
	"parley/internal/pgtest"
	"parley/internal/store/sqlstore"
	"parley/internal/store/storetest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// openPostgres makes a store in a schema of the test's own.
func openPostgres(t *testing.T) core.Store {
	return sqlstore.New(sqlstore.Options{
		URL:         pgtest.URL(t),
		Synchronous: "off",
		Clock:       func() time.Time { return storetest.Start },
		Logger:      slog.New(slog.DiscardHandler),
	})
}

func TestPostgres(t *testing.T) { storetest.Run(t, openPostgres) }

// query runs a query as another program would.
func query(address, query string) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, query)
	return errors.Join(err, conn.Close(ctx))
}
