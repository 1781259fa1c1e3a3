package storetest

import (
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

func init() {
	tell("blocks",
		story{"blocks are listed in the order they were made", blockList},
		story{"a block is seen from both sides", blockSides},
		story{"blocking twice is one block", blockTwice},
		story{"blocks need users", blockUnknown},
	)
}

func (w *world) block(user, blocked chat.UserID, at time.Time) (created bool) {
	w.Helper()
	w.change(func(tx core.Tx) (err error) {
		created, err = tx.PutBlock(w.ctx, chat.Block{UserID: user, BlockedID: blocked, CreatedAt: at})
		return err
	})
	return created
}

func (w *world) unblock(user, blocked chat.UserID) (was bool) {
	w.Helper()
	w.change(func(tx core.Tx) (err error) {
		was, err = tx.DeleteBlock(w.ctx, user, blocked)
		return err
	})
	return was
}

func blockList(w *world) {
	ada, bob, eve := w.addUser("ada"), w.addUser("bob"), w.addUser("eve")
	w.block(ada, eve, Start)
	w.block(ada, bob, Start.Add(time.Second))
	same(w, "ada's", must(w.Blocks(w.ctx, ada)), []chat.Block{
		{UserID: ada, BlockedID: eve, CreatedAt: Start}, {UserID: ada, BlockedID: bob, CreatedAt: Start.Add(time.Second)},
	})
	same(w, "eve's", len(must(w.Blocks(w.ctx, eve))), 0)
}

func blockSides(w *world) {
	ada, bob, eve := w.addUser("ada"), w.addUser("bob"), w.addUser("eve")
	w.block(ada, bob, Start)
	w.block(eve, bob, Start)
	same(w, "ada and bob", must(w.Blocked(w.ctx, ada, bob)), true)
	same(w, "bob and ada", must(w.Blocked(w.ctx, bob, ada)), true)
	same(w, "ada and eve", must(w.Blocked(w.ctx, ada, eve)), false)
	same(w, "ada and nobody", must(w.Blocked(w.ctx, ada, "")), false)
	same(w, "who blocks bob", sorted(must(w.BlockersOf(w.ctx, bob))), []chat.UserID{ada, eve})
	same(w, "who blocks ada", len(must(w.BlockersOf(w.ctx, ada))), 0)
}

func blockTwice(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	same(w, "first", w.block(ada, bob, Start), true)
	same(w, "second", w.block(ada, bob, Start.Add(time.Hour)), false)
	same(w, "since", must(w.Blocks(w.ctx, ada))[0].CreatedAt, Start)
	same(w, "the other way round", w.unblock(bob, ada), false)
	same(w, "undone", w.unblock(ada, bob), true)
	same(w, "undone again", w.unblock(ada, bob), false)
	same(w, "blocked", must(w.Blocked(w.ctx, ada, bob)), false)
}

func blockUnknown(w *world) {
	ada := w.addUser("ada")
	for _, b := range []chat.Block{{UserID: ada, BlockedID: "nobody"}, {UserID: "nobody", BlockedID: ada}} {
		w.refused("user_not_found", func(tx core.Tx) error {
			_, err := tx.PutBlock(w.ctx, b)
			return err
		})
	}
}
