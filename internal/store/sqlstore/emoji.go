package sqlstore

import (
	"context"
	"strconv"
	"strings"

	"parley/internal/chat"
)

var (
	errEmojiNotFound = chat.Errorf(chat.NotFound, "emoji_not_found", "There is no such emoji.")
	errEmojiName     = &chat.Error{Kind: chat.Conflict, Code: "emoji_name_taken", Field: "name", Text: "Another emoji has this name. Choose another one."}
)

const emojiColumns = `id, name, hash, mime_type, width, height, animated, version, created_by, created_at`

func scanEmoji(row scanner) (e chat.Emoji, err error) {
	err = row.Scan(&e.ID, &e.Name, &e.Hash, &e.MIMEType, &e.Width, &e.Height, &e.Animated, &e.Version, &e.CreatedBy, asMillis(&e.CreatedAt))
	return e, err
}

// Emoji implements core.Reader.
func (r reader) Emoji(ctx context.Context, id chat.EmojiID) (chat.Emoji, error) {
	return one(ctx, r.x, errEmojiNotFound, scanEmoji, `SELECT `+emojiColumns+` FROM emoji WHERE id = $1`, int64(id))
}

// EmojiByName implements core.Reader.
func (r reader) EmojiByName(ctx context.Context, name string) (chat.Emoji, error) {
	return one(ctx, r.x, errEmojiNotFound, scanEmoji, `SELECT `+emojiColumns+` FROM emoji WHERE name_key = $1`, strings.ToLower(name))
}

// AllEmoji implements core.Reader.
func (r reader) AllEmoji(ctx context.Context) ([]chat.Emoji, error) {
	return all(ctx, r.x, scanEmoji, `SELECT `+emojiColumns+` FROM emoji ORDER BY id`)
}

// CreateEmoji implements core.Tx.
func (t *tx) CreateEmoji(ctx context.Context, e chat.Emoji) (chat.Emoji, error) {
	count, err := one(ctx, t.x, chat.ErrNotFound, scalar[string], `INSERT INTO settings ("key", value) VALUES ('emoji.count', '1')
		ON CONFLICT ("key") DO UPDATE SET value = CAST(CAST(settings.value AS BIGINT) + 1 AS TEXT) RETURNING value`)
	if err != nil {
		return chat.Emoji{}, err
	}
	id, err := strconv.ParseInt(count, 10, 64)
	if err != nil {
		return chat.Emoji{}, err
	}
	id-- // they count from 0
	return one(ctx, t.x, errEmojiName, scanEmoji, `INSERT INTO emoji (id, name, name_key, hash, mime_type, width, height, animated, version, created_by, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING RETURNING `+emojiColumns,
		id, e.Name, strings.ToLower(e.Name), e.Hash, e.MIMEType, e.Width, e.Height, e.Animated, e.Version, string(e.CreatedBy), millis(e.CreatedAt))
}

// UpdateEmoji implements core.Tx.
func (t *tx) UpdateEmoji(ctx context.Context, e chat.Emoji) error {
	key := strings.ToLower(e.Name)
	taken, err := exists(ctx, t.x, `SELECT 1 FROM emoji WHERE name_key = $1 AND id <> $2`, key, int64(e.ID))
	if err != nil {
		return err
	}
	if taken {
		return errEmojiName
	}
	n, err := t.x.exec(ctx, `UPDATE emoji SET name = $1, name_key = $2, hash = $3, mime_type = $4, width = $5, height = $6, animated = $7, version = $8 WHERE id = $9`,
		e.Name, key, e.Hash, e.MIMEType, e.Width, e.Height, e.Animated, e.Version, int64(e.ID))
	return must(n, err, errEmojiNotFound)
}

// DeleteEmoji implements core.Tx.
func (t *tx) DeleteEmoji(ctx context.Context, id chat.EmojiID) error {
	n, err := t.x.exec(ctx, `DELETE FROM emoji WHERE id = $1`, int64(id))
	return must(n, err, errEmojiNotFound)
}
