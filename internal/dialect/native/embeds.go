package native

import (
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"parley/internal/chat"
	"parley/internal/core"
)

type (
	// Embed is what a message shows beside its text.
	Embed struct {
		Type        string       `json:"type" enum:"rich,poll,link,image,video,article" example:"rich"`
		Title       string       `json:"title" example:"main: 1 commit"`
		Description string       `json:"description" doc:"Markdown." example:"Fix the **boiler**"`
		URL         *string      `json:"url" doc:"Where the title leads; http or https." example:"https://git.example/engine/compare/1...2"`
		Color       *int         `json:"color" doc:"0xRRGGBB as a number." minimum:"0" maximum:"16777215" example:"2369838"`
		Timestamp   *string      `json:"timestamp" format:"date-time" example:"2026-03-01T10:15:00.000Z"`
		Author      *EmbedAuthor `json:"author"`
		Footer      *EmbedFooter `json:"footer"`
		Image       *Picture     `json:"image"`
		Thumbnail   *Picture     `json:"thumbnail"`
		Fields      []EmbedField `json:"fields"`
	}
	// EmbedAuthor is who or what an embed comes from.
	EmbedAuthor struct {
		Name string   `json:"name" example:"ada - engine"`
		URL  *string  `json:"url" example:"https://git.example/ada"`
		Icon *Picture `json:"icon"`
	}
	// EmbedFooter is the small print of an embed.
	EmbedFooter struct {
		Text string   `json:"text" example:"Build 41"`
		Icon *Picture `json:"icon"`
	}
	// EmbedField is a name with a value.
	EmbedField struct {
		Name   string `json:"name" example:"Pressure"`
		Value  string `json:"value" doc:"Markdown." example:"3.5 bar"`
		Inline bool   `json:"inline" doc:"Stands beside others that are inline, too."`
	}
	// Picture is a picture on another site, and what this server keeps of it.
	Picture struct {
		URL    string  `json:"url" doc:"Where it is; http or https." example:"https://pictures.example/engine.png"`
		Image  *string `json:"image" doc:"Path of the picture as this server keeps it; null until it was fetched, or if it cannot be." example:"/api/previews/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
		Width  *int    `json:"width" doc:"In pixels." example:"480"`
		Height *int    `json:"height" example:"270"`
	}
	// Author is the face of a message without a sender.
	Author struct {
		Kind   string   `json:"kind" enum:"webhook,plugin,server" example:"webhook"`
		ID     string   `json:"id" doc:"Of the webhook or plugin; what a service calls itself may stand here." example:"0b8f7c44-2f0e-4a53-9d54-0a3c1f1e7a10"`
		Name   string   `json:"name" example:"CI"`
		Avatar *Picture `json:"avatar"`
	}
	// CommandUse says which slash command a message answers.
	CommandUse struct {
		Name   string `json:"name" example:"roll"`
		UserID string `json:"user_id" doc:"Who used it." format:"uuid" example:"0199f0a4-7c1e-7a60-9d6b-2f6f0a9e3b11"`
	}
)

// TransformSchema implements huma.SchemaTransformer.
func (*Embed) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return nullable(s, "author", "footer", "image", "thumbnail")
}

// TransformSchema implements huma.SchemaTransformer.
func (*EmbedAuthor) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return nullable(s, "icon")
}

// TransformSchema implements huma.SchemaTransformer.
func (*EmbedFooter) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return nullable(s, "icon")
}

// TransformSchema implements huma.SchemaTransformer.
func (*Author) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return nullable(s, "avatar")
}

// carried fills what few messages have.
func (d *Dialect) carried(out *Message, m *chat.Message, viewer chat.UserID) {
	if x := m.Extras; x != nil {
		if x.Author != nil {
			out.Author = &Author{Kind: string(x.Author.Kind), ID: x.Author.ID, Name: x.Author.Name, Avatar: pictureOf(m, x.Author.AvatarURL, 0, 0)}
		}
		if x.Command != nil {
			out.Command = &CommandUse{Name: x.Command.Name, UserID: string(x.Command.UserID)}
		}
		for _, raw := range x.Embeds {
			if e, err := core.ParseEmbed(raw); err == nil { // checked when it was stored
				out.Embeds = append(out.Embeds, embedOf(m, e))
			}
		}
	}
	if m.Poll != nil {
		out.Poll = pollOf(m.Poll, viewer)
	}
}

func embedOf(m *chat.Message, e core.Embed) Embed {
	out := Embed{Type: e.Type, Title: e.Title, Description: e.Description, URL: webOrNil(e.URL), Color: e.Color, Timestamp: timeOrNil(core.EmbedTime(e.Timestamp)), Fields: []EmbedField{}}
	if e.Author != nil {
		out.Author = &EmbedAuthor{Name: e.Author.Name, URL: webOrNil(e.Author.URL), Icon: pictureOf(m, e.Author.IconURL, 0, 0)}
	}
	if e.Footer != nil {
		out.Footer = &EmbedFooter{Text: e.Footer.Text, Icon: pictureOf(m, e.Footer.IconURL, 0, 0)}
	}
	if e.Image != nil {
		out.Image = pictureOf(m, e.Image.URL, e.Image.Width, e.Image.Height)
	}
	if e.Thumbnail != nil {
		out.Thumbnail = pictureOf(m, e.Thumbnail.URL, e.Thumbnail.Width, e.Thumbnail.Height)
	}
	for _, f := range e.Fields {
		out.Fields = append(out.Fields, EmbedField{Name: f.Name, Value: f.Value, Inline: f.Inline})
	}
	if e.Poll != nil { // a drawing of one: its words are all there is to it
		lines := []string{e.Description, e.Poll.Question}
		for _, o := range e.Poll.Options {
			lines = append(lines, "- "+strings.TrimSpace(o.Emoji+" "+o.Text))
		}
		out.Description = strings.TrimSpace(strings.Join(lines, "\n"))
	}
	return out
}

// webOrNil is an address that may be shown as a link.
func webOrNil(address string) *string {
	if !core.WebAddress(address) {
		return nil
	}
	return &address
}

// pictureOf finds what is kept of a picture that a message shows; nil if its address is none of the web.
func pictureOf(m *chat.Message, address string, width, height int) *Picture {
	if !core.WebAddress(address) {
		return nil
	}
	out := &Picture{URL: address, Width: orNil(width), Height: orNil(height)}
	for _, l := range m.Links {
		if l.Picture && l.URL == address && l.Image != "" {
			out.Image, out.Width, out.Height = orNil(l.Image), orNil(l.Width), orNil(l.Height)
		}
	}
	return out
}
