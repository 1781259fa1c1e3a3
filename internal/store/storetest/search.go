package storetest

import (
	"fmt"
	"strings"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/fold"
)

func init() {
	tell("search",
		story{"words, phrases, beginnings and exclusions", searchTerms},
		story{"nothing in a term is a command", searchPunctuation},
		story{"accents, case and scripts without spaces", searchScripts},
		story{"filters narrow and need no words", searchFilters},
		story{"only rooms where the reader is a member", searchMembership},
		story{"pages go from the newest to the oldest", searchPages},
		story{"highlights stand in the content as it was typed", searchHighlights},
		story{"hits come with their neighbours", searchNeighbours},
		story{"an edit and a deletion are followed, indexed or not", searchFollows},
		story{"a deleted room cannot be found", searchRoomDeleted},
		story{"a transaction finds its own messages", searchInside},
		story{"what was written is found at once, also after a restart", searchAtOnce},
		story{"what must not be found is not", searchHidden},
	)
}

// words makes terms of single words.
func words(ws ...string) []chat.SearchTerm {
	return pick(ws, func(w string) chat.SearchTerm { return chat.SearchTerm{Words: fold.Words(w)} })
}

// write sends a message that can be found.
func (w *world) write(room chat.RoomID, by chat.UserID, content string) *chat.Message {
	w.Helper()
	return w.post(chat.Draft{RoomID: room, SenderID: by, Content: content, Search: fold.Fold(content)})
}

// find searches and returns the contents found, newest first, separated by "|".
func (w *world) find(q chat.SearchQuery) string {
	w.Helper()
	if q.Limit == 0 {
		q.Limit = 100
	}
	result, err := w.Search(w.ctx, q)
	if err != nil {
		w.Fatalf("search %+v: %v", q, err)
	}
	return strings.Join(pick(result.Hits, func(h chat.SearchHit) string { return h.Message.Content }), "|")
}

func searchTerms(w *world) {
	ada := w.addUser("ada")
	room := w.addRoom(chat.Room{Type: chat.Public}, ada)
	for _, text := range []string{"The quick brown fox", "the lazy dog", "a quick dog", "brown quick bear", "quickly now"} {
		w.write(room, ada, text)
	}
	term := func(phrase string, prefix, not bool) chat.SearchTerm {
		return chat.SearchTerm{Words: fold.Words(phrase), Prefix: prefix, Not: not}
	}
	for _, tt := range []struct {
		name  string
		terms []chat.SearchTerm
		want  string
	}{
		{"a word", words("quick"), "brown quick bear|a quick dog|The quick brown fox"},
		{"all words", words("dog", "quick"), "a quick dog"},
		{"an unknown word", words("cat"), ""},
		{"a phrase", []chat.SearchTerm{term("quick brown", false, false)}, "The quick brown fox"},
		{"a phrase the other way round", []chat.SearchTerm{term("brown quick", false, false)}, "brown quick bear"},
		{"a beginning", []chat.SearchTerm{term("qui", true, false)}, "quickly now|brown quick bear|a quick dog|The quick brown fox"},
		{"a phrase that goes on", []chat.SearchTerm{term("quick b", true, false)}, "brown quick bear|The quick brown fox"},
		{"without a word", []chat.SearchTerm{term("quick", false, false), term("dog", false, true)}, "brown quick bear|The quick brown fox"},
		{"without two words", []chat.SearchTerm{term("quick", false, false), term("dog", false, true), term("bear", false, true)}, "The quick brown fox"},
		{"only without", []chat.SearchTerm{term("quick", true, true)}, "the lazy dog"},
		{"only without a phrase", []chat.SearchTerm{term("the", false, false), term("quick brown", false, true)}, "the lazy dog"},
		{"no term at all", nil, "quickly now|brown quick bear|a quick dog|the lazy dog|The quick brown fox"},
		{"an empty term", []chat.SearchTerm{{}, {Words: []string{""}}, term("lazy", false, false)}, "the lazy dog"},
	} {
		if got := w.find(chat.SearchQuery{Reader: ada, Terms: tt.terms}); got != tt.want {
			w.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func searchPunctuation(w *world) {
	ada := w.addUser("ada")
	room := w.addRoom(chat.Room{Type: chat.Public}, ada)
	w.write(room, ada, "plain")
	for _, text := range []string{`"`, `""`, `"plain`, `plain"`, `' OR 1=1 --`, `plain*`, `(plain`, `plain)`, `text:plain`, `meta : r1`, `NEAR(a b)`, `^plain`,
		`a AND NOT b`, `-plain`, `+`, `{text}`, "\x00", "plain\x00", `\`, `%`, `plain OR`} {
		for _, not := range []bool{false, true} {
			if _, err := w.Search(w.ctx, chat.SearchQuery{Reader: ada, Terms: []chat.SearchTerm{{Words: []string{text}, Prefix: true, Not: not}}, Limit: 10}); err != nil {
				w.Errorf("%q: %v", text, err)
			}
		}
	}
	if got := w.find(chat.SearchQuery{Reader: ada, From: `x" OR "s`, Terms: words("plain")}); got != "" {
		w.Errorf("a sender that is a command found %q", got)
	}
}

func searchScripts(w *world) {
	ada := w.addUser("ada")
	room := w.addRoom(chat.Room{Type: chat.Public}, ada)
	for _, text := range []string{"Crème Brûlée", "日本語を勉強する", "Привет, МИР", "ship it 🚀!", "👩‍👧 day", "Straße 12", "한국어 조사"} {
		w.write(room, ada, text)
	}
	for query, want := range map[string]string{
		"creme": "Crème Brûlée", "BRÛLÉE": "Crème Brûlée", "日本語": "日本語を勉強する", "勉強": "日本語を勉強する", "語本": "", "привет": "Привет, МИР",
		"мир": "Привет, МИР", "🚀": "ship it 🚀!", "👩": "👩‍👧 day", "👨": "", "STRASSE": "Straße 12", "한국어": "한국어 조사",
	} {
		if got := w.find(chat.SearchQuery{Reader: ada, Terms: words(query)}); got != want {
			w.Errorf("%s: %q, want %q", query, got, want)
		}
	}
}

func searchFilters(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	a, b := w.addRoom(chat.Room{Type: chat.Public}, ada, bob), w.addRoom(chat.Room{Type: chat.Public}, ada, bob)
	file := w.upload(bob, "one")
	for i, d := range []chat.Draft{
		{RoomID: a, SenderID: ada, Content: "x 0"}, {RoomID: a, SenderID: bob, Content: "x 1"}, {RoomID: b, SenderID: ada, Content: "x 2"},
		{RoomID: b, SenderID: bob, Content: "x 3", AttachmentIDs: []chat.AttachmentID{file.ID}}, {RoomID: b, SenderID: ada, Content: "x 4", Links: []chat.Link{{URL: "u"}}},
	} {
		d.At, d.Search = Start.Add(time.Duration(i)*time.Minute), fold.Fold(d.Content)
		w.post(d)
	}
	at := func(minutes int) time.Time { return Start.Add(time.Duration(minutes)*time.Minute - time.Second) }
	for _, tt := range []struct {
		name string
		q    chat.SearchQuery
		want string
	}{
		{"a room", chat.SearchQuery{RoomID: a}, "x 1|x 0"},
		{"a sender", chat.SearchQuery{From: ada}, "x 4|x 2|x 0"},
		{"a sender in a room", chat.SearchQuery{From: ada, RoomID: b}, "x 4|x 2"},
		{"nobody", chat.SearchQuery{From: "nobody"}, ""},
		{"after", chat.SearchQuery{After: at(3)}, "x 4|x 3"},
		{"before", chat.SearchQuery{Before: at(2)}, "x 1|x 0"},
		{"between", chat.SearchQuery{After: at(1), Before: at(3)}, "x 2|x 1"},
		{"with attachments", chat.SearchQuery{HasAttachments: true}, "x 3"},
		{"with links", chat.SearchQuery{HasLinks: true}, "x 4"},
		{"with both", chat.SearchQuery{HasAttachments: true, HasLinks: true}, ""},
		{"all at once", chat.SearchQuery{RoomID: b, From: bob, HasAttachments: true, After: at(1), Before: at(9), Terms: words("x")}, "x 3"},
		{"a room that is not there", chat.SearchQuery{RoomID: 4711}, ""},
	} {
		tt.q.Reader = ada
		if got := w.find(tt.q); got != tt.want {
			w.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		tt.q.Limit = 50
		found := must(w.Search(w.ctx, tt.q))
		same(w, tt.name+": estimate", found.TotalEstimate, len(found.Hits))
	}
}

func searchMembership(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	open, secret := w.addRoom(chat.Room{Type: chat.Public}, ada, bob), w.addRoom(chat.Room{Type: chat.Private}, bob)
	w.write(open, bob, "word here")
	w.write(secret, bob, "word there")
	same(w, "a member", w.find(chat.SearchQuery{Reader: bob, Terms: words("word")}), "word there|word here")
	same(w, "not a member", w.find(chat.SearchQuery{Reader: ada, Terms: words("word")}), "word here")
	same(w, "asked for the room", w.find(chat.SearchQuery{Reader: ada, RoomID: secret, Terms: words("word")}), "")
	same(w, "in no room", w.find(chat.SearchQuery{Reader: w.addUser("eve"), Terms: words("word")}), "")
	w.deleteMember(open, ada)
	same(w, "no longer a member", w.find(chat.SearchQuery{Reader: ada, Terms: words("word")}), "")
}

func searchPages(w *world) {
	ada := w.addUser("ada")
	room := w.addRoom(chat.Room{Type: chat.Public}, ada)
	for i := range 12 {
		w.write(room, ada, fmt.Sprint("word ", i))
		w.write(room, ada, "other")
	}
	var got []string
	var before chat.MessageID
	for {
		r := must(w.Search(w.ctx, chat.SearchQuery{Reader: ada, Terms: words("word"), Limit: 5, BeforeID: before}))
		same(w, "estimate", r.TotalEstimate, 12)
		for _, h := range r.Hits {
			got = append(got, h.Message.Content)
			before = h.Message.ID
		}
		if !r.More {
			break
		}
	}
	if len(got) != 12 || got[0] != "word 11" || got[11] != "word 0" {
		w.Errorf("found %q", got)
	}
}

func searchHighlights(w *world) {
	ada := w.addUser("ada")
	room := w.addRoom(chat.Room{Type: chat.Public}, ada)
	text := "Das Café, das CAFÉ! cafeteria 日本語 das"
	w.write(room, ada, text)
	for _, tt := range []struct {
		name string
		term chat.SearchTerm
		want string
	}{
		{"a word, everywhere", chat.SearchTerm{Words: []string{"cafe"}}, "Café|CAFÉ"},
		{"a beginning", chat.SearchTerm{Words: []string{"cafe"}, Prefix: true}, "Café|CAFÉ|cafeteria"},
		{"a phrase", chat.SearchTerm{Words: []string{"das", "cafe"}}, "Das Café|das CAFÉ"},
		{"characters", chat.SearchTerm{Words: fold.Words("本語")}, "本語"},
	} {
		r := must(w.Search(w.ctx, chat.SearchQuery{Reader: ada, Terms: []chat.SearchTerm{tt.term}, Limit: 1}))
		if len(r.Hits) != 1 {
			w.Fatalf("%s: %d hits", tt.name, len(r.Hits))
		}
		got := strings.Join(pick(r.Hits[0].Highlights, func(s chat.Span) string { return text[s.Start:s.End] }), "|")
		if got != tt.want {
			w.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func searchNeighbours(w *world) {
	ada := w.addUser("ada")
	a, b := w.addRoom(chat.Room{Type: chat.Public}, ada), w.addRoom(chat.Room{Type: chat.Public}, ada)
	for _, text := range []string{"a1 word", "a2", "a3 word"} {
		w.write(a, ada, text)
		w.write(b, ada, "elsewhere")
	}
	w.write(a, ada, "a4")
	around := func(m *chat.Message) string {
		if m == nil {
			return "-"
		}
		return m.Content
	}
	var got []string
	for _, h := range must(w.Search(w.ctx, chat.SearchQuery{Reader: ada, Terms: words("word"), Limit: 10})).Hits {
		got = append(got, around(h.Previous)+"<"+h.Message.Content+">"+around(h.Next))
	}
	same(w, "hits", got, []string{"a2<a3 word>a4", "-<a1 word>a2"})
}

func searchFollows(w *world) {
	ada := w.addUser("ada")
	room := w.addRoom(chat.Room{Type: chat.Public}, ada)
	for _, indexed := range []bool{false, true} {
		edited, deleted := w.write(room, ada, "before"), w.write(room, ada, "doomed")
		if indexed {
			same(w, "indexed", w.find(chat.SearchQuery{Reader: ada, Terms: words("before")}), "before")
		}
		w.change(func(tx core.Tx) error {
			if _, err := tx.EditMessage(w.ctx, edited.ID, core.Edit{Content: "after", Search: "after", At: Start}); err != nil {
				return err
			}
			_, _, err := tx.DeleteMessage(w.ctx, deleted.ID, ada, Start)
			return err
		})
		for word, want := range map[string]string{"before": "", "doomed": "", "after": "after"} {
			if got := w.find(chat.SearchQuery{Reader: ada, Terms: words(word)}); got != want {
				w.Errorf("indexed %v: %s found %q, want %q", indexed, word, got, want)
			}
		}
		w.change(func(tx core.Tx) error { _, err := tx.SetLinks(w.ctx, edited.ID, []chat.Link{{URL: "u"}}); return err })
		same(w, "by link", w.find(chat.SearchQuery{Reader: ada, HasLinks: true}), "after")
		w.change(func(tx core.Tx) error { _, _, err := tx.DeleteMessage(w.ctx, edited.ID, ada, Start); return err })
		same(w, "nothing left", w.find(chat.SearchQuery{Reader: ada}), "")
	}
}

func searchRoomDeleted(w *world) {
	ada := w.addUser("ada")
	room, other := w.addRoom(chat.Room{Type: chat.Public}, ada), w.addRoom(chat.Room{Type: chat.Public}, ada)
	w.write(room, ada, "word one")
	w.write(other, ada, "word two")
	same(w, "before", w.find(chat.SearchQuery{Reader: ada, Terms: words("word")}), "word two|word one")
	w.write(room, ada, "word three")
	w.deleteRoom(room)
	r := must(w.Search(w.ctx, chat.SearchQuery{Reader: ada, Terms: words("word"), Limit: 10}))
	same(w, "after", len(r.Hits), 1)
	same(w, "estimate", r.TotalEstimate, 1)
}

func searchInside(w *world) {
	ada := w.addUser("ada")
	room := w.addRoom(chat.Room{Type: chat.Public}, ada)
	w.refused("enough", func(tx core.Tx) error {
		if _, _, err := tx.Append(w.ctx, plain(chat.Draft{RoomID: room, SenderID: ada, Content: "inside", Search: "inside"})); err != nil {
			return err
		}
		r, err := tx.Search(w.ctx, chat.SearchQuery{Reader: ada, Terms: words("inside"), Limit: 1})
		if err == nil && len(r.Hits) != 1 {
			err = fmt.Errorf("%d hits", len(r.Hits))
		}
		if err != nil {
			return err
		}
		return chat.Errorf(chat.Invalid, "enough", "Enough.")
	})
	same(w, "outside", w.find(chat.SearchQuery{Reader: ada, Terms: words("inside")}), "")
	w.write(room, ada, "later")
	same(w, "later", w.find(chat.SearchQuery{Reader: ada}), "later")
}

func searchAtOnce(w *world) {
	ada := w.addUser("ada")
	room := w.addRoom(chat.Room{Type: chat.Public}, ada)
	for i := range 20 {
		text := fmt.Sprint("word", i)
		w.write(room, ada, text)
		same(w, "at once", w.find(chat.SearchQuery{Reader: ada, Terms: words(text)}), text)
	}
	w.write(room, ada, "unindexed")
	w.reopen()
	same(w, "after a restart", w.find(chat.SearchQuery{Reader: ada, Terms: words("unindexed")}), "unindexed")
	same(w, "all", strings.Count(w.find(chat.SearchQuery{Reader: ada}), "word"), 20)
}

func searchHidden(w *world) {
	ada := w.addUser("ada")
	room := w.addRoom(chat.Room{Type: chat.Public}, ada)
	m := w.post(chat.Draft{RoomID: room, SenderID: ada, Content: "ciphertext"})
	same(w, "sent", w.find(chat.SearchQuery{Reader: ada, Terms: words("ciphertext")}), "")
	w.change(func(tx core.Tx) error {
		_, err := tx.EditMessage(w.ctx, m.ID, core.Edit{Content: "ciphertext", At: Start})
		return err
	})
	same(w, "edited", w.find(chat.SearchQuery{Reader: ada}), "")
}
