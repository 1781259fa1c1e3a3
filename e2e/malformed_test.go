package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// TestMalformedInput throws 10,000 generated frames and bodies at the server. It answers each with an error of its kind,
// never with a fault of its own, goes on serving, and keeps no goroutine for it.
func TestMalformedInput(t *testing.T) {
	s := newServer(t, "PARLEY_LIMITS_MESSAGES_PER_10S=0", "PARLEY_LIMITS_REQUESTS_PER_MINUTE=0")
	alice := s.register("alice")
	room := s.room(alice)
	random := rand.New(rand.NewPCG(7, 31))
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	http.DefaultClient.CloseIdleConnections()
	before := s.goroutines()

	for n := 0; n < 5000; { // a connection survives 19 of them
		so, err := s.connect(ctx, alice)
		if err != nil {
			t.Fatalf("after %d frames: %v", n, err)
		}
		for range 19 {
			n++
			bad := garbage(random, room)
			kind := websocket.MessageText
			if random.IntN(20) == 0 {
				kind = websocket.MessageBinary
			}
			if so.Write(ctx, kind, bad) != nil {
				break
			}
			so.answer(t, bad)
		}
		so.CloseNow()
	}
	paths := []struct{ method, path string }{
		{"POST", "/api/rooms/" + room + "/messages"}, {"POST", "/api/rooms"}, {"POST", "/api/auth/login"}, {"POST", "/api/auth/register"}, {"PATCH", "/api/users/me"},
		{"PUT", "/api/rooms/" + room}, {"POST", "/api/rooms/direct"}, {"POST", "/api/rooms/" + room + "/invites"}, {"POST", "/api/messages/1/reactions"},
		{"POST", "/api/attachments/upload"}, {"PUT", "/api/messages/1"}, {"GET", "/api/search?q="}, {"GET", "/api/rooms/" + room + "/messages?before="},
		{"GET", "/api/rooms/"}, {"POST", "/api/rooms/" + room + "/read"}, {"PATCH", "/api/rooms/" + room + "/preferences"}, {"PUT", "/api/push/subscriptions"},
	}
	for n := range 5000 {
		target := paths[n%len(paths)]
		bad := garbage(random, room)
		path := target.path
		if target.method == "GET" {
			path += escape(bad)
		}
		req, err := http.NewRequestWithContext(ctx, target.method, "http://"+s.addr+path, bytes.NewReader(bad))
		if err != nil {
			continue // not even a URL
		}
		req.Header.Set("Authorization", "Bearer "+alice.Token)
		req.Header.Set("Content-Type", []string{"application/json", "text/plain", "multipart/form-data; boundary=x", ""}[random.IntN(4)])
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatalf("%s %s: %v", target.method, path, err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode >= 500 {
			t.Fatalf("%s %s with %q: %s %s", target.method, path, clip(bad), resp.Status, body)
		}
		if resp.StatusCode >= 400 && !strings.Contains(resp.Header.Get("Content-Type"), "application/problem+json") {
			t.Fatalf("%s %s: %s as %q: %s", target.method, path, resp.Status, resp.Header.Get("Content-Type"), clip(body))
		}
	}

	so, err := s.connect(ctx, alice)
	if err != nil {
		t.Fatal("the server no longer takes connections: ", err)
	}
	if err := so.write(ctx, map[string]any{"type": "send_message", "ref": "still", "room_id": room, "content": "still here"}); err != nil {
		t.Fatal(err)
	}
	for {
		f, err := so.read(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if f.Ref == "still" {
			if f.Type != "ok" {
				t.Fatalf("sending after all that: %s", f.Code)
			}
			break
		}
	}
	so.CloseNow()
	http.DefaultClient.CloseIdleConnections()
	s.until("the goroutines of that are gone", func() bool { return s.goroutines() <= before+3 })
	if strings.Contains(s.log.String(), "panic") {
		t.Fatalf("something panicked:\n%s", s.log)
	}
}

// answer expects a frame that is no fault of the server's, or a close with a reason.
func (so socket) answer(t *testing.T, bad []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for {
		f, err := so.read(ctx)
		if err != nil {
			switch code := websocket.CloseStatus(err); code {
			case 1002, 1003, 1007, 1008, 1009:
				return
			default:
				t.Fatalf("after %q the connection ended with %d: %v", clip(bad), code, err)
			}
		}
		switch f.Type {
		case "error":
			if f.Code == "internal" || f.Code == "" {
				t.Fatalf("after %q: code %q", clip(bad), f.Code)
			}
			return
		case "ok", "pong":
			return // valid after all
		}
	}
}

func (s *server) goroutines() int { return int(s.metric("go_goroutines")) }

func clip(b []byte) []byte { return b[:min(len(b), 120)] }

func escape(b []byte) string {
	var e strings.Builder
	for _, c := range b[:min(len(b), 300)] {
		fmt.Fprintf(&e, "%%%02X", c)
	}
	return e.String()
}

// garbage makes something a client should not send. It always asks for an answer.
func garbage(r *rand.Rand, room string) []byte {
	types := []string{"join_room", "send_message", "edit_message", "delete_message", "add_reaction", "remove_reaction", "read_message", "set_presence", "typing_start", "nonsense", ""}
	kind := types[r.IntN(len(types))]
	values := []string{"null", "true", "-1", "1e999", "123456789012345678901234567890", `""`, `"x"`, `"\ud800"`, `"\u0000"`, `"` + "\u202e\u200b" + `"`, "[]", "{}", `[[[[]]]]`,
		`"` + strings.Repeat("a", 20_000) + `"`, `"../../etc/passwd"`, `"999999999999999"`, `"` + room + `"`, "\"\xff\xfe\"", `"1' OR '1'='1"`, `"<script>alert(1)</script>"`}
	value := func() string { return values[r.IntN(len(values))] }
	switch r.IntN(8) {
	case 0: // random bytes
		b := make([]byte, r.IntN(200)+1)
		for i := range b {
			b[i] = byte(r.IntN(256))
		}
		return b
	case 1: // deep nesting
		n := r.IntN(50_000) + 40
		return []byte(strings.Repeat("[", n) + strings.Repeat("]", n))
	case 2: // cut short
		full := fmt.Sprintf(`{"type":%q,"ref":"r","room_id":%q,"content":"hello"}`, kind, room)
		return []byte(full[:r.IntN(len(full)-1)+1])
	case 3: // no object
		return []byte(value())
	case 4: // the same key twice, trailing data
		return fmt.Appendf(nil, `{"type":%q,"ref":"r","type":%s} trailing`, kind, value())
	default: // fields of the wrong kind
		return fmt.Appendf(nil, `{"type":%q,"ref":"r","room_id":%s,"message_id":%s,"content":%s,"parent_id":%s,"attachments":%s,"nonce":%s,"emoji":%s,"since":%s,"name":%s,"username":%s,"password":%s}`,
			kind, value(), value(), value(), value(), value(), value(), value(), value(), value(), value(), value())
	}
}
