package sqlstore

import (
	"context"

	"parley/internal/chat"
)

var errWebhookNotFound = chat.Errorf(chat.NotFound, "webhook_not_found", "There is no such webhook.")

const webhookColumns = `id, room_id, name, avatar_url, created_by, created_at, version`

func scanWebhook(row scanner) (w chat.Webhook, err error) {
	var created int64
	err = row.Scan(&w.ID, &w.RoomID, &w.Name, &w.AvatarURL, &w.CreatedBy, &created, &w.Version)
	w.CreatedAt = fromMicros(created)
	return w, err
}

// Webhook implements core.Reader.
func (r reader) Webhook(ctx context.Context, id string) (chat.Webhook, error) {
	return one(ctx, r.x, errWebhookNotFound, scanWebhook, `SELECT `+webhookColumns+` FROM webhooks WHERE id = $1`, id)
}

// Webhooks implements core.Reader.
func (r reader) Webhooks(ctx context.Context, room chat.RoomID) ([]chat.Webhook, error) {
	if room == 0 {
		return all(ctx, r.x, scanWebhook, `SELECT `+webhookColumns+` FROM webhooks ORDER BY created_at, id`)
	}
	return all(ctx, r.x, scanWebhook, `SELECT `+webhookColumns+` FROM webhooks WHERE room_id = $1 ORDER BY created_at, id`, int64(room))
}

// CreateWebhook implements core.Tx.
func (t *tx) CreateWebhook(ctx context.Context, w chat.Webhook) error {
	_, err := t.x.exec(ctx, `INSERT INTO webhooks (`+webhookColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		w.ID, int64(w.RoomID), w.Name, w.AvatarURL, string(w.CreatedBy), micros(w.CreatedAt), w.Version)
	return err
}

// UpdateWebhook implements core.Tx.
func (t *tx) UpdateWebhook(ctx context.Context, w chat.Webhook) error {
	n, err := t.x.exec(ctx, `UPDATE webhooks SET name = $1, avatar_url = $2, version = $3 WHERE id = $4`, w.Name, w.AvatarURL, w.Version, w.ID)
	return must(n, err, errWebhookNotFound)
}

// DeleteWebhook implements core.Tx.
func (t *tx) DeleteWebhook(ctx context.Context, id string) error {
	n, err := t.x.exec(ctx, `DELETE FROM webhooks WHERE id = $1`, id)
	return must(n, err, errWebhookNotFound)
}
