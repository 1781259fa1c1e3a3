package storetest

import (
	"parley/internal/chat"
	"parley/internal/core"
)

func init() {
	tell("identities",
		story{"an identity is found by provider and subject, compared exactly", identityFound},
		story{"a new secret replaces the old one", identitySecret},
		story{"an identity belongs to one user for good", identityTaken},
		story{"identities need a user", identityUnknownUser},
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
