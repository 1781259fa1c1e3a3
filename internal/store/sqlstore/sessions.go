package sqlstore

import (
	"context"
	"time"

	"parley/internal/chat"
)

const sessionColumns = `id, user_id, device, address, created_at, last_used_at, expires_at, revoked_at`

func scanSession(row scanner) (s chat.Session, err error) {
	err = row.Scan(&s.ID, &s.UserID, &s.Device, &s.Address, asMillis(&s.CreatedAt), asMillis(&s.LastUsedAt),
		asMillis(&s.ExpiresAt), asMillis(&s.RevokedAt))
	return s, err
}

// Session returns a session, live or not.
func (r reader) Session(ctx context.Context, id chat.SessionID) (chat.Session, error) {
	return one(ctx, r.x, chat.ErrNotFound, scanSession, `SELECT `+sessionColumns+` FROM sessions WHERE id = $1`, id)
}

// SessionsOf lists the sessions of a user that are live at a time, newest use first.
func (r reader) SessionsOf(ctx context.Context, user chat.UserID, at time.Time) ([]chat.Session, error) {
	return all(ctx, r.x, scanSession, `SELECT `+sessionColumns+` FROM sessions
		WHERE user_id = $1 AND revoked_at = 0 AND expires_at > $2 ORDER BY last_used_at DESC, id`, user, millis(at))
}

// CreateSession stores a login. Fails with user_not_found.
func (t *tx) CreateSession(ctx context.Context, s chat.Session) error {
	if err := t.needUser(ctx, s.UserID); err != nil {
		return err
	}
	_, err := t.x.exec(ctx, `INSERT INTO sessions (id, user_id, device, address, created_at, last_used_at, expires_at, revoked_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		s.ID, s.UserID, s.Device, s.Address, millis(s.CreatedAt), millis(s.LastUsedAt), millis(s.ExpiresAt), millis(s.RevokedAt))
	return err
}

// TouchSession notes a use. The time never moves back, and an empty address keeps the known one.
func (t *tx) TouchSession(ctx context.Context, id chat.SessionID, at time.Time, address string) error {
	n, err := t.x.exec(ctx, `UPDATE sessions SET
			last_used_at = CASE WHEN last_used_at < $1 THEN $2 ELSE last_used_at END,
			address = CASE WHEN $3 = '' THEN address ELSE $4 END
		WHERE id = $5`, millis(at), millis(at), address, address, id)
	return must(n, err, chat.ErrNotFound)
}

// RevokeSessions ends live sessions of a user, one or all but one, and returns how many ended.
func (t *tx) RevokeSessions(ctx context.Context, user chat.UserID, only, except chat.SessionID, at time.Time) (int, error) {
	which, session := `id <> $3`, except
	if only != "" {
		which, session = `id = $3`, only
	}
	n, err := t.x.exec(ctx, `UPDATE sessions SET revoked_at = $1 WHERE user_id = $2 AND `+which+` AND revoked_at = 0 AND expires_at > $4`,
		millis(at), user, session, millis(at))
	return int(n), err
}
