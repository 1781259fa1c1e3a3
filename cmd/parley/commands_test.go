package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"parley/internal/ops/datalock"
)

// console is a terminal: it types commands about one data directory and keeps what they print.
type console struct {
	t    *testing.T
	data string
	env  []string
}

func newConsole(t *testing.T) *console {
	t.Helper()
	return &console{t: t, data: filepath.Join(t.TempDir(), "data")}
}

// types runs a command with input and returns exit code, standard output and standard error.
func (c *console) types(input string, args ...string) (code int, out, errs string) {
	c.t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(c.t.Context(), process{
		Args: append([]string{"--data", c.data}, args...), Dir: c.t.TempDir(), Environ: c.env,
		Stdin: strings.NewReader(input), Stdout: &stdout, Stderr: &stderr, Kill: func(int) { c.t.Error("killed") },
	})
	return code, stdout.String(), stderr.String()
}

// ok is types for commands that must succeed and say nothing on standard error.
func (c *console) ok(input string, args ...string) string {
	c.t.Helper()
	code, out, errs := c.types(input, args...)
	if code != exitOK || errs != "" {
		c.t.Fatalf("%s: exit %d\n%s%s", strings.Join(args, " "), code, out, errs)
	}
	return out
}

// printer collects what a server prints and tells when it has printed a text.
type printer struct {
	mu    sync.Mutex
	text  strings.Builder
	until string
	done  chan struct{}
	once  sync.Once
}

func (p *printer) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text.Write(b)
	if strings.Contains(p.text.String(), p.until) {
		p.once.Do(func() { close(p.done) })
	}
	return len(b), nil
}

func (p *printer) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// killed is added to the exit code of a process that did not wait for its own end.
const killed = 100

// server is a serve command that runs.
type server struct {
	base    string
	notice  *printer
	log     *printer
	signals chan os.Signal
	exit    chan int
}

// serves starts the serve command on the console's data directory and waits until it is ready.
func (c *console) serves(args ...string) *server {
	c.t.Helper()
	s := &server{
		notice: &printer{until: "is ready", done: make(chan struct{})}, log: &printer{until: "stopping", done: make(chan struct{})},
		signals: make(chan os.Signal, 2), exit: make(chan int, 1),
	}
	go func() {
		s.exit <- run(context.Background(), process{
			Args: append([]string{"serve", "--data", c.data, "--listen", "127.0.0.1:0", "--operator-listen", ""}, args...), Dir: c.t.TempDir(), Environ: c.env,
			Stdin: strings.NewReader(""), Stdout: s.notice, Stderr: s.log, Signals: s.signals, Kill: func(code int) { s.exit <- killed + code },
		})
	}()
	select {
	case <-s.notice.done:
	case code := <-s.exit:
		c.t.Fatalf("the server ended with %d\n%s", code, s.log)
	}
	for line := range strings.Lines(s.notice.String()) {
		if name, value, _ := strings.Cut(strings.TrimSpace(line), " "); name == "Web" {
			s.base = strings.TrimSpace(value)
		}
	}
	c.t.Cleanup(func() { s.stops(c.t) })
	return s
}

// stops ends the server as an operator does.
func (s *server) stops(t *testing.T) {
	t.Helper()
	if s.signals == nil {
		return
	}
	s.signals <- syscall.SIGTERM
	s.signals = nil
	if code := <-s.exit; code != exitOK {
		t.Errorf("the server ended with %d\n%s", code, s.log)
	}
	http.DefaultClient.CloseIdleConnections()
}

// story plays the same commands wherever they run.
func story(t *testing.T, c *console) {
	if out := c.ok("correct horse\n", "user", "create", "--username", "olga", "--password-stdin", "--rank", "owner"); !strings.Contains(out, "Made olga") || strings.Contains(out, "horse") {
		t.Errorf("user create: %s", out)
	}
	if out := c.ok("", "user", "create", "--username", "Max", "--display-name", "Max M"); !strings.Contains(out, "password ") {
		t.Errorf("user create without a password: %s", out)
	}
	var users []struct{ Username, Rank string }
	if err := json.Unmarshal([]byte(c.ok("", "user", "list", "--json")), &users); err != nil || len(users) != 2 {
		t.Fatalf("%v, error %v", users, err)
	}
	if out := c.ok("", "user", "list", "--rank", "owner"); !strings.Contains(out, "olga") || strings.Contains(out, "Max") {
		t.Errorf("user list --rank owner:\n%s", out)
	}
	c.ok("", "user", "rank", "max", "moderator")
	if out := c.ok("", "user", "list", "--search", "max"); !strings.Contains(out, "moderator") {
		t.Errorf("after user rank:\n%s", out)
	}
	c.ok("another horse", "user", "set-password", "@max", "--password-stdin")
	c.ok("", "user", "disable", "max")
	if out := c.ok("", "user", "list", "--disabled"); !strings.Contains(out, "Max") || strings.Contains(out, "olga") {
		t.Errorf("user list --disabled:\n%s", out)
	}
	c.ok("", "user", "enable", "max")
	c.ok("", "user", "reset-totp", "max")

	if out := c.ok("", "room", "create", "Tea time", "--type", "private", "--slug", "tea", "--owner", "olga"); !strings.Contains(out, "#tea") {
		t.Errorf("room create: %s", out)
	}
	c.ok("", "room", "add-member", "#tea", "max", "--role", "admin")
	if out := c.ok("", "room", "list"); !strings.Contains(out, "olga") || !strings.Contains(out, "general") {
		t.Errorf("room list:\n%s", out)
	}
	c.ok("", "room", "remove-member", "tea", "max")

	c.ok("", "role", "create", "Gardener", "--permission", "manage_rooms,announce", "--color", "#00aa00")
	if out := c.ok("", "role", "grant", "max", "gardener"); !strings.Contains(out, "Gardener") {
		t.Errorf("role grant: %s", out)
	}
	if out := c.ok("", "role", "revoke", "max", "Gardener"); strings.Contains(out, "Gardener") {
		t.Errorf("role revoke: %s", out)
	}
	if out := c.ok("", "role", "list"); !strings.Contains(out, "announce,manage_rooms") {
		t.Errorf("role list:\n%s", out)
	}
	c.ok("", "role", "delete", "gardener", "--yes")

	c.ok("", "ban", "add", "max", "--kind", "timeout", "--for", "1h", "--reason", "shouting")
	c.ok("", "ban", "add", "max", "--kind", "mute", "--room", "general")
	if out := c.ok("", "ban", "list"); !strings.Contains(out, "shouting") || !strings.Contains(out, "mute") {
		t.Errorf("ban list:\n%s", out)
	}
	c.ok("", "ban", "lift", "max", "--kind", "timeout")
	if out := c.ok("", "ban", "list", "--user", "max"); strings.Contains(out, "timeout") {
		t.Errorf("after ban lift:\n%s", out)
	}
	if out := c.ok("", "ban", "list", "--all"); !strings.Contains(out, "timeout") {
		t.Errorf("ban list --all:\n%s", out)
	}

	c.ok("", "room", "delete", "tea", "--yes")
	c.ok("", "user", "delete", "max", "--yes")
	if out := c.ok("", "user", "list"); strings.Contains(out, "Max") {
		t.Errorf("after user delete:\n%s", out)
	}
}

func TestCommandsOnAFreshDirectory(t *testing.T) { story(t, newConsole(t)) }

func TestCommandsBesideAServer(t *testing.T) {
	c := newConsole(t)
	s := c.serves()
	story(t, c)
	if !strings.Contains(s.log.String(), `name="parley user delete" exit=0`) {
		t.Errorf("the server did not run the commands itself:\n%s", s.log)
	}
	if strings.Contains(s.log.String(), "horse") {
		t.Error("a password is in the log")
	}
	r, err := http.Post(s.base+"/api/auth/login", "application/json", strings.NewReader(`{"username":"olga","password":"correct horse"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != http.StatusOK {
		t.Errorf("log in with the account that the command made: %d", r.StatusCode)
	}
	s.stops(t)
	if out := c.ok("", "user", "list"); !strings.Contains(out, "olga") {
		t.Errorf("after the server stopped:\n%s", out)
	}
}

func TestRefusals(t *testing.T) {
	c := newConsole(t)
	c.ok("correct horse", "user", "create", "--username", "olga", "--password-stdin", "--rank", "owner")
	for _, row := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"a command that is none", []string{"bake"}, exitUsage, "--help"},
		{"a flag that is none", []string{"user", "list", "--colour"}, exitUsage, `"parley user list --help"`},
		{"a rank that is none", []string{"user", "rank", "olga", "king"}, exitUsage, "member"},
		{"a setting that is none", []string{"--set", "lisen=x", "user", "list"}, exitUsage, "did you mean listen?"},
		{"a setting with a wrong value", []string{"--set", "session_ttl=soon", "config"}, exitUsage, "session_ttl"},
		{"a settings file that is not there", []string{"--config", "/no/such/file", "config"}, exitUsage, "/no/such/file"},
		{"a user that is none", []string{"user", "rank", "nobody", "admin"}, exitFailed, "user list"},
		{"a room that is none", []string{"room", "delete", "nowhere", "--yes"}, exitFailed, "room list"},
		{"a role that is none", []string{"role", "grant", "olga", "king"}, exitFailed, "role list"},
		{"a username that is taken", []string{"user", "create", "--username", "OLGA"}, exitFailed, "parley: "},
		{"a username that is none", []string{"user", "create", "--username", "a b"}, exitFailed, "3 to 20 characters"},
		{"no password where one is announced", []string{"user", "create", "--username", "max", "--password-stdin"}, exitUsage, "standard input"},
		{"deleting a user without saying yes", []string{"user", "delete", "olga"}, exitUsage, "--yes"},
		{"deleting a room without saying yes", []string{"room", "delete", "general"}, exitUsage, "--yes"},
		{"deleting a role without saying yes", []string{"role", "delete", "moderator"}, exitUsage, "--yes"},
		{"deleting a role of the system", []string{"role", "delete", "moderator", "--yes"}, exitFailed, "parley: "},
		{"the last owner steps down", []string{"user", "rank", "olga", "member"}, exitFailed, "parley: "},
		{"a timeout without end", []string{"ban", "add", "olga", "--kind", "timeout"}, exitUsage, "--for"},
		{"two ends", []string{"ban", "add", "olga", "--for", "1h", "--until", "2099-01-01T00:00:00Z"}, exitUsage, "only one"},
		{"lifting what does not hold", []string{"ban", "lift", "olga"}, exitFailed, "parley: "},
	} {
		t.Run(row.name, func(t *testing.T) {
			code, out, errs := (&console{t: t, data: c.data}).types("", row.args...)
			if code != row.code || !strings.Contains(errs, row.says) {
				t.Errorf("exit %d, want %d; said %q on stderr, want %q in it; stdout %q", code, row.code, errs, row.says, out)
			}
		})
	}
}

func TestSecondServerIsRefused(t *testing.T) {
	c := newConsole(t)
	c.serves()
	code, _, errs := c.types("", "serve", "--listen", "127.0.0.1:0")
	if code != exitFailed || !strings.Contains(errs, "is in use by process") {
		t.Errorf("exit %d, said %q", code, errs)
	}
}

// A command waits for another one that has the data directory open.
func TestCommandsWaitForEachOther(t *testing.T) {
	c := newConsole(t)
	c.ok("", "user", "create", "--username", "olga")
	lock, err := datalock.Acquire(c.data)
	if err != nil {
		t.Fatal(err)
	}
	listed := make(chan string)
	go func() {
		_, out, errs := c.types("", "user", "list")
		listed <- out + errs
	}()
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	if out := <-listed; !strings.Contains(out, "olga") {
		t.Errorf("said %q", out)
	}
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	c := newConsole(t)
	s := c.serves("--set", "drain_timeout=10m")
	// A request whose body does not come holds the drain up.
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, err = io.WriteString(conn, "POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.Contains(line, "100") { // the handler reads now
		t.Fatalf("%q, error %v", line, err)
	}
	signals := s.signals
	s.signals = nil
	signals <- syscall.SIGINT
	<-s.log.done
	signals <- syscall.SIGINT
	if code := <-s.exit; code != killed+exitFailed {
		t.Fatalf("ended with %d", code)
	}
	conn.Close() // a real process would be gone; here the drain goes on and ends
	if code := <-s.exit; code != exitOK {
		t.Errorf("the drain ended with %d", code)
	}
}

func TestHelpAndVersion(t *testing.T) {
	c := newConsole(t)
	for _, row := range []struct {
		args []string
		says string
	}{
		{[]string{"--help"}, "serve"}, {[]string{"user", "--help"}, "set-password"}, {[]string{"ban", "add", "--help"}, "--reason"}, {[]string{"version"}, "Parley "},
	} {
		if out := c.ok("", row.args...); !strings.Contains(out, row.says) {
			t.Errorf("%v: %s", row.args, out)
		}
	}
	if _, err := os.Stat(c.data); err == nil {
		t.Error("a question made a data directory")
	}
	var v map[string]string
	if err := json.Unmarshal([]byte(c.ok("", "version", "--json")), &v); err != nil || v["version"] == "" {
		t.Errorf("%v, error %v", v, err)
	}
}

func TestConfigShowsOriginsAndHidesSecrets(t *testing.T) {
	c := newConsole(t)
	c.env = []string{"PARLEY_DATABASE_URL=postgres://u:hunter2@db/x", "PARLEY_REGISTRATION=closed", "PARLEY_SECRET_TOKEN_KEY=x"}
	out := c.ok("", "config", "--set", "listen=:1234")
	for _, want := range []string{`listen `, `":1234"`, "# flag", `"closed"`, "# environment", "# default"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	if strings.Contains(out, "hunter2") {
		t.Error("the password is shown")
	}
	var values []struct{ Key, Value, Origin string }
	if err := json.Unmarshal([]byte(c.ok("", "config", "--json", "--changed")), &values); err != nil || len(values) != 3 {
		t.Errorf("%v, error %v", values, err)
	}
}

func TestMigrate(t *testing.T) {
	c := newConsole(t)
	if code, _, errs := c.types("", "migrate", "status"); code != exitFailed || !strings.Contains(errs, "no database") {
		t.Errorf("without a database: exit %d, said %q", code, errs)
	}
	c.ok("", "user", "list")
	if out := c.ok("", "migrate", "status"); !strings.Contains(out, "pending   0") {
		t.Errorf("status: %s", out)
	}
	if out := c.ok("", "migrate", "up"); !strings.Contains(out, "up to date") {
		t.Errorf("up: %s", out)
	}
	c.serves()
	if code, _, errs := c.types("", "migrate", "up"); code != exitFailed || !strings.Contains(errs, "in use") {
		t.Errorf("beside a server: exit %d, said %q", code, errs)
	}
	c.ok("", "migrate", "status")
}

func TestReferenceIsCurrent(t *testing.T) {
	page, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	if newConsole(t).ok("", "reference") != string(page) {
		t.Error("docs/cli.md is not what the commands say: run make generate")
	}
}
