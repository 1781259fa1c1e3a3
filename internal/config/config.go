// Package config is what an operator can set: one struct, filled from the
// defaults in code, a TOML file, the environment and command-line flags, in that
// order. Every key, its default, its check and its documentation stand in one
// table (settings.go).
//
// It knows no other package of the server. Opening what a setting names (a
// database, a certificate) belongs to the package that owns the thing; rules of
// the domain that nobody may change are not settings and do not belong here.
package config

import (
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"time"
)

// Registration says who may create an account.
type Registration string

// The ways to let people register.
const (
	RegistrationOpen   Registration = "open"   // anyone
	RegistrationInvite Registration = "invite" // whoever has an invite code
	RegistrationClosed Registration = "closed" // nobody; the operator creates accounts
)

// TLSMode says where the certificate of the public listeners comes from.
type TLSMode string

// The sources of a certificate.
const (
	TLSOff        TLSMode = "off"         // plain HTTP, or a proxy ends TLS
	TLSSelfSigned TLSMode = "self_signed" // made by the server and kept in the data directory
	TLSFiles      TLSMode = "files"       // tls.cert and tls.key, reloaded when they change
	TLSACME       TLSMode = "acme"        // fetched from Let's Encrypt for tls.hosts
)

// ScanMode says how uploads are examined before they are stored.
type ScanMode string

// The ways to examine an upload.
const (
	ScanBuiltin ScanMode = "builtin"
	ScanClamd   ScanMode = "clamd" // built in, and then by a ClamAV daemon
	ScanOff     ScanMode = "off"
)

// ScanUnreachable says what happens to an upload while the ClamAV daemon is away.
type ScanUnreachable string

// The ways to do without the daemon for a while.
const (
	UnreachableRefuse  ScanUnreachable = "refuse"
	UnreachablePending ScanUnreachable = "pending" // kept, neither served nor sent before it has been scanned
)

// Synchronous says what an acknowledged write has survived.
type Synchronous string

// The grades of durability.
const (
	SynchronousFull   Synchronous = "full"   // on the disk: a power cut loses nothing acknowledged
	SynchronousNormal Synchronous = "normal" // with the operating system: a power cut may lose the last moments
)

// Config holds every setting after merging. The zero value is not usable; start
// from Default or Load. Load promises that values are within the ranges the
// reference states and fit together.
type Config struct {
	Listen         string // host:port of the main listener
	SessionListen  string // host:port of the Session dialect; its paths collide with the others
	NativeListen   string // host:port of its own for the dialect; "" = the main listener
	OriginListen   string // as NativeListen
	PortalListen   string // as NativeListen
	OperatorListen string // health, metrics and profiling; "" = off
	OperatorToken  string // secret: bearer token for health and metrics on the main listener; "" = not there

	Data             string // directory of everything the server keeps on this machine
	PublicURL        string // without trailing slash; "" = derived, see BaseURL
	SessionPublicURL string // as PublicURL, for the Session listener, see SessionBaseURL

	DatabaseURL string // secret parts; "" = embedded SQLite in Data
	RedisURL    string // secret parts; "" = everything in this process
	// AdoptSecrets makes this node's secrets the ones that all nodes of the database must have.
	AdoptSecrets bool
	BlobsURL     string // secret parts; "" = files in Data
	BlobsPresign bool

	Registration   Registration
	RoomInvites    bool           // an invite to a room lets people register where registration is by invite
	TrustedProxies []netip.Prefix // peers whose forwarding headers are believed
	LinkPreviews   bool           // fetch titles of linked pages
	SessionTTL     time.Duration  // life of a login
	Heartbeat      time.Duration  // WebSocket ping interval; silent for two = closed
	DrainTimeout   time.Duration  // most a shutdown waits for connections and commits

	Server   Server
	TLS      TLS
	CORS     CORS
	Log      Log
	Limits   Limits
	Dialects Dialects
	Database Database
	Search   Search
	Push     Push
	Scan     Scan
	Backup   Backup
	Plugins  Plugins
	Slash    Slash
	Voice    Voice

	OriginChats OriginChats

	serverName string            // the default of Server.Name
	origins    map[string]Origin // by key; absent = OriginDefault
}

// OriginAuth says how people of OriginChats clients log in.
type OriginAuth string

// The modes of logging in, in that protocol's own words.
const (
	OriginAuthRotur OriginAuth = "rotur"        // by the Rotur service alone
	OriginAuthBoth  OriginAuth = "cracked"      // by the service or with an account of this server
	OriginAuthLocal OriginAuth = "cracked-only" // with an account of this server alone
)

// OriginChats are the settings of that dialect.
type OriginChats struct {
	AuthMode          OriginAuth
	MessagesPerMinute int      // of one person; 0: no limit
	CooldownSeconds   int      // after a burst; 0: none
	ValidateURL       string   // of the Rotur service: whom a validator belongs to
	ValidateKey       string   // what validator keys end in; "" = another for each connection
	ProfileURL        string   // of the Rotur service: what a profile says; "" = it is not asked
	Owners            []string // names and ids of those who become owners of the server when they log in
}

// Server is how this community presents itself.
type Server struct {
	Name        string
	Description string
}

// TLS is the certificate of the public listeners.
type TLS struct {
	Mode  TLSMode
	Cert  string   // PEM file, with TLSFiles
	Key   string   // PEM file, with TLSFiles
	Hosts []string // names (and addresses, self-signed) the certificate is for
	Email string   // contact for TLSACME
}

// CORS lists the browser origins of other sites that may call the API.
type CORS struct {
	Origins []string // scheme://host[:port], or "*" alone
}

// Log is what is written about the server's doings.
type Log struct {
	Level  string // debug, info, warn or error
	Format string // text or json
}

// Limits bound what one person, address or request may cost. A rate of 0 is no limit.
type Limits struct {
	MessagesPer10s    int // per user
	RegisterPerMinute int // per address
	LoginPerMinute    int // per address
	UploadsPerMinute  int // per user
	SearchPerMinute   int // per user
	RequestsPerMinute int // per user, or per address before login
	WebhookPerMinute  int // per webhook

	AttachmentBytes       int64
	AttachmentTypes       []string // extensions, media types and classes of these ("audio/*"), lower case
	AttachmentsPerMessage int
	BodyBytes             int64 // request bodies other than uploads
	ConnectionsPerUser    int   // WebSocket connections; 0 = no limit

	WSQueueFrames int   // frames that may wait for one slow connection
	WSQueueBytes  int64 // bytes that may wait for one slow connection

	EditWindow        time.Duration // age up to which the sender may edit a message
	InviteDays        int           // default life of an invite
	NotificationDays  int           // life of a notification
	UploadUnusedHours int           // life of an upload that no message uses
}

// Dialects says which wire protocols are spoken.
type Dialects struct {
	Native  bool
	Origin  bool
	Portal  bool
	Session bool
}

// Database tunes the store, whichever engine it is.
type Database struct {
	Synchronous Synchronous
}

// Search is full-text search over messages.
type Search struct {
	Enabled bool
}

// Push is Web Push to browsers (VAPID).
type Push struct {
	Enabled bool
	Subject string // https address or bare mail address; "" = the public URL if that is https
	// PrivateNetworks are those in which push services may be although they are not on the internet.
	PrivateNetworks []netip.Prefix
}

// Scan is the examination of uploads.
type Scan struct {
	Mode         ScanMode
	ClamdAddress string // absolute path of a Unix socket, or host:port; with ScanClamd
	Unreachable  ScanUnreachable
	KnownBadFile string // extra SHA-256 sums, one a line; "" = none
}

// Plugins is how the operator's programs run that hear of what happens and act on it.
type Plugins struct {
	Enabled   bool
	Dir       string        // "" = plugins in Data, see PluginsDir
	Hosts     []string      // that plugins may reach by HTTPS, if they name them themselves; "*" = all of these
	TimeLimit time.Duration // of processors, for one event
	Memory    int64         // bytes that all plugins together hold
}

// Slash is about slash commands.
type Slash struct {
	RegisterRoles []string // names or ids of the roles that may register commands, beside administrators
}

// Voice is about voice rooms.
type Voice struct {
	ICEServers   []string // addresses of STUN and TURN servers (RFC 7064, RFC 7065)
	TURNUsername string   // for those of ICEServers that are TURN
	TURNPassword string   // secret
}

// Backup is where backups go unless a command says otherwise.
type Backup struct {
	Dir string // "" = backups in Data, see BackupDir
}

// Default returns the settings of a server that nobody configured. serverName is
// the default of server.name.
func Default(serverName string) Config {
	c := Config{serverName: serverName}
	for _, s := range c.settings() {
		s.reset()
	}
	return c
}

// Path joins elements to the data directory.
func (c Config) Path(elem ...string) string {
	return filepath.Join(append([]string{c.Data}, elem...)...)
}

// BackupDir is the directory that backups are written to.
func (c Config) BackupDir() string {
	if c.Backup.Dir != "" {
		return c.Backup.Dir
	}
	return c.Path("backups")
}

// PluginsDir is the directory of the operator's plugins.
func (c Config) PluginsDir() string {
	if c.Plugins.Dir != "" {
		return c.Plugins.Dir
	}
	return c.Path("plugins")
}

// BaseURL is the address people reach the main listener at, without trailing
// slash: public_url where it is set, else derived from tls and from bound, the
// address the listener really has ("" = the configured one).
func (c Config) BaseURL(bound string) string {
	if c.PublicURL != "" {
		return c.PublicURL
	}
	if bound == "" {
		bound = c.Listen
	}
	return c.derivedURL(bound)
}

// SessionBaseURL is BaseURL for the Session listener.
func (c Config) SessionBaseURL(bound string) string {
	if c.SessionPublicURL != "" {
		return c.SessionPublicURL
	}
	if bound == "" {
		bound = c.SessionListen
	}
	return c.derivedURL(bound)
}

func (c Config) derivedURL(bound string) string {
	host, port, err := net.SplitHostPort(bound)
	if err != nil {
		host, port = bound, ""
	}
	switch ip, err := netip.ParseAddr(host); {
	case len(c.TLS.Hosts) > 0:
		host = c.TLS.Hosts[0]
	case host == "" || err == nil && ip.IsUnspecified():
		host = "localhost"
		if u, err := url.Parse(c.PublicURL); err == nil && u.Hostname() != "" {
			host = u.Hostname()
		}
	}
	scheme, usual := "http", "80"
	if c.TLS.Mode != TLSOff {
		scheme, usual = "https", "443"
	}
	if port != "" && port != usual {
		return scheme + "://" + net.JoinHostPort(host, port)
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return scheme + "://" + host
}
