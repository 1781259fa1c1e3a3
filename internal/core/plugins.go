package core

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"parley/internal/chat"
	"parley/internal/state"
)

// Bounds of what one plugin keeps.
const (
	MaxPluginKeys  = 1000
	MaxPluginValue = 64 << 10 // bytes of one value
	MaxPluginBytes = 1 << 20  // of all keys and values
)

// pluginSettings is the key under which the store keeps what was set for plugins: an object of objects, by plugin.
const pluginSettings = "plugins"

// Plugins is what runs the plugins (package plugin). Its errors are chat errors.
type Plugins interface {
	List() []chat.Plugin // by id
	Status(id string) (chat.Plugin, error)
	// Refresh reads everything again and loads anew what has changed, and what is named; "*" is all of them.
	Refresh(ctx context.Context, name string) error
	// Configure changes settings; a null brings a default back. It calls StorePluginSettings.
	Configure(ctx context.Context, by chat.Actor, id string, values map[string]json.RawMessage) (chat.Plugin, error)
	// Changed has Refresh called soon, and does not wait.
	Changed(name string)
	// CommandCalled tells that somebody used a slash command, whoever answers it; it does not wait.
	CommandCalled(name string, room chat.RoomID, caller chat.UserID, args json.RawMessage)
}

type pluginHost struct {
	mu   sync.RWMutex
	host Plugins // nil: there are no plugins
	node string  // of this process, to know its own events
}

func (p *pluginHost) get() (Plugins, string) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.host, p.node
}

func (p *pluginHost) changed(name string) {
	if host, _ := p.get(); host != nil {
		host.Changed(name)
	}
}

// ServePlugins sets what runs the plugins. Called once, before Start.
func (c *Core) ServePlugins(p Plugins) {
	c.plugins.mu.Lock()
	c.plugins.host, c.plugins.node = p, c.newKey()
	c.plugins.mu.Unlock()
	c.Subscribe(func(events []chat.Event) {
		for _, ev := range events {
			if e, ok := ev.(chat.PluginsChanged); ok {
				if _, node := c.plugins.get(); e.Node != node {
					p.Changed(e.Name)
				}
			}
		}
	})
}

var errNoPlugins = chat.Errorf(chat.Unavailable, "plugins_off", "Plugins are switched off: see plugins.enabled in the server's settings.")

// overPlugins is for who may administer plugins: the server's owners, as a plugin acts with the server's own rights.
func (c *Core) overPlugins(ctx context.Context, by chat.Actor) (Plugins, error) {
	if _, err := c.permitRank(ctx, by, chat.RankOwner); err != nil {
		return nil, err
	}
	host, _ := c.plugins.get()
	if host == nil {
		return nil, errNoPlugins
	}
	return host, nil
}

// Plugins lists the plugins by id (rank owner). Fails with permission_missing, plugins_off.
func (c *Core) Plugins(ctx context.Context, by chat.Actor) ([]chat.Plugin, error) {
	host, err := c.overPlugins(ctx, by)
	if err != nil {
		return nil, err
	}
	return host.List(), nil
}

// ReloadPlugin reads a plugin and its settings again and loads it anew, on every node; name "*" is all of them (rank owner).
// When it returns, this node has read it; what is wrong with it is in its status. Audited. Fails with plugin_not_found,
// permission_missing, plugins_off.
func (c *Core) ReloadPlugin(ctx context.Context, by chat.Actor, name string) error {
	host, err := c.overPlugins(ctx, by)
	if err != nil {
		return err
	}
	if name == "" {
		return chat.Errorf(chat.NotFound, "plugin_not_found", "There is no such plugin.")
	}
	if err := host.Refresh(ctx, name); err != nil {
		return err
	}
	_, node := c.plugins.get()
	return c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		return []chat.Event{chat.PluginsChanged{Name: name, Node: node}}, tx.AddAudit(ctx, c.audit(by, "plugin.reload", "plugin", name, 0, nil))
	})
}

// ConfigurePlugin changes settings of a plugin, on every node; a null brings a default back. The setting "enabled" switches
// it on and off (rank owner). Audited. Fails with plugin_not_found, setting_unknown, setting_invalid, setting_fixed,
// plugin_settings_too_large, permission_missing, plugins_off.
func (c *Core) ConfigurePlugin(ctx context.Context, by chat.Actor, id string, values map[string]json.RawMessage) (chat.Plugin, error) {
	host, err := c.overPlugins(ctx, by)
	if err != nil {
		return chat.Plugin{}, err
	}
	return host.Configure(ctx, by, id, values)
}

// PluginSettings returns the settings that were changed here, by plugin.
func (c *Core) PluginSettings(ctx context.Context) (map[string]json.RawMessage, error) {
	return readPluginSettings(ctx, c.Store)
}

func readPluginSettings(ctx context.Context, r Reader) (map[string]json.RawMessage, error) {
	all := make(map[string]json.RawMessage)
	raw, err := r.Setting(ctx, pluginSettings)
	if chat.CodeOf(err) == chat.ErrNotFound.Code {
		return all, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &all)
	}
	return all, err
}

// StorePluginSettings replaces the stored settings of a plugin and tells the other nodes. Whether they may be what they are has
// been decided. Audited, by name alone.
func (c *Core) StorePluginSettings(ctx context.Context, by chat.Actor, id string, settings json.RawMessage, changed []string) error {
	_, node := c.plugins.get()
	return c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		all, err := readPluginSettings(ctx, tx)
		if err != nil {
			return nil, err
		}
		all[id] = settings
		raw, err := json.Marshal(all)
		if err != nil {
			return nil, err
		}
		if err := tx.PutSetting(ctx, pluginSettings, raw); err != nil {
			return nil, err
		}
		return []chat.Event{chat.PluginsChanged{Node: node}}, tx.AddAudit(ctx, c.audit(by, "plugin.configure", "plugin", id, 0, map[string]any{"fields": changed}))
	})
}

// PluginValue returns what a plugin keeps under a key; nil for nothing.
func (c *Core) PluginValue(ctx context.Context, plugin, key string) (json.RawMessage, error) {
	v, err := c.Store.PluginValue(ctx, plugin, key)
	if chat.CodeOf(err) == chat.ErrNotFound.Code {
		return nil, nil
	}
	return v, err
}

// PluginKeys lists the keys of a plugin that begin with a prefix, in the order of their bytes.
func (c *Core) PluginKeys(ctx context.Context, plugin, prefix string) ([]string, error) {
	keys, err := c.Store.PluginKeys(ctx, plugin)
	keys = slices.DeleteFunc(keys, func(k string) bool { return !strings.HasPrefix(k, prefix) })
	slices.Sort(keys)
	return keys, err
}

// PutPluginValue keeps a value for a plugin. Fails with value_too_large, store_full.
func (c *Core) PutPluginValue(ctx context.Context, plugin, key string, value json.RawMessage) error {
	if len(value) > MaxPluginValue {
		return chat.InvalidField("value", "value_too_large", "A value has at most %d KiB.", MaxPluginValue>>10)
	}
	return c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		if err := tx.PutPluginValue(ctx, plugin, key, value); err != nil {
			return nil, err
		}
		keys, bytes, err := tx.PluginUsage(ctx, plugin)
		if err == nil && (keys > MaxPluginKeys || bytes > MaxPluginBytes) {
			err = chat.Errorf(chat.TooLarge, "store_full", "A plugin keeps at most %d values of %d KiB together.", MaxPluginKeys, MaxPluginBytes>>10)
		}
		return nil, err
	})
}

// DeletePluginValue forgets a value of a plugin. One that is not there is fine.
func (c *Core) DeletePluginValue(ctx context.Context, plugin, key string) error {
	return c.change(ctx, func(tx Tx) ([]chat.Event, error) { return nil, tx.DeletePluginValue(ctx, plugin, key) })
}

// asPlugin is the actor of what a plugin does by itself: the operator installed it and gave it its permissions.
func asPlugin(id string) chat.Actor { return chat.Actor{Operator: true, Plugin: id} }

// DeleteMessageByPlugin deletes anybody's message in a plugin's name. Fails as DeleteMessage.
func (c *Core) DeleteMessageByPlugin(ctx context.Context, plugin string, id chat.MessageID) error {
	_, err := c.DeleteMessage(ctx, asPlugin(plugin), id)
	return err
}

// errAbovePlugins protects those who administer plugins from them.
var errAbovePlugins = chat.Errorf(chat.Forbidden, "target_above", "Plugins may do this only to people without a rank.")

// MuteByPlugin mutes somebody on the whole server for a while, in a plugin's name: never moderators and those above them, and
// never for less than they are muted already. Fails with target_above, until_invalid, reason_too_long, user_not_found.
func (c *Core) MuteByPlugin(ctx context.Context, plugin string, user chat.UserID, d time.Duration, reason string) error {
	target, err := c.user(ctx, user)
	if err != nil {
		return err
	}
	if target.Rank >= chat.RankModerator || target.Kind == chat.Bot {
		return errAbovePlugins
	}
	now := c.now()
	live, err := c.Store.LiveSanctions(ctx, user, 0, now)
	if err != nil {
		return err
	}
	until := now.Add(d)
	for _, s := range live {
		if s.Kind == chat.Mute && s.RoomID == 0 && (s.Until.IsZero() || s.Until.After(until)) {
			return nil
		}
	}
	_, err = c.Sanction(ctx, asPlugin(plugin), Measure{Kind: chat.Mute, UserID: user, Reason: reason, Until: until})
	return err
}

// UnmuteByPlugin ends mutes on the whole server, if nobody but plugins and the operator made them, and for a while. Fails with
// sanction_not_found.
func (c *Core) UnmuteByPlugin(ctx context.Context, plugin string, user chat.UserID) error {
	live, err := c.Store.LiveSanctions(ctx, user, 0, c.now())
	if err != nil {
		return err
	}
	for _, s := range live {
		if s.Kind == chat.Mute && s.RoomID == 0 && (s.IssuedBy != "" || s.Until.IsZero()) {
			return chat.Errorf(chat.Forbidden, "target_above", "A moderator made this mute; a plugin does not end it.")
		}
	}
	return c.Lift(ctx, asPlugin(plugin), chat.Mute, 0, user, "")
}

// ReactByPlugin gives or takes back a plugin's reaction to a message. The plugin has an account for it, which nobody can log in
// to; it is made at its first reaction. Fails with emoji_invalid, emoji_unknown, message_not_found, message_deleted,
// room_archived, too_many_reactions.
func (c *Core) ReactByPlugin(ctx context.Context, plugin, name string, id chat.MessageID, emoji string, give bool) error {
	clean, ok := cleanEmoji(emoji)
	if !ok {
		return chat.InvalidField("emoji", "emoji_invalid", "Give one emoji, or the :name: of one.")
	}
	clean, err := c.existingEmoji(ctx, clean)
	if err != nil {
		return err
	}
	msg, err := c.message(ctx, id)
	if err != nil {
		return err
	}
	room, err := c.Store.Room(ctx, msg.RoomID)
	if err != nil {
		return err
	}
	if room.Archived {
		return chat.Errorf(chat.Forbidden, "room_archived", "This room is archived: it can be read but not changed.")
	}
	return c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		user, events, err := c.pluginAccount(ctx, tx, plugin, name)
		if err != nil {
			return nil, err
		}
		if !give {
			msg, removed, err := tx.RemoveReaction(ctx, id, user.ID, clean)
			if err == nil && removed {
				events = append(events, chat.ReactionRemoved{Message: msg, UserID: user.ID, Emoji: clean})
			}
			return events, err
		}
		now, err := tx.Message(ctx, id)
		if err != nil {
			return nil, err
		}
		if now.Deleted {
			return nil, errMessageDeleted
		}
		if !slices.ContainsFunc(now.Reactions, func(r chat.Reaction) bool { return r.Emoji == clean }) && len(now.Reactions) >= maxReactions {
			return nil, chat.Errorf(chat.Conflict, "too_many_reactions", "A message can have %d different reactions. Join one of those that are there.", maxReactions)
		}
		msg, added, err := tx.AddReaction(ctx, id, user.ID, clean, c.now())
		if err == nil && added {
			events = append(events, chat.ReactionAdded{Message: msg, UserID: user.ID, Emoji: clean})
		}
		return events, err
	})
}

// providerPlugin is the provider of accounts of plugins: the subject is the plugin's id. It does not log anybody in.
const providerPlugin = "plugin"

var notInUsername = regexp.MustCompile(`[^A-Za-z0-9_]+`)

// pluginAccount returns the account of a plugin, which is made if there is none.
func (c *Core) pluginAccount(ctx context.Context, tx Tx, plugin, name string) (*chat.User, []chat.Event, error) {
	id, err := tx.Identity(ctx, providerPlugin, plugin)
	if err == nil {
		user, err := tx.User(ctx, id.UserID)
		return user, nil, err
	}
	if chat.AsError(err).Kind != chat.NotFound {
		return nil, nil, err
	}
	base := strings.Trim(notInUsername.ReplaceAllString(name, "_"), "_")
	base = base[:min(len(base), 16)]
	if len(base) < 3 {
		base = "plugin"
	}
	username := base
	for n := 2; ; n++ {
		_, err := tx.UserByName(ctx, username)
		if chat.AsError(err) != nil && chat.AsError(err).Kind == chat.NotFound {
			break
		}
		if err != nil || n > 999 {
			return nil, nil, errUsernameTaken
		}
		username = base + "_" + strconv.Itoa(n)
	}
	made, err := tx.CreateUser(ctx, &chat.User{ID: c.newUserID(), Username: username, DisplayName: name, Kind: chat.Bot, Status: chat.Offline,
		Roles: wholeRoles(rankRoles(chat.RankMember)), CreatedAt: c.now()})
	if err != nil {
		return nil, nil, err
	}
	err = tx.PutIdentity(ctx, chat.Identity{Provider: providerPlugin, Subject: plugin, UserID: made.ID})
	return made, []chat.Event{chat.UserChanged{User: made}}, err
}

// CountForPlugin charges a counter that all nodes share and reports whether it may be: at most so many in any span of this
// length; if not, when it may be again. Fails with the state's errors.
func (c *Core) CountForPlugin(ctx context.Context, key string, most int, per time.Duration) (ok bool, retry time.Duration, err error) {
	d, err := c.State.Allow(ctx, key, state.Limit{Count: most, Per: per}, 1)
	return d.Allowed, d.RetryAfter, err
}

// ClaimForPlugin reports whether this node is the first of all to claim a key within the time.
func (c *Core) ClaimForPlugin(ctx context.Context, key string, ttl time.Duration) (bool, error) {
	return c.State.SetIfAbsent(ctx, key, []byte{1}, ttl)
}
