package archive

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"

	"parley/internal/blob"
)

// decoderMemory bounds the window of the decompression; what this program writes needs 8 MiB.
const decoderMemory = 64 << 20

// visitor is shown what a backup holds, in order. It must read all of content.
type visitor func(k kind, base string, size int64, content io.Reader) error

// read goes through a whole backup once and checks it: names, sizes, sums, the manifest, and that nothing follows. It keeps
// nothing but a few bytes for each blob, and stops with ErrTooLarge when the members together exceed limit. Whatever is
// wrong with the file itself is ErrDamaged or ErrTooNew; the errors of visit and ctx are returned as they are.
func read(ctx context.Context, r io.Reader, limit int64, visit visitor) (Summary, error) {
	unpacked, err := zstd.NewReader(contextReader{ctx, r}, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(decoderMemory))
	if err != nil {
		return Summary{}, err
	}
	defer unpacked.Close()
	return readTar(ctx, unpacked, limit, visit)
}

// readTar is read for what is unpacked already.
func readTar(ctx context.Context, r io.Reader, limit int64, visit visitor) (Summary, error) {
	in := &faultReader{r: contextReader{ctx, r}}
	c := &checker{tar: tar.NewReader(in), limit: limit, visit: visit, blobs: map[sum]int64{}, others: map[string]member{}}
	sum, err := c.run()
	switch {
	case err == nil:
		return sum, nil
	case ctx.Err() != nil:
		return sum, ctx.Err()
	case in.err != nil && !errors.Is(in.err, io.EOF): // the decompression gave up, or the disk
		return sum, damaged("it cannot be unpacked: %v", in.err)
	}
	return sum, err
}

// faultReader remembers what ended the reading.
type faultReader struct {
	r   io.Reader
	err error
}

func (f *faultReader) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil {
		f.err = err
	}
	return n, err
}

// checker is one reading of a backup.
type checker struct {
	tar   *tar.Reader
	limit int64
	total int64
	visit visitor

	begun  bool // format.json has been read
	blobs  map[sum]int64
	others map[string]member
}

func (c *checker) run() (Summary, error) {
	for {
		h, err := c.tar.Next()
		if errors.Is(err, io.EOF) {
			return Summary{}, damaged("it was cut off: its end is missing")
		}
		if err != nil {
			return Summary{}, damaged("%v", err)
		}
		k, base := kindOf(h.Name)
		if h.Typeflag != tar.TypeReg || k == unknownKind {
			return Summary{}, damaged("it holds %q, which is no part of a backup", h.Name)
		}
		if c.begun != (k != formatKind) {
			return Summary{}, damaged("its parts are out of order")
		}
		if h.Size > c.limit-c.total {
			return Summary{}, ErrTooLarge
		}
		c.total += h.Size
		if k == manifestKind {
			return c.manifest()
		}
		if err := c.member(k, base, h); err != nil {
			return Summary{}, err
		}
	}
}

// member reads one member and checks what can be checked before the manifest is there.
func (c *checker) member(k kind, base string, h *tar.Header) error {
	_, twice := c.others[h.Name]
	if k == blobKind {
		_, twice = c.blobs[sumOf(base)]
	}
	if twice {
		return damaged("%s is in it twice", h.Name)
	}
	content := io.Reader(c.tar)
	switch {
	case k == formatKind:
		b, err := c.small(h, maxFormat)
		if err != nil {
			return err
		}
		if _, err := parseAbout(b); err != nil {
			return err
		}
		c.begun = true
		content = bytes.NewReader(b)
	case k == secretKind && (h.Size > maxSecret || len(c.others) > maxSecrets+2):
		return damaged("it holds too many or too large secrets")
	}
	hashed := sha256.New()
	counted := &countingReader{r: io.TeeReader(content, hashed)}
	if k == formatKind {
		_, _ = io.Copy(io.Discard, counted) // from memory
	} else if err := c.visit(k, base, h.Size, counted); err != nil {
		if counted.err != nil {
			return damaged("%s was cut off", h.Name)
		}
		return err
	}
	if counted.n != h.Size {
		return damaged("%s was cut off", h.Name)
	}
	hash := hex.EncodeToString(hashed.Sum(nil))
	if k != blobKind {
		c.others[h.Name] = member{h.Name, h.Size, hash}
		return nil
	}
	if hash != base {
		return damaged("the content of %s is not what was stored", h.Name)
	}
	c.blobs[sumOf(base)] = h.Size
	return nil
}

// small reads a member that must be small.
func (c *checker) small(h *tar.Header, max int64) ([]byte, error) {
	if h.Size > max {
		return nil, damaged("%s is too large", h.Name)
	}
	b, err := io.ReadAll(c.tar)
	if err != nil {
		return nil, damaged("%s was cut off", h.Name)
	}
	return b, nil
}

// manifest reads the last member and compares it with what was seen.
func (c *checker) manifest() (Summary, error) {
	lines := bufio.NewScanner(c.tar)
	lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	if !lines.Scan() {
		return Summary{}, damaged("its manifest is empty or cut off")
	}
	var sum Summary
	if err := json.Unmarshal(lines.Bytes(), &sum); err != nil {
		return Summary{}, damaged("its manifest cannot be read")
	}
	listed := 0
	for lines.Scan() {
		var m member
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			return Summary{}, damaged("its manifest cannot be read")
		}
		listed++
		if k, base := kindOf(m.Name); k == blobKind {
			if size, seen := c.blobs[sumOf(base)]; !seen || size != m.Size || m.SHA256 != base {
				return Summary{}, damaged("%s is missing or is not what was stored", m.Name)
			}
		} else if c.others[m.Name] != m {
			return Summary{}, damaged("%q is missing or is not what was stored", m.Name)
		}
	}
	if lines.Err() != nil {
		return Summary{}, damaged("its manifest cannot be read: %v", lines.Err())
	}
	db, there := c.others[memberDatabase]
	switch {
	case !there:
		return Summary{}, damaged("it has no database")
	case listed != len(c.blobs)+len(c.others) || sum.Blobs != int64(len(c.blobs)) || sum.Secrets != len(c.others)-2:
		return Summary{}, damaged("its manifest lists other parts than it has")
	}
	if _, err := c.tar.Next(); !errors.Is(err, io.EOF) {
		return Summary{}, damaged("something follows its end")
	}
	sum.DatabaseBytes = db.Size
	for _, hash := range sum.Lost {
		if blob.CheckHash(hash) != nil {
			return Summary{}, damaged("its manifest cannot be read")
		}
	}
	return sum, nil
}

// countingReader counts, and remembers a failure that is not the end.
type countingReader struct {
	r   io.Reader
	n   int64
	err error
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil && err != io.EOF {
		c.err = err
	}
	return n, err
}

// discard is a visitor that only has everything checked.
func discard(_ kind, _ string, _ int64, content io.Reader) error {
	_, err := io.Copy(io.Discard, content)
	return err
}
