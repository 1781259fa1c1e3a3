package origin_test

import (
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

// paced is a world with the limits that a server has by itself.
func paced(t *testing.T, perMinute int) *world {
	t.Helper()
	return newWorld(t, func(s *setting) { s.core.Limits.MessagesPer10s, s.origin.MessagesPerMinute = 10, perMinute })
}

// write lets somebody send messages as clients of this protocol do.
func (w *world) write(name string, n int) error {
	w.Helper()
	room, err := w.core.ServerRooms(w.Context(), chat.Operator)
	if err != nil {
		w.Fatal(err)
	}
	by := chat.Actor{UserID: w.people[name].ID, Pace: chat.Pace{PerMinute: 60, Cooldown: 30 * time.Second}}
	for range n {
		if _, _, err := w.core.SendMessage(w.Context(), by, core.NewMessage{RoomID: room[0].ID, Content: "hello"}); err != nil {
			return err
		}
	}
	return nil
}

func TestA28RateLimit(t *testing.T) {
	w := paced(t, 60)
	if err := w.write("bob", 10); err != nil { // over another protocol it would count just so
		t.Fatal(err)
	}
	w.play("rate_limit", nil)
	bob := w.enter("bob")
	for range 10 {
		bob.send(map[string]any{"cmd": "message_new", "channel": "general", "content": "again"})
		bob.expect("message_new")
	}
	bob.send(map[string]any{"cmd": "message_new", "channel": "general", "content": "one too many"})
	bob.expect("rate_limit")
	w.wait(10500 * time.Millisecond)
	bob.send(map[string]any{"cmd": "message_new", "channel": "general", "content": "in the cooldown"})
	if got := bob.expect("rate_limit"); got["reason"] != "You are in cooldown for 19.5 more seconds" || got["length"] != 19500.0 {
		t.Errorf("in the cooldown: %v", got)
	}
	w.wait(20 * time.Second)
	bob.send(map[string]any{"cmd": "message_new", "channel": "general", "content": "after it"})
	bob.expect("message_new")
}

func TestRateLimitOfAMinute(t *testing.T) {
	w := paced(t, 12)
	bob := w.enter("bob")
	say := func(n int) {
		t.Helper()
		for range n {
			bob.send(map[string]any{"cmd": "message_new", "channel": "general", "content": "hello"})
			bob.expect("message_new")
		}
	}
	say(6)
	w.wait(20 * time.Second)
	say(6)
	bob.send(map[string]any{"cmd": "message_new", "channel": "general", "content": "one too many"})
	if got := bob.expect("rate_limit"); got["reason"] != "Rate limit exceeded. Wait 40.0 seconds" || got["length"] != 40000.0 {
		t.Errorf("the thirteenth in a minute: %v", got)
	}
	w.wait(40 * time.Second)
	say(6)
}

func TestRateLimitOff(t *testing.T) {
	w := newWorld(t)
	alice := w.enter("alice")
	for _, cmd := range []string{"rate_limit_status", "rate_limit_reset"} {
		alice.send(map[string]any{"cmd": cmd, "user": "bob"})
		if got := alice.expect("error"); got["val"] != "Rate limiter not available or disabled" {
			t.Errorf("%s without limits: %v", cmd, got)
		}
	}
}
