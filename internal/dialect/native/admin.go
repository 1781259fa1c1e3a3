package native

import (
	"context"

	"parley/internal/chat"
	"parley/internal/core"
)

type (
	adminUserPage struct {
		Users      []AdminUser `json:"users"`
		NextCursor *string     `json:"next_cursor" doc:"Null at the end."`
	}
	newUserRequest struct {
		Username    string `json:"username" example:"ada"`
		Password    string `json:"password" example:"correct horse battery"`
		DisplayName string `json:"display_name" required:"false" example:"Ada Lovelace"`
		Rank        string `json:"rank" required:"false" enum:"member,moderator,admin,owner" doc:"member if it is not given." example:"member"`
	}
	newPasswordRequest struct {
		Password string `json:"password" example:"staple correct battery"`
	}
	announceRequest struct {
		Title    string `json:"title" minLength:"1" maxLength:"120" example:"Maintenance"`
		Text     string `json:"text" minLength:"1" maxLength:"4000" example:"Back at noon."`
		Severity string `json:"severity" required:"false" enum:"info,success,warning,danger,system" doc:"info if it is not given." example:"warning"`
	}
	announceAnswer struct {
		Recipients int `json:"recipients" example:"120"`
	}
	// Stats counts what the server holds.
	Stats struct {
		Users           int64      `json:"users" example:"120"`
		Online          int        `json:"online" doc:"People connected to this node." example:"14"`
		Rooms           int64      `json:"rooms" example:"31"`
		Messages        int64      `json:"messages" example:"48210"`
		Attachments     int64      `json:"attachments" example:"902"`
		AttachmentBytes int64      `json:"attachment_bytes" example:"734003200"`
		OpenReports     int64      `json:"open_reports" example:"1"`
		LiveSanctions   int64      `json:"live_sanctions" example:"2"`
		Days            []DayStats `json:"days" doc:"The last 30 days, oldest first."`
	}
	// DayStats counts one day in UTC.
	DayStats struct {
		Day      string `json:"day" format:"date" example:"2026-03-01"`
		Messages int64  `json:"messages" example:"1200"`
		Senders  int64  `json:"senders" example:"40"`
		NewUsers int64  `json:"new_users" example:"3"`
		Bytes    int64  `json:"bytes" doc:"Of attachments." example:"5242880"`
	}
)

func (d *Dialect) registerAdmin() {
	const tag = "Administration"
	handle(d, "GET /admin/users", endpoint{id: "admin-list-users", tag: tag, summary: "List accounts", description: "Needs manage_users.", codes: "permission_missing" + pageFaults},
		func(ctx context.Context, by chat.Actor, in *struct {
			Q        string `query:"q" doc:"Part of a username or display name."`
			Role     string `query:"role" doc:"Only those with this role, by id."`
			Disabled string `query:"disabled" enum:"true,false"`
			PageQuery
		}) (*reply[adminUserPage], error) {
			q := core.UserQuery{Text: in.Q, Rank: in.Role, Page: in.page()}
			switch in.Disabled {
			case "true", "false":
				disabled := in.Disabled == "true"
				q.Disabled = &disabled
			case "":
			default:
				return nil, chat.InvalidField("disabled", "parameter_invalid", "This must be true or false.")
			}
			list, cursor, err := d.core.ListUsers(ctx, by, q)
			return ok(adminUserPage{convert(list, d.adminUser), next(cursor)}), err
		})
	handle(d, "POST /admin/users", endpoint{
		id: "admin-create-user", tag: tag, status: 201, summary: "Make an account for somebody", description: "Needs manage_users, and a rank above the one given.",
		codes: "permission_missing username_invalid username_taken password_invalid display_name_invalid rank_invalid target_above",
	}, func(ctx context.Context, by chat.Actor, in *struct{ Body newUserRequest }) (*created[AdminUser], error) {
		b := in.Body
		rank := chat.RankMember
		if b.Rank != "" {
			var known bool
			if rank, known = chat.ParseRank(b.Rank); !known {
				return nil, errRank
			}
		}
		u, err := d.core.CreateUser(ctx, by, core.Registering{Username: b.Username, Password: b.Password, DisplayName: b.DisplayName}, rank)
		if err != nil {
			return nil, err
		}
		return made("/users/"+string(u.ID), d.adminUser(u)), nil
	})
	userAction := func(route string, e endpoint, act func(ctx context.Context, by chat.Actor, user chat.UserID) error) {
		e.tag, e.status, e.description = tag, 204, "Needs manage_users and a standing above the person."
		e.codes += " permission_missing user_not_found target_above target_is_self last_owner"
		handle(d, route, e, func(ctx context.Context, by chat.Actor, in *UserPath) (*nothing, error) {
			return nil, act(ctx, by, chat.UserID(in.ID))
		})
	}
	userAction("POST /admin/users/{id}/disable", endpoint{id: "admin-disable-user", summary: "Shut an account and end its logins"},
		func(ctx context.Context, by chat.Actor, user chat.UserID) error {
			return d.core.SetDisabled(ctx, by, user, true)
		})
	userAction("POST /admin/users/{id}/enable", endpoint{id: "admin-enable-user", summary: "Open an account again"},
		func(ctx context.Context, by chat.Actor, user chat.UserID) error {
			return d.core.SetDisabled(ctx, by, user, false)
		})
	userAction("DELETE /admin/users/{id}/totp", endpoint{id: "admin-reset-totp", summary: "Switch a person's second factor off"}, d.core.ResetTOTP)
	userAction("DELETE /admin/users/{id}", endpoint{id: "admin-delete-user", summary: "Delete an account"}, d.core.DeleteUser)
	handle(d, "POST /admin/users/{id}/password", endpoint{
		id: "admin-set-password", tag: tag, status: 204, summary: "Set a person's password", description: "Ends their logins.",
		codes: "permission_missing user_not_found target_above password_invalid",
	}, func(ctx context.Context, by chat.Actor, in *struct {
		UserPath
		Body newPasswordRequest
	}) (*nothing, error) {
		return nil, d.core.SetPassword(ctx, by, chat.UserID(in.ID), in.Body.Password)
	})
	handle(d, "GET /admin/rooms", endpoint{id: "admin-list-rooms", tag: tag, summary: "List all rooms, without content", description: "Needs manage_rooms.", codes: "permission_missing" + pageFaults},
		func(ctx context.Context, by chat.Actor, in *struct {
			Q string `query:"q" doc:"Words of name and description."`
			PageQuery
		}) (*reply[roomPage], error) {
			list, cursor, err := d.core.ListRooms(ctx, by, in.Q, in.page())
			return ok(roomPage{convert(list, func(r chat.Room) Room { return d.room(chat.RoomView{Room: r}) }), next(cursor)}), err
		})
	handle(d, "DELETE /admin/rooms/{id}", endpoint{
		id: "admin-delete-room", tag: tag, summary: "Delete a room by rank", description: "Needs manage_rooms and a rank above the room's owner.",
		codes: "permission_missing room_not_found target_above direct_room",
	}, func(ctx context.Context, by chat.Actor, in *RoomPath) (*nothing, error) {
		id, err := in.room()
		if err != nil {
			return nil, err
		}
		return nil, d.core.RemoveRoom(ctx, by, id)
	})
	handle(d, "GET /admin/invites", endpoint{id: "admin-list-invites", tag: tag, summary: "List invites to register", description: "Needs create_invites.", codes: "permission_missing"},
		func(ctx context.Context, by chat.Actor, _ *noInput) (*reply[inviteList], error) {
			list, err := d.core.InvitesToServer(ctx, by)
			if err != nil {
				return nil, err
			}
			shown, err := d.invites(ctx, by, list)
			return ok(inviteList{shown}), err
		})
	handle(d, "POST /admin/invites", endpoint{
		id: "admin-create-invite", tag: tag, status: 201, summary: "Make an invite to register", description: "Needs create_invites. DELETE /invites/{code} revokes it.",
		codes: "permission_missing expires_in_invalid max_uses_invalid too_many_invites",
	}, func(ctx context.Context, by chat.Actor, in *struct{ Body *newInviteRequest }) (*created[Invite], error) {
		n, err := in.Body.wish()
		if err != nil {
			return nil, err
		}
		i, err := d.core.CreateServerInvite(ctx, by, n)
		return d.madeInvite(ctx, by, i, err)
	})
	handle(d, "GET /admin/stats", endpoint{id: "admin-stats", tag: tag, summary: "Count what the server holds", description: "For moderators and above.", codes: "permission_missing"},
		func(ctx context.Context, by chat.Actor, _ *noInput) (*reply[Stats], error) {
			s, err := d.core.Stats(ctx, by)
			return ok(Stats{
				Users: s.Users, Online: d.core.Online(), Rooms: s.Rooms, Messages: s.Messages, Attachments: s.Attachments, AttachmentBytes: s.AttachmentBytes,
				OpenReports: s.OpenReports, LiveSanctions: s.LiveSanctions, Days: convert(s.Days, func(x core.DayStats) DayStats { return DayStats(x) }),
			}), err
		})
	handle(d, "POST /admin/announcements", endpoint{
		id: "announce", tag: tag, summary: "Notify everyone", description: "Needs announce.",
		codes: "permission_missing title_invalid text_invalid text_too_long severity_invalid rate_limited",
	}, func(ctx context.Context, by chat.Actor, in *struct{ Body announceRequest }) (*reply[announceAnswer], error) {
		severity := chat.Severity(in.Body.Severity)
		if severity == "" {
			severity = chat.SeverityInfo
		}
		n, err := d.core.Announce(ctx, by, in.Body.Title, in.Body.Text, severity)
		return ok(announceAnswer{n}), err
	})
}

var errRank = chat.InvalidField("rank", "rank_invalid", "rank is member, moderator, admin or owner.")
