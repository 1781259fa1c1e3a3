package plugin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Manifest is plugin.json: what a plugin is, and all that it may hear and do.
type Manifest struct {
	Name        string                     `json:"name"`
	Version     string                     `json:"version"`
	Description string                     `json:"description"`
	Author      string                     `json:"author"`      // the name over its messages; empty: Name
	Events      []string                   `json:"events"`      // that it hears of
	Permissions []Permission               `json:"permissions"` // what it may ask for
	Hosts       []string                   `json:"hosts"`       // that it may reach by HTTPS, "*.example.org" for those below a name
	Config      map[string]json.RawMessage `json:"config"`      // settings and their defaults
}

// Permission is something that a plugin may do.
type Permission string

// The permissions.
const (
	ReadMessages   Permission = "messages.read"   // of rooms that are neither direct nor encrypted
	ReadDirect     Permission = "messages.direct" // of direct rooms, too
	SendMessages   Permission = "messages.send"   // under its own name
	DeleteMessages Permission = "messages.delete" // anybody's
	React          Permission = "reactions"
	ReadPeople     Permission = "people.read"
	TimeOut        Permission = "people.timeout" // of those who have no rank
	ReadRooms      Permission = "rooms.read"
	Commands       Permission = "commands"  // slash commands
	Storage        Permission = "storage"   // values of its own
	HTTP           Permission = "http"      // requests to Hosts
	Configure      Permission = "configure" // its own settings
	Emit           Permission = "emit"      // auto_moderate
	ActForPeople   Permission = "act_for_people"
)

// Permissions lists every permission.
func Permissions() []Permission {
	return []Permission{ReadMessages, ReadDirect, SendMessages, DeleteMessages, React, ReadPeople, TimeOut, ReadRooms, Commands, Storage, HTTP, Configure, Emit, ActForPeople}
}

// The events that plugins can hear of (specs: OriginChats §13), and what it takes to hear of them.
const (
	ServerStart     = "server_start"
	UserJoin        = "user_join" // has an account now
	UserLeave       = "user_leave"
	UserConnect     = "user_connect" // can be seen by others
	UserDisconnect  = "user_disconnect"
	UserUpdate      = "user_update"
	UserBan         = "user_ban"
	UserUnban       = "user_unban"
	UserTimeout     = "user_timeout" // muted or timed out
	UserUntimeout   = "user_untimeout"
	UserWarn        = "user_warn"
	NewMessage      = "new_message"
	MessageEdit     = "message_edit"
	MessageDelete   = "message_delete"
	MessagePin      = "message_pin"
	MessageUnpin    = "message_unpin"
	ReactionAdd     = "reaction_add"
	ReactionRemove  = "reaction_remove"
	TypingEvent     = "typing"
	RoomUpdate      = "room_update"
	RoomDelete      = "room_delete"
	RoomJoin        = "room_join"
	RoomLeave       = "room_leave"
	RolesUpdate     = "roles_update"
	SlashCall       = "slash_call"
	AutoModerate    = "auto_moderate" // a plugin acted on a message
	customPrefix    = "custom:"       // what plugins tell each other
	maxManifestList = 64
)

var eventPermissions = map[string]Permission{
	ServerStart: "", UserJoin: ReadPeople, UserLeave: ReadPeople, UserConnect: ReadPeople, UserDisconnect: ReadPeople, UserUpdate: ReadPeople,
	UserBan: ReadPeople, UserUnban: ReadPeople, UserTimeout: ReadPeople, UserUntimeout: ReadPeople, UserWarn: ReadPeople,
	NewMessage: ReadMessages, MessageEdit: ReadMessages, MessageDelete: ReadMessages, MessagePin: ReadMessages, MessageUnpin: ReadMessages,
	ReactionAdd: ReadMessages, ReactionRemove: ReadMessages, TypingEvent: ReadPeople, RoomUpdate: ReadRooms, RoomDelete: ReadRooms,
	RoomJoin: ReadRooms, RoomLeave: ReadRooms, RolesUpdate: "", SlashCall: Commands, AutoModerate: "",
}

var (
	pluginID     = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,31}$`)
	settingName  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,63}$`)
	customEvent  = regexp.MustCompile(`^custom:[a-z0-9][a-z0-9_:-]{0,63}$`)
	hostName     = regexp.MustCompile(`^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$`)
	controlRunes = func(r rune) bool {
		return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
	}
)

// SettingEnabled is the setting that every plugin has: whether it runs.
const SettingEnabled = "enabled"

// ParseManifest reads plugin.json and tells of everything that is wrong with it at once.
func ParseManifest(b []byte) (Manifest, error) {
	var m Manifest
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return m, fmt.Errorf("plugin.json: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return m, errors.New("plugin.json: there is more behind the object")
	}
	var errs []error
	wrong := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("plugin.json: "+format, args...))
	}
	text := func(field, s string, least, most int) {
		if n := utf8.RuneCountInString(s); !utf8.ValidString(s) || n < least || n > most || strings.ContainsFunc(s, controlRunes) || strings.TrimSpace(s) != s {
			wrong("%s is a text of %d to %d characters on one line", field, least, most)
		}
	}
	text("name", m.Name, 1, 50)
	text("version", m.Version, 1, 32)
	text("description", m.Description, 0, 500)
	if m.Author == "" {
		m.Author = m.Name
	}
	text("author", m.Author, 1, 32)
	for _, n := range []int{len(m.Events), len(m.Permissions), len(m.Hosts), len(m.Config)} {
		if n > maxManifestList {
			wrong("a list has at most %d entries", maxManifestList)
		}
	}
	for _, p := range m.Permissions {
		if !slices.Contains(Permissions(), p) {
			wrong("there is no permission %.50q", p)
		}
	}
	for _, e := range m.Events {
		needs, known := eventPermissions[e]
		switch {
		case !known && !customEvent.MatchString(e):
			wrong("there is no event %.50q", e)
		case needs != "" && !slices.Contains(m.Permissions, needs):
			wrong("the event %s needs the permission %s", e, needs)
		}
	}
	for _, h := range m.Hosts {
		if !ValidHost(h) {
			wrong("%.100q is no host: write example.org, or *.example.org for the names below it", h)
		}
	}
	if len(m.Hosts) > 0 && !slices.Contains(m.Permissions, HTTP) {
		wrong("hosts need the permission %s", HTTP)
	}
	for name := range m.Config {
		if !settingName.MatchString(name) {
			wrong("%.50q cannot be the name of a setting", name)
		}
	}
	if m.Config == nil {
		m.Config = make(map[string]json.RawMessage)
	}
	if enabled, ok := m.Config[SettingEnabled]; !ok {
		m.Config[SettingEnabled] = json.RawMessage("false")
	} else if kindOf(enabled) != "true or false" {
		wrong("%s is true or false", SettingEnabled)
	}
	return m, errors.Join(errs...)
}

// ValidHost reports whether a text can be one of a plugin's hosts.
func ValidHost(h string) bool {
	_, err := netip.ParseAddr(h)
	return err != nil && len(h) <= 253 && hostName.MatchString(h)
}

// may reports whether the plugin has a permission.
func (m *Manifest) may(p Permission) bool { return slices.Contains(m.Permissions, p) }

// hears reports whether the plugin wants to hear of an event.
func (m *Manifest) hears(event string) bool { return slices.Contains(m.Events, event) }

// matchHost reports whether a host is one of those named: itself, or below a name with an asterisk; "*" is any.
func matchHost(hosts []string, host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	return slices.ContainsFunc(hosts, func(h string) bool {
		if below, ok := strings.CutPrefix(h, "*."); ok {
			return strings.HasSuffix(host, "."+below)
		}
		return h == "*" || h == host
	})
}
