package floor

import (
	"crypto/rand"
	"crypto/subtle"

	"golang.org/x/crypto/argon2"
)

const (
	saltSize = 16
	keySize  = 32
)

// hash is the Argon2id hash of a password.
type hash struct{ salt, key []byte }

func newHash(c Cost, password string) hash {
	salt := make([]byte, saltSize)
	rand.Read(salt)
	return hash{salt, c.derive(password, salt)}
}

func (h hash) is(c Cost, password string) bool {
	return subtle.ConstantTimeCompare(c.derive(password, h.salt), h.key) == 1
}

func (c Cost) derive(password string, salt []byte) []byte {
	return argon2.IDKey([]byte(password), salt, c.Time, c.Memory, c.Threads, keySize)
}
