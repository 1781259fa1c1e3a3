package origin

import (
	"context"
	"strings"
	"sync"

	"parley/internal/chat"
)

// localPrefix begins the names of accounts of this server on the wire; clients know them by it (specs: originchats §2.3).
const localPrefix = "USR:local_"

// serverName is who speaks for the server (specs: originchats §6.4).
const serverName = "originChats"

// nameOf is what a person is called on the wire: their Rotur name, or that of their account here. Names are unique without
// regard to case.
func nameOf(u *chat.User) string {
	if u.ExternalName != "" {
		return u.ExternalName
	}
	return localPrefix + strings.ToLower(u.Username)
}

// isLocal reports whether an account is one of this server alone.
func isLocal(u *chat.User) bool { return u.ExternalName == "" }

// nicknameOf is what a person chose to be called; nil for a Rotur account without such a name.
func nicknameOf(u *chat.User) *string {
	if !isLocal(u) && u.DisplayName == u.ExternalName {
		return nil
	}
	return &u.DisplayName
}

// subjects remembers the ids that Rotur knows people by.
type subjects struct {
	mu   sync.RWMutex // taken by itself
	byID map[chat.UserID]string
}

// maxSubjects bounds what is remembered.
const maxSubjects = 50_000

// idOf is a person's id on the wire: that of Rotur, or the name of an account here.
func (d *Dialect) idOf(ctx context.Context, u *chat.User) string {
	if isLocal(u) {
		return nameOf(u)
	}
	d.named.mu.RLock()
	id, known := d.named.byID[u.ID]
	d.named.mu.RUnlock()
	if known {
		return id
	}
	identity, err := d.core.IdentityOf(ctx, u.ID, chat.ProviderRotur)
	if err != nil {
		return nameOf(u) // unlinked a moment ago
	}
	d.named.mu.Lock()
	defer d.named.mu.Unlock()
	if d.named.byID == nil || len(d.named.byID) >= maxSubjects {
		d.named.byID = make(map[chat.UserID]string)
	}
	d.named.byID[u.ID] = identity.Subject
	return identity.Subject
}

// userNamed finds a person by their name on the wire, without regard to case, or by their id there. It fails with
// user_not_found.
func (d *Dialect) userNamed(ctx context.Context, name string) (*chat.User, error) {
	if name == "" {
		return nil, chat.ErrUserNotFound
	}
	if len(name) > len(localPrefix) && strings.EqualFold(name[:len(localPrefix)], localPrefix) {
		u, err := d.core.UserByName(ctx, chat.Operator, name[len(localPrefix):])
		if err == nil && isLocal(u) {
			return u, nil
		}
		if err != nil && chat.AsError(err).Kind != chat.NotFound {
			return nil, err
		}
	}
	u, err := d.core.UserByExternalName(ctx, chat.Operator, name)
	if err == nil || chat.AsError(err).Kind != chat.NotFound {
		return u, err
	}
	return d.core.UserByIdentity(ctx, chat.Operator, chat.ProviderRotur, name)
}

// user returns a person by id from memory or the store; nil if there is none.
func (d *Dialect) user(ctx context.Context, id chat.UserID) *chat.User {
	if id == "" {
		return nil
	}
	u, err := d.core.User(ctx, chat.Operator, id)
	if err != nil {
		return nil
	}
	return u
}

// nameByID is nameOf for an id: of the account, or what is remembered of one that is gone.
func (d *Dialect) nameByID(ctx context.Context, id chat.UserID) string {
	if u := d.user(ctx, id); u != nil {
		return nameOf(u)
	}
	if gone, err := d.core.Departed(ctx, id); err == nil {
		return nameOf(&chat.User{Username: gone.Username, ExternalName: gone.ExternalName})
	}
	return string(id)
}
