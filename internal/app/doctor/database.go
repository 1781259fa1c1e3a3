package doctor

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"

	"parley/internal/app"
	"parley/internal/config"
	"parley/internal/store/sqlstore"
)

// blobSample is how many files are looked for; a lost directory is found by fewer.
const blobSample = 200

// bucketSample is how many are looked for over the network.
const bucketSample = 20

// database checks schema, integrity, clock and the files that attachments name. The database is opened beside the server by
// plain SQL, so that it can be looked at when the store refuses to start.
func (p Patient) database(ctx context.Context) []Finding {
	const check = "database"
	if p.Config.DatabaseURL != "" {
		return p.postgres(ctx)
	}
	path := app.LayoutOf(p.Config).Database
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return []Finding{good(check, "there is none yet: the first start makes it")}
	}
	out := []Finding{p.schema(ctx, sqlstore.Options{Path: path})}
	dsn := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: "_pragma=query_only(1)&_pragma=busy_timeout(10000)"}
	if !filepath.IsAbs(path) {
		dsn.Path, dsn.Opaque = "", (&url.URL{Path: path}).EscapedPath()
	}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return append(out, good(check, "%v", err).but(Bad, "restore a backup"))
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	integrity := p.integrity(ctx, db)
	out = append(out, integrity)
	if integrity.Level == Bad || out[0].Level == Bad {
		return out
	}
	return append(out, p.clock(ctx, db, time.Now()), p.blobs(ctx, db))
}

// postgres checks what can be seen of a PostgreSQL database from here.
func (p Patient) postgres(ctx context.Context) []Finding {
	schema := p.schema(ctx, sqlstore.Options{URL: p.Config.DatabaseURL})
	out := []Finding{schema, good("database", "PostgreSQL: its files are not checked from here (pg_amcheck does that), and backups are its own (pg_dump, or the archive of its log)")}
	if schema.Level == Bad {
		return out
	}
	db, err := sql.Open("pgx", p.Config.DatabaseURL)
	if err != nil {
		return append(out, good("database", "the address cannot be read").but(Bad, "correct database_url"))
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	return append(out, p.clock(ctx, db, time.Now()), p.blobs(ctx, db))
}

func (p Patient) schema(ctx context.Context, o sqlstore.Options) Finding {
	const check = "schema"
	v, err := sqlstore.New(o).Versions(ctx)
	switch {
	case errors.Is(err, sqlstore.ErrTooNew):
		return good(check, "version %d, this program knows %d", v.Have, v.Want).but(Bad, "run the newer program, or restore a backup made before the upgrade")
	case err != nil && o.URL != "":
		return good(check, "%v", err).but(Bad, "see whether the database server runs, and whether database_url is right")
	case err != nil:
		return good(check, "%v", err).but(Bad, "restore a backup")
	case v.Pending > 0 && v.Have == 0:
		return good(check, "there is none yet: the first start makes it")
	case v.Pending > 0:
		return good(check, "version %d, this program wants %d", v.Have, v.Want).but(Warn, "the next start of the server brings it up to date; make a backup before")
	}
	return good(check, "version %d, as this program wants it", v.Have)
}

func (p Patient) integrity(ctx context.Context, db *sql.DB) Finding {
	const check = "database"
	lines, err := column(ctx, db, "PRAGMA quick_check(5)")
	if err != nil {
		return good(check, "%v", err).but(Bad, "stop the server and restore a backup")
	}
	if len(lines) != 1 || lines[0] != "ok" {
		return good(check, "damaged: %q", lines).but(Bad, "stop the server and restore a backup; look after the disk")
	}
	orphans, err := column(ctx, db, `SELECT DISTINCT "table" || ' without its ' || parent FROM pragma_foreign_key_check LIMIT 5`)
	if err != nil {
		return good(check, "%v", err).but(Bad, "stop the server and restore a backup")
	}
	if len(orphans) > 0 {
		return good(check, "rows that belong to nothing: %q", orphans).but(Bad, "restore a backup, and report this fault")
	}
	return good(check, "sound")
}

// clock compares the clock with the newest message: the server never gives a message an earlier time than the last one.
func (p Patient) clock(ctx context.Context, db *sql.DB, now time.Time) Finding {
	const check = "clock"
	var micros sql.NullInt64
	if err := db.QueryRowContext(ctx, "SELECT created_at FROM messages ORDER BY id DESC LIMIT 1").Scan(&micros); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return good(check, "%v", err).but(Warn, "compare it yourself: date -u")
	}
	newest := time.UnixMicro(micros.Int64)
	f := good(check, "%s", now.UTC().Format("2006-01-02 15:04:05 UTC"))
	switch {
	case newest.After(now.Add(time.Minute)):
		f.Text += fmt.Sprintf(", but the newest message is of %s", newest.UTC().Format("2006-01-02 15:04:05"))
		return f.but(Bad, "set the clock, and keep it by NTP")
	case now.Year() < 2026:
		return f.but(Bad, "set the clock, and keep it by NTP")
	}
	return f
}

// blobs looks for the files of some attachments.
func (p Patient) blobs(ctx context.Context, db *sql.DB) Finding {
	const check = "attachments"
	hashes, err := column(ctx, db, fmt.Sprintf("SELECT hash FROM attachments WHERE scan <> 'infected' ORDER BY random() LIMIT %d", blobSample))
	if err != nil {
		return good(check, "%v", err).but(Warn, "run this again")
	}
	place, remedy := app.LayoutOf(p.Config).Blobs, "restore that directory from a backup"
	if p.Config.BlobsURL != "" {
		place, remedy = config.RedactURL(p.Config.BlobsURL), "look for them in the bucket's earlier versions or copies"
		hashes = hashes[:min(len(hashes), bucketSample)]
	}
	store, err := app.OpenStorage(p.Config, slog.New(slog.DiscardHandler))
	if err != nil {
		return good(check, "%v", err).but(Bad, "correct the setting")
	}
	if bucket, ok := store.(interface{ Check(context.Context) error }); ok {
		if err := bucket.Check(ctx); err != nil {
			return good(check, "%v", err).but(Bad, "correct the setting, or ask who runs the storage")
		}
	}
	missing := 0
	for _, hash := range hashes {
		if _, err := store.Stat(ctx, hash); err != nil {
			missing++
		}
	}
	if err := store.Stop(ctx); err != nil {
		return good(check, "%v", err).but(Warn, "run this again")
	}
	if missing > 0 {
		return good(check, "%d of %d files that were looked for are missing in %s", missing, len(hashes), place).but(Bad, remedy)
	}
	return good(check, "all %d files that were looked for are there", len(hashes))
}

// column returns the first column of a query.
func column(ctx context.Context, db *sql.DB, query string) (out []string, err error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}
