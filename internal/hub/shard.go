package hub

import (
	"context"
	"slices"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/ws"
)

// work is something for a shard's goroutine: an event, or a change to a feed.
type work struct {
	event chat.Event
	do    func(*shard)
}

// shard delivers the events of its share of rooms and users, one after the other.
type shard struct {
	hub   *Hub
	work  chan work
	feeds map[chat.RoomID]*feed
	late  map[*feed]time.Time // when feeds whose events wait look into the store
	timer *time.Timer         // for the first of them
}

// feed is one room with at least one subscriber.
type feed struct {
	room   chat.RoomID
	direct bool
	last   chat.Seq         // the change_seq delivered last; nothing (-1) while nobody is live
	known  chat.Seq         // the latest change_seq that the store is known to have; less than last: no more than that
	early  []chat.Sequenced // events that overtook others, ascending
	// filling says that events are made of what the store says: to someone who has seen more than the others, they mean
	// something else.
	filling bool
	base    chat.Seq // where filling began that could not be finished; nothing: nowhere
	subs    map[*Conn]*sub
	// live are the subscribers on WebSockets of ours who get everything from now on, by dialect; apart is how many others
	// there are. nil after a change of subs.
	live  map[Dialect]*audience
	apart int
}

// audience are connections that can be served together: sockets[i] is conns[i]'s.
type audience struct {
	conns   []*Conn
	sockets []*ws.Conn
}

// nothing is the place of a feed that has delivered nothing yet.
const nothing chat.Seq = -1

// sub is one connection's subscription to one room.
type sub struct {
	conn     *Conn
	catching bool         // still being brought up to date: events wait in held
	held     []chat.Event // in order
	from     chat.Seq     // has seen everything up to here; only what comes later is for it
	read     chat.Seq     // up to where it read the store when it joined
}

// maxHeld is how many events may wait for one connection that is catching up.
const maxHeld = 2000

func newShard(h *Hub) *shard {
	timer := time.NewTimer(0)
	<-timer.C
	return &shard{hub: h, work: make(chan work, 4096), feeds: make(map[chat.RoomID]*feed), late: make(map[*feed]time.Time), timer: timer}
}

func (s *shard) post(ctx context.Context, w work) {
	select {
	case s.work <- w:
	case <-ctx.Done():
	}
}

func (s *shard) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.timer.C:
			s.settleLate(ctx)
		case w := <-s.work:
			if w.do != nil {
				w.do(s)
			} else {
				s.deliver(ctx, w.event)
			}
		}
	}
}

func (s *shard) deliver(ctx context.Context, ev chat.Event) {
	s.hub.stats.events.Add(1)
	switch e := ev.(type) {
	case chat.Sequenced:
		if f := s.feeds[e.State().RoomID]; f != nil {
			s.sequenced(ctx, f, e)
		}
		return
	case chat.SessionRevoked:
		for _, c := range s.hub.people.of(e.UserID) {
			if e.SessionID == "" && (e.Except == "" || c.Actor.SessionID != e.Except) || e.SessionID == c.Actor.SessionID && e.SessionID != "" {
				s.hub.revoke(c, e)
			}
		}
		return
	case chat.MemberJoined:
		s.hub.people.joinAll(e.Member.UserID, []chat.RoomID{e.Member.RoomID})
	case chat.RoomAdded:
		s.hub.people.joinAll(e.UserID, []chat.RoomID{e.Room.ID})
	case chat.RoomChanged:
		s.toMembers(ctx, e)
		return
	case chat.UserChanged:
		s.hub.toPeers(ctx, e)
		return
	case chat.EmojiAdded, chat.EmojiUpdated, chat.EmojiRemoved, chat.ServerChanged, chat.DirectoryChanged, chat.RolesChanged, chat.UserRolesChanged, chat.CommandsAdded, chat.CommandsRemoved:
		s.hub.toEveryone(ctx, e)
		return
	case chat.Addressed:
		s.toConn(ctx, e)
		return
	}
	scope := ev.Scope()
	switch {
	case scope.Room != 0:
		if f := s.feeds[scope.Room]; f != nil {
			s.fanOut(ctx, f, ev, 0)
		}
	case len(scope.Users) > 0:
		for _, u := range scope.Users {
			s.toUser(ctx, u, ev)
		}
	}
	switch e := ev.(type) { // after they were told
	case chat.MemberLeft:
		s.expel(e.RoomID, e.UserID)
	case chat.RoomDeleted:
		s.hub.people.forgetRoom(e.RoomID)
	}
}

// expel ends a former member's subscriptions of a room.
func (s *shard) expel(room chat.RoomID, user chat.UserID) {
	s.hub.people.leave(user, room)
	if f := s.feeds[room]; f != nil {
		for c := range f.subs {
			if c.Actor.UserID == user {
				c.forget(room)
				s.unsubscribe(room, c)
			}
		}
	}
}

// sequenced delivers a change of a message in its place: not twice, and not before what came earlier.
func (s *shard) sequenced(ctx context.Context, f *feed, ev chat.Sequenced) {
	seq := ev.State().ChangeSeq
	switch {
	case f.last == nothing: // those who are catching up read the past from the store
		s.fanOut(ctx, f, ev, seq)
	case seq <= f.last:
		s.hub.marks.given(s.hub.marks.take(ev))
	case seq == f.last+1:
		s.next(ctx, f, ev)
		for len(f.early) > 0 && f.early[0].State().ChangeSeq <= f.last+1 {
			ev, f.early = f.early[0], f.early[1:]
			if ev.State().ChangeSeq > f.last {
				s.next(ctx, f, ev)
			}
		}
		if len(f.early) == 0 && f.known <= f.last {
			delete(s.late, f)
		}
	default:
		s.hold(f, ev)
		if s.hub.GapPatience == 0 || len(f.early) > maxEarly {
			s.settle(ctx, f)
		} else {
			s.wait(f, s.hub.GapPatience)
		}
	}
}

// next delivers the change that follows.
func (s *shard) next(ctx context.Context, f *feed, ev chat.Sequenced) {
	f.last = ev.State().ChangeSeq
	s.fanOut(ctx, f, ev, f.last)
	if e, ok := ev.(chat.MessageCreated); ok && f.direct {
		for c := range f.subs {
			if c.Actor.UserID != e.Message.SenderID {
				s.hub.delivered.add(c.Actor.UserID, f.room, e.Message.Seq)
			}
		}
	}
}

// eventOf says what a message's state means to someone who knew the room up to since.
func eventOf(m *chat.Message, since chat.Seq) chat.Sequenced {
	switch {
	case m.Deleted:
		return chat.MessageDeleted{Message: m}
	case m.Seq > since:
		return chat.MessageCreated{Message: m}
	}
	return chat.MessageChanged{Message: m}
}

// asSeen is an event as it is for someone who has read the room up to a change. Where a gap is filled, a message is new to those
// who missed it together with a later change of it, but only changed for those who had read it meanwhile.
func asSeen(ev chat.Event, from chat.Seq) chat.Event {
	if e, ok := ev.(chat.MessageCreated); ok && e.Message.Seq <= from {
		return chat.MessageChanged{Message: e.Message}
	}
	return ev
}

// fanOut gives an event to the room's subscribers. seq is 0 for events without a place in the room's order.
func (s *shard) fanOut(ctx context.Context, f *feed, ev chat.Event, seq chat.Seq) {
	if f.live == nil {
		f.arrange()
	}
	asked := s.hub.marks.take(ev)
	defer s.hub.marks.given(asked)
	for d, all := range f.live {
		if len(all.conns) == 0 {
			continue
		}
		if len(asked.tail) > 0 && asked.conn.dialect == d {
			all = s.sendEcho(ctx, all, asked.conn, asked.tail, ev)
		}
		if personal := d.Personal(ev); len(personal) > 0 {
			all = s.sendPersonal(ctx, all, personal, ev)
		}
		if text := d.Encode(ctx, ev, ""); text != nil && len(all.conns) > 0 {
			s.sendAll(all, ws.NewFrame(text))
		}
	}
	if f.apart == 0 {
		return
	}
	for c, sub := range f.subs {
		switch {
		case c.socket != nil && !sub.catching && sub.from == 0: // had it above
		case sub.catching:
			if sub.held = append(sub.held, ev); len(sub.held) > maxHeld {
				s.hub.tooSlow(c)
				c.forget(f.room)
				s.unsubscribe(f.room, c)
			}
		case seq == 0 || seq > sub.from:
			var tail []byte
			if c == asked.conn {
				tail = asked.tail
			}
			s.sendOne(ctx, c, asSeen(ev, sub.read), tail...)
		}
		if !f.filling && !sub.catching && sub.from != 0 && seq >= sub.from { // level with the others from here on
			sub.from = 0
			f.live = nil
		}
	}
}

// sendPersonal gives those named a text of their own and returns the others.
func (s *shard) sendPersonal(ctx context.Context, all *audience, personal []chat.UserID, ev chat.Event) *audience {
	rest := &audience{}
	for i, c := range all.conns {
		if slices.Contains(personal, c.Actor.UserID) {
			s.sendOne(ctx, c, ev)
		} else {
			rest.conns = append(rest.conns, c)
			rest.sockets = append(rest.sockets, all.sockets[i])
		}
	}
	return rest
}

func (s *shard) sendAll(to *audience, frame *ws.Frame) {
	s.hub.stats.deliveries.Add(int64(len(to.sockets)))
	for _, socket := range s.hub.sockets.SendAll(to.sockets, frame) {
		s.hub.tooSlow(to.conns[slices.Index(to.sockets, socket)])
	}
}

// arrange groups the subscribers that can be served together.
func (f *feed) arrange() {
	f.live, f.apart = make(map[Dialect]*audience, 1), 0
	for c, sub := range f.subs {
		if c.socket == nil || sub.catching || sub.from != 0 {
			f.apart++
			continue
		}
		a := f.live[c.dialect]
		if a == nil {
			a = &audience{}
			f.live[c.dialect] = a
		}
		a.conns = append(a.conns, c)
		a.sockets = append(a.sockets, c.socket)
	}
}

func (s *shard) unsubscribe(room chat.RoomID, c *Conn) {
	f := s.feeds[room]
	if f == nil || f.subs[c] == nil {
		return
	}
	delete(f.subs, c)
	f.live = nil
	if len(f.subs) == 0 {
		s.forget(room)
	}
}

// forget ends a feed.
func (s *shard) forget(room chat.RoomID) {
	if f := s.feeds[room]; f != nil {
		delete(s.late, f)
		delete(s.feeds, room)
		s.hub.follow.remove(room)
	}
}

// toUser gives an event to all of a person's connections.
func (s *shard) toUser(ctx context.Context, user chat.UserID, ev chat.Event) {
	asked := s.hub.marks.take(ev)
	defer s.hub.marks.given(asked)
	var shared map[Dialect]*ws.Frame
	for _, c := range s.hub.people.of(user) {
		if c == asked.conn && len(asked.tail) > 0 {
			s.sendOne(ctx, c, ev, asked.tail...)
			continue
		}
		frame, made := shared[c.dialect]
		if !made {
			if text := c.dialect.Encode(ctx, ev, user); text != nil {
				frame = ws.NewFrame(text)
			}
			if shared == nil {
				shared = make(map[Dialect]*ws.Frame, 1)
			}
			shared[c.dialect] = frame
		}
		if frame != nil {
			s.hub.give(c, frame)
		}
	}
}

// personalMembers is up to how many online members a changed room is shown to each as they see it; beyond it, all get
// what is the same for all.
const personalMembers = 200

// toMembers gives a change of a room to its members who are online, subscribed or not.
func (s *shard) toMembers(ctx context.Context, ev chat.RoomChanged) {
	users := s.hub.people.in(ev.Room.ID)
	if len(users) <= personalMembers {
		for _, u := range users {
			s.toUser(ctx, u, ev)
		}
		return
	}
	s.hub.toUsers(ctx, users, ev)
}

// Join subscribes a connection to a room that its user may read. With since >= 0 the changes after it come first, then
// everything live: no hole, no double. Ready is called with the room's state before the first of them, and may send the
// answer. Joining again starts over. Fails like reading.
func (h *Hub) Join(ctx context.Context, c *Conn, room chat.RoomID, since chat.Seq, ready func(view chat.RoomView)) error {
	settings, err := h.core.Readable(ctx, c.Actor, room)
	if err != nil {
		return err
	}
	if !c.remember(room) {
		return nil // closed meanwhile
	}
	entry := &sub{conn: c, catching: true}
	sh := h.roomShard(room)
	subscribed := make(chan chat.Seq, 1) // with what the feed has delivered before
	sh.post(h.ctx, work{do: func(s *shard) {
		subscribed <- s.subscribe(room, settings.Type == chat.Direct, entry)
	}})
	var told chat.Seq
	select {
	case told = <-subscribed:
	case <-h.ctx.Done():
		return errStopping
	}
	from, err := h.catchUp(ctx, c, room, since, told, ready)
	if err != nil {
		h.Leave(c, room)
		return err
	}
	sh.post(h.ctx, work{do: func(s *shard) { s.goLive(h.ctx, room, entry, from) }})
	return nil
}

// maxCatchUp bounds how many changes one join sends; whoever missed more reads the history anew.
const maxCatchUp = 10 * core.MaxChanges

// catchUp sends what the connection missed and returns up to where it is current: no less than since and than what the feed had
// told when the subscription began to hold events. So what is committed meanwhile is either in what it reads or held.
func (h *Hub) catchUp(ctx context.Context, c *Conn, room chat.RoomID, since, told chat.Seq, ready func(chat.RoomView)) (chat.Seq, error) {
	view, err := h.core.Room(ctx, c.Actor, room)
	if err != nil {
		return 0, err
	}
	ready(view)
	if since < 0 {
		return view.Room.LastSeq, nil
	}
	for sent := 0; ; {
		ch, err := h.core.ChangesTo(ctx, c.Actor, room, since, told, 0)
		if err != nil {
			return 0, err
		}
		if sent > 0 && !h.drained(ctx, c) {
			return ch.LastSeq, nil
		}
		sent += len(ch.Messages)
		h.Send(c, c.dialect.EncodeChanges(ctx, room, ch, c.Actor.UserID))
		if !ch.Truncated || sent >= maxCatchUp {
			return ch.LastSeq, nil
		}
		since = ch.Messages[len(ch.Messages)-1].ChangeSeq
	}
}

// drained waits until a connection took what it was given, so that a long catching up does not count as being slow; false
// when it is gone.
func (h *Hub) drained(ctx context.Context, c *Conn) bool {
	if c.socket == nil {
		return true
	}
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for c.socket.Queued() > 0 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		case <-h.ctx.Done():
			return false
		}
		if c.gone() {
			return false
		}
	}
	return true
}

// goLive ends catching up: what was held and is news to the connection goes out, then it runs with the others.
func (s *shard) goLive(ctx context.Context, room chat.RoomID, entry *sub, from chat.Seq) {
	f := s.feeds[room]
	if f == nil || f.subs[entry.conn] != entry {
		return
	}
	if entry.conn.gone() {
		s.unsubscribe(room, entry.conn)
		return
	}
	held := entry.held
	entry.held, entry.catching = nil, false
	f.live = nil
	top := from
	for _, ev := range held {
		e, ok := ev.(chat.Sequenced)
		if !ok {
			s.sendOne(ctx, entry.conn, ev)
			continue
		}
		seq := e.State().ChangeSeq
		if seq > top+1 && f.last == nothing { // nobody else has seen to it that they came in order
			var err error
			if top, err = s.changes(ctx, f, top, seq-1, top, func(ev chat.Sequenced) { s.sendOne(ctx, entry.conn, ev) }); err != nil {
				break // from here on by the feed, which tries again
			}
		}
		if seq > top {
			s.sendOne(ctx, entry.conn, asSeen(ev, from))
			top = seq
		}
	}
	for _, ev := range held {
		if e, ok := ev.(chat.Sequenced); ok {
			f.known = max(f.known, e.State().ChangeSeq)
		}
	}
	switch {
	case f.last == nothing:
		f.last = top // the first live one: the feed begins here
		if f.known > top {
			s.settle(ctx, f)
		}
	case f.last < top:
		entry.from, entry.read = top, from // the others get there by their own events
	}
}

// sendOne gives an event to one connection, with a tail for the one that asked for it.
func (s *shard) sendOne(ctx context.Context, c *Conn, ev chat.Event, tail ...byte) {
	viewer := chat.UserID("")
	if slices.Contains(c.dialect.Personal(ev), c.Actor.UserID) {
		viewer = c.Actor.UserID
	}
	s.hub.Send(c, withTail(c.dialect.Encode(ctx, ev, viewer), tail))
}

// Leave ends a connection's subscription of a room.
func (h *Hub) Leave(c *Conn, room chat.RoomID) {
	c.forget(room)
	h.roomShard(room).post(h.ctx, work{do: func(s *shard) { s.unsubscribe(room, c) }})
}

// remember notes a subscription for Detach; false if the connection is gone.
func (c *Conn) remember(room chat.RoomID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	if !slices.Contains(c.rooms, room) {
		c.rooms = append(c.rooms, room)
	}
	return true
}

// gone reports whether the connection was detached.
func (c *Conn) gone() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

func (c *Conn) forget(room chat.RoomID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.Index(c.rooms, room); i >= 0 {
		c.rooms = slices.Delete(c.rooms, i, i+1)
	}
}
