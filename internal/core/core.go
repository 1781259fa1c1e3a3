// Package core holds the rules: one method per thing a person can do. Every dialect calls the same methods, so what one
// client may not do, none may. Wire formats, SQL and sockets do not belong here.
package core

import (
	"context"
	crand "crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"parley/internal/blob"
	"parley/internal/chat"
	"parley/internal/media"
	"parley/internal/scan"
	"parley/internal/state"
)

// Options are what the rules need from outside, and the operator's choices. Zero choices mean the documented defaults.
type Options struct {
	Store   Store
	State   state.Store
	Blobs   blob.Store
	Scanner scan.Scanner // nil: nothing is scanned (the operator switched it off)
	Waiting Waiting      // what happens to uploads while the scanner is away; pictures of people and rooms never wait
	Clock   chat.Clock
	Random  io.Reader
	Logger  *slog.Logger

	ServerName        string
	ServerDescription string
	Registration      Registration
	RoomInvitesClosed bool              // where registration is by invite, an invite to a room does not let people register
	Fixed             map[string]string // settings of ServerSettings that the operator has set, by name, and where: nobody else changes them
	TokenKey          []byte            // at least 32 bytes; signs session tokens
	SessionTTL        time.Duration
	PasswordMemory    uint32 // KiB that hashing a password takes; 0: 19 MiB. Less is for tests
	TempDir           string // where uploads wait while they are checked
	Shared            bool   // other nodes work on the same store
	Limits            Limits
	// AttachmentTypes are the types of files that can be uploaded unless administrators say otherwise; nil means
	// scan.DefaultTypes, empty none.
	AttachmentTypes []scan.Type
	// PushNetworks are ranges that are not public in which push services may be, too.
	PushNetworks []netip.Prefix
	// CommandRoles are the server roles, by name or id, that may register slash commands besides administrators.
	CommandRoles []string
}

// Waiting says what happens to an upload that the scanner cannot examine now.
type Waiting string

// The ways to do without a scanner for a while.
const (
	WaitingRefused Waiting = "refuse"  // it is not taken
	WaitingPending Waiting = "pending" // it is kept, neither served nor sent, and scanned when the scanner is back
)

// Registration says who may make an account.
type Registration string

// The ways to register.
const (
	RegistrationOpen   Registration = "open"
	RegistrationInvite Registration = "invite"
	RegistrationClosed Registration = "closed"
)

// Limits are the operator's bounds. 0 means the default of Defaults, negative means no limit.
type Limits struct {
	MessagesPer10s        int
	RegisterPerMinute     int // per address
	LoginPerMinute        int // per address, and per name that fails
	UploadsPerMinute      int // per user
	SearchPerMinute       int // per user
	RequestsPerMinute     int // per user, everything else
	WebhookPerMinute      int // per webhook
	AttachmentBytes       int64
	AttachmentsPerMessage int
	ConnectionsPerUser    int
	EditWindow            time.Duration
	InviteTTL             time.Duration
	NotificationTTL       time.Duration
	UnusedUploadTTL       time.Duration
}

// DefaultLimits are what an operator gets who sets nothing.
var DefaultLimits = Limits{
	MessagesPer10s: 10, RegisterPerMinute: 10, LoginPerMinute: 20, UploadsPerMinute: 30, SearchPerMinute: 60, RequestsPerMinute: 1200, WebhookPerMinute: 120,
	AttachmentBytes: 10 << 20, AttachmentsPerMessage: 10, ConnectionsPerUser: 50,
	EditWindow: 15 * time.Minute, InviteTTL: 7 * 24 * time.Hour, NotificationTTL: 30 * 24 * time.Hour, UnusedUploadTTL: 24 * time.Hour,
}

// Core is the rules over one store. Its methods are safe for concurrent use.
type Core struct {
	Options
	log      *slog.Logger
	users    *userCache
	seats    *seatCache
	sessions *sessionCache
	tokens   tokenCache
	// recent keeps the newest messages of active rooms.
	recent   *recentCache
	presence *presence
	files    files
	voice    *leases[participant]  // by person
	commands *leases[registration] // by the person who registered them
	inner    innerCommands         // those that this process answers
	doubt    chan struct{}         // it is to be looked whether leases may still be had

	sinksMu sync.RWMutex
	sinks   []func([]chat.Event) // hear everything
	own     []func([]chat.Event) // hear what happened on this node
	rights  roleTable
	server  serverCache
	plugins pluginHost
	visits  visits // who was here and which sessions were used since the last flush

	official  directoryCache
	standings standingCache
	everybody peopleCache

	counted   sync.Mutex // guards counts and countedAt
	counts    Counts
	countedAt time.Time

	hashing chan struct{} // bounds parallel password hashing
	argon   argonParams
	randMu  sync.Mutex
	run     context.Context // ends when the core is to stop; nil before Start
	stop    context.CancelFunc
	done    sync.WaitGroup
}

// New wires the rules. Call Start before anything else.
func New(o Options) *Core {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Random == nil {
		o.Random = crand.Reader
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Waiting == "" {
		o.Waiting = WaitingRefused
	}
	if o.Registration == "" {
		o.Registration = RegistrationOpen
	}
	if o.SessionTTL == 0 {
		o.SessionTTL = 24 * time.Hour
	}
	if o.AttachmentTypes == nil {
		o.AttachmentTypes = scan.DefaultTypes()
	}
	o.Limits = o.Limits.withDefaults()
	c := &Core{Options: o, log: o.Logger, hashing: make(chan struct{}, 2), argon: defaultArgon}
	if o.PasswordMemory != 0 {
		c.argon = argonParams{time: 1, memory: o.PasswordMemory, threads: 1}
	}
	c.users = newUserCache(c)
	c.seats = newSeatCache()
	c.sessions = newSessionCache()
	c.recent = newRecentCache(c)
	c.presence = newPresence()
	c.voice, c.commands, c.doubt = newLeases[participant](c, "voice"), newLeases[registration](c, "commands"), make(chan struct{}, 1)
	c.inner.init(c)
	c.files.renderer, c.files.emoji = media.NewRenderer(media.Options{}), newEmojiRenderer()
	o.Store.OnCommit(c.committed)
	return c
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits
	for _, f := range []struct{ have, def *int }{
		{&l.MessagesPer10s, &d.MessagesPer10s}, {&l.RegisterPerMinute, &d.RegisterPerMinute}, {&l.LoginPerMinute, &d.LoginPerMinute},
		{&l.UploadsPerMinute, &d.UploadsPerMinute}, {&l.SearchPerMinute, &d.SearchPerMinute}, {&l.RequestsPerMinute, &d.RequestsPerMinute},
		{&l.WebhookPerMinute, &d.WebhookPerMinute},
		{&l.AttachmentsPerMessage, &d.AttachmentsPerMessage}, {&l.ConnectionsPerUser, &d.ConnectionsPerUser},
	} {
		if *f.have == 0 {
			*f.have = *f.def
		}
	}
	for _, f := range []struct{ have, def *time.Duration }{
		{&l.EditWindow, &d.EditWindow}, {&l.InviteTTL, &d.InviteTTL}, {&l.NotificationTTL, &d.NotificationTTL}, {&l.UnusedUploadTTL, &d.UnusedUploadTTL},
	} {
		if *f.have == 0 {
			*f.have = *f.def
		}
	}
	if l.AttachmentBytes == 0 {
		l.AttachmentBytes = d.AttachmentBytes
	}
	return l
}

// Start begins the server's own chores: expiry, garbage collection of unused uploads, volatile presence. The store and the
// other ports have been started before. Fails without a usable TokenKey.
func (c *Core) Start(ctx context.Context) error {
	if len(c.TokenKey) < minTokenKey {
		return fmt.Errorf("the key of session tokens has %d bytes; it needs at least %d", len(c.TokenKey), minTokenKey)
	}
	if err := c.loadRoles(ctx); err != nil {
		return err
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	c.run, c.stop = run, stop
	c.done.Go(func() { c.chores(run) })
	c.done.Go(func() { c.tendLeases(run) })
	if c.Shared {
		c.done.Go(func() { c.tellPresence(run) })
	}
	if c.Scanner != nil {
		c.done.Go(func() { c.rescans(run) })
	}
	return nil
}

// Stop ends the chores and waits for them. Safe to call twice.
func (c *Core) Stop(context.Context) error {
	if c.stop != nil {
		c.stop()
	}
	c.done.Wait()
	c.files.background.Wait()
	return nil
}

// ending waits, and reports whether the core is to stop meanwhile.
func (c *Core) ending(after time.Duration) bool {
	select {
	case <-c.run.Done():
		return true
	case <-time.After(after):
		return false
	}
}

// Subscribe adds a receiver of events, those of other nodes included (see Remote). It gets everything that was committed
// here, in commit order, and volatile events as they happen; it is called on the committer's goroutine and must neither block
// nor call the core's writing methods.
func (c *Core) Subscribe(sink func([]chat.Event)) {
	c.sinksMu.Lock()
	defer c.sinksMu.Unlock()
	c.sinks = append(c.sinks, sink)
}

// SubscribeLocal is Subscribe for what must be done once in a cluster: the receiver gets only the events of this node.
func (c *Core) SubscribeLocal(sink func([]chat.Event)) {
	c.sinksMu.Lock()
	defer c.sinksMu.Unlock()
	c.own = append(c.own, sink)
}

// committed is the store's hook: caches first, so that whoever hears of an event already reads what it says.
func (c *Core) committed(events []chat.Event) {
	for _, ev := range events {
		c.invalidate(ev)
		c.recent.apply(ev)
		if th := threadIn(ev); th != nil && th.People == nil { // brought back by a message, whose sender has just looked at it
			th.People = threadPeople(th, c.users.cached)
		}
	}
	c.emit(events)
}

// invalidate drops from the caches what an event made untrue.
func (c *Core) invalidate(ev chat.Event) {
	c.users.apply(ev)
	c.rights.apply(ev)
	c.official.apply(ev)
	c.standings.apply(ev)
	c.everybody.apply(ev)
	c.seats.apply(ev) // after what seats are made of
	c.sessions.apply(ev)
	c.server.apply(ev)
	c.entitle(ev)
}

// emit hands events of this node to the receivers: committed ones from the hook, volatile ones directly.
func (c *Core) emit(events []chat.Event) {
	c.sinksMu.RLock()
	own := c.own
	c.sinksMu.RUnlock()
	for _, sink := range own {
		sink(events)
	}
	c.deliver(events)
}

// deliver hands events to those who hear everything.
func (c *Core) deliver(events []chat.Event) {
	c.sinksMu.RLock()
	sinks := c.sinks
	c.sinksMu.RUnlock()
	for _, sink := range sinks {
		sink(events)
	}
}

// change runs fn in a transaction; the events it returns are published after the commit, so nobody hears of something that
// may still roll back.
func (c *Core) change(ctx context.Context, fn func(tx Tx) ([]chat.Event, error)) error {
	return c.Store.Change(ctx, func(tx Tx) ([]chat.Event, error) {
		events, err := fn(tx)
		if err != nil {
			return nil, err
		}
		mark(ctx, events)
		return events, c.fill(ctx, events)
	})
}

// now is the server's time in UTC.
func (c *Core) now() time.Time { return c.Clock().UTC() }

// random fills b; the source may be a test's own and not safe for concurrent use.
func (c *Core) random(b []byte) {
	c.randMu.Lock()
	defer c.randMu.Unlock()
	if _, err := io.ReadFull(c.Random, b); err != nil {
		panic("the system's randomness failed: " + err.Error()) // nothing that needs a secret can go on
	}
}
