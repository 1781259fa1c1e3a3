package native

import (
	"context"

	"parley/internal/chat"
	"parley/internal/core"
)

type (
	// Poll is a question that a message puts to its room.
	Poll struct {
		Question  string       `json:"question" example:"Tea or coffee?"`
		Options   []PollOption `json:"options"`
		Multiple  bool         `json:"multiple" doc:"People may vote for several options."`
		CreatedBy *string      `json:"created_by" format:"uuid" example:"0199f0a4-7c1e-7a60-9d6b-2f6f0a9e3b11"`
		ExpiresAt *string      `json:"expires_at" format:"date-time" doc:"From then on no votes are taken; null: never." example:"2026-03-02T10:15:00.000Z"`
		EndedAt   *string      `json:"ended_at" format:"date-time" doc:"When it was ended by hand; null: it was not. From then on who voted for what is for everyone to see." example:"2026-03-01T12:00:00.000Z"`
		Votes     int          `json:"votes" doc:"Of all options." example:"3"`
		Voters    int          `json:"voters" doc:"People who voted." example:"2"`
	}
	// PollOption is one answer.
	PollOption struct {
		ID    string  `json:"id" doc:"Unique within the poll." example:"0"`
		Text  string  `json:"text" example:"Tea"`
		Emoji *string `json:"emoji" example:"🫖"`
		Votes int     `json:"votes" example:"2"`
		Me    bool    `json:"me" doc:"The caller voted for it."`
	}
	// PollVoters is who voted for one option.
	PollVoters struct {
		ID    string        `json:"id" doc:"Of the option." example:"0"`
		Users []UserSummary `json:"users" doc:"The first 100 of them, in the order they voted."`
	}
	pollResults struct {
		Poll   Poll         `json:"poll"`
		Voters []PollVoters `json:"voters" doc:"By option; empty until the poll was ended."`
	}
	newPollRequest struct {
		Question  string            `json:"question" maxLength:"300" example:"Tea or coffee?"`
		Options   []newOptionObject `json:"options" doc:"2 to 10."`
		Multiple  bool              `json:"multiple" required:"false"`
		ExpiresAt *string           `json:"expires_at" required:"false" format:"date-time" doc:"In the future; null or not given: never." example:"2026-03-02T10:15:00.000Z"`
	}
	newOptionObject struct {
		ID    string `json:"id" required:"false" doc:"1 to 50 characters, unique; not given: its place, from 0." maxLength:"50" example:"tea"`
		Text  string `json:"text" maxLength:"100" example:"Tea"`
		Emoji string `json:"emoji" required:"false" maxLength:"64" example:"🫖"`
	}
	votesRequest struct {
		Options []string `json:"options" doc:"Ids of options." example:"[\"0\"]"`
	}
	tallyFrame struct { // poll_voted, poll_ended
		Type      string  `json:"type"`
		RoomID    string  `json:"room_id"`
		MessageID string  `json:"message_id"`
		ChangeSeq int64   `json:"change_seq"`
		Options   []tally `json:"options"`
		Votes     int     `json:"votes"`
		Voters    int     `json:"voters"`
		EndedAt   *string `json:"ended_at"`
		Me        *mine   `json:"me,omitempty"`
	}
	tally struct {
		ID    string `json:"id"`
		Votes int    `json:"votes"`
	}
	mine struct {
		Options []string `json:"options"`
	}
)

const pollFaults = "message_not_found not_a_member poll_not_found poll_ended poll_expired options_missing option_invalid room_archived banned timed_out"

// pollOf converts a poll for one viewer.
func pollOf(p *chat.Poll, viewer chat.UserID) *Poll {
	out := &Poll{Question: p.Question, Options: make([]PollOption, len(p.Options)), Multiple: p.Multiple, CreatedBy: orNil(string(p.CreatedBy)),
		ExpiresAt: timeOrNil(p.ExpiresAt), EndedAt: timeOrNil(p.EndedAt), Votes: p.Votes(), Voters: len(p.Voters())}
	for i, o := range p.Options {
		out.Options[i] = PollOption{ID: o.ID, Text: o.Text, Emoji: orNil(o.Emoji), Votes: len(o.Voters)}
		for _, u := range o.Voters {
			out.Options[i].Me = out.Options[i].Me || viewer != "" && u == viewer
		}
	}
	return out
}

// tallyOf makes the frame of a poll's state; whose is set shows what this person voted for, to them.
func tallyOf(kind string, m *chat.Message, whose chat.UserID) any {
	p := m.Poll
	if p == nil { // deleted since
		return nil
	}
	f := tallyFrame{Type: kind, RoomID: m.RoomID.String(), MessageID: m.ID.String(), ChangeSeq: int64(m.ChangeSeq), Votes: p.Votes(), Voters: len(p.Voters()), EndedAt: timeOrNil(p.EndedAt)}
	for _, o := range p.Options {
		f.Options = append(f.Options, tally{o.ID, len(o.Voters)})
	}
	if whose != "" {
		f.Me = &mine{append([]string{}, p.VotesOf(whose)...)}
	}
	return f
}

// poll turns the request into the core's terms.
func (r *newPollRequest) poll() (*core.NewPoll, error) {
	if r == nil {
		return nil, nil
	}
	p := &core.NewPoll{Question: r.Question, Multiple: r.Multiple}
	for _, o := range r.Options {
		p.Options = append(p.Options, chat.PollOption{ID: o.ID, Text: o.Text, Emoji: o.Emoji})
	}
	var err error
	p.ExpiresAt, err = parseTime("expires_at", r.ExpiresAt)
	return p, err
}

func (d *Dialect) registerPolls() {
	const tag = "Polls"
	handle(d, "GET /messages/{id}/poll", endpoint{id: "get-poll", tag: tag, summary: "Read a poll with its results", codes: "message_not_found not_a_member poll_not_found"},
		func(ctx context.Context, by chat.Actor, in *MessagePath) (*reply[pollResults], error) {
			id, err := in.message()
			if err != nil {
				return nil, err
			}
			m, err := d.core.Poll(ctx, by, id)
			if err != nil {
				return nil, err
			}
			users, err := d.core.PollVoters(ctx, by, m.Poll)
			if err != nil {
				return nil, err
			}
			out := pollResults{Poll: *pollOf(m.Poll, by.UserID), Voters: []PollVoters{}}
			if m.Poll.Ended() {
				for _, o := range m.Poll.Options {
					v := PollVoters{ID: o.ID, Users: []UserSummary{}}
					for _, id := range o.Voters[:min(len(o.Voters), 100)] {
						if u := users[id]; u != nil {
							v.Users = append(v.Users, d.summary(u))
						}
					}
					out.Voters = append(out.Voters, v)
				}
			}
			return ok(out), nil
		})
	handle(d, "POST /messages/{id}/poll/votes", endpoint{
		id: "vote", tag: tag, summary: "Vote in a poll",
		description: "With one choice the vote moves to the option named last; with several the options named are added. Repeating is fine.", codes: pollFaults,
	}, func(ctx context.Context, by chat.Actor, in *struct {
		MessagePath
		Body votesRequest
	}) (*reply[Message], error) {
		id, err := in.message()
		if err != nil {
			return nil, err
		}
		m, err := d.core.Vote(ctx, by, id, in.Body.Options)
		return d.messageReply(m, by, err)
	})
	handle(d, "DELETE /messages/{id}/poll/votes/{option}", endpoint{
		id: "unvote", tag: tag, summary: "Take a vote back", description: "Of a poll that takes votes. One that was not given is fine.", codes: pollFaults,
	}, func(ctx context.Context, by chat.Actor, in *struct {
		MessagePath
		Option string `path:"option" doc:"Id of the option." example:"0"`
	}) (*nothing, error) {
		id, err := in.message()
		if err != nil {
			return nil, err
		}
		_, err = d.core.Unvote(ctx, by, id, []string{in.Option})
		return nil, err
	})
	handle(d, "POST /messages/{id}/poll/end", endpoint{
		id: "end-poll", tag: tag, summary: "End a poll", description: "For who made it and for the room's admins. Everybody then sees who voted for what.",
		codes: "message_not_found not_a_member poll_not_found poll_ended poll_end_forbidden banned timed_out",
	}, func(ctx context.Context, by chat.Actor, in *MessagePath) (*reply[Message], error) {
		id, err := in.message()
		if err != nil {
			return nil, err
		}
		m, err := d.core.EndPoll(ctx, by, id)
		return d.messageReply(m, by, err)
	})
}
