package storetest

import (
	"fmt"

	"parley/internal/chat"
	"parley/internal/core"
)

func init() {
	tell("reactions",
		story{"reactions keep the order in which they were given", reactionsOrder},
		story{"a reaction counts once, and can be taken back once", reactionsOnce},
	)
	tell("pins",
		story{"the newest pin comes first", pinsOrder},
		story{"pinning again changes nothing, unpinning forgets who pinned", pinsTwice},
	)
}

// react adds or removes a reaction and returns the message after it.
func (w *world) react(id chat.MessageID, user chat.UserID, emoji string, add bool) (m *chat.Message, changed bool) {
	w.Helper()
	w.change(func(tx core.Tx) (err error) {
		if add {
			m, changed, err = tx.AddReaction(w.ctx, id, user, emoji, Start)
		} else {
			m, changed, err = tx.RemoveReaction(w.ctx, id, user, emoji)
		}
		return err
	})
	return m, changed
}

func reactionsOrder(w *world) {
	_, _, ids := w.fillRoom(2)
	for _, r := range []struct {
		user  chat.UserID
		emoji string
	}{{"u3", "🎉"}, {"u1", "👍"}, {"u2", "🎉"}, {"u3", "👍"}, {"u1", "🎉"}, {"u1", ":custom:"}} {
		w.react(ids[0], r.user, r.emoji, true)
	}
	w.react(ids[1], "u9", "👍", true)
	want := []chat.Reaction{
		{Emoji: "🎉", Users: []chat.UserID{"u3", "u2", "u1"}}, {Emoji: "👍", Users: []chat.UserID{"u1", "u3"}}, {Emoji: ":custom:", Users: []chat.UserID{"u1"}},
	}
	same(w, "reactions", w.message(ids[0]).Reactions, want)
	w.react(ids[0], "u3", "🎉", false)
	m, _ := w.react(ids[0], "u3", "🎉", true)
	same(w, "given again", fmt.Sprint(m.Reactions), "[{👍 [u1 u3]} {🎉 [u2 u1 u3]} {:custom: [u1]}]")
}

func reactionsOnce(w *world) {
	_, _, ids := w.fillRoom(1)
	for i, step := range []struct {
		emoji        string
		add, changed bool
		change       chat.Seq
		count        int
	}{
		{"👍", false, false, 1, 0}, {"👍", true, true, 2, 1}, {"👍", true, false, 2, 1}, {"👎", true, true, 3, 2},
		{"👍", false, true, 4, 1}, {"👍", false, false, 4, 1}, {"👎", false, true, 5, 0},
	} {
		m, changed := w.react(ids[0], "u", step.emoji, step.add)
		if changed != step.changed || m.ChangeSeq != step.change || len(m.Reactions) != step.count {
			w.Errorf("step %d: changed %v, change %d, %d kinds; want %v, %d, %d", i, changed, m.ChangeSeq, len(m.Reactions), step.changed, step.change, step.count)
		}
		same(w, "read", w.message(ids[0]), m)
	}
}

func pinsOrder(w *world) {
	room, ada, ids := w.fillRoom(4)
	for i, n := range []int{2, 0, 3} {
		w.change(func(tx core.Tx) error {
			_, err := tx.SetPinned(w.ctx, ids[n], true, ada, Start.AddDate(0, 0, i))
			return err
		})
	}
	same(w, "pins", contents(must(w.Pins(w.ctx, room))), []string{"4", "1", "3"})
	w.change(func(tx core.Tx) error { _, err := tx.SetPinned(w.ctx, ids[0], false, ada, Start); return err })
	same(w, "after unpinning", contents(must(w.Pins(w.ctx, room))), []string{"4", "3"})
	same(w, "another room", len(must(w.Pins(w.ctx, room+1))), 0)
}

func pinsTwice(w *world) {
	_, ada, ids := w.fillRoom(1)
	var m *chat.Message
	set := func(pinned bool, by chat.UserID) {
		w.change(func(tx core.Tx) (err error) { m, err = tx.SetPinned(w.ctx, ids[0], pinned, by, Start); return err })
	}
	set(true, ada)
	if !m.Pinned || m.PinnedBy != ada || !m.PinnedAt.Equal(Start) || m.ChangeSeq != 2 {
		w.Errorf("pinned: %+v", m)
	}
	set(true, "other")
	if m.PinnedBy != ada || m.ChangeSeq != 2 {
		w.Errorf("pinned again: %+v", m)
	}
	set(false, "other")
	if m.Pinned || m.PinnedBy != "" || !m.PinnedAt.IsZero() || m.ChangeSeq != 3 {
		w.Errorf("unpinned: %+v", m)
	}
	set(false, "other")
	if m.ChangeSeq != 3 {
		w.Errorf("unpinned again: %+v", m)
	}
}
