package core_test

import (
	"strings"
	"testing"

	"parley/internal/chat"
)

func TestReporting(t *testing.T) {
	w := newWorld(t)
	s := newStory(w, 0)
	bad, gone := s.say(s.member, s.private, "buy my pills"), s.say(s.member, s.private, "oops")
	_, err := w.DeleteMessage(w.ctx, s.member, gone.ID)
	w.must(err)
	w.told()
	r, err := w.Report(w.ctx, s.other, bad.ID, " spam\n")
	w.must(err)
	if r.ID == 0 || r.State != chat.ReportOpen || r.Reason != "spam" || r.Content != "buy my pills" || r.AuthorID != s.member.UserID || r.RoomID != s.private {
		t.Errorf("report %+v", r)
	}
	if !has(w.told(), func(e chat.ReportChanged) bool { return e.Report.ID == r.ID }) {
		t.Error("the reviewers were not told")
	}
	for _, tc := range []struct {
		name   string
		by     chat.Actor
		id     chat.MessageID
		reason string
		code   string
	}{
		{"once per person and message", s.other, bad.ID, "spam", "already_reported"},
		{"others may, too", s.admin, bad.ID, "spam", ""},
		{"not one's own", s.member, bad.ID, "spam", "report_own"},
		{"a reason is needed", s.owner, bad.ID, " \n", "reason_invalid"},
		{"a reason has 1,000 characters", s.owner, bad.ID, strings.Repeat("é", 1001), "reason_invalid"},
		{"not what is deleted", s.other, gone.ID, "spam", "message_deleted"},
		{"not what cannot be seen", s.stranger, bad.ID, "spam", "message_not_found"},
		{"not what is not there", s.other, 999_999, "spam", "message_not_found"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := w.Report(w.ctx, tc.by, tc.id, tc.reason); chat.CodeOf(err) != tc.code {
				t.Errorf("%v, want %q", err, tc.code)
			}
		})
	}
}

func TestReportsAreLimited(t *testing.T) {
	w := newWorld(t)
	s := newStory(w, 0)
	var err error
	for i := 0; err == nil && i < 100; i++ {
		_, err = w.Report(w.ctx, s.other, s.say(s.member, s.public, "hi").ID, "spam")
	}
	w.want(err, "rate_limited")
}

func TestReviewing(t *testing.T) {
	w := newWorld(t)
	s := newStory(w, 0)
	mod := w.user("mod", chat.RoleModerator)
	reviewer := w.user("reviewer", w.role("reviewer", chat.ReviewReports))
	report := func(text string) (*chat.Message, chat.Report) {
		t.Helper()
		m := s.say(s.member, s.private, text)
		r, err := w.Report(w.ctx, s.other, m.ID, "spam")
		w.must(err)
		return m, r
	}
	m, first := report("one")
	kept, second := report("two")
	own, third := report("three")

	open, _, err := w.Reports(w.ctx, mod, "", chat.Page{})
	w.must(err)
	if len(open) != 3 || open[0].ID != first.ID {
		t.Errorf("open %+v", open)
	}
	_, _, err = w.Reports(w.ctx, s.owner, "", chat.Page{})
	w.want(err, "permission_missing")
	_, _, err = w.Reports(w.ctx, mod, "lost", chat.Page{})
	w.want(err, "state_invalid")
	_, _, err = w.Reports(w.ctx, mod, "", chat.Page{Limit: 101})
	w.want(err, "limit_invalid")

	handle := func(by chat.Actor, id int64, state chat.ReportState, note string, del bool, code string) chat.Report {
		t.Helper()
		r, err := w.HandleReport(w.ctx, by, id, state, note, del)
		w.want(err, code)
		return r
	}
	handle(s.owner, first.ID, chat.ReportResolved, "", false, "permission_missing")
	handle(reviewer, first.ID, chat.ReportResolved, "", true, "permission_missing")
	handle(mod, first.ID, chat.ReportOpen, "", false, "state_invalid")
	handle(mod, first.ID, chat.ReportResolved, strings.Repeat("x", 1001), false, "note_too_long")
	handle(mod, 999, chat.ReportResolved, "", false, "report_not_found")

	w.told()
	r := handle(mod, first.ID, chat.ReportResolved, "yes, spam", true, "")
	if r.State != chat.ReportResolved || r.HandledBy != mod.UserID || r.Note != "yes, spam" || !r.HandledAt.Equal(w.clock()) {
		t.Errorf("report %+v", r)
	}
	events := w.told()
	if !has(events, func(e chat.MessageDeleted) bool {
		return e.Message.ID == m.ID && e.Message.Content == chat.DeletedContent
	}) {
		t.Error("the room was not told of the deletion")
	}
	if !has(events, func(e chat.ReportChanged) bool { return e.Report.State == chat.ReportResolved }) {
		t.Error("the reviewers were not told")
	}
	handle(mod, first.ID, chat.ReportDismissed, "", false, "report_closed")
	handle(reviewer, second.ID, chat.ReportDismissed, "", false, "")
	if msg, err := w.Message(w.ctx, s.member, kept.ID); err != nil || msg.Deleted {
		t.Errorf("a dismissed report's message: %+v, %v", msg, err)
	}
	_, err = w.DeleteMessage(w.ctx, s.member, own.ID)
	w.must(err)
	handle(mod, third.ID, chat.ReportResolved, "", true, "") // it is deleted already

	open, _, err = w.Reports(w.ctx, mod, chat.ReportOpen, chat.Page{})
	w.must(err)
	if len(open) != 0 {
		t.Errorf("still open %+v", open)
	}
	entries, _, err := w.Audit(w.ctx, mod, chat.AuditFilter{ActorID: mod.UserID}, chat.Page{})
	w.must(err)
	for _, e := range entries {
		if strings.Contains(string(e.Details), "one") || strings.Contains(string(e.Details), "pills") {
			t.Errorf("an audit entry holds what was said: %s", e.Details)
		}
	}
	if len(entries) != 3 { // two reports and one deletion
		t.Errorf("%d audit entries", len(entries))
	}
}
