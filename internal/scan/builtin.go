package scan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// ArchiveLimits bounds what the built-in scanner unpacks of one file, archives within archives included.
type ArchiveLimits struct {
	// Entries is the number of files.
	Entries int
	// Inflated is the number of bytes.
	Inflated int64
	// Ratio is how many times larger than the file the unpacked bytes may be, once they exceed RatioFloor bytes.
	Ratio, RatioFloor int64
	// Depth is the number of archives within each other, the outermost counted. Archives that contain
	// themselves end here, too.
	Depth int
	// RefuseOpaque refuses archives with files that cannot be looked into: encrypted ones, and compression
	// methods other than deflate and bzip2.
	RefuseOpaque bool
}

// DefaultArchiveLimits returns limits that ordinary documents and archives do not reach and that cost a few seconds
// of one core at most.
func DefaultArchiveLimits() ArchiveLimits {
	return ArchiveLimits{Entries: 10_000, Inflated: 512 << 20, Ratio: 100, RatioFloor: 32 << 20, Depth: 3}
}

// Options configures the built-in scanner.
type Options struct {
	// Known is the list of files known to be bad; nil is an empty one.
	Known *HashList
	// Archive bounds the unpacking; the zero value stands for DefaultArchiveLimits.
	Archive ArchiveLimits
	// TempDir is where archives within archives of more than a megabyte are unpacked to; empty is the system's.
	TempDir string
}

// Builtin is the scanner that needs nothing beside the program. It finds the EICAR test file, files known to be bad
// by their SHA-256 (both also within archives), archive bombs, and archives made to write where they should not.
type Builtin struct {
	opts Options
}

var _ Scanner = (*Builtin)(nil)

// NewBuiltin returns the built-in scanner.
func NewBuiltin(opts Options) *Builtin {
	if opts.Archive == (ArchiveLimits{}) {
		opts.Archive = DefaultArchiveLimits()
	}
	return &Builtin{opts}
}

// Scan implements Scanner. Memory stays below about 20 MB whatever the file.
func (b *Builtin) Scan(ctx context.Context, r io.ReaderAt, size int64, _ Meta) (Verdict, error) {
	w := newWatch()
	n, err := io.Copy(w, ctxReader{ctx, io.NewSectionReader(r, 0, size)})
	if err != nil {
		return Verdict{}, fmt.Errorf("scan: %w", err)
	}
	if n != size {
		return Verdict{}, fmt.Errorf("scan: %w", io.ErrUnexpectedEOF)
	}
	if v := w.verdict(b.opts.Known); !v.Clean() {
		return v, nil
	}
	in := &inspector{ctx: ctx, opts: &b.opts, outer: size}
	err = in.archive(r, size, string(w.head), 1)
	if f := (*finding)(nil); errors.As(err, &f) {
		return Verdict(*f), nil
	}
	if err != nil {
		return Verdict{}, fmt.Errorf("scan: %w", err)
	}
	return Verdict{}, nil
}

// spool keeps what is written to it in memory, and in a file once it is more than a megabyte.
type spool struct {
	dir  string
	mem  []byte
	file *os.File
	size int64
}

const spoolMemory = 1 << 20

func (s *spool) Write(p []byte) (int, error) {
	if s.file == nil && len(s.mem)+len(p) <= spoolMemory {
		s.mem = append(s.mem, p...)
		s.size += int64(len(p))
		return len(p), nil
	}
	if s.file == nil {
		f, err := os.CreateTemp(s.dir, "scan-*")
		if err != nil {
			return 0, err
		}
		s.file = f
		if _, err := f.Write(s.mem); err != nil {
			return 0, err
		}
		s.mem = nil
	}
	n, err := s.file.Write(p)
	s.size += int64(n)
	return n, err
}

func (s *spool) ReadAt(p []byte, off int64) (int, error) {
	if s.file != nil {
		return s.file.ReadAt(p, off)
	}
	if off < 0 || off >= int64(len(s.mem)) {
		return 0, io.EOF
	}
	n := copy(p, s.mem[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Close removes the file.
func (s *spool) Close() error {
	if s.file == nil {
		return nil
	}
	return errors.Join(s.file.Close(), os.Remove(s.file.Name()))
}
