package core_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

func ptr[T any](v T) *T { return &v }

func TestPrivateFields(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.user("ada"), w.user("bob")
	_, err := w.UpdateProfile(w.ctx, ada, core.Profile{Email: ptr("ada@example.org"), Settings: json.RawMessage(`{"theme":"dark"}`)})
	w.must(err)
	for _, tc := range []struct {
		name  string
		see   func() (*chat.User, error)
		shown bool
	}{
		{"oneself", func() (*chat.User, error) { return w.Me(w.ctx, ada) }, true},
		{"oneself by id", func() (*chat.User, error) { return w.User(w.ctx, ada, ada.UserID) }, true},
		{"oneself by name", func() (*chat.User, error) { return w.UserByName(w.ctx, ada, "ADA") }, true},
		{"another person by id", func() (*chat.User, error) { return w.User(w.ctx, bob, ada.UserID) }, false},
		{"another person by name", func() (*chat.User, error) { return w.UserByName(w.ctx, bob, "ada") }, false},
		{"another person by search", func() (*chat.User, error) {
			users, err := w.SearchUsers(w.ctx, bob, "ad", 0)
			if len(users) != 1 {
				return nil, fmt.Errorf("found %d", len(users))
			}
			return users[0], err
		}, false},
		{"the operator", func() (*chat.User, error) { return w.User(w.ctx, chat.Operator, ada.UserID) }, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			u, err := tc.see()
			if err != nil {
				t.Fatal(err)
			}
			if u.ID != ada.UserID || (u.Email != "") != tc.shown || (u.Settings != nil) != tc.shown {
				t.Errorf("%+v", u)
			}
		})
	}
	_, err = w.User(w.ctx, bob, "nobody")
	w.want(err, "user_not_found")
	_, err = w.UserByName(w.ctx, bob, "nobody")
	w.want(err, "user_not_found")
	_, err = w.Me(w.ctx, chat.Actor{UserID: "nobody"})
	w.want(err, "token_invalid")
}

func TestSearchingForPeople(t *testing.T) {
	w := newWorld(t, func(o *core.Options) { o.Limits.SearchPerMinute = 4 })
	ada := w.user("ada")
	_, err := w.UpdateProfile(w.ctx, ada, core.Profile{DisplayName: ptr("Countess Lovelace")})
	w.must(err)
	gone := w.user("adam")
	w.must(w.SetDisabled(w.ctx, chat.Operator, gone.UserID, true))
	for _, tc := range []struct {
		name, q string
		limit   int
		found   int
		code    string
	}{
		{"by the beginning of the username", "AD", 0, 1, ""},
		{"by a word of the display name", "lovel", 50, 1, ""},
		{"not by the middle of a word", "velace", 0, 0, ""},
		{"nothing is asked", "", 0, 0, "query_invalid"},
		{"too much is asked", strings.Repeat("x", 51), 0, 0, "query_invalid"},
		{"not UTF-8", "\xff", 0, 0, "query_invalid"},
		{"too many are asked for", "ad", 51, 0, "limit_invalid"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			users, err := w.SearchUsers(w.ctx, ada, tc.q, tc.limit)
			if len(users) != tc.found || chat.CodeOf(err) != tc.code {
				t.Errorf("%d people, %v", len(users), err)
			}
		})
	}
	for range 5 {
		_, err := w.SearchUsers(w.ctx, ada, "x", 0)
		w.must(err)
	}
	_, err = w.SearchUsers(w.ctx, ada, "x", 0)
	w.want(err, "rate_limited")
}

func TestUpdatingTheProfile(t *testing.T) {
	w := newWorld(t)
	ada := w.user("ada")
	for _, tc := range []struct {
		name string
		p    core.Profile
		code string
	}{
		{"a display name must be legible", core.Profile{DisplayName: ptr("\u200b")}, "display_name_invalid"},
		{"a display name has 50 characters", core.Profile{DisplayName: ptr(strings.Repeat("é", 51))}, "display_name_invalid"},
		{"a bio has 500 characters", core.Profile{Bio: ptr(strings.Repeat("é", 501))}, "bio_too_long"},
		{"an e-mail address is one", core.Profile{Email: ptr("Ada <ada@example.org>")}, "email_invalid"},
		{"a picture is https", core.Profile{AvatarURL: ptr("javascript:alert(1)")}, "avatar_url_invalid"},
		{"a picture kept here is uploaded", core.Profile{AvatarURL: ptr(core.AvatarPath + strings.Repeat("a", 64))}, "avatar_url_invalid"},
		{"there are four statuses", core.Profile{Status: ptr(chat.Status("dancing"))}, "status_invalid"},
		{"a status message has 100 characters", core.Profile{StatusMessage: ptr(strings.Repeat("é", 101))}, "status_message_too_long"},
		{"a status message turns no text around", core.Profile{StatusMessage: ptr("\u202e")}, "status_message_invalid"},
		{"settings are an object", core.Profile{Settings: json.RawMessage(`[1]`)}, "settings_invalid"},
		{"settings are not null", core.Profile{Settings: json.RawMessage(`null`)}, "settings_invalid"},
		{"settings have 16 KiB", core.Profile{Settings: json.RawMessage(`{"a":"` + strings.Repeat("x", 16<<10) + `"}`)}, "settings_invalid"},
		{"hours without pushes are hours", core.Profile{Settings: json.RawMessage(`{"dnd":{"from":"late","to":"early"}}`)}, "settings_invalid"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := w.UpdateProfile(w.ctx, ada, tc.p)
			if chat.CodeOf(err) != tc.code {
				t.Errorf("%v, want %q", err, tc.code)
			}
		})
	}
	w.told()
	user, err := w.UpdateProfile(w.ctx, ada, core.Profile{DisplayName: ptr(" Ada  L. "), Bio: ptr("one\ntwo"), AvatarURL: ptr("https://example.org/ada.png"), Email: ptr("ada@example.org")})
	w.must(err)
	if user.DisplayName != "Ada L." || user.Bio != "one\ntwo" || user.AvatarURL != "https://example.org/ada.png" || user.Email != "ada@example.org" {
		t.Errorf("profile %+v", user)
	}
	if !has(w.told(), func(e chat.UserChanged) bool { return e.User.ID == ada.UserID && e.User.DisplayName == "Ada L." }) {
		t.Error("nobody was told")
	}
	again, err := w.User(w.ctx, ada, ada.UserID)
	w.must(err)
	if again.DisplayName != "Ada L." {
		t.Errorf("the cache still says %q", again.DisplayName)
	}
	_, err = w.UpdateProfile(w.ctx, ada, core.Profile{AvatarURL: ptr("https://example.org/ada.png"), DisplayName: ptr("Ada L.")})
	w.must(err)
	if len(w.told()) > 0 {
		t.Error("a change to what is there was told")
	}
	user, err = w.UpdateProfile(w.ctx, ada, core.Profile{AvatarURL: ptr(""), Email: ptr("")})
	w.must(err)
	if user.AvatarURL != "" || user.Email != "" || user.Bio == "" {
		t.Errorf("profile %+v", user)
	}
	_, err = w.UpdateProfile(w.ctx, chat.Actor{UserID: "nobody"}, core.Profile{})
	w.want(err, "token_invalid")
}

func TestProfileChangesAreLimited(t *testing.T) {
	w := newWorld(t)
	ada := w.user("ada")
	var err error
	for i := 0; err == nil && i < 1000; i++ {
		_, err = w.UpdateProfile(w.ctx, ada, core.Profile{Bio: ptr(fmt.Sprint(i))})
	}
	w.want(err, "rate_limited")
	w.wait(time.Minute)
	_, err = w.UpdateProfile(w.ctx, ada, core.Profile{Bio: ptr("")})
	w.want(err, "")
}

func TestStatusAndPresence(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.user("ada"), w.user("bob")
	status := func() chat.Status {
		t.Helper()
		u, err := w.User(w.ctx, bob, ada.UserID)
		w.must(err)
		return u.Status
	}
	if status() != chat.Offline {
		t.Error("shown without being connected")
	}
	w.must(w.Connected(w.ctx, ada))
	w.told()
	_, err := w.SetStatus(w.ctx, ada, chat.Busy, ptr("in a meeting"))
	w.must(err)
	if status() != chat.Busy {
		t.Errorf("shown as %s", status())
	}
	if !has(w.told(), func(e chat.PresenceChanged) bool {
		return e.Presence.UserID == ada.UserID && e.Presence.Status == chat.Busy && e.Presence.StatusMessage == "in a meeting"
	}) {
		t.Error("nobody was told")
	}
	_, err = w.SetStatus(w.ctx, ada, chat.Offline, nil)
	w.must(err)
	if !has(w.told(), func(e chat.PresenceChanged) bool { return e.Presence.Status == chat.Offline }) {
		t.Error("nobody was told of hiding")
	}
	_, err = w.SetStatus(w.ctx, ada, chat.Away, nil)
	w.must(err)
	w.wait(time.Hour)
	w.Disconnected(w.ctx, ada)
	w.must(w.FlushVisits(w.ctx))
	me, err := w.Me(w.ctx, ada)
	w.must(err)
	if me.Status != chat.Away || !me.LastSeenAt.Equal(w.clock()) {
		t.Errorf("after the end %s, last seen %v", me.Status, me.LastSeenAt)
	}
	w.told()
	_, err = w.SetStatus(w.ctx, ada, chat.Online, nil)
	w.must(err)
	if has(w.told(), func(chat.PresenceChanged) bool { return true }) {
		t.Error("somebody who is not here was announced")
	}
}

func TestBlocks(t *testing.T) {
	w := newWorld(t)
	ada, bob, carol := w.user("ada"), w.user("bob"), w.user("carol")
	w.want(w.Block(w.ctx, ada, ada.UserID), "target_is_self")
	w.want(w.Block(w.ctx, ada, "nobody"), "user_not_found")
	w.must(w.Block(w.ctx, ada, bob.UserID))
	w.must(w.Block(w.ctx, ada, carol.UserID))
	w.told()
	w.must(w.Block(w.ctx, ada, bob.UserID))
	if len(w.told()) > 0 {
		t.Error("blocking twice was told")
	}
	list, err := w.Blocks(w.ctx, ada)
	w.must(err)
	if len(list) != 2 {
		t.Errorf("blocked %d", len(list))
	}
	none, err := w.Blocks(w.ctx, bob)
	w.must(err)
	if len(none) != 0 {
		t.Error("a block was taken for its opposite")
	}
	w.must(w.Unblock(w.ctx, ada, bob.UserID))
	if !has(w.told(), func(e chat.BlockChanged) bool { return e.BlockedID == bob.UserID && !e.Blocked }) {
		t.Error("unblocking was not told")
	}
	w.want(w.Unblock(w.ctx, ada, bob.UserID), "")
	if list, err = w.Blocks(w.ctx, ada); err != nil || len(list) != 1 || list[0].ID != carol.UserID {
		t.Errorf("blocked %+v, %v", list, err)
	}
}
