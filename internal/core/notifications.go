package core

import (
	"context"
	"slices"
	"time"

	"parley/internal/chat"
)

var errNotificationNotFound = chat.Errorf(chat.NotFound, "notification_not_found", "There is no such notification.")

// notificationExpiry is when a notification made at some time is gone.
func (c *Core) notificationExpiry(at time.Time) time.Time {
	if c.Limits.NotificationTTL < 0 {
		return at.AddDate(100, 0, 0)
	}
	return at.Add(c.Limits.NotificationTTL)
}

// Notifications lists the actor's notifications, newest first, and how many are unread.
func (c *Core) Notifications(ctx context.Context, by chat.Actor, unreadOnly bool, page chat.Page) (list []chat.Notification, unread int, next string, err error) {
	if err := checkLimit(&page.Limit, 100); err != nil {
		return nil, 0, "", err
	}
	if _, err := c.person(ctx, by); err != nil {
		return nil, 0, "", err
	}
	now := c.now()
	if list, next, err = c.Store.Notifications(ctx, by.UserID, unreadOnly, now, page); err != nil {
		return nil, 0, "", err
	}
	if unread, err = c.Store.UnreadNotifications(ctx, by.UserID, now); err != nil {
		return nil, 0, "", err
	}
	ids := make([]chat.UserID, len(list))
	for i, n := range list {
		ids[i] = n.ActorID
	}
	actors, err := c.users.get(ctx, ids)
	if err != nil {
		return nil, 0, "", err
	}
	for i := range list {
		list[i].Actor = actors[list[i].ActorID]
	}
	return list, unread, next, nil
}

// UnreadNotifications counts the actor's unread notifications.
func (c *Core) UnreadNotifications(ctx context.Context, by chat.Actor) (int, error) {
	if _, err := c.person(ctx, by); err != nil {
		return 0, err
	}
	return c.Store.UnreadNotifications(ctx, by.UserID, c.now())
}

// ReadNotification marks one notification read (id 0: all). Reading twice is fine. Fails with notification_not_found.
func (c *Core) ReadNotification(ctx context.Context, by chat.Actor, id int64) error {
	if _, err := c.person(ctx, by); err != nil {
		return err
	}
	var changed int
	err := c.change(ctx, func(tx Tx) (_ []chat.Event, err error) {
		changed, err = tx.ReadNotifications(ctx, by.UserID, id, c.now())
		return nil, err
	})
	if err != nil || changed > 0 || id == 0 {
		return err
	}
	// It was read before, or never there.
	for page := (chat.Page{Limit: 100}); ; {
		list, next, err := c.Store.Notifications(ctx, by.UserID, false, c.now(), page)
		if err != nil {
			return err
		}
		for _, n := range list {
			if n.ID == id {
				return nil
			}
		}
		if page.Cursor = next; next == "" || list[len(list)-1].ID < id { // the rest is older still
			return errNotificationNotFound
		}
	}
}

// Pings lists the messages that the actor was told of because they mention them or one of their roles, or answer them: newest
// first, as long as notifications are kept, deleted ones and those of rooms they may not read any more left out. offset are
// skipped, at most limit (1–100) returned; total counts all.
func (c *Core) Pings(ctx context.Context, by chat.Actor, limit, offset int) (list []chat.Message, total int, err error) {
	if _, err := c.person(ctx, by); err != nil {
		return nil, 0, err
	}
	var ids []chat.MessageID
	readable := make(map[chat.RoomID]bool)
	now := c.now()
	for page := (chat.Page{Limit: 100}); ; {
		some, next, err := c.Store.Notifications(ctx, by.UserID, false, now, page)
		if err != nil {
			return nil, 0, err
		}
		for _, n := range some {
			if n.MessageID == 0 || n.Type != chat.NotifyMention && n.Type != chat.NotifyReply {
				continue
			}
			if _, asked := readable[n.RoomID]; !asked {
				_, err := c.allow(ctx, by, chat.CanRead, n.RoomID)
				readable[n.RoomID] = err == nil
			}
			if readable[n.RoomID] && !slices.Contains(ids, n.MessageID) {
				ids = append(ids, n.MessageID)
			}
		}
		if page.Cursor = next; next == "" {
			break
		}
	}
	total = len(ids)
	ids = ids[min(offset, total):]
	found, err := c.Store.MessagesByID(ctx, ids[:min(limit, len(ids))])
	if err != nil {
		return nil, 0, err
	}
	for _, m := range slices.Backward(found) {
		if !m.Deleted {
			list = append(list, *m)
		}
	}
	return list, total, c.fillMessages(ctx, pointers(list)...)
}
