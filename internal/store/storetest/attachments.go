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
