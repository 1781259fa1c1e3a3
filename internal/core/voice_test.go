package core_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

// on is the actor on a connection of this name.
func on(by chat.Actor, connection string) chat.Actor {
	by.Connection = connection
	return by
}

// voiceRoom makes a voice room.
func (w *world) voiceRoom(name string, kind chat.RoomType, owner chat.Actor, members ...chat.Actor) chat.RoomID {
	w.Helper()
	view, err := w.CreateRoom(w.ctx, owner, core.NewRoom{Name: name, Type: kind, Form: chat.Voice})
	w.must(err)
	for _, m := range members {
		_, err := w.AddMember(w.ctx, chat.Operator, view.Room.ID, m.UserID, chat.RoomMember)
		w.must(err)
	}
	return view.Room.ID
}

func (w *world) speak(by chat.Actor, room chat.RoomID) []chat.Participant {
	w.Helper()
	w.wait(time.Millisecond)
	all, err := w.JoinVoice(w.ctx, by, core.VoiceEntry{RoomID: room, PeerID: "peer-" + by.Connection, Media: chat.RelayedMedia})
	w.must(err)
	return all
}

// voices tells what happened in voice rooms since it was last asked.
func (w *world) voices() (lines []string) {
	for _, ev := range w.told() {
		switch e := ev.(type) {
		case chat.VoiceJoined:
			lines = append(lines, fmt.Sprintf("%s joined %d as %s, heard by %d inside", e.Participant.User.Username, e.Participant.RoomID, e.Participant.PeerID, len(e.Insiders)))
		case chat.VoiceChanged:
			lines = append(lines, fmt.Sprintf("%s muted %v deafened %v", e.Participant.User.Username, e.Participant.Muted, e.Participant.Deafened))
		case chat.VoiceLeft:
			lines = append(lines, fmt.Sprintf("%s left %d", e.UserID[len(e.UserID)-1:], e.RoomID))
		}
	}
	return lines
}

// awaitVoice waits for a line of voices.
func (w *world) awaitVoice(want string) {
	w.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if slices.Contains(w.voices(), want) {
			return
		}
	}
	w.Fatalf("waited in vain for %q", want)
}

func TestAPersonHasOneSeatInVoiceRooms(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.user("ada", chat.RoleOwner), w.user("bob")
	one := w.voiceRoom("Lounge", chat.Public, ada, bob)
	two := w.voiceRoom("Studio", chat.Public, ada, bob)
	w.told()
	w.speak(on(bob, "b1"), one)
	all := w.speak(on(ada, "a1"), one)
	if len(all) != 2 || all[0].UserID != bob.UserID || all[0].PeerID != "peer-b1" || all[1].User.Username != "ada" {
		t.Errorf("participants %+v", all)
	}
	w.speak(on(ada, "a2"), two) // from another connection: the seat moves
	if got, want := w.voices(), []string{
		fmt.Sprintf("bob joined %d as peer-b1, heard by 1 inside", one), fmt.Sprintf("ada joined %d as peer-a1, heard by 2 inside", one),
		fmt.Sprintf("1 left %d", one), fmt.Sprintf("ada joined %d as peer-a2, heard by 1 inside", two),
	}; !reflect.DeepEqual(got, want) {
		t.Errorf("told %q\nwant %q", got, want)
	}
	_, err := w.LeaveVoice(w.ctx, on(ada, "a1"))
	w.want(err, "not_in_voice")
	w.Disconnected(w.ctx, on(ada, "a1")) // must not take the seat away
	if _, err := w.VoiceSeat(w.ctx, on(ada, "a2")); err != nil {
		t.Errorf("the seat is gone: %v", err)
	}
	_, err = w.SetVoice(w.ctx, on(ada, "a1"), ptr(true), nil)
	w.want(err, "not_in_voice")
	p, err := w.SetVoice(w.ctx, on(ada, "a2"), ptr(true), nil)
	if err != nil || !p.Muted {
		t.Errorf("muted: %+v, %v", p, err)
	}
	w.speak(on(ada, "a2"), two) // again: leaves and comes back, not muted
	room, err := w.LeaveVoice(w.ctx, on(ada, "a2"))
	if err != nil || room != two {
		t.Errorf("left %d, %v", room, err)
	}
	if got, want := w.voices(), []string{"ada muted true deafened false", fmt.Sprintf("1 left %d", two),
		fmt.Sprintf("ada joined %d as peer-a2, heard by 1 inside", two), fmt.Sprintf("1 left %d", two)}; !reflect.DeepEqual(got, want) {
		t.Errorf("told %q\nwant %q", got, want)
	}
	w.Disconnected(w.ctx, on(bob, "b1"))
	if got, want := w.voices(), []string{fmt.Sprintf("2 left %d", one)}; !reflect.DeepEqual(got, want) {
		t.Errorf("told %q\nwant %q", got, want)
	}
	if in, err := w.VoiceRooms(w.ctx, []chat.RoomID{one, two}); err != nil || len(in) != 0 {
		t.Errorf("somebody is left: %v, %v", in, err)
	}
}

func TestWhoMayTakePartInVoiceRooms(t *testing.T) {
	w := newWorld(t)
	ada, bob, eve := w.user("ada"), w.user("bob"), w.user("eve")
	public, private := w.voiceRoom("Public", chat.Public, ada, bob), w.voiceRoom("Private", chat.Private, ada, bob)
	text := w.room("Text", chat.Public, ada, bob)
	archived := w.voiceRoom("Old", chat.Public, ada, bob)
	_, err := w.UpdateRoom(w.ctx, ada, archived, core.RoomChange{Archived: ptr(true)})
	w.must(err)
	banned := w.user("banned")
	_, err = w.AddMember(w.ctx, chat.Operator, public, banned.UserID, chat.RoomMember)
	w.must(err)
	_, err = w.Sanction(w.ctx, chat.Operator, core.Measure{Kind: chat.Ban, RoomID: public, UserID: banned.UserID})
	w.must(err)
	muted := w.user("muted")
	_, err = w.AddMember(w.ctx, chat.Operator, public, muted.UserID, chat.RoomMember)
	w.must(err)
	_, err = w.Sanction(w.ctx, chat.Operator, core.Measure{Kind: chat.Mute, RoomID: public, UserID: muted.UserID})
	w.must(err)
	for _, c := range []struct {
		name string
		by   chat.Actor
		e    core.VoiceEntry
		want string
	}{
		{"a member of a public room takes part", on(bob, "c"), core.VoiceEntry{RoomID: public, PeerID: "p"}, ""},
		{"a member of a private room takes part", on(bob, "c"), core.VoiceEntry{RoomID: private, PeerID: "p"}, ""},
		{"nobody else sees the private room", on(eve, "c"), core.VoiceEntry{RoomID: private, PeerID: "p"}, "room_not_found"},
		{"a stranger to a public room joins it first", on(eve, "c"), core.VoiceEntry{RoomID: public, PeerID: "p"}, "not_a_member"},
		{"who is banned from the room does not get in", on(banned, "c"), core.VoiceEntry{RoomID: public, PeerID: "p"}, "banned"},
		{"who is muted may listen", on(muted, "c"), core.VoiceEntry{RoomID: public, PeerID: "p"}, ""},
		{"a room of texts is no voice room", on(bob, "c"), core.VoiceEntry{RoomID: text, PeerID: "p"}, "room_not_voice"},
		{"nobody talks in an archived room", on(bob, "c"), core.VoiceEntry{RoomID: archived, PeerID: "p"}, "room_archived"},
		{"it needs a connection", bob, core.VoiceEntry{RoomID: public, PeerID: "p"}, "connection_needed"},
		{"it needs a peer id", on(bob, "c"), core.VoiceEntry{RoomID: public}, "peer_id_invalid"},
		{"a peer id is short", on(bob, "c"), core.VoiceEntry{RoomID: public, PeerID: strings.Repeat("p", 201)}, "peer_id_invalid"},
		{"a peer id has no control characters", on(bob, "c"), core.VoiceEntry{RoomID: public, PeerID: "p\n"}, "peer_id_invalid"},
		{"there is no such room", on(bob, "c"), core.VoiceEntry{RoomID: 4711, PeerID: "p"}, "room_not_found"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := w.JoinVoice(w.ctx, c.by, c.e)
			if got := chat.CodeOf(err); got != c.want {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
	w.speak(on(ada, "a"), public)
	for _, c := range []struct {
		name string
		by   chat.Actor
		peer string
		want string
	}{
		{"a participant learns the peer ids", on(ada, "a"), "peer-a", ""},
		{"on another connection they do not", on(ada, "a2"), "", ""},
		{"a viewer does not", on(bob, "b"), "", ""},
		{"nobody looks into what they may not read", on(eve, "e"), "", "not_a_member"},
	} {
		t.Run(c.name, func(t *testing.T) {
			all, err := w.VoiceState(w.ctx, c.by, public)
			if chat.CodeOf(err) != c.want {
				t.Fatalf("error %v, want %q", err, c.want)
			}
			if i := slices.IndexFunc(all, func(p chat.Participant) bool { return p.UserID == ada.UserID }); err == nil && (i < 0 || all[i].PeerID != c.peer) {
				t.Errorf("participants %+v", all)
			}
		})
	}
}

func TestWhoLosesTheRightLosesTheSeat(t *testing.T) {
	w := newWorld(t)
	ada := w.user("ada", chat.RoleOwner)
	for i, c := range []struct {
		name string
		do   func(room chat.RoomID, bob chat.Actor) error
	}{
		{"by a ban from the room", func(room chat.RoomID, bob chat.Actor) error {
			_, err := w.Sanction(w.ctx, ada, core.Measure{Kind: chat.Ban, RoomID: room, UserID: bob.UserID})
			return err
		}},
		{"by a timeout", func(room chat.RoomID, bob chat.Actor) error {
			_, err := w.Sanction(w.ctx, ada, core.Measure{Kind: chat.Timeout, RoomID: room, UserID: bob.UserID, Until: w.clock().Add(time.Hour)})
			return err
		}},
		{"by being removed", func(room chat.RoomID, bob chat.Actor) error { return w.RemoveMember(w.ctx, ada, room, bob.UserID) }},
		{"by leaving", func(room chat.RoomID, bob chat.Actor) error { return w.Leave(w.ctx, bob, room) }},
		{"when the room is archived", func(room chat.RoomID, _ chat.Actor) error {
			_, err := w.UpdateRoom(w.ctx, ada, room, core.RoomChange{Archived: ptr(true)})
			return err
		}},
		{"when the room is deleted", func(room chat.RoomID, _ chat.Actor) error { return w.DeleteRoom(w.ctx, ada, room, room.String()) }},
		{"by a grant that denies reading", func(room chat.RoomID, bob chat.Actor) error {
			return w.SetGrant(w.ctx, ada, chat.Grant{RoomID: room, UserID: bob.UserID, Right: chat.CanRead})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			bob := w.user(fmt.Sprintf("bob%d", i))
			room := w.voiceRoom(fmt.Sprintf("Room %d", i), chat.Private, ada, bob)
			w.speak(on(bob, "b"), room)
			w.told()
			w.must(c.do(room, bob))
			w.awaitVoice(fmt.Sprintf("%s left %d", bob.UserID[len(bob.UserID)-1:], room))
			if _, err := w.VoiceSeat(w.ctx, on(bob, "b")); chat.CodeOf(err) != "not_in_voice" {
				t.Errorf("the seat is still there: %v", err)
			}
		})
	}
}

func TestSignalsGoFromParticipantToParticipant(t *testing.T) {
	w := newWorld(t)
	ada, bob, eve, old := w.user("ada"), w.user("bob"), w.user("eve"), w.user("old")
	room := w.voiceRoom("Lounge", chat.Public, ada, bob, eve, old)
	other := w.voiceRoom("Other", chat.Public, ada, eve)
	w.speak(on(ada, "a"), room)
	w.speak(on(bob, "b"), room)
	w.speak(on(eve, "e"), other)
	_, err := w.JoinVoice(w.ctx, on(old, "o"), core.VoiceEntry{RoomID: room, PeerID: "p", Media: chat.OutsideMedia})
	w.must(err)
	big := json.RawMessage(`"` + strings.Repeat("x", core.MaxVoiceSignal) + `"`)
	w.told()
	for _, c := range []struct {
		name string
		by   chat.Actor
		to   chat.UserID
		data json.RawMessage
		want string
	}{
		{"to another one in the room", on(ada, "a"), bob.UserID, json.RawMessage(`{"sdp":1}`), ""},
		{"not from another connection", on(ada, "a2"), bob.UserID, json.RawMessage(`{}`), "not_in_voice"},
		{"not without one", ada, bob.UserID, json.RawMessage(`{}`), "not_in_voice"},
		{"not to another room", on(ada, "a"), eve.UserID, json.RawMessage(`{}`), "participant_not_found"},
		{"not to oneself", on(ada, "a"), ada.UserID, json.RawMessage(`{}`), "participant_not_found"},
		{"not to who is reached elsewhere", on(ada, "a"), old.UserID, json.RawMessage(`{}`), "participant_not_found"},
		{"nothing that is too large", on(ada, "a"), bob.UserID, big, "signal_invalid"},
		{"nothing that is no JSON", on(ada, "a"), bob.UserID, json.RawMessage(`{`), "signal_invalid"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := w.Signal(w.ctx, c.by, c.to, c.data); chat.CodeOf(err) != c.want {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
	want := []chat.Event{chat.VoiceSignal{RoomID: room, From: ada.UserID, PeerID: "peer-a", Recipient: bob.UserID, Connection: "b", Data: json.RawMessage(`{"sdp":1}`)}}
	if got := w.told(); !reflect.DeepEqual(got, want) {
		t.Errorf("told %+v", got)
	}
}

func TestSeatsOfANodeThatDiedAreFreed(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.user("ada"), w.user("bob")
	room := w.voiceRoom("Lounge", chat.Public, ada, bob)
	w.speak(on(ada, "a"), room)
	w.speak(on(bob, "b"), room)
	w.told()
	w.wait(50 * time.Second)
	w.ForgetLeases(bob.UserID) // as if his node were gone
	w.must(w.RenewLeases(w.ctx))
	w.wait(11 * time.Second)
	if all, err := w.VoiceState(w.ctx, ada, room); err != nil || len(all) != 1 {
		t.Errorf("participants %+v, %v", all, err)
	}
	w.must(w.RenewLeases(w.ctx))
	if got, want := w.voices(), []string{fmt.Sprintf("2 left %d", room)}; !reflect.DeepEqual(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
	w.must(w.State.Delete(w.ctx, "voice:renewed", "voice:lease:"+string(ada.UserID))) // the state lost everything
	w.must(w.RenewLeases(w.ctx))
	if _, err := w.VoiceSeat(w.ctx, on(ada, "a")); err != nil {
		t.Errorf("the seat did not come back: %v", err)
	}
}
