package core_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

// story is a set of people with rooms of their own, in a world that many stories share.
type story struct {
	*world
	owner, admin, member, other, stranger chat.Actor
	public, private, direct               chat.RoomID // direct is between member and other
	n                                     int
}

// name makes a name that no other story has.
func (s *story) name(of string) string { return fmt.Sprintf("%s%d", of, s.n) }

// newStory makes people and rooms whose names end in n.
func newStory(w *world, n int) *story {
	w.Helper()
	name := func(s string) string { return fmt.Sprintf("%s%d", s, n) }
	s := &story{world: w, n: n, owner: w.user(name("owner")), admin: w.user(name("admin")), member: w.user(name("member")), other: w.user(name("other")), stranger: w.user(name("stranger"))}
	for _, r := range []struct {
		id   *chat.RoomID
		kind chat.RoomType
	}{{&s.public, chat.Public}, {&s.private, chat.Private}} {
		*r.id = w.room(name(string(r.kind)), r.kind, s.owner, s.admin, s.member, s.other)
		_, err := w.SetMemberRole(w.ctx, s.owner, *r.id, s.admin.UserID, chat.RoomAdmin)
		w.must(err)
	}
	s.direct = w.direct(s.member, s.other)
	return s
}

// invite makes an invite link to the private room.
func (s *story) invite() string {
	s.Helper()
	i, err := s.CreateInvite(s.ctx, s.admin, s.private, core.NewInvite{})
	s.must(err)
	return i.Code
}

// slow puts a room into slow mode.
func (s *story) slow(room chat.RoomID) {
	s.Helper()
	_, err := s.UpdateRoom(s.ctx, s.admin, room, core.RoomChange{SlowMode: ptr(time.Minute)})
	s.must(err)
}

// twice has somebody write twice in a room in slow mode.
func (s *story) twice(by chat.Actor, room chat.RoomID) error {
	s.Helper()
	s.slow(room)
	s.say(by, room, "hi")
	_, _, err := s.SendMessage(s.ctx, by, core.NewMessage{RoomID: room, Content: "ho"})
	return err
}

// emoji has somebody add an emoji.
func (s *story) emoji(by chat.Actor) error {
	s.Helper()
	_, err := s.AddEmoji(s.ctx, by, s.name("wave"), bytes.NewReader(picture(s.T, 20, 20, 1)))
	return err
}

// rename is a change of a room's settings.
func rename(name string) core.RoomChange { return core.RoomChange{Name: &name} }

// TestAuthorization plays what the seed and the native dialect say about who may do what, one sentence a row. The sentences
// stand for a whole way through the rules, the store and the caches.
func TestAuthorization(t *testing.T) {
	w := newWorld(t)
	serverOwner, serverAdmin, moderator := w.user("root", chat.RoleOwner), w.user("chief", chat.RoleAdmin), w.user("warden", chat.RoleModerator)
	for n, tc := range []struct {
		sentence string
		do       func(s *story) error
		code     string
	}{
		// Seed: Authorization.
		{"users can only access rooms they are members of: reading a private room", func(s *story) error {
			_, err := s.Messages(s.ctx, s.stranger, s.private, chat.MessagesQuery{})
			return err
		}, "room_not_found"},
		{"users can only access rooms they are members of: reading a public room", func(s *story) error {
			_, err := s.Messages(s.ctx, s.stranger, s.public, chat.MessagesQuery{})
			return err
		}, "not_a_member"},
		{"users can only access rooms they are members of: sending", func(s *story) error {
			_, _, err := s.SendMessage(s.ctx, s.stranger, core.NewMessage{RoomID: s.public, Content: "hi"})
			return err
		}, "not_a_member"},
		{"users can only access rooms they are members of: one message", func(s *story) error {
			_, err := s.Message(s.ctx, s.stranger, s.say(s.member, s.private, "hi").ID)
			return err
		}, "message_not_found"},
		{"users can only access rooms they are members of: not after leaving", func(s *story) error {
			s.must(s.Leave(s.ctx, s.member, s.private))
			_, err := s.Messages(s.ctx, s.member, s.private, chat.MessagesQuery{})
			return err
		}, "room_not_found"},
		{"users can only access rooms they are members of: not even the server's owner reads a private room", func(s *story) error {
			_, err := s.Messages(s.ctx, serverOwner, s.private, chat.MessagesQuery{})
			return err
		}, "room_not_found"},
		{"direct messages are private between the two participants: a stranger", func(s *story) error {
			_, err := s.Messages(s.ctx, s.stranger, s.direct, chat.MessagesQuery{})
			return err
		}, "room_not_found"},
		{"direct messages are private between the two participants: the server's owner", func(s *story) error {
			_, err := s.Message(s.ctx, serverOwner, s.say(s.member, s.direct, "hi").ID)
			return err
		}, "message_not_found"},
		{"direct messages are private between the two participants: the two", func(s *story) error {
			_, err := s.Message(s.ctx, s.other, s.say(s.member, s.direct, "hi").ID)
			return err
		}, ""},
		{"room admins can manage members: removing", func(s *story) error {
			return s.RemoveMember(s.ctx, s.admin, s.private, s.member.UserID)
		}, ""},
		{"room admins can manage settings", func(s *story) error {
			_, err := s.UpdateRoom(s.ctx, s.admin, s.private, rename("New name"))
			return err
		}, ""},
		{"members cannot manage settings", func(s *story) error {
			_, err := s.UpdateRoom(s.ctx, s.member, s.private, rename("New name"))
			return err
		}, "manage_room_forbidden"},
		{"room owners have full control including deletion", func(s *story) error {
			return s.DeleteRoom(s.ctx, s.owner, s.private, s.private.String())
		}, ""},
		{"room admins cannot delete the room", func(s *story) error {
			return s.DeleteRoom(s.ctx, s.admin, s.private, s.private.String())
		}, "delete_room_forbidden"},
		{"users can edit their own messages", func(s *story) error {
			_, err := s.EditMessage(s.ctx, s.member, s.say(s.member, s.public, "helo").ID, "hello", nil)
			return err
		}, ""},
		{"users can only edit their own messages", func(s *story) error {
			_, err := s.EditMessage(s.ctx, s.other, s.say(s.member, s.public, "helo").ID, "hello", nil)
			return err
		}, "edit_forbidden"},
		{"admins cannot put words into other people's mouths", func(s *story) error {
			_, err := s.EditMessage(s.ctx, s.admin, s.say(s.member, s.public, "helo").ID, "hello", nil)
			return err
		}, "edit_forbidden"},
		{"a message can be edited for 15 minutes", func(s *story) error {
			m := s.say(s.member, s.public, "helo")
			s.wait(15*time.Minute + time.Second)
			_, err := s.EditMessage(s.ctx, s.member, m.ID, "hello", nil)
			return err
		}, "edit_window_passed"},
		{"users can delete their own messages", func(s *story) error {
			_, err := s.DeleteMessage(s.ctx, s.member, s.say(s.member, s.public, "hi").ID)
			return err
		}, ""},
		{"users can only delete their own messages", func(s *story) error {
			_, err := s.DeleteMessage(s.ctx, s.other, s.say(s.member, s.public, "hi").ID)
			return err
		}, "delete_forbidden"},
		{"room admins can delete any message in their rooms", func(s *story) error {
			_, err := s.DeleteMessage(s.ctx, s.admin, s.say(s.owner, s.public, "hi").ID)
			return err
		}, ""},
		{"nobody deletes the other's direct messages", func(s *story) error {
			_, err := s.DeleteMessage(s.ctx, s.other, s.say(s.member, s.direct, "hi").ID)
			return err
		}, "delete_forbidden"},

		// Seed: Room, Membership, Invite, Moderation.
		{"public rooms can be joined by any user", func(s *story) error {
			_, err := s.Join(s.ctx, s.stranger, s.public)
			return err
		}, ""},
		{"public rooms can be looked at before joining", func(s *story) error {
			_, err := s.Room(s.ctx, s.stranger, s.public)
			return err
		}, ""},
		{"private rooms require an invitation", func(s *story) error {
			_, err := s.Join(s.ctx, s.stranger, s.private)
			return err
		}, "room_not_found"},
		{"private rooms can be joined with an invitation from an admin", func(s *story) error {
			_, err := s.InviteMember(s.ctx, s.admin, s.private, s.stranger.UserID)
			s.must(err)
			_, err = s.Join(s.ctx, s.stranger, s.private)
			return err
		}, ""},
		{"an invitation lets nobody else in", func(s *story) error {
			i, err := s.InviteMember(s.ctx, s.admin, s.private, s.stranger.UserID)
			s.must(err)
			_, err = s.AcceptInvite(s.ctx, moderator, i.Code)
			return err
		}, "invite_not_found"},
		{"direct rooms cannot have additional members: inviting", func(s *story) error {
			_, err := s.InviteMember(s.ctx, s.member, s.direct, s.stranger.UserID)
			return err
		}, "direct_room"},
		{"direct rooms cannot have additional members: links", func(s *story) error {
			_, err := s.CreateInvite(s.ctx, s.member, s.direct, core.NewInvite{})
			return err
		}, "direct_room"},
		{"direct rooms cannot have additional members: not by the operator either", func(s *story) error {
			_, err := s.AddMember(s.ctx, chat.Operator, s.direct, s.stranger.UserID, chat.RoomMember)
			return err
		}, "direct_room"},
		{"owners assign admins", func(s *story) error {
			_, err := s.SetMemberRole(s.ctx, s.owner, s.private, s.member.UserID, chat.RoomAdmin)
			return err
		}, ""},
		{"owners remove admins", func(s *story) error {
			_, err := s.SetMemberRole(s.ctx, s.owner, s.private, s.admin.UserID, chat.RoomMember)
			return err
		}, ""},
		{"admins do not assign admins", func(s *story) error {
			_, err := s.SetMemberRole(s.ctx, s.admin, s.private, s.member.UserID, chat.RoomAdmin)
			return err
		}, "set_roles_forbidden"},
		{"admins do not remove the owner", func(s *story) error {
			return s.RemoveMember(s.ctx, s.admin, s.private, s.owner.UserID)
		}, "target_above"},
		{"admins do not remove each other", func(s *story) error {
			_, err := s.SetMemberRole(s.ctx, s.owner, s.private, s.member.UserID, chat.RoomAdmin)
			s.must(err)
			return s.RemoveMember(s.ctx, s.admin, s.private, s.member.UserID)
		}, "target_above"},
		{"admins pin messages", func(s *story) error {
			_, err := s.Pin(s.ctx, s.admin, s.say(s.member, s.public, "hi").ID)
			return err
		}, ""},
		{"members do not pin messages", func(s *story) error {
			_, err := s.Pin(s.ctx, s.member, s.say(s.member, s.public, "hi").ID)
			return err
		}, "pin_forbidden"},
		{"the two of a direct room both pin", func(s *story) error {
			_, err := s.Pin(s.ctx, s.other, s.say(s.member, s.direct, "hi").ID)
			return err
		}, ""},
		{"members can send messages", func(s *story) error {
			_, _, err := s.SendMessage(s.ctx, s.member, core.NewMessage{RoomID: s.private, Content: "hi"})
			return err
		}, ""},
		{"members can react", func(s *story) error {
			_, _, err := s.React(s.ctx, s.member, s.say(s.other, s.private, "hi").ID, "👍")
			return err
		}, ""},
		{"strangers cannot react", func(s *story) error {
			_, _, err := s.React(s.ctx, s.stranger, s.say(s.other, s.public, "hi").ID, "👍")
			return err
		}, "not_a_member"},
		{"users can leave rooms they are members of", func(s *story) error { return s.Leave(s.ctx, s.member, s.private) }, ""},
		{"nobody leaves a room they are not in", func(s *story) error { return s.Leave(s.ctx, s.stranger, s.public) }, "not_a_member"},
		{"the owner must transfer the room before leaving", func(s *story) error { return s.Leave(s.ctx, s.owner, s.private) }, "owner_must_transfer"},
		{"owners can transfer ownership to another member", func(s *story) error {
			_, err := s.TransferRoom(s.ctx, s.owner, s.private, s.member.UserID)
			s.must(err)
			return s.Leave(s.ctx, s.owner, s.private)
		}, ""},
		{"owners cannot transfer ownership to somebody else", func(s *story) error {
			_, err := s.TransferRoom(s.ctx, s.owner, s.private, s.stranger.UserID)
			return err
		}, "member_not_found"},
		{"admins cannot transfer ownership", func(s *story) error {
			_, err := s.TransferRoom(s.ctx, s.admin, s.private, s.admin.UserID)
			return err
		}, "transfer_forbidden"},
		{"invites are made by room admins", func(s *story) error {
			_, err := s.CreateInvite(s.ctx, s.admin, s.private, core.NewInvite{})
			return err
		}, ""},
		{"invites are not made by members", func(s *story) error {
			_, err := s.CreateInvite(s.ctx, s.member, s.private, core.NewInvite{})
			return err
		}, "invite_forbidden"},
		{"invites can be revoked by room admins", func(s *story) error {
			code := s.invite()
			s.must(s.RevokeInvite(s.ctx, s.admin, code))
			_, err := s.AcceptInvite(s.ctx, s.stranger, code)
			return err
		}, "invite_not_found"},
		{"invites cannot be revoked by members", func(s *story) error { return s.RevokeInvite(s.ctx, s.member, s.invite()) }, "invite_forbidden"},
		{"anyone with the code can look at an invite", func(s *story) error {
			_, err := s.Invite(s.ctx, s.stranger, s.invite())
			return err
		}, ""},
		{"anyone with the code can accept an invite", func(s *story) error {
			_, err := s.AcceptInvite(s.ctx, s.stranger, s.invite())
			return err
		}, ""},
		{"people are invited by admins", func(s *story) error {
			_, err := s.InviteMember(s.ctx, s.admin, s.private, s.stranger.UserID)
			return err
		}, ""},
		{"people are not invited by members", func(s *story) error {
			_, err := s.InviteMember(s.ctx, s.member, s.private, s.stranger.UserID)
			return err
		}, "invite_forbidden"},
		{"blocked users cannot send direct messages", func(s *story) error {
			s.must(s.Block(s.ctx, s.other, s.member.UserID))
			_, _, err := s.SendMessage(s.ctx, s.member, core.NewMessage{RoomID: s.direct, Content: "hi"})
			return err
		}, "blocked"},
		{"who blocked somebody cannot send them direct messages either", func(s *story) error {
			s.must(s.Block(s.ctx, s.member, s.other.UserID))
			_, _, err := s.SendMessage(s.ctx, s.member, core.NewMessage{RoomID: s.direct, Content: "hi"})
			return err
		}, "blocked"},
		{"unblocked users can again", func(s *story) error {
			s.must(s.Block(s.ctx, s.other, s.member.UserID))
			s.must(s.Unblock(s.ctx, s.other, s.member.UserID))
			_, _, err := s.SendMessage(s.ctx, s.member, core.NewMessage{RoomID: s.direct, Content: "hi"})
			return err
		}, ""},
		{"a direct room is not made with somebody who blocked the actor", func(s *story) error {
			s.must(s.Block(s.ctx, s.stranger, s.member.UserID))
			_, _, err := s.DirectRoom(s.ctx, s.member, s.stranger.UserID)
			return err
		}, "blocked"},
		{"blocked users cannot send invites", func(s *story) error {
			s.must(s.Block(s.ctx, s.stranger, s.admin.UserID))
			_, err := s.InviteMember(s.ctx, s.admin, s.private, s.stranger.UserID)
			return err
		}, "blocked"},
		{"a block means nothing in other rooms", func(s *story) error {
			s.must(s.Block(s.ctx, s.other, s.member.UserID))
			_, _, err := s.SendMessage(s.ctx, s.member, core.NewMessage{RoomID: s.public, Content: "hi"})
			return err
		}, ""},
		{"muted users see", func(s *story) error {
			s.measure(s.admin, chat.Mute, s.public, s.member)
			_, err := s.Messages(s.ctx, s.member, s.public, chat.MessagesQuery{})
			return err
		}, ""},
		{"muted users cannot send", func(s *story) error {
			s.measure(s.admin, chat.Mute, s.public, s.member)
			_, _, err := s.SendMessage(s.ctx, s.member, core.NewMessage{RoomID: s.public, Content: "hi"})
			return err
		}, "muted"},
		{"muted users can send in other rooms", func(s *story) error {
			s.measure(s.admin, chat.Mute, s.public, s.member)
			_, _, err := s.SendMessage(s.ctx, s.member, core.NewMessage{RoomID: s.private, Content: "hi"})
			return err
		}, ""},
		{"members do not mute", func(s *story) error {
			_, err := s.Sanction(s.ctx, s.member, core.Measure{Kind: chat.Mute, RoomID: s.public, UserID: s.other.UserID})
			return err
		}, "manage_members_forbidden"},
		{"admins ban", func(s *story) error {
			s.measure(s.admin, chat.Ban, s.public, s.member)
			_, err := s.Join(s.ctx, s.member, s.public)
			return err
		}, "banned"},
		{"admins unban", func(s *story) error {
			s.measure(s.admin, chat.Ban, s.public, s.member)
			s.must(s.Lift(s.ctx, s.admin, chat.Ban, s.public, s.member.UserID, ""))
			_, err := s.Join(s.ctx, s.member, s.public)
			return err
		}, ""},
		{"messages are reported by members", func(s *story) error {
			_, err := s.Report(s.ctx, s.other, s.say(s.member, s.private, "hi").ID, "spam")
			return err
		}, ""},
		{"messages are not reported by strangers", func(s *story) error {
			_, err := s.Report(s.ctx, s.stranger, s.say(s.member, s.private, "hi").ID, "spam")
			return err
		}, "message_not_found"},

		// Native: REST.
		{"members wait in slow mode", func(s *story) error {
			return s.twice(s.member, s.public)
		}, "slow_mode"},
		{"members wait in slow mode: replies and other texts count alike", func(s *story) error {
			s.slow(s.public)
			m := s.say(s.member, s.public, "hi")
			_, _, err := s.SendMessage(s.ctx, s.member, core.NewMessage{RoomID: s.public, Content: "ho", ParentID: m.ID})
			return err
		}, "slow_mode"},
		{"the room's admins do not wait in slow mode", func(s *story) error { return s.twice(s.admin, s.public) }, ""},
		{"the room's owner does not wait in slow mode", func(s *story) error { return s.twice(s.owner, s.private) }, ""},
		{"the server's moderators do not wait in slow mode", func(s *story) error {
			_, err := s.AddMember(s.ctx, chat.Operator, s.private, moderator.UserID, chat.RoomMember)
			s.must(err)
			return s.twice(moderator, s.private)
		}, ""},
		{"admins set slow mode", func(s *story) error {
			_, err := s.UpdateRoom(s.ctx, s.admin, s.public, core.RoomChange{SlowMode: ptr(time.Minute)})
			return err
		}, ""},
		{"members do not set slow mode", func(s *story) error {
			_, err := s.UpdateRoom(s.ctx, s.member, s.public, core.RoomChange{SlowMode: ptr(time.Duration(0))})
			return err
		}, "manage_room_forbidden"},
		{"direct rooms have no slow mode", func(s *story) error {
			_, err := s.UpdateRoom(s.ctx, s.member, s.direct, core.RoomChange{SlowMode: ptr(time.Minute)})
			return err
		}, "direct_room"},
		{"changes are for members", func(s *story) error {
			_, err := s.Changes(s.ctx, s.stranger, s.public, 0, 0)
			return err
		}, "not_a_member"},
		{"pins are for members", func(s *story) error {
			_, err := s.Pins(s.ctx, s.stranger, s.public)
			return err
		}, "not_a_member"},
		{"the list of members is for members", func(s *story) error {
			_, _, err := s.Members(s.ctx, s.stranger, s.public, chat.Page{})
			return err
		}, "not_a_member"},
		{"preferences are for members", func(s *story) error {
			level := chat.NotifyMuted
			_, err := s.SetPreferences(s.ctx, s.stranger, s.public, core.Preferences{Notify: &level})
			return err
		}, "not_a_member"},
		{"receipts are for members", func(s *story) error {
			_, err := s.Receipts(s.ctx, s.stranger, s.say(s.member, s.public, "hi").ID)
			return err
		}, "not_a_member"},
		{"who reacted is for members", func(s *story) error {
			_, err := s.Reactions(s.ctx, s.stranger, s.say(s.member, s.public, "hi").ID)
			return err
		}, "not_a_member"},
		{"who reacted in a private room is for nobody else", func(s *story) error {
			_, err := s.Reactions(s.ctx, s.stranger, s.say(s.member, s.private, "hi").ID)
			return err
		}, "message_not_found"},
		{"typing is for members", func(s *story) error { return s.Typing(s.ctx, s.stranger, s.public, 0, true) }, "not_a_member"},
		{"the list of invites is for admins", func(s *story) error {
			_, err := s.Invites(s.ctx, s.member, s.private)
			return err
		}, "invite_forbidden"},
		{"search finds nothing in rooms of others", func(s *story) error {
			_, err := s.Search(s.ctx, s.stranger, core.Searching{Text: "hi", RoomID: s.private})
			return err
		}, "room_not_found"},
		{"the server's moderators moderate public rooms", func(s *story) error {
			_, err := s.DeleteMessage(s.ctx, moderator, s.say(s.owner, s.public, "hi").ID)
			return err
		}, ""},
		{"but not private ones", func(s *story) error {
			_, err := s.DeleteMessage(s.ctx, moderator, s.say(s.owner, s.private, "hi").ID)
			return err
		}, "message_not_found"},
		{"the server's admins change public rooms", func(s *story) error {
			_, err := s.UpdateRoom(s.ctx, serverAdmin, s.public, rename("New name"))
			return err
		}, ""},
		{"its moderators do not", func(s *story) error {
			_, err := s.UpdateRoom(s.ctx, moderator, s.public, rename("New name"))
			return err
		}, "manage_room_forbidden"},
		{"the server's admins add emoji", func(s *story) error { return s.emoji(serverAdmin) }, ""},
		{"its moderators do not", func(s *story) error { return s.emoji(moderator) }, "permission_missing"},
		{"who owns a room does not", func(s *story) error { return s.emoji(s.owner) }, "permission_missing"},
		{"whoever has a role with the permission does", func(s *story) error {
			role, err := s.PutRole(s.ctx, serverOwner, chat.Role{Name: s.name("painters"), Permissions: []chat.Permission{chat.ManageEmoji}})
			s.must(err)
			_, err = s.SetUserRoles(s.ctx, serverOwner, s.member.UserID, []chat.RoleID{role.ID, chat.RoleUser})
			s.must(err)
			return s.emoji(s.member)
		}, ""},
		{"nobody without the permission renames an emoji", func(s *story) error {
			_, err := s.UpdateEmoji(s.ctx, moderator, 0, core.EmojiChange{Name: ptr("x")})
			return err
		}, "permission_missing"},
		{"nor removes one", func(s *story) error { return s.RemoveEmoji(s.ctx, moderator, 0) }, "permission_missing"},
		{"everybody sees them", func(s *story) error { _, err := s.CustomEmoji(s.ctx, s.stranger); return err }, ""},
		{"the operator passes every check", func(s *story) error {
			return s.DeleteRoom(s.ctx, chat.Operator, s.private, s.private.String())
		}, ""},
		{"an account that is gone passes none", func(s *story) error {
			s.must(s.DeleteUser(s.ctx, chat.Operator, s.member.UserID))
			_, err := s.Messages(s.ctx, s.member, s.public, chat.MessagesQuery{})
			return err
		}, "token_invalid"},
	} {
		t.Run(tc.sentence, func(t *testing.T) {
			outer := w.T
			w.T = t // the world is shared: making one takes longer than a row
			defer func() { w.T = outer }()
			s := newStory(w, n)
			s.want(tc.do(s), tc.code)
		})
	}
}
