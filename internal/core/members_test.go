package core_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

// last returns the newest message of a room as the operator sees it.
func (w *world) last(room chat.RoomID) chat.Message {
	w.Helper()
	page, err := w.Messages(w.ctx, chat.Operator, room, chat.MessagesQuery{Limit: 1})
	w.must(err)
	if len(page.Messages) == 0 {
		return chat.Message{}
	}
	return page.Messages[0]
}

// kinds names the types of events.
func kinds(events []chat.Event) string {
	var names []string
	for _, ev := range events {
		names = append(names, strings.TrimPrefix(reflect.TypeOf(ev).String(), "chat."))
	}
	return strings.Join(names, " ")
}

func TestJoin(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.user("ada"), w.user("bob")
	open, closed := w.room("Open", chat.Public, ada), w.room("Closed", chat.Private, ada)
	w.say(ada, open, "before bob")
	w.told()
	view, err := w.Join(w.ctx, bob, open)
	if err != nil || view.Me == nil || view.Me.Role != chat.RoomMember || view.UnreadCount != 0 || view.Room.MemberCount != 2 {
		t.Fatalf("bob sees %+v, %+v, %v", view, view.Me, err)
	}
	if got := kinds(w.told()); got != "MemberJoined RoomAdded MessageCreated" {
		t.Errorf("told %s", got)
	}
	if m := w.last(open); m.Type != chat.SystemMessage || m.SenderID != "" || m.Content != "bob joined the room" || len(m.Mentions) != 0 {
		t.Errorf("said %+v", m)
	}
	if _, err := w.Join(w.ctx, bob, open); err != nil || len(w.told()) != 0 {
		t.Errorf("joining twice: %v", err)
	}
	_, err = w.Join(w.ctx, bob, closed)
	w.want(err, "room_not_found")
	_, err = w.Join(w.ctx, bob, 9999)
	w.want(err, "room_not_found")
	_, err = w.Join(w.ctx, chat.Operator, open)
	w.want(err, "person_needed")
	_, err = w.Sanction(w.ctx, ada, core.Measure{Kind: chat.Ban, RoomID: open, UserID: bob.UserID, Reason: "spam"})
	w.must(err)
	_, err = w.Join(w.ctx, bob, open)
	w.want(err, "banned")
	w.must(w.Lift(w.ctx, ada, chat.Ban, open, bob.UserID, ""))
	_, err = w.Join(w.ctx, bob, open)
	w.want(err, "")
}

func TestLeave(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.user("ada"), w.user("bob")
	id := w.room("Tea", chat.Public, ada, bob)
	w.want(w.Leave(w.ctx, ada, id), "owner_must_transfer")
	w.want(w.Leave(w.ctx, w.user("eve"), id), "not_a_member")
	w.told()
	w.must(w.Leave(w.ctx, bob, id))
	events := w.told()
	if got := kinds(events); got != "MemberLeft RoomRemoved MessageCreated" || events[0].(chat.MemberLeft).Reason != chat.Left {
		t.Errorf("told %s", got)
	}
	if m := w.last(id); m.Content != "bob left the room" {
		t.Errorf("said %q", m.Content)
	}
	_, _, err := w.SendMessage(w.ctx, bob, core.NewMessage{RoomID: id, Content: "x"})
	w.want(err, "not_a_member")
	w.want(w.Leave(w.ctx, bob, id), "not_a_member")
	w.told()
	w.must(w.Leave(w.ctx, ada, id)) // the last one
	if got := kinds(w.told()); got != "MemberLeft RoomRemoved MessageCreated RoomChanged" {
		t.Errorf("told %s", got)
	}
	view, err := w.Room(w.ctx, chat.Operator, id)
	if err != nil || !view.Room.Archived || view.Room.MemberCount != 0 || view.Room.OwnerID != "" {
		t.Errorf("left behind %+v, %v", view.Room, err)
	}
	_, err = w.Join(w.ctx, bob, id)
	w.want(err, "join_forbidden")
}

func TestMembers(t *testing.T) {
	w := newWorld(t)
	ada, bob, eve := w.user("ada"), w.user("bob"), w.user("eve")
	id := w.room("Tea", chat.Private, ada)
	for _, m := range []chat.Actor{eve, bob} {
		w.wait(time.Second)
		_, err := w.AddMember(w.ctx, chat.Operator, id, m.UserID, "")
		w.must(err)
	}
	_, err := w.SetMemberRole(w.ctx, ada, id, bob.UserID, chat.RoomAdmin)
	w.must(err)
	w.must(w.Connected(w.ctx, eve))
	members, next, err := w.Members(w.ctx, eve, id, chat.Page{Limit: 2})
	if err != nil || len(members) != 2 || next == "" || members[0].User.ID != ada.UserID || members[1].User.ID != bob.UserID {
		t.Fatalf("first page %+v, %v", members, err)
	}
	members, next, err = w.Members(w.ctx, eve, id, chat.Page{Limit: 2, Cursor: next})
	if err != nil || len(members) != 1 || next != "" || members[0].User.ID != eve.UserID || members[0].User.Status != chat.Online {
		t.Errorf("second page %+v, %v", members, err)
	}
	_, _, err = w.Members(w.ctx, w.user("dan"), id, chat.Page{})
	w.want(err, "room_not_found")
	_, _, err = w.Members(w.ctx, ada, id, chat.Page{Limit: -1})
	w.want(err, "limit_invalid")
}

func TestAddMember(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.user("ada"), w.user("bob")
	id := w.room("Tea", chat.Private, ada)
	ownerless, err := w.CreateRoom(w.ctx, chat.Operator, core.NewRoom{Name: "New", Type: chat.Private})
	w.must(err)
	official, err := w.CreateRoom(w.ctx, chat.Operator, core.NewRoom{Name: "News", Type: chat.Public, Official: true})
	w.must(err)
	for _, tc := range []struct {
		name string
		by   chat.Actor
		room chat.RoomID
		user chat.UserID
		role chat.RoomRole
		code string
	}{
		{"only the operator adds people", ada, id, bob.UserID, chat.RoomMember, "permission_missing"},
		{"the role must be one", chat.Operator, id, bob.UserID, "king", "role_invalid"},
		{"a room has one owner", chat.Operator, id, bob.UserID, chat.RoomOwner, "role_invalid"},
		{"its owner stays that", chat.Operator, id, ada.UserID, chat.RoomMember, "role_invalid"},
		{"an unknown person is refused", chat.Operator, id, "nobody", chat.RoomMember, "user_not_found"},
		{"an unknown room is refused", chat.Operator, 9999, bob.UserID, chat.RoomMember, "room_not_found"},
		{"a member is added", chat.Operator, id, bob.UserID, chat.RoomMember, ""},
		{"and made an admin", chat.Operator, id, bob.UserID, chat.RoomAdmin, ""},
		{"a room without owner gets one", chat.Operator, ownerless.Room.ID, bob.UserID, chat.RoomOwner, ""},
		{"a room of the server does not", chat.Operator, official.Room.ID, bob.UserID, chat.RoomOwner, "role_invalid"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m, err := w.AddMember(w.ctx, tc.by, tc.room, tc.user, tc.role)
			if chat.CodeOf(err) != tc.code || err == nil && m.Role != tc.role {
				t.Errorf("got %+v, %v, want %q", m, err, tc.code)
			}
		})
	}
	if view, err := w.Room(w.ctx, bob, ownerless.Room.ID); err != nil || view.Room.OwnerID != bob.UserID {
		t.Errorf("it belongs to %q, %v", view.Room.OwnerID, err)
	}
}

func TestRemoveMember(t *testing.T) {
	w := newWorld(t)
	ada, bob, eve, dan := w.user("ada"), w.user("bob"), w.user("eve"), w.user("dan")
	id := w.room("Tea", chat.Private, ada, bob, eve, dan)
	for _, admin := range []chat.Actor{bob, eve} {
		_, err := w.SetMemberRole(w.ctx, ada, id, admin.UserID, chat.RoomAdmin)
		w.must(err)
	}
	for _, tc := range []struct {
		name   string
		by     chat.Actor
		target chat.UserID
		code   string
	}{
		{"a member removes nobody", dan, eve.UserID, "manage_members_forbidden"},
		{"an admin does not remove an admin", bob, eve.UserID, "target_above"},
		{"nor the owner", bob, ada.UserID, "target_above"},
		{"nor themselves", bob, bob.UserID, "target_is_self"},
		{"someone who is not in the room cannot be removed", bob, "nobody", "member_not_found"},
		{"a stranger does not know of the room", w.user("zoe"), dan.UserID, "room_not_found"},
		{"an admin removes a member", bob, dan.UserID, ""},
		{"who then is gone", bob, dan.UserID, "member_not_found"},
		{"the owner removes an admin", ada, bob.UserID, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := w.RemoveMember(w.ctx, tc.by, id, tc.target); chat.CodeOf(err) != tc.code {
				t.Errorf("got %v, want %q", err, tc.code)
			}
		})
	}
	if m := w.last(id); m.Content != "bob was removed from the room" {
		t.Errorf("said %q", m.Content)
	}
	_, err := w.Messages(w.ctx, bob, id, chat.MessagesQuery{})
	w.want(err, "room_not_found")
	entries, _, err := w.Audit(w.ctx, ada, chat.AuditFilter{RoomID: id, Action: "member.remove"}, chat.Page{Limit: 10})
	if err != nil || len(entries) != 2 {
		t.Errorf("audited %d removals, %v", len(entries), err)
	}
}

func TestSetMemberRole(t *testing.T) {
	w := newWorld(t)
	ada, bob, eve := w.user("ada"), w.user("bob"), w.user("eve")
	id := w.room("Tea", chat.Private, ada, bob, eve)
	for _, tc := range []struct {
		name   string
		by     chat.Actor
		target chat.UserID
		role   chat.RoomRole
		code   string
	}{
		{"ownership is not given this way", ada, bob.UserID, chat.RoomOwner, "role_invalid"},
		{"an unknown role is refused", ada, bob.UserID, "king", "role_invalid"},
		{"a member sets no roles", bob, eve.UserID, chat.RoomAdmin, "set_roles_forbidden"},
		{"the owner makes an admin", ada, bob.UserID, chat.RoomAdmin, ""},
		{"an admin makes none", bob, eve.UserID, chat.RoomAdmin, "set_roles_forbidden"},
		{"the owner does not step down", ada, ada.UserID, chat.RoomMember, "target_is_self"},
		{"a stranger gets no role", ada, w.user("zoe").UserID, chat.RoomAdmin, "member_not_found"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := w.SetMemberRole(w.ctx, tc.by, id, tc.target, tc.role); chat.CodeOf(err) != tc.code {
				t.Errorf("got %v, want %q", err, tc.code)
			}
		})
	}
	muted := chat.NotifyMuted
	_, err := w.SetPreferences(w.ctx, bob, id, core.Preferences{Notify: &muted})
	w.must(err)
	w.told()
	view, err := w.SetMemberRole(w.ctx, ada, id, bob.UserID, chat.RoomMember)
	if err != nil || view.Member.Role != chat.RoomMember || view.Member.Notify != chat.NotifyMuted || view.User.ID != bob.UserID {
		t.Errorf("got %+v, %v", view, err)
	}
	if got := kinds(w.told()); got != "MemberChanged" {
		t.Errorf("told %s", got)
	}
	if _, err := w.SetMemberRole(w.ctx, ada, id, bob.UserID, chat.RoomMember); err != nil || len(w.told()) != 0 {
		t.Errorf("the same role again: %v", err)
	}
}

func TestPreferences(t *testing.T) {
	w := newWorld(t)
	ada := w.user("ada")
	id := w.room("Tea", chat.Public, ada)
	bad, mentions, yes := chat.NotifyLevel("loud"), chat.NotifyMentions, true
	_, err := w.SetPreferences(w.ctx, ada, id, core.Preferences{Notify: &bad})
	w.want(err, "notify_invalid")
	_, err = w.SetPreferences(w.ctx, w.user("bob"), id, core.Preferences{Favourite: &yes})
	w.want(err, "not_a_member")
	view, err := w.SetPreferences(w.ctx, ada, id, core.Preferences{Notify: &mentions, Favourite: &yes})
	if err != nil || view.Me.Notify != chat.NotifyMentions || !view.Me.Favourite || view.Me.Role != chat.RoomOwner {
		t.Errorf("got %+v, %v", view.Me, err)
	}
	w.told()
	if _, err := w.SetPreferences(w.ctx, ada, id, core.Preferences{}); err != nil || len(w.told()) != 0 {
		t.Errorf("nothing changed: %v", err)
	}
}
