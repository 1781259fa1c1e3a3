package core

import (
	"context"
	"encoding/json"
	"net/mail"
	"slices"
	"time"
	"unicode/utf8"

	"parley/internal/chat"
)

// Profile is what a person changes about themselves; nil fields stay.
type Profile struct {
	DisplayName   *string // 1–50 characters
	Bio           *string // at most 500
	Email         *string // empty removes it
	AvatarURL     *string // a web address; empty removes the picture
	Status        *chat.Status
	StatusMessage *string         // at most 100
	Settings      json.RawMessage // the clients' own, but for what chat.NotificationPreferences names
}

// Bounds of a profile.
const (
	maxBio            = 500
	maxStatusMessage  = 100
	maxEmail          = 254
	maxSettings       = 16 << 10 // bytes
	maxQuery          = 50
	profilesPerMinute = 60 // changes by one person
)

// Me returns the actor's own account, e-mail and settings included.
func (c *Core) Me(ctx context.Context, by chat.Actor) (*chat.User, error) {
	user, err := c.person(ctx, by)
	if err != nil {
		return nil, err
	}
	return c.profile(by, user), nil
}

// profile is a user as the actor sees them: others with their effective status and without what is private, oneself with the
// status one chose.
func (c *Core) profile(by chat.Actor, user *chat.User) *chat.User {
	if by.UserID == user.ID {
		return user
	}
	user = c.Effective(user)
	if by.Operator || user.Email == "" && user.Settings == nil {
		return user
	}
	shown := *user
	shown.Email, shown.Settings = "", nil
	return &shown
}

// User returns a person's profile with their effective status; private fields are empty unless it is the actor. Fails with
// user_not_found.
func (c *Core) User(ctx context.Context, by chat.Actor, id chat.UserID) (*chat.User, error) {
	user, err := c.user(ctx, id)
	if err != nil {
		return nil, err
	}
	return c.profile(by, user), nil
}

// UserByName is User by username, without regard to case.
func (c *Core) UserByName(ctx context.Context, by chat.Actor, username string) (*chat.User, error) {
	user, err := c.Store.UserByName(ctx, username)
	if err != nil {
		return nil, err
	}
	return c.profile(by, user), nil
}

// UserByExternalName is User by the name that an identity provider knows, without regard to case.
func (c *Core) UserByExternalName(ctx context.Context, by chat.Actor, name string) (*chat.User, error) {
	user, err := c.Store.UserByExternalName(ctx, name)
	if err != nil {
		return nil, err
	}
	return c.profile(by, user), nil
}

// UserByIdentity is User by the id that an identity provider knows.
func (c *Core) UserByIdentity(ctx context.Context, by chat.Actor, provider, subject string) (*chat.User, error) {
	identity, err := c.Store.Identity(ctx, provider, subject)
	if err != nil {
		if chat.AsError(err).Kind == chat.NotFound {
			err = chat.ErrUserNotFound
		}
		return nil, err
	}
	return c.User(ctx, by, identity.UserID)
}

// IdentityOf returns the identity that a provider vouches for a person with, without its secret. Fails with not_found.
func (c *Core) IdentityOf(ctx context.Context, user chat.UserID, provider string) (chat.Identity, error) {
	all, err := c.Store.IdentitiesOf(ctx, user)
	if err != nil {
		return chat.Identity{}, err
	}
	for _, i := range all {
		if i.Provider == provider {
			i.Secret = ""
			return i, nil
		}
	}
	return chat.Identity{}, chat.ErrNotFound
}

// SearchUsers finds people whose username or a word of whose display name begins with q. q has 1–50 characters, limit is
// 1–50 (0: 20). Fails with query_invalid, limit_invalid, rate_limited.
func (c *Core) SearchUsers(ctx context.Context, by chat.Actor, q string, limit int) ([]*chat.User, error) {
	if n := utf8.RuneCountInString(q); n < 1 || n > maxQuery || !utf8.ValidString(q) {
		return nil, chat.InvalidField("q", "query_invalid", "Give 1 to %d characters of a name.", maxQuery)
	}
	if limit == 0 {
		limit = 20
	}
	if err := checkLimit(&limit, 50); err != nil {
		return nil, err
	}
	if !by.Operator { // counted apart from the search for messages: the one completes names while the other is typed
		if err := c.charge(ctx, "user-search:"+string(by.UserID), 2*c.Limits.SearchPerMinute, time.Minute, "You are searching too fast."); err != nil {
			return nil, err
		}
	}
	users, err := c.Store.SearchUsers(ctx, q, limit)
	if err != nil {
		return nil, err
	}
	for i, u := range users {
		users[i] = c.profile(by, u)
	}
	return users, nil
}

// UpdateProfile changes the actor's own profile and tells those who can see it. Names are checked for control, bidi and
// invisible characters. A changed status is also PresenceChanged. Fails with display_name_invalid, bio_too_long, email_invalid,
// avatar_url_invalid, status_invalid, status_message_too_long, settings_invalid, rate_limited.
func (c *Core) UpdateProfile(ctx context.Context, by chat.Actor, p Profile) (*chat.User, error) {
	old, err := c.person(ctx, by)
	if err != nil {
		return nil, err
	}
	if err := c.chargeProfile(ctx, by); err != nil {
		return nil, err
	}
	if p.AvatarURL != nil && *p.AvatarURL == old.AvatarURL {
		p.AvatarURL = nil // sent back as it was read
	}
	if err := cleanProfile(&p); err != nil {
		return nil, err
	}
	user, err := c.updateUser(ctx, by, func(u *chat.User) { p.apply(u) })
	if err == nil && p.AvatarURL != nil {
		c.releaseAvatar(old.AvatarURL)
	}
	return user, err
}

// updateUser changes the actor's own account in a transaction and returns it as they see it.
func (c *Core) updateUser(ctx context.Context, by chat.Actor, set func(*chat.User)) (*chat.User, error) {
	var user *chat.User
	err := c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		old, err := tx.User(ctx, by.UserID)
		if err != nil {
			return nil, err
		}
		changed := *old
		set(&changed)
		user = &changed
		if sameProfile(old, user) {
			return nil, nil
		}
		if err := tx.UpdateUser(ctx, user); err != nil {
			return nil, err
		}
		events := faceEvents(old, user, false)
		before, after := c.Effective(old), c.Effective(user)
		if before.Status != after.Status || before.StatusMessage != after.StatusMessage {
			events = append(events, chat.PresenceChanged{Presence: chat.Presence{UserID: user.ID, Status: after.Status, StatusMessage: after.StatusMessage}})
		}
		return events, nil
	})
	if err != nil {
		return nil, err
	}
	return c.profile(by, user), nil
}

func sameProfile(a, b *chat.User) bool {
	return a.DisplayName == b.DisplayName && a.Bio == b.Bio && a.Email == b.Email && a.AvatarURL == b.AvatarURL && a.Status == b.Status &&
		a.StatusMessage == b.StatusMessage && string(a.Settings) == string(b.Settings)
}

func (p Profile) apply(u *chat.User) {
	for _, f := range []struct {
		from *string
		to   *string
	}{{p.DisplayName, &u.DisplayName}, {p.Bio, &u.Bio}, {p.Email, &u.Email}, {p.AvatarURL, &u.AvatarURL}, {p.StatusMessage, &u.StatusMessage}} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	if p.Status != nil {
		u.Status = *p.Status
	}
	if p.Settings != nil {
		u.Settings = p.Settings
	}
}

// statuses are those that a person can choose.
var statuses = []chat.Status{chat.Online, chat.Away, chat.Busy, chat.Offline}

// cleanProfile checks what was given and puts it into its stored form.
func cleanProfile(p *Profile) error {
	for _, f := range []struct {
		value **string
		clean func(string) (string, error)
	}{
		{&p.DisplayName, cleanDisplayName},
		{&p.Bio, func(s string) (string, error) { return cleanText("bio", "bio", s, maxBio) }},
		{&p.Email, cleanEmail},
		{&p.AvatarURL, cleanUserAvatar},
		{&p.StatusMessage, func(s string) (string, error) {
			return cleanLine("status_message", "status_message", s, maxStatusMessage)
		}},
	} {
		if *f.value == nil {
			continue
		}
		clean, err := f.clean(**f.value)
		if err != nil {
			return err
		}
		*f.value = &clean
	}
	if p.Status != nil && !slices.Contains(statuses, *p.Status) {
		return chat.InvalidField("status", "status_invalid", "A status is online, away, busy or offline.")
	}
	if p.Settings != nil {
		var object map[string]json.RawMessage
		if len(p.Settings) > maxSettings || json.Unmarshal(p.Settings, &object) != nil || object == nil {
			return chat.InvalidField("settings", "settings_invalid", "Settings are a JSON object of at most %d KiB.", maxSettings>>10)
		}
		if _, err := chat.Preferences(p.Settings); err != nil {
			return chat.InvalidField("settings", "settings_invalid", "In the settings %s.", err)
		}
	}
	return nil
}

// cleanEmail accepts one bare address.
func cleanEmail(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	addr, err := mail.ParseAddress(s)
	if err != nil || len(s) > maxEmail || addr.Address != s {
		return "", chat.InvalidField("email", "email_invalid", "This is not an e-mail address.")
	}
	return s, nil
}
