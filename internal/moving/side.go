package moving

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // the driver of files

	"parley/internal/store/sqlstore"
)

// movingTable is in a target until a move is complete. A store does not start on a database that has it.
const movingTable = sqlstore.UnfinishedTable

// side is one database, open over one connection.
type side struct {
	label    string
	postgres bool
	path     string // of an SQLite file
	db       *sql.DB
	conn     *sql.Conn
	tables   map[string]table
	inserts  map[string]*sql.Stmt // SQLite's
	replaced int64                // texts that PostgreSQL could not keep, among what was compared
}

// openSide opens a database. What is only read stays as it was when it was opened.
func openSide(ctx context.Context, d Database, reading bool) (s *side, err error) {
	s = &side{label: d.Engine(), postgres: d.URL != "", path: d.Path, inserts: map[string]*sql.Stmt{}}
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s: %w", s.label, errors.Join(err, s.close()))
		}
	}()
	begin := "BEGIN"
	if s.postgres {
		c, err := pgx.ParseConfig(d.URL)
		if err != nil {
			return s, errors.New("the address of the database cannot be read") // the driver's error may show the password
		}
		for name, value := range map[string]string{
			"application_name": "chat move", "timezone": "UTC", "statement_timeout": "0", "lock_timeout": "0",
			"idle_in_transaction_session_timeout": "0", "synchronous_commit": "off", // the last commit waits for the disk, and so for all before
		} {
			c.RuntimeParams[name] = value
		}
		s.db = stdlib.OpenDB(*c)
		begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
	} else {
		pragmas := url.Values{"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(NORMAL)", "cache_size(-32768)", "temp_store(MEMORY)", "foreign_keys(0)"}}
		if reading {
			pragmas.Add("_pragma", "query_only(1)")
		}
		if s.db, err = sql.Open("sqlite", "file:"+(&url.URL{Path: d.Path}).EscapedPath()+"?"+pragmas.Encode()); err != nil {
			return s, err
		}
	}
	if s.conn, err = s.db.Conn(ctx); err != nil {
		return s, err
	}
	if reading {
		if err = s.exec(ctx, begin); err != nil {
			return s, err
		}
	}
	return s, s.readTables(ctx)
}

func (s *side) close() error {
	var errs []error
	for _, st := range s.inserts {
		errs = append(errs, st.Close())
	}
	if s.conn != nil {
		errs = append(errs, s.conn.Close())
		s.conn = nil
	}
	if s.db != nil {
		errs = append(errs, s.db.Close())
		s.db = nil
	}
	return errors.Join(errs...)
}

func (s *side) exec(ctx context.Context, statement string, args ...any) error {
	_, err := s.conn.ExecContext(ctx, statement, args...)
	return err
}

// each calls fn for every row of a query, one after the other as they come.
func (s *side) each(ctx context.Context, fn func(scan func(...any) error) error, query string, args ...any) error {
	rows, err := s.conn.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// number runs a query for one number.
func (s *side) number(ctx context.Context, query string, args ...any) (n int64, err error) {
	err = s.conn.QueryRowContext(ctx, query, args...).Scan(&n)
	return n, err
}

// source is where a table is read.
func (s *side) source(table string) string {
	if m, ok := merged[table]; ok && s.postgres {
		return m.read
	}
	return quoted(table)
}

func (s *side) count(ctx context.Context, table string) (int64, error) {
	return s.number(ctx, "SELECT COUNT(*) FROM "+s.source(table))
}

func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func quotedAll(names []string) string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = quoted(name)
	}
	return strings.Join(list, ", ")
}

// within runs fn in a transaction.
func (s *side) within(ctx context.Context, fn func() error) error {
	if err := s.exec(ctx, "BEGIN"); err != nil {
		return err
	}
	err := fn()
	if err == nil {
		return s.exec(ctx, "COMMIT")
	}
	return errors.Join(err, s.exec(context.WithoutCancel(ctx), "ROLLBACK"))
}

// insert stores rows of a table, inside a transaction.
func (s *side) insert(ctx context.Context, p pair, rows [][]any) error {
	if !s.postgres {
		st := s.inserts[p.name]
		if st == nil {
			places := make([]string, len(p.columns))
			for i := range places {
				places[i] = fmt.Sprintf("$%d", i+1)
			}
			var err error
			if st, err = s.conn.PrepareContext(ctx, "INSERT INTO "+quoted(p.name)+" ("+quotedAll(p.columns)+") VALUES ("+strings.Join(places, ", ")+")"); err != nil {
				return err
			}
			s.inserts[p.name] = st
		}
		for _, row := range rows {
			if _, err := st.ExecContext(ctx, row...); err != nil {
				return err
			}
		}
		return nil
	}
	columns := p.columns
	if m, ok := merged[p.name]; ok {
		columns = append([]string{m.extra}, columns...)
		for i, row := range rows {
			rows[i] = append([]any{m.value}, row...)
		}
	}
	return s.conn.Raw(func(driver any) error {
		_, err := driver.(*stdlib.Conn).Conn().CopyFrom(ctx, pgx.Identifier{p.name}, columns, pgx.CopyFromRows(rows))
		return err
	})
}

// unfinished reads the notes of a move that is not complete; nil when there is none.
func (s *side) unfinished(ctx context.Context) (notes map[string]string, err error) {
	if _, ok := s.tables[movingTable]; !ok {
		return nil, nil
	}
	notes = map[string]string{}
	return notes, s.each(ctx, func(scan func(...any) error) error {
		var name, value string
		err := scan(&name, &value)
		notes[name] = value
		return err
	}, "SELECT name, value FROM "+movingTable)
}

func (s *side) note(ctx context.Context, name string, value any) error {
	encoded, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return s.exec(ctx, "INSERT INTO "+movingTable+" (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, string(encoded))
}

// empty removes everything that is moved, and what is made from it, inside a transaction.
func (s *side) empty(ctx context.Context, pairs []pair) error {
	if s.postgres {
		names := []string{"search"}
		for _, p := range pairs {
			names = append(names, p.name)
		}
		return s.exec(ctx, "TRUNCATE "+quotedAll(names))
	}
	for _, p := range pairs {
		if err := s.exec(ctx, "DELETE FROM "+quoted(p.name)); err != nil {
			return err
		}
	}
	for _, statement := range []string{"INSERT INTO search (search) VALUES ('delete-all')", "UPDATE search_state SET last_id = 0, purge = 0"} {
		if err := s.exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// finish makes the target a database like any other, on the disk.
func (s *side) finish(ctx context.Context) error {
	if s.postgres {
		if err := s.exec(ctx, "ANALYZE"); err != nil { // the first queries need to know what there is
			return err
		}
		if err := s.exec(ctx, "SET synchronous_commit = on"); err != nil {
			return err
		}
		return s.exec(ctx, "DROP TABLE "+movingTable)
	}
	err := s.each(ctx, func(func(...any) error) error {
		return errors.New("a row refers to one that is not there (PRAGMA foreign_key_check)")
	}, "PRAGMA foreign_key_check")
	if err != nil {
		return err
	}
	for _, statement := range []string{"PRAGMA synchronous = FULL", "PRAGMA wal_checkpoint(TRUNCATE)", "DROP TABLE " + movingTable, "PRAGMA wal_checkpoint(TRUNCATE)"} {
		if err := s.exec(ctx, statement); err != nil {
			return err
		}
	}
	dir, err := os.Open(filepath.Dir(s.path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// given is the last number that a table gave out, so that none is given twice.
func (s *side) given(ctx context.Context, p pair) (last int64, err error) {
	name, column := p.name, p.numbers
	if name == "messages" {
		column = "id"
	}
	if last, err = s.number(ctx, "SELECT COALESCE(MAX("+quoted(column)+"), 0) FROM "+quoted(name)); err != nil {
		return 0, err
	}
	var noted int64
	switch {
	case s.postgres:
		var called bool
		err = s.conn.QueryRowContext(ctx, "SELECT last_value, is_called FROM "+s.sequence(ctx, p)).Scan(&noted, &called)
		if !called {
			noted--
		}
	case name == "messages":
		noted, err = s.number(ctx, "SELECT last FROM message_ids")
	default:
		noted, err = s.number(ctx, "SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = $1", name)
	}
	return max(last, noted), err
}

// give makes the next number of a table the one after last.
func (s *side) give(ctx context.Context, p pair, last int64) error {
	switch {
	case s.postgres:
		return s.exec(ctx, "SELECT setval(CAST($1 AS TEXT)::regclass, $2, $3)", s.sequence(ctx, p), max(last, 1), last > 0)
	case p.name == "messages":
		return s.exec(ctx, "UPDATE message_ids SET last = $1", last)
	}
	if err := s.exec(ctx, "DELETE FROM sqlite_sequence WHERE name = $1", p.name); err != nil {
		return err
	}
	return s.exec(ctx, "INSERT INTO sqlite_sequence (name, seq) VALUES ($1, $2)", p.name, last)
}

// sequence is what numbers a table in PostgreSQL; "" when that cannot be found, which the next statement fails with.
func (s *side) sequence(ctx context.Context, p pair) (name string) {
	if p.name == "messages" {
		return "message_ids"
	}
	_ = s.conn.QueryRowContext(ctx, "SELECT pg_get_serial_sequence(quote_ident($1), $2)", p.name, p.numbers).Scan(&name)
	return name
}
