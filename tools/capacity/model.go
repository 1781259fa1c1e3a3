package main

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

// RoomSize is a class of rooms.
type RoomSize struct {
	Members float64
	Share   float64 // of all rooms; the shares are put in proportion to their sum
}

// Load is a community at its busiest hour.
type Load struct {
	Users   float64
	Online  float64 // share of the users that has a connection at the peak
	Devices float64 // connections of somebody who is online

	Rooms float64
	Sizes []RoomSize
	// Talk says how much more is said in bigger rooms: messages of a room grow with its members to this power. 1: everybody
	// says as much wherever they are; 0: all rooms are equally busy.
	Talk float64

	Daily   float64 // messages of one user on an average day, over all users
	Peak    float64 // how many times the day's average the busiest minute has
	Events  float64 // further events for each message that everybody in the room hears and nobody stores: typing, above all
	Changes float64 // stored changes for each message: reactions, edits, read markers, people who join
	Reads   float64 // requests that an online user makes in an hour
	Comings float64 // how often somebody comes online or goes, in an hour, by those who are online
	Misses  float64 // share of the requests that ask the database

	Files    float64 // share of the messages with a file
	FileSize float64 // bytes
	Views    float64 // how many times a file is downloaded
}

func (l Load) check() error {
	var errs []error
	for _, v := range []struct {
		name     string
		value    float64
		min, max float64
	}{
		{"users", l.Users, 1, 1e11}, {"online", l.Online, 0, 1}, {"devices", l.Devices, 0, 100}, {"rooms", l.Rooms, 1, 1e12}, {"talk", l.Talk, 0, 2},
		{"daily", l.Daily, 0, 1e6}, {"peak", l.Peak, 1, 1e3}, {"events", l.Events, 0, 1e3}, {"changes", l.Changes, 0, 1e3}, {"reads", l.Reads, 0, 1e6}, {"comings", l.Comings, 0, 1e4},
		{"misses", l.Misses, 0, 1}, {"files", l.Files, 0, 1}, {"file-size", l.FileSize, 0, 1e12}, {"views", l.Views, 0, 1e6},
	} {
		if !(v.value >= v.min && v.value <= v.max) {
			errs = append(errs, fmt.Errorf("%s: must be between %g and %g, got %g", v.name, v.min, v.max, v.value))
		}
	}
	total := 0.0
	for _, s := range l.Sizes {
		if !(s.Members >= 1 && s.Members <= 1e9 && s.Share >= 0 && s.Share <= 1e9) {
			errs = append(errs, fmt.Errorf("sizes: %g:%g is no class of rooms", s.Members, s.Share))
		}
		total += s.Share
	}
	if !(total > 0) {
		errs = append(errs, errors.New("sizes: there is no room in any class"))
	}
	return errors.Join(errs...)
}

// Traffic is what a load amounts to, a second at the peak unless it says otherwise.
type Traffic struct {
	Online      float64 // people
	Connections float64
	Messages    float64
	Changes     float64
	Requests    float64
	Events      float64 // everything that a room is told: messages, changes and what is not stored
	Comings     float64 // people who come online or go
	Deliveries  float64
	Audience    float64 // connections that hear an average event of a room
	Seen        float64 // connections that hear that somebody came or went
	Hottest     float64 // deliveries of the busiest room alone
	Memberships float64 // of one user
	PerDay      float64 // messages in a day
}

// presenceAudience is how many may be online in a room at most for its people to be told who comes and goes.
const presenceAudience = 500

// Traffic computes it.
func (l Load) Traffic() Traffic {
	t := Traffic{Online: l.Users * l.Online, PerDay: l.Users * l.Daily}
	t.Connections = t.Online * l.Devices
	t.Messages = t.PerDay / 86400 * l.Peak
	t.Changes = t.Messages * l.Changes
	t.Requests = t.Online * l.Reads / 3600
	t.Comings = t.Online * l.Comings / 3600
	t.Events = t.Messages * (1 + l.Changes + l.Events)

	var shares, members, said, heard, met float64
	for _, s := range l.Sizes {
		weight := s.Share * math.Pow(s.Members, l.Talk)
		shares += s.Share
		members += s.Share * s.Members
		said += weight
		heard += weight * s.Members
		if s.Members*l.Online <= presenceAudience {
			met += s.Share * s.Members * s.Members
		}
	}
	listening := l.Online * l.Devices // connections for each member
	t.Memberships = members / shares * l.Rooms / l.Users
	t.Audience = heard / said * listening
	t.Seen = t.Memberships * met / members * listening
	t.Deliveries = t.Events*t.Audience + t.Comings*t.Seen
	for _, s := range l.Sizes {
		if s.Share > 0 {
			of := math.Pow(s.Members, l.Talk) / (said / shares * l.Rooms) // the share of all that is said in one such room
			t.Hottest = max(t.Hottest, t.Events*of*s.Members*listening)
		}
	}
	return t
}

// Need is what serves a load. Processors are counted as busy ones; how many machines that are is decided with Limits.Busy.
type Need struct {
	Traffic Traffic

	Nodes        int
	Enough       bool    // that many nodes can do it, see Plan
	NodeCores    float64 // busy, on each
	NodeMemory   float64 // bytes, on each
	NodePeople   float64 // of these, for knowing who is online anywhere
	NodeNetwork  float64 // bytes a second, on each
	NodeBus      float64 // busy cores on each for events of others
	Connections  float64 // on each
	RoomLoop     float64 // busy share of the loop that delivers the busiest room, on each
	ServerCores  float64 // all nodes together
	ClientsBytes float64 // bytes a second to all clients
	FileBytes    float64 // bytes a second of downloads, which come from the storage or a CDN

	Commits       float64 // transactions a second that store messages
	BatchSize     float64 // messages in one
	DatabaseCores float64
	DatabaseLog   float64 // bytes a second
	RowsPerDay    float64 // messages, and as many rows of the search index again
	BytesPerDay   float64 // in the database
	FilesPerDay   float64 // bytes in the storage

	RedisCores   float64
	RedisNetwork float64 // bytes a second
	RedisShards  int     // Redis servers that this takes, 0 for a single node

	Parts []Part // how far each part is used, most first
}

// Part is something that can be full.
type Part struct {
	Name string
	Used float64 // 1: full, with the reserve that Limits.Busy leaves
	Next string  // what to do when it is
}

// Bottleneck is the part that is full first.
func (n Need) Bottleneck() Part { return n.Parts[0] }

const mostNodes = 100_000

// Plan finds the least number of nodes for a load, and what the engines have to do for them, whether or not one of each can. A
// single node uses no Redis. Where no number of nodes is enough, because each hears everything, it is the number that would be
// if each heard only what concerns it, and Enough is false.
func Plan(l Load, c Costs, lim Limits) (Need, error) {
	if err := l.check(); err != nil {
		return Need{}, err
	}
	t := l.Traffic()
	fits := func(n int, hearing float64) bool {
		need := plan(l, t, c, lim, n)
		return need.NodeCores-(1-hearing)*need.NodeBus <= lim.NodeCores*lim.Busy && need.NodeMemory-(1-hearing)*need.NodePeople <= lim.NodeMemory*lim.Busy &&
			need.NodeNetwork <= lim.NodeNetwork*lim.Busy && need.Connections <= lim.NodeConnections
	}
	nodes, enough := least(func(n int) bool { return fits(n, 1) })
	if !enough {
		nodes, _ = least(func(n int) bool { return fits(n, 0) })
	}
	need := plan(l, t, c, lim, nodes)
	need.Enough = enough
	need.parts(lim)
	return need, nil
}

// least returns the least number that fits, or mostNodes. What a node has to do falls with their number until what all of them
// hear prevails, so there may be none.
func least(fits func(int) bool) (n int, ok bool) {
	if fits(1) {
		return 1, true
	}
	for last := 1; last < mostNodes; {
		next := min(last+max(1, last/16), mostNodes)
		if fits(next) {
			for n = last + 1; !fits(n); {
				n++
			}
			return n, true
		}
		last = next
	}
	return mostNodes, false
}

// fits reports whether the need can be met with one of each engine.
func (n Need) fits() bool { return n.Enough && n.Bottleneck().Used <= 1 }

// Headroom says how many times as many people and rooms of the same kind can be served before more nodes are no help, and
// which part is full then. Below 1 the load itself is too much.
func Headroom(l Load, c Costs, lim Limits) (times float64, full Part, err error) {
	grown := func(by float64) (Need, error) {
		more := l
		more.Users, more.Rooms = l.Users*by, l.Rooms*by
		return Plan(more, c, lim)
	}
	small, big := max(1/l.Users, 1/l.Rooms, 1e-6), min(1e11/l.Users, 1e12/l.Rooms)
	for range 50 {
		middle := math.Sqrt(small * big)
		need, err := grown(middle)
		if err != nil {
			return 0, Part{}, err
		}
		if need.fits() {
			small = middle
		} else {
			big, full = middle, need.Bottleneck()
		}
	}
	return small, full, nil
}

// plan is the need with so many nodes.
func plan(l Load, t Traffic, c Costs, lim Limits, nodes int) Need {
	n := float64(nodes)
	need := Need{Traffic: t, Nodes: nodes}

	// A committer stores what has gathered while its last commit ran.
	need.Commits = n * min(t.Messages/n, c.Committers/c.CommitWait)
	need.Commits = max(need.Commits, t.Messages/c.Batch)
	need.BatchSize = 1
	if need.Commits > 0 {
		need.BatchSize = t.Messages / need.Commits
	}

	// An event is encoded on each node that one of its listeners is connected to.
	spread := n * (1 - math.Pow(1-1/n, max(t.Audience, 1)))
	work := t.Messages*c.Message + need.Commits*c.Commit + t.Changes*c.Change + t.Requests*c.Request +
		t.Events*spread*c.Encode + t.Deliveries*c.Delivery + t.Connections*c.Ping/c.Heartbeat
	need.Connections = t.Connections / n
	need.NodeMemory = c.Base + need.Connections*c.Connection
	need.ClientsBytes = t.Deliveries*c.Frame + t.Requests*c.Page
	need.NodeNetwork = need.ClientsBytes / n

	if nodes > 1 {
		told := t.Events + t.Comings
		work += told * c.BusOut
		// While a lane publishes, what comes gathers: many events of a few nodes make few batches, few events of many nodes do not.
		batches := n*min(told/n, c.Lanes/c.LaneWait) + n*c.Lanes/c.Beat
		others := (n - 1) / n
		need.NodeBus = others * (batches*c.BusBatchIn + told*c.BusIn)
		need.NodePeople = t.Online * c.Person
		need.NodeMemory += need.NodePeople
		need.NodeNetwork += others * told * c.BusBytes

		saved := t.Online * c.SavedBytes / c.Beat * min(1, t.Comings/n*c.Beat)
		need.RedisCores = batches*(c.Publish+n*c.Fan) + (t.Events+t.Requests)*c.Operation
		need.RedisNetwork = told*c.BusBytes*n + saved
		need.RedisShards = max(1, int(math.Ceil(need.RedisCores/(lim.RedisCores*lim.Busy))), int(math.Ceil(need.RedisNetwork/(lim.RedisNetwork*lim.Busy))))
	}
	need.NodeCores = work/n + need.NodeBus
	need.ServerCores = need.NodeCores * n
	need.RoomLoop = t.Hottest / n * c.Joined

	need.DatabaseCores = need.Commits*c.DBCommit + t.Messages*c.DBRow + t.Changes*c.DBChange + t.Requests*l.Misses*c.DBQuery
	need.DatabaseLog = (t.Messages + t.Changes) * c.Log
	need.RowsPerDay = 2 * t.PerDay
	need.BytesPerDay = t.PerDay * c.Stored
	need.FilesPerDay = t.PerDay * l.Files * l.FileSize
	need.FileBytes = t.Messages * l.Files * l.FileSize * l.Views
	return need
}

// parts says how far each part is used that cannot be had more of by starting another node.
func (n *Need) parts(lim Limits) {
	full := func(used, of float64) float64 { return used / (of * lim.Busy) }
	const subscribe = "nodes that subscribe to the rooms they serve only, on sharded channels of a Redis cluster"
	const split = "rooms spread over several primaries: Citus or a PostgreSQL-compatible distributed database"
	n.Parts = []Part{
		{"PostgreSQL: processors of the primary", full(n.DatabaseCores, lim.DatabaseCores), "reads from standbys, then " + split},
		{"PostgreSQL: write-ahead log", full(n.DatabaseLog, lim.DatabaseLog), "faster disks, then " + split},
		{"nodes: delivering the busiest room", n.RoomLoop / lim.Busy, "slow mode there; more nodes share its listeners"},
	}
	if n.Nodes == 1 {
		n.Parts = append(n.Parts, Part{"the one node: processors", full(n.NodeCores, lim.NodeCores), "a second node"},
			Part{"the one node: connections", n.Connections / lim.NodeConnections, "a second node"},
			Part{"the one node: memory", full(n.NodeMemory, lim.NodeMemory), "a second node"},
			Part{"the one node: network", full(n.NodeNetwork, lim.NodeNetwork), "a second node"})
	} else {
		n.Parts = append(n.Parts, Part{"Redis: its one thread", full(n.RedisCores, lim.RedisCores), subscribe},
			Part{"Redis: network", full(n.RedisNetwork, lim.RedisNetwork), subscribe},
			Part{"nodes: every one hears every event", full(n.NodeBus, lim.NodeCores), subscribe},
			Part{"nodes: every one knows everybody who is online", full(n.NodePeople, lim.NodeMemory), subscribe})
	}
	slices.SortStableFunc(n.Parts, func(a, b Part) int { return cmp.Compare(b.Used, a.Used) })
}
