package sqlstore

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

// messageColumns are the columns of messages m that scanMessage reads. Reading a column costs more than computing it, and most
// messages have nothing but the first and the last of them: so what is rare comes in one text, empty when there is none of it.
const messageColumns = `m.id, m.room_id, m.seq, m.change_seq, m.ordinal, m.type, m.sender_id, m.content, m.created_at,
	CASE WHEN m.parent_id = 0 AND m.thread_id = 0 AND m.reply_count = 0 AND m.edited_at = 0 AND NOT m.deleted AND m.pinned_at = 0
			AND NOT m.everyone AND m.reactions = 0 AND m.attachments = 0 AND m.mentions = '' AND m.polls = 0 AND m.extras = '' THEN ''
		ELSE m.parent_id || ',' || m.thread_id || ',' || m.reply_count || ',' || m.last_reply_at || ',' || m.edited_at || ',' || m.pinned_at || ','
			|| m.reactions || ',' || m.attachments || ',' || m.polls || ',' || CASE WHEN m.everyone THEN 1 ELSE 0 END || ',' || CASE WHEN m.deleted THEN 1 ELSE 0 END || ','
			|| m.pinned_by || ',' || m.deleted_by || ',' || m.mentions || ',' || m.extras END,
	m.links, m.payload_kind, m.payload`

// messageRow is a message and what its row says of rows elsewhere.
type messageRow struct {
	chat.Message
	reactions, attachments, polls int64
}

func scanMessage(row scanner) (*messageRow, error) {
	var (
		m                              messageRow
		created                        int64
		kind, rare, links, payloadKind string
		payload                        []byte
	)
	err := row.Scan((*int64)(&m.ID), (*int64)(&m.RoomID), (*int64)(&m.Seq), (*int64)(&m.ChangeSeq), &m.Ordinal, &kind,
		(*string)(&m.SenderID), &m.Content, &created, &rare, &links, &payloadKind, &payload)
	if err != nil {
		return nil, err
	}
	m.Type, m.CreatedAt = chat.MessageType(kind), fromMicros(created)
	if rare != "" {
		if err := m.scanRare(rare); err != nil {
			return nil, err
		}
	}
	if links != "" {
		if err := json.Unmarshal([]byte(links), &m.Links); err != nil {
			return nil, err
		}
		for i := range m.Links { // once, pictures were told by their addresses on other sites
			if l := &m.Links[i]; l.Image != "" && !strings.HasPrefix(l.Image, core.PreviewPath) {
				l.Image = ""
			}
		}
	}
	if payloadKind != "" {
		m.Payload = &chat.Payload{Kind: payloadKind, Data: payload}
	}
	return &m, nil
}

// scanRare reads the text that messageColumns makes of what is rare.
func (m *messageRow) scanRare(text string) error {
	const numbers, all = 11, 15
	parts := strings.SplitN(text, ",", all)
	if len(parts) != all {
		return fmt.Errorf("message %d: %d parts of what is rare, want %d", m.ID, len(parts), all)
	}
	var n [numbers]int64
	for i := range n {
		var err error
		if n[i], err = strconv.ParseInt(parts[i], 10, 64); err != nil {
			return fmt.Errorf("message %d: %w", m.ID, err)
		}
	}
	m.ParentID, m.ThreadID, m.ReplyCount = chat.MessageID(n[0]), chat.MessageID(n[1]), int(n[2])
	m.LastReplyAt, m.EditedAt, m.PinnedAt = fromMicros(n[3]), fromMicros(n[4]), fromMicros(n[5])
	m.reactions, m.attachments, m.polls, m.Everyone, m.Deleted = n[6], n[7], n[8], n[9] != 0, n[10] != 0
	m.PinnedBy, m.DeletedBy, m.Mentions = chat.UserID(parts[11]), chat.UserID(parts[12]), splitIDs[chat.UserID](parts[13])
	if parts[14] != "" {
		m.Extras = new(chat.Extras)
		if err := json.Unmarshal([]byte(parts[14]), m.Extras); err != nil {
			return fmt.Errorf("message %d: extras: %w", m.ID, err)
		}
	}
	m.Pinned = n[5] != 0
	if m.Deleted {
		m.Content = chat.DeletedContent
	}
	return nil
}

// linksText is how links are kept.
func linksText(links []chat.Link) (string, error) {
	if len(links) == 0 {
		return "", nil
	}
	raw, err := json.Marshal(links)
	return string(raw), err
}

// hasLinks says whether the text of a message has links: pictures stand behind them.
func hasLinks(links []chat.Link) bool { return len(links) > 0 && !links[0].Picture }

// withLinks is hasLinks for the column links.
const withLinks = `links <> '' AND links NOT LIKE '[{"picture"%'`

// extrasText is how extras are kept.
func extrasText(x *chat.Extras) (string, error) {
	if x.Empty() {
		return "", nil
	}
	raw, err := json.Marshal(x)
	return string(raw), err
}

// linkPictures lists the blobs that links show.
func linkPictures(links []chat.Link) (hashes []string) {
	for _, l := range links {
		if hash, ours := strings.CutPrefix(l.Image, core.PreviewPath); ours {
			hashes = append(hashes, hash)
		}
	}
	slices.Sort(hashes)
	return slices.Compact(hashes)
}

// putLinkPictures notes which blobs the links of a message show, in place of those that the links before did.
func (t *tx) putLinkPictures(ctx context.Context, id chat.MessageID, before, now []chat.Link) error {
	if len(linkPictures(before)) > 0 {
		if _, err := t.x.exec(ctx, `DELETE FROM link_pictures WHERE message_id = $1`, int64(id)); err != nil {
			return err
		}
	}
	for _, hash := range linkPictures(now) {
		if _, err := t.x.exec(ctx, `INSERT INTO link_pictures (message_id, hash) VALUES ($1, $2)`, int64(id), hash); err != nil {
			return err
		}
	}
	return nil
}

// messageRows reads messages with what hangs on them: one query when nothing does, six at most.
func (r reader) messageRows(ctx context.Context, query string, args ...any) ([]*messageRow, error) {
	rows, err := all(ctx, r.x, scanMessage, query, args...)
	if err != nil {
		return nil, err
	}
	return rows, r.fill(ctx, rows)
}

// fill loads what hangs on messages.
func (r reader) fill(ctx context.Context, rows []*messageRow) error {
	var reacted, attached, asked []chat.MessageID
	byID := make(map[chat.MessageID]*messageRow)
	for _, m := range rows {
		if m.reactions > 0 {
			reacted = append(reacted, m.ID)
			byID[m.ID] = m
		}
		if m.attachments > 0 {
			attached = append(attached, m.ID)
			byID[m.ID] = m
		}
		if m.polls > 0 {
			asked = append(asked, m.ID)
			byID[m.ID] = m
		}
	}
	for ids := range slices.Chunk(reacted, maxList) {
		if err := r.fillReactions(ctx, ids, byID); err != nil {
			return err
		}
	}
	for ids := range slices.Chunk(attached, maxList) {
		if err := r.fillAttachments(ctx, ids, byID); err != nil {
			return err
		}
	}
	for ids := range slices.Chunk(asked, maxList) {
		if err := r.fillPolls(ctx, ids, byID); err != nil {
			return err
		}
	}
	return nil
}

// messageValues copies messages out of their rows.
func messageValues(rows []*messageRow) []chat.Message {
	msgs := make([]chat.Message, len(rows))
	for i, m := range rows {
		msgs[i] = m.Message
	}
	return msgs
}

// Message implements core.Reader.
func (r reader) Message(ctx context.Context, id chat.MessageID) (*chat.Message, error) {
	rows, err := r.messageRows(ctx, `SELECT `+messageColumns+` FROM messages m WHERE m.id = $1`, int64(id))
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, chat.ErrMessageNotFound
	}
	return &rows[0].Message, nil
}

// MessagesByID implements core.Reader: in id order, unknown ids left out.
func (r reader) MessagesByID(ctx context.Context, ids []chat.MessageID) ([]*chat.Message, error) {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	var msgs []*chat.Message
	for chunk := range slices.Chunk(slices.Compact(ids), maxList) {
		list, args := in(nil, chunk)
		rows, err := r.messageRows(ctx, `SELECT `+messageColumns+` FROM messages m WHERE m.id IN `+list+` ORDER BY m.id`, args...)
		if err != nil {
			return nil, err
		}
		for _, m := range rows {
			msgs = append(msgs, &m.Message)
		}
	}
	return msgs, nil
}

// Messages implements core.Reader. A place given by a message that is not in the room fails with message_not_found.
func (r reader) Messages(ctx context.Context, room chat.RoomID, q chat.MessagesQuery) (page chat.MessagesPage, err error) {
	limit := min(max(q.Limit, 1), 100)
	seq, err := r.place(ctx, room, q)
	if err != nil {
		return page, err
	}
	var older, newer []*messageRow // newest first, oldest first
	switch {
	case q.After != 0:
		newer, err = r.side(ctx, newerSide, room, q.ThreadID, seq, limit+1)
		if len(newer) > limit {
			newer, page.HasAfter = newer[:limit], true
		}
		page.HasBefore = true
	case q.Around != 0 || q.AroundSeq != 0 || !q.At.IsZero():
		// Half of the page goes to each side; what one side does not use is the other's.
		if older, err = r.side(ctx, olderSide, room, q.ThreadID, seq, limit+1); err == nil {
			newer, err = r.side(ctx, newerSide, room, q.ThreadID, seq-1, limit+1)
		}
		after := min(len(newer), max(limit-limit/2, limit-len(older)))
		before := min(len(older), limit-after)
		page.HasAfter, page.HasBefore = len(newer) > after, len(older) > before
		newer, older = newer[:after], older[:before]
	default:
		if q.Before == 0 {
			seq = maxSeq
		}
		older, err = r.side(ctx, olderSide, room, q.ThreadID, seq, limit+1)
		if len(older) > limit {
			older, page.HasBefore = older[:limit], true
		}
		page.HasAfter = q.Before != 0
	}
	if err != nil {
		return chat.MessagesPage{}, err
	}
	slices.Reverse(older)
	rows := append(older, newer...)
	if err := r.fill(ctx, rows); err != nil {
		return chat.MessagesPage{}, err
	}
	page.Messages = messageValues(rows)
	return page, nil
}

// place finds the seq that a query names: that of its message, or the first that may belong to its place or time.
func (r reader) place(ctx context.Context, room chat.RoomID, q chat.MessagesQuery) (chat.Seq, error) {
	switch anchor := max(q.Before, q.After, q.Around); {
	case anchor != 0:
		return one(ctx, r.x, chat.ErrMessageNotFound, scalar[chat.Seq], `SELECT seq FROM messages WHERE id = $1 AND room_id = $2`, anchor, room)
	case q.AroundSeq != 0:
		return min(q.AroundSeq, maxSeq), nil
	case !q.At.IsZero():
		return r.placeAt(ctx, room, micros(q.At))
	}
	return 0, nil
}

// placeAt returns the seq of the room's first message at a time or after it, and a place behind the last one if there is none.
// A room's times increase with its places, so it halves the room until it has it, which needs no index of the times.
func (r reader) placeAt(ctx context.Context, room chat.RoomID, at int64) (chat.Seq, error) {
	type entry struct {
		seq chat.Seq
		at  int64
	}
	last, err := one(ctx, r.x, chat.ErrRoomNotFound, scalar[chat.Seq], `SELECT last_seq FROM room_heads WHERE room_id = $1`, room)
	if err != nil {
		return 0, err
	}
	low, high := chat.Seq(1), last+1 // what is looked for is within, both included
	for low < high {
		middle := low + (high-low)/2
		found, err := all(ctx, r.x, func(row scanner) (e entry, err error) {
			err = row.Scan(&e.seq, &e.at)
			return e, err
		}, `SELECT m.seq, m.created_at FROM messages m WHERE m.room_id = $1 AND m.seq >= $2 ORDER BY m.seq LIMIT 1`, int64(room), int64(middle))
		if err != nil {
			return 0, err
		}
		if len(found) > 0 && found[0].at < at {
			low = found[0].seq + 1
		} else {
			high = middle
		}
	}
	return low, nil
}

// maxSeq is after every message.
const maxSeq = 1<<53 - 1

// side is one direction from a place in a room, the place itself left out; its two queries are for a room and for a thread.
type side struct{ room, thread string }

var (
	olderSide = side{
		room:   `SELECT ` + messageColumns + ` FROM messages m WHERE m.room_id = $1 AND m.seq < $2 ORDER BY m.seq DESC LIMIT $3`,
		thread: `SELECT ` + messageColumns + ` FROM messages m WHERE m.thread_id = $1 AND m.thread_id > 0 AND m.seq < $2 AND m.room_id = $3 ORDER BY m.seq DESC LIMIT $4`,
	}
	newerSide = side{
		room:   `SELECT ` + messageColumns + ` FROM messages m WHERE m.room_id = $1 AND m.seq > $2 ORDER BY m.seq LIMIT $3`,
		thread: `SELECT ` + messageColumns + ` FROM messages m WHERE m.thread_id = $1 AND m.thread_id > 0 AND m.seq > $2 AND m.room_id = $3 ORDER BY m.seq LIMIT $4`,
	}
)

func (r reader) side(ctx context.Context, s side, room chat.RoomID, thread chat.MessageID, seq chat.Seq, limit int) ([]*messageRow, error) {
	if thread != 0 {
		return all(ctx, r.x, scanMessage, s.thread, int64(thread), int64(seq), int64(room), limit)
	}
	return all(ctx, r.x, scanMessage, s.room, int64(room), int64(seq), limit)
}

// What was changed after its creation is found by change_seq and everything else by seq: so new messages, which are nearly
// all, need one index less.
const (
	// One statement, and so one moment: a message that changes between two reads would be in neither or in both. Each half
	// comes in the order of its index; a UNION with an order of its own would sort the whole room.
	changesQuery = `SELECT * FROM (SELECT ` + messageColumns + ` FROM messages m WHERE m.room_id = $1 AND m.seq > $2 AND m.change_seq = m.seq ORDER BY m.seq LIMIT $3) created
		UNION ALL
		SELECT * FROM (SELECT ` + messageColumns + ` FROM messages m WHERE m.room_id = $4 AND m.change_seq > $5 AND m.change_seq > m.seq ORDER BY m.change_seq LIMIT $6) changed`
)

// ChangesSince implements core.Reader. limit is 1–500.
func (r reader) ChangesSince(ctx context.Context, room chat.RoomID, since chat.Seq, limit int) (c chat.Changes, err error) {
	limit = min(max(limit, 1), 500)
	// The counter is read first: what changes between the reads is then in the messages, and raises LastSeq below.
	if c.LastSeq, err = one(ctx, r.x, chat.ErrRoomNotFound, scalar[chat.Seq], `SELECT last_seq FROM room_heads WHERE room_id = $1`, room); err != nil || c.LastSeq <= since {
		return c, err
	}
	rows, err := all(ctx, r.x, scanMessage, changesQuery, int64(room), int64(since), limit+1, int64(room), int64(since), limit+1)
	if err != nil {
		return chat.Changes{}, err
	}
	slices.SortFunc(rows, func(a, b *messageRow) int { return cmp.Compare(a.ChangeSeq, b.ChangeSeq) })
	if c.Truncated = len(rows) > limit; c.Truncated {
		rows = rows[:limit]
	} else if n := len(rows); n > 0 {
		c.LastSeq = max(c.LastSeq, rows[n-1].ChangeSeq)
	}
	if err := r.fill(ctx, rows); err != nil {
		return chat.Changes{}, err
	}
	c.Messages = messageValues(rows)
	return c, nil
}

// eachPage is how many messages EachMessage reads at a time.
const eachPage = 200

// EachMessage implements core.Reader: of one room, of one sender, of both, or (zero values) all messages. Without a room it
// reads the whole table. fn may use the store.
func (r reader) EachMessage(ctx context.Context, room chat.RoomID, sender chat.UserID, fn func(*chat.Message) error) error {
	query, key := `SELECT `+messageColumns+` FROM messages m WHERE m.id > $1 AND ($2 = '' OR m.sender_id = $3) ORDER BY m.id LIMIT $4`,
		func(m *messageRow) int64 { return int64(m.ID) }
	args := func(after int64) []any { return []any{after, sender, sender, eachPage} }
	if room != 0 {
		query, key = `SELECT `+messageColumns+` FROM messages m WHERE m.room_id = $1 AND m.seq > $2 AND ($3 = '' OR m.sender_id = $4) ORDER BY m.seq LIMIT $5`,
			func(m *messageRow) int64 { return int64(m.Seq) }
		args = func(after int64) []any { return []any{room, after, sender, sender, eachPage} }
	}
	after := int64(0)
	for {
		rows, err := r.messageRows(ctx, query, args(after)...)
		if err != nil {
			return err
		}
		for _, m := range rows {
			if err := fn(&m.Message); err != nil {
				return err
			}
		}
		if len(rows) < eachPage {
			return nil
		}
		after = key(rows[len(rows)-1])
	}
}

// nextSeq takes the next value of a room for a change to one of its messages. It fails with message_not_found.
func (t *tx) nextSeq(ctx context.Context, room chat.RoomID) (chat.Seq, error) {
	t.locking(room)
	seq, err := one(ctx, t.x, chat.ErrMessageNotFound, scalar[chat.Seq],
		`UPDATE room_heads SET last_seq = last_seq + 1 WHERE room_id = $1 RETURNING last_seq`, int64(room))
	t.locked(err, subject{room: room})
	return seq, err
}

// EditMessage implements core.Tx. It does not bring a deleted message back: that fails with message_not_found.
func (t *tx) EditMessage(ctx context.Context, id chat.MessageID, e core.Edit) (*chat.Message, error) {
	old, err := t.Message(ctx, id)
	if err != nil {
		return nil, err
	}
	if old.Deleted {
		return nil, chat.ErrMessageNotFound
	}
	links, err := linksText(e.Links)
	if err != nil {
		return nil, err
	}
	extras, err := extrasText(e.Extras)
	if err != nil {
		return nil, err
	}
	payload := e.Payload
	if payload == nil {
		payload = &chat.Payload{}
	}
	seq, err := t.nextSeq(ctx, old.RoomID)
	if err != nil {
		return nil, err
	}
	err = t.reindex(ctx, id, func() error {
		_, err := t.x.exec(ctx, `UPDATE messages SET change_seq = $1, content = $2, edited_at = $3, everyone = $4, mentions = $5, links = $6,
				payload_kind = $7, payload = $8, search = $9, extras = $10 WHERE id = $11`,
			seq, e.Content, micros(e.At), e.Everyone, joinIDs(e.Mentions), links, payload.Kind, payload.Data, searchText(e.Search, e.Content), extras, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(old.Mentions) > 0 {
		if _, err := t.x.exec(ctx, `DELETE FROM mentions WHERE message_id = $1`, id); err != nil {
			return nil, err
		}
	}
	if err := t.putLinkPictures(ctx, id, old.Links, e.Links); err != nil {
		return nil, err
	}
	old.Mentions = e.Mentions
	if err := t.insertMentions(ctx, old); err != nil {
		return nil, err
	}
	return t.Message(ctx, id)
}

// DeleteMessage implements core.Tx. The tombstone keeps place, sender, times and thread. Deleting it again changes nothing.
// What was said is overwritten in the database and taken out of the index; the engine's log forgets it as it goes round.
func (t *tx) DeleteMessage(ctx context.Context, id chat.MessageID, by chat.UserID, _ time.Time) (msg *chat.Message, blobs []string, err error) {
	old, err := t.Message(ctx, id)
	if err != nil || old.Deleted {
		return old, nil, err
	}
	for _, a := range old.Attachments {
		blobs = append(blobs, a.Hash)
		if a.ThumbHash != "" {
			blobs = append(blobs, a.ThumbHash)
		}
	}
	blobs = append(blobs, linkPictures(old.Links)...)
	slices.Sort(blobs)
	blobs = slices.Compact(blobs)
	seq, err := t.nextSeq(ctx, old.RoomID)
	if err != nil {
		return nil, nil, err
	}
	if err := t.putLinkPictures(ctx, id, old.Links, nil); err != nil {
		return nil, nil, err
	}
	err = t.reindex(ctx, id, func() error {
		_, err := t.x.exec(ctx, `UPDATE messages SET change_seq = $1, content = '', deleted = TRUE, deleted_by = $2, pinned_at = 0, pinned_by = '',
				everyone = FALSE, reactions = 0, attachments = 0, polls = 0, mentions = '', links = '', extras = '', payload_kind = '', payload = NULL, search = NULL
			WHERE id = $3`, seq, by, id)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	for _, statement := range []string{
		`DELETE FROM reactions WHERE message_id = $1`,
		`DELETE FROM polls WHERE message_id = $1`,
		`DELETE FROM attachments WHERE message_id = $1`,
		`DELETE FROM mentions WHERE message_id = $1`,
		`DELETE FROM notifications WHERE message_id = $1 AND message_id > 0`,
	} {
		if _, err := t.x.exec(ctx, statement, id); err != nil {
			return nil, nil, err
		}
	}
	if err := t.countDeleted(ctx, old); err != nil {
		return nil, nil, err
	}
	msg, err = t.Message(ctx, id)
	return msg, blobs, err
}

// countDeleted takes a message that is deleted now off what is listed of its room and thread.
func (t *tx) countDeleted(ctx context.Context, old *chat.Message) error {
	if !counts(old.Type) {
		return nil
	}
	if _, err := t.x.exec(ctx, `UPDATE room_heads SET deleted_count = deleted_count + 1 WHERE room_id = $1`, int64(old.RoomID)); err != nil {
		return err
	}
	if old.ThreadID == 0 {
		return nil
	}
	return t.lostReply(ctx, old)
}

// SetLinks implements core.Tx: what is known of the pages behind a message's links. A tombstone is left as it is.
func (t *tx) SetLinks(ctx context.Context, id chat.MessageID, links []chat.Link) (*chat.Message, error) {
	text, err := linksText(links)
	if err != nil {
		return nil, err
	}
	var old *chat.Message
	return t.touched(ctx, id, &old, func(seq chat.Seq) error {
		if err := t.putLinkPictures(ctx, id, old.Links, links); err != nil {
			return err
		}
		return t.reindex(ctx, id, func() error {
			_, err := t.x.exec(ctx, `UPDATE messages SET change_seq = $1, links = $2 WHERE id = $3`, seq, text, id)
			return err
		})
	})
}

// touch runs a change to a message under the room's next change_seq and returns the new message. A tombstone is not changed.
func (t *tx) touch(ctx context.Context, id chat.MessageID, change func(seq chat.Seq) error) (*chat.Message, error) {
	var old *chat.Message
	return t.touched(ctx, id, &old, change)
}

// touched is touch for changes that look at the message as it was.
func (t *tx) touched(ctx context.Context, id chat.MessageID, was **chat.Message, change func(seq chat.Seq) error) (*chat.Message, error) {
	old, err := t.Message(ctx, id)
	*was = old
	if err != nil || old.Deleted {
		return old, err
	}
	seq, err := t.nextSeq(ctx, old.RoomID)
	if err != nil {
		return nil, err
	}
	if err := change(seq); err != nil {
		return nil, err
	}
	return t.Message(ctx, id)
}
