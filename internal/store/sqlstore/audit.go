package sqlstore

import (
	"context"
	"math"
	"strings"

	"parley/internal/chat"
)

// Audit lists entries of the audit log, newest first. After is inclusive, Before is not.
func (r reader) Audit(ctx context.Context, f chat.AuditFilter, p chat.Page) (entries []chat.AuditEntry, next string, err error) {
	before, err := parseIDCursor(p.Cursor, math.MaxInt64)
	if err != nil {
		return nil, "", err
	}
	var w where
	w.and("id < ?", before)
	if f.ActorID != "" {
		w.and("actor_id = ?", f.ActorID)
	}
	if f.TargetID != "" {
		w.and("target_id = ?", f.TargetID)
	}
	if f.RoomID != 0 {
		w.and("room_id = ?", f.RoomID)
	}
	if strings.HasSuffix(f.Action, ".") {
		w.and(`action LIKE ? ESCAPE '\'`, like(f.Action))
	} else if f.Action != "" {
		w.and("action = ?", f.Action)
	}
	if !f.After.IsZero() {
		w.and("at >= ?", millis(f.After))
	}
	if !f.Before.IsZero() {
		w.and("at < ?", millis(f.Before))
	}
	limit := pageLimit(p)
	entries, err = all(ctx, r.x, func(row scanner) (a chat.AuditEntry, err error) {
		err = row.Scan(&a.ID, asMillis(&a.At), &a.ActorID, &a.Action, &a.TargetType, &a.TargetID, &a.RoomID, asJSON(&a.Details))
		return a, err
	}, `SELECT id, at, actor_id, action, target_type, target_id, room_id, details FROM audit`+
		w.String()+w.bind(` ORDER BY id DESC LIMIT ?`, limit+1), w.args...)
	if err != nil {
		return nil, "", err
	}
	entries, next = page(entries, limit, func(a chat.AuditEntry) string { return idKey(a.ID) })
	return entries, next, nil
}

// AddAudit adds an entry to the audit log and assigns its id.
func (t *tx) AddAudit(ctx context.Context, a chat.AuditEntry) error {
	_, err := t.x.exec(ctx, `INSERT INTO audit (at, actor_id, action, target_type, target_id, room_id, details)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`, millis(a.At), a.ActorID, a.Action, a.TargetType, a.TargetID, a.RoomID, string(a.Details))
	return err
}
