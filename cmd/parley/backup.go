package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"parley/internal/app"
	"parley/internal/archive"
	"parley/internal/config"
	"parley/internal/core"
	"parley/internal/store/sqlstore"
)

func init() {
	register("backup", groupData, "Write a backup of everything into one file, also while the server runs; of everything but files that are in a bucket (blobs_url).", func() any { return &backup{} })
}

type backup struct {
	File      string `arg:"" optional:"" help:"File to write; it must not exist. By default one with the date in the directory of backups (setting backup.dir)."`
	NoSecrets bool   `help:"Leave the server's keys out: whoever restores it elsewhere logs everyone out, and nobody who finds the file can sign tokens."`
	Lenient   bool   `help:"Go on without files that are missing or damaged, and name them."`
}

// Run makes the backup. Beside a running server it is that server which writes the file.
func (c *backup) Run(env *Env) error {
	cfg := env.App.Config()
	if cfg.DatabaseURL != "" {
		return sqlstore.ErrNoSnapshot
	}
	layout := app.LayoutOf(cfg)
	path := env.Path(c.File)
	if c.File == "" {
		dir := cfg.BackupDir()
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		path = filepath.Join(dir, program+"-"+time.Now().UTC().Format("20060102-150405")+".tar.zst")
	}
	if abs, err := filepath.Abs(path); err == nil { // so that it can be found from anywhere
		path = abs
	}
	snapshotter, ok := env.Store.(core.Snapshotter)
	if !ok {
		return errors.New("this database cannot be copied from here: use its own tools, and keep a copy of the files")
	}
	source := archive.Source{
		Database: snapshotter, InUse: env.Store.BlobInUse, Secrets: layout.Secrets, Temp: layout.Temp,
		Program: programVersion(), Now: time.Now, Lenient: c.Lenient,
	}
	if cfg.BlobsURL == "" {
		source.Blobs = env.App.Blobs()
	}
	if c.NoSecrets {
		source.Secrets = ""
	}
	sum, err := archive.Backup(env.Context, source, path)
	if err != nil {
		return err
	}
	for _, hash := range sum.Lost {
		fmt.Fprintf(env.Stderr, "%s: warning: the file %s is missing or damaged and not in the backup\n", program, hash)
	}
	if sum.Elsewhere {
		return env.say("Wrote %s: %s; the database has %s, %d secrets. Files are not in it: they are in %s, whose versions and copies are that storage's business.",
			path, size(sum.FileBytes), size(sum.DatabaseBytes), sum.Secrets, config.RedactURL(cfg.BlobsURL))
	}
	return env.say("Wrote %s: %s; the database has %s, %d files have %s, %d secrets.", path, size(sum.FileBytes), size(sum.DatabaseBytes), sum.Blobs,
		size(sum.BlobBytes), sum.Secrets)
}

// size writes a number of bytes for people.
func size(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d bytes", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	case n < 1<<30:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.2f GiB", float64(n)/(1<<30))
}
