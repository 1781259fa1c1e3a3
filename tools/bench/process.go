package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a program under test, pinned to one processor while the load generator has the other.
type process struct {
	cmd   *exec.Cmd
	addr  string
	ops   string
	first time.Duration // from exec to the first answer
	data  string
}

func freeAddr() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// startServer runs the built server with embedded defaults and no rate limits on a data directory of its own.
func startServer(ctx context.Context, binary, data string) (*process, error) {
	p := &process{addr: freeAddr(), ops: freeAddr(), data: data}
	env := append(os.Environ(), "PARLEY_LISTEN="+p.addr, "PARLEY_OPERATOR_LISTEN="+p.ops, "PARLEY_DATA="+data, "PARLEY_LOG_LEVEL=warn",
		"PARLEY_SESSION_LISTEN="+freeAddr(), "PARLEY_LIMITS_MESSAGES_PER_10S=0", "PARLEY_LIMITS_REGISTER_PER_MINUTE=0", "PARLEY_LIMITS_LOGIN_PER_MINUTE=0",
		"PARLEY_LIMITS_REQUESTS_PER_MINUTE=0", "PARLEY_LIMITS_CONNECTIONS_PER_USER=0", "PARLEY_LIMITS_SEARCH_PER_MINUTE=0", "PARLEY_ORIGIN_MESSAGES_PER_MINUTE=0", "PARLEY_ORIGIN_COOLDOWN_SECONDS=0")
	return p, p.start(ctx, env, "/api/server", binary, "serve")
}

// startBare runs this program as the bare broadcaster.
func startBare(ctx context.Context) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{addr: freeAddr()}
	return p, p.start(ctx, os.Environ(), "/", self, "-bare", p.addr)
}

func (p *process) start(ctx context.Context, env []string, path, binary string, args ...string) error {
	if cpus := os.Getenv("BENCH_SERVER_CPU"); cpus != "" {
		args = append([]string{"-c", cpus, binary}, args...)
		binary = "taskset"
	}
	p.cmd = exec.CommandContext(ctx, binary, args...)
	p.cmd.Env = env
	log, err := os.Create(filepath.Join(os.TempDir(), "bench-server.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	p.cmd.WaitDelay = 15 * time.Second
	begin := time.Now()
	if err := p.cmd.Start(); err != nil {
		return err
	}
	for deadline := begin.Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if resp, err := http.Get("http://" + p.addr + path); err == nil {
			resp.Body.Close()
			p.first = time.Since(begin)
			return nil
		}
	}
	p.stop()
	return fmt.Errorf("%s did not answer within 20 s; see %s", binary, log.Name())
}

func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	p.cmd.Wait()
}

// cpu is the processor time the process has used, user and system.
func (p *process) cpu() time.Duration {
	_, used := usage(p.cmd.Process.Pid)
	return used
}

// databaseCPU is the processor time of a database server: of the process, of those it started, and of those of them that ended.
func databaseCPU(pid int) (sum time.Duration) {
	if pid == 0 {
		return 0
	}
	_, sum = usage(pid)
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0
	}
	for _, e := range entries {
		if child, err := strconv.Atoi(e.Name()); err == nil {
			if parent, used := usage(child); parent == pid {
				sum += used
			}
		}
	}
	return sum
}

// usage reads a process's parent and the processor time of itself and its children that ended; 0 when it is gone.
func usage(pid int) (parent int, used time.Duration) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	parent, _ = strconv.Atoi(fields[1])
	ticks := 0
	for _, field := range fields[11:15] { // utime, stime, cutime, cstime
		n, _ := strconv.Atoi(field)
		ticks += n
	}
	return parent, time.Duration(ticks) * 10 * time.Millisecond
}

// resident is the memory the process holds, in bytes.
func (p *process) resident() int64 {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if rest, ok := strings.CutPrefix(s.Text(), "VmRSS:"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10
		}
	}
	return 0
}

// metric reads one value of the server's metrics; labels and all, name must match the whole series.
func (p *process) metric(name string) float64 {
	resp, err := http.Get("http://" + p.ops + "/metrics")
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	for s := bufio.NewScanner(resp.Body); s.Scan(); {
		if rest, ok := strings.CutPrefix(s.Text(), name+" "); ok {
			v, _ := strconv.ParseFloat(rest, 64)
			return v
		}
	}
	return 0
}
