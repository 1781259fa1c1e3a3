package chat

import "time"

// ThreadMessage is the first message of a forum's thread: its content is the thread's name. It is not counted and not listed.
const ThreadMessage MessageType = "thread"

// Thread is a conversation of its own in a forum room. Its replies are messages whose ThreadID is its id.
type Thread struct {
	ID            MessageID // of its first message, a ThreadMessage
	RoomID        RoomID
	Name          string // 1–100 characters
	CreatedBy     UserID
	CreatedAt     time.Time
	Locked        bool      // nothing in it changes, and nobody joins, until it is unlocked
	Archived      bool      // put away; who writes in it brings it back
	LastMessageID MessageID // the newest reply that is not deleted; 0 while there is none
	LastMessageAt time.Time // of that reply, else of the thread itself: the threads of a room are ordered by it
	MessageCount  int64     // replies that are not deleted
	Version       int64     // +1 on every change of name, lock and archive
	Participants  []UserID  // who takes part, in the order they came; whoever made it is the first
	// People are the creator and the participants with their profiles; those whose account is gone are missing. Filled by core.
	People map[UserID]*User
}

// TakesPart reports whether a person is among the participants.
func (t *Thread) TakesPart(user UserID) bool {
	for _, p := range t.Participants {
		if p == user {
			return true
		}
	}
	return false
}

// ReadPosition is where a person stands in a room or a thread. What clients do not list (tombstones, lines of the server, first
// messages of threads) is neither counted nor named.
type ReadPosition struct {
	RoomID   RoomID
	ThreadID MessageID // 0: the room itself
	LastRead MessageID // the newest message that they have read and that is still there; 0 for none
	Unread   int64     // messages after it; all of them when nothing was read
	Total    int64
}

// ShownQuery asks for a part of what clients list of a room or a thread: no tombstones, no lines of the server, no first
// messages of threads. At most one of Skip, Before and Around is set; none means the newest.
type ShownQuery struct {
	RoomID       RoomID
	ThreadID     MessageID // only the replies of this thread; 0: the whole room
	Skip         int64     // leave out this many of the newest
	Before       MessageID // only what is older than this message of the room, which may itself be a tombstone
	Limit        int       // 1–200; of Skip and Before
	Around       MessageID // this message, which must be a shown one,
	Newer, Older int       // and up to 200 on each side of it
}

// ShownPage is a part of a list, oldest first.
type ShownPage struct {
	Messages []Message
	First    int64 // the place of the first of them in the whole list, counted from 0 at the oldest message
	Total    int64 // how long the whole list is
}

// ThreadCreated says that somebody opened a thread.
type ThreadCreated struct {
	Thread *Thread
	Mark   string // see Message.Mark; the same of all events here
}

// ThreadChanged says that a thread has another name or was locked, archived or brought back.
type ThreadChanged struct {
	Thread *Thread
	Mark   string
}

// ThreadDeleted says that a thread is gone. Its messages become tombstones from now on.
type ThreadDeleted struct {
	RoomID   RoomID
	ThreadID MessageID
	Mark     string
}

// ThreadJoined says that a person takes part in a thread now, or asked to although they do.
type ThreadJoined struct {
	Thread *Thread
	UserID UserID
	Mark   string
}

// ThreadLeft says that a person does not take part any more.
type ThreadLeft struct {
	Thread *Thread
	UserID UserID
	Mark   string
}

// PositionMoved tells a person's devices up to where they have read; also when they read the same again. MessageID is 0 where
// nothing that is listed was read.
type PositionMoved struct {
	UserID    UserID
	RoomID    RoomID
	ThreadID  MessageID // 0: the room itself
	MessageID MessageID
	Mark      string
}

func (e ThreadCreated) Scope() Scope { return Scope{Room: e.Thread.RoomID} }
func (e ThreadChanged) Scope() Scope { return Scope{Room: e.Thread.RoomID} }
func (e ThreadDeleted) Scope() Scope { return Scope{Room: e.RoomID} }
func (e ThreadJoined) Scope() Scope  { return Scope{Room: e.Thread.RoomID} }
func (e ThreadLeft) Scope() Scope    { return Scope{Room: e.Thread.RoomID} }
func (e PositionMoved) Scope() Scope { return Scope{Users: []UserID{e.UserID}} }

// Marked returns the mark.
func (e ThreadCreated) Marked() string { return e.Mark }

// Marked returns the mark.
func (e ThreadChanged) Marked() string { return e.Mark }

// Marked returns the mark.
func (e ThreadDeleted) Marked() string { return e.Mark }

// Marked returns the mark.
func (e ThreadJoined) Marked() string { return e.Mark }

// Marked returns the mark.
func (e ThreadLeft) Marked() string { return e.Mark }

// Marked returns the mark.
func (e PositionMoved) Marked() string { return e.Mark }
