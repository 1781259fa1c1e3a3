package scan

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
)

// The records of a zip file, APPNOTE.TXT 4.3.
const (
	sigLocal     = "PK\x03\x04"
	sigEntry     = "PK\x01\x02"
	sigEnd       = "PK\x05\x06"
	sigEnd64     = "PK\x06\x06"
	sigLocator64 = "PK\x06\x07"

	localLen     = 30
	entryLen     = 46
	endLen       = 22
	end64Len     = 56
	locator64Len = 20

	maxComment   = 1<<16 - 1
	maxDirectory = 16 << 20 // bytes of central directory; 10,000 entries with long names fit

	methodStored  = 0
	methodDeflate = 8
	methodBzip2   = 12

	flagEncrypted = 1
)

// errNotZip says that a file has no end record at all, wherever one may look for it.
var errNotZip = errors.New("scan: not a zip")

// zipEntry is one file of an archive as the central directory declares it, checked against its local header.
type zipEntry struct {
	name       string
	method     uint16
	flags      uint16
	crc        uint32
	compressed int64
	size       int64
	symlink    bool
	start      int64 // of the local header
	data       int64 // of the content
}

// zipDirectory is an archive's table of contents.
type zipDirectory struct {
	entries []zipEntry
	start   int64 // of the central directory
	prefix  int64 // bytes before what the archive takes for its own start
}

// readZip reads the table of contents. It is written here instead of taken from archive/zip because that trusts the
// archive: it keeps as many entries as there are, and does not tell of overlaps, disagreeing headers and
// anything hidden around them. Fails with errNotZip, a finding, or the error of r.
func readZip(r io.ReaderAt, size int64, maxEntries int) (*zipDirectory, error) {
	end, err := findZipEnd(r, size)
	if err != nil {
		return nil, err
	}
	if end.entries > uint64(maxEntries) {
		return nil, bomb("Entries")
	}
	if end.size > maxDirectory {
		return nil, bomb("Directory")
	}
	if end.offset > uint64(end.at) || end.size > uint64(end.at)-end.offset {
		return nil, harmful("Malformed")
	}
	d := &zipDirectory{start: end.at - int64(end.size)}
	d.prefix = d.start - int64(end.offset)
	if d.prefix > 0 && end.entries > 0 {
		// Some readers trust the offset, others the distance to the end. Both must not lead to a directory.
		if sig := make([]byte, 4); readAt(r, sig, int64(end.offset)) == nil && string(sig) == sigEntry {
			return nil, harmful("Ambiguous")
		}
	}
	if err := d.read(r, end); err != nil {
		return nil, err
	}
	return d, nil
}

// zipEnd is the end record, or its 64-bit successor.
type zipEnd struct {
	at           int64 // where the record that follows the central directory starts
	entries      uint64
	size, offset uint64
}

func findZipEnd(r io.ReaderAt, size int64) (zipEnd, error) {
	tail := make([]byte, min(size, endLen+maxComment))
	base := size - int64(len(tail))
	if err := readAt(r, tail, base); err != nil {
		return zipEnd{}, err
	}
	at, loose := -1, -1
	for i := len(tail) - endLen; i >= 0; i-- {
		if tail[i] != 'P' || string(tail[i:i+4]) != sigEnd {
			continue
		}
		comment := int(binary.LittleEndian.Uint16(tail[i+20:]))
		switch {
		case i+endLen+comment == len(tail) && at >= 0:
			return zipEnd{}, harmful("Ambiguous") // readers that search forwards see another archive
		case i+endLen+comment == len(tail):
			at = i
		case loose < 0:
			loose = i // followed by something; many readers do not mind
		}
	}
	if at < 0 {
		at = loose
	}
	if at < 0 {
		return zipEnd{}, errNotZip
	}
	le, rec := binary.LittleEndian, tail[at:]
	end := zipEnd{
		at:      base + int64(at),
		entries: uint64(le.Uint16(rec[10:])),
		size:    uint64(le.Uint32(rec[12:])),
		offset:  uint64(le.Uint32(rec[16:])),
	}
	disk, first, here := le.Uint16(rec[4:]), le.Uint16(rec[6:]), uint64(le.Uint16(rec[8:]))
	if end.entries == 0xffff || end.size == 0xffffffff || end.offset == 0xffffffff {
		if found, err := end.widen(r); found || err != nil {
			return end, err
		}
	}
	if disk != 0 || first != 0 || here != end.entries {
		return zipEnd{}, harmful("Malformed") // a part of a set of disks
	}
	return end, nil
}

// widen replaces the record by the 64-bit one, if there is one.
func (end *zipEnd) widen(r io.ReaderAt) (bool, error) {
	if end.at < locator64Len {
		return false, nil
	}
	loc := make([]byte, locator64Len)
	if err := readAt(r, loc, end.at-locator64Len); err != nil {
		return false, err
	}
	if string(loc[:4]) != sigLocator64 {
		return false, nil
	}
	le := binary.LittleEndian
	at := le.Uint64(loc[8:])
	if at > uint64(end.at-locator64Len) || uint64(end.at-locator64Len)-at < end64Len {
		return false, harmful("Malformed")
	}
	rec := make([]byte, end64Len)
	if err := readAt(r, rec, int64(at)); err != nil {
		return false, err
	}
	entries := le.Uint64(rec[32:])
	if string(rec[:4]) != sigEnd64 || le.Uint64(rec[16:]) != 0 || le.Uint64(rec[24:]) != entries {
		return false, harmful("Malformed")
	}
	*end = zipEnd{at: int64(at), entries: entries, size: le.Uint64(rec[40:]), offset: le.Uint64(rec[48:])}
	return true, nil
}

func (d *zipDirectory) read(r io.ReaderAt, end zipEnd) error {
	in := bufio.NewReader(io.NewSectionReader(r, d.start, int64(end.size)))
	d.entries = make([]zipEntry, 0, end.entries)
	for range end.entries {
		e, err := readZipEntry(in)
		if err != nil {
			return truncated(err)
		}
		e.start += d.prefix
		if err := d.checkLocal(r, &e); err != nil {
			return err
		}
		d.entries = append(d.entries, e)
	}
	if _, err := in.ReadByte(); err != io.EOF {
		return harmful("Ambiguous") // more than the end record counts
	}
	return d.checkOverlap()
}

func readZipEntry(in *bufio.Reader) (zipEntry, error) {
	var h [entryLen]byte
	if _, err := io.ReadFull(in, h[:]); err != nil {
		return zipEntry{}, err
	}
	if string(h[:4]) != sigEntry {
		return zipEntry{}, harmful("Malformed")
	}
	le := binary.LittleEndian
	rest := make([]byte, int(le.Uint16(h[28:]))+int(le.Uint16(h[30:])))
	if _, err := io.ReadFull(in, rest); err != nil {
		return zipEntry{}, err
	}
	if _, err := in.Discard(int(le.Uint16(h[32:]))); err != nil {
		return zipEntry{}, err
	}
	name, extra := rest[:le.Uint16(h[28:])], rest[le.Uint16(h[28:]):]
	size, compressed, offset := uint64(le.Uint32(h[24:])), uint64(le.Uint32(h[20:])), uint64(le.Uint32(h[42:]))
	wide := extraField(extra, 1)
	for _, v := range []*uint64{&size, &compressed, &offset} {
		if *v != 0xffffffff {
			continue
		}
		if len(wide) < 8 {
			return zipEntry{}, harmful("Malformed")
		}
		*v, wide = le.Uint64(wide), wide[8:]
	}
	if size>>62 != 0 || compressed>>62 != 0 || offset>>62 != 0 {
		return zipEntry{}, harmful("Malformed")
	}
	const unixLink, unixType = 0o120000, 0o170000
	return zipEntry{
		name:       string(name),
		flags:      le.Uint16(h[8:]),
		method:     le.Uint16(h[10:]),
		crc:        le.Uint32(h[16:]),
		compressed: int64(compressed),
		size:       int64(size),
		symlink:    le.Uint32(h[38:])>>16&unixType == unixLink,
		start:      int64(offset),
	}, nil
}

// extraField returns the content of the first extra field with this id, nil if there is none.
func extraField(extra []byte, id uint16) []byte {
	for len(extra) >= 4 {
		n := int(binary.LittleEndian.Uint16(extra[2:]))
		if len(extra) < 4+n {
			return nil
		}
		if binary.LittleEndian.Uint16(extra) == id {
			return extra[4 : 4+n]
		}
		extra = extra[4+n:]
	}
	return nil
}

// checkLocal finds the content of an entry, and that those who read the local headers see the same file as those
// who read the central directory.
func (d *zipDirectory) checkLocal(r io.ReaderAt, e *zipEntry) error {
	if e.start > d.start-localLen {
		return harmful("Malformed")
	}
	h := make([]byte, localLen+len(e.name))
	if int64(len(h)) > d.start-e.start {
		return harmful("Malformed")
	}
	if err := readAt(r, h, e.start); err != nil {
		return err
	}
	le := binary.LittleEndian
	if string(h[:4]) != sigLocal {
		return harmful("Malformed")
	}
	nameLen, extraLen := int(le.Uint16(h[26:])), int64(le.Uint16(h[28:]))
	if nameLen != len(e.name) || !bytes.Equal(h[localLen:], []byte(e.name)) || le.Uint16(h[8:]) != e.method {
		return harmful("Ambiguous")
	}
	e.data = e.start + localLen + int64(nameLen) + extraLen
	if e.data > d.start || e.compressed > d.start-e.data {
		return harmful("Malformed")
	}
	return nil
}

// checkOverlap refuses entries that share bytes: a few megabytes become terabytes that way.
func (d *zipDirectory) checkOverlap() error {
	order := make([]*zipEntry, len(d.entries))
	for i := range d.entries {
		order[i] = &d.entries[i]
	}
	slices.SortFunc(order, func(a, b *zipEntry) int { return int(min(1, max(-1, a.start-b.start))) })
	for i := 1; i < len(order); i++ {
		if prev := order[i-1]; order[i].start < prev.data+prev.compressed {
			return bomb("Overlap")
		}
	}
	return nil
}

// readAt fills p or fails.
func readAt(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	return truncated(err)
}

// truncated turns the end of the input, in the middle of a record, into a finding.
func truncated(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return harmful("Malformed")
	}
	return err
}
