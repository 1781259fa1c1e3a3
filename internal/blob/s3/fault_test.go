package s3

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/internal/blob"
	"parley/internal/s3test"
)

// road is a TCP proxy on the way to the server, which a test can make bad.
type road struct {
	listener net.Listener
	to       string
	stalled  atomic.Bool  // nothing passes any more; connections stay
	cutAfter atomic.Int64 // bytes of an answer after which a connection is cut; 0: never
	cuts     atomic.Int64

	mu    sync.Mutex
	conns []net.Conn
	done  sync.WaitGroup
}

func newRoad(t *testing.T, to string) *road {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &road{listener: l, to: to}
	r.done.Go(r.accept)
	t.Cleanup(func() {
		_ = l.Close()
		r.mu.Lock()
		for _, c := range r.conns {
			_ = c.Close()
		}
		r.mu.Unlock()
		r.done.Wait()
	})
	return r
}

func (r *road) accept() {
	for {
		in, err := r.listener.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", r.to)
		if err != nil {
			_ = in.Close()
			continue
		}
		r.mu.Lock()
		r.conns = append(r.conns, in, out)
		r.mu.Unlock()
		r.done.Go(func() { r.carry(out, in, false) })
		r.done.Go(func() { r.carry(in, out, true) })
	}
}

func (r *road) carry(to, from net.Conn, answers bool) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 32<<10)
	carried := int64(0)
	for {
		n, err := from.Read(buf)
		if r.stalled.Load() {
			_, _ = io.Copy(io.Discard, from) // until it is closed
			return
		}
		if _, failed := to.Write(buf[:n]); failed != nil || err != nil {
			return
		}
		carried += int64(n)
		if limit := r.cutAfter.Load(); answers && limit > 0 && carried > limit {
			r.cuts.Add(1)
			return
		}
	}
}

// behind is a started store whose way to the server is the road.
func behind(t *testing.T, change func(*Options)) (*Store, *road) {
	t.Helper()
	checkLeaks(t)
	server := s3test.Start(t)
	r := newRoad(t, server.Address)
	o := options(t, server.URL(server.Bucket(t, "bucket")))
	o.Endpoint = r.listener.Addr().String()
	change(&o)
	s := opened(t, o)
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s, r
}

func TestReadingGoesOnWhereAConnectionBroke(t *testing.T) {
	s, r := behind(t, func(o *Options) { o.PartSize = 5 << 20 })
	content := noise(6 << 20)
	info, err := s.Put(t.Context(), bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	r.cutAfter.Store(1 << 20)
	body, _, err := s.Open(t.Context(), info.Hash)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	got, err := io.ReadAll(body)
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("read %d of %d bytes: %v", len(got), len(content), err)
	}
	if r.cuts.Load() == 0 {
		t.Error("nothing was cut")
	}
}

func TestASilentServerIsGivenUp(t *testing.T) {
	s, r := behind(t, func(o *Options) { o.Patience, o.Attempts = 300*time.Millisecond, 2 })
	info, err := s.Put(t.Context(), bytes.NewReader(noise(15<<20)))
	if err != nil {
		t.Fatal(err)
	}
	body, _, err := s.Open(t.Context(), info.Hash)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if _, err := io.ReadFull(body, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	r.stalled.Store(true)
	for name, do := range map[string]func(context.Context) error{
		"put":    func(ctx context.Context) error { _, err := s.Put(ctx, bytes.NewReader(noise(4<<20))); return err },
		"stat":   func(ctx context.Context) error { _, err := s.Stat(ctx, info.Hash); return err },
		"delete": func(ctx context.Context) error { return s.Delete(ctx, info.Hash) },
		"list":   func(ctx context.Context) error { return s.List(ctx, func(blob.Info) error { return nil }) },
		"read":   func(context.Context) error { _, err := io.ReadAll(body); return err },
	} {
		if err := do(t.Context()); !errors.Is(err, ErrUnavailable) || errors.Is(err, blob.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := s.Stat(ctx, info.Hash); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a caller who does not wait gets %v", err)
	}
	r.stalled.Store(false)
	if got, err := s.Stat(t.Context(), info.Hash); err != nil || got.Size != info.Size {
		t.Errorf("when it is well again: %+v, %v", got, err)
	}
}

func TestASlowReaderIsNotCutOff(t *testing.T) {
	s, _ := behind(t, func(o *Options) { o.Patience, o.Attempts = 200*time.Millisecond, 1 })
	content := noise(1 << 20)
	info, err := s.Put(t.Context(), bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	body, _, err := s.Open(t.Context(), info.Hash)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if _, err := io.ReadFull(body, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	longer := time.NewTimer(3 * s.opts.Patience)
	defer longer.Stop()
	<-longer.C
	rest, err := io.ReadAll(body)
	if err != nil || !bytes.Equal(rest, content[1000:]) {
		t.Errorf("read %d bytes: %v", len(rest), err)
	}
}

// TestAConfirmedUploadThatIsNotThereIsMadeAgain plays the Versity gateway (v1.8.0, backend posix) killed while it puts an
// object together. To begin, it renames the upload's directory; a request to complete the upload that finds it renamed is answered
// with success, "still in progress", though after a restart nobody is at work (CompleteMultipartUpload in backend/posix/posix.go).
// TestRestartUnderLoad meets the same now and then.
func TestAConfirmedUploadThatIsNotThereIsMadeAgain(t *testing.T) {
	checkLeaks(t)
	server := s3test.Start(t)
	var completions atomic.Int64
	forward := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = "http", server.Address }, // the name that was signed stays
		Transport: &http.Transport{DisableKeepAlives: true}, ErrorLog: log.New(io.Discard, "", 0),
	}
	between := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.URL.Query().Has("uploadId") {
			switch completions.Add(1) {
			case 1:
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			case 2:
				_, _ = io.WriteString(w, `<CompleteMultipartUploadResult><Bucket>bucket</Bucket><Key>k</Key><ETag>"e-2"</ETag></CompleteMultipartUploadResult>`)
				return
			}
		}
		forward.ServeHTTP(w, r)
	}))
	defer between.Close()
	o := options(t, server.URL(server.Bucket(t, "bucket")))
	o.Endpoint, o.PartSize = between.Listener.Addr().String(), 5<<20
	s := opened(t, o)
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	content := noise(6 << 20)
	info, err := s.Put(t.Context(), bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Stat(t.Context(), info.Hash); err != nil || got.Size != int64(len(content)) {
		t.Errorf("acknowledged, and then: %+v, %v", got, err)
	}
	if n := completions.Load(); n != 3 {
		t.Errorf("%d completions, want 3", n)
	}
}

// TestRestartUnderLoad kills the server again and again while everybody works. What was acknowledged is there, nothing
// fails for those who have the patience, and nobody is told that a blob is not there that is.
func TestRestartUnderLoad(t *testing.T) {
	checkLeaks(t)
	server := s3test.Start(t)
	o := options(t, server.URL(server.Bucket(t, "bucket")))
	o.Attempts, o.PartSize = 100, 5<<20
	s := opened(t, o)
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	var stop atomic.Bool
	var puts atomic.Int64
	var mu sync.Mutex
	stored := map[string]int64{}
	var workers sync.WaitGroup
	for worker := range 4 {
		workers.Go(func() {
			for i := 0; !stop.Load(); i++ {
				content := []byte(strconv.Itoa(worker) + "/" + strconv.Itoa(i))
				if i%8 == 0 {
					content = append(noise(5<<20+1), content...) // in two parts
				}
				info, err := s.Put(t.Context(), bytes.NewReader(content))
				if err != nil {
					t.Errorf("put: %v", err)
					return
				}
				puts.Add(1)
				mu.Lock()
				stored[info.Hash] = info.Size
				mu.Unlock()
				body, _, err := s.Open(t.Context(), info.Hash)
				if err != nil {
					t.Errorf("open: %v", err)
					return
				}
				got, err := io.ReadAll(body)
				if err = errors.Join(err, body.Close()); err != nil || !bytes.Equal(got, content) {
					t.Errorf("read %d of %d bytes: %v", len(got), len(content), err)
				}
			}
		})
	}
	enough := func() {
		for from := puts.Load(); puts.Load() < from+20 && !t.Failed(); {
			if err := pause(t.Context(), 1); err != nil {
				t.Error(err)
			}
		}
	}
	for range 3 {
		enough()
		server.Stop(t)
		if err := pause(t.Context(), 3); err != nil { // so that they notice
			t.Error(err)
		}
		server.Restart(t)
	}
	enough()
	stop.Store(true)
	workers.Wait()
	err := s.List(t.Context(), func(i blob.Info) error {
		if stored[i.Hash] == i.Size {
			delete(stored, i.Hash)
		}
		return nil
	})
	if err != nil || len(stored) > 0 {
		t.Errorf("%d acknowledged blobs are missing: %v", len(stored), err)
	}
}
