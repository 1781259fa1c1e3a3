// Package deploy holds files for running the server. Its tests compare them with the program, so that a setting that is renamed
// or a time limit that changes is noticed here. Nothing of it is part of the program.
package deploy

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"parley/internal/config"
)

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// texts are all files here and the operator's pages, by path.
func texts(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{"../README.md": read(t, "../README.md")}
	for _, root := range []string{".", "../docs/operate"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() && filepath.Ext(path) != ".go" && filepath.Base(path) != ".env" {
				out[path] = read(t, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestVariablesAreSettings(t *testing.T) {
	reference := read(t, "../docs/configuration.md")
	variable := regexp.MustCompile(`PARLEY_[A-Z0-9_]*[A-Z0-9]`)
	known := append(variable.FindAllString(reference, -1), "PARLEY_SECRET_TOKEN_KEY", "PARLEY_SECRET_VAPID", "PARLEY_SECRET")
	for path, text := range texts(t) {
		for _, v := range variable.FindAllString(text, -1) {
			if !slices.Contains(known, v) {
				t.Errorf("%s names %s, which is no setting", path, v)
			}
		}
	}
}

func TestLinksLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	for path, text := range texts(t) {
		if filepath.Ext(path) != ".md" {
			continue
		}
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), m[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", path, m[1])
			}
		}
	}
}

func TestImagesArePinned(t *testing.T) {
	var file struct {
		Services map[string]struct{ Image string }
	}
	if err := yaml.Unmarshal([]byte(read(t, "compose.yaml")), &file); err != nil {
		t.Fatal(err)
	}
	images := []string{}
	for _, s := range file.Services {
		images = append(images, s.Image)
	}
	for _, m := range regexp.MustCompile(`(?m)^FROM (\S+)`).FindAllStringSubmatch(read(t, "Containerfile"), -1) {
		if m[1] != "scratch" {
			images = append(images, m[1])
		}
	}
	if len(images) < 8 {
		t.Errorf("only %d images", len(images))
	}
	for _, image := range images {
		if strings.HasPrefix(image, "parley:${CHAT_VERSION:?") {
			continue
		}
		if !regexp.MustCompile(`^[a-z0-9/]+:v?[0-9]+\.[0-9.]+(-[a-z0-9-]+)?$`).MatchString(image) {
			t.Errorf("%s has no exact version", image)
		}
	}
}

func TestSecretsHaveNoDefault(t *testing.T) {
	text := read(t, "compose.yaml")
	if m := regexp.MustCompile(`\$\{[A-Z0-9_]+:?-[^}]*\}`).FindString(text); m != "" {
		t.Errorf("compose.yaml has a default: %s", m)
	}
	made := read(t, "make-secrets.sh")
	for _, m := range regexp.MustCompile(`\$\{([A-Z0-9_]+)`).FindAllStringSubmatch(text, -1) {
		if !regexp.MustCompile(`(?m)^` + m[1] + `=`).MatchString(made) {
			t.Errorf("make-secrets.sh does not make %s", m[1])
		}
		if !strings.Contains(text, "${"+m[1]+":?") && m[1] != "CHAT_HOST" {
			t.Errorf("compose.yaml starts without %s", m[1])
		}
	}
}

func TestProxiesOutwaitHeartbeats(t *testing.T) {
	least := 2*config.Default("").Heartbeat + 30*time.Second
	for path, patterns := range map[string][]string{
		"proxy/nginx.conf":        {`proxy_read_timeout +(\d+)s;`, `proxy_send_timeout +(\d+)s;`},
		"proxy/haproxy.cfg":       {`timeout tunnel (\d+)s`, `timeout client (\d+)s`, `timeout server (\d+)s`},
		"helm/parley/values.yaml": {`proxy-read-timeout: "(\d+)"`, `proxy-send-timeout: "(\d+)"`},
	} {
		for _, p := range patterns {
			m := regexp.MustCompile(p).FindStringSubmatch(read(t, path))
			if m == nil {
				t.Errorf("%s has no %s", path, p)
				continue
			}
			if n, err := strconv.Atoi(m[1]); err != nil || time.Duration(n)*time.Second < least {
				t.Errorf("%s: %s is less than %v: quiet WebSockets would be cut", path, m[0], least)
			}
		}
	}
}

func TestStoppingIsGivenTime(t *testing.T) {
	drain := config.Default("").DrainTimeout
	for path, p := range map[string]string{"compose.yaml": `stop_grace_period: (\d+)s`, "parley.service": `TimeoutStopSec=(\d+)s`} {
		m := regexp.MustCompile(p).FindStringSubmatch(read(t, path))
		if m == nil {
			t.Errorf("%s does not say how long stopping may take", path)
			continue
		}
		if n, err := strconv.Atoi(m[1]); err != nil || time.Duration(n)*time.Second < drain+5*time.Second {
			t.Errorf("%s: %s is too short for a drain of %v", path, m[0], drain)
		}
	}
}
