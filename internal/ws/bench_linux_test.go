package ws

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/lxzan/gws"
	"golang.org/x/sys/unix"
)

// The benchmarks run the server and its clients as two more processes of this test binary, each on its own
// core where taskset is there, so that the server's CPU time and memory are its own. They ask for no repetition:
//
//	go test -run '^$' -bench . -benchtime 1x ./internal/ws

const (
	roleVar   = "WS_BENCH_ROLE"
	roomVar   = "WS_BENCH_ROOM" // connections in a room
	benchSize = 120             // bytes of text
	wireSize  = benchSize + 2

	benchWindow = 32 // messages under way when saturated
)

func TestMain(m *testing.M) {
	switch role := os.Getenv(roleVar); role {
	case "":
		os.Exit(m.Run())
	case "client":
		runBenchClient()
	default:
		runBenchServer(role)
	}
}

// report is what the server process knows about itself.
type report struct {
	CPU             float64 // user + system seconds
	RSS             int     // bytes
	HeapStack       int     // bytes
	Writes, Refused uint64
}

// load is one order to the client process.
type load struct {
	Addr    string
	TLS     bool // only for connections that stay idle
	Conns   int
	Window  int // messages under way at once; 0: none are sent
	PerSec  int // messages at this mean rate, at random moments, instead of a window
	Senders int // the first so many connections send
	Seconds float64
}

// result is what the clients saw.
type result struct {
	Delivered int
	P50, P99  float64 // ms, of PerSec loads
}

// process is a server or client process, asked with one line and answering with one.
type process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func spawn(b *testing.B, role string, core int) *process {
	b.Helper()
	argv := []string{os.Args[0]}
	if _, err := exec.LookPath("taskset"); err == nil && runtime.NumCPU() > 1 && os.Getenv("WS_BENCH_UNPINNED") == "" {
		argv = []string{"taskset", "-c", strconv.Itoa(core), os.Args[0]}
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), roleVar+"="+role)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	p := &process{cmd, in, bufio.NewReader(out)}
	b.Cleanup(func() { in.Close(); cmd.Wait() })
	return p
}

// read takes the process's next answer.
func (p *process) read(b *testing.B, v any) {
	b.Helper()
	line, err := p.out.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, v)
	}
	if err != nil {
		b.Fatal(err)
	}
}

func (p *process) ask(b *testing.B, order, answer any) {
	b.Helper()
	if err := json.NewEncoder(p.in).Encode(order); err != nil {
		b.Fatal(err)
	}
	p.read(b, answer)
}

var benchServers = []string{"ours", "at-once", "portable", "gws", "coder"}

func BenchmarkFanOutSaturated(b *testing.B) {
	b.Setenv(roomVar, "100000")
	for _, n := range []int{200, 1000} {
		for _, kind := range benchServers {
			b.Run(fmt.Sprintf("%d/%s", n, kind), func(b *testing.B) {
				srv, cli, addr := benchPair(b, kind)
				var before, after report
				var res result
				cli.ask(b, load{Addr: addr, Conns: n, Window: benchWindow, Senders: 10, Seconds: 1}, &res) // warm
				srv.ask(b, "report", &before)
				start := time.Now()
				cli.ask(b, load{Window: benchWindow, Senders: 10, Seconds: 5}, &res)
				took := time.Since(start).Seconds()
				srv.ask(b, "report", &after)
				b.ReportMetric(0, "ns/op")
				b.ReportMetric((after.CPU-before.CPU)/float64(res.Delivered)*1e6, "cpu-s/Mdelivery")
				b.ReportMetric(float64(res.Delivered)/took, "deliveries/s")
				if w := after.Writes - before.Writes; w > 0 {
					b.ReportMetric(float64(res.Delivered)/float64(w), "joined")
				}
				b.ReportMetric(float64(after.Refused-before.Refused), "refused")
			})
		}
	}
}

// BenchmarkFanOutPaced sends at a steady rate, as a server does whose store sets the pace.
func BenchmarkFanOutPaced(b *testing.B) {
	for _, l := range []load{
		{Conns: 200, PerSec: 200, Senders: 10}, {Conns: 200, PerSec: 1000, Senders: 10}, {Conns: 200, PerSec: 3000, Senders: 10},
		{Conns: 1000, PerSec: 40, Senders: 10}, {Conns: 1000, PerSec: 200, Senders: 10}, {Conns: 1000, PerSec: 600, Senders: 10},
	} {
		for _, kind := range benchServers {
			b.Run(fmt.Sprintf("%dx%d/%s", l.Conns, l.PerSec, kind), func(b *testing.B) {
				benchPaced(b, kind, l, 100000)
			})
		}
	}
}

// BenchmarkRooms is 200 rooms of 5 in which all are talking.
func BenchmarkRooms(b *testing.B) {
	for _, kind := range benchServers {
		b.Run(kind, func(b *testing.B) {
			benchPaced(b, kind, load{Conns: 1000, PerSec: 8000, Senders: 1000}, 5)
		})
	}
}

func benchPaced(b *testing.B, kind string, l load, room int) {
	b.Setenv(roomVar, strconv.Itoa(room))
	srv, cli, addr := benchPair(b, kind)
	var before, after report
	var res result
	warm := l
	warm.Addr, warm.Seconds = addr, 1
	cli.ask(b, warm, &res)
	srv.ask(b, "report", &before)
	l.Conns, l.Seconds = 0, 4
	cli.ask(b, l, &res)
	srv.ask(b, "report", &after)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(res.P50, "p50-ms")
	b.ReportMetric(res.P99, "p99-ms")
	b.ReportMetric((after.CPU-before.CPU)/float64(res.Delivered)*1e6, "cpu-s/Mdelivery")
	if w := after.Writes - before.Writes; w > 0 {
		b.ReportMetric(float64(res.Delivered)/float64(w), "joined")
	}
	b.ReportMetric(float64(res.Delivered)/l.Seconds, "deliveries/s")
}

func BenchmarkIdleConnections(b *testing.B) {
	b.Setenv(roomVar, "100000")
	const n = 2000
	for _, kind := range []string{"ours", "portable", "tls", "gws", "coder"} {
		b.Run(kind, func(b *testing.B) {
			srv, cli, addr := benchPair(b, kind)
			var before, after, trimmed report
			var res result
			cli.ask(b, load{Addr: addr, Conns: 1, TLS: kind == "tls"}, &res)
			srv.ask(b, "trim", &before)
			cli.ask(b, load{Addr: addr, Conns: n, TLS: kind == "tls"}, &res)
			srv.ask(b, "report", &after)
			srv.ask(b, "trim", &trimmed)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(after.RSS-before.RSS)/n, "rss-B/conn")
			b.ReportMetric(float64(trimmed.RSS-before.RSS)/n, "trimmed-rss-B/conn")
			b.ReportMetric(float64(trimmed.HeapStack-before.HeapStack)/n, "heap+stack-B/conn")
		})
	}
}

func benchPair(b *testing.B, kind string) (srv, cli *process, addr string) {
	srv = spawn(b, kind, 0)
	srv.read(b, &addr)
	return srv, spawn(b, "client", 1), addr
}

// ---- the server process: everything anybody sends goes to everybody

// roster is who is in which room: the first so many connections in the first, and so on.
type roster[C any] struct {
	mu    sync.Mutex
	size  int
	rooms []*benchRoom[C]
}

type benchRoom[C any] struct {
	mu  *sync.Mutex
	all []C
}

func newRoster[C any]() *roster[C] {
	size, _ := strconv.Atoi(os.Getenv(roomVar))
	return &roster[C]{size: size}
}

func (r *roster[C]) join(c C) *benchRoom[C] {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.rooms)
	if n == 0 || len(r.rooms[n-1].all) == r.size {
		r.rooms = append(r.rooms, &benchRoom[C]{mu: &r.mu})
		n++
	}
	room := r.rooms[n-1]
	room.all = append(room.all[:len(room.all):len(room.all)], c)
	return room
}

func (r *benchRoom[C]) members() []C {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all
}

type benchHandler struct {
	srv    *Server
	roster *roster[*Conn]
	room   *benchRoom[*Conn]
}

func (h *benchHandler) Opened(c *Conn)      { h.room = h.roster.join(c) }
func (h *benchHandler) Closed(*Conn, error) {}
func (h *benchHandler) Message(_ *Conn, p []byte) {
	h.srv.SendAll(h.room.members(), NewFrame(p))
}

func runBenchServer(kind string) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	var srv *Server
	var h http.Handler
	switch kind {
	case "ours", "at-once", "portable", "tls":
		o := Options{Portable: kind == "portable"}
		if kind == "at-once" {
			o.Linger = -1
		}
		srv = New(o)
		if err := srv.Start(context.Background()); err != nil {
			panic(err)
		}
		all := newRoster[*Conn]()
		h = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			srv.Upgrade(w, r, UpgradeOptions{Handler: &benchHandler{srv: srv, roster: all}})
		})
	case "gws":
		h = gwsRoom()
	case "coder":
		h = coderRoom()
	}
	hs := httptest.NewUnstartedServer(h)
	if kind == "tls" {
		hs.StartTLS()
	} else {
		hs.Start()
	}
	out := json.NewEncoder(os.Stdout)
	out.Encode(hs.Listener.Addr().String())
	for in := json.NewDecoder(os.Stdin); ; {
		var order string
		if in.Decode(&order) != nil {
			return
		}
		if order == "trim" {
			debug.FreeOSMemory()
		}
		var rep report
		if srv != nil {
			st := srv.Stats()
			rep.Writes, rep.Refused = st.Writes, st.Refused
		}
		rep.measure()
		out.Encode(rep)
	}
}

func (r *report) measure() {
	var ru unix.Rusage
	unix.Getrusage(unix.RUSAGE_SELF, &ru)
	r.CPU = float64(ru.Utime.Nano()+ru.Stime.Nano()) / 1e9
	statm, _ := os.ReadFile("/proc/self/statm")
	pages, _ := strconv.Atoi(strings.Fields(string(statm))[1])
	r.RSS = pages * os.Getpagesize()
	var ms runtime.MemStats
	runtime.ReadMemStats(&ms)
	r.HeapStack = int(ms.HeapInuse + ms.StackInuse)
}

type gwsHandler struct {
	gws.BuiltinEventHandler
}

func (gwsHandler) OnMessage(c *gws.Conn, m *gws.Message) {
	defer m.Close()
	room, _ := c.Session().Load("room")
	b := gws.NewBroadcaster(gws.OpcodeText, append([]byte(nil), m.Bytes()...))
	defer b.Close()
	for _, c := range room.(*benchRoom[*gws.Conn]).members() {
		b.Broadcast(c)
	}
}

func gwsRoom() http.Handler {
	all := newRoster[*gws.Conn]()
	up := gws.NewUpgrader(gwsHandler{}, nil)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := up.Upgrade(w, r)
		if err != nil {
			return
		}
		c.Session().Store("room", all.join(c))
		go c.ReadLoop()
	})
}

func coderRoom() http.Handler {
	all := newRoster[chan []byte]()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{CompressionMode: websocket.CompressionDisabled})
		if err != nil {
			return
		}
		ch := make(chan []byte, 1024)
		room := all.join(ch)
		ctx := context.Background()
		go func() {
			for p := range ch {
				if c.Write(ctx, websocket.MessageText, p) != nil {
					return
				}
			}
		}()
		for {
			_, p, err := c.Read(ctx)
			if err != nil {
				return
			}
			for _, ch := range room.members() {
				select {
				case ch <- p:
				default:
				}
			}
		}
	})
}

// ---- the client process: sockets read with epoll and thrown away

type benchClient struct {
	ep   int
	fds  []int
	got  []int          // bytes, by connection
	part map[int][]byte // beginning of a frame, by connection (latency only)
	lat  []int32        // µs
	idle []net.Conn
	buf  [256 << 10]byte
	t0   time.Time
}

func runBenchClient() {
	ep, err := unix.EpollCreate1(0)
	if err != nil {
		panic(err)
	}
	c := &benchClient{ep: ep, t0: time.Now()}
	out := json.NewEncoder(os.Stdout)
	for in := json.NewDecoder(os.Stdin); ; {
		var l load
		if in.Decode(&l) != nil {
			return
		}
		for range l.Conns {
			c.dial(l.Addr, l.TLS)
		}
		out.Encode(c.run(l))
	}
}

func (c *benchClient) dial(addr string, secure bool) {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		panic(err)
	}
	if secure {
		nc = tls.Client(nc, &tls.Config{InsecureSkipVerify: true})
		c.idle = append(c.idle, nc)
	}
	fmt.Fprintf(nc, "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	var head []byte
	for p := make([]byte, 1); !strings.HasSuffix(string(head), "\r\n\r\n"); head = append(head, p[0]) {
		if _, err := nc.Read(p); err != nil {
			panic(err)
		}
	}
	if secure {
		return
	}
	fd, err := detach(nc.(*net.TCPConn))
	if err != nil {
		panic(err)
	}
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(len(c.fds))}
	c.fds = append(c.fds, fd)
	c.got = append(c.got, 0)
	if err := unix.EpollCtl(c.ep, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		panic(err)
	}
}

// send sends one masked message from a connection; its text begins with the time.
func (c *benchClient) send(i int) {
	p := fmt.Appendf(nil, "%020d", time.Since(c.t0))
	p = append(p, strings.Repeat("x", benchSize-len(p))...)
	unix.Write(c.fds[i], append([]byte{0x81, 0x80 | benchSize, 0, 0, 0, 0}, p...))
}

func (c *benchClient) run(l load) result {
	clear(c.got)
	c.part, c.lat = nil, c.lat[:0]
	if l.PerSec > 0 {
		c.part = map[int][]byte{}
	}
	start, sent, next := time.Now(), 0, time.Duration(0)
	end := time.Duration(l.Seconds * float64(time.Second))
	for {
		now := time.Since(start)
		if now < end {
			for l.PerSec > 0 && next <= now || l.Window > 0 && sent-c.got[0]/wireSize < l.Window {
				c.send(rand.IntN(l.Senders))
				sent++
				next += time.Duration(rand.ExpFloat64() * float64(time.Second) / float64(max(l.PerSec, 1)))
			}
		}
		wait := 1
		if l.PerSec > 0 && now < end {
			wait = 0 // busy: a late timer would look like latency of the server
		}
		if !c.poll(wait) && now > end+500*time.Millisecond || now > end+3*time.Second {
			break
		}
	}
	var res result
	for _, n := range c.got {
		res.Delivered += n / wireSize
	}
	if n := len(c.lat); n > 0 {
		slices.Sort(c.lat)
		res.P50, res.P99 = float64(c.lat[n/2])/1000, float64(c.lat[n*99/100])/1000
	}
	return res
}

func (c *benchClient) poll(waitMS int) bool {
	var evs [256]unix.EpollEvent
	n, _ := unix.EpollWait(c.ep, evs[:], waitMS)
	for _, ev := range evs[:max(n, 0)] {
		i := int(ev.Fd)
		n, err := unix.Read(c.fds[i], c.buf[:])
		if err != nil || n == 0 {
			panic(fmt.Sprint("connection lost: ", err))
		}
		c.got[i] += n
		if c.part != nil {
			c.latencies(i, c.buf[:n])
		}
	}
	return n > 0
}

func (c *benchClient) latencies(i int, p []byte) {
	now := time.Since(c.t0)
	p = append(c.part[i], p...)
	for ; len(p) >= wireSize; p = p[wireSize:] {
		at, _ := strconv.ParseInt(string(p[2:22]), 10, 64)
		c.lat = append(c.lat, int32((now-time.Duration(at))/time.Microsecond))
	}
	c.part[i] = append([]byte(nil), p...)
}
