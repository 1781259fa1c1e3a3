// Package native is the server's own dialect: REST and WebSocket under /api (specs: native). It turns requests into calls
// of the core and the core's answers into JSON. It has no rules: what a person may do, and every limit, is the core's.
package native

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"parley/internal/blob"
	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/hub"
	"parley/internal/ops"
	"parley/internal/ws"
)

// Options are what the dialect needs. The zero value of a field means its default.
type Options struct {
	Core    *core.Core
	Hub     *hub.Hub   // nil: no WebSocket
	Sockets *ws.Server // nil: no WebSocket
	Logger  *slog.Logger

	// Incident logs a fault of the server and returns the id that the client is told (ops.Middleware.Incident).
	Incident func(ctx context.Context, err error) string

	BodyBytes int64         // most of a request body, uploads aside; default 1 MiB
	Heartbeat time.Duration // interval of pings on the WebSocket, as clients are told; default 30 s
	Version   string        // of the program
	Dialects  []string      // those that are on, by name
	PublicURL string        // where browsers reach the server; its pages may use the login cookie
	Origins   []string      // other origins whose pages may use the login cookie; "*" adds none
	PushKey   string        // public VAPID key (RFC 8292); empty: push is off

	ICEServers []ICEServer // by which browsers find each other for voice; nil: directly

	// Elsewhere gives an address that a file can be fetched from for a while by whoever has it, without asking us; nil: there is
	// none.
	Elsewhere func(ctx context.Context, hash string, a blob.Access) (string, error)
}

// Dialect speaks the native API.
type Dialect struct {
	Options
	core      *core.Core
	hub       *hub.Hub
	sockets   *ws.Server
	log       *slog.Logger
	ctx       context.Context // of what live connections ask for; it has no deadline
	heartbeat time.Duration
	cross     *http.CrossOriginProtection

	api      huma.API
	mux      *http.ServeMux
	slugs    *http.ServeMux   // rooms by slug, whose path is ambiguous among the others
	document func() *document // once asked for
}

// New makes the dialect. It registers every operation, so it costs some milliseconds.
func New(o Options) *Dialect {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.BodyBytes == 0 {
		o.BodyBytes = 1 << 20
	}
	if o.Heartbeat == 0 {
		o.Heartbeat = 30 * time.Second
	}
	d := &Dialect{
		Options: o, core: o.Core, hub: o.Hub, sockets: o.Sockets, log: o.Logger, ctx: context.Background(), heartbeat: o.Heartbeat,
		cross: http.NewCrossOriginProtection(), mux: http.NewServeMux(), slugs: http.NewServeMux(),
	}
	for _, origin := range append(slices.Clone(o.Origins), o.PublicURL) {
		if err := d.cross.AddTrustedOrigin(origin); err != nil && origin != "" && origin != "*" {
			d.log.Warn("origin is not usable", "origin", origin, "error", err)
		}
	}
	d.document = sync.OnceValue(d.finish)
	d.register()
	return d
}

// Routes mounts the API on the main listener's mux.
func (d *Dialect) Routes(mux *http.ServeMux) {
	mux.Handle("/api", d)
	mux.Handle("/api/", d)
}

// ServeHTTP answers everything under /api; what is not there is a problem document as well.
func (d *Dialect) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store") // answers depend on who asks; files set their own
	mux := d.mux
	if strings.HasPrefix(r.URL.Path, prefix+bySlug) {
		mux = d.slugs
	}
	if path.Clean(r.URL.Path) != r.URL.Path {
		d.writeError(w, r, errNoRoute)
		return
	}
	if _, pattern := mux.Handler(r); pattern != "" {
		mux.ServeHTTP(w, r)
		return
	}
	if allow := allowed(mux, r); allow != "" {
		w.Header().Set("Allow", allow)
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		writeProblem(w, newProblem(http.StatusMethodNotAllowed, "method_not_allowed", "This address is there, but not for "+clip(r.Method, 20)+"."))
		return
	}
	d.writeError(w, r, errNoRoute)
}

const (
	prefix = "/api"
	bySlug = "/rooms/by-slug/"
)

var errNoRoute = chat.Errorf(chat.NotFound, "route_not_found", "There is nothing at this address. GET /api/docs lists what there is.")

// allowed lists the methods that an address has, for Allow (RFC 9110 §15.5.6).
func allowed(mux *http.ServeMux, r *http.Request) string {
	var methods []string
	for _, m := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		probe := r.WithContext(r.Context())
		probe.Method = m
		if _, pattern := mux.Handler(probe); pattern != "" {
			methods = append(methods, m)
		}
	}
	return strings.Join(methods, ", ")
}

// incident logs a fault of ours once and returns the id that the client is told.
func (d *Dialect) incident(ctx context.Context, err error) string {
	if d.Incident != nil {
		return d.Incident(ctx, err)
	}
	id := ops.RequestID(ctx)
	d.log.ErrorContext(ctx, "incident", "incident", id, "error", err)
	return id
}

// gone says whether err only means that the client went away.
func gone(ctx context.Context, err error) bool {
	return ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded))
}
