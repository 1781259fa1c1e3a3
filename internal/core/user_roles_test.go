package core_test

import (
	"slices"
	"testing"

	"parley/internal/chat"
	"parley/internal/core"
)

func TestAddingAndTakingRoles(t *testing.T) {
	w := newWorld(t)
	scribe, herald := w.role("scribe", chat.Announce), w.role("herald")
	high, err := w.PutRole(w.ctx, chat.Operator, chat.Role{Name: "high", Permissions: []chat.Permission{chat.ManageRoles}})
	w.must(err)
	high.Position = 1 // above admin
	_, err = w.PutRole(w.ctx, chat.Operator, high)
	w.must(err)
	admin, owner, chief := w.user("admin", chat.RoleAdmin), w.user("owner", chat.RoleOwner), w.user("chief", high.ID)
	bob := w.user("bob")
	for _, tc := range []struct {
		name string
		by   chat.Actor
		do   func(chat.Actor, chat.UserID, ...chat.RoleID) error
		to   chat.Actor
		role []chat.RoleID
		want []chat.RoleID
		code string
	}{
		{"added roles come last", admin, w.add, bob, []chat.RoleID{scribe, herald}, []chat.RoleID{chat.RoleUser, scribe, herald}, ""},
		{"twice is once", admin, w.add, bob, []chat.RoleID{scribe}, []chat.RoleID{chat.RoleUser, scribe, herald}, ""},
		{"one that is not there adds none of them", admin, w.add, bob, []chat.RoleID{chat.RoleModerator, "nothing"}, []chat.RoleID{chat.RoleUser, scribe, herald}, "role_not_found"},
		{"nobody adds what is above them", admin, w.add, bob, []chat.RoleID{high.ID}, []chat.RoleID{chat.RoleUser, scribe, herald}, "target_above"},
		{"only owners make admins, whoever stands above those", chief, w.add, bob, []chat.RoleID{chat.RoleAdmin}, []chat.RoleID{chat.RoleUser, scribe, herald}, "target_above"},
		{"a user adds nothing", bob, w.add, bob, []chat.RoleID{chat.RoleModerator}, []chat.RoleID{chat.RoleUser, scribe, herald}, "permission_missing"},
		{"a role is taken", admin, w.remove, bob, []chat.RoleID{scribe, chat.RoleModerator}, []chat.RoleID{chat.RoleUser, herald}, ""},
		{"user is a role like others", owner, w.remove, bob, []chat.RoleID{chat.RoleUser}, []chat.RoleID{herald}, ""},
		{"the last one stays", owner, w.remove, bob, []chat.RoleID{herald, scribe}, []chat.RoleID{herald}, "last_role"},
		{"admins take nothing from owners", admin, w.remove, owner, []chat.RoleID{chat.RoleUser}, []chat.RoleID{chat.RoleOwner, chat.RoleUser}, "target_above"},
		{"the person must be there", owner, w.add, chat.Actor{UserID: "nobody"}, []chat.RoleID{herald}, nil, "user_not_found"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := tc.do(tc.by, tc.to.UserID, tc.role...); chat.CodeOf(err) != tc.code {
				t.Errorf("%v, want %q", err, tc.code)
			}
			if u, err := w.User(w.ctx, tc.to, tc.to.UserID); err == nil && !slices.Equal(u.Roles, tc.want) {
				t.Errorf("roles %q, want %q", u.Roles, tc.want)
			}
		})
	}
}

func (w *world) add(by chat.Actor, user chat.UserID, roles ...chat.RoleID) error {
	_, err := w.AddUserRoles(w.ctx, by, user, roles)
	return err
}

func (w *world) remove(by chat.Actor, user chat.UserID, roles ...chat.RoleID) error {
	_, err := w.RemoveUserRoles(w.ctx, by, user, roles)
	return err
}

func TestSelfRoles(t *testing.T) {
	w := newWorld(t)
	gamers, err := w.PutRole(w.ctx, chat.Operator, chat.Role{Name: "gamers", SelfAssignable: true})
	w.must(err)
	plain := w.role("plain")
	bob := w.user("bob")
	list, err := w.SelfRoles(w.ctx, bob)
	w.must(err)
	if len(list) != 1 || list[0].ID != gamers.ID {
		t.Errorf("self roles %+v", list)
	}
	for _, tc := range []struct {
		name string
		role chat.RoleID
		on   bool
		want []chat.RoleID
		code string
	}{
		{"taken on", gamers.ID, true, []chat.RoleID{chat.RoleUser, gamers.ID}, ""},
		{"twice is once", gamers.ID, true, []chat.RoleID{chat.RoleUser, gamers.ID}, ""},
		{"not any role", plain, true, []chat.RoleID{chat.RoleUser, gamers.ID}, "role_not_self_assignable"},
		{"not the lowest either", chat.RoleUser, false, []chat.RoleID{chat.RoleUser, gamers.ID}, "role_not_self_assignable"},
		{"it must be there", "nothing", true, []chat.RoleID{chat.RoleUser, gamers.ID}, "role_not_found"},
		{"put off", gamers.ID, false, []chat.RoleID{chat.RoleUser}, ""},
		{"twice is fine", gamers.ID, false, []chat.RoleID{chat.RoleUser}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before, err := w.Me(w.ctx, bob)
			w.must(err)
			w.told()
			u, err := w.SetSelfRole(w.ctx, bob, tc.role, tc.on)
			if chat.CodeOf(err) != tc.code {
				t.Errorf("%v, want %q", err, tc.code)
			}
			if err == nil && !slices.Equal(u.Roles, tc.want) {
				t.Errorf("answered %q, want %q", u.Roles, tc.want)
			}
			now, err := w.Me(w.ctx, bob)
			w.must(err)
			if !slices.Equal(now.Roles, tc.want) {
				t.Errorf("roles %q, want %q", now.Roles, tc.want)
			}
			if told := has(w.told(), func(e chat.UserChanged) bool { return e.User.ID == bob.UserID }); told == slices.Equal(before.Roles, tc.want) {
				t.Errorf("told: %v", told)
			}
		})
	}
	_, err = w.SetUserRoles(w.ctx, chat.Operator, bob.UserID, []chat.RoleID{gamers.ID})
	w.must(err)
	_, err = w.SetSelfRole(w.ctx, bob, gamers.ID, false)
	w.want(err, "last_role")
	entries, _, err := w.Audit(w.ctx, chat.Operator, chat.AuditFilter{ActorID: bob.UserID}, chat.Page{Limit: 10})
	w.must(err)
	if len(entries) != 2 || entries[0].Action != "self_role.remove" || entries[1].Action != "self_role.add" {
		t.Errorf("audit %+v", entries)
	}
}

func TestOrderingRoles(t *testing.T) {
	w := newWorld(t)
	owner, admin := w.user("owner", chat.RoleOwner), w.user("admin", chat.RoleAdmin)
	ids := map[string]chat.RoleID{"owner": chat.RoleOwner, "admin": chat.RoleAdmin, "moderator": chat.RoleModerator, "user": chat.RoleUser, "x": "x"}
	for _, name := range []string{"a", "b"} {
		ids[name] = w.role(name)
	}
	low, err := w.PutRole(w.ctx, chat.Operator, chat.Role{Name: "low"}, core.Lowest)
	w.must(err)
	ids["low"] = low.ID
	for _, tc := range []struct {
		name  string
		by    chat.Actor
		order []string
		code  string
		want  []string
	}{
		{"to begin with", owner, nil, "", []string{"owner", "admin", "moderator", "a", "b", "user", "low"}},
		{"all of them", owner, []string{"owner", "b", "admin", "moderator", "a", "low", "user"}, "", []string{"owner", "b", "admin", "moderator", "a", "low", "user"}},
		{"those that are not named follow", owner, []string{"owner", "admin", "a"}, "", []string{"owner", "admin", "a", "b", "moderator", "low", "user"}},
		{"nothing above owners", owner, []string{"a"}, "role_protected", nil},
		{"no moderator above admins", owner, []string{"owner", "moderator"}, "role_protected", nil},
		{"a name that is none", owner, []string{"owner", "x"}, "order_invalid", nil},
		{"a name twice", owner, []string{"owner", "a", "a"}, "order_invalid", nil},
		{"below one's own place", admin, []string{"owner", "admin", "b", "a"}, "", []string{"owner", "admin", "b", "a", "moderator", "low", "user"}},
		{"not above it", admin, []string{"owner", "b", "admin"}, "permission_missing", nil},
		{"not without permission", w.user("mod", chat.RoleModerator), []string{"owner"}, "permission_missing", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := w.order()
			var order []chat.RoleID
			for _, name := range tc.order {
				order = append(order, ids[name])
			}
			w.told()
			if err := w.OrderRoles(w.ctx, tc.by, order); chat.CodeOf(err) != tc.code {
				t.Errorf("%v, want %q", err, tc.code)
			}
			want := tc.want
			if want == nil {
				want = before
			}
			if got := w.order(); !slices.Equal(got, want) {
				t.Errorf("order %q, want %q", got, want)
			}
			if told := has(w.told(), func(e chat.RolesChanged) bool { return e.RoomID == 0 }); told == slices.Equal(before, want) {
				t.Errorf("told: %v", told)
			}
		})
	}
}

func TestOnlyOwnersChangeAdmins(t *testing.T) {
	w := newWorld(t)
	high, err := w.PutRole(w.ctx, chat.Operator, chat.Role{Name: "high", Permissions: []chat.Permission{chat.Administrator}})
	w.must(err)
	high.Position = 1
	_, err = w.PutRole(w.ctx, chat.Operator, high)
	w.must(err)
	chief := w.user("chief", high.ID)
	admin := chat.Role{ID: chat.RoleAdmin, Name: "admin", Position: 2, Permissions: []chat.Permission{chat.ManageRoles}}
	_, err = w.PutRole(w.ctx, chief, admin)
	w.want(err, "permission_missing")
	moderator := chat.Role{ID: chat.RoleModerator, Name: "moderator", Position: 3}
	_, err = w.PutRole(w.ctx, chief, moderator)
	w.want(err, "")
}

func TestADeletedRoleLeavesNothingOpen(t *testing.T) {
	w := newWorld(t)
	gamers, fans := w.role("gamers"), w.role("fans")
	staff := w.channel("staff", chat.Text, allows(chat.CanSee, gamers), allows(chat.CanSend, "!"+gamers), allows(chat.CanReact, gamers, fans))
	only, both := w.user("only", gamers), w.user("both", gamers)
	_, err := w.SetUserRoles(w.ctx, chat.Operator, only.UserID, []chat.RoleID{gamers})
	w.must(err)
	w.want(w.DeleteRole(w.ctx, chat.Operator, gamers, core.NameWhileListed), "role_listed")
	if room, ok := core.ListedIn(w.DeleteRole(w.ctx, chat.Operator, gamers, core.NameWhileListed)); !ok || room != staff {
		t.Errorf("listed in %d, %v", room, ok)
	}
	_, err = w.PutRole(w.ctx, chat.Operator, chat.Role{ID: gamers, Name: "players", Position: 3}, core.NameWhileListed)
	w.want(err, "role_listed")
	_, err = w.PutRole(w.ctx, chat.Operator, chat.Role{ID: gamers, Name: "players", Position: 3})
	w.must(err) // harmless: lists name it by its id
	w.told()
	w.must(w.DeleteRole(w.ctx, chat.Operator, gamers))
	told := w.told()
	p, err := w.RoomPermissions(w.ctx, chat.Operator, staff)
	w.must(err)
	for right, want := range map[chat.Right][]chat.RoleEntry{chat.CanSee: {{RoleID: chat.RoleOwner}}, chat.CanSend: {{RoleID: chat.RoleOwner}}, chat.CanReact: {{RoleID: fans}}} {
		if !slices.Equal(p.List(right), want) {
			t.Errorf("%s: %v, want %v", right, p.List(right), want)
		}
	}
	w.want(w.Allow(w.ctx, w.user("ada"), chat.CanSee, staff), "room_not_found")
	for actor, want := range map[chat.Actor][]chat.RoleID{only: {chat.RoleUser}, both: {chat.RoleUser}} {
		u, err := w.Me(w.ctx, actor)
		w.must(err)
		if !slices.Equal(u.Roles, want) {
			t.Errorf("roles %q, want %q", u.Roles, want)
		}
		if !has(told, func(e chat.UserChanged) bool { return e.User.ID == actor.UserID && slices.Equal(e.User.Roles, want) }) {
			t.Error("it was not told what roles they have now")
		}
	}
	w.must(w.DeleteRole(w.ctx, chat.Operator, fans, core.Lowest)) // listed in a room, which only the one rule minds
}
