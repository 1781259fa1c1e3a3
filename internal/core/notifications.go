package core

import (
	"context"

	"parley/internal/chat"
)

// Notifications lists the actor's notifications, newest first, and how many are unread.
func (c *Core) Notifications(ctx context.Context, by chat.Actor, unreadOnly bool, page chat.Page) (list []chat.Notification, unread int, next string, err error) {
	return nil, 0, "", errUnbuilt
}

// UnreadNotifications counts the actor's unread notifications.
func (c *Core) UnreadNotifications(ctx context.Context, by chat.Actor) (int, error) {
	return 0, errUnbuilt
}

// ReadNotification marks one notification read (id 0: all). Fails with notification_not_found.
func (c *Core) ReadNotification(ctx context.Context, by chat.Actor, id int64) error {
	return errUnbuilt
}

// SubscribePush keeps a browser's push endpoint for the actor's session: https, not a private address, valid keys. At most
// 20 per person. Fails with push_endpoint_invalid, push_keys_invalid.
func (c *Core) SubscribePush(ctx context.Context, by chat.Actor, p chat.PushSubscription) error {
	return errUnbuilt
}

// PushSubscriptions lists the actor's push endpoints.
func (c *Core) PushSubscriptions(ctx context.Context, by chat.Actor) ([]chat.PushSubscription, error) {
	return nil, errUnbuilt
}

// UnsubscribePush forgets an endpoint of the actor's.
func (c *Core) UnsubscribePush(ctx context.Context, by chat.Actor, endpoint string) error {
	return errUnbuilt
}
