package native_test

import (
	"bytes"
	"mime/multipart"
	"strings"
	"testing"
)

// addEmoji adds an emoji by a form whose name comes after the file.
func (c *client) addEmoji(name, picture string) *answer {
	c.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreateFormFile("file", "e.png")
	if err == nil {
		_, err = part.Write([]byte(picture))
	}
	if err == nil {
		err = w.WriteField("name", name)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		c.Fatal(err)
	}
	return c.with("Content-Type", w.FormDataContentType()).post("/emoji", b.Bytes())
}

func TestEmoji(t *testing.T) {
	s := newServer(t)
	root, ada := s.owner("root"), s.user("ada")
	ada.get("/emoji").want(200, "").is("emoji", []string{})
	ada.addEmoji("wave", picture(t, 30, 20)).want(403, "permission_missing")
	r := root.addEmoji("wave", picture(t, 30, 20)).want(201, "")
	r.is("id", "0").is("name", "wave").is("width", 30).is("height", 20).is("animated", false).is("created_by.username", "root").is("created_at", "2026-03-01T12:00:00.000Z")
	if got := r.header.Get("Location"); got != "/api/emoji/0" {
		t.Errorf("Location %q", got)
	}
	first := r.text("url")
	h := s.anyone().get(strings.TrimPrefix(first, "/api")).want(200, "").header
	if h.Get("Content-Type") != "image/jpeg" || h.Get("Cache-Control") != "public, max-age=31536000, immutable" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Content-Disposition") != "inline" {
		t.Errorf("served as %v", h)
	}
	root.addEmoji("WAVE", picture(t, 30, 20)).want(409, "emoji_name_taken")
	root.addEmoji("a b", picture(t, 30, 20)).want(400, "emoji_name_invalid")
	root.addEmoji("", picture(t, 30, 20)).want(400, "emoji_name_invalid")
	root.addEmoji("svg", "<svg xmlns='http://www.w3.org/2000/svg'/>").want(415, "type_not_allowed")
	root.addEmoji("heavy", picture(t, 30, 20)+strings.Repeat("x", 256<<10)).want(413, "attachment_too_large")
	kind, body := form(t)
	root.with("Content-Type", kind).post("/emoji", body).want(400, "file_missing")
	kind, body = form(t, file{"a.png", "image/png", "x"}, file{"b.png", "image/png", "x"})
	root.with("Content-Type", kind).post("/emoji", body).want(400, "too_many_attachments")
	root.post("/emoji", object{"name": "x"}).want(415, "content_type_unsupported")

	root.patch("/emoji/0", object{"name": "hello"}).want(200, "").is("name", "hello").is("url", first).is("created_by.username", "root")
	ada.patch("/emoji/0", object{"name": "x"}).want(403, "permission_missing")
	root.patch("/emoji/0", object{"name": ":x:"}).want(400, "emoji_name_invalid")
	root.patch("/emoji/1", object{"name": "x"}).want(404, "emoji_not_found")
	root.patch("/emoji/00", object{"name": "x"}).want(404, "emoji_not_found")

	kind, body = form(t, file{"b.png", "image/png", picture(t, 10, 10)})
	second := root.with("Content-Type", kind).put("/emoji/0/picture", body).want(200, "").is("name", "hello").is("width", 10).text("url")
	if second == first {
		t.Error("another picture has the address of the first")
	}
	s.gone(strings.TrimPrefix(first, "/api"))
	ada.with("Content-Type", kind).put("/emoji/0/picture", body).want(403, "permission_missing")
	root.with("Content-Type", kind).put("/emoji/x/picture", body).want(404, "emoji_not_found")
	ada.get("/emoji").want(200, "").is("emoji.0.url", second)

	ada.delete("/emoji/0").want(403, "permission_missing")
	root.delete("/emoji/0").want(204, "")
	root.delete("/emoji/0").want(404, "emoji_not_found")
	s.gone(strings.TrimPrefix(second, "/api"))
}
