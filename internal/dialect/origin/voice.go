package origin

import (
	"context"

	"parley/internal/chat"
	"parley/internal/core"
)

var voiceCommands = map[string]command{
	"voice_join":   voiceJoin,
	"voice_leave":  voiceLeave,
	"voice_mute":   voiceMute(true),
	"voice_unmute": voiceMute(false),
	"voice_state":  voiceState,
}

type (
	voicePacket struct { // voice_user_joined, voice_user_updated
		Cmd     string    `json:"cmd"`
		Channel string    `json:"channel"`
		User    voiceUser `json:"user"`
	}
	voiceUser struct {
		ID       string `json:"id"`
		Username string `json:"username"`
		Muted    bool   `json:"muted"`
		PeerID   string `json:"peer_id,omitempty"`
	}
	voiceLeftPacket struct {
		Cmd      string `json:"cmd"`
		Channel  string `json:"channel"`
		Username string `json:"username"`
	}
	voiceJoinReply struct {
		Cmd          string      `json:"cmd"`
		Channel      string      `json:"channel"`
		Participants []voicePeer `json:"participants"`
	}
	voicePeer struct {
		Username string `json:"username"`
		PeerID   string `json:"peer_id"`
		Muted    bool   `json:"muted"`
	}
	voiceStateReply struct {
		Cmd          string      `json:"cmd"`
		Channel      string      `json:"channel"`
		Participants []voiceUser `json:"participants"`
	}
	voiceMuteReply struct {
		Cmd     string `json:"cmd"`
		Channel string `json:"channel"`
		Muted   bool   `json:"muted"`
	}
	voiceLeaveReply struct {
		Cmd     string `json:"cmd"`
		Channel string `json:"channel"`
	}
)

// voiceUser shows a participant; the peer id is there for participants alone (DV-80).
func (d *Dialect) voiceUser(ctx context.Context, p chat.Participant, inside bool) voiceUser {
	u := voiceUser{ID: string(p.UserID), Username: d.nameByID(ctx, p.UserID), Muted: p.Muted}
	if p.User != nil {
		u.ID, u.Username = d.idOf(ctx, p.User), nameOf(p.User)
	}
	if inside {
		u.PeerID = p.PeerID
	}
	return u
}

func (d *Dialect) voiceEvent(ctx context.Context, cmd string, p chat.Participant, viewer chat.UserID) any {
	return voicePacket{cmd, d.channelName(ctx, p.RoomID), d.voiceUser(ctx, p, viewer != "")}
}

// voiceWords are the core's refusals in the words of the protocol (specs: originchats-commands §4).
var voiceWords = map[string]string{
	"room_not_found": "You do not have permission to access this voice channel", "read_forbidden": "You do not have permission to access this voice channel",
	"not_a_member": "You do not have permission to access this voice channel", "room_not_voice": "This is not a voice channel",
	"not_in_voice": "You are not in a voice channel", "peer_id_invalid": "Invalid value for 'peer_id'",
}

func voiceJoin(ctx context.Context, s *socket, q *request) (any, error) {
	d := s.dialect
	peer, err := q.text("peer_id")
	if err != nil {
		return nil, err
	}
	name, err := q.text("channel")
	if err != nil {
		return nil, err
	}
	switch {
	case peer == "":
		return nil, refuse(q.cmd, "Peer ID is required")
	case name == "":
		return nil, refuse(q.cmd, "Channel name is required")
	}
	room, err := d.channel(ctx, s.actor, name)
	if err != nil {
		return nil, inWords(err, q.cmd, voiceWords)
	}
	if room.Form == chat.Voice { // everybody hears of the leaving before the joining, also in another channel
		if old, err := d.core.LeaveVoice(ctx, s.actor); err == nil {
			d.hub.Flush(ctx, chat.Scope{Room: old})
		}
	}
	all, err := d.core.JoinVoice(ctx, s.actor, core.VoiceEntry{RoomID: room.ID, PeerID: peer, Media: chat.OutsideMedia})
	if err != nil {
		return nil, inWords(err, q.cmd, voiceWords)
	}
	reply := voiceJoinReply{q.cmd, name, []voicePeer{}}
	for _, p := range all {
		if p.UserID != s.actor.UserID {
			u := d.voiceUser(ctx, p, true)
			reply.Participants = append(reply.Participants, voicePeer{u.Username, u.PeerID, u.Muted})
		}
	}
	d.hub.Flush(ctx, chat.Scope{Room: room.ID})
	return reply, nil
}

func voiceLeave(ctx context.Context, s *socket, q *request) (any, error) {
	room, err := s.dialect.core.LeaveVoice(ctx, s.actor)
	if err != nil {
		return nil, inWords(err, q.cmd, voiceWords)
	}
	s.dialect.hub.Flush(ctx, chat.Scope{Room: room})
	return voiceLeaveReply{q.cmd, s.dialect.channelName(ctx, room)}, nil
}

func voiceMute(muted bool) command {
	return func(ctx context.Context, s *socket, q *request) (any, error) {
		p, err := s.dialect.core.SetVoice(ctx, s.actor, &muted, nil)
		if err != nil {
			return nil, inWords(err, q.cmd, voiceWords)
		}
		s.dialect.hub.Flush(ctx, chat.Scope{Room: p.RoomID})
		return voiceMuteReply{q.cmd, s.dialect.channelName(ctx, p.RoomID), p.Muted}, nil
	}
}

func voiceState(ctx context.Context, s *socket, q *request) (any, error) {
	d := s.dialect
	name, err := q.text("channel")
	if err != nil {
		return nil, err
	}
	if name == "" {
		return nil, refuse(q.cmd, "Channel name is required")
	}
	room, err := d.channel(ctx, s.actor, name)
	if err != nil {
		return nil, inWords(err, q.cmd, voiceWords)
	}
	all, err := d.core.VoiceState(ctx, s.actor, room.ID)
	if err != nil {
		return nil, inWords(err, q.cmd, voiceWords)
	}
	reply := voiceStateReply{q.cmd, name, make([]voiceUser, len(all))}
	for i, p := range all {
		reply.Participants[i] = d.voiceUser(ctx, p, true) // the core left the peer ids out where they are not to be told
	}
	return reply, nil
}
