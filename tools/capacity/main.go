// Command capacity says what a community of a given size takes: nodes, Redis, the database, bandwidth and memory, and what is
// full first. It computes with what was measured (docs/scale.md), for the program as it is.
//
//	go run ./tools/capacity                         # all scenarios, side by side
//	go run ./tools/capacity -scenario city          # one in full
//	go run ./tools/capacity -users 50000 -online 0.2 -rooms 3000 -sizes 5:0.7,50:0.25,1000:0.05
//
// It is arithmetic and asks no server; measuring is the business of tools/bench.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "capacity:", err)
		}
		os.Exit(2)
	}
}

// number is a flag that changes one value of a load or of the limits.
type number struct {
	name, help string
	value      func(*Load, *Limits) *float64
}

var numbers = []number{
	{"users", "people with an account", func(l *Load, _ *Limits) *float64 { return &l.Users }},
	{"online", "share of them that is connected at the peak", func(l *Load, _ *Limits) *float64 { return &l.Online }},
	{"devices", "connections of somebody who is online", func(l *Load, _ *Limits) *float64 { return &l.Devices }},
	{"rooms", "rooms", func(l *Load, _ *Limits) *float64 { return &l.Rooms }},
	{"talk", "messages of a room grow with its members to this power", func(l *Load, _ *Limits) *float64 { return &l.Talk }},
	{"daily", "messages of a user in a day, over all users", func(l *Load, _ *Limits) *float64 { return &l.Daily }},
	{"peak", "messages a second at the peak by those of an average day", func(l *Load, _ *Limits) *float64 { return &l.Peak }},
	{"events", "events for each message that the room hears and nobody stores (typing)", func(l *Load, _ *Limits) *float64 { return &l.Events }},
	{"changes", "stored changes for each message (reactions, read markers, edits)", func(l *Load, _ *Limits) *float64 { return &l.Changes }},
	{"reads", "requests of an online user in an hour", func(l *Load, _ *Limits) *float64 { return &l.Reads }},
	{"comings", "how often in an hour somebody online comes or goes", func(l *Load, _ *Limits) *float64 { return &l.Comings }},
	{"misses", "share of the requests that ask the database", func(l *Load, _ *Limits) *float64 { return &l.Misses }},
	{"files", "share of the messages with a file", func(l *Load, _ *Limits) *float64 { return &l.Files }},
	{"file-size", "bytes of a file", func(l *Load, _ *Limits) *float64 { return &l.FileSize }},
	{"views", "downloads of a file", func(l *Load, _ *Limits) *float64 { return &l.Views }},
	{"node-cores", "processors of a node", func(_ *Load, m *Limits) *float64 { return &m.NodeCores }},
	{"node-memory", "bytes of memory of a node", func(_ *Load, m *Limits) *float64 { return &m.NodeMemory }},
	{"node-network", "bytes a second of a node", func(_ *Load, m *Limits) *float64 { return &m.NodeNetwork }},
	{"node-connections", "most connections of a node", func(_ *Load, m *Limits) *float64 { return &m.NodeConnections }},
	{"database-cores", "processors of the database server", func(_ *Load, m *Limits) *float64 { return &m.DatabaseCores }},
	{"busy", "share of everything that is used at the peak", func(_ *Load, m *Limits) *float64 { return &m.Busy }},
}

func run(args []string, out, problems io.Writer) error {
	flags := flag.NewFlagSet("capacity", flag.ContinueOnError)
	flags.SetOutput(problems)
	name := flags.String("scenario", "", "start from this named load, the first if none is given: "+names())
	sizes := flags.String("sizes", "", "rooms by size, as `members:share,…`")
	given := make(map[string]float64)
	for _, n := range numbers {
		flags.Func(n.name, n.help, func(text string) (err error) {
			given[n.name], err = strconv.ParseFloat(text, 64)
			return err
		})
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q is not a flag", flags.Arg(0))
	}
	if flags.NFlag() == 0 {
		return compare(out)
	}
	s := scenarios[0]
	if *name != "" {
		var err error
		if s, err = scenarioOf(*name); err != nil {
			return err
		}
	}
	load, limits := s.load, Usual
	for _, n := range numbers {
		if v, ok := given[n.name]; ok {
			*n.value(&load, &limits) = v
		}
	}
	if *sizes != "" {
		var err error
		if load.Sizes, err = parseSizes(*sizes); err != nil {
			return err
		}
	}
	need, err := Plan(load, Measured, limits)
	if err != nil {
		return err
	}
	return report(out, load, limits, need)
}

func names() string {
	var all []string
	for _, s := range scenarios {
		all = append(all, s.name)
	}
	return strings.Join(all, ", ")
}

// compare prints all scenarios side by side.
func compare(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "scenario\tusers\tonline\tmessages/s\tdeliveries/s\tnodes\tDB cores\tDB GB/day\tRedis\tto clients\tfirst bottleneck (at users)")
	for _, s := range scenarios {
		n, err := Plan(s.load, Measured, Usual)
		if err != nil {
			return err
		}
		times, full, err := Headroom(s.load, Measured, Usual)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s (%s)\n", s.name, short(s.load.Users), short(n.Traffic.Connections), short(n.Traffic.Messages), short(n.Traffic.Deliveries),
			nodes(n), short(n.DatabaseCores), short(n.BytesPerDay/1e9), redis(n), bits(n.ClientsBytes), full.Name, short(times*s.load.Users))
	}
	fmt.Fprintln(w, "\n(nodes): if each heard only what concerns it; as it is, no number is enough.\nEach with -scenario NAME in full; -help lists what can be changed.")
	return w.Flush()
}

func nodes(n Need) string {
	if !n.Enough {
		return fmt.Sprintf("(%d)", n.Nodes)
	}
	return fmt.Sprint(n.Nodes)
}

func redis(n Need) string {
	if n.RedisShards == 0 {
		return "none"
	}
	return fmt.Sprintf("%d", n.RedisShards)
}

// report prints one load in full.
func report(out io.Writer, l Load, lim Limits, n Need) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "  %s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	t := n.Traffic
	fmt.Fprintln(w, "At the peak")
	line("users, connections", "%s, %s", short(l.Users), short(t.Connections))
	line("rooms", "%s: %s; %s a user", short(l.Rooms), formatSizes(l.Sizes), short(t.Memberships))
	line("messages", "%s/s, %s a day", short(t.Messages), short(t.PerDay))
	line("heard by", "%s connections each; who comes and goes (%s/s) by %s; %s deliveries/s in all", short(t.Audience), short(t.Comings), short(t.Seen), short(t.Deliveries))
	line("requests, changes", "%s/s, %s/s", short(t.Requests), short(t.Changes))
	fmt.Fprintf(w, "\nNodes of %s processors, %s of memory\n", short(lim.NodeCores), bytes(lim.NodeMemory))
	if n.Enough {
		line("nodes", "%d, and one more so that one may fail", n.Nodes)
	} else {
		line("nodes", "%d if each heard only what concerns it. As it is, no number is enough: each hears everything", n.Nodes)
	}
	line("each", "%s connections, %s of %s processors busy (%s with events of others), %s of memory, %s to clients", short(n.Connections), short(n.NodeCores), short(lim.NodeCores),
		short(n.NodeBus), bytes(n.NodeMemory), bits(n.ClientsBytes/float64(n.Nodes)))
	fmt.Fprintln(w, "\nDatabase")
	line("commits", "%s/s with %s messages each, and %s/s changes", short(n.Commits), short(n.BatchSize), short(t.Changes))
	line("processors", "%s busy", short(n.DatabaseCores))
	line("log", "%s/s", bytes(n.DatabaseLog))
	line("grows by", "%s rows and %s a day, %s a year", short(n.RowsPerDay), bytes(n.BytesPerDay), bytes(n.BytesPerDay*365))
	fmt.Fprintln(w, "\nRedis")
	if n.RedisShards == 0 {
		line("servers", "none: one node needs no Redis")
	} else {
		line("servers", "%d: %s of one processor busy, %s", n.RedisShards, short(n.RedisCores), bits(n.RedisNetwork))
	}
	fmt.Fprintln(w, "\nFiles and lines")
	line("files", "%s a day; downloads of %s", bytes(n.FilesPerDay), bits(n.FileBytes))
	line("to clients", "%s without files", bits(n.ClientsBytes))
	fmt.Fprintf(w, "\nHow full, with %.0f %% in reserve\n", (1-lim.Busy)*100)
	for _, p := range n.Parts {
		line(p.Name, "%s", used(p.Used))
	}
	times, full, err := Headroom(l, Measured, lim)
	if err != nil {
		return err
	}
	if n.fits() {
		fmt.Fprintf(w, "\nIt fits. First bottleneck, at %s times as many people and rooms: %s. Then: %s.\n", short(times), full.Name, full.Next)
	} else {
		b := n.Bottleneck()
		fmt.Fprintf(w, "\nBottleneck: %s. Next: %s.\nAs it is, it holds %s of these people.\n", b.Name, b.Next, short(times*l.Users))
	}
	return w.Flush()
}

func used(share float64) string {
	if share > 9.995 {
		return "×" + short(share)
	}
	return fmt.Sprintf("%.3g %%", share*100)
}

// short is a number with three digits and a suffix.
func short(v float64) string { return scaled(v, 1000, []string{"", "k", "M", "G", "T", "P"}) }

func bytes(v float64) string {
	return scaled(v, 1000, []string{" B", " kB", " MB", " GB", " TB", " PB"})
}

// bits is a line's rate, from bytes a second.
func bits(v float64) string {
	return scaled(v*8, 1000, []string{" bit/s", " kbit/s", " Mbit/s", " Gbit/s", " Tbit/s", " Pbit/s"})
}

func scaled(v, base float64, units []string) string {
	i := 0
	for math.Abs(v) >= base*0.9995 && i < len(units)-1 {
		v, i = v/base, i+1
	}
	return fmt.Sprintf("%.3g%s", v, units[i])
}
