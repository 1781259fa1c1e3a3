package scan

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"strings"
	"testing"
	"unicode/utf16"
)

// rawEntry is a file of a hand-made zip. What is not set is derived honestly from content.
type rawEntry struct {
	name      string
	content   []byte
	store     bool
	localName string // in the local header instead of name
	method    uint16 // instead of the real one, in both headers
	flags     uint16
	attrs     uint32
	size      uint32 // declared instead of the real one
	crc       uint32
	sameAs    int  // 1-based: no data of its own, points at that entry
	wide      bool // sizes and offset in a 64-bit extra field
}

// rawZip writes what archive/zip would refuse to.
func rawZip(entries ...rawEntry) []byte {
	var out, dir bytes.Buffer
	le := binary.LittleEndian
	starts := make([]uint32, len(entries))
	for i, e := range entries {
		data, method := e.content, uint16(methodStored)
		if !e.store {
			data, method = deflated(e.content), methodDeflate
		}
		if e.method != 0 {
			method = e.method
		}
		size, crc, local := uint32(len(e.content)), crc32.ChecksumIEEE(e.content), e.name
		if e.size != 0 {
			size = e.size
		}
		if e.crc != 0 {
			crc = e.crc
		}
		if e.localName != "" {
			local = e.localName
		}
		starts[i] = uint32(out.Len())
		if e.sameAs > 0 {
			starts[i] = starts[e.sameAs-1]
		} else {
			h := make([]byte, localLen)
			copy(h, sigLocal)
			le.PutUint16(h[6:], e.flags)
			le.PutUint16(h[8:], method)
			le.PutUint32(h[14:], crc)
			le.PutUint32(h[18:], uint32(len(data)))
			le.PutUint32(h[22:], size)
			le.PutUint16(h[26:], uint16(len(local)))
			out.Write(h)
			out.WriteString(local)
			out.Write(data)
		}
		h := make([]byte, entryLen)
		copy(h, sigEntry)
		le.PutUint16(h[8:], e.flags)
		le.PutUint16(h[10:], method)
		le.PutUint32(h[16:], crc)
		le.PutUint32(h[20:], uint32(len(data)))
		le.PutUint32(h[24:], size)
		le.PutUint16(h[28:], uint16(len(e.name)))
		le.PutUint32(h[38:], e.attrs)
		le.PutUint32(h[42:], starts[i])
		var extra []byte
		if e.wide {
			extra = le.AppendUint16(le.AppendUint16(nil, 1), 24)
			extra = le.AppendUint64(extra, uint64(size))
			extra = le.AppendUint64(extra, uint64(len(data)))
			extra = le.AppendUint64(extra, uint64(starts[i]))
			for _, at := range []int{20, 24, 42} {
				le.PutUint32(h[at:], 0xffffffff)
			}
			le.PutUint16(h[30:], uint16(len(extra)))
		}
		dir.Write(h)
		dir.WriteString(e.name)
		dir.Write(extra)
	}
	start := out.Len()
	out.Write(dir.Bytes())
	return append(out.Bytes(), endRecord(len(entries), dir.Len(), start, 0)...)
}

func endRecord(entries, size, offset, comment int) []byte {
	end := make([]byte, endLen)
	le := binary.LittleEndian
	copy(end, sigEnd)
	le.PutUint16(end[8:], uint16(entries))
	le.PutUint16(end[10:], uint16(entries))
	le.PutUint32(end[12:], uint32(size))
	le.PutUint32(end[16:], uint32(offset))
	le.PutUint16(end[20:], uint16(comment))
	return end
}

func deflated(content []byte) []byte {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		panic(err)
	}
	w.Write(content)
	w.Close()
	return b.Bytes()
}

// plainZip is what ordinary programs write: data descriptors, flags and all.
func plainZip(t testing.TB, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		f, err := w.Create(files[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(f, files[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func nested(levels int, innermost []byte) []byte {
	for range levels {
		innermost = rawZip(rawEntry{name: "inner.zip", content: innermost})
	}
	return innermost
}

func docx(t testing.TB, mainType string, more ...string) []byte {
	t.Helper()
	return plainZip(t, append([]string{
		"[Content_Types].xml", `<Types><Override PartName="/word/document.xml" ContentType="` + mainType + `"/></Types>`,
		"_rels/.rels", `<Relationships/>`,
		"word/document.xml", `<w:document/>`,
	}, more...)...)
}

// oleDoc is a compound file whose directory has the named streams, four to a sector, and starts at the given sector.
func oleDoc(dirStart int, streams ...string) []byte {
	const sector = 512
	le := binary.LittleEndian
	sectors := (len(streams) + 3) / 4
	total := dirStart + sectors
	tables := (total + 127) / 128 // of the allocation table, placed behind the directory
	b := make([]byte, (1+total+tables)*sector)
	copy(b, oleMagic)
	le.PutUint16(b[30:], 9)
	le.PutUint32(b[48:], uint32(dirStart))
	for i := range min(tables, 109) {
		le.PutUint32(b[76+4*i:], uint32(total+i))
	}
	if tables > 109 {
		// The list goes on in the first sector after the header, which such a test leaves free.
		le.PutUint32(b[68:], 0)
		for i := 109; i < tables; i++ {
			le.PutUint32(b[sector+4*(i-109):], uint32(total+i))
		}
	}
	for i := range sectors {
		next := uint32(dirStart + i + 1)
		if i == sectors-1 {
			next = oleEndOfChain
		}
		at := dirStart + i
		le.PutUint32(b[(1+total+at/128)*sector+4*(at%128):], next)
	}
	for i, name := range streams {
		e := b[(1+dirStart)*sector+i*oleDirEntry:]
		units := utf16.Encode([]rune(name))
		for j, u := range units {
			le.PutUint16(e[2*j:], u)
		}
		le.PutUint16(e[64:], uint16(2*len(units)+2))
		e[66] = oleStream
	}
	return b
}

func picture() image.Image {
	p := image.NewPaletted(image.Rect(0, 0, 9, 7), color.Palette{color.Gray{0}, color.Gray{200}})
	p.Pix[5] = 1
	return p
}

func jpegFile(t testing.TB) []byte {
	return encoded(t, func(w io.Writer) error { return jpeg.Encode(w, picture(), nil) })
}
func pngFile(t testing.TB) []byte {
	return encoded(t, func(w io.Writer) error { return png.Encode(w, picture()) })
}
func gifFile(t testing.TB) []byte {
	return encoded(t, func(w io.Writer) error { return gif.Encode(w, picture(), nil) })
}
func webpFile() []byte {
	return []byte("RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07\x00")
}
func pdfFile() []byte { return []byte("%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n") }

func encoded(t testing.TB, encode func(io.Writer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zeros(n int) []byte { return make([]byte, n) }

func text(n int) string { return strings.Repeat("It was a dark and stormy night. ", n/32+1)[:n] }
