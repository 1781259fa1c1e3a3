package origin

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/jsontext"
)

// A poll has an id of its own on the wire, which is that of its message in another form: where a command takes one, it takes the
// other as well. What clients draw is an embed of the message, see embeds.go.
var pollCommands = map[string]command{
	"poll_create": pollCreate, "poll_vote": pollVote, "poll_end": pollEnd, "poll_results": pollResults, "poll_get": pollGet,
}

type pollOption struct {
	ID    string `json:"id"`
	Text  string `json:"text"`
	Emoji string `json:"emoji,omitempty"`
}

func optionsOf(p *chat.Poll) []pollOption {
	out := make([]pollOption, len(p.Options))
	for i, o := range p.Options {
		out[i] = pollOption{o.ID, o.Text, o.Emoji}
	}
	return out
}

// results are how a poll stands (specs: originchats §6.8).
type results struct {
	PollID   string        `json:"poll_id"`
	Question string        `json:"question"`
	Multiple bool          `json:"allow_multiselect"`
	Ended    bool          `json:"ended"`
	EndedAt  seconds       `json:"ended_at"`
	Votes    int           `json:"total_votes"`
	Results  []optionVotes `json:"results"`
}

type optionVotes struct {
	ID     string   `json:"id"`
	Text   string   `json:"text"`
	Emoji  *string  `json:"emoji"`
	Votes  int      `json:"votes"`
	Voters []string `json:"voters"`
	Voted  *bool    `json:"voted,omitempty"`
}

// resultsOf shows how a poll stands: with names once it was ended, and with whose votes are the viewer's where there is one.
func (d *Dialect) resultsOf(ctx context.Context, m *chat.Message, viewer chat.UserID) results {
	p := m.Poll
	r := results{d.ids.poll(m.ID), p.Question, p.Multiple, p.Ended(), seconds(p.EndedAt), p.Votes(), make([]optionVotes, len(p.Options))}
	for i, o := range p.Options {
		v := optionVotes{ID: o.ID, Text: o.Text, Votes: len(o.Voters), Voters: []string{}}
		if o.Emoji != "" {
			v.Emoji = &o.Emoji
		}
		if p.Ended() {
			for _, user := range o.Voters {
				v.Voters = append(v.Voters, d.nameByID(ctx, user))
			}
		}
		if viewer != "" {
			voted := slices.Contains(o.Voters, viewer)
			v.Voted = &voted
		}
		r.Results[i] = v
	}
	return r
}

// pollPlace is where a poll is, as its packets say it.
type pollPlace struct {
	PollID    string  `json:"poll_id"`
	MessageID string  `json:"message_id"`
	Channel   string  `json:"channel"`
	ThreadID  *string `json:"thread_id"`
}

func (d *Dialect) pollPlace(ctx context.Context, m *chat.Message) pollPlace {
	p := pollPlace{PollID: d.ids.poll(m.ID), MessageID: d.ids.message(m.ID), Channel: d.channelName(ctx, m.RoomID)}
	if thread := d.threadOf(ctx, m); thread != 0 {
		id := d.ids.thread(thread)
		p.ThreadID = &id
	}
	return p
}

// pollAnnounced is the message_new of a poll: the shape of all others, and beside it the flat fields that clients read of polls
// (DV-85).
func (d *Dialect) pollAnnounced(ctx context.Context, m *chat.Message) []byte {
	place := d.pollPlace(ctx, m)
	b := jsontext.AppendString([]byte(`{"cmd":"message_new","channel":`), place.Channel)
	b = jsontext.AppendValue(append(b, `,"thread_id":`...), place.ThreadID)
	b = d.appendMessage(ctx, append(b, `,"global":true,"message":`...), m, true)
	b = jsontext.AppendString(append(b, `,"id":`...), place.MessageID)
	b = jsontext.AppendString(append(b, `,"user":`...), d.authorOf(ctx, m))
	b = jsontext.AppendString(append(b, `,"content":`...), m.Content)
	b = appendSeconds(append(b, `,"timestamp":`...), m.CreatedAt)
	b = d.appendEmbeds(ctx, b, m)
	return append(jsontext.AppendString(append(b, `,"poll_id":`...), place.PollID), '}')
}

type votePacket struct {
	Cmd string `json:"cmd"`
	pollPlace
	User    string   `json:"user"`
	Options []string `json:"option_ids"`
	Results results  `json:"results"`
}

// pollVoted is a vote, for everyone who sees the channel.
func (d *Dialect) pollVoted(ctx context.Context, e chat.PollVoted) any {
	if !d.shown(ctx, e.Message) || e.Message.Poll == nil {
		return nil
	}
	return votePacket{"poll_vote_update", d.pollPlace(ctx, e.Message), d.nameByID(ctx, e.UserID), append([]string{}, e.Options...), d.resultsOf(ctx, e.Message, "")}
}

type pollEndPacket struct {
	Cmd string `json:"cmd"`
	pollPlace
	Results results `json:"results"`
}

// pollEnded is the end of a poll, for everyone who sees the channel.
func (d *Dialect) pollEnded(ctx context.Context, m *chat.Message) any {
	if !d.shown(ctx, m) || m.Poll == nil {
		return nil
	}
	return pollEndPacket{"poll_end", d.pollPlace(ctx, m), d.resultsOf(ctx, m, "")}
}

type pollCreatedPacket struct {
	Cmd string `json:"cmd"`
	pollPlace
	Question string       `json:"question"`
	Options  []pollOption `json:"options"`
	Multiple bool         `json:"allow_multiselect"`
	Expires  seconds      `json:"expires_at"`
}

// pollCreate asks a question (specs: originchats-commands §13).
func pollCreate(ctx context.Context, s *socket, q *request) (any, error) {
	d := s.dialect
	switch err := d.core.Permitted(ctx, s.actor, "send_messages"); {
	case chat.CodeOf(err) == "permission_missing":
		return nil, needs(q.cmd, "send_messages")
	case err != nil:
		return nil, err
	}
	channel, err := q.text("channel")
	if err != nil {
		return nil, err
	}
	thread, err := q.text("thread_id")
	if err != nil {
		return nil, err
	}
	if channel == "" && thread == "" {
		return nil, refuse(q.cmd, "Channel or thread_id is required")
	}
	asked, err := q.poll()
	if err != nil {
		return nil, err
	}
	p, err := s.sayPlace(ctx, q, channel, thread)
	if err != nil {
		return nil, err
	}
	var m *chat.Message
	err = s.first(ctx, q, p.room.ID, func(ctx context.Context) (string, error) {
		var err error
		if m, _, err = d.core.SendMessage(ctx, s.actor, core.NewMessage{RoomID: p.room.ID, ThreadID: p.threadID(), Poll: asked, KeepRead: true}); err != nil {
			return "", err
		}
		return m.Mark, nil
	})
	if e := chat.AsError(err); err != nil && e.Code == "poll_invalid" {
		return nil, q.wrongType(e.Field)
	}
	if err != nil {
		return nil, inWords(err, q.cmd, sayWords(p))
	}
	return pollCreatedPacket{q.cmd, d.pollPlace(ctx, m), m.Poll.Question, optionsOf(m.Poll), m.Poll.Multiple, seconds(m.Poll.ExpiresAt)}, nil
}

// first runs a call of the core whose event is to reach this connection before the reply.
func (s *socket) first(ctx context.Context, q *request, room chat.RoomID, do func(ctx context.Context) (mark string, err error)) error {
	_, err := s.answering(ctx, &request{cmd: q.cmd}, room, do) // without the listener, which is the reply's
	return err
}

// poll reads what is asked. Its bounds are the core's.
func (q *request) poll() (*core.NewPoll, error) {
	n := &core.NewPoll{}
	var err error
	if n.Question, err = q.text("question"); err != nil {
		return nil, err
	}
	if n.Question == "" {
		return nil, refuse(q.cmd, "Question is required")
	}
	options, err := q.list("options")
	switch {
	case err != nil:
		return nil, err
	case len(options) < 2:
		return nil, refuse(q.cmd, "At least 2 options are required")
	case len(options) > 10:
		return nil, refuse(q.cmd, "Cannot have more than 10 options")
	}
	for i, raw := range options {
		o := chat.PollOption{ID: strconv.Itoa(i)}
		if kindOf(raw) == "str" {
			err = json.Unmarshal(raw, &o.Text)
		} else {
			var fields struct {
				ID          *string
				Text, Emoji string
			}
			if kindOf(raw) != "dict" || json.Unmarshal(raw, &fields) != nil {
				return nil, q.wrongType("options")
			}
			o.Text, o.Emoji = fields.Text, fields.Emoji
			if fields.ID != nil {
				if o.ID = *fields.ID; o.ID == "" {
					return nil, q.wrongType("options")
				}
			}
		}
		if err != nil {
			return nil, q.wrongType("options")
		}
		if o.Text == "" {
			return nil, refusef(q.cmd, "Option %d must have 'text'", i)
		}
		n.Options = append(n.Options, o)
	}
	if n.Multiple, err = q.flag("allow_multiselect", false); err != nil {
		return nil, err
	}
	at, given, err := q.number("expires_at")
	if err != nil {
		return nil, err
	}
	if given {
		if at <= 0 || at > 1<<40 {
			return nil, q.wrongType("expires_at")
		}
		n.ExpiresAt = time.UnixMicro(int64(at * 1e6))
		return n, nil
	}
	hours, given, err := q.number("duration_hours")
	if err != nil {
		return nil, err
	}
	if given {
		if hours <= 0 || hours > 24*366*100 {
			return nil, q.wrongType("duration_hours")
		}
		n.ExpiresIn = time.Duration(hours * float64(time.Hour))
	}
	return n, nil
}

// pollOf finds the poll that a command names by either id.
func (s *socket) pollOf(ctx context.Context, q *request) (*chat.Message, error) {
	var id chat.MessageID
	poll, err := q.text("poll_id")
	if err != nil {
		return nil, err
	}
	message, err := q.text("message_id")
	if err != nil {
		return nil, err
	}
	switch {
	case poll != "":
		id = s.dialect.ids.readPoll(poll)
	case message != "":
		id = s.dialect.ids.readMessage(message)
	default:
		return nil, refuse(q.cmd, "poll_id or message_id is required")
	}
	m, err := s.dialect.core.Poll(ctx, chat.Operator, id) // that it is there is said before that one may not see it
	if e := chat.AsError(err); err != nil && e.Kind == chat.NotFound || err == nil && !s.dialect.shown(ctx, m) {
		return nil, refuse(q.cmd, "Poll not found")
	}
	return m, err
}

// viewedPoll is pollOf for those who may read it.
func (s *socket) viewedPoll(ctx context.Context, q *request) (*chat.Message, error) {
	m, err := s.pollOf(ctx, q)
	if err != nil {
		return nil, err
	}
	return m, inWords(s.views(ctx, m), q.cmd, pollWords)
}

// views refuses who may not read a message.
func (s *socket) views(ctx context.Context, m *chat.Message) error {
	_, err := s.dialect.core.Poll(ctx, s.actor, m.ID)
	return err
}

const noPollView = "You do not have permission to view this poll"

// pollWords are the protocol's words for the core's refusals.
var pollWords = map[string]string{
	"poll_not_found": "Poll not found", "poll_ended": "Poll has ended", "poll_expired": "Poll has expired",
	chat.ErrMessageNotFound.Code: noPollView, chat.ErrRoomNotFound.Code: noPollView, chat.ErrNotAMember.Code: noPollView, "read_forbidden": noPollView, "banned": noPollView, "timed_out": noPollView,
}

type votedPacket struct {
	Cmd     string   `json:"cmd"`
	PollID  string   `json:"poll_id"`
	Options []string `json:"option_ids"`
	Results results  `json:"results"`
}

// pollVote votes (specs: originchats-commands §13).
func pollVote(ctx context.Context, s *socket, q *request) (any, error) {
	d := s.dialect
	m, err := s.pollOf(ctx, q)
	if err != nil {
		return nil, err
	}
	var options []string
	switch {
	case q.given("option_ids") && kindOf(q.fields["option_ids"]) == "str":
		var id string
		id, err = q.text("option_ids")
		options = []string{id}
	case q.given("option_ids"):
		options, err = q.texts("option_ids")
	case q.given("option_id"):
		var id string
		id, err = q.text("option_id")
		options = []string{id}
	}
	if err != nil {
		return nil, err
	}
	if len(options) == 0 || len(options) == 1 && options[0] == "" {
		return nil, refuse(q.cmd, "option_id or option_ids is required")
	}
	err = s.first(ctx, q, m.RoomID, func(ctx context.Context) (string, error) {
		now, err := d.core.Vote(ctx, s.actor, m.ID, options)
		if err != nil {
			return "", err
		}
		m = now
		return m.Mark, nil
	})
	if err != nil {
		return nil, inWords(err, q.cmd, pollWords)
	}
	return votedPacket{q.cmd, d.ids.poll(m.ID), options, d.resultsOf(ctx, m, "")}, nil
}

type endedPacket struct {
	Cmd     string  `json:"cmd"`
	PollID  string  `json:"poll_id"`
	Results results `json:"results"`
}

// pollEnd ends a poll (specs: originchats-commands §13).
func pollEnd(ctx context.Context, s *socket, q *request) (any, error) {
	d := s.dialect
	m, err := s.pollOf(ctx, q)
	if err != nil {
		return nil, err
	}
	err = s.first(ctx, q, m.RoomID, func(ctx context.Context) (string, error) {
		now, err := d.core.EndPoll(ctx, s.actor, m.ID)
		if err != nil {
			return "", err
		}
		m = now
		return m.Mark, nil
	})
	switch chat.CodeOf(err) {
	case "":
	case "poll_ended":
		return nil, refuse(q.cmd, "Poll has already ended")
	case "poll_end_forbidden":
		return nil, needs(q.cmd, "manage_messages")
	default:
		return nil, inWords(err, q.cmd, pollWords)
	}
	return endedPacket{q.cmd, d.ids.poll(m.ID), d.resultsOf(ctx, m, "")}, nil
}

type resultsPacket struct {
	Cmd       string  `json:"cmd"`
	PollID    string  `json:"poll_id"`
	MessageID string  `json:"message_id"`
	Results   results `json:"results"`
}

// pollResults shows how a poll stands, and what the caller voted for.
func pollResults(ctx context.Context, s *socket, q *request) (any, error) {
	m, err := s.viewedPoll(ctx, q)
	if err != nil {
		return nil, err
	}
	d := s.dialect
	return resultsPacket{q.cmd, d.ids.poll(m.ID), d.ids.message(m.ID), d.resultsOf(ctx, m, s.actor.UserID)}, nil
}

type pollPacket struct {
	Cmd  string     `json:"cmd"`
	Poll pollDetail `json:"poll"`
}

// pollDetail is a poll (specs: originchats §6.8).
type pollDetail struct {
	ID        string       `json:"id"`
	MessageID string       `json:"message_id"`
	Channel   string       `json:"channel"`
	ThreadID  *string      `json:"thread_id"`
	Question  string       `json:"question"`
	Options   []pollOption `json:"options"`
	Multiple  bool         `json:"allow_multiselect"`
	Expires   seconds      `json:"expires_at"`
	CreatedBy string       `json:"created_by"`
	CreatedAt seconds      `json:"created_at"`
	Ended     bool         `json:"ended"`
	EndedAt   seconds      `json:"ended_at"`
	Mine      []string     `json:"user_votes"`
}

func pollGet(ctx context.Context, s *socket, q *request) (any, error) {
	m, err := s.viewedPoll(ctx, q)
	if err != nil {
		return nil, err
	}
	d, p := s.dialect, m.Poll
	at := d.pollPlace(ctx, m)
	return pollPacket{q.cmd, pollDetail{
		at.PollID, at.MessageID, at.Channel, at.ThreadID, p.Question, optionsOf(p), p.Multiple, seconds(p.ExpiresAt), d.nameByID(ctx, p.CreatedBy), seconds(m.CreatedAt),
		p.Ended(), seconds(p.EndedAt), append([]string{}, p.VotesOf(s.actor.UserID)...),
	}}, nil
}
