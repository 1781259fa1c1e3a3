package origin_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"image"
	"image/png"
	"io"
	"net/http"
	"strings"
	"testing"
)

// picture is a PNG file that one can see through.
func picture(t *testing.T, side int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewNRGBA(image.Rect(0, 0, side, side))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func dataURI(raw []byte) string {
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(raw)
}

// ask makes a request and returns its answer.
func (w *world) ask(method, path string, body any, headers ...string) (*http.Response, []byte) {
	w.Helper()
	var in io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			w.Fatal(err)
		}
		in = bytes.NewReader(raw)
	}
	r, err := http.NewRequestWithContext(w.Context(), method, w.url+path, in)
	if err != nil {
		w.Fatal(err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		w.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }() // read to its end
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		w.Fatal(err)
	}
	return answer, raw
}

func TestA37Emoji(t *testing.T) {
	w := newWorld(t, func(s *setting) { s.origin.PublicURL = "https://chat.example" })
	w.play("emoji", map[string]any{"picture": dataURI(picture(t, 16)), "other": dataURI(picture(t, 24))})
}

func TestA37HTTP(t *testing.T) {
	w := newWorld(t)
	alice := w.enter("alice")
	alice.send(map[string]any{"cmd": "emoji_add", "name": "wave", "image": dataURI(picture(t, 16))})
	alice.expect("emoji_add")
	for _, path := range []string{"/emojis/0.png", "/emojis/0"} {
		answer, body := w.ask("GET", path, nil)
		if _, err := png.Decode(bytes.NewReader(body)); answer.StatusCode != 200 || err != nil || answer.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %d %v %v", path, answer.StatusCode, err, answer.Header)
		}
	}
	for _, path := range []string{"/emojis/..%2Fconfig.json", "/emojis/.png", "/emojis/1", "/emojis/0.gif", "/attachments/nothing", "/server-assets/x"} {
		if answer, body := w.ask("GET", path, nil); answer.StatusCode != 404 {
			t.Errorf("%s: %d %s", path, answer.StatusCode, body)
		}
	}
	answer, body := w.ask("GET", "/info", nil)
	var info struct {
		Server struct{ Name string }
		Stats  map[string]int
	}
	if err := json.Unmarshal(body, &info); err != nil || answer.StatusCode != 200 || info.Server.Name != "Ref" || info.Stats["total_users"] != 3 ||
		info.Stats["connected_users"] != 1 || info.Stats["online_users"] != 1 {
		t.Errorf("info: %d %v %s", answer.StatusCode, err, body)
	}
	if answer, _ := w.ask("OPTIONS", "/attachments/upload", nil); answer.StatusCode != 204 {
		t.Errorf("OPTIONS: %d", answer.StatusCode)
	}
	if answer, _ := w.ask("GET", "/emojis/0.png", nil, "Range", "bytes=0-3"); answer.StatusCode != 206 {
		t.Errorf("a range: %d", answer.StatusCode)
	}
}

func TestA38Attachments(t *testing.T) {
	w := newWorld(t, func(s *setting) { s.core.Limits.AttachmentBytes = 4096 })
	key, token := "", ""
	enter := func(name string) *client {
		c := w.dial()
		key, _ = c.expect("handshake")["val"].(map[string]any)["validator_key"].(string)
		w.logIn(c, name)
		c.expect("auth_success")
		token, _ = c.expect("ready")["validator"].(string)
		return c
	}
	alice, carol, bob := w.enter("alice"), w.enter("carol"), enter("bob")
	file := picture(t, 8)
	good := func() map[string]any {
		return map[string]any{"validator_key": key, "validator": token, "file": dataURI(file), "name": "p.png", "mime_type": "image/png", "channel": "general"}
	}
	for _, row := range []struct {
		why    string
		change func(map[string]any)
		status int
		text   string
	}{
		{"another key", func(u map[string]any) { u["validator_key"] = "originChats-none" }, 401, "Invalid credentials"},
		{"another validator", func(u map[string]any) { u["validator"] = "x" }, 401, "Invalid credentials"},
		{"no validator", func(u map[string]any) { delete(u, "validator") }, 401, "validator_key and validator are required for authentication"},
		{"no name", func(u map[string]any) { delete(u, "name") }, 400, "Missing required fields: file, name, mime_type, channel"},
		{"no such channel", func(u map[string]any) { u["channel"] = "zz" }, 404, "Channel does not exist"},
		{"a channel that bob does not see", func(u map[string]any) { u["channel"] = "staff" }, 403, "You don't have permission to send in this channel"},
		{"no base64", func(u map[string]any) { u["file"] = "data:image/png;base64,***" }, 500, "Failed to save attachment"},
		{"no picture", func(u map[string]any) { u["file"] = "data:image/png;base64,aGVsbG8=" }, 500, "Failed to save attachment"},
		{"too large", func(u map[string]any) { u["file"] = strings.Repeat("A", 100_000) }, 413, "Request body too large (max 4096 bytes)"},
	} {
		u := good()
		row.change(u)
		answer, body := w.ask("POST", "/attachments/upload", u)
		var e struct{ Error string }
		if err := json.Unmarshal(body, &e); err != nil || answer.StatusCode != row.status || e.Error != row.text {
			t.Errorf("%s: %d %s", row.why, answer.StatusCode, body)
		}
	}
	if answer, body := w.ask("POST", "/attachments/upload", good(), "Content-Type", "text/plain"); answer.StatusCode != 415 {
		t.Errorf("another content type: %d %s", answer.StatusCode, body)
	}
	answer, body := w.ask("POST", "/attachments/upload", good())
	var made struct {
		Attachment struct {
			ID, Name, URL string
			MIME          string  `json:"mime_type"`
			Expires       float64 `json:"expires_at"`
			Size, Width   int
		}
	}
	if err := json.Unmarshal(body, &made); err != nil || answer.StatusCode != 201 || made.Attachment.Width != 8 || made.Attachment.Size != len(file) || made.Attachment.Expires == 0 {
		t.Fatalf("%d %v %s", answer.StatusCode, err, body)
	}
	id := made.Attachment.ID
	path := strings.TrimPrefix(made.Attachment.URL, w.url)
	if _, got := w.ask("GET", path, nil); !bytes.Equal(got, file) {
		t.Error("the file is another one")
	}
	carol.send(map[string]any{"cmd": "message_new", "channel": "general", "content": "", "attachments": []any{map[string]any{"id": id}}})
	if e := carol.expect("error"); e["val"] != "You can only attach your own uploads" {
		t.Errorf("carol: %v", e)
	}
	bob.send(map[string]any{"cmd": "message_new", "channel": "general", "content": "", "attachments": []any{map[string]any{"id": id}}})
	said, _ := bob.expect("message_new")["message"].(map[string]any)
	files, _ := said["attachments"].([]any)
	if len(files) != 1 || files[0].(map[string]any)["id"] != id {
		t.Fatalf("the message carries %v", files)
	}
	alice.expect("message_new")
	alice.send(map[string]any{"cmd": "attachment_get", "attachment_id": id})
	if shown := alice.expect("attachment_info")["attachment"].(map[string]any); shown["name"] != "p.png" {
		t.Errorf("attachment_info: %v", shown)
	}
	alice.send(map[string]any{"cmd": "message_delete", "channel": "general", "id": said["id"]})
	alice.expect("message_delete")
	if answer, _ := w.ask("GET", path, nil); answer.StatusCode != 404 {
		t.Errorf("after its message is deleted: %d", answer.StatusCode)
	}
}
