package core

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"parley/internal/chat"
)

// RoomChange changes a room's settings; nil fields stay.
type RoomChange struct {
	Name, Slug, Description, Topic, AvatarURL *string
	Type                                      *chat.RoomType // public and private may change into each other
	Archived                                  *bool
	Position                                  *int
	SlowMode                                  *time.Duration // whole seconds, 0 to chat.MaxSlowMode

	Form        *chat.RoomForm             // text, voice and separator may change into each other; a forum stays one
	Permissions *chat.RoomPermissions      // all of them, as SetRoomPermissions sets them
	Extra       map[string]json.RawMessage // settings that only one dialect knows, by its name; null removes a dialect's
	Fits        Fits
}

// maxExtra bounds what the dialects keep with a room, in bytes.
const maxExtra = 8 << 10

// mergeExtra returns a room's extra settings with those of some dialects replaced. Fails with extra_invalid.
func mergeExtra(old json.RawMessage, change map[string]json.RawMessage) (json.RawMessage, error) {
	all := make(map[string]json.RawMessage)
	if len(old) > 0 {
		if err := json.Unmarshal(old, &all); err != nil {
			return nil, err
		}
	}
	for dialect, settings := range change {
		if len(settings) == 0 || string(settings) == "null" {
			delete(all, dialect)
		} else {
			all[dialect] = settings
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	merged, err := json.Marshal(all)
	if err != nil || len(merged) > maxExtra {
		return nil, chat.InvalidField("extra", "extra_invalid", "A room keeps at most %d bytes of other settings.", maxExtra)
	}
	return merged, nil
}

// settings is allow for what direct rooms do not have.
func (c *Core) settings(ctx context.Context, by chat.Actor, right chat.Right, id chat.RoomID) (*seat, error) {
	s, err := c.allow(ctx, by, chat.CanSee, id)
	if err != nil {
		return nil, err
	}
	if s.room.Type == chat.Direct {
		return nil, errDirectRoom
	}
	return c.allow(ctx, by, right, id)
}

// UpdateRoom changes a room's settings (manage_room), all of them or none. Direct rooms have none (direct_room). Fails with what
// CreateRoom says of the fields, avatar_url_invalid and slow_mode_invalid.
func (c *Core) UpdateRoom(ctx context.Context, by chat.Actor, id chat.RoomID, ch RoomChange) (chat.RoomView, error) {
	s, err := c.settings(ctx, by, chat.CanManageRoom, id)
	if err != nil {
		return chat.RoomView{}, err
	}
	var picture string
	err = c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		room, err := tx.Room(ctx, id)
		if err != nil {
			return nil, err
		}
		if ch.Fits != nil && room.Official {
			others, err := tx.OfficialRooms(ctx)
			if err != nil {
				return nil, err
			}
			if err := ch.Fits(slices.DeleteFunc(others, func(r chat.Room) bool { return r.ID == id })); err != nil {
				return nil, err
			}
		}
		picture = room.AvatarURL
		var events []chat.Event
		changed, err := ch.apply(&room)
		if err != nil {
			return nil, err
		}
		if room.Type == chat.Public && room.Slug == "" {
			if room.Slug, err = c.freeSlug(ctx, tx, room.Name); err != nil {
				return nil, err
			}
		}
		if len(changed) > 0 {
			if room, err = tx.UpdateRoom(ctx, room); err != nil {
				return nil, err
			}
		}
		if ch.Permissions != nil {
			more, told, err := c.putPermissions(ctx, tx, s, &room, *ch.Permissions)
			if err != nil {
				return nil, err
			}
			changed, events = append(changed, more...), told
		}
		if len(changed) == 0 {
			return nil, nil
		}
		if err := tx.AddAudit(ctx, c.audit(by, "room.update", "room", id.String(), id, map[string]any{"fields": changed})); err != nil {
			return nil, err
		}
		events = append(events, chat.RoomChanged{Room: room})
		return append(events, directoryEvents(room)...), nil
	})
	if err != nil {
		return chat.RoomView{}, err
	}
	if ch.AvatarURL != nil {
		c.releaseAvatar(picture) // if it is another one than now
	}
	return c.freshView(ctx, by, id)
}

// apply checks a change, makes it and names the fields that are not what they were.
func (ch RoomChange) apply(r *chat.Room) (changed []string, err error) {
	text := func(field string, to *string, from *string, clean func(string) (string, error)) {
		if to == nil || err != nil || *to == *from {
			return
		}
		var s string
		if s, err = clean(*to); err == nil && s != *from {
			*from = s
			changed = append(changed, field)
		}
	}
	text("name", ch.Name, &r.Name, func(s string) (string, error) { return cleanName("name", "room_name", s, 1, maxRoomName) })
	text("description", ch.Description, &r.Description, func(s string) (string, error) {
		return cleanText("description", "description", s, maxDescription)
	})
	text("topic", ch.Topic, &r.Topic, func(s string) (string, error) { return cleanLine("topic", "topic", s, maxTopic) })
	text("avatar_url", ch.AvatarURL, &r.AvatarURL, cleanAvatarURL)
	text("slug", ch.Slug, &r.Slug, func(s string) (string, error) {
		if s == "" {
			return "", nil // public rooms get one made from their name
		}
		return cleanSlug(s)
	})
	if err != nil {
		return nil, err
	}
	if ch.Type != nil && *ch.Type != r.Type {
		if *ch.Type != chat.Public && *ch.Type != chat.Private || r.Official {
			return nil, errRoomType
		}
		r.Type = *ch.Type
		changed = append(changed, "type")
	}
	if ch.Form != nil && *ch.Form != r.Form {
		if !slices.Contains([]chat.RoomForm{chat.Text, chat.Voice, chat.Separator}, *ch.Form) || r.Form == chat.Forum || r.Encrypted {
			return nil, errRoomForm
		}
		r.Form = *ch.Form
		changed = append(changed, "form")
	}
	if ch.Extra != nil {
		extra, err := mergeExtra(r.Extra, ch.Extra)
		if err != nil {
			return nil, err
		}
		if !slices.Equal(extra, r.Extra) {
			r.Extra = extra
			changed = append(changed, "extra")
		}
	}
	if ch.Archived != nil && *ch.Archived != r.Archived {
		r.Archived = *ch.Archived
		changed = append(changed, "archived")
	}
	if ch.Position != nil && *ch.Position != r.Position {
		r.Position = *ch.Position
		changed = append(changed, "position")
	}
	if ch.SlowMode != nil && *ch.SlowMode != r.SlowMode {
		if *ch.SlowMode < 0 || *ch.SlowMode > chat.MaxSlowMode || *ch.SlowMode%time.Second != 0 {
			return nil, chat.InvalidField("slow_mode_seconds", "slow_mode_invalid", "People can be made to wait from 0 (not at all) to %d seconds.", int(chat.MaxSlowMode.Seconds()))
		}
		r.SlowMode = *ch.SlowMode
		changed = append(changed, "slow_mode_seconds")
	}
	return changed, nil
}

// cleanAvatarURL accepts a web address or a path on this server, but not that of a picture kept here: those are set by
// uploading them, so that nobody keeps other people's files from being deleted.
func cleanAvatarURL(s string) (string, error) {
	local := strings.HasPrefix(s, "/") && !strings.HasPrefix(s, "//") && !strings.HasPrefix(s, AvatarPath)
	web := strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://")
	if u, err := url.Parse(s); err != nil || u.Host == "" {
		web = false
	}
	if s != "" && !local && !web || len(s) > maxAvatarURL || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"'<>\`, r) }) {
		return "", chat.InvalidField("avatar_url", "avatar_url_invalid", "Give a web address or a path on this server.")
	}
	return s, nil
}
