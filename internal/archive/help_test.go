package archive

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/png"
	"io"
	"testing"

	"parley/internal/blob"
)

type blobInfo = blob.Info

// opener is a place of blobs made of a function.
type opener func(ctx context.Context, hash string) (io.ReadSeekCloser, blobInfo, error)

func (o opener) Open(ctx context.Context, hash string) (io.ReadSeekCloser, blobInfo, error) {
	return o(ctx, hash)
}

// picture is a small PNG.
func picture(t testing.TB) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 64, 64))
	for x := range 64 {
		for y := range 64 {
			img.Set(x, y, color.RGBA{uint8(4 * x), uint8(4 * y), 128, 255})
		}
	}
	var b bytes.Buffer
	must(t, png.Encode(&b, img))
	return b.Bytes()
}
