package origin

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"parley/internal/chat"
	"parley/internal/core"
)

// protocolVersion is what the handshake tells (specs: originchats §2.1).
const protocolVersion = "1.1.0"

type handshakePacket struct {
	Cmd string    `json:"cmd"`
	Val handshake `json:"val"`
}

type handshake struct {
	Server       serverShown     `json:"server"`
	Limits       limitsShown     `json:"limits"`
	Attachments  attachmentRules `json:"attachments"`
	Version      string          `json:"version"`
	ValidatorKey string          `json:"validator_key"`
	Capabilities []string        `json:"capabilities"`
	Permissions  []string        `json:"permissions"`
	AuthMode     AuthMode        `json:"auth_mode"`
}

type serverShown struct {
	Name   string     `json:"name"`
	Owner  ownerShown `json:"owner"`
	Icon   string     `json:"icon,omitempty"`
	Banner string     `json:"banner,omitempty"`
	URL    string     `json:"url,omitempty"`
}

type ownerShown struct {
	Name string `json:"name"`
}

type limitsShown struct {
	PostContent   int `json:"post_content"`
	SearchResults int `json:"search_results"`
}

type attachmentRules struct {
	Enabled        bool     `json:"enabled"`
	MaxSize        int64    `json:"max_size"`
	AllowedTypes   []string `json:"allowed_types"`
	MaxPerUser     int      `json:"max_attachments_per_user"`
	PermanentTiers []string `json:"permanent_tiers"`
}

// searchResults is how many hits a search shows (specs: originchats §11 limits.search_results).
const searchResults = 30

// handshake is the first packet of a connection.
func (d *Dialect) handshake(ctx context.Context, s *socket) ([]byte, error) {
	server, err := d.core.Server(ctx)
	if err != nil {
		return nil, err
	}
	return packetText(handshakePacket{"handshake", handshake{
		Server: d.serverShown(ctx, s.host, server),
		Limits: limitsShown{d.PostContent, searchResults},
		Attachments: attachmentRules{Enabled: true, MaxSize: d.core.Limits.AttachmentBytes, AllowedTypes: []string{"image/*", "application/pdf"},
			MaxPerUser: -1, PermanentTiers: []string{"pro", "max"}},
		Version: protocolVersion, ValidatorKey: s.key, Capabilities: d.capabilities(server.Registration == core.RegistrationOpen), Permissions: serverPermissions, AuthMode: d.AuthMode,
	}}), nil
}

func (d *Dialect) serverShown(_ context.Context, base string, server core.ServerSettings) serverShown {
	shown := serverShown{Name: server.Name, Owner: ownerShown{"Admin"}, URL: d.base(base),
		Icon: d.picture(base, server.IconURL), Banner: d.picture(base, server.BannerURL)}
	return shown
}

// base is where this server is reached by http, without a slash at the end.
func (d *Dialect) base(asked string) string {
	if d.PublicURL != "" {
		return strings.TrimSuffix(d.PublicURL, "/")
	}
	return asked
}

// baseOf is what a request was sent to.
func baseOf(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

// serverPermissions are the permissions that roles have, as this protocol lists them (specs: originchats §7.1).
var serverPermissions = []string{"administrator", "manage_server", "view_audit_log", "manage_roles", "manage_channels", "manage_threads", "manage_users",
	"manage_messages", "read_message_history", "send_messages", "embed_links", "attach_files", "add_reactions", "external_emojis", "connect", "speak",
	"stream", "use_voice_activity", "mention_everyone", "use_slash_commands"}

// permissionOnWire and permissionOffWire translate the one permission that has another name in the core.
func permissionOnWire(p chat.Permission) string {
	if p == chat.ManageRooms {
		return "manage_channels"
	}
	return string(p)
}

func permissionOffWire(name string) chat.Permission {
	if name == "manage_channels" {
		return chat.ManageRooms
	}
	return chat.Permission(name)
}

// alsoCapable are capabilities that are no commands, and packets that have commands' names (specs: originchats §2.6).
var alsoCapable = []string{"auth", "attachment_upload", "events", "nickname_remove", "nickname_update"}

// capabilities are what the handshake advertises: every command there is; that of registering where anybody may.
func (d *Dialect) capabilities(open bool) []string {
	names := slices.Clone(alsoCapable)
	for name := range commands {
		if d.PushKey != "" || pushCommands[name] == nil {
			names = append(names, name)
		}
	}
	if d.AuthMode != AuthRotur {
		names = append(names, "login")
		if open {
			names = append(names, "register")
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
