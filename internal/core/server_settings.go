package core

import (
	"context"
	"encoding/json"
	"io"
	"slices"
	"sync"

	"parley/internal/chat"
	"parley/internal/scan"
)

// serverSetting is the key under which the store keeps what administrators set.
const serverSetting = "server"

// Bounds of what administrators can set.
const (
	maxServerName        = 100
	maxServerDescription = 1000
	maxWelcome           = 2000
	maxDefaultRooms      = 50
	minAttachmentBytes   = 1 << 10
)

// ServerSettings are what administrators can change while the server runs, as they hold now.
type ServerSettings struct {
	Name            string
	Description     string
	IconURL         string // path of a picture kept here, or a web address; empty for none
	BannerURL       string // a web address or a path on this server; empty for none
	Registration    Registration
	RoomInvites     bool          // where registration is by invite, an invite to a room will do
	DefaultRooms    []chat.RoomID // public rooms that new people enter; nil: the server's own rooms
	Welcome         string        // what new people are told, as a notification; empty for nothing
	AttachmentBytes int64         // of one file, at most what the operator set; 0 or less: no limit
	AttachmentTypes []scan.Type   // of files that are taken; not to be changed
}

// The names of settings, as administrators and the audit log see them.
const (
	SettingName            = "name"
	SettingDescription     = "description"
	SettingIcon            = "icon"
	SettingBanner          = "banner"
	SettingRegistration    = "registration"
	SettingRoomInvites     = "registration_by_room_invite"
	SettingDefaultRooms    = "default_rooms"
	SettingWelcome         = "welcome"
	SettingAttachmentBytes = "attachment_bytes"
	SettingAttachmentTypes = "attachment_types"
)

// storedSettings are those that administrators have set; nil: never.
type storedSettings struct {
	Name            *string        `json:"name,omitempty"`
	Description     *string        `json:"description,omitempty"`
	Icon            *string        `json:"icon,omitempty"`
	Banner          *string        `json:"banner,omitempty"`
	Registration    *Registration  `json:"registration,omitempty"`
	RoomInvites     *bool          `json:"registration_by_room_invite,omitempty"`
	DefaultRooms    *[]chat.RoomID `json:"default_rooms,omitempty"`
	Welcome         *string        `json:"welcome,omitempty"`
	AttachmentBytes *int64         `json:"attachment_bytes,omitempty"`
	AttachmentTypes *[]scan.Type   `json:"attachment_types,omitempty"`
}

// ServerChange changes settings of the server; nil fields stay.
type ServerChange struct {
	Name, Description, Welcome *string
	Icon, Banner               *string  // web addresses or paths on this server; empty: none. SetServerIcon stores a picture here
	Cleared                    []string // settings that become what the operator or the program says: SettingName
	Registration               *Registration
	RoomInvites                *bool
	DefaultRooms               *[]chat.RoomID // empty: none
	AttachmentBytes            *int64
	AttachmentTypes            *[]string // as scan.ParseTypes reads them; empty: no files
}

// serverCache keeps the settings, read anew after ServerChanged.
type serverCache struct {
	mu      sync.RWMutex
	current *storedSettings // nil: to be read; never changed once it is here
	gen     uint64
}

func (s *serverCache) apply(ev chat.Event) {
	if _, ok := ev.(chat.ServerChanged); ok {
		s.drop()
	}
}

func (s *serverCache) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = nil
	s.gen++
}

// storedServer returns what administrators have set, from memory or the store.
func (c *Core) storedServer(ctx context.Context) (*storedSettings, error) {
	s := &c.server
	s.mu.RLock()
	current, gen := s.current, s.gen
	s.mu.RUnlock()
	if current != nil {
		return current, nil
	}
	current, err := readServer(ctx, c.Store)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if gen == s.gen {
		s.current = current
	}
	return current, nil
}

func readServer(ctx context.Context, r Reader) (*storedSettings, error) {
	s := new(storedSettings)
	raw, err := r.Setting(ctx, serverSetting)
	if chat.CodeOf(err) == chat.ErrNotFound.Code {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, s)
	}
	return s, err
}

// Server returns the server's settings. Fails only when the store does.
func (c *Core) Server(ctx context.Context) (ServerSettings, error) {
	s, err := c.storedServer(ctx)
	if err != nil {
		s = new(storedSettings)
	}
	return c.effective(s), err
}

// effective puts what administrators have set over what the operator did, except where the operator had the last word.
func (c *Core) effective(s *storedSettings) ServerSettings {
	out := ServerSettings{
		Name: c.ServerName, Description: c.ServerDescription, Registration: c.Registration, RoomInvites: !c.RoomInvitesClosed,
		AttachmentBytes: c.Limits.AttachmentBytes, AttachmentTypes: c.AttachmentTypes,
	}
	prefer(c, SettingName, &out.Name, s.Name)
	prefer(c, SettingDescription, &out.Description, s.Description)
	prefer(c, SettingRegistration, &out.Registration, s.Registration)
	prefer(c, SettingRoomInvites, &out.RoomInvites, s.RoomInvites)
	prefer(c, SettingIcon, &out.IconURL, s.Icon)
	prefer(c, SettingBanner, &out.BannerURL, s.Banner)
	prefer(c, SettingWelcome, &out.Welcome, s.Welcome)
	prefer(c, SettingAttachmentTypes, &out.AttachmentTypes, s.AttachmentTypes)
	if s.DefaultRooms != nil {
		out.DefaultRooms = append([]chat.RoomID{}, *s.DefaultRooms...)
	}
	if n := s.AttachmentBytes; n != nil && (out.AttachmentBytes <= 0 || *n < out.AttachmentBytes) {
		out.AttachmentBytes = *n
	}
	return out
}

func prefer[T any](c *Core, setting string, value *T, stored *T) {
	if _, fixed := c.Fixed[setting]; !fixed && stored != nil {
		*value = *stored
	}
}

// SettingOrigin is where a setting's value comes from: "default", "stored" (an administrator set it), or the word that
// Options.Fixed has for what the operator set and nobody can change here.
func (c *Core) SettingOrigin(ctx context.Context, setting string) (origin string, fixed bool, err error) {
	if origin, fixed = c.Fixed[setting]; fixed {
		return origin, true, nil
	}
	s, err := c.storedServer(ctx)
	if err != nil {
		return "", false, err
	}
	if s.has(setting) {
		return "stored", false, nil
	}
	return "default", false, nil
}

func (s *storedSettings) has(setting string) bool {
	switch setting {
	case SettingName:
		return s.Name != nil
	case SettingDescription:
		return s.Description != nil
	case SettingIcon:
		return s.Icon != nil
	case SettingBanner:
		return s.Banner != nil
	case SettingRegistration:
		return s.Registration != nil
	case SettingRoomInvites:
		return s.RoomInvites != nil
	case SettingDefaultRooms:
		return s.DefaultRooms != nil
	case SettingWelcome:
		return s.Welcome != nil
	case SettingAttachmentBytes:
		return s.AttachmentBytes != nil
	case SettingAttachmentTypes:
		return s.AttachmentTypes != nil
	}
	return false
}

// AdminServer returns the settings to who may change them. Fails with permission_missing (manage_server).
func (c *Core) AdminServer(ctx context.Context, by chat.Actor) (ServerSettings, error) {
	if _, err := c.permit(ctx, by, chat.ManageServer); err != nil {
		return ServerSettings{}, err
	}
	return c.Server(ctx)
}

// UpdateServer changes the server's settings, at once and on every node, and tells everyone. Fails with permission_missing
// (manage_server), setting_fixed (the operator set it), server_name_invalid, description_too_long, description_invalid,
// welcome_too_long, welcome_invalid, avatar_url_invalid, registration_invalid, default_rooms_invalid, attachment_bytes_invalid,
// attachment_types_invalid.
func (c *Core) UpdateServer(ctx context.Context, by chat.Actor, ch ServerChange) (ServerSettings, error) {
	if _, err := c.permit(ctx, by, chat.ManageServer); err != nil {
		return ServerSettings{}, err
	}
	if err := c.cleanServer(ctx, &ch); err != nil {
		return ServerSettings{}, err
	}
	var types []scan.Type
	if ch.AttachmentTypes != nil {
		var err error
		if types, err = scan.ParseTypes(*ch.AttachmentTypes); err != nil {
			return ServerSettings{}, chat.InvalidField("attachment_types", "attachment_types_invalid", "The server cannot tell all of these types: %v.", err)
		}
	}
	var old string
	now, err := c.changeServer(ctx, by, func(s *storedSettings) (fields []string) {
		old = ""
		if s.Icon != nil {
			old = *s.Icon
		}
		note := func(setting string, set bool) {
			if set {
				fields = append(fields, setting)
			}
		}
		note(SettingName, put(&s.Name, ch.Name))
		if slices.Contains(ch.Cleared, SettingName) && s.Name != nil {
			s.Name = nil
			note(SettingName, true)
		}
		note(SettingIcon, put(&s.Icon, ch.Icon))
		note(SettingBanner, put(&s.Banner, ch.Banner))
		note(SettingDescription, put(&s.Description, ch.Description))
		note(SettingWelcome, put(&s.Welcome, ch.Welcome))
		note(SettingRegistration, put(&s.Registration, ch.Registration))
		note(SettingRoomInvites, put(&s.RoomInvites, ch.RoomInvites))
		note(SettingAttachmentBytes, put(&s.AttachmentBytes, ch.AttachmentBytes))
		if ch.DefaultRooms != nil && (s.DefaultRooms == nil || !slices.Equal(*s.DefaultRooms, *ch.DefaultRooms)) {
			s.DefaultRooms = ch.DefaultRooms
			note(SettingDefaultRooms, true)
		}
		if ch.AttachmentTypes != nil && (s.AttachmentTypes == nil || !slices.Equal(*s.AttachmentTypes, types)) {
			s.AttachmentTypes = &types
			note(SettingAttachmentTypes, true)
		}
		return fields
	})
	if err == nil && old != now.IconURL {
		c.releaseAvatar(old)
	}
	return now, err
}

// put stores a value that is given, and reports whether it is news.
func put[T comparable](to **T, value *T) bool {
	if value == nil || *to != nil && **to == *value {
		return false
	}
	*to = value
	return true
}

// cleanServer checks a change.
func (c *Core) cleanServer(ctx context.Context, ch *ServerChange) error {
	for _, f := range []struct {
		setting string
		given   bool
	}{
		{SettingName, ch.Name != nil}, {SettingDescription, ch.Description != nil}, {SettingWelcome, ch.Welcome != nil},
		{SettingRegistration, ch.Registration != nil}, {SettingRoomInvites, ch.RoomInvites != nil},
		{SettingDefaultRooms, ch.DefaultRooms != nil}, {SettingAttachmentBytes, ch.AttachmentBytes != nil},
		{SettingAttachmentTypes, ch.AttachmentTypes != nil}, {SettingName, slices.Contains(ch.Cleared, SettingName)},
		{SettingIcon, ch.Icon != nil}, {SettingBanner, ch.Banner != nil},
	} {
		if _, fixed := c.Fixed[f.setting]; f.given && fixed {
			e := chat.Errorf(chat.Forbidden, "setting_fixed", "The operator of the server has set this: it can only be changed there.")
			e.Field = f.setting
			return e
		}
	}
	text := func(to **string, clean func(string) (string, error)) error {
		if *to == nil {
			return nil
		}
		s, err := clean(**to)
		*to = &s
		return err
	}
	if err := text(&ch.Name, func(s string) (string, error) { return cleanName("name", "server_name", s, 1, maxServerName) }); err != nil {
		return err
	}
	for field, to := range map[string]**string{SettingIcon: &ch.Icon, SettingBanner: &ch.Banner} {
		if err := text(to, cleanAvatarURL); err != nil {
			return chat.InvalidField(field, "avatar_url_invalid", "Give a web address or a path on this server.")
		}
	}
	if err := text(&ch.Description, func(s string) (string, error) {
		return cleanText("description", "description", s, maxServerDescription)
	}); err != nil {
		return err
	}
	if err := text(&ch.Welcome, func(s string) (string, error) { return cleanText("welcome", "welcome", s, maxWelcome) }); err != nil {
		return err
	}
	if r := ch.Registration; r != nil && !slices.Contains([]Registration{RegistrationOpen, RegistrationInvite, RegistrationClosed}, *r) {
		return chat.InvalidField("registration", "registration_invalid", "Registration is open, invite or closed.")
	}
	if n := ch.AttachmentBytes; n != nil && (*n < minAttachmentBytes || c.Limits.AttachmentBytes > 0 && *n > c.Limits.AttachmentBytes) {
		if c.Limits.AttachmentBytes > 0 {
			return chat.InvalidField("attachment_bytes", "attachment_bytes_invalid", "From %d to %d bytes, which is what the operator allows.", minAttachmentBytes, c.Limits.AttachmentBytes)
		}
		return chat.InvalidField("attachment_bytes", "attachment_bytes_invalid", "At least %d bytes.", minAttachmentBytes)
	}
	return c.cleanDefaultRooms(ctx, ch.DefaultRooms)
}

// cleanDefaultRooms refuses rooms that not everybody may enter.
func (c *Core) cleanDefaultRooms(ctx context.Context, rooms *[]chat.RoomID) error {
	if rooms == nil {
		return nil
	}
	if len(*rooms) > maxDefaultRooms {
		return chat.InvalidField("default_rooms", "default_rooms_invalid", "At most %d rooms.", maxDefaultRooms)
	}
	seen := make(map[chat.RoomID]bool)
	for _, id := range *rooms {
		room, err := c.Store.Room(ctx, id)
		if err != nil && chat.CodeOf(err) != chat.ErrRoomNotFound.Code {
			return err
		}
		if err != nil || room.Type != chat.Public || room.Archived || seen[id] {
			return chat.InvalidField("default_rooms", "default_rooms_invalid", "Name public rooms that are there, each once.")
		}
		seen[id] = true
	}
	return nil
}

// changeServer makes a change to what is stored, if it changes anything: it names the fields.
func (c *Core) changeServer(ctx context.Context, by chat.Actor, change func(*storedSettings) (fields []string)) (ServerSettings, error) {
	var now *storedSettings
	err := c.change(ctx, func(tx Tx) (_ []chat.Event, err error) {
		if now, err = readServer(ctx, tx); err != nil {
			return nil, err
		}
		fields := change(now)
		if len(fields) == 0 {
			return nil, nil
		}
		raw, err := json.Marshal(now)
		if err != nil {
			return nil, err
		}
		if err := tx.PutSetting(ctx, serverSetting, raw); err != nil {
			return nil, err
		}
		return []chat.Event{chat.ServerChanged{}}, tx.AddAudit(ctx, c.audit(by, "server.update", "server", "", 0, map[string]any{"fields": fields}))
	})
	if err != nil {
		return ServerSettings{}, err
	}
	return c.effective(now), nil
}

// SetServerIcon stores a picture as the server's icon, made like an avatar; nil takes it away. Fails with permission_missing
// (manage_server) and like an upload.
func (c *Core) SetServerIcon(ctx context.Context, by chat.Actor, picture io.Reader) (s ServerSettings, err error) {
	if _, err := c.permit(ctx, by, chat.ManageServer); err != nil {
		return s, err
	}
	var old string
	record := func(icon string) (err error) {
		s, err = c.changeServer(ctx, by, func(s *storedSettings) []string {
			old = ""
			if s.Icon != nil {
				old = *s.Icon
			}
			if old == icon {
				return nil
			}
			s.Icon = &icon
			return []string{SettingIcon}
		})
		return err
	}
	if picture == nil {
		err = record("")
	} else {
		err = c.storePicture(ctx, by, picture, func(name string) error { return record(AvatarPath + name) })
	}
	if err == nil && old != s.IconURL {
		c.releaseAvatar(old)
	}
	return s, err
}

// entryRooms lists the rooms that new people enter.
func (c *Core) entryRooms(ctx context.Context) ([]chat.RoomID, error) {
	s, err := c.Server(ctx)
	if err != nil {
		return nil, err
	}
	if s.DefaultRooms != nil {
		return s.DefaultRooms, nil
	}
	return c.officialRooms(ctx)
}

// welcome tells somebody new what the administrators have to say.
func (c *Core) welcome(ctx context.Context, tx Tx, user chat.UserID) ([]chat.Event, error) {
	s, err := c.Server(ctx)
	if err != nil || s.Welcome == "" {
		return nil, err
	}
	told, err := c.tell(ctx, tx, user, chat.SeverityInfo, s.Name, s.Welcome, 0)
	return []chat.Event{told}, err
}
