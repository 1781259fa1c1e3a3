// Package ops is the operator's view of a running server: logs, metrics, health,
// and the HTTP middleware that feeds them.
//
// It knows nothing of rooms and messages: what happened is counted by whoever
// did it, through the methods of Metrics. Rules about who may do what, rate
// limits and CORS do not belong here. Certificates, the lock of the data
// directory and secrets are packages below this one.
package ops

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
)

// NewLogger returns a logger that writes to w. level is debug, info, warn or
// error; format is text or json. Lines logged with a request's context carry
// its id. Attributes whose key names a secret (password, token, …) are written
// as ****, and addresses given as *url.URL lose password and query.
func NewLogger(w io.Writer, level, format string) (*slog.Logger, error) {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("log level: must be debug, info, warn or error, got %q", level)
	}
	opts := &slog.HandlerOptions{Level: least, ReplaceAttr: hideSecrets}
	switch format {
	case "text":
		return slog.New(requestHandler{slog.NewTextHandler(w, opts)}), nil
	case "json":
		return slog.New(requestHandler{slog.NewJSONHandler(w, opts)}), nil
	}
	return nil, fmt.Errorf("log format: must be text or json, got %q", format)
}

// secretKeys are attribute keys, or endings of them after an underscore, whose
// values are never written.
var secretKeys = []string{"password", "passphrase", "token", "secret", "authorization", "cookie", "private_key", "api_key"}

func hideSecrets(_ []string, a slog.Attr) slog.Attr {
	key := strings.ToLower(a.Key)
	for _, s := range secretKeys {
		if key == s || strings.HasSuffix(key, "_"+s) {
			return slog.String(a.Key, "****")
		}
	}
	if u, ok := a.Value.Any().(*url.URL); ok && u != nil {
		bare := *u
		bare.RawQuery, bare.Fragment = "", ""
		return slog.String(a.Key, bare.Redacted())
	}
	return a
}

// requestHandler adds the request id of the context to each line.
type requestHandler struct{ slog.Handler }

func (h requestHandler) Handle(ctx context.Context, r slog.Record) error {
	if id := RequestID(ctx); id != "" {
		r = r.Clone()
		r.AddAttrs(slog.String("request", id))
	}
	return h.Handler.Handle(ctx, r)
}

func (h requestHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return requestHandler{h.Handler.WithAttrs(attrs)}
}

func (h requestHandler) WithGroup(name string) slog.Handler {
	return requestHandler{h.Handler.WithGroup(name)}
}
