package plugin

import (
	"context"
	"encoding/binary"
	"net"
	"strings"
	"testing"
	"testing/fstest"

	"parley/internal/plugin/pipe"
)

func TestManifests(t *testing.T) {
	for name, tc := range map[string]struct{ json, fault string }{
		"the least":                {`{"name":"A","version":"1"}`, ""},
		"no JSON":                  {`{`, "plugin.json"},
		"a word that nobody knows": {`{"name":"A","version":"1","event":[]}`, `"event"`},
		"two objects":              {`{"name":"A","version":"1"}{}`, "more behind"},
		"no name":                  {`{"version":"1"}`, "name is a text"},
		"a name of two lines":      {`{"name":"A\nB","version":"1"}`, "name is a text"},
		"a name that turns around": {`{"name":"A\u202eB","version":"1"}`, "name is a text"},
		"an unknown event":         {`{"name":"A","version":"1","events":["x"]}`, "no event"},
		"an event without right":   {`{"name":"A","version":"1","events":["new_message"]}`, "messages.read"},
		"an event of its own":      {`{"name":"A","version":"1","events":["custom:mine"]}`, ""},
		"an unknown permission":    {`{"name":"A","version":"1","permissions":["root"]}`, "no permission"},
		"hosts without right":      {`{"name":"A","version":"1","hosts":["example.org"]}`, "permission http"},
		"an address as host":       {`{"name":"A","version":"1","permissions":["http"],"hosts":["127.0.0.1"]}`, "no host"},
		"all hosts":                {`{"name":"A","version":"1","permissions":["http"],"hosts":["*"]}`, "no host"},
		"hosts below a name":       {`{"name":"A","version":"1","permissions":["http"],"hosts":["*.example.org"]}`, ""},
		"enabled as a text":        {`{"name":"A","version":"1","config":{"enabled":"yes"}}`, "true or false"},
	} {
		_, err := ParseManifest([]byte(tc.json))
		if (err == nil) != (tc.fault == "") || err != nil && !strings.Contains(err.Error(), tc.fault) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDirectories(t *testing.T) {
	manifest := func(name string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(`{"name":"` + name + `","version":"1","config":{"n":1}}`)}
	}
	program := &fstest.MapFile{Data: []byte("1")}
	bundled := fstest.MapFS{"a/plugin.json": manifest("A"), "a/main.js": program, "b/plugin.json": manifest("B"), "b/main.js": program}
	dir := fstest.MapFS{
		"a/config.json": &fstest.MapFile{Data: []byte(`{"n":2}`)}, // settings of a bundled one
		"b/plugin.json": manifest("mine"), "b/main.js": program,   // instead of a bundled one
		"c/plugin.json": manifest("C"),                                                 // without a program
		"d/config.json": program,                                                       // of nothing
		"e/plugin.json": manifest("E"), "e/main.js": program, "e/config.json": program, // settings that are none
		"UPPER/plugin.json": manifest("X"), ".hidden/plugin.json": manifest("X"), "file": program,
	}
	found, err := sources(bundled, dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range found {
		line := s.id + " " + s.manifest.Name
		if s.bundled {
			line += " bundled"
		}
		if len(s.file) > 0 {
			line += " n=" + string(s.file["n"])
		}
		if s.err != nil {
			line += " faulty"
		}
		got = append(got, line)
	}
	if want := "a A bundled n=2|b mine|c C faulty|d  faulty|e E faulty"; strings.Join(got, "|") != want {
		t.Errorf("got %q", got)
	}
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"name":"A","version":"1","events":["new_message"],"permissions":["messages.read"],"config":{"enabled":true}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseManifest(b)
		if err == nil && (m.Name == "" || kindOf(m.Config[SettingEnabled]) != "true or false") {
			t.Errorf("accepted: %+v", m)
		}
	})
}

func pipeEvent(data string) pipe.Input {
	return pipe.Input{Kind: pipe.Event, Name: NewMessage, Data: []byte(data)}
}

// testResolver answers every name with 127.0.0.1.
func testResolver(t *testing.T) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 512)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = conn.WriteTo(answerDNS(buf[:n]), from)
		}
	}()
	t.Cleanup(func() { _ = conn.Close(); <-done })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// answerDNS answers a question (RFC 1035) for an address with 127.0.0.1, and others with nothing.
func answerDNS(q []byte) []byte {
	end := 12
	for q[end] != 0 {
		end += int(q[end]) + 1
	}
	end += 5
	a := append([]byte{}, q[:end]...)
	a[2], a[3] = 0x81, 0x80
	binary.BigEndian.PutUint16(a[6:], 0)
	binary.BigEndian.PutUint32(a[8:], 0)
	if binary.BigEndian.Uint16(q[end-4:]) == 1 {
		binary.BigEndian.PutUint16(a[6:], 1)
		a = append(a, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1)
	}
	return a
}
