package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// client is one WebSocket client that costs the load generator as little as can be: it reads frames and looks only at
// what the measurement needs.
type client struct {
	conn net.Conn
	in   *bufio.Reader
	buf  []byte
}

// dial opens a WebSocket at path on addr.
func dial(addr, path string) (*client, error) {
	conn, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		return nil, err
	}
	var key [16]byte
	rand.Read(key[:])
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n",
		path, addr, base64.StdEncoding.EncodeToString(key[:]))
	in := bufio.NewReaderSize(conn, 16<<10)
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		conn.Close()
		return nil, err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 500))
		conn.Close()
		return nil, fmt.Errorf("upgrade: %s %s", resp.Status, body)
	}
	return &client{conn: conn, in: in}, nil
}

// read returns the next text frame; it is valid until the next call. Pings are answered.
func (c *client) read() ([]byte, error) {
	for {
		var head [10]byte
		if _, err := io.ReadFull(c.in, head[:2]); err != nil {
			return nil, err
		}
		n := int(head[1] & 0x7f)
		switch n {
		case 126:
			if _, err := io.ReadFull(c.in, head[2:4]); err != nil {
				return nil, err
			}
			n = int(binary.BigEndian.Uint16(head[2:4]))
		case 127:
			if _, err := io.ReadFull(c.in, head[2:10]); err != nil {
				return nil, err
			}
			n = int(binary.BigEndian.Uint64(head[2:10]))
		}
		if cap(c.buf) < n {
			c.buf = make([]byte, n*2)
		}
		b := c.buf[:n]
		if _, err := io.ReadFull(c.in, b); err != nil {
			return nil, err
		}
		switch head[0] & 0x0f {
		case 1, 2:
			return b, nil
		case 8:
			code := 0
			if len(b) >= 2 {
				code = int(binary.BigEndian.Uint16(b))
			}
			return nil, fmt.Errorf("closed by the server: %d %s", code, b[min(2, len(b)):])
		case 9:
			if err := c.writeFrame(0x8a, b); err != nil {
				return nil, err
			}
		}
	}
}

// write sends one text frame.
func (c *client) write(text []byte) error { return c.writeFrame(0x81, text) }

func (c *client) writeFrame(first byte, payload []byte) error {
	frame := make([]byte, 0, len(payload)+14)
	frame = append(frame, first)
	switch n := len(payload); {
	case n < 126:
		frame = append(frame, 0x80|byte(n))
	case n < 1<<16:
		frame = append(frame, 0x80|126, byte(n>>8), byte(n))
	default:
		frame = append(frame, 0x80|127)
		frame = binary.BigEndian.AppendUint64(frame, uint64(n))
	}
	frame = append(frame, 0, 0, 0, 0) // a mask of zeros leaves the payload as it is
	_, err := c.conn.Write(append(frame, payload...))
	return err
}

// await reads until a frame of the type, which it returns.
func (c *client) await(kind string) ([]byte, error) {
	prefix := []byte(`{"type":"` + kind + `"`)
	for {
		b, err := c.read()
		if err != nil {
			return nil, err
		}
		if bytes.HasPrefix(b, prefix) {
			return b, nil
		}
		if bytes.HasPrefix(b, []byte(`{"type":"error"`)) {
			return nil, fmt.Errorf("the server answered %s", b)
		}
	}
}

// api is the REST side of the server under test.
type api struct{ base string }

func (a api) post(token, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return a.do(token, http.MethodPost, path, bytes.NewReader(body), out)
}

func (a api) do(token, method, path string, body io.Reader, out any) error {
	req, err := http.NewRequest(method, a.base+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s %s", method, path, resp.Status, strings.TrimSpace(string(text)))
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(text, out)
}
