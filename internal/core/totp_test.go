package core_test

import (
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"parley/internal/chat"
	"parley/internal/core"
)

// device makes the codes of a second factor.
func (w *world) device(secret string) string {
	w.Helper()
	code, err := totp.GenerateCode(secret, w.clock())
	w.must(err)
	return code
}

// logIn tries to log in with a code.
func (w *world) logIn(name, code string) error {
	_, err := w.LogInWithCode(w.ctx, "192.0.2.7", name, password, code, "")
	return err
}

// secured registers somebody who has a second factor.
func secured(w *world, name string) (by chat.Actor, e core.TOTPEnrolment) {
	w.Helper()
	by = w.actor(w.register(name))
	e, err := w.EnrolTOTP(w.ctx, by, password)
	w.must(err)
	w.must(w.ConfirmTOTP(w.ctx, by, w.device(e.Secret)))
	w.wait(time.Minute)
	return by, e
}

func TestSecondFactor(t *testing.T) {
	w := newAccounts(t, func(o *core.Options) { o.ServerName = "Engine: lovers" })
	ada := w.actor(w.register("ada"))
	w.want(w.ConfirmTOTP(w.ctx, ada, "000000"), "totp_not_enabled")
	_, err := w.EnrolTOTP(w.ctx, ada, "not the password")
	w.want(err, "password_wrong")
	forgotten, err := w.EnrolTOTP(w.ctx, ada, password)
	w.must(err)
	e, err := w.EnrolTOTP(w.ctx, ada, password)
	w.must(err)
	u, err := url.Parse(e.URI)
	if err != nil || u.Scheme != "otpauth" || u.Host != "totp" || u.Query().Get("secret") != e.Secret || !strings.HasSuffix(u.Path, ":ada") || len(e.RecoveryCodes) != 10 {
		t.Errorf("%+v, %v", e, err)
	}
	w.must(w.logIn("ada", "")) // it does not hold before it is confirmed
	w.want(w.ConfirmTOTP(w.ctx, ada, w.device(forgotten.Secret)), "totp_wrong")
	w.must(w.ConfirmTOTP(w.ctx, ada, w.device(e.Secret)))
	w.want(w.ConfirmTOTP(w.ctx, ada, w.device(e.Secret)), "totp_enabled")
	_, err = w.EnrolTOTP(w.ctx, ada, password)
	w.want(err, "totp_enabled")
	if s, err := w.TOTP(w.ctx, ada); err != nil || !s.Enabled || s.RecoveryCodes != 10 {
		t.Errorf("%+v, %v", s, err)
	}

	w.want(w.logIn("ada", ""), "totp_required")
	_, err = w.LogInWithCode(w.ctx, "192.0.2.7", "ada", "wrong password", w.device(e.Secret), "")
	w.want(err, "login_failed")
	w.want(w.logIn("ada", w.device(e.Secret)), "totp_wrong") // confirmed with, so used
	w.wait(30 * time.Second)
	early := w.device(e.Secret)
	w.wait(30 * time.Second)
	code := w.device(e.Secret)
	w.want(w.logIn("ada", " "+code[:3]+" "+code[3:]), "")
	for name, again := range map[string]string{"the same again": code, "one before it": early, "letters": "abcdef", "too short": code[:5], "very long": strings.Repeat("1", 1000)} {
		if err := w.logIn("ada", again); chat.CodeOf(err) != "totp_wrong" {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.wait(2 * time.Minute)
	late := w.device(e.Secret)
	w.wait(30 * time.Second)
	w.want(w.logIn("ada", late), "") // clocks differ
	w.wait(2 * time.Minute)
	old := w.device(e.Secret)
	w.wait(time.Minute)
	w.want(w.logIn("ada", old), "totp_wrong")

	w.want(w.logIn("ada", strings.ToUpper(e.RecoveryCodes[3])), "")
	w.want(w.logIn("ada", e.RecoveryCodes[3]), "totp_wrong")
	if s, err := w.TOTP(w.ctx, ada); err != nil || s.RecoveryCodes != 9 {
		t.Errorf("%+v, %v", s, err)
	}
	w.want(w.DisableTOTP(w.ctx, ada, "not the password"), "password_wrong")
	w.must(w.DisableTOTP(w.ctx, ada, password))
	w.must(w.DisableTOTP(w.ctx, ada, password))
	w.want(w.logIn("ada", ""), "")
	w.want(w.logIn("ada", "whatever"), "")
}

func TestACodeLetsInOnce(t *testing.T) {
	w := newAccounts(t)
	_, e := secured(w, "ada")
	code := w.device(e.Secret)
	var group sync.WaitGroup
	var mu sync.Mutex
	codes := map[string]int{}
	for range 8 {
		group.Go(func() {
			err := w.logIn("ada", code)
			mu.Lock()
			defer mu.Unlock()
			codes[chat.CodeOf(err)]++
		})
	}
	group.Wait()
	if codes[""] != 1 || codes["totp_wrong"] != 7 {
		t.Errorf("ended with %v", codes)
	}
}

func TestCodesAreNotGuessed(t *testing.T) {
	w := newAccounts(t, func(o *core.Options) { o.Limits.LoginPerMinute = 1000 })
	_, e := secured(w, "ada")
	for range 10 {
		w.want(w.logIn("ada", "000000"), "totp_wrong")
	}
	w.want(w.logIn("ada", w.device(e.Secret)), "rate_limited")
	w.wait(15 * time.Minute)
	w.want(w.logIn("ada", w.device(e.Secret)), "")
	w.want(w.logIn("ada", "000000"), "totp_wrong")
}

func TestResetTOTP(t *testing.T) {
	w := newAccounts(t)
	root, boss, eve := w.user("root", chat.RoleOwner), w.user("boss", chat.RoleAdmin), w.user("eve")
	ada, _ := secured(w, "ada")
	w.want(w.ResetTOTP(w.ctx, eve, ada.UserID), "permission_missing")
	w.want(w.ResetTOTP(w.ctx, boss, root.UserID), "target_above")
	w.want(w.logIn("ada", ""), "totp_required")
	w.must(w.ResetTOTP(w.ctx, boss, ada.UserID))
	w.must(w.ResetTOTP(w.ctx, boss, ada.UserID))
	w.want(w.logIn("ada", ""), "")
	entries, _, err := w.Audit(w.ctx, root, chat.AuditFilter{TargetID: string(ada.UserID), Action: "user.totp_reset"}, chat.Page{Limit: 10})
	if err != nil || len(entries) != 1 {
		t.Errorf("%d audit entries, %v", len(entries), err)
	}
}
