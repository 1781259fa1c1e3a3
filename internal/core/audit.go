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

// maxAuditPage is how many entries AuditAt lists at most.
const maxAuditPage = 200

// auditReader lets those read the whole audit log who have view_audit_log or manage_users (permission_missing).
func (c *Core) auditReader(ctx context.Context, by chat.Actor) error {
	_, err := c.permit(ctx, by, chat.ViewAuditLog)
	if chat.CodeOf(err) == "permission_missing" {
		_, err = c.permit(ctx, by, chat.ManageUsers)
	}
	return err
}

// AuditAt lists the audit log from a place in it, newest first, and counts what the filter lets through: for protocols whose
// pages are numbers, and where those who manage users read it, too. limit is 1–200. Fails with permission_missing, limit_invalid.
func (c *Core) AuditAt(ctx context.Context, by chat.Actor, f chat.AuditFilter, offset, limit int) ([]chat.AuditEntry, int64, error) {
	if err := c.auditReader(ctx, by); err != nil {
		return nil, 0, err
	}
	if err := checkLimit(&limit, maxAuditPage); err != nil {
		return nil, 0, err
	}
	counts, err := c.Store.AuditCounts(ctx, f)
	if err != nil {
		return nil, 0, err
	}
	var total int64
	for _, n := range counts {
		total += n
	}
	entries, err := c.Store.AuditAt(ctx, f, offset, limit)
	return entries, total, err
}

// AuditCounts counts what AuditAt lists, by action. Fails with permission_missing.
func (c *Core) AuditCounts(ctx context.Context, by chat.Actor, f chat.AuditFilter) (map[string]int64, error) {
	if err := c.auditReader(ctx, by); err != nil {
		return nil, err
	}
	return c.Store.AuditCounts(ctx, f)
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
