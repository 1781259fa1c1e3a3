package storetest

import (
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

func init() {
	tell("emoji",
		story{"an emoji is read back as stored, by id and by name without regard to case", emojiReadBack},
		story{"names are unique without regard to case", emojiNames},
		story{"ids count from 0 and are never used again", emojiIDs},
		story{"what is not there is emoji_not_found", emojiUnknown},
		story{"the picture of an emoji is in use", emojiPicture},
	)
}

func (w *world) addEmoji(name string) (e chat.Emoji) {
	w.Helper()
	w.change(func(tx core.Tx) (err error) {
		e, err = tx.CreateEmoji(w.ctx, chat.Emoji{Name: name, Hash: "hash-" + name, MIMEType: "image/png", Version: 1, CreatedAt: Start})
		return err
	})
	return e
}

func emojiReadBack(w *world) {
	want := chat.Emoji{
		Name: "Party_Parrot", Hash: "h1", MIMEType: "image/gif", Width: 32, Height: 30, Animated: true, Version: 1, CreatedBy: w.addUser("ada"), CreatedAt: Start,
	}
	var got chat.Emoji
	w.change(func(tx core.Tx) (err error) { got, err = tx.CreateEmoji(w.ctx, want); return err })
	same(w, "created", got, want) // its id is 0
	same(w, "by id", must(w.Emoji(w.ctx, got.ID)), want)
	for _, name := range []string{"Party_Parrot", "party_parrot", "PARTY_PARROT"} {
		same(w, "by name", must(w.EmojiByName(w.ctx, name)), want)
	}
	want.Name, want.Hash, want.MIMEType, want.Width, want.Height, want.Animated, want.Version = "PARTY_parrot", "h2", "image/png", 1, 2, false, 2
	change := want
	change.CreatedBy, change.CreatedAt = "x", Start.Add(time.Hour) // are not changed
	w.change(func(tx core.Tx) error { return tx.UpdateEmoji(w.ctx, change) })
	same(w, "changed", must(w.Emoji(w.ctx, got.ID)), want)
}

func emojiNames(w *world) {
	w.addEmoji("wave")
	other := w.addEmoji("bow")
	w.refused("emoji_name_taken", func(tx core.Tx) error {
		_, err := tx.CreateEmoji(w.ctx, chat.Emoji{Name: "WAVE", Hash: "h", Version: 1})
		return err
	})
	other.Name = "Wave"
	w.refused("emoji_name_taken", func(tx core.Tx) error { return tx.UpdateEmoji(w.ctx, other) })
	other.Name = "BOW"
	w.change(func(tx core.Tx) error { return tx.UpdateEmoji(w.ctx, other) })
}

func emojiIDs(w *world) {
	for range 2 {
		w.addEmoji("a")
		last := w.addEmoji("b")
		w.change(func(tx core.Tx) error { return tx.DeleteEmoji(w.ctx, last.ID) })
		w.change(func(tx core.Tx) error {
			e, err := tx.EmojiByName(w.ctx, "a")
			if err != nil {
				return err
			}
			return tx.DeleteEmoji(w.ctx, e.ID)
		})
	}
	w.reopen()
	w.addEmoji("c")
	w.addEmoji("d")
	same(w, "ids", pick(must(w.AllEmoji(w.ctx)), func(e chat.Emoji) chat.EmojiID { return e.ID }), []chat.EmojiID{4, 5})
}

func emojiUnknown(w *world) {
	_, err := w.Emoji(w.ctx, 0)
	w.wantCode(err, "emoji_not_found")
	_, err = w.EmojiByName(w.ctx, "nothing")
	w.wantCode(err, "emoji_not_found")
	same(w, "all", len(must(w.AllEmoji(w.ctx))), 0)
	w.refused("emoji_not_found", func(tx core.Tx) error { return tx.DeleteEmoji(w.ctx, 0) })
	w.refused("emoji_not_found", func(tx core.Tx) error { return tx.UpdateEmoji(w.ctx, chat.Emoji{ID: 4711, Name: "x"}) })
}

func emojiPicture(w *world) {
	e := w.addEmoji("wave")
	same(w, "in use", must(w.BlobInUse(w.ctx, e.Hash)), true)
	w.change(func(tx core.Tx) error { return tx.DeleteEmoji(w.ctx, e.ID) })
	same(w, "deleted", must(w.BlobInUse(w.ctx, e.Hash)), false)
}
