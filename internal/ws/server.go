package ws

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	gobwas "github.com/gobwas/ws"
)

// Reasons other than a *CloseError that a Handler's Closed may be given; also wrapped network errors.
var (
	ErrAborted      = errors.New("websocket: peer went away without a close frame")
	ErrSilent       = errors.New("websocket: peer was silent for two ping intervals")
	ErrWriteTimeout = errors.New("websocket: peer did not read in time")
)

// ErrStopped is returned by Upgrade when the server is not running.
var ErrStopped = errors.New("websocket: server is not running")

// Options of a Server. The zero value of a field means its default.
type Options struct {
	MaxMessage   int           // bytes of one incoming message; more is closed with 1009; default 1 MiB
	QueueFrames  int           // frames waiting on one connection; default 1024
	QueueBytes   int           // bytes waiting on one connection; default 4 MiB; a frame on an empty queue always fits
	Ping         time.Duration // a peer silent for this long is pinged, for twice this long is dropped; default 30 s
	Linger       time.Duration // under load a connection is written at most this often; default 2 ms, negative: never wait
	WriteTimeout time.Duration // a peer that takes no bytes for this long is dropped; default 10 s
	CloseTimeout time.Duration // time for a close handshake, including what is still queued; default 5 s
	Portable     bool          // a reading goroutine for every connection, even where a poller is known
	Logger       *slog.Logger  // default slog.Default()
}

// ticksPerPing is how finely time is cut for pings and timeouts: coarse, because nothing here needs more and
// the sweep visits every connection.
const ticksPerPing = 4

func (o Options) withDefaults() Options {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	if o.MaxMessage <= 0 {
		o.MaxMessage = 1 << 20
	}
	if o.QueueFrames <= 0 {
		o.QueueFrames = 1024
	}
	if o.QueueBytes <= 0 {
		o.QueueBytes = 4 << 20
	}
	def(&o.Ping, 30*time.Second)
	def(&o.Linger, 2*time.Millisecond)
	def(&o.WriteTimeout, 10*time.Second)
	def(&o.CloseTimeout, 5*time.Second)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// Handler is told what happens on one connection. Its calls never overlap and come in the order Opened,
// Message…, Closed. Any of them may block: that connection is not read meanwhile, others go on.
type Handler interface {
	// Opened comes before Upgrade returns and before anything is read.
	Opened(c *Conn)
	// Message is one whole text message, valid UTF-8. The payload must not be kept or changed after the call.
	Message(c *Conn, payload []byte)
	// Closed comes exactly once, when the socket is gone. The reason is a *CloseError, one of the Err… values
	// or a network error.
	Closed(c *Conn, reason error)
}

// BinaryHandler is a Handler that takes binary messages too. For others a binary message is closed with 1003.
type BinaryHandler interface {
	Handler
	// Binary is Message for a binary message.
	Binary(c *Conn, payload []byte)
}

// Stats are totals since the server was made, except Open.
type Stats struct {
	Open     int64  // connections now
	Opened   uint64 // connections ever
	Received uint64 // messages given to handlers
	Sent     uint64 // frames written
	Writes   uint64 // write calls; Sent/Writes is how many frames were joined
	Bytes    uint64 // bytes written
	Refused  uint64 // frames refused because a queue was full
}

// Server owns what connections share: the poller, the workers that read and write, the sweep that pings.
// All of its methods may be called from any goroutine.
type Server struct {
	opt   Options
	epoch time.Time
	flush flusher
	poll  *poller // nil: every connection is portable
	conns registry
	tick  atomic.Uint32 // counts sweeps
	clock sweeper

	jobs chan *Conn // to an idle read worker
	idle atomic.Int32

	received, refused atomic.Uint64

	mu      sync.Mutex
	running bool
	stopped chan struct{} // closed when the parts below shall end
	wg      sync.WaitGroup
}

// New makes a server; Start must come before Upgrade.
func New(o Options) *Server {
	o = o.withDefaults()
	s := &Server{opt: o, epoch: time.Now(), clock: newSweeper(o), jobs: make(chan *Conn), stopped: make(chan struct{})}
	s.flush.init(s, runtime.GOMAXPROCS(0))
	return s
}

// Start makes the server ready for Upgrade. A server is started once.
func (s *Server) Start(context.Context) error {
	if !s.opt.Portable {
		p, err := newPoller(s)
		if err != nil {
			return fmt.Errorf("start websocket poller: %w", err)
		}
		s.poll = p
	}
	if s.poll != nil {
		s.wg.Go(s.poll.run)
	}
	s.wg.Go(s.flush.pace)
	s.wg.Go(s.sweepLoop)
	s.mu.Lock()
	s.running = true
	s.mu.Unlock()
	return nil
}

// Stop closes every connection with 1001, gives them CloseTimeout (or until ctx is done) to end well, cuts the
// rest, and returns when nothing of the server is running. It waits for handlers, but no longer than ctx.
// Calling it twice is fine.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	was := s.running
	s.running = false
	s.mu.Unlock()
	if !was {
		return nil
	}
	for c := range s.conns.all() {
		c.Close(CloseGoingAway, "server is stopping")
	}
	polite, cancel := context.WithTimeout(ctx, s.opt.CloseTimeout)
	defer cancel()
	empty := s.conns.whenEmpty()
	select {
	case <-empty:
	case <-polite.Done():
		for c := range s.conns.all() {
			c.kill(ErrStopped)
		}
		select {
		case <-empty:
		case <-ctx.Done():
		}
	}
	close(s.stopped)
	if s.poll != nil {
		s.poll.close()
	}
	done := make(chan struct{})
	go func() { s.wg.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop websocket server: %w", ctx.Err())
	}
}

// Stats reports what happened so far.
func (s *Server) Stats() Stats {
	open, opened := s.conns.counts()
	return Stats{
		Open: open, Opened: opened,
		Received: s.received.Load(), Refused: s.refused.Load(),
		Sent: s.flush.sent.Load(), Writes: s.flush.writes.Load(), Bytes: s.flush.bytes.Load(),
	}
}

// UpgradeOptions say how to answer one handshake.
type UpgradeOptions struct {
	Subprotocol string      // selected if the client offers it, else none is
	Header      http.Header // added to the answer
	Handler     Handler     // needed
	MaxMessage  int         // bytes of one incoming message; default: Options.MaxMessage
}

// Upgrade answers a WebSocket handshake (RFC 6455 section 4.2) and takes the connection over from net/http.
// The HTTP handler should return soon after: until then its goroutine and buffers stay. On an error the request
// has been answered and the connection is closed or left to net/http. Checking the Origin is the caller's part.
func (s *Server) Upgrade(w http.ResponseWriter, r *http.Request, o UpgradeOptions) (*Conn, error) {
	if !s.isRunning() {
		http.Error(w, "server is stopping", http.StatusServiceUnavailable)
		return nil, ErrStopped
	}
	up := gobwas.HTTPUpgrader{Header: o.Header, Timeout: s.opt.WriteTimeout}
	if o.Subprotocol != "" {
		up.Protocol = func(p string) bool { return p == o.Subprotocol }
	}
	nc, rw, _, err := up.Upgrade(r, w)
	if err != nil {
		if nc != nil {
			nc.Close()
		}
		return nil, fmt.Errorf("websocket handshake: %w", err)
	}
	var early []byte // what the client sent right behind its request
	if n := rw.Reader.Buffered(); n > 0 {
		p, _ := rw.Reader.Peek(n)
		early = append(early, p...)
	}
	c := &Conn{srv: s, handler: o.Handler, fd: -1, stuckAt: stuckNever}
	c.in.max = cmp.Or(o.MaxMessage, s.opt.MaxMessage)
	c.in.rest, c.early = early, len(early) > 0
	c.remote, _ = netip.ParseAddrPort(r.RemoteAddr)
	c.lastFlush = -int64(time.Hour)
	if err := s.adopt(c, nc); err != nil {
		nc.Close()
		return nil, err
	}
	return c, nil
}

// adopt registers a connection and starts reading it.
func (s *Server) adopt(c *Conn, nc net.Conn) error {
	if tc, ok := nc.(*net.TCPConn); ok && s.poll != nil {
		fd, err := detach(tc)
		if err != nil {
			return err
		}
		c.fd = fd
	} else {
		c.nc = nc
	}
	c.seen.Store(s.tick.Load())
	c.reading.Store(readRunning) // nobody else reads or ends it before dispatch
	s.mu.Lock()
	if !s.running {
		s.mu.Unlock()
		if c.fd >= 0 {
			closeFD(c.fd)
		}
		return ErrStopped
	}
	s.conns.add(c)
	s.mu.Unlock()

	c.handler.Opened(c)
	if c.nc != nil {
		s.wg.Go(c.readLoop)
		return nil
	}
	if err := s.poll.add(c); err != nil {
		c.kill(fmt.Errorf("watch connection: %w", err))
	}
	s.dispatch(c)
	return nil
}

func (s *Server) isRunning() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running
}

// now is the time since the server was made, for pacing.
func (s *Server) now() int64 { return int64(time.Since(s.epoch)) }
