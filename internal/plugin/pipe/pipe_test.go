package pipe

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
)

func TestFramesComeBackAsTheyWere(t *testing.T) {
	var b bytes.Buffer
	sent := []Request{
		{Op: OpLoad, Plugin: "a", Load: &Load{Name: "A", Source: "on('x')", Config: json.RawMessage(`{"n":1}`)}},
		{Op: OpTurn, Plugin: "a", Inputs: []Input{{Kind: Reply, ID: 7, Failure: &Failure{Code: "c", Text: "t"}}}},
	}
	for _, r := range sent {
		if err := Write(&b, r); err != nil {
			t.Fatal(err)
		}
	}
	in := bufio.NewReader(&b)
	for _, want := range sent {
		var got Request
		if err := Read(in, &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, %v", got, err)
		}
	}
	if err := Read(in, new(Request)); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
}

func TestWhatIsNoFrameIsRefused(t *testing.T) {
	for name, raw := range map[string]string{
		"half a head": "\x00\x00", "half a body": "\x00\x00\x00\x09{}", "a huge length": "\xff\xff\xff\xff{}", "no JSON": "\x00\x00\x00\x02{]",
		"another type": "\x00\x00\x00\x02[]",
	} {
		if err := Read(bufio.NewReader(strings.NewReader(raw)), new(Response)); !errors.Is(err, ErrBroken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := Write(io.Discard, strings.Repeat("x", MaxFrame)); !errors.Is(err, ErrBroken) {
		t.Errorf("a frame that is too large: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	if err := Write(&b, Response{Plugin: "a", Calls: []Call{{ID: 1, Name: "send", Args: json.RawMessage(`{"room":1}`)}}, Weights: map[string]int64{"a": 1}}); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte("\x00\x00\x00\x02{}"))
	f.Add([]byte("\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		in := bufio.NewReader(bytes.NewReader(raw))
		for {
			var r Response
			if err := Read(in, &r); err != nil {
				return
			}
			var again Response
			var b bytes.Buffer
			if err := Write(&b, r); err != nil {
				t.Fatalf("what was read cannot be written: %v", err)
			}
			if err := Read(bufio.NewReader(&b), &again); err != nil {
				t.Fatalf("what was written cannot be read: %v", err)
			}
		}
	})
}
