package core_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"parley/internal/blob"
	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/scan"
)

// eicar is the text that every scanner finds; apart, so that scanners do not find this file.
const eicar = `X5O!P%@AP[4\PZX54(P^)7CC)7}$` + `EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*`

// picture makes a PNG of a size and a colour.
func picture(t *testing.T, width, height int, shade uint8) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	img.Set(0, 0, color.RGBA{shade, shade / 2, 7, 255})
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// archive makes a zip with one file in it.
func archive(t *testing.T, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.Create("notes.txt")
	if err == nil {
		_, err = f.Write(content)
	}
	if err = errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// hugePicture is a PNG of a few bytes that claims to have very many pixels.
func hugePicture() []byte {
	head := []byte("IHDR\x00\x01\x00\x00\x00\x01\x00\x00\x08\x02\x00\x00\x00")
	b := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), head...)
	sum := crc32.ChecksumIEEE(head)
	return append(b, byte(sum>>24), byte(sum>>16), byte(sum>>8), byte(sum), 0, 0, 0, 0, 'I', 'D', 'A', 'T', 0, 0, 0, 0)
}

// scanned makes a world with the built-in scanner.
func scanned(o *core.Options) { o.Scanner = scan.NewBuiltin(scan.Options{}) }

// upload stores a file that must be taken.
func (w *world) upload(by chat.Actor, name string, content []byte) chat.Attachment {
	w.Helper()
	a, err := w.UploadFile(w.ctx, by, core.Upload{Filename: name, Body: bytes.NewReader(content)})
	w.must(err)
	return a
}

// stored counts the blobs that are kept, once everything in the background is done.
func (w *world) stored() (n int) {
	w.Helper()
	w.Settle()
	w.must(w.blobs.List(w.ctx, func(blob.Info) error { n++; return nil }))
	return n
}

func TestUploadRefusals(t *testing.T) {
	var temp string
	w := newWorld(t, scanned, func(o *core.Options) { o.Limits.AttachmentBytes = 64 << 10; temp = o.TempDir })
	ada := w.user("ada")
	pic := picture(t, 4, 3, 1)
	large := append(bytes.Clone(pic), make([]byte, 64<<10-len(pic))...)
	for _, tc := range []struct {
		name     string
		filename string
		mime     string
		content  io.Reader
		code     string
		kind     chat.Kind
	}{
		{"nothing", "a.png", "", strings.NewReader(""), "attachment_empty", chat.Invalid},
		{"as large as allowed", "a.png", "image/png", bytes.NewReader(large), "", 0},
		{"a byte larger", "a.png", "image/png", bytes.NewReader(append(large, 0)), "attachment_too_large", chat.TooLarge},
		{"without end", "a.png", "image/png", endless{}, "attachment_too_large", chat.TooLarge},
		{"a program", "a.exe", "", strings.NewReader("MZ......"), "type_not_allowed", chat.Unsupported},
		{"a page", "a.html", "text/html", strings.NewReader("<script>"), "type_not_allowed", chat.Unsupported},
		{"a page that says it is a picture", "a.png", "image/png", strings.NewReader("<html><script>"), "type_mismatch", chat.Unsupported},
		{"a picture of another type", "a.gif", "image/png", bytes.NewReader(pic), "type_mismatch", chat.Unsupported},
		{"a picture with another declared type", "a.png", "application/pdf", bytes.NewReader(pic), "type_mismatch", chat.Unsupported},
		{"malware", "a.zip", "", bytes.NewReader(archive(t, []byte(eicar))), "infected", chat.Invalid},
		{"far too many pixels", "a.png", "", bytes.NewReader(hugePicture()), "image_bomb", chat.Invalid},
		{"half a picture's head", "a.png", "", bytes.NewReader(pic[:20]), "image_invalid", chat.Invalid},
		{"a connection that breaks", "a.png", "", iotest.TimeoutReader(iotest.OneByteReader(bytes.NewReader(pic))), "upload_incomplete", chat.Invalid},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := w.UploadFile(w.ctx, ada, core.Upload{Filename: tc.filename, MIMEType: tc.mime, Body: tc.content})
			if e := chat.AsError(err); chat.CodeOf(err) != tc.code || e != nil && e.Kind != tc.kind {
				t.Errorf("got %v, want %q", err, tc.code)
			}
			if left, err := os.ReadDir(temp); err != nil || len(left) != 0 {
				t.Errorf("left behind %v, %v", left, err)
			}
		})
	}
	if n := w.stored(); n != 2 { // the one picture and its thumbnail
		t.Errorf("%d blobs are kept", n)
	}
	_, err := w.UploadFile(w.ctx, chat.Operator, core.Upload{Filename: "a.png", Body: bytes.NewReader(pic)})
	w.want(err, "person_needed")
}

// film is a few seconds that browsers play.
func film(t *testing.T) []byte {
	t.Helper()
	content, err := os.ReadFile("../scan/testdata/film.mp4")
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestWhichFilesAreTakenIsTheOperatorsToSay(t *testing.T) {
	for _, row := range []struct {
		name  string
		types []scan.Type // nil: not set
		film  string      // what comes of each
		image string
	}{
		{"a server that nobody has set takes no films", nil, "type_not_allowed", ""},
		{"one may take films too", []scan.Type{scan.PNG, scan.MP4}, "", ""},
		{"or films alone", []scan.Type{scan.MP4}, "", "type_not_allowed"},
		{"or nothing", []scan.Type{}, "type_not_allowed", "type_not_allowed"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, scanned, func(o *core.Options) { o.AttachmentTypes = row.types })
			ada := w.user("ada")
			a, err := w.UploadFile(w.ctx, ada, core.Upload{Filename: "a.mp4", MIMEType: "video/mp4", Body: bytes.NewReader(film(t))})
			w.want(err, row.film)
			if err == nil && (a.MIMEType != "video/mp4" || a.Width != 0 || a.ThumbHash != "") {
				t.Errorf("%+v", a)
			}
			_, err = w.UploadFile(w.ctx, ada, core.Upload{Filename: "a.png", Body: bytes.NewReader(picture(t, 4, 3, 1))})
			w.want(err, row.image)
			_, err = w.SetAvatar(w.ctx, ada, bytes.NewReader(picture(t, 4, 3, 1))) // is something else
			w.want(err, "")
			_, err = w.SetAvatar(w.ctx, ada, bytes.NewReader(film(t)))
			w.want(err, "type_not_allowed")
		})
	}
}

// endless is a body that goes on for ever.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// brokenScanner is a scanner that is away.
type brokenScanner struct{}

func (brokenScanner) Scan(context.Context, io.ReaderAt, int64, scan.Meta) (scan.Verdict, error) {
	return scan.Verdict{}, errors.New("connection refused")
}

func TestNothingIsTakenWithoutItsScanner(t *testing.T) {
	w := newWorld(t, func(o *core.Options) { o.Scanner = brokenScanner{} })
	_, err := w.UploadFile(w.ctx, w.user("ada"), core.Upload{Filename: "a.png", Body: bytes.NewReader(picture(t, 2, 2, 1))})
	if e := chat.AsError(err); e == nil || e.Code != "scan_unavailable" || e.Kind != chat.Unavailable {
		t.Errorf("got %v", err)
	}
	if n := w.stored(); n != 0 {
		t.Errorf("%d blobs are kept", n)
	}
}

func TestUploadsAreRateLimited(t *testing.T) {
	w := newWorld(t, func(o *core.Options) { o.Limits.UploadsPerMinute = 1 })
	ada := w.user("ada")
	w.upload(ada, "a.zip", archive(t, []byte("x")))
	_, err := w.UploadFile(w.ctx, ada, core.Upload{Filename: "a.zip", Body: bytes.NewReader(archive(t, []byte("x")))})
	w.want(err, "rate_limited")
}

func TestUploadAndSend(t *testing.T) {
	w := newWorld(t, scanned)
	ada, bob, eve := w.user("ada"), w.user("bob"), w.user("eve")
	mod := w.user("mod", chat.RoleModerator)
	id := w.room("Tea", chat.Private, ada, bob)
	pic := picture(t, 600, 300, 1)
	a := w.upload(ada, `C:\holiday\..\..\b<e>ach.png`, pic)
	if a.Filename != "b_e_ach.png" || a.MIMEType != "image/png" || a.Width != 600 || a.Height != 300 || a.Size != int64(len(pic)) || a.ThumbHash == "" ||
		a.Scan != chat.ScanClean || len(a.Key) != 36 || a.UploaderID != ada.UserID {
		t.Fatalf("stored %+v", a)
	}
	doc := w.upload(ada, "notes.zip", archive(t, []byte("x")))
	open := func(by chat.Actor, key string, thumbnail bool) (core.File, []byte, error) {
		f, err := w.OpenAttachment(w.ctx, by, key, thumbnail)
		if err != nil {
			return f, nil, err
		}
		defer f.Body.Close()
		content, err := io.ReadAll(f.Body)
		return f, content, err
	}
	for _, tc := range []struct {
		name      string
		by        chat.Actor
		key       string
		thumbnail bool
		sent      bool // asked after it was sent, else before
		code      string
	}{
		{"the uploader opens it before it is sent", ada, a.Key, false, false, ""},
		{"nobody else does", bob, a.Key, false, false, "attachment_not_found"},
		{"an unknown key", ada, "00000000-0000-4000-8000-000000000000", false, false, "attachment_not_found"},
		{"no key", ada, "", false, false, "attachment_not_found"},
		{"an archive has no thumbnail", ada, doc.Key, true, false, "thumbnail_not_found"},
		{"members open it once it is sent", bob, a.Key, false, true, ""},
		{"and its thumbnail", bob, a.Key, true, true, ""},
		{"strangers do not", eve, a.Key, false, true, "attachment_not_found"},
		{"nor moderators", mod, a.Key, false, true, "attachment_not_found"},
		{"nor who is not logged in", chat.Actor{}, a.Key, false, true, "token_invalid"},
		{"the operator does", chat.Operator, a.Key, false, true, ""},
	} {
		if tc.sent && w.last(id).Type != chat.FileMessage {
			msg, _, err := w.SendMessage(w.ctx, ada, core.NewMessage{RoomID: id, Attachments: []string{a.Key, doc.Key}})
			if err != nil || msg.Type != chat.FileMessage || len(msg.Attachments) != 2 || msg.Attachments[0].Key != a.Key {
				t.Fatalf("sent %+v, %v", msg, err)
			}
		}
		t.Run(tc.name, func(t *testing.T) {
			f, content, err := open(tc.by, tc.key, tc.thumbnail)
			if chat.CodeOf(err) != tc.code {
				t.Fatalf("got %v, want %q", err, tc.code)
			}
			switch {
			case err != nil:
			case !tc.thumbnail && (!bytes.Equal(content, pic) || f.Hash != a.Hash || f.MIMEType != "image/png" || !f.ModTime.Equal(a.CreatedAt)):
				t.Errorf("opened %d bytes of %+v", len(content), f)
			case tc.thumbnail:
				thumb, _, err := image.Decode(bytes.NewReader(content))
				if err != nil || thumb.Bounds().Dx() != 480 || thumb.Bounds().Dy() != 240 || f.Hash != a.ThumbHash {
					t.Errorf("a thumbnail of %v, %v", thumb, err)
				}
			}
		})
	}
	for name, keys := range map[string][]string{"a file that was sent": {a.Key}, "a file twice": {doc.Key, doc.Key}} {
		_, _, err := w.SendMessage(w.ctx, ada, core.NewMessage{RoomID: id, Attachments: keys})
		if chat.CodeOf(err) != "attachment_invalid" {
			t.Errorf("%s: %v", name, err)
		}
	}
	theirs := w.upload(bob, "b.png", picture(t, 2, 2, 9))
	_, _, err := w.SendMessage(w.ctx, ada, core.NewMessage{RoomID: id, Attachments: []string{theirs.Key}})
	w.want(err, "attachment_invalid")
	msg, _, err := w.SendMessage(w.ctx, bob, core.NewMessage{RoomID: id, Content: "look", Attachments: []string{theirs.Key}})
	if err != nil || msg.Type != chat.ImageMessage {
		t.Errorf("sent %+v, %v", msg, err)
	}
	if page, err := w.Search(w.ctx, ada, core.Searching{Text: "b_e_ach has:attachment"}); err != nil || len(page.Hits) != 1 {
		t.Errorf("found by name: %v, %v", page.Hits, err)
	}
}

func TestFilesGoWithTheirMessages(t *testing.T) {
	w := newWorld(t)
	ada := w.user("ada")
	id := w.room("Tea", chat.Private, ada)
	send := func(room chat.RoomID, content []byte) *chat.Message {
		msg, _, err := w.SendMessage(w.ctx, ada, core.NewMessage{RoomID: room, Attachments: []string{w.upload(ada, "a.zip", content).Key}})
		w.must(err)
		return msg
	}
	same := archive(t, []byte("the same"))
	first, second := send(id, same), send(id, same)
	if n := w.stored(); n != 1 {
		t.Fatalf("%d blobs are kept", n)
	}
	_, err := w.DeleteMessage(w.ctx, ada, first.ID)
	w.must(err)
	if n := w.stored(); n != 1 {
		t.Errorf("after one of two messages is gone %d are kept", n)
	}
	_, err = w.OpenAttachment(w.ctx, ada, first.Attachments[0].Key, false)
	w.want(err, "attachment_not_found")
	f, err := w.OpenAttachment(w.ctx, ada, second.Attachments[0].Key, false)
	w.must(err)
	w.must(f.Body.Close())
	_, err = w.DeleteMessage(w.ctx, ada, second.ID)
	w.must(err)
	if n := w.stored(); n != 0 {
		t.Errorf("after both %d are kept", n)
	}
	other := w.room("Other", chat.Private, ada)
	send(other, same)
	w.must(w.DeleteRoom(w.ctx, ada, other, other.String()))
	if n := w.stored(); n != 0 {
		t.Errorf("after the room is gone %d are kept", n)
	}
	unused := w.upload(ada, "a.png", picture(t, 2, 2, 1))
	w.wait(24*time.Hour + time.Second)
	fresh := w.upload(ada, "b.zip", same)
	w.must(w.Tidy(w.ctx))
	if n := w.stored(); n != 1 {
		t.Errorf("after tidying up %d are kept", n)
	}
	_, err = w.OpenAttachment(w.ctx, ada, unused.Key, false)
	w.want(err, "attachment_not_found")
	f, err = w.OpenAttachment(w.ctx, ada, fresh.Key, false)
	w.must(err)
	w.must(f.Body.Close())
}

// hookedBlobs tells when something was put.
type hookedBlobs struct {
	blob.Store
	afterPut func()
}

func (b *hookedBlobs) Put(ctx context.Context, r io.Reader) (blob.Info, error) {
	info, err := b.Store.Put(ctx, r)
	if b.afterPut != nil {
		b.afterPut()
	}
	return info, err
}

// TestNoFileIsLostToDeletion deletes a message between the moment in which somebody else has stored the same bytes and
// the one in which that is written down.
func TestNoFileIsLostToDeletion(t *testing.T) {
	hooked := new(hookedBlobs)
	w := newWorld(t, func(o *core.Options) { hooked.Store, o.Blobs = o.Blobs, hooked })
	ada := w.user("ada")
	id := w.room("Tea", chat.Private, ada)
	for i := range 10 {
		content := archive(t, []byte(fmt.Sprint("number ", i)))
		msg, _, err := w.SendMessage(w.ctx, ada, core.NewMessage{RoomID: id, Attachments: []string{w.upload(ada, "a.zip", content).Key}})
		w.must(err)
		hooked.afterPut = func() {
			if _, err := w.DeleteMessage(w.ctx, ada, msg.ID); err != nil {
				t.Error(err)
			}
		}
		again := w.upload(ada, "a.zip", content)
		hooked.afterPut = nil
		w.Settle()
		f, err := w.OpenAttachment(w.ctx, ada, again.Key, false)
		if err != nil {
			t.Fatalf("the bytes of upload %d: %v", i, err)
		}
		w.must(f.Body.Close())
	}
}

func TestPicturesOfPeopleAndRooms(t *testing.T) {
	w := newWorld(t, scanned)
	ada, bob := w.user("ada"), w.user("bob")
	id := w.room("Tea", chat.Public, ada, bob)
	for _, tc := range []struct {
		name    string
		content []byte
		code    string
	}{
		{"an archive is no picture", archive(t, []byte("x")), "type_not_allowed"},
		{"nor is nothing", nil, "attachment_empty"},
		{"nor is a bomb", hugePicture(), "image_bomb"},
		{"nor is half a picture", picture(t, 50, 50, 1)[:60], "image_invalid"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := w.SetAvatar(w.ctx, ada, bytes.NewReader(tc.content)); chat.CodeOf(err) != tc.code {
				t.Errorf("got %v, want %q", err, tc.code)
			}
		})
	}
	user, err := w.SetAvatar(w.ctx, ada, bytes.NewReader(picture(t, 600, 300, 1)))
	w.must(err)
	name := strings.TrimPrefix(user.AvatarURL, core.AvatarPath)
	body, kind, err := w.Avatar(w.ctx, name)
	w.must(err)
	img, _, err := image.Decode(body)
	w.must(errors.Join(err, body.Close()))
	if kind != "image/jpeg" || img.Bounds().Dx() != 256 || img.Bounds().Dy() != 256 {
		t.Errorf("%s of %v", kind, img.Bounds())
	}
	_, err = w.SetRoomAvatar(w.ctx, bob, id, bytes.NewReader(picture(t, 10, 10, 1)))
	w.want(err, "manage_room_forbidden")
	w.told()
	view, err := w.SetRoomAvatar(w.ctx, ada, id, bytes.NewReader(picture(t, 600, 300, 1))) // the same picture
	if err != nil || view.Room.AvatarURL != user.AvatarURL || kinds(w.told()) != "RoomChanged" {
		t.Errorf("the room shows %q, %v", view.Room.AvatarURL, err)
	}
	topic := "green"
	if view, err = w.UpdateRoom(w.ctx, ada, id, core.RoomChange{Topic: &topic, AvatarURL: &view.Room.AvatarURL}); err != nil || view.Room.Topic != topic {
		t.Errorf("keeping the picture: %v", err)
	}
	stolen := core.AvatarPath + strings.Repeat("a", 64)
	_, err = w.UpdateRoom(w.ctx, ada, id, core.RoomChange{AvatarURL: &stolen})
	w.want(err, "avatar_url_invalid")
	none := ""
	_, err = w.UpdateProfile(w.ctx, ada, core.Profile{AvatarURL: &none})
	w.must(err)
	if n := w.stored(); n != 1 {
		t.Errorf("while the room shows it %d are kept", n)
	}
	_, err = w.UpdateRoom(w.ctx, ada, id, core.RoomChange{AvatarURL: &none})
	w.must(err)
	if n := w.stored(); n != 0 {
		t.Errorf("when nobody shows it %d are kept", n)
	}
	_, _, err = w.Avatar(w.ctx, name)
	w.want(err, "picture_not_found")
	_, _, err = w.Avatar(w.ctx, "../../etc/passwd")
	w.want(err, "picture_not_found")
	a := w.upload(ada, "a.zip", archive(t, []byte("x")))
	_, _, err = w.Avatar(w.ctx, a.Hash)
	w.want(err, "picture_not_found")
}
