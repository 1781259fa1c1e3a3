package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// ErrNoSnapshot is what Snapshot fails with on PostgreSQL, which has better tools of its own.
var ErrNoSnapshot = errors.New("a PostgreSQL database is not copied from here: back it up with pg_dump, or by the archive of its log, and keep a copy of the uploads and secrets")

// The conditions of PostgreSQL that are told apart (its manual, appendix A).
const (
	pgerrcodeUniqueViolation = "23505"
	pgerrcodeSerialization   = "40001"
	pgerrcodeDeadlock        = "40P01"
)

// postgresCode returns the SQLSTATE of an error, "" when it is none of the server's.
func postgresCode(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// postgresAway tells a server or a connection that is gone from a statement that is wrong.
func postgresAway(err error) bool {
	switch code := postgresCode(err); {
	case errors.Is(err, ErrSeized): // for as long as it is moved
		return true
	case code == "":
	case code == "25006", // read-only: this was the primary until a moment ago
		code == "25P03", code == "25P04", // it waited too long for us
		code == "55P03", code == "57014": // a lock or a statement took too long
		return true
	default:
		switch code[:2] {
		case "08", "53", "57", "58": // connection, resources, operator, system
			return true
		}
		return false
	}
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) || pgconn.Timeout(err) || pgconn.SafeToRetry(err) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, context.DeadlineExceeded) ||
		strings.Contains(err.Error(), "conn closed") || strings.Contains(err.Error(), "closed connection") // the driver has no value for it
}

// What a connection is told when it is opened, unless the address says otherwise. A node that hangs inside a transaction must
// not hold up the others.
var postgresSettings = map[string]string{
	"application_name":                    "chat",
	"timezone":                            "UTC",
	"statement_timeout":                   "15s",
	"lock_timeout":                        "10s",
	"idle_in_transaction_session_timeout": "15s",
	"random_page_cost":                    "1.1", // what is asked for is in memory or on flash: a page there costs what a page here costs
	"jit":                                 "off", // queries are small, and compiling one takes longer than running it
}

// How many connections write. Two that store messages overlap one's work with the other's wait for the disk; Changes of different
// rooms and people run beside each other.
const (
	postgresAppenders = 2
	postgresChangers  = 8
)

// connectTimeout bounds how long one attempt to connect takes.
const connectTimeout = 5 * time.Second

// openPostgres opens the pools; connections are made when they are needed. Statements are prepared and kept for each
// connection by the driver.
func openPostgres(o Options) (readers, writer *sql.DB, err error) {
	commit := map[string]string{"full": "on", "normal": "off", "off": "off"}[o.Synchronous]
	if commit == "" {
		return nil, nil, fmt.Errorf("synchronous is %q, not full, normal or off", o.Synchronous)
	}
	pool := func(size int, settings ...string) (*sql.DB, error) {
		c, err := pgx.ParseConfig(o.URL)
		if err != nil {
			return nil, errors.New("the address of the database cannot be read") // the driver's error may show the password
		}
		for name, value := range postgresSettings {
			c.RuntimeParams[name] = cmp.Or(c.RuntimeParams[name], value)
		}
		for i := 0; i < len(settings); i += 2 {
			c.RuntimeParams[settings[i]] = settings[i+1]
		}
		c.ConnectTimeout = cmp.Or(c.ConnectTimeout, connectTimeout)
		dialer := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3}}
		c.DialFunc = dialer.DialContext
		db := stdlib.OpenDB(*c)
		db.SetMaxOpenConns(size)
		db.SetMaxIdleConns(size)
		db.SetConnMaxIdleTime(readerIdle)
		return db, nil
	}
	// Reading less than a whole table, a transaction gets in the way of fewer others; the planner would read small ones whole.
	if writer, err = pool(postgresAppenders+postgresChangers+4, "synchronous_commit", commit, "enable_seqscan", "off"); err != nil {
		return nil, nil, err
	}
	if readers, err = pool(max(maxReaders, 4*runtime.GOMAXPROCS(0))); err != nil {
		return nil, nil, errors.Join(err, writer.Close())
	}
	return readers, writer, nil
}

// The first key of our advisory locks is the schema, so that two servers in one database do not wait for each other. The
// second is a room, or this:
const lockMigration = -1

// alonePostgres runs fn under a lock that all nodes take, so that any number of them may start at once.
func alonePostgres(ctx context.Context, db *sql.DB, fn func() error) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() {
		_ = conn.Raw(func(any) error { return driver.ErrBadConn }) // it is not used again: the lock and the settings go with it
	}()
	// Waiting may take as long as another node's migration.
	if _, err := conn.ExecContext(ctx, `SET statement_timeout = 0; SET lock_timeout = 0`); err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock(hashtext(current_schema()), $1)`, lockMigration); err != nil {
		return err
	}
	return fn()
}

// commitPostgres commits, and does not take a rollback for it: that is how the server ends a transaction with a failed statement.
func commitPostgres(ctx context.Context, conn *sql.Conn) error {
	return conn.Raw(func(dc any) error {
		tag, err := dc.(*stdlib.Conn).Conn().Exec(ctx, "COMMIT")
		if err == nil && tag.String() != "COMMIT" {
			return errRolledBack
		}
		return err
	})
}

var errRolledBack = errors.New("the transaction was rolled back")

// postgresArgs replaces in texts what PostgreSQL cannot keep: zero bytes and bytes that are no UTF-8.
func postgresArgs(args []any) []any {
	out := args
	for i, arg := range args {
		var clean any
		switch v := reflect.ValueOf(arg); {
		case v.Kind() == reflect.String:
			text := v.String()
			if keepable(text) {
				continue
			}
			clean = keep(text)
		case v.Kind() == reflect.Slice && v.Type() == reflect.TypeFor[[]string]():
			list := arg.([]string)
			if !slices.ContainsFunc(list, func(s string) bool { return !keepable(s) }) {
				continue
			}
			list = slices.Clone(list)
			for i := range list {
				list[i] = keep(list[i])
			}
			clean = list
		case v.Kind() == reflect.Slice && v.Type() == reflect.TypeFor[[]*string]():
			for _, s := range arg.([]*string) { // made for this statement
				if s != nil && !keepable(*s) {
					*s = keep(*s)
				}
			}
			continue
		default:
			continue
		}
		if &out[0] == &args[0] {
			out = slices.Clone(args)
		}
		out[i] = clean
	}
	return out
}

func keepable(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

func keep(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
