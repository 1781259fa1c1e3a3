package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"parley/internal/chat"
	"parley/internal/plugin"
)

func init() {
	register("plugin", groupData, "List plugins, switch them on and off, and check one that you write.", func() any { return &pluginCommands{} })
}

type pluginCommands struct {
	List    pluginList    `cmd:"" help:"List plugins and how they are."`
	Enable  pluginEnable  `cmd:"" help:"Switch a plugin on."`
	Disable pluginDisable `cmd:"" help:"Switch a plugin off."`
	Set     pluginSet     `cmd:"" help:"Change a setting of a plugin."`
	Reload  pluginReload  `cmd:"" help:"Read plugins again and load them anew; needs a running server."`
	Check   pluginCheck   `cmd:"" help:"Say what is wrong with the plugin in a directory, without running it."`
}

type pluginList struct {
	JSON bool `name:"json" help:"As JSON."`
}

// Run lists plugins.
func (c *pluginList) Run(env *Env) error {
	list, err := env.Core.Plugins(env.Context, chat.Operator)
	if err != nil {
		return err
	}
	if c.JSON {
		type entry struct {
			ID          string                     `json:"id"`
			Name        string                     `json:"name"`
			Version     string                     `json:"version"`
			Bundled     bool                       `json:"bundled"`
			Enabled     bool                       `json:"enabled"`
			State       chat.PluginState           `json:"state"`
			Faults      uint64                     `json:"faults"`
			LastFault   string                     `json:"last_fault"`
			Permissions []string                   `json:"permissions"`
			Settings    map[string]json.RawMessage `json:"settings"`
		}
		out := make([]entry, len(list))
		for i, p := range list {
			out[i] = entry{p.ID, p.Name, p.Version, p.Bundled, p.Enabled, p.State, p.Faults, lastFault(p), append([]string{}, p.Permissions...), p.Settings}
		}
		return env.json(out)
	}
	rows := make([][]string, len(list))
	for i, p := range list {
		rows[i] = []string{p.ID, p.Version, string(p.State), fmt.Sprint(p.Runs), fmt.Sprint(p.Faults), lastFault(p)}
	}
	return env.table("ID VERSION STATE RUNS FAULTS LAST-FAULT", rows)
}

func lastFault(p chat.Plugin) string {
	if p.LastFault == nil {
		return ""
	}
	text, _, _ := strings.Cut(p.LastFault.Text, "\n")
	return p.LastFault.Kind + ": " + text
}

type pluginEnable struct {
	Plugin string `arg:"" help:"Its id, which is the name of its directory."`
}

// Run switches the plugin on.
func (c *pluginEnable) Run(env *Env) error {
	return env.setPlugin(c.Plugin, plugin.SettingEnabled, json.RawMessage("true"), "on")
}

type pluginDisable struct {
	Plugin string `arg:"" help:"Its id."`
}

// Run switches the plugin off.
func (c *pluginDisable) Run(env *Env) error {
	return env.setPlugin(c.Plugin, plugin.SettingEnabled, json.RawMessage("false"), "off")
}

type pluginSet struct {
	Plugin  string `arg:"" help:"Its id."`
	Setting string `arg:"" help:"Name of the setting."`
	Value   string `arg:"" help:"As JSON; what is none is a text. null brings the default back."`
}

// Run changes the setting.
func (c *pluginSet) Run(env *Env) error {
	value := json.RawMessage(c.Value)
	if !json.Valid(value) {
		var err error
		if value, err = json.Marshal(c.Value); err != nil {
			return err
		}
	}
	return env.setPlugin(c.Plugin, c.Setting, value, c.Setting+" is set")
}

func (e *Env) setPlugin(id, setting string, value json.RawMessage, done string) error {
	p, err := e.Core.ConfigurePlugin(e.Context, chat.Operator, id, map[string]json.RawMessage{setting: value})
	if err != nil {
		return err
	}
	if err := e.say("Plugin %s: %s", p.ID, done); err != nil || p.LastFault == nil || p.State != chat.PluginFaulty {
		return err
	}
	return e.say("It cannot run: %s", lastFault(p))
}

type pluginReload struct {
	Plugin string `arg:"" optional:"" help:"Its id; without it, all of them."`
}

// Run has plugins loaded anew.
func (c *pluginReload) Run(env *Env) error {
	name := c.Plugin
	if name == "" {
		name = "*"
	}
	if err := env.Core.ReloadPlugin(env.Context, chat.Operator, name); err != nil {
		return err
	}
	if c.Plugin == "" {
		return env.say("All plugins are read again")
	}
	return env.say("Plugin %s is read again", c.Plugin)
}

type pluginCheck struct {
	Dir string `arg:"" help:"The plugin's directory."`
}

// Run looks at the directory; it needs no data.
func (c *pluginCheck) Run(p *process) error {
	dir := c.Dir
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(p.Dir, dir)
	}
	if info, err := os.Stat(dir); err != nil {
		return err
	} else if !info.IsDir() {
		return usageError(c.Dir + " is no directory")
	}
	m, err := plugin.Check(filepath.Base(dir), os.DirFS(dir))
	if err != nil {
		var faults interface{ Unwrap() []error }
		if errors.As(err, &faults) {
			for _, fault := range faults.Unwrap() {
				fmt.Fprintln(p.Stderr, fault)
			}
			return failedError{}
		}
		return err
	}
	var permissions []string
	for _, permission := range m.Permissions {
		permissions = append(permissions, string(permission))
	}
	slices.Sort(permissions)
	fmt.Fprintf(p.Stdout, "%s %s is in order\n", m.Name, m.Version)
	fmt.Fprintf(p.Stdout, "  hears of  %s\n", orNothing(m.Events))
	fmt.Fprintf(p.Stdout, "  may       %s\n", orNothing(permissions))
	fmt.Fprintf(p.Stdout, "  reaches   %s\n", orNothing(m.Hosts))
	return nil
}

func orNothing(list []string) string {
	if len(list) == 0 {
		return "nothing"
	}
	return strings.Join(list, ", ")
}
