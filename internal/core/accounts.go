package core

import (
	"context"
	"time"

	"parley/internal/chat"
)

// Registering is what makes an account.
type Registering struct {
	Username    string // 3–20 of [A-Za-z0-9_], unique without regard to case
	Password    string // 8–200 characters
	DisplayName string // empty: the username
	Invite      string // code of an invite, needed when registration is by invite
	Device      string // user agent, for the session list
}

// Login is a fresh login: the token to present from now on, and who it stands for.
type Login struct {
	Token     string
	ExpiresAt time.Time
	Session   chat.Session
	User      *chat.User
	Room      chat.RoomID // the room that the invite let them into, if any
}

// Register makes an account and logs it in. Fails with registration_closed, invite_required, invite_invalid,
// username_invalid, username_taken, password_invalid, display_name_invalid, rate_limited.
func (c *Core) Register(ctx context.Context, address string, r Registering) (Login, error) {
	return Login{}, errUnbuilt
}

// LogIn checks a password. It takes as long for unknown names as for known ones. Fails with login_failed (unknown name or
// wrong password, indistinguishable), account_disabled, banned, timed_out, rate_limited.
func (c *Core) LogIn(ctx context.Context, address, username, password, device string) (Login, error) {
	return Login{}, errUnbuilt
}

// LogOut ends the actor's own session and closes its connections.
func (c *Core) LogOut(ctx context.Context, by chat.Actor) error { return errUnbuilt }

// Authenticate turns a session token into an actor, if the token is genuine, unexpired and its session live. Sessions are
// cached; SessionRevoked drops them, so revocation holds at once. Fails with token_invalid, banned, timed_out.
func (c *Core) Authenticate(ctx context.Context, token, address string) (chat.Actor, error) {
	return chat.Actor{}, errUnbuilt
}

// Sessions lists the actor's live logins, newest use first.
func (c *Core) Sessions(ctx context.Context, by chat.Actor) ([]chat.Session, error) {
	return nil, errUnbuilt
}

// RevokeSession ends one of the actor's own sessions. Fails with session_not_found.
func (c *Core) RevokeSession(ctx context.Context, by chat.Actor, id chat.SessionID) error {
	return errUnbuilt
}

// ChangePassword sets a new password after checking the old one and ends the actor's other sessions. Fails with
// login_failed, password_invalid, rate_limited.
func (c *Core) ChangePassword(ctx context.Context, by chat.Actor, old, new string) error {
	return errUnbuilt
}

// CreateUser makes an account without logging it in, for the operator and for user managers. rank needs a higher rank.
func (c *Core) CreateUser(ctx context.Context, by chat.Actor, r Registering, rank chat.Rank) (*chat.User, error) {
	return nil, errUnbuilt
}

// SetPassword sets another person's password and ends their sessions (operator, or manage_users above the target).
func (c *Core) SetPassword(ctx context.Context, by chat.Actor, user chat.UserID, password string) error {
	return errUnbuilt
}

// SetDisabled shuts an account or opens it again. Shutting ends its sessions.
func (c *Core) SetDisabled(ctx context.Context, by chat.Actor, user chat.UserID, disabled bool) error {
	return errUnbuilt
}

// SetupToken returns the one-time token that makes the first owner, creating it at need, or "" once there is an owner. Its
// hash is kept in the store, so a restart prints a new one and the old one stops working.
func (c *Core) SetupToken(ctx context.Context) (string, error) { return "", errUnbuilt }

// SetUp makes the owner account with the setup token. Fails with setup_done, setup_token_invalid and what Register fails with.
func (c *Core) SetUp(ctx context.Context, address, token string, r Registering) (Login, error) {
	return Login{}, errUnbuilt
}

var errUnbuilt = chat.Errorf(chat.Unavailable, "unbuilt", "This is not built yet.")
