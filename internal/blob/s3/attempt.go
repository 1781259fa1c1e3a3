package s3

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/minio/minio-go/v7"

	"parley/internal/blob"
)

// The faults of the storage, to be found with errors.Is.
var (
	// ErrUnavailable says that the server cannot be reached, is silent or overloaded, also after several attempts.
	ErrUnavailable = errors.New("the storage does not answer")
	// ErrDenied says that the server does not accept the credentials, or does not allow them what was asked.
	ErrDenied = errors.New("the storage denies access")
	// ErrNoBucket says that there is no such bucket.
	ErrNoBucket = errors.New("there is no such bucket")
)

// errSilent is the cause of a request's end when nothing moved for too long.
var errSilent = errors.New("nothing came for too long")

// denials are the codes of requests whose signature is no good, whatever the status; the last is the Versity gateway's word
// for a key it does not know.
var denials = []string{minio.AccessDenied, "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", minio.AuthorizationHeaderMalformed, minio.InvalidRegion, "XAdminUserNotFound"}

const (
	firstWait = 100 * time.Millisecond
	longWait  = 2 * time.Second
)

// attempt calls do until it succeeds, fails for good, or has been called often enough. do may only change what it sets anew
// each time. Its context ends when w has not been told of progress for as long as the store has patience.
func (s *Store) attempt(ctx context.Context, do func(ctx context.Context, w *watch) error) error {
	for n := 1; ; n++ {
		err := s.once(ctx, do)
		if err == nil || n >= s.opts.Attempts || !errors.Is(err, ErrUnavailable) {
			return err
		}
		if err := pause(ctx, n); err != nil {
			return err
		}
	}
}

// pause waits before attempt n+1: twice as long each time, and not at the same moment as everybody else.
func pause(ctx context.Context, n int) error {
	most := min(firstWait<<min(n-1, 10), longWait)
	t := time.NewTimer(most/2 + rand.N(most/2))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Store) once(ctx context.Context, do func(ctx context.Context, w *watch) error) error {
	within, w := s.watch(ctx)
	defer w.stop()
	return mapped(ctx, do(within, w))
}

// mapped turns what the client library returned into this package's errors, ctx being the caller's context.
func mapped(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ended := ctx.Err(); ended != nil {
		return ended
	}
	var local *sourceError
	if errors.As(err, &local) {
		return local.error
	}
	var r minio.ErrorResponse
	if errors.As(err, &r) {
		switch {
		case r.Code == minio.NoSuchBucket:
			return ErrNoBucket
		case r.Code == minio.NoSuchKey:
			return blob.ErrNotFound
		case r.Code == "RequestTimeTooSkewed":
			return fmt.Errorf("%w: its clock and this machine's differ: %s", ErrDenied, r.Message)
		case slices.Contains(denials, r.Code):
			return fmt.Errorf("%w: %s: %s", ErrDenied, r.Code, r.Message)
		case r.StatusCode == http.StatusForbidden || r.StatusCode == http.StatusUnauthorized:
			return fmt.Errorf("%w: %s: %s", ErrDenied, r.Code, r.Message)
		case r.StatusCode >= 500 || r.StatusCode == http.StatusTooManyRequests || r.StatusCode == http.StatusRequestTimeout || r.Code == "RequestTimeout":
			return fmt.Errorf("%w: %s: %s", ErrUnavailable, r.Code, r.Message)
		case r.Code != "":
			return fmt.Errorf("%s: %w", r.Code, err)
		}
		return err
	}
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	if errors.As(err, &unknown) || errors.As(err, &name) {
		return err
	}
	if errors.Is(err, context.Canceled) { // not by the caller, so by watch
		err = errSilent
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

func wrap(op string, err error) error {
	if errors.Is(err, blob.ErrNotFound) {
		return blob.ErrNotFound
	}
	return fmt.Errorf("blob/s3: %s: %w", op, err)
}

// watch ends a request in which nothing moves. A limit for the whole of it would be too long for small ones and too short
// for large ones.
type watch struct {
	patience time.Duration
	timer    *time.Timer
	cancel   context.CancelCauseFunc
}

func (s *Store) watch(ctx context.Context) (context.Context, *watch) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watch{patience: s.opts.Patience, cancel: cancel}
	w.timer = time.AfterFunc(w.patience, func() { cancel(errSilent) })
	return ctx, w
}

// moved gives the request its whole patience again. A request that has ended already stays ended.
func (w *watch) moved() { w.timer.Reset(w.patience) }

// rest stops the clock, as while nobody reads.
func (w *watch) rest() { w.timer.Stop() }

func (w *watch) stop() {
	w.timer.Stop()
	w.cancel(nil)
}

// reader passes r on and counts every read as progress. It hides that r may seek: the library would otherwise rewind a body
// that an earlier attempt may still be reading.
func (w *watch) reader(r io.Reader) io.Reader { return &watched{w, r} }

type watched struct {
	w *watch
	r io.Reader
}

func (r *watched) Read(p []byte) (int, error) {
	r.w.moved()
	n, err := r.r.Read(p)
	if err != nil && err != io.EOF {
		err = &sourceError{err}
	}
	return n, err
}

// sourceError is a failure to read what is being uploaded, which no other attempt would help.
type sourceError struct{ error }

func (e *sourceError) Unwrap() error { return e.error }
