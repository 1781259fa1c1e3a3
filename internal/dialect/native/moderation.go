package native

import (
	"context"

	"parley/internal/chat"
	"parley/internal/core"
)

type (
	sanctionPage struct {
		Sanctions  []Sanction `json:"sanctions" doc:"Newest first."`
		NextCursor *string    `json:"next_cursor" doc:"Null at the end."`
	}
	sanctionRequest struct {
		Kind   string  `json:"kind" enum:"ban,mute,timeout,warning" example:"timeout"`
		UserID string  `json:"user_id" example:"0199f0a4-7c1e-7a60-9d6b-2f6f0a9e3b11"`
		RoomID string  `json:"room_id" required:"false" doc:"Not given: the whole server." example:"12"`
		Reason string  `json:"reason" required:"false" maxLength:"500" example:"Spam"`
		Until  *string `json:"until" required:"false" format:"date-time" doc:"A timeout needs it; the others may last until lifted." example:"2026-03-02T00:00:00Z"`
	}
	liftRequest struct {
		Kind   string `json:"kind" enum:"ban,mute,timeout" example:"timeout"`
		UserID string `json:"user_id" example:"0199f0a4-7c1e-7a60-9d6b-2f6f0a9e3b11"`
		RoomID string `json:"room_id" required:"false" doc:"Not given: the whole server." example:"12"`
		Reason string `json:"reason" required:"false" maxLength:"500" example:"Appealed"`
	}
	reportPage struct {
		Reports    []Report `json:"reports"`
		NextCursor *string  `json:"next_cursor" doc:"Null at the end."`
	}
	handleReportRequest struct {
		State         string `json:"state" enum:"resolved,dismissed" example:"resolved"`
		Note          string `json:"note" required:"false" example:"Warned"`
		DeleteMessage bool   `json:"delete_message" required:"false"`
	}
	auditPage struct {
		Entries    []AuditEntry `json:"entries" doc:"Newest first."`
		NextCursor *string      `json:"next_cursor" doc:"Null at the end."`
	}
	// AuditQuery narrows an audit log.
	AuditQuery struct {
		Actor  string `query:"actor" doc:"By this person, by id."`
		Target string `query:"target" doc:"To this thing, by id."`
		Action string `query:"action" doc:"An action, or the beginning of one that ends in a dot." example:"user."`
		After  string `query:"after" doc:"RFC 3339." example:"2026-03-01T00:00:00Z"`
		Before string `query:"before" doc:"RFC 3339."`
		PageQuery
	}
)

func (d *Dialect) registerModeration() {
	const tag = "Moderation"
	handle(d, "GET /admin/sanctions", endpoint{
		id: "list-sanctions", tag: tag, summary: "List sanctions", description: "Of the server, for moderators; of a room, for those who manage its members.",
		codes: "permission_missing room_not_found not_a_member manage_members_forbidden kind_invalid" + pageFaults,
	}, func(ctx context.Context, by chat.Actor, in *struct {
		UserID string `query:"user_id"`
		RoomID string `query:"room_id" doc:"Not given: those of the whole server."`
		Kind   string `query:"kind" enum:"ban,mute,timeout,warning"`
		Live   bool   `query:"live" doc:"Only those that hold now."`
		PageQuery
	}) (*reply[sanctionPage], error) {
		room, err := optionalRoom(in.RoomID)
		if err != nil {
			return nil, err
		}
		f := chat.SanctionFilter{UserID: chat.UserID(in.UserID), RoomID: room, ServerOnly: room == 0, Kind: chat.SanctionKind(in.Kind)}
		if in.Live {
			f.LiveAt = d.now()
		}
		list, cursor, err := d.core.Sanctions(ctx, by, f, in.page())
		if err != nil {
			return nil, err
		}
		shown, err := d.sanctions(ctx, by, list...)
		return ok(sanctionPage{shown, next(cursor)}), err
	})
	handle(d, "POST /admin/sanctions", endpoint{
		id: "create-sanction", tag: tag, status: 201, summary: "Ban, mute, time out or warn a person",
		description: "On the whole server it needs the rank of a moderator (a ban: of an admin) above the person's. It holds in every protocol the server speaks, at once.",
		codes:       "permission_missing kind_invalid user_not_found time_invalid until_invalid reason_too_long sanction_not_here " + memberFaults,
	}, func(ctx context.Context, by chat.Actor, in *struct{ Body sanctionRequest }) (*created[Sanction], error) {
		b := in.Body
		room, err := optionalRoom(b.RoomID)
		if err != nil {
			return nil, err
		}
		until, err := parseTime("until", b.Until)
		if err != nil {
			return nil, err
		}
		if err := needed("user_id", in.Body.UserID); err != nil {
			return nil, err
		}
		s, err := d.core.Sanction(ctx, by, core.Measure{Kind: chat.SanctionKind(b.Kind), RoomID: room, UserID: chat.UserID(b.UserID), Reason: b.Reason, Until: until})
		if err != nil {
			return nil, err
		}
		shown, err := d.sanctions(ctx, by, s)
		if err != nil {
			return nil, err
		}
		return made("/admin/sanctions?user_id="+shown[0].UserID, shown[0]), nil
	})
	handle(d, "POST /admin/sanctions/lift", endpoint{
		id: "lift-sanction", tag: tag, status: 204, summary: "Lift what holds against a person",
		codes: "permission_missing kind_invalid user_not_found sanction_not_found reason_too_long " + memberFaults,
	}, func(ctx context.Context, by chat.Actor, in *struct{ Body liftRequest }) (*nothing, error) {
		room, err := optionalRoom(in.Body.RoomID)
		if err != nil {
			return nil, err
		}
		if err := needed("user_id", in.Body.UserID); err != nil {
			return nil, err
		}
		return nil, d.core.Lift(ctx, by, chat.SanctionKind(in.Body.Kind), room, chat.UserID(in.Body.UserID), in.Body.Reason)
	})
	handle(d, "GET /admin/reports", endpoint{
		id: "list-reports", tag: tag, summary: "Read the queue of reported messages", description: "Needs review_reports. Open ones oldest first, others newest first.",
		codes: "permission_missing state_invalid" + pageFaults,
	}, func(ctx context.Context, by chat.Actor, in *struct {
		State string `query:"state" enum:"open,resolved,dismissed" doc:"open if it is not given."`
		PageQuery
	}) (*reply[reportPage], error) {
		state := chat.ReportState(in.State)
		if state == "" {
			state = chat.ReportOpen
		}
		list, cursor, err := d.core.Reports(ctx, by, state, in.page())
		if err != nil {
			return nil, err
		}
		shown, err := d.reports(ctx, by, list...)
		return ok(reportPage{shown, next(cursor)}), err
	})
	handle(d, "PATCH /admin/reports/{id}", endpoint{
		id: "handle-report", tag: tag, summary: "Close a report", description: "Needs review_reports.",
		codes: "permission_missing report_not_found report_closed state_invalid note_too_long note_invalid",
	}, func(ctx context.Context, by chat.Actor, in *struct {
		ID   string `path:"id" example:"3"`
		Body handleReportRequest
	}) (*reply[Report], error) {
		id, isID := parseNumber(in.ID)
		if !isID {
			return nil, chat.Errorf(chat.NotFound, "report_not_found", "There is no such report.")
		}
		r, err := d.core.HandleReport(ctx, by, id, chat.ReportState(in.Body.State), in.Body.Note, in.Body.DeleteMessage)
		if err != nil {
			return nil, err
		}
		shown, err := d.reports(ctx, by, r)
		if err != nil {
			return nil, err
		}
		return ok(shown[0]), nil
	})
	handle(d, "GET /admin/audit", endpoint{
		id: "list-audit", tag: tag, summary: "Read the audit log", description: "Needs view_audit_log.", codes: "permission_missing time_invalid" + pageFaults,
	}, func(ctx context.Context, by chat.Actor, in *struct {
		RoomID string `query:"room_id"`
		AuditQuery
	}) (*reply[auditPage], error) {
		room, err := optionalRoom(in.RoomID)
		if err != nil {
			return nil, err
		}
		return d.audit(ctx, by, room, in.AuditQuery)
	})
	handle(d, "GET /rooms/{id}/audit", endpoint{
		id: "list-room-audit", tag: tag, summary: "Read a room's audit log", description: "For its admins.",
		codes: "room_not_found not_a_member manage_members_forbidden time_invalid" + pageFaults,
	}, func(ctx context.Context, by chat.Actor, in *struct {
		RoomPath
		AuditQuery
	}) (*reply[auditPage], error) {
		room, err := in.room()
		if err != nil {
			return nil, err
		}
		return d.audit(ctx, by, room, in.AuditQuery)
	})
}

func (d *Dialect) audit(ctx context.Context, by chat.Actor, room chat.RoomID, q AuditQuery) (*reply[auditPage], error) {
	after, err := parseTime("after", &q.After)
	if err != nil {
		return nil, err
	}
	before, err := parseTime("before", &q.Before)
	if err != nil {
		return nil, err
	}
	list, cursor, err := d.core.Audit(ctx, by, chat.AuditFilter{
		ActorID: chat.UserID(q.Actor), TargetID: q.Target, RoomID: room, Action: q.Action, After: after, Before: before,
	}, q.page())
	if err != nil {
		return nil, err
	}
	ids := make([]chat.UserID, 0, 2*len(list))
	for _, a := range list {
		ids = append(ids, a.ActorID, targetPerson(a))
	}
	p, err := d.people(ctx, by, ids...)
	return ok(auditPage{convert(list, func(a chat.AuditEntry) AuditEntry { return auditEntry(a, p) }), next(cursor)}), err
}

// reports converts a list with the people it speaks of.
func (d *Dialect) reports(ctx context.Context, by chat.Actor, list ...chat.Report) ([]Report, error) {
	var ids []chat.UserID
	for _, r := range list {
		ids = append(ids, r.ReporterID, r.AuthorID, r.HandledBy)
	}
	p, err := d.people(ctx, by, ids...)
	return convert(list, func(r chat.Report) Report { return report(r, p) }), err
}

// optionalRoom is roomID for a field that may be empty.
func optionalRoom(s string) (chat.RoomID, error) {
	if s == "" {
		return 0, nil
	}
	return roomID(s)
}
