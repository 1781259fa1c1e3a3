package main

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"testing"

	"parley/internal/config"
)

const top = "../.."

func TestFilesAreCurrent(t *testing.T) {
	files, err := render(top)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(top, name))
		if err != nil {
			t.Error(err)
		} else if !bytes.Equal(got, want) {
			t.Errorf("%s is not current: run make generate", name)
		}
	}
}

var commentedKey = regexp.MustCompile(`(?m)^#([a-z0-9_]+ = )`)

// TestTheSampleIsTheDefaults loads the sample as it is, and with every key
// uncommented: both must be what a server without any file has.
func TestTheSampleIsTheDefaults(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(top, sampleFile))
	if err != nil {
		t.Fatal(err)
	}
	keys := len(commentedKey.FindAll(content, -1))
	if want := len(config.Settings(product)); keys != want {
		t.Errorf("the sample has %d keys, the program %d", keys, want)
	}
	rows := []struct {
		name    string
		content []byte
		origin  config.Origin
	}{
		{"as it is", content, config.OriginDefault},
		{"with every key uncommented", commentedKey.ReplaceAll(content, []byte("$1")), config.OriginFile},
	}
	want := config.Default(product).Effective()
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "sample.toml")
			if err := os.WriteFile(path, r.content, 0o600); err != nil {
				t.Fatal(err)
			}
			cfg, _, err := config.Load(config.Source{ServerName: product, File: path})
			if err != nil {
				t.Fatal(err)
			}
			got := cfg.Effective()
			for i := range got {
				if got[i].Origin != r.origin {
					t.Errorf("%s comes from %s", got[i].Key, got[i].Origin)
				}
				got[i].Origin = config.OriginDefault
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %v\nwant %v", got, want)
			}
		})
	}
}

func TestMissingMarkersAreAFault(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "docs"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, referenceFile), []byte("# Configuration\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(dir); err == nil {
		t.Error("no error")
	}
}
