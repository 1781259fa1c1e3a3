package core_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

// measure makes a sanction without end, but for timeouts, which last an hour.
func (w *world) measure(by chat.Actor, kind chat.SanctionKind, room chat.RoomID, target chat.Actor) chat.Sanction {
	w.Helper()
	m := core.Measure{Kind: kind, RoomID: room, UserID: target.UserID}
	if kind == chat.Timeout {
		m.Until = w.clock().Add(time.Hour)
	}
	s, err := w.Sanction(w.ctx, by, m)
	w.must(err)
	return s
}

func TestWhoMaySanction(t *testing.T) {
	w := newWorld(t)
	people := map[string]chat.Actor{
		"the operator": chat.Operator, "an owner of the server": w.user("owner", chat.RoleOwner), "another owner": w.user("owner2", chat.RoleOwner),
		"an admin of the server": w.user("admin", chat.RoleAdmin), "another admin": w.user("admin2", chat.RoleAdmin),
		"a moderator": w.user("mod", chat.RoleModerator), "another moderator": w.user("mod2", chat.RoleModerator),
		"a user": w.user("user1"), "another user": w.user("user2"),
	}
	for _, tc := range []struct {
		actor  string
		kind   chat.SanctionKind
		target string
		code   string
	}{
		{"a user", chat.Warning, "another user", "permission_missing"},
		{"a moderator", chat.Warning, "a user", ""},
		{"a moderator", chat.Mute, "a user", ""},
		{"a moderator", chat.Timeout, "a user", ""},
		{"a moderator", chat.Ban, "a user", "permission_missing"},
		{"a moderator", chat.Mute, "another moderator", "target_above"},
		{"a moderator", chat.Mute, "an admin of the server", "target_above"},
		{"a moderator", chat.Mute, "a moderator", "target_is_self"},
		{"an admin of the server", chat.Ban, "a user", ""},
		{"an admin of the server", chat.Ban, "a moderator", ""},
		{"an admin of the server", chat.Ban, "another admin", "target_above"},
		{"an admin of the server", chat.Ban, "an owner of the server", "target_above"},
		{"an owner of the server", chat.Ban, "an admin of the server", ""},
		{"an owner of the server", chat.Ban, "another owner", ""},
		{"an owner of the server", chat.Ban, "an owner of the server", "target_is_self"},
		{"the operator", chat.Ban, "an owner of the server", ""},
	} {
		t.Run(tc.actor+" makes a "+string(tc.kind)+" against "+tc.target, func(t *testing.T) {
			m := core.Measure{Kind: tc.kind, UserID: people[tc.target].UserID, Until: w.clock().Add(time.Hour)}
			s, err := w.Sanction(w.ctx, people[tc.actor], m)
			if got := chat.CodeOf(err); got != tc.code {
				t.Fatalf("made: %v, want %q", err, tc.code)
			}
			if err == nil && (s.ID == 0 || s.IssuedBy != people[tc.actor].UserID || !s.Live(w.clock())) {
				t.Errorf("made %+v", s)
			}
			if err != nil { // another's sanction of the same kind cannot be lifted either
				w.measure(chat.Operator, tc.kind, 0, people[tc.target])
			}
			err = w.Lift(w.ctx, people[tc.actor], tc.kind, 0, people[tc.target].UserID, "enough")
			if got := chat.CodeOf(err); got != tc.code {
				t.Errorf("lifted: %v, want %q", err, tc.code)
			}
			if err != nil {
				w.must(w.Lift(w.ctx, chat.Operator, tc.kind, 0, people[tc.target].UserID, ""))
			}
		})
	}
}

func TestSanctionRefusals(t *testing.T) {
	w := newWorld(t)
	s := newStory(w, 0)
	root := w.user("root", chat.RoleOwner)
	for _, tc := range []struct {
		name string
		by   chat.Actor
		m    core.Measure
		code string
	}{
		{"there are four kinds", s.admin, core.Measure{Kind: "exile", RoomID: s.public, UserID: s.member.UserID}, "kind_invalid"},
		{"a timeout needs an end", s.admin, core.Measure{Kind: chat.Timeout, RoomID: s.public, UserID: s.member.UserID}, "until_invalid"},
		{"an end must lie ahead", s.admin, core.Measure{Kind: chat.Mute, RoomID: s.public, UserID: s.member.UserID, Until: w.clock()}, "until_invalid"},
		{"a reason has 500 characters", s.admin, core.Measure{Kind: chat.Mute, RoomID: s.public, UserID: s.member.UserID, Reason: strings.Repeat("é", 501)}, "reason_too_long"},
		{"there are none in direct rooms", s.member, core.Measure{Kind: chat.Mute, RoomID: s.direct, UserID: s.other.UserID}, "sanction_not_here"},
		{"a room that must not be known is not", s.stranger, core.Measure{Kind: chat.Mute, RoomID: s.private, UserID: s.other.UserID}, "room_not_found"},
		{"nobody sanctions themselves", s.admin, core.Measure{Kind: chat.Mute, RoomID: s.public, UserID: s.admin.UserID}, "target_is_self"},
		{"the room's owner cannot be sanctioned", s.admin, core.Measure{Kind: chat.Mute, RoomID: s.public, UserID: s.owner.UserID}, "target_above"},
		{"not even banned by the operator", chat.Operator, core.Measure{Kind: chat.Ban, RoomID: s.public, UserID: s.owner.UserID}, "target_above"},
		{"in a room it must be somebody", s.admin, core.Measure{Kind: chat.Mute, RoomID: s.public, UserID: "nobody"}, "user_not_found"},
		{"on the server it must be somebody", root, core.Measure{Kind: chat.Mute, UserID: "nobody"}, "user_not_found"},
		{"a gone room has no sanctions", s.admin, core.Measure{Kind: chat.Mute, RoomID: 999, UserID: s.member.UserID}, "room_not_found"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := w.Sanction(w.ctx, tc.by, tc.m)
			if got := chat.CodeOf(err); got != tc.code {
				t.Errorf("%v, want %q", err, tc.code)
			}
		})
	}
	w.want(w.Lift(w.ctx, s.admin, chat.Mute, s.public, s.member.UserID, ""), "sanction_not_found")
	w.want(w.Lift(w.ctx, s.admin, "exile", s.public, s.member.UserID, ""), "kind_invalid")
	w.want(w.Lift(w.ctx, s.admin, chat.Mute, s.public, s.member.UserID, strings.Repeat("x", 501)), "reason_too_long")
	w.want(w.Lift(w.ctx, s.other, chat.Mute, s.public, s.member.UserID, ""), "manage_members_forbidden")
}

func TestABanInARoom(t *testing.T) {
	w := newWorld(t)
	s := newStory(w, 0)
	w.must(w.Allow(w.ctx, s.member, chat.CanRead, s.public)) // cached now
	w.told()
	made, err := w.Sanction(w.ctx, s.admin, core.Measure{Kind: chat.Ban, RoomID: s.public, UserID: s.member.UserID, Reason: "spam", Until: w.clock().Add(time.Hour)})
	w.must(err)
	events := w.told()
	for what, told := range map[string]bool{
		"the sanction": has(events, func(e chat.SanctionChanged) bool { return e.Sanction.ID == made.ID }),
		"the leaving":  has(events, func(e chat.MemberLeft) bool { return e.UserID == s.member.UserID && e.Reason == chat.Banned }),
		"the devices":  has(events, func(e chat.RoomRemoved) bool { return e.UserID == s.member.UserID && e.RoomID == s.public }),
		"the person": has(events, func(e chat.Notified) bool {
			n := e.Notification
			return n.UserID == s.member.UserID && n.Title == "You have been banned in public0" && strings.Contains(n.Content, "spam") && n.Severity == chat.SeverityDanger
		}),
	} {
		if !told {
			t.Errorf("no event for %s", what)
		}
	}
	if has(events, func(chat.SessionRevoked) bool { return true }) {
		t.Error("a ban from a room closed connections")
	}
	w.want(w.Allow(w.ctx, s.member, chat.CanRead, s.public), "banned")
	w.want(w.Allow(w.ctx, s.member, chat.CanRead, s.private), "")
	_, err = w.Join(w.ctx, s.member, s.public)
	w.want(err, "banned")
	_, err = w.InviteMember(w.ctx, s.admin, s.public, s.member.UserID)
	w.want(err, "banned")
	i, err := w.CreateInvite(w.ctx, s.admin, s.public, core.NewInvite{})
	w.must(err)
	_, err = w.AcceptInvite(w.ctx, s.member, i.Code)
	w.want(err, "banned")
	w.wait(time.Hour)
	_, err = w.Join(w.ctx, s.member, s.public)
	w.want(err, "")
}

func TestABanWithdrawsInvitations(t *testing.T) {
	w := newWorld(t)
	s := newStory(w, 0)
	_, err := w.InviteMember(w.ctx, s.admin, s.private, s.stranger.UserID)
	w.must(err)
	w.measure(s.admin, chat.Ban, s.private, s.stranger)
	w.must(w.Lift(w.ctx, s.admin, chat.Ban, s.private, s.stranger.UserID, ""))
	w.want(w.Allow(w.ctx, s.stranger, chat.CanSee, s.private), "room_not_found")
}

func TestAMuteInARoom(t *testing.T) {
	w := newWorld(t)
	s := newStory(w, 0)
	until := w.clock().Add(time.Hour)
	w.told()
	_, err := w.Sanction(w.ctx, s.admin, core.Measure{Kind: chat.Mute, RoomID: s.public, UserID: s.member.UserID, Until: until})
	w.must(err)
	if !has(w.told(), func(e chat.MemberChanged) bool {
		return e.Member.UserID == s.member.UserID && e.Member.Muted && e.Member.MutedUntil.Equal(until)
	}) {
		t.Error("the room was not told of the mute")
	}
	w.want(w.Allow(w.ctx, s.member, chat.CanSend, s.public), "muted")
	w.must(w.Lift(w.ctx, s.admin, chat.Mute, s.public, s.member.UserID, "sorry"))
	events := w.told()
	if !has(events, func(e chat.MemberChanged) bool { return e.Member.UserID == s.member.UserID && !e.Member.Muted }) {
		t.Error("the room was not told of its end")
	}
	if !has(events, func(e chat.Notified) bool {
		return e.Notification.UserID == s.member.UserID && e.Notification.Severity == chat.SeveritySuccess
	}) {
		t.Error("the person was not told of its end")
	}
	w.want(w.Allow(w.ctx, s.member, chat.CanSend, s.public), "")
	w.measure(s.admin, chat.Mute, s.public, s.stranger) // who is not a member can be muted, too
	_, err = w.Join(w.ctx, s.stranger, s.public)
	w.must(err)
	w.want(w.Allow(w.ctx, s.stranger, chat.CanSend, s.public), "muted")
}

func TestSanctionsOnTheServerHoldEverywhere(t *testing.T) {
	for _, tc := range []struct {
		kind       chat.SanctionKind
		send, read string
		revoked    string
	}{
		{chat.Warning, "", "", ""},
		{chat.Mute, "muted", "", ""},
		{chat.Timeout, "timed_out", "timed_out", "timed_out"},
		{chat.Ban, "banned", "banned", "banned"},
	} {
		t.Run(string(tc.kind), func(t *testing.T) {
			w := newWorld(t)
			s := newStory(w, 0)
			root := w.user("root", chat.RoleOwner)
			w.must(w.Allow(w.ctx, s.member, chat.CanSend, s.direct)) // cached now
			w.told()
			w.measure(root, tc.kind, 0, s.member)
			for _, room := range []chat.RoomID{s.public, s.private, s.direct} {
				w.want(w.Allow(w.ctx, s.member, chat.CanSend, room), tc.send)
				w.want(w.Allow(w.ctx, s.member, chat.CanRead, room), tc.read)
			}
			reason := ""
			events := w.told()
			for _, ev := range events {
				if e, ok := ev.(chat.SessionRevoked); ok && e.UserID == s.member.UserID {
					reason = e.Reason
				}
			}
			if reason != tc.revoked {
				t.Errorf("connections closed because of %q", reason)
			}
			if !has(events, func(e chat.Notified) bool { return e.Notification.UserID == s.member.UserID }) {
				t.Error("the person was not notified")
			}
		})
	}
}

func TestSanctionsOfAKindReplaceEachOther(t *testing.T) {
	w := newWorld(t)
	s := newStory(w, 0)
	root := w.user("root", chat.RoleOwner)
	first := w.measure(s.admin, chat.Mute, s.public, s.member)
	server := w.measure(root, chat.Mute, 0, s.member)
	w.told()
	second, err := w.Sanction(w.ctx, s.owner, core.Measure{Kind: chat.Mute, RoomID: s.public, UserID: s.member.UserID, Until: w.clock().Add(time.Minute)})
	w.must(err)
	if !has(w.told(), func(e chat.SanctionChanged) bool { return e.Sanction.ID == first.ID && !e.Sanction.LiftedAt.IsZero() }) {
		t.Error("the end of the first was not told")
	}
	w.measure(s.admin, chat.Warning, s.public, s.member)
	w.measure(s.admin, chat.Warning, s.public, s.member)
	live, _, err := w.Sanctions(w.ctx, s.admin, chat.SanctionFilter{RoomID: s.public, LiveAt: w.clock()}, chat.Page{})
	w.must(err)
	var kinds []chat.SanctionKind
	for _, x := range live {
		kinds = append(kinds, x.Kind)
	}
	if !slices.Equal(kinds, []chat.SanctionKind{chat.Warning, chat.Warning, chat.Mute}) || live[2].ID != second.ID {
		t.Errorf("live %+v", live)
	}
	// Lifting the one of the room leaves the server's alone, and the other way round.
	w.must(w.Lift(w.ctx, s.admin, chat.Mute, s.public, s.member.UserID, ""))
	w.want(w.Allow(w.ctx, s.member, chat.CanSend, s.public), "muted")
	still, _, err := w.Sanctions(w.ctx, root, chat.SanctionFilter{ServerOnly: true, LiveAt: w.clock()}, chat.Page{})
	w.must(err)
	if len(still) != 1 || still[0].ID != server.ID {
		t.Errorf("live on the server %+v", still)
	}
	w.must(w.Lift(w.ctx, root, chat.Mute, 0, s.member.UserID, ""))
	w.want(w.Allow(w.ctx, s.member, chat.CanSend, s.public), "")
}

func TestWhoSeesSanctions(t *testing.T) {
	w := newWorld(t)
	s := newStory(w, 0)
	mod, admin := w.user("mod", chat.RoleModerator), w.user("chief", chat.RoleAdmin)
	w.measure(s.admin, chat.Warning, s.private, s.member)
	w.measure(admin, chat.Warning, 0, s.member)
	for _, tc := range []struct {
		name  string
		by    chat.Actor
		f     chat.SanctionFilter
		count int
		code  string
	}{
		{"a room's admins see those of the room", s.admin, chat.SanctionFilter{RoomID: s.private}, 1, ""},
		{"its members do not", s.other, chat.SanctionFilter{RoomID: s.private}, 0, "manage_members_forbidden"},
		{"moderators see those of the server", mod, chat.SanctionFilter{}, 1, ""},
		{"moderators do not see those of private rooms", mod, chat.SanctionFilter{RoomID: s.private}, 0, "room_not_found"},
		{"admins see all", admin, chat.SanctionFilter{}, 2, ""},
		{"the operator sees all", chat.Operator, chat.SanctionFilter{}, 2, ""},
		{"everybody sees their own", s.member, chat.SanctionFilter{UserID: s.member.UserID}, 2, ""},
		{"nobody else's", s.other, chat.SanctionFilter{UserID: s.member.UserID}, 0, "permission_missing"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			list, _, err := w.Sanctions(w.ctx, tc.by, tc.f, chat.Page{})
			if len(list) != tc.count || chat.CodeOf(err) != tc.code {
				t.Errorf("%d sanctions, %v", len(list), err)
			}
		})
	}
	_, _, err := w.Sanctions(w.ctx, admin, chat.SanctionFilter{}, chat.Page{Limit: 101})
	w.want(err, "limit_invalid")
}

func TestModerationIsAudited(t *testing.T) {
	w := newWorld(t)
	s := newStory(w, 0)
	root, mod := w.user("root", chat.RoleOwner), w.user("mod", chat.RoleModerator)
	for _, kind := range []chat.SanctionKind{chat.Warning, chat.Mute, chat.Timeout, chat.Ban} {
		w.measure(s.admin, kind, s.private, s.member)
		w.must(w.Lift(w.ctx, s.admin, kind, s.private, s.member.UserID, ""))
	}
	_, err := w.Sanction(w.ctx, root, core.Measure{Kind: chat.Mute, UserID: s.other.UserID, Reason: "noise"})
	w.must(err)
	for _, tc := range []struct {
		name string
		by   chat.Actor
		f    chat.AuditFilter
		want []string
		code string
	}{
		{"a room's admins see what was done there", s.admin, chat.AuditFilter{RoomID: s.private, TargetID: string(s.member.UserID)},
			[]string{"user.unban", "user.ban", "user.untimeout", "user.timeout", "user.unmute", "user.mute", "user.unwarn", "user.warn"}, ""},
		{"its members do not", s.other, chat.AuditFilter{RoomID: s.private}, nil, "manage_members_forbidden"},
		{"its admins see no more", s.admin, chat.AuditFilter{}, nil, "permission_missing"},
		{"moderators see all", mod, chat.AuditFilter{TargetID: string(s.other.UserID), Action: "user."}, []string{"user.mute"}, ""},
		{"users see nothing", s.stranger, chat.AuditFilter{}, nil, "permission_missing"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			entries, _, err := w.Audit(w.ctx, tc.by, tc.f, chat.Page{})
			if got := chat.CodeOf(err); got != tc.code {
				t.Fatalf("%v, want %q", err, tc.code)
			}
			var actions []string
			for _, e := range entries {
				if strings.HasPrefix(e.Action, "user.") {
					actions = append(actions, e.Action)
				}
			}
			if !slices.Equal(actions, tc.want) {
				t.Errorf("actions %q", actions)
			}
		})
	}
	entries, _, err := w.Audit(w.ctx, root, chat.AuditFilter{TargetID: string(s.other.UserID), Action: "user.mute"}, chat.Page{})
	w.must(err)
	if e := entries[0]; e.ActorID != root.UserID || e.TargetType != "user" || string(e.Details) != `{"reason":"noise"}` || !e.At.Equal(w.clock()) {
		t.Errorf("entry %+v", e)
	}
	_, _, err = w.Audit(w.ctx, root, chat.AuditFilter{}, chat.Page{Limit: -1})
	w.want(err, "limit_invalid")
}
