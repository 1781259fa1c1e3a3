package sqlstore

import (
	"context"
	"strings"
	"unicode/utf8"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/fold"
)

// userColumns include the roles, so that a user is one row and one query.
const userColumns = `u.id, u.number, u.username, u.display_name, u.kind, u.avatar_url, u.bio, u.email, u.status, u.status_message,
	u.settings, u.created_at, u.last_seen_at, u.disabled_at, u.external_name,
	COALESCE((SELECT string_agg(ur.role_id, ' ' ORDER BY ur.position, ur.role_id) FROM user_roles ur WHERE ur.user_id = u.id), '')`

// userFields are the places of userColumns.
func userFields(u *chat.User) []any {
	return []any{&u.ID, &u.Number, &u.Username, &u.DisplayName, &u.Kind, &u.AvatarURL, &u.Bio, &u.Email, &u.Status, &u.StatusMessage,
		asJSON(&u.Settings), asMillis(&u.CreatedAt), asMillis(&u.LastSeenAt), asMillis(&u.DisabledAt), &u.ExternalName,
		scanFunc[string](func(roles string) {
			u.Roles = splitIDs[chat.RoleID](roles)
			for _, id := range u.Roles {
				u.Rank = max(u.Rank, id.Rank())
			}
		})}
}

func scanUser(row scanner) (*chat.User, error) {
	u := new(chat.User)
	return u, row.Scan(userFields(u)...)
}

// usernameKey is what two usernames must not share.
func usernameKey(username string) string { return strings.ToLower(username) }

// User returns a user by id.
func (r reader) User(ctx context.Context, id chat.UserID) (*chat.User, error) {
	return one(ctx, r.x, chat.ErrUserNotFound, scanUser, `SELECT `+userColumns+` FROM users u WHERE u.id = $1`, id)
}

// UserByName returns a user by username, without regard to case.
func (r reader) UserByName(ctx context.Context, username string) (*chat.User, error) {
	return one(ctx, r.x, chat.ErrUserNotFound, scanUser, `SELECT `+userColumns+` FROM users u WHERE u.username_key = $1`, usernameKey(username))
}

// UserByNumber returns a user by number.
func (r reader) UserByNumber(ctx context.Context, number int64) (*chat.User, error) {
	return one(ctx, r.x, chat.ErrUserNotFound, scanUser, `SELECT `+userColumns+` FROM users u WHERE u.number = $1`, number)
}

// Users returns those of the users that exist, each once and in no order.
func (r reader) Users(ctx context.Context, ids []chat.UserID) ([]*chat.User, error) {
	return allIn(ctx, r.x, scanUser, `SELECT `+userColumns+` FROM users u WHERE u.id IN `, ids)
}

// UsersByName returns those of the users that exist, without regard to case, each once and in no order.
func (r reader) UsersByName(ctx context.Context, usernames []string) ([]*chat.User, error) {
	keys := make([]string, len(usernames))
	for i, name := range usernames {
		keys[i] = usernameKey(name)
	}
	return allIn(ctx, r.x, scanUser, `SELECT `+userColumns+` FROM users u WHERE u.username_key IN `, keys)
}

// UserByExternalName returns the person whom an identity provider knows under a name, without regard to case.
func (r reader) UserByExternalName(ctx context.Context, name string) (*chat.User, error) {
	return one(ctx, r.x, chat.ErrUserNotFound, scanUser, `SELECT `+userColumns+` FROM users u WHERE u.external_key = $1`, null(usernameKey(name)))
}

// externalFree fails with external_name_taken if somebody else bears the user's name elsewhere.
func (t *tx) externalFree(ctx context.Context, u *chat.User) error {
	if u.ExternalName == "" {
		return nil
	}
	taken, err := exists(ctx, t.x, `SELECT 1 FROM users WHERE external_key = $1 AND id <> $2`, usernameKey(u.ExternalName), u.ID)
	if err == nil && taken {
		err = chat.Errorf(chat.Conflict, "external_name_taken", "Somebody else on this server has this name already.")
	}
	return err
}

// SearchUsers finds usable accounts by the beginning of their username, their display name or a word of it. An exact match
// comes first; an empty prefix finds nobody.
func (r reader) SearchUsers(ctx context.Context, prefix string, limit int) ([]*chat.User, error) {
	prefix = fold.Fold(prefix)
	if prefix == "" {
		return nil, nil
	}
	return all(ctx, r.x, scanUser, `SELECT `+userColumns+`
		FROM (SELECT user_id, MIN(word) AS word FROM user_words WHERE word >= $1 AND word < $2 GROUP BY user_id) found
		JOIN users u ON u.id = found.user_id
		WHERE u.disabled_at = 0
		ORDER BY found.word, u.number LIMIT $3`, prefix, prefix+string(utf8.MaxRune), max(limit, 0))
}

// ListUsers lists accounts in the order they were made.
func (r reader) ListUsers(ctx context.Context, query core.UserQuery) (users []*chat.User, next string, err error) {
	var w where
	if text := fold.Fold(query.Text); text != "" {
		w.and("u.name_key LIKE ? ESCAPE '\\'", "%"+like(text))
	}
	if query.Rank != "" {
		w.and("EXISTS (SELECT 1 FROM user_roles r WHERE r.user_id = u.id AND r.role_id = ?)", query.Rank)
	}
	if query.Disabled != nil {
		if *query.Disabled {
			w.and("u.disabled_at > 0")
		} else {
			w.and("u.disabled_at = 0")
		}
	}
	after, err := parseIDCursor(query.Page.Cursor, 0)
	if err != nil {
		return nil, "", err
	}
	w.and("u.number > ?", after)
	limit := pageLimit(query.Page)
	users, err = all(ctx, r.x, scanUser, `SELECT `+userColumns+` FROM users u`+w.String()+w.bind(` ORDER BY u.number LIMIT ?`, limit+1), w.args...)
	if err != nil {
		return nil, "", err
	}
	users, next = page(users, limit, func(u *chat.User) string { return idKey(u.Number) })
	return users, next, nil
}

// People lists the accounts that are no bots in the order they were made.
func (r reader) People(ctx context.Context, after int64, limit int) (ids []chat.UserID, last int64, err error) {
	ids, err = all(ctx, r.x, func(row scanner) (id chat.UserID, err error) {
		err = row.Scan(&last, &id)
		return id, err
	}, `SELECT number, id FROM users WHERE number > $1 AND kind <> $2 ORDER BY number LIMIT $3`, after, chat.Bot, max(limit, 0))
	return ids, last, err
}

// Departed returns what is kept of an account that was deleted. Fails with user_not_found.
func (r reader) Departed(ctx context.Context, id chat.UserID) (chat.Departed, error) {
	return one(ctx, r.x, chat.ErrUserNotFound, func(row scanner) (d chat.Departed, err error) {
		err = row.Scan(&d.UserID, &d.Username, &d.ExternalName)
		return d, err
	}, `SELECT user_id, username, external_name FROM departed WHERE user_id = $1`, id)
}

// OwnerExists reports whether anybody, usable or not, is an owner of the server.
func (r reader) OwnerExists(ctx context.Context) (bool, error) {
	return exists(ctx, r.x, `SELECT 1 FROM user_roles WHERE role_id = $1 LIMIT 1`, chat.RoleOwner)
}

var errUsernameTaken = &chat.Error{Kind: chat.Conflict, Code: "username_taken", Text: "This username is taken. Choose another one.", Field: "username"}

// CreateUser stores an account with its roles and assigns its number. Fails with Conflict username_taken or external_name_taken, or not_found for
// an unknown role.
func (t *tx) CreateUser(ctx context.Context, u *chat.User) (*chat.User, error) {
	if err := t.externalFree(ctx, u); err != nil {
		return nil, err
	}
	n, err := t.x.exec(ctx, `INSERT INTO users (id, username, username_key, display_name, name_key, kind, avatar_url, bio, email,
			status, status_message, settings, created_at, last_seen_at, disabled_at, external_name, external_key)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) ON CONFLICT (username_key) DO NOTHING`,
		u.ID, u.Username, usernameKey(u.Username), u.DisplayName, userNameKey(u), u.Kind, u.AvatarURL, u.Bio, u.Email,
		u.Status, u.StatusMessage, string(u.Settings), millis(u.CreatedAt), millis(u.LastSeenAt), millis(u.DisabledAt),
		u.ExternalName, null(usernameKey(u.ExternalName)))
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, errUsernameTaken
	}
	if err := t.putWords(ctx, u); err != nil {
		return nil, err
	}
	if err := t.putUserRoles(ctx, u.ID, u.Roles); err != nil {
		return nil, err
	}
	return t.User(ctx, u.ID)
}

// UpdateUser stores everything of a user but id, number, kind, creation and roles. A changed username takes the password
// login with it. Fails with user_not_found or Conflict username_taken, external_name_taken.
func (t *tx) UpdateUser(ctx context.Context, u *chat.User) error {
	if err := t.externalFree(ctx, u); err != nil {
		return err
	}
	type names struct{ username, name string }
	old, err := one(ctx, t.x, chat.ErrUserNotFound, func(row scanner) (n names, err error) {
		err = row.Scan(&n.username, &n.name)
		return n, err
	}, `SELECT username_key, name_key FROM users WHERE id = $1`, u.ID)
	if err != nil {
		return err
	}
	now := names{usernameKey(u.Username), userNameKey(u)}
	if now.username != old.username {
		taken, err := exists(ctx, t.x, `SELECT 1 FROM users WHERE username_key = $1`, now.username)
		if err != nil {
			return err
		}
		if taken {
			return errUsernameTaken
		}
	}
	if _, err := t.x.exec(ctx, `UPDATE users SET username = $1, username_key = $2, display_name = $3, name_key = $4, avatar_url = $5, bio = $6,
			email = $7, status = $8, status_message = $9, settings = $10, last_seen_at = $11, disabled_at = $12, external_name = $13, external_key = $14
		WHERE id = $15`,
		u.Username, now.username, u.DisplayName, now.name, u.AvatarURL, u.Bio,
		u.Email, u.Status, u.StatusMessage, string(u.Settings), millis(u.LastSeenAt), millis(u.DisabledAt), u.ExternalName, null(usernameKey(u.ExternalName)), u.ID); err != nil {
		return err
	}
	t.locked(nil, subject{user: u.ID})
	if now.username != old.username {
		if _, err := t.x.exec(ctx, `UPDATE identities SET subject = $1 WHERE user_id = $2 AND provider = $3 AND subject = $4`,
			now.username, u.ID, chat.ProviderPassword, old.username); err != nil {
			return err
		}
	}
	if now.name == old.name {
		return nil
	}
	if _, err := t.x.exec(ctx, `DELETE FROM user_words WHERE user_id = $1`, u.ID); err != nil {
		return err
	}
	return t.putWords(ctx, u)
}

// SetUserRoles replaces a user's roles, in the given order. Fails with user_not_found, or not_found for an unknown role.
func (t *tx) SetUserRoles(ctx context.Context, user chat.UserID, roles []chat.RoleID) error {
	if err := t.needUser(ctx, user); err != nil {
		return err
	}
	if _, err := t.x.exec(ctx, `DELETE FROM user_roles WHERE user_id = $1`, user); err != nil {
		return err
	}
	return t.putUserRoles(ctx, user, roles)
}

func (t *tx) putUserRoles(ctx context.Context, user chat.UserID, roles []chat.RoleID) error {
	var v values
	seen := make(map[chat.RoleID]bool, len(roles))
	for _, role := range roles {
		if !seen[role] {
			seen[role] = true
			v.row(user, role, len(seen))
		}
	}
	if len(seen) == 0 {
		return nil
	}
	if err := t.needRoles(ctx, seen); err != nil {
		return err
	}
	_, err := t.x.exec(ctx, `INSERT INTO user_roles (user_id, role_id, position) VALUES `+v.String(), v.args...)
	return err
}

// DeleteUser removes an account and all that is the person's own. What they wrote stays, as do their name, sanctions, reports and the
// audit log.
func (t *tx) DeleteUser(ctx context.Context, user chat.UserID) error {
	if err := t.needUser(ctx, user); err != nil {
		return err
	}
	if _, err := t.x.exec(ctx, `DELETE FROM read_marks WHERE user_id = $1 AND room_id IN (SELECT room_id FROM members WHERE user_id = $2)`, user, user); err != nil {
		return err
	}
	if _, err := t.x.exec(ctx, `INSERT INTO departed (user_id, username, external_name) SELECT id, username, external_name FROM users WHERE id = $1
		ON CONFLICT (user_id) DO NOTHING`, user); err != nil {
		return err
	}
	for _, statement := range []string{
		`UPDATE room_heads SET member_count = member_count - 1 WHERE room_id IN (SELECT room_id FROM members WHERE user_id = $1)`,
		`DELETE FROM mentions WHERE user_id = $1`,
		`DELETE FROM invites WHERE user_id = $1`,
		`DELETE FROM users WHERE id = $1`,
	} {
		if _, err := t.x.exec(ctx, statement, user); err != nil {
			return err
		}
	}
	return nil
}

// userNameKey is the folded text that the operator's list is searched in. The line break keeps a match within one name.
func userNameKey(u *chat.User) string { return fold.Fold(u.Username) + "\n" + fold.Fold(u.DisplayName) }

// putWords stores what a prefix may begin: the username and the display name, each from every word of it on.
func (t *tx) putWords(ctx context.Context, u *chat.User) error {
	var v values
	seen := make(map[string]bool)
	for _, name := range []string{fold.Fold(u.Username), fold.Fold(u.DisplayName)} {
		for i := range name {
			if i > 0 && name[i-1] != ' ' {
				continue
			}
			if word := name[i:]; !seen[word] {
				seen[word] = true
				v.row(word, u.ID)
			}
		}
	}
	if len(v.args) == 0 {
		return nil
	}
	_, err := t.x.exec(ctx, `INSERT INTO user_words (word, user_id) VALUES `+v.String(), v.args...)
	return err
}
