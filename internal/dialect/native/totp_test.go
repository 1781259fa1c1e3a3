package native_test

import (
	"bytes"
	"encoding/base64"
	"image/png"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
)

func TestSecondFactor(t *testing.T) {
	s := newServer(t)
	ada, root := s.user("ada"), s.owner("root")
	code := func(secret string) string {
		c, err := totp.GenerateCode(secret, s.clock())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	login := func(with string) *answer {
		return s.anyone().post("/auth/login", object{"username": "ada", "password": password, "totp": with})
	}
	ada.get("/auth/totp").want(200, "").is("enabled", false).is("recovery_codes", 0)
	ada.post("/auth/totp/confirm", object{"code": "000000"}).want(409, "totp_not_enabled")
	ada.post("/auth/totp", object{"password": "wrong"}).want(400, "password_wrong")
	e := ada.post("/auth/totp", object{"password": password}).want(200, "")
	secret := e.text("secret")
	if raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(e.text("qr_code"), "data:image/png;base64,")); err != nil {
		t.Error(err)
	} else if p, err := png.DecodeConfig(bytes.NewReader(raw)); err != nil || p.Width != 256 || p.Height != 256 {
		t.Errorf("the QR code is %d×%d, %v", p.Width, p.Height, err)
	}
	if e.count("recovery_codes") != 10 {
		t.Errorf("%s", e.body)
	}
	ada.post("/auth/totp/confirm", object{"code": "00000"}).want(400, "totp_wrong")
	ada.post("/auth/totp/confirm", object{"code": code(secret)}).want(204, "")
	ada.post("/auth/totp", object{"password": password}).want(409, "totp_enabled")
	ada.get("/auth/totp").want(200, "").is("enabled", true).is("recovery_codes", 10)
	login("").want(401, "totp_required")
	login(code(secret)).want(401, "totp_wrong") // it was used
	s.wait(time.Minute)
	login(code(secret)).want(200, "").is("user.username", "ada")
	login(e.text("recovery_codes.0")).want(200, "")
	ada.do("DELETE", "/auth/totp", object{"password": "wrong"}).want(400, "password_wrong")
	ada.delete("/admin/users/"+ada.id+"/totp").want(403, "permission_missing")
	root.delete("/admin/users/"+ada.id+"/totp").want(204, "")
	login("").want(200, "")
	ada.do("DELETE", "/auth/totp", object{"password": password}).want(204, "")
}
