package scan

import (
	"bufio"
	"compress/bzip2"
	"compress/flate"
	"context"
	"errors"
	"io"
	"path"
	"strings"
)

const maxLinkTarget = 4096

// inspector looks through one uploaded file and the archives within it. Its counters span all of them.
type inspector struct {
	ctx      context.Context
	opts     *Options
	outer    int64 // size of the uploaded file
	entries  int
	inflated int64 // as declared; what is really unpacked never exceeds it
	flate    io.ReadCloser
	buf      *bufio.Reader
}

// archive inspects r if it is a zip. head is how r starts.
func (in *inspector) archive(r io.ReaderAt, size int64, head string, depth int) error {
	limits := &in.opts.Archive
	dir, err := readZip(r, size, limits.Entries-in.entries)
	if errors.Is(err, errNotZip) {
		if head == sigLocal {
			return harmful("Malformed") // some programs unpack it all the same
		}
		return nil
	}
	if err != nil {
		return err
	}
	if depth > limits.Depth {
		return bomb("Nesting")
	}
	in.entries += len(dir.entries)
	for i := range dir.entries {
		if err := in.declared(&dir.entries[i]); err != nil {
			return err
		}
	}
	for i := range dir.entries {
		if err := in.entry(r, &dir.entries[i], depth); err != nil {
			return err
		}
	}
	return nil
}

// declared checks what an entry says of itself, before anything is unpacked.
func (in *inspector) declared(e *zipEntry) error {
	limits := &in.opts.Archive
	if e.size > limits.Inflated-in.inflated {
		return bomb("Size")
	}
	in.inflated += e.size
	if in.inflated > limits.RatioFloor && in.inflated > limits.Ratio*in.outer {
		return bomb("Ratio")
	}
	return checkName(e.name)
}

// checkName refuses names that lead out of the directory an archive is unpacked to, on any system.
func checkName(name string) error {
	for i := range len(name) {
		if name[i] < ' ' || name[i] == 0x7f {
			return harmful("Name.Control")
		}
	}
	slashed := strings.ReplaceAll(name, `\`, "/")
	drive := len(name) >= 2 && name[1] == ':' && (name[0]|0x20 >= 'a' && name[0]|0x20 <= 'z')
	if name == "" || slashed[0] == '/' || drive {
		return harmful("Name.Absolute")
	}
	for part := range strings.SplitSeq(slashed, "/") {
		if part == ".." {
			return harmful("Name.Traversal")
		}
	}
	return nil
}

// content returns the unpacked bytes of an entry, one more than declared at most, which is enough to know of a lie.
// It is good until the next call, and nil for an entry that cannot be looked into.
func (in *inspector) content(r io.ReaderAt, e *zipEntry) io.Reader {
	var content io.Reader = io.NewSectionReader(r, e.data, e.compressed)
	switch {
	case e.flags&flagEncrypted != 0:
		return nil
	case e.method == methodStored:
	case e.method == methodDeflate:
		content = in.inflate(content)
	case e.method == methodBzip2:
		content = bzip2.NewReader(content)
	default:
		return nil
	}
	return io.LimitReader(ctxReader{in.ctx, content}, e.size+1)
}

// small returns the bytes of an entry whose declared size the caller has found small; none if they cannot be read.
func (in *inspector) small(r io.ReaderAt, e *zipEntry) ([]byte, error) {
	content := in.content(r, e)
	if content == nil {
		return nil, nil
	}
	b, err := io.ReadAll(content)
	return b, corrupt(err)
}

func (in *inspector) entry(r io.ReaderAt, e *zipEntry, depth int) error {
	content := in.content(r, e)
	if content == nil && in.opts.Archive.RefuseOpaque {
		return harmful("Opaque")
	}
	if content == nil {
		return nil
	}
	if e.symlink && e.size > maxLinkTarget {
		return harmful("Name.Link")
	}
	w, inner := newWatch(), &spool{dir: in.opts.TempDir}
	defer inner.Close()
	if err := in.unpack(content, w, inner, e.symlink); err != nil {
		return err
	}
	if w.size > e.size {
		return bomb("Size")
	}
	if w.size < e.size || w.crc != e.crc {
		return harmful("Corrupt")
	}
	if v := w.verdict(in.opts.Known); !v.Clean() {
		return (*finding)(&v)
	}
	if e.symlink {
		return checkLink(e.name, inner)
	}
	if inner.size > 0 {
		return in.archive(inner, inner.size, string(w.head), depth+1)
	}
	return nil
}

// unpack writes content to w, and to inner as well if it has to be read a second time: links, and what starts
// like a zip.
func (in *inspector) unpack(content io.Reader, w *watch, inner *spool, link bool) error {
	if in.buf == nil {
		in.buf = bufio.NewReaderSize(nil, 64<<10)
	}
	in.buf.Reset(content)
	var to io.Writer = w
	if head, _ := in.buf.Peek(2); link || string(head) == sigLocal[:2] {
		to = io.MultiWriter(w, inner)
	}
	_, err := io.Copy(to, in.buf)
	return corrupt(err)
}

// corrupt turns what a decompressor says of bad input into a finding.
func corrupt(err error) error {
	var deflated flate.CorruptInputError
	var bzipped bzip2.StructuralError
	if errors.As(err, &deflated) || errors.As(err, &bzipped) || errors.Is(err, io.ErrUnexpectedEOF) {
		return harmful("Corrupt")
	}
	return err
}

// inflate returns a reader that unpacks r, good until the next call, since the decompressor is large.
func (in *inspector) inflate(r io.Reader) io.Reader {
	if in.flate == nil {
		in.flate = flate.NewReader(r)
	} else if err := in.flate.(flate.Resetter).Reset(r, nil); err != nil {
		in.flate = flate.NewReader(r)
	}
	return in.flate
}

// checkLink refuses a symbolic link that leads out of the archive: what is unpacked after it would follow. A step
// up is only good at the start of a target, since the name before it may be a link, too.
func checkLink(name string, target *spool) error {
	raw := make([]byte, target.size)
	if err := readAt(target, raw, 0); err != nil {
		return err
	}
	to := strings.ReplaceAll(string(raw), `\`, "/")
	up := strings.Count(strings.ReplaceAll(path.Clean(name), `\`, "/"), "/")
	down := false
	for part := range strings.SplitSeq(to, "/") {
		if part != ".." {
			down = down || part != "."
			continue
		}
		if up--; down || up < 0 {
			return harmful("Name.Link")
		}
	}
	if to == "" || to[0] == '/' || strings.Contains(to, ":") {
		return harmful("Name.Link")
	}
	return nil
}
