package clamd

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/internal/clamdtest"
	"parley/internal/scan"
)

func TestDaemon(t *testing.T) {
	checkLeaks(t)
	daemon := clamdtest.Start(t)
	for _, way := range []struct{ name, address string }{{"a Unix socket", daemon.Socket}, {"TCP", daemon.Address}} {
		t.Run("over "+way.name, func(t *testing.T) {
			s := scanner(t, Options{Address: way.address})
			if err := s.Ping(t.Context()); err != nil {
				t.Fatal(err)
			}
			if v, err := s.Version(t.Context()); err != nil || !strings.HasPrefix(v, "ClamAV ") {
				t.Errorf("version %q, %v", v, err)
			}
			for _, row := range []struct {
				name      string
				content   []byte
				refusal   *scan.Error
				signature string
			}{
				{"a text is clean", []byte("good morning"), nil, ""},
				{"nothing is clean", nil, nil, ""},
				{"a file of several pieces is clean", bytes.Repeat([]byte("all is well "), 50_000), nil, ""},
				{"the test virus is found", []byte(clamdtest.EICAR), scan.ErrInfected, clamdtest.EICARName},
				{"so is what only this daemon minds", []byte("x" + clamdtest.Harmful + "x"), scan.ErrInfected, clamdtest.HarmfulName},
				{"also in an archive", archive(t, clamdtest.Harmful), scan.ErrInfected, clamdtest.HarmfulName},
				{"also across two pieces", append(bytes.Repeat([]byte("."), chunkSize-5), clamdtest.Harmful...), scan.ErrInfected, clamdtest.HarmfulName},
				{"as much as the daemon takes is clean", make([]byte, clamdtest.StreamLimit), nil, ""},
				{"more than it takes is refused", make([]byte, clamdtest.StreamLimit+1), scan.ErrTooLarge, "StreamMaxLength"},
				{"much more than it takes, too", make([]byte, 30*clamdtest.StreamLimit), scan.ErrTooLarge, "StreamMaxLength"},
			} {
				t.Run(row.name, func(t *testing.T) {
					v, err := s.Scan(t.Context(), bytes.NewReader(row.content), int64(len(row.content)), scan.Meta{})
					if err != nil || v.Refusal != row.refusal || v.Signature != row.signature {
						t.Errorf("verdict %v, %v", v, err)
					}
				})
			}
		})
	}
	t.Run("many files at once keep their verdicts", func(t *testing.T) {
		s := scanner(t, Options{Address: daemon.Socket})
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				content := bytes.Repeat([]byte("x"), i*10_000)
				if i%2 == 0 {
					content = append(content, clamdtest.Harmful...)
				}
				v, err := s.Scan(t.Context(), bytes.NewReader(content), int64(len(content)), scan.Meta{})
				if err != nil || v.Clean() == (i%2 == 0) {
					t.Errorf("file %d: %v, %v", i, v, err)
				}
			})
		}
		wg.Wait()
	})
	t.Run("the built-in scanner is asked first", func(t *testing.T) {
		both := scan.Chain(scan.NewBuiltin(scan.Options{}), scanner(t, Options{Address: daemon.Socket}))
		for content, signature := range map[string]string{clamdtest.EICAR: "Eicar-Test-Signature", clamdtest.Harmful: clamdtest.HarmfulName, "fine": ""} {
			v, err := both.Scan(t.Context(), strings.NewReader(content), int64(len(content)), scan.Meta{})
			if err != nil || v.Signature != signature {
				t.Errorf("found %q, want %q: %v", v.Signature, signature, err)
			}
		}
	})
	t.Run("a daemon that is gone is unavailable, and asked again when it is back", func(t *testing.T) {
		s := scanner(t, Options{Address: daemon.Socket})
		ask := func() error {
			_, err := s.Scan(t.Context(), strings.NewReader("x"), 1, scan.Meta{})
			return err
		}
		daemon.Stop(t)
		if err := ask(); !errors.Is(err, scan.ErrUnavailable) {
			t.Errorf("while it is gone: %v", err)
		}
		if err := s.Ping(t.Context()); !errors.Is(err, scan.ErrUnavailable) {
			t.Errorf("while it is gone: %v", err)
		}
		daemon.Restart(t)
		if err := ask(); err != nil {
			t.Errorf("when it is back: %v", err)
		}
	})
}

// behaviour talks to a client like a daemon that is not well.
type behaviour func(c line)

// line is a connection of a client.
type line struct {
	net.Conn
	over <-chan struct{} // closed at the end of the test
}

// hearing reads a whole file as INSTREAM sends it.
func hearing(c line) {
	if _, err := io.ReadFull(c, make([]byte, len("zINSTREAM\x00"))); err != nil {
		return
	}
	for {
		var size uint32
		if binary.Read(c, binary.BigEndian, &size) != nil || size == 0 {
			return
		}
		if _, err := io.CopyN(io.Discard, c, int64(size)); err != nil {
			return
		}
	}
}

func saying(answer string) behaviour {
	return func(c line) {
		hearing(c)
		_, _ = io.WriteString(c, answer)
	}
}

func TestADaemonThatIsNotWell(t *testing.T) {
	checkLeaks(t)
	silent := func(c line) { _, _ = io.Copy(io.Discard, c) }
	for _, row := range []struct {
		name    string
		does    behaviour
		size    int64
		refusal *scan.Error
	}{
		{"it hangs up at once", func(line) {}, 10, nil},
		{"it never answers", silent, 10, nil},
		{"it does not read", func(c line) { _, _ = c.Read(make([]byte, 1)); <-c.over }, 64 << 20, nil},
		{"it hangs up without an answer", saying(""), 10, nil},
		{"it breaks off in its answer", saying("stream: O"), 10, nil},
		{"it says OK without an end", saying("stream: OK"), 10, nil},
		{"it says OK of something else", saying("file: OK\x00"), 10, nil},
		{"it says more than OK", saying("stream: OK, I guess\x00"), 10, nil},
		{"it has no memory", saying("stream: Can't allocate memory ERROR\x00"), 10, nil},
		{"it does not know the command", saying("UNKNOWN COMMAND\x00"), 10, nil},
		{"it talks without end", func(c line) { hearing(c); _, _ = io.Copy(c, endless{}) }, 10, nil},
		{"it says OK before it has read all", func(c line) { _, _ = c.Read(make([]byte, 1)); _, _ = io.WriteString(c, "stream: OK\x00") }, 64 << 20, nil},
		{"it refuses before it has read all", func(c line) {
			_, _ = c.Read(make([]byte, 20))
			_, _ = io.WriteString(c, "INSTREAM size limit exceeded. ERROR\x00")
			silent(c)
		}, 200 << 10, scan.ErrTooLarge},
		{"it finds something", saying("stream: Some.Thing-1 FOUND\x00"), 10, scan.ErrInfected},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := scanner(t, Options{Address: fake(t, row.does), Patience: 300 * time.Millisecond, Verdict: 300 * time.Millisecond, Connect: 300 * time.Millisecond})
			v, err := s.Scan(t.Context(), zeros{}, row.size, scan.Meta{})
			if row.refusal != nil && (err != nil || v.Refusal != row.refusal) || row.refusal == nil && (!errors.Is(err, scan.ErrUnavailable) || !v.Clean()) {
				t.Errorf("verdict %v, %v", v, err)
			}
		})
	}
	t.Run("more files than it takes wait, and then give up", func(t *testing.T) {
		heard := make(chan struct{}, 1)
		s := scanner(t, Options{Parallel: 1, Patience: 200 * time.Millisecond, Address: fake(t, func(c line) { heard <- struct{}{}; silent(c) })})
		ctx, cancel := context.WithCancel(t.Context())
		var first sync.WaitGroup
		first.Go(func() {
			if _, err := s.Scan(ctx, zeros{}, 1, scan.Meta{}); !errors.Is(err, context.Canceled) {
				t.Errorf("the first ends with %v", err)
			}
		})
		<-heard
		if _, err := s.Scan(t.Context(), zeros{}, 1, scan.Meta{}); !errors.Is(err, scan.ErrUnavailable) {
			t.Errorf("the second ends with %v", err)
		}
		cancel()
		first.Wait()
	})
	t.Run("a file that cannot be read is not the daemon's fault", func(t *testing.T) {
		s := scanner(t, Options{Address: fake(t, saying("stream: OK\x00"))})
		_, err := s.Scan(t.Context(), strings.NewReader("short"), 10, scan.Meta{})
		if !errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, scan.ErrUnavailable) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("it answers something else to questions", func(t *testing.T) {
		s := scanner(t, Options{Address: fake(t, func(c line) { _, _ = c.Read(make([]byte, 16)); _, _ = io.WriteString(c, "220 mail\x00") })})
		if err := s.Ping(t.Context()); !errors.Is(err, scan.ErrUnavailable) {
			t.Errorf("ping: %v", err)
		}
		if _, err := s.Version(t.Context()); !errors.Is(err, scan.ErrUnavailable) {
			t.Errorf("version: %v", err)
		}
	})
}

func TestAddresses(t *testing.T) {
	for _, row := range []struct {
		name, address string
		ok            bool
	}{
		{"a path is a Unix socket", "/run/clamav/clamd.ctl", true},
		{"host and port are TCP", "127.0.0.1:3310", true},
		{"so are those of IPv6", "[::1]:3310", true},
		{"a relative path is neither", "clamd.ctl", false},
		{"a port is needed", "localhost:", false},
		{"nothing is neither", "", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			if _, err := New(Options{Address: row.address}); (err == nil) != row.ok {
				t.Errorf("error %v", err)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "stream: OK", "stream: OK ", "stream: Eicar-Test-Signature FOUND", "stream:  FOUND", "stream: \x1b[2J FOUND", "FOUND", "stream: x OK",
		"INSTREAM size limit exceeded. ERROR", "stream: INSTREAM size limit exceeded. ERROR", "stream: Heuristics.Limits.Exceeded.MaxFiles FOUND", "stream: Can't open file ERROR"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := parse(s)
		if (err == nil && v.Clean()) != (s == "stream: OK") {
			t.Errorf("%q gave %v, %v", s, v, err)
		}
		if len(v.Signature) > maxSignature || v.Clean() != (v.Signature == "") || strings.ContainsFunc(v.Signature, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%q gave the signature %q", s, v.Signature)
		}
	})
}

func scanner(t *testing.T, o Options) *Scanner {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// fake listens like a daemon and behaves so to everyone who comes.
func fake(t *testing.T, does behaviour) string {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				does(line{c, over})
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		close(over)
		wg.Wait()
	})
	return l.Addr().String()
}

func archive(t *testing.T, content string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.Create("notes.txt")
	if err == nil {
		_, err = io.WriteString(f, content)
	}
	if err = errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type zeros struct{}

func (zeros) ReadAt(p []byte, _ int64) (int, error) { clear(p); return len(p), nil }

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// checkLeaks fails the test if a goroutine of the scanner is there after everything has been cleaned up.
func checkLeaks(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		stacks := make([]byte, 1<<20)
		var left []string
		// One that has just been told to end may still be on its way out.
		for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
			left = nil
			for _, g := range strings.Split(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
				if strings.Contains(g, "scan/clamd.") && !strings.Contains(g, "checkLeaks") && !strings.Contains(g, "testing.(*T).Run") {
					left = append(left, g)
				}
			}
			if left == nil {
				return
			}
		}
		t.Errorf("goroutines left behind:\n%s", strings.Join(left, "\n\n"))
	})
}
