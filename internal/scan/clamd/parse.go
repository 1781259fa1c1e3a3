package clamd

import (
	"fmt"
	"strings"

	"parley/internal/scan"
)

// maxSignature bounds the name of what was found, which goes to the log.
const maxSignature = 200

// parse reads the answer to INSTREAM. Whatever is not exactly the daemon's word for clean is not clean.
func parse(answer string) (scan.Verdict, error) {
	result, ofStream := strings.CutPrefix(answer, "stream: ")
	if found, ok := strings.CutSuffix(result, " FOUND"); ok && ofStream {
		name := printable(found)
		if name == "" {
			name = "Unnamed"
		}
		if strings.HasPrefix(name, "Heuristics.Limits.Exceeded") {
			return scan.Verdict{Refusal: scan.ErrArchiveBomb, Signature: name}, nil
		}
		return scan.Verdict{Refusal: scan.ErrInfected, Signature: name}, nil
	}
	switch {
	case answer == "stream: OK":
		return scan.Verdict{}, nil
	case strings.HasPrefix(result, "INSTREAM size limit exceeded"):
		return scan.Verdict{Refusal: scan.ErrTooLarge, Signature: "StreamMaxLength"}, nil
	}
	return scan.Verdict{}, fmt.Errorf("it answers %.100q", answer) // out of memory, out of disk, shutting down
}

// printable keeps visible ASCII, in bounded length.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
	return strings.TrimSpace(s[:min(len(s), maxSignature)])
}
