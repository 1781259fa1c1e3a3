package storetest

import (
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

func init() {
	tell("push subscriptions",
		story{"subscriptions are read back as stored, oldest first", pushReadBack},
		story{"an endpoint belongs to whoever subscribed last", pushMoves},
		story{"a subscription is deleted by its user, or whoever's it is", pushDelete},
		story{"a subscription needs a user", pushUnknown},
	)
}

func (w *world) subscribe(subscriptions ...chat.PushSubscription) {
	w.Helper()
	w.change(func(tx core.Tx) error {
		for _, p := range subscriptions {
			if err := tx.PutPushSubscription(w.ctx, p); err != nil {
				return err
			}
		}
		return nil
	})
}

func (w *world) unsubscribe(user chat.UserID, endpoint string) (was bool) {
	w.Helper()
	w.change(func(tx core.Tx) (err error) {
		was, err = tx.DeletePushSubscription(w.ctx, user, endpoint)
		return err
	})
	return was
}

func pushReadBack(w *world) {
	ada := w.addUser("ada")
	newer := chat.PushSubscription{UserID: ada, SessionID: "s", Endpoint: "https://push.example/a", P256dh: "p", Auth: "a", CreatedAt: Start.Add(time.Hour)}
	older := chat.PushSubscription{UserID: ada, Endpoint: "https://push.example/b", P256dh: "p", Auth: "a", CreatedAt: Start, Device: "d", LastUsedAt: Start.Add(time.Minute)}
	w.subscribe(newer, older)
	same(w, "ada's", must(w.PushSubscriptions(w.ctx, ada)), []chat.PushSubscription{older, newer})
	same(w, "nobody's", len(must(w.PushSubscriptions(w.ctx, "nobody"))), 0)
}

func pushMoves(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	first := chat.PushSubscription{UserID: ada, SessionID: "s1", Endpoint: "https://push.example/a", P256dh: "p1", Auth: "a1", CreatedAt: Start}
	second := chat.PushSubscription{UserID: bob, SessionID: "s2", Endpoint: "https://push.example/a", P256dh: "p2", Auth: "a2", CreatedAt: Start.Add(time.Hour)}
	w.subscribe(first, second)
	same(w, "ada's", len(must(w.PushSubscriptions(w.ctx, ada))), 0)
	same(w, "bob's", must(w.PushSubscriptions(w.ctx, bob)), []chat.PushSubscription{second})
}

func pushDelete(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	for _, endpoint := range []string{"https://push.example/a", "https://push.example/b"} {
		w.subscribe(chat.PushSubscription{UserID: ada, Endpoint: endpoint, CreatedAt: Start})
	}
	same(w, "by another", w.unsubscribe(bob, "https://push.example/a"), false)
	same(w, "by ada", w.unsubscribe(ada, "https://push.example/a"), true)
	same(w, "by ada again", w.unsubscribe(ada, "https://push.example/a"), false)
	same(w, "whoever's", w.unsubscribe("", "https://push.example/b"), true)
	same(w, "left", len(must(w.PushSubscriptions(w.ctx, ada))), 0)
}

func pushUnknown(w *world) {
	w.refused("user_not_found", func(tx core.Tx) error {
		return tx.PutPushSubscription(w.ctx, chat.PushSubscription{UserID: "nobody", Endpoint: "https://push.example/a"})
	})
}
