// Command parley is the server and its operator's commands. Flags, settings, signals and output are here; what the commands
// do is the core's. Every file beside this one is one command and registers it.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// The program's name, wherever it is to be seen.
const (
	product   = "Parley" // also the default of server.name
	program   = "parley"
	envPrefix = "PARLEY_"

	secretPrefix = envPrefix + "SECRET_"
	settingsFile = program + ".toml"
)

// version is set when a release is built.
var version = ""

func main() {
	syscall.Umask(0o077) // whatever is made is for this account alone
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	dir, err := os.Getwd()
	if err != nil {
		dir = "."
	}
	os.Exit(run(context.Background(), process{
		Args: os.Args[1:], Dir: dir, Environ: os.Environ(), Signals: signals, Kill: os.Exit,
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
	}))
}

// programVersion is the release, or what is known of where the program was built from.
func programVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "development"
	}
	revision, changed := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && len(s.Value) >= 12:
			revision = "-" + s.Value[:12]
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = "-changed"
		}
	}
	return "development" + revision + changed
}
