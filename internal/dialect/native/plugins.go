package native

import (
	"context"
	"encoding/json"

	"github.com/danielgtaylor/huma/v2"

	"parley/internal/chat"
)

type (
	// Plugin is a program of the operator's, as it is on the node that answers.
	Plugin struct {
		ID          string       `json:"id" doc:"Name of its directory." example:"automod"`
		Name        string       `json:"name" example:"Auto moderation"`
		Version     string       `json:"version" example:"1.0.0"`
		Description string       `json:"description" example:"Deletes messages with blocked words."`
		Bundled     bool         `json:"bundled" doc:"Comes with the server." example:"true"`
		Enabled     bool         `json:"enabled" example:"true"`
		State       string       `json:"state" enum:"off,starting,running,faulty" doc:"faulty: it does not load, or was stopped because of its faults; until it is loaded anew." example:"running"`
		Events      []string     `json:"events" doc:"That it hears of." example:"[\"new_message\"]"`
		Permissions []string     `json:"permissions" doc:"What it may do." example:"[\"messages.read\",\"messages.delete\"]"`
		Hosts       []string     `json:"hosts" doc:"That it may reach by HTTPS, if the operator allows them too."`
		Commands    []string     `json:"commands" doc:"Slash commands that it answers now."`
		Settings    opaque       `json:"settings" doc:"An object: the settings as they hold."`
		Defaults    opaque       `json:"defaults" doc:"An object: the settings as they are before anybody changes them."`
		ReadOnly    []string     `json:"read_only" doc:"Settings that the operator has set in a file; they can only be changed there."`
		Runs        int64        `json:"runs" doc:"How often it was given something, since the start." example:"120"`
		Faults      int64        `json:"faults" doc:"What went wrong." example:"0"`
		Dropped     int64        `json:"dropped" doc:"Events that it did not hear of because it was too slow." example:"0"`
		RunMS       int64        `json:"run_ms" doc:"How long its code ran." example:"14"`
		LastRunAt   *string      `json:"last_run_at" format:"date-time" doc:"Null: never." example:"2026-03-01T09:30:00.000Z"`
		LastFault   *PluginFault `json:"last_fault"`
	}
	// PluginFault is something that went wrong in a plugin.
	PluginFault struct {
		Kind  string `json:"kind" enum:"exception,time,memory,crash,load" example:"exception"`
		Where string `json:"where" doc:"What it was handling." example:"event new_message"`
		Text  string `json:"text" example:"TypeError: x is not a function (main.js:3:1)"`
		At    string `json:"at" format:"date-time" example:"2026-03-01T09:30:00.000Z"`
	}
	pluginList struct {
		Plugins []Plugin `json:"plugins"`
	}
	// PluginPath names a plugin.
	PluginPath struct {
		ID string `path:"id" doc:"The plugin's id." example:"automod"`
	}
	pluginSettingsRequest struct {
		Settings opaque `json:"settings" doc:"An object of the settings to change; a null brings a default back. What is not given stays."`
	}
)

// TransformSchema implements huma.SchemaTransformer.
func (*Plugin) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return nullable(s, "last_fault")
}

func (d *Dialect) registerPlugins() {
	const (
		tag    = "Administration"
		needs  = "Needs the rank owner, as plugins act with the server's own rights."
		faults = "permission_missing plugins_off"
		named  = faults + " plugin_not_found"
	)
	handle(d, "GET /admin/plugins", endpoint{id: "admin-list-plugins", tag: tag, summary: "List plugins and how they are", description: needs, codes: faults},
		func(ctx context.Context, by chat.Actor, _ *noInput) (*reply[pluginList], error) {
			list, err := d.core.Plugins(ctx, by)
			return ok(pluginList{convert(list, pluginOf)}), err
		})
	handle(d, "POST /admin/plugins/reload", endpoint{
		id: "admin-reload-plugins", tag: tag, summary: "Load all plugins anew, on every node", description: needs + " Programs and config.json files are read again.", codes: faults,
	}, func(ctx context.Context, by chat.Actor, _ *noInput) (*reply[pluginList], error) {
		if err := d.core.ReloadPlugin(ctx, by, "*"); err != nil {
			return nil, err
		}
		list, err := d.core.Plugins(ctx, by)
		return ok(pluginList{convert(list, pluginOf)}), err
	})
	one := func(route string, e endpoint, act func(ctx context.Context, by chat.Actor, id string) error) {
		e.tag, e.codes = tag, named+e.codes
		handle(d, route, e, func(ctx context.Context, by chat.Actor, in *PluginPath) (*reply[Plugin], error) {
			if err := act(ctx, by, in.ID); err != nil {
				return nil, err
			}
			return d.plugin(ctx, by, in.ID)
		})
	}
	one("POST /admin/plugins/{id}/reload", endpoint{id: "admin-reload-plugin", summary: "Load a plugin anew, on every node", description: needs},
		func(ctx context.Context, by chat.Actor, id string) error {
			if id == "*" {
				return errPlugin
			}
			return d.core.ReloadPlugin(ctx, by, id)
		})
	toggle := func(value string) func(ctx context.Context, by chat.Actor, id string) error {
		return func(ctx context.Context, by chat.Actor, id string) error {
			_, err := d.core.ConfigurePlugin(ctx, by, id, map[string]json.RawMessage{"enabled": json.RawMessage(value)})
			return err
		}
	}
	one("POST /admin/plugins/{id}/enable", endpoint{id: "admin-enable-plugin", summary: "Switch a plugin on", description: needs, codes: " setting_fixed"}, toggle("true"))
	one("POST /admin/plugins/{id}/disable", endpoint{id: "admin-disable-plugin", summary: "Switch a plugin off", description: needs, codes: " setting_fixed"}, toggle("false"))
	handle(d, "PATCH /admin/plugins/{id}/settings", endpoint{
		id: "admin-configure-plugin", tag: tag, summary: "Change settings of a plugin", description: needs + " They hold at once, on every node.",
		codes: named + " setting_unknown setting_invalid setting_fixed plugin_settings_too_large settings_invalid",
	}, func(ctx context.Context, by chat.Actor, in *struct {
		PluginPath
		Body pluginSettingsRequest
	}) (*reply[Plugin], error) {
		var values map[string]json.RawMessage
		if err := json.Unmarshal(in.Body.Settings, &values); err != nil || values == nil {
			return nil, chat.InvalidField("settings", "settings_invalid", "settings is an object.")
		}
		p, err := d.core.ConfigurePlugin(ctx, by, in.ID, values)
		return ok(pluginOf(p)), err
	})
}

var errPlugin = chat.Errorf(chat.NotFound, "plugin_not_found", "There is no such plugin.")

func (d *Dialect) plugin(ctx context.Context, by chat.Actor, id string) (*reply[Plugin], error) {
	list, err := d.core.Plugins(ctx, by)
	if err != nil {
		return nil, err
	}
	for _, p := range list {
		if p.ID == id {
			return ok(pluginOf(p)), nil
		}
	}
	return nil, errPlugin
}

func pluginOf(p chat.Plugin) Plugin {
	settings := func(s map[string]json.RawMessage) opaque {
		b, err := json.Marshal(s)
		if err != nil || s == nil {
			return opaque("{}")
		}
		return b
	}
	texts := func(list []string) []string { return append([]string{}, list...) }
	out := Plugin{
		ID: p.ID, Name: p.Name, Version: p.Version, Description: p.Description, Bundled: p.Bundled, Enabled: p.Enabled, State: string(p.State),
		Events: texts(p.Handles), Permissions: texts(p.Permissions), Hosts: texts(p.Hosts), Commands: texts(p.Commands),
		Settings: settings(p.Settings), Defaults: settings(p.Defaults), ReadOnly: texts(p.Fixed),
		Runs: int64(p.Runs), Faults: int64(p.Faults), Dropped: int64(p.Dropped), RunMS: p.Took.Milliseconds(), LastRunAt: timeOrNil(p.LastRun),
	}
	if f := p.LastFault; f != nil {
		out.LastFault = &PluginFault{Kind: f.Kind, Where: f.Where, Text: f.Text, At: stamp(f.At)}
	}
	return out
}
