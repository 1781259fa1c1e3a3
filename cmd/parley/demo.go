package main

import (
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"parley/internal/app"
	"parley/internal/demo"
)

func init() {
	register("demo", groupData, "Fill a data directory with an invented community, to look around; the server must not run.", func() any { return &demoCommand{} })
}

type demoCommand struct {
	Seed  uint64 `default:"1" placeholder:"N" help:"Another number gives other conversations."`
	Force bool   `help:"Also where there are people already."`
}

// Run fills the directory. It has the clock of its story, so it works on the data by itself.
func (c *demoCommand) Run(p *process) error {
	cfg, _, err := p.load(nil)
	if err != nil {
		return err
	}
	ctx, giveUp := p.interruptible()
	defer giveUp()
	layout := app.LayoutOf(cfg)
	began := time.Now()
	made, err := demo.Fill(ctx, demo.Options{Dir: cfg.Data, Database: layout.Database, Blobs: layout.Blobs, Temp: layout.Temp, Seed: c.Seed, Now: began, Force: c.Force})
	if errors.Is(err, demo.ErrPeople) {
		return fmt.Errorf("%w: choose another one with --data, or add to this one with --force", demo.ErrPeople)
	}
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "USERNAME\tNAME\tRANK")
	for _, a := range made.Accounts {
		fmt.Fprintf(w, "%s\t%s\t%s\n", a.Username, a.DisplayName, a.Rank)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(p.Stdout, "\nEverybody's password is %s, so keep this server to yourself.\n", demo.Password)
	fmt.Fprintf(p.Stdout, "%d people, %d rooms, %d messages, %d reactions, %d pictures, %d edits, %d pins in %.1f s. Next: %s serve --data %s\n", len(made.Accounts), made.Rooms,
		made.Messages, made.Reactions, made.Files, made.Edits, made.Pins, time.Since(began).Seconds(), program, cfg.Data)
	return nil
}
