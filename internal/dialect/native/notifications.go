package native

import (
	"context"

	"parley/internal/chat"
)

type (
	notificationPage struct {
		Notifications []Notification `json:"notifications" doc:"Newest first."`
		Unread        int            `json:"unread" example:"2"`
		NextCursor    *string        `json:"next_cursor" doc:"Null at the end."`
	}
	unreadAnswer struct {
		Unread int `json:"unread" example:"2"`
	}
	pushKeys struct {
		P256dh string `json:"p256dh" example:"BNcRdreALRFXTkOOUHK1EtK2wtaz5Ry4YfYCA_0QTpQtUbVlUls0VJXg7A8u-Ts1XbjhazAkj7I99e8QcYP7DkM"`
		Auth   string `json:"auth" example:"tBHItJI5svbpez7KI4CCXg"`
	}
	// pushRequest is a PushSubscription as a browser writes it.
	pushRequest struct {
		Endpoint string   `json:"endpoint" format:"uri" example:"https://push.example.net/send/abc"`
		Keys     pushKeys `json:"keys"`
	}
	pushEndpoint struct {
		Endpoint string `json:"endpoint" example:"https://push.example.net/send/abc"`
	}
	// PushSubscription is one browser that notifications are pushed to.
	PushSubscription struct {
		Endpoint  string `json:"endpoint" example:"https://push.example.net/send/abc"`
		CreatedAt string `json:"created_at" format:"date-time" example:"2026-03-01T09:30:00.000Z"`
		Current   bool   `json:"current" doc:"It belongs to the login of this request."`
	}
	pushList struct {
		Subscriptions []PushSubscription `json:"subscriptions"`
	}
	pushKey struct {
		Key string `json:"key" doc:"The server's public VAPID key, base64url: what a browser wants as applicationServerKey." example:"BNcRdreALRFXTkOOUHK1EtK2wtaz5Ry4YfYCA_0QTpQtUbVlUls0VJXg7A8u-Ts1XbjhazAkj7I99e8QcYP7DkM"`
	}
)

func (d *Dialect) registerNotifications() {
	const tag = "Notifications"
	handle(d, "GET /notifications", endpoint{id: "list-notifications", tag: tag, summary: "List the own notifications", codes: pageFaults},
		func(ctx context.Context, by chat.Actor, in *struct {
			Unread bool `query:"unread" doc:"Only those that were not read."`
			PageQuery
		}) (*reply[notificationPage], error) {
			list, unread, cursor, err := d.core.Notifications(ctx, by, in.Unread, in.page())
			return ok(notificationPage{convert(list, d.notification), unread, next(cursor)}), err
		})
	handle(d, "GET /notifications/unread", endpoint{id: "count-notifications", tag: tag, summary: "Count the own unread notifications"},
		func(ctx context.Context, by chat.Actor, _ *noInput) (*reply[unreadAnswer], error) {
			n, err := d.core.UnreadNotifications(ctx, by)
			return ok(unreadAnswer{n}), err
		})
	handle(d, "PATCH /notifications/{id}/read", endpoint{id: "read-notification", tag: tag, status: 204, summary: "Mark a notification read", codes: "notification_not_found"},
		func(ctx context.Context, by chat.Actor, in *struct {
			ID string `path:"id" example:"77"`
		}) (*nothing, error) {
			id, isID := parseNumber(in.ID)
			if !isID {
				return nil, chat.Errorf(chat.NotFound, "notification_not_found", "There is no such notification.")
			}
			return nil, d.core.ReadNotification(ctx, by, id)
		})
	handle(d, "PATCH /notifications/read-all", endpoint{id: "read-notifications", tag: tag, status: 204, summary: "Mark all notifications read"},
		func(ctx context.Context, by chat.Actor, _ *noInput) (*nothing, error) {
			return nil, d.core.ReadNotification(ctx, by, 0)
		})

	const push = "Push"
	handle(d, "GET /push/key", endpoint{id: "get-push-key", tag: push, summary: "Read the key to subscribe to Web Push with", codes: "push_disabled"},
		func(context.Context, chat.Actor, *noInput) (*reply[pushKey], error) {
			if d.PushKey == "" {
				return nil, chat.Errorf(chat.NotFound, "push_disabled", "This server does not push notifications to browsers.")
			}
			return ok(pushKey{d.PushKey}), nil
		})
	handle(d, "GET /push/subscriptions", endpoint{id: "list-push-subscriptions", tag: push, summary: "List the browsers that are pushed to"},
		func(ctx context.Context, by chat.Actor, _ *noInput) (*reply[pushList], error) {
			list, err := d.core.PushSubscriptions(ctx, by)
			return ok(pushList{convert(list, func(p chat.PushSubscription) PushSubscription {
				return PushSubscription{Endpoint: p.Endpoint, CreatedAt: stamp(p.CreatedAt), Current: p.SessionID == by.SessionID}
			})}), err
		})
	handle(d, "PUT /push/subscriptions", endpoint{
		id: "subscribe-push", tag: push, status: 204, summary: "Have notifications pushed to a browser",
		description: "The body is the browser's PushSubscription. Repeating it renews it.", codes: "push_endpoint_invalid push_keys_invalid",
	}, func(ctx context.Context, by chat.Actor, in *struct{ Body pushRequest }) (*nothing, error) {
		b := in.Body
		return nil, d.core.SubscribePush(ctx, by, chat.PushSubscription{
			UserID: by.UserID, SessionID: by.SessionID, Endpoint: b.Endpoint, P256dh: b.Keys.P256dh, Auth: b.Keys.Auth,
		})
	})
	handle(d, "DELETE /push/subscriptions", endpoint{
		id: "unsubscribe-push", tag: push, summary: "End pushing to a browser", description: "The endpoint stands in the body or in the query.",
		codes: "push_endpoint_invalid",
	}, func(ctx context.Context, by chat.Actor, in *struct {
		Endpoint string `query:"endpoint"`
		Body     *pushEndpoint
	}) (*nothing, error) {
		endpoint := in.Endpoint
		if in.Body != nil && endpoint == "" {
			endpoint = in.Body.Endpoint
		}
		return nil, d.core.UnsubscribePush(ctx, by, endpoint)
	})
}
