package native

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/jsontext"
)

// same holds what is written by hand to what encoding/json makes of the published type.
func same(t *testing.T, d *Dialect, m *chat.Message, viewer chat.UserID) {
	t.Helper()
	want, err := json.Marshal(d.message(m, viewer))
	if err != nil {
		t.Fatal(err)
	}
	got := d.appendMessage(nil, m, viewer)
	var a, b any
	if err := json.Unmarshal(want, &a); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(got, &b); err != nil {
		t.Fatalf("%v in %s", err, got)
	}
	if !reflect.DeepEqual(a, b) {
		t.Fatalf("by hand: %s\nby type: %s", got, want)
	}
}

func TestMessagesByHandAreMessagesByType(t *testing.T) {
	d := New(Options{Core: &core.Core{}})
	at := time.Date(2026, 3, 1, 10, 15, 0, 123456789, time.UTC)
	ada := &chat.User{ID: "0199f0a4-9b20-7bb5-8a11-3c6d1f7a2e90", Username: "ada", DisplayName: "Ada \"L\"", AvatarURL: "/api/avatars/x", Rank: chat.RankAdmin, Kind: chat.Bot}
	full := chat.Message{
		ID: 41, RoomID: 7, Seq: 3, ChangeSeq: 9, Type: chat.TextMessage, SenderID: ada.ID, Sender: ada, Content: "line\nwith \"quotes\", \\ and \t, <b>&amp; \u2028 ü 漢 🎉 \x01\x7f",
		ParentID: 40, ReplyCount: 2, LastReplyAt: at, CreatedAt: at, EditedAt: at.Add(time.Second), Pinned: true, Nonce: "n",
		Mentions: []chat.UserID{"a", "b"}, Reactions: []chat.Reaction{{Emoji: "👍", Users: []chat.UserID{ada.ID, "b"}}},
		Attachments: []chat.Attachment{{Key: "k", Filename: "a.png", Size: 5, MIMEType: "image/png", Width: 3, Height: 4, ThumbHash: "h", CreatedAt: at, Scan: chat.ScanClean}},
		Links:       []chat.Link{{URL: "https://example.org/?a=1&b=2", Title: "T"}},
	}
	full.Links = append(full.Links, chat.Link{Picture: true, URL: "https://x/p.png", Image: "/api/previews/h", Width: 9, Height: 8})
	ping := false
	full.Extras = &chat.Extras{Author: &chat.Author{Kind: chat.WebhookAuthor, ID: "w", Name: "CI <b>", AvatarURL: "https://x/p.png"}, Command: &chat.CommandUse{Name: "roll", UserID: "b"}, Ping: &ping,
		Embeds: []json.RawMessage{[]byte(`{"title":"T","url":"javascript:x","color":5,"timestamp":"2026-03-01","image":{"url":"https://x/p.png"},"thumbnail":{"url":"data:x"},"author":{"name":"A","url":"https://x"},
			"footer":{"text":"F","icon_url":"https://x/p.png"},"fields":[{"name":"n","value":"v"}],"poll":{"question":"?","options":[{"id":"1","text":"a"},{"id":"2","text":"b"}]}}`)}}
	full.Poll = &chat.Poll{Question: "?", Multiple: true, CreatedBy: ada.ID, ExpiresAt: at, EndedAt: at, Options: []chat.PollOption{{ID: "0", Text: "a", Emoji: "🫖", Voters: []chat.UserID{"b", ada.ID}}, {ID: "1", Text: "b"}}}
	deleted := full
	deleted.Deleted = true
	for name, m := range map[string]chat.Message{
		"a message with everything": full,
		"a tombstone":               deleted,
		"a bare one":                {ID: 1, RoomID: 1, Seq: 1, ChangeSeq: 1, Type: chat.SystemMessage, Content: "x", CreatedAt: at},
	} {
		t.Run(name, func(t *testing.T) {
			for _, viewer := range []chat.UserID{"", ada.ID, "b", "c"} {
				same(t, d, &m, viewer)
			}
		})
	}
}

func FuzzAppendText(f *testing.F) {
	for _, s := range []string{"", "plain", "\"\\\n\r\t\x00\x1f\x7f", "ü漢🎉\u2028", "\xff\xfe", "a\xc3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var want, got string
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(jsontext.AppendString(nil, s), &got); err != nil || got != want {
			t.Fatalf("%q: %v, got %q", s, err, got)
		}
	})
}

func BenchmarkMessage(b *testing.B) {
	d := New(Options{Core: &core.Core{}})
	ada := &chat.User{ID: "0199f0a4-9b20-7bb5-8a11-3c6d1f7a2e90", Username: "ada", DisplayName: "Ada Lovelace"}
	m := chat.Message{ID: 41, RoomID: 7, Seq: 3, ChangeSeq: 3, Type: chat.TextMessage, SenderID: ada.ID, Sender: ada, CreatedAt: time.Unix(1e9, 0),
		Content: "The quick brown fox jumps over the lazy dog while the band plays on and the tide comes in, slowly, over the old pier. ok"}
	b.Run("by type", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := json.Marshal(d.message(&m, "")); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("by hand", func(b *testing.B) {
		b.ReportAllocs()
		buf := make([]byte, 0, 1024)
		for b.Loop() {
			buf = d.appendMessage(buf[:0], &m, "")
		}
	})
}
