// Package media looks at pictures without trusting them, makes thumbnails and avatars, and tidies file names.
//
// What does not belong here: which files may be uploaded and malware (package scan), where results are kept
// (package blob), sound and video.
package media

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"io"
)

// Codes of refusals. They are stable and part of the API reference.
const (
	CodeImageBomb      = "image_bomb"
	CodeImageInvalid   = "image_invalid"
	CodeImageTooCostly = "image_too_costly"
)

// Error is a refusal of a picture, as opposed to a failure to read it. The package's errors wrap one of the values
// below with the details.
type Error struct {
	code string
	text string
}

// Error returns the refusal in words fit to be shown to a person.
func (e *Error) Error() string { return e.text }

// ErrorCode returns the stable code.
func (e *Error) ErrorCode() string { return e.code }

// The refusals, to be found with errors.Is.
var (
	// ErrImageBomb: showing the picture would cost anyone too much. It should not be kept.
	ErrImageBomb = &Error{CodeImageBomb, "the picture has too many pixels or frames"}
	// ErrImageInvalid: it is not a whole picture of a known format.
	ErrImageInvalid = &Error{CodeImageInvalid, "the picture is damaged or of an unknown format"}
	// ErrImageTooCostly: the picture is good, but decoding it here would take more memory or time than allowed.
	// It can be kept, without a thumbnail.
	ErrImageTooCostly = &Error{CodeImageTooCostly, "the picture takes too much memory or time to be made smaller"}
)

// Format is the encoding of a picture.
type Format string

// The formats that can be read.
const (
	JPEG Format = "jpeg"
	PNG  Format = "png"
	GIF  Format = "gif"
	WebP Format = "webp"
)

// Limits bounds the pictures that are accepted. They are checked against headers, before anything is decoded.
type Limits struct {
	// Side is the largest width and height, Pixels the largest product of both.
	Side, Pixels int
	// Frames is the largest number of frames of an animation, AnimationPixels that of all their pixels together.
	Frames, AnimationPixels int
	// Scans is the largest number of passes of a progressive JPEG.
	Scans int
	// DecodeBytes is the memory that decoding a picture may take, by a conservative estimate. What needs more is
	// accepted but not decoded.
	DecodeBytes int64
}

// DefaultLimits returns limits that photos and animations from ordinary cameras and programs do not reach.
func DefaultLimits() Limits {
	return Limits{Side: 16_384, Pixels: 40_000_000, Frames: 2_000, AnimationPixels: 1_000_000_000, Scans: 200, DecodeBytes: 256 << 20}
}

// Info is what the headers of a picture tell.
type Info struct {
	Format Format
	// Width and Height are in pixels, as shown: after the orientation.
	Width, Height int
	// Orientation is the Exif value from 1 to 8; 1, upright, where there is none.
	Orientation int
	// Frames is the number of frames, above 1 for an animation.
	Frames int

	// canvas is the size as stored, before the orientation.
	canvas image.Point
	// cost is the memory it takes to decode the first frame, in bytes.
	cost int64
	// frame locates the first frame of a WebP, the only format whose decoder cannot find it by itself.
	frame webpFrame
}

// Probe reads the headers of the size bytes of r and checks them against limits, in one pass and constant memory.
// A picture that is cut short behind its dimensions is not noticed here. Fails with ErrImageBomb or ErrImageInvalid,
// or with the error of r or ctx.
func Probe(ctx context.Context, r io.ReaderAt, size int64, limits Limits) (Info, error) {
	in := newSource(ctx, r, size)
	p := &prober{in: bufio.NewReaderSize(in, 32<<10), limits: limits, info: Info{Orientation: 1, Frames: 1}}
	err := p.probe()
	if in.err != nil {
		return Info{}, fmt.Errorf("media: probe: %w", in.err)
	}
	if cut(err) {
		err = fmt.Errorf("%w (cut short)", ErrImageInvalid)
	}
	if err != nil {
		return Info{}, err
	}
	info := p.info
	info.Width, info.Height = info.canvas.X, info.canvas.Y
	if info.Orientation >= 5 {
		info.Width, info.Height = info.Height, info.Width
	}
	return info, nil
}

// prober walks through the structure of a picture.
type prober struct {
	in     *bufio.Reader
	pos    int64
	limits Limits
	info   Info
}

func (p *prober) probe() error {
	head, _ := p.in.Peek(12)
	at := func(off int, sig string) bool {
		return len(head) >= off+len(sig) && string(head[off:off+len(sig)]) == sig
	}
	switch {
	case at(0, "\xff\xd8\xff"):
		p.info.Format = JPEG
		return p.jpeg()
	case at(0, pngMagic):
		p.info.Format = PNG
		return p.png()
	case at(0, "GIF87a"), at(0, "GIF89a"):
		p.info.Format = GIF
		return p.gif()
	case at(0, "RIFF") && at(8, "WEBP"):
		p.info.Format = WebP
		return p.webp()
	}
	return fmt.Errorf("%w (unknown format)", ErrImageInvalid)
}

// read fills b.
func (p *prober) read(b []byte) error {
	n, err := io.ReadFull(p.in, b)
	p.pos += int64(n)
	return err
}

func (p *prober) skip(n int64) error {
	for n > 0 {
		step, err := p.in.Discard(int(min(n, 1<<30)))
		p.pos += int64(step)
		if err != nil {
			return err
		}
		n -= int64(step)
	}
	return nil
}

func (p *prober) byte() (byte, error) {
	b, err := p.in.ReadByte()
	if err == nil {
		p.pos++
	}
	return b, err
}

// size notes the dimensions and checks them.
func (p *prober) size(width, height int) error {
	if width <= 0 || height <= 0 {
		return invalid("no pixels")
	}
	if width > p.limits.Side || height > p.limits.Side || int64(width)*int64(height) > int64(p.limits.Pixels) {
		return fmt.Errorf("%w (%d × %d)", ErrImageBomb, width, height)
	}
	p.info.canvas = image.Pt(width, height)
	return nil
}

// pixels is the area of the canvas.
func (p *prober) pixels() int64 { return int64(p.info.canvas.X) * int64(p.info.canvas.Y) }

// frames notes that n frames have been seen, and checks them.
func (p *prober) frames(n int) error {
	if n > p.limits.Frames || n > 1 && int64(n)*p.pixels() > int64(p.limits.AnimationPixels) {
		return fmt.Errorf("%w (%d frames or more)", ErrImageBomb, n)
	}
	p.info.Frames = max(1, n)
	return nil
}

// maxExif is as much as a JPEG can hold in one piece.
const maxExif = 64 << 10

// exif reads the next n bytes and takes the orientation from them.
func (p *prober) exif(n int64) error {
	b := make([]byte, min(n, maxExif))
	if err := p.read(b); err != nil {
		return err
	}
	p.info.Orientation = exifOrientation(b)
	return p.skip(n - int64(len(b)))
}

func invalid(why string) error { return fmt.Errorf("%w (%s)", ErrImageInvalid, why) }

const exifPrefix = "Exif\x00\x00"

// exifOrientation returns the orientation from 1 to 8 that an Exif block (CIPA DC-008, a TIFF file inside) gives its
// picture, and 1 for a block that gives none or cannot be read.
func exifOrientation(b []byte) int {
	if len(b) >= len(exifPrefix) && string(b[:len(exifPrefix)]) == exifPrefix {
		b = b[len(exifPrefix):]
	}
	if len(b) < 8 {
		return 1
	}
	var order binary.ByteOrder
	switch string(b[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return 1
	}
	offset := uint64(order.Uint32(b[4:]))
	if offset+2 > uint64(len(b)) {
		return 1
	}
	entries := b[offset+2:]
	const tag, short, entryLen = 0x0112, 3, 12
	for range order.Uint16(b[offset:]) {
		if len(entries) < entryLen {
			return 1
		}
		if order.Uint16(entries) == tag {
			value := int(order.Uint16(entries[8:]))
			if order.Uint16(entries[2:]) != short || order.Uint32(entries[4:]) != 1 || value < 1 || value > 8 {
				return 1
			}
			return value
		}
		entries = entries[entryLen:]
	}
	return 1
}

// source reads a section of r until its context ends, and remembers the error that a decoder may hide.
type source struct {
	ctx context.Context
	r   io.Reader
	err error
}

func newSource(ctx context.Context, r io.ReaderAt, size int64) *source {
	return &source{ctx: ctx, r: io.NewSectionReader(r, 0, size)}
}

func (s *source) Read(p []byte) (int, error) {
	if s.err == nil {
		s.err = s.ctx.Err()
	}
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}
