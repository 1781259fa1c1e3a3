package core_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"parley/internal/chat"
	"parley/internal/core"
)

const password = "correct horse battery staple"

// newAccounts is a world in which passwords cost nothing.
func newAccounts(t *testing.T, change ...func(*core.Options)) *world {
	t.Helper()
	w := newWorld(t, change...)
	w.CheapHashing()
	return w
}

// register makes an account with the usual password.
func (w *world) register(name string) core.Login {
	w.Helper()
	l, err := w.Register(w.ctx, "192.0.2.7", core.Registering{Username: name, Password: password, Device: "Firefox"})
	w.must(err)
	return l
}

func (w *world) actor(l core.Login) chat.Actor {
	return chat.Actor{UserID: l.User.ID, SessionID: l.Session.ID, Address: l.Session.Address}
}

func mode(m core.Registration) func(*core.Options) {
	return func(o *core.Options) { o.Registration = m }
}

func TestRegisteringLogsIn(t *testing.T) {
	w := newAccounts(t)
	l, err := w.Register(w.ctx, "192.0.2.7", core.Registering{Username: "Ada", Password: password, Device: "Firefox\x00" + strings.Repeat("x", 500)})
	w.must(err)
	if l.User.Username != "Ada" || l.User.DisplayName != "Ada" || l.User.Rank != chat.RankMember || l.User.Kind != chat.Person || l.User.Number == 0 {
		t.Errorf("user %+v", l.User)
	}
	if got := l.ExpiresAt.Sub(w.clock()); got != 24*time.Hour {
		t.Errorf("the session lasts %v", got)
	}
	if len(l.Session.Device) > 210 || strings.ContainsRune(l.Session.Device, 0) {
		t.Errorf("device %q", l.Session.Device)
	}
	by, err := w.Authenticate(w.ctx, l.Token, "198.51.100.4")
	w.must(err)
	if by.UserID != l.User.ID || by.SessionID != l.Session.ID || by.Address != "198.51.100.4" || by.Operator {
		t.Errorf("actor %+v", by)
	}
	if string(l.User.ID[14]) != "7" {
		t.Errorf("id %s is not a UUID of version 7", l.User.ID)
	}
	if !has(w.told(), func(e chat.UserChanged) bool { return e.User.ID == l.User.ID }) {
		t.Error("nobody was told of the new person")
	}
}

// has says whether one of the events is an E that fits.
func has[E chat.Event](events []chat.Event, fits func(E) bool) bool {
	for _, ev := range events {
		if e, ok := ev.(E); ok && fits(e) {
			return true
		}
	}
	return false
}

func TestRegistrationRefusals(t *testing.T) {
	for _, tc := range []struct {
		name string
		mode core.Registration
		r    core.Registering
		code string
	}{
		{"a closed server takes nobody", core.RegistrationClosed, core.Registering{Username: "bob", Password: password}, "registration_closed"},
		{"a server by invite asks for one", core.RegistrationInvite, core.Registering{Username: "bob", Password: password}, "invite_required"},
		{"a made-up invite does not help", core.RegistrationInvite, core.Registering{Username: "bob", Password: password, Invite: "abcdefghjk"}, "invite_invalid"},
		{"a made-up invite is refused on an open server, too", core.RegistrationOpen, core.Registering{Username: "bob", Password: password, Invite: "abcdefghjk"}, "invite_invalid"},
		{"a name must fit the pattern", core.RegistrationOpen, core.Registering{Username: "b b", Password: password}, "username_invalid"},
		{"a name may not be reserved", core.RegistrationOpen, core.Registering{Username: "Everyone", Password: password}, "username_invalid"},
		{"a name is taken in any case", core.RegistrationOpen, core.Registering{Username: "ADA", Password: password}, "username_taken"},
		{"a password of seven characters is too short", core.RegistrationOpen, core.Registering{Username: "bob", Password: "1234567"}, "password_invalid"},
		{"a password of 201 characters is too long", core.RegistrationOpen, core.Registering{Username: "bob", Password: strings.Repeat("é", 201)}, "password_invalid"},
		{"a password must be UTF-8", core.RegistrationOpen, core.Registering{Username: "bob", Password: "12345678\xff"}, "password_invalid"},
		{"a display name must be legible", core.RegistrationOpen, core.Registering{Username: "bob", Password: password, DisplayName: "\u202ebob"}, "display_name_invalid"},
		{"a password of any letters is fine", core.RegistrationOpen, core.Registering{Username: "bob", Password: "пароль🔑ok", DisplayName: "Bob the Builder"}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newAccounts(t, mode(tc.mode))
			w.user("ada")
			_, err := w.Register(w.ctx, "192.0.2.7", tc.r)
			w.want(err, tc.code)
			if tc.code != "" && tc.code != "username_taken" {
				_, err := w.UserByName(w.ctx, chat.Operator, tc.r.Username)
				w.want(err, "user_not_found")
			}
		})
	}
}

func TestRegisteringByInvite(t *testing.T) {
	w := newAccounts(t, mode(core.RegistrationInvite))
	ada := w.user("ada", chat.RoleModerator)
	room := w.room("Secret", chat.Private, ada)
	bob := w.user("bob")
	server, err := w.CreateServerInvite(w.ctx, ada, core.NewInvite{MaxUses: 1})
	w.must(err)
	link, err := w.CreateInvite(w.ctx, ada, room, core.NewInvite{MaxUses: 1})
	w.must(err)
	late, err := w.CreateServerInvite(w.ctx, ada, core.NewInvite{ExpiresIn: time.Minute})
	w.must(err)
	personal, err := w.InviteMember(w.ctx, ada, room, bob.UserID)
	w.must(err)
	w.wait(time.Minute)

	for _, tc := range []struct {
		name, username, code string
		invite               string
		room                 chat.RoomID
	}{
		{"an invite to the server lets one person register", "carol", "", " " + strings.ToUpper(server.Code), 0},
		{"used up, it lets nobody", "dave", "invite_invalid", server.Code, 0},
		{"an invite to a room lets one person register and join", "erin", "", link.Code, room},
		{"used up, it lets nobody either", "frank", "invite_invalid", link.Code, 0},
		{"an expired invite lets nobody", "grace", "invite_invalid", late.Code, 0},
		{"an invitation meant for somebody else lets nobody", "heidi", "invite_invalid", personal.Code, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l, err := w.Register(w.ctx, "192.0.2.7", core.Registering{Username: tc.username, Password: password, Invite: tc.invite})
			w.want(err, tc.code)
			if err != nil {
				_, err := w.UserByName(w.ctx, chat.Operator, tc.username)
				w.want(err, "user_not_found")
				return
			}
			if l.Room != tc.room {
				t.Errorf("let into room %d", l.Room)
			}
			if tc.room != 0 {
				w.want(w.Allow(w.ctx, w.actor(l), chat.CanSend, tc.room), "")
			}
		})
	}
}

func TestRoomInvitesCanBeForMembersOnly(t *testing.T) {
	for _, tc := range []struct {
		name string
		mode core.Registration
		room bool // the invite is to a room
		code string
	}{
		{"an invite to a room does not let people register", core.RegistrationInvite, true, "invite_invalid"},
		{"one to the server does", core.RegistrationInvite, false, ""},
		{"where anyone may register, an invite to a room lets them into it", core.RegistrationOpen, true, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newAccounts(t, mode(tc.mode), func(o *core.Options) { o.RoomInvitesClosed = true })
			ada := w.user("ada", chat.RoleModerator)
			room := w.room("Secret", chat.Private, ada)
			invite, err := w.CreateServerInvite(w.ctx, ada, core.NewInvite{})
			if tc.room {
				invite, err = w.CreateInvite(w.ctx, ada, room, core.NewInvite{})
			}
			w.must(err)
			l, err := w.Register(w.ctx, "192.0.2.7", core.Registering{Username: "bob", Password: password, Invite: invite.Code})
			w.want(err, tc.code)
			if err == nil && tc.room && l.Room != room {
				t.Errorf("let into room %d", l.Room)
			}
			_, err = w.AcceptInvite(w.ctx, w.user("carol"), invite.Code)
			if tc.room {
				w.want(err, "")
			}
		})
	}
}

func TestNewPeopleJoinTheServersOwnRooms(t *testing.T) {
	w := newAccounts(t)
	general, err := w.CreateRoom(w.ctx, chat.Operator, core.NewRoom{Name: "general", Type: chat.Public, Official: true})
	w.must(err)
	other, err := w.CreateRoom(w.ctx, chat.Operator, core.NewRoom{Name: "side", Type: chat.Public})
	w.must(err)
	l := w.register("ada")
	made, err := w.CreateUser(w.ctx, chat.Operator, core.Registering{Username: "bob", Password: password}, chat.RankMember)
	w.must(err)
	for _, user := range []chat.UserID{l.User.ID, made.ID} {
		if _, err := w.store.Member(w.ctx, general.Room.ID, user); err != nil {
			t.Errorf("not in the server's room: %v", err)
		}
		_, err := w.store.Member(w.ctx, other.Room.ID, user)
		w.want(err, "member_not_found")
	}
	if !has(w.told(), func(e chat.MemberJoined) bool { return e.User.ID == l.User.ID && e.Member.RoomID == general.Room.ID }) {
		t.Error("the room was not told")
	}
}

func TestRegistrationIsLimitedPerNetwork(t *testing.T) {
	w := newAccounts(t, func(o *core.Options) { o.Limits.RegisterPerMinute = 1 })
	try := func(name, address, code string) {
		t.Helper()
		_, err := w.Register(w.ctx, address, core.Registering{Username: name, Password: password})
		w.want(err, code)
		if e := chat.AsError(err); code != "" && (e.Kind != chat.TooMany || e.RetryAfter <= 0) {
			t.Errorf("error %+v", e)
		}
	}
	try("ada", "2001:db8::1", "")
	try("bob", "2001:db8::ffff", "rate_limited") // the same /64
	try("bob", "2001:db8:1::1", "")
	try("carol", "192.0.2.1", "")
	try("dave", "192.0.2.1", "rate_limited")
	try("dave", "192.0.2.2", "")
	w.wait(time.Minute)
	try("erin", "192.0.2.1", "")
}

func TestLoggingIn(t *testing.T) {
	w := newAccounts(t)
	ada := w.register("ada")
	w.user("nopassword")
	for _, tc := range []struct{ name, username, password, code string }{
		{"the right password opens", "ada", password, ""},
		{"names are found in any case", " ADA ", password, ""},
		{"a wrong password does not", "ada", password + "x", "login_failed"},
		{"an empty password does not", "ada", "", "login_failed"},
		{"a huge password does not", "ada", strings.Repeat("x", 1<<20), "login_failed"},
		{"an unknown name fails in the same words", "nobody", password, "login_failed"},
		{"a huge name fails in the same words", strings.Repeat("x", 1<<20), password, "login_failed"},
		{"an account without a password fails in the same words", "nopassword", "", "login_failed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l, err := w.LogIn(w.ctx, "192.0.2.7", tc.username, tc.password, "curl")
			w.want(err, tc.code)
			if err != nil {
				if e := chat.AsError(err); e.Kind != chat.Unauthenticated || e.Text != "The username or the password is wrong." {
					t.Errorf("error %+v", e)
				}
				return
			}
			by, err := w.Authenticate(w.ctx, l.Token, "")
			w.must(err)
			if by.UserID != ada.User.ID || l.Session.ID == ada.Session.ID {
				t.Errorf("actor %+v", by)
			}
		})
	}
}

func TestPasswordsFromOtherKeyboardsAreTheSame(t *testing.T) {
	w := newAccounts(t)
	_, err := w.Register(w.ctx, "", core.Registering{Username: "ada", Password: "caf\u00e9 cr\u00e8me"})
	w.must(err)
	_, err = w.LogIn(w.ctx, "", "ada", "cafe\u0301 cre\u0300me", "")
	w.want(err, "")
}

func TestWhoMayNotLogIn(t *testing.T) {
	w := newAccounts(t)
	owner := w.user("owner", chat.RoleOwner)
	ada := w.register("ada")
	enter := func(code string) {
		t.Helper()
		_, err := w.LogIn(w.ctx, "", "ada", password, "")
		w.want(err, code)
	}
	sanction := func(kind chat.SanctionKind, d time.Duration) {
		t.Helper()
		_, err := w.Sanction(w.ctx, owner, core.Measure{Kind: kind, UserID: ada.User.ID, Until: w.clock().Add(d)})
		w.must(err)
	}
	sanction(chat.Timeout, time.Hour)
	enter("timed_out")
	_, err := w.LogIn(w.ctx, "", "ada", "wrong password", "")
	w.want(err, "login_failed") // who does not know the password learns nothing
	w.wait(time.Hour)
	enter("")
	sanction(chat.Ban, time.Hour)
	enter("banned")
	w.wait(time.Hour)
	enter("")
	sanction(chat.Mute, time.Hour)
	enter("")
	w.must(w.SetDisabled(w.ctx, owner, ada.User.ID, true))
	enter("account_disabled")
	w.must(w.SetDisabled(w.ctx, owner, ada.User.ID, false))
	enter("")
}

func TestLoggingInIsLimited(t *testing.T) {
	w := newAccounts(t, func(o *core.Options) { o.Limits.LoginPerMinute = 3; o.Limits.RegisterPerMinute = -1 })
	w.register("ada")
	w.register("bob")
	enter := func(address, name, password, code string) {
		t.Helper()
		_, err := w.LogIn(w.ctx, address, name, password, "")
		w.want(err, code)
	}
	for range 3 {
		enter("192.0.2.1", "ada", password, "")
	}
	enter("192.0.2.1", "bob", password, "rate_limited")
	enter("192.0.2.2", "ada", password, "")
	for _, address := range []string{"198.51.100.1", "198.51.100.2", "198.51.100.3"} {
		enter(address, "bob", "a wrong guess", "login_failed")
	}
	enter("198.51.100.4", "bob", password, "rate_limited") // many addresses together guess no faster than one
	w.wait(time.Minute)
	enter("198.51.100.4", "bob", password, "")
}

func TestOldHashesAreRenewed(t *testing.T) {
	w := newAccounts(t)
	w.register("ada")
	secret := func() string {
		id, err := w.store.Identity(w.ctx, chat.ProviderPassword, "ada")
		w.must(err)
		return id.Secret
	}
	before := secret()
	_, err := w.LogIn(w.ctx, "", "ada", password, "")
	w.must(err)
	if secret() != before {
		t.Error("a hash of today's costs was made anew")
	}
	w.DearerHashing()
	_, err = w.LogIn(w.ctx, "", "ada", "wrong password", "")
	w.want(err, "login_failed")
	if secret() != before {
		t.Error("a wrong password was hashed")
	}
	_, err = w.LogIn(w.ctx, "", "ada", password, "")
	w.must(err)
	if after := secret(); after == before || !strings.HasPrefix(after, "$argon2id$v=19$m=8,t=2,p=1$") {
		t.Errorf("the hash is still %s", after)
	}
	_, err = w.LogIn(w.ctx, "", "ada", password, "")
	w.want(err, "")
}

func TestHashingWaitsItsTurn(t *testing.T) {
	w := newAccounts(t)
	w.register("ada")
	release := w.Holding()
	ctx, cancel := context.WithCancel(w.ctx)
	cancel()
	_, err := w.LogIn(ctx, "", "ada", password, "")
	if err == nil {
		t.Error("a log-in went on without a place to hash in")
	}
	release()
	_, err = w.LogIn(w.ctx, "", "ada", password, "")
	w.want(err, "")
}

func TestForgedTokens(t *testing.T) {
	w := newAccounts(t)
	l := w.register("ada")
	other := w.register("bob")
	sign := func(method jwt.SigningMethod, key any, c jwt.RegisteredClaims) string {
		t.Helper()
		s, err := jwt.NewWithClaims(method, c).SignedString(key)
		w.must(err)
		return s
	}
	claims := func(change func(*jwt.RegisteredClaims)) jwt.RegisteredClaims {
		c := jwt.RegisteredClaims{Issuer: "chat", Subject: string(l.User.ID), ID: string(l.Session.ID), ExpiresAt: jwt.NewNumericDate(l.ExpiresAt)}
		if change != nil {
			change(&c)
		}
		return c
	}
	key := []byte(strings.Repeat("\x07", 32))
	stranger := make([]byte, 32)
	if _, err := rand.Read(stranger); err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(l.Token, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + parts[1] + "."
	unknown, err := w.SignFor(l.User.ID, "nowhere", l.ExpiresAt)
	w.must(err)
	for _, tc := range []struct{ name, token, code string }{
		{"the genuine token is good", sign(jwt.SigningMethodHS256, key, claims(nil)), ""},
		{"no token", "", "token_invalid"},
		{"not a token", "a.b.c", "token_invalid"},
		{"a huge token", strings.Repeat("a", 1<<20), "token_invalid"},
		{"alg none", none, "token_invalid"},
		{"alg none by the library", sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, claims(nil)), "token_invalid"},
		{"another algorithm with our key", sign(jwt.SigningMethodHS512, key, claims(nil)), "token_invalid"},
		{"somebody else's key", sign(jwt.SigningMethodHS256, stranger, claims(nil)), "token_invalid"},
		{"another issuer", sign(jwt.SigningMethodHS256, key, claims(func(c *jwt.RegisteredClaims) { c.Issuer = "other" })), "token_invalid"},
		{"without an end", sign(jwt.SigningMethodHS256, key, claims(func(c *jwt.RegisteredClaims) { c.ExpiresAt = nil })), "token_invalid"},
		{"without a subject", sign(jwt.SigningMethodHS256, key, claims(func(c *jwt.RegisteredClaims) { c.Subject = "" })), "token_invalid"},
		{"another person's session", sign(jwt.SigningMethodHS256, key, claims(func(c *jwt.RegisteredClaims) { c.Subject = string(other.User.ID) })), "token_invalid"},
		{"a session that is not there", unknown, "token_invalid"},
		{"a signature cut short", l.Token[:len(l.Token)-4], "token_invalid"},
		{"a changed body", parts[0] + "." + strings.Split(other.Token, ".")[1] + "." + parts[2], "token_invalid"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := w.Authenticate(w.ctx, tc.token, "")
			w.want(err, tc.code)
			if e := chat.AsError(err); err != nil && e.Kind != chat.Unauthenticated {
				t.Errorf("error %+v", e)
			}
		})
	}
}

func FuzzAuthenticate(f *testing.F) {
	c := core.New(core.Options{Store: inertStore{}, TokenKey: make([]byte, 32), Clock: func() time.Time { return worldStart }})
	good, err := c.SignFor("user", "session", worldStart.Add(time.Hour))
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{"", ".", "..", "a.b.c", good, good + "=", strings.Replace(good, "e", "E", 1), strings.Repeat(".", 3000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, token string) {
		want := "token_invalid"
		if token == good {
			want = "not_found" // it got as far as the store
		}
		if _, err := c.Authenticate(context.Background(), token, ""); chat.CodeOf(err) != want {
			t.Errorf("%q: %v", token, err)
		}
	})
}

// inertStore is a store that knows no sessions and is asked nothing else.
type inertStore struct{ core.Store }

func (inertStore) OnCommit(func([]chat.Event)) {}

func (inertStore) Session(context.Context, chat.SessionID) (chat.Session, error) {
	return chat.Session{}, chat.Errorf(chat.Unavailable, "not_found", "no sessions here")
}

func TestSessionsEnd(t *testing.T) {
	w := newAccounts(t)
	owner := w.user("owner", chat.RoleOwner)
	for _, tc := range []struct {
		name string
		end  func(w *world, mine, other core.Login) error
		mine string // what the first session's token says then
		rest string // what another session's says
		why  string // the reason in the event; empty for none
	}{
		{"a session ends after 24 hours", func(w *world, mine, other core.Login) error { w.wait(24 * time.Hour); return nil }, "token_invalid", "token_invalid", ""},
		{"logging out ends the own session", func(w *world, mine, other core.Login) error { return w.LogOut(w.ctx, w.actor(mine)) }, "token_invalid", "", "logout"},
		{"another session can be revoked", func(w *world, mine, other core.Login) error {
			return w.RevokeSession(w.ctx, w.actor(other), mine.Session.ID)
		}, "token_invalid", "", "revoked"},
		{"a new password ends the other sessions", func(w *world, mine, other core.Login) error {
			return w.ChangePassword(w.ctx, w.actor(other), password, "another password")
		}, "token_invalid", "", "password_changed"},
		{"a password set by an owner ends all", func(w *world, mine, other core.Login) error {
			return w.SetPassword(w.ctx, owner, mine.User.ID, "another password")
		}, "token_invalid", "token_invalid", "password_changed"},
		{"a disabled account has no sessions", func(w *world, mine, other core.Login) error {
			return w.SetDisabled(w.ctx, owner, mine.User.ID, true)
		}, "account_disabled", "account_disabled", "disabled"},
		{"a ban ends all sessions", func(w *world, mine, other core.Login) error {
			_, err := w.Sanction(w.ctx, owner, core.Measure{Kind: chat.Ban, UserID: mine.User.ID})
			return err
		}, "banned", "banned", "banned"},
		{"a timeout shuts all sessions out", func(w *world, mine, other core.Login) error {
			_, err := w.Sanction(w.ctx, owner, core.Measure{Kind: chat.Timeout, UserID: mine.User.ID, Until: w.clock().Add(time.Hour)})
			return err
		}, "timed_out", "timed_out", "timed_out"},
		{"a deleted account has no sessions", func(w *world, mine, other core.Login) error {
			return w.DeleteUser(w.ctx, w.actor(mine), mine.User.ID)
		}, "token_invalid", "token_invalid", "disabled"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			name := "user" + strings.ToLower(base64.RawURLEncoding.EncodeToString([]byte(tc.name)))
			name = strings.ReplaceAll(name[:12]+name[len(name)-6:], "-", "_")
			mine := w.register(name)
			other, err := w.LogIn(w.ctx, "", name, password, "phone")
			w.must(err)
			for _, l := range []core.Login{mine, other} { // both are in the cache now
				_, err := w.Authenticate(w.ctx, l.Token, "")
				w.must(err)
			}
			w.told()
			w.must(tc.end(w, mine, other))
			_, err = w.Authenticate(w.ctx, mine.Token, "")
			w.want(err, tc.mine)
			_, err = w.Authenticate(w.ctx, other.Token, "")
			w.want(err, tc.rest)
			if told := has(w.told(), func(e chat.SessionRevoked) bool { return e.UserID == mine.User.ID && e.Reason == tc.why }); told != (tc.why != "") {
				t.Errorf("connections told: %v", told)
			}
		})
	}
}

func TestSessionsSurviveTimeouts(t *testing.T) {
	w := newAccounts(t)
	owner := w.user("owner", chat.RoleOwner)
	l := w.register("ada")
	_, err := w.Sanction(w.ctx, owner, core.Measure{Kind: chat.Timeout, UserID: l.User.ID, Until: w.clock().Add(time.Hour)})
	w.must(err)
	_, err = w.Authenticate(w.ctx, l.Token, "")
	w.want(err, "timed_out")
	w.wait(time.Hour)
	_, err = w.Authenticate(w.ctx, l.Token, "")
	w.want(err, "")
	_, err = w.Sanction(w.ctx, owner, core.Measure{Kind: chat.Timeout, UserID: l.User.ID, Until: w.clock().Add(time.Hour)})
	w.must(err)
	w.must(w.Lift(w.ctx, owner, chat.Timeout, 0, l.User.ID, ""))
	_, err = w.Authenticate(w.ctx, l.Token, "")
	w.want(err, "")
}

func TestListOfSessions(t *testing.T) {
	w := newAccounts(t)
	first := w.register("ada")
	w.wait(time.Minute)
	second, err := w.LogIn(w.ctx, "192.0.2.9", "ada", password, "phone")
	w.must(err)
	bob := w.register("bob")
	list := func() (ids []chat.SessionID) {
		t.Helper()
		sessions, err := w.Sessions(w.ctx, w.actor(first))
		w.must(err)
		for _, s := range sessions {
			ids = append(ids, s.ID)
		}
		return ids
	}
	if got := list(); len(got) != 2 || got[0] != second.Session.ID || got[1] != first.Session.ID {
		t.Errorf("sessions %v", got)
	}
	w.wait(time.Hour)
	_, err = w.Authenticate(w.ctx, first.Token, "198.51.100.1")
	w.must(err)
	w.must(w.FlushVisits(w.ctx))
	sessions, err := w.Sessions(w.ctx, w.actor(second))
	w.must(err)
	if s := sessions[0]; s.ID != first.Session.ID || s.Address != "198.51.100.1" || !s.LastUsedAt.Equal(w.clock()) {
		t.Errorf("newest %+v", s)
	}
	w.want(w.RevokeSession(w.ctx, w.actor(bob), first.Session.ID), "session_not_found")
	w.want(w.RevokeSession(w.ctx, w.actor(first), "nothing"), "session_not_found")
	w.want(w.RevokeSession(w.ctx, w.actor(first), ""), "session_not_found")
	w.want(w.RevokeSession(w.ctx, w.actor(first), second.Session.ID), "")
	w.want(w.RevokeSession(w.ctx, w.actor(first), second.Session.ID), "session_not_found")
	if got := list(); len(got) != 1 {
		t.Errorf("sessions %v", got)
	}
}

func TestSessionsAreTouchedOnceAMinute(t *testing.T) {
	w := newAccounts(t)
	l := w.register("ada")
	start := w.clock()
	used := func() time.Duration {
		t.Helper()
		w.must(w.FlushVisits(w.ctx))
		s, err := w.store.Session(w.ctx, l.Session.ID)
		w.must(err)
		return s.LastUsedAt.Sub(start)
	}
	use := func() {
		t.Helper()
		_, err := w.Authenticate(w.ctx, l.Token, "")
		w.must(err)
	}
	use()
	w.wait(core.TouchEvery - time.Second)
	use()
	if got := used(); got != 0 {
		t.Errorf("touched after %v", got)
	}
	w.wait(time.Second)
	use()
	w.wait(time.Second)
	use()
	if got := used(); got != core.TouchEvery {
		t.Errorf("touched at %v", got)
	}
	me, err := w.Me(w.ctx, w.actor(l))
	w.must(err)
	if got := me.LastSeenAt.Sub(start); got != core.TouchEvery {
		t.Errorf("last seen at %v", got)
	}
}

func TestPushEndpointsGoWithTheirSession(t *testing.T) {
	w := newAccounts(t)
	first := w.register("ada")
	second, err := w.LogIn(w.ctx, "", "ada", password, "phone")
	w.must(err)
	for _, l := range []core.Login{first, second} {
		w.must(w.store.Change(w.ctx, func(tx core.Tx) ([]chat.Event, error) {
			return nil, tx.PutPushSubscription(w.ctx, chat.PushSubscription{UserID: l.User.ID, SessionID: l.Session.ID, Endpoint: "https://push.example/" + string(l.Session.ID), P256dh: "k", Auth: "a", CreatedAt: w.clock()})
		}))
	}
	w.must(w.LogOut(w.ctx, w.actor(first)))
	left, err := w.store.PushSubscriptions(w.ctx, first.User.ID)
	w.must(err)
	if len(left) != 1 || left[0].SessionID != second.Session.ID {
		t.Errorf("left %+v", left)
	}
}

func TestChangingThePassword(t *testing.T) {
	w := newAccounts(t)
	l := w.register("ada")
	by := w.actor(l)
	w.want(w.ChangePassword(w.ctx, by, "not my password", "another password"), "login_failed")
	if e := chat.AsError(w.ChangePassword(w.ctx, by, "not my password", "another password")); e.Kind != chat.Forbidden {
		t.Errorf("kind %v would log the person out", e.Kind)
	}
	w.want(w.ChangePassword(w.ctx, by, password, "short"), "password_invalid")
	w.want(w.ChangePassword(w.ctx, w.user("bob"), "", "another password"), "login_failed")
	w.want(w.ChangePassword(w.ctx, by, password, "another password"), "")
	_, err := w.LogIn(w.ctx, "", "ada", password, "")
	w.want(err, "login_failed")
	_, err = w.LogIn(w.ctx, "", "ada", "another password", "")
	w.want(err, "")
	_, err = w.Authenticate(w.ctx, l.Token, "")
	w.want(err, "") // the own session goes on
}

func TestChangingThePasswordIsLimited(t *testing.T) {
	w := newAccounts(t, func(o *core.Options) { o.Limits.LoginPerMinute = 2 })
	by := w.actor(w.register("ada"))
	for range 2 {
		w.want(w.ChangePassword(w.ctx, by, "not my password", "another password"), "login_failed")
	}
	w.want(w.ChangePassword(w.ctx, by, password, "another password"), "rate_limited")
}

func TestSetUp(t *testing.T) {
	w := newAccounts(t, mode(core.RegistrationClosed))
	lost, err := w.SetupToken(w.ctx)
	w.must(err)
	token, err := w.SetupToken(w.ctx)
	w.must(err)
	if raw, err := base64.RawURLEncoding.DecodeString(token); err != nil || len(raw) != 32 || token == lost {
		t.Fatalf("token %q after %q", token, lost)
	}
	stored, err := w.store.Setting(w.ctx, core.SetupSetting)
	w.must(err)
	if strings.Contains(string(stored), token) {
		t.Error("the token itself is stored")
	}
	try := func(token string, r core.Registering, code string) core.Login {
		t.Helper()
		l, err := w.SetUp(w.ctx, "192.0.2.1", token, r)
		w.want(err, code)
		return l
	}
	good := core.Registering{Username: "ada", Password: password}
	try("", good, "setup_token_invalid")
	try("guess", good, "setup_token_invalid")
	try(lost, good, "setup_token_invalid")
	var hash string
	w.must(json.Unmarshal(stored, &hash))
	try(hash, good, "setup_token_invalid")
	try(token, core.Registering{Username: "a", Password: password}, "username_invalid")
	try(token, core.Registering{Username: "ada", Password: "short"}, "password_invalid")
	l := try(token, good, "")
	if l.User.Rank != chat.RankOwner {
		t.Errorf("rank %v", l.User.Rank)
	}
	_, err = w.Authenticate(w.ctx, l.Token, "")
	w.want(err, "")
	try(token, core.Registering{Username: "bob", Password: password}, "setup_done")
	again, err := w.SetupToken(w.ctx)
	w.must(err)
	if again != "" {
		t.Error("a server with an owner gave out another token")
	}
}

func TestSetUpIsLimited(t *testing.T) {
	w := newAccounts(t, func(o *core.Options) { o.Limits.RegisterPerMinute = 1 })
	_, err := w.SetUp(w.ctx, "192.0.2.1", "guess", core.Registering{})
	w.want(err, "setup_token_invalid")
	_, err = w.SetUp(w.ctx, "192.0.2.1", "guess", core.Registering{})
	w.want(err, "rate_limited")
}

func TestAServerWithoutATokenKeyDoesNotStart(t *testing.T) {
	for _, key := range [][]byte{nil, make([]byte, 31)} {
		c := core.New(core.Options{Store: inertStore{}, TokenKey: key})
		if err := c.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "at least 32") {
			t.Errorf("with a key of %d bytes: %v", len(key), err)
		}
	}
}

func FuzzParseHash(f *testing.F) {
	for _, s := range []string{
		"", "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "$argon2id$v=19$m=4294967295,t=1,p=1$AAAAAAAAAAA$AAAA",
		"$argon2i$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA", "$argon2id$v=19$m=8,t=1,p=1 $AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA", "$$$$$",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if again, ok := core.ParseHash(s); ok && again != s {
			t.Errorf("%q was read as %q", s, again)
		}
	})
}
