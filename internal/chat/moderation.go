package chat

import (
	"encoding/json"
	"time"
)

// SanctionKind is what a sanction does.
type SanctionKind string

// The kinds of sanction.
const (
	Ban     SanctionKind = "ban"     // no access
	Mute    SanctionKind = "mute"    // sees, cannot send
	Timeout SanctionKind = "timeout" // no access for a while; the session survives
	Warning SanctionKind = "warning" // a record and a notification
)

// Sanction is one measure against one person, in one room or (RoomID 0) on the whole server. It holds in every dialect.
type Sanction struct {
	ID         int64
	Kind       SanctionKind
	RoomID     RoomID
	UserID     UserID
	Reason     string // at most 500 characters
	IssuedBy   UserID // empty: the operator
	CreatedAt  time.Time
	Until      time.Time // zero: until lifted
	LiftedAt   time.Time // zero while it stands
	LiftedBy   UserID
	LiftReason string
}

// Live reports whether the sanction holds at t.
func (s Sanction) Live(t time.Time) bool {
	return s.LiftedAt.IsZero() && (s.Until.IsZero() || t.Before(s.Until))
}

// SanctionFilter narrows a list of sanctions; zero fields do not narrow.
type SanctionFilter struct {
	UserID     UserID
	RoomID     RoomID
	ServerOnly bool // only RoomID 0
	Kind       SanctionKind
	LiveAt     time.Time
}

// AuditEntry records who did what to whom.
type AuditEntry struct {
	ID         int64
	At         time.Time
	ActorID    UserID // empty: the operator or the server
	Action     string // "room.delete", "user.ban", …: <noun>.<verb>
	TargetType string // "user", "room", "message", "role", "invite", "server"
	TargetID   string
	RoomID     RoomID
	Details    json.RawMessage // never message content
}

// AuditFilter narrows the audit log; zero fields do not narrow.
type AuditFilter struct {
	ActorID  UserID
	TargetID string
	RoomID   RoomID
	Action   string   // exact, or a prefix ending in "."
	Actions  []string // exactly these; empty: any
	After    time.Time
	Before   time.Time
}
