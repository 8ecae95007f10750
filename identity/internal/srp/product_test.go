package srp_test

import (
	"bytes"
	"math/big"
	"testing"

	"github.com/cognate-id/cognate/identity/internal/srp"
)

// longest is the greatest number that a product may be before it is multiplied again.
var longest = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 3072+130), big.NewInt(1))

// edges returns numbers at which a fold could lose or keep a word too many.
func edges() []*big.Int {
	one := big.NewInt(1)
	out := []*big.Int{
		new(big.Int), one, new(big.Int).Set(srp.N), longest,
		new(big.Int).Sub(srp.N, one), new(big.Int).Add(srp.N, one),
		new(big.Int).Sub(longest, new(big.Int).Mod(longest, srp.N)), // the greatest multiple of N
	}
	for _, at := range []uint{64, 1536, 3008, 3072, 3072 + 64, 3072 + 128} {
		power := new(big.Int).Lsh(one, at)
		out = append(out, power, new(big.Int).Sub(power, one))
	}
	return out
}

// TestProductsAreCongruentAndShort compares folding with division.
func TestProductsAreCongruentAndShort(t *testing.T) {
	for _, x := range edges() {
		for _, y := range edges() {
			checkProduct(t, x, y)
		}
	}
}

func checkProduct(t *testing.T, x, y *big.Int) {
	t.Helper()
	want := new(big.Int).Mul(y, y)
	want.Mod(want.Mul(want, x), srp.N)
	got, bits := srp.Folded(x, y)
	if got.Cmp(want) != 0 || bits > longest.BitLen() {
		t.Fatalf("%x·%x² = %x of %d bits, want %x", x, y, got, bits, want)
	}
	want.Exp(x, big.NewInt(8), srp.N)
	got, bits = srp.FoldedSquare(x)
	if got.Cmp(want) != 0 || bits > longest.BitLen() {
		t.Fatalf("%x^8 = %x of %d bits, want %x", x, got, bits, want)
	}
}

// FuzzProduct is TestProductsAreCongruentAndShort with any factors, and the power of g with
// any exponent.
func FuzzProduct(f *testing.F) {
	f.Add([]byte{}, []byte{1})
	f.Add(longest.Bytes(), bytes.Repeat([]byte{0xff}, 32))
	f.Add(srp.N.Bytes(), srp.N.Bytes())
	srp.Warm() // once, so that coverage is of the inputs
	f.Fuzz(func(t *testing.T, a, b []byte) {
		x, y := new(big.Int).SetBytes(a), new(big.Int).SetBytes(b)
		if x.Cmp(longest) > 0 || y.Cmp(longest) > 0 {
			t.Skip()
		}
		checkProduct(t, x, y)
		var e [32]byte
		copy(e[:], a)
		want := new(big.Int).Exp(big.NewInt(2), new(big.Int).SetBytes(e[:]), srp.N)
		if got := srp.PowG(e[:]); got.Cmp(want) != 0 {
			t.Fatalf("g^%x = %x, want %x", e, got, want)
		}
	})
}
