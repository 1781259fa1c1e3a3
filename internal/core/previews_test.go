package core_test

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	"parley/internal/chat"
	"parley/internal/core"
)

func TestSetLinks(t *testing.T) {
	const a, b = "https://a.example.org/", "https://b.example.org/"
	found := []chat.Link{{URL: a, Title: "A", Description: "About A"}, {URL: b}}
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
		{"a picture that is not kept here is left out", nil,
			[]chat.Link{{URL: a, Title: "A", Image: "https://a.example.org/i.png", Width: 3, Height: 2}, {URL: b, Title: "B", Image: core.PreviewPath + strings.Repeat("0", 64)}},
			[]chat.Link{{URL: a, Title: "A"}, {URL: b, Title: "B"}}, true},
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

func TestPicturesOfPreviews(t *testing.T) {
	const a, b = "https://a.example.org/", "https://b.example.org/"
	for _, tc := range []struct {
		name string
		then func(w *world, by chat.Actor, one, two *chat.Message)
		kept int
	}{
		{"a picture is kept while messages show it", func(*world, chat.Actor, *chat.Message, *chat.Message) {}, 1},
		{"it is kept for the other message when one is deleted", func(w *world, by chat.Actor, one, _ *chat.Message) {
			_, err := w.DeleteMessage(w.ctx, by, one.ID)
			w.must(err)
		}, 1},
		{"it goes with the last message", func(w *world, by chat.Actor, one, two *chat.Message) {
			for _, m := range []*chat.Message{one, two} {
				_, err := w.DeleteMessage(w.ctx, by, m.ID)
				w.must(err)
			}
		}, 0},
		{"it goes with the last room", func(w *world, by chat.Actor, one, _ *chat.Message) {
			w.must(w.DeleteRoom(w.ctx, by, one.RoomID, one.RoomID.String()))
		}, 0},
		{"it stays with a link that an edit leaves", func(w *world, by chat.Actor, one, two *chat.Message) {
			for _, m := range []*chat.Message{one, two} {
				edited, err := w.EditMessage(w.ctx, by, m.ID, "new words for "+a, nil)
				w.must(err)
				if edited.Links[0].Title != "A" || edited.Links[0].Image == "" {
					w.Errorf("after the edit %+v", edited.Links)
				}
			}
		}, 1},
		{"it goes with a link that an edit takes away", func(w *world, by chat.Actor, one, two *chat.Message) {
			for _, m := range []*chat.Message{one, two} {
				_, err := w.EditMessage(w.ctx, by, m.ID, "only "+b, nil)
				w.must(err)
			}
		}, 0},
		{"another picture takes its place", func(w *world, _ chat.Actor, one, two *chat.Message) {
			other, err := w.StorePreview(w.ctx, bytes.NewReader(picture(w.T, 60, 40, 2)))
			w.must(err)
			for _, m := range []*chat.Message{one, two} {
				w.must(w.SetLinks(w.ctx, m.ID, []chat.Link{{URL: a, Title: "A", Image: other.Path}}))
			}
		}, 1},
		{"a picture for a message that is gone is not kept", func(w *world, by chat.Actor, one, _ *chat.Message) {
			gone := w.say(by, one.RoomID, "see "+b)
			_, err := w.DeleteMessage(w.ctx, by, gone.ID)
			w.must(err)
			other, err := w.StorePreview(w.ctx, bytes.NewReader(picture(w.T, 60, 40, 2)))
			w.must(err)
			w.must(w.SetLinks(w.ctx, gone.ID, []chat.Link{{URL: b, Title: "B", Image: other.Path}}))
		}, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t, scanned)
			alice := w.user("alice")
			room := w.room("lobby", chat.Public, alice)
			p, err := w.StorePreview(w.ctx, bytes.NewReader(picture(t, 1000, 500, 1)))
			w.must(err)
			if p.Width != 480 || p.Height != 240 {
				t.Errorf("%+v", p)
			}
			one, two := w.say(alice, room, "see "+a), w.say(alice, room, "look "+a)
			link := chat.Link{URL: a, Title: "A", Image: p.Path, Width: p.Width, Height: p.Height}
			for _, m := range []*chat.Message{one, two} {
				w.must(w.SetLinks(w.ctx, m.ID, []chat.Link{link}))
			}
			if m, err := w.Message(w.ctx, alice, one.ID); err != nil || m.Links[0] != link {
				t.Errorf("%+v, %v", m.Links, err)
			}
			body, kind, err := w.Preview(w.ctx, strings.TrimPrefix(p.Path, core.PreviewPath))
			if err != nil || kind != "image/jpeg" {
				t.Fatalf("%q, %v", kind, err)
			}
			w.must(body.Close())
			tc.then(w, alice, one, two)
			if n := w.stored(); n != tc.kept {
				t.Errorf("%d are kept", n)
			}
		})
	}
}

func TestPicturesThatPreviewsDoNotShow(t *testing.T) {
	w := newWorld(t, scanned)
	for _, tc := range []struct {
		name string
		body io.Reader
		code string
	}{
		{"text", strings.NewReader("<svg xmlns='http://www.w3.org/2000/svg'/>"), "type_not_allowed"},
		{"nothing", strings.NewReader(""), "attachment_empty"},
		{"a bomb", bytes.NewReader(hugePicture()), "image_bomb"},
		{"half a picture", bytes.NewReader(picture(t, 50, 50, 1)[:60]), "image_invalid"},
		{"a dot that counts visitors", bytes.NewReader(picture(t, 1, 1, 1)), "image_invalid"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := w.StorePreview(w.ctx, tc.body); chat.CodeOf(err) != tc.code {
				t.Errorf("got %v, want %q", err, tc.code)
			}
		})
	}
	if n := w.stored(); n != 0 {
		t.Errorf("%d are kept", n)
	}
}
