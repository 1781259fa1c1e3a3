package control

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// noLeaks fails the test if goroutines of the server outlive it.
func noLeaks(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		for end := time.Now().Add(5 * time.Second); ; runtime.Gosched() {
			buf := make([]byte, 1<<20)
			left := strings.Count(string(buf[:runtime.Stack(buf, true)]), "control.(*")
			if left == 0 {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%d goroutines are left:\n%s", left, buf)
			}
		}
	})
}

func startServer(t *testing.T, path string, run Runner) *Server {
	t.Helper()
	s := NewServer(path, run, slog.New(slog.DiscardHandler))
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// echo answers with its arguments, its directory and its input, turned to capitals.
func echo(_ context.Context, c Call) int {
	in, err := io.ReadAll(c.Stdin)
	if err != nil {
		return 9
	}
	_, _ = io.WriteString(c.Stderr, strings.Join(c.Args, " ")+" in "+c.Dir)
	_, _ = c.Stdout.Write(bytes.ToUpper(in))
	return 3
}

func TestCommandsRun(t *testing.T) {
	long := filepath.Join(t.TempDir(), strings.Repeat("long", 30))
	if err := os.Mkdir(long, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name, path, input string
	}{
		{"with input", filepath.Join(t.TempDir(), "s"), "hello"},
		{"with no input at all", filepath.Join(t.TempDir(), "s"), ""},
		{"with more input and output than a frame holds", filepath.Join(t.TempDir(), "s"), strings.Repeat("much ", 60_000)},
		{"where the path is longer than the kernel takes", filepath.Join(long, "control.sock"), "hello"},
	} {
		t.Run(row.name, func(t *testing.T) {
			noLeaks(t)
			startServer(t, row.path, echo)
			var out, errs bytes.Buffer
			code, err := Run(t.Context(), row.path, Call{Args: []string{"say", "it"}, Dir: "/home", Stdin: strings.NewReader(row.input), Stdout: &out, Stderr: &errs})
			if err != nil || code != 3 {
				t.Fatalf("code %d, error %v", code, err)
			}
			if out.String() != strings.ToUpper(row.input) || errs.String() != "say it in /home" {
				t.Errorf("%d bytes on stdout, stderr %q", out.Len(), errs.String())
			}
		})
	}
}

// A command that reads nothing must not make the caller read its terminal.
func TestInputIsReadOnlyWhenWanted(t *testing.T) {
	noLeaks(t)
	path := filepath.Join(t.TempDir(), "s")
	startServer(t, path, func(context.Context, Call) int { return 0 })
	code, err := Run(t.Context(), path, Call{Stdin: untouchable{t}, Stdout: io.Discard, Stderr: io.Discard})
	if err != nil || code != 0 {
		t.Fatalf("code %d, error %v", code, err)
	}
}

type untouchable struct{ t *testing.T }

func (u untouchable) Read([]byte) (int, error) {
	u.t.Error("standard input was read")
	return 0, io.EOF
}

func TestOnlyTheOwnAccountMayConnect(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	startServer(t, path, echo)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, error %v", info.Mode(), err)
	}
}

func TestNoServer(t *testing.T) {
	dir := t.TempDir()
	stale := filepath.Join(dir, "stale")
	l, err := net.Listen("unix", stale)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	for _, row := range []struct{ name, path string }{
		{"there is no socket", filepath.Join(dir, "none")},
		{"there is no directory", filepath.Join(dir, "no", "none")},
		{"a crash left the socket behind", stale},
		{"there is no directory, and its path is long", filepath.Join(dir, strings.Repeat("long", 40), "none")},
	} {
		t.Run(row.name, func(t *testing.T) {
			if _, err := Run(t.Context(), row.path, Call{}); !errors.Is(err, ErrNoServer) {
				t.Fatalf("error %v", err)
			}
		})
	}
	t.Run("a server replaces what a crash left behind", func(t *testing.T) {
		startServer(t, stale, echo)
		if _, err := Run(t.Context(), stale, Call{Stdout: io.Discard, Stderr: io.Discard}); err != nil {
			t.Fatal(err)
		}
	})
}

func TestCommandEndsWithItsCaller(t *testing.T) {
	noLeaks(t)
	path := filepath.Join(t.TempDir(), "s")
	running, ended := make(chan struct{}), make(chan struct{})
	startServer(t, path, func(ctx context.Context, _ Call) int {
		close(running)
		<-ctx.Done()
		close(ended)
		return 1
	})
	ctx, giveUp := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		_, err := Run(ctx, path, Call{Stdout: io.Discard, Stderr: io.Discard})
		gone <- err
	}()
	<-running
	giveUp()
	if err := <-gone; err == nil {
		t.Error("the caller was told that the command was done")
	}
	<-ended
}

func TestCommandEndsWithTheServer(t *testing.T) {
	noLeaks(t)
	path := filepath.Join(t.TempDir(), "s")
	running := make(chan struct{})
	s := startServer(t, path, func(ctx context.Context, c Call) int {
		close(running)
		_, _ = io.ReadAll(c.Stdin) // is waited for when the server stops
		<-ctx.Done()
		return 1
	})
	gone := make(chan error)
	in, feed := io.Pipe()
	defer feed.Close()
	go func() {
		_, err := Run(t.Context(), path, Call{Stdin: in, Stdout: io.Discard, Stderr: io.Discard})
		gone <- err
	}()
	<-running
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Errorf("second stop: %v", err)
	}
	feed.Close() // the caller hears of the end when it is done reading
	if err := <-gone; err == nil {
		t.Error("the caller was told that the command was done")
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
}

func FuzzFrames(f *testing.F) {
	var good bytes.Buffer
	_ = writeFrame(&good, callFrame, []byte(`{"args":["user","list"],"dir":"/"}`))
	_ = writeFrame(&good, inputFrame, nil)
	f.Add(good.Bytes())
	f.Add([]byte{})
	f.Add([]byte("c\xff\xff\xff\xff"))
	f.Add([]byte("x\x00\x00\x00\x02ab"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bytes.NewReader(data)
		for {
			k, payload, err := readFrame(r)
			if err != nil {
				break
			}
			if len(payload) > maxFrame {
				t.Fatalf("a frame of %d bytes", len(payload))
			}
			if k == callFrame {
				_, _ = decodeCall(payload)
			}
		}
		// What a broken server sends must not harm the caller either.
		_, _ = follow(struct {
			io.Reader
			io.Writer
		}{bytes.NewReader(data), io.Discard}, Call{Stdin: strings.NewReader("input"), Stdout: io.Discard, Stderr: io.Discard})
	})
}
