// Package dialecttest plays transcripts: short files that show what clients send and get, and are tests and documentation of a
// wire format at once. What does not belong here: any protocol; a test hands in its clients.
//
// A line is one packet: "alice > {…}" is sent, "alice < {…}" is the next packet that alice gets, "carol ." says that carol got
// nothing that the transcript does not show. "# …" and empty lines are for readers. A value "<name>" stands for anything the
// first time and for the same thing from then on; "<*>" stands for anything each time. Keys have to come in the order shown,
// and an absent key is not null.
package dialecttest

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write what was received into the transcripts")

// Client is one connection of a transcript.
type Client interface {
	Send(packet string) error
	// Next returns the next packet, or an error when none came in time or the connection ended.
	Next(patience time.Duration) (string, error)
	// Settle returns once the server has done everything that was asked before; it consumes what it needs to know that.
	Settle() error
}

// Player plays transcripts.
type Player struct {
	// Client returns the connection of a name, and opens it the first time.
	Client func(t *testing.T, name string) Client
	// Aside reports packets that are left out unless the transcript expects one like it: heartbeats and the like.
	Aside func(packet string) bool
	// Vars are values that placeholders have from the beginning.
	Vars map[string]any
}

// patience is how long a packet may take. It is no measure: only a failing test waits so long.
const patience = 5 * time.Second

type step struct {
	line      int
	who, does string
	text      string
}

var stepPattern = regexp.MustCompile(`^(\S+)\s+([<>.])(?:\s+(.*))?$`)

func parse(t *testing.T, path string) (steps []step, lines []string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines = strings.Split(string(raw), "\n")
	for i, line := range lines {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		m := stepPattern.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("%s:%d: neither a packet nor a comment: %s", path, i+1, line)
		}
		steps = append(steps, step{line: i, who: m[1], does: m[2], text: m[3]})
	}
	return steps, lines
}

// Play plays the transcript in a file and fails at the first line that is not so. At its end nobody may have got more than it
// shows.
func (p *Player) Play(t *testing.T, path string) {
	t.Helper()
	steps, lines := parse(t, path)
	vars := make(map[string]any)
	maps.Copy(vars, p.Vars)
	clients := make(map[string]Client)
	var names []string
	client := func(name string) Client {
		if clients[name] == nil {
			clients[name] = p.Client(t, name)
			names = append(names, name)
		}
		return clients[name]
	}
	for _, s := range steps { // all are there before the first word
		client(s.who)
	}
	for _, s := range steps {
		where := fmt.Sprintf("%s:%d", path, s.line+1)
		switch s.does {
		case ">":
			if err := client(s.who).Send(fillIn(s.text, vars)); err != nil {
				t.Fatalf("%s: %s cannot send: %v", where, s.who, err)
			}
		case ".":
			p.nothing(t, where, s.who, client(s.who))
		case "<":
			got, err := p.next(client(s.who), s.text)
			if err != nil {
				t.Fatalf("%s: %s expects\n  %s\nbut got nothing: %v", where, s.who, s.text, err)
			}
			if err := Match(s.text, got, vars); err != nil {
				if !*update {
					t.Fatalf("%s: %v\n  %s got\n    %s\n  and not\n    %s", where, err, s.who, got, s.text)
				}
				lines[s.line] = s.who + " < " + takeOut(got, vars)
			}
		}
	}
	for _, name := range names {
		p.nothing(t, path+": at the end", name, clients[name])
	}
	if *update {
		if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// next returns the next packet that the transcript does not leave out.
func (p *Player) next(c Client, want string) (string, error) {
	for {
		got, err := c.Next(patience)
		if err != nil {
			return "", err
		}
		if p.Aside == nil || !p.Aside(got) || p.Aside(want) {
			return got, nil
		}
	}
}

// nothing fails if a client has got something that was not shown.
func (p *Player) nothing(t *testing.T, where, who string, c Client) {
	t.Helper()
	if err := c.Settle(); err != nil {
		return // the connection has ended, which the transcript is about
	}
	for {
		got, err := c.Next(0)
		if err != nil {
			return
		}
		if p.Aside == nil || !p.Aside(got) {
			t.Fatalf("%s: %s got what is not shown:\n    %s", where, who, got)
		}
	}
}

var placeholder = regexp.MustCompile(`"<([A-Za-z0-9_]+)>"`)

// fillIn puts the values of placeholders into a packet.
func fillIn(text string, vars map[string]any) string {
	return placeholder.ReplaceAllStringFunc(text, func(s string) string {
		v, known := vars[strings.Trim(s, `"<>`)]
		if !known {
			return s
		}
		raw, err := json.Marshal(v)
		if err != nil {
			return s
		}
		return string(raw)
	})
}

// takeOut puts placeholders in the place of values that are known.
func takeOut(text string, vars map[string]any) string {
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		raw, err := json.Marshal(vars[name])
		if err == nil && len(raw) > 4 {
			text = strings.ReplaceAll(text, string(raw), `"<`+name+`>"`)
		}
	}
	return text
}

// Match compares a packet with what is expected of it and notes the values of new placeholders.
func Match(want, got string, vars map[string]any) error {
	a, b := json.NewDecoder(strings.NewReader(want)), json.NewDecoder(strings.NewReader(got))
	a.UseNumber()
	b.UseNumber()
	return match(a, b, "", vars)
}

func match(want, got *json.Decoder, at string, vars map[string]any) error {
	w, err := want.Token()
	if err != nil {
		return fmt.Errorf("the transcript is no JSON: %w", err)
	}
	if s, ok := w.(string); ok && len(s) > 2 && s[0] == '<' && s[len(s)-1] == '>' {
		var raw json.RawMessage
		if err := got.Decode(&raw); err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
		return bind(strings.Trim(s, "<>"), raw, at, vars)
	}
	g, err := got.Token()
	if err != nil {
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("%s: it ends", at)
		}
		return fmt.Errorf("%s: %w", at, err)
	}
	if w != g {
		return fmt.Errorf("%s: %v and not %v", at, g, w)
	}
	switch w {
	case json.Delim('{'):
		for want.More() {
			key, err := want.Token()
			if err != nil {
				return err
			}
			if !got.More() {
				return fmt.Errorf("%s: there is no %v", at, key)
			}
			name, err := got.Token()
			if err != nil {
				return err
			}
			if key != name {
				return fmt.Errorf("%s: the key %v stands where %v should", at, name, key)
			}
			if err := match(want, got, fmt.Sprintf("%s.%v", at, key), vars); err != nil {
				return err
			}
		}
		if got.More() {
			name, _ := got.Token()
			return fmt.Errorf("%s: there is a %v, too", at, name)
		}
	case json.Delim('['):
		for i := 0; want.More(); i++ {
			if !got.More() {
				return fmt.Errorf("%s: only %d elements", at, i)
			}
			if err := match(want, got, fmt.Sprintf("%s[%d]", at, i), vars); err != nil {
				return err
			}
		}
		if got.More() {
			return fmt.Errorf("%s: more elements", at)
		}
	default:
		return nil
	}
	_, err = want.Token()
	_, err2 := got.Token()
	return errors.Join(err, err2)
}

// bind notes the value of a placeholder, or compares it with the one it has.
func bind(name string, raw json.RawMessage, at string, vars map[string]any) error {
	if name == "*" {
		return nil
	}
	var v any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return err
	}
	before, known := vars[name]
	if !known {
		vars[name] = v
		return nil
	}
	was, _ := json.Marshal(before)
	if is, _ := json.Marshal(v); !bytes.Equal(was, is) {
		return fmt.Errorf("%s: <%s> is %s and was %s", at, name, is, was)
	}
	return nil
}
