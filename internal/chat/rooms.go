package chat

import (
	"encoding/json"
	"time"
)

// RoomType says who may find and enter a room.
type RoomType string

// The types of room.
const (
	Public  RoomType = "public"  // anyone may find and join it
	Private RoomType = "private" // by invitation
	Direct  RoomType = "direct"  // exactly two people, fixed for ever
)

// RoomForm says what happens in a room.
type RoomForm string

// The forms of room.
const (
	Text      RoomForm = "text"
	Voice     RoomForm = "voice"
	Forum     RoomForm = "forum"
	Separator RoomForm = "separator"
)

// Room is a space where people exchange messages.
type Room struct {
	ID          RoomID
	Slug        string // unique without regard to case; empty for none
	Name        string // 1–100 characters; empty for direct rooms
	Description string // at most 1,000 characters
	Topic       string // at most 250 characters
	Type        RoomType
	Form        RoomForm
	Encrypted   bool // content is ciphertext: not searched, no mentions, no links, plaintext dialects do not see it
	Official    bool // a room of the server rather than of a person; public
	AvatarURL   string
	Position    int
	OwnerID     UserID // empty for direct rooms and rooms of the server
	CreatedBy   UserID // empty for rooms of the server
	CreatedAt   time.Time
	Archived    bool            // read-only, kept for its history
	SlowMode    time.Duration   // how long a member waits between two messages, up to MaxSlowMode; 0: no slow mode
	Version     int64           // +1 on every change of the room's settings
	Denied      []Permission    // server permissions that give no rights in this room
	Extra       json.RawMessage // settings that only one dialect knows, by dialect name; nil for none
	DirectPair  [2]UserID       // the two people of a direct room, in id order

	LastSeq       Seq       // the room's counter
	MessageCount  int64     // messages of people ever stored, tombstones included; what the server says by itself is not counted
	LastMessageAt time.Time // zero while empty
	MemberCount   int
}

// MaxSlowMode is the longest that people can be made to wait between two messages in a room.
const MaxSlowMode = 6 * time.Hour

// RoomRole is what a member is in one room.
type RoomRole string

// The room roles, and none for someone who is not a member.
const (
	RoomNone   RoomRole = ""
	RoomMember RoomRole = "member"
	RoomAdmin  RoomRole = "admin"
	RoomOwner  RoomRole = "owner"
)

// Level orders the room roles: none 0, member 1, admin 2, owner 3.
func (r RoomRole) Level() int {
	switch r {
	case RoomMember:
		return 1
	case RoomAdmin:
		return 2
	case RoomOwner:
		return 3
	}
	return 0
}

// NotifyLevel is what a member wants to be told of.
type NotifyLevel string

// The levels of notification in a room.
const (
	NotifyAll      NotifyLevel = "all"
	NotifyMentions NotifyLevel = "mentions"
	NotifyMuted    NotifyLevel = "muted"
)

// Member is one person's place in one room.
type Member struct {
	RoomID           RoomID
	UserID           UserID
	Role             RoomRole
	JoinedAt         time.Time
	Notify           NotifyLevel
	LastReadSeq      Seq
	LastReadAt       time.Time
	LastReadOrdinal  int64 // the room's MessageCount at LastReadSeq
	LastDeliveredSeq Seq   // direct rooms: the newest message that reached one of the person's clients
	MutedUntil       time.Time
	Muted            bool // a live mute of this room; MutedUntil is zero when it has no end
	Favourite        bool
	// Hidden members count and see like others but appear in no list.
	Hidden bool
}

// RoomView is a room as one person sees it.
type RoomView struct {
	Room         Room
	Me           *Member // nil for a non-member
	UnreadCount  int64
	MentionCount int64
	Peer         *User     // direct rooms: the other person
	SlowUntil    time.Time // when the person may write again in slow mode; zero: now
}

// Invite lets people into a room (RoomID set) or onto the server (RoomID 0).
type Invite struct {
	Code      string // 10 characters of an unambiguous alphabet
	RoomID    RoomID
	UserID    UserID // set when it is meant for one person only
	CreatedBy UserID
	CreatedAt time.Time
	ExpiresAt time.Time // zero: never
	MaxUses   int       // 0: no limit
	Uses      int
	RevokedAt time.Time
}

// Live reports whether the invite can still be used at t.
func (i Invite) Live(t time.Time) bool {
	return i.RevokedAt.IsZero() && (i.ExpiresAt.IsZero() || t.Before(i.ExpiresAt)) && (i.MaxUses == 0 || i.Uses < i.MaxUses)
}

// Said is the newest message of a room that a client lists.
type Said struct {
	RoomID    RoomID
	MessageID MessageID
	At        time.Time
}

// RoleList names server roles that have, or by Deny lack, one right in one room.
type RoleList struct {
	RoomID RoomID
	Right  Right
	Roles  []RoleEntry // the first entry that matches one of the person's roles decides
}

// RoleEntry is one line of a RoleList.
type RoleEntry struct {
	RoleID RoleID
	Deny   bool
}

// RoomPermissions are what server roles may do in one room.
type RoomPermissions struct {
	Lists  []RoleList   // by right; a right without a list is as in every other room
	Denied []Permission // server permissions that give no rights in this room
}

// List returns the entries for a right, nil without a list.
func (p RoomPermissions) List(right Right) []RoleEntry {
	for _, l := range p.Lists {
		if l.Right == right {
			return l.Roles
		}
	}
	return nil
}

// Grant gives or denies one person one right in one room, until a time or for good.
type Grant struct {
	RoomID RoomID
	UserID UserID
	Right  Right
	Allow  bool
	Until  time.Time // zero: for good
}
