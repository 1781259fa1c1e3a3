package core_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

func TestAdministrationByPermission(t *testing.T) {
	w := newAccounts(t)
	s := newStory(w, 0)
	owner, admin, mod := w.user("root", chat.RoleOwner), w.user("chief", chat.RoleAdmin), w.user("warden", chat.RoleModerator)
	page := chat.Page{Limit: 2}
	for _, tc := range []struct {
		name                   string
		do                     func(by chat.Actor) error
		owner, admin, mod, any string // the code for each
	}{
		{"listing accounts", func(by chat.Actor) error {
			_, _, err := w.ListUsers(w.ctx, by, core.UserQuery{Page: page})
			return err
		}, "", "", "permission_missing", "permission_missing"},
		{"listing rooms", func(by chat.Actor) error {
			_, _, err := w.ListRooms(w.ctx, by, "", page)
			return err
		}, "", "", "permission_missing", "permission_missing"},
		{"statistics", func(by chat.Actor) error {
			_, err := w.Stats(w.ctx, by)
			return err
		}, "", "", "", "permission_missing"},
		{"listing invites to the server", func(by chat.Actor) error {
			_, err := w.InvitesToServer(w.ctx, by)
			return err
		}, "", "", "", "permission_missing"},
		{"inviting to the server", func(by chat.Actor) error {
			_, err := w.CreateServerInvite(w.ctx, by, core.NewInvite{})
			return err
		}, "", "", "", "permission_missing"},
		{"announcing", func(by chat.Actor) error {
			_, err := w.Announce(w.ctx, by, "Hello", "everybody", "")
			return err
		}, "", "", "permission_missing", "permission_missing"},
		{"making an account", func(by chat.Actor) error {
			_, err := w.CreateUser(w.ctx, by, core.Registering{Username: "n" + string(by.UserID)[30:], Password: password}, chat.RankMember)
			return err
		}, "", "", "permission_missing", "permission_missing"},
		{"setting a password", func(by chat.Actor) error { return w.SetPassword(w.ctx, by, s.other.UserID, password) }, "", "", "permission_missing", "permission_missing"},
		{"shutting an account", func(by chat.Actor) error { return w.SetDisabled(w.ctx, by, s.other.UserID, true) }, "", "", "permission_missing", "permission_missing"},
		{"removing a room", func(by chat.Actor) error {
			return w.RemoveRoom(w.ctx, by, w.room("A room", chat.Private, s.owner))
		}, "", "", "permission_missing", "permission_missing"},
		{"deleting an account", func(by chat.Actor) error {
			return w.DeleteUser(w.ctx, by, w.user("v"+string(by.UserID)[30:]).UserID)
		}, "", "permission_missing", "permission_missing", "permission_missing"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, who := range []struct {
				name string
				by   chat.Actor
				code string
			}{{"owner", owner, tc.owner}, {"admin", admin, tc.admin}, {"moderator", mod, tc.mod}, {"user", s.stranger, tc.any}} {
				if err := tc.do(who.by); chat.CodeOf(err) != who.code {
					t.Errorf("by the %s: %v, want %q", who.name, err, who.code)
				}
			}
		})
	}
}

func TestMeasuresGoDownwardsOnly(t *testing.T) {
	w := newAccounts(t)
	owner, owner2 := w.user("owner", chat.RoleOwner), w.user("owner2", chat.RoleOwner)
	admin, admin2 := w.user("admin", chat.RoleAdmin), w.user("admin2", chat.RoleAdmin)
	mod := w.user("mod", chat.RoleModerator)
	clerk := w.user("clerk", w.role("clerk", chat.ManageUsers))
	plain := w.user("plain")
	for _, tc := range []struct {
		name   string
		by     chat.Actor
		target chat.UserID
		code   string
	}{
		{"an admin acts on a moderator", admin, mod.UserID, ""},
		{"an admin acts on a user", admin, plain.UserID, ""},
		{"an admin does not act on an admin", admin, admin2.UserID, "target_above"},
		{"an admin does not act on an owner", admin, owner.UserID, "target_above"},
		{"an admin does not act on themselves", admin, admin.UserID, "target_is_self"},
		{"owners act on each other", owner, owner2.UserID, ""},
		{"a clerk acts on users", clerk, plain.UserID, ""},
		{"a clerk does not act on moderators", clerk, mod.UserID, "target_above"},
		{"a clerk does not act on themselves", clerk, clerk.UserID, "target_is_self"},
		{"the operator acts on owners", chat.Operator, owner2.UserID, ""},
		{"the target must be there", admin, "nobody", "user_not_found"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := w.SetPassword(w.ctx, tc.by, tc.target, password); chat.CodeOf(err) != tc.code {
				t.Errorf("setting a password: %v, want %q", err, tc.code)
			}
			if err := w.SetDisabled(w.ctx, tc.by, tc.target, true); chat.CodeOf(err) != tc.code {
				t.Errorf("shutting: %v, want %q", err, tc.code)
			}
			if err := w.SetDisabled(w.ctx, tc.by, tc.target, false); chat.CodeOf(err) != tc.code {
				t.Errorf("opening: %v, want %q", err, tc.code)
			}
		})
	}
	w.want(w.SetPassword(w.ctx, admin, plain.UserID, "short"), "password_invalid")
}

func TestMakingAccounts(t *testing.T) {
	w := newAccounts(t, mode(core.RegistrationClosed))
	owner, admin := w.user("owner", chat.RoleOwner), w.user("admin", chat.RoleAdmin)
	clerk := w.user("clerk", w.role("clerk", chat.ManageUsers))
	for _, tc := range []struct {
		name     string
		by       chat.Actor
		username string
		rank     chat.Rank
		code     string
	}{
		{"the operator makes owners", chat.Operator, "first", chat.RankOwner, ""},
		{"owners make owners", owner, "second", chat.RankOwner, ""},
		{"admins make moderators", admin, "third", chat.RankModerator, ""},
		{"admins make no admins", admin, "fourth", chat.RankAdmin, "permission_missing"},
		{"who manages users only makes users", clerk, "fifth", chat.RankMember, ""},
		{"and no moderators", clerk, "sixth", chat.RankModerator, "permission_missing"},
		{"a name must be free", owner, "FIRST", chat.RankMember, "username_taken"},
		{"a name must be one", owner, "no name", chat.RankMember, "username_invalid"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			user, err := w.CreateUser(w.ctx, tc.by, core.Registering{Username: tc.username, Password: password}, tc.rank)
			if chat.CodeOf(err) != tc.code {
				t.Fatalf("%v, want %q", err, tc.code)
			}
			if err != nil {
				return
			}
			if user.Rank != tc.rank || !slices.Contains(user.Roles, chat.RoleUser) {
				t.Errorf("user %+v", user)
			}
			if _, err := w.LogIn(w.ctx, "", tc.username, password, ""); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRemovingRooms(t *testing.T) {
	w := newWorld(t)
	s := newStory(w, 0)
	admin, admin2 := w.user("chief", chat.RoleAdmin), w.user("chief2", chat.RoleAdmin)
	w.want(w.RemoveRoom(w.ctx, admin, s.direct), "direct_room")
	w.want(w.RemoveRoom(w.ctx, admin, 999), "room_not_found")
	w.want(w.RemoveRoom(w.ctx, admin, w.room("Theirs", chat.Private, admin2)), "target_above")
	w.want(w.RemoveRoom(w.ctx, admin, w.room("Own", chat.Private, admin)), "")
	w.told()
	w.want(w.RemoveRoom(w.ctx, admin, s.private), "")
	if !has(w.told(), func(e chat.RoomDeleted) bool { return e.RoomID == s.private && len(e.Members) == 4 }) {
		t.Error("the members were not told")
	}
	_, err := w.Room(w.ctx, s.owner, s.private)
	w.want(err, "room_not_found")
}

func TestDeletingAnAccount(t *testing.T) {
	w := newAccounts(t)
	s := newStory(w, 0)
	// A room whose admin joined after its members, one with members only, and one with nobody else.
	plain := w.room("Plain", chat.Private, s.owner, s.other)
	w.wait(time.Second)
	_, err := w.AddMember(w.ctx, chat.Operator, plain, s.member.UserID, chat.RoomMember)
	w.must(err)
	alone := w.room("Alone", chat.Private, s.owner)
	direct := w.direct(s.owner, s.member)
	said := s.say(s.owner, s.public, "my words")
	w.told()
	w.must(w.DeleteUser(w.ctx, s.owner, s.owner.UserID))
	events := w.told()

	for _, tc := range []struct {
		name     string
		room     chat.RoomID
		owner    chat.UserID
		archived bool
	}{
		{"an admin inherits", s.public, s.admin.UserID, false},
		{"else who joined first", plain, s.other.UserID, false},
		{"else it is archived", alone, "", true},
		{"a direct room is archived", direct, "", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := w.store.Room(w.ctx, tc.room)
			if err != nil {
				t.Fatal(err)
			}
			if r.OwnerID != tc.owner || r.Archived != tc.archived {
				t.Errorf("owner %q, archived %v", r.OwnerID, r.Archived)
			}
			if tc.owner != "" {
				if m, err := w.store.Member(w.ctx, tc.room, tc.owner); err != nil || m.Role != chat.RoomOwner {
					t.Errorf("heir %+v, %v", m, err)
				}
				if !has(events, func(e chat.MemberChanged) bool {
					return e.Member.RoomID == tc.room && e.Member.UserID == tc.owner && e.Member.Role == chat.RoomOwner
				}) {
					t.Error("the room was not told of the heir")
				}
			}
			if !has(events, func(e chat.RoomChanged) bool { return e.Room.ID == tc.room }) {
				t.Error("the room was not told")
			}
			if !has(events, func(e chat.MemberLeft) bool { return e.RoomID == tc.room && e.UserID == s.owner.UserID }) {
				t.Error("nobody was told that they left")
			}
		})
	}
	_, err = w.User(w.ctx, s.member, s.owner.UserID)
	w.want(err, "user_not_found")
	msg, err := w.Message(w.ctx, s.member, said.ID)
	w.must(err)
	if msg.Content != "my words" || msg.Sender != nil {
		t.Errorf("their message is now %+v", msg)
	}
	if !has(events, func(e chat.SessionRevoked) bool { return e.UserID == s.owner.UserID }) {
		t.Error("connections were not closed")
	}
	w.want(w.DeleteUser(w.ctx, chat.Operator, s.owner.UserID), "user_not_found")
}

func TestAnnouncing(t *testing.T) {
	w := newAccounts(t)
	for i := range 103 { // more than one batch
		w.user(fmt.Sprintf("user%d", i))
	}
	gone := w.user("gone")
	w.must(w.SetDisabled(w.ctx, chat.Operator, gone.UserID, true))
	for _, tc := range []struct {
		name, title, text string
		severity          chat.Severity
		code              string
	}{
		{"a title is needed", " ", "text", "", "title_invalid"},
		{"a title has 120 characters", strings.Repeat("x", 121), "text", "", "title_invalid"},
		{"a text is needed", "title", " \n", "", "text_invalid"},
		{"a text has 4,000 characters", "title", strings.Repeat("é", 4001), "", "text_too_long"},
		{"there are five severities", "title", "text", "loud", "severity_invalid"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n, err := w.Announce(w.ctx, chat.Operator, tc.title, tc.text, tc.severity)
			if n != 0 || chat.CodeOf(err) != tc.code {
				t.Errorf("%d, %v", n, err)
			}
		})
	}
	w.told()
	n, err := w.Announce(w.ctx, chat.Operator, "Maintenance", "Tonight\nat nine", chat.SeverityWarning)
	w.must(err)
	told := map[chat.UserID]int{}
	for _, ev := range w.told() {
		if e, ok := ev.(chat.Notified); ok && e.Notification.Title == "Maintenance" && e.Notification.Severity == chat.SeverityWarning {
			told[e.Notification.UserID]++
		}
	}
	if n != 103 || len(told) != 103 || told[gone.UserID] != 0 {
		t.Errorf("sent to %d, told %d", n, len(told))
	}
	entries, _, err := w.Audit(w.ctx, chat.Operator, chat.AuditFilter{Action: "server.announce"}, chat.Page{})
	w.must(err)
	if len(entries) != 1 {
		t.Errorf("%d audit entries", len(entries))
	}
}

func TestInvitesToTheServer(t *testing.T) {
	w := newWorld(t)
	mod := w.user("mod", chat.RoleModerator)
	_, err := w.CreateServerInvite(w.ctx, mod, core.NewInvite{MaxUses: -1})
	w.want(err, "max_uses_invalid")
	_, err = w.CreateServerInvite(w.ctx, mod, core.NewInvite{ExpiresIn: time.Millisecond})
	w.want(err, "expires_in_invalid")
	i, err := w.CreateServerInvite(w.ctx, mod, core.NewInvite{MaxUses: 3})
	w.must(err)
	if !i.ExpiresAt.Equal(w.clock().Add(7*24*time.Hour)) || i.RoomID != 0 || i.CreatedBy != mod.UserID {
		t.Errorf("invite %+v", i)
	}
	list, err := w.InvitesToServer(w.ctx, mod)
	w.must(err)
	if len(list) != 1 || list[0].Code != i.Code {
		t.Errorf("invites %+v", list)
	}
	w.must(w.RevokeInvite(w.ctx, mod, i.Code))
	if list, err = w.InvitesToServer(w.ctx, mod); err != nil || len(list) != 0 {
		t.Errorf("invites %+v, %v", list, err)
	}
}

func TestStats(t *testing.T) {
	w := newWorld(t)
	s := newStory(w, 0)
	before, err := w.Stats(w.ctx, chat.Operator)
	w.must(err)
	m := s.say(s.member, s.public, "hi")
	_, err = w.Report(w.ctx, s.other, m.ID, "spam")
	w.must(err)
	w.measure(s.admin, chat.Mute, s.public, s.member)
	after, err := w.Stats(w.ctx, chat.Operator)
	w.must(err)
	if after.Users != 5 || after.Rooms != 3 || after.Messages != before.Messages+1 || after.OpenReports != 1 || after.LiveSanctions != 1 {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

func TestTidyingUp(t *testing.T) {
	w := newAccounts(t)
	l := w.register("ada")
	w.must(w.Tidy(w.ctx))
	_, err := w.store.Session(w.ctx, l.Session.ID)
	w.must(err)
	w.wait(40 * 24 * time.Hour)
	w.must(w.Tidy(w.ctx))
	_, err = w.store.Session(w.ctx, l.Session.ID)
	w.want(err, "not_found")
}

func TestStoppingStoresLastSeenTimes(t *testing.T) {
	w := newWorld(t)
	ada := w.user("ada")
	w.must(w.Connected(w.ctx, ada))
	w.wait(time.Hour)
	w.Disconnected(w.ctx, ada)
	w.must(w.Stop(w.ctx))
	stacks := make([]byte, 1<<20)
	if stacks = stacks[:runtime.Stack(stacks, true)]; bytes.Contains(stacks, []byte("core.(*Core).chores")) {
		t.Errorf("the chores still run:\n%s", stacks)
	}
	u, err := w.store.User(w.ctx, ada.UserID)
	w.must(err)
	if !u.LastSeenAt.Equal(w.clock()) {
		t.Errorf("last seen %v", u.LastSeenAt)
	}
	w.must(w.Stop(w.ctx))
}

func TestManyVisitsAreStoredInBatches(t *testing.T) {
	w := newWorld(t)
	var people []chat.Actor
	for i := range 205 {
		people = append(people, w.user(fmt.Sprintf("user%d", i)))
	}
	w.wait(time.Hour)
	for _, p := range people {
		w.must(w.Connected(w.ctx, p))
		w.Disconnected(w.ctx, p)
	}
	w.must(w.DeleteUser(w.ctx, chat.Operator, people[7].UserID)) // gone before it could be stored
	w.must(w.FlushVisits(w.ctx))
	for i, p := range people {
		if i == 7 {
			continue
		}
		if u, err := w.User(w.ctx, p, p.UserID); err != nil || !u.LastSeenAt.Equal(w.clock()) {
			t.Fatalf("%v, %v", u, err)
		}
	}
}

func TestFlushingReportsFailure(t *testing.T) {
	w := newWorld(t)
	ada := w.user("ada")
	w.must(w.Connected(w.ctx, ada))
	w.Disconnected(w.ctx, ada)
	ctx, cancel := context.WithCancel(w.ctx)
	cancel()
	if err := w.FlushVisits(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("flushing ended with %v", err)
	}
}
