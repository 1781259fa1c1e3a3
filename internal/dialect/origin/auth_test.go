package origin_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/dialect/origin"
	"parley/internal/rotur"
)

// roturStub stands for the account service: it vouches for "<id>,<64 hex>" made for the key.
type roturStub struct {
	down, invalid atomic.Bool
	names         atomic.Value // map[string]string: new names by id
}

func validatorOf(key, id string) string {
	sum := sha256.Sum256([]byte(key + id))
	return id + "," + hex.EncodeToString(sum[:])
}

func (s *roturStub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.down.Load() {
		panic(http.ErrAbortHandler)
	}
	q := r.URL.Query()
	id, _, _ := strings.Cut(q.Get("v"), ",")
	if s.invalid.Load() || q.Get("v") != validatorOf(q.Get("key"), id) {
		fmt.Fprint(w, `{"valid":false,"error":"expired"}`)
		return
	}
	name := strings.TrimPrefix(id, "USR:")
	if names, ok := s.names.Load().(map[string]string); ok && names[id] != "" {
		name = names[id]
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"valid": true, "username": name, "id": id})
}

// withRotur lets people log in by a stub of the service.
func withRotur(t *testing.T, mode origin.AuthMode) (*roturStub, func(*setting)) {
	stub := &roturStub{}
	server := httptest.NewServer(stub)
	t.Cleanup(server.Close)
	client, err := rotur.New(rotur.Options{ValidateURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	return stub, func(s *setting) { s.origin.Rotur, s.origin.AuthMode = client, mode }
}

// handshake reads the first packet and returns what is in it.
func (c *client) handshake() map[string]any {
	c.t.Helper()
	return c.expect("handshake")["val"].(map[string]any)
}

// vouch sends what the service vouches for.
func (c *client) vouch(key, id string) {
	c.t.Helper()
	c.send(map[string]any{"cmd": "auth", "validator": validatorOf(key, id)})
}

// refused fails the test unless the next packet is an auth_error of the text.
func (c *client) refused(text string) {
	c.t.Helper()
	if got := c.expect("auth_error")["val"]; got != text {
		c.t.Errorf("auth_error %q, want %q", got, text)
	}
}

// next returns the next packet as it is, whatever it is about.
func (c *client) next() string {
	c.t.Helper()
	packet, err := c.Next(10 * time.Second)
	if err != nil {
		c.t.Fatal(err)
	}
	return packet
}

// A02: login.
func TestA02Login(t *testing.T) {
	_, by := withRotur(t, origin.AuthRotur)
	w := newWorld(t, by)
	general, err := w.core.RoomBySlug(t.Context(), chat.Operator, "general")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.core.AddMember(t.Context(), chat.Operator, general.Room.ID, w.people["alice"].ID, chat.RoomMember); err != nil {
		t.Fatal(err)
	}
	alice := w.dial()
	alice.vouch(alice.handshake()["validator_key"].(string), "USR:alice")
	alice.expect("auth_success")
	alice.expect("ready")
	if got := alice.next(); !strings.HasPrefix(got, `{"cmd":"user_connect","user":{"username":"alice",`) {
		t.Errorf("of her own coming alice was told %s", got)
	}

	dora := w.dial()
	key := dora.handshake()["validator_key"].(string)
	dora.send(map[string]any{"cmd": "messages_get", "channel": "general"})
	dora.refused("Authentication required")
	dora.send(map[string]any{"cmd": "login", "username": "dora", "password": "secret"})
	dora.refused("Authentication required")
	for _, validator := range []any{"bad", "", nil, 7, validatorOf("originChats-another", "USR:dora")} {
		dora.send(map[string]any{"cmd": "auth", "validator": validator})
		dora.refused("Invalid authentication")
	}
	dora.send(map[string]any{"cmd": "auth", "validator": validatorOf(key, "USR:dora"), "listener": "L"})
	ready := regexp.MustCompile(`^\{"cmd":"ready","user":\{"username":"dora","roles":\["user"\],"status":\{"status":"online","text":""\},"cracked":false,"id":"USR:dora"\},"validator":"[A-Za-z0-9_-]{43}"\}$`)
	if got := dora.next(); got != `{"cmd":"auth_success","val":"Authentication successful","listener":"L"}` {
		t.Error(got)
	}
	if got := dora.next(); !ready.MatchString(got) {
		t.Error(got)
	}
	told := []string{
		`{"cmd":"user_join","user":{"username":"dora","roles":["user"],"color":null}}`,
		`{"cmd":"user_connect","user":{"username":"dora","roles":["user"],"color":null}}`,
	}
	for name, c := range map[string]*client{"dora": dora, "alice": alice} {
		if got := []string{c.next(), c.next()}; !slices.Equal(got, told) {
			t.Errorf("%s was told %q", name, got)
		}
	}
	dora.vouch(key, "USR:dora")
	if got := dora.next(); got != `{"cmd":"error","src":"auth","val":"Unknown command: auth"}` {
		t.Errorf("a second auth: %s", got)
	}

	second := w.dial()
	second.vouch(second.handshake()["validator_key"].(string), "USR:dora")
	second.expect("auth_success")
	second.expect("ready")
	if err := alice.Settle(); err != nil {
		t.Fatal(err)
	}
	if len(alice.back) != 0 {
		t.Errorf("of a second connection alice was told %q", alice.back)
	}
	for _, c := range []*client{dora, second} {
		_ = c.conn.Close(websocket.StatusNormalClosure, "")
	}
	if got := alice.next(); got != `{"cmd":"user_disconnect","username":"dora"}` {
		t.Error(got)
	}
}

// A03: the service answers 200 but says no.
func TestA03ValidatorAnswersInvalid(t *testing.T) {
	stub, by := withRotur(t, origin.AuthRotur)
	w := newWorld(t, by)
	bob := w.dial()
	key := bob.handshake()["validator_key"].(string)
	stub.invalid.Store(true)
	bob.vouch(key, "USR:carol")
	bob.refused("Invalid authentication")
	stub.invalid.Store(false)
	stub.down.Store(true)
	bob.vouch(key, "USR:dora")
	bob.refused("Invalid authentication")
	stub.down.Store(false)
	bob.vouch(key, "USR:bob") // on the same connection
	bob.expect("auth_success")
	if got := bob.expect("ready")["user"].(map[string]any)["username"]; got != "bob" {
		t.Errorf("bob is %v", got)
	}
}

// A04: accounts of this server.
func TestA04LocalAccounts(t *testing.T) {
	_, by := withRotur(t, origin.AuthLocal)
	newWorld(t, by).play("local_accounts", nil)
}

func TestModesOfLoggingIn(t *testing.T) {
	for _, row := range []struct {
		mode         origin.AuthMode
		auth, login  string // what each is refused with; empty: it lets in
		capabilities []string
	}{
		{origin.AuthRotur, "", "Authentication required", nil},
		{origin.AuthBoth, "", "", []string{"login", "register"}},
		{origin.AuthLocal, "Rotur authentication is disabled. Use login or register commands.", "", []string{"login", "register"}},
	} {
		t.Run(string(row.mode), func(t *testing.T) {
			_, by := withRotur(t, row.mode)
			w := newWorld(t, by)
			check := func(c *client, refused string) {
				t.Helper()
				if refused != "" {
					c.refused(refused)
				} else {
					c.expect("auth_success")
				}
			}
			a, b := w.dial(), w.dial()
			hand := a.handshake()
			if hand["auth_mode"] != string(row.mode) {
				t.Errorf("auth_mode %v", hand["auth_mode"])
			}
			for _, name := range []any{"login", "register"} {
				if got := slices.Contains(hand["capabilities"].([]any), name); got != slices.Contains(row.capabilities, name.(string)) {
					t.Errorf("capability %s: %v", name, got)
				}
			}
			a.vouch(hand["validator_key"].(string), "USR:bob")
			check(a, row.auth)
			b.handshake()
			b.send(map[string]any{"cmd": "login", "username": "bob", "password": password})
			check(b, row.login)
		})
	}
}

func TestWhoIsTurnedAway(t *testing.T) {
	stub, by := withRotur(t, origin.AuthBoth)
	w := newWorld(t, by, func(s *setting) { s.origin.Owners = []string{"Zoe", "USR:local_root", "id-7"} })
	enter := func(id string) (*client, map[string]any) {
		t.Helper()
		c := w.dial()
		c.vouch(c.handshake()["validator_key"].(string), id)
		c.expect("auth_success")
		return c, c.expect("ready")["user"].(map[string]any)
	}
	refused := func(id, text string) {
		t.Helper()
		c := w.dial()
		c.vouch(c.handshake()["validator_key"].(string), id)
		c.refused(text)
	}
	if _, err := w.core.Sanction(t.Context(), chat.Operator, core.Measure{Kind: chat.Ban, UserID: w.people["carol"].ID}); err != nil {
		t.Fatal(err)
	}
	refused("USR:carol", "Access denied: You are banned from this server")

	for id, owner := range map[string]bool{"USR:zoe": true, "id-7": true, "USR:yan": false} {
		if _, user := enter(id); slices.Contains(user["roles"].([]any), any("owner")) != owner {
			t.Errorf("%s has roles %v", id, user["roles"])
		}
	}
	stub.names.Store(map[string]string{"USR:yan": "jan", "USR:spoof": "USR:local_root"})
	if _, user := enter("USR:yan"); user["username"] != "yan" { // the answer is kept for a moment, by the connection's key: this one has another
		if user["username"] != "jan" {
			t.Errorf("a new name: %v", user["username"])
		}
	}
	refused("USR:spoof", "User not found")
	root := w.dial()
	root.handshake()
	root.send(map[string]any{"cmd": "register", "username": "Root", "password": "secret"})
	root.expect("auth_success")
	if user := root.expect("ready")["user"].(map[string]any); !slices.Contains(user["roles"].([]any), any("owner")) {
		t.Errorf("root has roles %v", user["roles"])
	}

	closed := core.RegistrationClosed
	if _, err := w.core.UpdateServer(t.Context(), chat.Operator, core.ServerChange{Registration: &closed}); err != nil {
		t.Fatal(err)
	}
	refused("USR:new", "Registration is disabled")
	late := w.dial()
	if slices.Contains(late.handshake()["capabilities"].([]any), any("register")) {
		t.Error("registering is advertised where it is closed")
	}
	late.send(map[string]any{"cmd": "register", "username": "late", "password": "secret"})
	late.refused("Registration is disabled")
	enter("USR:zoe")
}

// OP-03: passwords cannot be guessed.
func TestTooManyFailedLogins(t *testing.T) {
	_, by := withRotur(t, origin.AuthBoth)
	w := newWorld(t, by, func(s *setting) { s.core.Limits.LoginPerMinute = 1000 })
	c := w.dial()
	c.handshake()
	for range 10 {
		c.send(map[string]any{"cmd": "login", "username": "bob", "password": "wrong"})
		c.refused("Invalid password")
	}
	c.send(map[string]any{"cmd": "login", "username": "bob", "password": password})
	c.refused("Authentication failed")
	if _, err := c.Next(10 * time.Second); websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
		t.Errorf("the connection ended with %v", err)
	}
}

func TestKeysOfConnections(t *testing.T) {
	w := newWorld(t)
	a, b := w.dial().handshake()["validator_key"].(string), w.dial().handshake()["validator_key"].(string)
	if form := regexp.MustCompile(`^originChats-[A-Za-z0-9_-]{32}$`); !form.MatchString(a) || a == b {
		t.Errorf("keys %s and %s", a, b)
	}
}

func TestOneKeyByConfiguration(t *testing.T) {
	w := newWorld(t, func(s *setting) { s.origin.ValidateKey = "our-key" })
	if key := w.dial().handshake()["validator_key"]; key != "originChats-our-key" {
		t.Errorf("key %v", key)
	}
}

func TestTheSessionOfAConnectionCanBeEnded(t *testing.T) {
	_, by := withRotur(t, origin.AuthRotur)
	w := newWorld(t, by)
	c := w.dial()
	c.vouch(c.handshake()["validator_key"].(string), "USR:bob")
	c.expect("auth_success")
	actor := chat.Actor{UserID: w.people["bob"].ID}
	sessions, err := w.core.Sessions(t.Context(), actor)
	if err != nil || len(sessions) != 1 || !strings.HasPrefix(sessions[0].Device, "OriginChats") {
		t.Fatalf("sessions %+v, %v", sessions, err)
	}
	if err := w.core.RevokeSession(t.Context(), actor, sessions[0].ID); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := c.Next(10 * time.Second); err != nil {
			if websocket.CloseStatus(err) == -1 {
				t.Errorf("the connection ended with %v", err)
			}
			return
		}
	}
}
