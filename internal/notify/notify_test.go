package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/core/coretest"
	"parley/internal/ops/secret"
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

// setting is a chat with a push service. Alice and Bob are in a room; Bob has a browser.
type setting struct {
	*coretest.World
	*pushService
	t          *testing.T
	service    *Service
	alice, bob chat.Actor
	room       chat.RoomID
	browser    browser

	mu    sync.Mutex
	ended []error // what Observe was told
}

func newSetting(t *testing.T, change func(*Options)) *setting {
	checkLeaks(t)
	s := &setting{t: t, pushService: newPushService(t), browser: newBrowser(t)}
	var err error
	s.World = coretest.New(t, nil, func(c *core.Core) {
		o := Options{
			Store: c.Store, Events: c, Secrets: memorySecrets{}, Subject: "admin@example.org", Dial: s.dial(), Clock: c.Clock,
			Connected: c.Attended,
			Observe: func(err error) {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.ended = append(s.ended, err)
			},
			Backoff: []time.Duration{0, 0, 0},
		}
		if change != nil {
			change(&o)
		}
		if s.service, err = New(o); err != nil {
			t.Fatal(err)
		}
	})
	s.service.grace = time.Minute
	s.alice, s.bob = s.user("alice"), s.user("bob")
	s.room = s.Room(s.alice, s.bob)
	s.subscribe(s.bob, s.browser, "bob")
	if err := s.service.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.settle)
	return s
}

// user makes an account with a session and without a password, whose hashing would take most of the time of these tests.
func (s *setting) user(name string) chat.Actor {
	s.t.Helper()
	by := chat.Actor{UserID: chat.UserID(fmt.Sprintf("01900000-0000-7000-8000-%012x", name)), SessionID: chat.SessionID("session of " + name)}
	err := s.Store.Change(s.t.Context(), func(tx core.Tx) ([]chat.Event, error) {
		_, err := tx.CreateUser(s.t.Context(), &chat.User{ID: by.UserID, Username: name, DisplayName: name, Kind: chat.Person, Status: chat.Online, CreatedAt: s.Clock.Now()})
		if err == nil {
			err = tx.SetUserRoles(s.t.Context(), by.UserID, []chat.RoleID{chat.RoleUser})
		}
		return nil, err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return by
}

// login stores a session of a user.
func (s *setting) login(user chat.UserID) chat.Actor {
	s.t.Helper()
	by := chat.Actor{UserID: user, SessionID: "01900000-0000-7000-8000-00000000000f"}
	err := s.Store.Change(s.t.Context(), func(tx core.Tx) ([]chat.Event, error) {
		now := s.Clock.Now()
		return nil, tx.CreateSession(s.t.Context(), chat.Session{ID: by.SessionID, UserID: user, CreatedAt: now, LastUsedAt: now, ExpiresAt: now.Add(24 * time.Hour)})
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return by
}

// subscribe stores a browser's endpoint, without the core's check that it is on the internet.
func (s *setting) subscribe(by chat.Actor, b browser, path string) {
	s.t.Helper()
	err := s.Store.Change(s.t.Context(), func(tx core.Tx) ([]chat.Event, error) {
		return nil, tx.PutPushSubscription(s.t.Context(), chat.PushSubscription{
			UserID: by.UserID, SessionID: by.SessionID, Endpoint: s.URL + "/" + path, P256dh: b.p256dh(), Auth: b.authKey(), CreatedAt: s.Clock.Now(),
		})
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// connect counts a connection of a person's.
func (s *setting) connect(by chat.Actor) {
	s.t.Helper()
	if err := s.Connected(s.t.Context(), by); err != nil {
		s.t.Fatal(err)
	}
}

// settle stops the service; what waits is sent first.
func (s *setting) settle() {
	s.t.Helper()
	if err := s.service.Stop(context.Background()); err != nil {
		s.t.Error(err)
	}
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

func (s *setting) ends() []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.ended)
}

func (s *setting) subscriptions(user chat.UserID) int {
	s.t.Helper()
	list, err := s.Store.PushSubscriptions(s.t.Context(), user)
	if err != nil {
		s.t.Fatal(err)
	}
	return len(list)
}

// read decrypts a push with Bob's browser.
func (s *setting) read(p pushed) (read payload) {
	s.t.Helper()
	text, err := s.browser.open(p.body)
	if err == nil {
		err = json.Unmarshal(text, &read)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return read
}

func TestMentionReachesTheBrowser(t *testing.T) {
	s := newSetting(t, nil)
	msg := s.Say(s.alice, s.room, "hello @bob, <b> & \"so\" on")
	s.settle()
	got := s.requests()
	if len(got) != 1 || got[0].path != "/bob" {
		t.Fatalf("%d pushes", len(got))
	}
	page, _, _, err := s.Notifications(t.Context(), s.bob, false, chat.Page{Limit: 1})
	if err != nil || len(page) != 1 {
		t.Fatal(page, err)
	}
	want := payload{
		Title: "Room 1 — alice", Body: "hello @bob, <b> & \"so\" on", RoomID: s.room.String(), MessageID: msg.ID.String(), Type: chat.NotifyMention,
		NotificationID: fmt.Sprint(page[0].ID), URL: "/r/" + s.room.String() + "/m/" + msg.ID.String(),
	}
	if read := s.read(got[0]); read != want {
		t.Errorf("got  %+v\nwant %+v", read, want)
	}
	for name, want := range map[string]string{"Ttl": "86400", "Urgency": "high", "Content-Encoding": "aes128gcm", "User-Agent": "Test/1"} {
		if v := got[0].header.Get(name); v != want {
			t.Errorf("%s: %q, want %q", name, v, want)
		}
	}
	claims := got[0].claims(t, s.service.PublicKey())
	if claims["aud"] != s.URL || claims["sub"] != "mailto:admin@example.org" {
		t.Errorf("claims %v", claims)
	}
	if st := s.service.Stats(); st != (Stats{Sent: 1}) || !slices.Equal(s.ends(), []error{nil}) {
		t.Errorf("%+v, %v", st, s.ends())
	}
}

func TestWhoIsNotPushed(t *testing.T) {
	rows := []struct {
		name string
		do   func(s *setting)
		want int
	}{
		{"somebody who is connected", func(s *setting) {
			s.connect(s.bob)
			s.Say(s.alice, s.room, "@bob")
		}, 0},
		{"not somebody who does not look", func(s *setting) {
			s.connect(s.bob)
			s.SetIdle(s.bob, true)
			s.Say(s.alice, s.room, "@bob")
		}, 1},
		{"somebody who looks at one of two pages", func(s *setting) {
			s.connect(s.bob)
			s.connect(s.bob)
			s.SetIdle(s.bob, true)
			s.Say(s.alice, s.room, "@bob")
		}, 0},
		{"not somebody who closed the page they looked at", func(s *setting) {
			s.connect(s.bob)
			s.connect(s.bob)
			s.SetIdle(s.bob, true)
			s.Disconnected(s.t.Context(), s.bob)
			s.Say(s.alice, s.room, "@bob")
		}, 1},
		{"somebody who came back to the page", func(s *setting) {
			s.connect(s.bob)
			s.SetIdle(s.bob, true)
			s.SetIdle(s.bob, false)
			s.Say(s.alice, s.room, "@bob")
		}, 0},
		{"somebody who is not spoken to", func(s *setting) { s.Say(s.alice, s.room, "hello") }, 0},
		{"oneself", func(s *setting) { s.Say(s.bob, s.room, "@bob") }, 0},
		{"somebody without a browser", func(s *setting) { s.Say(s.bob, s.room, "@alice") }, 0},
		{"every browser of a person, once", func(s *setting) {
			s.subscribe(s.bob, s.browser, "bobs-other")
			s.subscribe(s.alice, s.browser, "alice")
			s.Say(s.alice, s.room, "@bob @bob")
		}, 2},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			s := newSetting(t, nil)
			r.do(s)
			s.settle()
			if n := len(s.requests()); n != r.want {
				t.Errorf("%d pushes, want %d", n, r.want)
			}
		})
	}
}

func TestPreferencesAreHeeded(t *testing.T) {
	for _, r := range []struct {
		name, settings string
		want           int
	}{
		{"nothing is set", `{}`, 1},
		{"hours that are over", `{"dnd":{"from":"22:00","to":"07:00"}}`, 1},
		{"hours that hold", `{"dnd":{"from":"11:00","to":"13:00"}}`, 0},
		{"hours that hold elsewhere", `{"dnd":{"from":"11:00","to":"13:00","time_zone":"Asia/Tokyo"}}`, 1},
		{"hours of another day", `{"dnd":{"from":"11:00","to":"13:00","days":[2]}}`, 1},
		{"mentions are not wanted", `{"push":{"mentions":false}}`, 0},
		{"others are not wanted", `{"push":{"direct":false,"replies":false}}`, 1},
	} {
		t.Run(r.name, func(t *testing.T) {
			s := newSetting(t, nil) // it is Monday, 12:00 UTC
			if _, err := s.UpdateProfile(t.Context(), s.bob, core.Profile{Settings: json.RawMessage(r.settings)}); err != nil {
				t.Fatal(err)
			}
			s.Say(s.alice, s.room, "hi @bob")
			s.settle()
			if n := len(s.requests()); n != r.want {
				t.Errorf("%d pushes, want %d", n, r.want)
			}
		})
	}
}

func TestMutedRoomsPushNothing(t *testing.T) {
	s := newSetting(t, nil)
	level := chat.NotifyMuted
	if _, err := s.SetPreferences(t.Context(), s.bob, s.room, core.Preferences{Notify: &level}); err != nil {
		t.Fatal(err)
	}
	s.Say(s.alice, s.room, "hi @bob")
	s.settle()
	if n := len(s.requests()); n != 0 {
		t.Errorf("%d pushes", n)
	}
}

func TestEncryptedRoomsSendNoContent(t *testing.T) {
	s := newSetting(t, nil)
	view, err := s.CreateRoom(t.Context(), s.alice, core.NewRoom{Name: "Sealed", Type: chat.Private, Encrypted: true})
	if err != nil {
		t.Fatal(err)
	}
	const sealed = "secret words"
	s.service.Push(chat.Notification{ID: 7, UserID: s.bob.UserID, Type: chat.NotifyDirect, Title: "Sealed", Content: sealed, RoomID: view.Room.ID, MessageID: 9})
	s.settle()
	got := s.requests()
	if len(got) != 1 {
		t.Fatalf("%d pushes", len(got))
	}
	if text, err := s.browser.open(got[0].body); err != nil || strings.Contains(string(text), sealed) || !strings.Contains(string(text), encryptedBody) {
		t.Errorf("%s, %v", text, err)
	}
}

func TestTopics(t *testing.T) {
	s := newSetting(t, nil)
	other := s.Room(s.alice, s.bob)
	for _, room := range []chat.RoomID{s.room, s.room, other} {
		s.Say(s.alice, room, "@bob")
	}
	s.service.Push(chat.Notification{ID: 1, UserID: s.bob.UserID, Type: chat.NotifySystem, Title: "News", Content: "The server moves."})
	s.settle()
	topics := map[string]int{}
	for _, p := range s.requests() {
		topics[p.header.Get("Topic")]++
		if len(p.header.Get("Topic")) > 32 {
			t.Errorf("too long: %q", p.header.Get("Topic"))
		}
	}
	counts := []int{topics[s.service.topic(chat.Notification{RoomID: s.room})], topics[s.service.topic(chat.Notification{RoomID: other})], topics[""]}
	if !slices.Equal(counts, []int{2, 1, 1}) {
		t.Errorf("%v", topics)
	}
}

func TestAnswersOfThePushService(t *testing.T) {
	always := func(status int) func(int, pushed) (int, http.Header) {
		return func(int, pushed) (int, http.Header) { return status, nil }
	}
	rows := []struct {
		name      string
		answer    func(nth int, p pushed) (int, http.Header)
		requests  int
		remaining int // subscriptions
		stats     Stats
	}{
		{"201 is fine", always(201), 1, 1, Stats{Sent: 1}},
		{"202 is fine", always(202), 1, 1, Stats{Sent: 1}},
		{"404 removes the subscription", always(404), 1, 0, Stats{Gone: 1}},
		{"410 removes the subscription", always(410), 1, 0, Stats{Gone: 1}},
		{"403 is given up at once", always(403), 1, 1, Stats{Failed: 1}},
		{"413 is given up at once", always(413), 1, 1, Stats{Failed: 1}},
		{"a redirect is not followed", func(int, pushed) (int, http.Header) { return 307, http.Header{"Location": {"/elsewhere"}} }, 1, 1, Stats{Failed: 1}},
		{"500 is tried again, a few times", always(500), 4, 1, Stats{Failed: 1}},
		{"429 once, then fine", func(nth int, _ pushed) (int, http.Header) {
			if nth == 1 {
				return 429, http.Header{"Retry-After": {"0"}}
			}
			return 201, nil
		}, 2, 1, Stats{Sent: 1}},
		{"503, then gone", func(nth int, _ pushed) (int, http.Header) {
			if nth == 1 {
				return 503, nil
			}
			return 410, nil
		}, 2, 0, Stats{Gone: 1}},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			s := newSetting(t, nil)
			s.pushService.mu.Lock()
			s.answer = r.answer
			s.pushService.mu.Unlock()
			s.Say(s.alice, s.room, "@bob")
			s.until("the end", func() bool { return len(s.ends()) == 1 })
			s.settle()
			if n := len(s.requests()); n != r.requests {
				t.Errorf("%d requests, want %d", n, r.requests)
			}
			if n := s.subscriptions(s.bob.UserID); n != r.remaining {
				t.Errorf("%d subscriptions are left, want %d", n, r.remaining)
			}
			if st := s.service.Stats(); st != r.stats {
				t.Errorf("%+v, want %+v", st, r.stats)
			}
		})
	}
}

func TestPrivateAddressesAreNotPushedTo(t *testing.T) {
	s := newSetting(t, func(o *Options) { o.Dial.Allow = nil })
	s.Say(s.alice, s.room, "@bob")
	s.settle()
	if st := s.service.Stats(); st != (Stats{Failed: 1}) || len(s.requests()) != 0 || !errors.Is(s.ends()[0], safedial.ErrRefused) {
		t.Errorf("%+v, %v", st, s.ends())
	}
	if err := s.ends()[0].Error(); strings.Contains(err, "/bob") {
		t.Errorf("the error shows the endpoint: %s", err)
	}
}

func TestRevokedSessions(t *testing.T) {
	rows := []struct {
		name   string
		revoke func(s *setting, phone chat.Actor) error
		want   []string // endpoints that are pushed to afterwards
	}{
		{"who is only away is told on every device", func(s *setting, _ chat.Actor) error {
			s.Clock.Advance(25 * time.Hour) // the login has ended by age
			return nil
		}, []string{"/bob", "/phone"}},
		{"who logged out on a device is not told there", func(s *setting, phone chat.Actor) error {
			return s.LogOut(s.t.Context(), phone)
		}, []string{"/bob"}},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			s := newSetting(t, nil)
			phone := s.login(s.bob.UserID)
			s.subscribe(phone, s.browser, "phone")
			if err := r.revoke(s, phone); err != nil {
				t.Fatal(err)
			}
			s.until("the subscriptions are right", func() bool { return s.subscriptions(s.bob.UserID) == len(r.want) })
			s.Say(s.alice, s.room, "@bob")
			s.settle()
			var got []string
			for _, p := range s.requests() {
				got = append(got, p.path)
			}
			slices.Sort(got)
			if !slices.Equal(got, r.want) {
				t.Errorf("pushed to %v, want %v", got, r.want)
			}
		})
	}
}

func TestNobodyWaitsForThePushService(t *testing.T) {
	release := make(chan struct{})
	s := newSetting(t, func(o *Options) { o.Parallel, o.Queue = 1, 2 })
	s.pushService.mu.Lock()
	s.answer = func(int, pushed) (int, http.Header) { <-release; return 201, nil }
	s.pushService.mu.Unlock()
	s.Say(s.alice, s.room, "@bob 0")
	s.until("the first request", func() bool { return len(s.requests()) == 1 })
	for i := range 5 {
		s.Say(s.alice, s.room, fmt.Sprint("@bob ", i)) // returns although the only worker is busy
	}
	if st := s.service.Stats(); st.Waiting != 2 || st.Dropped != 3 {
		t.Errorf("%+v", st)
	}
	close(release)
	s.settle()
	if st := s.service.Stats(); st != (Stats{Sent: 3, Dropped: 3}) {
		t.Errorf("%+v", st)
	}
}

func TestStopCutsWhatHangs(t *testing.T) {
	release := make(chan struct{})
	s := newSetting(t, func(o *Options) { o.Parallel = 1 })
	s.pushService.mu.Lock()
	s.answer = func(int, pushed) (int, http.Header) { <-release; return 201, nil }
	s.pushService.mu.Unlock()
	t.Cleanup(func() { close(release) })
	s.Say(s.alice, s.room, "@bob")
	s.Say(s.alice, s.room, "@bob again")
	s.until("the first request", func() bool { return len(s.requests()) == 1 })
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for range 2 { // the second time it is nothing
		if err := s.service.Stop(over); err != nil {
			t.Fatal(err)
		}
	}
	if st := s.service.Stats(); st != (Stats{Dropped: 2}) {
		t.Errorf("%+v", st)
	}
	s.Say(s.alice, s.room, "@bob after the end")
	if st := s.service.Stats(); st.Dropped != 2 || st.Waiting != 0 {
		t.Errorf("%+v", st)
	}
}

func TestStopDropsRetries(t *testing.T) {
	s := newSetting(t, func(o *Options) { o.Backoff = []time.Duration{time.Hour} })
	s.pushService.mu.Lock()
	s.answer = func(int, pushed) (int, http.Header) { return 503, nil }
	s.pushService.mu.Unlock()
	s.Say(s.alice, s.room, "@bob")
	s.until("the retry", func() bool { return s.service.Stats().Waiting == 1 && len(s.requests()) == 1 })
	s.settle()
	if st := s.service.Stats(); st != (Stats{Dropped: 1}) || len(s.requests()) != 1 {
		t.Errorf("%+v", st)
	}
}

func TestKeysStay(t *testing.T) {
	secrets := secret.Store{Dir: filepath.Join(t.TempDir(), "secrets")}
	first, err := loadKeys(secrets)
	if err != nil || len(first.public) != 87 {
		t.Fatalf("%q, %v", first.public, err)
	}
	if again, err := loadKeys(secrets); err != nil || again != first {
		t.Errorf("another pair: %v", err)
	}
	for name, text := range map[string]string{"not base64": "!", "too short": "AAAA", "not a key": strings.Repeat("A", 43)} {
		if _, err := loadKeys(memorySecrets{secretName: text}); err == nil || strings.Contains(err.Error(), text+" ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSubject(t *testing.T) {
	rows := []struct{ name, setting, publicURL, want string }{
		{"a mail address", "admin@example.org", "", "admin@example.org"},
		{"an https address", "https://chat.example.org", "", "https://chat.example.org"},
		{"the setting goes first", "admin@example.org", "https://chat.example.org", "admin@example.org"},
		{"the public address if nothing is set", "", "https://chat.example.org", "https://chat.example.org"},
		{"nothing", "", "", ""},
		{"a mailto: that the library would double", "mailto:admin@example.org", "", ""},
		{"a name with the address", "Admin <admin@example.org>", "", ""},
		{"http", "", "http://chat.example.org", ""},
		{"localhost", "", "https://localhost:8443", ""},
		{"mail to localhost", "admin@localhost", "", ""},
		{"a private address", "", "https://192.168.1.2", ""},
		{"mail to a private name", "admin@server.local", "", ""},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			got, err := Subject(r.setting, r.publicURL)
			if got != r.want || (err == nil) != (r.want != "") || err != nil && !errors.Is(err, ErrNoSubject) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	rows := []struct {
		name, header string
		want         time.Duration
	}{
		{"nothing", "", 0},
		{"seconds", "120", 2 * time.Minute},
		{"a date", "Mon, 04 May 2026 12:01:00 GMT", time.Minute},
		{"a date that has passed", "Mon, 04 May 2026 11:00:00 GMT", 0},
		{"nonsense", "soon", 0},
		{"less than nothing", "-5", 0},
		{"more than a number holds", "99999999999999999999", 0},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			if got := retryAfter(r.header, now); got != r.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestServicesThatDoNotAnswerAreLeftAlone(t *testing.T) {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	h := hosts{clock: func() time.Time { return now }}
	for range downAfter - 1 {
		h.failed("a")
	}
	if h.refused("a") != nil {
		t.Error("refused too early")
	}
	h.failed("a")
	var again retryable
	if err := h.refused("a"); !errors.Is(err, errDown) || !errors.As(err, &again) || again.after != downAtFirst {
		t.Errorf("got %v", err)
	}
	if h.refused("b") != nil {
		t.Error("another service is refused too")
	}
	now = now.Add(downAtFirst)
	if h.refused("a") != nil {
		t.Error("still refused after the time")
	}
	for range 40 {
		h.failed("a")
	}
	if err := h.refused("a"); !errors.As(err, &again) || again.after != downAtMost {
		t.Errorf("got %v", err)
	}
	h.answered("a")
	if h.refused("a") != nil {
		t.Error("refused after an answer")
	}
	for i := range 3 * maxHosts {
		h.failed(fmt.Sprint(i))
	}
	if len(h.bad) > maxHosts {
		t.Errorf("remembers %d services", len(h.bad))
	}
}

func TestEveryPayloadFits(t *testing.T) {
	s := newSetting(t, nil)
	for _, r := range []string{"a", "\x01", "😀", "\u2028", "\\", "\""} {
		long := strings.Repeat(r, 5000)
		s.service.Push(chat.Notification{ID: 1 << 52, UserID: s.bob.UserID, Type: chat.NotifyMention, Title: long, Content: long, RoomID: s.room, MessageID: 1 << 52})
	}
	s.settle()
	if st := s.service.Stats(); st != (Stats{Sent: 6}) {
		t.Errorf("%+v, %v", st, s.ends())
	}
	for _, p := range s.requests() {
		if got := s.read(p); len([]rune(got.Title)) != maxTitle || len([]rune(got.Body)) != maxBody {
			t.Errorf("title of %d, body of %d", len([]rune(got.Title)), len([]rune(got.Body)))
		}
	}
}
