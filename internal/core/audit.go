package core

import (
	"context"
	"encoding/json"
	"maps"

	"parley/internal/chat"
)

// Audit lists the audit log, newest first: all of it with view_audit_log, else only a room's for its admins (f.RoomID set).
func (c *Core) Audit(ctx context.Context, by chat.Actor, f chat.AuditFilter, page chat.Page) ([]chat.AuditEntry, string, error) {
	if err := checkLimit(&page.Limit, 100); err != nil {
		return nil, "", err
	}
	if _, err := c.permit(ctx, by, chat.ViewAuditLog); err != nil {
		if f.RoomID == 0 || chat.CodeOf(err) != "permission_missing" {
			return nil, "", err
		}
		if _, err := c.allow(ctx, by, chat.CanManageMembers, f.RoomID); err != nil {
			return nil, "", err
		}
	}
	return c.Store.Audit(ctx, f, page)
}

// audit makes an audit entry; details never hold message content.
func (c *Core) audit(by chat.Actor, action, targetType, target string, room chat.RoomID, details map[string]any) chat.AuditEntry {
	e := chat.AuditEntry{At: c.now(), ActorID: by.UserID, Action: action, TargetType: targetType, TargetID: target, RoomID: room}
	if by.Plugin != "" {
		details = maps.Clone(details)
		if details == nil {
			details = make(map[string]any, 1)
		}
		details["plugin"] = by.Plugin
	}
	if len(details) > 0 {
		var err error
		if e.Details, err = json.Marshal(details); err != nil {
			c.log.Error("details of an audit entry could not be written", "action", action, "error", err)
		}
	}
	return e
}
