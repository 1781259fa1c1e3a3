package s3

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/minio/minio-go/v7"

	"parley/internal/blob"
)

// Put implements blob.Store. An object is named by its hash, so the content is read to its end before the first byte leaves:
// twice, where r can be read at any place, else by way of a temporary file.
//
// The other way, streaming to a temporary key and copying it inside the storage, would save that file. It would cost three
// to five requests where one is enough (S3 copies at most 5 GB at once, so large blobs would be copied in parts), keep a
// whole part in memory for each upload, be billed twice where copying is, and leave half-read uploads in the bucket for
// somebody to find. What reaches the server is verified by it: each request is signed together with the SHA-256 of its body.
//
// An object that is there already is written again, which renews its time and repairs it. If the answer to an upload is lost
// and all attempts fail, then the object may be there although an error is returned.
func (s *Store) Put(ctx context.Context, r io.Reader) (blob.Info, error) {
	fail := func(err error) (blob.Info, error) { return blob.Info{}, fmt.Errorf("blob/s3: put: %w", err) }
	if err := ctx.Err(); err != nil {
		return fail(err)
	}
	content, done, err := s.readable(ctx, r)
	if err != nil {
		return fail(err)
	}
	defer done()
	if content.size <= s.opts.PartSize {
		err = s.attempt(ctx, func(ctx context.Context, w *watch) error {
			_, err := s.client.PutObject(ctx, s.opts.Bucket, s.key(content.hash), w.reader(content.section(0, content.size)), content.size, "", content.hash, putOptions)
			return err
		})
	} else {
		err = s.putParts(ctx, content)
	}
	if err != nil {
		return fail(err)
	}
	// By this machine's clock; asking for the server's would cost a request for what nobody compares.
	return blob.Info{Hash: content.hash, Size: content.size, Stored: time.Now()}, nil
}

// putOptions: the hash of the body goes into the signature as a whole instead of chunk by chunk, which every server checks.
var putOptions = minio.PutObjectOptions{ContentType: "application/octet-stream", DisableContentSha256: true}

// content is what can be read as often as it takes.
type content struct {
	from  io.ReaderAt
	start int64
	size  int64
	hash  string
}

func (c content) section(from, size int64) *io.SectionReader {
	return io.NewSectionReader(c.from, c.start+from, size)
}

// readable reads r to its end and returns what it held; done frees it.
func (s *Store) readable(ctx context.Context, r io.Reader) (c content, done func(), err error) {
	done = func() {}
	if at, ok := r.(interface {
		io.ReaderAt
		io.Seeker
	}); ok {
		if start, err := at.Seek(0, io.SeekCurrent); err == nil { // a pipe only looks as if it could
			c.from, c.start = at, start
		}
	}
	to := io.Writer(io.Discard)
	if c.from == nil {
		file, err := os.CreateTemp(s.opts.TempDir, "blob-*")
		if err != nil {
			return c, done, err
		}
		_ = os.Remove(file.Name()) // an open file needs no name, and nothing is left behind by a crash
		c.from, to = file, file
		done = func() {
			_ = file.Close()
			_ = os.Remove(file.Name()) // where the system did not allow it before
		}
	}
	sum := sha256.New()
	if c.size, err = io.Copy(io.MultiWriter(to, sum), &reader{ctx, r}); err != nil {
		done()
		return c, nil, err
	}
	c.hash = hex.EncodeToString(sum.Sum(nil))
	return c, done, nil
}

// errVanished says that the storage confirmed an upload whose object is not there.
var errVanished = errors.New("the storage confirmed an upload, and the object is not there")

// putParts uploads a large blob part by part, so that a fault costs one part. Nobody sees the parts before they are put
// together. What the storage confirmed and does not have is uploaded anew.
func (s *Store) putParts(ctx context.Context, c content) error {
	for n := 1; ; n++ {
		err := s.putPartsOnce(ctx, c)
		if !errors.Is(err, errVanished) || n >= s.opts.Attempts {
			return err
		}
		s.opts.Log.Warn("uploading once more", "key", s.key(c.hash), "err", err)
	}
}

func (s *Store) putPartsOnce(ctx context.Context, c content) (err error) {
	key := s.key(c.hash)
	var id string
	err = s.attempt(ctx, func(ctx context.Context, _ *watch) (err error) {
		id, err = s.client.NewMultipartUpload(ctx, s.opts.Bucket, key, putOptions)
		return err
	})
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			late, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.opts.Patience)
			defer cancel()
			if aborting := s.abort(late, key, id); aborting != nil {
				s.opts.Log.Warn("an upload that failed left parts in the bucket, which the next start or the bucket's life cycle clears", "key", key, "err", aborting)
			}
		}
	}()
	size := max(s.opts.PartSize, (c.size+maxParts-1)/maxParts)
	var parts []minio.CompletePart
	for from := int64(0); from < c.size; from += size {
		part, err := s.putPart(ctx, key, id, len(parts)+1, c.section(from, min(size, c.size-from)))
		if err != nil {
			return err
		}
		parts = append(parts, minio.CompletePart{PartNumber: part.PartNumber, ETag: part.ETag})
	}
	asked := 0
	err = s.attempt(ctx, func(ctx context.Context, _ *watch) error {
		asked++
		_, err := s.client.CompleteMultipartUpload(ctx, s.opts.Bucket, key, id, parts, putOptions)
		if asked > 1 && minio.ToErrorResponse(err).Code == minio.NoSuchUpload {
			return nil // an earlier attempt may have done it, whose answer was lost: see below
		}
		return err
	})
	if err == nil && asked > 1 {
		err = s.putTogether(ctx, c)
	}
	return err
}

// putTogether looks whether an object is there, after its completion was asked for more than once: the answer to a later request
// says little. The Versity gateway for one confirms an upload that it finds half put together, although whoever was at it may
// have been killed.
func (s *Store) putTogether(ctx context.Context, c content) error {
	for n := 1; ; n++ {
		found, err := s.Stat(ctx, c.hash)
		switch {
		case err == nil && found.Size == c.size:
			return nil
		case err != nil && !errors.Is(err, blob.ErrNotFound):
			return err
		case n == togetherTries:
			return errVanished
		}
		if err := pause(ctx, n); err != nil { // it may still be at work on the first request
			return err
		}
	}
}

// togetherTries is how often an object is looked for, some seconds in all.
const togetherTries = 6

func (s *Store) putPart(ctx context.Context, key, id string, number int, section *io.SectionReader) (part minio.ObjectPart, err error) {
	sum := sha256.New()
	if _, err := io.Copy(sum, &reader{ctx, section}); err != nil {
		return part, err
	}
	hash := hex.EncodeToString(sum.Sum(nil))
	err = s.attempt(ctx, func(ctx context.Context, w *watch) (err error) {
		body := w.reader(io.NewSectionReader(section, 0, section.Size()))
		part, err = s.client.PutObjectPart(ctx, s.opts.Bucket, key, id, number, body, section.Size(), minio.PutObjectPartOptions{Sha256Hex: hash, DisableContentSha256: true})
		return err
	})
	return part, err
}

func (s *Store) abort(ctx context.Context, key, id string) error {
	err := s.attempt(ctx, func(ctx context.Context, _ *watch) error {
		err := s.client.AbortMultipartUpload(ctx, s.opts.Bucket, key, id)
		if minio.ToErrorResponse(err).Code == minio.NoSuchUpload {
			return nil
		}
		return err
	})
	return err
}

func sumOf(b []byte) []byte {
	sum := sha256.Sum256(b)
	return sum[:]
}

// reader ends with the error of ctx once that is done.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
