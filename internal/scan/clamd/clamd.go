// Package clamd asks a ClamAV daemon about files, over TCP or a Unix socket.
//
// What does not belong here: what happens to a file without a verdict, and the daemon's own settings. Two of these matter:
// StreamMaxLength must be at least the largest upload, or those above it are refused; and files above MaxFileSize or
// MaxScanSize are passed unseen unless AlertExceedsMax is on.
package clamd

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"time"

	"parley/internal/scan"
)

// Options say where the daemon is. The zero value of a duration or number means its default.
type Options struct {
	// Address is the absolute path of a Unix socket, or host:port.
	Address string
	// Connect is how long connecting may take, default 5 s.
	Connect time.Duration
	// Patience is how long the daemon may take no data of a file, default 30 s.
	Patience time.Duration
	// Verdict is how long it may take to judge a file that it has, default 150 s: longer than its own MaxScanTime.
	Verdict time.Duration
	// Parallel is how many files are sent at once, default 4. More wait, as long as Patience: the daemon has a bounded number
	// of threads.
	Parallel int
}

// Scanner is a scan.Scanner with one connection for each file: a daemon that starts anew, as it does for new signatures,
// leaves no dead connection behind, and connecting is nothing beside scanning.
type Scanner struct {
	opts    Options
	network string
	places  chan struct{}
}

var _ scan.Scanner = (*Scanner)(nil)

// chunkSize is how much is sent at once. The daemon reads no faster in larger pieces.
const chunkSize = 64 << 10

// maxReply bounds what is read of an answer.
const maxReply = 4 << 10

// New returns a scanner. It asks nobody yet. Fails when the address is none.
func New(o Options) (*Scanner, error) {
	o.Connect = cmp.Or(o.Connect, 5*time.Second)
	o.Patience = cmp.Or(o.Patience, 30*time.Second)
	o.Verdict = cmp.Or(o.Verdict, 150*time.Second)
	o.Parallel = cmp.Or(o.Parallel, 4)
	s := &Scanner{opts: o, network: "unix", places: make(chan struct{}, o.Parallel)}
	if !filepath.IsAbs(o.Address) {
		s.network = "tcp"
		if _, port, err := net.SplitHostPort(o.Address); err != nil || port == "" {
			return nil, fmt.Errorf("scan/clamd: %q is neither the absolute path of a socket nor host:port", o.Address)
		}
	}
	return s, nil
}

// Scan implements scan.Scanner. A file that is larger than the daemon takes is refused with ErrTooLarge. That the daemon is
// away, overloaded or at a loss is an error that wraps scan.ErrUnavailable.
func (s *Scanner) Scan(ctx context.Context, r io.ReaderAt, size int64, _ scan.Meta) (scan.Verdict, error) {
	busy := time.NewTimer(s.opts.Patience)
	defer busy.Stop()
	select {
	case s.places <- struct{}{}:
		defer func() { <-s.places }()
	case <-busy.C:
		return scan.Verdict{}, fmt.Errorf("scan/clamd: %w: %d files are with it already", scan.ErrUnavailable, s.opts.Parallel)
	case <-ctx.Done():
		return scan.Verdict{}, fmt.Errorf("scan/clamd: %w", ctx.Err())
	}
	var v scan.Verdict
	err := s.talk(ctx, func(c net.Conn) error {
		sending := s.send(ctx, c, io.NewSectionReader(r, 0, size))
		if source := (*sourceError)(nil); errors.As(sending, &source) {
			return sending
		}
		// A daemon that has had enough says so and hangs up while we are still sending.
		wait := s.opts.Verdict
		if sending != nil {
			wait = s.opts.Connect
		}
		answer, err := receive(c, wait)
		if err != nil {
			return errors.Join(sending, err)
		}
		if v, err = parse(answer); err == nil && v.Clean() && sending != nil {
			return sending // a judgement of a part is none
		}
		return err
	})
	return v, err
}

// send sends a file as INSTREAM wants it: pieces with their length before them, and one of no length at the end.
func (s *Scanner) send(ctx context.Context, c net.Conn, r *io.SectionReader) error {
	write := func(b []byte) error {
		if err := c.SetWriteDeadline(time.Now().Add(s.opts.Patience)); err != nil {
			return err
		}
		_, err := c.Write(b)
		return err
	}
	if err := write([]byte("zINSTREAM\x00")); err != nil {
		return err
	}
	chunk := make([]byte, 4+chunkSize)
	for left := r.Size(); left > 0; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := io.ReadFull(r, chunk[4:4+min(left, chunkSize)])
		if err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return &sourceError{err}
		}
		binary.BigEndian.PutUint32(chunk, uint32(n))
		if err := write(chunk[:4+n]); err != nil {
			return err
		}
		left -= int64(n)
	}
	return write(make([]byte, 4))
}

// sourceError is a failure of the file, not of the daemon.
type sourceError struct{ error }

func (e *sourceError) Unwrap() error { return e.error }

// receive reads an answer up to its zero byte.
func receive(c net.Conn, wait time.Duration) (string, error) {
	if err := c.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return "", err
	}
	answer := make([]byte, 0, 256)
	for len(answer) < maxReply {
		n, err := c.Read(answer[len(answer):cap(answer)])
		answer = answer[:len(answer)+n]
		if text, _, whole := strings.Cut(string(answer), "\x00"); whole {
			return text, nil
		}
		if err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return "", err
		}
		if len(answer) == cap(answer) {
			answer = append(answer, make([]byte, len(answer))...)[:len(answer)]
		}
	}
	return "", errors.New("the answer is too long")
}

// talk connects, has the conversation and hangs up. When ctx ends, so does the conversation.
func (s *Scanner) talk(ctx context.Context, conversation func(net.Conn) error) error {
	dialer := net.Dialer{Timeout: s.opts.Connect}
	c, err := dialer.DialContext(ctx, s.network, s.opts.Address)
	if err == nil {
		stop := context.AfterFunc(ctx, func() { _ = c.Close() })
		err = conversation(c)
		stop()
		_ = c.Close() // what was to be said has been said
	}
	if err == nil {
		return nil
	}
	if ended := ctx.Err(); ended != nil {
		return fmt.Errorf("scan/clamd: %w", ended)
	}
	if source := (*sourceError)(nil); errors.As(err, &source) {
		return fmt.Errorf("scan/clamd: %w", source.error)
	}
	return fmt.Errorf("scan/clamd: %w: %w", scan.ErrUnavailable, err)
}

// Ping asks whether the daemon is there and well.
func (s *Scanner) Ping(ctx context.Context) error {
	answer, err := s.ask(ctx, "PING")
	if err == nil && answer != "PONG" {
		err = fmt.Errorf("scan/clamd: %w: it answers %.100q to PING", scan.ErrUnavailable, answer)
	}
	return err
}

// Version asks for the versions of the daemon and of its signatures, as it writes them: "ClamAV 1.4.6/27800/Fri Nov 20 …".
func (s *Scanner) Version(ctx context.Context) (string, error) {
	answer, err := s.ask(ctx, "VERSION")
	if err == nil && !strings.HasPrefix(answer, "ClamAV") {
		err = fmt.Errorf("scan/clamd: %w: it answers %.100q to VERSION", scan.ErrUnavailable, answer)
	}
	return printable(answer), err
}

func (s *Scanner) ask(ctx context.Context, command string) (answer string, err error) {
	err = s.talk(ctx, func(c net.Conn) error {
		if err := c.SetWriteDeadline(time.Now().Add(s.opts.Connect)); err != nil {
			return err
		}
		if _, err := io.WriteString(c, "z"+command+"\x00"); err != nil {
			return err
		}
		var err error
		answer, err = receive(c, s.opts.Connect)
		return err
	})
	return answer, err
}
