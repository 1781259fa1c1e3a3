package core

import (
	"context"
	"time"

	"parley/internal/chat"
)

// MemberView is a member with their profile and effective status.
type MemberView struct {
	Member chat.Member
	User   *chat.User
}

// Preferences are a member's own settings in a room; nil fields stay.
type Preferences struct {
	Notify    *chat.NotifyLevel
	Favourite *bool
}

// NewInvite is what makes an invite link.
type NewInvite struct {
	ExpiresIn time.Duration // 0: the default of 7 days; negative: never
	MaxUses   int           // 0: no limit; at most 10,000
}

// Join makes the actor a member of a public room, or of a private one that they hold an invitation for. Joining twice is
// fine. A system message says so. Fails with room_not_found, join_forbidden, banned.
func (c *Core) Join(ctx context.Context, by chat.Actor, id chat.RoomID) (chat.RoomView, error) {
	return chat.RoomView{}, errUnbuilt
}

// Leave ends the actor's membership. An owner must transfer the room first (owner_must_transfer), unless they are the last
// member: then the room is archived. Direct rooms cannot be left (direct_room).
func (c *Core) Leave(ctx context.Context, by chat.Actor, id chat.RoomID) error { return errUnbuilt }

// Members lists a room's members with presence: owner, admins, then by joining.
func (c *Core) Members(ctx context.Context, by chat.Actor, id chat.RoomID, page chat.Page) ([]MemberView, string, error) {
	return nil, "", errUnbuilt
}

// InviteMember invites a person: they get a notification with a code of their own and join by accepting (invite). Fails
// with already_member, banned (the target), blocked, direct_room.
func (c *Core) InviteMember(ctx context.Context, by chat.Actor, id chat.RoomID, user chat.UserID) (chat.Invite, error) {
	return chat.Invite{}, errUnbuilt
}

// AddMember puts a person into a room at once, for the operator, imports and first-run rooms.
func (c *Core) AddMember(ctx context.Context, by chat.Actor, id chat.RoomID, user chat.UserID, role chat.RoomRole) (chat.Member, error) {
	return chat.Member{}, errUnbuilt
}

// RemoveMember ends another person's membership (manage_members, above the target).
func (c *Core) RemoveMember(ctx context.Context, by chat.Actor, id chat.RoomID, user chat.UserID) error {
	return errUnbuilt
}

// SetMemberRole makes a member an admin or a plain member (set_roles). Ownership moves by TransferRoom only (role_invalid).
func (c *Core) SetMemberRole(ctx context.Context, by chat.Actor, id chat.RoomID, user chat.UserID, role chat.RoomRole) (MemberView, error) {
	return MemberView{}, errUnbuilt
}

// SetPreferences changes the actor's own settings in a room.
func (c *Core) SetPreferences(ctx context.Context, by chat.Actor, id chat.RoomID, p Preferences) (chat.RoomView, error) {
	return chat.RoomView{}, errUnbuilt
}

// Invites lists a room's invite links, newest first (invite).
func (c *Core) Invites(ctx context.Context, by chat.Actor, id chat.RoomID) ([]chat.Invite, error) {
	return nil, errUnbuilt
}

// CreateInvite makes an invite link (invite). Fails with expires_in_invalid, max_uses_invalid, too_many_invites, direct_room.
func (c *Core) CreateInvite(ctx context.Context, by chat.Actor, id chat.RoomID, n NewInvite) (chat.Invite, error) {
	return chat.Invite{}, errUnbuilt
}

// InviteView is an invite with what its holder may know of the room.
type InviteView struct {
	Invite    chat.Invite
	Room      *chat.Room // nil for invites to the server
	CreatedBy *chat.User
}

// Invite returns what anyone with the code may know. Fails with invite_not_found for unknown, expired, used-up and revoked
// codes, and for codes meant for someone else.
func (c *Core) Invite(ctx context.Context, by chat.Actor, code string) (InviteView, error) {
	return InviteView{}, errUnbuilt
}

// AcceptInvite makes the actor a member. A member's accepting again uses nothing up. Two people who race for the last use:
// one wins, the other gets invite_not_found. Fails with banned.
func (c *Core) AcceptInvite(ctx context.Context, by chat.Actor, code string) (chat.RoomView, error) {
	return chat.RoomView{}, errUnbuilt
}

// RevokeInvite ends an invite (invite in its room, or its maker).
func (c *Core) RevokeInvite(ctx context.Context, by chat.Actor, code string) error { return errUnbuilt }
