package mfa

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"

	"github.com/boombuler/barcode/qr"
)

// The size of a QR code, and the margin that ISO/IEC 18004 requires around it.
const (
	pixelsPerModule = 6
	marginModules   = 4
)

// QR returns the [Secret.URI] as a QR code: a PNG image in black and white, with a margin.
// It is about 400 pixels wide. Serve the image to its user alone and without a
// cache, because it contains the secret. A page of HTML can contain the image as a data URI.
//
// QR returns an error if the URI is too long for a QR code: about 2000 bytes.
func (s Secret) QR(issuer, account string) ([]byte, error) {
	code, err := qr.Encode(s.URI(issuer, account), qr.M, qr.Auto)
	if err != nil {
		return nil, fmt.Errorf("QR code: %w", redactedError{})
	}
	var out bytes.Buffer
	if err := png.Encode(&out, enlarged(code)); err != nil {
		return nil, fmt.Errorf("QR code: %w", err)
	}
	return out.Bytes(), nil
}

// A redactedError takes the place of an error of the library, which contains the URI.
type redactedError struct{}

func (redactedError) Error() string { return "the issuer and the account are too long" }

// enlarged returns a picture of a code that has one pixel for each module.
func enlarged(code image.Image) image.Image {
	modules := code.Bounds().Dx()
	size := (modules + 2*marginModules) * pixelsPerModule
	out := image.NewPaletted(image.Rect(0, 0, size, size), color.Palette{color.White, color.Black})
	for y := range size {
		for x := range size {
			at := image.Pt(x/pixelsPerModule-marginModules, y/pixelsPerModule-marginModules)
			if at.In(code.Bounds()) && color.GrayModel.Convert(code.At(at.X, at.Y)) == (color.Gray{}) {
				out.SetColorIndex(x, y, 1)
			}
		}
	}
	return out
}
