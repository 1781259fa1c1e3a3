package sqlstore_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/fold"
)

// BenchmarkRead says what readers wait for in a room of 100,000 messages.
func BenchmarkRead(b *testing.B) {
	s := newBenchStore(b)
	ctx := context.Background()
	room, ada := s.rooms[0], s.users[0]
	const n = 100_000
	for at := 0; at < n; at += 1000 {
		err := s.Change(ctx, func(tx core.Tx) ([]chat.Event, error) {
			for i := at; i < at+1000; i++ {
				text := s.texts[i%len(s.texts)]
				d := chat.Draft{RoomID: room, SenderID: ada, Type: chat.TextMessage, Content: text, Search: fold.Fold(text), At: time.Now()}
				if i%10 == 9 {
					d.RoomID = s.rooms[1+i%100]
				}
				if _, _, err := tx.Append(ctx, d); err != nil {
					return nil, err
				}
			}
			return nil, nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	find := func(query string, q chat.SearchQuery) func() error {
		for w := range strings.FieldsSeq(query) {
			q.Terms = append(q.Terms, chat.SearchTerm{Words: strings.Split(w, "_")})
		}
		q.Reader, q.Limit = ada, 50
		return func() error { _, err := s.Search(ctx, q); return err }
	}
	if err := find("fox", chat.SearchQuery{})(); err != nil { // fills the index
		b.Fatal(err)
	}
	page, err := s.Messages(ctx, room, chat.MessagesQuery{Limit: 50})
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name string
		run  func() error
	}{
		{"newest 50", func() error { _, err := s.Messages(ctx, room, chat.MessagesQuery{Limit: 50}); return err }},
		{"50 in the middle", func() error {
			_, err := s.Messages(ctx, room, chat.MessagesQuery{Around: n/2 + 1, Limit: 50})
			return err
		}},
		{"one message", func() error { _, err := s.Message(ctx, page.Messages[0].ID); return err }},
		{"changes, none", func() error { _, err := s.ChangesSince(ctx, room, page.Messages[49].Seq, 100); return err }},
		{"changes, 100", func() error { _, err := s.ChangesSince(ctx, room, page.Messages[49].Seq-100, 100); return err }},
		{"rooms of one", func() error { _, err := s.RoomsOf(ctx, ada); return err }},
		{"search a frequent word", find("fox", chat.SearchQuery{})},
		{"search a frequent word in a room", find("fox", chat.SearchQuery{RoomID: room})},
		{"search a rare word", find("w777", chat.SearchQuery{})},
		{"search two words", find("quick fox", chat.SearchQuery{})},
		{"search a phrase", find("quick_brown", chat.SearchQuery{})},
		{"search by sender", find("", chat.SearchQuery{From: ada})},
		{"search far back", find("fox", chat.SearchQuery{Before: page.Messages[0].CreatedAt.Add(-time.Hour)})},
	} {
		b.Run(c.name, func(b *testing.B) {
			began := cpu(b)
			for b.Loop() {
				if err := c.run(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64((cpu(b)-began).Microseconds())/float64(b.N), "cpu-µs/op")
		})
	}
}
