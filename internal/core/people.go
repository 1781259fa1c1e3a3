package core

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"parley/internal/chat"
)

// Some protocols show everybody who is on the server. Who that is is kept in memory: the ids here, the people in the cache of
// users.

// peopleCache keeps the ids of all people in the order they came, and who of them is banned, and what is remembered of
// some who are gone.
type peopleCache struct {
	mu   sync.Mutex
	ids  []chat.UserID   // nil: to be read; never changed once they are here
	bans []chat.Sanction // as ids; some may be over
	gone map[chat.UserID]chat.Departed
	gen  uint64
}

// maxDeparted bounds how many names of deleted accounts are kept in memory.
const maxDeparted = 10_000

func (p *peopleCache) apply(ev chat.Event) {
	switch e := ev.(type) {
	case chat.UserJoined, chat.UserLeft:
		p.drop()
	case chat.SanctionChanged:
		if e.Sanction.RoomID == 0 && e.Sanction.Kind == chat.Ban {
			p.drop()
		}
	}
}

func (p *peopleCache) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ids, p.bans = nil, nil
	p.gen++
}

// peoplePage is how many ids, and how many people, are read at once.
const (
	idsPage    = 10_000
	peoplePage = 1_000
)

// peopleIDs returns the ids of all people from memory or the store.
func (c *Core) peopleIDs(ctx context.Context) ([]chat.UserID, error) {
	p := &c.everybody
	p.mu.Lock()
	ids, gen := p.ids, p.gen
	p.mu.Unlock()
	if ids != nil {
		return ids, nil
	}
	ids = []chat.UserID{}
	for after := int64(0); ; {
		page, last, err := c.Store.People(ctx, after, idsPage)
		if err != nil {
			return nil, err
		}
		ids = append(ids, page...)
		if after = last; len(page) < idsPage {
			break
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if gen == p.gen {
		p.ids = ids
	}
	return ids, nil
}

// banned returns whom a live ban shuts out from the server, by the time of the ban, from memory or the store.
func (c *Core) banned(ctx context.Context) ([]chat.UserID, error) {
	p, now := &c.everybody, c.now()
	p.mu.Lock()
	bans, gen := p.bans, p.gen
	p.mu.Unlock()
	if bans == nil {
		var err error
		if bans, err = c.Store.Bans(ctx, now); err != nil {
			return nil, err
		}
		if bans == nil {
			bans = []chat.Sanction{}
		}
		p.mu.Lock()
		if gen == p.gen {
			p.bans = bans
		}
		p.mu.Unlock()
	}
	var ids []chat.UserID
	for _, s := range bans {
		if s.Live(now) {
			ids = append(ids, s.UserID)
		}
	}
	return ids, nil
}

// usersIn returns people in the order of their ids; those who are gone are left out.
func (c *Core) usersIn(ctx context.Context, ids []chat.UserID) ([]*chat.User, error) {
	out := make([]*chat.User, 0, len(ids))
	for page := range slices.Chunk(ids, peoplePage) {
		users, err := c.users.get(ctx, page)
		if err != nil {
			return nil, err
		}
		for _, id := range page {
			if u := users[id]; u != nil {
				out = append(out, u)
			}
		}
	}
	return out, nil
}

// People lists everybody who has a usable account and is not banned from the server, in the order they came, with the status
// that others see; the actor with the one they chose. Mostly it costs the store nothing.
func (c *Core) People(ctx context.Context, by chat.Actor) ([]*chat.User, error) {
	ids, err := c.peopleIDs(ctx)
	if err != nil {
		return nil, err
	}
	banned, err := c.banned(ctx)
	if err != nil {
		return nil, err
	}
	out := make(map[chat.UserID]bool, len(banned))
	for _, id := range banned {
		out[id] = true
	}
	users, err := c.usersIn(ctx, ids)
	if err != nil {
		return nil, err
	}
	users = slices.DeleteFunc(users, func(u *chat.User) bool { return out[u.ID] || !u.DisabledAt.IsZero() })
	for i, u := range users {
		users[i] = c.profile(by, u)
	}
	return users, nil
}

// OnlinePeople lists those of People who are connected, to any node, and show it.
func (c *Core) OnlinePeople(ctx context.Context, by chat.Actor) ([]*chat.User, error) {
	p := c.presence
	p.mu.RLock()
	ids := make([]chat.UserID, 0, len(p.people))
	for id := range p.people {
		ids = append(ids, id)
	}
	p.mu.RUnlock()
	users, err := c.usersIn(ctx, ids)
	if err != nil {
		return nil, err
	}
	users = slices.DeleteFunc(users, func(u *chat.User) bool { return u.Status == chat.Offline || u.Kind == chat.Bot })
	slices.SortFunc(users, func(a, b *chat.User) int { return cmp.Compare(a.Number, b.Number) })
	for i, u := range users {
		users[i] = c.profile(by, u)
	}
	return users, nil
}

// PresentHere reports whether somebody has a connection to this node.
func (c *Core) PresentHere(user chat.UserID) bool {
	c.presence.mu.RLock()
	defer c.presence.mu.RUnlock()
	return c.presence.people[user].here > 0
}

// Departed returns what is kept of an account that was deleted, for protocols that show the names of those who are gone. Fails
// with user_not_found.
func (c *Core) Departed(ctx context.Context, id chat.UserID) (chat.Departed, error) {
	p := &c.everybody
	p.mu.Lock()
	d, known := p.gone[id]
	p.mu.Unlock()
	if known {
		return d, nil
	}
	d, err := c.Store.Departed(ctx, id)
	if err != nil {
		return d, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone == nil || len(p.gone) >= maxDeparted {
		p.gone = make(map[chat.UserID]chat.Departed)
	}
	p.gone[id] = d
	return d, nil
}

// faceEvents are the events of a person whose profile changed.
func faceEvents(before, after *chat.User, managed bool) []chat.Event {
	events := []chat.Event{chat.UserChanged{User: after}}
	if face := chat.FaceOf(before); face != chat.FaceOf(after) {
		events = append(events, chat.FaceChanged{User: after, Before: face, Managed: managed})
	}
	return events
}

// Names are what UpdateNames changes; nil fields stay.
type Names struct {
	Username    *string // of an account made here: as RegisterLocal takes it
	DisplayName *string // as a profile has it; empty: what the account is called anyway
}

var errExternalNamed = chat.Errorf(chat.Forbidden, "external_account", "The name of this account is its owner's to change, where they log in.")

// UpdateNames changes what another person, or the actor, is called (manage_users, above the target). Audited. Fails with
// user_not_found, target_above, permission_missing, local_name_length, local_name_characters, username_taken, external_account
// (the username of somebody whom a provider names), display_name_invalid.
func (c *Core) UpdateNames(ctx context.Context, by chat.Actor, id chat.UserID, n Names) (user *chat.User, err error) {
	if by.UserID == id && !by.Operator {
		_, err = c.permit(ctx, by, chat.ManageUsers)
	} else {
		_, err = c.overUser(ctx, by, id)
	}
	if err != nil {
		return nil, err
	}
	if n.Username != nil {
		name, err := CheckLocalAccount(*n.Username, strings.Repeat("x", minLocalSecret)) // as if it were made now
		if err != nil {
			return nil, err
		}
		n.Username = &name
	}
	if n.DisplayName != nil && *n.DisplayName != "" {
		name, err := cleanDisplayName(*n.DisplayName)
		if err != nil {
			return nil, err
		}
		n.DisplayName = &name
	}
	err = c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		old, err := tx.User(ctx, id)
		if err != nil {
			return nil, err
		}
		changed := *old
		var fields []string
		if n.Username != nil && *n.Username != old.Username {
			if old.ExternalName != "" {
				return nil, errExternalNamed
			}
			fields, changed.Username = append(fields, "username"), *n.Username
		}
		if n.DisplayName != nil {
			changed.DisplayName = cmp.Or(*n.DisplayName, displayable(changed.ExternalName), changed.Username)
		}
		if changed.DisplayName != old.DisplayName {
			fields = append(fields, "display_name")
		}
		if user = &changed; len(fields) == 0 {
			return nil, nil
		}
		if err := tx.UpdateUser(ctx, user); err != nil {
			return nil, err
		}
		details := map[string]any{"fields": fields}
		if changed.Username != old.Username {
			details["before"], details["after"] = old.Username, changed.Username
		}
		return faceEvents(old, user, true), tx.AddAudit(ctx, c.audit(by, "user.update", "user", string(id), 0, details))
	})
	if err != nil {
		return nil, err
	}
	return c.profile(by, user), nil
}

// mustOwn refuses who is no owner of the server (permission_missing).
func (c *Core) mustOwn(ctx context.Context, by chat.Actor) error {
	_, err := c.permitRank(ctx, by, chat.RankOwner)
	return err
}

// MustOwn says why somebody may not do what only owners of the server do: permission_missing.
func (c *Core) MustOwn(ctx context.Context, by chat.Actor) error { return c.mustOwn(ctx, by) }

// BannedPeople lists who is banned from the server, in the order of the bans, for owners of the server. Who is gone is left out.
// Fails with permission_missing.
func (c *Core) BannedPeople(ctx context.Context, by chat.Actor) ([]*chat.User, error) {
	if err := c.mustOwn(ctx, by); err != nil {
		return nil, err
	}
	ids, err := c.banned(ctx)
	if err != nil {
		return nil, err
	}
	return c.usersIn(ctx, ids)
}

var errOwnerUnbannable = chat.Errorf(chat.Forbidden, "owner_protected", "Owners of the server cannot be banned this way. Take the role from them first.")

// BanAccount bans somebody from the server until that is lifted, as protocols do in which owners alone ban, and nobody bans an
// owner. It returns false for somebody who is banned already. Fails with permission_missing, owner_protected, user_not_found.
func (c *Core) BanAccount(ctx context.Context, by chat.Actor, id chat.UserID) (bool, error) {
	if err := c.mustOwn(ctx, by); err != nil {
		return false, err
	}
	user, err := c.user(ctx, id)
	if err != nil {
		return false, err
	}
	if user.Rank == chat.RankOwner {
		return false, errOwnerUnbannable
	}
	if banned, err := c.sanctioned(ctx, id, chat.Ban); err != nil || banned {
		return false, err
	}
	_, err = c.Sanction(ctx, by, Measure{Kind: chat.Ban, UserID: id})
	return err == nil, err
}

// UnbanAccount takes BanAccount back, and every other ban from the server; false if there was none. Fails with
// permission_missing.
func (c *Core) UnbanAccount(ctx context.Context, by chat.Actor, id chat.UserID) (bool, error) {
	err := c.mustOwn(ctx, by)
	if err == nil {
		err = c.Lift(ctx, by, chat.Ban, 0, id, "")
	}
	switch chat.CodeOf(err) {
	case "":
		return true, nil
	case "sanction_not_found", chat.ErrUserNotFound.Code:
		return false, nil
	}
	return false, err
}

// maxSilence is the longest that somebody can be silenced for.
const maxSilence = 100 * 365 * 24 * time.Hour

// Silence mutes somebody on the whole server for a while, for owners of the server, in place of the mute that there is; 0 ends
// it. What they have written is no longer charged to them. Fails with permission_missing, user_not_found, target_is_self,
// until_invalid.
func (c *Core) Silence(ctx context.Context, by chat.Actor, id chat.UserID, d time.Duration) error {
	if err := c.mustOwn(ctx, by); err != nil {
		return err
	}
	if d <= 0 {
		if err := c.Lift(ctx, by, chat.Mute, 0, id, ""); err != nil && chat.CodeOf(err) != "sanction_not_found" {
			return err
		}
		return nil
	}
	if _, err := c.Sanction(ctx, by, Measure{Kind: chat.Mute, UserID: id, Until: c.now().Add(min(d, maxSilence))}); err != nil {
		return err
	}
	c.forgivePace(ctx, id)
	return nil
}

// Kick ends somebody's connections, for owners of the server; their sessions survive. Audited. Fails with permission_missing,
// user_not_found.
func (c *Core) Kick(ctx context.Context, by chat.Actor, id chat.UserID) error {
	if err := c.mustOwn(ctx, by); err != nil {
		return err
	}
	if _, err := c.user(ctx, id); err != nil {
		return err
	}
	return c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		return []chat.Event{chat.SessionRevoked{UserID: id, Reason: "kicked"}}, tx.AddAudit(ctx, c.audit(by, "user.kick", "user", string(id), 0, nil))
	})
}

// EndSession ends the connections of a session whose account is gone, see LeaveServer.
func (c *Core) EndSession(by chat.Actor) {
	c.emit([]chat.Event{chat.SessionRevoked{UserID: by.UserID, SessionID: by.SessionID, Reason: "left"}})
}

// LeaveServer deletes the actor's account as DeleteUser does, but leaves the connections of the session it was asked over, so
// that they can be told. EndSession ends them. Fails with last_owner.
func (c *Core) LeaveServer(ctx context.Context, by chat.Actor) error {
	if _, err := c.person(ctx, by); err != nil {
		return err
	}
	return c.deleteUser(ctx, by, by.UserID, by.SessionID)
}
