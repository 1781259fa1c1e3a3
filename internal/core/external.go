package core

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"parley/internal/chat"
	"parley/internal/state"
)

// External is somebody for whom an identity provider vouches.
type External struct {
	Provider string // such as chat.ProviderRotur
	Subject  string // stable
	Name     string // as the provider spells it now, 1–64 characters
}

// Arrival is the connection by which somebody comes in.
type Arrival struct {
	Address string
	Device  string // for the session list; connections of one device share a session
	Owner   bool   // the operator's configuration makes them an owner of the server
}

// Entrance is who was let in. The session has no token: the dialect vouches for the connection as long as it lasts, and ends
// it with the session.
type Entrance struct {
	User    *chat.User
	Session chat.Session
	Created bool // the account, by this call
}

// Actor is who acts by the connection.
func (e Entrance) Actor(address string) chat.Actor {
	return chat.Actor{UserID: e.User.ID, SessionID: e.Session.ID, Address: address}
}

// Names that providers and the local accounts of dialects may have.
const (
	maxExternalName = 64
	localPrefix     = "usr:" // how a dialect marks accounts made here
	minLocalName    = 2
	maxLocalName    = 32
	minLocalSecret  = 4
	maxLocalSecret  = 72
)

// LogInExternal lets somebody in for whom a provider vouches. Who is new gets an account, if registration is open; who has
// another name there gets it here, and whoever else still bore that name loses it. Fails with external_name_invalid,
// registration_closed, invite_required, account_disabled, banned, timed_out, rate_limited.
func (c *Core) LogInExternal(ctx context.Context, a Arrival, e External) (Entrance, error) {
	name, err := cleanExternalName(e.Name)
	if err != nil {
		return Entrance{}, err
	}
	e.Name = name
	for range 3 { // two connections of somebody new may race
		identity, err := c.Store.Identity(ctx, e.Provider, e.Subject)
		if chat.CodeOf(err) == chat.ErrNotFound.Code {
			in, err := c.registerExternal(ctx, a, e)
			if chat.CodeOf(err) == "identity_taken" {
				continue
			}
			return in, err
		}
		if err != nil {
			return Entrance{}, err
		}
		return c.returnExternal(ctx, a, identity.UserID, e)
	}
	return Entrance{}, errBusy
}

var errBusy = chat.Errorf(chat.Unavailable, "busy", "Too much is changing at once. Try again.")

// cleanExternalName checks a name that a provider gave. Fails with external_name_invalid.
func cleanExternalName(s string) (string, error) {
	name, err := cleanName("name", "external_name", s, 1, maxExternalName)
	if err == nil && strings.HasPrefix(strings.ToLower(name), localPrefix) {
		err = chat.InvalidField("name", "external_name_invalid", "Names that begin with %q are those of accounts made here.", localPrefix)
	}
	return name, err
}

// returnExternal lets somebody in who has an account, under the name and with the rank that they have by now.
func (c *Core) returnExternal(ctx context.Context, a Arrival, id chat.UserID, e External) (Entrance, error) {
	user, err := c.admitted(ctx, id)
	if err != nil {
		return Entrance{}, err
	}
	if user.ExternalName != e.Name {
		err = c.change(ctx, func(tx Tx) (events []chat.Event, err error) {
			if events, err = c.evict(ctx, tx, id, e.Name); err != nil {
				return nil, err
			}
			if user, err = tx.User(ctx, id); err != nil {
				return nil, err
			}
			changed := *user
			if changed.DisplayName == displayable(changed.ExternalName) { // it was never anything else
				changed.DisplayName = displayable(e.Name)
			}
			changed.ExternalName = e.Name
			events = append(events, faceEvents(user, &changed, false)...)
			user = &changed
			return events, tx.UpdateUser(ctx, user)
		})
		if err != nil {
			return Entrance{}, err
		}
	}
	return c.letIn(ctx, a, user, nil)
}

// letIn gives somebody who may come in the session of their device, and the rank that the operator's configuration gives them.
// use, if set, runs in a transaction before that.
func (c *Core) letIn(ctx context.Context, a Arrival, user *chat.User, use func(Tx) error) (Entrance, error) {
	in := Entrance{User: user}
	a.Device = cleanDevice(a.Device)
	sessions, err := c.Store.SessionsOf(ctx, user.ID, c.now())
	if err != nil {
		return Entrance{}, err
	}
	at := slices.IndexFunc(sessions, func(s chat.Session) bool {
		return s.Device == a.Device && s.ExpiresAt.Sub(c.now()) > c.SessionTTL/2
	})
	if at >= 0 {
		in.Session = sessions[at]
	}
	promote := a.Owner && user.Rank != chat.RankOwner
	if at < 0 || promote || use != nil {
		err = c.change(ctx, func(tx Tx) (events []chat.Event, err error) {
			if use != nil {
				if err := use(tx); err != nil {
					return nil, err
				}
			}
			if promote {
				if in.User, err = tx.User(ctx, user.ID); err != nil {
					return nil, err
				}
				if in.User, events, err = c.makeOwner(ctx, tx, in.User); err != nil {
					return nil, err
				}
			}
			if at < 0 {
				in.Session = c.vouchedSession(user.ID, a)
				err = tx.CreateSession(ctx, in.Session)
			}
			return events, err
		})
		if err != nil {
			return Entrance{}, err
		}
	}
	c.seen(user.ID)
	c.visits.used(in.Session, c.now(), a.Address)
	return in, nil
}

// vouchedSession makes a session that has no token.
func (c *Core) vouchedSession(user chat.UserID, a Arrival) chat.Session {
	now := c.now().Truncate(time.Second)
	return chat.Session{ID: chat.SessionID(c.newKey()), UserID: user, Device: cleanDevice(a.Device), Address: a.Address,
		CreatedAt: now, LastUsedAt: now, ExpiresAt: now.Add(c.SessionTTL)}
}

// evict takes a name off whoever bears it besides the one whose name it is now by the word of the provider. They go by the
// name and their number until they log in themselves.
func (c *Core) evict(ctx context.Context, tx Tx, owner chat.UserID, name string) ([]chat.Event, error) {
	other, err := tx.UserByExternalName(ctx, name)
	if chat.CodeOf(err) == chat.ErrUserNotFound.Code {
		return nil, nil
	}
	if err != nil || other.ID == owner {
		return nil, err
	}
	changed := *other
	changed.ExternalName = fmt.Sprintf("%s~%d", other.ExternalName, other.Number)
	return faceEvents(other, &changed, false), tx.UpdateUser(ctx, &changed)
}

// makeOwner gives somebody the role that the operator's configuration says they have.
func (c *Core) makeOwner(ctx context.Context, tx Tx, user *chat.User) (*chat.User, []chat.Event, error) {
	if slices.Contains(user.Roles, chat.RoleOwner) {
		return user, nil, nil
	}
	roles := append([]chat.RoleID{chat.RoleOwner}, user.Roles...)
	if err := tx.SetUserRoles(ctx, user.ID, roles); err != nil {
		return nil, nil, err
	}
	made, err := tx.User(ctx, user.ID)
	if err != nil {
		return nil, nil, err
	}
	details := map[string]any{"before": user.Roles, "after": made.Roles}
	return made, []chat.Event{chat.UserChanged{User: made}}, tx.AddAudit(ctx, c.audit(chat.Operator, "user.roles", "user", string(user.ID), 0, details))
}

// registerExternal makes an account for somebody new.
func (c *Core) registerExternal(ctx context.Context, a Arrival, e External) (Entrance, error) {
	if err := c.mayRegister(ctx, a.Address); err != nil {
		return Entrance{}, err
	}
	rooms, err := c.entryRooms(ctx)
	if err != nil {
		return Entrance{}, err
	}
	user := &chat.User{ID: c.newUserID(), DisplayName: displayable(e.Name), ExternalName: e.Name, Kind: chat.Person, Status: chat.Online,
		Roles: []chat.RoleID{chat.RoleUser}, CreatedAt: c.now()}
	in := Entrance{Created: true, Session: c.vouchedSession(user.ID, a)}
	err = c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		if _, err := tx.Identity(ctx, e.Provider, e.Subject); chat.CodeOf(err) != chat.ErrNotFound.Code {
			if err == nil {
				err = chat.Errorf(chat.Conflict, "identity_taken", "This way of logging in belongs to another account.")
			}
			return nil, err
		}
		if user.Username, err = freeUsername(ctx, tx, e.Name); err != nil {
			return nil, err
		}
		events, err := c.evict(ctx, tx, "", e.Name)
		if err != nil {
			return nil, err
		}
		more, err := c.createEntrance(ctx, tx, a, &in, user, chat.Identity{Provider: e.Provider, Subject: e.Subject, UserID: user.ID}, rooms)
		return append(events, more...), err
	})
	if err != nil {
		return Entrance{}, err
	}
	c.seen(user.ID)
	return in, nil
}

// createEntrance stores a new account and its first session.
func (c *Core) createEntrance(ctx context.Context, tx Tx, a Arrival, in *Entrance, user *chat.User, identity chat.Identity, rooms []chat.RoomID) ([]chat.Event, error) {
	made, events, err := c.createUser(ctx, tx, user, identity, rooms)
	if err != nil {
		return nil, err
	}
	if a.Owner {
		var promoted []chat.Event
		if made, promoted, err = c.makeOwner(ctx, tx, made); err != nil {
			return nil, err
		}
		events = append(events, promoted...)
	}
	in.User = made
	return events, tx.CreateSession(ctx, in.Session)
}

// mayRegister refuses new accounts where registration is not open. Fails with registration_closed, invite_required,
// rate_limited.
func (c *Core) mayRegister(ctx context.Context, address string) error {
	s, err := c.Server(ctx)
	if err != nil {
		return err
	}
	switch s.Registration {
	case RegistrationClosed:
		return errRegistrationClosed
	case RegistrationInvite:
		return errInviteRequired
	}
	return c.charge(ctx, "register:"+rateKey(address), c.Limits.RegisterPerMinute, time.Minute, "Too many new accounts from your network.")
}

// displayable makes a display name of an external one, which may be longer.
func displayable(name string) string { return truncate(name, 50) }

// freeUsername finds a username, in the form of those made here, that resembles a name from elsewhere.
func freeUsername(ctx context.Context, tx Tx, name string) (string, error) {
	const longest, spare = 20, 6 // spare: room for a number
	base := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_':
			return r
		case r == '-', r == '.', r == ' ':
			return '_'
		}
		return -1
	}, norm.NFKD.String(name))
	base = base[:min(len(base), longest)]
	for n := 1; n < 10_000; n++ {
		try := base
		if n > 1 {
			try = fmt.Sprintf("%s_%d", base[:min(len(base), longest-spare)], n)
		}
		if checkUsername(try) != nil {
			if n == 1 {
				continue // too short, or a word of the server
			}
			try = fmt.Sprintf("user_%d", n)
		}
		_, err := tx.UserByName(ctx, try)
		if chat.CodeOf(err) == chat.ErrUserNotFound.Code {
			return try, nil
		}
		if err != nil {
			return "", err
		}
	}
	return "", errUsernameTaken
}

// admitted returns a person who may use the server. Fails with user_not_found, account_disabled, banned, timed_out.
func (c *Core) admitted(ctx context.Context, id chat.UserID) (*chat.User, error) {
	user, err := c.user(ctx, id)
	if err != nil {
		return nil, err
	}
	sanctions, err := c.Store.LiveSanctions(ctx, id, 0, c.now())
	if err != nil {
		return nil, err
	}
	return user, admit(user, sanctions, c.now())
}

// CheckLocalAccount refuses what cannot become an account of RegisterLocal. The name is trimmed and in lower case then. Fails
// with credentials_missing, local_name_length, password_length, local_name_characters, in this order.
func CheckLocalAccount(username, password string) (string, error) {
	name := strings.ToLower(norm.NFC.String(strings.TrimSpace(username)))
	bad := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && r != '-' || slices.Contains(blanks, r)
	}
	switch n := utf8.RuneCountInString(name); {
	case name == "" || password == "":
		return "", chat.Errorf(chat.Invalid, "credentials_missing", "Give a username and a password.")
	case n < minLocalName || n > maxLocalName:
		return "", chat.InvalidField("username", "local_name_length", "A username has %d to %d characters.", minLocalName, maxLocalName)
	case len(password) > 4*maxLocalSecret, utf8.RuneCountInString(password) < minLocalSecret, utf8.RuneCountInString(password) > maxLocalSecret:
		return "", chat.InvalidField("password", "password_length", "A password has %d to %d characters.", minLocalSecret, maxLocalSecret)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, bad):
		return "", chat.InvalidField("username", "local_name_characters", "A username has letters, digits, hyphens and underscores.")
	}
	return name, nil
}

// RegisterLocal makes an account with a password by the rules of a dialect whose people know no other way: its names and
// passwords may be shorter than those of Register. Fails with registration_closed, invite_required, what CheckLocalAccount
// fails with, username_taken, rate_limited.
func (c *Core) RegisterLocal(ctx context.Context, a Arrival, username, password string) (Entrance, error) {
	s, err := c.Server(ctx)
	if err != nil {
		return Entrance{}, err
	}
	if strings.TrimSpace(username) != "" && password != "" && s.Registration != RegistrationOpen {
		return Entrance{}, errRegistrationClosed
	}
	name, err := CheckLocalAccount(username, password)
	if err != nil {
		return Entrance{}, err
	}
	if slices.Contains(reservedNames, name) {
		return Entrance{}, errUsernameTaken
	}
	if err := c.mayRegister(ctx, a.Address); err != nil {
		return Entrance{}, err
	}
	// Asked before the costly hash; the transaction has the last word.
	if _, err := c.Store.UserByName(ctx, name); err == nil {
		return Entrance{}, errUsernameTaken
	} else if chat.AsError(err).Kind != chat.NotFound {
		return Entrance{}, err
	}
	secret, err := c.hashPassword(ctx, password)
	if err != nil {
		return Entrance{}, err
	}
	rooms, err := c.entryRooms(ctx)
	if err != nil {
		return Entrance{}, err
	}
	user := &chat.User{ID: c.newUserID(), Username: name, DisplayName: name, Kind: chat.Person, Status: chat.Online, Roles: []chat.RoleID{chat.RoleUser}, CreatedAt: c.now()}
	in := Entrance{Created: true, Session: c.vouchedSession(user.ID, a)}
	err = c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		return c.createEntrance(ctx, tx, a, &in, user, passwordIdentity(user, secret), rooms)
	})
	if err != nil {
		return Entrance{}, err
	}
	c.seen(user.ID)
	return in, nil
}

var (
	errRegistrationClosed = chat.Errorf(chat.Forbidden, "registration_closed", "This server takes no new accounts.")
	errInviteRequired     = &chat.Error{Kind: chat.Forbidden, Code: "invite_required", Field: "invite", Text: "You need an invite to make an account here."}
	errExternalAccount    = chat.Errorf(chat.Forbidden, "external_account", "This account has no password here: its owner logs in elsewhere.")
	errPasswordWrong      = chat.InvalidField("password", "password_wrong", "The password is wrong.")
)

// LogInLocal checks the password of an account for a dialect without tokens, and lets its owner in. Unlike LogIn it
// says whether the name or the password was wrong, as that dialect's people expect. Who has a second factor gives the code at
// the end of the password. Fails with credentials_missing, user_not_found, external_account, password_wrong, totp_required,
// totp_wrong, account_disabled, banned, timed_out, rate_limited.
func (c *Core) LogInLocal(ctx context.Context, a Arrival, username, password string) (Entrance, error) {
	name := strings.ToLower(norm.NFC.String(strings.TrimSpace(username)))
	if name == "" || password == "" {
		return Entrance{}, chat.Errorf(chat.Invalid, "credentials_missing", "Give a username and a password.")
	}
	identity, err := c.Store.Identity(ctx, chat.ProviderPassword, passwordSubject(name[:min(len(name), 256)]))
	if chat.CodeOf(err) == chat.ErrNotFound.Code {
		return Entrance{}, c.noLocalAccount(ctx, name)
	}
	if err != nil {
		return Entrance{}, err
	}
	code := ""
	factor, err := readTOTP(ctx, c.Store, identity.UserID)
	if err != nil {
		return Entrance{}, err
	}
	if factor.Confirmed {
		if password, code = splitCode(password); code == "" {
			return Entrance{}, errTOTPRequired
		}
	}
	user, err := c.passwordUser(ctx, name, password)
	if chat.CodeOf(err) == errLoginFailed.Code {
		err = errPasswordWrong
	}
	if err != nil {
		return Entrance{}, err
	}
	if user, err = c.admitted(ctx, user.ID); err != nil {
		return Entrance{}, err
	}
	use, err := c.secondFactor(ctx, user.ID, code)
	if err != nil {
		return Entrance{}, err
	}
	if code == "" {
		use = nil
	}
	in, err := c.letIn(ctx, a, user, use)
	if err == nil && code != "" {
		c.forgive(ctx, totpKey(user.ID))
	}
	return in, err
}

// noLocalAccount says why a name has no password here.
func (c *Core) noLocalAccount(ctx context.Context, name string) error {
	for _, find := range []func(context.Context, string) (*chat.User, error){c.Store.UserByName, c.Store.UserByExternalName} {
		_, err := find(ctx, name)
		if err == nil {
			return errExternalAccount
		}
		if chat.CodeOf(err) != chat.ErrUserNotFound.Code {
			return err
		}
	}
	return chat.ErrUserNotFound
}

// splitCode takes the code of a second factor off the end of a password.
func splitCode(s string) (password, code string) {
	s = strings.TrimRight(s, " ")
	const digits = 6
	i := len(s) - digits
	if i < 1 || strings.ContainsFunc(s[i:], func(r rune) bool { return r < '0' || r > '9' }) {
		return s, ""
	}
	return strings.TrimRight(s[:i], " "), s[i:]
}

// Failed counts a failed attempt of an address to come in, of the given sort; TooManyFailed tells when there were limit of them
// within a minute.
func (c *Core) Failed(ctx context.Context, sort, address string, limit int) {
	if c.Limits.LoginPerMinute < 0 {
		return
	}
	_ = c.charge(ctx, failedKey(sort, address), limit, time.Minute, tooManyLogins) // one too many is one to count no more
}

// TooManyFailed reports whether an address has failed too often to be given another try now.
func (c *Core) TooManyFailed(ctx context.Context, sort, address string, limit int) bool {
	if c.Limits.LoginPerMinute < 0 {
		return false
	}
	d, err := c.State.Allow(ctx, "limit:"+failedKey(sort, address), state.Limit{Count: limit, Per: time.Minute}, 0)
	return err != nil || d.Remaining <= 0
}

func failedKey(sort, address string) string { return "failed:" + sort + ":" + rateKey(address) }
