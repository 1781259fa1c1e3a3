package chat

// Event is something that happened and was committed (or, for volatile things, is true now). Events are values that many
// connections share: nobody changes one.
type Event interface {
	// Scope says which room and which users the event is about, for routing and for dropping caches.
	Scope() Scope
}

// Scope is where an event belongs. Exactly one of Room and Users decides who may see it: with Room set it is for those who
// can read the room, else for the named users. Everyone is for all who are connected.
type Scope struct {
	Room     RoomID
	Users    []UserID
	Everyone bool
}

// Sequenced is an Event that carries the room's change_seq: connections get these in order, once, without holes.
type Sequenced interface {
	Event
	// State is the message after the change; its RoomID and ChangeSeq place the event.
	State() *Message
}

// Addressed is an Event for one connection of the person it is for, and for none of their others.
type Addressed interface {
	Event
	// To names the connection, see Actor.Connection.
	To() string
}

// MessageCreated says that a message was stored.
type MessageCreated struct{ Message *Message }

// MessageChanged says that a message's content, pin or previews changed. It carries the whole new state.
type MessageChanged struct {
	Message *Message
	What    MessageChange // for those who tell changes apart
}

// MessageChange says what of a message changed.
type MessageChange string

// What can change. Made up for from the store, a change is any: then nobody knows how many there were.
const (
	ChangedAny   MessageChange = ""
	ChangedText  MessageChange = "text"
	ChangedPin   MessageChange = "pin"
	ChangedLinks MessageChange = "links" // what is known of the pages behind them
)

// MessageDeleted says that a message became a tombstone.
type MessageDeleted struct {
	Message *Message
	Thread  bool // with the whole thread, which ThreadDeleted told before
}

// ReactionAdded says that a person reacted. Message is the state after it.
type ReactionAdded struct {
	Message *Message
	UserID  UserID
	Emoji   string
}

// ReactionRemoved says that a reaction was taken back. Message is the state after it.
type ReactionRemoved struct {
	Message *Message
	UserID  UserID
	Emoji   string
}

// PollVoted says that a person voted, or took a vote back. Message is the state after it.
type PollVoted struct {
	Message *Message
	UserID  UserID
	Options []string // ids of the options that the vote named
}

// PollEnded says that a poll was ended by hand. Message is the state after it.
type PollEnded struct {
	Message *Message
	UserID  UserID // who ended it; empty for the operator
}

func (e PollVoted) Scope() Scope { return Scope{Room: e.Message.RoomID} }
func (e PollEnded) Scope() Scope { return Scope{Room: e.Message.RoomID} }

// State implements Sequenced.
func (e PollVoted) State() *Message { return e.Message }

// State implements Sequenced.
func (e PollEnded) State() *Message { return e.Message }

func (e MessageCreated) Scope() Scope  { return Scope{Room: e.Message.RoomID} }
func (e MessageChanged) Scope() Scope  { return Scope{Room: e.Message.RoomID} }
func (e MessageDeleted) Scope() Scope  { return Scope{Room: e.Message.RoomID} }
func (e ReactionAdded) Scope() Scope   { return Scope{Room: e.Message.RoomID} }
func (e ReactionRemoved) Scope() Scope { return Scope{Room: e.Message.RoomID} }

// State implements Sequenced.
func (e MessageCreated) State() *Message { return e.Message }

// State implements Sequenced.
func (e MessageChanged) State() *Message { return e.Message }

// State implements Sequenced.
func (e MessageDeleted) State() *Message { return e.Message }

// State implements Sequenced.
func (e ReactionAdded) State() *Message { return e.Message }

// State implements Sequenced.
func (e ReactionRemoved) State() *Message { return e.Message }

// MemberJoined says that a person became a member.
type MemberJoined struct {
	Member Member
	User   *User
}

// MemberLeft says that a person is no longer a member, by whatever way.
type MemberLeft struct {
	RoomID RoomID
	UserID UserID
	Reason LeaveReason
}

// LeaveReason says how a membership ended.
type LeaveReason string

// The ways a membership ends.
const (
	Left    LeaveReason = "left"
	Removed LeaveReason = "removed"
	Banned  LeaveReason = "banned"
)

// MemberChanged says that a member's role, mute or preferences changed.
type MemberChanged struct{ Member Member }

// RoomChanged says that a room's settings changed.
type RoomChanged struct{ Room Room }

// RoomDeleted says that a room and everything in it is gone. Members are those who were in it.
type RoomDeleted struct {
	RoomID  RoomID
	Members []UserID
}

// ReadMoved says that a member read up to a place, or (Delivered) that it reached one of their clients.
type ReadMoved struct {
	RoomID    RoomID
	UserID    UserID
	Seq       Seq
	Delivered bool
}

// Typing says that someone types, or stopped.
type Typing struct {
	RoomID   RoomID
	UserID   UserID
	ThreadID MessageID
	Typing   bool
	Mark     string // see Message.Mark
}

// Marked names the request that caused the event, on the node where it was made.
func (e Typing) Marked() string { return e.Mark }

func (e MemberJoined) Scope() Scope  { return Scope{Room: e.Member.RoomID} }
func (e MemberLeft) Scope() Scope    { return Scope{Room: e.RoomID} }
func (e MemberChanged) Scope() Scope { return Scope{Room: e.Member.RoomID} }
func (e RoomChanged) Scope() Scope   { return Scope{Room: e.Room.ID} }
func (e RoomDeleted) Scope() Scope   { return Scope{Users: e.Members} }
func (e ReadMoved) Scope() Scope     { return Scope{Room: e.RoomID} }
func (e Typing) Scope() Scope        { return Scope{Room: e.RoomID} }

// RoomAdded tells a person, on all devices, that a room is now theirs.
type RoomAdded struct {
	UserID UserID
	Room   Room
}

// RoomRemoved tells a person, on all devices, that a room is no longer theirs.
type RoomRemoved struct {
	UserID UserID
	RoomID RoomID
}

// UnreadChanged tells a person's devices where they stand in a room.
type UnreadChanged struct {
	UserID       UserID
	RoomID       RoomID
	UnreadCount  int64
	MentionCount int64
	LastReadSeq  Seq
}

// Notified tells a person of a new notification.
type Notified struct{ Notification Notification }

// SessionRevoked ends connections: of one session, or of all sessions of the user but Except when SessionID is empty.
type SessionRevoked struct {
	UserID    UserID
	SessionID SessionID
	Except    SessionID
	Reason    string // "logout", "revoked", "password_changed", "banned", "timed_out", "disabled"
}

// UserChanged says that a person's profile, roles or state changed.
type UserChanged struct{ User *User }

// PresenceChanged says that a person's effective status changed; it goes to people who share a room.
type PresenceChanged struct {
	Presence Presence
	Moved    bool // by coming or going, and not by what they chose
}

// UserJoined says that somebody has an account from now on.
type UserJoined struct{ User *User }

// UserLeft says that an account is gone. User is what it was.
type UserLeft struct{ User *User }

// Face is what others know a person by.
type Face struct{ Username, ExternalName, DisplayName, AvatarURL string }

// FaceOf returns a person's face.
func FaceOf(u *User) Face { return Face{u.Username, u.ExternalName, u.DisplayName, u.AvatarURL} }

// FaceChanged says, beside UserChanged, that a person has another name or picture.
type FaceChanged struct {
	User    *User
	Before  Face
	Managed bool // somebody who manages users did it
}

func (e UserJoined) Scope() Scope  { return Scope{Everyone: true} }
func (e UserLeft) Scope() Scope    { return Scope{Everyone: true} }
func (e FaceChanged) Scope() Scope { return Scope{Everyone: true} }

// SanctionChanged says that a sanction was made or lifted.
type SanctionChanged struct{ Sanction Sanction }

// RolesChanged says that the server's roles (RoomID 0), a room's role lists, or with UserID what one person is granted in a room
// changed; cached rights must go.
type RolesChanged struct {
	RoomID RoomID
	UserID UserID
}

// UsersSeen says that the times at which people were last here moved on. No client is told.
type UsersSeen struct{ Users []UserID }

// BlockChanged says that a person blocked or unblocked another.
type BlockChanged struct {
	UserID    UserID
	BlockedID UserID
	Blocked   bool
}

// ReportChanged tells reviewers that the queue changed.
type ReportChanged struct{ Report Report }

func (e RoomAdded) Scope() Scope       { return Scope{Users: []UserID{e.UserID}} }
func (e RoomRemoved) Scope() Scope     { return Scope{Users: []UserID{e.UserID}} }
func (e UnreadChanged) Scope() Scope   { return Scope{Users: []UserID{e.UserID}} }
func (e Notified) Scope() Scope        { return Scope{Users: []UserID{e.Notification.UserID}} }
func (e SessionRevoked) Scope() Scope  { return Scope{Users: []UserID{e.UserID}} }
func (e UserChanged) Scope() Scope     { return Scope{Everyone: true} }
func (e PresenceChanged) Scope() Scope { return Scope{Everyone: true} }
func (e SanctionChanged) Scope() Scope { return Scope{Users: []UserID{e.Sanction.UserID}} }
func (e RolesChanged) Scope() Scope    { return Scope{Everyone: true} }
func (e UsersSeen) Scope() Scope       { return Scope{} }
func (e BlockChanged) Scope() Scope    { return Scope{Users: []UserID{e.UserID}} }
func (e ReportChanged) Scope() Scope   { return Scope{} }

// EmojiAdded says that the server has another emoji.
type EmojiAdded struct{ Emoji Emoji }

// EmojiUpdated says that an emoji has another name or picture.
type EmojiUpdated struct{ Emoji Emoji }

// EmojiRemoved says that an emoji is gone.
type EmojiRemoved struct {
	ID   EmojiID
	Name string
}

func (e EmojiAdded) Scope() Scope   { return Scope{Everyone: true} }
func (e EmojiUpdated) Scope() Scope { return Scope{Everyone: true} }
func (e EmojiRemoved) Scope() Scope { return Scope{Everyone: true} }

// UserRolesChanged says that a person has other roles, beside UserChanged: Whole tells that all of them were set anew, not some
// given or taken.
type UserRolesChanged struct {
	UserID UserID
	Whole  bool
	Mark   string // of the request that caused it, on its node
}

func (e UserRolesChanged) Scope() Scope { return Scope{Everyone: true} }

// Marked names the request that caused the event.
func (e UserRolesChanged) Marked() string { return e.Mark }

// DirectoryChanged says that the list of the server's own rooms is not what it was: one was made, changed, deleted or has other
// role lists, or (RoomID 0) several have another place. Everyone sees the part of it that they may see.
type DirectoryChanged struct{ RoomID RoomID }

func (e DirectoryChanged) Scope() Scope { return Scope{Everyone: true} }

// ServerChanged says that the server's settings changed; whoever keeps them reads them anew.
type ServerChanged struct{}

func (e ServerChanged) Scope() Scope { return Scope{Everyone: true} }

// PluginsChanged says that settings of plugins changed, or that a plugin is to be loaded anew. No client is told.
type PluginsChanged struct {
	Name string // of the plugin to be loaded anew; "*" all of them; empty: their settings changed
	Node string // that has done so already
}

func (e PluginsChanged) Scope() Scope { return Scope{} }
