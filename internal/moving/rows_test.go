package moving

import (
	"bytes"
	"reflect"
	"testing"
)

func TestCanonical(t *testing.T) {
	for _, row := range []struct {
		name string
		kind kind
		in   any
		want any // nil: refused
	}{
		{"SQLite's flag is a boolean", boolean, int64(1), true},
		{"a boolean is one", boolean, false, false},
		{"a driver may take a number for a flag", integer, true, int64(1)},
		{"a whole number with a point is a number", integer, 7.0, int64(7)},
		{"half a number is none", integer, 7.5, nil},
		{"a text is no number", integer, "7", nil},
		{"a text that was stored as bytes is a text", text, []byte("a"), "a"},
		{"a text is what PostgreSQL can keep", text, "a\x00\xff", "a\uFFFD\uFFFD"},
		{"a number is no text", text, int64(1), nil},
		{"bytes that were stored as a text are bytes", raw, "a", []byte("a")},
		{"no bytes are not NULL", raw, []byte(nil), []byte{}},
		{"a column of a kind that is not known has no values", 0, int64(1), nil},
	} {
		got, err := canonical(row.kind, row.in)
		if !reflect.DeepEqual(got, row.want) || (err != nil) != (row.want == nil) {
			t.Errorf("%s: %#v, %v", row.name, got, err)
		}
		if got, err := canonical(row.kind, nil); got != nil || err != nil {
			t.Errorf("NULL became %#v, %v", got, err)
		}
	}
}

func TestNoTwoRowsAreWrittenAlike(t *testing.T) {
	rows := [][]any{
		{nil}, {nil, nil}, {int64(0)}, {int64(1)}, {int64(-1)}, {false}, {true}, {""}, {"a"}, {[]byte{}}, {[]byte("a")}, {"a", "b"}, {"ab", ""}, {"", "ab"}, {"a\x01b"}, {"-"}, {"i"},
	}
	seen := map[string]int{}
	for i, row := range rows {
		var b []byte
		for _, v := range row {
			b = appendValue(b, v)
		}
		if other, ok := seen[string(b)]; ok {
			t.Errorf("%#v is written like %#v", row, rows[other])
		}
		seen[string(b)] = i
	}
}

func TestTheOrderOfRowsDoesNotMatterButTheirNumber(t *testing.T) {
	add := func(rows ...string) (s sum) {
		for _, r := range rows {
			s.add([]byte(r))
		}
		return s
	}
	if add("a", "b", "c") != add("c", "a", "b") {
		t.Error("the order matters")
	}
	for _, other := range []sum{add(), add("a"), add("a", "b"), add("a", "a", "b"), add("a", "c")} {
		if other == add("a", "b", "b") {
			t.Error("other rows have the same sum")
		}
	}
}

func FuzzKey(f *testing.F) {
	f.Add(int64(-1), "a\xff\x00", []byte{0, 1})
	f.Fuzz(func(t *testing.T, n int64, s string, b []byte) {
		list, err := encodeKey([]any{n, s, b})
		if err != nil {
			t.Fatal(err)
		}
		key, err := decodeKey(list)
		if err != nil || key[0] != n || key[1] != s || !bytes.Equal(key[2].([]byte), b) {
			t.Errorf("%v became %v, %v", []any{n, s, b}, key, err)
		}
		_, _ = decodeKey([]string{s, string(b)}) // whatever it says, it does not panic
	})
}
