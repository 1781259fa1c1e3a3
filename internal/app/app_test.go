package app

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/config"
	"parley/internal/ops"
	"parley/internal/ops/datalock"
)

// checkLeaks fails if a goroutine of the server is left; a test's own services may still run. It waits a while, as what was told to end may still be at it.
func checkLeaks(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		var b bytes.Buffer
		_ = pprof.Lookup("goroutine").WriteTo(&b, 2)
		left := ""
		for g := range strings.SplitSeq(b.String(), "\n\n") {
			if strings.Contains(g, "parley/internal/") && !strings.Contains(g, "checkLeaks") && !strings.Contains(g, "internal/clamdtest.") && !strings.Contains(g, "internal/s3test.") && !strings.Contains(g, "internal/redistest.") && !strings.Contains(g, "internal/testservice.") && !strings.Contains(g, "testing.tRunner") {
				left += g + "\n\n"
			}
		}
		if left == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("goroutines left:\n%s", left)
		}
	}
}

// settings are those of a server on free ports and a fresh data directory.
func settings(t *testing.T) config.Config {
	t.Helper()
	cfg := config.Default("Test")
	cfg.Listen, cfg.OperatorListen, cfg.Data = "127.0.0.1:0", "127.0.0.1:0", filepath.Join(t.TempDir(), "data")
	cfg.DrainTimeout = 30 * time.Second // never reached by what ends well
	return cfg
}

// started is a running server; change may set options before.
func started(t *testing.T, cfg config.Config, change ...func(*Options)) *App {
	t.Helper()
	o := Options{Product: "Chat", Version: "1.2.3"}
	for _, c := range change {
		c(&o)
	}
	a, err := New(cfg, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
		checkLeaks(t)
	})
	return a
}

func get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r, string(body)
}

func TestServes(t *testing.T) {
	cfg := settings(t)
	cfg.OperatorToken = "0123456789abcdef"
	a := started(t, cfg)
	operator := "http://" + a.OperatorAddress().String()

	r, body := get(t, operator+"/readyz")
	var report ops.Report
	if err := json.Unmarshal([]byte(body), &report); err != nil || r.StatusCode != http.StatusOK || report.Status != "ready" {
		t.Errorf("readyz: %d %s", r.StatusCode, body)
	}
	if r, body := get(t, operator+"/metrics"); r.StatusCode != http.StatusOK || !strings.Contains(body, "chat_state_keys") || !strings.Contains(body, `version="1.2.3"`) {
		t.Errorf("metrics: %d", r.StatusCode)
	}
	if r, _ := get(t, a.BaseURL()+"/metrics"); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("metrics on the main listener without the token: %d", r.StatusCode)
	}
	r, body = get(t, a.BaseURL()+"/no/such/page")
	if r.StatusCode != http.StatusNotFound || r.Header.Get("Content-Type") != "application/problem+json" || !strings.Contains(body, "not_found") {
		t.Errorf("an unknown page: %d %s", r.StatusCode, body)
	}
	if r.Header.Get("X-Request-Id") == "" || r.Header.Get("Content-Security-Policy") == "" {
		t.Error("the middleware is not around everything")
	}
}

func TestServesOverTLS(t *testing.T) {
	cfg := settings(t)
	cfg.TLS.Mode = config.TLSSelfSigned
	var notice bytes.Buffer
	a := started(t, cfg, func(o *Options) { o.Notice = &notice })
	if !strings.HasPrefix(a.BaseURL(), "https://") {
		t.Fatalf("base %s", a.BaseURL())
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	r, err := client.Get(a.BaseURL() + "/")
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != http.StatusOK || r.Header.Get("Strict-Transport-Security") != "" {
		t.Errorf("status %d, HSTS %q (a browser must be able to go back from a self-signed certificate)", r.StatusCode, r.Header.Get("Strict-Transport-Security"))
	}
	if !strings.Contains(notice.String(), "SHA-256 ") {
		t.Error("the fingerprint was not printed")
	}
}

var inline = regexp.MustCompile(`(?s)<(style|script)>(.*?)</(?:style|script)>`)

func TestPagesNeedNothingFromElsewhere(t *testing.T) {
	mux := http.NewServeMux()
	(&App{cfg: settings(t), opts: Options{Product: "Test"}}).servePlainPages(mux)
	server := httptest.NewServer(mux)
	defer server.Close()
	for _, row := range []struct {
		path    string
		inlines int
		holds   string
	}{
		{"/", 1, `href="/api/docs"`},
		{"/setup", 2, `id="setup"`},
	} {
		t.Run(row.path, func(t *testing.T) {
			r, body := get(t, server.URL+row.path)
			if r.StatusCode != http.StatusOK || !strings.Contains(body, row.holds) {
				t.Fatalf("%d %s", r.StatusCode, body)
			}
			policy := r.Header.Get("Content-Security-Policy")
			if strings.Contains(policy, "unsafe") || !strings.Contains(policy, "default-src 'none'") {
				t.Errorf("policy %s", policy)
			}
			found := inline.FindAllStringSubmatch(body, -1)
			if len(found) != row.inlines {
				t.Errorf("%d inline texts, want %d", len(found), row.inlines)
			}
			for _, f := range found {
				if !strings.Contains(policy, f[1]+"-src "+hashOf(f[2])) {
					t.Errorf("the policy does not allow the page's own %s: %s", f[1], policy)
				}
			}
			if strings.Contains(body, "http://") || strings.Contains(body, "https://") || strings.Contains(body, "style=") || strings.Contains(body, " onclick=") {
				t.Error("the page refers to something else, or has what its policy refuses")
			}
		})
	}
}

func TestSecondStartIsRefused(t *testing.T) {
	cfg := settings(t)
	a := started(t, cfg)
	second, err := New(cfg, Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = second.Start(t.Context())
	var held *datalock.HeldError
	if !errors.As(err, &held) || held.PID != os.Getpid() {
		t.Fatalf("error %v", err)
	}
	if r, _ := get(t, a.BaseURL()+"/"); r.StatusCode != http.StatusOK {
		t.Errorf("the first server answers %d", r.StatusCode)
	}
}

func TestStartFailsWithWhatToDo(t *testing.T) {
	taken := started(t, settings(t)).Address().String()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name   string
		change func(*config.Config)
		says   string
	}{
		{"the address is taken", func(c *config.Config) { c.Listen = taken }, "listen: " + taken + " is in use"},
		{"the operator's address is taken", func(c *config.Config) { c.OperatorListen = taken }, "operator_listen: " + taken + " is in use"},
		{"the data directory is a file", func(c *config.Config) { c.Data = file }, "choose another with --data"},
		{"the certificate is not there", func(c *config.Config) { c.TLS.Mode, c.TLS.Cert, c.TLS.Key = config.TLSFiles, file+".pem", file }, "tls.cert"},
		{"the list of known files is not there", func(c *config.Config) { c.Scan.KnownBadFile = file + ".txt" }, "scan.known_bad_file"},
		{"PostgreSQL does not answer", func(c *config.Config) { c.DatabaseURL = "postgres:///y?host=" + url.QueryEscape(filepath.Dir(file)) }, "store postgres: "},
	} {
		t.Run(row.name, func(t *testing.T) {
			cfg := settings(t)
			row.change(&cfg)
			a, err := New(cfg, Options{})
			if err == nil {
				err = a.Start(t.Context())
			}
			if err == nil || !strings.Contains(err.Error(), row.says) {
				t.Fatalf("error %v, want one with %q", err, row.says)
			}
			if a == nil {
				return
			}
			// What had started is stopped again: the same directory serves a server that is set up well.
			lock, err := datalock.Acquire(cfg.Data)
			if err != nil && cfg.Data != file {
				t.Fatal(err)
			}
			if lock != nil {
				_ = lock.Release()
			}
		})
	}
}

func TestFirstRoom(t *testing.T) {
	cfg := settings(t)
	restarted := func(then func(a *App)) {
		t.Helper()
		a, err := New(cfg, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := a.StartOffline(t.Context()); err != nil {
			t.Fatal(err)
		}
		then(a)
		if err := a.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	restarted(func(a *App) {
		room, err := a.Store().RoomBySlug(t.Context(), "general")
		if err != nil || room.Type != chat.Public || !room.Official || room.OwnerID != "" {
			t.Fatalf("%+v, error %v", room, err)
		}
	})
	restarted(func(a *App) {
		room, err := a.Store().RoomBySlug(t.Context(), "general")
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Core().RemoveRoom(t.Context(), chat.Operator, room.ID); err != nil {
			t.Fatal(err)
		}
	})
	restarted(func(a *App) {
		if _, err := a.Store().RoomBySlug(t.Context(), "general"); !errors.Is(err, chat.ErrRoomNotFound) {
			t.Fatalf("the deleted room is back: %v", err)
		}
	})
	checkLeaks(t)
}

func TestNotice(t *testing.T) {
	t.Run("a block to read", func(t *testing.T) {
		var notice, log bytes.Buffer
		a := started(t, settings(t), func(o *Options) {
			o.Notice, o.Log = &notice, slog.New(slog.NewJSONHandler(&log, nil))
		})
		for _, want := range []string{
			"Chat 1.2.3 is ready", a.BaseURL() + "/api/docs", a.OperatorAddress().String(), "ws://" + a.Address().String() + "/api/ws",
			"Portal, Session: not spoken by this version", "OriginChats  ", "embedded SQLite", a.cfg.Data, a.BaseURL() + "/setup#",
		} {
			if !strings.Contains(notice.String(), want) {
				t.Errorf("%q is missing in\n%s", want, notice.String())
			}
		}
		if strings.Contains(log.String(), "/setup#") {
			t.Error("the setup link is in the log as well")
		}
	})
	t.Run("log lines instead", func(t *testing.T) {
		var log bytes.Buffer
		a := started(t, settings(t), func(o *Options) { o.Log = slog.New(slog.NewJSONHandler(&log, nil)) })
		for line := range strings.Lines(log.String()) {
			if !json.Valid([]byte(line)) {
				t.Errorf("not JSON: %s", line)
			}
		}
		if !strings.Contains(log.String(), a.SetupURL()) {
			t.Errorf("the setup link is not logged:\n%s", log.String())
		}
	})
}

func TestSetupLinkIsPrintedUntilThereIsAnOwner(t *testing.T) {
	cfg := settings(t)
	a := started(t, cfg)
	link := a.SetupURL()
	if link == "" {
		t.Fatal("no link")
	}
	token := link[strings.Index(link, "#")+1:]
	body := strings.NewReader(`{"token":"` + token + `","username":"olga","password":"correct horse"}`)
	r, err := http.Post(a.BaseURL()+"/api/auth/setup", "application/json", body)
	if err != nil {
		t.Fatal(err)
	}
	answer, _ := io.ReadAll(r.Body)
	r.Body.Close()
	if r.StatusCode != http.StatusCreated && r.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", r.StatusCode, answer)
	}
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if again := started(t, cfg); again.SetupURL() != "" {
		t.Error("there is an owner, and still a link")
	}
}

func TestStopIsSafeTwiceAndBeforeStart(t *testing.T) {
	a, err := New(settings(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, when := range []string{"before start", "twice before start"} {
		if err := a.Stop(t.Context()); err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
	b := started(t, settings(t))
	for _, when := range []string{"once", "twice"} {
		if err := b.Stop(t.Context()); err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
}

func TestAnUnknownTypeOfFileIsAFault(t *testing.T) {
	cfg := settings(t)
	cfg.Limits.AttachmentTypes = []string{"png", "exe"}
	a, err := New(cfg, Options{Product: "Chat"})
	if err == nil {
		err = a.Start(t.Context())
	}
	if err == nil || !strings.Contains(err.Error(), `limits.attachment_types: unknown file type "exe"; there are jpg, `) {
		t.Errorf("%v", err)
	}
}

func TestLimitsOfZero(t *testing.T) {
	l := limits(config.Limits{})
	if l.MessagesPer10s != -1 || l.ConnectionsPerUser != -1 || l.RequestsPerMinute != -1 {
		t.Errorf("a rate of 0 is no limit, got %+v", l)
	}
	if l.EditWindow <= 0 || l.EditWindow > time.Millisecond {
		t.Errorf("a window of 0 lets nobody edit, got %v", l.EditWindow)
	}
	if l := limits(config.Default("x").Limits); l.MessagesPer10s != 10 || l.EditWindow != 15*time.Minute || l.InviteTTL != 7*24*time.Hour {
		t.Errorf("%+v", l)
	}
}
