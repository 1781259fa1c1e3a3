package e2e

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	bits "encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
)

// TestNativeBadInput sends what no client should: each is refused clearly, and nothing breaks.
func TestNativeBadInput(t *testing.T) {
	t.Parallel()
	a := newAPI(t, noLimits...)
	for _, part := range []struct {
		name string
		play func(*testing.T, *api)
	}{
		{"bodies that are no JSON", badBodies},
		{"addresses that are no text", badAddresses},
		{"ids that are none, or of others", badIDs},
		{"tokens that are none", badTokens},
		{"names that deceive", badNames},
		{"uploads that are refused", badUploads},
		{"uploads that are accepted are harmless", goodUploads},
		{"names of files", fileNames},
		{"ranges", badRanges},
		{"methods", methods},
	} {
		t.Run(part.name, func(t *testing.T) { part.play(t, a) })
	}
	if log := a.log.String(); strings.Contains(log, "panic") || strings.Contains(log, "level=ERROR") {
		t.Error("something went wrong inside")
	}
	if strings.Contains(a.log.String(), "correct horse") {
		t.Error("a password is in the log")
	}
}

func badBodies(t *testing.T, a *api) {
	one := a.client(t, a.someone(t))
	room := one.room("public")
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write([]byte(`{"content":"x"}`))
	z.Close()
	wide := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(`{"content":"x"}`)) {
		wide = bits.LittleEndian.AppendUint16(wide, u)
	}
	long := strings.Repeat("9", 5000)
	for _, target := range []string{"/rooms/" + room + "/messages", "/rooms", "/auth/login", "/rooms/direct", "/rooms/" + room + "/invites", "/rooms/" + room + "/read"} {
		for name, body := range map[string]string{
			"nothing": "", "a word": "nonsense", "null": "null", "a list": "[]", "a text": `"x"`, "a number": "7", "half an object": `{"content":"x"`, "more after the end": `{"content":"x"}{"content":"y"}`,
			"single quotes": `{'content':'x'}`, "a trailing comma": `{"content":"x",}`, "a comment": `{"content":"x"/**/}`, "a form": "content=x", "XML": "<content>x</content>",
			"invalid UTF-8": "{\"content\":\"\xff\xfe\"}", "an overlong NUL": "{\"content\":\"\xc0\x80\"}", "an encoded surrogate": "{\"content\":\"\xed\xa0\x80\"}", "NUL": `{"content":"a\u0000b"}`,
			"a raw NUL": "{\"content\":\"a\x00b\"}", "a lone surrogate": `{"content":"\ud83d"}`, "surrogates in the wrong order": `{"content":"\ude00\ud83d"}`, "a name twice": `{"content":"x","content":"y"}`,
			"a name twice, escaped": `{"content":"x","\u0063ontent":"y"}`, "an infinite number": `{"content":"x","n":1e999}`, "an endless number": `{"content":"x","n":` + long + `}`, "NaN": `{"content":"x","n":NaN}`,
			"a hexadecimal number": `{"content":"x","n":0x10}`, "deep lists": strings.Repeat("[", 200_000), "deep objects": strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000),
			"deep in an unknown field": `{"content":"x","n":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `}`, "a byte order mark": "\ufeff" + `{"content":"x"}`, "UTF-16": string(wide), "gzip": packed.String(),
		} {
			ans := one.do("POST", target, []byte(body))
			if ans.status != 400 && !((body == "" || body == "null") && ans.status == 201 && strings.HasSuffix(target, "/invites")) {
				t.Errorf("%s: want 400: %v", name, ans)
			}
		}
	}
	big := []byte(`{"content":"` + strings.Repeat("x", 1<<20) + `"}`)
	for _, target := range []string{"/rooms/" + room + "/messages", "/rooms", "/auth/register"} {
		one.do("POST", target, big).fails(413, "body_too_large")
	}
	send := "/rooms/" + room + "/messages"
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", "application/json; charset=utf-16", "nonsense", "application/jsonx"} {
		one.request("POST", send, obj{"content": "x"}).with("Content-Type", kind).send().fails(415, "content_type_unsupported")
	}
	for _, kind := range []string{"application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8"} {
		one.request("POST", send, obj{"content": "x"}).with("Content-Type", kind).send().want(201)
	}
	if ans := one.request("POST", send, packed.Bytes()).with("Content-Encoding", "gzip").send(); ans.status != 400 && ans.status != 415 {
		t.Errorf("a packed body: %v", ans)
	}
	one.do("POST", send, []byte(" \n{\"content\" : \"x\", \"unknown\":{\"deep\":[[1]]}}\t")).want(201)
	one.do("POST", send, []byte(`{"content":"\ud83d\ude00"}`)).want(201).is(obj{"content": "😀"})
}

func badAddresses(t *testing.T, a *api) {
	one := a.client(t, a.someone(t))
	for _, path := range []string{"/rooms/%00", "/rooms/%ff", "/users/%c0%80", "/rooms/public?q=%00", "/rooms/public?q=%ff", "/users/search?q=%ed%a0%80", "/search?q=%ff", "/search?q=%zz", "/rooms?%ff=1", "/invites/%00"} {
		if ans := one.get(path); ans.status != 400 {
			t.Errorf("want 400: %v", ans)
		}
	}
	for _, path := range []string{"/rooms/" + strings.Repeat("x", 5000), "/users/" + strings.Repeat("9", 5000), "/invites/" + strings.Repeat("A", 5000), "/attachments/..%2f..%2f..%2fetc%2fpasswd", "/avatars/..%2f..%2fsecrets",
		"/avatars/%2e%2e%2f%2e%2e%2fserver.db", "/attachments/%2fetc%2fpasswd", "/rooms/by-slug/..%2f..", "/messages/1%2f..%2f2"} {
		if ans := one.get(path); ans.status != 404 {
			t.Errorf("want 404: %v", ans)
		}
	}
	if ans := one.get("/users/search?q=" + strings.Repeat("x", 20_000)); ans.status != 400 {
		t.Errorf("want 400: %d", ans.status)
	}
}

func badIDs(t *testing.T, a *api) {
	p := a.people(t, 2)
	one, other := p[0], p[1]
	mine, theirs := one.room("public"), other.room("private")
	secret := other.say(theirs, "secret")
	m := secret.str("id")
	for _, id := range []string{"0", "-1", "1.5", "1e3", "0x1", "+1", "01", "%201", "1%20", "9223372036854775807", "9223372036854775808", "99999999999999999999999", "null", "undefined", "NaN", "1'OR'1'='1", "1;DROP%20TABLE%20rooms", "%F0%9F%A6%8A", "*", "me"} {
		for _, path := range []string{"/rooms/" + id, "/rooms/" + id + "/messages", "/messages/" + id, "/messages/" + id + "/thread", "/attachments/" + id, "/attachments/" + id + "/thumbnail", "/users/" + id} {
			if ans := one.get(path); ans.status != 404 && !(path == "/users/me" && ans.status == 200) {
				t.Errorf("want 404: %v", ans)
			}
		}
	}
	// Messages of a room that the caller cannot see are not there, whichever way one asks.
	for _, r := range []struct {
		method, path string
		in           any
	}{{"GET", "", nil}, {"PUT", "", obj{"content": "x"}}, {"DELETE", "", nil}, {"PUT", "/pin", nil}, {"DELETE", "/pin", nil}, {"POST", "/reactions", obj{"emoji": "👍"}}, {"DELETE", "/reactions/%F0%9F%91%8D", nil},
		{"GET", "/receipts", nil}, {"POST", "/report", obj{"reason": "x"}}, {"GET", "/thread", nil}} {
		got := one.do(r.method, "/messages/"+m+r.path, r.in).fails(404, "message_not_found")
		none := one.do(r.method, "/messages/99999999"+r.path, r.in).fails(404, "message_not_found")
		if !bytes.Equal(got.body, none.body) {
			t.Errorf("%s %s: a hidden message can be told from none: %v and %v", r.method, r.path, got, none)
		}
	}
	one.do("POST", "/rooms/"+mine+"/messages", obj{"content": "x", "parent_id": m}).fails(404, "message_not_found")
	if ans := one.get("/rooms/" + mine + "/messages?around=" + m); ans.status != 404 && ans.status != 400 || strings.Contains(string(ans.body), "secret") {
		t.Errorf("by way of another room: %v", ans)
	}
	one.do("PUT", "/rooms/"+mine+"/members/nonsense/mute", obj{}).fails(404, "user_not_found")
	one.do("PATCH", "/rooms/"+mine+"/members/"+other.ID+"/role", obj{"role": "admin"}).want(404)
	one.do("PATCH", "/rooms/"+mine+"/members/nonsense/role", obj{"role": "admin"}).want(404)
	one.do("PATCH", "/rooms/"+mine+"/members/"+one.ID+"/role", obj{"role": "emperor"}).fails(400, "role_invalid")
	one.do("POST", "/rooms/"+mine+"/bans", obj{"user_id": "nonsense"}).fails(404, "user_not_found")
	one.do("POST", "/rooms/"+mine+"/bans", obj{"user_id": one.ID}).fails(400, "target_is_self")
	one.do("POST", "/rooms/"+mine+"/bans", obj{}).fails(400, "field_invalid").names("user_id")
	for _, until := range []any{"tomorrow", 7, "2001-01-01T00:00:00Z", "9999-99-99T00:00:00Z", ""} {
		if ans := one.do("POST", "/rooms/"+mine+"/bans", obj{"user_id": other.ID, "until": until}); ans.status != 400 && until != "" {
			t.Errorf("want 400: %v", ans)
		}
	}
}

func badTokens(t *testing.T, a *api) {
	one := a.client(t, a.someone(t))
	parts := strings.Split(one.Token, ".")
	payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
	var claims obj
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	enc := func(v any) string {
		text, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	sign := func(head, body, key string) string {
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte(head + "." + body))
		return head + "." + body + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	}
	owner := obj{}
	for k, v := range claims {
		owner[k] = v
	}
	owner["sub"] = a.owner.ID
	forged := map[string]string{
		"alg none": enc(obj{"alg": "none", "typ": "JWT"}) + "." + parts[1] + ".", "alg None": enc(obj{"alg": "None"}) + "." + parts[1] + ".", "alg none, signed": enc(obj{"alg": "none"}) + "." + parts[1] + "." + parts[2],
		"no signature": parts[0] + "." + parts[1] + ".", "two parts": parts[0] + "." + parts[1], "another's id": parts[0] + "." + enc(owner) + "." + parts[2], "an empty key": sign(parts[0], parts[1], ""),
		"a guessed key": sign(parts[0], enc(owner), "secret"), "RS256": enc(obj{"alg": "RS256"}) + "." + parts[1] + "." + parts[2], "HS512": enc(obj{"alg": "HS512"}) + "." + parts[1] + "." + parts[2],
		"a key of its own": sign(enc(obj{"alg": "HS256", "jwk": obj{"kty": "oct", "k": "c2VjcmV0"}}), enc(owner), "secret"), "a key file": sign(enc(obj{"alg": "HS256", "kid": "../../../dev/null"}), enc(owner), ""),
		"a cut signature": one.Token[:len(one.Token)-2], "an added byte": one.Token + "A", "empty": "", "garbage": "garbage", "dots": "..", "NUL": "a.b.c%00", "long": strings.Repeat("a", 20_000),
		"white space": parts[0] + ". " + parts[1] + "." + parts[2],
	}
	// With the server's own key: what would be a token, but for its time.
	text, err := os.ReadFile(filepath.Join(a.data, "secrets", "token_key"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	past := obj{}
	for k, v := range claims {
		past[k] = v
	}
	a.client(t, person{one.ID, sign(parts[0], enc(past), string(key))}).get("/auth/me").want(200)
	past["exp"] = time.Now().Add(-time.Minute).Unix()
	forged["expired"] = sign(parts[0], enc(past), string(key))
	past["exp"] = claims["exp"]
	past["jti"] = "0199f0a4-7c1e-7a60-9d6b-2f6f0a9e3b11"
	forged["of no session"] = sign(parts[0], enc(past), string(key))
	forged["another's session"] = sign(parts[0], enc(owner), string(key))
	delete(past, "exp")
	past["jti"] = claims["jti"]
	forged["without an end"] = sign(parts[0], enc(past), string(key))
	for name, token := range forged {
		for _, path := range []string{"/auth/me", "/rooms", "/admin/users"} {
			ans := a.client(t, person{}).request("GET", path, nil).with("Authorization", "Bearer "+token).send()
			if ans.status != 401 {
				t.Errorf("%s: want 401: %v", name, ans)
			}
		}
	}
	for _, header := range []string{"Basic " + one.Token, one.Token, "Bearer", "Token " + one.Token, "Bearer  ", "Bearer " + one.Token + ", Bearer " + one.Token} {
		a.client(t, person{}).request("GET", "/auth/me", nil).with("Authorization", header).send().want(401)
	}
	a.client(t, person{}).request("GET", "/auth/me", nil).with("Authorization", "bearer "+one.Token).send().want(200)
	a.client(t, person{}).get("/auth/me?token=" + one.Token).want(401) // in an address it would be in logs; the WebSocket alone takes it there
	if strings.Contains(a.log.String(), parts[2]) {
		t.Error("a token is in the log")
	}
}

func badNames(t *testing.T, a *api) {
	p := a.people(t, 2)
	one, two := p[0], p[1]
	for _, name := range []string{"\u202eevil", "a\u2066b\u2069", "\u200b", "a\u200bb", "a\u200db", "\ufeffx", "\u00ad", "\u2028", "\ue000", "\U000e0041bc", "\u3164", "\u115f", "\x07bell", "\x7f", "a\u0085b", "\ufdd0"} {
		for _, r := range []struct {
			method, path string
			in           obj
		}{{"PATCH", "/users/me", obj{"display_name": name}}, {"POST", "/rooms", obj{"name": name, "type": "private"}}} {
			ans := one.do(r.method, r.path, r.in)
			if ans.status == 400 {
				continue
			}
			// Or it is cleaned: what is stored holds nothing that cannot be seen.
			field := "display_name"
			if r.method == "POST" {
				field = "name"
			}
			if got := ans.str(field); strings.TrimSpace(got) == "" || strings.ContainsAny(got, "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\ufeff\u00ad\u2028\u3164\u115f\x07\x7f\u0085") {
				t.Errorf("%q was taken as %q", name, got)
			}
		}
	}
	one.do("PATCH", "/users/me", obj{"display_name": "👩‍👩‍👧 Ünï"}).want(200).is(obj{"display_name": "👩‍👩‍👧 Ünï"})
	one.do("PATCH", "/users/me", obj{"status_message": "a\u202eb"}).want(400)
	// Nobody takes another's name by case, and markup in a name stays text.
	two.do("PATCH", "/users/me", obj{"display_name": "<img src=x onerror=alert(1)>"}).want(200).is(obj{"display_name": "<img src=x onerror=alert(1)>"})
}

// archived packs files.
func archived(t *testing.T, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range files {
		part, err := w.Create(f.name)
		if err != nil {
			t.Fatal(err)
		}
		part.Write(f.content)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// hugePNG says that it is an image of the size, in a few bytes.
func hugePNG(width, height uint32) []byte {
	chunk := func(kind string, data []byte) []byte {
		b := bits.BigEndian.AppendUint32(nil, uint32(len(data)))
		b = append(append(b, kind...), data...)
		return bits.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
	}
	head := bits.BigEndian.AppendUint32(bits.BigEndian.AppendUint32(nil, width), height)
	out := append([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", append(head, 8, 2, 0, 0, 0))...)
	return append(append(out, chunk("IDAT", []byte{0x78, 0x9c, 3, 0, 0, 0, 0, 1})...), chunk("IEND", nil)...)
}

// eicar is the test file that every scanner must find, in two parts so that none finds it here.
var eicar = `X5O!P%@AP[4\PZX54(P^)7CC)7}$` + `EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*`

func badUploads(t *testing.T, a *api) {
	one := a.client(t, a.someone(t))
	img := picture(t, "png", 20, 20)
	zeros := make([]byte, 200<<20)
	bomb := archived(t, file{name: "zeros", content: zeros})
	nested := archived(t, file{name: "a.zip", content: archived(t, file{name: "b.zip", content: bomb})})
	for _, tc := range []struct {
		name   string
		f      file
		status int
		codes  string
	}{
		{"a program", file{"a.exe", "application/octet-stream", []byte("MZ\x90\x00")}, 415, "type_not_allowed"},
		{"a program as a picture", file{"a.png", "image/png", []byte("MZ\x90\x00 this is a program")}, 415, "type_mismatch type_not_allowed"},
		{"a page", file{"a.html", "text/html", []byte("<script>alert(1)</script>")}, 415, "type_not_allowed"},
		{"a page as a paper", file{"a.pdf", "application/pdf", []byte("<script>alert(1)</script>")}, 415, "type_mismatch"},
		{"an SVG", file{"a.svg", "image/svg+xml", []byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`)}, 415, "type_not_allowed"},
		{"an SVG as a picture", file{"a.png", "image/png", []byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`)}, 415, "type_mismatch"},
		{"a picture named as another", file{"a.jpg", "image/jpeg", img}, 415, "type_mismatch"},
		{"a picture declared as another", file{"a.png", "image/gif", img}, 415, "type_mismatch"},
		{"a text", file{"a.txt", "text/plain", []byte("hello")}, 415, "type_not_allowed"},
		{"no name's end", file{"a", "image/png", []byte("hello")}, 415, "type_not_allowed type_mismatch"},
		{"nothing", file{"a.png", "image/png", nil}, 400, "attachment_empty"},
		{"half a picture", file{"a.png", "image/png", img[:30]}, 400, "image_invalid"},
		{"a picture with a page", file{"a.gif", "image/gif", []byte("GIF89a/*<script>alert(1)</script>*/")}, 415, "type_not_allowed type_mismatch"},
		{"a picture too large to draw", file{"a.png", "image/png", hugePNG(60000, 60000)}, 400, "image_bomb image_invalid"},
		{"a picture with no end", file{"a.png", "image/png", hugePNG(0x7fffffff, 0x7fffffff)}, 400, "image_bomb image_invalid"},
		{"the test virus", file{"a.pdf", "application/pdf", []byte(eicar)}, 400, "infected"},
		{"the test virus as a program", file{"eicar.com", "", []byte(eicar)}, 400, "infected"},
		{"the test virus, packed", file{"a.zip", "application/zip", archived(t, file{name: "eicar.com", content: []byte(eicar)})}, 400, "infected"},
		{"the test virus, packed twice", file{"a.zip", "application/zip", archived(t, file{name: "b.zip", content: archived(t, file{name: "eicar.com", content: []byte(eicar)})})}, 400, "infected"},
		{"an archive that swells", file{"a.zip", "application/zip", bomb}, 400, "archive_bomb"},
		{"one inside another", file{"a.zip", "application/zip", nested}, 400, "archive_bomb"},
		{"an archive that leaves its place", file{"a.zip", "application/zip", archived(t, file{name: "../../etc/passwd", content: []byte("x")})}, 400, "archive_unsafe"},
		{"an archive with absolute names", file{"a.zip", "application/zip", archived(t, file{name: "/etc/passwd", content: []byte("x")})}, 400, "archive_unsafe"},
		{"an archive named as a text", file{"a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", archived(t, file{name: "a", content: []byte("x")})}, 415, "type_mismatch"},
		{"too large", file{"a.pdf", "application/pdf", append([]byte(pdf), make([]byte, 10<<20)...)}, 413, "attachment_too_large"},
	} {
		ans := one.upload(tc.f)
		if ans.status != tc.status || !strings.Contains(" "+tc.codes+" ", " "+ans.str("code")+" ") {
			t.Errorf("%s: want %d %s: %v", tc.name, tc.status, tc.codes, ans)
		}
	}
	one.upload().fails(400, "file_missing")
	eleven := make([]file, 11)
	for i := range eleven {
		eleven[i] = file{"a.pdf", "application/pdf", []byte(pdf)}
	}
	one.upload(eleven...).fails(400, "too_many_attachments")
	// One bad file among good ones: nothing is stored halfway.
	one.upload(file{"a.pdf", "application/pdf", []byte(pdf)}, file{"b.exe", "", []byte("MZ")}).fails(415, "type_not_allowed")
	one.do("POST", "/attachments/upload", obj{"file": "x"}).fails(415, "content_type_unsupported")
	for _, body := range []string{"", "nonsense", "--x", "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\n\r\n" + pdf, "--x\r\n\r\n\r\n--x--", "--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nhello\r\n--x--\r\n"} {
		if ans := one.request("POST", "/attachments/upload", []byte(body)).with("Content-Type", "multipart/form-data; boundary=x").send(); ans.status != 400 {
			t.Errorf("%q: want 400: %v", body, ans)
		}
	}
	if ans := one.request("POST", "/attachments/upload", []byte("x")).with("Content-Type", "multipart/form-data").send(); ans.status != 400 && ans.status != 415 {
		t.Errorf("no boundary: %v", ans)
	}
	for _, f := range []file{{"a.html", "text/html", []byte("<script>")}, {"a.pdf", "application/pdf", []byte(pdf)}, {"a.png", "image/png", hugePNG(60000, 60000)}} {
		if ans := one.formFile("PUT", "/users/me/avatar", f); ans.status != 400 && ans.status != 415 {
			t.Errorf("an avatar: %v", ans)
		}
	}
}

// compound is an old office file: a header, its directory, and the table of its sectors.
func compound(streams ...string) []byte {
	b := make([]byte, 3*512)
	copy(b, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
	le := bits.LittleEndian
	le.PutUint16(b[24:], 0x3e)
	le.PutUint16(b[26:], 3)
	le.PutUint16(b[28:], 0xfffe)
	le.PutUint16(b[30:], 9)
	le.PutUint16(b[32:], 6)
	le.PutUint32(b[44:], 1)           // sectors of the table
	le.PutUint32(b[56:], 4096)        // smaller streams are elsewhere
	le.PutUint32(b[60:], 0xfffffffe)  // which there are not
	le.PutUint32(b[68:], 0xfffffffe)  // nor more of the table
	for at := 76; at < 512; at += 4 { // the table is sector 1
		le.PutUint32(b[at:], 0xffffffff)
	}
	le.PutUint32(b[76:], 1)
	for i, name := range streams {
		e := b[512+128*i:]
		for j, u := range utf16.Encode([]rune(name)) {
			le.PutUint16(e[2*j:], u)
		}
		le.PutUint16(e[64:], uint16(2*len(name)+2))
		e[66] = byte(5 - 3*min(i, 1)) // the root, then streams
		for _, at := range []int{68, 72, 76} {
			le.PutUint32(e[at:], 0xffffffff)
		}
		le.PutUint32(e[116:], 0xfffffffe)
	}
	for at := 1024; at < 1536; at += 4 {
		le.PutUint32(b[at:], 0xffffffff)
	}
	le.PutUint32(b[1024:], 0xfffffffe)
	le.PutUint32(b[1028:], 0xfffffffd)
	return b
}

func goodUploads(t *testing.T, a *api) {
	one := a.client(t, a.someone(t))
	webp, _ := base64.StdEncoding.DecodeString("UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA")
	docx := archived(t, file{name: "[Content_Types].xml", content: []byte(`<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>`)},
		file{name: "_rels/.rels", content: []byte(`<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"/>`)}, file{name: "word/document.xml", content: []byte(`<?xml version="1.0"?><w:document xmlns:w="x"/>`)})
	doc := compound("Root Entry", "WordDocument")
	for _, tc := range []struct {
		f    file
		kind string
	}{
		{file{"a.png", "image/png", picture(t, "png", 9, 9)}, "image/png"}, {file{"a.JPG", "image/jpeg", picture(t, "jpg", 9, 9)}, "image/jpeg"}, {file{"a.gif", "image/gif", picture(t, "gif", 9, 9)}, "image/gif"},
		{file{"a.webp", "image/webp", webp}, "image/webp"}, {file{"a.pdf", "application/pdf", []byte(pdf)}, "application/pdf"}, {file{"a.doc", "application/msword", doc}, "application/msword"},
		{file{"a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", docx}, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
		{file{"a.zip", "application/zip", archived(t, file{name: "a/b.txt", content: []byte("x")})}, "application/zip"}, {file{"a.zip", "application/x-zip-compressed", archived(t, file{name: "a/b.txt", content: []byte("x")})}, "application/zip"},
		{file{"a.png", "application/octet-stream", picture(t, "png", 9, 9)}, "image/png"},
	} {
		up := one.upload(tc.f)
		if up.status != 201 {
			t.Errorf("%s as %s: %v", tc.f.name, tc.f.kind, up)
			continue
		}
		up.is(obj{"attachments.0.mime_type": tc.kind, "attachments.0.scan": "clean"})
		got := one.get(strings.TrimPrefix(up.str("attachments.0.url"), "/api")).want(200)
		inline := strings.HasPrefix(tc.kind, "image/")
		if d := got.header.Get("Content-Disposition"); strings.HasPrefix(d, "inline") && !inline || got.header.Get("X-Content-Type-Options") != "nosniff" || got.header.Get("Content-Type") != tc.kind {
			t.Errorf("%s comes as %q %q", tc.f.name, d, got.header)
		}
	}
}

func fileNames(t *testing.T, a *api) {
	one := a.client(t, a.someone(t))
	for name, want := range map[string]string{
		"../../../etc/passwd.pdf": "passwd.pdf", `C:\Windows\evil.pdf`: "evil.pdf", "/abs/olute.pdf": "olute.pdf", "naïve café 🦊.pdf": "naïve café 🦊.pdf", `quo"te.pdf`: "", "semi;colon.pdf": "", "a%2e%2e%2fb.pdf": "",
		"a\u202efdp.pdf": "", ".pdf": "", "..pdf": "", strings.Repeat("l", 3000) + ".pdf": "", "CON.pdf": "", "line\tbreak.pdf": "",
	} {
		up := one.upload(file{name, "application/pdf", []byte(pdf)})
		if up.status == 400 || up.status == 415 {
			continue // refused clearly
		}
		up.want(201)
		got := up.str("attachments.0.filename")
		if want != "" && got != want {
			t.Errorf("%q became %q, want %q", name, got, want)
		}
		if strings.ContainsAny(got, "/\\\x00\r\n\u202e") || got == "" || got == ".." || len([]rune(got)) > 255 || !strings.HasSuffix(got, ".pdf") && name != ".pdf" && name != "..pdf" {
			t.Errorf("%q became %q", clip([]byte(name)), clip([]byte(got)))
		}
		d := one.get(strings.TrimPrefix(up.str("attachments.0.url"), "/api")).want(200).header.Values("Content-Disposition")
		if len(d) != 1 || strings.ContainsAny(d[0], "\r\n") {
			t.Errorf("%q is sent as %q", name, d)
		}
	}
}

func badRanges(t *testing.T, a *api) {
	one := a.client(t, a.someone(t))
	content := append([]byte(pdf), bytes.Repeat([]byte("% padding\n"), 5000)...)
	path := strings.TrimPrefix(one.upload(file{"a.pdf", "application/pdf", content}).want(201).str("attachments.0.url"), "/api")
	var many strings.Builder
	many.WriteString("bytes=0-")
	for range 1000 {
		many.WriteString(",0-")
	}
	for _, r := range []string{many.String(), "bytes=0-0,1-1,2-2", "bytes=abc", "bytes=5-1", "bytes=-0", "bytes=--1", "items=0-1", "bytes=", "bytes=99999999999999999999-", "bytes=0-99999999999999999999", "bytes=-99999999999999999999", strings.Repeat("x", 5000)} {
		ans := one.request("GET", path, nil).with("Range", r).send()
		if ans.status != 200 && ans.status != 206 && ans.status != 416 || len(ans.body) > len(content)+4096 {
			t.Errorf("Range %s: %d with %d bytes", clip([]byte(r)), ans.status, len(ans.body))
		}
	}
	whole := one.get(path).want(200)
	etag := whole.header.Get("ETag")
	one.request("GET", path, nil).with("Range", "bytes=0-4").with("If-Range", etag).send().want(206)
	one.request("GET", path, nil).with("Range", "bytes=0-4").with("If-Range", `"other"`).send().want(200)
	one.request("GET", path, nil).with("If-None-Match", "*").send().want(304)
}

func methods(t *testing.T, a *api) {
	one := a.client(t, a.someone(t))
	for _, tc := range []struct{ method, path string }{{"DELETE", "/rooms"}, {"PUT", "/rooms"}, {"PATCH", "/rooms/1"}, {"GET", "/auth/login"}, {"POST", "/auth/me"}, {"PUT", "/server"}, {"TRACE", "/rooms"}, {"BREW", "/rooms"}} {
		ans := one.do(tc.method, tc.path, nil)
		if ans.status != 405 || ans.header.Get("Allow") == "" {
			t.Errorf("want 405 with Allow: %v", ans)
		}
	}
	req, _ := http.NewRequest("HEAD", "http://"+a.addr+"/api/server", nil)
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("HEAD: %s", resp.Status)
	}
}

// TestNativeLimits counts with the limits that hold by default.
func TestNativeLimits(t *testing.T) {
	t.Parallel()
	a := newAPI(t, "PARLEY_LIMITS_LOGIN_PER_MINUTE=20", "PARLEY_LIMITS_REGISTER_PER_MINUTE=10")
	a.client(t, person{}).get("/server").want(200).is(obj{"limits.messages_per_10s": 10})
	owner := a.client(t, a.owner)
	room := owner.room("public")

	// Until it is too much; a slow machine may be let do a few more, but never fewer.
	l := owner.dial()
	sent, left := 0, false
	for ; sent < 200; sent++ {
		if sent%2 == 1 {
			ans := l.ask(obj{"type": "send_message", "room_id": room, "content": "x"})
			if ans.str("type") == "error" {
				if ans.str("code") != "rate_limited" || ans.num("retry_after_ms") <= 0 {
					t.Errorf("want rate_limited with retry_after_ms: %v", ans)
				}
				left = true
				break
			}
			continue
		}
		ans := owner.do("POST", "/rooms/"+room+"/messages", obj{"content": "x"})
		if ans.status == 429 {
			ans.fails(429, "rate_limited")
			left = true
			break
		}
		ans.want(201)
	}
	if !left || sent < 10 {
		t.Errorf("%d messages were let through, want 10", sent)
	}
	until := func(least int, what string, try func() *answer) {
		t.Helper()
		for n := range 500 {
			if ans := try(); ans.status == 429 {
				ans.fails(429, "rate_limited")
				if n < least {
					t.Errorf("%s: refused after %d, want %d", what, n, least)
				}
				return
			}
		}
		t.Errorf("%s: never refused", what)
	}
	nobody := a.client(t, person{})
	until(20, "wrong passwords", func() *answer {
		return nobody.do("POST", "/auth/login", obj{"username": "owner", "password": "wrong wrong"})
	})
	until(0, "another name from the same address", func() *answer {
		return nobody.do("POST", "/auth/login", obj{"username": "somebody", "password": "wrong wrong"})
	})
	until(8, "accounts", func() *answer {
		return nobody.do("POST", "/auth/register", obj{"username": a.name("many"), "password": "correct horse battery"})
	})
	// A header that anyone can write gives no new address.
	ans := nobody.request("POST", "/auth/login", obj{"username": "owner", "password": "wrong wrong"}).with("X-Forwarded-For", "203.0.113.7").with("Forwarded", "for=203.0.113.7").send()
	if ans.status != 429 {
		t.Errorf("a new address for the asking: %v", ans)
	}
}

// TestNativeModes plays what settings change: who may register, how long a login and the right to edit last, TLS.
func TestNativeModes(t *testing.T) {
	t.Parallel()
	t.Run("by invite", func(t *testing.T) {
		t.Parallel()
		a := newAPI(t, "PARLEY_REGISTRATION=invite", "PARLEY_LIMITS_EDIT_WINDOW=0s")
		nobody, admin := a.client(t, person{}), a.client(t, a.owner)
		nobody.get("/server").is(obj{"registration": "invite"})
		register := func(invite any) *answer {
			return nobody.do("POST", "/auth/register", obj{"username": a.name("u"), "password": "correct horse battery", "invite": invite})
		}
		register(nil).fails(403, "invite_required")
		register("").fails(403, "invite_required")
		register("NOTACODE").fails(403, "invite_invalid")
		once := admin.do("POST", "/admin/invites", obj{"max_uses": 1}).want(201).str("code")
		user := register(once).want(201)
		register(once).fails(403, "invite_invalid")
		revoked := admin.do("POST", "/admin/invites", obj{}).want(201).str("code")
		admin.do("DELETE", "/invites/"+revoked, nil).want(204)
		register(revoked).fails(403, "invite_invalid")
		room := admin.room("private")
		code := admin.do("POST", "/rooms/"+room+"/invites", obj{}).want(201).str("code")
		register(code).want(201).is(obj{"room_id": room})
		a.client(t, person{user.str("user.id"), user.str("token")}).do("POST", "/admin/invites", obj{}).fails(403, "permission_missing")
		m := admin.say(room, "no second thoughts").str("id")
		admin.do("PUT", "/messages/"+m, obj{"content": "but"}).fails(403, "edit_window_passed")
		admin.do("DELETE", "/messages/"+m, nil).want(204)
	})
	t.Run("closed, and the setup link works once", func(t *testing.T) {
		t.Parallel()
		a := &api{server: newServer(t, "PARLEY_REGISTRATION=closed"), seen: make(map[string]bool)}
		a.do("", "GET", "/api/openapi.json", nil, &a.doc)
		nobody := a.client(t, person{})
		token := a.setupToken(t)
		setup := func(token string) *answer {
			return nobody.do("POST", "/auth/setup", obj{"token": token, "username": a.name("own"), "password": "correct horse battery"})
		}
		nobody.do("POST", "/auth/register", obj{"username": "someone", "password": "correct horse battery"}).fails(403, "registration_closed")
		setup("wrong").fails(403, "setup_token_invalid")
		setup("").fails(403, "setup_token_invalid")
		nobody.do("POST", "/auth/setup", obj{"token": token, "username": "x", "password": "correct horse battery"}).fails(400, "username_invalid").names("username")
		owner := setup(token).want(201).is(obj{"user.rank": "owner"})
		if ans := setup(token); ans.status != 403 && ans.status != 409 {
			t.Errorf("a second owner by the same link: %v", ans)
		}
		self := a.client(t, person{owner.str("user.id"), owner.str("token")})
		self.get("/admin/stats").want(200)
		self.do("DELETE", "/users/me", obj{"password": "correct horse battery"}).fails(409, "last_owner")
		// Nor after a restart.
		a.stop()
		a.start()
		if strings.Contains(a.log.String(), "/setup#") {
			t.Error("the link is printed again")
		}
		if ans := setup(token); ans.status != 403 && ans.status != 409 {
			t.Errorf("a second owner by the same link after a restart: %v", ans)
		}
		self.get("/auth/me").want(200)
	})
	t.Run("the operator's pages with a token", func(t *testing.T) {
		t.Parallel()
		s := newServer(t, "PARLEY_OPERATOR_TOKEN=a-token-of-the-operator")
		for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
			for token, want := range map[string]int{"": 401, "another-token-of-nobody": 401, "a-token-of-the-operator": 200} {
				req, _ := http.NewRequest("GET", "http://"+s.addr+path, nil)
				if token != "" {
					req.Header.Set("Authorization", "Bearer "+token)
				}
				resp, err := http.DefaultTransport.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				if resp.StatusCode != want {
					t.Errorf("%s with %q: %s, want %d", path, token, resp.Status, want)
				}
			}
		}
	})
	t.Run("over TLS the cookie is secure", func(t *testing.T) {
		t.Parallel()
		s := newServer(t, "PARLEY_TLS_MODE=self_signed")
		web := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, Timeout: patience}
		defer web.CloseIdleConnections()
		resp, err := web.Post("https://"+s.addr+"/api/auth/register", "application/json", strings.NewReader(`{"username":"someone","password":"correct horse battery"}`))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != 201 || len(resp.Cookies()) != 1 {
			t.Fatalf("%s %s", resp.Status, body)
		}
		if c := resp.Cookies()[0]; !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Expires.Before(time.Now().Add(23*time.Hour)) && c.MaxAge < 23*3600 {
			t.Errorf("the cookie is %v", c)
		}
		if plain, err := http.Get(fmt.Sprintf("http://%s/api/server", s.addr)); err == nil {
			plain.Body.Close()
			if plain.StatusCode == 200 {
				t.Error("it also speaks without TLS")
			}
		}
	})
}
