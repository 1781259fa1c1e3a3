package plugin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"slices"

	"parley/internal/chat"
	"parley/internal/plugin/sandbox"
)

// List returns the plugins in the order of their names.
func (s *Service) List() []chat.Plugin {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]chat.Plugin, 0, len(s.order))
	for _, id := range s.order {
		out = append(out, s.plugins[id].status())
	}
	return out
}

// Status returns one plugin. Fails with ErrNotFound.
func (s *Service) Status(id string) (chat.Plugin, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.plugins[id]
	if p == nil {
		return chat.Plugin{}, ErrNotFound
	}
	return p.status(), nil
}

// Configure changes settings of a plugin, on all nodes; null brings a default back. Fails with ErrNotFound, setting_fixed (its
// config.json has it), setting_unknown, setting_invalid, plugin_settings_too_large.
func (s *Service) Configure(ctx context.Context, by chat.Actor, id string, values map[string]json.RawMessage) (chat.Plugin, error) {
	s.mu.Lock()
	p := s.plugins[id]
	if p == nil {
		s.mu.Unlock()
		return chat.Plugin{}, ErrNotFound
	}
	stored, defaults, file, holds := maps.Clone(p.stored), Settings(p.src.manifest.Config), p.src.file, p.settings
	s.mu.Unlock()
	if stored == nil {
		stored = make(Settings)
	}
	wish, before := maps.Clone(values), len(stored)
	for name, value := range values {
		if sameJSON(value, holds[name]) { // as when all settings are sent, of which one was changed
			delete(wish, name)
			continue
		}
		if _, fixed := file[name]; fixed {
			e := chat.Errorf(chat.Forbidden, "setting_fixed", "The operator has set %.50q in the plugin's config.json: it can only be changed there.", name)
			e.Field = name
			return chat.Plugin{}, e
		}
		if string(value) == "null" && kindOf(defaults[name]) != "null" {
			delete(wish, name)
			delete(stored, name)
		}
	}
	if err := defaults.check(wish); err != nil {
		var first *chat.Error
		if errors.As(err, &first) {
			return chat.Plugin{}, first
		}
		return chat.Plugin{}, err
	}
	maps.Copy(stored, wish)
	if len(wish) == 0 && len(stored) == before {
		return s.Status(id)
	}
	raw := stored.json()
	if len(raw) > maxSettings {
		return chat.Plugin{}, chat.Errorf(chat.TooLarge, "plugin_settings_too_large", "All settings of a plugin take at most %d KiB.", maxSettings>>10)
	}
	if err := s.opts.Host.Store(ctx, by, id, raw, slices.Sorted(maps.Keys(wish))); err != nil {
		return chat.Plugin{}, err
	}
	if err := s.Refresh(ctx, ""); err != nil {
		return chat.Plugin{}, err
	}
	return s.Status(id)
}

// sameJSON reports whether two texts are the same value, however they are spaced.
func sameJSON(a, b json.RawMessage) bool {
	var x, y bytes.Buffer
	return json.Compact(&x, a) == nil && json.Compact(&y, b) == nil && bytes.Equal(x.Bytes(), y.Bytes())
}

// Stats are counts since the start.
type Stats struct {
	Plugins  int // that run
	Waiting  int // events
	Lost     uint64
	Restarts int // of the process
}

// Stats returns the counts.
func (s *Service) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Stats{Lost: s.lost.Load(), Restarts: s.restarts, Waiting: len(s.inbox)}
	for _, p := range s.plugins {
		if p.state == Running {
			st.Plugins++
		}
		st.Waiting += len(p.events)
		st.Lost += p.drops
	}
	return st
}

// Check says what is wrong with the plugin in a directory, by reading it alone: its program is not run. Nil is nothing.
func Check(id string, dir fs.FS) (Manifest, error) {
	src := readSource(id, dir)
	if src.err == nil {
		src.err = sandbox.Compile(src.program)
	}
	if src.err == nil && !pluginID.MatchString(id) {
		src.err = errors.New("the directory's name has 1 to 32 lower-case letters, digits, - and _")
	}
	return src.manifest, src.err
}
