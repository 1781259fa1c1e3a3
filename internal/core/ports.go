package core

import (
	"context"
	"encoding/json"
	"time"

	"parley/internal/chat"
)

// Reader answers questions about committed state; inside a transaction it sees the transaction's own writes.
//
// What is not there is a chat error of kind NotFound with the noun's code (user_not_found, room_not_found, message_not_found,
// member_not_found, else not_found). Lists are empty, never an error. Anything else that goes wrong is an error of no known
// shape, or chat.Unavailable when the engine is away. Readers do not check rights: core does.
type Reader interface {
	// Users and how they prove who they are.
	User(ctx context.Context, id chat.UserID) (*chat.User, error)
	UserByName(ctx context.Context, username string) (*chat.User, error) // without regard to case
	UserByNumber(ctx context.Context, number int64) (*chat.User, error)
	Users(ctx context.Context, ids []chat.UserID) ([]*chat.User, error) // in no order, unknown ids left out
	UsersByName(ctx context.Context, usernames []string) ([]*chat.User, error)
	SearchUsers(ctx context.Context, prefix string, limit int) ([]*chat.User, error) // folded prefix of username, display name or a word of it; usable accounts only
	ListUsers(ctx context.Context, q UserQuery) (users []*chat.User, next string, err error)
	People(ctx context.Context, after int64, limit int) (ids []chat.UserID, last int64, err error) // all but bots, by number, those with higher numbers than after; last is the number of the last one
	Departed(ctx context.Context, id chat.UserID) (chat.Departed, error)                           // what is kept of an account that was deleted
	UserByExternalName(ctx context.Context, name string) (*chat.User, error)                       // without regard to case
	Identity(ctx context.Context, provider, subject string) (chat.Identity, error)
	IdentitiesOf(ctx context.Context, user chat.UserID) ([]chat.Identity, error)
	Wrote(ctx context.Context, user chat.UserID, since, at time.Time) (bool, error) // whether they sent anything from the day of since to that of at, at most 60 days later; deleted messages count
	Session(ctx context.Context, id chat.SessionID) (chat.Session, error)
	SessionsOf(ctx context.Context, user chat.UserID, at time.Time) ([]chat.Session, error)         // live ones, newest use first
	LiveSessions(ctx context.Context, ids []chat.SessionID, at time.Time) ([]chat.SessionID, error) // those that can be used: not over, and nobody's who is disabled or shut out from the server
	OwnerExists(ctx context.Context) (bool, error)

	// Roles.
	Roles(ctx context.Context) ([]chat.Role, error) // by position
	RoleLists(ctx context.Context, room chat.RoomID) ([]chat.RoleList, error)
	RoleListsAmong(ctx context.Context, rooms []chat.RoomID) ([]chat.RoleList, error) // of several rooms, by room and right
	RoleListsNaming(ctx context.Context, role chat.RoleID) ([]chat.RoleList, error)   // whole lists, by room and right
	Grants(ctx context.Context, room chat.RoomID, user chat.UserID) ([]chat.Grant, error)
	GrantsAmong(ctx context.Context, room chat.RoomID, users []chat.UserID) ([]chat.Grant, error) // of several people, in no order
	GrantsOf(ctx context.Context, user chat.UserID) ([]chat.Grant, error)                         // of one person everywhere, in no order

	// Rooms and members.
	Room(ctx context.Context, id chat.RoomID) (chat.Room, error)
	OfficialRooms(ctx context.Context) ([]chat.Room, error)                // of the server itself, not archived, by position and id
	RoomsByID(ctx context.Context, ids []chat.RoomID) ([]chat.Room, error) // in no order, unknown ids left out
	RoomBySlug(ctx context.Context, slug string) (chat.Room, error)        // without regard to case
	DirectRoom(ctx context.Context, a, b chat.UserID) (chat.Room, error)
	RoomsOf(ctx context.Context, user chat.UserID) ([]chat.RoomView, error)                                        // newest message first, then newest joined; counts filled; four queries at most
	PublicRooms(ctx context.Context, q string, page chat.Page) (rooms []chat.Room, next string, err error)         // not archived; most members first
	ListRooms(ctx context.Context, q string, page chat.Page) (rooms []chat.Room, next string, err error)           // all, for the operator
	Member(ctx context.Context, room chat.RoomID, user chat.UserID) (chat.Member, error)                           // Muted from live sanctions at the store's clock
	Members(ctx context.Context, room chat.RoomID, page chat.Page) (members []chat.Member, next string, err error) // owner, admins, then by joining; hidden ones left out
	MemberIDs(ctx context.Context, room chat.RoomID) ([]chat.UserID, error)
	MembersAmong(ctx context.Context, room chat.RoomID, users []chat.UserID) ([]chat.Member, error)
	Memberships(ctx context.Context, user chat.UserID) ([]chat.Member, error) // of one person in all rooms, in no order
	Unread(ctx context.Context, room chat.RoomID, user chat.UserID) (unread, mentions int64, err error)
	SlowSends(ctx context.Context, user chat.UserID, rooms []chat.RoomID) (map[chat.RoomID]time.Time, error) // when the person last wrote there in slow mode; rooms where they did not are left out
	Heads(ctx context.Context, rooms []chat.RoomID) (map[chat.RoomID]chat.Seq, error)                        // the rooms' LastSeq, unknown ids left out
	RoomsOfEach(ctx context.Context, users []chat.UserID) (map[chat.UserID][]chat.RoomID, error)             // in no order
	Invite(ctx context.Context, code string) (chat.Invite, error)
	Invites(ctx context.Context, room chat.RoomID) ([]chat.Invite, error)                                 // newest first; room 0: to the server
	InviteFor(ctx context.Context, room chat.RoomID, user chat.UserID, at time.Time) (chat.Invite, error) // live and meant for this person

	// Messages.
	Message(ctx context.Context, id chat.MessageID) (*chat.Message, error)
	Messages(ctx context.Context, room chat.RoomID, q chat.MessagesQuery) (chat.MessagesPage, error)
	MessagesByID(ctx context.Context, ids []chat.MessageID) ([]*chat.Message, error)
	ChangesSince(ctx context.Context, room chat.RoomID, since chat.Seq, limit int) (chat.Changes, error)
	Pins(ctx context.Context, room chat.RoomID) ([]chat.Message, error)                              // newest pin first
	Receipts(ctx context.Context, room chat.RoomID, seq chat.Seq, limit int) ([]chat.Receipt, error) // who read at least to seq, and when they first did
	Search(ctx context.Context, q chat.SearchQuery) (chat.SearchResult, error)                       // waits for the index to hold everything committed before the call
	NewestSaid(ctx context.Context, rooms []chat.RoomID) ([]chat.Said, error)                        // of each room that has one; neither deleted nor the server's own
	Attachment(ctx context.Context, id chat.AttachmentID) (chat.Attachment, error)
	AttachmentByKey(ctx context.Context, key string) (chat.Attachment, error)
	AttachmentsByKey(ctx context.Context, keys []string) ([]chat.Attachment, error)
	UnusedAttachments(ctx context.Context, before time.Time, limit int) ([]chat.Attachment, error)         // never sent, made before
	PendingAttachments(ctx context.Context, after chat.AttachmentID, limit int) ([]chat.Attachment, error) // never sent, with the scan pending, by id
	BlobInUse(ctx context.Context, hash string) (bool, error)                                              // by any attachment that is not infected, its thumbnail, or a stored asset
	Quarantined(ctx context.Context, hash string) (bool, error)                                            // the bytes are those of attachments whose scan is not clean, and of nothing else

	// What clients list, and where people stand in it.
	Shown(ctx context.Context, q chat.ShownQuery) (chat.ShownPage, error)                                                          // message_not_found: Before is not of the room, Around not shown there
	NewestShown(ctx context.Context, room chat.RoomID, thread chat.MessageID, upTo chat.Seq) (chat.MessageID, chat.Seq, error)     // the newest shown message at or before a place; zeros for none
	ReadPositions(ctx context.Context, user chat.UserID, rooms []chat.RoomID) ([]chat.ReadPosition, error)                         // of the rooms and of every thread in them, in no order; two queries
	ThreadPositions(ctx context.Context, user chat.UserID, threads []chat.MessageID) (map[chat.MessageID]chat.ReadPosition, error) // unknown ids left out

	// Threads of forums. What is not there, or being deleted, is thread_not_found.
	Thread(ctx context.Context, id chat.MessageID) (chat.Thread, error)
	Threads(ctx context.Context, rooms []chat.RoomID) ([]chat.Thread, error)                                                          // all of them, open ones first, then latest message first; two queries
	RoomThreads(ctx context.Context, room chat.RoomID, archived bool, page chat.Page) (threads []chat.Thread, next string, err error) // latest message first
	DeletedThreads(ctx context.Context) ([]chat.MessageID, error)                                                                     // threads whose messages are still to be deleted

	// Moderation.
	Sanctions(ctx context.Context, f chat.SanctionFilter, page chat.Page) (s []chat.Sanction, next string, err error) // newest first
	LiveSanctions(ctx context.Context, user chat.UserID, room chat.RoomID, at time.Time) ([]chat.Sanction, error)     // server-wide ones and those of the room (0: only server-wide)
	SanctionsAmong(ctx context.Context, room chat.RoomID, users []chat.UserID, at time.Time) ([]chat.Sanction, error) // LiveSanctions of several people, in no order
	SanctionsOf(ctx context.Context, user chat.UserID, at time.Time) ([]chat.Sanction, error)                         // the live ones everywhere
	Bans(ctx context.Context, at time.Time) ([]chat.Sanction, error)                                                  // those of the whole server that are live, oldest first
	Blocks(ctx context.Context, user chat.UserID) ([]chat.Block, error)
	Blocked(ctx context.Context, a, b chat.UserID) (bool, error) // either direction
	BlockersOf(ctx context.Context, user chat.UserID) ([]chat.UserID, error)
	Report(ctx context.Context, id int64) (chat.Report, error)
	Reports(ctx context.Context, state chat.ReportState, page chat.Page) (r []chat.Report, next string, err error) // oldest first when open, else newest first
	Audit(ctx context.Context, f chat.AuditFilter, page chat.Page) (a []chat.AuditEntry, next string, err error)   // newest first

	AuditAt(ctx context.Context, f chat.AuditFilter, offset, limit int) ([]chat.AuditEntry, error) // newest first
	AuditCounts(ctx context.Context, f chat.AuditFilter) (map[string]int64, error)                 // by action

	// The server's own emoji. What is not there is emoji_not_found.
	Emoji(ctx context.Context, id chat.EmojiID) (chat.Emoji, error)
	EmojiByName(ctx context.Context, name string) (chat.Emoji, error) // without regard to case
	AllEmoji(ctx context.Context) ([]chat.Emoji, error)               // by id

	// Webhooks. What is not there is webhook_not_found.
	Webhook(ctx context.Context, id string) (chat.Webhook, error)
	Webhooks(ctx context.Context, room chat.RoomID) ([]chat.Webhook, error) // oldest first; room 0: all

	// Notifications and push.
	Notifications(ctx context.Context, user chat.UserID, unread bool, at time.Time, page chat.Page) (n []chat.Notification, next string, err error) // newest first, unexpired
	UnreadNotifications(ctx context.Context, user chat.UserID, at time.Time) (int, error)
	PushSubscriptions(ctx context.Context, user chat.UserID) ([]chat.PushSubscription, error)

	// The server.
	Setting(ctx context.Context, key string) (json.RawMessage, error) // not_found when never set
	Stats(ctx context.Context, at time.Time) (Stats, error)

	// What plugins keep.
	PluginValue(ctx context.Context, plugin, key string) (json.RawMessage, error)
	PluginKeys(ctx context.Context, plugin string) ([]string, error)                   // in no order
	PluginUsage(ctx context.Context, plugin string) (keys int, bytes int64, err error) // bytes of keys and values

	// Export walks, in id order, for backups of one person's or one room's data. fn's error stops the walk and is returned.
	EachMessage(ctx context.Context, room chat.RoomID, sender chat.UserID, fn func(*chat.Message) error) error
}

// Tx is one transaction. Every write of a message's state takes the room's next change_seq and returns the new message.
type Tx interface {
	Reader

	CreateUser(ctx context.Context, u *chat.User) (*chat.User, error) // number assigned; Conflict username_taken
	UpdateUser(ctx context.Context, u *chat.User) error               // profile, status, settings, disabled, last seen; not roles
	SetUserRoles(ctx context.Context, user chat.UserID, roles []chat.RoleID) error
	DeleteUser(ctx context.Context, user chat.UserID) error // account, identities, sessions, memberships; messages stay, and the name for Departed
	PutIdentity(ctx context.Context, id chat.Identity) error
	DeleteIdentity(ctx context.Context, provider, subject string) (bool, error)
	CreateSession(ctx context.Context, s chat.Session) error
	TouchSession(ctx context.Context, id chat.SessionID, at time.Time, address string) error
	RevokeSessions(ctx context.Context, user chat.UserID, only, except chat.SessionID, at time.Time) (int, error) // only "" = all but except

	PutRole(ctx context.Context, r chat.Role) error
	DeleteRole(ctx context.Context, id chat.RoleID) error   // who has no other one gets "user"
	PutRoleList(ctx context.Context, l chat.RoleList) error // empty Roles: remove the list
	PutGrant(ctx context.Context, g chat.Grant) error
	DeleteGrant(ctx context.Context, room chat.RoomID, user chat.UserID, right chat.Right) error

	CreateRoom(ctx context.Context, r chat.Room) (chat.Room, error)             // Conflict slug_taken, direct_exists
	UpdateRoom(ctx context.Context, r chat.Room) (chat.Room, error)             // settings, owner, archived; Version + 1
	SetRoomOrder(ctx context.Context, rooms []chat.RoomID) error                // each room's Position becomes its index; no new Version
	DeleteRoom(ctx context.Context, id chat.RoomID) (blobs []string, err error) // with everything in it; the hashes that may now be unused
	PutMember(ctx context.Context, m chat.Member) (created bool, err error)     // a new member has read everything there is
	DeleteMember(ctx context.Context, room chat.RoomID, user chat.UserID) (bool, error)
	MarkRead(ctx context.Context, room chat.RoomID, user chat.UserID, seq chat.Seq, at time.Time) (m chat.Member, moved bool, err error) // never back, never past the last message
	MarkDelivered(ctx context.Context, room chat.RoomID, user chat.UserID, seq chat.Seq) (moved bool, err error)
	PutInvite(ctx context.Context, i chat.Invite) error                     // new or changed
	UseInvite(ctx context.Context, code string, at time.Time) (bool, error) // counts one use if it is still live; atomic

	EditMessage(ctx context.Context, id chat.MessageID, e Edit) (*chat.Message, error)
	DeleteMessage(ctx context.Context, id chat.MessageID, by chat.UserID, at time.Time) (msg *chat.Message, blobs []string, err error) // content, payload, index, attachments, reactions, mentions and notifications of it go
	SetPinned(ctx context.Context, id chat.MessageID, pinned bool, by chat.UserID, at time.Time) (*chat.Message, error)
	AddReaction(ctx context.Context, id chat.MessageID, user chat.UserID, emoji string, at time.Time) (msg *chat.Message, added bool, err error)
	RemoveReaction(ctx context.Context, id chat.MessageID, user chat.UserID, emoji string) (msg *chat.Message, removed bool, err error)
	SetVotes(ctx context.Context, id chat.MessageID, user chat.UserID, options []string, at time.Time) (msg *chat.Message, changed bool, err error) // exactly these, in place of those they gave before; ids that the poll does not have are ignored
	EndPoll(ctx context.Context, id chat.MessageID, by chat.UserID, at time.Time) (*chat.Message, error)
	SetLinks(ctx context.Context, id chat.MessageID, links []chat.Link) (*chat.Message, error)
	Append(ctx context.Context, d chat.Draft) (msg *chat.Message, created bool, err error) // as Store.Append, inside this transaction

	CreateThread(ctx context.Context, t chat.Thread) error                                                    // its first message is stored; whoever made it takes part
	UpdateThread(ctx context.Context, t chat.Thread) (chat.Thread, error)                                     // name, locked, archived; Version + 1
	HideThread(ctx context.Context, id chat.MessageID) error                                                  // it is there no more; RemainingReplies and RemoveThread finish it
	RemainingReplies(ctx context.Context, id chat.MessageID, limit int) ([]chat.MessageID, error)             // of a thread: those that are not deleted
	RemoveThread(ctx context.Context, id chat.MessageID) error                                                // of what HideThread hid, with everybody's place in it
	JoinThread(ctx context.Context, id chat.MessageID, user chat.UserID, at time.Time) (bool, error)          // false: took part already
	LeaveThread(ctx context.Context, id chat.MessageID, user chat.UserID) (bool, error)                       // false: did not take part
	SetRead(ctx context.Context, room chat.RoomID, user chat.UserID, seq chat.Seq, at time.Time) error        // the marker of a member, back too
	SetThreadRead(ctx context.Context, id chat.MessageID, user chat.UserID, seq chat.Seq, at time.Time) error // as SetRead, of a thread, for anybody
	ReadThreads(ctx context.Context, room chat.RoomID, user chat.UserID, seq chat.Seq) error                  // places in threads of a room that are before its marker do not count any more
	ReadThreadNotifications(ctx context.Context, user chat.UserID, thread, upTo chat.MessageID, at time.Time) (int, error)

	CreateAttachment(ctx context.Context, a chat.Attachment) (chat.Attachment, error)
	SetScan(ctx context.Context, id chat.AttachmentID, state chat.ScanState) error
	DeleteAttachment(ctx context.Context, id chat.AttachmentID) error

	CreateSanction(ctx context.Context, s chat.Sanction) (chat.Sanction, error)
	LiftSanctions(ctx context.Context, user chat.UserID, room chat.RoomID, kind chat.SanctionKind, by chat.UserID, reason string, at time.Time) ([]chat.Sanction, error) // the live ones of exactly that room (0: server)
	PutBlock(ctx context.Context, b chat.Block) (bool, error)
	DeleteBlock(ctx context.Context, user, blocked chat.UserID) (bool, error)
	CreateReport(ctx context.Context, r chat.Report) (chat.Report, error) // Conflict already_reported by the same person while open
	UpdateReport(ctx context.Context, r chat.Report) error
	AddAudit(ctx context.Context, a chat.AuditEntry) error

	CreateEmoji(ctx context.Context, e chat.Emoji) (chat.Emoji, error) // id assigned, from 0 and never again; Conflict emoji_name_taken
	UpdateEmoji(ctx context.Context, e chat.Emoji) error               // name and picture
	DeleteEmoji(ctx context.Context, id chat.EmojiID) error

	CreateWebhook(ctx context.Context, w chat.Webhook) error
	UpdateWebhook(ctx context.Context, w chat.Webhook) error // name, picture, version
	DeleteWebhook(ctx context.Context, id string) error

	CreateNotification(ctx context.Context, n chat.Notification) (chat.Notification, error)
	ReadNotifications(ctx context.Context, user chat.UserID, id int64, at time.Time) (int, error) // id 0: all
	ReadRoomNotifications(ctx context.Context, user chat.UserID, room chat.RoomID, upTo chat.MessageID, at time.Time) (int, error)
	PutPushSubscription(ctx context.Context, p chat.PushSubscription) error
	DeletePushSubscription(ctx context.Context, user chat.UserID, endpoint string) (bool, error) // user "": whoever's

	PutSetting(ctx context.Context, key string, value json.RawMessage) error
	PutPluginValue(ctx context.Context, plugin, key string, value json.RawMessage) error // new or changed
	DeletePluginValue(ctx context.Context, plugin, key string) error
	Expire(ctx context.Context, at time.Time) error // old sessions, nonces, notifications, read marks; bounded work per call
}

// Store keeps everything that must last. What it acknowledged survives the loss of the process and, with the default
// durability, of the machine's power.
type Store interface {
	Reader

	// Change runs fn in a transaction and commits it, together with other callers' where the engine gains by it. fn may run
	// more than once and must only use tx. If fn fails, nothing of it remains. The events it returns are handed to the
	// committed hook after the commit, in commit order, before Change returns.
	Change(ctx context.Context, fn func(tx Tx) ([]chat.Event, error)) error

	// Append stores one message: group commit, the hot path. It assigns id, seq, change_seq and the time. A draft whose nonce
	// was used by the same sender in the same room within 24 hours returns the first message and created false. Claims the
	// draft's attachments (Invalid attachment_invalid if one is not the sender's, is already used or not clean), counts the
	// reply in its thread, moves the sender's read marker, stores mentions and notifications. Fails with room_not_found,
	// Forbidden room_archived, or TooMany slow_mode when the sender's last message under slow mode is not as long ago as the
	// draft asks; of messages at the same time one is stored. The committed hook gets MessageCreated and the Notified events.
	Append(ctx context.Context, d chat.Draft) (msg *chat.Message, created bool, err error)

	// OnCommit sets the hook that receives committed events in commit order. It is called once, before Start, and the hook
	// must not block or call the store.
	OnCommit(func([]chat.Event))

	Start(ctx context.Context) error // opens, migrates if allowed, refuses a database newer than the program
	Stop(ctx context.Context) error
	Ping(ctx context.Context) error
}

// Snapshotter is what a store can also be when it can copy itself while in use.
type Snapshotter interface {
	Snapshot(ctx context.Context, path string) error // a consistent copy in one file
}

// Edit is new content for a message.
type Edit struct {
	Content  string
	Mentions []chat.UserID
	Everyone bool
	Links    []chat.Link
	Payload  *chat.Payload
	Extras   *chat.Extras
	Search   string // folded text for the index
	At       time.Time
}

// UserQuery narrows the operator's list of users.
type UserQuery struct {
	Text     string // folded prefix or part of username or display name
	Rank     string // a role id, or empty
	Disabled *bool
	Page     chat.Page
}

// Stats counts what the server holds.
type Stats struct {
	Users, Rooms, Messages, Attachments, AttachmentBytes, OpenReports, LiveSanctions int64
	Days                                                                             []DayStats // the last 30 days, oldest first
}

// DayStats counts one day (UTC).
type DayStats struct {
	Day                                string // 2006-01-02
	Messages, Senders, NewUsers, Bytes int64
}

// Pusher carries notifications to people's devices that are not connected (package notify). Push must not block.
type Pusher interface {
	Push(n chat.Notification)
}
