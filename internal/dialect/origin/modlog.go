package origin

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"parley/internal/chat"
)

// The audit log of the core has more actions than this protocol: those that it knows are listed under its own names (specs:
// originchats §6.12, originchats-commands §17).

var modlogCommands = map[string]command{
	"modlog_get":     modlogGet,
	"modlog_summary": modlogSummary,
}

type auditName struct{ category, action string }

// auditNames are the actions of the core on the wire.
var auditNames = func() map[string]auditName {
	names := make(map[string]auditName)
	for category, actions := range map[string]map[string]string{
		"user_moderation": {"user.ban": "user_ban", "user.unban": "user_unban", "user.mute": "user_timeout", "user.unmute": "user_timeout", "user.timeout": "user_timeout",
			"user.untimeout": "user_timeout", "user.roles": "user_roles_set", "user.update": "user_update", "user.delete": "user_delete", "user.kick": "user_kick"},
		"role_management": {"role.create": "role_create", "role.update": "role_update", "role.delete": "role_delete", "role.order": "role_reorder",
			"self_role.add": "self_role_add", "self_role.remove": "self_role_remove"},
		"channel_management": {"room.create": "channel_create", "room.update": "channel_update", "room.permissions": "channel_update", "room.order": "channel_move",
			"room.delete": "channel_delete"},
		"message_moderation": {"message.delete": "message_delete", "message.pin": "message_pin", "message.unpin": "message_unpin"},
		"server_management": {"server.update": "server_update", "emoji.create": "emoji_add", "emoji.update": "emoji_update", "emoji.delete": "emoji_delete",
			"webhook.create": "webhook_create", "webhook.update": "webhook_update", "webhook.delete": "webhook_delete", "webhook.regenerate": "webhook_regenerate",
			"plugin.reload": "plugins_reload"},
	} {
		for of, action := range actions {
			names[of] = auditName{category, action}
		}
	}
	return names
}()

// auditActions are the core's actions of a category and a name on the wire; empty stands for any.
func auditActions(category, action string) (list []string) {
	for of, name := range auditNames {
		if (category == "" || name.category == category) && (action == "" || name.action == action) {
			list = append(list, of)
		}
	}
	return list
}

type modlogPacket struct {
	Cmd     string        `json:"cmd"`
	Entries []modlogEntry `json:"entries"`
	Total   int64         `json:"total"`
	Offset  int64         `json:"offset"`
	Limit   int64         `json:"limit"`
}

type modlogEntry struct {
	ID         string          `json:"id"`
	Action     string          `json:"action"`
	Category   string          `json:"category"`
	ActorID    string          `json:"actor_id"`
	ActorName  string          `json:"actor_name"`
	TargetID   string          `json:"target_id"`
	TargetName string          `json:"target_name"`
	Details    json.RawMessage `json:"details"`
	Timestamp  seconds         `json:"timestamp"`
}

// auditRefusal is told to those who may not read the log.
func auditRefusal(err error, cmd string) error {
	return inWords(err, cmd, map[string]string{"permission_missing": "Access denied: 'view_audit_log' or 'manage_users' permission required"})
}

// modlogGet lists the audit log, newest first.
func modlogGet(ctx context.Context, s *socket, q *request) (any, error) {
	d := s.dialect
	if _, err := d.core.AuditCounts(ctx, s.actor, chat.AuditFilter{ActorID: "-"}); err != nil { // before anything else is looked at
		return nil, auditRefusal(err, q.cmd)
	}
	limit, err := q.whole("limit", 100)
	if err != nil || limit < 1 || limit > 200 {
		return nil, refuse(q.cmd, "Limit must be between 1 and 200")
	}
	offset, err := q.whole("offset", 0)
	if err != nil || offset < 0 || offset > math.MaxInt32 {
		return nil, refuse(q.cmd, "Offset must be a non-negative integer")
	}
	after, given, err := q.number("after")
	if err != nil || given && (after < 0 || after > 1e11) {
		return nil, refuse(q.cmd, "After must be a valid Unix timestamp")
	}
	var texts [4]string
	for i, field := range []string{"category", "action", "actor", "target"} {
		if texts[i], err = q.text(field); err != nil {
			return nil, err
		}
	}
	f := chat.AuditFilter{Actions: auditActions(texts[0], texts[1])}
	if given {
		f.After = time.UnixMilli(int64(math.Ceil(after * 1000)))
	}
	if texts[2] != "" {
		f.ActorID = chat.UserID(d.meant(ctx, texts[2]))
	}
	if texts[3] != "" {
		f.TargetID = d.meant(ctx, texts[3])
	}
	packet := modlogPacket{q.cmd, []modlogEntry{}, 0, offset, limit}
	if len(f.Actions) == 0 {
		return packet, nil // there is no such action
	}
	entries, total, err := d.core.AuditAt(ctx, s.actor, f, int(offset), int(limit))
	if err != nil {
		return nil, auditRefusal(err, q.cmd)
	}
	packet.Total = total
	for _, e := range entries {
		packet.Entries = append(packet.Entries, d.modlogEntry(ctx, e))
	}
	return packet, nil
}

// meant is the core's id of what a filter names: a person by name or id, a message, a channel, or something else by its id.
func (d *Dialect) meant(ctx context.Context, name string) string {
	if u, err := d.userNamed(ctx, name); err == nil {
		return string(u.ID)
	}
	if id := d.ids.readMessage(name); id != 0 {
		return id.String()
	}
	if rooms, err := d.core.ServerRooms(ctx, chat.Operator); err == nil {
		for _, r := range rooms {
			if channelOf(r) == name {
				return r.ID.String()
			}
		}
	}
	return name
}

func (d *Dialect) modlogEntry(ctx context.Context, e chat.AuditEntry) modlogEntry {
	name := auditNames[e.Action]
	x := modlogEntry{Action: name.action, Category: name.category, Details: e.Details, Timestamp: seconds(e.At)}
	x.ActorID, x.ActorName = serverName, serverName
	if e.ActorID != "" {
		x.ActorID, x.ActorName = d.whoever(ctx, e.ActorID)
	}
	x.ID = fmt.Sprintf("%d-%s", e.At.UnixMilli(), x.ActorID)
	var known struct {
		Name     string `json:"name"`
		Username string `json:"username"`
	}
	if len(e.Details) == 0 {
		x.Details = json.RawMessage("{}")
	} else {
		_ = json.Unmarshal(e.Details, &known) // names are there or not
	}
	x.TargetID, x.TargetName = e.TargetID, cmp.Or(known.Name, e.TargetID)
	switch e.TargetType {
	case "user":
		x.TargetID, x.TargetName = d.whoever(ctx, chat.UserID(e.TargetID))
	case "room":
		if id, ok := chat.ParseRoomID(e.TargetID); ok {
			channel := cmp.Or(d.channelName(ctx, id), roomPrefix+e.TargetID)
			x.TargetID, x.TargetName = channel, channel
		}
	case "role":
		if r, ok := d.roleTable(ctx)[chat.RoleID(e.TargetID)]; ok {
			x.TargetName = r.Name
		}
	case "message":
		if id, ok := chat.ParseMessageID(e.TargetID); ok {
			x.TargetID = d.ids.message(id)
			x.TargetName = x.TargetID
		}
	}
	return x
}

// whoever is the id and the name of somebody who may be gone.
func (d *Dialect) whoever(ctx context.Context, id chat.UserID) (wire, name string) {
	if u := d.user(ctx, id); u != nil {
		return d.idOf(ctx, u), nameOf(u)
	}
	name = d.nameByID(ctx, id)
	return name, name
}

type summaryPacket struct {
	Cmd        string           `json:"cmd"`
	Actions    map[string]int64 `json:"action_counts"`
	Categories map[string]int64 `json:"category_totals"`
	Total      int64            `json:"total"`
}

// modlogSummary counts the audit log.
func modlogSummary(ctx context.Context, s *socket, q *request) (any, error) {
	counts, err := s.dialect.core.AuditCounts(ctx, s.actor, chat.AuditFilter{Actions: auditActions("", "")})
	if err != nil {
		return nil, auditRefusal(err, q.cmd)
	}
	packet := summaryPacket{q.cmd, make(map[string]int64), make(map[string]int64), 0}
	for of, n := range counts {
		name := auditNames[of]
		packet.Actions[strings.Join([]string{name.category, name.action}, ".")] += n
		packet.Categories[name.category] += n
		packet.Total += n
	}
	return packet, nil
}
