package app

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"parley/internal/bus"
	busredis "parley/internal/bus/redis"
	"parley/internal/chat"
	"parley/internal/config"
	"parley/internal/core"
	"parley/internal/ops/secret"
	"parley/internal/state/inproc"
	stateredis "parley/internal/state/redis"
	"parley/internal/state/standby"
)

// engines makes the volatile state and, where a Redis ties several nodes together, their bus.
func (a *App) engines() error {
	if a.cfg.RedisURL == "" {
		a.state, a.bus = inproc.New(inproc.Options{}), nil
		return nil
	}
	volatile, err := stateredis.New(stateredis.Options{URL: a.cfg.RedisURL})
	if err != nil {
		return fmt.Errorf("redis_url: %w", err)
	}
	a.state = standby.New(volatile, a.log)
	var b bus.Bus
	if b, err = busredis.New(busredis.Options{URL: a.cfg.RedisURL, Logger: a.log}); err != nil {
		return fmt.Errorf("redis_url: %w", err)
	}
	a.bus = b
	return nil
}

// NodesWarnings are faults of settings that show only when there is a second node.
func NodesWarnings(cfg config.Config) (warnings []string) {
	if cfg.RedisURL == "" {
		return nil
	}
	if cfg.DatabaseURL == "" {
		warnings = append(warnings, "redis_url is set and database_url is not: a second node would have a database of its own, and share nothing")
	}
	if cfg.BlobsURL == "" {
		warnings = append(warnings, "redis_url is set and blobs_url is not: files uploaded here cannot be opened through other nodes, unless all of them have the same directory "+LayoutOf(cfg).Blobs)
	}
	return warnings
}

// localEvents gives a service only the events of this node, so that what it does is done once.
type localEvents struct{ *core.Core }

// Subscribe is core.SubscribeLocal.
func (l localEvents) Subscribe(sink func([]chat.Event)) { l.SubscribeLocal(sink) }

// secrets are the server's own secrets, and remember a fingerprint of each that was asked for.
type secrets struct {
	secret.Store
	mu   sync.Mutex
	seen map[string]string
}

// Key is secret.Store.Key.
func (s *secrets) Key(name string) ([]byte, error) {
	key, err := s.Store.Key(name)
	if err == nil {
		s.note(name, key)
	}
	return key, err
}

// Text is secret.Store.Text.
func (s *secrets) Text(name string, generate func() (string, error)) (string, error) {
	text, err := s.Store.Text(name, generate)
	if err == nil {
		s.note(name, []byte(text))
	}
	return text, err
}

func (s *secrets) note(name string, value []byte) {
	mac := hmac.New(sha256.New, value)
	_, _ = mac.Write([]byte("fingerprint of the secret " + name)) // never fails
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen == nil {
		s.seen = make(map[string]string)
	}
	s.seen[name] = hex.EncodeToString(mac.Sum(nil)[:16])
}

// fingerprintsSetting is where the database keeps the fingerprints of the secrets that all its nodes must have.
const fingerprintsSetting = "secret_fingerprints"

// sameSecrets is a part that refuses to start with other secrets than the nodes that share the database have: people would be
// logged out, or not, by which node answers them. The first node to ask sets what is right.
type sameSecrets struct{ app *App }

// Start implements part.
func (p sameSecrets) Start(ctx context.Context) error {
	a := p.app
	a.secrets.mu.Lock()
	mine := maps.Clone(a.secrets.seen)
	a.secrets.mu.Unlock()
	var other []string
	err := a.store.Change(ctx, func(tx core.Tx) ([]chat.Event, error) {
		other = nil
		known := make(map[string]string)
		text, err := tx.Setting(ctx, fingerprintsSetting)
		if err == nil {
			err = json.Unmarshal(text, &known)
		} else if chat.AsError(err).Kind == chat.NotFound {
			err = nil
		}
		if err != nil {
			return nil, err
		}
		before := maps.Clone(known)
		for _, name := range slices.Sorted(maps.Keys(mine)) {
			if was, ok := known[name]; ok && was != mine[name] && !a.cfg.AdoptSecrets {
				other = append(other, name)
			}
			known[name] = mine[name]
		}
		if len(other) > 0 || maps.Equal(before, known) {
			return nil, nil
		}
		if text, err = json.Marshal(known); err != nil {
			return nil, err
		}
		return nil, tx.PutSetting(ctx, fingerprintsSetting, text)
	})
	if err != nil {
		return fmt.Errorf("comparing the secrets with those of the other nodes: %w", err)
	}
	if len(other) == 0 {
		return nil
	}
	var errs []error
	for _, name := range other {
		errs = append(errs, fmt.Errorf("the secret %q is not the one that this database's other nodes use: copy the file secrets/%s from the data directory of one of them into %s, or give all of them the same in %s",
			name, name, cmp.Or(a.secrets.Dir, "secrets"), a.secrets.EnvName(name)))
	}
	errs = append(errs, errors.New("to make this node's secrets the right ones for all, which ends every login, start it once with adopt_secrets"))
	return errors.Join(errs...)
}

// Stop implements part.
func (p sameSecrets) Stop(context.Context) error { return nil }
