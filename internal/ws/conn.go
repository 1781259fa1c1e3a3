package ws

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	gobwas "github.com/gobwas/ws"
)

// Conn is one WebSocket connection. Its methods may be called from any goroutine and never block.
type Conn struct {
	// Touched by every Send; kept together for the cache.
	mu        sync.Mutex // innermost: nothing else is locked while it is held
	q         *queue     // nil when nothing waits
	bytes     int        // in q
	lastFlush int64      // Server.now of the last write
	scheduled bool       // the flusher will visit, or is visiting
	closing   bool       // a close frame is the last of q, or was written
	peerDone  bool       // the peer's close frame was read, or its input is refused: cut once q is written
	draining  bool       // input is refused: read and throw away
	cut       bool       // without farewell
	dead      bool       // no more reading and writing; ends as soon as nobody uses the socket
	ended     bool       // readLoop is over (portable only)
	finished  bool       // handler.Closed was or will be called
	stuckAt   uint32     // tick at which the socket took no more, or stuckNever
	closeAt   uint32     // tick of closing
	reason    error      // for handler.Closed; first one wins

	srv     *Server
	handler Handler
	remote  netip.AddrPort
	nc      net.Conn // nil when polled
	fd      int      // -1 when portable
	slot    uint32   // in the registry

	seen      atomic.Uint32 // tick at which the peer was last heard
	reading   atomic.Uint32 // readIdle, readRunning, readAgain (polled only)
	hup       atomic.Bool   // the peer has finished sending: read until the end
	wantWrite atomic.Bool   // the flusher waits for the socket to take more
	busy      atomic.Bool   // in the handler

	early bool // in.rest was read before the upgrade and not decoded yet
	in    decoder
}

// queue is what waits on a connection, the oldest first.
type queue struct {
	frames []*Frame
	head   int // first frame not wholly written
	off    int // bytes of it already written
}

var queues = sync.Pool{New: func() any { return new(queue) }}

// recycle gives an empty queue back.
func (q *queue) recycle() {
	clear(q.frames)
	q.frames, q.head, q.off = q.frames[:0], 0, 0
	queues.Put(q)
}

// RemoteAddr is the address of the peer as net/http reported it; invalid if that was not an IP address.
func (c *Conn) RemoteAddr() netip.AddrPort { return c.remote }

// Queued is the number of frames not yet given to the socket.
func (c *Conn) Queued() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.queuedLocked()
}

func (c *Conn) queuedLocked() int {
	if c.q == nil {
		return 0
	}
	return len(c.q.frames) - c.q.head
}

// Send queues a frame. It reports false, and queues nothing, when the queue is full or the connection is
// closing; the caller decides whether to resync the peer later or to Close.
func (c *Conn) Send(f *Frame) bool {
	ok, pace := c.enqueue(c.srv.now(), f)
	c.srv.flush.schedule(c, pace)
	return ok
}

// SendText is Send for a text that only this connection gets.
func (c *Conn) SendText(text []byte) bool { return c.Send(NewFrame(text)) }

// SendAll queues the same frames, in order, on every connection: for each all of them or none. It returns the
// connections that refused them. It costs less than a Send for each.
func (s *Server) SendAll(conns []*Conn, frames ...*Frame) (refused []*Conn) {
	if len(frames) == 0 {
		return nil
	}
	l := lists.Get().(*paceLists)
	now := s.now()
	for _, c := range conns {
		ok, pace := c.enqueue(now, frames...)
		if !ok {
			refused = append(refused, c)
		}
		switch pace {
		case paceNow:
			l.urgent = append(l.urgent, c)
		case paceRound:
			l.round = append(l.round, c)
		}
	}
	s.flush.scheduleAll(l)
	l.recycle()
	return refused
}

// enqueue appends frames and says whether, and how soon, the flusher must be told.
func (c *Conn) enqueue(now int64, frames ...*Frame) (ok bool, p pace) {
	size := 0
	for _, f := range frames {
		size += len(f.wire)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing || c.dead {
		return false, paceNone
	}
	o := &c.srv.opt
	if n := c.queuedLocked(); n > 0 && (n+len(frames) > o.QueueFrames || c.bytes+size > o.QueueBytes) {
		c.srv.refused.Add(uint64(len(frames)))
		return false, paceNone
	}
	c.appendLocked(size, frames...)
	return true, c.paceLocked(now)
}

func (c *Conn) appendLocked(size int, frames ...*Frame) {
	if c.q == nil {
		c.q = queues.Get().(*queue)
	}
	c.q.frames = append(c.q.frames, frames...)
	c.bytes += size
}

// paceLocked marks the connection for the flusher unless it is marked already or waits for its socket.
func (c *Conn) paceLocked(now int64) pace {
	if c.scheduled || c.wantWrite.Load() {
		return paceNone
	}
	c.scheduled = true
	if c.closing || !c.srv.flush.loaded.Load() || now-c.lastFlush >= int64(c.srv.opt.Linger) {
		return paceNow
	}
	return paceRound
}

// Close sends what is queued, then a close frame, waits for the peer's, and ends the connection; all of that
// within CloseTimeout, in the background. Send and Message stop at once. Only the first Close counts. A code
// that may not be sent (RFC 6455 section 7.4.1) gives an empty close frame; the reason is cut to 123 bytes.
func (c *Conn) Close(code int, reason string) {
	c.close(&CloseError{Code: code, Reason: reason}, code, reason, false)
}

// close queues a close frame. With done, nothing is expected of the peer any more.
func (c *Conn) close(err error, code int, reason string, done bool) {
	c.mu.Lock()
	p, wake := paceNone, false
	if done {
		c.peerDone = true
	}
	if !c.closing && !c.dead {
		c.closing = true
		c.reason = err
		c.closeAt = c.srv.tick.Load()
		f := closeFrame(code, reason)
		c.appendLocked(len(f.wire), f)
		p = c.paceLocked(c.srv.now())
	} else if c.peerDone && c.q == nil && !c.dead {
		c.dead, wake = true, true // ours is written: the handshake is complete
	}
	c.mu.Unlock()
	c.srv.flush.schedule(c, p)
	if wake {
		c.wake()
	}
}

// kill ends the connection without a close frame.
func (c *Conn) kill(reason error) {
	c.mu.Lock()
	if c.reason == nil {
		c.reason = reason
	}
	c.dead, c.cut = true, true
	c.mu.Unlock()
	c.wake()
}

// finish ends a dead connection if nobody uses the socket any more, and reports whether it did. It is called
// by the last user: the reader, or the writer of a portable connection.
func (c *Conn) finish() bool {
	c.mu.Lock()
	if !c.dead || c.scheduled || c.finished || c.nc != nil && !c.ended {
		c.mu.Unlock()
		return false
	}
	c.finished = true
	q, reason, cut := c.q, c.reason, c.cut
	c.q, c.bytes = nil, 0
	c.mu.Unlock()
	if q != nil {
		q.recycle()
	}
	c.closeSocket(cut)
	c.in = decoder{}
	c.guard(func() { c.handler.Closed(c, reason) })
	c.srv.conns.remove(c)
	return true
}

func (c *Conn) closeSocket(cut bool) {
	if c.nc == nil {
		closeFD(c.fd)
		return
	}
	if t, ok := c.nc.(interface{ NetConn() net.Conn }); ok && cut {
		t.NetConn().Close() // TLS would wait for the peer to take its farewell
		return
	}
	c.nc.Close()
}

// The sink of the decoder.

func (c *Conn) message(op gobwas.OpCode, payload []byte) {
	if c.isClosing() {
		return
	}
	if op == gobwas.OpBinary {
		h, ok := c.handler.(BinaryHandler)
		if !ok {
			c.refuse(errDecode(CloseUnsupportedData, "binary messages are not taken here"))
			return
		}
		c.srv.received.Add(1)
		c.guard(func() { h.Binary(c, payload) })
		return
	}
	c.srv.received.Add(1)
	c.guard(func() { c.handler.Message(c, payload) })
}

func (c *Conn) ping(payload []byte) {
	f := encode(gobwas.OpPong, payload)
	_, p := c.enqueue(c.srv.now(), f) // a peer that does not read its pongs need not get them
	c.srv.flush.schedule(c, p)
}

func (c *Conn) closed(code int, reason string) {
	c.close(&CloseError{Code: code, Reason: reason, Peer: true}, code, "", true)
}

// refuse answers input that breaks the rules (RFC 6455 section 7.1.7): what is queued and a close frame are
// sent, and what the peer still sends is thrown away, because closing with unread input would reset the
// connection and could lose our close frame.
func (c *Conn) refuse(err *CloseError) {
	c.mu.Lock()
	c.draining = true
	c.mu.Unlock()
	c.close(err, err.Code, err.Reason, false)
}

func (c *Conn) isClosing() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closing || c.dead
}
