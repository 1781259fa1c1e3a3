package chat

import (
	"encoding/json"
	"time"
)

// PluginState is how a plugin is.
type PluginState string

// The states of a plugin.
const (
	PluginOff      PluginState = "off"      // not enabled
	PluginStarting PluginState = "starting" // enabled, not loaded yet
	PluginRunning  PluginState = "running"
	PluginFaulty   PluginState = "faulty" // does not load, or was stopped because of its faults; until it is loaded anew
)

// Plugin is a program that hears of what happens on the server and can act on it, as administrators see it on one node.
type Plugin struct {
	ID          string // of its directory
	Name        string
	Version     string
	Description string
	Bundled     bool // comes with the server
	Enabled     bool
	State       PluginState
	Handles     []string // events that it hears of
	Permissions []string
	Hosts       []string // that it may reach
	Commands    []string // slash commands

	Settings map[string]json.RawMessage // as they hold
	Defaults map[string]json.RawMessage
	Stored   map[string]json.RawMessage // those that were changed here
	Fixed    []string                   // names of those that the operator has set in a file

	Runs      uint64        // how often it was given something, since the start
	Faults    uint64        // what went wrong
	Dropped   uint64        // events it did not hear of because it was too slow
	Took      time.Duration // that its code ran
	LastRun   time.Time     // zero: never
	LastFault *PluginFault
}

// PluginFault is something that went wrong in a plugin.
type PluginFault struct {
	Kind  string // exception, time, memory, crash or load
	Where string // what was handled; empty for none
	Text  string
	At    time.Time
}
