package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"parley/internal/pgtest"
)

// generous are limits that nobody reaches, but that are counted.
var generous = []string{"PARLEY_PUSH_ENABLED=false", "PARLEY_LIMITS_MESSAGES_PER_10S=1000", "PARLEY_LIMITS_REQUESTS_PER_MINUTE=100000",
	"PARLEY_LIMITS_SEARCH_PER_MINUTE=5", "PARLEY_LIMITS_CONNECTIONS_PER_USER=1000"}

// TestRedisRestartAndFlushUnderLoad loses Redis with everything in it, again and again, and has it hang, while people talk. They notice nothing:
// no message is lost or doubled, and nothing that they ask for is refused. Then presence, typing and limits are what they were.
func TestRedisRestartAndFlushUnderLoad(t *testing.T) {
	c := newCluster(t, 3, pgtest.Options{}, generous...)
	w := newCrowd(c, 90, 10, 3, 1500*time.Millisecond)
	w.strict = true
	w.begin()
	w.untilConnected(time.Minute)
	w.untilTold(100)
	c.redis.Kill(t)
	w.untilTold(100) // they talk on without it
	c.redis.Restart(t)
	w.untilTold(100)
	c.redis.Flush(t)
	w.untilTold(100)
	c.redis.Restart(t)
	w.untilTold(20)
	c.redis.Flush(t)
	c.redis.Restart(t)
	w.untilTold(50)
	c.redis.Pause(t)
	w.untilTold(50) // … nor when it hangs
	c.redis.Resume(t)
	w.untilTold(50)
	w.settle()
	w.check()
	c.checkTyping(w)
	c.checkLimit(w.talkers[0].Token)
	t.Log(w.summary())
}

// checkTyping expects that someone on one node sees someone type on another one.
func (c *cluster) checkTyping(w *crowd) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	typist := w.talkers[0]
	room := typist.rooms[0]
	from := c.dial(ctx, c.nodes[0], typist.Token, room)
	defer from.CloseNow()
	to := c.dial(ctx, c.nodes[2], c.owner.Token, room)
	defer to.CloseNow()
	if err := from.Write(ctx, websocket.MessageText, []byte(`{"type":"typing_start","room_id":"`+room+`"}`)); err != nil {
		c.t.Error(err)
		return
	}
	for {
		_, text, err := to.Read(ctx)
		if err != nil {
			c.t.Errorf("typing on node 1 was not seen on node 3: %v", err)
			return
		}
		var p struct {
			packet
			UserID string `json:"user_id"`
			Typing bool
		}
		if json.Unmarshal(text, &p) == nil && p.Type == "user_typing" && p.UserID == typist.ID && p.Typing {
			return
		}
	}
}

// dial connects to one node and joins a room.
func (c *cluster) dial(ctx context.Context, n *node, token, room string) *websocket.Conn {
	c.t.Helper()
	conn, _, err := websocket.Dial(ctx, "ws://"+n.addr+"/api/ws?token="+token, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	conn.SetReadLimit(16 << 20)
	if err := conn.Write(ctx, websocket.MessageText, []byte(`{"type":"join_room","ref":"j","room_id":"`+room+`"}`)); err != nil {
		c.t.Fatal(err)
	}
	for {
		_, text, err := conn.Read(ctx)
		if err != nil {
			c.t.Fatalf("%s: joining: %v", n.name, err)
		}
		var p packet
		if json.Unmarshal(text, &p) == nil && p.Ref == "j" {
			if p.Type != "ok" {
				c.t.Fatalf("%s: joining: %s", n.name, text)
			}
			return conn
		}
	}
}

// checkLimit expects that what someone asks for is counted together, whichever node they ask: five searches a minute.
func (c *cluster) checkLimit(token string) {
	c.t.Helper()
	allowed := 0
	for i := range 9 {
		status, code, err := call(c.t.Context(), c.http, c.nodes[i%3].addr, token, "GET", "/search?q=anything", nil, nil)
		switch {
		case err == nil && status == http.StatusOK:
			allowed++
		case err != nil || status != http.StatusTooManyRequests:
			c.t.Errorf("searching: status %d %s %v", status, code, err)
		}
	}
	if allowed != 5 {
		c.t.Errorf("%d searches were let through by three nodes, want 5", allowed)
	}
}

// TestDatabaseFailoverUnderLoad takes the database away for 20 seconds, as a failover does, while people talk. What they say
// meanwhile is answered "unavailable" or waits; what was acknowledged is there.
func TestDatabaseFailoverUnderLoad(t *testing.T) {
	c := newCluster(t, 2, pgtest.Options{Fsync: true}, free...)
	w := newCrowd(c, 60, 8, 3, 2*time.Second)
	w.begin()
	w.untilConnected(time.Minute)
	w.untilTold(100)
	if err := c.database.Kill(); err != nil {
		t.Fatal(err)
	}
	outage := time.NewTimer(20 * time.Second)
	defer outage.Stop()
	var refused atomic.Int64
	each(2*len(c.nodes), func(i int) {
		n, k := c.nodes[i%len(c.nodes)], w.talkers[i]
		began := time.Now()
		status, code, err := call(t.Context(), c.http, n.addr, k.Token, "POST", "/rooms/"+k.rooms[0]+"/messages", obj{"content": fmt.Sprintf("probe %d", i)}, nil)
		if err != nil || status != http.StatusServiceUnavailable || code != "unavailable" {
			t.Errorf("%s: sending without a database: status %d %s %v, want 503 unavailable", n.name, status, code, err)
			return
		}
		refused.Add(1)
		t.Logf("%s: sending without a database was answered 503 after %v", n.name, round(time.Since(began)))
	})
	<-outage.C
	if err := c.database.Start(); err != nil {
		t.Fatal(err)
	}
	back := time.Now()
	w.untilTold(1)
	t.Logf("the first message was acknowledged %v after the database was back", round(time.Since(back)))
	w.untilConnected(time.Minute)
	w.untilTold(100)
	w.settle()
	w.check()
	if w.unavailable.Load() == 0 {
		t.Error("no client noticed that the database was away")
	}
	t.Log(w.summary())
}
