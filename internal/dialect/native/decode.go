package native

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strconv"
	"unicode/utf8"

	"parley/internal/chat"
)

// maxDepth is how many arrays and objects may stand inside each other in what a client sends.
const maxDepth = 32

// maxNumber is how long a number may be written.
const maxNumber = 64

// CheckJSON says whether b is exactly one JSON text (RFC 8259) that every reader understands alike (RFC 7493): valid UTF-8
// without half surrogates and NUL, no name twice in an object, numbers within the range of a double, at most 32 levels deep.
// Fails with json_invalid, json_too_deep, json_text_invalid, json_number_invalid or json_duplicate_name.
func CheckJSON(b []byte) error {
	s := jsonScanner{b: b}
	if err := s.value(0); err != nil {
		return err
	}
	s.space()
	if s.at < len(s.b) {
		return s.fault("there is more after the end")
	}
	return nil
}

type jsonScanner struct {
	b  []byte
	at int
}

func (s *jsonScanner) fault(what string) error {
	return chat.Errorf(chat.Invalid, "json_invalid", "This is not valid JSON: at byte %d %s.", s.at, what)
}

func (s *jsonScanner) space() {
	for s.at < len(s.b) {
		switch s.b[s.at] {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return
		}
	}
}

// peek skips white space and returns the next byte, 0 at the end.
func (s *jsonScanner) peek() byte {
	s.space()
	if s.at == len(s.b) {
		return 0
	}
	return s.b[s.at]
}

func (s *jsonScanner) value(depth int) error {
	switch c := s.peek(); {
	case c == '{' || c == '[':
		if depth == maxDepth {
			return chat.Errorf(chat.Invalid, "json_too_deep", "The JSON is nested deeper than %d levels.", maxDepth)
		}
		s.at++
		if c == '[' {
			return s.array(depth + 1)
		}
		return s.object(depth + 1)
	case c == '"':
		_, err := s.text()
		return err
	case c == '-' || c >= '0' && c <= '9':
		return s.number()
	case c == 0 && s.at == len(s.b):
		return s.fault("a value is missing")
	}
	for _, word := range []string{"true", "false", "null"} {
		if bytes.HasPrefix(s.b[s.at:], []byte(word)) {
			s.at += len(word)
			return nil
		}
	}
	return s.fault("a value should stand")
}

func (s *jsonScanner) array(depth int) error {
	if s.peek() == ']' {
		s.at++
		return nil
	}
	for {
		if err := s.value(depth); err != nil {
			return err
		}
		c := s.peek()
		if c != ',' && c != ']' {
			return s.fault("a comma or ] should stand")
		}
		s.at++
		if c == ']' {
			return nil
		}
	}
}

func (s *jsonScanner) object(depth int) error {
	if s.peek() == '}' {
		s.at++
		return nil
	}
	var names nameSet
	for {
		if s.peek() != '"' {
			return s.fault("a name in quotes should stand")
		}
		name, err := s.text()
		if err != nil {
			return err
		}
		if !names.add(name) {
			return chat.Errorf(chat.Invalid, "json_duplicate_name", "The name %q stands twice in one object.", clip(string(name), 40))
		}
		if s.peek() != ':' {
			return s.fault("a colon should stand")
		}
		s.at++
		if err := s.value(depth); err != nil {
			return err
		}
		c := s.peek()
		if c != ',' && c != '}' {
			return s.fault("a comma or } should stand")
		}
		s.at++
		if c == '}' {
			return nil
		}
	}
}

// nameSet holds the names of one object: in place while they are few, as they nearly always are.
type nameSet struct {
	few  [12][]byte
	n    int
	many map[string]struct{}
}

// add reports false for a name that is there.
func (s *nameSet) add(name []byte) bool {
	if s.many == nil {
		for _, have := range s.few[:s.n] {
			if bytes.Equal(have, name) {
				return false
			}
		}
		if s.n < len(s.few) {
			s.few[s.n] = name
			s.n++
			return true
		}
		s.many = make(map[string]struct{}, 2*len(s.few))
		for _, have := range s.few {
			s.many[string(have)] = struct{}{}
		}
	}
	_, there := s.many[string(name)]
	s.many[string(name)] = struct{}{}
	return !there
}

func errText(what string) error {
	return chat.Errorf(chat.Invalid, "json_text_invalid", "A text in the JSON %s.", what)
}

// text reads a string and returns what it means.
func (s *jsonScanner) text() ([]byte, error) {
	s.at++
	start, escaped := s.at, false
	for s.at < len(s.b) {
		switch c := s.b[s.at]; {
		case c == '"':
			raw := s.b[start:s.at]
			s.at++
			if !utf8.Valid(raw) {
				return nil, errText("is not valid UTF-8")
			}
			if !escaped {
				return raw, nil
			}
			var meant string
			if err := json.Unmarshal(s.b[start-1:s.at], &meant); err != nil {
				return nil, s.fault("a text is malformed")
			}
			return []byte(meant), nil
		case c < 0x20:
			return nil, s.fault("a control character stands in a text: write it as an escape")
		case c == '\\':
			escaped = true
			if err := s.escape(); err != nil {
				return nil, err
			}
		default:
			s.at++
		}
	}
	return nil, s.fault("a text has no end")
}

// escape reads one escape, or the two that make one character.
func (s *jsonScanner) escape() error {
	if s.at+1 >= len(s.b) {
		return s.fault("an escape has no end")
	}
	switch s.b[s.at+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.at += 2
		return nil
	case 'u':
	default:
		return s.fault("an unknown escape stands")
	}
	unit, ok := s.unit()
	switch {
	case !ok:
		return s.fault("an escape should have four hexadecimal digits")
	case unit == 0:
		return errText("contains a NUL character")
	case unit >= 0xDC00 && unit <= 0xDFFF:
		return errText("contains half a character: an unpaired surrogate")
	case unit >= 0xD800 && unit <= 0xDBFF:
		if low, ok := s.unit(); !ok || low < 0xDC00 || low > 0xDFFF {
			return errText("contains half a character: an unpaired surrogate")
		}
	}
	return nil
}

// unit reads \uXXXX.
func (s *jsonScanner) unit() (uint16, bool) {
	if s.at+6 > len(s.b) || s.b[s.at] != '\\' || s.b[s.at+1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(s.b[s.at+2:s.at+6]), 16, 16)
	s.at += 6
	return uint16(n), err == nil
}

func (s *jsonScanner) number() error {
	start := s.at
	for s.at < len(s.b) && isNumber(s.b[s.at]) {
		s.at++
	}
	raw := s.b[start:s.at]
	if len(raw) > maxNumber {
		return chat.Errorf(chat.Invalid, "json_number_invalid", "A number in the JSON has more than %d characters.", maxNumber)
	}
	if !json.Valid(raw) {
		s.at = start
		return s.fault("a number is malformed")
	}
	if f, err := strconv.ParseFloat(string(raw), 64); err != nil || math.IsInf(f, 0) {
		return chat.Errorf(chat.Invalid, "json_number_invalid", "A number in the JSON is out of range.")
	}
	return nil
}

func isNumber(c byte) bool {
	return c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'
}

// fieldFault is what is wrong with one field of a body.
type fieldFault struct{ field, text string }

// Error writes it as "<field>: <text>"; humaProblem takes that apart again.
func (f fieldFault) Error() string { return f.field + ": " + f.text }

// decodeJSON reads a body that CheckJSON has accepted. Fails with a fieldFault; names that v does not have are ignored.
func decodeJSON(b []byte, v any) error {
	err := json.Unmarshal(b, v)
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong) && wrong.Field != "":
		return fieldFault{wrong.Field, "This must be " + inWords(wrong.Type.Kind()) + ", not " + wrong.Value + "."}
	case errors.As(err, &wrong):
		return fieldFault{"body", "This must be a JSON object, not " + wrong.Value + "."}
	}
	return fieldFault{"body", err.Error()}
}

// inWords names the JSON form of a Go type.
func inWords(k reflect.Kind) string {
	switch k {
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "an object"
	}
	return "a whole number in range"
}
