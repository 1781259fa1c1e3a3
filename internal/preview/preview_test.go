package preview

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/core/coretest"
	"parley/internal/safedial"
)

// checkLeaks fails if a goroutine of the package is left when the test is over. It waits a while, as what was told to end
// may still be at it.
func checkLeaks(t *testing.T) {
	t.Cleanup(func() {
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
			var b bytes.Buffer
			_ = pprof.Lookup("goroutine").WriteTo(&b, 2)
			left := ""
			for g := range strings.SplitSeq(b.String(), "\n\n") {
				if strings.Contains(g, "parley/internal/") && !strings.Contains(g, "testing.tRunner") {
					left += g + "\n\n"
				}
			}
			if left == "" {
				return
			}
			if time.Now().After(deadline) {
				t.Errorf("goroutines left:\n%s", left)
				return
			}
		}
	})
}

// setting is a chat in which Alice and Bob talk about the pages of one site.
type setting struct {
	*coretest.World
	t          *testing.T
	site       *httptest.Server
	service    *Service
	alice, bob chat.Actor
	room       chat.RoomID
	gate       chan struct{} // pages under /slow wait for it

	mu      sync.Mutex
	asked   []string // paths
	changed []*chat.Message
	ended   []error
}

func newSetting(t *testing.T, change func(*Options)) *setting {
	checkLeaks(t)
	s := &setting{t: t, gate: make(chan struct{})}
	s.site = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.site.Close)
	_, port, _ := net.SplitHostPort(s.site.Listener.Addr().String())
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	s.World = coretest.New(t, nil, func(c *core.Core) {
		o := Options{
			Core: c, Clock: c.Clock,
			Dial: safedial.Options{UserAgent: "Test/1", Ports: []uint16{uint16(n)}, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Timeout: time.Minute},
			Observe: func(err error) {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.ended = append(s.ended, err)
			},
		}
		if change != nil {
			change(&o)
		}
		s.service = New(o)
		c.Subscribe(func(events []chat.Event) {
			s.mu.Lock()
			defer s.mu.Unlock()
			for _, ev := range events {
				if e, ok := ev.(chat.MessageChanged); ok {
					s.changed = append(s.changed, e.Message)
				}
			}
		})
	})
	s.alice, s.bob = s.User("alice"), s.User("bob")
	s.room = s.Room(s.alice, s.bob)
	if err := s.service.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.service.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *setting) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.asked = append(s.asked, r.URL.Path)
	s.mu.Unlock()
	if r.UserAgent() != "Test/1" || r.Method != http.MethodGet || r.Header.Get("Cookie") != "" {
		s.t.Errorf("asked with %s %v", r.Method, r.Header)
	}
	kind, page := "text/html; charset=utf-8", "<title>Page "+r.URL.Path+"</title></head>"
	switch path := r.URL.Path; {
	case strings.HasPrefix(path, "/slow"):
		select {
		case <-s.gate:
		case <-r.Context().Done():
		}
	case path == "/missing":
		w.WriteHeader(http.StatusNotFound)
	case strings.HasPrefix(path, "/card"):
		page = `<title>Card</title><meta property="og:image" content="` + r.URL.Query().Get("image") + `">`
	case path == "/large.png":
		w.Header().Set("Content-Type", "image/png")
		_, _ = w.Write(make([]byte, core.MaxPreviewBytes+1))
		return
	case path == "/good.png":
		w.Header().Set("Content-Type", "image/png")
		if err := png.Encode(w, image.NewGray(image.Rect(0, 0, 600, 300))); err != nil {
			s.t.Error(err)
		}
		return
	case path == "/picture":
		kind = "image/png"
	case path == "/untyped":
		kind = "whatever"
	case path == "/untitled":
		page = "<head></head>"
	case path == "/moved":
		w.Header().Set("Location", "/dir/new")
		w.WriteHeader(http.StatusMovedPermanently)
		return
	case path == "/trap":
		w.Header().Set("Location", "http://127.0.0.2:"+r.Host[strings.LastIndexByte(r.Host, ':')+1:]+"/private")
		w.WriteHeader(http.StatusFound)
		return
	case path == "/endless":
		w.Header().Set("Content-Type", kind)
		for {
			if _, err := io.WriteString(w, strings.Repeat("<meta name=x content=y>", 1000)); err != nil {
				return
			}
		}
	case path == "/titled-then-endless":
		w.Header().Set("Content-Type", kind)
		for text := "<title>Early</title>"; ; text = strings.Repeat(" ", 10_000) {
			if _, err := io.WriteString(w, text); err != nil {
				return
			}
		}
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", kind)
	}
	_, _ = io.WriteString(w, page)
}

// until waits for something that the service's goroutines bring about.
func (s *setting) until(what string, reached func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !reached(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("never came: %s; %+v", what, s.service.Stats())
		}
	}
}

// settle waits until the service has nothing to do.
func (s *setting) settle() {
	s.t.Helper()
	s.until("rest", func() bool { return s.service.Stats().Waiting == 0 })
}

func (s *setting) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

func (s *setting) changes() []*chat.Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.changed)
}

// links says a text in which % stands for the site, and returns the message.
func (s *setting) link(by chat.Actor, text string) *chat.Message {
	s.t.Helper()
	return s.Say(by, s.room, strings.ReplaceAll(text, "%", s.site.URL))
}

func (s *setting) titles(id chat.MessageID) (titles []string) {
	s.t.Helper()
	m, err := s.Message(s.t.Context(), s.alice, id)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, l := range m.Links {
		titles = append(titles, l.Title)
	}
	return titles
}

func TestLinksGetTheirTitles(t *testing.T) {
	s := newSetting(t, nil)
	m := s.link(s.alice, "see %/a and %/missing and %/b")
	s.settle()
	want := []string{"Page /a", "", "Page /b"}
	if got := s.titles(m.ID); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	changes := s.changes()
	if len(changes) != 1 || changes[0].ID != m.ID || changes[0].Links[0].URL != s.site.URL+"/a" || changes[0].ChangeSeq <= m.ChangeSeq {
		t.Errorf("told %+v", changes)
	}
	if st := s.service.Stats(); st != (Stats{Fetched: 2, Failed: 1}) || len(s.ended) != 3 {
		t.Errorf("%+v", st)
	}
}

func TestWhatIsAPreview(t *testing.T) {
	rows := []struct {
		name, path, want string
		err              error // what Observe is told; nil with an empty want: any
	}{
		{"a page", "/page", "Page /page", nil},
		{"a page that moved", "/moved", "Page /dir/new", nil},
		{"a page that never ends, with a title", "/titled-then-endless", "Early", nil},
		{"a page that never ends, without a title", "/endless", "", errNoTitle},
		{"a page without a title", "/untitled", "", errNoTitle},
		{"an error page", "/missing", "", nil},
		{"a picture", "/picture", "", errNotAPage},
		{"something of no known type", "/untyped", "", errNotAPage},
		{"a redirect to a private address", "/trap", "", safedial.ErrRefused},
	}
	s := newSetting(t, nil)
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			m := s.link(s.alice, "%"+r.path)
			s.settle()
			if got := s.titles(m.ID); !slices.Equal(got, []string{r.want}) {
				t.Errorf("got %q", got)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			if err := s.ended[len(s.ended)-1]; (err == nil) != (r.want != "") || r.err != nil && !errors.Is(err, r.err) {
				t.Errorf("error %v", err)
			}
		})
	}
	if slices.Contains(s.requests(), "/private") {
		t.Error("the private address was reached")
	}
}

func TestPicturesAreFetchedAndKept(t *testing.T) {
	s := newSetting(t, nil)
	for _, r := range []struct {
		name, image string
		want        bool
	}{
		{"a picture", "/good.png", true},
		{"a picture of another site that must not be reached", "http://127.0.0.2/good.png", false},
		{"a picture that moved to where it must not be reached", "/trap", false},
		{"a picture that is not there", "/missing", false},
		{"a page instead of a picture", "/a", false},
		{"a picture that is too large", "/large.png", false},
		{"something that never ends", "/endless", false},
	} {
		t.Run(r.name, func(t *testing.T) {
			m := s.link(s.alice, "%/card"+strconv.Itoa(len(s.requests()))+"?image="+r.image)
			s.settle()
			now, err := s.Message(t.Context(), s.alice, m.ID)
			if err != nil || now.Links[0].Title != "Card" {
				t.Fatalf("%+v, %v", now.Links, err)
			}
			l := now.Links[0]
			if !r.want {
				if l.Image != "" || l.Width != 0 {
					t.Errorf("shows %+v", l)
				}
				return
			}
			if l.Width != 480 || l.Height != 240 {
				t.Errorf("shows %+v", l)
			}
			body, kind, err := s.Preview(t.Context(), strings.TrimPrefix(l.Image, core.PreviewPath))
			if err != nil || kind != "image/jpeg" {
				t.Fatalf("%q is %q, %v", l.Image, kind, err)
			}
			if err := body.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	if slices.Contains(s.requests(), "/private") {
		t.Error("the private address was reached")
	}
}

func TestPrivateAddressesAreNotAsked(t *testing.T) {
	s := newSetting(t, func(o *Options) { o.Dial.Allow = nil })
	m := s.link(s.alice, "%/a")
	s.settle()
	if got := s.titles(m.ID); !slices.Equal(got, []string{""}) || len(s.requests()) != 0 || !errors.Is(s.ended[0], safedial.ErrRefused) {
		t.Errorf("%q, %v, %v", got, s.requests(), s.ended)
	}
}

func TestEncryptedRoomsAskNobody(t *testing.T) {
	s := newSetting(t, nil)
	view, err := s.CreateRoom(t.Context(), s.alice, core.NewRoom{Name: "Sealed", Type: chat.Private, Encrypted: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Say(s.alice, view.Room.ID, s.site.URL+"/a")
	s.settle()
	if len(s.requests()) != 0 {
		t.Errorf("asked for %v", s.requests())
	}
}

func TestPagesAreRemembered(t *testing.T) {
	s := newSetting(t, nil)
	first := s.link(s.alice, "%/a %/missing")
	s.settle()
	again := s.link(s.bob, "%/missing %/a")
	s.settle()
	if got := s.titles(again.ID); !slices.Equal(got, []string{"", "Page /a"}) {
		t.Errorf("got %q", got)
	}
	if _, err := s.EditMessage(t.Context(), s.alice, first.ID, "now "+s.site.URL+"/a", nil); err != nil {
		t.Fatal(err)
	}
	s.settle()
	if got := s.titles(first.ID); !slices.Equal(got, []string{"Page /a"}) {
		t.Errorf("after an edit: %q", got)
	}
	if n := len(s.requests()); n != 2 {
		t.Errorf("%d requests", n)
	}
	s.Clock.Advance(3 * time.Hour) // past KeepBad, not past Keep
	s.link(s.bob, "%/missing %/a")
	s.settle()
	s.Clock.Advance(4 * time.Hour) // past both
	s.link(s.bob, "%/missing %/a")
	s.settle()
	if got, want := s.requests()[2:], []string{"/missing", "/a", "/missing"}; len(got) != 3 || slices.Compare(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))) != 0 {
		t.Errorf("asked for %v", got)
	}
}

func TestOnePageForManyMessagesIsFetchedOnce(t *testing.T) {
	s := newSetting(t, nil)
	var all []chat.MessageID
	for i := range 5 {
		all = append(all, s.link(s.alice, fmt.Sprint(i, " %/slow")).ID)
	}
	close(s.gate)
	s.settle()
	for _, id := range all {
		if got := s.titles(id); !slices.Equal(got, []string{"Page /slow"}) {
			t.Errorf("got %q", got)
		}
	}
	if n := len(s.requests()); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestSlowSitesHoldUpNobody(t *testing.T) {
	s := newSetting(t, func(o *Options) { o.Parallel, o.PerHost, o.Queue = 4, 2, 8*senderShare })
	for i := range 12 {
		s.link(s.alice, fmt.Sprintf("%%/slow%d", i)) // returns although nothing is answered
	}
	s.until("as many requests as may be", func() bool { return len(s.requests()) == 2 })
	if st := s.service.Stats(); st != (Stats{Waiting: 10, Dropped: 2}) {
		t.Errorf("%+v", st)
	}
	// Another host is not concerned: nobody listens at this one, and that is found out at once.
	other := strings.Replace(s.site.URL, "127.0.0.1", "[::1]", 1)
	s.Say(s.bob, s.room, other+"/")
	s.until("the answer about the other host", func() bool { return s.service.Stats().Failed == 1 })
	close(s.gate)
	s.settle()
	if st := s.service.Stats(); st != (Stats{Fetched: 10, Failed: 1, Dropped: 2}) {
		t.Errorf("%+v", st)
	}
}

func TestMessageThatGoesMeanwhile(t *testing.T) {
	s := newSetting(t, nil)
	m := s.link(s.alice, "%/slow")
	if _, err := s.DeleteMessage(t.Context(), s.alice, m.ID); err != nil {
		t.Fatal(err)
	}
	close(s.gate)
	s.settle()
	if got := s.titles(m.ID); len(got) != 0 || len(s.changes()) != 0 {
		t.Errorf("%q, %d events", got, len(s.changes()))
	}
}

func TestStopCutsWhatHangs(t *testing.T) {
	s := newSetting(t, nil)
	s.link(s.alice, "%/slow1 %/slow2 %/slow3")
	s.until("the requests", func() bool { return len(s.requests()) == 2 })
	for range 2 { // the second time it is nothing
		if err := s.service.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s.link(s.alice, "%/after")
	if st := s.service.Stats(); st != (Stats{Dropped: 3}) || len(s.requests()) != 2 {
		t.Errorf("%+v, %v", st, s.requests())
	}
}

func TestCacheForgetsTheOldest(t *testing.T) {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	c := cache{max: 2, pages: make(map[string]page)}
	for _, a := range []string{"a", "b", "a", "c"} {
		c.put(a, chat.Link{URL: a}, now.Add(time.Hour))
	}
	for address, want := range map[string]bool{"a": false, "b": true, "c": true} {
		if _, ok := c.get(address, now); ok != want {
			t.Errorf("%s is there: %v", address, ok)
		}
	}
	if _, ok := c.get("b", now.Add(time.Hour)); ok {
		t.Error("what is over is still used")
	}
	if len(c.pages) != 2 || len(c.order) != 2 {
		t.Errorf("%d pages, %d in order", len(c.pages), len(c.order))
	}
}

// TestPicturesOfEmbedsAreKept: what an embed shows is fetched as a picture, whatever is known of a page at the same address.
func TestPicturesOfEmbedsAreKept(t *testing.T) {
	s := newSetting(t, nil)
	embed := fmt.Sprintf(`{"title":"T","image":{"url":"%s/good.png"},"thumbnail":{"url":"%s/page"}}`, s.site.URL, s.site.URL)
	m, _, err := s.SendMessage(t.Context(), s.alice, core.NewMessage{RoomID: s.room, Content: s.site.URL + "/good.png " + s.site.URL + "/page", Embeds: []json.RawMessage{[]byte(embed)}})
	if err != nil {
		t.Fatal(err)
	}
	s.settle()
	now, err := s.Message(t.Context(), s.alice, m.ID)
	if err != nil || len(now.Links) != 4 {
		t.Fatalf("%+v, %v", now, err)
	}
	for i, want := range []struct {
		picture, titled, kept bool
	}{{false, false, false}, {false, true, false}, {true, false, true}, {true, false, false}} {
		l := now.Links[i]
		if l.Picture != want.picture || (l.Title != "") != want.titled || strings.HasPrefix(l.Image, core.PreviewPath) != want.kept {
			t.Errorf("link %d is %+v", i, l)
		}
	}
	if got, want := now.Links[2].Width, 480; got > want || got < 100 {
		t.Errorf("the picture is %d wide", got)
	}
	asked := len(s.requests())
	if _, _, err := s.SendMessage(t.Context(), s.bob, core.NewMessage{RoomID: s.room, Embeds: []json.RawMessage{[]byte(embed)}}); err != nil {
		t.Fatal(err)
	}
	s.settle()
	if again := len(s.requests()); again != asked {
		t.Errorf("%d requests more for what is known", again-asked)
	}
}
