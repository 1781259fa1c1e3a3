package transfer

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
)

// maxLine bounds one line. A message with ten thousand characters, ten files and the reactions of thousands is far below.
const maxLine = 8 << 20

// chunkBytes is how much of a file one line carries.
const chunkBytes = 48 << 10

// writer writes an export.
type writer struct {
	buf     *bufio.Writer
	enc     *json.Encoder
	records int64
}

func newWriter(w io.Writer) *writer {
	buf := bufio.NewWriterSize(w, 256<<10)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	return &writer{buf: buf, enc: enc}
}

func (w *writer) write(r Record) error {
	w.records++
	return w.enc.Encode(r)
}

// end writes the last line and everything out.
func (w *writer) end() error {
	if err := w.enc.Encode(Record{End: &End{Records: w.records}}); err != nil {
		return err
	}
	return w.buf.Flush()
}

// Lines is the source of an export in this program's own format. It reads r once, line by line.
func Lines(r io.Reader) Source { return lines{r} }

type lines struct{ r io.Reader }

// Records implements Source. Fails with ErrDamaged or ErrTooNew.
func (l lines) Records(ctx context.Context, fn func(*Record) error) error {
	in := bufio.NewScanner(l.r)
	in.Buffer(make([]byte, 0, 64<<10), maxLine)
	n := int64(0)
	for in.Scan() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if len(in.Bytes()) == 0 {
			continue
		}
		var r Record
		if err := json.Unmarshal(in.Bytes(), &r); err != nil {
			if in.Err() != nil { // what was read before the reading failed
				return in.Err()
			}
			return damaged("line %d cannot be read: %v", n+1, err)
		}
		if n == 0 {
			if err := checkHeader(r.Header); err != nil {
				return err
			}
		} else if r.Header != nil {
			return damaged("line %d begins another export", n+1)
		}
		if r.End != nil {
			if r.End.Records != n {
				return damaged("it has %d lines and should have %d", n, r.End.Records)
			}
			if in.Scan() {
				return damaged("something follows its end")
			}
			return in.Err()
		}
		n++
		if err := fn(&r); err != nil {
			return err
		}
	}
	switch err := in.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return damaged("line %d is too long", n+1)
	case err != nil:
		return err
	case n == 0:
		return damaged("it is empty")
	}
	return damaged("it was cut off after line %d", n)
}

func checkHeader(h *Header) error {
	if h == nil || h.Format != FormatName || h.Version < 1 {
		return damaged("it does not say that it is an export of this program")
	}
	if h.Version > FormatVersion {
		return ErrTooNew
	}
	if h.Kind != KindUser && h.Kind != KindRoom || h.ID == "" || len(h.ID) > maxImportID {
		return damaged("its first line is not complete")
	}
	return nil
}
