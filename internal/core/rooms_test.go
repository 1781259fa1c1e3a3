package core_test

import (
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

func TestRoomRefusals(t *testing.T) {
	w := newWorld(t)
	ada, admin := w.user("ada"), w.user("root", chat.RoleAdmin)
	w.room("Taken", chat.Public, ada)
	for _, tc := range []struct {
		name string
		by   chat.Actor
		room core.NewRoom
		code string
	}{
		{"a room needs a name", ada, core.NewRoom{Type: chat.Public}, "room_name_invalid"},
		{"a name of blanks is none", ada, core.NewRoom{Name: " \u200b ", Type: chat.Public}, "room_name_invalid"},
		{"a hundred characters are the longest name", ada, core.NewRoom{Name: strings.Repeat("ä", 100), Type: chat.Public}, ""},
		{"a hundred and one are too many", ada, core.NewRoom{Name: strings.Repeat("ä", 101), Type: chat.Public}, "room_name_invalid"},
		{"a name cannot turn the reading direction", ada, core.NewRoom{Name: "a\u202eb", Type: chat.Public}, "room_name_invalid"},
		{"a description is bounded", ada, core.NewRoom{Name: "a", Description: strings.Repeat("x", 1001), Type: chat.Public}, "description_too_long"},
		{"a topic is bounded", ada, core.NewRoom{Name: "a", Topic: strings.Repeat("x", 251), Type: chat.Public}, "topic_too_long"},
		{"a direct room is not made this way", ada, core.NewRoom{Name: "a", Type: chat.Direct}, "room_type_invalid"},
		{"a type is needed", ada, core.NewRoom{Name: "a"}, "room_type_invalid"},
		{"an unknown form is refused", ada, core.NewRoom{Name: "a", Type: chat.Public, Form: "opera"}, "room_form_invalid"},
		{"a slug has no spaces", ada, core.NewRoom{Name: "a", Type: chat.Public, Slug: "a b"}, "slug_invalid"},
		{"a slug of one character is too short", ada, core.NewRoom{Name: "a", Type: chat.Public, Slug: "a"}, "slug_invalid"},
		{"a slug is unique without regard to case", ada, core.NewRoom{Name: "a", Type: chat.Private, Slug: "TAKEN"}, "slug_taken"},
		{"a person makes no room of the server", ada, core.NewRoom{Name: "a", Type: chat.Public, Official: true}, "permission_missing"},
		{"an admin does", admin, core.NewRoom{Name: "a", Type: chat.Public, Official: true}, ""},
		{"a room of the server is public", admin, core.NewRoom{Name: "a", Type: chat.Private, Official: true}, "room_type_invalid"},
		{"the operator makes rooms", chat.Operator, core.NewRoom{Name: "a", Type: chat.Private}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := w.CreateRoom(w.ctx, tc.by, tc.room)
			if chat.CodeOf(err) != tc.code {
				t.Errorf("got %v, want %q", err, tc.code)
			}
		})
	}
}

func TestCreateRoom(t *testing.T) {
	w := newWorld(t)
	ada := w.user("ada")
	w.told()
	view, err := w.CreateRoom(w.ctx, ada, core.NewRoom{Name: " Tea  time ", Description: "one\ntwo", Topic: "green", Type: chat.Public, Position: 3})
	w.must(err)
	r := view.Room
	if r.Name != "Tea time" || r.Slug != "tea-time" || r.Form != chat.Text || r.OwnerID != ada.UserID || r.CreatedBy != ada.UserID || r.MemberCount != 1 || r.Position != 3 {
		t.Errorf("made %+v", r)
	}
	if view.Me == nil || view.Me.Role != chat.RoomOwner || view.UnreadCount != 0 {
		t.Errorf("seen as %+v", view)
	}
	events := w.told()
	if len(events) != 2 {
		t.Fatalf("told %v", events)
	}
	if e, ok := events[1].(chat.RoomAdded); !ok || e.UserID != ada.UserID || e.Room.ID != r.ID || e.Room.MemberCount != 1 {
		t.Errorf("told %+v", events[1])
	}
	official, err := w.CreateRoom(w.ctx, w.user("root", chat.RoleAdmin), core.NewRoom{Name: "News", Type: chat.Public, Official: true})
	w.must(err)
	if official.Room.OwnerID != "" || official.Room.CreatedBy != "" || official.Me.Role != chat.RoomMember {
		t.Errorf("a room of the server: %+v, %+v", official.Room, official.Me)
	}
}

func TestSlugs(t *testing.T) {
	w := newWorld(t)
	ada := w.user("ada")
	for _, tc := range []struct{ name, room, want string }{
		{"words are joined", "Hello, World!", "hello-world"},
		{"accents go", "Crème Brûlée", "creme-brulee"},
		{"a taken one is numbered", "hello world", "hello-world-2"},
		{"and counted on", "HELLO WORLD", "hello-world-3"},
		{"a number alone would be an id", "2024", "room-2024"},
		{"other scripts leave nothing", "日本語", "room"},
		{"one letter is too few", "x", "room-x"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			view, err := w.CreateRoom(w.ctx, ada, core.NewRoom{Name: tc.room, Type: chat.Public})
			if err != nil || view.Room.Slug != tc.want {
				t.Errorf("got %q, %v", view.Room.Slug, err)
			}
		})
	}
	view, err := w.CreateRoom(w.ctx, ada, core.NewRoom{Name: "Hidden", Type: chat.Private})
	if err != nil || view.Room.Slug != "" {
		t.Errorf("a private room got the slug %q, %v", view.Room.Slug, err)
	}
	for range 15 { // beyond counting
		_, err := w.CreateRoom(w.ctx, chat.Operator, core.NewRoom{Name: "Hello World", Type: chat.Public})
		w.must(err)
	}
	if _, err := w.RoomBySlug(w.ctx, ada, "HELLO-world"); err != nil {
		t.Errorf("found by slug: %v", err)
	}
	_, err = w.RoomBySlug(w.ctx, ada, "nowhere")
	w.want(err, "room_not_found")
}

func TestRoomsAreRateLimited(t *testing.T) {
	w := newWorld(t)
	ada, admin := w.user("ada"), w.user("root", chat.RoleAdmin)
	for range 30 {
		w.room("Another", chat.Private, ada)
	}
	_, err := w.CreateRoom(w.ctx, ada, core.NewRoom{Name: "One more", Type: chat.Private})
	w.want(err, "rate_limited")
	w.wait(time.Hour)
	w.room("An hour later", chat.Private, ada)
	for range 31 {
		w.room("Admins need many", chat.Private, admin)
	}
}

func TestWhoSeesRooms(t *testing.T) {
	w := newWorld(t)
	ada, bob, mod := w.user("ada"), w.user("bob"), w.user("mod", chat.RoleModerator)
	public, private := w.room("Open", chat.Public, ada), w.room("Closed", chat.Private, ada)
	direct := w.direct(ada, bob)
	for _, tc := range []struct {
		name string
		by   chat.Actor
		room chat.RoomID
		code string
	}{
		{"anybody sees a public room", bob, public, ""},
		{"a stranger does not see a private one", bob, private, "room_not_found"},
		{"not even a moderator", mod, private, "room_not_found"},
		{"nor somebody else's direct room", mod, direct, "room_not_found"},
		{"both people see their direct room", bob, direct, ""},
		{"an unknown id is as invisible", ada, 9999, "room_not_found"},
		{"nobody sees without an account", chat.Actor{}, public, "token_invalid"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := w.Room(w.ctx, tc.by, tc.room); chat.CodeOf(err) != tc.code {
				t.Errorf("got %v, want %q", err, tc.code)
			}
		})
	}
	view, err := w.Room(w.ctx, bob, direct)
	if err != nil || view.Peer == nil || view.Peer.ID != ada.UserID || view.Peer.Status != chat.Offline {
		t.Errorf("the other one is %+v, %v", view.Peer, err)
	}
	if view, err = w.Room(w.ctx, bob, public); err != nil || view.Me != nil {
		t.Errorf("a stranger is %+v, %v", view.Me, err)
	}
}

func TestRoomsByNewestMessage(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.user("ada"), w.user("bob")
	old, fresh, empty := w.room("Old", chat.Private, ada, bob), w.room("Fresh", chat.Private, ada, bob), w.direct(ada, bob)
	w.say(ada, old, "hi @bob")
	w.wait(time.Minute)
	w.say(ada, fresh, "hello")
	w.say(ada, fresh, "hello again")
	rooms, err := w.Rooms(w.ctx, bob)
	w.must(err)
	var got []chat.RoomID
	for _, v := range rooms {
		got = append(got, v.Room.ID)
	}
	if !reflect.DeepEqual(got, []chat.RoomID{fresh, old, empty}) {
		t.Fatalf("order %v", got)
	}
	if v := rooms[0]; v.UnreadCount != 2 || v.MentionCount != 0 {
		t.Errorf("fresh: %d unread, %d mentions", v.UnreadCount, v.MentionCount)
	}
	if v := rooms[1]; v.UnreadCount != 1 || v.MentionCount != 1 {
		t.Errorf("old: %d unread, %d mentions", v.UnreadCount, v.MentionCount)
	}
	if rooms[2].Peer == nil || rooms[2].Peer.ID != ada.UserID {
		t.Errorf("direct: %+v", rooms[2].Peer)
	}
	_, err = w.Rooms(w.ctx, chat.Operator)
	w.want(err, "person_needed")
}

func TestPublicRooms(t *testing.T) {
	w := newWorld(t)
	ada, bob, admin := w.user("ada"), w.user("bob"), w.user("root", chat.RoleAdmin)
	w.room("Gardening", chat.Public, ada, bob)
	staff := w.room("Staff", chat.Public, admin)
	w.room("Secret garden", chat.Private, ada)
	w.must(w.SetRoleList(w.ctx, admin, chat.RoleList{RoomID: staff, Right: chat.CanSee, Roles: []chat.RoleEntry{{RoleID: chat.RoleAdmin}}}))
	names := func(by chat.Actor, q string) string {
		views, _, err := w.PublicRooms(w.ctx, by, q, chat.Page{})
		w.must(err)
		var list []string
		for _, v := range views {
			list = append(list, v.Room.Name)
		}
		return strings.Join(list, ",")
	}
	for range 2 { // the second time from memory
		if got := names(bob, ""); got != "Gardening" {
			t.Errorf("bob discovers %q", got)
		}
	}
	if got := names(admin, ""); got != "Gardening,Staff" {
		t.Errorf("the admin discovers %q", got)
	}
	if got := names(bob, "GARDEN"); got != "Gardening" {
		t.Errorf("looking for a garden: %q", got)
	}
	views, _, err := w.PublicRooms(w.ctx, bob, "", chat.Page{})
	if err != nil || views[0].Me == nil {
		t.Errorf("bob is a member: %+v, %v", views, err)
	}
	w.must(w.SetRoleList(w.ctx, admin, chat.RoleList{RoomID: staff, Right: chat.CanSee}))
	if got := names(bob, ""); got != "Gardening,Staff" {
		t.Errorf("after the list went, bob discovers %q", got)
	}
	_, _, err = w.PublicRooms(w.ctx, bob, "", chat.Page{Limit: 101})
	w.want(err, "limit_invalid")
	_, _, err = w.PublicRooms(w.ctx, bob, strings.Repeat("x", 500), chat.Page{})
	w.want(err, "query_too_long")
}

func TestDirectRooms(t *testing.T) {
	w := newWorld(t)
	ada, bob, eve := w.user("ada"), w.user("bob"), w.user("eve")
	w.told()
	view, created, err := w.DirectRoom(w.ctx, ada, bob.UserID)
	if err != nil || !created || view.Room.Type != chat.Direct || view.Room.MemberCount != 2 || view.Room.OwnerID != "" {
		t.Fatalf("made %+v, %v, %v", view, created, err)
	}
	added := 0
	for _, ev := range w.told() {
		if e, ok := ev.(chat.RoomAdded); ok && e.Room.MemberCount > 0 {
			added++
		}
	}
	if added != 2 {
		t.Errorf("%d people were told of it", added)
	}
	again, created, err := w.DirectRoom(w.ctx, bob, ada.UserID)
	if err != nil || created || again.Room.ID != view.Room.ID || len(w.told()) != 0 {
		t.Errorf("the other way round: %d, %v, %v", again.Room.ID, created, err)
	}
	id := view.Room.ID
	text := "x"
	for name, attempt := range map[string]func() error{
		"leaving":  func() error { return w.Leave(w.ctx, ada, id) },
		"settings": func() error { _, err := w.UpdateRoom(w.ctx, ada, id, core.RoomChange{Name: &text}); return err },
		"deletion": func() error { return w.DeleteRoom(w.ctx, ada, id, id.String()) },
		"transfer": func() error { _, err := w.TransferRoom(w.ctx, ada, id, bob.UserID); return err },
		"invites":  func() error { _, err := w.CreateInvite(w.ctx, ada, id, core.NewInvite{}); return err },
		"a third":  func() error { _, err := w.InviteMember(w.ctx, ada, id, eve.UserID); return err },
		"removal":  func() error { return w.RemoveMember(w.ctx, ada, id, bob.UserID) },
		"roles":    func() error { _, err := w.SetMemberRole(w.ctx, ada, id, bob.UserID, chat.RoomAdmin); return err },
		"adding":   func() error { _, err := w.AddMember(w.ctx, chat.Operator, id, eve.UserID, chat.RoomMember); return err },
	} {
		t.Run("a direct room has no "+name, func(t *testing.T) {
			if err := attempt(); chat.CodeOf(err) != "direct_room" {
				t.Errorf("got %v", err)
			}
		})
	}
	_, err = w.Join(w.ctx, eve, id)
	w.want(err, "room_not_found")
	_, _, err = w.DirectRoom(w.ctx, ada, ada.UserID)
	w.want(err, "target_is_self")
	_, _, err = w.DirectRoom(w.ctx, ada, "nobody")
	w.want(err, "user_not_found")
	_, _, err = w.DirectRoom(w.ctx, chat.Operator, ada.UserID)
	w.want(err, "person_needed")
}

func TestBlockedPeopleDoNotTalk(t *testing.T) {
	w := newWorld(t)
	ada, bob, eve := w.user("ada"), w.user("bob"), w.user("eve")
	id := w.direct(ada, bob)
	first := w.say(bob, id, "hello")
	w.must(w.Block(w.ctx, ada, bob.UserID))
	w.must(w.Block(w.ctx, ada, eve.UserID))
	for _, tc := range []struct {
		name    string
		attempt func() error
	}{
		{"the blocked one cannot write", func() error {
			_, _, err := w.SendMessage(w.ctx, bob, core.NewMessage{RoomID: id, Content: "x"})
			return err
		}},
		{"nor the one who blocks", func() error {
			_, _, err := w.SendMessage(w.ctx, ada, core.NewMessage{RoomID: id, Content: "x"})
			return err
		}},
		{"nor edit", func() error { _, err := w.EditMessage(w.ctx, bob, first.ID, "y", nil); return err }},
		{"nor react", func() error { _, _, err := w.React(w.ctx, bob, first.ID, "👍"); return err }},
		{"nor type", func() error { return w.Typing(w.ctx, bob, id, 0, true) }},
		{"the room is not handed out", func() error { _, _, err := w.DirectRoom(w.ctx, bob, ada.UserID); return err }},
		{"nor is a new one made by the blocked", func() error { _, _, err := w.DirectRoom(w.ctx, eve, ada.UserID); return err }},
		{"nor by the one who blocks", func() error { _, _, err := w.DirectRoom(w.ctx, ada, eve.UserID); return err }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := tc.attempt(); chat.CodeOf(err) != "blocked" {
				t.Errorf("got %v", err)
			}
		})
	}
	if _, err := w.Messages(w.ctx, bob, id, chat.MessagesQuery{}); err != nil {
		t.Errorf("history can be read: %v", err)
	}
	w.must(w.Unblock(w.ctx, ada, bob.UserID))
	w.say(bob, id, "again")
}

func TestOneDirectRoomForTwoRacers(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.user("ada"), w.user("bob")
	var mu sync.Mutex
	ids, made := map[chat.RoomID]bool{}, 0
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			by, other := ada, bob
			if i%2 == 1 {
				by, other = bob, ada
			}
			view, created, err := w.DirectRoom(w.ctx, by, other.UserID)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			ids[view.Room.ID] = true
			if created {
				made++
			}
		})
	}
	group.Wait()
	if len(ids) != 1 || made != 1 {
		t.Errorf("%d rooms, made %d times", len(ids), made)
	}
}

func TestUpdateRoom(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.user("ada"), w.user("bob")
	id := w.room("Tea", chat.Public, ada, bob)
	w.room("Coffee", chat.Public, ada)
	change := func(by chat.Actor, ch core.RoomChange) (chat.Room, error) {
		view, err := w.UpdateRoom(w.ctx, by, id, ch)
		return view.Room, err
	}
	private, public, direct, yes, no := chat.Private, chat.Public, chat.Direct, true, false
	text := func(s string) *string { return &s }
	for _, tc := range []struct {
		name string
		by   chat.Actor
		ch   core.RoomChange
		code string
	}{
		{"a member changes nothing", bob, core.RoomChange{Name: text("Mine")}, "manage_room_forbidden"},
		{"a name stays needed", ada, core.RoomChange{Name: text(" ")}, "room_name_invalid"},
		{"a taken slug is refused", ada, core.RoomChange{Slug: text("coffee")}, "slug_taken"},
		{"a bad slug is refused", ada, core.RoomChange{Slug: text("ü")}, "slug_invalid"},
		{"a long description is refused", ada, core.RoomChange{Description: text(strings.Repeat("x", 1001))}, "description_too_long"},
		{"a script is no picture", ada, core.RoomChange{AvatarURL: text("javascript:alert(1)")}, "avatar_url_invalid"},
		{"nor is another host's path", ada, core.RoomChange{AvatarURL: text("//evil.example/x")}, "avatar_url_invalid"},
		{"a room cannot become direct", ada, core.RoomChange{Type: &direct}, "room_type_invalid"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := change(tc.by, tc.ch); chat.CodeOf(err) != tc.code {
				t.Errorf("got %v, want %q", err, tc.code)
			}
		})
	}
	w.told()
	room, err := change(ada, core.RoomChange{Name: text("Green tea"), Topic: text("sencha"), AvatarURL: text("/api/x"), Type: &private})
	w.must(err)
	if room.Name != "Green tea" || room.Topic != "sencha" || room.Type != chat.Private || room.Slug != "tea" || room.Version != 2 {
		t.Errorf("became %+v", room)
	}
	if events := w.told(); len(events) != 1 || events[0].(chat.RoomChanged).Room.Name != "Green tea" {
		t.Errorf("told %v", events)
	}
	if _, err := change(ada, core.RoomChange{Name: text("Green tea")}); err != nil || len(w.told()) != 0 {
		t.Errorf("no change, and yet told; %v", err)
	}
	if room, err = change(ada, core.RoomChange{Slug: text(""), Type: &public}); err != nil || room.Slug != "green-tea" {
		t.Errorf("a public room got the slug %q, %v", room.Slug, err)
	}
	if _, err = change(ada, core.RoomChange{Archived: &yes}); err != nil {
		t.Fatal(err)
	}
	_, _, err = w.SendMessage(w.ctx, bob, core.NewMessage{RoomID: id, Content: "x"})
	w.want(err, "room_archived")
	_, err = w.Join(w.ctx, w.user("eve"), id)
	w.want(err, "join_forbidden")
	if _, err = change(ada, core.RoomChange{Archived: &no}); err != nil {
		t.Fatal(err)
	}
	w.say(bob, id, "open again")
	entries, _, err := w.Audit(w.ctx, chat.Operator, chat.AuditFilter{RoomID: id, Action: "room.update"}, chat.Page{Limit: 10})
	if err != nil || len(entries) != 4 || entries[0].ActorID != ada.UserID {
		t.Errorf("audited %d changes, %v", len(entries), err)
	}
}

func TestDeleteRoom(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.user("ada"), w.user("bob")
	id := w.room("Tea", chat.Public, ada, bob)
	msg := w.say(bob, id, "soon gone")
	_, err := w.SetMemberRole(w.ctx, ada, id, bob.UserID, chat.RoomAdmin)
	w.must(err)
	w.want(w.DeleteRoom(w.ctx, bob, id, "tea"), "delete_room_forbidden")
	w.want(w.DeleteRoom(w.ctx, ada, id, ""), "confirm_needed")
	w.want(w.DeleteRoom(w.ctx, ada, id, "Green tea"), "confirm_needed")
	w.want(w.DeleteRoom(w.ctx, w.user("eve"), id, "tea"), "delete_room_forbidden")
	w.told()
	w.must(w.DeleteRoom(w.ctx, ada, id, "TEA"))
	events := w.told()
	if len(events) != 1 || len(events[0].(chat.RoomDeleted).Members) != 2 {
		t.Errorf("told %v", events)
	}
	_, err = w.Room(w.ctx, ada, id)
	w.want(err, "room_not_found")
	_, err = w.Message(w.ctx, bob, msg.ID)
	w.want(err, "message_not_found")
	_, err = w.Messages(w.ctx, bob, id, chat.MessagesQuery{})
	w.want(err, "room_not_found")
	other := w.room("No slug", chat.Private, ada)
	w.want(w.DeleteRoom(w.ctx, ada, other, ""), "confirm_needed")
	w.must(w.DeleteRoom(w.ctx, ada, other, other.String()))
	if entries, _, err := w.Audit(w.ctx, chat.Operator, chat.AuditFilter{Action: "room.delete"}, chat.Page{Limit: 10}); err != nil || len(entries) != 2 {
		t.Errorf("audited %d deletions, %v", len(entries), err)
	}
}

func TestTransferRoom(t *testing.T) {
	w := newWorld(t)
	ada, bob, eve := w.user("ada"), w.user("bob"), w.user("eve")
	id := w.room("Tea", chat.Private, ada, bob)
	_, err := w.TransferRoom(w.ctx, bob, id, bob.UserID)
	w.want(err, "transfer_forbidden")
	_, err = w.TransferRoom(w.ctx, ada, id, eve.UserID)
	w.want(err, "member_not_found")
	_, err = w.TransferRoom(w.ctx, eve, id, eve.UserID)
	w.want(err, "room_not_found")
	view, err := w.TransferRoom(w.ctx, ada, id, bob.UserID)
	w.must(err)
	if view.Room.OwnerID != bob.UserID || view.Me.Role != chat.RoomAdmin {
		t.Errorf("the room belongs to %s, the actor is %s", view.Room.OwnerID, view.Me.Role)
	}
	_, err = w.TransferRoom(w.ctx, ada, id, ada.UserID)
	w.want(err, "transfer_forbidden")
	w.must(w.Leave(w.ctx, ada, id))

	official, err := w.CreateRoom(w.ctx, chat.Operator, core.NewRoom{Name: "News", Type: chat.Public, Official: true})
	w.must(err)
	_, err = w.AddMember(w.ctx, chat.Operator, official.Room.ID, bob.UserID, chat.RoomMember)
	w.must(err)
	_, err = w.TransferRoom(w.ctx, chat.Operator, official.Room.ID, bob.UserID)
	w.want(err, "transfer_forbidden")
}

func TestOneTransferOfTwoRacers(t *testing.T) {
	w := newWorld(t)
	ada, bob, eve := w.user("ada", chat.RoleAdmin), w.user("bob"), w.user("eve")
	for range 20 {
		id := w.room("Tea", chat.Private, ada, bob, eve)
		codes := make([]string, 2)
		start := make(chan struct{})
		var group sync.WaitGroup
		for i, heir := range []chat.Actor{bob, eve} {
			group.Go(func() {
				<-start
				_, err := w.TransferRoom(w.ctx, ada, id, heir.UserID)
				codes[i] = chat.CodeOf(err)
			})
		}
		close(start)
		group.Wait()
		if !(codes[0] == "" && codes[1] == "transfer_forbidden" || codes[1] == "" && codes[0] == "transfer_forbidden") {
			t.Fatalf("the two ended with %q", codes)
		}
		members, _, err := w.Members(w.ctx, ada, id, chat.Page{})
		w.must(err)
		owners := 0
		for _, m := range members {
			if m.Member.Role == chat.RoomOwner {
				owners++
			}
		}
		if owners != 1 {
			t.Fatalf("%d owners", owners)
		}
	}
}
