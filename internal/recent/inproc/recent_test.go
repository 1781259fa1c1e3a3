package inproc

import (
	"testing"

	"parley/internal/chat"
	"parley/internal/recent"
	"parley/internal/recent/recenttest"
)

func TestRecent(t *testing.T) {
	recenttest.Run(t, func(*testing.T) recent.Recent { return New(Options{}) })
}

func TestRoomsThatWereNotUsedForLongestGo(t *testing.T) {
	r := New(Options{Rooms: 2})
	fill := func(id chat.RoomID) {
		if err := r.Fill(t.Context(), id, 1, []recent.Change{{Seq: 1, ChangeSeq: 1}}); err != nil {
			t.Fatal(err)
		}
	}
	there := func(id chat.RoomID) bool {
		_, _, complete, err := r.Newest(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return complete
	}
	fill(1)
	fill(2)
	if !there(1) {
		t.Fatal("room 1 is not there")
	}
	fill(3)
	if !there(1) || there(2) || !there(3) {
		t.Errorf("there are room 1: %v, room 2: %v, room 3: %v; want all but 2", there(1), there(2), there(3))
	}
}
