package e2e

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestKilledInTheMiddle kills the server with SIGKILL while 20 people write, again and again. Every message that was
// acknowledged must be there once, in the order its sender wrote, and a client that resumes must see each message exactly once.
func TestKilledInTheMiddle(t *testing.T) {
	const senders, each, watchers, kills = 20, 60, 4, 3
	s := newServer(t, "PARLEY_LIMITS_MESSAGES_PER_10S=0", "PARLEY_LIMITS_REQUESTS_PER_MINUTE=0")
	people := make([]person, senders+watchers)
	for i := range people {
		people[i] = s.register(fmt.Sprintf("person%d", i))
	}
	room := s.room(people...)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()

	var acked atomic.Int64
	acks := make([]map[string]message, senders) // by nonce
	var writing, watching sync.WaitGroup
	for i := range senders {
		acks[i] = make(map[string]message)
		writing.Go(func() {
			for n := 0; n < each && ctx.Err() == nil; {
				n = send(ctx, s, people[i], room, i, n, each, acks[i], &acked)
			}
		})
	}
	seen := make([]*watcher, watchers)
	for i := range watchers {
		seen[i] = &watcher{messages: make(map[string]message)}
		watching.Go(func() {
			for ctx.Err() == nil && !seen[i].finished(senders*each) {
				seen[i].watch(ctx, s, people[senders+i], room, senders*each)
			}
		})
	}
	for n := range kills {
		want := int64(senders * each * (n + 1) / (kills + 1))
		s.until(fmt.Sprintf("%d messages are acknowledged", want), func() bool { return acked.Load() >= want })
		s.kill()
		s.start()
	}
	writing.Wait()
	watching.Wait()
	if ctx.Err() != nil {
		t.Fatal("ran out of time: some message was lost or never acknowledged")
	}

	stored := s.history(people[0], room)
	byNonce := make(map[string]message)
	var lastSeq int64
	next := make(map[string]int) // per sender: the number of the message that must come next
	for _, m := range stored {
		if m.Seq <= lastSeq {
			t.Fatalf("seq %d after %d", m.Seq, lastSeq)
		}
		lastSeq = m.Seq
		if m.Type == "system" {
			continue
		}
		var i, n int
		if _, err := fmt.Sscanf(m.Content, "sender %d message %d", &i, &n); err != nil {
			t.Fatalf("a message nobody wrote: %q", m.Content)
		}
		if _, twice := byNonce[m.Content]; twice {
			t.Fatalf("%q is there twice", m.Content)
		}
		byNonce[m.Content] = m
		if who := fmt.Sprint(i); next[who] != n {
			t.Fatalf("sender %d: message %d where %d was due", i, n, next[who])
		} else {
			next[who]++
		}
	}
	for i, mine := range acks {
		for nonce, ack := range mine {
			if got := byNonce[ack.Content]; got.ID != ack.ID || got.Seq != ack.Seq {
				t.Fatalf("sender %d: %s was acknowledged as %s seq %d, stored is %s seq %d", i, nonce, ack.ID, ack.Seq, got.ID, got.Seq)
			}
		}
		if len(mine) != each {
			t.Fatalf("sender %d got %d acknowledgements of %d", i, len(mine), each)
		}
	}
	for i, w := range seen {
		if w.double != "" {
			t.Fatalf("watcher %d saw message %s twice", i, w.double)
		}
		if len(w.messages) != senders*each {
			t.Fatalf("watcher %d saw %d messages of %d", i, len(w.messages), senders*each)
		}
		if !slices.IsSorted(w.order) {
			t.Fatalf("watcher %d saw messages out of order", i)
		}
	}
}

// send writes messages from number n on until the connection breaks, and returns the number of the first that is not
// acknowledged. A message is written again under its nonce until it is.
func send(ctx context.Context, s *server, p person, room string, who, n, each int, acks map[string]message, acked *atomic.Int64) int {
	so, err := s.connect(ctx, p)
	if err != nil {
		return n
	}
	defer so.CloseNow()
	for ; n < each; n++ {
		nonce := fmt.Sprintf("s%d-%d", who, n)
		if so.write(ctx, map[string]any{"type": "send_message", "ref": nonce, "room_id": room, "nonce": nonce,
			"content": fmt.Sprintf("sender %d message %d", who, n)}) != nil {
			return n
		}
		for {
			f, err := so.read(ctx)
			if err != nil {
				return n
			}
			if f.Ref == nonce && f.Type == "ok" {
				acks[nonce] = f.message()
				acked.Add(1)
				break
			}
		}
	}
	return n
}

// watcher is a client that resumes from the last change it saw.
type watcher struct {
	mu       sync.Mutex
	messages map[string]message
	order    []int64
	last     int64
	double   string
}

func (w *watcher) finished(want int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.messages) >= want || w.double != ""
}

func (w *watcher) watch(ctx context.Context, s *server, p person, room string, want int) {
	so, err := s.connect(ctx, p)
	if err != nil {
		return
	}
	defer so.CloseNow()
	if so.write(ctx, map[string]any{"type": "join_room", "room_id": room, "since": w.last}) != nil {
		return
	}
	for !w.finished(want) {
		f, err := so.read(ctx)
		if err != nil {
			return
		}
		switch f.Type {
		case "message_created":
			w.saw(f.message())
		case "room_changes":
			for _, m := range f.Messages {
				w.saw(m)
			}
			w.last = max(w.last, f.LastSeq)
		}
	}
}

func (w *watcher) saw(m message) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = max(w.last, m.ChangeSeq)
	if m.Type == "system" {
		return
	}
	if _, twice := w.messages[m.ID]; twice {
		w.double = m.ID
	}
	w.messages[m.ID] = m
	w.order = append(w.order, m.Seq)
}

// history pages through a room from its beginning.
func (s *server) history(p person, room string) []message {
	s.t.Helper()
	byID := make(map[string]message)
	before := ""
	for {
		var page struct {
			Messages  []message
			HasBefore bool `json:"has_before"`
		}
		if status := s.do(p.Token, "GET", "/api/rooms/"+room+"/messages?limit=100"+before, nil, &page); status != 200 {
			s.t.Fatalf("reading the history: status %d", status)
		}
		for _, m := range page.Messages {
			if _, twice := byID[m.ID]; twice {
				s.t.Fatal(errors.New("a message is on two pages"))
			}
			byID[m.ID] = m
		}
		if !page.HasBefore {
			break
		}
		before = "&before=" + page.Messages[0].ID
	}
	return slices.SortedFunc(maps.Values(byID), func(a, b message) int { return int(a.Seq - b.Seq) })
}
