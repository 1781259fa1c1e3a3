package sqlstore

import (
	"context"
	"database/sql"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"

	"parley/internal/pgtest"
)

// bare runs statements as they are.
type bare struct{ db *sql.DB }

func (b bare) exec(ctx context.Context, query string, args ...any) (int64, error) {
	res, err := b.db.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (b bare) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return b.db.QueryContext(ctx, query, args...)
}

func (b bare) fault(err error) error { return err }

// PostgreSQL may give a row and then refuse the statement, above all in serializable transactions. Who does not hear of that
// goes on in a transaction that has ended.
func TestAStatementThatFailsAfterItsFirstRow(t *testing.T) {
	db, err := sql.Open("pgx", pgtest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	x := bare{db}
	const failing = `SELECT 1 / (2 - g) FROM generate_series(1, 2) AS g`
	if found, err := exists(t.Context(), x, failing); err == nil {
		t.Errorf("exists: %t without an error", found)
	}
	if v, err := one(t.Context(), x, nil, scalar[int], failing); err == nil {
		t.Errorf("one: %d without an error", v)
	}
	if v, err := all(t.Context(), x, scalar[int], failing); err == nil {
		t.Errorf("all: %v without an error", v)
	}
	if found, err := exists(t.Context(), x, `SELECT 1 WHERE false`); err != nil || found {
		t.Errorf("exists: %t, %v", found, err)
	}
}
