package sqlstore

import (
	"context"
	"time"

	"parley/internal/chat"
)

const (
	inviteColumns = `code, room_id, user_id, created_by, created_at, expires_at, max_uses, uses, revoked_at`
	// inviteLive is chat.Invite.Live at the time in ?.
	inviteLive = `revoked_at = 0 AND (expires_at = 0 OR expires_at > ?) AND (max_uses = 0 OR uses < max_uses)`
)

func scanInvite(row scanner) (i chat.Invite, err error) {
	err = row.Scan(&i.Code, &i.RoomID, &i.UserID, &i.CreatedBy, asMillis(&i.CreatedAt), asMillis(&i.ExpiresAt),
		&i.MaxUses, &i.Uses, asMillis(&i.RevokedAt))
	return i, err
}

// Invite returns an invite, live or not. The code is compared exactly.
func (r reader) Invite(ctx context.Context, code string) (chat.Invite, error) {
	return one(ctx, r.x, chat.ErrNotFound, scanInvite, `SELECT `+inviteColumns+` FROM invites WHERE code = $1`, code)
}

// Invites lists the invites to a room, or with room 0 to the server, newest first, those that have ended included.
func (r reader) Invites(ctx context.Context, room chat.RoomID) ([]chat.Invite, error) {
	return all(ctx, r.x, scanInvite,
		`SELECT `+inviteColumns+` FROM invites WHERE room_id = $1 ORDER BY created_at DESC, code`, room)
}

// InviteFor returns the newest live invite to a room that is meant for this person alone.
func (r reader) InviteFor(ctx context.Context, room chat.RoomID, user chat.UserID, at time.Time) (chat.Invite, error) {
	if user == "" {
		return chat.Invite{}, chat.ErrNotFound // the invites for anybody have no person
	}
	var w where
	w.and("user_id = ? AND user_id <> ''", user)
	w.and("room_id = ?", room)
	w.and(inviteLive, millis(at))
	return one(ctx, r.x, chat.ErrNotFound, scanInvite,
		`SELECT `+inviteColumns+` FROM invites`+w.String()+` ORDER BY created_at + 0 DESC, code LIMIT 1`, w.args...) // + 0: not by invites_room
}

var errInviteTaken = chat.Errorf(chat.Conflict, "invite_taken", "This invite code is in use. Make another one.")

// PutInvite adds an invite, or changes the expiry, limit or revocation of one; its uses only ever grow by UseInvite. Fails
// with Conflict invite_taken if the code is that of an invite to somewhere or for someone else.
func (t *tx) PutInvite(ctx context.Context, i chat.Invite) error {
	n, err := t.x.exec(ctx, `INSERT INTO invites (code, room_id, user_id, created_by, created_at, expires_at, max_uses, uses, revoked_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (code) DO UPDATE SET expires_at = excluded.expires_at, max_uses = excluded.max_uses, revoked_at = excluded.revoked_at
			WHERE invites.room_id = excluded.room_id AND invites.user_id = excluded.user_id`,
		i.Code, i.RoomID, i.UserID, i.CreatedBy, millis(i.CreatedAt), millis(i.ExpiresAt), i.MaxUses, i.Uses, millis(i.RevokedAt))
	return must(n, err, errInviteTaken)
}

// UseInvite counts one use of an invite that is live at a time, and reports whether it was; an unknown code is not.
func (t *tx) UseInvite(ctx context.Context, code string, at time.Time) (bool, error) {
	var w where
	w.and("code = ?", code)
	w.and(inviteLive, millis(at))
	n, err := t.x.exec(ctx, `UPDATE invites SET uses = uses + 1`+w.String(), w.args...)
	return n > 0, err
}
