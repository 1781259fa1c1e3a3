package native_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"mime/multipart"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/scan"
)

// file is one part of an upload's form.
type file struct{ name, kind, content string }

// form writes files as multipart/form-data.
func form(t *testing.T, files ...file) (contentType string, body []byte) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, f := range files {
		h := textproto.MIMEHeader{}
		h.Set("Content-Disposition", `form-data; name="file"; filename="`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(f.name)+`"`)
		h.Set("Content-Type", f.kind)
		p, err := w.CreatePart(h)
		if err == nil {
			_, err = io.WriteString(p, f.content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), b.Bytes()
}

func (c *client) upload(files ...file) *answer {
	c.Helper()
	kind, body := form(c.T, files...)
	return c.with("Content-Type", kind).post("/attachments/upload", body)
}

// picture is a PNG of the given size.
func picture(t *testing.T, width, height int) string {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for x := range width {
		for y := range height {
			img.Set(x, y, color.RGBA{uint8(x), uint8(y), 99, 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// zipped is an archive with one file.
func zipped(t *testing.T, content string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create("readme.txt")
	if err == nil {
		_, err = f.Write([]byte(content))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestFiles(t *testing.T) {
	s := newServer(t)
	ada, bob, eve := s.user("ada"), s.user("bob"), s.user("eve")
	room := ada.room("Den", "private", bob)
	img, archive := picture(t, 600, 400), zipped(t, "hello")
	up := ada.upload(file{"engine.png", "image/png", img}, file{"more.zip", "application/zip", archive}).want(201, "")
	id, zip := up.text("attachments.0.id"), up.text("attachments.1.id")
	if got := up.header.Get("Location"); got != "/api/attachments/"+id {
		t.Errorf("Location %q", got)
	}
	up.is("attachments.0.filename", "engine.png").is("attachments.0.size", len(img)).is("attachments.0.mime_type", "image/png").is("attachments.0.width", 600).
		is("attachments.0.height", 400).is("attachments.0.scan", "clean").is("attachments.0.url", "/api/attachments/"+id).
		is("attachments.0.thumbnail_url", "/api/attachments/"+id+"/thumbnail").is("attachments.1.width", nil).is("attachments.1.thumbnail_url", nil)

	bob.get("/attachments/"+id).want(404, "attachment_not_found") // not sent yet
	bob.post("/rooms/"+room+"/messages", object{"content": "mine", "attachments": []string{id}}).want(400, "attachment_invalid")
	m := ada.post("/rooms/"+room+"/messages", object{"attachments": []string{id, zip}}).want(201, "")
	m.is("type", "file").is("content", "").is("attachments.0.id", id).is("attachments.1.filename", "more.zip")
	ada.post("/rooms/"+room+"/messages", object{"attachments": []string{id}}).want(400, "attachment_invalid")

	got := bob.get("/attachments/"+id).want(200, "")
	if string(got.body) != img {
		t.Error("the bytes are not those that were uploaded")
	}
	for name, want := range map[string]string{
		"Content-Type": "image/png", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox",
		"Cache-Control": "private, max-age=31536000, immutable", "Content-Disposition": "inline; filename=engine.png", "Accept-Ranges": "bytes",
	} {
		if got := got.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if d := bob.get("/attachments/"+zip).want(200, "").header.Get("Content-Disposition"); d != "attachment; filename=more.zip" {
		t.Errorf("a zip file is shown: %q", d)
	}
	head := bob.do("HEAD", "/attachments/"+id, nil)
	if head.status != 200 || len(head.body) != 0 || head.header.Get("Content-Length") != fmt.Sprint(len(img)) {
		t.Errorf("HEAD: %d, %d bytes, %v", head.status, len(head.body), head.header)
	}
	small := bob.get("/attachments/"+id+"/thumbnail").want(200, "")
	if len(small.body) == 0 || !strings.HasPrefix(small.header.Get("Content-Type"), "image/") || small.header.Get("ETag") == got.header.Get("ETag") {
		t.Errorf("thumbnail %v", small.header)
	}
	bob.get("/attachments/"+zip+"/thumbnail").want(404, "thumbnail_not_found")
	eve.get("/attachments/"+id).want(404, "attachment_not_found")
	eve.get("/attachments/"+id+"/thumbnail").want(404, "attachment_not_found")
	s.anyone().get("/attachments/"+id).want(401, "token_invalid")
	s.anyone().with("Cookie", "chat_session="+bob.token).get("/attachments/"+id).want(200, "")
	for _, bad := range []string{"nonsense", "..%2f..%2fetc%2fpasswd", "1"} {
		if a := bob.get("/attachments/" + bad); a.status != 404 {
			t.Errorf("%s: %d", bad, a.status)
		}
	}

	ada.delete("/messages/"+m.text("id")).want(204, "")
	bob.get("/attachments/"+id).want(404, "attachment_not_found")
}

func TestRangesOfFiles(t *testing.T) {
	s := newServer(t)
	ada := s.user("ada")
	img := picture(t, 64, 64)
	path := "/attachments/" + ada.upload(file{"a.png", "image/png", img}).want(201, "").text("attachments.0.id")
	etag := ada.get(path).want(200, "").header.Get("ETag")
	if !strings.HasPrefix(etag, `"`) {
		t.Errorf("ETag %q is not strong", etag)
	}
	for _, tc := range []struct {
		name, ranges string
		status       int
		code, body   string
	}{
		{"the beginning", "bytes=0-3", 206, "", img[:4]},
		{"the end", "bytes=-4", 206, "", img[len(img)-4:]},
		{"from a place on", fmt.Sprintf("bytes=%d-", len(img)-2), 206, "", img[len(img)-2:]},
		{"beyond the end", "bytes=1000000-", 416, "range_invalid", ""},
		{"backwards", "bytes=9-3", 416, "range_invalid", ""},
		{"no numbers", "bytes=a-b", 416, "range_invalid", ""},
		{"another unit", "lines=1-2", 416, "range_invalid", ""},
		{"nine ranges", "bytes=" + strings.Repeat("0-0,", 8) + "0-0", 416, "range_invalid", ""},
		{"a thousand ranges", "bytes=" + strings.Repeat("0-0,", 1000) + "0-0", 416, "range_invalid", ""},
		{"ranges that overlap to more than all", "bytes=" + strings.Repeat("0-,", 7) + "0-", 200, "", img},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := ada.in(t).with("Range", tc.ranges).get(path).want(tc.status, tc.code)
			if tc.status < 300 && string(a.body) != tc.body {
				t.Errorf("%d bytes, want %d", len(a.body), len(tc.body))
			}
		})
	}
	two := ada.with("Range", "bytes=0-1,4-5").get(path).want(206, "")
	if !strings.HasPrefix(two.header.Get("Content-Type"), "multipart/byteranges") {
		t.Errorf("two ranges: %v", two.header)
	}
	ada.with("If-None-Match", etag).get(path).want(304, "")
	ada.with("If-Range", `"other"`).with("Range", "bytes=0-3").get(path).want(200, "")
}

func TestFilmsAndSoundAreServedForPlayers(t *testing.T) {
	s := newServer(t, func(set *setting) { set.core.AttachmentTypes = scan.AllTypes() })
	ada := s.user("ada")
	for name, kind := range map[string]string{
		"film.mp4": "video/mp4", "film.mov": "video/quicktime", "film.webm": "video/webm", "film.ogv": "video/ogg", "sound.mp3": "audio/mpeg",
		"sound.m4a": "audio/mp4", "sound.ogg": "audio/ogg", "sound.weba": "audio/webm", "sound.flac": "audio/flac",
	} {
		content, err := os.ReadFile(filepath.Join("../../scan/testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		up := ada.upload(file{name, kind, string(content)}).want(201, "")
		up.is("attachments.0.mime_type", kind).is("attachments.0.width", nil).is("attachments.0.thumbnail_url", nil)
		path := "/attachments/" + up.text("attachments.0.id")
		part := ada.with("Range", "bytes=100-199").get(path).want(206, "")
		if string(part.body) != string(content[100:200]) {
			t.Errorf("%s: %d other bytes", name, len(part.body))
		}
		for header, want := range map[string]string{
			"Content-Type": kind, "Content-Range": fmt.Sprintf("bytes 100-199/%d", len(content)), "Content-Disposition": "attachment; filename=" + name,
			"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox",
		} {
			if got := part.header.Get(header); got != want {
				t.Errorf("%s: %s is %q, want %q", name, header, got, want)
			}
		}
		etag := part.header.Get("ETag")
		ada.with("If-Range", etag).with("Range", "bytes=0-").get(path).want(206, "")
		if all := ada.with("If-Range", `"other"`).with("Range", "bytes=100-199").get(path).want(200, ""); len(all.body) != len(content) {
			t.Errorf("%s: %d bytes for another version", name, len(all.body))
		}
		ada.upload(file{"a.png", "image/png", string(content)}).want(415, "type_mismatch")
	}
	ada.upload(file{"a.svg", "image/svg+xml", "<svg xmlns='http://www.w3.org/2000/svg'/>"}).want(415, "type_not_allowed")
	ada.upload(file{"a.html", "text/html", "<html>"}).want(415, "type_not_allowed")
	types := ada.get("/server").want(200, "").text("limits.attachment_types.8")
	if types != "mp4" {
		t.Errorf("the ninth type is %q", types)
	}
}

func TestUploadsAreRefused(t *testing.T) {
	s := newServer(t, func(set *setting) { set.core.Limits.AttachmentBytes = 100_000 })
	ada := s.user("ada")
	img := picture(t, 16, 16)
	for _, tc := range []struct {
		name   string
		file   file
		status int
		code   string
	}{
		{"one byte too many", file{"a.png", "image/png", img + strings.Repeat("\x00", 100_001-len(img))}, 413, "attachment_too_large"},
		{"an empty file", file{"a.png", "image/png", ""}, 400, "attachment_empty"},
		{"a page", file{"a.html", "text/html", "<!doctype html><script>alert(1)</script>"}, 415, "type_not_allowed"},
		{"a page that calls itself a picture", file{"a.png", "image/png", "<!doctype html><script>alert(1)</script>"}, 415, "type_mismatch"},
		{"a drawing with a script", file{"a.svg", "image/svg+xml", `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`}, 415, "type_not_allowed"},
		{"a picture that calls itself a document", file{"a.pdf", "application/pdf", img}, 415, "type_mismatch"},
		{"a program", file{"a.exe", "application/octet-stream", "MZ\x90\x00" + strings.Repeat("\x00", 200)}, 415, "type_not_allowed"},
		{"the test file of scanners", file{"a.zip", "application/zip", zipped(t, `X5O!P%@AP[4\PZX54(P^)7CC)7}$`+`EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*`)}, 400, "infected"},
	} {
		t.Run(tc.name, func(t *testing.T) { ada.in(t).upload(tc.file).want(tc.status, tc.code) })
	}
	ada.with("Content-Type", "application/json").post("/attachments/upload", "{}").want(415, "content_type_unsupported")
	ada.with("Content-Type", "multipart/form-data").post("/attachments/upload", "x").want(415, "content_type_unsupported")
	ada.with("Content-Type", "multipart/form-data; boundary=x").post("/attachments/upload", "--x--\r\n").want(400, "file_missing")
	ada.with("Content-Type", "multipart/form-data; boundary=x").post("/attachments/upload", "--x\r\nnonsense").want(400, "upload_invalid")
	kind, body := form(t, file{"a.png", "image/png", img})
	ada.with("Content-Type", kind).post("/attachments/upload", body[:len(body)-60]).want(400, "upload_incomplete")
	var many []file
	for range 11 {
		many = append(many, file{"a.png", "image/png", img})
	}
	ada.upload(many...).want(400, "too_many_attachments")
	s.anyone().upload(file{"a.png", "image/png", img}).want(401, "token_invalid")
}

func TestNamesOfFilesAreHarmless(t *testing.T) {
	s := newServer(t)
	ada := s.user("ada")
	img := picture(t, 4, 4)
	for _, name := range []string{
		"../../etc/passwd.png", `..\..\windows\a.png`, "/etc/passwd.png", "a\x00.png", "a\r\nSet-Cookie: x=y.png", "..", ".", "con.png", "a\u202egnp.exe.png",
		strings.Repeat("a", 5000) + ".png", "\xff\xfe.png", "ünïcödé 名前.png", `"quoted".png`, "a;b=c.png",
	} {
		kind, body := form(t, file{strings.NewReplacer("\r", "%0D", "\n", "%0A").Replace(name), "image/png", img})
		r := ada.with("Content-Type", kind).post("/attachments/upload", body)
		if r.status != 201 {
			r.want(400, "upload_invalid")
			continue
		}
		got := r.text("attachments.0.filename")
		if got == "" || got == "." || got == ".." || len(got) > 255 || strings.ContainsAny(got, "/\\\x00\r\n\u202e") {
			t.Errorf("%q is kept as %q", name, got)
		}
		d := ada.get("/attachments/"+r.text("attachments.0.id")).want(200, "").header
		if len(d.Values("Set-Cookie")) > 0 || !strings.HasPrefix(d.Get("Content-Disposition"), "inline; filename") {
			t.Errorf("%q is served as %v", name, d)
		}
	}
}

func TestAvatars(t *testing.T) {
	s := newServer(t)
	ada := s.user("ada")
	put := func(f ...file) *answer {
		kind, body := form(t, f...)
		return ada.with("Content-Type", kind).put("/users/me/avatar", body)
	}
	url := put(file{"me.png", "image/png", picture(t, 300, 200)}).want(200, "").text("avatar_url")
	path, below := strings.CutPrefix(url, "/api")
	if !below || !strings.HasPrefix(path, "/avatars/") {
		t.Fatalf("avatar_url %q", url)
	}
	r := s.anyone().get(path).want(200, "")
	if !strings.HasPrefix(r.header.Get("Content-Type"), "image/") || r.header.Get("Cache-Control") != "public, max-age=31536000, immutable" || r.header.Get("Content-Disposition") != "inline" {
		t.Errorf("served as %v", r.header)
	}
	s.anyone().with("If-None-Match", r.header.Get("ETag")).get(path).want(304, "")
	put(file{"me.txt", "text/plain", "hello"}).want(415, "type_not_allowed")
	put().want(400, "file_missing")
	put(file{"a.png", "image/png", picture(t, 9, 9)}, file{"b.png", "image/png", picture(t, 9, 9)}).want(400, "too_many_attachments")
	s.anyone().get("/avatars/"+strings.Repeat("0", 64)).want(404, "picture_not_found")
	s.anyone().get("/avatars/nonsense").want(404, "picture_not_found")
	s.anyone().get("/avatars/..%2f..%2fchat.db").want(404, "route_not_found")
	ada.patch("/users/me", object{"avatar_url": ""}).want(200, "").is("avatar_url", nil)
	put(file{"me.png", "image/png", picture(t, 300, 200)}).want(200, "")
	ada.delete("/users/me/avatar").want(204, "")
	ada.delete("/users/me/avatar").want(204, "")
	ada.get("/auth/me").want(200, "").is("avatar_url", nil)
	s.gone(path)
}

// gone waits until a picture that nobody shows any more is deleted, which happens behind the answer.
func (s *server) gone(path string) {
	s.Helper()
	for deadline := time.Now().Add(20 * time.Second); s.anyone().get(path).status != 404; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			s.Fatalf("%s is still there", path)
		}
	}
}

func TestRoomAvatars(t *testing.T) {
	s := newServer(t)
	ada, bob, eve := s.user("ada"), s.user("bob"), s.user("eve")
	room, hidden := ada.room("Engines", "public", bob), ada.room("Den", "private")
	direct := ada.post("/rooms/direct", object{"user_id": bob.id}).want(201, "").text("id")
	put := func(c *client, id string, f ...file) *answer {
		kind, body := form(t, f...)
		return c.with("Content-Type", kind).put("/rooms/"+id+"/avatar", body)
	}
	image := file{"room.png", "image/png", picture(t, 300, 200)}
	for _, tc := range []struct {
		name   string
		by     *client
		room   string
		status int
		code   string
	}{
		{"a member does not change the picture", bob, room, 403, "manage_room_forbidden"},
		{"a stranger even less", eve, room, 403, "manage_room_forbidden"},
		{"a room one cannot see has none", eve, hidden, 404, "room_not_found"},
		{"a room that is not there has none", ada, "nonsense", 404, "room_not_found"},
		{"a direct room shows its people", ada, direct, 403, "direct_room"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			put(tc.by.in(t), tc.room, image).want(tc.status, tc.code)
			tc.by.in(t).delete("/rooms/"+tc.room+"/avatar").want(tc.status, tc.code)
		})
	}
	url := put(ada, room, image).want(200, "").text("avatar_url")
	s.anyone().get(strings.TrimPrefix(url, "/api")).want(200, "")
	bob.get("/rooms/"+room).want(200, "").is("avatar_url", url)
	put(ada, room).want(400, "file_missing")
	put(ada, room, file{"me.txt", "text/plain", "hello"}).want(415, "type_not_allowed")
	ada.delete("/rooms/"+room+"/avatar").want(204, "")
	ada.delete("/rooms/"+room+"/avatar").want(204, "")
	bob.get("/rooms/"+room).want(200, "").is("avatar_url", nil)
	s.gone(strings.TrimPrefix(url, "/api"))
}

func TestPicturesOfPreviews(t *testing.T) {
	s := newServer(t)
	ada := s.user("ada")
	room := ada.room("Engines", "public")
	id := ada.say(room, "see https://example.org/x")
	p, err := s.core.StorePreview(t.Context(), strings.NewReader(picture(t, 300, 200)))
	if err != nil {
		t.Fatal(err)
	}
	number, _ := chat.ParseMessageID(id)
	link := chat.Link{URL: "https://example.org/x", Title: "X", Image: p.Path, Width: p.Width, Height: p.Height}
	if err := s.core.SetLinks(t.Context(), number, []chat.Link{link}); err != nil {
		t.Fatal(err)
	}
	for _, a := range []*answer{ada.get("/messages/" + id), ada.get("/rooms/" + room + "/messages?around=" + id + "&limit=1")} {
		text := string(a.want(200, "").body)
		if want := `"image":"` + p.Path + `","image_width":300,"image_height":200`; !strings.Contains(text, want) {
			t.Errorf("%s has no %s", text, want)
		}
	}
	path := strings.TrimPrefix(p.Path, "/api")
	h := s.anyone().get(path).want(200, "").header
	if h.Get("Content-Type") != "image/jpeg" || h.Get("Cache-Control") != "public, max-age=31536000, immutable" || h.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("served as %v", h)
	}
	s.anyone().get("/previews/"+strings.Repeat("0", 64)).want(404, "picture_not_found")
	ada.delete("/messages/"+id).want(204, "")
	s.gone(path)
}
