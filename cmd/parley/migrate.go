package main

import (
	"errors"
	"fmt"
	"os"

	"parley/internal/app"
	"parley/internal/config"
	"parley/internal/ops/datalock"
	"parley/internal/store/sqlstore"
)

func init() {
	register("migrate", groupServer, "Look at the database's schema, or bring it up to date without starting the server.", func() any { return &migrateCommands{} })
}

type migrateCommands struct {
	Status migrateStatus `cmd:"" help:"Which schema the database has, and which one this program wants."`
	Up     migrateUp     `cmd:"" help:"Bring the schema up to date; the server must not run. Serve does this by itself."`
}

type migrateStatus struct{}

// Run prints the versions.
func (migrateStatus) Run(p *process) error {
	_, store, err := p.database()
	if err != nil {
		return err
	}
	v, err := store.Versions(p.ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.Stdout, "database  %d\nprogram   %d\npending   %d\n", v.Have, v.Want, v.Pending)
	return nil
}

type migrateUp struct{}

// Run migrates.
func (migrateUp) Run(p *process) (err error) {
	cfg, store, err := p.database()
	if err != nil {
		return err
	}
	lock, err := datalock.Acquire(cfg.Data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	ran, err := store.Migrate(p.ctx)
	if err != nil {
		return err
	}
	if ran == 0 {
		fmt.Fprintln(p.Stdout, "The database is up to date.")
	} else {
		fmt.Fprintf(p.Stdout, "Ran %d migrations.\n", ran)
	}
	return nil
}

// database is the configured database, or that of the data directory, not opened.
func (p *process) database() (config.Config, *sqlstore.Store, error) {
	cfg, _, err := p.load(nil)
	if err != nil {
		return cfg, nil, err
	}
	if cfg.DatabaseURL != "" {
		return cfg, sqlstore.New(sqlstore.Options{URL: cfg.DatabaseURL}), nil
	}
	path := app.LayoutOf(cfg).Database
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return cfg, nil, fmt.Errorf("there is no database at %s yet: %q makes one, or choose another directory with --data", path, program+" serve")
	}
	return cfg, sqlstore.New(sqlstore.Options{Path: path}), nil
}
