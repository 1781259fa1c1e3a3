package testservice

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"
)

// Patience is how long a server may take to start.
const Patience = time.Minute

// Process is a server that runs until it is killed, and no longer than the test program where the system can see to that. The
// zero value is one that does not run. It is for one goroutine.
type Process struct {
	process *os.Process
	ended   chan struct{} // closed when process is gone
	output  *output
}

// Start starts a server and returns when ready says that it can be used; ready is asked again and again. After an error nothing
// runs.
func (p *Process) Start(cmd *exec.Cmd, ready func() bool) error {
	p.output = new(output)
	cmd.Stdout, cmd.Stderr = p.output, p.output
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = EndsWithParent()
	}
	p.ended = make(chan struct{})
	started := make(chan error, 1)
	go func(ended chan struct{}) {
		// The kernel ends the process when the thread that started it ends, so that thread stays.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // it is killed, so this is always an error
		}
		close(ended)
	}(p.ended)
	if err := <-started; err != nil {
		return err
	}
	p.process = cmd.Process
	err := p.await(ready)
	if err != nil {
		err = errors.Join(err, p.Kill())
	}
	return err
}

func (p *Process) await(ready func() bool) error {
	deadline := time.NewTimer(Patience)
	defer deadline.Stop()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for !ready() {
		select {
		case <-again.C:
		case <-p.ended:
			return errors.New("it ended at once")
		case <-deadline.C:
			return errors.New("it does not answer")
		}
	}
	return nil
}

// Kill ends the server as a loss of power would, and returns when it is gone. Killing what does not run is fine.
func (p *Process) Kill() error {
	if p.process == nil {
		return nil
	}
	if err := p.process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-p.ended
	p.process = nil
	return nil
}

// Output is the beginning of what the server said since it was started last.
func (p *Process) Output() string {
	if p.output == nil {
		return ""
	}
	return p.output.String()
}

// output keeps the beginning of what is written to it.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.buf.Len() < 16<<10 {
		o.buf.Write(p)
	}
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}
