package core

import (
	"context"
	"encoding/json"
	"time"

	"parley/internal/chat"
)

// CheapHashing makes passwords cost next to nothing, so that tests of accounts take no time.
func (c *Core) CheapHashing() { c.argon = argonParams{time: 1, memory: 8, threads: 1} }

// DearerHashing raises the costs, as an operator does in the course of the years.
func (c *Core) DearerHashing() { c.argon.time++ }

// Tidy does the chores that are due once a minute, now.
func (c *Core) Tidy(ctx context.Context) error { return c.tidy(ctx) }

// Rescan examines the uploads that wait for the scanner, now.
func (c *Core) Rescan(ctx context.Context) error { return c.rescan(ctx) }

// FlushVisits stores last-seen times now.
func (c *Core) FlushVisits(ctx context.Context) error { return c.flushVisits(ctx) }

// Allow asks for a right as every rule does.
func (c *Core) Allow(ctx context.Context, by chat.Actor, right chat.Right, room chat.RoomID) error {
	_, err := c.allow(ctx, by, right, room)
	return err
}

// AllowOn asks for a right over a person.
func (c *Core) AllowOn(ctx context.Context, by chat.Actor, right chat.Right, room chat.RoomID, target chat.UserID) error {
	_, _, err := c.allowOn(ctx, by, right, room, target)
	return err
}

// Permit asks for a server-wide permission.
func (c *Core) Permit(ctx context.Context, by chat.Actor, p chat.Permission) error {
	_, err := c.permit(ctx, by, p)
	return err
}

// Holding occupies all places for hashing until release is called.
func (c *Core) Holding() (release func()) {
	for range cap(c.hashing) {
		c.hashing <- struct{}{}
	}
	return func() {
		for range cap(c.hashing) {
			<-c.hashing
		}
	}
}

// TouchEvery is how often the use of a session is stored.
const TouchEvery = touchEvery

// SetupSetting is where the hash of the setup token is.
const SetupSetting = setupSetting

// SignFor makes a token for a session that need not exist.
func (c *Core) SignFor(user chat.UserID, session chat.SessionID, expires time.Time) (string, error) {
	return c.signToken(chat.Session{ID: session, UserID: user, CreatedAt: c.now(), ExpiresAt: expires})
}

// ParseHash reports whether a stored password hash can be used.
func ParseHash(s string) (again string, ok bool) {
	h, ok := parseHash(s)
	return h.String(), ok
}

// Settle waits for what is done in the background of changes.
func (c *Core) Settle() { c.files.background.Wait() }

// RenewLeases does now what is done every 20 s for voice rooms and commands.
func (c *Core) RenewLeases(ctx context.Context) error { return c.renewLeases(ctx) }

// ForgetLeases makes this node no longer renew what a person has.
func (c *Core) ForgetLeases(user chat.UserID) {
	c.voice.forget(string(user), "")
	c.commands.forget(string(user), "")
}

// CheckArgs checks the arguments of a call.
func CheckArgs(command chat.Command, raw json.RawMessage) (values map[string]json.RawMessage, whole json.RawMessage, err error) {
	values, err = checkArgs(command, raw, &whole)
	return values, whole, err
}
