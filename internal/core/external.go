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
)

// External is somebody for whom an identity provider vouches.
type External struct {
	Provider string // such as chat.ProviderRotur
	Subject  string // stable
	Name     string // as the provider spells it now, 1–64 characters
	Owner    bool   // the operator's configuration makes them an owner of the server
}

// Entrance is who was let in without a session: the dialect vouches for the connection as long as it lasts.
type Entrance struct {
	User    *chat.User
	Created bool // by this call
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
func (c *Core) LogInExternal(ctx context.Context, address string, e External) (Entrance, error) {
	name, err := cleanExternalName(e.Name)
	if err != nil {
		return Entrance{}, err
	}
	e.Name = name
	for range 3 { // two connections of somebody new may race
		identity, err := c.Store.Identity(ctx, e.Provider, e.Subject)
		if chat.CodeOf(err) == chat.ErrNotFound.Code {
			in, err := c.registerExternal(ctx, address, e)
			if chat.CodeOf(err) == "identity_taken" {
				continue
			}
			return in, err
		}
		if err != nil {
			return Entrance{}, err
		}
		user, err := c.returnExternal(ctx, identity.UserID, e)
		return Entrance{User: user}, err
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
func (c *Core) returnExternal(ctx context.Context, id chat.UserID, e External) (*chat.User, error) {
	user, err := c.admitted(ctx, id)
	if err != nil {
		return nil, err
	}
	if user.ExternalName == e.Name && (!e.Owner || user.Rank == chat.RankOwner) {
		c.seen(id)
		return user, nil
	}
	err = c.change(ctx, func(tx Tx) (events []chat.Event, err error) {
		if user, err = tx.User(ctx, id); err != nil {
			return nil, err
		}
		if user.ExternalName != e.Name {
			if events, err = c.evict(ctx, tx, id, e.Name); err != nil {
				return nil, err
			}
			changed := *user
			if changed.DisplayName == changed.ExternalName { // it was never anything else
				changed.DisplayName = displayable(e.Name)
			}
			changed.ExternalName = e.Name
			if err := tx.UpdateUser(ctx, &changed); err != nil {
				return nil, err
			}
			user = &changed
			events = append(events, chat.UserChanged{User: user})
		}
		if e.Owner {
			made, promoted, err := c.makeOwner(ctx, tx, user)
			if err != nil {
				return nil, err
			}
			user, events = made, append(events, promoted...)
		}
		return events, nil
	})
	if err == nil {
		c.seen(id)
	}
	return user, err
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
	return []chat.Event{chat.UserChanged{User: &changed}}, tx.UpdateUser(ctx, &changed)
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
func (c *Core) registerExternal(ctx context.Context, address string, e External) (Entrance, error) {
	if err := c.mayRegister(ctx, address); err != nil {
		return Entrance{}, err
	}
	rooms, err := c.entryRooms(ctx)
	if err != nil {
		return Entrance{}, err
	}
	user := &chat.User{ID: c.newUserID(), DisplayName: displayable(e.Name), ExternalName: e.Name, Kind: chat.Person, Status: chat.Online,
		Roles: []chat.RoleID{chat.RoleUser}, CreatedAt: c.now()}
	if e.Owner {
		user.Roles = []chat.RoleID{chat.RoleOwner, chat.RoleUser}
	}
	in := Entrance{Created: true}
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
		made, more, err := c.createUser(ctx, tx, user, chat.Identity{Provider: e.Provider, Subject: e.Subject, UserID: user.ID}, rooms)
		if err != nil {
			return nil, err
		}
		in.User = made
		if e.Owner {
			err = tx.AddAudit(ctx, c.audit(chat.Operator, "user.roles", "user", string(made.ID), 0, map[string]any{"after": made.Roles}))
		}
		return append(events, more...), err
	})
	if err != nil {
		return Entrance{}, err
	}
	c.seen(user.ID)
	return in, nil
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
func (c *Core) RegisterLocal(ctx context.Context, address, username, password string, owner bool) (Entrance, error) {
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
	if err := c.mayRegister(ctx, address); err != nil {
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
	in := Entrance{Created: true}
	err = c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		made, events, err := c.createUser(ctx, tx, user, passwordIdentity(user, secret), rooms)
		if err == nil && owner {
			var promoted []chat.Event
			made, promoted, err = c.makeOwner(ctx, tx, made)
			events = append(events, promoted...)
		}
		in.User = made
		return events, err
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

// LogInLocal checks the password of an account for a dialect that keeps no sessions, and lets its owner in. Unlike LogIn it
// says whether the name or the password was wrong, as that dialect's people expect. Who has a second factor gives the code at
// the end of the password. Fails with credentials_missing, user_not_found, external_account, password_wrong, totp_required,
// totp_wrong, account_disabled, banned, timed_out, rate_limited.
func (c *Core) LogInLocal(ctx context.Context, address, username, password string, owner bool) (Entrance, error) {
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
	if code != "" || owner && user.Rank != chat.RankOwner {
		err = c.change(ctx, func(tx Tx) (events []chat.Event, err error) {
			if err := use(tx); err != nil {
				return nil, err
			}
			if user, err = tx.User(ctx, user.ID); err != nil || !owner {
				return nil, err
			}
			user, events, err = c.makeOwner(ctx, tx, user)
			return events, err
		})
		if err != nil {
			return Entrance{}, err
		}
		c.forgive(ctx, totpKey(user.ID))
	}
	c.seen(user.ID)
	return Entrance{User: user}, nil
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

// FailedLogin counts a failed attempt to log in from an address and tells whether there were too many within a minute, limit
// being what is allowed.
func (c *Core) FailedLogin(ctx context.Context, address string, limit int) (tooMany bool) {
	if c.Limits.LoginPerMinute < 0 {
		return false
	}
	return c.charge(ctx, "login-failed:"+rateKey(address), limit, time.Minute, tooManyLogins) != nil
}
