package origin_test

import (
	"testing"

	"parley/internal/chat"
	"parley/internal/core"
)

func TestA06ChannelListIsFiltered(t *testing.T) { newWorld(t).play("channels_get", nil) }

func TestA26Channels(t *testing.T) { newWorld(t).play("channels", nil) }

// TestA27PermissionOrderAndOwner: the first of a person's roles that a list names decides, and the owner passes everything.
func TestA27PermissionOrderAndOwner(t *testing.T) {
	w := newWorld(t)
	alice := chat.Actor{UserID: w.people["alice"].ID}
	muted, err := w.core.PutRole(t.Context(), alice, chat.Role{Name: "muted"})
	if err != nil {
		t.Fatal(err)
	}
	give := func(name string, roles ...chat.RoleID) {
		t.Helper()
		if _, err := w.core.SetUserRoles(t.Context(), chat.Operator, w.people[name].ID, roles); err != nil {
			t.Fatal(err)
		}
	}
	give("alice", chat.RoleOwner)
	give("bob", muted.ID, chat.RoleUser)
	give("carol", chat.RoleUser, muted.ID)
	w.play("permission_order", nil)
	general, err := w.core.RoomBySlug(t.Context(), alice, "general")
	if err != nil {
		t.Fatal(err)
	}
	said, _, err := w.core.SendMessage(t.Context(), chat.Actor{UserID: w.people["carol"].ID}, core.NewMessage{RoomID: general.Room.ID, Content: "hi"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.core.DeleteMessage(t.Context(), alice, said.ID); err != nil {
		t.Errorf("the owner may not delete: %v", err)
	}
}

func TestServer(t *testing.T) { newWorld(t).play("server", nil) }

// TestChannelsMadeElsewhereAreShownAsTheyAre: rooms of other clients have permissions in the words of this protocol.
func TestChannelsMadeElsewhereAreShownAsTheyAre(t *testing.T) {
	w := newWorld(t)
	for _, n := range []core.NewRoom{
		{Name: "Open To All", Type: chat.Public, Official: true},
		{Name: "Held", Type: chat.Public, Official: true, Permissions: &chat.RoomPermissions{Denied: []chat.Permission{chat.ManageRooms},
			Lists: []chat.RoleList{{Right: chat.CanReact, Roles: []chat.RoleEntry{{RoleID: chat.RoleModerator}}}}}},
	} {
		if _, err := w.core.CreateRoom(t.Context(), chat.Operator, n); err != nil {
			t.Fatal(err)
		}
	}
	w.play("channels_elsewhere", nil)
}
