package plugin

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"parley/internal/plugin/pipe"
)

// child is the process that runs plugins. One goroutine uses it.
type child struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr *tail
	ended  chan struct{} // closed when the process is gone
	once   sync.Once
}

// newChild starts a process, which has no environment and none of our files.
func newChild(command, args, environ []string) (*child, error) {
	if len(command) == 0 {
		return nil, errors.New("it is not known which program runs plugins")
	}
	c := &child{cmd: exec.Command(command[0], append(slices.Clone(command[1:]), args...)...), stderr: &tail{}, ended: make(chan struct{})}
	c.cmd.Env, c.cmd.Dir, c.cmd.Stderr = append([]string{}, environ...), "/", c.stderr
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // what interrupts us at the terminal is not for it
	c.cmd.WaitDelay = time.Second
	var err error
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.out = bufio.NewReaderSize(out, 64<<10)
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the process of the plugins: %w", err)
	}
	return c, nil
}

// errLate is in the chain of the error when the process did not answer in time.
var errLate = errors.New("no answer in time")

// exchange sends a request and waits for its answer, as long as ctx and the time last. After an error the process is of no use.
func (c *child) exchange(ctx context.Context, q pipe.Request, patience time.Duration) (r pipe.Response, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errLate)
	defer cancel()
	defer context.AfterFunc(ctx, c.kill)()
	if err = pipe.Write(c.in, q); err == nil {
		err = pipe.Read(c.out, &r)
	}
	if err == nil && r.Plugin != q.Plugin {
		err = pipe.ErrBroken
	}
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return r, err
}

func (c *child) kill() { _ = c.cmd.Process.Kill() } // it may be gone

// close ends the process, at the latest after the time, and waits for it. Safe to call twice.
func (c *child) close(grace time.Duration) {
	c.once.Do(func() {
		_ = c.in.Close() // it ends when there is nothing more to read
		timer := time.AfterFunc(grace, c.kill)
		defer timer.Stop()
		_ = c.cmd.Wait() // how it ended is told by what it wrote
		close(c.ended)
	})
	<-c.ended
}

// last is what the process wrote before it ended, its first line and no more: the rest are traces.
func (c *child) last() string {
	line, _, _ := strings.Cut(strings.TrimSpace(c.stderr.String()), "\n")
	return line
}

// tail keeps the beginning of what is written: of a program that dies, that is why.
type tail struct {
	mu sync.Mutex
	b  []byte
}

const maxTail = 2000

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, b[:min(len(b), maxTail-len(t.b))]...)
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}
