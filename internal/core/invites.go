package core

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"parley/internal/chat"
)

// Bounds of invites.
const (
	codeLength        = 10
	maxInviteUses     = 10_000
	maxInviteTTL      = 366 * 24 * time.Hour
	maxInviteLinks    = 100  // invite links of a room that are live at the same time
	maxInvitedPeople  = 1000 // invitations of single people to a room, likewise
	invitationsPerDay = 200  // of one person
	looksPerMinute    = 60   // at invites, from one address without a login
)

// NewInvite is what makes an invite link.
type NewInvite struct {
	ExpiresIn time.Duration // 0: the default of 7 days; negative: never; else from a second to a year
	MaxUses   int           // 0: no limit; at most 10,000
}

// InviteView is an invite with what its holder may know of the room.
type InviteView struct {
	Invite    chat.Invite
	Room      *chat.Room // nil for invites to the server
	CreatedBy *chat.User
}

var errInviteNotFound = chat.Errorf(chat.NotFound, "invite_not_found", "This invite does not exist, or it has expired or been used up. Ask for a new one.")

// codeAlphabet has no characters that are taken for each other: no 0 and o, no 1, i and l.
const codeAlphabet = "23456789abcdefghjkmnpqrstuvwxyz"

// code makes a random word that a person can read out and type.
func (c *Core) code(n int) string {
	const fair = 256 / len(codeAlphabet) * len(codeAlphabet) // bytes from here on would favour the first characters
	out := make([]byte, 0, n)
	var b [16]byte
	for {
		c.random(b[:])
		for _, x := range b {
			if int(x) < fair {
				if out = append(out, codeAlphabet[int(x)%len(codeAlphabet)]); len(out) == n {
					return string(out)
				}
			}
		}
	}
}

// cleanCode forgives what happens to codes on their way through people: case and blanks.
func cleanCode(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// newInvite makes an invite from what was asked for. Fails with expires_in_invalid or max_uses_invalid.
func (c *Core) newInvite(by chat.Actor, room chat.RoomID, n NewInvite) (chat.Invite, error) {
	if n.ExpiresIn > 0 && n.ExpiresIn < time.Second || n.ExpiresIn > maxInviteTTL {
		return chat.Invite{}, chat.InvalidField("expires_in", "expires_in_invalid", "An invite holds for a second at least and a year at most.")
	}
	if n.MaxUses < 0 || n.MaxUses > maxInviteUses {
		return chat.Invite{}, chat.InvalidField("max_uses", "max_uses_invalid", "An invite can be used %d times at most; 0 is without limit.", maxInviteUses)
	}
	now := c.now()
	invite := chat.Invite{Code: c.code(codeLength), RoomID: room, CreatedBy: by.UserID, CreatedAt: now, MaxUses: n.MaxUses}
	if ttl := cmp.Or(n.ExpiresIn, c.Limits.InviteTTL); ttl > 0 {
		invite.ExpiresAt = now.Add(ttl)
	}
	return invite, nil
}

// CreateInvite makes an invite link (invite). Fails with expires_in_invalid, max_uses_invalid, too_many_invites, direct_room.
func (c *Core) CreateInvite(ctx context.Context, by chat.Actor, id chat.RoomID, n NewInvite) (chat.Invite, error) {
	if _, err := c.settings(ctx, by, chat.CanInvite, id); err != nil {
		return chat.Invite{}, err
	}
	invite, err := c.newInvite(by, id, n)
	if err != nil {
		return chat.Invite{}, err
	}
	err = c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		if err := c.roomForInvite(ctx, tx, invite, maxInviteLinks); err != nil {
			return nil, err
		}
		if err := tx.PutInvite(ctx, invite); err != nil {
			return nil, err
		}
		return nil, tx.AddAudit(ctx, c.audit(by, "invite.create", "invite", invite.Code, id, nil))
	})
	return invite, err
}

// roomForInvite refuses an invite when there are as many live ones of its sort as there can be.
func (c *Core) roomForInvite(ctx context.Context, tx Tx, invite chat.Invite, max int) error {
	all, err := tx.Invites(ctx, invite.RoomID)
	if err != nil {
		return err
	}
	live := 0
	for _, i := range all {
		if i.Live(invite.CreatedAt) && (i.UserID == "") == (invite.UserID == "") {
			live++
		}
	}
	if live >= max {
		return chat.Errorf(chat.Conflict, "too_many_invites", "There are %d invites already. Revoke some that are no longer needed.", live)
	}
	return nil
}

// Invites lists a room's invites that can still be used, newest first (invite).
func (c *Core) Invites(ctx context.Context, by chat.Actor, id chat.RoomID) ([]chat.Invite, error) {
	if _, err := c.settings(ctx, by, chat.CanInvite, id); err != nil {
		return nil, err
	}
	return c.liveInvites(ctx, id)
}

// liveInvites lists the invites to a room, or (0) to the server, that can still be used.
func (c *Core) liveInvites(ctx context.Context, id chat.RoomID) ([]chat.Invite, error) {
	all, err := c.Store.Invites(ctx, id)
	now := c.now()
	return slices.DeleteFunc(all, func(i chat.Invite) bool { return !i.Live(now) }), err
}

// InviteMember invites a person: they get a notification with a code of their own and join by accepting (invite). Inviting
// twice returns the invitation that is there and tells nobody again. Fails with user_not_found, already_member, banned (the
// target), blocked (either blocked the other), direct_room, too_many_invites, rate_limited.
func (c *Core) InviteMember(ctx context.Context, by chat.Actor, id chat.RoomID, user chat.UserID) (invite chat.Invite, err error) {
	s, err := c.settings(ctx, by, chat.CanInvite, id)
	if err != nil {
		return invite, err
	}
	target, err := c.user(ctx, user)
	if err != nil {
		return invite, err
	}
	if !target.DisabledAt.IsZero() {
		return invite, chat.ErrUserNotFound
	}
	fresh, err := c.newInvite(by, id, NewInvite{MaxUses: 1})
	if err != nil {
		return invite, err
	}
	fresh.UserID = user
	if !by.Operator {
		if err := c.charge(ctx, "invite:"+string(by.UserID), invitationsPerDay, 24*time.Hour, "You are inviting too many people."); err != nil {
			return invite, err
		}
	}
	err = c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		if err := c.invitable(ctx, tx, by, id, user); err != nil {
			return nil, err
		}
		if invite, err = tx.InviteFor(ctx, id, user, fresh.CreatedAt); chat.AsError(err) == nil || chat.AsError(err).Kind != chat.NotFound {
			return nil, err
		}
		invite = fresh
		if err := c.roomForInvite(ctx, tx, invite, maxInvitedPeople); err != nil {
			return nil, err
		}
		if err := tx.PutInvite(ctx, invite); err != nil {
			return nil, err
		}
		from := "You are"
		if s.user != nil {
			from = s.user.DisplayName + " invites you"
		} else {
			from += " invited"
		}
		n, err := tx.CreateNotification(ctx, chat.Notification{
			UserID: user, Type: chat.NotifyRoomInvite, Title: s.room.Name, Content: from + " to join " + s.room.Name, RoomID: id, ActorID: by.UserID,
			InviteCode: invite.Code, Severity: chat.SeverityInfo, CreatedAt: invite.CreatedAt, ExpiresAt: c.notificationExpiry(invite.CreatedAt),
		})
		if err != nil {
			return nil, err
		}
		if err := tx.AddAudit(ctx, c.audit(by, "member.invite", "user", string(user), id, nil)); err != nil {
			return nil, err
		}
		return []chat.Event{chat.Notified{Notification: n}}, nil
	})
	return invite, err
}

// invitable refuses the invitation of people who are in the room already, may not be, or do not want to hear of the actor.
func (c *Core) invitable(ctx context.Context, tx Tx, by chat.Actor, id chat.RoomID, user chat.UserID) error {
	switch _, err := tx.Member(ctx, id, user); chat.CodeOf(err) {
	case "":
		return chat.Errorf(chat.Conflict, "already_member", "This person is in the room already.")
	case chat.ErrMemberNotFound.Code:
	default:
		return err
	}
	now := c.now()
	sanctions, err := tx.LiveSanctions(ctx, user, id, now)
	if err != nil {
		return err
	}
	barred := seat{sanctions: sanctions}
	if barred.live(chat.Ban, now) != nil {
		return chat.Errorf(chat.Forbidden, "banned", "This person is banned. Lift the ban first.")
	}
	if by.UserID == "" {
		return nil
	}
	blocked, err := tx.Blocked(ctx, by.UserID, user)
	if err == nil && blocked {
		err = chat.Errorf(chat.Forbidden, "blocked", "You cannot invite this person.")
	}
	return err
}

// Invite returns what anyone with the code may know, with or without an account. Fails with invite_not_found for unknown,
// expired, used-up and revoked codes, and for codes meant for someone else, and with rate_limited for an address that looks
// at too many of them.
func (c *Core) Invite(ctx context.Context, by chat.Actor, code string) (InviteView, error) {
	if by.UserID == "" && !by.Operator {
		if err := c.charge(ctx, "invite-look:"+rateKey(by.Address), looksPerMinute, time.Minute, "Too many invites were looked at from your network."); err != nil {
			return InviteView{}, err
		}
	}
	invite, err := c.liveInvite(ctx, c.Store, by, code)
	if err != nil {
		return InviteView{}, err
	}
	view := InviteView{Invite: invite}
	if invite.RoomID != 0 {
		room, err := c.Store.Room(ctx, invite.RoomID)
		if err != nil {
			return InviteView{}, errInviteNotFound
		}
		view.Room = &room
	}
	if invite.CreatedBy != "" {
		user, err := c.user(ctx, invite.CreatedBy)
		if err != nil && chat.AsError(err).Kind != chat.NotFound {
			return InviteView{}, err
		}
		view.CreatedBy = c.Effective(user)
	}
	return view, nil
}

// liveInvite reads an invite that the actor may use.
func (c *Core) liveInvite(ctx context.Context, r Reader, by chat.Actor, code string) (chat.Invite, error) {
	invite, err := r.Invite(ctx, cleanCode(code))
	if err != nil {
		if chat.AsError(err).Kind == chat.NotFound {
			err = errInviteNotFound
		}
		return invite, err
	}
	if !invite.Live(c.now()) || invite.UserID != "" && invite.UserID != by.UserID && !by.Operator {
		return chat.Invite{}, errInviteNotFound
	}
	return invite, nil
}

// AcceptInvite makes the actor a member. A member's accepting again uses nothing up. Two people who race for the last use:
// one wins, the other gets invite_not_found. Fails with banned, timed_out, room_archived.
func (c *Core) AcceptInvite(ctx context.Context, by chat.Actor, code string) (chat.RoomView, error) {
	user, err := c.person(ctx, by)
	if err != nil {
		return chat.RoomView{}, err
	}
	var room chat.RoomID
	err = c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		invite, err := tx.Invite(ctx, cleanCode(code))
		if err != nil || invite.RoomID == 0 {
			if err == nil || chat.AsError(err).Kind == chat.NotFound {
				err = errInviteNotFound // an invite to the server is for people who are not here yet
			}
			return nil, err
		}
		room = invite.RoomID
		if _, err := tx.Member(ctx, room, user.ID); chat.CodeOf(err) != chat.ErrMemberNotFound.Code {
			return nil, err // a member who taps an old link simply gets to the room
		}
		if invite, err = c.liveInvite(ctx, tx, by, code); err != nil {
			return nil, err
		}
		r, err := tx.Room(ctx, room)
		if err != nil {
			return nil, err
		}
		if r.Archived {
			return nil, errArchived
		}
		return c.enterBy(ctx, tx, invite, r, user)
	})
	if err != nil {
		return chat.RoomView{}, err
	}
	return c.freshView(ctx, by, room)
}

var errArchived = chat.Errorf(chat.Forbidden, "room_archived", "This room is archived: it can be read but not changed.")

// enterBy makes someone a member by an invite that they may use, and takes their invitations off their list.
func (c *Core) enterBy(ctx context.Context, tx Tx, invite chat.Invite, room chat.Room, user *chat.User) ([]chat.Event, error) {
	events, err := c.enter(ctx, tx, room, user, chat.RoomMember)
	if err != nil {
		return nil, err
	}
	used, err := tx.UseInvite(ctx, invite.Code, c.now())
	if err != nil {
		return nil, err
	}
	if !used {
		return nil, errInviteNotFound
	}
	return events, c.readInvitations(ctx, tx, user.ID, room.ID)
}

// readInvitations marks a person's notifications of invitations to a room as read: they are dealt with.
func (c *Core) readInvitations(ctx context.Context, tx Tx, user chat.UserID, room chat.RoomID) error {
	now := c.now()
	for page := (chat.Page{Limit: 100}); ; {
		list, next, err := tx.Notifications(ctx, user, true, now, page)
		if err != nil {
			return err
		}
		for _, n := range list {
			if n.Type != chat.NotifyRoomInvite || n.RoomID != room {
				continue
			}
			if _, err := tx.ReadNotifications(ctx, user, n.ID, now); err != nil {
				return err
			}
		}
		if page.Cursor = next; next == "" {
			return nil
		}
	}
}

// revokeFor ends the invitations to a room that are meant for one person.
func (c *Core) revokeFor(ctx context.Context, tx Tx, room chat.RoomID, user chat.UserID) error {
	for {
		invite, err := tx.InviteFor(ctx, room, user, c.now())
		if err != nil {
			if chat.AsError(err).Kind == chat.NotFound {
				err = nil
			}
			return err
		}
		invite.RevokedAt = c.now()
		if err := tx.PutInvite(ctx, invite); err != nil {
			return err
		}
	}
}

// RevokeInvite ends an invite (invite in its room, create_invites for one to the server, its maker, or the person it is
// meant for, who so declines it). Revoking twice is fine. Fails with invite_not_found, invite_forbidden.
func (c *Core) RevokeInvite(ctx context.Context, by chat.Actor, code string) error {
	invite, err := c.Store.Invite(ctx, cleanCode(code))
	if err != nil {
		if chat.AsError(err).Kind == chat.NotFound {
			err = errInviteNotFound
		}
		return err
	}
	own := by.UserID != "" && (invite.CreatedBy == by.UserID || invite.UserID == by.UserID)
	if !own && invite.RoomID == 0 {
		if _, err := c.permit(ctx, by, chat.CreateInvites); err != nil {
			return err
		}
	} else if !own {
		if _, err := c.allow(ctx, by, chat.CanInvite, invite.RoomID); err != nil {
			if chat.CodeOf(err) == chat.ErrRoomNotFound.Code {
				err = errInviteNotFound
			}
			return err
		}
	}
	return c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		invite, err := tx.Invite(ctx, invite.Code)
		if err != nil || !invite.RevokedAt.IsZero() {
			return nil, err
		}
		invite.RevokedAt = c.now()
		if err := tx.PutInvite(ctx, invite); err != nil {
			return nil, err
		}
		if invite.UserID != "" {
			if err := c.readInvitations(ctx, tx, invite.UserID, invite.RoomID); err != nil {
				return nil, err
			}
		}
		return nil, tx.AddAudit(ctx, c.audit(by, "invite.revoke", "invite", invite.Code, invite.RoomID, nil))
	})
}
