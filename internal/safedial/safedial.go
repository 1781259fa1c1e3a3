// Package safedial makes HTTP clients for requests whose address other people chose: link previews, push services, webhooks.
// Such a client reaches public addresses only. The check is made on the address that a socket is about to connect to, after
// the name was resolved, so neither a redirect nor a name that resolves differently the second time gets around it.
//
// What is fetched, how often and by whom does not belong here.
package safedial

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

var (
	// ErrRefused is in the chain of the error when an address must not be reached: its scheme, its port, or what it resolves to.
	ErrRefused = errors.New("address refused")
	// ErrRedirects is in the chain of the error when a redirect goes further than the client follows.
	ErrRedirects = errors.New("too many redirects")
	// ErrTooLarge is the error of a Limit reader when there is more than may be read.
	ErrTooLarge = errors.New("response too large")
)

// Options say how a client behaves. The zero value of a field means its default.
type Options struct {
	UserAgent string        // of every request, whatever the caller set; default: none is sent
	Timeout   time.Duration // of a whole exchange: redirects, and reading the body; default 10 s
	Redirects int           // most that are followed; default 0: ErrRedirects
	Ports     []uint16      // that may be connected to; default 80 and 443
	HTTPSOnly bool          // refuse http, also in redirects

	// Allow are ranges that may be reached although they are not public: what the operator has of their own.
	Allow []netip.Prefix
	// AnyPort lets addresses in Allow be reached on every port.
	AnyPort bool
	// Resolver turns names into addresses; default: the system's.
	Resolver *net.Resolver
	// TLS is the configuration of https; default: the system's authorities.
	TLS *tls.Config
}

const (
	defaultTimeout = 10 * time.Second
	maxHeader      = 64 << 10
	maxIdle        = 32
	idleTimeout    = 30 * time.Second
)

// New makes a client. It uses no proxy and keeps no cookies. Call CloseIdleConnections when it is no longer needed.
func New(o Options) *http.Client {
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if len(o.Ports) == 0 {
		o.Ports = []uint16{80, 443}
	}
	g := &guard{Options: o}
	dialer := &net.Dialer{Timeout: o.Timeout, KeepAlive: -1, Resolver: o.Resolver, ControlContext: g.control}
	g.base = &http.Transport{
		Proxy: nil, DialContext: dialer.DialContext, TLSClientConfig: o.TLS, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: o.Timeout, ResponseHeaderTimeout: o.Timeout, MaxResponseHeaderBytes: maxHeader,
		MaxIdleConns: maxIdle, MaxIdleConnsPerHost: 4, IdleConnTimeout: idleTimeout,
	}
	return &http.Client{Transport: g, CheckRedirect: g.redirect, Timeout: o.Timeout}
}

// guard is the transport of a client: it looks at every request, and at every socket.
type guard struct {
	Options
	base *http.Transport
}

// RoundTrip implements http.RoundTripper. It sees redirected requests too.
func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := g.check(req.URL); err != nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, err
	}
	own := req.Clone(req.Context())
	own.Header.Set("User-Agent", g.UserAgent) // empty: net/http sends none
	return g.base.RoundTrip(own)
}

// CloseIdleConnections is what http.Client looks for.
func (g *guard) CloseIdleConnections() { g.base.CloseIdleConnections() }

// check refuses what can be told from the address alone.
func (g *guard) check(u *url.URL) error {
	port := "443"
	switch {
	case u.Scheme == "http" && !g.HTTPSOnly:
		port = "80"
	case u.Scheme != "https":
		return fmt.Errorf("%w: scheme %q", ErrRefused, u.Scheme)
	}
	if u.User != nil {
		return fmt.Errorf("%w: it holds a user name", ErrRefused)
	}
	if u.Port() != "" {
		port = u.Port()
	}
	if g.AnyPort && len(g.Allow) > 0 {
		return nil // where it leads decides, which is known before the socket connects
	}
	return g.checkPort(port)
}

func (g *guard) checkPort(port string) error {
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || !slices.Contains(g.Ports, uint16(n)) {
		return fmt.Errorf("%w: port %q", ErrRefused, port)
	}
	return nil
}

// control is called for every socket with the address it will connect to, before it does.
func (g *guard) control(_ context.Context, network, address string, _ syscall.RawConn) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil || !strings.HasPrefix(network, "tcp") {
		return fmt.Errorf("%w: %s %q", ErrRefused, network, address)
	}
	addr, err := netip.ParseAddr(host)
	switch {
	case err == nil && within(addr.Unmap(), g.Allow):
		if g.AnyPort {
			return nil
		}
	case err != nil || !Public(addr):
		return fmt.Errorf("%w: %s is not public", ErrRefused, host)
	}
	return g.checkPort(port)
}

func (g *guard) redirect(req *http.Request, via []*http.Request) error {
	if len(via) > g.Redirects {
		return ErrRedirects
	}
	req.Header.Del("Referer") // the page that led there is nobody's business
	return nil
}

// Limit reads from r, and fails with ErrTooLarge once there is more than max bytes; these bytes are delivered.
func Limit(r io.Reader, max int64) io.Reader { return &limited{r: r, left: max} }

type limited struct {
	r    io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if l.left < 0 {
		return 0, ErrTooLarge
	}
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1] // one more than may be delivered tells whether there is more
	}
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return n - 1, ErrTooLarge
	}
	return n, err
}
