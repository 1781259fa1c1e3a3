package chat

import (
	"encoding/json"
	"time"
)

// MessageType says what a message is mostly made of.
type MessageType string

// The types of message.
const (
	TextMessage   MessageType = "text"
	ImageMessage  MessageType = "image"
	FileMessage   MessageType = "file"
	SystemMessage MessageType = "system"
)

// DeletedContent is the content that a tombstone shows.
const DeletedContent = "[deleted]"

// Message is one thing said in a room. Values are shared between caches and connections and must not be changed.
type Message struct {
	ID          MessageID
	RoomID      RoomID
	Seq         Seq   // its place in the room
	ChangeSeq   Seq   // the latest change to it
	Ordinal     int64 // the room's MessageCount with it
	Type        MessageType
	SenderID    UserID // empty for system messages and posts from outside
	Sender      *User  // filled by core; nil if SenderID is empty or unknown
	Content     string // raw markdown as typed; ciphertext in encrypted rooms; DeletedContent in tombstones
	ParentID    MessageID
	ThreadID    MessageID // the first message of the thread it is in; 0 outside threads
	ReplyCount  int
	LastReplyAt time.Time
	CreatedAt   time.Time // strictly increasing per room at millisecond resolution; kept in microseconds
	EditedAt    time.Time
	Deleted     bool
	DeletedBy   UserID
	Pinned      bool
	PinnedAt    time.Time
	PinnedBy    UserID
	Mentions    []UserID
	Everyone    bool // mentions everyone in the room
	Reactions   []Reaction
	Attachments []Attachment
	Links       []Link
	Nonce       string   // only in the answer to its sender and in the event of its creation
	Mark        string   // in events on the node where they were caused: the request that did, see core.WithMark
	Payload     *Payload // what one dialect stored beside the content
	Extras      *Extras  // nil for most messages
	Poll        *Poll    // nil for most messages
}

// Extras is what a message carries beside its text, in every dialect that can say it. It is stored as its JSON.
type Extras struct {
	Embeds  []json.RawMessage `json:"embeds,omitempty"`  // at most 10, as they were received and checked; see core.CheckEmbeds
	Author  *Author           `json:"author,omitempty"`  // who it was posted as; nil: its sender
	Command *CommandUse       `json:"command,omitempty"` // the slash command that it answers
	Ping    *bool             `json:"ping,omitempty"`    // false: the author of the parent is not told; nil: nothing was said of it
}

// Empty reports whether there is nothing to store.
func (x *Extras) Empty() bool {
	return x == nil || len(x.Embeds) == 0 && x.Author == nil && x.Command == nil && x.Ping == nil
}

// AuthorKind says what posted a message that no user sent.
type AuthorKind string

// The kinds of author.
const (
	WebhookAuthor AuthorKind = "webhook"
	PluginAuthor  AuthorKind = "plugin"
	ServerAuthor  AuthorKind = "server" // answers of the server's own commands
)

// Author is the face of a message without a sender.
type Author struct {
	Kind      AuthorKind `json:"kind"`
	ID        string     `json:"id,omitempty"` // of the webhook or plugin
	Name      string     `json:"name"`
	AvatarURL string     `json:"avatar_url,omitempty"`
}

// CommandUse says which slash command a message answers, and whose.
type CommandUse struct {
	Name   string `json:"name"`
	UserID UserID `json:"user_id"`
}

// Payload is the form in which a dialect received a message, kept byte for byte, and what only that dialect shows of it.
type Payload struct {
	Kind string // the dialect and format, e.g. "session", "portal.v2", "origin"
	Data []byte
}

// Reaction groups the people who gave one emoji to a message, in the order of the first use of each emoji.
type Reaction struct {
	Emoji string
	Users []UserID // in the order they reacted
}

// By reports whether the user is among those who reacted.
func (r Reaction) By(user UserID) bool {
	for _, u := range r.Users {
		if u == user {
			return true
		}
	}
	return false
}

// Link is an address in a message and what is known of the page behind it.
type Link struct {
	Picture     bool   `json:"picture,omitempty"` // the address is that of a picture which the message shows, in an embed or as its author's; these stand last
	URL         string `json:"url"`
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	Image       string `json:"image,omitempty"`  // path of a picture kept on this server; empty for none
	Width       int    `json:"width,omitempty"`  // of the picture, in pixels
	Height      int    `json:"height,omitempty"` //
}

// ScanState is what the malware scanner said of an attachment.
type ScanState string

// The results of a scan.
const (
	ScanClean    ScanState = "clean"
	ScanPending  ScanState = "pending"
	ScanInfected ScanState = "infected"
)

// Attachment is a file that was uploaded, and, once sent, belongs to a message.
type Attachment struct {
	ID         AttachmentID
	Key        string // unguessable UUID; the id that native and others show, and the name in URLs
	UploaderID UserID
	RoomID     RoomID    // 0 until it is sent
	MessageID  MessageID // 0 until it is sent
	Filename   string    // sanitised
	Size       int64     // bytes
	MIMEType   string    // by content
	Width      int       // pixels after orientation; 0 if not an image
	Height     int
	Hash       string // SHA-256 of the bytes, hex: the blob's name
	ThumbHash  string // blob of the thumbnail; empty for none
	ThumbMIME  string
	Scan       ScanState
	CreatedAt  time.Time
	ExpiresAt  time.Time // zero: as long as its message
}

// Draft is a message on its way into the store: checked by core, not yet numbered.
type Draft struct {
	RoomID        RoomID
	SenderID      UserID
	Sender        *User // carried into Message.Sender; not stored
	Type          MessageType
	Content       string
	ParentID      MessageID
	ThreadID      MessageID
	Forum         bool // the thread is one of a forum: it must be there and open, and counts what is said in it
	KeepRead      bool // the sender's read marker stays where it is
	Mentions      []UserID
	Everyone      bool
	AttachmentIDs []AttachmentID // uploaded by the sender and not yet sent; claimed in the same transaction
	Links         []Link
	Nonce         string // at most 64 bytes; exactly-once per (room, sender, nonce) for 24 hours
	Mark          string // goes into the event, see Message.Mark
	Payload       *Payload
	Extras        *Extras
	Poll          *Poll          // without votes
	Search        string         // folded text for the index; empty when it must not be found
	Notify        []Notification // stored in the same transaction, with room and message filled in
	SlowMode      time.Duration  // how long ago the sender's last message in the room must be; 0: may be at once, and is not noted
	At            time.Time      // the wish; the store moves it forward to keep the room's times increasing
}

// MessagesPage is a part of a room's history, oldest first.
type MessagesPage struct {
	Messages  []Message
	HasBefore bool
	HasAfter  bool
}

// MessagesQuery asks for a part of a room's history. At most one of Before, After, Around, AroundSeq and At is set; none means
// the newest.
type MessagesQuery struct {
	Before, After, Around MessageID
	AroundSeq             Seq       // around the first message at this place or after it; a place from 1
	At                    time.Time // around the first message at this time or after it
	ThreadID              MessageID // only this thread's replies; 0 = the whole room
	Limit                 int       // 1–100
}

// Places counts how many places the query names.
func (q MessagesQuery) Places() (n int) {
	for _, given := range []bool{q.Before != 0, q.After != 0, q.Around != 0, q.AroundSeq != 0, !q.At.IsZero()} {
		if given {
			n++
		}
	}
	return n
}

// Changes is what happened to messages of a room after some change_seq, ascending by change_seq, one row per message.
type Changes struct {
	Messages  []Message
	LastSeq   Seq
	Truncated bool // there is more: ask again from the last message's ChangeSeq
}

// Receipt says that a person read a message, and when.
type Receipt struct {
	UserID UserID
	ReadAt time.Time
}

// Report asks moderators to look at a message.
type Report struct {
	ID         int64
	MessageID  MessageID
	RoomID     RoomID
	ReporterID UserID
	AuthorID   UserID
	Reason     string
	Content    string // the message as it was when reported
	CreatedAt  time.Time
	State      ReportState
	HandledBy  UserID
	HandledAt  time.Time
	Note       string
}

// ReportState is how far a report has come.
type ReportState string

// The states of a report.
const (
	ReportOpen      ReportState = "open"
	ReportResolved  ReportState = "resolved"
	ReportDismissed ReportState = "dismissed"
)

// SearchQuery asks for messages. The reader only ever finds what is in rooms they are a member of.
type SearchQuery struct {
	Reader         UserID
	Terms          []SearchTerm // all must match; may be empty when a filter is set
	RoomID         RoomID       // 0: every room of the reader
	From           UserID
	After, Before  time.Time // zero: open
	HasAttachments bool
	HasLinks       bool
	Limit          int
	BeforeID       MessageID // cursor: only older ids; 0 = from the newest
}

// SearchTerm is a word, a prefix or a phrase, folded the way the index is.
type SearchTerm struct {
	Words  []string // one word, or the words of a phrase in order
	Prefix bool     // the last word may go on
	Not    bool     // must not occur
}

// SearchResult is one message found, newest first.
type SearchResult struct {
	Hits          []SearchHit
	TotalEstimate int
	More          bool
}

// SearchHit is a message with the ones around it.
type SearchHit struct {
	Message    Message
	Highlights []Span // where the terms stand in Message.Content
	Previous   *Message
	Next       *Message
}

// Span is a range of a text in bytes of its UTF-8 form: [Start, End).
type Span struct{ Start, End int }

// Extra carries JSON that only one dialect understands.
type Extra = json.RawMessage
