package origin

import (
	"context"
	"encoding/json"

	"parley/internal/chat"
	"parley/internal/jsontext"
)

var embedCommands = map[string]command{
	"embeds_list": embedsList,
}

// pollEmbed is how a poll stands among the embeds of its message (specs: originchats-commands §13). Clients find it by its id.
type pollEmbed struct {
	Type  string    `json:"type"`
	Title string    `json:"title"`
	Poll  pollShown `json:"poll"`
}

type pollShown struct {
	ID       string       `json:"id"`
	Question string       `json:"question"`
	Options  []pollOption `json:"options"`
	Multiple bool         `json:"allow_multiselect"`
	Expires  seconds      `json:"expires_at"`
}

// embedsOf are the embeds of a message on the wire: as they were received, and its poll.
func (d *Dialect) embedsOf(m *chat.Message) []json.RawMessage {
	var embeds []json.RawMessage
	if m.Extras != nil {
		embeds = m.Extras.Embeds
	}
	if p := m.Poll; p != nil {
		shown := pollEmbed{"poll", p.Question, pollShown{d.ids.poll(m.ID), p.Question, optionsOf(p), p.Multiple, seconds(p.ExpiresAt)}}
		embeds = append(embeds[:len(embeds):len(embeds)], jsontext.AppendValue(nil, shown))
	}
	return embeds
}

// appendEmbeds appends the embeds of a message after a comma, if it has any.
func (d *Dialect) appendEmbeds(b []byte, m *chat.Message) []byte {
	embeds := d.embedsOf(m)
	if len(embeds) == 0 {
		return b
	}
	b = append(b, `,"embeds":[`...)
	for i, raw := range embeds {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, raw...)
	}
	return append(b, ']')
}

type embedsPacket struct {
	Cmd     string            `json:"cmd"`
	ID      string            `json:"id"`
	Channel string            `json:"channel"`
	Thread  string            `json:"thread_id,omitempty"`
	Embeds  []json.RawMessage `json:"embeds"`
}

// embedsList returns the embeds of a message.
func embedsList(ctx context.Context, s *socket, q *request) (any, error) {
	return nil, nil
}
