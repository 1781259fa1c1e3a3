package main

import (
	"bytes"
	"io"
	"os"
	"time"

	"parley/internal/app"
	"parley/internal/transfer"
)

func init() {
	register("import", groupData, "Bring in an export of this program, or the zip of a Slack workspace.", func() any { return &importCommand{} })
}

type importCommand struct {
	File   string `arg:"" help:"The export; - for standard input (not for a zip)."`
	ID     string `name:"id" placeholder:"ID" help:"Name of the import: the same one is done once. By default that of the export."`
	DryRun bool   `help:"Read everything, write nothing, and say what would be done."`
	JSON   bool   `name:"json" help:"Report as JSON."`
}

// Run imports. Whatever went wrong on the way, the same command goes on where it ended.
func (c *importCommand) Run(env *Env) error {
	source, done, err := c.source(env)
	if err != nil {
		return err
	}
	defer done()
	importer := transfer.Importer{Store: env.Store, Blobs: env.App.Blobs(), Scanner: env.Core.Scanner, TempDir: app.LayoutOf(env.App.Config()).Temp, Now: time.Now}
	report, err := importer.Import(env.Context, source, transfer.Options{ID: c.ID, DryRun: c.DryRun})
	if err != nil {
		return err
	}
	if c.JSON {
		return env.json(report)
	}
	for _, line := range report.Lines() {
		if err := env.say("%s", plain(line)); err != nil {
			return err
		}
	}
	return nil
}

// source opens what is to be imported and tells by its first bytes what it is.
func (c *importCommand) source(env *Env) (transfer.Source, func(), error) {
	if c.File == "-" {
		return transfer.Lines(env.Stdin), func() {}, nil
	}
	f, err := os.Open(env.Path(c.File))
	if err != nil {
		return nil, nil, err
	}
	done := func() { _ = f.Close() }
	head := make([]byte, 4)
	n, _ := io.ReadFull(f, head) // a short file is no zip
	info, err := f.Stat()
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		done()
		return nil, nil, err
	}
	if bytes.Equal(head[:n], []byte("PK\x03\x04")) {
		return transfer.Slack(f, info.Size()), done, nil
	}
	return transfer.Lines(f), done, nil
}
