package origin

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/hub"
	"parley/internal/jsontext"
	"parley/internal/ops"
	"parley/internal/ws"
)

// maxPacket is the longest packet a client may send: pictures of emoji travel in packets (specs: originchats §1).
const maxPacket = 6 << 20

// socket is one connection. The ws package calls the handler one packet at a time, so what only the handler uses needs no lock.
type socket struct {
	dialect *Dialect
	conn    *ws.Conn
	address string // of the client, for limits
	agent   string // what the client calls itself
	host    string // what the client was sent to: scheme and host
	key     string // validator_key of this connection

	actor chat.Actor // zero before login
	live  *hub.Conn  // nil before login

	listed known // channels
	// listing is held while a list of channels is read and sent, so that an older one never follows a newer one.
	listing sync.Mutex
	entered atomic.Bool // logged in; for who waits for that beside the handler
	since   time.Time
}

// serveWS upgrades GET /. Any page may connect: the protocol has no cookies that another site's page could misuse.
func (d *Dialect) serveWS(w http.ResponseWriter, r *http.Request) {
	s := &socket{dialect: d, address: address(r), agent: r.UserAgent(), host: baseOf(r)}
	_, _ = d.Sockets.Upgrade(w, r, ws.UpgradeOptions{Handler: s, MaxMessage: maxPacket}) // has answered by itself
}

func address(r *http.Request) string {
	if client := ops.ClientOf(r.Context()); client.Addr.IsValid() {
		return client.Addr.String()
	}
	return r.RemoteAddr
}

// Opened implements ws.Handler: the handshake comes before anything else.
func (s *socket) Opened(c *ws.Conn) {
	s.conn, s.since = c, time.Now()
	s.dialect.beats.add(c, s)
	s.key = s.dialect.newValidatorKey()
	text, err := s.dialect.handshake(s.dialect.run, s)
	if err != nil {
		s.dialect.incident(s.dialect.run, err)
		c.Close(ws.CloseInternalError, "")
		return
	}
	c.SendText(text)
}

// Closed implements ws.Handler.
func (s *socket) Closed(c *ws.Conn, _ error) {
	d := s.dialect
	d.beats.remove(c)
	s.gone()
	if s.live == nil {
		return
	}
	d.lists.forget(s)
	d.hub.Detach(s.live)
	d.core.Disconnected(d.run, s.actor)
}

// Binary implements ws.BinaryHandler: such packets are ignored (specs: originchats §1).
func (s *socket) Binary(*ws.Conn, []byte) {}

// Message implements ws.Handler: one packet from the client.
func (s *socket) Message(_ *ws.Conn, payload []byte) {
	q, err := parse(payload)
	if q == nil && err == nil {
		return // what is not JSON is ignored
	}
	ctx := s.dialect.run
	if err == nil {
		err = s.handle(ctx, q)
	} else if s.live == nil {
		err = errLogInFirst
	}
	if err != nil {
		s.fail(ctx, q, err)
	}
}

func (s *socket) handle(ctx context.Context, q *request) error {
	if s.live == nil {
		return s.enter(ctx, q)
	}
	handle, known := commands[q.cmd]
	if !known {
		return unknownCommand(q)
	}
	if !unmetered[q.cmd] {
		if err := s.dialect.core.ChargeRequest(ctx, s.actor); err != nil {
			return err
		}
	}
	reply, err := handle(ctx, s, q)
	if err != nil {
		return err
	}
	if reply != nil {
		s.reply(q, reply)
	}
	return nil
}

// unmetered commands have limits of their own, or cost next to nothing.
var unmetered = map[string]bool{"message_new": true, "ping": true}

// written is a packet that needs no more encoding.
type written []byte

// packetText encodes a packet.
func packetText(packet any) []byte {
	if text, done := packet.(written); done {
		return text
	}
	return jsontext.AppendValue(nil, packet)
}

// reply sends the answer to a request, which bears its listener.
func (s *socket) reply(q *request, packet any) {
	text := packetText(packet)
	if tail := q.tail(); len(tail) > 0 && len(text) > 0 {
		text = append(append(text[:len(text)-1:len(text)-1], tail...), '}')
	}
	s.send(text)
}

// tell sends a packet to this connection.
func (s *socket) tell(packet any) { s.send(packetText(packet)) }

func (s *socket) send(text []byte) {
	if s.live != nil {
		s.dialect.hub.Send(s.live, text)
	} else {
		s.conn.SendText(text)
	}
}

// answering runs a call of the core whose event is the answer. The event reaches this connection, with the listener of the
// request, before it returns true. False says that there was no event, so that a reply has to be sent. do is given the context
// for the call and returns the mark of what it did: that of the message in its answer. A mark begins with the command.
func (s *socket) answering(ctx context.Context, q *request, room chat.RoomID, do func(ctx context.Context) (mark string, err error)) (bool, error) {
	d := s.dialect
	if !s.live.Follows(room) {
		_, err := do(ctx)
		return false, err
	}
	mark := d.nextMark(q)
	d.hub.Expect(mark, s.live, q.tail())
	got, err := do(core.WithMark(ctx, mark))
	if err != nil || got != mark {
		d.hub.Forget(mark)
		return false, err
	}
	d.hub.Await(mark)
	return true, nil
}

// nextMark names a request, see core.WithMark. The command stands before the "#".
func (d *Dialect) nextMark(q *request) string {
	return q.cmd + "#" + strconv.FormatUint(d.marks.Add(1), 36)
}

// gone frees what a connection held: its seat in a voice channel, its slash commands.
func (s *socket) gone() {}
