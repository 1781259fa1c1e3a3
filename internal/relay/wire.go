package relay

import (
	"encoding/binary"
	"errors"
	"time"
)

// errWire is the fault of everything that cannot be read.
var errWire = errors.New("relay: not a batch, or a damaged one")

// writer appends values in their compact form: numbers as varints, texts with their length before them.
type writer struct{ b []byte }

func (w *writer) uint(n uint64)  { w.b = binary.AppendUvarint(w.b, n) }
func (w *writer) int(n int64)    { w.b = binary.AppendVarint(w.b, n) }
func (w *writer) text(s string)  { w.uint(uint64(len(s))); w.b = append(w.b, s...) }
func (w *writer) bytes(p []byte) { w.uint(uint64(len(p))); w.b = append(w.b, p...) }

func (w *writer) bool(v bool) {
	n := byte(0)
	if v {
		n = 1
	}
	w.b = append(w.b, n)
}

// time keeps the moment to the nanosecond, in UTC; the zero time is kept as such.
func (w *writer) time(t time.Time) {
	w.bool(!t.IsZero())
	if !t.IsZero() {
		w.int(t.Unix())
		w.uint(uint64(t.Nanosecond()))
	}
}

func list[T any](w *writer, items []T, item func(T)) {
	w.uint(uint64(len(items)))
	for _, x := range items {
		item(x)
	}
}

// reader takes values off in the same order. After the first fault everything reads as zero. Past the end, too: what a newer
// version appends, an older one has not written.
type reader struct {
	b     []byte
	fault bool
}

func (r *reader) fail() {
	r.b, r.fault = nil, true
}

func (r *reader) uint() uint64 {
	if len(r.b) == 0 {
		return 0
	}
	n, size := binary.Uvarint(r.b)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *reader) int() int64 {
	if len(r.b) == 0 {
		return 0
	}
	n, size := binary.Varint(r.b)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[size:]
	return n
}

// part takes the next bytes, which are shared.
func (r *reader) part() []byte {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	p := r.b[:n:n]
	r.b = r.b[n:]
	return p
}

func (r *reader) text() string { return string(r.part()) }

func (r *reader) bytes() []byte {
	if p := r.part(); len(p) > 0 {
		return append([]byte(nil), p...)
	}
	return nil
}

func (r *reader) bool() bool {
	if len(r.b) == 0 {
		return false
	}
	v := r.b[0]
	if v > 1 {
		r.fail()
		return false
	}
	r.b = r.b[1:]
	return v == 1
}

func (r *reader) time() time.Time {
	if !r.bool() {
		return time.Time{}
	}
	seconds, nanos := r.int(), r.uint()
	if nanos >= uint64(time.Second) {
		r.fail()
		return time.Time{}
	}
	return time.Unix(seconds, int64(nanos)).UTC()
}

// items reads a list. Its length is bounded by what is left: every item takes a byte at least.
func items[T any](r *reader, item func() T) []T {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	if n == 0 {
		return nil
	}
	all := make([]T, 0, min(n, 64))
	for range n {
		if r.fault {
			return nil
		}
		all = append(all, item())
	}
	return all
}
