package ws

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	gobwas "github.com/gobwas/ws"
)

// A transport is one of the ways a connection can be served. Every behaviour is tested over all of them.
type transport struct {
	name     string
	portable bool
	tls      bool
}

var transports = []transport{
	{name: "polled"},
	{name: "portable", portable: true},
	{name: "over TLS", tls: true},
}

// each runs a test over every transport, and checks that it leaves no goroutine behind.
func each(t *testing.T, test func(t *testing.T, tr transport)) {
	for _, tr := range transports {
		t.Run(tr.name, func(t *testing.T) {
			defer checkLeaks(t)
			test(t, tr)
		})
	}
}

// checkLeaks waits until no goroutine of the package but the test's own is left.
func checkLeaks(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		var b bytes.Buffer
		pprof.Lookup("goroutine").WriteTo(&b, 2)
		left := ""
		for _, g := range strings.Split(b.String(), "\n\n") {
			if strings.Contains(g, "internal/ws.(*") && !strings.Contains(g, "checkLeaks") {
				left += g + "\n\n"
			}
		}
		if left == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("goroutines left:\n%s", left)
		}
		time.Sleep(time.Millisecond) // between looks; what is waited for is that they are gone
	}
}

// rig is a running server that hands every connection to a recorder.
type rig struct {
	*Server
	http    *httptest.Server
	tls     bool
	handler func(r *http.Request) Handler
	opened  chan *recorder
	upgrade UpgradeOptions
	peers   []*peer
}

func newRig(t *testing.T, tr transport, o Options) *rig {
	t.Helper()
	o.Portable = tr.portable
	o.Logger = slog.New(slog.DiscardHandler)
	r := &rig{Server: New(o), tls: tr.tls, opened: make(chan *recorder, 100)}
	r.handler = func(*http.Request) Handler { return newRecorder(r) }
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.http = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		o := r.upgrade
		o.Handler = r.handler(req)
		r.Upgrade(w, req, o)
	}))
	r.http.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	if tr.tls {
		r.http.StartTLS()
	} else {
		r.http.Start()
	}
	t.Cleanup(r.http.Close)
	return r
}

// stop ends the peers, so that nobody waits for their close frames, and then the server.
func (r *rig) stop(t *testing.T) {
	t.Helper()
	for _, p := range r.peers {
		p.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := r.Stop(ctx); err != nil {
		t.Fatal(err)
	}
}

// recorder is a Handler that keeps what it is told.
type recorder struct {
	rig      *rig
	conn     *Conn
	messages chan string
	closed   chan error
}

func newRecorder(r *rig) *recorder {
	return &recorder{rig: r, messages: make(chan string, 10000), closed: make(chan error, 10)}
}

func (h *recorder) Opened(c *Conn) {
	h.conn = c
	h.rig.opened <- h
}
func (h *recorder) Message(_ *Conn, p []byte)   { h.messages <- string(p) }
func (h *recorder) Closed(_ *Conn, err error)   { h.closed <- err }
func (h *recorder) reason(t *testing.T) error   { return take(t, h.closed) }
func (h *recorder) message(t *testing.T) string { return take(t, h.messages) }

// take is the next value of a channel; that it never comes is a failure, not a hang.
func take[T any](t *testing.T, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(20 * time.Second):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// peer is a client made of bare frames, so that it can break every rule.
type peer struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

const handshake = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

// connect opens a connection, with early written right behind the request.
func (r *rig) connect(t *testing.T, early string) *peer {
	t.Helper()
	addr := r.http.Listener.Addr().String()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if r.tls {
		nc = tls.Client(nc, &tls.Config{InsecureSkipVerify: true})
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetReadDeadline(time.Now().Add(30 * time.Second)) // a hang becomes a failure
	p := &peer{t, nc, bufio.NewReader(nc)}
	r.peers = append(r.peers, p)
	p.write(handshake + "\r\n" + early)
	resp, err := http.ReadResponse(p.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("handshake answered with %s", resp.Status)
	}
	return p
}

// open is connect with the handler of the new connection.
func (r *rig) open(t *testing.T) (*peer, *recorder) {
	t.Helper()
	p := r.connect(t, "")
	return p, take(t, r.opened)
}

func (p *peer) write(s string) {
	p.t.Helper()
	if _, err := io.WriteString(p.Conn, s); err != nil {
		p.t.Fatal(err)
	}
}

// masked is a frame as a client sends it.
func masked(first byte, payload string) string {
	var b bytes.Buffer
	f := gobwas.NewFrame(gobwas.OpCode(first&0x0f), first&0x80 != 0, []byte(payload))
	f.Header.Rsv = first & 0x70 >> 4
	gobwas.MustWriteFrame(&b, gobwas.MaskFrameWith(f, [4]byte{1, 2, 3, 4}))
	return b.String()
}

// text is a whole text message as a client sends it.
func text(s string) string { return masked(0x81, s) }

// frame reads the next frame; io.EOF is the end of the connection.
func (p *peer) frame() (op gobwas.OpCode, payload string, err error) {
	h, err := gobwas.ReadHeader(p.r)
	if err != nil {
		return 0, "", err
	}
	b := make([]byte, h.Length)
	_, err = io.ReadFull(p.r, b)
	return h.OpCode, string(b), err
}

func (p *peer) wants(op gobwas.OpCode, payload string) {
	p.t.Helper()
	gotOp, got, err := p.frame()
	if err != nil {
		p.t.Fatalf("instead of frame %x %.80q: %v", op, payload, err)
	}
	if gotOp != op || got != payload {
		p.t.Fatalf("got frame %x %.80q, want %x %.80q", gotOp, got, op, payload)
	}
}

// wantsClose expects a close frame, with any reason, and then the end.
func (p *peer) wantsClose(code int) {
	p.t.Helper()
	op, payload, err := p.frame()
	if err != nil || op != gobwas.OpClose {
		p.t.Fatalf("instead of a close frame: %x %.80q, %v", op, payload, err)
	}
	got, _ := gobwas.ParseCloseFrameData([]byte(payload))
	if code == CloseNoStatus && payload != "" || code != CloseNoStatus && int(got) != code {
		p.t.Fatalf("closed with %q, want %d", payload, code)
	}
}

func (p *peer) wantsEnd() {
	p.t.Helper()
	if op, payload, err := p.frame(); !errors.Is(err, io.EOF) {
		p.t.Fatalf("instead of the end: %x %.80q, %v", op, payload, err)
	}
}

func closeBody(code int, reason string) string {
	return string(gobwas.NewCloseFrameBody(gobwas.StatusCode(code), reason))
}

// wantsReason compares the reason of a close.
func wantsReason(t *testing.T, got error, want *CloseError) {
	t.Helper()
	var e *CloseError
	if !errors.As(got, &e) {
		t.Fatalf("closed because of %v, want %v", got, want)
	}
	if e.Code != want.Code || e.Peer != want.Peer || want.Reason != "" && e.Reason != want.Reason {
		t.Fatalf("closed because of %v, want %v", e, want)
	}
}
