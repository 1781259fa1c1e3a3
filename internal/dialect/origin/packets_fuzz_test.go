package origin_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/internal/dialect/origin"
)

// ending are the commands that may end the connection of who sends them.
var ending = map[string]bool{"user_leave": true, "user_delete": true, "user_ban": true}

// packetMaker makes up packets: of any command, most fields of the right name, their values of any type. It learns the ids that
// the server names.
type packetMaker struct {
	*rand.Rand
	examples map[string][]map[string]json.RawMessage // of the transcripts, by command
	commands []string
	fields   []string
	ids      []string
}

func newPacketMaker(seed uint64, lines []string) *packetMaker {
	m := &packetMaker{Rand: rand.New(rand.NewPCG(seed, 1)), examples: make(map[string][]map[string]json.RawMessage), commands: origin.CommandNames(),
		ids: []string{"general", "staff", "lounge", "forum", "alice", "bob", "carol", "owner", "admin", "moderator", "user", "0", "", "nothing"}}
	names := make(map[string]bool)
	for _, line := range lines {
		var fields map[string]json.RawMessage
		var cmd string
		if json.Unmarshal([]byte(line), &fields) == nil && json.Unmarshal(fields["cmd"], &cmd) == nil {
			m.examples[cmd] = append(m.examples[cmd], fields)
			for name := range fields {
				names[name] = true
			}
		}
	}
	delete(names, "cmd")
	m.fields = slices.Sorted(maps.Keys(names))
	return m
}

var (
	namedID = regexp.MustCompile(`"(?:id|thread_id|message_id|token|poll_id)":"([^"]+)"`)
	blank   = regexp.MustCompile(`"<[A-Za-z0-9_]+>"`)
)

func (m *packetMaker) learn(packet string) {
	for _, found := range namedID.FindAllStringSubmatch(packet, 5) {
		if len(m.ids) > 200 {
			m.ids = slices.Delete(m.ids, 14, 15)
		}
		m.ids = append(m.ids, found[1])
	}
}

func pick[T any](m *packetMaker, from []T) T { return from[m.IntN(len(from))] }

func (m *packetMaker) id() string {
	raw, _ := json.Marshal(pick(m, m.ids)) // strings can be written
	return string(raw)
}

// value is JSON of any type.
func (m *packetMaker) value(depth int) string {
	switch n := m.IntN(14); {
	case n < 5:
		return m.id()
	case n == 5 && depth > 0:
		return "[" + m.value(depth-1) + "," + m.value(depth-1) + "]"
	case n == 6 && depth > 0:
		key, _ := json.Marshal(pick(m, m.fields))
		return "{" + string(key) + ":" + m.value(depth-1) + "," + m.id() + ":" + m.value(depth-1) + "}"
	}
	return pick(m, []string{"null", "true", "false", "0", "-1", "3", "1e300", "1.5", "9223372036854775807", "99999999999999999999", `""`, `" "`, "[]", "{}", "[null]", `"\u0000"`,
		`"\ud800"`, `"é👍️"`, `"` + strings.Repeat("x", 3000) + `"`, `"https://example.org/"`, `"data:image/png;base64,AAAA"`, `"#ff0000"`})
}

// packet makes one up, with this listener.
func (m *packetMaker) packet(listener string) (cmd, text string) {
	cmd = pick(m, m.commands)
	fields := map[string]string{}
	if known := m.examples[cmd]; len(known) > 0 && m.IntN(8) > 0 {
		for name, raw := range pick(m, known) {
			fields[name] = blank.ReplaceAllStringFunc(string(raw), func(string) string { return m.id() })
		}
		if m.IntN(3) > 0 {
			for _, name := range slices.Sorted(maps.Keys(fields)) {
				if m.IntN(3) == 0 {
					fields[name] = m.value(2)
				}
			}
		}
	}
	for range m.IntN(3) {
		fields[pick(m, m.fields)] = m.value(2)
	}
	for _, name := range []string{"channel", "id"} {
		if m.IntN(2) == 0 {
			fields[name] = m.id()
		}
	}
	fields["cmd"], fields["listener"] = `"`+cmd+`"`, `"`+listener+`"`
	var b strings.Builder
	for i, name := range slices.Sorted(maps.Keys(fields)) {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + name + `":` + fields[name])
	}
	return cmd, "{" + b.String() + "}"
}

// sentInTranscripts are all packets that clients send in the transcripts.
func sentInTranscripts(t testing.TB) (packets []string) {
	t.Helper()
	files, err := filepath.Glob("testdata/*.transcript")
	if err != nil || len(files) == 0 {
		t.Fatal("there are no transcripts", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if _, packet, sent := strings.Cut(line, " > "); sent && line[0] != '#' {
				packets = append(packets, strings.TrimSpace(packet))
			}
		}
	}
	return packets
}

// FuzzPackets sends packets to the real core: the one given, and others made up from the seed. Nothing panics, every object is
// answered once with its listener, and no answer says that the server has failed.
func FuzzPackets(f *testing.F) {
	examples := sentInTranscripts(f)
	for seed := range uint64(6) {
		f.Add(seed, examples[int(seed)*7%len(examples)])
	}
	for i := 0; i < len(examples); i += 40 {
		f.Add(uint64(i), examples[i])
	}
	f.Fuzz(func(t *testing.T, seed uint64, given string) {
		w := newWorld(t)
		alice, bob := w.enter("alice"), w.enter("bob")
		m := newPacketMaker(seed, examples)
		var fields map[string]json.RawMessage
		if json.Unmarshal([]byte(given), &fields) == nil && fields != nil {
			fields["listener"] = json.RawMessage(`"given"`)
			if raw, err := json.Marshal(fields); err == nil {
				var cmd string
				_ = json.Unmarshal(fields["cmd"], &cmd)
				if !answered(t, alice, m, cmd, string(raw), "given") {
					return
				}
			}
		}
		for i := range 60 {
			c := alice
			if i%3 == 0 {
				c = bob
			}
			if cmd, packet := m.packet("q"); !answered(t, c, m, cmd, packet, "q") {
				break
			}
		}
		if log := w.log.String(); strings.Contains(log, "level=ERROR") || strings.Contains(log, "panic") {
			t.Errorf("the server has failed: %s", log[:min(len(log), 4000)])
		}
	})
}

// answered sends a packet and checks what comes back. False says that the connection has ended, as it may.
func answered(t *testing.T, c *client, m *packetMaker, cmd, packet, listener string) bool {
	t.Helper()
	if err := c.Send(packet); err != nil {
		return false // it was somebody else's wish
	}
	if err := c.Send(`{"cmd":"ping","listener":"settle"}`); err != nil {
		return false
	}
	answers := 0
	for {
		got, err := c.Next(20 * time.Second)
		if err != nil {
			if c.ended == nil {
				t.Fatalf("%s\nwas not answered: %v", packet, err)
			}
			return false
		}
		if got == `{"cmd":"pong","val":"pong","listener":"settle"}` {
			break
		}
		if strings.HasSuffix(got, `,"listener":"`+listener+`"}`) {
			answers++
		}
		if strings.Contains(got, `"val":"Internal error"`) {
			t.Errorf("%s\nis answered %s", packet, got)
		}
		if !json.Valid([]byte(got)) {
			t.Errorf("%s\nis answered %q", packet, got)
		}
		m.learn(got)
	}
	if answers != 1 && !ending[cmd] {
		t.Errorf("%s\nhas %d answers", packet, answers)
	}
	return true
}

// TestPacketMaker makes sure that what is made up is what the server reads.
func TestPacketMaker(t *testing.T) {
	m := newPacketMaker(1, sentInTranscripts(t))
	commands := make(map[string]bool)
	for range 5_000 {
		cmd, packet := m.packet("q")
		commands[cmd] = true
		if !json.Valid(bytes.TrimSpace([]byte(packet))) {
			t.Fatalf("no JSON: %s", packet)
		}
	}
	if len(commands) != len(origin.CommandNames()) {
		t.Errorf("%d of %d commands", len(commands), len(origin.CommandNames()))
	}
}
