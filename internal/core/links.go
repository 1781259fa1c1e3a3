package core

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"parley/internal/chat"
)

// One person can have several ways of logging in: a password, an account elsewhere, a key. When they have used two of them
// before saying so, they have two accounts; a code that one account shows and the other is given makes one of them.
//
// The account with a password is kept, as its password goes with its username; if neither has one, the account that showed
// the code. The other ways of logging in move to it. An account that nothing was ever done with is deleted. Any other stays,
// disabled, with what was written under it; nobody's messages change hands.
const (
	linkCodeLength = 8
	linkCodeTTL    = 10 * time.Minute
	linkCodesPer   = 10               // codes that one account shows in linkPer
	linkTriesPer   = 10               // codes that one account, or address, tries in linkPer
	linkPer        = 10 * time.Minute // 30^8 codes: ten tries find one of a thousand live ones once in 66 million times
	freshFor       = 30 * 24 * time.Hour
)

var (
	errLinkCode = chat.InvalidField("code", "link_code_invalid", "This code is unknown, used or too old. Have a new one shown.")
	errLinkSame = chat.InvalidField("code", "link_same_account", "This code is of the account that you are using. Give it where you are logged in otherwise.")
)

// LinkCode is what one account shows and another is given.
type LinkCode struct {
	Code      string // eight characters that are not taken for each other
	ExpiresAt time.Time
}

// LoginWay is one of the ways into an account.
type LoginWay struct {
	ID       string // opaque, for Unlink
	Provider string
	Name     string // as the provider knows the person; the username of a password
	Only     bool   // it cannot be taken away: it is the only one, or a password
}

// Link is what giving a code does, or did.
type Link struct {
	Kept    *chat.User // the account that is left, with all ways of logging in
	Gone    *chat.User // the other one, as it was
	Moved   []LoginWay // ways of logging in that move to Kept
	Deletes bool       // Gone is deleted, as nothing was ever done with it; else it is disabled and keeps what it wrote
	Done    bool       // false: nothing happened yet
}

// MakeLinkCode makes a code that another account of the same person is given. The newest one of an account is good, once, for
// ten minutes. Fails with rate_limited.
func (c *Core) MakeLinkCode(ctx context.Context, by chat.Actor) (LinkCode, error) {
	if _, err := c.linkable(ctx, by); err != nil {
		return LinkCode{}, err
	}
	if err := c.charge(ctx, "link-codes:"+string(by.UserID), c.linkLimit(linkCodesPer), linkPer, "Too many codes."); err != nil {
		return LinkCode{}, err
	}
	made := LinkCode{Code: c.code(linkCodeLength), ExpiresAt: c.now().Add(linkCodeTTL)}
	last := "link-of:" + string(by.UserID)
	old, ok, err := c.State.Take(ctx, last)
	if err == nil && ok {
		err = c.State.Delete(ctx, linkKey(string(old)))
	}
	if err == nil {
		err = c.State.Set(ctx, linkKey(made.Code), []byte(by.UserID), linkCodeTTL)
	}
	if err == nil {
		err = c.State.Set(ctx, last, []byte(made.Code), linkCodeTTL)
	}
	if err != nil {
		return LinkCode{}, stateAway(err)
	}
	return made, nil
}

func linkKey(code string) string { return "link:" + code }

// cleanLinkCode forgives blanks and hyphens that make a code readable.
func cleanLinkCode(s string) string {
	return strings.NewReplacer(" ", "", "-", "").Replace(cleanCode(s[:min(len(s), 64)]))
}

// linkLimit is a bound on codes, unless the operator switched off those on logging in.
func (c *Core) linkLimit(n int) int {
	if c.Limits.LoginPerMinute < 0 {
		return -1
	}
	return n
}

func stateAway(err error) error {
	return &chat.Error{Kind: chat.Unavailable, Code: "unavailable", Text: "The server is not complete at the moment. Try again soon.", Cause: err}
}

// CheckOwner makes sure that it is the account's owner who asks, by the password if the account has one. Fails with
// password_wrong, rate_limited.
func (c *Core) CheckOwner(ctx context.Context, by chat.Actor, password string) error {
	identity, err := c.passwordOf(ctx, by.UserID)
	if err != nil || identity.Secret == "" {
		return err
	}
	return c.CheckOwnPassword(ctx, by, password)
}

// linkable returns the actor's account, which has to be a person's in good standing.
func (c *Core) linkable(ctx context.Context, by chat.Actor) (*chat.User, error) {
	user, err := c.person(ctx, by)
	if err != nil {
		return nil, err
	}
	if user.Kind != chat.Person {
		return nil, chat.Errorf(chat.Forbidden, "link_not_a_person", "Only accounts of people can be linked.")
	}
	return c.admitted(ctx, user.ID)
}

// LinkAccounts makes one account of the actor's and of the one that showed the code. Without confirmed it says what that
// would do, and the code stays good. Fails with link_code_invalid, link_same_account, link_passwords (both have one),
// link_provider_taken (both have a way of logging in of the same sort), link_sanctioned (the one that would go is banned,
// muted or timed out somewhere), link_rank (it ranks higher), rate_limited.
func (c *Core) LinkAccounts(ctx context.Context, by chat.Actor, code string, confirmed bool) (Link, error) {
	user, err := c.linkable(ctx, by)
	if err != nil {
		return Link{}, err
	}
	for _, key := range []string{"link-tries:" + string(by.UserID), "link-tries-from:" + rateKey(by.Address)} {
		if by.Address == "" && strings.HasPrefix(key, "link-tries-from:") {
			continue
		}
		if err := c.charge(ctx, key, c.linkLimit(linkTriesPer), linkPer, "Too many codes."); err != nil {
			return Link{}, err
		}
	}
	shower, err := c.showerOf(ctx, cleanLinkCode(code), confirmed)
	if err != nil {
		return Link{}, err
	}
	if shower == by.UserID {
		if confirmed { // it was meant for elsewhere
			_ = c.State.Set(ctx, linkKey(cleanLinkCode(code)), []byte(shower), linkCodeTTL)
		}
		return Link{}, errLinkSame
	}
	other, err := c.admitted(ctx, shower)
	if err != nil {
		return Link{}, errLinkCode
	}
	if !confirmed {
		return c.planLink(ctx, c.Store, other, user)
	}
	var link Link
	var avatar string
	err = c.change(ctx, func(tx Tx) (events []chat.Event, err error) {
		if other, err = tx.User(ctx, shower); err != nil {
			return nil, err
		}
		if user, err = tx.User(ctx, by.UserID); err != nil {
			return nil, err
		}
		if link, err = c.planLink(ctx, tx, other, user); err != nil {
			return nil, err
		}
		avatar = ""
		if link.Deletes {
			avatar = link.Gone.AvatarURL
		}
		events, err = c.link(ctx, tx, by, &link)
		return events, err
	})
	if err != nil {
		return Link{}, err
	}
	if avatar != "" {
		c.releaseAvatar(avatar)
	}
	link.Done = true
	return link, nil
}

// showerOf returns who showed a code; use makes it void.
func (c *Core) showerOf(ctx context.Context, code string, use bool) (chat.UserID, error) {
	if len(code) != linkCodeLength {
		return "", errLinkCode
	}
	read := c.State.Get
	if use {
		read = c.State.Take
	}
	user, ok, err := read(ctx, linkKey(code))
	if err != nil {
		return "", stateAway(err)
	}
	if !ok {
		return "", errLinkCode
	}
	return chat.UserID(user), nil
}

// planLink decides what becomes of two accounts, the one that showed the code and the one that was given it.
func (c *Core) planLink(ctx context.Context, r Reader, showed, given *chat.User) (Link, error) {
	l := Link{}
	ways := make(map[chat.UserID][]chat.Identity, 2)
	var protected []*chat.User // by a password
	for _, user := range []*chat.User{showed, given} {
		identities, err := r.IdentitiesOf(ctx, user.ID)
		if err != nil {
			return l, err
		}
		for _, id := range identities {
			if id.Provider == chat.ProviderPassword && id.Secret != "" {
				protected = append(protected, user)
			}
		}
		ways[user.ID] = identities
	}
	switch {
	case len(protected) == 2:
		return l, chat.Errorf(chat.Conflict, "link_passwords", "Both accounts have a password, and an account has only one. Delete the one that you no longer need.")
	case len(protected) == 1 && protected[0].ID == given.ID:
		l.Kept, l.Gone = given, showed
	default:
		l.Kept, l.Gone = showed, given
	}
	if l.Gone.Rank > l.Kept.Rank {
		return l, chat.Errorf(chat.Conflict, "link_rank", "The account %s would go, but ranks higher than %s. Give %s its rank first.", l.Gone.Username, l.Kept.Username, l.Kept.Username)
	}
	live, _, err := r.Sanctions(ctx, chat.SanctionFilter{UserID: l.Gone.ID, LiveAt: c.now()}, chat.Page{Limit: 1})
	if err != nil {
		return l, err
	}
	if len(live) > 0 {
		return l, chat.Errorf(chat.Forbidden, "link_sanctioned", "The account %s is restricted by the moderators. It can be linked when that is over.", l.Gone.Username)
	}
	has := make(map[string]bool)
	for _, id := range ways[l.Kept.ID] {
		has[id.Provider] = true
	}
	for _, id := range ways[l.Gone.ID] {
		if !movable(id) {
			continue
		}
		if has[id.Provider] {
			return l, chat.Errorf(chat.Conflict, "link_provider_taken", "The account %s has a login of this sort already. Take that one off it first.", l.Kept.Username)
		}
		l.Moved = append(l.Moved, loginWay(l.Gone, id))
	}
	if len(l.Moved) == 0 {
		return l, chat.Errorf(chat.Conflict, "link_nothing", "The account %s has no login that could be moved.", l.Gone.Username)
	}
	l.Deletes, err = c.fresh(ctx, r, l.Gone)
	return l, err
}

// movable tells the ways of logging in that are not bound to one account by their form.
func movable(id chat.Identity) bool {
	return id.Provider != chat.ProviderPassword && id.Provider != chat.ProviderTOTP
}

// fresh tells whether an account is new and nothing was done with it.
func (c *Core) fresh(ctx context.Context, r Reader, user *chat.User) (bool, error) {
	now := c.now()
	if now.Sub(user.CreatedAt) > freshFor || user.Rank != chat.RankMember || slices.ContainsFunc(user.Roles, func(id chat.RoleID) bool { return id != chat.RoleUser }) {
		return false, nil
	}
	wrote, err := r.Wrote(ctx, user.ID, user.CreatedAt, now)
	if err != nil || wrote {
		return false, err
	}
	past, _, err := r.Sanctions(ctx, chat.SanctionFilter{UserID: user.ID}, chat.Page{Limit: 1})
	if err != nil || len(past) > 0 {
		return false, err
	}
	rooms, err := r.RoomsOf(ctx, user.ID)
	if err != nil {
		return false, err
	}
	return !slices.ContainsFunc(rooms, func(v chat.RoomView) bool { return v.Room.OwnerID == user.ID || v.Room.Type == chat.Direct }), nil
}

// link does what was planned.
func (c *Core) link(ctx context.Context, tx Tx, by chat.Actor, l *Link) (events []chat.Event, err error) {
	identities, err := tx.IdentitiesOf(ctx, l.Gone.ID)
	if err != nil {
		return nil, err
	}
	kept, err := tx.User(ctx, l.Kept.ID)
	if err != nil {
		return nil, err
	}
	was := kept
	if l.Deletes {
		if events, err = c.removeAccount(ctx, tx, l.Gone, ""); err != nil {
			return nil, err
		}
	} else {
		gone := *l.Gone
		gone.ExternalName, gone.DisabledAt = "", c.now()
		if kept.ExternalName != "" {
			gone.ExternalName = l.Gone.ExternalName
		}
		if err := tx.UpdateUser(ctx, &gone); err != nil {
			return nil, err
		}
		_, revoked, err := endSessions(ctx, tx, gone.ID, "", "", "disabled", c.now())
		if err != nil {
			return nil, err
		}
		events = append(events, revoked, chat.UserChanged{User: &gone})
	}
	var providers []string
	for _, id := range identities {
		if !movable(id) {
			continue
		}
		if !l.Deletes {
			if _, err := tx.DeleteIdentity(ctx, id.Provider, id.Subject); err != nil {
				return nil, err
			}
		}
		id.UserID = kept.ID
		if err := tx.PutIdentity(ctx, id); err != nil {
			return nil, err
		}
		providers = append(providers, id.Provider)
	}
	if kept.ExternalName == "" && l.Gone.ExternalName != "" {
		named := *kept
		named.ExternalName = l.Gone.ExternalName
		if err := tx.UpdateUser(ctx, &named); err != nil {
			return nil, err
		}
		kept = &named
	}
	l.Kept = kept
	details := map[string]any{"providers": providers, "from": l.Gone.Username, "from_id": l.Gone.ID, "deleted": l.Deletes}
	return append(events, faceEvents(was, kept, false)...), tx.AddAudit(ctx, c.audit(by, "user.link", "user", string(kept.ID), 0, details))
}

// LoginWays lists how the actor can log in, in the order of providers.
func (c *Core) LoginWays(ctx context.Context, by chat.Actor) ([]LoginWay, error) {
	user, err := c.person(ctx, by)
	if err != nil {
		return nil, err
	}
	identities, err := c.Store.IdentitiesOf(ctx, by.UserID)
	if err != nil {
		return nil, err
	}
	ways := []LoginWay{}
	for _, id := range identities {
		if usable(id) {
			ways = append(ways, loginWay(user, id))
		}
	}
	if len(ways) == 1 {
		ways[0].Only = true
	}
	return ways, nil
}

// usable tells the identities that let somebody in.
func usable(id chat.Identity) bool {
	return id.Provider != chat.ProviderTOTP && (id.Provider != chat.ProviderPassword || id.Secret != "")
}

func loginWay(user *chat.User, id chat.Identity) LoginWay {
	sum := sha256.Sum256([]byte(id.Provider + "\x00" + id.Subject))
	w := LoginWay{ID: base64.RawURLEncoding.EncodeToString(sum[:12]), Provider: id.Provider, Name: id.Subject, Only: id.Provider == chat.ProviderPassword}
	switch id.Provider {
	case chat.ProviderPassword:
		w.Name = user.Username
	case chat.ProviderRotur:
		if user.ExternalName != "" {
			w.Name = user.ExternalName
		}
	}
	return w
}

// UnlinkAccount takes a way of logging in off the actor's account and ends their other sessions and connections, which may
// have come in by it. Whoever logs in that way afterwards gets a new account. Fails with login_way_not_found,
// login_way_needed (a password, or the only one).
func (c *Core) UnlinkAccount(ctx context.Context, by chat.Actor, id string) error {
	if _, err := c.person(ctx, by); err != nil {
		return err
	}
	return c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		user, err := tx.User(ctx, by.UserID)
		if err != nil {
			return nil, err
		}
		identities, err := tx.IdentitiesOf(ctx, by.UserID)
		if err != nil {
			return nil, err
		}
		identities = slices.DeleteFunc(identities, func(i chat.Identity) bool { return !usable(i) })
		at := slices.IndexFunc(identities, func(i chat.Identity) bool { return loginWay(user, i).ID == id })
		switch {
		case at < 0:
			return nil, chat.Errorf(chat.NotFound, "login_way_not_found", "Your account has no such login.")
		case len(identities) == 1 || !movable(identities[at]):
			return nil, chat.Errorf(chat.Conflict, "login_way_needed", "This is how you get into your account. Add another way first.")
		}
		off := identities[at]
		if _, err := tx.DeleteIdentity(ctx, off.Provider, off.Subject); err != nil {
			return nil, err
		}
		var events []chat.Event
		if off.Provider == chat.ProviderRotur && user.ExternalName != "" {
			changed := *user
			changed.ExternalName = ""
			if err := tx.UpdateUser(ctx, &changed); err != nil {
				return nil, err
			}
			events = append(events, faceEvents(user, &changed, false)...)
		}
		_, revoked, err := endSessions(ctx, tx, by.UserID, "", by.SessionID, "unlinked", c.now())
		if err != nil {
			return nil, err
		}
		return append(events, revoked), tx.AddAudit(ctx, c.audit(by, "user.unlink", "user", string(by.UserID), 0, map[string]any{"provider": off.Provider}))
	})
}

// linkCommand shows a link code, or takes one, to whoever comes from elsewhere. Accounts with a password are asked for it where
// that can be done.
func (c *Core) linkCommand(ctx context.Context, call CommandCall) (CommandAnswer, error) {
	private := func(text string) (CommandAnswer, error) { return CommandAnswer{Content: text, Private: true}, nil }
	password, err := c.passwordOf(ctx, call.By.UserID)
	if err != nil {
		return CommandAnswer{}, err
	}
	if password.Secret != "" {
		return private("Your account has a password. Link it in the account settings of the web page, which asks for it.")
	}
	code := strings.TrimSpace(call.Text("code"))
	if code == "" {
		made, err := c.MakeLinkCode(ctx, call.By)
		if err != nil {
			return CommandAnswer{}, err
		}
		return private("Your code is **" + made.Code + "**. Give it in the account settings of the web page, or with /link where you are logged in otherwise, within ten minutes. " +
			"Never tell it to anybody: it makes their account and yours one.")
	}
	link, err := c.LinkAccounts(ctx, call.By, code, call.Text("confirm") == "yes")
	if err != nil {
		return CommandAnswer{}, err
	}
	text := "You come into the account **" + link.Kept.Username + "** from now on. Connect again."
	switch {
	case link.Done && link.Kept.ID == call.By.UserID:
		text = "The accounts are linked."
	case !link.Done && link.Deletes:
		text = "**" + ownName(link.Gone) + "** becomes a way into the account **" + link.Kept.Username + "**, and the empty account is deleted. Give the code again with confirm: yes."
	case !link.Done:
		text = "**" + ownName(link.Gone) + "** becomes a way into the account **" + link.Kept.Username + "**. What " + ownName(link.Gone) +
			" wrote stays under that name, and that account is disabled. Give the code again with confirm: yes."
	}
	return private(text)
}
