package scan

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxHashFaults bounds the error of a file that is no hash list at all.
const maxHashFaults = 20

// HashList is a set of SHA-256 sums of files known to be bad. It takes about 100 bytes of memory an entry and does
// not change once made; nil is an empty list.
type HashList struct {
	names map[[sha256.Size]byte]string
}

// LoadHashList reads the file at path as ParseHashList does.
func LoadHashList(path string) (*HashList, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("scan: hash list: %w", err)
	}
	defer f.Close()
	list, err := ParseHashList(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return list, nil
}

// ParseHashList reads one hexadecimal SHA-256 a line, optionally followed by white space and the name of the
// malware. Empty lines and lines that start with # are passed over. All faults are reported together, by line.
func ParseHashList(r io.Reader) (*HashList, error) {
	list := &HashList{names: map[[sha256.Size]byte]string{}}
	var faults []error
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		digits, name := line, ""
		if i := strings.IndexAny(line, " \t"); i >= 0 {
			digits, name = line[:i], strings.TrimSpace(line[i:])
		}
		raw, err := hex.DecodeString(digits)
		if err != nil || len(raw) != sha256.Size {
			faults = append(faults, fmt.Errorf("line %d: not a SHA-256 in hexadecimal", n))
			if len(faults) == maxHashFaults {
				break
			}
			continue
		}
		if name == "" {
			name = "Known-Bad"
		}
		list.names[[sha256.Size]byte(raw)] = name
	}
	if err := lines.Err(); err != nil {
		faults = append(faults, err)
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("scan: hash list: %w", errors.Join(faults...))
	}
	return list, nil
}

// Len returns the number of entries.
func (l *HashList) Len() int {
	if l == nil {
		return 0
	}
	return len(l.names)
}

// lookup returns the name of the malware with this sum.
func (l *HashList) lookup(sum []byte) (string, bool) {
	if l == nil {
		return "", false
	}
	name, ok := l.names[[sha256.Size]byte(sum)]
	return name, ok
}
