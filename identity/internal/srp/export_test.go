package srp

import "math/big"

// What the tests see of the inside: the values that the vector prints.
var (
	N          = n
	Multiplier = k
	Pad        = pad
	Hash       = hash
	PrivateKey = privateKey
	PowG       = powG
	NewClientA = newClient // with a given secret
)

// BeginB is Begin with a given secret.
func BeginB(verifier, a, b []byte) *Exchange {
	return begin(new(big.Int).SetBytes(verifier), a, b)
}

// Key returns the client's key.
func (c *Client) Key(ch Challenge, password string) ([]byte, error) {
	return c.key(ch, password)
}

// SharedSecret returns S as the server computes it, without its shortcuts.
func SharedSecret(verifier, a, u, b []byte) *big.Int {
	i := func(b []byte) *big.Int { return new(big.Int).SetBytes(b) }
	s := new(big.Int).Exp(i(verifier), i(u), n)
	return s.Exp(s.Mul(s, i(a)), i(b), n)
}

// BuildTable builds the table of [Warm] again.
func BuildTable() { buildComb() }

// Folded returns x·y² mod N and how many bits the product had before it was reduced.
func Folded(x, y *big.Int) (residue *big.Int, bits int) {
	folds := newFolds()
	pair := make([]big.Word, 2*words)
	newProduct(folds, y).pair(pair)
	p := newProduct(folds, x)
	p.times(pair)
	p.times(pair)
	return p.value(), p.z.BitLen()
}

// FoldedSquare is Folded for x^8.
func FoldedSquare(x *big.Int) (residue *big.Int, bits int) {
	p := newProduct(newFolds(), x)
	for range 3 {
		p.square()
	}
	return p.value(), p.z.BitLen()
}
