package chat

import (
	"encoding/json"
	"time"
)

// Rank is the highest system role a user has on the server.
type Rank uint8

// The ranks, lowest first.
const (
	RankMember Rank = iota
	RankModerator
	RankAdmin
	RankOwner
)

var rankNames = [...]string{"member", "moderator", "admin", "owner"}

func (r Rank) String() string { return rankNames[r] }

// ParseRank reads the name of a rank.
func ParseRank(s string) (Rank, bool) {
	for i, name := range rankNames {
		if s == name {
			return Rank(i), true
		}
	}
	return 0, false
}

// Status is what a person shows to others.
type Status string

// The four statuses. A user without a connection is offline; a user who chose offline stays invisible.
const (
	Online  Status = "online"
	Away    Status = "away"
	Busy    Status = "busy"
	Offline Status = "offline"
)

// UserKind says what sort of account a user is.
type UserKind string

// The kinds of account.
const (
	Person   UserKind = "person"
	Bot      UserKind = "bot"
	Stranger UserKind = "stranger"
)

// User is someone who can take part. Values are shared and must not be changed after they left the store.
type User struct {
	ID            UserID
	Number        int64  // the identity that dialects with integer ids show
	Username      string // 3–20 of [A-Za-z0-9_] for accounts made here; unique without regard to case
	DisplayName   string // 1–50 characters
	Kind          UserKind
	AvatarURL     string // path or URL, empty for none
	Bio           string
	Email         string // shown to oneself only
	Status        Status // the chosen one in the store; core replaces it by the effective one where it answers
	StatusMessage string // at most 100 characters
	// ExternalName is the name under which an identity provider knows the person, unique without regard to case; empty for
	// accounts made here.
	ExternalName string
	Rank         Rank // derived from Roles
	Roles        []RoleID
	Settings     json.RawMessage // preferences of the person's clients, of which the server heeds NotificationPreferences; at most 16 KiB; nil for none
	CreatedAt    time.Time
	LastSeenAt   time.Time // zero if never connected
	DisabledAt   time.Time // zero while the account is usable
}

// Departed is what is kept of an account that was deleted: who wrote what is still there.
type Departed struct {
	UserID       UserID
	Username     string
	ExternalName string
}

// Identity ties a way of proving who one is to a user: (provider, subject) is unique.
type Identity struct {
	Provider string // "password", "oidc:<issuer>", …
	Subject  string // for "password" the folded username
	UserID   UserID
	Secret   string // for "password" an argon2id PHC string
}

// ProviderPassword is the provider of accounts with a local password.
const ProviderPassword = "password"

// ProviderRotur is the provider of accounts that the Rotur service vouches for: the subject is the user's id there.
const ProviderRotur = "rotur"

// ProviderTOTP is the provider of second factors: the subject is the user's id, the secret what package core makes of it. It does
// not log anybody in.
const ProviderTOTP = "totp"

// Session is one login.
type Session struct {
	ID         SessionID
	UserID     UserID
	Device     string // user agent as sent, at most 200 characters
	Address    string
	CreatedAt  time.Time
	LastUsedAt time.Time
	ExpiresAt  time.Time
	RevokedAt  time.Time // zero while live
}

// Block says that one user does not want to hear from another.
type Block struct {
	UserID    UserID
	BlockedID UserID
	CreatedAt time.Time
}

// Presence is the effective status of a user right now.
type Presence struct {
	UserID        UserID
	Status        Status
	StatusMessage string
}
