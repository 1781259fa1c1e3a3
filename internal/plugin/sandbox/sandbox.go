// Package sandbox is the process that runs plugins: JavaScript in one engine per plugin, without files, network or clock of
// its own. A plugin can only handle what it is given and ask the server for things. Which plugins there are, what they may do
// and what becomes of a faulty one does not belong here: the server decides that (package plugin).
//
// One piece of code runs at a time. So when the process overruns its limits and has to end, it is known whose code ran.
package sandbox

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dlclark/regexp2"
	"github.com/grafana/sobek"

	"parley/internal/plugin/pipe"
)

// Limits bound what the code of plugins may take.
type Limits struct {
	Input  time.Duration // of processors, for one input
	Memory int64         // bytes that all plugins together may hold
}

// Arguments of the program that runs Serve.
const (
	FlagInput  = "input-ms"
	FlagMemory = "memory"
)

// Args are the limits as arguments of the program, to be parsed by its command line.
func (l Limits) Args() []string {
	return []string{"--" + FlagInput + "=" + strconv.FormatInt(l.Input.Milliseconds(), 10), "--" + FlagMemory + "=" + strconv.FormatInt(l.Memory, 10)}
}

// matching is how long one regular expression may take: the engine does not interrupt it. The code around it is, by then, unless
// processors are busy; and the process does not have to end for it.
func (l Limits) matching() time.Duration { return l.Input + 3*Stuck/4 }

// What the process may take beside what plugins hold: garbage that is not collected yet, and its own.
const (
	collectFrom = 2        // times Memory: collect as often as it takes
	spare       = 64 << 20 // bytes over that which the system gives at most
	stackBytes  = 64 << 20 // of one goroutine's stack
	callDepth   = 1000     // of JavaScript functions
	patience    = 10       // times Input: how long one input may take where processors are busy
)

// Stuck is how long code may go on, of processors, after it was told to stop: then it is in one of the engine's own functions,
// and the process ends.
const Stuck = 2 * time.Second

// StuckText is what the process writes then.
const StuckText = "code could not be interrupted"

// ErrOverrun is why Serve ended when plugins held more memory than they may.
var ErrOverrun = errors.New("plugins hold more memory than they may")

// Serve answers requests until there are no more, and is the whole life of the process: it sets limits that hold for all of
// it, and ends it when they are overrun in a way that cannot be recovered from.
func Serve(in io.Reader, out io.Writer, l Limits) error {
	debug.SetMemoryLimit(collectFrom * l.Memory)
	debug.SetMaxStack(stackBytes)
	regexp2.DefaultMatchTimeout = l.matching()
	if err := confine(slowdown * (collectFrom*l.Memory + spare)); err != nil {
		return fmt.Errorf("limit the memory of the process: %w", err)
	}
	s := &server{limits: l, machines: make(map[string]*machine), watch: newWatch(l)}
	defer s.watch.stop()
	requests := bufio.NewReader(in)
	for {
		var q pipe.Request
		if err := pipe.Read(requests, &q); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		r := s.answer(q)
		if err := s.send(out, r); err != nil {
			return err
		}
		if r.Ending {
			return ErrOverrun
		}
	}
}

type server struct {
	limits   Limits
	machines map[string]*machine
	watch    *watch
}

// send writes an answer; one that is too large is made into a fault of the plugin.
func (s *server) send(out io.Writer, r pipe.Response) error {
	err := pipe.Write(out, r)
	if !errors.Is(err, pipe.ErrBroken) {
		return err
	}
	return pipe.Write(out, pipe.Response{Plugin: r.Plugin, Micros: r.Micros, Faults: []pipe.Fault{{Kind: pipe.Memory, Text: "It asked for more at once than can be passed on."}}})
}

func (s *server) answer(q pipe.Request) pipe.Response {
	began := time.Now()
	r := pipe.Response{Plugin: q.Plugin}
	switch q.Op {
	case pipe.OpDrop:
		delete(s.machines, q.Plugin)
	case pipe.OpLoad:
		delete(s.machines, q.Plugin)
		if q.Load != nil {
			s.load(q.Plugin, *q.Load, &r)
		}
	case pipe.OpTurn:
		s.turn(q, &r)
	}
	r.Micros = time.Since(began).Microseconds()
	if s.watch.overrun() {
		s.weigh(&r)
	} else if r.Spent {
		delete(s.machines, q.Plugin)
	}
	return r
}

func (s *server) load(name string, l pipe.Load, r *pipe.Response) {
	m := newMachine(l)
	s.machines[name] = m
	if f := s.run(m, r, func() error { return m.start(l) }); f != nil {
		if f.Kind == pipe.Exception {
			f.Kind = pipe.Broken
		}
		r.Faults, r.Spent = append(r.Faults, *f), true
		return
	}
	m.registered(r)
}

func (s *server) turn(q pipe.Request, r *pipe.Response) {
	m := s.machines[q.Plugin]
	if m == nil {
		r.Spent = true
		return
	}
	for _, in := range q.Inputs {
		f := s.run(m, r, func() error { return m.take(in) })
		if f == nil {
			continue
		}
		f.Where = strings.TrimSpace(in.Kind + " " + in.Name)
		r.Faults = append(r.Faults, *f)
		if f.Kind != pipe.Exception { // what it was in the middle of cannot be gone on with
			r.Spent = true
			return
		}
	}
}

// run has a machine do one thing within the limits, and adds what it asks for to the answer. It returns what went wrong.
func (s *server) run(m *machine, r *pipe.Response, do func() error) (fault *pipe.Fault) {
	m.out = r
	s.watch.begin(m)
	defer func() {
		m.out = nil
		if p := recover(); p != nil {
			fault = &pipe.Fault{Kind: pipe.Crash, Text: clip(fmt.Sprint("The engine failed: ", p))}
		}
		if f := s.watch.end(m); f != nil {
			fault = f
		}
	}()
	err := do()
	var overflow *sobek.StackOverflowError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &overflow):
		return &pipe.Fault{Kind: pipe.Memory, Text: fmt.Sprintf("Functions called each other more than %d deep.", callDepth)}
	}
	return &pipe.Fault{Kind: pipe.Exception, Text: describe(err)} // within the limits, as it looks at the plugin's objects
}

// weigh finds out how much each plugin holds, by forgetting one after the other. The process has to end afterwards.
func (s *server) weigh(r *pipe.Response) {
	r.Ending, r.Spent, r.Weights = true, true, make(map[string]int64, len(s.machines)+1)
	before := held()
	note := func(name string) {
		after := held()
		r.Weights[name] = max(before-after, 0)
		before = after
	}
	delete(s.machines, r.Plugin)
	note(r.Plugin)
	for name := range s.machines {
		delete(s.machines, name)
		note(name)
	}
}

// held is how many bytes are in use.
func held() int64 {
	runtime.GC()
	return read("/memory/classes/heap/objects:bytes")
}

func read(metric string) int64 {
	sample := []metrics.Sample{{Name: metric}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}

// watch looks after the code that runs: how long it takes, and what all plugins hold.
type watch struct {
	limits Limits
	base   int64 // bytes in use before there was any plugin

	mu      sync.Mutex
	running *machine
	began   time.Time
	spent   time.Duration // of processors, when it began
	reason  *pipe.Fault   // why it was interrupted
	over    bool          // memory was overrun

	wake chan struct{} // something runs
	quit chan struct{}
	done sync.WaitGroup
}

const exitStuck = 4

// look is how often running code is looked at.
const look = 5 * time.Millisecond

func newWatch(l Limits) *watch {
	w := &watch{limits: l, base: held(), wake: make(chan struct{}, 1), quit: make(chan struct{})}
	w.done.Go(w.watch)
	return w
}

func (w *watch) stop() {
	close(w.quit)
	w.done.Wait()
}

func (w *watch) begin(m *machine) {
	w.mu.Lock()
	defer w.mu.Unlock()
	m.vm.ClearInterrupt()
	w.running, w.began, w.spent, w.reason = m, time.Now(), cpuTime(), nil
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// end returns why the code was interrupted, nil if it was not. Nothing interrupts the machine afterwards.
func (w *watch) end(m *machine) *pipe.Fault {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running = nil
	m.vm.ClearInterrupt()
	if w.reason != nil {
		return w.reason
	}
	if w.late(2) { // inside one of the engine's own functions, which cannot be interrupted
		return w.overtime()
	}
	return nil
}

// late reports whether what runs has taken so many times what it may.
func (w *watch) late(times time.Duration) bool {
	return cpuTime()-w.spent > times*w.limits.Input || time.Since(w.began) > times*patience*w.limits.Input
}

func (w *watch) overtime() *pipe.Fault {
	return &pipe.Fault{Kind: pipe.Overtime, Text: fmt.Sprintf("It ran longer than %v.", w.limits.Input)}
}

// overrun reports whether plugins hold too much, also between two inputs.
func (w *watch) overrun() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.over && w.tooMuch() {
		w.over = held()-w.base > w.limits.Memory // garbage does not count
	}
	return w.over
}

// tooMuch is cheap and counts garbage that nobody collected yet.
func (w *watch) tooMuch() bool {
	return read("/gc/heap/live:bytes")-w.base > w.limits.Memory || read("/memory/classes/heap/objects:bytes")-w.base > collectFrom*w.limits.Memory
}

func (w *watch) watch() {
	ticks := time.NewTicker(look)
	defer ticks.Stop()
	for {
		select {
		case <-w.quit:
			return
		case <-w.wake:
		}
		for busy := true; busy; {
			select {
			case <-w.quit:
				return
			case <-ticks.C:
				busy = w.inspect()
			}
		}
	}
}

// inspect interrupts what runs if it has to be, and reports whether there is anything to look after.
func (w *watch) inspect() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.running == nil {
		return false
	}
	if w.reason != nil {
		if cpuTime()-w.spent > w.limits.Input+Stuck {
			fmt.Fprintln(os.Stderr, StuckText)
			os.Exit(exitStuck)
		}
		return true
	}
	switch {
	case w.tooMuch():
		w.over = true
		w.reason = &pipe.Fault{Kind: pipe.Memory, Text: fmt.Sprintf("The plugins held more than %d MiB.", w.limits.Memory>>20)}
	case w.late(1):
		w.reason = w.overtime()
	default:
		return true
	}
	w.running.vm.Interrupt(w.reason)
	return true
}
