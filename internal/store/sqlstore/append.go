package sqlstore

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strconv"
	"time"

	"parley/internal/chat"
	"parley/internal/fold"
)

// nonceLife is how long a repeated nonce returns the message first stored.
const nonceLife = 24 * time.Hour

// notificationLife is how long a notification of a message is kept when the draft does not say.
const notificationLife = 30 * 24 * time.Hour

var (
	errRoomArchived      = chat.Errorf(chat.Forbidden, "room_archived", "This room is archived: it can be read, but nothing can be sent.")
	errAttachmentInvalid = chat.InvalidField("attachments", "attachment_invalid", "One of the files is not there, not yours, or was already sent. Upload it again.")
)

// appending is one draft on its way through append.
type appending struct {
	draft   chat.Draft
	msg     *chat.Message
	created bool
	err     error // why the draft was refused

	files    []chat.Attachment
	nonce    nonceKey
	first    *appending   // the draft of the same batch that used the nonce first
	reopened *chat.Thread // the thread that it brought back
}

// events are what the hook gets for it.
func (a *appending) events() []chat.Event {
	events := []chat.Event{chat.MessageCreated{Message: a.msg}}
	for _, n := range a.draft.Notify {
		events = append(events, chat.Notified{Notification: n})
	}
	if a.reopened != nil {
		events = append(events, chat.ThreadChanged{Thread: a.reopened})
	}
	return events
}

// Append implements core.Store: one message through the group commit.
func (s *Store) Append(ctx context.Context, d chat.Draft) (msg *chat.Message, created bool, err error) {
	a := &appending{draft: d}
	if err := s.submit(ctx, &call{append: a}); err != nil {
		return nil, false, err
	}
	return a.msg, a.created, nil
}

// Append implements core.Tx. Its events are the caller's to return.
func (t *tx) Append(ctx context.Context, d chat.Draft) (msg *chat.Message, created bool, err error) {
	a := &appending{draft: d}
	if err := t.append(ctx, []*appending{a}); err != nil {
		return nil, false, err
	}
	return a.msg, a.created, a.err
}

// head is what changes of a room with every message.
type head struct {
	room     chat.RoomID
	archived bool
	seq      chat.Seq
	count    int64
	at       int64 // microseconds
	grown    bool
}

// append stores drafts. A draft that is refused has err set and leaves nothing; an error of append itself is one of the
// transaction. Rooms are locked in the order of their ids.
func (t *tx) append(ctx context.Context, drafts []*appending) error {
	heads, err := t.heads(ctx, drafts)
	if err != nil {
		return err
	}
	now := t.s.clock()
	known, err := t.knownNonces(ctx, drafts, now)
	if err != nil {
		return err
	}
	var fresh []*appending
	claimed := make(map[chat.AttachmentID]bool)
	byNonce := make(map[nonceKey]*appending)
	for _, a := range drafts {
		h := heads[a.draft.RoomID]
		if h == nil {
			a.err = chat.ErrRoomNotFound
			continue
		}
		if a.draft.Nonce != "" {
			if a.msg = known[a.nonce]; a.msg != nil {
				continue
			}
			if a.first = byNonce[a.nonce]; a.first != nil {
				continue
			}
		}
		if h.archived {
			a.err = errRoomArchived
			continue
		}
		if a.draft.Forum {
			if a.err = t.openForReply(ctx, &a.draft); a.err != nil {
				if chat.AsError(a.err).Kind == chat.Internal {
					return a.err
				}
				continue
			}
		}
		if len(a.draft.AttachmentIDs) > 0 {
			if a.files, a.err = t.claimable(ctx, &a.draft, claimed); a.err != nil {
				if a.err != errAttachmentInvalid {
					return a.err
				}
				continue
			}
		}
		if a.draft.SlowMode > 0 {
			wait, err := t.slowSend(ctx, a.draft, now)
			if err != nil {
				return err
			}
			if wait > 0 {
				a.err = slowMode(wait)
				for _, id := range a.draft.AttachmentIDs {
					delete(claimed, id)
				}
				continue
			}
		}
		if a.draft.Nonce != "" {
			byNonce[a.nonce] = a
		}
		fresh = append(fresh, a)
	}
	if len(fresh) > 0 {
		if err := t.insert(ctx, fresh, heads, now); err != nil {
			return err
		}
	}
	for _, a := range drafts {
		if a.first != nil {
			a.msg = a.first.msg
		}
	}
	return nil
}

// slowSend notes that somebody writes in a room with slow mode now, or returns how long they have to wait. The room's head is
// locked, so nobody writes twice at the same time.
func (t *tx) slowSend(ctx context.Context, d chat.Draft, now time.Time) (wait time.Duration, err error) {
	last, err := all(ctx, t.x, scalar[int64], `SELECT at FROM slow_sends WHERE room_id = $1 AND user_id = $2`, int64(d.RoomID), string(d.SenderID))
	if err != nil {
		return 0, err
	}
	if len(last) > 0 {
		if wait = fromMillis(last[0]).Add(d.SlowMode).Sub(now); wait > 0 {
			return min(wait, d.SlowMode), nil // a clock that was set back makes nobody wait longer
		}
	}
	_, err = t.x.exec(ctx, `INSERT INTO slow_sends (room_id, user_id, at) VALUES ($1, $2, $3)
		ON CONFLICT (room_id, user_id) DO UPDATE SET at = excluded.at`, int64(d.RoomID), string(d.SenderID), millis(now))
	return 0, err
}

// slowMode is the refusal of a message that comes too soon.
func slowMode(wait time.Duration) *chat.Error {
	seconds := int((wait + time.Second - 1) / time.Second)
	e := chat.Errorf(chat.TooMany, "slow_mode", "This room is in slow mode. You can write again in %d s.", seconds)
	e.RetryAfter = wait
	return e
}

// heads reads and locks the rooms of a batch.
func (t *tx) heads(ctx context.Context, drafts []*appending) (map[chat.RoomID]*head, error) {
	rooms := make([]int64, len(drafts))
	for i, a := range drafts {
		rooms[i] = int64(a.draft.RoomID)
	}
	slices.Sort(rooms)
	for _, room := range slices.Compact(rooms) {
		t.locking(chat.RoomID(room))
	}
	heads := make(map[chat.RoomID]*head, len(rooms))
	for chunk := range slices.Chunk(slices.Compact(rooms), maxList) {
		list, args := in(nil, chunk)
		err := each(ctx, t.x, func(row scanner) error {
			h := new(head)
			err := row.Scan((*int64)(&h.room), &h.archived, (*int64)(&h.seq), &h.count, &h.at)
			heads[h.room] = h
			t.locked(err, subject{room: h.room})
			return err
		}, `SELECT h.room_id, r.archived, h.last_seq, h.message_count, h.last_message_at
			FROM room_heads h JOIN rooms r ON r.id = h.room_id
			WHERE h.room_id IN `+list+` ORDER BY h.room_id`+t.s.fl.lockHeads, args...)
		if err != nil {
			return nil, err
		}
	}
	return heads, nil
}

// insert stores drafts that passed every check.
func (t *tx) insert(ctx context.Context, drafts []*appending, heads map[chat.RoomID]*head, now time.Time) error {
	if t.s.fl.remote {
		return t.insertTogether(ctx, drafts, heads, now)
	}
	last, err := one(ctx, t.x, chat.ErrNotFound, scalar[int64], `UPDATE message_ids SET last = last + $1 RETURNING last`, len(drafts))
	if err != nil {
		return err
	}
	id := chat.MessageID(last) - chat.MessageID(len(drafts))
	reads := make(map[reading]*chat.Message, len(drafts))
	days := make(map[int64]int64, 1)
	for _, a := range drafts {
		id++
		h := heads[a.draft.RoomID]
		h.grow(&a.draft, now)
		a.msg, a.created = newMessage(a, id, h), true
		if err := t.insertOne(ctx, a, now); err != nil {
			return err
		}
		if readsAll(&a.draft) {
			reads[reading{a.msg.RoomID, a.msg.SenderID}] = a.msg
		}
		if a.msg.SenderID != "" {
			if err := t.countSender(ctx, day(a.msg.CreatedAt), a.msg.SenderID); err != nil {
				return err
			}
		}
		if counts(a.draft.Type) {
			days[day(a.msg.CreatedAt)]++
		}
	}
	for r, m := range reads { // each row is another one, so their order does not matter
		if _, err := t.x.exec(ctx, `UPDATE members SET last_read_seq = $1, last_read_ordinal = $2, last_read_at = $3 WHERE room_id = $4 AND user_id = $5`,
			int64(m.Seq), m.Ordinal, m.CreatedAt.UnixMilli(), int64(r.room), string(r.user)); err != nil {
			return err
		}
	}
	for _, h := range heads {
		if h.grown {
			if _, err := t.x.exec(ctx, `UPDATE room_heads SET last_seq = $1, message_count = $2, last_message_at = $3 WHERE room_id = $4`,
				int64(h.seq), h.count, h.at, int64(h.room)); err != nil {
				return err
			}
		}
	}
	for day, n := range days {
		if _, err := t.x.exec(ctx, `INSERT INTO days (day, messages) VALUES ($1, $2) ON CONFLICT (day) DO UPDATE SET messages = days.messages + excluded.messages`,
			day, n); err != nil {
			return err
		}
	}
	return nil
}

// grow takes the next place of the room for a draft.
func (h *head) grow(d *chat.Draft, now time.Time) {
	h.seq++
	if counts(d.Type) {
		h.count++
	}
	h.at = messageTime(d.At, h.at, now)
	h.grown = true
}

// counts tells what is counted, and unread until it is read: not that somebody joined, which the server says by itself, and not
// that there is a thread, but what is said in it.
func counts(t chat.MessageType) bool { return t != chat.SystemMessage && t != chat.ThreadMessage }

// readsAll tells whether the sender of a message has read the room up to it: whoever writes in one thread of a forum has not
// read the others.
func readsAll(d *chat.Draft) bool {
	return d.SenderID != "" && !d.KeepRead && !d.Forum && d.Type != chat.ThreadMessage
}

// reading is whose read marker moves where.
type reading struct {
	room chat.RoomID
	user chat.UserID
}

// newMessage is the message that a draft becomes.
func newMessage(a *appending, id chat.MessageID, h *head) *chat.Message {
	d := &a.draft
	return &chat.Message{
		ID: id, RoomID: d.RoomID, Seq: h.seq, ChangeSeq: h.seq, Ordinal: h.count, Type: d.Type, SenderID: d.SenderID, Sender: d.Sender,
		Content: d.Content, ParentID: d.ParentID, ThreadID: d.ThreadID, CreatedAt: fromMicros(h.at), Mentions: d.Mentions,
		Everyone: d.Everyone, Attachments: a.files, Links: d.Links, Nonce: d.Nonce, Mark: d.Mark, Payload: d.Payload, Extras: d.Extras, Poll: d.Poll,
	}
}

// insertOne stores one message and the rows that hang on it.
func (t *tx) insertOne(ctx context.Context, a *appending, now time.Time) error {
	m, d := a.msg, &a.draft
	var payload *chat.Payload
	if payload = m.Payload; payload == nil {
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
	if _, err := t.x.exec(ctx, `INSERT INTO messages (id, room_id, seq, change_seq, ordinal, type, sender_id, content, parent_id, thread_id,
			created_at, everyone, attachments, mentions, links, payload_kind, payload, search, extras)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)`,
		int64(m.ID), int64(m.RoomID), int64(m.Seq), int64(m.Seq), m.Ordinal, string(m.Type), string(m.SenderID), m.Content, int64(m.ParentID), int64(m.ThreadID),
		micros(m.CreatedAt), m.Everyone, len(a.files), joinIDs(m.Mentions), links, payload.Kind, payload.Data, searchText(d.Search, d.Content), extras); err != nil {
		return err
	}
	if d.Nonce != "" {
		if _, err := t.x.exec(ctx, `INSERT INTO nonces (day, "key", message_id, created_at) VALUES ($1, $2, $3, $4)`,
			day(now), a.nonce[:], int64(m.ID), millis(now)); err != nil {
			return err
		}
	}
	return t.hang(ctx, a)
}

// hang stores what only some messages have: a thread, files, mentions and notifications.
func (t *tx) hang(ctx context.Context, a *appending) error {
	m := a.msg
	if m.ThreadID != 0 {
		if _, err := t.x.exec(ctx, `UPDATE messages SET reply_count = reply_count + 1, last_reply_at = $1 WHERE id = $2 AND room_id = $3`,
			micros(m.CreatedAt), int64(m.ThreadID), int64(m.RoomID)); err != nil {
			return err
		}
	}
	if a.draft.Forum {
		if err := t.replied(ctx, a); err != nil {
			return err
		}
	}
	for i := range a.files {
		f := &a.files[i]
		f.RoomID, f.MessageID = m.RoomID, m.ID
		if _, err := t.x.exec(ctx, `UPDATE attachments SET room_id = $1, message_id = $2, position = $3 WHERE id = $4`,
			int64(m.RoomID), int64(m.ID), i, int64(f.ID)); err != nil {
			return err
		}
	}
	if err := t.putPoll(ctx, m.ID, m.Poll); err != nil {
		return err
	}
	if err := t.insertMentions(ctx, m); err != nil {
		return err
	}
	if err := t.putLinkPictures(ctx, m.ID, nil, m.Links); err != nil {
		return err
	}
	return t.notify(ctx, a)
}

// notify stores the notifications of a draft and puts them, numbered, in their places.
func (t *tx) notify(ctx context.Context, a *appending) (err error) {
	if len(a.draft.Notify) == 0 {
		return nil
	}
	var stored []chat.Notification
	for _, n := range a.draft.Notify {
		n.RoomID, n.MessageID = a.msg.RoomID, a.msg.ID
		if n.CreatedAt.IsZero() {
			n.CreatedAt = a.msg.CreatedAt
		}
		if n.ExpiresAt.IsZero() {
			n.ExpiresAt = n.CreatedAt.Add(notificationLife)
		}
		actor := n.Actor
		switch n, err = t.CreateNotification(ctx, n); {
		case errors.Is(err, chat.ErrUserNotFound): // deleted a moment ago
			continue
		case err != nil:
			return err
		}
		n.Actor = actor
		stored = append(stored, n)
	}
	a.draft.Notify = stored
	return nil
}

func (t *tx) insertMentions(ctx context.Context, m *chat.Message) error {
	for _, user := range m.Mentions {
		if _, err := t.x.exec(ctx, `INSERT INTO mentions (user_id, room_id, seq, message_id) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
			string(user), int64(m.RoomID), int64(m.Seq), int64(m.ID)); err != nil {
			return err
		}
	}
	return nil
}

// countSender notes that someone said something on a day; most of the time that is known already.
func (t *tx) countSender(ctx context.Context, day int64, user chat.UserID) error {
	if t.w.senders.has(day, user) {
		return nil
	}
	_, err := t.x.exec(ctx, `INSERT INTO day_senders (day, user_id) VALUES ($1, $2) ON CONFLICT DO NOTHING`, day, string(user))
	t.w.senders.add(day, user)
	return err
}

// claimable returns the uploads of a draft in its order, or errAttachmentInvalid. What it returns is in claimed from then on.
func (t *tx) claimable(ctx context.Context, d *chat.Draft, claimed map[chat.AttachmentID]bool) ([]chat.Attachment, error) {
	found, err := t.attachmentsByID(ctx, d.AttachmentIDs)
	if err != nil {
		return nil, err
	}
	files := make([]chat.Attachment, len(d.AttachmentIDs))
	for i, id := range d.AttachmentIDs {
		at := slices.IndexFunc(found, func(f chat.Attachment) bool { return f.ID == id })
		if at < 0 || claimed[id] || slices.Contains(d.AttachmentIDs[:i], id) {
			return nil, errAttachmentInvalid
		}
		if f := found[at]; f.UploaderID != d.SenderID || f.MessageID != 0 || f.Scan != chat.ScanClean {
			return nil, errAttachmentInvalid
		}
		files[i] = found[at]
	}
	for _, id := range d.AttachmentIDs {
		claimed[id] = true
	}
	return files, nil
}

// nonceKey stands for a nonce of one sender in one room.
type nonceKey [16]byte

func makeNonceKey(room chat.RoomID, sender chat.UserID, nonce string) (key nonceKey) {
	text := make([]byte, 0, 128)
	text = strconv.AppendInt(text, int64(room), 10)
	text = append(text, '\n')
	text = append(text, sender...)
	text = append(text, '\n')
	text = append(text, nonce...)
	sum := sha256.Sum256(text)
	copy(key[:], sum[:])
	return key
}

// knownNonces sets the keys of a batch and returns the messages that were stored under them within nonceLife.
func (t *tx) knownNonces(ctx context.Context, drafts []*appending, now time.Time) (map[nonceKey]*chat.Message, error) {
	var keys [][]byte
	for _, a := range drafts {
		if a.draft.Nonce != "" {
			a.nonce = makeNonceKey(a.draft.RoomID, a.draft.SenderID, a.draft.Nonce)
			keys = append(keys, a.nonce[:])
		}
	}
	var found map[chat.MessageID]nonceKey
	for chunk := range slices.Chunk(keys, maxList) {
		list, args := in([]any{millis(now.Add(-nonceLife)), day(now), day(now) - 1}, chunk)
		err := each(ctx, t.x, func(row scanner) error {
			var key []byte
			var id chat.MessageID
			err := row.Scan(&key, &id)
			if found == nil {
				found = make(map[chat.MessageID]nonceKey)
			}
			found[id] = nonceKey(key)
			return err
		}, `SELECT "key", message_id FROM nonces WHERE created_at > $1 AND day IN ($2, $3) AND "key" IN `+list, args...)
		if err != nil {
			return nil, err
		}
	}
	if len(found) == 0 {
		return nil, nil
	}
	ids := make([]chat.MessageID, 0, len(found))
	for id := range found {
		ids = append(ids, id)
	}
	msgs, err := t.MessagesByID(ctx, ids)
	if err != nil {
		return nil, err
	}
	known := make(map[nonceKey]*chat.Message, len(msgs))
	for _, m := range msgs {
		known[found[m.ID]] = m
	}
	for _, a := range drafts {
		if m := known[a.nonce]; m != nil {
			m.Nonce = a.draft.Nonce
		}
	}
	return known, nil
}

// messageTime is the time a message gets, in microseconds: the wish, or the next millisecond of its room when that is later.
// The last three digits stay between 100 and 900, so that a reader that computes with floating point, and is off by a few
// microseconds, lands in the same millisecond.
func messageTime(wish time.Time, last int64, now time.Time) int64 {
	if wish.IsZero() {
		wish = now
	}
	us := wish.UnixMicro()
	ms, rest := us/1000, us%1000
	if ms <= last/1000 {
		ms, rest = last/1000+1, 0
	}
	return ms*1000 + min(max(rest, 100), 900)
}

// day is the day since 1970, UTC.
func day(t time.Time) int64 { return t.Unix() / daySeconds }

// searchText is what the column search says of a message: see the schema.
func searchText(search, content string) any {
	switch search {
	case "":
		return nil
	case fold.Fold(content):
		return ""
	}
	return search
}

// maxSenders bounds the memory of who was counted.
const maxSenders = 100_000

// senders remembers who was counted on which day. It belongs to the writer's goroutine.
type senders struct {
	counted map[senderDay]struct{}
	pending []senderDay // of the open transaction
}

type senderDay struct {
	day  int64
	user chat.UserID
}

func (s *senders) has(day int64, user chat.UserID) bool {
	_, ok := s.counted[senderDay{day, user}]
	return ok
}

func (s *senders) add(day int64, user chat.UserID) {
	s.pending = append(s.pending, senderDay{day, user})
}

// settle keeps what a transaction noted when all of it was committed, else forgets it: noting it again does no harm.
func (s *senders) settle(committed bool) {
	if committed {
		if s.counted == nil || len(s.counted) > maxSenders {
			s.counted = make(map[senderDay]struct{})
		}
		for _, sd := range s.pending {
			s.counted[sd] = struct{}{}
		}
	}
	s.pending = s.pending[:0]
}
