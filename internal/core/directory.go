package core

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"

	"parley/internal/chat"
)

// The server's own rooms are the same for everybody but for what role lists hide, and everybody asks for them: they are kept
// in memory, as are the few things that tell one person's rights in them from another's.

// ServerRoom is a room as a list of the server's channels shows it.
type ServerRoom struct {
	Room   chat.Room       // its settings; its counters are stale
	Lists  []chat.RoleList // by right
	Member bool            // whether the actor is a member; everybody who sees a room of the server may use it
	Newest chat.Said       // zero: nothing has been said, or all of it is deleted
}

// directoryCache keeps the server's own rooms and their role lists, read anew after what changes them.
type directoryCache struct {
	mu      sync.RWMutex
	current *directory // nil: to be read; never changed once it is here
	gen     uint64
}

// directory are the server's own rooms in their order.
type directory struct {
	rooms []chat.Room
	lists map[chat.RoomID][]chat.RoleList
}

// room returns one of the server's own rooms.
func (d *directory) room(id chat.RoomID) (chat.Room, bool) {
	i := slices.IndexFunc(d.rooms, func(r chat.Room) bool { return r.ID == id })
	if i < 0 {
		return chat.Room{}, false
	}
	return d.rooms[i], true
}

func (c *directoryCache) apply(ev chat.Event) {
	switch e := ev.(type) {
	case chat.DirectoryChanged:
		c.drop()
	case chat.RoomChanged:
		c.dropFor(e.Room.ID, e.Room.Official)
	case chat.RoomDeleted:
		c.dropFor(e.RoomID, false)
	case chat.RolesChanged:
		if e.UserID == "" {
			c.dropFor(e.RoomID, e.RoomID == 0) // a deleted role is gone from all lists
		}
	}
}

// dropFor forgets the rooms if one of them is meant. What is being read at this moment is not kept in any case.
func (c *directoryCache) dropFor(room chat.RoomID, always bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gen++
	if c.current == nil {
		return
	}
	if _, own := c.current.room(room); own || always {
		c.current = nil
	}
}

// drop forgets the rooms.
func (c *directoryCache) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current = nil
	c.gen++
}

// directory returns the server's own rooms from memory or the store.
func (c *Core) directory(ctx context.Context) (*directory, error) {
	k := &c.official
	k.mu.RLock()
	current, gen := k.current, k.gen
	k.mu.RUnlock()
	if current != nil {
		return current, nil
	}
	rooms, err := c.Store.OfficialRooms(ctx)
	if err != nil {
		return nil, err
	}
	lists, err := c.Store.RoleListsAmong(ctx, idsOf(rooms))
	if err != nil {
		return nil, err
	}
	current = &directory{rooms: rooms, lists: byRoom(lists)}
	k.mu.Lock()
	defer k.mu.Unlock()
	if gen == k.gen {
		k.current = current
	}
	return current, nil
}

func idsOf(rooms []chat.Room) []chat.RoomID {
	ids := make([]chat.RoomID, len(rooms))
	for i, r := range rooms {
		ids[i] = r.ID
	}
	return ids
}

// byRoom sorts lists, which come room by room.
func byRoom(lists []chat.RoleList) map[chat.RoomID][]chat.RoleList {
	out := make(map[chat.RoomID][]chat.RoleList)
	for _, l := range lists {
		out[l.RoomID] = append(out[l.RoomID], l)
	}
	return out
}

// standing is what tells one person's rights in rooms from another's, beside their roles.
type standing struct {
	members   map[chat.RoomID]*chat.Member
	sanctions []chat.Sanction // live when read
	grants    []chat.Grant
}

// standingCache keeps standings by person, dropped by the events that change them.
type standingCache struct {
	mu     sync.RWMutex
	byUser map[chat.UserID]*standing
	gen    uint64
}

// maxStandings bounds the cache; beyond it, a random part goes.
const maxStandings = 20_000

func (s *standingCache) apply(ev chat.Event) {
	switch e := ev.(type) {
	case chat.MemberJoined:
		s.drop(e.Member.UserID)
	case chat.MemberLeft:
		s.drop(e.UserID)
	case chat.MemberChanged:
		s.drop(e.Member.UserID)
	case chat.RoomDeleted:
		s.drop(e.Members...)
	case chat.SanctionChanged:
		s.drop(e.Sanction.UserID)
	case chat.RolesChanged:
		if e.UserID != "" {
			s.drop(e.UserID)
		}
	}
}

func (s *standingCache) drop(users ...chat.UserID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gen++
	for _, u := range users {
		delete(s.byUser, u)
	}
}

func (s *standingCache) dropAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gen++
	clear(s.byUser)
}

// standing returns what is a person's own from memory or the store: three queries, whatever they are in.
func (c *Core) standing(ctx context.Context, user chat.UserID) (*standing, error) {
	k := &c.standings
	k.mu.RLock()
	s, gen := k.byUser[user], k.gen
	k.mu.RUnlock()
	if s != nil {
		return s, nil
	}
	members, err := c.Store.Memberships(ctx, user)
	if err != nil {
		return nil, err
	}
	s = &standing{members: make(map[chat.RoomID]*chat.Member, len(members))}
	for i := range members {
		s.members[members[i].RoomID] = &members[i]
	}
	if s.sanctions, err = c.Store.SanctionsOf(ctx, user, c.now()); err != nil {
		return nil, err
	}
	if s.grants, err = c.Store.GrantsOf(ctx, user); err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if gen != k.gen {
		return s, nil
	}
	if k.byUser == nil {
		k.byUser = make(map[chat.UserID]*standing)
	}
	for other := range k.byUser {
		if len(k.byUser) < maxStandings {
			break
		}
		delete(k.byUser, other)
	}
	k.byUser[user] = s
	return s, nil
}

// seatIn makes the snapshot of a person in a room that is not direct, of what is known of both.
func (s *standing) seatIn(user *chat.User, room chat.Room, lists []chat.RoleList, table map[chat.RoleID]chat.Role) *seat {
	x := &seat{user: user, room: room, member: s.members[room.ID], lists: lists, table: table}
	for i := range s.sanctions {
		if id := s.sanctions[i].RoomID; id == 0 || id == room.ID {
			x.sanctions = append(x.sanctions, s.sanctions[i])
		}
	}
	for _, g := range s.grants {
		if g.RoomID == room.ID {
			x.grants = append(x.grants, g)
		}
	}
	return x
}

// officialSeat makes the seat of a person in one of the server's own rooms without asking the store; nil in any other room.
func (c *Core) officialSeat(ctx context.Context, user *chat.User, room chat.RoomID) (*seat, error) {
	d, err := c.directory(ctx)
	if err != nil {
		return nil, err
	}
	r, own := d.room(room)
	if !own {
		return nil, nil
	}
	s, err := c.standing(ctx, user.ID)
	if err != nil {
		return nil, err
	}
	table, err := c.roleTable(ctx)
	return s.seatIn(user, r, d.lists[room], table), err
}

// ServerRooms lists the rooms that a client without encryption shows as the server's channels: the server's own rooms in their
// order, then the actor's others, the oldest first; direct, encrypted and archived ones not. What role lists hide is left out.
// The operator gets the server's own. Counters in them are stale. A list costs the store a few queries at most, however long it
// is, and mostly none.
func (c *Core) ServerRooms(ctx context.Context, by chat.Actor) ([]chat.Room, error) {
	list, err := c.serverRooms(ctx, by)
	rooms := make([]chat.Room, len(list))
	for i, r := range list {
		rooms[i] = r.Room
	}
	return rooms, err
}

// ServerDirectory is ServerRooms with what a list of channels says of them.
func (c *Core) ServerDirectory(ctx context.Context, by chat.Actor) ([]ServerRoom, error) {
	list, err := c.serverRooms(ctx, by)
	if err != nil {
		return nil, err
	}
	return list, c.fillNewest(ctx, list)
}

// AllServerRooms is ServerDirectory with the server's own rooms only, those that the actor may not read included (manage_rooms).
func (c *Core) AllServerRooms(ctx context.Context, by chat.Actor) ([]ServerRoom, error) {
	if _, err := c.permit(ctx, by, chat.ManageRooms); err != nil {
		return nil, err
	}
	return c.ServerDirectory(ctx, chat.Operator)
}

// ListedRooms returns the rooms of the server in their order, whoever may see them, for those who translate names. Nobody
// changes the list; counters in it are not current.
func (c *Core) ListedRooms(ctx context.Context) ([]chat.Room, error) {
	d, err := c.directory(ctx)
	if err != nil {
		return nil, err
	}
	return d.rooms, nil
}

// May says whether the actor has a right in a room, and if not, why.
func (c *Core) May(ctx context.Context, by chat.Actor, right chat.Right, room chat.RoomID) error {
	_, err := c.allow(ctx, by, right, room)
	return err
}

// RoomSettings returns a room without asking who wants to know, for those who translate events of rooms whose readers have
// been decided. Counters in it are stale. Fails with room_not_found.
func (c *Core) RoomSettings(ctx context.Context, id chat.RoomID) (chat.Room, error) {
	d, err := c.directory(ctx)
	if err != nil {
		return chat.Room{}, err
	}
	if r, own := d.room(id); own {
		return r, nil
	}
	return c.Store.Room(ctx, id)
}

// MemberRooms lists the rooms that a person is a member of, in no order.
func (c *Core) MemberRooms(ctx context.Context, user chat.UserID) ([]chat.RoomID, error) {
	own, err := c.standing(ctx, user)
	if err != nil {
		return nil, err
	}
	return slices.Collect(maps.Keys(own.members)), nil
}

func (c *Core) serverRooms(ctx context.Context, by chat.Actor) ([]ServerRoom, error) {
	d, err := c.directory(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]ServerRoom, 0, len(d.rooms))
	if by.Operator {
		for _, r := range d.rooms {
			list = append(list, ServerRoom{Room: r, Lists: d.lists[r.ID]})
		}
		return list, nil
	}
	user, err := c.person(ctx, by)
	if err != nil {
		return nil, err
	}
	table, err := c.roleTable(ctx)
	if err != nil {
		return nil, err
	}
	own, err := c.standing(ctx, by.UserID)
	if err != nil {
		return nil, err
	}
	now := c.now()
	add := func(s *seat) {
		if s.decide(chat.CanRead, now) == nil {
			list = append(list, ServerRoom{Room: s.room, Lists: s.lists, Member: s.member != nil})
		}
	}
	for _, r := range d.rooms {
		add(own.seatIn(user, r, d.lists[r.ID], table))
	}
	others, lists, err := c.otherRooms(ctx, by.UserID, own, d)
	if err != nil {
		return nil, err
	}
	for _, r := range others {
		if r.Type != chat.Direct && !r.Encrypted && !r.Archived && r.Form != chat.Separator {
			add(own.seatIn(user, r, lists[r.ID], table))
		}
	}
	return list, nil
}

// otherRooms returns the rooms that a person is a member of and that are not the server's own, by id, with their role lists.
func (c *Core) otherRooms(ctx context.Context, user chat.UserID, own *standing, d *directory) ([]chat.Room, map[chat.RoomID][]chat.RoleList, error) {
	lists := make(map[chat.RoomID][]chat.RoleList)
	var rooms []chat.Room
	var missing []chat.RoomID
	for id := range own.members {
		if _, official := d.room(id); official {
			continue
		}
		if s, _ := c.seats.get(seatKey{user, id}); s != nil {
			rooms, lists[id] = append(rooms, s.room), s.lists
		} else {
			missing = append(missing, id)
		}
	}
	if len(missing) > 0 {
		read, err := c.Store.RoomsByID(ctx, missing)
		if err != nil {
			return nil, nil, err
		}
		rooms = append(rooms, read...)
		found, err := c.Store.RoleListsAmong(ctx, missing)
		if err != nil {
			return nil, nil, err
		}
		for _, l := range found {
			lists[l.RoomID] = append(lists[l.RoomID], l)
		}
	}
	slices.SortFunc(rooms, func(a, b chat.Room) int { return cmp.Compare(a.ID, b.ID) })
	return rooms, lists, nil
}

// fillNewest says what was said last in the rooms: from memory, and with one query for those that are not in it.
func (c *Core) fillNewest(ctx context.Context, list []ServerRoom) error {
	var missing []chat.RoomID
	for i, r := range list {
		if r.Room.Form == chat.Separator {
			continue
		}
		said, known := c.recent.newestSaid(r.Room.ID)
		if !known {
			missing = append(missing, r.Room.ID)
		}
		list[i].Newest = said
	}
	if len(missing) == 0 {
		return nil
	}
	found, err := c.Store.NewestSaid(ctx, missing)
	if err != nil {
		return err
	}
	for _, said := range found {
		i := slices.IndexFunc(list, func(r ServerRoom) bool { return r.Room.ID == said.RoomID })
		list[i].Newest = said
	}
	return nil
}

// newestSaid returns the newest message of a room that clients list, if what is held of the room says which it is.
func (r *recentCache) newestSaid(id chat.RoomID) (said chat.Said, known bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	room := r.room[id]
	if room == nil || !room.current() {
		return chat.Said{}, false
	}
	for _, m := range slices.Backward(room.messages) {
		if !m.Deleted && m.Type != chat.SystemMessage {
			return chat.Said{RoomID: id, MessageID: m.ID, At: m.CreatedAt}, true
		}
	}
	return chat.Said{}, room.complete
}

// MoveRoom gives one of the server's own rooms another place in their list: index is its place when it has been taken out, and
// past the end means last (manage_rooms). Fails with permission_missing or room_not_found.
func (c *Core) MoveRoom(ctx context.Context, by chat.Actor, room chat.RoomID, index int) error {
	return c.order(ctx, by, func(order []chat.RoomID) ([]chat.RoomID, error) {
		from := slices.Index(order, room)
		if from < 0 {
			return nil, chat.ErrRoomNotFound
		}
		order = slices.Delete(order, from, from+1)
		return slices.Insert(order, max(0, min(index, len(order))), room), nil
	})
}

// OrderRooms puts the server's own rooms that are named into this order, in the places that they have together; the others
// stay where they are (manage_rooms). Fails wholly, with permission_missing or order_invalid for a room that is named twice or
// is none of the server's.
func (c *Core) OrderRooms(ctx context.Context, by chat.Actor, rooms []chat.RoomID) error {
	return c.order(ctx, by, func(order []chat.RoomID) ([]chat.RoomID, error) { return reordered(order, rooms) })
}

var errOrder = chat.InvalidField("order", "order_invalid", "Name each thing once, and only what is in the list.")

// reordered puts some of a list into another order, in the places that they have together.
func reordered[T comparable](list, some []T) ([]T, error) {
	named := make(map[T]bool, len(some))
	for _, x := range some {
		if named[x] || !slices.Contains(list, x) {
			return nil, errOrder
		}
		named[x] = true
	}
	out, next := slices.Clone(list), 0
	for i, x := range list {
		if named[x] {
			out[i] = some[next]
			next++
		}
	}
	return out, nil
}

// order changes the order of the server's own rooms.
func (c *Core) order(ctx context.Context, by chat.Actor, arrange func([]chat.RoomID) ([]chat.RoomID, error)) error {
	if _, err := c.permit(ctx, by, chat.ManageRooms); err != nil {
		return err
	}
	return c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		rooms, err := tx.OfficialRooms(ctx)
		if err != nil {
			return nil, err
		}
		before := idsOf(rooms)
		after, err := arrange(slices.Clone(before))
		if err != nil || slices.Equal(before, after) {
			return nil, err
		}
		if err := tx.SetRoomOrder(ctx, after); err != nil {
			return nil, err
		}
		if err := tx.AddAudit(ctx, c.audit(by, "room.order", "room", "", 0, map[string]any{"rooms": after})); err != nil {
			return nil, err
		}
		return []chat.Event{chat.DirectoryChanged{}}, nil
	})
}
