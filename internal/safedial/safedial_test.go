package safedial

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// names is a name server: for every name the addresses of its next answer; the last answer stays.
type names struct {
	mu      sync.Mutex
	answers map[string][][]string
}

func (n *names) next(name string) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	list := n.answers[name]
	if len(list) == 0 {
		return nil
	}
	if len(list) > 1 {
		n.answers[name] = list[1:]
	}
	return list[0]
}

// resolver asks the name server over a pipe, in the framing of TCP (RFC 1035, 4.2.2).
func (n *names) resolver(t *testing.T) *net.Resolver {
	var served sync.WaitGroup
	t.Cleanup(served.Wait)
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		served.Go(func() {
			defer server.Close()
			for n.answer(server) == nil {
			}
		})
		return client, nil
	}}
}

func (n *names) answer(conn net.Conn) error {
	var size uint16
	if err := binary.Read(conn, binary.BigEndian, &size); err != nil {
		return err
	}
	query := make([]byte, size)
	if _, err := io.ReadFull(conn, query); err != nil {
		return err
	}
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		return err
	}
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	q := m.Questions[0]
	if q.Type == dnsmessage.TypeA { // the names of these tests have no other
		for _, a := range n.next(strings.TrimSuffix(q.Name.String(), ".")) {
			m.Answers = append(m.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class}, Body: &dnsmessage.AResource{A: netip.MustParseAddr(a).As4()},
			})
		}
	}
	packed, err := m.Pack()
	if err != nil {
		return err
	}
	_, err = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(packed))), packed...))
	return err
}

// site is a web server on every loopback address that counts who came. The tests allow 127.0.0.1 and treat 127.0.0.2, the
// same server, as the private address that must not be reached.
type site struct {
	*httptest.Server
	port string

	mu   sync.Mutex
	seen []*http.Request
}

func newSite(t *testing.T) *site {
	s := &site{}
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "track", Value: "1"})
		_, _ = io.WriteString(w, "hello")
	})
	mux.HandleFunc("/to", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Query().Get("url"), http.StatusFound)
	})
	mux.HandleFunc("/hops", func(w http.ResponseWriter, r *http.Request) {
		if n, _ := strconv.Atoi(r.URL.Query().Get("n")); n > 0 {
			http.Redirect(w, r, fmt.Sprint("/hops?n=", n-1), http.StatusFound)
		}
	})
	mux.HandleFunc("/never", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/stalls", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "so far")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.seen = append(s.seen, r)
		s.mu.Unlock()
		mux.ServeHTTP(w, r)
	}))
	_ = s.Listener.Close()
	var err error
	if s.Listener, err = net.Listen("tcp", "0.0.0.0:0"); err != nil {
		t.Fatal(err)
	}
	_, s.port, _ = net.SplitHostPort(s.Listener.Addr().String())
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func (s *site) requests() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}

// client may reach 127.0.0.1 on the site's port, and nothing else that is not public.
func (s *site) client(t *testing.T, change func(*Options)) *http.Client {
	port, err := strconv.ParseUint(s.port, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{UserAgent: "Test/1", Redirects: 3, Ports: []uint16{uint16(port)}, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Timeout: time.Minute}
	if change != nil {
		change(&o)
	}
	c := New(o)
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func get(c *http.Client, address string) (string, error) {
	resp, err := c.Get(address)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

func TestWhatIsRefused(t *testing.T) {
	rows := []struct {
		name    string
		url     string // PORT is the site's
		change  func(*Options)
		want    error
		reached int // requests that the site saw
	}{
		{"an allowed address is reached", "http://127.0.0.1:PORT/", nil, nil, 1},
		{"a name with an allowed address is reached", "http://good.test:PORT/", nil, nil, 1},
		{"nothing is allowed by default", "http://127.0.0.1:PORT/", func(o *Options) { o.Allow = nil }, ErrRefused, 0},
		{"a private address", "http://127.0.0.2:PORT/", nil, ErrRefused, 0},
		{"a private address, mapped", "http://[::ffff:127.0.0.2]:PORT/", nil, ErrRefused, 0},
		{"IPv6 loopback", "http://[::1]:PORT/", nil, ErrRefused, 0},
		{"the unspecified address", "http://0.0.0.0:PORT/", nil, ErrRefused, 0},
		{"localhost", "http://localhost:PORT/", func(o *Options) { o.Allow = nil }, ErrRefused, 0},
		{"a name with a private address", "http://bad.test:PORT/", nil, ErrRefused, 0},
		{"of two addresses the allowed one is taken", "http://both.test:PORT/", nil, nil, 1},
		{"a redirect to a private address", "http://good.test:PORT/to?url=http://127.0.0.2:PORT/", nil, ErrRefused, 1},
		{"a redirect to a name with a private address", "http://good.test:PORT/to?url=http://bad.test:PORT/", nil, ErrRefused, 1},
		{"a redirect to another port", "http://good.test:PORT/to?url=http://good.test:1/", nil, ErrRefused, 1},
		{"a redirect to another scheme", "http://good.test:PORT/to?url=file:///etc/passwd", nil, ErrRefused, 1},
		{"as many redirects as are followed", "http://good.test:PORT/hops?n=3", nil, nil, 4},
		{"one redirect more", "http://good.test:PORT/hops?n=4", nil, ErrRedirects, 4},
		{"no redirects by default", "http://good.test:PORT/hops?n=1", func(o *Options) { o.Redirects = 0 }, ErrRedirects, 1},
		{"another port", "http://good.test:1/", nil, ErrRefused, 0},
		{"another port where all may be reached", "http://good.test:PORT/", func(o *Options) { o.Ports, o.AnyPort = nil, true }, nil, 1},
		{"another port of an address that is not among those", "http://bad.test:PORT/", func(o *Options) { o.Ports, o.AnyPort = nil, true }, ErrRefused, 0},
		{"another port of a public address", "http://far.test:1/", func(o *Options) { o.Ports, o.AnyPort = nil, true }, ErrRefused, 0},
		{"another port, with nothing allowed", "http://good.test:PORT/", func(o *Options) { o.Allow, o.AnyPort = nil, true }, ErrRefused, 0},
		{"ports 80 and 443 only, by default", "http://good.test:PORT/", func(o *Options) { o.Ports = nil }, ErrRefused, 0},
		{"http where only https may be", "http://good.test:PORT/", func(o *Options) { o.HTTPSOnly = true }, ErrRefused, 0},
		{"another scheme", "ftp://good.test:PORT/", nil, ErrRefused, 0},
		{"a user name in the address", "http://me:secret@good.test:PORT/", nil, ErrRefused, 0},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			s := newSite(t)
			dns := &names{answers: map[string][][]string{
				"good.test": {{"127.0.0.1"}}, "bad.test": {{"127.0.0.2"}}, "both.test": {{"127.0.0.2", "127.0.0.1"}}, "far.test": {{"93.184.215.14"}},
			}}
			c := s.client(t, func(o *Options) {
				o.Resolver = dns.resolver(t)
				if r.change != nil {
					r.change(o)
				}
			})
			_, err := get(c, strings.ReplaceAll(r.url, "PORT", s.port))
			if !errors.Is(err, r.want) {
				t.Errorf("got %v, want %v", err, r.want)
			}
			if n := len(s.requests()); n != r.reached {
				t.Errorf("the site saw %d requests, want %d", n, r.reached)
			}
		})
	}
}

func TestNameThatResolvesDifferentlyTheSecondTime(t *testing.T) {
	s := newSite(t)
	dns := &names{answers: map[string][][]string{"rebind.test": {{"127.0.0.1"}, {"127.0.0.2"}}}}
	c := s.client(t, func(o *Options) { o.Resolver = dns.resolver(t) })
	if _, err := get(c, "http://rebind.test:"+s.port+"/"); err != nil {
		t.Fatalf("the first time: %v", err)
	}
	c.CloseIdleConnections()
	if _, err := get(c, "http://rebind.test:"+s.port+"/"); !errors.Is(err, ErrRefused) {
		t.Errorf("the second time: %v", err)
	}
	if n := len(s.requests()); n != 1 {
		t.Errorf("the site saw %d requests", n)
	}
}

func TestWhatARequestTells(t *testing.T) {
	s := newSite(t)
	t.Setenv("HTTP_PROXY", "http://127.0.0.2:"+s.port)
	t.Setenv("http_proxy", "http://127.0.0.2:"+s.port)
	c := s.client(t, nil)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.at("/to", "url", "/"), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("User-Agent", "someone else")
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if _, err := get(c, s.at("/", "", "")); err != nil { // after a cookie was set
		t.Fatal(err)
	}
	if len(s.requests()) != 3 {
		t.Fatalf("%d requests", len(s.requests()))
	}
	for i, r := range s.requests() {
		if r.UserAgent() != "Test/1" || r.Header.Get("Cookie") != "" || r.Referer() != "" || r.Host != "127.0.0.1:"+s.port {
			t.Errorf("request %d: %s %v", i, r.Host, r.Header)
		}
	}
	if req.UserAgent() != "someone else" {
		t.Error("the caller's request was changed")
	}
}

func (s *site) at(path, key, value string) string {
	u := url.URL{Scheme: "http", Host: "127.0.0.1:" + s.port, Path: path}
	if key != "" {
		u.RawQuery = url.Values{key: {value}}.Encode()
	}
	return u.String()
}

func TestTimeout(t *testing.T) {
	for _, path := range []string{"/never", "/stalls"} {
		t.Run("the whole exchange ends in time at "+path, func(t *testing.T) {
			s := newSite(t)
			c := s.client(t, func(o *Options) { o.Timeout = 50 * time.Millisecond })
			_, err := get(c, s.at(path, "", ""))
			var timeout net.Error
			if !errors.As(err, &timeout) || !timeout.Timeout() {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestLimit(t *testing.T) {
	rows := []struct {
		name, text string
		max        int64
		want       string
		err        error
	}{
		{"nothing", "", 3, "", nil},
		{"less than the limit", "ab", 3, "ab", nil},
		{"exactly the limit", "abc", 3, "abc", nil},
		{"more than the limit", "abcd", 3, "abc", ErrTooLarge},
		{"a limit of nothing", "a", 0, "", ErrTooLarge},
	}
	for _, r := range rows {
		for _, step := range []int{1, 2, 100} {
			t.Run(fmt.Sprintf("%s, in steps of %d", r.name, step), func(t *testing.T) {
				var got strings.Builder
				l, buf := Limit(strings.NewReader(r.text), r.max), make([]byte, step)
				var err error
				for err == nil {
					var n int
					n, err = l.Read(buf)
					got.Write(buf[:n])
				}
				if err == io.EOF {
					err = nil
				}
				if got.String() != r.want || !errors.Is(err, r.err) {
					t.Errorf("got %q, %v", got.String(), err)
				}
				if _, again := l.Read(buf); r.err != nil && !errors.Is(again, r.err) {
					t.Errorf("then %v", again)
				}
			})
		}
	}
}
