package moving

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"

	"parley/internal/store/sqlstore"
)

// Values are told apart by what the column holds, not by how an engine hands them over: SQLite gives a flag as a number, and a
// text that was stored as bytes as bytes. In this form both sides have the same values, and the same sums.
//
//	integer  int64       text  string, as PostgreSQL can keep it
//	boolean  bool        raw   []byte             NULL  nil

// canonical puts a value into that form.
func canonical(k kind, v any) (any, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case int64:
		switch k {
		case integer:
			return v, nil
		case boolean:
			return v != 0, nil
		}
	case bool:
		switch k {
		case boolean:
			return v, nil
		case integer:
			if v {
				return int64(1), nil
			}
			return int64(0), nil
		}
	case float64:
		if k == integer && v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int64(v), nil
		}
	case string:
		switch k {
		case text:
			return sqlstore.PostgresText(v), nil
		case raw:
			return []byte(v), nil
		}
	case []byte:
		switch k {
		case text:
			return sqlstore.PostgresText(string(v)), nil
		case raw:
			if v == nil { // no bytes, which is not NULL
				v = []byte{}
			}
			return v, nil
		}
	}
	return nil, fmt.Errorf("a value of type %T in a column of %s", v, map[kind]string{integer: "integers", boolean: "booleans", text: "texts", raw: "bytes"}[k])
}

// appendValue writes a value in canonical form so that no two lists of values are written alike.
func appendValue(b []byte, v any) []byte {
	sized := func(tag byte, n int) { b = binary.AppendUvarint(append(b, tag), uint64(n)) }
	switch v := v.(type) {
	case nil:
		b = append(b, '-')
	case int64:
		b = binary.BigEndian.AppendUint64(append(b, 'i'), uint64(v))
	case bool:
		b = append(b, map[bool]byte{false: 'f', true: 't'}[v])
	case string:
		sized('s', len(v))
		b = append(b, v...)
	case []byte:
		sized('x', len(v))
		b = append(b, v...)
	}
	return b
}

// sum is the sum of the SHA-256 of rows, so that their order does not matter. It finds faults; who wants to forge one can.
type sum [4]uint64

func (s *sum) add(row []byte) {
	hash := sha256.Sum256(row)
	for i := range s {
		s[i] += binary.BigEndian.Uint64(hash[8*i:])
	}
}

// String is the sum in short.
func (s sum) String() string {
	var b []byte
	for _, part := range s {
		b = binary.BigEndian.AppendUint64(b, part)
	}
	hash := sha256.Sum256(b)
	return hex.EncodeToString(hash[:8])
}

// read calls fn for the rows of a table after a key (nil: from the start), in order of the key: with the key as the engine has
// it, and the row in canonical form. Both are fn's to keep.
func (s *side) read(ctx context.Context, p pair, after []any, fn func(key, row []any) error) error {
	keys := make([]string, len(p.key))
	for i, at := range p.key {
		keys[i] = p.columns[at]
	}
	query := "SELECT " + quotedAll(p.columns) + " FROM " + s.source(p.name)
	if after != nil {
		places := make([]string, len(after))
		for i := range places {
			places[i] = "$" + strconv.Itoa(i+1)
		}
		query += " WHERE (" + quotedAll(keys) + ") > (" + strings.Join(places, ", ") + ")"
	}
	query += " ORDER BY " + quotedAll(keys)
	into := make([]any, len(p.columns))
	return s.each(ctx, func(scan func(...any) error) error {
		row := make([]any, len(p.columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := scan(into...); err != nil {
			return err
		}
		key := make([]any, len(p.key))
		for i, at := range p.key {
			key[i] = row[at]
		}
		for i, v := range row {
			var err error
			if row[i], err = canonical(p.kinds[i], v); err != nil {
				return fmt.Errorf("%s, table %s, column %s, key %v: %w", s.label, p.name, p.columns[i], key, err)
			}
			if was, is := v, row[i]; p.kinds[i] == text && was != nil && changed(was, is) {
				s.replaced++
			}
		}
		return fn(key, row)
	}, query, after...)
}

// changed reports whether a text is not what it was.
func changed(was, is any) bool {
	switch was := was.(type) {
	case string:
		return was != is
	case []byte:
		return string(was) != is
	}
	return false
}

// weigh counts and sums the rows of a table. tell is called now and then with how many there are until now.
func (s *side) weigh(ctx context.Context, p pair, tell func(n int64)) (n int64, total sum, err error) {
	var b []byte
	err = s.read(ctx, p, nil, func(_, row []any) error {
		b = b[:0]
		for _, v := range row {
			b = appendValue(b, v)
		}
		total.add(b)
		if n++; n%defaultBatch == 0 {
			tell(n)
		}
		return nil
	})
	return n, total, err
}

// size is about how much memory a row takes.
func size(row []any) int {
	n := 0
	for _, v := range row {
		switch v := v.(type) {
		case string:
			n += len(v)
		case []byte:
			n += len(v)
		}
		n += 16
	}
	return n
}

// encodeKey writes a key so that decodeKey has the very same back: texts may be no UTF-8.
func encodeKey(key []any) ([]string, error) {
	list := make([]string, len(key))
	for i, v := range key {
		switch v := v.(type) {
		case int64:
			list[i] = "i" + strconv.FormatInt(v, 10)
		case string:
			list[i] = "s" + hex.EncodeToString([]byte(v))
		case []byte:
			list[i] = "x" + hex.EncodeToString(v)
		default:
			return nil, fmt.Errorf("a key of type %T", v)
		}
	}
	return list, nil
}

func decodeKey(list []string) ([]any, error) {
	key := make([]any, len(list))
	for i, v := range list {
		if v == "" {
			return nil, fmt.Errorf("%q is no key", v)
		}
		var err error
		var b []byte
		switch v[0] {
		case 'i':
			key[i], err = strconv.ParseInt(v[1:], 10, 64)
		case 's':
			b, err = hex.DecodeString(v[1:])
			key[i] = string(b)
		case 'x':
			b, err = hex.DecodeString(v[1:])
			key[i] = b
		default:
			err = fmt.Errorf("%q is no key", v)
		}
		if err != nil {
			return nil, err
		}
	}
	return key, nil
}
