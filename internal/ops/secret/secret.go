// Package secret keeps the server's own secrets: keys it signs and encrypts with.
// Each is a file only its owner may read, made when first needed, unless the
// environment gives it, as it must on several nodes that share users.
//
// Passwords of people and of other services (a database URL) are not kept here.
package secret

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Size is how many random bytes a key has.
const Size = 32

// Store is where secrets live.
type Store struct {
	Dir string // made with mode 0700 at need

	// EnvPrefix and Lookup give secrets through the environment: the variable is
	// EnvPrefix and the name in upper case. A nil Lookup means files only.
	EnvPrefix string
	Lookup    func(variable string) (string, bool)
}

var validName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// EnvName is the variable that overrides the named secret.
func (s Store) EnvName(name string) string { return s.EnvPrefix + strings.ToUpper(name) }

// Key returns the named key of Size random bytes, kept as hexadecimal. It fails if
// others may read the file, and if what is kept is not such a key.
func (s Store) Key(name string) ([]byte, error) {
	text, origin, err := s.get(name, func() (string, error) {
		key := make([]byte, Size)
		_, _ = rand.Read(key) // never fails
		return hex.EncodeToString(key), nil
	})
	if err != nil {
		return nil, err
	}
	key, err := hex.DecodeString(text)
	if err != nil || len(key) != Size {
		return nil, fmt.Errorf("secret %s: %s must hold %d hexadecimal digits", name, origin, 2*Size)
	}
	return key, nil
}

// Text returns the named secret of any form, such as a key pair, which generate
// makes when there is none yet. White space around it does not count.
func (s Store) Text(name string, generate func() (string, error)) (string, error) {
	text, _, err := s.get(name, generate)
	return text, err
}

// get returns the secret and where it comes from, for error messages.
func (s Store) get(name string, generate func() (string, error)) (text, origin string, err error) {
	if !validName.MatchString(name) {
		return "", "", fmt.Errorf("secret %q: not a name", name)
	}
	if s.Lookup != nil {
		if v, ok := s.Lookup(s.EnvName(name)); ok && strings.TrimSpace(v) != "" {
			return strings.TrimSpace(v), s.EnvName(name), nil
		}
	}
	path := filepath.Join(s.Dir, name)
	text, err = read(path)
	if errors.Is(err, fs.ErrNotExist) {
		if text, err = generate(); err == nil {
			err = s.create(path, text)
		}
		if err == nil {
			text, err = read(path) // another process may have been quicker
		}
	}
	if err != nil {
		return "", "", fmt.Errorf("secret %s: %w", name, err)
	}
	return text, path, nil
}

func read(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return "", fmt.Errorf("%s may be read or changed by others (mode %04o): run chmod 600 on it, and replace it if someone may have seen it", path, mode)
	}
	b, err := io.ReadAll(io.LimitReader(f, 64<<10))
	text := strings.TrimSpace(string(b))
	if err != nil || text == "" {
		return "", fmt.Errorf("%s is empty or cannot be read: put the secret back, or remove the file to have a new one made", path)
	}
	return text, nil
}

// create writes the file whole or not at all, and never over another.
func (s Store) create(path, text string) error {
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(s.Dir, ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.WriteString(text + "\n")
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Link(tmp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	dir, err := os.Open(s.Dir)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
