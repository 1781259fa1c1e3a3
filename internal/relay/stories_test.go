package relay_test

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"runtime"
	"strings"
	"testing"

	"parley/internal/bus/bustest"
	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/redistest"
)

// engines are what the stories are played on.
var engines = []struct {
	name string
	use  func(*cluster)
}{
	{"one process and a file", func(*cluster) {}},
	{"PostgreSQL and Redis", func(c *cluster) { onPostgres(c); onRedis(c) }},
}

// each plays a story on every kind of engine, with nodes to begin with.
func each(t *testing.T, nodes int, story func(t *testing.T, c *cluster), change ...func(*cluster)) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Cleanup(func() { leaks(t) }) // after the nodes have stopped
			story(t, newCluster(t, nodes, append([]func(*cluster){e.use}, change...)...))
		})
	}
}

// leaks fails if a goroutine of a node is left.
func leaks(t *testing.T) {
	until(t, "every goroutine of the nodes ends", func() bool {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		for _, owner := range []string{"internal/relay.(", "internal/hub.(", "internal/core.(", "internal/bus/"} {
			if strings.Contains(string(stacks), owner) {
				return false
			}
		}
		return true
	})
}

func TestEverybodySeesEverythingOnceAndInOrder(t *testing.T) {
	each(t, 3, func(_ *testing.T, c *cluster) {
		ada, bob, eve := c.person("ada"), c.person("bob"), c.person("eve")
		room := c.room(ada, bob, eve)
		a, b, e := c.nodes[0].connect("ada", room), c.nodes[1].connect("bob", room), c.nodes[2].connect("eve", room)
		elsewhere := c.nodes[1].connect("ada", room) // the author's own, on another node
		c.chatter(room, 40, a, b, e)
		c.agree(room, a, b, e, elsewhere)
	})
}

func TestABadBusLosesDoublesAndDisordersNothing(t *testing.T) {
	each(t, 3, func(t *testing.T, c *cluster) {
		ada, bob, eve := c.person("ada"), c.person("bob"), c.person("eve")
		room := c.room(ada, bob, eve)
		a, b, e := c.nodes[0].connect("ada", room), c.nodes[1].connect("bob", room), c.nodes[2].connect("eve", room)
		c.chatter(room, 40, a, b, e)
		c.agree(room, a, b, e)
		counts := c.nodes[0].bus.Counts()
		if counts.Dropped == 0 || counts.Doubled == 0 || counts.Reordered == 0 || counts.Delayed == 0 {
			t.Errorf("the bus was not bad enough: %+v", counts)
		}
	}, func(c *cluster) {
		c.faults = bustest.Faults{Seed: 1, Drop: 0.1, Double: 0.1, Reorder: 0.1, Delay: 0.1}
	})
}

func TestWhoJoinsWhileOthersTalkMissesNothing(t *testing.T) {
	each(t, 2, func(t *testing.T, c *cluster) {
		ada, bob := c.person("ada"), c.person("bob")
		room := c.room(ada, bob)
		a, b := c.nodes[0].connect("ada", room), c.nodes[1].connect("bob", room)
		done := make(chan struct{})
		go func() {
			defer close(done)
			c.chatter(room, 30, a, b)
		}()
		all := []*client{a, b}
		for i := 0; ; i++ {
			select {
			case <-done:
				c.agree(room, all...)
				return
			default:
				cl := c.nodes[i%2].connect("bob", room)
				if len(all) > 20 {
					cl.leave()
				} else {
					all = append(all, cl)
				}
			}
		}
	}, func(c *cluster) {
		c.faults = bustest.Faults{Seed: 2, Drop: 0.05, Double: 0.1, Reorder: 0.2, Delay: 0.1}
	})
}

func TestFilesThatTwoNodesShareStay(t *testing.T) {
	each(t, 2, func(t *testing.T, c *cluster) {
		ctx := t.Context()
		ada, bob := c.person("ada"), c.person("bob")
		room := c.room(ada, bob)
		for round := range 15 { // one deletes the last use of a file while the other uploads the same
			var picture bytes.Buffer
			c.must(png.Encode(&picture, image.NewGray(image.Rect(0, 0, 10+round, 10))))
			upload := func(n *node, by chat.Actor) chat.Attachment {
				a, err := n.UploadFile(ctx, by, core.Upload{Filename: "a.png", MIMEType: "image/png", Body: bytes.NewReader(picture.Bytes())})
				c.must(err)
				return a
			}
			first := upload(c.nodes[0], ada)
			m, _, err := c.nodes[0].SendMessage(ctx, ada, core.NewMessage{RoomID: room, Attachments: []string{first.Key}})
			c.must(err)
			deleted := make(chan error)
			go func() {
				_, err := c.nodes[0].DeleteMessage(ctx, ada, m.ID)
				deleted <- err
			}()
			second := upload(c.nodes[1], bob)
			c.must(<-deleted)
			file, err := c.nodes[1].OpenAttachment(ctx, bob, second.Key, false)
			if err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			c.must(file.Body.Close())
		}
	})
}

func TestTheLastWordIsHeardAlthoughItWasLost(t *testing.T) {
	each(t, 2, func(_ *testing.T, c *cluster) {
		ada, bob := c.person("ada"), c.person("bob")
		room := c.room(ada, bob)
		a, b := c.nodes[0].connect("ada", room), c.nodes[1].connect("bob", room)
		a.say(room, "heard")
		c.agree(room, a, b)
		c.nodes[1].bus.SetFaults(bustest.Faults{Drop: 1})
		a.say(room, "not heard")
		published := c.nodes[0].relay.Stats().Events
		until(c.t, "it is published", func() bool {
			return c.nodes[0].relay.Stats().Events > published-1 && c.nodes[1].bus.Counts().Dropped > 0
		})
		c.nodes[1].bus.SetFaults(bustest.Faults{})
		c.agree(room, a, b)
	})
}

func TestABanHoldsOnTheOtherNodeAsSoonAsItIsHeard(t *testing.T) {
	each(t, 2, func(t *testing.T, c *cluster) {
		ctx := t.Context()
		ada, bob, eve := c.person("ada"), c.person("bob"), c.person("eve")
		room := c.room(ada, bob, eve)
		here, there := c.nodes[0], c.nodes[1]
		b, e := there.connect("bob", room), there.connect("eve", room)
		b.say(room, "I may") // fills the caches
		e.say(room, "I may, too")

		_, err := here.Sanction(ctx, chat.Operator, core.Measure{Kind: chat.Ban, RoomID: room, UserID: bob.UserID, Reason: "noise"})
		c.must(err)
		until(t, "bob is told that he may not read", func() bool { return len(b.got("resync")) > 0 || len(b.got("RoomRemoved")) > 0 })
		if _, _, err := there.SendMessage(ctx, bob, core.NewMessage{RoomID: room, Content: "still here"}); err == nil {
			t.Error("banned from the room on one node, he writes on the other")
		}

		_, err = here.Sanction(ctx, chat.Operator, core.Measure{Kind: chat.Ban, UserID: eve.UserID, Reason: "noise"})
		c.must(err)
		until(t, "eve's connection is closed", e.isClosed)
		if _, err := there.Authenticate(ctx, c.tokens["eve"], ""); chat.CodeOf(err) != "banned" {
			t.Errorf("banned from the server on one node, she logs in on the other: %v", err)
		}
	})
}

func TestNoRightOutlivesAnOutage(t *testing.T) {
	each(t, 2, func(t *testing.T, c *cluster) {
		ctx := t.Context()
		ada, bob, eve := c.person("ada"), c.person("bob"), c.person("eve")
		room := c.room(ada, bob, eve)
		here, there := c.nodes[0], c.nodes[1]
		a, b, e := here.connect("ada", room), there.connect("bob", room), there.connect("eve", room)
		b.say(room, "I may")
		e.say(room, "I may, too")
		c.agree(room, a, b, e)

		there.bus.Cut()
		until(t, "the node notices", func() bool { return !there.relay.Up() })
		_, err := here.Sanction(ctx, chat.Operator, core.Measure{Kind: chat.Ban, RoomID: room, UserID: bob.UserID, Reason: "noise"})
		c.must(err)
		_, err = here.Sanction(ctx, chat.Operator, core.Measure{Kind: chat.Ban, UserID: eve.UserID, Reason: "noise"})
		c.must(err)
		until(t, "bob may not write on the node that is cut off", func() bool {
			_, _, err := there.SendMessage(ctx, bob, core.NewMessage{RoomID: room, Content: "still here"})
			return err != nil
		})
		until(t, "eve may not log in there", func() bool {
			_, err := there.Authenticate(ctx, c.tokens["eve"], "")
			return chat.CodeOf(err) == "banned"
		})
		until(t, "the subscription ends there", func() bool { return len(b.got("resync")) > 0 })
		until(t, "the connection is closed there", e.isClosed)

		a.say(room, "while you were away")
		dora := c.person("dora")
		_, err = here.Join(ctx, dora, room)
		c.must(err)
		d := there.connect("dora", room)
		there.bus.Heal()
		until(t, "everybody is told to read anew", func() bool {
			for _, f := range d.got("resync") {
				if f.Room == 0 {
					return true
				}
			}
			return false
		})
		a.say(room, "welcome back")
		c.agree(room, a, d)
	})
}

func TestWhatANodeDoesThatIsCutOffHoldsOnTheOthers(t *testing.T) {
	each(t, 2, func(t *testing.T, c *cluster) {
		ctx := t.Context()
		ada, bob, eve := c.person("ada"), c.person("bob"), c.person("eve")
		room := c.room(ada, bob, eve)
		whole, alone := c.nodes[0], c.nodes[1]
		a, b, e := whole.connect("ada", room), whole.connect("bob", room), whole.connect("eve", room)
		b.say(room, "I may")
		e.say(room, "I may, too")
		alone.bus.Cut()
		until(t, "the node notices", func() bool { return !alone.relay.Up() })
		_, err := alone.Sanction(ctx, chat.Operator, core.Measure{Kind: chat.Ban, RoomID: room, UserID: bob.UserID})
		c.must(err)
		_, err = alone.Sanction(ctx, chat.Operator, core.Measure{Kind: chat.Ban, UserID: eve.UserID})
		c.must(err)
		until(t, "bob's subscription ends on the node that is not cut off", func() bool { return len(b.got("resync")) > 0 })
		until(t, "eve's connection is closed there", e.isClosed)
		if _, _, err := whole.SendMessage(ctx, bob, core.NewMessage{RoomID: room, Content: "still here"}); err == nil {
			t.Error("bob may still write there")
		}
		cut := alone.connect("ada", room)
		cut.say(room, "stored, and told by the store alone")
		c.agree(room, a, cut)
		alone.bus.Heal()
		c.agree(room, a, cut)
	})
}

func TestMessagesArriveDuringAnOutage(t *testing.T) {
	each(t, 2, func(t *testing.T, c *cluster) {
		ada, bob := c.person("ada"), c.person("bob")
		room := c.room(ada, bob)
		a, b := c.nodes[0].connect("ada", room), c.nodes[1].connect("bob", room)
		c.nodes[1].bus.Cut()
		until(t, "the node notices", func() bool { return !c.nodes[1].relay.Up() })
		a.say(room, "can you hear me?")
		c.agree(room, a, b)
		b.say(room, "yes")
		c.nodes[1].bus.Heal()
		c.agree(room, a, b)
	})
}

func TestPresenceAgrees(t *testing.T) {
	each(t, 3, func(t *testing.T, c *cluster) {
		ada, bob, eve := c.person("ada"), c.person("bob"), c.person("eve")
		room := c.room(ada, bob, eve)
		one, two, three := c.nodes[0], c.nodes[1], c.nodes[2]
		watcher := one.connect("ada", room)
		everywhere := func(user chat.UserID, present bool, on ...*node) {
			t.Helper()
			for i, n := range on {
				until(t, fmt.Sprintf("node %d of those asked says that presence is %v", i, present), func() bool { return n.Present(user) == present })
			}
		}
		sees := func(status chat.Status) {
			t.Helper()
			until(t, "ada is shown bob as "+string(status), func() bool {
				all := watcher.got("PresenceChanged")
				for i := len(all) - 1; i >= 0; i-- {
					if all[i].User == bob.UserID {
						return all[i].Status == status
					}
				}
				return false
			})
		}
		b2 := two.connect("bob")
		everywhere(bob.UserID, true, one, two, three)
		sees(chat.Online)
		b3 := three.connect("bob")
		b2.leave()
		everywhere(bob.UserID, true, one, two, three) // still on the third
		if _, err := three.SetStatus(t.Context(), bob, chat.Busy, nil); err != nil {
			t.Fatal(err)
		}
		sees(chat.Busy)

		four := c.add() // one that did not hear him come
		everywhere(bob.UserID, true, four)
		everywhere(ada.UserID, true, four)
		until(t, "the new node counts everybody", func() bool { return four.Online() == 2 })

		attended := func(want bool) {
			t.Helper()
			for i, n := range []*node{one, two, three, four} {
				until(t, fmt.Sprintf("node %d says that bob looking is %v", i, want), func() bool { return n.Attended(bob.UserID) == want })
			}
		}
		attended(true)
		three.SetIdle(bob, true)
		attended(false)
		five := c.add() // one that did not hear that he looks away
		until(t, "the newest node knows that bob is there and does not look", func() bool { return five.Present(bob.UserID) && !five.Attended(bob.UserID) })
		b2 = two.connect("bob")
		attended(true)
		b2.leave()
		attended(false)
		everywhere(bob.UserID, true, one, two, three, four, five)
		three.SetIdle(bob, false)
		attended(true)

		b3.leave()
		everywhere(bob.UserID, false, one, two, three, four)
		sees(chat.Offline)
		three.connect("eve")
		everywhere(eve.UserID, true, one, two, four)
		three.bus.Cut() // as if it were dead
		everywhere(eve.UserID, false, one, two, four)
		if !three.Present(eve.UserID) || !three.Present(ada.UserID) {
			t.Error("the node that is cut off does not know who is there")
		}
		three.bus.Heal()
		everywhere(eve.UserID, true, one, two, four)
		three.stop()
		everywhere(eve.UserID, false, one, two, four)
		everywhere(ada.UserID, true, one, two, four)
	})
}

func TestPresenceHealsAfterABadBus(t *testing.T) {
	each(t, 3, func(t *testing.T, c *cluster) {
		var people []chat.Actor
		for i := range 12 {
			people = append(people, c.person(fmt.Sprintf("person%d", i)))
		}
		room := c.room(people...)
		for _, n := range c.nodes {
			n.bus.SetFaults(bustest.Faults{Drop: 0.2, Double: 0.1, Reorder: 0.2, Delay: 0.2})
		}
		stays := make(map[chat.UserID]bool)
		for i, p := range people {
			cl := c.nodes[i%3].connect(fmt.Sprintf("person%d", i), room)
			again := c.nodes[(i+1)%3].connect(fmt.Sprintf("person%d", i), room)
			again.leave()
			if i%2 == 0 {
				cl.leave()
			} else {
				stays[p.UserID] = true
			}
		}
		for _, n := range c.nodes {
			n.bus.SetFaults(bustest.Faults{})
			n.bus.Flush()
		}
		for i, n := range c.nodes {
			until(t, fmt.Sprintf("node %d knows who is there", i), func() bool {
				for _, p := range people {
					if n.Present(p.UserID) != stays[p.UserID] {
						return false
					}
				}
				return n.Online() == len(stays)
			})
		}
	})
}

func TestProfilesAndRoomsAreShownAsTheyAre(t *testing.T) {
	each(t, 2, func(t *testing.T, c *cluster) {
		ctx := t.Context()
		ada, bob := c.person("ada"), c.person("bob")
		room := c.room(ada, bob)
		a, b := c.nodes[0].connect("ada", room), c.nodes[1].connect("bob", room)
		until(t, "the nodes know of each other's people", func() bool { return c.nodes[0].Present(bob.UserID) && c.nodes[1].Present(ada.UserID) })
		name := "Ada the First"
		_, err := c.nodes[0].UpdateProfile(ctx, ada, core.Profile{DisplayName: &name})
		c.must(err)
		until(t, "bob is shown the name", func() bool {
			list := b.got("UserChanged")
			return len(list) > 0 && list[len(list)-1].Content == name
		})
		if u, err := c.nodes[1].User(ctx, bob, ada.UserID); err != nil || u.DisplayName != name {
			t.Errorf("the other node answers %v, %v", u, err)
		}
		v, err := c.nodes[1].CreateRoom(ctx, bob, core.NewRoom{Name: "Private", Type: chat.Private})
		c.must(err)
		if _, err := c.nodes[1].AddMember(ctx, chat.Operator, v.Room.ID, ada.UserID, chat.RoomMember); err != nil {
			t.Fatal(err)
		}
		until(t, "ada is told of her new room", func() bool { return len(a.got("RoomAdded")) > 0 })
		topic := "news"
		_, err = c.nodes[1].UpdateRoom(ctx, bob, v.Room.ID, core.RoomChange{Topic: &topic})
		c.must(err)
		until(t, "ada is told of the change", func() bool { return len(a.got("RoomChanged")) > 0 })
		if got, err := c.nodes[0].Room(ctx, ada, v.Room.ID); err != nil || got.Room.Topic != topic {
			t.Errorf("her node answers %v, %v", got.Room, err)
		}
	})
}

func TestANodeThatDiedUntoldIsMadeUpFor(t *testing.T) {
	each(t, 2, func(t *testing.T, c *cluster) {
		ada, bob := c.person("ada"), c.person("bob")
		room := c.room(ada, bob)
		dies, lives := c.nodes[1], c.nodes[0]
		b, a := dies.connect("bob", room), lives.connect("ada", room)
		b.say(room, "heard")
		c.agree(room, a, b)
		dies.bus.Cut() // what it commits from here on is never told
		b.say(room, "stored and not told")
		dies.stop()
		c.agree(room, a)
		until(t, "its people are gone", func() bool { return !lives.Present(bob.UserID) })
	})
}

func TestRedisRestartedAndFlushedUnderLoad(t *testing.T) {
	t.Cleanup(func() { leaks(t) })
	engine := redistest.Private(t)
	c := newCluster(t, 2, onPostgres, func(c *cluster) { c.redis = engine.URL(t) })
	ada, bob := c.person("ada"), c.person("bob")
	room := c.room(ada, bob)
	a, b := c.nodes[0].connect("ada", room), c.nodes[1].connect("bob", room)
	for i, fault := range []func(){func() { engine.Restart(t) }, func() { engine.Flush(t) }, func() { engine.Kill(t) }, func() { engine.Restart(t) }} {
		done := make(chan struct{})
		go func() {
			defer close(done)
			c.chatter(room, 20, a, b)
		}()
		fault()
		<-done
		c.agree(room, a, b)
		t.Logf("after fault %d: %+v", i, c.nodes[0].relay.Stats())
	}
	for _, n := range c.nodes {
		until(t, "the bus is back", n.relay.Up)
		until(t, "presence is whole", func() bool { return n.Present(ada.UserID) && n.Present(bob.UserID) && n.Online() == 2 })
	}
	c.add()
	until(t, "a new node knows who is there", func() bool { return c.nodes[2].Online() == 2 })
}

func TestANodeStartsWithoutItsBus(t *testing.T) {
	t.Cleanup(func() { leaks(t) })
	engine := redistest.Private(t)
	c := newCluster(t, 1, func(c *cluster) { c.redis = engine.URL(t) })
	ada, bob := c.person("ada"), c.person("bob")
	room := c.room(ada, bob)
	a := c.nodes[0].connect("ada", room)
	engine.Kill(t)
	until(t, "the bus is away", func() bool { return !c.nodes[0].relay.Up() })
	two := c.add()
	if two.relay.Up() {
		t.Error("it believes to hear others")
	}
	b := two.connect("bob", room)
	b.say(room, "alone")
	engine.Restart(t)
	until(t, "both are back", func() bool { return two.relay.Up() && c.nodes[0].relay.Up() })
	a.say(room, "together")
	c.agree(room, a, b)
	until(t, "presence is whole", func() bool { return two.Online() == 2 && c.nodes[0].Online() == 2 })
}

func TestTooMuchToTellIsLookedUp(t *testing.T) {
	each(t, 2, func(t *testing.T, c *cluster) {
		ada, bob := c.person("ada"), c.person("bob")
		room := c.room(ada, bob)
		a, b := c.nodes[0].connect("ada", room), c.nodes[1].connect("bob", room)
		c.chatter(room, 60, a, b)
		c.agree(room, a, b)
		t.Logf("%d events did not fit", c.nodes[0].relay.Stats().Lost+c.nodes[1].relay.Stats().Lost)
	}, func(c *cluster) { c.queue = 1 })
}

func TestVoiceRoomsAndCommandsSpanTheNodes(t *testing.T) {
	each(t, 2, func(t *testing.T, c *cluster) {
		ada, bob := c.person("ada"), c.person("bob")
		_, err := c.nodes[0].SetRank(t.Context(), chat.Operator, ada.UserID, chat.RankOwner)
		c.must(err)
		room := c.room(ada, bob)
		v, err := c.nodes[0].CreateRoom(t.Context(), ada, core.NewRoom{Name: "Lounge", Type: chat.Public, Form: chat.Voice})
		c.must(err)
		lounge := v.Room.ID
		_, err = c.nodes[1].Join(t.Context(), bob, lounge)
		c.must(err)
		one, other := c.nodes[0].connect("ada", lounge), c.nodes[0].connect("ada", lounge)
		far := c.nodes[1].connect("bob", lounge)

		c.must(c.nodes[0].RegisterCommands(t.Context(), one.conn.Actor, []chat.Command{{Name: "roll"}}))
		until(t, "the other node hears of the command", func() bool { return len(far.got("CommandsAdded")) == 1 })
		_, err = c.nodes[1].CallCommand(t.Context(), far.conn.Actor, core.CommandRequest{RoomID: room, Name: "roll"})
		c.must(err)
		until(t, "the bot is called", func() bool { return len(one.got("CommandCalled")) == 1 })

		for n, cl := range map[*node]*client{c.nodes[0]: one, c.nodes[1]: far} {
			_, err := n.JoinVoice(t.Context(), cl.conn.Actor, core.VoiceEntry{RoomID: lounge, PeerID: "p", Media: chat.RelayedMedia})
			c.must(err)
		}
		until(t, "both hear of both", func() bool { return len(one.got("VoiceJoined")) == 2 && len(far.got("VoiceJoined")) == 2 })
		c.must(c.nodes[1].Signal(t.Context(), far.conn.Actor, ada.UserID, []byte(`{"sdp":""}`)))
		until(t, "the signal arrives", func() bool { return len(one.got("VoiceSignal")) == 1 })
		if len(other.got("VoiceSignal"))+len(other.got("CommandCalled")) > 0 {
			t.Error("what is for one connection came to another one of the same person")
		}

		_, err = c.nodes[1].Sanction(t.Context(), chat.Operator, core.Measure{Kind: chat.Ban, RoomID: lounge, UserID: bob.UserID}) // its node hears of it
		c.must(err)
		until(t, "who is banned is out", func() bool { return len(one.got("VoiceLeft")) == 1 })
		c.nodes[0].hub.Detach(one.conn)
		c.nodes[0].Disconnected(t.Context(), one.conn.Actor)
		until(t, "the bot's command is gone with it", func() bool { return len(far.got("CommandsRemoved")) == 1 })
		all, err := c.nodes[1].VoiceRooms(t.Context(), []chat.RoomID{lounge})
		if c.must(err); len(all) > 0 {
			t.Errorf("still there: %v", all)
		}
	})
}
