package native

import (
	"context"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

type (
	// CodePath names an invite.
	CodePath struct {
		Code string `path:"code" example:"H7KQ2MWX4R"`
	}
	inviteList struct {
		Invites []Invite `json:"invites"`
	}
	newInviteRequest struct {
		ExpiresIn *int64 `json:"expires_in" required:"false" doc:"Seconds; not given: the server's default of 7 days; 0: never." example:"86400"`
		MaxUses   *int   `json:"max_uses" required:"false" doc:"Null or not given: no limit; 1 for a single use." minimum:"1" maximum:"10000" example:"5"`
	}
)

func (d *Dialect) registerInvites() {
	const tag = "Invites"
	handle(d, "GET /rooms/{id}/invites", endpoint{
		id: "list-invites", tag: tag, summary: "List a room's invite links, newest first", description: "For admins.",
		codes: "room_not_found not_a_member invite_forbidden",
	}, func(ctx context.Context, by chat.Actor, in *RoomPath) (*reply[inviteList], error) {
		id, err := in.room()
		if err != nil {
			return nil, err
		}
		list, err := d.core.Invites(ctx, by, id)
		if err != nil {
			return nil, err
		}
		shown, err := d.invites(ctx, by, list)
		return ok(inviteList{shown}), err
	})
	handle(d, "POST /rooms/{id}/invites", endpoint{
		id: "create-invite", tag: tag, status: 201, summary: "Make an invite link", description: "For admins.",
		codes: "room_not_found not_a_member invite_forbidden expires_in_invalid max_uses_invalid too_many_invites direct_room",
	}, func(ctx context.Context, by chat.Actor, in *struct {
		RoomPath
		Body *newInviteRequest
	}) (*created[Invite], error) {
		id, err := in.room()
		if err != nil {
			return nil, err
		}
		n, err := in.Body.wish()
		if err != nil {
			return nil, err
		}
		i, err := d.core.CreateInvite(ctx, by, id, n)
		return d.madeInvite(ctx, by, i, err)
	})
	handle(d, "GET /invites/{code}", endpoint{
		id: "get-invite", tag: tag, access: either, summary: "See what an invite is for",
		description: "For anyone with the code, with or without an account. A code meant for one person is there for that person only.", codes: "invite_not_found rate_limited",
	}, func(ctx context.Context, by chat.Actor, in *CodePath) (*reply[Invite], error) {
		v, err := d.core.Invite(ctx, by, in.Code)
		if err != nil {
			return nil, err
		}
		return ok(d.invite(v.Invite, v.Room, v.CreatedBy)), nil
	})
	handle(d, "POST /invites/{code}/accept", endpoint{
		id: "accept-invite", tag: tag, summary: "Join by an invite", description: "A member's accepting again uses nothing up.",
		codes: "invite_not_found banned timed_out",
	}, func(ctx context.Context, by chat.Actor, in *CodePath) (*reply[Room], error) {
		v, err := d.core.AcceptInvite(ctx, by, in.Code)
		return d.roomReply(v, err)
	})
	handle(d, "DELETE /invites/{code}", endpoint{
		id: "revoke-invite", tag: tag, summary: "Revoke an invite", description: "For admins of its room and for who made it.", codes: "invite_not_found invite_forbidden",
	}, func(ctx context.Context, by chat.Actor, in *CodePath) (*nothing, error) {
		return nil, d.core.RevokeInvite(ctx, by, in.Code)
	})
}

// wish turns the request into the core's terms; its bounds are the core's.
func (r *newInviteRequest) wish() (core.NewInvite, error) {
	var n core.NewInvite
	if r == nil {
		return n, nil
	}
	if r.ExpiresIn != nil {
		const most = int64(1<<63-1) / int64(time.Second)
		switch s := *r.ExpiresIn; {
		case s == 0:
			n.ExpiresIn = -1
		case s < 0 || s > most:
			return n, chat.InvalidField("expires_in", "expires_in_invalid", "Give the seconds until the invite ends, or 0 for never.")
		default:
			n.ExpiresIn = time.Duration(s) * time.Second
		}
	}
	if r.MaxUses != nil {
		if n.MaxUses = *r.MaxUses; n.MaxUses < 1 {
			return n, chat.InvalidField("max_uses", "max_uses_invalid", "An invite can be used at least once; leave max_uses out for no limit.")
		}
	}
	return n, nil
}

// madeInvite answers with a new invite.
func (d *Dialect) madeInvite(ctx context.Context, by chat.Actor, i chat.Invite, err error) (*created[Invite], error) {
	if err != nil {
		return nil, err
	}
	shown, err := d.invites(ctx, by, []chat.Invite{i})
	if err != nil {
		return nil, err
	}
	return made("/invites/"+i.Code, shown[0]), nil
}

// invites converts a list of invites into one room, or onto the server.
func (d *Dialect) invites(ctx context.Context, by chat.Actor, list []chat.Invite) ([]Invite, error) {
	var ids []chat.UserID
	var room *chat.Room
	for _, i := range list {
		ids = append(ids, i.CreatedBy)
		if room == nil && i.RoomID != 0 {
			v, err := d.core.Room(ctx, by, i.RoomID)
			if err != nil {
				return nil, err
			}
			room = &v.Room
		}
	}
	p, err := d.people(ctx, by, ids...)
	return convert(list, func(i chat.Invite) Invite {
		out := d.invite(i, room, nil)
		out.CreatedBy = p.get(i.CreatedBy)
		return out
	}), err
}
