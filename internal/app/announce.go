package app

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"parley/internal/config"
)

// announce tells the operator, once, where the server is and what it works with: as a block to read, or as log lines.
func (a *App) announce(took time.Duration) error {
	base := a.BaseURL()
	for _, warning := range NodesWarnings(a.cfg) {
		a.log.Warn(warning)
	}
	if a.opts.Notice == nil {
		a.log.Info("started", slog.String("version", a.opts.Version), slog.String("address", base), slog.String("data", a.cfg.Data), slog.Duration("took", took))
		if link := a.SetupURL(); link != "" {
			a.log.Info("no owner yet: open the link to make one", slog.String("setup", link))
		}
		return nil
	}
	_, err := io.WriteString(a.opts.Notice, a.block(base, took))
	return err
}

// block is the readable form of announce.
func (a *App) block(base string, took time.Duration) string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "  %-12s %s\n", name, fmt.Sprintf(format, args...))
	}
	socket := "ws" + strings.TrimPrefix(base, "http")
	fmt.Fprintf(&b, "\n%s %s is ready (%d ms)\n\n", a.opts.Product, a.opts.Version, took.Milliseconds())
	line("Web", "%s", base)
	line("API docs", "%s/api/docs", base)
	if addr := a.OperatorAddress(); addr != nil {
		line("Operator", "http://%s  (healthz, readyz, metrics; no password)", addr)
	}
	if a.tls.fingerprint != "" {
		line("Certificate", "self-signed, SHA-256 %s", a.tls.fingerprint)
	}
	b.WriteString("\n")
	a.joinHints(line, base, socket)
	b.WriteString("\n")
	if a.cfg.DatabaseURL != "" {
		line("Database", "PostgreSQL at %s (synchronous=%s)", config.RedactURL(a.cfg.DatabaseURL), a.cfg.Database.Synchronous)
	} else {
		line("Database", "embedded SQLite (synchronous=%s)", a.cfg.Database.Synchronous)
	}
	if a.cfg.RedisURL != "" {
		line("Bus, state", "Redis at %s: one of several nodes", config.RedactURL(a.cfg.RedisURL))
	} else {
		line("Bus, state", "embedded, in this process")
	}
	if a.cfg.BlobsURL != "" {
		line("Files", "%s", config.RedactURL(a.cfg.BlobsURL))
	} else {
		line("Files", "embedded, in the data directory")
	}
	switch a.cfg.Scan.Mode {
	case config.ScanOff:
		line("Scanner", "off: uploads are not examined")
	case config.ScanClamd:
		line("Scanner", "built in, then clamd at %s", a.cfg.Scan.ClamdAddress)
	case config.ScanBuiltin:
		line("Scanner", "built in")
	}
	line("Data", "%s", a.cfg.Data)
	for _, warning := range NodesWarnings(a.cfg) {
		fmt.Fprintf(&b, "\n  WARNING: %s.\n", warning)
	}
	if link := a.SetupURL(); link != "" {
		fmt.Fprintf(&b, "\n  This server has no owner yet. Open this link to make one; it works once:\n\n      %s\n", link)
	}
	b.WriteString("\n")
	return b.String()
}

// joinHints says for each dialect that is on how its clients connect, or that this version does not speak it yet.
func (a *App) joinHints(line func(name, format string, args ...any), base, socket string) {
	d := a.cfg.Dialects
	if own := a.addressOf("native_listen"); d.Native && own != nil {
		line("Native", "REST and WebSocket on %s, which is native_listen", own)
	} else if d.Native {
		line("Native", "REST %s/api, WebSocket %s/api/ws", base, socket)
	}
	if own := a.addressOf("origin_listen"); d.Origin && own != nil {
		line("OriginChats", "%s, which is origin_listen", own)
	} else if d.Origin {
		line("OriginChats", "%s%s", strings.TrimPrefix(strings.TrimPrefix(base, "https://"), "http://"), originHint(a.tls.config != nil))
	}
	var missing []string
	for _, other := range []struct {
		name string
		on   bool
	}{{"Portal", d.Portal}, {"Session", d.Session}} {
		if other.on {
			missing = append(missing, other.name)
		}
	}
	if len(missing) > 0 {
		line("Not yet", "%s: not spoken by this version; nothing listens for them", strings.Join(missing, ", "))
	}
}

// originHint says what is missing for the public client, which dials wss:// only.
func originHint(tls bool) string {
	if tls {
		return ""
	}
	return "  (the public client needs TLS: tls.mode, or a proxy)"
}
