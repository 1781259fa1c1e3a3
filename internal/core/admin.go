package core

import (
	"context"

	"parley/internal/chat"
)

// ListUsers is the operator's list of accounts (manage_users).
func (c *Core) ListUsers(ctx context.Context, by chat.Actor, q UserQuery) ([]*chat.User, string, error) {
	return nil, "", errUnbuilt
}

// ListRooms is the operator's list of rooms, without content (manage_rooms).
func (c *Core) ListRooms(ctx context.Context, by chat.Actor, q string, page chat.Page) ([]chat.Room, string, error) {
	return nil, "", errUnbuilt
}

// RemoveRoom deletes any room but a direct one by server rank (manage_rooms and above its owner).
func (c *Core) RemoveRoom(ctx context.Context, by chat.Actor, id chat.RoomID) error {
	return errUnbuilt
}

// DeleteUser removes an account: identities, sessions, memberships; rooms it owns pass to the longest-serving admin or
// member, or are archived. Its messages stay, without a name. Self with password checked by the dialect, or operator/owner.
func (c *Core) DeleteUser(ctx context.Context, by chat.Actor, user chat.UserID) error {
	return errUnbuilt
}

// Announce sends a system notification to everyone (announce). Title 1–120, text 1–4,000 characters.
func (c *Core) Announce(ctx context.Context, by chat.Actor, title, text string, severity chat.Severity) (int, error) {
	return 0, errUnbuilt
}

// Stats counts what the server holds (any rank above member).
func (c *Core) Stats(ctx context.Context, by chat.Actor) (Stats, error) { return Stats{}, errUnbuilt }

// CreateServerInvite makes an invite to register (create_invites); InvitesToServer lists them. Revoked by RevokeInvite.
func (c *Core) CreateServerInvite(ctx context.Context, by chat.Actor, n NewInvite) (chat.Invite, error) {
	return chat.Invite{}, errUnbuilt
}

// InvitesToServer: see CreateServerInvite.
func (c *Core) InvitesToServer(ctx context.Context, by chat.Actor) ([]chat.Invite, error) {
	return nil, errUnbuilt
}

// chores runs until ctx ends: expiry of what is over, garbage collection of uploads never used, last-seen times.
func (c *Core) chores(ctx context.Context) {}
