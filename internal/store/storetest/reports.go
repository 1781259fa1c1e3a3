package storetest

import (
	"slices"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

func init() {
	tell("reports",
		story{"a report is read back as stored", reportReadBack},
		story{"a person has one open report of a message", reportTwice},
		story{"handling a report changes its state and nothing else", reportHandled},
		story{"a report is not opened again beside another", reportReopened},
		story{"open reports are listed oldest first, others newest first", reportOrder},
		story{"report pages hold while reports come in and are handled", reportPages},
	)
}

func (w *world) report(message chat.MessageID, by chat.UserID) (r chat.Report) {
	w.Helper()
	w.change(func(tx core.Tx) (err error) {
		r, err = tx.CreateReport(w.ctx, chat.Report{MessageID: message, RoomID: 1, ReporterID: by, Reason: "spam", Content: "buy", CreatedAt: Start, State: chat.ReportOpen})
		return err
	})
	return r
}

func (w *world) setReport(r chat.Report, state chat.ReportState) error {
	w.Helper()
	r.State = state
	return w.try(func(tx core.Tx) error { return tx.UpdateReport(w.ctx, r) })
}

func reportIDs(list []chat.Report) []int64 {
	return pick(list, func(r chat.Report) int64 { return r.ID })
}

func reportReadBack(w *world) {
	want := chat.Report{MessageID: 3, RoomID: 2, ReporterID: "ada", AuthorID: "bob", Reason: "spam", Content: "buy\nthis", CreatedAt: Start}
	var created chat.Report
	w.change(func(tx core.Tx) (err error) {
		created, err = tx.CreateReport(w.ctx, want)
		return err
	})
	want.ID, want.State = created.ID, chat.ReportOpen
	same(w, "created", created, want)
	same(w, "read back", must(w.Report(w.ctx, want.ID)), want)
	_, err := w.Report(w.ctx, want.ID+1)
	w.wantCode(err, "not_found")
}

func reportTwice(w *world) {
	r := w.report(1, "ada")
	w.report(1, "bob")
	w.report(2, "ada")
	again := func(tx core.Tx) error {
		_, err := tx.CreateReport(w.ctx, chat.Report{MessageID: 1, RoomID: 1, ReporterID: "ada", CreatedAt: Start})
		return err
	}
	w.refused("already_reported", again)
	w.wantCode(w.setReport(r, chat.ReportDismissed), "")
	w.change(again)
}

func reportHandled(w *world) {
	want := w.report(1, "ada")
	change := want
	change.State, change.HandledBy, change.HandledAt, change.Note = chat.ReportResolved, "mod", Start.Add(time.Hour), "done"
	change.Content, change.Reason, change.ReporterID = "x", "y", "z"
	w.change(func(tx core.Tx) error { return tx.UpdateReport(w.ctx, change) })
	want.State, want.HandledBy, want.HandledAt, want.Note = change.State, change.HandledBy, change.HandledAt, change.Note
	same(w, "handled", must(w.Report(w.ctx, want.ID)), want)
	change.ID++
	w.refused("not_found", func(tx core.Tx) error { return tx.UpdateReport(w.ctx, change) })
}

func reportReopened(w *world) {
	first := w.report(1, "ada")
	w.wantCode(w.setReport(first, chat.ReportResolved), "")
	second := w.report(1, "ada")
	w.wantCode(w.setReport(first, chat.ReportOpen), "already_reported")
	w.wantCode(w.setReport(second, chat.ReportDismissed), "")
	w.wantCode(w.setReport(first, chat.ReportOpen), "")
}

func reportOrder(w *world) {
	var ids []int64
	for i := range chat.MessageID(6) {
		r := w.report(i+1, "ada")
		ids = append(ids, r.ID)
		switch {
		case i >= 4:
			w.wantCode(w.setReport(r, chat.ReportDismissed), "")
		case i >= 2:
			w.wantCode(w.setReport(r, chat.ReportResolved), "")
		}
	}
	for _, c := range []struct {
		name  string
		state chat.ReportState
		want  []int64
	}{
		{"open", chat.ReportOpen, []int64{ids[0], ids[1]}},
		{"resolved", chat.ReportResolved, []int64{ids[3], ids[2]}},
		{"dismissed", chat.ReportDismissed, []int64{ids[5], ids[4]}},
		{"all", "", []int64{ids[5], ids[4], ids[3], ids[2], ids[1], ids[0]}},
	} {
		list, next, err := w.Reports(w.ctx, c.state, chat.Page{Limit: 10})
		if err != nil || next != "" || !slices.Equal(reportIDs(list), c.want) {
			w.Errorf("%s: %v, next %q, error %v, want %v", c.name, reportIDs(list), next, err, c.want)
		}
	}
}

func reportPages(w *world) {
	var reports []chat.Report
	for i := range chat.MessageID(5) {
		reports = append(reports, w.report(i+1, "ada"))
	}
	read := func(p chat.Page) ([]chat.Report, string, error) { return w.Reports(w.ctx, chat.ReportOpen, p) }
	turn := 0
	list := walk(w, 2, func() {
		if turn++; turn == 1 { // one that was read is handled, one comes in
			w.wantCode(w.setReport(reports[1], chat.ReportResolved), "")
			reports = append(reports, w.report(9, "ada"))
		}
	}, read)
	same(w, "pages", reportIDs(list), reportIDs(reports))
	badCursors(w, read)
	badCursors(w, func(p chat.Page) ([]chat.Report, string, error) { return w.Reports(w.ctx, "", p) })
}
