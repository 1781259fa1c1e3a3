package chat

import (
	"slices"
	"time"
)

// Poll is a question that a message puts to its room. Who voted for what is shown to nobody until the poll was ended, but to
// everyone what they voted for themselves.
type Poll struct {
	Question  string
	Options   []PollOption // in the order they are shown
	Multiple  bool         // people may vote for several
	CreatedBy UserID
	ExpiresAt time.Time // from then on no votes are taken; zero: never
	EndedAt   time.Time // when it was ended by hand; zero: it was not
	EndedBy   UserID
}

// PollOption is one answer.
type PollOption struct {
	ID     string // unique within the poll
	Text   string
	Emoji  string
	Voters []UserID // in the order they voted
}

// Option returns the option with an id, or nil.
func (p *Poll) Option(id string) *PollOption {
	for i := range p.Options {
		if p.Options[i].ID == id {
			return &p.Options[i]
		}
	}
	return nil
}

// Ended reports whether the poll was ended by hand.
func (p *Poll) Ended() bool { return !p.EndedAt.IsZero() }

// Open reports whether votes are taken.
func (p *Poll) Open(at time.Time) bool {
	return !p.Ended() && (p.ExpiresAt.IsZero() || at.Before(p.ExpiresAt))
}

// Votes counts the votes, of which one person can have several where the poll allows it.
func (p *Poll) Votes() (n int) {
	for _, o := range p.Options {
		n += len(o.Voters)
	}
	return n
}

// VotesOf lists the ids of the options that a person voted for.
func (p *Poll) VotesOf(user UserID) (ids []string) {
	for _, o := range p.Options {
		if slices.Contains(o.Voters, user) {
			ids = append(ids, o.ID)
		}
	}
	return ids
}

// Voters lists everybody who voted, once each.
func (p *Poll) Voters() (users []UserID) {
	seen := make(map[UserID]bool)
	for _, o := range p.Options {
		for _, u := range o.Voters {
			if !seen[u] {
				seen[u] = true
				users = append(users, u)
			}
		}
	}
	return users
}
