package storetest

import (
	"slices"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

func init() {
	tell("sanctions",
		story{"a sanction is read back as stored", sanctionReadBack},
		story{"live sanctions are those of the server and the room at a time", sanctionLive},
		story{"lifting ends the live ones of one kind in exactly one place", sanctionLift},
		story{"a lifted sanction is never live again", sanctionLiftTwice},
		story{"sanctions are listed newest first, page by page", sanctionPages},
		story{"bans from the server are listed, oldest first", sanctionBans},
		story{"sanctions are narrowed by person, place, kind and time", sanctionFilters},
	)
}

func sanctionIDs(list []chat.Sanction) []int64 {
	return pick(list, func(s chat.Sanction) int64 { return s.ID })
}

func (w *world) liveSanctions(user chat.UserID, room chat.RoomID, at time.Time) []int64 {
	w.Helper()
	return sanctionIDs(must(w.LiveSanctions(w.ctx, user, room, at)))
}

func sanctionReadBack(w *world) {
	want := chat.Sanction{
		Kind: chat.Timeout, RoomID: 7, UserID: "someone who left", Reason: "loud\nand long", IssuedBy: "mod", CreatedAt: Start,
		Until: Start.Add(time.Hour), LiftedAt: Start.Add(time.Minute), LiftedBy: "mod2", LiftReason: "sorry",
	}
	stored := w.sanction(want)
	want.ID = stored.ID
	same(w, "created", stored, want)
	list, next, err := w.Sanctions(w.ctx, chat.SanctionFilter{}, chat.Page{Limit: 10})
	w.wantCode(err, "")
	same(w, "listed", list, []chat.Sanction{want})
	same(w, "next", next, "")
	if again := w.sanction(chat.Sanction{Kind: chat.Ban, UserID: "x"}); again.ID <= stored.ID {
		w.Fatalf("id %d after %d", again.ID, stored.ID)
	}
}

func sanctionLive(w *world) {
	ada := w.addUser("ada")
	a, b := w.addRoom(chat.Room{Name: "a", Type: chat.Public}), w.addRoom(chat.Room{Name: "b", Type: chat.Public})
	server := w.sanction(chat.Sanction{Kind: chat.Ban, UserID: ada}).ID
	inA := w.sanction(chat.Sanction{Kind: chat.Mute, RoomID: a, UserID: ada, Until: Start.Add(time.Hour)}).ID
	inB := w.sanction(chat.Sanction{Kind: chat.Mute, RoomID: b, UserID: ada}).ID
	timeout := w.sanction(chat.Sanction{Kind: chat.Timeout, UserID: ada, Until: Start.Add(time.Minute)}).ID
	w.sanction(chat.Sanction{Kind: chat.Ban, UserID: ada, LiftedAt: Start.Add(-time.Minute)})
	w.sanction(chat.Sanction{Kind: chat.Ban, UserID: "another"})
	same(w, "in a", w.liveSanctions(ada, a, Start), []int64{server, inA, timeout})
	same(w, "in b", w.liveSanctions(ada, b, Start), []int64{server, inB, timeout})
	same(w, "on the server", w.liveSanctions(ada, 0, Start), []int64{server, timeout})
	same(w, "just before one ends", w.liveSanctions(ada, 0, Start.Add(time.Minute-time.Millisecond)), []int64{server, timeout})
	same(w, "when it ends", w.liveSanctions(ada, 0, Start.Add(time.Minute)), []int64{server})
	same(w, "in a, later", w.liveSanctions(ada, a, Start.Add(time.Hour)), []int64{server})
	same(w, "of nobody", len(w.liveSanctions("nobody", a, Start)), 0)
}

func (w *world) lift(user chat.UserID, room chat.RoomID, kind chat.SanctionKind, at time.Time) (lifted []chat.Sanction) {
	w.Helper()
	w.change(func(tx core.Tx) (err error) {
		lifted, err = tx.LiftSanctions(w.ctx, user, room, kind, "mod", "enough", at)
		return err
	})
	return lifted
}

func sanctionBans(w *world) {
	same(w, "nobody", len(must(w.Bans(w.ctx, Start))), 0)
	b := w.sanction(chat.Sanction{Kind: chat.Ban, UserID: "b", Until: Start.Add(time.Hour)})
	a := w.sanction(chat.Sanction{Kind: chat.Ban, UserID: "a"})
	w.sanction(chat.Sanction{Kind: chat.Ban, UserID: "lifted", LiftedAt: Start})
	w.sanction(chat.Sanction{Kind: chat.Ban, UserID: "of a room", RoomID: 3})
	w.sanction(chat.Sanction{Kind: chat.Mute, UserID: "muted"})
	same(w, "two", must(w.Bans(w.ctx, Start)), []chat.Sanction{b, a})
	same(w, "when one is over", must(w.Bans(w.ctx, Start.Add(time.Hour))), []chat.Sanction{a})
}

func sanctionLift(w *world) {
	const room = 7
	first := w.sanction(chat.Sanction{Kind: chat.Mute, RoomID: room, UserID: "ada"})
	second := w.sanction(chat.Sanction{Kind: chat.Mute, RoomID: room, UserID: "ada", Until: Start.Add(time.Hour)})
	expired := w.sanction(chat.Sanction{Kind: chat.Mute, RoomID: room, UserID: "ada", Until: Start.Add(-time.Second)})
	ban := w.sanction(chat.Sanction{Kind: chat.Ban, RoomID: room, UserID: "ada"})
	server := w.sanction(chat.Sanction{Kind: chat.Mute, UserID: "ada"})
	other := w.sanction(chat.Sanction{Kind: chat.Mute, RoomID: room, UserID: "bob"})
	lifted := w.lift("ada", room, chat.Mute, Start)
	for _, s := range []*chat.Sanction{&first, &second} {
		s.LiftedAt, s.LiftedBy, s.LiftReason = Start, "mod", "enough"
	}
	same(w, "lifted", lifted, []chat.Sanction{first, second})
	list, _, err := w.Sanctions(w.ctx, chat.SanctionFilter{}, chat.Page{Limit: 10})
	w.wantCode(err, "")
	same(w, "all of them after it", list, []chat.Sanction{other, server, ban, expired, second, first})
	same(w, "of the server", sanctionIDs(w.lift("ada", 0, chat.Mute, Start)), []int64{server.ID})
}

func sanctionLiftTwice(w *world) {
	s := w.sanction(chat.Sanction{Kind: chat.Ban, UserID: "ada"})
	same(w, "lifted", len(w.lift("ada", 0, chat.Ban, Start.Add(time.Hour))), 1)
	same(w, "lifted again", len(w.lift("ada", 0, chat.Ban, Start.Add(2*time.Hour))), 0)
	same(w, "live before it was lifted", len(w.liveSanctions("ada", 0, s.CreatedAt)), 0)
	same(w, "lifted for nobody", len(w.lift("nobody", 0, chat.Ban, Start)), 0)
}

func sanctionPages(w *world) {
	var want []int64
	for range 5 {
		want = append(want, w.sanction(chat.Sanction{Kind: chat.Warning, UserID: "ada"}).ID)
	}
	slices.Reverse(want)
	read := func(p chat.Page) ([]chat.Sanction, string, error) {
		return w.Sanctions(w.ctx, chat.SanctionFilter{}, p)
	}
	same(w, "pages while some are added", sanctionIDs(walk(w, 2, func() {
		w.sanction(chat.Sanction{Kind: chat.Warning, UserID: "bob"})
	}, read)), want)
	badCursors(w, read)
}

func sanctionFilters(w *world) {
	banned := w.sanction(chat.Sanction{Kind: chat.Ban, UserID: "ada"}).ID
	muted := w.sanction(chat.Sanction{Kind: chat.Mute, RoomID: 7, UserID: "ada", Until: Start.Add(time.Hour)}).ID
	other := w.sanction(chat.Sanction{Kind: chat.Mute, RoomID: 8, UserID: "bob"}).ID
	lifted := w.sanction(chat.Sanction{Kind: chat.Mute, RoomID: 7, UserID: "bob", LiftedAt: Start}).ID
	for _, c := range []struct {
		name string
		f    chat.SanctionFilter
		want []int64
	}{
		{"nothing narrows", chat.SanctionFilter{}, []int64{lifted, other, muted, banned}},
		{"a person", chat.SanctionFilter{UserID: "ada"}, []int64{muted, banned}},
		{"a room", chat.SanctionFilter{RoomID: 7}, []int64{lifted, muted}},
		{"the server", chat.SanctionFilter{ServerOnly: true}, []int64{banned}},
		{"a kind", chat.SanctionFilter{Kind: chat.Mute}, []int64{lifted, other, muted}},
		{"live now", chat.SanctionFilter{LiveAt: Start}, []int64{other, muted, banned}},
		{"live later", chat.SanctionFilter{LiveAt: Start.Add(time.Hour)}, []int64{other, banned}},
		{"all of it together", chat.SanctionFilter{UserID: "ada", RoomID: 7, Kind: chat.Mute, LiveAt: Start}, []int64{muted}},
		{"nothing is left", chat.SanctionFilter{UserID: "nobody"}, nil},
	} {
		list, next, err := w.Sanctions(w.ctx, c.f, chat.Page{Limit: 10})
		if err != nil || next != "" || !slices.Equal(sanctionIDs(list), c.want) {
			w.Errorf("%s: %v, next %q, error %v, want %v", c.name, sanctionIDs(list), next, err, c.want)
		}
	}
}
