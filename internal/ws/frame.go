package ws

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"

	gobwas "github.com/gobwas/ws"
)

// Close codes of RFC 6455 section 7.4.1 that this package sends or reports.
const (
	CloseNormal          = 1000
	CloseGoingAway       = 1001
	CloseProtocolError   = 1002
	CloseUnsupportedData = 1003
	CloseNoStatus        = 1005 // reported when the peer's close frame has no code; never sent
	CloseInvalidPayload  = 1007
	ClosePolicyViolation = 1008
	CloseTooBig          = 1009
	CloseInternalError   = 1011
)

// maxControl is the largest payload of a control frame (RFC 6455 section 5.5).
const maxControl = gobwas.MaxControlFramePayloadSize

// Frame is one message framed for sending. It is immutable: any number of connections may share it.
type Frame struct {
	wire []byte // header and payload, as written to the socket
}

// NewFrame frames text as one unfragmented text message. The bytes are copied. The text must be valid UTF-8,
// or clients will close the connection; it is not checked again here.
func NewFrame(text []byte) *Frame { return encode(gobwas.OpText, text) }

// NewBinaryFrame frames data as one unfragmented binary message. The bytes are copied.
func NewBinaryFrame(data []byte) *Frame { return encode(gobwas.OpBinary, data) }

// Len is the size of the frame on the wire in bytes, header included: what counts against QueueBytes.
func (f *Frame) Len() int { return len(f.wire) }

// Payload is the message inside the frame. It must not be changed.
func (f *Frame) Payload() []byte {
	switch f.wire[1] {
	case 126:
		return f.wire[4:]
	case 127:
		return f.wire[10:]
	default:
		return f.wire[2:]
	}
}

// encode frames a payload as a server does: final, unmasked, shortest length form (RFC 6455 section 5.2).
func encode(op gobwas.OpCode, payload []byte) *Frame {
	n := len(payload)
	b := make([]byte, 0, n+10)
	b = append(b, 0x80|byte(op))
	switch {
	case n < 126:
		b = append(b, byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 127), uint64(n))
	}
	return &Frame{wire: append(b, payload...)}
}

var pingFrame = encode(gobwas.OpPing, nil)

// closeFrame is a close frame with a code and a reason cut to what a control frame can hold. Codes that must
// not appear on the wire give an empty close frame.
func closeFrame(code int, reason string) *Frame {
	if !sendable(code) {
		return encode(gobwas.OpClose, nil)
	}
	for len(reason) > maxControl-2 || !utf8.ValidString(reason) {
		reason = reason[:min(len(reason)-1, maxControl-2)]
	}
	return encode(gobwas.OpClose, append(binary.BigEndian.AppendUint16(nil, uint16(code)), reason...))
}

// sendable reports whether a close code may appear in a close frame (RFC 6455 section 7.4).
func sendable(code int) bool {
	return code < 5000 && code >= 1000 && gobwas.CheckCloseFrameData(gobwas.StatusCode(code), "") == nil
}

// CloseError is the reason of a connection that was closed by a close frame, ours or the peer's, whichever
// came first.
type CloseError struct {
	Code   int // RFC 6455 section 7.4; CloseNoStatus if the frame had none
	Reason string
	Peer   bool // the peer began
}

func (e *CloseError) Error() string {
	by := "us"
	if e.Peer {
		by = "the peer"
	}
	return fmt.Sprintf("websocket closed by %s: %d %q", by, e.Code, e.Reason)
}
