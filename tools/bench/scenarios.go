package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

var (
	createdPrefix = []byte(`{"type":"message_created"`)
	okPrefix      = []byte(`{"type":"ok"`)
	barePrefix    = []byte(`{"type":"send_message"`)
	originPrefix  = []byte(`{"cmd":"message_new"`)
)

// fanOut is one saturated room: what a delivery costs the server.
type fanOut struct {
	receivers      int
	deliveries     int64
	cpu            time.Duration
	took           time.Duration
	batch          float64 // calls per commit
	bareCPU        time.Duration
	bareDeliveries int64
}

func (f fanOut) perMillion() float64 { return f.cpu.Seconds() / float64(f.deliveries) * 1e6 }
func (f fanOut) barePerMillion() float64 {
	return f.bareCPU.Seconds() / float64(f.bareDeliveries) * 1e6
}

// saturate lets senders write with a window each and counts what the receivers get.
func saturate(p *process, receivers, senders []*client, frame func() []byte, prefix []byte, window int, warm, measure time.Duration) (deliveries int64, cpu, took time.Duration) {
	var got atomic.Int64
	var wg sync.WaitGroup
	for _, c := range receivers {
		wg.Go(func() {
			for {
				b, err := c.read()
				if err != nil {
					return
				}
				if bytes.HasPrefix(b, prefix) {
					got.Add(1)
				}
			}
		})
	}
	stop := make(chan struct{})
	for _, c := range senders {
		// A sender sees its own message come back too; that is its permission to send the next.
		wg.Go(func() {
			for range window {
				if c.write(frame()) != nil {
					return
				}
			}
			for {
				b, err := c.read()
				if err != nil {
					return
				}
				own := bytes.HasPrefix(b, okPrefix) || bytes.Equal(prefix, barePrefix) || bytes.Equal(prefix, originPrefix) && bytes.HasSuffix(b, originOwn)
				if !own {
					if bytes.HasPrefix(b, prefix) {
						got.Add(1)
					}
					continue
				}
				if bytes.HasPrefix(b, prefix) {
					got.Add(1)
				}
				select {
				case <-stop:
				default:
					if c.write(frame()) != nil {
						return
					}
				}
			}
		})
	}
	time.Sleep(warm)
	n0, c0, t0 := got.Load(), p.cpu(), time.Now()
	time.Sleep(measure)
	deliveries, cpu, took = got.Load()-n0, p.cpu()-c0, time.Since(t0)
	close(stop)
	time.Sleep(200 * time.Millisecond)
	for _, c := range slices.Concat(receivers, senders) {
		c.conn.Close()
	}
	wg.Wait()
	return deliveries, cpu, took
}

func runFanOut(ctx context.Context, b *bench, receivers int) (fanOut, error) {
	f := fanOut{receivers: receivers}
	p, err := b.server(ctx, fmt.Sprintf("fan%d", receivers))
	if err != nil {
		return f, err
	}
	defer p.stop()
	w, err := newWorld(p, receivers+4)
	if err != nil {
		return f, err
	}
	room, err := w.room("fan-out", w.users)
	if err != nil {
		return f, err
	}
	conns := make([]*client, len(w.users))
	if err := parallel(8, len(conns), func(i int) (err error) { conns[i], err = w.connect(w.users[i], room); return err }); err != nil {
		return f, err
	}
	commits0, calls0 := b.commits(p)
	f.deliveries, f.cpu, f.took = saturate(p, conns[4:], conns[:4], func() []byte { return sendFrame(room, "s") }, createdPrefix, 8, b.warm, b.measure)
	commits1, calls1 := b.commits(p)
	f.batch = (calls1 - calls0) / max(commits1-commits0, 1)

	q, err := startBare(ctx)
	if err != nil {
		return f, err
	}
	defer q.stop()
	bare := make([]*client, len(w.users))
	if err := parallel(8, len(bare), func(i int) (err error) { bare[i], err = dial(q.addr, "/"); return err }); err != nil {
		return f, err
	}
	// The same number of bytes a delivery as the server sends.
	filler := bytes.Repeat([]byte("x"), 430)
	one := fmt.Appendf(nil, `{"type":"send_message","filler":%q,"content":%q}`, filler, text120)
	f.bareDeliveries, f.bareCPU, _ = saturate(q, bare[4:], bare[:4], func() []byte { return one }, barePrefix, 2, b.warm, b.measure)
	return f, nil
}

// dialects is one saturated room of the server, all of its people with clients of one protocol, then all with those of another,
// on the same server in the same run.
type dialects struct {
	receivers      int
	native, origin share
}

// share is what deliveries of one protocol cost.
type share struct {
	deliveries int64
	cpu, took  time.Duration
}

func (s share) perMillion() float64 { return s.cpu.Seconds() / float64(s.deliveries) * 1e6 }

func runDialects(ctx context.Context, b *bench) (dialects, error) {
	m := dialects{receivers: 1000}
	p, err := b.server(ctx, "dialects")
	if err != nil {
		return m, err
	}
	defer p.stop()
	w, err := newWorld(p, m.receivers+4)
	if err != nil {
		return m, err
	}
	room, err := w.room("both", w.users) // a room of the people, which is a channel to its members
	if err != nil {
		return m, err
	}
	var known struct{ Slug *string }
	if err := w.api.do(w.users[0].token, "GET", "/api/rooms/"+room, bytes.NewReader(nil), &known); err != nil {
		return m, err
	}
	channel := "room-" + room
	if known.Slug != nil {
		channel = *known.Slug
	}
	for _, one := range []struct {
		name   string
		open   func(i int) (*client, error)
		frame  func() []byte
		prefix []byte
		sum    *share
	}{
		{"native", func(i int) (*client, error) { return w.connect(w.users[i], room) }, func() []byte { return sendFrame(room, "s") }, createdPrefix, &m.native},
		{"origin", w.connectOrigin, func() []byte { return originFrame(channel) }, originPrefix, &m.origin},
	} {
		conns := make([]*client, len(w.users))
		if err := parallel(8, len(conns), func(i int) (err error) { conns[i], err = one.open(i); return err }); err != nil {
			return m, fmt.Errorf("%s: %w", one.name, err)
		}
		if b.profile != "" {
			time.AfterFunc(b.warm, func() { b.saveProfile(p, "dialects-"+one.name) })
		}
		one.sum.deliveries, one.sum.cpu, one.sum.took = saturate(p, conns[4:], conns[:4], one.frame, one.prefix, 8, b.warm, b.measure)
		if one.sum.deliveries == 0 {
			return m, fmt.Errorf("%s: nothing was delivered", one.name)
		}
	}
	return m, nil
}

// manyRooms is 200 rooms of 5, all talking: durable messages a second.
type manyRooms struct {
	messages, deliveries int64
	cpu, database, took  time.Duration
	batch                float64
	indexed              time.Duration // until a search found the last message
}

func runManyRooms(ctx context.Context, b *bench) (manyRooms, error) {
	var m manyRooms
	p, err := b.server(ctx, "rooms")
	if err != nil {
		return m, err
	}
	defer p.stop()
	const rooms, size = 200, 5
	w, err := newWorld(p, rooms*size)
	if err != nil {
		return m, err
	}
	ids := make([]string, rooms)
	if err := parallel(8, rooms, func(i int) (err error) {
		ids[i], err = w.room(fmt.Sprintf("Room %d", i), w.users[i*size:(i+1)*size])
		return err
	}); err != nil {
		return m, err
	}
	conns := make([]*client, len(w.users))
	if err := parallel(8, len(conns), func(i int) (err error) { conns[i], err = w.connect(w.users[i], ids[i/size]); return err }); err != nil {
		return m, err
	}
	var acked, got atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for i, c := range conns {
		wg.Go(func() {
			if c.write(sendFrame(ids[i/size], "s")) != nil {
				return
			}
			for {
				f, err := c.read()
				if err != nil {
					return
				}
				switch {
				case bytes.HasPrefix(f, createdPrefix):
					got.Add(1)
				case bytes.HasPrefix(f, okPrefix):
					acked.Add(1)
					select {
					case <-stop:
					default:
						if c.write(sendFrame(ids[i/size], "s")) != nil {
							return
						}
					}
				}
			}
		})
	}
	time.Sleep(b.warm)
	commits0, calls0 := b.commits(p)
	a0, g0, c0, d0, t0 := acked.Load(), got.Load(), p.cpu(), databaseCPU(b.database), time.Now()
	time.Sleep(b.measure)
	m.messages, m.deliveries, m.cpu, m.took = acked.Load()-a0, got.Load()-g0, p.cpu()-c0, time.Since(t0)
	m.database = databaseCPU(b.database) - d0
	commits1, calls1 := b.commits(p)
	m.batch = (calls1 - calls0) / max(commits1-commits0, 1)
	if b.profile != "" {
		b.saveProfile(p, "rooms")
	}
	close(stop)
	begin := time.Now()
	var out struct{ Hits []any }
	if err := w.api.do(w.users[0].token, "GET", "/api/search?q=quick", bytes.NewReader(nil), &out); err != nil {
		return m, err
	}
	m.indexed = time.Since(begin)
	for _, c := range conns {
		c.conn.Close()
	}
	wg.Wait()
	return m, nil
}

// idle is what a connection costs that does nothing.
type idle struct {
	conns     int
	bytes     int64 // resident, each
	bareBytes int64
}

func runIdle(ctx context.Context, b *bench) (idle, error) {
	m := idle{conns: b.idle}
	p, err := b.server(ctx, "idle")
	if err != nil {
		return m, err
	}
	// A hundred people with many devices: the passwords of thousands would take minutes and show nothing.
	w, err := newWorld(p, 100)
	if err != nil {
		p.stop()
		return m, err
	}
	room, err := w.room("idle", w.users)
	p.stop()
	if err != nil {
		return m, err
	}
	// Hashing passwords took memory that goes back slowly: begin anew without it.
	if p, err = b.server(ctx, "idle"); err != nil {
		return m, err
	}
	defer p.stop()
	w.p, w.api = p, api{"http://" + p.addr}
	warm, err := w.connect(w.users[0], room)
	if err != nil {
		return m, err
	}
	defer warm.conn.Close()
	m.bytes, err = grown(p, m.conns, func(i int) (*client, error) { return w.connect(w.users[i%100], room) })
	if err != nil {
		return m, err
	}
	q, err := startBare(ctx)
	if err != nil {
		return m, err
	}
	defer q.stop()
	m.bareBytes, err = grown(q, m.conns, func(int) (*client, error) { return dial(q.addr, "/") })
	return m, err
}

// grown is by how much the process grows a connection.
func grown(p *process, n int, open func(int) (*client, error)) (int64, error) {
	time.Sleep(time.Second)
	before := p.resident()
	conns := make([]*client, n)
	err := parallel(8, n, func(i int) (err error) {
		conns[i], err = open(i)
		if err == nil {
			conns[i].in, conns[i].buf = nil, nil
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	time.Sleep(8 * time.Second) // the runtime gives back what the handshakes took
	after := p.resident()
	for _, c := range conns {
		c.conn.Close()
	}
	return (after - before) / int64(n), nil
}

// history is reading the newest page of a long room.
type history struct {
	messages, reads int
	p50, p99        time.Duration
	cpu             time.Duration // of the server, each read
	fillRate        float64
}

func runHistory(ctx context.Context, b *bench) (history, error) {
	m := history{messages: b.history}
	p, err := b.server(ctx, "history")
	if err != nil {
		return m, err
	}
	defer p.stop()
	w, err := newWorld(p, 20)
	if err != nil {
		return m, err
	}
	room, err := w.room("long", w.users)
	if err != nil {
		return m, err
	}
	begin := time.Now()
	if err := w.fill(room, w.users, m.messages); err != nil {
		return m, err
	}
	m.fillRate = float64(m.messages) / time.Since(begin).Seconds()
	const readers, each = 4, 2000
	if b.profile != "" {
		go b.saveProfile(p, "history")
	}
	all := make([][]time.Duration, readers)
	c0 := p.cpu()
	err = parallel(readers, readers, func(i int) error {
		r, err := w.reader(w.users[i], room)
		if err != nil {
			return err
		}
		defer r.conn.Close()
		for range each {
			t := time.Now()
			n, err := r.page()
			if err != nil {
				return err
			}
			if n != 50 {
				return fmt.Errorf("a page of %d messages", n)
			}
			all[i] = append(all[i], time.Since(t))
		}
		return nil
	})
	times := slices.Concat(all...)
	m.reads = len(times)
	m.cpu = (p.cpu() - c0) / time.Duration(max(m.reads, 1))
	m.p50, m.p99 = percentiles(times)
	return m, err
}

func percentiles(times []time.Duration) (p50, p99 time.Duration) {
	if len(times) == 0 {
		return 0, 0
	}
	slices.Sort(times)
	return times[len(times)/2], times[len(times)*99/100]
}

// latency is sending at a steady pace to a room of 200, stored and fsynced.
type latency struct {
	samples            int
	p50, p99           time.Duration
	cpuShare           float64
	barep50, barep99   time.Duration
	ackp50, ackp99     time.Duration
	lost               int64
	receivers, perSecd int
}

func runLatency(ctx context.Context, b *bench) (latency, error) {
	m := latency{receivers: 200, perSecd: 200}
	p, err := b.server(ctx, "latency")
	if err != nil {
		return m, err
	}
	defer p.stop()
	w, err := newWorld(p, m.receivers+10)
	if err != nil {
		return m, err
	}
	room, err := w.room("pace", w.users)
	if err != nil {
		return m, err
	}
	conns := make([]*client, len(w.users))
	if err := parallel(8, len(conns), func(i int) (err error) { conns[i], err = w.connect(w.users[i], room); return err }); err != nil {
		return m, err
	}
	c0, t0 := p.cpu(), time.Now()
	times, acks, lost := pace(conns[:10], conns[10:], func() []byte { return sendFrame(room, "s") }, createdPrefix, m.perSecd, b.measure)
	m.cpuShare = (p.cpu() - c0).Seconds() / time.Since(t0).Seconds()
	m.samples, m.lost = len(times), lost
	m.p50, m.p99 = percentiles(times)
	m.ackp50, m.ackp99 = percentiles(acks)

	q, err := startBare(ctx)
	if err != nil {
		return m, err
	}
	defer q.stop()
	bare := make([]*client, len(conns))
	if err := parallel(8, len(bare), func(i int) (err error) { bare[i], err = dial(q.addr, "/"); return err }); err != nil {
		return m, err
	}
	times, _, _ = pace(bare[:10], bare[10:], func() []byte { return sendFrame("0", "s") }, barePrefix, m.perSecd, b.measure)
	m.barep50, m.barep99 = percentiles(times)
	return m, nil
}

// pace sends so many messages a second, the senders in turn, and times each until each receiver has it.
func pace(senders, receivers []*client, frame func() []byte, prefix []byte, perSecond int, measure time.Duration) (times, acks []time.Duration, lost int64) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	var sent, got atomic.Int64
	// listen times the frames of a kind that carry when they were sent.
	listen := func(conns []*client, prefix []byte, into *[]time.Duration, heard *atomic.Int64) {
		for _, c := range conns {
			wg.Go(func() {
				var mine []time.Duration
				for {
					b, err := c.read()
					if err != nil {
						break
					}
					if bytes.HasPrefix(b, prefix) {
						if t, ok := sentAt(b); ok {
							mine = append(mine, time.Since(t))
							heard.Add(1)
						}
					}
				}
				mu.Lock()
				*into = append(*into, mine...)
				mu.Unlock()
			})
		}
	}
	var acked atomic.Int64
	listen(receivers, prefix, &times, &got)
	listen(senders, okPrefix, &acks, &acked)
	tick := time.NewTicker(time.Second / time.Duration(perSecond))
	for i, end := 0, time.Now().Add(measure); time.Now().Before(end); i++ {
		<-tick.C
		if senders[i%len(senders)].write(frame()) == nil {
			sent.Add(1)
		}
	}
	tick.Stop()
	for deadline := time.Now().Add(2 * time.Second); got.Load() < sent.Load()*int64(len(receivers)) && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
	}
	lost = sent.Load()*int64(len(receivers)) - got.Load()
	for _, c := range slices.Concat(senders, receivers) {
		c.conn.Close()
	}
	wg.Wait()
	return times, acks, lost
}

// start is how soon and how large the server is there.
type start struct {
	first    time.Duration
	resident int64
	binary   int64
}

func runStart(ctx context.Context, b *bench) (start, error) {
	var m start
	info, err := os.Stat(b.binary)
	if err != nil {
		return m, err
	}
	m.binary = info.Size()
	data := filepath.Join(b.dir, "start")
	for range 5 { // the first one makes the database; people restart a server that has one
		p, err := startServer(ctx, b.binary, data)
		if err != nil {
			return m, err
		}
		if m.first == 0 || p.first < m.first {
			m.first = p.first
		}
		m.resident = p.resident()
		p.stop()
	}
	return m, nil
}
