package moving

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"sync"

	"parley/internal/blob"
)

// FileOptions say which files are moved.
type FileOptions struct {
	From, To  blob.Store // started
	TrustSize bool       // what the target has with the right size is taken for right, without reading it
	Compare   bool       // nothing is written
	Tell      func(f Files)
}

// Files counts what was done with files.
type Files struct {
	Seen, SeenBytes     int64
	Copied, CopiedBytes int64
	There               int64    // were there already, and right
	Damaged             []string // hashes of files whose content in the source is another; not copied
	Missing             []string // when comparing: of those that are not right in the target
}

// ErrDamaged says that files of the source are not what they are named by. All others have been copied.
var ErrDamaged = errors.New("files of the source are damaged")

// fileWorkers is how many files are copied at a time: a bucket takes a while to answer, and answers many at once.
const fileWorkers = 4

// MoveFiles copies every file from one storage to another. What is there and right is left alone, so that it can be run again
// after it was broken off; the source keeps everything. It fails with ErrDamaged, or in a comparison ErrDifferent, after it has
// been through all files.
func MoveFiles(ctx context.Context, o FileOptions) (Files, error) {
	m := &files{o: o}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	work := make(chan blob.Info)
	var wg sync.WaitGroup
	for range fileWorkers {
		wg.Go(func() {
			for info := range work {
				if err := m.one(ctx, info); err != nil {
					cancel(err)
				}
			}
		})
	}
	err := o.From.List(ctx, func(info blob.Info) error {
		select {
		case work <- info:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	close(work)
	wg.Wait()
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	slices.Sort(m.done.Damaged)
	slices.Sort(m.done.Missing)
	switch {
	case err != nil:
	case len(m.done.Damaged) > 0:
		err = ErrDamaged
	case len(m.done.Missing) > 0:
		err = ErrDifferent
	}
	return m.done, err
}

type files struct {
	o    FileOptions
	mu   sync.Mutex // guards what follows
	done Files
}

// count changes the counts and tells of it.
func (m *files) count(change func(f *Files)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(&m.done)
	if m.o.Tell != nil {
		m.o.Tell(m.done)
	}
}

func (m *files) one(ctx context.Context, info blob.Info) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	right, err := m.right(ctx, info)
	if err != nil {
		return fmt.Errorf("file %s in the target: %w", info.Hash, err)
	}
	switch {
	case right:
		m.count(func(f *Files) { f.Seen, f.SeenBytes, f.There = f.Seen+1, f.SeenBytes+info.Size, f.There+1 })
		return nil
	case m.o.Compare:
		m.count(func(f *Files) {
			f.Seen, f.SeenBytes, f.Missing = f.Seen+1, f.SeenBytes+info.Size, append(f.Missing, info.Hash)
		})
		return nil
	}
	switch err := m.copy(ctx, info); {
	case errors.Is(err, errDamaged):
		m.count(func(f *Files) {
			f.Seen, f.SeenBytes, f.Damaged = f.Seen+1, f.SeenBytes+info.Size, append(f.Damaged, info.Hash)
		})
	case err != nil:
		return fmt.Errorf("file %s: %w", info.Hash, err)
	default:
		m.count(func(f *Files) {
			f.Seen, f.SeenBytes, f.Copied, f.CopiedBytes = f.Seen+1, f.SeenBytes+info.Size, f.Copied+1, f.CopiedBytes+info.Size
		})
	}
	return nil
}

// right reports whether the target has the file, with the content that it is named by.
func (m *files) right(ctx context.Context, info blob.Info) (bool, error) {
	there, err := m.o.To.Stat(ctx, info.Hash)
	switch {
	case errors.Is(err, blob.ErrNotFound):
		return false, nil
	case err != nil:
		return false, err
	case there.Size != info.Size:
		return false, nil
	case m.o.TrustSize:
		return true, nil
	}
	content, _, err := m.o.To.Open(ctx, info.Hash)
	if err != nil {
		return false, err
	}
	checked := &checkedReader{r: content, sum: sha256.New(), want: info}
	_, err = io.Copy(io.Discard, checked)
	err = errors.Join(err, content.Close())
	if errors.Is(err, errDamaged) {
		return false, nil
	}
	return err == nil, err
}

func (m *files) copy(ctx context.Context, info blob.Info) (err error) {
	content, _, err := m.o.From.Open(ctx, info.Hash)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	stored, err := m.o.To.Put(ctx, &checkedReader{r: content, sum: sha256.New(), want: info})
	if err != nil {
		return err
	}
	there, err := m.o.To.Stat(ctx, info.Hash)
	if err == nil && (stored.Hash != info.Hash || there.Size != info.Size) {
		err = fmt.Errorf("the target has %d bytes of %d", there.Size, info.Size)
	}
	return err
}

var errDamaged = errors.New("the content is not what it is named by")

// checkedReader fails at the end of a content that is not the one wanted, so that nobody stores it.
type checkedReader struct {
	r    io.Reader
	sum  hash.Hash
	n    int64
	want blob.Info
}

func (c *checkedReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.sum.Write(p[:n])
	c.n += int64(n)
	if err == io.EOF && (c.n != c.want.Size || hex.EncodeToString(c.sum.Sum(nil)) != c.want.Hash) {
		err = errDamaged
	}
	return n, err
}
