package ws

import (
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync"
	"time"
)

// States of Conn.reading. The socket is watched edge-triggered, so an event that comes while somebody reads
// must make that reader look once more.
const (
	readIdle uint32 = iota
	readRunning
	readAgain
)

const (
	readBuffer = 4 << 10 // of a read worker; larger frames are collected in the decoder
	idleBuffer = 512     // of a portable connection waiting for input
	spareReads = 16      // read workers kept for the next event
)

var readBuffers = sync.Pool{New: func() any { b := make([]byte, readBuffer); return &b }}

var longAgo = time.Unix(1, 0)

// wake makes a reader look at the connection: there is input, or it is dead.
func (c *Conn) wake() {
	if c.nc != nil {
		c.nc.SetDeadline(longAgo) // its reader, and a writer, return
		return
	}
	for {
		switch c.reading.Load() {
		case readIdle:
			if c.reading.CompareAndSwap(readIdle, readRunning) {
				c.srv.dispatch(c)
				return
			}
		case readRunning:
			if c.reading.CompareAndSwap(readRunning, readAgain) {
				return
			}
		default:
			return
		}
	}
}

// dispatch hands a connection in state readRunning to a read worker. There is one worker for every connection
// whose handler is busy, and a few spare ones.
func (s *Server) dispatch(c *Conn) {
	select {
	case s.jobs <- c:
	default:
		s.wg.Go(func() { s.readWorker(c) })
	}
}

// readWorker reads one connection after the other.
func (s *Server) readWorker(c *Conn) {
	buf := readBuffers.Get().(*[]byte)
	defer readBuffers.Put(buf)
	for {
		c.readReady(*buf)
		if s.idle.Add(1) > spareReads {
			s.idle.Add(-1)
			return
		}
		select {
		case c = <-s.jobs:
			s.idle.Add(-1)
		case <-s.stopped:
			s.idle.Add(-1)
			return
		}
	}
}

// readReady reads a polled connection until its socket is empty.
func (c *Conn) readReady(buf []byte) {
	for {
		c.readSocket(buf)
		if c.finish() {
			return // reading stays readRunning: late events find nothing to do
		}
		if c.reading.CompareAndSwap(readRunning, readIdle) {
			return
		}
		c.reading.Store(readRunning)
	}
}

func (c *Conn) readSocket(buf []byte) {
	for {
		c.mu.Lock()
		dead, draining := c.dead, c.draining
		c.mu.Unlock()
		if dead {
			return
		}
		if c.early {
			c.early = false
			c.decode(c.in.rest)
			continue
		}
		into := c.place(buf, draining)
		n, err := readFD(c.fd, into)
		switch {
		case err == errAgain:
			return
		case err != nil:
			c.kill(readError(err))
			return
		}
		c.received(into, n, draining)
		if n < len(into) && !c.hup.Load() {
			return // the socket was emptied; what comes now is a new event
		}
	}
}

// readLoop reads a portable connection until it ends.
func (c *Conn) readLoop() {
	small := make([]byte, idleBuffer)
	for {
		c.mu.Lock()
		dead, draining := c.dead, c.draining
		c.mu.Unlock()
		if dead {
			break
		}
		if c.early {
			c.early = false
			c.decode(c.in.rest)
			continue
		}
		into := c.place(small, draining)
		n, err := c.nc.Read(into)
		if n > 0 {
			c.received(into, n, draining)
		}
		if err != nil {
			c.kill(readError(err))
			break
		}
	}
	c.mu.Lock()
	c.ended = true
	c.mu.Unlock()
	c.finish()
}

// place is where to read to: behind an incomplete frame if there is one.
func (c *Conn) place(buf []byte, draining bool) []byte {
	if draining || len(c.in.rest) == 0 {
		return buf
	}
	return c.in.room()
}

func (c *Conn) received(into []byte, n int, draining bool) {
	c.seen.Store(c.srv.tick.Load())
	if draining {
		return
	}
	if held := len(c.in.rest); held > 0 {
		c.decode(c.in.rest[:held+n])
		return
	}
	c.decode(into[:n])
}

func (c *Conn) decode(p []byte) {
	c.busy.Store(true)
	done, err := c.in.feed(p, c)
	c.seen.Store(c.srv.tick.Load())
	c.busy.Store(false)
	if err != nil {
		c.refuse(err)
	}
	if done {
		c.mu.Lock()
		c.draining = true
		c.mu.Unlock()
		c.in.rest, c.in.msg = nil, nil
	}
}

func readError(err error) error {
	if errors.Is(err, io.EOF) {
		return ErrAborted
	}
	return fmt.Errorf("read websocket: %w", err)
}

// guard keeps a handler that panics from taking the others with it.
func (c *Conn) guard(call func()) {
	defer func() {
		if r := recover(); r != nil {
			c.srv.opt.Logger.Error("websocket handler panicked", "panic", r, "stack", string(debug.Stack()))
			c.Close(CloseInternalError, "internal error")
		}
	}()
	call()
}
