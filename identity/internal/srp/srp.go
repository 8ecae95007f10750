// Package srp is the server side of SRP-6a as Amazon Cognito implements it. It also has a
// client, for tests and for programs in Go.
//
// The order of a sign-in:
//
//  1. Make a [Verifier] when the password is set.
//  2. The first call of a sign-in: [ParseA] and [Begin].
//  3. Keep A and the [Exchange], sealed, until the second call.
//  4. The second call: [Key] and [Signature] compute the expected proof. Let each exchange
//     be answered once.
//
// The group is the 3072-bit group of RFC 3526 with g = 2. The hash is SHA-256. The
// differences from RFC 5054:
//
//   - Integers are hashed in their shortest two's complement form (see pad), not padded to
//     the length of N.
//   - The identity contains the name of the pool.
//   - The key comes from HKDF.
//
// # Passwords are not normalised here
//
// The client hashes the bytes that its user typed, and a server that never sees the
// password cannot change them. So the verifier uses the raw UTF-8 bytes as they arrived
// when the password was set: the same keyboard then gives the same bytes at sign-in. A
// verifier of the normalised form would refuse every user whose device writes decomposed
// characters.
//
// # Variable time
//
// The arithmetic is math/big, whose time depends on the values of exponent and base. The
// table for powers of g is variable too: it skips the entry 1, and which entry it reads
// shows in the cache. That is acceptable, for these reasons:
//
//   - The exponent b is 256 fresh random bits for each exchange. It is used at most twice:
//     g^b in Begin, and (A·v^u)^b in Key. Timing attacks on exponentiation need many
//     measurements with one exponent. Here there are two, over a network, and an attacker
//     who does not know v does not know the base of one of them. Some bits of one b would
//     not help either: computing S takes all of b, and b says nothing about another
//     exchange.
//   - The exponent u is public. The power v^u has an exponent that both sides know. So its
//     time could reveal something about v only by the time of multiplying by residues, not
//     by branches on secret bits. And v alone only allows guessing passwords, at the cost
//     of an exponentiation for each guess.
//   - The exponent x, a hash of the password, is used once when the password is set, with a
//     salt that is never used again.
//
// # Caveats
//
//   - The verifier is a fast hash of the password. An attacker who reads it can try ten
//     thousand passwords a second on one processor; with Argon2id it is thirty. Keep the
//     verifier encrypted.
//   - The first exponentiation of g builds a table (8 ms, 800 KB). Call [Warm] to build it
//     ahead of time.
package srp

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/big"
	"strings"
)

// SaltSize is the number of random bytes in a salt.
const SaltSize = 16

const (
	groupBits = 3072
	size      = groupBits / 8 // bytes of an element of the group
	hashSize  = sha256.Size
	maxDigits = 1024 // maximum digits of an A, with space for leading zeros and for less careful clients
)

// ErrVerifier is returned for a verifier that is not an element of the group.
var ErrVerifier = errors.New("srp: verifier is not an element of the group")

var (
	one = big.NewInt(1)
	g   = big.NewInt(2)
	n   = mustInt(`
		FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74
		020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437
		4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED
		EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF05
		98DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB
		9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B
		E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF695581718
		3995497CEA956AE515D2261898FA051015728E5A8AAAC42DAD33170D04507A33
		A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7
		ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864
		D87602733EC86A64521F2B18177B200CBBE117577A615D6C770988C0BAD946E2
		08E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF`)
	k = hashInt(pad(n.Bytes()), pad(g.Bytes()))
)

// Verifier returns v = g^x mod N for a password, big-endian and always of the same length.
// poolName is the part of the pool's id after the underscore. userID is the value that the
// client gets in USER_ID_FOR_SRP. For a device, pass the device group key and the device
// key instead.
func Verifier(poolName, userID, password string, salt []byte) []byte {
	return powG(hash(privateKey(poolName, userID, password, salt))).FillBytes(make([]byte, size))
}

// ParseVerifier reads a verifier that a client made, as for a device. It returns
// [ErrVerifier] for values that no password gives: 0, 1, N-1 and greater.
func ParseVerifier(v []byte) ([]byte, error) {
	i, err := element(v)
	if err != nil {
		return nil, err
	}
	if i.Cmp(one) == 0 || i.Cmp(new(big.Int).Sub(n, one)) == 0 {
		return nil, ErrVerifier
	}
	return i.FillBytes(make([]byte, size)), nil
}

// Hex returns the big-endian integer b as the protocol writes it, without leading zeros.
// Send salts in this form too: some clients keep leading zeros and some do not, and they
// would disagree about the hash.
func Hex(b []byte) string {
	if s := strings.TrimLeft(hex.EncodeToString(b), "0"); s != "" {
		return s
	}
	return "0"
}

// privateKey returns the input of the hash x.
func privateKey(poolName, userID, password string, salt []byte) []byte {
	inner := hash([]byte(poolName), []byte(userID), []byte(":"), []byte(password))
	return append(pad(salt), inner...)
}

// CheckVerifier returns [ErrVerifier] if [Begin] would not accept the verifier.
func CheckVerifier(b []byte) error {
	_, err := element(b)
	return err
}

// element reads a verifier: an integer greater than 0 and less than N.
func element(b []byte) (*big.Int, error) {
	if len(b) > size+1 { // one more for the sign byte of a padded one
		return nil, ErrVerifier
	}
	i := new(big.Int).SetBytes(b)
	if i.Sign() == 0 || i.Cmp(n) >= 0 {
		return nil, ErrVerifier
	}
	return i, nil
}

// scramble returns u = H(PAD(A) | PAD(B)).
func scramble(a, b []byte) []byte {
	return hash(pad(a), pad(b))
}

// pad writes an integer in the form of Java's BigInteger, because the first implementation
// of the protocol was in Java. The form has the least number of bytes, and a zero byte in
// front if the top bit would be read as a sign. The result does not share memory with b.
func pad(b []byte) []byte {
	for len(b) > 0 && b[0] == 0 {
		b = b[1:]
	}
	if len(b) == 0 || b[0]&0x80 != 0 {
		return append([]byte{0}, b...)
	}
	return append([]byte(nil), b...)
}

func hash(parts ...[]byte) []byte {
	h := sha256.New()
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

func hashInt(parts ...[]byte) *big.Int {
	return new(big.Int).SetBytes(hash(parts...))
}

// mustInt reads a constant of this package.
func mustInt(digits string) *big.Int {
	i, ok := new(big.Int).SetString(strings.Join(strings.Fields(digits), ""), 16)
	if !ok {
		panic("srp: bad constant")
	}
	return i
}
