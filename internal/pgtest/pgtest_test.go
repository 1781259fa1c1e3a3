package pgtest_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"parley/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// answers runs a query of one text.
func answers(t *testing.T, url, query string) (string, error) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	var s string
	err = conn.QueryRow(ctx, query).Scan(&s)
	return s, err
}

func TestSchemasAreApart(t *testing.T) {
	a, b := pgtest.URL(t), pgtest.URL(t)
	inA, errA := answers(t, a, `SELECT current_schema()`)
	inB, errB := answers(t, b, `SELECT current_schema()`)
	if errA != nil || errB != nil || inA == inB {
		t.Errorf("the tests use the schemas %q and %q (%v, %v)", inA, inB, errA, errB)
	}
}

func TestClusterStopsAndStarts(t *testing.T) {
	c := pgtest.New(t, pgtest.Options{Fsync: true})
	url := c.Schema(t)
	if got, err := answers(t, url, `SHOW fsync`); err != nil || got != "on" {
		t.Errorf("fsync is %q, %v", got, err)
	}
	for _, end := range []func() error{c.Stop, c.Kill} {
		for range 2 {
			if err := end(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := answers(t, url, `SELECT 'up'`); err == nil {
			t.Error("a stopped server answers")
		}
		for range 2 {
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := answers(t, url, `SELECT 'up'`); err != nil {
			t.Errorf("after a start: %v", err)
		}
	}
}
