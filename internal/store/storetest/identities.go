package storetest

import (
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

func init() {
	tell("identities",
		story{"an identity is found by provider and subject, compared exactly", identityFound},
		story{"a new secret replaces the old one", identitySecret},
		story{"an identity belongs to one user for good", identityTaken},
		story{"identities need a user", identityUnknownUser},
		story{"an identity can be taken away and given to somebody else", identityMoved},
		story{"who wrote is known by the day", identityWrote},
	)
}

func (w *world) putIdentity(i chat.Identity) error {
	w.Helper()
	return w.try(func(tx core.Tx) error { return tx.PutIdentity(w.ctx, i) })
}

func identityFound(w *world) {
	ada := w.addUser("ada")
	want := []chat.Identity{
		{Provider: "oidc:https://id.example", Subject: "Ada", UserID: ada},
		{Provider: chat.ProviderPassword, Subject: "ada", UserID: ada, Secret: "$argon2id$x"},
	}
	for _, i := range want {
		w.wantCode(w.putIdentity(i), "")
		same(w, "found", must(w.Identity(w.ctx, i.Provider, i.Subject)), i)
	}
	same(w, "of ada", must(w.IdentitiesOf(w.ctx, ada)), want)
	same(w, "of nobody", len(must(w.IdentitiesOf(w.ctx, "nobody"))), 0)
	for _, other := range [][2]string{{"oidc:https://id.example", "ada"}, {chat.ProviderPassword, "Ada"}, {"", "ada"}, {chat.ProviderPassword, ""}} {
		_, err := w.Identity(w.ctx, other[0], other[1])
		w.wantCode(err, "not_found")
	}
}

func identitySecret(w *world) {
	ada := w.addUser("ada")
	for _, secret := range []string{"one", "two"} {
		w.wantCode(w.putIdentity(chat.Identity{Provider: chat.ProviderPassword, Subject: "ada", UserID: ada, Secret: secret}), "")
		same(w, "secret", must(w.Identity(w.ctx, chat.ProviderPassword, "ada")).Secret, secret)
	}
}

func identityTaken(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	w.wantCode(w.putIdentity(chat.Identity{Provider: "oidc:x", Subject: "1", UserID: ada, Secret: "s"}), "")
	w.wantCode(w.putIdentity(chat.Identity{Provider: "oidc:x", Subject: "1", UserID: bob}), "identity_taken")
	same(w, "still", must(w.Identity(w.ctx, "oidc:x", "1")), chat.Identity{Provider: "oidc:x", Subject: "1", UserID: ada, Secret: "s"})
}

func identityUnknownUser(w *world) {
	w.wantCode(w.putIdentity(chat.Identity{Provider: "oidc:x", Subject: "1", UserID: "nobody"}), "user_not_found")
}

func identityMoved(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	id := chat.Identity{Provider: chat.ProviderRotur, Subject: "USR:1", UserID: ada}
	w.wantCode(w.putIdentity(id), "")
	for _, there := range []bool{true, false} {
		w.wantCode(w.try(func(tx core.Tx) error {
			was, err := tx.DeleteIdentity(w.ctx, id.Provider, id.Subject)
			same(w, "was there", was, there)
			return err
		}), "")
	}
	_, err := w.Identity(w.ctx, id.Provider, id.Subject)
	w.wantCode(err, "not_found")
	id.UserID = bob
	w.wantCode(w.putIdentity(id), "")
	same(w, "of bob", must(w.IdentitiesOf(w.ctx, bob)), []chat.Identity{id})
}

func identityWrote(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	room := w.addRoom(chat.Room{Slug: "lab", Name: "Lab", Type: chat.Public}, ada)
	now := w.say(room, ada, "hello").CreatedAt
	for _, row := range []struct {
		user      chat.UserID
		since, at time.Time
		want      bool
	}{
		{ada, now, now, true},
		{ada, now.AddDate(0, 0, -20), now, true},
		{ada, now.AddDate(0, 0, -20), now.AddDate(0, 0, -1), false},
		{ada, now.AddDate(0, 0, 1), now.AddDate(0, 0, 3), false},
		{ada, now.AddDate(0, 0, 1), now, false},
		{bob, now.AddDate(0, 0, -20), now, false},
	} {
		same(w, "wrote", must(w.Wrote(w.ctx, row.user, row.since, row.at)), row.want)
	}
}
