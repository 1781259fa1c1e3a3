package core

import (
	"math/rand/v2"
	"testing"

	"parley/internal/chat"
)

// held is a room in memory that was loaded when change 3 was its latest.
func held() (*recentCache, *recentRoom) {
	r := newRecentCache(nil)
	room, _ := r.begin(1)
	r.finish(1, room, chat.MessagesPage{Messages: []chat.Message{{ID: 10, RoomID: 1, Seq: 1, ChangeSeq: 1}, {ID: 20, RoomID: 1, Seq: 2, ChangeSeq: 3}}})
	return r, room
}

func created(seq chat.Seq) chat.Event {
	return chat.MessageCreated{Message: &chat.Message{ID: chat.MessageID(10 * seq), RoomID: 1, Seq: seq, ChangeSeq: seq, Content: "new"}}
}

func edited(id chat.MessageID, change chat.Seq) chat.Event {
	return chat.MessageChanged{Message: &chat.Message{ID: id, RoomID: 1, Seq: chat.Seq(id / 10), ChangeSeq: change, Content: "edited"}}
}

func TestRecentRoomsAdvanceOnlyByTheNextChange(t *testing.T) {
	for _, row := range []struct {
		name   string
		events []chat.Event
		last   chat.Seq
		ids    []chat.MessageID // nil: not to be used
	}{
		{"the next change is taken in", []chat.Event{created(4)}, 4, []chat.MessageID{10, 20, 40}},
		{"an old one changes nothing", []chat.Event{edited(10, 2), edited(10, 3)}, 3, []chat.MessageID{10, 20}},
		{"one that overtook another makes the room unusable", []chat.Event{created(5)}, 3, nil},
		{"until the other one comes", []chat.Event{created(5), created(4)}, 5, []chat.MessageID{10, 20, 40, 50}},
		{"also when it comes twice", []chat.Event{created(5), created(5), created(4), created(4), created(5)}, 5, []chat.MessageID{10, 20, 40, 50}},
		{"and many are put in order", []chat.Event{created(7), edited(20, 6), created(5), created(4)}, 7, []chat.MessageID{10, 20, 40, 50, 70}},
		{"but no further than the next hole", []chat.Event{created(7), created(4)}, 4, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			r, room := held()
			for _, ev := range row.events {
				r.apply(ev)
			}
			if room.lastSeq != row.last || room.current() != (row.ids != nil) {
				t.Fatalf("as of %d, usable %v; want %d, %v", room.lastSeq, room.current(), row.last, row.ids != nil)
			}
			if row.ids == nil {
				if _, ok := r.since(1, 0, 0, 100); ok {
					t.Error("it answers what changed")
				}
				return
			}
			for i, m := range room.messages {
				if len(room.messages) != len(row.ids) || m.ID != row.ids[i] {
					t.Fatalf("message %d of %d is %d, want %v", i, len(room.messages), m.ID, row.ids)
				}
			}
		})
	}
}

func TestAMessageThatIsEarlyIsNotReadAsItWas(t *testing.T) {
	r, _ := held()
	if r.message(20) == nil {
		t.Fatal("the message is not in memory")
	}
	r.apply(edited(20, 5))
	if m := r.message(20); m != nil {
		t.Errorf("an old state is read: %+v", m)
	}
	r.apply(created(4))
	if m := r.message(20); m == nil || m.Content != "edited" {
		t.Errorf("the new state is not read: %+v", m)
	}
}

func TestARoomIsNotReadByWhoKnowsMoreThanIsInMemory(t *testing.T) {
	r, _ := held()
	for _, row := range []struct {
		since, to chat.Seq
		ok        bool
		changes   int
	}{{0, 0, true, 2}, {3, 3, true, 0}, {1, 3, true, 1}, {4, 4, false, 0}, {1, 4, false, 0}} {
		ch, ok := r.since(1, row.since, row.to, 100)
		if ok != row.ok || len(ch.Messages) != row.changes || ok && ch.LastSeq != 3 {
			t.Errorf("since %d, up to %d: %d changes as of %d, answered %v; want %d, %v", row.since, row.to, len(ch.Messages), ch.LastSeq, ok, row.changes, row.ok)
		}
	}
}

func TestARoomOfWhichTooMuchIsMissingIsForgotten(t *testing.T) {
	r, _ := held()
	for seq := chat.Seq(5); seq < 6+maxEarly; seq++ {
		r.apply(created(seq))
	}
	if r.has(1) || len(r.byID) != 0 {
		t.Error("it is kept")
	}
}

func TestWhatIsToldWhileLoadingIsTakenInAfterwards(t *testing.T) {
	r := newRecentCache(nil)
	room, mine := r.begin(1)
	if !mine {
		t.Fatal("somebody else loads")
	}
	for _, ev := range []chat.Event{created(5), created(2), created(4)} {
		r.apply(ev)
	}
	r.finish(1, room, chat.MessagesPage{Messages: []chat.Message{{ID: 10, RoomID: 1, Seq: 1, ChangeSeq: 1}, {ID: 20, RoomID: 1, Seq: 2, ChangeSeq: 2}, {ID: 30, RoomID: 1, Seq: 3, ChangeSeq: 3}}})
	if !room.current() || room.lastSeq != 5 || len(room.messages) != 5 {
		t.Errorf("as of %d, with %d messages, usable %v", room.lastSeq, len(room.messages), room.current())
	}
	r.clear()
	if r.has(1) {
		t.Error("it is there after everything was dropped")
	}
}

// TestRecentRoomsAgreeWhateverTheOrder plays the same changes in random orders, with doubles.
func TestRecentRoomsAgreeWhateverTheOrder(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var events []chat.Event
		for seq := chat.Seq(4); seq < 40; seq++ {
			if dice.IntN(3) == 0 {
				events = append(events, edited(chat.MessageID(10*(1+dice.IntN(2))), seq))
			} else {
				events = append(events, created(seq))
			}
		}
		straight, want := held()
		for _, ev := range events {
			straight.apply(ev)
		}
		shuffled, got := held()
		for i := range events { // nobody is overtaken by more than ten
			j := min(len(events)-1, i+dice.IntN(10))
			events[i], events[j] = events[j], events[i]
		}
		for _, ev := range events {
			shuffled.apply(ev)
			if dice.IntN(4) == 0 {
				shuffled.apply(ev)
			}
		}
		if !got.current() || got.lastSeq != want.lastSeq || len(got.messages) != len(want.messages) {
			t.Fatalf("as of %d with %d messages, want %d with %d", got.lastSeq, len(got.messages), want.lastSeq, len(want.messages))
		}
		for i := range got.messages {
			if got.messages[i].ID != want.messages[i].ID || got.messages[i].Content != want.messages[i].Content {
				t.Fatalf("message %d is %+v, want %+v", i, got.messages[i], want.messages[i])
			}
		}
	}
}
