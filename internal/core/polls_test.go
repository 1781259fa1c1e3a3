package core_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

func teaPoll() *core.NewPoll {
	return &core.NewPoll{Question: " Tea  or coffee? ", Options: []chat.PollOption{{Text: "Tea", Emoji: "🫖"}, {Text: "Coffee", ID: "c"}}}
}

func (w *world) ask(by chat.Actor, room chat.RoomID, p *core.NewPoll) *chat.Message {
	w.Helper()
	m, _, err := w.SendMessage(w.ctx, by, core.NewMessage{RoomID: room, Poll: p})
	w.must(err)
	return m
}

func TestPollsAreChecked(t *testing.T) {
	w := newWorld(t)
	ada := w.user("ada")
	room := w.room("Tea", chat.Public, ada)
	for _, tc := range []struct {
		name string
		do   func(p *core.NewPoll)
		code string
	}{
		{"as it should be", func(*core.NewPoll) {}, ""},
		{"no question", func(p *core.NewPoll) { p.Question = " \n" }, "poll_invalid"},
		{"a question of 300 characters", func(p *core.NewPoll) { p.Question = strings.Repeat("ü", 300) }, ""},
		{"a question of 301", func(p *core.NewPoll) { p.Question = strings.Repeat("ü", 301) }, "poll_invalid"},
		{"one option", func(p *core.NewPoll) { p.Options = p.Options[:1] }, "poll_invalid"},
		{"eleven options", func(p *core.NewPoll) { p.Options = slices.Repeat([]chat.PollOption{{Text: "x"}}, 11) }, "poll_invalid"},
		{"ten options", func(p *core.NewPoll) { p.Options = slices.Repeat([]chat.PollOption{{Text: "x"}}, 10) }, ""},
		{"an option without text", func(p *core.NewPoll) { p.Options[1].Text = "" }, "poll_invalid"},
		{"an option of 101 characters", func(p *core.NewPoll) { p.Options[1].Text = strings.Repeat("x", 101) }, "poll_invalid"},
		{"an id of 51 characters", func(p *core.NewPoll) { p.Options[1].ID = strings.Repeat("x", 51) }, "poll_invalid"},
		{"an id of another option's place", func(p *core.NewPoll) { p.Options[1].ID = "0" }, "poll_invalid"},
		{"an emoji that is a text", func(p *core.NewPoll) { p.Options[0].Emoji = strings.Repeat("x", 65) }, "poll_invalid"},
		{"an end in the past", func(p *core.NewPoll) { p.ExpiresAt = worldStart }, "poll_invalid"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := teaPoll()
			tc.do(p)
			_, _, err := w.SendMessage(w.ctx, ada, core.NewMessage{RoomID: room, Poll: p})
			if chat.CodeOf(err) != tc.code {
				t.Errorf("%v, want %q", err, tc.code)
			}
		})
	}
	m := w.ask(ada, room, teaPoll())
	p := m.Poll
	if p.Question != "Tea or coffee?" || p.Options[0].ID != "0" || p.Options[1].ID != "c" || p.CreatedBy != ada.UserID || m.Content != "" {
		t.Errorf("made %+v", p)
	}
	r, err := w.Search(w.ctx, ada, core.Searching{Text: "coffee"})
	w.must(err)
	if len(r.Hits) == 0 || r.Hits[0].Message.Poll == nil {
		t.Error("it cannot be found by its words")
	}
}

func TestWhoMayDoWhatWithPolls(t *testing.T) {
	w := newWorld(t)
	ada, bob, eve, muted, banned, mod := w.user("ada"), w.user("bob"), w.user("eve"), w.user("muted"), w.user("banned"), w.user("mod", chat.RoleModerator)
	room := w.room("Tea", chat.Public, ada, bob, muted, banned)
	closed := w.room("Closed", chat.Private, ada)
	_, err := w.Sanction(w.ctx, ada, core.Measure{Kind: chat.Mute, RoomID: room, UserID: muted.UserID})
	w.must(err)
	m, hidden, plain := w.ask(bob, room, teaPoll()), w.ask(ada, closed, teaPoll()), w.say(ada, room, "x")
	_, err = w.Sanction(w.ctx, ada, core.Measure{Kind: chat.Ban, RoomID: room, UserID: banned.UserID})
	w.must(err)
	for _, tc := range []struct {
		name            string
		by              chat.Actor
		msg             chat.MessageID
		ask, vote, done string
	}{
		{"a member asks and votes, and ends what they asked", bob, m.ID, "", "", ""},
		{"the muted vote, but do not ask", muted, m.ID, "muted", "", "poll_end_forbidden"},
		{"the banned do nothing", banned, m.ID, "banned", "banned", "banned"},
		{"a stranger to the room does nothing", eve, m.ID, "not_a_member", "not_a_member", "not_a_member"},
		{"a moderator of the server reads, votes and ends", mod, m.ID, "not_a_member", "", ""},
		{"the room's owner ends", ada, m.ID, "", "", ""},
		{"a room that one does not see", bob, hidden.ID, "", "message_not_found", "message_not_found"},
		{"a message without a poll", ada, plain.ID, "", "poll_not_found", "poll_not_found"},
		{"a message that is not there", ada, 99999, "", "message_not_found", "message_not_found"},
		{"the operator is nobody who votes", chat.Operator, plain.ID, "person_needed", "person_needed", "poll_not_found"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.by != chat.Operator {
				_, _, err := w.SendMessage(w.ctx, tc.by, core.NewMessage{RoomID: room, Poll: teaPoll()})
				if chat.CodeOf(err) != tc.ask {
					t.Errorf("asking: %v, want %q", err, tc.ask)
				}
			}
			if _, err := w.Vote(w.ctx, tc.by, tc.msg, []string{"c"}); chat.CodeOf(err) != tc.vote {
				t.Errorf("voting: %v, want %q", err, tc.vote)
			}
			if _, err := w.Unvote(w.ctx, tc.by, tc.msg, []string{"c"}); chat.CodeOf(err) != tc.vote {
				t.Errorf("taking back: %v, want %q", err, tc.vote)
			}
			target := tc.msg
			if tc.done == "" {
				target = w.ask(bob, room, teaPoll()).ID
			}
			if _, err := w.EndPoll(w.ctx, tc.by, target); chat.CodeOf(err) != tc.done {
				t.Errorf("ending: %v, want %q", err, tc.done)
			}
		})
	}
	archived := true
	_, err = w.UpdateRoom(w.ctx, ada, room, core.RoomChange{Archived: &archived})
	w.must(err)
	_, err = w.Vote(w.ctx, bob, m.ID, []string{"c"})
	w.want(err, "room_archived")
}

func TestVotes(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.user("ada"), w.user("bob")
	room := w.room("Tea", chat.Public, ada, bob)
	one := w.ask(ada, room, teaPoll())
	several := teaPoll()
	several.Multiple, several.ExpiresAt = true, worldStart.Add(time.Hour)
	many := w.ask(ada, room, several)
	w.told()
	for _, step := range []struct {
		name    string
		poll    *chat.Message
		back    bool
		options []string
		has     string // what bob then has
		told    string
		code    string
	}{
		{"one choice", one, false, []string{"0"}, "0", "PollVoted", ""},
		{"the vote moves", one, false, []string{"c"}, "c", "PollVoted", ""},
		{"the last of several counts", one, false, []string{"c", "0"}, "0", "PollVoted", ""},
		{"again", one, false, []string{"0"}, "0", "", ""},
		{"an option that is not there", one, false, []string{"c", "9"}, "0", "", "option_invalid"},
		{"none", one, false, nil, "0", "", "options_missing"},
		{"taken back", one, true, []string{"0"}, "", "PollVoted", ""},
		{"taken back twice", one, true, []string{"0"}, "", "", ""},
		{"several choices", many, false, []string{"0"}, "0", "PollVoted", ""},
		{"are added", many, false, []string{"c"}, "0 c", "PollVoted", ""},
		{"one is taken back", many, true, []string{"0"}, "c", "PollVoted", ""},
	} {
		t.Run(step.name, func(t *testing.T) {
			do := w.Vote
			if step.back {
				do = w.Unvote
			}
			m, err := do(w.ctx, bob, step.poll.ID, step.options)
			if chat.CodeOf(err) != step.code || err == nil && m.Sender == nil {
				t.Errorf("%+v, %v", m, err)
			}
			now, err := w.Message(w.ctx, ada, step.poll.ID)
			w.must(err)
			if got := strings.Join(now.Poll.VotesOf(bob.UserID), " "); got != step.has {
				t.Errorf("has %q, want %q", got, step.has)
			}
			if got := kinds(w.told()); got != step.told {
				t.Errorf("told %q", got)
			}
		})
	}
	_, err := w.Vote(w.ctx, bob, one.ID, []string{"9"})
	if text(err) != "Invalid option: 9" {
		t.Errorf("%v", err)
	}
	w.wait(time.Hour)
	_, err = w.Vote(w.ctx, bob, many.ID, []string{"0"})
	w.want(err, "poll_expired")
	ended, err := w.EndPoll(w.ctx, ada, many.ID)
	w.must(err)
	if !ended.Poll.Ended() || ended.Poll.EndedBy != ada.UserID || kinds(w.told()) != "PollEnded" {
		t.Errorf("ended %+v", ended.Poll)
	}
	_, err = w.Vote(w.ctx, bob, many.ID, []string{"0"})
	w.want(err, "poll_ended")
	_, err = w.EndPoll(w.ctx, ada, many.ID)
	w.want(err, "poll_ended")
	voters, err := w.PollVoters(w.ctx, bob, ended.Poll)
	if err != nil || len(voters) != 1 || voters[bob.UserID] == nil {
		t.Errorf("voters %v, %v", voters, err)
	}
	if hidden, _ := w.PollVoters(w.ctx, ada, one.Poll); hidden != nil {
		t.Errorf("voters of a poll that runs: %v", hidden)
	}
	_, err = w.DeleteMessage(w.ctx, ada, one.ID)
	w.must(err)
	_, err = w.Vote(w.ctx, bob, one.ID, []string{"0"})
	w.want(err, "poll_not_found")
}

func TestOneVoteEachHoweverFast(t *testing.T) {
	w := newWorld(t)
	ada := w.user("ada")
	room := w.room("Tea", chat.Public, ada)
	m := w.ask(ada, room, teaPoll())
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			if _, err := w.Vote(w.ctx, ada, m.ID, []string{[]string{"0", "c"}[i%2]}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	now, err := w.Message(w.ctx, ada, m.ID)
	w.must(err)
	if now.Poll.Votes() != 1 {
		t.Errorf("%d votes of one person", now.Poll.Votes())
	}
	var last chat.Seq
	for _, ev := range w.told() {
		if e, ok := ev.(chat.PollVoted); ok {
			if e.Message.ChangeSeq <= last || e.Message.Poll.Votes() != 1 {
				t.Errorf("change %d after %d, %d votes", e.Message.ChangeSeq, last, e.Message.Poll.Votes())
			}
			last = e.Message.ChangeSeq
		}
	}
	if now.ChangeSeq != last {
		t.Errorf("the last change told is %d, the message's %d", last, now.ChangeSeq)
	}
}

func TestNoPollInEncryptedRooms(t *testing.T) {
	w := newWorld(t)
	ada := w.user("ada")
	view, err := w.CreateRoom(w.ctx, ada, core.NewRoom{Name: "Secret", Type: chat.Private, Encrypted: true})
	w.must(err)
	_, _, err = w.SendMessage(w.ctx, ada, core.NewMessage{RoomID: view.Room.ID, Poll: teaPoll()})
	w.want(err, "poll_encrypted")
}
