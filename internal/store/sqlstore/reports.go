package sqlstore

import (
	"cmp"
	"context"
	"math"

	"parley/internal/chat"
)

const reportColumns = `id, message_id, room_id, reporter_id, author_id, reason, content, created_at, state, handled_by, handled_at, note`

func scanReport(row scanner) (r chat.Report, err error) {
	err = row.Scan(&r.ID, &r.MessageID, &r.RoomID, &r.ReporterID, &r.AuthorID, &r.Reason, &r.Content, asMillis(&r.CreatedAt),
		&r.State, &r.HandledBy, asMillis(&r.HandledAt), &r.Note)
	return r, err
}

// Report returns a report by id.
func (r reader) Report(ctx context.Context, id int64) (chat.Report, error) {
	return one(ctx, r.x, chat.ErrNotFound, scanReport, `SELECT `+reportColumns+` FROM reports WHERE id = $1`, id)
}

// Reports lists the reports in a state: open ones oldest first, others newest first. The empty state is all of them, newest
// first.
func (r reader) Reports(ctx context.Context, state chat.ReportState, p chat.Page) (reports []chat.Report, next string, err error) {
	var w where
	if state != "" {
		w.and("state = ?", state)
	}
	compare, order, first := "id < ?", " ORDER BY id DESC", int64(math.MaxInt64)
	if state == chat.ReportOpen {
		compare, order, first = "id > ?", " ORDER BY id", 0
	}
	after, err := parseIDCursor(p.Cursor, first)
	if err != nil {
		return nil, "", err
	}
	w.and(compare, after)
	limit := pageLimit(p)
	reports, err = all(ctx, r.x, scanReport, `SELECT `+reportColumns+` FROM reports`+w.String()+order+w.bind(` LIMIT ?`, limit+1), w.args...)
	if err != nil {
		return nil, "", err
	}
	reports, next = page(reports, limit, func(r chat.Report) string { return idKey(r.ID) })
	return reports, next, nil
}

var errAlreadyReported = chat.Errorf(chat.Conflict, "already_reported", "You have reported this message already. Moderators will look at it.")

// CreateReport stores a report and assigns its id. Fails with Conflict already_reported while the same person has an open
// report of the same message.
func (t *tx) CreateReport(ctx context.Context, r chat.Report) (chat.Report, error) {
	return one(ctx, t.x, errAlreadyReported, scanReport, `INSERT INTO reports (message_id, room_id, reporter_id, author_id, reason, content,
			created_at, state, handled_by, handled_at, note)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING RETURNING `+reportColumns,
		r.MessageID, r.RoomID, r.ReporterID, r.AuthorID, r.Reason, r.Content,
		millis(r.CreatedAt), cmp.Or(r.State, chat.ReportOpen), r.HandledBy, millis(r.HandledAt), r.Note)
}

// UpdateReport stores how a report was handled. Fails with not_found, or Conflict already_reported when it opens one again
// beside another of the same person and message.
func (t *tx) UpdateReport(ctx context.Context, r chat.Report) error {
	n, err := t.x.exec(ctx, `UPDATE reports SET state = $1, handled_by = $2, handled_at = $3, note = $4 WHERE id = $5`,
		r.State, r.HandledBy, millis(r.HandledAt), r.Note, r.ID)
	return must(n, t.conflict(err, errAlreadyReported), chat.ErrNotFound)
}
