// Package chat holds the words of the domain: users, rooms, messages, events, rights and the one error shape.
// It has no rules (package core), no storage and no wire formats, and imports the standard library only.
package chat

import (
	"strconv"
	"time"
)

// UserID is the public id of a user: a UUID of version 7 in canonical lower-case form.
type UserID string

// RoomID is the number of a room: a database identity below 2^53, never reused.
type RoomID int64

// MessageID is the number of a message: unique on the server, increasing within every room, below 2^53, never reused.
type MessageID int64

// AttachmentID is the number of an attachment, below 2^53, never reused. What appears in URLs is Attachment.Key.
type AttachmentID int64

// SessionID names a login session; it is the `jti` of the session's token.
type SessionID string

// RoleID names a server role: a UUID, or one of the four system role names.
type RoleID string

// Seq counts the changes of one room. A message's Seq is its place, its ChangeSeq the latest change to it.
type Seq int64

func (id RoomID) String() string       { return strconv.FormatInt(int64(id), 10) }
func (id MessageID) String() string    { return strconv.FormatInt(int64(id), 10) }
func (id AttachmentID) String() string { return strconv.FormatInt(int64(id), 10) }

// ParseRoomID reads the decimal form of a room id; ok is false for anything else.
func ParseRoomID(s string) (id RoomID, ok bool) {
	n, ok := parseID(s)
	return RoomID(n), ok
}

// ParseMessageID reads the decimal form of a message id; ok is false for anything else.
func ParseMessageID(s string) (id MessageID, ok bool) {
	n, ok := parseID(s)
	return MessageID(n), ok
}

// maxID is the first number that a JavaScript client can no longer hold exactly.
const maxID = 1 << 53

// parseID accepts only the canonical form, so that one thing has one name in URLs.
func parseID(s string) (int64, bool) {
	if len(s) == 0 || len(s) > 16 || s[0] < '1' || s[0] > '9' {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n < maxID
}

// Actor is who asks for something: an authenticated user in one login session, or the operator.
type Actor struct {
	UserID    UserID
	SessionID SessionID
	Address   string    // network address of the client, for rate limits and the session list; may be empty
	ExpiresAt time.Time // when the login session ends by itself; zero: never
	// Connection names the live connection that asks, on all nodes; empty for requests outside of one. What it takes (a voice
	// room's seat, commands) ends with it.
	Connection string
	Pace       Pace   // of the protocol that the actor speaks; zero: none
	Operator   bool   // the operator at the command line: passes every permission check, has no user
	Plugin     string // the id of the plugin through which it is asked for; empty for none. Only for the audit log
}

// Pace is how fast somebody may write beyond what the server bounds anyway, see core.Limits.
type Pace struct {
	PerMinute int           // messages; 0: no such limit
	Cooldown  time.Duration // after too many messages in ten seconds nothing can be written for so long; 0: as soon as they are over
}

// Operator is the actor of the command line and of the server's own chores.
var Operator = Actor{Operator: true}

// Page asks for a part of a list ordered by a cursor. Limit is 1–100; Cursor is what the last page returned, or empty.
type Page struct {
	Limit  int
	Cursor string
}

// Clock tells the time; tests hand in their own.
type Clock func() time.Time
