package e2e

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"
)

// formFile sends one file to a path of its own.
func (c *client) formFile(method, path string, f file) *answer {
	c.t.Helper()
	boundary := "------------boundary"
	var b bytes.Buffer
	fmt.Fprintf(&b, "--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=%q\r\nContent-Type: %s\r\n\r\n%s\r\n--%s--\r\n", boundary, f.name, f.kind, f.content, boundary)
	return c.request(method, path, b.Bytes()).with("Content-Type", "multipart/form-data; boundary="+boundary).send()
}

// picture draws an image of a kind.
func picture(t *testing.T, kind string, width, height int) []byte {
	t.Helper()
	img := image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{color.White, color.RGBA{200, 30, 30, 255}})
	for x := range width {
		img.SetColorIndex(x, x*height/width, 1)
	}
	var b bytes.Buffer
	var err error
	switch kind {
	case "png":
		err = png.Encode(&b, img)
	case "jpg":
		err = jpeg.Encode(&b, img, nil)
	case "gif":
		err = gif.Encode(&b, img, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const pdf = "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"

func attachments(t *testing.T, a *api) {
	p := a.people(t, 3)
	one, two, outside := p[0], p[1], p[2]
	id := one.room("private")
	one.letIn(id, two)
	img := picture(t, "png", 800, 600)
	up := one.upload(file{"a cat.png", "image/png", img}, file{"paper.pdf", "application/pdf", []byte(pdf)}).want(201)
	up.is(obj{"attachments.0.filename": "a cat.png", "attachments.0.size": len(img), "attachments.0.mime_type": "image/png", "attachments.0.width": 800, "attachments.0.height": 600, "attachments.0.scan": "clean",
		"attachments.1.filename": "paper.pdf", "attachments.1.mime_type": "application/pdf", "attachments.1.width": nil, "attachments.1.height": nil, "attachments.1.thumbnail_url": nil})
	pic, doc := up.str("attachments.0.id"), up.str("attachments.1.id")
	path := strings.TrimPrefix(up.str("attachments.0.url"), "/api")
	thumb := strings.TrimPrefix(up.str("attachments.0.thumbnail_url"), "/api")
	if path != "/attachments/"+pic || thumb != path+"/thumbnail" {
		t.Errorf("addresses %q and %q", path, thumb)
	}
	one.get(path).want(200)
	two.get(path).want(404)
	two.do("POST", "/rooms/"+id+"/messages", obj{"attachments": []string{pic}}).want(400)
	m := one.do("POST", "/rooms/"+id+"/messages", obj{"content": "", "attachments": []string{pic}}).want(201).is(obj{"type": "image", "content": "", "attachments.0.id": pic})
	one.do("POST", "/rooms/"+id+"/messages", obj{"content": "the paper", "attachments": []string{doc}}).want(201).is(obj{"type": "file", "content": "the paper"})
	one.do("POST", "/rooms/"+id+"/messages", obj{"attachments": []string{pic}}).want(400)
	for _, bad := range []any{[]string{"nonsense"}, []string{"0199f0a4-7c1e-7a60-9d6b-2f6f0a9e3b11"}, []int{1}, "x", []string{""}} {
		one.do("POST", "/rooms/"+id+"/messages", obj{"content": "x", "attachments": bad}).want(400)
	}
	got := two.get(path).want(200)
	if !bytes.Equal(got.body, img) {
		t.Errorf("other bytes came back: %d of %d", len(got.body), len(img))
	}
	for name, want := range map[string]string{"Content-Type": "image/png", "X-Content-Type-Options": "nosniff", "Accept-Ranges": "bytes", "Content-Length": fmt.Sprint(len(img))} {
		if got.header.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, got.header.Get(name), want)
		}
	}
	if !strings.Contains(got.header.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("policy %q", got.header.Get("Content-Security-Policy"))
	}
	if d := two.get("/attachments/" + doc).want(200).header.Get("Content-Disposition"); !strings.HasPrefix(d, "attachment") || !strings.Contains(d, "paper.pdf") {
		t.Errorf("a document comes as %q", d)
	}
	etag := got.header.Get("ETag")
	two.request("GET", path, nil).with("If-None-Match", etag).send().want(304)
	two.request("GET", path, nil).with("If-None-Match", `"other"`).send().want(200)
	for r, want := range map[string][]byte{"bytes=0-9": img[:10], "bytes=10-": img[10:], "bytes=-5": img[len(img)-5:], "bytes=5-999999999": img[5:]} {
		part := two.request("GET", path, nil).with("Range", r).send().want(206)
		if !bytes.Equal(part.body, want) || !strings.HasSuffix(part.header.Get("Content-Range"), fmt.Sprintf("/%d", len(img))) {
			t.Errorf("%s: %d bytes, %q", r, len(part.body), part.header.Get("Content-Range"))
		}
	}
	two.request("GET", path, nil).with("Range", fmt.Sprintf("bytes=%d-", len(img))).send().want(416)
	small := two.get(thumb).want(200)
	if c, _, err := image.DecodeConfig(bytes.NewReader(small.body)); err != nil || c.Width >= 800 || c.Width*3 != c.Height*4 {
		t.Errorf("the thumbnail is %dx%d, %v", c.Width, c.Height, err)
	}
	two.get("/attachments/" + doc + "/thumbnail").want(404)
	for _, c := range []*client{outside, a.client(t, person{})} {
		want := 404 - 3*b2i(c.Token == "")
		c.get(path).want(want)
		c.get(thumb).want(want)
	}
	one.do("DELETE", "/rooms/"+id+"/members/"+two.ID, nil).want(204)
	two.get(path).want(404)
	two.get(thumb).want(404)
	one.do("DELETE", "/messages/"+m.str("id"), nil).want(204)
	one.get(path).want(404)
	one.get(thumb).want(404)

	for _, good := range []file{{"a.jpg", "image/jpeg", picture(t, "jpg", 10, 10)}, {"a.jpeg", "image/jpeg", picture(t, "jpg", 10, 10)}, {"a.gif", "image/gif", picture(t, "gif", 10, 10)}, {"a.pdf", "", []byte(pdf)}} {
		one.upload(good).want(201)
	}
	var eleven []string
	for range 11 {
		eleven = append(eleven, one.upload(file{"a.pdf", "application/pdf", []byte(pdf)}).want(201).str("attachments.0.id"))
	}
	one.do("POST", "/rooms/"+id+"/messages", obj{"attachments": eleven}).fails(400, "too_many_attachments")
	one.do("POST", "/rooms/"+id+"/messages", obj{"attachments": eleven[:10]}).want(201)
}
