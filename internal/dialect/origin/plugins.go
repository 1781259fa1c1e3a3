package origin

import (
	"context"

	"parley/internal/chat"
	"parley/internal/jsontext"
)

var pluginCommands = map[string]command{"plugins_list": pluginsList, "plugins_reload": pluginsReload}

// pluginShown is a plugin in lists (specs: originchats §13).
type pluginShown struct {
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Handles     []string `json:"handles"`
}

// pluginWords are the refusals of what is the owner's.
func pluginWords(err error) error {
	if chat.CodeOf(err) == "permission_missing" {
		return errOwnerOnly
	}
	return err
}

// pluginsList lists the server's plugins by id (specs: originchats-commands §8).
func pluginsList(ctx context.Context, s *socket, q *request) (any, error) {
	list, err := s.dialect.core.Plugins(ctx, s.actor)
	if chat.CodeOf(err) == "plugins_off" {
		return nil, refuse(q.cmd, "Plugin manager not available")
	}
	if err != nil {
		return nil, pluginWords(err)
	}
	b := []byte(`{"cmd":"plugins_list","plugins":{`)
	for i, p := range list {
		if i > 0 {
			b = append(b, ',')
		}
		handles := p.Handles
		if handles == nil {
			handles = []string{}
		}
		b = append(jsontext.AppendString(b, p.ID), ':')
		b = jsontext.AppendValue(b, pluginShown{p.Name, p.Description, handles})
	}
	return written(append(b, "}}"...)), nil
}

// pluginsReload loads one plugin anew, or all of them.
func pluginsReload(ctx context.Context, s *socket, q *request) (any, error) {
	name, err := q.text("plugin")
	if err != nil {
		return nil, err
	}
	which, done := "*", "All plugins reloaded successfully"
	if name != "" {
		which, done = name, "Plugin '"+clip(name)+"' reloaded successfully"
	}
	err = s.dialect.core.ReloadPlugin(ctx, s.actor, which)
	switch chat.CodeOf(err) {
	case "":
		return pongPacket{q.cmd, done}, nil
	case "plugins_off":
		return nil, refuse(q.cmd, "Plugin manager not available")
	case "permission_missing":
		return nil, errOwnerOnly
	}
	if e := chat.AsError(err); e.Kind == chat.Unavailable || e.Kind == chat.Internal && name == "" {
		return nil, err
	}
	return nil, refusef(q.cmd, "Failed to reload plugin '%s'", clip(name))
}
