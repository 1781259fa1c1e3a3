package sqlstore

import (
	"context"
	"time"

	"parley/internal/chat"
)

const identityColumns = `provider, subject, user_id, secret`

func scanIdentity(row scanner) (i chat.Identity, err error) {
	err = row.Scan(&i.Provider, &i.Subject, &i.UserID, &i.Secret)
	return i, err
}

// Identity returns who (provider, subject) stands for; both are compared exactly.
func (r reader) Identity(ctx context.Context, provider, subject string) (chat.Identity, error) {
	return one(ctx, r.x, chat.ErrNotFound, scanIdentity,
		`SELECT `+identityColumns+` FROM identities WHERE provider = $1 AND subject = $2`, provider, subject)
}

// IdentitiesOf lists a user's identities by provider and subject.
func (r reader) IdentitiesOf(ctx context.Context, user chat.UserID) ([]chat.Identity, error) {
	return all(ctx, r.x, scanIdentity,
		`SELECT `+identityColumns+` FROM identities WHERE user_id = $1 ORDER BY provider, subject`, user)
}

var errIdentityTaken = chat.Errorf(chat.Conflict, "identity_taken", "This way of logging in belongs to another account.")

// PutIdentity adds an identity or changes its secret. Fails with user_not_found, or Conflict identity_taken if it is
// somebody else's.
func (t *tx) PutIdentity(ctx context.Context, i chat.Identity) error {
	if err := t.needUser(ctx, i.UserID); err != nil {
		return err
	}
	n, err := t.x.exec(ctx, `INSERT INTO identities (provider, subject, user_id, secret) VALUES ($1, $2, $3, $4)
		ON CONFLICT (provider, subject) DO UPDATE SET secret = excluded.secret WHERE identities.user_id = excluded.user_id`,
		i.Provider, i.Subject, i.UserID, i.Secret)
	return must(n, err, errIdentityTaken)
}

// DeleteIdentity takes a way of logging in off whoever has it, and reports whether somebody had.
func (t *tx) DeleteIdentity(ctx context.Context, provider, subject string) (bool, error) {
	n, err := t.x.exec(ctx, `DELETE FROM identities WHERE provider = $1 AND subject = $2`, provider, subject)
	return n > 0, err
}

// maxWroteDays is how far Wrote looks: older days are forgotten, see Expire.
const maxWroteDays = 2 * statDays

// Wrote implements core.Reader.
func (r reader) Wrote(ctx context.Context, user chat.UserID, since, at time.Time) (bool, error) {
	var days []int64
	for d := day(since); d <= day(at) && len(days) < maxWroteDays; d++ {
		days = append(days, d)
	}
	list, args := in([]any{user}, days)
	return exists(ctx, r.x, `SELECT 1 FROM day_senders WHERE user_id = $1 AND day IN `+list+` LIMIT 1`, args...)
}
