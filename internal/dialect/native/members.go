package native

import (
	"context"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

type (
	memberPage struct {
		Members    []Member `json:"members"`
		NextCursor *string  `json:"next_cursor" doc:"Null at the end."`
	}
	roleRequest struct {
		Role string `json:"role" enum:"admin,member" example:"admin"`
	}
	measureRequest struct {
		Until  *string `json:"until" required:"false" format:"date-time" doc:"Null or not given: until lifted." example:"2026-03-02T00:00:00Z"`
		Reason string  `json:"reason" required:"false" maxLength:"500" example:"Spam"`
	}
	banRequest struct {
		UserID string  `json:"user_id" example:"0199f0a4-7c1e-7a60-9d6b-2f6f0a9e3b11"`
		Until  *string `json:"until" required:"false" format:"date-time" example:"2026-03-02T00:00:00Z"`
		Reason string  `json:"reason" required:"false" maxLength:"500" example:"Spam"`
	}
	banPage struct {
		Bans       []Sanction `json:"bans"`
		NextCursor *string    `json:"next_cursor" doc:"Null at the end."`
	}
)

const memberFaults = "room_not_found not_a_member manage_members_forbidden target_above target_is_self"

func (d *Dialect) registerMembers() {
	const tag = "Members"
	handle(d, "POST /rooms/{id}/join", endpoint{
		id: "join-room", tag: tag, summary: "Join a room", description: "A public one, or a private one that the caller holds an invitation for. Joining twice is fine.",
		codes: "room_not_found join_forbidden banned timed_out",
	}, func(ctx context.Context, by chat.Actor, in *RoomPath) (*reply[Room], error) {
		id, err := in.room()
		if err != nil {
			return nil, err
		}
		v, err := d.core.Join(ctx, by, id)
		return d.roomReply(v, err)
	})
	handle(d, "POST /rooms/{id}/leave", endpoint{
		id: "leave-room", tag: tag, status: 204, summary: "Leave a room",
		description: "An owner must hand the room over first, unless they are the last member: then it is archived.",
		codes:       "room_not_found not_a_member owner_must_transfer direct_room",
	}, func(ctx context.Context, by chat.Actor, in *RoomPath) (*nothing, error) {
		id, err := in.room()
		if err != nil {
			return nil, err
		}
		return nil, d.core.Leave(ctx, by, id)
	})
	handle(d, "GET /rooms/{id}/members", endpoint{
		id: "list-members", tag: tag, summary: "List members with presence", description: "The owner, admins, then by joining.",
		codes: "room_not_found not_a_member" + pageFaults,
	}, func(ctx context.Context, by chat.Actor, in *struct {
		RoomPath
		PageQuery
	}) (*reply[memberPage], error) {
		id, err := in.room()
		if err != nil {
			return nil, err
		}
		list, cursor, err := d.core.Members(ctx, by, id, in.page())
		return ok(memberPage{convert(list, d.memberView), next(cursor)}), err
	})
	handle(d, "POST /rooms/{id}/members", endpoint{
		id: "invite-member", tag: tag, status: 201, summary: "Invite a person",
		description: "For admins. The person is notified and joins by accepting the invite.",
		codes:       "room_not_found not_a_member invite_forbidden user_not_found already_member banned blocked direct_room target_is_self rate_limited",
	}, func(ctx context.Context, by chat.Actor, in *struct {
		RoomPath
		Body userRequest
	}) (*created[Invite], error) {
		id, err := in.room()
		if err != nil {
			return nil, err
		}
		if err := needed("user_id", in.Body.UserID); err != nil {
			return nil, err
		}
		i, err := d.core.InviteMember(ctx, by, id, chat.UserID(in.Body.UserID))
		return d.madeInvite(ctx, by, i, err)
	})
	handle(d, "DELETE /rooms/{id}/members/{userId}", endpoint{
		id: "remove-member", tag: tag, summary: "Remove a member", description: "For admins, over those who stand below them.", codes: "member_not_found " + memberFaults,
	}, func(ctx context.Context, by chat.Actor, in *RoomUserPath) (*nothing, error) {
		id, err := in.room()
		if err != nil {
			return nil, err
		}
		return nil, d.core.RemoveMember(ctx, by, id, chat.UserID(in.UserID))
	})
	handle(d, "PATCH /rooms/{id}/members/{userId}/role", endpoint{
		id: "set-member-role", tag: tag, summary: "Make a member an admin, or an admin a member", description: "For the owner.",
		codes: "room_not_found not_a_member set_roles_forbidden member_not_found role_invalid target_above target_is_self direct_room",
	}, func(ctx context.Context, by chat.Actor, in *struct {
		RoomUserPath
		Body roleRequest
	}) (*reply[Member], error) {
		id, err := in.room()
		if err != nil {
			return nil, err
		}
		v, err := d.core.SetMemberRole(ctx, by, id, chat.UserID(in.UserID), chat.RoomRole(in.Body.Role))
		if err != nil {
			return nil, err
		}
		return ok(d.memberView(v)), nil
	})
	handle(d, "PUT /rooms/{id}/members/{userId}/mute", endpoint{
		id: "mute-member", tag: tag, summary: "Mute a member", description: "For admins. A muted member reads but cannot write.",
		codes: "user_not_found until_invalid time_invalid reason_too_long sanction_not_here " + memberFaults,
	}, func(ctx context.Context, by chat.Actor, in *struct {
		RoomUserPath
		Body *measureRequest
	}) (*reply[Sanction], error) {
		var b measureRequest
		if in.Body != nil {
			b = *in.Body
		}
		s, err := d.measure(ctx, by, in.RoomPath, chat.Mute, in.UserID, b.Until, b.Reason)
		if err != nil {
			return nil, err
		}
		return ok(s), nil
	})
	handle(d, "DELETE /rooms/{id}/members/{userId}/mute", endpoint{
		id: "unmute-member", tag: tag, summary: "End a mute", codes: "sanction_not_found user_not_found " + memberFaults,
	}, func(ctx context.Context, by chat.Actor, in *RoomUserPath) (*nothing, error) {
		return d.lift(ctx, by, in.RoomPath, chat.Mute, in.UserID)
	})
	handle(d, "GET /rooms/{id}/bans", endpoint{
		id: "list-bans", tag: tag, summary: "List who is banned from a room", codes: "room_not_found not_a_member manage_members_forbidden" + pageFaults,
	}, func(ctx context.Context, by chat.Actor, in *struct {
		RoomPath
		PageQuery
	}) (*reply[banPage], error) {
		id, err := in.room()
		if err != nil {
			return nil, err
		}
		list, cursor, err := d.core.Sanctions(ctx, by, chat.SanctionFilter{RoomID: id, Kind: chat.Ban, LiveAt: d.now()}, in.page())
		if err != nil {
			return nil, err
		}
		shown, err := d.sanctions(ctx, by, list...)
		return ok(banPage{shown, next(cursor)}), err
	})
	handle(d, "POST /rooms/{id}/bans", endpoint{
		id: "ban-from-room", tag: tag, status: 201, summary: "Ban a person from a room", description: "For admins. It ends the membership and bars the way back.",
		codes: "user_not_found until_invalid time_invalid reason_too_long sanction_not_here " + memberFaults,
	}, func(ctx context.Context, by chat.Actor, in *struct {
		RoomPath
		Body banRequest
	}) (*created[Sanction], error) {
		if err := needed("user_id", in.Body.UserID); err != nil {
			return nil, err
		}
		s, err := d.measure(ctx, by, in.RoomPath, chat.Ban, in.Body.UserID, in.Body.Until, in.Body.Reason)
		if err != nil {
			return nil, err
		}
		return made("/rooms/"+in.ID+"/bans/"+s.UserID, s), nil
	})
	handle(d, "DELETE /rooms/{id}/bans/{userId}", endpoint{
		id: "unban-from-room", tag: tag, summary: "End a ban", codes: "sanction_not_found user_not_found " + memberFaults,
	}, func(ctx context.Context, by chat.Actor, in *RoomUserPath) (*nothing, error) {
		return d.lift(ctx, by, in.RoomPath, chat.Ban, in.UserID)
	})
}

func (d *Dialect) now() time.Time { return d.core.Clock().UTC() }

func (d *Dialect) memberView(v core.MemberView) Member { return d.member(&v.Member, v.User) }

// measure makes a sanction in a room.
func (d *Dialect) measure(ctx context.Context, by chat.Actor, in RoomPath, kind chat.SanctionKind, user string, until *string, reason string) (Sanction, error) {
	id, err := in.room()
	if err != nil {
		return Sanction{}, err
	}
	end, err := parseTime("until", until)
	if err != nil {
		return Sanction{}, err
	}
	s, err := d.core.Sanction(ctx, by, core.Measure{Kind: kind, RoomID: id, UserID: chat.UserID(user), Reason: reason, Until: end})
	if err != nil {
		return Sanction{}, err
	}
	shown, err := d.sanctions(ctx, by, s)
	if err != nil {
		return Sanction{}, err
	}
	return shown[0], nil
}

func (d *Dialect) lift(ctx context.Context, by chat.Actor, in RoomPath, kind chat.SanctionKind, user string) (*nothing, error) {
	id, err := in.room()
	if err != nil {
		return nil, err
	}
	return nil, d.core.Lift(ctx, by, kind, id, chat.UserID(user), "")
}

// sanctions converts a list with the people it speaks of.
func (d *Dialect) sanctions(ctx context.Context, by chat.Actor, list ...chat.Sanction) ([]Sanction, error) {
	var ids []chat.UserID
	for _, s := range list {
		ids = append(ids, s.UserID, s.IssuedBy, s.LiftedBy)
	}
	p, err := d.people(ctx, by, ids...)
	now := d.now()
	return convert(list, func(s chat.Sanction) Sanction { return sanction(s, p, now) }), err
}
