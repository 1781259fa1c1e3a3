package sqlstore

import (
	"context"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"

	"parley/internal/chat"
	"parley/internal/fold"
)

// Queries name rooms r and their heads h.
const (
	roomColumns = `r.id, r.slug, r.name, r.description, r.topic, r.type, r.form, r.encrypted, r.official, r.avatar_url, r.position,
	r.owner_id, r.created_by, r.created_at, r.archived, r.slow_mode, r.version, r.extra, r.denied_permissions, r.direct_a, r.direct_b,
	h.last_seq, h.message_count, h.last_message_at, h.member_count`
	roomTables = ` FROM rooms r JOIN room_heads h ON h.room_id = r.id`
)

// roomFields are the places of roomColumns.
func roomFields(r *chat.Room) []any {
	return []any{&r.ID, &r.Slug, &r.Name, &r.Description, &r.Topic, &r.Type, &r.Form, &r.Encrypted, &r.Official, &r.AvatarURL, &r.Position,
		&r.OwnerID, &r.CreatedBy, asMillis(&r.CreatedAt), &r.Archived, asSpan(&r.SlowMode), &r.Version, asJSON(&r.Extra),
		scanFunc[string](func(lines string) { r.Denied = splitLines[chat.Permission](lines) }), &r.DirectPair[0], &r.DirectPair[1],
		&r.LastSeq, &r.MessageCount, asMicros(&r.LastMessageAt), &r.MemberCount}
}

func scanRoom(row scanner) (r chat.Room, err error) {
	err = row.Scan(roomFields(&r)...)
	return r, err
}

// Room returns a room by id.
func (r reader) Room(ctx context.Context, id chat.RoomID) (chat.Room, error) {
	return one(ctx, r.x, chat.ErrRoomNotFound, scanRoom, `SELECT `+roomColumns+roomTables+` WHERE r.id = $1`, id)
}

// RoomBySlug returns a room by slug, without regard to case.
func (r reader) RoomBySlug(ctx context.Context, slug string) (chat.Room, error) {
	return one(ctx, r.x, chat.ErrRoomNotFound, scanRoom, `SELECT `+roomColumns+roomTables+` WHERE r.slug_key = $1`, null(strings.ToLower(slug)))
}

// OfficialRooms lists the rooms of the server itself, archived ones left out, by position and then in the order they were made.
func (r reader) OfficialRooms(ctx context.Context) ([]chat.Room, error) {
	return all(ctx, r.x, scanRoom, `SELECT `+roomColumns+roomTables+` WHERE r.official AND NOT r.archived ORDER BY r.position, r.id`)
}

// DirectRoom returns the direct room of two people, named in any order.
func (r reader) DirectRoom(ctx context.Context, a, b chat.UserID) (chat.Room, error) {
	return one(ctx, r.x, chat.ErrRoomNotFound, scanRoom,
		`SELECT `+roomColumns+roomTables+` WHERE r.direct_a = $1 AND r.direct_b = $2 AND r.type = 'direct'`, min(a, b), max(a, b))
}

// PublicRooms lists the public rooms that are not archived, those with most members first. q narrows the list to rooms with
// that text in their name or description.
func (r reader) PublicRooms(ctx context.Context, q string, p chat.Page) (rooms []chat.Room, next string, err error) {
	key, err := parseCursor(p.Cursor, 2)
	if err != nil {
		return nil, "", err
	}
	members, after := int64(math.MaxInt64), int64(0)
	if key != nil {
		if members, err = strconv.ParseInt(key[0], 10, 64); err != nil {
			return nil, "", errCursorInvalid
		}
		if after, err = strconv.ParseInt(key[1], 10, 64); err != nil {
			return nil, "", errCursorInvalid
		}
	}
	var w where
	w.and("r.id = h.room_id AND r.type = 'public' AND NOT r.archived")
	w.about(q)
	w.and("h.member_count <= ? AND (h.member_count < ? OR h.room_id > ?)", members, members, after)
	limit := pageLimit(p)
	// SQLite reads the tables of a CROSS JOIN in the order written: along the index, until there are enough.
	rooms, err = all(ctx, r.x, scanRoom, `SELECT `+roomColumns+` FROM room_heads h CROSS JOIN rooms r`+
		w.String()+w.bind(` ORDER BY h.member_count DESC, h.room_id LIMIT ?`, limit+1), w.args...)
	if err != nil {
		return nil, "", err
	}
	rooms, next = page(rooms, limit, func(r chat.Room) string { return makeCursor(strconv.Itoa(r.MemberCount), r.ID.String()) })
	return rooms, next, nil
}

// ListRooms lists every room, direct ones included, in the order they were made; q as for PublicRooms.
func (r reader) ListRooms(ctx context.Context, q string, p chat.Page) (rooms []chat.Room, next string, err error) {
	after, err := parseIDCursor(p.Cursor, 0)
	if err != nil {
		return nil, "", err
	}
	var w where
	w.about(q)
	w.and("r.id > ?", after)
	limit := pageLimit(p)
	rooms, err = all(ctx, r.x, scanRoom, `SELECT `+roomColumns+roomTables+w.String()+w.bind(` ORDER BY r.id LIMIT ?`, limit+1), w.args...)
	if err != nil {
		return nil, "", err
	}
	rooms, next = page(rooms, limit, func(r chat.Room) string { return idKey(int64(r.ID)) })
	return rooms, next, nil
}

// about keeps rooms with a text in their name or description.
func (w *where) about(q string) {
	if q = fold.Fold(q); q != "" {
		w.and(`r.name_key LIKE ? ESCAPE '\'`, "%"+like(q))
	}
}

var (
	errSlugTaken    = &chat.Error{Kind: chat.Conflict, Code: "slug_taken", Text: "Another room has this short name. Choose another one.", Field: "slug"}
	errDirectExists = chat.Errorf(chat.Conflict, "direct_exists", "These two people have a direct room already.")
)

// CreateRoom stores a new, empty room and assigns its id; counters, version and members of r are not looked at. Fails with
// Conflict slug_taken or direct_exists.
func (t *tx) CreateRoom(ctx context.Context, r chat.Room) (chat.Room, error) {
	a, b := r.DirectPair[0], r.DirectPair[1]
	a, b = min(a, b), max(a, b)
	id, err := one(ctx, t.x, errSlugTaken, scalar[chat.RoomID], `INSERT INTO rooms (slug, slug_key, name, name_key, description, topic, type, form,
			encrypted, official, avatar_url, position, owner_id, created_by, created_at, archived, slow_mode, version, extra, denied_permissions, direct_a, direct_b)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, 1, $18, $19, $20, $21)
		ON CONFLICT DO NOTHING RETURNING id`,
		r.Slug, null(strings.ToLower(r.Slug)), r.Name, roomNameKey(r), r.Description, r.Topic, r.Type, r.Form,
		r.Encrypted, r.Official, r.AvatarURL, r.Position, r.OwnerID, r.CreatedBy, millis(r.CreatedAt), r.Archived, r.SlowMode.Milliseconds(), string(r.Extra),
		joinLines(r.Denied), a, b)
	if errors.Is(err, errSlugTaken) && r.Type == chat.Direct {
		if _, e := t.DirectRoom(ctx, a, b); e == nil {
			return chat.Room{}, errDirectExists
		}
	}
	if err != nil {
		return chat.Room{}, err
	}
	if _, err := t.x.exec(ctx, `INSERT INTO room_heads (room_id) VALUES ($1)`, id); err != nil {
		return chat.Room{}, err
	}
	return t.Room(ctx, id)
}

// UpdateRoom stores a room's settings, owner and archived state, and counts its version. Fails with room_not_found or
// Conflict slug_taken.
func (t *tx) UpdateRoom(ctx context.Context, r chat.Room) (chat.Room, error) {
	if err := t.lockHead(ctx, r.ID); err != nil {
		return chat.Room{}, err
	}
	slug := null(strings.ToLower(r.Slug))
	taken, err := exists(ctx, t.x, `SELECT 1 FROM rooms WHERE slug_key = $1 AND id <> $2`, slug, r.ID)
	if err != nil {
		return chat.Room{}, err
	}
	if taken {
		return chat.Room{}, errSlugTaken
	}
	n, err := t.x.exec(ctx, `UPDATE rooms SET slug = $1, slug_key = $2, name = $3, name_key = $4, description = $5, topic = $6, type = $7,
			form = $8, encrypted = $9, official = $10, avatar_url = $11, position = $12, owner_id = $13, archived = $14, slow_mode = $15, extra = $16,
			denied_permissions = $17, version = version + 1
		WHERE id = $18`,
		r.Slug, slug, r.Name, roomNameKey(r), r.Description, r.Topic, r.Type,
		r.Form, r.Encrypted, r.Official, r.AvatarURL, r.Position, r.OwnerID, r.Archived, r.SlowMode.Milliseconds(), string(r.Extra),
		joinLines(r.Denied), r.ID)
	if err = must(n, err, chat.ErrRoomNotFound); err != nil {
		return chat.Room{}, err
	}
	return t.Room(ctx, r.ID)
}

// DeleteRoom removes a room with its members, messages, files, invites, sanctions and notifications. Reports and the audit
// log stay: they are the server's. It returns the hashes of the room's files and picture, each
// once, which may be in use elsewhere.
func (t *tx) DeleteRoom(ctx context.Context, id chat.RoomID) (blobs []string, err error) {
	if err := t.lockHead(ctx, id); err != nil {
		return nil, err
	}
	room, err := t.Room(ctx, id)
	if err != nil {
		return nil, err
	}
	if hash := avatarHash(room.AvatarURL); hash != "" {
		blobs = append(blobs, hash)
	}
	if err := t.unindexRoom(ctx, id); err != nil {
		return nil, err
	}
	err = each(ctx, t.x, func(row scanner) error {
		var hash, thumb string
		err := row.Scan(&hash, &thumb)
		blobs = append(blobs, hash)
		if thumb != "" {
			blobs = append(blobs, thumb)
		}
		return err
	}, `DELETE FROM attachments WHERE message_id IN (SELECT id FROM messages WHERE room_id = $1) RETURNING hash, thumb_hash`, id)
	if err != nil {
		return nil, err
	}
	pictures, err := all(ctx, t.x, scalar[string], `SELECT DISTINCT p.hash FROM link_pictures p JOIN messages m ON m.id = p.message_id WHERE m.room_id = $1`, id)
	if err != nil {
		return nil, err
	}
	blobs = append(blobs, pictures...)
	for _, statement := range []string{
		`DELETE FROM invites WHERE room_id = $1`,
		`DELETE FROM sanctions WHERE room_id = $1`,
		`DELETE FROM notifications WHERE room_id = $1`,
		`DELETE FROM rooms WHERE id = $1`, // the rest goes with it
	} {
		if _, err := t.x.exec(ctx, statement, id); err != nil {
			return nil, err
		}
	}
	slices.Sort(blobs)
	return slices.Compact(blobs), nil
}

// avatarHash returns the hash that the URL of a picture kept here ends in; empty for any other picture.
func avatarHash(avatarURL string) string {
	const digits = 64
	if len(avatarURL) < digits {
		return ""
	}
	hash := avatarURL[len(avatarURL)-digits:]
	if strings.Trim(hash, "0123456789abcdef") != "" {
		return ""
	}
	return hash
}

// roomNameKey is the folded text that the directory is searched in. The line break keeps a match within one of the two.
func roomNameKey(r chat.Room) string { return fold.Fold(r.Name) + "\n" + fold.Fold(r.Description) }
