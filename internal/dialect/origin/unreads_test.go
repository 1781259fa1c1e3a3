package origin_test

import (
	"reflect"
	"testing"

	"parley/internal/chat"
)

func TestA34Unreads(t *testing.T) {
	w := newWorld(t)
	w.lines("general", 5)
	w.play("unreads", nil)
}

func TestA34UnreadsAreNotCapped(t *testing.T) {
	w := newWorld(t)
	w.lines("general", 300)
	bob := w.enter("bob")
	bob.send(map[string]any{"cmd": "unreads_count", "channel": "general"})
	if got := bob.expect("unreads_count"); got["unread_count"] != 300.0 || got["last_read"] != nil {
		t.Errorf("got %v", got)
	}
}

func TestA34UnreadsOfThreads(t *testing.T) {
	w := newWorld(t)
	bob := w.enter("bob")
	bob.send(map[string]any{"cmd": "thread_create", "channel": "forum", "name": "T"})
	thread := bob.expect("thread_create")["thread"].(map[string]any)["id"].(string)
	bob.send(map[string]any{"cmd": "message_new", "thread_id": thread, "content": "x"})
	bob.expect("message_new")
	carol := w.enter("carol")
	carol.send(map[string]any{"cmd": "unreads_get"})
	got := carol.expect("unreads_get")["unreads"].(map[string]any)
	want := map[string]any{
		"general":          map[string]any{"last_read": nil, "unread_count": 0.0, "total_messages": 0.0},
		"thread/" + thread: map[string]any{"last_read": nil, "unread_count": 1.0, "total_messages": 1.0, "parent_channel": "forum"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

// lines has alice write m0, m1, … in a channel.
func (w *world) lines(channel string, n int) {
	w.Helper()
	alice := chat.Actor{UserID: w.people["alice"].ID}
	rooms, err := w.core.ServerRooms(w.Context(), alice)
	if err != nil {
		w.Fatal(err)
	}
	for _, r := range rooms {
		if r.Slug == channel {
			w.say(alice, r.ID, n)
		}
	}
}
