package ops

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"net/http/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// checkTimeout bounds how long one readiness answer may take.
const checkTimeout = 3 * time.Second

// Health knows what the server depends on. The zero value is alive and ready.
type Health struct {
	mu       sync.Mutex // guards checks
	checks   []check
	draining atomic.Bool
}

type check struct {
	name   string
	needed bool
	ask    func(context.Context) error
}

// Need registers a dependency without which the server is not ready, such as its
// database. ask must return soon after its context ends.
func (h *Health) Need(name string, ask func(context.Context) error) {
	h.add(check{name, true, ask})
}

// Like registers a dependency whose loss the server survives with less to offer;
// it is reported but does not make the server unready. ask is as for Need.
func (h *Health) Like(name string, ask func(context.Context) error) {
	h.add(check{name, false, ask})
}

func (h *Health) add(c check) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.checks = append(h.checks, c)
}

// Drain makes the server unready for good, so that a load balancer sends no more
// connections while the present ones end.
func (h *Health) Drain() { h.draining.Store(true) }

// Report is the answer of /readyz.
type Report struct {
	Status       string       `json:"status"` // ready, degraded, not_ready or draining
	Dependencies []Dependency `json:"dependencies"`
}

// Dependency is the state of one dependency.
type Dependency struct {
	Name   string  `json:"name"`
	State  string  `json:"state"` // up or down
	Needed bool    `json:"needed"`
	Millis float64 `json:"ms"` // how long it took to answer
	Error  string  `json:"error,omitempty"`
}

// Ready says whether the server should be sent work.
func (r Report) Ready() bool { return r.Status == "ready" || r.Status == "degraded" }

// Report asks all dependencies at once and waits for their answers, 3 seconds at
// most. They are listed in the order they were registered in.
func (h *Health) Report(ctx context.Context) Report {
	h.mu.Lock()
	checks := h.checks[:len(h.checks):len(h.checks)]
	h.mu.Unlock()

	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	out := Report{Status: "ready", Dependencies: make([]Dependency, len(checks))}
	var asking sync.WaitGroup
	for i, c := range checks {
		asking.Go(func() {
			start := time.Now()
			err := c.ask(ctx)
			d := Dependency{Name: c.name, State: "up", Needed: c.needed, Millis: float64(time.Since(start).Microseconds()) / 1000}
			if err != nil {
				d.State, d.Error = "down", err.Error()
			}
			out.Dependencies[i] = d
		})
	}
	asking.Wait()

	for _, d := range out.Dependencies {
		switch {
		case d.State == "up":
		case d.Needed:
			out.Status = "not_ready"
		case out.Status == "ready":
			out.Status = "degraded"
		}
	}
	if h.draining.Load() {
		out.Status = "draining"
	}
	return out
}

func (h *Health) serveLive(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]string{"status": "alive"})
}

func (h *Health) serveReady(w http.ResponseWriter, r *http.Request) {
	report := h.Report(r.Context())
	status := http.StatusOK
	if !report.Ready() {
		status = http.StatusServiceUnavailable
	}
	writeJSON(w, status, report)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client is gone; nobody to tell
}

// OperatorHandler serves GET /healthz, /readyz, /metrics and /debug/pprof/ without
// asking who calls: it belongs on a private address.
func OperatorHandler(h *Health, m *Metrics) http.Handler {
	mux := operatorMux(h, m)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// OperatorPaths are the paths that GuardedHandler answers, to be routed to it.
var OperatorPaths = []string{"/healthz", "/readyz", "/metrics"}

// GuardedHandler serves OperatorPaths to callers that send the bearer token, for
// a public listener. With an empty token everything is 404: there is no such thing.
func GuardedHandler(h *Health, m *Metrics, token string) http.Handler {
	if token == "" {
		return http.NotFoundHandler()
	}
	mux := operatorMux(h, m)
	want := sha256.Sum256([]byte(token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		got := sha256.Sum256([]byte(given))
		if !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			w.Header().Set("WWW-Authenticate", `Bearer realm="operator"`)
			WriteProblem(w, Problem{Status: http.StatusUnauthorized, Code: "unauthorized", Detail: "The operator's token is needed."})
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func operatorMux(h *Health, m *Metrics) *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", h.serveLive)
	mux.HandleFunc("GET /readyz", h.serveReady)
	mux.Handle("GET /metrics", m.Handler())
	return mux
}
