package config

import (
	"net/netip"
	"strings"
	"time"
)

// settings is the one table of keys: where a value goes, what it is by default,
// what may be written, and what the reference says of it. A key without a dot
// comes before the sections, as TOML wants it.
func (c *Config) settings() []setting {
	const (
		day  = 24 * time.Hour
		year = 365 * day
	)
	l := &c.Limits
	return []setting{
		address(&c.Listen, "listen", "127.0.0.1:8080", mustListen,
			"Main listener: web UI, native API, OriginChats and Portal clients. Port 0 takes a free one."),
		address(&c.SessionListen, "session_listen", "127.0.0.1:8090", mayListen,
			"Listener of the Session dialect, whose paths collide with the others. Needed while `dialects.session` is on."),
		address(&c.NativeListen, "native_listen", "", mayListen,
			"Own listener for the native API; empty: the main listener."),
		address(&c.OriginListen, "origin_listen", "", mayListen,
			"Own listener for OriginChats clients; empty: the main listener."),
		address(&c.PortalListen, "portal_listen", "", mayListen,
			"Own listener for Portal clients; empty: the main listener."),
		address(&c.OperatorListen, "operator_listen", "127.0.0.1:9090", mayListen,
			"Listener for `/healthz`, `/readyz`, `/metrics` and profiling, without a password: keep it on a private address. Empty: off."),
		token(&c.OperatorToken, "operator_token",
			"Bearer token that opens `/healthz`, `/readyz` and `/metrics` on the main listener as well; at least 16 characters. Empty: they are not there."),
		text(&c.Data, "data", "./data", anyText.notEmpty(),
			"Directory of everything the server keeps on this machine: database, files, secrets. Made at need."),
		text(&c.PublicURL, "public_url", "", webURL,
			"Address people reach the server at, as in `https://chat.example.org`. Empty: derived from `listen` and `tls`."),
		text(&c.SessionPublicURL, "session_public_url", "", webURL,
			"The same for the Session listener. Empty: derived from `session_listen` and `tls`."),
		secretURL(&c.DatabaseURL, "database_url", "postgres://user:password@host/name", []string{"postgres", "postgresql"},
			"PostgreSQL to use instead of the embedded SQLite, `postgres://user:password@host/name`. Empty: SQLite in `data`."),
		secretURL(&c.RedisURL, "redis_url", "redis://host:6379/0", []string{"redis", "rediss", "unix"},
			"Redis or Valkey that ties several nodes together, `redis://:password@host:6379/0`; they need the same `database_url`, `blobs_url` and secrets. Empty: this node is alone."),
		toggle(&c.AdoptSecrets, "adopt_secrets", false,
			"For one start after a change of secrets, on a database that several nodes share: what this node has is right from now on, and the others need it too."),
		secretURL(&c.BlobsURL, "blobs_url", "s3://key:secret@host/bucket", []string{"s3"},
			"S3-compatible storage for uploads, `s3://key:secret@host:port/bucket/prefix?region=…`; a `/` in the secret is written `%2F`. Without key and secret they come from `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, the shared credentials file or the machine's role. `insecure=1`: plain HTTP. Empty: files in `data`."),
		toggle(&c.BlobsPresign, "blobs_presign", false,
			"Clients that ask for it (`?direct=1`) are sent to the bucket for attachments, with an address that works for five minutes. They must be able to reach the host in `blobs_url`."),
		oneOf(&c.Registration, "registration", RegistrationOpen, []Registration{RegistrationOpen, RegistrationInvite, RegistrationClosed},
			"Who may create an account: anyone, whoever has an invite code, or nobody."),
		toggle(&c.RoomInvites, "registration_by_room_invite", true,
			"With `registration = \"invite\"`, let people register by an invite to a room too, which its admins make. Off: only by invites to the server."),
		list(&c.TrustedProxies, "trusted_proxies", nil, "a list of addresses or networks", parsePrefix, netip.Prefix.String,
			"Proxies whose `Forwarded` and `X-Forwarded-For` headers are believed, as in `[\"10.0.0.0/8\", \"::1\"]`. A Unix-socket or other peer is never believed."),
		toggle(&c.LinkPreviews, "link_previews", true,
			"Fetch title and picture of linked pages. Private addresses are never asked."),
		duration(&c.SessionTTL, "session_ttl", day, time.Minute, year,
			"How long a login lasts."),
		duration(&c.Heartbeat, "heartbeat", 30*time.Second, time.Second, 10*time.Minute,
			"Interval of WebSocket pings; a connection that is silent for two is closed."),
		duration(&c.DrainTimeout, "drain_timeout", 10*time.Second, 0, 10*time.Minute,
			"How long a shutdown waits for connections and commits to finish."),

		text(&c.Server.Name, "server.name", c.serverName, anyText.notEmpty().max(100),
			"Name of this community."),
		text(&c.Server.Description, "server.description", "", anyText.max(1000),
			"One or two sentences about it."),

		oneOf(&c.TLS.Mode, "tls.mode", TLSOff, []TLSMode{TLSOff, TLSSelfSigned, TLSFiles, TLSACME},
			"Certificate of the public listeners: none, one made by the server (for development), your own files, or Let's Encrypt."),
		text(&c.TLS.Cert, "tls.cert", "", anyText, "PEM file with the certificate and its chain, for mode `files`. Read again when it changes."),
		text(&c.TLS.Key, "tls.key", "", anyText, "PEM file with its private key, for mode `files`."),
		list(&c.TLS.Hosts, "tls.hosts", nil, "a list of host names", parseHost, plain,
			"Host names to get a certificate for with mode `acme`; additional names and addresses with `self_signed`."),
		text(&c.TLS.Email, "tls.email", "", mailAddress, "Contact address given to the certificate authority with mode `acme`."),

		list(&c.CORS.Origins, "cors.origins", nil, "a list of origins such as https://app.example.org", parseOrigin, plain,
			"Origins of other web sites that may call the API from a browser; `*` alone allows all, without cookies."),

		oneOf(&c.Log.Level, "log.level", "info", []string{"debug", "info", "warn", "error"}, "Least severe line that is logged."),
		oneOf(&c.Log.Format, "log.format", "text", []string{"text", "json"}, "Form of a log line."),

		rate(&l.MessagesPer10s, "limits.messages_per_10s", 10, "Messages one user may send in ten seconds."),
		rate(&l.RegisterPerMinute, "limits.register_per_minute", 10, "Accounts one address may create in a minute."),
		rate(&l.LoginPerMinute, "limits.login_per_minute", 20, "Log-in attempts of one address in a minute."),
		rate(&l.UploadsPerMinute, "limits.uploads_per_minute", 30, "Uploads of one user in a minute."),
		rate(&l.SearchPerMinute, "limits.search_per_minute", 60, "Searches of one user in a minute."),
		rate(&l.RequestsPerMinute, "limits.requests_per_minute", 1200, "API requests of one user, or of one address before log-in, in a minute."),
		rate(&l.WebhookPerMinute, "limits.webhook_per_minute", 120, "Messages that one webhook posts in a minute."),
		size(&l.AttachmentBytes, "limits.attachment_bytes", 10<<20, 1<<10, 1<<40, "Largest attachment."),
		list(&l.AttachmentTypes, "limits.attachment_types", []string{"jpg", "png", "gif", "webp", "pdf", "doc", "docx", "zip"},
			`a list of file types such as "png", "video/mp4" or "audio/*"`, parseFileType, plain,
			"Types of files that are taken, by ending, media type or class of these; what a file is, its content tells. Known beside the default ones are what browsers play: `mp4`, `mov`, `webm` and `ogv`, together `video/*`; `mp3`, `m4a`, `ogg`, `weba`, `wav` and `flac`, together `audio/*`. The web UI plays them. `[]`: no files. Unless it is set here, administrators can change it while the server runs."),
		number(&l.AttachmentsPerMessage, "limits.attachments_per_message", 10, 0, 100, "Attachments of one message."),
		size(&l.BodyBytes, "limits.body_bytes", 1<<20, 16<<10, 1<<30, "Largest request body, uploads aside."),
		number(&l.ConnectionsPerUser, "limits.connections_per_user", 50, 0, maxCount, "WebSocket connections of one user to one node at a time; 0: no limit."),
		number(&l.WSQueueFrames, "limits.ws_queue_frames", 1024, 8, maxCount, "Frames that may wait for a slow connection before it is told to catch up."),
		size(&l.WSQueueBytes, "limits.ws_queue_bytes", 1<<20, 64<<10, 1<<30, "Bytes that may wait for a slow connection before it is told to catch up."),
		duration(&l.EditWindow, "limits.edit_window", 15*time.Minute, 0, 100*year, "Age up to which the sender may edit a message; `0s`: never."),
		number(&l.InviteDays, "limits.invite_days", 7, 1, 3650, "Days an invite is good for unless its maker says otherwise."),
		number(&l.NotificationDays, "limits.notification_days", 30, 1, 3650, "Days a notification is kept."),
		number(&l.UploadUnusedHours, "limits.upload_unused_hours", 24, 1, 8760, "Hours an upload is kept that no message uses."),

		toggle(&c.Dialects.Native, "dialects.native", true, "Speak the native API, which the web UI needs."),
		toggle(&c.Dialects.Origin, "dialects.origin", true, "Speak with OriginChats clients."),
		toggle(&c.Dialects.Portal, "dialects.portal", true, "Speak with Portal clients."),
		toggle(&c.Dialects.Session, "dialects.session", true, "Speak with Session clients, as a community server."),

		oneOf(&c.OriginChats.AuthMode, "origin.auth_mode", OriginAuthBoth, []OriginAuth{OriginAuthRotur, OriginAuthBoth, OriginAuthLocal},
			"How people of OriginChats clients log in: `rotur` by the Rotur account service, `cracked-only` with accounts of this server, `cracked` either way."),
		rate(&c.OriginChats.MessagesPerMinute, "origin.messages_per_minute", 60, "Messages, edits and signs of typing of one person in a minute who uses an OriginChats client."),
		number(&c.OriginChats.CooldownSeconds, "origin.cooldown_seconds", 30, 0, 3600, "Seconds that such a person has to wait after more than `limits.messages_per_10s` messages in ten seconds."),
		address(&c.OriginChats.ValidateURL, "origin.validate_url", "https://api.rotur.dev/validate", mustURL,
			"Where the Rotur service says whom a validator belongs to. May be in a private network."),
		text(&c.OriginChats.ValidateKey, "origin.validate_key", "", validateKey,
			"What the keys of validators end in; empty: something else for each connection, which is safer."),
		address(&c.OriginChats.ProfileURL, "origin.profile_url", "https://api.rotur.dev/profile", webURL,
			"Where the Rotur service shows profiles, for the life of uploads; empty: it is not asked."),
		list(&c.OriginChats.Owners, "origin.owners", nil, "a list of names or ids, as OriginChats clients show them", parseName, plain,
			"People who become owners of the server when they log in with an OriginChats client."),

		oneOf(&c.Database.Synchronous, "database.synchronous", SynchronousFull, []Synchronous{SynchronousFull, SynchronousNormal},
			"What an acknowledged message survives: `full` a power cut, `normal` the end of the program but perhaps not a power cut."),

		toggle(&c.Search.Enabled, "search.enabled", true, "Index messages for full-text search."),

		toggle(&c.Push.Enabled, "push.enabled", true, "Send Web Push notifications to browsers that ask for them."),
		text(&c.Push.Subject, "push.subject", "", pushSubject,
			"Contact given to push services: an `https` address or a bare mail address. Empty: `public_url` if that is `https`, else no push."),
		list(&c.Push.PrivateNetworks, "push.private_networks", nil, "a list of addresses or networks", parsePrefix, netip.Prefix.String,
			"Networks in which a push service of your own may be, on any port, as in `[\"10.1.2.3\"]`. Empty: push services are on the internet. Everybody who has an account can make the server send encrypted pushes to the addresses named here, so name hosts, not whole networks. Link previews never ask them."),

		oneOf(&c.Scan.Mode, "scan.mode", ScanBuiltin, []ScanMode{ScanBuiltin, ScanClamd, ScanOff},
			"Examine uploads before they are stored: `builtin` looks for known malware and archive bombs, `clamd` then asks a ClamAV daemon, too."),
		text(&c.Scan.ClamdAddress, "scan.clamd_address", "/run/clamav/clamd.ctl", clamdAddress,
			"Where the ClamAV daemon listens: the path of its Unix socket, or `host:port`. Its `StreamMaxLength` must be at least `limits.attachment_bytes`."),
		oneOf(&c.Scan.Unreachable, "scan.unreachable", UnreachableRefuse, []ScanUnreachable{UnreachableRefuse, UnreachablePending},
			"What happens to uploads while the ClamAV daemon does not answer: `refuse`, or `pending`: they are kept, and can be opened and sent once it has examined them. Pictures of people and rooms are always refused."),
		text(&c.Scan.KnownBadFile, "scan.known_bad_file", "", anyText, "File with SHA-256 sums of further files to refuse, one a line."),

		toggle(&c.Plugins.Enabled, "plugins.enabled", true, "Let plugins run. Each is switched on by itself; while none is, this costs nothing."),
		text(&c.Plugins.Dir, "plugins.dir", "", anyText, "Directory of your own plugins and of `config.json` files. Empty: `plugins` in `data`."),
		list(&c.Plugins.Hosts, "plugins.hosts", []string{"api.github.com"}, "a list of host names, `*.example.org` or `*`", parsePluginHost, plain,
			"Hosts that plugins may reach by HTTPS, where they name them in their `plugin.json` too; `*`: all that they name. Private addresses are never reached."),
		duration(&c.Plugins.TimeLimit, "plugins.time_limit", 250*time.Millisecond, 10*time.Millisecond, 10*time.Second,
			"Processor time that a plugin may take for one event. Who takes more is stopped, and after three times in ten minutes switched off."),
		size(&c.Plugins.Memory, "plugins.memory", 128<<20, 16<<20, 8<<30, "Memory that all plugins together may hold. Who holds most is to blame when it is more."),
		list(&c.Slash.RegisterRoles, "slash.register_roles", nil, "a list of role names", parseLine, plain,
			"Names or ids of server roles whose members, such as bots, may register slash commands. Owners and administrators always may."),

		list(&c.Voice.ICEServers, "voice.ice_servers", nil, "a list of addresses such as stun:stun.example.org:3478 or turn:turn.example.org:3478", parseICE, plain,
			"STUN and TURN servers that browsers use to hear each other in voice rooms, as in `[\"stun:stun.example.org:3478\"]`; with TURN, `turns:…?transport=tcp` works through most firewalls. Empty: browsers connect directly, which works within one network. Sound goes from browser to browser, never through this server."),
		text(&c.Voice.TURNUsername, "voice.turn_username", "", anyText.max(200), "Name that browsers give the TURN servers in `voice.ice_servers`."),
		token(&c.Voice.TURNPassword, "voice.turn_password",
			"Password for it; at least 16 characters. Everybody who is logged in can learn both: use one that is good for these servers only."),

		text(&c.Backup.Dir, "backup.dir", "", anyText, "Where backups go. Empty: `backups` in `data`."),
	}
}

// check finds faults between settings that are each right on their own.
func (c *Config) check(faults *Faults) {
	listeners := []struct{ key, addr string }{
		{"listen", c.Listen}, {"session_listen", c.SessionListen}, {"native_listen", c.NativeListen},
		{"origin_listen", c.OriginListen}, {"portal_listen", c.PortalListen}, {"operator_listen", c.OperatorListen},
	}
	for i, a := range listeners {
		for _, b := range listeners[:i] {
			if a.addr != "" && a.addr == b.addr && !strings.HasSuffix(a.addr, ":0") {
				faults.add(a.key, "must differ from "+b.key+", got "+quote(a.addr)+" for both")
			}
		}
	}
	if c.Dialects.Session && c.SessionListen == "" {
		faults.add("session_listen", "needed because dialects.session is on")
	}
	switch c.TLS.Mode {
	case TLSFiles:
		if c.TLS.Cert == "" {
			faults.add("tls.cert", `needed because tls.mode is "files"`)
		}
		if c.TLS.Key == "" {
			faults.add("tls.key", `needed because tls.mode is "files"`)
		}
	case TLSACME:
		if len(c.TLS.Hosts) == 0 {
			faults.add("tls.hosts", `needed because tls.mode is "acme"`)
		}
		for _, h := range c.TLS.Hosts {
			if _, err := netip.ParseAddr(h); err == nil || !strings.Contains(h, ".") {
				faults.add("tls.hosts", `must be public host names because tls.mode is "acme", got `+quote(h))
			}
		}
	case TLSOff, TLSSelfSigned:
	}
	if len(c.CORS.Origins) > 1 {
		for _, o := range c.CORS.Origins {
			if o == "*" {
				faults.add("cors.origins", `must be "*" alone or a list without it`)
			}
		}
	}
}
