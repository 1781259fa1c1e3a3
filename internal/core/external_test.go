package core_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

// external lets somebody in for whom the Rotur service vouches.
func (w *world) external(subject, name string) core.Entrance {
	w.Helper()
	in, err := w.LogInExternal(w.ctx, core.Arrival{Address: "192.0.2.9", Device: "OriginChats"}, core.External{Provider: chat.ProviderRotur, Subject: subject, Name: name})
	w.must(err)
	return in
}

func (w *world) logInExternal(subject, name string) error {
	_, err := w.LogInExternal(w.ctx, core.Arrival{Address: "192.0.2.9", Device: "OriginChats"}, core.External{Provider: chat.ProviderRotur, Subject: subject, Name: name})
	return err
}

func TestSomebodyElsewhereGetsAnAccount(t *testing.T) {
	w := newAccounts(t)
	first := w.external("USR:1", "Bob")
	if !first.Created || first.User.ExternalName != "Bob" || first.User.Username != "Bob" || first.User.DisplayName != "Bob" {
		t.Errorf("made %+v", first)
	}
	again := w.external("USR:1", "Bob")
	if again.Created || again.User.ID != first.User.ID {
		t.Errorf("the second time: %+v", again)
	}
	for _, name := range []string{"", "  ", "USR:local_eve", "usr:x", "e\u202eve", strings.Repeat("x", 65)} {
		w.want(w.logInExternal("USR:2", name), "external_name_invalid")
	}
}

func TestUsernamesOfThoseFromElsewhere(t *testing.T) {
	w := newAccounts(t)
	w.register("ada")
	for _, row := range []struct{ name, username string }{
		{"ada", "ada_2"},
		{"bo", "bo_2"},
		{"system", "system_2"},
		{"Jürgen.K", "Jurgen_K"},
		{"漢字", "user_2"},
		{"漢", "user_3"},
		{strings.Repeat("long", 12), strings.Repeat("long", 5)},
		{strings.Repeat("long", 13), strings.Repeat("long", 3) + "lo_2"},
	} {
		if in := w.external("USR:"+row.name, row.name); in.User.Username != row.username || in.User.ExternalName != row.name {
			t.Errorf("%s became %q (%s)", row.name, in.User.Username, in.User.ExternalName)
		}
	}
}

func TestANewNameElsewhereIsTheNameHere(t *testing.T) {
	w := newAccounts(t)
	bob, eve := w.external("USR:1", "bob"), w.external("USR:2", "eve")
	w.told()
	renamed := w.external("USR:1", "robert")
	if u := renamed.User; u.ID != bob.User.ID || u.ExternalName != "robert" || u.DisplayName != "robert" || u.Username != "bob" {
		t.Errorf("renamed: %+v", u)
	}
	told := false
	for _, ev := range w.told() {
		if e, ok := ev.(chat.UserChanged); ok && e.User.ExternalName == "robert" {
			told = true
		}
	}
	if !told {
		t.Error("nobody was told of the new name")
	}
	// eve takes a name over that bob had meanwhile taken back; the service is always right.
	w.external("USR:1", "eva")
	taken := w.external("USR:2", "Eva")
	if taken.User.ID != eve.User.ID || taken.User.ExternalName != "Eva" {
		t.Errorf("eve: %+v", taken.User)
	}
	was, err := w.User(w.ctx, chat.Operator, bob.User.ID)
	w.must(err)
	if !strings.HasPrefix(was.ExternalName, "eva~") {
		t.Errorf("who lost the name is called %q", was.ExternalName)
	}
	if back := w.external("USR:1", "bobby"); back.User.ExternalName != "bobby" {
		t.Errorf("back: %+v", back.User)
	}
	// A display name that the person chose is theirs.
	name := "The Builder"
	_, err = w.UpdateProfile(w.ctx, chat.Actor{UserID: bob.User.ID}, core.Profile{DisplayName: &name})
	w.must(err)
	if in := w.external("USR:1", "bob"); in.User.DisplayName != name {
		t.Errorf("display name %q", in.User.DisplayName)
	}
}

func TestRegistrationCountsForThoseFromElsewhere(t *testing.T) {
	for _, m := range []struct {
		mode core.Registration
		code string
	}{{core.RegistrationClosed, "registration_closed"}, {core.RegistrationInvite, "invite_required"}} {
		t.Run(string(m.mode), func(t *testing.T) {
			w := newAccounts(t)
			w.external("USR:1", "bob")
			_, err := w.UpdateServer(w.ctx, chat.Operator, core.ServerChange{Registration: &m.mode})
			w.must(err)
			w.want(w.logInExternal("USR:2", "eve"), m.code)
			w.want(w.logInExternal("USR:1", "bob"), "")
			_, err = w.RegisterLocal(w.ctx, core.Arrival{Address: "192.0.2.9"}, "dave", "secret")
			w.want(err, "registration_closed")
		})
	}
}

func TestWhoIsShutOutMayNotComeInFromElsewhere(t *testing.T) {
	w := newAccounts(t)
	bob := w.external("USR:1", "bob").User
	_, err := w.Sanction(w.ctx, w.user("olga", chat.RoleOwner), core.Measure{Kind: chat.Ban, UserID: bob.ID})
	w.must(err)
	w.want(w.logInExternal("USR:1", "bob"), "banned")
	w.want(w.logInExternal("USR:1", "another"), "banned") // a new name does not help
	w.must(w.SetDisabled(w.ctx, chat.Operator, w.external("USR:3", "carl").User.ID, true))
	w.want(w.logInExternal("USR:3", "carl"), "account_disabled")
}

func TestOwnersByConfiguration(t *testing.T) {
	w := newAccounts(t)
	enter := func(owner bool) *chat.User {
		in, err := w.LogInExternal(w.ctx, core.Arrival{Owner: owner}, core.External{Provider: chat.ProviderRotur, Subject: "USR:1", Name: "alice"})
		w.must(err)
		return in.User
	}
	if u := enter(true); u.Rank != chat.RankOwner || u.Roles[0] != chat.RoleOwner || len(u.Roles) != 2 {
		t.Errorf("new: %v", u.Roles)
	}
	if u := enter(false); u.Rank != chat.RankOwner {
		t.Errorf("an owner stays one who is no longer in the configuration: %v", u.Roles)
	}
	plain := w.external("USR:2", "bob").User
	in, err := w.LogInExternal(w.ctx, core.Arrival{Owner: true}, core.External{Provider: chat.ProviderRotur, Subject: "USR:2", Name: "bob"})
	w.must(err)
	if in.User.ID != plain.ID || in.User.Rank != chat.RankOwner {
		t.Errorf("later: %v", in.User.Roles)
	}
	local, err := w.RegisterLocal(w.ctx, core.Arrival{Address: "", Owner: true}, "dave", "secret")
	w.must(err)
	if local.User.Rank != chat.RankOwner {
		t.Errorf("local: %v", local.User.Roles)
	}
	entries, _, err := w.Audit(w.ctx, chat.Operator, chat.AuditFilter{Action: "user.roles"}, chat.Page{Limit: 10})
	w.must(err)
	if len(entries) != 3 {
		t.Errorf("%d audit entries", len(entries))
	}
}

func TestManyConnectionsOfSomebodyNewMakeOneAccount(t *testing.T) {
	w := newAccounts(t)
	var wg sync.WaitGroup
	made := make(chan core.Entrance, 20)
	for range cap(made) {
		wg.Go(func() {
			in, err := w.LogInExternal(w.ctx, core.Arrival{Address: "192.0.2.9", Device: "OriginChats"}, core.External{Provider: chat.ProviderRotur, Subject: "USR:1", Name: "bob"})
			if err != nil {
				t.Error(err)
			}
			made <- in
		})
	}
	wg.Wait()
	close(made)
	ids, created := map[chat.UserID]bool{}, 0
	for in := range made {
		if in.User != nil {
			ids[in.User.ID] = true
		}
		if in.Created {
			created++
		}
	}
	if len(ids) != 1 || created != 1 {
		t.Errorf("%d accounts, %d of them made", len(ids), created)
	}
}

func TestLocalAccounts(t *testing.T) {
	w := newAccounts(t)
	w.register("ada")
	w.external("USR:1", "rotur_bob")
	for _, row := range []struct{ sentence, name, password, code string }{
		{"a name is needed", " ", "secret", "credentials_missing"},
		{"a password is needed", "dave", "", "credentials_missing"},
		{"names are not too short", "d", "x", "local_name_length"},
		{"nor too long", strings.Repeat("d", 33), "x", "local_name_length"},
		{"the password comes before the characters of the name", "d.d", "abc", "password_length"},
		{"a password is not endless", "dave", strings.Repeat("x", 73), "password_length"},
		{"dots are no part of names", "d.d", "secret", "local_name_characters"},
		{"nor is what looks like nothing", "da\u3164ve", "secret", "local_name_characters"},
		{"a good one", " Dave ", "secret", ""},
		{"a taken one, whatever its case", "DAVE", "secret", "username_taken"},
		{"one of an account made otherwise", "Ada", "secret", "username_taken"},
		{"one that means the server", "System", "secret", "username_taken"},
		{"two characters of another script", "漢字", "四文字で", ""},
	} {
		_, err := w.RegisterLocal(w.ctx, core.Arrival{Address: "192.0.2.9"}, row.name, row.password)
		if got := chat.CodeOf(err); got != row.code {
			t.Errorf("%s: %q (%v), want %q", row.sentence, got, err, row.code)
		}
	}
	for _, row := range []struct{ sentence, name, password, code string }{
		{"the right password lets in", "dAve ", "secret", ""},
		{"an account made otherwise can come in, too", "ADA", password, ""},
		{"a wrong password does not", "dave", "Secret", "password_wrong"},
		{"nobody of this name", "nobody", "secret", "user_not_found"},
		{"somebody from elsewhere has no password", "rotur_bob", "secret", "external_account"},
		{"nothing given", "dave", "", "credentials_missing"},
	} {
		in, err := w.LogInLocal(w.ctx, core.Arrival{Address: "192.0.2.9"}, row.name, row.password)
		if got := chat.CodeOf(err); got != row.code {
			t.Errorf("%s: %q (%v), want %q", row.sentence, got, err, row.code)
		}
		if err == nil && in.User.ExternalName != "" {
			t.Errorf("%s: %+v", row.sentence, in.User)
		}
	}
	dave, err := w.UserByName(w.ctx, chat.Operator, "dave")
	w.must(err)
	_, err = w.Sanction(w.ctx, chat.Operator, core.Measure{Kind: chat.Ban, UserID: dave.ID})
	w.must(err)
	_, err = w.LogInLocal(w.ctx, core.Arrival{Address: ""}, "dave", "secret")
	w.want(err, "banned")
}

func TestLocalLoginWithASecondFactor(t *testing.T) {
	w := newAccounts(t)
	l := w.register("ada")
	e, err := w.EnrolTOTP(w.ctx, w.actor(l), password)
	w.must(err)
	w.must(w.ConfirmTOTP(w.ctx, w.actor(l), w.device(e.Secret)))
	logIn := func(password string) error {
		_, err := w.LogInLocal(w.ctx, core.Arrival{Address: "192.0.2.9"}, "ada", password)
		return err
	}
	w.want(logIn(password), "totp_required")
	w.want(logIn(password+"000000"), "totp_wrong")
	w.wait(time.Minute)
	code := w.device(e.Secret)
	w.want(logIn("wrong"+code), "password_wrong")
	w.want(logIn(password+" "+code), "")
	w.want(logIn(password+code), "totp_wrong") // used
}

func TestFailedLoginsAreCountedByAddress(t *testing.T) {
	w := newAccounts(t, func(o *core.Options) { o.Limits.LoginPerMinute = 20 })
	tooMany := func(address string) bool { return w.TooManyFailed(w.ctx, "login", address, 10) }
	for i := range 10 {
		if tooMany("192.0.2.9") {
			t.Errorf("failure %d was one too many", i+1)
		}
		w.Failed(w.ctx, "login", "192.0.2.9", 10)
	}
	if !tooMany("192.0.2.9") {
		t.Error("after ten failures there is another try")
	}
	if tooMany("192.0.2.10") || w.TooManyFailed(w.ctx, "validators", "192.0.2.9", 10) {
		t.Error("others have to bear it")
	}
	w.wait(time.Minute)
	if tooMany("192.0.2.9") {
		t.Error("it is not forgotten after a minute")
	}
}

func TestConnectionsOfOneDeviceShareASession(t *testing.T) {
	w := newAccounts(t)
	first := w.external("USR:1", "bob")
	if again := w.external("USR:1", "bob"); again.Session.ID == "" || again.Session.ID != first.Session.ID {
		t.Errorf("the second connection has session %q, the first %q", again.Session.ID, first.Session.ID)
	}
	other, err := w.LogInExternal(w.ctx, core.Arrival{Device: "Another"}, core.External{Provider: chat.ProviderRotur, Subject: "USR:1", Name: "bob"})
	w.must(err)
	by := other.Actor("192.0.2.9")
	list, err := w.Sessions(w.ctx, by)
	w.must(err)
	if len(list) != 2 || other.Session.ID == first.Session.ID {
		t.Errorf("sessions %+v", list)
	}
	w.told()
	w.must(w.RevokeSession(w.ctx, by, first.Session.ID))
	if told := w.told(); len(told) != 1 || told[0].(chat.SessionRevoked).SessionID != first.Session.ID {
		t.Errorf("told %+v", told)
	}
	if next := w.external("USR:1", "bob"); next.Session.ID == first.Session.ID {
		t.Error("a session that was ended lives again")
	}
	w.wait(13 * time.Hour) // sessions last a day here
	if next := w.external("USR:1", "bob"); next.Session.CreatedAt.Before(worldStart.Add(time.Hour)) {
		t.Error("a session near its end is given to a new connection")
	}
}
