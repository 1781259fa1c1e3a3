package storetest

import (
	"strings"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

func init() {
	tell("polls",
		story{"a poll is read back as it was asked, with its message and in every list", pollsReadBack},
		story{"votes are what a person gave last, in the order they were given", pollsVotes},
		story{"a vote that is there already takes no change_seq", pollsTwice},
		story{"a poll ends once", pollsEnd},
		story{"a poll goes with its message", pollsDeleted},
		story{"a poll can be found by its search text, and its room can be deleted", pollsRoom},
	)
	tell("webhooks",
		story{"a webhook is read back as stored and changed", webhooksReadBack},
		story{"webhooks are listed by room, oldest first", webhooksListed},
		story{"what is not there is webhook_not_found", webhooksUnknown},
		story{"a room takes its webhooks with it", webhooksRoom},
	)
	tell("pictures", story{"a picture that is shown is no link", picturesAreNoLinks})
}

func (w *world) ask(room chat.RoomID, sender chat.UserID) (m *chat.Message) {
	w.Helper()
	p := &chat.Poll{Question: "Tea?", Multiple: true, CreatedBy: sender, ExpiresAt: Start.Add(time.Hour),
		Options: []chat.PollOption{{ID: "y", Text: "Yes", Emoji: "🫖"}, {ID: "n", Text: "No"}, {ID: "m", Text: "Maybe"}}}
	return w.post(chat.Draft{RoomID: room, SenderID: sender, Type: chat.TextMessage, Search: "tea yes no", Poll: p, At: Start})
}

func (w *world) vote(id chat.MessageID, user chat.UserID, options ...string) (m *chat.Message, changed bool) {
	w.Helper()
	w.change(func(tx core.Tx) (err error) {
		m, changed, err = tx.SetVotes(w.ctx, id, user, options, Start.Add(time.Minute))
		return err
	})
	return m, changed
}

func pollsReadBack(w *world) {
	room, ada, ids := w.fillRoom(1)
	m := w.ask(room, ada)
	want := *m.Poll
	same(w, "by id", *w.message(m.ID).Poll, want)
	page := must(w.Messages(w.ctx, room, chat.MessagesQuery{Limit: 10}))
	same(w, "in a page", *page.Messages[1].Poll, want)
	same(w, "others have none", page.Messages[0].Poll == nil, true)
	same(w, "in the changes", *must(w.ChangesSince(w.ctx, room, m.ChangeSeq-1, 10)).Messages[0].Poll, want)
	same(w, "by ids", *must(w.MessagesByID(w.ctx, []chat.MessageID{m.ID, ids[0]}))[1].Poll, want)
}

func pollsVotes(w *world) {
	room, ada, _ := w.fillRoom(1)
	id := w.ask(room, ada).ID
	w.vote(id, "u2", "n")
	w.vote(id, "u1", "n", "y", "unknown")
	m, changed := w.vote(id, "u2", "y")
	p := m.Poll
	if !changed || m.ChangeSeq <= m.Seq {
		w.Errorf("changed %v, change_seq %d", changed, m.ChangeSeq)
	}
	same(w, "yes", p.Options[0].Voters, []chat.UserID{"u1", "u2"})
	same(w, "no", p.Options[1].Voters, []chat.UserID{"u1"})
	same(w, "read", w.message(id).Poll, p)
	m, _ = w.vote(id, "u1")
	same(w, "taken back", m.Poll.Voters(), []chat.UserID{"u2"})
}

func pollsTwice(w *world) {
	room, ada, ids := w.fillRoom(1)
	m := w.ask(room, ada)
	first, _ := w.vote(m.ID, "u", "y")
	again, changed := w.vote(m.ID, "u", "y", "y")
	if changed || again.ChangeSeq != first.ChangeSeq {
		w.Errorf("changed %v, change_seq %d then %d", changed, first.ChangeSeq, again.ChangeSeq)
	}
	if plain, changed := w.vote(ids[0], "u", "y"); changed || plain.Poll != nil {
		w.Errorf("a message without a poll: changed %v, %+v", changed, plain.Poll)
	}
}

func pollsEnd(w *world) {
	room, ada, _ := w.fillRoom(1)
	m := w.ask(room, ada)
	end := func(by chat.UserID, at time.Time) (m2 *chat.Message) {
		w.change(func(tx core.Tx) (err error) { m2, err = tx.EndPoll(w.ctx, m.ID, by, at); return err })
		return m2
	}
	first := end(ada, Start.Add(time.Minute))
	if p := first.Poll; !p.EndedAt.Equal(Start.Add(time.Minute)) || p.EndedBy != ada || first.ChangeSeq <= m.ChangeSeq {
		w.Errorf("ended: %+v, change_seq %d", p, first.ChangeSeq)
	}
	same(w, "again", end("other", Start.Add(time.Hour)), first)
}

func pollsDeleted(w *world) {
	room, ada, _ := w.fillRoom(1)
	m := w.ask(room, ada)
	w.vote(m.ID, "u", "y")
	w.change(func(tx core.Tx) error { _, _, err := tx.DeleteMessage(w.ctx, m.ID, ada, Start); return err })
	gone := w.message(m.ID)
	same(w, "the tombstone has none", gone.Poll == nil, true)
	same(w, "nobody votes any more", must2(w.vote(m.ID, "v", "y")), false)
}

func must2(_ *chat.Message, changed bool) bool { return changed }

func pollsRoom(w *world) {
	room, ada, _ := w.fillRoom(1)
	m := w.ask(room, ada)
	w.vote(m.ID, "u", "y")
	found := must(w.Search(w.ctx, chat.SearchQuery{Reader: ada, Terms: []chat.SearchTerm{{Words: []string{"tea"}}}, Limit: 5}))
	if len(found.Hits) != 1 || found.Hits[0].Message.Poll == nil {
		w.Errorf("found %+v", found.Hits)
	}
	w.change(func(tx core.Tx) error { _, err := tx.DeleteRoom(w.ctx, room); return err })
	w.missing("message_not_found", func() error { _, err := w.Message(w.ctx, m.ID); return err })
}

func (w *world) missing(code string, fn func() error) {
	w.Helper()
	if err := fn(); chat.CodeOf(err) != code {
		w.Errorf("%v, want %s", err, code)
	}
}

func webhook(id string, room chat.RoomID, at time.Time) chat.Webhook {
	return chat.Webhook{ID: id, RoomID: room, Name: "CI", AvatarURL: "https://ci.example/a.png", CreatedBy: "ada", CreatedAt: at, Version: 1}
}

func webhooksReadBack(w *world) {
	room, _, _ := w.fillRoom(1)
	want := webhook("w1", room, Start)
	w.change(func(tx core.Tx) error { return tx.CreateWebhook(w.ctx, want) })
	same(w, "created", must(w.Webhook(w.ctx, "w1")), want)
	want.Name, want.AvatarURL, want.Version = "Build", "", 2
	changed := want
	changed.CreatedBy, changed.CreatedAt, changed.RoomID = "x", Start.Add(time.Hour), room+1 // are not changed
	w.change(func(tx core.Tx) error { return tx.UpdateWebhook(w.ctx, changed) })
	same(w, "changed", must(w.Webhook(w.ctx, "w1")), want)
}

func webhooksListed(w *world) {
	room, _, _ := w.fillRoom(1)
	other := w.addRoom(chat.Room{Type: chat.Public})
	w.change(func(tx core.Tx) error {
		for _, x := range []chat.Webhook{webhook("b", room, Start.Add(time.Second)), webhook("a", room, Start.Add(time.Minute)), webhook("c", other, Start)} {
			if err := tx.CreateWebhook(w.ctx, x); err != nil {
				return err
			}
		}
		return nil
	})
	list := func(room chat.RoomID) string {
		var ids []string
		for _, x := range must(w.Webhooks(w.ctx, room)) {
			ids = append(ids, x.ID)
		}
		return strings.Join(ids, " ")
	}
	same(w, "of a room", list(room), "b a")
	same(w, "of all", list(0), "c b a")
	same(w, "of none", list(other+99), "")
}

func webhooksUnknown(w *world) {
	w.missing("webhook_not_found", func() error { _, err := w.Webhook(w.ctx, "w"); return err })
	w.refused("webhook_not_found", func(tx core.Tx) error { return tx.UpdateWebhook(w.ctx, webhook("w", 1, Start)) })
	w.refused("webhook_not_found", func(tx core.Tx) error { return tx.DeleteWebhook(w.ctx, "w") })
}

func webhooksRoom(w *world) {
	room, _, _ := w.fillRoom(1)
	w.change(func(tx core.Tx) error { return tx.CreateWebhook(w.ctx, webhook("w", room, Start)) })
	w.change(func(tx core.Tx) error { _, err := tx.DeleteRoom(w.ctx, room); return err })
	w.missing("webhook_not_found", func() error { _, err := w.Webhook(w.ctx, "w"); return err })
}

func picturesAreNoLinks(w *world) {
	room, ada, _ := w.fillRoom(0)
	for _, links := range [][]chat.Link{{{Picture: true, URL: "https://x/p.png"}}, {{URL: "https://x/"}, {Picture: true, URL: "https://x/p.png"}}, nil} {
		m := w.post(chat.Draft{RoomID: room, SenderID: ada, Type: chat.TextMessage, Content: "word", Search: "word", Links: links, At: Start})
		same(w, "links", w.message(m.ID).Links, links)
		w.change(func(tx core.Tx) error { // the index is made again from the row
			_, err := tx.EditMessage(w.ctx, m.ID, core.Edit{Content: "words", Search: "words", Links: links, At: Start})
			return err
		})
	}
	found := must(w.Search(w.ctx, chat.SearchQuery{Reader: ada, HasLinks: true, Limit: 5}))
	same(w, "messages with links", len(found.Hits), 1)
}
