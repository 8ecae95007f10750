package srp

import (
	"math/big"
	"math/bits"
)

// A product is a number that is multiplied modulo N many times. A division by N costs three
// times as much as the multiplication before it, so a product is not divided but folded:
//
//	z = high·2^at + low ≡ high·(2^at mod N) + low
//
// Folded, a product is congruent to the exact one and has at most 130 bits more than N.
// Only value divides.
type product struct {
	folds           []fold
	z, next         *big.Int // next is memory for the next z
	high, low, part big.Int
}

// A fold is where a product is cut, and the residue of the power of two there.
type fold struct {
	at    int // in words
	power *big.Int
}

// newFolds returns the folds that follow a multiplication. Each leaves about half of the
// bits that are beyond those of N.
func newFolds() []fold {
	var folds []fold
	for _, beyond := range []uint{26 * 64, 13 * 64, 7 * 64, 4 * 64, 2 * 64} {
		power := new(big.Int).Lsh(one, groupBits+beyond)
		folds = append(folds, fold{(groupBits + int(beyond)) / bits.UintSize, power.Mod(power, n)})
	}
	return folds
}

func newProduct(folds []fold, z *big.Int) *product {
	return &product{folds: folds, z: new(big.Int).Set(z), next: new(big.Int)}
}

// square multiplies the product by itself.
func (p *product) square() {
	p.next.Mul(p.z, p.z)
	p.fold()
}

// times multiplies by x. The pair is what pair returned for x: x, and x·2^1536. So the halves
// of z are multiplied apart, and the first half of the folding is done ahead of time.
func (p *product) times(pair []big.Word) {
	p.cut(words / 2)
	var x big.Int
	p.part.Mul(&p.low, x.SetBits(pair[:words:words]))
	p.next.Mul(&p.high, x.SetBits(pair[words:]))
	p.next.Add(p.next, &p.part)
	p.fold()
}

// pair writes what times takes to a slice of 2·words. The product becomes the second half.
func (p *product) pair(to []big.Word) {
	x := p.value()
	copy(to[:words], x.Bits())
	p.next.Lsh(x, groupBits/2)
	p.fold()
	copy(to[words:], p.value().Bits())
}

// value returns the residue modulo N.
func (p *product) value() *big.Int {
	return new(big.Int).Mod(p.z, n)
}

// fold makes next the product, and folds it.
func (p *product) fold() {
	p.z, p.next = p.next, p.z
	for _, f := range p.folds {
		if p.cut(f.at); p.high.Sign() == 0 {
			continue
		}
		p.next.Mul(&p.high, f.power)
		p.next.Add(p.next, &p.low)
		p.z, p.next = p.next, p.z
	}
}

// cut sets high and low to what is above and below a word of z. They share its memory.
func (p *product) cut(at int) {
	w := p.z.Bits()
	at = min(at, len(w))
	p.high.SetBits(w[at:])
	p.low.SetBits(w[:at:at])
}
