package corehost

import (
	"context"
	"encoding/json"
	"sync"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/plugin"
	"parley/internal/plugin/pipe"
)

// Commands is plugin.Registry over a core.
type Commands struct {
	Core *core.Core

	mu  sync.Mutex
	own map[string][]func() // by plugin: what takes its commands back
}

var _ plugin.Registry = (*Commands)(nil)

// SetCommands implements plugin.Registry.
func (c *Commands) SetCommands(id plugin.Identity, commands []pipe.CommandSpec, run func(ctx context.Context, u plugin.Use) (plugin.Answer, error)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(id.ID)
	for _, spec := range commands {
		remove, err := c.Core.AddCommand(commandOf(id, spec), func(ctx context.Context, call core.CommandCall) (core.CommandAnswer, error) {
			args, err := json.Marshal(call.Args)
			if err != nil {
				return core.CommandAnswer{}, err
			}
			a, err := run(ctx, plugin.Use{Command: call.Name, Room: call.Room.ID, Caller: call.By.UserID, Args: args})
			return core.CommandAnswer{Content: a.Text, Embeds: a.Embeds, Author: &chat.Author{Kind: chat.PluginAuthor, ID: id.ID, Name: id.Name}}, err
		})
		if err != nil {
			c.drop(id.ID)
			return err
		}
		if c.own == nil {
			c.own = make(map[string][]func())
		}
		c.own[id.ID] = append(c.own[id.ID], remove)
	}
	return nil
}

// drop takes a plugin's commands back. c.mu is held.
func (c *Commands) drop(id string) {
	for _, remove := range c.own[id] {
		remove()
	}
	delete(c.own, id)
}

func commandOf(id plugin.Identity, spec pipe.CommandSpec) chat.Command {
	command := chat.Command{Name: spec.Name, Description: spec.Description, Whitelist: spec.Roles, Plugin: id.ID}
	for _, o := range spec.Options {
		command.Options = append(command.Options, chat.CommandOption{Name: o.Name, Description: o.Description, Type: chat.OptionType(o.Type), Choices: o.Choices, Required: o.Required})
	}
	return command
}
