package s3

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"parley/internal/blob"
	"parley/internal/blob/blobtest"
	"parley/internal/s3test"
)

func TestStore(t *testing.T) {
	server := s3test.Start(t)
	for _, row := range []struct{ name, bucket, prefix string }{
		{"a bucket of its own", "own", ""}, // emptied by giving each test another one
		{"a prefix in a bucket that others use", "shared", "chat/files"},
	} {
		t.Run(row.name, func(t *testing.T) {
			n := 0
			if row.prefix != "" {
				server.Bucket(t, row.bucket)
			}
			blobtest.Run(t, func(t *testing.T) blob.Store {
				checkLeaks(t)
				n++
				if row.prefix == "" {
					return started(t, server.URL(server.Bucket(t, row.bucket+strconv.Itoa(n))))
				}
				return started(t, server.URL(row.bucket+"/"+row.prefix+strconv.Itoa(n)))
			})
		})
	}
}

func TestParseURL(t *testing.T) {
	for _, row := range []struct {
		name, url string
		want      Options
		says      string // in the error
	}{
		{"everything can be said", "s3://key:se%2Fcret@s3.example.org:9000/bucket/a/b?region=eu-central-1&insecure=1",
			Options{Endpoint: "s3.example.org:9000", Insecure: true, Region: "eu-central-1", Bucket: "bucket", Prefix: "a/b", Key: "key", Secret: "se/cret"}, ""},
		{"host and bucket are enough", "s3://s3.example.org/bucket", Options{Endpoint: "s3.example.org", Bucket: "bucket"}, ""},
		{"a slash at the end says nothing", "s3://h/bucket/", Options{Endpoint: "h", Bucket: "bucket"}, ""},
		{"another scheme is refused", "https://h/bucket", Options{}, "s3://"},
		{"a bucket is needed", "s3://key:sesame@h/", Options{}, "bucket"},
		{"a host is needed", "s3:///bucket", Options{}, "host"},
		{"a key needs its secret", "s3://key@h/bucket", Options{}, "both"},
		{"a secret needs its key", "s3://:sesame@h/bucket", Options{}, "both"},
		{"a slash in the secret is escaped", "s3://key:ses/ame@h/bucket", Options{}, "%2F"},
		{"a number sign in the secret is escaped", "s3://key:sesame@h/bucket#x", Options{}, "%23"},
		{"a prefix does not climb", "s3://h/bucket/../other", Options{}, "prefix"},
		{"unknown parameters are refused", "s3://h/bucket?regoin=x", Options{}, "regoin"},
		{"insecure is yes or no", "s3://h/bucket?insecure=perhaps", Options{}, "insecure"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := ParseURL(row.url)
			if row.says == "" && (err != nil || got != row.want) {
				t.Errorf("got %+v, %v", got, err)
			}
			if row.says != "" && (err == nil || !strings.Contains(err.Error(), row.says) || strings.Contains(err.Error(), "same")) {
				t.Errorf("error %v, want one with %q", err, row.says)
			}
		})
	}
}

func FuzzParseURL(f *testing.F) {
	for _, s := range []string{"", "s3://h/b", "s3://key:secret@h:1/b/p?region=r&insecure=1", "s3://[::1]:9/b", "s3://k:%zz@h/b", "s3://h/b/../c", "s3://h/b?insecure"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		o, err := ParseURL(s)
		if err == nil && (o.Endpoint == "" || o.Bucket == "" || strings.Contains(o.Bucket, "/") || (o.Key == "") != (o.Secret == "")) {
			t.Errorf("%q gave %+v", s, o)
		}
	})
}

func TestStartSaysWhatIsWrong(t *testing.T) {
	checkLeaks(t)
	for _, variable := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY", "AWS_SECRET_KEY"} {
		t.Setenv(variable, "")
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", t.TempDir()+"/none")
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/none") // instead of a machine's role
	server := s3test.Start(t)
	bucket := server.Bucket(t, "here")
	for _, row := range []struct {
		name   string
		change func(*Options)
		is     error
		says   string
	}{
		{"all is well", func(*Options) {}, nil, ""},
		{"the key is unknown", func(o *Options) { o.Key = "nobody" }, ErrDenied, "access key"},
		{"the secret is wrong", func(o *Options) { o.Secret = "guessed" }, ErrDenied, "SignatureDoesNotMatch"},
		{"there are no credentials", func(o *Options) { o.Key, o.Secret = "", "" }, ErrDenied, "AWS_ACCESS_KEY_ID"},
		{"the bucket is not there", func(o *Options) { o.Bucket = "nowhere" }, ErrNoBucket, `"nowhere"`},
		{"the region is another", func(o *Options) { o.Region = "us-east-1" }, ErrDenied, "eu-central-1"},
		{"nobody listens", func(o *Options) { o.Endpoint, o.Attempts = "127.0.0.1:1", 2 }, ErrUnavailable, "refused"},
		{"the server does not speak TLS", func(o *Options) { o.Insecure, o.Attempts = false, 2 }, ErrUnavailable, "HTTPS"},
	} {
		t.Run(row.name, func(t *testing.T) {
			o := options(t, server.URL(bucket))
			row.change(&o)
			s := opened(t, o)
			err := s.Start(t.Context())
			if !errors.Is(err, row.is) || err != nil && !strings.Contains(err.Error(), row.says) {
				t.Fatalf("error %v, want %v with %q", err, row.is, row.says)
			}
			if err != nil && (strings.Contains(err.Error(), s3test.Secret) || strings.Contains(err.Error(), "guessed")) {
				t.Errorf("the error tells the secret: %v", err)
			}
		})
	}
	t.Run("credentials come from the environment", func(t *testing.T) {
		t.Setenv("AWS_ACCESS_KEY_ID", s3test.Key)
		t.Setenv("AWS_SECRET_ACCESS_KEY", s3test.Secret)
		o := options(t, server.URL(bucket))
		o.Key, o.Secret = "", ""
		if err := opened(t, o).Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	left := started(t, server.URL(bucket))
	err := left.list(t.Context(), 0, func(o minio.ObjectInfo) error { t.Errorf("%s is left behind", o.Key); return nil })
	if err != nil {
		t.Error(err)
	}
}

func TestStrangersAreLeftAlone(t *testing.T) {
	checkLeaks(t)
	server := s3test.Start(t)
	bucket := server.Bucket(t, "shared")
	s, other := started(t, server.URL(bucket+"/ours")), started(t, server.URL(bucket+"/theirs"))
	hash := strings.Repeat("ab", 32)
	for _, key := range []string{hash, "ours/note.txt", "ours/" + hash[:63], "ours/" + strings.ToUpper(hash), "ours/deeper/" + hash, "ours2/" + hash} {
		if _, err := s.client.Client.PutObject(t.Context(), bucket, key, strings.NewReader("x"), 1, minio.PutObjectOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := other.Put(t.Context(), strings.NewReader("not ours")); err != nil {
		t.Fatal(err)
	}
	if err := s.List(t.Context(), func(i blob.Info) error { t.Errorf("listed %s", i.Hash); return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Stat(t.Context(), hash); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("found a stranger: %v", err)
	}
}

func TestListGoesThroughManyPages(t *testing.T) {
	checkLeaks(t)
	s := started(t, bucketURL(t))
	want := 0
	for i := range 25 {
		if _, err := s.Put(t.Context(), strings.NewReader(strconv.Itoa(i))); err != nil {
			t.Fatal(err)
		}
		want++
	}
	got, last := 0, ""
	err := s.list(t.Context(), 4, func(o minio.ObjectInfo) error {
		if o.Key <= last {
			t.Errorf("%s after %s", o.Key, last)
		}
		got, last = got+1, o.Key
		return nil
	})
	if err != nil || got != want {
		t.Fatalf("listed %d of %d: %v", got, want, err)
	}
}

// fickle reads differently the second time, as a damaged disk would.
type fickle struct {
	*bytes.Reader
	fail error
}

func (f *fickle) ReadAt(p []byte, off int64) (int, error) {
	if f.fail != nil && off >= 8<<20 {
		return 0, f.fail
	}
	n, err := f.Reader.ReadAt(p, off)
	if n > 0 {
		p[0]++
	}
	return n, err
}

func TestWhatTheServerGetsIsWhatWasHashed(t *testing.T) {
	checkLeaks(t)
	s := started(t, bucketURL(t))
	_, err := s.Put(t.Context(), &fickle{Reader: bytes.NewReader([]byte("content"))})
	if err == nil {
		t.Error("content that changed on the way was stored")
	}
	nothingStored(t, s)
}

func TestAFailedUploadLeavesNothing(t *testing.T) {
	checkLeaks(t)
	o := options(t, bucketURL(t))
	o.PartSize = 5 << 20
	s := opened(t, o)
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("the disk is broken")
	_, err := s.Put(t.Context(), &fickle{Reader: bytes.NewReader(make([]byte, 12<<20)), fail: broken})
	if !errors.Is(err, broken) {
		t.Errorf("put: %v", err)
	}
	_, err = s.Put(t.Context(), io.MultiReader(strings.NewReader("x"), failing{broken}))
	if !errors.Is(err, broken) {
		t.Errorf("put: %v", err)
	}
	nothingStored(t, s)
	if left, err := os.ReadDir(o.TempDir); err != nil || len(left) > 0 {
		t.Errorf("left behind %v, %v", left, err)
	}
}

func nothingStored(t *testing.T, s *Store) {
	t.Helper()
	if err := s.List(t.Context(), func(i blob.Info) error { t.Errorf("stored %s", i.Hash); return nil }); err != nil {
		t.Error(err)
	}
	found, err := s.client.ListMultipartUploads(t.Context(), s.opts.Bucket, s.prefix, "", "", "", 100)
	if err != nil || len(found.Uploads) > 0 {
		t.Errorf("unfinished uploads: %v, %v", found.Uploads, err)
	}
}

func TestPresign(t *testing.T) {
	checkLeaks(t)
	s := started(t, bucketURL(t))
	info, err := s.Put(t.Context(), strings.NewReader("<script>"))
	if err != nil {
		t.Fatal(err)
	}
	get := func(t *testing.T, u string) (*http.Response, string) {
		t.Helper()
		client := http.Client{Transport: s.transport}
		resp, err := client.Get(u)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp, string(body)
	}
	for _, row := range []struct {
		name              string
		access            blob.Access
		kind, disposition string
	}{
		{"by default it is bytes to be saved", blob.Access{Life: time.Minute}, "application/octet-stream", "attachment"},
		{"type and name are sent", blob.Access{Life: time.Minute, Filename: `a "b".png`, MIMEType: "image/png"}, "image/png", `attachment; filename="a \"b\".png"`},
		{"names of all scripts are", blob.Access{Life: time.Minute, Filename: "ü.pdf"}, "application/octet-stream", "attachment; filename*=utf-8''%C3%BC.pdf"},
		{"it may be shown in place", blob.Access{Life: blob.MaxAccessLife, Inline: true, MIMEType: "image/gif"}, "image/gif", "inline"},
	} {
		t.Run(row.name, func(t *testing.T) {
			u, err := s.Presign(t.Context(), info.Hash, row.access)
			if err != nil {
				t.Fatal(err)
			}
			resp, body := get(t, u)
			if resp.StatusCode != http.StatusOK || body != "<script>" || resp.Header.Get("Content-Type") != row.kind || resp.Header.Get("Content-Disposition") != row.disposition {
				t.Errorf("%s %q, %v", resp.Status, body, resp.Header)
			}
			if strings.Contains(u, s3test.Secret) {
				t.Error("the address tells the secret")
			}
			other := strings.Repeat("0", 64)
			if resp, _ := get(t, strings.Replace(u, info.Hash, other, 1)); resp.StatusCode != http.StatusForbidden {
				t.Errorf("another blob with the same signature: %s", resp.Status)
			}
		})
	}
	for _, life := range []time.Duration{0, -time.Minute, blob.MaxAccessLife + 1} {
		if _, err := s.Presign(t.Context(), info.Hash, blob.Access{Life: life}); err == nil {
			t.Errorf("a life of %v is granted", life)
		}
	}
	if _, err := s.Presign(t.Context(), "../x", blob.Access{Life: time.Minute}); !errors.Is(err, blob.ErrInvalidHash) {
		t.Errorf("presigned what is no hash: %v", err)
	}
}

func TestReadingIsLazy(t *testing.T) {
	checkLeaks(t)
	s := started(t, bucketURL(t))
	content := noise(3 << 20)
	info, err := s.Put(t.Context(), bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	r, _, err := s.Open(t.Context(), info.Hash)
	if err != nil {
		t.Fatal(err)
	}
	o := r.(*object)
	if _, err := r.Seek(-10, io.SeekEnd); err != nil || o.body != nil {
		t.Fatalf("seeking asked the server: %v", err)
	}
	tail, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(tail, content[len(content)-10:]) {
		t.Errorf("the tail is %d bytes, %v", len(tail), err)
	}
	if o.body != nil {
		t.Error("a request is open at the end")
	}
	if _, err := r.Seek(100, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	part := make([]byte, 50)
	if _, err := io.ReadFull(r, part); err != nil {
		t.Fatal(err)
	}
	same := o.body
	if _, err := r.Seek(1000, io.SeekCurrent); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(r, part); err != nil || !bytes.Equal(part, content[1150:1200]) || o.body != same {
		t.Errorf("a short way ahead is another request, or wrong: %v", err)
	}
	if _, err := r.Seek(-1, io.SeekStart); err == nil {
		t.Error("there is something before the start")
	}
	if err := errors.Join(r.Close(), r.Close()); err != nil {
		t.Error(err)
	}
	if _, err := r.Read(part); !errors.Is(err, os.ErrClosed) {
		t.Errorf("reading after the end of it: %v", err)
	}
}

// options reads an address for tests.
func options(t *testing.T, u string) Options {
	t.Helper()
	o, err := ParseURL(u)
	if err != nil {
		t.Fatal(err)
	}
	o.TempDir = t.TempDir()
	return o
}

func opened(t *testing.T, o Options) *Store {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(s.Stop(context.Background()), s.Stop(context.Background())); err != nil {
			t.Error(err)
		}
	})
	return s
}

func started(t *testing.T, u string) *Store {
	t.Helper()
	s := opened(t, options(t, u))
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// bucketURL is an empty bucket of a server of its own.
func bucketURL(t *testing.T) string {
	t.Helper()
	server := s3test.Start(t)
	return server.URL(server.Bucket(t, "bucket"))
}

func noise(size int) []byte {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b) // never fails
	return b
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// checkLeaks fails the test if a goroutine of the store or its requests is there after everything has been cleaned up.
func checkLeaks(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		stacks := make([]byte, 1<<20)
		var left []string
		// One that has just been told to end may still be on its way out.
		for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
			left = nil
			for _, g := range strings.Split(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
				if (strings.Contains(g, "blob/s3.") || strings.Contains(g, "net/http.(*persistConn)")) && !strings.Contains(g, "checkLeaks") && !strings.Contains(g, "testing.(*T).Run") {
					left = append(left, g)
				}
			}
			if left == nil {
				return
			}
		}
		t.Errorf("goroutines left behind:\n%s", strings.Join(left, "\n\n"))
	})
}
