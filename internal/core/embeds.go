package core

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"parley/internal/chat"
)

// Bounds of embeds (specs: originchats §6.6). Texts count in Unicode code points.
const (
	MaxEmbeds       = 10    // of one message
	MaxEmbedBytes   = 65536 // of all embeds of one message as they are sent, with what nobody knows in them
	maxEmbedText    = 6000  // of one embed, all its texts together
	maxEmbedFields  = 25
	maxEmbedURL     = 2048
	maxEmbedPicture = 100_000 // pixels of a side
)

// Embed is what a message shows beside its text, such as what a service tells of something that happened there. Texts are
// markdown where it says so. Addresses are as they were received: show http and https ones only (see WebAddress).
type Embed struct {
	Type        string // rich, poll, link, image, video, article; rich if it was not said
	Title       string
	Description string // markdown
	URL         string // where the title leads
	Color       *int   // 0xRRGGBB
	Timestamp   string // ISO 8601
	Author      *EmbedAuthor
	Footer      *EmbedFooter
	Image       *EmbedPicture
	Thumbnail   *EmbedPicture
	Fields      []EmbedField
	Poll        *EmbedPoll
}

// EmbedAuthor is who or what an embed comes from.
type EmbedAuthor struct{ Name, URL, IconURL string }

// EmbedFooter is the small print of an embed.
type EmbedFooter struct{ Text, IconURL string }

// EmbedPicture is a picture on another site; its size is what the sender says, 0 for nothing.
type EmbedPicture struct {
	URL           string
	Width, Height int
}

// EmbedField is a name with a value; inline ones stand beside each other.
type EmbedField struct {
	Name, Value string // Value is markdown
	Inline      bool
}

// EmbedPoll is a poll that somebody drew; nobody can vote in it. The polls of this server are chat.Poll.
type EmbedPoll struct {
	Question string
	Options  []chat.PollOption
	Multiple bool
}

var errEmbedsType = chat.InvalidField("embeds", "embeds_invalid", "Embeds must be an array")

// ParseEmbeds reads a JSON array of embeds and checks them. Nothing and null are no embeds. Fails with embeds_invalid.
func ParseEmbeds(raw json.RawMessage) ([]json.RawMessage, error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	var embeds []json.RawMessage
	if raw[0] != '[' || json.Unmarshal(raw, &embeds) != nil {
		return nil, errEmbedsType
	}
	return embeds, CheckEmbeds(embeds)
}

// CheckEmbeds refuses embeds that are not what the field promises. Fails with embeds_invalid; the text begins with the embed
// that is wrong.
func CheckEmbeds(embeds []json.RawMessage) error {
	_, err := parseEmbeds(embeds)
	return err
}

func parseEmbeds(embeds []json.RawMessage) ([]Embed, error) {
	if len(embeds) > MaxEmbeds {
		return nil, chat.InvalidField("embeds", "embeds_invalid", "Cannot have more than %d embeds", MaxEmbeds)
	}
	parsed, size := make([]Embed, 0, len(embeds)), 0
	for i, raw := range embeds {
		if size += len(raw); size > MaxEmbedBytes {
			return nil, chat.InvalidField("embeds", "embeds_invalid", "Embed %d: all embeds together have at most %d bytes", i, MaxEmbedBytes)
		}
		e, err := ParseEmbed(raw)
		if err != nil {
			return nil, chat.InvalidField("embeds", "embeds_invalid", "Embed %d: %v", i, err)
		}
		parsed = append(parsed, e)
	}
	return parsed, nil
}

// ParseEmbed reads and checks one embed. Its errors are for people, without a code.
func ParseEmbed(raw json.RawMessage) (Embed, error) {
	if !utf8.Valid(raw) {
		return Embed{}, fmt.Errorf("it is not valid UTF-8")
	}
	r := embedReader{}
	e := r.embed(raw)
	if r.err == nil && r.texts > maxEmbedText {
		r.fail("all its texts together have at most %d characters", maxEmbedText)
	}
	return e, r.err
}

// embedReader takes embeds apart. Names of fields are exact: what another reader takes for a title must be what is checked
// here. After the first fault nothing more is read.
type embedReader struct {
	texts int // characters that count towards the sum
	err   error
}

func (r *embedReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

type embedObject map[string]json.RawMessage

func (o embedObject) has(key string) bool { return len(o[key]) > 0 && string(o[key]) != "null" }

func (r *embedReader) object(raw json.RawMessage, name string) (o embedObject) {
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || raw[0] != '{' || json.Unmarshal(raw, &o) != nil {
		r.fail("%s must be an object", name)
		return nil
	}
	return o
}

// text reads a string of at most max characters; max 0 is for addresses.
func (r *embedReader) text(o embedObject, key string, max int, required bool) (s string) {
	if !o.has(key) {
		if required {
			r.fail("%s is required", key)
		}
		return ""
	}
	if json.Unmarshal(o[key], &s) != nil || o[key][0] != '"' {
		r.fail("%s must be a string", key)
	}
	if n := utf8.RuneCountInString(s); n > max {
		r.fail("%s must have at most %d characters", key, max)
	}
	return s
}

// counted is text that counts towards the sum.
func (r *embedReader) counted(o embedObject, key string, max int, required bool) string {
	s := r.text(o, key, max, required)
	r.texts += utf8.RuneCountInString(s)
	return s
}

func (r *embedReader) number(o embedObject, key string, max int) (*int, bool) {
	if !o.has(key) {
		return nil, true
	}
	var f float64
	if c := o[key][0]; c != '-' && (c < '0' || c > '9') || json.Unmarshal(o[key], &f) != nil || f != math.Trunc(f) || f < 0 || f > float64(max) {
		r.fail("%s must be an integer from 0 to %d", key, max)
		return nil, false
	}
	n := int(f)
	return &n, true
}

func (r *embedReader) bool(o embedObject, key string) (v bool) {
	if o.has(key) && json.Unmarshal(o[key], &v) != nil {
		r.fail("%s must be true or false", key)
	}
	return v
}

func (r *embedReader) list(o embedObject, key string, min, max int) (items []json.RawMessage) {
	if !o.has(key) {
		if min > 0 {
			r.fail("%s is required", key)
		}
		return nil
	}
	if o[key][0] != '[' || json.Unmarshal(o[key], &items) != nil {
		r.fail("%s must be an array", key)
		return nil
	}
	if len(items) < min || len(items) > max {
		r.fail("%s must have between %d and %d entries", key, min, max)
		return nil
	}
	return items
}

func (r *embedReader) embed(raw json.RawMessage) (e Embed) {
	o := r.object(raw, "it")
	if r.err != nil {
		return e
	}
	if e.Type = r.text(o, "type", 16, false); e.Type == "" {
		e.Type = "rich"
	}
	switch e.Type {
	case "rich", "video", "article":
	case "poll", "link", "image":
		needs := map[string]string{"poll": "poll", "link": "url", "image": "image"}[e.Type]
		if !o.has(needs) {
			r.fail("type '%s' needs %s", e.Type, needs)
		}
	default:
		r.fail("type must be one of rich, poll, link, image, video, article")
	}
	e.Title = r.counted(o, "title", 256, false)
	e.Description = r.counted(o, "description", 4096, false)
	e.URL = r.text(o, "url", maxEmbedURL, false)
	e.Color, _ = r.number(o, "color", 0xFFFFFF)
	if e.Timestamp = r.text(o, "timestamp", 64, false); e.Timestamp != "" && EmbedTime(e.Timestamp).IsZero() {
		r.fail("timestamp must be a time in ISO 8601")
	}
	if o.has("author") {
		a := r.object(o["author"], "author")
		e.Author = &EmbedAuthor{Name: r.counted(a, "name", 256, true), URL: r.text(a, "url", maxEmbedURL, false), IconURL: r.text(a, "icon_url", maxEmbedURL, false)}
	}
	if o.has("footer") {
		f := r.object(o["footer"], "footer")
		e.Footer = &EmbedFooter{Text: r.counted(f, "text", 2048, true), IconURL: r.text(f, "icon_url", maxEmbedURL, false)}
	}
	e.Image, e.Thumbnail = r.picture(o, "image"), r.picture(o, "thumbnail")
	for _, raw := range r.list(o, "fields", 0, maxEmbedFields) {
		f := r.object(raw, "each of fields")
		e.Fields = append(e.Fields, EmbedField{Name: r.counted(f, "name", 256, true), Value: r.counted(f, "value", 1024, true), Inline: r.bool(f, "inline")})
	}
	if o.has("poll") {
		e.Poll = r.poll(r.object(o["poll"], "poll"))
	}
	return e
}

func (r *embedReader) picture(o embedObject, key string) *EmbedPicture {
	if !o.has(key) {
		return nil
	}
	p := r.object(o[key], key)
	shown := &EmbedPicture{URL: r.text(p, "url", maxEmbedURL, true)}
	if n, _ := r.number(p, "width", maxEmbedPicture); n != nil {
		shown.Width = *n
	}
	if n, _ := r.number(p, "height", maxEmbedPicture); n != nil {
		shown.Height = *n
	}
	return shown
}

func (r *embedReader) poll(o embedObject) *EmbedPoll {
	p := &EmbedPoll{Question: r.counted(o, "question", maxQuestion, true), Multiple: r.bool(o, "allow_multiselect")}
	for _, raw := range r.list(o, "options", minPollOptions, maxPollOptions) {
		x := r.object(raw, "each of options")
		option := chat.PollOption{ID: r.text(x, "id", maxOptionID, true), Text: r.counted(x, "text", maxOptionText, true), Emoji: r.text(x, "emoji", 64, false)}
		if option.ID == "" {
			r.fail("id must have at least one character")
		}
		p.Options = append(p.Options, option)
	}
	return p
}

// EmbedTime reads the time of an embed, which may lack its zone (UTC) or the time of day; zero if it is none.
func EmbedTime(s string) time.Time {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999",
		"2006-01-02T15:04:05.999999999Z0700", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// WebAddress reports whether an address from outside may be shown as a link: it is one of the web, and complete.
func WebAddress(address string) bool {
	scheme, rest, ok := strings.Cut(address, "://")
	scheme = strings.ToLower(scheme)
	return ok && rest != "" && (scheme == "http" || scheme == "https") && !strings.ContainsFunc(address, func(r rune) bool { return isControl(r) || r == ' ' })
}

// words are the texts by which a message with the embed is found.
func (e *Embed) words() []string {
	words := []string{e.Title, e.Description}
	if e.Author != nil {
		words = append(words, e.Author.Name)
	}
	for _, f := range e.Fields {
		words = append(words, f.Name, f.Value)
	}
	if e.Footer != nil {
		words = append(words, e.Footer.Text)
	}
	if e.Poll != nil {
		words = append(words, e.Poll.Question)
		for _, o := range e.Poll.Options {
			words = append(words, o.Text)
		}
	}
	return words
}

// pictures are the addresses of the pictures that the embed shows.
func (e *Embed) pictures() (urls []string) {
	for _, p := range []*EmbedPicture{e.Image, e.Thumbnail} {
		if p != nil {
			urls = append(urls, p.URL)
		}
	}
	if e.Author != nil && e.Author.IconURL != "" {
		urls = append(urls, e.Author.IconURL)
	}
	if e.Footer != nil && e.Footer.IconURL != "" {
		urls = append(urls, e.Footer.IconURL)
	}
	return urls
}

// Carried is what a message says and shows besides its text, for those who store messages without sending them (package transfer):
// the texts by which it is found, and the links of its pictures. Embeds that are not what the field promises say nothing.
func Carried(x *chat.Extras, p *chat.Poll) (words []string, pictures []chat.Link) {
	if x != nil {
		embeds, err := parseEmbeds(x.Embeds)
		if err != nil {
			embeds = nil
		}
		for i := range embeds {
			words = append(words, embeds[i].words()...)
		}
		pictures = linksOf("", embeds, x.Author)
		if x.Author != nil {
			words = append(words, x.Author.Name)
		}
	}
	if p != nil {
		words = append(words, pollWords(p)...)
	}
	return words, pictures
}
