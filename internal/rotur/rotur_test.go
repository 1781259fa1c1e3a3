package rotur

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// service is a stand-in for the account service. It vouches for "<id>,<hash of key and id>".
type service struct {
	*httptest.Server
	asked   atomic.Int64
	atOnce  atomic.Int64
	most    atomic.Int64
	answers func(w http.ResponseWriter, r *http.Request) bool // false: the ordinary answer follows
}

func newService(t *testing.T) *service {
	s := &service{}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func sign(key, id string) string {
	sum := sha256.Sum256([]byte(key + id))
	return id + "," + hex.EncodeToString(sum[:])
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.asked.Add(1)
	now := s.atOnce.Add(1)
	defer s.atOnce.Add(-1)
	for most := s.most.Load(); now > most && !s.most.CompareAndSwap(most, now); most = s.most.Load() {
	}
	if s.answers != nil && s.answers(w, r) {
		return
	}
	q := r.URL.Query()
	if r.URL.Path == "/profile" {
		fmt.Fprintf(w, `{"username":%q,"subscription":"Pro"}`, q.Get("name"))
		return
	}
	id, _, _ := strings.Cut(q.Get("v"), ",")
	if q.Get("v") != sign(q.Get("key"), id) {
		fmt.Fprint(w, `{"valid":false,"error":"expired"}`)
		return
	}
	fmt.Fprintf(w, `{"valid":true,"username":%q,"id":%q}`, strings.TrimPrefix(id, "USR:"), id)
}

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.at }

func (c *clock) forward(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.at = c.at.Add(d) }

func newClient(t *testing.T, s *service, set func(*Options)) (*Client, *clock) {
	t.Helper()
	at := &clock{at: time.Unix(1_800_000_000, 0)}
	o := Options{ValidateURL: s.URL + "/validate", ProfileURL: s.URL + "/profile", Now: at.now}
	if set != nil {
		set(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c, at
}

func TestValidate(t *testing.T) {
	reply := func(status int, body string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(status)
			fmt.Fprint(w, body)
			return true
		}
	}
	for _, row := range []struct {
		name, validator string
		answers         func(http.ResponseWriter, *http.Request) bool
		want            error
	}{
		{"a validator for the key is accepted", sign("k", "USR:bob"), nil, nil},
		{"one for another key is not", sign("other", "USR:bob"), nil, ErrRefused},
		{"nor is an empty one", "", nil, ErrRefused},
		{"nor an endless one", strings.Repeat("x", 5000), nil, ErrRefused},
		{"200 alone means nothing", "x,y", reply(200, `{"valid":false}`), ErrRefused},
		{"nor does a valid that is not literally true", "x,y", reply(200, `{"valid":"true","username":"bob","id":"1"}`), ErrRefused},
		{"nor a 1", "x,y", reply(200, `{"valid":1,"username":"bob","id":"1"}`), ErrRefused},
		{"valid without an id is refused", "x,y", reply(200, `{"valid":true,"username":"bob"}`), ErrRefused},
		{"valid without a name is refused", "x,y", reply(200, `{"valid":true,"id":"1","username":"  "}`), ErrRefused},
		{"a name with a control character is refused", "x,y", reply(200, `{"valid":true,"id":"1","username":"b\u0000b"}`), ErrRefused},
		{"an endless id is refused", "x,y", reply(200, `{"valid":true,"username":"bob","id":"`+strings.Repeat("1", 200)+`"}`), ErrRefused},
		{"what is not JSON is refused", "x,y", reply(200, `<html>`), ErrRefused},
		{"a blocked account is refused", "x,y", reply(403, `{"valid":false,"code":"account_blocked"}`), ErrRefused},
		{"valid with another status is refused", "x,y", reply(201, `{"valid":true,"username":"bob","id":"1"}`), ErrRefused},
		{"a redirect is not followed", "x,y", func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
			return true
		}, ErrRefused},
		{"a fault of the service is no answer", "x,y", reply(503, `{"valid":true,"username":"bob","id":"1"}`), ErrUnavailable},
		{"an answer without end is none", "x,y", reply(200, `{"valid":true,"username":"bob","id":"1","x":"`+strings.Repeat("x", maxAnswer)+`"}`), ErrUnavailable},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newService(t)
			s.answers = row.answers
			c, _ := newClient(t, s, nil)
			got, err := c.Validate(t.Context(), "k", row.validator)
			if !errors.Is(err, row.want) {
				t.Fatalf("got %v, want %v", err, row.want)
			}
			if row.want == nil && got != (Account{ID: "USR:bob", Name: "bob"}) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestTheParametersAreEncodedAndTheAddressMayHaveSome(t *testing.T) {
	s := newService(t)
	var query string
	s.answers = func(_ http.ResponseWriter, r *http.Request) bool { query = r.URL.RawQuery; return false }
	c, _ := newClient(t, s, func(o *Options) { o.ValidateURL += "?v2=1" })
	if _, err := c.Validate(t.Context(), "a b&c", sign("a b&c", "USR:bob")); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(query, "v2=1") || !strings.Contains(query, "key=a+b%26c") || !strings.Contains(query, "%2C") {
		t.Errorf("asked %q", query)
	}
}

func TestAnswersAreKeptForAWhile(t *testing.T) {
	s := newService(t)
	c, at := newClient(t, s, nil)
	ask := func(validator string, want int64, text string) {
		t.Helper()
		_, _ = c.Validate(t.Context(), "k", validator)
		if got := s.asked.Load(); got != want {
			t.Errorf("%s: asked %d times, want %d", text, got, want)
		}
	}
	good := sign("k", "USR:bob")
	ask(good, 1, "the first time")
	ask(good, 1, "at once again")
	ask("x,bad", 2, "a bad one")
	ask("x,bad", 2, "the same bad one at once")
	at.forward(refusedFor)
	ask("x,bad", 3, "the bad one later")
	ask(good, 3, "the good one still")
	at.forward(goodFor)
	ask(good, 4, "the good one later")
}

func TestOneQuestionIsAskedOnce(t *testing.T) {
	s := newService(t)
	asked, open := make(chan struct{}), make(chan struct{})
	s.answers = func(http.ResponseWriter, *http.Request) bool { close(asked); <-open; return false }
	c, _ := newClient(t, s, nil)
	gone, leave := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() { _, err := c.Validate(gone, "k", sign("k", "USR:bob")); first <- err }()
	<-asked
	leave() // the first one goes away; the others still get their answer

	late, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Validate(late, "k", sign("k", "USR:bob")); !errors.Is(err, context.Canceled) {
		t.Errorf("one who cannot wait got %v", err)
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if a, err := c.Validate(t.Context(), "k", sign("k", "USR:bob")); err != nil || a.Name != "bob" {
				t.Errorf("got %+v, %v", a, err)
			}
		})
	}
	close(open)
	wg.Wait()
	if err := <-first; err != nil {
		t.Error(err)
	}
	if got := s.asked.Load(); got != 1 {
		t.Errorf("asked %d times", got)
	}
}

func TestNotMoreThanSomeQuestionsAtOnce(t *testing.T) {
	s := newService(t)
	c, _ := newClient(t, s, func(o *Options) { o.MaxAtOnce = 2 })
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			id := fmt.Sprintf("USR:u%d", i)
			if _, err := c.Validate(t.Context(), "k", sign("k", id)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := s.most.Load(); got > 2 {
		t.Errorf("%d questions were under way at once", got)
	}
}

func TestASilentServiceIsLeftAlone(t *testing.T) {
	s := newService(t)
	var down atomic.Bool
	down.Store(true)
	s.answers = func(w http.ResponseWriter, _ *http.Request) bool {
		if down.Load() {
			panic(http.ErrAbortHandler) // the connection breaks
		}
		return false
	}
	c, at := newClient(t, s, nil)
	try := func(id string) error { _, err := c.Validate(t.Context(), "k", sign("k", id)); return err }
	for i := range strikes {
		if err := try(fmt.Sprint("USR:", i)); !errors.Is(err, ErrUnavailable) {
			t.Fatalf("got %v", err)
		}
	}
	before := s.asked.Load()
	for i := range 50 {
		if err := try(fmt.Sprint("USR:more", i)); !errors.Is(err, ErrUnavailable) {
			t.Fatalf("got %v", err)
		}
	}
	if got := s.asked.Load(); got != before {
		t.Errorf("a silent service was asked %d more times", got-before)
	}
	at.forward(leftAlone)
	if err := try("USR:probe"); !errors.Is(err, ErrUnavailable) || s.asked.Load() == before {
		t.Errorf("after a while nobody looked: %v, asked %d", err, s.asked.Load())
	}
	before = s.asked.Load()
	if err := try("USR:probe2"); !errors.Is(err, ErrUnavailable) || s.asked.Load() != before {
		t.Errorf("it was not left alone again: %v", err)
	}
	at.forward(leftAlone)
	down.Store(false)
	for _, id := range []string{"USR:a", "USR:b"} {
		if err := try(id); err != nil {
			t.Errorf("the service is back, but %v", err)
		}
	}
}

func TestASlowServiceIsNotWaitedForLong(t *testing.T) {
	s := newService(t)
	release := make(chan struct{})
	s.answers = func(_ http.ResponseWriter, r *http.Request) bool {
		select {
		case <-release:
		case <-r.Context().Done():
		}
		return true
	}
	defer close(release)
	c, _ := newClient(t, s, func(o *Options) { o.Timeout = 20 * time.Millisecond })
	if _, err := c.Validate(t.Context(), "k", "a,b"); !errors.Is(err, ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

func TestWhatWentWrongDoesNotNameTheValidator(t *testing.T) {
	s := newService(t)
	s.Close()
	c, _ := newClient(t, s, nil)
	_, err := c.Validate(t.Context(), "k", "USR:bob,secret")
	if !errors.Is(err, ErrUnavailable) || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}

func TestSubscription(t *testing.T) {
	s := newService(t)
	fails := false
	s.answers = func(w http.ResponseWriter, _ *http.Request) bool {
		if fails {
			w.WriteHeader(http.StatusInternalServerError)
		}
		return fails
	}
	c, at := newClient(t, s, nil)
	for range 2 {
		if got := c.Subscription(t.Context(), "bob"); got != "pro" {
			t.Errorf("got %q", got)
		}
	}
	if got := s.asked.Load(); got != 1 {
		t.Errorf("asked %d times", got)
	}
	fails = true
	for range 2 {
		if got := c.Subscription(t.Context(), "eve"); got != "" {
			t.Errorf("got %q of a service that fails", got)
		}
	}
	if got := s.asked.Load(); got != 2 {
		t.Errorf("a failure was not kept: asked %d times", got)
	}
	fails = false
	at.forward(unknownFor)
	if got := c.Subscription(t.Context(), "eve"); got != "pro" {
		t.Errorf("got %q", got)
	}
	none, _ := newClient(t, s, func(o *Options) { o.ProfileURL = "" })
	if got := none.Subscription(t.Context(), "bob"); got != "" {
		t.Errorf("got %q without an address", got)
	}
}

func TestManyAnswersTakeBoundedMemory(t *testing.T) {
	var a answers[int]
	at := time.Unix(0, 0)
	for i := range 3 * maxKept {
		_, _ = a.get(t.Context(), fmt.Sprint(i), func() time.Time { return at }, func() (int, time.Duration, error) { return i, time.Hour, nil })
	}
	if len(a.kept) > maxKept || len(a.kept) == 0 {
		t.Errorf("%d answers are kept", len(a.kept))
	}
	if len(a.asked) != 0 {
		t.Errorf("%d questions are still being asked", len(a.asked))
	}
}

func TestNewRefusesWhatIsNoAddress(t *testing.T) {
	for _, address := range []string{"", "api.rotur.dev/validate", "ftp://x/y", "http://", "http://x/#y", "http://[::1"} {
		if _, err := New(Options{ValidateURL: address}); err == nil {
			t.Errorf("%q was accepted", address)
		}
	}
	if _, err := New(Options{ValidateURL: "http://127.0.0.1:9/validate", ProfileURL: "nothing"}); err == nil {
		t.Error("a bad profile address was accepted")
	}
}
