package core_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/core/coretest"
)

// TestRightsOfManyAreThoseOfEach compares what is asked of the store for all together with what is asked for each.
func TestRightsOfManyAreThoseOfEach(t *testing.T) {
	w := coretest.New(t, func(o *core.Options) { o.Shared = true })
	ctx := t.Context()
	var people []chat.Actor
	for i := range 14 {
		people = append(people, w.User(fmt.Sprintf("person%d", i)))
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	public := w.Room(people[:10]...)
	v, err := w.CreateRoom(ctx, people[0], core.NewRoom{Name: "Private", Type: chat.Private})
	must(err)
	private := v.Room.ID
	for _, p := range people[1:6] {
		_, err := w.AddMember(ctx, chat.Operator, private, p.UserID, chat.RoomMember)
		must(err)
	}
	d, _, err := w.DirectRoom(ctx, people[0], people[1].UserID)
	must(err)
	rooms := []chat.RoomID{public, private, d.Room.ID, 4711}
	for _, room := range rooms[:2] {
		_, err = w.Sanction(ctx, chat.Operator, core.Measure{Kind: chat.Timeout, RoomID: room, UserID: people[2].UserID, Until: w.Clock.Now().Add(time.Hour)})
		must(err)
		_, err = w.Sanction(ctx, chat.Operator, core.Measure{Kind: chat.Mute, RoomID: room, UserID: people[3].UserID})
		must(err)
		must(w.SetGrant(ctx, chat.Operator, chat.Grant{RoomID: room, UserID: people[4].UserID, Right: chat.CanRead, Allow: false}))
		must(w.SetGrant(ctx, chat.Operator, chat.Grant{RoomID: room, UserID: people[11].UserID, Right: chat.CanRead, Allow: true}))
	}
	_, err = w.Sanction(ctx, chat.Operator, core.Measure{Kind: chat.Ban, RoomID: public, UserID: people[5].UserID})
	must(err)
	_, err = w.SetRank(ctx, chat.Operator, people[12].UserID, chat.RankModerator)
	must(err)
	_, err = w.SetRank(ctx, chat.Operator, people[6].UserID, chat.RankAdmin)
	must(err)
	var ids []chat.UserID
	for _, p := range people {
		ids = append(ids, p.UserID)
	}
	ids = append(ids, "nobody")
	for _, room := range rooms {
		var want []chat.UserID
		w.DropCaches()
		for _, id := range ids {
			if _, err := w.Readable(ctx, chat.Actor{UserID: id}, room); err != nil {
				want = append(want, id)
			}
		}
		for _, how := range []string{"together", "from memory", "two at a time"} {
			if how != "from memory" {
				w.DropCaches()
			}
			step := len(ids)
			if how == "two at a time" {
				step = 2
			}
			var got []chat.UserID
			for part := range slices.Chunk(ids, step) {
				out, err := w.Unentitled(ctx, room, part)
				must(err)
				got = append(got, out...)
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("room %d, %s: %d may not read, asked one by one %d:\n%v\n%v", room, how, len(got), len(want), got, want)
			}
		}
		if room == public && (len(want) == 0 || len(want) == len(ids)) {
			t.Error("the story tells nothing")
		}
	}
}

func TestNodesGiveTheSameSetupLink(t *testing.T) {
	w := coretest.New(t, func(o *core.Options) { o.Shared = true })
	first, err := w.SetupToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second, err := w.SetupToken(t.Context())
	if err != nil || first == "" || first != second {
		t.Errorf("%q, then %q, %v", first, second, err)
	}
	if _, err := w.SetUp(t.Context(), "192.0.2.1", "wrong", core.Registering{Username: "eve", Password: "correct horse battery"}); chat.CodeOf(err) != "setup_token_invalid" {
		t.Errorf("another token: %v", err)
	}
	if _, err := w.SetUp(t.Context(), "192.0.2.1", first, core.Registering{Username: "ada", Password: "correct horse battery"}); err != nil {
		t.Error(err)
	}
	if done, err := w.SetupToken(t.Context()); err != nil || done != "" {
		t.Errorf("with an owner: %q, %v", done, err)
	}
}

func TestMarksOfWhatIsUntold(t *testing.T) {
	w := coretest.New(t, nil)
	if mark, err := w.Untold(t.Context()); err != nil || mark != "" {
		t.Errorf("at first: %q, %v", mark, err)
	}
	for _, want := range []string{"node 1", "node 2"} {
		if err := w.MarkUntold(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		if mark, err := w.Untold(t.Context()); err != nil || mark != want {
			t.Errorf("%q, %v, want %q", mark, err, want)
		}
	}
}
