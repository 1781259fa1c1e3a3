package native

import (
	"context"
	"mime/multipart"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/scan"
)

type (
	// ServerSettings are what administrators can change while the server runs.
	ServerSettings struct {
		Name               string            `json:"name" example:"Engine lovers"`
		Description        string            `json:"description" example:"A place for engines"`
		IconURL            *string           `json:"icon_url" doc:"Path of the icon; null for none." example:"/api/avatars/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
		Registration       string            `json:"registration" enum:"open,invite,closed" example:"open"`
		RoomInvites        bool              `json:"registration_by_room_invite" doc:"Where registration is by invite, an invite to a room will do." example:"true"`
		DefaultRooms       *[]string         `json:"default_rooms" doc:"Ids of the public rooms that new people enter; null: the rooms of the server itself."`
		Welcome            string            `json:"welcome" doc:"What new people are told, as a notification; empty for nothing." example:"Mind the gap."`
		AttachmentBytes    *int64            `json:"attachment_bytes" doc:"Of one file; null: no limit." example:"10485760"`
		AttachmentBytesMax *int64            `json:"attachment_bytes_max" doc:"What the operator allows; null: no limit." example:"10485760"`
		AttachmentTypes    []string          `json:"attachment_types" doc:"Types of files that are taken, by ending." example:"[\"jpg\",\"png\",\"mp4\"]"`
		KnownTypes         []string          `json:"attachment_types_known" doc:"All types that the server can tell by their content, by ending."`
		Origins            map[string]string `json:"origins" doc:"Where each value comes from: default, stored (set here), file, environment or flag."`
		ReadOnly           []string          `json:"read_only" doc:"Settings that only the operator can change, by name."`
	}
	settingsRequest struct {
		Name            *string   `json:"name" required:"false" minLength:"1" maxLength:"100" example:"Engine lovers"`
		Description     *string   `json:"description" required:"false" maxLength:"1000" example:"A place for engines"`
		Registration    *string   `json:"registration" required:"false" enum:"open,invite,closed" example:"invite"`
		RoomInvites     *bool     `json:"registration_by_room_invite" required:"false"`
		DefaultRooms    *[]string `json:"default_rooms" required:"false" doc:"Ids of public rooms, at most 50."`
		Welcome         *string   `json:"welcome" required:"false" maxLength:"2000" example:"Mind the gap."`
		AttachmentBytes *int64    `json:"attachment_bytes" required:"false" doc:"At most attachment_bytes_max." example:"5242880"`
		AttachmentTypes *[]string `json:"attachment_types" required:"false" maxItems:"100" doc:"Endings, media types, or classes of these, all of types that the server knows: mp4, audio/mpeg, image/*. Empty: no files." example:"[\"image/*\",\"mp4\"]"`
	}
)

// settingNames are the settings that have an origin.
var settingNames = []string{
	core.SettingName, core.SettingDescription, core.SettingIcon, core.SettingRegistration, core.SettingRoomInvites, core.SettingDefaultRooms,
	core.SettingWelcome, core.SettingAttachmentBytes, core.SettingAttachmentTypes,
}

func (d *Dialect) registerSettings() {
	const tag = "Administration"
	handle(d, "GET /admin/settings", endpoint{id: "admin-get-settings", tag: tag, summary: "Read the server's settings", description: "Needs manage_server.", codes: "permission_missing"},
		func(ctx context.Context, by chat.Actor, _ *noInput) (*reply[ServerSettings], error) {
			s, err := d.core.AdminServer(ctx, by)
			return d.settingsReply(ctx, s, err)
		})
	handle(d, "PATCH /admin/settings", endpoint{
		id: "admin-update-settings", tag: tag, summary: "Change the server's settings", description: "Needs manage_server. Fields that are not given stay. They hold at once, and everyone is told.",
		codes: "permission_missing setting_fixed server_name_invalid description_too_long description_invalid welcome_too_long welcome_invalid registration_invalid default_rooms_invalid attachment_bytes_invalid attachment_types_invalid",
	}, func(ctx context.Context, by chat.Actor, in *struct{ Body settingsRequest }) (*reply[ServerSettings], error) {
		b := in.Body
		ch := core.ServerChange{Name: b.Name, Description: b.Description, Welcome: b.Welcome, RoomInvites: b.RoomInvites, AttachmentBytes: b.AttachmentBytes, AttachmentTypes: b.AttachmentTypes}
		if b.Registration != nil {
			mode := core.Registration(*b.Registration)
			ch.Registration = &mode
		}
		if b.DefaultRooms != nil {
			rooms := make([]chat.RoomID, len(*b.DefaultRooms))
			for i, s := range *b.DefaultRooms {
				rooms[i], _ = chat.ParseRoomID(s) // what is no id is no room, which the core says
			}
			ch.DefaultRooms = &rooms
		}
		s, err := d.core.UpdateServer(ctx, by, ch)
		return d.settingsReply(ctx, s, err)
	})
	form := &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"multipart/form-data": {Schema: &huma.Schema{
		Type: "object", Properties: map[string]*huma.Schema{"file": {Type: "string", Format: "binary"}}, Required: []string{"file"},
	}}}}
	d.plain(d.described("PUT /admin/settings/icon", endpoint{
		id: "admin-set-icon", tag: tag, summary: "Set the server's icon", description: "Needs manage_server. A form with one image, which is treated like a person's picture.",
		codes: "permission_missing file_missing too_many_attachments " + uploadFaults,
	}, form, jsonResponse[ServerSettings](d)), d.setServerIcon)
	handle(d, "DELETE /admin/settings/icon", endpoint{id: "admin-delete-icon", tag: tag, summary: "Take the server's icon away", description: "Needs manage_server.", codes: "permission_missing"},
		func(ctx context.Context, by chat.Actor, _ *noInput) (*nothing, error) {
			_, err := d.core.SetServerIcon(ctx, by, nil)
			return nil, err
		})
}

func (d *Dialect) setServerIcon(w http.ResponseWriter, r *http.Request) {
	var s core.ServerSettings
	err := d.eachFile(w, r, 1, func(p *multipart.Part) (err error) {
		s, err = d.core.SetServerIcon(r.Context(), callOf(r.Context()).actor, p)
		return err
	})
	answer, err := d.settingsReply(r.Context(), s, err)
	if err != nil {
		d.writeError(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, answer.Body)
}

// settingsReply shows settings with their origins.
func (d *Dialect) settingsReply(ctx context.Context, s core.ServerSettings, err error) (*reply[ServerSettings], error) {
	if err != nil {
		return nil, err
	}
	out := ServerSettings{
		Name: s.Name, Description: s.Description, IconURL: orNil(s.IconURL), Registration: string(s.Registration), RoomInvites: s.RoomInvites,
		Welcome: s.Welcome, AttachmentBytes: positive(s.AttachmentBytes), AttachmentBytesMax: positive(d.core.Limits.AttachmentBytes),
		AttachmentTypes: typeNames(s.AttachmentTypes), KnownTypes: typeNames(scan.AllTypes()),
		Origins: make(map[string]string, len(settingNames)), ReadOnly: []string{},
	}
	if s.DefaultRooms != nil {
		rooms := convert(s.DefaultRooms, chat.RoomID.String)
		out.DefaultRooms = &rooms
	}
	for _, name := range settingNames {
		origin, fixed, err := d.core.SettingOrigin(ctx, name)
		if err != nil {
			return nil, err
		}
		out.Origins[name] = origin
		if fixed {
			out.ReadOnly = append(out.ReadOnly, name)
		}
	}
	return ok(out), nil
}

// TransformSchema implements huma.SchemaTransformer.
func (*ServerSettings) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	s.Properties["default_rooms"].Nullable = true
	return s
}
