package ops

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func TestClientAddress(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	type header = map[string][]string
	rows := []struct {
		name   string
		peer   string
		header header
		want   string
		secure bool
	}{
		{"a direct client", "192.0.2.1:5", nil, "192.0.2.1", false},
		{"a direct client is not believed", "192.0.2.1:5", header{"X-Forwarded-For": {"1.1.1.1"}, "X-Forwarded-Proto": {"https"}}, "192.0.2.1", false},
		{"a proxy names its client", "10.0.0.1:5", header{"X-Forwarded-For": {"192.0.2.1"}}, "192.0.2.1", false},
		{"a proxy without header is the client", "10.0.0.1:5", nil, "10.0.0.1", false},
		{"what the client wrote itself is not believed", "10.0.0.1:5", header{"X-Forwarded-For": {"1.1.1.1, 192.0.2.1"}}, "192.0.2.1", false},
		{"a chain of proxies is followed", "10.0.0.1:5", header{"X-Forwarded-For": {"1.1.1.1, 192.0.2.1, 10.0.0.2, fd00::2"}}, "192.0.2.1", false},
		{"several header lines are one list", "10.0.0.1:5", header{"X-Forwarded-For": {"1.1.1.1", "192.0.2.1", "10.0.0.2"}}, "192.0.2.1", false},
		{"a client inside the trusted networks", "10.0.0.1:5", header{"X-Forwarded-For": {"10.0.0.7, 10.0.0.2"}}, "10.0.0.7", false},
		{"a hop that is no address ends the walk", "10.0.0.1:5", header{"X-Forwarded-For": {"192.0.2.1, unknown, 10.0.0.2"}}, "10.0.0.2", false},
		{"an empty list is no list", "10.0.0.1:5", header{"X-Forwarded-For": {""}}, "10.0.0.1", false},
		{"a port behind the address", "10.0.0.1:5", header{"X-Forwarded-For": {"192.0.2.1:4711"}}, "192.0.2.1", false},
		{"IPv6 with port and brackets", "[fd00::1]:5", header{"X-Forwarded-For": {"[2001:db8::1]:4711"}}, "2001:db8::1", false},
		{"IPv4 written as IPv6", "[::ffff:10.0.0.1]:5", header{"X-Forwarded-For": {"::ffff:192.0.2.1"}}, "192.0.2.1", false},
		{"the proxy ends TLS", "10.0.0.1:5", header{"X-Forwarded-For": {"192.0.2.1"}, "X-Forwarded-Proto": {"https"}}, "192.0.2.1", true},
		{"a client cannot claim TLS past its proxy", "10.0.0.1:5", header{"X-Forwarded-For": {"192.0.2.1"}, "X-Forwarded-Proto": {"https", "http"}}, "192.0.2.1", false},
		{"Forwarded is read", "10.0.0.1:5", header{"Forwarded": {`for="[2001:db8::1]:4711";proto=https;by=10.0.0.1`}}, "2001:db8::1", true},
		{"Forwarded is read from the right", "10.0.0.1:5", header{"Forwarded": {`for=1.1.1.1, For=192.0.2.1, for=10.0.0.2`}}, "192.0.2.1", false},
		{"an element without for ends the walk", "10.0.0.1:5", header{"Forwarded": {`for=192.0.2.1, proto=http`}}, "10.0.0.1", false},
		{"a client's Forwarded does not beat the proxy's own header", "10.0.0.1:5", header{"Forwarded": {"for=1.1.1.1"}, "X-Forwarded-For": {"192.0.2.1"}}, "192.0.2.1", false},
		{"a Unix socket has no address", "@", header{"X-Forwarded-For": {"192.0.2.1"}}, "invalid IP", false},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			req := httptest.NewRequest(http.MethodGet, "/", nil)
			req.RemoteAddr, req.Header = r.peer, r.header
			if got := clientOf(req, trusted); got.Addr.String() != r.want || got.Secure != r.secure {
				t.Errorf("got %v, want %s %t", got, r.want, r.secure)
			}
		})
	}
}

func FuzzClientAddress(f *testing.F) {
	for _, s := range []string{"", "192.0.2.1, 10.0.0.1", `for="[::1]:5";proto=https, for=_hidden`, ",;=\"[", "[fe80::1%eth0]:1"} {
		f.Add(s, s)
	}
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	f.Fuzz(func(t *testing.T, xff, fwd string) {
		req := httptest.NewRequest(http.MethodGet, "/", nil)
		req.RemoteAddr = "10.0.0.1:1"
		for name, value := range map[string]string{"X-Forwarded-For": xff, "Forwarded": fwd} {
			if value != "" {
				req.Header.Set(name, value)
			}
		}
		if c := clientOf(req, trusted); !c.Addr.IsValid() || c.Addr.Zone() != "" {
			t.Fatalf("%q, %q: client %v", xff, fwd, c)
		}
	})
}

func TestRateKey(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::", "::1": "::",
	} {
		if got := (Client{Addr: netip.MustParseAddr(in)}).RateKey(); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

// served sends one request through the middleware and returns answer, log and metrics.
func served(t *testing.T, next http.Handler, req *http.Request) (*httptest.ResponseRecorder, string, map[string]string) {
	t.Helper()
	var out bytes.Buffer
	log, err := NewLogger(&out, "info", "text")
	if err != nil {
		t.Fatal(err)
	}
	m := NewMetrics("x")
	w := httptest.NewRecorder()
	mw := Middleware{Log: log, Metrics: m, HSTS: true, Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	func() {
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler {
				t.Errorf("panic came through: %v", p)
			}
		}()
		mw.Wrap(next).ServeHTTP(w, req)
	}()
	return w, out.String(), scrape(t, m)
}

func TestAccessLogAndMetrics(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /invites/{code}", func(w http.ResponseWriter, r *http.Request) {
		if ClientOf(r.Context()).Addr.String() != "192.0.2.1" || RequestID(r.Context()) == "" {
			t.Error("the handler does not know its request")
		}
		_, _ = io.WriteString(w, "hello")
	})
	w, log, metrics := served(t, mux, httptest.NewRequest(http.MethodGet, "/invites/SESAME?token=SESAME", nil))
	if strings.Contains(log, "SESAME") {
		t.Errorf("secrets in the log: %s", log)
	}
	for _, want := range []string{`route="GET /invites/{code}"`, "status=200", "bytes=5", "client=192.0.2.1", "request=" + w.Header().Get("X-Request-Id")} {
		if !strings.Contains(log, want) {
			t.Errorf("%s lacks %s", log, want)
		}
	}
	expect(t, metrics, map[string]string{
		`chat_http_requests_total{method="GET",route="GET /invites/{code}",status="2xx"}`: "1",
		`chat_http_request_seconds_count{method="GET",route="GET /invites/{code}"}`:       "1",
		`chat_http_requests_in_flight`: "0",
	})
}

func TestRequestLabels(t *testing.T) {
	routed := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		SetRoute(r.Context(), "/room/:token")
		w.WriteHeader(http.StatusTeapot)
	})
	_, _, metrics := served(t, routed, httptest.NewRequest("BREW", "/room/x", nil))
	expect(t, metrics, map[string]string{`chat_http_requests_total{method="other",route="/room/:token",status="4xx"}`: "1"})

	_, _, metrics = served(t, http.NotFoundHandler(), httptest.NewRequest(http.MethodGet, "/nowhere", nil))
	expect(t, metrics, map[string]string{`chat_http_requests_total{method="GET",route="unmatched",status="4xx"}`: "1"})
}

func TestRequestIDs(t *testing.T) {
	rows := []struct {
		name, peer, given string
		kept              bool
	}{
		{"a proxy's id is kept", "10.0.0.1:1", "abc-123_X", true},
		{"a stranger's id is not", "192.0.2.1:1", "abc-123_X", false},
		{"an id that would break a log line is not", "10.0.0.1:1", "a b", false},
		{"a long id is not", "10.0.0.1:1", strings.Repeat("a", 65), false},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			req := httptest.NewRequest(http.MethodGet, "/", nil)
			req.RemoteAddr = r.peer
			req.Header.Set("X-Request-Id", r.given)
			w, _, _ := served(t, http.NotFoundHandler(), req)
			if got := w.Header().Get("X-Request-Id"); got == "" || (got == r.given) != r.kept {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestPanicBecomesAnIncident(t *testing.T) {
	w, log, metrics := served(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("the cause") }),
		httptest.NewRequest(http.MethodGet, "/", nil))
	var problem struct{ Type, Title, Code, Incident, Detail string }
	if err := json.Unmarshal(w.Body.Bytes(), &problem); err != nil {
		t.Fatal(err)
	}
	if w.Code != 500 || w.Header().Get("Content-Type") != "application/problem+json" || problem.Code != "internal" || problem.Incident == "" {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if strings.Contains(w.Body.String(), "cause") {
		t.Error("the client was told the cause")
	}
	if strings.Count(log, "the cause") != 1 || !strings.Contains(log, "incident="+problem.Incident) || !strings.Contains(log, "middleware_test.go") {
		t.Errorf("the log lacks the incident: %s", log)
	}
	expect(t, metrics, map[string]string{"chat_incidents_total": "1", `chat_http_requests_total{method="GET",route="unmatched",status="5xx"}`: "1"})
}

func TestPanicInTheMiddleOfAnAnswer(t *testing.T) {
	mw := Middleware{Log: quiet(), Metrics: NewMetrics("x")}
	srv := httptest.NewServer(mw.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "half")
		w.(http.Flusher).Flush()
		panic("late")
	})))
	defer srv.Close()
	res, err := srv.Client().Get(srv.URL)
	if err == nil {
		defer res.Body.Close()
		_, err = io.ReadAll(res.Body)
	}
	if err == nil {
		t.Error("the client took half an answer for a whole one")
	}
}

func TestAbortedHandlersAreNoIncident(t *testing.T) {
	_, log, metrics := served(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }),
		httptest.NewRequest(http.MethodGet, "/", nil))
	if strings.Contains(log, "incident") || metrics["chat_incidents_total"] != "0" {
		t.Errorf("got %s", log)
	}
}

func TestIncidentFromAHandler(t *testing.T) {
	var out bytes.Buffer
	log, err := NewLogger(&out, "info", "text")
	if err != nil {
		t.Fatal(err)
	}
	mw := Middleware{Log: log, Metrics: NewMetrics("x")}
	if id := mw.Incident(t.Context(), errors.New("disk full")); id == "" || !strings.Contains(out.String(), id) || !strings.Contains(out.String(), "disk full") {
		t.Errorf("got %q, log %s", id, out.String())
	}
}

func TestSecurityHeaders(t *testing.T) {
	req := httptest.NewRequest(http.MethodGet, "/", nil)
	w, _, _ := served(t, http.NotFoundHandler(), req)
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Strict-Transport-Security": "",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	req.RemoteAddr = "10.0.0.1:1"
	req.Header.Set("X-Forwarded-Proto", "https")
	if w, _, _ := served(t, http.NotFoundHandler(), req); w.Header().Get("Strict-Transport-Security") == "" {
		t.Error("no HSTS over TLS")
	}
}

// TestUpgrade: what a WebSocket library needs of a ResponseWriter is there, and
// the connection counts as upgraded.
func TestUpgrade(t *testing.T) {
	m := NewMetrics("x")
	mw := Middleware{Log: quiet(), Metrics: m}
	done := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(done)
		mw.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\n\r\n")
		})).ServeHTTP(w, r)
	}))
	defer srv.Close()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.Contains(line, "101") {
		t.Fatalf("got %q, %v", line, err)
	}
	<-done
	got := scrape(t, m)
	expect(t, got, map[string]string{`chat_http_requests_total{method="GET",route="unmatched",status="1xx"}`: "1"})
	if _, timed := got[`chat_http_request_seconds_count{method="GET",route="unmatched"}`]; timed {
		t.Error("an upgraded connection was timed")
	}

	if _, _, err := (&recorder{ResponseWriter: httptest.NewRecorder()}).Hijack(); !errors.Is(err, http.ErrNotSupported) {
		t.Errorf("hijacking a recorder: %v", err)
	}
}
