package origin_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	"parley/internal/chat"
	"parley/internal/core"
)

// twoPlugins stands for the process that runs plugins.
type twoPlugins struct{ core.Plugins }

func (twoPlugins) List() []chat.Plugin {
	return []chat.Plugin{{ID: "automod", Name: "Automod", Description: "Keeps order.", Handles: []string{"new_message"}}, {ID: "quiet", Name: "Quiet"}}
}

func (twoPlugins) Refresh(_ context.Context, name string) error {
	if slices.Contains([]string{"*", "automod", "quiet"}, name) {
		return nil
	}
	return chat.Errorf(chat.NotFound, "plugin_not_found", "There is no such plugin.")
}

func (twoPlugins) Changed(string) {}

func (twoPlugins) CommandCalled(string, chat.RoomID, chat.UserID, json.RawMessage) {}

func TestA29Plugins(t *testing.T) {
	w := newWorld(t)
	w.core.ServePlugins(twoPlugins{})
	w.play("plugins", nil)
}

func TestPluginsAreOff(t *testing.T) {
	w := newWorld(t)
	alice := w.enter("alice")
	for _, cmd := range []string{"plugins_list", "plugins_reload"} {
		alice.send(map[string]any{"cmd": cmd})
		if e := alice.expect("error"); e["val"] != "Plugin manager not available" {
			t.Errorf("%s: %v", cmd, e)
		}
	}
}
