package native_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"parley/internal/chat"
)

// page is a WebSocket of somebody's.
type page struct {
	*client
	conn *websocket.Conn
}

// open connects; the answer is the ready frame.
func (c *client) open() (*page, *answer) {
	c.Helper()
	conn, _, err := websocket.Dial(c.T.Context(), strings.Replace(c.url, "http", "ws", 1)+"/api/ws?token="+c.token, nil)
	if err != nil {
		c.Fatal(err)
	}
	conn.SetReadLimit(1 << 20)
	c.Cleanup(func() { _ = conn.CloseNow() })
	p := &page{c, conn}
	return p, p.next("ready")
}

// next reads frames up to one of a type.
func (p *page) next(kind string) *answer {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.T.Context(), 20*time.Second)
	defer cancel()
	for {
		_, text, err := p.conn.Read(ctx)
		if err != nil {
			p.Fatalf("no %s came: %v", kind, err)
		}
		a := &answer{T: p.T, request: "a frame", body: text}
		if a.text("type") == kind {
			return a
		}
	}
}

// ask sends a frame and reads the answer to it, which is of that type.
func (p *page) ask(frame object, kind string) *answer {
	p.Helper()
	frame["ref"] = "asked"
	text, err := json.Marshal(frame)
	if err == nil {
		err = p.conn.Write(p.T.Context(), websocket.MessageText, text)
	}
	if err != nil {
		p.Fatal(err)
	}
	return p.next(kind).is("ref", "asked")
}

func TestMuteOfTheServerIsTold(t *testing.T) {
	s := newServer(t)
	ada, mod := s.user("ada"), s.ranked("mod", chat.RankModerator)
	p, ready := ada.open()
	ready.is("user.mute", nil)
	until := "2026-03-01T13:00:00.000Z"
	mod.post("/admin/sanctions", object{"user_id": ada.id, "kind": "mute", "reason": "Shouting", "until": until}).want(201, "")
	p.next("mute_updated").is("mute.until", until).is("mute.reason", "Shouting")
	ada.get("/auth/me").want(200, "").is("mute.until", until)
	_, ready = ada.open()
	ready.is("user.mute.reason", "Shouting")

	// a second one replaces the first, and has no end
	mod.post("/admin/sanctions", object{"user_id": ada.id, "kind": "mute", "reason": "Still"}).want(201, "")
	for last := ""; last != "Still"; {
		frame := p.next("mute_updated")
		if frame.value("mute") != nil {
			last = frame.text("mute.reason")
		}
	}
	ada.get("/auth/me").want(200, "").is("mute.until", nil).is("mute.reason", "Still")
	mod.get("/auth/me").want(200, "").is("mute", nil)
	mod.post("/admin/sanctions/lift", object{"user_id": ada.id, "kind": "mute"}).want(204, "")
	for p.next("mute_updated").value("mute") != nil {
	}
	ada.get("/auth/me").want(200, "").is("mute", nil)

	// one that ends by itself is not shown after its end
	mod.post("/admin/sanctions", object{"user_id": ada.id, "kind": "mute", "until": until}).want(201, "")
	s.wait(2 * time.Hour)
	ada.get("/auth/me").want(200, "").is("mute", nil)
}

func TestWhoLooksAway(t *testing.T) {
	s := newServer(t)
	ada := s.user("ada")
	attended := func(want bool) {
		t.Helper()
		if got := s.core.Attended(chat.UserID(ada.id)); got != want {
			t.Errorf("somebody looks: %v, want %v", got, want)
		}
	}
	attended(false)
	p, _ := ada.open()
	attended(true)
	p.ask(object{"type": "set_idle", "idle": true}, "ok")
	attended(false)
	p.ask(object{"type": "set_idle", "idle": true}, "ok") // said twice is said once
	p.ask(object{"type": "set_idle", "idle": false}, "ok")
	attended(true)
	p.ask(object{"type": "set_idle"}, "error").is("code", "field_invalid").is("field", "idle")
	p.ask(object{"type": "set_idle", "idle": "yes"}, "error").is("code", "field_invalid").is("field", "idle")

	// what an idle page said goes with it
	p.ask(object{"type": "set_idle", "idle": true}, "ok")
	other, _ := ada.open()
	attended(true)
	if err := p.conn.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Fatal(err)
	}
	other.ask(object{"type": "set_idle", "idle": true}, "ok")
	other.ask(object{"type": "set_idle", "idle": false}, "ok")
	attended(true)
}
