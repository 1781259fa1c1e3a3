package e2e

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// settle ends the talk and waits until every client has seen the last change of each of its rooms, and all that was on its way.
func (w *crowd) settle() {
	w.t.Helper()
	w.untilConnected(time.Minute)
	w.hush()
	heads := make(map[string]int64)
	for _, room := range w.rooms {
		var r struct {
			LastSeq int64 `json:"last_seq"`
		}
		w.cluster.on(w.cluster.alive()[0], w.cluster.owner.Token, "GET", "/rooms/"+room, nil, &r)
		heads[room] = r.LastSeq
	}
	w.cluster.until("every client has seen the last change of its rooms", time.Minute, func() string {
		behind := 0
		first := ""
		for _, k := range w.talkers {
			if k.gone.Load() {
				continue
			}
			k.mu.Lock()
			for room, v := range k.views {
				if v.last < heads[room] {
					if behind++; first == "" {
						first = fmt.Sprintf("%s is at %d of %d in room %s", k.name, v.last, heads[room], room)
					}
				}
			}
			k.mu.Unlock()
		}
		if behind == 0 {
			return ""
		}
		return fmt.Sprintf("%d views are behind: %s; faults: %q", behind, first, w.faultsSoFar())
	})
	w.everybody("ping", func(ctx context.Context, k *talker) error { // what the server had for it before has come after this
		p, err := k.ask(ctx, obj{"type": "ping"})
		if err == nil && p.Type != "pong" {
			return fmt.Errorf("answered by %s %s", p.Type, p.Code)
		}
		return err
	})
}

// everybody lets each client that is there do one thing.
func (w *crowd) everybody(what string, do func(context.Context, *talker) error) {
	w.t.Helper()
	each(len(w.talkers), func(i int) {
		k := w.talkers[i]
		if k.gone.Load() {
			return
		}
		if err := do(w.ctx, k); err != nil {
			w.fault("%s: %s: %v; %s", k.name, what, err, k.state())
		}
	})
}

// check compares everything that the clients did and saw with what every node has, and the nodes with each other.
func (w *crowd) check() {
	t := w.t
	t.Helper()
	nodes := w.cluster.alive()
	truth := make(map[string][]post, len(w.rooms))
	for _, room := range w.rooms {
		truth[room] = w.history(nodes[0], room)
	}
	each(len(w.rooms)*(len(nodes)-1), func(i int) {
		room, n := w.rooms[i%len(w.rooms)], nodes[1+i/len(w.rooms)]
		if d := difference(index(w.history(n, room)), index(truth[room])); d != "" {
			t.Errorf("room %s: the history differs between %s and %s: %s", room, n.name, nodes[0].name, d)
		}
	})
	w.checkOrder(truth)
	for _, k := range w.talkers {
		if !k.gone.Load() {
			k.checkViews(truth)
		}
		k.checkSaid(truth)
	}
	w.checkUnread(nodes, truth)
	w.checkPresence(nodes)
	if n := w.cluster.deadlocks(); n > 0 {
		t.Errorf("the database had to break %d deadlocks, each of which held people up for a second", n)
	}
	for _, f := range w.faultsSoFar() {
		t.Error(f)
	}
	if w.faulty > maxFaults {
		t.Errorf("and %d more faults", w.faulty-maxFaults)
	}
}

// deadlocks is how many the database has broken.
func (c *cluster) deadlocks() (n int) {
	c.t.Helper()
	ctx := c.t.Context()
	conn, err := pgx.Connect(ctx, c.address)
	if err == nil {
		err = errors.Join(conn.QueryRow(ctx, `SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`).Scan(&n), conn.Close(ctx))
	}
	if err != nil {
		c.t.Error(err)
	}
	return n
}

// history reads a room from one node, page by page from its end.
func (w *crowd) history(n *node, room string) []post {
	var all []post
	for before := ""; ; {
		var page struct {
			Messages  []post
			HasBefore bool `json:"has_before"`
		}
		if status, code, err := call(w.ctx, w.cluster.http, n.addr, w.cluster.owner.Token, "GET", "/rooms/"+room+"/messages?limit=100"+before, nil, &page); err != nil || status != http.StatusOK {
			w.t.Errorf("%s: the history of room %s: status %d %s %v", n.name, room, status, code, err)
			return all
		}
		all = append(page.Messages, all...)
		if !page.HasBefore {
			return all
		}
		before = "&before=" + page.Messages[0].ID
	}
}

// checkOrder expects that every room's messages have their own ids and growing places.
func (w *crowd) checkOrder(truth map[string][]post) {
	for room, posts := range truth {
		var last post
		ids := make(map[string]bool, len(posts))
		contents := make(map[string]bool, len(posts))
		for _, m := range posts {
			if m.Seq <= last.Seq || ids[m.ID] {
				w.t.Errorf("room %s: message %s with seq %d comes after message %s with seq %d", room, m.ID, m.Seq, last.ID, last.Seq)
			}
			if contents[m.Content] && !m.Deleted && strings.HasPrefix(m.Content, "talker") {
				w.t.Errorf("room %s: %q is there twice", room, m.Content)
			}
			ids[m.ID], contents[m.Content], last = true, true, m
		}
	}
}

func index(posts []post) map[string]post {
	all := make(map[string]post, len(posts))
	for _, m := range posts {
		all[m.ID] = m
	}
	return all
}

// difference says how two sets of messages differ; "" if they do not.
func difference(got, want map[string]post) string {
	var parts []string
	for id, w := range want {
		g, ok := got[id]
		switch {
		case !ok:
			parts = append(parts, fmt.Sprintf("missing: %s seq %d change_seq %d %q", id, w.Seq, w.ChangeSeq, w.Content))
		case g.Seq != w.Seq || g.ChangeSeq != w.ChangeSeq || g.Deleted != w.Deleted || g.Content != w.Content && !w.Deleted:
			parts = append(parts, fmt.Sprintf("%s is seq %d change_seq %d deleted %v %q instead of seq %d change_seq %d deleted %v %q",
				id, g.Seq, g.ChangeSeq, g.Deleted, g.Content, w.Seq, w.ChangeSeq, w.Deleted, w.Content))
		}
	}
	for id, g := range got {
		if _, ok := want[id]; !ok {
			parts = append(parts, fmt.Sprintf("too much: %s seq %d %q", id, g.Seq, g.Content))
		}
	}
	slices.Sort(parts)
	if len(parts) > 5 {
		parts = append(parts[:5], fmt.Sprintf("and %d more", len(parts)-5))
	}
	return strings.Join(parts, "; ")
}

// checkViews expects that the client has exactly what is stored, each message in its last state.
func (k *talker) checkViews(truth map[string][]post) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for room, v := range k.views {
		if d := difference(v.known, index(truth[room])); d != "" {
			k.crowd.fault("%s: room %s: %s", k.name, room, d)
		}
	}
}

// checkSaid expects that what was acknowledged is stored under that id and place, in the order it was said, and what was given
// up at most once.
func (k *talker) checkSaid(truth map[string][]post) {
	k.mu.Lock()
	defer k.mu.Unlock()
	last := make(map[string]post)
	stored := make(map[string]map[string]post)
	for room := range k.views {
		stored[room] = index(truth[room])
	}
	for _, s := range k.said {
		if s.acked == nil {
			continue // there once at most: that is in the order of the room; and the same for everybody: that is in their views
		}
		m, ok := stored[s.room][s.acked.ID]
		switch {
		case !ok:
			k.crowd.fault("%s: %q was acknowledged as message %s, seq %d, and is not there", k.name, s.content, s.acked.ID, s.acked.Seq)
			continue
		case m.Seq != s.acked.Seq || m.Sender == nil || m.Sender.ID != k.ID || !m.Deleted && !strings.HasPrefix(m.Content, s.content):
			k.crowd.fault("%s: %q was acknowledged as message %s, seq %d; there is %+v", k.name, s.content, s.acked.ID, s.acked.Seq, m)
		case m.Seq <= last[s.room].Seq:
			k.crowd.fault("%s: %q has seq %d, what was said before it has %d", k.name, s.content, m.Seq, last[s.room].Seq)
		}
		last[s.room] = m
	}
}

// checkUnread lets everybody read up to somewhere, computes what is unread then, and expects that number from every node.
func (w *crowd) checkUnread(nodes []*node, truth map[string][]post) {
	type count struct{ unread, mentions, marker int64 }
	var mu sync.Mutex
	want := make(map[string]map[string]count) // by person and room
	w.everybody("reading", func(ctx context.Context, k *talker) error {
		mine := make(map[string]count)
		for _, room := range k.rooms {
			k.mu.Lock()
			from := k.views[room].readUpTo
			k.mu.Unlock()
			m, ok := k.someMessage(room, from)
			if !ok {
				continue
			}
			if p, err := k.ask(ctx, obj{"type": "read_message", "message_id": m.ID}); err != nil || p.Type != "ok" {
				return fmt.Errorf("message %s: %s %w", m.ID, p.Code, err)
			}
			n := count{marker: m.Seq}
			for _, m := range truth[room] {
				if m.Sender != nil && m.Sender.ID == k.ID { // who says something has read what was before
					n.marker = max(n.marker, m.Seq)
				}
			}
			for _, m := range truth[room] {
				if m.Seq > n.marker && m.Type != "system" { // what the server says by itself is not counted
					n.unread++
					if slices.Contains(m.Mentions, k.ID) {
						n.mentions++
					}
				}
			}
			mine[room] = n
		}
		mu.Lock()
		defer mu.Unlock()
		want[k.ID] = mine
		return nil
	})
	compared, total := 0, int64(0)
	each(len(w.talkers)*len(nodes), func(i int) {
		k, n := w.talkers[i/len(nodes)], nodes[i%len(nodes)]
		if k.gone.Load() {
			return
		}
		var answer struct {
			Rooms []struct {
				ID string
				Me struct {
					LastReadSeq  int64 `json:"last_read_seq"`
					UnreadCount  int64 `json:"unread_count"`
					MentionCount int64 `json:"mention_count"`
				}
			}
		}
		if status, code, err := call(w.ctx, w.cluster.http, n.addr, k.Token, "GET", "/rooms", nil, &answer); err != nil || status != http.StatusOK {
			w.fault("%s: the rooms of %s: status %d %s %v", n.name, k.name, status, code, err)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		for _, r := range answer.Rooms {
			expected, ok := want[k.ID][r.ID]
			if !ok {
				continue
			}
			if got := (count{r.Me.UnreadCount, r.Me.MentionCount, r.Me.LastReadSeq}); got != expected {
				w.fault("%s: %s in room %s: unread, mentions and marker are %v, want %v", n.name, k.name, r.ID, got, expected)
			}
			compared++
			total += r.Me.UnreadCount
		}
	})
	w.t.Logf("unread counts: %d compared on %d nodes, %d unread in all", compared, len(nodes), total)
	if compared == 0 {
		w.t.Error("no unread count was compared")
	}
}

// checkPresence expects every node to show as online exactly those who are connected.
func (w *crowd) checkPresence(nodes []*node) {
	want := make(map[string]string)
	for _, k := range w.talkers {
		want[k.ID] = map[bool]string{true: "online", false: "offline"}[k.present()]
	}
	began := time.Now()
	w.cluster.until("all nodes show who is connected", patience, func() string {
		for _, n := range nodes {
			got := w.statuses(n)
			for _, id := range slices.Sorted(maps.Keys(want)) {
				if got[id] != want[id] {
					return fmt.Sprintf("%s shows %s as %q instead of %q", n.name, w.nameOf(id), got[id], want[id])
				}
			}
		}
		return ""
	})
	open, present := 0.0, 0
	for _, n := range nodes {
		open += n.metric("chat_websockets_open")
	}
	for _, s := range want {
		if s == "online" {
			present++
		}
	}
	if int(open) != present {
		w.t.Errorf("the nodes have %v connections open, want those of %d people", open, present)
	}
	w.t.Logf("presence: %d nodes agree on %d people online and %d offline, after %v", len(nodes), present, len(want)-present, time.Since(began).Round(time.Millisecond))
}

func (w *crowd) nameOf(id string) string {
	for _, k := range w.talkers {
		if k.ID == id {
			return k.name
		}
	}
	return id
}

// statuses are what one node says about everybody in the lobby.
func (w *crowd) statuses(n *node) map[string]string {
	all := make(map[string]string)
	for cursor := ""; ; {
		var page struct {
			Members []struct {
				User struct{ ID, Status string }
			}
			Next *string `json:"next_cursor"`
		}
		w.cluster.on(n, w.cluster.owner.Token, "GET", "/rooms/"+w.cluster.lobby+"/members?limit=100"+cursor, nil, &page)
		for _, m := range page.Members {
			all[m.User.ID] = m.User.Status
		}
		if page.Next == nil || *page.Next == "" {
			return all
		}
		cursor = "&cursor=" + *page.Next
	}
}
