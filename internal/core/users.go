package core

import (
	"context"
	"encoding/json"
	"io"

	"parley/internal/chat"
)

// Profile is what a person changes about themselves; nil fields stay.
type Profile struct {
	DisplayName   *string // 1–50 characters
	Bio           *string // at most 500
	Email         *string
	AvatarURL     *string // empty removes it
	Status        *chat.Status
	StatusMessage *string // at most 100
	Settings      json.RawMessage
}

// Me returns the actor's own account, e-mail and settings included.
func (c *Core) Me(ctx context.Context, by chat.Actor) (*chat.User, error) { return nil, errUnbuilt }

// User returns a person's profile with their effective status; private fields are empty unless it is the actor.
func (c *Core) User(ctx context.Context, by chat.Actor, id chat.UserID) (*chat.User, error) {
	return nil, errUnbuilt
}

// UserByName is User by username, without regard to case.
func (c *Core) UserByName(ctx context.Context, by chat.Actor, username string) (*chat.User, error) {
	return nil, errUnbuilt
}

// SearchUsers finds people whose username or a word of whose display name begins with q. q has 1–50 characters.
func (c *Core) SearchUsers(ctx context.Context, by chat.Actor, q string, limit int) ([]*chat.User, error) {
	return nil, errUnbuilt
}

// UpdateProfile changes the actor's own profile and tells those who can see it. Names are checked for control, bidi and
// invisible characters. A changed status is also PresenceChanged.
func (c *Core) UpdateProfile(ctx context.Context, by chat.Actor, p Profile) (*chat.User, error) {
	return nil, errUnbuilt
}

// SetAvatar stores a picture as the actor's avatar: cropped to a square, scaled, re-encoded without metadata. Fails like an
// upload.
func (c *Core) SetAvatar(ctx context.Context, by chat.Actor, picture io.Reader) (*chat.User, error) {
	return nil, errUnbuilt
}

// Avatar opens the picture behind an avatar URL's name (64 hex digits): bytes and MIME type. Anyone may see it.
func (c *Core) Avatar(ctx context.Context, name string) (io.ReadSeekCloser, string, error) {
	return nil, "", errUnbuilt
}

// seen notes, cheaply and soon rather than at once, that a person was here.
func (c *Core) seen(user chat.UserID) {}
