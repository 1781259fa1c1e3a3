package media

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"time"

	"golang.org/x/image/draw"
	"golang.org/x/image/webp"
)

// Options configures a Renderer. What is zero takes the default.
type Options struct {
	// Limits bounds the pictures; default DefaultLimits.
	Limits Limits
	// ThumbnailWidth and ThumbnailHeight are the box that thumbnails fit into, in pixels; default 480 × 480.
	ThumbnailWidth, ThumbnailHeight int
	// AvatarSide is the largest side of avatars, in pixels; default 256.
	AvatarSide int
	// Decodes is how many pictures are worked on at a time; default 2. The memory taken is at most this many
	// times Limits.DecodeBytes and a little.
	Decodes int
	// DecodeTime is how long one picture may take, the waiting for others not counted; default 20 s.
	DecodeTime time.Duration
}

// jpegQuality is where artefacts are not yet visible at the size of a thumbnail.
const jpegQuality = 82

// Picture is a picture made here: upright, without any metadata.
type Picture struct {
	Data []byte
	// MIME is "image/png" where there is transparency, else "image/jpeg".
	MIME string
	// Width and Height are in pixels.
	Width, Height int
}

// Renderer makes small pictures from large ones. It is safe for concurrent use.
type Renderer struct {
	opts Options
	slot chan struct{}
}

// NewRenderer returns a renderer. It runs nothing of its own and needs no stopping.
func NewRenderer(opts Options) *Renderer {
	fallback := func(v *int, otherwise int) {
		if *v <= 0 {
			*v = otherwise
		}
	}
	fallback(&opts.ThumbnailWidth, 480)
	fallback(&opts.ThumbnailHeight, 480)
	fallback(&opts.AvatarSide, 256)
	fallback(&opts.Decodes, 2)
	if opts.DecodeTime <= 0 {
		opts.DecodeTime = 20 * time.Second
	}
	if opts.Limits == (Limits{}) {
		opts.Limits = DefaultLimits()
	}
	return &Renderer{opts: opts, slot: make(chan struct{}, opts.Decodes)}
}

// Probe is the function Probe with the renderer's limits.
func (d *Renderer) Probe(ctx context.Context, r io.ReaderAt, size int64) (Info, error) {
	return Probe(ctx, r, size, d.opts.Limits)
}

// Thumbnail makes a picture that fits into the box of the options and is never larger than the original. Of an
// animation it shows the first frame. It waits for its turn. Fails with ErrImageBomb, ErrImageInvalid or
// ErrImageTooCostly, or with the error of r or ctx.
func (d *Renderer) Thumbnail(ctx context.Context, r io.ReaderAt, size int64) (Picture, error) {
	return d.render(ctx, r, size, func(shown image.Point) (image.Rectangle, image.Point) {
		return image.Rectangle{Max: shown}, fit(shown, image.Pt(d.opts.ThumbnailWidth, d.opts.ThumbnailHeight))
	})
}

// Avatar makes a square picture from the middle of the original, as large as the options say but never larger than
// the original. It fails as Thumbnail does.
func (d *Renderer) Avatar(ctx context.Context, r io.ReaderAt, size int64) (Picture, error) {
	return d.render(ctx, r, size, func(shown image.Point) (image.Rectangle, image.Point) {
		side := min(shown.X, shown.Y)
		at := image.Pt((shown.X-side)/2, (shown.Y-side)/2)
		target := min(side, d.opts.AvatarSide)
		return image.Rectangle{at, at.Add(image.Pt(side, side))}, image.Pt(target, target)
	})
}

// fit scales size down to fit into box, keeping its shape.
func fit(size, box image.Point) image.Point {
	if size.X <= box.X && size.Y <= box.Y {
		return size
	}
	if size.X*box.Y >= size.Y*box.X {
		return image.Pt(box.X, max(1, (size.Y*box.X+size.X/2)/size.X))
	}
	return image.Pt(max(1, (size.X*box.Y+size.Y/2)/size.Y), box.Y)
}

// render decodes a picture and scales a part of it. plan is given the size as shown and returns the part to take and
// the size to give it, both as shown as well.
func (d *Renderer) render(ctx context.Context, r io.ReaderAt, size int64,
	plan func(shown image.Point) (image.Rectangle, image.Point)) (Picture, error) {
	select {
	case d.slot <- struct{}{}:
		defer func() { <-d.slot }()
	case <-ctx.Done():
		return Picture{}, ctx.Err()
	}
	limited, cancel := context.WithTimeoutCause(ctx, d.opts.DecodeTime, ErrImageTooCostly)
	defer cancel()
	pic, err := d.draw(limited, r, size, plan)
	if err != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return Picture{}, fmt.Errorf("%w (%v)", ErrImageTooCostly, d.opts.DecodeTime)
	}
	return pic, err
}

func (d *Renderer) draw(ctx context.Context, r io.ReaderAt, size int64,
	plan func(shown image.Point) (image.Rectangle, image.Point)) (Picture, error) {
	info, err := d.Probe(ctx, r, size)
	if err != nil {
		return Picture{}, err
	}
	if info.cost > d.opts.Limits.DecodeBytes {
		return Picture{}, fmt.Errorf("%w (%d MB)", ErrImageTooCostly, info.cost>>20)
	}
	frame, at, err := decode(ctx, r, size, info)
	if err != nil {
		return Picture{}, err
	}
	part, target := plan(image.Pt(info.Width, info.Height))
	stored, scaled := unturned(part, info), target
	if info.Orientation >= 5 {
		scaled = image.Pt(target.Y, target.X)
	}
	small := turn(scale(frame, at, stored, scaled), info.Orientation)
	return encode(small)
}

// decode returns the first frame and where its origin is on the canvas.
func decode(ctx context.Context, r io.ReaderAt, size int64, info Info) (img image.Image, at image.Point, err error) {
	in := newSource(ctx, r, size)
	defer func() {
		// The decoders promise not to panic. They see files made by people who look for the one that does.
		if p := recover(); p != nil {
			img, err = nil, invalid(fmt.Sprint(p))
		}
		if in.err != nil {
			img, err = nil, fmt.Errorf("media: decode: %w", in.err)
		}
	}()
	switch info.Format {
	case JPEG:
		img, err = decodeAs(in, r, size, info, jpeg.Decode, jpeg.DecodeConfig)
	case PNG:
		img, err = decodeAs(in, r, size, info, png.Decode, png.DecodeConfig)
	case GIF:
		img, err = decodeAs(in, r, size, info, gif.Decode, gif.DecodeConfig)
	default:
		in.r = webpFile(r, info.frame)
		img, err = webp.Decode(in)
		at = info.frame.area.Min
	}
	if err != nil && !errors.Is(err, ErrImageInvalid) {
		err = fmt.Errorf("%w (%v)", ErrImageInvalid, err)
	}
	return img, at, err
}

// decodeAs lets the decoder read the header first: only if it finds the dimensions that were checked may it go on.
func decodeAs(in *source, r io.ReaderAt, size int64, info Info,
	decode func(io.Reader) (image.Image, error), config func(io.Reader) (image.Config, error)) (image.Image, error) {
	c, err := config(in)
	if err != nil {
		return nil, err
	}
	if image.Pt(c.Width, c.Height) != info.canvas {
		return nil, invalid("two sizes")
	}
	in.r = io.NewSectionReader(r, 0, size)
	return decode(in)
}

// webpFile wraps one frame into a file of its own. The header makes the decoder insist on the frame's dimensions.
func webpFile(r io.ReaderAt, frame webpFrame) io.Reader {
	h := make([]byte, 30)
	copy(h, "RIFF....WEBPVP8X")
	le := binary.LittleEndian
	le.PutUint32(h[4:], uint32(int64(len(h))-8+frame.length))
	le.PutUint32(h[16:], 10)
	if frame.alpha {
		h[20] = 1 << 4
	}
	w, height := uint32(frame.area.Dx()-1), uint32(frame.area.Dy()-1)
	h[24], h[25], h[26] = byte(w), byte(w>>8), byte(w>>16)
	h[27], h[28], h[29] = byte(height), byte(height>>8), byte(height>>16)
	return io.MultiReader(bytes.NewReader(h), io.NewSectionReader(r, frame.offset, frame.length))
}

// scale draws the part of the canvas to a picture of the given size. Where the frame, whose origin is at, does not
// cover the part, it stays transparent.
//
// The scaler looks at four pixels for each that it makes, so a large picture is first sampled at twice the size and
// then halved: 16 looks at a fixed price, instead of all pixels or a grainy result.
func scale(frame image.Image, at image.Point, part image.Rectangle, size image.Point) *image.RGBA {
	first := size
	if part.Dx() > 2*size.X && part.Dy() > 2*size.Y {
		first = size.Mul(2)
	}
	out := image.NewRGBA(image.Rectangle{Max: first})
	if shown := frame.Bounds().Add(at).Intersect(part); !shown.Empty() {
		off := shown.Sub(part.Min)
		to := image.Rect(off.Min.X*first.X/part.Dx(), off.Min.Y*first.Y/part.Dy(),
			(off.Max.X*first.X+part.Dx()-1)/part.Dx(), (off.Max.Y*first.Y+part.Dy()-1)/part.Dy())
		draw.ApproxBiLinear.Scale(out, to, frame, shown.Sub(at), draw.Src, nil)
	}
	if first == size {
		return out
	}
	half := image.NewRGBA(image.Rectangle{Max: size})
	draw.ApproxBiLinear.Scale(half, half.Bounds(), out, out.Bounds(), draw.Src, nil)
	return half
}

// turned returns where the pixel p of a picture of the given size goes by an Exif orientation.
func turned(p, size image.Point, orientation int) image.Point {
	x, y, right, bottom := p.X, p.Y, size.X-1-p.X, size.Y-1-p.Y
	switch orientation {
	case 2:
		return image.Pt(right, y)
	case 3:
		return image.Pt(right, bottom)
	case 4:
		return image.Pt(x, bottom)
	case 5:
		return image.Pt(y, x)
	case 6:
		return image.Pt(bottom, x)
	case 7:
		return image.Pt(bottom, right)
	case 8:
		return image.Pt(y, right)
	}
	return p
}

// turn makes a picture upright.
func turn(img *image.RGBA, orientation int) *image.RGBA {
	if orientation == 1 {
		return img
	}
	size := img.Bounds().Size()
	to := size
	if orientation >= 5 {
		to = image.Pt(size.Y, size.X)
	}
	out := image.NewRGBA(image.Rectangle{Max: to})
	for y := range size.Y {
		for x := range size.X {
			p := turned(image.Pt(x, y), size, orientation)
			copy(out.Pix[out.PixOffset(p.X, p.Y):][:4], img.Pix[img.PixOffset(x, y):][:4])
		}
	}
	return out
}

// unturned returns the part of the stored picture that is shown at part.
func unturned(part image.Rectangle, info Info) image.Rectangle {
	// The turns by a quarter undo each other; all others undo themselves.
	back := info.Orientation
	switch back {
	case 6:
		back = 8
	case 8:
		back = 6
	}
	shown := image.Pt(info.Width, info.Height)
	a, b := turned(part.Min, shown, back), turned(part.Max.Sub(image.Pt(1, 1)), shown, back)
	r := image.Rect(a.X, a.Y, b.X, b.Y) // in order
	r.Max = r.Max.Add(image.Pt(1, 1))
	return r
}

func encode(img *image.RGBA) (Picture, error) {
	pic := Picture{MIME: "image/jpeg", Width: img.Bounds().Dx(), Height: img.Bounds().Dy()}
	var b bytes.Buffer
	var err error
	if img.Opaque() {
		err = jpeg.Encode(&b, img, &jpeg.Options{Quality: jpegQuality})
	} else {
		pic.MIME = "image/png"
		err = png.Encode(&b, img)
	}
	if err != nil {
		return Picture{}, fmt.Errorf("media: encode: %w", err)
	}
	pic.Data = b.Bytes()
	return pic, nil
}
