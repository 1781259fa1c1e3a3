package storetest

import (
	"sync"
	"sync/atomic"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

func init() {
	tell("invites",
		story{"an invite is read back as stored, live or not", inviteReadBack},
		story{"invites are listed newest first, those to the server apart", inviteList},
		story{"a changed invite keeps its uses", inviteChange},
		story{"a code leads to one place only", inviteTaken},
		story{"an invite for one person is found while it lives", inviteFor},
		story{"only a live invite can be used", inviteUse},
		story{"an invite is used no more often than allowed by many at once", inviteUseAtOnce},
	)
}

func (w *world) putInvites(invites ...chat.Invite) {
	w.Helper()
	w.change(func(tx core.Tx) error {
		for _, i := range invites {
			if err := tx.PutInvite(w.ctx, i); err != nil {
				return err
			}
		}
		return nil
	})
}

func (w *world) useInvite(code string, at time.Time) (used bool) {
	w.Helper()
	w.change(func(tx core.Tx) (err error) {
		used, err = tx.UseInvite(w.ctx, code, at)
		return err
	})
	return used
}

func inviteReadBack(w *world) {
	ada := w.addUser("ada")
	room := w.addRoom(chat.Room{Name: "a", Type: chat.Private}, ada)
	full := chat.Invite{Code: "ABCDEFGHJK", RoomID: room, UserID: ada, CreatedBy: ada, CreatedAt: Start, ExpiresAt: Start.Add(time.Hour), MaxUses: 3, RevokedAt: Start}
	w.putInvites(full, chat.Invite{Code: "plain", CreatedAt: Start})
	same(w, "full", must(w.Invite(w.ctx, full.Code)), full)
	same(w, "plain", must(w.Invite(w.ctx, "plain")), chat.Invite{Code: "plain", CreatedAt: Start})
	for _, code := range []string{"", "abcdefghjk", "other"} {
		_, err := w.Invite(w.ctx, code)
		w.wantCode(err, "not_found")
	}
}

func inviteList(w *world) {
	a, b := w.addRoom(chat.Room{Name: "a", Type: chat.Private}), w.addRoom(chat.Room{Name: "b", Type: chat.Private})
	w.putInvites(
		chat.Invite{Code: "a2", RoomID: a, CreatedAt: Start.Add(2 * time.Minute)},
		chat.Invite{Code: "a1", RoomID: a, CreatedAt: Start.Add(time.Minute), RevokedAt: Start},
		chat.Invite{Code: "a3", RoomID: a, CreatedAt: Start.Add(3 * time.Minute), ExpiresAt: Start},
		chat.Invite{Code: "b1", RoomID: b, CreatedAt: Start},
		chat.Invite{Code: "s1", CreatedAt: Start},
	)
	codes := func(room chat.RoomID) []string {
		return pick(must(w.Invites(w.ctx, room)), func(i chat.Invite) string { return i.Code })
	}
	same(w, "to a", codes(a), []string{"a3", "a2", "a1"})
	same(w, "to the server", codes(0), []string{"s1"})
	same(w, "to nowhere", len(codes(4711)), 0)
}

func inviteChange(w *world) {
	ada := w.addUser("ada")
	i := chat.Invite{Code: "code", CreatedBy: ada, CreatedAt: Start, MaxUses: 5}
	w.putInvites(i)
	same(w, "used", w.useInvite("code", Start), true)
	i.ExpiresAt, i.MaxUses, i.RevokedAt = Start.Add(time.Hour), 7, Start.Add(time.Minute)
	w.putInvites(i)
	i.Uses = 1
	same(w, "changed", must(w.Invite(w.ctx, "code")), i)
}

func inviteTaken(w *world) {
	ada := w.addUser("ada")
	a, b := w.addRoom(chat.Room{Name: "a", Type: chat.Private}), w.addRoom(chat.Room{Name: "b", Type: chat.Private})
	w.putInvites(chat.Invite{Code: "code", RoomID: a, CreatedAt: Start})
	for _, other := range []chat.Invite{{Code: "code", RoomID: b}, {Code: "code"}, {Code: "code", RoomID: a, UserID: ada}} {
		w.refused("invite_taken", func(tx core.Tx) error { return tx.PutInvite(w.ctx, other) })
	}
	same(w, "still to", must(w.Invite(w.ctx, "code")).RoomID, a)
}

func inviteFor(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	a, b := w.addRoom(chat.Room{Name: "a", Type: chat.Private}), w.addRoom(chat.Room{Name: "b", Type: chat.Private})
	w.putInvites(
		chat.Invite{Code: "anybody", RoomID: a, CreatedAt: Start.Add(time.Hour)},
		chat.Invite{Code: "other room", RoomID: b, UserID: ada, CreatedAt: Start.Add(time.Hour)},
		chat.Invite{Code: "revoked", RoomID: a, UserID: ada, CreatedAt: Start.Add(time.Hour), RevokedAt: Start},
		chat.Invite{Code: "older", RoomID: a, UserID: ada, CreatedAt: Start},
		chat.Invite{Code: "newer", RoomID: a, UserID: ada, CreatedAt: Start.Add(time.Minute), ExpiresAt: Start.Add(30 * time.Minute), MaxUses: 1},
	)
	find := func(user chat.UserID, at time.Time) string {
		i, err := w.InviteFor(w.ctx, a, user, at)
		if err != nil {
			w.wantCode(err, "not_found")
		}
		return i.Code
	}
	same(w, "for ada", find(ada, Start), "newer")
	same(w, "for ada, once one expired", find(ada, Start.Add(30*time.Minute)), "older")
	same(w, "for bob", find(bob, Start), "")
	same(w, "for nobody", find("", Start), "")
	same(w, "used", w.useInvite("newer", Start), true)
	same(w, "for ada, once one is used up", find(ada, Start), "older")
}

func inviteUse(w *world) {
	for _, c := range []struct {
		name string
		i    chat.Invite
		want []bool // uses one after the other, at Start
	}{
		{"without limits", chat.Invite{}, []bool{true, true, true}},
		{"until it is used up", chat.Invite{MaxUses: 2}, []bool{true, true, false, false}},
		{"before it expires", chat.Invite{ExpiresAt: Start.Add(time.Millisecond)}, []bool{true}},
		{"not at its expiry", chat.Invite{ExpiresAt: Start}, []bool{false}},
		{"not once it is revoked", chat.Invite{RevokedAt: Start.Add(-time.Hour)}, []bool{false}},
	} {
		c.i.Code, c.i.CreatedAt = c.name, Start
		w.putInvites(c.i)
		uses := 0
		for n, want := range c.want {
			if got := w.useInvite(c.name, Start); got != want {
				w.Errorf("%s: use %d: %v", c.name, n+1, got)
			}
			if want {
				uses++
			}
		}
		same(w, c.name, must(w.Invite(w.ctx, c.name)).Uses, uses)
	}
	same(w, "unknown code", w.useInvite("unknown", Start), false)
	same(w, "empty code", w.useInvite("", Start), false)
}

func inviteUseAtOnce(w *world) {
	const limit, people = 5, 20
	w.putInvites(chat.Invite{Code: "code", CreatedAt: Start, MaxUses: limit})
	var used atomic.Int64
	errs := make(chan error, people)
	var wg sync.WaitGroup
	for range people {
		wg.Go(func() {
			var ok bool
			err := w.try(func(tx core.Tx) (err error) {
				ok, err = tx.UseInvite(w.ctx, "code", Start)
				return err
			})
			if ok && err == nil {
				used.Add(1)
			}
			errs <- err
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		w.wantCode(err, "")
	}
	same(w, "used", used.Load(), limit)
	same(w, "counted", must(w.Invite(w.ctx, "code")).Uses, limit)
}
