package chat

import "time"

// NotificationType says why someone is told.
type NotificationType string

// The types of notification.
const (
	NotifyMention    NotificationType = "mention"
	NotifyReply      NotificationType = "reply"
	NotifyRoomInvite NotificationType = "room_invite"
	NotifyDirect     NotificationType = "direct_message"
	NotifySystem     NotificationType = "system"
)

// Severity colours a notification.
type Severity string

// The severities.
const (
	SeverityInfo    Severity = "info"
	SeveritySuccess Severity = "success"
	SeverityWarning Severity = "warning"
	SeverityDanger  Severity = "danger"
	SeveritySystem  Severity = "system"
)

// Notification tells one person of one event. It is gone 30 days after it was made.
type Notification struct {
	ID         int64
	UserID     UserID
	Type       NotificationType
	Title      string
	Content    string // a short plain text; for messages the beginning of their content
	RoomID     RoomID
	MessageID  MessageID
	ActorID    UserID
	Actor      *User  // filled by core
	InviteCode string // room_invite: the code to accept
	Severity   Severity
	CreatedAt  time.Time
	ReadAt     time.Time
	ExpiresAt  time.Time
}

// PushSubscription is a browser's Web Push endpoint (RFC 8030) with its keys (RFC 8291).
type PushSubscription struct {
	UserID    UserID
	SessionID SessionID
	Endpoint  string
	P256dh    string
	Auth      string
	CreatedAt time.Time
	// Device tells the devices of a person apart where a protocol's clients subscribe anew with other endpoints; such
	// subscriptions get what that protocol's clients understand. Empty for the others.
	Device     string
	LastUsedAt time.Time // of those with a Device: when the person was last here
}
