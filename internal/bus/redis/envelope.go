package redis

import "encoding/binary"

// What travels through the engine: one byte for the kind, the id of the node that sent it with its length before it, and for
// a message the name of its channel, in the same way, and the payload. Lengths are varints. Nodes of a newer version may send
// other kinds; they are passed over.
const (
	kindMessage = 1
	kindLoss    = 2 // the node could not publish something
)

type envelope struct {
	kind    byte
	node    string
	channel string
	payload []byte
}

func message(node, channel string, payload []byte) []byte {
	b := make([]byte, 0, 1+2*binary.MaxVarintLen32+len(node)+len(channel)+len(payload))
	b = appendText(append(b, kindMessage), node)
	return append(appendText(b, channel), payload...)
}

func loss(node string) []byte { return appendText([]byte{kindLoss}, node) }

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// open reads an envelope. The payload is a part of b.
func open(b []byte) (e envelope, ok bool) {
	if len(b) == 0 {
		return envelope{}, false
	}
	e.kind = b[0]
	if e.node, b, ok = cutText(b[1:]); !ok {
		return envelope{}, false
	}
	if e.kind == kindMessage {
		if e.channel, b, ok = cutText(b); !ok {
			return envelope{}, false
		}
		e.payload = b
	}
	return e, true
}

func cutText(b []byte) (s string, rest []byte, ok bool) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return "", nil, false
	}
	b = b[size:]
	return string(b[:n]), b[n:], true
}
