package origin

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// What is made for Slack's incoming webhooks: a text, blocks and attachments. Only what can be shown is read; everything else in
// them is passed over.
type (
	slackBlock struct {
		Type      string         `json:"type"`
		Text      slackWords     `json:"text"`
		Fields    []slackWords   `json:"fields"`
		Title     slackWords     `json:"title"`
		ImageURL  string         `json:"image_url"`
		Accessory *slackElement  `json:"accessory"`
		Elements  []slackElement `json:"elements"`
	}
	slackElement struct {
		Type     string         `json:"type"`
		Text     slackWords     `json:"text"`
		URL      string         `json:"url"`
		Name     string         `json:"name"` // of an emoji
		ImageURL string         `json:"image_url"`
		Style    any            `json:"style"` // of buttons a word, of lists a word, of texts an object
		Elements []slackElement `json:"elements"`
	}
	slackAttachment struct {
		Color      string       `json:"color"`
		Pretext    string       `json:"pretext"`
		AuthorName string       `json:"author_name"`
		AuthorLink string       `json:"author_link"`
		AuthorIcon string       `json:"author_icon"`
		Title      string       `json:"title"`
		TitleLink  string       `json:"title_link"`
		Text       string       `json:"text"`
		Fallback   string       `json:"fallback"`
		Fields     []slackField `json:"fields"`
		ImageURL   string       `json:"image_url"`
		ThumbURL   string       `json:"thumb_url"`
		Footer     string       `json:"footer"`
		FooterIcon string       `json:"footer_icon"`
		Stamp      json.Number  `json:"ts"`
		Blocks     []slackBlock `json:"blocks"`
	}
	slackField struct {
		Title string `json:"title"`
		Value string `json:"value"`
		Short bool   `json:"short"`
	}
)

// slackWords is a text: a string, or an object with its kind.
type slackWords struct {
	Kind string
	Text string
}

// UnmarshalJSON implements json.Unmarshaler. What is no text is none.
func (w *slackWords) UnmarshalJSON(b []byte) error {
	var object struct{ Type, Text string }
	if json.Unmarshal(b, &w.Text) != nil && json.Unmarshal(b, &object) == nil {
		w.Kind, w.Text = object.Type, object.Text
	}
	return nil
}

// markdown is the text as we write it: only one kind is marked up.
func (w slackWords) markdown() string {
	if w.Kind == "plain_text" {
		return w.Text
	}
	return slackText(w.Text)
}

var (
	slackLink   = regexp.MustCompile(`<([^<>|]+)(?:\|([^<>]*))?>`)
	slackBold   = regexp.MustCompile(`(^|[^\w*])\*([^\s*](?:[^*\n]*[^\s*])?)\*($|[^\w*])`)
	slackStrike = regexp.MustCompile(`(^|[^\w~])~([^\s~](?:[^~\n]*[^\s~])?)~($|[^\w~])`)
	slackCode   = regexp.MustCompile("(?s)```.*?```|`[^`\n]+`")
	slackEscape = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")
)

// slackText turns Slack's markup into markdown. Code stays as it is.
func slackText(s string) string {
	var b strings.Builder
	last := 0
	for _, at := range append(slackCode.FindAllStringIndex(s, -1), []int{len(s), len(s)}) {
		words := slackLink.ReplaceAllStringFunc(s[last:at[0]], func(m string) string {
			parts := slackLink.FindStringSubmatch(m)
			target, label := parts[1], parts[2]
			switch {
			case strings.HasPrefix(target, "!"):
				if label != "" {
					return label
				}
				return "@" + strings.TrimPrefix(target, "!") // here, channel, everyone
			case strings.HasPrefix(target, "@"), strings.HasPrefix(target, "#"):
				if label != "" {
					return target[:1] + label
				}
				return target
			case label == "":
				return target
			}
			return "[" + label + "](" + target + ")"
		})
		words = slackBold.ReplaceAllString(words, "$1**$2**$3")
		words = slackStrike.ReplaceAllString(words, "$1~~$2~~$3")
		b.WriteString(slackEscape.Replace(words))
		b.WriteString(slackEscape.Replace(s[at[0]:at[1]]))
		last = at[1]
	}
	return b.String()
}

// slackEmbeds draws blocks, then attachments.
func slackEmbeds(blocks []slackBlock, attachments []slackAttachment) []embed {
	all := slackBlocks(blocks, embed{})
	for _, a := range attachments {
		e := embed{Title: slackText(a.Title), URL: a.TitleLink, Color: slackColor(a.Color)}
		var lines []string
		for _, s := range []string{a.Pretext, a.Text} {
			if s != "" {
				lines = append(lines, slackText(s))
			}
		}
		e.Description = strings.Join(lines, "\n")
		if a.AuthorName != "" {
			e.Author = &embedAuthor{Name: a.AuthorName, URL: a.AuthorLink, IconURL: a.AuthorIcon}
		}
		if a.Footer != "" {
			e.Footer = &embedFooter{Text: a.Footer, IconURL: a.FooterIcon}
		}
		e.Image, e.Thumbnail = picture(a.ImageURL), picture(a.ThumbURL)
		for _, f := range a.Fields {
			if f.Title != "" || f.Value != "" {
				e.Fields = append(e.Fields, embedField{Name: filled(f.Title), Value: filled(slackText(f.Value)), Inline: f.Short})
			}
		}
		if seconds, err := a.Stamp.Float64(); err == nil && seconds > 0 && seconds < 1<<40 {
			e.Timestamp = time.Unix(int64(seconds), 0).UTC().Format(time.RFC3339)
		}
		if len(a.Blocks) > 0 {
			all = append(all, slackBlocks(a.Blocks, e)...)
			continue
		}
		if e.empty() {
			e.Description = slackText(a.Fallback)
		}
		if !e.empty() {
			all = append(all, e)
		}
	}
	return all
}

// slackBlocks draws blocks into an embed, and into more where there is more than one picture.
func slackBlocks(blocks []slackBlock, e embed) (all []embed) {
	var lines, small []string
	add := func(s string) {
		if strings.TrimSpace(s) != "" {
			lines = append(lines, s)
		}
	}
	var more []embed
	show := func(address string) {
		switch {
		case address == "":
		case e.Image == nil:
			e.Image = picture(address)
		default:
			more = append(more, embed{Image: picture(address)})
		}
	}
	for _, b := range blocks {
		switch b.Type {
		case "header":
			if e.Title == "" {
				e.Title = b.Text.Text
			} else {
				add("**" + b.Text.Text + "**")
			}
		case "section":
			add(b.Text.markdown())
			for _, f := range b.Fields {
				name, value, _ := strings.Cut(f.markdown(), "\n")
				e.Fields = append(e.Fields, embedField{Name: filled(strings.Trim(name, "*")), Value: filled(value), Inline: true})
			}
			if b.Accessory != nil && b.Accessory.ImageURL != "" && e.Thumbnail == nil {
				e.Thumbnail = picture(b.Accessory.ImageURL)
			} else if b.Accessory != nil {
				add(b.Accessory.link())
			}
		case "image":
			add(b.Title.Text)
			show(b.ImageURL)
		case "context":
			for _, x := range b.Elements {
				if s := x.Text.markdown(); s != "" {
					small = append(small, s)
				}
			}
		case "actions":
			var links []string
			for _, x := range b.Elements {
				if s := x.link(); s != "" {
					links = append(links, s)
				}
			}
			add(strings.Join(links, " · "))
		case "rich_text":
			for _, x := range b.Elements {
				add(x.rich())
			}
		}
	}
	if len(small) > 0 {
		add(strings.Join(small, " · "))
	}
	if len(lines) > 0 {
		e.Description = strings.TrimSpace(e.Description + "\n\n" + strings.Join(lines, "\n\n"))
	}
	if !e.empty() {
		all = append(all, e)
	}
	return append(all, more...)
}

// link is a button as the link that it is; empty for those that ask Slack.
func (x slackElement) link() string {
	if x.URL == "" {
		return ""
	}
	return "[" + filled(x.Text.Text) + "](" + x.URL + ")"
}

// rich writes an element of a rich text and those in it.
func (x slackElement) rich() string {
	var parts []string
	for _, inner := range x.Elements {
		parts = append(parts, inner.rich())
	}
	switch x.Type {
	case "rich_text_list":
		for i, p := range parts {
			mark := "- "
			if x.Style == "ordered" {
				mark = strconv.Itoa(i+1) + ". "
			}
			parts[i] = mark + p
		}
		return strings.Join(parts, "\n")
	case "rich_text_quote":
		return "> " + strings.ReplaceAll(strings.Join(parts, ""), "\n", "\n> ")
	case "rich_text_preformatted":
		return "```\n" + strings.Join(parts, "") + "\n```"
	case "link":
		if x.Text.Text == "" {
			return x.URL
		}
		return "[" + x.Text.Text + "](" + x.URL + ")"
	case "emoji":
		return ":" + x.Name + ":"
	case "text":
		return x.styled()
	}
	return strings.Join(parts, "")
}

// styled is a word with its marks.
func (x slackElement) styled() string {
	style, _ := x.Style.(map[string]any)
	s := x.Text.Text
	for _, mark := range []struct{ name, mark string }{{"code", "`"}, {"bold", "**"}, {"italic", "_"}, {"strike", "~~"}} {
		if on, _ := style[mark.name].(bool); on && strings.TrimSpace(s) == s && s != "" {
			s = mark.mark + s + mark.mark
		}
	}
	return s
}

func (e embed) empty() bool {
	return e.Title == "" && e.Description == "" && e.Image == nil && e.Thumbnail == nil && len(e.Fields) == 0 && e.Author == nil && e.Footer == nil
}

func picture(address string) *embedPicture {
	if address == "" || len(address) > 2048 {
		return nil
	}
	return &embedPicture{address}
}

// filled stands in for a text that must not be empty.
func filled(s string) string {
	if strings.TrimSpace(s) == "" {
		return "\u200b"
	}
	return s
}

func slackColor(s string) *int {
	if named, ok := map[string]string{"good": "2eb886", "warning": "daa038", "danger": "a30200"}[s]; ok {
		s = named
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(s, "#"), 16, 24)
	if err != nil || s == "" {
		return nil
	}
	color := int(n)
	return &color
}
