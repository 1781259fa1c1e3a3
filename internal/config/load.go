package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/toml/v2"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
	gotoml "github.com/pelletier/go-toml/v2"
)

// Source says where settings are read from.
type Source struct {
	ServerName string // default of server.name

	// File is read if it is not "" and must then exist. If it is "", the file
	// named by the environment variable EnvPrefix + "CONFIG" is read, and
	// without that DefaultFile, if it exists.
	File        string
	DefaultFile string

	EnvPrefix string   // of the environment variables that are settings; "" = read none
	Environ   []string // as os.Environ
	OtherEnv  []string // variables with the prefix that are no settings: not warned of

	Overrides map[string]string // by key, from command-line flags
}

// Fault is one thing wrong with the settings.
type Fault struct {
	Key   string // "" = the file as a whole
	Where string // file or variable the value was written in; "" = nowhere
	Text  string
}

// Error is the fault as one line.
func (f Fault) Error() string {
	switch {
	case f.Key == "":
		return f.Where + ": " + f.Text
	case f.Where == "":
		return f.Key + ": " + f.Text
	}
	return f.Key + ": " + f.Text + " (" + f.Where + ")"
}

// Faults are all things wrong with the settings.
type Faults []Fault

// Error lists the faults, one a line.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.Error()
	}
	return strings.Join(lines, "\n")
}

func (f *Faults) add(key, text string) { *f = append(*f, Fault{Key: key, Text: text}) }

// layer is one origin of settings, flattened to key → raw value.
type layer struct {
	origin Origin
	where  func(key string) string
	raw    map[string]any
}

// Load merges defaults < file < environment < overrides. Warnings name
// environment variables that look like settings and are none. The error is of
// type Faults and names everything that is wrong at once.
func Load(src Source) (cfg Config, warnings []string, err error) {
	cfg = Default(src.ServerName)
	cfg.origins = make(map[string]Origin)
	settings := cfg.settings()
	var faults Faults

	fromFile, fault := readFile(src)
	if fault != nil {
		faults = append(faults, *fault)
	}
	fromEnv, warnings := readEnviron(src, settings)
	layers := []layer{fromFile, fromEnv, readOverrides(src)}

	for _, l := range layers {
		faults = append(faults, unknown(l, settings)...)
	}
	for _, s := range settings {
		for _, l := range slices.Backward(layers) {
			raw, ok := l.raw[s.key]
			if !ok {
				continue
			}
			cfg.origins[s.key] = l.origin
			if err := s.decode(raw); err != nil {
				faults = append(faults, Fault{Key: s.key, Where: l.where(s.key), Text: err.Error()})
			}
			break // a value that is overridden is not looked at
		}
	}
	if len(faults) == 0 {
		cfg.check(&faults)
	}
	if len(faults) > 0 {
		return cfg, warnings, faults
	}
	return cfg, warnings, nil
}

func readFile(src Source) (layer, *Fault) {
	path, required := src.File, true
	if path == "" {
		path = lookup(src.Environ, src.EnvPrefix, "CONFIG")
	}
	if path == "" {
		path, required = src.DefaultFile, false
	}
	l := layer{origin: OriginFile, where: func(string) string { return path }}
	if path == "" {
		return l, nil
	}
	k := koanf.New(".")
	err := k.Load(file.Provider(path), toml.Parser())
	var syntax *gotoml.DecodeError
	switch {
	case err == nil:
		l.raw = k.All()
		return l, nil
	case errors.Is(err, fs.ErrNotExist) && !required:
		return l, nil
	case errors.As(err, &syntax):
		row, column := syntax.Position()
		return l, &Fault{Where: fmt.Sprintf("%s:%d:%d", path, row, column), Text: strings.TrimPrefix(syntax.Error(), "toml: ")}
	}
	var bare *os.PathError
	if errors.As(err, &bare) {
		err = bare.Err
	}
	return l, &Fault{Where: path, Text: "cannot be read: " + err.Error()}
}

// readEnviron finds the variables that are settings by the list of known keys, as
// an underscore alone does not tell a section from a word.
func readEnviron(src Source, settings []setting) (layer, []string) {
	l := layer{origin: OriginEnvironment, where: func(key string) string { return EnvName(src.EnvPrefix, key) }}
	if src.EnvPrefix == "" {
		return l, nil
	}
	byName := make(map[string]string, len(settings))
	for _, s := range settings {
		byName[EnvName(src.EnvPrefix, s.key)] = s.key
	}
	known := append([]string{src.EnvPrefix + "CONFIG"}, src.OtherEnv...)
	var warnings []string
	k := koanf.New(".")
	// The provider reads memory only and cannot fail.
	_ = k.Load(env.Provider(".", env.Opt{
		Prefix:      src.EnvPrefix,
		EnvironFunc: func() []string { return src.Environ },
		TransformFunc: func(name, value string) (string, any) {
			key, ok := byName[name]
			if !ok && !slices.Contains(known, name) {
				names := make([]string, 0, len(byName))
				for n := range byName {
					names = append(names, n)
				}
				warnings = append(warnings, name+": no such setting"+didYouMean(name, names))
			}
			return key, value
		},
	}), nil)
	l.raw = k.All()
	slices.Sort(warnings)
	return l, warnings
}

func readOverrides(src Source) layer {
	l := layer{origin: OriginFlag, where: func(string) string { return "command line" }}
	raw := make(map[string]any, len(src.Overrides))
	for key, v := range src.Overrides {
		raw[key] = v
	}
	k := koanf.New(".")
	_ = k.Load(confmap.Provider(raw, "."), nil) // memory only, cannot fail
	l.raw = k.All()
	return l
}

// unknown finds keys that are none, in alphabetical order.
func unknown(l layer, settings []setting) Faults {
	sections := make(map[string]bool)
	var keys []string
	for _, s := range settings {
		keys = append(keys, s.key)
		if section, _, ok := strings.Cut(s.key, "."); ok {
			sections[section] = true
		}
	}
	var faults Faults
	for key, raw := range l.raw {
		if slices.Contains(keys, key) {
			continue
		}
		text := "unknown key" + didYouMean(key, keys)
		if empty, isTable := raw.(map[string]any); sections[key] && isTable && len(empty) == 0 {
			continue // a section with nothing in it
		} else if sections[key] {
			text = "is a section: write [" + key + "] and its keys below"
		}
		faults = append(faults, Fault{Key: key, Where: l.where(key), Text: text})
	}
	slices.SortFunc(faults, func(a, b Fault) int { return strings.Compare(a.Key, b.Key) })
	return faults
}

func lookup(environ []string, prefix, name string) string {
	if prefix == "" {
		return ""
	}
	for _, pair := range environ {
		if n, v, _ := strings.Cut(pair, "="); n == prefix+name {
			return v
		}
	}
	return ""
}

// didYouMean names the candidate that differs from word in at most two letters.
func didYouMean(word string, candidates []string) string {
	best, least := "", 3
	for _, c := range candidates {
		if d := distance(word, c); d < least || d == least && c < best {
			best, least = c, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// distance counts the letters to insert, delete or replace between a and b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
