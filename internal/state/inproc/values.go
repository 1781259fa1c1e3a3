package inproc

import (
	"bytes"
	"context"
	"strconv"
	"time"

	"parley/internal/state"
)

// Set implements state.Store.
func (s *Store) Set(_ context.Context, key string, value []byte, ttl time.Duration) error {
	if err := state.CheckTTL(ttl); err != nil {
		return err
	}
	sh, now, err := s.lock(key)
	if err != nil {
		return err
	}
	defer sh.mu.Unlock()
	return s.put(sh, key, &entry{value: clone(value), expires: expiry(now, ttl)})
}

// SetIfAbsent implements state.Store.
func (s *Store) SetIfAbsent(_ context.Context, key string, value []byte, ttl time.Duration) (bool, error) {
	if err := state.CheckTTL(ttl); err != nil {
		return false, err
	}
	sh, now, err := s.lock(key)
	if err != nil {
		return false, err
	}
	defer sh.mu.Unlock()
	if s.live(sh, key, now) != nil {
		return false, nil
	}
	if err := s.put(sh, key, &entry{value: clone(value), expires: expiry(now, ttl)}); err != nil {
		return false, err
	}
	return true, nil
}

// Get implements state.Store.
func (s *Store) Get(_ context.Context, key string) ([]byte, bool, error) {
	sh, now, err := s.lock(key)
	if err != nil {
		return nil, false, err
	}
	defer sh.mu.Unlock()
	e := s.live(sh, key, now)
	if e == nil {
		return nil, false, nil
	}
	if !e.isValue() {
		return nil, false, state.ErrWrongKind
	}
	return clone(e.value), true, nil
}

// GetMany implements state.Store.
func (s *Store) GetMany(_ context.Context, keys []string) ([][]byte, error) {
	if !s.running.Load() {
		return nil, state.ErrNotRunning
	}
	values := make([][]byte, len(keys))
	for i, key := range keys {
		sh, now, err := s.lock(key)
		if err != nil {
			return nil, err
		}
		if e := s.live(sh, key, now); e != nil && e.isValue() {
			values[i] = clone(e.value)
		}
		sh.mu.Unlock()
	}
	return values, nil
}

// Take implements state.Store.
func (s *Store) Take(_ context.Context, key string) ([]byte, bool, error) {
	sh, now, err := s.lock(key)
	if err != nil {
		return nil, false, err
	}
	defer sh.mu.Unlock()
	e := s.live(sh, key, now)
	if e == nil {
		return nil, false, nil
	}
	if !e.isValue() {
		return nil, false, state.ErrWrongKind
	}
	s.drop(sh, key)
	return e.value, true, nil
}

// Add implements state.Store.
func (s *Store) Add(_ context.Context, key string, delta int64, ttl time.Duration) (int64, error) {
	if err := state.CheckTTL(ttl); err != nil {
		return 0, err
	}
	sh, now, err := s.lock(key)
	if err != nil {
		return 0, err
	}
	defer sh.mu.Unlock()
	e := s.live(sh, key, now)
	if e == nil {
		if err := s.put(sh, key, &entry{value: strconv.AppendInt(nil, delta, 10), expires: expiry(now, ttl)}); err != nil {
			return 0, err
		}
		return delta, nil
	}
	if !e.isValue() {
		return 0, state.ErrWrongKind
	}
	old, ok := parseNumber(e.value)
	sum := old + delta
	if overflow := (sum > old) != (delta > 0) && delta != 0; !ok || overflow {
		return 0, state.ErrNotNumber
	}
	e.value = strconv.AppendInt(e.value[:0], sum, 10)
	return sum, nil
}

// parseNumber reads a 64-bit integer in the one way that Add writes it: no plus sign, no spaces, no
// leading zeros. Redis is as strict.
func parseNumber(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > len("-9223372036854775808") {
		return 0, false
	}
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil {
		return 0, false
	}
	var digits [20]byte
	return n, bytes.Equal(strconv.AppendInt(digits[:0], n, 10), b)
}
