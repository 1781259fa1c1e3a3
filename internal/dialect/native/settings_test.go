package native_test

import (
	"strings"
	"testing"

	"parley/internal/core"
)

func TestSettings(t *testing.T) {
	s := newServer(t, func(set *setting) { set.core.Fixed = map[string]string{core.SettingDescription: "environment"} })
	root, ada := s.owner("root"), s.user("ada")
	room := ada.room("Hall", "public")
	ada.get("/admin/settings").want(403, "permission_missing")
	ada.patch("/admin/settings", object{"name": "Hers"}).want(403, "permission_missing")
	root.get("/admin/settings").want(200, "").is("name", "Test").is("default_rooms", nil).is("icon_url", nil).is("registration", "open").
		is("attachment_bytes", 10<<20).is("attachment_bytes_max", 10<<20).is("origins.name", "default").is("origins.description", "environment").is("read_only", []string{"description"})
	r := root.patch("/admin/settings", object{"name": "Engines", "welcome": "Mind the gap.", "default_rooms": []string{room}, "attachment_bytes": 4096, "registration_by_room_invite": false})
	r.want(200, "").is("name", "Engines").is("default_rooms", []string{room}).is("origins.name", "stored").is("origins.registration", "default")
	s.anyone().get("/server").want(200, "").is("name", "Engines").is("welcome", "Mind the gap.").is("limits.attachment_bytes", 4096).is("registration_by_room_invite", false)
	root.patch("/admin/settings", object{"description": "x"}).want(403, "setting_fixed")
	root.patch("/admin/settings", object{"default_rooms": []string{"x"}}).want(400, "default_rooms_invalid")
	root.patch("/admin/settings", object{"registration": "x"}).want(400, "registration_invalid")
	root.patch("/admin/settings", object{"attachment_bytes": 1 << 40}).want(400, "attachment_bytes_invalid")
	root.patch("/admin/settings", object{"attachment_types": []string{"exe"}}).want(400, "attachment_types_invalid")
	types := root.patch("/admin/settings", object{"attachment_types": []string{"png", "audio/mpeg"}}).want(200, "")
	types.is("attachment_types", []string{"png", "mp3"}).is("origins.attachment_types", "stored").is("attachment_types_known.8", "mp4")
	s.anyone().get("/server").want(200, "").is("limits.attachment_types", []string{"png", "mp3"})
	root.patch("/admin/settings", object{"name": ""}).want(400, "server_name_invalid")

	kind, body := form(t, file{"icon.png", "image/png", picture(t, 30, 30)})
	ada.with("Content-Type", kind).put("/admin/settings/icon", body).want(403, "permission_missing")
	icon := root.with("Content-Type", kind).put("/admin/settings/icon", body).want(200, "").text("icon_url")
	s.anyone().get(strings.TrimPrefix(icon, "/api")).want(200, "")
	s.anyone().get("/server").want(200, "").is("icon_url", icon)
	ada.delete("/admin/settings/icon").want(403, "permission_missing")
	root.delete("/admin/settings/icon").want(204, "")
	s.gone(strings.TrimPrefix(icon, "/api"))
}
