package core_test

import (
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

func TestWhoMayAskForAPaceAndResetIt(t *testing.T) {
	w := newWorld(t, func(o *core.Options) { o.Limits.MessagesPer10s = 10 })
	people := map[string]chat.Actor{"the operator": chat.Operator, "an owner": w.user("owner", chat.RoleOwner), "an admin": w.user("admin", chat.RoleAdmin),
		"a moderator": w.user("mod", chat.RoleModerator), "a user": w.user("user1"), "another user": w.user("user2")}
	for _, tc := range []struct{ actor, target, status, reset string }{
		{"the operator", "a user", "", ""},
		{"an owner", "a user", "", ""},
		{"an admin", "a user", "permission_missing", ""},
		{"an admin", "an admin", "", ""},
		{"a moderator", "a user", "permission_missing", "permission_missing"},
		{"a user", "a user", "", "permission_missing"},
		{"a user", "another user", "permission_missing", "permission_missing"},
	} {
		t.Run(tc.actor+" and the pace of "+tc.target, func(t *testing.T) {
			if _, err := w.PaceOf(w.ctx, people[tc.actor], people[tc.target].UserID); chat.CodeOf(err) != tc.status {
				t.Errorf("asked: %v, want %q", err, tc.status)
			}
			if err := w.ResetPace(w.ctx, people[tc.actor], people[tc.target].UserID); chat.CodeOf(err) != tc.reset {
				t.Errorf("reset: %v, want %q", err, tc.reset)
			}
		})
	}
	if _, err := w.PaceOf(w.ctx, chat.Operator, "nobody"); chat.CodeOf(err) != "user_not_found" {
		t.Errorf("of nobody: %v", err)
	}
}

// What somebody wrote over one protocol counts over the others, and an attempt is charged once whoever charges it.
func TestOnePaceForAllProtocols(t *testing.T) {
	w := newWorld(t, func(o *core.Options) { o.Limits.MessagesPer10s = 4 })
	ada := w.user("ada")
	paced := ada
	paced.Pace = chat.Pace{PerMinute: 100, Cooldown: time.Minute}
	room := w.room("hall", chat.Public, ada)
	say := func(by chat.Actor) error {
		_, _, err := w.SendMessage(w.ctx, by, core.NewMessage{RoomID: room, Content: "hello"})
		return err
	}
	w.must(say(ada))
	w.must(say(paced))
	ctx, err := w.ChargeSend(w.ctx, paced)
	w.must(err)
	_, _, err = w.SendMessage(ctx, paced, core.NewMessage{RoomID: room, Content: "charged before"})
	w.must(err)
	w.must(w.Typing(w.ctx, ada, room, 0, true)) // only at a pace it counts
	w.must(w.Typing(w.ctx, paced, room, 0, true))
	p, err := w.PaceOf(w.ctx, paced, ada.UserID)
	if err != nil || p != (core.PaceStatus{Minute: 3, PerMinute: 100, Recent: 4, Burst: 4}) {
		t.Errorf("after four: %+v, %v", p, err)
	}
	if err := say(ada); chat.CodeOf(err) != "rate_limited" {
		t.Errorf("the fifth without a pace: %v", err)
	}
	if err := say(paced); chat.CodeOf(err) != "rate_limited" || chat.AsError(err).RetryAfter != time.Minute {
		t.Errorf("the fifth at a pace: %v", err)
	}
	w.wait(11 * time.Second)
	w.must(say(ada)) // knows no cooldown
	if err := say(paced); chat.CodeOf(err) != "rate_limited" || chat.AsError(err).RetryAfter != 49*time.Second {
		t.Errorf("in the cooldown: %v", err)
	}
	w.must(w.ResetPace(w.ctx, withPace(chat.Operator), ada.UserID))
	w.must(say(paced))
}

func withPace(by chat.Actor) chat.Actor {
	by.Pace = chat.Pace{PerMinute: 60}
	return by
}
