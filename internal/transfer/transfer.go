// Package transfer carries the data of one person or one room out of a server and into another: JSON lines of its own
// format, and the exports of Slack. docs/export-format.md describes both.
//
// What does not belong here: copies of a whole server (package archive), and rules. An import is the operator's: it writes
// through the store, so that rate limits, permissions and notifications do not apply. Nobody is notified of anything.
package transfer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// The format of exports.
const (
	FormatName    = "chat-export"
	FormatVersion = 1
)

// Kinds of export, and of what can be imported.
const (
	KindUser  = "user"  // what one person said and what is known of them
	KindRoom  = "room"  // one room with everything in it
	KindSlack = "slack" // public channels of a Slack workspace
)

var (
	// ErrDamaged says that something is not a whole, undamaged export.
	ErrDamaged = errors.New("the export is damaged")
	// ErrTooNew says that a newer version of the program made the export.
	ErrTooNew = errors.New("the export was made by a newer version of this program: import it with that one")
)

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

// Record is one line of an export: an object with one key, which says what it is. Times are RFC 3339 with fractions of a
// second, ids those of the server that wrote the line.
type Record struct {
	Header       *Header       `json:"header,omitempty"` // the first line
	User         *User         `json:"user,omitempty"`
	Identity     *Identity     `json:"identity,omitempty"`
	Session      *Session      `json:"session,omitempty"`
	Block        *Block        `json:"block,omitempty"`
	Room         *Room         `json:"room,omitempty"`
	File         *File         `json:"file,omitempty"`
	Chunk        []byte        `json:"chunk,omitempty"` // the next bytes of the file that was announced last
	Message      *Message      `json:"message,omitempty"`
	Reaction     *Reaction     `json:"reaction,omitempty"`
	Member       *Member       `json:"member,omitempty"`
	Notification *Notification `json:"notification,omitempty"`
	Sanction     *Sanction     `json:"sanction,omitempty"`
	Audit        *Audit        `json:"audit,omitempty"`
	End          *End          `json:"end,omitempty"` // the last line
}

// Header says what the lines after it are.
type Header struct {
	Format  string    `json:"format"`
	Version int       `json:"version"`
	Kind    string    `json:"kind"`
	ID      string    `json:"id"`      // of this export; importing the same one twice changes nothing
	Subject string    `json:"subject"` // id of the person or room
	Server  string    `json:"server"`
	MadeAt  time.Time `json:"made_at"`
	Files   bool      `json:"files"` // whether the bytes of attachments are within
}

// End closes an export, so that one that was cut off is noticed.
type End struct {
	Records int64 `json:"records"` // lines before this one
}

// User is an account. Of people who only occur in someone else's export there are just the names.
type User struct {
	ID            string          `json:"id"`
	Username      string          `json:"username"`
	DisplayName   string          `json:"display_name"`
	Kind          string          `json:"kind"`
	Bio           string          `json:"bio,omitempty"`
	Email         string          `json:"email,omitempty"`
	AvatarURL     string          `json:"avatar_url,omitempty"`
	Status        string          `json:"status,omitempty"`
	StatusMessage string          `json:"status_message,omitempty"`
	Roles         []string        `json:"roles,omitempty"`
	Settings      json.RawMessage `json:"settings,omitempty"`
	CreatedAt     time.Time       `json:"created_at,omitzero"`
	LastSeenAt    time.Time       `json:"last_seen_at,omitzero"`
	DisabledAt    time.Time       `json:"disabled_at,omitzero"`
}

// Identity is a way of logging in, without its secret.
type Identity struct {
	User     string `json:"user"`
	Provider string `json:"provider"`
	Subject  string `json:"subject"`
}

// Session is a login that is live, without its id.
type Session struct {
	User       string    `json:"user"`
	Device     string    `json:"device"`
	Address    string    `json:"address"`
	CreatedAt  time.Time `json:"created_at"`
	LastUsedAt time.Time `json:"last_used_at"`
	ExpiresAt  time.Time `json:"expires_at"`
}

// Block says whom a person does not want to hear from.
type Block struct {
	User      string    `json:"user"`
	Blocked   string    `json:"blocked"`
	CreatedAt time.Time `json:"created_at"`
}

// Room is a room's settings. The lines up to the next room belong to it.
type Room struct {
	ID          int64           `json:"id"`
	Slug        string          `json:"slug,omitempty"`
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Topic       string          `json:"topic,omitempty"`
	Type        string          `json:"type"`
	Form        string          `json:"form"`
	Encrypted   bool            `json:"encrypted,omitempty"`
	Official    bool            `json:"official,omitempty"`
	AvatarURL   string          `json:"avatar_url,omitempty"`
	Position    int             `json:"position,omitempty"`
	Owner       string          `json:"owner,omitempty"`
	CreatedBy   string          `json:"created_by,omitempty"`
	CreatedAt   time.Time       `json:"created_at"`
	Archived    bool            `json:"archived,omitempty"`
	SlowMode    int64           `json:"slow_mode_seconds,omitempty"`
	Extra       json.RawMessage `json:"extra,omitempty"`
	People      []string        `json:"people,omitempty"` // the two of a direct room
}

// File announces the bytes of an attachment of the next message, or of a person's avatar; they follow as chunks.
type File struct {
	Attachment string `json:"attachment,omitempty"` // its key
	Avatar     bool   `json:"avatar,omitempty"`
	Name       string `json:"name,omitempty"`
	User       string `json:"user"` // who uploaded it
	Size       int64  `json:"size"`
	SHA256     string `json:"sha256"`
}

// Message is one message. Those of a room are in the order of their ids.
type Message struct {
	ID          int64             `json:"id"`
	Room        int64             `json:"room"`
	Type        string            `json:"type"`
	Sender      string            `json:"sender,omitempty"`
	Content     string            `json:"content"`
	Parent      int64             `json:"parent,omitempty"`
	Thread      int64             `json:"thread,omitempty"`
	CreatedAt   time.Time         `json:"created_at"`
	EditedAt    time.Time         `json:"edited_at,omitzero"`
	Deleted     bool              `json:"deleted,omitempty"`
	DeletedBy   string            `json:"deleted_by,omitempty"`
	PinnedAt    time.Time         `json:"pinned_at,omitzero"`
	PinnedBy    string            `json:"pinned_by,omitempty"`
	Mentions    []string          `json:"mentions,omitempty"`
	Everyone    bool              `json:"everyone,omitempty"`
	Reactions   []ReactionList    `json:"reactions,omitempty"`
	Attachments []Attachment      `json:"attachments,omitempty"`
	Links       []Link            `json:"links,omitempty"`
	Payload     *Payload          `json:"payload,omitempty"`
	Embeds      []json.RawMessage `json:"embeds,omitempty"` // as they were received
	Author      *Author           `json:"author,omitempty"`
	Poll        *Poll             `json:"poll,omitempty"`
}

// Author is the face of a message without a sender.
type Author struct {
	Kind      string `json:"kind"` // webhook, plugin, server
	ID        string `json:"id,omitempty"`
	Name      string `json:"name"`
	AvatarURL string `json:"avatar_url,omitempty"`
}

// Poll is a question that a message asks.
type Poll struct {
	Question  string       `json:"question"`
	Options   []PollOption `json:"options"`
	Multiple  bool         `json:"multiple,omitempty"`
	CreatedBy string       `json:"created_by,omitempty"`
	ExpiresAt time.Time    `json:"expires_at,omitzero"`
	EndedAt   time.Time    `json:"ended_at,omitzero"`
	EndedBy   string       `json:"ended_by,omitempty"`
}

// PollOption is one answer, and who gave it, in the order they did; in an export of a person only they.
type PollOption struct {
	ID     string   `json:"id"`
	Text   string   `json:"text"`
	Emoji  string   `json:"emoji,omitempty"`
	Voters []string `json:"voters,omitempty"`
}

// ReactionList is who gave one emoji, in the order they did.
type ReactionList struct {
	Emoji string   `json:"emoji"`
	Users []string `json:"users"`
}

// Attachment describes a file of a message.
type Attachment struct {
	Key       string    `json:"key"`
	Filename  string    `json:"filename"`
	Size      int64     `json:"size"`
	MIMEType  string    `json:"mime_type"`
	Width     int       `json:"width,omitempty"`
	Height    int       `json:"height,omitempty"`
	SHA256    string    `json:"sha256"`
	CreatedAt time.Time `json:"created_at"`
}

// Link is a web address in a message with what is known of the page.
type Link struct {
	URL         string `json:"url"`
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
}

// Payload is what one dialect keeps beside a message.
type Payload struct {
	Kind string `json:"kind"`
	Data []byte `json:"data,omitempty"`
}

// Reaction is one that a person gave to somebody else's message.
type Reaction struct {
	User    string `json:"user"`
	Room    int64  `json:"room"`
	Message int64  `json:"message"`
	Emoji   string `json:"emoji"`
}

// Member is a place in a room. It comes after the room's messages.
type Member struct {
	Room       int64     `json:"room"`
	User       string    `json:"user"`
	Role       string    `json:"role"`
	JoinedAt   time.Time `json:"joined_at"`
	Notify     string    `json:"notify,omitempty"`
	Favourite  bool      `json:"favourite,omitempty"`
	Hidden     bool      `json:"hidden,omitempty"`
	LastReadAt time.Time `json:"last_read_at,omitzero"`
}

// Notification is one that a person was sent.
type Notification struct {
	User      string    `json:"user"`
	Type      string    `json:"type"`
	Title     string    `json:"title,omitempty"`
	Content   string    `json:"content,omitempty"`
	Room      int64     `json:"room,omitempty"`
	Message   int64     `json:"message,omitempty"`
	Actor     string    `json:"actor,omitempty"`
	Severity  string    `json:"severity"`
	CreatedAt time.Time `json:"created_at"`
	ReadAt    time.Time `json:"read_at,omitzero"`
}

// Sanction is a measure against the person.
type Sanction struct {
	User       string    `json:"user"`
	Kind       string    `json:"kind"`
	Room       int64     `json:"room,omitempty"`
	Reason     string    `json:"reason,omitempty"`
	CreatedAt  time.Time `json:"created_at"`
	Until      time.Time `json:"until,omitzero"`
	LiftedAt   time.Time `json:"lifted_at,omitzero"`
	LiftReason string    `json:"lift_reason,omitempty"`
}

// Audit is an entry of the audit log about the person, or of what they did.
type Audit struct {
	At         time.Time       `json:"at"`
	Actor      string          `json:"actor,omitempty"`
	Action     string          `json:"action"`
	TargetType string          `json:"target_type,omitempty"`
	Target     string          `json:"target,omitempty"`
	Room       int64           `json:"room,omitempty"`
	Details    json.RawMessage `json:"details,omitempty"`
}

// Source is something to import. Records calls fn for each record, the header first, and returns fn's error as it is. The
// record is fn's to read only until it returns.
type Source interface {
	Records(ctx context.Context, fn func(*Record) error) error
}
