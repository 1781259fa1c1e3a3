package core

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"parley/internal/chat"
)

// Session tokens are JWTs (RFC 7519) signed with HS256: `sub` is the user, `jti` the session (specs: native, Auth). They are
// worth nothing without the session's row, which is what revocation ends.
const (
	tokenIssuer = "chat"
	minTokenKey = 32   // bytes
	maxToken    = 2048 // bytes; ours have some 250
)

// errTokenExpired has the code of every other token fault, but tells the person that nothing is wrong with the token.
var errTokenExpired = chat.Errorf(chat.Unauthenticated, chat.ErrTokenInvalid.Code, "Your session has ended. Log in again.")

func (c *Core) signToken(s chat.Session) (string, error) {
	return jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{
		Issuer: tokenIssuer, Subject: string(s.UserID), ID: string(s.ID),
		IssuedAt: jwt.NewNumericDate(s.CreatedAt), ExpiresAt: jwt.NewNumericDate(s.ExpiresAt),
	}).SignedString(c.TokenKey)
}

// readToken checks a token's form, signature, issuer and expiry. Fails with token_invalid.
func (c *Core) readToken(token string) (user chat.UserID, session chat.SessionID, err error) {
	if len(token) > maxToken {
		return "", "", chat.ErrTokenInvalid
	}
	if v, ok := c.tokens.get(token); ok && c.now().Before(v.expires) {
		return v.user, v.session, nil
	}
	var claims jwt.RegisteredClaims
	_, err = jwt.ParseWithClaims(token, &claims, func(*jwt.Token) (any, error) { return c.TokenKey, nil },
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithIssuer(tokenIssuer), jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(), jwt.WithLeeway(tokenLeeway), jwt.WithStrictDecoding(), jwt.WithTimeFunc(c.now))
	switch {
	case err == nil && claims.Subject != "" && claims.ID != "":
		c.tokens.keep(token, verified{chat.UserID(claims.Subject), chat.SessionID(claims.ID), claims.ExpiresAt.Time})
		return chat.UserID(claims.Subject), chat.SessionID(claims.ID), nil
	case errors.Is(err, jwt.ErrTokenExpired) && !errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return "", "", errTokenExpired
	}
	return "", "", chat.ErrTokenInvalid
}

// tokenCache remembers tokens whose signature was checked. What they stand for is asked of the session every time.
type tokenCache struct {
	mu      sync.RWMutex
	byToken map[string]verified
}

type verified struct {
	user    chat.UserID
	session chat.SessionID
	expires time.Time
}

// maxVerified bounds the cache at some 10 MB.
const maxVerified = 20_000

func (t *tokenCache) get(token string) (verified, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	v, ok := t.byToken[token]
	return v, ok
}

func (t *tokenCache) keep(token string, v verified) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byToken == nil || len(t.byToken) >= maxVerified {
		t.byToken = make(map[string]verified)
	}
	t.byToken[token] = v
}

// tokenLeeway is how far the clocks of two nodes may lie apart. The session's own expiry is exact.
const tokenLeeway = 5 * time.Second

// login is a session as it is kept in memory, with what can stop its user anywhere on the server.
type login struct {
	session   chat.Session
	sanctions []chat.Sanction // server-wide, not lifted when read
}

// sessionCache keeps sessions by id, so that a request need not ask the store whose it is. Events drop what they change; a
// load that began before a drop is not kept.
type sessionCache struct {
	mu     sync.RWMutex
	byID   map[chat.SessionID]*login
	byUser map[chat.UserID]map[chat.SessionID]struct{}
	gen    uint64
}

// maxCachedSessions bounds the cache at some 30 MB.
const maxCachedSessions = 50_000

func newSessionCache() *sessionCache {
	s := &sessionCache{}
	s.clear()
	return s
}

func (s *sessionCache) clear() {
	s.byID = make(map[chat.SessionID]*login)
	s.byUser = make(map[chat.UserID]map[chat.SessionID]struct{})
}

// dropAll drops everything.
func (s *sessionCache) dropAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gen++
	s.clear()
}

func (s *sessionCache) get(id chat.SessionID) (*login, uint64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.byID[id], s.gen
}

func (s *sessionCache) keep(gen uint64, l *login) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if gen != s.gen {
		return
	}
	if len(s.byID) >= maxCachedSessions {
		s.clear()
	}
	s.byID[l.session.ID] = l
	ids := s.byUser[l.session.UserID]
	if ids == nil {
		ids = make(map[chat.SessionID]struct{}, 1)
		s.byUser[l.session.UserID] = ids
	}
	ids[l.session.ID] = struct{}{}
}

// apply drops the sessions of whom an event may have shut out, or let in again.
func (s *sessionCache) apply(ev chat.Event) {
	var user chat.UserID
	switch e := ev.(type) {
	case chat.SessionRevoked:
		user = e.UserID
	case chat.SanctionChanged:
		if e.Sanction.RoomID != 0 {
			return
		}
		user = e.Sanction.UserID
	default:
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gen++
	for id := range s.byUser[user] {
		delete(s.byID, id)
	}
	delete(s.byUser, user)
}

// Authenticate turns a session token into an actor, if the token is genuine, unexpired and its session live. Sessions are
// cached; SessionRevoked drops them, so revocation holds at once. Fails with token_invalid, account_disabled, banned,
// timed_out.
func (c *Core) Authenticate(ctx context.Context, token, address string) (chat.Actor, error) {
	userID, sessionID, err := c.readToken(token)
	if err != nil {
		return chat.Actor{}, err
	}
	l, err := c.login(ctx, sessionID)
	if err != nil {
		return chat.Actor{}, err
	}
	if l.session.UserID != userID {
		return chat.Actor{}, chat.ErrTokenInvalid
	}
	user, err := c.user(ctx, userID)
	if err != nil {
		if chat.CodeOf(err) == chat.ErrUserNotFound.Code {
			err = chat.ErrTokenInvalid
		}
		return chat.Actor{}, err
	}
	now := c.now()
	if err := admit(user, l.sanctions, now); err != nil { // before the rest: a banned person's sessions are revoked, too
		return chat.Actor{}, err
	}
	if !l.session.RevokedAt.IsZero() {
		return chat.Actor{}, chat.ErrTokenInvalid
	}
	if !now.Before(l.session.ExpiresAt) {
		return chat.Actor{}, errTokenExpired
	}
	c.visits.used(l.session, now, address)
	return chat.Actor{UserID: userID, SessionID: sessionID, Address: address, ExpiresAt: l.session.ExpiresAt}, nil
}

// login returns a session and its user's server-wide sanctions, from memory or the store. Fails with token_invalid.
func (c *Core) login(ctx context.Context, id chat.SessionID) (*login, error) {
	l, gen := c.sessions.get(id)
	if l != nil {
		return l, nil
	}
	session, err := c.Store.Session(ctx, id)
	if err != nil {
		if chat.AsError(err).Kind == chat.NotFound {
			err = chat.ErrTokenInvalid
		}
		return nil, err
	}
	l = &login{session: session}
	if l.sanctions, err = c.Store.LiveSanctions(ctx, session.UserID, 0, c.now()); err != nil {
		return nil, err
	}
	c.sessions.keep(gen, l)
	return l, nil
}

// admit refuses people who may not use the server at all. Fails with account_disabled, banned or timed_out.
func admit(user *chat.User, sanctions []chat.Sanction, at time.Time) error {
	if !user.DisabledAt.IsZero() {
		return chat.Errorf(chat.Forbidden, "account_disabled", "This account is disabled. Ask the operator of the server.")
	}
	s := &seat{sanctions: sanctions}
	if ban := s.live(chat.Ban, at); ban != nil {
		return sanctionError("banned", "You are banned from this server", ban)
	}
	if timeout := s.live(chat.Timeout, at); timeout != nil {
		return sanctionError("timed_out", "You are timed out", timeout)
	}
	return nil
}

// newLogin makes a session for a user. The row is written by put, inside the caller's transaction.
func (c *Core) newLogin(user *chat.User, address, device string, room chat.RoomID) (l Login, put func(context.Context, Tx) error, err error) {
	now := c.now().Truncate(time.Second) // the token counts in seconds
	s := chat.Session{ID: chat.SessionID(c.newKey()), UserID: user.ID, Device: cleanDevice(device), Address: address,
		CreatedAt: now, LastUsedAt: now, ExpiresAt: now.Add(c.SessionTTL)}
	token, err := c.signToken(s)
	if err != nil {
		return Login{}, nil, err
	}
	l = Login{Token: token, ExpiresAt: s.ExpiresAt, Session: s, User: user, Room: room}
	return l, func(ctx context.Context, tx Tx) error { return tx.CreateSession(ctx, s) }, nil
}

// endSessions revokes sessions of a user in a transaction (only one, or all but except) together with their push endpoints,
// and returns the event that closes their connections.
func endSessions(ctx context.Context, tx Tx, user chat.UserID, only, except chat.SessionID, reason string, at time.Time) (int, chat.Event, error) {
	n, err := tx.RevokeSessions(ctx, user, only, except, at)
	if err != nil {
		return 0, nil, err
	}
	endpoints, err := tx.PushSubscriptions(ctx, user)
	if err != nil {
		return 0, nil, err
	}
	for _, p := range endpoints {
		if only != "" && p.SessionID != only || except != "" && p.SessionID == except {
			continue
		}
		if _, err := tx.DeletePushSubscription(ctx, user, p.Endpoint); err != nil {
			return 0, nil, err
		}
	}
	return n, chat.SessionRevoked{UserID: user, SessionID: only, Except: except, Reason: reason}, nil
}

// Sessions lists the actor's live logins, newest use first.
func (c *Core) Sessions(ctx context.Context, by chat.Actor) ([]chat.Session, error) {
	return c.Store.SessionsOf(ctx, by.UserID, c.now())
}

// LogOut ends the actor's own session and closes its connections. Logging out twice is fine.
func (c *Core) LogOut(ctx context.Context, by chat.Actor) error {
	if by.SessionID == "" {
		return nil // the operator, or somebody whom a dialect vouches for by other means
	}
	return c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		_, ev, err := endSessions(ctx, tx, by.UserID, by.SessionID, "", "logout", c.now())
		return []chat.Event{ev}, err
	})
}

// RevokeSession ends one of the actor's own sessions. Fails with session_not_found.
func (c *Core) RevokeSession(ctx context.Context, by chat.Actor, id chat.SessionID) error {
	notFound := chat.Errorf(chat.NotFound, "session_not_found", "You have no such session.")
	if id == "" || by.UserID == "" {
		return notFound
	}
	return c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		n, ev, err := endSessions(ctx, tx, by.UserID, id, "", "revoked", c.now())
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return nil, notFound
		}
		return []chat.Event{ev}, nil
	})
}
