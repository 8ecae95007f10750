package mfa_test

import (
	"bytes"
	"image/png"
	"os"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/mfa"
)

// TestQR compares the picture of a known secret with one that a reader of QR codes (zbarimg) has read:
// the text was that of ExampleSecret.
func TestQR(t *testing.T) {
	s, err := mfa.ParseSecret("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.QR("Example", "alice")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/alice.png")
	if err != nil {
		t.Fatal(err)
	}
	if !samePicture(t, got, want) {
		t.Error("the picture differs from testdata/alice.png: read it with an app before you replace the file")
	}
}

// samePicture compares pixels, because a later compressor may write other bytes.
func samePicture(t *testing.T, a, b []byte) bool {
	t.Helper()
	one, err := png.Decode(bytes.NewReader(a))
	if err != nil {
		t.Fatal(err)
	}
	other, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if one.Bounds() != other.Bounds() {
		return false
	}
	for y := range one.Bounds().Dy() {
		for x := range one.Bounds().Dx() {
			if one.At(x, y) != other.At(x, y) {
				return false
			}
		}
	}
	return true
}

func TestQRHasAMargin(t *testing.T) {
	got, err := mfa.NewSecret().QR("Example", "alice@example.com")
	if err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(got))
	if err != nil {
		t.Fatal(err)
	}
	const margin, side = 4 * 6, 400
	size := picture.Bounds().Dx()
	if size < side*3/4 || size > side*3/2 {
		t.Errorf("the picture is %d pixels wide", size)
	}
	for i := range size {
		for _, p := range [][2]int{{i, 0}, {i, margin - 1}, {0, i}, {margin - 1, i}, {i, size - 1}, {i, size - margin}, {size - 1, i}, {size - margin, i}} {
			if r, _, _, _ := picture.At(p[0], p[1]).RGBA(); r != 0xffff {
				t.Fatalf("the margin is not white at %v", p)
			}
		}
	}
	if r, _, _, _ := picture.At(margin, margin).RGBA(); r != 0 {
		t.Error("the code does not begin after the margin")
	}
}

func TestQROfTooMuchTellsNoSecret(t *testing.T) {
	s := mfa.NewSecret()
	got, err := s.QR("Example", strings.Repeat("a", 4000))
	if got != nil || err == nil || strings.Contains(err.Error(), s.Text()) {
		t.Errorf("QR = %d bytes, %v", len(got), err)
	}
}
