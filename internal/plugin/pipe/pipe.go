// Package pipe is what the server and the process that runs plugins say to each other: frames of JSON over two pipes, one
// request and then its one answer. What is asked for, and what running code means, does not belong here.
package pipe

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// MaxFrame bounds one frame in bytes, either way.
const MaxFrame = 8 << 20

// ErrBroken is in the chain of the error when the other end says what nobody can understand.
var ErrBroken = errors.New("plugin host: not understood")

// The operations of a Request.
const (
	OpLoad = "load" // make the plugin anew from its source
	OpTurn = "turn" // give the plugin what came in
	OpDrop = "drop" // forget the plugin
)

// Request is one thing for the process to do. While it has not answered, the named plugin is the only one whose code runs.
type Request struct {
	Op     string  `json:"op"`
	Plugin string  `json:"plugin"`
	Load   *Load   `json:"load,omitempty"`
	Inputs []Input `json:"inputs,omitempty"` // of a turn, in order
}

// Load is a plugin's program.
type Load struct {
	Name    string          `json:"name"`
	Version string          `json:"version"`
	Source  string          `json:"source"`
	Config  json.RawMessage `json:"config"` // an object
	Events  []string        `json:"events"` // that it may handle
}

// The kinds of Input.
const (
	Event   = "event"   // Name is the event's, Data what happened
	Command = "command" // Name is the command's, ID the call to be answered, Data who called it and with what
	Reply   = "reply"   // to the Call with this ID: Data, or Failure
	Timer   = "timer"   // the timer with this ID is due
	Tick    = "tick"    // the regular task with this ID is due
	Config  = "config"  // Data are the new settings
)

// Input is one thing that a plugin is given.
type Input struct {
	Kind    string          `json:"kind"`
	Name    string          `json:"name,omitempty"`
	ID      int64           `json:"id,omitempty"`
	Data    json.RawMessage `json:"data,omitempty"`
	Failure *Failure        `json:"failure,omitempty"`
}

// Failure is why something that a plugin asked for was not done.
type Failure struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

// Response is what came of a request.
type Response struct {
	Plugin   string           `json:"plugin"`
	Commands []CommandSpec    `json:"commands,omitempty"` // after a load: those it registered
	Handles  []string         `json:"handles,omitempty"`  // after a load: the events it has handlers for
	Ticks    []TickSpec       `json:"ticks,omitempty"`    // after a load: its regular tasks
	Calls    []Call           `json:"calls,omitempty"`    // what the plugin asks of the server, in order
	Logs     []Log            `json:"logs,omitempty"`
	Faults   []Fault          `json:"faults,omitempty"`
	Spent    bool             `json:"spent,omitempty"`  // the plugin's memory was given up and it has to be loaded again
	Micros   int64            `json:"micros,omitempty"` // how long the plugin's code ran, in microseconds
	Weights  map[string]int64 `json:"weights,omitempty"`
	// Ending says that the process has overrun its memory and ends after this answer; Weights says how many bytes each plugin held.
	Ending bool `json:"ending,omitempty"`
}

// Call is something that a plugin asks of the server.
type Call struct {
	ID   int64           `json:"id"` // to be repeated in the Reply; 0: no answer is wanted
	Name string          `json:"name"`
	Args json.RawMessage `json:"args,omitempty"`
}

// Log is one line that a plugin writes.
type Log struct {
	Level string `json:"level"` // debug, info, warn, error
	Text  string `json:"text"`
}

// The kinds of Fault.
const (
	Exception = "exception" // thrown and not caught, or a promise refused and not handled
	Overtime  = "time"      // the code ran longer than it may
	Memory    = "memory"    // it took more memory than it may
	Crash     = "crash"     // the process ended
	Broken    = "load"      // the program does not load
)

// Fault is something wrong in a plugin.
type Fault struct {
	Kind  string `json:"kind"`
	Where string `json:"where,omitempty"` // the input that was handled
	Text  string `json:"text"`
}

// CommandSpec is a slash command as the plugin registers it.
type CommandSpec struct {
	Name        string       `json:"name"`
	Description string       `json:"description"`
	Options     []OptionSpec `json:"options,omitempty"`
	Roles       []string     `json:"roles,omitempty"` // by name; who may call it; none: everybody
}

// OptionSpec is one argument of a command.
type OptionSpec struct {
	Name        string   `json:"name"`
	Description string   `json:"description,omitempty"`
	Type        string   `json:"type"` // str, int, float, bool or enum
	Choices     []string `json:"choices,omitempty"`
	Required    bool     `json:"required,omitempty"`
}

// TickSpec is a regular task.
type TickSpec struct {
	ID      int64 `json:"id"`
	Seconds int64 `json:"seconds"`
}

// Write sends one frame. Fails with ErrBroken for a value that takes more than MaxFrame.
func Write(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBroken, err)
	}
	if len(b) > MaxFrame {
		return fmt.Errorf("%w: a frame of %d bytes is too large", ErrBroken, len(b))
	}
	frame := make([]byte, 4, 4+len(b))
	binary.BigEndian.PutUint32(frame, uint32(len(b)))
	_, err = w.Write(append(frame, b...))
	return err
}

// Read receives one frame into v. It fails with io.EOF at the end of the stream, and with ErrBroken for what is no frame of
// JSON; it never takes more memory than the frame really has.
func Read(r *bufio.Reader, v any) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("%w: a frame ends early", ErrBroken)
		}
		return err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > MaxFrame {
		return fmt.Errorf("%w: a frame of %d bytes is too large", ErrBroken, n)
	}
	var b bytes.Buffer
	if _, err := io.CopyN(&b, r, int64(n)); err != nil {
		return fmt.Errorf("%w: a frame ends early", ErrBroken)
	}
	if err := json.Unmarshal(b.Bytes(), v); err != nil {
		return fmt.Errorf("%w: %w", ErrBroken, err)
	}
	return nil
}
