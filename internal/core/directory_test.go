package core_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

// channel makes a room of the server with permissions.
func (w *world) channel(name string, form chat.RoomForm, lists ...chat.RoleList) chat.RoomID {
	w.Helper()
	v, err := w.CreateRoom(w.ctx, chat.Operator, core.NewRoom{Name: name, Type: chat.Public, Form: form, Official: true, Permissions: &chat.RoomPermissions{Lists: lists}})
	w.must(err)
	return v.Room.ID
}

// allows makes a list of roles that have a right.
func allows(right chat.Right, roles ...chat.RoleID) chat.RoleList {
	l := chat.RoleList{Right: right}
	for _, r := range roles {
		deny := r[0] == '!'
		if deny {
			r = r[1:]
		}
		l.Roles = append(l.Roles, chat.RoleEntry{RoleID: r, Deny: deny})
	}
	return l
}

// channels names what somebody sees in the list of rooms.
func (w *world) channels(by chat.Actor) (names []string) {
	w.Helper()
	list, err := w.ServerDirectory(w.ctx, by)
	w.must(err)
	for _, r := range list {
		names = append(names, r.Room.Name)
	}
	return names
}

func (w *world) wantChannels(by chat.Actor, want ...string) {
	w.Helper()
	if got := w.channels(by); !slices.Equal(got, want) {
		w.Errorf("channels %q, want %q", got, want)
	}
}

func TestTheServersRoomsAreListedForEachPerson(t *testing.T) {
	w := newWorld(t)
	ada, bob, owner := w.user("ada"), w.user("bob"), w.user("owner", chat.RoleOwner)
	mod := w.user("mod", chat.RoleModerator)
	general := w.channel("general", chat.Text)
	w.channel("line", chat.Separator)
	staff := w.channel("staff", chat.Text, allows(chat.CanSee, chat.RoleModerator), allows(chat.CanRead, chat.RoleModerator))
	w.channel("lounge", chat.Voice)
	w.wantChannels(ada, "general", "line", "lounge")
	w.wantChannels(mod, "general", "line", "staff", "lounge")
	w.wantChannels(owner, "general", "line", "staff", "lounge")

	w.room("garden", chat.Public, ada, bob)
	w.room("secret", chat.Private, ada)
	w.room("elsewhere", chat.Public, owner)
	w.direct(ada, bob)
	_, err := w.CreateRoom(w.ctx, ada, core.NewRoom{Name: "sealed", Type: chat.Private, Encrypted: true})
	w.must(err)
	w.wantChannels(ada, "general", "line", "lounge", "garden", "secret")
	w.wantChannels(bob, "general", "line", "lounge", "garden")

	w.must(w.SetRoomPermissions(w.ctx, owner, staff, chat.RoomPermissions{}))
	w.wantChannels(ada, "general", "line", "staff", "lounge", "garden", "secret")
	w.must(w.SetRoomPermissions(w.ctx, owner, staff, chat.RoomPermissions{Lists: []chat.RoleList{allows(chat.CanSee, chat.RoleModerator)}}))
	w.must(w.SetGrant(w.ctx, owner, chat.Grant{RoomID: staff, UserID: bob.UserID, Right: chat.CanSee, Allow: true}))
	w.wantChannels(bob, "general", "line", "staff", "lounge", "garden")
	w.wantChannels(ada, "general", "line", "lounge", "garden", "secret")
	_, err = w.SetUserRoles(w.ctx, chat.Operator, ada.UserID, []chat.RoleID{chat.RoleModerator})
	w.must(err)
	w.wantChannels(ada, "general", "line", "staff", "lounge", "garden", "secret")

	_, err = w.Sanction(w.ctx, owner, core.Measure{Kind: chat.Ban, RoomID: general, UserID: bob.UserID})
	w.must(err)
	w.wantChannels(bob, "line", "staff", "lounge", "garden")
	w.must(w.Leave(w.ctx, bob, w.bySlug("garden")))
	w.wantChannels(bob, "line", "staff", "lounge")
	w.must(w.DeleteRoom(w.ctx, owner, staff, staff.String()))
	w.wantChannels(ada, "general", "line", "lounge", "garden", "secret")
	if _, err := w.ServerDirectory(w.ctx, chat.Actor{UserID: "nobody"}); chat.CodeOf(err) != "token_invalid" {
		t.Errorf("somebody without an account: %v", err)
	}
}

func (w *world) bySlug(slug string) chat.RoomID {
	w.Helper()
	r, err := w.store.RoomBySlug(w.ctx, slug)
	w.must(err)
	return r.ID
}

func TestAListOfRoomsSaysWhatWasSaidLast(t *testing.T) {
	w := newWorld(t)
	ada := w.user("ada")
	general := w.channel("general", chat.Text)
	w.channel("quiet", chat.Text)
	newest := func() chat.Said {
		t.Helper()
		list, err := w.ServerDirectory(w.ctx, ada)
		w.must(err)
		if list[1].Newest != (chat.Said{}) {
			t.Errorf("said in the quiet room: %+v", list[1].Newest)
		}
		return list[0].Newest
	}
	if got := newest(); got.MessageID != 0 {
		t.Errorf("before anything was said: %+v", got)
	}
	one := w.say(ada, general, "one")
	for _, from := range []string{"the store", "memory"} {
		w.wait(time.Second)
		two := w.say(ada, general, "two")
		if got := newest(); got.MessageID != two.ID || !got.At.Equal(two.CreatedAt) {
			t.Errorf("from %s: %+v, want %d", from, got, two.ID)
		}
		_, err := w.Join(w.ctx, w.user("joiner"+from[len(from)-2:]), general) // a line of the server's own comes last
		w.must(err)
		if got := newest(); got.MessageID != two.ID {
			t.Errorf("from %s, after somebody joined: %+v, want %d", from, got, two.ID)
		}
		_, err = w.DeleteMessage(w.ctx, ada, two.ID)
		w.must(err)
		if got := newest(); got.MessageID != one.ID {
			t.Errorf("from %s, after deleting: %+v, want %d", from, got, one.ID)
		}
		_, err = w.Messages(w.ctx, ada, general, chat.MessagesQuery{}) // brings the room into memory
		w.must(err)
	}
}

func TestMovingRooms(t *testing.T) {
	w := newWorld(t)
	owner, ada := w.user("owner", chat.RoleOwner), w.user("ada")
	keeper := w.user("keeper", w.role("keeper", chat.ManageRooms))
	a, b, c := w.channel("a", chat.Text), w.channel("b", chat.Separator), w.channel("c", chat.Voice)
	d := w.channel("d", chat.Text, allows(chat.CanSee, chat.RoleAdmin))
	garden := w.room("garden", chat.Public, ada)
	for _, tc := range []struct {
		name  string
		by    chat.Actor
		room  chat.RoomID
		index int
		code  string
		want  []string
	}{
		{"down", owner, a, 2, "", []string{"b", "c", "a", "d"}},
		{"to where it is", owner, a, 2, "", []string{"b", "c", "a", "d"}},
		{"up, by who manages rooms", keeper, c, 0, "", []string{"c", "b", "a", "d"}},
		{"one that they do not see", keeper, d, 1, "", []string{"c", "d", "b", "a"}},
		{"past the end is last", owner, c, 99, "", []string{"d", "b", "a", "c"}},
		{"before the beginning is first", owner, c, -1, "", []string{"c", "d", "b", "a"}},
		{"not without permission", ada, a, 0, "permission_missing", []string{"c", "d", "b", "a"}},
		{"not a person's room", owner, garden, 0, "room_not_found", []string{"c", "d", "b", "a"}},
		{"not one that is not there", owner, 4711, 0, "room_not_found", []string{"c", "d", "b", "a"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := w.channels(chat.Operator)
			w.told()
			if err := w.MoveRoom(w.ctx, tc.by, tc.room, tc.index); chat.CodeOf(err) != tc.code {
				t.Errorf("%v, want %q", err, tc.code)
			}
			if got := w.channels(chat.Operator); !slices.Equal(got, tc.want) {
				t.Errorf("order %q, want %q", got, tc.want)
			}
			if told := has(w.told(), func(chat.DirectoryChanged) bool { return true }); told == slices.Equal(before, tc.want) {
				t.Errorf("told: %v", told)
			}
		})
	}
	w.want(w.OrderRooms(w.ctx, ada, nil), "permission_missing")
	w.want(w.OrderRooms(w.ctx, owner, []chat.RoomID{a, a}), "order_invalid")
	w.want(w.OrderRooms(w.ctx, owner, []chat.RoomID{a, garden}), "order_invalid")
	w.want(w.OrderRooms(w.ctx, keeper, []chat.RoomID{a, c, b}), "") // d, which is not named, stays the second
	if got := w.channels(chat.Operator); !slices.Equal(got, []string{"a", "d", "c", "b"}) {
		t.Errorf("order %q", got)
	}
	w.channel("last", chat.Text)
	if got := w.channels(chat.Operator); got[4] != "last" {
		t.Errorf("a new room is not last: %q", got)
	}
	if _, err := w.AllServerRooms(w.ctx, ada); chat.CodeOf(err) != "permission_missing" {
		t.Errorf("all rooms for anybody: %v", err)
	}
	if all, err := w.AllServerRooms(w.ctx, keeper); err != nil || len(all) != 5 {
		t.Errorf("all rooms: %d, %v", len(all), err)
	}
}

// TestTheListOfRoomsIsWhatOneMayRead changes whatever can change rights in random order and compares the list, which comes from
// memory, with what the rules say of each room, and with what a node says that has nothing in memory.
func TestTheListOfRoomsIsWhatOneMayRead(t *testing.T) {
	w := newWorld(t)
	r := rand.New(rand.NewPCG(7, 11))
	owner := w.user("root", chat.RoleOwner)
	roles := []chat.RoleID{chat.RoleUser, chat.RoleModerator, w.role("herald"), w.role("keeper", chat.ManageRooms)}
	var people []chat.Actor
	for i := range 4 {
		people = append(people, w.user(fmt.Sprintf("p%d", i)))
	}
	var rooms []chat.RoomID
	for i := range 4 {
		rooms = append(rooms, w.channel(fmt.Sprintf("room%d", i), chat.Text))
	}
	rooms = append(rooms, w.room("own", chat.Private, people[0]), w.room("open", chat.Public, people[1]))
	some := func() (list []chat.RoleEntry) {
		for _, role := range roles {
			if r.IntN(2) == 0 {
				list = append(list, chat.RoleEntry{RoleID: role, Deny: r.IntN(3) == 0})
			}
		}
		r.Shuffle(len(list), func(i, k int) { list[i], list[k] = list[k], list[i] })
		return list
	}
	rights := []chat.Right{chat.CanSee, chat.CanRead, chat.CanSend}
	actions := []func(p chat.Actor, room chat.RoomID) error{
		func(_ chat.Actor, room chat.RoomID) error {
			return w.SetRoleList(w.ctx, chat.Operator, chat.RoleList{RoomID: room, Right: rights[r.IntN(3)], Roles: some()})
		},
		func(p chat.Actor, _ chat.RoomID) error {
			var list []chat.RoleID
			for _, e := range some() {
				list = append(list, e.RoleID)
			}
			_, err := w.SetUserRoles(w.ctx, chat.Operator, p.UserID, list)
			return err
		},
		func(p chat.Actor, room chat.RoomID) error {
			return w.SetGrant(w.ctx, chat.Operator, chat.Grant{RoomID: room, UserID: p.UserID, Right: rights[r.IntN(2)], Allow: r.IntN(2) == 0})
		},
		func(p chat.Actor, room chat.RoomID) error {
			return w.ClearGrant(w.ctx, chat.Operator, room, p.UserID, rights[r.IntN(2)])
		},
		func(p chat.Actor, room chat.RoomID) error { _, err := w.Join(w.ctx, p, room); return err },
		func(p chat.Actor, room chat.RoomID) error { return w.Leave(w.ctx, p, room) },
		func(p chat.Actor, room chat.RoomID) error {
			_, err := w.Sanction(w.ctx, owner, core.Measure{Kind: chat.Ban, RoomID: room, UserID: p.UserID})
			return err
		},
		func(p chat.Actor, room chat.RoomID) error {
			return w.Lift(w.ctx, owner, chat.Ban, room, p.UserID, "")
		},
		func(_ chat.Actor, room chat.RoomID) error {
			return w.SetRoomPermissions(w.ctx, chat.Operator, room, chat.RoomPermissions{Denied: []chat.Permission{chat.ManageRooms}[:r.IntN(2)]})
		},
		func(chat.Actor, chat.RoomID) error {
			return w.MoveRoom(w.ctx, owner, rooms[r.IntN(4)], r.IntN(4))
		},
	}
	done := 0
	for range 300 {
		err := actions[r.IntN(len(actions))](people[r.IntN(len(people))], rooms[r.IntN(len(rooms))])
		if e := (*chat.Error)(nil); err != nil && !errors.As(err, &e) {
			t.Fatal(err)
		}
		if err == nil {
			done++
		}
		for _, p := range people {
			list, err := w.ServerDirectory(w.ctx, p)
			w.must(err)
			var got, want []chat.RoomID
			for _, s := range list {
				got = append(got, s.Room.ID)
			}
			official, err := w.store.OfficialRooms(w.ctx)
			w.must(err)
			for _, room := range official {
				if w.Allow(w.ctx, p, chat.CanRead, room.ID) == nil {
					want = append(want, room.ID)
				}
			}
			for _, room := range rooms[4:] {
				if _, err := w.store.Member(w.ctx, room, p.UserID); err == nil && w.Allow(w.ctx, p, chat.CanRead, room) == nil {
					want = append(want, room)
				}
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%s is shown %v, may read %v", p.SessionID, got, want)
			}
		}
		fresh := w.channels(people[0])
		w.DropCaches()
		if again := w.channels(people[0]); !slices.Equal(fresh, again) {
			t.Fatalf("from memory %q, from the store %q", fresh, again)
		}
	}
	if done < 100 {
		t.Errorf("only %d actions were allowed", done)
	}
}

func TestRoomPermissions(t *testing.T) {
	w := newWorld(t)
	s := newStory(w, 0)
	herald := w.role("herald")
	keeper := w.user("keeper", w.role("keeper", chat.ManageRooms))
	channel := w.channel("news", chat.Text)
	p := func(lists ...chat.RoleList) chat.RoomPermissions { return chat.RoomPermissions{Lists: lists} }
	var full chat.RoleList
	for range 101 {
		full.Roles = append(full.Roles, chat.RoleEntry{RoleID: herald})
	}
	full.Right = chat.CanSend
	for _, tc := range []struct {
		name string
		by   chat.Actor
		room chat.RoomID
		p    chat.RoomPermissions
		code string
	}{
		{"members set none", s.member, s.public, p(), "manage_room_forbidden"},
		{"who cannot see the room is told nothing", s.stranger, s.private, p(), "room_not_found"},
		{"direct rooms have none", s.member, s.direct, p(allows(chat.CanSend, herald)), "manage_room_forbidden"},
		{"not even for the operator", chat.Operator, s.direct, p(allows(chat.CanSend, herald)), "direct_room"},
		{"a right must be known", s.admin, s.public, p(allows("fly", herald)), "right_invalid"},
		{"a right has one list", s.admin, s.public, p(allows(chat.CanSend, herald), allows(chat.CanSend)), "right_invalid"},
		{"a role must be there", s.admin, s.public, p(allows(chat.CanSend, "nothing")), "role_not_found"},
		{"a role is named once", s.admin, s.public, p(allows(chat.CanSend, herald, "!"+herald)), "roles_invalid"},
		{"a list has an end", s.admin, s.public, p(full), "roles_invalid"},
		{"a permission is a word", s.admin, s.public, chat.RoomPermissions{Denied: []chat.Permission{"a b"}}, "permissions_invalid"},
		{"admins do not hand on what makes admins", s.admin, s.public, p(allows(chat.CanSend, herald), allows(chat.CanManageMembers, herald)), "set_roles_forbidden"},
		{"admins set what members may", s.admin, s.public, p(allows(chat.CanSend, herald), allows(chat.CanReact, "!"+herald)), ""},
		{"owners set what admins may", s.owner, s.public, p(allows(chat.CanPin, herald)), ""},
		{"users set nothing in a room of the server", s.member, channel, p(), "manage_room_forbidden"},
		{"who manages rooms says who may delete in those of the server", keeper, channel, p(allows(chat.CanDelete, herald), allows(chat.CanSee, herald)), ""},
		{"but not who administers them", keeper, channel, p(allows(chat.CanManageMembers, herald)), "manage_members_forbidden"},
		{"nor in other rooms", keeper, s.public, p(allows(chat.CanSend, herald)), "manage_room_forbidden"},
		{"they still see what they hid from themselves", keeper, channel, p(), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before, err := w.RoomPermissions(w.ctx, chat.Operator, tc.room)
			if tc.room != s.direct {
				w.must(err)
			}
			w.told()
			if err := w.SetRoomPermissions(w.ctx, tc.by, tc.room, tc.p); chat.CodeOf(err) != tc.code {
				t.Errorf("%v, want %q", err, tc.code)
			}
			told := w.told()
			after, err := w.RoomPermissions(w.ctx, chat.Operator, tc.room)
			if tc.room != s.direct {
				w.must(err)
			}
			if tc.code != "" {
				if !equalPermissions(before, after) || len(told) > 0 {
					t.Errorf("something changed all the same: %+v, %v", after, told)
				}
				return
			}
			for _, right := range chat.Rights() {
				if !slices.Equal(after.List(right), tc.p.List(right)) {
					t.Errorf("%s: %v, want %v", right, after.List(right), tc.p.List(right))
				}
			}
			if !has(told, func(e chat.RolesChanged) bool { return e.RoomID == tc.room && e.UserID == "" }) {
				t.Error("nobody was told")
			}
			if has(told, func(e chat.DirectoryChanged) bool { return e.RoomID == tc.room }) != (tc.room == channel) {
				t.Error("a change of the server's rooms, and only that, changes their list")
			}
		})
	}
	entries, _, err := w.Audit(w.ctx, chat.Operator, chat.AuditFilter{RoomID: channel}, chat.Page{Limit: 1})
	w.must(err)
	if entries[0].Action != "room.permissions" || entries[0].ActorID != keeper.UserID {
		t.Errorf("audit %+v", entries)
	}
}

func equalPermissions(a, b chat.RoomPermissions) bool {
	return slices.Equal(a.Denied, b.Denied) && slices.EqualFunc(a.Lists, b.Lists, func(x, y chat.RoleList) bool {
		return x.Right == y.Right && slices.Equal(x.Roles, y.Roles)
	})
}

func TestARoomCanTakePermissionsOut(t *testing.T) {
	w := newWorld(t)
	channel := w.channel("news", chat.Text)
	janitor := w.user("janitor", w.role("janitor", chat.ManageMessages, chat.ManageRooms))
	w.want(w.Allow(w.ctx, janitor, chat.CanDelete, channel), "")
	w.must(w.SetRoomPermissions(w.ctx, janitor, channel, chat.RoomPermissions{Denied: []chat.Permission{chat.ManageMessages, chat.ManageMessages}}))
	w.want(w.Allow(w.ctx, janitor, chat.CanDelete, channel), "delete_forbidden")
	w.want(w.Allow(w.ctx, janitor, chat.CanManageRoom, channel), "")
	got, err := w.RoomPermissions(w.ctx, janitor, channel)
	w.must(err)
	if !slices.Equal(got.Denied, []chat.Permission{chat.ManageMessages}) {
		t.Errorf("denied %v", got.Denied)
	}
	w.must(w.SetRoomPermissions(w.ctx, janitor, channel, chat.RoomPermissions{}))
	w.want(w.Allow(w.ctx, janitor, chat.CanDelete, channel), "")
}

func TestARoomAndItsPermissionsAreMadeTogether(t *testing.T) {
	w := newWorld(t)
	keeper := w.user("keeper", w.role("keeper", chat.ManageRooms))
	ada := w.user("ada")
	w.told()
	n := core.NewRoom{Name: "News", Type: chat.Public, Official: true, Extra: map[string]json.RawMessage{"origin": json.RawMessage(`{"size":8}`)},
		Permissions: &chat.RoomPermissions{Lists: []chat.RoleList{allows(chat.CanSend, chat.RoleAdmin), allows(chat.CanDelete, chat.RoleAdmin)}}}
	v, err := w.CreateRoom(w.ctx, keeper, n)
	w.must(err)
	if string(v.Room.Extra) != `{"origin":{"size":8}}` {
		t.Errorf("extra %s", v.Room.Extra)
	}
	w.want(w.Allow(w.ctx, ada, chat.CanSend, v.Room.ID), "send_forbidden")
	if !has(w.told(), func(e chat.DirectoryChanged) bool { return e.RoomID == v.Room.ID }) {
		t.Error("nobody was told of the new room")
	}
	n.Permissions.Lists[0].Roles[0].RoleID = "nothing"
	_, err = w.CreateRoom(w.ctx, keeper, n)
	w.want(err, "role_not_found")
	full := errors.New("full")
	n.Permissions, n.Fits = nil, func(others []chat.Room) error {
		if len(others) != 1 || others[0].ID != v.Room.ID {
			t.Errorf("others %v", others)
		}
		return full
	}
	if _, err = w.CreateRoom(w.ctx, keeper, n); !errors.Is(err, full) {
		t.Errorf("a room that does not fit: %v", err)
	}
	w.wantChannels(ada, "News")
	_, err = w.CreateRoom(w.ctx, ada, core.NewRoom{Name: "Mine", Type: chat.Public, Permissions: &chat.RoomPermissions{Lists: []chat.RoleList{allows(chat.CanPin, chat.RoleUser)}}})
	w.want(err, "")
}

func TestChangingTheFormOfARoom(t *testing.T) {
	w := newWorld(t)
	text, voice, line, forum := w.channel("text", chat.Text), w.channel("voice", chat.Voice), w.channel("line", chat.Separator), w.channel("forum", chat.Forum)
	for _, tc := range []struct {
		name string
		room chat.RoomID
		form chat.RoomForm
		code string
	}{
		{"text becomes voice", text, chat.Voice, ""},
		{"and text again", text, chat.Text, ""},
		{"voice becomes a separator", voice, chat.Separator, ""},
		{"a separator becomes text", line, chat.Text, ""},
		{"a forum stays one", forum, chat.Text, "room_form_invalid"},
		{"which is no change", forum, chat.Forum, ""},
		{"nothing becomes a forum", text, chat.Forum, "room_form_invalid"},
		{"a form must be known", text, "opera", "room_form_invalid"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v, err := w.UpdateRoom(w.ctx, chat.Operator, tc.room, core.RoomChange{Form: &tc.form})
			if chat.CodeOf(err) != tc.code {
				t.Fatalf("%v, want %q", err, tc.code)
			}
			if err == nil && v.Room.Form != tc.form {
				t.Errorf("form %q", v.Room.Form)
			}
		})
	}
}

func TestSettingsOfARoomThatOneDialectKnows(t *testing.T) {
	w := newWorld(t)
	room := w.channel("news", chat.Text)
	set := func(settings string) (string, error) {
		v, err := w.UpdateRoom(w.ctx, chat.Operator, room, core.RoomChange{Extra: map[string]json.RawMessage{"origin": json.RawMessage(settings)}})
		return string(v.Room.Extra), err
	}
	_, err := w.UpdateRoom(w.ctx, chat.Operator, room, core.RoomChange{Extra: map[string]json.RawMessage{"other": json.RawMessage(`1`)}})
	w.must(err)
	for _, tc := range []struct{ settings, want, code string }{
		{`{"icon":"x"}`, `{"origin":{"icon":"x"},"other":1}`, ""},
		{`{"icon":"y"}`, `{"origin":{"icon":"y"},"other":1}`, ""},
		{`null`, `{"other":1}`, ""},
		{`"` + string(make([]byte, 8<<10)) + `"`, "", "extra_invalid"},
	} {
		got, err := set(tc.settings)
		if chat.CodeOf(err) != tc.code || err == nil && got != tc.want {
			t.Errorf("%.20s: %s, %v", tc.settings, got, err)
		}
	}
	name, list := "Newer", chat.RoomPermissions{Lists: []chat.RoleList{allows(chat.CanSend, "nothing")}}
	_, err = w.UpdateRoom(w.ctx, chat.Operator, room, core.RoomChange{Name: &name, Permissions: &list})
	w.want(err, "role_not_found")
	w.wantChannels(chat.Operator, "news") // all or nothing
	list.Lists[0].Roles[0].RoleID = chat.RoleAdmin
	_, err = w.UpdateRoom(w.ctx, chat.Operator, room, core.RoomChange{Name: &name, Permissions: &list})
	w.must(err)
	w.wantChannels(chat.Operator, "Newer")
	w.want(w.Allow(w.ctx, w.user("ada"), chat.CanSend, room), "send_forbidden")
}
