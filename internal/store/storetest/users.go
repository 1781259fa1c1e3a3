package storetest

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

var userCount atomic.Int64

// person is a new user, not stored yet.
func person(username string) *chat.User {
	return &chat.User{
		ID:       chat.UserID(fmt.Sprintf("01950000-0000-7000-8000-%012d", userCount.Add(1))),
		Username: username, DisplayName: username, Kind: chat.Person, Status: chat.Online, CreatedAt: Start,
	}
}

// addUsers stores people and returns them.
func (w *world) addUsers(usernames ...string) []*chat.User {
	w.Helper()
	users := make([]*chat.User, len(usernames))
	for i, name := range usernames {
		users[i] = w.addPerson(person(name))
	}
	return users
}

// addUser stores one person and returns the id.
func (w *world) addUser(username string) chat.UserID {
	w.Helper()
	return w.addUsers(username)[0].ID
}

func (w *world) addPerson(u *chat.User) (stored *chat.User) {
	w.Helper()
	w.change(func(tx core.Tx) (err error) {
		stored, err = tx.CreateUser(w.ctx, u)
		return err
	})
	return stored
}

// updateUser changes a stored user.
func (w *world) updateUser(id chat.UserID, set func(u *chat.User)) error {
	w.Helper()
	return w.try(func(tx core.Tx) error {
		u, err := tx.User(w.ctx, id)
		if err != nil {
			return err
		}
		changed := *u
		set(&changed)
		return tx.UpdateUser(w.ctx, &changed)
	})
}

func usernames(users []*chat.User) []string {
	return pick(users, func(u *chat.User) string { return u.Username })
}

func init() {
	tell("users",
		story{"a user is read back as stored, by id, name and number", userReadBack},
		story{"numbers grow", userNumbers},
		story{"people are listed in the order they came, bots not", userPeople},
		story{"the name of a deleted account is kept", userDeparted},
		story{"a username is unique without regard to case", usernameUnique},
		story{"a rename keeps the password login and frees the old name", userRename},
		story{"an update changes everything but what is fixed", userUpdate},
		story{"who is not there is user_not_found", userUnknown},
		story{"lists of users leave out who is unknown and name nobody twice", userLists},
		story{"a long list of ids is answered whole", userLongList},
		story{"search finds the beginning of every word of a name", userSearch},
		story{"search leaves out disabled accounts and keeps the limit", userSearchUsable},
		story{"a changed name is found by its new words only", userSearchRenamed},
		story{"the operator's list is paged in the order of numbers", userPages},
		story{"the operator's list is narrowed by text, role and state", userFilters},
		story{"rank is the highest system role", userRank},
		story{"roles keep the order they were given in", userRoleOrder},
		story{"unknown roles are refused", userUnknownRole},
		story{"an owner exists once somebody has the role", ownerExists},
		story{"a deleted user leaves nothing of their own", userDelete},
	)
}

func userReadBack(w *world) {
	u := &chat.User{
		ID: person("").ID, Username: "Ada_L", DisplayName: "Ada Lovelace", Kind: chat.Bot, AvatarURL: "/a.png", Bio: "Notes\nG", Email: "ada@example.org",
		Status: chat.Busy, StatusMessage: "computing", Settings: raw(`{"theme":"dark"}`), Roles: []chat.RoleID{chat.RoleUser, chat.RoleModerator},
		CreatedAt: Start, LastSeenAt: Start.Add(time.Millisecond), DisabledAt: Start.Add(time.Hour),
	}
	stored := w.addPerson(u)
	want := *u
	want.Number, want.Rank = stored.Number, chat.RankModerator
	same(w, "created", *stored, want)
	for _, name := range []string{"Ada_L", "ada_l", "ADA_L"} {
		same(w, "by name", *must(w.UserByName(w.ctx, name)), want)
	}
	same(w, "by id", *must(w.User(w.ctx, u.ID)), want)
	same(w, "by number", *must(w.UserByNumber(w.ctx, stored.Number)), want)

	plain := w.addPerson(person("plain"))
	if plain.Settings != nil || plain.Roles != nil || !plain.LastSeenAt.IsZero() || !plain.DisabledAt.IsZero() || plain.Rank != chat.RankMember {
		w.Fatalf("what was never set is not zero: %+v", plain)
	}
}

func userPeople(w *world) {
	users := w.addUsers("a", "b", "c")
	bot := person("helper")
	bot.Kind = chat.Bot
	w.addPerson(bot)
	d := w.addUsers("d")[0]
	ids, last, err := w.People(w.ctx, 0, 3)
	w.wantCode(err, "")
	same(w, "first page", ids, []chat.UserID{users[0].ID, users[1].ID, users[2].ID})
	same(w, "its last number", last, users[2].Number)
	ids, _, err = w.People(w.ctx, last, 3)
	w.wantCode(err, "")
	same(w, "second page", ids, []chat.UserID{d.ID})
	ids, _, err = w.People(w.ctx, d.Number, 3)
	w.wantCode(err, "")
	same(w, "after the last", len(ids), 0)
}

func userDeparted(w *world) {
	ada := w.addUser("Ada")
	w.wantCode(w.updateUser(ada, func(u *chat.User) { u.ExternalName = "ada.l" }), "")
	_, err := w.Departed(w.ctx, ada)
	w.wantCode(err, "user_not_found")
	w.change(func(tx core.Tx) error { return tx.DeleteUser(w.ctx, ada) })
	same(w, "what is kept", must(w.Departed(w.ctx, ada)), chat.Departed{UserID: ada, Username: "Ada", ExternalName: "ada.l"})
}

func userNumbers(w *world) {
	users := w.addUsers("a", "b", "c")
	if users[0].Number < 1 || users[1].Number <= users[0].Number || users[2].Number <= users[1].Number {
		w.Fatalf("numbers %d, %d, %d", users[0].Number, users[1].Number, users[2].Number)
	}
	w.change(func(tx core.Tx) error { return tx.DeleteUser(w.ctx, users[2].ID) })
	if again := w.addUsers("c")[0]; again.Number <= users[2].Number {
		w.Fatalf("number %d was used before", again.Number)
	}
}

func usernameUnique(w *world) {
	w.addUsers("ada")
	w.refused("username_taken", func(tx core.Tx) error {
		_, err := tx.CreateUser(w.ctx, person("ADA"))
		return err
	})
	bob := w.addUser("bob")
	w.wantCode(w.updateUser(bob, func(u *chat.User) { u.Username = "Ada" }), "username_taken")
	same(w, "bob's name", must(w.User(w.ctx, bob)).Username, "bob")

	w.change(func(tx core.Tx) error { // the transaction goes on after a refusal
		_, err := tx.CreateUser(w.ctx, person("Bob"))
		w.wantCode(err, "username_taken")
		_, err = tx.CreateUser(w.ctx, person("carol"))
		return err
	})
	must(w.UserByName(w.ctx, "carol"))
}

func userRename(w *world) {
	ada, eve := w.addUser("ada"), w.addUser("eve")
	w.change(func(tx core.Tx) error {
		for _, i := range []chat.Identity{
			{Provider: chat.ProviderPassword, Subject: "ada", UserID: ada, Secret: "one"},
			{Provider: "oidc:x", Subject: "ada", UserID: ada},
			{Provider: chat.ProviderPassword, Subject: "eve", UserID: eve, Secret: "two"},
		} {
			if err := tx.PutIdentity(w.ctx, i); err != nil {
				return err
			}
		}
		return nil
	})
	w.wantCode(w.updateUser(ada, func(u *chat.User) { u.Username = "Countess" }), "")
	same(w, "identities", must(w.IdentitiesOf(w.ctx, ada)), []chat.Identity{
		{Provider: "oidc:x", Subject: "ada", UserID: ada},
		{Provider: chat.ProviderPassword, Subject: "countess", UserID: ada, Secret: "one"},
	})
	_, err := w.Identity(w.ctx, chat.ProviderPassword, "ada")
	w.wantCode(err, "not_found")
	_, err = w.UserByName(w.ctx, "ada")
	w.wantCode(err, "user_not_found")

	w.wantCode(w.updateUser(eve, func(u *chat.User) { u.Username = "Ada" }), "")
	same(w, "who logs in as ada", must(w.Identity(w.ctx, chat.ProviderPassword, "ada")).UserID, eve)
	w.wantCode(w.updateUser(eve, func(u *chat.User) { u.Username = "ADA" }), "") // one's own name in another case
	same(w, "shown name", must(w.UserByName(w.ctx, "ada")).Username, "ADA")
}

func userUpdate(w *world) {
	before := w.addPerson(person("ada"))
	w.change(func(tx core.Tx) error { return tx.SetUserRoles(w.ctx, before.ID, []chat.RoleID{chat.RoleAdmin}) })
	next := chat.User{
		ID: before.ID, Number: 999, Username: "ada2", DisplayName: "Ada II", Kind: chat.Bot, AvatarURL: "/b", Bio: "bio", Email: "e@example.org",
		Status: chat.Away, StatusMessage: "out", Settings: raw(`[]`), Roles: []chat.RoleID{chat.RoleOwner},
		CreatedAt: Start.Add(time.Hour), LastSeenAt: Start.Add(time.Minute), DisabledAt: Start.Add(time.Second),
	}
	w.change(func(tx core.Tx) error { return tx.UpdateUser(w.ctx, &next) })
	want := next
	want.Number, want.Kind, want.CreatedAt = before.Number, before.Kind, before.CreatedAt
	want.Roles, want.Rank = []chat.RoleID{chat.RoleAdmin}, chat.RankAdmin
	same(w, "updated", *must(w.User(w.ctx, before.ID)), want)

	w.wantCode(w.updateUser(before.ID, func(u *chat.User) { u.Settings, u.DisabledAt, u.Email = nil, time.Time{}, "" }), "")
	u := must(w.User(w.ctx, before.ID))
	if u.Settings != nil || !u.DisabledAt.IsZero() || u.Email != "" {
		w.Fatalf("not cleared: %+v", u)
	}
}

func userUnknown(w *world) {
	ghost := person("ghost")
	_, err := w.User(w.ctx, ghost.ID)
	w.wantCode(err, "user_not_found")
	_, err = w.User(w.ctx, "")
	w.wantCode(err, "user_not_found")
	_, err = w.UserByName(w.ctx, "ghost")
	w.wantCode(err, "user_not_found")
	_, err = w.UserByNumber(w.ctx, 4711)
	w.wantCode(err, "user_not_found")
	w.refused("user_not_found", func(tx core.Tx) error { return tx.UpdateUser(w.ctx, ghost) })
	w.refused("user_not_found", func(tx core.Tx) error { return tx.DeleteUser(w.ctx, ghost.ID) })
	w.refused("user_not_found", func(tx core.Tx) error { return tx.SetUserRoles(w.ctx, ghost.ID, nil) })
}

func userLists(w *world) {
	users := w.addUsers("ada", "bob", "carol")
	found := must(w.Users(w.ctx, []chat.UserID{users[0].ID, "nobody", users[2].ID, users[0].ID}))
	same(w, "by id", sorted(usernames(found)), []string{"ada", "carol"})
	found = must(w.UsersByName(w.ctx, []string{"BOB", "bob", "", "nobody", "Carol"}))
	same(w, "by name", sorted(usernames(found)), []string{"bob", "carol"})
	if found := must(w.Users(w.ctx, nil)); len(found) != 0 {
		w.Fatalf("no ids found %v", usernames(found))
	}
	if found := must(w.UsersByName(w.ctx, []string{})); len(found) != 0 {
		w.Fatalf("no names found %v", usernames(found))
	}
}

func userLongList(w *world) {
	ids := make([]chat.UserID, 1300)
	w.change(func(tx core.Tx) error {
		for i := range ids {
			u, err := tx.CreateUser(w.ctx, person(fmt.Sprintf("user%d", i)))
			if err != nil {
				return err
			}
			ids[i] = u.ID
		}
		return nil
	})
	found := must(w.Users(w.ctx, slices.Concat(ids, ids)))
	same(w, "found", len(found), len(ids))
}

func userSearch(w *world) {
	named := func(username, display string) {
		u := person(username)
		u.DisplayName = display
		w.addPerson(u)
	}
	named("ada", "Ada Lovelace")
	named("grace_h", "Grace Hopper")
	named("crumb", "Crème Brûlée")
	named("love", "Someone")
	for _, c := range []struct {
		name, prefix string
		want         []string
	}{
		{"the beginning of a username, of a display name and of a word of one", "a", []string{"ada"}},
		{"a word inside a display name", "hopp", []string{"grace_h"}},
		{"the exact match comes first", "love", []string{"love", "ada"}},
		{"more than one word", "ada lov", []string{"ada"}},
		{"case and accents do not matter", "BRUL", []string{"crumb"}},
		{"a username with its underscore", "grace_", []string{"grace_h"}},
		{"a part that begins no word", "vela", nil},
		{"pattern characters are no patterns", "%", nil},
		{"the empty prefix finds nobody", "", nil},
	} {
		found := must(w.SearchUsers(w.ctx, c.prefix, 10))
		if !slices.Equal(usernames(found), c.want) {
			w.Errorf("%s: %q found %v, want %v", c.name, c.prefix, usernames(found), c.want)
		}
	}
}

func userSearchUsable(w *world) {
	users := w.addUsers("bea", "ben", "bill", "bob")
	w.wantCode(w.updateUser(users[1].ID, func(u *chat.User) { u.DisabledAt = Start }), "")
	same(w, "usable", usernames(must(w.SearchUsers(w.ctx, "b", 10))), []string{"bea", "bill", "bob"})
	same(w, "limited", usernames(must(w.SearchUsers(w.ctx, "b", 2))), []string{"bea", "bill"})
	same(w, "none asked for", len(must(w.SearchUsers(w.ctx, "b", 0))), 0)
}

func userSearchRenamed(w *world) {
	ada := w.addUser("ada")
	w.wantCode(w.updateUser(ada, func(u *chat.User) { u.DisplayName = "The Countess" }), "")
	same(w, "new name", usernames(must(w.SearchUsers(w.ctx, "count", 10))), []string{"ada"})
	w.wantCode(w.updateUser(ada, func(u *chat.User) { u.DisplayName = "Ada" }), "")
	same(w, "old name", len(must(w.SearchUsers(w.ctx, "count", 10))), 0)
}

func userPages(w *world) {
	w.addUsers("a", "b", "c", "d", "e")
	read := func(p chat.Page) ([]*chat.User, string, error) { return w.ListUsers(w.ctx, core.UserQuery{Page: p}) }
	same(w, "pages", usernames(walk(w, 2, nil, read)), strings.Split("abcde", ""))
	added := false
	same(w, "pages while someone registers", usernames(walk(w, 2, func() {
		if !added {
			added = true
			w.addUsers("f")
		}
	}, read)), strings.Split("abcdef", ""))
	badCursors(w, read)
}

func userFilters(w *world) {
	users := w.addUsers("ada", "bob", "carol_x")
	w.wantCode(w.updateUser(users[1].ID, func(u *chat.User) { u.DisabledAt, u.DisplayName = Start, "Robert Crème" }), "")
	w.change(func(tx core.Tx) error {
		return tx.SetUserRoles(w.ctx, users[2].ID, []chat.RoleID{chat.RoleUser, chat.RoleAdmin})
	})
	yes, no := true, false
	for _, c := range []struct {
		name  string
		query core.UserQuery
		want  []string
	}{
		{"nothing narrows", core.UserQuery{}, []string{"ada", "bob", "carol_x"}},
		{"a part of a username", core.UserQuery{Text: "AR"}, []string{"carol_x"}},
		{"a part of a display name, folded", core.UserQuery{Text: "t crem"}, []string{"bob"}},
		{"a pattern is no pattern", core.UserQuery{Text: "%"}, []string{"ada", "bob", "carol_x"}},
		{"a role", core.UserQuery{Rank: "admin"}, []string{"carol_x"}},
		{"a role nobody has", core.UserQuery{Rank: "owner"}, nil},
		{"disabled ones", core.UserQuery{Disabled: &yes}, []string{"bob"}},
		{"usable ones", core.UserQuery{Disabled: &no}, []string{"ada", "carol_x"}},
		{"all of it together", core.UserQuery{Text: "carol", Rank: "admin", Disabled: &no}, []string{"carol_x"}},
	} {
		c.query.Page.Limit = 50
		found, next, err := w.ListUsers(w.ctx, c.query)
		if err != nil || next != "" || !slices.Equal(usernames(found), c.want) {
			w.Errorf("%s: %v, next %q, error %v, want %v", c.name, usernames(found), next, err, c.want)
		}
	}
}

func userRank(w *world) {
	custom := chat.Role{ID: "01950000-0000-7000-9000-000000000001", Name: "painter", Position: 9}
	w.change(func(tx core.Tx) error { return tx.PutRole(w.ctx, custom) })
	ada := w.addUser("ada")
	for _, c := range []struct {
		name  string
		roles []chat.RoleID
		want  chat.Rank
	}{
		{"nothing gives the lowest rank", nil, chat.RankMember},
		{"the user role gives the lowest rank", []chat.RoleID{chat.RoleUser}, chat.RankMember},
		{"a custom role gives the lowest rank", []chat.RoleID{custom.ID}, chat.RankMember},
		{"moderator", []chat.RoleID{custom.ID, chat.RoleModerator}, chat.RankModerator},
		{"the highest of several, in any order", []chat.RoleID{chat.RoleModerator, chat.RoleOwner, chat.RoleAdmin}, chat.RankOwner},
		{"admin", []chat.RoleID{chat.RoleAdmin}, chat.RankAdmin},
	} {
		w.change(func(tx core.Tx) error { return tx.SetUserRoles(w.ctx, ada, c.roles) })
		if u := must(w.User(w.ctx, ada)); u.Rank != c.want {
			w.Errorf("%s: %v, want %v", c.name, u.Rank, c.want)
		}
	}
}

func userRoleOrder(w *world) {
	ada := w.addUser("ada")
	w.change(func(tx core.Tx) error {
		return tx.SetUserRoles(w.ctx, ada, []chat.RoleID{chat.RoleUser, chat.RoleOwner, chat.RoleUser, chat.RoleAdmin})
	})
	same(w, "roles", must(w.User(w.ctx, ada)).Roles, []chat.RoleID{chat.RoleUser, chat.RoleOwner, chat.RoleAdmin})
	w.change(func(tx core.Tx) error {
		return tx.SetUserRoles(w.ctx, ada, []chat.RoleID{chat.RoleAdmin, chat.RoleUser})
	})
	same(w, "roles set anew", must(w.User(w.ctx, ada)).Roles, []chat.RoleID{chat.RoleAdmin, chat.RoleUser})
}

func userUnknownRole(w *world) {
	ada := w.addUser("ada")
	w.refused("not_found", func(tx core.Tx) error { return tx.SetUserRoles(w.ctx, ada, []chat.RoleID{chat.RoleUser, "nothing"}) })
	w.refused("not_found", func(tx core.Tx) error {
		u := person("bob")
		u.Roles = []chat.RoleID{"nothing"}
		_, err := tx.CreateUser(w.ctx, u)
		return err
	})
	_, err := w.UserByName(w.ctx, "bob")
	w.wantCode(err, "user_not_found")
}

func ownerExists(w *world) {
	ada := w.addUser("ada")
	w.change(func(tx core.Tx) error { return tx.SetUserRoles(w.ctx, ada, []chat.RoleID{chat.RoleAdmin}) })
	same(w, "owner exists", must(w.OwnerExists(w.ctx)), false)
	w.change(func(tx core.Tx) error {
		if err := tx.SetUserRoles(w.ctx, ada, []chat.RoleID{chat.RoleOwner}); err != nil {
			return err
		}
		same(w, "owner exists inside the transaction", must(tx.OwnerExists(w.ctx)), true)
		return nil
	})
	same(w, "owner exists", must(w.OwnerExists(w.ctx)), true)
}

func userDelete(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	room := w.addRoom(chat.Room{Name: "Lab", Type: chat.Public}, ada, bob)
	said := w.say(room, ada, "hello")
	w.change(func(tx core.Tx) error {
		if err := tx.PutIdentity(w.ctx, chat.Identity{Provider: chat.ProviderPassword, Subject: "ada", UserID: ada}); err != nil {
			return err
		}
		if err := tx.CreateSession(w.ctx, login("s1", ada)); err != nil {
			return err
		}
		if _, err := tx.PutBlock(w.ctx, chat.Block{UserID: bob, BlockedID: ada}); err != nil {
			return err
		}
		if err := tx.PutPushSubscription(w.ctx, chat.PushSubscription{UserID: ada, Endpoint: "https://push.example/1"}); err != nil {
			return err
		}
		if err := tx.PutInvite(w.ctx, chat.Invite{Code: "foronlyada", RoomID: room, UserID: ada, CreatedAt: Start}); err != nil {
			return err
		}
		_, err := tx.CreateSanction(w.ctx, chat.Sanction{Kind: chat.Ban, UserID: ada, CreatedAt: Start})
		return err
	})
	w.change(func(tx core.Tx) error { return tx.DeleteUser(w.ctx, ada) })

	_, err := w.User(w.ctx, ada)
	w.wantCode(err, "user_not_found")
	_, err = w.Identity(w.ctx, chat.ProviderPassword, "ada")
	w.wantCode(err, "not_found")
	_, err = w.Session(w.ctx, "s1")
	w.wantCode(err, "not_found")
	_, err = w.Member(w.ctx, room, ada)
	w.wantCode(err, "member_not_found")
	_, err = w.Invite(w.ctx, "foronlyada")
	w.wantCode(err, "not_found")
	same(w, "blocks", len(must(w.Blocks(w.ctx, bob))), 0)
	same(w, "push", len(must(w.PushSubscriptions(w.ctx, ada))), 0)
	same(w, "search", len(must(w.SearchUsers(w.ctx, "ada", 10))), 0)
	same(w, "members", must(w.Room(w.ctx, room)).MemberCount, 1)
	same(w, "the message", must(w.Message(w.ctx, said.ID)).Content, "hello")
	same(w, "sanctions", len(must(w.LiveSanctions(w.ctx, ada, 0, Start))), 1)
	w.addUser("ada") // the name is free again
}
