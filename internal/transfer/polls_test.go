package transfer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/core/coretest"
)

// carried tells what the messages of a room carry beside their texts, with names in place of ids.
func carried(t *testing.T, w *coretest.World, room chat.RoomID) (lines []string) {
	t.Helper()
	name := func(id chat.UserID) string {
		if u, err := w.Store.User(ctx, id); err == nil {
			return u.Username
		}
		return "-"
	}
	must(t, w.Store.EachMessage(ctx, room, "", func(m *chat.Message) error {
		l := fmt.Sprintf("%q edited %v", m.Content, !m.EditedAt.IsZero())
		if x := m.Extras; x != nil {
			l += fmt.Sprintf(" %s", x.Embeds)
			if x.Author != nil {
				l += fmt.Sprintf(" by %+v", *x.Author)
			}
		}
		for _, link := range m.Links {
			l += fmt.Sprintf(" %v %s", link.Picture, link.URL)
		}
		if p := m.Poll; p != nil {
			l += fmt.Sprintf(" %s %v by %s until %s ended %s by %s", p.Question, p.Multiple, name(p.CreatedBy), p.ExpiresAt, p.EndedAt, name(p.EndedBy))
			for _, o := range p.Options {
				l += " " + o.ID + o.Text + o.Emoji
				for _, u := range o.Voters {
					l += " " + name(u)
				}
			}
		}
		lines = append(lines, l)
		return nil
	}))
	return lines
}

func TestPollsEmbedsAndAuthorsMove(t *testing.T) {
	w := coretest.New(t, nil)
	ada, ben := w.User("ada"), w.User("ben")
	room := w.Room(ada, ben)
	ask := func(p core.NewPoll) chat.MessageID {
		t.Helper()
		m, _, err := w.SendMessage(ctx, ada, core.NewMessage{RoomID: room, Poll: &p})
		must(t, err)
		w.Clock.Advance(time.Second)
		return m.ID
	}
	options := []chat.PollOption{{ID: "tea", Text: "Tea", Emoji: "🫖"}, {Text: "Coffee"}}
	running := ask(core.NewPoll{Question: "Running?", Options: options, ExpiresIn: time.Hour})
	ended := ask(core.NewPoll{Question: "Ended?", Options: options, Multiple: true})
	for _, v := range []struct {
		by   chat.Actor
		poll chat.MessageID
		ids  []string
	}{{ben, running, []string{"tea"}}, {ada, ended, []string{"tea", "1"}}, {ben, ended, []string{"tea"}}} {
		_, err := w.Vote(ctx, v.by, v.poll, v.ids)
		must(t, err)
		w.Clock.Advance(time.Second)
	}
	_, err := w.EndPoll(ctx, ada, ended)
	must(t, err)
	embeds := []json.RawMessage{[]byte(`{"title":"Oven","image":{"url":"https://oven.example/p.png"},"more":[1]}`)}
	m, _, err := w.SendMessage(ctx, ada, core.NewMessage{RoomID: room, Content: "hot", Embeds: embeds})
	must(t, err)
	_, err = w.EditMessage(ctx, ada, m.ID, "hotter", nil)
	must(t, err)
	_, err = w.PostMessage(ctx, core.Post{RoomID: room, Content: "done", Embeds: embeds, Author: chat.Author{Kind: chat.WebhookAuthor, ID: "w", Name: "Oven", AvatarURL: "https://oven.example/a.png"}})
	must(t, err)

	var b bytes.Buffer
	_, err = exporter(w, false).Room(ctx, &b, room)
	must(t, err)
	to := coretest.New(t, nil)
	to.Clock.Advance(24 * time.Hour)
	rep, err := importer(to).Import(ctx, Lines(bytes.NewReader(b.Bytes())), Options{})
	must(t, err)
	want, got := carried(t, w, room), carried(t, to, rep.Rooms[0].ID)
	if strings.Join(want, "\n") != strings.Join(got, "\n") {
		t.Errorf("wanted\n%s\ngot\n%s", strings.Join(want, "\n"), strings.Join(got, "\n"))
	}
	reader, err := to.Store.UserByName(ctx, "ben")
	must(t, err)
	for _, word := range []string{"running", "oven"} {
		found, err := to.Store.Search(ctx, chat.SearchQuery{Reader: reader.ID, Terms: []chat.SearchTerm{{Words: []string{word}}}, Limit: 10})
		if err != nil || len(found.Hits) == 0 {
			t.Errorf("%s is not found: %v", word, err)
		}
	}

	// Of a person, only their own votes.
	b.Reset()
	_, err = exporter(w, false).User(ctx, &b, ada.UserID)
	must(t, err)
	for line := range strings.Lines(b.String()) {
		if strings.Contains(line, `"poll"`) && strings.Contains(line, string(ben.UserID)) {
			t.Errorf("what ben voted for is in ada's export: %s", line)
		}
	}
}

func TestAPollThatCannotBeAskedHereIsLeftOut(t *testing.T) {
	lines := `{"header":{"format":"chat-export","version":1,"kind":"room","id":"x"}}` + "\n" + `{"user":{"id":"1","username":"ada","display_name":"Ada"}}` + "\n" + `{"room":{"id":1,"name":"r","type":"public"}}` + "\n" +
		`{"message":{"id":1,"room":1,"type":"text","sender":"1","content":"x","created_at":"2026-01-01T00:00:00Z","poll":{"question":"?","options":[{"id":"a","text":"only one"}]},"embeds":[{"color":-1}],"author":{"kind":"king","name":"x"}}}` + "\n" +
		`{"message":{"id":2,"room":1,"type":"text","sender":"1","content":"y","created_at":"2026-01-01T00:00:01Z","poll":{"question":"?","options":[{"id":"a","text":"a","voters":["1","1"]},{"id":"b","text":"b","voters":["1"]}]}}}` + "\n" + `{"end":{"records":5}}`
	w := coretest.New(t, nil)
	rep, err := importer(w).Import(ctx, Lines(strings.NewReader(lines)), Options{})
	must(t, err)
	must(t, w.Store.EachMessage(ctx, rep.Rooms[0].ID, "", func(m *chat.Message) error {
		if m.Extras != nil || m.Content == "x" && m.Poll != nil || m.Content == "y" && (m.Poll == nil || m.Poll.Votes() != 1) {
			t.Errorf("%+v", m)
		}
		return nil
	}))
}
