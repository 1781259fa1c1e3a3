package sqlstore

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"parley/internal/chat"
)

const sanctionColumns = `id, kind, room_id, user_id, reason, issued_by, created_at, until, lifted_at, lifted_by, lift_reason`

func scanSanction(row scanner) (s chat.Sanction, err error) {
	err = row.Scan(&s.ID, &s.Kind, &s.RoomID, &s.UserID, &s.Reason, &s.IssuedBy, asMillis(&s.CreatedAt), asMillis(&s.Until),
		asMillis(&s.LiftedAt), &s.LiftedBy, &s.LiftReason)
	return s, err
}

// Sanctions lists sanctions, newest first.
func (r reader) Sanctions(ctx context.Context, f chat.SanctionFilter, p chat.Page) (s []chat.Sanction, next string, err error) {
	before, err := parseIDCursor(p.Cursor, math.MaxInt64)
	if err != nil {
		return nil, "", err
	}
	var w where
	w.and("id < ?", before)
	if f.UserID != "" {
		w.and("user_id = ?", f.UserID)
	}
	if f.RoomID != 0 {
		w.and("room_id = ?", f.RoomID)
	}
	if f.ServerOnly {
		w.and("room_id = 0")
	}
	if f.Kind != "" {
		w.and("kind = ?", f.Kind)
	}
	if !f.LiveAt.IsZero() {
		w.and("lifted_at = 0 AND (until = 0 OR until > ?)", millis(f.LiveAt))
	}
	limit := pageLimit(p)
	s, err = all(ctx, r.x, scanSanction,
		`SELECT `+sanctionColumns+` FROM sanctions`+w.String()+w.bind(` ORDER BY id DESC LIMIT ?`, limit+1), w.args...)
	if err != nil {
		return nil, "", err
	}
	s, next = page(s, limit, func(s chat.Sanction) string { return idKey(s.ID) })
	return s, next, nil
}

// LiveSanctions lists the sanctions of one person that hold at a time, oldest first: those of the whole server, and those of
// the room unless it is 0.
func (r reader) LiveSanctions(ctx context.Context, user chat.UserID, room chat.RoomID, at time.Time) ([]chat.Sanction, error) {
	return all(ctx, r.x, scanSanction, `SELECT `+sanctionColumns+` FROM sanctions
		WHERE user_id = $1 AND room_id IN (0, $2) AND lifted_at = 0 AND (until = 0 OR until > $3) ORDER BY id`, user, room, millis(at))
}

// Bans lists the bans from the whole server that hold at a time, oldest first.
func (r reader) Bans(ctx context.Context, at time.Time) ([]chat.Sanction, error) {
	return all(ctx, r.x, scanSanction, `SELECT `+sanctionColumns+` FROM sanctions
		WHERE room_id = 0 AND kind = 'ban' AND lifted_at = 0 AND (until = 0 OR until > $1) ORDER BY id`, millis(at))
}

// CreateSanction stores a sanction and assigns its id.
func (t *tx) CreateSanction(ctx context.Context, s chat.Sanction) (chat.Sanction, error) {
	return one(ctx, t.x, chat.ErrNotFound, scanSanction, `INSERT INTO sanctions (kind, room_id, user_id, reason, issued_by, created_at, until,
			lifted_at, lifted_by, lift_reason)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING `+sanctionColumns,
		s.Kind, s.RoomID, s.UserID, s.Reason, s.IssuedBy, millis(s.CreatedAt), millis(s.Until), millis(s.LiftedAt), s.LiftedBy, s.LiftReason)
}

// LiftSanctions ends the live sanctions of one kind against one person in exactly that room, or with room 0 on the server,
// and returns them as they are now, oldest first.
func (t *tx) LiftSanctions(ctx context.Context, user chat.UserID, room chat.RoomID, kind chat.SanctionKind, by chat.UserID, reason string, at time.Time) ([]chat.Sanction, error) {
	lifted, err := all(ctx, t.x, scanSanction, `UPDATE sanctions SET lifted_at = $1, lifted_by = $2, lift_reason = $3
		WHERE user_id = $4 AND room_id = $5 AND kind = $6 AND lifted_at = 0 AND (until = 0 OR until > $7) RETURNING `+sanctionColumns,
		millis(at), by, reason, user, room, kind, millis(at))
	slices.SortFunc(lifted, func(a, b chat.Sanction) int { return cmp.Compare(a.ID, b.ID) })
	return lifted, err
}
