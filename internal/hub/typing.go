package hub

import (
	"sync"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

// typist is someone typing somewhere.
type typist struct {
	room chat.RoomID
	user chat.UserID
}

// typingTable ends typing that nobody ended.
type typingTable struct {
	mu    sync.Mutex // taken by itself
	until map[typist]time.Time
}

func (t *typingTable) note(e chat.Typing, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e.Typing {
		t.until[typist{e.RoomID, e.UserID}] = now.Add(core.TypingTTL)
	} else {
		delete(t.until, typist{e.RoomID, e.UserID})
	}
}

// left ends what someone who went away was typing.
func (t *typingTable) left(user chat.UserID) []chat.Event {
	t.mu.Lock()
	defer t.mu.Unlock()
	var over []chat.Event
	for who := range t.until {
		if who.user == user {
			delete(t.until, who)
			over = append(over, chat.Typing{RoomID: who.room, UserID: user})
		}
	}
	return over
}

func (t *typingTable) expired(now time.Time) []chat.Event {
	t.mu.Lock()
	defer t.mu.Unlock()
	var over []chat.Event
	for who, until := range t.until {
		if now.After(until) {
			delete(t.until, who)
			over = append(over, chat.Typing{RoomID: who.room, UserID: who.user})
		}
	}
	return over
}
