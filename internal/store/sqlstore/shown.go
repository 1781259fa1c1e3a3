package sqlstore

import (
	"context"
	"slices"

	"parley/internal/chat"
)

// What clients list of a room is most of it, so no index holds it: it is read along the places of the room, and what lies between
// is left out on the way. Where something stands in the list is known from the numbers of messages and from those few that are
// counted and not listed, which messages_silent holds.
const (
	isShown  = `NOT m.deleted AND m.type <> 'system' AND m.type <> 'thread'`
	isSilent = `m.deleted AND m.type <> 'system' AND m.type <> 'thread'`
)

var (
	olderShown = side{
		room:   `SELECT ` + messageColumns + ` FROM messages m WHERE m.room_id = $1 AND m.seq < $2 AND ` + isShown + ` ORDER BY m.seq DESC LIMIT $3`,
		thread: `SELECT ` + messageColumns + ` FROM messages m WHERE m.thread_id = $1 AND m.thread_id > 0 AND m.seq < $2 AND m.room_id = $3 AND ` + isShown + ` ORDER BY m.seq DESC LIMIT $4`,
	}
	newerShown = side{
		room:   `SELECT ` + messageColumns + ` FROM messages m WHERE m.room_id = $1 AND m.seq > $2 AND ` + isShown + ` ORDER BY m.seq LIMIT $3`,
		thread: `SELECT ` + messageColumns + ` FROM messages m WHERE m.thread_id = $1 AND m.thread_id > 0 AND m.seq > $2 AND m.room_id = $3 AND ` + isShown + ` ORDER BY m.seq LIMIT $4`,
	}
)

// maxStepped is up to how many messages are stepped over one by one; the place of more is searched for.
const maxStepped = 500

// Shown implements core.Reader.
func (r reader) Shown(ctx context.Context, q chat.ShownQuery) (page chat.ShownPage, err error) {
	const most = 200
	limit, from := min(max(q.Limit, 1), most), chat.Seq(maxSeq)
	var rows []*messageRow
	switch {
	case q.Around != 0:
		at, err := one(ctx, r.x, chat.ErrMessageNotFound, scanMessage, `SELECT `+messageColumns+` FROM messages m
			WHERE m.id = $1 AND m.room_id = $2 AND `+isShown, int64(q.Around), int64(q.RoomID))
		if err != nil || q.ThreadID != 0 && at.ThreadID != q.ThreadID {
			return page, orElse(err, chat.ErrMessageNotFound)
		}
		older, err := r.side(ctx, olderShown, q.RoomID, q.ThreadID, at.Seq, min(max(q.Older, 0), most))
		if err != nil {
			return page, err
		}
		newer, err := r.side(ctx, newerShown, q.RoomID, q.ThreadID, at.Seq, min(max(q.Newer, 0), most))
		if err != nil {
			return page, err
		}
		slices.Reverse(older)
		rows = slices.Concat(older, []*messageRow{at}, newer)
	case q.Before != 0:
		if from, err = one(ctx, r.x, chat.ErrMessageNotFound, scalar[chat.Seq], `SELECT seq FROM messages WHERE id = $1 AND room_id = $2`, q.Before, q.RoomID); err != nil {
			return page, err
		}
	case q.Skip > 0:
		if from, err = r.afterSkipping(ctx, q); err != nil {
			return page, err
		}
	}
	if q.Around == 0 {
		if rows, err = r.side(ctx, olderShown, q.RoomID, q.ThreadID, from, limit); err != nil {
			return page, err
		}
		slices.Reverse(rows)
	}
	if err := r.fill(ctx, rows); err != nil {
		return page, err
	}
	page.Messages = messageValues(rows)
	// The counts are read last, so that they count at least what was read.
	if q.ThreadID != 0 {
		page.First, page.Total, err = r.placeInThread(ctx, q, rows)
	} else {
		page.First, page.Total, err = r.placeInRoom(ctx, q.RoomID, rows)
	}
	return page, err
}

func orElse(err error, other *chat.Error) error {
	if err != nil {
		return err
	}
	return other
}

// shownHead is what of a room's head its list is counted by.
type shownHead struct{ last, count, deleted int64 }

func (r reader) shownHead(ctx context.Context, room chat.RoomID) (shownHead, error) {
	return one(ctx, r.x, chat.ErrRoomNotFound, func(row scanner) (h shownHead, err error) {
		err = row.Scan(&h.last, &h.count, &h.deleted)
		return h, err
	}, `SELECT last_seq, message_count, deleted_count FROM room_heads WHERE room_id = $1`, int64(room))
}

// placeInRoom returns the place of the first row in the list of a room, and how long that is.
func (r reader) placeInRoom(ctx context.Context, room chat.RoomID, rows []*messageRow) (first, total int64, err error) {
	h, err := r.shownHead(ctx, room)
	if err != nil || len(rows) == 0 {
		return 0, h.count - h.deleted, err
	}
	silent, err := one(ctx, r.x, chat.ErrNotFound, scalar[int64], `SELECT COUNT(*) FROM messages m WHERE m.room_id = $1 AND m.seq > $2 AND `+isSilent,
		int64(room), int64(rows[0].Seq))
	return max(rows[0].Ordinal-1-(h.deleted-silent), 0), h.count - h.deleted, err
}

// placeInThread is placeInRoom for a thread, whose replies after a place are counted along the index.
func (r reader) placeInThread(ctx context.Context, q chat.ShownQuery, rows []*messageRow) (first, total int64, err error) {
	after := chat.Seq(0)
	if len(rows) > 0 {
		after = rows[0].Seq
	}
	counts, err := one(ctx, r.x, chat.ErrNotFound, func(row scanner) (n [4]int64, err error) {
		err = row.Scan(&n[0], &n[1], &n[2], &n[3])
		return n, err
	}, `SELECT (SELECT COUNT(*) FROM messages m WHERE m.thread_id = $1 AND m.thread_id > 0 AND m.seq > $2),
			(SELECT COUNT(*) FROM messages m WHERE m.thread_id = $3 AND m.thread_id > 0 AND m.deleted AND m.seq > $4),
			(SELECT COUNT(*) FROM messages m WHERE m.thread_id = $5 AND m.thread_id > 0 AND m.seq <= $6),
			(SELECT COUNT(*) FROM messages m WHERE m.thread_id = $7 AND m.thread_id > 0 AND m.deleted AND m.seq <= $8)`,
		int64(q.ThreadID), int64(after), int64(q.ThreadID), int64(after), int64(q.ThreadID), int64(after), int64(q.ThreadID), int64(after))
	newer, upTo := counts[0]-counts[1], counts[2]-counts[3]
	return max(upTo-1, 0), newer + upTo, err
}

// afterSkipping returns the place of the oldest of the newest messages that are left out, or one before everything.
func (r reader) afterSkipping(ctx context.Context, q chat.ShownQuery) (chat.Seq, error) {
	var seqs []chat.Seq
	var err error
	switch {
	case q.ThreadID != 0:
		seqs, err = all(ctx, r.x, scalar[chat.Seq], `SELECT m.seq FROM messages m WHERE m.thread_id = $1 AND m.thread_id > 0 AND `+isShown+` ORDER BY m.seq DESC LIMIT 1 OFFSET $2`,
			int64(q.ThreadID), q.Skip-1)
	case q.Skip <= maxStepped:
		seqs, err = all(ctx, r.x, scalar[chat.Seq], `SELECT m.seq FROM messages m WHERE m.room_id = $1 AND `+isShown+` ORDER BY m.seq DESC LIMIT 1 OFFSET $2`,
			int64(q.RoomID), q.Skip-1)
	default:
		return r.searchSkipped(ctx, q.RoomID, q.Skip)
	}
	if err != nil || len(seqs) == 0 {
		return 0, err
	}
	return seqs[0], nil
}

// searchSkipped is afterSkipping by halving: how many shown messages stand from a place on is known from the number of the last
// message before it. What is silent is counted once altogether: only between the bounds, which draw together.
func (r reader) searchSkipped(ctx context.Context, room chat.RoomID, skip int64) (chat.Seq, error) {
	h, err := r.shownHead(ctx, room)
	if err != nil || skip >= h.count-h.deleted {
		return 0, err
	}
	// The least place that has at most skip shown messages from it on is within the bounds, both included.
	low, high := int64(1), h.last+1
	silentFromHigh := int64(0)
	for low < high {
		middle := low + (high-low)/2
		n, err := one(ctx, r.x, chat.ErrNotFound, func(row scanner) (n [2]int64, err error) {
			err = row.Scan(&n[0], &n[1])
			return n, err
		}, `SELECT COALESCE((SELECT m.ordinal FROM messages m WHERE m.room_id = $1 AND m.seq < $2 ORDER BY m.seq DESC LIMIT 1), 0),
				(SELECT COUNT(*) FROM messages m WHERE m.room_id = $3 AND m.seq >= $4 AND m.seq < $5 AND `+isSilent+`)`,
			int64(room), middle, int64(room), middle, high)
		if err != nil {
			return 0, err
		}
		if h.count-n[0]-(silentFromHigh+n[1]) <= skip {
			high = middle
			silentFromHigh += n[1]
		} else {
			low = middle + 1
		}
	}
	return chat.Seq(low), nil
}

// NewestShown implements core.Reader.
func (r reader) NewestShown(ctx context.Context, room chat.RoomID, thread chat.MessageID, upTo chat.Seq) (id chat.MessageID, seq chat.Seq, err error) {
	scan := func(row scanner) error { return row.Scan(&id, &seq) }
	if thread != 0 {
		err = each(ctx, r.x, scan, `SELECT m.id, m.seq FROM messages m WHERE m.thread_id = $1 AND m.thread_id > 0 AND m.seq <= $2 AND `+isShown+` ORDER BY m.seq DESC LIMIT 1`,
			int64(thread), int64(upTo))
	} else {
		err = each(ctx, r.x, scan, `SELECT m.id, m.seq FROM messages m WHERE m.room_id = $1 AND m.seq <= $2 AND `+isShown+` ORDER BY m.seq DESC LIMIT 1`,
			int64(room), int64(upTo))
	}
	return id, seq, err
}
