package ws

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// writeBuffer bounds what is joined into one write. A larger frame is written from its own bytes.
const writeBuffer = 64 << 10

var writeBuffers = sync.Pool{New: func() any { b := make([]byte, 0, writeBuffer); return &b }}

// stuckNever says that a socket takes what it is given.
const stuckNever = ^uint32(0)

// The flusher is loaded when more than one part in loadShare of the time goes into writing, for long enough to
// make a debt of loadDebt. What one burst can run up is bounded by maxDebt.
const (
	loadShare = 4
	loadDebt  = int64(2 * time.Millisecond)
	maxDebt   = 10 * loadDebt
)

// A round that took a while is followed by restFactor times that of rest, maxRest at most, in which more
// gathers: under saturation that joins more frames into each write.
const (
	restFactor = 1
	maxRest    = 10 * time.Millisecond
)

// pace is how soon the flusher shall visit a connection.
type pace uint8

const (
	paceNone  pace = iota // it will anyway
	paceNow               // at once: the connection was quiet
	paceRound             // with the next round: it was written a moment ago
)

// paceLists collect what one SendAll has to tell the flusher.
type paceLists struct{ urgent, round []*Conn }

var lists = sync.Pool{New: func() any { return new(paceLists) }}

func (l *paceLists) recycle() {
	clear(l.urgent)
	clear(l.round)
	l.urgent, l.round = l.urgent[:0], l.round[:0]
	lists.Put(l)
}

// flusher writes what is queued on connections. A write is the greatest cost of a delivery, so while writing
// takes a good part of the time, connections that were written less than Linger ago wait for the next round,
// in which everything that has gathered for each goes out in one write. Rounds are at least Linger apart, and
// the more of the time they take, the further apart they are. With little to do every frame is written at once.
type flusher struct {
	s      *Server
	max    int         // workers at once
	loaded atomic.Bool // debt is beyond loadDebt

	sent, writes, bytes atomic.Uint64

	mu      sync.Mutex // never together with Conn.mu
	urgent  fifo
	round   fifo    // of the running round
	waiting []*Conn // for the next round
	workers int
	debt    int64 // time spent writing, less a share of the time that passed
	debtAt  int64 // when that was
	began   int64 // the running or last round
	next    int64 // earliest begin of the next one
	kick    chan struct{}
}

// fifo is a queue of connections that keeps its memory.
type fifo struct {
	conns []*Conn
	head  int
}

func (f *fifo) len() int { return len(f.conns) - f.head }

func (f *fifo) pop() *Conn {
	c := f.conns[f.head]
	f.conns[f.head] = nil
	if f.head++; f.head == len(f.conns) {
		f.conns, f.head = f.conns[:0], 0
	} else if f.head > 1000 && f.head > len(f.conns)/2 { // it may never be empty
		kept := copy(f.conns, f.conns[f.head:])
		clear(f.conns[kept:])
		f.conns, f.head = f.conns[:kept], 0
	}
	return c
}

func (f *flusher) init(s *Server, workers int) {
	f.s, f.max, f.kick = s, workers, make(chan struct{}, 1)
}

func (f *flusher) schedule(c *Conn, p pace) {
	if p == paceNone {
		return
	}
	f.mu.Lock()
	if p == paceNow {
		f.urgent.conns = append(f.urgent.conns, c)
	} else {
		f.waiting = append(f.waiting, c)
	}
	f.startLocked()
	f.mu.Unlock()
}

func (f *flusher) scheduleAll(l *paceLists) {
	if len(l.urgent)+len(l.round) == 0 {
		return
	}
	f.mu.Lock()
	f.urgent.conns = append(f.urgent.conns, l.urgent...)
	f.waiting = append(f.waiting, l.round...)
	f.startLocked()
	f.mu.Unlock()
}

// startLocked sees to it that what is listed will be done.
func (f *flusher) startLocked() {
	for f.workers < min(f.max, f.urgent.len()+f.round.len()) {
		f.workers++
		f.s.wg.Go(f.work)
	}
	if len(f.waiting) > 0 && f.round.len() == 0 {
		select {
		case f.kick <- struct{}{}:
		default:
		}
	}
}

// work visits listed connections until there are none.
func (f *flusher) work() {
	buf := writeBuffers.Get().(*[]byte)
	defer writeBuffers.Put(buf)
	since := f.s.now()
	for {
		var c *Conn
		if c, since = f.take(since); c == nil {
			return
		}
		if c.nc != nil {
			f.s.wg.Go(c.flushPortable) // may block on its socket
			continue
		}
		f.visit(c, *buf)
	}
}

// take gives a worker, at work since then, its next connection, quiet ones first, or nil to end it.
func (f *flusher) take(since int64) (c *Conn, now int64) {
	now = f.s.now()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.noteLocked(since, now)
	if f.urgent.len() > 0 {
		return f.urgent.pop(), now
	}
	if f.round.len() > 0 {
		c := f.round.pop()
		if f.round.len() == 0 {
			f.endRoundLocked(now)
		}
		return c, now
	}
	f.workers--
	return nil, now
}

// noteLocked keeps account of how much of the time is spent writing.
func (f *flusher) noteLocked(since, now int64) {
	f.debt = min(max(f.debt-(now-f.debtAt)/loadShare, 0)+now-since, maxDebt)
	f.debtAt = now
	if loaded := f.debt > loadDebt; loaded != f.loaded.Load() {
		f.loaded.Store(loaded)
	}
}

// endRoundLocked sets when the next round may begin.
func (f *flusher) endRoundLocked(now int64) {
	took := min(now-f.began, int64(maxRest))
	f.next = max(f.began+int64(f.s.opt.Linger), now+restFactor*took)
	f.startLocked()
}

// pace begins rounds.
func (f *flusher) pace() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-f.kick:
		case <-f.s.stopped:
			return
		}
		for {
			wait := f.beginRound()
			if wait <= 0 {
				break
			}
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-f.s.stopped:
				return
			}
		}
	}
}

// beginRound begins the next round if it is time, or says how long to wait for that.
func (f *flusher) beginRound() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.waiting) == 0 || f.round.len() > 0 {
		return 0
	}
	now := f.s.now()
	if now < f.next {
		return time.Duration(f.next - now)
	}
	f.round.conns, f.waiting = f.waiting, f.round.conns[:0]
	f.round.head = 0
	f.began = now
	f.startLocked()
	return 0
}

// visit writes what is queued on a polled connection, as much as its socket takes.
func (f *flusher) visit(c *Conn, buf []byte) {
	c.mu.Lock()
	frames, off := c.waitingLocked()
	c.mu.Unlock()
	if len(frames) == 0 {
		c.flushed(0, nil)
		return
	}
	n, err := c.writeSome(frames, off, buf)
	c.flushed(n, err)
}

// waitingLocked is what a visit has to write. It stays valid without the lock: others only append.
func (c *Conn) waitingLocked() (frames []*Frame, off int) {
	if c.dead || c.q == nil {
		return nil, 0
	}
	c.lastFlush = c.srv.now()
	return c.q.frames[c.q.head:], c.q.off
}

// writeSome writes frames, the first from off, joining them in buf, until all is written or the socket takes
// no more: then err is errAgain and wantWrite is set.
func (c *Conn) writeSome(frames []*Frame, off int, buf []byte) (written int, err error) {
	for len(frames) > 0 {
		p := frames[0].wire[off:]
		joined := 1
		if len(frames) > 1 && len(p) < writeBuffer {
			b := append(buf[:0], p...)
			for joined < len(frames) && len(b)+len(frames[joined].wire) <= writeBuffer {
				b = append(b, frames[joined].wire...)
				joined++
			}
			p = b
		}
		n, err := c.writeAll(p)
		written += n
		if err != nil {
			return written, err
		}
		frames, off = frames[joined:], 0
	}
	return written, nil
}

func (c *Conn) write(p []byte) (int, error) {
	if c.nc != nil {
		return c.nc.Write(p)
	}
	return writeFD(c.fd, p)
}

// writeAll writes p unless the socket takes no more.
func (c *Conn) writeAll(p []byte) (written int, err error) {
	for {
		n, err := c.write(p[written:])
		c.srv.flush.writes.Add(1)
		written += max(n, 0)
		switch {
		case written == len(p):
			c.wantWrite.Store(false)
			return written, nil
		case err != nil && err != errAgain:
			return written, err
		case c.wantWrite.Swap(true) && err == errAgain:
			// Full even after we said that we wait: the poller will not miss the moment it is not.
			return written, errAgain
		}
	}
}

// flushed ends a visit that wrote n bytes.
func (c *Conn) flushed(n int, err error) {
	f := &c.srv.flush
	f.bytes.Add(uint64(n))
	c.mu.Lock()
	c.scheduled = false
	f.sent.Add(c.advanceLocked(n))
	if err != nil && err != errAgain && !c.dead {
		c.dead, c.cut = true, true
		if c.reason == nil {
			c.reason = writeError(err)
		}
	}
	if c.q == nil && c.closing && c.peerDone {
		c.dead = true
	}
	shut := c.q == nil && c.draining && !c.dead
	if shut && c.nc == nil {
		shutdownFD(c.fd) // under the lock: later the socket may be gone
	}
	p, dead := paceNone, c.dead
	switch {
	case dead, c.q == nil:
		c.stuckAt = stuckNever
	case err == errAgain:
		if n > 0 || c.stuckAt == stuckNever {
			c.stuckAt = c.srv.tick.Load()
		}
		p = c.paceLocked(c.lastFlush) // the poller may have cleared wantWrite already
	default:
		c.stuckAt = stuckNever
		p = c.paceLocked(c.lastFlush)
	}
	c.mu.Unlock()
	if w, ok := c.nc.(interface{ CloseWrite() error }); ok && shut {
		w.CloseWrite()
	}
	if dead {
		c.wake()
	}
	f.schedule(c, p)
}

// advanceLocked takes n written bytes off the queue and reports how many frames that ended.
func (c *Conn) advanceLocked(n int) (frames uint64) {
	q := c.q
	if q == nil {
		return 0
	}
	c.bytes -= n
	n += q.off
	for q.head < len(q.frames) && n >= len(q.frames[q.head].wire) {
		n -= len(q.frames[q.head].wire)
		q.head++
		frames++
	}
	q.off = n
	if q.head == len(q.frames) {
		c.q = nil
		q.recycle()
	} else if q.head > len(q.frames)/2 {
		kept := copy(q.frames, q.frames[q.head:])
		clear(q.frames[kept:])
		q.frames, q.head = q.frames[:kept], 0
	}
	return frames
}

// flushPortable writes what is queued on a portable connection. It may block, for WriteTimeout at most.
func (c *Conn) flushPortable() {
	c.mu.Lock()
	frames, off := c.waitingLocked()
	if len(frames) > 0 {
		// Under the lock, because a dead connection's deadline must stay in the past.
		c.nc.SetWriteDeadline(time.Now().Add(c.srv.opt.WriteTimeout))
	}
	c.mu.Unlock()
	buf := writeBuffers.Get().(*[]byte)
	n, err := c.writeSome(frames, off, *buf)
	writeBuffers.Put(buf)
	c.flushed(n, err)
	c.finish()
}

func writeError(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return ErrWriteTimeout
	}
	return fmt.Errorf("write websocket: %w", err)
}
