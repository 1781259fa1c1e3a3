package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"parley/internal/chat"
	"parley/internal/safedial"
)

// Bounds of the requests of plugins.
const (
	maxAbroad   = 4 // of one plugin at the same time
	maxURL      = 4 << 10
	maxHeaders  = 20
	maxSent     = 256 << 10
	maxReceived = 512 << 10
)

var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// headers that a plugin cannot set: they are about the connection, or about us.
var ownHeaders = []string{"Host", "Connection", "Content-Length", "Transfer-Encoding", "Upgrade", "Te", "Trailer", "Keep-Alive", "Proxy-Authorization", "Proxy-Connection", "User-Agent", "Accept-Encoding"}

// response is what a plugin gets to see of an answer.
type response struct {
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"` // names in lower case
	Text    string            `json:"text"`
}

func refusedHost(host, where string) error {
	return chat.Errorf(chat.Forbidden, "host_refused", "%s may not be reached: add it to %s.", host, where)
}

// callHTTP makes a request to a host that both the plugin's manifest and the operator allow, and that is a public one. Redirects
// are not followed: the plugin sees them.
func (s *Service) callHTTP(ctx context.Context, c caller, args json.RawMessage) (any, error) {
	var a struct {
		Method  string
		URL     string
		Headers map[string]string
		Body    string
	}
	if err := decode(args, &a); err != nil {
		return nil, err
	}
	if a.Method = strings.ToUpper(a.Method); a.Method == "" {
		a.Method = http.MethodGet
	}
	u, err := url.Parse(a.URL)
	scheme := "https"
	if !s.opts.Dial.HTTPSOnly { // in tests
		scheme = "http"
	}
	switch {
	case err != nil || len(a.URL) > maxURL || u.Host == "" || u.Scheme != "https" && u.Scheme != scheme || u.User != nil:
		return nil, chat.InvalidField("url", "url_invalid", "Give an address that begins with https://, without a user name.")
	case !slices.Contains(methods, a.Method):
		return nil, chat.InvalidField("method", "method_invalid", "The method is one of %s.", strings.Join(methods, ", "))
	case len(a.Headers) > maxHeaders || len(a.Body) > maxSent:
		return nil, chat.Errorf(chat.TooLarge, "too_large", "A request has at most %d headers and %d KiB.", maxHeaders, maxSent>>10)
	case !matchHost(c.manifest.Hosts, u.Hostname()):
		return nil, refusedHost(u.Hostname(), `"hosts" in plugin.json`)
	case !matchHost(s.opts.Hosts, u.Hostname()):
		return nil, refusedHost(u.Hostname(), "plugins.hosts in the server's settings")
	}
	req, err := http.NewRequestWithContext(ctx, a.Method, a.URL, strings.NewReader(a.Body))
	if err != nil {
		return nil, chat.InvalidField("url", "url_invalid", "This address cannot be asked.")
	}
	for name, value := range a.Headers {
		name = textproto.CanonicalMIMEHeaderKey(name)
		if slices.Contains(ownHeaders, name) || strings.ContainsAny(name+value, "\r\n\x00") {
			return nil, chat.InvalidField("headers", "header_invalid", "The header %.50q cannot be set.", name)
		}
		req.Header.Set(name, value)
	}
	resp, err := s.client.Do(req)
	redirected := errors.Is(err, safedial.ErrRedirects) && resp != nil
	if err != nil && !redirected {
		return nil, requestError(u.Hostname(), err)
	}
	defer resp.Body.Close()
	out := response{Status: resp.StatusCode, Headers: make(map[string]string, len(resp.Header))}
	for name, values := range resp.Header {
		out.Headers[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	if redirected { // its body is closed already
		return out, nil
	}
	body, err := io.ReadAll(safedial.Limit(resp.Body, maxReceived))
	if errors.Is(err, safedial.ErrTooLarge) {
		return nil, chat.Errorf(chat.TooLarge, "too_large", "The answer has more than %d KiB.", maxReceived>>10)
	}
	if err != nil {
		return nil, requestError(u.Hostname(), err)
	}
	if !utf8.Valid(body) {
		return nil, chat.Errorf(chat.Unsupported, "not_text", "The answer is no text.")
	}
	out.Text = string(body)
	return out, nil
}

// requestError says what a plugin may know of a failed request.
func requestError(host string, err error) error {
	switch {
	case errors.Is(err, safedial.ErrRefused):
		return chat.Errorf(chat.Forbidden, "host_refused", "%s may not be reached: it is not a public address on a usual port.", host)
	case errors.Is(err, context.DeadlineExceeded):
		return err
	}
	e := chat.Errorf(chat.Unavailable, "request_failed", "%s did not answer.", host)
	e.Cause = err
	return e
}
