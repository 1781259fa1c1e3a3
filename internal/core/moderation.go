package core

import (
	"context"
	"time"

	"parley/internal/chat"
)

// Measure is a sanction to be made.
type Measure struct {
	Kind   chat.SanctionKind
	RoomID chat.RoomID // 0: the whole server
	UserID chat.UserID
	Reason string    // at most 500 characters
	Until  time.Time // zero: until lifted; a timeout needs one
}

// Sanction makes a sanction. In a room it needs manage_members there and a standing above the target; on the server a rank
// of moderator (warn, mute, timeout) or admin (ban) above the target's. A ban ends the membership or, on the server, all
// sessions; a timeout ends connections; a warning notifies. A live sanction of the same kind is replaced. Audited. Fails
// with target_above, target_is_self, until_invalid, reason_too_long, sanction_not_here (direct rooms), permission_missing.
func (c *Core) Sanction(ctx context.Context, by chat.Actor, m Measure) (chat.Sanction, error) {
	return chat.Sanction{}, errUnbuilt
}

// Lift ends the live sanctions of a kind against a person in a room (0: on the server). Fails with sanction_not_found.
func (c *Core) Lift(ctx context.Context, by chat.Actor, kind chat.SanctionKind, room chat.RoomID, user chat.UserID, reason string) error {
	return errUnbuilt
}

// Sanctions lists sanctions, newest first: of a room for those who manage its members, of the server for moderators.
func (c *Core) Sanctions(ctx context.Context, by chat.Actor, f chat.SanctionFilter, page chat.Page) ([]chat.Sanction, string, error) {
	return nil, "", errUnbuilt
}

// Block makes the actor deaf to a person: no direct messages, invites or notifications from them. Unblock takes it back.
func (c *Core) Block(ctx context.Context, by chat.Actor, user chat.UserID) error { return errUnbuilt }

// Unblock: see Block. Unblocking someone who is not blocked is fine.
func (c *Core) Unblock(ctx context.Context, by chat.Actor, user chat.UserID) error {
	return errUnbuilt
}

// Blocks lists whom the actor blocked.
func (c *Core) Blocks(ctx context.Context, by chat.Actor) ([]*chat.User, error) {
	return nil, errUnbuilt
}

// Report puts a message into the review queue. Fails with already_reported, reason_invalid (1–1,000 characters), report_own.
func (c *Core) Report(ctx context.Context, by chat.Actor, id chat.MessageID, reason string) (chat.Report, error) {
	return chat.Report{}, errUnbuilt
}

// Reports lists the review queue in a state, for those with review_reports.
func (c *Core) Reports(ctx context.Context, by chat.Actor, state chat.ReportState, page chat.Page) ([]chat.Report, string, error) {
	return nil, "", errUnbuilt
}

// HandleReport closes a report as resolved or dismissed; deleteMessage also deletes the reported message.
func (c *Core) HandleReport(ctx context.Context, by chat.Actor, id int64, state chat.ReportState, note string, deleteMessage bool) (chat.Report, error) {
	return chat.Report{}, errUnbuilt
}

// Audit lists the audit log, newest first: all of it with view_audit_log, else only a room's for its admins (f.RoomID set).
func (c *Core) Audit(ctx context.Context, by chat.Actor, f chat.AuditFilter, page chat.Page) ([]chat.AuditEntry, string, error) {
	return nil, "", errUnbuilt
}

// audit makes an audit entry; details never hold message content.
func (c *Core) audit(by chat.Actor, action, targetType, target string, room chat.RoomID, details map[string]any) chat.AuditEntry {
	return chat.AuditEntry{}
}
