package core_test

import (
	"slices"
	"strings"
	"testing"

	"parley/internal/chat"
	"parley/internal/core"
)

func TestMentions(t *testing.T) {
	w := newWorld(t)
	ada, bob, eve := w.user("ada"), w.user("Bob_2"), w.user("eve")
	w.user("stranger")
	id := w.room("Tea", chat.Private, ada, bob, eve)
	for _, tc := range []struct {
		name, text string
		want       []chat.Actor
	}{
		{"by name", "hello @eve", []chat.Actor{eve}},
		{"without regard to case", "@BOB_2!", []chat.Actor{bob}},
		{"several, in their order, once each", "@eve @Bob_2, @EVE", []chat.Actor{eve, bob}},
		{"in brackets", "(@eve)", []chat.Actor{eve}},
		{"after a line break", "hello\n@eve: look", []chat.Actor{eve}},
		{"an address is none", "mail x@eve or y.@eve or /@eve", nil},
		{"nor is one with an accent", "andré@eve", nil},
		{"two in one word are one", "@Bob_2@eve", []chat.Actor{bob}},
		{"code is none", "`@eve` and ```\n@Bob_2\n```", nil},
		{"what follows code is", "`x` @eve", []chat.Actor{eve}},
		{"an open block of code reaches to the end", "```\n@eve", nil},
		{"a person outside of the room is none", "@stranger @nobody", nil},
		{"a longer name is another", "@evelyn", nil},
		{"a plain member does not mention everyone", "@everyone @here", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			msg := w.say(bob, id, tc.text)
			var want []chat.UserID
			for _, a := range tc.want {
				want = append(want, a.UserID)
			}
			if !slices.Equal(msg.Mentions, want) || msg.Everyone {
				t.Errorf("mentions %v, everyone %v", msg.Mentions, msg.Everyone)
			}
		})
	}
	for _, word := range []string{"@everyone", "@Room", "@here"} {
		if msg := w.say(ada, id, word); !msg.Everyone || len(msg.Mentions) != 3 {
			t.Errorf("%s mentions %v", word, msg.Mentions)
		}
	}
}

func TestWhoIsNotified(t *testing.T) {
	w := newWorld(t)
	ada, bob, eve, dan := w.user("ada"), w.user("bob"), w.user("eve"), w.user("dan")
	id, direct := w.room("Tea", chat.Private, ada, bob, eve, dan), w.direct(ada, bob)
	root := w.say(eve, id, "root")
	muted, mentions := chat.NotifyMuted, chat.NotifyMentions
	_, err := w.SetPreferences(w.ctx, dan, id, core.Preferences{Notify: &muted})
	w.must(err)
	encrypted, err := w.CreateRoom(w.ctx, ada, core.NewRoom{Name: "Vault", Type: chat.Private, Encrypted: true})
	w.must(err)
	_, err = w.AddMember(w.ctx, chat.Operator, encrypted.Room.ID, bob.UserID, chat.RoomMember)
	w.must(err)
	for _, tc := range []struct {
		name string
		by   chat.Actor
		msg  core.NewMessage
		want string // who=type, in the order of ids
	}{
		{"a plain message tells nobody", ada, core.NewMessage{RoomID: id, Content: "x"}, ""},
		{"a mention tells the mentioned", ada, core.NewMessage{RoomID: id, Content: "@bob @eve"}, "bob=mention eve=mention"},
		{"nobody is told of themselves", ada, core.NewMessage{RoomID: id, Content: "@ada @bob"}, "bob=mention"},
		{"a reply tells the author", ada, core.NewMessage{RoomID: id, Content: "x", ParentID: root.ID}, "eve=reply"},
		{"a reply that mentions tells once", ada, core.NewMessage{RoomID: id, Content: "@eve", ParentID: root.ID}, "eve=mention"},
		{"a reply to oneself tells nobody", eve, core.NewMessage{RoomID: id, Content: "x", ParentID: root.ID}, ""},
		{"who muted the room is not told", ada, core.NewMessage{RoomID: id, Content: "@dan"}, ""},
		{"everyone tells all others", ada, core.NewMessage{RoomID: id, Content: "@everyone"}, "bob=mention eve=mention"},
		{"a direct message tells the other", ada, core.NewMessage{RoomID: direct, Content: "x"}, "bob=direct_message"},
		{"ciphertext is not read", ada, core.NewMessage{RoomID: encrypted.Room.ID, Content: "@bob"}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w.told()
			msg, _, err := w.SendMessage(w.ctx, tc.by, tc.msg)
			w.must(err)
			var got []string
			for _, ev := range w.told() {
				if e, ok := ev.(chat.Notified); ok {
					user, err := w.store.User(w.ctx, e.Notification.UserID)
					w.must(err)
					got = append(got, user.Username+"="+string(e.Notification.Type))
					if n := e.Notification; n.MessageID != msg.ID || n.RoomID != msg.RoomID || n.Actor == nil || n.Actor.ID != tc.by.UserID || n.ID == 0 {
						t.Errorf("notified of %+v", n)
					}
				}
			}
			if text := strings.Join(got, " "); text != tc.want {
				t.Errorf("told %q, want %q", text, tc.want)
			}
		})
	}
	count := func() int {
		n := 0
		for _, ev := range w.told() {
			if _, ok := ev.(chat.Notified); ok {
				n++
			}
		}
		return n
	}
	_, err = w.SetPreferences(w.ctx, bob, direct, core.Preferences{Notify: &mentions})
	w.must(err)
	w.told()
	w.say(ada, direct, "x")
	if n := count(); n != 0 {
		t.Errorf("who wants mentions only was told of %d direct messages", n)
	}
	w.say(ada, direct, "@bob")
	if n := count(); n != 1 {
		t.Errorf("and of %d mentions", n)
	}
	w.must(w.Block(w.ctx, eve, ada.UserID))
	w.told()
	w.say(ada, id, "@eve")
	if n := count(); n != 0 {
		t.Errorf("who blocked the sender was told %d times", n)
	}
}

func TestLinks(t *testing.T) {
	w := newWorld(t)
	ada := w.user("ada")
	id := w.room("Tea", chat.Private, ada)
	for _, tc := range []struct{ name, text, want string }{
		{"an address is found", "see https://example.org/a?b=c#d", "https://example.org/a?b=c#d"},
		{"a full stop is not part of it", "see http://example.org/a. Or not.", "http://example.org/a"},
		{"nor is a closing bracket", "(see https://example.org/a)", "https://example.org/a"},
		{"unless it was opened inside", "https://example.org/a_(b)", "https://example.org/a_(b)"},
		{"markdown is taken apart", "[x](https://example.org/a) *https://example.org/b*", "https://example.org/a https://example.org/b"},
		{"the same one counts once", "https://a.example https://a.example", "https://a.example"},
		{"five at most", "http://a.b/1 http://a.b/2 http://a.b/3 http://a.b/4 http://a.b/5 http://a.b/6", "http://a.b/1 http://a.b/2 http://a.b/3 http://a.b/4 http://a.b/5"},
		{"other schemes are none", "ftp://a.b javascript:x file:///etc", ""},
		{"code has none", "`https://example.org`", ""},
		{"a scheme alone is none", "https:// http://", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []string
			for _, l := range w.say(ada, id, tc.text).Links {
				got = append(got, l.URL)
			}
			if text := strings.Join(got, " "); text != tc.want {
				t.Errorf("got %q", text)
			}
		})
	}
}
