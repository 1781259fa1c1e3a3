package core

import (
	"context"
	"slices"
	"sync"
	"time"

	"parley/internal/chat"
)

// seat is what the rules know of one person in one room: a snapshot that events drop.
type seat struct {
	user      *chat.User
	room      chat.Room // settings; its counters are stale and must not be used
	member    *chat.Member
	sanctions []chat.Sanction // of the room and of the whole server, not lifted when read
	lists     []chat.RoleList
	grants    []chat.Grant
	owner     *chat.User // the room's owner, where a rank rule compares with them
	invited   bool       // holds a live invitation meant for them
	blocked   bool       // direct rooms: one of the two blocked the other
	table     map[chat.RoleID]chat.Role
}

func (s *seat) role() chat.RoomRole {
	if s.member == nil {
		return chat.RoomNone
	}
	return s.member.Role
}

// live returns the sanction of a kind that holds at t and lasts longest.
func (s *seat) live(kind chat.SanctionKind, t time.Time) *chat.Sanction {
	return lasting(s.sanctions, kind, t)
}

func lasting(sanctions []chat.Sanction, kind chat.SanctionKind, t time.Time) *chat.Sanction {
	var longest *chat.Sanction
	for i := range sanctions {
		x := &sanctions[i]
		if x.Kind == kind && x.Live(t) && (longest == nil || x.Until.IsZero() || !longest.Until.IsZero() && x.Until.After(longest.Until)) {
			longest = x
		}
	}
	return longest
}

type seatKey struct {
	user chat.UserID
	room chat.RoomID
}

// seatCache keeps snapshots of (person, room), dropped by the events that change them. A load that began before a drop is
// not kept, so a lifted right never comes back from a slow read.
type seatCache struct {
	mu      sync.RWMutex
	byUser  map[chat.UserID]map[chat.RoomID]*seat
	byRoom  map[chat.RoomID]map[chat.UserID]struct{}
	byOwner map[chat.UserID]map[seatKey]struct{} // seats that compare a rank with the room's owner
	size    int
	gen     uint64
}

// maxCachedSeats bounds the cache at some 100 MB.
const maxCachedSeats = 100_000

func newSeatCache() *seatCache {
	s := &seatCache{}
	s.clear()
	return s
}

func (s *seatCache) clear() {
	s.byUser = make(map[chat.UserID]map[chat.RoomID]*seat)
	s.byRoom = make(map[chat.RoomID]map[chat.UserID]struct{})
	s.byOwner = make(map[chat.UserID]map[seatKey]struct{})
	s.size = 0
}

// dropAll drops everything.
func (s *seatCache) dropAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gen++
	s.clear()
}

func (s *seatCache) get(k seatKey) (*seat, uint64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.byUser[k.user][k.room], s.gen
}

func (s *seatCache) keep(k seatKey, gen uint64, v *seat) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if gen != s.gen {
		return
	}
	if s.size >= maxCachedSeats {
		s.clear()
	}
	rooms := s.byUser[k.user]
	if rooms == nil {
		rooms = make(map[chat.RoomID]*seat, 4)
		s.byUser[k.user] = rooms
	}
	if _, there := rooms[k.room]; !there {
		s.size++
	}
	rooms[k.room] = v
	users := s.byRoom[k.room]
	if users == nil {
		users = make(map[chat.UserID]struct{}, 4)
		s.byRoom[k.room] = users
	}
	users[k.user] = struct{}{}
	if v.owner != nil {
		seats := s.byOwner[v.owner.ID]
		if seats == nil {
			seats = make(map[seatKey]struct{}, 4)
			s.byOwner[v.owner.ID] = seats
		}
		seats[k] = struct{}{}
	}
}

func (s *seatCache) dropOne(user chat.UserID, room chat.RoomID) {
	rooms := s.byUser[user]
	v := rooms[room]
	if v == nil {
		return
	}
	delete(rooms, room)
	delete(s.byRoom[room], user)
	s.size--
	if v.owner != nil {
		delete(s.byOwner[v.owner.ID], seatKey{user, room})
	}
}

func (s *seatCache) dropUser(user chat.UserID) {
	for room := range s.byUser[user] {
		s.dropOne(user, room)
	}
	delete(s.byUser, user)
}

func (s *seatCache) dropRoom(room chat.RoomID) {
	for user := range s.byRoom[room] {
		s.dropOne(user, room)
	}
	delete(s.byRoom, room)
}

// apply drops what an event made untrue.
func (s *seatCache) apply(ev chat.Event) {
	switch ev.(type) {
	case chat.Sequenced, chat.ReadMoved, chat.UnreadChanged, chat.Notified, chat.Typing, chat.PresenceChanged, chat.RoomAdded, chat.UsersSeen, chat.UserJoined, chat.FaceChanged,
		chat.Addressed, chat.VoiceJoined, chat.VoiceChanged, chat.VoiceLeft, chat.CommandsAdded, chat.CommandsRemoved,
		chat.PositionMoved, chat.ThreadCreated, chat.ThreadChanged, chat.ThreadJoined, chat.ThreadLeft, chat.ThreadDeleted:
		return // the frequent ones, which change no right
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gen++
	switch e := ev.(type) {
	case chat.MemberJoined:
		s.dropOne(e.Member.UserID, e.Member.RoomID)
	case chat.MemberLeft:
		s.dropOne(e.UserID, e.RoomID)
	case chat.MemberChanged:
		s.dropOne(e.Member.UserID, e.Member.RoomID)
	case chat.RoomChanged:
		s.dropRoom(e.Room.ID)
	case chat.RoomDeleted:
		s.dropRoom(e.RoomID)
	case chat.UserChanged:
		s.dropUser(e.User.ID)
		for k := range s.byOwner[e.User.ID] {
			s.dropOne(k.user, k.room)
		}
		delete(s.byOwner, e.User.ID)
	case chat.SanctionChanged:
		if e.Sanction.RoomID != 0 {
			s.dropOne(e.Sanction.UserID, e.Sanction.RoomID)
		} else {
			s.dropUser(e.Sanction.UserID)
		}
	case chat.BlockChanged:
		s.dropUser(e.UserID)
		s.dropUser(e.BlockedID)
	case chat.RolesChanged:
		switch {
		case e.UserID != "":
			s.dropOne(e.UserID, e.RoomID)
		case e.RoomID != 0:
			s.dropRoom(e.RoomID)
		default:
			s.clear()
		}
	}
}

// seat returns what the rules know of the actor in the room, from the cache or the store. The operator has a seat without
// a user. Fails with room_not_found, or token_invalid if the actor's account is gone.
func (c *Core) seat(ctx context.Context, by chat.Actor, room chat.RoomID) (*seat, error) {
	if by.Operator {
		r, err := c.Store.Room(ctx, room)
		return &seat{room: r}, err
	}
	k := seatKey{by.UserID, room}
	s, gen := c.seats.get(k)
	if s != nil {
		return s, nil
	}
	s, err := c.loadSeat(ctx, k)
	if err != nil {
		return nil, err
	}
	if s.member != nil { // an invitation does not announce itself, so strangers to a room are asked anew each time
		c.seats.keep(k, gen, s)
	}
	return s, nil
}

func (c *Core) loadSeat(ctx context.Context, k seatKey) (*seat, error) {
	var err error
	s := &seat{}
	if s.user, err = c.user(ctx, k.user); err != nil {
		return nil, chat.ErrTokenInvalid
	}
	if own, err := c.officialSeat(ctx, s.user, k.room); own != nil || err != nil {
		return own, err
	}
	if s.room, err = c.Store.Room(ctx, k.room); err != nil {
		return nil, err
	}
	switch m, err := c.Store.Member(ctx, k.room, k.user); chat.CodeOf(err) {
	case "":
		s.member = &m
	case chat.ErrMemberNotFound.Code:
	default:
		return nil, err
	}
	if s.sanctions, err = c.Store.LiveSanctions(ctx, k.user, k.room, c.now()); err != nil {
		return nil, err
	}
	if s.table, err = c.roleTable(ctx); err != nil {
		return nil, err
	}
	if s.lists, err = c.Store.RoleLists(ctx, k.room); err != nil {
		return nil, err
	}
	if s.grants, err = c.Store.Grants(ctx, k.room, k.user); err != nil {
		return nil, err
	}
	if s.room.OwnerID != "" && s.user.Rank > chat.RankMember {
		if s.owner, err = c.user(ctx, s.room.OwnerID); err != nil && chat.CodeOf(err) != chat.ErrUserNotFound.Code {
			return nil, err
		}
	}
	if s.member == nil && s.room.Type == chat.Private {
		_, err := c.Store.InviteFor(ctx, k.room, k.user, c.now())
		if err != nil && chat.AsError(err).Kind != chat.NotFound {
			return nil, err
		}
		s.invited = err == nil
	}
	if s.room.Type == chat.Direct {
		if s.blocked, err = c.Store.Blocked(ctx, s.room.DirectPair[0], s.room.DirectPair[1]); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// allow says whether the actor has a right in a room, and if not, why. It is the one place where rooms' permissions are
// decided. A right is granted by any of room role, role list, personal grant or server rank, and refused by any live
// sanction or explicit denial. Fails with room_not_found for a room the actor must not know of.
func (c *Core) allow(ctx context.Context, by chat.Actor, right chat.Right, room chat.RoomID) (*seat, error) {
	s, err := c.seat(ctx, by, room)
	if err != nil {
		return nil, err
	}
	if by.Operator {
		return s, nil
	}
	return s, s.decide(right, c.now())
}

// decide is allow without the reading: a pure function of the snapshot, the right and the time.
func (s *seat) decide(right chat.Right, at time.Time) error {
	visible := s.sees(at)
	if !visible {
		return chat.ErrRoomNotFound
	}
	if right == chat.CanSee {
		return nil
	}
	if ban := s.live(chat.Ban, at); ban != nil {
		return sanctionError("banned", "You are banned from this room", ban)
	}
	if timeout := s.live(chat.Timeout, at); timeout != nil {
		return sanctionError("timed_out", "You are timed out", timeout)
	}
	if !s.granted(right, at) {
		if s.member == nil && !s.room.Official && right != chat.CanJoin && s.byMembership(right) {
			return chat.ErrNotAMember
		}
		return refusal(right)
	}
	if speaks(right) {
		return s.silenced(right, at)
	}
	return nil
}

// silenced says why nothing can be said in the room, or by the person.
func (s *seat) silenced(right chat.Right, at time.Time) error {
	if s.room.Archived {
		return chat.Errorf(chat.Forbidden, "room_archived", "This room is archived: it can be read but not changed.")
	}
	if s.room.Form == chat.Separator {
		return chat.Errorf(chat.Forbidden, "room_not_text", "Nothing can be said in a separator.")
	}
	if s.blocked && right != chat.CanPin {
		return chat.Errorf(chat.Forbidden, "blocked", "You cannot write to this person.")
	}
	if mute := s.live(chat.Mute, at); mute != nil {
		return mutedError(mute, at)
	}
	return nil
}

// slowed says whether the person has to wait between two messages: in rooms with slow mode everyone does but the operator,
// the room's owner and admins, and the server's moderators and those above them.
func (s *seat) slowed() bool { return s.user != nil && slowed(&s.room, s.user, s.role()) }

func slowed(room *chat.Room, user *chat.User, role chat.RoomRole) bool {
	return room.SlowMode > 0 && user.Rank < chat.RankModerator && role.Level() < chat.RoomAdmin.Level()
}

// speaks tells the rights by which something becomes visible to the room; a mute and an archive take these.
func speaks(right chat.Right) bool {
	switch right {
	case chat.CanSend, chat.CanReact, chat.CanAttach, chat.CanEditOwn, chat.CanPin, chat.CanCreateThread, chat.CanMentionAll:
		return true
	}
	return false
}

// sees says whether the person may know that the room exists.
func (s *seat) sees(at time.Time) bool {
	narrowed := len(s.list(chat.CanSee)) > 0
	switch {
	case s.role().Level() >= chat.RoomAdmin.Level(), s.invited, s.user.Rank == chat.RankOwner && s.room.Official:
		return true
	case s.member != nil && !(narrowed && s.room.Official), s.room.Type == chat.Public && !narrowed:
		return true // in rooms of the server a list says who sees them, members or not
	}
	allowed, denied := s.explicit(chat.CanSee, at)
	if denied {
		return false
	}
	return allowed || s.room.Type == chat.Public && (s.rankGrants(chat.CanManageRoom) || s.permissionGrants(chat.CanManageRoom))
}

func (s *seat) list(right chat.Right) []chat.RoleEntry {
	for _, l := range s.lists {
		if l.Right == right {
			return l.Roles
		}
	}
	return nil
}

// explicit is what personal grants and the room's role lists say of a right. The person's roles are asked in their own
// order: the first one that the list mentions decides.
func (s *seat) explicit(right chat.Right, at time.Time) (allowed, denied bool) {
	for _, g := range s.grants {
		if g.Right == right && (g.Until.IsZero() || at.Before(g.Until)) {
			return g.Allow, !g.Allow
		}
	}
	list := s.list(right)
	for _, role := range s.user.Roles {
		for _, e := range list {
			if e.RoleID == role {
				return !e.Deny, e.Deny
			}
		}
	}
	return false, false
}

// granted says whether any source gives the right and none explicitly denies it.
func (s *seat) granted(right chat.Right, at time.Time) bool {
	if s.room.Type == chat.Direct {
		return s.member != nil && slices.Contains(directRights, right)
	}
	allowed, denied := s.explicit(right, at)
	if right == chat.CanJoin {
		open := s.room.Type == chat.Public && len(s.list(right)) == 0 // a list says who may, instead of everybody
		return !denied && ((open || allowed) && !s.room.Archived || s.invited || s.rankGrants(chat.CanManageRoom))
	}
	if s.role() == chat.RoomOwner || s.room.Official && s.user.Rank == chat.RankOwner {
		return true // a room can always be put right by its owner
	}
	if denied {
		return false
	}
	return allowed || s.roleGrants(right) || s.rankGrants(right) || s.permissionGrants(right)
}

// directRights are what the two people of a direct room may do there; nobody else has any right in it.
var directRights = []chat.Right{chat.CanSee, chat.CanRead, chat.CanSend, chat.CanReact, chat.CanAttach, chat.CanReport, chat.CanEditOwn,
	chat.CanDeleteOwn, chat.CanPin, chat.CanCreateThread}

// roomRights says the lowest room role that has a right.
var roomRights = map[chat.Right]chat.RoomRole{
	chat.CanRead: chat.RoomMember, chat.CanSend: chat.RoomMember, chat.CanReact: chat.RoomMember, chat.CanAttach: chat.RoomMember,
	chat.CanReport: chat.RoomMember, chat.CanEditOwn: chat.RoomMember, chat.CanDeleteOwn: chat.RoomMember, chat.CanCreateThread: chat.RoomMember,
	chat.CanManageThreads: chat.RoomAdmin, chat.CanDelete: chat.RoomAdmin, chat.CanPin: chat.RoomAdmin, chat.CanMentionAll: chat.RoomAdmin, chat.CanInvite: chat.RoomAdmin,
	chat.CanManageMembers: chat.RoomAdmin, chat.CanManageRoom: chat.RoomAdmin,
	chat.CanSetRoles: chat.RoomOwner, chat.CanTransfer: chat.RoomOwner, chat.CanDeleteRoom: chat.RoomOwner,
}

// byMembership tells the rights that every member has.
func (s *seat) byMembership(right chat.Right) bool { return roomRights[right] == chat.RoomMember }

func (s *seat) roleGrants(right chat.Right) bool {
	least, ok := roomRights[right]
	role := s.role()
	if s.room.Official && role == chat.RoomNone {
		role = chat.RoomMember // the server's own rooms are everybody's who sees them
	}
	if !ok || role == chat.RoomNone {
		return false
	}
	// Where a list says who may do something that every member else may, it replaces the room role.
	if least == chat.RoomMember && role == chat.RoomMember && len(s.list(right)) > 0 {
		return false
	}
	return role.Level() >= least.Level()
}

// permissionRights says which permission of a server role gives a right in the server's own rooms.
var permissionRights = map[chat.Right]chat.Permission{
	chat.CanDelete: chat.ManageMessages, chat.CanPin: chat.ManageMessages, chat.CanManageRoom: chat.ManageRooms, chat.CanDeleteRoom: chat.ManageRooms,
	chat.CanManageThreads: chat.ManageThreads,
}

// permissionGrants says whether the person's roles give a right in a room of the server, which can take permissions out.
func (s *seat) permissionGrants(right chat.Right) bool {
	p, ok := permissionRights[right]
	return ok && s.room.Official && !slices.Contains(s.room.Denied, p) && has(s.table, s.user.Roles, p)
}

// rankRights says from which server rank a right comes in public rooms whose owner ranks lower.
var rankRights = map[chat.Right]chat.Rank{
	chat.CanManageThreads: chat.RankModerator, chat.CanRead: chat.RankModerator, chat.CanDelete: chat.RankModerator, chat.CanPin: chat.RankModerator, chat.CanManageMembers: chat.RankModerator,
	chat.CanManageRoom: chat.RankAdmin, chat.CanInvite: chat.RankAdmin, chat.CanSetRoles: chat.RankAdmin, chat.CanMentionAll: chat.RankAdmin,
	chat.CanTransfer: chat.RankOwner, chat.CanDeleteRoom: chat.RankOwner,
}

func (s *seat) rankGrants(right chat.Right) bool {
	least, ok := rankRights[right]
	if !ok || s.room.Type != chat.Public || s.user.Rank < least {
		return false
	}
	return s.owner == nil || s.room.OwnerID == s.user.ID || outranks(s.user, s.owner)
}

// outranks says whether one person may act on another by server rank: owners may act on each other, all others only
// downwards.
func outranks(actor, target *chat.User) bool {
	return actor.ID != target.ID && (actor.Rank > target.Rank || actor.Rank == chat.RankOwner && target.Rank == chat.RankOwner)
}

// allowOn is allow for measures against another person: besides the right, the actor must stand above the target, by room
// role or by server rank. Nobody acts on themselves.
func (c *Core) allowOn(ctx context.Context, by chat.Actor, right chat.Right, room chat.RoomID, target chat.UserID) (*seat, *seat, error) {
	s, err := c.allow(ctx, by, right, room)
	if err != nil {
		return nil, nil, err
	}
	t, err := c.seat(ctx, chat.Actor{UserID: target}, room)
	if err != nil {
		if chat.CodeOf(err) == chat.ErrTokenInvalid.Code {
			err = chat.ErrUserNotFound
		}
		return nil, nil, err
	}
	if by.Operator {
		return s, t, nil
	}
	return s, t, s.above(t)
}

// above refuses measures against oneself and against people of equal or higher standing.
func (s *seat) above(t *seat) error {
	if s.user.ID == t.user.ID {
		return chat.Errorf(chat.Invalid, "target_is_self", "You cannot do this to yourself.")
	}
	if s.room.OwnerID == t.user.ID {
		return chat.Errorf(chat.Forbidden, "target_above", "Nobody in this room may do this to its owner.")
	}
	if s.role().Level() > t.role().Level() && s.role().Level() >= chat.RoomAdmin.Level() && (s.role() == chat.RoomOwner || t.user.Rank <= s.user.Rank) {
		return nil
	}
	if s.room.Type == chat.Public && s.user.Rank >= chat.RankModerator && outranks(s.user, t.user) {
		return nil
	}
	return chat.Errorf(chat.Forbidden, "target_above", "You may do this only to people who stand below you here.")
}

// refusal is the error of a right that is simply not had.
func refusal(right chat.Right) error {
	text, ok := refusals[right]
	if !ok {
		text = "You are not allowed to do this here."
	}
	return chat.Errorf(chat.Forbidden, string(right)+"_forbidden", "%s", text)
}

var refusals = map[chat.Right]string{
	chat.CanJoin:          "This room is by invitation. Ask one of its members for an invite.",
	chat.CanSend:          "You may not write in this room.",
	chat.CanDelete:        "Only the sender and the room's admins may delete a message.",
	chat.CanPin:           "Only the room's admins may pin messages.",
	chat.CanInvite:        "Only the room's admins may invite people.",
	chat.CanManageMembers: "Only the room's admins may manage its members.",
	chat.CanManageRoom:    "Only the room's admins may change its settings.",
	chat.CanSetRoles:      "Only the room's owner may change roles.",
	chat.CanTransfer:      "Only the room's owner may hand it over.",
	chat.CanDeleteRoom:    "Only the room's owner may delete it.",
}

// mutedError refuses what the muted want to say. RetryAfter is set where the mute ends by itself.
func mutedError(mute *chat.Sanction, at time.Time) error {
	e := chat.AsError(sanctionError("muted", "You are muted here: you can read but not write", mute))
	if !mute.Until.IsZero() {
		e.RetryAfter = mute.Until.Sub(at)
	}
	return e
}

func sanctionError(code, text string, s *chat.Sanction) error {
	if !s.Until.IsZero() {
		text += " until " + s.Until.UTC().Format("2006-01-02 15:04 UTC")
	}
	text += "."
	if s.Reason != "" {
		text += " Reason: " + s.Reason
	}
	return chat.Errorf(chat.Forbidden, code, "%s", text)
}
