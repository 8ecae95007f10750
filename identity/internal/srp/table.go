package srp

import (
	"math/big"
	"sync"
)

// The table for powers of g is Lim and Lee's comb. The 256 bits of an exponent are 8 rows
// of 32 bits. Each row is cut into 4 blocks of 8 columns. The 8 bits of one column of one
// block select one of 256 entries.
//
// So a power costs 31 multiplications and 7 squarings instead of 256 squarings. The table
// takes 390 KB. A table with one row for each byte would save the squarings, a fifth of the
// time, but take 3 MB.
const (
	teeth   = 8   // number of rows, and bits of an index
	blocks  = 4   // number of blocks, and bytes of a row
	entries = 256 // number of entries of a block: 1 << teeth
)

// combOnce holds the entries in one piece of memory without pointers, which the garbage
// collector does not have to scan.
var combOnce = sync.OnceValue(buildComb)

// Warm builds the table for exponentiation of g, if it is not built yet. Without Warm, the
// first exchange of the process builds it and takes 5 ms longer.
func Warm() {
	combOnce()
}

// powG returns g^e mod N for an exponent of 32 bytes, big-endian.
func powG(e []byte) *big.Int {
	comb := combOnce()
	m := newModulus()
	z := new(big.Int).Set(one)
	var t big.Int
	for column := 7; column >= 0; column-- {
		if column < 7 {
			m.mul(z, z)
		}
		for block := range blocks {
			if i := index(e, block, column); i != 0 {
				m.mul(z, t.SetBits(entry(comb, block, i)))
			}
		}
	}
	return z
}

// index collects the bits of a column of a block, one from each row.
func index(e []byte, block, column int) int {
	i := 0
	for row := range teeth {
		b := e[hashSize-1-blocks*row-block]
		i |= int(b>>column&1) << row
	}
	return i
}

func entry(comb []big.Word, block, i int) []big.Word {
	words := len(n.Bits())
	at := (block*entries + i) * words
	return comb[at : at+words : at+words]
}

// buildComb computes every product of g^(2^(32·row + 8·block)) over sets of rows.
func buildComb() []big.Word {
	comb := make([]big.Word, blocks*entries*len(n.Bits()))
	m := newModulus()
	p := new(big.Int).Set(g)
	var t big.Int
	for at := range teeth * blocks {
		row, block := at/blocks, at%blocks
		for i := range 1 << row {
			z := new(big.Int).Set(p)
			if i != 0 {
				m.mul(z, t.SetBits(entry(comb, block, i)))
			}
			copy(entry(comb, block, i|1<<row), z.Bits())
		}
		for range 8 {
			m.mul(p, p)
		}
	}
	return comb
}

// A modulus multiplies modulo N and reuses its memory.
type modulus struct{ product, quotient *big.Int }

func newModulus() modulus {
	return modulus{new(big.Int), new(big.Int)}
}

// mul sets z to z·x mod N. z and x may be the same.
func (m modulus) mul(z, x *big.Int) {
	m.product.Mul(z, x)
	m.quotient.QuoRem(m.product, n, z)
}
