package origin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"parley/internal/jsontext"
)

// request is one packet from a client.
type request struct {
	cmd      string
	listener string
	has      bool // a listener was given
	fields   map[string]json.RawMessage
}

// parse reads a packet. What is not JSON gives neither a request nor an error (specs: originchats §3); JSON that is no object
// fails with the text of DV-02.
func parse(payload []byte) (*request, error) {
	if !json.Valid(payload) {
		return nil, nil
	}
	kind := kindOf(payload)
	if kind != "dict" {
		return nil, plain("Invalid message format: expected a dictionary, got " + kind)
	}
	q := &request{}
	if err := json.Unmarshal(payload, &q.fields); err != nil {
		return nil, plain("Invalid message format: the packet cannot be read")
	}
	_ = json.Unmarshal(q.fields["cmd"], &q.cmd) // anything but a string is no command
	if raw, given := q.fields["listener"]; given && kindOf(raw) == "str" {
		q.has = json.Unmarshal(raw, &q.listener) == nil
	}
	return q, nil
}

// kindOf names the type of a JSON value as texts of this protocol do.
func kindOf(raw []byte) string {
	raw = bytes.TrimLeft(raw, " \t\r\n")
	if len(raw) == 0 {
		return "NoneType"
	}
	switch raw[0] {
	case '{':
		return "dict"
	case '[':
		return "list"
	case '"':
		return "str"
	case 't', 'f':
		return "bool"
	case 'n':
		return "NoneType"
	}
	if bytes.ContainsAny(raw, ".eE") {
		return "float"
	}
	return "int"
}

// tail is what a reply ends in: the listener, if the request had one.
func (q *request) tail() []byte {
	if q == nil || !q.has {
		return nil
	}
	return jsontext.AppendString([]byte(`,"listener":`), q.listener)
}

// given reports whether a field is there and not null.
func (q *request) given(field string) bool {
	raw, there := q.fields[field]
	return there && kindOf(raw) != "NoneType"
}

// null reports whether a field is there and null.
func (q *request) null(field string) bool {
	raw, there := q.fields[field]
	return there && kindOf(raw) == "NoneType"
}

// wrongType is the refusal of a field of another type than it has (DV-03).
func (q *request) wrongType(field string) error {
	return refusef(q.cmd, "Invalid value for '%s'", field)
}

// text reads a string; a missing one and null are empty. Any other type fails as DV-03 says.
func (q *request) text(field string) (s string, err error) {
	if !q.given(field) {
		return "", nil
	}
	if kindOf(q.fields[field]) != "str" || json.Unmarshal(q.fields[field], &s) != nil {
		return "", q.wrongType(field)
	}
	return s, nil
}

// whole reads an integer; def stands for a missing one and null. A boolean is no integer, nor is a fraction.
func (q *request) whole(field string, def int64) (int64, error) {
	if !q.given(field) {
		return def, nil
	}
	var n int64
	if kindOf(q.fields[field]) != "int" || json.Unmarshal(q.fields[field], &n) != nil {
		return 0, q.wrongType(field)
	}
	return n, nil
}

// number reads a number of either kind; ok is false where there is none.
func (q *request) number(field string) (n float64, ok bool, err error) {
	if !q.given(field) {
		return 0, false, nil
	}
	kind := kindOf(q.fields[field])
	if kind != "int" && kind != "float" || json.Unmarshal(q.fields[field], &n) != nil || math.IsInf(n, 0) {
		return 0, false, q.wrongType(field)
	}
	return n, true, nil
}

// flag reads a boolean; def stands for a missing one and null.
func (q *request) flag(field string, def bool) (bool, error) {
	if !q.given(field) {
		return def, nil
	}
	var b bool
	if kindOf(q.fields[field]) != "bool" || json.Unmarshal(q.fields[field], &b) != nil {
		return false, q.wrongType(field)
	}
	return b, nil
}

// object reads an object's fields; nil for a missing one and null.
func (q *request) object(field string) (map[string]json.RawMessage, error) {
	if !q.given(field) {
		return nil, nil
	}
	var fields map[string]json.RawMessage
	if kindOf(q.fields[field]) != "dict" || json.Unmarshal(q.fields[field], &fields) != nil {
		return nil, q.wrongType(field)
	}
	return fields, nil
}

// list reads an array's elements; nil for a missing one and null.
func (q *request) list(field string) ([]json.RawMessage, error) {
	if !q.given(field) {
		return nil, nil
	}
	var items []json.RawMessage
	if kindOf(q.fields[field]) != "list" || json.Unmarshal(q.fields[field], &items) != nil {
		return nil, q.wrongType(field)
	}
	return items, nil
}

// texts reads an array of strings.
func (q *request) texts(field string) ([]string, error) {
	items, err := q.list(field)
	if err != nil {
		return nil, err
	}
	out := make([]string, 0, len(items))
	for _, raw := range items {
		var s string
		if kindOf(raw) != "str" || json.Unmarshal(raw, &s) != nil {
			return nil, q.wrongType(field)
		}
		out = append(out, s)
	}
	return out, nil
}

// clip cuts what a client sent to what a text may repeat.
func clip(s string) string {
	if r := []rune(s); len(r) > 60 {
		return strings.ToValidUTF8(string(r[:60]), "") + "…"
	}
	return s
}

// unknownCommand refuses a packet whose command does not exist.
func unknownCommand(q *request) error {
	if q.cmd == "" {
		return plain("Unknown command: None")
	}
	return refuse(clip(q.cmd), fmt.Sprintf("Unknown command: %s", clip(q.cmd)))
}
