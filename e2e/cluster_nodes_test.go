package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"parley/internal/pgtest"
	"parley/internal/redistest"
	"parley/internal/s3test"
)

// cluster is several nodes of the built program that are one server: one database, one Redis, one bucket, the same secrets,
// and a balancer in front that spreads connections over them in turn.
type cluster struct {
	t        *testing.T
	database *pgtest.Cluster
	address  string            // of the database
	redis    *redistest.Server // nil: one node needs none
	redisURL *url.URL
	bucket   string
	secret   string
	env      []string
	front    *proxy
	nodes    []*node
	owner    person
	http     *http.Client // for one node after the other
	victims  []*victim
	lobby    string // the room that everybody is in from the start
}

// node is one of them.
type node struct {
	*server
	name    string
	program string
	wire    *proxy        // its way to Redis
	ended   chan struct{} // closed when its program runs no more
}

// newCluster starts the engines and the first node, and makes its owner. env are further settings of every node.
func newCluster(t *testing.T, nodes int, o pgtest.Options, env ...string) *cluster {
	t.Helper()
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	c := &cluster{t: t, secret: hex.EncodeToString(key), env: env, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: time.Minute}}
	t.Cleanup(func() { nothingLeft(t) }) // after everything else
	t.Cleanup(c.http.CloseIdleConnections)
	c.database = pgtest.New(t, o)
	c.address = c.database.Schema(t)
	if nodes > 1 {
		c.redis = redistest.Private(t)
		var err error
		if c.redisURL, err = url.Parse(c.redis.URL(t)); err != nil {
			t.Fatal(err)
		}
	}
	s3 := s3test.Start(t)
	c.bucket = s3.URL(s3.Bucket(t, "uploads"))
	c.front = newProxy(t)
	t.Cleanup(c.report)

	first := c.node(binary)
	c.owner = c.setUp(first)
	for range nodes - 1 {
		c.node(binary)
	}
	return c
}

// node starts one more node, and lets the balancer know of it.
func (c *cluster) node(program string) *node {
	c.t.Helper()
	n := &node{name: fmt.Sprintf("node %d", len(c.nodes)+1), program: program,
		server: &server{t: c.t, data: c.t.TempDir(), addr: freeAddr(c.t), ops: freeAddr(c.t), log: &lockedBuffer{}}}
	n.env = append([]string{"PARLEY_DATABASE_URL=" + c.address, "PARLEY_BLOBS_URL=" + c.bucket, "PARLEY_SECRET_TOKEN_KEY=" + c.secret,
		"PARLEY_LIMITS_REGISTER_PER_MINUTE=0", "PARLEY_LIMITS_LOGIN_PER_MINUTE=0"}, c.env...)
	if c.redis != nil {
		n.wire = newProxy(c.t, c.redisURL.Host)
		way := *c.redisURL
		way.Host = n.wire.addr
		n.env = append(n.env, "PARLEY_REDIS_URL="+way.String())
	}
	c.nodes = append(c.nodes, n)
	c.t.Cleanup(n.end)
	n.begin()
	c.front.add(n.addr)
	return n
}

// begin starts the node's program and waits until it says that it is ready.
func (n *node) begin() {
	n.t.Helper()
	n.launch()
	n.until("the server answers", func() bool {
		if !n.running() {
			n.t.Fatalf("%s ended at its start:\n%s", n.name, n.log)
		}
		resp, err := http.Get("http://" + n.ops + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// launch starts the node's program.
func (n *node) launch() {
	n.t.Helper()
	n.cmd = exec.Command(n.program, "serve")
	n.cmd.Env = append(append(os.Environ(), "PARLEY_LISTEN="+n.addr, "PARLEY_OPERATOR_LISTEN="+n.ops, "PARLEY_DATA="+n.data,
		"PARLEY_SESSION_LISTEN="+freeAddr(n.t)), n.env...)
	n.cmd.Stdout, n.cmd.Stderr = n.log, n.log
	if err := n.cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	n.ended = make(chan struct{})
	go func(cmd *exec.Cmd, ended chan struct{}) {
		_ = cmd.Wait() // how it ended is in its log
		close(ended)
	}(n.cmd, n.ended)
}

// running reports whether the node's program runs.
func (n *node) running() bool {
	select {
	case <-n.ended:
		return false
	default:
		return true
	}
}

// crash ends the node as a loss of power would.
func (n *node) crash() {
	n.cmd.Process.Kill()
	<-n.ended
}

// end stops the node as an administrator does, and as hard as it must.
func (n *node) end() {
	if n.ended == nil || !n.running() {
		return
	}
	n.cmd.Process.Signal(syscall.SIGTERM)
	timeout := time.NewTimer(30 * time.Second)
	defer timeout.Stop()
	select {
	case <-n.ended:
	case <-timeout.C:
		n.t.Errorf("%s did not stop within 30 s of SIGTERM", n.name)
		n.crash()
	}
}

// alive lists the nodes whose program runs.
func (c *cluster) alive() (nodes []*node) {
	for _, n := range c.nodes {
		if n.running() {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// report shows the end of every node's log when the test has failed. CLUSTER_LOGS names a directory to keep them whole in.
func (c *cluster) report() {
	if dir := os.Getenv("CLUSTER_LOGS"); dir != "" {
		for _, n := range c.nodes {
			file := filepath.Join(dir, strings.ReplaceAll(c.t.Name()+" "+n.name+".log", " ", "-"))
			if err := os.WriteFile(file, []byte(n.log.String()), 0o600); err != nil {
				c.t.Log(err)
			}
		}
	}
	if !c.t.Failed() {
		return
	}
	for _, n := range c.nodes {
		var lines []string
		for line := range strings.Lines(n.log.String()) {
			if !strings.Contains(line, "msg=request") || strings.Contains(line, "status=5") { // else there is little to see
				lines = append(lines, line)
			}
		}
		c.t.Logf("%s at %s said last:\n%s", n.name, n.addr, strings.Join(lines[max(0, len(lines)-60):], ""))
	}
}

func (c *cluster) setUp(n *node) person {
	c.t.Helper()
	link := regexp.MustCompile(`/setup#(\S+)`)
	n.until("the setup link is printed", func() bool { return link.MatchString(n.log.String()) })
	var login struct {
		Token string
		User  struct{ ID string }
	}
	if status := n.do("", "POST", "/api/auth/setup", obj{"token": link.FindStringSubmatch(n.log.String())[1], "username": "owner", "password": "correct horse battery"}, &login); status != 201 {
		c.t.Fatalf("making the owner: status %d", status)
	}
	var rooms struct{ Rooms []struct{ ID, Slug string } }
	n.do(login.Token, "GET", "/api/rooms", nil, &rooms)
	for _, r := range rooms.Rooms {
		if r.Slug == "general" {
			c.lobby = r.ID
		}
	}
	return person{login.User.ID, login.Token}
}

// call makes one request to an address and returns the status, and the code of a problem.
func call(ctx context.Context, client *http.Client, addr, token, method, path string, in, out any) (status int, code string, err error) {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return 0, "", err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+addr+"/api"+path, body)
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, "", err
	}
	if resp.StatusCode >= 400 {
		var problem struct{ Code string }
		_ = json.Unmarshal(text, &problem)
		return resp.StatusCode, problem.Code, nil
	}
	if out != nil && len(text) > 0 {
		err = json.Unmarshal(text, out)
	}
	return resp.StatusCode, "", err
}

// on asks one node and expects success.
func (c *cluster) on(n *node, token, method, path string, in, out any) {
	c.t.Helper()
	status, code, err := call(c.t.Context(), c.http, n.addr, token, method, path, in, out)
	if err != nil || status >= 300 {
		c.t.Fatalf("%s: %s %s: status %d %s %v", n.name, method, path, status, code, err)
	}
}

// until waits for a condition that must come true. why says what is still missing, for the message when it does not.
func (c *cluster) until(what string, limit time.Duration, why func() string) {
	c.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	end := time.NewTimer(limit)
	defer end.Stop()
	for {
		missing := why()
		if missing == "" {
			return
		}
		select {
		case <-tick.C:
		case <-end.C:
			c.t.Fatalf("waited %v in vain until %s: %s", limit, what, missing)
		}
	}
}

// each runs fn for every number below n, some at a time.
func each(n int, fn func(int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range 8 {
		wg.Go(func() {
			for i := range next {
				fn(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// nothingLeft expects that no goroutine of these tests runs any more.
func nothingLeft(t testing.TB) {
	http.DefaultClient.CloseIdleConnections()
	ours := regexp.MustCompile(`parley/e2e\.\(\*(proxy|talker|crowd|cluster)\)|coder/websocket`)
	stacks := make([]byte, 4<<20)
	left := ""
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		left = ""
		for g := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
			if ours.MatchString(g) && !strings.Contains(g, "e2e.nothingLeft") {
				left += g + "\n\n"
			}
		}
		if left == "" {
			return
		}
	}
	t.Errorf("goroutines were left behind:\n%.3000s", left)
}
