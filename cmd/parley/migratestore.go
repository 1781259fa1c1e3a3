package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"parley/internal/app"
	"parley/internal/blob/fs"
	"parley/internal/config"
	"parley/internal/moving"
	"parley/internal/ops/datalock"
	"parley/internal/store/sqlstore"
)

func init() {
	register("migrate-store", groupData, "Move everything to another engine: the database between SQLite and PostgreSQL, files between a directory and a bucket. "+
		"No server may run. The source is only read (and brought to this version's schema), so the way back is to keep using it.", func() any { return &migrateStore{} })
}

type migrateStore struct {
	From      string `placeholder:"DATABASE" help:"Database to move: sqlite (that of the data directory), postgres (that of database_url), sqlite:FILE or postgres://user:password@host/name."`
	To        string `placeholder:"DATABASE" help:"Where to, in the same words; an empty database, or the one where an earlier run was broken off: then it goes on."`
	BlobsFrom string `placeholder:"FILES" help:"Files to move: fs (those of the data directory), s3 (the bucket of blobs_url), fs:DIR or s3://key:secret@host/bucket?region=…"`
	BlobsTo   string `placeholder:"FILES" help:"Where to, in the same words. What is there and right is not copied again."`
	Restart   bool   `help:"Forget what an unfinished move has copied into the target database, and begin again."`
	Compare   bool   `help:"Write nothing: only compare the two sides, row by row and file by file."`
	TrustSize bool   `help:"Take files that the target has with the right size for right, without reading them there."`
}

// Help is what --help says below the flags' summary.
func (migrateStore) Help() string {
	return `Examples:
  ` + envPrefix + `DATABASE_URL=postgres://… ` + program + ` migrate-store --data /srv/chat --from sqlite --to postgres
  ` + program + ` migrate-store --data /srv/chat --blobs-from fs --blobs-to s3
  ` + program + ` migrate-store --data /srv/chat --from postgres --to sqlite:/srv/chat/new.db

Settings that are in force are used; an address on the command line can be seen by others on this machine, so better set
database_url and blobs_url in ` + settingsFile + ` or the environment before.`
}

// Run moves.
func (c *migrateStore) Run(p *process) error {
	cfg, warnings, err := p.load(nil)
	if err != nil {
		return err
	}
	for _, w := range warnings {
		fmt.Fprintf(p.Stderr, "%s: warning: %s\n", program, w)
	}
	if (c.From == "") != (c.To == "") || (c.BlobsFrom == "") != (c.BlobsTo == "") {
		return usageError("--from and --to belong together, and so do --blobs-from and --blobs-to")
	}
	if c.From == "" && c.BlobsFrom == "" {
		return usageError("Say what to move: --from sqlite --to postgres for the database, --blobs-from fs --blobs-to s3 for files, or both.\nRun \"" +
			program + " migrate-store --help\" for more.")
	}
	if info, err := os.Stat(cfg.Data); err != nil || !info.IsDir() {
		return fmt.Errorf("there is no data directory %s: choose it with --data", cfg.Data)
	}
	ctx, giveUp := p.interruptible()
	defer giveUp()
	m := &mover{migrateStore: c, p: p, cfg: cfg}
	if err := m.files(ctx); err != nil {
		return err
	}
	if err := m.database(ctx); err != nil {
		return err
	}
	if !c.Compare {
		m.next()
	}
	return nil
}

// mover is one run of the command.
type mover struct {
	*migrateStore
	p        *process
	cfg      config.Config
	from, to moving.Database
	told     time.Time
	doing    moving.Doing
	began    time.Time // of the table
	first    int64     // rows of it that an earlier run had moved
}

// database moves the database, if it is to be moved.
func (m *mover) database(ctx context.Context) (err error) {
	if m.From == "" {
		return nil
	}
	if m.from, err = m.databaseOf("--from", m.From); err != nil {
		return err
	}
	if m.to, err = m.databaseOf("--to", m.To); err != nil {
		return err
	}
	if m.from.Engine() == m.to.Engine() {
		return usageError("--from and --to are both " + m.from.Engine() + ": copy such a database with its own tools")
	}
	lock := m.lockData
	for _, d := range []moving.Database{m.from, m.to} {
		if d.URL == "" && sameDir(filepath.Dir(d.Path), m.cfg.Data) {
			lock = nil // it is taken with the file
		}
	}
	res, err := moving.Run(ctx, moving.Options{
		From: m.from, To: m.to, Restart: m.Restart, Compare: m.Compare, Tell: m.tell, Lock: lock,
		Warn: func(text string) { fmt.Fprintln(m.p.Stdout, "Note:", text) },
	})
	if err != nil && !errors.Is(err, moving.ErrDifferent) {
		return m.explain(ctx, err)
	}
	if e := m.table(res); e != nil {
		return errors.Join(err, e)
	}
	if res.Replaced > 0 {
		fmt.Fprintf(m.p.Stdout, "%d texts held zero bytes, or bytes that are no UTF-8, which PostgreSQL cannot keep: they have U+FFFD (�) in their places.\n", res.Replaced)
	}
	if err != nil {
		return fmt.Errorf("%w: see the table above. %s", err, m.afterDifference())
	}
	return nil
}

// afterDifference is what to do when the sides differ.
func (m *mover) afterDifference() string {
	if m.Compare {
		return "After a move it is so as soon as somebody has used one of them"
	}
	return "No server starts on the target. If the source was used between two runs, begin again with --restart"
}

// explain adds what to do to an error.
func (m *mover) explain(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("stopped before the end: run the same command again, and it goes on where it was (%w)", err)
	case errors.Is(err, moving.ErrNotEmpty), errors.Is(err, moving.ErrOther), errors.Is(err, sqlstore.ErrServed), errors.Is(err, sqlstore.ErrTooNew):
		return err
	}
	if held := (*datalock.HeldError)(nil); errors.As(err, &held) {
		return err
	}
	return fmt.Errorf("%w\nWhat was copied stays in the target: run the same command again, and it goes on where it was", err)
}

// lockData keeps servers from the data directory.
func (m *mover) lockData() (io.Closer, error) {
	lock, err := datalock.Acquire(m.cfg.Data)
	if err != nil {
		return nil, err
	}
	return release(lock.Release), nil
}

type release func() error

func (r release) Close() error { return r() }

func sameDir(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// databaseOf reads what the operator called a database.
func (m *mover) databaseOf(flag, word string) (moving.Database, error) {
	scheme, rest, _ := strings.Cut(word, ":")
	switch {
	case word == "sqlite":
		return moving.Database{Path: app.LayoutOf(m.cfg).Database}, nil
	case word == "postgres" && m.cfg.DatabaseURL == "":
		return moving.Database{}, usageError(flag + " postgres means the database of database_url, which is not set: set it (" + envPrefix + "DATABASE_URL=postgres://user:password@host/name), or write the address after " + flag)
	case word == "postgres":
		return moving.Database{URL: m.cfg.DatabaseURL}, nil
	case scheme == "sqlite" && rest != "":
		return moving.Database{Path: m.path(rest)}, nil
	case scheme == "postgres" && rest != "", scheme == "postgresql" && rest != "":
		return moving.Database{URL: word}, nil
	}
	return moving.Database{}, usageError(flag + " must be sqlite, postgres, sqlite:FILE or postgres://user:password@host/name")
}

func (m *mover) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(m.p.Dir, name)
}

// files moves files, if they are to be moved.
func (m *mover) files(ctx context.Context) (err error) {
	if m.BlobsFrom == "" {
		return nil
	}
	lock, err := datalock.Acquire(m.cfg.Data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	var sides [2]app.Storage
	for i, s := range []struct{ flag, word string }{{"--blobs-from", m.BlobsFrom}, {"--blobs-to", m.BlobsTo}} {
		if sides[i], err = m.storageOf(s.flag, s.word); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(app.LayoutOf(m.cfg).Temp, 0o700); err != nil { // what comes from a bucket waits there
		return err
	}
	for i, s := range sides {
		if reading, ok := s.(interface{ Check(context.Context) error }); ok && (i == 0 || m.Compare) {
			err = reading.Check(ctx) // the right to read is enough
		} else if i == 1 && !m.Compare {
			err = s.Start(ctx)
		}
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.Stop(context.WithoutCancel(ctx))) }()
	}
	began := time.Now()
	done, err := moving.MoveFiles(ctx, moving.FileOptions{From: sides[0], To: sides[1], TrustSize: m.TrustSize, Compare: m.Compare, Tell: func(f moving.Files) {
		if m.due() {
			fmt.Fprintf(m.p.Stdout, "files: %d (%s), of which %d copied and %d there already\n", f.Seen, size(f.SeenBytes), f.Copied, f.There)
		}
	}})
	fmt.Fprintf(m.p.Stdout, "Files: %d (%s) in %s; %d copied (%s), %d there already and right.\n", done.Seen, size(done.SeenBytes), shortly(time.Since(began)), done.Copied, size(done.CopiedBytes), done.There)
	for _, hash := range done.Damaged {
		fmt.Fprintf(m.p.Stderr, "%s: the file %s of the source is damaged and was not copied\n", program, hash)
	}
	for _, hash := range done.Missing {
		fmt.Fprintf(m.p.Stderr, "%s: the file %s is not in the target, or not right there\n", program, hash)
	}
	switch {
	case errors.Is(err, moving.ErrDamaged):
		return fmt.Errorf("%w: %d of them. All others are in the target; put those in place from a backup and run the command again, or go on without them", err, len(done.Damaged))
	case err != nil && !errors.Is(err, moving.ErrDifferent):
		return fmt.Errorf("%w\nWhat was copied stays: run the same command again, and it goes on with the rest", err)
	}
	return err
}

// storageOf reads what the operator called a storage of files.
func (m *mover) storageOf(flag, word string) (app.Storage, error) {
	cfg := m.cfg
	scheme, rest, _ := strings.Cut(word, ":")
	switch {
	case word == "fs":
		cfg.BlobsURL = ""
	case word == "s3" && cfg.BlobsURL == "":
		return nil, usageError(flag + " s3 means the bucket of blobs_url, which is not set: set it (" + envPrefix + "BLOBS_URL=s3://key:secret@host/bucket?region=…), or write the address after " + flag)
	case word == "s3":
	case scheme == "fs" && rest != "":
		return fs.New(m.path(rest)), nil
	case scheme == "s3" && rest != "":
		cfg.BlobsURL = word
	default:
		return nil, usageError(flag + " must be fs, s3, fs:DIR or s3://key:secret@host/bucket?region=…")
	}
	return app.OpenStorage(cfg, slog.New(slog.DiscardHandler))
}

// progressEvery is how often a long table says how far it is.
const progressEvery = 2 * time.Second

// due reports whether it is time for another line.
func (m *mover) due() bool {
	if time.Since(m.told) < progressEvery {
		return false
	}
	m.told = time.Now()
	return true
}

// tell prints how far the move is: a line for each table, and one now and then within a long one.
func (m *mover) tell(s moving.Step) {
	if s.Doing != m.doing {
		m.doing = s.Doing
		fmt.Fprintln(m.p.Stdout, map[moving.Doing]string{moving.Copying: "Copying:", moving.Indexing: "Making the search index:", moving.Comparing: "Comparing row by row:"}[s.Doing])
	}
	if s.Begun {
		m.began, m.told, m.first = time.Now(), time.Now(), s.Rows
		if s.Rows > 0 && s.Doing == moving.Copying {
			fmt.Fprintf(m.p.Stdout, "  %-20s goes on after %d rows\n", s.Table, s.Rows)
		}
		return
	}
	if s.Ended && s.Doing == moving.Comparing || !s.Ended && !m.due() { // what was compared is in the table
		return
	}
	line := fmt.Sprintf("  %-20s %10d rows", s.Table, s.Rows)
	if !s.Ended && s.Of > 0 {
		line += fmt.Sprintf(" of %d (%d %%)", s.Of, 100*s.Rows/s.Of)
	}
	if took := time.Since(m.began); s.Rows-m.first > 0 && took > 100*time.Millisecond {
		line += fmt.Sprintf(", %.0f a second", float64(s.Rows-m.first)/took.Seconds())
	}
	fmt.Fprintln(m.p.Stdout, line)
}

// table prints what was compared.
func (m *mover) table(res moving.Result) error {
	w := tabwriter.NewWriter(m.p.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\nTABLE\tROWS IN %s\tIN %s\tCHECKSUM\t\t\n", strings.ToUpper(m.from.Engine()), strings.ToUpper(m.to.Engine()))
	total := int64(0)
	for _, t := range res.Tables {
		mark, other := "same", ""
		if !t.Same() {
			mark = "DIFFERENT"
			if t.ToSum != t.FromSum {
				other = t.ToSum
			}
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s\t%s\n", t.Table, t.FromRows, t.ToRows, t.FromSum, other, mark)
		total += t.FromRows
	}
	for _, n := range res.Numbers {
		if n.From != n.To {
			fmt.Fprintf(w, "last number of %s\t%d\t%d\t\t\tDIFFERENT\n", n.Table, n.From, n.To)
		}
	}
	if err := w.Flush(); err != nil || res.Different {
		return err
	}
	_, err := fmt.Fprintf(m.p.Stdout, "\n%d rows in %d tables are the same on both sides, schema %d, in %s.\n", total, len(res.Tables), res.Schema, shortly(res.Took))
	return err
}

// next says what to set now.
func (m *mover) next() {
	layout := app.LayoutOf(m.cfg)
	fmt.Fprintln(m.p.Stdout, "\nNext:")
	const kept = "Nothing uses %s any more: keep it until you are content, it is the way back to this moment."
	step := func(format string, args ...any) { fmt.Fprintf(m.p.Stdout, "- "+format+"\n", args...) }
	switch {
	case m.From == "":
	case m.to.URL == m.cfg.DatabaseURL && m.to.URL != "":
		step("Start the server with the same data directory; database_url is set already. Set it for good, in %s or as %sDATABASE_URL.", settingsFile, envPrefix)
		step(kept, m.from.Path)
	case m.to.URL != "":
		step("Set database_url to %s (in %s or as %sDATABASE_URL) and start the server with the same data directory.", config.RedactURL(m.to.URL), settingsFile, envPrefix)
		step(kept, m.from.Path)
	case m.to.Path == layout.Database:
		step("Remove database_url from %s and the environment, and start the server with --data %s.", settingsFile, m.cfg.Data)
		step("Nothing uses the PostgreSQL database any more: keep it until you are content.")
	default:
		step("Remove database_url from %s and the environment. Servers look for the database as %s: put %s there.", settingsFile, layout.Database, m.to.Path)
	}
	switch scheme, rest, _ := strings.Cut(m.BlobsTo, ":"); {
	case m.BlobsTo == "" && m.cfg.BlobsURL == "":
		step("Files stay in %s. For more than one node they go to a bucket: --blobs-from fs --blobs-to s3.", layout.Blobs)
	case m.BlobsTo == "":
		step("Files stay in %s.", config.RedactURL(m.cfg.BlobsURL))
	case scheme == "s3" && rest == "":
		step("Keep blobs_url as it is: %s.", config.RedactURL(m.cfg.BlobsURL))
	case scheme == "s3":
		step("Set blobs_url to %s.", config.RedactURL(m.BlobsTo))
	case rest == "":
		step("Remove blobs_url from %s and the environment: files are in %s.", settingsFile, layout.Blobs)
	default:
		step("Servers look for files in blobs in their data directory: put %s there, and remove blobs_url.", m.path(rest))
	}
	step("Secrets stay where they are: in %s, or in the environment. Further nodes need the same ones.", layout.Secrets)
}

// shortly writes how long something took.
func shortly(d time.Duration) string {
	if d < 10*time.Second {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}
