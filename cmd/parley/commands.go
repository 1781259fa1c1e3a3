package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"parley/internal/app"
	"parley/internal/app/control"
	"parley/internal/chat"
	"parley/internal/config"
	"parley/internal/core"
	"parley/internal/ops"
	"parley/internal/ops/datalock"
)

// Exit codes of every command.
const (
	exitOK     = 0
	exitFailed = 1 // it was understood but could not be done, or found something wrong
	exitUsage  = 2 // the command line or the settings are wrong
)

// The groups of commands in the help, in order.
const (
	groupServer = "Server:"
	groupPeople = "People and rooms:"
	groupData   = "Data:"
	groupHelp   = "About:"
)

// command is one word after the program's name.
type command struct {
	name, help, group string
	make              func() any // a fresh pointer to its struct, as kong wants it
	hidden            bool       // not for operators
}

var commands []command

// register adds a command. Each file calls it from init, so that adding a command is adding a file. Structs of commands that
// work on the data have Run(*Env) error: they run inside the server when there is one. All others have Run(*process) error.
func register(name, group, help string, make func() any) {
	commands = append(commands, command{name: name, help: help, group: group, make: make})
}

// dataCommand is what a command that works on the data is.
type dataCommand interface{ Run(env *Env) error }

// Env is what a command works on: the data, through the core, and its own input and output. It is the same whether a server
// runs or not.
type Env struct {
	Context context.Context // ends when the caller gives up
	App     *app.App
	Core    *core.Core
	Store   core.Store
	Dir     string // the caller's working directory: use Path for files

	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Path is a file named by the caller, as this process can open it.
func (e *Env) Path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(e.Dir, name)
}

// process is what a command has of the operating system; tests hand in their own.
type process struct {
	Args           []string // without the program's name
	Dir            string
	Environ        []string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Signals        <-chan os.Signal // to stop by
	Kill           func(code int)   // ends the process at once

	ctx     context.Context
	globals globals
}

// globals are the flags that every command has.
type globals struct {
	Config string            `placeholder:"FILE" help:"Settings file instead of ./${settings}."`
	Data   string            `placeholder:"DIR" help:"Data directory (setting data)."`
	Set    map[string]string `placeholder:"KEY=VALUE" mapsep:"none" help:"Change any setting, as in --set registration=closed. May be repeated."`
}

// usageError is a command line that was understood but makes no sense.
type usageError string

func (e usageError) Error() string { return string(e) }

// exited is thrown by kong's own commands, such as --help, and caught in parse.
type exited int

// parse reads a command line. done is true when there is nothing to run, as after --help.
func parse(args []string, g *globals, stdout, stderr io.Writer) (selected *kong.Context, done bool, err error) {
	parser, err := newParser(g, stdout, stderr)
	if err != nil {
		return nil, false, err
	}
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(exited); !ok {
				panic(p)
			}
			selected, done, err = nil, true, nil
		}
	}()
	if len(args) == 0 {
		args = []string{"--help"}
	}
	selected, err = parser.Parse(args)
	if err != nil {
		help := program
		var wrong *kong.ParseError
		if errors.As(err, &wrong) && wrong.Context != nil && wrong.Context.Selected() != nil {
			help += " " + wrong.Context.Selected().Path()
		} else if errors.As(err, &wrong) && wrong.Context != nil && wrong.Context.Command() != "" {
			help += " " + wrong.Context.Command()
		}
		return nil, false, usageError(err.Error() + "\nRun \"" + help + " --help\" to see what there is.")
	}
	return selected, false, nil
}

func newParser(g *globals, stdout, stderr io.Writer) (*kong.Kong, error) {
	options := []kong.Option{
		kong.Name(program),
		kong.Description("A chat server: one program, one data directory."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { panic(exited(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.Vars{"settings": settingsFile},
	}
	sorted := slices.Clone(commands)
	groups := []string{groupServer, groupPeople, groupData, groupHelp}
	slices.SortStableFunc(sorted, func(a, b command) int {
		return cmp.Or(cmp.Compare(slices.Index(groups, a.group), slices.Index(groups, b.group)), cmp.Compare(a.name, b.name))
	})
	for _, c := range sorted {
		var tags []string
		if c.hidden {
			tags = append(tags, `hidden:""`)
		}
		options = append(options, kong.DynamicCommand(c.name, c.help, c.group, c.make(), tags...))
	}
	return kong.New(g, options...)
}

// run runs one command line and returns its exit code.
func run(ctx context.Context, p process) int {
	p.ctx = ctx
	selected, done, err := parse(p.Args, &p.globals, p.Stdout, p.Stderr)
	switch {
	case done:
		return exitOK
	case err != nil:
		return report(p.Stderr, err)
	}
	if _, ok := target(selected).(dataCommand); ok {
		return p.runOnData(selected)
	}
	return report(p.Stderr, selected.Run(&p))
}

// target is the struct of the selected command.
func target(selected *kong.Context) any {
	node := selected.Selected()
	if node == nil || !node.Target.CanAddr() {
		return nil
	}
	return node.Target.Addr().Interface()
}

// The data directory is taken by another process only for moments, unless that is a server, which then answers at its socket.
const (
	busyFor   = 10 * time.Second
	busyPause = 100 * time.Millisecond
)

// runOnData runs a command in the server that works on the data directory, or here when there is none.
func (p *process) runOnData(selected *kong.Context) int {
	cfg, _, err := p.load(nil)
	if err != nil {
		return report(p.Stderr, err)
	}
	ctx, giveUp := p.interruptible()
	defer giveUp()
	for end := time.Now().Add(busyFor); ; {
		call := control.Call{Args: p.Args, Dir: p.Dir, Stdin: p.Stdin, Stdout: p.Stdout, Stderr: p.Stderr}
		code, err := control.Run(ctx, app.LayoutOf(cfg).Control, call)
		if err == nil {
			return code
		}
		if !errors.Is(err, control.ErrNoServer) {
			return report(p.Stderr, err)
		}
		var held *datalock.HeldError
		err = p.runHere(ctx, cfg, selected)
		if !errors.As(err, &held) || time.Now().After(end) {
			return report(p.Stderr, err)
		}
		select { // the holder is another command, or a server that is starting or stopping
		case <-time.After(busyPause):
		case <-ctx.Done():
			return report(p.Stderr, ctx.Err())
		}
	}
}

// runHere opens the data directory for one command.
func (p *process) runHere(ctx context.Context, cfg config.Config, selected *kong.Context) error {
	log, err := ops.NewLogger(p.Stderr, "warn", "text")
	if err != nil {
		return err
	}
	a, err := app.New(cfg, app.Options{Product: product, Version: programVersion(), Log: log, SecretPrefix: secretPrefix, LookupEnv: p.lookup})
	if err != nil {
		return usageError(err.Error())
	}
	if err := a.StartOffline(ctx); err != nil {
		return err
	}
	err = selected.Run(&Env{Context: ctx, App: a, Core: a.Core(), Store: a.Store(), Dir: p.Dir, Stdin: p.Stdin, Stdout: p.Stdout, Stderr: p.Stderr})
	return errors.Join(err, a.Stop(context.WithoutCancel(ctx)))
}

// inServer returns what runs commands for others in the server that started returns.
func inServer(started func() *app.App, log *slog.Logger) control.Runner {
	return func(ctx context.Context, c control.Call) int {
		var g globals
		selected, done, err := parse(c.Args, &g, c.Stdout, c.Stderr)
		switch {
		case done:
			return exitOK
		case err != nil:
			return report(c.Stderr, err)
		}
		if _, ok := target(selected).(dataCommand); !ok {
			return report(c.Stderr, usageError("This command cannot run inside a server: program and server may have different versions."))
		}
		a := started()
		err = selected.Run(&Env{Context: ctx, App: a, Core: a.Core(), Store: a.Store(), Dir: c.Dir, Stdin: c.Stdin, Stdout: c.Stdout, Stderr: c.Stderr})
		code := report(c.Stderr, err)
		log.Info("command", slog.String("name", selected.Selected().FullPath()), slog.Int("exit", code))
		return code
	}
}

// load reads the settings: flags over the environment over the file. Overrides go before all of them. Faults are an error of
// type config.Faults; warnings are the caller's to tell.
func (p *process) load(overrides map[string]string) (config.Config, []string, error) {
	all := map[string]string{}
	for key, value := range p.globals.Set {
		all[key] = value
	}
	if p.globals.Data != "" {
		all["data"] = p.globals.Data
	}
	for key, value := range overrides {
		all[key] = value
	}
	var secrets []string // which ones there are is known to the parts that ask for them
	for _, pair := range p.Environ {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, secretPrefix) {
			secrets = append(secrets, name)
		}
	}
	return config.Load(config.Source{
		ServerName: product, File: p.globals.Config, DefaultFile: filepath.Join(p.Dir, settingsFile),
		EnvPrefix: envPrefix, Environ: p.Environ, OtherEnv: secrets, Overrides: all,
	})
}

// lookup is os.LookupEnv for this process.
func (p *process) lookup(name string) (string, bool) {
	for _, pair := range slices.Backward(p.Environ) {
		if n, v, ok := strings.Cut(pair, "="); ok && n == name {
			return v, true
		}
	}
	return "", false
}

// interruptible is a context that the first signal ends.
func (p *process) interruptible() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(p.ctx)
	if p.Signals == nil {
		return ctx, cancel
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-p.Signals:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(); <-ended }
}

// report tells what went wrong, in words for the operator, and returns the exit code.
func report(stderr io.Writer, err error) int {
	if err == nil {
		return exitOK
	}
	var (
		usage   usageError
		faults  config.Faults
		refused *chat.Error
		silent  failedError
	)
	switch {
	case errors.As(err, &silent):
		return exitFailed
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "%s: %s\n", program, usage)
		return exitUsage
	case errors.As(err, &faults):
		fmt.Fprintf(stderr, "%s: the settings are wrong:\n", program)
		for _, fault := range faults {
			fmt.Fprintf(stderr, "  %s\n", fault.Error())
		}
		return exitUsage
	case errors.Is(err, context.Canceled):
		fmt.Fprintf(stderr, "%s: interrupted\n", program)
	case errors.As(err, &refused) && refused.Kind != chat.Internal:
		fmt.Fprintf(stderr, "%s: %s\n", program, refused.Text)
		if refused.Cause != nil {
			fmt.Fprintf(stderr, "  because: %v\n", refused.Cause)
		}
	default:
		fmt.Fprintf(stderr, "%s: %v\n", program, err)
	}
	return exitFailed
}

// failedError says that a command has already told what is wrong.
type failedError struct{}

func (failedError) Error() string { return "failed" }
