package plugin

import (
	"bytes"
	"cmp"
	"encoding/json"
	"reflect"
	"slices"
	"time"

	"parley/internal/chat"
	"parley/internal/plugin/pipe"
)

// State is how a plugin is.
type State = chat.PluginState

// The states of a plugin.
const (
	Off      = chat.PluginOff
	Starting = chat.PluginStarting
	Running  = chat.PluginRunning
	Faulty   = chat.PluginFaulty
)

// plugin is one plugin, under the service's lock.
type plugin struct {
	id       string
	src      source
	stored   Settings // what was changed here
	settings Settings // as they hold
	state    State
	gone     bool // from the directory

	gen    int             // +1 whenever it is loaded or unloaded: what was asked for before is answered to nobody
	loaded bool            // in the process
	busy   bool            // its code runs, or may
	events []pipe.Input    // that wait, in order
	bytes  int             // of events
	urgent []pipe.Input    // answers and what is due, before events
	config json.RawMessage // to be told to the running program; nil: nothing
	timers map[int64]*time.Timer
	quit   chan struct{} // ends what looks after the ticks of this generation
	calls  []asked       // and not begun
	atWork bool          // a goroutine works through calls
	abroad int           // HTTP requests under way

	handles   []string
	commands  []pipe.CommandSpec
	uses      map[int64]chan commandResult // commands under way
	lastUse   int64
	tokens    map[string]token
	tokenRing []string
	lastToken int64

	hard                []time.Time // hard faults of late
	lastFault           *chat.PluginFault
	runs, faults, drops uint64
	took                time.Duration
	lastRun             time.Time
	logged              int // lines of the last minute
	loggedSince         time.Time
}

// asked is a call by the program of one generation.
type asked struct {
	pipe.Call
	gen int
}

// token is a person for whom a plugin may act, for a while.
type token struct {
	user  chat.UserID
	until time.Time
}

const (
	tokenTTL  = time.Minute
	maxTokens = 1024
)

func (p *plugin) identity() Identity { return Identity{ID: p.id, Name: p.src.manifest.Author} }

// adopt takes over what was read, and reports whether the plugin has to be loaded anew for it. Settings alone are told to the
// program that runs, unless they switch it off or on.
func (p *plugin) adopt(src source, stored json.RawMessage) (restart bool) {
	fresh := p.settings == nil
	old, oldSettings := p.src, p.settings
	p.src = src
	p.stored, _ = parseSettings(stored) // it was checked when it was stored; what no longer fits is left out
	for name := range p.stored {
		if (Settings(src.manifest.Config)).check(Settings{name: p.stored[name]}) != nil {
			delete(p.stored, name)
		}
	}
	p.settings = src.defaults().over(p.stored, src.file)
	same := !fresh && old.program == src.program && reflect.DeepEqual(old.manifest, src.manifest) && errText(old.err) == errText(src.err)
	if !same || oldSettings.enabled() != p.settings.enabled() {
		return true
	}
	if a, b := oldSettings.json(), p.settings.json(); !bytes.Equal(a, b) && p.loaded {
		p.config = b
	}
	return false
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// unload forgets everything that belongs to a loaded program.
func (p *plugin) unload() {
	p.gen++
	p.loaded = false
	for _, t := range p.timers {
		t.Stop()
	}
	if p.quit != nil {
		close(p.quit)
		p.quit = nil
	}
	for _, answered := range p.uses {
		close(answered)
	}
	p.timers, p.uses, p.tokens = make(map[int64]*time.Timer), make(map[int64]chan commandResult), make(map[string]token)
	p.events, p.bytes, p.urgent, p.calls, p.config, p.handles, p.tokenRing = nil, 0, nil, nil, nil, nil, nil
}

// crashed is unload for a program that is to be loaded again: events that wait are kept.
func (p *plugin) crashed() {
	events, bytes := p.events, p.bytes
	p.unload()
	p.events, p.bytes = events, bytes
	if p.state == Running {
		p.state = Starting
	}
}

// hear queues an event; it reports false when there is no room.
func (p *plugin) hear(in pipe.Input) bool {
	if len(p.events) >= maxEvents || p.bytes+len(in.Data) > maxEventBytes {
		p.drops++
		return false
	}
	p.events = append(p.events, in)
	p.bytes += len(in.Data)
	return true
}

// token makes a word by which the plugin can act for a person.
func (p *plugin) token(user chat.UserID, now time.Time) string {
	if !p.src.manifest.may(ActForPeople) || user == "" {
		return ""
	}
	p.lastToken++
	word := "t" + chat.MessageID(p.lastToken).String()
	p.tokens[word] = token{user, now.Add(tokenTTL)}
	p.tokenRing = append(p.tokenRing, word)
	if len(p.tokenRing) > maxTokens {
		delete(p.tokens, p.tokenRing[0])
		p.tokenRing = p.tokenRing[1:]
	}
	return word
}

// due reports whether the plugin has something to do.
func (p *plugin) due() bool {
	switch p.state {
	case Starting:
		return !p.loaded
	case Running:
		return p.loaded && (len(p.urgent) > 0 || len(p.events) > 0 || p.config != nil)
	case Off, Faulty:
	}
	return false
}

// take takes what is to be handled in one turn.
func (p *plugin) take() (inputs []pipe.Input) {
	if p.config != nil {
		inputs = append(inputs, pipe.Input{Kind: pipe.Config, Data: p.config})
		p.config = nil
	}
	size := 0
	fits := func(in pipe.Input) bool {
		size += len(in.Data)
		return len(inputs) == 0 || len(inputs) < batch && size <= batchBytes
	}
	for len(p.urgent) > 0 && fits(p.urgent[0]) {
		inputs = append(inputs, p.urgent[0])
		p.urgent = p.urgent[1:]
	}
	for len(p.urgent) == 0 && len(p.events) > 0 && fits(p.events[0]) {
		inputs = append(inputs, p.events[0])
		p.bytes -= len(p.events[0].Data)
		p.events = p.events[1:]
	}
	return inputs
}

// note remembers a fault.
func (p *plugin) note(f pipe.Fault, now time.Time) {
	p.faults++
	p.lastFault = &chat.PluginFault{Kind: f.Kind, Where: f.Where, Text: f.Text, At: now}
}

// struck notes a fault that harmed others, and reports whether there were too many of late.
func (p *plugin) struck(now time.Time) bool {
	p.hard = slices.DeleteFunc(append(p.hard, now), func(t time.Time) bool { return now.Sub(t) > faultWindow })
	return len(p.hard) >= hardFaults
}

func (p *plugin) status() chat.Plugin {
	m := &p.src.manifest
	st := chat.Plugin{
		ID: p.id, Name: cmp.Or(m.Name, p.id), Version: m.Version, Description: m.Description, Bundled: p.src.bundled, State: p.state, Enabled: p.settings.enabled(),
		Handles: m.Events, Hosts: m.Hosts, Settings: p.settings, Defaults: m.Config, Stored: p.stored,
		Runs: p.runs, Faults: p.faults, Dropped: p.drops, Took: p.took, LastRun: p.lastRun, LastFault: p.lastFault,
	}
	for _, permission := range m.Permissions {
		st.Permissions = append(st.Permissions, string(permission))
	}
	for _, c := range p.commands {
		st.Commands = append(st.Commands, c.Name)
	}
	for name := range p.src.file {
		st.Fixed = append(st.Fixed, name)
	}
	slices.Sort(st.Fixed)
	return st
}
