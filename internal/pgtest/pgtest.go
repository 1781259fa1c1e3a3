// Package pgtest gives tests a PostgreSQL of their own: a private cluster in a temporary directory that nobody else can reach,
// one for each test program, and in it a fresh schema for each test. Nothing here knows what is kept in it.
//
// A test program that uses it calls Main from TestMain. Without PostgreSQL on the machine tests are skipped, and fail where CI
// is "true".
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/internal/testservice"
)

// Options say how a cluster is kept.
type Options struct {
	Fsync bool // a commit waits for the disk; without it, tests are faster and a lost machine loses the cluster
}

// Cluster is a PostgreSQL server of the test's own.
type Cluster struct {
	dir  string // the socket is here, the data beside it
	bin  string
	opts Options
	cred *syscall.Credential // of the account that runs it; nil for our own

	mu     sync.Mutex // guards what follows
	server *exec.Cmd
	schema int
}

var shared struct {
	once    sync.Once
	cluster *Cluster
	err     error
}

// Main runs the tests of a program and stops its cluster. It does not return.
func Main(m *testing.M) {
	code := m.Run()
	if shared.cluster != nil {
		if err := shared.cluster.remove(); err != nil {
			fmt.Fprintln(os.Stderr, "pgtest:", err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// URL returns the address of an empty schema in the cluster that all tests of the program share.
func URL(t testing.TB) string {
	t.Helper()
	bin := need(t)
	shared.once.Do(func() { shared.cluster, shared.err = start(bin, Options{}) })
	if shared.err != nil {
		t.Fatalf("pgtest: %v", shared.err)
	}
	return shared.cluster.Schema(t)
}

// New starts a cluster for one test, for what cannot be done to one that others use. It is stopped with the test.
func New(t testing.TB, o Options) *Cluster {
	t.Helper()
	c, err := start(need(t), o)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() {
		if err := c.remove(); err != nil {
			t.Errorf("pgtest: %v", err)
		}
	})
	return c
}

// need finds the programs of PostgreSQL. Without them it skips the test, or fails it in CI.
func need(t testing.TB) (bin string) {
	t.Helper()
	testservice.Wanted(t)
	bin, err := find()
	if err != nil {
		testservice.Missing(t, err.Error())
	}
	return bin
}

// find returns the directory of the newest PostgreSQL: that of the PATH, or where Debian keeps it.
func find() (string, error) {
	if path, err := exec.LookPath("postgres"); err == nil {
		return filepath.Dir(path), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil || len(found) == 0 {
		return "", errors.New("PostgreSQL is not installed (neither on the PATH nor in /usr/lib/postgresql)")
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
		return n
	}
	return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })), nil
}

// start makes a cluster and starts it. PostgreSQL refuses to run as root, so root lends it another account.
func start(bin string, o Options) (c *Cluster, err error) {
	c = &Cluster{bin: bin, opts: o}
	if os.Geteuid() == 0 {
		if c.cred, err = otherAccount(); err != nil {
			return nil, err
		}
	}
	if c.dir, err = os.MkdirTemp("", "pg"); err != nil { // a short name: the path of a socket has some 100 characters at most
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.remove())
		}
	}()
	if c.cred != nil {
		if err := os.Chown(c.dir, int(c.cred.Uid), int(c.cred.Gid)); err != nil {
			return nil, err
		}
	}
	initdb := c.command("initdb", "-D", c.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return c, c.Start()
}

// otherAccount is whom root runs PostgreSQL as.
func otherAccount() (*syscall.Credential, error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("no account to run PostgreSQL as: it refuses to be root")
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

func (c *Cluster) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(c.bin, name), args...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.cred, Setpgid: true} // an interrupt of the tests is not for the server
	return cmd
}

// startTimeout bounds how long a server may take until it answers.
const startTimeout = time.Minute

// Start starts the server, also after Stop or Kill, and returns when it answers.
func (c *Cluster) Start() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.server != nil {
		return nil
	}
	onOff := map[bool]string{true: "on", false: "off"}
	settings := []string{"-D", c.data(), "-k", c.dir, "-c", "listen_addresses=", "-c", "max_connections=200", "-c", "shared_buffers=64MB",
		"-c", "fsync=" + onOff[c.opts.Fsync], "-c", "full_page_writes=" + onOff[c.opts.Fsync], "-c", "autovacuum_naptime=10s", "-c", "max_wal_size=512MB"}
	cmd := c.command("postgres", settings...)
	log, err := os.Create(filepath.Join(c.dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log // files, and no goroutine that waits: tests look for what is left behind
	if err := cmd.Start(); err != nil {
		return err
	}
	c.server = cmd
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		conn, err := pgx.Connect(ctx, c.url(""))
		if err == nil {
			return conn.Close(ctx)
		}
		if pid, _ := syscall.Wait4(cmd.Process.Pid, nil, syscall.WNOHANG, nil); pid > 0 {
			c.server = nil
			text, _ := os.ReadFile(log.Name())
			return fmt.Errorf("the server ended: %s", text)
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("the server does not answer: %w", err)
		}
	}
}

// Stop stops the server as an administrator does: it ends every connection, and loses nothing.
func (c *Cluster) Stop() error { return c.signal(syscall.SIGINT) }

// Kill stops the server as a crash does: what was not committed is lost, and the next start recovers.
func (c *Cluster) Kill() error { return c.signal(syscall.SIGQUIT) }

func (c *Cluster) signal(sig syscall.Signal) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.server == nil {
		return nil
	}
	if err := c.server.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	_ = c.server.Wait() // how it ended is no matter
	c.server = nil
	return nil
}

// remove stops the server and deletes everything.
func (c *Cluster) remove() error {
	err := c.Kill()
	if e := os.RemoveAll(c.dir); !errors.Is(e, fs.ErrNotExist) {
		err = errors.Join(err, e)
	}
	return err
}

// url is the address of the database, with a schema where unqualified names are looked for.
func (c *Cluster) url(schema string) string {
	q := url.Values{"host": {c.dir}, "user": {"postgres"}}
	if schema != "" {
		q.Set("search_path", schema)
	}
	return "postgres:///postgres?" + q.Encode()
}

// Exec runs statements as the administrator.
func (c *Cluster) Exec(t testing.TB, statements string) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, c.url(""))
	if err == nil {
		_, err = conn.Exec(ctx, statements)
		err = errors.Join(err, conn.Close(ctx))
	}
	if err != nil {
		t.Fatalf("pgtest: %s: %v", strings.TrimSpace(statements), err)
	}
}

// Schema makes an empty schema and returns the address at which its tables are the only ones in sight. It goes with the test.
func (c *Cluster) Schema(t testing.TB) string {
	t.Helper()
	c.mu.Lock()
	c.schema++
	name := fmt.Sprintf("test%d", c.schema)
	c.mu.Unlock()
	c.Exec(t, "CREATE SCHEMA "+name)
	t.Cleanup(func() {
		c.mu.Lock()
		running := c.server != nil
		c.mu.Unlock()
		if running {
			c.Exec(t, "DROP SCHEMA "+name+" CASCADE")
		}
	})
	return c.url(name)
}
