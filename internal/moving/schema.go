package moving

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// kind is what a column holds, whatever the engine calls it.
type kind byte

const (
	integer kind = 'i'
	boolean kind = 'b'
	text    kind = 't'
	raw     kind = 'x'
)

// kinds are the types of columns that are moved. A new one must be taught to encode, too.
var kinds = map[string]kind{
	"bigint": integer, "integer": integer, "boolean": boolean, "text": text, "bytea": raw, "blob": raw,
}

// table is one table of one side.
type table struct {
	name    string
	columns map[string]kind
	key     []string // of the primary key, in its order
	numbers string   // the column that the engine numbers, "" for none
	needs   []string // tables that its rows refer to
}

// pair is a table as it is on both sides.
type pair struct {
	name    string
	columns []string // in order of name
	kinds   []kind
	key     []int // places in columns
	numbers string
}

// own says of tables that are not moved why: each side has its own, or makes it from what is moved. Those behind SQLite's
// search index are known as such by the engine.
var own = map[string]string{
	"goose_db_version": "the migrations that ran on this side",
	"search":           "made from the messages",
	"search_state":     "made with the search index",
	"commit_marks":     "of connections, which do not move",
	"message_ids":      "a table here, a sequence there: moved with the numbers",
	movingTable:        "of the move itself",
}

// seeded are the tables that a new schema has rows in. They are the source's after a move.
var seeded = []string{"roles"}

// merged are tables that PostgreSQL keeps in more rows than SQLite, so that writers do not wait for each other: what is read of
// them there, and what is written.
var merged = map[string]struct {
	read  string // instead of the table's name
	extra string // a column that only PostgreSQL has, part of the key
	value int64  // of it, in what is written
}{
	"days": {read: `(SELECT day, CAST(SUM(messages) AS BIGINT) AS messages FROM days GROUP BY day) AS days`, extra: "slot"},
}

// plan compares the schemas of two sides and returns what is to be moved, each table after those that it refers to. It fails
// when something is on one side only: then this program does not know how to move it.
func plan(from, to *side) ([]pair, error) {
	lite, post := from, to
	if from.postgres {
		lite, post = to, from
	}
	var faults []string
	for _, s := range [][2]*side{{lite, post}, {post, lite}} {
		for _, name := range slices.Sorted(maps.Keys(s[0].tables)) {
			if _, ok := s[1].tables[name]; !ok && own[name] == "" {
				faults = append(faults, fmt.Sprintf("table %s is in %s only", name, s[0].label))
			}
		}
	}
	var names []string
	for name := range post.tables {
		if _, both := lite.tables[name]; both && own[name] == "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	names, err := inOrder(names, post.tables)
	if err != nil {
		return nil, err
	}
	var pairs []pair
	for _, name := range names {
		p, wrong := match(lite.tables[name], post.tables[name])
		faults = append(faults, wrong...)
		pairs = append(pairs, p)
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("the schemas of the two sides do not match: %s", strings.Join(faults, "; "))
	}
	return pairs, nil
}

// match compares one table on both sides.
func match(lite, post table) (p pair, faults []string) {
	p = pair{name: lite.name, numbers: lite.numbers}
	extra := merged[lite.name].extra
	fault := func(format string, args ...any) { faults = append(faults, lite.name+": "+fmt.Sprintf(format, args...)) }
	for _, c := range slices.Sorted(maps.Keys(post.columns)) {
		other, ok := lite.columns[c]
		switch {
		case c == extra:
		case !ok:
			fault("column %s is in PostgreSQL only", c)
		case other == 0 || other != post.columns[c]:
			fault("column %s is of another type, or of one that is not known", c)
		default:
			p.columns, p.kinds = append(p.columns, c), append(p.kinds, other)
		}
	}
	for _, c := range slices.Sorted(maps.Keys(lite.columns)) {
		if _, ok := post.columns[c]; !ok {
			fault("column %s is in SQLite only", c)
		}
	}
	postKey := slices.DeleteFunc(slices.Clone(post.key), func(c string) bool { return c == extra })
	if len(lite.key) == 0 || !slices.Equal(lite.key, postKey) {
		fault("the primary keys are (%s) and (%s)", strings.Join(lite.key, ", "), strings.Join(postKey, ", "))
	}
	if lite.numbers != post.numbers {
		fault("SQLite numbers %q, PostgreSQL %q", lite.numbers, post.numbers)
	}
	for _, c := range lite.key {
		p.key = append(p.key, slices.Index(p.columns, c))
	}
	return p, faults
}

// inOrder sorts tables so that each comes after those that it refers to.
func inOrder(names []string, tables map[string]table) ([]string, error) {
	var sorted []string
	state := map[string]int{} // 1: being looked at, 2: in sorted
	var visit func(name string) error
	visit = func(name string) error {
		switch {
		case state[name] == 2 || !slices.Contains(names, name):
			return nil
		case state[name] == 1:
			return fmt.Errorf("the tables around %s refer to each other in a circle", name)
		}
		state[name] = 1
		for _, other := range tables[name].needs {
			if other == name {
				continue
			}
			if err := visit(other); err != nil {
				return err
			}
		}
		state[name] = 2
		sorted = append(sorted, name)
		return nil
	}
	for _, name := range names {
		if err := visit(name); err != nil {
			return nil, err
		}
	}
	return sorted, nil
}

// readTables reads the schema of a side.
func (s *side) readTables(ctx context.Context) error {
	s.tables = map[string]table{}
	query := sqliteColumns
	if s.postgres {
		query = postgresColumns
	}
	err := s.each(ctx, func(scan func(...any) error) error {
		var name, column, typ string
		var key int
		var numbered bool
		if err := scan(&name, &column, &typ, &key, &numbered); err != nil {
			return err
		}
		t, ok := s.tables[name]
		if !ok {
			t = table{name: name, columns: map[string]kind{}}
		}
		t.columns[column] = kinds[strings.ToLower(typ)]
		if key > 0 {
			for len(t.key) < key {
				t.key = append(t.key, "")
			}
			t.key[key-1] = column
		}
		if numbered {
			t.numbers = column
		}
		s.tables[name] = t
		return nil
	}, query)
	if err != nil || !s.postgres {
		return err
	}
	return s.each(ctx, func(scan func(...any) error) error {
		var name, other string
		if err := scan(&name, &other); err != nil {
			return err
		}
		t := s.tables[name]
		t.needs = append(t.needs, other)
		s.tables[name] = t
		return nil
	}, postgresNeeds)
}

// What the catalogues say of every table: its columns, their types, their places in the primary key, and which the engine
// numbers. Partitions belong to their table, and shadow tables to the search index.
const (
	sqliteColumns = `SELECT l.name, c.name, c.type, c.pk, c.pk > 0 AND s.sql LIKE '%AUTOINCREMENT%'
		FROM pragma_table_list l JOIN pragma_table_xinfo(l.name) c JOIN sqlite_schema s ON s.name = l.name
		WHERE l.schema = 'main' AND l.type = 'table' AND l.name NOT LIKE 'sqlite@_%' ESCAPE '@' AND c.hidden = 0`
	postgresColumns = `SELECT t.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod),
			COALESCE(array_position(i.indkey::int2[], a.attnum), -1) + 1, a.attidentity <> ''
		FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace JOIN pg_attribute a ON a.attrelid = t.oid
			LEFT JOIN pg_index i ON i.indrelid = t.oid AND i.indisprimary
		WHERE n.nspname = current_schema() AND t.relkind IN ('r', 'p') AND NOT t.relispartition AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''`
	postgresNeeds = `SELECT t.relname::text, o.relname::text
		FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_class o ON o.oid = c.confrelid JOIN pg_namespace n ON n.oid = t.relnamespace
		WHERE c.contype = 'f' AND n.nspname = current_schema() AND NOT t.relispartition ORDER BY 1, 2`
)
