package core_test

import (
	"slices"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

func names(users []*chat.User) (list []string) {
	for _, u := range users {
		list = append(list, u.Username)
	}
	return list
}

func TestWhatOwnersDoToAccounts(t *testing.T) {
	w := newWorld(t)
	people := map[string]chat.Actor{"the operator": chat.Operator, "an owner": w.user("owner", chat.RoleOwner), "another owner": w.user("owner2", chat.RoleOwner),
		"an admin": w.user("admin", chat.RoleAdmin), "a user": w.user("user1"), "another user": w.user("user2")}
	deeds := map[string]func(by chat.Actor, id chat.UserID) error{
		"bans":      func(by chat.Actor, id chat.UserID) error { _, err := w.BanAccount(w.ctx, by, id); return err },
		"unbans":    func(by chat.Actor, id chat.UserID) error { _, err := w.UnbanAccount(w.ctx, by, id); return err },
		"silences":  func(by chat.Actor, id chat.UserID) error { return w.Silence(w.ctx, by, id, time.Minute) },
		"frees":     func(by chat.Actor, id chat.UserID) error { return w.Silence(w.ctx, by, id, 0) },
		"kicks":     func(by chat.Actor, id chat.UserID) error { return w.Kick(w.ctx, by, id) },
		"lists the": func(by chat.Actor, _ chat.UserID) error { _, err := w.BannedPeople(w.ctx, by); return err },
	}
	for _, tc := range []struct{ actor, deed, target, code string }{
		{"an admin", "bans", "a user", "permission_missing"},
		{"an admin", "unbans", "a user", "permission_missing"},
		{"an admin", "silences", "a user", "permission_missing"},
		{"an admin", "frees", "a user", "permission_missing"},
		{"an admin", "kicks", "a user", "permission_missing"},
		{"an admin", "lists the", "a user", "permission_missing"},
		{"a user", "kicks", "a user", "permission_missing"},
		{"an owner", "bans", "another owner", "owner_protected"},
		{"an owner", "bans", "an owner", "owner_protected"},
		{"the operator", "bans", "an owner", "owner_protected"},
		{"an owner", "silences", "an owner", "target_is_self"},
		{"an owner", "silences", "another owner", ""},
		{"an owner", "frees", "another owner", ""},
		{"an owner", "frees", "another owner", ""},
		{"an owner", "kicks", "another owner", ""},
		{"an owner", "bans", "an admin", ""},
		{"an owner", "bans", "an admin", ""},
		{"an owner", "lists the", "an admin", ""},
		{"an owner", "unbans", "an admin", ""},
		{"the operator", "silences", "a user", ""},
	} {
		t.Run(tc.actor+" "+tc.deed+" "+tc.target, func(t *testing.T) {
			if err := deeds[tc.deed](people[tc.actor], people[tc.target].UserID); chat.CodeOf(err) != tc.code {
				t.Errorf("%v, want %q", err, tc.code)
			}
		})
	}
	for _, want := range []bool{true, false} {
		if done, err := w.BanAccount(w.ctx, people["an owner"], people["a user"].UserID); err != nil || done != want {
			t.Errorf("banned: %v, %v", done, err)
		}
	}
	for _, want := range []bool{true, false} {
		if done, err := w.UnbanAccount(w.ctx, people["an owner"], people["a user"].UserID); err != nil || done != want {
			t.Errorf("unbanned: %v, %v", done, err)
		}
	}
	if err := w.Kick(w.ctx, people["an owner"], "nobody"); chat.CodeOf(err) != "user_not_found" {
		t.Errorf("kicking nobody: %v", err)
	}
}

func TestPeopleAreAllButTheBannedInTheOrderTheyCame(t *testing.T) {
	w := newWorld(t)
	ada, bob, eve := w.user("ada", chat.RoleOwner), w.user("bob"), w.user("eve")
	check := func(want ...string) {
		t.Helper()
		users, err := w.People(w.ctx, ada)
		w.must(err)
		if got := names(users); !slices.Equal(got, want) {
			t.Errorf("people %v, want %v", got, want)
		}
	}
	check("ada", "bob", "eve")
	_, err := w.CreateUser(w.ctx, chat.Operator, core.Registering{Username: "fay", Password: "correct horse battery"}, chat.RankMember)
	w.must(err)
	check("ada", "bob", "eve", "fay")
	_, err = w.Sanction(w.ctx, ada, core.Measure{Kind: chat.Ban, UserID: bob.UserID, Until: w.clock().Add(time.Hour)})
	w.must(err)
	check("ada", "eve", "fay")
	w.must(w.SetDisabled(w.ctx, ada, eve.UserID, true))
	check("ada", "fay")
	w.wait(time.Hour)
	check("ada", "bob", "fay")
	w.must(w.SetDisabled(w.ctx, ada, eve.UserID, false))
	w.must(w.LeaveServer(w.ctx, bob))
	check("ada", "eve", "fay")
	gone, err := w.Departed(w.ctx, bob.UserID)
	if err != nil || gone.Username != "bob" {
		t.Errorf("bob is remembered as %+v, %v", gone, err)
	}
	if err := w.LeaveServer(w.ctx, ada); chat.CodeOf(err) != "last_owner" {
		t.Errorf("the last owner leaves: %v", err)
	}
	if _, err := w.Departed(w.ctx, ada.UserID); chat.CodeOf(err) != "user_not_found" {
		t.Errorf("who is there is remembered: %v", err)
	}
}

func TestOnlinePeopleAreThoseWhoShowIt(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.user("ada"), w.user("bob")
	w.user("eve")
	w.must(w.Connected(w.ctx, bob))
	w.must(w.Connected(w.ctx, bob))
	w.must(w.Connected(w.ctx, ada))
	users, err := w.OnlinePeople(w.ctx, ada)
	if got := names(users); err != nil || !slices.Equal(got, []string{"ada", "bob"}) {
		t.Errorf("online: %v, %v", got, err)
	}
	_, err = w.SetStatus(w.ctx, bob, chat.Offline, nil)
	w.must(err)
	users, err = w.OnlinePeople(w.ctx, ada)
	if got := names(users); err != nil || !slices.Equal(got, []string{"ada"}) {
		t.Errorf("with bob invisible: %v, %v", got, err)
	}
}

func TestWhoMayChangeNames(t *testing.T) {
	w := newWorld(t)
	people := map[string]chat.Actor{"the operator": chat.Operator, "an owner": w.user("owner", chat.RoleOwner), "an admin": w.user("admin", chat.RoleAdmin),
		"another admin": w.user("admin2", chat.RoleAdmin), "a user": w.user("user1"), "another user": w.user("user2")}
	for _, tc := range []struct{ actor, target, code string }{
		{"a user", "another user", "permission_missing"},
		{"a user", "a user", "permission_missing"},
		{"an admin", "a user", ""},
		{"an admin", "an admin", ""},
		{"an admin", "another admin", "target_above"},
		{"an admin", "an owner", "target_above"},
		{"an owner", "an admin", ""},
		{"the operator", "an owner", ""},
	} {
		t.Run(tc.actor+" renames "+tc.target, func(t *testing.T) {
			name := "called by " + tc.actor
			_, err := w.UpdateNames(w.ctx, people[tc.actor], people[tc.target].UserID, core.Names{DisplayName: &name})
			if chat.CodeOf(err) != tc.code {
				t.Errorf("%v, want %q", err, tc.code)
			}
		})
	}
	taken, short, fresh, none := "USER2", "x", "newname", ""
	id := people["a user"].UserID
	for name, want := range map[*string]string{&taken: "username_taken", &short: "local_name_length", &fresh: ""} {
		if _, err := w.UpdateNames(w.ctx, chat.Operator, id, core.Names{Username: name}); chat.CodeOf(err) != want {
			t.Errorf("%q: %v, want %q", *name, err, want)
		}
	}
	u, err := w.UpdateNames(w.ctx, chat.Operator, id, core.Names{DisplayName: &none})
	if err != nil || u.Username != "newname" || u.DisplayName != "newname" {
		t.Errorf("without a name of their own: %+v, %v", u, err)
	}
}

func TestWhoMayReadTheWholeAuditLog(t *testing.T) {
	w := newWorld(t)
	role := func(p chat.Permission) chat.RoleID {
		r, err := w.PutRole(w.ctx, chat.Operator, chat.Role{Name: "has " + string(p), Permissions: []chat.Permission{p}})
		w.must(err)
		return r.ID
	}
	for _, tc := range []struct {
		name string
		by   chat.Actor
		code string
	}{
		{"the operator", chat.Operator, ""},
		{"an owner", w.user("owner", chat.RoleOwner), ""},
		{"who sees the audit log", w.user("seer", role(chat.ViewAuditLog)), ""},
		{"who manages users", w.user("manager", role(chat.ManageUsers)), ""},
		{"who manages the server alone", w.user("other", role(chat.ManageServer)), "permission_missing"},
		{"a user", w.user("user1"), "permission_missing"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, _, err := w.AuditAt(w.ctx, tc.by, chat.AuditFilter{}, 0, 10); chat.CodeOf(err) != tc.code {
				t.Errorf("listed: %v, want %q", err, tc.code)
			}
			if _, err := w.AuditCounts(w.ctx, tc.by, chat.AuditFilter{}); chat.CodeOf(err) != tc.code {
				t.Errorf("counted: %v, want %q", err, tc.code)
			}
		})
	}
}
