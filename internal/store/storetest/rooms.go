package storetest

import (
	"strings"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

func init() {
	tell("rooms",
		story{"a room is read back as stored, by id and slug", roomReadBack},
		story{"a slug is unique without regard to case, and none is no slug", roomSlugs},
		story{"two people have one direct room, in either order", roomDirect},
		story{"an update changes the settings and counts the version", roomUpdate},
		story{"what is not there is room_not_found", roomUnknown},
		story{"ids are never used again", roomIDs},
		story{"public rooms are listed by members, without archived and private ones", roomPublic},
		story{"the directory pages hold while rooms are added", roomPublicPages},
		story{"the directory is searched in name and description", roomPublicSearch},
		story{"the operator lists every room", roomList},
		story{"a deleted room takes everything in it along", roomDelete},
		story{"a deleted room names its files, each once", roomDeleteBlobs},
	)
}

// addRoom stores a room and makes people members of it, the first of them its owner.
func (w *world) addRoom(r chat.Room, members ...chat.UserID) chat.RoomID {
	w.Helper()
	if r.CreatedAt.IsZero() {
		r.CreatedAt = Start
	}
	if r.Form == "" {
		r.Form = chat.Text
	}
	if len(members) > 0 {
		r.OwnerID = members[0]
	}
	w.change(func(tx core.Tx) (err error) {
		r, err = tx.CreateRoom(w.ctx, r)
		for i, id := range members {
			if err == nil {
				role := chat.RoomMember
				if i == 0 {
					role = chat.RoomOwner
				}
				_, err = tx.PutMember(w.ctx, chat.Member{RoomID: r.ID, UserID: id, Role: role, JoinedAt: Start})
			}
		}
		return err
	})
	return r.ID
}

// say sends a plain message.
func (w *world) say(room chat.RoomID, by chat.UserID, content string) *chat.Message {
	w.Helper()
	m, created, err := w.Append(w.ctx, chat.Draft{RoomID: room, SenderID: by, Type: chat.TextMessage, Content: content, Search: content, At: Start})
	if err != nil || !created {
		w.Fatalf("append: created %v, %v", created, err)
	}
	return m
}

func roomNames(rooms []chat.Room) []string {
	return pick(rooms, func(r chat.Room) string { return r.Name })
}

func roomReadBack(w *world) {
	ada := w.addUser("ada")
	want := chat.Room{
		Slug: "The-Lab", Name: "The Lab", Description: "Where we try\nthings.", Topic: "today", Type: chat.Private, Form: chat.Forum,
		Encrypted: true, Official: true, AvatarURL: "/lab.png", Position: 3, OwnerID: ada, CreatedBy: ada, CreatedAt: Start, Archived: true,
		SlowMode: 30 * time.Second, Extra: raw(`{"origin":{"x":1}}`),
	}
	var created chat.Room
	w.change(func(tx core.Tx) (err error) {
		in := want
		in.ID, in.Version, in.LastSeq, in.MessageCount, in.MemberCount = 4711, 9, 9, 9, 9
		created, err = tx.CreateRoom(w.ctx, in)
		return err
	})
	want.ID, want.Version = created.ID, 1
	same(w, "created", created, want)
	same(w, "by id", must(w.Room(w.ctx, want.ID)), want)
	for _, slug := range []string{"The-Lab", "the-lab", "THE-LAB"} {
		same(w, "by slug", must(w.RoomBySlug(w.ctx, slug)), want)
	}

	plain := must(w.Room(w.ctx, w.addRoom(chat.Room{Type: chat.Public})))
	same(w, "plain", plain, chat.Room{ID: plain.ID, Type: chat.Public, Form: chat.Text, CreatedAt: Start, Version: 1})
}

func roomSlugs(w *world) {
	w.addRoom(chat.Room{Slug: "Lab", Name: "One", Type: chat.Public})
	hall := w.addRoom(chat.Room{Slug: "hall", Name: "Two", Type: chat.Public})
	w.addRoom(chat.Room{Name: "Three", Type: chat.Public})
	w.addRoom(chat.Room{Name: "Four", Type: chat.Public})
	w.refused("slug_taken", func(tx core.Tx) error {
		_, err := tx.CreateRoom(w.ctx, chat.Room{Slug: "LAB", Name: "Five", Type: chat.Public, Form: chat.Text, CreatedAt: Start})
		return err
	})
	w.wantCode(w.updateRoom(hall, func(r *chat.Room) { r.Slug = "lab" }), "slug_taken")
	same(w, "version after a refusal", must(w.Room(w.ctx, hall)).Version, 1)
	w.wantCode(w.updateRoom(hall, func(r *chat.Room) { r.Slug = "HALL" }), "")
	w.wantCode(w.updateRoom(hall, func(r *chat.Room) { r.Slug = "" }), "")
	_, err := w.RoomBySlug(w.ctx, "hall")
	w.wantCode(err, "room_not_found")
	_, err = w.RoomBySlug(w.ctx, "")
	w.wantCode(err, "room_not_found")
	w.addRoom(chat.Room{Slug: "hall", Name: "Six", Type: chat.Public}) // free again
}

func (w *world) updateRoom(id chat.RoomID, set func(r *chat.Room)) error {
	w.Helper()
	return w.try(func(tx core.Tx) error {
		r, err := tx.Room(w.ctx, id)
		if err != nil {
			return err
		}
		set(&r)
		_, err = tx.UpdateRoom(w.ctx, r)
		return err
	})
}

func roomDirect(w *world) {
	ada, bob, eve := w.addUser("ada"), w.addUser("bob"), w.addUser("eve")
	id := w.addRoom(chat.Room{Type: chat.Direct, DirectPair: [2]chat.UserID{bob, ada}})
	for _, pair := range [][2]chat.UserID{{ada, bob}, {bob, ada}} {
		r := must(w.DirectRoom(w.ctx, pair[0], pair[1]))
		same(w, "id", r.ID, id)
		same(w, "the pair, in id order", r.DirectPair, [2]chat.UserID{ada, bob})
		w.refused("direct_exists", func(tx core.Tx) error {
			_, err := tx.CreateRoom(w.ctx, chat.Room{Type: chat.Direct, Form: chat.Text, DirectPair: pair, CreatedAt: Start})
			return err
		})
	}
	w.addRoom(chat.Room{Type: chat.Direct, DirectPair: [2]chat.UserID{ada, eve}})
	_, err := w.DirectRoom(w.ctx, bob, eve)
	w.wantCode(err, "room_not_found")
	_, err = w.DirectRoom(w.ctx, "", "")
	w.wantCode(err, "room_not_found")
}

func roomUpdate(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	id := w.addRoom(chat.Room{Slug: "lab", Name: "Lab", Type: chat.Public, CreatedBy: ada}, ada)
	w.say(id, ada, "one")
	before := must(w.Room(w.ctx, id))
	in := chat.Room{
		ID: id, Slug: "lab2", Name: "Lab 2", Description: "d", Topic: "t", Type: chat.Private, Form: chat.Voice, Encrypted: true, Official: true,
		AvatarURL: "/a", Position: 8, OwnerID: bob, Archived: true, SlowMode: chat.MaxSlowMode, Extra: raw(`{"a":1}`),
		CreatedBy: bob, CreatedAt: Start.Add(time.Hour), Version: 77, LastSeq: 99, MessageCount: 99, MemberCount: 99,
	}
	var updated chat.Room
	w.change(func(tx core.Tx) (err error) {
		updated, err = tx.UpdateRoom(w.ctx, in)
		return err
	})
	want := in
	want.CreatedBy, want.CreatedAt, want.Version = before.CreatedBy, before.CreatedAt, 2
	want.LastSeq, want.MessageCount, want.LastMessageAt, want.MemberCount = before.LastSeq, before.MessageCount, before.LastMessageAt, before.MemberCount
	same(w, "updated", updated, want)
	same(w, "read back", must(w.Room(w.ctx, id)), want)
	w.wantCode(w.updateRoom(id, func(r *chat.Room) { r.Extra, r.OwnerID, r.Archived = nil, "", false }), "")
	r := must(w.Room(w.ctx, id))
	same(w, "version", r.Version, 3)
	if r.Extra != nil || r.OwnerID != "" || r.Archived {
		w.Fatalf("not cleared: %+v", r)
	}
}

func roomUnknown(w *world) {
	for _, id := range []chat.RoomID{0, -1, 4711} {
		_, err := w.Room(w.ctx, id)
		w.wantCode(err, "room_not_found")
		w.refused("room_not_found", func(tx core.Tx) error {
			_, err := tx.UpdateRoom(w.ctx, chat.Room{ID: id})
			return err
		})
		w.refused("room_not_found", func(tx core.Tx) error {
			_, err := tx.DeleteRoom(w.ctx, id)
			return err
		})
	}
	_, err := w.RoomBySlug(w.ctx, "nowhere")
	w.wantCode(err, "room_not_found")
}

func (w *world) deleteRoom(id chat.RoomID) (blobs []string) {
	w.Helper()
	w.change(func(tx core.Tx) (err error) {
		blobs, err = tx.DeleteRoom(w.ctx, id)
		return err
	})
	return blobs
}

func roomIDs(w *world) {
	first := w.addRoom(chat.Room{Name: "One", Type: chat.Public})
	w.deleteRoom(first)
	if second := w.addRoom(chat.Room{Name: "Two", Type: chat.Public}); second <= first {
		w.Fatalf("room %d after %d", second, first)
	}
}

// directory reads the public rooms page by page.
func (w *world) directory(q string, limit int, between func()) []string {
	w.Helper()
	return roomNames(walk(w, limit, between, func(p chat.Page) ([]chat.Room, string, error) { return w.PublicRooms(w.ctx, q, p) }))
}

func roomPublic(w *world) {
	ada, bob, eve := w.addUser("ada"), w.addUser("bob"), w.addUser("eve")
	same(w, "without rooms", len(w.directory("", 10, nil)), 0)
	w.addRoom(chat.Room{Name: "empty one", Type: chat.Public})
	w.addRoom(chat.Room{Name: "two", Type: chat.Public}, ada, bob)
	w.addRoom(chat.Room{Name: "private", Type: chat.Private}, ada, bob, eve)
	w.addRoom(chat.Room{Name: "archived", Type: chat.Public, Archived: true}, ada, bob, eve)
	w.addRoom(chat.Room{Type: chat.Direct, DirectPair: [2]chat.UserID{ada, bob}}, ada, bob)
	w.addRoom(chat.Room{Name: "three", Type: chat.Public}, ada, bob, eve)
	w.addRoom(chat.Room{Name: "empty two", Type: chat.Public})
	want := []string{"three", "two", "empty one", "empty two"}
	for limit := 1; limit <= 5; limit++ {
		same(w, "directory", w.directory("", limit, nil), want)
	}
	badCursors(w, func(p chat.Page) ([]chat.Room, string, error) { return w.PublicRooms(w.ctx, "", p) })
}

func roomPublicPages(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	w.addRoom(chat.Room{Name: "a", Type: chat.Public}, ada, bob)
	w.addRoom(chat.Room{Name: "b", Type: chat.Public}, ada)
	w.addRoom(chat.Room{Name: "c", Type: chat.Public}, ada)
	w.addRoom(chat.Room{Name: "d", Type: chat.Public})
	added := false
	same(w, "pages", w.directory("", 2, func() {
		if !added {
			added = true
			w.addRoom(chat.Room{Name: "before", Type: chat.Public}, ada, bob)
			w.addRoom(chat.Room{Name: "after", Type: chat.Public})
		}
	}), []string{"a", "b", "c", "d", "after"})
}

func roomPublicSearch(w *world) {
	w.addRoom(chat.Room{Name: "Crème Brûlée", Type: chat.Public})
	w.addRoom(chat.Room{Name: "Kitchen", Description: "sweets and creme", Type: chat.Public})
	lab := w.addRoom(chat.Room{Name: "Lab", Type: chat.Public})
	same(w, "folded", w.directory("CRÈME", 10, nil), []string{"Crème Brûlée", "Kitchen"})
	same(w, "a part of a word", w.directory("itch", 10, nil), []string{"Kitchen"})
	same(w, "not across name and description", len(w.directory("kitchen sweets", 10, nil)), 0)
	w.wantCode(w.updateRoom(lab, func(r *chat.Room) { r.Name = "Garden" }), "")
	same(w, "a new name", w.directory("garden", 10, nil), []string{"Garden"})
	same(w, "an old name", len(w.directory("lab", 10, nil)), 0)
	same(w, "a pattern is no pattern", len(w.directory("_", 10, nil)), 3)
}

func roomList(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	w.addRoom(chat.Room{Name: "a", Type: chat.Private})
	w.addRoom(chat.Room{Name: "b", Type: chat.Public, Archived: true})
	w.addRoom(chat.Room{Type: chat.Direct, DirectPair: [2]chat.UserID{ada, bob}})
	added := false
	read := func(q string) func(p chat.Page) ([]chat.Room, string, error) {
		return func(p chat.Page) ([]chat.Room, string, error) { return w.ListRooms(w.ctx, q, p) }
	}
	same(w, "all", roomNames(walk(w, 1, func() {
		if !added {
			added = true
			w.addRoom(chat.Room{Name: "c", Type: chat.Public})
		}
	}, read(""))), []string{"a", "b", "", "c"})
	same(w, "narrowed", roomNames(walk(w, 1, nil, read("B"))), []string{"b"})
	badCursors(w, read(""))
}

func roomDelete(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	gone := w.addRoom(chat.Room{Slug: "gone", Name: "Gone", Type: chat.Public}, ada, bob)
	kept := w.addRoom(chat.Room{Slug: "kept", Name: "Kept", Type: chat.Public}, ada, bob)
	said := make(map[chat.RoomID]*chat.Message)
	reports := make(map[chat.RoomID]chat.Report)
	for _, room := range []chat.RoomID{gone, kept} {
		said[room] = w.say(room, ada, "findme")
		w.change(func(tx core.Tx) (err error) {
			if _, _, err = tx.AddReaction(w.ctx, said[room].ID, bob, "👍", Start); err != nil {
				return err
			}
			if err = tx.PutInvite(w.ctx, chat.Invite{Code: "code" + room.String(), RoomID: room, CreatedAt: Start}); err != nil {
				return err
			}
			if _, err = tx.CreateSanction(w.ctx, chat.Sanction{Kind: chat.Ban, RoomID: room, UserID: bob, CreatedAt: Start}); err != nil {
				return err
			}
			if _, err = tx.CreateNotification(w.ctx, chat.Notification{UserID: bob, Type: chat.NotifyMention, RoomID: room, MessageID: said[room].ID, CreatedAt: Start, ExpiresAt: Start.Add(time.Hour)}); err != nil {
				return err
			}
			if err = tx.PutGrant(w.ctx, chat.Grant{RoomID: room, UserID: bob, Right: chat.CanPin, Allow: true}); err != nil {
				return err
			}
			if err = tx.PutRoleList(w.ctx, chat.RoleList{RoomID: room, Right: chat.CanSend, Roles: []chat.RoleEntry{{RoleID: chat.RoleUser}}}); err != nil {
				return err
			}
			if err = tx.AddAudit(w.ctx, chat.AuditEntry{At: Start, Action: "room.create", RoomID: room}); err != nil {
				return err
			}
			reports[room], err = tx.CreateReport(w.ctx, chat.Report{MessageID: said[room].ID, RoomID: room, ReporterID: bob, Content: "findme", CreatedAt: Start})
			return err
		})
	}
	if blobs := w.deleteRoom(gone); len(blobs) != 0 {
		w.Fatalf("blobs of a room without files: %v", blobs)
	}

	_, err := w.Room(w.ctx, gone)
	w.wantCode(err, "room_not_found")
	_, err = w.RoomBySlug(w.ctx, "gone")
	w.wantCode(err, "room_not_found")
	_, err = w.Message(w.ctx, said[gone].ID)
	w.wantCode(err, "message_not_found")
	_, err = w.Member(w.ctx, gone, ada)
	w.wantCode(err, "member_not_found")
	_, err = w.Invite(w.ctx, "code"+gone.String())
	w.wantCode(err, "not_found")
	for _, room := range []chat.RoomID{gone, kept} {
		n := 0
		if room == kept {
			n = 1
		}
		same(w, "members", len(must(w.MemberIDs(w.ctx, room))), 2*n)
		same(w, "sanctions", len(must(w.LiveSanctions(w.ctx, bob, room, Start))), n)
		same(w, "grants", len(must(w.Grants(w.ctx, room, bob))), n)
		same(w, "role lists", len(must(w.RoleLists(w.ctx, room))), n)
		same(w, "the report stays", must(w.Report(w.ctx, reports[room].ID)).Content, "findme")
		entries, _, err := w.Audit(w.ctx, chat.AuditFilter{RoomID: room}, chat.Page{Limit: 10})
		w.wantCode(err, "")
		same(w, "the audit log stays", len(entries), 1)
	}
	notes, _, err := w.Notifications(w.ctx, bob, false, Start, chat.Page{Limit: 10})
	w.wantCode(err, "")
	same(w, "notifications", pick(notes, func(n chat.Notification) chat.RoomID { return n.RoomID }), []chat.RoomID{kept})
	hits := must(w.Search(w.ctx, chat.SearchQuery{Reader: ada, Terms: []chat.SearchTerm{{Words: []string{"findme"}}}, Limit: 10})).Hits
	same(w, "found", pick(hits, func(h chat.SearchHit) chat.MessageID { return h.Message.ID }), []chat.MessageID{said[kept].ID})
	w.addRoom(chat.Room{Slug: "gone", Name: "Gone", Type: chat.Public}) // the slug is free again
}

func roomDeleteBlobs(w *world) {
	ada := w.addUser("ada")
	room, other := w.addRoom(chat.Room{Name: "a", Type: chat.Public}, ada), w.addRoom(chat.Room{Name: "b", Type: chat.Public}, ada)
	send := func(room chat.RoomID, key, hash, thumb string) {
		var a chat.Attachment
		w.change(func(tx core.Tx) (err error) {
			a, err = tx.CreateAttachment(w.ctx, chat.Attachment{Key: key, UploaderID: ada, Filename: key, MIMEType: "image/png", Size: 1, Hash: hash, ThumbHash: thumb, Scan: chat.ScanClean, CreatedAt: Start})
			return err
		})
		if room == 0 {
			return
		}
		if _, _, err := w.Append(w.ctx, chat.Draft{RoomID: room, SenderID: ada, Type: chat.ImageMessage, AttachmentIDs: []chat.AttachmentID{a.ID}, At: Start}); err != nil {
			w.Fatalf("append: %v", err)
		}
	}
	send(room, "k1", "hash1", "thumb1")
	send(room, "k2", "hash1", "thumb1")
	send(room, "k3", "hash2", "")
	send(room, "k4", "shared", "")
	send(other, "k5", "shared", "")
	send(0, "k6", "unsent", "")
	avatar := strings.Repeat("0af9", 16)
	w.wantCode(w.updateRoom(room, func(r *chat.Room) { r.AvatarURL = "/avatars/" + avatar }), "")
	w.wantCode(w.updateRoom(other, func(r *chat.Room) { r.AvatarURL = "https://pictures.example/" + strings.Repeat("x", 64) }), "")
	same(w, "blobs", sorted(w.deleteRoom(room)), []string{avatar, "hash1", "hash2", "shared", "thumb1"})
	for hash, want := range map[string]bool{"hash1": false, "hash2": false, "thumb1": false, "shared": true, "unsent": true, avatar: false} {
		same(w, hash+" in use", must(w.BlobInUse(w.ctx, hash)), want)
	}
	same(w, "blobs of a room with a picture from elsewhere", w.deleteRoom(other), []string{"shared"})
	_, err := w.AttachmentByKey(w.ctx, "k1")
	w.wantCode(err, "not_found")
	must(w.AttachmentByKey(w.ctx, "k6"))
}
