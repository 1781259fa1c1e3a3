package e2e

import (
	"testing"
	"time"

	"parley/internal/pgtest"
)

// free are settings under which nobody is held back.
var free = append([]string{"PARLEY_PUSH_ENABLED=false"}, noLimits...)

// TestOneNode is the story of TestThreeNodes with nobody to disagree: what fails here is no fault of several nodes.
func TestOneNode(t *testing.T) {
	c := newCluster(t, 1, pgtest.Options{}, free...)
	w := newCrowd(c, 40, 5, 3, 500*time.Millisecond)
	w.begin()
	w.untilConnected(time.Minute)
	w.untilTold(300)
	c.nodes[0].crash()
	c.nodes[0].begin()
	w.untilTold(300)
	n := c.nodes[0]
	v := c.newVictim("spammer", w.rooms[0], n)
	t.Logf("a ban from the server held after %v", slowest(v.ban(n, true, 5*time.Second)))
	v.stays(true)
	v = c.newVictim("heckler", w.rooms[1], n)
	t.Logf("a ban from a room held after %v", slowest(v.ban(n, false, 5*time.Second)))
	v.stays(false)
	w.settle()
	w.check()
	t.Log(w.summary())
}
