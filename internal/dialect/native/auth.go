package native

import (
	"context"
	"net/http"
	"strings"
	"time"

	"parley/internal/chat"
	"parley/internal/ops"
)

// sessionCookie is the login of a browser.
const sessionCookie = "chat_session"

// access says who may call an operation.
type access int

const (
	loggedIn access = iota
	either          // anyone; who is logged in is asked as themselves
	anyone
)

// call is what an operation knows of its request beside its input.
type call struct {
	actor   chat.Actor
	device  string
	address string
	secure  bool // over TLS
	ownPage bool // not sent by a page of another site
}

type callKey struct{}

func callOf(ctx context.Context) call {
	c, _ := ctx.Value(callKey{}).(call)
	return c
}

// bearerToken reads the Authorization header (RFC 6750 §2.1).
func bearerToken(r *http.Request) (string, bool) {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	return strings.TrimSpace(token), true
}

// address is the client as rate limits and the session list see it.
func address(r *http.Request) string {
	client := ops.ClientOf(r.Context())
	if !client.Addr.IsValid() {
		return r.RemoteAddr
	}
	return client.Addr.String()
}

// begin finds out who calls, and charges them for it. A request with a cookie that changes something must come from a page
// of ours; one with a bearer token cannot be forged by another page.
func (d *Dialect) begin(r *http.Request, a access) (call, error) {
	ctx := r.Context()
	c := call{
		device: r.UserAgent(), address: address(r), secure: r.TLS != nil || ops.ClientOf(ctx).Secure,
		ownPage: d.cross.Check(r) == nil,
	}
	c.actor = chat.Actor{Address: c.address}
	if a == anyone {
		return c, nil
	}
	token, byHeader := bearerToken(r)
	if !byHeader {
		if cookie, err := r.Cookie(sessionCookie); err == nil {
			token = cookie.Value
		}
	}
	if token == "" {
		if a == either && r.Header.Get("Authorization") == "" {
			return c, d.core.ChargeRequest(ctx, chat.Actor{UserID: chat.UserID(c.address)}) // their address stands for who they are
		}
		return c, chat.ErrTokenInvalid
	}
	actor, err := d.core.Authenticate(ctx, token, c.address)
	if a == either && !byHeader && chat.CodeOf(err) == chat.ErrTokenInvalid.Code { // a browser sends the cookie of a login that ended, too
		return c, d.core.ChargeRequest(ctx, chat.Actor{UserID: chat.UserID(c.address)})
	}
	if err != nil {
		return c, err
	}
	if !byHeader && !c.ownPage {
		return c, chat.Errorf(chat.Forbidden, "cross_site", "A page of another site may not do this with your login.")
	}
	c.actor = actor
	return c, d.core.ChargeRequest(ctx, actor)
}

// originAllowed says whether a page at the request's Origin may use the login cookie, also for methods that are safe by
// themselves, as the upgrade to a WebSocket is not.
func (d *Dialect) originAllowed(r *http.Request) bool {
	probe := r.WithContext(r.Context())
	probe.Method = http.MethodPost
	return d.cross.Check(probe) == nil
}

// loginCookie is the Set-Cookie of a fresh login, empty where a page of another site made it: nobody is logged in by a page
// they did not mean to use.
func loginCookie(c call, token string, expires time.Time) string {
	if !c.ownPage {
		return ""
	}
	return cookie(c, token, expires)
}

// cookie writes the login cookie; the zero time takes it back.
func cookie(c call, token string, expires time.Time) string {
	k := http.Cookie{Name: sessionCookie, Value: token, Path: "/", Expires: expires, HttpOnly: true, Secure: c.secure, SameSite: http.SameSiteLaxMode}
	if expires.IsZero() {
		k.MaxAge = -1
	}
	return k.String()
}
