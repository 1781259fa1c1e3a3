package sqlstore

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"parley/internal/chat"
)

// where collects the conditions of a statement, numbering its parameters in reading order.
type where struct {
	text strings.Builder
	args []any
}

// and adds a condition; every ? in it stands for one of the arguments.
func (w *where) and(cond string, args ...any) {
	if w.text.Len() == 0 {
		w.text.WriteString(" WHERE ")
	} else {
		w.text.WriteString(" AND ")
	}
	w.text.WriteString(w.bind(cond, args...))
}

// bind numbers the parameters of a piece of SQL that follows the conditions.
func (w *where) bind(sql string, args ...any) string {
	for _, arg := range args {
		w.args = append(w.args, arg)
		sql = strings.Replace(sql, "?", "$"+strconv.Itoa(len(w.args)), 1)
	}
	return sql
}

// String returns the WHERE clause, empty without conditions.
func (w *where) String() string { return w.text.String() }

// values collects the rows of one INSERT.
type values struct {
	text strings.Builder
	args []any
}

// row adds a row.
func (v *values) row(cells ...any) {
	if v.text.Len() > 0 {
		v.text.WriteString(", ")
	}
	for i, cell := range cells {
		v.text.WriteString([]string{"(", ", "}[min(i, 1)])
		v.args = append(v.args, cell)
		v.text.WriteString("$" + strconv.Itoa(len(v.args)))
	}
	v.text.WriteString(")")
}

// String returns what stands after VALUES.
func (v *values) String() string { return v.text.String() }

// allIn reads the rows of a query that ends in IN, for lists of any length; a value that comes twice counts once. args are the
// parameters before the list.
func allIn[T any, V ~string](ctx context.Context, x execer, scan func(scanner) (T, error), query string, list []V, args ...any) ([]T, error) {
	list = slices.Clone(list)
	slices.Sort(list)
	var found []T
	for chunk := range slices.Chunk(slices.Compact(list), maxList) {
		places, args := in(slices.Clip(args), chunk)
		rows, err := all(ctx, x, scan, query+places, args...)
		if err != nil {
			return nil, err
		}
		found = append(found, rows...)
	}
	return found, nil
}

// pageLimit keeps a page within 1–100 rows.
func pageLimit(p chat.Page) int { return min(max(p.Limit, 1), 100) }

// need fails with missing unless the query has a row. A foreign key would find a missing parent too, but without saying
// which, and with the whole transaction as its price on engines where a failed statement ends it.
func (r reader) need(ctx context.Context, missing *chat.Error, query string, args ...any) error {
	found, err := exists(ctx, r.x, query, args...)
	if err == nil && !found {
		return missing
	}
	return err
}

// needUser fails with user_not_found for someone who has no account.
func (r reader) needUser(ctx context.Context, id chat.UserID) error {
	return r.need(ctx, chat.ErrUserNotFound, `SELECT 1 FROM users WHERE id = $1`, id)
}

// needRoom fails with room_not_found for a room that is not there.
func (r reader) needRoom(ctx context.Context, id chat.RoomID) error {
	return r.need(ctx, chat.ErrRoomNotFound, `SELECT 1 FROM rooms WHERE id = $1`, id)
}

// scanFunc makes a column's own way of being read.
type scanFunc[T any] func(v T)

// Scan implements sql.Scanner.
func (f scanFunc[T]) Scan(v any) error {
	value, ok := v.(T)
	if !ok {
		return errors.New("a column is kept in another type than expected")
	}
	f(value)
	return nil
}
