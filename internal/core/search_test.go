package core_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

func TestSearch(t *testing.T) {
	w := newWorld(t)
	ada, bob, eve := w.user("ada"), w.user("bob"), w.user("eve")
	tea, secret := w.room("Tea", chat.Public, ada, bob), w.room("Secret", chat.Private, eve)
	w.say(ada, tea, "Green tea is best")
	w.say(bob, tea, "coffee, then tea: https://example.org")
	w.say(ada, tea, "iced tea")
	w.say(eve, secret, "tea leaves hidden")
	vault, err := w.CreateRoom(w.ctx, ada, core.NewRoom{Name: "Vault", Type: chat.Private, Encrypted: true})
	w.must(err)
	w.say(ada, vault.Room.ID, "tea as ciphertext")
	_, err = w.Join(w.ctx, eve, tea) // "eve joined the room" is not searched
	w.must(err)
	for _, tc := range []struct {
		name string
		by   chat.Actor
		q    core.Searching
		want string
		code string
	}{
		{"a word, newest first", ada, core.Searching{Text: "TEA"}, "iced tea|coffee, then tea: https://example.org|Green tea is best", ""},
		{"a phrase", ada, core.Searching{Text: `"green tea"`}, "Green tea is best", ""},
		{"a prefix", ada, core.Searching{Text: "gre*"}, "Green tea is best", ""},
		{"without a word", ada, core.Searching{Text: "tea -coffee -iced"}, "Green tea is best", ""},
		{"of a person", ada, core.Searching{Text: "tea from:@BOB"}, "coffee, then tea: https://example.org", ""},
		{"of oneself", ada, core.Searching{Text: "iced from:me"}, "iced tea", ""},
		{"of nobody", ada, core.Searching{Text: "tea from:nobody"}, "", ""},
		{"of two people at once", ada, core.Searching{Text: "tea from:bob", From: ada.UserID}, "", ""},
		{"by a field", ada, core.Searching{Text: "tea", From: bob.UserID}, "coffee, then tea: https://example.org", ""},
		{"with links", ada, core.Searching{HasLinks: true}, "coffee, then tea: https://example.org", ""},
		{"with files", ada, core.Searching{HasAttachments: true}, "", ""},
		{"in a room", ada, core.Searching{Text: "iced in:tea"}, "iced tea", ""},
		{"in two rooms at once", ada, core.Searching{Text: "iced in:tea", RoomID: vault.Room.ID}, "", ""},
		{"since a time", ada, core.Searching{Text: "tea", After: worldStart.Add(time.Hour).Format(time.RFC3339)}, "", ""},
		{"since the day", ada, core.Searching{Text: "iced", After: "2026-03-01"}, "iced tea", ""},
		{"until the day", ada, core.Searching{Text: "tea", Before: "2026-03-01"}, "", ""},
		{"strangers find nothing of a private room", bob, core.Searching{Text: "leaves"}, "", ""},
		{"its members do", eve, core.Searching{Text: "leaves"}, "tea leaves hidden", ""},
		{"nobody finds what the server says", ada, core.Searching{Text: "joined"}, "", ""},
		{"nothing to look for", ada, core.Searching{}, "", "query_empty"},
		{"an unknown room", ada, core.Searching{Text: "tea", RoomID: 9999}, "", "room_not_found"},
		{"an unknown slug", ada, core.Searching{Text: "tea in:nowhere"}, "", "room_not_found"},
		{"a room one does not see", bob, core.Searching{Text: "tea", RoomID: secret}, "", "room_not_found"},
		{"a room one is not in", w.user("zoe"), core.Searching{Text: "tea", RoomID: tea}, "", "not_a_member"},
		{"a public room a moderator is not in", w.user("mod", chat.RoleModerator), core.Searching{Text: "tea", RoomID: tea}, "", "not_a_member"},
		{"a page has a hundred at most", ada, core.Searching{Text: "tea", Limit: 101}, "", "limit_invalid"},
		{"the operator has no rooms", chat.Operator, core.Searching{Text: "tea"}, "", "person_needed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			page, err := w.Search(w.ctx, tc.by, tc.q)
			if chat.CodeOf(err) != tc.code {
				t.Fatalf("got %v, want %q", err, tc.code)
			}
			var got []string
			for _, hit := range page.Hits {
				got = append(got, hit.Message.Content)
				if hit.Message.Sender == nil || page.Rooms[hit.Message.RoomID].Room.ID == 0 {
					t.Errorf("hit %d is not complete: %+v", hit.Message.ID, page.Rooms)
				}
			}
			if text := strings.Join(got, "|"); text != tc.want {
				t.Errorf("found %q, want %q", text, tc.want)
			}
		})
	}
	page, err := w.Search(w.ctx, ada, core.Searching{Text: "then"})
	w.must(err)
	hit := page.Hits[0]
	if hit.Previous == nil || hit.Previous.Content != "Green tea is best" || hit.Previous.Sender == nil || hit.Next == nil || hit.Next.Content != "iced tea" {
		t.Errorf("around it: %+v and %+v", hit.Previous, hit.Next)
	}
	if len(hit.Highlights) != 1 || hit.Message.Content[hit.Highlights[0].Start:hit.Highlights[0].End] != "then" {
		t.Errorf("highlights %v", hit.Highlights)
	}
}

func TestSearchPages(t *testing.T) {
	w := newWorld(t)
	ada := w.user("ada")
	id := w.room("Tea", chat.Private, ada)
	for i := range 25 {
		w.say(ada, id, fmt.Sprint("tea ", i))
	}
	var found int
	q := core.Searching{Text: "tea", Limit: 10}
	for pages := 1; ; pages++ {
		page, err := w.Search(w.ctx, ada, q)
		w.must(err)
		for _, hit := range page.Hits {
			found++
			if want := fmt.Sprint("tea ", 25-found); hit.Message.Content != want {
				t.Fatalf("hit %d is %q, want %q", found, hit.Message.Content, want)
			}
		}
		if page.TotalEstimate != 25 {
			t.Errorf("about %d", page.TotalEstimate)
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			if pages != 3 {
				t.Errorf("%d pages", pages)
			}
			break
		}
	}
	if found != 25 {
		t.Errorf("found %d", found)
	}
}

func TestSearchFindsOnlyWhatCanBeRead(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.user("ada"), w.user("bob")
	id := w.room("Tea", chat.Public, ada, bob)
	msg := w.say(ada, id, "green tea")
	count := func() int {
		page, err := w.Search(w.ctx, bob, core.Searching{Text: "tea"})
		w.must(err)
		return len(page.Hits)
	}
	if n := count(); n != 1 {
		t.Fatalf("found %d", n)
	}
	_, err := w.Sanction(w.ctx, ada, core.Measure{Kind: chat.Timeout, RoomID: id, UserID: bob.UserID, Until: worldStart.Add(time.Hour)})
	w.must(err)
	if n := count(); n != 0 {
		t.Errorf("during a timeout %d", n)
	}
	w.wait(time.Hour)
	if n := count(); n != 1 {
		t.Errorf("after it %d", n)
	}
	_, err = w.EditMessage(w.ctx, ada, msg.ID, "coffee", nil)
	w.want(err, "edit_window_passed")
	_, err = w.DeleteMessage(w.ctx, ada, msg.ID)
	w.must(err)
	if n := count(); n != 0 {
		t.Errorf("after its deletion %d", n)
	}
	w.say(ada, id, "more tea")
	w.must(w.Leave(w.ctx, bob, id))
	if n := count(); n != 0 {
		t.Errorf("after leaving %d", n)
	}
}

func TestSearchIsRateLimited(t *testing.T) {
	w := newWorld(t, func(o *core.Options) { o.Limits.SearchPerMinute = 2 })
	ada := w.user("ada")
	for _, code := range []string{"", "", "rate_limited"} {
		_, err := w.Search(w.ctx, ada, core.Searching{Text: "tea"})
		w.want(err, code)
	}
}
