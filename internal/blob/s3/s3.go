// Package s3 keeps blobs in a bucket of S3-compatible storage: one object per blob, named by its hash under an optional
// prefix.
//
// What does not belong here: everything package blob excludes, and the making of buckets, their policies and life cycles,
// which are the operator's.
package s3

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"parley/internal/blob"
)

// Options say where the bucket is and how patient to be. The zero value of a duration or number means its default.
type Options struct {
	Endpoint string // host or host:port
	Insecure bool   // plain HTTP; for loopback and private networks
	Region   string // empty: asked from the server
	Bucket   string
	Prefix   string // of all keys; without slashes around it

	// Key and Secret sign the requests. If both are empty, the environment (AWS_ACCESS_KEY_ID and so on), the shared
	// credentials file and the machine's role are asked, in this order.
	Key, Secret string

	TempDir string       // where uploads of unknown content wait; empty: the system's
	Log     *slog.Logger // default: nothing is logged

	// Patience is how long the server may be silent within one request, default 20 s.
	Patience time.Duration
	// Attempts is how often a request is tried before it fails with ErrUnavailable, default 6: up to 3 s of waiting.
	Attempts int
	// PartSize is the size of the pieces that larger blobs are uploaded in, default 16 MiB; S3 wants at least 5 MiB.
	PartSize int64
}

const (
	defaultPatience = 20 * time.Second
	defaultAttempts = 6
	defaultPartSize = 16 << 20
	maxParts        = 10_000
	// abandonedAfter is the age of an unfinished upload that nobody can be working on any more.
	abandonedAfter = 24 * time.Hour
)

// ParseURL reads an address of the form s3://key:secret@host:port/bucket/prefix?region=…&insecure=1. Key and secret may be
// left out, see Options; in them "/", "+", "?", "#", "@" and "%" are written as in every URL (%2F …). Errors do not hold the secret.
func ParseURL(s string) (Options, error) {
	const form = "write s3://key:secret@host/bucket?region=…"
	u, err := url.Parse(s)
	if err != nil { // whose text may hold the secret
		return Options{}, errors.New(`blob/s3: the address cannot be read: ` + form + `, with "/" in the secret as %2F`)
	}
	bucket, prefix, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	switch {
	case u.Scheme != "s3":
		return Options{}, fmt.Errorf("blob/s3: an address begins with s3://, not %q", u.Scheme)
	case u.Host == "" || bucket == "":
		return Options{}, errors.New("blob/s3: host and bucket are needed: " + form)
	case u.Fragment != "":
		return Options{}, errors.New(`blob/s3: the address has a "#", which in a secret is written %23`)
	}
	o := Options{Endpoint: u.Host, Bucket: bucket, Prefix: strings.Trim(prefix, "/")}
	o.Key = u.User.Username()
	o.Secret, _ = u.User.Password()
	if (o.Key == "") != (o.Secret == "") {
		return Options{}, errors.New("blob/s3: key and secret belong together: give both or none")
	}
	if o.Prefix != "" && (path.Clean(o.Prefix) != o.Prefix || strings.HasPrefix(o.Prefix, "..")) {
		return Options{}, fmt.Errorf("blob/s3: the prefix %q is not a plain path", o.Prefix)
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return Options{}, errors.New("blob/s3: what follows the ? cannot be read")
	}
	for name, values := range query {
		value := values[len(values)-1]
		switch name {
		case "region":
			o.Region = value
		case "insecure":
			if o.Insecure, err = strconv.ParseBool(value); err != nil {
				return Options{}, fmt.Errorf("blob/s3: insecure must be 0 or 1, not %q", value)
			}
		default:
			return Options{}, fmt.Errorf("blob/s3: unknown parameter %q: there are region and insecure", name)
		}
	}
	return o, nil
}

// Store is a blob.Store in one bucket. Several servers may share it.
type Store struct {
	opts      Options
	prefix    string // of keys, with its slash
	client    minio.Core
	creds     *credentials.Credentials
	transport *http.Transport
}

var (
	_ blob.Store     = (*Store)(nil)
	_ blob.Presigner = (*Store)(nil)
)

// New returns a store. It asks nobody yet: faults of the bucket and of the credentials are found by Start.
func New(o Options) (*Store, error) {
	o.Patience = cmp.Or(o.Patience, defaultPatience)
	o.Attempts = cmp.Or(o.Attempts, defaultAttempts)
	o.PartSize = cmp.Or(o.PartSize, defaultPartSize)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Store{opts: o}
	if o.Prefix != "" {
		s.prefix = o.Prefix + "/"
	}
	var err error
	if s.transport, err = minio.DefaultTransport(!o.Insecure); err != nil {
		return nil, fmt.Errorf("blob/s3: %w", err)
	}
	s.transport.ResponseHeaderTimeout = 0 // silence ends every request, see watch
	if o.Key != "" {
		s.creds = credentials.NewStaticV4(o.Key, o.Secret, "")
	} else {
		s.creds = credentials.NewChainCredentials([]credentials.Provider{&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}, &credentials.IAM{}})
	}
	// Retrying is done here, where every attempt reads the content anew and is watched.
	client, err := minio.New(o.Endpoint, &minio.Options{Creds: s.creds, Secure: !o.Insecure, Region: o.Region, Transport: s.transport, MaxRetries: 1})
	if err != nil {
		return nil, fmt.Errorf("blob/s3: %w", err)
	}
	s.client = minio.Core{Client: client}
	return s, nil
}

// Check looks whether the bucket can be listed, and changes nothing. Fails with ErrDenied, ErrNoBucket or ErrUnavailable and
// says which of credentials, bucket and network is at fault.
func (s *Store) Check(ctx context.Context) error {
	v, err := s.credentials(ctx)
	if ended := ctx.Err(); ended != nil {
		return ended
	}
	if err != nil || v.AccessKeyID == "" {
		return s.fault("credentials", fmt.Errorf("%w: there are none in the address, the environment (AWS_ACCESS_KEY_ID), the credentials file or the machine's role", ErrDenied))
	}
	// Of all requests a listing is answered with the most exact error.
	if err := s.list(ctx, 1, func(minio.ObjectInfo) error { return errEnough }); err != nil && !errors.Is(err, errEnough) {
		return s.fault("listing", err)
	}
	return nil
}

var errEnough = errors.New("enough")

func (s *Store) fault(doing string, err error) error {
	return fmt.Errorf("blob/s3: bucket %q at %s: %s: %w", s.opts.Bucket, s.opts.Endpoint, doing, err)
}

// Start checks that the bucket can be listed, written to and deleted from, with an object that it removes again, and clears
// uploads that were abandoned a day ago or more. Fails like Check.
func (s *Store) Start(ctx context.Context) error {
	if err := s.Check(ctx); err != nil {
		return err
	}
	probe := s.prefix + "start-" + rand.Text()
	empty := hex.EncodeToString(sumOf(nil))
	err := s.attempt(ctx, func(ctx context.Context, w *watch) error {
		_, err := s.client.PutObject(ctx, s.opts.Bucket, probe, w.reader(strings.NewReader("")), 0, "", empty, minio.PutObjectOptions{DisableContentSha256: true})
		return err
	})
	if err != nil {
		return s.fault("writing", err)
	}
	if err := s.remove(ctx, probe); err != nil {
		return s.fault("deleting", err)
	}
	if err := s.clearAbandoned(ctx); err != nil && ctx.Err() == nil { // not every server can list them, and not every policy allows it
		s.opts.Log.Warn("unfinished uploads in the bucket could not be looked for: let the bucket's life cycle abort them", "err", err)
	}
	return ctx.Err()
}

// credentials asks for them within the store's patience: where there is no role, the address asked for it may be silent.
func (s *Store) credentials(ctx context.Context) (credentials.Value, error) {
	ctx, cancel := context.WithTimeout(ctx, s.opts.Patience)
	defer cancel()
	return s.creds.GetWithContext(&credentials.CredContext{Client: &http.Client{Transport: s.transport, Timeout: s.opts.Patience}, Endpoint: s.client.EndpointURL().String(), Context: ctx})
}

// Stop closes idle connections. The store can be used again.
func (s *Store) Stop(context.Context) error {
	s.transport.CloseIdleConnections()
	return nil
}

// Stat implements blob.Store.
func (s *Store) Stat(ctx context.Context, hash string) (blob.Info, error) {
	if err := check(ctx, hash); err != nil {
		return blob.Info{}, err
	}
	var found minio.ObjectInfo
	err := s.attempt(ctx, func(ctx context.Context, _ *watch) (err error) {
		found, err = s.client.StatObject(ctx, s.opts.Bucket, s.key(hash), minio.StatObjectOptions{})
		return err
	})
	if err != nil {
		return blob.Info{}, wrap("stat", err)
	}
	return blob.Info{Hash: hash, Size: found.Size, Stored: found.LastModified}, nil
}

// Open implements blob.Store. Nothing is fetched before it is read: seeking costs nothing, and reading continues where a
// connection broke. The content can be read until ctx ends.
func (s *Store) Open(ctx context.Context, hash string) (io.ReadSeekCloser, blob.Info, error) {
	info, err := s.Stat(ctx, hash)
	if err != nil {
		return nil, blob.Info{}, err
	}
	return &object{s: s, ctx: ctx, key: s.key(hash), size: info.Size}, info, nil
}

// Delete implements blob.Store. In a bucket with versions earlier ones stay for the bucket's life cycle to remove.
func (s *Store) Delete(ctx context.Context, hash string) error {
	if err := check(ctx, hash); err != nil {
		return err
	}
	if err := s.remove(ctx, s.key(hash)); err != nil && !errors.Is(err, blob.ErrNotFound) {
		return wrap("delete", err)
	}
	return nil
}

func (s *Store) remove(ctx context.Context, key string) error {
	return s.attempt(ctx, func(ctx context.Context, _ *watch) error {
		return s.client.RemoveObject(ctx, s.opts.Bucket, key, minio.RemoveObjectOptions{})
	})
}

// List implements blob.Store. Objects that are not blobs are passed over, and what lies deeper than the prefix is not looked
// at. Directory buckets (S3 Express) do not list in order and cannot be used.
func (s *Store) List(ctx context.Context, fn func(blob.Info) error) error {
	var last string
	err := s.list(ctx, 0, func(o minio.ObjectInfo) error {
		hash := strings.TrimPrefix(o.Key, s.prefix)
		if blob.CheckHash(hash) != nil {
			return nil
		}
		if hash <= last {
			return fmt.Errorf("%s comes after %s: this storage does not list in order", hash, last)
		}
		last = hash
		if err := fn(blob.Info{Hash: hash, Size: o.Size, Stored: o.LastModified}); err != nil {
			return &stopped{err}
		}
		return ctx.Err()
	})
	if stop := (*stopped)(nil); errors.As(err, &stop) {
		return stop.error
	}
	if err != nil {
		return wrap("list", err)
	}
	return ctx.Err()
}

// stopped carries the error of a listing's function past the mapping of errors.
type stopped struct{ error }

// list calls fn for the objects right under the prefix, in order; pageSize 0 is the server's. fn runs between requests.
func (s *Store) list(ctx context.Context, pageSize int, fn func(minio.ObjectInfo) error) error {
	after := ""
	for {
		var page []minio.ObjectInfo
		more := false
		err := s.attempt(ctx, func(ctx context.Context, _ *watch) error {
			page, more = nil, false
			size := cmp.Or(pageSize, 1000)
			for o := range s.client.ListObjectsIter(ctx, s.opts.Bucket, minio.ListObjectsOptions{Prefix: s.prefix, StartAfter: after, MaxKeys: size}) {
				if o.Err != nil {
					return o.Err
				}
				if len(page) == size { // the first of the next page, or of the directories that follow the objects
					more = true
					break
				}
				page = append(page, o)
			}
			return ctx.Err()
		})
		if err != nil {
			return err
		}
		for _, o := range page {
			if err := fn(o); err != nil {
				return err
			}
			after = max(after, o.Key)
		}
		if !more {
			return nil
		}
	}
}

// clearAbandoned aborts uploads under the prefix that a crash left unfinished long ago. Their parts cost money and nobody
// sees them.
func (s *Store) clearAbandoned(ctx context.Context) error {
	var old []minio.ObjectMultipartInfo
	err := s.attempt(ctx, func(ctx context.Context, _ *watch) error {
		found, err := s.client.ListMultipartUploads(ctx, s.opts.Bucket, s.prefix, "", "", "", 1000)
		old = found.Uploads
		return err
	})
	for _, u := range old {
		if err != nil {
			break
		}
		if blob.CheckHash(strings.TrimPrefix(u.Key, s.prefix)) == nil && time.Since(u.Initiated) > abandonedAfter {
			err = s.abort(ctx, u.Key, u.UploadID)
		}
	}
	return err
}

// key is only called with a hash that was computed here or has passed CheckHash.
func (s *Store) key(hash string) string { return s.prefix + hash }

func check(ctx context.Context, hash string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return blob.CheckHash(hash)
}
