package storetest

import (
	"slices"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

func init() {
	tell("server rooms",
		story{"rooms are read by id", roomsByID},
		story{"role lists are read for many rooms, and by the role they name", manyRoleLists},
		story{"what is one person's own is read for all rooms", standings},
		story{"the newest message of a room is one that clients list", newestSaid},
		story{"rooms are put in order without counting as changed", roomOrder},
		story{"who loses their only role is a user", lastRoleDeleted},
	)
}

func roomsByID(w *world) {
	a, b := w.addRoom(chat.Room{Name: "A", Type: chat.Public}), w.addRoom(chat.Room{Name: "B", Type: chat.Private})
	rooms := must(w.RoomsByID(w.ctx, []chat.RoomID{b, 4711, a, b}))
	slices.SortFunc(rooms, func(x, y chat.Room) int { return int(x.ID - y.ID) })
	same(w, "rooms", rooms, []chat.Room{must(w.Room(w.ctx, a)), must(w.Room(w.ctx, b))})
	same(w, "none", len(must(w.RoomsByID(w.ctx, nil))), 0)
}

func manyRoleLists(w *world) {
	a, b := w.addRoom(chat.Room{Name: "A", Type: chat.Public}), w.addRoom(chat.Room{Name: "B", Type: chat.Public})
	lists := []chat.RoleList{
		{RoomID: a, Right: chat.CanRead, Roles: []chat.RoleEntry{{RoleID: chat.RoleAdmin}}},
		{RoomID: a, Right: chat.CanSend, Roles: []chat.RoleEntry{{RoleID: chat.RoleUser, Deny: true}, {RoleID: chat.RoleAdmin}}},
		{RoomID: b, Right: chat.CanSend, Roles: []chat.RoleEntry{{RoleID: chat.RoleUser}}},
	}
	w.change(func(tx core.Tx) error {
		for _, l := range slices.Backward(lists) {
			if err := tx.PutRoleList(w.ctx, l); err != nil {
				return err
			}
		}
		return nil
	})
	same(w, "of both rooms", must(w.RoleListsAmong(w.ctx, []chat.RoomID{b, a, 4711})), lists)
	same(w, "of one", must(w.RoleListsAmong(w.ctx, []chat.RoomID{b})), lists[2:])
	same(w, "of none", len(must(w.RoleListsAmong(w.ctx, nil))), 0)
	same(w, "naming admin", must(w.RoleListsNaming(w.ctx, chat.RoleAdmin)), lists[:2])
	same(w, "naming user, denied or not", must(w.RoleListsNaming(w.ctx, chat.RoleUser)), lists[1:])
	same(w, "naming nobody", len(must(w.RoleListsNaming(w.ctx, "nobody"))), 0)
}

func standings(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	a, b := w.addRoom(chat.Room{Name: "A", Type: chat.Public}, ada, bob), w.addRoom(chat.Room{Name: "B", Type: chat.Public}, ada)
	var live []chat.Sanction
	w.change(func(tx core.Tx) error {
		for _, s := range []chat.Sanction{
			{Kind: chat.Mute, RoomID: a, UserID: ada, CreatedAt: Start},
			{Kind: chat.Mute, UserID: ada, CreatedAt: Start, Until: Start.Add(time.Hour)},
			{Kind: chat.Ban, RoomID: b, UserID: ada, CreatedAt: Start, Until: Start.Add(time.Minute)}, // over
			{Kind: chat.Ban, RoomID: b, UserID: ada, CreatedAt: Start, LiftedAt: Start},
			{Kind: chat.Ban, RoomID: b, UserID: bob, CreatedAt: Start},
		} {
			made, err := tx.CreateSanction(w.ctx, s)
			if err != nil {
				return err
			}
			live = append(live, made)
		}
		for _, g := range []chat.Grant{{RoomID: a, UserID: ada, Right: chat.CanPin, Allow: true}, {RoomID: b, UserID: ada, Right: chat.CanSend}, {RoomID: b, UserID: bob, Right: chat.CanSend}} {
			if err := tx.PutGrant(w.ctx, g); err != nil {
				return err
			}
		}
		return nil
	})
	members := must(w.Memberships(w.ctx, ada))
	slices.SortFunc(members, func(x, y chat.Member) int { return int(x.RoomID - y.RoomID) })
	same(w, "memberships", members, []chat.Member{must(w.Member(w.ctx, a, ada)), must(w.Member(w.ctx, b, ada))})
	same(w, "sanctions", must(w.SanctionsOf(w.ctx, ada, Start.Add(2*time.Minute))), live[:2])
	grants := must(w.GrantsOf(w.ctx, ada))
	slices.SortFunc(grants, func(x, y chat.Grant) int { return int(x.RoomID - y.RoomID) })
	same(w, "grants", grants, []chat.Grant{{RoomID: a, UserID: ada, Right: chat.CanPin, Allow: true}, {RoomID: b, UserID: ada, Right: chat.CanSend}})
	same(w, "of nobody", len(must(w.Memberships(w.ctx, "nobody")))+len(must(w.SanctionsOf(w.ctx, "nobody", Start)))+len(must(w.GrantsOf(w.ctx, "nobody"))), 0)
}

func newestSaid(w *world) {
	ada := w.addUser("ada")
	a, b, c := w.addRoom(chat.Room{Name: "A", Type: chat.Public}, ada), w.addRoom(chat.Room{Name: "B", Type: chat.Public}, ada), w.addRoom(chat.Room{Name: "C", Type: chat.Public}, ada)
	one := w.say(a, ada, "one")
	two := w.say(a, ada, "two")
	other := w.say(b, ada, "other")
	_, _, err := w.Append(w.ctx, chat.Draft{RoomID: a, Type: chat.SystemMessage, Content: "said by the server", At: Start})
	w.wantCode(err, "")
	said := func() []chat.Said {
		list := must(w.NewestSaid(w.ctx, []chat.RoomID{c, b, a, 4711, a}))
		slices.SortFunc(list, func(x, y chat.Said) int { return int(x.RoomID - y.RoomID) })
		return list
	}
	of := func(m *chat.Message) chat.Said { return chat.Said{RoomID: m.RoomID, MessageID: m.ID, At: m.CreatedAt} }
	same(w, "at first", said(), []chat.Said{of(two), of(other)})
	for _, id := range []chat.MessageID{two.ID, other.ID} {
		w.change(func(tx core.Tx) error {
			_, _, err := tx.DeleteMessage(w.ctx, id, ada, Start)
			return err
		})
	}
	same(w, "after deleting", said(), []chat.Said{of(one)})
	same(w, "of no rooms", len(must(w.NewestSaid(w.ctx, nil))), 0)
}

func roomOrder(w *world) {
	var ids []chat.RoomID
	for _, name := range []string{"A", "B", "C"} {
		ids = append(ids, w.addRoom(chat.Room{Name: name, Type: chat.Public, Official: true}))
	}
	order := []chat.RoomID{ids[2], ids[0], ids[1]}
	w.change(func(tx core.Tx) error { return tx.SetRoomOrder(w.ctx, order) })
	for i, r := range must(w.OfficialRooms(w.ctx)) {
		same(w, "room", r.ID, order[i])
		same(w, "position", r.Position, i)
		same(w, "version", r.Version, 1)
	}
}

func lastRoleDeleted(w *world) {
	w.addRoles(chat.Role{ID: painter, Name: "Painter"}, chat.Role{ID: poet, Name: "Poet"})
	ada, bob := w.addUser("ada"), w.addUser("bob")
	w.change(func(tx core.Tx) error {
		if err := tx.SetUserRoles(w.ctx, ada, []chat.RoleID{painter}); err != nil {
			return err
		}
		return tx.SetUserRoles(w.ctx, bob, []chat.RoleID{painter, poet})
	})
	w.change(func(tx core.Tx) error { return tx.DeleteRole(w.ctx, painter) })
	same(w, "ada's roles", must(w.User(w.ctx, ada)).Roles, []chat.RoleID{chat.RoleUser})
	same(w, "bob's roles", must(w.User(w.ctx, bob)).Roles, []chat.RoleID{poet})
}
