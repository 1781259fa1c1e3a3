package core_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"parley/internal/chat"
	"parley/internal/core"
)

func TestCheckEmbeds(t *testing.T) {
	long := strings.Repeat("ü", 257)
	fields := func(n, name, value int) string {
		f := make([]string, n)
		for i := range f {
			f[i] = fmt.Sprintf(`{"name":%q,"value":%q}`, strings.Repeat("n", name), strings.Repeat("v", value))
		}
		return `{"fields":[` + strings.Join(f, ",") + `]}`
	}
	for _, tc := range []struct {
		name, embed, text string // text: "" for none that is wrong
	}{
		{"an empty one is fine", `{}`, ""},
		{"everything", `{"type":"rich","title":"T","description":"D","url":"https://x","color":16777215,"timestamp":"2026-03-01T12:00:00Z","author":{"name":"A","url":"u","icon_url":"i"},
			"footer":{"text":"F","icon_url":"i"},"image":{"url":"https://x/p.png","width":10,"height":20},"thumbnail":{"url":"t"},"fields":[{"name":"n","value":"v","inline":true}],"unknown":[1]}`, ""},
		{"null is absent", `{"type":null,"title":null,"color":null,"author":null,"fields":null,"image":null}`, ""},
		{"no object", `[]`, "it must be an object"},
		{"a word", `"x"`, "it must be an object"},
		{"an unknown type", `{"type":"table"}`, "type must be one of rich, poll, link, image, video, article"},
		{"a poll without one", `{"type":"poll"}`, "type 'poll' needs poll"},
		{"a link without one", `{"type":"link"}`, "type 'link' needs url"},
		{"an image without one", `{"type":"image"}`, "type 'image' needs image"},
		{"a video needs nothing", `{"type":"video"}`, ""},
		{"a long title, by characters", `{"title":"` + long + `"}`, "title must have at most 256 characters"},
		{"a title of the length that is allowed", `{"title":"` + long[:512] + `"}`, ""},
		{"a title that is a number", `{"title":1}`, "title must be a string"},
		{"a long description", `{"description":"` + strings.Repeat("d", 4097) + `"}`, "description must have at most 4096 characters"},
		{"a colour beyond white", `{"color":16777216}`, "color must be an integer from 0 to 16777215"},
		{"a negative colour", `{"color":-1}`, "color must be an integer from 0 to 16777215"},
		{"half a colour", `{"color":1.5}`, "color must be an integer from 0 to 16777215"},
		{"a colour that is text", `{"color":"1"}`, "color must be an integer from 0 to 16777215"},
		{"a colour that is true", `{"color":true}`, "color must be an integer from 0 to 16777215"},
		{"a time that is none", `{"timestamp":"yesterday"}`, "timestamp must be a time in ISO 8601"},
		{"a time without a zone", `{"timestamp":"2026-03-01T12:00:00.123456"}`, ""},
		{"an author without a name", `{"author":{}}`, "name is required"},
		{"an author who is text", `{"author":"x"}`, "author must be an object"},
		{"a long author", `{"author":{"name":"` + long + `"}}`, "name must have at most 256 characters"},
		{"a footer without text", `{"footer":{}}`, "text is required"},
		{"a long footer", `{"footer":{"text":"` + strings.Repeat("f", 2049) + `"}}`, "text must have at most 2048 characters"},
		{"a picture without an address", `{"thumbnail":{}}`, "url is required"},
		{"fields that are none", `{"fields":{}}`, "fields must be an array"},
		{"26 fields", fields(26, 1, 1), "fields must have between 0 and 25 entries"},
		{"25 fields", fields(25, 1, 1), ""},
		{"a field without a value", `{"fields":[{"name":"n"}]}`, "value is required"},
		{"a long value", fields(1, 1, 1025), "value must have at most 1024 characters"},
		{"inline that is a word", `{"fields":[{"name":"n","value":"v","inline":"yes"}]}`, "inline must be true or false"},
		{"6,000 characters", fields(5, 176, 1024), ""},
		{"6,001 characters", strings.Replace(fields(5, 176, 1024), `{"fields"`, `{"title":"x","fields"`, 1), "all its texts together have at most 6000 characters"},
		{"a poll", `{"type":"poll","poll":{"question":"?","options":[{"id":"1","text":"a"},{"id":"2","text":"b","emoji":"🫖"}],"allow_multiselect":true}}`, ""},
		{"a poll with one option", `{"poll":{"question":"?","options":[{"id":"1","text":"a"}]}}`, "options must have between 2 and 10 entries"},
		{"a poll without options", `{"poll":{"question":"?"}}`, "options is required"},
		{"an option without an id", `{"poll":{"question":"?","options":[{"text":"a"},{"id":"2","text":"b"}]}}`, "id is required"},
		{"an option with an empty id", `{"poll":{"question":"?","options":[{"id":"","text":"a"},{"id":"2","text":"b"}]}}`, "id must have at least one character"},
		{"a long title hidden behind another spelling", `{"title":"` + long + `","Title":"x"}`, "title must have at most 256 characters"},
		{"invalid UTF-8", "{\"title\":\"\xff\"}", "it is not valid UTF-8"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := core.CheckEmbeds([]json.RawMessage{[]byte(`{}`), []byte(tc.embed)})
			want := ""
			if tc.text != "" {
				want = "Embed 1: " + tc.text
			}
			if got := text(err); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if err != nil && chat.CodeOf(err) != "embeds_invalid" {
				t.Errorf("code %q", chat.CodeOf(err))
			}
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return chat.AsError(err).Text
}

func TestParseEmbeds(t *testing.T) {
	for _, tc := range []struct {
		raw, text string
		n         int
	}{
		{``, "", 0}, {`null`, "", 0}, {`[]`, "", 0}, {` [{}, {"title":"x"}]`, "", 2}, {`{}`, "Embeds must be an array", 0}, {`"x"`, "Embeds must be an array", 0},
		{`[` + strings.Repeat(`{},`, 10) + `{}]`, "Cannot have more than 10 embeds", 0}, {`[{}, 1]`, "Embed 1: it must be an object", 0},
		{`[{"x":"` + strings.Repeat("a", core.MaxEmbedBytes) + `"}]`, "Embed 0: all embeds together have at most 65536 bytes", 0},
	} {
		embeds, err := core.ParseEmbeds([]byte(tc.raw))
		if text(err) != tc.text || err == nil && len(embeds) != tc.n {
			t.Errorf("%.40s: %d embeds, %q; want %d, %q", tc.raw, len(embeds), text(err), tc.n, tc.text)
		}
	}
}

func FuzzEmbeds(f *testing.F) {
	for _, seed := range []string{`[{"title":"x"}]`, `[{"type":"poll","poll":{"question":"?","options":[]}}]`, `[{"color":1e3,"fields":[{"name":"a","value":"b"}]}]`, `{}`, `[[[`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		embeds, err := core.ParseEmbeds(raw)
		if err != nil {
			if chat.CodeOf(err) != "embeds_invalid" {
				t.Errorf("%v", err)
			}
			return
		}
		for _, e := range embeds {
			if _, err := core.ParseEmbed(e); err != nil {
				t.Errorf("%s was accepted, and then not: %v", e, err)
			}
		}
	})
}

func TestEmbedsInMessages(t *testing.T) {
	w := newWorld(t)
	ada := w.user("ada")
	room := w.room("Tea", chat.Public, ada)
	raw := json.RawMessage(`{"title":"Kettle","extra":{"b":1,"a":2},"image":{"url":"https://pictures.example/k.png"},"thumbnail":{"url":"javascript:alert(1)"},"fields":[{"name":"temperature","value":"hot"}]}`)
	msg, _, err := w.SendMessage(w.ctx, ada, core.NewMessage{RoomID: room, Embeds: []json.RawMessage{raw}})
	w.must(err)
	stored, err := w.store.Message(w.ctx, msg.ID)
	w.must(err)
	if string(stored.Extras.Embeds[0]) != string(raw) {
		t.Errorf("stored as %s", stored.Extras.Embeds[0])
	}
	if len(stored.Links) != 1 || stored.Links[0] != (chat.Link{Picture: true, URL: "https://pictures.example/k.png"}) {
		t.Errorf("pictures %+v", stored.Links)
	}
	found := func(query string) int {
		t.Helper()
		r, err := w.Search(w.ctx, ada, core.Searching{Text: query})
		w.must(err)
		return len(r.Hits)
	}
	if found("kettle hot") != 1 || found("has:link") != 0 {
		t.Errorf("found %d by its words, %d as a link", found("kettle hot"), found("has:link"))
	}
	if _, err := w.EditMessage(w.ctx, ada, msg.ID, "a text", nil); err != nil {
		t.Fatal(err)
	}
	if now, _ := w.store.Message(w.ctx, msg.ID); now.Extras == nil || found("kettle text") != 1 || len(now.Links) != 1 {
		t.Errorf("after an edit of the text: %+v", now)
	}
	other := []json.RawMessage{json.RawMessage(`{"title":"Teapot"}`)}
	if now, err := w.ReviseMessage(w.ctx, ada, msg.ID, core.Revision{Content: "a text", Embeds: &other}); err != nil || string(now.Extras.Embeds[0]) != `{"title":"Teapot"}` || len(now.Links) != 0 {
		t.Errorf("other embeds: %+v, %v", now, err)
	}
	if found("kettle") != 0 || found("teapot") != 1 {
		t.Error("the index does not follow")
	}
	w.told()
	if _, err := w.ReviseMessage(w.ctx, ada, msg.ID, core.Revision{Content: "a text", Embeds: &other}); err != nil || len(w.told()) != 0 {
		t.Errorf("the same again is told: %v", err)
	}
	none := []json.RawMessage{}
	_, err = w.ReviseMessage(w.ctx, ada, msg.ID, core.Revision{Embeds: &none})
	w.want(err, "content_empty")
	if now, err := w.ReviseMessage(w.ctx, ada, msg.ID, core.Revision{Content: "x", Embeds: &none}); err != nil || !now.Extras.Empty() {
		t.Errorf("no embeds: %+v, %v", now, err)
	}
	bad := []json.RawMessage{json.RawMessage(`1`)}
	_, err = w.ReviseMessage(w.ctx, ada, msg.ID, core.Revision{Content: "x", Embeds: &bad})
	w.want(err, "embeds_invalid")
	_, _, err = w.SendMessage(w.ctx, ada, core.NewMessage{RoomID: room, Content: "x", Embeds: bad})
	w.want(err, "embeds_invalid")
}
