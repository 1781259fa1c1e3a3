package core

import (
	"context"
	"encoding/json"
	"slices"

	"parley/internal/chat"
)

// Where several nodes share a store, each has a core with caches of its own. What happened elsewhere arrives through Remote,
// late, twice, in any order or not at all: it makes caches drop what they hold and tells live connections, and is never kept
// as the truth. What may have been missed is made up for by DropCaches and by asking the store (Heads, RoomsOfEach,
// EndedSessions). Package relay does both.

// Remote takes in events that happened on other nodes: caches first, then whoever subscribed to all events. It changes the
// events, which belong to it from then on: people in them, and settings of rooms and members, are what the store says now.
// It fails when the store could not be asked; then some were not told.
func (c *Core) Remote(ctx context.Context, events []chat.Event) error {
	var people []chat.UserID
	for _, ev := range events {
		c.invalidate(ev)
		people = append(people, peopleIn(ev)...)
	}
	users, failed := c.users.get(ctx, people)
	told := make([]chat.Event, 0, len(events))
	for _, ev := range events {
		if e, ok := ev.(chat.Sequenced); ok {
			e.State().Sender = users[e.State().SenderID] // before the cache has it
		}
		c.recent.apply(ev)
		if failed != nil {
			continue
		}
		now, err := c.complete(ctx, ev, users)
		switch {
		case err == nil:
			told = append(told, now)
		case chat.AsError(err).Kind != chat.NotFound: // else it is gone since, which is told too
			failed = err
		}
	}
	if len(told) > 0 {
		c.deliver(told)
	}
	return failed
}

// peopleIn names the people whose profile is shown with an event.
func peopleIn(ev chat.Event) []chat.UserID {
	switch e := ev.(type) {
	case chat.ReactionAdded:
		return []chat.UserID{e.Message.SenderID, e.UserID}
	case chat.ReactionRemoved:
		return []chat.UserID{e.Message.SenderID, e.UserID}
	case chat.PollVoted:
		return []chat.UserID{e.Message.SenderID, e.UserID}
	case chat.Sequenced:
		return []chat.UserID{e.State().SenderID}
	case chat.MemberJoined:
		return []chat.UserID{e.Member.UserID}
	case chat.Notified:
		return []chat.UserID{e.Notification.ActorID}
	case chat.UserChanged:
		return []chat.UserID{e.User.ID}
	case chat.PresenceChanged:
		return []chat.UserID{e.Presence.UserID}
	case chat.VoiceJoined:
		return []chat.UserID{e.Participant.UserID}
	case chat.VoiceChanged:
		return []chat.UserID{e.Participant.UserID}
	case chat.ThreadLeft:
		return append(slices.Clone(e.Thread.Participants), e.Thread.CreatedBy, e.UserID)
	}
	if th := threadIn(ev); th != nil {
		return append(slices.Clone(th.Participants), th.CreatedBy)
	}
	return nil
}

// complete returns an event of another node with what the store says now in place of what it said then.
func (c *Core) complete(ctx context.Context, ev chat.Event, users map[chat.UserID]*chat.User) (chat.Event, error) {
	switch e := ev.(type) {
	case chat.MemberJoined:
		if e.User = users[e.Member.UserID]; e.User == nil {
			return nil, chat.ErrUserNotFound
		}
		return e, nil
	case chat.Notified:
		e.Notification.Actor = users[e.Notification.ActorID]
		return e, nil
	case chat.UserChanged:
		if user := users[e.User.ID]; user != nil { // else the account is gone, and this is what is left of it
			e.User = user
		}
		return e, nil
	case chat.PresenceChanged:
		user := users[e.Presence.UserID]
		if user == nil {
			return nil, chat.ErrUserNotFound
		}
		return chat.PresenceChanged{Presence: c.shown(user)}, nil
	case chat.VoiceJoined:
		if e.Participant.User = users[e.Participant.UserID]; e.Participant.User == nil {
			return nil, chat.ErrUserNotFound
		}
		return e, nil
	case chat.VoiceChanged:
		if e.Participant.User = users[e.Participant.UserID]; e.Participant.User == nil {
			return nil, chat.ErrUserNotFound
		}
		return e, nil
	case chat.RoomChanged:
		room, err := c.Store.Room(ctx, e.Room.ID)
		return chat.RoomChanged{Room: room}, err
	case chat.RoomAdded:
		room, err := c.Store.Room(ctx, e.Room.ID)
		return chat.RoomAdded{UserID: e.UserID, Room: room}, err
	case chat.EmojiAdded:
		emoji, err := c.Store.Emoji(ctx, e.Emoji.ID)
		return chat.EmojiAdded{Emoji: emoji}, err
	case chat.EmojiUpdated:
		emoji, err := c.Store.Emoji(ctx, e.Emoji.ID)
		return chat.EmojiUpdated{Emoji: emoji}, err
	case chat.MemberChanged:
		m, err := c.Store.Member(ctx, e.Member.RoomID, e.Member.UserID)
		return chat.MemberChanged{Member: m}, err
	}
	if th := threadIn(ev); th != nil {
		th.People = make(map[chat.UserID]*chat.User)
		for _, id := range peopleIn(ev) {
			if users[id] != nil {
				th.People[id] = users[id]
			}
		}
	}
	return ev, nil
}

// KeepsRoom reports whether this node has messages of a room in memory, so that changes of them on other nodes matter to it.
func (c *Core) KeepsRoom(room chat.RoomID) bool { return c.recent.has(room) }

// DropCaches forgets everything that other nodes may have changed. What is being read from the store at this moment is not
// kept either.
func (c *Core) DropCaches() {
	c.users.dropAll()
	c.rights.drop()
	c.official.drop()
	c.standings.dropAll()
	c.everybody.drop()
	c.seats.dropAll()
	c.sessions.dropAll()
	c.server.drop()
	c.recent.clear()
	c.plugins.changed("")
}

// Heads returns the latest change_seq of rooms; those that do not exist are left out.
func (c *Core) Heads(ctx context.Context, rooms []chat.RoomID) (map[chat.RoomID]chat.Seq, error) {
	return c.Store.Heads(ctx, rooms)
}

// RoomsOfEach returns the rooms that each of the users is a member of.
func (c *Core) RoomsOfEach(ctx context.Context, users []chat.UserID) (map[chat.UserID][]chat.RoomID, error) {
	return c.Store.RoomsOfEach(ctx, users)
}

// EndedSessions returns those of the sessions that may no longer be used: because they were revoked, ran out or are gone, or
// because their person's account is disabled, or shut out from the server.
func (c *Core) EndedSessions(ctx context.Context, sessions []chat.SessionID) (ended []chat.SessionID, err error) {
	live, err := c.Store.LiveSessions(ctx, sessions, c.now())
	if err != nil {
		return nil, err
	}
	is := make(map[chat.SessionID]bool, len(live))
	for _, id := range live {
		is[id] = true
	}
	for _, id := range sessions {
		if !is[id] {
			ended = append(ended, id)
		}
	}
	return ended, nil
}

// Unentitled returns those of the people who may not read a room, asking the store for all of them together. It fails when
// that is away, and then says nothing.
func (c *Core) Unentitled(ctx context.Context, room chat.RoomID, people []chat.UserID) (out []chat.UserID, err error) {
	var missing []chat.UserID
	_, gen := c.seats.get(seatKey{room: room})
	seats := make(map[chat.UserID]*seat, len(people))
	for _, user := range people {
		if s, _ := c.seats.get(seatKey{user, room}); s != nil {
			seats[user] = s
		} else {
			missing = append(missing, user)
		}
	}
	alone := missing
	if len(missing) > 2 {
		if alone, err = c.loadSeats(ctx, gen, room, missing, seats); err != nil {
			if chat.CodeOf(err) == chat.ErrRoomNotFound.Code {
				return people, nil
			}
			return nil, err
		}
	}
	for _, user := range people {
		if s := seats[user]; s != nil && s.decide(chat.CanRead, c.now()) != nil {
			out = append(out, user)
		}
	}
	for _, user := range alone {
		_, err := c.allow(ctx, chat.Actor{UserID: user}, chat.CanRead, room)
		if err == nil {
			continue
		}
		switch chat.AsError(err).Kind {
		case chat.Forbidden, chat.NotFound, chat.Unauthenticated:
			out = append(out, user)
		default:
			return nil, err
		}
	}
	return out, nil
}

// loadSeats is loadSeat for several members of a room, which keeps what it finds. It returns those it leaves out because they
// are asked about one by one: who is no member, and everybody in a direct room.
func (c *Core) loadSeats(ctx context.Context, gen uint64, room chat.RoomID, people []chat.UserID, seats map[chat.UserID]*seat) (rest []chat.UserID, err error) {
	var all seat
	if all.room, err = c.Store.Room(ctx, room); err != nil || all.room.Type == chat.Direct {
		return people, err
	}
	members, err := c.Store.MembersAmong(ctx, room, people)
	if err != nil {
		return nil, err
	}
	users, err := c.users.get(ctx, append(slices.Clone(people), all.room.OwnerID))
	if err != nil {
		return nil, err
	}
	if all.lists, err = c.Store.RoleLists(ctx, room); err != nil {
		return nil, err
	}
	sanctions, err := c.Store.SanctionsAmong(ctx, room, people, c.now())
	if err != nil {
		return nil, err
	}
	grants, err := c.Store.GrantsAmong(ctx, room, people)
	if err != nil {
		return nil, err
	}
	for i := range members {
		s := all
		if s.user, s.member = users[members[i].UserID], &members[i]; s.user == nil {
			continue
		}
		if s.room.OwnerID != "" && s.user.Rank > chat.RankMember {
			s.owner = users[s.room.OwnerID]
		}
		seats[s.user.ID] = &s
	}
	for _, x := range sanctions {
		if s := seats[x.UserID]; s != nil {
			s.sanctions = append(s.sanctions, x)
		}
	}
	for _, g := range grants {
		if s := seats[g.UserID]; s != nil {
			s.grants = append(s.grants, g)
		}
	}
	for _, user := range people {
		if s := seats[user]; s != nil {
			c.seats.keep(seatKey{user, room}, gen, s)
		} else {
			rest = append(rest, user)
		}
	}
	return rest, nil
}

// untoldSetting changes when a node could not tell the others what it did.
const untoldSetting = "untold_events"

// MarkUntold notes in the store that a node did something that it could not tell the others of, mark being different every
// time. It is the way from node to node that is left when only one of them is cut off from the bus.
func (c *Core) MarkUntold(ctx context.Context, mark string) error {
	text, err := json.Marshal(mark)
	if err != nil {
		return err
	}
	return c.Store.Change(ctx, func(tx Tx) ([]chat.Event, error) { return nil, tx.PutSetting(ctx, untoldSetting, text) })
}

// Untold returns the latest mark, empty if there was none.
func (c *Core) Untold(ctx context.Context) (mark string, err error) {
	text, err := c.Store.Setting(ctx, untoldSetting)
	if chat.CodeOf(err) != "" && chat.AsError(err).Kind == chat.NotFound {
		return "", nil
	}
	if err == nil {
		err = json.Unmarshal(text, &mark)
	}
	return mark, err
}
