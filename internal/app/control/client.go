package control

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"syscall"
)

// ErrNoServer says that nobody listens at the socket.
var ErrNoServer = errors.New("no server is running on this data directory")

// Run has the server at path run a command and returns its exit code. The error is ErrNoServer when none listens there; any
// other means that the command may or may not have run.
func Run(ctx context.Context, path string, call Call) (code int, err error) {
	name, release, err := reachable(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, ErrNoServer
	}
	if err != nil {
		return 0, err
	}
	defer release()
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", name)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return 0, ErrNoServer
	case errors.Is(err, fs.ErrPermission):
		return 0, fmt.Errorf("a server is running on this data directory, but its control socket %s is for another account: run the command as that one", path)
	case err != nil:
		return 0, err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()

	payload, err := json.Marshal(call)
	if err != nil {
		return 0, err
	}
	if len(payload) > maxFrame {
		return 0, errors.New("the command line is too long")
	}
	if err := writeFrame(c, callFrame, payload); err != nil {
		return 0, err
	}
	return follow(c, call)
}

// follow does what the server says until it reports the exit code.
func follow(c io.ReadWriter, call Call) (int, error) {
	var buf []byte
	for {
		k, payload, err := readFrame(c)
		if err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				err = errors.New("the server went away before the command was done: look into its log")
			}
			return 0, err
		}
		switch k {
		case stdoutFrame:
			_, err = call.Stdout.Write(payload)
		case stderrFrame:
			_, err = call.Stderr.Write(payload)
		case wantFrame:
			if buf == nil {
				buf = make([]byte, maxFrame/2)
			}
			n, readErr := readSome(call.Stdin, buf)
			if readErr != nil && !errors.Is(readErr, io.EOF) {
				return 0, readErr
			}
			err = writeFrame(c, inputFrame, buf[:n]) // empty at the end
		case exitFrame:
			if len(payload) != 4 {
				return 0, ErrBroken
			}
			return int(int32(binary.BigEndian.Uint32(payload))), nil
		default:
			return 0, ErrBroken
		}
		if err != nil {
			return 0, err
		}
	}
}

// readSome reads at least a byte, or nothing at the end of r.
func readSome(r io.Reader, buf []byte) (int, error) {
	for r != nil {
		n, err := r.Read(buf)
		if n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.EOF
}
