package plugin

import (
	"context"
	"errors"
	"io/fs"
	"maps"

	"parley/internal/chat"
	"parley/internal/plugin/pipe"
)

// List returns the plugins in the order of their names.
func (s *Service) List() []Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Status, 0, len(s.order))
	for _, id := range s.order {
		out = append(out, s.plugins[id].status())
	}
	return out
}

// Status returns one plugin. Fails with ErrNotFound.
func (s *Service) Status(id string) (Status, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.plugins[id]
	if p == nil {
		return Status{}, ErrNotFound
	}
	return p.status(), nil
}

// Configure changes settings of a plugin, on all nodes; null brings a default back. Fails with ErrNotFound, setting_fixed (its
// config.json has it), setting_unknown, setting_invalid, too_large.
func (s *Service) Configure(ctx context.Context, by Identity, id string, values Settings) (Status, error) {
	s.mu.Lock()
	p := s.plugins[id]
	if p == nil {
		s.mu.Unlock()
		return Status{}, ErrNotFound
	}
	stored, defaults, file := maps.Clone(p.stored), Settings(p.src.manifest.Config), p.src.file
	s.mu.Unlock()
	if stored == nil {
		stored = make(Settings)
	}
	wish := maps.Clone(values)
	for name, value := range values {
		if _, fixed := file[name]; fixed {
			e := chat.Errorf(chat.Forbidden, "setting_fixed", "The operator has set %.50q in the plugin's config.json: it can only be changed there.", name)
			e.Field = name
			return Status{}, e
		}
		if string(value) == "null" && kindOf(defaults[name]) != "null" {
			delete(wish, name)
			delete(stored, name)
		}
	}
	if err := defaults.check(wish); err != nil {
		var first *chat.Error
		if errors.As(err, &first) {
			return Status{}, first
		}
		return Status{}, err
	}
	maps.Copy(stored, wish)
	raw := stored.json()
	if len(raw) > maxSettings {
		return Status{}, chat.Errorf(chat.TooLarge, "too_large", "All settings of a plugin take at most %d KiB.", maxSettings>>10)
	}
	if err := s.opts.Host.Store(ctx, by, id, raw); err != nil {
		return Status{}, err
	}
	if err := s.Refresh(ctx, ""); err != nil {
		return Status{}, err
	}
	return s.Status(id)
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

// Check says what is wrong with the plugin in a directory, by reading it alone: its program does not run. Nil is nothing.
func Check(id string, dir fs.FS) (Manifest, error) {
	src := readSource(id, dir)
	if src.err == nil && !pluginID.MatchString(id) {
		src.err = errors.New("the directory's name has 1 to 32 lower-case letters, digits, - and _")
	}
	return src.manifest, src.err
}

// Fault is something that went wrong.
type Fault = pipe.Fault
