package main

import (
	"os"
	"time"

	"parley/internal/plugin/sandbox"
)

// pluginHostCommand is what the server starts to run plugins in.
const pluginHostCommand = "plugin-host"

func init() {
	commands = append(commands, command{
		name: pluginHostCommand, group: groupHelp, help: "Run plugins for the server that starts this.", hidden: true, make: func() any { return &pluginHost{} },
	})
}

type pluginHost struct {
	InputMS int64 `name:"input-ms" required:"" help:"Processor time for one input, in milliseconds."`
	Memory  int64 `name:"memory" required:"" help:"Bytes that all plugins hold."`
}

// Run answers the server until it hangs up.
func (c *pluginHost) Run(p *process) error {
	return sandbox.Serve(p.Stdin, p.Stdout, sandbox.Limits{Input: time.Duration(c.InputMS) * time.Millisecond, Memory: c.Memory})
}

// pluginHostProgram is the program that the server starts; nil if it is not known where it is.
func pluginHostProgram() []string {
	path, err := os.Executable()
	if err != nil {
		return nil
	}
	return []string{path, pluginHostCommand}
}
