package media

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"testing"
)

var (
	red    = color.RGBA{220, 20, 20, 255}
	green  = color.RGBA{20, 200, 20, 255}
	blue   = color.RGBA{20, 20, 220, 255}
	yellow = color.RGBA{230, 220, 20, 255}
)

// quarters is a picture with a colour in each corner: top left, top right, bottom left, bottom right.
func quarters(w, h int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.SetRGBA(x, y, []color.RGBA{red, green, blue, yellow}[2*(2*y/h)+2*x/w])
		}
	}
	return img
}

func encoded(t testing.TB, encode func(io.Writer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func jpegFile(t testing.TB, img image.Image) []byte {
	return encoded(t, func(w io.Writer) error { return jpeg.Encode(w, img, &jpeg.Options{Quality: 95}) })
}

func pngFile(t testing.TB, img image.Image) []byte {
	return encoded(t, func(w io.Writer) error { return png.Encode(w, img) })
}

func gifFile(t testing.TB, img image.Image) []byte {
	return encoded(t, func(w io.Writer) error { return gif.Encode(w, img, nil) })
}

// exifBlock is an Exif block whose second entry is the orientation.
func exifBlock(order binary.AppendByteOrder, orientation uint16) []byte {
	b := []byte("II*\x00")
	if order.AppendUint16(nil, 1)[0] == 0 {
		b = []byte("MM\x00*")
	}
	b = order.AppendUint32(b, 8)
	b = order.AppendUint16(b, 2)
	for _, e := range []struct{ tag, value uint16 }{{0x0100, 77}, {0x0112, orientation}} {
		b = order.AppendUint16(b, e.tag)
		b = order.AppendUint16(b, 3)
		b = order.AppendUint32(b, 1)
		b = order.AppendUint16(b, e.value)
		b = order.AppendUint16(b, 0)
	}
	return order.AppendUint32(b, 0)
}

func segment(marker byte, content []byte) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(2+len(content))), content...)
}

// withSegments puts segments behind the start of a JPEG.
func withSegments(file []byte, segments ...[]byte) []byte {
	return bytes.Join([][]byte{file[:2], bytes.Join(segments, nil), file[2:]}, nil)
}

func turnedJPEG(t testing.TB, img image.Image, order binary.AppendByteOrder, orientation uint16) []byte {
	return withSegments(jpegFile(t, img), segment(0xe1, append([]byte(exifPrefix), exifBlock(order, orientation)...)))
}

// jpegHeader is a JPEG without any pixels, with 4:2:0 or 4:4:4 sampling and a number of empty scans.
func jpegHeader(sof byte, w, h, sampling, scans int) []byte {
	spec := []byte{8, byte(h >> 8), byte(h), byte(w >> 8), byte(w), 3, 1, byte(sampling), 0, 2, 0x11, 0, 3, 0x11, 0}
	b := append([]byte{0xff, 0xd8}, segment(sof, spec)...)
	for range scans {
		b = append(b, segment(0xda, []byte{1, 1, 0, 0, 0, 0})...)
		b = append(b, 0x12, 0xff, 0x00, 0xff, 0xd0, 0x34)
	}
	return append(b, 0xff, 0xd9)
}

func chunk(kind string, content []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(content)))
	b = append(append(b, kind...), content...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

func pngHeader(w, h int, depth, kind, interlace byte) []byte {
	b := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(w)), uint32(h))
	return append([]byte(pngMagic), chunk("IHDR", append(b, depth, kind, 0, 0, interlace))...)
}

// pngBomb claims to be large and brings a few bytes of pixels.
func pngBomb(t testing.TB, w, h, size int) []byte {
	pixels := encoded(t, func(out io.Writer) error {
		z, err := zlib.NewWriterLevel(out, zlib.NoCompression)
		if err != nil {
			return err
		}
		z.Write(make([]byte, size))
		return z.Close()
	})
	return append(append(pngHeader(w, h, 8, 6, 0), chunk("IDAT", pixels)...), chunk("IEND", nil)...)
}

// animatedPNG puts n frame headers before the end of a picture.
func animatedPNG(t testing.TB, img image.Image, n int) []byte {
	file := pngFile(t, img)
	end := len(file) - 12
	frames := bytes.Repeat(chunk("fcTL", make([]byte, 26)), n)
	return bytes.Join([][]byte{file[:end], frames, file[end:]}, nil)
}

// tinyGIF has n frames of one pixel on a canvas of any size.
func tinyGIF(w, h, n int) []byte {
	b := append([]byte("GIF89a"), byte(w), byte(w>>8), byte(h), byte(h>>8), 0x80, 0, 0, 0, 0, 0, 255, 255, 255)
	for range n {
		b = append(b, 0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0)
	}
	return append(b, 0x3b)
}

// bits is a stream written from the lowest bit of each byte on.
type bits struct {
	b []byte
	n int
}

func (s *bits) put(value, count int) {
	for i := range count {
		if s.n%8 == 0 {
			s.b = append(s.b, 0)
		}
		s.b[s.n/8] |= byte(value>>i&1) << (s.n % 8)
		s.n++
	}
}

// vp8l is a lossless WebP bitstream with two colours, that differ in green and transparency, left and right.
func vp8l(w, h int, left, right color.NRGBA) []byte {
	s := &bits{}
	s.put(0x2f, 8)
	s.put(w-1, 14)
	s.put(h-1, 14)
	s.put(1, 1) // transparency is used
	s.put(0, 3) // version
	s.put(0, 3) // no transform, no colour cache, one group of codes
	for _, symbols := range [][]uint8{{left.G, right.G}, {left.R}, {left.B}, {left.A, right.A}} {
		s.put(1, 1)
		s.put(len(symbols)-1, 1)
		s.put(1, 1)
		for _, v := range symbols {
			s.put(int(v), 8)
		}
	}
	s.put(1, 4) // one distance symbol of one bit: 0
	for range h {
		for x := range w {
			s.put(min(1, 2*x/w), 1) // green
			s.put(min(1, 2*x/w), 1) // transparency
		}
	}
	return s.b
}

// vp8 is a lossy WebP bitstream of one key frame, in which all is as predicted.
func vp8(w, h int) []byte {
	first := 64 + (w/16+1)*(h/16+1)
	tag := first<<5 | 1<<4
	b := []byte{byte(tag), byte(tag >> 8), byte(tag >> 16), 0x9d, 0x01, 0x2a, byte(w), byte(w >> 8), byte(h), byte(h >> 8)}
	return append(b, make([]byte, 2*first)...)
}

func riff(kind string, content []byte) []byte {
	b := binary.LittleEndian.AppendUint32([]byte(kind), uint32(len(content)))
	b = append(b, content...)
	if len(content)%2 == 1 {
		b = append(b, 0)
	}
	return b
}

func webpOf(chunks ...[]byte) []byte {
	return riff("RIFF", append([]byte("WEBP"), bytes.Join(chunks, nil)...))
}

func le24(v int) []byte { return []byte{byte(v), byte(v >> 8), byte(v >> 16)} }

func vp8x(flags byte, w, h int) []byte {
	return riff("VP8X", bytes.Join([][]byte{{flags, 0, 0, 0}, le24(w - 1), le24(h - 1)}, nil))
}

func anmf(x, y, w, h int, chunks ...[]byte) []byte {
	return riff("ANMF", bytes.Join([][]byte{
		le24(x / 2), le24(y / 2), le24(w - 1), le24(h - 1), le24(100), {0}, bytes.Join(chunks, nil)}, nil))
}
