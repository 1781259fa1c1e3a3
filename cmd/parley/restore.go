package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"parley/internal/app"
	"parley/internal/archive"
)

func init() {
	register("restore", groupData, "Make a data directory from a backup; the server must not run.", func() any { return &restore{} })
}

type restore struct {
	File  string `arg:"" help:"The backup."`
	Force bool   `help:"Put what is in the data directory aside first, instead of refusing."`
	Check bool   `help:"Only check the backup, from beginning to end; nothing is written."`
}

// Run restores. It does not open the data directory as other commands do: there is none yet, or one to be replaced.
func (c *restore) Run(p *process) error {
	ctx, giveUp := p.interruptible()
	defer giveUp()
	path := c.File
	if !filepath.IsAbs(path) {
		path = filepath.Join(p.Dir, path)
	}
	if c.Check {
		sum, err := archive.Verify(ctx, path)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.Stdout, "The backup is whole: made %s by version %s, schema %d; %d files, %d secrets.\n",
			sum.MadeAt.Format(time.RFC3339), plain(sum.Program), sum.Schema, sum.Blobs, sum.Secrets)
		warnLost(p, sum)
		sayElsewhere(p, sum)
		return nil
	}
	cfg, _, err := p.load(nil)
	if err != nil {
		return err
	}
	if cfg.DatabaseURL != "" {
		return errors.New("a backup holds an SQLite database, and database_url names a PostgreSQL server: restore that one with its own tools, or leave the setting out")
	}
	layout := app.LayoutOf(cfg)
	done, err := archive.Restore(ctx, path, archive.Place{Dir: cfg.Data, Database: layout.Database, Blobs: layout.Blobs, Secrets: layout.Secrets}, c.Force, time.Now())
	if done.Aside != "" {
		fmt.Fprintf(p.Stdout, "What was there is now in %s; remove it when you no longer need it.\n", done.Aside)
	}
	if errors.Is(err, archive.ErrNotEmpty) {
		return fmt.Errorf("%w: choose another one with --data, or put aside what is there with --force", err)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(p.Stdout, "Restored the backup of %s into %s: schema %d, %d files, %d secrets.\n", done.MadeAt.Format(time.RFC3339), cfg.Data, done.Schema, done.Blobs, done.Secrets)
	if done.Secrets == 0 {
		fmt.Fprintln(p.Stdout, "The backup has no secrets: everybody has to log in again, unless the keys come from the environment or were there before.")
	}
	warnLost(p, done.Summary)
	sayElsewhere(p, done.Summary)
	if cfg.BlobsURL != "" && done.Blobs > 0 {
		fmt.Fprintf(p.Stdout, "The files of the backup are now in %s, but blobs_url names a bucket: copy each to it under the name of the file, without directories.\n", layout.Blobs)
	}
	return nil
}

func sayElsewhere(p *process, sum archive.Summary) {
	if sum.Elsewhere {
		fmt.Fprintln(p.Stdout, "Files are not part of this backup: they are in the bucket that blobs_url named when it was made, which must be as it was then or newer.")
	}
}

func warnLost(p *process, sum archive.Summary) {
	if n := len(sum.Lost); n > 0 {
		fmt.Fprintf(p.Stderr, "%s: warning: %d files were missing or damaged when the backup was made; messages that carry them show them as gone\n", program, n)
	}
}
