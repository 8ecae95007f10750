package srp

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"math/big"
	"strings"
)

// ErrChallenge is returned to a client if the server breaks the protocol.
var ErrChallenge = errors.New("srp: the server's challenge is not valid")

// A Client signs one user in once. [NewClient] makes a Client.
type Client struct {
	secret []byte // a, 256 bits
	public *big.Int
}

// A Challenge is the server's answer to A.
type Challenge struct {
	PoolName    string // the part of the pool's id after the underscore
	UserID      string // USER_ID_FOR_SRP
	Salt        string // SALT
	B           string // SRP_B
	SecretBlock []byte // SECRET_BLOCK, decoded
}

// NewClient returns a client with a fresh secret.
func NewClient() *Client {
	secret := make([]byte, hashSize)
	rand.Read(secret)
	return newClient(secret)
}

func newClient(secret []byte) *Client {
	return &Client{secret: secret, public: powG(secret)}
}

// A returns the client's public value in the form of SRP_A.
func (c *Client) A() string {
	return c.public.Text(16)
}

// Respond returns the signature that proves the password. See [TimestampLayout] for the
// timestamp. Respond returns [ErrChallenge] if the challenge is invalid.
func (c *Client) Respond(ch Challenge, password, timestamp string) ([]byte, error) {
	key, err := c.key(ch, password)
	if err != nil {
		return nil, err
	}
	return Signature(key, ch.PoolName, ch.UserID, ch.SecretBlock, timestamp), nil
}

// key derives K from S = (B - k·g^x)^(a + u·x) mod N.
func (c *Client) key(ch Challenge, password string) ([]byte, error) {
	salt, b, err := ch.parse()
	if err != nil {
		return nil, err
	}
	u := scramble(c.public.Bytes(), b.Bytes())
	x := hash(privateKey(ch.PoolName, ch.UserID, password, salt))

	base := powG(x)
	base.Mul(base, k)
	base.Sub(b, base)
	base.Mod(base, n)

	e := new(big.Int).SetBytes(u)
	e.Mul(e, new(big.Int).SetBytes(x))
	e.Add(e, new(big.Int).SetBytes(c.secret))
	return deriveKey(base.Exp(base, e, n), u)
}

func (ch Challenge) parse() (salt []byte, b *big.Int, err error) {
	if len(ch.Salt)%2 != 0 {
		ch.Salt = "0" + ch.Salt
	}
	salt, err = hex.DecodeString(ch.Salt)
	if err != nil || len(ch.B) > maxDigits || strings.HasPrefix(ch.B, "-") {
		return nil, nil, ErrChallenge
	}
	b, ok := new(big.Int).SetString(ch.B, 16)
	if !ok || new(big.Int).Mod(b, n).Sign() == 0 {
		return nil, nil, ErrChallenge
	}
	return salt, b, nil
}
