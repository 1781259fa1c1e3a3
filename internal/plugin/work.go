package plugin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"parley/internal/plugin/pipe"
	"parley/internal/plugin/sandbox"
)

// turn is what one plugin is to do next.
type turn struct {
	p       *plugin
	gen     int
	request pipe.Request
	inputs  int
}

// work gives plugins their turns, one at a time, until ctx ends. It owns the process.
func (s *Service) work(ctx context.Context) {
	var (
		c       *child
		backoff time.Duration
		began   time.Time
	)
	end := func(grace time.Duration) {
		if c != nil {
			c.close(grace)
			c = nil
		}
	}
	defer func() { end(stopGrace) }()
	for ctx.Err() == nil {
		t, idle := s.turn()
		if t == nil {
			if idle {
				end(stopGrace)
			}
			select {
			case <-ctx.Done():
			case <-s.wake:
			}
			continue
		}
		if c == nil {
			if !pause(ctx, backoff) {
				return
			}
			var err error
			began = time.Now()
			if c, err = newChild(s.opts.Command, s.limits().Args(), s.opts.Environ); err != nil {
				s.log.Error("plugins do not run", "error", err)
				backoff = min(max(2*backoff, time.Second), longestBackoff)
				s.missed(t)
				continue
			}
		}
		// The process looks after the time itself; this is for one that does not answer at all.
		patience := 20*s.opts.Input + time.Duration(t.inputs)*s.opts.Input + s.opts.Grace
		r, err := c.exchange(ctx, t.request, patience)
		if err != nil && ctx.Err() != nil {
			return
		}
		if err != nil || r.Ending {
			c.close(0)
			if time.Since(began) > steady {
				backoff = 0
			}
			backoff = min(max(2*backoff, firstBackoff), longestBackoff)
			s.died(t, r, err, c)
			c = nil
			continue
		}
		s.took(t, r)
	}
}

// pause waits, and reports false if ctx ended meanwhile.
func pause(ctx context.Context, d time.Duration) bool {
	if d == 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// turn picks who is next. Without one, idle says that no process is needed.
func (s *Service) turn() (t *turn, idle bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	idle = true
	for i := range s.order {
		p := s.plugins[s.order[(s.next+i)%len(s.order)]]
		idle = idle && p.state != Starting && p.state != Running
		if !p.due() {
			continue
		}
		s.next = (s.next + i + 1) % len(s.order)
		t := &turn{p: p, gen: p.gen, request: pipe.Request{Op: pipe.OpTurn, Plugin: p.id}}
		if !p.loaded {
			m := &p.src.manifest
			t.request.Op = pipe.OpLoad
			t.request.Load = &pipe.Load{Name: m.Name, Version: m.Version, Source: p.src.program, Config: p.settings.json(), Events: m.Events}
			p.config = nil
		} else {
			t.request.Inputs = p.take()
		}
		t.inputs = len(t.request.Inputs)
		p.busy = true
		return t, false
	}
	return nil, idle
}

// missed puts back what could not be done because there is no process.
func (s *Service) missed(t *turn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t.p.busy = false
	if t.p.gen == t.gen {
		t.p.crashed()
	}
}

// took deals with what came of a turn.
func (s *Service) took(t *turn, r pipe.Response) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, now := t.p, s.opts.Clock()
	p.busy = false
	ran := time.Duration(r.Micros) * time.Microsecond
	p.runs += uint64(max(1, t.inputs))
	p.took += ran
	p.lastRun = now
	s.opts.Observe(p.id, ran, len(r.Faults))
	s.logLines(p, r.Logs, now)
	for _, f := range r.Faults {
		s.fault(p, f, now)
	}
	if p.gen != t.gen { // it was reloaded meanwhile: nobody waits for this
		s.rouse()
		return
	}
	defer s.attend()
	if t.request.Op == pipe.OpLoad {
		if s.loaded(p, r); !p.loaded {
			return
		}
	}
	calls := p.calls
	for _, call := range r.Calls {
		calls = append(calls, asked{call, p.gen})
	}
	if r.Spent { // what was asked for before it went wrong is done
		p.crashed()
		s.strike(p, now)
	}
	if p.calls = calls; len(calls) > 0 && !p.atWork {
		p.atWork = true
		s.done.Go(func() { s.attendTo(p) })
	}
}

// loaded deals with what came of loading. s.mu is held.
func (s *Service) loaded(p *plugin, r pipe.Response) {
	if r.Spent {
		p.state = Faulty
		p.unload()
		return
	}
	p.loaded, p.state, p.handles = true, Running, r.Handles
	if p.src.manifest.may(Commands) {
		s.register(p, r.Commands)
	} else if len(r.Commands) > 0 {
		s.fault(p, pipe.Fault{Kind: pipe.Broken, Text: fmt.Sprintf("Its slash commands need the permission %q in plugin.json.", Commands)}, s.opts.Clock())
	}
	s.schedule(p, r.Ticks)
	s.log.Info("plugin loaded", slog.String("plugin", p.id), slog.String("version", p.src.manifest.Version))
}

// died deals with a process that ended, or had to be ended, during a turn. Who is to blame is the one who held the most memory if
// that was weighed, else the one whose code ran.
func (s *Service) died(t *turn, r pipe.Response, err error, c *child) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, guilty := s.opts.Clock(), t.p
	t.p.busy = false
	f := pipe.Fault{Kind: pipe.Crash, Where: t.request.Op}
	switch {
	case r.Ending:
		heaviest := s.opts.Memory / 2 // else nobody holds much, and it was garbage that came faster than it was collected
		for id, weight := range r.Weights {
			if p := s.plugins[id]; p != nil && weight > heaviest {
				guilty, heaviest = p, weight
			}
		}
		f.Kind, f.Text = pipe.Memory, fmt.Sprintf("It held %d of the %d MiB that all plugins together may have.", r.Weights[guilty.id]>>20, s.opts.Memory>>20)
		if r.Weights[guilty.id] < s.opts.Memory/2 {
			f.Text = fmt.Sprintf("It took more than the %d MiB that all plugins together may have.", s.opts.Memory>>20)
		}
	case errors.Is(err, errLate):
		f.Kind, f.Text = pipe.Overtime, "It could not be interrupted and the process was ended."
	default:
		f.Text = "The process ended while its code ran: " + cmp.Or(c.last(), err.Error())
		switch {
		case ranOut(f.Text):
			f.Kind = pipe.Memory
		case strings.Contains(f.Text, sandbox.StuckText):
			f.Kind, f.Text = pipe.Overtime, fmt.Sprintf("It ran longer than %v and could not be interrupted, so the process ended.", s.opts.Input)
		}
	}
	s.restarts++
	s.log.Warn("the process of the plugins ended and is started anew", "plugin", guilty.id, "kind", f.Kind, "text", f.Text)
	s.fault(guilty, f, now)
	s.opts.Observe(guilty.id, 0, 1)
	if guilty == t.p || r.Ending {
		s.logLines(t.p, r.Logs, now)
	}
	for _, p := range s.plugins {
		if p.loaded || p == t.p {
			s.register(p, nil)
			p.crashed()
		}
	}
	s.strike(guilty, now)
	s.attend()
}

// strike counts a fault that harmed others, or could have, and stops the plugin when there were too many. s.mu is held.
func (s *Service) strike(p *plugin, now time.Time) {
	if p.struck(now) && (p.state == Starting || p.state == Running) {
		s.register(p, nil)
		p.unload()
		p.state = Faulty
		s.log.Error("plugin stopped after repeated faults: reload it when it is mended", "plugin", p.id, "faults", len(p.hard), "within", faultWindow)
	}
}

// fault notes and logs a fault. s.mu is held.
func (s *Service) fault(p *plugin, f pipe.Fault, now time.Time) {
	p.note(f, now)
	if p.mayLog(now) {
		s.log.Warn("plugin fault", slog.String("plugin", p.id), slog.String("kind", f.Kind), slog.String("where", f.Where), slog.String("text", f.Text))
	}
}

// logLines writes what a plugin wants to have logged. s.mu is held.
func (s *Service) logLines(p *plugin, lines []pipe.Log, now time.Time) {
	for _, l := range lines {
		if !p.mayLog(now) {
			return
		}
		level := slog.LevelInfo
		switch l.Level {
		case "debug":
			level = slog.LevelDebug
		case "warn":
			level = slog.LevelWarn
		case "error":
			level = slog.LevelError
		}
		s.log.Log(context.Background(), level, "plugin says", slog.String("plugin", p.id), slog.String("text", l.Text))
	}
}

// linesPerMinute bounds what one plugin writes into the server's log.
const linesPerMinute = 120

func (p *plugin) mayLog(now time.Time) bool {
	if now.Sub(p.loggedSince) >= time.Minute || now.Before(p.loggedSince) {
		p.loggedSince, p.logged = now, 0
	}
	p.logged++
	return p.logged <= linesPerMinute
}

// schedule starts the regular tasks of a loaded program. s.mu is held.
func (s *Service) schedule(p *plugin, ticks []pipe.TickSpec) {
	if len(ticks) == 0 {
		return
	}
	quit := make(chan struct{})
	p.quit = quit
	gen := p.gen
	for _, t := range ticks {
		s.done.Go(func() { s.tick(p, gen, t, quit) })
	}
}

// tick has a regular task run once in the cluster for every stretch of time of its length, first after one such stretch.
func (s *Service) tick(p *plugin, gen int, t pipe.TickSpec, quit chan struct{}) {
	every := time.Duration(t.Seconds) * time.Second
	ticks, stop := s.opts.Ticker(every)
	defer stop()
	for {
		select {
		case <-quit:
			return
		case <-ticks:
		}
		ctx, cancel := context.WithTimeout(s.run, callTimeout)
		// Clocks of nodes differ a little, and so do their tickers: a claim lasts most of the stretch.
		mine, err := s.opts.Host.Claim(ctx, fmt.Sprintf("plugin:tick:%s:%d", p.id, t.ID), every*9/10)
		cancel()
		if err != nil || !mine {
			continue
		}
		s.input(p, gen, pipe.Input{Kind: pipe.Tick, ID: t.ID})
	}
}

// input gives a plugin something that is not an event, unless it was reloaded since.
func (s *Service) input(p *plugin, gen int, in pipe.Input) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.gen == gen && p.loaded {
		p.urgent = append(p.urgent, in)
		s.rouse()
	}
}

// ranOut reports whether a process ended for want of memory, by what the runtime writes then.
func ranOut(text string) bool {
	for _, sign := range []string{"out of memory", "cannot allocate memory", "stack exceeds", "stack overflow", "cannot map pages"} {
		if strings.Contains(text, sign) {
			return true
		}
	}
	return false
}
