package origin_test

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"testing"

	"parley/internal/chat"
	"parley/internal/core"
)

func TestA32Push(t *testing.T) {
	w := newWorld(t, func(s *setting) { s.origin.PushKey = "the-key" })
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	w.play("push", map[string]any{"p256dh": base64.RawURLEncoding.EncodeToString(key.PublicKey().Bytes()), "auth": base64.RawURLEncoding.EncodeToString(make([]byte, 16))})
	subs, err := w.core.PushSubscriptions(t.Context(), chat.Actor{UserID: w.people["bob"].ID})
	if err != nil || len(subs) != 1 || subs[0].Endpoint != "https://push.services.org/2" || len(subs[0].Device) != 16 {
		t.Errorf("kept: %+v, %v", subs, err)
	}
}

func TestWhatIsPushed(t *testing.T) {
	w := newWorld(t)
	rooms, err := w.core.ServerRooms(t.Context(), chat.Operator)
	if err != nil {
		t.Fatal(err)
	}
	alice, carol := chat.Actor{UserID: w.people["alice"].ID}, w.people["carol"].ID
	say := func(room int, content string) chat.Notification {
		m, _, err := w.core.SendMessage(t.Context(), alice, core.NewMessage{RoomID: rooms[room].ID, Content: content})
		if err != nil {
			t.Fatal(err)
		}
		return chat.Notification{UserID: carol, Type: chat.NotifyMention, RoomID: m.RoomID, MessageID: m.ID}
	}
	mention, secret := say(0, "hi @carol"), say(1, "hi @carol")
	reply, called, room := mention, say(0, "all @&user"), mention
	reply.Type, room.Type = chat.NotifyReply, chat.NotifyRoomInvite
	for _, tc := range []struct {
		name string
		n    chat.Notification
		want string
	}{
		{"a mention", mention, `{"title":"#general — alice","body":"hi @carol","channelName":"general"}`},
		{"a reply", reply, `{"title":"#general — alice replied","body":"hi @carol","channelName":"general"}`},
		{"a mention of a role", called, `{"title":"#general — alice mentioned @user","body":"all @\u0026user","channelName":"general"}`},
		{"a mention in a hidden channel", secret, ""},
		{"an invitation", room, ""},
	} {
		if text, ok := w.dialect.PushText(t.Context(), tc.n); string(text) != tc.want || ok != (tc.want != "") {
			t.Errorf("%s: %s, %v", tc.name, text, ok)
		}
	}
	w.enter("carol")
	if text, ok := w.dialect.PushText(t.Context(), mention); ok {
		t.Errorf("while carol is there: %s", text)
	}
}
