package sqlstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/pgtest"
	"parley/internal/store/sqlstore"
	"parley/internal/store/storetest"
)

// node starts a store on a PostgreSQL database, as one node of several. What it tells is checked to be in order.
func node(t *testing.T, url string) *sqlstore.Store {
	t.Helper()
	s := sqlstore.New(sqlstore.Options{URL: url, Logger: discard})
	last := map[chat.RoomID]chat.Seq{}
	s.OnCommit(func(events []chat.Event) {
		for _, e := range events {
			if e, ok := e.(chat.Sequenced); ok {
				if m := e.State(); m.ChangeSeq <= last[m.RoomID] {
					t.Errorf("room %d: told of %d after %d", m.RoomID, m.ChangeSeq, last[m.RoomID])
				} else {
					last[m.RoomID] = m.ChangeSeq
				}
			}
		}
	})
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, s) })
	return s
}

// populate makes rooms with one member.
func populate(t *testing.T, s *sqlstore.Store, rooms int) (ids []chat.RoomID) {
	t.Helper()
	err := s.Change(t.Context(), func(tx core.Tx) ([]chat.Event, error) {
		ids = nil
		if _, err := tx.CreateUser(t.Context(), &chat.User{ID: "ada", Username: "ada", Kind: chat.Person, CreatedAt: storetest.Start}); err != nil {
			return nil, err
		}
		for range rooms {
			r, err := tx.CreateRoom(t.Context(), chat.Room{Type: chat.Public, Form: chat.Text, CreatedAt: storetest.Start})
			if err != nil {
				return nil, err
			}
			ids = append(ids, r.ID)
			if _, err := tx.PutMember(t.Context(), chat.Member{RoomID: r.ID, UserID: "ada", Role: chat.RoomMember, JoinedAt: storetest.Start}); err != nil {
				return nil, err
			}
		}
		return nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// unavailable reports whether a call may be made again.
func unavailable(err error) bool { return err != nil && chat.AsError(err).Kind == chat.Unavailable }

// TestPostgresLosesNothing sends and counts on two nodes while connections are cut and the server stops, crashes and comes back.
func TestPostgresLosesNothing(t *testing.T) {
	c := pgtest.New(t, pgtest.Options{Fsync: true})
	address := c.Schema(t)
	nodes := []*sqlstore.Store{node(t, address), node(t, address)}
	rooms := populate(t, nodes[0], 3)
	ctx := t.Context()
	const writers, each = 12, 60
	blows := []func() error{
		func() error { return cut(address) },
		func() error { return errors.Join(c.Kill(), c.Start()) },
		func() error { return cut(address) },
		func() error { return errors.Join(c.Stop(), c.Start()) },
		func() error { return cut(address) },
		func() error { return cut(address) },
	}
	var mu sync.Mutex
	acknowledged := map[string]chat.MessageID{}
	var counted, uncertain atomic.Int64
	next := make(chan struct{}, writers*each)
	var wg, blowing sync.WaitGroup
	blowing.Go(func() {
		done := 0
		for range next {
			if done++; done%(writers*each/(len(blows)+1)) == 0 && len(blows) > 0 {
				if err := blows[0](); err != nil {
					t.Error(err)
				}
				blows = blows[1:]
			}
		}
	})
	for w := range writers {
		s := nodes[w%len(nodes)]
		wg.Go(func() {
			for i := range each {
				d := chat.Draft{RoomID: rooms[(w+i)%len(rooms)], SenderID: "ada", Type: chat.TextMessage, Content: "x", Search: "x", Nonce: fmt.Sprint(w, "-", i), At: time.Now()}
				m, _, err := s.Append(ctx, d)
				for unavailable(err) { // as a client does
					m, _, err = s.Append(ctx, d)
				}
				if err != nil {
					t.Errorf("append: %v", err)
					return
				}
				mu.Lock()
				acknowledged[d.Nonce] = m.ID
				mu.Unlock()
				switch err := s.Change(ctx, increment(ctx)); {
				case err == nil:
					counted.Add(1)
				case unavailable(err):
					uncertain.Add(1)
				default:
					t.Errorf("change: %v", err)
				}
				next <- struct{}{}
			}
		})
	}
	wg.Wait()
	close(next)
	blowing.Wait()
	if len(blows) > 0 {
		t.Fatalf("%d blows were not dealt", len(blows))
	}
	stored := 0
	for _, room := range rooms {
		var seq chat.Seq
		var last chat.MessageID
		err := nodes[1].EachMessage(ctx, room, "", func(m *chat.Message) error {
			if seq++; m.Seq != seq || m.Ordinal != int64(seq) || m.ID <= last {
				return fmt.Errorf("message %d has seq %d, want %d after message %d", m.ID, m.Seq, seq, last)
			}
			last = m.ID
			stored++
			return nil
		})
		if err != nil {
			t.Errorf("room %d: %v", room, err)
		}
	}
	for nonce, id := range acknowledged {
		if _, err := nodes[0].Message(ctx, id); err != nil {
			t.Errorf("%s was acknowledged: %v", nonce, err)
		}
	}
	if stored != writers*each || len(acknowledged) != stored {
		t.Errorf("%d messages are stored, %d acknowledged, want %d", stored, len(acknowledged), writers*each)
	}
	total, err := count(ctx, nodes[0])
	if err != nil || total < counted.Load() || total > counted.Load()+uncertain.Load() {
		t.Errorf("counted to %d (%v), %d were acknowledged and %d uncertain", total, err, counted.Load(), uncertain.Load())
	}
	t.Logf("%d changes acknowledged, %d uncertain", counted.Load(), uncertain.Load())
}

// cut ends every connection of the stores.
func cut(address string) error {
	return query(address, `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'chat'`)
}

// increment counts one up in a setting, by reading and writing.
func increment(ctx context.Context) func(tx core.Tx) ([]chat.Event, error) {
	return func(tx core.Tx) ([]chat.Event, error) {
		n, err := count(ctx, tx)
		if err != nil {
			return nil, err
		}
		return nil, tx.PutSetting(ctx, "count", []byte(strconv.FormatInt(n+1, 10)))
	}
}

func count(ctx context.Context, r core.Reader) (int64, error) {
	raw, err := r.Setting(ctx, "count")
	if chat.CodeOf(err) == "not_found" {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(string(raw), 10, 64)
}

// TestPostgresChangesAreSerial lets two nodes read and write the same things at once: each sees what the others did.
func TestPostgresChangesAreSerial(t *testing.T) {
	address := pgtest.URL(t)
	nodes := []*sqlstore.Store{node(t, address), node(t, address)}
	rooms := populate(t, nodes[0], 2)
	ctx := t.Context()
	const writers, each = 10, 12
	var sending atomic.Bool
	sending.Store(true)
	var wg, busy sync.WaitGroup
	busy.Go(func() { // a room where somebody always writes lets edits through too
		for sending.Load() {
			if _, _, err := nodes[1].Append(ctx, chat.Draft{RoomID: rooms[0], SenderID: "ada", Type: chat.TextMessage, Content: "busy", Search: "busy"}); err != nil {
				t.Error(err)
				return
			}
		}
	})
	m, _, err := nodes[0].Append(ctx, chat.Draft{RoomID: rooms[0], SenderID: "ada", Type: chat.TextMessage, Content: "one", Search: "one"})
	if err != nil {
		t.Fatal(err)
	}
	for w := range writers {
		s := nodes[w%len(nodes)]
		wg.Go(func() {
			for i := range each {
				if err := s.Change(ctx, increment(ctx)); err != nil {
					t.Errorf("count: %v", err)
				}
				err := s.Change(ctx, func(tx core.Tx) ([]chat.Event, error) {
					m, _, err := tx.AddReaction(ctx, m.ID, chat.UserID(fmt.Sprint("u", w)), fmt.Sprint(i), time.Now())
					return []chat.Event{chat.MessageChanged{Message: m}}, err
				})
				if err != nil {
					t.Errorf("react: %v", err)
				}
			}
		})
	}
	wg.Wait()
	sending.Store(false)
	busy.Wait()
	if n, err := count(ctx, nodes[0]); err != nil || n != writers*each {
		t.Errorf("counted to %d, %v; want %d", n, err, writers*each)
	}
	got, err := nodes[0].Message(ctx, m.ID)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, r := range got.Reactions {
		n += len(r.Users)
	}
	if n != writers*each {
		t.Errorf("%d reactions, want %d", n, writers*each)
	}
}

// TestPostgresOutage stops the server for longer than anybody waits: calls are answered, and go on by themselves afterwards.
func TestPostgresOutage(t *testing.T) {
	c := pgtest.New(t, pgtest.Options{})
	s := node(t, c.Schema(t))
	s.SetPatience(200 * time.Millisecond)
	room := populate(t, s, 1)[0]
	ctx := t.Context()
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, _, err := s.Append(ctx, chat.Draft{RoomID: room, SenderID: "ada", Type: chat.TextMessage}); !unavailable(err) {
				t.Errorf("append: %v", err)
			}
		})
		wg.Go(func() {
			if err := s.Change(ctx, increment(ctx)); !unavailable(err) {
				t.Errorf("change: %v", err)
			}
		})
		wg.Go(func() {
			if _, err := s.Room(ctx, room); !unavailable(err) {
				t.Errorf("read: %v", err)
			}
		})
	}
	wg.Wait()
	if err := s.Ping(ctx); !unavailable(err) {
		t.Errorf("ping: %v", err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	s.SetPatience(time.Minute)
	if m, _, err := s.Append(ctx, chat.Draft{RoomID: room, SenderID: "ada", Type: chat.TextMessage}); err != nil || m.Seq != 1 {
		t.Errorf("append afterwards: %+v, %v", m, err)
	}
	if err := s.Change(ctx, increment(ctx)); err != nil {
		t.Errorf("change afterwards: %v", err)
	}
	if n, err := count(ctx, s); err != nil || n != 1 {
		t.Errorf("counted to %d, %v", n, err)
	}
}

// TestPostgresLostCommit cuts the connection where it hurts most: when the commit was sent, before or after the server had it.
func TestPostgresLostCommit(t *testing.T) {
	for _, row := range []struct {
		name    string
		forward bool
	}{{"the server never got it", false}, {"the server did it and could not say so", true}} {
		t.Run(row.name, func(t *testing.T) {
			p := newProxy(t, pgtest.URL(t))
			s := node(t, p.address)
			room := populate(t, s, 1)[0]
			ctx := t.Context()
			for i := range 3 {
				p.cut(row.forward)
				if m, created, err := s.Append(ctx, chat.Draft{RoomID: room, SenderID: "ada", Type: chat.TextMessage, Content: "x", Search: "x"}); err != nil || !created || m.Seq != chat.Seq(i+1) {
					t.Errorf("append %d: %+v, %v, %v", i, m, created, err)
				}
				p.cut(row.forward)
				if err := s.Change(ctx, increment(ctx)); err != nil {
					t.Errorf("change %d: %v", i, err)
				}
			}
			if n := p.cuts.Load(); n != 6 {
				t.Errorf("%d connections were cut, want 6", n)
			}
			if n, err := count(ctx, s); err != nil || n != 3 {
				t.Errorf("counted to %d, %v; want 3", n, err)
			}
			if r, err := s.Room(ctx, room); err != nil || r.MessageCount != 3 {
				t.Errorf("%d messages, %v; want 3", r.MessageCount, err)
			}
		})
	}
}

// TestPostgresTakesAnyText stores what PostgreSQL has no place for: zero bytes, and bytes that are no text.
func TestPostgresTakesAnyText(t *testing.T) {
	s := node(t, pgtest.URL(t))
	room := populate(t, s, 1)[0]
	ctx := t.Context()
	for in, want := range map[string]string{"a\x00b": "a\uFFFDb", "a\xffb": "a\uFFFDb", "ab": "ab"} {
		m, _, err := s.Append(ctx, chat.Draft{RoomID: room, SenderID: "ada", Type: chat.TextMessage, Content: in, Search: in, Nonce: in})
		if err != nil {
			t.Fatalf("%q: %v", in, err)
		}
		if got, err := s.Message(ctx, m.ID); err != nil || got.Content != want {
			t.Errorf("%q is read back as %+v, %v", in, got, err)
		}
		if _, err := s.UserByName(ctx, in); chat.CodeOf(err) != "user_not_found" {
			t.Errorf("asking for %q: %v", in, err)
		}
	}
}

// proxy stands between a store and the server and can cut a connection at its next commit.
type proxy struct {
	address string
	server  string // its socket
	mode    atomic.Int32
	cuts    atomic.Int32
	wg      sync.WaitGroup
}

const (
	pass int32 = iota
	swallowCommit
	swallowAnswer
)

func newProxy(t *testing.T, address string) *proxy {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "pg")
	if err != nil {
		t.Fatal(err)
	}
	const socket = ".s.PGSQL.5432"
	q := u.Query()
	p := &proxy{server: filepath.Join(q.Get("host"), socket)}
	q.Set("host", dir)
	u.RawQuery = q.Encode()
	p.address = u.String()
	l, err := net.Listen("unix", filepath.Join(dir, socket))
	if err != nil {
		t.Fatal(err)
	}
	p.wg.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			p.wg.Go(func() { p.serve(t, client) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		p.wg.Wait()
		_ = os.RemoveAll(dir)
	})
	return p
}

// cut cuts the next connection that commits, after the server has got the commit or before.
func (p *proxy) cut(forward bool) {
	if forward {
		p.mode.Store(swallowAnswer)
	} else {
		p.mode.Store(swallowCommit)
	}
}

func (p *proxy) serve(t *testing.T, client net.Conn) {
	server, err := net.Dial("unix", p.server)
	if err != nil {
		t.Error(err)
		_ = client.Close()
		return
	}
	var mute atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() { // answers; those to a commit that is to be lost go nowhere
		buf := make([]byte, 64<<10)
		for {
			n, err := server.Read(buf)
			if n > 0 && mute.Load() { // it has committed
				err = io.EOF
			} else if n > 0 {
				_, _ = client.Write(buf[:n])
			}
			if err != nil {
				_ = client.Close()
				return
			}
		}
	})
	buf := make([]byte, 64<<10)
	for {
		n, err := client.Read(buf)
		if bytes.Contains(buf[:n], []byte("COMMIT\x00")) {
			switch {
			case p.mode.CompareAndSwap(swallowCommit, pass):
				p.cuts.Add(1)
				n, err = 0, io.EOF
				_ = client.Close()
			case p.mode.CompareAndSwap(swallowAnswer, pass):
				p.cuts.Add(1)
				mute.Store(true)
			}
		}
		if n > 0 {
			_, _ = server.Write(buf[:n])
		}
		if err != nil {
			_ = server.Close()
			break
		}
	}
	wg.Wait()
}
