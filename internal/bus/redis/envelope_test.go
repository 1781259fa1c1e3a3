package redis

import (
	"bytes"
	"testing"
)

func FuzzOpen(f *testing.F) {
	f.Add([]byte{})
	f.Add(message("node", "room:1", []byte("payload")))
	f.Add(message("", "", nil))
	f.Add(loss("node"))
	f.Add([]byte{kindMessage, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01})
	f.Add([]byte{kindMessage, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 'x'})
	f.Add([]byte{99, 1, 'n', 1, 2, 3})
	f.Fuzz(func(t *testing.T, b []byte) {
		e, ok := open(b)
		if !ok || e.kind != kindMessage {
			return
		}
		again, ok := open(message(e.node, e.channel, e.payload))
		if !ok || again.node != e.node || again.channel != e.channel || !bytes.Equal(again.payload, e.payload) {
			t.Errorf("%+v reads back as %+v", e, again)
		}
	})
}

func TestEnvelopesReadBack(t *testing.T) {
	e, ok := open(message("node", "комната\r\n", []byte("\x00\xff")))
	if !ok || e.node != "node" || e.channel != "комната\r\n" || string(e.payload) != "\x00\xff" {
		t.Errorf("a message reads back as %+v, %v", e, ok)
	}
	if e, ok := open(loss("node")); !ok || e.kind != kindLoss || e.node != "node" {
		t.Errorf("a loss reads back as %+v, %v", e, ok)
	}
}
