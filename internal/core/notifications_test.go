package core_test

import (
	"fmt"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

func TestNotifications(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.user("ada"), w.user("bob")
	id := w.room("Tea", chat.Private, ada, bob)
	for i := range 130 {
		w.say(ada, id, fmt.Sprint("@bob ", i))
	}
	list, unread, next, err := w.Notifications(w.ctx, bob, false, chat.Page{})
	if err != nil || len(list) != 50 || unread != 130 || next == "" || list[0].Content != "@bob 129" || list[0].Actor == nil || list[0].Actor.ID != ada.UserID {
		t.Fatalf("%d listed, %d unread, next %q, %v", len(list), unread, next, err)
	}
	newest, oldest := list[0].ID, int64(0)
	for next != "" {
		list, _, next, err = w.Notifications(w.ctx, bob, false, chat.Page{Limit: 100, Cursor: next})
		w.must(err)
		oldest = list[len(list)-1].ID
	}
	for _, tc := range []struct {
		name string
		by   chat.Actor
		id   int64
		left int
		code string
	}{
		{"one is read", bob, newest, 129, ""},
		{"reading twice is fine", bob, newest, 129, ""},
		{"the oldest is read", bob, oldest, 128, ""},
		{"twice as well", bob, oldest, 128, ""},
		{"an unknown one is not there", bob, newest + 1000, 128, "notification_not_found"},
		{"nor is somebody else's", ada, newest, 128, "notification_not_found"},
		{"all are read", bob, 0, 0, ""},
		{"even when there is none", bob, 0, 0, ""},
		{"the operator has none", chat.Operator, newest, 0, "person_needed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := w.ReadNotification(w.ctx, tc.by, tc.id); chat.CodeOf(err) != tc.code {
				t.Errorf("got %v, want %q", err, tc.code)
			}
			if n, err := w.UnreadNotifications(w.ctx, bob); err != nil || n != tc.left {
				t.Errorf("%d are unread, %v, want %d", n, err, tc.left)
			}
		})
	}
	_, _, _, err = w.Notifications(w.ctx, bob, false, chat.Page{Limit: 101})
	w.want(err, "limit_invalid")
	w.say(ada, id, "@bob once more")
	if list, _, _, err = w.Notifications(w.ctx, bob, true, chat.Page{}); err != nil || len(list) != 1 {
		t.Errorf("%d are unread, %v", len(list), err)
	}
	w.wait(30 * 24 * time.Hour)
	if list, unread, _, err = w.Notifications(w.ctx, bob, false, chat.Page{}); err != nil || len(list) != 0 || unread != 0 {
		t.Errorf("after 30 days %d are left, %d unread, %v", len(list), unread, err)
	}
}

func TestNotificationsThatStay(t *testing.T) {
	w := newWorld(t, func(o *core.Options) { o.Limits.NotificationTTL = -1 })
	ada, bob := w.user("ada"), w.user("bob")
	w.say(ada, w.room("Tea", chat.Private, ada, bob), "@bob")
	w.wait(10 * 365 * 24 * time.Hour)
	if n, err := w.UnreadNotifications(w.ctx, bob); err != nil || n != 1 {
		t.Errorf("%d are left, %v", n, err)
	}
}
