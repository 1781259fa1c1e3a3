package media

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/color/palette"
	"image/gif"
	"io"
	"runtime"
	"slices"
	"testing"
)

func TestProbe(t *testing.T) {
	pic := quarters(30, 20)
	le := binary.LittleEndian
	opaque := color.NRGBA{10, 20, 30, 255}
	still := riff("VP8L", vp8l(30, 20, opaque, opaque))
	for _, row := range []struct {
		name string
		file []byte
		want Info // the exported fields
		err  error
	}{
		{"a JPEG", jpegFile(t, pic), info(JPEG, 30, 20, 1, 1), nil},
		{"a turned JPEG is as wide as shown", turnedJPEG(t, pic, le, 6), info(JPEG, 20, 30, 6, 1), nil},
		{"a JPEG on its head keeps its width", turnedJPEG(t, pic, binary.BigEndian, 3), info(JPEG, 30, 20, 3, 1), nil},
		{"an orientation out of range is none", turnedJPEG(t, pic, le, 9), info(JPEG, 30, 20, 1, 1), nil},
		{"a JPEG with other segments before the Exif", withSegments(turnedJPEG(t, pic, le, 8),
			segment(0xe1, []byte("http://ns.adobe.com/xap/1.0/\x00")), segment(0xe1, nil), segment(0xfe, []byte("hi"))), info(JPEG, 20, 30, 8, 1), nil},
		{"the first of two Exif segments counts", withSegments(turnedJPEG(t, pic, le, 8),
			segment(0xe1, append([]byte(exifPrefix), exifBlock(le, 1)...))), info(JPEG, 30, 20, 1, 1), nil},
		{"a JPEG cut short in its pixels", jpegFile(t, pic)[:len(jpegFile(t, pic))-10], info(JPEG, 30, 20, 1, 1), nil},
		{"a JPEG cut short before its pixels", jpegFile(t, pic)[:100], Info{}, ErrImageInvalid},
		{"a JPEG with something behind", append(jpegFile(t, pic), jpegHeader(0xc0, 60000, 60000, 0x11, 1)...), info(JPEG, 30, 20, 1, 1), nil},
		{"a JPEG that is too wide", jpegHeader(0xc0, 16_385, 1, 0x11, 1), Info{}, ErrImageBomb},
		{"a JPEG of too many pixels", jpegHeader(0xc0, 8_000, 5_001, 0x11, 1), Info{}, ErrImageBomb},
		{"a JPEG just small enough", jpegHeader(0xc0, 8_000, 5_000, 0x11, 1), info(JPEG, 8_000, 5_000, 1, 1), nil},
		{"a progressive JPEG", jpegHeader(0xc2, 800, 600, 0x22, 10), info(JPEG, 800, 600, 1, 1), nil},
		{"a JPEG of too many scans", jpegHeader(0xc2, 800, 600, 0x22, 201), Info{}, ErrImageBomb},
		{"a JPEG without scans", jpegHeader(0xc0, 800, 600, 0x22, 0), Info{}, ErrImageInvalid},
		{"a JPEG without height", jpegHeader(0xc0, 800, 0, 0x22, 1), Info{}, ErrImageInvalid},
		{"a lossless JPEG", jpegHeader(0xc3, 800, 600, 0x22, 1), Info{}, ErrImageInvalid},
		{"a JPEG of two sizes", withSegments(jpegFile(t, pic), segment(0xc0, []byte{8, 0, 1, 0, 1, 1, 1, 0x11, 0})), Info{}, ErrImageInvalid},
		{"a JPEG of two components", withSegments(jpegFile(t, pic), segment(0xc0, []byte{8, 0, 1, 0, 1, 2, 1, 0x11, 0, 2, 0x11, 0})), Info{}, ErrImageInvalid},

		{"a PNG", pngFile(t, pic), info(PNG, 30, 20, 1, 1), nil},
		{"a turned PNG", slices.Concat(pngHeader(30, 20, 8, 6, 0), chunk("eXIf", exifBlock(le, 5)), pngFile(t, pic)[33:]), info(PNG, 20, 30, 5, 1), nil},
		{"a PNG cut short in its pixels", pngFile(t, pic)[:60], info(PNG, 30, 20, 1, 1), nil},
		{"a PNG cut short in its header", pngFile(t, pic)[:20], Info{}, ErrImageInvalid},
		{"a PNG without pixels", append(pngHeader(30, 20, 8, 6, 0), chunk("IEND", nil)...), Info{}, ErrImageInvalid},
		{"a PNG with something before its header", slices.Concat([]byte(pngMagic), chunk("tEXt", nil), pngFile(t, pic)[8:]), Info{}, ErrImageInvalid},
		{"a PNG with two headers", slices.Concat(pngHeader(1, 1, 8, 6, 0), pngFile(t, pic)[8:]), Info{}, ErrImageInvalid},
		{"a PNG of no pixels", append(pngHeader(0, 20, 8, 6, 0), chunk("IDAT", nil)...), Info{}, ErrImageInvalid},
		{"a PNG of 400 MB in 47 kB", pngBomb(t, 20_000, 5_000, 47_000), Info{}, ErrImageBomb},
		{"a PNG of all the pixels there are", pngBomb(t, 1<<31-1, 1<<31-1, 1), Info{}, ErrImageBomb},
		{"an animated PNG", animatedPNG(t, pic, 3), info(PNG, 30, 20, 1, 3), nil},
		{"a PNG of too many frames", animatedPNG(t, pic, 2_001), Info{}, ErrImageBomb},

		{"a GIF", gifFile(t, pic), info(GIF, 30, 20, 1, 1), nil},
		{"an animated GIF", tinyGIF(30, 20, 7), info(GIF, 30, 20, 1, 7), nil},
		{"a GIF of too many frames", tinyGIF(2, 2, 2_001), Info{}, ErrImageBomb},
		{"a GIF of too many pixels in all frames", tinyGIF(8_000, 5_000, 26), Info{}, ErrImageBomb},
		{"a GIF of too many pixels in one", tinyGIF(8_000, 5_001, 1), Info{}, ErrImageBomb},
		{"a GIF cut short behind a frame", tinyGIF(30, 20, 2)[:38], info(GIF, 30, 20, 1, 2), nil},
		{"a GIF without frames", tinyGIF(30, 20, 0), Info{}, ErrImageInvalid},
		{"a GIF of no pixels", tinyGIF(0, 20, 1), Info{}, ErrImageInvalid},
		{"a GIF cut short in its header", tinyGIF(3, 3, 1)[:12], Info{}, ErrImageInvalid},
		{"a GIF with a frame outside of it", bytes.Replace(tinyGIF(3, 3, 1), []byte{0x2c, 0, 0}, []byte{0x2c, 3, 0}, 1), Info{}, ErrImageInvalid},

		{"a lossless WebP", webpOf(still), info(WebP, 30, 20, 1, 1), nil},
		{"a lossy WebP", webpOf(riff("VP8 ", vp8(30, 20))), info(WebP, 30, 20, 1, 1), nil},
		{"an extended WebP", webpOf(vp8x(0, 30, 20), riff("ICCP", []byte("x")), still), info(WebP, 30, 20, 1, 1), nil},
		{"a turned WebP", webpOf(vp8x(8, 30, 20), still, riff("EXIF", exifBlock(le, 7))), info(WebP, 20, 30, 7, 1), nil},
		{"an animated WebP", webpOf(vp8x(2, 60, 40), riff("ANIM", make([]byte, 6)),
			anmf(0, 0, 30, 20, still), anmf(30, 20, 30, 20, still)), info(WebP, 60, 40, 1, 2), nil},
		{"a WebP with a frame outside of it", webpOf(vp8x(2, 60, 40), anmf(32, 20, 30, 20, still)), Info{}, ErrImageInvalid},
		{"a WebP of frames without a canvas", webpOf(anmf(0, 0, 30, 20, still)), Info{}, ErrImageInvalid},
		{"a WebP with a canvas only", webpOf(vp8x(0, 30, 20)), Info{}, ErrImageInvalid},
		{"a WebP of two sizes", webpOf(vp8x(0, 31, 20), still), Info{}, ErrImageInvalid},
		{"a WebP whose canvas is too large", webpOf(vp8x(0, 1<<24, 1<<24), still), Info{}, ErrImageBomb},
		{"a WebP whose bitstream is too large", webpOf(riff("VP8L", vp8l(16_384, 2_442, opaque, opaque)[:20])), Info{}, ErrImageBomb},
		{"a WebP of too many frames", webpOf(append([][]byte{vp8x(2, 60, 40)},
			slices.Repeat([][]byte{anmf(0, 0, 30, 20, riff("VP8L", []byte{0x2f}))}, 2_001)...)...), Info{}, ErrImageBomb},
		{"a WebP that is not a key frame", webpOf(riff("VP8 ", append([]byte{1}, vp8(30, 20)[1:]...))), Info{}, ErrImageInvalid},
		{"a WebP with something behind", append(webpOf(still), "trailing"...), info(WebP, 30, 20, 1, 1), nil},

		{"nothing", nil, Info{}, ErrImageInvalid},
		{"a TIFF", []byte("II*\x00\x08\x00\x00\x00"), Info{}, ErrImageInvalid},
		{"a page", []byte("<html>"), Info{}, ErrImageInvalid},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := Probe(t.Context(), bytes.NewReader(row.file), int64(len(row.file)), DefaultLimits())
			if !errors.Is(err, row.err) {
				t.Fatalf("error %v", err)
			}
			if got = info(got.Format, got.Width, got.Height, got.Orientation, got.Frames); got != row.want {
				t.Errorf("%+v", got)
			}
		})
	}
}

func info(format Format, width, height, orientation, frames int) Info {
	return Info{Format: format, Width: width, Height: height, Orientation: orientation, Frames: frames}
}

func TestProbeReadsRealAnimations(t *testing.T) {
	anim := &gif.GIF{}
	for i := range 5 {
		anim.Image = append(anim.Image, image.NewPaletted(image.Rect(i, i, 20+i, 10+i), palette.Plan9))
		anim.Delay = append(anim.Delay, 5)
		anim.Disposal = append(anim.Disposal, gif.DisposalBackground)
	}
	anim.Config = image.Config{Width: 40, Height: 30}
	file := encoded(t, func(w io.Writer) error { return gif.EncodeAll(w, anim) })
	got, err := Probe(t.Context(), bytes.NewReader(file), int64(len(file)), DefaultLimits())
	if err != nil || got.Frames != 5 || got.Width != 40 || got.Height != 30 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestABombCostsLittle(t *testing.T) {
	files := [][]byte{
		pngBomb(t, 20_000, 5_000, 47_000), webpOf(vp8x(0, 1<<14, 1<<14), riff("VP8L", []byte{0x2f})),
		tinyGIF(16_000, 2_500, 1_000), jpegHeader(0xc2, 16_000, 2_400, 0x11, 3),
	}
	renderer := NewRenderer(Options{})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, file := range files {
		if _, err := renderer.Thumbnail(t.Context(), bytes.NewReader(file), int64(len(file))); err == nil {
			t.Error("made a thumbnail")
		}
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
		t.Errorf("took %d bytes", took)
	}
}

func TestProbeFails(t *testing.T) {
	file := jpegFile(t, quarters(500, 500))
	broken := errors.New("disk on fire")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Probe(t.Context(), failingAt{broken}, 100, DefaultLimits()); !errors.Is(err, broken) {
		t.Errorf("of a failing reader: %v", err)
	}
	if _, err := Probe(cancelled, bytes.NewReader(file), int64(len(file)), DefaultLimits()); !errors.Is(err, context.Canceled) {
		t.Errorf("without a context: %v", err)
	}
}

func TestExifOrientation(t *testing.T) {
	le, be := binary.LittleEndian, binary.BigEndian
	edit := func(at int, value byte) []byte {
		b := exifBlock(le, 6)
		b[at] = value
		return b
	}
	const second = 10 + 12 // where the entry of the orientation starts
	for _, row := range []struct {
		name  string
		block []byte
		want  int
	}{
		{"little-endian", exifBlock(le, 6), 6},
		{"big-endian", exifBlock(be, 6), 6},
		{"with the prefix of a JPEG", append([]byte(exifPrefix), exifBlock(be, 8)...), 8},
		{"zero is out of range", exifBlock(le, 0), 1},
		{"nine is out of range", exifBlock(le, 9), 1},
		{"another type of value", edit(second+2, 4), 1},
		{"more than one value", edit(second+4, 2), 1},
		{"another tag", edit(second, 0x13), 1},
		{"fewer entries", edit(8, 1), 1},
		{"more entries than there are", append(edit(8, 255)[:second], 0), 1},
		{"a directory outside", edit(7, 255), 1},
		{"an unknown byte order", edit(0, 'X'), 1},
		{"cut short in the entry", exifBlock(le, 6)[:second+9], 1},
		{"nothing", nil, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := exifOrientation(row.block); got != row.want {
				t.Errorf("got %d", got)
			}
		})
	}
}

func FuzzExifOrientation(f *testing.F) {
	f.Add(exifBlock(binary.LittleEndian, 6))
	f.Add(append([]byte(exifPrefix), exifBlock(binary.BigEndian, 3)...))
	f.Add([]byte("MM\x00*\x00\x00\x00\x08\xff\xff"))
	f.Fuzz(func(t *testing.T, block []byte) {
		if got := exifOrientation(block); got < 1 || got > 8 {
			t.Fatalf("got %d", got)
		}
	})
}

// FuzzProbe asserts that every input is told apart in the same bounds, and what is accepted stays within them when it
// is decoded.
func FuzzProbe(f *testing.F) {
	pic := quarters(12, 8)
	clear := color.NRGBA{10, 20, 30, 100}
	lossless := riff("VP8L", vp8l(12, 8, clear, color.NRGBA{10, 200, 30, 255}))
	for _, seed := range [][]byte{
		turnedJPEG(f, pic, binary.LittleEndian, 6), jpegHeader(0xc2, 80, 60, 0x22, 3), pngFile(f, pic), animatedPNG(f, pic, 2),
		gifFile(f, pic), tinyGIF(12, 8, 3), webpOf(lossless), webpOf(vp8x(0, 12, 8), lossless), webpOf(riff("VP8 ", vp8(12, 8))),
		webpOf(vp8x(0x10, 12, 8), riff("ALPH", make([]byte, 1+12*8)), riff("VP8 ", vp8(12, 8))),
		webpOf(vp8x(2, 30, 30), riff("ANIM", make([]byte, 6)), anmf(2, 2, 12, 8, lossless), anmf(0, 0, 12, 8, lossless)),
		pngBomb(f, 5000, 5000, 1),
	} {
		f.Add(seed)
	}
	limits := Limits{Side: 200, Pixels: 20_000, Frames: 5, AnimationPixels: 50_000, Scans: 20, DecodeBytes: 200_000}
	renderer := NewRenderer(Options{Limits: limits, ThumbnailWidth: 16, ThumbnailHeight: 16})
	f.Fuzz(func(t *testing.T, file []byte) {
		var refusal *Error
		info, err := renderer.Probe(t.Context(), bytes.NewReader(file), int64(len(file)))
		if err != nil && !errors.As(err, &refusal) {
			t.Fatalf("probe: %v", err)
		}
		if err == nil && (info.Width < 1 || info.Height < 1 || info.Width*info.Height > limits.Pixels || info.Frames < 1 || info.Frames > limits.Frames) {
			t.Fatalf("accepted %+v", info)
		}
		thumb, err := renderer.Thumbnail(t.Context(), bytes.NewReader(file), int64(len(file)))
		if err != nil && !errors.As(err, &refusal) {
			t.Fatalf("thumbnail: %v", err)
		}
		if err == nil && (thumb.Width < 1 || thumb.Width > 16 || thumb.Height < 1 || thumb.Height > 16) {
			t.Fatalf("made %d × %d of %+v", thumb.Width, thumb.Height, info)
		}
	})
}

type failingAt struct{ err error }

func (f failingAt) ReadAt([]byte, int64) (int, error) { return 0, f.err }
