package native

import (
	"context"
	"encoding/json"

	"parley/internal/chat"
	"parley/internal/core"
)

type (
	// UserPath names a person.
	UserPath struct {
		ID string `path:"id" doc:"The person's id." example:"0199f0a4-7c1e-7a60-9d6b-2f6f0a9e3b11"`
	}
	userList struct {
		Users []User `json:"users"`
	}
	profileRequest struct {
		DisplayName   *string `json:"display_name" required:"false" minLength:"1" maxLength:"50" example:"Ada Lovelace"`
		Bio           *string `json:"bio" required:"false" maxLength:"500" example:"Counts things."`
		Email         *string `json:"email" required:"false" doc:"Empty removes it." example:"ada@example.org"`
		AvatarURL     *string `json:"avatar_url" required:"false" doc:"Empty removes the picture; PUT /users/me/avatar sets one." example:""`
		Status        *string `json:"status" required:"false" enum:"online,away,busy,offline" doc:"What others see while connected; offline hides." example:"busy"`
		StatusMessage *string `json:"status_message" required:"false" maxLength:"100" example:"In the engine room"`
		Settings      opaque  `json:"settings" required:"false" doc:"A JSON object of at most 16 KiB, kept for the person's clients. The server heeds dnd {from: 22:00, to: 07:00, time_zone, days: [0 (Sunday) to 6]}, hours without pushes, and push {mentions, replies, direct, invites, system}: false for what is not to be pushed."`
	}
)

func (d *Dialect) registerUsers() {
	const tag = "Users"
	handle(d, "GET /users/{id}", endpoint{id: "get-user", tag: tag, summary: "Read a profile", codes: "user_not_found"},
		func(ctx context.Context, by chat.Actor, in *UserPath) (*reply[User], error) {
			id := chat.UserID(in.ID)
			if in.ID == "me" {
				id = by.UserID
			}
			u, err := d.core.User(ctx, by, id)
			if err != nil {
				return nil, err
			}
			return ok(d.user(u)), nil
		})
	handle(d, "GET /users/search", endpoint{
		id: "search-users", tag: tag, summary: "Find people by the beginning of a name", codes: "query_invalid limit_invalid rate_limited",
	}, func(ctx context.Context, by chat.Actor, in *struct {
		Q     string `query:"q" doc:"1 to 50 characters: the beginning of a username or of a word of a display name." example:"ada"`
		Limit int    `query:"limit" doc:"How many, 1 to 100; 50 if it is not given." minimum:"1" maximum:"100"`
	}) (*reply[userList], error) {
		list, err := d.core.SearchUsers(ctx, by, in.Q, in.Limit)
		return ok(userList{convert(list, d.user)}), err
	})
	handle(d, "PATCH /users/me", endpoint{
		id: "update-profile", tag: tag, summary: "Change the own profile and status", description: "Fields that are not given stay.",
		codes: "display_name_invalid bio_too_long bio_invalid email_invalid avatar_url_invalid status_invalid status_message_too_long status_message_invalid settings_invalid",
	}, func(ctx context.Context, by chat.Actor, in *struct{ Body profileRequest }) (*reply[Self], error) {
		b := in.Body
		p := core.Profile{DisplayName: b.DisplayName, Bio: b.Bio, Email: b.Email, AvatarURL: b.AvatarURL, StatusMessage: b.StatusMessage, Settings: json.RawMessage(b.Settings)}
		if b.Status != nil {
			status := chat.Status(*b.Status)
			p.Status = &status
		}
		if _, err := d.core.UpdateProfile(ctx, by, p); err != nil {
			return nil, err
		}
		me, err := d.core.Me(ctx, by)
		if err != nil {
			return nil, err
		}
		self, err := d.self(ctx, me)
		return ok(self), err
	})
	handle(d, "PUT /users/{id}/block", endpoint{
		id: "block", tag: tag, status: 204, summary: "Block a person",
		description: "A blocked person can send the caller no direct messages and no invites, and causes no notifications.", codes: "user_not_found target_is_self",
	}, func(ctx context.Context, by chat.Actor, in *UserPath) (*nothing, error) {
		return nil, d.core.Block(ctx, by, chat.UserID(in.ID))
	})
	handle(d, "DELETE /users/{id}/block", endpoint{id: "unblock", tag: tag, summary: "Take a block back"},
		func(ctx context.Context, by chat.Actor, in *UserPath) (*nothing, error) {
			return nil, d.core.Unblock(ctx, by, chat.UserID(in.ID))
		})
	handle(d, "GET /users/me/blocks", endpoint{id: "list-blocks", tag: tag, summary: "List whom the caller blocked"},
		func(ctx context.Context, by chat.Actor, _ *noInput) (*reply[userList], error) {
			list, err := d.core.Blocks(ctx, by)
			return ok(userList{convert(list, d.user)}), err
		})
}
