package core

import (
	"context"
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
