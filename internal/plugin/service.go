// Package plugin runs the operator's plugins: JavaScript programs that hear of what happens on the server and can act on it.
// Their code runs in a process of its own (package sandbox), which can do nothing but answer us: this package gives it the
// events, does what plugins ask for if they may, counts what goes wrong, and stops those that go wrong again and again.
//
// What the server can do for a plugin is behind Host. Rules of the domain do not belong here, nor does anything about who may
// administer plugins: both are package core's.
package plugin

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"parley/internal/chat"
	"parley/internal/plugin/pipe"
	"parley/internal/plugin/sandbox"
	"parley/internal/safedial"
)

// Options are what the service needs. The zero value of a field means its default, but for Host and Command.
type Options struct {
	Host    Host
	Command []string // the program that runs sandbox.Serve with the arguments of sandbox.Limits behind these
	Environ []string // of that program; default: none

	Bundled fs.FS // plugins that come with the program; nil: none
	Dir     fs.FS // the operator's; nil: none

	Input  time.Duration    // of processors that a plugin's code may have for one input; default 250 ms
	Memory int64            // bytes that all plugins hold at most; default 128 MiB
	Hosts  []string         // that plugins may reach: those they name must be among them; "*": all they name
	Dial   safedial.Options // of their requests
	Grace  time.Duration    // before a process that does not answer is killed; default 2 s

	Client  *http.Client                                              // for their requests, instead of one made of Dial; for tests
	Ticker  func(time.Duration) (ticks <-chan time.Time, stop func()) // default: time.NewTicker
	Clock   func() time.Time                                          // default time.Now
	Observe func(plugin string, ran time.Duration, faults int)
	Logger  *slog.Logger
}

// Bounds of one plugin. What is beyond them is dropped and counted.
const (
	maxEvents      = 10_000   // that wait
	maxEventBytes  = 16 << 20 // of these
	maxInbox       = 4096     // events of the server that nobody has looked at
	maxEvent       = 256 << 10
	batch          = 32 // inputs of one turn
	batchBytes     = 2 << 20
	hardFaults     = 3 // within faultWindow stop a plugin
	faultWindow    = 10 * time.Minute
	callTimeout    = 15 * time.Second
	commandTimeout = 15 * time.Second
	stopGrace      = 2 * time.Second
	firstBackoff   = 100 * time.Millisecond
	longestBackoff = time.Minute
	steady         = time.Minute // a process that lived so long may be started anew at once
)

// Service runs plugins. Goroutines: one gives plugins their turns, one makes what they hear of out of the server's events; one
// for each plugin while it has asked for something, and for each of its requests; the regular tasks' timers.
type Service struct {
	opts   Options
	log    *slog.Logger
	client *http.Client

	inbox   chan happened
	changed chan string // names of plugins to be read again, "*" and ""

	mu       sync.Mutex // guards what follows; never held while calling the host or the process
	plugins  map[string]*plugin
	order    []string
	next     int // in order: whose turn it is
	wake     chan struct{}
	run      context.Context
	cancel   context.CancelFunc // nil: not running
	done     sync.WaitGroup
	restarts int
	registry Registry

	hearing atomic.Pointer[map[string]bool] // events that anybody wants to hear of
	lost    atomic.Uint64                   // events that did not fit into the inbox
	online  map[chat.UserID]bool            // who was seen to come; the translating goroutine's alone
}

// Registry is where slash commands are registered.
type Registry interface {
	// SetCommands replaces the commands of a plugin; none takes them away. run is called for each use.
	// It fails, with none registered, if one of them cannot be.
	SetCommands(id Identity, commands []pipe.CommandSpec, run func(ctx context.Context, u Use) (Answer, error)) error
}

// Use is one use of a slash command.
type Use struct {
	Command string
	Room    chat.RoomID
	Caller  chat.UserID
	Args    json.RawMessage // an object
}

// Answer is what a command answers; without text and embeds nothing is said.
type Answer struct {
	Text   string
	Embeds []json.RawMessage
}

// happened is an event of the server that plugins may want to hear of.
type happened struct {
	event chat.Event
	use   *Use   // of a slash command
	name  string // of what is neither
	data  json.RawMessage
}

// New makes the service; plugins are read by Start.
func New(o Options) *Service {
	o.Input, o.Memory, o.Grace = cmp.Or(o.Input, 250*time.Millisecond), cmp.Or(o.Memory, 128<<20), cmp.Or(o.Grace, 2*time.Second)
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Observe == nil {
		o.Observe = func(string, time.Duration, int) {}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Ticker == nil {
		o.Ticker = func(d time.Duration) (<-chan time.Time, func()) {
			t := time.NewTicker(d)
			return t.C, t.Stop
		}
	}
	o.Dial.HTTPSOnly = len(o.Dial.Allow) == 0
	if o.Client == nil {
		o.Client = safedial.New(o.Dial)
	}
	s := &Service{opts: o, log: o.Logger, client: o.Client, plugins: make(map[string]*plugin), online: make(map[chat.UserID]bool), inbox: make(chan happened, maxInbox),
		changed: make(chan string, maxPlugins)}
	s.hearing.Store(&map[string]bool{})
	return s
}

// SetRegistry says where slash commands are registered. Called once, before Start.
func (s *Service) SetRegistry(r Registry) { s.registry = r }

// Start reads the plugins and begins to run those that are enabled. It does not wait until they are loaded, and does not fail
// because of one.
func (s *Service) Start(ctx context.Context) error {
	s.mu.Lock()
	if s.cancel != nil {
		s.mu.Unlock()
		return errors.New("plugins: started already")
	}
	s.run, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s.wake = make(chan struct{}, 1)
	s.mu.Unlock()
	if err := s.Refresh(ctx, ""); err != nil {
		s.log.Error("plugins could not be read", "error", err)
	}
	s.done.Go(func() { s.work(s.run) })
	s.done.Go(func() { s.translate(s.run) })
	s.tell(ServerStart, json.RawMessage("{}"))
	return nil
}

// Stop ends the process and waits until nothing of the service is running. What waits is dropped. Safe to call twice.
func (s *Service) Stop(context.Context) error {
	s.mu.Lock()
	if s.cancel == nil {
		s.mu.Unlock()
		return nil
	}
	s.cancel()
	s.cancel = nil
	for _, p := range s.plugins {
		p.unload()
	}
	s.attend()
	s.mu.Unlock()
	s.done.Wait()
	s.client.CloseIdleConnections()
	return nil
}

// Refresh reads the plugins and their settings again, and loads those whose program or settings have changed; the one that is
// named is loaded in any case, and so are all of them for "*". Fails with plugin_not_found for a name that no plugin has, or
// with what the store fails with.
func (s *Service) Refresh(ctx context.Context, name string) error {
	found, err := sources(s.opts.Bundled, s.opts.Dir)
	if err != nil {
		return err
	}
	stored, err := s.opts.Host.Stored(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var order []string
	for _, src := range found {
		order = append(order, src.id)
		p := s.plugins[src.id]
		if p == nil {
			p = &plugin{id: src.id}
			s.plugins[src.id] = p
		}
		changed := p.adopt(src, stored[src.id])
		if changed || name == src.id || name == "*" {
			s.restart(p)
		}
	}
	for id, p := range s.plugins {
		if !slices.Contains(order, id) {
			s.register(p, nil)
			p.unload()
			p.gone = true
			delete(s.plugins, id)
		}
	}
	s.order = order
	s.attend()
	s.rouse()
	if name != "" && name != "*" && s.plugins[name] == nil {
		return ErrNotFound
	}
	return nil
}

// Changed has Refresh called soon: for whoever may not wait, such as receivers of events.
func (s *Service) Changed(name string) {
	select {
	case s.changed <- name:
	default: // so much is to be read again that one more makes no difference but to those who are named
	}
}

// ErrNotFound is the refusal for a name that no plugin has.
var ErrNotFound = chat.Errorf(chat.NotFound, "plugin_not_found", "There is no such plugin.")

// restart has a plugin loaded anew, with a clean slate, if it is enabled. s.mu is held.
func (s *Service) restart(p *plugin) {
	s.register(p, nil)
	p.unload()
	p.hard, p.state = nil, Off
	switch {
	case p.src.err != nil:
		p.state = Faulty
		p.note(pipe.Fault{Kind: pipe.Broken, Text: p.src.err.Error()}, s.opts.Clock())
		s.log.Warn("plugin cannot be used", "plugin", p.id, "error", p.src.err)
	case p.settings.enabled() && s.cancel != nil:
		p.state = Starting
	}
}

// attend notes which events anybody wants to hear of. s.mu is held.
func (s *Service) attend() {
	hearing := make(map[string]bool)
	for _, p := range s.plugins {
		if s.cancel != nil && (p.state == Starting || p.state == Running) {
			for _, e := range p.src.manifest.Events {
				hearing[e] = true
			}
		}
	}
	s.hearing.Store(&hearing)
}

// rouse has the work looked at. s.mu is held.
func (s *Service) rouse() {
	select {
	case s.wake <- struct{}{}:
	default: // also before Start, when there is nobody to wake
	}
}

// register replaces the slash commands of a plugin. s.mu is held: the registry calls nobody back from here.
func (s *Service) register(p *plugin, commands []pipe.CommandSpec) {
	if s.registry == nil || len(commands) == 0 && len(p.commands) == 0 {
		return
	}
	id := p.id
	err := s.registry.SetCommands(p.identity(), commands, func(ctx context.Context, u Use) (Answer, error) { return s.use(ctx, id, u) })
	if p.commands = commands; err != nil {
		p.commands = nil
		s.fault(p, pipe.Fault{Kind: pipe.Broken, Text: "Its slash commands are not registered: " + chat.AsError(err).Text}, s.opts.Clock())
	}
}

// use has a plugin run one of its commands and waits for the answer. Fails with plugin_stopped, plugin_busy or what the
// plugin says.
func (s *Service) use(ctx context.Context, id string, u Use) (Answer, error) {
	stopped := chat.Errorf(chat.Unavailable, "plugin_stopped", "The plugin of this command does not run now.")
	data, err := s.useData(ctx, u)
	if err != nil {
		return Answer{}, err
	}
	answered := make(chan commandResult, 1)
	s.mu.Lock()
	p := s.plugins[id]
	if p == nil || p.state != Running || !p.loaded {
		s.mu.Unlock()
		return Answer{}, stopped
	}
	if len(p.uses) >= batch {
		s.mu.Unlock()
		return Answer{}, chat.Errorf(chat.Unavailable, "plugin_busy", "The plugin of this command has too much to do. Try again.")
	}
	p.lastUse++
	call := p.lastUse
	p.uses[call] = answered
	data["token"] = p.token(u.Caller, s.opts.Clock())
	raw, err := json.Marshal(data)
	if err == nil {
		p.urgent = append(p.urgent, pipe.Input{Kind: pipe.Command, Name: u.Command, ID: call, Data: raw})
		s.rouse()
	}
	s.mu.Unlock()
	if err != nil {
		return Answer{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	select {
	case r, ok := <-answered:
		if !ok {
			return Answer{}, stopped
		}
		return r.Answer, r.err
	case <-ctx.Done():
		s.mu.Lock()
		delete(p.uses, call)
		s.mu.Unlock()
		return Answer{}, chat.Errorf(chat.Unavailable, "plugin_slow", "The command did not answer in time.")
	}
}

type commandResult struct {
	Answer
	err error
}

// limits are those of the process.
func (s *Service) limits() sandbox.Limits {
	return sandbox.Limits{Input: s.opts.Input, Memory: s.opts.Memory}
}
