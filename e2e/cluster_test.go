package e2e

import (
	"fmt"
	"testing"
	"time"

	"parley/internal/pgtest"
)

// free are settings under which nobody is held back.
var free = append([]string{"PARLEY_PUSH_ENABLED=false"}, noLimits...)

// banLimit is within what a ban must hold everywhere on a machine that has other things to do, too. What it took is logged.
const banLimit = 5 * time.Second

// TestOneNode is the story of TestThreeNodes with nobody to disagree: what fails here is no fault of several nodes.
func TestOneNode(t *testing.T) {
	c := newCluster(t, 1, pgtest.Options{}, free...)
	w := newCrowd(c, 40, 5, 3, 500*time.Millisecond)
	w.begin()
	w.untilConnected(time.Minute)
	w.untilTold(200)
	c.nodes[0].crash()
	c.nodes[0].begin()
	w.untilTold(200)
	c.banEverywhere("a ban from the server", c.nodes[0], true, w.rooms[0], c.nodes[0])
	c.banEverywhere("a ban from a room", c.nodes[0], false, w.rooms[1], c.nodes[0])
	w.settle()
	w.check()
	t.Log(w.summary())
}

// TestThreeNodes has 300 people talk in 20 rooms over three nodes while one node is killed, another is cut off from Redis for
// ten seconds and a fourth comes. Everybody must see every message once and in order, bans must hold everywhere, and at the end
// all nodes must agree on everything.
func TestThreeNodes(t *testing.T) {
	c := newCluster(t, 3, pgtest.Options{Fsync: true}, free...)
	one, two, three := c.nodes[0], c.nodes[1], c.nodes[2]
	w := newCrowd(c, 300, 20, 4, 5*time.Second)
	for _, k := range w.talkers[10:15] {
		k.only = three.addr
	}
	w.begin()
	w.untilConnected(2 * time.Minute)
	w.untilTold(300)
	c.banEverywhere("a ban from the server, made on node 1", one, true, w.rooms[0], one, two, three)
	c.banEverywhere("a ban from a room, made on node 2", two, false, w.rooms[1], one, two, three)

	three.crash()
	for _, k := range w.talkers[10:15] { // they were on the node that was killed, and never come back
		k.going.Store(true)
	}
	w.untilConnected(time.Minute)
	w.untilTold(300)

	near := c.newVictim("banned_on_node_1", w.rooms[2], one, two)
	far := c.newVictim("banned_on_node_2", w.rooms[3], one, two)
	two.wire.cut()
	outage := time.NewTimer(10 * time.Second)
	defer outage.Stop()
	near.ask(one, true)
	far.ask(two, true)
	<-outage.C
	t.Logf("while node 2 was cut off from Redis for 10 s, a ban made on node 1 held: %v", near.sofar())
	t.Logf("… and one made on node 2: %v", far.sofar())
	near.heldWithin("requests and sends on the node that was cut off", 8*time.Second, two)
	near.heldWithin("everything on the node where it was made", banLimit, one)
	far.heldWithin("everything on the node where it was made", banLimit, two)
	two.wire.mend(t)
	t.Logf("after it was mended, all of it held: %v; %v", near.wait(patience), far.wait(patience))
	near.stays(true)
	far.stays(true)
	w.untilTold(200)

	four := c.node(binary)
	w.scatter()
	for _, k := range w.talkers[:10] {
		k.going.Store(true)
	}
	w.untilTold(400)
	if n := four.metric("chat_websockets_open"); n == 0 {
		t.Error("nobody came to the fourth node")
	} else {
		t.Logf("%v clients are connected to the fourth node", n)
	}
	c.banEverywhere("a ban from the server, made on node 4", four, true, w.rooms[4], one, two, four)
	w.settle()
	w.check()
	t.Log(w.summary())
}

// banEverywhere has someone who is on all of the nodes banned through one of them, and logs how long it took.
func (c *cluster) banEverywhere(what string, through *node, server bool, room string, on ...*node) {
	c.t.Helper()
	v := c.newVictim(fmt.Sprintf("victim%02d", len(c.victims)), room, on...)
	v.ask(through, server)
	held := v.wait(banLimit)
	c.t.Logf("%s was answered after %v and held everywhere within %v (%v)", what, round(v.answered), slowest(held), held)
	v.stays(server)
}
