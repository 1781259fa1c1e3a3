package ws

import (
	"encoding/binary"
	"math"
	"unicode/utf8"

	gobwas "github.com/gobwas/ws"
)

// decoder turns the bytes of one connection into messages. It holds bytes only while a frame or a fragmented
// message is incomplete.
type decoder struct {
	max int // bytes of one whole message

	rest []byte // the beginning of an incomplete frame
	need int    // size of that frame if its header is known, else 0

	op  gobwas.OpCode // of the fragmented message being collected; OpContinuation if none
	msg []byte        // its fragments so far
}

// sink receives what a decoder finds, in the order of the wire. Payloads are valid during the call only.
type sink interface {
	message(op gobwas.OpCode, payload []byte)
	ping(payload []byte)
	// closed is the peer's close frame; nothing after it is decoded.
	closed(code int, reason string)
}

// errDecode is how a decoder refuses input: the code to close with and why.
func errDecode(code int, why string) *CloseError { return &CloseError{Code: code, Reason: why} }

// header reads one frame header. A size of 0 means that p is too short to tell.
func header(p []byte) (h gobwas.Header, size int) {
	if len(p) < 2 {
		return h, 0
	}
	h.Fin = p[0]&0x80 != 0
	h.Rsv = p[0] & 0x70 >> 4
	h.OpCode = gobwas.OpCode(p[0] & 0x0f)
	h.Masked = p[1]&0x80 != 0
	size, h.Length = 2, int64(p[1]&0x7f)
	switch h.Length {
	case 126:
		if size += 2; len(p) < size {
			return h, 0
		}
		h.Length = int64(binary.BigEndian.Uint16(p[2:]))
	case 127:
		if size += 8; len(p) < size {
			return h, 0
		}
		// A set top bit is forbidden; as a length it is too big for any limit, which is all we need to say.
		h.Length = int64(min(binary.BigEndian.Uint64(p[2:]), math.MaxInt64))
	}
	if h.Masked {
		if size += 4; len(p) < size {
			return h, 0
		}
		copy(h.Mask[:], p[size-4:])
	}
	return h, size
}

// check applies RFC 6455 section 5 and the size limit to a header, before any of its payload is stored.
func (d *decoder) check(h gobwas.Header) *CloseError {
	state := gobwas.StateServerSide
	if d.op != gobwas.OpContinuation {
		state = state.Set(gobwas.StateFragmented)
	}
	if err := gobwas.CheckHeader(h, state); err != nil {
		return errDecode(CloseProtocolError, err.Error())
	}
	if h.OpCode.IsData() && h.Length > int64(d.max-len(d.msg)) {
		return errDecode(CloseTooBig, "message too big")
	}
	return nil
}

// feed decodes p, which is unmasked in place, and hands what it finds to out. It keeps a copy of an
// incomplete frame at the end. After an error or the peer's close frame the decoder must not be fed again.
func (d *decoder) feed(p []byte, out sink) (done bool, err *CloseError) {
	for {
		h, size := header(p)
		if size == 0 {
			d.keep(p, 0)
			return false, nil
		}
		if err := d.check(h); err != nil {
			return true, err
		}
		total := size + int(h.Length)
		if len(p) < total {
			d.keep(p, total)
			return false, nil
		}
		payload := p[size:total:total]
		gobwas.Cipher(payload, h.Mask, 0)
		p = p[total:]
		if done, err := d.frame(h, payload, out); done || err != nil {
			return true, err
		}
	}
}

// keep stores the beginning of an incomplete frame.
func (d *decoder) keep(p []byte, total int) {
	d.need = total
	if len(p) == 0 {
		d.rest = nil
		return
	}
	if cap(d.rest) > 0 && &d.rest[:1][0] == &p[0] {
		d.rest = p // it is there already
		return
	}
	d.rest = append([]byte(nil), p...)
}

// room gives the place to read into when an incomplete frame is held: behind it. The place grows with what
// has really arrived, so that a length announced by the peer reserves nothing.
func (d *decoder) room() []byte {
	n := len(d.rest)
	if cap(d.rest) == n {
		size := max(2*n, 512)
		if d.need > 0 {
			size = min(size, d.need)
		}
		grown := make([]byte, n, max(size, n+1))
		copy(grown, d.rest)
		d.rest = grown
	}
	return d.rest[n:cap(d.rest)]
}

// frame handles one whole, unmasked frame.
func (d *decoder) frame(h gobwas.Header, payload []byte, out sink) (done bool, err *CloseError) {
	switch h.OpCode {
	case gobwas.OpPing:
		out.ping(payload)
		return false, nil
	case gobwas.OpPong:
		return false, nil
	case gobwas.OpClose:
		return true, d.closing(payload, out)
	}
	op := h.OpCode
	if !h.Fin || op == gobwas.OpContinuation {
		if op != gobwas.OpContinuation {
			d.op = op
		}
		d.msg = append(d.msg, payload...)
		if !h.Fin {
			return false, nil
		}
		op, payload = d.op, d.msg
		d.op, d.msg = gobwas.OpContinuation, nil
	}
	if op == gobwas.OpText && !utf8.Valid(payload) {
		return true, errDecode(CloseInvalidPayload, "text is not UTF-8")
	}
	out.message(op, payload)
	return false, nil
}

// closing handles the peer's close frame (RFC 6455 sections 5.5.1 and 7.4).
func (d *decoder) closing(payload []byte, out sink) *CloseError {
	if len(payload) == 0 {
		out.closed(CloseNoStatus, "")
		return nil
	}
	if len(payload) == 1 {
		return errDecode(CloseProtocolError, "close frame of one byte")
	}
	code, reason := int(binary.BigEndian.Uint16(payload)), payload[2:]
	if !sendable(code) {
		return errDecode(CloseProtocolError, "invalid close code")
	}
	if !utf8.Valid(reason) {
		return errDecode(CloseInvalidPayload, "close reason is not UTF-8")
	}
	out.closed(code, string(reason))
	return nil
}
