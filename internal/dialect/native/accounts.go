package native

import (
	"context"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

type (
	registerRequest struct {
		Username    string `json:"username" doc:"3 to 20 of A-Z, a-z, 0-9 and _; unique without regard to case." minLength:"3" maxLength:"20" example:"ada"`
		Password    string `json:"password" doc:"8 to 200 characters." minLength:"8" maxLength:"200" example:"correct horse battery"`
		DisplayName string `json:"display_name" required:"false" doc:"The username if it is not given." maxLength:"50" example:"Ada Lovelace"`
		Invite      string `json:"invite" required:"false" doc:"Code of an invite to the server or to a room. Needed where registration is by invite; else it may be given to enter a room." example:"H7KQ2MWX4R"`
	}
	setupRequest struct {
		Token       string `json:"token" doc:"From the link that the server printed when it was started." example:"d4kq7mzx2h5w"`
		Username    string `json:"username" example:"ada"`
		Password    string `json:"password" example:"correct horse battery"`
		DisplayName string `json:"display_name" required:"false" example:"Ada Lovelace"`
	}
	loginRequest struct {
		Username string `json:"username" example:"ada"`
		Password string `json:"password" example:"correct horse battery"`
		TOTP     string `json:"totp" required:"false" doc:"Code of the second factor, or a recovery code; for accounts that have one." example:"492039"`
	}
	ownPasswordRequest struct {
		Password string `json:"password" doc:"The caller's own, to make sure." example:"correct horse battery"`
	}
	totpConfirmRequest struct {
		Code string `json:"code" doc:"Of the authenticator app." example:"492039"`
	}
	// TOTPStatus is where the caller stands with the second factor.
	TOTPStatus struct {
		Enabled       bool `json:"enabled"`
		RecoveryCodes int  `json:"recovery_codes" doc:"How many are left." example:"10"`
	}
	// TOTPEnrolment is what sets up a second factor; it is shown once.
	TOTPEnrolment struct {
		Secret        string   `json:"secret" doc:"In base32, to be typed." example:"JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"`
		URI           string   `json:"otpauth_uri" doc:"What the QR code holds." example:"otpauth://totp/Engines:ada?issuer=Engines&secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"`
		QRCode        string   `json:"qr_code" doc:"A picture for the authenticator app to read: a PNG in a data: URL." example:"data:image/png;base64,iVBORw0KGgo="`
		RecoveryCodes []string `json:"recovery_codes" doc:"Each lets in once without the device. They hold once the second factor is confirmed."`
	}
	passwordRequest struct {
		Current string `json:"current_password" example:"correct horse battery"`
		New     string `json:"new_password" doc:"8 to 200 characters." example:"staple correct battery"`
	}
	// loginAnswer is the login that is new.
	loginAnswer struct {
		Token     string  `json:"token" doc:"Send it as Authorization: Bearer." example:"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.c2ln"`
		ExpiresAt string  `json:"expires_at" format:"date-time" example:"2026-03-02T09:30:00.000Z"`
		User      Self    `json:"user"`
		RoomID    *string `json:"room_id" doc:"The room that the invite let the new account into." example:"12"`
	}
	loginReply struct {
		SetCookie string `header:"Set-Cookie" doc:"The same login for browsers: HttpOnly, SameSite=Lax, Secure on TLS."`
		Body      loginAnswer
	}
	// registered is a login to an account that is new: Location says where that is.
	registered struct {
		SetCookie string `header:"Set-Cookie" doc:"The same login for browsers: HttpOnly, SameSite=Lax, Secure on TLS."`
		Location  string `header:"Location"`
		Body      loginAnswer
	}
	logoutReply struct {
		SetCookie string `header:"Set-Cookie" doc:"Takes the login cookie back."`
	}
	sessionList struct {
		Sessions []Session `json:"sessions"`
	}
)

func (d *Dialect) registerAccounts() {
	const tag = "Accounts"
	handle(d, "POST /auth/register", endpoint{
		id: "register", tag: tag, access: anyone, status: 201, summary: "Make an account and log in",
		description: "Open to anyone, to holders of an invite, or to nobody: see registration in GET /server. An invite to a room lets the new account into it: room_id says which. Sets the login cookie for pages of this server.",
		codes:       "registration_closed invite_required invite_invalid username_invalid username_taken password_invalid display_name_invalid rate_limited",
	}, func(ctx context.Context, _ chat.Actor, in *struct{ Body registerRequest }) (*registered, error) {
		c, b := callOf(ctx), in.Body
		l, err := d.core.Register(ctx, c.address, core.Registering{
			Username: b.Username, Password: b.Password, DisplayName: b.DisplayName, Invite: b.Invite, Device: c.device,
		})
		return d.registered(ctx, l, err)
	})
	handle(d, "POST /auth/setup", endpoint{
		id: "set-up", tag: tag, access: anyone, status: 201, summary: "Make the first owner",
		description: "Works once, with the token of the link that the server prints until it has an owner.",
		codes:       "setup_done setup_token_invalid username_invalid username_taken password_invalid display_name_invalid rate_limited",
	}, func(ctx context.Context, _ chat.Actor, in *struct{ Body setupRequest }) (*registered, error) {
		c, b := callOf(ctx), in.Body
		l, err := d.core.SetUp(ctx, c.address, b.Token, core.Registering{
			Username: b.Username, Password: b.Password, DisplayName: b.DisplayName, Device: c.device,
		})
		return d.registered(ctx, l, err)
	})
	handle(d, "POST /auth/login", endpoint{
		id: "log-in", tag: tag, access: anyone, summary: "Log in",
		description: "Sets the login cookie for pages of this server. An unknown name and a wrong password cannot be told apart.",
		codes:       "login_failed totp_required totp_wrong account_disabled banned timed_out rate_limited",
	}, func(ctx context.Context, _ chat.Actor, in *struct{ Body loginRequest }) (*loginReply, error) {
		c := callOf(ctx)
		if err := needed("username", in.Body.Username); err != nil {
			return nil, err
		}
		if err := needed("password", in.Body.Password); err != nil {
			return nil, err
		}
		l, err := d.core.LogInWithCode(ctx, c.address, in.Body.Username, in.Body.Password, in.Body.TOTP, c.device)
		return d.login(ctx, l, err)
	})
	handle(d, "GET /auth/totp", endpoint{id: "get-totp", tag: tag, summary: "See whether the own account has a second factor"},
		func(ctx context.Context, by chat.Actor, _ *noInput) (*reply[TOTPStatus], error) {
			s, err := d.core.TOTP(ctx, by)
			return ok(TOTPStatus(s)), err
		})
	handle(d, "POST /auth/totp", endpoint{
		id: "enrol-totp", tag: tag, summary: "Begin to set up a second factor", description: "It holds once POST /auth/totp/confirm is given a code.",
		codes: "password_wrong totp_enabled rate_limited",
	}, func(ctx context.Context, by chat.Actor, in *struct{ Body ownPasswordRequest }) (*reply[TOTPEnrolment], error) {
		e, err := d.core.EnrolTOTP(ctx, by, in.Body.Password)
		if err != nil {
			return nil, err
		}
		qr, err := qrCode(e.URI)
		return ok(TOTPEnrolment{Secret: e.Secret, URI: e.URI, QRCode: qr, RecoveryCodes: e.RecoveryCodes}), err
	})
	handle(d, "POST /auth/totp/confirm", endpoint{
		id: "confirm-totp", tag: tag, status: 204, summary: "Switch the second factor on", codes: "totp_wrong/400 totp_enabled totp_not_enabled rate_limited",
	}, func(ctx context.Context, by chat.Actor, in *struct{ Body totpConfirmRequest }) (*nothing, error) {
		return nil, d.core.ConfirmTOTP(ctx, by, in.Body.Code)
	})
	handle(d, "DELETE /auth/totp", endpoint{
		id: "disable-totp", tag: tag, status: 204, summary: "Switch the second factor off", codes: "password_wrong rate_limited",
	}, func(ctx context.Context, by chat.Actor, in *struct{ Body ownPasswordRequest }) (*nothing, error) {
		return nil, d.core.DisableTOTP(ctx, by, in.Body.Password)
	})
	handle(d, "POST /auth/logout", endpoint{id: "log-out", tag: tag, status: 204, summary: "End this login"},
		func(ctx context.Context, by chat.Actor, _ *noInput) (*logoutReply, error) {
			if err := d.core.LogOut(ctx, by); err != nil {
				return nil, err
			}
			return &logoutReply{SetCookie: cookie(callOf(ctx), "", time.Time{})}, nil
		})
	handle(d, "GET /auth/me", endpoint{id: "me", tag: tag, summary: "Read the own account"},
		func(ctx context.Context, by chat.Actor, _ *noInput) (*reply[Self], error) {
			u, err := d.core.Me(ctx, by)
			if err != nil {
				return nil, err
			}
			me, err := d.self(ctx, u)
			return ok(me), err
		})
	handle(d, "GET /auth/sessions", endpoint{id: "list-sessions", tag: tag, summary: "List the own logins, newest use first"},
		func(ctx context.Context, by chat.Actor, _ *noInput) (*reply[sessionList], error) {
			list, err := d.core.Sessions(ctx, by)
			return ok(sessionList{convert(list, func(s chat.Session) Session { return d.session(s, by) })}), err
		})
	handle(d, "DELETE /auth/sessions/{id}", endpoint{id: "revoke-session", tag: tag, summary: "End another login", codes: "session_not_found"},
		func(ctx context.Context, by chat.Actor, in *struct {
			ID string `path:"id"`
		}) (*nothing, error) {
			return nil, d.core.RevokeSession(ctx, by, chat.SessionID(in.ID))
		})
	handle(d, "POST /auth/password", endpoint{
		id: "change-password", tag: tag, status: 204, summary: "Change the own password",
		description: "Ends the caller's other logins.", codes: "login_failed/403 password_invalid rate_limited",
	}, func(ctx context.Context, by chat.Actor, in *struct{ Body passwordRequest }) (*nothing, error) {
		err := d.core.ChangePassword(ctx, by, in.Body.Current, in.Body.New)
		if chat.CodeOf(err) == "password_invalid" {
			return nil, chat.InvalidField("new_password", "password_invalid", "%s", chat.AsError(err).Text)
		}
		return nil, err
	})
	handle(d, "DELETE /users/me", endpoint{
		id: "delete-self", tag: tag, status: 204, summary: "Delete the own account",
		description: "Messages stay, without a name. Rooms the caller owns pass to their longest-serving admin or member, or are archived.",
		codes:       "password_wrong last_owner rate_limited",
	}, func(ctx context.Context, by chat.Actor, in *struct{ Body ownPasswordRequest }) (*logoutReply, error) {
		c := callOf(ctx)
		if err := d.core.CheckOwnPassword(ctx, by, in.Body.Password); err != nil {
			return nil, err
		}
		if err := d.core.DeleteUser(ctx, by, by.UserID); err != nil {
			return nil, err
		}
		return &logoutReply{SetCookie: cookie(c, "", time.Time{})}, nil
	})
}

// login answers with a fresh login.
func (d *Dialect) login(ctx context.Context, l core.Login, err error) (*loginReply, error) {
	if err != nil {
		return nil, err
	}
	me, err := d.self(ctx, l.User)
	if err != nil {
		return nil, err
	}
	return &loginReply{
		SetCookie: loginCookie(callOf(ctx), l.Token, l.ExpiresAt),
		Body:      loginAnswer{Token: l.Token, ExpiresAt: stamp(l.ExpiresAt), User: me, RoomID: roomIDOrNil(l.Room)},
	}, nil
}

func (d *Dialect) registered(ctx context.Context, l core.Login, err error) (*registered, error) {
	in, err := d.login(ctx, l, err)
	if err != nil {
		return nil, err
	}
	return &registered{SetCookie: in.SetCookie, Location: prefix + "/users/" + string(l.User.ID), Body: in.Body}, nil
}
