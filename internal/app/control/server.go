package control

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"sync"
)

// Server takes commands at a Unix socket. Goroutines: one accepts, two for each command that runs.
type Server struct {
	path string
	run  Runner
	log  *slog.Logger

	bound net.Listener
	ctx   context.Context
	stop  context.CancelFunc
	done  sync.WaitGroup
}

// NewServer makes a server at path, which runs commands by run.
func NewServer(path string, run Runner, log *slog.Logger) *Server {
	return &Server{path: path, run: run, log: log}
}

// Start binds the socket, which only this account may open. A socket that a crash left behind is replaced: the caller holds
// the lock of the data directory.
func (s *Server) Start(ctx context.Context) error {
	if err := os.Remove(s.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("control socket: %w", err)
	}
	name, release, err := reachable(s.path)
	if err != nil {
		return err
	}
	defer release()
	if s.bound, err = net.Listen("unix", name); err != nil {
		return fmt.Errorf("control socket: %w", err)
	}
	s.bound.(*net.UnixListener).SetUnlinkOnClose(false) // the name may be a detour; Stop removes the file itself
	if err := os.Chmod(s.path, 0o600); err != nil {
		return errors.Join(fmt.Errorf("control socket: %w", err), s.bound.Close())
	}
	s.ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	s.done.Go(s.accept)
	return nil
}

// Stop takes no more commands, tells those that run to end, and waits for them as long as ctx lasts. Safe to call twice.
func (s *Server) Stop(ctx context.Context) error {
	if s.stop == nil {
		return nil
	}
	s.stop()
	_ = s.bound.Close()   // a second close is no fault
	_ = os.Remove(s.path) // what is left would be replaced by the next start
	ended := make(chan struct{})
	go func() { s.done.Wait(); close(ended) }()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop commands: %w", ctx.Err())
	}
}

func (s *Server) accept() {
	for {
		c, err := s.bound.Accept()
		if err != nil {
			if s.ctx.Err() == nil {
				s.log.Error("control socket ended", slog.Any("error", err))
			}
			return
		}
		s.done.Go(func() { s.serve(c) })
	}
}

// serve runs the command of one connection. What the caller sends meanwhile is read by a second goroutine, which thereby
// notices when the caller goes away.
func (s *Server) serve(c net.Conn) {
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	release := context.AfterFunc(ctx, func() { _ = c.Close() }) // ends the reads
	defer release()
	defer c.Close()

	k, payload, err := readFrame(c)
	if err != nil || k != callFrame {
		return
	}
	call, err := decodeCall(payload)
	if err != nil {
		return
	}
	in := &input{w: c, frames: make(chan []byte), gone: ctx.Done()}
	call.Stdin, call.Stdout, call.Stderr = in, output{c, stdoutFrame}, output{c, stderrFrame}
	var reading sync.WaitGroup
	reading.Go(func() {
		defer cancel()
		in.receive(c)
	})
	code := s.run(ctx, call)
	_ = writeFrame(c, exitFrame, binary.BigEndian.AppendUint32(nil, uint32(int32(code)))) // the caller may be gone
	_ = c.Close()
	reading.Wait()
}

// input is the standard input of a command, asked for piece by piece.
type input struct {
	w      io.Writer
	frames chan []byte
	gone   <-chan struct{}
	rest   []byte
	ended  bool
}

// receive passes on what the caller sends, until it goes away.
func (in *input) receive(r io.Reader) {
	for {
		k, payload, err := readFrame(r)
		if err != nil || k != inputFrame {
			return
		}
		select {
		case in.frames <- payload:
		case <-in.gone:
			return
		}
	}
}

// Read implements io.Reader.
func (in *input) Read(b []byte) (int, error) {
	if len(in.rest) == 0 && !in.ended && len(b) > 0 {
		if err := writeFrame(in.w, wantFrame, nil); err != nil {
			return 0, err
		}
		select {
		case in.rest = <-in.frames:
			in.ended = len(in.rest) == 0
		case <-in.gone:
			return 0, io.ErrUnexpectedEOF
		}
	}
	if in.ended {
		return 0, io.EOF
	}
	n := copy(b, in.rest)
	in.rest = in.rest[n:]
	return n, nil
}
