package origin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/core/coretest"
)

type hooked struct {
	*coretest.World
	posts *webhookPosts
	room  chat.RoomID
	token string
}

func newHooked(t *testing.T, change ...func(*core.Options)) *hooked {
	w := coretest.New(t, func(o *core.Options) {
		for _, fn := range change {
			fn(o)
		}
	})
	h := &hooked{World: w, posts: &webhookPosts{core: w.Core, content: 2000}, room: w.Room(w.User("ada"))}
	v, err := w.CreateWebhook(t.Context(), chat.Operator, core.NewWebhook{RoomID: h.room, Name: "CI", AvatarURL: "https://ci.example/a.png"})
	if err != nil {
		t.Fatal(err)
	}
	h.token = v.Token
	return h
}

type post struct {
	query, kind, event string
	body               io.Reader
}

// do sends a post and returns status and error text.
func (h *hooked) do(t *testing.T, p post) (int, string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/webhooks?"+p.query, p.body)
	r.Header.Set("Content-Type", p.kind)
	if p.event != "" {
		r.Header.Set("X-GitHub-Event", p.event)
	}
	w := httptest.NewRecorder()
	h.posts.ServeHTTP(w, r)
	var answer struct{ Error string }
	if w.Code != http.StatusNoContent && json.Unmarshal(w.Body.Bytes(), &answer) != nil {
		t.Fatalf("answered %d %s", w.Code, w.Body)
	}
	return w.Code, answer.Error
}

func (h *hooked) send(t *testing.T, body string) (int, string) {
	t.Helper()
	return h.do(t, post{query: "token=" + h.token, kind: "application/json", body: strings.NewReader(body)})
}

// last returns the newest message of the room.
func (h *hooked) last(t *testing.T) chat.Message {
	t.Helper()
	page, err := h.Store.Messages(t.Context(), h.room, chat.MessagesQuery{Limit: 1})
	if err != nil || len(page.Messages) != 1 {
		t.Fatalf("%d messages, %v", len(page.Messages), err)
	}
	return page.Messages[0]
}

func TestOrderOfChecks(t *testing.T) {
	h := newHooked(t)
	large := func() io.Reader { return bytes.NewReader(make([]byte, maxWebhookBody+1)) }
	for _, tc := range []struct {
		name   string
		p      post
		status int
		text   string
	}{
		{"no token, and all else wrong", post{kind: "text/plain", body: large()}, 401, "Webhook token required"},
		{"another type of body", post{query: "token=x", kind: "text/plain", body: large()}, 415, "Content-Type must be application/json"},
		{"no type", post{query: "token=x", body: large()}, 415, "Content-Type must be application/json"},
		{"a body that is too large", post{query: "token=x", kind: "application/json", body: large()}, 413, "Request body too large (max 10MB)"},
		{"a body that is too large and does not say so", post{query: "token=x", kind: "application/json", body: io.MultiReader(large())}, 413, "Request body too large (max 10MB)"},
		{"a wrong token", post{query: "token=x", kind: "application/json", body: strings.NewReader("x")}, 401, "Invalid webhook token"},
		{"no JSON", post{query: "token=" + h.token, kind: "application/json", body: strings.NewReader("x")}, 400, "Invalid JSON body"},
		{"no object", post{query: "token=" + h.token, kind: "application/json; charset=utf-8", body: strings.NewReader("[1]")}, 400, "Invalid JSON body"},
		{"an empty body", post{query: "token=" + h.token, kind: "application/json", body: strings.NewReader("")}, 400, "Invalid JSON body"},
		{"invalid UTF-8", post{query: "token=" + h.token, kind: "application/json", body: strings.NewReader("{\"content\":\"\xff\"}")}, 400, "Invalid JSON body"},
		{"a field of another type", post{query: "token=" + h.token, kind: "application/json", body: strings.NewReader(`{"content":1}`)}, 400, "Invalid value for 'content'"},
		{"nothing to say", post{query: "token=" + h.token, kind: "application/json", body: strings.NewReader(`{}`)}, 400, "No content provided"},
		{"blanks", post{query: "token=" + h.token, kind: "application/json", body: strings.NewReader(`{"content":" \n"}`)}, 400, "No content provided"},
		{"embeds that are none", post{query: "token=" + h.token, kind: "application/json", body: strings.NewReader(`{"content":"x","embeds":{}}`)}, 400, "Embeds must be an array"},
		{"a wrong embed", post{query: "token=" + h.token, kind: "application/json", body: strings.NewReader(`{"embeds":[{"color":-1}]}`)}, 400, "Embed 0: color must be an integer from 0 to 16777215"},
		{"too long", post{query: "token=" + h.token, kind: "application/json", body: strings.NewReader(`{"content":"` + strings.Repeat("ü", 2001) + `"}`)}, 400, "Message too long. Maximum length is 2000 characters"},
		{"another event of GitHub", post{query: "token=" + h.token, kind: "application/json", event: "create", body: strings.NewReader(`{"ref":"main","repository":{}}`)}, 400, "Unhandled event type: create"},
		{"a form without a payload", post{query: "token=" + h.token, kind: "application/x-www-form-urlencoded", body: strings.NewReader("a=b")}, 400, "Invalid JSON body"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if status, text := h.do(t, tc.p); status != tc.status || text != tc.text {
				t.Errorf("%d %q, want %d %q", status, text, tc.status, tc.text)
			}
		})
	}
}

func TestWhatServicesPost(t *testing.T) {
	h := newHooked(t)
	for _, tc := range []struct {
		name, body            string
		content, author, face string
		embeds                int
	}{
		{"content", `{"content":"hi","text":"no","message":"no","username":"CI bot"}`, "hi", "CI bot", "https://ci.example/a.png", 0},
		{"text", `{"text":"hi *there*","avatar_url":"https://x.example/y.png"}`, "hi *there*", "CI", "https://x.example/y.png", 0},
		{"message", `{"message":"hi"}`, "hi", "CI", "https://ci.example/a.png", 0},
		{"a message beside embeds is not shown", `{"message":"hi","embeds":[{"title":"T"}]}`, "", "CI", "https://ci.example/a.png", 1},
		{"empty is not there", `{"content":"","text":"hi","username":null}`, "hi", "CI", "https://ci.example/a.png", 0},
		{"a picture that is none of the web", `{"content":"hi","avatar_url":"javascript:x"}`, "hi", "CI", "", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if status, text := h.send(t, tc.body); status != 204 {
				t.Fatalf("%d %s", status, text)
			}
			m := h.last(t)
			a := m.Extras.Author
			if m.Content != tc.content || a.Name != tc.author || a.AvatarURL != tc.face || a.Kind != chat.WebhookAuthor || len(a.ID) != 36 || len(m.Extras.Embeds) != tc.embeds || m.SenderID != "" {
				t.Errorf("posted %+v by %+v", m, a)
			}
		})
	}
	// curl -d sends JSON and calls it a form.
	if status, _ := h.do(t, post{query: "token=" + h.token, kind: "application/x-www-form-urlencoded", body: strings.NewReader(`{"content":"curl"}`)}); status != 204 || h.last(t).Content != "curl" {
		t.Errorf("curl: %d, %q", status, h.last(t).Content)
	}
}

const pushBody = `{"ref":"refs/heads/main","compare":"https://git.example/e/compare/1...2","created":false,"deleted":false,"forced":false,
	"repository":{"name":"engine","html_url":"https://git.example/e"},"sender":{"login":"ada","html_url":"https://git.example/ada","avatar_url":"https://git.example/ada.png"},
	"head_commit":{"timestamp":"2026-03-01T12:00:00+01:00"},
	"commits":[{"id":"0123456789abcdef","message":"Fix the boiler\n\nIt leaked.","url":"https://git.example/e/commit/0123456"}]}`

func TestGitHubPushes(t *testing.T) {
	h := newHooked(t)
	push := func(replace ...string) core.Embed {
		t.Helper()
		body := strings.NewReplacer(replace...).Replace(pushBody)
		if status, text := h.do(t, post{query: "token=" + h.token, kind: "application/json", event: "push", body: strings.NewReader(body)}); status != 204 {
			t.Fatalf("%d %s", status, text)
		}
		m := h.last(t)
		if a := m.Extras.Author; a.ID != "github" || a.Name != "GitHub" || !strings.HasPrefix(a.AvatarURL, "https://") || m.Content != "" {
			t.Errorf("by %+v: %q", a, m.Content)
		}
		e, err := core.ParseEmbed(m.Extras.Embeds[0])
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	e := push()
	if e.Title != "main: 1 commit" || e.URL != "https://git.example/e/compare/1...2" || *e.Color != 2369838 || e.Author.Name != "ada - engine" || e.Author.IconURL != "https://git.example/ada.png" ||
		e.Description != "[`0123456`](https://git.example/e/commit/0123456) Fix the boiler" || e.Timestamp != "2026-03-01T12:00:00+01:00" {
		t.Errorf("%+v %+v", e, e.Author)
	}
	two := `"commits":[{"id":"1","message":"a","url":"u"},`
	for title, replace := range map[string][]string{
		"main: 2 commits": {`"commits":[`, two}, "main created": {`"created":false`, `"created":true`}, "main deleted": {`"deleted":false`, `"deleted":true`},
		"main force-pushed": {`"forced":false`, `"forced":true`}, "v1: 1 commit": {"refs/heads/main", "refs/tags/v1"},
	} {
		if got := push(replace...).Title; got != title {
			t.Errorf("%q, want %q", got, title)
		}
	}
	if got := push(`"compare":"https://git.example/e/compare/1...2",`, "").URL; got != "https://git.example/e" {
		t.Errorf("without a comparison it leads to %q", got)
	}
	many := push(`"commits":[`, `"commits":[`+strings.Repeat(`{"id":"0123456789","message":"`+strings.Repeat("m", 300)+`","url":"https://git.example/0123456789"},`, 200))
	if many.Title != "main: 201 commits" || strings.Count(many.Description, "\n") != maxCommits {
		t.Errorf("%s with %d lines", many.Title, strings.Count(many.Description, "\n"))
	}
}

func TestSlack(t *testing.T) {
	h := newHooked(t)
	form := url.Values{"payload": {`{"text":"<https://x.example|the *site*> is *down* &amp; out, <!here> ~now~ ` + "`*code*`" + `","username":"pager","icon_url":"https://x.example/i.png"}`}}
	if status, text := h.do(t, post{query: "token=" + h.token, kind: "application/x-www-form-urlencoded", body: strings.NewReader(form.Encode())}); status != 204 {
		t.Fatalf("%d %s", status, text)
	}
	if m := h.last(t); m.Content != "[the **site**](https://x.example) is **down** & out, @here ~~now~~ `*code*`" || m.Extras.Author.Name != "pager" || m.Extras.Author.AvatarURL != "https://x.example/i.png" {
		t.Errorf("%q by %+v", m.Content, m.Extras.Author)
	}
	embeds := func(body string) (string, []core.Embed) {
		t.Helper()
		if status, text := h.send(t, body); status != 204 {
			t.Fatalf("%d %s", status, text)
		}
		m := h.last(t)
		var list []core.Embed
		for _, raw := range m.Extras.Embeds {
			e, err := core.ParseEmbed(raw)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, e)
		}
		return m.Content, list
	}
	content, list := embeds(`{"text":"only where blocks are not","blocks":[{"type":"header","text":{"type":"plain_text","text":"Build *41*"}},
		{"type":"section","text":{"type":"mrkdwn","text":"It is *red*"},"fields":[{"type":"mrkdwn","text":"*Branch*\nmain"}],"accessory":{"type":"image","image_url":"https://x.example/a.png"}},
		{"type":"divider"},{"type":"image","image_url":"https://x.example/1.png","title":{"type":"plain_text","text":"One"}},{"type":"image","image_url":"https://x.example/2.png"},
		{"type":"actions","elements":[{"type":"button","text":{"type":"plain_text","text":"Log"},"url":"https://x.example/log"},{"type":"button","text":{"type":"plain_text","text":"Ack"}}]},
		{"type":"context","elements":[{"type":"mrkdwn","text":"by <@U1|ada>"}]},
		{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"so ","style":{}},{"type":"text","text":"bold","style":{"bold":true}},{"type":"emoji","name":"tea"}]},
			{"type":"rich_text_list","style":"ordered","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"a"}]}]}]}]}`)
	if content != "" || len(list) != 2 || list[0].Title != "Build *41*" || list[0].Image.URL != "https://x.example/1.png" || list[0].Thumbnail.URL != "https://x.example/a.png" ||
		list[0].Fields[0].Name != "Branch" || list[0].Fields[0].Value != "main" || list[1].Image.URL != "https://x.example/2.png" {
		t.Errorf("%q %+v", content, list)
	}
	if want := "It is **red**\n\nOne\n\n[Log](https://x.example/log)\n\nso **bold**:tea:\n\n1. a\n\nby @ada"; list[0].Description != want {
		t.Errorf("%q, want %q", list[0].Description, want)
	}
	content, list = embeds(`{"text":"Hello","attachments":[{"color":"danger","pretext":"p","author_name":"ada","title":"T","title_link":"https://x.example","text":"*t*","fields":[{"title":"a","value":"b","short":true},{}],
		"image_url":"https://x.example/1.png","footer":"f","ts":1772366400},{"fallback":"nothing else"},{"color":"#123456","ts":"1772366400.5","blocks":[{"type":"section","text":{"type":"mrkdwn","text":"x"}}]}]}`)
	if content != "Hello" || len(list) != 3 || *list[0].Color != 0xa30200 || list[0].Description != "p\n**t**" || list[0].URL != "https://x.example" || list[0].Timestamp != "2026-03-01T12:00:00Z" ||
		len(list[0].Fields) != 1 || list[0].Footer.Text != "f" || list[1].Description != "nothing else" || *list[2].Color != 0x123456 || list[2].Description != "x" {
		t.Errorf("%q %+v", content, list)
	}
	if status, text := h.send(t, `{"attachments":[`+strings.Repeat(`{"text":"`+strings.Repeat("x", 7000)+`"},`, 30)+`{"text":"x"}]}`); status != 204 || len(h.last(t).Extras.Embeds) != 10 {
		t.Errorf("many long ones: %d %s", status, text)
	}
}

func TestWebhooksThatMayNotPost(t *testing.T) {
	h := newHooked(t, func(o *core.Options) { o.Limits.WebhookPerMinute = 1 })
	if status, _ := h.send(t, `{"content":"x"}`); status != 204 {
		t.Fatal(status)
	}
	r := httptest.NewRequest(http.MethodPost, "/webhooks?token="+h.token, strings.NewReader(`{"content":"x"}`))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.posts.ServeHTTP(w, r)
	if w.Code != 429 || w.Header().Get("Retry-After") == "" {
		t.Errorf("too many: %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
	fault := &webhookPosts{core: broken{}, incident: func(context.Context, error) {}}
	h.posts = fault
	if status, text := h.send(t, `{"content":"x"}`); status != 500 || text != "Internal error" {
		t.Errorf("a fault: %d %q", status, text)
	}
}

type broken struct{}

func (broken) WebhookByToken(context.Context, string) (chat.Webhook, error) {
	return chat.Webhook{}, nil
}
func (broken) PostWebhook(context.Context, chat.Webhook, core.Post) (*chat.Message, error) {
	return nil, errors.New("the disk is on fire")
}

// FuzzWebhookBody: whatever a service sends is either refused with a text or is a post whose embeds are sound.
func FuzzWebhookBody(f *testing.F) {
	f.Add("push", []byte(pushBody), false)
	f.Add("", []byte(`{"text":"<a|b> *c*","blocks":[{"type":"header","text":{"text":"x"}}],"attachments":[{"ts":"1","fields":[{}]}]}`), false)
	f.Add("", []byte("payload=%7B%22text%22%3A1%7D"), true)
	f.Add("", []byte(`{"content":"x","embeds":[{"title":"y"}]}`), true)
	h := &webhookPosts{content: 2000}
	f.Fuzz(func(t *testing.T, event string, body []byte, form bool) {
		p, err := h.post(event, body, form)
		if err != nil {
			if err.Error() == "" {
				t.Error("refused without a text")
			}
			return
		}
		if err := core.CheckEmbeds(p.Embeds); err != nil {
			t.Errorf("%s makes %v", body, err)
		}
		if p.Content == "" && len(p.Embeds) == 0 {
			t.Error("an empty post")
		}
	})
}
