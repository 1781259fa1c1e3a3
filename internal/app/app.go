// Package app wires the parts of the server and starts and stops them. It is the one place that knows which engine stands
// behind each port and which listener carries which dialect; the program and its tests both use it.
//
// Rules (package core), wire formats (package dialect) and the operator's commands (package main) do not belong here.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"parley/internal/app/control"
	"parley/internal/blob"
	"parley/internal/bus"
	"parley/internal/config"
	"parley/internal/core"
	"parley/internal/dialect/origin"
	"parley/internal/hub"
	"parley/internal/notify"
	"parley/internal/ops"
	"parley/internal/ops/datalock"
	"parley/internal/ops/secret"
	"parley/internal/plugin"
	"parley/internal/relay"
	"parley/internal/scan"
	"parley/internal/scan/clamd"
	"parley/internal/state"
	"parley/internal/store/sqlstore"
	"parley/internal/ws"
)

// Options are what the server needs beside its settings. The zero value of a field means its default.
type Options struct {
	Product string       // what pages and hints call the program
	Version string       // reported by metrics and the API
	Log     *slog.Logger // default: nothing is logged

	// Notice is where the readable block goes that Start prints; nil: it is logged instead.
	Notice io.Writer

	// SecretPrefix and LookupEnv give secrets through the environment, see secret.Store.
	SecretPrefix string
	LookupEnv    func(variable string) (string, bool)

	// PluginHost is the program, with its first arguments, that runs sandbox.Serve; nil: plugins do not run.
	PluginHost []string

	// Commands runs the operator's commands that arrive at the control socket; nil: there is no control socket.
	Commands control.Runner
}

// App is one server.
type App struct {
	cfg     config.Config
	opts    Options
	log     *slog.Logger
	metrics *ops.Metrics
	health  *ops.Health
	ready   atomic.Bool // everything has started

	// What wire made, in the order it is started in.
	secrets *secrets
	state   state.Store
	bus     bus.Bus // nil: this node is alone
	blobs   Storage
	clamd   *clamd.Scanner // nil: not asked
	store   *sqlstore.Store
	core    *core.Core
	sockets *ws.Server
	hub     *hub.Hub
	relay   *relay.Relay    // nil: this node is alone
	push    *notify.Service // nil: off
	origin  *origin.Dialect // nil: off
	plugins *plugin.Service // nil: off
	tls     publicTLS
	// background are services that hear of events and hold nobody up.
	background []part
	main       *listener
	others     []*listener

	mu      sync.Mutex // guards what follows
	lock    *datalock.Lock
	started []part // in order
	setup   string // token of the link that makes the first owner; "" once there is one
}

// Storage is where uploads are kept.
type Storage interface {
	blob.Store
	part
}

// part is something that runs. Start returns when it is ready, Stop when nothing of it is running.
type part interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
}

// New makes a server of the settings. It touches nothing outside the process.
func New(cfg config.Config, o Options) (*App, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &App{cfg: cfg, opts: o, log: o.Log, metrics: ops.NewMetrics(o.Version), health: &ops.Health{}}, nil
}

// Start brings the whole server up: when it returns, listeners are bound and the server is ready. It fails with a
// *datalock.HeldError when another process works on the data directory. What had started is stopped again on failure.
func (a *App) Start(ctx context.Context) error {
	began := time.Now()
	err := a.startParts(ctx, a.serverParts)
	if err == nil {
		err = a.firstStart(ctx)
	}
	if err == nil {
		a.setup, err = a.core.SetupToken(ctx)
	}
	if err == nil {
		took := time.Since(began)
		a.askScanner(ctx)
		a.ready.Store(true)
		err = a.announce(took)
	}
	if err != nil {
		return errors.Join(err, a.Stop(context.WithoutCancel(ctx)))
	}
	return nil
}

// StartOffline brings up what commands need, the core and everything below it, without listeners: for the operator's
// commands while no server runs. It takes the data directory's lock like Start.
func (a *App) StartOffline(ctx context.Context) error {
	err := a.startParts(ctx, a.coreParts)
	if err == nil {
		err = a.firstStart(ctx)
	}
	if err != nil {
		return errors.Join(err, a.Stop(context.WithoutCancel(ctx)))
	}
	return nil
}

func (a *App) startParts(ctx context.Context, parts func() []part) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.lock != nil {
		return errors.New("the server is running already")
	}
	if err := os.MkdirAll(a.cfg.Data, 0o700); err != nil {
		return fmt.Errorf("data directory: %w: choose another with --data, or make it writable", err)
	}
	var err error
	if a.lock, err = datalock.Acquire(a.cfg.Data); err != nil {
		return err
	}
	if err := a.wire(); err != nil {
		return err
	}
	for _, p := range parts() {
		if err := p.Start(ctx); err != nil {
			return err
		}
		a.started = append(a.started, p)
	}
	return nil
}

// Stop lets the server go gracefully: it reports itself unready, takes no more connections, finishes requests and commits,
// tells WebSocket clients to come back (1001), and stops the parts last-first. Past ctx it cuts what is left. Safe to call
// twice.
func (a *App) Stop(ctx context.Context) error {
	a.health.Drain()
	a.mu.Lock()
	defer a.mu.Unlock()
	var errs []error
	for _, p := range slices.Backward(a.started) {
		if p == part(a.core) { // from here on it is about commits, which may not be cut
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), max(commitGrace, remaining(ctx)))
			defer cancel()
		}
		if err := p.Stop(ctx); err != nil {
			errs = append(errs, err)
		}
	}
	a.started = nil
	if a.lock != nil {
		errs = append(errs, a.lock.Release())
		a.lock = nil
	}
	return errors.Join(errs...)
}

// commitGrace is the least that commits under way get to finish, however little is left of a shutdown.
const commitGrace = 3 * time.Second

// remaining is how much time a context has left; 0 if it has no end.
func remaining(ctx context.Context) time.Duration {
	if end, ok := ctx.Deadline(); ok {
		return time.Until(end)
	}
	return 0
}

// Core is the rules; there once the app has started.
func (a *App) Core() *core.Core { return a.core }

// Store is the database; there once the app has started.
func (a *App) Store() core.Store { return a.store }

// Blobs is the storage of files; there once the app has started.
func (a *App) Blobs() blob.Store { return a.blobs }

// Config is the settings the app was made with.
func (a *App) Config() config.Config { return a.cfg }

// Address is where the main listener is bound; nil before Start.
func (a *App) Address() net.Addr { return a.main.addr() }

// OperatorAddress is where the operator's listener is bound; nil if it is off.
func (a *App) OperatorAddress() net.Addr { return a.addressOf(operatorListener) }

// addressOf is where a listener other than the main one is bound; nil if it is not there.
func (a *App) addressOf(name string) net.Addr {
	for _, l := range a.others {
		if l.name == name {
			return l.addr()
		}
	}
	return nil
}

// BaseURL is the address people reach the server at.
func (a *App) BaseURL() string { return a.cfg.BaseURL(a.Address().String()) }

// SetupURL is the one-time link that makes the first owner; "" once there is one.
func (a *App) SetupURL() string {
	if a.setup == "" {
		return ""
	}
	return a.BaseURL() + "/setup#" + a.setup // after the #, so that no proxy logs it
}

// wire makes the parts; a.mu and the data directory's lock are held.
func (a *App) wire() error {
	layout := LayoutOf(a.cfg)
	if err := layout.clean(); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	a.secrets = &secrets{Store: secret.Store{Dir: layout.Secrets, EnvPrefix: a.opts.SecretPrefix, Lookup: a.opts.LookupEnv}}
	tokenKey, err := a.secrets.Key("token_key")
	if err != nil {
		return err
	}
	if a.tls, err = a.publicCertificate(layout); err != nil {
		return err
	}
	scanner, err := a.scanner(layout)
	if err != nil {
		return err
	}
	if err := a.engines(); err != nil {
		return err
	}
	if a.blobs, err = OpenStorage(a.cfg, a.log); err != nil {
		return err
	}
	a.store = sqlstore.New(sqlstore.Options{
		Path: layout.Database, URL: a.cfg.DatabaseURL, Synchronous: string(a.cfg.Database.Synchronous), Logger: a.log, ObserveCommit: a.metrics.Committed,
	})
	types, err := scan.ParseTypes(a.cfg.Limits.AttachmentTypes)
	if err != nil {
		return fmt.Errorf("limits.attachment_types: %w", err)
	}
	a.core = core.New(core.Options{
		Store: a.store, State: a.state, Blobs: a.blobs, Scanner: scanner, Waiting: core.Waiting(a.cfg.Scan.Unreachable), Logger: a.log,
		ServerName: a.cfg.Server.Name, ServerDescription: a.cfg.Server.Description,
		Registration: core.Registration(a.cfg.Registration), RoomInvitesClosed: !a.cfg.RoomInvites, Fixed: fixed(a.cfg), TokenKey: tokenKey, SessionTTL: a.cfg.SessionTTL,
		CommandRoles: a.cfg.Slash.RegisterRoles, TempDir: layout.Temp, Limits: limits(a.cfg.Limits), AttachmentTypes: types, PushNetworks: a.cfg.Push.PrivateNetworks, Shared: a.bus != nil,
	})
	a.sockets = ws.New(ws.Options{
		MaxMessage: int(a.cfg.Limits.BodyBytes), QueueFrames: a.cfg.Limits.WSQueueFrames, QueueBytes: int(a.cfg.Limits.WSQueueBytes),
		Ping: a.cfg.Heartbeat, CloseTimeout: max(min(5*time.Second, a.cfg.DrainTimeout/2), time.Millisecond), Logger: a.log,
	})
	o := hub.Options{Logger: a.log}
	if a.bus != nil {
		o.GapPatience = gapPatience
	}
	a.hub = hub.New(a.core, a.sockets, o)
	a.origin = a.originChats()
	a.wirePlugins()
	return a.wireBackground()
}

// gapPatience is how long an event of a room waits for those of other nodes that it overtook: many times as long as the bus
// takes, so that a machine that is busy does not read from the database what is on its way.
const gapPatience = 250 * time.Millisecond

// wireRelay ties this node to the others; h is nil in a process that serves nobody.
func (a *App) wireRelay(h relay.Hub) []part {
	a.relay = nil
	if a.bus == nil {
		return nil
	}
	a.relay = relay.New(relay.Options{Bus: a.bus, State: a.state, Core: a.core, Hub: h, Logger: a.log})
	return []part{a.relay}
}

// engineParts are the engines and the rules, in the order they are started in.
func (a *App) engineParts() []part {
	parts := []part{a.state, a.blobs, a.store}
	if a.bus != nil {
		parts = append(parts, sameSecrets{a})
	}
	return append(parts, a.core)
}

// coreParts are what commands need while no server runs. Other nodes may run: they hear of what is done.
func (a *App) coreParts() []part {
	parts := append(a.engineParts(), a.wireRelay(nil)...)
	if a.plugins != nil {
		parts = append(parts, listedPlugins{a.plugins})
	}
	return parts
}

// scanner is what examines uploads; nil when the operator switched it off.
func (a *App) scanner(l Layout) (scan.Scanner, error) {
	a.clamd = nil
	if a.cfg.Scan.Mode == config.ScanOff {
		return nil, nil
	}
	var known *scan.HashList
	if file := a.cfg.Scan.KnownBadFile; file != "" {
		var err error
		if known, err = scan.LoadHashList(file); err != nil {
			return nil, fmt.Errorf("scan.known_bad_file: %w", err)
		}
	}
	builtin := scan.NewBuiltin(scan.Options{Known: known, TempDir: l.Temp})
	if a.cfg.Scan.Mode != config.ScanClamd {
		return builtin, nil
	}
	var err error
	if a.clamd, err = clamd.New(clamd.Options{Address: a.cfg.Scan.ClamdAddress}); err != nil {
		return nil, fmt.Errorf("scan.clamd_address: %w", err)
	}
	return scan.Chain(builtin, a.clamd), nil
}

// fixed names the settings that administrators could change, had the operator not set them.
func fixed(cfg config.Config) map[string]string {
	out := make(map[string]string)
	for setting, key := range map[string]string{
		core.SettingName: "server.name", core.SettingDescription: "server.description", core.SettingRegistration: "registration",
		core.SettingRoomInvites: "registration_by_room_invite", core.SettingAttachmentTypes: "limits.attachment_types",
	} {
		if origin := cfg.Origin(key); origin != config.OriginDefault {
			out[setting] = string(origin)
		}
	}
	return out
}

// limits translates the operator's bounds. There 0 is no limit, for the core it is the default and less is no limit.
func limits(l config.Limits) core.Limits {
	rate := func(n int) int {
		if n == 0 {
			return -1
		}
		return n
	}
	window := l.EditWindow
	if window == 0 {
		window = time.Nanosecond // 0 means that nothing may be edited
	}
	const day = 24 * time.Hour
	return core.Limits{
		MessagesPer10s: rate(l.MessagesPer10s), RegisterPerMinute: rate(l.RegisterPerMinute), LoginPerMinute: rate(l.LoginPerMinute),
		UploadsPerMinute: rate(l.UploadsPerMinute), SearchPerMinute: rate(l.SearchPerMinute), RequestsPerMinute: rate(l.RequestsPerMinute), WebhookPerMinute: rate(l.WebhookPerMinute),
		AttachmentBytes: l.AttachmentBytes, AttachmentsPerMessage: rate(l.AttachmentsPerMessage), ConnectionsPerUser: rate(l.ConnectionsPerUser),
		EditWindow: window, InviteTTL: time.Duration(l.InviteDays) * day, NotificationTTL: time.Duration(l.NotificationDays) * day,
		UnusedUploadTTL: time.Duration(l.UploadUnusedHours) * time.Hour,
	}
}
