package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/minio/minio-go/v7"
)

// skip is how far ahead is read and thrown away rather than asked for anew: about what is on its way already.
const skip = 64 << 10

// object is the content of one blob, fetched from where it is read. It is not safe for concurrent use.
type object struct {
	s    *Store
	ctx  context.Context // of the one who opened it
	key  string
	size int64
	next int64 // where the next read begins

	body   io.ReadCloser // of a request; nil: none is open
	at     int64         // where body is
	watch  *watch
	closed bool
}

// Seek implements io.Seeker. It asks the server nothing.
func (o *object) Seek(offset int64, whence int) (int64, error) {
	if o.closed {
		return 0, os.ErrClosed
	}
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += o.next
	case io.SeekEnd:
		offset += o.size
	default:
		return 0, errors.New("blob/s3: seek: invalid whence")
	}
	if offset < 0 {
		return 0, errors.New("blob/s3: seek: before the start")
	}
	o.next = offset
	return offset, nil
}

// Read implements io.Reader. When a connection breaks it goes on from there with another.
func (o *object) Read(p []byte) (int, error) {
	if o.closed {
		return 0, os.ErrClosed
	}
	if len(p) == 0 {
		return 0, nil
	}
	if o.next >= o.size {
		o.hangUp() // to the end: the connection can serve others
		return 0, io.EOF
	}
	for attempt := 1; ; attempt++ {
		n, err := o.read(p)
		if n > 0 {
			return n, nil // an error comes again, if it does
		}
		if err == nil {
			continue
		}
		o.hangUp()
		if attempt >= o.s.opts.Attempts || !errors.Is(err, ErrUnavailable) {
			return 0, wrap("read", err)
		}
		if err := pause(o.ctx, attempt); err != nil {
			return 0, wrap("read", err)
		}
	}
}

// read makes one attempt.
func (o *object) read(p []byte) (int, error) {
	if o.body != nil && (o.next < o.at || o.next > o.at+skip) {
		o.hangUp()
	}
	if o.body == nil {
		if err := o.fetch(); err != nil {
			return 0, err
		}
	}
	o.watch.moved()
	defer o.watch.rest() // the reader may take its time before the next
	if o.at < o.next {
		n, err := io.CopyN(io.Discard, o.body, o.next-o.at)
		if o.at += n; err != nil {
			return 0, o.broken(err)
		}
		o.watch.moved()
	}
	n, err := o.body.Read(p[:min(int64(len(p)), o.size-o.next)])
	o.at += int64(n)
	o.next = o.at
	if n == 0 && err != nil {
		return 0, o.broken(err)
	}
	return n, nil
}

// broken is the error of a content that ended before its end.
func (o *object) broken(err error) error {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return mapped(o.ctx, err)
}

// fetch asks for everything from the next byte on.
func (o *object) fetch() error {
	ctx, w := o.s.watch(o.ctx)
	var opts minio.GetObjectOptions
	if o.next > 0 {
		if err := opts.SetRange(o.next, 0); err != nil { // to the end
			w.stop()
			return err
		}
	}
	body, info, _, err := o.s.client.GetObject(ctx, o.s.opts.Bucket, o.key, opts)
	if err == nil && info.Size != o.size-o.next { // of this answer
		err = errors.Join(fmt.Errorf("the server sends %d bytes where %d were asked for", info.Size, o.size-o.next), body.Close())
	}
	if err != nil {
		w.stop()
		return mapped(o.ctx, err)
	}
	o.body, o.at, o.watch = body, o.next, w
	return nil
}

func (o *object) hangUp() {
	if o.body != nil {
		_ = o.body.Close() // what was read is good; there is nothing to be lost
		o.watch.stop()
		o.body = nil
	}
}

// Close implements io.Closer. Closing twice is fine.
func (o *object) Close() error {
	o.closed = true
	o.hangUp()
	return nil
}
