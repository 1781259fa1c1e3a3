package core_test

import (
	"fmt"
	"testing"
	"time"

	"parley/internal/chat"
)

func TestPin(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.user("ada"), w.user("bob")
	id := w.room("Tea", chat.Public, ada, bob)
	msg, other, gone := w.say(bob, id, "x"), w.say(bob, id, "y"), w.say(bob, id, "z")
	_, err := w.DeleteMessage(w.ctx, bob, gone.ID)
	w.must(err)
	for _, tc := range []struct {
		name string
		by   chat.Actor
		msg  chat.MessageID
		code string
	}{
		{"a member pins nothing", bob, msg.ID, "pin_forbidden"},
		{"an unknown message", ada, 9999, "message_not_found"},
		{"a tombstone", ada, gone.ID, "message_deleted"},
		{"a stranger", w.user("eve"), msg.ID, "not_a_member"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := w.Pin(w.ctx, tc.by, tc.msg); chat.CodeOf(err) != tc.code {
				t.Errorf("got %v, want %q", err, tc.code)
			}
		})
	}
	w.told()
	pinned, err := w.Pin(w.ctx, ada, msg.ID)
	if err != nil || !pinned.Pinned || pinned.PinnedBy != ada.UserID || pinned.Sender == nil || kinds(w.told()) != "MessageChanged" {
		t.Errorf("pinned %+v, %v", pinned, err)
	}
	if again, err := w.Pin(w.ctx, ada, msg.ID); err != nil || again.ChangeSeq != pinned.ChangeSeq || len(w.told()) != 0 {
		t.Errorf("pinned twice: %+v, %v", again, err)
	}
	w.wait(time.Second)
	_, err = w.Pin(w.ctx, ada, other.ID)
	w.must(err)
	pins, err := w.Pins(w.ctx, bob, id)
	if err != nil || len(pins) != 2 || pins[0].ID != other.ID || pins[1].Sender == nil {
		t.Errorf("the board has %+v, %v", pins, err)
	}
	w.told()
	if off, err := w.Unpin(w.ctx, ada, msg.ID); err != nil || off.Pinned || kinds(w.told()) != "MessageChanged" {
		t.Errorf("unpinned: %+v, %v", off, err)
	}
	if _, err := w.Unpin(w.ctx, ada, msg.ID); err != nil || len(w.told()) != 0 {
		t.Errorf("unpinned twice: %v", err)
	}
	_, err = w.Pins(w.ctx, w.user("zoe"), id)
	w.want(err, "not_a_member")
	direct := w.direct(ada, bob)
	_, err = w.Pin(w.ctx, bob, w.say(ada, direct, "x").ID)
	w.want(err, "")
}

func TestTheBoardIsBounded(t *testing.T) {
	w := newWorld(t)
	ada := w.user("ada")
	id := w.room("Tea", chat.Private, ada)
	for i := range 100 {
		_, err := w.Pin(w.ctx, ada, w.say(ada, id, fmt.Sprint(i)).ID)
		w.must(err)
	}
	_, err := w.Pin(w.ctx, ada, w.say(ada, id, "one more").ID)
	w.want(err, "too_many_pins")
}
