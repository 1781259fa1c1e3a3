// Command configdoc writes the settings into docs/configuration.md, between its
// markers, and docs/parley.sample.toml, from the table that the program itself
// reads its settings by. Run it from the top of the repository; its test fails
// when either file is not current.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"parley/internal/config"
)

const (
	product   = "Parley" // default of server.name
	envPrefix = "PARLEY_"

	referenceFile = "docs/configuration.md"
	sampleFile    = "docs/parley.sample.toml"

	beginMark = "<!-- settings: written by make generate, change internal/config/settings.go instead -->\n"
	endMark   = "<!-- end of settings -->\n"
)

func main() {
	if err := run("."); err != nil {
		fmt.Fprintln(os.Stderr, "configdoc:", err)
		os.Exit(1)
	}
}

// run brings both files below top up to date.
func run(top string) error {
	files, err := render(top)
	if err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(top, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// render returns both files as they should be, by name.
func render(top string) (map[string][]byte, error) {
	page, err := os.ReadFile(filepath.Join(top, referenceFile))
	if err != nil {
		return nil, err
	}
	before, rest, ok := bytes.Cut(page, []byte(beginMark))
	_, after, ok2 := bytes.Cut(rest, []byte(endMark))
	if !ok || !ok2 {
		return nil, errors.New(referenceFile + ": the markers are missing")
	}
	settings := config.Settings(product)
	reference := bytes.Join([][]byte{before, []byte(beginMark), table(settings), []byte(endMark), after}, nil)
	return map[string][]byte{referenceFile: reference, sampleFile: sample(settings)}, nil
}

// table is the reference: one Markdown table for each section.
func table(settings []config.Setting) []byte {
	var b bytes.Buffer
	section := "-"
	for _, s := range settings {
		if now := sectionOf(s.Key); now != section {
			section = now
			title := "Top level"
			if section != "" {
				title = "`[" + section + "]`"
			}
			fmt.Fprintf(&b, "\n### %s\n\n| key | default | type | meaning |\n| --- | --- | --- | --- |\n", title)
		}
		typ := s.Type
		if s.Secret {
			typ += ", secret"
		}
		fmt.Fprintf(&b, "| `%s`<br>`%s` | `%s` | %s | %s |\n", s.Key, config.EnvName(envPrefix, s.Key), s.Default, typ, s.Doc)
	}
	b.WriteByte('\n')
	return b.Bytes()
}

// sample is a file with every key at its default, commented out.
func sample(settings []config.Setting) []byte {
	var b bytes.Buffer
	b.WriteString(`# Every setting with its default. Remove the # before a key to change it;
# a line that starts with "# " is explanation. Each setting is also an
# environment variable, which goes before this file: ` + envPrefix + `LISTEN, and
# ` + config.EnvName(envPrefix, "limits.body_bytes") + ` for body_bytes in [limits].
`)
	section := ""
	for _, s := range settings {
		if now := sectionOf(s.Key); now != section {
			section = now
			fmt.Fprintf(&b, "\n[%s]\n", section)
		}
		b.WriteByte('\n')
		for _, line := range wrap(strings.ReplaceAll(s.Doc, "`", ""), 76) {
			b.WriteString("# " + line + "\n")
		}
		if strings.HasPrefix(s.Type, `"`) {
			b.WriteString("# One of " + s.Type + ".\n")
		}
		fmt.Fprintf(&b, "#%s = %s\n", s.Key[strings.IndexByte(s.Key, '.')+1:], s.Default)
	}
	return b.Bytes()
}

func sectionOf(key string) string {
	section, _, ok := strings.Cut(key, ".")
	if !ok {
		return ""
	}
	return section
}

// wrap breaks text at spaces into lines of at most width bytes.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case len(line)+1+len(word) > width:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}
