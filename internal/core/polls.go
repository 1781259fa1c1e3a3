package core

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"parley/internal/chat"
)

// Bounds of polls (specs: originchats, poll_create).
const (
	maxQuestion    = 300
	maxOptionText  = 100
	maxOptionID    = 50
	maxOptionEmoji = 64
	minPollOptions = 2
	maxPollOptions = 10
)

var (
	errNoPoll      = chat.Errorf(chat.NotFound, "poll_not_found", "There is no poll in this message.")
	errPollEnded   = chat.Errorf(chat.Conflict, "poll_ended", "The poll has ended.")
	errPollExpired = chat.Errorf(chat.Conflict, "poll_expired", "The time to vote in this poll is over.")
	errNoOption    = chat.InvalidField("options", "options_missing", "Name at least one option.")
)

// NewPoll is a question that a person puts to a room, see NewMessage.Poll.
type NewPoll struct {
	Question  string            // 1–300 characters
	Options   []chat.PollOption // 2–10: a text of 1–100 characters; an id of 1–50, unique, or none to be given its place, from 0; an emoji of at most 64, or none
	Multiple  bool
	ExpiresAt time.Time     // in the future; zero: never
	ExpiresIn time.Duration // in place of it, from now
}

// poll checks what is asked. Fails with poll_invalid.
func (n *NewPoll) poll(by chat.UserID, now time.Time) (*chat.Poll, error) {
	refuse := func(field, format string, args ...any) (*chat.Poll, error) {
		return nil, chat.InvalidField(field, "poll_invalid", format, args...)
	}
	p := &chat.Poll{Multiple: n.Multiple, CreatedBy: by, ExpiresAt: n.ExpiresAt}
	if p.ExpiresAt.IsZero() && n.ExpiresIn != 0 {
		p.ExpiresAt = now.Add(n.ExpiresIn)
	}
	var ok bool
	if p.Question, ok = pollText(n.Question, maxQuestion); !ok {
		return refuse("question", "A question has between 1 and %d characters.", maxQuestion)
	}
	if len(n.Options) < minPollOptions || len(n.Options) > maxPollOptions {
		return refuse("options", "A poll has between %d and %d options.", minPollOptions, maxPollOptions)
	}
	for i, o := range n.Options {
		if o.ID == "" {
			o.ID = strconv.Itoa(i)
		}
		o.Voters = nil
		if o.Text, ok = pollText(o.Text, maxOptionText); !ok {
			return refuse("options", "Option %d: its text has between 1 and %d characters.", i+1, maxOptionText)
		}
		if !line(o.ID, maxOptionID) {
			return refuse("options", "Option %d: its id has between 1 and %d characters.", i+1, maxOptionID)
		}
		if p.Option(o.ID) != nil {
			return refuse("options", "Option %d: another option has the same id.", i+1)
		}
		if o.Emoji != "" && !line(o.Emoji, maxOptionEmoji) {
			return refuse("options", "Option %d: an emoji has at most %d characters.", i+1, maxOptionEmoji)
		}
		p.Options = append(p.Options, o)
	}
	if !p.ExpiresAt.IsZero() && !p.ExpiresAt.After(now) {
		return refuse("expires_at", "A poll ends in the future.")
	}
	return p, nil
}

// CheckPoll makes the poll that somebody asks, without an end. Fails with poll_invalid.
func CheckPoll(n NewPoll, by chat.UserID) (*chat.Poll, error) {
	n.ExpiresAt, n.ExpiresIn = time.Time{}, 0
	return n.poll(by, time.Time{})
}

// pollText trims a text that must show something.
func pollText(s string, max int) (string, bool) {
	if len(s) > 8*max+64 || !utf8.ValidString(s) {
		return "", false
	}
	s = strings.Join(strings.Fields(s), " ")
	if bad, _ := cleanName("", "poll", s, 1, max); bad == "" {
		return "", false
	}
	return s, true
}

// line says whether s is one line of at least one and at most max characters.
func line(s string, max int) bool {
	return s != "" && utf8.ValidString(s) && utf8.RuneCountInString(s) <= max && !strings.ContainsFunc(s, isControl)
}

// pollWords are the texts by which a poll is found.
func pollWords(p *chat.Poll) []string {
	words := []string{p.Question}
	for _, o := range p.Options {
		words = append(words, o.Text)
	}
	return words
}

// Vote gives votes in a poll to options, by id. In a poll with one choice the vote moves to the last of them; in one with
// several they are added to those that the person gave before. What is there already is fine and tells nobody. All are checked
// before any is counted. Fails with message_not_found, poll_not_found, options_missing, poll_ended, poll_expired, option_invalid,
// room_archived.
func (c *Core) Vote(ctx context.Context, by chat.Actor, id chat.MessageID, options []string) (*chat.Message, error) {
	return c.vote(ctx, by, id, options, func(p *chat.Poll, mine []string) []string {
		if !p.Multiple {
			return options[len(options)-1:]
		}
		return append(mine, options...)
	})
}

// Unvote takes votes back. Those that were not given are fine. Fails like Vote.
func (c *Core) Unvote(ctx context.Context, by chat.Actor, id chat.MessageID, options []string) (*chat.Message, error) {
	return c.vote(ctx, by, id, options, func(_ *chat.Poll, mine []string) []string {
		return slices.DeleteFunc(mine, func(id string) bool { return slices.Contains(options, id) })
	})
}

// vote replaces a person's votes by what then makes of those they gave.
func (c *Core) vote(ctx context.Context, by chat.Actor, id chat.MessageID, options []string, then func(p *chat.Poll, mine []string) []string) (msg *chat.Message, err error) {
	if _, err := c.person(ctx, by); err != nil {
		return nil, err
	}
	old, err := c.Poll(ctx, by, id)
	if err != nil {
		return nil, err
	}
	if len(options) == 0 {
		return nil, errNoOption
	}
	s, err := c.allow(ctx, by, chat.CanRead, old.RoomID)
	if err != nil {
		return nil, err
	}
	if s.room.Archived {
		return nil, chat.Errorf(chat.Forbidden, "room_archived", "This room is archived: it can be read but not changed.")
	}
	err = c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		now, err := tx.Message(ctx, id)
		if err != nil {
			return nil, err
		}
		switch {
		case now.Poll == nil:
			return nil, errNoPoll
		case now.Poll.Ended():
			return nil, errPollEnded
		case !now.Poll.Open(c.now()):
			return nil, errPollExpired
		}
		for _, option := range options {
			if now.Poll.Option(option) == nil {
				return nil, chat.InvalidField("options", "option_invalid", "Invalid option: %s", truncate(option, maxOptionID))
			}
		}
		votes := then(now.Poll, now.Poll.VotesOf(by.UserID))
		var changed bool
		if msg, changed, err = tx.SetVotes(ctx, id, by.UserID, votes, c.now()); err != nil || !changed {
			return nil, err
		}
		return []chat.Event{chat.PollVoted{Message: msg, UserID: by.UserID, Options: slices.Clone(options)}}, nil
	})
	if err != nil {
		return nil, err
	}
	return msg, c.fillMessages(ctx, msg)
}

// EndPoll ends a poll, for whoever made it and whoever may delete others' messages in the room; from then on everybody sees
// who voted for what. Fails with message_not_found, poll_not_found, poll_ended, poll_end_forbidden, room_archived.
func (c *Core) EndPoll(ctx context.Context, by chat.Actor, id chat.MessageID) (msg *chat.Message, err error) {
	old, err := c.Poll(ctx, by, id)
	if err != nil {
		return nil, err
	}
	if old.Poll.Ended() {
		return nil, errPollEnded
	}
	if by.UserID == "" || old.Poll.CreatedBy != by.UserID {
		if _, err := c.allow(ctx, by, chat.CanDelete, old.RoomID); err != nil {
			if chat.CodeOf(err) == "delete_forbidden" {
				err = chat.Errorf(chat.Forbidden, "poll_end_forbidden", "Only who made the poll and those who moderate the room can end it.")
			}
			return nil, err
		}
	}
	err = c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		now, err := tx.Message(ctx, id)
		if err != nil {
			return nil, err
		}
		if now.Poll == nil {
			return nil, errNoPoll
		}
		if now.Poll.Ended() {
			return nil, errPollEnded
		}
		if msg, err = tx.EndPoll(ctx, id, by.UserID, c.now()); err != nil {
			return nil, err
		}
		return []chat.Event{chat.PollEnded{Message: msg, UserID: by.UserID}}, nil
	})
	return msg, err
}

// Poll returns the message of a poll. Fails with message_not_found, poll_not_found.
func (c *Core) Poll(ctx context.Context, by chat.Actor, id chat.MessageID) (*chat.Message, error) {
	msg, err := c.readable(ctx, by, id)
	if err != nil {
		return nil, err
	}
	if msg.Poll == nil {
		return nil, errNoPoll
	}
	return msg, nil
}

// PollVoters returns the people who voted in a poll, for showing names: once it was ended, or for the operator; else nobody.
// People whose account is gone are left out.
func (c *Core) PollVoters(ctx context.Context, by chat.Actor, p *chat.Poll) (map[chat.UserID]*chat.User, error) {
	if !p.Ended() && !by.Operator {
		return nil, nil
	}
	return c.users.get(ctx, p.Voters())
}
