package sqlstore

import (
	"context"
	"slices"
	"time"

	"parley/internal/chat"
	"parley/internal/fold"
)

const attachmentColumns = `id, "key", uploader_id, room_id, message_id, filename, size, mime_type, width, height, hash, thumb_hash, thumb_mime,
	scan, created_at, expires_at`

func scanAttachment(row scanner) (a chat.Attachment, err error) {
	err = row.Scan(&a.ID, &a.Key, &a.UploaderID, &a.RoomID, &a.MessageID, &a.Filename, &a.Size, &a.MIMEType, &a.Width, &a.Height, &a.Hash,
		&a.ThumbHash, &a.ThumbMIME, &a.Scan, asMillis(&a.CreatedAt), asMillis(&a.ExpiresAt))
	return a, err
}

// fillAttachments loads the attachments of messages.
func (r reader) fillAttachments(ctx context.Context, ids []chat.MessageID, byID map[chat.MessageID]*messageRow) error {
	list, args := in(nil, ids)
	return each(ctx, r.x, func(row scanner) error {
		a, err := scanAttachment(row)
		if err == nil {
			m := byID[a.MessageID]
			m.Attachments = append(m.Attachments, a)
		}
		return err
	}, `SELECT `+attachmentColumns+` FROM attachments WHERE message_id IN `+list+` ORDER BY message_id, position`, args...)
}

// Attachment implements core.Reader.
func (r reader) Attachment(ctx context.Context, id chat.AttachmentID) (chat.Attachment, error) {
	return one(ctx, r.x, chat.ErrNotFound, scanAttachment, `SELECT `+attachmentColumns+` FROM attachments WHERE id = $1`, id)
}

// AttachmentByKey implements core.Reader.
func (r reader) AttachmentByKey(ctx context.Context, key string) (chat.Attachment, error) {
	return one(ctx, r.x, chat.ErrNotFound, scanAttachment, `SELECT `+attachmentColumns+` FROM attachments WHERE "key" = $1`, key)
}

// AttachmentsByKey implements core.Reader: in no order, unknown keys left out.
func (r reader) AttachmentsByKey(ctx context.Context, keys []string) ([]chat.Attachment, error) {
	return allIn(ctx, r.x, scanAttachment, `SELECT `+attachmentColumns+` FROM attachments WHERE "key" IN `, keys)
}

func (r reader) attachmentsByID(ctx context.Context, ids []chat.AttachmentID) (list []chat.Attachment, err error) {
	for chunk := range slices.Chunk(ids, maxList) {
		places, args := in(nil, chunk)
		found, err := all(ctx, r.x, scanAttachment, `SELECT `+attachmentColumns+` FROM attachments WHERE id IN `+places+` ORDER BY id`+r.s.fl.lockRows, args...)
		if err != nil {
			return nil, err
		}
		list = append(list, found...)
	}
	return list, nil
}

// UnusedAttachments implements core.Reader: oldest first.
func (r reader) UnusedAttachments(ctx context.Context, before time.Time, limit int) ([]chat.Attachment, error) {
	return all(ctx, r.x, scanAttachment, `SELECT `+attachmentColumns+` FROM attachments
		WHERE message_id = 0 AND created_at < $1 ORDER BY created_at LIMIT $2`, millis(before), limit)
}

// PendingAttachments implements core.Reader.
func (r reader) PendingAttachments(ctx context.Context, after chat.AttachmentID, limit int) ([]chat.Attachment, error) {
	return all(ctx, r.x, scanAttachment, `SELECT `+attachmentColumns+` FROM attachments
		WHERE message_id = 0 AND scan = '`+string(chat.ScanPending)+`' AND id > $1 ORDER BY id LIMIT $2`, after, limit)
}

// BlobInUse implements core.Reader.
func (r reader) BlobInUse(ctx context.Context, hash string) (bool, error) {
	return r.blobUsed(ctx, hash, "<> '"+string(chat.ScanInfected)+"'")
}

// Quarantined implements core.Reader.
func (r reader) Quarantined(ctx context.Context, hash string) (bool, error) {
	const clean = "'" + string(chat.ScanClean) + "'"
	held, err := exists(ctx, r.x, `SELECT 1 FROM attachments WHERE hash = $1 AND scan <> `+clean+`
		UNION ALL SELECT 1 FROM attachments WHERE thumb_hash = $2 AND thumb_hash <> '' AND scan <> `+clean+` LIMIT 1`, hash, hash)
	if err != nil || !held {
		return false, err
	}
	used, err := r.blobUsed(ctx, hash, "= "+clean)
	return !used, err
}

// blobUsed reports whether anything needs a blob, of the attachments only those whose scan is so. An avatar's URL ends in the
// hash of its picture; previews and emoji have tables of theirs; assets are named in settings.
func (r reader) blobUsed(ctx context.Context, hash, scan string) (bool, error) {
	if hash == "" {
		return false, nil
	}
	return exists(ctx, r.x, `SELECT 1 FROM attachments WHERE hash = $1 AND scan `+scan+`
		UNION ALL SELECT 1 FROM attachments WHERE thumb_hash = $2 AND thumb_hash <> '' AND scan `+scan+`
		UNION ALL SELECT 1 FROM users WHERE substr(avatar_url, length(avatar_url) - 63) = $3 AND avatar_url <> ''
		UNION ALL SELECT 1 FROM rooms WHERE substr(avatar_url, length(avatar_url) - 63) = $4 AND avatar_url <> ''
		UNION ALL SELECT 1 FROM link_pictures WHERE hash = $5
		UNION ALL SELECT 1 FROM emoji WHERE hash = $6
		UNION ALL SELECT 1 FROM settings WHERE value LIKE $7 ESCAPE '\'
		LIMIT 1`, hash, hash, hash, hash, hash, hash, "%"+like(hash))
}

// CreateAttachment implements core.Tx: an upload that no message has yet. The id is assigned.
func (t *tx) CreateAttachment(ctx context.Context, a chat.Attachment) (chat.Attachment, error) {
	return one(ctx, t.x, chat.ErrNotFound, scanAttachment, `INSERT INTO attachments ("key", uploader_id, filename, size, mime_type, width, height,
			hash, thumb_hash, thumb_mime, scan, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING `+attachmentColumns,
		a.Key, a.UploaderID, a.Filename, a.Size, a.MIMEType, a.Width, a.Height,
		a.Hash, a.ThumbHash, a.ThumbMIME, a.Scan, millis(a.CreatedAt), millis(a.ExpiresAt))
}

// SetScan implements core.Tx. Fails with not_found.
func (t *tx) SetScan(ctx context.Context, id chat.AttachmentID, state chat.ScanState) error {
	n, err := t.x.exec(ctx, `UPDATE attachments SET scan = $1 WHERE id = $2`, state, id)
	return must(n, err, chat.ErrNotFound)
}

// DeleteAttachment implements core.Tx. A message that has the attachment has one less. Fails with not_found.
func (t *tx) DeleteAttachment(ctx context.Context, id chat.AttachmentID) error {
	a, err := t.Attachment(ctx, id)
	if err != nil {
		return err
	}
	remove := func() error {
		if _, err := t.x.exec(ctx, `DELETE FROM attachments WHERE id = $1`, id); err != nil || a.MessageID == 0 {
			return err
		}
		_, err := t.x.exec(ctx, `UPDATE messages SET attachments = (SELECT COUNT(*) FROM attachments WHERE message_id = $1) WHERE id = $2`, a.MessageID, a.MessageID)
		return err
	}
	if a.MessageID == 0 {
		return remove()
	}
	_, err = t.touch(ctx, a.MessageID, func(seq chat.Seq) error {
		return t.reindex(ctx, a.MessageID, func() error {
			if err := remove(); err != nil {
				return err
			}
			search, err := t.searchTextOf(ctx, a.MessageID)
			if err != nil {
				return err
			}
			_, err = t.x.exec(ctx, `UPDATE messages SET change_seq = $1, search = $2 WHERE id = $3`, seq, search, a.MessageID)
			return err
		})
	})
	return err
}

// searchTextOf makes the column search of a message anew from its content and the names of its files.
func (t *tx) searchTextOf(ctx context.Context, id chat.MessageID) (any, error) {
	found, err := exists(ctx, t.x, `SELECT 1 FROM messages WHERE id = $1 AND search IS NOT NULL`, id)
	if err != nil || !found {
		return nil, err
	}
	m, err := t.Message(ctx, id)
	if err != nil {
		return nil, err
	}
	text := m.Content
	for _, a := range m.Attachments {
		text += "\n" + a.Filename
	}
	return searchText(fold.Fold(text), m.Content), nil
}
