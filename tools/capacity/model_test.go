package main

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
)

// plain is a load that can be computed in one's head: 100 people in one room, half of them online, one message a second.
func plain() Load {
	return Load{Users: 100, Online: 0.5, Devices: 1, Rooms: 1, Sizes: []RoomSize{{100, 1}}, Talk: 1, Daily: 864, Peak: 1}
}

func near(got, want float64) bool { return math.Abs(got-want) <= 1e-9*max(1, math.Abs(want)) }

func TestTrafficByHand(t *testing.T) {
	rows := []struct {
		name   string
		change func(*Load)
		want   map[string]float64
	}{
		{"one room", func(*Load) {}, map[string]float64{
			"messages": 1, "connections": 50, "audience": 50, "deliveries": 50, "events": 1, "hottest": 50, "memberships": 1, "day": 86400,
		}},
		{"everybody has two devices, and there are two further events for each message", func(l *Load) { l.Devices, l.Events = 2, 2 }, map[string]float64{
			"connections": 100, "audience": 100, "events": 3, "deliveries": 300,
		}},
		{"the busiest minute has four times the average", func(l *Load) { l.Peak = 4 }, map[string]float64{"messages": 4, "deliveries": 200, "day": 86400}},
		// Of 10 rooms 9 have 10 members and one has 1,000. If everybody says as much everywhere, 9·10 of 1,090 parts are said in small ones.
		{"two sizes, everybody speaks alike", func(l *Load) { l.Rooms, l.Sizes = 10, []RoomSize{{10, 9}, {1000, 1}} }, map[string]float64{
			"audience": (90*5 + 1000*500) / 1090.0, "hottest": 1000 / 1090.0 * 500, "memberships": 10.9,
		}},
		{"two sizes, all rooms alike", func(l *Load) { l.Rooms, l.Sizes, l.Talk = 10, []RoomSize{{10, 9}, {1000, 1}}, 0 }, map[string]float64{
			"audience": 0.9*5 + 0.1*500, "hottest": 0.1 * 500,
		}},
		{"nobody online", func(l *Load) { l.Online = 0 }, map[string]float64{"connections": 0, "deliveries": 0, "messages": 1}},
		{"people come and go", func(l *Load) { l.Comings = 72 }, map[string]float64{"comings": 1, "seen": 50, "deliveries": 100}},
		{"people come and go in a room too big to be told", func(l *Load) { l.Comings, l.Users, l.Sizes = 72, 2000, []RoomSize{{2000, 1}} }, map[string]float64{"comings": 20, "seen": 0}},
		{"requests", func(l *Load) { l.Reads = 72 }, map[string]float64{"requests": 1}},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			l := plain()
			r.change(&l)
			v := l.Traffic()
			got := map[string]float64{
				"messages": v.Messages, "connections": v.Connections, "audience": v.Audience, "deliveries": v.Deliveries, "events": v.Events, "hottest": v.Hottest,
				"memberships": v.Memberships, "day": v.PerDay, "comings": v.Comings, "seen": v.Seen, "requests": v.Requests,
			}
			for name, want := range r.want {
				if !near(got[name], want) {
					t.Errorf("%s: got %v, want %v", name, got[name], want)
				}
			}
		})
	}
}

// round are costs and limits with which needs can be computed in one's head.
func round() (Costs, Limits) {
	return Costs{
			Message: 0.01, Commit: 0.02, Change: 0.1, Request: 0.1, Encode: 0.01, Delivery: 0.001, Joined: 0.001, Ping: 0.3, Heartbeat: 30, Connection: 10, Person: 1, Base: 1000,
			Frame: 100, Page: 1000, Committers: 1, Batch: 10, BusOut: 0.01, BusBatchIn: 0.01, BusIn: 0.01, Lanes: 1, LaneWait: 1, Beat: 1, BusBytes: 10, SavedBytes: 1,
			DBCommit: 0.1, DBRow: 0.01, DBChange: 0.1, DBQuery: 0.1, CommitWait: 0.5, Stored: 1000, Log: 100, Publish: 0.001, Fan: 0.001, Operation: 0.001,
		}, Limits{
			NodeCores: 4, NodeMemory: 1e6, NodeNetwork: 1e6, NodeConnections: 1000, DatabaseCores: 4, DatabaseLog: 1e6, RedisCores: 1, RedisNetwork: 1e6, Busy: 0.5,
		}
}

func TestOneNodeByHand(t *testing.T) {
	c, lim := round()
	n, err := Plan(plain(), c, lim)
	if err != nil {
		t.Fatal(err)
	}
	for name, pair := range map[string][2]float64{
		"nodes": {float64(n.Nodes), 1},
		// a message 0.01, its commit 0.02, its encoding 0.01, 50 deliveries 0.05, and 50 pings of 0.3 every 30 s
		"cores":       {n.NodeCores, 0.01 + 0.02 + 0.01 + 0.05 + 0.5},
		"memory":      {n.NodeMemory, 1000 + 50*10},
		"to clients":  {n.ClientsBytes, 50 * 100},
		"commits":     {n.Commits, 1},
		"batch":       {n.BatchSize, 1},
		"database":    {n.DatabaseCores, 0.1 + 0.01},
		"log":         {n.DatabaseLog, 100},
		"rows":        {n.RowsPerDay, 2 * 86400},
		"bytes":       {n.BytesPerDay, 86400 * 1000},
		"redis":       {n.RedisCores + float64(n.RedisShards), 0},
		"room's loop": {n.RoomLoop, 50 * 0.001},
	} {
		if !near(pair[0], pair[1]) {
			t.Errorf("%s: got %v, want %v", name, pair[0], pair[1])
		}
	}
}

func TestCommitsGather(t *testing.T) {
	c, lim := round()
	for _, r := range []struct {
		name           string
		messages       float64
		commits, batch float64
	}{
		{"seldom: each has its own", 1, 1, 1},
		{"a commit takes half a second, so there are two in a second", 8, 2, 4},
		{"no commit takes more than ten", 50, 5, 10},
	} {
		l := plain()
		l.Daily = 864 * r.messages
		if n := plan(l, l.Traffic(), c, lim, 1); !near(n.Commits, r.commits) || !near(n.BatchSize, r.batch) {
			t.Errorf("%s: %v commits with %v", r.name, n.Commits, n.BatchSize)
		}
	}
}

func TestTwoNodesByHand(t *testing.T) {
	c, lim := round()
	l := plain()
	n := plan(l, l.Traffic(), c, lim, 2)
	// One event a second, told once: one batch and two beats of one lane. Redis takes in three batches, each for two nodes.
	batches := 1.0 + 2*1
	for name, pair := range map[string][2]float64{
		"heard on each": {n.NodeBus, 0.5 * (batches*0.01 + 1*0.01)},
		"redis":         {n.RedisCores, batches*(0.001+2*0.001) + 0.001},
		"redis network": {n.RedisNetwork, 1 * 10 * 2},
		"memory":        {n.NodeMemory, 1000 + 25*10 + 50},
		"shards":        {float64(n.RedisShards), 1},
	} {
		if !near(pair[0], pair[1]) {
			t.Errorf("%s: got %v, want %v", name, pair[0], pair[1])
		}
	}
}

func TestMoreOfAnythingNeedsNoLess(t *testing.T) {
	values := map[string]func(*Load) *float64{}
	for _, n := range numbers {
		switch n.name {
		case "rooms", "talk", "node-cores", "node-memory", "node-network", "node-connections", "database-cores", "busy":
			continue // more rooms of the same sizes make people be in more of them, which is another community
		}
		values[n.name] = func(l *Load) *float64 { return n.value(l, &Limits{}) }
	}
	for _, s := range scenarios {
		for name, value := range values {
			t.Run(s.name+" "+name, func(t *testing.T) {
				var last Need
				for _, times := range []float64{0.1, 0.3, 0.7, 1, 1.5, 3} {
					l := s.load
					*value(&l) *= times
					if l.Online > 1 || l.Misses > 1 || l.Files > 1 || l.Peak < 1 {
						continue
					}
					switch name {
					case "users":
						l.Rooms = max(1, l.Rooms*times) // the same people, more of them
					case "online":
						l.Comings = 0 // with more online, some rooms are too big to be told who comes and goes
					}
					n, err := Plan(l, Measured, Usual)
					if err != nil {
						t.Fatal(err)
					}
					for _, v := range []struct {
						name     string
						was, now float64
					}{
						{"deliveries", last.Traffic.Deliveries, n.Traffic.Deliveries}, {"nodes", float64(last.Nodes), float64(n.Nodes)}, {"cores of all nodes", last.ServerCores, n.ServerCores},
						{"database", last.DatabaseCores, n.DatabaseCores}, {"log", last.DatabaseLog, n.DatabaseLog}, {"bytes a day", last.BytesPerDay, n.BytesPerDay},
						{"redis", last.RedisCores, n.RedisCores}, {"files", last.FilesPerDay, n.FilesPerDay}, {"to clients", last.ClientsBytes, n.ClientsBytes},
					} {
						if v.now < v.was*(1-1e-9) {
							t.Errorf("×%v: %s fell from %v to %v", times, v.name, v.was, v.now)
						}
					}
					last = n
				}
			})
		}
	}
}

func TestNodesAreEnoughAndNotTooMany(t *testing.T) {
	for _, s := range scenarios {
		n, err := Plan(s.load, Measured, Usual)
		if err != nil {
			t.Fatal(err)
		}
		if !n.Enough {
			continue
		}
		over := func(n Need) bool {
			return n.NodeCores > Usual.NodeCores*Usual.Busy || n.Connections > Usual.NodeConnections || n.NodeMemory > Usual.NodeMemory*Usual.Busy || n.NodeNetwork > Usual.NodeNetwork*Usual.Busy
		}
		if over(n) {
			t.Errorf("%s: %d nodes are too few: %+v", s.name, n.Nodes, n)
		}
		if n.Nodes > 1 && !over(plan(s.load, n.Traffic, Measured, Usual, n.Nodes-1)) {
			t.Errorf("%s: %d nodes are one too many", s.name, n.Nodes)
		}
	}
}

func TestWhereNoNumberOfNodesIsEnough(t *testing.T) {
	s, err := scenarioOf("world")
	if err != nil {
		t.Fatal(err)
	}
	n, err := Plan(s.load, Measured, Usual)
	if err != nil {
		t.Fatal(err)
	}
	if n.Enough || n.Nodes < 100 || n.Nodes > 1000 {
		t.Errorf("enough %v, %d nodes", n.Enough, n.Nodes)
	}
	if n.fits() || n.Bottleneck().Used <= 1 || n.Bottleneck().Next == "" {
		t.Errorf("it fits, with %+v", n.Bottleneck())
	}
}

func TestHeadroom(t *testing.T) {
	for _, s := range scenarios {
		times, full, err := Headroom(s.load, Measured, Usual)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range []struct {
			by   float64
			want bool
		}{{times * 0.99, true}, {times * 1.01, false}} {
			l := s.load
			l.Users, l.Rooms = l.Users*r.by, l.Rooms*r.by
			n, err := Plan(l, Measured, Usual)
			if err != nil {
				t.Fatal(err)
			}
			if n.fits() != r.want {
				t.Errorf("%s: with %.3g times the people: fits %v, want %v; the bottleneck is said to be %s at %v", s.name, r.by, n.fits(), r.want, full.Name, times)
			}
		}
	}
}

func TestWhatIsRefused(t *testing.T) {
	for _, r := range []struct{ name, args, want string }{
		{"a scenario that is not there", "-scenario village", "there are town, campus"},
		{"more people online than there are", "-online 1.5", "online"},
		{"no people", "-users 0", "users"},
		{"a size that is none", "-sizes 50", "members:share"},
		{"rooms without members", "-sizes 0:1", "no class of rooms"},
		{"sizes with no room", "-sizes 5:0", "no room in any class"},
		{"not a number", "-users NaN -online 2", "online"},
		{"words", "city", "not a flag"},
	} {
		var out, problems strings.Builder
		if err := run(strings.Fields(r.args), &out, &problems); err == nil || !strings.Contains(err.Error(), r.want) {
			t.Errorf("%s: %v", r.name, err)
		}
	}
}

func TestReport(t *testing.T) {
	for _, args := range []string{"", "-scenario town", "-scenario city", "-scenario world", "-users 500 -rooms 5 -sizes 5:0.8,100:0.2", "-scenario city -node-cores 2 -busy 0.8"} {
		var out, problems strings.Builder
		if err := run(strings.Fields(args), &out, &problems); err != nil {
			t.Fatalf("%q: %v", args, err)
		}
		if bad := regexp.MustCompile(`NaN|Inf|%!|-[0-9]`).FindString(strings.ReplaceAll(out.String(), "1e-0", "")); bad != "" {
			t.Errorf("%q prints %s:\n%s", args, bad, out.String())
		}
	}
	var out, problems strings.Builder
	if err := run([]string{"-scenario", "city"}, &out, &problems); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"messages", "nodes", "commits", "Redis", "First bottleneck"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("nothing about %s:\n%s", want, out.String())
		}
	}
}

func TestNumbersAreShort(t *testing.T) {
	for _, r := range []struct {
		v    float64
		want string
	}{{0, "0"}, {1, "1"}, {999, "999"}, {999.9, "1k"}, {1234567, "1.23M"}, {0.0123456, "0.0123"}} {
		if got := short(r.v); got != r.want {
			t.Errorf("%v: %q, want %q", r.v, got, r.want)
		}
	}
	if got := bits(125e6); got != "1 Gbit/s" {
		t.Error(got)
	}
	if got := fmt.Sprint(bytes(2e12), formatSizes([]RoomSize{{5, 0.7}, {1e5, 1e-5}})); got != "2 TB5:0.7,100000:1e-05" {
		t.Error(got)
	}
}

func FuzzSizes(f *testing.F) {
	f.Add("5:0.7,50:0.25")
	f.Add("1e9:1e9")
	f.Add(":,:")
	f.Fuzz(func(t *testing.T, text string) {
		sizes, err := parseSizes(text)
		if err != nil {
			return
		}
		l := plain()
		l.Sizes = sizes
		n, err := Plan(l, Measured, Usual)
		if err == nil && (math.IsNaN(n.NodeCores) || n.NodeCores < 0) {
			t.Errorf("%q: %v", text, n.NodeCores)
		}
	})
}
