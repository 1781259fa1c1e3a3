package sqlstore

import (
	"context"
	"slices"
	"strings"
	"time"

	"parley/internal/chat"
)

// What a list of rooms asks, for all of them at once.

// inRooms is allIn for rooms.
func inRooms[T any](ctx context.Context, x execer, scan func(scanner) (T, error), query string, rooms []chat.RoomID, args ...any) ([]T, error) {
	rooms = slices.Clone(rooms)
	slices.Sort(rooms)
	var found []T
	for chunk := range slices.Chunk(slices.Compact(rooms), maxList) {
		places, args := in(slices.Clip(args), chunk)
		rows, err := all(ctx, x, scan, query+places, args...)
		if err != nil {
			return nil, err
		}
		found = append(found, rows...)
	}
	return found, nil
}

// RoomsByID implements core.Reader.
func (r reader) RoomsByID(ctx context.Context, ids []chat.RoomID) ([]chat.Room, error) {
	return inRooms(ctx, r.x, scanRoom, `SELECT `+roomColumns+roomTables+` WHERE r.id IN `, ids)
}

// listed is one entry of a role list.
type listed struct {
	room     chat.RoomID
	right    chat.Right
	position int
	chat.RoleEntry
}

func scanListed(row scanner) (e listed, err error) {
	err = row.Scan(&e.room, &e.right, &e.position, &e.RoleID, &e.Deny)
	return e, err
}

const listedColumns = `room_id, "right", position, role_id, deny`

// roleListsOf gathers entries in any order into lists, by room and right.
func roleListsOf(entries []listed) (lists []chat.RoleList) {
	slices.SortFunc(entries, func(a, b listed) int {
		if a.room != b.room {
			return int(a.room - b.room)
		}
		if a.right != b.right {
			return strings.Compare(string(a.right), string(b.right))
		}
		return a.position - b.position
	})
	for _, e := range entries {
		if n := len(lists); n == 0 || lists[n-1].RoomID != e.room || lists[n-1].Right != e.right {
			lists = append(lists, chat.RoleList{RoomID: e.room, Right: e.right})
		}
		last := &lists[len(lists)-1]
		last.Roles = append(last.Roles, e.RoleEntry)
	}
	return lists
}

// RoleListsAmong implements core.Reader.
func (r reader) RoleListsAmong(ctx context.Context, rooms []chat.RoomID) ([]chat.RoleList, error) {
	entries, err := inRooms(ctx, r.x, scanListed, `SELECT `+listedColumns+` FROM role_lists WHERE room_id IN `, rooms)
	return roleListsOf(entries), err
}

// RoleListsNaming implements core.Reader.
func (r reader) RoleListsNaming(ctx context.Context, role chat.RoleID) ([]chat.RoleList, error) {
	entries, err := all(ctx, r.x, scanListed, `SELECT l.room_id, l."right", l.position, l.role_id, l.deny
		FROM role_lists x JOIN role_lists l ON l.room_id = x.room_id AND l."right" = x."right" WHERE x.role_id = $1`, role)
	return roleListsOf(entries), err
}

// Memberships implements core.Reader.
func (r reader) Memberships(ctx context.Context, user chat.UserID) ([]chat.Member, error) {
	return all(ctx, r.x, scanMember, `SELECT `+memberColumns+` FROM members m WHERE m.user_id = $2`, r.now(), user)
}

// SanctionsOf implements core.Reader.
func (r reader) SanctionsOf(ctx context.Context, user chat.UserID, at time.Time) ([]chat.Sanction, error) {
	return all(ctx, r.x, scanSanction, `SELECT `+sanctionColumns+` FROM sanctions
		WHERE user_id = $1 AND lifted_at = 0 AND (until = 0 OR until > $2) ORDER BY id`, user, millis(at))
}

// GrantsOf implements core.Reader.
func (r reader) GrantsOf(ctx context.Context, user chat.UserID) ([]chat.Grant, error) {
	return all(ctx, r.x, scanGrant, `SELECT `+grantColumns+` FROM grants WHERE user_id = $1`, user)
}

// NewestSaid implements core.Reader.
func (r reader) NewestSaid(ctx context.Context, rooms []chat.RoomID) ([]chat.Said, error) {
	return inRooms(ctx, r.x, func(row scanner) (s chat.Said, err error) {
		err = row.Scan(&s.RoomID, &s.MessageID, asMicros(&s.At))
		return s, err
	}, `SELECT m.room_id, m.id, m.created_at FROM room_heads h JOIN messages m ON m.room_id = h.room_id AND m.seq =
			(SELECT x.seq FROM messages x WHERE x.room_id = h.room_id AND NOT x.deleted AND x.type <> 'system' ORDER BY x.seq DESC LIMIT 1)
		WHERE h.room_id IN `, rooms)
}

// SetRoomOrder implements core.Tx.
func (t *tx) SetRoomOrder(ctx context.Context, rooms []chat.RoomID) error {
	for i, room := range rooms {
		if _, err := t.x.exec(ctx, `UPDATE rooms SET position = $1 WHERE id = $2 AND position <> $3`, i, room, i); err != nil {
			return err
		}
	}
	return nil
}
