package native_test

import (
	"strings"
	"testing"
)

func TestProfiles(t *testing.T) {
	s := newServer(t)
	ada, bob := s.user("ada"), s.user("bob")
	r := ada.patch("/users/me", object{
		"display_name": "Ada Lovelace", "bio": "Counts\nthings.", "email": "ada@example.org", "status": "busy", "status_message": "In the engine room",
		"settings": object{"theme": "dark"},
	}).want(200, "")
	r.is("display_name", "Ada Lovelace").is("bio", "Counts\nthings.").is("email", "ada@example.org").is("status", "busy").
		is("status_message", "In the engine room").is("settings", object{"theme": "dark"})
	ada.patch("/users/me", object{"bio": ""}).want(200, "").is("bio", "").is("display_name", "Ada Lovelace")

	seen := bob.get("/users/"+ada.id).want(200, "")
	seen.is("display_name", "Ada Lovelace").is("status", "offline").is("status_message", "In the engine room")
	if strings.Contains(string(seen.body), "example.org") || strings.Contains(string(seen.body), "theme") {
		t.Errorf("others see what is private: %s", seen.body)
	}
	bob.get("/users/me").want(200, "").is("username", "bob")
	bob.get("/users/01900000-0000-7000-8000-000000000000").want(404, "user_not_found")
	bob.get("/users/nonsense").want(404, "user_not_found")

	for name, tc := range map[string]struct {
		body object
		code string
	}{
		"a name that turns the text around": {object{"display_name": "x\u202ey"}, "display_name_invalid"},
		"an empty name":                     {object{"display_name": ""}, "display_name_invalid"},
		"a long text about oneself":         {object{"bio": strings.Repeat("x", 501)}, "bio_too_long"},
		"an unknown status":                 {object{"status": "sleeping"}, "status_invalid"},
		"a long status message":             {object{"status_message": strings.Repeat("x", 101)}, "status_message_too_long"},
		"a mail address that is none":       {object{"email": "not an address"}, "email_invalid"},
		"settings of more than 16 KiB":      {object{"settings": strings.Repeat("x", 17<<10)}, "settings_invalid"},
		"a picture by script":               {object{"avatar_url": "javascript:alert(1)"}, "avatar_url_invalid"},
	} {
		t.Run(name, func(t *testing.T) { ada.in(t).patch("/users/me", tc.body).want(400, tc.code) })
	}
	ada.patch("/users/me", object{"status_message": strings.Repeat("é", 100)}).want(200, "")

	same(t, "found by username", bob.get("/users/search?q=AD").want(200, "").texts("users", "username"), []string{"ada"})
	same(t, "found by the word of a name", bob.get("/users/search?q=love").want(200, "").texts("users", "username"), []string{"ada"})
	same(t, "not found by the middle", bob.get("/users/search?q=ove").want(200, "").texts("users", "username"), []string{})
	bob.get("/users/search").want(400, "query_invalid")
	bob.get("/users/search?q="+strings.Repeat("x", 51)).want(400, "query_invalid")
	bob.get("/users/search?q=a&limit=101").want(400, "limit_invalid")
	bob.get("/users/search?q=a&limit=many").want(400, "parameter_invalid").is("errors.0.field", "limit")
	bob.get("/users/search?q=a&limit=99999999999999999999").want(400, "parameter_invalid")
	bob.get("/users/search?q=%25").want(200, "").is("users", []string{})
}

func TestBlocking(t *testing.T) {
	s := newServer(t)
	ada, bob := s.user("ada"), s.user("bob")
	direct := bob.post("/rooms/direct", object{"user_id": ada.id}).want(201, "").text("id")
	bob.say(direct, "hello")

	ada.put("/users/"+bob.id+"/block", nil).want(204, "")
	ada.put("/users/"+bob.id+"/block", nil).want(204, "")
	ada.put("/users/"+ada.id+"/block", nil).want(400, "target_is_self")
	ada.put("/users/nonsense/block", nil).want(404, "user_not_found")
	same(t, "blocked", ada.get("/users/me/blocks").want(200, "").texts("users", "username"), []string{"bob"})
	bob.post("/rooms/"+direct+"/messages", object{"content": "still there?"}).want(403, "blocked")
	cleo := s.user("cleo")
	cleo.put("/users/"+bob.id+"/block", nil).want(204, "")
	bob.post("/rooms/direct", object{"user_id": cleo.id}).want(403, "blocked")
	room := bob.room("Den", "private")
	bob.post("/rooms/"+room+"/members", object{"user_id": ada.id}).want(403, "blocked")

	ada.delete("/users/"+bob.id+"/block").want(204, "")
	ada.delete("/users/"+bob.id+"/block").want(204, "")
	bob.say(direct, "hello again")
	ada.get("/users/me/blocks").want(200, "").is("users", []string{})
}
