package ws

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	gobwas "github.com/gobwas/ws"
)

// journal is a sink that writes down what it is told.
type journal []string

func (l *journal) message(op gobwas.OpCode, p []byte) {
	*l = append(*l, fmt.Sprintf("message %x %q", op, p))
}
func (l *journal) ping(p []byte) { *l = append(*l, fmt.Sprintf("ping %q", p)) }
func (l *journal) closed(code int, reason string) {
	*l = append(*l, fmt.Sprintf("closed %d %q", code, reason))
}

// decodeIn decodes input that arrives in pieces, as the readers do it.
func decodeIn(input []byte, limit int, pieces func() int) (l journal, fault *CloseError, d *decoder) {
	d = &decoder{max: limit}
	buf := make([]byte, 64)
	for len(input) > 0 {
		into := buf
		if len(d.rest) > 0 {
			into = d.room()
		}
		n := copy(into[:min(len(into), max(1, pieces()))], input)
		input = input[n:]
		p := into[:n]
		if held := len(d.rest); held > 0 {
			p = d.rest[:held+n]
		}
		done, err := d.feed(p, &l)
		if done {
			return l, err, d
		}
	}
	return l, nil, d
}

// FuzzDecoder feeds the same bytes in one piece and in many: what is found must be the same, within the limit,
// and nothing may be held that was not sent.
func FuzzDecoder(f *testing.F) {
	for _, s := range []string{
		text("hello"),
		text("") + masked(0x89, "ping") + masked(0x8a, "") + text(strings.Repeat("x", 200)),
		masked(0x01, "a\xc3") + masked(0x89, "between") + masked(0x00, "\xa4") + masked(0x80, ""),
		masked(0x82, "\x00\xff") + masked(0x88, closeBody(1000, "bye")) + text("behind"),
		masked(0x88, "") + text("behind"),
		masked(0x88, "x"), masked(0x80, "x"), masked(0xf1, "x"), text("\xff"),
		"\x81\x05hello", "\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00", "\x81\xfe\x01",
	} {
		f.Add([]byte(s), []byte{1, 3, 200})
	}
	f.Fuzz(func(t *testing.T, input, cuts []byte) {
		const limit = 300
		whole := &decoder{max: limit}
		var want journal
		_, wantErr := whole.feed(bytes.Clone(input), &want)
		i := 0
		got, gotErr, d := decodeIn(bytes.Clone(input), limit, func() int {
			if len(cuts) == 0 {
				return 1
			}
			i++
			return int(cuts[i%len(cuts)])
		})
		if !slices.Equal(got, want) || fmt.Sprint(gotErr) != fmt.Sprint(wantErr) {
			t.Fatalf("in pieces: %q, %v\nin one: %q, %v", got, gotErr, want, wantErr)
		}
		if len(d.msg) > limit || len(d.rest) > limit+gobwas.MaxHeaderSize || len(d.rest)+len(d.msg) > len(input) {
			t.Fatalf("holds %d and %d bytes of %d", len(d.rest), len(d.msg), len(input))
		}
	})
}

func TestDecoderReservesNothingForAnAnnouncedLength(t *testing.T) {
	d := &decoder{max: 1 << 30}
	d.feed([]byte("\x81\xff\x00\x00\x00\x00\x20\x00\x00\x00\x00\x00\x00\x00abc"), &journal{})
	if n := len(d.room()); n > 4096 {
		t.Errorf("%d bytes reserved for a frame of which 3 arrived", n)
	}
}

func TestDecoderHoldsNothingWhenIdle(t *testing.T) {
	var l journal
	d := &decoder{max: 1 << 20}
	in := []byte(masked(0x01, "a") + masked(0x80, strings.Repeat("b", 1000)) + text("c"))
	for len(in) > 0 { // in halves
		n := (len(in) + 1) / 2
		p := append(d.rest, in[:n]...)
		in = in[n:]
		d.feed(p, &l)
	}
	if d.rest != nil || d.msg != nil || len(l) != 2 {
		t.Errorf("holds %d and %d bytes after %q", len(d.rest), len(d.msg), l)
	}
}

func TestFramesAreShortAsCanBe(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 65535, 65536} {
		f := NewFrame(bytes.Repeat([]byte("x"), n))
		want := gobwas.MustCompileFrame(gobwas.NewTextFrame(bytes.Repeat([]byte("x"), n)))
		if !bytes.Equal(f.wire, want) || f.Len() != len(want) {
			t.Errorf("%d bytes: framed as %d, want %d", n, f.Len(), len(want))
		}
		if len(f.Payload()) != n {
			t.Errorf("%d bytes: the payload has %d", n, len(f.Payload()))
		}
	}
}

func TestCloseFrames(t *testing.T) {
	rows := []struct {
		name   string
		code   int
		reason string
		want   string
	}{
		{"code and reason", 1001, "later", closeBody(1001, "later")},
		{"a long reason is cut between characters", 1000, strings.Repeat("ä", 100), closeBody(1000, strings.Repeat("ä", 61))},
		{"a reason that is not UTF-8 is cut before that", 1000, "a\xffb", closeBody(1000, "a")},
		{"a code that must not be sent gives no code", 1006, "x", ""},
		{"nor does one out of range", 70000, "x", ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			got := closeFrame(row.code, row.reason).wire
			if want := "\x88" + string(rune(len(row.want))) + row.want; string(got) != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}
