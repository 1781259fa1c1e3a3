package scan

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	// headLen is how far browsers and PDF readers look for the start of what they can show.
	headLen = 1024
	tailLen = 64 << 10
	// maxSniffEntries is far above what a document has, and bounds the memory for the table of contents.
	maxSniffEntries = 10_000
	maxContentTypes = 256 << 10

	docxMain = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
)

// Detect tells the type of the size bytes of r from their content alone, in bounded memory. It returns Unknown for
// what it does not know, and fails with ErrTypeNotAllowed for a file that is also something a browser or another
// program would run: markup and scripts in a picture, a PDF or an archive hidden in another file. A zip whose
// table of contents is out of bounds or contradicts itself fails with ErrArchiveBomb or ErrArchiveUnsafe.
func Detect(ctx context.Context, r io.ReaderAt, size int64) (Type, error) {
	head := make([]byte, min(size, headLen))
	if _, err := io.ReadFull(io.NewSectionReader(r, 0, size), head); err != nil {
		return Unknown, fmt.Errorf("scan: detect: %w", err)
	}
	t := magic(head)
	var err error
	switch {
	case t == ZIP:
		t, err = detectZip(ctx, r, size)
	case t == DOC:
		t, err = detectOLE(r, size)
	case t == PDF:
		err = refuseHidden(r, size, head)
	case t.Image() || t.Playable():
		if t, err = detectPlayable(r, size, t); err != nil || t == Unknown {
			break
		}
		if err = refuseHidden(r, size, head); err == nil {
			err = refuseScripts(ctx, r, size)
		}
	}
	if refusal := (*Error)(nil); errors.As(err, &refusal) {
		return Unknown, err
	}
	if err != nil {
		return Unknown, fmt.Errorf("scan: detect: %w", err)
	}
	return t, nil
}

// magic guesses by the first bytes.
func magic(head []byte) Type {
	starts := func(sig string) bool { return strings.HasPrefix(string(head[:min(len(head), 16)]), sig) }
	at := func(off int, sig string) bool {
		return len(head) >= off+len(sig) && string(head[off:off+len(sig)]) == sig
	}
	switch {
	case starts("\xff\xd8\xff") && len(head) > 3 && head[3] >= 0xc0 && head[3] < 0xff:
		return JPEG
	case starts("\x89PNG\r\n\x1a\n") && at(12, "IHDR"):
		return PNG
	case (starts("GIF87a") || starts("GIF89a")) && len(head) >= 13:
		return GIF
	case starts("RIFF") && (at(8, "WEBPVP8 ") || at(8, "WEBPVP8L") || at(8, "WEBPVP8X")):
		return WebP
	case starts("%PDF-") && len(head) > 5 && head[5] >= '1' && head[5] <= '9':
		return PDF
	case starts(oleMagic):
		return DOC
	case starts(sigLocal), starts(sigEnd):
		return ZIP
	case at(4, "ftyp"):
		return MP4
	case starts("\x1a\x45\xdf\xa3"):
		return WebM
	case starts("OggS"):
		return OGG
	case starts("RIFF") && at(8, "WAVE"):
		return WAV
	case starts("fLaC") && at(5, "\x00\x00\x22") && head[4]&0x7f == 0: // its first block says what is in it
		return FLAC
	case starts("ID3"), mp3Frame(head) != 0:
		return MP3
	}
	return Unknown
}

// refuseHidden looks for what other programs would take the file for.
func refuseHidden(r io.ReaderAt, size int64, head []byte) error {
	if i := bytes.Index(head, []byte("%PDF-")); i > 0 {
		return hidden("PDF")
	}
	for _, tag := range []string{"<html", "<svg", "<iframe", "<body", "<head", "<script", "<!doctype", "<?php"} {
		if bytes.Contains(bytes.ToLower(head), []byte(tag)) {
			return hidden("markup")
		}
	}
	end, err := findZipEnd(r, size)
	if errors.Is(err, errNotZip) {
		return nil
	}
	if err != nil {
		return hidden("archive")
	}
	// The signature alone may be chance; an archive has a directory before it.
	sig := make([]byte, 4)
	if start := end.at - int64(min(end.size, uint64(end.at))); end.entries > 0 &&
		readAt(r, sig, start) == nil && string(sig) == sigEntry {
		return hidden("archive")
	}
	return nil
}

// refuseScripts searches a whole picture, sound or film for what a browser would run if it were led to take it for a page. The
// marks are long enough not to occur by chance.
func refuseScripts(ctx context.Context, r io.ReaderAt, size int64) error {
	in := io.NewSectionReader(r, 0, size)
	const overlap = 16
	buf := make([]byte, overlap+tailLen)
	kept := 0
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := io.ReadFull(in, buf[kept:])
		if hasScript(buf[:kept+n]) {
			return hidden("script")
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return nil
		}
		if err != nil {
			return err
		}
		kept = copy(buf, buf[len(buf)-overlap:])
	}
}

func hasScript(b []byte) bool {
	for {
		i := bytes.IndexByte(b, '<')
		if i < 0 {
			return false
		}
		b = b[i:]
		word := bytes.ToLower(b[:min(len(b), 14)])
		if bytes.HasPrefix(word, []byte("<script")) || bytes.HasPrefix(word, []byte("<!doctype html")) ||
			len(word) > 5 && bytes.HasPrefix(word, []byte("<?php")) && word[5] <= ' ' {
			return true
		}
		b = b[1:]
	}
}

func hidden(what string) error { return fmt.Errorf("%w (hidden %s)", ErrTypeNotAllowed, what) }

// detectZip tells a document from an archive, and refuses one that starts before its first entry.
func detectZip(ctx context.Context, r io.ReaderAt, size int64) (Type, error) {
	dir, err := readZip(r, size, maxSniffEntries)
	if errors.Is(err, errNotZip) {
		return Unknown, nil
	}
	if err != nil {
		return Unknown, err
	}
	if dir.prefix != 0 {
		return Unknown, harmful("Ambiguous") // one archive behind another
	}
	var contentTypes *zipEntry
	word := false
	for i := range dir.entries {
		e := &dir.entries[i]
		word = word || strings.HasPrefix(e.name, "word/")
		if e.name == "[Content_Types].xml" {
			contentTypes = e
		}
	}
	if !word || contentTypes == nil || contentTypes.size > maxContentTypes {
		return ZIP, nil
	}
	in := &inspector{ctx: ctx, opts: &Options{}}
	content, err := in.small(r, contentTypes)
	if err != nil {
		return Unknown, err
	}
	if bytes.Contains(content, []byte(docxMain)) {
		return DOCX, nil
	}
	return ZIP, nil // with macros, a template, or no document at all
}

// OLE2 compound files, [MS-CFB] 2.2 to 2.6.
const (
	oleMagic      = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
	oleHeaderLen  = 512
	oleDirEntry   = 128
	oleStream     = 2
	oleMaxSectors = 1024 // of directory; a document has a handful
	oleEndOfChain = 0xfffffffe
)

// detectOLE tells a Word document from the other files in this format, installers and mails among them, by the name
// of its main stream.
func detectOLE(r io.ReaderAt, size int64) (Type, error) {
	header := make([]byte, oleHeaderLen)
	if size < oleHeaderLen {
		return Unknown, nil
	}
	if err := readAt(r, header, 0); err != nil {
		return Unknown, err
	}
	le := binary.LittleEndian
	shift := le.Uint16(header[30:])
	if shift != 9 && shift != 12 {
		return Unknown, nil
	}
	f := oleFile{r: r, size: size, header: header, sector: int64(1) << shift}
	buf := make([]byte, f.sector)
	next := le.Uint32(header[48:])
	for range oleMaxSectors {
		if ok, err := f.read(buf, next); !ok || err != nil {
			return Unknown, err
		}
		for e := buf; len(e) >= oleDirEntry; e = e[oleDirEntry:] {
			if e[66] == oleStream && oleName(e) == "WordDocument" {
				return DOC, nil
			}
		}
		var err error
		if next, err = f.next(next); err != nil {
			return Unknown, err
		}
	}
	return Unknown, nil
}

type oleFile struct {
	r      io.ReaderAt
	size   int64
	header []byte
	sector int64
}

// read fills buf with a sector, and reports false for one outside of the file.
func (f *oleFile) read(buf []byte, sector uint32) (bool, error) {
	off := (int64(sector) + 1) * f.sector
	if sector >= oleEndOfChain || off+int64(len(buf)) > f.size {
		return false, nil
	}
	return true, readAt(f.r, buf, off)
}

// next looks a sector's successor up in the allocation table; what is wrong ends the chain.
func (f *oleFile) next(sector uint32) (uint32, error) {
	const inHeader, headerTable = 109, 76
	le := binary.LittleEndian
	perSector := uint32(f.sector / 4)
	index := sector / perSector // of the sector of the table that has the answer
	var table uint32
	if index < inHeader {
		table = le.Uint32(f.header[headerTable+4*index:])
	} else {
		// The rest of the list of table sectors is a chain of its own, each ending with the next one's number.
		index -= inHeader
		list := make([]byte, f.sector)
		at := le.Uint32(f.header[68:])
		for hops := index / (perSector - 1); ; hops-- {
			if ok, err := f.read(list, at); !ok || err != nil {
				return oleEndOfChain, err
			}
			if hops == 0 {
				break
			}
			at = le.Uint32(list[4*(perSector-1):])
		}
		table = le.Uint32(list[4*(index%(perSector-1)):])
	}
	var entry [4]byte
	off := (int64(table)+1)*f.sector + 4*int64(sector%perSector)
	if table >= oleEndOfChain || off+4 > f.size {
		return oleEndOfChain, nil
	}
	err := readAt(f.r, entry[:], off)
	return le.Uint32(entry[:]), err
}

// oleName returns the name of a directory entry if it is plain ASCII.
func oleName(e []byte) string {
	n := int(binary.LittleEndian.Uint16(e[64:]))
	if n < 2 || n > 64 || n%2 != 0 {
		return ""
	}
	name := make([]byte, 0, 32)
	for i := 0; i < n-2; i += 2 {
		if e[i+1] != 0 {
			return ""
		}
		name = append(name, e[i])
	}
	return string(name)
}
