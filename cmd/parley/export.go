package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"parley/internal/transfer"
)

func init() {
	register("export", groupData, "Write the data of one person or one room as JSON lines.", func() any { return &exportCommands{} })
}

type exportCommands struct {
	User exportUser `cmd:"" help:"Everything that is known of a person, and what they said."`
	Room exportRoom `cmd:"" help:"A room with its people, messages and members."`
}

type exportUser struct {
	Username string `arg:"" help:"Who."`
	exportTo
}

type exportRoom struct {
	Room string `arg:"" help:"Slug or id."`
	exportTo
}

type exportTo struct {
	Output string `short:"o" default:"-" placeholder:"FILE" help:"File to write; it must not exist. Without it, standard output."`
	Files  bool   `help:"With the bytes of attachments and pictures."`
}

// Run exports a person.
func (c *exportUser) Run(env *Env) error {
	user, err := env.userNamed(c.Username)
	if err != nil {
		return err
	}
	return c.run(env, func(ctx context.Context, e transfer.Exporter, w io.Writer) (transfer.Exported, error) {
		return e.User(ctx, w, user.ID)
	})
}

// Run exports a room.
func (c *exportRoom) Run(env *Env) error {
	room, err := env.roomNamed(c.Room)
	if err != nil {
		return err
	}
	return c.run(env, func(ctx context.Context, e transfer.Exporter, w io.Writer) (transfer.Exported, error) {
		return e.Room(ctx, w, room.ID)
	})
}

// run writes an export to where it was asked for. Under the name of a file there is never less than the whole of it.
func (c *exportTo) run(env *Env, write func(context.Context, transfer.Exporter, io.Writer) (transfer.Exported, error)) (err error) {
	e := transfer.Exporter{Store: env.Store, Server: env.App.Config().Server.Name, Now: time.Now}
	if c.Files {
		e.Blobs = env.App.Blobs()
	}
	if c.Output == "-" {
		done, err := write(env.Context, e, env.Stdout)
		if err == nil {
			c.report(env, done)
		}
		return err
	}
	path := env.Path(c.Output)
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s is there already: choose another name", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".export-*.partial") // mode 0600
	if err != nil {
		return err
	}
	done, err := write(env.Context, e, f)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	c.report(env, done)
	return env.say("Wrote %s: %d lines, %d messages, %d files.", path, done.Records, done.Messages, done.Files)
}

func (c *exportTo) report(env *Env, done transfer.Exported) {
	for _, hash := range done.MissingFiles {
		fmt.Fprintf(env.Stderr, "%s: warning: the bytes of the file %s are missing\n", program, hash)
	}
}
