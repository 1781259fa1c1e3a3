package scan

import (
	"bytes"
	"context"
	"crypto/sha256"
	"hash"
	"hash/crc32"
	"io"
	"slices"
)

// eicar is the industry's test file (https://www.eicar.org). It is written backwards, so that neither this source nor
// the program built from it sets off the scanners of those who have them.
var eicar = backwards(`*H+H$!ELIF-TSET-SURIVITNA-DRADNATS-RACIE$}7)CC7)^P(45XZP\4[PA@%P!O5X`)

const eicarName = "Eicar-Test-Signature"

func backwards(s string) []byte {
	b := []byte(s)
	slices.Reverse(b)
	return b
}

// watch is a writer that notices what is known to be bad in what passes through.
type watch struct {
	sum   hash.Hash
	crc   uint32
	size  int64
	head  []byte // the first four bytes
	join  []byte // the end of what has passed, to find what lies across two writes
	eicar bool
}

func newWatch() *watch { return &watch{sum: sha256.New()} }

func (w *watch) Write(p []byte) (int, error) {
	w.sum.Write(p)
	w.crc = crc32.Update(w.crc, crc32.IEEETable, p)
	w.size += int64(len(p))
	if need := 4 - len(w.head); need > 0 {
		w.head = append(w.head, p[:min(need, len(p))]...)
	}
	if !w.eicar {
		reach := len(eicar) - 1
		w.join = append(w.join, p[:min(reach, len(p))]...)
		w.eicar = bytes.Contains(w.join, eicar) || bytes.Contains(p, eicar)
		if len(p) >= reach {
			w.join = append(w.join[:0], p[len(p)-reach:]...)
		} else {
			w.join = append(w.join[:0], w.join[max(0, len(w.join)-reach):]...)
		}
	}
	return len(p), nil
}

// verdict judges what has passed so far as one whole file.
func (w *watch) verdict(known *HashList) Verdict {
	if w.eicar {
		return Verdict{ErrInfected, eicarName}
	}
	if name, ok := known.lookup(w.sum.Sum(nil)); ok {
		return Verdict{ErrInfected, name}
	}
	return Verdict{}
}

// ctxReader ends with the error of ctx once that is done.
type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (r ctxReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
