// Package notify carries notifications to the browsers of people who are not connected, or do not look: Web Push (RFC 8030), encrypted for
// the browser (RFC 8291) and signed by the server (RFC 8292). It is best effort: the notification itself is stored and will
// be seen; what cannot be pushed in time is dropped and counted.
//
// Who is notified of what, and who may subscribe, is decided in package core. Here people's own preferences hold: hours in which
// they do not want to be disturbed, and which notifications they want pushed.
package notify

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/safedial"
)

// Store is what is needed of the store (core.Store).
type Store interface {
	User(ctx context.Context, id chat.UserID) (*chat.User, error)
	Room(ctx context.Context, id chat.RoomID) (chat.Room, error)
	Session(ctx context.Context, id chat.SessionID) (chat.Session, error)
	PushSubscriptions(ctx context.Context, user chat.UserID) ([]chat.PushSubscription, error)
	Change(ctx context.Context, fn func(tx core.Tx) ([]chat.Event, error)) error
}

// Events is where committed events come from (core.Core).
type Events interface {
	Subscribe(func([]chat.Event))
}

// Options are what the service needs. The zero value of a field without a note is an error, else its default.
type Options struct {
	Store     Store
	Events    Events
	Connected func(chat.UserID) bool // looks at a live connection somewhere; called where messages are committed: must not block
	Secrets   Secrets
	Subject   string // as Subject returns it

	Dial safedial.Options               // how push services are reached; always https and without redirects
	URL  func(chat.Notification) string // path in the web client; default: the message, room or invite
	// Other makes the text for subscriptions of devices (chat.PushSubscription.Device), whose clients speak another protocol; ok
	// is false where there is none for it. Default: they get none.
	Other    func(ctx context.Context, n chat.Notification) (text []byte, ok bool)
	Parallel int             // pushes under way at once; default 8
	Queue    int             // notifications that may wait, and as many retries; default 1024
	Backoff  []time.Duration // before each retry of one push; default 2 s, 15 s, 2 min
	Observe  func(error)     // told of every push that came to an end; default: nobody
	Clock    chat.Clock      // default time.Now
	Logger   *slog.Logger    // default: nothing is logged
}

// Stats are counts since the start.
type Stats struct {
	Sent    uint64 // accepted by a push service
	Failed  uint64 // given up
	Dropped uint64 // not tried, or not again: too many wait, or the server stops
	Gone    uint64 // subscriptions removed because they were over
	Waiting int    // now, in the queue or for a retry
}

// grace is how long Stop lets what is queued be sent.
const grace = 2 * time.Second

// Service sends pushes. It has as many goroutines as pushes may be under way, and one timer for each retry that waits.
type Service struct {
	opts   Options
	log    *slog.Logger
	keys   keyPair
	client *http.Client
	hosts  hosts
	grace  time.Duration

	sent, failed, dropped, gone atomic.Uint64

	mu      sync.Mutex // guards what follows; never held while sending
	running bool
	queue   chan job
	timers  map[*time.Timer]struct{}
	cancel  context.CancelFunc
	done    sync.WaitGroup // workers and timers
}

// job is something for a worker to do.
type job struct {
	note    chat.Notification
	purge   chat.UserID // instead of note: look for subscriptions of revoked sessions
	attempt int         // 0: to all subscriptions of the user; else the retry of one, with what follows
	sub     chat.PushSubscription
	text    []byte
}

// New makes the service and, the first time, the server's key pair. It subscribes to the events; until Start they are ignored.
func New(o Options) (*Service, error) {
	if o.Store == nil || o.Events == nil || o.Connected == nil || o.Secrets == nil {
		return nil, errors.New("notify: Store, Events, Connected and Secrets are needed")
	}
	if _, err := Subject(o.Subject, ""); err != nil {
		return nil, err
	}
	keys, err := loadKeys(o.Secrets)
	if err != nil {
		return nil, err
	}
	if o.URL == nil {
		o.URL = pathOf
	}
	if o.Parallel == 0 {
		o.Parallel = 8
	}
	if o.Queue == 0 {
		o.Queue = 1024
	}
	if o.Backoff == nil {
		o.Backoff = []time.Duration{2 * time.Second, 15 * time.Second, 2 * time.Minute}
	}
	if o.Observe == nil {
		o.Observe = func(error) {}
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Dial.HTTPSOnly, o.Dial.Redirects = true, 0
	s := &Service{opts: o, log: o.Logger, keys: keys, client: safedial.New(o.Dial), hosts: hosts{clock: o.Clock}, grace: grace}
	o.Events.Subscribe(s.hear)
	return s, nil
}

// PublicKey is the server's VAPID key for browsers to subscribe with: the point of P-256, uncompressed, in base64url.
func (s *Service) PublicKey() string { return s.keys.public }

// Start begins to send.
func (s *Service) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running {
		return errors.New("notify: started already")
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.running, s.cancel = true, cancel
	s.queue, s.timers = make(chan job, s.opts.Queue), make(map[*time.Timer]struct{})
	queue := s.queue
	for range s.opts.Parallel {
		s.done.Go(func() {
			for j := range queue {
				s.do(run, j)
			}
		})
	}
	return nil
}

// Stop takes no more notifications, gives those that wait two seconds at most (or what ctx leaves) to be sent, drops the
// others and waits until nothing is under way. Safe to call twice.
func (s *Service) Stop(ctx context.Context) error {
	s.mu.Lock()
	if !s.running {
		s.mu.Unlock()
		s.done.Wait()
		return nil
	}
	s.running = false
	close(s.queue)
	for t := range s.timers {
		if t.Stop() {
			s.done.Done()
		}
		s.dropped.Add(1)
	}
	clear(s.timers)
	cancel := s.cancel
	s.mu.Unlock()

	ctx, release := context.WithTimeout(ctx, s.grace)
	defer release()
	defer context.AfterFunc(ctx, cancel)()
	s.done.Wait()
	cancel()
	s.client.CloseIdleConnections()
	return nil
}

// Stats returns the counts.
func (s *Service) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{Sent: s.sent.Load(), Failed: s.failed.Load(), Dropped: s.dropped.Load(), Gone: s.gone.Load(), Waiting: len(s.queue) + len(s.timers)}
}

// Push sends a notification to the person's devices unless they see it where they are connected. It never blocks.
func (s *Service) Push(n chat.Notification) {
	if !s.opts.Connected(n.UserID) {
		s.enqueue(job{note: n})
	}
}

// hear receives committed events, on the goroutine that commits.
func (s *Service) hear(events []chat.Event) {
	for _, ev := range events {
		switch e := ev.(type) {
		case chat.Notified:
			s.Push(e.Notification)
		case chat.SessionRevoked:
			s.enqueue(job{purge: e.UserID})
		}
	}
}

func (s *Service) enqueue(j job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running {
		s.put(j)
	}
}

// put is enqueue with s.mu held, while running.
func (s *Service) put(j job) {
	select {
	case s.queue <- j:
	default:
		s.dropped.Add(1)
	}
}

// later queues a job after a time.
func (s *Service) later(j job, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.running || len(s.timers) >= s.opts.Queue {
		s.dropped.Add(1)
		return
	}
	s.done.Add(1)
	var t *time.Timer
	t = time.AfterFunc(wait, func() {
		defer s.done.Done()
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.running { // else Stop has counted it
			delete(s.timers, t)
			s.put(j)
		}
	})
	s.timers[t] = struct{}{}
}

var _ core.Pusher = (*Service)(nil)
