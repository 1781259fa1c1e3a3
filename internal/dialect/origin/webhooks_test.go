package origin_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestWebhookCommands(t *testing.T) { newWorld(t).play("webhooks", nil) }

// TestA39Webhooks is the acceptance scenario of webhooks.
func TestA39Webhooks(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.enter("alice"), w.enter("bob")
	alice.send(map[string]any{"cmd": "webhook_create", "channel": "general", "name": "CI"})
	hook := alice.expect("webhook_create")["webhook"].(map[string]any)
	token := hook["token"].(string)
	if len(token) != 68 {
		t.Errorf("a token of %d characters: %s", len(token), token)
	}
	post := func(path, event, body string, status int) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Origin", "https://elsewhere.example")
		if event != "" {
			r.Header.Set("X-GitHub-Event", event)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != status || answer.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s %s: %d %v, want %d", path, body, answer.StatusCode, answer.Header, status)
		}
		return answer
	}
	post("/webhooks?token="+token, "", `{"content":"hi","username":"CI bot"}`, 204)
	for _, c := range []*client{alice, bob} {
		p := c.expect("message_new")
		m := p["message"].(map[string]any)
		by := m["webhook"].(map[string]any)
		_, threaded := p["thread_id"]
		if m["user"] != "originChats" || m["content"] != "hi" || by["id"] != hook["id"] || by["name"] != "CI bot" || by["avatar"] != nil || p["channel"] != "general" || p["global"] != true || threaded {
			t.Errorf("%v", p)
		}
	}
	post("/webhooks?token=wrong", "", `{"content":"hi"}`, 401)
	post("/webhooks?token="+token, "", `{}`, 400)
	post("/webhooks/github?token="+token, "push", `{"ref":"refs/heads/main","repository":{"name":"engine"},"sender":{"login":"ada"},"commits":[{"id":"0123456789","message":"Fix","url":"https://git.example/0"}]}`, 204)
	m := alice.expect("message_new")["message"].(map[string]any)
	embeds := m["embeds"].([]any)
	if len(embeds) != 1 || embeds[0].(map[string]any)["title"] != "main: 1 commit" || m["webhook"].(map[string]any)["id"] != "github" {
		t.Errorf("%v", m)
	}
	bob.expect("message_new")
	alice.send(map[string]any{"cmd": "webhook_regenerate", "id": hook["id"]})
	next := alice.expect("webhook_regenerate")["webhook"].(map[string]any)["token"].(string)
	if next == token || len(next) != 68 {
		t.Errorf("the new token is %s", next)
	}
	post("/webhooks?token="+token, "", `{"content":"hi"}`, 401)
	bob.send(map[string]any{"cmd": "webhook_list"})
	for _, v := range bob.expect("webhook_list")["webhooks"].([]any) {
		if _, shown := v.(map[string]any)["token"]; shown {
			t.Errorf("bob sees %v", v)
		}
	}
	// A page of another site asks first whether it may.
	r, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, w.url+"/webhooks?token=x", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != 204 || answer.Header.Get("Access-Control-Allow-Headers") == "" {
		t.Errorf("asked first: %d %v", answer.StatusCode, answer.Header)
	}
}
