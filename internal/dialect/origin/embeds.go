package origin

import (
	"context"
	"encoding/json"

	"parley/internal/chat"
	"parley/internal/jsontext"
)

var embedCommands = map[string]command{"embeds_list": embedsList}

// pollEmbed is how a poll stands among the embeds of its message (specs: originchats-commands §13). Clients find it by its id.
type pollEmbed struct {
	Type  string    `json:"type"`
	Title string    `json:"title"`
	Poll  pollAsked `json:"poll"`
}

type pollAsked struct {
	ID       string       `json:"id"`
	Question string       `json:"question"`
	Options  []pollOption `json:"options"`
	Multiple bool         `json:"allow_multiselect"`
	Expires  seconds      `json:"expires_at"`
	*pollStands
}

// pollStands is how a poll stands, once there is something to say: the public client draws it from the history alone.
type pollStands struct {
	Ended   bool          `json:"ended"`
	EndedAt seconds       `json:"ended_at"`
	Votes   int           `json:"total_votes"`
	Results []optionVotes `json:"results"`
}

// embedsOf are the embeds of a message on the wire: as they were received, and its poll.
func (d *Dialect) embedsOf(ctx context.Context, m *chat.Message) []json.RawMessage {
	var embeds []json.RawMessage
	if m.Extras != nil {
		embeds = m.Extras.Embeds
	}
	if p := m.Poll; p != nil {
		asked := pollEmbed{"poll", p.Question, pollAsked{d.ids.poll(m.ID), p.Question, optionsOf(p), p.Multiple, seconds(p.ExpiresAt), nil}}
		if p.Votes() > 0 || p.Ended() {
			r := d.resultsOf(ctx, m, "")
			asked.Poll.pollStands = &pollStands{r.Ended, r.EndedAt, r.Votes, r.Results}
		}
		embeds = append(embeds[:len(embeds):len(embeds)], jsontext.AppendValue(nil, asked))
	}
	return embeds
}

// appendEmbeds appends the embeds of a message, if it has any.
func (d *Dialect) appendEmbeds(ctx context.Context, b []byte, m *chat.Message) []byte {
	embeds := d.embedsOf(ctx, m)
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
	Cmd    string            `json:"cmd"`
	ID     string            `json:"id"`
	Embeds []json.RawMessage `json:"embeds"`
}

// embedsList returns the embeds of a message (specs: originchats-commands §3.7).
func embedsList(ctx context.Context, s *socket, q *request) (any, error) {
	id, err := q.text("id")
	if err != nil {
		return nil, err
	}
	if id == "" {
		return nil, refuse(q.cmd, "Message ID is required")
	}
	if !q.given("channel") && !q.given("thread_id") {
		return nil, refuse(q.cmd, "Channel or thread_id is required")
	}
	p, err := s.placeOf(ctx, q)
	if err != nil {
		return nil, err
	}
	m, err := s.messageOf(ctx, q, p, "Message not found")
	if err != nil {
		return nil, err
	}
	return embedsPacket{q.cmd, id, append([]json.RawMessage{}, s.dialect.embedsOf(ctx, m)...)}, nil
}
