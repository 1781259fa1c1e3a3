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
)

// flavour holds the few places where the two engines differ, side by side. Everything else is one SQL text for both.
type flavour struct {
	name       string
	migrations fs.FS
	dialect    goose.Dialect

	// open returns the pool of readers and the pool that the one writer's connection comes from.
	open func(o Options) (readers, writer *sql.DB, err error)
	// begin is the statement that starts a writing transaction.
	begin string
	// lockHeads ends the query that reads the rooms of a batch, so that no other node writes to them meanwhile.
	lockHeads string
	// indexed says that the search index is a table of its own that follows the messages.
	indexed bool
	// unique reports whether err says that a row with this key is there already.
	unique func(err error) bool
	// away reports whether err says that the engine cannot work now, through no fault of the statement.
	away func(err error) bool
	// snapshot copies the database into a new file.
	snapshot func(ctx context.Context, o Options, path string) error
}

//go:embed sqlite/*.sql
var sqliteMigrations embed.FS

// sqliteFlavour is SQLite in WAL mode: many readers beside one writer.
var sqliteFlavour = &flavour{
	name:       "sqlite",
	migrations: sub(sqliteMigrations, "sqlite"),
	dialect:    goose.DialectSQLite3,
	open:       openSQLite,
	begin:      "BEGIN IMMEDIATE",
	indexed:    true,
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
	snapshot: snapshotSQLite,
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
