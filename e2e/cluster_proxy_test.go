package e2e

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// relay carries bytes both ways until both sides have ended.
func relay(a, b *net.TCPConn) {
	var both sync.WaitGroup
	one := func(to, from *net.TCPConn) {
		if _, err := io.Copy(to, from); err != nil {
			to.Close()
			from.Close()
			return
		}
		to.CloseWrite() // what is on its way the other way round still arrives
	}
	both.Go(func() { one(a, b) })
	both.Go(func() { one(b, a) })
	both.Wait()
	a.Close()
	b.Close()
}

// proxy takes TCP connections at one address and carries them to others in turn. An address that does not accept is passed
// over. It can be cut: then it drops what it carries and refuses what is new, until it is mended.
type proxy struct {
	addr string

	mu      sync.Mutex
	targets []string
	next    int
	listen  *net.TCPListener // nil while it is cut
	conns   map[*net.TCPConn]bool
	done    sync.WaitGroup
}

func newProxy(t testing.TB, targets ...string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{addr: l.Addr().String(), targets: targets, conns: make(map[*net.TCPConn]bool)}
	p.serve(l.(*net.TCPListener))
	t.Cleanup(func() {
		p.cut()
		p.done.Wait()
	})
	return p
}

func (p *proxy) serve(l *net.TCPListener) {
	p.mu.Lock()
	p.listen = l
	p.mu.Unlock()
	p.done.Go(func() {
		for {
			conn, err := l.AcceptTCP()
			if err != nil {
				return // cut
			}
			p.done.Go(func() { p.carry(conn) })
		}
	})
}

func (p *proxy) carry(conn *net.TCPConn) {
	defer conn.Close()
	p.mu.Lock()
	first := p.next
	p.next++
	targets := p.targets
	p.mu.Unlock()
	for i := range targets {
		to, err := net.DialTimeout("tcp", targets[(first+i)%len(targets)], time.Second)
		if err != nil {
			continue
		}
		tcp := to.(*net.TCPConn)
		if p.hold(conn, tcp) {
			relay(conn, tcp)
		}
		tcp.Close()
		p.release(conn, tcp)
		return
	}
}

// hold makes connections known to cut; false when it was quicker.
func (p *proxy) hold(conns ...*net.TCPConn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listen == nil {
		return false
	}
	for _, c := range conns {
		p.conns[c] = true
	}
	return true
}

func (p *proxy) release(conns ...*net.TCPConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		delete(p.conns, c)
	}
}

// add makes one more target known.
func (p *proxy) add(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.targets = append(p.targets[:len(p.targets):len(p.targets)], target)
}

// cut drops every connection and refuses new ones.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listen == nil {
		return
	}
	p.listen.Close()
	p.listen = nil
	for c := range p.conns {
		c.Close()
	}
}

// mend ends a cut.
func (p *proxy) mend(t testing.TB) {
	t.Helper()
	var l net.Listener
	err := errors.New("not tried")
	for deadline := time.Now().Add(10 * time.Second); err != nil && time.Now().Before(deadline); {
		if l, err = net.Listen("tcp", p.addr); err != nil {
			time.Sleep(20 * time.Millisecond) // somebody's outgoing connection may have the port for a moment
		}
	}
	if err != nil {
		t.Fatalf("the proxy does not get its port back: %v", err)
	}
	p.serve(l.(*net.TCPListener))
}
