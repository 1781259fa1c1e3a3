// Package corehost lets plugins act on the core. It translates: what may be done is decided by package plugin (by a plugin's
// permissions) and by package core.
package corehost

import (
	"context"
	"encoding/json"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/plugin"
)

// Host is plugin.Host over a core.
type Host struct{ Core *core.Core }

var _ plugin.Host = Host{}

// User implements plugin.Host.
func (h Host) User(ctx context.Context, id chat.UserID) (*chat.User, error) {
	return h.Core.User(ctx, chat.Operator, id)
}

// UserByName implements plugin.Host.
func (h Host) UserByName(ctx context.Context, username string) (*chat.User, error) {
	return h.Core.UserByName(ctx, chat.Operator, username)
}

// Room implements plugin.Host.
func (h Host) Room(ctx context.Context, id chat.RoomID) (chat.Room, error) {
	return h.Core.Readable(ctx, chat.Operator, id)
}

// RoomBySlug implements plugin.Host.
func (h Host) RoomBySlug(ctx context.Context, slug string) (chat.Room, error) {
	v, err := h.Core.RoomBySlug(ctx, chat.Operator, slug)
	return v.Room, err
}

// maxRooms bounds a list of rooms.
const maxRooms = 1000

// Rooms implements plugin.Host.
func (h Host) Rooms(ctx context.Context) (rooms []chat.Room, err error) {
	page := chat.Page{Limit: 100}
	for {
		list, next, err := h.Core.ListRooms(ctx, chat.Operator, "", page)
		if err != nil {
			return nil, err
		}
		for _, r := range list {
			if r.Type != chat.Direct {
				rooms = append(rooms, r)
			}
		}
		if page.Cursor = next; next == "" || len(rooms) >= maxRooms {
			return rooms, nil
		}
	}
}

// Message implements plugin.Host.
func (h Host) Message(ctx context.Context, id chat.MessageID) (*chat.Message, error) {
	return h.Core.Message(ctx, chat.Operator, id)
}

// Messages implements plugin.Host.
func (h Host) Messages(ctx context.Context, room chat.RoomID, limit int) ([]chat.Message, error) {
	page, err := h.Core.Messages(ctx, chat.Operator, room, chat.MessagesQuery{Limit: limit})
	return page.Messages, err
}

// Post implements plugin.Host.
func (h Host) Post(ctx context.Context, as plugin.Identity, p plugin.Post) (*chat.Message, error) {
	post := core.Post{RoomID: p.Room, Author: chat.Author{Kind: chat.PluginAuthor, ID: as.ID, Name: as.Name}, Content: p.Text, Embeds: p.Embeds, ParentID: p.ReplyTo}
	if p.Command != "" {
		post.Command = &chat.CommandUse{Name: p.Command, UserID: p.Caller}
	}
	return h.Core.PostMessage(ctx, post)
}

// React implements plugin.Host.
func (h Host) React(ctx context.Context, as plugin.Identity, message chat.MessageID, emoji string, give bool) error {
	return h.Core.ReactByPlugin(ctx, as.ID, as.Name, message, emoji, give)
}

// Delete implements plugin.Host.
func (h Host) Delete(ctx context.Context, as plugin.Identity, message chat.MessageID) error {
	return h.Core.DeleteMessageByPlugin(ctx, as.ID, message)
}

// TimeOut implements plugin.Host: a mute on the whole server.
func (h Host) TimeOut(ctx context.Context, as plugin.Identity, user chat.UserID, d time.Duration, reason string) error {
	if d == 0 {
		return h.Core.UnmuteByPlugin(ctx, as.ID, user)
	}
	return h.Core.MuteByPlugin(ctx, as.ID, user, d, reason)
}

// Value implements plugin.Host.
func (h Host) Value(ctx context.Context, plugin, key string) (json.RawMessage, error) {
	return h.Core.PluginValue(ctx, plugin, key)
}

// PutValue implements plugin.Host.
func (h Host) PutValue(ctx context.Context, plugin, key string, value json.RawMessage) error {
	return h.Core.PutPluginValue(ctx, plugin, key, value)
}

// DeleteValue implements plugin.Host.
func (h Host) DeleteValue(ctx context.Context, plugin, key string) error {
	return h.Core.DeletePluginValue(ctx, plugin, key)
}

// ValueKeys implements plugin.Host.
func (h Host) ValueKeys(ctx context.Context, plugin, prefix string) ([]string, error) {
	return h.Core.PluginKeys(ctx, plugin, prefix)
}

// Stored implements plugin.Host.
func (h Host) Stored(ctx context.Context) (map[string]json.RawMessage, error) {
	return h.Core.PluginSettings(ctx)
}

// Store implements plugin.Host.
func (h Host) Store(ctx context.Context, by chat.Actor, plugin string, settings json.RawMessage, changed []string) error {
	return h.Core.StorePluginSettings(ctx, by, plugin, settings, changed)
}

// Allow implements plugin.Host.
func (h Host) Allow(ctx context.Context, key string, most int, per time.Duration) (bool, time.Duration, error) {
	return h.Core.CountForPlugin(ctx, key, most, per)
}

// Claim implements plugin.Host.
func (h Host) Claim(ctx context.Context, key string, ttl time.Duration) (bool, error) {
	return h.Core.ClaimForPlugin(ctx, key, ttl)
}
