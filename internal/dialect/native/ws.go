package native

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strings"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/hub"
	"parley/internal/jsontext"
	"parley/internal/ws"
)

// Close codes of the native WebSocket beside those of RFC 6455 (specs: native, WebSocket).
const (
	closeRevoked = 4001
	closeSlow    = 4008
)

// A connection that sends more bad frames than this within a minute is closed with 1008.
const maxBadFrames = 20

// socket is one native WebSocket connection.
type socket struct {
	dialect *Dialect
	actor   chat.Actor
	conn    *ws.Conn
	live    *hub.Conn

	// The ws package calls the handler one frame at a time, so these need no lock.
	bad      int
	badSince time.Time
	idle     bool // nobody looks at it, says the client
}

// serveWS upgrades GET /api/ws. The token comes as the login cookie, as ?token=, as the subprotocol pair "bearer, <token>",
// or as a bearer header; with the cookie the Origin must be ours.
func (d *Dialect) serveWS(w http.ResponseWriter, r *http.Request) {
	token, subprotocol, fromCookie := socketToken(r)
	if fromCookie && !d.originAllowed(r) {
		d.writeError(w, r, chat.Errorf(chat.Forbidden, "origin_forbidden", "This page may not connect with your login."))
		return
	}
	actor, err := d.core.Authenticate(r.Context(), token, address(r))
	if err != nil {
		d.writeError(w, r, err)
		return
	}
	if err := d.core.Connected(r.Context(), actor); err != nil {
		d.writeError(w, r, err)
		return
	}
	s := &socket{dialect: d, actor: actor}
	if _, err := d.sockets.Upgrade(w, r, ws.UpgradeOptions{Subprotocol: subprotocol, Handler: s}); err != nil && s.conn == nil {
		d.core.Disconnected(context.WithoutCancel(r.Context()), actor)
	}
}

func socketToken(r *http.Request) (token, subprotocol string, fromCookie bool) {
	if t := r.URL.Query().Get("token"); t != "" {
		return t, "", false
	}
	offered := strings.Split(strings.Join(r.Header.Values("Sec-WebSocket-Protocol"), ","), ",")
	if len(offered) == 2 && strings.EqualFold(strings.TrimSpace(offered[0]), "bearer") {
		return strings.TrimSpace(offered[1]), "bearer", false
	}
	if t, ok := bearerToken(r); ok {
		return t, "", false
	}
	if c, err := r.Cookie(sessionCookie); err == nil {
		return c.Value, "", true
	}
	return "", "", false
}

// Opened implements ws.Handler: the connection gets its ready frame before anything else.
func (s *socket) Opened(c *ws.Conn) {
	s.conn = c
	d, ctx := s.dialect, s.dialect.ctx
	s.live = d.hub.Attach(s.actor, d, c)
	s.actor = s.live.Actor // with the connection's name
	ready, rooms, err := s.ready(ctx)
	if err != nil {
		s.fail("", err)
		c.Close(ws.CloseInternalError, "")
		return
	}
	d.hub.Begin(s.live, rooms, ready)
}

func (s *socket) ready(ctx context.Context) (text []byte, ids []chat.RoomID, err error) {
	d := s.dialect
	me, err := d.core.Me(ctx, s.actor)
	if err != nil {
		return nil, nil, err
	}
	views, err := d.core.Rooms(ctx, s.actor)
	if err != nil {
		return nil, nil, err
	}
	settings, err := d.core.Server(ctx)
	if err != nil {
		return nil, nil, err
	}
	self, err := d.self(ctx, me)
	if err != nil {
		return nil, nil, err
	}
	f := readyFrame{Type: "ready", SessionID: string(s.actor.SessionID), User: self, Rooms: make([]Room, len(views)),
		HeartbeatMS: d.heartbeat.Milliseconds(), Limits: d.limits(settings)}
	ids = make([]chat.RoomID, len(views))
	for i, v := range views {
		ids[i], f.Rooms[i] = v.Room.ID, d.room(v)
	}
	text, err = json.Marshal(f)
	return text, ids, err
}

// Closed implements ws.Handler.
func (s *socket) Closed(*ws.Conn, error) {
	s.dialect.hub.Detach(s.live)
	s.setIdle(false)
	s.dialect.core.Disconnected(s.dialect.ctx, s.actor)
}

// Message implements ws.Handler: one frame from the client.
func (s *socket) Message(_ *ws.Conn, payload []byte) {
	var f clientFrame
	if err := f.decode(payload); err != nil {
		s.malformed(f.Ref, err)
		return
	}
	handle, known := clientFrames[f.Type]
	if !known {
		s.malformed(f.Ref, chat.Errorf(chat.Invalid, "frame_unknown", "There is no frame of type %q.", short(f.Type)))
		return
	}
	ctx := s.dialect.ctx
	if !unmetered[f.Type] {
		if err := s.dialect.core.ChargeRequest(ctx, s.actor); err != nil {
			s.fail(f.Ref, err)
			return
		}
	}
	answer, err := handle(ctx, s, &f)
	switch {
	case err != nil:
		s.fail(f.Ref, err)
	case answer != nil:
		s.send(answer)
	case f.Ref != "":
		s.send(okFrame{Type: "ok", Ref: f.Ref})
	}
}

// unmetered frames have limits of their own, or cost next to nothing.
var unmetered = map[string]bool{"send_message": true, "ping": true}

// clientFrame is every field that any frame of a client may carry.
type clientFrame struct {
	Type          string   `json:"type"`
	Ref           string   `json:"ref"`
	RoomID        string   `json:"room_id"`
	MessageID     string   `json:"message_id"`
	ParentID      string   `json:"parent_id"`
	Since         *int64   `json:"since"`
	Content       string   `json:"content"`
	Attachments   []string `json:"attachments"`
	Nonce         string   `json:"nonce"`
	Emoji         string   `json:"emoji"`
	Status        string   `json:"status"`
	StatusMessage *string  `json:"status_message"`
	Idle          *bool    `json:"idle"`

	UserID   string          `json:"user_id"`
	Command  string          `json:"command"`
	Commands []commandFrame  `json:"commands"`
	Args     json.RawMessage `json:"args"`
	Data     json.RawMessage `json:"data"`
	Muted    *bool           `json:"muted"`
	Deafened *bool           `json:"deafened"`
}

// maxRef is how long a client's ref may be.
const maxRef = 200

func (f *clientFrame) decode(payload []byte) error {
	if err := CheckJSON(payload); err != nil {
		return err
	}
	if err := json.Unmarshal(payload, f); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) && wrong.Field != "" {
			return chat.InvalidField(wrong.Field, "field_invalid", "The field %s has the wrong type.", wrong.Field)
		}
		return chat.Errorf(chat.Invalid, "frame_invalid", "A frame is one JSON object with a type.")
	}
	if len(f.Ref) > maxRef {
		f.Ref = ""
		return chat.InvalidField("ref", "field_invalid", "A ref has at most %d bytes.", maxRef)
	}
	return nil
}

func (f *clientFrame) room() (chat.RoomID, error) {
	id, ok := chat.ParseRoomID(f.RoomID)
	if !ok {
		return 0, chat.ErrRoomNotFound
	}
	return id, nil
}

func (f *clientFrame) message() (chat.MessageID, error) {
	id, ok := chat.ParseMessageID(f.MessageID)
	if !ok {
		return 0, chat.ErrMessageNotFound
	}
	return id, nil
}

func (f *clientFrame) parent() (chat.MessageID, error) {
	if f.ParentID == "" {
		return 0, nil
	}
	id, ok := chat.ParseMessageID(f.ParentID)
	if !ok {
		return 0, chat.ErrMessageNotFound
	}
	return id, nil
}

// frameHandler handles a frame of a client. A nil answer means a plain ok if the frame had a ref.
type frameHandler func(context.Context, *socket, *clientFrame) (any, error)

func init() {
	maps.Copy(clientFrames, commandClientFrames)
	maps.Copy(clientFrames, voiceClientFrames)
}

// clientFrames handles each frame a client may send.
var clientFrames = map[string]frameHandler{
	"join_room": func(ctx context.Context, s *socket, f *clientFrame) (any, error) {
		room, err := f.room()
		if err != nil {
			return nil, err
		}
		since := chat.Seq(-1)
		if f.Since != nil {
			if since = chat.Seq(*f.Since); since < 0 {
				return nil, chat.InvalidField("since", "since_invalid", "since is a change_seq: a number from 0.")
			}
		}
		var joined chat.RoomView
		err = s.dialect.hub.Join(ctx, s.live, room, since, func(v chat.RoomView) {
			joined = v
			if f.Ref != "" {
				shown := s.dialect.room(v)
				s.send(okFrame{Type: "ok", Ref: f.Ref, Room: &shown, LastSeq: int64(v.Room.LastSeq)})
			}
		})
		if err == nil && joined.Room.Type == chat.Direct && joined.UnreadCount > 0 { // what waited for this person is here now
			if err := s.dialect.core.MarkDelivered(ctx, s.actor.UserID, room, joined.Room.LastSeq); err != nil {
				s.dialect.log.Warn("noting a delivery failed", "room", room, "error", err)
			}
		}
		return answered, err
	},
	"leave_room": func(_ context.Context, s *socket, f *clientFrame) (any, error) {
		room, err := f.room()
		if err == nil {
			s.dialect.hub.Leave(s.live, room)
		}
		return nil, err
	},
	"typing_start": typingFrame(true),
	"typing_stop":  typingFrame(false),
	"send_message": func(ctx context.Context, s *socket, f *clientFrame) (any, error) {
		room, err := f.room()
		if err != nil {
			return nil, err
		}
		parent, err := f.parent()
		if err != nil {
			return nil, err
		}
		msg, _, err := s.dialect.core.SendMessage(ctx, s.actor, core.NewMessage{RoomID: room, Content: f.Content, ParentID: parent,
			Attachments: f.Attachments, Nonce: f.Nonce})
		return s.withMessage(f, msg, err)
	},
	"edit_message": func(ctx context.Context, s *socket, f *clientFrame) (any, error) {
		id, err := f.message()
		if err != nil {
			return nil, err
		}
		msg, err := s.dialect.core.EditMessage(ctx, s.actor, id, f.Content, nil)
		return s.withMessage(f, msg, err)
	},
	"delete_message": func(ctx context.Context, s *socket, f *clientFrame) (any, error) {
		id, err := f.message()
		if err != nil {
			return nil, err
		}
		_, err = s.dialect.core.DeleteMessage(ctx, s.actor, id)
		return nil, err
	},
	"add_reaction": func(ctx context.Context, s *socket, f *clientFrame) (any, error) {
		id, err := f.message()
		if err != nil {
			return nil, err
		}
		msg, _, err := s.dialect.core.React(ctx, s.actor, id, f.Emoji)
		return s.withMessage(f, msg, err)
	},
	"remove_reaction": func(ctx context.Context, s *socket, f *clientFrame) (any, error) {
		id, err := f.message()
		if err != nil {
			return nil, err
		}
		msg, _, err := s.dialect.core.Unreact(ctx, s.actor, id, f.Emoji)
		return s.withMessage(f, msg, err)
	},
	"read_message": func(ctx context.Context, s *socket, f *clientFrame) (any, error) {
		id, err := f.message()
		if err != nil {
			return nil, err
		}
		_, err = s.dialect.core.MarkReadMessage(ctx, s.actor, id)
		return nil, err
	},
	"set_presence": func(ctx context.Context, s *socket, f *clientFrame) (any, error) {
		_, err := s.dialect.core.SetStatus(ctx, s.actor, chat.Status(f.Status), f.StatusMessage)
		return nil, err
	},
	"set_idle": func(_ context.Context, s *socket, f *clientFrame) (any, error) {
		if f.Idle == nil {
			return nil, chat.InvalidField("idle", "field_invalid", "idle says whether nobody looks: true or false.")
		}
		s.setIdle(*f.Idle)
		return nil, nil
	},
	"ping": func(_ context.Context, _ *socket, f *clientFrame) (any, error) {
		return pongFrame{Type: "pong", Ref: f.Ref}, nil
	},
}

// setIdle notes whether nobody looks at the connection.
func (s *socket) setIdle(idle bool) {
	if s.idle != idle {
		s.idle = idle
		s.dialect.core.SetIdle(s.actor, idle)
	}
}

func typingFrame(typing bool) func(context.Context, *socket, *clientFrame) (any, error) {
	return func(ctx context.Context, s *socket, f *clientFrame) (any, error) {
		room, err := f.room()
		if err != nil {
			return nil, err
		}
		return nil, s.dialect.core.Typing(ctx, s.actor, room, 0, typing)
	}
}

// written is an answer that needs no more encoding; none at all is that of a handler that answered by itself.
type written []byte

var answered = written(nil)

func (s *socket) withMessage(f *clientFrame, msg *chat.Message, err error) (any, error) {
	if err != nil || f.Ref == "" {
		return answered, err
	}
	b := jsontext.AppendString(append(make([]byte, 0, 700+len(msg.Content)+len(msg.Content)/8), `{"type":"ok","ref":`...), f.Ref)
	b = s.dialect.appendMessage(append(b, `,"message":`...), msg, s.actor.UserID)
	return written(append(b, '}')), nil
}

// malformed answers a frame that is no frame; too many of them end the connection.
func (s *socket) malformed(ref string, err error) {
	s.fail(ref, err)
	now := time.Now()
	if now.Sub(s.badSince) > time.Minute {
		s.bad, s.badSince = 0, now
	}
	if s.bad++; s.bad >= maxBadFrames {
		s.conn.Close(ws.ClosePolicyViolation, "too many malformed frames")
	}
}

// fail answers a frame with an error.
func (s *socket) fail(ref string, err error) {
	e := chat.AsError(err)
	f := errorFrame{Type: "error", Ref: ref, Code: e.Code, Message: e.Text, Field: e.Field, RetryAfterMS: e.RetryAfter.Milliseconds()}
	if e.Kind == chat.Internal {
		f.Incident = s.dialect.incident(s.dialect.ctx, e)
	}
	s.send(f)
}

// send queues a frame for this connection alone.
func (s *socket) send(frame any) {
	text, done := frame.(written)
	if !done {
		var err error
		if text, err = json.Marshal(frame); err != nil { // our own types always marshal; a fault here must not take the connection along
			s.dialect.log.Error("encoding a frame failed", "error", err)
			return
		}
	}
	if text == nil {
		return
	}
	if s.live == nil {
		s.conn.SendText(text)
		return
	}
	s.dialect.hub.Send(s.live, text)
}

// short cuts what a client sent to what an error text may repeat.
func short(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}
