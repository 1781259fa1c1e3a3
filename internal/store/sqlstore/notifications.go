package sqlstore

import (
	"cmp"
	"context"
	"math"
	"time"

	"parley/internal/chat"
)

const notificationColumns = `id, user_id, type, title, content, room_id, message_id, actor_id, invite_code, severity, created_at, read_at, expires_at`

func scanNotification(row scanner) (n chat.Notification, err error) {
	err = row.Scan(&n.ID, &n.UserID, &n.Type, &n.Title, &n.Content, &n.RoomID, &n.MessageID, &n.ActorID, &n.InviteCode, &n.Severity,
		asMillis(&n.CreatedAt), asMillis(&n.ReadAt), asMillis(&n.ExpiresAt))
	return n, err
}

// Notifications lists a user's notifications that have not expired at a time, or only the unread ones of them, newest first.
func (r reader) Notifications(ctx context.Context, user chat.UserID, unread bool, at time.Time, p chat.Page) (n []chat.Notification, next string, err error) {
	before, err := parseIDCursor(p.Cursor, math.MaxInt64)
	if err != nil {
		return nil, "", err
	}
	which := ``
	if unread {
		which = ` AND read_at = 0`
	}
	limit := pageLimit(p)
	n, err = all(ctx, r.x, scanNotification, `SELECT `+notificationColumns+` FROM notifications
		WHERE user_id = $1 AND id < $2 AND expires_at > $3`+which+` ORDER BY id DESC LIMIT $4`, user, before, millis(at), limit+1)
	if err != nil {
		return nil, "", err
	}
	n, next = page(n, limit, func(n chat.Notification) string { return idKey(n.ID) })
	return n, next, nil
}

// UnreadNotifications counts a user's unread notifications that have not expired at a time.
func (r reader) UnreadNotifications(ctx context.Context, user chat.UserID, at time.Time) (int, error) {
	return one(ctx, r.x, chat.ErrNotFound, scalar[int],
		`SELECT COUNT(*) FROM notifications WHERE user_id = $1 AND read_at = 0 AND expires_at > $2`, user, millis(at))
}

// CreateNotification stores a notification and assigns its id. Fails with user_not_found.
func (t *tx) CreateNotification(ctx context.Context, n chat.Notification) (chat.Notification, error) {
	if err := t.needUser(ctx, n.UserID); err != nil {
		return chat.Notification{}, err
	}
	return one(ctx, t.x, chat.ErrNotFound, scanNotification, `INSERT INTO notifications (user_id, type, title, content, room_id, message_id,
			actor_id, invite_code, severity, created_at, read_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING `+notificationColumns,
		n.UserID, n.Type, n.Title, n.Content, n.RoomID, n.MessageID,
		n.ActorID, n.InviteCode, cmp.Or(n.Severity, chat.SeverityInfo), millis(n.CreatedAt), millis(n.ReadAt), millis(n.ExpiresAt))
}

// ReadNotifications marks one of a user's notifications, or with id 0 all of them, as read, and returns how many were not.
func (t *tx) ReadNotifications(ctx context.Context, user chat.UserID, id int64, at time.Time) (int, error) {
	query, args := `UPDATE notifications SET read_at = $1 WHERE user_id = $2 AND read_at = 0`, []any{millis(at), user}
	if id != 0 {
		query, args = query+` AND id = $3`, append(args, id)
	}
	n, err := t.x.exec(ctx, query, args...)
	return int(n), err
}

// ReadRoomNotifications marks a user's notifications of messages of a room, up to one message, as read, and returns how many
// were not. An invitation to the room stays unread.
func (t *tx) ReadRoomNotifications(ctx context.Context, user chat.UserID, room chat.RoomID, upTo chat.MessageID, at time.Time) (int, error) {
	n, err := t.x.exec(ctx, `UPDATE notifications SET read_at = $1
		WHERE user_id = $2 AND room_id = $3 AND read_at = 0 AND message_id > 0 AND message_id <= $4`, millis(at), user, room, upTo)
	return int(n), err
}
