package sqlstore

import (
	"context"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

// statDays is how many days Stats looks back, the running one included.
const statDays = 30

// Stats implements core.Reader. It counts rows: a page for the operator, not something to ask every second.
func (r reader) Stats(ctx context.Context, at time.Time) (st core.Stats, err error) {
	err = each(ctx, r.x, func(row scanner) error {
		return row.Scan(&st.Users, &st.Rooms, &st.Messages, &st.Attachments, &st.AttachmentBytes, &st.OpenReports, &st.LiveSanctions)
	}, `SELECT (SELECT COUNT(*) FROM users), (SELECT COUNT(*) FROM rooms), (SELECT COALESCE(SUM(message_count), 0) FROM room_heads),
			(SELECT COUNT(*) FROM attachments), (SELECT COALESCE(SUM(size), 0) FROM attachments),
			(SELECT COUNT(*) FROM reports WHERE state = 'open'),
			(SELECT COUNT(*) FROM sanctions WHERE lifted_at = 0 AND (until = 0 OR until > $1))`, millis(at))
	if err != nil {
		return core.Stats{}, err
	}
	today := day(at)
	first := today - statDays + 1
	st.Days = make([]core.DayStats, statDays)
	for i := range st.Days {
		st.Days[i].Day = time.Unix((first+int64(i))*daySeconds, 0).UTC().Format(time.DateOnly)
	}
	const dayMillis = daySeconds * 1000
	for _, c := range []struct {
		into  func(d *core.DayStats) *int64
		query string
		from  int64
	}{
		{func(d *core.DayStats) *int64 { return &d.Messages }, `SELECT day, SUM(messages) FROM days WHERE day >= $1 GROUP BY day`, first},
		{func(d *core.DayStats) *int64 { return &d.Senders }, `SELECT day, COUNT(*) FROM day_senders WHERE day >= $1 GROUP BY day`, first},
		{func(d *core.DayStats) *int64 { return &d.NewUsers },
			`SELECT created_at / 86400000, COUNT(*) FROM users WHERE created_at >= $1 GROUP BY created_at / 86400000`, first * dayMillis},
		{func(d *core.DayStats) *int64 { return &d.Bytes },
			`SELECT created_at / 86400000, SUM(size) FROM attachments WHERE created_at >= $1 GROUP BY created_at / 86400000`, first * dayMillis},
	} {
		err := each(ctx, r.x, func(row scanner) error {
			var day, n int64
			err := row.Scan(&day, &n)
			if day >= first && day <= today {
				*c.into(&st.Days[day-first]) = n
			}
			return err
		}, c.query, c.from)
		if err != nil {
			return core.Stats{}, err
		}
	}
	return st, nil
}

// daySeconds is the length of a day of UTC.
const daySeconds = 24 * 60 * 60

// What Expire keeps of things that have no end of their own.
const (
	readMarkLife = 90 * 24 * time.Hour
	expireBulk   = 5000 // rows of a kind that one call removes: some 30 ms of work
)

// Expire implements core.Tx.
func (t *tx) Expire(ctx context.Context, at time.Time) error {
	for _, e := range []struct {
		statement string
		bound     int64
	}{
		{`DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)`, millis(at)},
		{`DELETE FROM notifications WHERE id IN (SELECT id FROM notifications WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)`, millis(at)},
		{`DELETE FROM nonces WHERE (day, "key") IN (SELECT day, "key" FROM nonces WHERE day < $1 ORDER BY day LIMIT $2)`, day(at) - 1},
		{`DELETE FROM read_marks WHERE (room_id, user_id, seq) IN (SELECT room_id, user_id, seq FROM read_marks WHERE at < $1 ORDER BY at LIMIT $2)`,
			millis(at.Add(-readMarkLife))},
		{`DELETE FROM slow_sends WHERE (room_id, user_id) IN (SELECT room_id, user_id FROM slow_sends WHERE at < $1 ORDER BY at LIMIT $2)`,
			millis(at.Add(-chat.MaxSlowMode))},
		{`DELETE FROM day_senders WHERE (day, user_id) IN (SELECT day, user_id FROM day_senders WHERE day < $1 ORDER BY day LIMIT $2)`, day(at) - 2*statDays},
	} {
		if _, err := t.x.exec(ctx, e.statement, e.bound, expireBulk); err != nil {
			return err
		}
	}
	if t.s.fl.remote {
		_, err := t.x.exec(ctx, `DELETE FROM commit_marks WHERE at < $1`, time.Now().Add(-markLife).UnixMilli())
		return err
	}
	return nil
}
