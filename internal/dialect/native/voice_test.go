package native_test

import (
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/dialect/native"
)

func TestTwoParticipantsFindEachOther(t *testing.T) {
	s := newServer(t, func(set *setting) {
		set.native.ICEServers = []native.ICEServer{{URLs: []string{"stun:stun.example.org:3478"}}}
	})
	ada, bob, eve := s.user("ada"), s.user("bob"), s.user("eve")
	room := ada.post("/rooms", object{"name": "Lounge", "type": "public", "form": "voice"}).want(201, "").text("id")
	for _, c := range []*client{bob, eve} {
		c.post("/rooms/"+room+"/join", nil).want(200, "")
	}
	a, b, viewer := ada.dial(), bob.dial(), eve.dial()
	for _, l := range []*line{a, b, viewer} {
		l.ask(object{"type": "join_room", "room_id": room})
	}
	a.refused(object{"type": "voice_leave"}, "not_in_voice")
	a.refused(object{"type": "voice_update", "muted": true}, "not_in_voice")
	own := a.ask(object{"type": "voice_join", "room_id": room}).text("peer_id")
	s.wait(time.Second) // people stand in the order they came
	other := b.ask(object{"type": "voice_join", "room_id": room, "muted": true}).is("voice.participants.0.peer_id", own).
		is("voice.participants.0.user.username", "ada").is("voice.participants.1.muted", true).text("peer_id")
	a.await("voice_joined").is("participant.peer_id", own)
	a.await("voice_joined").is("participant.peer_id", other).is("participant.media", "relayed")
	for range 2 {
		f := viewer.await("voice_joined")
		if p := f.value("participant").(map[string]any); p["peer_id"] != nil {
			t.Errorf("a viewer learns the peer id: %v", p)
		}
	}
	b.ask(object{"type": "voice_update", "deafened": true})
	if p := viewer.await("voice_updated").is("participant.deafened", true).is("participant.muted", true).value("participant").(map[string]any); p["peer_id"] != nil {
		t.Errorf("a viewer learns the peer id: %v", p)
	}
	viewer.refused(object{"type": "voice_signal", "user_id": ada.id, "data": object{}}, "not_in_voice")
	b.refused(object{"type": "voice_signal", "user_id": eve.id, "data": object{}}, "participant_not_found")
	b.refused(object{"type": "voice_signal", "user_id": ada.id}, "signal_invalid")
	b.ask(object{"type": "voice_signal", "user_id": ada.id, "data": object{"sdp": "x"}})
	a.await("voice_signal").is("data.sdp", "x").is("user_id", bob.id).is("peer_id", other)

	r := eve.get("/voice").want(200, "").is("ice_servers.0.urls", []string{"stun:stun.example.org:3478"}).is("rooms.0.room_id", room)
	same(t, "in the room", []string{r.text("rooms.0.participants.0.user.username"), r.text("rooms.0.participants.1.user.username")}, []string{"ada", "bob"})
	if p := r.value("rooms.0.participants.0").(map[string]any); p["peer_id"] != nil {
		t.Errorf("a viewer learns the peer id: %v", p)
	}
	eve.get("/rooms/"+room+"/voice").want(200, "").is("participants.1.deafened", true)
	eve.get("/rooms/"+eve.room("Text", "public")+"/voice").want(400, "room_not_voice")

	a.hangUp()
	viewer.await("voice_left").is("user_id", ada.id)
	if _, err := s.core.Sanction(t.Context(), chat.Operator, core.Measure{Kind: chat.Ban, RoomID: roomID(t, room), UserID: chat.UserID(bob.id)}); err != nil {
		t.Fatal(err)
	}
	viewer.await("voice_left").is("user_id", bob.id)
}
