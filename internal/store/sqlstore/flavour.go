package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"parley/internal/chat"
)

// flavour holds the places where the two engines differ, side by side. Everything else is one SQL text for both.
type flavour struct {
	name       string
	migrations fs.FS
	dialect    goose.Dialect

	// open returns the pool of readers and the pool that the writers' connections come from.
	open func(o Options) (readers, writer *sql.DB, err error)
	// alone runs fn while no other process migrates this database.
	alone func(ctx context.Context, db *sql.DB, fn func() error) error
	// remote says that the engine is a server which other nodes use too, over connections that can be lost: see remote.go.
	remote bool
	// appenders and changers are how many writers there are: of messages, and of everything else; 0 changers: one does both.
	appenders, changers int
	// beginAppend and beginChange are the statements that start a writing transaction.
	beginAppend, beginChange string
	// lockHeads and lockRows end a query whose rows nobody else may write meanwhile: the heads of rooms, and others.
	lockHeads, lockRows string
	// indexed says that the search index is a table of its own that follows the messages.
	indexed bool
	// searchHits and searchCount are the queries of Search, matcher what writes their condition; searchCountWithin counts within
	// a time.
	searchHits, searchCount, searchCountWithin string
	matcher                                    func(rooms []chat.RoomID, q chat.SearchQuery) string
	// unique reports whether err says that a row with this key is there already.
	unique func(err error) bool
	// away reports whether err says that the engine cannot work now, through no fault of the statement.
	away func(err error) bool
	// again reports whether err says that the transaction got in the way of another one and should be run again.
	again func(err error) bool
	// unfinished is the query whether there is a table of a name.
	unfinished string
	// snapshot copies the database into a new file.
	snapshot func(ctx context.Context, o Options, path string) error
}

var (
	//go:embed sqlite/*.sql
	sqliteMigrations embed.FS
	//go:embed postgres/*.sql
	postgresMigrations embed.FS
)

// sqliteFlavour is SQLite in WAL mode: many readers beside one writer.
var sqliteFlavour = &flavour{
	name:        "sqlite",
	migrations:  sub(sqliteMigrations, "sqlite"),
	dialect:     goose.DialectSQLite3,
	open:        openSQLite,
	alone:       func(_ context.Context, _ *sql.DB, fn func() error) error { return fn() }, // the data directory is locked
	appenders:   1,
	beginAppend: "BEGIN IMMEDIATE",
	indexed:     true,
	searchHits: `SELECT ` + messageColumns + ` FROM search s JOIN messages m ON m.id = s.rowid
		WHERE s.search MATCH $1 AND s.rowid < $2 AND m.created_at > $3 AND m.created_at < $4
			AND EXISTS (SELECT 1 FROM members x WHERE x.room_id = m.room_id AND x.user_id = $5)
		ORDER BY s.rowid DESC LIMIT $6`,
	searchCount: `SELECT COUNT(*) FROM (SELECT s.rowid FROM search s WHERE s.search MATCH $1 LIMIT $2) AS found`,
	searchCountWithin: `SELECT COUNT(*) FROM (SELECT s.rowid FROM search s JOIN messages m ON m.id = s.rowid
		WHERE s.search MATCH $1 AND m.created_at > $2 AND m.created_at < $3 LIMIT $4) AS found`,
	matcher: matchFTS5,
	unique: func(err error) bool {
		code := sqliteCode(err)
		return code == sqlite3.SQLITE_CONSTRAINT_UNIQUE || code == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY || code == sqlite3.SQLITE_CONSTRAINT_ROWID
	},
	away: func(err error) bool {
		switch sqliteCode(err) & 0xff {
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM:
			return true
		}
		return false
	},
	again:      func(error) bool { return false },
	unfinished: `SELECT COUNT(*) > 0 FROM sqlite_schema WHERE type = 'table' AND name = $1`,
	snapshot:   snapshotSQLite,
}

// postgresFlavour is a PostgreSQL server: any number of nodes write at the same time, and the rows they lock order them.
//
// Messages are stored at READ COMMITTED under the locks of their rooms' heads. A Change may read and write anything, so it is
// SERIALIZABLE: rules that are written as if nobody else were there hold, and who gets in the way is run again.
var postgresFlavour = &flavour{
	name:        "postgres",
	migrations:  sub(postgresMigrations, "postgres"),
	dialect:     goose.DialectPostgres,
	open:        openPostgres,
	alone:       alonePostgres,
	remote:      true,
	appenders:   postgresAppenders,
	changers:    postgresChangers,
	beginAppend: "BEGIN ISOLATION LEVEL READ COMMITTED",
	beginChange: "BEGIN ISOLATION LEVEL SERIALIZABLE",
	lockHeads:   " FOR UPDATE OF h",
	lockRows:    " FOR UPDATE",
	searchHits: `SELECT ` + messageColumns + ` FROM search s JOIN messages m ON m.id = s.message_id
		WHERE s.words @@ CAST(CAST($1 AS TEXT) AS TSQUERY) AND s.message_id < $2 AND m.created_at > $3 AND m.created_at < $4
			AND EXISTS (SELECT 1 FROM members x WHERE x.room_id = m.room_id AND x.user_id = $5)
		ORDER BY s.message_id DESC LIMIT $6`,
	searchCount: `SELECT COUNT(*) FROM (SELECT s.message_id FROM search s WHERE s.words @@ CAST(CAST($1 AS TEXT) AS TSQUERY) LIMIT $2) AS found`,
	searchCountWithin: `SELECT COUNT(*) FROM (SELECT s.message_id FROM search s JOIN messages m ON m.id = s.message_id
		WHERE s.words @@ CAST(CAST($1 AS TEXT) AS TSQUERY) AND m.created_at > $2 AND m.created_at < $3 LIMIT $4) AS found`,
	matcher: matchTSQuery,
	unique:  func(err error) bool { return postgresCode(err) == pgerrcodeUniqueViolation },
	away:    postgresAway,
	again: func(err error) bool {
		code := postgresCode(err)
		return code == pgerrcodeSerialization || code == pgerrcodeDeadlock
	},
	unfinished: `SELECT to_regclass($1) IS NOT NULL`,
	snapshot:   func(context.Context, Options, string) error { return ErrNoSnapshot },
}

// sub returns a directory of an embedded file system; the directory is fixed at compile time.
func sub(fsys fs.FS, dir string) fs.FS {
	sub, err := fs.Sub(fsys, dir)
	if err != nil {
		panic(err)
	}
	return sub
}

// sqliteCode returns the extended result code of an SQLite error, 0 for every other error.
func sqliteCode(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return 0
}

// maxReaders bounds the connections that read at the same time. SQLite work is CPU work: more than a few only cost memory.
const maxReaders = 8

// readerIdle is how long a connection that nobody needs keeps its cache.
const readerIdle = 5 * time.Minute

func openSQLite(o Options) (readers, writer *sql.DB, err error) {
	if !slices.Contains([]string{"full", "normal", "off"}, o.Synchronous) { // SQLite would take any other word for normal
		return nil, nil, fmt.Errorf("synchronous is %q, not full, normal or off", o.Synchronous)
	}
	if writer, err = sqlitePool(o, 1, "cache_size(-32768)"); err != nil {
		return nil, nil, err
	}
	if readers, err = sqlitePool(o, maxReaders, "cache_size(-4096)", "query_only(1)"); err != nil {
		return nil, nil, errors.Join(err, writer.Close())
	}
	return readers, writer, nil
}

// sqlitePool makes a pool of connections, which are opened when they are needed.
func sqlitePool(o Options, size int, pragmas ...string) (*sql.DB, error) {
	connector, err := sqlite.NewConnector(sqliteDSN(o.Path, append([]string{
		"busy_timeout(10000)",
		"journal_mode(WAL)",
		"synchronous(" + strings.ToUpper(o.Synchronous) + ")",
		"foreign_keys(1)",
		"temp_store(MEMORY)",
		"mmap_size(268435456)",
		"secure_delete(ON)",            // what was deleted must not be left in the file's free space
		"journal_size_limit(67108864)", // give back the disk that one huge transaction took
		"wal_autocheckpoint(2000)",     // pages of 4 KiB: the log is folded back at 8 MB
	}, pragmas...)))
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	db.SetConnMaxIdleTime(readerIdle)
	return db, nil
}

// snapshotSQLite copies by a connection of its own: readers may not write any file, and the writer has other things to do.
func snapshotSQLite(ctx context.Context, o Options, path string) (err error) {
	db, err := sqlitePool(o, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err = db.ExecContext(ctx, "VACUUM INTO $1", path); err != nil {
		_ = os.Remove(path) // half a copy is none
	}
	return err
}

// sqliteDSN makes a file: URI, in which any path is possible.
func sqliteDSN(path string, pragmas []string) string {
	q := url.Values{"_pragma": pragmas}
	return fmt.Sprintf("file:%s?%s", (&url.URL{Path: path}).EscapedPath(), q.Encode())
}
