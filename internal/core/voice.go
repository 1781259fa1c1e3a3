package core

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"parley/internal/chat"
)

// Bounds of voice rooms.
const (
	maxParticipants = 100      // in one room: everybody's client talks to everybody's
	maxPeerID       = 200      // bytes
	MaxVoiceSignal  = 32 << 10 // bytes of one signal; a description of a connection has a few thousand
)

// participant is what the volatile state knows of someone in a voice room.
type participant struct {
	RoomID   chat.RoomID     `json:"room"`
	UserID   chat.UserID     `json:"user"`
	PeerID   string          `json:"peer"`
	Media    chat.VoiceMedia `json:"media"`
	Muted    bool            `json:"muted,omitempty"`
	Deafened bool            `json:"deafened,omitempty"`
}

func shownParticipant(x lease[participant]) chat.Participant {
	p := x.Item
	return chat.Participant{RoomID: p.RoomID, UserID: p.UserID, PeerID: p.PeerID, Media: p.Media, Muted: p.Muted, Deafened: p.Deafened,
		Connection: x.Connection, JoinedAt: x.Since}
}

// VoiceEntry is how somebody wants to take part in a voice room.
type VoiceEntry struct {
	RoomID chat.RoomID
	PeerID string          // 1–200 bytes without control characters; told to the other participants alone
	Media  chat.VoiceMedia // relayed or outside
	Muted  bool
}

var (
	errVoiceRoom    = chat.Errorf(chat.Invalid, "room_not_voice", "This is not a voice room.")
	errNotInVoice   = chat.Errorf(chat.Conflict, "not_in_voice", "You are not in a voice room.")
	errNoConnection = chat.Errorf(chat.Invalid, "connection_needed", "This needs a live connection: send it over the WebSocket.")
)

// voiceRoom says whether the actor may be in a voice room.
func (c *Core) voiceRoom(ctx context.Context, by chat.Actor, room chat.RoomID) error {
	s, err := c.allow(ctx, by, chat.CanRead, room)
	switch {
	case err != nil:
		return err
	case s.room.Form != chat.Voice:
		return errVoiceRoom
	}
	return nil
}

// JoinVoice makes the actor's connection take part in a voice room and returns all participants, the actor included, in the
// order in which they came. A person takes part once: wherever they were before, on this or another connection, they leave
// first. Everyone who can read the room hears of it. Fails with room_not_found, read_forbidden and the other refusals of
// reading, room_not_voice, room_archived, peer_id_invalid, voice_full, connection_needed, unavailable.
func (c *Core) JoinVoice(ctx context.Context, by chat.Actor, e VoiceEntry) (all []chat.Participant, err error) {
	if by.Connection == "" {
		return nil, errNoConnection
	}
	if e.PeerID == "" || len(e.PeerID) > maxPeerID || !utf8.ValidString(e.PeerID) || strings.ContainsFunc(e.PeerID, isControl) {
		return nil, chat.InvalidField("peer_id", "peer_id_invalid", "A peer id has 1 to %d characters and no control characters.", maxPeerID)
	}
	if err := c.voiceRoom(ctx, by, e.RoomID); err != nil {
		return nil, err
	}
	if s, err := c.seat(ctx, by, e.RoomID); err != nil {
		return nil, err
	} else if s.room.Archived {
		return nil, chat.Errorf(chat.Forbidden, "room_archived", "This room is archived: nobody can talk in it.")
	}
	key := string(by.UserID)
	err = c.locked(ctx, c.voice.value(key), func() error {
		before, was, err := c.voice.get(ctx, key)
		if err != nil {
			return err
		}
		others, err := c.participants(ctx, e.RoomID)
		if err != nil {
			return err
		}
		if len(others) >= maxParticipants && !(was && before.Item.RoomID == e.RoomID) {
			return chat.Errorf(chat.Conflict, "voice_full", "There are %d people in this voice room, which is the most there can be.", maxParticipants)
		}
		if was {
			if _, dropped, err := c.voice.drop(ctx, key, ""); err != nil {
				return err
			} else if dropped {
				c.emit([]chat.Event{chat.VoiceLeft{RoomID: before.Item.RoomID, UserID: by.UserID}})
			}
		}
		since := c.now()
		for _, p := range others { // who comes last stands last, whatever the clock says
			if p.UserID != by.UserID && !since.After(p.JoinedAt) {
				since = p.JoinedAt.Add(time.Microsecond)
			}
		}
		seat := lease[participant]{Key: key, Connection: by.Connection, Since: since,
			Item: participant{RoomID: e.RoomID, UserID: by.UserID, PeerID: e.PeerID, Media: e.Media, Muted: e.Muted}}
		if err := c.voice.put(ctx, seat); err != nil {
			return err
		}
		if all, err = c.participants(ctx, e.RoomID); err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(p chat.Participant) bool { return p.UserID == by.UserID })
		if i < 0 {
			return unavailable(errors.New("a lease was lost at once"))
		}
		c.emit([]chat.Event{chat.VoiceJoined{Participant: all[i], Insiders: peopleOf(all)}})
		return nil
	})
	return all, err
}

// LeaveVoice takes the actor's connection out of the voice room that it is in, and returns the room. Fails with not_in_voice,
// also when the person takes part on another connection, or unavailable.
func (c *Core) LeaveVoice(ctx context.Context, by chat.Actor) (chat.RoomID, error) {
	seat, err := c.VoiceSeat(ctx, by)
	if err != nil {
		return 0, err
	}
	return seat.RoomID, c.leaveVoice(ctx, by.UserID, by.Connection)
}

// leaveVoice takes a person out if they take part on that connection.
func (c *Core) leaveVoice(ctx context.Context, user chat.UserID, connection string) error {
	return c.locked(ctx, c.voice.value(string(user)), func() error {
		x, dropped, err := c.voice.drop(ctx, string(user), connection)
		if dropped {
			c.emit([]chat.Event{chat.VoiceLeft{RoomID: x.Item.RoomID, UserID: user}})
		}
		return err
	})
}

// VoiceSeat returns how the actor's connection takes part in a voice room. Fails with not_in_voice or unavailable.
func (c *Core) VoiceSeat(ctx context.Context, by chat.Actor) (chat.Participant, error) {
	x, ok, err := c.voice.get(ctx, string(by.UserID))
	if err == nil && (!ok || x.Connection != by.Connection || by.Connection == "") {
		err = errNotInVoice
	}
	if err != nil {
		return chat.Participant{}, err
	}
	p := shownParticipant(x)
	p.User, err = c.user(ctx, p.UserID)
	return p, err
}

// SetVoice mutes or deafens the actor's own part in a voice room, or takes that back; nil stays. Everyone who can read the room
// hears of it, also when nothing changed. Fails with not_in_voice or unavailable.
func (c *Core) SetVoice(ctx context.Context, by chat.Actor, muted, deafened *bool) (p chat.Participant, err error) {
	key := string(by.UserID)
	err = c.locked(ctx, c.voice.value(key), func() error {
		x, ok, err := c.voice.get(ctx, key)
		if err == nil && (!ok || x.Connection != by.Connection || by.Connection == "") {
			err = errNotInVoice
		}
		if err != nil {
			return err
		}
		if muted != nil {
			x.Item.Muted = *muted
		}
		if deafened != nil {
			x.Item.Deafened = *deafened
		}
		if err := c.voice.put(ctx, x); err != nil {
			return err
		}
		all, err := c.participants(ctx, x.Item.RoomID)
		if err != nil {
			return err
		}
		p = shownParticipant(x)
		if p.User, err = c.user(ctx, p.UserID); err != nil {
			return err
		}
		c.emit([]chat.Event{chat.VoiceChanged{Participant: p, Insiders: peopleOf(all)}})
		return nil
	})
	return p, err
}

// VoiceState returns who takes part in a voice room, in the order in which they came. Peer ids are there only if the actor's
// connection takes part too. Fails with the refusals of reading, room_not_voice, unavailable.
func (c *Core) VoiceState(ctx context.Context, by chat.Actor, room chat.RoomID) ([]chat.Participant, error) {
	if err := c.voiceRoom(ctx, by, room); err != nil {
		return nil, err
	}
	all, err := c.participants(ctx, room)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(all, func(p chat.Participant) bool { return p.Connection == by.Connection && by.Connection != "" }) {
		hidePeers(all)
	}
	return all, nil
}

// VoiceRooms returns who takes part in which of the rooms, without peer ids, for lists of rooms that somebody was shown. Rooms
// without participants are left out. It costs the same however many rooms there are.
func (c *Core) VoiceRooms(ctx context.Context, rooms []chat.RoomID) (map[chat.RoomID][]chat.Participant, error) {
	all, err := c.participants(ctx, rooms...)
	if err != nil {
		return nil, err
	}
	hidePeers(all)
	in := make(map[chat.RoomID][]chat.Participant)
	for _, p := range all {
		in[p.RoomID] = append(in[p.RoomID], p)
	}
	return in, nil
}

// Signal hands what the actor's client has to tell another participant of the same voice room to that one's connection. Fails
// with not_in_voice, participant_not_found (not in the same room, or not to be reached this way), signal_invalid, unavailable.
func (c *Core) Signal(ctx context.Context, by chat.Actor, to chat.UserID, data json.RawMessage) error {
	if len(data) == 0 || len(data) > MaxVoiceSignal || !json.Valid(data) {
		return chat.InvalidField("data", "signal_invalid", "A signal is JSON of at most %d KiB.", MaxVoiceSignal>>10)
	}
	from, err := c.VoiceSeat(ctx, by)
	if err != nil {
		return err
	}
	x, ok, err := c.voice.get(ctx, string(to))
	if err != nil {
		return err
	}
	if !ok || x.Item.RoomID != from.RoomID || x.Item.Media != chat.RelayedMedia || from.Media != chat.RelayedMedia || to == by.UserID {
		return chat.Errorf(chat.NotFound, "participant_not_found", "This person is not in the voice room, or cannot be reached from here.")
	}
	c.emit([]chat.Event{chat.VoiceSignal{RoomID: from.RoomID, From: by.UserID, PeerID: from.PeerID, Recipient: to, Connection: x.Connection, Data: data}})
	return nil
}

// participants returns those in rooms, with who they are.
func (c *Core) participants(ctx context.Context, rooms ...chat.RoomID) (all []chat.Participant, err error) {
	seats, err := c.voice.all(ctx)
	if err != nil {
		return nil, err
	}
	for _, x := range seats {
		if slices.Contains(rooms, x.Item.RoomID) {
			all = append(all, shownParticipant(x))
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	users, err := c.users.get(ctx, peopleOf(all))
	if err != nil {
		return nil, err
	}
	for i := range all {
		all[i].User = users[all[i].UserID]
	}
	return slices.DeleteFunc(all, func(p chat.Participant) bool { return p.User == nil }), nil
}

func peopleOf(all []chat.Participant) []chat.UserID {
	people := make([]chat.UserID, len(all))
	for i, p := range all {
		people[i] = p.UserID
	}
	return people
}

func hidePeers(all []chat.Participant) {
	for i := range all {
		all[i].PeerID = ""
	}
}

// recheckVoice takes those out, of this node's connections, who may not be in their voice room any more.
func (c *Core) recheckVoice(ctx context.Context) error {
	for _, x := range c.voice.mine() {
		p := x.Item
		err := c.voiceRoom(ctx, chat.Actor{UserID: p.UserID}, p.RoomID)
		if err == nil {
			s, failed := c.seat(ctx, chat.Actor{UserID: p.UserID}, p.RoomID)
			if failed != nil || !s.room.Archived {
				continue
			}
		} else if k := chat.AsError(err).Kind; k == chat.Internal || k == chat.Unavailable {
			return err
		}
		if err := c.leaveVoice(ctx, p.UserID, x.Connection); err != nil {
			return err
		}
	}
	return nil
}

// emptied are the events of a voice room whose participants leave because it is deleted.
func (c *Core) emptied(ctx context.Context, room chat.RoomID) (events []chat.Event) {
	all, err := c.participants(ctx, room)
	c.note(ctx, "who is in a voice room could not be found out", err)
	for _, p := range all {
		events = append(events, chat.VoiceLeft{RoomID: room, UserID: p.UserID})
	}
	return events
}

// vacate takes out the participants who were told to leave.
func (c *Core) vacate(ctx context.Context, left []chat.Event) {
	for _, ev := range left {
		e := ev.(chat.VoiceLeft)
		err := c.locked(ctx, c.voice.value(string(e.UserID)), func() error {
			x, ok, err := c.voice.get(ctx, string(e.UserID))
			if err == nil && ok && x.Item.RoomID == e.RoomID {
				_, _, err = c.voice.drop(ctx, string(e.UserID), "")
			}
			return err
		})
		c.note(ctx, "a participant of a deleted voice room could not be taken out", err)
	}
}
