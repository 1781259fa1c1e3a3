package e2e

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// talker is one client. It keeps to api/websocket.md: after a lost connection it joins each room again with the last
// change_seq it saw, and sends what was not acknowledged again under its nonce.
type talker struct {
	person
	crowd  *crowd
	number int
	name   string
	rooms  []string
	only   string      // the address of the node it goes to; "": the balancer's
	rejoin chan string // rooms of which the server said resync; "": everything

	wander chan struct{} // told to reconnect

	hushed  atomic.Bool // has finished what it said
	gone    atomic.Bool // left for good
	going   atomic.Bool // is to leave for good
	leaving atomic.Bool // is about to end its connection

	mu      sync.Mutex // guards what follows
	views   map[string]*view
	conn    *websocket.Conn // nil while there is none
	joined  bool            // all rooms, on this connection
	waiting map[string]chan packet
	refs    int
	said    []*saying
	own     []post // acknowledged and not deleted, that it may edit
}

// view is what a client knows of a room.
type view struct {
	room     string
	last     int64 // the last change_seq it saw
	known    map[string]post
	readUpTo int64 // the furthest it asked for
}

// saying is one message to be sent.
type saying struct {
	room, nonce, content string
	number, tries        int
	acked                *post
}

// post is a message as it is on the wire.
type post struct {
	ID        string
	RoomID    string `json:"room_id"`
	Seq       int64
	ChangeSeq int64 `json:"change_seq"`
	Type      string
	Content   string
	Deleted   bool
	Sender    *struct{ ID string }
	Mentions  []string
}

// packet is what clients look at of a frame.
type packet struct {
	Type       string
	Ref        string
	Code       string
	RoomID     string `json:"room_id"`
	MessageID  string `json:"message_id"`
	Seq        int64
	ChangeSeq  int64 `json:"change_seq"`
	LastSeq    int64 `json:"last_seq"`
	Truncated  bool
	RetryAfter int64 `json:"retry_after_ms"`
	Reason     string
	Message    json.RawMessage // a post, or what an error says
	Messages   []post
}

func (p packet) post() (m post) {
	_ = json.Unmarshal(p.Message, &m)
	return m
}

// live connects again and again until the clients are to go.
func (k *talker) live() {
	defer k.gone.Store(true)
	for failed := 0; !k.crowd.over() && !k.going.Load(); {
		err := k.session()
		if err == nil || k.crowd.over() {
			return
		}
		if errors.Is(err, errEnded) {
			failed = 0
			k.crowd.dropped.Add(1)
		} else {
			failed++
		}
		if !k.crowd.pause(min(50*time.Millisecond<<min(failed, 5), time.Second)) {
			return
		}
	}
}

// session is one connection, from its beginning to its end; nil when the talker is to leave for good.
func (k *talker) session() error {
	w := k.crowd
	ctx, cancel := context.WithCancel(w.ctx)
	defer cancel()
	if k.number%7 == 3 { // this one fills by REST, from whichever node, and joins with what it knows then
		if err := k.refill(ctx); err != nil {
			return err
		}
	}
	dialing, stop := context.WithTimeout(ctx, 20*time.Second)
	defer stop()
	conn, _, err := websocket.Dial(dialing, "ws://"+cmp.Or(k.only, w.cluster.front.addr)+"/api/ws?token="+k.Token, nil)
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	conn.SetReadLimit(64 << 20)
	w.connects.Add(1)
	k.mu.Lock()
	k.conn, k.joined, k.waiting = conn, false, make(map[string]chan packet)
	k.mu.Unlock()
	for len(k.rejoin) > 0 {
		<-k.rejoin // said on a connection that is no more
	}
	var reading sync.WaitGroup
	reading.Go(func() {
		defer cancel()
		k.read(ctx, conn)
	})
	err = k.act(ctx)
	k.leaving.Store(true)
	defer k.leaving.Store(false)
	k.mu.Lock()
	k.conn, k.joined = nil, false
	k.mu.Unlock()
	if k.number%2 == 0 {
		conn.CloseNow()
	} else {
		conn.Close(websocket.StatusNormalClosure, "")
	}
	cancel()
	reading.Wait()
	return err
}

// refill reads what was missed by REST.
func (k *talker) refill(ctx context.Context) error {
	for _, room := range k.rooms {
		for {
			k.mu.Lock()
			since := k.views[room].last
			k.mu.Unlock()
			var ch packet
			status, code, err := call(ctx, k.crowd.http, k.crowd.cluster.front.addr, k.Token, "GET", fmt.Sprintf("/rooms/%s/changes?since=%d&limit=200", room, since), nil, &ch)
			if err != nil {
				return fmt.Errorf("reading changes: %w", err)
			}
			if status != 200 {
				if status != 503 {
					k.crowd.fault("%s: reading the changes of room %s: status %d %s", k.name, room, status, code)
				}
				return fmt.Errorf("reading changes: status %d %s", status, code)
			}
			ch.RoomID = room
			k.caughtUp(ch, "REST")
			if !ch.Truncated {
				break
			}
		}
	}
	k.crowd.refilled.Add(1)
	return nil
}

// read takes every frame until the connection ends.
func (k *talker) read(ctx context.Context, conn *websocket.Conn) {
	for {
		_, text, err := conn.Read(ctx)
		if err != nil {
			switch code := websocket.CloseStatus(err); code {
			case websocket.StatusNormalClosure: // our own doing
			case -1:
				if ctx.Err() == nil && !k.leaving.Load() {
					k.crowd.cutOff.Add(1)
				}
			case websocket.StatusGoingAway:
				k.crowd.told.Add(1)
			case websocket.StatusInternalError: // it came while an engine was away
				k.refused("connecting", packet{Code: "unavailable"})
			default:
				k.crowd.fault("%s: the connection was closed with %v", k.name, err)
			}
			return
		}
		if bytes.HasPrefix(text, []byte(`{"type":"presence_updated"`)) {
			k.crowd.presence.Add(1)
			continue
		}
		var p packet
		if err := json.Unmarshal(text, &p); err != nil {
			k.crowd.fault("%s: %v in %.300s", k.name, err, text)
			return
		}
		k.frame(p)
	}
}

// frame looks at one frame of the server.
func (k *talker) frame(p packet) {
	w := k.crowd
	if p.Ref != "" {
		k.mu.Lock()
		answer := k.waiting[p.Ref]
		delete(k.waiting, p.Ref)
		k.mu.Unlock()
		if answer == nil {
			w.fault("%s: an answer to nothing: %s %s %s", k.name, p.Type, p.Ref, p.Code)
			return
		}
		answer <- p
		return
	}
	switch p.Type {
	case "message_created":
		k.changed(p.Type, p.post(), true)
	case "message_updated":
		k.changed(p.Type, p.post(), false)
	case "message_deleted":
		k.changed(p.Type, post{ID: p.MessageID, RoomID: p.RoomID, Seq: p.Seq, ChangeSeq: p.ChangeSeq, Deleted: true}, false)
	case "reaction_added", "reaction_removed":
		k.mu.Lock()
		m := k.views[p.RoomID].known[p.MessageID]
		k.mu.Unlock()
		m.ID, m.RoomID, m.ChangeSeq = p.MessageID, p.RoomID, p.ChangeSeq
		k.changed(p.Type, m, false)
	case "room_changes":
		k.caughtUp(p, p.Type)
	case "resync":
		w.resyncs.Add(1)
		select {
		case k.rejoin <- p.RoomID:
		case <-w.ctx.Done():
		}
	case "error", "session_revoked", "room_removed", "room_deleted":
		w.fault("%s: %s %s %s %s", k.name, p.Type, p.RoomID, p.Code, p.Reason)
	}
}

// changed takes one live change of a message: later than all before, and new if it says so.
func (k *talker) changed(kind string, m post, created bool) {
	w := k.crowd
	k.mu.Lock()
	defer k.mu.Unlock()
	v := k.views[m.RoomID]
	if v == nil {
		if m.RoomID != w.cluster.lobby {
			w.fault("%s: %s of room %s, where it never was", k.name, kind, m.RoomID)
		}
		return
	}
	old, known := v.known[m.ID]
	switch {
	case m.ID == "" || m.ChangeSeq == 0 || m.Seq == 0:
		w.fault("%s: %s of a message it never saw, or without a place: %+v", k.name, kind, m)
		return
	case m.ChangeSeq <= v.last:
		w.fault("%s: room %s: %s of message %s with change_seq %d after %d", k.name, v.room, kind, m.ID, m.ChangeSeq, v.last)
	case created && known:
		w.fault("%s: room %s: message %s (seq %d) came twice: known with change_seq %d, now %d", k.name, v.room, m.ID, m.Seq, old.ChangeSeq, m.ChangeSeq)
	case !created && !known && !m.Deleted:
		w.fault("%s: room %s: %s of message %s (seq %d, change_seq %d), which never came; the last change was %d", k.name, v.room, kind, m.ID, m.Seq, m.ChangeSeq, v.last)
	}
	if m.ChangeSeq > v.last+1 {
		w.holes.Add(1) // a change that was made good by a later one of the same message; the end shows that nothing is missing
	}
	v.last = max(v.last, m.ChangeSeq)
	v.known[m.ID] = m
	if created {
		w.delivered.Add(1)
		w.heard(m.Content)
	} else {
		w.changes.Add(1)
	}
}

// caughtUp takes what was missed.
func (k *talker) caughtUp(p packet, from string) {
	w := k.crowd
	k.mu.Lock()
	defer k.mu.Unlock()
	v := k.views[p.RoomID]
	if v == nil {
		w.fault("%s: %s of room %s, which it did not ask for", k.name, from, p.RoomID)
		return
	}
	for _, m := range p.Messages {
		old, known := v.known[m.ID]
		switch {
		case m.ChangeSeq <= v.last:
			w.fault("%s: room %s: %s has message %s with change_seq %d, after %d", k.name, v.room, from, m.ID, m.ChangeSeq, v.last)
		case known && old.ChangeSeq >= m.ChangeSeq:
			w.fault("%s: room %s: %s has message %s again, with change_seq %d after %d", k.name, v.room, from, m.ID, m.ChangeSeq, old.ChangeSeq)
		}
		v.last = max(v.last, m.ChangeSeq)
		if known {
			w.changes.Add(1)
		} else {
			w.delivered.Add(1)
			w.heard(m.Content)
		}
		m.RoomID = p.RoomID
		v.known[m.ID] = m
	}
	if !p.Truncated {
		if p.LastSeq < v.last {
			w.fault("%s: room %s: %s says that the last change is %d, but it had %d", k.name, v.room, from, p.LastSeq, v.last)
		}
		v.last = max(v.last, p.LastSeq)
	}
}

// ask sends a frame and waits for its answer.
func (k *talker) ask(ctx context.Context, f obj) (packet, error) {
	answer := make(chan packet, 1)
	k.mu.Lock()
	conn := k.conn
	if conn == nil {
		k.mu.Unlock()
		return packet{}, errEnded
	}
	k.refs++
	ref := fmt.Sprintf("r%d", k.refs)
	k.waiting[ref] = answer
	k.mu.Unlock()
	f["ref"] = ref
	text, err := json.Marshal(f)
	if err != nil {
		return packet{}, err
	}
	if err := conn.Write(ctx, websocket.MessageText, text); err != nil {
		return packet{}, errEnded
	}
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case p := <-answer:
		return p, nil
	case <-ctx.Done():
		select { // it may have come just before the end
		case p := <-answer:
			return p, nil
		default:
			return packet{}, errEnded
		}
	case <-timeout.C:
		k.crowd.fault("%s: no answer to %s within %v", k.name, text, patience)
		return packet{}, errEnded
	}
}

// join subscribes to a room from the last change on; refused for now, it tries again.
func (k *talker) join(ctx context.Context, room string) error {
	for {
		k.mu.Lock()
		since := k.views[room].last
		k.mu.Unlock()
		p, err := k.ask(ctx, obj{"type": "join_room", "room_id": room, "since": since})
		if err != nil {
			return err
		}
		if p.Type == "ok" {
			return nil
		}
		k.refused("join_room", p)
		if !k.crowd.pause(200 * time.Millisecond) {
			return errEnded
		}
	}
}

// reread reads again what has no change_seq: the server said resync and no room.
func (k *talker) reread(ctx context.Context) error {
	status, code, err := call(ctx, k.crowd.http, k.crowd.cluster.front.addr, k.Token, "GET", "/rooms", nil, nil)
	if err == nil && status != http.StatusOK {
		k.refused("reading the rooms", packet{Code: code})
	}
	return nil // a later resync, or the next connection, does it again
}

// refused notes an error that a client may be answered while an engine is away, or a fault.
func (k *talker) refused(what string, p packet) {
	if p.Code == "unavailable" && !k.crowd.strict {
		k.crowd.unavailable.Add(1)
		return
	}
	k.crowd.fault("%s: %s was refused: %s %s", k.name, what, p.Code, p.Message)
}

// act joins the rooms, then says and does things until the connection ends. nil when the talker is to leave for good.
func (k *talker) act(ctx context.Context) error {
	w := k.crowd
	for _, room := range k.rooms {
		if err := k.join(ctx, room); err != nil {
			return err
		}
	}
	k.mu.Lock()
	k.joined = true
	k.mu.Unlock()
	roam := time.NewTimer(time.Hour)
	if k.number%6 == 1 { // these wander from node to node
		roam.Reset(4*w.every + rand.N(4*w.every))
	}
	defer roam.Stop()
	for {
		if s := k.pending(); s != nil {
			if s.tries > 0 && rand.IntN(4) == 0 {
				k.giveUp(s) // some people do: then it is there once for all, or for nobody
				continue
			}
			if err := k.send(ctx, s); err != nil {
				return err
			}
			continue
		}
		quiet := w.quiet
		select {
		case <-quiet:
			k.hushed.Store(true)
			quiet = nil
		default:
		}
		next := time.NewTimer(w.every/2 + rand.N(w.every))
		err := func() error {
			defer next.Stop()
			select {
			case <-ctx.Done():
				return errEnded
			case room := <-k.rejoin:
				if room == "" {
					return k.reread(ctx)
				}
				return k.join(ctx, room)
			case <-k.wander:
				return errEnded
			case <-roam.C:
				if k.hushed.Load() {
					return nil
				}
				return errEnded
			case <-quiet:
				return nil
			case <-next.C:
				if k.hushed.Load() {
					return nil
				}
				return k.something(ctx)
			}
		}()
		if err != nil {
			return err
		}
		if k.going.Load() {
			return nil
		}
	}
}

// pending is what has been said and not been answered.
func (k *talker) pending() *saying {
	k.mu.Lock()
	defer k.mu.Unlock()
	if n := len(k.said); n > 0 && k.said[n-1].acked == nil && k.said[n-1].tries >= 0 {
		return k.said[n-1]
	}
	return nil
}

func (k *talker) giveUp(s *saying) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s.tries = -1
	k.crowd.abandoned.Add(1)
}

// something is what people do: mostly say something, at times change what they said, react, read or type.
func (k *talker) something(ctx context.Context) error {
	room := k.rooms[rand.IntN(len(k.rooms))]
	switch n := rand.IntN(100); {
	case n < 70:
		k.say(room)
		return nil
	case n < 74:
		if m, ok := k.ofMyOwn(false); ok {
			return k.doIt(ctx, obj{"type": "edit_message", "message_id": m.ID, "content": m.Content + " (edited)"})
		}
	case n < 76:
		if m, ok := k.ofMyOwn(true); ok {
			return k.doIt(ctx, obj{"type": "delete_message", "message_id": m.ID})
		}
	case n < 81:
		if m, ok := k.someMessage(room, 0); ok {
			return k.doIt(ctx, obj{"type": "add_reaction", "message_id": m.ID, "emoji": []string{"👍", "🎉", "🦊"}[rand.IntN(3)]}, "message_deleted")
		}
	case n < 92:
		if m, ok := k.someMessage(room, 0); ok {
			k.mu.Lock()
			k.views[room].readUpTo = max(k.views[room].readUpTo, m.Seq)
			k.mu.Unlock()
			return k.doIt(ctx, obj{"type": "read_message", "message_id": m.ID})
		}
	default:
		return k.doIt(ctx, obj{"type": "typing_start", "room_id": room})
	}
	return nil
}

// doIt asks for something that may be asked for again or not at all; what is refused with one of the codes is fine.
func (k *talker) doIt(ctx context.Context, f obj, fine ...string) error {
	p, err := k.ask(ctx, f)
	if err == nil && p.Type != "ok" && !strings.Contains(strings.Join(fine, " "), p.Code) {
		k.refused(fmt.Sprint(f["type"], " ", f["message_id"]), p)
	}
	return err
}

// say puts a message where pending finds it.
func (k *talker) say(room string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := len(k.said)
	s := &saying{room: room, number: n, nonce: fmt.Sprintf("%s-%d", k.name, n), content: fmt.Sprintf("%s says %d", k.name, n)}
	if rand.IntN(20) == 0 {
		s.content += " to @" + k.crowd.talkers[rand.IntN(len(k.crowd.talkers))].name
	}
	k.said = append(k.said, s)
	if rand.IntN(8) == 0 {
		k.crowd.sample(s.content)
	}
}

// send sends a message once; at times through another node at the same time, under the same nonce.
func (k *talker) send(ctx context.Context, s *saying) error {
	w := k.crowd
	if s.tries > 0 {
		w.retried.Add(1)
	}
	s.tries++
	var beside sync.WaitGroup
	var other post
	if rand.IntN(12) == 0 {
		w.twice.Add(1)
		beside.Go(func() {
			status, code, err := call(w.ctx, w.http, w.cluster.front.addr, k.Token, "POST", "/rooms/"+s.room+"/messages", obj{"content": s.content, "nonce": s.nonce}, &other)
			if err == nil && status >= 300 && (status != 503 || w.strict) {
				w.fault("%s: sending %q by REST: status %d %s", k.name, s.content, status, code)
			}
		})
	}
	p, err := k.ask(ctx, obj{"type": "send_message", "room_id": s.room, "content": s.content, "nonce": s.nonce})
	beside.Wait()
	if err != nil {
		return err
	}
	if p.Type != "ok" {
		k.refused(fmt.Sprintf("sending %q", s.content), p)
		if !w.pause(max(time.Duration(p.RetryAfter)*time.Millisecond, 200*time.Millisecond)) {
			return errEnded
		}
		return nil
	}
	m := p.post()
	if m.RoomID != s.room || m.Content != s.content && !m.Deleted {
		w.fault("%s: %q is acknowledged as %q in room %s", k.name, s.content, m.Content, m.RoomID)
	}
	if other.ID != "" && other.ID != m.ID {
		w.fault("%s: %q, sent through two nodes under one nonce, is stored as %s and as %s", k.name, s.content, m.ID, other.ID)
	}
	k.mu.Lock()
	s.acked = &m
	k.own = append(k.own, m)
	k.mu.Unlock()
	w.acked.Add(1)
	return nil
}

// ofMyOwn picks one of the last things it said; takes it out if it is not to be picked again.
func (k *talker) ofMyOwn(take bool) (post, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.own) == 0 {
		return post{}, false
	}
	i := len(k.own) - 1 - rand.IntN(min(5, len(k.own)))
	m := k.own[i]
	if take {
		k.own = append(k.own[:i:i], k.own[i+1:]...)
	}
	return m, true
}

// someMessage picks a message of a room that was not deleted, with a seq from the given one on.
func (k *talker) someMessage(room string, from int64) (post, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, m := range k.views[room].known { // in no order
		if m.Seq >= from && !m.Deleted && m.Type != "system" && m.Seq > 0 {
			return m, true
		}
	}
	return post{}, false
}

// present reports whether it is connected, with all of its rooms.
func (k *talker) present() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.conn != nil && k.joined
}

// state describes it in a failure.
func (k *talker) state() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := fmt.Sprintf("%s: connected %v, joined %v", k.name, k.conn != nil, k.joined)
	if n := len(k.said); n > 0 && k.said[n-1].acked == nil {
		s += fmt.Sprintf(", not acknowledged %q (tried %d times)", k.said[n-1].content, k.said[n-1].tries)
	}
	for room, v := range k.views {
		s += fmt.Sprintf("; room %s up to %d", room, v.last)
	}
	return s
}
