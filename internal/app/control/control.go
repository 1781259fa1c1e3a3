// Package control carries the operator's commands to a running server over a Unix socket in the data directory, so that they
// work on the server's own caches and its clients see what changed at once.
//
// Whoever can open the socket is the operator: it is only for the account that runs the server. What the commands are does
// not belong here, nor does anything for people who use the server.
package control

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
)

// Call is one command.
type Call struct {
	Args []string `json:"args"` // without the program's name
	Dir  string   `json:"dir"`  // working directory of who calls; relative paths mean files there

	Stdin  io.Reader `json:"-"` // reading asks the caller for more; never read, nothing is asked
	Stdout io.Writer `json:"-"`
	Stderr io.Writer `json:"-"`
}

// Runner runs one command and returns its exit code. The context ends when the caller goes away or the server stops.
type Runner func(ctx context.Context, c Call) int

// On the wire each frame is a kind, a length of four bytes (big-endian) and so many bytes.
type kind byte

const (
	callFrame   kind = 'c' // to the server: the Call as JSON; first and once
	inputFrame  kind = 'i' // to the server: what was asked for; empty = there is no more
	wantFrame   kind = 'w' // to the caller: send some input
	stdoutFrame kind = 'o' // to the caller
	stderrFrame kind = 'e' // to the caller
	exitFrame   kind = 'x' // to the caller: the exit code, four bytes; last
)

// maxFrame bounds one frame; larger outputs take several.
const maxFrame = 64 << 10

// ErrBroken is what reading fails with when the other end does not speak this protocol.
var ErrBroken = errors.New("control socket: not understood; do program and server have the same version?")

func writeFrame(w io.Writer, k kind, payload []byte) error {
	b := make([]byte, 5, 5+len(payload))
	b[0] = byte(k)
	binary.BigEndian.PutUint32(b[1:], uint32(len(payload)))
	_, err := w.Write(append(b, payload...))
	return err
}

func readFrame(r io.Reader) (kind, []byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n > maxFrame {
		return 0, nil, ErrBroken
	}
	payload := make([]byte, n)
	if _, err := io.ReadFull(r, payload); err != nil {
		return 0, nil, io.ErrUnexpectedEOF
	}
	return kind(head[0]), payload, nil
}

// output writes as frames of one kind.
type output struct {
	w io.Writer
	k kind
}

func (o output) Write(b []byte) (int, error) {
	written := 0
	for len(b) > 0 {
		n := min(len(b), maxFrame)
		if err := writeFrame(o.w, o.k, b[:n]); err != nil {
			return written, err
		}
		written += n
		b = b[n:]
	}
	return written, nil
}

func decodeCall(payload []byte) (Call, error) {
	var c Call
	if err := json.Unmarshal(payload, &c); err != nil {
		return Call{}, ErrBroken
	}
	return c, nil
}

// maxSocketPath is what the smallest sockaddr_un of our systems takes.
const maxSocketPath = 100

// reachable returns a name of the socket that is short enough for the kernel, and what to call when it is no longer needed.
func reachable(path string) (string, func(), error) {
	if len(path) <= maxSocketPath {
		return path, func() {}, nil
	}
	if runtime.GOOS != "linux" {
		return "", nil, fmt.Errorf("the path of the control socket is too long (%d bytes): choose a shorter data directory", len(path))
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path)), func() { _ = dir.Close() }, nil
}
