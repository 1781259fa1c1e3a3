package sqlstore

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"
	"time"

	"parley/internal/chat"
)

// memberColumns are the columns of members m. The first parameter of the query is the time that mutes are judged at. A mute
// without end counts as the latest.
const memberColumns = `m.room_id, m.user_id, m.role, m.joined_at, m.notify, m.favourite, m.hidden,
	m.last_read_seq, m.last_read_ordinal, m.last_read_at, m.last_delivered_seq,
	COALESCE((SELECT MAX(CASE WHEN s.until = 0 THEN 9223372036854775807 ELSE s.until END) FROM sanctions s
		WHERE s.user_id = m.user_id AND s.room_id = m.room_id AND s.kind = 'mute' AND s.lifted_at = 0 AND (s.until = 0 OR s.until > $1)), 0)`

// memberFields are the places of memberColumns.
func memberFields(m *chat.Member) []any {
	return []any{&m.RoomID, &m.UserID, &m.Role, asMillis(&m.JoinedAt), &m.Notify, &m.Favourite, &m.Hidden,
		&m.LastReadSeq, &m.LastReadOrdinal, asMillis(&m.LastReadAt), &m.LastDeliveredSeq,
		scanFunc[int64](func(until int64) {
			m.Muted = until > 0
			if until < math.MaxInt64 {
				m.MutedUntil = fromMillis(until)
			}
		})}
}

func scanMember(row scanner) (m chat.Member, err error) {
	err = row.Scan(memberFields(&m)...)
	return m, err
}

// now is the time that mutes are judged at.
func (r reader) now() int64 { return millis(r.s.clock()) }

// Member returns one person's place in a room. Fails with member_not_found, also when there is no such room.
func (r reader) Member(ctx context.Context, room chat.RoomID, user chat.UserID) (chat.Member, error) {
	return one(ctx, r.x, chat.ErrMemberNotFound, scanMember,
		`SELECT `+memberColumns+` FROM members m WHERE m.room_id = $2 AND m.user_id = $3`, r.now(), room, user)
}

// Members lists the members that are not hidden: owner, admins, then by joining.
func (r reader) Members(ctx context.Context, room chat.RoomID, p chat.Page) (members []chat.Member, next string, err error) {
	key, err := parseCursor(p.Cursor, 3)
	if err != nil {
		return nil, "", err
	}
	level, joined, user := int64(math.MaxInt64), int64(0), ""
	if key != nil {
		if level, err = strconv.ParseInt(key[0], 10, 64); err != nil {
			return nil, "", errCursorInvalid
		}
		if joined, err = strconv.ParseInt(key[1], 10, 64); err != nil {
			return nil, "", errCursorInvalid
		}
		user = key[2]
	}
	limit := pageLimit(p)
	members, err = all(ctx, r.x, scanMember, `SELECT `+memberColumns+` FROM members m
		WHERE m.room_id = $2 AND m.role_level <= $3 AND (m.role_level < $4 OR (m.joined_at, m.user_id) > ($5, $6)) AND NOT m.hidden
		ORDER BY m.role_level DESC, m.joined_at, m.user_id LIMIT $7`, r.now(), room, level, level, joined, user, limit+1)
	if err != nil {
		return nil, "", err
	}
	members, next = page(members, limit, func(m chat.Member) string {
		return makeCursor(strconv.Itoa(m.Role.Level()), strconv.FormatInt(millis(m.JoinedAt), 10), string(m.UserID))
	})
	return members, next, nil
}

// MemberIDs lists everybody in a room, hidden ones too, in no order.
func (r reader) MemberIDs(ctx context.Context, room chat.RoomID) ([]chat.UserID, error) {
	return all(ctx, r.x, scalar[chat.UserID], `SELECT user_id FROM members WHERE room_id = $1`, room)
}

// MembersAmong returns those of the users who are members, hidden ones too, in no order.
func (r reader) MembersAmong(ctx context.Context, room chat.RoomID, users []chat.UserID) ([]chat.Member, error) {
	return allIn(ctx, r.x, scanMember, `SELECT `+memberColumns+` FROM members m WHERE m.room_id = $2 AND m.user_id IN `, users, r.now(), room)
}

// Unread counts the messages a member has not read, in a forum those of all its threads, and those of them that mention the
// person. Fails with member_not_found.
func (r reader) Unread(ctx context.Context, room chat.RoomID, user chat.UserID) (unread, mentions int64, err error) {
	var form chat.RoomForm
	counts, err := one(ctx, r.x, chat.ErrMemberNotFound, func(row scanner) (n [2]int64, err error) {
		err = row.Scan(&n[0], &n[1], &form)
		return n, err
	}, `SELECT h.message_count - m.last_read_ordinal,
			(SELECT COUNT(*) FROM mentions x WHERE x.user_id = m.user_id AND x.room_id = m.room_id AND x.seq > m.last_read_seq), r.form
		FROM members m JOIN room_heads h ON h.room_id = m.room_id JOIN rooms r ON r.id = m.room_id
		WHERE m.room_id = $1 AND m.user_id = $2`, room, user)
	if err == nil && form == chat.Forum {
		forums, err := r.forumUnread(ctx, user, []chat.RoomID{room})
		return forums[room][0], forums[room][1], err
	}
	return counts[0], counts[1], err
}

// SlowSends implements core.Reader.
func (r reader) SlowSends(ctx context.Context, user chat.UserID, rooms []chat.RoomID) (map[chat.RoomID]time.Time, error) {
	sent := make(map[chat.RoomID]time.Time, len(rooms))
	for chunk := range slices.Chunk(rooms, maxList) {
		list, args := in([]any{user}, chunk)
		err := each(ctx, r.x, func(row scanner) error {
			var room chat.RoomID
			var at time.Time
			err := row.Scan(&room, asMillis(&at))
			sent[room] = at
			return err
		}, `SELECT room_id, at FROM slow_sends WHERE user_id = $1 AND room_id IN `+list, args...)
		if err != nil {
			return nil, err
		}
	}
	return sent, nil
}

// PutMember makes someone a member, who then has read everything there is, or changes role, preferences and visibility of one.
// What else m says of a member who is there already is not looked at. Fails with room_not_found or user_not_found.
func (t *tx) PutMember(ctx context.Context, m chat.Member) (created bool, err error) {
	if err := t.needRoom(ctx, m.RoomID); err != nil {
		return false, err
	}
	if err := t.needUser(ctx, m.UserID); err != nil {
		return false, err
	}
	notify := cmp.Or(m.Notify, chat.NotifyAll)
	n, err := t.x.exec(ctx, `INSERT INTO members (room_id, user_id, role, role_level, joined_at, notify, favourite, hidden)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (room_id, user_id) DO NOTHING`,
		m.RoomID, m.UserID, m.Role, m.Role.Level(), millis(m.JoinedAt), notify, m.Favourite, m.Hidden)
	if err != nil {
		return false, err
	}
	if n > 0 {
		return true, t.readAll(ctx, m)
	}
	_, err = t.x.exec(ctx, `UPDATE members SET role = $1, role_level = $2, notify = $3, favourite = $4, hidden = $5 WHERE room_id = $6 AND user_id = $7`,
		m.Role, m.Role.Level(), notify, m.Favourite, m.Hidden, m.RoomID, m.UserID)
	return false, err
}

// readAll counts a new member and puts their markers at the room's last message.
func (t *tx) readAll(ctx context.Context, m chat.Member) error {
	if err := t.lockHead(ctx, m.RoomID); err != nil {
		return err
	}
	if _, err := t.x.exec(ctx, `UPDATE room_heads SET member_count = member_count + 1 WHERE room_id = $1`, m.RoomID); err != nil {
		return err
	}
	seq, ordinal, err := t.lastMessage(ctx, m.RoomID, math.MaxInt64)
	if err != nil || seq == 0 {
		return err
	}
	_, err = t.x.exec(ctx, `UPDATE members SET last_read_seq = $1, last_read_ordinal = $2, last_read_at = $3, last_delivered_seq = $4
		WHERE room_id = $5 AND user_id = $6`, seq, ordinal, millis(m.JoinedAt), seq, m.RoomID, m.UserID)
	return err
}

// DeleteMember ends a membership, and reports whether there was one.
func (t *tx) DeleteMember(ctx context.Context, room chat.RoomID, user chat.UserID) (bool, error) {
	// The head first, as those lock them who store what the person says just now.
	if err := t.lockHead(ctx, room); err != nil {
		return false, err
	}
	n, err := t.x.exec(ctx, `DELETE FROM members WHERE room_id = $1 AND user_id = $2`, room, user)
	if err != nil || n == 0 {
		return false, err
	}
	_, err = t.x.exec(ctx, `UPDATE room_heads SET member_count = member_count - 1 WHERE room_id = $1`, room)
	return true, err
}
