package core_test

import (
	"fmt"
	"sync"
	"testing"

	"parley/internal/chat"
	"parley/internal/core"
)

func TestReact(t *testing.T) {
	w := newWorld(t)
	ada, bob, eve := w.user("ada"), w.user("bob"), w.user("eve")
	id, closed := w.room("Tea", chat.Public, ada, bob), w.room("Closed", chat.Private, ada)
	msg, hidden, gone := w.say(ada, id, "x"), w.say(ada, closed, "x"), w.say(ada, id, "x")
	_, err := w.DeleteMessage(w.ctx, ada, gone.ID)
	w.must(err)
	muted := w.user("muted")
	_, err = w.Join(w.ctx, muted, id)
	w.must(err)
	_, err = w.Sanction(w.ctx, ada, core.Measure{Kind: chat.Mute, RoomID: id, UserID: muted.UserID})
	w.must(err)
	for _, tc := range []struct {
		name  string
		by    chat.Actor
		msg   chat.MessageID
		emoji string
		code  string
	}{
		{"a word is no emoji", ada, msg.ID, "nice", "emoji_invalid"},
		{"an unknown message", ada, 9999, "👍", "message_not_found"},
		{"a message of a room one does not see", bob, hidden.ID, "👍", "message_not_found"},
		{"a stranger to the room", eve, msg.ID, "👍", "not_a_member"},
		{"a tombstone", ada, gone.ID, "👍", "message_deleted"},
		{"the muted", muted, msg.ID, "👍", "muted"},
		{"the operator is nobody", chat.Operator, msg.ID, "👍", "person_needed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, _, err := w.React(w.ctx, tc.by, tc.msg, tc.emoji); chat.CodeOf(err) != tc.code {
				t.Errorf("reacting: %v, want %q", err, tc.code)
			}
			if _, _, err := w.Unreact(w.ctx, tc.by, tc.msg, tc.emoji); chat.CodeOf(err) != tc.code && tc.code != "message_deleted" {
				t.Errorf("taking back: %v, want %q", err, tc.code)
			}
		})
	}
	w.told()
	after, added, err := w.React(w.ctx, bob, msg.ID, "❤")
	if err != nil || !added || len(after.Reactions) != 1 || after.Reactions[0].Emoji != "❤️" || !after.Reactions[0].By(bob.UserID) || after.Sender == nil {
		t.Fatalf("got %+v, %v, %v", after, added, err)
	}
	events := w.told()
	if e, ok := events[0].(chat.ReactionAdded); !ok || len(events) != 1 || e.UserID != bob.UserID || e.Emoji != "❤️" || e.Message.ChangeSeq <= msg.ChangeSeq {
		t.Errorf("told %+v", events)
	}
	if again, added, err := w.React(w.ctx, bob, msg.ID, "❤️"); err != nil || added || again.ChangeSeq != after.ChangeSeq || again.Sender == nil || len(w.told()) != 0 {
		t.Errorf("again: %+v, %v, %v", again, added, err)
	}
	after, removed, err := w.Unreact(w.ctx, bob, msg.ID, "❤️")
	if err != nil || !removed || len(after.Reactions) != 0 || kinds(w.told()) != "ReactionRemoved" {
		t.Errorf("took back: %+v, %v, %v", after, removed, err)
	}
	if after, removed, err = w.Unreact(w.ctx, bob, msg.ID, "❤️"); err != nil || removed || after.Sender == nil || len(w.told()) != 0 {
		t.Errorf("took back twice: %v, %v", removed, err)
	}
}

func TestWhoReacted(t *testing.T) {
	w := newWorld(t)
	ada := w.user("ada")
	id := w.room("Tea", chat.Public, ada)
	msg := w.say(ada, id, "x")
	if list, err := w.Reactions(w.ctx, ada, msg.ID); err != nil || len(list) != 0 {
		t.Errorf("before anybody reacted: %+v, %v", list, err)
	}
	_, _, err := w.React(w.ctx, ada, msg.ID, "🎉")
	w.must(err)
	var people []chat.Actor
	for i := range 101 {
		p := w.user(fmt.Sprintf("person%03d", i))
		people = append(people, p)
		_, err := w.Join(w.ctx, p, id)
		w.must(err)
		_, _, err = w.React(w.ctx, p, msg.ID, "👍")
		w.must(err)
	}
	w.must(w.DeleteUser(w.ctx, chat.Operator, people[1].UserID))
	list, err := w.Reactions(w.ctx, ada, msg.ID)
	w.must(err)
	if len(list) != 2 || list[0].Emoji != "🎉" || list[0].Count != 1 || list[0].Users[0].ID != ada.UserID {
		t.Fatalf("the first is %+v", list[0])
	}
	if r := list[1]; r.Count != 101 || len(r.Users) != 99 || r.Users[0].ID != people[0].UserID || r.Users[98].ID != people[99].UserID {
		t.Errorf("%d reacted, %d are named", r.Count, len(r.Users))
	}
}

func TestTwentyDifferentReactions(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.user("ada"), w.user("bob")
	id := w.room("Tea", chat.Private, ada, bob)
	msg := w.say(ada, id, "x")
	var group sync.WaitGroup
	var mu sync.Mutex
	codes := map[string]int{}
	for i := range 25 {
		group.Go(func() {
			_, _, err := w.React(w.ctx, ada, msg.ID, string(rune(0x1F600+i)))
			mu.Lock()
			defer mu.Unlock()
			codes[chat.CodeOf(err)]++
		})
	}
	group.Wait()
	if codes[""] != 20 || codes["too_many_reactions"] != 5 {
		t.Errorf("ended with %v", codes)
	}
	now, err := w.Message(w.ctx, ada, msg.ID)
	w.must(err)
	if _, added, err := w.React(w.ctx, bob, msg.ID, now.Reactions[7].Emoji); err != nil || !added {
		t.Errorf("joining one of the twenty: %v, %v", added, err)
	}
}
