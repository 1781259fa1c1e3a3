package hub

import (
	"fmt"
	"slices"
	"testing"

	"parley/internal/chat"
)

// remember has the core keep a room in memory, as it is now.
func (s *stage) remember(room chat.RoomID) {
	s.T.Helper()
	if _, err := s.Messages(s.T.Context(), chat.Operator, room, chat.MessagesQuery{Limit: 10}); err != nil {
		s.T.Fatal(err)
	}
}

// TestWhoComesFromANodeThatIsAheadHearsNothingTwice has a client resume where the latest change has not been heard of yet, which
// it has seen on another node: it is not told of it again when it comes.
func TestWhoComesFromANodeThatIsAheadHearsNothingTwice(t *testing.T) {
	for _, others := range []bool{false, true} {
		t.Run(fmt.Sprintf("others are subscribed: %v", others), func(t *testing.T) {
			s := newStage(t)
			ada, bob, eve := s.User("ada"), s.User("bob"), s.User("eve")
			room := s.Room(ada, bob, eve)
			one := s.Say(ada, room, "one")
			s.remember(room)
			waits, heard := s.connect(eve)
			if others {
				s.join(waits, room, one.ChangeSeq)
			}
			two := (&lossy{core: s.Core}).say(t, ada, room, "two") // elsewhere, where bob reads it
			c, l := s.connect(bob)
			s.join(c, room, two.ChangeSeq)
			if err := s.Remote(t.Context(), []chat.Event{chat.MessageCreated{Message: two}}); err != nil {
				t.Fatal(err)
			}
			three := s.Say(ada, room, "three")
			end := fmt.Sprintf("chat.MessageCreated %d three", three.ChangeSeq)
			if got := seqs(l.wait(t, last(end))); !slices.Equal(got, []int64{int64(three.ChangeSeq)}) {
				t.Errorf("who had seen everything up to %d was told of %v", two.ChangeSeq, got)
			}
			if others {
				if got := seqs(heard.wait(t, last(end))); !slices.Equal(got, []int64{int64(two.ChangeSeq), int64(three.ChangeSeq)}) {
					t.Errorf("the others were told of %v", got)
				}
			}
		})
	}
}

// TestWhoJoinsAFeedThatIsAheadOfTheMemoryMissesNothing has a feed know more than the core's memory of the room, as after a gap
// that was filled from the store.
func TestWhoJoinsAFeedThatIsAheadOfTheMemoryMissesNothing(t *testing.T) {
	s := newStage(t)
	ada, bob, eve := s.User("ada"), s.User("bob"), s.User("eve")
	room := s.Room(ada, bob, eve)
	one := s.Say(ada, room, "one")
	waits, heard := s.connect(eve)
	s.join(waits, room, one.ChangeSeq)
	s.remember(room)
	two := (&lossy{core: s.Core}).say(t, ada, room, "two")
	s.hub.publish([]chat.Event{chat.MessageCreated{Message: two}})
	heard.wait(t, last(fmt.Sprintf("chat.MessageCreated %d two", two.ChangeSeq)))
	c, l := s.connect(bob)
	s.join(c, room, one.ChangeSeq)
	if err := s.Remote(t.Context(), []chat.Event{chat.MessageCreated{Message: two}}); err != nil { // too late for the feed
		t.Fatal(err)
	}
	three := s.Say(ada, room, "three")
	got := seqs(l.wait(t, last(fmt.Sprintf("chat.MessageCreated %d three", three.ChangeSeq))))
	if want := []int64{int64(two.ChangeSeq), int64(three.ChangeSeq)}; !slices.Equal(got, want) {
		t.Errorf("got the changes %v, want %v", got, want)
	}
}
