package core

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

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

// Register makes an account and logs it in. The new person becomes a member of the server's own rooms and of the invite's.
// Fails with registration_closed, invite_required, invite_invalid, username_invalid, username_taken, password_invalid,
// display_name_invalid, rate_limited.
func (c *Core) Register(ctx context.Context, address string, r Registering) (Login, error) {
	if err := c.charge(ctx, "register:"+rateKey(address), c.Limits.RegisterPerMinute, time.Minute, "Too many new accounts from your network."); err != nil {
		return Login{}, err
	}
	s, err := c.Server(ctx)
	if err != nil {
		return Login{}, err
	}
	switch {
	case s.Registration == RegistrationClosed:
		return Login{}, errRegistrationClosed
	case s.Registration == RegistrationInvite && cleanCode(r.Invite) == "":
		return Login{}, errInviteRequired
	}
	return c.register(ctx, address, r, []chat.RoleID{chat.RoleUser}, nil)
}

// register makes an account with roles and logs it in, whatever the mode of registration. first, if set, runs in the same
// transaction, before everything else.
func (c *Core) register(ctx context.Context, address string, r Registering, roles []chat.RoleID, first func(context.Context, Tx) error) (Login, error) {
	user, secret, err := c.draftUser(ctx, r, roles)
	if err != nil {
		return Login{}, err
	}
	var invite chat.Invite
	if cleanCode(r.Invite) != "" {
		if invite, err = c.registrationInvite(ctx, r.Invite); err != nil {
			return Login{}, err
		}
	}
	rooms, err := c.entryRooms(ctx)
	if err != nil {
		return Login{}, err
	}
	l, put, err := c.newLogin(user, address, r.Device, invite.RoomID)
	if err != nil {
		return Login{}, err
	}
	err = c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		if first != nil {
			if err := first(ctx, tx); err != nil {
				return nil, err
			}
		}
		made, events, err := c.createUser(ctx, tx, user, passwordIdentity(user, secret), rooms)
		if err != nil {
			return nil, err
		}
		l.User = made
		if invite.Code != "" {
			let, err := c.redeem(ctx, tx, invite, made)
			if err != nil {
				return nil, err
			}
			events = append(events, let...)
		}
		return events, put(ctx, tx)
	})
	if err != nil {
		return Login{}, err
	}
	return l, nil
}

// draftUser checks what makes an account and hashes its password.
func (c *Core) draftUser(ctx context.Context, r Registering, roles []chat.RoleID) (user *chat.User, secret string, err error) {
	if err := checkUsername(r.Username); err != nil {
		return nil, "", err
	}
	name := r.Username
	if r.DisplayName != "" {
		if name, err = cleanDisplayName(r.DisplayName); err != nil {
			return nil, "", err
		}
	}
	if err := checkNewPassword(r.Password); err != nil {
		return nil, "", err
	}
	// Asked before the costly hash; the transaction has the last word.
	if _, err := c.Store.UserByName(ctx, r.Username); err == nil {
		return nil, "", errUsernameTaken
	} else if chat.AsError(err).Kind != chat.NotFound {
		return nil, "", err
	}
	if secret, err = c.hashPassword(ctx, r.Password); err != nil {
		return nil, "", err
	}
	return &chat.User{ID: c.newUserID(), Username: r.Username, DisplayName: name, Kind: chat.Person, Status: chat.Online, Roles: roles, CreatedAt: c.now()}, secret, nil
}

var errUsernameTaken = &chat.Error{Kind: chat.Conflict, Code: "username_taken", Field: "username", Text: "This username is taken. Choose another one."}

// createUser stores a new account with its way of logging in and brings it into the server's own rooms.
func (c *Core) createUser(ctx context.Context, tx Tx, user *chat.User, identity chat.Identity, rooms []chat.RoomID) (*chat.User, []chat.Event, error) {
	made, err := tx.CreateUser(ctx, user)
	if err != nil {
		return nil, nil, err
	}
	if err := tx.PutIdentity(ctx, identity); err != nil {
		return nil, nil, err
	}
	events := []chat.Event{chat.UserChanged{User: made}, chat.UserJoined{User: made}}
	for _, id := range rooms {
		room, err := tx.Room(ctx, id)
		if chat.CodeOf(err) == chat.ErrRoomNotFound.Code {
			continue // deleted meanwhile
		}
		if err != nil {
			return nil, nil, err
		}
		entered, err := c.enter(ctx, tx, room, made, chat.RoomMember)
		if err != nil {
			return nil, nil, err
		}
		events = append(events, entered...)
	}
	told, err := c.welcome(ctx, tx, made.ID)
	return made, append(events, told...), err
}

// passwordSubject is the subject of a password identity.
func passwordSubject(username string) string { return strings.ToLower(username) }

func passwordIdentity(user *chat.User, secret string) chat.Identity {
	return chat.Identity{Provider: chat.ProviderPassword, Subject: passwordSubject(user.Username), UserID: user.ID, Secret: secret}
}

var errInviteInvalid = &chat.Error{Kind: chat.Forbidden, Code: "invite_invalid", Field: "invite", Text: "This invite is unknown, expired or used up. Ask for a new one."}

// registrationInvite returns a live invite that may be used by somebody who has no account yet: one to the server, or to a
// room, which lets them into the room as well.
func (c *Core) registrationInvite(ctx context.Context, code string) (chat.Invite, error) {
	invite, err := c.Store.Invite(ctx, cleanCode(code))
	if err != nil {
		if chat.AsError(err).Kind == chat.NotFound {
			err = errInviteInvalid
		}
		return chat.Invite{}, err
	}
	if invite.UserID != "" || !invite.Live(c.now()) {
		return chat.Invite{}, errInviteInvalid
	}
	s, err := c.Server(ctx)
	if err != nil {
		return chat.Invite{}, err
	}
	if invite.RoomID != 0 && s.Registration == RegistrationInvite && !s.RoomInvites {
		return chat.Invite{}, &chat.Error{Kind: chat.Forbidden, Code: "invite_invalid", Field: "invite",
			Text: "This invite is for people who have an account already. Ask for an invite to the server."}
	}
	return invite, nil
}

// redeem uses an invite up for a new account and lets it into the invite's room.
func (c *Core) redeem(ctx context.Context, tx Tx, invite chat.Invite, user *chat.User) ([]chat.Event, error) {
	if invite.RoomID == 0 {
		used, err := tx.UseInvite(ctx, invite.Code, c.now())
		if err == nil && !used {
			err = errInviteInvalid
		}
		return nil, err
	}
	room, err := tx.Room(ctx, invite.RoomID)
	if err != nil {
		return nil, err
	}
	if room.Archived {
		return nil, errInviteInvalid
	}
	events, err := c.enterBy(ctx, tx, invite, room, user)
	if chat.CodeOf(err) == errInviteNotFound.Code {
		err = errInviteInvalid // somebody else was faster
	}
	return events, err
}

// officialRooms lists the public rooms of the server itself, in the order they were made.
func (c *Core) officialRooms(ctx context.Context) (rooms []chat.RoomID, err error) {
	page := chat.Page{Limit: 100}
	for {
		some, next, err := c.Store.PublicRooms(ctx, "", page)
		if err != nil {
			return nil, err
		}
		for _, r := range some {
			if r.Official {
				rooms = append(rooms, r.ID)
			}
		}
		if next == "" {
			slices.Sort(rooms)
			return rooms, nil
		}
		page.Cursor = next
	}
}

// errLoginFailed does not say which of the two was wrong.
var errLoginFailed = chat.Errorf(chat.Unauthenticated, "login_failed", "The username or the password is wrong.")

// LogIn checks a password. It takes as long for unknown names as for known ones. Fails with login_failed (unknown name or
// wrong password, indistinguishable), totp_required, account_disabled, banned, timed_out, rate_limited.
func (c *Core) LogIn(ctx context.Context, address, username, password, device string) (Login, error) {
	return c.LogInWithCode(ctx, address, username, password, "", device)
}

// LogInWithCode is LogIn with the code of a second factor, or a recovery code, each of which can be used once; without a second
// factor it is not looked at. Fails with totp_wrong, too.
func (c *Core) LogInWithCode(ctx context.Context, address, username, password, code, device string) (Login, error) {
	if err := c.charge(ctx, "login:"+rateKey(address), c.Limits.LoginPerMinute, time.Minute, tooManyLogins); err != nil {
		return Login{}, err
	}
	user, err := c.passwordUser(ctx, username, password)
	if err != nil {
		return Login{}, err
	}
	sanctions, err := c.Store.LiveSanctions(ctx, user.ID, 0, c.now())
	if err != nil {
		return Login{}, err
	}
	if err := admit(user, sanctions, c.now()); err != nil {
		return Login{}, err
	}
	use, err := c.secondFactor(ctx, user.ID, code)
	if err != nil {
		return Login{}, err
	}
	l, put, err := c.newLogin(user, address, device, 0)
	if err != nil {
		return Login{}, err
	}
	err = c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		if err := use(tx); err != nil {
			return nil, err
		}
		return nil, put(ctx, tx)
	})
	if err != nil {
		return Login{}, err
	}
	if code != "" {
		c.forgive(ctx, totpKey(user.ID))
	}
	c.seen(user.ID)
	return l, nil
}

const tooManyLogins = "Too many attempts to log in."

// passwordUser returns whose name and password these are. Wrong ones are also counted per name, so that many addresses
// together guess no faster than one. Fails with login_failed or rate_limited.
func (c *Core) passwordUser(ctx context.Context, username, password string) (*chat.User, error) {
	subject := passwordSubject(strings.TrimSpace(username))
	if len(subject) > 256 {
		subject = "" // nobody's, but it still takes its time
	}
	failures := "login-name:" + subject
	if err := c.charge(ctx, failures, c.Limits.LoginPerMinute, time.Minute, tooManyLogins); err != nil {
		return nil, err
	}
	identity, err := c.Store.Identity(ctx, chat.ProviderPassword, subject)
	if err != nil && chat.AsError(err).Kind != chat.NotFound {
		return nil, err
	}
	match, stale, err := c.checkPassword(ctx, identity.Secret, password)
	if err != nil {
		return nil, err
	}
	if !match {
		return nil, errLoginFailed
	}
	c.forgive(ctx, failures)
	if stale {
		c.rehash(ctx, identity, password)
	}
	return c.user(ctx, identity.UserID)
}

// rehash stores a password anew under the present costs. The log-in goes on if it fails: the next one tries again.
func (c *Core) rehash(ctx context.Context, old chat.Identity, password string) {
	secret, err := c.hashPassword(ctx, password)
	if err == nil {
		err = c.change(ctx, func(tx Tx) ([]chat.Event, error) {
			now, err := tx.Identity(ctx, old.Provider, old.Subject)
			if err != nil || now != old { // changed meanwhile
				return nil, err
			}
			now.Secret = secret
			return nil, tx.PutIdentity(ctx, now)
		})
	}
	if err != nil {
		c.log.Warn("a password could not be hashed anew", "user", old.UserID, "error", err)
	}
}

// ChangePassword sets a new password after checking the old one and ends the actor's other sessions. Fails with
// login_failed, password_invalid, rate_limited.
func (c *Core) ChangePassword(ctx context.Context, by chat.Actor, old, new string) error {
	if err := c.charge(ctx, "password:"+string(by.UserID), c.Limits.LoginPerMinute, time.Minute, "Too many attempts to change the password."); err != nil {
		return err
	}
	if err := checkNewPassword(new); err != nil {
		return err
	}
	identity, err := c.passwordOf(ctx, by.UserID)
	if err != nil {
		return err
	}
	match, _, err := c.checkPassword(ctx, identity.Secret, old)
	if err != nil {
		return err
	}
	if !match {
		return chat.Errorf(chat.Forbidden, errLoginFailed.Code, "The old password is wrong.")
	}
	secret, err := c.hashPassword(ctx, new)
	if err != nil {
		return err
	}
	return c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		now, err := tx.Identity(ctx, identity.Provider, identity.Subject)
		if err != nil {
			return nil, err
		}
		if now != identity { // changed meanwhile: what was checked is no longer the old password
			return nil, chat.Errorf(chat.Forbidden, errLoginFailed.Code, "The old password is wrong.")
		}
		now.Secret = secret
		if err := tx.PutIdentity(ctx, now); err != nil {
			return nil, err
		}
		_, ev, err := endSessions(ctx, tx, by.UserID, "", by.SessionID, "password_changed", c.now())
		return []chat.Event{ev}, err
	})
}

// passwordOf returns a person's password identity; it has no secret if they never had one.
func (c *Core) passwordOf(ctx context.Context, user chat.UserID) (chat.Identity, error) {
	identities, err := c.Store.IdentitiesOf(ctx, user)
	for _, id := range identities {
		if id.Provider == chat.ProviderPassword {
			return id, nil
		}
	}
	return chat.Identity{}, err
}

// cleanDevice makes a user agent fit for the session list.
func cleanDevice(s string) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s[:min(len(s), 4*maxDevice)]))
	return truncate(s, maxDevice)
}

const maxDevice = 200

// rateKey is an address as rate limits see it: the holder of an IPv6 address has at least a /64 of them.
func rateKey(address string) string {
	addr, err := netip.ParseAddr(address)
	if err != nil || addr.Unmap().Is4() {
		return address
	}
	return netip.PrefixFrom(addr.WithZone(""), 64).Masked().Addr().String()
}
