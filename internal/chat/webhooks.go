package chat

import "time"

// Webhook lets a service outside post in one room, with nothing but an address to send to. The secret part of the address,
// its token, is derived from ID and Version with a key of the server, and stored nowhere.
type Webhook struct {
	ID        string // UUID, lower case
	RoomID    RoomID
	Name      string
	AvatarURL string // http or https; empty for none
	CreatedBy UserID
	CreatedAt time.Time
	Version   int64 // of the token
}
