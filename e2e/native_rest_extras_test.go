package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
)

// pictures plays the pictures of rooms, people and previews.
func pictures(t *testing.T, a *api) {
	p := a.people(t, 2)
	owner, two := p[0], p[1]
	id := owner.room("public")
	two.join(id)
	me := file{"me.png", "image/png", picture(t, "png", 300, 200)}
	two.formFile("PUT", "/rooms/"+id+"/avatar", me).fails(403, "manage_room_forbidden")
	url := owner.formFile("PUT", "/rooms/"+id+"/avatar", me).want(200).str("avatar_url")
	name := url[strings.LastIndexByte(url, '/')+1:]
	a.client(t, person{}).get("/avatars/" + name).want(200)
	a.client(t, person{}).get("/previews/" + name).want(200) // pictures are told apart by their names alone
	two.do("DELETE", "/rooms/"+id+"/avatar", nil).fails(403, "manage_room_forbidden")
	owner.do("DELETE", "/rooms/"+id+"/avatar", nil).want(204)
	owner.get("/rooms/" + id).is(obj{"avatar_url": nil})
	two.formFile("PUT", "/users/me/avatar", me).want(200)
	two.do("DELETE", "/users/me/avatar", nil).want(204)
	two.get("/auth/me").is(obj{"avatar_url": nil})
}

// customEmoji plays the server's own emoji, and who reacted with them.
func customEmoji(t *testing.T, a *api) {
	admin, one := a.client(t, a.owner), a.client(t, a.someone(t))
	add := func(c *client, name string, content []byte) *answer {
		body := fmt.Appendf(nil, "--b\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\n%s\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"e.gif\"\r\n\r\n%s\r\n--b--\r\n", name, content)
		return c.request("POST", "/emoji", body).with("Content-Type", "multipart/form-data; boundary=b").send()
	}
	add(one, "wave", picture(t, "gif", 20, 20)).fails(403, "permission_missing")
	made := add(admin, "wave", picture(t, "gif", 20, 20)).want(201).is(obj{"name": "wave", "width": 20})
	add(admin, "Wave", picture(t, "gif", 20, 20)).fails(409, "emoji_name_taken")
	id := made.str("id")
	a.client(t, person{}).get(strings.TrimPrefix(made.str("url"), "/api")).want(200)
	if url := admin.formFile("PUT", "/emoji/"+id+"/picture", file{"e.png", "image/png", picture(t, "png", 30, 30)}).want(200).str("url"); url == made.str("url") {
		t.Error("a new picture has the old address")
	}
	m := one.say(one.room("public"), "react").str("id")
	one.do("POST", "/messages/"+m+"/reactions", obj{"emoji": ":nobody:"}).fails(400, "emoji_unknown")
	one.do("POST", "/messages/"+m+"/reactions", obj{"emoji": ":WAVE:"}).want(201)
	one.get("/messages/" + m + "/reactions").want(200).is(obj{"reactions.0.emoji": ":wave:", "reactions.0.count": 1, "reactions.0.users.0.id": one.ID})
	admin.do("PATCH", "/emoji/"+id, obj{"name": "hello"}).want(200).is(obj{"name": "hello"})
	admin.do("DELETE", "/emoji/"+id, nil).want(204)
	one.get("/emoji").want(200).is(obj{"emoji": []any{}})
	one.get("/messages/" + m).is(obj{"reactions.0.emoji": ":wave:"})
}

// serverSettings plays what administrators change.
func serverSettings(t *testing.T, a *api) {
	admin, one := a.client(t, a.owner), a.client(t, a.someone(t))
	one.get("/admin/settings").fails(403, "permission_missing")
	before := admin.get("/admin/settings").want(200).is(obj{"origins.name": "default", "default_rooms": nil})
	admin.do("PATCH", "/admin/settings", obj{"name": "Another name", "welcome": "Mind the gap."}).want(200).is(obj{"origins.name": "stored"})
	one.get("/server").is(obj{"name": "Another name", "welcome": "Mind the gap."})
	admin.do("PATCH", "/admin/settings", obj{"name": before.str("name"), "welcome": ""}).want(200)
	admin.formFile("PUT", "/admin/settings/icon", file{"i.png", "image/png", picture(t, "png", 40, 40)}).want(200)
	admin.do("DELETE", "/admin/settings/icon", nil).want(204)
	one.get("/server").is(obj{"icon_url": nil})
}

// secondFactor plays logging in with codes.
func secondFactor(t *testing.T, a *api) {
	const password = "correct horse battery"
	nobody, admin := a.client(t, person{}), a.client(t, a.owner)
	name := a.name("two")
	in := nobody.do("POST", "/auth/register", obj{"username": name, "password": password}).want(201)
	me := a.client(t, person{in.str("user.id"), in.str("token")})
	me.get("/auth/totp").want(200).is(obj{"enabled": false})
	enrol := me.do("POST", "/auth/totp", obj{"password": password}).want(200)
	code, err := totp.GenerateCode(enrol.str("secret"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	me.do("POST", "/auth/totp/confirm", obj{"code": code}).want(204)
	login := func(code string) *answer {
		return nobody.do("POST", "/auth/login", obj{"username": name, "password": password, "totp": code})
	}
	login("").fails(401, "totp_required")
	login(code).fails(401, "totp_wrong") // it was used
	login(enrol.str("recovery_codes.0")).want(200)
	admin.do("DELETE", "/admin/users/"+in.str("user.id")+"/totp", nil).want(204)
	login("").want(200)
	me.do("DELETE", "/auth/totp", obj{"password": password}).want(204)
}
