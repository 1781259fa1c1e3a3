package native

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image/png"

	"github.com/pquerna/otp"
)

// qrSide is the side of a QR code in pixels, small enough for an answer and large enough for any camera.
const qrSide = 256

// qrCode draws the address that sets up an authenticator app, as a PNG in a data: URL.
func qrCode(uri string) (string, error) {
	key, err := otp.NewKeyFromURL(uri)
	if err != nil {
		return "", fmt.Errorf("QR code: %w", err)
	}
	picture, err := key.Image(qrSide, qrSide)
	if err != nil {
		return "", fmt.Errorf("QR code: %w", err)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		return "", fmt.Errorf("QR code: %w", err)
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes()), nil
}
