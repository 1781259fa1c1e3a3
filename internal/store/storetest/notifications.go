package storetest

import (
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

func init() {
	tell("notifications",
		story{"a notification is read back as stored", notificationReadBack},
		story{"notifications are listed newest first, page by page", notificationPages},
		story{"expired notifications are neither listed nor counted", notificationExpired},
		story{"one notification or all of them are marked as read", notificationRead},
		story{"reading a room marks those of its messages up to a place", notificationReadRoom},
		story{"a notification needs a user", notificationUnknown},
	)
}

// notify stores a notification that lives for a day unless told otherwise.
func (w *world) notify(n chat.Notification) chat.Notification {
	w.Helper()
	if n.CreatedAt.IsZero() {
		n.CreatedAt = Start
	}
	if n.ExpiresAt.IsZero() {
		n.ExpiresAt = Start.Add(24 * time.Hour)
	}
	if n.Type == "" {
		n.Type = chat.NotifyMention
	}
	w.change(func(tx core.Tx) (err error) {
		n, err = tx.CreateNotification(w.ctx, n)
		return err
	})
	return n
}

func (w *world) notifications(user chat.UserID, unread bool, at time.Time) []int64 {
	w.Helper()
	list, _, err := w.Notifications(w.ctx, user, unread, at, chat.Page{Limit: 100})
	w.wantCode(err, "")
	return notificationIDs(list)
}

func notificationIDs(list []chat.Notification) []int64 {
	return pick(list, func(n chat.Notification) int64 { return n.ID })
}

func notificationReadBack(w *world) {
	ada := w.addUser("ada")
	want := chat.Notification{
		UserID: ada, Type: chat.NotifyRoomInvite, Title: "t", Content: "c\nd", RoomID: 7, MessageID: 8, ActorID: "bob", InviteCode: "code",
		Severity: chat.SeverityDanger, CreatedAt: Start, ReadAt: Start.Add(time.Second), ExpiresAt: Start.Add(time.Hour),
	}
	stored := w.notify(want)
	want.ID = stored.ID
	same(w, "created", stored, want)
	list, _, err := w.Notifications(w.ctx, ada, false, Start, chat.Page{Limit: 10})
	w.wantCode(err, "")
	same(w, "listed", list, []chat.Notification{want})
	same(w, "severity unless told", w.notify(chat.Notification{UserID: ada}).Severity, chat.SeverityInfo)
}

func notificationPages(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	var want []int64
	for range 5 {
		want = append([]int64{w.notify(chat.Notification{UserID: ada}).ID}, want...)
		w.notify(chat.Notification{UserID: bob})
	}
	for _, unread := range []bool{false, true} {
		read := func(p chat.Page) ([]chat.Notification, string, error) {
			return w.Notifications(w.ctx, ada, unread, Start, p)
		}
		var added []int64
		same(w, "pages while some are added", notificationIDs(walk(w, 2, func() {
			added = append([]int64{w.notify(chat.Notification{UserID: ada}).ID}, added...)
		}, read)), want)
		want = append(added, want...)
		badCursors(w, read)
	}
	same(w, "nobody's", len(w.notifications("nobody", false, Start)), 0)
}

func notificationExpired(w *world) {
	ada := w.addUser("ada")
	short := w.notify(chat.Notification{UserID: ada, ExpiresAt: Start.Add(time.Minute)}).ID
	long := w.notify(chat.Notification{UserID: ada}).ID
	for _, c := range []struct {
		at   time.Time
		want []int64
	}{
		{Start, []int64{long, short}},
		{Start.Add(time.Minute), []int64{long}},
	} {
		same(w, "listed", w.notifications(ada, false, c.at), c.want)
		same(w, "unread", w.notifications(ada, true, c.at), c.want)
		same(w, "count", must(w.UnreadNotifications(w.ctx, ada, c.at)), len(c.want))
	}
}

func notificationRead(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	one, two := w.notify(chat.Notification{UserID: ada}).ID, w.notify(chat.Notification{UserID: ada}).ID
	three, bobs := w.notify(chat.Notification{UserID: ada}).ID, w.notify(chat.Notification{UserID: bob}).ID
	read := func(user chat.UserID, id int64) (n int) {
		w.change(func(tx core.Tx) (err error) {
			n, err = tx.ReadNotifications(w.ctx, user, id, Start.Add(time.Second))
			return err
		})
		return n
	}
	same(w, "one", read(ada, two), 1)
	same(w, "one again", read(ada, two), 0)
	same(w, "somebody else's", read(ada, bobs), 0)
	same(w, "unknown", read(ada, bobs+1), 0)
	same(w, "unread", w.notifications(ada, true, Start), []int64{three, one})
	same(w, "all of them", w.notifications(ada, false, Start), []int64{three, two, one})
	same(w, "count", must(w.UnreadNotifications(w.ctx, ada, Start)), 2)
	same(w, "the rest", read(ada, 0), 2)
	same(w, "count", must(w.UnreadNotifications(w.ctx, ada, Start)), 0)
	same(w, "bob's", must(w.UnreadNotifications(w.ctx, bob, Start)), 1)
	list, _, err := w.Notifications(w.ctx, ada, false, Start, chat.Page{Limit: 1})
	w.wantCode(err, "")
	same(w, "read at", list[0].ReadAt, Start.Add(time.Second))
}

func notificationReadRoom(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	w.notify(chat.Notification{UserID: ada, RoomID: 7, MessageID: 1})
	w.notify(chat.Notification{UserID: ada, RoomID: 7, MessageID: 2})
	later := w.notify(chat.Notification{UserID: ada, RoomID: 7, MessageID: 3}).ID
	elsewhere := w.notify(chat.Notification{UserID: ada, RoomID: 8, MessageID: 1}).ID
	invitation := w.notify(chat.Notification{UserID: ada, Type: chat.NotifyRoomInvite, RoomID: 7}).ID
	w.notify(chat.Notification{UserID: bob, RoomID: 7, MessageID: 1})
	var n int
	w.change(func(tx core.Tx) (err error) {
		n, err = tx.ReadRoomNotifications(w.ctx, ada, 7, 2, Start)
		return err
	})
	same(w, "marked", n, 2)
	same(w, "unread", w.notifications(ada, true, Start), []int64{invitation, elsewhere, later})
	same(w, "bob's", must(w.UnreadNotifications(w.ctx, bob, Start)), 1)
}

func notificationUnknown(w *world) {
	w.refused("user_not_found", func(tx core.Tx) error {
		_, err := tx.CreateNotification(w.ctx, chat.Notification{UserID: "nobody", Type: chat.NotifySystem, CreatedAt: Start, ExpiresAt: Start})
		return err
	})
	same(w, "count", must(w.UnreadNotifications(w.ctx, "nobody", Start)), 0)
}
