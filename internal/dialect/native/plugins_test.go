package native_test

import (
	"testing"
	"testing/fstest"

	"parley/internal/plugin"
	"parley/internal/plugin/corehost"
)

func TestPlugins(t *testing.T) {
	s := newServer(t)
	root, ada := s.owner("root"), s.user("ada")
	root.get("/admin/plugins").want(503, "plugins_off")
	dir := fstest.MapFS{
		"a/plugin.json": &fstest.MapFile{Data: []byte(`{"name":"A","version":"1.2","description":"Does something.","events":["user_join"],"permissions":["people.read"],"config":{"word":"x","n":1}}`)},
		"a/main.js":     &fstest.MapFile{Data: []byte(`1`)},
		"a/config.json": &fstest.MapFile{Data: []byte(`{"enabled":false,"n":5}`)},
		"b/plugin.json": &fstest.MapFile{Data: []byte(`{`)},
	}
	plugins := plugin.New(plugin.Options{Host: corehost.Host{Core: s.core}, Dir: dir, Clock: s.clock})
	s.core.ServePlugins(plugins)
	if err := plugins.Refresh(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/admin/plugins/reload", "/admin/plugins/a/reload", "/admin/plugins/a/enable", "/admin/plugins/a/disable"} {
		ada.post(path, nil).want(403, "permission_missing")
	}
	ada.get("/admin/plugins").want(403, "permission_missing")
	ada.patch("/admin/plugins/a/settings", object{"settings": object{"word": "y"}}).want(403, "permission_missing")

	r := root.get("/admin/plugins").want(200, "")
	r.is("plugins.0.id", "a").is("plugins.0.name", "A").is("plugins.0.state", "off").is("plugins.0.settings.n", 5).is("plugins.0.defaults.n", 1)
	r.is("plugins.0.read_only", []string{"enabled", "n"}).is("plugins.0.events", []string{"user_join"}).is("plugins.0.last_fault", nil)
	r.is("plugins.1.id", "b").is("plugins.1.state", "faulty").is("plugins.1.last_fault.kind", "load").is("plugins.1.last_fault.at", "2026-03-01T12:00:00.000Z")

	root.patch("/admin/plugins/a/settings", object{"settings": object{"word": "y"}}).want(200, "").is("settings.word", "y")
	root.patch("/admin/plugins/a/settings", object{"settings": object{"word": "z", "n": 5}}).want(200, "").is("settings.word", "z") // what is as it was may be sent along
	root.patch("/admin/plugins/a/settings", object{"settings": object{"word": nil}}).want(200, "").is("settings.word", "x")
	root.patch("/admin/plugins/a/settings", object{"settings": object{"n": 6}}).want(403, "setting_fixed")
	root.patch("/admin/plugins/a/settings", object{"settings": object{"word": 6}}).want(400, "setting_invalid")
	root.patch("/admin/plugins/a/settings", object{"settings": object{"words": "x"}}).want(400, "setting_unknown")
	root.patch("/admin/plugins/a/settings", object{"settings": []string{}}).want(400, "settings_invalid")
	root.patch("/admin/plugins/c/settings", object{"settings": object{}}).want(404, "plugin_not_found")
	root.post("/admin/plugins/a/enable", nil).want(403, "setting_fixed")

	dir["a/config.json"] = &fstest.MapFile{Data: []byte(`{"enabled":false,"n":7}`)}
	root.post("/admin/plugins/a/reload", nil).want(200, "").is("settings.n", 7)
	delete(dir, "a/config.json")
	root.post("/admin/plugins/reload", nil).want(200, "").is("plugins.0.settings.n", 1)
	root.post("/admin/plugins/a/enable", nil).want(200, "").is("enabled", true)
	root.post("/admin/plugins/a/disable", nil).want(200, "").is("enabled", false)
	root.post("/admin/plugins/c/reload", nil).want(404, "plugin_not_found")
}
