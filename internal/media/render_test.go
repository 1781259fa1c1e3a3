package media

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"io"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestThumbnailSizes(t *testing.T) {
	renderer := NewRenderer(Options{ThumbnailWidth: 48, ThumbnailHeight: 32})
	for _, row := range []struct {
		name   string
		in     image.Point
		wanted image.Point
	}{
		{"a small picture keeps its size", image.Pt(20, 10), image.Pt(20, 10)},
		{"one as large as the box keeps its size", image.Pt(48, 32), image.Pt(48, 32)},
		{"a wide one is as wide as the box", image.Pt(480, 100), image.Pt(48, 10)},
		{"a high one is as high as the box", image.Pt(100, 640), image.Pt(5, 32)},
		{"one of the box's shape fills it", image.Pt(96, 64), image.Pt(48, 32)},
		{"a very wide one keeps a row", image.Pt(4000, 2), image.Pt(48, 1)},
		{"a very high one keeps a column", image.Pt(1, 4000), image.Pt(1, 32)},
	} {
		t.Run(row.name, func(t *testing.T) {
			pic := thumbnail(t, renderer, pngFile(t, quarters(row.in.X, row.in.Y)))
			if got := image.Pt(pic.Width, pic.Height); got != row.wanted {
				t.Errorf("%v", got)
			}
		})
	}
}

func TestThumbnailOfEveryFormat(t *testing.T) {
	pic := quarters(200, 120)
	dim := image.NewNRGBA(pic.Bounds())
	for i, p := range pic.Pix {
		dim.Pix[i] = p
		if i%4 == 3 {
			dim.Pix[i] = 128
		}
	}
	gray := image.NewGray(pic.Bounds())
	deep := image.NewNRGBA64(pic.Bounds())
	left, right := color.NRGBA{20, 20, 20, 255}, color.NRGBA{20, 200, 20, 255}
	clear := color.NRGBA{20, 200, 20, 0}
	sameAlpha := make([]byte, 1+200*120)
	for i := range sameAlpha[1:] {
		sameAlpha[1+i] = 77
	}
	for _, row := range []struct {
		name   string
		file   []byte
		mime   string
		corner [4]color.Color // top left, top right, bottom left, bottom right; nil is not looked at
	}{
		{"JPEG", jpegFile(t, pic), "image/jpeg", [4]color.Color{red, green, blue, yellow}},
		{"grey JPEG", jpegFile(t, gray), "image/jpeg", [4]color.Color{color.Black, color.Black, color.Black, color.Black}},
		{"PNG", pngFile(t, pic), "image/jpeg", [4]color.Color{red, green, blue, yellow}},
		{"PNG with transparency", pngFile(t, dim), "image/png", [4]color.Color{color.NRGBA{220, 20, 20, 128}}},
		{"PNG of 16 bits that is clear", pngFile(t, deep), "image/png", [4]color.Color{color.Transparent}},
		{"GIF", gifFile(t, pic), "image/jpeg", [4]color.Color{red, green, blue, yellow}},
		{"lossless WebP", webpOf(riff("VP8L", vp8l(200, 120, left, right))), "image/jpeg", [4]color.Color{left, right, left, right}},
		{"WebP with transparency", webpOf(riff("VP8L", vp8l(200, 120, left, clear))), "image/png", [4]color.Color{left, color.Transparent, left, color.Transparent}},
		{"extended WebP", webpOf(vp8x(0x10, 200, 120), riff("VP8L", vp8l(200, 120, left, right))), "image/jpeg", [4]color.Color{left, right, left, right}},
		{"lossy WebP", webpOf(riff("VP8 ", vp8(200, 120))), "image/jpeg", [4]color.Color{}},
		{"lossy WebP that promises transparency", webpOf(vp8x(0x10, 200, 120), riff("VP8 ", vp8(200, 120))), "image/jpeg", [4]color.Color{}},
		{"lossy WebP with transparency", webpOf(vp8x(0x10, 200, 120), riff("ALPH", sameAlpha), riff("VP8 ", vp8(200, 120))), "image/png", [4]color.Color{}},
		{"animated WebP", webpOf(vp8x(2, 200, 120), riff("ANIM", make([]byte, 6)),
			anmf(0, 0, 200, 120, riff("VP8L", vp8l(200, 120, left, right))), anmf(0, 0, 2, 2, riff("VP8L", vp8l(2, 2, clear, clear)))),
			"image/jpeg", [4]color.Color{left, right, left, right}},
		{"animated WebP whose first frame is a part", webpOf(vp8x(2, 200, 120),
			anmf(100, 60, 100, 60, riff("VP8L", vp8l(100, 60, right, right)))), "image/png", [4]color.Color{color.Transparent, color.Transparent, color.Transparent, right}},
	} {
		t.Run(row.name, func(t *testing.T) {
			thumb := thumbnail(t, NewRenderer(Options{ThumbnailWidth: 50, ThumbnailHeight: 50}), row.file)
			if thumb.MIME != row.mime || thumb.Width != 50 || thumb.Height != 30 {
				t.Errorf("%s of %d × %d", thumb.MIME, thumb.Width, thumb.Height)
			}
			looksLike(t, thumb, row.corner)
		})
	}
}

func TestOrientation(t *testing.T) {
	file := func(o int) []byte { return turnedJPEG(t, quarters(160, 80), binary.BigEndian, uint16(o)) }
	r, g, b, y := color.Color(red), color.Color(green), color.Color(blue), color.Color(yellow)
	shown := [][4]color.Color{ // by CIPA DC-008, 4.6.5.1.6
		1: {r, g, b, y}, 2: {g, r, y, b}, 3: {y, b, g, r}, 4: {b, y, r, g},
		5: {r, b, g, y}, 6: {b, r, y, g}, 7: {y, g, b, r}, 8: {g, y, r, b},
	}
	renderer := NewRenderer(Options{ThumbnailWidth: 64, ThumbnailHeight: 64, AvatarSide: 64}) // multiples of what a JPEG smears
	for o := 1; o <= 8; o++ {
		thumb := thumbnail(t, renderer, file(o))
		if wide := o < 5; wide && (thumb.Width != 64 || thumb.Height != 32) || !wide && (thumb.Width != 32 || thumb.Height != 64) {
			t.Errorf("orientation %d: %d × %d", o, thumb.Width, thumb.Height)
		}
		looksLike(t, thumb, shown[o])
		avatar, err := renderer.Avatar(t.Context(), bytes.NewReader(file(o)), int64(len(file(o))))
		if err != nil {
			t.Fatal(err)
		}
		looksLike(t, avatar, shown[o])
		if exif := bytes.Contains(thumb.Data, []byte("Exif")); exif {
			t.Errorf("orientation %d: metadata stayed", o)
		}
	}
}

// Every orientation must take the avatar from the same middle of what is shown.
func TestPartOfATurnedPicture(t *testing.T) {
	part := image.Rect(3, 1, 7, 4)
	for o := 1; o <= 8; o++ {
		info := Info{Width: 10, Height: 6, Orientation: o}
		stored := image.Pt(10, 6)
		if o >= 5 {
			stored = image.Pt(6, 10)
		}
		for y := range stored.Y {
			for x := range stored.X {
				p := image.Pt(x, y)
				if p.In(unturned(part, info)) != turned(p, stored, o).In(part) {
					t.Errorf("orientation %d: %v", o, p)
				}
			}
		}
	}
}

func TestAvatar(t *testing.T) {
	stripes := image.NewRGBA(image.Rect(0, 0, 300, 100)) // red, green in the middle square, blue
	for i := range 300 * 100 {
		stripes.SetRGBA(i%300, i/300, []color.RGBA{red, green, blue}[i%300/100])
	}
	renderer := NewRenderer(Options{AvatarSide: 64})
	for _, row := range []struct {
		name string
		file []byte
		side int
		mime string
	}{
		{"the middle of a wide picture", pngFile(t, stripes), 64, "image/jpeg"},
		{"the middle of a high picture", turnedJPEG(t, stripes, binary.LittleEndian, 6), 64, "image/jpeg"},
		{"a small picture is not made larger", pngFile(t, stripes.SubImage(image.Rect(130, 0, 150, 30))), 20, "image/jpeg"},
		{"a clear picture stays clear", pngFile(t, image.NewNRGBA(image.Rect(0, 0, 100, 90))), 64, "image/png"},
	} {
		t.Run(row.name, func(t *testing.T) {
			pic, err := renderer.Avatar(t.Context(), bytes.NewReader(row.file), int64(len(row.file)))
			if err != nil {
				t.Fatal(err)
			}
			if pic.Width != row.side || pic.Height != row.side || pic.MIME != row.mime {
				t.Errorf("%s of %d × %d", pic.MIME, pic.Width, pic.Height)
			}
			if row.mime == "image/jpeg" {
				looksLike(t, pic, [4]color.Color{green, green, green, green})
			}
		})
	}
}

func TestFirstFrameOfAnAnimatedGIF(t *testing.T) {
	colours := color.Palette{color.Transparent, red, blue}
	full := image.NewPaletted(image.Rect(0, 0, 40, 40), colours)
	part := image.NewPaletted(image.Rect(20, 0, 40, 20), colours)
	for i := range part.Pix {
		part.Pix[i] = 1
	}
	for i := range full.Pix {
		full.Pix[i] = 2
	}
	anim := &gif.GIF{Image: []*image.Paletted{part, full}, Delay: []int{1, 1}, Config: image.Config{Width: 40, Height: 40, ColorModel: colours}}
	file := encoded(t, func(w io.Writer) error { return gif.EncodeAll(w, anim) })
	thumb := thumbnail(t, NewRenderer(Options{ThumbnailWidth: 10, ThumbnailHeight: 10}), file)
	looksLike(t, thumb, [4]color.Color{color.Transparent, red, color.Transparent, color.Transparent})
}

func TestThumbnailRefusals(t *testing.T) {
	pic := quarters(300, 300)
	whole := jpegFile(t, pic)
	tight := DefaultLimits()
	tight.DecodeBytes = 300*300*4 - 1
	broken := errors.New("disk on fire")
	for _, row := range []struct {
		name   string
		limits Limits
		r      io.ReaderAt
		size   int
		want   error
	}{
		{"a bomb", Limits{}, bytes.NewReader(jpegHeader(0xc0, 60_000, 60_000, 0x11, 1)), 100, ErrImageBomb},
		{"a JPEG cut short", Limits{}, bytes.NewReader(whole), len(whole) - 500, ErrImageInvalid},
		{"a PNG cut short", Limits{}, bytes.NewReader(pngFile(t, pic)), 100, ErrImageInvalid},
		{"a header without pixels", Limits{}, bytes.NewReader(jpegHeader(0xc0, 60, 60, 0x11, 1)), 50, ErrImageInvalid},
		{"a WebP whose frame is of another size", Limits{}, bytes.NewReader(webpOf(vp8x(2, 99, 99),
			anmf(0, 0, 9, 9, riff("VP8L", vp8l(16_000, 10, color.NRGBA{}, color.NRGBA{}))))), 400, ErrImageInvalid},
		{"a progressive JPEG of many pixels", Limits{}, bytes.NewReader(jpegHeader(0xc2, 8_000, 4_000, 0x11, 3)), 80, ErrImageTooCostly},
		{"a PNG just beyond the memory", tight, bytes.NewReader(pngFile(t, pic)), len(pngFile(t, pic)), ErrImageTooCostly},
		{"a failing reader", Limits{}, failingAt{broken}, 100, broken},
		{"a reader that fails in the middle", Limits{}, &failsOnce{bytes.NewReader(whole), 3, broken}, len(whole), broken},
	} {
		t.Run(row.name, func(t *testing.T) {
			pic, err := NewRenderer(Options{Limits: row.limits}).Thumbnail(t.Context(), row.r, int64(row.size))
			if !errors.Is(err, row.want) || pic.Data != nil {
				t.Errorf("%v", err)
			}
		})
	}
	for want, err := range map[string]*Error{"image_bomb": ErrImageBomb, "image_invalid": ErrImageInvalid, "image_too_costly": ErrImageTooCostly} {
		if err.ErrorCode() != want || err.Error() == "" {
			t.Errorf("%q has code %q", err, err.ErrorCode())
		}
	}
}

func TestDecodingTakesNoMoreMemoryThanEstimated(t *testing.T) {
	const side, slack = 512, 512 << 10
	pic := quarters(side, side)
	clear, opaque := color.NRGBA{20, 200, 20, 100}, color.NRGBA{20, 20, 20, 255}
	alpha := make([]byte, 1+side*side)
	for _, row := range []struct {
		name string
		file []byte
	}{
		{"JPEG", jpegFile(t, pic)},
		{"JPEG in RGB", withSegments(jpegFile(t, pic), segment(0xee, []byte("Adobe\x00\x64\x00\x00\x00\x00\x00")))},
		{"grey JPEG", jpegFile(t, image.NewGray(pic.Bounds()))},
		{"PNG", pngFile(t, pic)},
		{"PNG with a palette", pngFile(t, image.NewPaletted(pic.Bounds(), color.Palette{red, blue}))},
		{"grey PNG", pngFile(t, image.NewGray(pic.Bounds()))},
		{"PNG of 16 bits", pngFile(t, image.NewNRGBA64(pic.Bounds()))},
		{"grey PNG of 16 bits", pngFile(t, image.NewGray16(pic.Bounds()))},
		{"GIF", gifFile(t, pic)},
		{"lossless WebP", webpOf(riff("VP8L", vp8l(side, side, opaque, clear)))},
		{"lossy WebP with transparency", webpOf(vp8x(0x10, side, side), riff("ALPH", alpha), riff("VP8 ", vp8(side, side)))},
		{"lossy WebP with packed transparency", webpOf(vp8x(0x10, side, side),
			riff("ALPH", append([]byte{1}, vp8l(side, side, opaque, clear)[5:]...)), riff("VP8 ", vp8(side, side)))},
	} {
		t.Run(row.name, func(t *testing.T) {
			r, size := bytes.NewReader(row.file), int64(len(row.file))
			info, err := Probe(t.Context(), r, size, DefaultLimits())
			if err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if _, _, err := decode(t.Context(), r, size, info); err != nil {
				t.Fatal(err)
			}
			runtime.ReadMemStats(&after)
			if took := int64(after.TotalAlloc - before.TotalAlloc); took > info.cost+slack {
				t.Errorf("took %d bytes, estimated %d", took, info.cost)
			}
		})
	}
}

// synctest ends with a failure when a goroutine of the test is left behind.
func TestRenderingTakesTurns(t *testing.T) {
	file := jpegFile(t, quarters(50, 50))
	synctest.Test(t, func(t *testing.T) {
		renderer := NewRenderer(Options{Decodes: 2})
		gate := &gated{ReaderAt: bytes.NewReader(file), open: make(chan struct{}), inside: map[int]bool{}}
		ctx, cancel := context.WithCancel(t.Context())
		results := make(chan error, 6)
		for i := range 5 {
			go func() {
				_, err := renderer.Thumbnail(t.Context(), gate.by(i), int64(len(file)))
				results <- err
			}()
		}
		synctest.Wait()
		if n := gate.count(); n != 2 {
			t.Errorf("%d at a time", n)
		}
		go func() {
			_, err := renderer.Thumbnail(ctx, gate.by(5), int64(len(file)))
			results <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-results; !errors.Is(err, context.Canceled) {
			t.Errorf("while waiting: %v", err)
		}
		close(gate.open)
		for range 5 {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
	})
}

func TestRenderingEnds(t *testing.T) {
	file := jpegFile(t, quarters(300, 300))
	synctest.Test(t, func(t *testing.T) {
		renderer := NewRenderer(Options{DecodeTime: 5 * time.Second})
		_, err := renderer.Thumbnail(t.Context(), slowAt{bytes.NewReader(file), 6 * time.Second}, int64(len(file)))
		if !errors.Is(err, ErrImageTooCostly) {
			t.Errorf("after its time: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = renderer.Thumbnail(ctx, slowAt{bytes.NewReader(file), 2 * time.Second}, int64(len(file)))
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrImageTooCostly) {
			t.Errorf("after the caller's time: %v", err)
		}
		if _, err := renderer.Thumbnail(t.Context(), bytes.NewReader(file), int64(len(file))); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

func BenchmarkThumbnail12MP(b *testing.B) {
	file := jpegFile(b, quarters(4000, 3000))
	renderer := NewRenderer(Options{})
	for b.Loop() {
		if _, err := renderer.Thumbnail(b.Context(), bytes.NewReader(file), int64(len(file))); err != nil {
			b.Fatal(err)
		}
	}
}

func thumbnail(t *testing.T, renderer *Renderer, file []byte) Picture {
	t.Helper()
	pic, err := renderer.Thumbnail(t.Context(), bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	return pic
}

// looksLike compares the middles of the four quarters.
func looksLike(t *testing.T, pic Picture, corners [4]color.Color) {
	t.Helper()
	img, format, err := image.Decode(bytes.NewReader(pic.Data))
	if err != nil {
		t.Fatal(err)
	}
	if "image/"+format != pic.MIME || img.Bounds().Size() != image.Pt(pic.Width, pic.Height) {
		t.Errorf("%s of %v for %s of %d × %d", format, img.Bounds(), pic.MIME, pic.Width, pic.Height)
	}
	for i, want := range corners {
		if want == nil {
			continue
		}
		at := image.Pt(pic.Width/4+i%2*pic.Width/2, pic.Height/4+i/2*pic.Height/2)
		got := img.At(at.X, at.Y)
		r1, g1, b1, a1 := got.RGBA()
		r2, g2, b2, a2 := want.RGBA()
		for _, d := range []int{int(r1) - int(r2), int(g1) - int(g2), int(b1) - int(b2), int(a1) - int(a2)} {
			if max(d, -d) > 20<<8 {
				t.Errorf("quarter %d is %v, not %v", i, got, want)
				break
			}
		}
	}
}

// gated lets nobody read until it is open, and knows who wants to.
type gated struct {
	io.ReaderAt
	open   chan struct{}
	mu     sync.Mutex
	inside map[int]bool
}

func (g *gated) by(who int) io.ReaderAt {
	return readerAtFunc(func(p []byte, off int64) (int, error) {
		g.mu.Lock()
		g.inside[who] = true
		g.mu.Unlock()
		<-g.open
		return g.ReadAt(p, off)
	})
}

func (g *gated) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.inside)
}

type readerAtFunc func([]byte, int64) (int, error)

func (f readerAtFunc) ReadAt(p []byte, off int64) (int, error) { return f(p, off) }

type slowAt struct {
	io.ReaderAt
	wait time.Duration
}

func (s slowAt) ReadAt(p []byte, off int64) (int, error) {
	time.Sleep(s.wait) // on the clock of the test
	return s.ReaderAt.ReadAt(p, off)
}

// failsOnce fails from the nth read on.
type failsOnce struct {
	io.ReaderAt
	left int
	err  error
}

func (f *failsOnce) ReadAt(p []byte, off int64) (int, error) {
	if f.left--; f.left < 0 {
		return 0, f.err
	}
	return f.ReaderAt.ReadAt(p, off)
}
