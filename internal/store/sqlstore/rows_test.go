package sqlstore

import (
	"context"
	"log/slog"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

func TestIn(t *testing.T) {
	for _, tt := range []struct {
		name   string
		args   []any
		values []int
		list   string
		out    []any
	}{
		{"nothing matches nothing", []any{"a"}, nil, "(NULL)", []any{"a"}},
		{"one", nil, []int{7}, "($1)", []any{7}},
		{"two after another parameter", []any{"a"}, []int{7, 8}, "($2,$3)", []any{"a", 7, 8}},
		{"three are filled up to four", nil, []int{7, 8, 9}, "($1,$2,$3,$4)", []any{7, 8, 9, 9}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			list, out := in(tt.args, tt.values)
			if list != tt.list || !reflect.DeepEqual(out, tt.out) {
				t.Errorf("%s %v, want %s %v", list, out, tt.list, tt.out)
			}
		})
	}
}

func TestMessageTime(t *testing.T) {
	at := func(us int64) time.Time { return time.UnixMicro(us) }
	for _, tt := range []struct {
		name       string
		wish       time.Time
		last, want int64
	}{
		{"the wish is kept", at(5_000_500), 0, 5_000_500},
		{"too near the beginning of a millisecond", at(5_000_007), 0, 5_000_100},
		{"too near its end", at(5_000_999), 0, 5_000_900},
		{"in the millisecond of the last one", at(5_000_800), 5_000_300, 5_001_100},
		{"before the last one", at(1_000_500), 5_000_300, 5_001_100},
		{"in the next millisecond", at(5_001_050), 5_000_900, 5_001_100},
		{"no wish is now", time.Time{}, 0, 9_000_400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := messageTime(tt.wish, tt.last, at(9_000_400)); got != tt.want {
				t.Errorf("%d, want %d", got, tt.want)
			}
		})
	}
}

func FuzzCursor(f *testing.F) {
	for _, s := range []string{"", "x", "WyIxIl0", "WyIxIiwiMiJd", "bnVsbA", makeCursor("7"), makeCursor("a", "b")} {
		f.Add(s, 1)
		f.Add(s, 2)
	}
	f.Fuzz(func(t *testing.T, cursor string, n int) {
		key, err := parseCursor(cursor, n)
		if err != nil || key == nil {
			return
		}
		if len(key) != n {
			t.Fatalf("%d parts, want %d", len(key), n)
		}
		again, err := parseCursor(makeCursor(key...), n)
		if err != nil || !reflect.DeepEqual(again, key) {
			t.Errorf("%q came back as %q, %v", key, again, err)
		}
	})
}

// FuzzSearch puts anything into a search: the engine must never see anything but texts, and highlights stay in the content.
func FuzzSearch(f *testing.F) {
	ctx := context.Background()
	s, err := Open(ctx, Options{Path: filepath.Join(f.TempDir(), "chat.db"), Synchronous: "off", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Stop(ctx) })
	const text = "The quick brown fox, crème brûlée & 日本語 🚀 OR NOT"
	err = s.Change(ctx, func(tx core.Tx) ([]chat.Event, error) {
		if _, err := tx.CreateUser(ctx, &chat.User{ID: "ada", Username: "ada", CreatedAt: time.Now()}); err != nil {
			return nil, err
		}
		r, err := tx.CreateRoom(ctx, chat.Room{Type: chat.Public, Form: chat.Text, CreatedAt: time.Now()})
		if err != nil {
			return nil, err
		}
		if _, err := tx.PutMember(ctx, chat.Member{RoomID: r.ID, UserID: "ada", Role: chat.RoomMember, JoinedAt: time.Now()}); err != nil {
			return nil, err
		}
		_, _, err = tx.Append(ctx, chat.Draft{RoomID: r.ID, SenderID: "ada", Content: text, Search: "the quick brown fox creme brulee 日 本 語 🚀 or not"})
		return nil, err
	})
	if err != nil {
		f.Fatal(err)
	}
	for _, q := range []string{"quick", `"`, `a" OR "b`, "text:fox*", "NEAR(a b)", "\x00", "日本", "ﷺ", "(", "-fox", "meta : r1"} {
		f.Add(q, q, true, false)
		f.Add(q, "", false, true)
	}
	f.Fuzz(func(t *testing.T, phrase, from string, prefix, not bool) {
		r, err := s.Search(ctx, chat.SearchQuery{
			Reader: "ada", From: chat.UserID(from), Terms: []chat.SearchTerm{{Words: strings.Fields(phrase), Prefix: prefix, Not: not}}, Limit: 10,
		})
		if err != nil {
			t.Fatalf("%q from %q: %v", phrase, from, err)
		}
		for _, h := range r.Hits {
			end := 0
			for _, span := range h.Highlights {
				if span.Start < end || span.End <= span.Start || span.End > len(text) {
					t.Fatalf("%q: highlights %v", phrase, h.Highlights)
				}
				end = span.End
			}
		}
	})
}
