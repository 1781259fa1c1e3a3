package sqlstore

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"parley/internal/chat"
)

// reader implements core.Reader over the pool of readers or, inside a transaction, over the writer's connection.
type reader struct {
	s *Store
	x execer
}

// execer runs statements. Statements are prepared once per connection, so the text of a query must not carry values, and
// lists must be written with in.
type execer interface {
	exec(ctx context.Context, query string, args ...any) (affected int64, err error)
	query(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	fault(err error) error // what an error while reading rows is to the caller
}

// scanner is a row to read.
type scanner interface{ Scan(dest ...any) error }

// one reads the only row of a query. Without a row it fails with missing.
func one[T any](ctx context.Context, x execer, missing *chat.Error, scan func(scanner) (T, error), query string, args ...any) (T, error) {
	var zero T
	rows, err := x.query(ctx, query, args...)
	if err != nil {
		return zero, err
	}
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return zero, x.fault(err)
		}
		return zero, missing
	}
	v, err := scan(rows)
	if err != nil {
		return zero, err
	}
	return v, x.fault(rows.Close())
}

// all reads every row of a query; nil when there is none.
func all[T any](ctx context.Context, x execer, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	var list []T
	err := each(ctx, x, func(row scanner) error {
		v, err := scan(row)
		list = append(list, v)
		return err
	}, query, args...)
	if err != nil {
		return nil, err
	}
	return list, nil
}

// each hands every row of a query to fn, which must not run another query on the same transaction.
func each(ctx context.Context, x execer, fn func(scanner) error, query string, args ...any) error {
	rows, err := x.query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return err
		}
	}
	return x.fault(rows.Err())
}

// scalar reads one value, for one and all: a count, an id, a text.
func scalar[T any](row scanner) (v T, err error) {
	err = row.Scan(&v)
	return v, err
}

// exists reports whether a query has a row.
func exists(ctx context.Context, x execer, query string, args ...any) (bool, error) {
	rows, err := x.query(ctx, query, args...)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	found := rows.Next()
	if err := rows.Err(); err != nil {
		return false, x.fault(err)
	}
	return found, x.fault(rows.Close()) // an engine may refuse a statement after its first row
}

// must turns "no row was changed" into missing.
func must(affected int64, err error, missing *chat.Error) error {
	if err == nil && affected == 0 {
		return missing
	}
	return err
}

// conflict turns a unique violation into the refusal and leaves every other error as it is.
func (r reader) conflict(err error, refusal *chat.Error) error {
	if err != nil && r.s.fl.unique(err) {
		return refusal
	}
	return err
}

// fault is what leaves the package for an error of the engine: chat.Unavailable when the engine is away, else the error.
func (s *Store) fault(err error) error {
	if err == nil || errors.Is(err, errStopped) {
		return err
	}
	var known *chat.Error
	if errors.As(err, &known) {
		return err
	}
	if s.fl.away(err) || errors.Is(err, sql.ErrConnDone) {
		return &chat.Error{Kind: chat.Unavailable, Code: "unavailable", Text: "The database is not available. Try again in a moment.", Cause: err}
	}
	return err
}

// millis and fromMillis are how times are kept; the zero time is 0.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// micros and fromMicros are how times of messages are kept; the zero time is 0.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// asMillis and asMicros scan a kept time into *t.
func asMillis(t *time.Time) sql.Scanner { return &timeScan{t, fromMillis} }
func asMicros(t *time.Time) sql.Scanner { return &timeScan{t, fromMicros} }

type timeScan struct {
	t    *time.Time
	from func(int64) time.Time
}

// Scan implements sql.Scanner.
func (s *timeScan) Scan(v any) error {
	n, ok := v.(int64)
	if !ok && v != nil {
		return errors.New("a time is not kept as an integer")
	}
	*s.t = s.from(n)
	return nil
}

// asSpan scans kept milliseconds into *d.
func asSpan(d *time.Duration) sql.Scanner {
	return scanFunc[int64](func(ms int64) { *d = time.Duration(ms) * time.Millisecond })
}

// asJSON scans a text into raw JSON; the empty text is nil.
func asJSON(raw *json.RawMessage) sql.Scanner { return (*jsonScan)(raw) }

type jsonScan json.RawMessage

// Scan implements sql.Scanner.
func (s *jsonScan) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*s = nil
	case string:
		*s = nil
		if v != "" {
			*s = jsonScan(v)
		}
	case []byte:
		*s = nil
		if len(v) > 0 {
			*s = append(jsonScan(nil), v...)
		}
	default:
		return errors.New("JSON is not kept as a text")
	}
	return nil
}

// null is the value of a column that is NULL instead of empty.
func null(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// joinIDs and splitIDs keep a short list of ids in one column, separated by spaces.
func joinIDs[T ~string](ids []T) string {
	switch len(ids) {
	case 0:
		return ""
	case 1:
		return string(ids[0])
	}
	var b strings.Builder
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(string(id))
	}
	return b.String()
}

func splitIDs[T ~string](s string) []T {
	if s == "" {
		return nil
	}
	fields := strings.Split(s, " ")
	ids := make([]T, len(fields))
	for i, f := range fields {
		ids[i] = T(f)
	}
	return ids
}

// maxList is how many values one list in a query may have; split longer ones with slices.Chunk.
const maxList = 512

// in appends values to args and returns the list to write after IN. The number of places is rounded up by repeating the last
// value, so that lists of all lengths make only ten statements to prepare. An empty list matches nothing.
//
//	list, args := in([]any{room}, ids)
//	query := "SELECT … WHERE room_id = $1 AND id IN " + list
func in[T any](args []any, values []T) (list string, out []any) {
	if len(values) == 0 {
		return "(NULL)", args
	}
	n := 1
	for n < len(values) {
		n *= 2
	}
	var b strings.Builder
	b.WriteByte('(')
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		args = append(args, values[min(i, len(values)-1)])
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(len(args)))
	}
	b.WriteByte(')')
	return b.String(), args
}

// makeCursor packs the key of a page's last row. Clients see it as opaque.
func makeCursor(key ...string) string {
	raw, _ := json.Marshal(key) // strings cannot fail
	return base64.RawURLEncoding.EncodeToString(raw)
}

// parseCursor unpacks what makeCursor made of n parts: nil for the empty cursor, Invalid cursor_invalid for anything else.
func parseCursor(cursor string, n int) ([]string, error) {
	if cursor == "" {
		return nil, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	var key []string
	if err == nil {
		err = json.Unmarshal(raw, &key)
	}
	if err != nil || len(key) != n {
		return nil, errCursorInvalid
	}
	return key, nil
}

// parseIDCursor unpacks the cursor of a list that is ordered by one number; absent is the answer for the empty cursor.
func parseIDCursor(cursor string, absent int64) (int64, error) {
	key, err := parseCursor(cursor, 1)
	if err != nil || key == nil {
		return absent, err
	}
	n, err := strconv.ParseInt(key[0], 10, 64)
	if err != nil {
		return 0, errCursorInvalid
	}
	return n, nil
}

var errCursorInvalid = chat.InvalidField("cursor", "cursor_invalid", "The cursor is not one that this list gave out.")

// page cuts a list that was read with one row more than asked for, and returns the cursor to go on with.
func page[T any](list []T, limit int, key func(T) string) ([]T, string) {
	if len(list) <= limit {
		return list, ""
	}
	list = list[:limit]
	return list, key(list[limit-1])
}

// idKey makes the cursor of a list that is ordered by one number.
func idKey(id int64) string { return makeCursor(strconv.FormatInt(id, 10)) }

// like escapes a text for LIKE … ESCAPE '\' and looks for it at the beginning.
func like(prefix string) string { return likeEscaper.Replace(prefix) + "%" }

var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// maxStatements bounds the prepared statements that a connection keeps; queries with many optional parts go past it unprepared.
const maxStatements = 512

// pool runs statements on the readers.
type pool struct {
	s     *Store
	mu    sync.RWMutex
	db    *sql.DB
	stmts map[string]*sql.Stmt
}

// set gives the pool its database, or takes it away.
func (p *pool) set(db *sql.DB) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, st := range p.stmts {
		_ = st.Close() // the database is closed with them
	}
	p.db, p.stmts = db, make(map[string]*sql.Stmt)
}

func (p *pool) stmt(ctx context.Context, query string) (*sql.DB, *sql.Stmt, error) {
	p.mu.RLock()
	db, st, full := p.db, p.stmts[query], len(p.stmts) >= maxStatements
	p.mu.RUnlock()
	if db == nil {
		return nil, nil, errStopped
	}
	if st != nil || full {
		return db, st, nil
	}
	st, err := db.PrepareContext(ctx, query)
	if err != nil {
		return nil, nil, p.fault(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if other := p.stmts[query]; other != nil || p.db != db {
		return db, other, st.Close()
	}
	p.stmts[query] = st
	return db, st, nil
}

func (p *pool) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if p.s.fl.remote {
		return p.queryRemote(ctx, query, args)
	}
	db, st, err := p.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	var rows *sql.Rows
	if st == nil {
		rows, err = db.QueryContext(ctx, query, args...)
	} else {
		rows, err = st.QueryContext(ctx, args...)
	}
	return rows, p.fault(err)
}

// fault implements execer.
func (p *pool) fault(err error) error { return p.s.fault(err) }

func (p *pool) exec(context.Context, string, ...any) (int64, error) {
	return 0, errors.New("a write outside a transaction")
}
