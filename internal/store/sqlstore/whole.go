package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// What follows is for programs that work on a database as a whole, while no store serves it.

// UnfinishedTable is in a database that is being filled and not complete yet. Start refuses such a database.
const UnfinishedTable = "moving"

var (
	// ErrUnfinished is what Start fails with on the target of a move that was not finished.
	ErrUnfinished = errors.New("the database is the unfinished target of a move: run the migrate-store command again, or use another database")
	// ErrServed is what Seize fails with while a store works on the database.
	ErrServed = errors.New("a server works on this database: stop all its nodes first")
	// ErrSeized is what Start fails with while somebody has seized the database.
	ErrSeized = errors.New("the database is being moved by the migrate-store command: wait until it has ended")
)

// seizeTries is how often a database is asked for: that a node has gone may take the server some seconds to notice.
const seizeTries = 12

// lockServing is the second key of the advisory lock that every writing connection of a store shares, see lockMigration.
const lockServing = -2

// Seize takes a PostgreSQL database for the caller alone until it is released, or the connection to it ends: no store can start
// on it or write to it meanwhile. It fails with ErrServed. An SQLite file is taken by the lock of its data directory.
func Seize(ctx context.Context, url string) (release func() error, err error) {
	readers, pool, err := openPostgres(Options{URL: url, Synchronous: "full", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	_ = readers.Close() // nothing was opened
	defer func() {
		if err != nil {
			err = errors.Join(err, pool.Close())
		}
	}()
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	for try := range seizeTries {
		var free bool
		if err := conn.QueryRowContext(ctx, `SELECT pg_try_advisory_lock(hashtext(current_schema()), $1)`, lockServing).Scan(&free); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		if free {
			return func() error {
				_, _ = conn.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock_all()`) // if that fails the connection is gone, and the lock with it
				_ = conn.Raw(func(any) error { return driver.ErrBadConn })
				return pool.Close()
			}, nil
		}
		timer := time.NewTimer(backoff(try + 5))
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
	var from sql.NullString
	_ = conn.QueryRowContext(ctx, `SELECT string_agg(DISTINCT COALESCE(host(a.client_addr), 'its own machine'), ', ')
		FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
		WHERE l.locktype = 'advisory' AND l.database = a.datid AND CAST(l.classid AS BIGINT) = (CAST(hashtext(current_schema()) AS BIGINT) & 4294967295)
			AND CAST(l.objid AS BIGINT) = (CAST($1 AS BIGINT) & 4294967295)`, lockServing).Scan(&from) // only to say it
	err = ErrServed
	if from.String != "" {
		err = fmt.Errorf("%w (connected from %s)", err, from.String)
	}
	return nil, errors.Join(err, conn.Close())
}

// share takes this connection's part of the lock that Seize wants alone. Other connections of this node may have theirs already.
func (c *session) share(ctx context.Context) error {
	var free bool
	err := c.conn.QueryRowContext(ctx, `SELECT pg_try_advisory_lock_shared(hashtext(current_schema()), $1)`, lockServing).Scan(&free)
	if err == nil && !free {
		err = ErrSeized
	}
	return err
}

// checkFinished fails with ErrUnfinished on a database that is not complete.
func (s *Store) checkFinished(ctx context.Context) error {
	var unfinished bool
	if err := s.writing.QueryRowContext(ctx, s.fl.unfinished, UnfinishedTable).Scan(&unfinished); err != nil {
		return err
	}
	if unfinished {
		return ErrUnfinished
	}
	return nil
}

// IndexAll makes the search index of a store that is not started hold every message. told gets the number of each bulk. What an
// earlier call has done is not done again.
func (s *Store) IndexAll(ctx context.Context, told func(n int64)) error {
	if s.fl.remote {
		return s.offline(ctx, func() error {
			return s.fl.alone(ctx, s.writing, func() error {
				var last int64
				if err := s.writing.QueryRowContext(ctx, `SELECT COALESCE(MAX(message_id), 0) FROM search`).Scan(&last); err != nil {
					return err
				}
				for more := true; more; {
					var n int64
					var err error
					if last, n, err = s.rebuildSome(ctx, last); err != nil {
						return err
					}
					told(n)
					more = n > 0
				}
				return nil
			})
		})
	}
	return s.offline(ctx, func() (err error) {
		w := &writer{s: s}
		if w.conn, err = openSession(ctx, s); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, w.conn.close()) }()
		if err := w.transaction(func(t *tx) error { return resetIndex(ctx, t.x) }); err != nil {
			return err
		}
		for n := int64(indexBulk); n == indexBulk; {
			if err := ctx.Err(); err != nil {
				return err
			}
			err := w.transaction(func(t *tx) (err error) {
				n, err = indexSome(ctx, t.x)
				return err
			})
			if err != nil {
				return err
			}
			told(n)
		}
		return nil
	})
}

// PostgresText is a text as PostgreSQL can keep it: zero bytes and bytes that are no UTF-8 become U+FFFD.
func PostgresText(s string) string {
	if keepable(s) {
		return s
	}
	return keep(s)
}
