package sqlstore

import (
	"cmp"
	"context"
	"slices"
	"time"

	"parley/internal/chat"
)

// columns are the rows of an INSERT from arrays, one array for each column.
type columns struct {
	ids, rooms, seqs, ordinals, parents, threads, created, attachments []int64
	types, senders, contents, mentions, links, kinds, extras           []string
	everyone                                                           []bool
	payloads                                                           [][]byte
	searches                                                           []*string
	found                                                              []int64 // who can be found, and by what
	vectors                                                            []string
}

// storeTogether stores messages, what they are found by, and all that counts them. The tables are different ones, so the order
// of the parts does not matter.
const storeTogether = `WITH stored AS (
		INSERT INTO messages (id, room_id, seq, change_seq, ordinal, type, sender_id, content, parent_id, thread_id, created_at,
			everyone, attachments, mentions, links, payload_kind, payload, search, extras)
		SELECT x.id, x.room, x.seq, x.seq, x.ordinal, x.type, x.sender, x.content, x.parent, x.thread, x.created,
			x.everyone, x.attachments, x.mentions, x.links, x.kind, x.payload, x.search, x.extras
		FROM unnest(CAST($1 AS BIGINT[]), CAST($2 AS BIGINT[]), CAST($3 AS BIGINT[]), CAST($4 AS BIGINT[]), CAST($5 AS TEXT[]), CAST($6 AS TEXT[]),
			CAST($7 AS TEXT[]), CAST($8 AS BIGINT[]), CAST($9 AS BIGINT[]), CAST($10 AS BIGINT[]), CAST($11 AS BOOLEAN[]), CAST($12 AS BIGINT[]),
			CAST($13 AS TEXT[]), CAST($14 AS TEXT[]), CAST($15 AS TEXT[]), CAST($16 AS BYTEA[]), CAST($17 AS TEXT[]), CAST($31 AS TEXT[]))
			AS x (id, room, seq, ordinal, type, sender, content, parent, thread, created, everyone, attachments, mentions, links, kind, payload, search, extras)
	), found AS (
		INSERT INTO search (message_id, words)
		SELECT x.id, CAST(x.words AS TSVECTOR) FROM unnest(CAST($18 AS BIGINT[]), CAST($19 AS TEXT[])) AS x (id, words)
	), read AS (
		UPDATE members SET last_read_seq = x.seq, last_read_ordinal = x.ordinal, last_read_at = x.at
		FROM unnest(CAST($20 AS BIGINT[]), CAST($21 AS TEXT[]), CAST($22 AS BIGINT[]), CAST($23 AS BIGINT[]), CAST($24 AS BIGINT[]))
			AS x (room, reader, seq, ordinal, at)
		WHERE members.room_id = x.room AND members.user_id = x.reader
	), counted AS (
		INSERT INTO days (day, slot, messages)
		SELECT x.day, mod(pg_backend_pid(), 32), x.messages FROM unnest(CAST($25 AS BIGINT[]), CAST($26 AS BIGINT[])) AS x (day, messages)
		ON CONFLICT (day, slot) DO UPDATE SET messages = days.messages + excluded.messages
	)
	UPDATE room_heads SET last_seq = x.seq, message_count = x.messages, last_message_at = x.at
	FROM unnest(CAST($27 AS BIGINT[]), CAST($28 AS BIGINT[]), CAST($29 AS BIGINT[]), CAST($30 AS BIGINT[])) AS x (room, seq, messages, at)
	WHERE room_heads.room_id = x.room`

// insertTogether is insert for a server, where each statement is a way there and back: messages go in one, and rows that hang on
// them in one more of each kind.
func (t *tx) insertTogether(ctx context.Context, drafts []*appending, heads map[chat.RoomID]*head, now time.Time) error {
	ids, err := all(ctx, t.x, scalar[chat.MessageID], `SELECT nextval('message_ids') FROM generate_series(1, $1)`, len(drafts))
	if err != nil {
		return err
	}
	slices.Sort(ids)
	var c columns
	reads := make(map[reading]*chat.Message, len(drafts))
	days := make(map[int64]int64, 1)
	for i, a := range drafts {
		h := heads[a.draft.RoomID]
		h.grow(&a.draft, now)
		a.msg, a.created = newMessage(a, ids[i], h), true
		if err := c.add(a); err != nil {
			return err
		}
		if readsAll(&a.draft) {
			reads[reading{a.msg.RoomID, a.msg.SenderID}] = a.msg
		}
		if counts(a.draft.Type) {
			days[day(a.msg.CreatedAt)]++
		}
	}
	args := []any{c.ids, c.rooms, c.seqs, c.ordinals, c.types, c.senders, c.contents, c.parents, c.threads, c.created,
		c.everyone, c.attachments, c.mentions, c.links, c.kinds, c.payloads, c.searches, c.found, c.vectors}
	args = append(args, readColumns(reads)...)
	args = append(args, dayColumns(days)...)
	args = append(args, headColumns(heads)...)
	args = append(args, c.extras)
	if _, err := t.x.exec(ctx, storeTogether, args...); err != nil {
		return err
	}
	if err := t.countSenders(ctx, drafts); err != nil {
		return err
	}
	if err := t.insertNonces(ctx, drafts, now); err != nil {
		return err
	}
	for _, a := range drafts { // few messages have any of these
		if err := t.hang(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

// add appends one message.
func (c *columns) add(a *appending) error {
	m, payload := a.msg, a.msg.Payload
	if payload == nil {
		payload = &chat.Payload{}
	}
	links, err := linksText(m.Links)
	if err != nil {
		return err
	}
	extras, err := extrasText(m.Extras)
	if err != nil {
		return err
	}
	c.extras = append(c.extras, extras)
	c.ids, c.rooms, c.seqs, c.ordinals = append(c.ids, int64(m.ID)), append(c.rooms, int64(m.RoomID)), append(c.seqs, int64(m.Seq)), append(c.ordinals, m.Ordinal)
	c.types, c.senders, c.contents = append(c.types, string(m.Type)), append(c.senders, string(m.SenderID)), append(c.contents, m.Content)
	c.parents, c.threads, c.created = append(c.parents, int64(m.ParentID)), append(c.threads, int64(m.ThreadID)), append(c.created, micros(m.CreatedAt))
	c.everyone, c.attachments = append(c.everyone, m.Everyone), append(c.attachments, int64(len(a.files)))
	c.mentions, c.links = append(c.mentions, joinIDs(m.Mentions)), append(c.links, links)
	c.kinds, c.payloads = append(c.kinds, payload.Kind), append(c.payloads, payload.Data)
	var search *string
	if text, ok := searchText(a.draft.Search, m.Content).(string); ok {
		search = &text
		found := searchable{room: m.RoomID, sender: m.SenderID, text: a.draft.Search, attachments: len(a.files) > 0, links: hasLinks(m.Links)}
		c.found, c.vectors = append(c.found, int64(m.ID)), append(c.vectors, found.vector())
	}
	c.searches = append(c.searches, search)
	return nil
}

func readColumns(reads map[reading]*chat.Message) []any {
	n := len(reads)
	rooms, users := make([]int64, 0, n), make([]string, 0, n)
	seqs, ordinals, at := make([]int64, 0, n), make([]int64, 0, n), make([]int64, 0, n)
	for r, m := range reads {
		rooms, users = append(rooms, int64(r.room)), append(users, string(r.user))
		seqs, ordinals, at = append(seqs, int64(m.Seq)), append(ordinals, m.Ordinal), append(at, m.CreatedAt.UnixMilli())
	}
	return []any{rooms, users, seqs, ordinals, at}
}

func dayColumns(days map[int64]int64) []any {
	var which, messages []int64
	for day, n := range days {
		which, messages = append(which, day), append(messages, n)
	}
	return []any{which, messages}
}

func headColumns(heads map[chat.RoomID]*head) []any {
	var rooms, seqs, counts, at []int64
	for _, h := range heads {
		if h.grown {
			rooms, seqs, counts, at = append(rooms, int64(h.room)), append(seqs, int64(h.seq)), append(counts, h.count), append(at, h.at)
		}
	}
	return []any{rooms, seqs, counts, at}
}

// countSenders notes who said something on which day, in order, so that two nodes that note the same people cannot deadlock.
func (t *tx) countSenders(ctx context.Context, drafts []*appending) error {
	var fresh []senderDay
	for _, a := range drafts {
		if sd := (senderDay{day(a.msg.CreatedAt), a.msg.SenderID}); sd.user != "" && !t.w.senders.has(sd.day, sd.user) {
			fresh = append(fresh, sd)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	slices.SortFunc(fresh, func(a, b senderDay) int { return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(a.user, b.user)) })
	var days []int64
	var users []string
	for _, sd := range slices.Compact(fresh) {
		days, users = append(days, sd.day), append(users, string(sd.user))
		t.w.senders.add(sd.day, sd.user)
	}
	_, err := t.x.exec(ctx, `INSERT INTO day_senders (day, user_id)
		SELECT x.day, x.sender FROM unnest(CAST($1 AS BIGINT[]), CAST($2 AS TEXT[])) AS x (day, sender) ON CONFLICT DO NOTHING`, days, users)
	return err
}

func (t *tx) insertNonces(ctx context.Context, drafts []*appending, now time.Time) error {
	var keys [][]byte
	var ids []int64
	for _, a := range drafts {
		if a.draft.Nonce != "" {
			keys, ids = append(keys, a.nonce[:]), append(ids, int64(a.msg.ID))
		}
	}
	if len(keys) == 0 {
		return nil
	}
	_, err := t.x.exec(ctx, `INSERT INTO nonces (day, "key", message_id, created_at)
		SELECT $1, x.nonce, x.id, $2 FROM unnest(CAST($3 AS BYTEA[]), CAST($4 AS BIGINT[])) AS x (nonce, id)`, day(now), millis(now), keys, ids)
	return err
}
