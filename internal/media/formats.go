package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"io"
)

// jpeg walks the segments of ITU-T T.81 Annex B up to the end of the image. All scans are passed, because a small
// file can ask for thousands of passes over all pixels.
func (p *prober) jpeg() error {
	if err := p.skip(2); err != nil {
		return err
	}
	scans, exif, adobe := 0, false, false
	for {
		marker, err := p.jpegMarker()
		if cut(err) && scans > 0 {
			return nil // cut short, which browsers show as far as it goes
		}
		if err != nil {
			return err
		}
		if marker == 0xd9 { // end of image
			if scans == 0 {
				return invalid("no picture in it")
			}
			return nil
		}
		if marker == 0x01 || marker >= 0xd0 && marker <= 0xd8 {
			continue // without content
		}
		var length [2]byte
		if err := p.read(length[:]); err != nil {
			return err
		}
		n := int64(binary.BigEndian.Uint16(length[:])) - 2
		if n < 0 {
			return invalid("segment length")
		}
		switch {
		case marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc:
			err = p.jpegFrame(marker, n, adobe)
		case marker == 0xda: // start of scan
			if p.info.canvas == (image.Point{}) {
				return invalid("pixels before their size")
			}
			if scans++; scans > p.limits.Scans {
				return fmt.Errorf("%w (%d scans or more)", ErrImageBomb, scans)
			}
			err = p.skip(n)
		case marker == 0xe1 && !exif:
			var head []byte
			if head, err = p.in.Peek(int(min(n, 6))); err == nil && string(head) == exifPrefix {
				exif, err = true, p.exif(n)
			} else if err == nil {
				err = p.skip(n)
			}
		default:
			adobe = adobe || marker == 0xee
			err = p.skip(n)
		}
		if cut(err) && scans > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// jpegMarker finds the next marker. What is between segments is skipped: the pixels of a scan, where an FF that is
// followed by 00 is content, and padding.
func (p *prober) jpegMarker() (byte, error) {
	for {
		b, err := p.byte()
		if err != nil {
			return 0, err
		}
		if b != 0xff {
			continue
		}
		for b == 0xff {
			if b, err = p.byte(); err != nil {
				return 0, err
			}
		}
		if b != 0 {
			return b, nil
		}
	}
}

func (p *prober) jpegFrame(marker byte, n int64, adobe bool) error {
	if marker > 0xc2 {
		return invalid("a kind of JPEG that browsers do not show")
	}
	if p.info.canvas != (image.Point{}) {
		return invalid("two sizes")
	}
	var h [6]byte
	if n < int64(len(h)) {
		return invalid("segment length")
	}
	if err := p.read(h[:]); err != nil {
		return err
	}
	if err := p.size(int(binary.BigEndian.Uint16(h[3:])), int(binary.BigEndian.Uint16(h[1:]))); err != nil {
		return err
	}
	components := int(h[5])
	if (components != 1 && components != 3 && components != 4) || n < int64(6+3*components) {
		return invalid("components")
	}
	spec := make([]byte, n-6)
	if err := p.read(spec); err != nil {
		return err
	}
	var sum, wide, high int64
	for i := range components {
		x, y := int64(spec[3*i+1]>>4), int64(spec[3*i+1]&15)
		sum, wide, high = sum+x*y, max(wide, x), max(high, y)
	}
	p.info.cost = p.pixels() * int64(components)
	if marker == 0xc2 && wide*high > 0 { // progressive: all coefficients are kept, at four bytes
		p.info.cost += 4 * p.pixels() * sum / (wide * high)
	}
	rgb := components == 3 && spec[0] == 'R' && spec[3] == 'G' && spec[6] == 'B'
	if components == 4 || adobe || rgb {
		p.info.cost += 4 * p.pixels() // is converted
	}
	return nil
}

const pngMagic = "\x89PNG\r\n\x1a\n"

// png walks the chunks (ISO/IEC 15948) up to the end of the image, and counts the frames of an animated one.
func (p *prober) png() error {
	if err := p.skip(int64(len(pngMagic))); err != nil {
		return err
	}
	frames, pixels := 0, false
	for first := true; ; first = false {
		var h [8]byte
		if err := p.read(h[:]); cut(err) && pixels {
			return nil
		} else if err != nil {
			return err
		}
		n, kind := int64(binary.BigEndian.Uint32(h[:])), string(h[4:])
		if n>>31 != 0 || first != (kind == "IHDR") {
			return invalid("chunk order")
		}
		var err error
		switch kind {
		case "IHDR":
			err = p.pngHeader(n)
			n = 0
		case "eXIf":
			err = p.exif(n)
			n = 0
		case "IDAT":
			pixels = true
		case "fcTL":
			frames++
			err = p.frames(frames)
		case "IEND":
			if !pixels {
				return invalid("no picture in it")
			}
			return nil
		}
		if err != nil {
			return err
		}
		if err := p.skip(n + 4); cut(err) && pixels {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func (p *prober) pngHeader(n int64) error {
	var h [13]byte
	if n != int64(len(h)) {
		return invalid("chunk length")
	}
	if err := p.read(h[:]); err != nil {
		return err
	}
	width, height := binary.BigEndian.Uint32(h[:]), binary.BigEndian.Uint32(h[4:])
	if err := p.size(int(min(width, 1<<30)), int(min(height, 1<<30))); err != nil {
		return err
	}
	const gray, palette, grayAlpha, interlaced = 0, 3, 4, 1
	perPixel := int64(4)
	if colour := h[9]; colour == gray || colour == palette {
		perPixel = 1
	}
	if h[8] == 16 {
		perPixel *= 2
	}
	p.info.cost = p.pixels() * perPixel
	if h[12] == interlaced {
		p.info.cost *= 2
	}
	return nil
}

// gif walks the blocks of the GIF89a specification up to the trailer, and counts the frames.
func (p *prober) gif() error {
	var h [13]byte
	if err := p.read(h[:]); err != nil {
		return err
	}
	le := binary.LittleEndian
	if err := p.size(int(le.Uint16(h[6:])), int(le.Uint16(h[8:]))); err != nil {
		return err
	}
	p.info.cost = p.pixels()
	if err := p.skip(gifColours(h[10])); err != nil {
		return err
	}
	for frames := 0; ; {
		kind, err := p.byte()
		switch {
		case err != nil:
		case kind == 0x21: // extension
			if err = p.skip(1); err == nil {
				err = p.gifBlocks()
			}
		case kind == 0x2c:
			frames++
			if err = p.frames(frames); err == nil {
				err = p.gifFrame()
			}
		case frames > 0: // the trailer, or what browsers take for it
			return nil
		default:
			return invalid("no picture in it")
		}
		if cut(err) && frames > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (p *prober) gifFrame() error {
	var h [9]byte
	if err := p.read(h[:]); err != nil {
		return err
	}
	le := binary.LittleEndian
	right, bottom := int(le.Uint16(h[:]))+int(le.Uint16(h[4:])), int(le.Uint16(h[2:]))+int(le.Uint16(h[6:]))
	if right > p.info.canvas.X || bottom > p.info.canvas.Y {
		return invalid("a frame outside of the picture")
	}
	if err := p.skip(gifColours(h[8]) + 1); err != nil {
		return err
	}
	return p.gifBlocks()
}

// gifBlocks skips a chain of blocks of up to 255 bytes.
func (p *prober) gifBlocks() error {
	for {
		n, err := p.byte()
		if err != nil || n == 0 {
			return err
		}
		if err := p.skip(int64(n)); err != nil {
			return err
		}
	}
}

// gifColours is the length of the colour table that a field of flags announces.
func gifColours(flags byte) int64 {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (flags&7 + 1)
}

// webpFrame is where a WebP's first frame is in the file, from its first chunk to its last.
type webpFrame struct {
	offset, length int64
	area           image.Rectangle // on the canvas
	alpha          bool            // starts with an ALPH chunk
}

// webp walks the chunks of a WebP container (RFC 9649), and counts the frames of an animation.
func (p *prober) webp() error {
	if err := p.skip(12); err != nil {
		return err
	}
	frames, frame := 0, &p.info.frame
	for {
		start := p.pos
		var h [8]byte
		if err := p.read(h[:]); err != nil {
			if cut(err) && frame.length > 0 {
				return nil
			}
			return err
		}
		n, kind := int64(binary.LittleEndian.Uint32(h[4:])), string(h[:4])
		padded := n + n&1
		body := p.pos
		var err error
		switch {
		case kind == "VP8X" && p.info.canvas == (image.Point{}):
			err = p.webpCanvas(n)
		case kind == "ANMF":
			frames++
			if err = p.frames(frames); err == nil {
				err = p.webpAnimated(n, frames == 1)
			}
		case kind == "ALPH" && frame.offset == 0:
			frame.offset, frame.alpha = start, true
		case (kind == "VP8 " || kind == "VP8L") && frame.length == 0:
			err = p.webpStill(kind, start, n)
		case kind == "EXIF":
			err = p.exif(n)
		}
		if err != nil {
			return err
		}
		if err := p.skip(body + padded - p.pos); cut(err) && frame.length > 0 {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func (p *prober) webpCanvas(n int64) error {
	var h [10]byte
	if n < int64(len(h)) {
		return invalid("chunk length")
	}
	if err := p.read(h[:]); err != nil {
		return err
	}
	return p.webpSize(1+uint24(h[4:]), 1+uint24(h[7:]))
}

// webpSize notes the dimensions. The decoders take up to eight bytes a pixel, with transparency.
func (p *prober) webpSize(width, height int) error {
	err := p.size(width, height)
	p.info.cost = 8 * p.pixels()
	return err
}

// webpAnimated reads the header of a frame. The canvas bounds it, and the decoder is made to hold it to that.
func (p *prober) webpAnimated(n int64, first bool) error {
	var h [16]byte
	if n < int64(len(h))+8 || p.info.canvas == (image.Point{}) {
		return invalid("a frame without a picture")
	}
	if err := p.read(h[:]); err != nil {
		return err
	}
	at := image.Pt(2*uint24(h[:]), 2*uint24(h[3:]))
	area := image.Rectangle{at, at.Add(image.Pt(1+uint24(h[6:]), 1+uint24(h[9:])))}
	if !area.In(image.Rectangle{Max: p.info.canvas}) {
		return invalid("a frame outside of the picture")
	}
	if first {
		kind, err := p.in.Peek(4)
		if err != nil {
			return err
		}
		p.info.frame = webpFrame{offset: p.pos, length: n - int64(len(h)), area: area, alpha: string(kind) == "ALPH"}
	}
	return nil
}

// webpStill reads the size of a bitstream: RFC 6386 9.1 and RFC 9649 3.4.
func (p *prober) webpStill(kind string, start, n int64) error {
	var h [10]byte
	if err := p.read(h[:min(n, int64(len(h)))]); err != nil {
		return err
	}
	var width, height int
	switch {
	case kind == "VP8 " && h[0]&1 == 0 && string(h[3:6]) == "\x9d\x01\x2a":
		width, height = int(binary.LittleEndian.Uint16(h[6:]))&0x3fff, int(binary.LittleEndian.Uint16(h[8:]))&0x3fff
	case kind == "VP8L" && h[0] == 0x2f:
		bits := int(binary.LittleEndian.Uint32(h[1:]))
		width, height = 1+bits&0x3fff, 1+bits>>14&0x3fff
	default:
		return invalid("bitstream")
	}
	switch p.info.canvas {
	case image.Point{}:
		if err := p.webpSize(width, height); err != nil {
			return err
		}
	case image.Pt(width, height):
	default:
		return invalid("two sizes")
	}
	frame := &p.info.frame
	if frame.offset == 0 {
		frame.offset = start
	}
	frame.length = start + 8 + n + n&1 - frame.offset
	frame.area = image.Rectangle{Max: p.info.canvas}
	return nil
}

func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

// cut reports whether a file ended too early. Once there is a frame, that is let pass: browsers show what there is.
func cut(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }
