package native_test

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"net/url"
	"testing"
	"time"
)

func TestNotifications(t *testing.T) {
	s := newServer(t)
	ada, bob := s.user("ada"), s.user("bob")
	room := ada.room("Engines", "public", bob)
	first := ada.say(room, "hello @bob")
	s.wait(time.Second)
	direct := ada.post("/rooms/direct", object{"user_id": bob.id}).want(201, "").text("id")
	ada.say(direct, "psst")

	r := bob.get("/notifications").want(200, "")
	same(t, "newest first", r.texts("notifications", "type"), []string{"direct_message", "mention"})
	r.is("unread", 2).is("notifications.1.room_id", room).is("notifications.1.message_id", first).is("notifications.1.actor.username", "ada").
		is("notifications.1.read_at", nil).is("notifications.1.severity", "info").is("notifications.1.invite_code", nil).is("notifications.1.content", "hello @bob").
		is("notifications.1.expires_at", "2026-03-31T12:00:00.000Z").is("next_cursor", nil)
	bob.get("/notifications/unread").want(200, "").is("unread", 2)
	id := r.text("notifications.1.id")
	ada.patch("/notifications/"+id+"/read", nil).want(404, "notification_not_found")
	bob.patch("/notifications/"+id+"/read", nil).want(204, "")
	bob.patch("/notifications/nonsense/read", nil).want(404, "notification_not_found")
	bob.patch("/notifications/0/read", nil).want(404, "notification_not_found")
	same(t, "unread", bob.get("/notifications?unread=true").want(200, "").texts("notifications", "type"), []string{"direct_message"})
	bob.get("/notifications?unread=perhaps").want(400, "parameter_invalid")
	page := bob.get("/notifications?limit=1").want(200, "")
	same(t, "the second page", bob.get("/notifications?limit=1&cursor="+url.QueryEscape(page.text("next_cursor"))).want(200, "").texts("notifications", "id"), []string{id})
	bob.patch("/notifications/read-all", nil).want(204, "")
	bob.get("/notifications/unread").want(200, "").is("unread", 0)
}

func TestPush(t *testing.T) {
	s := newServer(t, func(set *setting) { set.native.PushKey = "BKey" })
	ada := s.user("ada")
	ada.get("/push/key").want(200, "").is("key", "BKey")
	s.anyone().get("/server").want(200, "").is("push", true)
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys := object{"p256dh": base64.RawURLEncoding.EncodeToString(key.PublicKey().Bytes()), "auth": base64.RawURLEncoding.EncodeToString(make([]byte, 16))}
	endpoint := "https://93.184.216.34/send/abc"
	ada.put("/push/subscriptions", object{"endpoint": endpoint, "keys": keys, "expirationTime": nil}).want(204, "")
	ada.put("/push/subscriptions", object{"endpoint": endpoint, "keys": keys}).want(204, "")
	list := ada.get("/push/subscriptions").want(200, "").is("subscriptions.0.endpoint", endpoint).is("subscriptions.0.current", true)
	if list.count("subscriptions") != 1 {
		t.Errorf("subscribing twice: %s", list.body)
	}
	for _, bad := range []string{"", "http://push.example.net/x", "https://127.0.0.1/x", "https://[::1]/x", "https://10.0.0.1/x", "javascript:alert(1)"} {
		ada.put("/push/subscriptions", object{"endpoint": bad, "keys": keys}).want(400, "push_endpoint_invalid")
	}
	ada.put("/push/subscriptions", object{"endpoint": endpoint, "keys": object{"p256dh": "x", "auth": "y"}}).want(400, "push_keys_invalid")
	ada.delete("/push/subscriptions?endpoint="+url.QueryEscape(endpoint)).want(204, "")
	ada.put("/push/subscriptions", object{"endpoint": endpoint, "keys": keys}).want(204, "")
	ada.do("DELETE", "/push/subscriptions", object{"endpoint": endpoint}).want(204, "")
	ada.get("/push/subscriptions").want(200, "").is("subscriptions", []string{})

	off := newServer(t)
	off.user("ada").get("/push/key").want(404, "push_disabled")
}
