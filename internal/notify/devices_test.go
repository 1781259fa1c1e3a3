package notify

import (
	"context"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

// Devices of another protocol get its text, others theirs; one that nobody used for long is forgotten.
func TestDevicesOfAnotherProtocol(t *testing.T) {
	s := newSetting(t, func(o *Options) {
		o.Other = func(_ context.Context, n chat.Notification) ([]byte, bool) {
			return []byte(`{"title":"#hall — alice"}`), n.Type == chat.NotifyMention
		}
	})
	device := func(path string, used time.Time) {
		t.Helper()
		err := s.Store.Change(t.Context(), func(tx core.Tx) ([]chat.Event, error) {
			return nil, tx.PutPushSubscription(t.Context(), chat.PushSubscription{UserID: s.bob.UserID, SessionID: s.bob.SessionID, Endpoint: s.URL + "/" + path,
				P256dh: s.browser.p256dh(), Auth: s.browser.authKey(), CreatedAt: used, Device: path, LastUsedAt: used})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	device("desk", s.Clock.Now())
	device("drawer", s.Clock.Now().Add(-core.PushUnused-time.Hour))
	s.Say(s.alice, s.room, "hello @bob")
	s.settle()
	texts := make(map[string]string)
	for _, p := range s.requests() {
		text, err := s.browser.open(p.body)
		if err != nil {
			t.Fatal(err)
		}
		texts[p.path] = string(text)
	}
	if len(texts) != 2 || texts["/desk"] != `{"title":"#hall — alice"}` || s.subscriptions(s.bob.UserID) != 2 {
		t.Errorf("pushed %q, %d subscriptions are left", texts, s.subscriptions(s.bob.UserID))
	}
}
