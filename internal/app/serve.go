package app

import (
	"context"
	"net/http"
	"path"
	"strings"
	"time"

	"parley/internal/app/control"
	"parley/internal/blob"
	"parley/internal/config"
	"parley/internal/dialect/native"
	"parley/internal/dialect/origin"
	"parley/internal/ops"
	"parley/internal/rotur"
)

// operatorListener is the listener that is no dialect's.
const operatorListener = "operator_listen"

// serverParts are all parts of a server, in the order they are started in. The operator's listener comes first, so that it
// is there to say why the server is not ready yet, or not any more; the control socket comes last.
func (a *App) serverParts() []part {
	tie := a.wireRelay(a.hub)
	a.observe()
	a.route()
	var parts []part
	for _, l := range a.others {
		if l.name == operatorListener {
			parts = append(parts, l)
		}
	}
	parts = append(parts, a.engineParts()...)
	parts = append(parts, a.background...)
	if a.plugins != nil {
		parts = append(parts, a.plugins)
	}
	parts = append(parts, a.hub)
	if a.origin != nil {
		parts = append(parts, a.origin)
	}
	parts = append(parts, tie...) // stops after everybody has gone, so that the other nodes hear of it
	parts = append(parts, a.sockets)
	for _, l := range a.others {
		if l.name != operatorListener {
			parts = append(parts, l)
		}
	}
	parts = append(parts, a.main)
	if a.opts.Commands != nil {
		parts = append(parts, control.NewServer(LayoutOf(a.cfg).Control, a.opts.Commands, a.log))
	}
	return parts
}

// route makes the listeners with what is served on each.
func (a *App) route() {
	mux := http.NewServeMux()
	a.servePages(mux)
	guarded := ops.GuardedHandler(a.health, a.metrics, a.cfg.OperatorToken)
	for _, path := range ops.OperatorPaths {
		mux.Handle(path, guarded)
	}
	var main http.Handler = unredirected(mux)
	if a.origin != nil && a.cfg.OriginListen == "" {
		main = a.origin.Upgrades(main)
	}
	a.main = a.public("listen", a.cfg.Listen, main)
	a.others = nil
	if a.cfg.OperatorListen != "" {
		a.others = append(a.others, &listener{name: operatorListener, address: a.cfg.OperatorListen, handler: ops.OperatorHandler(a.health, a.metrics), log: a.log})
	}
	if a.cfg.Dialects.Native {
		a.mount("native_listen", a.cfg.NativeListen, mux, a.native())
	}
	if a.origin != nil {
		a.mount("origin_listen", a.cfg.OriginListen, mux, a.origin)
	}
}

// unredirected gives unclean paths below /api, such as /api//rooms, to the API, which knows nothing there: the mux would send
// clients elsewhere, and not all of them repeat a request with its body and its login.
func unredirected(mux *http.ServeMux) http.Handler {
	const api = "/api/"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p := r.URL.Path; strings.HasPrefix(p, api) && path.Clean(p) != strings.TrimSuffix(p, "/") {
			probe := r.Clone(r.Context())
			probe.URL.Path = api
			handler, _ := mux.Handler(probe)
			handler.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// dialect is a wire protocol that adds its paths to a listener.
type dialect interface{ Routes(mux *http.ServeMux) }

// mount gives a dialect its paths on the main listener, or a listener of its own where one is configured.
func (a *App) mount(name, own string, main *http.ServeMux, d dialect) {
	if own == "" {
		d.Routes(main)
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", nothingHere)
	d.Routes(mux)
	handler := unredirected(mux)
	if u, ok := d.(interface {
		Upgrades(next http.Handler) http.Handler
	}); ok {
		handler = u.Upgrades(handler)
	}
	a.others = append(a.others, a.public(name, own, handler))
}

// native is the server's own dialect.
func (a *App) native() dialect {
	pushKey := ""
	if a.push != nil {
		pushKey = a.push.PublicKey()
	}
	return native.New(native.Options{
		Core: a.core, Hub: a.hub, Sockets: a.sockets, Logger: a.log, Incident: a.middleware().Incident,
		BodyBytes: a.cfg.Limits.BodyBytes, Heartbeat: a.cfg.Heartbeat, Version: a.opts.Version,
		Dialects: []string{"native"}, PublicURL: a.cfg.BaseURL(""), Origins: a.cfg.CORS.Origins, PushKey: pushKey,
		Elsewhere: a.elsewhere(), ICEServers: iceServers(a.cfg.Voice),
	})
}

// originChats is the dialect of OriginChats clients; nil where it is off.
func (a *App) originChats() *origin.Dialect {
	if !a.cfg.Dialects.Origin {
		return nil
	}
	orNone := func(n int) int { // there 0 is the default
		if n == 0 {
			return -1
		}
		return n
	}
	set := a.cfg.OriginChats
	accounts, err := rotur.New(rotur.Options{ValidateURL: set.ValidateURL, ProfileURL: set.ProfileURL})
	if err != nil { // the settings were checked before
		a.log.Error("nobody can log in by the Rotur service", "error", err)
	}
	return origin.New(origin.Options{
		MessagesPerMinute: orNone(a.cfg.OriginChats.MessagesPerMinute), Cooldown: time.Duration(orNone(a.cfg.OriginChats.CooldownSeconds)) * time.Second,
		Core: a.core, Hub: a.hub, Sockets: a.sockets, Logger: a.log, Incident: a.middleware().Incident,
		PublicURL: a.cfg.BaseURL(""), AuthMode: origin.AuthMode(set.AuthMode), Rotur: accounts, ValidateKey: set.ValidateKey, Owners: set.Owners,
	})
}

// iceServers puts the operator's addresses into the form that browsers take.
func iceServers(v config.Voice) (list []native.ICEServer) {
	for _, address := range v.ICEServers {
		s := native.ICEServer{URLs: []string{address}}
		if strings.HasPrefix(address, "turn") {
			s.Username, s.Credential = v.TURNUsername, v.TURNPassword
		}
		list = append(list, s)
	}
	return list
}

// elsewhere is the storage's way to give files away by itself; nil when it has none, or the operator does not want it used.
func (a *App) elsewhere() func(ctx context.Context, hash string, how blob.Access) (string, error) {
	if p, ok := a.blobs.(blob.Presigner); ok && a.cfg.BlobsPresign {
		return p.Presign
	}
	return nil
}

// middleware is around everything that a public listener serves.
func (a *App) middleware() ops.Middleware {
	return ops.Middleware{
		Log: a.log, Metrics: a.metrics, Trusted: a.cfg.TrustedProxies,
		HSTS: a.cfg.TLS.Mode == config.TLSFiles || a.cfg.TLS.Mode == config.TLSACME,
	}
}

// public is a listener for people's clients.
func (a *App) public(name, address string, handler http.Handler) *listener {
	handler = a.middleware().Wrap(cors(a.cfg.CORS.Origins, patience(handler)))
	return &listener{name: name, address: address, handler: handler, tls: a.tls.config, log: a.log}
}

// A request body may come as slowly as slowestBody, after a grace for every line; one of unknown length has the longest time.
const (
	bodyGrace   = 30 * time.Second
	slowestBody = 8 << 10 // bytes a second
	longestBody = time.Hour
)

// patience bounds how long a request body may take, so that nobody holds a connection by sending it a byte at a time.
func patience(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			wait := longestBody
			if r.ContentLength > 0 {
				wait = min(wait, bodyGrace+time.Duration(r.ContentLength/slowestBody)*time.Second)
			}
			// Only a connection that is no socket cannot do this, and then there is nothing to protect.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(wait))
		}
		next.ServeHTTP(w, r)
	})
}
