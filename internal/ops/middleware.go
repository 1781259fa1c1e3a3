package ops

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"
)

// Middleware wraps the handler of a listener: request id, client address, access
// log, metrics, security headers and recovery from panics.
type Middleware struct {
	Log     *slog.Logger
	Metrics *Metrics
	Trusted []netip.Prefix // proxies whose forwarding headers are believed
	HSTS    bool           // tell browsers to insist on TLS; not for a self-signed certificate
}

// info is what Middleware knows of a request, reachable through its context.
type info struct {
	id     string
	client Client
	route  string // set by SetRoute, else the pattern of the ServeMux
}

type infoKey struct{}

func infoOf(ctx context.Context) *info {
	in, _ := ctx.Value(infoKey{}).(*info)
	return in
}

// RequestID is the id of the request whose context this is; "" outside of one.
func RequestID(ctx context.Context) string {
	if in := infoOf(ctx); in != nil {
		return in.id
	}
	return ""
}

// SetRoute names the route of a request for log and metrics, where a handler does
// its own routing behind one pattern of the ServeMux. route must be one of a fixed
// set. It is to be called by the handler itself, before it returns.
func SetRoute(ctx context.Context, route string) {
	if in := infoOf(ctx); in != nil {
		in.route = route
	}
}

// Wrap returns next with everything around it. The access log has the route
// pattern, never the path or query, which may hold invite codes, file keys and tokens.
func (m Middleware) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		in := &info{client: clientOf(r, m.Trusted)}
		in.id = requestID(r, isTrusted(hopAddr(r.RemoteAddr), m.Trusted))
		ctx := context.WithValue(r.Context(), infoKey{}, in)
		r = r.WithContext(ctx)

		m.secure(w.Header(), in.client)
		w.Header().Set("X-Request-Id", in.id)
		rec := &recorder{ResponseWriter: w}
		m.Metrics.inFlight.Inc()
		defer func() {
			m.Metrics.inFlight.Dec()
			// The ServeMux has noted its pattern in the request we passed on.
			m.served(ctx, r, rec, time.Since(start))
		}()
		m.recovered(ctx, rec, r, next)
	})
}

// recovered serves the request and turns a panic into an incident. An answer that
// has begun cannot be taken back: the connection is broken off instead.
func (m Middleware) recovered(ctx context.Context, rec *recorder, r *http.Request, next http.Handler) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if p == http.ErrAbortHandler {
			panic(p)
		}
		id := m.incident(ctx, fmt.Errorf("panic: %v", p), slog.String("stack", string(debug.Stack())))
		switch {
		case rec.hijacked:
		case rec.status != 0:
			panic(http.ErrAbortHandler)
		default:
			WriteProblem(rec, InternalProblem(id))
		}
	}()
	next.ServeHTTP(rec, r)
}

func (m Middleware) served(ctx context.Context, r *http.Request, rec *recorder, took time.Duration) {
	in := infoOf(ctx)
	route := in.route
	if route == "" {
		route = r.Pattern
	}
	status := rec.status
	switch {
	case rec.hijacked:
		status = http.StatusSwitchingProtocols
	case status == 0:
		status = http.StatusOK
	}
	if rec.hijacked {
		m.Metrics.httpServed(route, r.Method, status, -1)
	} else {
		m.Metrics.httpServed(route, r.Method, status, took)
	}
	attrs := []slog.Attr{
		slog.String("method", r.Method), slog.String("route", route), slog.Int("status", status),
		slog.Int64("bytes", rec.bytes), slog.Duration("took", took), slog.String("client", in.client.Addr.String()),
	}
	m.Log.LogAttrs(ctx, slog.LevelInfo, "request", attrs...)
}

// secure sets the headers every answer should have. A handler that shows a page
// replaces the policy, which here allows nothing.
func (m Middleware) secure(h http.Header, c Client) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	if m.HSTS && c.Secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// requestID takes over the id of a trusted proxy, if it is one, and else makes one.
func requestID(r *http.Request, trusted bool) string {
	if id := r.Header.Get("X-Request-Id"); trusted && id != "" && len(id) <= 64 && strings.Trim(id, idLetters) == "" {
		return id
	}
	return newID()
}

const idLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// newID is short enough to be read out over the telephone; 80 bits.
func newID() string { return strings.ToLower(rand.Text()[:16]) }

// Incident logs a fault of the server once, with a fresh incident id, and returns
// the id, which is all that a client is told. It is for the edges: errors that
// are the client's are not incidents.
func (m Middleware) Incident(ctx context.Context, err error) string {
	return m.incident(ctx, err)
}

func (m Middleware) incident(ctx context.Context, err error, attrs ...slog.Attr) string {
	id := newID()
	m.Metrics.incidents.Inc()
	attrs = append([]slog.Attr{slog.String("incident", id), slog.Any("error", err)}, attrs...)
	m.Log.LogAttrs(ctx, slog.LevelError, "incident", attrs...)
	return id
}

// Problem is an error answer of RFC 9457.
type Problem struct {
	Status   int    // also sent in the body
	Code     string // stable snake_case word
	Detail   string // fit to be shown to a person
	Incident string // "" = none
}

// InternalProblem tells a client the id of an incident and nothing more.
func InternalProblem(incident string) Problem {
	return Problem{Status: http.StatusInternalServerError, Code: "internal", Detail: "Something went wrong on the server.", Incident: incident}
}

// WriteProblem writes p as application/problem+json.
func WriteProblem(w http.ResponseWriter, p Problem) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(struct { // the client is gone; nobody to tell
		Type     string `json:"type"`
		Title    string `json:"title"`
		Status   int    `json:"status"`
		Detail   string `json:"detail"`
		Code     string `json:"code"`
		Incident string `json:"incident,omitempty"`
	}{"about:blank", http.StatusText(p.Status), p.Status, p.Detail, p.Code, p.Incident})
}

// recorder notes what becomes of an answer. It passes on what WebSocket libraries
// and file serving ask a ResponseWriter for.
type recorder struct {
	http.ResponseWriter
	status   int // 0 = nothing written yet
	bytes    int64
	hijacked bool
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= 200 { // 1xx are not the answer
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

// ReadFrom lets the kernel copy files.
func (r *recorder) ReadFrom(src io.Reader) (int64, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := io.Copy(r.ResponseWriter, src)
	r.bytes += n
	return n, err
}

func (r *recorder) Flush() {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	_ = http.NewResponseController(r.ResponseWriter).Flush() // as http.Flusher: nothing to report to
}

func (r *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(r.ResponseWriter).Hijack()
	if err == nil {
		r.hijacked = true
	}
	return conn, rw, err
}

// Unwrap is what http.ResponseController looks for.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
