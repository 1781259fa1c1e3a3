package chat

import (
	"encoding/json"
	"time"
)

// VoiceMedia says how the others reach a participant's audio. The server carries none itself.
type VoiceMedia string

// The ways to a participant's audio.
const (
	// RelayedMedia is WebRTC between participants whose signals this server hands on, see VoiceSignal.
	RelayedMedia VoiceMedia = "relayed"
	// OutsideMedia is arranged elsewhere, with the peer id; those who use the other way see the participant but cannot hear them.
	OutsideMedia VoiceMedia = "outside"
)

// Participant is a person who takes part in a voice room, from one connection. There is at most one of each person.
type Participant struct {
	RoomID     RoomID
	UserID     UserID
	User       *User  // filled by core
	PeerID     string // by which the other participants reach this one; empty for those who only look
	Media      VoiceMedia
	Muted      bool
	Deafened   bool
	Connection string // the connection that takes part; told to nobody
	JoinedAt   time.Time
}

// VoiceJoined says that a person takes part in a voice room now. Insiders are all who do; nobody else may learn the peer id.
type VoiceJoined struct {
	Participant Participant
	Insiders    []UserID
}

// VoiceChanged says that a participant muted or deafened themselves, or no longer.
type VoiceChanged struct {
	Participant Participant
	Insiders    []UserID
}

// VoiceLeft says that a person no longer takes part.
type VoiceLeft struct {
	RoomID RoomID
	UserID UserID
}

// VoiceSignal carries what two participants' clients have to tell each other before they can talk, from one to the other.
type VoiceSignal struct {
	RoomID     RoomID
	From       UserID
	PeerID     string // the sender's
	Recipient  UserID
	Connection string // the recipient's
	Data       json.RawMessage
}

func (e VoiceJoined) Scope() Scope  { return Scope{Room: e.Participant.RoomID} }
func (e VoiceChanged) Scope() Scope { return Scope{Room: e.Participant.RoomID} }
func (e VoiceLeft) Scope() Scope    { return Scope{Room: e.RoomID} }
func (e VoiceSignal) Scope() Scope  { return Scope{Users: []UserID{e.Recipient}} }

// To implements Addressed.
func (e VoiceSignal) To() string { return e.Connection }
