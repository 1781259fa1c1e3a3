package ws

import (
	"fmt"
	"io"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// errAgain says that a socket has nothing to read or takes no more now.
var errAgain error = unix.EAGAIN

// poller watches the sockets of all polled connections, edge-triggered and for both directions at once, so
// that after the registration no further system call is needed to watch one. Its epoll descriptor is itself
// watched by the Go runtime, so that waiting costs a parked goroutine and not a thread.
type poller struct {
	srv  *Server
	file *os.File
	raw  syscall.RawConn
}

func newPoller(s *Server) (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // tells os.NewFile that it can be polled
		unix.Close(fd)
		return nil, fmt.Errorf("epoll descriptor: %w", err)
	}
	f := os.NewFile(uintptr(fd), "epoll")
	raw, err := f.SyscallConn()
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("epoll descriptor: %w", err)
	}
	return &poller{srv: s, file: f, raw: raw}, nil
}

// add starts watching a connection; what is ready already is reported too. Closing the socket ends it.
func (p *poller) add(c *Conn) error {
	ev := unix.EpollEvent{
		Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET,
		Fd:     int32(c.slot),
	}
	var res error
	if err := p.raw.Control(func(fd uintptr) { res = unix.EpollCtl(int(fd), unix.EPOLL_CTL_ADD, c.fd, &ev) }); err != nil {
		return err
	}
	return res
}

// run delivers events until close.
func (p *poller) run() {
	var events [256]unix.EpollEvent
	var slots [len(events)]uint32
	var conns [len(events)]*Conn
	err := p.raw.Read(func(fd uintptr) bool {
		for {
			n, err := unix.EpollWait(int(fd), events[:], 0)
			if err == unix.EINTR {
				continue
			}
			if err != nil {
				p.srv.opt.Logger.Error("websocket poller stopped", "err", err)
				return true
			}
			for i, ev := range events[:n] {
				slots[i] = uint32(ev.Fd)
			}
			p.srv.conns.lookup(slots[:n], conns[:])
			for i, ev := range events[:n] {
				if c := conns[i]; c != nil {
					c.event(ev.Events)
				}
			}
			if n < len(events) {
				return false // wait until the runtime says that there is more
			}
		}
	})
	select {
	case <-p.srv.stopped: // close made the read fail
	default:
		if err != nil {
			p.srv.opt.Logger.Error("websocket poller stopped", "err", err)
		}
	}
}

func (p *poller) close() { p.file.Close() }

func (c *Conn) event(events uint32) {
	if events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		c.hup.Store(true)
	}
	if events&(unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		c.wake()
	}
	if events&(unix.EPOLLOUT|unix.EPOLLHUP|unix.EPOLLERR) != 0 && c.wantWrite.CompareAndSwap(true, false) {
		c.mu.Lock()
		p := paceNone
		if c.q != nil && !c.dead && !c.scheduled {
			c.scheduled, p = true, paceNow
		}
		c.mu.Unlock()
		c.srv.flush.schedule(c, p)
	}
}

// detach takes the socket out of the net package, and so out of the runtime's own poller.
func detach(nc *net.TCPConn) (fd int, err error) {
	raw, err := nc.SyscallConn()
	if err != nil {
		return -1, err
	}
	if cerr := raw.Control(func(old uintptr) {
		fd, err = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0)
	}); cerr != nil {
		return -1, cerr
	}
	if err != nil {
		return -1, fmt.Errorf("duplicate socket: %w", err)
	}
	nc.Close()
	return fd, nil
}

// readFD reads what is there. The end of the stream is io.EOF.
func readFD(fd int, p []byte) (int, error) {
	for {
		n, err := unix.Read(fd, p)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

// writeFD writes what the socket takes.
func writeFD(fd int, p []byte) (int, error) {
	for {
		n, err := unix.Write(fd, p)
		if err != unix.EINTR {
			return n, err
		}
	}
}

// shutdownFD ends our direction.
func shutdownFD(fd int) { unix.Shutdown(fd, unix.SHUT_WR) }

func closeFD(fd int) { unix.Close(fd) }
