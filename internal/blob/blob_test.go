package blob

import (
	"errors"
	"strings"
	"testing"
)

func TestCheckHash(t *testing.T) {
	good := strings.Repeat("0123456789abcdef", 4)
	for _, row := range []struct {
		name, hash string
		ok         bool
	}{
		{"64 lower-case hexadecimal digits are a hash", good, true},
		{"nothing is not a hash", "", false},
		{"one digit too few is not a hash", good[1:], false},
		{"one digit too many is not a hash", good + "0", false},
		{"upper case is not a hash", strings.ToUpper(good), false},
		{"a letter after f is not a digit", good[:63] + "g", false},
		{"a path of the right length is not a hash", strings.Repeat("../", 21) + "a", false},
		{"a zero byte is not a digit", good[:63] + "\x00", false},
		{"digits of other scripts are not digits", strings.Repeat("٣", 32), false},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := CheckHash(row.hash)
			if row.ok && err != nil || !row.ok && !errors.Is(err, ErrInvalidHash) {
				t.Fatalf("CheckHash(%q) = %v", row.hash, err)
			}
		})
	}
}
