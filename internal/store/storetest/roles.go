package storetest

import (
	"slices"

	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

func init() {
	tell("roles",
		story{"a new store has the four system roles", roleSystem},
		story{"roles are read back as stored, by position", roleReadBack},
		story{"a role's name is unique without regard to case", roleNames},
		story{"a changed role stays what it is to those who have it", roleChange},
		story{"a deleted role is taken from everyone and every list", roleDelete},
		story{"a system role stays one and cannot be deleted", roleDeleteSystem},
		story{"a role list keeps its order and is replaced whole", roleLists},
		story{"a role list needs a room and roles", roleListUnknown},
		story{"grants are put, replaced and taken back", grants},
		story{"a grant needs a room and a user", grantUnknown},
	)
}

const painter, poet chat.RoleID = "01950000-0000-7000-9000-000000000001", "01950000-0000-7000-9000-000000000002"

func (w *world) addRoles(roles ...chat.Role) {
	w.Helper()
	w.change(func(tx core.Tx) error {
		for _, r := range roles {
			if err := tx.PutRole(w.ctx, r); err != nil {
				return err
			}
		}
		return nil
	})
}

func roleIDs(roles []chat.Role) []chat.RoleID {
	return pick(roles, func(r chat.Role) chat.RoleID { return r.ID })
}

func roleSystem(w *world) {
	roles := must(w.Roles(w.ctx))
	same(w, "roles", roleIDs(roles), []chat.RoleID{chat.RoleOwner, chat.RoleAdmin, chat.RoleModerator, chat.RoleUser})
	for _, r := range roles {
		if !r.System || r.Name != string(r.ID) {
			w.Errorf("not a system role: %+v", r)
		}
	}
	same(w, "the owner may", roles[0].Permissions, []chat.Permission{chat.Administrator})
	if mine := roles[3].Permissions; !slices.Contains(mine, chat.CreateRooms) || !slices.Contains(mine, "send_messages") {
		w.Errorf("anyone may %v", mine)
	}
	for _, p := range []chat.Permission{chat.ManageServer, chat.ManageRoles, chat.ManageRooms, chat.ManageUsers, chat.ManageMessages, chat.Administrator} {
		if slices.Contains(roles[3].Permissions, p) {
			w.Errorf("anyone may %s", p)
		}
	}
}

func roleReadBack(w *world) {
	full := chat.Role{
		ID: painter, Name: "Painter", Description: "Paints.", Color: "#12ab34", Hoisted: true, SelfAssignable: true, Category: "Arts", Position: 7,
		Permissions: []chat.Permission{chat.ManageRooms, "fly", chat.Announce}, MessagesPer10s: -1,
	}
	plain := chat.Role{ID: poet, Name: "Poet", Position: -1}
	w.addRoles(full, plain)
	roles := must(w.Roles(w.ctx))
	same(w, "order", roleIDs(roles), []chat.RoleID{poet, chat.RoleOwner, chat.RoleAdmin, chat.RoleModerator, chat.RoleUser, painter})
	same(w, "plain", roles[0], plain)
	same(w, "full", roles[5], full)
}

func roleNames(w *world) {
	w.addRoles(chat.Role{ID: painter, Name: "Painter"})
	for _, name := range []string{"painter", "ADMIN"} {
		w.refused("role_name_taken", func(tx core.Tx) error { return tx.PutRole(w.ctx, chat.Role{ID: poet, Name: name}) })
	}
	w.addRoles(chat.Role{ID: painter, Name: "PAINTER"}) // its own name in another case
}

func roleChange(w *world) {
	w.addRoles(chat.Role{ID: painter, Name: "Painter", Permissions: []chat.Permission{chat.Announce}})
	ada := w.addUser("ada")
	w.change(func(tx core.Tx) error { return tx.SetUserRoles(w.ctx, ada, []chat.RoleID{painter}) })
	w.addRoles(chat.Role{ID: painter, Name: "Artist", Position: 5})
	same(w, "changed", must(w.Roles(w.ctx))[4], chat.Role{ID: painter, Name: "Artist", Position: 5})
	same(w, "ada's roles", must(w.User(w.ctx, ada)).Roles, []chat.RoleID{painter})
}

func roleDelete(w *world) {
	w.addRoles(chat.Role{ID: painter, Name: "Painter"})
	ada := w.addUser("ada")
	room := w.addRoom(chat.Room{Name: "Lab", Type: chat.Public})
	w.change(func(tx core.Tx) error {
		if err := tx.SetUserRoles(w.ctx, ada, []chat.RoleID{painter, chat.RoleUser}); err != nil {
			return err
		}
		return tx.PutRoleList(w.ctx, chat.RoleList{RoomID: room, Right: chat.CanSend, Roles: []chat.RoleEntry{{RoleID: painter}, {RoleID: chat.RoleUser, Deny: true}}})
	})
	w.change(func(tx core.Tx) error { return tx.DeleteRole(w.ctx, painter) })
	same(w, "roles", len(must(w.Roles(w.ctx))), 4)
	same(w, "ada's roles", must(w.User(w.ctx, ada)).Roles, []chat.RoleID{chat.RoleUser})
	same(w, "lists", must(w.RoleLists(w.ctx, room)), []chat.RoleList{{RoomID: room, Right: chat.CanSend, Roles: []chat.RoleEntry{{RoleID: chat.RoleUser, Deny: true}}}})
	w.refused("not_found", func(tx core.Tx) error { return tx.DeleteRole(w.ctx, painter) })
}

func roleDeleteSystem(w *world) {
	for _, r := range must(w.Roles(w.ctx)) {
		r.System, r.Description = false, "changed"
		w.addRoles(r)
		w.refused("role_is_system", func(tx core.Tx) error { return tx.DeleteRole(w.ctx, r.ID) })
	}
	for _, r := range must(w.Roles(w.ctx)) {
		same(w, "description", r.Description, "changed")
		same(w, "system", r.System, true)
	}
}

func roleLists(w *world) {
	room, other := w.addRoom(chat.Room{Name: "Lab", Type: chat.Public}), w.addRoom(chat.Room{Name: "Hall", Type: chat.Public})
	put := func(right chat.Right, entries ...chat.RoleEntry) {
		w.change(func(tx core.Tx) error {
			return tx.PutRoleList(w.ctx, chat.RoleList{RoomID: room, Right: right, Roles: entries})
		})
	}
	send := []chat.RoleEntry{{RoleID: chat.RoleUser, Deny: true}, {RoleID: chat.RoleOwner}, {RoleID: chat.RoleAdmin}}
	put(chat.CanSend, send...)
	put(chat.CanRead, chat.RoleEntry{RoleID: chat.RoleAdmin})
	same(w, "lists", must(w.RoleLists(w.ctx, room)), []chat.RoleList{
		{RoomID: room, Right: chat.CanRead, Roles: []chat.RoleEntry{{RoleID: chat.RoleAdmin}}},
		{RoomID: room, Right: chat.CanSend, Roles: send},
	})
	put(chat.CanRead)
	put(chat.CanSend, send[2], send[0])
	same(w, "lists", must(w.RoleLists(w.ctx, room)), []chat.RoleList{{RoomID: room, Right: chat.CanSend, Roles: []chat.RoleEntry{send[2], send[0]}}})
	same(w, "lists of another room", len(must(w.RoleLists(w.ctx, other))), 0)
	same(w, "lists of no room", len(must(w.RoleLists(w.ctx, 4711))), 0)
}

func roleListUnknown(w *world) {
	room := w.addRoom(chat.Room{Name: "Lab", Type: chat.Public})
	w.refused("room_not_found", func(tx core.Tx) error {
		return tx.PutRoleList(w.ctx, chat.RoleList{RoomID: 4711, Right: chat.CanSend, Roles: []chat.RoleEntry{{RoleID: chat.RoleUser}}})
	})
	w.refused("not_found", func(tx core.Tx) error {
		return tx.PutRoleList(w.ctx, chat.RoleList{RoomID: room, Right: chat.CanSend, Roles: []chat.RoleEntry{{RoleID: chat.RoleUser}, {RoleID: "nothing"}}})
	})
	same(w, "lists", len(must(w.RoleLists(w.ctx, room))), 0)
}

func grants(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	room := w.addRoom(chat.Room{Name: "Lab", Type: chat.Public})
	put := func(g chat.Grant) {
		w.change(func(tx core.Tx) error { return tx.PutGrant(w.ctx, g) })
	}
	send := chat.Grant{RoomID: room, UserID: ada, Right: chat.CanSend, Allow: false, Until: Start.Add(-time.Hour)}
	pin := chat.Grant{RoomID: room, UserID: ada, Right: chat.CanPin, Allow: true}
	put(send)
	put(pin)
	put(chat.Grant{RoomID: room, UserID: bob, Right: chat.CanPin, Allow: true})
	same(w, "grants, the expired one too", must(w.Grants(w.ctx, room, ada)), []chat.Grant{pin, send})
	send.Allow, send.Until = true, time.Time{}
	put(send)
	same(w, "replaced", must(w.Grants(w.ctx, room, ada)), []chat.Grant{pin, send})
	for range 2 { // the second finds nothing to take back
		w.change(func(tx core.Tx) error { return tx.DeleteGrant(w.ctx, room, ada, chat.CanPin) })
		same(w, "taken back", must(w.Grants(w.ctx, room, ada)), []chat.Grant{send})
	}
	same(w, "bob's", len(must(w.Grants(w.ctx, room, bob))), 1)
	same(w, "nobody's", len(must(w.Grants(w.ctx, room, "nobody"))), 0)
}

func grantUnknown(w *world) {
	ada := w.addUser("ada")
	room := w.addRoom(chat.Room{Name: "Lab", Type: chat.Public})
	w.refused("room_not_found", func(tx core.Tx) error {
		return tx.PutGrant(w.ctx, chat.Grant{RoomID: 4711, UserID: ada, Right: chat.CanPin})
	})
	w.refused("user_not_found", func(tx core.Tx) error {
		return tx.PutGrant(w.ctx, chat.Grant{RoomID: room, UserID: "nobody", Right: chat.CanPin})
	})
}
