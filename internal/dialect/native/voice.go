package native

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"parley/internal/chat"
	"parley/internal/core"
)

// ICEServer is a helper that browsers use to reach each other (RFC 8829, RTCIceServer).
type ICEServer struct {
	URLs       []string `json:"urls" example:"[\"stun:stun.example.org:3478\"]"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

type (
	// Participant is somebody in a voice room.
	Participant struct {
		User     *UserSummary `json:"user"`
		Muted    bool         `json:"muted"`
		Deafened bool         `json:"deafened"`
		Media    string       `json:"media" enum:"relayed,outside" doc:"How to reach their audio: relayed by WebRTC with signals through voice_signal; outside: on another kind of client, not from here."`
		PeerID   string       `json:"peer_id,omitempty" doc:"Only for participants of the same room."`
		JoinedAt string       `json:"joined_at" format:"date-time" example:"2026-03-01T10:15:00.000Z"`
	}
	// VoiceRoom is who is in a voice room, in the order in which they came.
	VoiceRoom struct {
		RoomID       string        `json:"room_id" example:"12"`
		Participants []Participant `json:"participants"`
	}
	voiceList struct {
		Rooms      []VoiceRoom `json:"rooms" doc:"The caller's voice rooms, those without participants as well."`
		ICEServers []ICEServer `json:"ice_servers" doc:"What the operator set for browsers to find each other by; empty: they connect directly."`
	}
	voiceAnswerFrame struct { // ok of voice_join
		Type   string    `json:"type"`
		Ref    string    `json:"ref"`
		PeerID string    `json:"peer_id"`
		Voice  VoiceRoom `json:"voice"`
	}
	voiceFrame struct { // voice_joined, voice_updated
		Type        string      `json:"type"`
		RoomID      string      `json:"room_id"`
		Participant Participant `json:"participant"`
	}
	voiceLeftFrame struct {
		Type   string `json:"type"`
		RoomID string `json:"room_id"`
		UserID string `json:"user_id"`
	}
	voiceSignalFrame struct {
		Type   string `json:"type"`
		RoomID string `json:"room_id"`
		UserID string `json:"user_id"`
		PeerID string `json:"peer_id"`
		Data   opaque `json:"data"`
	}
)

// TransformSchema implements huma.SchemaTransformer.
func (*Participant) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return nullable(s, "user")
}

func (d *Dialect) registerVoice() {
	const tag = "Voice"
	handle(d, "GET /voice", endpoint{id: "list-voice", tag: tag, summary: "List who is in the own voice rooms",
		description: "Taking part is done over the WebSocket: voice_join."},
		func(ctx context.Context, by chat.Actor, _ *noInput) (*reply[voiceList], error) {
			views, err := d.core.Rooms(ctx, by)
			if err != nil {
				return nil, err
			}
			var ids []chat.RoomID
			for _, v := range views {
				if v.Room.Form == chat.Voice {
					ids = append(ids, v.Room.ID)
				}
			}
			in, err := d.core.VoiceRooms(ctx, ids)
			if err != nil {
				return nil, err
			}
			list := voiceList{Rooms: make([]VoiceRoom, 0, len(ids)), ICEServers: d.ICEServers}
			if list.ICEServers == nil {
				list.ICEServers = []ICEServer{}
			}
			for _, id := range ids {
				list.Rooms = append(list.Rooms, d.voiceRoom(id, in[id]))
			}
			return ok(list), nil
		})
	handle(d, "GET /rooms/{id}/voice", endpoint{id: "get-voice", tag: tag, summary: "Say who is in a voice room", codes: "room_not_found not_a_member room_not_voice"},
		func(ctx context.Context, by chat.Actor, in *RoomPath) (*reply[VoiceRoom], error) {
			id, err := in.room()
			if err != nil {
				return nil, err
			}
			all, err := d.core.VoiceState(ctx, by, id)
			return ok(d.voiceRoom(id, all)), err
		})
}

func (d *Dialect) voiceRoom(id chat.RoomID, all []chat.Participant) VoiceRoom {
	return VoiceRoom{id.String(), convert(all, d.participant)}
}

func (d *Dialect) participant(p chat.Participant) Participant {
	shown := Participant{Muted: p.Muted, Deafened: p.Deafened, Media: string(p.Media), PeerID: p.PeerID, JoinedAt: stamp(p.JoinedAt)}
	if p.User != nil {
		u := d.summary(p.User)
		shown.User = &u
	}
	return shown
}

// outsider is a participant as those see it who are not in the room.
func outsider(p chat.Participant) chat.Participant {
	p.PeerID = ""
	return p
}

// voiceEvent is the frame of a participant who came or changed, with the peer id for those who are in the room (viewer given).
func (d *Dialect) voiceEvent(kind string, p chat.Participant, viewer chat.UserID) any {
	if viewer == "" {
		p = outsider(p)
	}
	return voiceFrame{kind, p.RoomID.String(), d.participant(p)}
}

// voiceClientFrames are the frames of a client that are about voice rooms. The peer id of who takes part over this dialect is
// the connection's name.
var voiceClientFrames = map[string]frameHandler{
	"voice_join": func(ctx context.Context, s *socket, f *clientFrame) (any, error) {
		room, err := f.room()
		if err != nil {
			return nil, err
		}
		all, err := s.dialect.core.JoinVoice(ctx, s.actor, core.VoiceEntry{RoomID: room, PeerID: s.actor.Connection, Media: chat.RelayedMedia,
			Muted: f.Muted != nil && *f.Muted})
		if err != nil || f.Ref == "" {
			return answered, err
		}
		return voiceAnswerFrame{"ok", f.Ref, s.actor.Connection, s.dialect.voiceRoom(room, all)}, nil
	},
	"voice_leave": func(ctx context.Context, s *socket, _ *clientFrame) (any, error) {
		_, err := s.dialect.core.LeaveVoice(ctx, s.actor)
		return nil, err
	},
	"voice_update": func(ctx context.Context, s *socket, f *clientFrame) (any, error) {
		_, err := s.dialect.core.SetVoice(ctx, s.actor, f.Muted, f.Deafened)
		return nil, err
	},
	"voice_signal": func(ctx context.Context, s *socket, f *clientFrame) (any, error) {
		return nil, s.dialect.core.Signal(ctx, s.actor, chat.UserID(f.UserID), f.Data)
	},
}
