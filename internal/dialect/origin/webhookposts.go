package origin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"parley/internal/chat"
	"parley/internal/core"
)

// maxWebhookBody is how much a service may post at once (specs: originchats §9).
const maxWebhookBody = 10 << 20

// webhookCore is what posts of webhooks need of core.Core.
type webhookCore interface {
	WebhookByToken(ctx context.Context, token string) (chat.Webhook, error)
	PostWebhook(ctx context.Context, w chat.Webhook, p core.Post) (*chat.Message, error)
}

// webhookPosts answers POST /webhooks?token=… and POST /webhooks/<anything>?token=…: what services outside tell a room. It takes
// the protocol's own form, what GitHub tells of a push, and what is meant for Slack.
type webhookPosts struct {
	core     webhookCore
	content  int                                  // most characters of a message
	incident func(ctx context.Context, err error) // logs a fault of ours
}

// refusedPost is an answer to a post that is not taken.
type refusedPost struct {
	status int
	text   string
}

func (e *refusedPost) Error() string { return e.text }

func decline(status int, text string) error { return &refusedPost{status, text} }

// ServeHTTP implements http.Handler.
func (h *webhookPosts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	err := h.take(w, r)
	if err == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	var refused *refusedPost
	if !errors.As(err, &refused) {
		refused = h.refusal(r.Context(), w, err)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(refused.status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": refused.text}) // the service has gone, then
}

// refusal says in the protocol's form why the core did not take a post.
func (h *webhookPosts) refusal(ctx context.Context, w http.ResponseWriter, err error) *refusedPost {
	e := chat.AsError(err)
	switch e.Code {
	case "room_not_found":
		return &refusedPost{http.StatusNotFound, "Channel not found"}
	case "content_empty":
		return &refusedPost{http.StatusBadRequest, "No content provided"}
	case "content_too_long":
		return &refusedPost{http.StatusBadRequest, tooLong(core.MaxContent)}
	}
	status := map[chat.Kind]int{chat.Invalid: 400, chat.Unauthenticated: 401, chat.Forbidden: 403, chat.NotFound: 404, chat.Conflict: 409, chat.TooLarge: 413,
		chat.Unsupported: 415, chat.TooMany: 429, chat.Unavailable: 503}[e.Kind]
	if status == 0 {
		if h.incident != nil {
			h.incident(ctx, err)
		}
		return &refusedPost{http.StatusInternalServerError, "Internal error"}
	}
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((e.RetryAfter+time.Second-1)/time.Second)))
	}
	return &refusedPost{status, e.Text}
}

func tooLong(max int) string {
	return "Message too long. Maximum length is " + strconv.Itoa(max) + " characters"
}

// take does what a post asks for. The order of its checks is that of the protocol.
func (h *webhookPosts) take(w http.ResponseWriter, r *http.Request) error {
	token := r.URL.Query().Get("token")
	if token == "" {
		return decline(http.StatusUnauthorized, "Webhook token required")
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	form := kind == "application/x-www-form-urlencoded"
	if err != nil || !form && kind != "application/json" {
		return decline(http.StatusUnsupportedMediaType, "Content-Type must be application/json")
	}
	if r.ContentLength > maxWebhookBody {
		return decline(http.StatusRequestEntityTooLarge, "Request body too large (max 10MB)")
	}
	hook, unknown := h.core.WebhookByToken(r.Context(), token)
	body := new(bytes.Buffer)
	var to io.Writer = body
	if unknown != nil {
		to = io.Discard // it is counted only
	}
	_, err = io.Copy(to, http.MaxBytesReader(w, r.Body, maxWebhookBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return decline(http.StatusRequestEntityTooLarge, "Request body too large (max 10MB)")
	case chat.CodeOf(unknown) == "webhook_token_invalid":
		return decline(http.StatusUnauthorized, "Invalid webhook token")
	case unknown != nil:
		return unknown
	case err != nil:
		return decline(http.StatusBadRequest, "Failed to read request body")
	}
	p, err := h.post(r.Header.Get("X-GitHub-Event"), body.Bytes(), form)
	if err != nil {
		return err
	}
	_, err = h.core.PostWebhook(r.Context(), hook, p)
	return err
}

// webhookBody is the body of a post in all the forms that are known.
type webhookBody struct {
	Content   *string         `json:"content"`
	Text      *string         `json:"text"`
	Message   *string         `json:"message"`
	Username  *string         `json:"username"`
	AvatarURL *string         `json:"avatar_url"`
	Embeds    json.RawMessage `json:"embeds"`

	IconURL     *string           `json:"icon_url"` // Slack
	Blocks      []slackBlock      `json:"blocks"`
	Attachments []slackAttachment `json:"attachments"`

	Repository json.RawMessage `json:"repository"` // GitHub
	Ref        *string         `json:"ref"`
}

// post makes a post of a body.
func (h *webhookPosts) post(event string, body []byte, form bool) (p core.Post, err error) {
	slack := false
	if trimmed := bytes.TrimSpace(body); form && (len(trimmed) == 0 || trimmed[0] != '{') { // curl -d says form and sends JSON
		values, err := url.ParseQuery(string(body))
		if err != nil || values.Get("payload") == "" {
			return p, decline(http.StatusBadRequest, "Invalid JSON body")
		}
		body, slack = []byte(values.Get("payload")), true
	}
	var b webhookBody
	body = bytes.TrimSpace(body)
	if !utf8.Valid(body) || len(body) == 0 || body[0] != '{' || !json.Valid(body) {
		return p, decline(http.StatusBadRequest, "Invalid JSON body")
	}
	if err := json.Unmarshal(body, &b); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) && wrong.Field != "" {
			field, _, _ := strings.Cut(wrong.Field, ".")
			return p, decline(http.StatusBadRequest, "Invalid value for '"+field+"'")
		}
		return p, decline(http.StatusBadRequest, "Invalid JSON body")
	}
	if event != "" && len(b.Repository) > 0 && b.Ref != nil {
		if event != "push" {
			return p, decline(http.StatusBadRequest, "Unhandled event type: "+event)
		}
		return githubPush(body)
	}
	p.Author.Name, p.Author.AvatarURL = first(b.Username), first(b.AvatarURL, b.IconURL)
	if p.Embeds, err = core.ParseEmbeds(b.Embeds); err != nil {
		return p, err
	}
	p.Content = first(b.Content, b.Text)
	if p.Content == "" && len(p.Embeds) == 0 {
		p.Content = first(b.Message)
	}
	if slack = slack || len(b.Blocks)+len(b.Attachments) > 0; slack {
		drawn := slackEmbeds(b.Blocks, b.Attachments)
		if len(b.Blocks) > 0 && len(drawn) > 0 && b.Content == nil {
			p.Content = "" // it is what clients show that cannot draw the blocks
		}
		p.Content = slackText(p.Content)
		for _, e := range drawn {
			if len(p.Embeds) < core.MaxEmbeds {
				p.Embeds = append(p.Embeds, e.raw())
			}
		}
	}
	p.Content = strings.TrimSpace(p.Content)
	if p.Content == "" && len(p.Embeds) == 0 {
		return p, decline(http.StatusBadRequest, "No content provided")
	}
	if h.content > 0 && utf8.RuneCountInString(p.Content) > h.content {
		return p, decline(http.StatusBadRequest, tooLong(h.content))
	}
	return p, nil
}

// first returns the first text that is there and not empty.
func first(texts ...*string) string {
	for _, t := range texts {
		if t != nil && *t != "" {
			return *t
		}
	}
	return ""
}

// embed is an embed that this server writes itself.
type embed struct {
	Type        string        `json:"type,omitempty"`
	Title       string        `json:"title,omitempty"`
	Description string        `json:"description,omitempty"`
	URL         string        `json:"url,omitempty"`
	Color       *int          `json:"color,omitempty"`
	Timestamp   string        `json:"timestamp,omitempty"`
	Author      *embedAuthor  `json:"author,omitempty"`
	Footer      *embedFooter  `json:"footer,omitempty"`
	Image       *embedPicture `json:"image,omitempty"`
	Thumbnail   *embedPicture `json:"thumbnail,omitempty"`
	Fields      []embedField  `json:"fields,omitempty"`
}

type (
	embedAuthor struct {
		Name    string `json:"name"`
		URL     string `json:"url,omitempty"`
		IconURL string `json:"icon_url,omitempty"`
	}
	embedFooter struct {
		Text    string `json:"text"`
		IconURL string `json:"icon_url,omitempty"`
	}
	embedPicture struct {
		URL string `json:"url"`
	}
	embedField struct {
		Name   string `json:"name"`
		Value  string `json:"value"`
		Inline bool   `json:"inline,omitempty"`
	}
)

// raw cuts the embed to what one may be and writes it. Services have other bounds, and half of what they tell is better than
// nothing.
func (e embed) raw() json.RawMessage {
	left := 6000
	cut := func(s *string, max int) {
		*s = shorten(*s, min(max, left))
		left -= utf8.RuneCountInString(*s)
	}
	cut(&e.Title, 256)
	if e.Author != nil { // what is cut must not be another's
		author := *e.Author
		e.Author = &author
		cut(&author.Name, 256)
	}
	if e.Footer != nil {
		footer := *e.Footer
		e.Footer = &footer
		cut(&footer.Text, 1000)
	}
	cut(&e.Description, 4096)
	if len(e.Fields) > 25 {
		e.Fields = e.Fields[:25]
	}
	e.Fields = slices.Clone(e.Fields)
	for i := range e.Fields {
		cut(&e.Fields[i].Name, 256)
		cut(&e.Fields[i].Value, 1024)
	}
	addresses := []*string{&e.URL}
	if e.Author != nil {
		addresses = append(addresses, &e.Author.URL, &e.Author.IconURL)
	}
	if e.Footer != nil {
		addresses = append(addresses, &e.Footer.IconURL)
	}
	for _, address := range addresses {
		if utf8.RuneCountInString(*address) > 2048 {
			*address = ""
		}
	}
	raw, err := json.Marshal(e)
	if err != nil {
		return json.RawMessage(`{}`) // our own type: it always marshals
	}
	return raw
}

// shorten cuts a text to n characters and marks that it did.
func shorten(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	if n < 1 {
		return ""
	}
	return string([]rune(s)[:n-1]) + "…"
}
