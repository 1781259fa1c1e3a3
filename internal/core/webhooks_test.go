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

func TestWhoManagesWebhooks(t *testing.T) {
	w := newWorld(t)
	ada, admin, bob := w.user("ada", chat.RoleOwner), w.user("admin", chat.RoleAdmin), w.user("bob")
	room := w.room("Tea", chat.Public, ada, bob)
	secret := w.room("Secret", chat.Private, ada)
	direct := w.direct(ada, bob)
	made, err := w.CreateWebhook(w.ctx, ada, core.NewWebhook{RoomID: room, Name: "CI"})
	w.must(err)
	w.wait(time.Second)
	for _, tc := range []struct {
		name string
		by   chat.Actor
		hook core.NewWebhook
		code string
	}{
		{"an owner", ada, core.NewWebhook{RoomID: room, Name: "CI", AvatarURL: "https://x/a.png"}, ""},
		{"an admin", admin, core.NewWebhook{RoomID: room, Name: "CI"}, ""},
		{"the operator", chat.Operator, core.NewWebhook{RoomID: room, Name: "CI"}, ""},
		{"others", bob, core.NewWebhook{RoomID: room, Name: "CI"}, "permission_missing"},
		{"a room that one does not see", admin, core.NewWebhook{RoomID: secret, Name: "CI"}, "room_not_found"},
		{"a room that is not there", ada, core.NewWebhook{RoomID: 999, Name: "CI"}, "room_not_found"},
		{"a direct room", ada, core.NewWebhook{RoomID: direct, Name: "CI"}, "room_not_text"},
		{"no name", ada, core.NewWebhook{RoomID: room, Name: " "}, "name_invalid"},
		{"a picture that is no address of the web", ada, core.NewWebhook{RoomID: room, Name: "CI", AvatarURL: "javascript:alert(1)"}, "avatar_invalid"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := w.CreateWebhook(w.ctx, tc.by, tc.hook); chat.CodeOf(err) != tc.code {
				t.Errorf("%v, want %q", err, tc.code)
			}
		})
	}
	name := "Build"
	for verb, do := range map[string]func(by chat.Actor, id string) error{
		"update": func(by chat.Actor, id string) error {
			_, err := w.UpdateWebhook(w.ctx, by, id, core.WebhookChange{Name: &name})
			return err
		},
		"regenerate": func(by chat.Actor, id string) error { _, err := w.RegenerateWebhook(w.ctx, by, id); return err },
		"delete":     func(by chat.Actor, id string) error { return w.DeleteWebhook(w.ctx, by, id) },
	} {
		t.Run(verb, func(t *testing.T) {
			w.want(do(bob, made.ID), "permission_missing")
			w.want(do(ada, "no-such"), "webhook_not_found")
		})
	}
	list, err := w.Webhooks(w.ctx, ada, room)
	w.must(err)
	if len(list) != 4 || list[0].Token != made.Token || len(made.Token) != 68 {
		t.Errorf("listed %+v", list)
	}
	if list, err = w.Webhooks(w.ctx, bob, 0); err != nil || len(list) != 4 || list[0].Token != "" {
		t.Errorf("for others: %+v, %v", list, err)
	}
	hidden, err := w.CreateWebhook(w.ctx, ada, core.NewWebhook{RoomID: secret, Name: "Hidden"})
	w.must(err)
	if list, err = w.Webhooks(w.ctx, bob, 0); err != nil || len(list) != 4 {
		t.Errorf("with one of a room that bob does not see: %d, %v", len(list), err)
	}
	_, err = w.Webhooks(w.ctx, bob, secret)
	w.want(err, "room_not_found")
	_, err = w.Webhook(w.ctx, bob, hidden.ID)
	w.want(err, "webhook_not_found")
	if v, err := w.Webhook(w.ctx, bob, made.ID); err != nil || v.Token != "" || v.Name != "CI" {
		t.Errorf("one: %+v, %v", v, err)
	}
	for range 11 {
		_, err := w.CreateWebhook(w.ctx, ada, core.NewWebhook{RoomID: room, Name: "x"})
		w.must(err)
	}
	_, err = w.CreateWebhook(w.ctx, ada, core.NewWebhook{RoomID: room, Name: "x"})
	w.want(err, "too_many_webhooks")
}

func TestTokensOfWebhooks(t *testing.T) {
	w := newWorld(t)
	ada := w.user("ada", chat.RoleOwner)
	room := w.room("Tea", chat.Public, ada)
	first, err := w.CreateWebhook(w.ctx, ada, core.NewWebhook{RoomID: room, Name: "CI"})
	w.must(err)
	works := func(token string) bool {
		hook, err := w.WebhookByToken(w.ctx, token)
		if err != nil {
			w.want(err, "webhook_token_invalid")
		}
		return err == nil && hook.ID == first.ID
	}
	if !works(first.Token) {
		t.Fatal("the token does not work")
	}
	other, err := w.CreateWebhook(w.ctx, ada, core.NewWebhook{RoomID: room, Name: "other"})
	w.must(err)
	for name, token := range map[string]string{
		"none": "", "the id alone": first.ID, "another end": first.Token[:67] + string(first.Token[67]^1), "the end of another": first.ID + other.Token[36:], "longer": first.Token + "0",
		"capitals": strings.ToUpper(first.Token),
	} {
		if works(token) {
			t.Errorf("%s works", name)
		}
	}
	second, err := w.RegenerateWebhook(w.ctx, ada, first.ID)
	w.must(err)
	if second.Token == first.Token || works(first.Token) || !works(second.Token) {
		t.Error("a new token does not replace the old one")
	}
	name := "Build"
	changed, err := w.UpdateWebhook(w.ctx, ada, first.ID, core.WebhookChange{Name: &name})
	if err != nil || changed.Token != second.Token || changed.Name != "Build" {
		t.Errorf("another name: %+v, %v", changed, err)
	}
	w.must(w.DeleteWebhook(w.ctx, ada, first.ID))
	if works(second.Token) {
		t.Error("a deleted webhook works")
	}
	entries, _, err := w.Audit(w.ctx, ada, chat.AuditFilter{}, chat.Page{})
	w.must(err)
	var actions []string
	for _, e := range entries {
		if strings.HasPrefix(e.Action, "webhook.") {
			actions = append(actions, e.Action)
		}
		if text := fmt.Sprintf("%+v %s", e, e.Details); strings.Contains(text, first.Token[36:]) || strings.Contains(text, second.Token[36:]) {
			t.Errorf("a token in the audit log: %s", text)
		}
	}
	if got := strings.Join(actions, " "); got != "webhook.delete webhook.update webhook.regenerate webhook.create webhook.create" {
		t.Errorf("audited %s", got)
	}
}

func TestPostsOfWebhooks(t *testing.T) {
	w := newWorld(t, func(o *core.Options) { o.Limits.WebhookPerMinute = 4 })
	ada, bob := w.user("ada", chat.RoleOwner), w.user("bob")
	room := w.room("Tea", chat.Public, ada, bob)
	view, err := w.CreateWebhook(w.ctx, ada, core.NewWebhook{RoomID: room, Name: "CI", AvatarURL: "https://ci.example/a.png"})
	w.must(err)
	hook, err := w.WebhookByToken(w.ctx, view.Token)
	w.must(err)
	msg, err := w.PostWebhook(w.ctx, hook, core.Post{Content: "@bob the build is broken"})
	w.must(err)
	want := chat.Author{Kind: chat.WebhookAuthor, ID: hook.ID, Name: "CI", AvatarURL: "https://ci.example/a.png"}
	if msg.SenderID != "" || *msg.Extras.Author != want || len(msg.Mentions) != 1 {
		t.Errorf("posted %+v, %+v", msg, msg.Extras.Author)
	}
	if len(msg.Links) != 1 || !msg.Links[0].Picture {
		t.Errorf("its picture is not fetched: %+v", msg.Links)
	}
	list, _, _, err := w.Notifications(w.ctx, bob, false, chat.Page{})
	w.must(err)
	if len(list) != 1 || list[0].Content != "CI: @bob the build is broken" {
		t.Errorf("bob is told %+v", list)
	}
	msg, err = w.PostWebhook(w.ctx, hook, core.Post{Embeds: []json.RawMessage{json.RawMessage(`{"title":"main: 1 commit"}`)},
		Author: chat.Author{ID: "github", Name: "GitHub", AvatarURL: "data:image/png;base64,AA"}})
	if err != nil || msg.Extras.Author.Name != "GitHub" || msg.Extras.Author.ID != "github" || msg.Extras.Author.AvatarURL != "" {
		t.Errorf("as somebody else: %+v, %v", msg, err)
	}
	_, err = w.PostWebhook(w.ctx, hook, core.Post{})
	w.want(err, "content_empty")
	_, err = w.PostWebhook(w.ctx, hook, core.Post{Content: strings.Repeat("x", core.MaxContent+1)})
	w.want(err, "content_too_long")
	_, err = w.PostWebhook(w.ctx, hook, core.Post{Content: "x"})
	w.want(err, "rate_limited")
	w.wait(time.Minute)
	reply, err := w.PostWebhook(w.ctx, hook, core.Post{Content: "x", ParentID: msg.ID})
	if err != nil || reply.ThreadID != msg.ID {
		t.Errorf("a reply: %+v, %v", reply, err)
	}
	_, err = w.PostWebhook(w.ctx, hook, core.Post{Content: "x", ParentID: 999})
	w.want(err, "message_not_found")
	_, err = w.DeleteMessage(w.ctx, ada, msg.ID)
	w.must(err)
	_, err = w.PostWebhook(w.ctx, hook, core.Post{Content: "x", ParentID: msg.ID})
	w.want(err, "parent_deleted")
	archived := true
	_, err = w.UpdateRoom(w.ctx, ada, room, core.RoomChange{Archived: &archived})
	w.must(err)
	_, err = w.PostWebhook(w.ctx, hook, core.Post{Content: "x"})
	w.want(err, "room_archived")
}
