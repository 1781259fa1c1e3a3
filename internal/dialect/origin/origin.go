// Package origin speaks OriginChats (specs: originchats, originchats-commands, originchats-client-behaviour): packets of JSON
// over a WebSocket at "/", and a few HTTP routes. It translates: a packet becomes a call of the core, an event of the core a
// packet. It has no rules, permissions or limits of its own.
//
// One noun is one file, as everywhere. A noun's commands stand in a table that commands.go gathers; a handler reads its fields
// with the request's getters, calls the core, and returns the reply, nil when the event that it caused is the answer, or an
// error. Texts of refusals are the protocol's; failure.go turns errors of the core into them. How events look is in encode.go
// and the files of their nouns. Transcripts in testdata are the documentation of every command.
package origin

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"parley/internal/core"
	"parley/internal/hub"
	"parley/internal/ops"
	"parley/internal/rotur"
	"parley/internal/ws"
)

// Options are what the dialect needs. The zero value of a field means its default.
type Options struct {
	Core    *core.Core
	Hub     *hub.Hub
	Sockets *ws.Server
	Logger  *slog.Logger

	// Incident logs a fault of the server and returns the id that the log knows it by (ops.Middleware.Incident).
	Incident func(ctx context.Context, err error) string

	PublicURL string   // where clients reach the server; empty: what a request was sent to
	AuthMode  AuthMode // default: AuthBoth
	// PostContent is how many characters a message has at most; default 2,000, at most what the core takes.
	PostContent int

	PushKey string // the server's VAPID key; empty: no push. Set before Start

	MessagesPerMinute int           // of one person; default 60, negative: no limit
	Cooldown          time.Duration // after a burst; default 30 s, negative: none
	Rotur             *rotur.Client // the account service; nil: nobody logs in by it
	ValidateKey       string        // what all validator keys end in, in place of one for each connection
	Owners            []string      // names and ids, as clients see them, of those who become owners when they log in
}

// AuthMode says how people log in.
type AuthMode string

// The modes of logging in (specs: originchats §2.1 auth_mode).
const (
	AuthRotur AuthMode = "rotur"        // by the Rotur service alone
	AuthBoth  AuthMode = "cracked"      // by the service, or with an account of this server
	AuthLocal AuthMode = "cracked-only" // with an account of this server alone
)

// Dialect speaks OriginChats.
type Dialect struct {
	Options
	core *core.Core
	hub  *hub.Hub
	log  *slog.Logger
	ids  ids

	run  context.Context // of what connections ask for; ends with Stop
	stop context.CancelFunc
	done sync.WaitGroup

	beats  wheel // pings of every connection
	people people
	lists  pusher // channel lists that are to be sent anew
	marks  atomic.Uint64
	named  subjects
	facts  roomFacts
	emoji  emojiTable

	keyKey []byte // seals validator keys
	devKey []byte // of fingerprints of devices
}

// New makes the dialect.
func New(o Options) *Dialect {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.PostContent <= 0 || o.PostContent > core.MaxContent {
		o.PostContent = 2000
	}
	if o.AuthMode == "" {
		o.AuthMode = AuthBoth
	}
	if o.MessagesPerMinute == 0 {
		o.MessagesPerMinute = 60
	}
	if o.Cooldown == 0 {
		o.Cooldown = 30 * time.Second
	}
	d := &Dialect{Options: o, core: o.Core, hub: o.Hub, log: o.Logger}
	d.run, d.stop = context.WithCancel(context.Background())
	d.beats.init()
	d.lists.init(d)
	d.people.init(d)
	o.Core.Subscribe(d.lists.hear)
	o.Core.Subscribe(d.people.hear)
	return d
}

// Start begins pinging and pushing lists. The store has been started before.
func (d *Dialect) Start(ctx context.Context) error {
	key, err := d.core.KeptKey(ctx, "origin.ids")
	if err != nil {
		return fmt.Errorf("ids of messages: %w", err)
	}
	d.ids = newIDs(key)
	if d.keyKey, err = d.core.KeptKey(ctx, "origin.keys"); err != nil {
		return fmt.Errorf("validator keys: %w", err)
	}
	if d.devKey, err = d.core.KeptKey(ctx, "origin.devices"); err != nil {
		return fmt.Errorf("fingerprints of devices: %w", err)
	}
	d.done.Go(func() { d.beats.run(d.run, d.Sockets) })
	d.done.Go(func() { d.lists.run(d.run) })
	d.done.Go(func() { d.people.run(d.run) })
	return nil
}

// Stop ends that. Safe to call twice; connections are the WebSocket server's to close.
func (d *Dialect) Stop(context.Context) error {
	d.stop()
	d.done.Wait()
	return nil
}

// Routes mounts the protocol on a listener's mux: its HTTP routes, and WebSocket upgrades of exactly "/". Other requests for "/"
// are another handler's, see Upgrades.
func (d *Dialect) Routes(mux *http.ServeMux) {
	for pattern, handle := range d.routes() {
		mux.HandleFunc(pattern, handle)
	}
}

// Upgrades answers WebSocket handshakes for "/" and hands everything else to next, which has the page there.
func (d *Dialect) Upgrades(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" && r.Method == http.MethodGet && strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
			d.serveWS(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// incident logs a fault of ours.
func (d *Dialect) incident(ctx context.Context, err error) {
	if d.Incident != nil {
		d.Incident(ctx, err)
		return
	}
	d.log.ErrorContext(ctx, "incident", "incident", ops.RequestID(ctx), "error", err)
}
