package core

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/internal/chat"
	"parley/internal/fold"
)

// Bounds of rooms (specs: native, Limits).
const (
	maxRoomName    = 100
	maxDescription = 1000
	maxTopic       = 250
	maxAvatarURL   = 2048
	roomsPerHour   = 30 // made by one person; direct rooms are counted apart
)

// NewRoom is what makes a room.
type NewRoom struct {
	Name        string // 1–100 characters
	Slug        string // optional: 2–64 of [a-z0-9_-]; public rooms get one made from the name at need
	Description string // at most 1,000
	Topic       string // at most 250
	Type        chat.RoomType
	Form        chat.RoomForm // empty: text
	Encrypted   bool
	Official    bool // operator and manage_rooms only; public; placed last among the server's own rooms
	Position    int

	Permissions *chat.RoomPermissions // set with the room, at once; nil: as in every other room
	Extra       map[string]json.RawMessage
	Fits        Fits
}

// Fits says within the transaction that makes or changes a room of the server whether it fits among the others, which are all
// the rooms of the server, archived ones left out. Its error is the answer.
type Fits func(others []chat.Room) error

var (
	errDirectRoom = chat.Errorf(chat.Forbidden, "direct_room", "A direct room stays as it is: it has two people and no settings.")
	errRoomForm   = chat.InvalidField("form", "room_form_invalid", "A room is one of text, voice, forum and separator; a forum stays one, and nothing else becomes one.")
	errRoomType   = chat.InvalidField("type", "room_type_invalid", "A room is public or private; rooms of the server are public.")
	// errStale says that what a decision was based on changed before the transaction: decide again.
	errStale = errors.New("decided on what is no longer so")
)

// settled runs an attempt that may find its decision outdated, until it does not.
func settled(attempt func() error) error {
	for range 5 {
		if err := attempt(); !errors.Is(err, errStale) {
			return err
		}
	}
	return chat.Errorf(chat.Unavailable, "busy", "Too much is changing here right now. Try again in a moment.")
}

// person returns the user behind an actor. Fails with token_invalid, or person_needed for the operator.
func (c *Core) person(ctx context.Context, by chat.Actor) (*chat.User, error) {
	if by.Operator {
		return nil, chat.Errorf(chat.Forbidden, "person_needed", "Only a person with an account can do this.")
	}
	user, err := c.user(ctx, by.UserID)
	if chat.CodeOf(err) == chat.ErrUserNotFound.Code {
		err = chat.ErrTokenInvalid
	}
	return user, err
}

// CreateRoom makes a room with the actor as its owner and only member. Fails with permission_missing (create_rooms, or
// manage_rooms for rooms of the server), room_name_invalid, description_too_long, topic_too_long, slug_invalid, slug_taken,
// room_type_invalid, room_form_invalid, extra_invalid, rate_limited, and what SetRoomPermissions says of permissions. The operator
// makes rooms without owner; a room of the server has none either, and who makes it becomes a member like others.
func (c *Core) CreateRoom(ctx context.Context, by chat.Actor, n NewRoom) (chat.RoomView, error) {
	room, err := cleanRoom(n)
	if err != nil {
		return chat.RoomView{}, err
	}
	role := chat.RoomOwner
	first := &seat{} // what the maker may do in it
	if !by.Operator {
		needed := chat.CreateRooms
		if n.Official {
			needed = chat.ManageRooms
		}
		if first.user, err = c.permit(ctx, by, needed); err != nil {
			return chat.RoomView{}, err
		}
		if first.table, err = c.roleTable(ctx); err != nil {
			return chat.RoomView{}, err
		}
		if n.Official {
			role = chat.RoomMember
		} else {
			room.OwnerID, room.CreatedBy = by.UserID, by.UserID
		}
		if err := c.chargeRoom(ctx, by, "room"); err != nil {
			return chat.RoomView{}, err
		}
		first.member = &chat.Member{UserID: by.UserID, Role: role}
	}
	first.room = room
	room.CreatedAt = c.now()
	err = settled(func() error {
		err := c.change(ctx, func(tx Tx) ([]chat.Event, error) {
			made, err := c.placed(ctx, tx, room, n.Fits)
			if err != nil {
				return nil, err
			}
			if made.Slug == "" && made.Type == chat.Public {
				if made.Slug, err = c.freeSlug(ctx, tx, made.Name); err != nil {
					return nil, err
				}
			}
			if made, err = tx.CreateRoom(ctx, made); err != nil {
				return nil, err
			}
			room.ID = made.ID
			var events []chat.Event
			if n.Permissions != nil {
				if _, events, err = c.putPermissions(ctx, tx, first, &made, *n.Permissions); err != nil {
					return nil, err
				}
			}
			if !by.Operator {
				seated, err := c.seatFirst(ctx, tx, &made, by.UserID, role)
				if err != nil {
					return nil, err
				}
				events = append(events, seated...)
			}
			if by.Operator || made.Official {
				if err := tx.AddAudit(ctx, c.audit(by, "room.create", "room", made.ID.String(), made.ID, map[string]any{"slug": made.Slug, "form": made.Form})); err != nil {
					return nil, err
				}
			}
			return append(events, directoryEvents(made)...), nil
		})
		if room.Slug == "" && chat.CodeOf(err) == "slug_taken" {
			return errStale // somebody took the slug that was free a moment ago
		}
		return err
	})
	if err != nil {
		return chat.RoomView{}, err
	}
	return c.freshView(ctx, by, room.ID)
}

// placed returns a new room of the server with its place behind the others, if it fits among them.
func (c *Core) placed(ctx context.Context, tx Tx, room chat.Room, fits Fits) (chat.Room, error) {
	if !room.Official {
		return room, nil
	}
	others, err := tx.OfficialRooms(ctx)
	if err != nil {
		return room, err
	}
	if fits != nil {
		if err := fits(others); err != nil {
			return room, err
		}
	}
	if len(others) > 0 {
		room.Position = max(room.Position, others[len(others)-1].Position+1)
	}
	return room, nil
}

// chargeRoom counts a room made by a person. Those who manage all rooms may make as many as they need.
func (c *Core) chargeRoom(ctx context.Context, by chat.Actor, kind string) error {
	if _, err := c.permit(ctx, by, chat.ManageRooms); err == nil {
		return nil
	}
	return c.charge(ctx, kind+":"+string(by.UserID), roomsPerHour, time.Hour, "You are making too many rooms.")
}

// seatFirst makes someone one of the first members of a new room, of which nothing need be said in it.
func (c *Core) seatFirst(ctx context.Context, tx Tx, room *chat.Room, user chat.UserID, role chat.RoomRole) ([]chat.Event, error) {
	if _, err := tx.PutMember(ctx, chat.Member{RoomID: room.ID, UserID: user, Role: role, JoinedAt: room.CreatedAt, Notify: chat.NotifyAll}); err != nil {
		return nil, err
	}
	m, err := tx.Member(ctx, room.ID, user)
	if err != nil {
		return nil, err
	}
	if *room, err = tx.Room(ctx, room.ID); err != nil {
		return nil, err
	}
	return []chat.Event{chat.MemberJoined{Member: m}, chat.RoomAdded{UserID: user, Room: *room}}, nil
}

// cleanRoom checks what makes a room and returns it without people, id and time.
func cleanRoom(n NewRoom) (r chat.Room, err error) {
	r = chat.Room{Type: n.Type, Form: n.Form, Encrypted: n.Encrypted, Official: n.Official, Position: n.Position}
	if r.Name, err = cleanName("name", "room_name", n.Name, 1, maxRoomName); err != nil {
		return r, err
	}
	if r.Description, err = cleanText("description", "description", n.Description, maxDescription); err != nil {
		return r, err
	}
	if r.Topic, err = cleanLine("topic", "topic", n.Topic, maxTopic); err != nil {
		return r, err
	}
	if n.Slug != "" {
		if r.Slug, err = cleanSlug(n.Slug); err != nil {
			return r, err
		}
	}
	if r.Type != chat.Public && (r.Type != chat.Private || r.Official) {
		return r, errRoomType
	}
	if r.Form == "" {
		r.Form = chat.Text
	}
	if !slices.Contains([]chat.RoomForm{chat.Text, chat.Voice, chat.Forum, chat.Separator}, r.Form) {
		return r, errRoomForm
	}
	r.Extra, err = mergeExtra(nil, n.Extra)
	return r, err
}

var slugPattern = regexp.MustCompile(`^[a-z0-9_-]{2,64}$`)

// cleanSlug checks a slug that a person chose. Fails with slug_invalid.
func cleanSlug(s string) (string, error) {
	s = strings.ToLower(strings.TrimSpace(s))
	if !slugPattern.MatchString(s) {
		return "", chat.InvalidField("slug", "slug_invalid", "A short name has 2 to 64 characters: a–z, 0–9, _ and -.")
	}
	return s, nil
}

// slugFrom makes a slug of a name, as far as its letters can be written in a–z.
func slugFrom(name string) string {
	var words []string
	for _, word := range fold.Words(name) {
		word = strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
				return r
			}
			return -1
		}, word)
		if word != "" {
			words = append(words, word)
		}
	}
	slug := strings.Join(words, "-")
	if len(slug) > 48 {
		slug = strings.TrimRight(slug[:48], "-")
	}
	if _, err := strconv.Atoi(slug); err == nil || len(slug) < 2 { // a number alone would look like an id
		slug = strings.TrimRight("room-"+slug, "-")
	}
	return slug
}

// freeSlug makes a slug of a name and numbers it if it is taken.
func (c *Core) freeSlug(ctx context.Context, r Reader, name string) (string, error) {
	base := slugFrom(name)
	slug := base
	for n := 2; ; n++ {
		_, err := r.RoomBySlug(ctx, slug)
		if chat.CodeOf(err) == chat.ErrRoomNotFound.Code {
			return slug, nil
		}
		if err != nil {
			return "", err
		}
		if slug = base + "-" + strconv.Itoa(n); n > 9 { // a popular name: counting on would take long
			slug = base + "-" + c.code(5)
		}
	}
}

// Room returns a room as the actor sees it; public rooms also for non-members. Fails with room_not_found.
func (c *Core) Room(ctx context.Context, by chat.Actor, id chat.RoomID) (chat.RoomView, error) {
	if _, err := c.allow(ctx, by, chat.CanSee, id); err != nil {
		return chat.RoomView{}, err
	}
	return c.freshView(ctx, by, id)
}

// RoomBySlug is Room by slug.
func (c *Core) RoomBySlug(ctx context.Context, by chat.Actor, slug string) (chat.RoomView, error) {
	room, err := c.Store.RoomBySlug(ctx, slug)
	if err != nil {
		return chat.RoomView{}, err
	}
	return c.Room(ctx, by, room.ID)
}

// freshView reads a room as a person sees it, without asking whether they may.
func (c *Core) freshView(ctx context.Context, by chat.Actor, id chat.RoomID) (chat.RoomView, error) {
	room, err := c.Store.Room(ctx, id)
	if err != nil || by.UserID == "" {
		return chat.RoomView{Room: room}, err
	}
	v := chat.RoomView{Room: room}
	m, err := c.Store.Member(ctx, id, by.UserID)
	switch chat.CodeOf(err) {
	case "":
		v.Me = &m
		if v.UnreadCount, v.MentionCount, err = c.Store.Unread(ctx, id, by.UserID); err != nil && chat.CodeOf(err) != chat.ErrMemberNotFound.Code {
			return v, err
		}
	case chat.ErrMemberNotFound.Code:
	default:
		return v, err
	}
	views := []chat.RoomView{v}
	if err = c.fillPeers(ctx, by, views); err == nil {
		err = c.fillSlow(ctx, by, views)
	}
	return views[0], err
}

// fillSlow sets when the actor may write again in rooms with slow mode.
func (c *Core) fillSlow(ctx context.Context, by chat.Actor, views []chat.RoomView) error {
	var slow []chat.RoomID
	for i := range views {
		if views[i].Room.SlowMode > 0 && views[i].Me != nil {
			slow = append(slow, views[i].Room.ID)
		}
	}
	if len(slow) == 0 {
		return nil
	}
	user, err := c.user(ctx, by.UserID)
	if err != nil {
		return err
	}
	sent, err := c.Store.SlowSends(ctx, by.UserID, slow)
	if err != nil {
		return err
	}
	now := c.now()
	for i := range views {
		v := &views[i]
		at, wrote := sent[v.Room.ID]
		if !wrote || v.Me == nil || !slowed(&v.Room, user, v.Me.Role) {
			continue
		}
		if wait := min(at.Add(v.Room.SlowMode).Sub(now), v.Room.SlowMode); wait > 0 { // a clock that was set back makes nobody wait longer
			v.SlowUntil = now.Add(wait)
		}
	}
	return nil
}

// fillPeers sets the other person of direct rooms.
func (c *Core) fillPeers(ctx context.Context, by chat.Actor, views []chat.RoomView) error {
	var ids []chat.UserID
	for i := range views {
		if peer := peerOf(&views[i].Room, by.UserID); peer != "" {
			ids = append(ids, peer)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	users, err := c.users.get(ctx, ids)
	if err != nil {
		return err
	}
	for i := range views {
		if peer := peerOf(&views[i].Room, by.UserID); peer != "" {
			views[i].Peer = c.Effective(users[peer])
		}
	}
	return nil
}

// peerOf names the other person of a direct room, empty for all other rooms.
func peerOf(r *chat.Room, user chat.UserID) chat.UserID {
	switch {
	case r.Type != chat.Direct:
		return ""
	case r.DirectPair[0] == user:
		return r.DirectPair[1]
	}
	return r.DirectPair[0]
}

// Rooms lists the actor's rooms, newest message first, with unread and mention counts.
func (c *Core) Rooms(ctx context.Context, by chat.Actor) ([]chat.RoomView, error) {
	if _, err := c.person(ctx, by); err != nil {
		return nil, err
	}
	views, err := c.Store.RoomsOf(ctx, by.UserID)
	if err != nil {
		return nil, err
	}
	if err := c.fillPeers(ctx, by, views); err != nil {
		return nil, err
	}
	return views, c.fillSlow(ctx, by, views)
}

// PublicRooms lists rooms that anyone may join and the actor may see; q filters by words of name and description. A page
// may be shorter than asked for although there is a next one.
func (c *Core) PublicRooms(ctx context.Context, by chat.Actor, q string, page chat.Page) ([]chat.RoomView, string, error) {
	if err := checkLimit(&page.Limit, 100); err != nil {
		return nil, "", err
	}
	if len(q) > 4*maxRoomName {
		return nil, "", chat.InvalidField("q", "query_too_long", "At most %d characters.", maxRoomName)
	}
	rooms, next, err := c.Store.PublicRooms(ctx, q, page)
	if err != nil || len(rooms) == 0 {
		return nil, next, err
	}
	mine := map[chat.RoomID]chat.RoomView{}
	if by.UserID != "" {
		own, err := c.Store.RoomsOf(ctx, by.UserID)
		if err != nil {
			return nil, "", err
		}
		for _, v := range own {
			mine[v.Room.ID] = v
		}
	}
	views := make([]chat.RoomView, 0, len(rooms))
	for _, room := range rooms {
		if v, member := mine[room.ID]; member {
			views = append(views, v)
			continue
		}
		narrowed, err := c.narrowed(ctx, room.ID)
		if err != nil {
			return nil, "", err
		}
		if narrowed {
			if _, err := c.allow(ctx, by, chat.CanSee, room.ID); chat.CodeOf(err) == chat.ErrRoomNotFound.Code {
				continue
			} else if err != nil {
				return nil, "", err
			}
		}
		views = append(views, chat.RoomView{Room: room})
	}
	return views, next, nil
}

// anyone is a key of the seat cache for what holds for everybody; it is no user's id.
const anyone = chat.UserID("*")

// narrowed says whether a public room is shown to some roles only. The answer is cached, so that a list of rooms does not
// ask once per room.
func (c *Core) narrowed(ctx context.Context, room chat.RoomID) (bool, error) {
	k := seatKey{anyone, room}
	s, gen := c.seats.get(k)
	if s == nil {
		lists, err := c.Store.RoleLists(ctx, room)
		if err != nil {
			return false, err
		}
		s = &seat{lists: lists}
		c.seats.keep(k, gen, s)
	}
	return len(s.list(chat.CanSee)) > 0, nil
}

// DirectRoom returns the one direct room of the actor and another person, making it at need. Fails with user_not_found,
// blocked (either blocked the other), target_is_self, rate_limited.
func (c *Core) DirectRoom(ctx context.Context, by chat.Actor, other chat.UserID) (view chat.RoomView, created bool, err error) {
	if _, err := c.person(ctx, by); err != nil {
		return view, false, err
	}
	if other == by.UserID {
		return view, false, chat.InvalidField("user_id", "target_is_self", "You cannot talk to yourself.")
	}
	user, err := c.user(ctx, other)
	if err != nil {
		return view, false, err
	}
	blocked, err := c.Store.Blocked(ctx, by.UserID, other)
	if err != nil {
		return view, false, err
	}
	if blocked {
		return view, false, errBlocked
	}
	room, err := c.Store.DirectRoom(ctx, by.UserID, other)
	if chat.CodeOf(err) == chat.ErrRoomNotFound.Code {
		if !user.DisabledAt.IsZero() {
			return view, false, chat.ErrUserNotFound
		}
		if err := c.chargeRoom(ctx, by, "direct"); err != nil {
			return view, false, err
		}
		room, created, err = c.createDirect(ctx, by, other)
	}
	if err != nil {
		return view, false, err
	}
	view, err = c.freshView(ctx, by, room.ID)
	return view, created, err
}

var errBlocked = chat.Errorf(chat.Forbidden, "blocked", "You cannot write to this person.")

func (c *Core) createDirect(ctx context.Context, by chat.Actor, other chat.UserID) (room chat.Room, created bool, err error) {
	draft := chat.Room{Type: chat.Direct, Form: chat.Text, CreatedBy: by.UserID, CreatedAt: c.now(),
		DirectPair: [2]chat.UserID{min(by.UserID, other), max(by.UserID, other)}}
	err = c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		blocked, err := tx.Blocked(ctx, by.UserID, other)
		if err != nil {
			return nil, err
		}
		if blocked {
			return nil, errBlocked
		}
		if room, err = tx.CreateRoom(ctx, draft); err != nil {
			return nil, err
		}
		var events []chat.Event
		for _, user := range room.DirectPair {
			more, err := c.seatFirst(ctx, tx, &room, user, chat.RoomMember)
			if err != nil {
				return nil, err
			}
			events = append(events, more...)
		}
		return events, nil
	})
	if chat.CodeOf(err) == "direct_exists" { // the other one was faster
		room, err = c.Store.DirectRoom(ctx, by.UserID, other)
		return room, false, err
	}
	return room, err == nil, err
}

// DeleteRoom removes a room with everything in it (delete_room). confirm must be its slug or id. Fails with confirm_needed
// or direct_room.
func (c *Core) DeleteRoom(ctx context.Context, by chat.Actor, id chat.RoomID, confirm string) error {
	s, err := c.settings(ctx, by, chat.CanDeleteRoom, id)
	if err != nil {
		return err
	}
	if confirm != id.String() && (s.room.Slug == "" || !strings.EqualFold(confirm, s.room.Slug)) {
		return chat.InvalidField("confirm", "confirm_needed", "Everything in the room will be lost. To confirm, repeat its short name or its id.")
	}
	return c.eraseRoom(ctx, by, id)
}

// eraseRoom removes a room with everything in it, tells its members and releases its files. Rights have been checked.
func (c *Core) eraseRoom(ctx context.Context, by chat.Actor, id chat.RoomID) error {
	var blobs []string
	var picture string
	left := c.emptied(ctx, id)
	err := c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		room, err := tx.Room(ctx, id)
		if err != nil {
			return nil, err
		}
		members, err := tx.MemberIDs(ctx, id)
		if err != nil {
			return nil, err
		}
		if blobs, err = tx.DeleteRoom(ctx, id); err != nil {
			return nil, err
		}
		picture = room.AvatarURL
		details := map[string]any{"name": room.Name, "slug": room.Slug, "type": room.Type, "owner": room.OwnerID, "members": len(members)}
		if err := tx.AddAudit(ctx, c.audit(by, "room.delete", "room", id.String(), id, details)); err != nil {
			return nil, err
		}
		return slices.Concat(left, []chat.Event{chat.RoomDeleted{RoomID: id, Members: members}}, directoryEvents(room)), nil
	})
	if err == nil {
		c.vacate(ctx, left)
		c.releaseBlobs(blobs)
		c.releaseAvatar(picture)
	}
	return err
}

// TransferRoom makes another member the owner; the one before becomes an admin. Fails with member_not_found,
// transfer_forbidden (no right to, a room of the server, or a closed account), direct_room.
func (c *Core) TransferRoom(ctx context.Context, by chat.Actor, id chat.RoomID, to chat.UserID) (chat.RoomView, error) {
	err := settled(func() error { return c.transfer(ctx, by, id, to) })
	if err != nil {
		return chat.RoomView{}, err
	}
	return c.freshView(ctx, by, id)
}

func (c *Core) transfer(ctx context.Context, by chat.Actor, id chat.RoomID, to chat.UserID) error {
	s, err := c.settings(ctx, by, chat.CanTransfer, id)
	if err != nil {
		return err
	}
	if s.room.Official {
		return chat.Errorf(chat.Forbidden, "transfer_forbidden", "This room belongs to the server.")
	}
	return c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		room, err := tx.Room(ctx, id)
		if err != nil {
			return nil, err
		}
		if room.OwnerID != s.room.OwnerID {
			return nil, errStale
		}
		heir, err := tx.Member(ctx, id, to)
		if err != nil || room.OwnerID == to {
			return nil, err
		}
		if user, err := tx.User(ctx, to); err != nil {
			return nil, err
		} else if !user.DisabledAt.IsZero() {
			return nil, chat.Errorf(chat.Forbidden, "transfer_forbidden", "This account is closed.")
		}
		var events []chat.Event
		if room.OwnerID != "" {
			old, err := tx.Member(ctx, id, room.OwnerID)
			if err == nil {
				old.Role = chat.RoomAdmin
				_, err = tx.PutMember(ctx, old)
				events = append(events, chat.MemberChanged{Member: old})
			}
			if err != nil && chat.CodeOf(err) != chat.ErrMemberNotFound.Code {
				return nil, err
			}
		}
		heir.Role = chat.RoomOwner
		if _, err := tx.PutMember(ctx, heir); err != nil {
			return nil, err
		}
		from := room.OwnerID
		room.OwnerID = to
		if room, err = tx.UpdateRoom(ctx, room); err != nil {
			return nil, err
		}
		if err := tx.AddAudit(ctx, c.audit(by, "room.transfer", "room", id.String(), id, map[string]any{"from": from, "to": to})); err != nil {
			return nil, err
		}
		return append(events, chat.MemberChanged{Member: heir}, chat.RoomChanged{Room: room}), nil
	})
}
