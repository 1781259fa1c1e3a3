package core_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

func TestWhatPluginsKeep(t *testing.T) {
	w := newWorld(t)
	put := func(key, value string) error { return w.PutPluginValue(w.ctx, "a", key, json.RawMessage(value)) }
	if v, err := w.PluginValue(w.ctx, "a", "k"); v != nil || err != nil {
		t.Errorf("nothing yet: %s, %v", v, err)
	}
	w.must(put("list:b", `1`))
	w.must(put("list:a", `2`))
	w.must(put("other", `3`))
	if keys, err := w.PluginKeys(w.ctx, "a", "list:"); err != nil || !slices.Equal(keys, []string{"list:a", "list:b"}) {
		t.Errorf("keys %q, %v", keys, err)
	}
	big := `"` + strings.Repeat("x", core.MaxPluginValue-2) + `"`
	w.must(put("big", big))
	w.want(put("big", big+" "), "value_too_large")
	for i := 0; ; i++ {
		if err := put(fmt.Sprint("more", i), big); err != nil {
			w.want(err, "store_full")
			if i != 14 { // with the one above 15 of 64 KiB, and what is smaller
				t.Errorf("full after %d", i)
			}
			break
		}
	}
	w.must(w.DeletePluginValue(w.ctx, "a", "big"))
	w.must(put("more14", `1`))
	w.must(w.PutPluginValue(w.ctx, "b", "k", json.RawMessage(`1`))) // has its own
}

func TestMutesByPlugins(t *testing.T) {
	w := newWorld(t)
	ada, mod := w.user("ada"), w.user("mod", chat.RoleModerator)
	live := func() chat.Sanction {
		t.Helper()
		list, _, err := w.Sanctions(w.ctx, chat.Operator, chat.SanctionFilter{UserID: ada.UserID, Kind: chat.Mute, LiveAt: w.clock()}, chat.Page{Limit: 10})
		w.must(err)
		if len(list) != 1 {
			t.Fatalf("%d mutes: %+v", len(list), list)
		}
		return list[0]
	}
	w.want(w.MuteByPlugin(w.ctx, "a", mod.UserID, time.Minute, "no"), "target_above")
	w.want(w.MuteByPlugin(w.ctx, "a", "nobody", time.Minute, "no"), "user_not_found")
	w.must(w.MuteByPlugin(w.ctx, "a", ada.UserID, time.Minute, "first"))
	w.must(w.MuteByPlugin(w.ctx, "a", ada.UserID, time.Hour, "longer"))
	w.must(w.MuteByPlugin(w.ctx, "a", ada.UserID, time.Minute, "shorter"))
	if m := live(); m.Reason != "longer" || m.Until.Sub(m.CreatedAt) != time.Hour {
		t.Errorf("mute %+v", m)
	}
	w.must(w.UnmuteByPlugin(w.ctx, "a", ada.UserID))
	_, err := w.Sanction(w.ctx, mod, core.Measure{Kind: chat.Mute, UserID: ada.UserID, Reason: "by a person", Until: w.clock().Add(time.Minute)})
	w.must(err)
	w.want(w.UnmuteByPlugin(w.ctx, "a", ada.UserID), "target_above")
	if m := live(); m.Reason != "by a person" {
		t.Errorf("mute %+v", m)
	}
}

func TestReactionsOfPlugins(t *testing.T) {
	w := newWorld(t)
	ada := w.user("ada")
	w.user("Auto_Mod")
	m := w.say(ada, w.room("Engines", chat.Public, ada), "hello")
	react := func(emoji string, give bool) error {
		return w.ReactByPlugin(w.ctx, "a", "Auto Mod", m.ID, emoji, give)
	}
	w.must(react("👍", true))
	w.must(react("👍", true))
	w.must(react("🎉", true))
	w.must(react("🎉", false))
	w.want(react("no emoji", true), "emoji_invalid")
	w.want(react(":none:", true), "emoji_unknown")
	views, err := w.Reactions(w.ctx, ada, m.ID)
	w.must(err)
	if len(views) != 1 || views[0].Count != 1 || views[0].Users[0].Username != "Auto_Mod_2" || views[0].Users[0].Kind != chat.Bot {
		t.Errorf("got %+v", views)
	}
	w.want(w.logIn("Auto_Mod_2", ""), "login_failed")
	if _, err := w.DeleteMessage(w.ctx, ada, m.ID); err != nil {
		t.Fatal(err)
	}
	w.want(react("👍", true), "message_deleted")
}

// fakePlugins notes what it is told.
type fakePlugins struct{ changed, refreshed []string }

func (f *fakePlugins) List() []chat.Plugin                { return nil }
func (f *fakePlugins) Status(string) (chat.Plugin, error) { return chat.Plugin{}, nil }
func (f *fakePlugins) Refresh(_ context.Context, n string) error {
	f.refreshed = append(f.refreshed, n)
	return nil
}
func (f *fakePlugins) Configure(context.Context, chat.Actor, string, map[string]json.RawMessage) (chat.Plugin, error) {
	return chat.Plugin{}, nil
}
func (f *fakePlugins) Changed(n string)                                                { f.changed = append(f.changed, n) }
func (f *fakePlugins) CommandCalled(string, chat.RoomID, chat.UserID, json.RawMessage) {}

func TestPluginsOfSeveralNodes(t *testing.T) {
	w := newWorld(t)
	_, err := w.Plugins(w.ctx, chat.Operator)
	w.want(err, "plugins_off")
	f := &fakePlugins{}
	w.ServePlugins(f)
	w.must(w.ReloadPlugin(w.ctx, chat.Operator, "a"))
	w.must(w.StorePluginSettings(w.ctx, chat.Operator, "a", json.RawMessage(`{"n":1}`), []string{"n"}))
	if !slices.Equal(f.refreshed, []string{"a"}) || len(f.changed) > 0 {
		t.Errorf("by this node: %+v", f)
	}
	w.must(w.Remote(w.ctx, []chat.Event{chat.PluginsChanged{Name: "b", Node: "another"}}))
	w.DropCaches()
	if !slices.Equal(f.changed, []string{"b", ""}) {
		t.Errorf("by another node: %+v", f)
	}
	if all, err := w.PluginSettings(w.ctx); err != nil || string(all["a"]) != `{"n":1}` {
		t.Errorf("stored %s, %v", all, err)
	}
}
