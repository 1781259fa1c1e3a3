// Command bench measures the built server over real sockets, next to a bare broadcaster on the same WebSocket package in
// the same run, and writes docs/benchmarks.md. Absolute figures belong to the machine; the ratios are what to watch.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"
)

type bench struct {
	binary, dir, profile string
	warm, measure        time.Duration
	idle, history        int
	database             int // process id of the PostgreSQL server; 0: the database is in the server
	results              results
}

type results struct {
	fans    []fanOut
	dialect *dialects
	rooms   *manyRooms
	idle    *idle
	history *history
	latency *latency
	start   *start
}

func main() {
	b := &bench{}
	var only, out, bareAddr string
	flag.StringVar(&b.binary, "binary", "bin/parley", "the server to measure")
	flag.StringVar(&only, "only", "", "run only these of: start, fanout, dialects, rooms, idle, history, latency (comma-separated)")
	flag.StringVar(&out, "out", "", "write the table to this file as well")
	flag.StringVar(&b.profile, "profile", "", "write CPU profiles of the server with this prefix")
	flag.DurationVar(&b.warm, "warm", 2*time.Second, "time before measuring")
	flag.DurationVar(&b.measure, "measure", 10*time.Second, "time of measuring, each scenario")
	flag.IntVar(&b.idle, "idle", 5000, "idle connections to open")
	flag.IntVar(&b.history, "history", 100_000, "messages in the long room")
	flag.IntVar(&b.database, "database-pid", 0, "process of the PostgreSQL server that PARLEY_DATABASE_URL names, whose CPU time is counted with the rooms scenario")
	flag.StringVar(&bareAddr, "bare", "", "run as the bare broadcaster on this address")
	flag.Parse()
	if bareAddr != "" {
		exit(runBare(bareAddr))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	exit(b.run(ctx, only, out))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func (b *bench) run(ctx context.Context, only, out string) (err error) {
	if b.dir, err = os.MkdirTemp("", "bench"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	wanted := func(name string) bool { return only == "" || strings.Contains(","+only+",", ","+name+",") }
	step := func(name string, do func() error) error {
		if !wanted(name) || ctx.Err() != nil {
			return ctx.Err()
		}
		fmt.Fprintln(os.Stderr, "measuring", name)
		if err := do(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	}
	r := &b.results
	for _, err := range []error{
		step("start", func() error { m, err := runStart(ctx, b); r.start = &m; return err }),
		step("fanout", func() error {
			for _, n := range []int{200, 1000} {
				f, err := runFanOut(ctx, b, n)
				if err != nil {
					return err
				}
				r.fans = append(r.fans, f)
			}
			return nil
		}),
		step("dialects", func() error { m, err := runDialects(ctx, b); r.dialect = &m; return err }),
		step("rooms", func() error { m, err := runManyRooms(ctx, b); r.rooms = &m; return err }),
		step("idle", func() error { m, err := runIdle(ctx, b); r.idle = &m; return err }),
		step("history", func() error { m, err := runHistory(ctx, b); r.history = &m; return err }),
		step("latency", func() error { m, err := runLatency(ctx, b); r.latency = &m; return err }),
	} {
		if err != nil {
			return err
		}
	}
	table := r.table()
	fmt.Print(table)
	if out == "" {
		return nil
	}
	return replaceTable(out, table)
}

// server starts the server under test on a fresh data directory.
func (b *bench) server(ctx context.Context, name string) (*process, error) {
	return startServer(ctx, b.binary, filepath.Join(b.dir, name))
}

// commits reads how many transactions the store committed, and how many calls they held.
func (b *bench) commits(p *process) (commits, calls float64) {
	return p.metric("chat_commit_batch_calls_count"), p.metric("chat_commit_batch_calls_sum")
}

// saveProfile writes two seconds of the server's CPU profile.
func (b *bench) saveProfile(p *process, name string) {
	resp, err := http.Get("http://" + p.ops + "/debug/pprof/profile?seconds=2")
	if err != nil {
		return
	}
	defer resp.Body.Close()
	if f, err := os.Create(b.profile + name + ".pprof"); err == nil {
		io.Copy(f, resp.Body)
		f.Close()
	}
}
