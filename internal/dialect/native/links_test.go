package native_test

import (
	"testing"

	"parley/internal/chat"
	"parley/internal/core"
)

// elsewhere makes an account for which an identity provider vouches.
func (s *server) elsewhere(name string) chat.Actor {
	s.Helper()
	in, err := s.core.LogInExternal(s.Context(), core.Arrival{Address: "192.0.2.9", Device: "OriginChats"}, core.External{Provider: chat.ProviderRotur, Subject: "id of " + name, Name: name})
	if err != nil {
		s.Fatal(err)
	}
	return chat.Actor{UserID: in.User.ID, Address: "192.0.2.9"}
}

func TestLinkingAccounts(t *testing.T) {
	s := newServer(t)
	ada, eve := s.user("ada"), s.elsewhere("ada_l")
	ada.get("/auth/identities").want(200, "").is("identities.0.provider", "password").is("identities.0.name", "ada").is("identities.0.removable", false)

	ada.post("/auth/link-codes", object{}).want(400, "password_wrong")
	shown := ada.post("/auth/link-codes", object{"password": password}).want(200, "")
	plan, err := s.core.LinkAccounts(t.Context(), eve, shown.text("code"), false)
	if err != nil || plan.Kept.Username != "ada" {
		t.Errorf("%+v, %v", plan, err)
	}
	code, err := s.core.MakeLinkCode(t.Context(), eve)
	if err != nil {
		t.Fatal(err)
	}
	give := func(o object) *answer { return ada.post("/auth/link", o) }
	give(object{"password": password}).want(400, "field_invalid")
	give(object{"code": code.Code, "password": "wrong"}).want(400, "password_wrong")
	give(object{"code": "22222222", "password": password}).want(400, "link_code_invalid")
	give(object{"code": shown.text("code"), "password": password}).want(400, "link_same_account")
	give(object{"code": code.Code, "password": password}).want(200, "").is("done", false).is("kept.username", "ada").is("gone.username", "ada_l").
		is("deletes", true).is("moved.0.provider", "rotur").is("moved.0.name", "ada_l")
	give(object{"code": code.Code, "password": password, "confirm": true}).want(200, "").is("done", true)
	give(object{"code": code.Code, "password": password, "confirm": true}).want(400, "link_code_invalid")

	list := ada.get("/auth/identities").want(200, "").is("identities.1.name", "ada_l").is("identities.1.removable", true)
	remove := func(id, password string) *answer {
		return ada.do("DELETE", "/auth/identities/"+id, object{"password": password})
	}
	remove(list.text("identities.1.id"), "wrong").want(400, "password_wrong")
	remove("nothing", password).want(404, "login_way_not_found")
	remove(list.text("identities.0.id"), password).want(409, "login_way_needed")
	remove(list.text("identities.1.id"), password).want(204, "")
	if n := ada.get("/auth/identities").want(200, "").count("identities"); n != 1 {
		t.Errorf("%d ways are left", n)
	}
}

func TestAccountsThatCannotBeLinked(t *testing.T) {
	s := newServer(t)
	ada, olga := s.user("ada"), s.user("olga")
	code := ada.post("/auth/link-codes", object{"password": password}).text("code")
	olga.post("/auth/link", object{"code": code, "password": password, "confirm": true}).want(409, "link_passwords")
}
