package moving

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// progress is what the target notes of a table, in the transaction of each batch.
type progress struct {
	Rows int64    `json:"rows"`
	Last []string `json:"last,omitempty"` // key of the last row
	Done bool     `json:"done,omitempty"`
}

// origin is what the target notes of the move. It is of the same database as long as it says the same.
type origin struct {
	Source string `json:"source"`
	Schema int64  `json:"schema"`
}

const originNote = "origin"

// begin makes the target ready: an unfinished move of this source is gone on with, anything else that is there is left alone.
func (m *move) begin(ctx context.Context) error {
	source, err := m.identity(ctx)
	if err != nil {
		return err
	}
	notes, err := m.to.unfinished(ctx)
	if err != nil {
		return err
	}
	if notes != nil && !m.o.Restart {
		var was origin
		if err := json.Unmarshal([]byte(notes[originNote]), &was); err != nil || was != (origin{source, m.schema}) {
			return fmt.Errorf("%w, or was begun by another version of this program: begin again with --restart, which empties it", ErrOther)
		}
		m.resumed = true
		return nil
	}
	if notes == nil {
		if err := m.mustBeEmpty(ctx); err != nil {
			return err
		}
	}
	return m.to.within(ctx, func() error {
		// The table comes first: a store that starts after this sees that the database is not complete.
		for _, statement := range []string{"DROP TABLE IF EXISTS " + movingTable, "CREATE TABLE " + movingTable + " (name TEXT PRIMARY KEY, value TEXT NOT NULL)"} {
			if err := m.to.exec(ctx, statement); err != nil {
				return err
			}
		}
		if err := m.to.empty(ctx, m.pairs); err != nil {
			return err
		}
		return m.to.note(ctx, originNote, origin{source, m.schema})
	})
}

// identity tells a database from others: by when it was made and by its first user and room.
func (m *move) identity(ctx context.Context) (string, error) {
	var parts []string
	for _, query := range []string{
		"SELECT CAST(tstamp AS TEXT) FROM goose_db_version ORDER BY id LIMIT 1",
		"SELECT id FROM users ORDER BY number LIMIT 1",
		"SELECT CAST(created_at AS TEXT) FROM rooms ORDER BY id LIMIT 1",
	} {
		err := m.from.each(ctx, func(scan func(...any) error) error {
			var v string
			err := scan(&v)
			parts = append(parts, v)
			return err
		}, query)
		if err != nil {
			return "", err
		}
	}
	return m.from.label + " " + strings.Join(parts, " "), nil
}

// mustBeEmpty fails with ErrNotEmpty when somebody has used the target.
func (m *move) mustBeEmpty(ctx context.Context) error {
	var found []string
	for _, p := range m.pairs {
		if slices.Contains(seeded, p.name) {
			continue
		}
		n, err := m.to.count(ctx, p.name)
		if err != nil {
			return err
		}
		if n > 0 {
			found = append(found, fmt.Sprintf("%d %s", n, p.name))
		}
	}
	if len(found) == 0 {
		return nil
	}
	if len(found) > 4 {
		found = append(found[:4], "…")
	}
	what := "give it an empty database, or an empty schema by search_path in the address"
	if !m.to.postgres {
		what = "put the file " + m.to.path + " aside (with -wal and -shm), or name another with sqlite:FILE"
	}
	return fmt.Errorf("%w: the %s database has %s: %s", ErrNotEmpty, m.to.label, strings.Join(found, ", "), what)
}

// copy moves the rows of every table, then the numbers that were given out.
func (m *move) copy(ctx context.Context) error {
	notes, err := m.to.unfinished(ctx)
	if err != nil {
		return err
	}
	for _, p := range m.pairs {
		var at progress
		if note := notes["table "+p.name]; note != "" {
			if err := json.Unmarshal([]byte(note), &at); err != nil {
				return fmt.Errorf("the notes of the move cannot be read: %w", err)
			}
		}
		if err := m.copyTable(ctx, p, at); err != nil {
			return fmt.Errorf("table %s: %w", p.name, err)
		}
	}
	for _, p := range m.numbered() {
		last, err := m.from.given(ctx, p)
		if err == nil {
			err = m.to.within(ctx, func() error { return m.to.give(ctx, p, last) })
		}
		if err != nil {
			return fmt.Errorf("numbers of %s: %w", p.name, err)
		}
	}
	return nil
}

// numbered are the tables whose rows get a number that is never given again.
func (m *move) numbered() (list []pair) {
	for _, p := range m.pairs {
		if p.numbers != "" || p.name == "messages" {
			list = append(list, p)
		}
	}
	return list
}

func (m *move) copyTable(ctx context.Context, p pair, at progress) error {
	total, err := m.from.count(ctx, p.name)
	if err != nil {
		return err
	}
	step := Step{Doing: Copying, Table: p.name, Rows: at.Rows, Of: total, Begun: true}
	m.tell(step)
	step.Begun = false
	var after []any
	if len(at.Last) > 0 {
		if after, err = decodeKey(at.Last); err != nil {
			return fmt.Errorf("the notes of the move cannot be read: %w", err)
		}
	}
	if !at.Done {
		batch := max(m.o.Batch, 0)
		if batch == 0 {
			batch = defaultBatch
		}
		var rows [][]any
		var last []any
		bytes := 0
		flush := func(done bool) error {
			at.Rows, at.Done = at.Rows+int64(len(rows)), done
			if last != nil {
				var err error
				if at.Last, err = encodeKey(last); err != nil {
					return err
				}
			}
			err := m.to.within(ctx, func() error {
				if len(rows) > 0 {
					if err := m.to.insert(ctx, p, rows); err != nil {
						return err
					}
				}
				return m.to.note(ctx, "table "+p.name, at)
			})
			clear(rows)
			rows, bytes = rows[:0], 0
			step.Rows = at.Rows
			if err == nil && !done {
				m.tell(step)
			}
			return err
		}
		err := m.from.read(ctx, p, after, func(key, row []any) error {
			rows, last = append(rows, row), key
			if bytes += size(row); len(rows) < batch && bytes < batchBytes {
				return nil
			}
			return flush(false)
		})
		if err == nil {
			err = flush(true)
		}
		if err != nil {
			return err
		}
	}
	step.Rows, step.Ended = at.Rows, true
	m.tell(step)
	return nil
}

// compare counts and sums every table on both sides.
func (m *move) compare(ctx context.Context, res *Result) error {
	m.from.replaced = 0
	for _, p := range m.pairs {
		total, err := m.from.count(ctx, p.name)
		if err != nil {
			return err
		}
		m.tell(Step{Doing: Comparing, Table: p.name, Of: total, Begun: true})
		c := Compared{Table: p.name}
		var wg sync.WaitGroup
		var errs [2]error
		wg.Go(func() {
			var s sum
			c.FromRows, s, errs[0] = m.from.weigh(ctx, p, func(n int64) { m.tell(Step{Doing: Comparing, Table: p.name, Rows: n, Of: total}) })
			c.FromSum = s.String()
		})
		wg.Go(func() {
			var s sum
			c.ToRows, s, errs[1] = m.to.weigh(ctx, p, func(int64) {})
			c.ToSum = s.String()
		})
		wg.Wait()
		if err := errors.Join(errs[:]...); err != nil {
			return err
		}
		m.tell(Step{Doing: Comparing, Table: p.name, Rows: c.FromRows, Of: total, Ended: true})
		res.Tables = append(res.Tables, c)
		res.Different = res.Different || !c.Same()
	}
	for _, p := range m.numbered() {
		from, err := m.from.given(ctx, p)
		if err != nil {
			return err
		}
		to, err := m.to.given(ctx, p)
		if err != nil {
			return err
		}
		res.Numbers = append(res.Numbers, Numbered{p.name, from, to})
		res.Different = res.Different || from != to
	}
	return nil
}
