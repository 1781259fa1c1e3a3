package core

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"parley/internal/chat"
)

// The second factor: one-time codes by time (RFC 6238: SHA-1, six digits, 30 seconds), and codes for when the device is lost.
const (
	totpSecretBytes  = 20 // RFC 4226, 4
	totpPeriod       = 30 // seconds
	totpSkew         = 1  // periods before and after the present one whose codes count, too
	recoveryCodes    = 10
	recoveryLength   = 10 // characters
	totpTries        = 10 // wrong codes for one account
	totpTriesPer     = 15 * time.Minute
	maxTOTPCode      = 64 // bytes of what a person may give
	defaultIssuer    = "Chat"
	totpNotEnabled   = "totp_not_enabled"
	totpAlreadyThere = "totp_enabled"
)

var (
	errTOTPRequired = &chat.Error{Kind: chat.Unauthenticated, Code: "totp_required", Field: "totp", Text: "Give the code of your authenticator app, too."}
	errTOTPWrong    = &chat.Error{Kind: chat.Unauthenticated, Code: "totp_wrong", Field: "totp", Text: "This code is wrong, or was used already. Wait for the next one."}
)

// totpState is the secret of a person's identity of chat.ProviderTOTP, as JSON; an empty secret is no second factor.
type totpState struct {
	Secret    string   `json:"secret"` // base32
	Confirmed bool     `json:"confirmed"`
	LastStep  int64    `json:"last_step"` // the period of the newest code that was used: it and all before are refused
	Recovery  []string `json:"recovery"`  // hashes of the codes that are left
}

// TOTPEnrolment is what somebody needs to set up a second factor. It is shown once.
type TOTPEnrolment struct {
	Secret        string // base32
	URI           string // otpauth://, for a QR code
	RecoveryCodes []string
}

// TOTPStatus is where somebody stands with their second factor.
type TOTPStatus struct {
	Enabled       bool
	RecoveryCodes int // left
}

func readTOTP(ctx context.Context, r Reader, user chat.UserID) (s totpState, err error) {
	id, err := r.Identity(ctx, chat.ProviderTOTP, string(user))
	if chat.CodeOf(err) == chat.ErrNotFound.Code {
		return s, nil
	}
	if err == nil && id.Secret != "" {
		err = json.Unmarshal([]byte(id.Secret), &s)
	}
	return s, err
}

func putTOTP(ctx context.Context, tx Tx, user chat.UserID, s totpState) error {
	secret := ""
	if s.Secret != "" {
		raw, err := json.Marshal(s)
		if err != nil {
			return err
		}
		secret = string(raw)
	}
	return tx.PutIdentity(ctx, chat.Identity{Provider: chat.ProviderTOTP, Subject: string(user), UserID: user, Secret: secret})
}

// CheckOwnPassword makes sure that it is the account's owner who asks. Fails with password_wrong, rate_limited.
func (c *Core) CheckOwnPassword(ctx context.Context, by chat.Actor, password string) error {
	if _, err := c.person(ctx, by); err != nil {
		return err
	}
	if err := c.charge(ctx, "password:"+string(by.UserID), c.Limits.LoginPerMinute, time.Minute, tooManyLogins); err != nil {
		return err
	}
	identity, err := c.passwordOf(ctx, by.UserID)
	if err != nil {
		return err
	}
	match, _, err := c.checkPassword(ctx, identity.Secret, password)
	if err == nil && !match {
		err = errPasswordWrong
	}
	return err
}

// TOTP says whether the actor has a second factor.
func (c *Core) TOTP(ctx context.Context, by chat.Actor) (TOTPStatus, error) {
	if _, err := c.person(ctx, by); err != nil {
		return TOTPStatus{}, err
	}
	s, err := readTOTP(ctx, c.Store, by.UserID)
	if err != nil || !s.Confirmed {
		return TOTPStatus{}, err
	}
	return TOTPStatus{Enabled: true, RecoveryCodes: len(s.Recovery)}, nil
}

// EnrolTOTP begins to set up a second factor, which holds once ConfirmTOTP is given a code. Beginning again forgets what was
// not confirmed. Fails with password_wrong, totp_enabled, rate_limited.
func (c *Core) EnrolTOTP(ctx context.Context, by chat.Actor, password string) (e TOTPEnrolment, err error) {
	if err := c.CheckOwnPassword(ctx, by, password); err != nil {
		return e, err
	}
	user, err := c.person(ctx, by)
	if err != nil {
		return e, err
	}
	server, err := c.Server(ctx)
	if err != nil {
		return e, err
	}
	raw := make([]byte, totpSecretBytes)
	c.random(raw)
	issuer := strings.TrimSpace(strings.ReplaceAll(server.Name, ":", " "))
	if issuer == "" {
		issuer = defaultIssuer
	}
	key, err := totp.Generate(totp.GenerateOpts{Issuer: issuer, AccountName: user.Username, Period: totpPeriod, Secret: raw, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
	if err != nil {
		return e, err
	}
	s := totpState{Secret: base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(raw)}
	e = TOTPEnrolment{Secret: s.Secret, URI: key.URL()}
	for range recoveryCodes {
		code := c.code(recoveryLength)
		e.RecoveryCodes = append(e.RecoveryCodes, code[:recoveryLength/2]+"-"+code[recoveryLength/2:])
		s.Recovery = append(s.Recovery, recoveryHash(code))
	}
	err = c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		now, err := readTOTP(ctx, tx, by.UserID)
		if err == nil && now.Confirmed {
			err = chat.Errorf(chat.Conflict, totpAlreadyThere, "You have a second factor already. Switch it off first.")
		}
		if err != nil {
			return nil, err
		}
		return nil, putTOTP(ctx, tx, by.UserID, s)
	})
	if err != nil {
		return TOTPEnrolment{}, err
	}
	return e, nil
}

// ConfirmTOTP switches the second factor on, given a code of the device. Fails with totp_not_enabled (nothing was begun),
// totp_enabled, totp_wrong (kind Invalid), rate_limited.
func (c *Core) ConfirmTOTP(ctx context.Context, by chat.Actor, code string) error {
	if _, err := c.person(ctx, by); err != nil {
		return err
	}
	if err := c.chargeTOTP(ctx, by.UserID); err != nil {
		return err
	}
	err := c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		s, err := readTOTP(ctx, tx, by.UserID)
		switch {
		case err != nil:
			return nil, err
		case s.Confirmed:
			return nil, chat.Errorf(chat.Conflict, totpAlreadyThere, "You have a second factor already.")
		case s.Secret == "":
			return nil, chat.Errorf(chat.Conflict, totpNotEnabled, "Begin to set up the second factor first.")
		}
		step, ok := matchTOTP(s, code, c.now())
		if !ok {
			return nil, chat.InvalidField("code", errTOTPWrong.Code, "This code is wrong. Is the clock of your device right?")
		}
		s.Confirmed, s.LastStep = true, step
		if err := putTOTP(ctx, tx, by.UserID, s); err != nil {
			return nil, err
		}
		return nil, tx.AddAudit(ctx, c.audit(by, "user.totp_enable", "user", string(by.UserID), 0, nil))
	})
	if err == nil {
		c.forgive(ctx, totpKey(by.UserID))
	}
	return err
}

// DisableTOTP switches the actor's second factor off. Without one nothing happens. Fails with password_wrong, rate_limited.
func (c *Core) DisableTOTP(ctx context.Context, by chat.Actor, password string) error {
	if err := c.CheckOwnPassword(ctx, by, password); err != nil {
		return err
	}
	return c.endTOTP(ctx, by, by.UserID, "user.totp_disable")
}

// ResetTOTP switches somebody's second factor off (operator, or manage_users above the target). Fails with user_not_found,
// target_above, target_is_self, permission_missing.
func (c *Core) ResetTOTP(ctx context.Context, by chat.Actor, user chat.UserID) error {
	if _, err := c.overUser(ctx, by, user); err != nil {
		return err
	}
	return c.endTOTP(ctx, by, user, "user.totp_reset")
}

func (c *Core) endTOTP(ctx context.Context, by chat.Actor, user chat.UserID, action string) error {
	return c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		s, err := readTOTP(ctx, tx, user)
		if err != nil || s.Secret == "" {
			return nil, err
		}
		if err := putTOTP(ctx, tx, user, totpState{}); err != nil || !s.Confirmed {
			return nil, err
		}
		return nil, tx.AddAudit(ctx, c.audit(by, action, "user", string(user), 0, nil))
	})
}

// secondFactor checks the code of somebody whose password was right, before they are logged in; use notes inside the
// transaction of the login that the code was used. Fails with totp_required, totp_wrong, rate_limited.
func (c *Core) secondFactor(ctx context.Context, user chat.UserID, code string) (use func(Tx) error, err error) {
	s, err := readTOTP(ctx, c.Store, user)
	if err != nil {
		return nil, err
	}
	if !s.Confirmed {
		return func(Tx) error { return nil }, nil
	}
	if strings.TrimSpace(code) == "" {
		return nil, errTOTPRequired
	}
	if err := c.chargeTOTP(ctx, user); err != nil {
		return nil, err
	}
	return func(tx Tx) error {
		s, err := readTOTP(ctx, tx, user)
		if err != nil || !s.Confirmed { // switched off a moment ago
			return err
		}
		if step, ok := matchTOTP(s, code, c.now()); ok {
			s.LastStep = step
		} else if i := slices.Index(s.Recovery, recoveryHash(code)); i >= 0 {
			s.Recovery = slices.Delete(s.Recovery, i, i+1)
		} else {
			return errTOTPWrong
		}
		return putTOTP(ctx, tx, user, s)
	}, nil
}

func totpKey(user chat.UserID) string { return "totp:" + string(user) }

// chargeTOTP counts a try; forgive forgets the wrong ones after a right one.
func (c *Core) chargeTOTP(ctx context.Context, user chat.UserID) error {
	tries := totpTries
	if c.Limits.LoginPerMinute < 0 {
		tries = -1
	}
	return c.charge(ctx, totpKey(user), tries, totpTriesPer, "Too many wrong codes.")
}

// matchTOTP finds the period whose code this is, among those that are near and were not used.
func matchTOTP(s totpState, code string, at time.Time) (step int64, ok bool) {
	code = strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' {
			return -1
		}
		return r
	}, code)
	if len(code) != otp.DigitsSix.Length() {
		return 0, false
	}
	now := at.Unix() / totpPeriod
	for n := now - totpSkew; n <= now+totpSkew; n++ {
		want, err := hotp.GenerateCodeCustom(s.Secret, uint64(n), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err == nil && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 && n > s.LastStep {
			step, ok = n, true
		}
	}
	return step, ok
}

// recoveryHash is how a recovery code is kept. The codes are random and long enough for a plain hash.
func recoveryHash(code string) string {
	if len(code) > maxTOTPCode {
		return ""
	}
	sum := sha256.Sum256([]byte(strings.NewReplacer("-", "", " ", "").Replace(cleanCode(code))))
	return base64.RawStdEncoding.EncodeToString(sum[:])
}
