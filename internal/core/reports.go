package core

import (
	"context"
	"time"

	"parley/internal/chat"
)

const (
	maxReportReason  = 1000
	reportsPerMinute = 20 // of one person
)

// Report puts a message into the review queue, as it is now. Fails with message_not_found, message_deleted, already_reported,
// reason_invalid (1–1,000 characters), report_own, rate_limited.
func (c *Core) Report(ctx context.Context, by chat.Actor, id chat.MessageID, reason string) (r chat.Report, err error) {
	if _, err := c.person(ctx, by); err != nil {
		return chat.Report{}, err
	}
	if reason, err = cleanText("reason", "reason", reason, maxReportReason); err != nil || reason == "" {
		return chat.Report{}, chat.InvalidField("reason", "reason_invalid", "Say in 1 to %d characters what is wrong with the message.", maxReportReason)
	}
	if err := c.charge(ctx, "report:"+string(by.UserID), reportsPerMinute, time.Minute, "You are reporting too much."); err != nil {
		return chat.Report{}, err
	}
	msg, err := c.readable(ctx, by, id)
	if err != nil {
		return chat.Report{}, err
	}
	if _, err := c.allow(ctx, by, chat.CanReport, msg.RoomID); err != nil {
		return chat.Report{}, err
	}
	if msg.SenderID == by.UserID {
		return chat.Report{}, chat.Errorf(chat.Forbidden, "report_own", "This is your own message. You can delete it.")
	}
	err = c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		now, err := tx.Message(ctx, id)
		if err != nil {
			return nil, err
		}
		if now.Deleted {
			return nil, errMessageDeleted
		}
		r, err = tx.CreateReport(ctx, chat.Report{MessageID: id, RoomID: now.RoomID, ReporterID: by.UserID, AuthorID: now.SenderID, Reason: reason,
			Content: now.Content, CreatedAt: c.now(), State: chat.ReportOpen})
		return []chat.Event{chat.ReportChanged{Report: r}}, err
	})
	return r, err
}

var errReportState = chat.InvalidField("state", "state_invalid", "A report is open, resolved or dismissed.")

// Reports lists the review queue in a state (empty: open), for those with review_reports. Fails with state_invalid.
func (c *Core) Reports(ctx context.Context, by chat.Actor, state chat.ReportState, page chat.Page) ([]chat.Report, string, error) {
	if _, err := c.permit(ctx, by, chat.ReviewReports); err != nil {
		return nil, "", err
	}
	if err := checkLimit(&page.Limit, 100); err != nil {
		return nil, "", err
	}
	switch state {
	case "":
		state = chat.ReportOpen
	case chat.ReportOpen, chat.ReportResolved, chat.ReportDismissed:
	default:
		return nil, "", errReportState
	}
	return c.Store.Reports(ctx, state, page)
}

// HandleReport closes a report as resolved or dismissed; deleteMessage also deletes the reported message, wherever it is,
// and needs manage_messages too. Fails with state_invalid, report_not_found, report_closed, note_too_long.
func (c *Core) HandleReport(ctx context.Context, by chat.Actor, id int64, state chat.ReportState, note string, deleteMessage bool) (r chat.Report, err error) {
	if _, err := c.permit(ctx, by, chat.ReviewReports); err != nil {
		return chat.Report{}, err
	}
	if deleteMessage {
		if _, err := c.permit(ctx, by, chat.ManageMessages); err != nil {
			return chat.Report{}, err
		}
	}
	action, ok := map[chat.ReportState]string{chat.ReportResolved: "report.resolve", chat.ReportDismissed: "report.dismiss"}[state]
	if !ok {
		return chat.Report{}, errReportState
	}
	if note, err = cleanText("note", "note", note, maxReportReason); err != nil {
		return chat.Report{}, err
	}
	var blobs []string
	err = c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		blobs = nil
		if r, err = tx.Report(ctx, id); err != nil {
			if chat.AsError(err).Kind == chat.NotFound {
				err = chat.Errorf(chat.NotFound, "report_not_found", "There is no such report.")
			}
			return nil, err
		}
		if r.State != chat.ReportOpen {
			return nil, chat.Errorf(chat.Conflict, "report_closed", "Somebody else has handled this report already.")
		}
		r.State, r.Note, r.HandledBy, r.HandledAt = state, note, by.UserID, c.now()
		if err := tx.UpdateReport(ctx, r); err != nil {
			return nil, err
		}
		if err := tx.AddAudit(ctx, c.audit(by, action, "message", r.MessageID.String(), r.RoomID, map[string]any{"report": r.ID, "author": r.AuthorID})); err != nil {
			return nil, err
		}
		events := []chat.Event{chat.ReportChanged{Report: r}}
		if !deleteMessage {
			return events, nil
		}
		old, err := tx.Message(ctx, r.MessageID)
		if chat.AsError(err) != nil && chat.AsError(err).Kind == chat.NotFound || err == nil && old.Deleted {
			return events, nil // it went with its room, or somebody was faster
		}
		if err != nil {
			return nil, err
		}
		var msg *chat.Message
		if msg, blobs, err = tx.DeleteMessage(ctx, r.MessageID, by.UserID, r.HandledAt); err != nil {
			return nil, err
		}
		details := map[string]any{"author": old.SenderID, "report": r.ID}
		return append(events, chat.MessageDeleted{Message: msg}), tx.AddAudit(ctx, c.audit(by, "message.delete", "message", r.MessageID.String(), r.RoomID, details))
	})
	if err == nil {
		c.releaseBlobs(blobs)
	}
	return r, err
}
