package native

import (
	"encoding/json"
	"strconv"
	"time"

	"parley/internal/chat"
)

// Session is one login of the caller's.
type Session struct {
	ID         string `json:"id" example:"0199f0a4-8d11-7f00-b5a2-4f1f3f0c9a77"`
	Device     string `json:"device" doc:"The user agent that logged in." example:"Mozilla/5.0"`
	Address    string `json:"address" example:"192.0.2.7"`
	CreatedAt  string `json:"created_at" format:"date-time" example:"2026-03-01T09:30:00.000Z"`
	LastUsedAt string `json:"last_used_at" format:"date-time" example:"2026-03-01T10:15:00.000Z"`
	ExpiresAt  string `json:"expires_at" format:"date-time" example:"2026-03-02T09:30:00.000Z"`
	Current    bool   `json:"current" doc:"The session of this request."`
}

// Sanction is one measure against one person, in one room or on the whole server.
type Sanction struct {
	ID         string       `json:"id" example:"5"`
	Kind       string       `json:"kind" enum:"ban,mute,timeout,warning" example:"mute"`
	RoomID     *string      `json:"room_id" doc:"Null: the whole server." example:"12"`
	User       *UserSummary `json:"user" doc:"Null if the account is gone."`
	UserID     string       `json:"user_id" example:"0199f0a4-7c1e-7a60-9d6b-2f6f0a9e3b11"`
	Reason     string       `json:"reason" example:"Spam"`
	IssuedBy   *UserSummary `json:"issued_by" doc:"Null for the operator."`
	CreatedAt  string       `json:"created_at" format:"date-time" example:"2026-03-01T10:15:00.000Z"`
	Until      *string      `json:"until" format:"date-time" doc:"Null: until lifted." example:"2026-03-02T00:00:00.000Z"`
	LiftedAt   *string      `json:"lifted_at" format:"date-time" example:"2026-03-01T12:00:00.000Z"`
	LiftedBy   *UserSummary `json:"lifted_by"`
	LiftReason string       `json:"lift_reason" example:""`
	Live       bool         `json:"live" doc:"It holds now."`
}

// Report asks moderators to look at a message.
type Report struct {
	ID        string       `json:"id" example:"3"`
	MessageID string       `json:"message_id" example:"1041"`
	RoomID    string       `json:"room_id" example:"12"`
	Reporter  *UserSummary `json:"reporter"`
	Author    *UserSummary `json:"author"`
	Reason    string       `json:"reason" example:"Insults"`
	Content   string       `json:"content" doc:"The message as it was when reported." example:"Hello **world**"`
	CreatedAt string       `json:"created_at" format:"date-time" example:"2026-03-01T10:16:00.000Z"`
	State     string       `json:"state" enum:"open,resolved,dismissed" example:"open"`
	HandledBy *UserSummary `json:"handled_by"`
	HandledAt *string      `json:"handled_at" format:"date-time" example:"2026-03-01T11:00:00.000Z"`
	Note      string       `json:"note" example:""`
}

// AuditEntry records who did what to whom.
type AuditEntry struct {
	ID         string       `json:"id" example:"210"`
	At         string       `json:"at" format:"date-time" example:"2026-03-01T10:16:00.000Z"`
	Actor      *UserSummary `json:"actor" doc:"Null for the operator and the server."`
	Action     string       `json:"action" doc:"<noun>.<verb>" example:"user.ban"`
	TargetType string       `json:"target_type" example:"user"`
	TargetID   string       `json:"target_id" example:"0199f0a4-7c1e-7a60-9d6b-2f6f0a9e3b11"`
	Target     *UserSummary `json:"target" doc:"The person it was done to; null for other things and for accounts that are gone."`
	RoomID     *string      `json:"room_id" example:"12"`
	Details    opaque       `json:"details" doc:"An object, or null; never message content."`
}

// Role is a server role.
type Role struct {
	ID             string   `json:"id" example:"moderator"`
	Name           string   `json:"name" example:"Moderator"`
	Description    string   `json:"description" example:"Keeps the peace"`
	Color          string   `json:"color" doc:"#rrggbb, or empty." example:"#3366cc"`
	Hoisted        bool     `json:"hoisted" doc:"Its holders are listed apart."`
	SelfAssignable bool     `json:"self_assignable"`
	Category       string   `json:"category" example:""`
	Position       int      `json:"position" doc:"0 is the highest." example:"2"`
	Permissions    []string `json:"permissions"`
	System         bool     `json:"system" doc:"One of the four that cannot be deleted."`
	MessagesPer10s int      `json:"messages_per_10s" doc:"Overrides the server's send limit: 0 the server's, -1 none." example:"0"`
}

// RoleList says which server roles have, or by deny lack, one right in one room.
type RoleList struct {
	Right string      `json:"right" example:"send"`
	Roles []RoleEntry `json:"roles" doc:"The first entry that matches one of a person's roles decides."`
}

// RoleEntry is one line of a RoleList.
type RoleEntry struct {
	RoleID string `json:"role_id" example:"moderator"`
	Deny   bool   `json:"deny" required:"false"`
}

// AdminUser is an account as those who manage users see it.
type AdminUser struct {
	User
	Number     int64   `json:"number" doc:"The number that clients with integer ids show." example:"17"`
	DisabledAt *string `json:"disabled_at" format:"date-time" doc:"Null while the account is usable." example:"2026-03-01T10:16:00.000Z"`
}

// formatID writes a number as the opaque id it is in answers.
func formatID(n int64) string { return strconv.FormatInt(n, 10) }

// parseNumber reads what formatID wrote; only the canonical form counts.
func parseNumber(s string) (int64, bool) {
	id, ok := chat.ParseMessageID(s)
	return int64(id), ok
}

// people holds the users that a list speaks of, by id, in the form the list shows them in.
type people map[chat.UserID]UserSummary

// get returns a person, or null for one who is unknown or gone.
func (p people) get(id chat.UserID) *UserSummary {
	if s, ok := p[id]; ok {
		return &s
	}
	return nil
}

func (d *Dialect) session(s chat.Session, by chat.Actor) Session {
	return Session{
		ID: string(s.ID), Device: s.Device, Address: s.Address, CreatedAt: stamp(s.CreatedAt), LastUsedAt: stamp(s.LastUsedAt),
		ExpiresAt: stamp(s.ExpiresAt), Current: s.ID == by.SessionID,
	}
}

func sanction(s chat.Sanction, p people, at time.Time) Sanction {
	return Sanction{
		ID: formatID(s.ID), Kind: string(s.Kind), RoomID: roomIDOrNil(s.RoomID), User: p.get(s.UserID), UserID: string(s.UserID), Reason: s.Reason,
		IssuedBy: p.get(s.IssuedBy), CreatedAt: stamp(s.CreatedAt), Until: timeOrNil(s.Until), LiftedAt: timeOrNil(s.LiftedAt),
		LiftedBy: p.get(s.LiftedBy), LiftReason: s.LiftReason, Live: s.Live(at),
	}
}

func report(r chat.Report, p people) Report {
	return Report{
		ID: formatID(r.ID), MessageID: r.MessageID.String(), RoomID: r.RoomID.String(), Reporter: p.get(r.ReporterID), Author: p.get(r.AuthorID),
		Reason: r.Reason, Content: r.Content, CreatedAt: stamp(r.CreatedAt), State: string(r.State), HandledBy: p.get(r.HandledBy),
		HandledAt: timeOrNil(r.HandledAt), Note: r.Note,
	}
}

func auditEntry(a chat.AuditEntry, p people) AuditEntry {
	return AuditEntry{
		ID: formatID(a.ID), At: stamp(a.At), Actor: p.get(a.ActorID), Action: a.Action, TargetType: a.TargetType, TargetID: a.TargetID,
		Target: p.get(targetPerson(a)), RoomID: roomIDOrNil(a.RoomID), Details: opaque(a.Details),
	}
}

// targetPerson is whom an entry is about, empty if it is about something else.
func targetPerson(a chat.AuditEntry) chat.UserID {
	if a.TargetType != "user" {
		return ""
	}
	return chat.UserID(a.TargetID)
}

func role(r chat.Role) Role {
	out := Role{
		ID: string(r.ID), Name: r.Name, Description: r.Description, Color: r.Color, Hoisted: r.Hoisted, SelfAssignable: r.SelfAssignable,
		Category: r.Category, Position: r.Position, System: r.System, MessagesPer10s: r.MessagesPer10s,
		Permissions: make([]string, len(r.Permissions)),
	}
	for i, p := range r.Permissions {
		out.Permissions[i] = string(p)
	}
	return out
}

func roleList(l chat.RoleList) RoleList {
	return RoleList{Right: string(l.Right), Roles: convert(l.Roles, func(e chat.RoleEntry) RoleEntry {
		return RoleEntry{RoleID: string(e.RoleID), Deny: e.Deny}
	})}
}

func (d *Dialect) adminUser(u *chat.User) AdminUser {
	return AdminUser{
		User: d.user(u), Number: u.Number, DisabledAt: timeOrNil(u.DisabledAt),
	}
}

func roomIDOrNil(id chat.RoomID) *string {
	if id == 0 {
		return nil
	}
	return orNil(id.String())
}

// opaque is JSON that the server keeps without looking into it; empty is null.
type opaque json.RawMessage

// MarshalJSON writes the kept bytes.
func (o opaque) MarshalJSON() ([]byte, error) {
	if len(o) == 0 {
		return []byte("null"), nil
	}
	return o, nil
}

// UnmarshalJSON keeps a copy of the bytes.
func (o *opaque) UnmarshalJSON(b []byte) error {
	*o = append((*o)[:0], b...)
	return nil
}
