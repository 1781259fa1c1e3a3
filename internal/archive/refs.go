package archive

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	_ "modernc.org/sqlite" // the driver of snapshots

	"parley/internal/blob"
	"parley/internal/chat"
	"parley/internal/core"
)

// sum is a blob's hash in half the space: there may be millions.
type sum [blob.HashLen / 2]byte

func sumOf(hash string) (s sum) {
	_, _ = hex.Decode(s[:], []byte(hash)) // callers have checked it
	return s
}

func (s sum) String() string { return hex.EncodeToString(s[:]) }

// reference is a blob that a database names. A loose one may be something else that looks like a blob's hash, such as the
// end of a web address: it is taken along when there is such a blob.
type reference struct {
	hash  string
	loose bool
}

// The columns of the schema that name blobs. They follow the store's own rule of which blob is in use, and a test compares
// them with the schema, so that a new column cannot be forgotten here.
var (
	hashColumns   = []string{"attachments.hash", "attachments.thumb_hash", "link_pictures.hash", "emoji.hash"}
	avatarColumns = []string{"users.avatar_url", "rooms.avatar_url"}
	textColumns   = []string{"settings.value"} // assets are named somewhere within
)

var hashWithin = regexp.MustCompile(`[0-9a-f]{64,}`)

// references calls fn for every blob that the database in a file refers to, some of them more than once.
func references(ctx context.Context, path string, fn func(reference) error) error {
	db, err := openSnapshot(path)
	if err != nil {
		return err
	}
	err = func() error {
		for _, column := range hashColumns {
			condition := ""
			if strings.HasPrefix(column, "attachments.") {
				condition = "scan <> '" + string(chat.ScanInfected) + "'" // the bytes of infected files are gone on purpose
			}
			if err := eachText(ctx, db, column, condition, func(hash string) error {
				if blob.CheckHash(hash) != nil {
					return fmt.Errorf("the database names a file %q, which is no hash", hash)
				}
				return fn(reference{hash: hash})
			}); err != nil {
				return err
			}
		}
		for _, column := range avatarColumns {
			if err := eachText(ctx, db, column, "", func(address string) error {
				if name, ours := strings.CutPrefix(address, core.AvatarPath); ours && blob.CheckHash(name) == nil {
					return fn(reference{hash: name})
				}
				if end := address[max(0, len(address)-blob.HashLen):]; blob.CheckHash(end) == nil {
					return fn(reference{hash: end, loose: true})
				}
				return nil
			}); err != nil {
				return err
			}
		}
		for _, column := range textColumns {
			if err := eachText(ctx, db, column, "", func(text string) error {
				for _, run := range hashWithin.FindAllString(text, -1) {
					if len(run) != blob.HashLen {
						continue // some other long number
					}
					if err := fn(reference{hash: run, loose: true}); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				return err
			}
		}
		return nil
	}()
	return errors.Join(err, db.Close())
}

// checkDatabase has the engine look through the whole file.
func checkDatabase(ctx context.Context, path string) error {
	db, err := openSnapshot(path)
	if err != nil {
		return err
	}
	var verdict string
	err = db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict)
	if err == nil && verdict != "ok" {
		err = damaged("the database says of itself: %s", verdict)
	} else if err != nil && ctx.Err() == nil {
		err = damaged("the database cannot be read: %v", err)
	}
	return errors.Join(err, db.Close())
}

// openSnapshot opens a database file that nobody else uses: it is read as it is, without a log beside it.
func openSnapshot(path string) (*sql.DB, error) {
	q := url.Values{"mode": {"ro"}, "immutable": {"1"}, "_pragma": {"query_only(1)"}}
	db, err := sql.Open("sqlite", fmt.Sprintf("file:%s?%s", (&url.URL{Path: path}).EscapedPath(), q.Encode()))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// eachText calls fn for every value of a column, written table.column, that is not empty and, unless condition is empty, in
// a row that meets it.
func eachText(ctx context.Context, db *sql.DB, column, condition string, fn func(string) error) error {
	table, name, _ := strings.Cut(column, ".")
	query := fmt.Sprintf(`SELECT %q FROM %q WHERE %q <> ''`, name, table, name)
	if condition != "" {
		query += " AND " + condition
	}
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	for rows.Next() {
		var text string
		if err = rows.Scan(&text); err == nil {
			err = fn(text)
		}
		if err != nil {
			return errors.Join(err, rows.Close())
		}
	}
	return errors.Join(rows.Err(), rows.Close())
}
