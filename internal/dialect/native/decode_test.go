package native

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"parley/internal/chat"
)

var jsonCases = []struct{ name, text, code string }{
	{"an object is fine", `{"a":[1,-2.5e3,true,false,null,"x"],"b":{}}`, ""},
	{"white space may stand around", " \t\r\n{ \"a\" : 1 } \n", ""},
	{"a plain value is JSON too", `"x"`, ""},
	{"escapes are fine", `{"a":"\"\\\/\b\f\n\r\t\u00e9"}`, ""},
	{"a pair of surrogates is one character", `"\ud83d\ude00"`, ""},
	{"an empty name is a name", `{"":1}`, ""},
	{"32 levels are fine", strings.Repeat("[", 32) + strings.Repeat("]", 32), ""},
	{"13 names are told apart", `{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"j":1,"k":1,"l":1,"m":1}`, ""},
	{"nothing is not JSON", "", "json_invalid"},
	{"white space alone is not JSON", "  ", "json_invalid"},
	{"two values are not one", `{} {}`, "json_invalid"},
	{"a comma too many is an error", `[1,]`, "json_invalid"},
	{"a missing brace is an error", `{"a":1`, "json_invalid"},
	{"a name needs quotes", `{a:1}`, "json_invalid"},
	{"single quotes are none", `{'a':1}`, "json_invalid"},
	{"a comment is an error", `{/*x*/}`, "json_invalid"},
	{"a leading zero is an error", `01`, "json_invalid"},
	{"a plus is an error", `+1`, "json_invalid"},
	{"NaN is an error", `NaN`, "json_invalid"},
	{"a raw line break in a text is an error", "\"a\nb\"", "json_invalid"},
	{"an unknown escape is an error", `"\x41"`, "json_invalid"},
	{"a short escape is an error", `"\u12"`, "json_invalid"},
	{"an escape without an end is an error", `"\`, "json_invalid"},
	{"a byte order mark is an error", "\ufeff{}", "json_invalid"},
	{"33 levels are too deep", strings.Repeat("[", 33) + strings.Repeat("]", 33), "json_too_deep"},
	{"a million levels are too deep", strings.Repeat("[", 1_000_000), "json_too_deep"},
	{"a million objects are too deep", strings.Repeat(`{"a":`, 1_000_000), "json_too_deep"},
	{"invalid UTF-8 in a text", "\"\xff\"", "json_text_invalid"},
	{"an overlong NUL in a text", "\"\xc0\x80\"", "json_text_invalid"},
	{"a surrogate as UTF-8", "\"\xed\xa0\x80\"", "json_text_invalid"},
	{"a high surrogate alone", `"\ud800"`, "json_text_invalid"},
	{"a high surrogate before a letter", `"\ud800a"`, "json_text_invalid"},
	{"two high surrogates", `"\ud800\ud800"`, "json_text_invalid"},
	{"a low surrogate alone", `"\udc00"`, "json_text_invalid"},
	{"a low surrogate in a name", `{"\udc00":1}`, "json_text_invalid"},
	{"a NUL", `"a\u0000b"`, "json_text_invalid"},
	{"a name that stands twice", `{"a":1,"a":2}`, "json_duplicate_name"},
	{"a name that stands twice, once escaped", `{"a":1,"\u0061":2}`, "json_duplicate_name"},
	{"the 13th name again", `{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"j":1,"k":1,"l":1,"m":1,"m":1}`, "json_duplicate_name"},
	{"a number beyond a double", `1e999`, "json_number_invalid"},
	{"a number of 100 digits", strings.Repeat("9", 100), "json_number_invalid"},
}

func TestCheckJSON(t *testing.T) {
	for _, tc := range jsonCases {
		t.Run(tc.name, func(t *testing.T) {
			if got := chat.CodeOf(CheckJSON([]byte(tc.text))); got != tc.code {
				t.Errorf("got %q, want %q", got, tc.code)
			}
		})
	}
}

// What CheckJSON accepts, encoding/json reads without changing a character.
func FuzzCheckJSON(f *testing.F) {
	for _, tc := range jsonCases {
		if len(tc.text) < 1000 {
			f.Add([]byte(tc.text))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		err := CheckJSON(b)
		if err != nil {
			if e := chat.AsError(err); e.Kind != chat.Invalid || codeOf(e.Code) == nil || !utf8.ValidString(e.Text) {
				t.Fatalf("error %+v", e)
			}
			return
		}
		var v any
		if err := json.Unmarshal(b, &v); err != nil {
			t.Fatalf("accepted, but %v", err)
		}
		sound(t, v, 0)
	})
}

func sound(t *testing.T, v any, depth int) {
	if depth > maxDepth {
		t.Fatal("nested too deep")
	}
	switch x := v.(type) {
	case string:
		if !utf8.ValidString(x) || strings.ContainsRune(x, 0) {
			t.Fatalf("text %q", x)
		}
	case float64:
		if math.IsInf(x, 0) || math.IsNaN(x) {
			t.Fatal("number " + strconv.FormatFloat(x, 'g', -1, 64))
		}
	case []any:
		for _, e := range x {
			sound(t, e, depth+1)
		}
	case map[string]any:
		for name, e := range x {
			sound(t, name, 0)
			sound(t, e, depth+1)
		}
	}
}

func TestDecodeJSONNamesTheFieldAtFault(t *testing.T) {
	type inner struct {
		Keys []string `json:"keys"`
	}
	type body struct {
		Name  string `json:"name"`
		Count int    `json:"count"`
		On    bool   `json:"on"`
		Inner inner  `json:"inner"`
	}
	for _, tc := range []struct{ name, text, want string }{
		{"a number for a text", `{"name":1}`, "name: This must be a text, not number."},
		{"a text for a number", `{"count":"1"}`, "count: This must be a whole number in range, not string."},
		{"a fraction for a whole number", `{"count":1.5}`, "count: This must be a whole number in range, not number 1.5."},
		{"a number out of range", `{"count":99999999999999999999}`, "count: This must be a whole number in range, not number 99999999999999999999."},
		{"a text for true", `{"on":"true"}`, "on: This must be true or false, not string."},
		{"an object for a list", `{"inner":{"keys":{}}}`, "inner.keys: This must be a list, not object."},
		{"a list for the whole", `[]`, "body: This must be a JSON object, not array."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := decodeJSON([]byte(tc.text), &body{}); err == nil || err.Error() != tc.want {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
	var b body
	if err := decodeJSON([]byte(`{"name":"x","unknown":{"deep":[1]}}`), &b); err != nil || b.Name != "x" {
		t.Errorf("unknown names are ignored; got %+v, %v", b, err)
	}
}
