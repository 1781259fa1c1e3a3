package core_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

// invite makes an invite link.
func (w *world) invite(by chat.Actor, room chat.RoomID, n core.NewInvite) chat.Invite {
	w.Helper()
	invite, err := w.CreateInvite(w.ctx, by, room, n)
	w.must(err)
	return invite
}

func TestCreateInvite(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.user("ada"), w.user("bob")
	id := w.room("Tea", chat.Private, ada, bob)
	for _, tc := range []struct {
		name string
		by   chat.Actor
		n    core.NewInvite
		code string
	}{
		{"a member makes none", bob, core.NewInvite{}, "invite_forbidden"},
		{"a stranger does not know of the room", w.user("zoe"), core.NewInvite{}, "room_not_found"},
		{"it holds a second at least", ada, core.NewInvite{ExpiresIn: time.Millisecond}, "expires_in_invalid"},
		{"and a year at most", ada, core.NewInvite{ExpiresIn: 400 * 24 * time.Hour}, "expires_in_invalid"},
		{"uses are not negative", ada, core.NewInvite{MaxUses: -1}, "max_uses_invalid"},
		{"and bounded", ada, core.NewInvite{MaxUses: 10_001}, "max_uses_invalid"},
		{"it may hold for ever", ada, core.NewInvite{ExpiresIn: -1}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := w.CreateInvite(w.ctx, tc.by, id, tc.n); chat.CodeOf(err) != tc.code {
				t.Errorf("got %v, want %q", err, tc.code)
			}
		})
	}
	invite := w.invite(ada, id, core.NewInvite{})
	if len(invite.Code) != 10 || strings.ContainsAny(invite.Code, "01loiILO") || !invite.ExpiresAt.Equal(worldStart.Add(7*24*time.Hour)) || invite.CreatedBy != ada.UserID {
		t.Errorf("made %+v", invite)
	}
	for range 98 {
		w.invite(ada, id, core.NewInvite{})
	}
	_, err := w.CreateInvite(w.ctx, ada, id, core.NewInvite{})
	w.want(err, "too_many_invites")
	w.must(w.RevokeInvite(w.ctx, ada, invite.Code))
	w.invite(ada, id, core.NewInvite{})
	list, err := w.Invites(w.ctx, ada, id)
	if err != nil || len(list) != 100 {
		t.Errorf("%d listed, %v", len(list), err)
	}
	_, err = w.Invites(w.ctx, bob, id)
	w.want(err, "invite_forbidden")
}

func TestAcceptInvite(t *testing.T) {
	w := newWorld(t)
	ada, bob, eve := w.user("ada"), w.user("bob"), w.user("eve")
	id := w.room("Tea", chat.Private, ada)
	twice := w.invite(ada, id, core.NewInvite{MaxUses: 2})
	view, err := w.Invite(w.ctx, chat.Actor{}, strings.ToUpper(twice.Code)+" ")
	if err != nil || view.Room == nil || view.Room.Name != "Tea" || view.CreatedBy.ID != ada.UserID {
		t.Fatalf("anyone with the code sees %+v, %v", view, err)
	}
	w.told()
	room, err := w.AcceptInvite(w.ctx, bob, twice.Code)
	if err != nil || room.Me == nil || room.Room.MemberCount != 2 {
		t.Fatalf("bob: %+v, %v", room, err)
	}
	if got := kinds(w.told()); got != "MemberJoined RoomAdded MessageCreated" {
		t.Errorf("told %s", got)
	}
	if _, err := w.AcceptInvite(w.ctx, bob, twice.Code); err != nil {
		t.Errorf("accepting again: %v", err)
	}
	if view, _ := w.Invite(w.ctx, bob, twice.Code); view.Invite.Uses != 1 {
		t.Errorf("used %d times", view.Invite.Uses)
	}
	_, err = w.AcceptInvite(w.ctx, eve, twice.Code)
	w.must(err)
	dan := w.user("dan")
	brief, gone := w.invite(ada, id, core.NewInvite{ExpiresIn: time.Minute}), w.invite(ada, id, core.NewInvite{})
	w.must(w.RevokeInvite(w.ctx, ada, gone.Code))
	w.must(w.RevokeInvite(w.ctx, ada, gone.Code))
	w.wait(time.Minute)
	for name, code := range map[string]string{"a used-up code": twice.Code, "an expired code": brief.Code, "a revoked code": gone.Code, "an unknown code": "abcdefghjk", "no code": ""} {
		t.Run(name+" is not found", func(t *testing.T) {
			if _, err := w.AcceptInvite(w.ctx, dan, code); chat.CodeOf(err) != "invite_not_found" {
				t.Errorf("accepting: %v", err)
			}
			if _, err := w.Invite(w.ctx, dan, code); chat.CodeOf(err) != "invite_not_found" {
				t.Errorf("looking: %v", err)
			}
		})
	}
	_, err = w.Sanction(w.ctx, ada, core.Measure{Kind: chat.Ban, RoomID: id, UserID: eve.UserID})
	w.must(err)
	open := w.invite(ada, id, core.NewInvite{MaxUses: 1})
	_, err = w.AcceptInvite(w.ctx, eve, open.Code)
	w.want(err, "banned")
	if view, err := w.Invite(w.ctx, dan, open.Code); err != nil || view.Invite.Uses != 0 {
		t.Errorf("the banned one used it: %+v, %v", view.Invite, err)
	}
	yes := true
	_, err = w.UpdateRoom(w.ctx, ada, id, core.RoomChange{Archived: &yes})
	w.must(err)
	_, err = w.AcceptInvite(w.ctx, dan, open.Code)
	w.want(err, "room_archived")
}

func TestCodesAreNotGuessedFromOneAddress(t *testing.T) {
	w := newWorld(t)
	ada := w.user("ada")
	code := w.invite(ada, w.room("Tea", chat.Private, ada), core.NewInvite{}).Code
	stranger := chat.Actor{Address: "2001:db8::1"}
	for range 60 {
		_, err := w.Invite(w.ctx, stranger, "abcdefghjk")
		w.want(err, "invite_not_found")
	}
	_, err := w.Invite(w.ctx, chat.Actor{Address: "2001:db8::2"}, code) // the same network
	w.want(err, "rate_limited")
	_, err = w.Invite(w.ctx, chat.Actor{Address: "2001:db8:0:1::1"}, code)
	w.want(err, "")
	_, err = w.Invite(w.ctx, ada, code)
	w.want(err, "")
	w.wait(time.Minute)
	_, err = w.Invite(w.ctx, stranger, code)
	w.want(err, "")
}

func TestTheLastUseHasOneWinner(t *testing.T) {
	w := newWorld(t)
	ada := w.user("ada")
	id := w.room("Tea", chat.Private, ada)
	invite := w.invite(ada, id, core.NewInvite{MaxUses: 3})
	var mu sync.Mutex
	codes := map[string]int{}
	var group sync.WaitGroup
	for i := range 12 {
		racer := w.user("racer" + string(rune('a'+i)))
		group.Go(func() {
			_, err := w.AcceptInvite(w.ctx, racer, invite.Code)
			mu.Lock()
			defer mu.Unlock()
			codes[chat.CodeOf(err)]++
		})
	}
	group.Wait()
	if codes[""] != 3 || codes["invite_not_found"] != 9 {
		t.Errorf("ended with %v", codes)
	}
	if view, err := w.Room(w.ctx, ada, id); err != nil || view.Room.MemberCount != 4 {
		t.Errorf("%d members, %v", view.Room.MemberCount, err)
	}
}

func TestInviteMember(t *testing.T) {
	w := newWorld(t)
	ada, bob, eve, zoe := w.user("ada"), w.user("bob"), w.user("eve"), w.user("zoe")
	id := w.room("Tea", chat.Private, ada, zoe)
	w.must(w.Block(w.ctx, eve, ada.UserID))
	banned := w.user("banned")
	_, err := w.Sanction(w.ctx, ada, core.Measure{Kind: chat.Ban, RoomID: id, UserID: banned.UserID})
	w.must(err)
	for _, tc := range []struct {
		name   string
		by     chat.Actor
		target chat.UserID
		code   string
	}{
		{"a member invites nobody", zoe, bob.UserID, "invite_forbidden"},
		{"a stranger does not know of the room", bob, bob.UserID, "room_not_found"},
		{"a member is in already", ada, zoe.UserID, "already_member"},
		{"an unknown person is not invited", ada, "nobody", "user_not_found"},
		{"nor a banned one", ada, banned.UserID, "banned"},
		{"nor one who does not want to hear of it", ada, eve.UserID, "blocked"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := w.InviteMember(w.ctx, tc.by, id, tc.target); chat.CodeOf(err) != tc.code {
				t.Errorf("got %v, want %q", err, tc.code)
			}
		})
	}
	w.told()
	invite, err := w.InviteMember(w.ctx, ada, id, bob.UserID)
	w.must(err)
	events := w.told()
	if kinds(events) != "Notified" {
		t.Fatalf("told %s", kinds(events))
	}
	n := events[0].(chat.Notified).Notification
	if n.UserID != bob.UserID || n.Type != chat.NotifyRoomInvite || n.InviteCode != invite.Code || n.RoomID != id || n.Actor == nil || n.Actor.ID != ada.UserID {
		t.Errorf("notified of %+v", n)
	}
	if again, err := w.InviteMember(w.ctx, ada, id, bob.UserID); err != nil || again.Code != invite.Code || len(w.told()) != 0 {
		t.Errorf("inviting twice: %+v, %v", again, err)
	}
	if view, err := w.Room(w.ctx, bob, id); err != nil || view.Me != nil {
		t.Errorf("the invited one sees %+v, %v", view.Me, err)
	}
	_, err = w.Messages(w.ctx, bob, id, chat.MessagesQuery{})
	w.want(err, "not_a_member")
	_, err = w.AcceptInvite(w.ctx, eve, invite.Code)
	w.want(err, "invite_not_found")
	_, err = w.Invite(w.ctx, eve, invite.Code)
	w.want(err, "invite_not_found")
	_, err = w.AcceptInvite(w.ctx, bob, invite.Code)
	w.must(err)
	if unread, err := w.UnreadNotifications(w.ctx, bob); err != nil || unread != 0 {
		t.Errorf("%d notifications are unread, %v", unread, err)
	}
	w.must(w.Leave(w.ctx, bob, id))
	_, err = w.AcceptInvite(w.ctx, bob, invite.Code)
	w.want(err, "invite_not_found")
}

func TestAnInvitationOpensTheRoomByJoining(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.user("ada"), w.user("bob")
	id := w.room("Tea", chat.Private, ada)
	invite, err := w.InviteMember(w.ctx, ada, id, bob.UserID)
	w.must(err)
	_, err = w.Join(w.ctx, bob, id)
	w.must(err)
	w.must(w.RemoveMember(w.ctx, ada, id, bob.UserID))
	_, err = w.Join(w.ctx, bob, id)
	w.want(err, "room_not_found")
	_, err = w.AcceptInvite(w.ctx, bob, invite.Code)
	w.want(err, "invite_not_found")
}

func TestRevokeInvite(t *testing.T) {
	w := newWorld(t)
	ada, bob, eve := w.user("ada"), w.user("bob"), w.user("eve")
	id := w.room("Tea", chat.Private, ada, bob)
	link := w.invite(ada, id, core.NewInvite{})
	w.want(w.RevokeInvite(w.ctx, bob, link.Code), "invite_forbidden")
	w.want(w.RevokeInvite(w.ctx, eve, link.Code), "invite_not_found")
	w.want(w.RevokeInvite(w.ctx, ada, "abcdefghjk"), "invite_not_found")
	w.must(w.RevokeInvite(w.ctx, chat.Operator, link.Code))
	invitation, err := w.InviteMember(w.ctx, ada, id, eve.UserID)
	w.must(err)
	w.must(w.RevokeInvite(w.ctx, eve, invitation.Code)) // declined
	if unread, err := w.UnreadNotifications(w.ctx, eve); err != nil || unread != 0 {
		t.Errorf("%d notifications are unread, %v", unread, err)
	}
	_, err = w.Room(w.ctx, eve, id)
	w.want(err, "room_not_found")
}
