package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// banned is how a ban came to hold on one node, each counted from before it was asked for.
type banned struct {
	node             *node
	read, send, live time.Duration // requests are refused, sends are refused, the open connection has ended or was put out of the room
}

func (b banned) String() string {
	at := func(d time.Duration) string {
		if d == 0 {
			return "not yet"
		}
		return round(d).String()
	}
	return fmt.Sprintf("%s: requests %s, sends %s, connection %s", b.node.name, at(b.read), at(b.send), at(b.live))
}

func round(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

// slowest is when all of it held everywhere.
func slowest(all []banned) (d time.Duration) {
	for _, b := range all {
		d = max(d, b.read, b.send, b.live)
	}
	return round(d)
}

// victim is someone who is connected to every node, and asks and says something there all the time.
type victim struct {
	person
	c    *cluster
	name string
	room string
	on   []*node
	ctx  context.Context
	stop context.CancelFunc
	done sync.WaitGroup
	http *http.Client

	mu       sync.Mutex
	held     map[*node]*banned
	began    time.Time     // zero: not yet
	answered time.Duration // when the ban was
	ready    map[string]bool
	wrong    []string
	after    map[string]int // how often it was let in again after a refusal
}

// newVictim registers someone, and returns when all of it works on every node.
func (c *cluster) newVictim(name, room string, on ...*node) *victim {
	c.t.Helper()
	v := &victim{c: c, name: name, room: room, on: on, held: make(map[*node]*banned), ready: make(map[string]bool), after: make(map[string]int),
		http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}, Timeout: patience}}
	v.ctx, v.stop = context.WithCancel(context.Background())
	var login struct {
		Token string
		User  struct{ ID string }
	}
	c.on(on[0], "", "POST", "/auth/register", obj{"username": name, "password": "correct horse battery"}, &login)
	v.person = person{login.User.ID, login.Token}
	c.on(on[0], v.Token, "POST", "/rooms/"+room+"/join", obj{}, nil)
	for _, n := range on {
		v.held[n] = &banned{node: n}
		v.done.Go(func() { v.keepAsking(n, "read", "GET", "/rooms/"+room+"/messages?limit=1", nil) })
		v.done.Go(func() {
			v.keepAsking(n, "send", "POST", "/rooms/"+room+"/messages", obj{"content": name + " is still here"})
		})
		v.done.Go(func() { v.listen(n) })
	}
	c.victims = append(c.victims, v)
	c.t.Cleanup(v.end)
	c.until("the one to be banned is heard on every node", patience, func() string {
		v.mu.Lock()
		defer v.mu.Unlock()
		if len(v.ready) == 3*len(on) {
			return ""
		}
		return fmt.Sprint(v.ready, v.wrong)
	})
	return v
}

func (v *victim) end() {
	v.stop()
	v.done.Wait()
	v.http.CloseIdleConnections()
}

// keepAsking asks one node for one thing again and again, and notes when it is refused and whether it stays so.
func (v *victim) keepAsking(n *node, kind, method, path string, in any) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		status, code, err := call(v.ctx, v.http, n.addr, v.Token, method, path, in, nil)
		v.mu.Lock()
		held := map[string]*time.Duration{"read": &v.held[n].read, "send": &v.held[n].send}[kind]
		switch {
		case v.ctx.Err() != nil:
		case err != nil || status >= 500:
			v.wrong = append(v.wrong, fmt.Sprintf("%s: %s: status %d %s %v", n.name, method, status, code, err))
		case status < 300 && *held != 0:
			v.after[n.name+" "+kind]++
		case status < 300:
			v.ready[n.name+" "+kind] = true
		case v.began.IsZero():
			v.wrong = append(v.wrong, fmt.Sprintf("%s: %s: status %d %s before the ban", n.name, method, status, code))
		case *held == 0:
			*held = time.Since(v.began)
		}
		v.mu.Unlock()
		select {
		case <-tick.C:
		case <-v.ctx.Done():
			return
		}
	}
}

// listen keeps one connection open until it ends, or is told that the room is gone.
func (v *victim) listen(n *node) {
	note := func(format string, args ...any) {
		v.mu.Lock()
		defer v.mu.Unlock()
		if v.ctx.Err() != nil {
			return
		}
		if v.began.IsZero() {
			v.wrong = append(v.wrong, n.name+": "+fmt.Sprintf(format, args...))
		} else if v.held[n].live == 0 {
			v.held[n].live = time.Since(v.began)
		}
	}
	conn, _, err := websocket.Dial(v.ctx, "ws://"+n.addr+"/api/ws?token="+v.Token, nil)
	if err != nil {
		note("connecting: %v", err)
		return
	}
	defer conn.CloseNow()
	conn.SetReadLimit(16 << 20)
	if err := conn.Write(v.ctx, websocket.MessageText, []byte(`{"type":"join_room","ref":"j","room_id":"`+v.room+`"}`)); err != nil {
		note("joining: %v", err)
		return
	}
	for {
		_, text, err := conn.Read(v.ctx)
		if err != nil {
			note("the connection ended: %v", err)
			return
		}
		var p packet
		_ = json.Unmarshal(text, &p)
		switch {
		case p.Ref == "j" && p.Type == "ok":
			v.mu.Lock()
			v.ready[n.name+" live"] = true
			v.mu.Unlock()
		case p.Ref == "j", p.Type == "room_removed" && p.RoomID == v.room:
			note("%s %s", p.Type, p.Code)
		}
	}
}

// ask bans the victim through one node, from the whole server or from the room.
func (v *victim) ask(through *node, server bool) {
	c := v.c
	c.t.Helper()
	v.mu.Lock()
	v.began = time.Now()
	v.mu.Unlock()
	if server {
		c.on(through, c.owner.Token, "POST", "/admin/sanctions", obj{"kind": "ban", "user_id": v.ID, "reason": "spam"}, nil)
	} else {
		c.on(through, c.owner.Token, "POST", "/rooms/"+v.room+"/bans", obj{"user_id": v.ID}, nil)
	}
	v.mu.Lock()
	v.answered = time.Since(v.began)
	v.mu.Unlock()
}

// sofar is what is known of where the ban holds; 0 is not yet.
func (v *victim) sofar() (all []banned) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, n := range v.on {
		all = append(all, *v.held[n])
	}
	return all
}

// heldWithin expects that requests and sends have been refused on a node within a limit.
func (v *victim) heldWithin(what string, limit time.Duration, n *node) {
	v.c.t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	if b := v.held[n]; b.read == 0 || b.send == 0 || b.read > limit || b.send > limit {
		v.c.t.Errorf("the ban of %s did not hold for %s within %v: %v", v.name, what, limit, b)
	}
}

// wait waits until a ban that was made holds on all nodes.
func (v *victim) wait(limit time.Duration) []banned {
	c := v.c
	c.t.Helper()
	c.until("the ban of "+v.name+" holds on all nodes", limit, func() string {
		v.mu.Lock()
		defer v.mu.Unlock()
		var open []string
		for _, n := range v.on {
			if b := v.held[n]; b.read == 0 || b.send == 0 || b.live == 0 {
				open = append(open, b.String())
			}
		}
		return strings.Join(open, "; ")
	})
	return v.sofar()
}

// stays expects that nobody let the victim in again, and that no node lets it log in when it is banned from the server.
func (v *victim) stays(server bool) {
	c := v.c
	c.t.Helper()
	for _, n := range v.on {
		if !n.running() {
			continue
		}
		status, code, err := call(c.t.Context(), c.http, n.addr, "", "POST", "/auth/login", obj{"username": v.name, "password": "correct horse battery"}, nil)
		if want := map[bool]int{true: http.StatusForbidden, false: http.StatusOK}[server]; err != nil || status != want {
			c.t.Errorf("%s: %s logs in: status %d %s %v, want %d", n.name, v.name, status, code, err, want)
		}
		status, code, err = call(c.t.Context(), c.http, n.addr, v.Token, "POST", "/rooms/"+v.room+"/join", obj{}, nil)
		if err != nil || status != http.StatusForbidden && status != http.StatusUnauthorized {
			c.t.Errorf("%s: %s joins again: status %d %s %v", n.name, v.name, status, code, err)
		}
	}
	v.end()
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.after) > 0 {
		c.t.Errorf("%s was let in again after a refusal: %v", v.name, v.after)
	}
	if len(v.wrong) > 0 {
		c.t.Errorf("%s: %.1000q", v.name, v.wrong)
	}
}
