package ops

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestNewLogger(t *testing.T) {
	u, err := url.Parse("https://u:sesame@h/p?token=sesame")
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"text", "json"} {
		t.Run("secrets stay out of "+format, func(t *testing.T) {
			var out bytes.Buffer
			log, err := NewLogger(&out, "info", format)
			if err != nil {
				t.Fatal(err)
			}
			log.Debug("unseen")
			log.With("access_token", "sesame").WithGroup("login").Info("seen", "password", "sesame", "Cookie", "sesame", "url", u, "user", "alice")
			got := out.String()
			if strings.Contains(got, "sesame") || strings.Contains(got, "unseen") {
				t.Errorf("logged too much: %s", got)
			}
			for _, want := range []string{"alice", "seen", "****", "https://u:xxxxx@h/p"} {
				if !strings.Contains(got, want) {
					t.Errorf("%s lacks %s", got, want)
				}
			}
		})
	}
	for _, bad := range [][2]string{{"loud", "text"}, {"info", "xml"}} {
		if _, err := NewLogger(&bytes.Buffer{}, bad[0], bad[1]); err == nil {
			t.Errorf("%v: no error", bad)
		}
	}
}

func TestLogLinesCarryTheRequest(t *testing.T) {
	var out bytes.Buffer
	log, err := NewLogger(&out, "debug", "text")
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.WithValue(t.Context(), infoKey{}, &info{id: "abc"})
	log.With("a", 1).InfoContext(ctx, "one")
	log.InfoContext(t.Context(), "two")
	if lines := strings.Split(out.String(), "\n"); !strings.Contains(lines[0], "request=abc") || strings.Contains(lines[1], "request=") {
		t.Errorf("got %s", out.String())
	}
}

// scrape returns the metrics as a map from name{labels} to value.
func scrape(t *testing.T, m *Metrics) map[string]string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("metrics: status %d: %s", w.Code, w.Body)
	}
	values := make(map[string]string)
	for line := range strings.Lines(w.Body.String()) {
		line = strings.TrimSpace(line)
		if i := strings.LastIndexByte(line, ' '); i > 0 && line[0] != '#' {
			values[line[:i]] = line[i+1:]
		}
	}
	return values
}

func expect(t *testing.T, got map[string]string, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s = %q, want %q", name, got[name], value)
		}
	}
}

func TestMetrics(t *testing.T) {
	m := NewMetrics("1.2.3")
	d := m.Dialect("native")
	d.Opened()
	d.Opened()
	d.Closed()
	d.Delivered(7)
	d.Dropped(2)
	d.Resynced()
	d.OutboxWritten(3)
	m.Committed(5, 2*time.Millisecond)
	m.MessagesStored(5)
	m.BusPublished()
	m.BusReceived()
	m.BusGapFilled()
	m.CacheRead("rooms", true)
	m.CacheRead("rooms", false)
	m.Searched(time.Millisecond, nil)
	m.Searched(time.Millisecond, errors.New("no"))
	m.Uploaded(100, "")
	m.Uploaded(900, "size")
	m.LoggedIn()
	m.LoginFailed("credentials")
	m.RateLimited("login")
	m.Pushed(nil)
	m.LinkPreviewed(errors.New("no"))
	m.PluginRan("automod", 500*time.Millisecond, 0)
	m.PluginRan("automod", time.Second, 2)
	m.Gauge("rooms_loaded", "Rooms in memory.", func() float64 { return 12 })

	got := scrape(t, m)
	expect(t, got, map[string]string{
		`chat_build_info{version="1.2.3"}`:                         "1",
		`chat_connections{dialect="native"}`:                       "1",
		`chat_connections_opened_total{dialect="native"}`:          "2",
		`chat_deliveries_total{dialect="native"}`:                  "7",
		`chat_frames_dropped_total{dialect="native"}`:              "2",
		`chat_resyncs_total{dialect="native"}`:                     "1",
		`chat_outbox_depth_frames_sum{dialect="native"}`:           "3",
		`chat_commit_batch_calls_sum`:                              "5",
		`chat_commit_seconds_count`:                                "1",
		`chat_messages_stored_total`:                               "5",
		`chat_bus_messages_total{direction="in"}`:                  "1",
		`chat_bus_messages_total{direction="out"}`:                 "1",
		`chat_bus_gaps_total`:                                      "1",
		`chat_cache_reads_total{cache="rooms",result="hit"}`:       "1",
		`chat_search_seconds_count{result="failed"}`:               "1",
		`chat_uploads_total{result="ok"}`:                          "1",
		`chat_uploads_total{result="size"}`:                        "1",
		`chat_upload_bytes_total`:                                  "100",
		`chat_logins_total{result="ok"}`:                           "1",
		`chat_logins_total{result="credentials"}`:                  "1",
		`chat_rate_limited_total{limit="login"}`:                   "1",
		`chat_pushes_total{result="ok"}`:                           "1",
		`chat_link_previews_total{result="failed"}`:                "1",
		`chat_plugin_runs_total{plugin="automod"}`:                 "2",
		`chat_plugin_seconds_total{plugin="automod"}`:              "1.5",
		`chat_plugin_faults_total{plugin="automod"}`:               "2",
		`chat_rooms_loaded`:                                        "12",
		`chat_cache_reads_total{cache="rooms",result="miss"}`:      "1",
		`chat_search_seconds_count{result="ok"}`:                   "1",
		`chat_commit_batch_calls_bucket{le="4"}`:                   "0",
		`chat_commit_batch_calls_bucket{le="8"}`:                   "1",
		`chat_outbox_depth_frames_bucket{dialect="native",le="4"}`: "1",
	})
	if got["go_goroutines"] == "" || got["process_open_fds"] == "" {
		t.Error("the runtime and the process are not reported")
	}
}

func up(context.Context) error   { return nil }
func down(context.Context) error { return errors.New("connection refused") }

func TestHealth(t *testing.T) {
	rows := []struct {
		name   string
		set    func(*Health)
		code   int
		status string
		states string
	}{
		{"nothing is depended on", func(*Health) {}, 200, "ready", ""},
		{"all is up", func(h *Health) { h.Need("database", up); h.Like("redis", up) }, 200, "ready", "database up, redis up"},
		{"something useful is down", func(h *Health) { h.Need("database", up); h.Like("redis", down) }, 200, "degraded", "database up, redis down"},
		{"something needed is down", func(h *Health) { h.Like("redis", down); h.Need("database", down) }, 503, "not_ready", "redis down, database down"},
		{"the server is leaving", func(h *Health) { h.Need("database", up); h.Drain() }, 503, "draining", "database up"},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			var h Health
			r.set(&h)
			handler := OperatorHandler(&h, NewMetrics("x"))
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
			var report Report
			if err := json.Unmarshal(w.Body.Bytes(), &report); err != nil {
				t.Fatal(err)
			}
			var states []string
			for _, d := range report.Dependencies {
				states = append(states, d.Name+" "+d.State)
				if (d.Error != "") != (d.State == "down") {
					t.Errorf("%s is %s with error %q", d.Name, d.State, d.Error)
				}
			}
			if w.Code != r.code || report.Status != r.status || strings.Join(states, ", ") != r.states {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
			w = httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/healthz", nil))
			if w.Code != http.StatusOK {
				t.Errorf("not alive: %d", w.Code)
			}
		})
	}
}

// wait is a dependency that never answers.
func wait(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

// The bubbles of synctest end only when every goroutine in them has.
func TestChecksRunTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h Health
		met := make(chan struct{})
		// Each waits for the other: in turn they would never end.
		h.Need("one", func(ctx context.Context) error {
			select {
			case met <- struct{}{}:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		h.Need("two", func(ctx context.Context) error {
			select {
			case <-met:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		if got := h.Report(t.Context()).Status; got != "ready" {
			t.Errorf("got %s", got)
		}
	})
}

func TestChecksEnd(t *testing.T) {
	t.Run("after three seconds", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var h Health
			h.Need("stuck", wait)
			start := time.Now()
			report := h.Report(t.Context())
			if took := time.Since(start); report.Status != "not_ready" || took != checkTimeout {
				t.Errorf("got %v after %v", report, took)
			}
		})
	})
	t.Run("with the request", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var h Health
			h.Need("stuck", wait)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			start := time.Now()
			if report := h.Report(ctx); report.Status != "not_ready" || time.Since(start) != 0 {
				t.Errorf("got %v", report)
			}
		})
	})
}

func TestOperatorAccess(t *testing.T) {
	var h Health
	m := NewMetrics("x")
	const token = "sesame-open-sesame"
	private, guarded, off := OperatorHandler(&h, m), GuardedHandler(&h, m, token), GuardedHandler(&h, m, "")
	rows := []struct {
		name          string
		handler       http.Handler
		method, path  string
		authorization string
		want          int
	}{
		{"the private address needs no token", private, "GET", "/metrics", "", 200},
		{"the private address has profiles", private, "GET", "/debug/pprof/", "", 200},
		{"the private address has single profiles", private, "GET", "/debug/pprof/goroutine", "", 200},
		{"only reading is offered", private, "POST", "/healthz", "", 405},
		{"the token opens health", guarded, "GET", "/healthz", "Bearer " + token, 200},
		{"the scheme is not case-sensitive", guarded, "GET", "/readyz", "bearer " + token, 200},
		{"no token, no metrics", guarded, "GET", "/metrics", "", 401},
		{"a wrong token is refused", guarded, "GET", "/metrics", "Bearer sesame", 401},
		{"another scheme is refused", guarded, "GET", "/metrics", "Basic " + token, 401},
		{"profiles are never public", guarded, "GET", "/debug/pprof/", "Bearer " + token, 404},
		{"without a token set there is nothing", off, "GET", "/metrics", "Bearer ", 404},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			req := httptest.NewRequest(r.method, r.path, nil)
			if r.authorization != "" {
				req.Header.Set("Authorization", r.authorization)
			}
			w := httptest.NewRecorder()
			r.handler.ServeHTTP(w, req)
			if w.Code != r.want {
				t.Errorf("got %d, want %d", w.Code, r.want)
			}
		})
	}
}

// quiet is a logger for tests that look at something else.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
