package core_test

import (
	"fmt"
	"sync"
	"testing"

	"parley/internal/chat"
	"parley/internal/core"
)

// together runs n attempts at the same time and counts how they ended, by error code.
func together(n int, attempt func(i int) error) map[string]int {
	codes := make([]string, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { codes[i] = chat.CodeOf(attempt(i)) })
	}
	all.Wait()
	counts := map[string]int{}
	for _, code := range codes {
		counts[code]++
	}
	return counts
}

func TestOneWins(t *testing.T) {
	const n = 8
	for _, tc := range []struct {
		name    string
		prepare func(w *world) func(i int) error
		losers  string
	}{
		{"of those who register with the last use of an invite", func(w *world) func(int) error {
			invite, err := w.CreateServerInvite(w.ctx, chat.Operator, core.NewInvite{MaxUses: 1})
			w.must(err)
			return func(i int) error {
				_, err := w.Register(w.ctx, "", core.Registering{Username: fmt.Sprintf("user%d", i), Password: password, Invite: invite.Code})
				return err
			}
		}, "invite_invalid"},
		{"of those who register with the last use of a room's invite", func(w *world) func(int) error {
			invite, err := w.CreateInvite(w.ctx, chat.Operator, w.room("Room", chat.Private, w.user("owner")), core.NewInvite{MaxUses: 1})
			w.must(err)
			return func(i int) error {
				_, err := w.Register(w.ctx, "", core.Registering{Username: fmt.Sprintf("user%d", i), Password: password, Invite: invite.Code})
				return err
			}
		}, "invite_invalid"},
		{"of those who register under one name", func(w *world) func(int) error {
			return func(int) error {
				_, err := w.Register(w.ctx, "", core.Registering{Username: "ada", Password: password})
				return err
			}
		}, "username_taken"},
		{"of those who redeem the setup token", func(w *world) func(int) error {
			token, err := w.SetupToken(w.ctx)
			w.must(err)
			return func(i int) error {
				_, err := w.SetUp(w.ctx, "", token, core.Registering{Username: fmt.Sprintf("user%d", i), Password: password})
				return err
			}
		}, "setup_done"},
		{"of owners who step back at the same time, all but one", func(w *world) func(int) error {
			var owners []chat.Actor
			for i := range n {
				owners = append(owners, w.user(fmt.Sprintf("owner%d", i), chat.RoleOwner))
			}
			return func(i int) error {
				_, err := w.SetRank(w.ctx, owners[i], owners[i].UserID, chat.RankMember)
				if chat.CodeOf(err) == "last_owner" {
					return nil // the one who wins is the one who stays
				}
				if err == nil {
					return errStepped
				}
				return err
			}
		}, errStepped.Code},
		{"of moderators who close a report", func(w *world) func(int) error {
			s := newStory(w, 0)
			r, err := w.Report(w.ctx, s.other, s.say(s.member, s.public, "hi").ID, "spam")
			w.must(err)
			return func(int) error {
				_, err := w.HandleReport(w.ctx, chat.Operator, r.ID, chat.ReportResolved, "", true)
				return err
			}
		}, "report_closed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			attempt := tc.prepare(newAccounts(t))
			if counts := together(n, attempt); counts[""] != 1 || counts[tc.losers] != n-1 {
				t.Errorf("%v", counts)
			}
		})
	}
}

var errStepped = chat.Errorf(chat.Conflict, "stepped", "Stepped back.")
