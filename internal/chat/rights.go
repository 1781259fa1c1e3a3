package chat

// Right is something a person may or may not do in one room.
type Right string

// The rights in a room.
const (
	CanSee           Right = "see"    // know that the room exists
	CanJoin          Right = "join"   // become a member without an invitation
	CanRead          Right = "read"   // its messages and members
	CanSend          Right = "send"   // messages, typing
	CanReact         Right = "react"  // reactions
	CanAttach        Right = "attach" // files
	CanReport        Right = "report" // messages to the moderators
	CanEditOwn       Right = "edit"   // own messages, within the edit window
	CanDeleteOwn     Right = "delete_own"
	CanDelete        Right = "delete" // anybody's messages
	CanPin           Right = "pin"
	CanCreateThread  Right = "create_thread"
	CanManageThreads Right = "manage_threads" // rename, lock, archive and delete others' threads of a forum
	CanMentionAll    Right = "mention_all"
	CanInvite        Right = "invite"         // people and invite links
	CanManageMembers Right = "manage_members" // remove, mute, ban
	CanManageRoom    Right = "manage_room"    // name, description, settings
	CanSetRoles      Right = "set_roles"
	CanTransfer      Right = "transfer"
	CanDeleteRoom    Right = "delete_room"
)

// Rights lists every right in a room, for tests that walk them all.
func Rights() []Right {
	return []Right{CanSee, CanJoin, CanRead, CanSend, CanReact, CanAttach, CanReport, CanEditOwn, CanDeleteOwn, CanDelete, CanPin,
		CanCreateThread, CanManageThreads, CanMentionAll, CanInvite, CanManageMembers, CanManageRoom, CanSetRoles, CanTransfer, CanDeleteRoom}
}
