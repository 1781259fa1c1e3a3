package core_test

import (
	"fmt"
	"testing"
	"time"

	"parley/internal/chat"
)

func TestMarkRead(t *testing.T) {
	w := newWorld(t)
	ada, bob, mod := w.user("ada"), w.user("bob"), w.user("mod", chat.RoleModerator)
	id := w.room("Tea", chat.Public, ada, bob)
	var messages []*chat.Message
	for range 5 {
		messages = append(messages, w.say(ada, id, "hi @bob"))
	}
	w.told()
	state, err := w.MarkReadMessage(w.ctx, bob, messages[2].ID)
	if err != nil || state.UnreadCount != 2 || state.MentionCount != 2 || state.LastReadSeq != messages[2].Seq || state.UserID != bob.UserID {
		t.Fatalf("got %+v, %v", state, err)
	}
	if events := w.told(); kinds(events) != "ReadMoved UnreadChanged" || events[0].(chat.ReadMoved).Seq != messages[2].Seq || events[1] != state {
		t.Errorf("told %+v", events)
	}
	if n, err := w.UnreadNotifications(w.ctx, bob); err != nil || n != 2 {
		t.Errorf("%d notifications are unread, %v", n, err)
	}
	if state, err = w.MarkReadMessage(w.ctx, bob, messages[0].ID); err != nil || state.LastReadSeq != messages[2].Seq || len(w.told()) != 0 {
		t.Errorf("back to %+v, %v", state, err)
	}
	if state, err = w.MarkRead(w.ctx, bob, id, 1<<40); err != nil || state.UnreadCount != 0 || state.LastReadSeq != messages[4].Seq {
		t.Errorf("beyond the end: %+v, %v", state, err)
	}
	if n, err := w.UnreadNotifications(w.ctx, bob); err != nil || n != 0 {
		t.Errorf("%d notifications are unread, %v", n, err)
	}
	for _, tc := range []struct {
		name string
		by   chat.Actor
		room chat.RoomID
		seq  chat.Seq
		code string
	}{
		{"a place is not negative", bob, id, -1, "seq_invalid"},
		{"a stranger reads nothing", w.user("eve"), id, 1, "not_a_member"},
		{"a moderator who is not in the room has no marker", mod, id, 1, "not_a_member"},
		{"an unknown room", bob, 9999, 1, "room_not_found"},
		{"the operator has no marker", chat.Operator, id, 1, "person_needed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := w.MarkRead(w.ctx, tc.by, tc.room, tc.seq); chat.CodeOf(err) != tc.code {
				t.Errorf("got %v, want %q", err, tc.code)
			}
		})
	}
}

func TestReadingFindsItsNotificationAmongMany(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.user("ada"), w.user("bob")
	id, other := w.room("Tea", chat.Private, ada, bob), w.room("Other", chat.Private, ada, bob)
	first := w.say(ada, id, "@bob")
	for i := range 150 {
		w.say(ada, other, fmt.Sprint("@bob ", i))
	}
	last := w.say(ada, id, "@bob")
	_, err := w.MarkReadMessage(w.ctx, bob, first.ID)
	w.must(err)
	if n, err := w.UnreadNotifications(w.ctx, bob); err != nil || n != 151 {
		t.Errorf("%d are unread, %v", n, err)
	}
	w.say(bob, id, "answers, which moves the marker by itself")
	_, err = w.MarkReadMessage(w.ctx, bob, last.ID)
	w.must(err)
	if n, err := w.UnreadNotifications(w.ctx, bob); err != nil || n != 150 {
		t.Errorf("%d are unread, %v", n, err)
	}
}

func TestDelivered(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.user("ada"), w.user("bob")
	id, room := w.direct(ada, bob), w.room("Tea", chat.Private, ada, bob)
	first, second, elsewhere := w.say(ada, id, "1"), w.say(ada, id, "2"), w.say(ada, room, "3")
	w.told()
	w.must(w.MarkDelivered(w.ctx, bob.UserID, id, second.Seq+100)) // there is no such message
	events := w.told()
	if kinds(events) != "ReadMoved" || events[0] != (chat.ReadMoved{RoomID: id, UserID: bob.UserID, Seq: second.Seq, Delivered: true}) {
		t.Errorf("told %+v", events)
	}
	w.must(w.MarkDelivered(w.ctx, bob.UserID, id, second.Seq))
	w.must(w.MarkDelivered(w.ctx, bob.UserID, id, first.Seq))
	w.must(w.MarkDelivered(w.ctx, bob.UserID, room, elsewhere.Seq))
	if events := w.told(); len(events) != 0 {
		t.Errorf("told %+v", events)
	}
}

func TestReceipts(t *testing.T) {
	w := newWorld(t)
	ada, bob, eve := w.user("ada"), w.user("bob"), w.user("eve")
	id := w.room("Tea", chat.Public, ada, bob, eve)
	msg := w.say(ada, id, "x")
	w.wait(time.Minute)
	late := w.user("late")
	_, err := w.Join(w.ctx, late, id)
	w.must(err)
	_, err = w.MarkReadMessage(w.ctx, eve, msg.ID)
	w.must(err)
	w.wait(time.Minute)
	w.say(bob, id, "who writes has read what is above")
	w.wait(time.Hour)
	_, err = w.MarkRead(w.ctx, eve, id, 1<<40)
	w.must(err)
	receipts, err := w.Receipts(w.ctx, bob, msg.ID)
	if err != nil || len(receipts) != 2 || receipts[0].User.ID != eve.UserID || receipts[1].User.ID != bob.UserID {
		t.Fatalf("read by %+v, %v", receipts, err)
	}
	if at := receipts[0].Receipt.ReadAt; !at.Equal(worldStart.Add(time.Minute)) {
		t.Errorf("eve read it at %v", at)
	}
	_, err = w.Receipts(w.ctx, w.user("zoe"), msg.ID)
	w.want(err, "not_a_member")
	_, err = w.Receipts(w.ctx, ada, 9999)
	w.want(err, "message_not_found")
}
