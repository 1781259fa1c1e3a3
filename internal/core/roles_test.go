package core_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

// role makes a role by the operator.
func (w *world) role(name string, permissions ...chat.Permission) chat.RoleID {
	w.Helper()
	r, err := w.PutRole(w.ctx, chat.Operator, chat.Role{Name: name, Permissions: permissions})
	w.must(err)
	return r.ID
}

// order lists the names of the roles, highest first.
func (w *world) order() (names []string) {
	w.Helper()
	list, err := w.Roles(w.ctx, chat.Operator)
	w.must(err)
	for i, r := range list {
		names = append(names, r.Name)
		if r.Position != i {
			w.Errorf("role %q stands at %d but has position %d", r.Name, i, r.Position)
		}
	}
	return names
}

func TestPermissions(t *testing.T) {
	w := newWorld(t)
	scribe := w.role("scribe", chat.Announce, "unknown_permission")
	boss := w.role("boss", chat.Administrator)
	for _, tc := range []struct {
		name       string
		by         chat.Actor
		permission chat.Permission
		code       string
	}{
		{"an owner may everything", w.user("owner", chat.RoleOwner), chat.ManageServer, ""},
		{"an admin manages roles", w.user("admin", chat.RoleAdmin), chat.ManageRoles, ""},
		{"a moderator reviews reports", w.user("mod", chat.RoleModerator), chat.ReviewReports, ""},
		{"a moderator manages no users", w.user("mod2", chat.RoleModerator), chat.ManageUsers, "permission_missing"},
		{"a user makes rooms", w.user("user1"), chat.CreateRooms, ""},
		{"a user announces nothing", w.user("user2"), chat.Announce, "permission_missing"},
		{"a role gives its permission", w.user("user3", scribe), chat.Announce, ""},
		{"and no other", w.user("user4", scribe), chat.ManageUsers, "permission_missing"},
		{"the administrator permission gives all", w.user("user5", boss), chat.ManageServer, ""},
		{"a user without account may nothing", chat.Actor{UserID: "nobody"}, chat.CreateRooms, "token_invalid"},
		{"nobody may nothing", chat.Actor{}, chat.CreateRooms, "token_invalid"},
		{"the operator may everything", chat.Operator, chat.ManageServer, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := w.Permit(w.ctx, tc.by, tc.permission); chat.CodeOf(err) != tc.code {
				t.Errorf("%v, want %q", err, tc.code)
			}
		})
	}
}

func TestMakingAndChangingRoles(t *testing.T) {
	w := newWorld(t)
	admin, owner := w.user("admin", chat.RoleAdmin), w.user("owner", chat.RoleOwner)
	w.told()
	scribe, err := w.PutRole(w.ctx, admin, chat.Role{Name: " Scribe ", Color: "#12ab9F", Permissions: []chat.Permission{chat.Announce, "x", chat.Announce}, Hoisted: true, Position: 7, System: true})
	w.must(err)
	if scribe.ID == "" || scribe.Name != "Scribe" || scribe.System || !slices.Equal(scribe.Permissions, []chat.Permission{chat.Announce, "x"}) {
		t.Errorf("made %+v", scribe)
	}
	if !has(w.told(), func(e chat.RolesChanged) bool { return e.RoomID == 0 }) {
		t.Error("nobody was told")
	}
	herald := w.role("herald")
	if got := w.order(); !slices.Equal(got, []string{"owner", "admin", "moderator", "Scribe", "herald", "user"}) {
		t.Errorf("order %q", got)
	}
	for _, tc := range []struct {
		name string
		by   chat.Actor
		role chat.Role
		code string
	}{
		{"a name is taken in any case", admin, chat.Role{Name: "SCRIBE"}, "role_name_taken"},
		{"a system role's name is taken", admin, chat.Role{Name: "Owner"}, "role_name_taken"},
		{"a name must be legible", admin, chat.Role{Name: "\u200b"}, "role_name_invalid"},
		{"a name has 64 characters", admin, chat.Role{Name: strings.Repeat("x", 65)}, "role_name_invalid"},
		{"a colour has six digits", admin, chat.Role{Name: "new", Color: "red"}, "color_invalid"},
		{"a permission is a word", admin, chat.Role{Name: "new", Permissions: []chat.Permission{"a b"}}, "permissions_invalid"},
		{"a description has 500 characters", admin, chat.Role{Name: "new", Description: strings.Repeat("x", 501)}, "description_too_long"},
		{"a category has 50 characters", admin, chat.Role{Name: "new", Category: strings.Repeat("x", 51)}, "category_invalid"},
		{"a send limit is not negative", admin, chat.Role{Name: "new", MessagesPer10s: -2}, "messages_per_10s_invalid"},
		{"it must be there", admin, chat.Role{ID: "nothing", Name: "new"}, "role_not_found"},
		{"it needs manage_roles", w.user("mod", chat.RoleModerator), chat.Role{Name: "new"}, "permission_missing"},
		{"nobody gives a permission they lack", admin, chat.Role{Name: "new", Permissions: []chat.Permission{chat.Administrator}}, "permission_missing"},
		{"an owner lacks none", owner, chat.Role{Name: "new", Permissions: []chat.Permission{chat.Administrator}}, ""},
		{"nobody changes a role at their own place", admin, chat.Role{ID: chat.RoleAdmin, Name: "admin", Position: 1}, "permission_missing"},
		{"nobody changes a role above them", admin, chat.Role{ID: chat.RoleOwner, Name: "owner", Permissions: []chat.Permission{chat.Administrator}}, "permission_missing"},
		{"an owner changes the admins' role", owner, chat.Role{ID: chat.RoleAdmin, Name: "admin", Position: 1, Permissions: []chat.Permission{chat.ManageRoles}}, ""},
		{"system roles keep their name", owner, chat.Role{ID: chat.RoleModerator, Name: "warden", Position: 2}, "role_protected"},
		{"system roles keep their order", owner, chat.Role{ID: chat.RoleModerator, Name: "moderator", Position: 6}, "role_protected"},
		{"nobody makes themselves a moderator", owner, chat.Role{ID: chat.RoleModerator, Name: "moderator", Position: 2, SelfAssignable: true}, "role_protected"},
		{"owners keep all permissions", owner, chat.Role{ID: chat.RoleOwner, Name: "owner"}, "role_protected"},
		{"not even the operator takes them", chat.Operator, chat.Role{ID: chat.RoleOwner, Name: "owner"}, "role_protected"},
		{"nothing stands above owner", owner, chat.Role{ID: herald, Name: "herald", Position: 0}, "role_protected"},
		{"there are only so many places", owner, chat.Role{ID: herald, Name: "herald", Position: 99}, "role_protected"},
		{"nobody moves a role above their own", admin, chat.Role{ID: herald, Name: "herald", Position: 1}, "permission_missing"},
		{"a role moves below one's own", admin, chat.Role{ID: herald, Name: "herald", Position: 2}, ""},
		{"an owner moves it higher", owner, chat.Role{ID: herald, Name: "herald", Position: 1}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := w.PutRole(w.ctx, tc.by, tc.role); chat.CodeOf(err) != tc.code {
				t.Errorf("%v, want %q", err, tc.code)
			}
		})
	}
	if got := w.order(); !slices.Equal(got, []string{"owner", "herald", "admin", "moderator", "Scribe", "new", "user"}) {
		t.Errorf("order %q", got)
	}
}

func TestThereIsAnEndToRoles(t *testing.T) {
	w := newWorld(t)
	err := w.store.Change(w.ctx, func(tx core.Tx) ([]chat.Event, error) {
		for i := range 250 - 4 {
			name := "r" + strings.Repeat("x", i%40) + string(rune('a'+i%26)) + string(rune('a'+i/26))
			if err := tx.PutRole(w.ctx, chat.Role{ID: chat.RoleID(name), Name: name, Position: 3}); err != nil {
				return nil, err
			}
		}
		return nil, nil
	})
	w.must(err)
	_, err = w.PutRole(w.ctx, chat.Operator, chat.Role{Name: "one more"})
	w.want(err, "too_many_roles")
}

func TestDeletingRoles(t *testing.T) {
	w := newWorld(t)
	admin := w.user("admin", chat.RoleAdmin)
	scribe, high := w.role("scribe", chat.Announce), w.role("high")
	_, err := w.PutRole(w.ctx, chat.Operator, chat.Role{ID: high, Name: "high", Position: 1})
	w.must(err)
	holder := w.user("holder", scribe)
	w.want(w.Permit(w.ctx, holder, chat.Announce), "")
	w.want(w.DeleteRole(w.ctx, holder, scribe), "permission_missing")
	w.want(w.DeleteRole(w.ctx, admin, "nothing"), "role_not_found")
	w.want(w.DeleteRole(w.ctx, admin, high), "permission_missing")
	for _, id := range []chat.RoleID{chat.RoleOwner, chat.RoleAdmin, chat.RoleModerator, chat.RoleUser} {
		w.want(w.DeleteRole(w.ctx, chat.Operator, id), "role_protected")
	}
	w.want(w.DeleteRole(w.ctx, admin, scribe), "")
	w.want(w.Permit(w.ctx, holder, chat.Announce), "permission_missing")
	me, err := w.Me(w.ctx, holder)
	w.must(err)
	if slices.Contains(me.Roles, scribe) {
		t.Errorf("the role is still among %q", me.Roles)
	}
}

func TestGivingRoles(t *testing.T) {
	w := newWorld(t)
	scribe, boss := w.role("scribe", chat.Announce), w.role("boss", chat.Administrator)
	self, err := w.PutRole(w.ctx, chat.Operator, chat.Role{Name: "she", SelfAssignable: true})
	w.must(err)
	owner, admin, mod := w.user("owner", chat.RoleOwner), w.user("admin", chat.RoleAdmin), w.user("mod", chat.RoleModerator)
	admin2, owner2 := w.user("admin2", chat.RoleAdmin), w.user("owner2", chat.RoleOwner)
	for n, tc := range []struct {
		name   string
		by     chat.Actor
		target chat.Actor // the zero actor: a new user
		roles  []chat.RoleID
		want   []chat.RoleID
		code   string
	}{
		{"an admin gives a lower role", admin, chat.Actor{}, []chat.RoleID{scribe, chat.RoleUser}, []chat.RoleID{scribe, chat.RoleUser}, ""},
		{"an admin makes a moderator", admin, chat.Actor{}, []chat.RoleID{chat.RoleModerator, chat.RoleModerator}, []chat.RoleID{chat.RoleModerator}, ""},
		{"an admin does not make an admin", admin, chat.Actor{}, []chat.RoleID{chat.RoleAdmin}, nil, "target_above"},
		{"an admin does not make themselves an owner", admin, admin, []chat.RoleID{chat.RoleOwner, chat.RoleAdmin}, nil, "target_above"},
		{"an admin does not take another admin's rank", admin, admin2, []chat.RoleID{}, nil, "target_above"},
		{"an admin may give another admin a lower role", admin, admin2, []chat.RoleID{chat.RoleAdmin, scribe}, []chat.RoleID{chat.RoleAdmin, scribe}, ""},
		{"but an owner none", admin, owner, []chat.RoleID{chat.RoleOwner, scribe}, nil, "target_above"},
		{"nobody gives a permission they lack", admin, chat.Actor{}, []chat.RoleID{boss}, nil, "permission_missing"},
		{"an owner makes an owner", owner, chat.Actor{}, []chat.RoleID{chat.RoleOwner}, []chat.RoleID{chat.RoleOwner}, ""},
		{"an owner takes another owner's rank, and who has no role is a user", owner, owner2, []chat.RoleID{}, []chat.RoleID{chat.RoleUser}, ""},
		{"a moderator gives nothing", mod, chat.Actor{}, []chat.RoleID{scribe}, nil, "permission_missing"},
		{"the order is the given one", owner, chat.Actor{}, []chat.RoleID{chat.RoleUser, scribe, boss}, []chat.RoleID{chat.RoleUser, scribe, boss}, ""},
		{"a role must be there", owner, chat.Actor{}, []chat.RoleID{"nothing"}, nil, "role_not_found"},
		{"a person has 50 roles", owner, chat.Actor{}, many(51), nil, "too_many_roles"},
		{"a self-assignable role is taken without permission", mod, mod, []chat.RoleID{chat.RoleModerator, self.ID, chat.RoleUser}, []chat.RoleID{chat.RoleModerator, self.ID, chat.RoleUser}, ""},
		{"and put off", mod, mod, []chat.RoleID{chat.RoleModerator, chat.RoleUser}, []chat.RoleID{chat.RoleModerator, chat.RoleUser}, ""},
		{"no other role is", mod, mod, []chat.RoleID{chat.RoleModerator, scribe}, nil, "permission_missing"},
		{"nor given to others", mod, chat.Actor{}, []chat.RoleID{self.ID}, nil, "permission_missing"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			target := tc.target
			if target.UserID == "" {
				target = w.user("new" + string(rune('a'+n)))
			}
			w.told()
			user, err := w.SetUserRoles(w.ctx, tc.by, target.UserID, tc.roles)
			if chat.CodeOf(err) != tc.code {
				t.Fatalf("%v, want %q", err, tc.code)
			}
			if err != nil {
				return
			}
			if !slices.Equal(user.Roles, tc.want) {
				t.Errorf("roles %q", user.Roles)
			}
			if !has(w.told(), func(e chat.UserChanged) bool { return e.User.ID == target.UserID }) {
				t.Error("nobody was told")
			}
		})
	}
	_, err = w.SetUserRoles(w.ctx, owner, "nobody", nil)
	w.want(err, "user_not_found")
}

func many(n int) (roles []chat.RoleID) {
	for i := range n {
		roles = append(roles, chat.RoleID(strings.Repeat("x", i+1)))
	}
	return roles
}

func TestRanks(t *testing.T) {
	w := newWorld(t)
	owner := w.user("owner", chat.RoleOwner)
	scribe := w.role("scribe")
	bob := w.user("bob", chat.RoleModerator, scribe)
	w.told()
	user, err := w.SetRank(w.ctx, owner, bob.UserID, chat.RankAdmin)
	w.must(err)
	if user.Rank != chat.RankAdmin || !slices.Equal(user.Roles, []chat.RoleID{chat.RoleAdmin, scribe, chat.RoleUser}) {
		t.Errorf("rank %v by %q", user.Rank, user.Roles)
	}
	if !has(w.told(), func(e chat.Notified) bool {
		return e.Notification.UserID == bob.UserID && strings.Contains(e.Notification.Content, "admin")
	}) {
		t.Error("the person was not notified")
	}
	w.want(w.Permit(w.ctx, bob, chat.ManageUsers), "")
	user, err = w.SetRank(w.ctx, owner, bob.UserID, chat.RankMember)
	w.must(err)
	if user.Rank != chat.RankMember || !slices.Equal(user.Roles, []chat.RoleID{scribe, chat.RoleUser}) {
		t.Errorf("rank %v by %q", user.Rank, user.Roles)
	}
	w.want(w.Permit(w.ctx, bob, chat.ManageUsers), "permission_missing")
	_, err = w.SetRank(w.ctx, bob, bob.UserID, chat.RankOwner)
	w.want(err, "permission_missing")
}

func TestTheLastOwnerStays(t *testing.T) {
	w := newAccounts(t)
	owner := w.user("owner", chat.RoleOwner)
	second := w.user("second", chat.RoleOwner)
	w.must(w.SetDisabled(w.ctx, owner, second.UserID, true)) // a shut account does not count
	for _, by := range []chat.Actor{owner, chat.Operator} {
		_, err := w.SetRank(w.ctx, by, owner.UserID, chat.RankAdmin)
		w.want(err, "last_owner")
		_, err = w.SetUserRoles(w.ctx, by, owner.UserID, nil)
		w.want(err, "last_owner")
		w.want(w.DeleteUser(w.ctx, by, owner.UserID), "last_owner")
	}
	w.want(w.SetDisabled(w.ctx, chat.Operator, owner.UserID, true), "last_owner")
	w.must(w.SetDisabled(w.ctx, owner, second.UserID, false))
	_, err := w.SetRank(w.ctx, owner, owner.UserID, chat.RankAdmin)
	w.want(err, "")
}

func TestSendLimitsOfRoles(t *testing.T) {
	w := newWorld(t, func(o *core.Options) { o.Limits.MessagesPer10s = 2 })
	put := func(name string, limit int) chat.RoleID {
		t.Helper()
		r, err := w.PutRole(w.ctx, chat.Operator, chat.Role{Name: name, MessagesPer10s: limit})
		w.must(err)
		return r.ID
	}
	slow, fast, free := put("slow", 1), put("fast", 4), put("free", -1)
	owner := w.user("owner")
	for _, tc := range []struct {
		name string
		by   chat.Actor
		sent int
	}{
		{"without a role of their own the server's limit counts", w.user("plain"), 2},
		{"a role can lower it", w.user("slow", slow), 1},
		{"the highest role counts", w.user("fast", slow, fast), 4},
		{"a role can be free of it", w.user("free", slow, free, fast), 10},
	} {
		t.Run(tc.name, func(t *testing.T) {
			outer := w.T
			w.T = t
			defer func() { w.T = outer }()
			w.wait(10 * time.Second) // the owner may write again
			room := w.room(tc.name, chat.Private, owner, tc.by)
			sent := 0
			for range 10 {
				_, _, err := w.SendMessage(w.ctx, tc.by, core.NewMessage{RoomID: room, Content: "hi"})
				if err == nil {
					sent++
				} else {
					w.want(err, "rate_limited")
				}
			}
			if sent != tc.sent {
				t.Errorf("sent %d messages", sent)
			}
		})
	}
}

func TestRoleLists(t *testing.T) {
	w := newWorld(t)
	s := newStory(w, 0)
	herald := w.role("herald")
	speaker := w.user("speaker", herald)
	_, err := w.AddMember(w.ctx, chat.Operator, s.public, speaker.UserID, chat.RoomMember)
	w.must(err)
	entry := []chat.RoleEntry{{RoleID: herald}}
	for _, tc := range []struct {
		name string
		by   chat.Actor
		list chat.RoleList
		code string
	}{
		{"members set none", s.member, chat.RoleList{RoomID: s.public, Right: chat.CanSend, Roles: entry}, "manage_room_forbidden"},
		{"a right must be known", s.admin, chat.RoleList{RoomID: s.public, Right: "fly", Roles: entry}, "right_invalid"},
		{"a role must be there", s.admin, chat.RoleList{RoomID: s.public, Right: chat.CanSend, Roles: []chat.RoleEntry{{RoleID: "nothing"}}}, "role_not_found"},
		{"a role is named once", s.admin, chat.RoleList{RoomID: s.public, Right: chat.CanSend, Roles: append(entry, entry...)}, "roles_invalid"},
		{"a list has an end", s.admin, chat.RoleList{RoomID: s.public, Right: chat.CanSend, Roles: make([]chat.RoleEntry, 101)}, "roles_invalid"},
		{"admins do not hand on what makes admins", s.admin, chat.RoleList{RoomID: s.public, Right: chat.CanManageMembers, Roles: entry}, "set_roles_forbidden"},
		{"admins do not hand on what they lack", s.admin, chat.RoleList{RoomID: s.public, Right: chat.CanDeleteRoom, Roles: entry}, "delete_room_forbidden"},
		{"direct rooms have none", s.member, chat.RoleList{RoomID: s.direct, Right: chat.CanSend, Roles: entry}, "manage_room_forbidden"},
		{"admins say who may send", s.admin, chat.RoleList{RoomID: s.public, Right: chat.CanSend, Roles: entry}, ""},
		{"owners say who may pin", s.owner, chat.RoleList{RoomID: s.public, Right: chat.CanPin, Roles: entry}, ""},
		{"admins say who sees", s.admin, chat.RoleList{RoomID: s.public, Right: chat.CanSee, Roles: entry}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := w.SetRoleList(w.ctx, tc.by, tc.list); chat.CodeOf(err) != tc.code {
				t.Errorf("%v, want %q", err, tc.code)
			}
		})
	}
	w.want(w.Allow(w.ctx, s.member, chat.CanSend, s.public), "send_forbidden")
	w.want(w.Allow(w.ctx, speaker, chat.CanSend, s.public), "")
	w.want(w.Allow(w.ctx, speaker, chat.CanPin, s.public), "")
	w.want(w.Allow(w.ctx, s.stranger, chat.CanSee, s.public), "room_not_found")
	lists, err := w.RoleLists(w.ctx, s.admin, s.public)
	w.must(err)
	if len(lists) != 3 {
		t.Errorf("lists %+v", lists)
	}
	_, err = w.RoleLists(w.ctx, s.member, s.public)
	w.want(err, "manage_room_forbidden")
	w.must(w.SetRoleList(w.ctx, s.admin, chat.RoleList{RoomID: s.public, Right: chat.CanSend}))
	w.want(w.Allow(w.ctx, s.member, chat.CanSend, s.public), "")
}

func TestGrants(t *testing.T) {
	w := newWorld(t)
	s := newStory(w, 0)
	soon := w.clock().Add(time.Hour)
	for _, tc := range []struct {
		name string
		by   chat.Actor
		g    chat.Grant
		code string
	}{
		{"members give none", s.member, chat.Grant{RoomID: s.public, UserID: s.other.UserID, Right: chat.CanPin, Allow: true}, "manage_members_forbidden"},
		{"a right must be known", s.admin, chat.Grant{RoomID: s.public, UserID: s.other.UserID, Right: "fly", Allow: true}, "right_invalid"},
		{"an end must lie ahead", s.admin, chat.Grant{RoomID: s.public, UserID: s.other.UserID, Right: chat.CanSend, Until: w.clock()}, "until_invalid"},
		{"not to oneself", s.admin, chat.Grant{RoomID: s.public, UserID: s.admin.UserID, Right: chat.CanSend, Allow: true}, "target_is_self"},
		{"not against the owner", s.admin, chat.Grant{RoomID: s.public, UserID: s.owner.UserID, Right: chat.CanSend}, "target_above"},
		{"admins do not make admins by grants", s.admin, chat.Grant{RoomID: s.public, UserID: s.member.UserID, Right: chat.CanManageMembers, Allow: true}, "set_roles_forbidden"},
		{"admins do not give what they lack", s.admin, chat.Grant{RoomID: s.public, UserID: s.member.UserID, Right: chat.CanTransfer, Allow: true}, "transfer_forbidden"},
		{"admins take what members have", s.admin, chat.Grant{RoomID: s.public, UserID: s.member.UserID, Right: chat.CanSend, Until: soon}, ""},
		{"owners give what admins have", s.owner, chat.Grant{RoomID: s.public, UserID: s.member.UserID, Right: chat.CanPin, Allow: true}, ""},
		{"strangers can be let see", s.admin, chat.Grant{RoomID: s.private, UserID: s.stranger.UserID, Right: chat.CanSee, Allow: true}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := w.SetGrant(w.ctx, tc.by, tc.g); chat.CodeOf(err) != tc.code {
				t.Errorf("%v, want %q", err, tc.code)
			}
		})
	}
	w.want(w.Allow(w.ctx, s.member, chat.CanSend, s.public), "send_forbidden")
	w.want(w.Allow(w.ctx, s.member, chat.CanPin, s.public), "")
	w.want(w.Allow(w.ctx, s.stranger, chat.CanSee, s.private), "")
	w.want(w.ClearGrant(w.ctx, s.admin, s.public, s.member.UserID, chat.CanPin), "set_roles_forbidden")
	w.want(w.ClearGrant(w.ctx, s.owner, s.public, s.member.UserID, chat.CanPin), "")
	w.want(w.ClearGrant(w.ctx, s.owner, s.public, s.member.UserID, chat.CanPin), "")
	w.want(w.Allow(w.ctx, s.member, chat.CanPin, s.public), "pin_forbidden")
	w.wait(time.Hour)
	w.want(w.Allow(w.ctx, s.member, chat.CanSend, s.public), "")
}

func TestAChangedOwnerChangesWhoRanksAboveTheRoom(t *testing.T) {
	w := newWorld(t)
	s := newStory(w, 0)
	mod := w.user("mod", chat.RoleModerator)
	_, err := w.Join(w.ctx, mod, s.public)
	w.must(err)
	w.want(w.Allow(w.ctx, mod, chat.CanDelete, s.public), "") // cached now
	_, err = w.SetRank(w.ctx, chat.Operator, s.owner.UserID, chat.RankModerator)
	w.must(err)
	w.want(w.Allow(w.ctx, mod, chat.CanDelete, s.public), "delete_forbidden")
}
