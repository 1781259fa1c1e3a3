package plugin

import (
	"context"
	"encoding/json"
	"time"

	"parley/internal/chat"
)

// Host is what plugins can ask of the server. Errors are chat errors; their codes and texts reach the plugin. What a plugin may
// ask for has been decided before; what can be done at all is the server's to say.
type Host interface {
	User(ctx context.Context, id chat.UserID) (*chat.User, error)
	UserByName(ctx context.Context, username string) (*chat.User, error)
	Room(ctx context.Context, id chat.RoomID) (chat.Room, error)
	RoomBySlug(ctx context.Context, slug string) (chat.Room, error)
	Rooms(ctx context.Context) ([]chat.Room, error) // not direct ones
	Message(ctx context.Context, id chat.MessageID) (*chat.Message, error)
	Messages(ctx context.Context, room chat.RoomID, limit int) ([]chat.Message, error) // the newest, oldest first

	Post(ctx context.Context, as Identity, p Post) (*chat.Message, error)
	React(ctx context.Context, as Identity, message chat.MessageID, emoji string, give bool) error
	Delete(ctx context.Context, as Identity, message chat.MessageID) error
	TimeOut(ctx context.Context, as Identity, user chat.UserID, d time.Duration, reason string) error // d 0: ends it

	// Act does something with the rights and in the name of a person. What there is to do is the host's.
	Act(ctx context.Context, as Identity, by chat.UserID, what string, args json.RawMessage) (any, error)

	// Values of one plugin, which last. A value is JSON; nil is none.
	Value(ctx context.Context, plugin, key string) (json.RawMessage, error)
	PutValue(ctx context.Context, plugin, key string, value json.RawMessage) error
	DeleteValue(ctx context.Context, plugin, key string) error
	ValueKeys(ctx context.Context, plugin, prefix string) ([]string, error)

	// Stored are the settings that were changed here, by plugin.
	Stored(ctx context.Context) (map[string]json.RawMessage, error)
	// Store replaces the stored settings of a plugin, tells every node, and calls nobody back by itself.
	// changed are the names of those that are not what they were.
	Store(ctx context.Context, by chat.Actor, plugin string, settings json.RawMessage, changed []string) error

	// Allow charges what all nodes share and reports whether it may be, and when it may be again.
	Allow(ctx context.Context, key string, most int, per time.Duration) (ok bool, retry time.Duration, err error)
	// Claim reports whether this node is the first of all to claim the key within the time.
	Claim(ctx context.Context, key string, ttl time.Duration) (bool, error)
}

// Identity is which plugin acts.
type Identity struct {
	ID   string // of the plugin
	Name string // over its messages
}

// Post is a message that a plugin writes.
type Post struct {
	Room    chat.RoomID
	Text    string
	ReplyTo chat.MessageID
	Embeds  []json.RawMessage // as OriginChats §6.6 has them; nil for none
	// Command and Caller are the slash command that it answers.
	Command string
	Caller  chat.UserID
}
