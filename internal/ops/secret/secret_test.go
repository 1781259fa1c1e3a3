package secret

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestKeyIsMadeOnce(t *testing.T) {
	s := Store{Dir: filepath.Join(t.TempDir(), "data", "secrets")}
	first, err := s.Key("tokens")
	if err != nil || len(first) != Size {
		t.Fatalf("got %d bytes, %v", len(first), err)
	}
	if again, err := s.Key("tokens"); err != nil || !bytes.Equal(first, again) {
		t.Errorf("the second time it differs: %v", err)
	}
	if other, err := s.Key("cookies"); err != nil || bytes.Equal(first, other) {
		t.Errorf("two names, one key: %v", err)
	}
	for path, want := range map[string]os.FileMode{s.Dir: 0o700, filepath.Join(s.Dir, "tokens"): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	entries, err := os.ReadDir(s.Dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestManyAtOnceGetOneKey(t *testing.T) {
	s := Store{Dir: t.TempDir()}
	keys := make([][]byte, 16)
	var all sync.WaitGroup
	for i := range keys {
		all.Go(func() {
			key, err := s.Key("tokens")
			if err != nil {
				t.Error(err)
			}
			keys[i] = key
		})
	}
	all.Wait()
	for _, key := range keys {
		if !bytes.Equal(key, keys[0]) {
			t.Fatal("two keys were made")
		}
	}
}

func TestWhatIsRefused(t *testing.T) {
	good := strings.Repeat("ab", Size)
	rows := []struct {
		name    string
		content string
		mode    os.FileMode
		want    string // "" = it is fine
	}{
		{"a good file", good + "\n", 0o600, ""},
		{"a file its owner cannot change", good, 0o400, ""},
		{"a file the group may read", good, 0o640, "chmod 600"},
		{"a file all may read", good, 0o644, "chmod 600"},
		{"a short key", "abab", 0o600, "64 hexadecimal digits"},
		{"a key that is not hexadecimal", strings.Repeat("x", 64), 0o600, "64 hexadecimal digits"},
		{"an empty file", "", 0o600, "is empty"},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			s := Store{Dir: t.TempDir()}
			path := filepath.Join(s.Dir, "tokens")
			if err := errors.Join(os.WriteFile(path, []byte(r.content), 0o600), os.Chmod(path, r.mode)); err != nil {
				t.Fatal(err)
			}
			_, err := s.Key("tokens")
			if r.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), r.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v", err)
			}
			if err != nil && r.content != "" && strings.Contains(err.Error(), r.content) {
				t.Errorf("%v shows the secret", err)
			}
			if after, _ := os.ReadFile(path); string(after) != r.content {
				t.Error("the file was changed")
			}
		})
	}
}

func TestEnvironmentGoesFirst(t *testing.T) {
	env := map[string]string{"APP_SECRET_TOKENS": " " + strings.Repeat("cd", Size) + "\n", "APP_SECRET_EMPTY": "", "APP_SECRET_BAD": "hunter2"}
	s := Store{Dir: t.TempDir(), EnvPrefix: "APP_SECRET_", Lookup: func(k string) (string, bool) { v, ok := env[k]; return v, ok }}
	key, err := s.Key("tokens")
	if err != nil || hex.EncodeToString(key) != strings.Repeat("cd", Size) {
		t.Errorf("got %x, %v", key, err)
	}
	if _, err := os.Stat(filepath.Join(s.Dir, "tokens")); !errors.Is(err, os.ErrNotExist) {
		t.Error("a secret of the environment was written to a file")
	}
	if key, err := s.Key("empty"); err != nil || len(key) != Size {
		t.Errorf("an empty variable: %v", err)
	}
	if _, err := s.Key("bad"); err == nil || !strings.Contains(err.Error(), "APP_SECRET_BAD") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

func TestText(t *testing.T) {
	s := Store{Dir: t.TempDir()}
	if _, err := s.Text("pair", func() (string, error) { return "", errors.New("no entropy") }); err == nil {
		t.Error("a failed generator was not noticed")
	}
	for _, want := range []string{"one", "one"} {
		if got, err := s.Text("pair", func() (string, error) { return want, nil }); err != nil || got != "one" {
			t.Errorf("got %q, %v", got, err)
		}
	}
	if _, err := s.Text("../escape", func() (string, error) { return "x", nil }); err == nil {
		t.Error("a name that is a path was taken")
	}
}
