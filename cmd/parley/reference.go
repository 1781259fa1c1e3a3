package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

func init() {
	commands = append(commands, command{
		name: "reference", group: groupHelp, help: "Print docs/cli.md.", hidden: true, make: func() any { return &reference{} },
	})
}

// reference writes the page that describes all commands from the grammar that they are read by.
type reference struct{}

const referenceHead = `# Commands

<!-- written by make generate, change the commands in cmd/%[1]s instead -->

` + "`%[1]s COMMAND --help`" + ` prints the same. Settings are described in [configuration.md](configuration.md).

Commands about people, rooms, roles and sanctions work on a fresh data directory, on a stopped server's, and beside a running server: that one then runs
them itself, asked over ` + "`control.sock`" + ` in the data directory, so that connected clients see the change at once. Only the account that runs the server
can open that socket. Give such commands the same ` + "`--data`" + ` and ` + "`--config`" + ` as the server.

Exit codes:

| code | meaning |
| --- | --- |
| 0 | done |
| 1 | understood, but it could not be done, or ` + "`doctor`" + ` found a fault; standard error says why |
| 2 | the command line or the settings are wrong; nothing was done |

Every command takes these flags:

`

// Run prints the page.
func (reference) Run(p *process) error {
	parser, err := newParser(&globals{}, io.Discard, io.Discard)
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, referenceHead, program)
	flagTable(&b, parser.Model.Flags)
	group := ""
	for _, leaf := range parser.Model.Leaves(true) {
		if g := leaf.ClosestGroup(); g != nil && g.Title != group {
			group = g.Title
			fmt.Fprintf(&b, "\n## %s\n", strings.TrimSuffix(group, ":"))
		}
		fmt.Fprintf(&b, "\n### `%s`\n\n%s\n", leaf.FullPath(), leaf.Help)
		if len(leaf.Positional) > 0 {
			b.WriteString("\n| argument | meaning |\n| --- | --- |\n")
			for _, a := range leaf.Positional {
				fmt.Fprintf(&b, "| `%s` | %s |\n", a.Summary(), cell(a.Help))
			}
		}
		if len(leaf.Flags) > 0 {
			b.WriteString("\n")
			flagTable(&b, leaf.Flags)
		}
	}
	_, err = io.WriteString(p.Stdout, b.String())
	return err
}

func flagTable(b *strings.Builder, flags []*kong.Flag) {
	b.WriteString("| flag | meaning |\n| --- | --- |\n")
	for _, f := range flags {
		name := "--" + f.Name
		if f.Short != 0 {
			name = "-" + string(f.Short) + ", " + name
		}
		if !f.IsBool() {
			name += "=" + strings.Trim(f.FormatPlaceHolder(), `"`)
		}
		help := cell(f.Help)
		if f.Required {
			help += " Required."
		}
		fmt.Fprintf(b, "| `%s` | %s |\n", name, help)
	}
}

// cell is help as a table takes it.
func cell(help string) string { return strings.ReplaceAll(help, "|", `\|`) }
