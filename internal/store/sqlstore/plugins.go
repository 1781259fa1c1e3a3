package sqlstore

import (
	"context"
	"encoding/json"

	"parley/internal/chat"
)

// PluginValue implements core.Reader.
func (r reader) PluginValue(ctx context.Context, plugin, key string) (json.RawMessage, error) {
	text, err := one(ctx, r.x, chat.ErrNotFound, scalar[string], `SELECT value FROM plugin_values WHERE plugin = $1 AND "key" = $2`, plugin, key)
	if err != nil {
		return nil, err
	}
	return json.RawMessage(text), nil
}

// PluginKeys implements core.Reader.
func (r reader) PluginKeys(ctx context.Context, plugin string) ([]string, error) {
	return all(ctx, r.x, scalar[string], `SELECT "key" FROM plugin_values WHERE plugin = $1`, plugin)
}

// PluginUsage implements core.Reader.
func (r reader) PluginUsage(ctx context.Context, plugin string) (keys int, bytes int64, err error) {
	type usage struct {
		keys  int
		bytes int64
	}
	u, err := one(ctx, r.x, chat.ErrNotFound, func(row scanner) (u usage, err error) {
		err = row.Scan(&u.keys, &u.bytes)
		return u, err
	}, `SELECT COUNT(*), COALESCE(SUM(OCTET_LENGTH("key") + OCTET_LENGTH(value)), 0) FROM plugin_values WHERE plugin = $1`, plugin)
	return u.keys, u.bytes, err
}

// PutPluginValue implements core.Tx.
func (t *tx) PutPluginValue(ctx context.Context, plugin, key string, value json.RawMessage) error {
	_, err := t.x.exec(ctx, `INSERT INTO plugin_values (plugin, "key", value) VALUES ($1, $2, $3) ON CONFLICT (plugin, "key") DO UPDATE SET value = excluded.value`,
		plugin, key, string(value))
	return err
}

// DeletePluginValue implements core.Tx.
func (t *tx) DeletePluginValue(ctx context.Context, plugin, key string) error {
	_, err := t.x.exec(ctx, `DELETE FROM plugin_values WHERE plugin = $1 AND "key" = $2`, plugin, key)
	return err
}
