package storetest

import (
	"strings"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

func init() {
	tell("attachments",
		story{"an upload is read back by id and key", attachmentsReadBack},
		story{"uploads that were never sent are found once they are old", attachmentsUnused},
		story{"a blob is in use while anything needs it", attachmentsBlobs},
		story{"uploads that wait for the scanner are found by id, and their bytes are held back", attachmentsPending},
		story{"deleting a file of a message takes it out of the message", attachmentsDelete},
		story{"unknown ones are not_found", attachmentsUnknown},
	)
}

func attachmentsReadBack(w *world) {
	ada := w.addUser("ada")
	a := w.upload(ada, "one")
	if a.ID == 0 || a.RoomID != 0 || a.MessageID != 0 {
		w.Errorf("created %+v", a)
	}
	same(w, "by id", must(w.Attachment(w.ctx, a.ID)), a)
	same(w, "by key", must(w.AttachmentByKey(w.ctx, "one")), a)
	b := w.upload(ada, "two")
	if b.ID <= a.ID {
		w.Errorf("ids %d and %d", a.ID, b.ID)
	}
	found := must(w.AttachmentsByKey(w.ctx, []string{"two", "three", "one", "two"}))
	same(w, "by keys", sorted(pick(found, func(a chat.Attachment) string { return a.Key })), []string{"one", "two"})
	w.change(func(tx core.Tx) error { return tx.SetScan(w.ctx, a.ID, chat.ScanInfected) })
	same(w, "scan", must(w.Attachment(w.ctx, a.ID)).Scan, chat.ScanInfected)
}

func attachmentsUnused(w *world) {
	ada := w.addUser("ada")
	room := w.addRoom(chat.Room{Type: chat.Public}, ada)
	for i, key := range []string{"c", "a", "b"} {
		a := chat.Attachment{Key: key, UploaderID: ada, Filename: key, MIMEType: "image/png", Hash: key, Scan: chat.ScanClean, CreatedAt: Start.Add(-time.Duration(i+1) * time.Hour)}
		w.change(func(tx core.Tx) error { _, err := tx.CreateAttachment(w.ctx, a); return err })
	}
	sent := w.upload(ada, "sent")
	w.post(chat.Draft{RoomID: room, SenderID: ada, AttachmentIDs: []chat.AttachmentID{sent.ID}})
	keys := func(before time.Time, limit int) string {
		return strings.Join(pick(must(w.UnusedAttachments(w.ctx, before, limit)), func(a chat.Attachment) string { return a.Key }), " ")
	}
	same(w, "older than now", keys(Start.Add(time.Hour), 10), "b a c")
	same(w, "older than 90 minutes", keys(Start.Add(-90*time.Minute), 10), "b a")
	same(w, "one", keys(Start, 1), "b")
}

func attachmentsBlobs(w *world) {
	ada := w.addUser("ada")
	a, b := w.upload(ada, "one"), w.upload(ada, "two")
	avatar, icon, asset := strings.Repeat("a", 64), strings.Repeat("b", 64), strings.Repeat("c", 64)
	if err := w.updateUser(ada, func(u *chat.User) { u.AvatarURL = "/avatars/" + avatar }); err != nil {
		w.Fatal(err)
	}
	w.addRoom(chat.Room{Type: chat.Public, AvatarURL: "/avatars/" + icon})
	w.putSetting("emojis", raw(`[{"name":"x","hash":"`+asset+`"}]`))
	w.change(func(tx core.Tx) error { return tx.DeleteAttachment(w.ctx, b.ID) })
	for _, tt := range []struct {
		name, hash string
		want       bool
	}{
		{"an attachment", a.Hash, true}, {"a thumbnail", a.ThumbHash, true}, {"a deleted attachment", b.Hash, false}, {"a deleted thumbnail", b.ThumbHash, false},
		{"an avatar", avatar, true}, {"a room's picture", icon, true}, {"an asset", asset, true}, {"nothing", "", false}, {"something else", strings.Repeat("d", 64), false},
	} {
		if got := must(w.BlobInUse(w.ctx, tt.hash)); got != tt.want {
			w.Errorf("%s in use: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func attachmentsPending(w *world) {
	ada := w.addUser("ada")
	room := w.addRoom(chat.Room{Type: chat.Public}, ada)
	made := make(map[string]chat.Attachment)
	for _, key := range []string{"c", "clean", "a", "infected", "b", "twice", "shown"} {
		a := w.upload(ada, key)
		made[key] = a
		state := chat.ScanPending
		if key == "clean" || key == "infected" {
			state = chat.ScanState(key)
		}
		w.change(func(tx core.Tx) error { return tx.SetScan(w.ctx, a.ID, state) })
	}
	w.post(chat.Draft{RoomID: room, SenderID: ada, AttachmentIDs: []chat.AttachmentID{made["clean"].ID}})
	twin := made["twice"] // uploaded before, when the scanner was there
	twin.Key, twin.Scan = "twin", chat.ScanClean
	w.change(func(tx core.Tx) error { _, err := tx.CreateAttachment(w.ctx, twin); return err })
	shown := chat.Attachment{Key: "avatar", UploaderID: ada, MIMEType: "image/png", Hash: strings.Repeat("a", 64), Scan: chat.ScanPending, CreatedAt: Start}
	w.change(func(tx core.Tx) error { _, err := tx.CreateAttachment(w.ctx, shown); return err })
	if err := w.updateUser(ada, func(u *chat.User) { u.AvatarURL = "/avatars/" + shown.Hash }); err != nil {
		w.Fatal(err)
	}
	keys := func(after chat.AttachmentID, limit int) string {
		return strings.Join(pick(must(w.PendingAttachments(w.ctx, after, limit)), func(a chat.Attachment) string { return a.Key }), " ")
	}
	same(w, "all", keys(0, 10), "c a b twice shown avatar")
	same(w, "some", keys(0, 2), "c a")
	same(w, "the next", keys(made["a"].ID, 2), "b twice")
	for _, tt := range []struct {
		name, hash   string
		used, heldup bool
	}{
		{"a clean file", made["clean"].Hash, true, false}, {"its thumbnail", made["clean"].ThumbHash, true, false},
		{"one that waits", made["a"].Hash, true, true}, {"its thumbnail, too", made["a"].ThumbHash, true, true},
		{"an infected one", made["infected"].Hash, false, true}, {"its small picture", made["infected"].ThumbHash, false, true},
		{"one that waits and is clean elsewhere", made["twice"].Hash, true, false},
		{"one that waits and is somebody's avatar", shown.Hash, true, false},
		{"something else", strings.Repeat("d", 64), false, false}, {"nothing", "", false, false},
	} {
		if got := must(w.BlobInUse(w.ctx, tt.hash)); got != tt.used {
			w.Errorf("%s in use: %v, want %v", tt.name, got, tt.used)
		}
		if got := must(w.Quarantined(w.ctx, tt.hash)); got != tt.heldup {
			w.Errorf("%s quarantined: %v, want %v", tt.name, got, tt.heldup)
		}
	}
}

func attachmentsDelete(w *world) {
	ada := w.addUser("ada")
	room := w.addRoom(chat.Room{Type: chat.Public}, ada)
	one, two := w.upload(ada, "one"), w.upload(ada, "two")
	m := w.post(chat.Draft{RoomID: room, SenderID: ada, Content: "files", Search: "files one png two png", AttachmentIDs: []chat.AttachmentID{one.ID, two.ID}})
	find := func(word string) int {
		return len(must(w.Search(w.ctx, chat.SearchQuery{Reader: ada, Terms: words(word), Limit: 10})).Hits)
	}
	same(w, "found by file name", find("one"), 1)
	w.change(func(tx core.Tx) error { return tx.DeleteAttachment(w.ctx, one.ID) })
	got := w.message(m.ID)
	same(w, "left", pick(got.Attachments, func(a chat.Attachment) string { return a.Key }), []string{"two"})
	same(w, "change", got.ChangeSeq, 2)
	same(w, "found by the name of the deleted", find("one"), 0)
	same(w, "found by the other name", find("two"), 1)
	w.change(func(tx core.Tx) error { return tx.DeleteAttachment(w.ctx, two.ID) })
	same(w, "none left", w.message(m.ID).Attachments, nil)
}

func attachmentsUnknown(w *world) {
	_, err := w.Attachment(w.ctx, 4711)
	w.wantCode(err, "not_found")
	_, err = w.AttachmentByKey(w.ctx, "nothing")
	w.wantCode(err, "not_found")
	same(w, "by no key", len(must(w.AttachmentsByKey(w.ctx, nil))), 0)
	w.refused("not_found", func(tx core.Tx) error { return tx.SetScan(w.ctx, 4711, chat.ScanClean) })
	w.refused("not_found", func(tx core.Tx) error { return tx.DeleteAttachment(w.ctx, 4711) })
}
