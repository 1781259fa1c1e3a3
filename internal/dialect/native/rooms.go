package native

import (
	"context"
	"net/http"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

type (
	roomList struct {
		Rooms []Room `json:"rooms"`
	}
	roomPage struct {
		Rooms      []Room  `json:"rooms"`
		NextCursor *string `json:"next_cursor" doc:"Null at the end."`
	}
	newRoomRequest struct {
		Name        string           `json:"name" minLength:"1" maxLength:"100" example:"Engines"`
		Description string           `json:"description" required:"false" maxLength:"1000" example:"All about engines"`
		Topic       string           `json:"topic" required:"false" maxLength:"250" example:"Today: cams"`
		Type        string           `json:"type" enum:"public,private" example:"public"`
		Form        string           `json:"form" required:"false" enum:"text,voice,forum,separator" doc:"text if it is not given." example:"text"`
		Slug        string           `json:"slug" required:"false" doc:"2 to 64 of a-z, 0-9, _ and -. Public rooms get one made from the name at need." example:"engines"`
		Encrypted   bool             `json:"encrypted" required:"false"`
		Position    int              `json:"position" required:"false" doc:"Place in lists that an operator arranges."`
		Official    bool             `json:"official" required:"false" doc:"A room of the server, placed last among them. Needs manage_rooms; type is public then."`
		Permissions *roomPermissions `json:"permissions" required:"false" doc:"Which server roles may do what in it, set together with it."`
	}
	roomChangeRequest struct {
		Name        *string `json:"name" required:"false" minLength:"1" maxLength:"100" example:"Engines"`
		Description *string `json:"description" required:"false" maxLength:"1000" example:"All about engines"`
		Topic       *string `json:"topic" required:"false" maxLength:"250" example:"Today: cams"`
		Slug        *string `json:"slug" required:"false" example:"engines"`
		AvatarURL   *string `json:"avatar_url" required:"false" doc:"Empty removes it." example:""`
		Type        *string `json:"type" required:"false" enum:"public,private" example:"private"`
		Form        *string `json:"form" required:"false" enum:"text,voice,separator" doc:"These three may change into each other; a forum stays one."`
		Archived    *bool   `json:"archived" required:"false"`
		Position    *int    `json:"position" required:"false"`
		SlowMode    *int64  `json:"slow_mode_seconds" required:"false" doc:"How long people wait between two messages; 0 for no slow mode." minimum:"0" maximum:"21600" example:"30"`
	}
	userRequest struct {
		UserID string `json:"user_id" example:"0199f0a4-7c1e-7a60-9d6b-2f6f0a9e3b11"`
	}
	preferencesRequest struct {
		Notify    *string `json:"notify" required:"false" enum:"all,mentions,muted" example:"mentions"`
		Favourite *bool   `json:"favourite" required:"false"`
	}
	readRequest struct {
		Seq *int64 `json:"seq" required:"true" doc:"Everything up to this place is read." example:"41"`
	}
	// readState is where the caller stands in a room.
	readState struct {
		RoomID       string `json:"room_id" example:"12"`
		LastReadSeq  int64  `json:"last_read_seq" example:"41"`
		UnreadCount  int64  `json:"unread_count" example:"0"`
		MentionCount int64  `json:"mention_count" example:"0"`
	}
)

const roomFaults = "room_name_invalid description_too_long description_invalid topic_too_long topic_invalid slug_invalid slug_taken room_type_invalid"

func (d *Dialect) registerRooms() {
	const tag = "Rooms"
	handle(d, "GET /rooms", endpoint{id: "list-rooms", tag: tag, summary: "List the own rooms, newest message first"},
		func(ctx context.Context, by chat.Actor, _ *noInput) (*reply[roomList], error) {
			list, err := d.core.Rooms(ctx, by)
			return ok(roomList{d.rooms(list)}), err
		})
	handle(d, "GET /rooms/public", endpoint{id: "list-public-rooms", tag: tag, summary: "Discover rooms that anyone may join", codes: "query_too_long" + pageFaults},
		func(ctx context.Context, by chat.Actor, in *struct {
			Q string `query:"q" doc:"Words of name and description." example:"engine"`
			PageQuery
		}) (*reply[roomPage], error) {
			list, cursor, err := d.core.PublicRooms(ctx, by, in.Q, in.page())
			return ok(roomPage{d.rooms(list), next(cursor)}), err
		})
	handle(d, "POST /rooms", endpoint{
		id: "create-room", tag: tag, status: 201, summary: "Make a room", description: "The caller becomes its owner; a room of the server (official) has none.",
		codes: "permission_missing room_form_invalid rate_limited " + permissionFaults + roomFaults,
	}, func(ctx context.Context, by chat.Actor, in *struct{ Body newRoomRequest }) (*created[Room], error) {
		b := in.Body
		n := core.NewRoom{
			Name: b.Name, Slug: b.Slug, Description: b.Description, Topic: b.Topic, Type: chat.RoomType(b.Type), Form: chat.RoomForm(b.Form),
			Encrypted: b.Encrypted, Position: b.Position, Official: b.Official,
		}
		if b.Permissions != nil {
			p := b.Permissions.core()
			n.Permissions = &p
		}
		v, err := d.core.CreateRoom(ctx, by, n)
		if err != nil {
			return nil, err
		}
		return made("/rooms/"+v.Room.ID.String(), d.room(v)), nil
	})
	handle(d, "POST /rooms/direct", endpoint{
		id: "open-direct-room", tag: tag, status: 201, orStatus: 200, summary: "Open the direct room with a person",
		description: "There is one for each pair; it is made at need (201).", codes: "user_not_found blocked target_is_self rate_limited",
	}, func(ctx context.Context, by chat.Actor, in *struct{ Body userRequest }) (*created[Room], error) {
		if err := needed("user_id", in.Body.UserID); err != nil {
			return nil, err
		}
		v, isNew, err := d.core.DirectRoom(ctx, by, chat.UserID(in.Body.UserID))
		if err != nil {
			return nil, err
		}
		out := made("/rooms/"+v.Room.ID.String(), d.room(v))
		if !isNew {
			out.Status = http.StatusOK
		}
		return out, nil
	})
	handle(d, "GET /rooms/{id}", endpoint{id: "get-room", tag: tag, summary: "Read a room", description: "Public rooms also for non-members.", codes: "room_not_found"},
		func(ctx context.Context, by chat.Actor, in *RoomPath) (*reply[Room], error) {
			id, err := in.room()
			if err != nil {
				return nil, err
			}
			v, err := d.core.Room(ctx, by, id)
			return d.roomReply(v, err)
		})
	handle(d, "GET /rooms/by-slug/{slug}", endpoint{id: "get-room-by-slug", tag: tag, summary: "Read a room by its slug", codes: "room_not_found"},
		func(ctx context.Context, by chat.Actor, in *struct {
			Slug string `path:"slug" example:"engines"`
		}) (*reply[Room], error) {
			v, err := d.core.RoomBySlug(ctx, by, in.Slug)
			return d.roomReply(v, err)
		})
	handle(d, "PUT /rooms/{id}", endpoint{
		id: "update-room", tag: tag, summary: "Change a room", description: "For its admins. Fields that are not given stay.",
		codes: "room_not_found not_a_member manage_room_forbidden direct_room avatar_url_invalid slow_mode_invalid room_form_invalid " + roomFaults,
	}, func(ctx context.Context, by chat.Actor, in *struct {
		RoomPath
		Body roomChangeRequest
	}) (*reply[Room], error) {
		id, err := in.room()
		if err != nil {
			return nil, err
		}
		b := in.Body
		ch := core.RoomChange{Name: b.Name, Slug: b.Slug, Description: b.Description, Topic: b.Topic, AvatarURL: b.AvatarURL, Archived: b.Archived, Position: b.Position}
		if b.Type != nil {
			t := chat.RoomType(*b.Type)
			ch.Type = &t
		}
		if b.Form != nil {
			f := chat.RoomForm(*b.Form)
			ch.Form = &f
		}
		if b.SlowMode != nil {
			span := chat.MaxSlowMode + time.Second // refused, as is what no duration can hold
			if s := *b.SlowMode; s >= 0 && s <= int64(chat.MaxSlowMode/time.Second) {
				span = time.Duration(s) * time.Second
			}
			ch.SlowMode = &span
		}
		v, err := d.core.UpdateRoom(ctx, by, id, ch)
		return d.roomReply(v, err)
	})
	handle(d, "DELETE /rooms/{id}", endpoint{
		id: "delete-room", tag: tag, summary: "Delete a room with everything in it", description: "For its owner.",
		codes: "room_not_found not_a_member delete_room_forbidden confirm_needed direct_room",
	}, func(ctx context.Context, by chat.Actor, in *struct {
		RoomPath
		Confirm string `query:"confirm" doc:"The room's slug or id, to make sure." example:"engines"`
	}) (*nothing, error) {
		id, err := in.room()
		if err != nil {
			return nil, err
		}
		return nil, d.core.DeleteRoom(ctx, by, id, in.Confirm)
	})
	handle(d, "POST /rooms/{id}/transfer", endpoint{
		id: "transfer-room", tag: tag, summary: "Hand a room over", description: "For its owner, who becomes an admin.",
		codes: "room_not_found not_a_member transfer_forbidden member_not_found direct_room target_is_self",
	}, func(ctx context.Context, by chat.Actor, in *struct {
		RoomPath
		Body userRequest
	}) (*reply[Room], error) {
		id, err := in.room()
		if err != nil {
			return nil, err
		}
		if err := needed("user_id", in.Body.UserID); err != nil {
			return nil, err
		}
		v, err := d.core.TransferRoom(ctx, by, id, chat.UserID(in.Body.UserID))
		return d.roomReply(v, err)
	})
	handle(d, "PATCH /rooms/{id}/preferences", endpoint{
		id: "set-preferences", tag: tag, summary: "Set what to be told of in a room", codes: "room_not_found not_a_member notify_invalid",
	}, func(ctx context.Context, by chat.Actor, in *struct {
		RoomPath
		Body preferencesRequest
	}) (*reply[Room], error) {
		id, err := in.room()
		if err != nil {
			return nil, err
		}
		p := core.Preferences{Favourite: in.Body.Favourite}
		if in.Body.Notify != nil {
			level := chat.NotifyLevel(*in.Body.Notify)
			p.Notify = &level
		}
		v, err := d.core.SetPreferences(ctx, by, id, p)
		return d.roomReply(v, err)
	})
	handle(d, "POST /rooms/{id}/read", endpoint{
		id: "mark-read", tag: tag, summary: "Note how far the caller has read", description: "The marker never moves back.",
		codes: "room_not_found not_a_member seq_invalid",
	}, func(ctx context.Context, by chat.Actor, in *struct {
		RoomPath
		Body readRequest
	}) (*reply[readState], error) {
		id, err := in.room()
		if err != nil {
			return nil, err
		}
		if in.Body.Seq == nil {
			return nil, chat.InvalidField("seq", "seq_invalid", "seq says up to which place the room is read.")
		}
		u, err := d.core.MarkRead(ctx, by, id, chat.Seq(*in.Body.Seq))
		return ok(readState{RoomID: in.ID, LastReadSeq: int64(u.LastReadSeq), UnreadCount: u.UnreadCount, MentionCount: u.MentionCount}), err
	})
}

func (d *Dialect) roomReply(v chat.RoomView, err error) (*reply[Room], error) {
	if err != nil {
		return nil, err
	}
	return ok(d.room(v)), nil
}
