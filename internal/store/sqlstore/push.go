package sqlstore

import (
	"context"

	"parley/internal/chat"
)

// PushSubscriptions lists the browsers that a user wants to be told on, oldest first.
func (r reader) PushSubscriptions(ctx context.Context, user chat.UserID) ([]chat.PushSubscription, error) {
	return all(ctx, r.x, func(row scanner) (p chat.PushSubscription, err error) {
		err = row.Scan(&p.UserID, &p.SessionID, &p.Endpoint, &p.P256dh, &p.Auth, asMillis(&p.CreatedAt), &p.Device, asMillis(&p.LastUsedAt))
		return p, err
	}, `SELECT user_id, session_id, endpoint, p256dh, auth, created_at, device, last_used_at FROM push_subscriptions WHERE user_id = $1
		ORDER BY created_at, endpoint`, user)
}

// PutPushSubscription stores a subscription. An endpoint is one browser: it belongs to whoever subscribed last. Fails with
// user_not_found.
func (t *tx) PutPushSubscription(ctx context.Context, p chat.PushSubscription) error {
	if err := t.needUser(ctx, p.UserID); err != nil {
		return err
	}
	_, err := t.x.exec(ctx, `INSERT INTO push_subscriptions (endpoint, user_id, session_id, p256dh, auth, created_at, device, last_used_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (endpoint) DO UPDATE SET user_id = excluded.user_id, session_id = excluded.session_id, p256dh = excluded.p256dh,
			auth = excluded.auth, created_at = excluded.created_at, device = excluded.device, last_used_at = excluded.last_used_at`,
		p.Endpoint, p.UserID, p.SessionID, p.P256dh, p.Auth, millis(p.CreatedAt), p.Device, millis(p.LastUsedAt))
	return err
}

// DeletePushSubscription removes a subscription of a user, or with user "" of whoever has it, and reports whether it was there.
func (t *tx) DeletePushSubscription(ctx context.Context, user chat.UserID, endpoint string) (bool, error) {
	query, args := `DELETE FROM push_subscriptions WHERE endpoint = $1`, []any{endpoint}
	if user != "" {
		query, args = query+` AND user_id = $2`, append(args, user)
	}
	n, err := t.x.exec(ctx, query, args...)
	return n > 0, err
}
