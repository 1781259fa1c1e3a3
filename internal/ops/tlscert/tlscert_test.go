package tlscert

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// clock is a time that tests move by hand.
type clock struct{ nanos atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.nanos.Store(time.Now().UnixNano())
	return c
}

func (c *clock) now() time.Time      { return time.Unix(0, c.nanos.Load()) }
func (c *clock) add(d time.Duration) { c.nanos.Add(int64(d)) }
func (c *clock) addDays(n int)       { c.add(time.Duration(n) * 24 * time.Hour) }

// shown is the certificate that a client which trusts it gets in a real
// handshake for host.
func shown(t *testing.T, config *tls.Config, now func() time.Time, host string) *x509.Certificate {
	t.Helper()
	srv := httptest.NewUnstartedServer(http.NotFoundHandler())
	// The test server would add a certificate of its own, so only its listener is used.
	listener := tls.NewListener(srv.Listener, config)
	defer listener.Close()
	served := make(chan error, 1)
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			err = conn.(*tls.Conn).Handshake()
			defer conn.Close()
		}
		served <- err
	}()
	cert, err := config.GetCertificate(&tls.ClientHelloInfo{ServerName: host})
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert.Leaf)
	conn, err := tls.Dial("tcp", listener.Addr().String(), &tls.Config{ServerName: host, RootCAs: roots, Time: now})
	if err != nil {
		t.Fatalf("handshake for %s: %v", host, err)
	}
	defer conn.Close()
	if err := <-served; err != nil {
		t.Fatal(err)
	}
	return conn.ConnectionState().PeerCertificates[0]
}

func TestSelfSigned(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	c := newClock()
	first, err := newSelfSigned(dir, []string{"chat.example", "192.0.2.1"}, c.now)
	if err != nil {
		t.Fatal(err)
	}
	var cert *x509.Certificate
	for _, host := range []string{"localhost", "127.0.0.1", "::1", "chat.example", "192.0.2.1"} {
		cert = shown(t, first.TLSConfig(), c.now, host)
	}
	if key, ok := cert.PublicKey.(*ecdsa.PublicKey); !ok || key.Curve != elliptic.P256() {
		t.Errorf("the key is a %T", cert.PublicKey)
	}
	if info, err := os.Stat(filepath.Join(dir, fileName)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("file: %v, %v", info.Mode(), err)
	}

	again, err := newSelfSigned(dir, []string{"chat.example"}, c.now)
	if err != nil || again.Fingerprint() != first.Fingerprint() {
		t.Errorf("a restart made a new certificate: %v", err)
	}
	more, err := newSelfSigned(dir, []string{"chat.example", "other.example"}, c.now)
	if err != nil || more.Fingerprint() == first.Fingerprint() {
		t.Errorf("a new host is not in the certificate: %v", err)
	}
}

func TestSelfSignedIsRenewedBeforeItsEnd(t *testing.T) {
	dir := t.TempDir()
	c := newClock()
	s, err := newSelfSigned(dir, nil, c.now)
	if err != nil {
		t.Fatal(err)
	}
	print := s.Fingerprint()
	if len(print) != 32*3-1 || strings.Trim(print, "0123456789ABCDEF:") != "" {
		t.Errorf("fingerprint %s", print)
	}
	c.addDays(334)
	if shown(t, s.TLSConfig(), c.now, "localhost"); s.Fingerprint() != print {
		t.Error("renewed early")
	}
	c.addDays(2)
	cert := shown(t, s.TLSConfig(), c.now, "localhost")
	if s.Fingerprint() == print || cert.NotAfter.Before(c.now().Add(300*24*time.Hour)) {
		t.Error("not renewed")
	}
	if again, err := newSelfSigned(dir, nil, c.now); err != nil || again.Fingerprint() != s.Fingerprint() {
		t.Errorf("the renewed one was not kept: %v", err)
	}
}

func TestABrokenCertificateIsNotReplaced(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, fileName)
	if err := os.WriteFile(path, []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := NewSelfSigned(dir, nil); err == nil || !strings.Contains(err.Error(), "remove "+path) {
		t.Errorf("got %v", err)
	}
}

// pairFiles makes a pair of files for Files out of a fresh certificate.
func pairFiles(t *testing.T) (content []byte, print string) {
	t.Helper()
	dir := t.TempDir()
	s, err := NewSelfSigned(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	content, err = os.ReadFile(filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	return content, s.Fingerprint()
}

func TestFilesAreReadAgainWhenTheyChange(t *testing.T) {
	one, onePrint := pairFiles(t)
	two, twoPrint := pairFiles(t)
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	c := newClock()
	// Files are stamped by hand: two writes may fall into one tick of the file system.
	tick := time.Now().Add(-time.Hour)
	write := func(path string, content []byte) {
		t.Helper()
		tick = tick.Add(time.Second)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, tick, tick); err != nil {
			t.Fatal(err)
		}
	}
	write(cert, one)
	write(key, one)
	var log bytes.Buffer
	f, err := NewFiles(cert, key, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	f.now = c.now
	expect := func(when, print string, lines int) {
		t.Helper()
		c.add(lookAgain)
		for range 2 { // the second look finds nothing new
			if got := Fingerprint(f.certificate()); got != print {
				t.Errorf("%s: got %s, want %s", when, got, print)
			}
			c.add(lookAgain)
		}
		if n := strings.Count(log.String(), "\n"); n != lines {
			t.Errorf("%s: %d lines logged, want %d: %s", when, n, lines, log.String())
		}
	}
	expect("nothing changed", onePrint, 0)
	write(cert, two)
	expect("only the certificate changed", onePrint, 1)
	write(key, two)
	expect("the key followed", twoPrint, 2)
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	expect("a file is gone", twoPrint, 3)
	write(key, two)
	expect("it is back", twoPrint, 4)
	if got := shown(t, f.TLSConfig(), time.Now, "localhost"); got == nil {
		t.Error("no handshake")
	}
}

func TestFilesThatAreNoPair(t *testing.T) {
	dir := t.TempDir()
	one, _ := pairFiles(t)
	two, _ := pairFiles(t)
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if _, err := NewFiles(cert, key, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("missing files were taken")
	}
	for path, content := range map[string][]byte{cert: one, key: two} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := NewFiles(cert, key, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a certificate with another's key was taken")
	}
}

func TestACME(t *testing.T) {
	asked := make(chan string, 10)
	authority := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case asked <- r.URL.Path:
		default:
		}
		http.Error(w, "no certificates today", http.StatusForbidden)
	}))
	defer authority.Close()
	dir := filepath.Join(t.TempDir(), "acme")
	a, err := NewACME(ACMEConfig{Dir: dir, Hosts: []string{"chat.example.org"}, Email: "a@example.org",
		Directory: authority.URL + "/directory", Client: authority.Client()})
	if err != nil {
		t.Fatal(err)
	}
	config := a.TLSConfig()
	if !slices.Contains(config.NextProtos, "acme-tls/1") || !slices.Contains(config.NextProtos, "http/1.1") {
		t.Errorf("protocols %v", config.NextProtos)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("directory: %v, %v", info, err)
	}

	hello := func(host string) *tls.ClientHelloInfo {
		return &tls.ClientHelloInfo{ServerName: host, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
			SupportedCurves: []tls.CurveID{tls.CurveP256}, SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256}}
	}
	if _, err := config.GetCertificate(hello("evil.example.org")); err == nil || len(asked) != 0 {
		t.Errorf("another host was asked for: %v", err)
	}
	if _, err := config.GetCertificate(hello("chat.example.org")); err == nil || len(asked) == 0 {
		t.Errorf("the authority was not asked: %v", err)
	} else if path := <-asked; path != "/directory" {
		t.Errorf("asked for %s first", path)
	}

	w := httptest.NewRecorder()
	a.HTTPHandler(nil).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://chat.example.org/x", nil))
	if w.Code != http.StatusFound || w.Header().Get("Location") != "https://chat.example.org/x" {
		t.Errorf("redirect: %d %s", w.Code, w.Header().Get("Location"))
	}
	if _, err := NewACME(ACMEConfig{Dir: dir}); err == nil {
		t.Error("no hosts is no fault")
	}
}
