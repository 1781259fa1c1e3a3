package native

import (
	"context"

	"parley/internal/chat"
	"parley/internal/core"
)

type (
	roomPermissions struct {
		Lists  []RoleList `json:"lists" doc:"By right; a right without a list is as in every other room. A list of see or read narrows a public room."`
		Denied []string   `json:"denied" required:"false" doc:"Server permissions that give no rights in this room, such as manage_messages."`
	}
	roomOrderRequest struct {
		Rooms []string `json:"rooms" doc:"Ids, first one first; rooms that are not named stay where they are."`
	}
)

func (p roomPermissions) core() chat.RoomPermissions {
	return chat.RoomPermissions{
		Denied: convert(p.Denied, func(s string) chat.Permission { return chat.Permission(s) }),
		Lists: convert(p.Lists, func(l RoleList) chat.RoleList {
			return chat.RoleList{Right: chat.Right(l.Right),
				Roles: convert(l.Roles, func(e RoleEntry) chat.RoleEntry { return chat.RoleEntry{RoleID: chat.RoleID(e.RoleID), Deny: e.Deny} })}
		}),
	}
}

const permissionFaults = "right_invalid role_not_found roles_invalid permissions_invalid "

// registerDirectory registers the list of the server's own rooms, and what roles may do in rooms.
func (d *Dialect) registerDirectory() {
	const tag = "Rooms"
	handle(d, "GET /rooms/server", endpoint{
		id: "list-server-rooms", tag: tag, summary: "List the server's own rooms in their order",
		description: "Those that the caller may read. me and the counters are not current: own rooms tell of these.", codes: "permission_missing",
	}, func(ctx context.Context, by chat.Actor, in *struct {
		All bool `query:"all" doc:"Also those that the caller may not read. Needs manage_rooms."`
	}) (*reply[roomList], error) {
		list, err := d.core.ServerDirectory(ctx, by)
		if in.All {
			list, err = d.core.AllServerRooms(ctx, by)
		}
		return ok(roomList{d.directory(list)}), err
	})
	handle(d, "PUT /admin/rooms/order", endpoint{
		id: "order-rooms", tag: tag, summary: "Put the server's own rooms in order", description: "Needs manage_rooms.", codes: "permission_missing order_invalid",
	}, func(ctx context.Context, by chat.Actor, in *struct{ Body roomOrderRequest }) (*reply[roomList], error) {
		ids := make([]chat.RoomID, len(in.Body.Rooms))
		for i, s := range in.Body.Rooms {
			ids[i], _ = chat.ParseRoomID(s) // 0 is no room
		}
		if err := d.core.OrderRooms(ctx, by, ids); err != nil {
			return nil, err
		}
		list, err := d.core.ServerDirectory(ctx, by)
		return ok(roomList{d.directory(list)}), err
	})
	handle(d, "GET /rooms/{id}/permissions", endpoint{
		id: "get-room-permissions", tag: tag, summary: "See what server roles may do in a room", description: "For its admins.",
		codes: "room_not_found not_a_member manage_room_forbidden direct_room",
	}, func(ctx context.Context, by chat.Actor, in *RoomPath) (*reply[roomPermissions], error) {
		id, err := in.room()
		if err != nil {
			return nil, err
		}
		return d.permissions(ctx, by, id)
	})
	handle(d, "PUT /rooms/{id}/permissions", endpoint{
		id: "set-room-permissions", tag: tag, summary: "Set what server roles may do in a room, all at once", description: "For its admins.",
		codes: "room_not_found not_a_member manage_room_forbidden direct_room set_roles_forbidden " + permissionFaults,
	}, func(ctx context.Context, by chat.Actor, in *struct {
		RoomPath
		Body roomPermissions
	}) (*reply[roomPermissions], error) {
		id, err := in.room()
		if err != nil {
			return nil, err
		}
		if err := d.core.SetRoomPermissions(ctx, by, id, in.Body.core()); err != nil {
			return nil, err
		}
		return d.permissions(ctx, by, id)
	})
}

func (d *Dialect) permissions(ctx context.Context, by chat.Actor, id chat.RoomID) (*reply[roomPermissions], error) {
	p, err := d.core.RoomPermissions(ctx, by, id)
	return ok(roomPermissions{convert(p.Lists, roleList), convert(p.Denied, func(p chat.Permission) string { return string(p) })}), err
}

func (d *Dialect) directory(list []core.ServerRoom) []Room {
	rooms := []Room{}
	for _, r := range list {
		if r.Room.Official {
			rooms = append(rooms, d.room(chat.RoomView{Room: r.Room}))
		}
	}
	return rooms
}
