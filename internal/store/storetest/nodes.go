package storetest

import (
	"fmt"
	"slices"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

func init() {
	tell("nodes",
		story{"the heads of rooms are their latest changes", nodesHeads},
		story{"the rooms of several people are told for each", nodesRooms},
		story{"sanctions and grants of several people are those of each", nodesRights},
		story{"a session is live until it is over or its person is shut out", nodesSessions},
	)
}

func nodesHeads(w *world) {
	ada := w.addUser("ada")
	a, b := w.addRoom(chat.Room{Name: "A", Type: chat.Public}, ada), w.addRoom(chat.Room{Name: "B", Type: chat.Public}, ada)
	m := w.say(a, ada, "one")
	w.change(func(tx core.Tx) error {
		_, _, err := tx.AddReaction(w.ctx, m.ID, ada, "👍", Start)
		return err
	})
	heads := must(w.Heads(w.ctx, []chat.RoomID{a, b, a, 4711}))
	same(w, "rooms", len(heads), 2)
	same(w, "with messages", heads[a], must(w.Room(w.ctx, a)).LastSeq)
	same(w, "without", heads[b], 0)
	same(w, "of none", len(must(w.Heads(w.ctx, nil))), 0)
}

func nodesRooms(w *world) {
	ada, bob, eve := w.addUser("ada"), w.addUser("bob"), w.addUser("eve")
	a := w.addRoom(chat.Room{Name: "A", Type: chat.Public}, ada)
	b := w.addRoom(chat.Room{Name: "B", Type: chat.Private}, ada)
	w.putMember(chat.Member{RoomID: a, UserID: bob, Role: chat.RoomMember, JoinedAt: Start, Hidden: true})
	rooms := must(w.RoomsOfEach(w.ctx, []chat.UserID{ada, bob, eve, "nobody"}))
	slices.Sort(rooms[ada])
	same(w, "people", len(rooms), 2)
	same(w, "ada's", rooms[ada], []chat.RoomID{min(a, b), max(a, b)})
	same(w, "bob's", rooms[bob], []chat.RoomID{a})
}

func nodesSessions(w *world) {
	ada, bob, eve, joe, kim := w.addUser("ada"), w.addUser("bob"), w.addUser("eve"), w.addUser("joe"), w.addUser("kim")
	revoked, expired := login("revoked", ada), login("expired", ada)
	revoked.RevokedAt, expired.ExpiresAt = Start, Start.Add(time.Minute)
	w.addSessions(login("live", ada), revoked, expired, login("banned", bob), login("back", eve), login("muted", joe), login("disabled", kim))
	w.change(func(tx core.Tx) error {
		for _, s := range []chat.Sanction{
			{Kind: chat.Ban, UserID: bob, CreatedAt: Start},
			{Kind: chat.Timeout, UserID: eve, CreatedAt: Start, Until: Start.Add(time.Minute)},
			{Kind: chat.Ban, RoomID: 7, UserID: ada, CreatedAt: Start},
			{Kind: chat.Mute, UserID: joe, CreatedAt: Start},
		} {
			if _, err := tx.CreateSanction(w.ctx, s); err != nil {
				return err
			}
		}
		user := *must(tx.User(w.ctx, kim))
		user.DisabledAt = Start
		return tx.UpdateUser(w.ctx, &user)
	})
	all := []chat.SessionID{"live", "revoked", "expired", "banned", "back", "muted", "disabled", "unknown"}
	live := func(at time.Time) []chat.SessionID {
		ids := must(w.LiveSessions(w.ctx, all, at))
		slices.Sort(ids)
		return ids
	}
	same(w, "at the start", live(Start.Add(time.Second)), []chat.SessionID{"expired", "live", "muted"})
	same(w, "later", live(Start.Add(2*time.Minute)), []chat.SessionID{"back", "live", "muted"})
}

func nodesRights(w *world) {
	ada, bob, eve := w.addUser("ada"), w.addUser("bob"), w.addUser("eve")
	room, other := w.addRoom(chat.Room{Name: "A", Type: chat.Public}, ada), w.addRoom(chat.Room{Name: "B", Type: chat.Public}, ada)
	w.change(func(tx core.Tx) error {
		for _, s := range []chat.Sanction{
			{Kind: chat.Ban, RoomID: room, UserID: bob, CreatedAt: Start},
			{Kind: chat.Timeout, UserID: bob, CreatedAt: Start, Until: Start.Add(time.Minute)},
			{Kind: chat.Mute, RoomID: other, UserID: bob, CreatedAt: Start},
			{Kind: chat.Mute, RoomID: room, UserID: ada, CreatedAt: Start, LiftedAt: Start},
			{Kind: chat.Mute, RoomID: room, UserID: eve, CreatedAt: Start},
		} {
			if _, err := tx.CreateSanction(w.ctx, s); err != nil {
				return err
			}
		}
		for _, g := range []chat.Grant{
			{RoomID: room, UserID: ada, Right: chat.CanPin, Allow: true, Until: Start.Add(time.Hour)},
			{RoomID: room, UserID: bob, Right: chat.CanSend},
			{RoomID: other, UserID: ada, Right: chat.CanSend},
			{RoomID: room, UserID: eve, Right: chat.CanSend},
		} {
			if err := tx.PutGrant(w.ctx, g); err != nil {
				return err
			}
		}
		return nil
	})
	asked := []chat.UserID{ada, bob, bob, "nobody"}
	for _, at := range []time.Time{Start.Add(time.Second), Start.Add(time.Hour)} {
		var each, among []string
		for _, user := range []chat.UserID{ada, bob} {
			for _, s := range must(w.LiveSanctions(w.ctx, user, room, at)) {
				each = append(each, fmt.Sprintf("%+v", s))
			}
		}
		for _, s := range must(w.SanctionsAmong(w.ctx, room, asked, at)) {
			among = append(among, fmt.Sprintf("%+v", s))
		}
		slices.Sort(each)
		slices.Sort(among)
		same(w, "sanctions", among, each)
	}
	var each, among []string
	for _, user := range []chat.UserID{ada, bob} {
		for _, g := range must(w.Grants(w.ctx, room, user)) {
			each = append(each, fmt.Sprintf("%+v", g))
		}
	}
	for _, g := range must(w.GrantsAmong(w.ctx, room, asked)) {
		among = append(among, fmt.Sprintf("%+v", g))
	}
	slices.Sort(each)
	slices.Sort(among)
	same(w, "grants", among, each)
}
