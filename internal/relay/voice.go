package relay

import (
	"encoding/json"

	"parley/internal/chat"
)

// participant writes someone in a voice room, the room first.
func (w *writer) participant(p chat.Participant) {
	w.int(int64(p.RoomID))
	w.text(string(p.UserID))
	w.text(p.PeerID)
	w.text(string(p.Media))
	w.bool(p.Muted)
	w.bool(p.Deafened)
	w.text(p.Connection)
	w.time(p.JoinedAt)
}

func (r *reader) participant() (p chat.Participant) {
	p.RoomID = r.room()
	p.UserID = r.who()
	p.PeerID = r.text()
	p.Media = chat.VoiceMedia(r.text())
	p.Muted = r.bool()
	p.Deafened = r.bool()
	p.Connection = r.text()
	p.JoinedAt = r.time()
	return p
}

// commands are written as their JSON, which is also how they are kept.
func (w *writer) commands(list []chat.Command) {
	raw, _ := json.Marshal(list) // our own type: it always marshals
	w.bytes(raw)
}

func (r *reader) commands() (list []chat.Command) {
	if json.Unmarshal(r.bytes(), &list) != nil {
		r.fault = true
	}
	return list
}
