// Package e2e drives the built program over real sockets: what holds here holds for people.
package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
)

var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "e2e")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "server")
	build := exec.Command("go", "build", "-o", binary, "parley/cmd/parley")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the program: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// server is the program, running on a data directory that outlives it.
type server struct {
	t    testing.TB
	data string
	addr string
	ops  string
	env  []string
	cmd  *exec.Cmd
	log  *lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newServer starts the program on a fresh data directory; env are further settings.
func newServer(t testing.TB, env ...string) *server {
	t.Helper()
	s := &server{t: t, data: t.TempDir(), addr: freeAddr(t), ops: freeAddr(t), env: env}
	s.start()
	t.Cleanup(s.stop)
	return s
}

// taken are the addresses that freeAddr gave: the system may give one again before its server listens.
var taken sync.Map

func freeAddr(t testing.TB) string {
	t.Helper()
	for {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr := l.Addr().String()
		l.Close()
		if _, given := taken.LoadOrStore(addr, true); !given {
			return addr
		}
	}
}

func (s *server) start() {
	s.t.Helper()
	s.log = &lockedBuffer{}
	s.cmd = exec.Command(binary, "serve")
	s.cmd.Env = append(append(os.Environ(), "PARLEY_LISTEN="+s.addr, "PARLEY_OPERATOR_LISTEN="+s.ops, "PARLEY_DATA="+s.data,
		"PARLEY_SESSION_LISTEN="+freeAddr(s.t), "PARLEY_LIMITS_REGISTER_PER_MINUTE=0", "PARLEY_LIMITS_LOGIN_PER_MINUTE=0"), s.env...)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.until("the server answers", func() bool {
		resp, err := http.Get("http://" + s.ops + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// kill ends the program as a power cut would.
func (s *server) kill() {
	s.cmd.Process.Signal(syscall.SIGKILL)
	s.cmd.Wait()
}

func (s *server) stop() {
	if s.cmd.ProcessState != nil {
		return
	}
	s.cmd.Process.Signal(syscall.SIGTERM)
	s.cmd.Wait()
	if s.t.Failed() {
		s.t.Logf("the server said:\n%s", s.log)
	}
}

// until waits for a condition that must come true.
func (s *server) until(what string, ok func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("waited in vain until %s; the server said:\n%s", what, s.log)
		}
	}
}

// metric reads one series of the operator's metrics.
func (s *server) metric(name string) float64 {
	s.t.Helper()
	resp, err := http.Get("http://" + s.ops + "/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			v, err := strconv.ParseFloat(rest, 64)
			if err != nil {
				s.t.Fatal(err)
			}
			return v
		}
	}
	s.t.Fatalf("no metric %s", name)
	return 0
}

// do makes a request and decodes the answer; it returns the status.
func (s *server) do(token, method, path string, in, out any) int {
	s.t.Helper()
	status, err := s.try(token, method, path, in, out)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	return status
}

func (s *server) try(token, method, path string, in, out any) (int, error) {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return 0, err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequest(method, "http://"+s.addr+path, body)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	if out != nil && len(text) > 0 {
		if err := json.Unmarshal(text, out); err != nil {
			return 0, fmt.Errorf("%w in %s", err, text)
		}
	}
	return resp.StatusCode, nil
}

type person struct {
	ID    string
	Token string
}

func (s *server) register(name string) person {
	s.t.Helper()
	var login struct {
		Token string
		User  struct{ ID string }
	}
	if status := s.do("", "POST", "/api/auth/register", map[string]any{"username": name, "password": "correct horse battery"}, &login); status != 201 {
		s.t.Fatalf("registering %s: status %d", name, status)
	}
	return person{login.User.ID, login.Token}
}

// room makes a public room with all of the people in it.
func (s *server) room(people ...person) string {
	s.t.Helper()
	var room struct{ ID string }
	if status := s.do(people[0].Token, "POST", "/api/rooms", map[string]any{"name": "The room", "type": "public"}, &room); status != 201 {
		s.t.Fatalf("making a room: status %d", status)
	}
	for _, p := range people[1:] {
		if status := s.do(p.Token, "POST", "/api/rooms/"+room.ID+"/join", map[string]any{}, nil); status != 200 {
			s.t.Fatalf("joining: status %d", status)
		}
	}
	return room.ID
}

// frame is what the tests look at of a server's frames.
type frame struct {
	Type      string
	Ref       string
	Code      string
	RoomID    string `json:"room_id"`
	LastSeq   int64  `json:"last_seq"`
	Truncated bool
	Message   json.RawMessage
	Messages  []message
}

type message struct {
	ID        string
	Seq       int64
	ChangeSeq int64 `json:"change_seq"`
	Type      string
	Content   string
	Sender    *struct{ ID string }
	Nonce     string
}

func (f frame) message() message {
	var m message
	json.Unmarshal(f.Message, &m)
	return m
}

// socket is a WebSocket client made by somebody else.
type socket struct{ *websocket.Conn }

func (s *server) connect(ctx context.Context, p person) (socket, error) {
	c, _, err := websocket.Dial(ctx, "ws://"+s.addr+"/api/ws?token="+p.Token, nil)
	if err != nil {
		return socket{}, err
	}
	c.SetReadLimit(64 << 20)
	so := socket{c}
	if f, err := so.read(ctx); err != nil || f.Type != "ready" {
		return so, fmt.Errorf("first frame %q: %w", f.Type, err)
	}
	return so, nil
}

func (so socket) read(ctx context.Context) (frame, error) {
	var f frame
	_, text, err := so.Read(ctx)
	if err != nil {
		return f, err
	}
	return f, json.Unmarshal(text, &f)
}

func (so socket) write(ctx context.Context, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return so.Write(ctx, websocket.MessageText, text)
}
