package native

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/scan"
)

type (
	// Limits are the bounds that clients may want to know before they run into them.
	Limits struct {
		ContentCharacters       int      `json:"content_characters" example:"10000"`
		RoomNameCharacters      int      `json:"room_name_characters" example:"100"`
		DescriptionCharacters   int      `json:"description_characters" example:"1000"`
		DisplayNameCharacters   int      `json:"display_name_characters" example:"50"`
		StatusMessageCharacters int      `json:"status_message_characters" example:"100"`
		BodyBytes               int64    `json:"body_bytes" doc:"Of a request, uploads aside." example:"1048576"`
		AttachmentBytes         *int64   `json:"attachment_bytes" doc:"Of one file; null: no limit." example:"10485760"`
		AttachmentsPerMessage   *int     `json:"attachments_per_message" doc:"Null: no limit." example:"10"`
		AttachmentTypes         []string `json:"attachment_types" doc:"By ending: the default is these, and operators and administrators may take sound and films too (mp4, mov, webm, ogv, mp3, m4a, ogg, weba, wav, flac), or less." example:"[\"jpg\",\"png\",\"gif\",\"webp\",\"pdf\",\"doc\",\"docx\",\"zip\"]"`
		MessagesPer10s          *int     `json:"messages_per_10s" doc:"Null: no limit." example:"10"`
		EditWindowSeconds       *int64   `json:"edit_window_seconds" doc:"Age up to which a message can be edited; null: always." example:"900"`
		ReactionsPerMessage     int      `json:"reactions_per_message" doc:"Different emoji." example:"20"`
	}
	// Server is what anyone may know of the server.
	Server struct {
		Name         string   `json:"name" example:"Engine lovers"`
		Description  string   `json:"description" example:"A place for engines"`
		IconURL      *string  `json:"icon_url" doc:"Path of the icon; null for none." example:"/api/avatars/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
		Welcome      string   `json:"welcome" doc:"What new people are told; empty for nothing." example:"Mind the gap."`
		Version      string   `json:"version" example:"1.4.0"`
		API          string   `json:"api" doc:"The version of this API." example:"1.0.0"`
		Registration string   `json:"registration" enum:"open,invite,closed" example:"open"`
		RoomInvites  bool     `json:"registration_by_room_invite" doc:"Where registration is by invite, an invite to a room will do." example:"true"`
		Dialects     []string `json:"dialects" doc:"The protocols that are on."`
		Websocket    string   `json:"websocket" example:"/api/ws"`
		HeartbeatMS  int64    `json:"heartbeat_ms" example:"30000"`
		Push         bool     `json:"push" doc:"Notifications can be pushed to browsers."`
		Limits       Limits   `json:"limits"`
	}
)

func (d *Dialect) registerServer() {
	const tag = "Server"
	handle(d, "GET /server", endpoint{id: "get-server", tag: tag, access: anyone, summary: "Read what the server is and can do"},
		func(ctx context.Context, _ chat.Actor, _ *noInput) (*reply[Server], error) {
			s, err := d.core.Server(ctx)
			return ok(d.server(s)), err
		})
	d.plain(d.described("GET /ws", endpoint{
		id: "connect", tag: tag, access: anyone, summary: "Open the WebSocket",
		description: "Frames and close codes: /api/docs/websocket. The login comes as the cookie, as ?token=, as the subprotocol pair bearer, <token>, or as a bearer header.",
		codes:       "token_invalid origin_forbidden banned timed_out too_many_connections",
	}, nil, nil), func(w http.ResponseWriter, r *http.Request) {
		if d.sockets == nil || d.hub == nil {
			d.writeError(w, r, chat.Errorf(chat.Unavailable, "unavailable", "The WebSocket is off."))
			return
		}
		d.serveWS(w, r)
	})
	d.plain(d.described("GET /openapi.json", endpoint{id: "get-openapi", tag: tag, access: anyone, summary: "Read this reference as OpenAPI 3.1"},
		nil, &huma.Response{Description: "The document.", Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Type: "object"}}}}),
		func(w http.ResponseWriter, _ *http.Request) { serveDocument(w, "application/json", d.document().json) })
	page := func(route, id, summary string, body func(*document) []byte) {
		d.plain(d.described(route, endpoint{id: id, tag: tag, access: anyone, summary: summary}, nil,
			&huma.Response{Description: "The page.", Content: map[string]*huma.MediaType{"text/html": {Schema: &huma.Schema{Type: "string"}}}}),
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Security-Policy", pagePolicy)
				serveDocument(w, "text/html; charset=utf-8", body(d.document()))
			})
	}
	page("GET /docs", "get-docs", "Read this reference as a page", func(doc *document) []byte { return doc.page })
	page("GET /docs/websocket", "get-websocket-docs", "Read the reference of the WebSocket as a page", func(doc *document) []byte { return doc.socketPage })
}

// server converts the server's settings.
func (d *Dialect) server(s core.ServerSettings) Server {
	return Server{
		Name: s.Name, Description: s.Description, IconURL: orNil(s.IconURL), Welcome: s.Welcome, Version: d.Version, API: apiVersion,
		Registration: string(s.Registration), RoomInvites: s.RoomInvites, Dialects: append([]string{}, d.Dialects...), Websocket: prefix + "/ws",
		HeartbeatMS: d.heartbeat.Milliseconds(), Push: d.PushKey != "", Limits: d.limits(s),
	}
}

// limits is what the server is set to.
func (d *Dialect) limits(s core.ServerSettings) Limits {
	l := d.core.Limits
	return Limits{
		ContentCharacters: core.MaxContent, RoomNameCharacters: 100, DescriptionCharacters: 1000, DisplayNameCharacters: 50, StatusMessageCharacters: 100,
		BodyBytes: d.BodyBytes, AttachmentBytes: positive(s.AttachmentBytes), AttachmentsPerMessage: positive(l.AttachmentsPerMessage),
		AttachmentTypes: typeNames(s.AttachmentTypes), MessagesPer10s: positive(l.MessagesPer10s), EditWindowSeconds: positive(int64(l.EditWindow.Seconds())),
		ReactionsPerMessage: 20,
	}
}

func typeNames(types []scan.Type) []string {
	return convert(types, func(t scan.Type) string { return string(t) })
}

// positive turns no limit into null.
func positive[T int | int64](n T) *T {
	if n <= 0 {
		return nil
	}
	return &n
}
