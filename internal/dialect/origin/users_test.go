package origin_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"parley/internal/chat"
	"parley/internal/core"
)

func TestA19UsersLists(t *testing.T) { newWorld(t).play("users", nil) }
func TestA36Status(t *testing.T)     { newWorld(t).play("status", nil) }
func TestUserUpdate(t *testing.T)    { newWorld(t).play("user_update", nil) }
func TestA21Timeout(t *testing.T)    { paced(t, 60).play("user_timeout", nil) }

func TestUserDelete(t *testing.T) {
	w := newWorld(t)
	carol := w.enter("carol")
	w.play("user_delete", nil)
	if got := carol.nextOf("disconnect"); got != `{"cmd":"disconnect","reason":"Your account is no longer available"}` {
		t.Error(got)
	}
	carol.closed()
}

// nextOf returns the next packet of one of the commands; all others are passed over.
func (c *client) nextOf(cmds ...string) string {
	c.t.Helper()
	for {
		packet, err := c.Next(10 * time.Second)
		if err != nil {
			c.t.Fatalf("waiting for %v: %v", cmds, err)
		}
		for _, cmd := range cmds {
			if strings.HasPrefix(packet, `{"cmd":"`+cmd+`"`) {
				return packet
			}
		}
	}
}

// closed waits for the end of the connection and returns the code that it was closed with.
func (c *client) closed() websocket.StatusCode {
	c.t.Helper()
	for {
		if _, err := c.Next(10 * time.Second); err != nil {
			return websocket.CloseStatus(err)
		}
	}
}

func TestA20BanAndUnban(t *testing.T) {
	w := newWorld(t)
	w.play("user_ban", nil)
	carol := w.enter("carol")
	if _, err := w.core.Sanction(t.Context(), chat.Operator, core.Measure{Kind: chat.Ban, UserID: w.people["carol"].ID}); err != nil {
		t.Fatal(err)
	}
	carol.nextOf("disconnect")
	if code := carol.closed(); code != websocket.StatusNormalClosure {
		t.Errorf("a ban closes with %d", code)
	}
	again := w.dial()
	again.expect("handshake")
	again.send(map[string]any{"cmd": "login", "username": "carol", "password": password})
	again.expect("auth_error")
	alice := w.enter("alice")
	alice.send(map[string]any{"cmd": "users_banned_list"})
	if got, _ := json.Marshal(alice.expect("users_banned_list")["users"]); string(got) != `["carol"]` {
		t.Errorf("banned over another protocol: %s", got)
	}
	alice.send(map[string]any{"cmd": "user_unban", "user": "carol"})
	alice.expect("user_unban")
	w.enter("carol")
}

func TestA23LeaveAndKick(t *testing.T) {
	w := newWorld(t)
	w.play("user_leave", nil)
	alice, bob := w.enter("alice"), w.enter("bob")
	alice.send(map[string]any{"cmd": "user_leave", "user": "bob"})
	bob.nextOf("disconnect")
	if code := bob.closed(); code != websocket.StatusNormalClosure {
		t.Errorf("kicking closes with %d", code)
	}
	bob = w.enter("bob")
	second := w.enter("bob")
	bob.send(map[string]any{"cmd": "user_leave"})
	if code := bob.closed(); code != websocket.StatusNormalClosure {
		t.Errorf("leaving closes with %d", code)
	}
	second.closed()
	alice.send(map[string]any{"cmd": "users_list"})
	if got := alice.nextOf("users_list"); strings.Contains(got, "bob") || strings.Contains(got, "carol") {
		t.Errorf("listed after leaving: %s", got)
	}
}

// Somebody is online from their first connection to the end of their last, and everybody hears of it once.
func TestPresenceIsToldOnce(t *testing.T) {
	w := newWorld(t)
	alice := w.enter("alice")
	if got := alice.nextOf("user_connect"); !strings.Contains(got, `"username":"alice"`) {
		t.Errorf("alice hears of herself: %s", got)
	}
	first := w.enter("bob")
	if got := first.nextOf("user_connect"); !strings.Contains(got, `"bob"`) {
		t.Errorf("bob hears of himself: %s", got)
	}
	second := w.enter("bob")
	_ = first.conn.CloseNow()
	first.closed()
	if err := second.Settle(); err != nil {
		t.Fatal(err)
	}
	_ = second.conn.CloseNow()
	got := []string{alice.nextOf("user_connect", "user_disconnect"), alice.nextOf("user_connect", "user_disconnect")}
	if !strings.Contains(got[0], `"user_connect"`) || got[1] != `{"cmd":"user_disconnect","username":"bob"}` {
		t.Errorf("alice hears %s", got)
	}
	for _, packet := range second.back {
		if strings.HasPrefix(packet, `{"cmd":"user_connect"`) {
			t.Errorf("the second connection hears %s", packet)
		}
	}
}

// A new account is told to everybody, its own connection included, before it connects.
func TestJoiningIsToldToEverybody(t *testing.T) {
	w := newWorld(t)
	alice := w.enter("alice")
	alice.nextOf("user_connect")
	dave := w.dial()
	dave.expect("handshake")
	dave.send(map[string]any{"cmd": "register", "username": "dave", "password": password})
	dave.expect("auth_success")
	dave.expect("ready")
	shown := `"user":{"username":"USR:local_dave","roles":["user"],"color":null}}`
	for name, c := range map[string]*client{"alice": alice, "dave": dave} {
		for _, want := range []string{"user_join", "user_connect"} {
			if got := c.nextOf("user_join", "user_connect"); got != `{"cmd":"`+want+`",`+shown {
				t.Errorf("%s hears %s", name, got)
			}
		}
	}
	dave.send(map[string]any{"cmd": "pfp_set", "url": "ftp://x"})
	if got := dave.nextOf("error"); !strings.Contains(got, "Invalid URL format") {
		t.Error(got)
	}
	dave.send(map[string]any{"cmd": "pfp_set", "url": "https://pictures.example/d.png"})
	if got := dave.nextOf("users_list", "pfp_set"); !strings.Contains(got, `"nickname":"dave","roles":["user"],"color":null,"status":{"status":"online","text":""},"cracked":true,"pfp":"https://pictures.example/d.png"}`) {
		t.Errorf("the list with the picture: %s", got)
	}
	dave.nextOf("pfp_set")
	alice.nextOf("users_list")
	alice.send(map[string]any{"cmd": "user_update", "user": "USR:local_dave", "updates": map[string]any{"username": "David"}})
	if got := alice.nextOf("user_updated"); got != `{"cmd":"user_updated","user_id":"USR:local_david","username":"USR:local_david","nickname":"dave"}` {
		t.Error(got)
	}
	alice.nextOf("users_list")
	alice.nextOf("user_update")
	alice.send(map[string]any{"cmd": "user_update", "user": "USR:local_david", "updates": map[string]any{"username": "alice"}})
	if got := alice.nextOf("error"); !strings.Contains(got, "Username already taken") {
		t.Error(got)
	}
}

// What others change over another protocol is told as if it had happened here.
func TestNamesAndStatusesOfOtherProtocols(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.enter("alice"), w.enter("bob")
	by := chat.Actor{UserID: w.people["bob"].ID}
	name, busy := "Bobby", chat.Busy
	if _, err := w.core.UpdateProfile(t.Context(), by, core.Profile{DisplayName: &name, Status: &busy}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*client{alice, bob} {
		if got := c.nextOf("nickname_update"); got != `{"cmd":"nickname_update","user":"USR:bob","username":"bob","nickname":"Bobby"}` {
			t.Error(got)
		}
		if got := c.nextOf("status_get"); got != `{"cmd":"status_get","username":"bob","status":{"status":"dnd","text":""},"global":true}` {
			t.Error(got)
		}
	}
	if _, err := w.core.Sanction(t.Context(), chat.Operator, core.Measure{Kind: chat.Mute, UserID: by.UserID, Until: w.clock().Add(time.Minute)}); err != nil {
		t.Fatal(err)
	}
	if got := bob.nextOf("rate_limit"); got != `{"cmd":"rate_limit","reason":"User timeout set","length":60000}` {
		t.Error(got)
	}
}
