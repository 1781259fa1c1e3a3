package core

import (
	"context"

	"parley/internal/chat"
)

// NewRoom is what makes a room.
type NewRoom struct {
	Name        string // 1–100 characters
	Slug        string // optional: 2–64 of [a-z0-9_-]; public rooms get one made from the name at need
	Description string // at most 1,000
	Topic       string // at most 250
	Type        chat.RoomType
	Form        chat.RoomForm // empty: text
	Encrypted   bool
	Official    bool // operator and manage_rooms only
	Position    int
}

// RoomChange changes a room's settings; nil fields stay.
type RoomChange struct {
	Name, Slug, Description, Topic, AvatarURL *string
	Type                                      *chat.RoomType // public and private may change into each other
	Archived                                  *bool
	Position                                  *int
}

// CreateRoom makes a room with the actor as its owner and only member. Fails with permission_missing (create_rooms),
// room_name_invalid, description_too_long, slug_invalid, slug_taken, room_type_invalid, room_form_invalid, rate_limited.
// The operator makes rooms without owner.
func (c *Core) CreateRoom(ctx context.Context, by chat.Actor, n NewRoom) (chat.RoomView, error) {
	return chat.RoomView{}, errUnbuilt
}

// Room returns a room as the actor sees it; public rooms also for non-members. Fails with room_not_found.
func (c *Core) Room(ctx context.Context, by chat.Actor, id chat.RoomID) (chat.RoomView, error) {
	return chat.RoomView{}, errUnbuilt
}

// RoomBySlug is Room by slug.
func (c *Core) RoomBySlug(ctx context.Context, by chat.Actor, slug string) (chat.RoomView, error) {
	return chat.RoomView{}, errUnbuilt
}

// Rooms lists the actor's rooms, newest message first, with unread and mention counts.
func (c *Core) Rooms(ctx context.Context, by chat.Actor) ([]chat.RoomView, error) {
	return nil, errUnbuilt
}

// PublicRooms lists rooms that anyone may join and the actor may see; q filters by words of name and description.
func (c *Core) PublicRooms(ctx context.Context, by chat.Actor, q string, page chat.Page) ([]chat.RoomView, string, error) {
	return nil, "", errUnbuilt
}

// DirectRoom returns the one direct room of the actor and another person, making it at need. Fails with user_not_found,
// blocked, target_is_self (direct_with_self).
func (c *Core) DirectRoom(ctx context.Context, by chat.Actor, other chat.UserID) (room chat.RoomView, created bool, err error) {
	return chat.RoomView{}, false, errUnbuilt
}

// UpdateRoom changes a room's settings (manage_room). Direct rooms have none.
func (c *Core) UpdateRoom(ctx context.Context, by chat.Actor, id chat.RoomID, ch RoomChange) (chat.RoomView, error) {
	return chat.RoomView{}, errUnbuilt
}

// DeleteRoom removes a room with everything in it (delete_room). confirm must be its slug or id. Fails with confirm_needed.
func (c *Core) DeleteRoom(ctx context.Context, by chat.Actor, id chat.RoomID, confirm string) error {
	return errUnbuilt
}

// TransferRoom makes another member the owner; the actor becomes an admin. Fails with member_not_found, transfer_forbidden.
func (c *Core) TransferRoom(ctx context.Context, by chat.Actor, id chat.RoomID, to chat.UserID) (chat.RoomView, error) {
	return chat.RoomView{}, errUnbuilt
}
