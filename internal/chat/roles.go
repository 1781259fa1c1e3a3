package chat

// Permission is what a server role allows. Strings that the server does not know are kept and have no effect.
type Permission string

// The permissions that have an effect.
const (
	Administrator   Permission = "administrator" // all of them
	ManageServer    Permission = "manage_server"
	ViewAuditLog    Permission = "view_audit_log"
	ManageRoles     Permission = "manage_roles"
	ManageRooms     Permission = "manage_rooms"
	ManageThreads   Permission = "manage_threads"
	ManageUsers     Permission = "manage_users"
	ManageMessages  Permission = "manage_messages"
	ReviewReports   Permission = "review_reports"
	Announce        Permission = "announce"
	CreateRooms     Permission = "create_rooms"
	CreateInvites   Permission = "create_invites" // invites to register
	MentionEveryone Permission = "mention_everyone"
	ManageEmoji     Permission = "manage_emoji" // the server's own; manage_server has it too
)

// The four system roles; they cannot be deleted.
const (
	RoleOwner     RoleID = "owner"
	RoleAdmin     RoleID = "admin"
	RoleModerator RoleID = "moderator"
	RoleUser      RoleID = "user"
)

// Role is a server role. Position 0 is the highest.
type Role struct {
	ID             RoleID
	Name           string
	Description    string
	Color          string // "#rrggbb" or empty
	Hoisted        bool
	SelfAssignable bool
	Category       string
	Position       int
	Permissions    []Permission
	System         bool
	MessagesPer10s int // overrides the server's send limit; 0 = the server's, -1 = none
}

// Rank returns the rank a role gives: the system roles give theirs, every other role gives RankMember.
func (id RoleID) Rank() Rank {
	switch id {
	case RoleOwner:
		return RankOwner
	case RoleAdmin:
		return RankAdmin
	case RoleModerator:
		return RankModerator
	}
	return RankMember
}
