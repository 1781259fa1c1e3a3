package ws

import "time"

// sweeper turns the durations of the options into numbers of ticks.
type sweeper struct {
	every               time.Duration
	ping, write, closed uint32
}

func newSweeper(o Options) sweeper {
	every := max(min(o.Ping, o.WriteTimeout, o.CloseTimeout)/ticksPerPing, time.Millisecond)
	ticks := func(d time.Duration) uint32 { return uint32((d + every - 1) / every) }
	return sweeper{every, ticks(o.Ping), ticks(o.WriteTimeout), ticks(o.CloseTimeout)}
}

// sweepLoop is the one clock of all connections: pings, silence, stuck writes, unanswered close frames.
func (s *Server) sweepLoop() {
	t := time.NewTicker(s.clock.every)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			s.sweep()
		case <-s.stopped:
			return
		}
	}
}

// sweep is one tick.
func (s *Server) sweep() {
	now := s.tick.Add(1)
	for c := range s.conns.all() {
		s.clock.visit(c, now)
	}
}

func (w sweeper) visit(c *Conn, now uint32) {
	c.mu.Lock()
	dead := c.dead
	late := c.closing && now-c.closeAt > w.closed
	stuck := c.stuckAt != stuckNever && now-c.stuckAt > w.write
	c.mu.Unlock()
	switch silent := now - c.seen.Load(); {
	case dead:
	case late, stuck:
		c.kill(ErrWriteTimeout) // a closing connection has its reason already
	case c.busy.Load():
		// It is we who do not read.
	case silent > 2*w.ping:
		c.kill(ErrSilent)
	case silent == w.ping:
		c.Send(pingFrame)
	}
}
