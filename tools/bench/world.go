package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// text120 is what people say here: 120 characters.
const text120 = "The quick brown fox jumps over the lazy dog while the band plays on and the tide comes in, slowly, over the old pier. ok"

// world is a server with people and rooms.
type world struct {
	p     *process
	api   api
	users []user
}

type user struct{ id, token string }

// newWorld registers n people, some at a time.
func newWorld(p *process, n int) (*world, error) {
	w := &world{p: p, api: api{"http://" + p.addr}, users: make([]user, n)}
	return w, parallel(8, n, func(i int) error {
		var login struct {
			Token string
			User  struct{ ID string }
		}
		err := w.api.post("", "/api/auth/register", map[string]any{"username": fmt.Sprintf("u%06d", i), "password": "correct horse battery"}, &login)
		w.users[i] = user{login.User.ID, login.Token}
		return err
	})
}

// room makes a public room owned by the first of the people and lets the others join.
func (w *world) room(name string, people []user) (string, error) {
	var room struct{ ID string }
	if err := w.api.post(people[0].token, "/api/rooms", map[string]any{"name": name, "type": "public"}, &room); err != nil {
		return "", err
	}
	return room.ID, parallel(8, len(people)-1, func(i int) error {
		return w.api.post(people[i+1].token, "/api/rooms/"+room.ID+"/join", map[string]any{}, nil)
	})
}

// connect opens a connection for a person and, with a room, subscribes it.
func (w *world) connect(u user, room string) (*client, error) {
	c, err := dial(w.p.addr, "/api/ws?token="+u.token)
	if err != nil {
		return nil, err
	}
	if _, err := c.await("ready"); err != nil {
		return nil, err
	}
	if room == "" {
		return c, nil
	}
	if err := c.write(fmt.Appendf(nil, `{"type":"join_room","ref":"j","room_id":%q}`, room)); err != nil {
		return nil, err
	}
	_, err = c.await("ok")
	return c, err
}

// originOwn is how the copy of a message ends that its sender gets.
var originOwn = []byte(`,"listener":"s"}`)

// connectOrigin opens a connection of an OriginChats client for the person of that number.
func (w *world) connectOrigin(i int) (*client, error) {
	c, err := dial(w.p.addr, "/")
	if err != nil {
		return nil, err
	}
	if err := c.write(fmt.Appendf(nil, `{"cmd":"login","username":"u%06d","password":"correct horse battery"}`, i)); err != nil {
		return nil, err
	}
	for {
		b, err := c.read()
		switch {
		case err != nil:
			return nil, err
		case bytes.HasPrefix(b, []byte(`{"cmd":"ready"`)):
			return c, nil
		case bytes.HasPrefix(b, []byte(`{"cmd":"auth_error"`)):
			return nil, fmt.Errorf("the server answered %s", b)
		}
	}
}

// originFrame is a message as OriginChats clients send it, of as many characters as that of sendFrame.
func originFrame(channel string) []byte {
	content := fmt.Sprintf("t=%019d %s", time.Now().UnixNano(), text120[:97])
	return fmt.Appendf(nil, `{"cmd":"message_new","channel":%q,"content":%q,"listener":"s"}`, channel, content)
}

func parallel(width, n int, do func(int) error) error {
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	for range width {
		wg.Go(func() {
			for failed.Load() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := do(i); err != nil {
					failed.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

// sendFrame is a message to a room; the time stands in it so that a receiver can tell how long it took.
func sendFrame(room string, ref string) []byte {
	content := fmt.Sprintf("t=%019d %s", time.Now().UnixNano(), text120[:97])
	return fmt.Appendf(nil, `{"type":"send_message","ref":%q,"room_id":%q,"content":%q}`, ref, room, content)
}

// sentAt reads the time out of a frame with a message of sendFrame.
func sentAt(frame []byte) (time.Time, bool) {
	s := string(frame)
	i := strings.Index(s, "t=")
	for i >= 0 && (i+21 > len(s) || s[i+2] < '0' || s[i+2] > '9' || s[i+20] < '0' || s[i+20] > '9') {
		j := strings.Index(s[i+2:], "t=")
		if j < 0 {
			return time.Time{}, false
		}
		i += 2 + j
	}
	if i < 0 {
		return time.Time{}, false
	}
	var n int64
	for _, d := range s[i+2 : i+21] {
		n = n*10 + int64(d-'0')
	}
	return time.Unix(0, n), true
}

// fill stores many messages in a room through its API, as fast as a few connections can.
func (w *world) fill(room string, senders []user, n int) error {
	var left atomic.Int64
	left.Store(int64(n))
	return parallel(len(senders), len(senders), func(i int) error {
		c, err := w.connect(senders[i], "")
		if err != nil {
			return err
		}
		defer c.conn.Close()
		const window = 32
		inFlight := 0
		for {
			for inFlight < window && left.Add(-1) >= 0 {
				if err := c.write(sendFrame(room, "s")); err != nil {
					return err
				}
				inFlight++
			}
			if inFlight == 0 {
				return nil
			}
			if _, err := c.await("ok"); err != nil {
				return err
			}
			inFlight--
		}
	})
}

// reader reads pages over one connection, at little cost: what is measured is the server.
type reader struct {
	conn    net.Conn
	in      *bufio.Reader
	request []byte
	body    bytes.Buffer
}

func (w *world) reader(u user, room string) (*reader, error) {
	conn, err := net.Dial("tcp", w.p.addr)
	if err != nil {
		return nil, err
	}
	request := fmt.Sprintf("GET /api/rooms/%s/messages?limit=50 HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", room, w.p.addr, u.token)
	return &reader{conn: conn, in: bufio.NewReaderSize(conn, 64<<10), request: []byte(request)}, nil
}

// page reads the newest 50 messages of the room and returns how many came.
func (r *reader) page() (int, error) {
	if _, err := r.conn.Write(r.request); err != nil {
		return 0, err
	}
	resp, err := http.ReadResponse(r.in, nil)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	r.body.Reset()
	if _, err := r.body.ReadFrom(resp.Body); err != nil {
		return 0, err
	}
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("reading a page: %s %s", resp.Status, r.body.Bytes())
	}
	return bytes.Count(r.body.Bytes(), []byte(`"change_seq":`)), nil
}
