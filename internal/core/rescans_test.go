package core_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/clamdtest"
	"parley/internal/core"
	"parley/internal/scan"
	"parley/internal/scan/clamd"
)

// moody is a scanner that may be away, behind the built-in one, and that finds the word "harmful" in what is not packed.
type moody struct {
	away  atomic.Bool
	asked atomic.Int64
}

func (m *moody) Scan(_ context.Context, r io.ReaderAt, size int64, _ scan.Meta) (scan.Verdict, error) {
	m.asked.Add(1)
	if m.away.Load() {
		return scan.Verdict{}, fmt.Errorf("%w: connection refused", scan.ErrUnavailable)
	}
	content, err := io.ReadAll(io.NewSectionReader(r, 0, size))
	if err == nil && bytes.Contains(content, []byte("harmful")) {
		return scan.Verdict{Refusal: scan.ErrInfected, Signature: "Test.Harmful"}, nil
	}
	return scan.Verdict{}, err
}

// waiting makes a world in which uploads wait for a scanner that is away.
func waiting(t *testing.T) (*world, *moody) {
	t.Helper()
	m := new(moody)
	m.away.Store(true)
	w := newWorld(t, func(o *core.Options) {
		o.Scanner, o.Waiting = scan.Chain(scan.NewBuiltin(scan.Options{}), m), core.WaitingPending
	})
	return w, m
}

// hidden is a picture with something behind its end.
func hidden(t *testing.T, shade uint8, word string) []byte {
	return append(picture(t, 20, 10, shade), word...)
}

func TestUploadsWaitForTheScanner(t *testing.T) {
	w, scanner := waiting(t)
	ada, bob := w.user("ada"), w.user("bob")
	room := w.room("Tea", chat.Private, ada, bob)
	good, bad := w.upload(ada, "good.png", hidden(t, 1, "harmless")), w.upload(ada, "bad.png", hidden(t, 90, "harmful"))
	send := func(a chat.Attachment) error {
		_, _, err := w.SendMessage(w.ctx, ada, core.NewMessage{RoomID: room, Attachments: []string{a.Key}})
		return err
	}
	open := func(by chat.Actor, a chat.Attachment, thumbnail bool) error {
		f, err := w.OpenAttachment(w.ctx, by, a.Key, thumbnail)
		if err != nil {
			return err
		}
		return f.Body.Close()
	}
	for _, a := range []chat.Attachment{good, bad} {
		if a.Scan != chat.ScanPending || a.ThumbHash == "" {
			t.Fatalf("stored %+v", a)
		}
		w.want(send(a), "attachment_pending")
		for _, thumbnail := range []bool{false, true} {
			w.want(open(ada, a, thumbnail), "attachment_pending")
			w.want(open(bob, a, thumbnail), "attachment_not_found")
			w.want(open(chat.Operator, a, thumbnail), "attachment_pending")
		}
	}
	// Small pictures are also served by their hash.
	small := w.upload(ada, "small.png", picture(t, 20, 10, 200))
	for _, hash := range []string{small.Hash, small.ThumbHash} {
		_, _, err := w.Avatar(w.ctx, hash)
		w.want(err, "picture_not_found")
	}
	w.must(w.Rescan(w.ctx))
	w.want(send(good), "attachment_pending") // it is still away
	if n := w.stored(); n != 6 {
		t.Errorf("%d blobs are kept", n)
	}
	scanner.away.Store(false)
	w.must(w.Rescan(w.ctx))
	for a, state := range map[*chat.Attachment]chat.ScanState{&good: chat.ScanClean, &small: chat.ScanClean, &bad: chat.ScanInfected} {
		if now, err := w.store.Attachment(w.ctx, a.ID); err != nil || now.Scan != state {
			t.Errorf("%s is %s, %v", a.Filename, now.Scan, err)
		}
	}
	w.must(open(ada, good, true))
	w.must(send(good))
	w.must(open(bob, good, false))
	w.want(send(bad), "infected")
	w.want(open(ada, bad, false), "attachment_not_found")
	w.want(open(ada, bad, true), "attachment_not_found")
	if n := w.stored(); n != 4 {
		t.Errorf("%d blobs are kept after the bad one is gone", n)
	}
	asked := scanner.asked.Load()
	w.must(w.Rescan(w.ctx))
	if scanner.asked.Load() != asked {
		t.Error("what was judged is examined again")
	}
	w.wait(24*time.Hour + time.Second)
	w.must(w.Tidy(w.ctx))
	if n := w.stored(); n != 2 {
		t.Errorf("%d blobs are kept after tidying up", n)
	}
}

func TestWhatWaitsForTheScannerAndWhatDoesNot(t *testing.T) {
	w, scanner := waiting(t)
	ada := w.user("ada")
	refused := func(name string, content []byte) string {
		_, err := w.UploadFile(w.ctx, ada, core.Upload{Filename: name, Body: bytes.NewReader(content)})
		return chat.CodeOf(err)
	}
	for _, row := range []struct {
		name, file string
		content    []byte
		code       string
	}{
		{"what the built-in scanner finds is refused all the same", "a.zip", archive(t, []byte(eicar)), "infected"},
		{"what is no file that is allowed, too", "a.exe", []byte("MZ......"), "type_not_allowed"},
		{"what is not what it says, too", "a.png", []byte("<html>"), "type_mismatch"},
		{"everything else waits", "a.zip", archive(t, []byte("x")), ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := refused(row.file, row.content); got != row.code {
				t.Errorf("got %q, want %q", got, row.code)
			}
		})
	}
	_, err := w.SetAvatar(w.ctx, ada, bytes.NewReader(picture(t, 10, 10, 1)))
	w.want(err, "scan_unavailable")
	scanner.away.Store(false)
	if user, err := w.SetAvatar(w.ctx, ada, bytes.NewReader(picture(t, 10, 10, 1))); err != nil {
		t.Error(err)
	} else if body, _, err := w.Avatar(w.ctx, strings.TrimPrefix(user.AvatarURL, core.AvatarPath)); err != nil {
		t.Error(err)
	} else {
		w.must(body.Close())
	}
}

// TestWaitingForClamd plays it with a daemon that really goes and comes back.
func TestWaitingForClamd(t *testing.T) {
	daemon := clamdtest.Start(t)
	asked, err := clamd.New(clamd.Options{Address: daemon.Socket})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(o *core.Options) {
		o.Scanner, o.Waiting = scan.Chain(scan.NewBuiltin(scan.Options{}), asked), core.WaitingPending
	})
	ada := w.user("ada")
	daemon.Stop(t)
	good, bad := w.upload(ada, "a.png", hidden(t, 1, "fine")), w.upload(ada, "b.png", hidden(t, 90, clamdtest.Harmful))
	w.must(w.Rescan(w.ctx))
	states := func() (chat.ScanState, chat.ScanState) {
		a, err := w.store.Attachment(w.ctx, good.ID)
		w.must(err)
		b, err := w.store.Attachment(w.ctx, bad.ID)
		w.must(err)
		return a.Scan, b.Scan
	}
	if a, b := states(); a != chat.ScanPending || b != chat.ScanPending {
		t.Errorf("while it is gone they are %s and %s", a, b)
	}
	daemon.Restart(t)
	w.must(w.Rescan(w.ctx))
	if a, b := states(); a != chat.ScanClean || b != chat.ScanInfected {
		t.Errorf("when it is back they are %s and %s", a, b)
	}
	if n := w.stored(); n != 2 {
		t.Errorf("%d blobs are kept", n)
	}
}

// TestAFileThatCannotBeReadHoldsUpNoOther loses the bytes of a file that waits.
func TestAFileThatCannotBeReadHoldsUpNoOther(t *testing.T) {
	w, scanner := waiting(t)
	ada := w.user("ada")
	lost, kept := w.upload(ada, "lost.zip", archive(t, []byte("1"))), w.upload(ada, "kept.zip", archive(t, []byte("2")))
	w.must(w.blobs.Delete(w.ctx, lost.Hash))
	scanner.away.Store(false)
	w.must(w.Rescan(w.ctx))
	for a, state := range map[*chat.Attachment]chat.ScanState{&lost: chat.ScanPending, &kept: chat.ScanClean} {
		if now, err := w.store.Attachment(w.ctx, a.ID); err != nil || now.Scan != state {
			t.Errorf("%s is %s, %v", a.Filename, now.Scan, err)
		}
	}
}

// TestTheSameBytesStay uploads what is clean for the scanner of before, and not for that of now.
func TestTheSameBytesStay(t *testing.T) {
	w, scanner := waiting(t)
	ada, bob := w.user("ada"), w.user("bob")
	mine, theirs := w.upload(ada, "a.zip", archive(t, []byte("same"))), w.upload(bob, "a.zip", archive(t, []byte("same")))
	scanner.away.Store(false)
	w.must(w.Rescan(w.ctx))
	for by, a := range map[*chat.Actor]chat.Attachment{&ada: mine, &bob: theirs} {
		f, err := w.OpenAttachment(w.ctx, *by, a.Key, false)
		w.must(err)
		w.must(f.Body.Close())
	}
	if n := w.stored(); n != 1 {
		t.Errorf("%d blobs are kept", n)
	}
}
