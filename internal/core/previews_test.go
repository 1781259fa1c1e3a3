package core_test

import (
	"slices"
	"testing"

	"parley/internal/chat"
	"parley/internal/core"
)

func TestSetLinks(t *testing.T) {
	const a, b = "https://a.example.org/", "https://b.example.org/"
	found := []chat.Link{{URL: a, Title: "A", Description: "About A", Image: "https://a.example.org/i.png"}, {URL: b}}
	rows := []struct {
		name   string
		before func(w *world, by chat.Actor, msg *chat.Message)
		links  []chat.Link
		want   []chat.Link
		told   bool
	}{
		{"what was found is stored and told", nil, found, found, true},
		{"nothing found changes nothing", nil, []chat.Link{{URL: a}, {URL: b}}, []chat.Link{{URL: a}, {URL: b}}, false},
		{"the same again tells nobody", func(w *world, _ chat.Actor, msg *chat.Message) { w.must(w.SetLinks(w.ctx, msg.ID, found)) }, found, found, false},
		{"what is known is not lost to a later failure", func(w *world, _ chat.Actor, msg *chat.Message) { w.must(w.SetLinks(w.ctx, msg.ID, found)) },
			[]chat.Link{{URL: a}, {URL: b, Title: "B"}}, []chat.Link{found[0], {URL: b, Title: "B"}}, true},
		{"a message that was edited meanwhile has other links", func(w *world, by chat.Actor, msg *chat.Message) {
			_, err := w.EditMessage(w.ctx, by, msg.ID, "only "+b, nil)
			w.must(err)
		}, found, []chat.Link{{URL: b}}, false},
		{"a deleted message has none", func(w *world, by chat.Actor, msg *chat.Message) {
			_, err := w.DeleteMessage(w.ctx, by, msg.ID)
			w.must(err)
		}, found, nil, false},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			w := newWorld(t)
			alice := w.user("alice")
			msg := w.say(alice, w.room("lobby", chat.Public, alice), "see "+a+" and "+b)
			if r.before != nil {
				r.before(w, alice, msg)
			}
			before, err := w.Message(w.ctx, alice, msg.ID)
			w.must(err)
			w.told()
			w.must(w.SetLinks(w.ctx, msg.ID, r.links))
			after, err := w.Message(w.ctx, alice, msg.ID)
			w.must(err)
			if !slices.Equal(after.Links, r.want) {
				t.Errorf("links are %+v", after.Links)
			}
			told := w.told()
			if len(told) > 0 != r.told || after.ChangeSeq > before.ChangeSeq != r.told {
				t.Fatalf("%d events, change_seq %d after %d", len(told), after.ChangeSeq, before.ChangeSeq)
			}
			if !r.told {
				return
			}
			if ev, ok := told[0].(chat.MessageChanged); !ok || len(told) != 1 || !slices.Equal(ev.Message.Links, r.want) || ev.Message.Sender == nil || !ev.Message.EditedAt.IsZero() {
				t.Errorf("told %+v", told)
			}
		})
	}
	t.Run("a message that is not there", func(t *testing.T) {
		w := newWorld(t)
		w.want(w.SetLinks(w.ctx, 4711, found), "message_not_found")
	})
	t.Run("messages of encrypted rooms have no links", func(t *testing.T) {
		w := newWorld(t)
		alice := w.user("alice")
		view, err := w.CreateRoom(w.ctx, alice, core.NewRoom{Name: "sealed", Type: chat.Private, Encrypted: true})
		w.must(err)
		msg := w.say(alice, view.Room.ID, "see "+a)
		w.must(w.SetLinks(w.ctx, msg.ID, found[:1]))
		if after, err := w.Message(w.ctx, alice, msg.ID); err != nil || len(msg.Links) != 0 || len(after.Links) != 0 {
			t.Errorf("%+v, %v", after.Links, err)
		}
	})
}
