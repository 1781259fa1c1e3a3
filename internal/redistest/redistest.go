// Package redistest gives tests a Redis or Valkey of their own: a private process on the loopback address that keeps nothing
// on disk and ends with the test program, however that ends.
//
// What does not belong here: everything that is asked of the server.
package redistest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"parley/internal/testservice"
)

const (
	databases = 512
	// patience is how long the server may take to start or to end.
	patience = 20 * time.Second
)

// Server is one private server. It keeps its address when it is killed and started again, and forgets everything.
type Server struct {
	binary, dir string
	port        int
	next        atomic.Int64 // database given out last

	mu      sync.Mutex // guards what follows
	process *os.Process
	ended   chan struct{}
	output  *tail
}

var shared struct {
	sync.Mutex
	server *Server
}

// Main runs the tests of a package and ends the server they shared. To be called by TestMain: os.Exit(redistest.Main(m)).
func Main(m *testing.M) int {
	code := m.Run()
	shared.Lock()
	defer shared.Unlock()
	if shared.server != nil {
		shared.server.close()
	}
	return code
}

// URL returns the address of an empty database on the server that all tests of the package share; no other test gets the
// same one meanwhile. Where no server is installed the test is skipped, and fails if the environment variable CI is "true".
func URL(t testing.TB) string {
	t.Helper()
	binary := find(t)
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil {
		s, err := start(binary)
		if err != nil {
			t.Fatal(err)
		}
		shared.server = s
	}
	return shared.server.URL(t)
}

// Private starts a server for one test, which may do to it what it likes. It ends with the test. Skips and fails like URL.
func Private(t testing.TB) *Server {
	t.Helper()
	s, err := start(find(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s
}

// URL returns the address of an empty database of the server, another one each time (until they have all been used).
func (s *Server) URL(t testing.TB) string {
	t.Helper()
	address := s.address() + "/" + strconv.FormatInt(1+s.next.Add(1)%(databases-1), 10)
	if err := run(address, "FLUSHDB"); err != nil {
		t.Fatal(err)
	}
	return address
}

// Socket is the same as URL, by way of a Unix socket.
func (s *Server) Socket(t testing.TB) string {
	t.Helper()
	address := s.URL(t)
	return "unix://" + s.socket() + "?db=" + address[strings.LastIndexByte(address, '/')+1:]
}

// Flush forgets everything in all databases.
func (s *Server) Flush(t testing.TB) {
	t.Helper()
	if err := run(s.address(), "FLUSHALL"); err != nil {
		t.Fatal(err)
	}
}

// Kill ends the server like a loss of power, and returns when it is gone. Killing it twice is fine.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	s.kill()
}

// Restart starts the server again, at the same address and empty, and returns when it can be used. It kills it first if need be.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.kill()
	if err := s.launch(); err != nil {
		t.Fatal(err)
	}
}

// Pause freezes the server: the kernel still takes connections and bytes for it, but nothing is answered.
func (s *Server) Pause(t testing.TB) { s.signal(t, syscall.SIGSTOP) }

// Resume ends a pause.
func (s *Server) Resume(t testing.TB) { s.signal(t, syscall.SIGCONT) }

func (s *Server) signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// find looks for a server on PATH and where Debian puts it.
func find(t testing.TB) string {
	t.Helper()
	testservice.Wanted(t)
	for _, name := range []string{"redis-server", "valkey-server"} {
		for _, place := range []string{name, "/usr/bin/" + name, "/usr/local/bin/" + name, "/usr/sbin/" + name} {
			if path, err := exec.LookPath(place); err == nil {
				return path
			}
		}
	}
	testservice.Missing(t, "neither redis-server nor valkey-server is installed")
	return ""
}

func start(binary string) (*Server, error) {
	dir, err := os.MkdirTemp("", "redis")
	if err != nil {
		return nil, err
	}
	s := &Server{binary: binary, dir: dir}
	if os.Getuid() == 0 {
		uid, gid := unprivileged()
		if err := os.Chown(dir, uid, gid); err != nil {
			return nil, err
		}
	}
	for range 5 { // another process may take the port first
		if s.port, err = freePort(); err != nil {
			break
		}
		if err = s.launch(); err == nil {
			return s, nil
		}
	}
	s.close()
	return nil, err
}

func (s *Server) close() {
	s.kill()
	_ = os.RemoveAll(s.dir)
}

func (s *Server) address() string { return "redis://127.0.0.1:" + strconv.Itoa(s.port) }
func (s *Server) socket() string  { return filepath.Join(s.dir, "socket") }

// launch starts the process and waits until it says that it is ready.
func (s *Server) launch() error {
	cmd := exec.Command(s.binary, "--port", strconv.Itoa(s.port), "--bind", "127.0.0.1", "--unixsocket", s.socket(), "--unixsocketperm", "777",
		"--dir", s.dir, "--save", "", "--appendonly", "no", "--databases", strconv.Itoa(databases),
		"--daemonize", "no", "--loglevel", "notice", "--logfile", "")
	cmd.Dir = s.dir
	cmd.SysProcAttr = testservice.EndsWithParent()
	if os.Getuid() == 0 {
		uid, gid := unprivileged()
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	cmd.Stderr = cmd.Stdout
	output, ready, ended := &tail{}, make(chan struct{}), make(chan struct{})
	started := make(chan error, 1)
	go func() {
		// The kernel ends the process when the thread that started it ends, so that thread stays.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		output.read(stdout, "Ready to accept connections", ready)
		_ = cmd.Wait() // it was killed, or it has said why
		close(ended)
	}()
	if err := <-started; err != nil {
		return err
	}
	s.mu.Lock()
	s.process, s.ended, s.output = cmd.Process, ended, output
	s.mu.Unlock()
	select {
	case <-ready:
		return nil
	case <-ended:
		return fmt.Errorf("%s has ended:\n%s", s.binary, output)
	case <-time.After(patience):
		s.kill()
		return fmt.Errorf("%s is not ready after %v:\n%s", s.binary, patience, output)
	}
}

func (s *Server) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return
	}
	_ = s.process.Kill()
	<-s.ended
	s.process = nil
}

// run sends one command to a server that has just been started or is known to be there.
func run(address, command string) error {
	o, err := goredis.ParseURL(address)
	if err != nil {
		return err
	}
	client := goredis.NewClient(o)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return errors.Join(client.Do(ctx, command).Err(), client.Close())
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// unprivileged returns the ids of a user that owns nothing worth having.
func unprivileged() (uid, gid int) {
	for _, name := range []string{"redis", "valkey", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, errU := strconv.Atoi(u.Uid)
			gid, errG := strconv.Atoi(u.Gid)
			if errU == nil && errG == nil {
				return uid, gid
			}
		}
	}
	return 65534, 65534
}

// tail keeps what a process has printed, for the message of a test that fails.
type tail struct {
	mu    sync.Mutex
	lines []string
}

// read reads until the end, and closes found at the first line with text in it.
func (o *tail) read(r io.Reader, text string, found chan struct{}) {
	scanner := bufio.NewScanner(r)
	for done := false; scanner.Scan(); {
		o.mu.Lock()
		o.lines = append(o.lines, scanner.Text())
		o.lines = o.lines[max(0, len(o.lines)-50):]
		o.mu.Unlock()
		if !done && strings.Contains(scanner.Text(), text) {
			done = true
			close(found)
		}
	}
}

func (o *tail) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.lines, "\n")
}
