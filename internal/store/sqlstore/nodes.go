package sqlstore

import (
	"context"
	"slices"
	"time"

	"parley/internal/chat"
)

// What a node asks, for many at once, when it may have missed what others did.

// Heads implements core.Reader.
func (r reader) Heads(ctx context.Context, rooms []chat.RoomID) (map[chat.RoomID]chat.Seq, error) {
	type head struct {
		room chat.RoomID
		last chat.Seq
	}
	rooms = slices.Clone(rooms)
	slices.Sort(rooms)
	heads := make(map[chat.RoomID]chat.Seq, len(rooms))
	for chunk := range slices.Chunk(slices.Compact(rooms), maxList) {
		places, args := in(nil, chunk)
		found, err := all(ctx, r.x, func(row scanner) (h head, err error) {
			err = row.Scan(&h.room, &h.last)
			return h, err
		}, `SELECT room_id, last_seq FROM room_heads WHERE room_id IN `+places, args...)
		if err != nil {
			return nil, err
		}
		for _, h := range found {
			heads[h.room] = h.last
		}
	}
	return heads, nil
}

// RoomsOfEach implements core.Reader.
func (r reader) RoomsOfEach(ctx context.Context, users []chat.UserID) (map[chat.UserID][]chat.RoomID, error) {
	type membership struct {
		user chat.UserID
		room chat.RoomID
	}
	found, err := allIn(ctx, r.x, func(row scanner) (m membership, err error) {
		err = row.Scan(&m.user, &m.room)
		return m, err
	}, `SELECT user_id, room_id FROM members WHERE user_id IN `, users)
	if err != nil {
		return nil, err
	}
	rooms := make(map[chat.UserID][]chat.RoomID, len(users))
	for _, m := range found {
		rooms[m.user] = append(rooms[m.user], m.room)
	}
	return rooms, nil
}

// LiveSessions implements core.Reader.
func (r reader) LiveSessions(ctx context.Context, ids []chat.SessionID, at time.Time) ([]chat.SessionID, error) {
	return allIn(ctx, r.x, scalar[chat.SessionID], `SELECT s.id FROM sessions s JOIN users u ON u.id = s.user_id
		WHERE s.revoked_at = 0 AND s.expires_at > $1 AND u.disabled_at = 0
			AND NOT EXISTS (SELECT 1 FROM sanctions x WHERE x.user_id = s.user_id AND x.room_id = 0 AND x.kind IN ('ban', 'timeout')
				AND x.lifted_at = 0 AND (x.until = 0 OR x.until > $2))
			AND s.id IN `, ids, millis(at), millis(at))
}

// SanctionsAmong implements core.Reader.
func (r reader) SanctionsAmong(ctx context.Context, room chat.RoomID, users []chat.UserID, at time.Time) ([]chat.Sanction, error) {
	return allIn(ctx, r.x, scanSanction, `SELECT `+sanctionColumns+` FROM sanctions
		WHERE room_id IN (0, $1) AND lifted_at = 0 AND (until = 0 OR until > $2) AND user_id IN `, users, room, millis(at))
}

// GrantsAmong implements core.Reader.
func (r reader) GrantsAmong(ctx context.Context, room chat.RoomID, users []chat.UserID) ([]chat.Grant, error) {
	return allIn(ctx, r.x, scanGrant, `SELECT `+grantColumns+` FROM grants WHERE room_id = $1 AND user_id IN `, users, room)
}
