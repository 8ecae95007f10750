package srp

import (
	"math/big"
	"math/bits"
	"sync"
)

// The table for powers of g is Lim and Lee's comb. The 256 bits of an exponent are 8 rows
// of 32 bits. Each row is cut into 4 blocks of 8 columns. The 8 bits of one column of one
// block select one of 256 entries.
//
// So a power costs 32 multiplications and 7 squarings instead of 256 squarings. An entry is
// a pair of residues (see product.times), and the table takes 790 KB. A table with one row for
// each byte would save the squarings, a fifth of the time, but take 6 MB.
const (
	teeth   = 8                         // number of rows, and bits of an index
	blocks  = 4                         // number of blocks, and bytes of a row
	entries = 256                       // number of entries of a block: 1 << teeth
	words   = groupBits / bits.UintSize // of a residue
)

// A comb holds the entries in one piece of memory without pointers, which the garbage
// collector does not have to scan.
type comb struct {
	entries []big.Word
	folds   []fold
}

var combOnce = sync.OnceValue(buildComb)

// Warm builds the table for exponentiation of g, if it is not built yet. Without Warm, the
// first exchange of the process builds it and takes 8 ms longer.
func Warm() {
	combOnce()
}

// powG returns g^e mod N for an exponent of 32 bytes, big-endian.
func powG(e []byte) *big.Int {
	c := combOnce()
	p := newProduct(c.folds, one)
	for column := 7; column >= 0; column-- {
		if column < 7 {
			p.square()
		}
		for block := range blocks {
			if i := index(e, block, column); i != 0 {
				p.times(c.entry(block, i))
			}
		}
	}
	return p.value()
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

// entry returns the two residues of an entry, one after the other.
func (c *comb) entry(block, i int) []big.Word {
	at := (block*entries + i) * 2 * words
	return c.entries[at : at+2*words : at+2*words]
}

// buildComb computes every product of g^(2^(32·row + 8·block)) over sets of rows.
func buildComb() *comb {
	c := &comb{entries: make([]big.Word, blocks*entries*2*words), folds: newFolds()}
	power, z := newProduct(c.folds, g), newProduct(c.folds, one)
	for at := range teeth * blocks {
		row, block := at/blocks, at%blocks
		for i := range 1 << row {
			z.z.Set(power.z)
			if i != 0 {
				z.times(c.entry(block, i))
			}
			z.pair(c.entry(block, i|1<<row))
		}
		for range 8 {
			power.square()
		}
	}
	return c
}
