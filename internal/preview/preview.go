// Package preview finds out what is behind the links in messages: the title, description and picture that pages give of
// themselves. It fetches in the background, from public addresses only (package safedial), and hands what it finds to the
// core, which stores it with the message and tells the room. Pictures are fetched here too and kept by the core: whoever
// reads a message asks no other site for anything.
//
// Which links a message has is decided in package core; messages of encrypted rooms have none, so nobody is asked for them.
package preview

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/safedial"
)

// Core is what is needed of core.Core.
type Core interface {
	Subscribe(func([]chat.Event))
	SetLinks(ctx context.Context, id chat.MessageID, links []chat.Link) error
	StorePreview(ctx context.Context, picture io.Reader) (core.PreviewPicture, error)
}

// Options are what the service needs. The zero value of a field means its default, but for Core.
type Options struct {
	Core Core
	// Dial is how pages are reached. Timeout is 5 s unless set, and 5 redirects are followed.
	Dial     safedial.Options
	Parallel int              // pages fetched at once; default 4
	PerHost  int              // of these from one host, and for one sender; default 2
	Queue    int              // pages that may wait; default 256
	Cache    int              // pages remembered; default 2048
	Keep     time.Duration    // how long what was found is used again; default 6 h
	KeepBad  time.Duration    // how long a page without preview is left alone; default 2 h
	MaxBytes int64            // of a page that are read; default 512 KiB
	Observe  func(error)      // told of every fetch that came to an end; default: nobody
	Clock    func() time.Time // default time.Now
	Logger   *slog.Logger     // default: nothing is logged
}

// Stats are counts since the start.
type Stats struct {
	Fetched uint64 // pages that gave a preview
	Failed  uint64 // pages that did not
	Dropped uint64 // links that get none because too many wait, or the service stopped
	Waiting int    // pages now, in the queue or under way
}

const (
	defaultTimeout = 5 * time.Second
	redirects      = 5
	storeTimeout   = 10 * time.Second
	senderShare    = 8 // one sender may fill this part of the queue: an eighth
)

// Service fetches previews. A goroutine lives as long as the page it fetches; with nothing to do there is none.
type Service struct {
	opts   Options
	log    *slog.Logger
	client *http.Client

	fetched, failed, dropped atomic.Uint64

	mu      sync.Mutex // guards what follows; never held while fetching, or calling core
	run     context.Context
	cancel  context.CancelFunc // nil: not running
	cache   cache
	queue   []*task          // not begun, oldest first
	tasks   map[string]*task // by address, those under way too
	active  map[string]int   // tasks under way by host and by sender
	running int
	queued  map[string]int // tasks in the queue by sender
	done    sync.WaitGroup
}

// task is one page to fetch for all the messages that link to it; or, without an address, a message for which all is known.
type task struct {
	url          string // see keyOf
	link         chat.Link
	host, sender string // keys of active
	posts        []*post
}

// post is a message that waits for its pages.
type post struct {
	id    chat.MessageID
	links []chat.Link
	wait  int  // pages that are not there yet
	news  bool // links says more than the message
}

// New makes the service. It subscribes to the events; until Start they are ignored.
func New(o Options) *Service {
	for _, d := range []struct {
		field *int
		def   int
	}{{&o.Parallel, 4}, {&o.PerHost, 2}, {&o.Queue, 256}, {&o.Cache, 2048}} {
		if *d.field == 0 {
			*d.field = d.def
		}
	}
	if o.Keep == 0 {
		o.Keep = 6 * time.Hour
	}
	if o.KeepBad == 0 {
		o.KeepBad = 2 * time.Hour
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 512 << 10
	}
	if o.Dial.Timeout == 0 {
		o.Dial.Timeout = defaultTimeout
	}
	o.Dial.Redirects = redirects
	if o.Observe == nil {
		o.Observe = func(error) {}
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Service{
		opts: o, log: o.Logger, client: safedial.New(o.Dial), cache: cache{max: o.Cache, pages: make(map[string]page)},
		tasks: make(map[string]*task), active: make(map[string]int), queued: make(map[string]int),
	}
	o.Core.Subscribe(s.hear)
	return s
}

// Start begins to fetch.
func (s *Service) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancel != nil {
		return errors.New("preview: started already")
	}
	s.run, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	return nil
}

// Stop cuts what is under way, forgets what waits, and waits until nothing is running. Safe to call twice.
func (s *Service) Stop(context.Context) error {
	s.mu.Lock()
	if s.cancel != nil {
		s.cancel()
		s.cancel = nil
	}
	for _, t := range s.queue {
		s.dropped.Add(uint64(len(t.posts)))
		delete(s.tasks, t.url)
	}
	s.queue = nil
	clear(s.queued)
	s.mu.Unlock()
	s.done.Wait()
	s.client.CloseIdleConnections()
	return nil
}

// Stats returns the counts.
func (s *Service) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{Fetched: s.fetched.Load(), Failed: s.failed.Load(), Dropped: s.dropped.Load(), Waiting: len(s.queue) + s.running}
}

// hear receives committed events, on the goroutine that commits.
func (s *Service) hear(events []chat.Event) {
	for _, ev := range events {
		switch e := ev.(type) {
		case chat.MessageCreated:
			s.want(e.Message)
		case chat.MessageChanged:
			s.want(e.Message)
		}
	}
}

// want sees to the previews that a message lacks.
func (s *Service) want(m *chat.Message) {
	if m.Deleted || !slices.ContainsFunc(m.Links, unknown) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancel == nil {
		return
	}
	now := s.opts.Clock()
	p := &post{id: m.ID, links: slices.Clone(m.Links)}
	for i, l := range p.links {
		if !unknown(l) {
			continue
		}
		known, ok := s.cache.get(keyOf(l), now)
		if !ok {
			s.wait(p, l, string(m.SenderID))
			continue
		}
		if !unknown(known) {
			p.links[i], p.news = known, true
		}
	}
	if p.wait == 0 && p.news {
		s.put(&task{sender: sender(string(m.SenderID)), posts: []*post{p}})
	}
	s.begin()
}

func unknown(l chat.Link) bool {
	if l.Picture {
		return l.Image == ""
	}
	return l.Title == ""
}

// keyOf tells apart what an address is asked for: a page, or the picture itself.
func keyOf(l chat.Link) string {
	if l.Picture {
		return "picture " + l.URL
	}
	return l.URL
}

// wait makes a post wait for a page or picture. s.mu is held.
func (s *Service) wait(p *post, l chat.Link, by string) {
	address := keyOf(l)
	if t := s.tasks[address]; t != nil {
		t.posts = append(t.posts, p)
		p.wait++
		return
	}
	u, err := url.Parse(l.URL)
	if err != nil {
		return
	}
	t := &task{url: address, link: chat.Link{Picture: l.Picture, URL: l.URL}, host: "host " + strings.ToLower(u.Hostname()), sender: sender(by), posts: []*post{p}}
	if s.put(t) {
		s.tasks[address] = t
		p.wait++
	}
}

func sender(id string) string { return "sender " + id }

// put queues a task if there is room. s.mu is held.
func (s *Service) put(t *task) bool {
	if len(s.queue) >= s.opts.Queue || s.queued[t.sender] >= max(1, s.opts.Queue/senderShare) {
		s.dropped.Add(1)
		return false
	}
	s.queue = append(s.queue, t)
	s.queued[t.sender]++
	return true
}

// begin starts what may be started: the oldest tasks whose host and sender are not busy enough already. s.mu is held.
func (s *Service) begin() {
	for i := 0; i < len(s.queue) && s.running < s.opts.Parallel && s.cancel != nil; {
		t := s.queue[i]
		if s.active[t.host] >= s.opts.PerHost || s.active[t.sender] >= s.opts.PerHost {
			i++
			continue
		}
		s.queue = slices.Delete(s.queue, i, i+1)
		count(s.queued, t.sender, -1)
		count(s.active, t.sender, 1)
		if t.host != "" {
			count(s.active, t.host, 1)
		}
		s.running++
		run := s.run
		s.done.Go(func() { s.do(run, t) })
	}
}

func count(m map[string]int, key string, by int) {
	if m[key] += by; m[key] == 0 {
		delete(m, key)
	}
}

// do does a task on a goroutine of its own.
func (s *Service) do(ctx context.Context, t *task) {
	var ready []*post
	if t.url == "" {
		ready = t.posts // nobody joins a task without a page
	} else {
		found, err := s.fetch(ctx, t.link)
		if ctx.Err() == nil {
			s.count(err)
		}
		ready = s.arrived(ctx, t, found)
	}
	for _, p := range ready {
		s.store(ctx, p)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running--
	count(s.active, t.sender, -1)
	if t.host != "" {
		count(s.active, t.host, -1)
	}
	s.begin()
}

// count keeps the books of one fetch. It logs nothing: addresses, and errors that name hosts, are what people wrote.
func (s *Service) count(err error) {
	if err != nil {
		s.failed.Add(1)
	} else {
		s.fetched.Add(1)
	}
	s.opts.Observe(err)
}

// arrived notes what is known of a page now and returns the posts that waited for nothing else and have something new.
func (s *Service) arrived(ctx context.Context, t *task, found chat.Link) (ready []*post) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tasks, t.url)
	if ctx.Err() != nil { // says nothing about the page
		s.dropped.Add(uint64(len(t.posts)))
		return nil
	}
	keep := s.opts.Keep
	if unknown(found) {
		keep = s.opts.KeepBad
	}
	s.cache.put(t.url, found, s.opts.Clock().Add(keep))
	for _, p := range t.posts {
		for i := range p.links {
			if keyOf(p.links[i]) == t.url && !unknown(found) {
				p.links[i], p.news = found, true
			}
		}
		if p.wait--; p.wait == 0 && p.news {
			ready = append(ready, p)
		}
	}
	return ready
}

func (s *Service) store(ctx context.Context, p *post) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	err := s.opts.Core.SetLinks(ctx, p.id, p.links)
	if err != nil && ctx.Err() == nil && chat.AsError(err).Kind != chat.NotFound {
		s.log.Error("link previews could not be stored", "message", p.id, "error", err)
	}
}

// cache remembers pages, also those that gave nothing. The oldest go when it is full.
type cache struct {
	max   int
	pages map[string]page
	order []string // as they were put
}

type page struct {
	link  chat.Link
	until time.Time
}

func (c *cache) get(address string, now time.Time) (chat.Link, bool) {
	p, ok := c.pages[address]
	return p.link, ok && now.Before(p.until)
}

func (c *cache) put(address string, l chat.Link, until time.Time) {
	if _, there := c.pages[address]; !there {
		if len(c.order) >= c.max {
			delete(c.pages, c.order[0])
			c.order = c.order[1:]
		}
		c.order = append(c.order, address)
	}
	c.pages[address] = page{l, until}
}
