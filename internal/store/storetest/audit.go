package storetest

import (
	"slices"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

func init() {
	tell("audit",
		story{"an entry is read back as stored", auditReadBack},
		story{"entries are listed newest first, page by page", auditPages},
		story{"entries are counted, and listed from any place", auditAt},
		story{"entries are narrowed by actor, target, room, action and time", auditFilters},
	)
}

func (w *world) audit(entries ...chat.AuditEntry) {
	w.Helper()
	w.change(func(tx core.Tx) error {
		for _, a := range entries {
			if err := tx.AddAudit(w.ctx, a); err != nil {
				return err
			}
		}
		return nil
	})
}

func auditReadBack(w *world) {
	full := chat.AuditEntry{At: Start, ActorID: "ada", Action: "room.delete", TargetType: "room", TargetID: "7", RoomID: 7, Details: raw(`{"name":"Lab"}`)}
	plain := chat.AuditEntry{At: Start, Action: "server.start"}
	w.audit(full, plain)
	list, next, err := w.Audit(w.ctx, chat.AuditFilter{}, chat.Page{Limit: 10})
	w.wantCode(err, "")
	same(w, "next", next, "")
	same(w, "entries", len(list), 2)
	plain.ID, full.ID = list[0].ID, list[1].ID
	same(w, "entries", list, []chat.AuditEntry{plain, full})
}

func auditActions(list []chat.AuditEntry) []string {
	return pick(list, func(a chat.AuditEntry) string { return a.Action })
}

func auditPages(w *world) {
	for _, action := range []string{"a.a", "b.b", "c.c", "d.d", "e.e"} {
		w.audit(chat.AuditEntry{At: Start, Action: action})
	}
	read := func(p chat.Page) ([]chat.AuditEntry, string, error) { return w.Audit(w.ctx, chat.AuditFilter{}, p) }
	same(w, "pages while some are added", auditActions(walk(w, 2, func() {
		w.audit(chat.AuditEntry{At: Start.Add(-time.Hour), Action: "x.x"})
	}, read)), []string{"e.e", "d.d", "c.c", "b.b", "a.a"})
	badCursors(w, read)
}

func auditAt(w *world) {
	for _, action := range []string{"a.a", "b.b", "a.a", "c.c", "a.a"} {
		w.audit(chat.AuditEntry{At: Start, ActorID: "ada", Action: action})
	}
	w.audit(chat.AuditEntry{At: Start, ActorID: "bob", Action: "b.b"})
	read := func(f chat.AuditFilter, offset, limit int, want ...string) {
		w.Helper()
		same(w, "entries", auditActions(must(w.AuditAt(w.ctx, f, offset, limit))), want)
	}
	some := chat.AuditFilter{Actions: []string{"a.a", "b.b"}}
	read(some, 0, 2, "b.b", "a.a")
	read(some, 2, 2, "a.a", "b.b")
	read(some, 4, 2, "a.a")
	some.ActorID = "bob"
	read(some, 0, 9, "b.b")
	same(w, "counts", must(w.AuditCounts(w.ctx, chat.AuditFilter{Actions: []string{"a.a", "b.b"}})), map[string]int64{"a.a": 3, "b.b": 2})
	same(w, "no counts", must(w.AuditCounts(w.ctx, chat.AuditFilter{ActorID: "eve"})), map[string]int64{})
}

func auditFilters(w *world) {
	at := func(m time.Duration) time.Time { return Start.Add(m * time.Minute) }
	w.audit(
		chat.AuditEntry{At: at(1), ActorID: "ada", Action: "room.create", TargetID: "7", RoomID: 7},
		chat.AuditEntry{At: at(2), ActorID: "bob", Action: "room.delete", TargetID: "8", RoomID: 8},
		chat.AuditEntry{At: at(3), ActorID: "ada", Action: "roommate.add", TargetID: "7"},
		chat.AuditEntry{At: at(4), Action: "user.ban", TargetID: "bob", RoomID: 7},
	)
	for _, c := range []struct {
		name string
		f    chat.AuditFilter
		want []string
	}{
		{"nothing narrows", chat.AuditFilter{}, []string{"user.ban", "roommate.add", "room.delete", "room.create"}},
		{"an actor", chat.AuditFilter{ActorID: "ada"}, []string{"roommate.add", "room.create"}},
		{"a target", chat.AuditFilter{TargetID: "7"}, []string{"roommate.add", "room.create"}},
		{"a room", chat.AuditFilter{RoomID: 7}, []string{"user.ban", "room.create"}},
		{"an action", chat.AuditFilter{Action: "room.delete"}, []string{"room.delete"}},
		{"the actions of a noun", chat.AuditFilter{Action: "room."}, []string{"room.delete", "room.create"}},
		{"a noun without its point is an action", chat.AuditFilter{Action: "room"}, nil},
		{"a pattern is no pattern", chat.AuditFilter{Action: "%."}, nil},
		{"from a time on", chat.AuditFilter{After: at(3)}, []string{"user.ban", "roommate.add"}},
		{"before a time", chat.AuditFilter{Before: at(3)}, []string{"room.delete", "room.create"}},
		{"all of it together", chat.AuditFilter{ActorID: "ada", TargetID: "7", RoomID: 7, Action: "room.", After: at(1), Before: at(2)}, []string{"room.create"}},
	} {
		list, next, err := w.Audit(w.ctx, c.f, chat.Page{Limit: 10})
		if err != nil || next != "" || !slices.Equal(auditActions(list), c.want) {
			w.Errorf("%s: %v, next %q, error %v, want %v", c.name, auditActions(list), next, err, c.want)
		}
	}
}
