package plugin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
)

// Names of files in a plugin's directory.
const (
	manifestFile = "plugin.json"
	programFile  = "main.js"
	settingsFile = "config.json"
)

// Bounds of what is read.
const (
	maxManifest = 64 << 10
	maxProgram  = 1 << 20
	maxPlugins  = 64
)

// source is a plugin as it lies in its directory.
type source struct {
	id       string
	bundled  bool
	manifest Manifest
	program  string
	file     Settings // of config.json, which nobody else changes
	err      error    // why it cannot run; what could be read is there
}

// sources reads the plugins that come with the program and those in the operator's directory, which go before the others of
// the same name. A bundled plugin whose directory has only a config.json takes its settings from there. A directory that is not
// there has no plugins. Only an engine that fails is an error; a plugin that cannot be read says so itself.
func sources(bundled, dir fs.FS) ([]source, error) {
	found := make(map[string]source)
	for _, from := range []struct {
		fs      fs.FS
		bundled bool
	}{{bundled, true}, {dir, false}} {
		if from.fs == nil {
			continue
		}
		entries, err := fs.ReadDir(from.fs, ".")
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("plugins: %w", err)
		}
		for _, e := range entries {
			id := e.Name()
			if !pluginID.MatchString(id) || len(found) >= maxPlugins {
				continue
			}
			if info, err := fs.Stat(from.fs, id); err != nil || !info.IsDir() {
				continue
			}
			sub, err := fs.Sub(from.fs, id)
			if err != nil {
				return nil, err
			}
			s := readSource(id, sub)
			s.bundled = from.bundled
			if base, there := found[id]; there && errors.Is(s.err, errNoManifest) { // only settings
				base.file, base.err = s.file, nil
				base.checkFile(sub)
				s = base
			}
			found[id] = s
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b source) int {
		if a.id < b.id {
			return -1
		}
		return 1
	}), nil
}

// defaults are the settings of a plugin for which nobody stored any. Whoever writes a config.json for it wants it to run.
func (s *source) defaults() Settings {
	d := Settings(s.manifest.Config)
	if s.file == nil {
		return d
	}
	return d.over(Settings{SettingEnabled: json.RawMessage("true")})
}

var errNoManifest = errors.New("there is no plugin.json")

// readSource reads one plugin's directory.
func readSource(id string, dir fs.FS) source {
	s := source{id: id}
	raw, err := readFile(dir, manifestFile, maxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		s.err = errNoManifest
		return s
	}
	if err == nil {
		s.manifest, err = ParseManifest(raw)
	}
	if err != nil {
		s.err = err
		return s
	}
	program, err := readFile(dir, programFile, maxProgram)
	if err != nil {
		s.err = err
		return s
	}
	s.program = string(program)
	s.checkFile(dir)
	return s
}

// checkFile reads config.json against the manifest.
func (s *source) checkFile(dir fs.FS) {
	s.file = nil
	raw, err := readFile(dir, settingsFile, maxSettings)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var file Settings
	if err == nil {
		file, err = parseSettings(raw)
	}
	if err == nil {
		err = Settings(s.manifest.Config).check(file)
	}
	if err != nil {
		s.err = fmt.Errorf("%s: %w", settingsFile, err)
		return
	}
	if file == nil {
		file = Settings{} // it says null
	}
	s.file = file
}

// readFile reads a file of at most so many bytes.
func readFile(dir fs.FS, name string, most int64) ([]byte, error) {
	f, err := dir.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file", name)
	}
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		err = fmt.Errorf("%s has more than %d KiB", name, most>>10)
	}
	return b, err
}
