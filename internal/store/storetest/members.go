package storetest

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

func init() {
	tell("members",
		story{"a new member has read everything there is", memberNew},
		story{"putting a member again changes role and preferences only", memberChange},
		story{"members need a room and a user", memberUnknown},
		story{"the count of members is kept right", memberCount},
		story{"the count of members is kept right by many at once", memberCountAtOnce},
		story{"members are listed owner first, then admins, then by joining", memberOrder},
		story{"member pages hold while people join", memberPages},
		story{"hidden members are in no list but count", memberHidden},
		story{"a member is muted by a live mute of the room and nothing else", memberMuted},
		story{"the longest of several mutes counts", memberMutedLongest},
		story{"members among people are those who are members", memberAmong},
		story{"unread counts are those after the read marker", memberUnread},
	)
}

func (w *world) putMember(m chat.Member) (created bool) {
	w.Helper()
	w.change(func(tx core.Tx) (err error) {
		created, err = tx.PutMember(w.ctx, m)
		return err
	})
	return created
}

func (w *world) deleteMember(room chat.RoomID, user chat.UserID) (was bool) {
	w.Helper()
	w.change(func(tx core.Tx) (err error) {
		was, err = tx.DeleteMember(w.ctx, room, user)
		return err
	})
	return was
}

func memberNew(w *world) {
	ada, bob, eve := w.addUser("ada"), w.addUser("bob"), w.addUser("eve")
	room := w.addRoom(chat.Room{Name: "Lab", Type: chat.Public}, ada)
	w.say(room, ada, "one")
	last := w.say(room, ada, "two")
	w.change(func(tx core.Tx) error { // the counter of changes runs ahead of the last message
		_, _, err := tx.AddReaction(w.ctx, last.ID, ada, "👍", Start)
		return err
	})
	same(w, "created", w.putMember(chat.Member{
		RoomID: room, UserID: bob, Role: chat.RoomAdmin, JoinedAt: Start.Add(time.Minute), Notify: chat.NotifyMentions, Favourite: true, Hidden: true,
		LastReadSeq: 77, LastReadOrdinal: 77, LastDeliveredSeq: 77, Muted: true, MutedUntil: Start.Add(time.Hour),
	}), true)
	m := must(w.Member(w.ctx, room, bob))
	want := chat.Member{
		RoomID: room, UserID: bob, Role: chat.RoomAdmin, JoinedAt: Start.Add(time.Minute), Notify: chat.NotifyMentions, Favourite: true, Hidden: true,
		LastReadSeq: last.Seq, LastReadOrdinal: 2, LastReadAt: Start.Add(time.Minute), LastDeliveredSeq: last.Seq,
	}
	same(w, "member", m, want)
	unread, mentions, err := w.Unread(w.ctx, room, bob)
	w.wantCode(err, "")
	same(w, "unread", [2]int64{unread, mentions}, [2]int64{})

	w.putMember(chat.Member{RoomID: room, UserID: eve, Role: chat.RoomMember, JoinedAt: Start})
	same(w, "notify unless told", must(w.Member(w.ctx, room, eve)).Notify, chat.NotifyAll)
}

func memberChange(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	room := w.addRoom(chat.Room{Name: "Lab", Type: chat.Public}, ada, bob)
	w.say(room, ada, "one")
	before := must(w.Member(w.ctx, room, bob))
	same(w, "created", w.putMember(chat.Member{RoomID: room, UserID: bob, Role: chat.RoomAdmin, JoinedAt: Start.Add(time.Hour), Notify: chat.NotifyMuted, Favourite: true, Hidden: true, LastReadSeq: 99}), false)
	want := before
	want.Role, want.Notify, want.Favourite, want.Hidden = chat.RoomAdmin, chat.NotifyMuted, true, true
	same(w, "changed", must(w.Member(w.ctx, room, bob)), want)
	unread, _, err := w.Unread(w.ctx, room, bob)
	w.wantCode(err, "")
	same(w, "unread", unread, 1)
}

func memberUnknown(w *world) {
	ada := w.addUser("ada")
	room := w.addRoom(chat.Room{Name: "Lab", Type: chat.Public})
	w.refused("room_not_found", func(tx core.Tx) error {
		_, err := tx.PutMember(w.ctx, chat.Member{RoomID: 4711, UserID: ada, Role: chat.RoomMember})
		return err
	})
	w.refused("user_not_found", func(tx core.Tx) error {
		_, err := tx.PutMember(w.ctx, chat.Member{RoomID: room, UserID: "nobody", Role: chat.RoomMember})
		return err
	})
	same(w, "deleted", w.deleteMember(room, ada), false)
	same(w, "deleted", w.deleteMember(4711, ada), false)
	_, err := w.Member(w.ctx, room, ada)
	w.wantCode(err, "member_not_found")
	_, err = w.Member(w.ctx, 4711, ada)
	w.wantCode(err, "member_not_found")
	_, _, err = w.Unread(w.ctx, room, ada)
	w.wantCode(err, "member_not_found")
	same(w, "members", len(must(w.MemberIDs(w.ctx, 4711))), 0)
	_, next, err := w.Members(w.ctx, 4711, chat.Page{Limit: 10})
	w.wantCode(err, "")
	same(w, "next", next, "")
}

func (w *world) memberCount(room chat.RoomID) int {
	w.Helper()
	return must(w.Room(w.ctx, room)).MemberCount
}

func memberCount(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	room, other := w.addRoom(chat.Room{Name: "a", Type: chat.Public}, ada), w.addRoom(chat.Room{Name: "b", Type: chat.Public}, ada)
	join := func() bool {
		return w.putMember(chat.Member{RoomID: room, UserID: bob, Role: chat.RoomMember, JoinedAt: Start})
	}
	same(w, "joined", join(), true)
	same(w, "joined again", join(), false)
	same(w, "count", w.memberCount(room), 2)
	same(w, "left", w.deleteMember(room, bob), true)
	same(w, "left again", w.deleteMember(room, bob), false)
	same(w, "count", w.memberCount(room), 1)
	_ = w.try(func(tx core.Tx) error {
		if _, err := tx.DeleteMember(w.ctx, room, ada); err != nil {
			return err
		}
		return chat.ErrNotFound // takes it back
	})
	same(w, "count after a change that failed", w.memberCount(room), 1)
	same(w, "count of another room", w.memberCount(other), 1)
	w.change(func(tx core.Tx) error { return tx.DeleteUser(w.ctx, ada) })
	same(w, "count after the account went", [2]int{w.memberCount(room), w.memberCount(other)}, [2]int{})
}

func memberCountAtOnce(w *world) {
	const people = 8
	room := w.addRoom(chat.Room{Name: "a", Type: chat.Public})
	errs := make(chan error, 2*people)
	var wg sync.WaitGroup
	for i := range people {
		id := w.addUser(fmt.Sprintf("user%d", i))
		for range 2 { // both try to join; one of them does
			wg.Go(func() {
				errs <- w.try(func(tx core.Tx) error {
					_, err := tx.PutMember(w.ctx, chat.Member{RoomID: room, UserID: id, Role: chat.RoomMember, JoinedAt: Start})
					return err
				})
			})
		}
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		w.wantCode(err, "")
	}
	same(w, "count", w.memberCount(room), people)
	same(w, "members", len(must(w.MemberIDs(w.ctx, room))), people)
}

// members reads the list of members page by page.
func (w *world) members(room chat.RoomID, limit int, between func()) []chat.UserID {
	w.Helper()
	return pick(walk(w, limit, between, func(p chat.Page) ([]chat.Member, string, error) { return w.Members(w.ctx, room, p) }),
		func(m chat.Member) chat.UserID { return m.UserID })
}

func memberOrder(w *world) {
	room := w.addRoom(chat.Room{Name: "Lab", Type: chat.Public})
	join := func(name string, role chat.RoomRole, at time.Duration) chat.UserID {
		id := w.addUser(name)
		w.putMember(chat.Member{RoomID: room, UserID: id, Role: role, JoinedAt: Start.Add(at)})
		return id
	}
	late := join("late", chat.RoomMember, 3*time.Minute)
	early := join("early", chat.RoomMember, time.Minute)
	tie1, tie2 := join("tie1", chat.RoomMember, 2*time.Minute), join("tie2", chat.RoomMember, 2*time.Minute)
	admin2 := join("admin2", chat.RoomAdmin, 5*time.Minute)
	admin1 := join("admin1", chat.RoomAdmin, 4*time.Minute)
	owner := join("owner", chat.RoomOwner, 6*time.Minute)
	want := []chat.UserID{owner, admin1, admin2, early, tie1, tie2, late}
	for limit := 1; limit <= len(want)+1; limit++ {
		same(w, fmt.Sprintf("pages of %d", limit), w.members(room, limit, nil), want)
	}
	w.putMember(chat.Member{RoomID: room, UserID: late, Role: chat.RoomAdmin})
	same(w, "after a change of role", w.members(room, 10, nil), []chat.UserID{owner, late, admin1, admin2, early, tie1, tie2})
	badCursors(w, func(p chat.Page) ([]chat.Member, string, error) { return w.Members(w.ctx, room, p) })
}

func memberPages(w *world) {
	room := w.addRoom(chat.Room{Name: "Lab", Type: chat.Public})
	var want []chat.UserID
	join := func(i int, role chat.RoomRole) chat.UserID {
		id := w.addUser(fmt.Sprintf("user%d", i))
		w.putMember(chat.Member{RoomID: room, UserID: id, Role: role, JoinedAt: Start.Add(time.Duration(i) * time.Minute)})
		return id
	}
	want = append(want, join(0, chat.RoomOwner))
	for i := 1; i < 5; i++ {
		want = append(want, join(i, chat.RoomMember))
	}
	joined := false
	same(w, "pages", w.members(room, 2, func() {
		if !joined {
			joined = true
			join(10, chat.RoomAdmin) // before what was read
			want = append(want, join(11, chat.RoomMember))
		}
	}), want)
}

func memberHidden(w *world) {
	ada, bob, eve := w.addUser("ada"), w.addUser("bob"), w.addUser("eve")
	room := w.addRoom(chat.Room{Name: "Lab", Type: chat.Public}, ada, bob, eve)
	w.putMember(chat.Member{RoomID: room, UserID: bob, Role: chat.RoomMember, Hidden: true})
	same(w, "listed", w.members(room, 1, nil), []chat.UserID{ada, eve})
	same(w, "count", w.memberCount(room), 3)
	same(w, "ids", sorted(must(w.MemberIDs(w.ctx, room))), sorted([]chat.UserID{ada, bob, eve}))
	same(w, "hidden", must(w.Member(w.ctx, room, bob)).Hidden, true)
	same(w, "among", len(must(w.MembersAmong(w.ctx, room, []chat.UserID{bob}))), 1)
}

// sanction stores one.
func (w *world) sanction(s chat.Sanction) chat.Sanction {
	w.Helper()
	if s.CreatedAt.IsZero() {
		s.CreatedAt = Start.Add(-time.Hour)
	}
	w.change(func(tx core.Tx) (err error) {
		s, err = tx.CreateSanction(w.ctx, s)
		return err
	})
	return s
}

func memberMuted(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	room, other := w.addRoom(chat.Room{Name: "a", Type: chat.Public}, ada, bob), w.addRoom(chat.Room{Name: "b", Type: chat.Public}, ada, bob)
	for _, c := range []struct {
		name  string
		s     chat.Sanction
		muted bool
		until time.Time
	}{
		{"a mute of another room", chat.Sanction{Kind: chat.Mute, RoomID: other, UserID: bob}, false, time.Time{}},
		{"a mute on the server", chat.Sanction{Kind: chat.Mute, UserID: bob}, false, time.Time{}},
		{"somebody else's mute", chat.Sanction{Kind: chat.Mute, RoomID: room, UserID: ada}, false, time.Time{}},
		{"a warning", chat.Sanction{Kind: chat.Warning, RoomID: room, UserID: bob}, false, time.Time{}},
		{"a timeout", chat.Sanction{Kind: chat.Timeout, RoomID: room, UserID: bob, Until: Start.Add(time.Hour)}, false, time.Time{}},
		{"a mute that ran out", chat.Sanction{Kind: chat.Mute, RoomID: room, UserID: bob, Until: Start.Add(-time.Minute)}, false, time.Time{}},
		{"a mute that runs out now", chat.Sanction{Kind: chat.Mute, RoomID: room, UserID: bob, Until: Start}, false, time.Time{}},
		{"a mute that was lifted", chat.Sanction{Kind: chat.Mute, RoomID: room, UserID: bob, LiftedAt: Start.Add(-time.Minute)}, false, time.Time{}},
		{"a mute with an end", chat.Sanction{Kind: chat.Mute, RoomID: room, UserID: bob, Until: Start.Add(time.Hour)}, true, Start.Add(time.Hour)},
		{"a mute without end", chat.Sanction{Kind: chat.Mute, RoomID: room, UserID: bob}, true, time.Time{}},
	} {
		w.sanction(c.s)
		for i, m := range []chat.Member{
			must(w.Member(w.ctx, room, bob)), must(w.MembersAmong(w.ctx, room, []chat.UserID{bob}))[0], w.listed(room, bob),
		} {
			if m.Muted != c.muted || !m.MutedUntil.Equal(c.until) {
				w.Errorf("after %s (read %d): muted %v until %v, want %v until %v", c.name, i, m.Muted, m.MutedUntil, c.muted, c.until)
			}
		}
	}
	w.change(func(tx core.Tx) error {
		_, err := tx.LiftSanctions(w.ctx, bob, room, chat.Mute, ada, "", Start)
		return err
	})
	if m := must(w.Member(w.ctx, room, bob)); m.Muted || !m.MutedUntil.IsZero() {
		w.Fatalf("muted after all mutes were lifted: %+v", m)
	}
}

// listed finds one person in the list of members.
func (w *world) listed(room chat.RoomID, user chat.UserID) chat.Member {
	w.Helper()
	list, _, err := w.Members(w.ctx, room, chat.Page{Limit: 100})
	i := slices.IndexFunc(list, func(m chat.Member) bool { return m.UserID == user })
	if err != nil || i < 0 {
		w.Fatalf("%s is not in the list (%v)", user, err)
	}
	return list[i]
}

func memberMutedLongest(w *world) {
	ada := w.addUser("ada")
	room := w.addRoom(chat.Room{Name: "a", Type: chat.Public}, ada)
	for _, hours := range []time.Duration{2, 3, 1} {
		w.sanction(chat.Sanction{Kind: chat.Mute, RoomID: room, UserID: ada, Until: Start.Add(hours * time.Hour)})
	}
	same(w, "until", must(w.Member(w.ctx, room, ada)).MutedUntil, Start.Add(3*time.Hour))
}

func memberAmong(w *world) {
	ada, bob, eve := w.addUser("ada"), w.addUser("bob"), w.addUser("eve")
	room := w.addRoom(chat.Room{Name: "a", Type: chat.Public}, ada, bob)
	among := func(users ...chat.UserID) []chat.UserID {
		return sorted(pick(must(w.MembersAmong(w.ctx, room, users)), func(m chat.Member) chat.UserID { return m.UserID }))
	}
	same(w, "some", among(eve, bob, "nobody", bob, ada), []chat.UserID{ada, bob})
	same(w, "nobody", len(among(eve)), 0)
	same(w, "no question", len(among()), 0)
	long := make([]chat.UserID, 0, 1200)
	for i := range cap(long) - 1 {
		long = append(long, chat.UserID(fmt.Sprintf("nobody%d", i)))
	}
	same(w, "a long list", among(append(long, bob)...), []chat.UserID{bob})
}

func memberUnread(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	room, other := w.addRoom(chat.Room{Name: "a", Type: chat.Public}, ada, bob), w.addRoom(chat.Room{Name: "b", Type: chat.Public}, ada, bob)
	counts := func(user chat.UserID) [2]int64 {
		w.Helper()
		unread, mentions, err := w.Unread(w.ctx, room, user)
		w.wantCode(err, "")
		return [2]int64{unread, mentions}
	}
	same(w, "at first", counts(bob), [2]int64{})
	w.say(other, ada, "elsewhere")
	first := w.say(room, ada, "one")
	m, _, err := w.Append(w.ctx, chat.Draft{RoomID: room, SenderID: ada, Type: chat.TextMessage, Content: "@bob", Mentions: []chat.UserID{bob}, At: Start})
	w.wantCode(err, "")
	same(w, "unread", counts(bob), [2]int64{2, 1})
	same(w, "unread to the sender", counts(ada), [2]int64{})
	mark := func(seq chat.Seq) {
		w.change(func(tx core.Tx) error {
			_, _, err := tx.MarkRead(w.ctx, room, bob, seq, Start)
			return err
		})
	}
	mark(first.Seq)
	same(w, "after reading one", counts(bob), [2]int64{1, 1})
	mark(m.Seq)
	same(w, "after reading both", counts(bob), [2]int64{})
}
