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
	w.audit(f)
	limit := pageLimit(p)
	entries, err = all(ctx, r.x, scanAudit, `SELECT `+auditColumns+` FROM audit`+w.String()+w.bind(` ORDER BY id DESC LIMIT ?`, limit+1), w.args...)
	if err != nil {
		return nil, "", err
	}
	entries, next = page(entries, limit, func(a chat.AuditEntry) string { return idKey(a.ID) })
	return entries, next, nil
}

const auditColumns = `id, at, actor_id, action, target_type, target_id, room_id, details`

func scanAudit(row scanner) (a chat.AuditEntry, err error) {
	err = row.Scan(&a.ID, asMillis(&a.At), &a.ActorID, &a.Action, &a.TargetType, &a.TargetID, &a.RoomID, asJSON(&a.Details))
	return a, err
}

// audit adds what a filter asks for.
func (w *where) audit(f chat.AuditFilter) {
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
	if len(f.Actions) > 0 {
		args := make([]any, len(f.Actions))
		for i, action := range f.Actions {
			args[i] = action
		}
		w.and("action IN ("+strings.Repeat("?, ", len(args)-1)+"?)", args...)
	}
}

// AuditAt lists entries of the audit log from a place in it, newest first.
func (r reader) AuditAt(ctx context.Context, f chat.AuditFilter, offset, limit int) ([]chat.AuditEntry, error) {
	var w where
	w.audit(f)
	return all(ctx, r.x, scanAudit, `SELECT `+auditColumns+` FROM audit`+w.String()+w.bind(` ORDER BY id DESC LIMIT ? OFFSET ?`, max(limit, 0), max(offset, 0)), w.args...)
}

// AuditCounts counts the entries of each action that the filter lets through.
func (r reader) AuditCounts(ctx context.Context, f chat.AuditFilter) (map[string]int64, error) {
	type counted struct {
		action string
		n      int64
	}
	var w where
	w.audit(f)
	list, err := all(ctx, r.x, func(row scanner) (c counted, err error) {
		err = row.Scan(&c.action, &c.n)
		return c, err
	}, `SELECT action, COUNT(*) FROM audit`+w.String()+` GROUP BY action`, w.args...)
	counts := make(map[string]int64, len(list))
	for _, c := range list {
		counts[c.action] = c.n
	}
	return counts, err
}

// AddAudit adds an entry to the audit log and assigns its id.
func (t *tx) AddAudit(ctx context.Context, a chat.AuditEntry) error {
	_, err := t.x.exec(ctx, `INSERT INTO audit (at, actor_id, action, target_type, target_id, room_id, details)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`, millis(a.At), a.ActorID, a.Action, a.TargetType, a.TargetID, a.RoomID, string(a.Details))
	return err
}
