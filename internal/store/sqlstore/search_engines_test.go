package sqlstore_test

import (
	"context"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/fold"
	"parley/internal/store/storetest"
)

// corpus is what people write: several languages, punctuation, addresses, emoji, and what looks like commands.
var corpus = []string{
	"The quick brown fox jumps over the lazy dog", "the lazy dog sleeps", "a quick dog, a brown bear", "quickly now!", "QUICK BROWN", "brown quick",
	"don't re-run foo_bar.go", "foo bar go", "e-mail: ada@example.org", "https://example.org/a/b?c=d#e", "C++ and C# and F#", "a.b.c.d", "1,234.56 €", "v1.2.3-rc1", "v1 2 3",
	"Crème Brûlée", "creme brulee", "CREME", "Straße 12", "STRASSE", "straßenbahn", "Ελληνικά ΟΔΟΣ", "οδος", "İstanbul", "istanbul ıspanak",
	"Привет, МИР", "привет всем", "Ёлка и ёжик", "елка", "שלום עולם", "السلام عليكم", "مُحَمَّد", "नमस्ते दुनिया", "हिन्दी में",
	"日本語を勉強する", "日本の本", "本日は晴天なり", "語本", "がっこう", "カタカナ ｶﾀｶﾅ", "中文和English混合", "中文", "文中", "한국어 조사", "한국", "ภาษาไทย", "ไทย",
	"ship it 🚀!", "🚀🚀", "👩‍👧 day", "👍🏽 thanks", "👍", "❤️", "flag 🇩🇪", "™ ﬁne １２ ㎏", "fine 12 kg tm",
	"to be or not to be", "be to or not", "to to to be", "buffalo buffalo buffalo", "aa", "aaa", "aaaa aa",
	`say "hello" AND (goodbye)`, "hello OR goodbye", "NOT hello", "hello* world", "text:hello", "r1 s2 attachments links", "/r1 /links", "meta : r1",
	`it's 'quoted' \ back`, "a:1 b:2A c:*", "x & y | !z <-> w", "", "...", "\u0000 zero", strings.Repeat("long", 700), strings.Repeat("long", 700) + "er",
	strings.Repeat("word ", 200) + "needle end", "ab\u200dcd", "e\u0301te\u0301",
}

// TestSearchIsTheSameOnBothEngines fills both stores with the same messages and asks them the same questions. The few
// differences there may be, all in very long texts, are told in docs/howto/postgresql.md.
func TestSearchIsTheSameOnBothEngines(t *testing.T) {
	ctx := t.Context()
	stores := []core.Store{openSQLite(t), openPostgres(t)}
	rooms := make([][]chat.RoomID, len(stores))
	for i, s := range stores {
		if err := s.Start(ctx); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		})
		rooms[i] = fillCorpus(t, s)
	}
	if !slices.Equal(rooms[0], rooms[1]) {
		t.Fatalf("the rooms are %v", rooms)
	}
	// Every word and pair of neighbours that somebody wrote, whole and begun, asked for and excluded, and some of them together.
	var terms []chat.SearchTerm
	seen := map[string]bool{}
	term := func(prefix bool, words ...string) {
		for _, not := range []bool{false, true} {
			if key := fmt.Sprint(prefix, not, words); !seen[key] {
				seen[key] = true
				terms = append(terms, chat.SearchTerm{Words: words, Prefix: prefix, Not: not})
			}
		}
	}
	for _, text := range corpus {
		term(false, text)
		words := fold.Words(text)
		for i, word := range words[:min(len(words), 12)] {
			term(false, word)
			if len(word) <= 2000 { // what is longer begins with its first 2,000 bytes only
				term(true, word)
			}
			if runes := []rune(word); len(runes) > 1 {
				term(true, string(runes[:len(runes)/2]))
			}
			if i > 0 {
				term(false, words[i-1:i+1]...)
				term(true, words[i-1], string([]rune(word)[:1]))
			}
		}
	}
	queries := make([]chat.SearchQuery, 0, 2*len(terms))
	for _, t := range terms {
		queries = append(queries, chat.SearchQuery{Terms: []chat.SearchTerm{t}})
	}
	r := rand.New(rand.NewSource(1))
	for range 400 {
		q := chat.SearchQuery{HasLinks: r.Intn(8) == 0, HasAttachments: r.Intn(8) == 0}
		for range 1 + r.Intn(3) {
			q.Terms = append(q.Terms, terms[r.Intn(len(terms))])
		}
		if r.Intn(3) == 0 {
			q.From = []chat.UserID{"ada", "bob", "nobody", "it's"}[r.Intn(4)]
		}
		if r.Intn(3) == 0 {
			q.RoomID = append([]chat.RoomID{99}, rooms[0]...)[r.Intn(3)]
		}
		queries = append(queries, q)
	}
	found := 0
	for _, q := range queries {
		q.Reader, q.Limit = "ada", 100
		want, err := stores[0].Search(ctx, q)
		if err != nil {
			t.Fatalf("SQLite: %+v: %v", q, err)
		}
		got, err := stores[1].Search(ctx, q)
		if err != nil {
			t.Fatalf("PostgreSQL: %+v: %v", q, err)
		}
		if g, w := results(got), results(want); g != w {
			t.Errorf("%+v:\nPostgreSQL %s\nSQLite     %s", q, g, w)
		}
		found += len(want.Hits)
	}
	if found < len(queries) {
		t.Errorf("%d queries found %d messages: too few to say anything", len(queries), found)
	}
}

// results writes a result down to compare it.
func results(r chat.SearchResult) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %v", r.TotalEstimate, r.More)
	for _, h := range r.Hits {
		fmt.Fprintf(&b, " | %d %v", h.Message.ID, h.Highlights)
	}
	return b.String()
}

// fillCorpus writes the corpus into two rooms, some of it edited and deleted, with files and links.
func fillCorpus(t *testing.T, s core.Store) (rooms []chat.RoomID) {
	t.Helper()
	ctx := t.Context()
	err := s.Change(ctx, func(tx core.Tx) ([]chat.Event, error) {
		rooms = nil
		for _, id := range []chat.UserID{"ada", "bob"} {
			if _, err := tx.CreateUser(ctx, &chat.User{ID: id, Username: string(id), Kind: chat.Person, CreatedAt: storetest.Start}); err != nil {
				return nil, err
			}
		}
		for range 2 {
			r, err := tx.CreateRoom(ctx, chat.Room{Type: chat.Public, Form: chat.Text, CreatedAt: storetest.Start})
			if err != nil {
				return nil, err
			}
			rooms = append(rooms, r.ID)
			for _, id := range []chat.UserID{"ada", "bob"} {
				if _, err := tx.PutMember(ctx, chat.Member{RoomID: r.ID, UserID: id, Role: chat.RoomMember, JoinedAt: storetest.Start}); err != nil {
					return nil, err
				}
			}
		}
		return nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range corpus {
		text = strings.ReplaceAll(text, "\x00", "") // package core lets none through
		d := chat.Draft{RoomID: rooms[i%2], SenderID: []chat.UserID{"ada", "bob"}[i/2%2], Type: chat.TextMessage, Content: text, Search: fold.Fold(text)}
		if i%7 == 0 {
			d.Links = []chat.Link{{URL: "https://example.org"}}
		}
		if i%5 == 0 {
			d.Search = fold.Fold(text + "\nReport 2026.pdf")
			err := s.Change(ctx, func(tx core.Tx) ([]chat.Event, error) {
				a, err := tx.CreateAttachment(ctx, chat.Attachment{Key: fmt.Sprint(i), UploaderID: d.SenderID, Filename: "Report 2026.pdf", Hash: fmt.Sprint(i), Scan: chat.ScanClean, CreatedAt: storetest.Start})
				d.AttachmentIDs = []chat.AttachmentID{a.ID}
				return nil, err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		m, _, err := s.Append(ctx, d)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		err = s.Change(ctx, func(tx core.Tx) ([]chat.Event, error) {
			switch i % 11 {
			case 3:
				_, err := tx.EditMessage(ctx, m.ID, core.Edit{Content: text + " edited", Search: fold.Fold(text + " edited"), At: storetest.Start})
				return nil, err
			case 4:
				_, _, err := tx.DeleteMessage(ctx, m.ID, "ada", storetest.Start)
				return nil, err
			case 5:
				if len(m.Attachments) > 0 {
					return nil, tx.DeleteAttachment(ctx, m.Attachments[0].ID)
				}
			}
			return nil, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return rooms
}
