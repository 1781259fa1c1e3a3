package origin

import (
	"context"
	"encoding/json"
	"strings"

	"parley/internal/chat"
)

// roomExtra is what this protocol alone knows of a room: Room.Extra under "origin".
type roomExtra struct {
	Name      string `json:"name,omitempty"` // where it is no slug
	Size      int    `json:"size,omitempty"` // of separators, in pixels
	Icon      string `json:"icon,omitempty"`
	Wallpaper string `json:"wallpaper,omitempty"`
}

func extraOf(r chat.Room) (x roomExtra) {
	var all struct {
		Origin roomExtra `json:"origin"`
	}
	if len(r.Extra) > 0 {
		_ = json.Unmarshal(r.Extra, &all) // what cannot be read is nothing
	}
	return all.Origin
}

// roomPrefix begins the names of rooms that have none of their own.
const roomPrefix = "room-"

// channelOf is a room's name on the wire.
func channelOf(r chat.Room) string {
	if x := extraOf(r); x.Name != "" {
		return x.Name
	}
	if r.Slug != "" {
		return r.Slug
	}
	return roomPrefix + r.ID.String()
}

// rooms are the channels of a person: the rooms that they may read and this protocol can show.
func (d *Dialect) rooms(ctx context.Context, by chat.Actor) ([]chat.Room, error) {
	return d.core.ServerRooms(ctx, by)
}

// channel finds a room that the person may read by its name; errNoChannel for all others, which they must not know of.
func (d *Dialect) channel(ctx context.Context, by chat.Actor, name string) (chat.Room, error) {
	rooms, err := d.rooms(ctx, by)
	if err != nil {
		return chat.Room{}, err
	}
	for _, r := range rooms {
		if channelOf(r) == name {
			return r, nil
		}
	}
	return chat.Room{}, chat.ErrRoomNotFound
}

// channelName is channelOf for an id.
func (d *Dialect) channelName(ctx context.Context, id chat.RoomID) string {
	room, err := d.core.RoomSettings(ctx, id)
	if err != nil {
		return ""
	}
	return channelOf(room)
}

// namedLike reports whether two channels would have the same name.
func namedLike(a, b string) bool { return strings.EqualFold(a, b) }

// channelList is a person's list of channels as a packet; nil if the connection has exactly that one.
func (d *Dialect) channelList(_ context.Context, _ *socket, _ []chat.Room) ([]byte, error) {
	return nil, nil
}
