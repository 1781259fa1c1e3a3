package sqlstore

import (
	"context"
	"encoding/json"

	"parley/internal/chat"
)

// Setting returns the value that was stored under a key. Fails with not_found when there was none.
func (r reader) Setting(ctx context.Context, key string) (json.RawMessage, error) {
	text, err := one(ctx, r.x, chat.ErrNotFound, scalar[string], `SELECT value FROM settings WHERE "key" = $1`, key)
	if err != nil {
		return nil, err
	}
	return json.RawMessage(text), nil
}

// PutSetting stores a value under a key; nil is the JSON null.
func (t *tx) PutSetting(ctx context.Context, key string, value json.RawMessage) error {
	if len(value) == 0 {
		value = json.RawMessage("null")
	}
	_, err := t.x.exec(ctx, `INSERT INTO settings ("key", value) VALUES ($1, $2) ON CONFLICT ("key") DO UPDATE SET value = excluded.value`,
		key, string(value))
	return err
}
